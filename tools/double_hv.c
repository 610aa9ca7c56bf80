/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The documented functions, as a client has them that makes them of hypercalls itself: each puts its
 * parameters into the call's block and goes through the double's door. All blocks are 64-bit words,
 * little-endian, here as there. */

#include "double_internal.h"

#include <string.h>

static _Thread_local struct {
    struct hvdouble *d;
    uint64_t partition;
} attached;

void hvdouble_attach(struct hvdouble *d, uint64_t partition)
{
    attached.d = d;
    attached.partition = partition;
}

static uint64_t enter(uint64_t control, const void *in, size_t in_bytes, void *out,
                      size_t out_bytes)
{
    return attached.d ? hvdouble_hypercall(attached.d, attached.partition, control, in, in_bytes,
                                           out, out_bytes)
                      : HV_STATUS_ACCESS_DENIED;
}

/* A simple call with `count` words of input, and of output. */
static HV_STATUS call(uint16_t code, const uint64_t *words, unsigned count, uint64_t *out,
                      unsigned out_count)
{
    uint8_t in[64] = {0}, results[64];
    HV_STATUS status;

    for (unsigned i = 0; i < count; i++)
        le64enc(in + (size_t)8 * i, words[i]);
    status = (HV_STATUS)enter(code, in, (size_t)8 * count, results, (size_t)8 * out_count);
    for (unsigned i = 0; status == HV_STATUS_SUCCESS && i < out_count; i++)
        out[i] = le64dec(results + (size_t)8 * i);
    return status;
}

#define WORDS(...) ((const uint64_t[]){__VA_ARGS__}), sizeof(uint64_t[]){__VA_ARGS__} / 8

/* A rep call of *reps elements: `each` bytes of input each at items, or out_each of output at out.
 * The block that is too large for a page the hypervisor has to refuse. */
static HV_STATUS call_reps(uint16_t code, const uint64_t *words, unsigned count, const void *items,
                           size_t each, void *out, size_t out_each, uint32_t *reps)
{
    const size_t header = (size_t)8 * count;
    uint8_t in[HV_PAGE_SIZE];
    uint64_t result;

    if (!reps || (each && !items && *reps) ||
        *reps > HV_HYPERCALL_REP_COUNT_MASK >> HV_HYPERCALL_REP_COUNT_SHIFT)
        return HV_STATUS_INVALID_PARAMETER;
    if (header + *reps * each > sizeof in || *reps * out_each > HV_PAGE_SIZE) {
        *reps = 0;
        return HV_STATUS_INVALID_ALIGNMENT;
    }
    for (unsigned i = 0; i < count; i++)
        le64enc(in + (size_t)8 * i, words[i]);
    if (items)
        memcpy(in + header, items, *reps * each);
    result = enter(code | (uint64_t)*reps << HV_HYPERCALL_REP_COUNT_SHIFT, in,
                   header + *reps * each, out, *reps * out_each);
    *reps = (uint32_t)((result & HV_HYPERCALL_RESULT_REPS_MASK) >> HV_HYPERCALL_RESULT_REPS_SHIFT);
    return (HV_STATUS)result;
}

static uint64_t proximity(HV_PROXIMITY_DOMAIN_INFO info)
{
    return info.Id | (uint64_t)info.Flags.AsUINT32 << 32;
}

static uint64_t pair(uint32_t low, uint32_t high)
{
    return low | (uint64_t)high << 32;
}

HV_STATUS HvCreatePartition(uint64_t Flags, HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo,
                            HV_PARTITION_ID *NewPartitionId)
{
    return call(HvCallCreatePartition, WORDS(Flags, proximity(ProximityDomainInfo), 0, 0, 0, 0, 0),
                NewPartitionId, 1);
}

HV_STATUS HvInitializePartition(HV_PARTITION_ID PartitionId)
{
    return call(HvCallInitializePartition, WORDS(PartitionId), NULL, 0);
}

HV_STATUS HvFinalizePartition(HV_PARTITION_ID PartitionId)
{
    return call(HvCallFinalizePartition, WORDS(PartitionId), NULL, 0);
}

HV_STATUS HvDeletePartition(HV_PARTITION_ID PartitionId)
{
    return call(HvCallDeletePartition, WORDS(PartitionId), NULL, 0);
}

HV_STATUS HvGetPartitionId(HV_PARTITION_ID *PartitionId)
{
    return call(HvCallGetPartitionId, NULL, 0, PartitionId, 1);
}

HV_STATUS HvAssertVirtualInterrupt(HV_PARTITION_ID DestinationPartition,
                                   HV_INTERRUPT_CONTROL InterruptControl,
                                   uint64_t DestinationAddress, HV_INTERRUPT_VECTOR RequestedVector)
{
    return call(
        HvCallAssertVirtualInterrupt,
        WORDS(DestinationPartition, InterruptControl.AsUINT64, DestinationAddress, RequestedVector),
        NULL, 0);
}

HV_STATUS HvClearVirtualInterrupt(HV_PARTITION_ID DestinationPartition)
{
    return call(HvCallClearVirtualInterrupt, WORDS(DestinationPartition), NULL, 0);
}

HV_STATUS HvGetPartitionProperty(HV_PARTITION_ID PartitionId,
                                 HV_PARTITION_PROPERTY_CODE PropertyCode,
                                 HV_PARTITION_PROPERTY *PropertyValue)
{
    return call(HvCallGetPartitionProperty, WORDS(PartitionId, PropertyCode), PropertyValue, 1);
}

HV_STATUS HvSetPartitionProperty(HV_PARTITION_ID PartitionId,
                                 HV_PARTITION_PROPERTY_CODE PropertyCode,
                                 HV_PARTITION_PROPERTY PropertyValue)
{
    return call(HvCallSetPartitionProperty, WORDS(PartitionId, PropertyCode, PropertyValue), NULL,
                0);
}

HV_STATUS HvGetNextChildPartition(HV_PARTITION_ID ParentId, HV_PARTITION_ID PreviousChildId,
                                  HV_PARTITION_ID *NextChildId)
{
    return call(HvCallGetNextChildPartition, WORDS(ParentId, PreviousChildId), NextChildId, 1);
}

HV_STATUS HvDepositMemory(HV_PARTITION_ID PartitionId, uint32_t *PageCount,
                          const HV_GPA_PAGE_NUMBER *GpaPages)
{
    return call_reps(HvCallDepositMemory, WORDS(PartitionId), GpaPages, sizeof *GpaPages, NULL, 0,
                     PageCount);
}

HV_STATUS HvWithdrawMemory(HV_PARTITION_ID PartitionId,
                           HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo, uint32_t *PageCount,
                           HV_GPA_PAGE_NUMBER *GpaPages)
{
    return call_reps(HvCallWithdrawMemory, WORDS(PartitionId, proximity(ProximityDomainInfo)), NULL,
                     0, GpaPages, sizeof *GpaPages, PageCount);
}

HV_STATUS HvGetMemoryBalance(HV_PARTITION_ID PartitionId,
                             HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo, uint64_t *PagesAvailable,
                             uint64_t *PagesInUse)
{
    uint64_t balance[2];
    const HV_STATUS status = call(HvCallGetMemoryBalance,
                                  WORDS(PartitionId, proximity(ProximityDomainInfo)), balance, 2);

    if (status == HV_STATUS_SUCCESS) {
        *PagesAvailable = balance[0];
        *PagesInUse = balance[1];
    }
    return status;
}

HV_STATUS HvMapGpaPages(HV_PARTITION_ID TargetPartitionId, HV_GPA_PAGE_NUMBER TargetGpaBase,
                        HV_MAP_GPA_FLAGS MapFlags, uint32_t *PageCount,
                        const HV_GPA_PAGE_NUMBER *SourceGpaPageList)
{
    return call_reps(HvCallMapGpaPages, WORDS(TargetPartitionId, TargetGpaBase, MapFlags),
                     SourceGpaPageList, sizeof *SourceGpaPageList, NULL, 0, PageCount);
}

HV_STATUS HvUnmapGpaPages(HV_PARTITION_ID TargetPartitionId, HV_GPA_PAGE_NUMBER TargetGpaBase,
                          uint32_t *PageCount)
{
    return call_reps(HvCallUnmapGpaPages, WORDS(TargetPartitionId, TargetGpaBase, 0), NULL, 0, NULL,
                     0, PageCount);
}

HV_STATUS HvMapSparseGpaPages(HV_PARTITION_ID TargetPartitionId, HV_MAP_GPA_FLAGS MapFlags,
                              uint32_t *PagePairCount, const HV_GPA_MAPPING *PageList)
{
    return call_reps(HvCallMapSparseGpaPages, WORDS(TargetPartitionId, MapFlags), PageList,
                     sizeof *PageList, NULL, 0, PagePairCount);
}

HV_STATUS HvInstallIntercept(HV_PARTITION_ID PartitionId, HV_INTERCEPT_ACCESS_TYPE_MASK AccessType,
                             const HV_INTERCEPT_DESCRIPTOR *Descriptor)
{
    return call(
        HvCallInstallIntercept,
        WORDS(PartitionId, pair(AccessType, Descriptor->Type), Descriptor->Parameters.AsUINT64),
        NULL, 0);
}

HV_STATUS HvCreateVp(HV_PARTITION_ID PartitionId, HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo,
                     HV_VP_INDEX VpIndex, uint64_t Flags)
{
    return call(HvCallCreateVp,
                WORDS(PartitionId, VpIndex, 0, proximity(ProximityDomainInfo), Flags), NULL, 0);
}

HV_STATUS HvDeleteVp(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex)
{
    return call(HvCallDeleteVp, WORDS(PartitionId, VpIndex), NULL, 0);
}

HV_STATUS HvGetVpRegisters(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex,
                           uint32_t *RegisterCount, const HV_REGISTER_NAME *RegisterNameList,
                           HV_REGISTER_VALUE *RegisterValueList)
{
    return call_reps(HvCallGetVpRegisters, WORDS(PartitionId, VpIndex), RegisterNameList,
                     sizeof *RegisterNameList, RegisterValueList, sizeof *RegisterValueList,
                     RegisterCount);
}

/* A page holds 127 names with their values; who has more is told to go on. */
HV_STATUS HvSetVpRegisters(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex,
                           uint32_t *RegisterCount, const HV_REGISTER_NAME *RegisterNameList,
                           const HV_REGISTER_VALUE *RegisterValueList)
{
    HV_REGISTER_ASSOC list[127];
    const uint32_t most = sizeof list / sizeof *list;
    const uint32_t wanted = *RegisterCount;
    HV_STATUS status;

    memset(list, 0, sizeof list);
    *RegisterCount = wanted < most ? wanted : most;
    for (uint32_t i = 0; i < *RegisterCount; i++) {
        list[i].Name = htole32(RegisterNameList[i]);
        list[i].Value = RegisterValueList[i];
    }
    status = call_reps(HvCallSetVpRegisters, WORDS(PartitionId, VpIndex), list, sizeof *list, NULL,
                       0, RegisterCount);
    return status == HV_STATUS_SUCCESS && wanted > most ? HV_STATUS_TIMEOUT : status;
}

HV_STATUS HvTranslateVirtualAddress(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex,
                                    HV_TRANSLATE_GVA_CONTROL_FLAGS ControlFlags,
                                    HV_GVA_PAGE_NUMBER GvaPage,
                                    HV_TRANSLATE_GVA_RESULT *TranslationResult,
                                    HV_GPA_PAGE_NUMBER *GpaPage)
{
    uint64_t out[2];
    const HV_STATUS status = call(HvCallTranslateVirtualAddress,
                                  WORDS(PartitionId, VpIndex, ControlFlags, GvaPage), out, 2);

    if (status == HV_STATUS_SUCCESS) {
        TranslationResult->AsUINT64 = out[0];
        *GpaPage = out[1];
    }
    return status;
}

/* Data are bytes, and stay in their order. */
HV_STATUS HvReadGpa(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex, HV_GPA BaseGpa,
                    uint32_t ByteCount, HV_ACCESS_GPA_CONTROL_FLAGS ControlFlags,
                    HV_ACCESS_GPA_RESULT *AccessResult, void *DataBuffer)
{
    uint64_t out[3];
    const HV_STATUS status =
        call(HvCallReadGpa,
             WORDS(PartitionId, pair(VpIndex, ByteCount), BaseGpa, ControlFlags.AsUINT64), out, 3);

    if (status == HV_STATUS_SUCCESS) {
        AccessResult->AsUINT64 = out[0];
        le64enc(DataBuffer, out[1]);
        le64enc((uint8_t *)DataBuffer + 8, out[2]);
    }
    return status;
}

HV_STATUS HvWriteGpa(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex, HV_GPA BaseGpa,
                     uint32_t ByteCount, HV_ACCESS_GPA_CONTROL_FLAGS ControlFlags,
                     const void *DataBuffer, HV_ACCESS_GPA_RESULT *AccessResult)
{
    uint8_t data[HV_READ_WRITE_GPA_MAX_SIZE] = {0};

    if (ByteCount > sizeof data)
        return HV_STATUS_INVALID_PARAMETER;
    memcpy(data, DataBuffer, ByteCount);
    return call(HvCallWriteGpa,
                WORDS(PartitionId, pair(VpIndex, ByteCount), BaseGpa, ControlFlags.AsUINT64,
                      le64dec(data), le64dec(data + 8)),
                &AccessResult->AsUINT64, 1);
}
