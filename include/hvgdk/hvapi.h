/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The wrapper interface: hypercalls as C functions, under the names and with the arguments that the
 * TLFS gives them (2.0a: 5.6, 7.3, 8.3, 9.3, 10.4, 12.4 and 13.5). A guest defines these functions
 * with its hypercall page; libhvemu defines them for a thread that was attached to a partition.
 *
 * Beside what is listed, each can answer HV_STATUS_INVALID_HYPERCALL_CODE where the hypervisor does
 * not offer the call. libhvemu also answers
 *   HV_STATUS_ACCESS_DENIED  on a thread that is not attached to an active partition
 *                            (hvemu_attach() in hvemu.h), or to one that lacks CreatePartitions
 *                            (HvGetPartitionId and calls on itself excepted)
 *   HV_STATUS_TIMEOUT        if the function is to be called again: another life-cycle call is
 *                            under way, finalizing waits for processors to be detached, or (assert,
 *                            clear) too many other threads came between */

#ifndef HVGDK_HVAPI_H
#define HVGDK_HVAPI_H

#include <stdint.h>

#include "intercepts.h"
#include "interrupts.h"
#include "memory.h"
#include "partitions.h"
#include "types.h"
#include "vp.h"

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

/* What follows acts on a child, and where it says so on the caller's own partition. To what each
 * function lists comes
 *   HV_STATUS_ACCESS_DENIED            the caller may not do this to the partition
 *   HV_STATUS_INVALID_PARTITION_ID     no partition has this ID
 *   HV_STATUS_INVALID_PARTITION_STATE  the partition is not active, if nothing else is said
 * An output means something only on success.
 *
 * A function with a `Count` takes that many list elements, and returns in the same place how many
 * it has completed, from the beginning of the list. Those stand whatever the status; after
 * HV_STATUS_TIMEOUT call again with the rest, from TargetGpaBase on as far as there is one.
 *   HV_STATUS_INVALID_HYPERCALL_INPUT  the count is 0
 *   HV_STATUS_INVALID_ALIGNMENT        the lists do not fit the page that they would need in memory
 *   HV_STATUS_INVALID_PARAMETER        the count is above 4095
 * Lists are as in guest memory: little-endian. */

/* Gets a property of a child; the root gets its own too. TLFS 2.0a 5.6.5; call 0x0044.
 *   HV_STATUS_UNKNOWN_PROPERTY         no such property
 *   HV_STATUS_INVALID_PARTITION_STATE  not active; "early" properties (partitions.h): nor before */
HV_STATUS HvGetPartitionProperty(HV_PARTITION_ID PartitionId,
                                 HV_PARTITION_PROPERTY_CODE PropertyCode,
                                 HV_PARTITION_PROPERTY *PropertyValue);

/* Sets a property of a child; the root sets its own too. TLFS 2.0a 5.6.6; call 0x0045.
 *   HV_STATUS_UNKNOWN_PROPERTY             no such property
 *   HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE  the value is outside its range, does not go with others,
 *                                          or gives a privilege that cannot be given
 *   HV_STATUS_INVALID_PARAMETER            the value is never valid, or the property is read-only
 *   HV_STATUS_OBJECT_IN_USE                the value must be unique, and is another partition's
 *   HV_STATUS_INSUFFICIENT_MEMORY          the memory pool of the partition is too small
 *   HV_STATUS_INVALID_PARTITION_STATE      as with HvGetPartitionProperty */
HV_STATUS HvSetPartitionProperty(HV_PARTITION_ID PartitionId,
                                 HV_PARTITION_PROPERTY_CODE PropertyCode,
                                 HV_PARTITION_PROPERTY PropertyValue);

/* The child of ParentId, the caller or a child of it, that was created next after PreviousChildId;
 * HV_PARTITION_ID_INVALID stands before the first and behind the last. Children in every state are
 * listed. TLFS 2.0a 5.6.8; call 0x0047.
 *   HV_STATUS_INVALID_PARTITION_ID     also if PreviousChildId is no child of ParentId
 *   HV_STATUS_INVALID_PARTITION_STATE  never */
HV_STATUS HvGetNextChildPartition(HV_PARTITION_ID ParentId, HV_PARTITION_ID PreviousChildId,
                                  HV_PARTITION_ID *NextChildId);

/* Gives pages of the caller to the memory pool of a child; the root gives its own too. They are out
 * of everybody's reach until they are withdrawn. TLFS 2.0a 7.3.1; call 0x0048.
 *   HV_STATUS_ACCESS_DENIED            also without AccessMemoryPool
 *   HV_STATUS_OPERATION_DENIED         the caller does not have the page readable, writable and
 *                                      executable for itself alone, or has deposited it
 *   HV_STATUS_OBJECT_IN_USE            the page serves something else
 *   HV_STATUS_INVALID_PARTITION_STATE  the partition is neither active nor uninitialized */
HV_STATUS HvDepositMemory(HV_PARTITION_ID PartitionId, uint32_t *PageCount,
                          const HV_GPA_PAGE_NUMBER *GpaPages);

/* Takes pages back that are not in use, each at its former place, zeroed. A partition that is
 * uninitialized or finalized gives back all, in any other state some may be in use. TLFS 2.0a
 * 7.3.2; call 0x0049.
 *   HV_STATUS_ACCESS_DENIED            also without AccessMemoryPool
 *   HV_STATUS_INVALID_PARAMETER        the proximity information is not valid
 *   HV_STATUS_NO_RESOURCES             no page is left that could be withdrawn
 *   HV_STATUS_INVALID_PARTITION_STATE  never */
HV_STATUS HvWithdrawMemory(HV_PARTITION_ID PartitionId,
                           HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo, uint32_t *PageCount,
                           HV_GPA_PAGE_NUMBER *GpaPages);

/* Counts the pages of a memory pool, all or those of one proximity domain. TLFS 2.0a 7.3.3; call
 * 0x004A.
 *   HV_STATUS_ACCESS_DENIED            also without AccessMemoryPool
 *   HV_STATUS_INVALID_PARAMETER        the proximity information is not valid
 *   HV_STATUS_INVALID_PARTITION_STATE  never */
HV_STATUS HvGetMemoryBalance(HV_PARTITION_ID PartitionId,
                             HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo, uint64_t *PagesAvailable,
                             uint64_t *PagesInUse);

/* Maps pages of the caller one behind the other into the GPA space of a child, in place of what is
 * mapped there; the root changes the access rights of its own pages so. TLFS 2.0a 8.3.1; call
 * 0x004B.
 *   HV_STATUS_INVALID_PARAMETER    a page outside the GPA space; flags that are reserved or do not
 *                                  go together
 *   HV_STATUS_OPERATION_DENIED     the caller does not have the page, or has deposited it
 *   HV_STATUS_OBJECT_IN_USE        the page serves something that forbids it
 *   HV_STATUS_INSUFFICIENT_MEMORY  the memory pool of the partition is too small */
HV_STATUS HvMapGpaPages(HV_PARTITION_ID TargetPartitionId, HV_GPA_PAGE_NUMBER TargetGpaBase,
                        HV_MAP_GPA_FLAGS MapFlags, uint32_t *PageCount,
                        const HV_GPA_PAGE_NUMBER *SourceGpaPageList);

/* Unmaps pages; where nothing is mapped that is no failure. TLFS 2.0a 8.3.2; call 0x004C.
 *   HV_STATUS_INVALID_PARAMETER  a page outside the GPA space
 *   HV_STATUS_OBJECT_IN_USE      the page serves something that forbids it */
HV_STATUS HvUnmapGpaPages(HV_PARTITION_ID TargetPartitionId, HV_GPA_PAGE_NUMBER TargetGpaBase,
                          uint32_t *PageCount);

/* HvMapGpaPages for pages that do not lie one behind the other. TLFS 2.0a 8.3.3; call 0x006E. */
HV_STATUS HvMapSparseGpaPages(HV_PARTITION_ID TargetPartitionId, HV_MAP_GPA_FLAGS MapFlags,
                              uint32_t *PagePairCount, const HV_GPA_MAPPING *PageList);

/* Installs an intercept for all processors of a child, or with HV_INTERCEPT_ACCESS_MASK_NONE takes
 * it away. TLFS 2.0a 9.3.1; call 0x004D.
 *   HV_STATUS_INVALID_PARAMETER    no such type, access that the type does not have, or its
 *                                  parameter is not valid
 *   HV_STATUS_INSUFFICIENT_MEMORY  the memory pool of the partition is too small */
HV_STATUS HvInstallIntercept(HV_PARTITION_ID PartitionId, HV_INTERCEPT_ACCESS_TYPE_MASK AccessType,
                             const HV_INTERCEPT_DESCRIPTOR *Descriptor);

/* Creates a processor, in the state after reset and explicitly suspended. Flags: 0. TLFS 2.0a
 * 10.4.1; call 0x004E.
 *   HV_STATUS_INVALID_VP_INDEX     it exists, or the index is above the limit
 *   HV_STATUS_INVALID_PARAMETER    flags, or the proximity information
 *   HV_STATUS_OPERATION_DENIED     reserve or cap of all processors together would be above 100 %
 *   HV_STATUS_INSUFFICIENT_MEMORY  the memory pool of the partition is too small
 *   HV_STATUS_NO_RESOURCES         another limit is reached */
HV_STATUS HvCreateVp(HV_PARTITION_ID PartitionId, HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo,
                     HV_VP_INDEX VpIndex, uint64_t Flags);

/* Deletes a processor. TLFS 2.0a 10.4.2; call 0x004F.
 *   HV_STATUS_INVALID_VP_INDEX  no such processor */
HV_STATUS HvDeleteVp(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex);

/* Reads registers of a child's processor; with AccessVpRegisters, of one of the caller's partition.
 * TLFS 2.0a 10.4.3, 6.0b 7.10; call 0x0050.
 *   HV_STATUS_INVALID_VP_INDEX   no such processor
 *   HV_STATUS_INVALID_PARAMETER  no such register */
HV_STATUS HvGetVpRegisters(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex,
                           uint32_t *RegisterCount, const HV_REGISTER_NAME *RegisterNameList,
                           HV_REGISTER_VALUE *RegisterValueList);

/* Writes registers, of whom HvGetVpRegisters reads, each with a call of its own. TLFS 2.0a 10.4.4,
 * 6.0b 7.10; call 0x0051.
 *   HV_STATUS_INVALID_VP_INDEX        no such processor
 *   HV_STATUS_INVALID_PARAMETER       no such register, it cannot be written, or not this value
 *   HV_STATUS_INVALID_REGISTER_VALUE  not this value (5.0C) */
HV_STATUS HvSetVpRegisters(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex,
                           uint32_t *RegisterCount, const HV_REGISTER_NAME *RegisterNameList,
                           const HV_REGISTER_VALUE *RegisterValueList);

/* Translates a virtual page as a processor would, of whom HvGetVpRegisters reads registers. The
 * call succeeds also if there is no translation: *TranslationResult says so. TLFS 2.0a 12.4.4;
 * call 0x0052.
 *   HV_STATUS_INVALID_VP_INDEX   no such processor
 *   HV_STATUS_INVALID_PARAMETER  a reserved flag, or no kind of access to validate */
HV_STATUS HvTranslateVirtualAddress(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex,
                                    HV_TRANSLATE_GVA_CONTROL_FLAGS ControlFlags,
                                    HV_GVA_PAGE_NUMBER GvaPage,
                                    HV_TRANSLATE_GVA_RESULT *TranslationResult,
                                    HV_GPA_PAGE_NUMBER *GpaPage);

/* Reads 1 to 16 bytes of a child's memory; DataBuffer has 16 bytes, of which the rest become zero.
 * The call succeeds also if the access does not: *AccessResult says so. TLFS 2.0a 12.4.5; call
 * 0x0053.
 *   HV_STATUS_INVALID_VP_INDEX   no such processor
 *   HV_STATUS_INVALID_PARAMETER  the number of bytes, bytes in two pages or outside the GPA space,
 *                                cache type or a reserved flag */
HV_STATUS HvReadGpa(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex, HV_GPA BaseGpa,
                    uint32_t ByteCount, HV_ACCESS_GPA_CONTROL_FLAGS ControlFlags,
                    HV_ACCESS_GPA_RESULT *AccessResult, void *DataBuffer);

/* Writes 1 to 16 bytes of a child's memory; DataBuffer has ByteCount bytes. Otherwise as HvReadGpa.
 * TLFS 2.0a 12.4.6; call 0x0054. */
HV_STATUS HvWriteGpa(HV_PARTITION_ID PartitionId, HV_VP_INDEX VpIndex, HV_GPA BaseGpa,
                     uint32_t ByteCount, HV_ACCESS_GPA_CONTROL_FLAGS ControlFlags,
                     const void *DataBuffer, HV_ACCESS_GPA_RESULT *AccessResult);

#ifdef __cplusplus
}
#endif

#endif /* HVGDK_HVAPI_H */
