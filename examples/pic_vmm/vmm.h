/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The VMM: one guest with one virtual processor, and an 8259. Telling its story on stdout, it keeps
 * count of everything that should have been otherwise. */

#ifndef VMM_H
#define VMM_H

#include <stdint.h>

#include "engine.h"

/* Makes the guest on this engine. NULL, with *why: the engine does not work here. `calls`: how many
 * hypercalls the guest is to time, or 0. */
struct vmm *vmm_open(const struct engine_ops *ops, uint32_t calls, const char **why);

/* Runs the guest until its partition is gone. Returns the number of things that went wrong. */
unsigned vmm_run(struct vmm *vmm);

/* Nanoseconds per timed call; 0 if none were. */
double vmm_nanoseconds(const struct vmm *vmm);

void vmm_close(struct vmm *vmm);

#endif
