/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A partition's guest physical address space: what its parent maps there (TLFS 2.0a 8), and the
 * parent's access to it (12.4.5, 12.4.6). The library judges and counts, the VMM maps. */

#include "internal.h"

#define FLAGS_DEFINED                                                                   \
    (HV_MAP_GPA_PERMISSIONS_MASK | HV_MAP_GPA_SUPERVISOR_SHADOW_STACK |                 \
     HV_MAP_GPA_PAGING_WRITABILITY | HV_MAP_GPA_VERIFY_PAGING | HV_MAP_GPA_ADJUSTABLE | \
     HV_MAP_GPA_SPECIAL_MASK | HV_MAP_GPA_NO_OVERLAY | HV_MAP_GPA_NOT_CACHED |          \
     HV_MAP_GPA_CLEAR_ACCESSED | HV_MAP_GPA_SET_ACCESSED | HV_MAP_GPA_CLEAR_DIRTY |     \
     HV_MAP_GPA_SET_DIRTY | HV_MAP_GPA_DONT_SET_RANGE_ACCESSED | HV_MAP_GPA_LARGE_PAGE)

/* x64 has no page that can be written or executed but not read (TLFS 2.0a 8.1.2). */
static int valid_flags(uint32_t flags)
{
    return !(flags & ~FLAGS_DEFINED) &&
           (flags & HV_MAP_GPA_READABLE || !(flags & HV_MAP_GPA_PERMISSIONS_MASK));
}

static uint32_t pages_in(uint32_t flags)
{
    return flags & HV_MAP_GPA_LARGE_PAGE ? HV_LARGE_PAGE_PAGES : 1;
}

/* Whether a page, small or large, can be in a GPA space. */
static int valid_page(const struct hvemu *hv, uint64_t page, uint32_t flags)
{
    const uint64_t end = hv->gpa_end >> HV_PAGE_SHIFT;

    return page < end && end - page >= pages_in(flags) && !(page & (pages_in(flags) - 1));
}

/* The page that an element of a contiguous list stands for; past the end for what would wrap. */
static uint64_t page_at(const struct hvemu_invocation *invocation, uint64_t base, uint32_t flags)
{
    const uint64_t page = base + (uint64_t)invocation->index * pages_in(flags);

    return page >= base ? page : UINT64_MAX;
}

static uint16_t change(const struct hvemu__invocation *target, uint32_t what, uint64_t page,
                       uint64_t source, uint32_t flags)
{
    const struct hvemu_ops *ops = &target->shown.hv->ops;

    return ops->map
               ? ops->map(target->partition->ctx, target->shown.target, what, page, source, flags)
               : HV_STATUS_OPERATION_DENIED;
}

/* Every 512 pages need one more for the tables that map them. */
static uint16_t map_child(const struct hvemu__invocation *target, uint64_t page, uint64_t source,
                          uint32_t flags)
{
    struct hvemu__partition *partition = target->partition;
    const uint32_t cost = partition->rest->mapped % 512 ? 0 : target->shown.hv->config.map_cost;
    uint16_t status = hvemu__charge(partition, cost);

    if (status != HV_STATUS_SUCCESS)
        return status;
    status = change(target, HVEMU_MAP, page, source, flags);
    if (status == HV_STATUS_SUCCESS)
        partition->rest->mapped++;
    else
        hvemu__refund(partition, cost);
    return status;
}

/* The root has all memory where it is, and can give itself other rights to it alone. */
static uint16_t map(const struct hvemu__invocation *target, uint64_t page, uint64_t source,
                    uint32_t flags)
{
    if (!valid_flags(flags) || !valid_page(target->shown.hv, page, flags) ||
        !valid_page(target->shown.hv, source, flags))
        return HV_STATUS_INVALID_PARAMETER;
    if (target->shown.target != target->shown.caller)
        return map_child(target, page, source, flags);
    return page == source ? change(target, HVEMU_MODIFY, page, 0, flags) : HV_STATUS_ACCESS_DENIED;
}

uint16_t hvemu__map_gpa_pages(const struct hvemu_invocation *invocation, const void *in,
                              const void *item, void *out)
{
    const uint8_t *header = in;
    const uint32_t flags = le32dec(header + offsetof(HV_INPUT_MAP_GPA_PAGES, MapFlags));
    const uint64_t base = le64dec(header + offsetof(HV_INPUT_MAP_GPA_PAGES, TargetGpaBase));

    (void)out;
    return map(hvemu__inside(invocation), page_at(invocation, base, flags), le64dec(item), flags);
}

uint16_t hvemu__map_sparse_gpa_pages(const struct hvemu_invocation *invocation, const void *in,
                                     const void *item, void *out)
{
    const uint8_t *header = in, *mapping = item;

    (void)out;
    return map(hvemu__inside(invocation), le64dec(mapping),
               le64dec(mapping + offsetof(HV_GPA_MAPPING, SourceGpaPageNumber)),
               le32dec(header + offsetof(HV_INPUT_MAP_SPARSE_GPA_PAGES, MapFlags)));
}

uint16_t hvemu__modify_sparse_gpa_pages(const struct hvemu_invocation *invocation, const void *in,
                                        const void *item, void *out)
{
    const struct hvemu__invocation *target = hvemu__inside(invocation);
    const uint8_t *header = in;
    const uint32_t flags = le32dec(header + offsetof(HV_INPUT_MODIFY_SPARSE_GPA_PAGES, MapFlags));
    const uint64_t page = le64dec(item);

    (void)out;
    if (!valid_flags(flags) || !valid_page(target->shown.hv, page, flags) ||
        le32dec(header + offsetof(HV_INPUT_MODIFY_SPARSE_GPA_PAGES, RsvdZ)))
        return HV_STATUS_INVALID_PARAMETER;
    return change(target, HVEMU_MODIFY, page, 0, flags);
}

#define AT(field) offsetof(HV_INPUT_UNMAP_GPA_PAGES, field)

uint16_t hvemu__unmap_gpa_pages(const struct hvemu_invocation *invocation, const void *in,
                                const void *item, void *out)
{
    const struct hvemu__invocation *target = hvemu__inside(invocation);
    struct hvemu__partition *partition = target->partition;
    const uint8_t *header = in;
    const uint32_t unmap_flags = le32dec(header + AT(UnmapFlags));
    const uint32_t flags = unmap_flags & HV_UNMAP_GPA_LARGE_PAGE ? HV_MAP_GPA_LARGE_PAGE : 0;
    const uint64_t page = page_at(invocation, le64dec(header + AT(TargetGpaBase)), flags);
    uint16_t status;

    (void)item, (void)out;
    if (unmap_flags & ~HV_UNMAP_GPA_LARGE_PAGE || /* nothing can be precommitted here */
        !valid_page(target->shown.hv, page, flags))
        return HV_STATUS_INVALID_PARAMETER;
    status = change(target, HVEMU_UNMAP, page, 0, flags);
    if (status == HV_STATUS_SUCCESS && partition->rest->mapped &&
        --partition->rest->mapped % 512 == 0)
        hvemu__refund(partition, target->shown.hv->config.map_cost);
    return status;
}

#undef AT
#define AT(field) offsetof(HV_INPUT_WRITE_GPA, field) /* HV_INPUT_READ_GPA is its beginning */

/* What is accessed, read once: a C caller's block may be memory that others write. */
struct access {
    uint64_t gpa, control;
    uint32_t bytes;
};

static struct access access_of(const uint8_t *in)
{
    return (struct access){.gpa = le64dec(in + AT(BaseGpa)),
                           .control = le64dec(in + AT(ControlFlags)),
                           .bytes = le32dec(in + AT(ByteCount))};
}

static uint16_t judge_access(const struct hvemu *hv, const struct access *access)
{
    const uint32_t cache = access->control & HV_ACCESS_GPA_CONTROL_CACHE_TYPE_MASK;

    if (!access->bytes || access->bytes > HV_READ_WRITE_GPA_MAX_SIZE ||
        access->gpa >= hv->gpa_end || access->gpa % HV_PAGE_SIZE + access->bytes > HV_PAGE_SIZE ||
        (access->control & HV_ACCESS_GPA_CONTROL_RESERVED_MASK) ||
        cache > HvCacheTypeX64WriteBack || cache == 2 || cache == 3)
        return HV_STATUS_INVALID_PARAMETER;
    return hvemu__judge_vtl((uint8_t)(access->control >> HV_ACCESS_GPA_CONTROL_INPUT_VTL_SHIFT));
}

/* What a memory op's answer is to the caller: a result code, or a status. */
static uint16_t report(int answer, uint32_t denied, uint8_t *out)
{
    switch (answer) {
    case HVEMU_MEM_OK:
        return HV_STATUS_SUCCESS; /* HvAccessGpaSuccess is 0 */
    case HVEMU_MEM_NONE:
        le32enc(out, HvAccessGpaUnmapped);
        return HV_STATUS_SUCCESS;
    case HVEMU_MEM_DENIED:
        le32enc(out, denied);
        return HV_STATUS_SUCCESS;
    case HVEMU_MEM_AGAIN:
        return HV_STATUS_TIMEOUT;
    default:
        return HV_STATUS_OPERATION_FAILED;
    }
}

static int overlaid(const struct hvemu__invocation *target, uint64_t gpa, uint8_t *out)
{
    if (!hvemu__overlaid(target->partition, gpa))
        return 0;
    le32enc(out, HvAccessGpaIllegalOverlayAccess);
    return 1;
}

uint16_t hvemu__read_gpa(const struct hvemu_invocation *invocation, const void *in,
                         const void *item, void *out)
{
    const struct hvemu__invocation *target = hvemu__inside(invocation);
    const struct hvemu_ops *ops = &target->shown.hv->ops;
    const struct access access = access_of(in);
    uint8_t data[HV_READ_WRITE_GPA_MAX_SIZE] = {0};
    const uint16_t status = judge_access(target->shown.hv, &access);
    int answer = HVEMU_MEM_NONE;

    (void)item;
    if (status != HV_STATUS_SUCCESS || overlaid(target, access.gpa, out))
        return status;
    if (ops->gpa_read)
        answer = ops->gpa_read(target->partition->ctx, target->shown.target, access.gpa, data,
                               access.bytes);
    if (answer == HVEMU_MEM_OK)
        memcpy((uint8_t *)out + offsetof(HV_OUTPUT_READ_GPA, Data), data, access.bytes);
    return report(answer, HvAccessGpaReadIntercept, out);
}

uint16_t hvemu__write_gpa(const struct hvemu_invocation *invocation, const void *in,
                          const void *item, void *out)
{
    const struct hvemu__invocation *target = hvemu__inside(invocation);
    const struct hvemu_ops *ops = &target->shown.hv->ops;
    const struct access access = access_of(in);
    const uint16_t status = judge_access(target->shown.hv, &access);
    int answer = HVEMU_MEM_NONE;

    (void)item;
    if (status != HV_STATUS_SUCCESS || overlaid(target, access.gpa, out))
        return status;
    if (ops->gpa_write)
        answer = ops->gpa_write(target->partition->ctx, target->shown.target, access.gpa,
                                (const uint8_t *)in + AT(Data), access.bytes);
    return report(answer, HvAccessGpaWriteIntercept, out);
}
