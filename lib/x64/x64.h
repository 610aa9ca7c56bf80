/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* What the files of this folder share, and others ask of them. */

#ifndef HVEMU_X64_H
#define HVEMU_X64_H

#include "internal.h"

static inline int hvemu__x64_wide(const struct hvemu_x64_frame *frame)
{
    const uint32_t both = HVEMU_X64_LMA | HVEMU_X64_CS_L;
    return (frame->mode & both) == both;
}

static inline uint64_t hvemu__x64_pair(uint64_t high, uint64_t low)
{
    return high << 32 | (uint32_t)low;
}

static inline uint64_t hvemu__x64_control(const struct hvemu_x64_frame *frame)
{
    return hvemu__x64_wide(frame) ? frame->rcx : hvemu__x64_pair(frame->rdx, frame->rax);
}

/* No hypercall instruction but in protected or long mode at privilege level 0 (TLFS 6.0b 3.3). */
static inline int hvemu__x64_legal(const struct hvemu_x64_frame *frame)
{
    return (frame->mode & (HVEMU_X64_CPL | HVEMU_X64_PE)) == HVEMU_X64_PE;
}

/* hvemu_x64_decode() of a legal call whose row was found; fills no more of the call than needed. */
enum hvemu_action hvemu__x64_decode(const struct hvemu_x64_frame *frame, uint32_t features,
                                    const struct hvemu_descriptor *row, struct hvemu_call *call);
/* CPUID 0x40000003 EDX as guests see it. */
uint32_t hvemu__x64_features(const struct hvemu *hv);
/* WRMSR of GUEST_OS_ID or HYPERCALL in vp's partition, whoever asks. */
enum hvemu_action hvemu__x64_write_msr(struct hvemu_vp *vp, uint32_t msr, uint64_t value);

#endif
