/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The scalar types of the hypervisor interface, and the macros with which these headers assert the
 * layout of their structures. TLFS: "Data Types" (2.0a: the chapter of each subject; 5.0C, 6.0b and
 * online: the data type pages). In guest memory every value is little-endian and naturally
 * aligned. */

#ifndef HVGDK_TYPES_H
#define HVGDK_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define HV_STATIC_ASSERT(condition, message) static_assert(condition, message)
#else
#define HV_STATIC_ASSERT(condition, message) _Static_assert(condition, message)
#endif
#define HV_ASSERT_SIZE(type, bytes) HV_STATIC_ASSERT(sizeof(type) == (bytes), "size of " #type)
#define HV_ASSERT_OFFSET(type, field, bytes) \
    HV_STATIC_ASSERT(offsetof(type, field) == (bytes), "offset of " #type "." #field)

/* Unions have a member AsUINT64 (or 32, 8) with the whole value, and a member Bits that names its
 * fields. Compilers for big-endian hosts lay bit-fields out the other way round, so Bits does not
 * exist there; the masks beside each union serve every host. */
#if defined(__BYTE_ORDER__) && defined(__ORDER_BIG_ENDIAN__)
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define HV_BIT_FIELD_VIEWS 0
#endif
#endif
#ifndef HV_BIT_FIELD_VIEWS
#define HV_BIT_FIELD_VIEWS 1
#endif

#define HV_PAGE_SIZE  4096
#define HV_PAGE_SHIFT 12

typedef uint16_t HV_STATUS; /* status.h */

typedef uint64_t HV_PARTITION_ID, *PHV_PARTITION_ID;
#define HV_PARTITION_ID_INVALID 0x0000000000000000ULL
#define HV_PARTITION_ID_SELF    0xFFFFFFFFFFFFFFFFULL /* the caller's own, since 5.0C */

typedef uint32_t HV_VP_INDEX, *PHV_VP_INDEX;
#define HV_ANY_VP        0xFFFFFFFFu
#define HV_VP_INDEX_SELF 0xFFFFFFFEu /* the calling processor, online TLFS only */

typedef uint64_t HV_GPA, *PHV_GPA; /* byte addresses */
typedef uint64_t HV_GVA, *PHV_GVA;
typedef uint64_t HV_GPA_PAGE_NUMBER, *PHV_GPA_PAGE_NUMBER; /* address >> HV_PAGE_SHIFT */
typedef uint64_t HV_GVA_PAGE_NUMBER, *PHV_GVA_PAGE_NUMBER;
typedef uint64_t HV_ADDRESS_SPACE_ID, *PHV_ADDRESS_SPACE_ID; /* CR3 */

typedef uint32_t HV_INTERRUPT_VECTOR, *PHV_INTERRUPT_VECTOR; /* interrupts.h */
typedef uint32_t HV_SYNIC_SINT_INDEX, *PHV_SYNIC_SINT_INDEX; /* 0 to 15 */
typedef uint32_t HV_PORT_ID, *PHV_PORT_ID;                   /* bits 31:24 zero */
typedef uint32_t HV_CONNECTION_ID, *PHV_CONNECTION_ID;       /* bits 31:24 zero */
typedef uint64_t HV_NANO100_TIME, *PHV_NANO100_TIME;         /* units of 100 ns */
typedef uint64_t HV_NANO100_DURATION, *PHV_NANO100_DURATION;

HV_ASSERT_SIZE(HV_STATUS, 2);
HV_ASSERT_SIZE(HV_PARTITION_ID, 8);
HV_ASSERT_SIZE(HV_VP_INDEX, 4);
HV_ASSERT_SIZE(HV_INTERRUPT_VECTOR, 4);

/* A virtual trust level as a plain number, 0 to 15 (5.0C and later). */
typedef uint8_t HV_VTL, *PHV_VTL;

HV_ASSERT_SIZE(HV_VTL, 1);

/* A trust level that a call may leave open: without USE_TARGET_VTL it is the caller's own, or
 * every level, as the call says. HvCallAssertVirtualInterrupt takes an HV_VTL, not this type. */
#define HV_INPUT_VTL_TARGET_VTL_MASK 0x0Fu
#define HV_INPUT_VTL_USE_TARGET_VTL  0x10u
#define HV_INPUT_VTL_RESERVED_MASK   0xE0u /* must be zero */

typedef union HV_INPUT_VTL {
    uint8_t AsUINT8;
#if HV_BIT_FIELD_VIEWS
    struct {
        uint8_t TargetVtl : 4;
        uint8_t UseTargetVtl : 1;
        uint8_t ReservedZ : 3;
    } Bits;
#endif
} HV_INPUT_VTL, *PHV_INPUT_VTL;

HV_ASSERT_SIZE(HV_INPUT_VTL, 1);
HV_ASSERT_OFFSET(HV_INPUT_VTL, AsUINT8, 0);

/* Where memory is to come from (TLFS 2.0a 7.2.1). Neither flag: from any domain. VALID alone: from
 * this domain only. VALID and PREFERRED: from this domain if it has memory left. */
typedef uint32_t HV_PROXIMITY_DOMAIN_ID, *PHV_PROXIMITY_DOMAIN_ID;

#define HV_PROXIMITY_DOMAIN_FLAG_PREFERRED     0x00000001u
#define HV_PROXIMITY_DOMAIN_FLAG_VALID         0x80000000u
#define HV_PROXIMITY_DOMAIN_FLAG_RESERVED_MASK 0x7FFFFFFEu /* must be zero */

typedef union HV_PROXIMITY_DOMAIN_FLAGS {
    uint32_t AsUINT32;
#if HV_BIT_FIELD_VIEWS
    struct {
        uint32_t ProximityPreferred : 1;
        uint32_t Reserved : 30;
        uint32_t ProximityInfoValid : 1;
    } Bits;
#endif
} HV_PROXIMITY_DOMAIN_FLAGS, *PHV_PROXIMITY_DOMAIN_FLAGS;

HV_ASSERT_SIZE(HV_PROXIMITY_DOMAIN_FLAGS, 4);
HV_ASSERT_OFFSET(HV_PROXIMITY_DOMAIN_FLAGS, AsUINT32, 0);

typedef struct HV_PROXIMITY_DOMAIN_INFO {
    HV_PROXIMITY_DOMAIN_ID Id;
    HV_PROXIMITY_DOMAIN_FLAGS Flags;
} HV_PROXIMITY_DOMAIN_INFO, *PHV_PROXIMITY_DOMAIN_INFO;

HV_ASSERT_SIZE(HV_PROXIMITY_DOMAIN_INFO, 8);
HV_ASSERT_OFFSET(HV_PROXIMITY_DOMAIN_INFO, Id, 0);
HV_ASSERT_OFFSET(HV_PROXIMITY_DOMAIN_INFO, Flags, 4);

#endif /* HVGDK_TYPES_H */
