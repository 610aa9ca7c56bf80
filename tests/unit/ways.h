/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* One and the same call by each way that leads into the library: from C, and native with its lists
 * in memory or in registers. Which registers and modes there are is for test_conventions.c. */

#ifndef WAYS_H
#define WAYS_H

#include <string.h>
#include <sys/endian.h>

#include "fake_vmm.h"
#include "internal.h"

#define COUNT(array)      (sizeof(array) / sizeof *(array))
#define REPS(code, count) ((code) | (uint64_t)(count) << 32)
#define REPS_DONE(result) ((unsigned)((result) >> 32))
#define FAST              0x10000u

enum way { FROM_C, IN_MEMORY, IN_REGISTERS, WAYS };

static const char *const way_names[WAYS] = {"from C", "in memory", "in registers"};

/* Whether the lists fit the way. */
static inline int goes(enum way way, size_t in_bytes, size_t out_bytes)
{
    return way != IN_REGISTERS || (in_bytes + 15) / 16 * 16 + out_bytes <= 112;
}

/* The call by vp's partition; native, by vp. Returns the hypercall result value; 0x78 with the
 * elements completed if the guest is to repeat. `out` becomes what the caller sees there. */
static inline uint64_t call_by(enum way way, struct fake_vmm *vmm, struct hvemu_vp *vp,
                               uint64_t control, const void *in, size_t in_bytes, void *out,
                               size_t out_bytes)
{
    enum { IN = 0x1000, OUT = 0x2000 };
    struct hvemu_call call = {.control = control, .in_gpa = IN, .out_gpa = OUT};
    enum hvemu_action action;

    if (way == FROM_C)
        return hvemu_hypercall(vmm->hv, hvemu_vp_partition(vp), control, in, in_bytes, out,
                               out_bytes);
    if (way == IN_REGISTERS) {
        call.control |= FAST;
        memcpy(call.fast, in, in_bytes < sizeof call.fast ? in_bytes : sizeof call.fast);
    } else {
        memcpy(vmm->ram + IN, in, in_bytes);
        if (out_bytes)
            memcpy(vmm->ram + OUT, out, out_bytes);
    }
    action = hvemu_execute(vp, &call);
    if (action != HVEMU_STEP)
        assert_action(action, HVEMU_REPEAT);
    if (way == IN_MEMORY && out_bytes)
        memcpy(out, vmm->ram + OUT, out_bytes);
    for (size_t i = call.written_at; i < (size_t)call.written_at + call.written; i++)
        if (i >= call.out_at && i - call.out_at < out_bytes)
            ((uint8_t *)out)[i - call.out_at] = call.fast[i];
    return action == HVEMU_STEP ? call.result : 0x78 | (call.control >> 48 & 0xFFF) << 32;
}

static inline struct hvemu__partition *partition_of(struct fake_vmm *vmm, uint64_t id)
{
    return hvemu__slot(vmm->hv, id);
}

/* The handle of a VP that was made by call, or NULL. */
static inline struct hvemu_vp *vp_of(struct fake_vmm *vmm, uint64_t id, uint32_t index)
{
    return hvemu__find_vp(partition_of(vmm, id), index);
}

static inline struct hvemu_vp *attached(struct fake_vmm *vmm, uint64_t id, uint32_t index)
{
    struct hvemu_vp *vp = NULL;

    assert_result(hvemu_vp_attach(vmm->hv, id, index, NULL, &vp), HVEMU_OK);
    return vp;
}

/* HvCallCreateVp and HvCallDeleteVp from C. */
static inline uint16_t create_vp(struct fake_vmm *vmm, uint64_t caller, uint64_t id, uint32_t index)
{
    uint8_t in[40] = {0};

    le64enc(in, id);
    le32enc(in + 8, index);
    return (uint16_t)hvemu_hypercall(vmm->hv, caller, 0x4E, in, sizeof in, NULL, 0);
}

static inline uint16_t delete_vp(struct fake_vmm *vmm, uint64_t caller, uint64_t id, uint32_t index)
{
    uint8_t in[16] = {0};

    le64enc(in, id);
    le32enc(in + 8, index);
    return (uint16_t)hvemu_hypercall(vmm->hv, caller, 0x4F, in, sizeof in, NULL, 0);
}

/* Pages of a pool: available in the low half, in use in the high one. */
static inline uint64_t balance(struct fake_vmm *vmm, uint64_t id)
{
    const struct hvemu__rest *rest = partition_of(vmm, id)->rest;

    return rest->pages - rest->pages_used + ((uint64_t)rest->pages_used << 32);
}

/* Deposits `count` pages, which are the root's from `first` on, in the pool of `id`. */
static inline void deposit(struct fake_vmm *vmm, uint64_t id, uint64_t first, unsigned count)
{
    uint8_t in[16];

    for (unsigned i = 0; i < count; i++) {
        le64enc(in, id);
        le64enc(in + 8, first + i);
        assert_status(hvemu_hypercall(vmm->hv, vmm->root, REPS(0x48, 1), in, sizeof in, NULL, 0),
                      0x00);
    }
}

#endif
