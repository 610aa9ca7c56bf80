/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The wrapper interface's functions about a partition's processors, their registers, and memory as
 * they see it. */

#include "internal.h"

HVEMU_API HV_STATUS HvCreateVp(HV_PARTITION_ID PartitionId,
                               HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo, HV_VP_INDEX VpIndex,
                               uint64_t Flags)
{
    uint8_t in[sizeof(HV_INPUT_CREATE_VP)] = {0};

    le64enc(in, PartitionId);
    le32enc(in + 8, VpIndex);
    le64enc(in + 24, hvemu__proximity(ProximityDomainInfo));
    le64enc(in + 32, Flags);
    return hvemu__call(HvCallCreateVp, in, sizeof in, NULL, 0);
}

/* The blocks of all calls on a virtual processor begin so. */
static void name_vp(uint8_t *in, HV_PARTITION_ID partition, HV_VP_INDEX index)
{
    le64enc(in, partition);
    le64enc(in + 8, index);
}

HVEMU_API HV_STATUS HvDeleteVp(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex)
{
    uint8_t in[sizeof(HV_INPUT_DELETE_VP)];

    name_vp(in, PartitionId, VpIndex);
    return hvemu__call(HvCallDeleteVp, in, sizeof in, NULL, 0);
}

HVEMU_API HV_STATUS HvGetVpRegisters(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex,
                                     uint32_t *RegisterCount,
                                     const HV_REGISTER_NAME *RegisterNameList,
                                     HV_REGISTER_VALUE *RegisterValueList)
{
    uint8_t in[sizeof(HV_INPUT_GET_VP_REGISTERS)];

    name_vp(in, PartitionId, VpIndex);
    return hvemu__call_reps(HvCallGetVpRegisters, in, sizeof in, RegisterNameList,
                            RegisterValueList, sizeof *RegisterValueList, RegisterCount);
}

/* The native call has one list of names and values: here one element at a time, as there is no
 * memory for more. */
HVEMU_API HV_STATUS HvSetVpRegisters(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex,
                                     uint32_t *RegisterCount,
                                     const HV_REGISTER_NAME *RegisterNameList,
                                     const HV_REGISTER_VALUE *RegisterValueList)
{
    uint8_t in[sizeof(HV_INPUT_SET_VP_REGISTERS)], item[sizeof(HV_REGISTER_ASSOC)] = {0};
    uint32_t done = 0, wanted, count;
    HV_STATUS status;

    if (!RegisterCount)
        return HV_STATUS_INVALID_PARAMETER;
    wanted = *RegisterCount;
    *RegisterCount = 0;
    if (!RegisterNameList || !RegisterValueList ||
        wanted > HV_HYPERCALL_REP_COUNT_MASK >> HV_HYPERCALL_REP_COUNT_SHIFT)
        return HV_STATUS_INVALID_PARAMETER;
    name_vp(in, PartitionId, VpIndex);
    do {
        count = done < wanted;
        if (count) {
            memcpy(item, &RegisterNameList[done], sizeof *RegisterNameList);
            memcpy(item + offsetof(HV_REGISTER_ASSOC, Value), &RegisterValueList[done],
                   sizeof *RegisterValueList);
        }
        status = hvemu__call_reps(HvCallSetVpRegisters, in, sizeof in, item, NULL, 0, &count);
        count = count != 0; /* whatever a caller's own hypercall() says */
        done += count;
    } while (status == HV_STATUS_SUCCESS && count && done < wanted);
    *RegisterCount = done;
    return status;
}

HVEMU_API HV_STATUS HvTranslateVirtualAddress(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex,
                                              HV_TRANSLATE_GVA_CONTROL_FLAGS ControlFlags,
                                              HV_GVA_PAGE_NUMBER GvaPage,
                                              HV_TRANSLATE_GVA_RESULT *TranslationResult,
                                              HV_GPA_PAGE_NUMBER *GpaPage)
{
    uint8_t in[sizeof(HV_INPUT_TRANSLATE_VIRTUAL_ADDRESS)];
    uint8_t out[sizeof(HV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS)];
    HV_STATUS status;

    if (!TranslationResult || !GpaPage)
        return HV_STATUS_INVALID_PARAMETER;
    name_vp(in, PartitionId, VpIndex);
    le64enc(in + 16, ControlFlags);
    le64enc(in + 24, GvaPage);
    status = hvemu__call(HvCallTranslateVirtualAddress, in, sizeof in, out, sizeof out);
    if (status == HV_STATUS_SUCCESS) {
        TranslationResult->AsUINT64 = le64dec(out);
        *GpaPage = le64dec(out + 8);
    }
    return status;
}

/* Both accesses to memory: the input up to the data. */
static void name_memory(uint8_t *in, HV_PARTITION_ID partition, HV_VP_INDEX index, HV_GPA gpa,
                        uint32_t bytes, HV_ACCESS_GPA_CONTROL_FLAGS flags)
{
    name_vp(in, partition, index);
    le32enc(in + 12, bytes);
    le64enc(in + 16, gpa);
    le64enc(in + 24, flags.AsUINT64);
}

HVEMU_API HV_STATUS HvReadGpa(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex, HV_GPA BaseGpa,
                              uint32_t ByteCount, HV_ACCESS_GPA_CONTROL_FLAGS ControlFlags,
                              HV_ACCESS_GPA_RESULT *AccessResult, void *DataBuffer)
{
    uint8_t in[sizeof(HV_INPUT_READ_GPA)], out[sizeof(HV_OUTPUT_READ_GPA)];
    HV_STATUS status;

    if (!AccessResult || !DataBuffer)
        return HV_STATUS_INVALID_PARAMETER;
    name_memory(in, PartitionId, VpIndex, BaseGpa, ByteCount, ControlFlags);
    status = hvemu__call(HvCallReadGpa, in, sizeof in, out, sizeof out);
    if (status == HV_STATUS_SUCCESS) {
        AccessResult->AsUINT64 = le64dec(out);
        memcpy(DataBuffer, out + offsetof(HV_OUTPUT_READ_GPA, Data), HV_READ_WRITE_GPA_MAX_SIZE);
    }
    return status;
}

HVEMU_API HV_STATUS HvWriteGpa(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex, HV_GPA BaseGpa,
                               uint32_t ByteCount, HV_ACCESS_GPA_CONTROL_FLAGS ControlFlags,
                               const void *DataBuffer, HV_ACCESS_GPA_RESULT *AccessResult)
{
    uint8_t in[sizeof(HV_INPUT_WRITE_GPA)] = {0}, out[sizeof(HV_OUTPUT_WRITE_GPA)];
    HV_STATUS status;

    if (!AccessResult || !DataBuffer || ByteCount > HV_READ_WRITE_GPA_MAX_SIZE)
        return HV_STATUS_INVALID_PARAMETER;
    name_memory(in, PartitionId, VpIndex, BaseGpa, ByteCount, ControlFlags);
    memcpy(in + offsetof(HV_INPUT_WRITE_GPA, Data), DataBuffer, ByteCount);
    status = hvemu__call(HvCallWriteGpa, in, sizeof in, out, sizeof out);
    if (status == HV_STATUS_SUCCESS)
        AccessResult->AsUINT64 = le64dec(out);
    return status;
}
