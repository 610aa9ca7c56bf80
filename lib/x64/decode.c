/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* From x64 registers to a call (TLFS 6.0b 3.7, 3.7.1): a pure function of its arguments. */

#include "x64/x64.h"

/* The block's first 16 bytes are general registers, each 16 after them an XMM register. */
static void gather_xmm(const struct hvemu_x64_frame *frame, struct hvemu_call *call, unsigned at,
                       unsigned registers)
{
    hvemu__put_words(call->fast + at, frame->xmm[at / 16 - 1], 2 * registers);
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
    hvemu__put64(call->fast, wide ? frame->rdx : hvemu__x64_pair(frame->rbx, frame->rcx));
    hvemu__put64(call->fast + 8, wide ? frame->r8 : hvemu__x64_pair(frame->rdi, frame->rsi));
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
    if (call->in_bytes > 16)
        gather_xmm(frame, call, 16, (call->in_bytes - 1u) / 16);
    if (kept)
        gather_xmm(frame, call, kept, 1);
    return HVEMU_STEP;
}

enum hvemu_action hvemu__x64_decode(const struct hvemu_x64_frame *frame, uint32_t features,
                                    const struct hvemu_descriptor *row, struct hvemu_call *call)
{
    const int wide = hvemu__x64_wide(frame);

    call->control = hvemu__x64_control(frame);
    hvemu__judge_control(row, call);
    if (call->control & HV_HYPERCALL_FAST)
        return decode_fast(frame, features, call, row, wide);
    call->in_gpa = wide ? frame->rdx : hvemu__x64_pair(frame->rbx, frame->rcx);
    call->out_gpa = wide ? frame->r8 : hvemu__x64_pair(frame->rdi, frame->rsi);
    hvemu__judge_lists(call);
    return HVEMU_STEP;
}

enum hvemu_action hvemu_x64_decode(const struct hvemu *hv, const struct hvemu_x64_frame *frame,
                                   uint32_t features, struct hvemu_call *call)
{
    enum hvemu_action action;

    if (!frame || !call)
        return HVEMU_FAILED;
    memset(call, 0, sizeof *call);
    if (!hvemu__x64_legal(frame))
        return HVEMU_UD;
    action = hvemu__x64_decode(frame, features,
                               hvemu__find(hv, (uint16_t)hvemu__x64_control(frame)), call);
    /* XMM registers are read for a call without fault alone. */
    if (call->control & HV_HYPERCALL_FAST && call->in_bytes > 16 &&
        (action != HVEMU_STEP || call->status != HV_STATUS_SUCCESS))
        call->access = HVEMU_ACCESS_READ;
    return action;
}
