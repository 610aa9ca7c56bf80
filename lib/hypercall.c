/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* From a decoded call to its handler and back: the checks, in the order that docs/architecture.md
 * gives, the private copies of the lists, and the result. */

#include "internal.h"

static hvemu__handler *const handlers[HVEMU__ROWS] = {
#define HVEMU_CALL(code, name, handler, ...) hvemu__##handler,
#define HVEMU_NAME(code, name)
#include "hypercalls.def"
};

/* Every row fits the register block, and a VP's room for lists in memory. */
#define HVEMU_CALL(code, name, handler, in_size, out_size, ...)            \
    _Static_assert((in_size + 15) / 16 * 16 + (out_size + 15) / 16 * 16 <= \
                       sizeof((struct hvemu_call *)0)->fast,               \
                   #name);                                                 \
    _Static_assert(in_size <= sizeof((struct hvemu_vp *)0)->in &&          \
                       out_size <= sizeof((struct hvemu_vp *)0)->out,      \
                   #name);
#define HVEMU_NAME(code, name)
#include "hypercalls.def"

/* Target, then handler. A life-cycle call takes the try-lock first; a caller that died before it
 * was taken comes again and is told so at the door. */
static uint16_t invoke(struct hvemu__invocation *invocation, const void *in, void *out)
{
    struct hvemu__target *target = &invocation->target;
    const struct hvemu__row *row = target->row;
    uint16_t status = HV_STATUS_SUCCESS;

    if (row->rules & HVEMU__LIFE) {
        if (!hvemu__try_lock(&target->hv->lock))
            return HV_STATUS_TIMEOUT;
        if (!hvemu__alive(invocation->caller, target->caller_id))
            status = HV_STATUS_TIMEOUT;
    }
    if (status == HV_STATUS_SUCCESS && (row->rules & HVEMU__PARENT)) {
        target->id = le64dec(in);
        status = hvemu__judge(target);
    }
    if (status == HV_STATUS_SUCCESS)
        status = handlers[row - hvemu__rows](invocation, in, out);
    if (row->rules & HVEMU__LIFE)
        hvemu__unlock(&target->hv->lock);
    return status;
}

uint64_t hvemu_hypercall(struct hvemu *hv, uint64_t caller, uint64_t control, const void *in,
                         size_t in_bytes, void *out, size_t out_bytes)
{
    struct hvemu_call call;
    struct hvemu__invocation invocation;
    const struct hvemu__row *row;
    uint8_t in_copy[sizeof((struct hvemu_vp *)0)->in];
    uint8_t out_copy[sizeof((struct hvemu_vp *)0)->out] = {0};
    uint16_t status;

    call.control = control;
    row = hvemu__judge_control(&call);
    if (!row)
        return call.status;
    invocation.target = (struct hvemu__target){.hv = hv, .caller_id = caller, .row = row};
    invocation.caller = hvemu__caller(hv, caller, row);
    if (!invocation.caller)
        return HV_STATUS_ACCESS_DENIED;
    if (call.status != HV_STATUS_SUCCESS)
        return call.status;
    if ((row->in && (!in || in_bytes < row->in)) || (row->out && (!out || out_bytes < row->out)))
        return HV_STATUS_INVALID_PARAMETER;
    if (row->in)
        memcpy(in_copy, in, row->in);
    status = invoke(&invocation, in_copy, out_copy);
    if (status == HV_STATUS_SUCCESS && row->out)
        memcpy(out, out_copy, row->out);
    return status;
}

enum hvemu_action hvemu__enter(struct hvemu_vp *vp)
{
    if (!hvemu__alive(vp->partition, vp->id))
        return HVEMU_GONE;
    if (hvemu__load(&vp->busy))
        return HVEMU_FAILED;
    hvemu__store(&vp->busy, 1);
    return HVEMU_STEP;
}

void hvemu__leave(struct hvemu_vp *vp)
{
    hvemu__store(&vp->busy, 0);
}

static enum hvemu_action complete(struct hvemu_call *call, uint16_t status)
{
    call->status = status;
    call->result = status; /* no call here has reps to report */
    return HVEMU_STEP;
}

/* What a memory op's answer makes of the call. */
static enum hvemu_action judge_answer(struct hvemu_call *call, int answer, uint64_t gpa,
                                      uint32_t access)
{
    switch (answer) {
    case HVEMU_MEM_OK:
        return HVEMU_STEP;
    case HVEMU_MEM_NONE:
        call->gpa = gpa;
        call->access = access;
        return HVEMU_INTERCEPT;
    case HVEMU_MEM_AGAIN:
        return HVEMU_REPEAT;
    default:
        return HVEMU_FAILED;
    }
}

/* Input is read once, exactly its bytes; nobody looks at guest memory again. */
static enum hvemu_action read_input(struct hvemu_vp *vp, struct hvemu_call *call)
{
    const struct hvemu_ops *ops = &vp->hv->ops;
    int answer = HVEMU_MEM_NONE;

    if (!call->in_bytes)
        return HVEMU_STEP;
    if (ops->gpa_read && !hvemu__overlaid(vp->partition, call->in_gpa))
        answer = ops->gpa_read(vp->partition->ctx, vp->id, call->in_gpa, vp->in, call->in_bytes);
    return judge_answer(call, answer, call->in_gpa, HVEMU_ACCESS_READ);
}

static enum hvemu_action probe_output(struct hvemu_vp *vp, struct hvemu_call *call)
{
    const struct hvemu_ops *ops = &vp->hv->ops;
    int answer = HVEMU_MEM_NONE;

    if (!call->out_bytes)
        return HVEMU_STEP;
    if (ops->gpa_write && !hvemu__overlaid(vp->partition, call->out_gpa))
        answer = ops->gpa_writable
                     ? ops->gpa_writable(vp->partition->ctx, vp->id, call->out_gpa, call->out_bytes)
                     : HVEMU_MEM_OK;
    return judge_answer(call, answer, call->out_gpa, HVEMU_ACCESS_WRITE);
}

static int outside_gpa_space(const struct hvemu *hv, const struct hvemu_call *call)
{
    return (call->in_bytes && call->in_gpa >= hv->gpa_end) ||
           (call->out_bytes && call->out_gpa >= hv->gpa_end);
}

static enum hvemu_action run(struct hvemu_vp *vp, struct hvemu_call *call,
                             const struct hvemu__row *row, const void *in, void *out)
{
    struct hvemu__invocation invocation;
    uint16_t status;

    invocation.target.hv = vp->hv;
    invocation.target.caller_id = vp->id;
    invocation.target.row = row;
    invocation.caller = vp->partition;
    if (row->out)
        memset(out, 0, (size_t)(row->out + 15) / 16 * 16);
    status = invoke(&invocation, in, out);
    return status == HV_STATUS_TIMEOUT ? HVEMU_REPEAT : complete(call, status);
}

static enum hvemu_action run_in_memory(struct hvemu_vp *vp, struct hvemu_call *call,
                                       const struct hvemu__row *row)
{
    const struct hvemu_ops *ops = &vp->hv->ops;
    enum hvemu_action action;

    if (outside_gpa_space(vp->hv, call))
        return complete(call, HV_STATUS_INVALID_ALIGNMENT);
    action = read_input(vp, call);
    if (action == HVEMU_STEP)
        action = probe_output(vp, call);
    if (action == HVEMU_STEP)
        action = run(vp, call, row, vp->in, vp->out);
    if (action == HVEMU_STEP && call->status == HV_STATUS_SUCCESS && call->out_bytes &&
        ops->gpa_write(vp->partition->ctx, vp->id, call->out_gpa, vp->out, call->out_bytes) !=
            HVEMU_MEM_OK)
        call->access = HVEMU_ACCESS_LOST;
    return action;
}

enum hvemu_action hvemu__execute(struct hvemu_vp *vp, struct hvemu_call *call,
                                 const struct hvemu__row *row, enum hvemu_action action)
{
    call->access = 0;
    if (row && (row->privilege & ~hvemu__load(&vp->partition->privileges)))
        return complete(call, HV_STATUS_ACCESS_DENIED);
    if (call->status != HV_STATUS_SUCCESS)
        return complete(call, call->status);
    if (action != HVEMU_STEP)
        return action;
    if (call->control & HV_HYPERCALL_FAST)
        return run(vp, call, row, call->fast, call->fast + call->out_at);
    return run_in_memory(vp, call, row);
}

enum hvemu_action hvemu_execute(struct hvemu_vp *vp, struct hvemu_call *call)
{
    const struct hvemu__row *row;
    enum hvemu_action action;

    if (!vp || !call)
        return HVEMU_FAILED;
    action = hvemu__enter(vp);
    if (action != HVEMU_STEP)
        return action;
    row = hvemu__judge_control(call);
    if (!(call->control & HV_HYPERCALL_FAST))
        hvemu__judge_lists(call);
    action = hvemu__execute(vp, call, row, HVEMU_STEP);
    hvemu__leave(vp);
    return action;
}
