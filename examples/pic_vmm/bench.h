/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* How long a hypercall takes from the guest and back, and how much of that in libhvemu. The guest
 * makes round trips in batches, of each kind in turn, and comes for the next one through
 * PORT_BENCH. The clock is read around a batch, here, outside the guest. */

#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

#include <hvgdk/hvemu.h>

enum bench_kind {
    BENCH_EXIT,    /* OUT to a port where nothing is: the engine, and the VMM's loop around it */
    BENCH_OWN,     /* the hypercall's OUT, answered by the VMM itself: its registers, too */
    BENCH_TRIP,    /* the hypercall's OUT, answered by libhvemu: all of it */
    BENCH_LIBRARY, /* the same again, with the clock around libhvemu alone */
    BENCH_KINDS
};
enum { BENCH_ROUNDS = 31 };

struct bench {
    uint32_t calls;  /* in a batch; given by whoever makes one, with all else 0 */
    unsigned ended;  /* batches; so the kind of the one at hand, too */
    int64_t began;   /* the batch at hand; 0: none yet */
    int64_t library; /* nanoseconds in libhvemu in this batch */
    uint64_t right;  /* answers: as many as there are hypercalls in all batches */
    double samples[BENCH_KINDS][BENCH_ROUNDS]; /* nanoseconds per round trip */
};

/* The guest has come for a batch. Returns what PORT_BENCH reads. */
uint32_t bench_next(struct bench *bench);

/* Answers a hypercall as the batch at hand has it. */
enum hvemu_action bench_hypercall(struct bench *bench, struct hvemu_vp *vp,
                                  struct hvemu_x64_frame *frame);

void bench_print_head(uint32_t calls);
/* One line; -1, and a line that says so: there is no result. */
int bench_print(const char *engine, struct bench *bench);

#endif
