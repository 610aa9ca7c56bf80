/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Two actions at once, without chance: a call runs while the library's memory is out of reach, so that
 * each of its accesses there is a signal, and before the k-th access all of the other action
 * happens, for every k. What comes out must be what comes out when the one follows the other. An
 * action of several parts may also have the call between two of them.
 *
 * This finds what threads meet once in a million tries, as a partition that is ended and made anew,
 * by another owner and with the same interrupt acknowledged, between two loads. x86-64 Linux only;
 * under a sanitizer there is nothing more to be learnt. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* REG_EFL */
#endif

#include "hvtest.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/endian.h>
#include <sys/mman.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#endif

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(SANITIZED)

#include <ucontext.h>

/* The world: brothers 2 and 3, slot 4 the child of 2 at first. */
enum { SLOT = 4, EXT_INT = 7, AGAIN = 0x78, NONE = -1 };

/* The VPs' rooms for lists, which nobody else looks at, lie at the end, in pages of their own. */
enum { BYTES = 0x10000, VPS = 4, LISTS = VPS * 2 * 0x1000, WATCHED = BYTES - LISTS };
static uint8_t *memory; /* whole pages */
static struct hvemu *hv;
static struct hvemu_vp *boot, *native;
static uint64_t child;
static uint8_t guest_memory[8];

/* What can be seen of a run: the order of ops and events, all answers, the state at the end. */
struct outcome {
    int call, vector;
    char log[40];
    int end[12];
};
static struct outcome now;

static void note(char what, uint64_t partition)
{
    const size_t length = strlen(now.log);

    if (length + 3 < sizeof now.log) {
        now.log[length] = what;
        now.log[length + 1] = (char)('0' + (partition >> 24));
    }
}

static void ext_int(void *ctx, uint64_t partition)
{
    (void)ctx;
    note('k', partition);
}

static uint16_t interrupt(void *ctx, uint64_t partition, uint64_t control, uint64_t address,
                          uint32_t vector)
{
    (void)ctx, (void)control, (void)address, (void)vector;
    note('i', partition);
    return 0;
}

static int gpa_read(void *ctx, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes)
{
    (void)ctx, (void)partition, (void)gpa;
    memcpy(to, guest_memory, bytes);
    return HVEMU_MEM_OK;
}

static int overlay(void *ctx, uint64_t partition, uint64_t gpa, const uint8_t *code, uint32_t bytes)
{
    (void)ctx, (void)partition, (void)gpa, (void)code, (void)bytes;
    return HVEMU_MEM_OK;
}

static uint16_t partition_event(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                                void **child_ctx)
{
    (void)ctx, (void)creation, (void)child_ctx;
    note("CASFD"[event], partition);
    return 0;
}

static const struct hvemu_ops ops = {.size = sizeof ops,
                                     .ext_int = ext_int,
                                     .interrupt = interrupt,
                                     .gpa_read = gpa_read,
                                     .overlay = overlay,
                                     .partition = partition_event};

static int call_on(uint64_t caller, uint16_t code, uint64_t id)
{
    uint8_t in[8];

    le64enc(in, id);
    return (int)hvemu_hypercall(hv, caller, code, in, sizeof in, NULL, 0);
}

static int create(uint64_t caller, uint64_t *id)
{
    const uint8_t in[56] = {0};
    uint8_t out[8];
    const int status = (int)hvemu_hypercall(hv, caller, 0x40, in, sizeof in, out, sizeof out);

    if (status == 0)
        *id = le64dec(out);
    return status;
}

static int assert_on(uint64_t caller, uint64_t id, uint32_t vector)
{
    return hvemu_assert_virtual_interrupt(hv, caller, id, EXT_INT, 0, vector);
}

static int acknowledge(uint8_t *vector)
{
    const enum hvemu_result result = hvemu_ext_int_acknowledge(boot, vector);

    return result == HVEMU_E_BUSY ? AGAIN : (int)result;
}

static int results(enum hvemu_result result)
{
    return result == HVEMU_E_BUSY ? AGAIN : (int)result;
}

/* Where a run begins. */
enum begin { IDLE, ASSERTED, ACKED, WITHOUT_VP, UNBORN, ENDED, BEGINNINGS };
static const char *const begin_names[] = {"idle",       "asserted", "acknowledged",
                                          "without VP", "unborn",   "ended"};

static void make_world(enum begin begin)
{
    /* New children may create partitions, and may not ask for their ID. */
    static const struct hvemu_config config = {.size = sizeof config,
                                               .partitions = 4,
                                               .vps = VPS,
                                               .depth = 3,
                                               .privileges = HV_PRIVILEGE_CREATE_PARTITIONS};
    const size_t bytes = hvemu_memory_size(&config);
    uint8_t vector;
    uint64_t id;
    int bad;

    assert_in_range(bytes, LISTS, BYTES);
    bad = hvemu_init(&hv, memory + (BYTES - bytes), bytes, &config, &ops, NULL);
    bad |= hvemu_add_guest(hv, 1, HV_PRIVILEGE_ALL, NULL, &id);
    bad |= hvemu_add_guest(hv, 1, HV_PRIVILEGE_ALL, NULL, &id);
    bad |= hvemu_vp_attach(hv, 2, 1, NULL, &native);
    bad |= hvemu_x64_wrmsr(native, 0x40000000, 1) != HVEMU_STEP;
    bad |= hvemu_x64_wrmsr(native, 0x40000001, 0xF001) != HVEMU_STEP;
    bad |= create(2, &child);
    le64enc(guest_memory, child);
    boot = NULL;
    if (begin != UNBORN)
        bad |= call_on(2, 0x41, child);
    if (begin <= ACKED)
        bad |= hvemu_vp_attach(hv, child, 0, NULL, &boot);
    if (begin == ASSERTED || begin == ACKED)
        bad |= assert_on(2, child, 0x41);
    if (begin == ACKED)
        bad |= hvemu_ext_int_acknowledge(boot, &vector);
    if (begin == ENDED)
        bad |= call_on(2, 0x42, child);
    assert_int_equal(bad, 0);
    assert_u64(child, SLOT);
    memset(&now, 0, sizeof now);
}

static void look_at_the_end(void)
{
    uint8_t vector = 0;
    int *end = now.end;

    for (uint64_t caller = 2; caller <= 3; caller++)
        for (uint64_t generation = 0; generation < 2; generation++) {
            const uint64_t id = generation << 24 | SLOT;
            int status = hvemu_clear_virtual_interrupt(hv, caller, id);
            *end++ = status;
            *end++ = hvemu_clear_virtual_interrupt(hv, caller, id);
        }
    *end++ = hvemu_ext_int_line(boot);
    *end++ = boot ? (int)hvemu_ext_int_acknowledge(boot, &vector) : NONE;
    *end++ = vector;
    *end++ = call_on(2, 0x41, SLOT); /* tells the states apart in which clear answers alike */
}

/* The calls that are interrupted. All name the child that is there at the beginning. */

static int assert_41(void)
{
    return assert_on(2, SLOT, 0x41);
}

static int assert_52(void)
{
    return assert_on(2, SLOT, 0x52);
}

static int withdraw(void)
{
    return assert_on(2, SLOT, 0xFFFFFFFF);
}

static int assert_fixed(void)
{
    return hvemu_assert_virtual_interrupt(hv, 2, SLOT, 0, 0, 0x41);
}

static int clear(void)
{
    return hvemu_clear_virtual_interrupt(hv, 2, SLOT);
}

static int clear_by_the_brother(void)
{
    return hvemu_clear_virtual_interrupt(hv, 3, SLOT);
}

static int assert_by_the_brother(void)
{
    return assert_on(3, SLOT, 0x63);
}

static int by_registers(uint64_t control, uint64_t rdx)
{
    struct hvemu_x64_frame frame = {.rcx = control, .rdx = rdx, .mode = HVEMU_X64_KERNEL64};
    const enum hvemu_action action = hvemu_x64_hypercall(native, &frame);

    return action == HVEMU_STEP     ? (int)frame.rax
           : action == HVEMU_REPEAT ? AGAIN
                                    : 0x1000 + (int)action;
}

static int clear_fast(void)
{
    return by_registers(0x10056, SLOT);
}

static int clear_in_memory(void)
{
    return by_registers(0x56, 0x1000);
}

static int take(void)
{
    uint8_t vector = 0xEE;
    const int result = acknowledge(&vector);

    now.vector = vector;
    return result;
}

static int line(void)
{
    return hvemu_ext_int_line(boot);
}

static int reset(void)
{
    return results(hvemu_reset(hv, SLOT));
}

static int attach_boot(void)
{
    return results(hvemu_vp_attach(hv, SLOT, 0, NULL, &boot));
}

static int detach_boot(void)
{
    const int result = results(hvemu_vp_detach(boot));

    if (result == 0)
        boot = NULL;
    return result;
}

static int initialize(void)
{
    return call_on(2, 0x41, SLOT);
}

static int finalize(void)
{
    return call_on(2, 0x42, SLOT);
}

static int destroy(void)
{
    return call_on(2, 0x43, SLOT);
}

/* By the child itself, who may be dead by then. */
static int create_by_the_child(void)
{
    uint64_t id;

    return create(SLOT, &id);
}

static int identify_the_child(void)
{
    uint8_t out[8];

    return (int)hvemu_hypercall(hv, SLOT, 0x46, NULL, 0, out, sizeof out);
}

/* What an action needs or does: VP 0 stays, VP 0 goes, a VP is there at first. */
enum { NEEDS_BOOT = 1, ENDS_BOOT = 2, WITH_VP = 4 };

static const struct call {
    const char *name;
    int (*run)(void);
    unsigned begins, flags;
} calls[] = {
#define LIVE (1u << IDLE | 1u << ASSERTED | 1u << ACKED)
    {"assert 41", assert_41, LIVE | 1u << WITHOUT_VP, 0},
    {"assert 52", assert_52, LIVE, 0},
    {"withdraw", withdraw, LIVE, 0},
    {"assert fixed", assert_fixed, 1u << IDLE | 1u << WITHOUT_VP, 0},
    {"clear", clear, LIVE, 0},
    {"clear by the brother", clear_by_the_brother, 1u << IDLE | 1u << ACKED, 0},
    {"assert by the brother", assert_by_the_brother, 1u << IDLE, 0},
    {"fast clear", clear_fast, 1u << ACKED, 0},
    {"clear in memory", clear_in_memory, 1u << ACKED, 0},
    {"acknowledge", take, LIVE, NEEDS_BOOT},
    {"line", line, 1u << IDLE | 1u << ASSERTED, NEEDS_BOOT},
    {"reset", reset, LIVE, 0},
    {"attach VP 0", attach_boot, 1u << WITHOUT_VP, ENDS_BOOT},
    {"detach VP 0", detach_boot, LIVE, ENDS_BOOT},
    {"initialize", initialize, 1u << UNBORN, 0},
    {"finalize", finalize, 1u << WITHOUT_VP | 1u << ACKED, 0},
    {"delete", destroy, 1u << ENDED, 0},
    {"create by the child", create_by_the_child, 1u << IDLE | 1u << WITHOUT_VP, 0},
    {"identify the child", identify_the_child, 1u << IDLE | 1u << WITHOUT_VP, 0},
};

/* The actions that come between. Each part is done at once; one that answers "again" is tried
   again when the call is over. */

static int take_it(void)
{
    uint8_t vector;

    return boot ? acknowledge(&vector) : 0;
}

static int begin_to_finalize(void)
{
    const int status = call_on(2, 0x42, SLOT);

    /* Not done while there is a VP or an op in flight; but begun, once STOP has been told. */
    return status == AGAIN && strchr(now.log, 'S') ? 0 : status;
}

static int lose_boot(void)
{
    return boot ? detach_boot() : 0;
}

static int finish_finalizing(void)
{
    const int status = finalize();

    return status == 0x07 ? 0 : status; /* had been done */
}

static int create_by_the_brother(void)
{
    return create(3, &child);
}

static int initialize_by_the_brother(void)
{
    return call_on(3, 0x41, child);
}

static int add_guest_of_the_brother(void)
{
    return results(hvemu_add_guest(hv, 3, HV_PRIVILEGE_ALL, NULL, &child));
}

static int attach_new(void)
{
    return results(hvemu_vp_attach(hv, child, 0, NULL, &boot));
}

static int assert_new(void)
{
    return assert_on(3, child, 0x41);
}

enum { PARTS = 10 };
static const struct action {
    const char *name;
    unsigned flags;
    int (*parts[PARTS])(void);
} actions[] = {
    {"assert 41", 0, {assert_41}},
    {"assert 52", 0, {assert_52}},
    {"withdraw", 0, {withdraw}},
    {"clear", 0, {clear}},
    {"assert fixed", 0, {assert_fixed}},
    {"acknowledge", NEEDS_BOOT, {take_it}},
    {"withdraw, assert the same", 0, {withdraw, assert_41}},
    {"acknowledge, clear", NEEDS_BOOT, {take_it, clear}},
    {"acknowledge, clear, assert the same", NEEDS_BOOT, {take_it, clear, assert_41}},
    {"clear, assert and acknowledge the same", NEEDS_BOOT, {clear, assert_41, take_it}},
    {"reset", 0, {reset}},
    {"reset, assert and acknowledge the same", NEEDS_BOOT, {reset, assert_41, take_it}},
    {"VP 0 goes", ENDS_BOOT | WITH_VP, {lose_boot}},
    {"VP 0 goes and comes", ENDS_BOOT, {lose_boot, attach_boot}},
    {"begin to finalize", WITH_VP, {begin_to_finalize}},
    {"end", ENDS_BOOT, {begin_to_finalize, lose_boot, finish_finalizing, destroy}},
    {"end, and a guest of the brother",
     ENDS_BOOT,
     {begin_to_finalize, lose_boot, finish_finalizing, destroy, add_guest_of_the_brother}},
    {"end, and life to a brother in the same state",
     ENDS_BOOT,
     {begin_to_finalize, lose_boot, finish_finalizing, destroy, create_by_the_brother,
      initialize_by_the_brother, attach_new, assert_new, take_it}},
};

static int parts_of(const struct action *action)
{
    int parts = 0;

    while (parts < PARTS && action->parts[parts])
        parts++;
    return parts;
}

/* From part `from` to before part `to`, or to one that must wait; returns where it stopped. */
static int act(const struct action *action, int from, int to)
{
    while (from < to && action->parts[from]() != AGAIN)
        from++;
    return from;
}

/* The run. */

static const struct action *volatile coming;
static volatile long countdown;
static volatile int parts_done;

static void reach(int reachable)
{
    if (mprotect(memory, WATCHED, reachable ? PROT_READ | PROT_WRITE : PROT_NONE))
        abort();
}

/* An access to the library's memory: let it happen, and come back after this one instruction. */
static void on_access(int number, siginfo_t *info, void *context)
{
    ucontext_t *user = context;
    const uint8_t *at = info->si_addr;

    if (at < memory || at >= memory + WATCHED) {
        signal(number, SIG_DFL); /* a bug of the usual kind */
        return;
    }
    reach(1);
    if (countdown-- > 0)
        user->uc_mcontext.gregs[REG_EFL] |= 0x100; /* trap flag */
    else {
        parts_done = act(coming, 0, parts_of(coming));
        coming = NULL;
    }
}

static void on_trap(int number, siginfo_t *info, void *context)
{
    ucontext_t *user = context;

    (void)number, (void)info;
    user->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)0x100;
    reach(0);
}

/* The action before the k-th access of the call; 0: the call has fewer. */
static int run_with(const struct call *call, enum begin begin, const struct action *action, long k)
{
    make_world(begin);
    coming = action;
    countdown = k;
    reach(0);
    now.call = call->run();
    reach(1);
    if (coming)
        return 0;
    assert_int_equal(act(action, parts_done, parts_of(action)), parts_of(action));
    if (now.call == AGAIN) /* nothing has happened */
        now.call = call->run();
    look_at_the_end();
    return 1;
}

/* All that may come out: the call before part 0, 1, ... or after the last. */
static int references(const struct call *call, enum begin begin, const struct action *action,
                      struct outcome *to)
{
    const int parts = parts_of(action);

    for (int before = 0; before <= parts; before++) {
        int done;

        make_world(begin);
        done = act(action, 0, before);
        assert_int_equal(done, before);
        now.call = call->run();
        assert_int_equal(act(action, before, parts), parts);
        look_at_the_end();
        to[before] = now;
    }
    return parts + 1;
}

/* STOP may come before an op in flight, and FINALIZED may not: leave out STOP, which finalizing
   does not wait with. */
static int same(const struct outcome *a, const struct outcome *b)
{
    char logs[2][sizeof a->log] = {"", ""};
    const char *const from[2] = {a->log, b->log};

    for (int i = 0; i < 2; i++)
        for (size_t k = 0, at = 0; from[i][k]; k += 2)
            if (from[i][k] != 'S') {
                logs[i][at++] = from[i][k];
                logs[i][at++] = from[i][k + 1];
            }
    return a->call == b->call && a->vector == b->vector && !strcmp(logs[0], logs[1]) &&
           !memcmp(a->end, b->end, sizeof a->end);
}

static void print_outcome(const char *text, const struct outcome *o)
{
    print_error("%-10s call 0x%x vector %02x log %-12s end", text, (unsigned)o->call,
                (unsigned)o->vector, o->log);
    for (size_t i = 0; i < sizeof o->end / sizeof *o->end; i++)
        print_error(" %x", (unsigned)o->end[i]);
    print_error("\n");
}

static unsigned long runs;

static void expect_one_of(const struct call *call, enum begin begin, const struct action *action,
                          long k, const struct outcome *allowed, int count)
{
    for (int i = 0; i < count; i++)
        if (same(&now, &allowed[i]))
            return;
    print_error("%s, %s, before access %ld of: %s\n", begin_names[begin], action->name, k,
                call->name);
    for (int i = 0; i < count; i++)
        print_outcome("allowed", &allowed[i]);
    print_outcome("seen", &now);
    fail();
}

static void go_through(const struct call *call, enum begin begin, const struct action *action)
{
    struct outcome allowed[PARTS + 1];
    const int count = references(call, begin, action, allowed);

    for (long k = 0; run_with(call, begin, action, k); k++, runs++)
        expect_one_of(call, begin, action, k, allowed, count);
}

static int compatible(const struct call *call, enum begin begin, const struct action *action)
{
    /* VP 0 comes and goes by one thread, which has left the library then. */
    if ((call->flags & ENDS_BOOT) && (action->flags & (NEEDS_BOOT | ENDS_BOOT)))
        return 0;
    if ((call->flags & NEEDS_BOOT) && (action->flags & ENDS_BOOT))
        return 0;
    return begin < WITHOUT_VP || !(action->flags & (NEEDS_BOOT | WITH_VP));
}

static void whatever_comes_between_two_accesses_came_before_or_after(void **state)
{
    struct sigaction access = {.sa_sigaction = on_access, .sa_flags = SA_SIGINFO},
                     trap = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

    (void)state;
    memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    assert_int_equal(sigaction(SIGSEGV, &access, NULL), 0);
    assert_int_equal(sigaction(SIGTRAP, &trap, NULL), 0);
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
        for (int begin = 0; begin < BEGINNINGS; begin++)
            for (size_t a = 0; a < sizeof actions / sizeof *actions; a++)
                if ((calls[c].begins >> begin & 1) &&
                    compatible(&calls[c], (enum begin)begin, &actions[a]))
                    go_through(&calls[c], (enum begin)begin, &actions[a]);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGTRAP, SIG_DFL);
    munmap(memory, BYTES);
    print_message("%lu runs\n", runs);
    assert_true(runs > 1000);
}

#else

static void whatever_comes_between_two_accesses_came_before_or_after(void **state)
{
    (void)state;
    skip();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_comes_between_two_accesses_came_before_or_after),
    };

    return cmocka_run_group_tests_name("interleaving", tests, NULL, NULL);
}
