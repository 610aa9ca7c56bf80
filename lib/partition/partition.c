/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Partitions: the table, IDs that are never used twice, who may act on whom, and the life cycle
 * (TLFS 2.0a 5). Slots stay where they are for the life of the instance, so a stale ID meets
 * another generation in a word, never freed memory. */

#include "internal.h"

struct hvemu__partition *hvemu__caller(struct hvemu *hv, uint64_t id,
                                       const struct hvemu_descriptor *row)
{
    struct hvemu__partition *partition = hv ? hvemu__slot(hv, id) : NULL;
    uint64_t privileges;

    if (!partition || !hvemu__alive(partition, id))
        return NULL;
    /* The word on both sides of them: else they could be a predecessor's or a successor's. */
    privileges = hvemu__load(&partition->privileges);
    if ((row->privilege & ~privileges) || !hvemu__alive(partition, id))
        return NULL;
    return partition;
}

uint16_t hvemu__judge(struct hvemu__target *target)
{
    const uint64_t id = target->id == HV_PARTITION_ID_SELF ? target->caller_id : target->id;
    struct hvemu__partition *partition = hvemu__slot(target->hv, id);
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
    /* A parent outlives its children, so whoever is the parent is active. */
    if (!(target->row->target & HVEMU_PARENT && parent == target->caller_id) &&
        !(target->row->target & HVEMU_SELF && id == target->caller_id))
        return HV_STATUS_ACCESS_DENIED;
    if (!(target->row->states >> HVEMU__STATE(word) & 1))
        return HV_STATUS_INVALID_PARTITION_STATE;
    target->id = id;
    target->partition = partition;
    target->word = word;
    return HV_STATUS_SUCCESS;
}

static void set_state(struct hvemu__partition *partition, uint64_t state)
{
    const uint64_t word = hvemu__load(&partition->word) & ~HVEMU__STATE_IS(7);
    hvemu__store(&partition->word, word | HVEMU__STATE_IS(state));
}

static void append_free(struct hvemu *hv, struct hvemu__partition *partition)
{
    const uint32_t place = (uint32_t)(partition - hv->partitions) + 1;

    partition->next_free = 0;
    if (hv->first_free)
        hv->partitions[hv->last_free - 1].next_free = place;
    else
        hv->first_free = place;
    hv->last_free = place;
}

static uint16_t room_for_child(const struct hvemu *hv, const struct hvemu__partition *parent)
{
    if (parent->depth >= hv->config.depth)
        return HV_STATUS_PARTITION_TOO_DEEP;
    if (parent->children >= hv->config.children || !hv->first_free)
        return HV_STATUS_NO_RESOURCES;
    return HV_STATUS_SUCCESS;
}

/* The ID that the next partition made will have. */
static uint64_t next_id(struct hvemu *hv)
{
    const uint64_t word = hvemu__load(&hv->partitions[hv->first_free - 1].word);
    return HVEMU__GENERATION(word) << 24 | hv->first_free;
}

/* Makes the partition next_id() spoke of; there is room. It gets no privilege that its parent
 * lacks. The word comes last: it is the door. */
static void make_child(struct hvemu *hv, struct hvemu__partition *parent, uint64_t parent_id,
                       uint64_t privileges, void *ctx, uint64_t state)
{
    struct hvemu__partition *child = &hv->partitions[hv->first_free - 1];

    hv->first_free = child->next_free;
    hvemu__store(&child->parent, parent_id);
    hvemu__store(&child->privileges, privileges & hvemu__load(&parent->privileges));
    hvemu__store(&child->hypercall_msr, 0);
    hvemu__store(&child->guest_os_id, 0);
    child->ctx = ctx;
    child->children = 0;
    child->depth = parent->depth + 1;
    parent->children++;
    set_state(child, state);
}

void hvemu__make_root(struct hvemu *hv, void *ctx)
{
    struct hvemu__partition *root = hv->partitions;

    hvemu__store(&root->privileges, HV_PRIVILEGE_ALL);
    root->ctx = ctx;
    set_state(root, HVEMU__ACTIVE);
    for (uint32_t i = 1; i < hv->config.partitions; i++)
        append_free(hv, &hv->partitions[i]);
}

enum hvemu_result hvemu_add_guest(struct hvemu *hv, uint64_t parent, uint64_t privileges, void *ctx,
                                  uint64_t *partition)
{
    struct hvemu__partition *slot = hv ? hvemu__slot(hv, parent) : NULL;
    enum hvemu_result result = HVEMU_OK;

    if (!hv || !partition)
        return HVEMU_E_ARGUMENT;
    if (!hvemu__try_lock(&hv->lock))
        return HVEMU_E_BUSY;
    if (!slot || !hvemu__alive(slot, parent))
        result = HVEMU_E_PARTITION;
    else if (room_for_child(hv, slot) != HV_STATUS_SUCCESS)
        result = HVEMU_E_SPACE;
    else {
        *partition = next_id(hv);
        make_child(hv, slot, parent, privileges, ctx, HVEMU__ACTIVE);
    }
    hvemu__unlock(&hv->lock);
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
    if (!partition || !hvemu__alive(partition, id))
        return HVEMU_E_PARTITION;
    for (const struct hvemu_vp *vp = partition->vps; vp; vp = vp->next)
        if (hvemu__load(&vp->busy))
            return HVEMU_E_BUSY;
    switch (reset_msrs(hv, partition, id)) {
    case HVEMU_MEM_OK:
        hvemu__and(&partition->word, ~HVEMU__EXT_INT);
        return HVEMU_OK;
    case HVEMU_MEM_AGAIN:
        return HVEMU_E_BUSY;
    default:
        return HVEMU_E_OP;
    }
}

enum hvemu_result hvemu_reset(struct hvemu *hv, uint64_t partition)
{
    enum hvemu_result result;

    if (!hv)
        return HVEMU_E_ARGUMENT;
    if (!hvemu__try_lock(&hv->lock))
        return HVEMU_E_BUSY;
    result = reset(hv, hvemu__slot(hv, partition), partition);
    hvemu__unlock(&hv->lock);
    return result;
}

/* The life-cycle calls. The dispatcher holds the try-lock and has judged target and state by the
 * row, under it. */

static uint16_t tell(const struct hvemu__target *target, uint32_t event)
{
    const struct hvemu_ops *ops = &target->hv->ops;

    return ops->partition ? ops->partition(target->partition->ctx, target->id, event, NULL, NULL)
                          : HV_STATUS_SUCCESS;
}

#define AT(field) offsetof(HV_INPUT_CREATE_PARTITION, field)

/* Refuses reserved fields, flags that nobody has defined, and proximity domains that cannot be. The
 * machine that the rest describes is the VMM's to build. */
static int valid_creation(const uint8_t *in)
{
    const uint32_t domain = le32dec(in + AT(ProximityDomainInfo.Id));
    const uint32_t flags = le32dec(in + AT(ProximityDomainInfo.Flags));

    if ((le64dec(in + AT(Flags)) & ~HV_PARTITION_CREATION_FLAGS_ALL) ||
        (flags & HV_PROXIMITY_DOMAIN_FLAG_RESERVED_MASK) || le32dec(in + AT(Padding)) ||
        le64dec(in + AT(ReservedZ0)))
        return 0;
    return !(flags & HV_PROXIMITY_DOMAIN_FLAG_VALID) || domain < 64;
}

static uint16_t tell_creation(const struct hvemu *hv, uint64_t id, const uint8_t *in, void **ctx)
{
    if (hv->ops.partition)
        return hv->ops.partition(*ctx, id, HVEMU_PARTITION_CREATED, in, ctx);
    for (size_t i = AT(Properties); i < AT(ReservedZ0); i++)
        if (in[i])
            return HV_STATUS_INVALID_PARAMETER;
    return le64dec(in + AT(Flags)) ? HV_STATUS_INVALID_PARAMETER : HV_STATUS_SUCCESS;
}

uint16_t hvemu__create_partition(const struct hvemu_invocation *invocation, const void *in,
                                 const void *item, void *out)
{
    struct hvemu *hv = invocation->hv;
    struct hvemu__partition *parent = hvemu__inside(invocation)->caller;
    void *ctx = parent->ctx;
    uint64_t id;
    uint16_t status;

    (void)item;
    if (!valid_creation(in))
        return HV_STATUS_INVALID_PARAMETER;
    status = room_for_child(hv, parent);
    if (status != HV_STATUS_SUCCESS)
        return status;
    id = next_id(hv);
    status = tell_creation(hv, id, in, &ctx);
    if (status != HV_STATUS_SUCCESS)
        return status;
    make_child(hv, parent, invocation->caller, hv->config.privileges, ctx, HVEMU__UNINITIALIZED);
    le64enc(out, id);
    return HV_STATUS_SUCCESS;
}

uint16_t hvemu__initialize_partition(const struct hvemu_invocation *invocation, const void *in,
                                     const void *item, void *out)
{
    const struct hvemu__target *target = &hvemu__inside(invocation)->target;
    const uint16_t status = tell(target, HVEMU_PARTITION_ACTIVE);

    (void)in, (void)item, (void)out;
    if (status == HV_STATUS_SUCCESS)
        set_state(target->partition, HVEMU__ACTIVE);
    return status;
}

/* Active to finalizing: from here on asserts, clears and acknowledges fail, and VPs are GONE. The
 * state is ours alone to change, but the external interrupt beside it is not. */
static int begin_finalizing(struct hvemu__target *target)
{
    for (int attempt = 0; attempt < HVEMU__ATTEMPTS; attempt++) {
        const uint64_t kept = target->word & ~(HVEMU__STATE_IS(7) | HVEMU__EXT_INT);
        if (hvemu__cas(&target->partition->word, &target->word,
                       kept | HVEMU__STATE_IS(HVEMU__FINALIZING)))
            return 1;
    }
    return 0;
}

uint16_t hvemu__finalize_partition(const struct hvemu_invocation *invocation, const void *in,
                                   const void *item, void *out)
{
    struct hvemu__target target = hvemu__inside(invocation)->target;
    struct hvemu__partition *partition = target.partition;

    (void)in, (void)item, (void)out;
    if (partition->children)
        return HV_STATUS_OPERATION_DENIED;
    if (HVEMU__STATE(target.word) == HVEMU__ACTIVE) {
        if (!begin_finalizing(&target))
            return HV_STATUS_TIMEOUT;
        (void)tell(&target, HVEMU_PARTITION_STOP);
    }
    if (partition->vps || hvemu__load(&partition->ops))
        return HV_STATUS_TIMEOUT;
    if (tell(&target, HVEMU_PARTITION_FINALIZED) != HV_STATUS_SUCCESS)
        return HV_STATUS_TIMEOUT;
    set_state(partition, HVEMU__FINALIZED);
    return HV_STATUS_SUCCESS;
}

uint16_t hvemu__delete_partition(const struct hvemu_invocation *invocation, const void *in,
                                 const void *item, void *out)
{
    const struct hvemu__target *target = &hvemu__inside(invocation)->target;
    const uint64_t generation = HVEMU__GENERATION(target->word) + 1;
    const uint16_t status = tell(target, HVEMU_PARTITION_DELETED);

    (void)in, (void)item, (void)out;
    if (status != HV_STATUS_SUCCESS)
        return status;
    hvemu__inside(invocation)->caller->children--;
    hvemu__store(&target->partition->word, generation << 24);
    if (generation < HVEMU__GENERATION_END) /* else the slot has had its last ID */
        append_free(target->hv, target->partition);
    return HV_STATUS_SUCCESS;
}

uint16_t hvemu__get_partition_id(const struct hvemu_invocation *invocation, const void *in,
                                 const void *item, void *out)
{
    (void)in, (void)item;
    le64enc(out, invocation->caller);
    return HV_STATUS_SUCCESS;
}
