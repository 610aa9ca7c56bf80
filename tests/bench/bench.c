/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* How long libhvemu takes, beside a floor measured in the same run, through the public functions
 * alone. All measures are taken in turn, over and over, so that whatever else the machine does
 * meets them alike; what counts are median and minimum, and how they compare with the floor's. The
 * program stays on the first CPU that it may use, a second thread on the second; taskset chooses
 * others.
 *
 * --growth: not what each kind of call costs, but how that grows with the machine: with partitions,
 * calls of the VMM's own, elements of a rep call, threads.
 *
 * --count: the program runs itself under callgrind, which looks at measured() alone, that is at the
 * calls and the loop around them, and writes a file after each sample(). guard.sh compares these
 * counts with stored ones. */

#define _GNU_SOURCE /* sched_setaffinity() */

#include "bench.h"

#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SKIPPED = 77, ROUNDS = 200, ROUNDS_EACH = 25, WARM_UP = 3, COUNTED = 1000 };

static struct {
    int wanted, taken;   /* to be shown; also what is compared with */
    double instructions; /* NAN: not known; so are samples */
    double samples[ROUNDS];
} results[64];
static const struct measure *measures;
static unsigned measure_count;
static cpu_set_t allowed; /* CPUs, when the program starts */

static struct {
    int json, count, count_only, force, counted, sampled, list, growth;
    unsigned iterations;
    char *only;
} asked = {.iterations = 10000};

extern char **environ;

uint64_t measured(const struct measure *measure, unsigned n);
double sample(const struct measure *measure, unsigned iterations, double overhead);

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* What of every measured time is the clock's. */
static double clock_ns(void)
{
    double least = 1e9;

    for (int i = 0; i < 10000; i++) {
        const double from = now(), ns = now() - from;
        least = ns < least ? ns : least;
    }
    return least;
}

__attribute__((noinline)) uint64_t measured(const struct measure *measure, unsigned n)
{
    return measure->run(n);
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned counts_in(const struct measure *measure)
{
    return measure->each && !measure->whole ? measure->each : 1;
}

/* Nanoseconds for one of so many calls or elements. Goes round all partitions of a batch before it
 * measures: what other measures have left of them in the caches would be chance. */
__attribute__((noinline)) double sample(const struct measure *measure, unsigned iterations,
                                        double overhead)
{
    const unsigned each = measure->each ? measure->each : 1;
    const unsigned calls = iterations < each ? 1 : iterations / each;
    const unsigned batch = measure->batch ? smaller(measure->batch, calls) : calls;
    uint64_t seen = 0;
    double ns = 0;

    begin(measure, 10 * iterations);
    for (int round = 0; measure->batch && round < WARM_UP; round++) {
        measure->prepare(batch);
        measure->run(batch);
    }
    for (unsigned done = 0, n; done < calls; done += n) {
        double from, took;

        n = smaller(batch, calls - done);
        if (measure->prepare)
            measure->prepare(n);
        from = now();
        seen |= measured(measure, n);
        took = now() - from;
        ns += took > overhead ? took - overhead : 0;
    }
    if (seen != measure->expect)
        errx(1, "%s: answers 0x%" PRIx64 ", not 0x%" PRIx64, measure->name, seen, measure->expect);
    return (ns > 1 ? ns : 1) / calls / counts_in(measure); /* never 0: it is a divisor */
}

static int by_size(const void *one, const void *other)
{
    const double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

void stay_on(int n)
{
    cpu_set_t set;
    int cpu = -1;

    do {
        cpu++; /* some C libraries' macro evaluates it twice */
        n -= CPU_ISSET((size_t)cpu, &allowed) != 0;
    } while (n >= 0);
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set))
        err(1, "CPU %d", cpu);
}

int cpus(void)
{
    return CPU_COUNT(&allowed);
}

/* Two threads that take turns on one CPU tell nothing of two threads. */
static int timeable(unsigned i)
{
    return results[i].taken && measures[i].threads <= cpus();
}

/* Taking times. Where stack, heap and program lie is chance, is another chance in each process, and
 * decides which of them are in each other's way in the caches: the samples are of several
 * processes, of this program again, which write theirs to a pipe. */

static void be_sampled(unsigned iterations)
{
    const double overhead = clock_ns();

    stay_on(0);
    for (unsigned round = 0; round < ROUNDS_EACH; round++)
        for (unsigned i = 0; i < measure_count; i++)
            if (timeable(i))
                results[i].samples[round] = sample(&measures[i], iterations, overhead);
    for (unsigned i = 0; i < measure_count; i++)
        if (timeable(i))
            fwrite(results[i].samples, sizeof(double), ROUNDS_EACH, stdout);
}

static void take_some(char **argv, unsigned first_round)
{
    posix_spawn_file_actions_t actions;
    int ends[2], error, status;
    FILE *samples;
    pid_t child;

    if (pipe(ends) || posix_spawn_file_actions_init(&actions) ||
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO) ||
        posix_spawn_file_actions_addclose(&actions, ends[0]))
        err(1, "pipe");
    error = posix_spawn(&child, "/proc/self/exe", &actions, NULL, argv, environ);
    if (error)
        errx(1, "%s: %s", argv[0], strerror(error));
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    samples = fdopen(ends[0], "r");
    if (!samples)
        err(1, "pipe");
    for (unsigned i = 0; i < measure_count; i++)
        if (timeable(i) && fread(results[i].samples + first_round, sizeof(double), ROUNDS_EACH,
                                 samples) != ROUNDS_EACH)
            errx(1, "a process that was to measure has ended early");
    fclose(samples);
    if (waitpid(child, &status, 0) != child || status)
        errx(1, "a process that was to measure has failed");
}

static void take_all(char *self)
{
    char number[16];
    char *argv[] = {
        self,           "--sampled", asked.growth ? "--growth" : "--sampled",
        "--iterations", number,      asked.only ? "--only" : NULL,
        asked.only,     NULL,
    };

    snprintf(number, sizeof number, "%u", asked.iterations);
    for (unsigned i = 0; i < measure_count; i++)
        if (results[i].taken && !timeable(i))
            warnx("%s: NOT MEASURED: it needs %d CPUs, and this process may use %d",
                  measures[i].name, measures[i].threads, cpus());
    for (unsigned round = 0; round < ROUNDS; round += ROUNDS_EACH)
        take_some(argv, round);
}

/* The median of a measure's samples, or of their ratios to another's: of the same round, in which
 * both have met the same machine. */
static double median(unsigned i, const double *divisors)
{
    double sorted[ROUNDS];

    for (unsigned round = 0; round < ROUNDS; round++)
        sorted[round] = results[i].samples[round] / (divisors ? divisors[round] : 1);
    qsort(sorted, ROUNDS, sizeof *sorted, by_size);
    return sorted[ROUNDS / 2];
}

static double least(unsigned i)
{
    double ns = results[i].samples[0];

    for (unsigned round = 1; round < ROUNDS; round++)
        ns = results[i].samples[round] < ns ? results[i].samples[round] : ns;
    return ns;
}

/* Counting: this program again, which takes each sample twice. In the first one functions of shared
 * libraries are looked up, and the second is counted. */

static int countable(unsigned i)
{
    return results[i].taken && measures[i].threads < 2;
}

static void be_counted(void)
{
    for (unsigned i = 0; i < measure_count; i++)
        for (int twice = 0; countable(i) && twice < 2; twice++)
            sample(&measures[i], COUNTED, 0);
}

/* Instructions in callgrind's file, for one of so many calls or elements. */
static double read_count(const char *path, const struct measure *measure)
{
    const unsigned each = measure->each ? measure->each : 1;
    const unsigned calls = COUNTED < each ? 1 : COUNTED / each;
    FILE *file = fopen(path, "r");
    char line[4096];
    double total = NAN;

    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "totals: %lf", &total) == 1)
            break;
    if (file)
        fclose(file);
    return total / calls / counts_in(measure);
}

static void read_counts(const char *base)
{
    unsigned dumps = 0;
    char path[64];

    for (unsigned i = 0; i < measure_count; i++)
        for (int twice = 0; countable(i) && twice < 2; twice++) {
            snprintf(path, sizeof path, "%s.%u", base, ++dumps);
            results[i].instructions = read_count(path, &measures[i]);
            unlink(path);
        }
    /* That of the end. */
    snprintf(path, sizeof path, "%s.%u", base, dumps + 1);
    unlink(path);
    unlink(base);
}

static void count_all(char *self, char *only)
{
    char folder[] = "/tmp/hvemu_bench.XXXXXX", base[40], option[80];
    char *const arguments[] = {"valgrind",
                               "-q",
                               "--tool=callgrind",
                               "--collect-atstart=no",
                               "--toggle-collect=measured",
                               "--dump-after=sample",
                               option,
                               self,
                               "--counted",
                               asked.growth ? "--growth" : "--counted",
                               only ? "--only" : NULL,
                               only,
                               NULL};
    int error, status = 0;
    pid_t child;

    if (!mkdtemp(folder))
        err(1, "%s", folder);
    snprintf(base, sizeof base, "%s/out", folder);
    snprintf(option, sizeof option, "--callgrind-out-file=%s", base);
    /* The C library chooses memcpy() and memset() by the processor, and how much these do depends
     * on where things happen to lie. Counts that stand beside no times are to be the same
     * everywhere: REP MOVSB and REP STOSB, of which callgrind counts each byte. */
    if (asked.count_only && setenv("GLIBC_TUNABLES", "glibc.cpu.hwcaps=Prefer_ERMS", 1))
        err(1, "setenv");
    error = posix_spawnp(&child, arguments[0], NULL, NULL, arguments, environ);
    if (error)
        warnx("valgrind: %s: instructions are not counted", strerror(error));
    else if (waitpid(child, &status, 0) != child || status)
        warnx("valgrind has failed: instructions are not counted");
    else
        read_counts(base);
    rmdir(folder);
}

/* Output. */

static unsigned find(const char *name)
{
    for (unsigned i = 0; i < measure_count; i++)
        if (!strcmp(name, measures[i].name))
            return i;
    errx(1, "%s: no such measure", name);
}

/* A number, or the word for one that is not known. */
static void put(const char *before, int width, int digits, double value, const char *unknown)
{
    if (isnan(value))
        printf("%s%*s", before, width, unknown);
    else
        printf("%s%*.*f", before, width, digits, value);
}

/* Kept if the median or the minimum keeps it: what else the machine does only ever adds. */
static void print_budget(unsigned i)
{
    const struct measure *measure = &measures[i];
    const unsigned of = measure->of ? find(measure->of) : 0;
    const double ratio = median(i, measure->of ? results[of].samples : NULL);
    const double lowest = least(i) / (measure->of ? least(of) : 1);

    if (measure->of && measure->budget <= 0 && !isnan(ratio))
        printf("  %.2f (%.2f) x %s", ratio, lowest, measure->of);
    if (measure->budget > 0 && !isnan(ratio))
        printf("  %.2f (%.2f) of %.2f %s%s", ratio, lowest, measure->budget,
               measure->of ? measure->of : "ns",
               ratio > measure->budget && lowest > measure->budget ? ": OVER" : "");
    printf("\n");
}

static void print_table(void)
{
    printf("%-17s %-37s %7s %7s %8s %6s %8s  %s\n", "", "", "ns", "least", "x floor", "instr",
           "x floor", asked.growth ? "median (least)" : "budget: median (least)");
    for (unsigned i = 0; i < measure_count; i++) {
        if (!results[i].wanted)
            continue;
        printf("%-17s %-37s", measures[i].name, measures[i].what);
        put(" ", 7, 2, median(i, NULL), "-");
        put(" ", 7, 2, least(i), "-");
        put(" ", 8, 2, median(i, results[0].samples), "-");
        put(" ", 6, 1, results[i].instructions, "-");
        put(" ", 8, 2, results[i].instructions / results[0].instructions, "-");
        print_budget(i);
    }
}

static void print_json(void)
{
    const char *between = "";

    put("{\"floor_ns\": ", 0, 3, median(0, NULL), "null");
    printf(", \"results\": [");
    for (unsigned i = 0; i < measure_count; i++) {
        if (!results[i].wanted)
            continue;
        printf("%s\n  {\"name\": \"%s\"", between, measures[i].name);
        put(", \"ns\": ", 0, 3, median(i, NULL), "null");
        put(", \"ns_min\": ", 0, 3, least(i), "null");
        put(", \"ratio\": ", 0, 3, median(i, results[0].samples), "null");
        put(", \"instructions\": ", 0, 1, results[i].instructions, "null");
        printf("}");
        between = ",";
    }
    printf("\n]}\n");
}

/* What the numbers are of, as CMake and the compiler tell; those of a build that is not for use
 * would only mislead. */
static void check_build(int force, FILE *to)
{
#ifdef __OPTIMIZE__
    const int optimised = 1;
#else
    const int optimised = 0;
#endif
#ifdef NDEBUG
    const char *asserts = "off";
#else
    const char *asserts = "on";
#endif

    fprintf(to, "%s, build type %s%s, asserts %s, %s\n", BENCH_COMPILER,
            *BENCH_TYPE ? BENCH_TYPE : "none", optimised ? "" : " (not optimised)", asserts,
            *BENCH_INSTRUMENTS ? "instrumented: " BENCH_INSTRUMENTS : "no sanitizers");
    if ((optimised && !*BENCH_INSTRUMENTS) || force)
        return;
    warnx("NOT MEASURED: the build is not optimised, or instrumented; --force measures it");
    exit(SKIPPED);
}

static void choose(const struct table *table, const char *only)
{
    measures = table->measures;
    measure_count = table->count;
    if (measure_count > sizeof results / sizeof *results)
        errx(1, "too many measures");
    for (unsigned i = 0; i < measure_count; i++) {
        results[i].wanted = !only || !strcmp(only, measures[i].name);
        results[i].taken = results[i].wanted || i == 0;
        results[i].instructions = NAN;
        for (unsigned round = 0; round < ROUNDS; round++)
            results[i].samples[round] = NAN;
    }
    if (only && measures[find(only)].of)
        results[find(measures[find(only)].of)].taken = 1;
}

static unsigned number(const char *text)
{
    const char *error;
    const long long value = strtonum(text, 1, 100000000, &error);

    if (error)
        errx(2, "%s: %s", text, error);
    return (unsigned)value;
}

static void list(void)
{
    for (unsigned i = 0; i < measure_count; i++)
        printf("%s\n", measures[i].name);
}

static const char usage[] =
    "usage: hvemu_bench [OPTION]...\n"
    "  --list          the names of all measures, and nothing else\n"
    "  --growth        how the cost grows with partitions, calls, elements and threads\n"
    "  --only NAME     take this measure alone\n"
    "  --iterations N  calls or elements in each sample (10000)\n"
    "  --count         count instructions too, with valgrind\n"
    "  --count-only    count instructions, the same on all processors, and measure no time\n"
    "  --json          print JSON; null: not measured\n"
    "  --force         measure a build that is not optimised, or instrumented\n"
    "  --help          this text\n";

static const struct option options[] = {
    {"only", required_argument, NULL, 'o'},      {"iterations", required_argument, NULL, 'i'},
    {"list", no_argument, &asked.list, 1},       {"help", no_argument, NULL, 'h'},
    {"growth", no_argument, &asked.growth, 1},   {"json", no_argument, &asked.json, 1},
    {"count", no_argument, &asked.count, 1},     {"count-only", no_argument, &asked.count_only, 1},
    {"force", no_argument, &asked.force, 1},     {"counted", no_argument, &asked.counted, 1},
    {"sampled", no_argument, &asked.sampled, 1}, {0},
};

static void parse(int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (option) {
        case 'o':
            asked.only = optarg;
            break;
        case 'i':
            asked.iterations = number(optarg);
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        case 0:
            break;
        default:
            fputs(usage, stderr);
            exit(2);
        }
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    choose(asked.growth ? &growth : &all_calls, asked.only);
    if (asked.list) {
        list();
        return 0;
    }
    if (!asked.counted && !asked.sampled)
        check_build(asked.force, asked.json ? stderr : stdout);
    if (sched_getaffinity(0, sizeof allowed, &allowed))
        err(1, "sched_getaffinity");
    if (asked.counted || asked.sampled) {
        asked.counted ? be_counted() : be_sampled(asked.iterations);
        return 0;
    }
    if (!asked.count_only)
        take_all(argv[0]);
    if (asked.count || asked.count_only)
        count_all(argv[0], asked.only);
    if (asked.count_only && isnan(results[0].instructions))
        return 1; /* and has been said why */
    asked.json ? print_json() : print_table();
    return 0;
}
