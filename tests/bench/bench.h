/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* What is measured (measures.c), what it is compared with (floor.c), for who measures (bench.c). */

#ifndef BENCH_H
#define BENCH_H

#include <stdalign.h>
#include <stdint.h>

#include <hvgdk/hvemu.h>

struct measure {
    const char *name, *what;
    uint64_t (*run)(unsigned n); /* n calls, the answers ORed */
    uint64_t control, in, out;   /* of the call: RCX, RDX, R8 */
    uint64_t expect;             /* what that must be */
    void (*prepare)(unsigned n); /* before n calls, not measured */
    unsigned batch;              /* calls between two preparations; 0: any number */
    unsigned each;               /* what counts in a call: its elements; 0: the call */
    double budget;               /* a multiple of the time of `of`; of NULL: nanoseconds */
    const char *of;
    int threads;              /* of which callgrind makes one */
    unsigned children, calls; /* of the machine; 0: MANY, OWN_CALLS */
    int whole;                /* the time of a call, not of what counts in it */
};

/* In each the floor is the first. */
extern const struct table {
    const struct measure *measures;
    unsigned count;
} all_calls, growth;

/* Goes to the measure's machine, makes it when it is not there yet, with so many children at most
 * in `growth`, and puts what the measure calls into the registers. */
void begin(const struct measure *measure, unsigned most);
/* Keeps the calling thread on the n-th CPU, from 0 on, of those that the program may use. */
void stay_on(int n);
int cpus(void);

/* The floor. A partition's word and its ID are laid out as libhvemu lays out its own: the ID is
 * generation << 24 | slot + 1, the word generation << 24 | state << 21 | interrupt. */
#define FLOOR_ACTIVE  ((uint64_t)0)
#define FLOOR_STATE   ((uint64_t)7 << 21)
#define FLOOR_ACKED   ((uint64_t)0x200)
#define FLOOR_EXT_INT ((uint64_t)0x3FF)

struct floor_partition {
    alignas(64) _Atomic uint64_t word;
    uint64_t parent;
};

struct floor_vp {
    const struct floor_row *rows; /* by call code */
    uint16_t row_count;
    uint32_t partition_count;
    struct floor_partition *partitions;
    uint64_t caller, privileges; /* of the calling partition */
};

extern struct floor_partition floor_partitions[];
extern struct floor_vp floor_vp;

/* A fast call of a 64-bit guest, from registers to registers. */
enum hvemu_action floor_hypercall(const struct floor_vp *vp, struct hvemu_x64_frame *frame);
/* One compare-and-swap of the word from acknowledged to idle; whether it was. */
int floor_swap(struct floor_partition *partition);
/* A call that does nothing. */
enum hvemu_action floor_nothing(const struct floor_vp *vp, struct hvemu_x64_frame *frame);

enum { FEW = 64, MANY = 10000 }; /* partitions */

#endif
