/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The benchmark's clock, its batches and its table. */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <x86intrin.h>

#include <hvgdk/hvgdk.h>

#include "bench.h"
#include "guest/protocol.h"

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* Nothing that comes later is begun before it was read. */
static int64_t fenced_now(void)
{
    const int64_t ns = now();

    _mm_lfence();
    return ns;
}

static enum bench_kind kind_at_hand(const struct bench *bench)
{
    return bench->ended % BENCH_KINDS;
}

/* The way here is in the time of the batch, once; in the first one's are the guest's preparations,
 * too. */
uint32_t bench_next(struct bench *bench)
{
    if (bench->began) {
        const enum bench_kind kind = kind_at_hand(bench);
        const int64_t ns = kind == BENCH_LIBRARY ? bench->library : now() - bench->began;

        bench->samples[kind][bench->ended++ / BENCH_KINDS] = (double)ns / bench->calls;
    }
    if (bench->ended == BENCH_KINDS * BENCH_ROUNDS)
        return 0;
    bench->library = 0;
    bench->began = now();
    return bench->calls | (kind_at_hand(bench) == BENCH_EXIT ? BENCH_BARE : 0);
}

/* In a loop of its own the library would be in the caches, and its branches predicted, as no exit
 * finds them. So it is timed at the exits. Reading the clock costs more than the call: that is
 * measured each time, too, and taken off. What remains is no less than the library's part, since
 * nothing before and behind it may overlap with it. The second function is what the VMM asks before
 * it enters the guest again: with it all of the library is counted. */
static enum hvemu_action time_library(struct bench *bench, struct hvemu_vp *vp,
                                      struct hvemu_x64_frame *frame)
{
    enum hvemu_action action;
    int64_t first, from, to;

    (void)fenced_now(); /* the clock's own code is in the caches from here on */
    first = fenced_now();
    from = fenced_now();
    action = hvemu_x64_hypercall(vp, frame);
    (void)hvemu_ext_int_line(vp);
    to = fenced_now();
    bench->library += to - from - (from - first);
    return action;
}

enum hvemu_action bench_hypercall(struct bench *bench, struct hvemu_vp *vp,
                                  struct hvemu_x64_frame *frame)
{
    const enum bench_kind kind = kind_at_hand(bench);
    enum hvemu_action action;

    if (kind == BENCH_OWN) {
        frame->rax = HV_STATUS_NOT_ACKNOWLEDGED;
        frame->changed = HVEMU_X64_RAX;
        action = HVEMU_STEP;
    } else if (kind == BENCH_LIBRARY)
        action = time_library(bench, vp, frame);
    else
        action = hvemu_x64_hypercall(vp, frame);
    /* The guest's preparations have another answer. */
    bench->right += action == HVEMU_STEP && frame->rax == HV_STATUS_NOT_ACKNOWLEDGED;
    return action;
}

void bench_print_head(uint32_t calls)
{
    printf("Nanoseconds for a guest's fast HvClearVirtualInterrupt: the median of %d batches\n"
           "of %u, and the (least).\n"
           "  bare exit    OUT to a port where nothing is: the guest's loop, the engine, and\n"
           "               the VMM's loop around it\n"
           "  own answer   OUT of the hypercall page, answered by the VMM without the library:\n"
           "               from the registers and back to them, too\n"
           "  round trip   OUT of the hypercall page, answered by libhvemu\n"
           "  in libhvemu  by a clock around the library at every exit, less what reading the\n"
           "               clock costs there; and its share of the round trip\n",
           BENCH_ROUNDS, calls);
#ifndef __OPTIMIZE__
    puts("THIS PROGRAM IS NOT OPTIMIZED: build with CMAKE_BUILD_TYPE=Release.");
#endif
    printf("\n%-8s %17s %17s %17s %12s %8s\n", "engine", "bare exit", "own answer", "round trip",
           "in libhvemu", "share");
}

static int by_size(const void *one, const void *other)
{
    const double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static double median(double samples[BENCH_ROUNDS])
{
    qsort(samples, BENCH_ROUNDS, sizeof *samples, by_size);
    return samples[BENCH_ROUNDS / 2];
}

int bench_print(const char *engine, struct bench *bench)
{
    const uint64_t wanted = (uint64_t)bench->calls * (BENCH_KINDS - 1) * BENCH_ROUNDS;
    const double library = median(bench->samples[BENCH_LIBRARY]);

    if (bench->ended < BENCH_KINDS * BENCH_ROUNDS || bench->right != wanted) {
        printf("%-8s FAILED: %u of %d batches, %llu right answers of %llu\n", engine, bench->ended,
               BENCH_KINDS * BENCH_ROUNDS, (unsigned long long)bench->right,
               (unsigned long long)wanted);
        return -1;
    }
    printf("%-8s", engine);
    for (int kind = 0; kind < BENCH_LIBRARY; kind++) {
        printf(" %8.0f", median(bench->samples[kind]));
        printf(" (%6.0f)", bench->samples[kind][0]); /* sorted by now */
    }
    printf(" %12.1f %6.2f %%\n", library,
           library / bench->samples[BENCH_TRIP][BENCH_ROUNDS / 2] * 100);
    return 0;
}
