/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The VMM: one guest with one virtual processor, and an 8259. Telling its story on stdout, it keeps
 * count of everything that should have been otherwise. */

#ifndef VMM_H
#define VMM_H

#include "bench.h"
#include "engine.h"

/* Makes the guest on this engine. image: a file, or NULL for the guest whose story this is. NULL,
 * with *why: the engine does not work here. */
struct vmm *vmm_open(const struct engine_ops *ops, const char *image, const char **why);

/* Runs the guest until its partition is gone. Returns the number of things that went wrong. */
unsigned vmm_run(struct vmm *vmm);

/* Runs another guest until it says that it has no more to do, and tells what it says. Returns the
 * number of things that went wrong. */
unsigned vmm_run_image(struct vmm *vmm);

/* Runs the guest, on this thread, for as long as there are batches; tells nothing. */
void vmm_bench(struct vmm *vmm, struct bench *bench);

void vmm_close(struct vmm *vmm);

#endif
