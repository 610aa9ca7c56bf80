/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The wrapper interface: hypercalls as C functions, under the names and with the arguments that the
 * TLFS gives them (2.0a: chapters 5.6 and 13.5). A guest defines these functions with its hypercall
 * page; libhvemu defines them for a thread that was attached to a partition.
 *
 * Beside what is listed, each can answer HV_STATUS_INVALID_HYPERCALL_CODE where the hypervisor does
 * not offer the call. libhvemu also answers
 *   HV_STATUS_ACCESS_DENIED  on a thread that is not attached to an active partition
 *                            (hvemu_attach() in hvemu.h), or to one that lacks CreatePartitions
 *                            (HvGetPartitionId excepted)
 *   HV_STATUS_TIMEOUT        if the function is to be called again: another life-cycle call is
 *                            under way, finalizing waits for processors to be detached, or (assert,
 *                            clear) too many other threads came between */

#ifndef HVGDK_HVAPI_H
#define HVGDK_HVAPI_H

#include <stdint.h>

#include "interrupts.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Creates a child of the caller, which is left uninitialized, with default properties and an empty
 * memory pool. *NewPartitionId means something only on success. TLFS 2.0a 5.6.1; call 0x0040.
 *   HV_STATUS_ACCESS_DENIED        the caller lacks CreatePartitions
 *   HV_STATUS_INVALID_PARAMETER    a bit of Flags, or the proximity information, is not valid
 *   HV_STATUS_PARTITION_TOO_DEEP   the child would lie deeper in the tree than is supported
 *   HV_STATUS_INSUFFICIENT_MEMORY  the memory pool of the caller is too small
 *   HV_STATUS_NO_RESOURCES         another limit is reached */
HV_STATUS HvCreatePartition(uint64_t Flags, HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo,
                            HV_PARTITION_ID *NewPartitionId);

/* Makes an uninitialized child active, so that it can be given processors and run. On failure it
 * stays as it was. TLFS 2.0a 5.6.2; call 0x0041.
 *   HV_STATUS_ACCESS_DENIED            the caller is not the parent of the partition
 *   HV_STATUS_INVALID_PARTITION_ID     no partition has this ID
 *   HV_STATUS_INVALID_PARTITION_STATE  the partition is not uninitialized
 *   HV_STATUS_INSUFFICIENT_MEMORY      the memory pool of the partition is too small
 *   HV_STATUS_NO_RESOURCES             another limit is reached */
HV_STATUS HvInitializePartition(HV_PARTITION_ID PartitionId);

/* Ends the life of an active child: its processors, ports, connections, mappings and intercepts go,
 * and no interrupt reaches it any more. Cannot be undone. TLFS 2.0a 5.6.3; call 0x0042.
 *   HV_STATUS_ACCESS_DENIED            the caller is not the parent of the partition
 *   HV_STATUS_INVALID_PARTITION_ID     no partition has this ID
 *   HV_STATUS_INVALID_PARTITION_STATE  the partition is neither active nor being finalized
 *   HV_STATUS_OPERATION_DENIED         the partition has children
 * libhvemu: HV_STATUS_TIMEOUT as long as processors are attached; detach them, and call again. */
HV_STATUS HvFinalizePartition(HV_PARTITION_ID PartitionId);

/* Removes a finalized child, or one that was never initialized. Its ID is invalid from then on.
 * TLFS 2.0a 5.6.4; call 0x0043.
 *   HV_STATUS_ACCESS_DENIED            the caller is not the parent of the partition
 *   HV_STATUS_INVALID_PARTITION_ID     no partition has this ID
 *   HV_STATUS_INVALID_PARTITION_STATE  the partition is neither finalized nor uninitialized
 *   HV_STATUS_OPERATION_DENIED         the memory pool of the partition is not empty */
HV_STATUS HvDeletePartition(HV_PARTITION_ID PartitionId);

/* Tells the caller the ID of its own partition. *PartitionId means something only on success.
 * The ID tells nothing but itself, and can be another one after a migration. TLFS 2.0a 5.6.7; call
 * 0x0046.
 *   HV_STATUS_ACCESS_DENIED  the caller lacks AccessPartitionId */
HV_STATUS HvGetPartitionId(HV_PARTITION_ID *PartitionId);

/* Asserts a virtual interrupt in a child, or withdraws it: RequestedVector is then
 * HV_INTERRUPT_VECTOR_NONE. A level-triggered interrupt can be withdrawn as long as no processor
 * has taken it; an edge-triggered one cannot. An external interrupt goes to the boot processor and
 * counts as level-triggered; a second assertion takes the place of the first while that has not
 * been acknowledged, and once it has, HvClearVirtualInterrupt has to come before the next
 * assertion. Callable at any IRQL. TLFS 2.0a 13.5.1, 6.0b 10.5; calls 0x0055 and 0x0094.
 *   HV_STATUS_ACCESS_DENIED            the caller is not the parent of the partition
 *   HV_STATUS_INVALID_PARTITION_ID     no partition has this ID
 *   HV_STATUS_INVALID_PARTITION_STATE  the partition is not active
 *   HV_STATUS_INVALID_VP_INDEX         no processor is there at the destination
 *   HV_STATUS_INVALID_PARAMETER        no such type; a reserved control bit is set; the vector is
 *                                      neither 0 to 255 nor NONE; a vector other than 0 with a type
 *                                      that has none; the destination is not valid, as any but 0 is
 *                                      for an external interrupt
 *   HV_STATUS_ACKNOWLEDGED             an external interrupt has been acknowledged and not cleared
 *   HV_STATUS_INVALID_VTL_STATE        0x0094 only: the trust level is not enabled (5.0C)
 *   HV_STATUS_OPERATION_DENIED         0x0094 only: no condition is stated (6.0b) */
HV_STATUS HvAssertVirtualInterrupt(HV_PARTITION_ID DestinationPartition,
                                   HV_INTERRUPT_CONTROL InterruptControl,
                                   uint64_t DestinationAddress,
                                   HV_INTERRUPT_VECTOR RequestedVector);

/* Asks whether the boot processor of a child has acknowledged the external interrupt that was
 * asserted, and clears that state if it has: success says "yes, since the last time this function
 * succeeded". A parent that emulates an 8259 learns so of the acknowledge cycle. An interrupt that
 * is asserted and not acknowledged stays asserted. Callable at any IRQL. TLFS 2.0a 13.5.2; call
 * 0x0056.
 *   HV_STATUS_SUCCESS                  one was acknowledged; the next can be asserted
 *   HV_STATUS_ACCESS_DENIED            the caller is not the parent of the partition
 *   HV_STATUS_INVALID_PARTITION_ID     no partition has this ID
 *   HV_STATUS_INVALID_PARTITION_STATE  the partition is not active
 *   HV_STATUS_NOT_ACKNOWLEDGED         none was acknowledged since the last clear */
HV_STATUS HvClearVirtualInterrupt(HV_PARTITION_ID DestinationPartition);

#ifdef __cplusplus
}
#endif

#endif /* HVGDK_HVAPI_H */
