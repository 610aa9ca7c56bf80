/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The rows of hypercalls.def as data, and what can be said of a call from its shape alone: the
 * control word (TLFS 6.0b 3.7) and where its lists lie (3.6). No state, no handlers. */

#include "internal.h"

/* States and rules as the rows write them. */
enum {
    ANY = 0xFF,
    UNINITIALIZED = 1 << HVEMU__UNINITIALIZED,
    ACTIVE = 1 << HVEMU__ACTIVE,
    FINALIZING = 1 << HVEMU__FINALIZING,
    FINALIZED = 1 << HVEMU__FINALIZED,
    NO_TARGET = 0,
    PARENT = HVEMU__PARENT,
    LIFE = HVEMU__LIFE
};

const struct hvemu__row hvemu__rows[HVEMU__ROWS] = {
#define HVEMU_CALL(code, name, handler, in, out, rules, states, privilege) \
    {HV_PRIVILEGE_##privilege, code, in, out, rules, states},
#define HVEMU_NAME(code, name)
#include "hypercalls.def"
};

/* A switch, because two rows with one code must not compile; compilers make a table of it. */
static const struct hvemu__row *find(uint16_t code)
{
    switch (code) {
#define HVEMU_CALL(code, name, ...) \
    case code:                      \
        return &hvemu__rows[HVEMU__ROW_##name];
#define HVEMU_NAME(code, name)
#include "hypercalls.def"
    default:
        return NULL;
    }
}

const struct hvemu__row *hvemu__judge_control(struct hvemu_call *call)
{
    const uint64_t control = call->control;
    const struct hvemu__row *row = find((uint16_t)(control & HV_HYPERCALL_CODE_MASK));

    call->code = (uint16_t)(control & HV_HYPERCALL_CODE_MASK);
    call->reps =
        (uint16_t)((control & HV_HYPERCALL_REP_COUNT_MASK) >> HV_HYPERCALL_REP_COUNT_SHIFT);
    call->start =
        (uint16_t)((control & HV_HYPERCALL_REP_START_MASK) >> HV_HYPERCALL_REP_START_SHIFT);
    call->in_bytes = row ? row->in : 0;
    call->out_bytes = row ? row->out : 0;
    call->out_at = (uint16_t)(control & HV_HYPERCALL_FAST ? (call->in_bytes + 15) & ~15 : 0);
    call->status = HV_STATUS_SUCCESS;
    if (!row)
        call->status = HV_STATUS_INVALID_HYPERCALL_CODE;
    else if (control & ~(HV_HYPERCALL_CODE_MASK | HV_HYPERCALL_FAST))
        /* Reserved and nested bits, rep fields and variable header: every call here is simple. */
        call->status = HV_STATUS_INVALID_HYPERCALL_INPUT;
    return row;
}

static int misplaced(uint64_t gpa, uint32_t bytes)
{
    return bytes && (gpa % 8 || gpa % HV_PAGE_SIZE + bytes > HV_PAGE_SIZE);
}

void hvemu__judge_lists(struct hvemu_call *call)
{
    if (call->status == HV_STATUS_SUCCESS &&
        (misplaced(call->in_gpa, call->in_bytes) || misplaced(call->out_gpa, call->out_bytes)))
        call->status = HV_STATUS_INVALID_ALIGNMENT;
}
