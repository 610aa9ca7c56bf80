/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The 8259 and the wire between its output and the guest's boot processor:
 *
 *     8259 model --HvAssertVirtualInterrupt--> hypervisor --acknowledge--> VP 0
 *          ^                                                                |
 *          +------------- HvClearVirtualInterrupt: "it was taken" ----------+
 *
 * Any thread may change the model, and every thread that does is attached to the guest's parent.
 * Two rules keep interrupts from getting lost or doubled:
 *
 * - The model is told of the INTA cycle before the guest goes on, for its EOI must find the interrupt
 *   in service. So it is VP 0's thread that asks HvClearVirtualInterrupt, right after it took the
 *   vector. Any other thread might be overtaken by the guest between the answer and the model.
 * - No lock that VP 0 takes in its exits is held while somebody asks. This library would not mind;
 *   a hypervisor that waits for VP 0 to leave the guest before it answers would. */

#ifndef WIRE_H
#define WIRE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <hvgdk/hvemu.h>

#include "pic.h"

struct wire_counts {
    uint32_t raised;                       /* requests at the inputs, less those taken back */
    uint32_t asserted, withdrawn, cleared; /* what HvAssert- and HvClearVirtualInterrupt said */
    uint32_t ended;                        /* EOIs */
};

struct wire {
    const struct hvemu_caller *parent;
    uint64_t guest;
    pthread_mutex_t lock;   /* of what follows */
    pthread_cond_t changed; /* there was an INTA cycle, a tick, or `stop` */
    struct pic pic;

    /* What the hypervisor was told: the input, and its vector or HV_INTERRUPT_VECTOR_NONE. While VP
       0 takes an interrupt nobody tells anything; then VP 0 does. */
    int input;
    uint32_t vector;
    int taking;

    pthread_t timer;
    uint32_t ticks;  /* not 0: the timer is there, and nobody tells of single interrupts */
    uint32_t ticked; /* of them */
    atomic_int stop;

    struct wire_counts counts;
};

void wire_init(struct wire *wire, const struct hvemu_caller *parent, uint64_t guest);
void wire_destroy(struct wire *wire);

/* VP 0's thread calls these around hvemu_ext_int_acknowledge() and committing the vector to the
 * processor, whether there was one or not. The second asks HvClearVirtualInterrupt whether it was
 * taken; a guest in automatic-EOI mode would never touch the model again, so this is its turn. */
void wire_begin_taking(struct wire *wire);
void wire_end_taking(struct wire *wire);

/* What the guest reads and writes at the 8259's port 0 or 1. */
void wire_write(struct wire *wire, unsigned port, uint8_t value);
uint8_t wire_read(struct wire *wire, unsigned port);

/* A device gives an input of the 8259 a level. */
void wire_set_input(struct wire *wire, unsigned input, int level);

/* A timer on a thread of its own, for so many ticks; waits for the last one to be over. */
void wire_start_timer(struct wire *wire, uint32_t ticks);
void wire_join_timer(struct wire *wire);
/* VP 0's thread waits, in an exit, until the guest has a tick to take or no more will come. */
void wire_await_tick(struct wire *wire);
/* The guest will take nothing more. */
void wire_stop_timer(struct wire *wire);

/* Whether interrupts are told one by one. */
int wire_tells(const struct wire *wire);

#endif
