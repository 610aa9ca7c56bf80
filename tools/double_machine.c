/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The simulated machine: partitions, what is mapped in each of them, and properties. A page of a
 * partition is a page of its parent, and so on up to the root, whose pages are memory; so rights
 * that an ancestor takes away are gone at once. */

#include "double_internal.h"

#include <stdlib.h>
#include <string.h>

#define ALL_RIGHTS (HV_MAP_GPA_PERMISSIONS_MASK)

int hvdouble__compare_pages(const struct hvdouble_page *a, const struct hvdouble_page *b)
{
    return (a->number > b->number) - (a->number < b->number);
}

RB_GENERATE(hvdouble_pages, hvdouble_page, link, hvdouble__compare_pages)

/* ---- Partitions ---- */

/* Of the properties that the library does not hold, those that this machine has. */
static const struct {
    uint32_t code;
    uint64_t initial;
} properties[HVDOUBLE_PROPERTIES] = {
    {HvPartitionPropertySyntheticProcFeatures, 0},
    {HvPartitionPropertyCpuGroupId, 0},
    {HvPartitionPropertyReferenceTime, 0},
    {HvPartitionPropertyZeroMemoryOnReset, 0},
    {HvPartitionPropertyProcessorsPerSocket, 1},
    {HvPartitionPropertyIsolationState, 0},
    {HvPartitionPropertyProcessorVendor, 1},
    {HvPartitionPropertyProcessorFeatures, 0x7},
    {HvPartitionPropertyProcessorXsaveFeatures, 0x1},
    {HvPartitionPropertyProcessorCLFlushSize, 8},
    {HvPartitionPropertyCompatibilityVersion, 0},
    {HvPartitionPropertyPhysicalAddressWidth, 52},
    {HvPartitionPropertyXsaveStates, 0x3},
    {HvPartitionPropertyMaxXsaveDataSize, 0x240},
    {HvPartitionPropertyProcessorClockFrequency, 2000000000},
    {HvPartitionPropertyProcessorVirtualizationFeatures, 0},
};

struct hvdouble_partition *hvdouble__find(const struct hvdouble *d, uint64_t partition)
{
    struct hvdouble_partition *p;

    LIST_FOREACH(p, &d->partitions, link)
    if (p->id == partition)
        return p;
    return NULL;
}

struct hvdouble_partition *hvdouble__add_partition(struct hvdouble *d,
                                                   struct hvdouble_partition *parent, uint64_t id)
{
    struct hvdouble_partition *made = calloc(1, sizeof *made);

    if (!made)
        return NULL;
    made->d = d;
    made->parent = parent;
    made->id = id;
    RB_INIT(&made->pages);
    LIST_INIT(&made->processors);
    for (unsigned i = 0; i < HVDOUBLE_PROPERTIES; i++)
        made->properties[i] = properties[i].initial;
    LIST_INSERT_HEAD(&d->partitions, made, link);
    return made;
}

static void drop_pages(struct hvdouble_partition *partition)
{
    struct hvdouble_page *page;

    while ((page = RB_ROOT(&partition->pages))) {
        RB_REMOVE(hvdouble_pages, &partition->pages, page);
        free(page);
    }
}

void hvdouble__remove_partition(struct hvdouble_partition *partition)
{
    struct hvdouble_processor *processor;

    drop_pages(partition);
    while ((processor = LIST_FIRST(&partition->processors))) {
        LIST_REMOVE(processor, link);
        free(processor->registers);
        free(processor);
    }
    LIST_REMOVE(partition, link);
    free(partition);
}

static uint16_t partition_op(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                             void **child_ctx)
{
    struct hvdouble_partition *at = ctx;
    int answer;

    (void)creation;
    if (hvdouble__op_fault(at->d, HVS_D_PARTITION, &answer))
        return (uint16_t)answer;
    switch (event) {
    case HVEMU_PARTITION_CREATED:
        *child_ctx = hvdouble__add_partition(at->d, at, partition);
        return *child_ctx ? HV_STATUS_SUCCESS : HV_STATUS_NO_RESOURCES;
    case HVEMU_PARTITION_FINALIZED:
        drop_pages(at);
        at->overlaid = 0;
        break;
    case HVEMU_PARTITION_DELETED:
        if (!RB_EMPTY(&at->pages)) /* was never told that it is finalized */
            return HV_STATUS_OPERATION_DENIED;
        hvdouble__remove_partition(at);
        break;
    default:
        break;
    }
    return HV_STATUS_SUCCESS;
}

/* ---- Memory ---- */

static struct hvdouble_page *page_of(struct hvdouble_partition *partition, uint64_t number)
{
    struct hvdouble_page key = {.number = number};

    if (partition->parent)
        return RB_FIND(hvdouble_pages, &partition->pages, &key);
    return number < partition->d->memory_pages ? &partition->d->root_pages[number] : NULL;
}

/* What a page can be used for, by whoever has been given it. */
struct reached {
    uint8_t *frame; /* NULL: it is not there, or reads as `constant` */
    int there;
    uint32_t rights;
    uint8_t constant;
};

static struct reached reach(struct hvdouble_partition *partition, uint64_t number)
{
    struct reached reached = {.rights = ALL_RIGHTS};

    for (;; partition = partition->parent) {
        const struct hvdouble_page *page = page_of(partition, number);
        const uint32_t special = page ? page->flags & HV_MAP_GPA_SPECIAL_MASK : 0;

        if (!page || page->pool || hvdouble__page_fault(partition->d, partition->id, number))
            return (struct reached){0};
        reached.rights &= page->flags;
        if (special) {
            reached.there = 1;
            reached.constant = special == HV_MAP_GPA_ONES ? 0xFF : 0;
            reached.rights &= special == HV_MAP_GPA_NO_ACCESS ? 0 : HV_MAP_GPA_READABLE;
            return reached;
        }
        if (!partition->parent)
            break;
        number = page->source;
    }
    reached.there = 1;
    reached.frame = partition->d->memory + number * HV_PAGE_SIZE;
    return reached;
}

int hvdouble__access(struct hvdouble_partition *partition, uint64_t gpa, void *to, const void *from,
                     uint32_t bytes)
{
    const struct reached reached = reach(partition, gpa / HV_PAGE_SIZE);
    const uint32_t needed = to ? HV_MAP_GPA_READABLE : HV_MAP_GPA_WRITABLE;

    if (!reached.there)
        return HVEMU_MEM_NONE;
    if (!(reached.rights & needed))
        return HVEMU_MEM_DENIED;
    if (to && !reached.frame)
        memset(to, reached.constant, bytes);
    else if (to)
        memcpy(to, reached.frame + gpa % HV_PAGE_SIZE, bytes);
    else if (from)
        memcpy(reached.frame + gpa % HV_PAGE_SIZE, from, bytes);
    return HVEMU_MEM_OK;
}

static int gpa_read(void *ctx, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes)
{
    struct hvdouble_partition *at = ctx;
    int answer;

    (void)partition;
    return hvdouble__op_fault(at->d, HVS_D_READ, &answer)
               ? answer
               : hvdouble__access(at, gpa, to, NULL, bytes);
}

static int gpa_writable(void *ctx, uint64_t partition, uint64_t gpa, uint32_t bytes)
{
    struct hvdouble_partition *at = ctx;
    int answer;

    (void)partition;
    return hvdouble__op_fault(at->d, HVS_D_WRITABLE, &answer)
               ? answer
               : hvdouble__access(at, gpa, NULL, NULL, bytes);
}

static int gpa_write(void *ctx, uint64_t partition, uint64_t gpa, const void *from, uint32_t bytes)
{
    struct hvdouble_partition *at = ctx;
    int answer;

    (void)partition;
    return hvdouble__op_fault(at->d, HVS_D_WRITE, &answer)
               ? answer
               : hvdouble__access(at, gpa, NULL, from, bytes);
}

/* Nobody executes the code here, and the library itself judges accesses by calls: it is there for
 * hvdouble_read(). */
static int overlay(void *ctx, uint64_t partition, uint64_t gpa, const uint8_t *code, uint32_t bytes)
{
    struct hvdouble_partition *at = ctx;
    int answer;

    (void)partition;
    if (hvdouble__op_fault(at->d, HVS_D_OVERLAY, &answer))
        return answer;
    if (code && !reach(at, gpa / HV_PAGE_SIZE).there)
        return HVEMU_MEM_NONE;
    at->overlaid = code != NULL;
    at->overlay = gpa;
    memset(at->code, 0, sizeof at->code);
    if (code)
        memcpy(at->code, code, bytes);
    return HVEMU_MEM_OK;
}

/* Whether the parent has the page to give. */
static uint16_t judge_source(struct hvdouble_partition *parent, uint64_t source)
{
    const struct hvdouble_page *page = page_of(parent, source);

    return !page || page->pool || hvdouble__page_fault(parent->d, parent->id, source)
               ? HV_STATUS_OPERATION_DENIED
               : HV_STATUS_SUCCESS;
}

/* One page of a change that was found possible. 0: no memory. */
static int change(struct hvdouble_partition *at, uint32_t what, uint64_t number, uint64_t source,
                  uint32_t flags)
{
    struct hvdouble_page *page = page_of(at, number);

    if (what == HVEMU_UNMAP) {
        if (page) {
            RB_REMOVE(hvdouble_pages, &at->pages, page);
            free(page);
        }
        return 1;
    }
    if (!page) {
        page = calloc(1, sizeof *page);
        if (!page)
            return 0;
        page->number = number;
        RB_INSERT(hvdouble_pages, &at->pages, page);
    }
    if (what == HVEMU_MAP)
        page->source = source;
    page->flags = flags & ~HV_MAP_GPA_LARGE_PAGE;
    return 1;
}

static uint16_t map(void *ctx, uint64_t partition, uint32_t what, uint64_t number, uint64_t source,
                    uint32_t flags)
{
    struct hvdouble_partition *at = ctx;
    const uint64_t pages = flags & HV_MAP_GPA_LARGE_PAGE ? HV_LARGE_PAGE_PAGES : 1;
    int answer;

    (void)partition;
    if (hvdouble__op_fault(at->d, HVS_D_MAP, &answer))
        return (uint16_t)answer;
    for (uint64_t i = 0; i < pages; i++) {
        const struct hvdouble_page *page = page_of(at, number + i);
        uint16_t status = HV_STATUS_SUCCESS;

        if (page && page->pool)
            status = HV_STATUS_OBJECT_IN_USE;
        else if (what == HVEMU_MODIFY && !page)
            status = HV_STATUS_OPERATION_DENIED;
        else if (what == HVEMU_MAP)
            status = judge_source(at->parent, source + i);
        if (status != HV_STATUS_SUCCESS)
            return status;
    }
    for (uint64_t i = 0; i < pages; i++)
        if (!change(at, what, number + i, source + i, flags)) {
            while (i--)
                change(at, HVEMU_UNMAP, number + i, 0, 0);
            return HV_STATUS_NO_RESOURCES;
        }
    return HV_STATUS_SUCCESS;
}

/* Whether the page of `owner` is mapped in one of its children. */
static int given_away(const struct hvdouble_partition *owner, uint64_t number)
{
    struct hvdouble_partition *p;
    struct hvdouble_page *page;

    LIST_FOREACH(p, &owner->d->partitions, link)
    if (p->parent == owner)
        RB_FOREACH(page, hvdouble_pages, &p->pages)
    if (page->source == number)
        return 1;
    return 0;
}

static uint16_t pool(void *ctx, uint64_t partition, uint64_t number, int deposit)
{
    struct hvdouble_partition *at = ctx;
    struct hvdouble_page *page = page_of(at, number);
    struct reached reached;
    int answer;

    (void)partition;
    if (hvdouble__op_fault(at->d, HVS_D_POOL, &answer))
        return (uint16_t)answer;
    if (!page || !page->pool == !deposit)
        return HV_STATUS_OPERATION_DENIED;
    if (deposit) {
        reached = reach(at, number);
        if (!reached.frame || (reached.rights & ALL_RIGHTS) != ALL_RIGHTS || given_away(at, number))
            return HV_STATUS_OPERATION_DENIED;
        page->pool = at->d->target;
        return HV_STATUS_SUCCESS;
    }
    page->pool = 0;
    page->flags = ALL_RIGHTS;
    reached = reach(at, number);
    if (reached.frame)
        memset(reached.frame, 0, HV_PAGE_SIZE);
    return HV_STATUS_SUCCESS;
}

/* ---- The rest ---- */

/* Of the library's properties this machine has a say in one: debug channels are not shared. */
static uint16_t set_debug_channel(struct hvdouble_partition *at, uint64_t channel)
{
    struct hvdouble_partition *p;

    LIST_FOREACH(p, &at->d->partitions, link)
    if (channel && p != at && p->debug_channel == channel)
        return HV_STATUS_OBJECT_IN_USE;
    at->debug_channel = channel;
    return HV_STATUS_SUCCESS;
}

/* Whether the library holds it, and lets this machine know. */
static int is_librarys(uint32_t code)
{
    switch (code) {
    case HvPartitionPropertyPrivilegeFlags:
    case HvPartitionPropertySuspend:
    case HvPartitionPropertyCpuReserve:
    case HvPartitionPropertyCpuCap:
    case HvPartitionPropertyCpuWeight:
    case HvPartitionPropertyEmulatedTimerPeriod:
    case HvPartitionPropertyEmulatedTimerControl:
    case HvPartitionPropertyPmTimerAssist:
    case HvPartitionPropertyTimeFreeze:
    case HvPartitionPropertyVirtualTlbPageCount:
        return 1;
    default:
        return 0;
    }
}

static uint16_t property(void *ctx, uint64_t partition, uint32_t code, uint64_t argument,
                         uint64_t *value, int set)
{
    struct hvdouble_partition *at = ctx;
    int answer;

    (void)partition, (void)argument;
    if (hvdouble__op_fault(at->d, HVS_D_PROPERTY, &answer))
        return (uint16_t)answer;
    if (code == HvPartitionPropertyDebugChannelId)
        return set_debug_channel(at, *value);
    if (is_librarys(code))
        return HV_STATUS_SUCCESS;
    for (unsigned i = 0; i < HVDOUBLE_PROPERTIES; i++)
        if (properties[i].code == code) {
            if (set)
                at->properties[i] = *value;
            else
                *value = at->properties[i];
            return HV_STATUS_SUCCESS;
        }
    return HV_STATUS_UNKNOWN_PROPERTY;
}

/* An APIC ID is a VP's index; logical destinations are not told apart. */
static uint16_t interrupt(void *ctx, uint64_t partition, uint64_t control, uint64_t address,
                          uint32_t vector)
{
    struct hvdouble_partition *at = ctx;
    const struct hvdouble_processor *processor;
    int answer;

    (void)partition, (void)vector;
    if (hvdouble__op_fault(at->d, HVS_D_INTERRUPT, &answer))
        return (uint16_t)answer;
    LIST_FOREACH(processor, &at->processors, link)
    if (processor->index == address || control & HV_INTERRUPT_CONTROL_LOGICAL)
        return HV_STATUS_SUCCESS;
    return HV_STATUS_INVALID_VP_INDEX;
}

const struct hvemu_ops hvdouble__ops = {
    .size = sizeof hvdouble__ops,
    .interrupt = interrupt,
    .gpa_read = gpa_read,
    .gpa_writable = gpa_writable,
    .gpa_write = gpa_write,
    .overlay = overlay,
    .partition = partition_op,
    .filter = hvdouble__filter,
    .trace = hvdouble__trace,
    .vp = hvdouble__vp,
    .vp_get = hvdouble__vp_get,
    .vp_set = hvdouble__vp_set,
    .map = map,
    .pool = pool,
    .property = property,
};
