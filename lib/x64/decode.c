/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* From x64 registers to a call (TLFS 6.0b 3.7, 3.7.1): a pure function of its arguments. */

#include "internal.h"

static uint64_t pair(uint64_t high, uint64_t low)
{
    return high << 32 | (uint32_t)low;
}

/* The block's first 16 bytes are general registers, each 16 after them an XMM register. */
static void gather_xmm(const struct hvemu_x64_frame *frame, struct hvemu_call *call, unsigned at)
{
    le64enc(call->fast + at, frame->xmm[at / 16 - 1][0]);
    le64enc(call->fast + at + 8, frame->xmm[at / 16 - 1][1]);
}

/* Where in the block output goes that was begun by an earlier invocation and shares 16 bytes with
 * what is still to come; 0: nowhere, or in general registers. */
static unsigned kept_output(const struct hvemu_call *call, const struct hvemu_descriptor *row)
{
    const unsigned next = call->out_at + (unsigned)call->start * row->out_each;
    return next % 16 ? next / 16 * 16 : 0;
}

static enum hvemu_action decode_fast(const struct hvemu_x64_frame *frame, uint32_t features,
                                     struct hvemu_call *call, const struct hvemu_descriptor *row,
                                     int wide)
{
    unsigned kept;

    call->in_gpa = call->out_gpa = 0;
    le64enc(call->fast, wide ? frame->rdx : pair(frame->rbx, frame->rcx));
    le64enc(call->fast + 8, wide ? frame->r8 : pair(frame->rdi, frame->rsi));
    if (call->status != HV_STATUS_SUCCESS)
        return HVEMU_STEP;
    if (call->out_bytes && !wide) {
        /* Output in registers is for 64-bit callers alone. */
        call->status = HV_STATUS_INVALID_HYPERCALL_INPUT;
        return HVEMU_STEP;
    }
    if ((call->in_bytes > 16 && !(features & HV_FEATURE_XMM_HYPERCALL_INPUT)) ||
        (call->out_bytes && !(features & HV_FEATURE_XMM_HYPERCALL_OUTPUT)))
        return HVEMU_UD;
    kept = kept_output(call, row);
    if ((call->in_bytes > 16 || kept) && (frame->known & HVEMU_X64_XMM) != HVEMU_X64_XMM)
        return HVEMU_NEED_XMM;
    for (unsigned at = 16; at < call->in_bytes; at += 16)
        gather_xmm(frame, call, at);
    if (kept)
        gather_xmm(frame, call, kept);
    return HVEMU_STEP;
}

enum hvemu_action hvemu__x64_decode(const struct hvemu *hv, const struct hvemu_x64_frame *frame,
                                    uint32_t features, struct hvemu_call *call,
                                    const struct hvemu_descriptor **row)
{
    const int wide = hvemu__x64_wide(frame);

    *row = NULL;
    call->status = HV_STATUS_SUCCESS;
    /* #UD unless in protected or long mode at privilege level 0 (TLFS 6.0b 3.3). */
    if ((frame->mode & (HVEMU_X64_CPL | HVEMU_X64_PE)) != HVEMU_X64_PE)
        return HVEMU_UD;
    call->control = wide ? frame->rcx : pair(frame->rdx, frame->rax);
    *row = hvemu__judge_control(hv, call);
    if (call->control & HV_HYPERCALL_FAST)
        return decode_fast(frame, features, call, *row, wide);
    call->in_gpa = wide ? frame->rdx : pair(frame->rbx, frame->rcx);
    call->out_gpa = wide ? frame->r8 : pair(frame->rdi, frame->rsi);
    hvemu__judge_lists(call);
    return HVEMU_STEP;
}

enum hvemu_action hvemu_x64_decode(const struct hvemu *hv, const struct hvemu_x64_frame *frame,
                                   uint32_t features, struct hvemu_call *call)
{
    const struct hvemu_descriptor *row;
    enum hvemu_action action;

    if (!frame || !call)
        return HVEMU_FAILED;
    memset(call, 0, sizeof *call);
    action = hvemu__x64_decode(hv, frame, features, call, &row);
    /* XMM registers are read for a call without fault alone. */
    if (call->control & HV_HYPERCALL_FAST && call->in_bytes > 16 &&
        (action != HVEMU_STEP || call->status != HV_STATUS_SUCCESS))
        call->access = HVEMU_ACCESS_READ;
    return action;
}
