/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Memory: the pool that the hypervisor takes its own memory from, the guest physical address (GPA)
 * space, and access to it. Input and output of the calls that deposit and withdraw pages, map and
 * unmap them, and read and write guest memory. Of rep calls these are the headers; the list of
 * elements follows. TLFS: 2.0a 7 ("Resource Management"), 8 ("Guest Physical Address Spaces") and
 * 12.4; the online pages of the calls. */

#ifndef HVGDK_MEMORY_H
#define HVGDK_MEMORY_H

#include <stdint.h>

#include "types.h"

/* HvCallDepositMemory 0x0048 (TLFS 2.0a 7.3.1), rep. Elements: HV_GPA_PAGE_NUMBER. */
typedef struct HV_INPUT_DEPOSIT_MEMORY {
    HV_PARTITION_ID PartitionId;
} HV_INPUT_DEPOSIT_MEMORY, *PHV_INPUT_DEPOSIT_MEMORY;

HV_ASSERT_SIZE(HV_INPUT_DEPOSIT_MEMORY, 8);
HV_ASSERT_OFFSET(HV_INPUT_DEPOSIT_MEMORY, PartitionId, 0);

/* HvCallWithdrawMemory 0x0049 (TLFS 2.0a 7.3.2), rep. No input elements; output elements:
 * HV_GPA_PAGE_NUMBER. */
typedef struct HV_INPUT_WITHDRAW_MEMORY {
    HV_PARTITION_ID PartitionId;
    HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo;
} HV_INPUT_WITHDRAW_MEMORY, *PHV_INPUT_WITHDRAW_MEMORY;

HV_ASSERT_SIZE(HV_INPUT_WITHDRAW_MEMORY, 16);
HV_ASSERT_OFFSET(HV_INPUT_WITHDRAW_MEMORY, PartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_WITHDRAW_MEMORY, ProximityDomainInfo, 8);

/* HvCallGetMemoryBalance 0x004A (TLFS 2.0a 7.3.3). */
typedef struct HV_INPUT_GET_MEMORY_BALANCE {
    HV_PARTITION_ID PartitionId;
    HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo;
} HV_INPUT_GET_MEMORY_BALANCE, *PHV_INPUT_GET_MEMORY_BALANCE;

HV_ASSERT_SIZE(HV_INPUT_GET_MEMORY_BALANCE, 16);
HV_ASSERT_OFFSET(HV_INPUT_GET_MEMORY_BALANCE, PartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_GET_MEMORY_BALANCE, ProximityDomainInfo, 8);

/* The output of HvCallGetMemoryBalance, in pages. */
typedef struct HV_OUTPUT_GET_MEMORY_BALANCE {
    uint64_t PagesAvailable;
    uint64_t PagesInUse;
} HV_OUTPUT_GET_MEMORY_BALANCE, *PHV_OUTPUT_GET_MEMORY_BALANCE;

HV_ASSERT_SIZE(HV_OUTPUT_GET_MEMORY_BALANCE, 16);
HV_ASSERT_OFFSET(HV_OUTPUT_GET_MEMORY_BALANCE, PagesAvailable, 0);
HV_ASSERT_OFFSET(HV_OUTPUT_GET_MEMORY_BALANCE, PagesInUse, 8);

/* Access rights and attributes of a mapping (TLFS 2.0a 8.2.1 and online). 2.0a knows the first
 * three bits, and there 0x4 is the right to execute, whoever does it; now that is both bits of
 * HV_MAP_GPA_EXECUTABLE. Of NO_ACCESS, ZEROED and ONES there can be one: they share two bits. */
typedef uint32_t HV_MAP_GPA_FLAGS, *PHV_MAP_GPA_FLAGS;

#define HV_MAP_GPA_PERMISSIONS_NONE        0x00000000u
#define HV_MAP_GPA_READABLE                0x00000001u
#define HV_MAP_GPA_WRITABLE                0x00000002u
#define HV_MAP_GPA_KERNEL_EXECUTABLE       0x00000004u /* 2.0a: EXECUTABLE */
#define HV_MAP_GPA_USER_EXECUTABLE         0x00000008u
#define HV_MAP_GPA_EXECUTABLE              0x0000000Cu
#define HV_MAP_GPA_PERMISSIONS_MASK        0x0000000Fu
#define HV_MAP_GPA_SUPERVISOR_SHADOW_STACK 0x00000010u /* not TLFS */
#define HV_MAP_GPA_PAGING_WRITABILITY      0x00000020u /* not TLFS */
#define HV_MAP_GPA_VERIFY_PAGING           0x00000040u /* not TLFS */
#define HV_MAP_GPA_ADJUSTABLE              0x00008000u /* not TLFS */
#define HV_MAP_GPA_NO_ACCESS               0x00010000u
#define HV_MAP_GPA_ZEROED                  0x00020000u /* reads as zeros */
#define HV_MAP_GPA_ONES                    0x00030000u /* reads as ones */
#define HV_MAP_GPA_SPECIAL_MASK            0x00030000u
#define HV_MAP_GPA_NO_OVERLAY              0x00100000u
#define HV_MAP_GPA_NOT_CACHED              0x00200000u
#define HV_MAP_GPA_CLEAR_ACCESSED          0x01000000u
#define HV_MAP_GPA_SET_ACCESSED            0x02000000u
#define HV_MAP_GPA_CLEAR_DIRTY             0x04000000u
#define HV_MAP_GPA_SET_DIRTY               0x08000000u
#define HV_MAP_GPA_DONT_SET_RANGE_ACCESSED 0x10000000u
#define HV_MAP_GPA_LARGE_PAGE              0x80000000u /* an element is 2 MiB */

/* Flags of HvCallUnmapGpaPages. The online page prints them as bit numbers 1 and 2; Linux uses
 * LARGE_PAGE as the mask 2. */
typedef uint32_t HV_UNMAP_GPA_FLAGS, *PHV_UNMAP_GPA_FLAGS;

#define HV_UNMAP_GPA_KEEP_PRECOMMITTED 0x00000001u
#define HV_UNMAP_GPA_LARGE_PAGE        0x00000002u /* an element is 2 MiB */

/* Pages of 4 KiB in a large page. */
#define HV_LARGE_PAGE_PAGES 512

/* HvCallMapGpaPages 0x004B (TLFS 2.0a 8.3.1), rep. Elements: HV_GPA_PAGE_NUMBER of the source; they
 * are mapped one behind the other. */
typedef struct HV_INPUT_MAP_GPA_PAGES {
    HV_PARTITION_ID TargetPartitionId;
    HV_GPA_PAGE_NUMBER TargetGpaBase;
    HV_MAP_GPA_FLAGS MapFlags;
    uint32_t Padding;
} HV_INPUT_MAP_GPA_PAGES, *PHV_INPUT_MAP_GPA_PAGES;

HV_ASSERT_SIZE(HV_INPUT_MAP_GPA_PAGES, 24);
HV_ASSERT_OFFSET(HV_INPUT_MAP_GPA_PAGES, TargetPartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_MAP_GPA_PAGES, TargetGpaBase, 8);
HV_ASSERT_OFFSET(HV_INPUT_MAP_GPA_PAGES, MapFlags, 16);
HV_ASSERT_OFFSET(HV_INPUT_MAP_GPA_PAGES, Padding, 20);

/* HvCallUnmapGpaPages 0x004C, rep without elements: the rep count says how many pages. In 2.0a
 * (8.3.2) it ends after TargetGpaBase. */
typedef struct HV_INPUT_UNMAP_GPA_PAGES {
    HV_PARTITION_ID TargetPartitionId;
    HV_GPA_PAGE_NUMBER TargetGpaBase;
    HV_UNMAP_GPA_FLAGS UnmapFlags;
    uint32_t Padding;
} HV_INPUT_UNMAP_GPA_PAGES, *PHV_INPUT_UNMAP_GPA_PAGES;

HV_ASSERT_SIZE(HV_INPUT_UNMAP_GPA_PAGES, 24);
HV_ASSERT_OFFSET(HV_INPUT_UNMAP_GPA_PAGES, TargetPartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_UNMAP_GPA_PAGES, TargetGpaBase, 8);
HV_ASSERT_OFFSET(HV_INPUT_UNMAP_GPA_PAGES, UnmapFlags, 16);
HV_ASSERT_OFFSET(HV_INPUT_UNMAP_GPA_PAGES, Padding, 20);

/* HvCallMapSparseGpaPages 0x006E (TLFS 2.0a 8.3.3), rep. Elements: HV_GPA_MAPPING. */
typedef struct HV_INPUT_MAP_SPARSE_GPA_PAGES {
    HV_PARTITION_ID TargetPartitionId;
    HV_MAP_GPA_FLAGS MapFlags;
    uint32_t Padding;
} HV_INPUT_MAP_SPARSE_GPA_PAGES, *PHV_INPUT_MAP_SPARSE_GPA_PAGES;

HV_ASSERT_SIZE(HV_INPUT_MAP_SPARSE_GPA_PAGES, 16);
HV_ASSERT_OFFSET(HV_INPUT_MAP_SPARSE_GPA_PAGES, TargetPartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_MAP_SPARSE_GPA_PAGES, MapFlags, 8);
HV_ASSERT_OFFSET(HV_INPUT_MAP_SPARSE_GPA_PAGES, Padding, 12);

/* An element of HvCallMapSparseGpaPages. */
typedef struct HV_GPA_MAPPING {
    HV_GPA_PAGE_NUMBER TargetGpaPageNumber;
    HV_GPA_PAGE_NUMBER SourceGpaPageNumber;
} HV_GPA_MAPPING, *PHV_GPA_MAPPING;

HV_ASSERT_SIZE(HV_GPA_MAPPING, 16);
HV_ASSERT_OFFSET(HV_GPA_MAPPING, TargetGpaPageNumber, 0);
HV_ASSERT_OFFSET(HV_GPA_MAPPING, SourceGpaPageNumber, 8);

/* HvCallModifySparseGpaPages 0x0090 (online TLFS), rep. Elements: HV_GPA_PAGE_NUMBER. */
typedef struct HV_INPUT_MODIFY_SPARSE_GPA_PAGES {
    HV_PARTITION_ID TargetPartitionId;
    HV_MAP_GPA_FLAGS MapFlags;
    uint32_t RsvdZ;
} HV_INPUT_MODIFY_SPARSE_GPA_PAGES, *PHV_INPUT_MODIFY_SPARSE_GPA_PAGES;

HV_ASSERT_SIZE(HV_INPUT_MODIFY_SPARSE_GPA_PAGES, 16);
HV_ASSERT_OFFSET(HV_INPUT_MODIFY_SPARSE_GPA_PAGES, TargetPartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_MODIFY_SPARSE_GPA_PAGES, MapFlags, 8);
HV_ASSERT_OFFSET(HV_INPUT_MODIFY_SPARSE_GPA_PAGES, RsvdZ, 12);

/* Memory types (TLFS 2.0a 12.3). */
typedef uint32_t HV_CACHE_TYPE, *PHV_CACHE_TYPE;

enum {
    HvCacheTypeX64Uncached = 0,
    HvCacheTypeX64WriteCombining = 1,
    HvCacheTypeX64WriteThrough = 4,
    HvCacheTypeX64WriteProtected = 5,
    HvCacheTypeX64WriteBack = 6
};

/* How HvCallReadGpa and HvCallWriteGpa access (TLFS 2.0a 12.3.5). The trust level is an
 * HV_INPUT_VTL; in 2.0a those bits are reserved. */
#define HV_ACCESS_GPA_CONTROL_CACHE_TYPE_MASK 0x00000000000000FFULL
#define HV_ACCESS_GPA_CONTROL_INPUT_VTL_MASK  0x000000000000FF00ULL
#define HV_ACCESS_GPA_CONTROL_INPUT_VTL_SHIFT 8
#define HV_ACCESS_GPA_CONTROL_RESERVED_MASK   0xFFFFFFFFFFFF0000ULL /* must be zero */

typedef union HV_ACCESS_GPA_CONTROL_FLAGS {
    uint64_t AsUINT64;
#if HV_BIT_FIELD_VIEWS
    struct {
        uint64_t CacheType : 8;
        uint64_t InputVtl : 8;
        uint64_t Reserved : 48;
    } Bits;
#endif
} HV_ACCESS_GPA_CONTROL_FLAGS, *PHV_ACCESS_GPA_CONTROL_FLAGS;

HV_ASSERT_SIZE(HV_ACCESS_GPA_CONTROL_FLAGS, 8);
HV_ASSERT_OFFSET(HV_ACCESS_GPA_CONTROL_FLAGS, AsUINT64, 0);

/* What became of the access, when the call itself has succeeded (TLFS 2.0a 12.3.5). */
typedef uint32_t HV_ACCESS_GPA_RESULT_CODE, *PHV_ACCESS_GPA_RESULT_CODE;

enum {
    HvAccessGpaSuccess = 0,
    HvAccessGpaUnmapped = 1,
    HvAccessGpaReadIntercept = 2,  /* no right to read */
    HvAccessGpaWriteIntercept = 3, /* no right to write */
    HvAccessGpaIllegalOverlayAccess = 4
};

#define HV_ACCESS_GPA_RESULT_CODE_MASK     0x00000000FFFFFFFFULL
#define HV_ACCESS_GPA_RESULT_RESERVED_MASK 0xFFFFFFFF00000000ULL /* zero */

typedef union HV_ACCESS_GPA_RESULT {
    uint64_t AsUINT64;
#if HV_BIT_FIELD_VIEWS
    struct {
        uint64_t ResultCode : 32;
        uint64_t Reserved : 32;
    } Bits;
#endif
} HV_ACCESS_GPA_RESULT, *PHV_ACCESS_GPA_RESULT;

HV_ASSERT_SIZE(HV_ACCESS_GPA_RESULT, 8);
HV_ASSERT_OFFSET(HV_ACCESS_GPA_RESULT, AsUINT64, 0);

/* At most so many bytes are read or written at a time, none of them in another page. */
#define HV_READ_WRITE_GPA_MAX_SIZE 16

/* HvCallReadGpa 0x0053 (TLFS 2.0a 12.4.5). */
typedef struct HV_INPUT_READ_GPA {
    HV_PARTITION_ID PartitionId;
    HV_VP_INDEX VpIndex;
    uint32_t ByteCount; /* 1 to 16 */
    HV_GPA BaseGpa;
    HV_ACCESS_GPA_CONTROL_FLAGS ControlFlags;
} HV_INPUT_READ_GPA, *PHV_INPUT_READ_GPA;

HV_ASSERT_SIZE(HV_INPUT_READ_GPA, 32);
HV_ASSERT_OFFSET(HV_INPUT_READ_GPA, PartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_READ_GPA, VpIndex, 8);
HV_ASSERT_OFFSET(HV_INPUT_READ_GPA, ByteCount, 12);
HV_ASSERT_OFFSET(HV_INPUT_READ_GPA, BaseGpa, 16);
HV_ASSERT_OFFSET(HV_INPUT_READ_GPA, ControlFlags, 24);

/* The output of HvCallReadGpa; bytes that were not read are zero. */
typedef struct HV_OUTPUT_READ_GPA {
    HV_ACCESS_GPA_RESULT AccessResult;
    uint8_t Data[HV_READ_WRITE_GPA_MAX_SIZE];
} HV_OUTPUT_READ_GPA, *PHV_OUTPUT_READ_GPA;

HV_ASSERT_SIZE(HV_OUTPUT_READ_GPA, 24);
HV_ASSERT_OFFSET(HV_OUTPUT_READ_GPA, AccessResult, 0);
HV_ASSERT_OFFSET(HV_OUTPUT_READ_GPA, Data, 8);

/* HvCallWriteGpa 0x0054 (TLFS 2.0a 12.4.6). */
typedef struct HV_INPUT_WRITE_GPA {
    HV_PARTITION_ID PartitionId;
    HV_VP_INDEX VpIndex;
    uint32_t ByteCount; /* 1 to 16 */
    HV_GPA BaseGpa;
    HV_ACCESS_GPA_CONTROL_FLAGS ControlFlags;
    uint8_t Data[HV_READ_WRITE_GPA_MAX_SIZE];
} HV_INPUT_WRITE_GPA, *PHV_INPUT_WRITE_GPA;

HV_ASSERT_SIZE(HV_INPUT_WRITE_GPA, 48);
HV_ASSERT_OFFSET(HV_INPUT_WRITE_GPA, PartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_WRITE_GPA, VpIndex, 8);
HV_ASSERT_OFFSET(HV_INPUT_WRITE_GPA, ByteCount, 12);
HV_ASSERT_OFFSET(HV_INPUT_WRITE_GPA, BaseGpa, 16);
HV_ASSERT_OFFSET(HV_INPUT_WRITE_GPA, ControlFlags, 24);
HV_ASSERT_OFFSET(HV_INPUT_WRITE_GPA, Data, 32);

/* The output of HvCallWriteGpa. */
typedef struct HV_OUTPUT_WRITE_GPA {
    HV_ACCESS_GPA_RESULT AccessResult;
} HV_OUTPUT_WRITE_GPA, *PHV_OUTPUT_WRITE_GPA;

HV_ASSERT_SIZE(HV_OUTPUT_WRITE_GPA, 8);
HV_ASSERT_OFFSET(HV_OUTPUT_WRITE_GPA, AccessResult, 0);

#endif /* HVGDK_MEMORY_H */
