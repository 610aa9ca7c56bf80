/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The rows of hypercalls.def as data, and what can be said of a call from its shape alone: the
 * control word (TLFS 6.0b 3.7), the sizes of its lists, and where they lie (3.6). No handlers. */

#include "internal.h"

/* Forms, targets and states as the rows write them. */
enum {
    SIMPLE = HVEMU_SIMPLE,
    REP = HVEMU_REP,
    VARIABLE = HVEMU_VARIABLE,
    NOBODY = HVEMU_NOBODY,
    PARENT = HVEMU_PARENT,
    SELF = HVEMU_SELF,
    ROOT = HVEMU__ROOT,
    PRIVILEGED = HVEMU__PRIVILEGED,
    VP = HVEMU__VP,
    LOCK = HVEMU__LOCK,
    LIFE = HVEMU__LIFE,
    ALL = 0xFE,
    UNINITIALIZED = HVEMU_STATE_UNINITIALIZED,
    ACTIVE = HVEMU_STATE_ACTIVE,
    FINALIZING = HVEMU_STATE_FINALIZING,
    FINALIZED = HVEMU_STATE_FINALIZED
};

/* Those that exits are mostly for: without elements and output, and about nobody or about a
 * child. */
#define PLAIN(form, target, states, out)                                                   \
    ((form) || (out) || ~(unsigned)PARENT & (target) || ((target) && !(ACTIVE & (states))) \
         ? 0                                                                               \
         : HVEMU__PLAIN)

#define HV_PRIVILEGE_POOL (HV_PRIVILEGE_CREATE_PARTITIONS | HV_PRIVILEGE_ACCESS_MEMORY_POOL)

_Static_assert(HVEMU_STATE_UNINITIALIZED == 1 << HVEMU__UNINITIALIZED &&
                   HVEMU_STATE_ACTIVE == 1 << HVEMU__ACTIVE &&
                   HVEMU_STATE_FINALIZING == 1 << HVEMU__FINALIZING &&
                   HVEMU_STATE_FINALIZED == 1 << HVEMU__FINALIZED,
               "HVEMU_STATE_ bits follow the word's states");

const struct hvemu_descriptor hvemu__rows[HVEMU__ROWS] = {
#define HVEMU_CALL(code_, name_, handler_, in_, in_each_, out_, out_each_, form_, target_, \
                   states_, privilege_)                                                    \
    {.size = sizeof(struct hvemu_descriptor),                                              \
     .name = #name_,                                                                       \
     .privilege = HV_PRIVILEGE_##privilege_,                                               \
     .code = code_,                                                                        \
     .form = form_,                                                                        \
     .in = in_,                                                                            \
     .in_each = in_each_,                                                                  \
     .out = out_,                                                                          \
     .out_each = out_each_,                                                                \
     .target = (target_) | PLAIN(form_, target_, states_, out_),                           \
     .states = states_},
#define HVEMU_NAME(code, name)
#include "hypercalls.def"
};

/* A switch, because two rows with one code must not compile; compilers make a table of it. */
const struct hvemu_descriptor *hvemu__built_in(uint16_t code)
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

static uint16_t at_most_16_bits(uint32_t bytes)
{
    return bytes < 0xFFFF ? (uint16_t)bytes : 0xFFFF;
}

/* A fast call's lists share the register block; output begins in whole 16 bytes behind input. */
static int fits_fast(struct hvemu_call *call)
{
    const uint32_t at = (call->in_bytes + 15u) / 16 * 16;

    if (at + call->out_bytes > sizeof call->fast)
        return 0;
    call->out_at = (uint16_t)at;
    return 1;
}

void hvemu__judge_control(const struct hvemu_descriptor *row, struct hvemu_call *call)
{
    const uint64_t control = call->control;
    const unsigned reps =
        (unsigned)((control & HV_HYPERCALL_REP_COUNT_MASK) >> HV_HYPERCALL_REP_COUNT_SHIFT);
    const unsigned start =
        (unsigned)((control & HV_HYPERCALL_REP_START_MASK) >> HV_HYPERCALL_REP_START_SHIFT);
    uint32_t header;

    call->code = (uint16_t)control;
    call->reps = (uint16_t)reps;
    call->start = (uint16_t)start;
    call->header_bytes = call->in_bytes = call->out_bytes = call->out_at = 0;
    call->status = HV_STATUS_INVALID_HYPERCALL_CODE;
    if (!row)
        return;
    header = row->in +
             (uint32_t)((control & HV_HYPERCALL_VARHEAD_MASK) >> HV_HYPERCALL_VARHEAD_SHIFT) * 8;
    call->header_bytes = (uint16_t)header;
    call->in_bytes = at_most_16_bits(header + reps * row->in_each);
    call->out_bytes = at_most_16_bits(row->out + reps * row->out_each);
    call->status = HV_STATUS_INVALID_HYPERCALL_INPUT;
    /* A rep call starts below its count. */
    if (control & hvemu__forbidden(row) || (row->form & HVEMU_REP && start >= reps))
        return;
    if (!(control & HV_HYPERCALL_FAST) || fits_fast(call))
        call->status = HV_STATUS_SUCCESS;
}

void hvemu__judge_lists(struct hvemu_call *call)
{
    if (call->status == HV_STATUS_SUCCESS && (hvemu__misplaced(call->in_gpa, call->in_bytes) ||
                                              hvemu__misplaced(call->out_gpa, call->out_bytes)))
        call->status = HV_STATUS_INVALID_ALIGNMENT;
}
