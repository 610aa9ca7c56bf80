/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The TLFS' wrapper interface: the documented Hv* functions, each acting for the partition that the
 * calling thread is attached to. The library's only thread-local state. Those about a partition's
 * processors are in wrapper_vp.c. */

#include "internal.h"

/* In a freestanding build hvemu_current_caller() is the embedder's. */
#ifndef HVEMU_FREESTANDING

/* One pointer, volatile and in the initial-exec model: to read it is a single load, right also in a
 * signal handler, and calls nothing that allocates. */
static _Thread_local const struct hvemu_caller *volatile attached
#ifdef __ELF__
    __attribute__((tls_model("initial-exec")))
#endif
    ;

const struct hvemu_caller *hvemu_attach(const struct hvemu_caller *caller)
{
    const struct hvemu_caller *previous = attached;

    attached = caller;
    return previous;
}

const struct hvemu_caller *hvemu_current_caller(void)
{
    return attached;
}

#endif

static const struct hvemu_caller *current(void)
{
    static const struct hvemu_caller nobody;
    const struct hvemu_caller *caller = hvemu_current_caller();

    return caller ? caller : &nobody;
}

static uint64_t make(uint64_t control, const void *in, size_t in_bytes, const void *items,
                     size_t items_bytes, void *out, size_t out_bytes)
{
    const struct hvemu_caller *caller = current();

    return caller->hypercall ? caller->hypercall(caller, control, in, in_bytes, items, items_bytes,
                                                 out, out_bytes)
                             : hvemu__hypercall(caller->hv, NULL, caller->partition, control, in,
                                                in_bytes, items, out, out_bytes);
}

HV_STATUS hvemu__call(uint16_t code, const void *in, size_t in_bytes, void *out, size_t out_bytes)
{
    return (HV_STATUS)make(code, in, in_bytes, NULL, 0, out, out_bytes);
}

/* The calls whose only parameter is a partition ID. */
static HV_STATUS call_on(uint16_t code, HV_PARTITION_ID partition)
{
    uint8_t in[8];

    le64enc(in, partition);
    return hvemu__call(code, in, sizeof in, NULL, 0);
}

/* The calls whose only output is 64 bits. */
static HV_STATUS call_for_u64(uint16_t code, const void *in, size_t in_bytes, uint64_t *value)
{
    uint8_t out[8];
    HV_STATUS status;

    if (!value)
        return HV_STATUS_INVALID_PARAMETER;
    status = hvemu__call(code, in, in_bytes, out, sizeof out);
    if (status == HV_STATUS_SUCCESS)
        *value = le64dec(out);
    return status;
}

/* A rep call: *count elements, of which the list at items, or that at out of out_each bytes. */
HV_STATUS hvemu__call_reps(uint16_t code, const void *in, size_t in_bytes, const void *items,
                           void *out, size_t out_each, uint32_t *count)
{
    const size_t each = hvemu__built_in(code)->in_each;
    uint64_t reps, result;

    if (!count)
        return HV_STATUS_INVALID_PARAMETER;
    reps = *count;
    *count = 0;
    if (reps > HV_HYPERCALL_REP_COUNT_MASK >> HV_HYPERCALL_REP_COUNT_SHIFT)
        return HV_STATUS_INVALID_PARAMETER;
    result = make(code | reps << HV_HYPERCALL_REP_COUNT_SHIFT, in, in_bytes, items,
                  (size_t)reps * each, out, (size_t)reps * out_each);
    *count = (uint32_t)((result & HV_HYPERCALL_RESULT_REPS_MASK) >> HV_HYPERCALL_RESULT_REPS_SHIFT);
    return (HV_STATUS)result;
}

uint64_t hvemu__proximity(HV_PROXIMITY_DOMAIN_INFO info)
{
    return info.Id | (uint64_t)info.Flags.AsUINT32 << 32;
}

/* The prototypes of hvapi.h carry no export attribute: guests define these functions too. */
HVEMU_API HV_STATUS HvCreatePartition(uint64_t Flags, HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo,
                                      HV_PARTITION_ID *NewPartitionId)
{
    uint8_t in[sizeof(HV_INPUT_CREATE_PARTITION)] = {0};

    le64enc(in, Flags);
    le64enc(in + 8, hvemu__proximity(ProximityDomainInfo));
    return call_for_u64(HvCallCreatePartition, in, sizeof in, NewPartitionId);
}

HVEMU_API HV_STATUS HvInitializePartition(HV_PARTITION_ID PartitionId)
{
    return call_on(HvCallInitializePartition, PartitionId);
}

HVEMU_API HV_STATUS HvFinalizePartition(HV_PARTITION_ID PartitionId)
{
    return call_on(HvCallFinalizePartition, PartitionId);
}

HVEMU_API HV_STATUS HvDeletePartition(HV_PARTITION_ID PartitionId)
{
    return call_on(HvCallDeletePartition, PartitionId);
}

HVEMU_API HV_STATUS HvGetPartitionId(HV_PARTITION_ID *PartitionId)
{
    return call_for_u64(HvCallGetPartitionId, NULL, 0, PartitionId);
}

HVEMU_API HV_STATUS HvAssertVirtualInterrupt(HV_PARTITION_ID DestinationPartition,
                                             HV_INTERRUPT_CONTROL InterruptControl,
                                             uint64_t DestinationAddress,
                                             HV_INTERRUPT_VECTOR RequestedVector)
{
    const struct hvemu_caller *caller = current();
    uint8_t in[sizeof(HV_INPUT_ASSERT_VIRTUAL_INTERRUPT)] = {0};

    if (caller->hypercall) {
        le64enc(in, DestinationPartition);
        le64enc(in + 8, InterruptControl.AsUINT64);
        le64enc(in + 16, DestinationAddress);
        le32enc(in + 24, RequestedVector);
        return hvemu__call(HvCallAssertVirtualInterrupt, in, sizeof in, NULL, 0);
    }
    return hvemu_assert_virtual_interrupt(caller->hv, caller->partition, DestinationPartition,
                                          InterruptControl.AsUINT64, DestinationAddress,
                                          RequestedVector);
}

HVEMU_API HV_STATUS HvClearVirtualInterrupt(HV_PARTITION_ID DestinationPartition)
{
    const struct hvemu_caller *caller = current();

    if (caller->hypercall)
        return call_on(HvCallClearVirtualInterrupt, DestinationPartition);
    return hvemu_clear_virtual_interrupt(caller->hv, caller->partition, DestinationPartition);
}

HVEMU_API HV_STATUS HvGetPartitionProperty(HV_PARTITION_ID PartitionId,
                                           HV_PARTITION_PROPERTY_CODE PropertyCode,
                                           HV_PARTITION_PROPERTY *PropertyValue)
{
    uint8_t in[sizeof(HV_INPUT_GET_PARTITION_PROPERTY)] = {0};

    le64enc(in, PartitionId);
    le32enc(in + 8, PropertyCode);
    return call_for_u64(HvCallGetPartitionProperty, in, sizeof in, PropertyValue);
}

HVEMU_API HV_STATUS HvSetPartitionProperty(HV_PARTITION_ID PartitionId,
                                           HV_PARTITION_PROPERTY_CODE PropertyCode,
                                           HV_PARTITION_PROPERTY PropertyValue)
{
    uint8_t in[sizeof(HV_INPUT_SET_PARTITION_PROPERTY)] = {0};

    le64enc(in, PartitionId);
    le32enc(in + 8, PropertyCode);
    le64enc(in + 16, PropertyValue);
    return hvemu__call(HvCallSetPartitionProperty, in, sizeof in, NULL, 0);
}

HVEMU_API HV_STATUS HvGetNextChildPartition(HV_PARTITION_ID ParentId,
                                            HV_PARTITION_ID PreviousChildId,
                                            HV_PARTITION_ID *NextChildId)
{
    uint8_t in[sizeof(HV_INPUT_GET_NEXT_CHILD_PARTITION)];

    le64enc(in, ParentId);
    le64enc(in + 8, PreviousChildId);
    return call_for_u64(HvCallGetNextChildPartition, in, sizeof in, NextChildId);
}

HVEMU_API HV_STATUS HvDepositMemory(HV_PARTITION_ID PartitionId, uint32_t *PageCount,
                                    const HV_GPA_PAGE_NUMBER *GpaPages)
{
    uint8_t in[sizeof(HV_INPUT_DEPOSIT_MEMORY)];

    le64enc(in, PartitionId);
    return hvemu__call_reps(HvCallDepositMemory, in, sizeof in, GpaPages, NULL, 0, PageCount);
}

HVEMU_API HV_STATUS HvWithdrawMemory(HV_PARTITION_ID PartitionId,
                                     HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo,
                                     uint32_t *PageCount, HV_GPA_PAGE_NUMBER *GpaPages)
{
    uint8_t in[sizeof(HV_INPUT_WITHDRAW_MEMORY)];

    le64enc(in, PartitionId);
    le64enc(in + 8, hvemu__proximity(ProximityDomainInfo));
    return hvemu__call_reps(HvCallWithdrawMemory, in, sizeof in, NULL, GpaPages, sizeof *GpaPages,
                            PageCount);
}

HVEMU_API HV_STATUS HvGetMemoryBalance(HV_PARTITION_ID PartitionId,
                                       HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo,
                                       uint64_t *PagesAvailable, uint64_t *PagesInUse)
{
    uint8_t in[sizeof(HV_INPUT_GET_MEMORY_BALANCE)], out[sizeof(HV_OUTPUT_GET_MEMORY_BALANCE)];
    HV_STATUS status;

    if (!PagesAvailable || !PagesInUse)
        return HV_STATUS_INVALID_PARAMETER;
    le64enc(in, PartitionId);
    le64enc(in + 8, hvemu__proximity(ProximityDomainInfo));
    status = hvemu__call(HvCallGetMemoryBalance, in, sizeof in, out, sizeof out);
    if (status == HV_STATUS_SUCCESS) {
        *PagesAvailable = le64dec(out);
        *PagesInUse = le64dec(out + 8);
    }
    return status;
}

HVEMU_API HV_STATUS HvMapGpaPages(HV_PARTITION_ID TargetPartitionId,
                                  HV_GPA_PAGE_NUMBER TargetGpaBase, HV_MAP_GPA_FLAGS MapFlags,
                                  uint32_t *PageCount, const HV_GPA_PAGE_NUMBER *SourceGpaPageList)
{
    uint8_t in[sizeof(HV_INPUT_MAP_GPA_PAGES)] = {0};

    le64enc(in, TargetPartitionId);
    le64enc(in + 8, TargetGpaBase);
    le32enc(in + 16, MapFlags);
    return hvemu__call_reps(HvCallMapGpaPages, in, sizeof in, SourceGpaPageList, NULL, 0,
                            PageCount);
}

HVEMU_API HV_STATUS HvUnmapGpaPages(HV_PARTITION_ID TargetPartitionId,
                                    HV_GPA_PAGE_NUMBER TargetGpaBase, uint32_t *PageCount)
{
    uint8_t in[sizeof(HV_INPUT_UNMAP_GPA_PAGES)] = {0};

    le64enc(in, TargetPartitionId);
    le64enc(in + 8, TargetGpaBase);
    return hvemu__call_reps(HvCallUnmapGpaPages, in, sizeof in, NULL, NULL, 0, PageCount);
}

HVEMU_API HV_STATUS HvMapSparseGpaPages(HV_PARTITION_ID TargetPartitionId,
                                        HV_MAP_GPA_FLAGS MapFlags, uint32_t *PagePairCount,
                                        const HV_GPA_MAPPING *PageList)
{
    uint8_t in[sizeof(HV_INPUT_MAP_SPARSE_GPA_PAGES)] = {0};

    le64enc(in, TargetPartitionId);
    le32enc(in + 8, MapFlags);
    return hvemu__call_reps(HvCallMapSparseGpaPages, in, sizeof in, PageList, NULL, 0,
                            PagePairCount);
}

/* Of the union what the type uses: nobody need have set the rest. */
static uint64_t parameter_of(const HV_INTERCEPT_DESCRIPTOR *descriptor)
{
    switch (descriptor->Type) {
    case HvInterceptTypeX64IoPort:
        return descriptor->Parameters.IoPort;
    case HvInterceptTypeX64Msr:
        return descriptor->Parameters.MsrIndex;
    case HvInterceptTypeX64Cpuid:
        return descriptor->Parameters.CpuidIndex;
    case HvInterceptTypeException:
        return descriptor->Parameters.ExceptionVector;
    default:
        return descriptor->Parameters.AsUINT64;
    }
}

HVEMU_API HV_STATUS HvInstallIntercept(HV_PARTITION_ID PartitionId,
                                       HV_INTERCEPT_ACCESS_TYPE_MASK AccessType,
                                       const HV_INTERCEPT_DESCRIPTOR *Descriptor)
{
    uint8_t in[sizeof(HV_INPUT_INSTALL_INTERCEPT)];

    if (!Descriptor)
        return HV_STATUS_INVALID_PARAMETER;
    le64enc(in, PartitionId);
    le32enc(in + 8, AccessType);
    le32enc(in + 12, Descriptor->Type);
    le64enc(in + 16, parameter_of(Descriptor));
    return hvemu__call(HvCallInstallIntercept, in, sizeof in, NULL, 0);
}
