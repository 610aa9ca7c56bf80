/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The life-cycle calls (TLFS 2.0a 5.4 to 5.6). The dispatcher holds the locks of instance, caller
 * and target, and has judged target and state by the row, under them. */

#include "internal.h"

static uint16_t tell(const struct hvemu__invocation *target, uint32_t event)
{
    const struct hvemu_ops *ops = &target->shown.hv->ops;

    return ops->partition
               ? ops->partition(target->partition->ctx, target->shown.target, event, NULL, NULL)
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
    status = hvemu__room_for_child(hv, parent);
    if (status == HV_STATUS_SUCCESS)
        status = hvemu__charge(parent, hv->config.create_cost);
    if (status != HV_STATUS_SUCCESS)
        return status;
    id = hvemu__next_id(hv);
    status = tell_creation(hv, id, in, &ctx);
    if (status != HV_STATUS_SUCCESS) {
        hvemu__refund(parent, hv->config.create_cost);
        return status;
    }
    hvemu__make_child(hv, parent, invocation->caller, hv->config.privileges, ctx,
                      HVEMU__UNINITIALIZED)
        ->rest->price = hv->config.create_cost;
    le64enc(out, id);
    return HV_STATUS_SUCCESS;
}

uint16_t hvemu__initialize_partition(const struct hvemu_invocation *invocation, const void *in,
                                     const void *item, void *out)
{
    const struct hvemu__invocation *target = hvemu__inside(invocation);
    const uint32_t cost = target->shown.hv->config.initialize_cost;
    uint16_t status = hvemu__charge(target->partition, cost);

    (void)in, (void)item, (void)out;
    if (status != HV_STATUS_SUCCESS)
        return status;
    status = tell(target, HVEMU_PARTITION_ACTIVE);
    if (status == HV_STATUS_SUCCESS)
        hvemu__set_state(target->partition, HVEMU__ACTIVE);
    else
        hvemu__refund(target->partition, cost);
    return status;
}

/* Active to finalizing: from here on asserts, clears and acknowledges fail, and VPs are GONE. The
 * state is ours alone to change, but the external interrupt beside it is not. */
static int begin_finalizing(struct hvemu__invocation *target)
{
    for (int attempt = 0; attempt < HVEMU__ATTEMPTS; attempt++) {
        const uint64_t kept = target->word & ~(HVEMU__STATE_MASK | HVEMU__EXT_INT);
        if (hvemu__cas(&target->partition->word, &target->word,
                       kept | HVEMU__STATE_IS(HVEMU__FINALIZING)))
            return 1;
    }
    return 0;
}

uint16_t hvemu__finalize_partition(const struct hvemu_invocation *invocation, const void *in,
                                   const void *item, void *out)
{
    struct hvemu__invocation target = *hvemu__inside(invocation);
    struct hvemu__partition *partition = target.partition;

    (void)in, (void)item, (void)out;
    if (partition->rest->children)
        return HV_STATUS_OPERATION_DENIED;
    if (HVEMU__STATE(target.word) == HVEMU__ACTIVE) {
        if (!begin_finalizing(&target))
            return HV_STATUS_TIMEOUT;
        (void)tell(&target, HVEMU_PARTITION_STOP);
    }
    if (hvemu__end_vps(&target) != HV_STATUS_SUCCESS || hvemu__load(&partition->ops) ||
        tell(&target, HVEMU_PARTITION_FINALIZED) != HV_STATUS_SUCCESS)
        return HV_STATUS_TIMEOUT;
    hvemu__refund(partition,
                  partition->rest->pages_used); /* without children, all of it is its own */
    hvemu__set_state(partition, HVEMU__FINALIZED);
    return HV_STATUS_SUCCESS;
}

uint16_t hvemu__delete_partition(const struct hvemu_invocation *invocation, const void *in,
                                 const void *item, void *out)
{
    const struct hvemu__invocation *target = hvemu__inside(invocation);
    uint16_t status = HV_STATUS_OPERATION_DENIED;

    (void)in, (void)item, (void)out;
    if (target->partition->rest->pages) /* to be withdrawn first */
        return status;
    status = tell(target, HVEMU_PARTITION_DELETED);
    if (status == HV_STATUS_SUCCESS)
        hvemu__end_child(target->shown.hv, hvemu__inside(invocation)->caller, target->partition);
    return status;
}

uint16_t hvemu__get_partition_id(const struct hvemu_invocation *invocation, const void *in,
                                 const void *item, void *out)
{
    (void)in, (void)item;
    le64enc(out, invocation->caller);
    return HV_STATUS_SUCCESS;
}

#undef AT
#define AT(field) offsetof(HV_INPUT_GET_NEXT_CHILD_PARTITION, field)

/* Children in creation order, in whatever state; begins and ends with INVALID (TLFS 2.0a 5.5). */
uint16_t hvemu__get_next_child_partition(const struct hvemu_invocation *invocation, const void *in,
                                         const void *item, void *out)
{
    const struct hvemu__invocation *target = hvemu__inside(invocation);
    const uint64_t previous = le64dec((const uint8_t *)in + AT(PreviousChildId));
    uint32_t place = target->partition->rest->first_child;

    (void)item;
    if (previous != HV_PARTITION_ID_INVALID) {
        struct hvemu__partition *child = hvemu__slot(target->shown.hv, previous);
        if (!child || !hvemu__exists(child, previous) ||
            hvemu__load(&child->parent) != target->shown.target)
            return HV_STATUS_INVALID_PARTITION_ID;
        place = child->rest->next;
    }
    if (place)
        le64enc(out, HVEMU__GENERATION(hvemu__load(&target->shown.hv->partitions[place - 1].word))
                             << 24 |
                         place);
    return HV_STATUS_SUCCESS;
}
