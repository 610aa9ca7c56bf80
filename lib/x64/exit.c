/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A hypercall instruction: the frame to the dispatcher and back. What is not named in `changed`
 * keeps its value, input registers included (TLFS 6.0b 3.9). */

#include "dispatch.h"
#include "x64/x64.h"

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

/* Any call. */
HVEMU__NOINLINE static enum hvemu_action hypercall(struct hvemu_vp *vp,
                                                   struct hvemu_x64_frame *frame)
{
    const struct hvemu_descriptor *row =
        hvemu__offered(vp->hv, (uint16_t)hvemu__x64_control(frame));
    struct hvemu_call *call = vp->call;
    enum hvemu_action action;

    if (!(hvemu__load(&vp->partition->hypercall_msr) & HV_X64_MSR_HYPERCALL_ENABLE))
        return HVEMU_PASS;
    if (!hvemu__x64_legal(frame))
        return HVEMU_UD;
    action = hvemu__x64_decode(frame, vp->hv->config.features, row, call);
    action = hvemu__execute(vp, call, row, action);
    if (action == HVEMU_STEP)
        write_result(frame, call->result);
    else if (action == HVEMU_REPEAT && next_start(call) != call->start)
        write_control(frame, call->control);
    else if (action == HVEMU_INTERCEPT)
        frame->gpa = call->gpa;
    write_output(frame, call);
    frame->access = call->access;
    return action;
}

/* Most calls are without elements and output, from 64-bit code, with nothing in the control word
 * but code and fast bit. There is nothing to be decoded of them, and nothing to be written but the
 * result. What is not as expected here goes the way of any call, from the start. */

static enum hvemu_action answer(struct hvemu_x64_frame *frame, uint16_t status)
{
    if (!HVEMU__MOSTLY(status != HV_STATUS_TIMEOUT))
        return HVEMU_REPEAT;
    frame->rax = status;
    frame->changed = HVEMU_X64_RAX;
    return HVEMU_STEP;
}

HVEMU__NOINLINE static enum hvemu_action run_in_xmm(struct hvemu_vp *vp,
                                                    struct hvemu_x64_frame *frame,
                                                    const struct hvemu_descriptor *row,
                                                    hvemu_handler *handler)
{
    struct hvemu__invocation invocation;
    uint8_t in[sizeof((struct hvemu_call *)0)->fast];

    if (row->in > sizeof in || (frame->known & HVEMU_X64_XMM) != HVEMU_X64_XMM ||
        !(vp->hv->config.features & HV_FEATURE_XMM_HYPERCALL_INPUT))
        return hypercall(vp, frame);
    hvemu__put64(in, frame->rdx);
    hvemu__put64(in + 8, frame->r8);
    hvemu__put_words(in + 16, frame->xmm[0], (row->in - 1u) / 16 * 2);
    hvemu__introduce(&invocation, vp->hv, vp, vp->partition, hvemu__load(&vp->id), row, frame->rcx,
                     row->in);
    return answer(frame, hvemu__run_plain(&invocation, handler, frame->rdx, in));
}

/* At the place of an own call there is another one. */
HVEMU__NOINLINE static enum hvemu_action look_further(struct hvemu_vp *vp,
                                                      struct hvemu_x64_frame *frame)
{
    return hvemu__own_call(vp->hv, (uint16_t)frame->rcx)
               ? hypercall(vp, frame)
               : answer(frame, HV_STATUS_INVALID_HYPERCALL_CODE);
}

/* The row and the handler of such a call; NULL if it is not one, and action is what became of
 * it. */
static inline const struct hvemu_descriptor *usual_call(struct hvemu_vp *vp,
                                                        struct hvemu_x64_frame *frame,
                                                        uint64_t control, hvemu_handler **handler,
                                                        enum hvemu_action *action)
{
    struct hvemu__partition *caller = vp->partition;
    const struct hvemu *hv = vp->hv;
    const uint64_t privileges = hvemu__load(&caller->privileges);
    const uint16_t code = (uint16_t)control;
    const struct hvemu_descriptor *row = NULL;
    uint16_t status = HV_STATUS_SUCCESS;

    if (!HVEMU__MOSTLY((frame->mode & (HVEMU_X64_KERNEL64 | HVEMU_X64_CPL)) == hv->plain_mode) ||
        !HVEMU__MOSTLY(hvemu__load(&caller->hypercall_msr) & HV_X64_MSR_HYPERCALL_ENABLE))
        goto any;
    if (HVEMU__MOSTLY(code < HVEMU__CODES)) {
        row = hv->by_code[code];
        *handler = hvemu__handlers[code];
    } else {
        row = hv->places[hvemu__place(hv, code)];
        if (row && row->code != code)
            goto collision;
        if (row && (row->form || row->out || row->target))
            goto any;
        *handler = row ? row->handler : NULL;
    }
    if (!HVEMU__MOSTLY(row))
        status = HV_STATUS_INVALID_HYPERCALL_CODE;
    else if (!HVEMU__MOSTLY(row->target & HVEMU__PLAIN || code >= HVEMU__CODES))
        goto any;
    else if (!HVEMU__MOSTLY(!(row->privilege & ~privileges)))
        status = HV_STATUS_ACCESS_DENIED;
    else if (!HVEMU__MOSTLY(control <= (HV_HYPERCALL_CODE_MASK | HV_HYPERCALL_FAST)))
        status = HV_STATUS_INVALID_HYPERCALL_INPUT;
    else
        return row;
    *action = answer(frame, status);
    return NULL;
collision:
    *action = look_further(vp, frame);
    return NULL;
any:
    *action = hypercall(vp, frame);
    return NULL;
}

HVEMU__NOINLINE static enum hvemu_action run_in_registers(struct hvemu_vp *vp,
                                                          struct hvemu_x64_frame *frame)
{
    struct hvemu__partition *caller = vp->partition;
    struct hvemu *hv = vp->hv;
    const uint64_t control = frame->rcx;
    struct hvemu__invocation invocation;
    enum hvemu_action action;
    hvemu_handler *handler;
    const struct hvemu_descriptor *row = usual_call(vp, frame, control, &handler, &action);
    uint8_t in[16];

    if (!row)
        ;
    else if (!HVEMU__MOSTLY(row->in <= sizeof in))
        action = run_in_xmm(vp, frame, row, handler);
    else {
        hvemu__put64(in, frame->rdx);
        hvemu__put64(in + 8, frame->r8);
        hvemu__introduce(&invocation, hv, vp, caller, hvemu__load(&vp->id), row, control, row->in);
        action = answer(frame, hvemu__run_plain(&invocation, handler, frame->rdx, in));
    }
    hvemu__leave(vp);
    return action;
}

/* Whether the op is to be asked for a call's input. */
static int is_readable(const struct hvemu_vp *vp, uint64_t gpa, uint32_t bytes)
{
    return bytes && !hvemu__misplaced(gpa, bytes) && gpa < vp->hv->plain_gpa_end &&
           !hvemu__overlaid(vp->partition, gpa);
}

HVEMU__NOINLINE static enum hvemu_action run_in_memory(struct hvemu_vp *vp,
                                                       struct hvemu_x64_frame *frame)
{
    struct hvemu__invocation invocation;
    enum hvemu_action action;
    hvemu_handler *handler;
    const struct hvemu_descriptor *row = usual_call(vp, frame, frame->rcx, &handler, &action);

    if (!row)
        ;
    else if (!HVEMU__MOSTLY(is_readable(vp, frame->rdx, row->in)))
        action = hypercall(vp, frame);
    else {
        action = hvemu__step_after(vp->hv->ops.gpa_read(vp->partition->ctx, hvemu__load(&vp->id),
                                                        frame->rdx, vp->in, row->in));
        if (HVEMU__MOSTLY(action == HVEMU_STEP)) {
            hvemu__introduce(&invocation, vp->hv, vp, vp->partition, hvemu__load(&vp->id), row,
                             row->code, row->in); /* no other bit is set */
            action =
                answer(frame, hvemu__run_plain(&invocation, handler, hvemu__get64(vp->in), vp->in));
        } else if (action == HVEMU_INTERCEPT) {
            frame->gpa = frame->rdx;
            frame->access = HVEMU_ACCESS_READ;
        }
    }
    hvemu__leave(vp);
    return action;
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
    return frame->rcx & HV_HYPERCALL_FAST ? run_in_registers(vp, frame) : run_in_memory(vp, frame);
}

void hvemu_x64_finish(struct hvemu_x64_frame *frame, uint16_t status, uint16_t reps)
{
    if (!frame)
        return;
    frame->changed = frame->access = 0;
    write_result(frame, status | (uint64_t)(reps & 0xFFF) << HV_HYPERCALL_RESULT_REPS_SHIFT);
}
