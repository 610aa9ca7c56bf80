/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The conformance vectors: each vector of each *.hvs file of the directory given, in each
 * convention that applies to it, is a test of its own, run twice, with everything that nobody set
 * preset to 0xA5 and to 0x5A. Then the format itself: each vector of wrong/wrong.hvs must fail in
 * each of its conventions, and files with faults must be refused with their line.
 *
 * With `atomic` behind the directory, instead of all that: each vector in each convention that has
 * its lists in guest memory, while other VPs change and unmap that memory. With `faults`: each in
 * each convention, while the VMM's ops fail, answer anything, and call the library. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvs_run.h"

#include <err.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILES = 32,
    TESTS = 8192,
    VECTORS_AT_LEAST = 600,
    DISTURBED_AT_LEAST = 4000,
    FAULTED_AT_LEAST = 1
};

struct run {
    const struct hvs_vector *vector;
    enum hvs_convention convention;
    int fails; /* it is expected to */
    char name[160];
};

static struct hvs_file *files[FILES];
static unsigned file_count, vector_count;
static struct run runs[TESTS];
static struct CMUnitTest tests[TESTS];
static unsigned test_count;
static struct hvs_disturbed disturbed;
static struct hvs_faults faulted;

static void test_vector(void **state)
{
    const struct run *run = *state;
    char error[512];

    for (unsigned i = 0; i < 2; i++) {
        const uint8_t preset = i ? 0x5A : 0xA5;
        const int failed =
            hvs_run(run->vector, run->convention, preset, NULL, NULL, error, sizeof error) != 0;
        if (failed && !run->fails)
            fail_msg("%s [%s, preset 0x%02X]", error, hvs_convention_names[run->convention],
                     preset);
        if (!failed && run->fails)
            fail_msg("%s passed [preset 0x%02X]", run->vector->name, preset);
    }
}

static void test_atomic(void **state)
{
    const struct run *run = *state;
    char error[512];

    if (hvs_run(run->vector, run->convention, 0xA5, &disturbed, NULL, error, sizeof error))
        fail_msg("%s [%s]", error, hvs_convention_names[run->convention]);
}

static void test_faults(void **state)
{
    const struct run *run = *state;
    /* Where the common calls have a way of their own, if no filter wants to see them. */
    const int last = run->convention == HVS_LONG_FAST || run->convention == HVS_LONG_MEMORY ? 1 : 0;
    char error[512];

    for (faulted.no_filter = 0; faulted.no_filter <= last; faulted.no_filter++)
        if (hvs_run(run->vector, run->convention, 0xA5, NULL, &faulted, error, sizeof error))
            fail_msg("%s [%s%s]", error, hvs_convention_names[run->convention],
                     faulted.no_filter ? ", no filter" : "");
}

/* Whether calls in this convention may have their lists in guest memory. */
static int uses_memory(unsigned convention)
{
    return convention == HVS_EXECUTE_MEMORY || convention == HVS_LONG_MEMORY ||
           convention == HVS_COMPAT_MEMORY || convention == HVS_PROTECTED_MEMORY ||
           convention == HVS_REGISTERS;
}

static void add_tests(const struct hvs_vector *vector, CMUnitTestFunction test, int fails)
{
    const char *slash = strrchr(vector->file->path, '/');

    for (unsigned i = 0; i < HVS_CONVENTIONS; i++) {
        struct run *run = &runs[test_count];
        if (!(vector->conventions >> i & 1) || (test == test_atomic && !uses_memory(i)))
            continue;
        if (test_count == TESTS)
            errx(1, "more than %d tests", TESTS);
        *run = (struct run){.vector = vector, .convention = (enum hvs_convention)i, .fails = fails};
        snprintf(run->name, sizeof run->name, "%s:%u %s [%s]",
                 slash ? slash + 1 : vector->file->path, vector->line, vector->name,
                 hvs_convention_names[i]);
        tests[test_count++] =
            (struct CMUnitTest){.name = run->name, .test_func = test, .initial_state = run};
    }
}

static void add_file(const char *path, CMUnitTestFunction test, int fails)
{
    char error[512] = "out of memory";
    struct hvs_file *file = hvs_load(path, error, sizeof error);

    if (!file)
        errx(1, "%s", error);
    if (file_count == FILES)
        errx(1, "more than %d files", FILES);
    files[file_count++] = file;
    for (unsigned i = 0; i < file->vector_count; i++)
        add_tests(&file->vectors[i], test, fails);
    if (!fails)
        vector_count += file->vector_count;
}

static void there_are_as_many_vectors_as_promised(void **state)
{
    (void)state;
    assert_true(vector_count >= VECTORS_AT_LEAST);
}

static void as_many_calls_were_disturbed_as_promised(void **state)
{
    (void)state;
    print_message("%u calls; memory unmapped %u times, changed %u times; %u times as before the "
                  "call, %u times as after it\n",
                  disturbed.calls, disturbed.unmapped, disturbed.changed, disturbed.as_before,
                  disturbed.as_after);
    assert_true(disturbed.calls >= DISTURBED_AT_LEAST);
    assert_true(disturbed.as_before >= DISTURBED_AT_LEAST);
    assert_true(disturbed.as_after >= DISTURBED_AT_LEAST);
}

static void as_many_ops_were_meddled_with_as_promised(void **state)
{
    (void)state;
    print_message("%u calls with %u ops; %u documented failures, %u undefined answers, %u calls "
                  "from ops; %u calls made again to their end\n",
                  faulted.calls, faulted.ops, faulted.failed, faulted.undefined, faulted.reentered,
                  faulted.repeated);
    assert_true(faulted.calls >= FAULTED_AT_LEAST);
    assert_true(faulted.ops >= 2 * FAULTED_AT_LEAST);
    assert_true(faulted.failed >= 5 * FAULTED_AT_LEAST);
    assert_true(faulted.undefined >= 5 * FAULTED_AT_LEAST);
    assert_true(faulted.reentered >= 10 * FAULTED_AT_LEAST);
    assert_true(faulted.repeated >= 10 * FAULTED_AT_LEAST);
}

/* ---- Faulty files ---- */

#define VECTOR "vector name=v\nsource here\n"
#define CALL   "call from=root control=0x46 out=0x8\n"
#define GOOD   VECTOR CALL "expect status=0x0 out=@root\n"

static const struct {
    const char *text, *error;
} faulty[] = {
    {"", "f:1: no vector"},
    {"\n# nothing\n", "f:3: no vector"},
    {"partitions name=a parent=root\n", "f:1: unknown keyword 'partitions'"},
    {"partition name=a parent=root colour=0x1\n", "f:1: partition knows no 'colour'"},
    {"partition name=a\n", "f:1: partition needs parent"},
    {"partition name=a name=b parent=root\n", "f:1: 'name' twice"},
    {"partition name=a parent=b\n", "f:1: no partition 'b'"},
    {"partition name=root parent=root\n", "f:1: 'root' exists already"},
    {"partition name=A parent=root\n",
     "f:1: 'A' is no name: a to z, 0 to 9, _, at most 31 of them"},
    {"partition name=a parent=root state=asleep\n",
     "f:1: state: 'asleep' is none of: uninitialized active finalizing finalized deleted"},
    {"partition name\n", "f:1: 'name' is no key=value"},
    {"partition name=\n", "f:1: 'name=' is no key=value"},
    {"\tvp of=root\n", "f:1: a character that is neither ASCII nor a space"},
    {"vp of=root index=1\n", "f:1: index: '1' is no number: 0x and 1 to 16 digits, a to f small"},
    {"vp of=root index=0xA\n",
     "f:1: index: '0xA' is no number: 0x and 1 to 16 digits, a to f small"},
    {"vp of=root index=0x\n", "f:1: index: '0x' is no number: 0x and 1 to 16 digits, a to f small"},
    {"vp of=root index=0x00000000000000001\n",
     "f:1: index: '0x00000000000000001' is no number: 0x and 1 to 16 digits, a to f small"},
    {"vp of=root index=0x2\n", "f:1: index: 0x2 is more than 0x1"},
    {"call from=root control=0x46\n" GOOD, "f:1: call before the first vector"},
    {"source here\n", "f:1: source belongs to a vector, once"},
    {VECTOR "source there\n", "f:3: source belongs to a vector, once"},
    {"vector name=v\n" CALL "expect status=0x0 out=@root\n", "f:1: v has no source"},
    {"vector name=V\n", "f:1: vector needs a name of a to z, 0 to 9 and _"},
    {"vector v\n", "f:1: vector needs a name of a to z, 0 to 9 and _"},
    {GOOD GOOD, "f:5: 'v' is the vector of line 1"},
    {VECTOR, "f:1: v has no call"},
    {VECTOR CALL, "f:1: v has no expectation"},
    {VECTOR CALL CALL, "f:4: the call of line 3 has no expectation"},
    {VECTOR CALL "vp of=root\n", "f:4: the call of line 3 has no expectation"},
    {VECTOR "expect status=0x0\n", "f:3: expect without a call"},
    {VECTOR "expect_kick of=root\n", "f:3: expect_kick before an expect"},
    {VECTOR "again\n", "f:3: nothing to repeat"},
    {GOOD "expect status=0x0\n", "f:5: expect without a call"},
    {VECTOR CALL "expect\n", "f:4: expect needs either a status or an action"},
    {VECTOR CALL "expect status=0x0 action=gp\n", "f:4: expect needs either a status or an action"},
    {VECTOR CALL "expect action=step\n", "f:4: action step needs no saying: give its status"},
    {VECTOR CALL "expect status=0x0\n", "f:4: the call has output: say what"},
    {VECTOR CALL "expect status=0x0 out=00\n",
     "f:4: 0x1 bytes of output expected of a call with 0x8"},
    {VECTOR CALL "expect status=0x10000\n", "f:4: status: 0x10000 is more than 0xffff"},
    {VECTOR CALL "expect status=0x1 start=0x1\n", "f:4: start is for action=repeat"},
    {VECTOR CALL "expect action=ud reps=0x1\n", "f:4: reps belong to a status"},
    {VECTOR CALL "expect action=intercept\n", "f:4: action=intercept needs gpa and access"},
    {VECTOR CALL "expect status=0x1 rax=0x1\n", "f:4: registers are for raw calls"},
    {VECTOR CALL "expect status=0x0 out=@nobody\n", "f:4: no partition 'nobody'"},
    {VECTOR CALL "expect status=0x0 out=0\n", "f:4: '0' is no byte string"},
    {VECTOR CALL "expect status=0x0 out=8:0x0.\n", "f:4: '8:0x0.' is no byte string"},
    {VECTOR CALL "expect status=0x0 out=3:0x0\n", "f:4: '3:0x0' is no byte string"},
    {VECTOR CALL "expect status=0x0 out=1:0x100\n", "f:4: '1:0x100' is no byte string"},
    {VECTOR CALL "expect status=0x0 out=00*0x0\n", "f:4: '00*0x0' is no byte string"},
    {VECTOR CALL "expect status=0x0 out=00*8\n", "f:4: '00*8' is no byte string"},
    {VECTOR CALL "expect status=0x0 out=!root\n", "f:4: 'root' exists already"},
    {VECTOR "call from=root control=0x1 in=--\n", "f:3: '--': -- and ! are for expectations"},
    {VECTOR "call from=root control=0x1 in=00*0x2000.00\n", "f:3: 8193 bytes, not 0x1 to 0x2000"},
    {VECTOR "only conventions=slow\n", "f:3: no convention 'slow'"},
    {VECTOR "only conventions=memory,\n", "f:3: no convention ''"},
    {VECTOR "only conventions=memory\n"
            "call from=root control=0x10046 out=0x8\nexpect status=0x0 out=@root\n",
     "f:1: v applies in no convention"},
    {VECTOR "call from=root control=0x1\nexpect status=0x2\n"
            "raw from=root mode=long\nexpect status=0x2\n",
     "f:1: v applies in no convention"},
    {VECTOR "raw from=root mode=long xmm0=00\n", "f:3: xmm0: 0x1 bytes, not 0x10"},
    {VECTOR "raw from=root mode=long rdx=@nobody\n", "f:3: no partition 'nobody'"},
    {"register of=root name=0x1 bytes=00\n", "f:1: bytes: 0x1 bytes, not 0x10"},
    {"fault op=disk answer=0x1\n",
     "f:1: op: 'disk' is none of: gpa_read gpa_writable gpa_write overlay interrupt partition vp "
     "vp_get vp_set map pool property"},
    {VECTOR CALL "expect status=0x0 out=@root\nexpect_op of=root op=map\n",
     "f:5: expect_op needs with"},
    {VECTOR "expect_op of=root op=map with=00\n", "f:3: expect_op before an expect"},
};

static void a_faulty_file_is_refused_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faulty / sizeof *faulty; i++) {
        char error[512] = "";
        struct hvs_file *file =
            hvs_parse("f", faulty[i].text, strlen(faulty[i].text), error, sizeof error);
        if (file)
            print_error("accepted: %s\n", faulty[i].text);
        assert_null(file);
        assert_string_equal(error, faulty[i].error);
    }
}

static void assert_refused(const char *text, size_t bytes, const char *want)
{
    char error[512] = "";

    assert_null(hvs_parse("f", text, bytes, error, sizeof error));
    assert_string_equal(error, want);
}

static void a_file_beyond_the_bounds_is_refused(void **state)
{
    char *text = malloc(HVS_FILE_BYTES + 1);

    (void)state;
    assert_non_null(text);
    memset(text, '#', HVS_FILE_BYTES + 1);
    assert_refused(text, HVS_FILE_BYTES + 1, "f:0: more than 0x80000 bytes, or a zero byte");
    assert_refused("a\0b", 3, "f:0: more than 0x80000 bytes, or a zero byte");
    assert_refused(text, HVS_LINE_BYTES + 1, "f:1: more than 512 characters");
    for (int i = 0; i < HVS_FILE_BYTES / 11; i++)
        memcpy(text + 11 * i, "vp of=root\n", 11);
    assert_refused(text, HVS_FILE_BYTES / 11 * 11, "f:16385: more than 16384 lines");
    for (unsigned i = 0; i < HVS_NAMES; i++)
        snprintf(text + 33 * i, 64, "partition  name=n%02u  parent=root\n", i % 100);
    assert_refused(text, strlen(text), "f:24: more than 23 partitions");
    free(text);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(there_are_as_many_vectors_as_promised),
        cmocka_unit_test(a_faulty_file_is_refused_with_its_line),
        cmocka_unit_test(a_file_beyond_the_bounds_is_refused),
    };
    static const struct CMUnitTest atomic_others[] = {
        cmocka_unit_test(as_many_calls_were_disturbed_as_promised),
    };
    static const struct CMUnitTest fault_others[] = {
        cmocka_unit_test(as_many_ops_were_meddled_with_as_promised),
    };
    const int atomic = argc == 3 && strcmp(argv[2], "atomic") == 0;
    const int faults = argc == 3 && strcmp(argv[2], "faults") == 0;
    const CMUnitTestFunction test = atomic ? test_atomic : faults ? test_faults : test_vector;
    char pattern[4096];
    glob_t found;
    int failures;

    if (argc != 2 && !atomic && !faults)
        errx(1, "usage: %s DIRECTORY [atomic | faults]", argv[0]);
    snprintf(pattern, sizeof pattern, "%s/*.hvs", argv[1]);
    if (glob(pattern, 0, NULL, &found) != 0)
        errx(1, "no %s", pattern);
    for (size_t i = 0; i < found.gl_pathc; i++)
        add_file(found.gl_pathv[i], test, 0);
    globfree(&found);
    snprintf(pattern, sizeof pattern, "%s/wrong/wrong.hvs", argv[1]);
    if (test == test_vector)
        add_file(pattern, test_vector, 1);
    failures = _cmocka_run_group_tests("vectors", tests, test_count, NULL, NULL);
    failures += atomic   ? cmocka_run_group_tests_name("atomic", atomic_others, NULL, NULL)
                : faults ? cmocka_run_group_tests_name("faults", fault_others, NULL, NULL)
                         : cmocka_run_group_tests_name("format", others, NULL, NULL);
    for (unsigned i = 0; i < file_count; i++)
        hvs_free(files[i]);
    return failures != 0;
}
