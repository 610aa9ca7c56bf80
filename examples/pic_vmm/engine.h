/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The line between the VMM and what runs its guest's instructions. An engine knows processors: it
 * carries registers, exceptions and interrupts to and from the guest. The VMM knows everything
 * else, libhvemu included. */

#ifndef ENGINE_H
#define ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include <hvgdk/hvemu.h>

struct vmm;
struct engine; /* each engine's own */

enum engine_stop {
    ENGINE_AGAIN, /* a kick, an open window, or an exit that is dealt with: look at all and go on */
    ENGINE_HALTED, /* the guest executed HLT: only an interrupt makes it go on */
    ENGINE_BROKEN  /* it has said on stderr why it cannot go on */
};

/* All but kick() belong to VP 0's thread, once that runs. */
struct engine_ops {
    const char *name;

    /* Makes the one processor, in the state that protocol.h promises. NULL, with *why: this engine
       does not work here. */
    struct engine *(*open)(struct vmm *vmm, const char **why);
    void (*close)(struct engine *engine);

    /* Lays `page` over the guest's memory at gpa, readable and executable, in place of any earlier
       one; a write to it raises #GP. NULL: shows all memory again. Returns 0, or -1. */
    int (*overlay)(struct engine *engine, uint64_t gpa, uint8_t *page);

    /* Makes run() return soon. Any thread, any number of times; a signal handler may call it. */
    void (*kick)(struct engine *engine);
    void (*forget_kick)(struct engine *engine);

    /* Whether the processor would take an interrupt this very moment. */
    int (*window)(struct engine *engine);
    /* Commits a vector to the processor. The window is open. */
    void (*interrupt)(struct engine *engine, uint8_t vector);

    /* Runs the guest; want_window: return as soon as window() holds. */
    enum engine_stop (*run)(struct engine *engine, int want_window);
};

extern const struct engine_ops engine_kvm;
extern const struct engine_ops engine_unicorn;

/* ---- What the VMM does for an engine, on VP 0's thread ---- */

uint8_t *vmm_memory(struct vmm *vmm); /* GUEST_MEMORY bytes, page-aligned */

/* 1: the leaf is one of ours. */
int vmm_cpuid(struct vmm *vmm, uint32_t leaf, uint32_t regs[4]);

/* Synthetic MSRs only, 0x40000000 to 0x400000FF. STEP, GP, or GONE: do not go back to the guest. */
enum { VMM_MSR_FIRST = 0x40000000, VMM_MSR_COUNT = 0x100 };
enum hvemu_action vmm_rdmsr(struct vmm *vmm, uint32_t msr, uint64_t *value);
enum hvemu_action vmm_wrmsr(struct vmm *vmm, uint32_t msr, uint64_t value);

/* The hypercall instruction. STEP, REPEAT, UD, or GONE: do not go back to the guest. */
enum hvemu_action vmm_hypercall(struct vmm *vmm, struct hvemu_x64_frame *frame);

/* Every other port. */
void vmm_out(struct vmm *vmm, uint16_t port, uint32_t value);
uint32_t vmm_in(struct vmm *vmm, uint16_t port);

#endif
