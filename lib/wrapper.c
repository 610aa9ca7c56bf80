/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The TLFS' wrapper interface: the documented Hv* functions, each acting for the partition that the
 * calling thread is attached to. The library's only thread-local state. */

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

static HV_STATUS call(uint16_t code, const void *in, size_t in_bytes, void *out, size_t out_bytes)
{
    const struct hvemu_caller *caller = current();

    return (HV_STATUS)hvemu__hypercall(caller->hv, NULL, caller->partition, code, in, in_bytes, out,
                                       out_bytes);
}

/* The calls whose only parameter is a partition ID. */
static HV_STATUS call_on(uint16_t code, HV_PARTITION_ID partition)
{
    uint8_t in[8];

    le64enc(in, partition);
    return call(code, in, sizeof in, NULL, 0);
}

/* The calls whose only output is a partition ID. */
static HV_STATUS call_for_id(uint16_t code, const void *in, size_t in_bytes, HV_PARTITION_ID *id)
{
    uint8_t out[8];
    HV_STATUS status;

    if (!id)
        return HV_STATUS_INVALID_PARAMETER;
    status = call(code, in, in_bytes, out, sizeof out);
    if (status == HV_STATUS_SUCCESS)
        *id = le64dec(out);
    return status;
}

/* The prototypes of hvapi.h carry no export attribute: guests define these functions too. */
HVEMU_API HV_STATUS HvCreatePartition(uint64_t Flags, HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo,
                                      HV_PARTITION_ID *NewPartitionId)
{
    uint8_t in[sizeof(HV_INPUT_CREATE_PARTITION)] = {0};

    le64enc(in, Flags);
    le64enc(in + 8, ProximityDomainInfo.Id | (uint64_t)ProximityDomainInfo.Flags.AsUINT32 << 32);
    return call_for_id(HvCallCreatePartition, in, sizeof in, NewPartitionId);
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
    return call_for_id(HvCallGetPartitionId, NULL, 0, PartitionId);
}

HVEMU_API HV_STATUS HvAssertVirtualInterrupt(HV_PARTITION_ID DestinationPartition,
                                             HV_INTERRUPT_CONTROL InterruptControl,
                                             uint64_t DestinationAddress,
                                             HV_INTERRUPT_VECTOR RequestedVector)
{
    const struct hvemu_caller *caller = current();

    return hvemu_assert_virtual_interrupt(caller->hv, caller->partition, DestinationPartition,
                                          InterruptControl.AsUINT64, DestinationAddress,
                                          RequestedVector);
}

HVEMU_API HV_STATUS HvClearVirtualInterrupt(HV_PARTITION_ID DestinationPartition)
{
    const struct hvemu_caller *caller = current();

    return hvemu_clear_virtual_interrupt(caller->hv, caller->partition, DestinationPartition);
}
