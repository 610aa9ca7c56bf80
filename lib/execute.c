/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A guest's call: the checks before its handler, in the order that docs/architecture.md gives, the
 * private copies of its lists, and what the guest does next. */

#include "dispatch.h"

static enum hvemu_action complete(struct hvemu_call *call, uint64_t result)
{
    call->status = (uint16_t)result;
    call->result = result;
    call->executed = 1;
    return HVEMU_STEP;
}

/* INTERCEPT: there is no such memory. */
static enum hvemu_action read_gpa(struct hvemu_vp *vp, uint64_t gpa, void *to, uint32_t bytes)
{
    const struct hvemu_ops *ops = &vp->hv->ops;
    struct hvemu__partition *partition = vp->partition;

    if (!ops->gpa_read || hvemu__overlaid(partition, gpa))
        return HVEMU_INTERCEPT;
    return hvemu__step_after(ops->gpa_read(partition->ctx, hvemu__load(&vp->id), gpa, to, bytes));
}

static enum hvemu_action told_where(struct hvemu_call *call, enum hvemu_action action, uint64_t gpa,
                                    uint32_t access)
{
    if (action == HVEMU_INTERCEPT) {
        call->gpa = gpa;
        call->access = access;
    }
    return action;
}

/* In one op, so that what is copied is of one moment. After a header, what earlier invocations have
 * done is therefore read once more, and not looked at. */
static enum hvemu_action read_input(struct hvemu_vp *vp, struct hvemu_call *call,
                                    const struct hvemu_descriptor *row,
                                    const struct hvemu__work *work)
{
    const uint32_t from = call->header_bytes ? 0 : work->start * row->in_each;
    const uint32_t to = call->header_bytes + work->end * row->in_each;

    const uint64_t gpa = call->in_gpa + from;

    if (from == to)
        return HVEMU_STEP;
    return told_where(call, read_gpa(vp, gpa, vp->in + from, to - from), gpa, HVEMU_ACCESS_READ);
}

static enum hvemu_action probe_output(struct hvemu_vp *vp, struct hvemu_call *call, uint64_t gpa,
                                      uint32_t bytes)
{
    const struct hvemu_ops *ops = &vp->hv->ops;
    int answer = HVEMU_MEM_NONE;

    if (!bytes)
        return HVEMU_STEP;
    if (ops->gpa_write && !hvemu__overlaid(vp->partition, gpa))
        answer = ops->gpa_writable
                     ? ops->gpa_writable(vp->partition->ctx, hvemu__load(&vp->id), gpa, bytes)
                     : HVEMU_MEM_OK;
    return told_where(call, hvemu__step_after(answer), gpa, HVEMU_ACCESS_WRITE);
}

/* Carries the work out, and makes of what became of it the guest's next step: a result, or the same
 * instruction again with the next start index. */
static enum hvemu_action run(struct hvemu_vp *vp, struct hvemu_call *call,
                             const struct hvemu_descriptor *row, struct hvemu__work *work,
                             uint32_t *out_bytes)
{
    struct hvemu__invocation invocation;
    uint16_t status;

    hvemu__introduce(&invocation, vp->hv, vp, vp->partition, hvemu__load(&vp->id), row,
                     call->control, call->header_bytes);
    status = hvemu__invoke(&invocation, work);
    *out_bytes = hvemu__output(row, work, status);
    if (status != HV_STATUS_TIMEOUT)
        return complete(call, hvemu__result(row, work, status));
    call->control = (call->control & ~HV_HYPERCALL_REP_START_MASK) |
                    (uint64_t)work->done << HV_HYPERCALL_REP_START_SHIFT;
    return HVEMU_REPEAT;
}

static enum hvemu_action run_in_registers(struct hvemu_vp *vp, struct hvemu_call *call,
                                          const struct hvemu_descriptor *row)
{
    struct hvemu__work work = hvemu__plan(vp->hv, call, row);
    const uint32_t out_at = call->out_at + work.start * row->out_each;
    enum hvemu_action action;
    uint32_t bytes, rest;

    work.header = call->fast;
    work.items = call->fast + call->header_bytes + work.start * row->in_each;
    work.out = call->fast + out_at;
    action = run(vp, call, row, &work, &bytes);
    if (!bytes)
        return action;
    /* Whole chunks of 16 bytes: what lies before in the first is kept, after in the last zero. */
    rest = (16 - (out_at + bytes) % 16) % 16;
    if (rest)
        memset(call->fast + out_at + bytes, 0, rest);
    call->written_at = (uint16_t)(out_at / 16 * 16);
    call->written = (uint16_t)(out_at + bytes + rest - call->written_at);
    return action;
}

static int outside_gpa_space(const struct hvemu *hv, const struct hvemu_call *call)
{
    return (call->in_bytes && call->in_gpa >= hv->gpa_end) ||
           (call->out_bytes && call->out_gpa >= hv->gpa_end);
}

static enum hvemu_action run_in_memory(struct hvemu_vp *vp, struct hvemu_call *call,
                                       const struct hvemu_descriptor *row)
{
    struct hvemu__work work = hvemu__plan(vp->hv, call, row);
    const uint64_t out_gpa = call->out_gpa + work.start * row->out_each;
    enum hvemu_action action;
    uint32_t bytes;

    if (outside_gpa_space(vp->hv, call))
        return complete(call, HV_STATUS_INVALID_ALIGNMENT);
    /* What was found writable stays so: after that, reading alone decides. */
    action = probe_output(vp, call, out_gpa, work.out_bytes);
    if (action == HVEMU_STEP)
        action = read_input(vp, call, row, &work);
    if (action != HVEMU_STEP)
        return action;
    work.header = vp->in;
    work.items = vp->in + call->header_bytes + work.start * row->in_each;
    work.out = vp->out;
    action = run(vp, call, row, &work, &bytes);
    if (bytes && vp->hv->ops.gpa_write(vp->partition->ctx, hvemu__load(&vp->id), out_gpa, vp->out,
                                       bytes) != HVEMU_MEM_OK)
        call->access = HVEMU_ACCESS_LOST;
    return action;
}

enum hvemu_action hvemu__execute(struct hvemu_vp *vp, struct hvemu_call *call,
                                 const struct hvemu_descriptor *row, enum hvemu_action action)
{
    call->access = 0;
    call->executed = 0;
    call->written_at = call->written = 0;
    if (row && !hvemu__permitted(row, hvemu__load(&vp->partition->privileges)))
        return complete(call, HV_STATUS_ACCESS_DENIED);
    if (call->status != HV_STATUS_SUCCESS)
        return complete(call, call->status);
    if (action != HVEMU_STEP)
        return action;
    return call->control & HV_HYPERCALL_FAST ? run_in_registers(vp, call, row)
                                             : run_in_memory(vp, call, row);
}

enum hvemu_action hvemu_execute(struct hvemu_vp *vp, struct hvemu_call *call)
{
    const struct hvemu_descriptor *row;
    enum hvemu_action action;

    if (!vp || !call)
        return HVEMU_FAILED;
    call->executed = call->access = 0;
    call->written_at = call->written = 0;
    action = hvemu__enter(vp);
    if (action != HVEMU_STEP)
        return action;
    row = hvemu__offered(vp->hv, (uint16_t)call->control);
    hvemu__judge_control(row, call);
    if (!(call->control & HV_HYPERCALL_FAST))
        hvemu__judge_lists(call);
    action = hvemu__execute(vp, call, row, HVEMU_STEP);
    hvemu__leave(vp);
    return action;
}
