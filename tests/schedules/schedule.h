/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Runs a program of a few threads in all its schedules with at most so many preemptions. The
 * threads are fibers of one thread; schedule.c says where they are switched, and why nothing is
 * missed in between. */

#ifndef SCHEDULES_SCHEDULE_H
#define SCHEDULES_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

enum { SCHEDULE_THREADS = 3 };

/* For those that run: about to use an object in this way. COUNTS: adds to it, without a look. */
enum { SCHEDULE_LOOKS, SCHEDULE_SETS, SCHEDULE_COUNTS };
void schedule_access(const volatile void *object, int how);
/* What a thread has seen decides, with the code, where it is and what its variables hold. */
void schedule_saw(uint64_t value);
void schedule_saw_all(void); /* all shared memory */
/* Between two calls. */
void schedule_between(void);
/* Who runs. */
int schedule_thread(void);

struct schedule_program {
    void (*prepare)(void);   /* all is as at the beginning */
    void (*run)(int thread); /* a thread's part */
    uint64_t (*past)(
        void);          /* what judge() will look at beside shared memory and what threads saw */
    int (*judge)(void); /* after a run; 0: it was wrong */
    struct schedule_memory { /* what threads share; objects elsewhere are a thread's own */
        void *from;
        size_t bytes;
    } memory[2];
    unsigned preemptions;
    int plain; /* no reductions: a switch before every access, nothing is remembered */
};

struct schedule_figures {
    uint64_t runs;     /* that were begun */
    uint64_t complete; /* that came to an end and were judged; the others are like one of these */
};

/* 0: a run was wrong, or there are too many states. Adds to the figures. */
int schedule_all(const struct schedule_program *program, struct schedule_figures *figures);

/* Of the last run: which thread went on, at each switch. Returns how many. */
unsigned schedule_switches(const uint8_t **threads);

#endif
