/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Partitions: the table, IDs that are never used twice, and who may act on whom (TLFS 2.0a 5).
 * Slots stay where they are for the life of the instance, so a stale ID meets another generation in
 * a word, never freed memory. */

#include "internal.h"

/* Whether the caller is to the partition what the row asks for. A parent outlives its children, so
 * whoever is the parent is active. */
static int related(const struct hvemu__invocation *target, uint64_t id, uint64_t parent)
{
    const unsigned accepted = target->shown.call->target;
    uint64_t needed;

    if (accepted & HVEMU_PARENT && parent == target->shown.caller)
        needed = HV_PRIVILEGE_CREATE_PARTITIONS;
    else if (id == target->shown.caller &&
             (accepted & HVEMU_SELF || (accepted & HVEMU__ROOT && id == HVEMU__ROOT_ID)))
        needed = target->shown.call->privilege;
    else
        return 0;
    /* Else the privilege was judged with the code. */
    return !(accepted & HVEMU__PRIVILEGED) ||
           !(needed &
             ~hvemu__load(&hvemu__slot(target->shown.hv, target->shown.caller)->privileges));
}

uint16_t hvemu__judge_slowly(struct hvemu__invocation *target)
{
    const uint64_t id =
        target->shown.target == HV_PARTITION_ID_SELF ? target->shown.caller : target->shown.target;
    struct hvemu__partition *partition = hvemu__slot(target->shown.hv, id);
    uint64_t word, parent;

    if (!partition)
        return HV_STATUS_INVALID_PARTITION_ID;
    word = hvemu__load(&partition->word);
    if (HVEMU__GENERATION(word) != id >> 24 || HVEMU__STATE(word) == HVEMU__FREE)
        return HV_STATUS_INVALID_PARTITION_ID;
    /* The word on both sides of the parent: else an old partition could be judged by its
       successor's parent. */
    parent = hvemu__load(&partition->parent);
    if (HVEMU__GENERATION(hvemu__load(&partition->word)) != id >> 24)
        return HV_STATUS_INVALID_PARTITION_ID;
    if (!related(target, id, parent))
        return HV_STATUS_ACCESS_DENIED;
    if (!(target->shown.call->states >> HVEMU__STATE(word) & 1))
        return HV_STATUS_INVALID_PARTITION_STATE;
    target->shown.target = id;
    target->partition = partition;
    target->word = word;
    return HV_STATUS_SUCCESS;
}

void hvemu__set_state(struct hvemu__partition *partition, uint64_t state)
{
    const uint64_t word = hvemu__load(&partition->word) & ~HVEMU__STATE_MASK;
    hvemu__store(&partition->word, word | HVEMU__STATE_IS(state));
}

static void append_free(struct hvemu *hv, struct hvemu__partition *partition)
{
    const uint32_t place = (uint32_t)(partition - hv->partitions) + 1;

    partition->rest->next = 0;
    if (hv->first_free)
        hv->partitions[hv->last_free - 1].rest->next = place;
    else
        hv->first_free = place;
    hv->last_free = place;
}

/* The partition's parent, NULL if that is the root. */
static struct hvemu__partition *above(const struct hvemu *hv, struct hvemu__partition *partition)
{
    const uint64_t parent = hvemu__load(&partition->parent);

    return parent == HVEMU__ROOT_ID ? NULL : hvemu__slot(hv, parent);
}

/* Whom a new child of `parent` counts for, upwards: nobody if that is the root. */
static struct hvemu__partition *first_above(struct hvemu *hv, struct hvemu__partition *parent)
{
    return parent == hv->partitions ? NULL : parent;
}

uint16_t hvemu__room_for_child(struct hvemu *hv, struct hvemu__partition *parent)
{
    if (parent->rest->depth >= hv->config.depth)
        return HV_STATUS_PARTITION_TOO_DEEP;
    if (parent->rest->children >= hv->config.children || !hv->first_free)
        return HV_STATUS_NO_RESOURCES;
    for (struct hvemu__partition *p = first_above(hv, parent); p; p = above(hv, p))
        if (p->rest->descendants >= hv->config.descendants)
            return HV_STATUS_NO_RESOURCES;
    return HV_STATUS_SUCCESS;
}

uint64_t hvemu__next_id(struct hvemu *hv)
{
    const uint64_t word = hvemu__load(&hv->partitions[hv->first_free - 1].word);
    return HVEMU__GENERATION(word) << 24 | hv->first_free;
}

/* Creation order is the order of hvemu_get_next_child_partition(). */
static void append_child(struct hvemu *hv, struct hvemu__partition *parent,
                         struct hvemu__partition *child)
{
    const uint32_t place = (uint32_t)(child - hv->partitions) + 1;

    child->rest->next = 0;
    child->rest->previous = parent->rest->last_child;
    if (parent->rest->last_child)
        hv->partitions[parent->rest->last_child - 1].rest->next = place;
    else
        parent->rest->first_child = place;
    parent->rest->last_child = place;
    parent->rest->children++;
    for (struct hvemu__partition *p = first_above(hv, parent); p; p = above(hv, p))
        p->rest->descendants++;
}

static void remove_child(struct hvemu *hv, struct hvemu__partition *parent,
                         const struct hvemu__partition *child)
{
    *(child->rest->previous ? &hv->partitions[child->rest->previous - 1].rest->next
                            : &parent->rest->first_child) = child->rest->next;
    *(child->rest->next ? &hv->partitions[child->rest->next - 1].rest->previous
                        : &parent->rest->last_child) = child->rest->previous;
    parent->rest->children--;
    for (struct hvemu__partition *p = first_above(hv, parent); p; p = above(hv, p))
        p->rest->descendants--;
}

/* The word comes last: it is the door. */
struct hvemu__partition *hvemu__make_child(struct hvemu *hv, struct hvemu__partition *parent,
                                           uint64_t parent_id, uint64_t privileges, void *ctx,
                                           uint64_t state)
{
    struct hvemu__partition *child = &hv->partitions[hv->first_free - 1];

    hv->first_free = child->rest->next;
    hvemu__store(&child->parent, parent_id);
    hvemu__store(&child->privileges, privileges & hvemu__load(&parent->privileges));
    hvemu__store(&child->hypercall_msr, 0);
    hvemu__store(&child->guest_os_id, 0);
    hvemu__store(&child->rest->intercepts, 0);
    hvemu__store(&child->rest->wanted, 0);
    child->ctx = ctx;
    child->rest->depth = parent->rest->depth + 1;
    child->rest->price = child->rest->mapped = 0;
    hvemu__default_properties(child);
    append_child(hv, parent, child);
    hvemu__set_state(child, state);
    return child;
}

/* All that it had was given back before. */
void hvemu__end_child(struct hvemu *hv, struct hvemu__partition *parent,
                      struct hvemu__partition *child)
{
    const uint64_t generation = HVEMU__GENERATION(hvemu__load(&child->word)) + 1;

    remove_child(hv, parent, child);
    hvemu__refund(parent, child->rest->price);
    hvemu__store(&child->word, generation << 24 | HVEMU__STATE_IS(HVEMU__FREE));
    if (generation < HVEMU__GENERATION_END) /* else the slot has had its last ID */
        append_free(hv, child);
}

void hvemu__make_root(struct hvemu *hv, void *ctx)
{
    struct hvemu__partition *root = hv->partitions;

    hvemu__store(&root->privileges, HV_PRIVILEGE_ALL);
    hvemu__default_properties(root);
    root->ctx = ctx;
    hvemu__set_state(root, HVEMU__ACTIVE);
    for (uint32_t i = 1; i < hv->config.partitions; i++) {
        hvemu__set_state(&hv->partitions[i], HVEMU__FREE);
        append_free(hv, &hv->partitions[i]);
    }
}

enum hvemu_result hvemu_add_guest(struct hvemu *hv, uint64_t parent, uint64_t privileges, void *ctx,
                                  uint64_t *partition)
{
    struct hvemu__partition *slot = hv ? hvemu__slot(hv, parent) : NULL;
    enum hvemu_result result = HVEMU_OK;

    if (!hv || !partition)
        return HVEMU_E_ARGUMENT;
    if (!slot)
        return HVEMU_E_PARTITION;
    if (!hvemu__lock_both(hv, slot))
        return HVEMU_E_BUSY;
    if (!hvemu__alive(slot, parent))
        result = HVEMU_E_PARTITION;
    else if (hvemu__room_for_child(hv, slot) != HV_STATUS_SUCCESS)
        result = HVEMU_E_SPACE;
    else {
        *partition = hvemu__next_id(hv);
        hvemu__make_child(hv, slot, parent, privileges, ctx, HVEMU__ACTIVE);
    }
    hvemu__unlock_both(hv, slot);
    return result;
}

/* Takes the page away, then forgets the two MSRs. Answers as the overlay op does. */
static int reset_msrs(struct hvemu *hv, struct hvemu__partition *partition, uint64_t id)
{
    int answer = HVEMU_MEM_OK;

    if (!hvemu__try_lock(&partition->msr_lock))
        return HVEMU_MEM_AGAIN;
    if (hvemu__load(&partition->hypercall_msr) & HV_X64_MSR_HYPERCALL_ENABLE)
        answer = hv->ops.overlay(partition->ctx, id, 0, NULL, 0);
    if (answer == HVEMU_MEM_OK) {
        hvemu__store(&partition->hypercall_msr, 0);
        hvemu__store(&partition->guest_os_id, 0);
    }
    hvemu__unlock(&partition->msr_lock);
    return answer;
}

static enum hvemu_result reset(struct hvemu *hv, struct hvemu__partition *partition, uint64_t id)
{
    if (!hvemu__alive(partition, id))
        return HVEMU_E_PARTITION;
    for (const struct hvemu_vp *vp = partition->rest->vps; vp; vp = vp->next)
        if (hvemu__load(&vp->busy))
            return HVEMU_E_BUSY;
    switch (reset_msrs(hv, partition, id)) {
    case HVEMU_MEM_OK:
        hvemu__and(&partition->word, ~HVEMU__EXT_INT);
        for (struct hvemu_vp *vp = partition->rest->vps; vp; vp = vp->next)
            vp->started = vp->index == 0;
        return HVEMU_OK;
    case HVEMU_MEM_AGAIN:
        return HVEMU_E_BUSY;
    default:
        return HVEMU_E_OP;
    }
}

enum hvemu_result hvemu_reset(struct hvemu *hv, uint64_t partition)
{
    struct hvemu__partition *slot;
    enum hvemu_result result;

    if (!hv)
        return HVEMU_E_ARGUMENT;
    slot = hvemu__slot(hv, partition);
    if (!slot)
        return HVEMU_E_PARTITION;
    if (!hvemu__lock_both(hv, slot))
        return HVEMU_E_BUSY;
    result = reset(hv, slot, partition);
    hvemu__unlock_both(hv, slot);
    return result;
}

uint32_t hvemu_partition_state(const struct hvemu *hv, uint64_t partition)
{
    struct hvemu__partition *slot = hv ? hvemu__slot(hv, partition) : NULL;
    uint64_t word;

    if (!slot)
        return 0;
    word = hvemu__load(&slot->word);
    return HVEMU__GENERATION(word) == partition >> 24 && HVEMU__STATE(word) != HVEMU__FREE
               ? (uint32_t)1 << HVEMU__STATE(word)
               : 0;
}
