/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Memory pools (TLFS 2.0a 7): a partition's pool holds pages that its parent has deposited, or the
 * root its own, and pays for what the partition has. Nothing is kept in the pages; that they cannot
 * be reached meanwhile is the VMM's part. */

#include "internal.h"

uint16_t hvemu__charge(struct hvemu__partition *partition, uint32_t pages)
{
    if (partition->rest->pages - partition->rest->pages_used < pages)
        return HV_STATUS_INSUFFICIENT_MEMORY;
    partition->rest->pages_used += pages;
    return HV_STATUS_SUCCESS;
}

void hvemu__refund(struct hvemu__partition *partition, uint32_t pages)
{
    partition->rest->pages_used -= pages;
}

/* Where a partition's pool keeps its page numbers. */
static uint64_t *pages_of(const struct hvemu__invocation *target)
{
    const struct hvemu *hv = target->shown.hv;

    return hv->pages + (size_t)(target->partition - hv->partitions) * hv->config.pages;
}

/* The pages are the caller's. */
static uint16_t move(const struct hvemu_invocation *invocation, uint64_t page, int deposit)
{
    const struct hvemu_ops *ops = &invocation->hv->ops;

    return ops->pool ? ops->pool(invocation->ctx, invocation->caller, page, deposit)
                     : HV_STATUS_OPERATION_DENIED;
}

uint16_t hvemu__deposit_memory(const struct hvemu_invocation *invocation, const void *in,
                               const void *item, void *out)
{
    const struct hvemu__invocation *target = hvemu__inside(invocation);
    struct hvemu__partition *partition = target->partition;
    const uint64_t page = le64dec(item);
    uint16_t status;

    (void)in, (void)out;
    if (partition->rest->pages == target->shown.hv->config.pages)
        return HV_STATUS_NO_RESOURCES;
    if (page >= target->shown.hv->gpa_end >> HV_PAGE_SHIFT)
        return HV_STATUS_OPERATION_DENIED; /* not mapped in the caller */
    status = move(invocation, page, 1);
    if (status == HV_STATUS_SUCCESS)
        pages_of(target)[partition->rest->pages++] = page;
    return status;
}

/* Whether a proximity domain can be; where memory is makes no difference here. */
static int valid_proximity(uint64_t info)
{
    const uint32_t flags = (uint32_t)(info >> 32);

    return !(flags & HV_PROXIMITY_DOMAIN_FLAG_RESERVED_MASK) &&
           (!(flags & HV_PROXIMITY_DOMAIN_FLAG_VALID) || (uint32_t)info < 64);
}

uint16_t hvemu__withdraw_memory(const struct hvemu_invocation *invocation, const void *in,
                                const void *item, void *out)
{
    const struct hvemu__invocation *target = hvemu__inside(invocation);
    struct hvemu__partition *partition = target->partition;
    const uint8_t *header = in;
    uint64_t page;
    uint16_t status;

    (void)item;
    if (!valid_proximity(le64dec(header + offsetof(HV_INPUT_WITHDRAW_MEMORY, ProximityDomainInfo))))
        return HV_STATUS_INVALID_PARAMETER;
    if (partition->rest->pages == partition->rest->pages_used)
        return HV_STATUS_NO_RESOURCES;
    page = pages_of(target)[partition->rest->pages - 1];
    status = move(invocation, page, 0);
    if (status == HV_STATUS_SUCCESS) {
        partition->rest->pages--;
        le64enc(out, page);
    }
    return status;
}

uint16_t hvemu__get_memory_balance(const struct hvemu_invocation *invocation, const void *in,
                                   const void *item, void *out)
{
    const struct hvemu__partition *partition = hvemu__inside(invocation)->partition;
    const uint8_t *header = in;
    uint8_t *balance = out;

    (void)item;
    if (!valid_proximity(
            le64dec(header + offsetof(HV_INPUT_GET_MEMORY_BALANCE, ProximityDomainInfo))))
        return HV_STATUS_INVALID_PARAMETER;
    le64enc(balance, partition->rest->pages - partition->rest->pages_used);
    le64enc(balance + offsetof(HV_OUTPUT_GET_MEMORY_BALANCE, PagesInUse),
            partition->rest->pages_used);
    return HV_STATUS_SUCCESS;
}
