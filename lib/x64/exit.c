/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A hypercall instruction: the frame to the dispatcher and back. What is not named in `changed`
 * keeps its value, input registers included (TLFS 6.0b 3.9). */

#include "internal.h"

static void write_pair(struct hvemu_x64_frame *frame, uint64_t value)
{
    frame->rax = (uint32_t)value;
    frame->rdx = value >> 32;
    frame->changed |= HVEMU_X64_RAX | HVEMU_X64_RDX;
}

static void write_result(struct hvemu_x64_frame *frame, uint64_t result)
{
    if (hvemu__x64_wide(frame)) {
        frame->rax = result;
        frame->changed |= HVEMU_X64_RAX;
    } else
        write_pair(frame, result);
}

/* What the guest repeats with: the next rep start index, where elements were completed. */
static void write_control(struct hvemu_x64_frame *frame, uint64_t control)
{
    if (hvemu__x64_wide(frame)) {
        frame->rcx = control;
        frame->changed |= HVEMU_X64_RCX;
    } else
        write_pair(frame, control);
}

/* Whole chunks of 16 bytes (TLFS 6.0b 3.8.1). */
static void write_output(struct hvemu_x64_frame *frame, const struct hvemu_call *call)
{
    for (unsigned at = call->written_at; at < (unsigned)call->written_at + call->written;
         at += 16) {
        const uint64_t low = hvemu__get64(call->fast + at),
                       high = hvemu__get64(call->fast + at + 8);
        if (at == 0) {
            frame->rdx = low;
            frame->r8 = high;
            frame->changed |= HVEMU_X64_RDX | HVEMU_X64_R8;
        } else {
            frame->xmm[at / 16 - 1][0] = low;
            frame->xmm[at / 16 - 1][1] = high;
            frame->changed |= (uint32_t)HVEMU_X64_XMM0 << (at / 16 - 1);
        }
    }
}

static unsigned next_start(const struct hvemu_call *call)
{
    return (unsigned)((call->control & HV_HYPERCALL_REP_START_MASK) >>
                      HV_HYPERCALL_REP_START_SHIFT);
}

static void answer(struct hvemu_x64_frame *frame, uint16_t status)
{
    frame->rax = status;
    frame->changed = HVEMU_X64_RAX;
}

/* Input in two registers, no output, a 64-bit caller, nothing in the control word but code and fast
 * bit: there is nothing to decode, and nothing to be written but the result. */
static enum hvemu_action run_short(struct hvemu_vp *vp, struct hvemu_x64_frame *frame,
                                   const struct hvemu_descriptor *row)
{
    struct hvemu__invocation invocation;
    uint8_t in[16];
    struct hvemu__work work = {.header = in};
    uint16_t status = HV_STATUS_ACCESS_DENIED;

    if (hvemu__permitted(row, hvemu__load(&vp->partition->privileges))) {
        hvemu__put64(in, frame->rdx);
        hvemu__put64(in + 8, frame->r8);
        hvemu__introduce(&invocation, vp->hv, vp, vp->partition, hvemu__load(&vp->id), row);
        invocation.shown.control = frame->rcx;
        invocation.shown.header_bytes = row->in;
        status = hvemu__invoke(&invocation, &work);
        if (status == HV_STATUS_TIMEOUT)
            return HVEMU_REPEAT;
    }
    answer(frame, status);
    return HVEMU_STEP;
}

HVEMU__NOINLINE static enum hvemu_action run(struct hvemu_vp *vp, struct hvemu_x64_frame *frame,
                                             const struct hvemu_descriptor *row)
{
    struct hvemu_call call;
    enum hvemu_action action = hvemu__x64_decode(frame, vp->hv->config.features, row, &call);

    action = hvemu__execute(vp, &call, row, action);
    if (action == HVEMU_STEP)
        write_result(frame, call.result);
    else if (action == HVEMU_REPEAT && next_start(&call) != call.start)
        write_control(frame, call.control);
    else if (action == HVEMU_INTERCEPT)
        frame->gpa = call.gpa;
    write_output(frame, &call);
    frame->access = call.access;
    return action;
}

static int is_short(const struct hvemu_x64_frame *frame, const struct hvemu_descriptor *row)
{
    return (frame->rcx & ~(uint64_t)HV_HYPERCALL_CODE_MASK) == HV_HYPERCALL_FAST && row &&
           !row->form && !row->out && row->in <= 16;
}

static enum hvemu_action hypercall(struct hvemu_vp *vp, struct hvemu_x64_frame *frame)
{
    const struct hvemu_descriptor *row;

    if (!(hvemu__load(&vp->partition->hypercall_msr) & HV_X64_MSR_HYPERCALL_ENABLE))
        return HVEMU_PASS;
    if (!hvemu__x64_legal(frame))
        return HVEMU_UD;
    row = hvemu__offered(vp->hv, (uint16_t)hvemu__x64_control(frame));
    if (hvemu__x64_wide(frame) && is_short(frame, row))
        return run_short(vp, frame, row);
    return run(vp, frame, row);
}

enum hvemu_action hvemu_x64_hypercall(struct hvemu_vp *vp, struct hvemu_x64_frame *frame)
{
    enum hvemu_action action;

    if (!vp || !frame)
        return HVEMU_FAILED;
    frame->changed = frame->access = 0;
    frame->gpa = 0;
    action = hvemu__enter(vp);
    if (action != HVEMU_STEP)
        return action;
    action = hypercall(vp, frame);
    hvemu__leave(vp);
    return action;
}

void hvemu_x64_finish(struct hvemu_x64_frame *frame, uint16_t status, uint16_t reps)
{
    if (!frame)
        return;
    frame->changed = frame->access = 0;
    write_result(frame, status | (uint64_t)(reps & 0xFFF) << HV_HYPERCALL_RESULT_REPS_SHIFT);
}
