/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Carrying out a call: what the dispatcher (hypercall.c) shares with those who bring guests' calls
 * to it (execute.c, x64/exit.c), inline where most exits come by. */

#ifndef HVEMU_DISPATCH_H
#define HVEMU_DISPATCH_H

#include "internal.h"

/* What one invocation is to do of a call, and its lists: private bytes. A simple call is one
 * element without item. */
struct hvemu__work {
    unsigned start, end, done; /* elements; done: all before it are completed */
    const uint8_t *header, *items;
    uint8_t *out;
    uint8_t *room;      /* where a handler puts its output before it is good for `out`, or NULL */
    uint32_t out_bytes; /* of start to end, or the simple call's */
};

/* What one invocation of a judged call may do: all elements from its start index on, or as many as
 * the budget has. The pointers are the caller's to set. */
static inline struct hvemu__work hvemu__plan(const struct hvemu *hv, const struct hvemu_call *call,
                                             const struct hvemu_descriptor *row)
{
    struct hvemu__work work = {.start = call->start, .end = call->reps, .done = call->start};

    if (work.end > work.start + hv->config.rep_budget)
        work.end = work.start + hv->config.rep_budget;
    work.out_bytes = row->out + (work.end - work.start) * row->out_each;
    return work;
}

/* How much of work->out is output: a simple call's if it succeeded, completed elements' always. */
static inline uint32_t hvemu__output(const struct hvemu_descriptor *row,
                                     const struct hvemu__work *work, uint16_t status)
{
    if (!(row->form & HVEMU_REP))
        return status == HV_STATUS_SUCCESS ? row->out : 0;
    return work->done > work->start ? (work->done - work->start) * row->out_each : 0;
}

/* The hypercall result value. */
static inline uint64_t hvemu__result(const struct hvemu_descriptor *row,
                                     const struct hvemu__work *work, uint16_t status)
{
    const uint64_t reps = row->form & HVEMU_REP ? work->done : 0;
    return status | reps << HV_HYPERCALL_RESULT_REPS_SHIFT;
}

/* Who calls what. vp NULL: from C. The target is filled in when the call is invoked. */
static inline void hvemu__introduce(struct hvemu__invocation *invocation, struct hvemu *hv,
                                    struct hvemu_vp *vp, struct hvemu__partition *caller,
                                    uint64_t caller_id, const struct hvemu_descriptor *row,
                                    uint64_t control, uint16_t header_bytes)
{
    invocation->shown.hv = hv;
    invocation->shown.call = row;
    invocation->shown.vp = vp;
    invocation->shown.ctx = caller->ctx;
    invocation->shown.caller = caller_id;
    invocation->shown.control = control;
    invocation->shown.header_bytes = header_bytes;
    invocation->caller = caller;
}

/* The handler of a call: the VMM's own, or the library's. */
static inline hvemu_handler *hvemu__handler(const struct hvemu_descriptor *row)
{
    return row->handler ? row->handler : hvemu__handlers[row->code];
}

/* Target, filter, handlers, trace. TIMEOUT: not all is done. */
uint16_t hvemu__invoke(struct hvemu__invocation *invocation, struct hvemu__work *work);

/* Begins and ends what a VP does in the library. HVEMU_STEP: go on; GONE; FAILED if it is in a call
 * already. */
static inline enum hvemu_action hvemu__enter(struct hvemu_vp *vp)
{
    if (!hvemu__alive(vp->partition, hvemu__load(&vp->id)))
        return HVEMU_GONE;
    if (hvemu__load(&vp->busy))
        return HVEMU_FAILED;
    hvemu__store(&vp->busy, 1);
    return HVEMU_STEP;
}

static inline void hvemu__leave(struct hvemu_vp *vp)
{
    hvemu__store(&vp->busy, 0);
}

/* What a memory op's answer is to the guest. */
static inline enum hvemu_action hvemu__step_after(int answer)
{
    if (HVEMU__MOSTLY(answer == HVEMU_MEM_OK))
        return HVEMU_STEP;
    if (answer == HVEMU_MEM_NONE || answer == HVEMU_MEM_DENIED)
        return HVEMU_INTERCEPT;
    return answer == HVEMU_MEM_AGAIN ? HVEMU_REPEAT : HVEMU_FAILED;
}

/* Carries out a HVEMU__PLAIN call that nobody filters or traces, its control word and privilege
 * judged: looks for its target, if it has one, and calls its handler. A target that is not an
 * active child goes the way of any, to be refused or not. target: the first 8 bytes of `in`, in a
 * register, as to read them back would make the processor wait for them. */
static inline uint16_t hvemu__run_plain(struct hvemu__invocation *invocation,
                                        hvemu_handler *handler, uint64_t target, const uint8_t *in)
{
    invocation->shown.index = 0;
    if (HVEMU__MOSTLY(invocation->shown.call->target & HVEMU_PARENT)) {
        invocation->shown.target = target;
        if (!HVEMU__MOSTLY(hvemu__judge_at_once(invocation))) {
            struct hvemu__work work = {.header = in};
            return hvemu__invoke(invocation, &work);
        }
    } else
        invocation->shown.target = 0;
    return handler(&invocation->shown, in, NULL, NULL);
}

/* Carries out a judged call. action: the decoder's, which holds unless the privilege is missing. */
enum hvemu_action hvemu__execute(struct hvemu_vp *vp, struct hvemu_call *call,
                                 const struct hvemu_descriptor *row, enum hvemu_action action);

#endif
