/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Virtual processors come and go, by the VMM's hand or by their parent's (TLFS 2.0a 10.1, 10.4). A
 * VP keeps its partition's slot from being released, so a native call needs no look-up and cannot
 * act for a successor. */

#include "internal.h"

void hvemu__free_vp(struct hvemu *hv, struct hvemu_vp *vp)
{
    vp->next = NULL;
    if (hv->first_free_vp)
        hv->last_free_vp->next = vp;
    else
        hv->first_free_vp = vp;
    hv->last_free_vp = vp;
}

struct hvemu_vp *hvemu__find_vp(const struct hvemu__partition *partition, uint32_t index)
{
    struct hvemu_vp *vp = partition->rest->vps;

    while (vp && vp->index != index)
        vp = vp->next;
    return vp;
}

static int room_for_vp(const struct hvemu *hv, const struct hvemu__partition *partition)
{
    return hv->first_free_vp && partition->rest->vp_count < hv->config.vps_each;
}

/* Fills the first free VP, which stays free until it is added. */
static struct hvemu_vp *prepare(struct hvemu *hv, struct hvemu__partition *partition, uint64_t id,
                                uint32_t index, void *ctx)
{
    struct hvemu_vp *vp = hv->first_free_vp;

    memset(vp->in, 0, HVEMU__LIST_MAX); /* no byte of another guest's lists and registers */
    memset(vp->out, 0, HVEMU__LIST_MAX);
    memset(vp->call, 0, sizeof *vp->call);
    vp->hv = hv;
    vp->partition = partition;
    hvemu__store(&vp->id, id);
    vp->ctx = ctx;
    vp->index = index;
    vp->created = vp->price = 0;
    vp->started = index == 0;
    hvemu__store(&vp->yield, 0);
    hvemu__store(&vp->suspend, 0);
    return vp;
}

static void add(struct hvemu_vp *vp)
{
    struct hvemu *hv = vp->hv;
    struct hvemu__partition *partition = vp->partition;

    hv->closed = 1;
    hv->first_free_vp = vp->next;
    vp->next = partition->rest->vps;
    partition->rest->vps = vp;
    partition->rest->vp_count++;
    if (vp->index == 0)
        hvemu__or(&partition->word, HVEMU__VP0);
}

/* With VP 0 goes its external interrupt, in one step. */
static void end(struct hvemu_vp *vp)
{
    struct hvemu__partition *partition = vp->partition;
    struct hvemu_vp **link = &partition->rest->vps;

    while (*link != vp)
        link = &(*link)->next;
    *link = vp->next;
    partition->rest->vp_count--;
    hvemu__refund(partition, vp->price);
    if (vp->index == 0)
        hvemu__and(&partition->word, ~(HVEMU__VP0 | HVEMU__EXT_INT));
    hvemu__store(&vp->id, HV_PARTITION_ID_SELF); /* no slot's: a call by mistake finds it GONE */
    hvemu__free_vp(vp->hv, vp);
}

static enum hvemu_result attach(struct hvemu *hv, struct hvemu__partition *partition, uint64_t id,
                                uint32_t index, void *ctx, struct hvemu_vp **made)
{
    if (!hvemu__alive(partition, id))
        return HVEMU_E_PARTITION;
    if (hvemu__find_vp(partition, index))
        return HVEMU_E_VP;
    if (!room_for_vp(hv, partition))
        return HVEMU_E_SPACE;
    *made = prepare(hv, partition, id, index, ctx);
    add(*made);
    return HVEMU_OK;
}

enum hvemu_result hvemu_vp_attach(struct hvemu *hv, uint64_t partition, uint32_t index,
                                  void *vp_ctx, struct hvemu_vp **vp)
{
    struct hvemu__partition *slot;
    enum hvemu_result result;

    if (!hv || !vp || index >= hv->config.vps)
        return HVEMU_E_ARGUMENT;
    slot = hvemu__slot(hv, partition);
    if (!slot)
        return HVEMU_E_PARTITION;
    if (!hvemu__lock_both(hv, slot))
        return HVEMU_E_BUSY;
    result = attach(hv, slot, partition, index, vp_ctx, vp);
    hvemu__unlock_both(hv, slot);
    return result;
}

enum hvemu_result hvemu_vp_detach(struct hvemu_vp *vp)
{
    struct hvemu__partition *partition;
    enum hvemu_result result = HVEMU_OK;

    if (!vp)
        return HVEMU_E_ARGUMENT;
    partition = vp->partition;
    if (!hvemu__lock_both(vp->hv, partition))
        return HVEMU_E_BUSY;
    if (hvemu__load(&vp->id) == HV_PARTITION_ID_SELF || vp->partition != partition)
        result = HVEMU_E_VP;
    else if (hvemu__load(&vp->busy))
        result = HVEMU_E_BUSY;
    else
        end(vp);
    hvemu__unlock_both(vp->hv, partition);
    return result;
}

uint16_t hvemu__tell_vp(struct hvemu_vp *vp, uint32_t event, const void *block, void **ctx)
{
    const struct hvemu_ops *ops = &vp->hv->ops;

    return ops->vp ? ops->vp(vp->partition->ctx, vp, event, block, ctx) : HV_STATUS_SUCCESS;
}

#define AT(field) offsetof(HV_INPUT_CREATE_VP, field)

/* The subnode says on which part of the machine the VP is to run: the VMM's to know. */
static int valid_creation(const uint8_t *in)
{
    const uint32_t domain = le32dec(in + AT(ProximityDomainInfo.Id));
    const uint32_t flags = le32dec(in + AT(ProximityDomainInfo.Flags));

    return !in[AT(ReservedZ0)] && !in[AT(ReservedZ0) + 1] && !in[AT(ReservedZ0) + 2] &&
           !(flags & HV_PROXIMITY_DOMAIN_FLAG_RESERVED_MASK) && !le64dec(in + AT(Flags)) &&
           (!(flags & HV_PROXIMITY_DOMAIN_FLAG_VALID) || domain < 64);
}

uint16_t hvemu__create_vp(const struct hvemu_invocation *invocation, const void *in,
                          const void *item, void *out)
{
    const struct hvemu__invocation *target = hvemu__inside(invocation);
    struct hvemu *hv = target->shown.hv;
    const uint32_t index = le32dec((const uint8_t *)in + AT(VpIndex));
    const uint32_t price = hv->config.vp_cost;
    struct hvemu_vp *vp;
    uint16_t status;

    (void)item, (void)out;
    if (index >= hv->config.vps || hvemu__find_vp(target->partition, index))
        return HV_STATUS_INVALID_VP_INDEX;
    if (!valid_creation(in))
        return HV_STATUS_INVALID_PARAMETER;
    if (!room_for_vp(hv, target->partition))
        return HV_STATUS_NO_RESOURCES;
    status = hvemu__charge(target->partition, price);
    if (status != HV_STATUS_SUCCESS)
        return status;
    vp = prepare(hv, target->partition, target->shown.target, index, NULL);
    hvemu__store(&vp->suspend, HVEMU_SUSPENDED_EXPLICIT);
    vp->created = 1;
    vp->price = price;
    hvemu__store(&vp->busy, 1); /* it makes no calls before it exists */
    status = hvemu__tell_vp(vp, HVEMU_VP_CREATED, in, &vp->ctx);
    hvemu__store(&vp->busy, 0);
    if (status == HV_STATUS_SUCCESS)
        add(vp);
    else {
        hvemu__store(&vp->id, HV_PARTITION_ID_SELF);
        hvemu__refund(target->partition, price);
    }
    return status;
}

/* A VP that the VMM attached is the VMM's to detach. */
static uint16_t delete_vp(struct hvemu_vp *vp)
{
    uint16_t status;

    if (!vp->created)
        return HV_STATUS_OPERATION_DENIED;
    if (hvemu__load(&vp->busy))
        return HV_STATUS_TIMEOUT;
    status = hvemu__tell_vp(vp, HVEMU_VP_DELETED, NULL, NULL);
    if (status == HV_STATUS_SUCCESS)
        end(vp);
    return status;
}

uint16_t hvemu__delete_vp(const struct hvemu_invocation *invocation, const void *in,
                          const void *item, void *out)
{
    (void)in, (void)item, (void)out;
    return delete_vp(hvemu__inside(invocation)->vp);
}

uint16_t hvemu__end_vps(struct hvemu__invocation *target)
{
    enum { AT_ONCE = 8 };

    for (int i = 0; i < AT_ONCE; i++) {
        struct hvemu_vp *vp = target->partition->rest->vps;
        while (vp && !vp->created)
            vp = vp->next;
        if (!vp)
            break;
        if (delete_vp(vp) != HV_STATUS_SUCCESS)
            return HV_STATUS_TIMEOUT;
    }
    return target->partition->rest->vps ? HV_STATUS_TIMEOUT : HV_STATUS_SUCCESS;
}

#undef AT
#define AT(field) offsetof(HV_INPUT_START_VIRTUAL_PROCESSOR, field)

/* VP 0 is started when it is made, others once. */
uint16_t hvemu__start_virtual_processor(const struct hvemu_invocation *invocation, const void *in,
                                        const void *item, void *out)
{
    struct hvemu_vp *vp = hvemu__inside(invocation)->vp;
    uint8_t block[sizeof(HV_INPUT_START_VIRTUAL_PROCESSOR)]; /* a C caller's may change */
    uint32_t vtl;
    uint16_t status;

    (void)item, (void)out;
    memcpy(block, in, sizeof block);
    vtl = le32dec(block + AT(TargetVtl)); /* and zeros */
    if (vtl > 15)
        return HV_STATUS_INVALID_PARAMETER;
    if (vtl)
        return HV_STATUS_INVALID_VTL_STATE;
    if (vp->started)
        return HV_STATUS_INVALID_VP_STATE;
    status = hvemu__tell_vp(vp, HVEMU_VP_START, block, NULL);
    if (status == HV_STATUS_SUCCESS)
        vp->started = 1;
    return status;
}

#undef AT
#define AT(field) offsetof(HV_INPUT_GET_VP_INDEX_FROM_APIC_ID, field)

/* A VP's APIC ID is its index (TLFS 2.0a 10.4.1). */
uint16_t hvemu__get_vp_index_from_apic_id(const struct hvemu_invocation *invocation, const void *in,
                                          const void *item, void *out)
{
    const uint32_t apic_id = le32dec(item);
    const uint16_t status = hvemu__judge_vtl(((const uint8_t *)in)[AT(TargetVtl)]);

    if (status != HV_STATUS_SUCCESS)
        return status;
    if (!hvemu__find_vp(hvemu__inside(invocation)->partition, apic_id))
        return HV_STATUS_INVALID_PARAMETER;
    le32enc(out, apic_id);
    return HV_STATUS_SUCCESS;
}

uint16_t hvemu__judge_vtl(uint8_t vtl)
{
    if (vtl & HV_INPUT_VTL_RESERVED_MASK)
        return HV_STATUS_INVALID_PARAMETER;
    return vtl & HV_INPUT_VTL_USE_TARGET_VTL && vtl & HV_INPUT_VTL_TARGET_VTL_MASK
               ? HV_STATUS_INVALID_VTL_STATE
               : HV_STATUS_SUCCESS;
}

void hvemu_vp_yield(struct hvemu_vp *vp)
{
    if (vp)
        hvemu__store(&vp->yield, 1);
}

uint32_t hvemu_vp_suspended(const struct hvemu_vp *vp)
{
    return vp ? hvemu__load(&vp->suspend) & (HVEMU_SUSPENDED_EXPLICIT | HVEMU_SUSPENDED_INTERCEPT)
              : 0;
}

void hvemu_vp_suspend(struct hvemu_vp *vp)
{
    if (vp)
        hvemu__or(&vp->suspend, HVEMU_SUSPENDED_INTERCEPT);
}

void *hvemu_vp_context(const struct hvemu_vp *vp)
{
    return vp ? vp->ctx : NULL;
}

uint64_t hvemu_vp_partition(const struct hvemu_vp *vp)
{
    return vp && hvemu__load(&vp->id) != HV_PARTITION_ID_SELF ? hvemu__load(&vp->id)
                                                              : HV_PARTITION_ID_INVALID;
}

uint32_t hvemu_vp_index(const struct hvemu_vp *vp)
{
    return vp ? vp->index : 0;
}
