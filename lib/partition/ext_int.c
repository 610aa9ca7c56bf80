/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* External interrupts: the handshake between a parent's 8259 and its child's boot processor (TLFS
 * 2.0a 13.4.1, 13.5). One automaton a partition, in the partition's word:
 *
 *     IDLE --assert(v)--> ASSERTED(v) --acknowledge--> ACKED(v) --clear--> IDLE
 *
 * assert(w) supersedes and assert(NONE) withdraws what is ASSERTED; ACKED refuses both, and that is
 * how a parent whose withdrawal came too late learns of it. Deleting VP 0, reset and finalize go to
 * IDLE in the very step that changes the rest of the word. */

#include "internal.h"

/* HvClearVirtualInterrupt: the transition. TIMEOUT: somebody else has changed the word. */
static inline uint16_t try_to_clear(struct hvemu__partition *partition, uint64_t *word)
{
    if (!(*word & HVEMU__EXT_INT_ACKED))
        return HV_STATUS_NOT_ACKNOWLEDGED;
    return hvemu__cas(&partition->word, word, *word & ~HVEMU__EXT_INT) ? HV_STATUS_SUCCESS
                                                                       : HV_STATUS_TIMEOUT;
}

/* After lost races, each of which may have ended the partition. */
HVEMU__NOINLINE static uint16_t clear_again(struct hvemu__invocation *target)
{
    for (int attempt = 1; attempt < HVEMU__ATTEMPTS; attempt++) {
        uint16_t status = hvemu__judge(target);

        if (status == HV_STATUS_SUCCESS)
            status = try_to_clear(target->partition, &target->word);
        if (status != HV_STATUS_TIMEOUT)
            return status;
    }
    return HV_STATUS_TIMEOUT;
}

uint16_t hvemu__clear_virtual_interrupt(const struct hvemu_invocation *invocation, const void *in,
                                        const void *item, void *out)
{
    struct hvemu__invocation *target = hvemu__inside(invocation);
    const uint16_t status = try_to_clear(target->partition, &target->word);

    (void)in, (void)item, (void)out;
    return status == HV_STATUS_TIMEOUT ? clear_again(target) : status;
}

static const struct hvemu_descriptor *const clear =
    &hvemu__rows[HVEMU__ROW_HvCallClearVirtualInterrupt];

HVEMU__NOINLINE static uint16_t clear_slowly(struct hvemu *hv, uint64_t caller,
                                             uint64_t destination)
{
    struct hvemu__invocation target = {
        .shown = {.hv = hv, .call = clear, .caller = caller, .target = destination}};

    return hvemu__caller(hv, caller, clear) ? clear_again(&target) : HV_STATUS_ACCESS_DENIED;
}

uint16_t hvemu_clear_virtual_interrupt(struct hvemu *hv, uint64_t caller, uint64_t destination)
{
    struct hvemu__partition *parent = hv ? hvemu__slot(hv, caller) : NULL, *child;
    uint16_t status = HV_STATUS_TIMEOUT;
    uint64_t word;

    /* A parent outlives its children: if it has this one, the privileges were its own as well. */
    if (parent && hvemu__alive(parent, caller) &&
        hvemu__permitted(clear, hvemu__load(&parent->privileges))) {
        child = hvemu__active_child(hv, caller, destination, &word);
        if (child)
            status = try_to_clear(child, &word);
    }
    return status == HV_STATUS_TIMEOUT ? clear_slowly(hv, caller, destination) : status;
}

/* The external-interrupt part of HvAssertVirtualInterrupt: vector 0..255 or NONE, parameters
 * checked, the partition's count of ops raised. */
uint16_t hvemu__assert_ext_int(struct hvemu__invocation *target, uint32_t vector)
{
    const struct hvemu *hv = target->shown.hv;

    for (int attempt = 0; attempt < HVEMU__ATTEMPTS; attempt++) {
        const uint16_t status = hvemu__judge(target);
        uint64_t next;

        if (status != HV_STATUS_SUCCESS)
            return status;
        if (!(target->word & HVEMU__VP0))
            return HV_STATUS_INVALID_VP_INDEX;
        if (target->word & HVEMU__EXT_INT_ACKED)
            return HV_STATUS_ACKNOWLEDGED;
        next = target->word & ~HVEMU__EXT_INT;
        if (vector != HV_INTERRUPT_VECTOR_NONE)
            next |= HVEMU__EXT_INT_ASSERTED | vector;
        if (next == target->word) /* no news for the boot processor: no kick */
            return HV_STATUS_SUCCESS;
        if (hvemu__cas(&target->partition->word, &target->word, next)) {
            if (hv->ops.ext_int)
                hv->ops.ext_int(target->partition->ctx, target->shown.target);
            return HV_STATUS_SUCCESS;
        }
    }
    return HV_STATUS_TIMEOUT;
}

int hvemu_ext_int_line(const struct hvemu_vp *vp)
{
    uint64_t word;

    if (!vp || vp->index != 0)
        return 0;
    word = hvemu__load(&vp->partition->word);
    return hvemu__word_alive(word, hvemu__load(&vp->id)) && (word & HVEMU__EXT_INT_ASSERTED);
}

enum hvemu_result hvemu_ext_int_acknowledge(struct hvemu_vp *vp, uint8_t *vector)
{
    uint64_t word;

    if (!vp || !vector)
        return HVEMU_E_ARGUMENT;
    if (vp->index != 0)
        return HVEMU_E_VP;
    word = hvemu__load(&vp->partition->word);
    for (int attempt = 0; attempt < HVEMU__ATTEMPTS; attempt++) {
        if (!hvemu__word_alive(word, hvemu__load(&vp->id)))
            return HVEMU_E_PARTITION;
        if (!(word & HVEMU__EXT_INT_ASSERTED))
            return HVEMU_E_NOTHING;
        /* A lost race has read the word anew. */
        if (hvemu__cas(&vp->partition->word, &word,
                       word ^ (HVEMU__EXT_INT_ASSERTED | HVEMU__EXT_INT_ACKED))) {
            *vector = (uint8_t)word;
            return HVEMU_OK;
        }
    }
    return HVEMU_E_BUSY;
}
