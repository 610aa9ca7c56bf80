/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* How long libhvemu takes, beside a floor measured in the same run, through the public functions
 * alone. All measures are taken in turn, over and over, so that whatever else the machine does meets
 * them alike; what counts are median and minimum, and how they compare with the floor's.
 *
 * --count: the program runs itself under callgrind, which looks at measured() alone, that is at the
 * calls and the loop around them, and writes a file after each sample(). */

#include "bench.h"

#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SKIPPED = 77, ROUNDS = 200, WARM_UP = 3, COUNTED = 1000 };

static struct {
    int wanted, taken;   /* to be shown; also what is compared with */
    double instructions; /* NAN: not known */
    double samples[ROUNDS];
} results[64];

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

    begin(measure);
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
    return (ns > 1 ? ns : 1) / calls / each; /* never 0: it is a divisor */
}

static int by_size(const void *one, const void *other)
{
    const double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static void take_all(unsigned iterations)
{
    const double overhead = clock_ns();

    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < measure_count; i++)
            if (results[i].taken)
                results[i].samples[round] = sample(&measures[i], iterations, overhead);
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
    return total / calls / each;
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
                               only ? "--only" : NULL,
                               only,
                               NULL};
    int error, status = 0;
    pid_t child;

    if (!mkdtemp(folder))
        err(1, "%s", folder);
    snprintf(base, sizeof base, "%s/out", folder);
    snprintf(option, sizeof option, "--callgrind-out-file=%s", base);
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

/* Kept if the median or the minimum keeps it: what else the machine does only ever adds. */
static void print_budget(unsigned i)
{
    const struct measure *measure = &measures[i];
    const unsigned of = measure->of ? find(measure->of) : 0;
    const double ratio = median(i, measure->of ? results[of].samples : NULL);
    const double lowest = least(i) / (measure->of ? least(of) : 1);

    if (measure->budget > 0)
        printf("  %.2f (%.2f) of %.2f %s%s", ratio, lowest, measure->budget,
               measure->of ? measure->of : "ns",
               ratio > measure->budget && lowest > measure->budget ? ": OVER" : "");
    printf("\n");
}

static void print_table(void)
{
    printf("%-17s %-37s %7s %7s %8s %6s %8s  %s\n", "", "", "ns", "least", "x floor", "instr",
           "x floor", "budget: median (least)");
    for (unsigned i = 0; i < measure_count; i++) {
        if (!results[i].wanted)
            continue;
        printf("%-17s %-37s %7.2f %7.2f %8.2f", measures[i].name, measures[i].what, median(i, NULL),
               least(i), median(i, results[0].samples));
        if (isnan(results[i].instructions))
            printf(" %6s %8s", "-", "-");
        else
            printf(" %6.1f %8.2f", results[i].instructions,
                   results[i].instructions / results[0].instructions);
        print_budget(i);
    }
}

static void print_json(void)
{
    const char *between = "";

    printf("{\"floor_ns\": %.3f, \"results\": [", median(0, NULL));
    for (unsigned i = 0; i < measure_count; i++) {
        if (!results[i].wanted)
            continue;
        printf("%s\n  {\"name\": \"%s\", \"ns\": %.3f, \"ns_min\": %.3f, \"ratio\": %.3f, "
               "\"instructions\": ",
               between, measures[i].name, median(i, NULL), least(i), median(i, results[0].samples));
        if (isnan(results[i].instructions))
            printf("null}");
        else
            printf("%.1f}", results[i].instructions);
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

static void choose(const char *only)
{
    if (measure_count > sizeof results / sizeof *results)
        errx(1, "too many measures");
    for (unsigned i = 0; i < measure_count; i++) {
        results[i].wanted = !only || !strcmp(only, measures[i].name);
        results[i].taken = results[i].wanted || i == 0;
        results[i].instructions = NAN;
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
    "usage: hvemu_bench [--only NAME] [--list] [--iterations N] [--count] [--json] [--force]\n"
    "  --iterations N  calls or elements in each sample (10000)\n"
    "  --count         count instructions too, with valgrind\n"
    "  --force         measure a build that is not optimised, or instrumented\n";

int main(int argc, char **argv)
{
    static int json, count, force, counted;
    static const struct option options[] = {
        {"only", required_argument, NULL, 'o'}, {"iterations", required_argument, NULL, 'i'},
        {"list", no_argument, NULL, 'l'},       {"json", no_argument, &json, 1},
        {"count", no_argument, &count, 1},      {"force", no_argument, &force, 1},
        {"counted", no_argument, &counted, 1},  {0}};
    unsigned iterations = 10000;
    int option;
    char *only = NULL;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            only = optarg;
            break;
        case 'i':
            iterations = number(optarg);
            break;
        case 'l':
            list();
            return 0;
        case 0:
            break;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    choose(only);
    if (!counted)
        check_build(force, json ? stderr : stdout);
    make_machine();
    if (counted) {
        be_counted();
        return 0;
    }
    take_all(iterations);
    if (count)
        count_all(argv[0], only);
    json ? print_json() : print_table();
    return 0;
}
