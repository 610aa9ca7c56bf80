/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Intercepts: what a parent wants to be told of before its child does it, and the input and output
 * of the calls that install and query them. TLFS: 2.0a 9 ("Intercepts") and the online pages of the
 * calls. */

#ifndef HVGDK_INTERCEPTS_H
#define HVGDK_INTERCEPTS_H

#include <stdint.h>

#include "types.h"

/* Kinds of intercepts (TLFS 2.0a 9.2 and online). */
typedef uint32_t HV_INTERCEPT_TYPE, *PHV_INTERCEPT_TYPE;

enum {
    HvInterceptTypeX64IoPort = 0x00000000, /* reads, writes */
    HvInterceptTypeX64Msr = 0x00000001,    /* reads, writes */
    HvInterceptTypeX64Cpuid = 0x00000002,  /* execution */
    HvInterceptTypeException = 0x00000003, /* execution; 2.0a: X64Exception */
    /* From here on the online TLFS only. */
    HvInterceptTypeX64GlobalCpuid = 0x00000006,
    HvInterceptTypeX64ApicSmi = 0x00000007,
    HvInterceptTypeHypercall = 0x00000008,
    HvInterceptTypeX64ApicInitSipi = 0x00000009,
    HvInterceptTypeX64ApicWrite = 0x0000000B,
    HvInterceptTypeUnknownSynicConnection = 0x0000000D,
    HvInterceptTypeX64ApicEoi = 0x0000000E,
    HvInterceptTypeRetargetInterruptWithUnknownDeviceId = 0x0000000F,
    HvInterceptTypeX64ExceptionTrap = 0x00000010,
    HvInterceptTypeX64IoPortRange = 0x00000011,
    HvInterceptTypeRegister = 0x00000012,
    HvInterceptTypeSystemResetExtended = 0x00000013
};

/* Kinds of access; none of them takes the intercept away (TLFS 2.0a 9.2, where the mask is a UINT8
 * in a field of 4 bytes). */
typedef uint32_t HV_INTERCEPT_ACCESS_TYPE_MASK, *PHV_INTERCEPT_ACCESS_TYPE_MASK;

#define HV_INTERCEPT_ACCESS_MASK_NONE    0x00u
#define HV_INTERCEPT_ACCESS_MASK_READ    0x01u
#define HV_INTERCEPT_ACCESS_MASK_WRITE   0x02u
#define HV_INTERCEPT_ACCESS_MASK_EXECUTE 0x04u

typedef uint16_t HV_X64_IO_PORT, *PHV_X64_IO_PORT;

/* Which port, leaf, vector ... (TLFS 2.0a 9.2 and online). What the type does not use is zero. */
typedef union HV_INTERCEPT_PARAMETERS {
    uint64_t AsUINT64;
    HV_X64_IO_PORT IoPort;
    uint32_t CpuidIndex;
    uint16_t ExceptionVector;
    uint32_t ApicWriteMask; /* from here on the online TLFS only */
    uint32_t MsrIndex;
    struct {
        HV_X64_IO_PORT Base;
        HV_X64_IO_PORT End; /* the last one */
    } IoPortRange;
} HV_INTERCEPT_PARAMETERS, *PHV_INTERCEPT_PARAMETERS;

HV_ASSERT_SIZE(HV_INTERCEPT_PARAMETERS, 8);
HV_ASSERT_OFFSET(HV_INTERCEPT_PARAMETERS, AsUINT64, 0);
HV_ASSERT_OFFSET(HV_INTERCEPT_PARAMETERS, IoPort, 0);
HV_ASSERT_OFFSET(HV_INTERCEPT_PARAMETERS, CpuidIndex, 0);
HV_ASSERT_OFFSET(HV_INTERCEPT_PARAMETERS, ExceptionVector, 0);
HV_ASSERT_OFFSET(HV_INTERCEPT_PARAMETERS, ApicWriteMask, 0);
HV_ASSERT_OFFSET(HV_INTERCEPT_PARAMETERS, MsrIndex, 0);
HV_ASSERT_OFFSET(HV_INTERCEPT_PARAMETERS, IoPortRange.Base, 0);
HV_ASSERT_OFFSET(HV_INTERCEPT_PARAMETERS, IoPortRange.End, 2);

/* The argument of HvInstallIntercept in C (hvapi.h). In the native call its members lie close
 * together, in HV_INPUT_INSTALL_INTERCEPT. */
typedef struct HV_INTERCEPT_DESCRIPTOR {
    HV_INTERCEPT_TYPE Type;
    HV_INTERCEPT_PARAMETERS Parameters;
} HV_INTERCEPT_DESCRIPTOR, *PHV_INTERCEPT_DESCRIPTOR;

/* HvCallInstallIntercept 0x004D (TLFS 2.0a 9.3.1). */
typedef struct HV_INPUT_INSTALL_INTERCEPT {
    HV_PARTITION_ID PartitionId;
    HV_INTERCEPT_ACCESS_TYPE_MASK AccessType;
    HV_INTERCEPT_TYPE InterceptType;
    HV_INTERCEPT_PARAMETERS InterceptParameter;
} HV_INPUT_INSTALL_INTERCEPT, *PHV_INPUT_INSTALL_INTERCEPT;

HV_ASSERT_SIZE(HV_INPUT_INSTALL_INTERCEPT, 24);
HV_ASSERT_OFFSET(HV_INPUT_INSTALL_INTERCEPT, PartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_INSTALL_INTERCEPT, AccessType, 8);
HV_ASSERT_OFFSET(HV_INPUT_INSTALL_INTERCEPT, InterceptType, 12);
HV_ASSERT_OFFSET(HV_INPUT_INSTALL_INTERCEPT, InterceptParameter, 16);

/* HvCallCheckForIoIntercept 0x00AD (online TLFS, x64): would this processor's access to the port be
 * intercepted? */
typedef struct HV_INPUT_CHECK_FOR_IO_INTERCEPT {
    HV_PARTITION_ID PartitionId;
    HV_VP_INDEX VpIndex;
    HV_INPUT_VTL TargetVtl;
    uint8_t Padding; /* zero */
    HV_X64_IO_PORT Port;
    uint8_t Size;    /* 1, 2 or 4 bytes */
    uint8_t IsWrite; /* 0 or 1 */
    uint8_t Reserved[6];
} HV_INPUT_CHECK_FOR_IO_INTERCEPT, *PHV_INPUT_CHECK_FOR_IO_INTERCEPT;

HV_ASSERT_SIZE(HV_INPUT_CHECK_FOR_IO_INTERCEPT, 24);
HV_ASSERT_OFFSET(HV_INPUT_CHECK_FOR_IO_INTERCEPT, PartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_CHECK_FOR_IO_INTERCEPT, VpIndex, 8);
HV_ASSERT_OFFSET(HV_INPUT_CHECK_FOR_IO_INTERCEPT, TargetVtl, 12);
HV_ASSERT_OFFSET(HV_INPUT_CHECK_FOR_IO_INTERCEPT, Padding, 13);
HV_ASSERT_OFFSET(HV_INPUT_CHECK_FOR_IO_INTERCEPT, Port, 14);
HV_ASSERT_OFFSET(HV_INPUT_CHECK_FOR_IO_INTERCEPT, Size, 16);
HV_ASSERT_OFFSET(HV_INPUT_CHECK_FOR_IO_INTERCEPT, IsWrite, 17);
HV_ASSERT_OFFSET(HV_INPUT_CHECK_FOR_IO_INTERCEPT, Reserved, 18);

/* The output of HvCallCheckForIoIntercept. The online page gives its first byte alone. */
typedef struct HV_OUTPUT_CHECK_FOR_IO_INTERCEPT {
    uint8_t Intercept; /* 0 or 1 */
    uint8_t Reserved[7];
} HV_OUTPUT_CHECK_FOR_IO_INTERCEPT, *PHV_OUTPUT_CHECK_FOR_IO_INTERCEPT;

HV_ASSERT_SIZE(HV_OUTPUT_CHECK_FOR_IO_INTERCEPT, 8);
HV_ASSERT_OFFSET(HV_OUTPUT_CHECK_FOR_IO_INTERCEPT, Intercept, 0);
HV_ASSERT_OFFSET(HV_OUTPUT_CHECK_FOR_IO_INTERCEPT, Reserved, 1);

#endif /* HVGDK_INTERCEPTS_H */
