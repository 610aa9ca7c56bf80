/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The floor: the least code that does the job of a fast HvClearVirtualInterrupt, for a processor
 * whose partition never ends: mode, code, privilege, reserved bits and size by a table, whose child
 * it is and in which state, the compare-and-swap, the result in registers. What libhvemu takes
 * beyond that is the price of what is left out here: other forms of calls, ends of life, calls of
 * the VMM's own, ops. In a file of its own, so that the compiler knows of the loop around it as
 * little as it does with a library. */

#include "bench.h"

#include <stdatomic.h>

#include <hvgdk/hvgdk.h>

struct floor_row {
    uint16_t (*handler)(const struct floor_vp *vp, const uint64_t *in);
    uint64_t privilege, forbidden; /* bits that the control word must not have */
    uint16_t in, out;
};

static uint16_t clear(const struct floor_vp *vp, const uint64_t *in)
{
    const uint64_t id = in[0];
    const uint32_t index = (uint32_t)(id & 0xFFFFFF) - 1;
    struct floor_partition *partition;
    uint64_t word;

    if (index >= vp->partition_count)
        return HV_STATUS_INVALID_PARTITION_ID;
    partition = &vp->partitions[index];
    word = atomic_load(&partition->word);
    if (word >> 24 != id >> 24)
        return HV_STATUS_INVALID_PARTITION_ID;
    if (partition->parent != vp->caller)
        return HV_STATUS_ACCESS_DENIED;
    do {
        if ((word & FLOOR_STATE) != FLOOR_ACTIVE)
            return HV_STATUS_INVALID_PARTITION_STATE;
        if (!(word & FLOOR_ACKED))
            return HV_STATUS_NOT_ACKNOWLEDGED;
    } while (!atomic_compare_exchange_strong(&partition->word, &word, word & ~FLOOR_EXT_INT));
    return HV_STATUS_SUCCESS;
}

static const struct floor_row rows[512] = {
    [HvCallClearVirtualInterrupt] = {
        .handler = clear,
        .privilege = HV_PRIVILEGE_CREATE_PARTITIONS,
        .forbidden = HV_HYPERCALL_RESERVED_MASK | HV_HYPERCALL_NESTED | HV_HYPERCALL_VARHEAD_MASK |
                     HV_HYPERCALL_REP_COUNT_MASK | HV_HYPERCALL_REP_START_MASK,
        .in = 8,
    }};

struct floor_partition floor_partitions[MANY];
struct floor_vp floor_vp = {
    rows, sizeof rows / sizeof *rows, MANY, floor_partitions, 1, HV_PRIVILEGE_ALL};

static uint16_t judge(const struct floor_vp *vp, uint64_t control)
{
    const uint16_t code = control & HV_HYPERCALL_CODE_MASK;
    const struct floor_row *row = &vp->rows[code];

    if (code >= vp->row_count || !row->handler)
        return HV_STATUS_INVALID_HYPERCALL_CODE;
    if (row->privilege & ~vp->privileges)
        return HV_STATUS_ACCESS_DENIED;
    if (control & row->forbidden || !(control & HV_HYPERCALL_FAST) || row->in > 16 || row->out)
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    return HV_STATUS_SUCCESS;
}

enum hvemu_action floor_hypercall(const struct floor_vp *vp, struct hvemu_x64_frame *frame)
{
    const uint64_t in[2] = {frame->rdx, frame->r8};
    uint16_t status;

    frame->changed = frame->access = 0;
    if ((frame->mode & (HVEMU_X64_KERNEL64 | HVEMU_X64_CPL)) != HVEMU_X64_KERNEL64)
        return HVEMU_UD;
    status = judge(vp, frame->rcx);
    if (status == HV_STATUS_SUCCESS)
        status = vp->rows[frame->rcx & HV_HYPERCALL_CODE_MASK].handler(vp, in);
    frame->rax = status;
    frame->changed = HVEMU_X64_RAX;
    return HVEMU_STEP;
}

int floor_swap(struct floor_partition *partition)
{
    uint64_t word = atomic_load(&partition->word);

    return word & FLOOR_ACKED &&
           atomic_compare_exchange_strong(&partition->word, &word, word & ~FLOOR_EXT_INT);
}

enum hvemu_action floor_nothing(const struct floor_vp *vp, struct hvemu_x64_frame *frame)
{
    (void)vp, (void)frame;
    return HVEMU_STEP;
}
