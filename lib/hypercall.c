/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* From a judged call to its handler: target, filter, the loop over the elements, trace. The calls
 * from C come in here as well; what a guest's call needs before and after is in execute.c. */

#include "internal.h"

static hvemu_handler *const handlers[HVEMU__ROWS] = {
#define HVEMU_CALL(code, name, handler, ...) hvemu__##handler,
#define HVEMU_NAME(code, name)
#include "hypercalls.def"
};

/* Every built-in call's lists fit the register block, and a VP's smallest room. */
#define HVEMU_CALL(code, name, handler, in, in_each, out, out_each, ...)                      \
    _Static_assert((in + 15) / 16 * 16 + out <= sizeof((struct hvemu_call *)0)->fast, #name); \
    _Static_assert(in <= HVEMU__LIST && out <= HVEMU__LIST && !in_each && !out_each, #name);
#define HVEMU_NAME(code, name)
#include "hypercalls.def"

struct hvemu__work hvemu__plan(const struct hvemu *hv, const struct hvemu_call *call,
                               const struct hvemu_descriptor *row)
{
    struct hvemu__work work = {.start = call->start, .end = call->reps, .done = call->start};

    if (work.end > work.start + hv->config.rep_budget)
        work.end = work.start + hv->config.rep_budget;
    work.out_bytes = row->out + (work.end - work.start) * row->out_each;
    return work;
}

/* How much of work.out is output: a simple call's if it succeeded, a completed element's always. */
uint32_t hvemu__output(const struct hvemu_descriptor *row, const struct hvemu__work *work,
                       uint16_t status)
{
    if (!(row->form & HVEMU_REP))
        return status == HV_STATUS_SUCCESS ? row->out : 0;
    return work->done > work->start ? (work->done - work->start) * row->out_each : 0;
}

static int has_target(const struct hvemu_descriptor *row)
{
    return row->target & (HVEMU_PARENT | HVEMU_SELF);
}

/* Judges the target. That of the VMM's own call then stays until let_go(): the library's handlers
 * judge anew whatever they lose a race for, others cannot. */
static uint16_t hold_target(struct hvemu__invocation *invocation, const struct hvemu__work *work)
{
    struct hvemu__target *target = &invocation->target;
    uint16_t status;

    if (!has_target(target->row))
        return HV_STATUS_SUCCESS;
    target->id = le64dec(work->header);
    status = hvemu__judge(target);
    if (status == HV_STATUS_SUCCESS && target->row->handler) {
        struct hvemu__partition *held = target->partition;
        hvemu__add(&held->ops, 1);
        status = hvemu__judge(target);
        if (status != HV_STATUS_SUCCESS)
            hvemu__sub(&held->ops, 1);
    }
    if (status == HV_STATUS_SUCCESS)
        invocation->shown.target = target->id;
    return status;
}

static void let_go(const struct hvemu__target *target)
{
    if (has_target(target->row) && target->row->handler)
        hvemu__sub(&target->partition->ops, 1);
}

static uint16_t filter(const struct hvemu__invocation *invocation, struct hvemu__work *work)
{
    const struct hvemu_invocation *shown = &invocation->shown;
    const struct hvemu_ops *ops = &shown->hv->ops;
    const int answer = ops->filter ? ops->filter(shown->ctx, shown) : 0;

    if (answer > 0)
        return answer <= 0xFFFF ? (uint16_t)answer : HV_STATUS_OPERATION_DENIED;
    if (answer < 0 && (unsigned)-(answer + 1) < work->end - work->start)
        work->end = work->start + (unsigned)-(answer + 1) + 1;
    return HV_STATUS_SUCCESS;
}

/* Whether somebody asked for an end after the element at hand. */
static int yields(struct hvemu_vp *vp)
{
    if (!vp || !hvemu__load(&vp->yield))
        return 0;
    hvemu__store(&vp->yield, 0);
    return 1;
}

/* TIMEOUT: not all of the call is done. */
static uint16_t handle(struct hvemu__invocation *invocation, struct hvemu__work *work)
{
    const struct hvemu_descriptor *row = invocation->target.row;
    struct hvemu_invocation *shown = &invocation->shown;
    hvemu_handler *handler = row->handler ? row->handler : handlers[row - hvemu__rows];
    const unsigned reps =
        (unsigned)((shown->control & HV_HYPERCALL_REP_COUNT_MASK) >> HV_HYPERCALL_REP_COUNT_SHIFT);

    if (!(row->form & HVEMU_REP))
        return handler(shown, work->header, NULL, row->out ? work->out : NULL);
    while (work->done < work->end) {
        const unsigned at = work->done - work->start;
        uint16_t status;

        shown->index = (uint16_t)work->done;
        status = handler(shown, work->header, row->in_each ? work->items + at * row->in_each : NULL,
                         row->out_each ? work->out + at * row->out_each : NULL);
        if (status != HV_STATUS_SUCCESS)
            return status;
        work->done++;
        if (yields(shown->vp))
            break;
    }
    return work->done < reps ? HV_STATUS_TIMEOUT : HV_STATUS_SUCCESS;
}

/* Target, filter, handler. A call refused before its handler has completed nothing, whatever its
 * start index. */
static uint16_t act(struct hvemu__invocation *invocation, struct hvemu__work *work)
{
    const struct hvemu_ops *ops = &invocation->shown.hv->ops;
    uint16_t status = hold_target(invocation, work);

    if (status != HV_STATUS_SUCCESS) {
        work->done = 0;
        return status;
    }
    status = filter(invocation, work);
    if (status == HV_STATUS_SUCCESS)
        status = handle(invocation, work);
    else if (status != HV_STATUS_TIMEOUT)
        work->done = 0;
    if (ops->trace)
        ops->trace(invocation->shown.ctx, &invocation->shown, status, (uint16_t)work->done);
    let_go(&invocation->target);
    return status;
}

/* A life-cycle call takes the try-lock first; a caller that died before it was taken comes again
 * and is told so at the door. */
uint16_t hvemu__invoke(struct hvemu__invocation *invocation, struct hvemu__work *work)
{
    struct hvemu__target *target = &invocation->target;
    uint16_t status = HV_STATUS_TIMEOUT;

    if (!(target->row->target & HVEMU__LIFE))
        return act(invocation, work);
    if (!hvemu__try_lock(&target->hv->lock))
        return HV_STATUS_TIMEOUT;
    if (hvemu__alive(invocation->caller, target->caller_id))
        status = act(invocation, work);
    hvemu__unlock(&target->hv->lock);
    return status;
}

void hvemu__introduce(struct hvemu__invocation *invocation, struct hvemu *hv, struct hvemu_vp *vp,
                      struct hvemu__partition *caller, uint64_t caller_id,
                      const struct hvemu_descriptor *row, const struct hvemu_call *call)
{
    invocation->shown = (struct hvemu_invocation){.hv = hv,
                                                  .call = row,
                                                  .vp = vp,
                                                  .ctx = caller->ctx,
                                                  .caller = caller_id,
                                                  .control = call->control,
                                                  .header_bytes = call->header_bytes,
                                                  .index = call->start};
    invocation->target.hv = hv;
    invocation->target.caller_id = caller_id;
    invocation->target.row = row;
    invocation->caller = caller;
}

uint64_t hvemu__result(const struct hvemu_descriptor *row, const struct hvemu__work *work,
                       uint16_t status)
{
    const uint64_t reps = row->form & HVEMU_REP ? work->done : 0;
    return status | reps << HV_HYPERCALL_RESULT_REPS_SHIFT;
}

static uint64_t run_from_c(struct hvemu__invocation *invocation, const struct hvemu_call *call,
                           const uint8_t *in, uint8_t *out, uint8_t *in_copy, uint8_t *out_copy)
{
    const struct hvemu_descriptor *row = invocation->target.row;
    struct hvemu__work work = hvemu__plan(invocation->shown.hv, call, row);
    uint16_t status;

    if (call->header_bytes)
        memcpy(in_copy, in, call->header_bytes);
    if (row->in_each)
        memcpy(in_copy + call->header_bytes, in + call->header_bytes + work.start * row->in_each,
               (work.end - work.start) * row->in_each);
    if (work.out_bytes)
        memset(out_copy, 0, work.out_bytes);
    work.header = in_copy;
    work.items = in_copy + call->header_bytes;
    work.out = out_copy;
    status = hvemu__invoke(invocation, &work);
    if (hvemu__output(row, &work, status))
        memcpy(out + work.start * row->out_each, out_copy, hvemu__output(row, &work, status));
    return hvemu__result(row, &work, status);
}

/* Small lists have room on the stack, larger ones in the instance, one call at a time. */
static uint64_t run_with_room(struct hvemu__invocation *invocation, const struct hvemu_call *call,
                              const void *in, void *out)
{
    struct hvemu *hv = invocation->shown.hv;
    uint8_t small[2][HVEMU__LIST];
    uint64_t result;

    if (call->in_bytes <= HVEMU__LIST && call->out_bytes <= HVEMU__LIST)
        return run_from_c(invocation, call, in, out, small[0], small[1]);
    if (!hvemu__try_lock(&hv->scratch_lock))
        return HV_STATUS_TIMEOUT | (uint64_t)call->start << HV_HYPERCALL_RESULT_REPS_SHIFT;
    result = run_from_c(invocation, call, in, out, hv->in, hv->out);
    hvemu__unlock(&hv->scratch_lock);
    return result;
}

uint64_t hvemu__hypercall(struct hvemu *hv, const struct hvemu *known, uint64_t caller,
                          uint64_t control, const void *in, size_t in_bytes, void *out,
                          size_t out_bytes)
{
    struct hvemu_call call;
    struct hvemu__invocation invocation;
    struct hvemu__partition *partition;
    const struct hvemu_descriptor *row;
    uint64_t result = HV_STATUS_ACCESS_DENIED;

    call.control = control & ~(uint64_t)HV_HYPERCALL_FAST;
    row = hvemu__judge_control(known, &call);
    if (!row)
        return call.status;
    partition = hvemu__caller(hv, caller, row);
    if (!partition)
        return HV_STATUS_ACCESS_DENIED;
    if (call.status != HV_STATUS_SUCCESS)
        return call.status;
    if (call.in_bytes > HVEMU__LIST_MAX || call.out_bytes > HVEMU__LIST_MAX)
        return HV_STATUS_INVALID_ALIGNMENT; /* no page could hold it */
    if ((call.in_bytes && (!in || in_bytes < call.in_bytes)) ||
        (call.out_bytes && (!out || out_bytes < call.out_bytes)))
        return HV_STATUS_INVALID_PARAMETER;
    /* No VP keeps the caller from its end, as it does in a native call; its count of ops does. */
    hvemu__add(&partition->ops, 1);
    if (hvemu__alive(partition, caller)) {
        hvemu__introduce(&invocation, hv, NULL, partition, caller, row, &call);
        result = run_with_room(&invocation, &call, in, out);
    }
    hvemu__sub(&partition->ops, 1);
    return result;
}

uint64_t hvemu_hypercall(struct hvemu *hv, uint64_t caller, uint64_t control, const void *in,
                         size_t in_bytes, void *out, size_t out_bytes)
{
    return hvemu__hypercall(hv, hv, caller, control, in, in_bytes, out, out_bytes);
}
