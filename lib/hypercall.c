/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* From a judged call to its handler: target, filter, the loop over the elements, trace. The calls
 * from C come in here as well; what a guest's call needs before and after is in execute.c. */

#include "dispatch.h"

hvemu_handler *const hvemu__handlers[HVEMU__CODES] = {
#define HVEMU_CALL(code, name, handler, ...) [code] = hvemu__##handler,
#define HVEMU_NAME(code, name)
#include "hypercalls.def"
};

/* A built-in call is found by its code, and from C there is always room for what it puts out. */
#define HVEMU_CALL(code, name, handler, in, in_each, out, out_each, ...) \
    _Static_assert(code < HVEMU__CODES && out <= HVEMU__SMALL && out_each <= HVEMU__SMALL, #name);
#define HVEMU_NAME(code, name)
#include "hypercalls.def"

static int has_target(const struct hvemu_descriptor *row)
{
    return row->target & (HVEMU_PARENT | HVEMU_SELF);
}

/* What must be done beside judging the target: few calls need any of it. */
static int is_plain(const struct hvemu_descriptor *row)
{
    return !(row->handler || row->target & (HVEMU__LOCK | HVEMU__VP));
}

/* A guest that calls about itself, over and over, must not keep its parent from it: once the parent
 * has found the lock taken, the guest's calls make room, for some time at most. */
static int lock_target(const struct hvemu__invocation *target)
{
    enum { FOR = 1 << 16 };
    struct hvemu__partition *partition = target->partition;
    const int own = target->shown.target == target->shown.caller;
    const uint32_t wanted = hvemu__load(&partition->rest->wanted);

    if (own && wanted) {
        hvemu__store(&partition->rest->wanted, wanted - 1);
        return 0;
    }
    if (hvemu__try_lock(&partition->rest->lock)) {
        if (!own && wanted)
            hvemu__store(&partition->rest->wanted, 0);
        return 1;
    }
    if (!own)
        hvemu__store(&partition->rest->wanted, FOR);
    return 0;
}

/* Whether a judged target is held by its try-lock. Of the VMM's own calls those whose target need
 * not be active, as the count of ops keeps an active partition alone; but a caller is kept already. */
static int by_lock(const struct hvemu__invocation *target)
{
    const struct hvemu_descriptor *row = target->shown.call;

    return row->handler
               ? row->states != HVEMU_STATE_ACTIVE && target->shown.target != target->shown.caller
               : row->target & HVEMU__LOCK;
}

/* Keeps the target as it was judged until let_go(): by its try-lock, or by its count of ops, which
 * the VMM's own calls need: the library's that take no lock judge anew whatever they lose a race
 * for, others cannot. */
static uint16_t hold(struct hvemu__invocation *target)
{
    struct hvemu__partition *held = target->partition;
    uint16_t status;

    if (by_lock(target)) {
        if (!lock_target(target))
            return HV_STATUS_TIMEOUT;
        status = hvemu__judge(target);
        if (status != HV_STATUS_SUCCESS)
            hvemu__unlock(&held->rest->lock);
        return status;
    }
    hvemu__add(&held->ops, 1);
    status = hvemu__judge(target);
    if (status != HV_STATUS_SUCCESS)
        hvemu__sub(&held->ops, 1);
    return status;
}

static void let_go(const struct hvemu__invocation *target)
{
    if (by_lock(target))
        hvemu__unlock(&target->partition->rest->lock);
    else
        hvemu__sub(&target->partition->ops, 1);
}

/* The VP that the header names behind its partition; the caller may call its own SELF. */
static struct hvemu_vp *named_vp(const struct hvemu__invocation *invocation,
                                 const struct hvemu__work *work)
{
    const struct hvemu__invocation *target = invocation;
    const uint32_t index = le32dec(work->header + 8);

    return index == HV_VP_INDEX_SELF && target->shown.target == target->shown.caller
               ? invocation->shown.vp
               : hvemu__find_vp(target->partition, index);
}

/* Holds the target that was judged, and finds its VP. */
HVEMU__NOINLINE static uint16_t hold_target(struct hvemu__invocation *invocation,
                                            const struct hvemu__work *work)
{
    struct hvemu__invocation *target = invocation;
    const uint16_t status = hold(target);

    if (status != HV_STATUS_SUCCESS || !(target->shown.call->target & HVEMU__VP))
        return status;
    target->vp = named_vp(invocation, work);
    if (target->vp)
        return HV_STATUS_SUCCESS;
    let_go(target);
    return HV_STATUS_INVALID_VP_INDEX;
}

HVEMU__NOINLINE static uint16_t filter(const struct hvemu__invocation *invocation,
                                       struct hvemu__work *work)
{
    const struct hvemu_invocation *shown = &invocation->shown;
    const int answer = shown->hv->ops.filter(shown->ctx, shown);

    if (answer > 0)
        return answer <= 0xFFFF ? (uint16_t)answer : HV_STATUS_OPERATION_DENIED;
    if (answer < 0 && (unsigned)-(answer + 1) < work->end - work->start)
        work->end = work->start + (unsigned)-(answer + 1) + 1;
    return HV_STATUS_SUCCESS;
}

/* A simple call, or one element, whose output is `bytes` at `at`. */
static inline uint16_t handle_one(const struct hvemu_invocation *shown, hvemu_handler *handler,
                                  const struct hvemu__work *work, const uint8_t *item, unsigned at,
                                  uint32_t bytes)
{
    uint8_t *out = NULL;
    uint16_t status;

    if (bytes) {
        out = work->room ? work->room : work->out + at;
        memset(out, 0, bytes);
    }
    status = handler(shown, work->header, item, out);
    if (status == HV_STATUS_SUCCESS && bytes && work->room)
        memcpy(work->out + at, out, bytes);
    return status;
}

/* Ends after an element during which somebody has asked for it: the list goes on in the guest's
 * next invocation. TIMEOUT: not all of it is done. */
HVEMU__NOINLINE static uint16_t handle_list(struct hvemu_invocation *shown, hvemu_handler *handler,
                                            struct hvemu__work *work)
{
    const uint32_t in_each = shown->call->in_each, out_each = shown->call->out_each;
    const unsigned reps =
        (unsigned)((shown->control & HV_HYPERCALL_REP_COUNT_MASK) >> HV_HYPERCALL_REP_COUNT_SHIFT);
    const unsigned start = work->start, end = work->end;
    _Atomic uint32_t nobody = 0, *yield = shown->vp ? &shown->vp->yield : &nobody;
    uintptr_t item = (uintptr_t)(in_each ? work->items : NULL);
    unsigned done = work->done;
    uint16_t status = HV_STATUS_SUCCESS;

    while (done < end) {
        shown->index = (uint16_t)done;
        status = handle_one(shown, handler, work, (const uint8_t *)item, (done - start) * out_each,
                            out_each);
        if (status != HV_STATUS_SUCCESS)
            break;
        done++;
        item += in_each;
        if (hvemu__load(yield)) {
            (void)hvemu__swap(yield, 0); /* a store may hide why it was set meanwhile */
            break;
        }
    }
    work->done = done;
    return status == HV_STATUS_SUCCESS && done < reps ? HV_STATUS_TIMEOUT : status;
}

static uint16_t handle(struct hvemu__invocation *invocation, struct hvemu__work *work)
{
    const struct hvemu_descriptor *row = invocation->shown.call;
    hvemu_handler *handler = hvemu__handler(row);

    if (row->form & HVEMU_REP)
        return handle_list(&invocation->shown, handler, work);
    return handle_one(&invocation->shown, handler, work, NULL, 0, row->out);
}

/* A call refused before its handler has completed nothing, whatever its start index. */
static uint16_t refused(struct hvemu__work *work, uint16_t status)
{
    if (status != HV_STATUS_TIMEOUT)
        work->done = 0;
    return status;
}

/* Target, filter, handler, trace. */
HVEMU__NOINLINE static uint16_t act(struct hvemu__invocation *invocation, struct hvemu__work *work)
{
    const struct hvemu_descriptor *row = invocation->shown.call;
    const struct hvemu_ops *ops = &invocation->shown.hv->ops;
    const int held = has_target(row) && !is_plain(row);
    uint16_t status;

    invocation->shown.target = 0;
    if (has_target(row)) {
        invocation->shown.target = hvemu__get64(work->header);
        status = hvemu__judge(invocation);
        if (status == HV_STATUS_SUCCESS && held)
            status = hold_target(invocation, work);
        if (status != HV_STATUS_SUCCESS)
            return refused(work, status);
    }
    invocation->shown.index = (uint16_t)work->start;
    status = ops->filter ? filter(invocation, work) : HV_STATUS_SUCCESS;
    if (status == HV_STATUS_SUCCESS)
        status = handle(invocation, work);
    else
        status = refused(work, status);
    if (ops->trace)
        ops->trace(invocation->shown.ctx, &invocation->shown, status, (uint16_t)work->done);
    if (held)
        let_go(invocation);
    return status;
}

/* A life-cycle call takes the instance's try-lock and the caller's first, unless it is about nobody
 * of the caller's; a caller that died before they were taken comes again and is told so at the
 * door. */
HVEMU__NOINLINE static uint16_t act_locked(struct hvemu__invocation *invocation,
                                           struct hvemu__work *work)
{
    struct hvemu__invocation *target = invocation;
    uint16_t status = HV_STATUS_SUCCESS;

    if (has_target(target->shown.call)) {
        target->shown.target = hvemu__get64(work->header);
        status = hvemu__judge(target);
    }
    if (status == HV_STATUS_INVALID_PARTITION_ID || status == HV_STATUS_ACCESS_DENIED)
        return status;
    status = HV_STATUS_TIMEOUT;
    if (!hvemu__lock_both(target->shown.hv, invocation->caller))
        return status;
    if (hvemu__alive(invocation->caller, target->shown.caller))
        status = act(invocation, work);
    hvemu__unlock_both(target->shown.hv, invocation->caller);
    return status;
}

uint16_t hvemu__invoke(struct hvemu__invocation *invocation, struct hvemu__work *work)
{
    return invocation->shown.call->target & HVEMU__LIFE ? act_locked(invocation, work)
                                                        : act(invocation, work);
}

static uint16_t run_from_c(struct hvemu__invocation *invocation, struct hvemu__work *work)
{
    const struct hvemu_descriptor *row = invocation->shown.call;
    struct hvemu *hv = invocation->shown.hv;
    uint8_t header[HVEMU__HEADER], small[HVEMU__SMALL];
    uint16_t status;

    work->room = small;
    if (invocation->shown.header_bytes <= sizeof header) {
        if (invocation->shown.header_bytes)
            memcpy(header, work->header, invocation->shown.header_bytes);
        work->header = header;
    }
    if (row->out <= HVEMU__SMALL && row->out_each <= HVEMU__SMALL)
        return hvemu__invoke(invocation, work);
    if (!hvemu__try_lock(&hv->room_lock))
        return HV_STATUS_TIMEOUT;
    work->room = hv->room;
    status = hvemu__invoke(invocation, work);
    hvemu__unlock(&hv->room_lock);
    return status;
}

/* Judges the control word and the caller's blocks, whose places `work` has, and says what is to be
 * done. By itself, so that nothing of it is on the stack when that is done. */
HVEMU__NOINLINE static uint16_t plan_from_c(struct hvemu__invocation *invocation,
                                            struct hvemu__work *work, size_t in_bytes,
                                            size_t out_bytes)
{
    const struct hvemu_descriptor *row = invocation->shown.call;
    const struct hvemu__work given = *work;
    struct hvemu_call call;
    size_t wanted;

    call.control = invocation->shown.control;
    hvemu__judge_control(row, &call);
    if (call.status != HV_STATUS_SUCCESS)
        return call.status;
    if (call.in_bytes > HVEMU__LIST_MAX || call.out_bytes > HVEMU__LIST_MAX)
        return HV_STATUS_INVALID_ALIGNMENT; /* no page could hold it */
    wanted = given.items ? call.header_bytes : call.in_bytes;
    if ((wanted && (!given.header || in_bytes < wanted)) ||
        (call.out_bytes && (!given.out || out_bytes < call.out_bytes)))
        return HV_STATUS_INVALID_PARAMETER;
    invocation->shown.header_bytes = call.header_bytes;
    *work = hvemu__plan(invocation->shown.hv, &call, row);
    work->header = given.header;
    if (row->in_each)
        work->items = (given.items ? given.items : given.header + call.header_bytes) +
                      work->start * row->in_each;
    if (given.out)
        work->out = given.out + work->start * row->out_each;
    return HV_STATUS_SUCCESS;
}

uint64_t hvemu__hypercall(struct hvemu *hv, const struct hvemu *known, uint64_t caller,
                          uint64_t control, const void *in, size_t in_bytes, const void *items,
                          void *out, size_t out_bytes)
{
    const struct hvemu_descriptor *row = hvemu__find(known, (uint16_t)control);
    struct hvemu__work work = {.header = in, .items = items, .out = out};
    struct hvemu__invocation invocation;
    struct hvemu__partition *partition;
    uint64_t result = HV_STATUS_ACCESS_DENIED;
    uint16_t status;

    if (!row)
        return HV_STATUS_INVALID_HYPERCALL_CODE;
    partition = hvemu__caller(hv, caller, row);
    if (!partition)
        return HV_STATUS_ACCESS_DENIED;
    invocation.shown.hv = hv;
    invocation.shown.call = row;
    invocation.shown.control = control & ~(uint64_t)HV_HYPERCALL_FAST;
    status = plan_from_c(&invocation, &work, in_bytes, out_bytes);
    if (status != HV_STATUS_SUCCESS)
        return status;
    /* No VP keeps the caller from its end, as it does in a native call; its count of ops does. */
    hvemu__add(&partition->ops, 1);
    if (hvemu__alive(partition, caller)) {
        /* Not before: its context is its slot's. */
        hvemu__introduce(&invocation, hv, NULL, partition, caller, row, invocation.shown.control,
                         invocation.shown.header_bytes);
        status = run_from_c(&invocation, &work);
        result = hvemu__result(row, &work, status);
    }
    hvemu__sub(&partition->ops, 1);
    return result;
}

uint64_t hvemu_hypercall(struct hvemu *hv, uint64_t caller, uint64_t control, const void *in,
                         size_t in_bytes, void *out, size_t out_bytes)
{
    return hvemu__hypercall(hv, hv, caller, control, in, in_bytes, NULL, out, out_bytes);
}
