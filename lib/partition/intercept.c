/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Intercepts: what a parent wants to be told of before its child does it (TLFS 2.0a 9). A small
 * table a partition, one 64-bit word an entry, so that exits can look without a lock; an entry that
 * is given up keeps its place until another needs it. */

#include "internal.h"

/* An entry: 47:40 access mask, 39:32 type, 31:0 parameter. */
enum { MASK_SHIFT = 40 };

static uint64_t key_of(uint32_t type, uint32_t parameter)
{
    return (uint64_t)type << 32 | parameter;
}

static uint32_t mask_of(uint64_t entry)
{
    return (uint32_t)(entry >> MASK_SHIFT);
}

static int is_for(uint64_t entry, uint64_t key)
{
    return (entry ^ key) << (64 - MASK_SHIFT) == 0;
}

static _Atomic uint64_t *table_of(const struct hvemu *hv, const struct hvemu__partition *partition)
{
    return hv->intercepts + (size_t)(partition - hv->partitions) * hv->config.intercepts;
}

/* An entry with this key, or NULL; `spare` becomes one that may have it. */
static _Atomic uint64_t *find(const struct hvemu *hv, struct hvemu__partition *partition,
                              uint64_t key, _Atomic uint64_t **spare)
{
    _Atomic uint64_t *table = table_of(hv, partition);
    const uint32_t count = hvemu__load(&partition->rest->intercepts);

    *spare = count < hv->config.intercepts ? &table[count] : NULL;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t entry = hvemu__load(&table[i]);
        if (is_for(entry, key))
            return &table[i];
        if (!mask_of(entry))
            *spare = &table[i];
    }
    return NULL;
}

uint32_t hvemu_intercept(const struct hvemu *hv, uint64_t partition, uint32_t type,
                         uint32_t parameter)
{
    struct hvemu__partition *slot = hv ? hvemu__slot(hv, partition) : NULL;
    const uint64_t key = key_of(type, parameter);
    _Atomic uint64_t *entry, *spare;
    uint64_t found;

    if (!slot || !hvemu__alive(slot, partition) || type > 0xFF)
        return HV_INTERCEPT_ACCESS_MASK_NONE;
    entry = find(hv, slot, key, &spare);
    found = entry ? hvemu__load(entry) : 0;
    /* Meanwhile the entry may have become another's, or the partition none. */
    return is_for(found, key) && hvemu__alive(slot, partition) ? mask_of(found)
                                                               : HV_INTERCEPT_ACCESS_MASK_NONE;
}

/* Which accesses a type of intercept can have, and how large its parameter may be. */
static int valid(uint32_t type, uint32_t access, uint64_t parameter)
{
    static const struct {
        uint32_t access, parameter;
    } types[] = {
        [HvInterceptTypeX64IoPort] = {HV_INTERCEPT_ACCESS_MASK_READ |
                                          HV_INTERCEPT_ACCESS_MASK_WRITE,
                                      0xFFFF},
        [HvInterceptTypeX64Msr] = {HV_INTERCEPT_ACCESS_MASK_READ | HV_INTERCEPT_ACCESS_MASK_WRITE,
                                   0xFFFFFFFF},
        [HvInterceptTypeX64Cpuid] = {HV_INTERCEPT_ACCESS_MASK_EXECUTE, 0xFFFFFFFF},
        [HvInterceptTypeException] = {HV_INTERCEPT_ACCESS_MASK_EXECUTE, 31},
    };

    return type < sizeof types / sizeof *types && !(access & ~types[type].access) &&
           parameter <= types[type].parameter;
}

static uint16_t install(const struct hvemu__invocation *target, uint64_t key, uint32_t access)
{
    struct hvemu__partition *partition = target->partition;
    _Atomic uint64_t *spare, *entry = find(target->shown.hv, partition, key, &spare);
    const int had = entry && mask_of(hvemu__load(entry));
    /* A table of CPUID intercepts takes memory, bits for the others are always there. */
    const uint32_t cost =
        key >> 32 == HvInterceptTypeX64Cpuid ? target->shown.hv->config.intercept_cost : 0;

    if (!access && !had)
        return HV_STATUS_SUCCESS;
    if (!entry)
        entry = spare;
    if (!entry || (!had && hvemu__charge(partition, cost) != HV_STATUS_SUCCESS))
        return HV_STATUS_INSUFFICIENT_MEMORY;
    if (!access)
        hvemu__refund(partition, cost);
    hvemu__store(entry, (uint64_t)access << MASK_SHIFT | key);
    if (entry == &table_of(target->shown.hv, partition)[hvemu__load(&partition->rest->intercepts)])
        hvemu__add(&partition->rest->intercepts, 1);
    return HV_STATUS_SUCCESS;
}

#define AT(field) offsetof(HV_INPUT_INSTALL_INTERCEPT, field)

uint16_t hvemu__install_intercept(const struct hvemu_invocation *invocation, const void *in,
                                  const void *item, void *out)
{
    const uint8_t *block = in;
    const uint32_t access = le32dec(block + AT(AccessType));
    const uint32_t type = le32dec(block + AT(InterceptType));
    const uint64_t parameter = le64dec(block + AT(InterceptParameter));

    (void)item, (void)out;
    if (!valid(type, access, parameter))
        return HV_STATUS_INVALID_PARAMETER;
    return install(hvemu__inside(invocation), key_of(type, (uint32_t)parameter), access);
}

#undef AT
#define AT(field) offsetof(HV_INPUT_CHECK_FOR_IO_INTERCEPT, field)

/* One of the ports that the access touches is enough. */
uint16_t hvemu__check_for_io_intercept(const struct hvemu_invocation *invocation, const void *in,
                                       const void *item, void *out)
{
    const struct hvemu__invocation *target = hvemu__inside(invocation);
    const uint8_t *block = in;
    const uint32_t port = le16dec(block + AT(Port)), size = block[AT(Size)];
    const uint32_t access =
        block[AT(IsWrite)] ? HV_INTERCEPT_ACCESS_MASK_WRITE : HV_INTERCEPT_ACCESS_MASK_READ;
    uint8_t *intercept = out;
    uint16_t status;

    (void)item;
    if (block[AT(Padding)] || block[AT(IsWrite)] > 1 || (size != 1 && size != 2 && size != 4))
        return HV_STATUS_INVALID_PARAMETER;
    status = hvemu__judge_vtl(block[AT(TargetVtl)]);
    if (status != HV_STATUS_SUCCESS)
        return status;
    for (uint32_t i = 0; i < size; i++)
        if (hvemu_intercept(target->shown.hv, target->shown.target, HvInterceptTypeX64IoPort,
                            port + i) &
            access)
            *intercept = 1;
    return HV_STATUS_SUCCESS;
}
