/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Virtual interrupts: types, control word, vector, and the input of the calls that assert and clear
 * them. TLFS: "Virtual Interrupt Control" (2.0a: 13; 5.0C and 6.0b: 10). The layouts are those of
 * x64. */

#ifndef HVGDK_INTERRUPTS_H
#define HVGDK_INTERRUPTS_H

#include <stdint.h>

#include "types.h"

/* The APIC's delivery modes and the two local lines (TLFS 2.0a 13.4.1 and the online TLFS). */
typedef uint32_t HV_INTERRUPT_TYPE, *PHV_INTERRUPT_TYPE;

enum {
    HvX64InterruptTypeFixed = 0,
    HvX64InterruptTypeLowestPriority = 1,
    HvX64InterruptTypeSmi = 2,
    HvX64InterruptTypeRemoteRead = 3, /* 3, 8 and 9: online TLFS only */
    HvX64InterruptTypeNmi = 4,
    HvX64InterruptTypeInit = 5,
    HvX64InterruptTypeSipi = 6,
    HvX64InterruptTypeExtInt = 7, /* from an 8259; always level, always the boot processor */
    HvX64InterruptTypeLocalInt0 = 8,
    HvX64InterruptTypeLocalInt1 = 9,
    HvX64InterruptTypeMaximum = 10 /* the first number that is no type */
};

/* The control word (TLFS 2.0a 13.4.2). */
#define HV_INTERRUPT_CONTROL_TYPE_MASK       0x00000000FFFFFFFFULL
#define HV_INTERRUPT_CONTROL_LEVEL_TRIGGERED 0x0000000100000000ULL
#define HV_INTERRUPT_CONTROL_LOGICAL         0x0000000200000000ULL /* logical APIC destination */
#define HV_INTERRUPT_CONTROL_RESERVED_MASK   0xFFFFFFFC00000000ULL /* must be zero */

typedef union HV_INTERRUPT_CONTROL {
    uint64_t AsUINT64;
#if HV_BIT_FIELD_VIEWS
    struct {
        uint64_t InterruptType : 32;
        uint64_t LevelTriggered : 1;
        uint64_t LogicalDestinationMode : 1;
        uint64_t Reserved : 30;
    } Bits;
#endif
} HV_INTERRUPT_CONTROL, *PHV_INTERRUPT_CONTROL;

HV_ASSERT_SIZE(HV_INTERRUPT_CONTROL, 8);
HV_ASSERT_OFFSET(HV_INTERRUPT_CONTROL, AsUINT64, 0);

/* A vector is 0 to 255, or NONE to withdraw an assertion (TLFS 2.0a 13.4.3). */
#define HV_INTERRUPT_VECTOR_NONE 0xFFFFFFFFu

/* HvCallAssertVirtualInterrupt 0x0094 (TLFS 6.0b 10.5); 0x0055 has the same bytes up to
 * RequestedVector and ignores the rest (TLFS 2.0a 13.5.1). */
typedef struct HV_INPUT_ASSERT_VIRTUAL_INTERRUPT {
    HV_PARTITION_ID TargetPartition;
    HV_INTERRUPT_CONTROL InterruptControl;
    uint64_t DestinationAddress; /* an APIC ID, or a logical APIC address; ExtInt: 0 */
    HV_INTERRUPT_VECTOR RequestedVector;
    HV_VTL TargetVtl;
    uint8_t ReservedZ0;
    uint16_t ReservedZ1;
} HV_INPUT_ASSERT_VIRTUAL_INTERRUPT, *PHV_INPUT_ASSERT_VIRTUAL_INTERRUPT;

HV_ASSERT_SIZE(HV_INPUT_ASSERT_VIRTUAL_INTERRUPT, 32);
HV_ASSERT_OFFSET(HV_INPUT_ASSERT_VIRTUAL_INTERRUPT, TargetPartition, 0);
HV_ASSERT_OFFSET(HV_INPUT_ASSERT_VIRTUAL_INTERRUPT, InterruptControl, 8);
HV_ASSERT_OFFSET(HV_INPUT_ASSERT_VIRTUAL_INTERRUPT, DestinationAddress, 16);
HV_ASSERT_OFFSET(HV_INPUT_ASSERT_VIRTUAL_INTERRUPT, RequestedVector, 24);
HV_ASSERT_OFFSET(HV_INPUT_ASSERT_VIRTUAL_INTERRUPT, TargetVtl, 28);
HV_ASSERT_OFFSET(HV_INPUT_ASSERT_VIRTUAL_INTERRUPT, ReservedZ0, 29);
HV_ASSERT_OFFSET(HV_INPUT_ASSERT_VIRTUAL_INTERRUPT, ReservedZ1, 30);

/* HvCallClearVirtualInterrupt 0x0056 (TLFS 2.0a 13.5.2). */
typedef struct HV_INPUT_CLEAR_VIRTUAL_INTERRUPT {
    HV_PARTITION_ID TargetPartition;
} HV_INPUT_CLEAR_VIRTUAL_INTERRUPT, *PHV_INPUT_CLEAR_VIRTUAL_INTERRUPT;

HV_ASSERT_SIZE(HV_INPUT_CLEAR_VIRTUAL_INTERRUPT, 8);
HV_ASSERT_OFFSET(HV_INPUT_CLEAR_VIRTUAL_INTERRUPT, TargetPartition, 0);

#endif /* HVGDK_INTERRUPTS_H */
