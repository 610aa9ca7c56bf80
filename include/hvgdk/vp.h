/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Virtual processors: register names and values, and the input and output of the calls that create,
 * delete, start and find processors, get and set their registers, and translate their virtual
 * addresses. Of rep calls these are the headers; the list of elements follows. The layouts are
 * those of x64. TLFS: 2.0a 10 ("Virtual Processor Management") and 12; 6.0b 7 and 9; the online
 * pages of the calls. */

#ifndef HVGDK_VP_H
#define HVGDK_VP_H

#include <stdint.h>

#include "types.h"

/* Registers (TLFS 2.0a 10.2.2 and online; names are the newest ones). Of the online TLFS's numerous
 * later x64 registers, those of 2.0a's groups and the MSRs up to XFD_ERR are here. */
typedef uint32_t HV_REGISTER_NAME, *PHV_REGISTER_NAME;

enum {
    /* Suspension and internal state; hypervisor, as CPUID leaves 0x40000002 and on. */
    HvRegisterExplicitSuspend = 0x00000000,           /* HV_EXPLICIT_SUSPEND_REGISTER */
    HvRegisterInterceptSuspend = 0x00000001,          /* HV_INTERCEPT_SUSPEND_REGISTER */
    HvRegisterInstructionEmulationHints = 0x00000002, /* 2 to 4: online */
    HvRegisterDispatchSuspend = 0x00000003,
    HvRegisterInternalActivityState = 0x00000004,
    HvRegisterHypervisorVersion = 0x00000100, /* 128 bits, as the next eight */
    HvRegisterPrivilegesAndFeaturesInfo = 0x00000200,
    HvRegisterFeaturesInfo = 0x00000201,
    HvRegisterImplementationLimitsInfo = 0x00000202,
    HvRegisterHardwareFeaturesInfo = 0x00000203,
    HvRegisterCpuManagementFeaturesInfo = 0x00000204,
    HvRegisterPasidFeaturesInfo = 0x00000205,
    HvRegisterNestedVirtFeaturesInfo = 0x00000207,
    HvRegisterIptFeaturesInfo = 0x00000208,
    HvRegisterGuestCrashP0 = 0x00000210,
    HvRegisterGuestCrashP1 = 0x00000211,
    HvRegisterGuestCrashP2 = 0x00000212,
    HvRegisterGuestCrashP3 = 0x00000213,
    HvRegisterGuestCrashP4 = 0x00000214,
    HvRegisterGuestCrashCtl = 0x00000215,
    HvRegisterProcessorClockFrequency = 0x00000240,
    HvRegisterInterruptClockFrequency = 0x00000241,
    HvRegisterGuestIdle = 0x00000250,
    HvRegisterDebugDeviceOptions = 0x00000260,
    HvRegisterMemoryZeroingControl = 0x00000270,

    /* Interruptions and events. */
    HvRegisterPendingInterruption = 0x00010002, /* HV_X64_PENDING_INTERRUPTION_REGISTER */
    HvRegisterInterruptState = 0x00010003,      /* HV_X64_INTERRUPT_STATE_REGISTER */
    HvRegisterPendingEvent0 = 0x00010004,       /* 0x10004 and on: online */
    HvRegisterPendingEvent1 = 0x00010005,
    HvRegisterDeliverabilityNotifications = 0x00010006,
    HvX64RegisterPendingDebugException = 0x00010007,
    HvRegisterPendingEvent2 = 0x00010008,
    HvRegisterPendingEvent3 = 0x00010009,

    /* General registers. */
    HvX64RegisterRax = 0x00020000,
    HvX64RegisterRcx = 0x00020001,
    HvX64RegisterRdx = 0x00020002,
    HvX64RegisterRbx = 0x00020003,
    HvX64RegisterRsp = 0x00020004,
    HvX64RegisterRbp = 0x00020005,
    HvX64RegisterRsi = 0x00020006,
    HvX64RegisterRdi = 0x00020007,
    HvX64RegisterR8 = 0x00020008,
    HvX64RegisterR9 = 0x00020009,
    HvX64RegisterR10 = 0x0002000A,
    HvX64RegisterR11 = 0x0002000B,
    HvX64RegisterR12 = 0x0002000C,
    HvX64RegisterR13 = 0x0002000D,
    HvX64RegisterR14 = 0x0002000E,
    HvX64RegisterR15 = 0x0002000F,
    HvX64RegisterRip = 0x00020010,
    HvX64RegisterRflags = 0x00020011,

    /* Vector and floating point registers. */
    HvX64RegisterXmm0 = 0x00030000,
    HvX64RegisterXmm1 = 0x00030001,
    HvX64RegisterXmm2 = 0x00030002,
    HvX64RegisterXmm3 = 0x00030003,
    HvX64RegisterXmm4 = 0x00030004,
    HvX64RegisterXmm5 = 0x00030005,
    HvX64RegisterXmm6 = 0x00030006,
    HvX64RegisterXmm7 = 0x00030007,
    HvX64RegisterXmm8 = 0x00030008,
    HvX64RegisterXmm9 = 0x00030009,
    HvX64RegisterXmm10 = 0x0003000A,
    HvX64RegisterXmm11 = 0x0003000B,
    HvX64RegisterXmm12 = 0x0003000C,
    HvX64RegisterXmm13 = 0x0003000D,
    HvX64RegisterXmm14 = 0x0003000E,
    HvX64RegisterXmm15 = 0x0003000F,
    HvX64RegisterFpMmx0 = 0x00030010,
    HvX64RegisterFpMmx1 = 0x00030011,
    HvX64RegisterFpMmx2 = 0x00030012,
    HvX64RegisterFpMmx3 = 0x00030013,
    HvX64RegisterFpMmx4 = 0x00030014,
    HvX64RegisterFpMmx5 = 0x00030015,
    HvX64RegisterFpMmx6 = 0x00030016,
    HvX64RegisterFpMmx7 = 0x00030017,
    HvX64RegisterFpControlStatus = 0x00030018,
    HvX64RegisterXmmControlStatus = 0x00030019,

    /* Control registers. */
    HvX64RegisterCr0 = 0x00040000,
    HvX64RegisterCr2 = 0x00040001,
    HvX64RegisterCr3 = 0x00040002,
    HvX64RegisterCr4 = 0x00040003,
    HvX64RegisterCr8 = 0x00040004,
    HvX64RegisterXfem = 0x00040005,
    HvX64RegisterIntermediateCr0 = 0x00041000, /* online */
    HvX64RegisterIntermediateCr4 = 0x00041003,
    HvX64RegisterIntermediateCr8 = 0x00041004,

    /* Debug registers. */
    HvX64RegisterDr0 = 0x00050000,
    HvX64RegisterDr1 = 0x00050001,
    HvX64RegisterDr2 = 0x00050002,
    HvX64RegisterDr3 = 0x00050003,
    HvX64RegisterDr6 = 0x00050004,
    HvX64RegisterDr7 = 0x00050005,

    /* Segment registers: HV_X64_SEGMENT_REGISTER. */
    HvX64RegisterEs = 0x00060000,
    HvX64RegisterCs = 0x00060001,
    HvX64RegisterSs = 0x00060002,
    HvX64RegisterDs = 0x00060003,
    HvX64RegisterFs = 0x00060004,
    HvX64RegisterGs = 0x00060005,
    HvX64RegisterLdtr = 0x00060006,
    HvX64RegisterTr = 0x00060007,

    /* Table registers: HV_X64_TABLE_REGISTER. */
    HvX64RegisterIdtr = 0x00070000,
    HvX64RegisterGdtr = 0x00070001,

    /* MSRs. */
    HvX64RegisterTsc = 0x00080000,
    HvX64RegisterEfer = 0x00080001,
    HvX64RegisterKernelGsBase = 0x00080002,
    HvX64RegisterApicBase = 0x00080003,
    HvX64RegisterPat = 0x00080004,
    HvX64RegisterSysenterCs = 0x00080005,
    HvX64RegisterSysenterEip = 0x00080006,
    HvX64RegisterSysenterEsp = 0x00080007,
    HvX64RegisterStar = 0x00080008,
    HvX64RegisterLstar = 0x00080009,
    HvX64RegisterCstar = 0x0008000A,
    HvX64RegisterSfmask = 0x0008000B,
    HvX64RegisterInitialApicId = 0x0008000C,
    HvX64RegisterMsrMtrrCap = 0x0008000D,
    HvX64RegisterMsrMtrrDefType = 0x0008000E,
    HvX64RegisterMsrMtrrPhysBase0 = 0x00080010,
    HvX64RegisterMsrMtrrPhysBase1 = 0x00080011,
    HvX64RegisterMsrMtrrPhysBase2 = 0x00080012,
    HvX64RegisterMsrMtrrPhysBase3 = 0x00080013,
    HvX64RegisterMsrMtrrPhysBase4 = 0x00080014,
    HvX64RegisterMsrMtrrPhysBase5 = 0x00080015,
    HvX64RegisterMsrMtrrPhysBase6 = 0x00080016,
    HvX64RegisterMsrMtrrPhysBase7 = 0x00080017,
    HvX64RegisterMsrMtrrPhysBase8 = 0x00080018,
    HvX64RegisterMsrMtrrPhysBase9 = 0x00080019,
    HvX64RegisterMsrMtrrPhysBaseA = 0x0008001A,
    HvX64RegisterMsrMtrrPhysBaseB = 0x0008001B,
    HvX64RegisterMsrMtrrPhysBaseC = 0x0008001C,
    HvX64RegisterMsrMtrrPhysBaseD = 0x0008001D,
    HvX64RegisterMsrMtrrPhysBaseE = 0x0008001E,
    HvX64RegisterMsrMtrrPhysBaseF = 0x0008001F,
    HvX64RegisterMsrMtrrPhysMask0 = 0x00080040,
    HvX64RegisterMsrMtrrPhysMask1 = 0x00080041,
    HvX64RegisterMsrMtrrPhysMask2 = 0x00080042,
    HvX64RegisterMsrMtrrPhysMask3 = 0x00080043,
    HvX64RegisterMsrMtrrPhysMask4 = 0x00080044,
    HvX64RegisterMsrMtrrPhysMask5 = 0x00080045,
    HvX64RegisterMsrMtrrPhysMask6 = 0x00080046,
    HvX64RegisterMsrMtrrPhysMask7 = 0x00080047,
    HvX64RegisterMsrMtrrPhysMask8 = 0x00080048,
    HvX64RegisterMsrMtrrPhysMask9 = 0x00080049,
    HvX64RegisterMsrMtrrPhysMaskA = 0x0008004A,
    HvX64RegisterMsrMtrrPhysMaskB = 0x0008004B,
    HvX64RegisterMsrMtrrPhysMaskC = 0x0008004C,
    HvX64RegisterMsrMtrrPhysMaskD = 0x0008004D,
    HvX64RegisterMsrMtrrPhysMaskE = 0x0008004E,
    HvX64RegisterMsrMtrrPhysMaskF = 0x0008004F,
    HvX64RegisterMsrMtrrFix64k00000 = 0x00080070,
    HvX64RegisterMsrMtrrFix16k80000 = 0x00080071,
    HvX64RegisterMsrMtrrFix16kA0000 = 0x00080072,
    HvX64RegisterMsrMtrrFix4kC0000 = 0x00080073,
    HvX64RegisterMsrMtrrFix4kC8000 = 0x00080074,
    HvX64RegisterMsrMtrrFix4kD0000 = 0x00080075,
    HvX64RegisterMsrMtrrFix4kD8000 = 0x00080076,
    HvX64RegisterMsrMtrrFix4kE0000 = 0x00080077,
    HvX64RegisterMsrMtrrFix4kE8000 = 0x00080078,
    HvX64RegisterMsrMtrrFix4kF0000 = 0x00080079,
    HvX64RegisterMsrMtrrFix4kF8000 = 0x0008007A,
    HvX64RegisterTscAux = 0x0008007B, /* from here on the online TLFS only */
    HvX64RegisterBndcfgs = 0x0008007C,
    HvX64RegisterDebugCtl = 0x0008007D,
    HvX64RegisterMCount = 0x0008007E,
    HvX64RegisterACount = 0x0008007F,
    HvX64RegisterSgxLaunchControl0 = 0x00080080,
    HvX64RegisterSgxLaunchControl1 = 0x00080081,
    HvX64RegisterSgxLaunchControl2 = 0x00080082,
    HvX64RegisterSgxLaunchControl3 = 0x00080083,
    HvX64RegisterSpecCtrl = 0x00080084,
    HvX64RegisterPredCmd = 0x00080085,
    HvX64RegisterVirtSpecCtrl = 0x00080086,
    HvX64RegisterTscVirtualOffset = 0x00080087,
    HvX64RegisterTsxCtrl = 0x00080088,
    HvX64RegisterXss = 0x0008008B,
    HvX64RegisterUCet = 0x0008008C,
    HvX64RegisterSCet = 0x0008008D,
    HvX64RegisterSsp = 0x0008008E,
    HvX64RegisterPl0Ssp = 0x0008008F,
    HvX64RegisterPl1Ssp = 0x00080090,
    HvX64RegisterPl2Ssp = 0x00080091,
    HvX64RegisterPl3Ssp = 0x00080092,
    HvX64RegisterInterruptSspTableAddr = 0x00080093,
    HvX64RegisterTscDeadline = 0x00080095,
    HvX64RegisterTscAdjust = 0x00080096,
    HvX64RegisterUmwaitControl = 0x00080098,
    HvX64RegisterXfd = 0x00080099,
    HvX64RegisterXfdErr = 0x0008009A,

    /* Synthetic MSRs. */
    HvRegisterVpRuntime = 0x00090000,
    HvX64RegisterHypercall = 0x00090001,
    HvRegisterGuestOsId = 0x00090002,
    HvRegisterVpIndex = 0x00090003,
    HvRegisterTimeRefCount = 0x00090004,
    HvRegisterCpuManagementVersion = 0x00090007, /* online */
    HvX64RegisterSyntheticEoi = 0x00090010,      /* 2.0a: Eoi, Icr, Tpr */
    HvX64RegisterSyntheticIcr = 0x00090011,
    HvX64RegisterSyntheticTpr = 0x00090012,
    HvRegisterVpAssistPage = 0x00090013,      /* 2.0a: ApicAssistPage */
    HvRegisterVpRootSignalCount = 0x00090014, /* 0x90014 to 0x9001A: online */
    HvRegisterReferenceTsc = 0x00090017,
    HvRegisterReferenceTscSequence = 0x0009001A,
    HvRegisterStatsPartitionRetail = 0x00090020,
    HvX64RegisterStatsPartitionInternal = 0x00090021, /* 2.0a */
    HvRegisterStatsVpRetail = 0x00090022,
    HvX64RegisterStatsVpInternal = 0x00090023,     /* 2.0a */
    HvX64RegisterEmulatedTimerPeriod = 0x00090030, /* 0x90030 to 0x90032: online */
    HvX64RegisterEmulatedTimerControl = 0x00090031,
    HvX64RegisterPmTimerAssist = 0x00090032,
    HvRegisterSint0 = 0x000A0000,
    HvRegisterSint1 = 0x000A0001,
    HvRegisterSint2 = 0x000A0002,
    HvRegisterSint3 = 0x000A0003,
    HvRegisterSint4 = 0x000A0004,
    HvRegisterSint5 = 0x000A0005,
    HvRegisterSint6 = 0x000A0006,
    HvRegisterSint7 = 0x000A0007,
    HvRegisterSint8 = 0x000A0008,
    HvRegisterSint9 = 0x000A0009,
    HvRegisterSint10 = 0x000A000A,
    HvRegisterSint11 = 0x000A000B,
    HvRegisterSint12 = 0x000A000C,
    HvRegisterSint13 = 0x000A000D,
    HvRegisterSint14 = 0x000A000E,
    HvRegisterSint15 = 0x000A000F,
    HvRegisterScontrol = 0x000A0010,
    HvRegisterSversion = 0x000A0011,
    HvRegisterSifp = 0x000A0012, /* SIEFP */
    HvRegisterSipp = 0x000A0013, /* SIMP */
    HvRegisterEom = 0x000A0014,
    HvRegisterSirbp = 0x000A0015,
    HvRegisterStimer0Config = 0x000B0000,
    HvRegisterStimer0Count = 0x000B0001,
    HvRegisterStimer1Config = 0x000B0002,
    HvRegisterStimer1Count = 0x000B0003,
    HvRegisterStimer2Config = 0x000B0004,
    HvRegisterStimer2Count = 0x000B0005,
    HvRegisterStimer3Config = 0x000B0006,
    HvRegisterStimer3Count = 0x000B0007,

    /* 128-bit halves of the YMM registers (2.0a); the low ones are the XMM registers. */
    HvX64RegisterYmm0Low = 0x000C0000,
    HvX64RegisterYmm1Low = 0x000C0001,
    HvX64RegisterYmm2Low = 0x000C0002,
    HvX64RegisterYmm3Low = 0x000C0003,
    HvX64RegisterYmm4Low = 0x000C0004,
    HvX64RegisterYmm5Low = 0x000C0005,
    HvX64RegisterYmm6Low = 0x000C0006,
    HvX64RegisterYmm7Low = 0x000C0007,
    HvX64RegisterYmm8Low = 0x000C0008,
    HvX64RegisterYmm9Low = 0x000C0009,
    HvX64RegisterYmm10Low = 0x000C000A,
    HvX64RegisterYmm11Low = 0x000C000B,
    HvX64RegisterYmm12Low = 0x000C000C,
    HvX64RegisterYmm13Low = 0x000C000D,
    HvX64RegisterYmm14Low = 0x000C000E,
    HvX64RegisterYmm15Low = 0x000C000F,
    HvX64RegisterYmm0High = 0x000C0010,
    HvX64RegisterYmm1High = 0x000C0011,
    HvX64RegisterYmm2High = 0x000C0012,
    HvX64RegisterYmm3High = 0x000C0013,
    HvX64RegisterYmm4High = 0x000C0014,
    HvX64RegisterYmm5High = 0x000C0015,
    HvX64RegisterYmm6High = 0x000C0016,
    HvX64RegisterYmm7High = 0x000C0017,
    HvX64RegisterYmm8High = 0x000C0018,
    HvX64RegisterYmm9High = 0x000C0019,
    HvX64RegisterYmm10High = 0x000C001A,
    HvX64RegisterYmm11High = 0x000C001B,
    HvX64RegisterYmm12High = 0x000C001C,
    HvX64RegisterYmm13High = 0x000C001D,
    HvX64RegisterYmm14High = 0x000C001E,
    HvX64RegisterYmm15High = 0x000C001F
};

/* A value of 128 bits. */
typedef struct HV_UINT128 {
    uint64_t Low64;
    uint64_t High64;
} HV_UINT128, *PHV_UINT128;

HV_ASSERT_SIZE(HV_UINT128, 16);
HV_ASSERT_OFFSET(HV_UINT128, Low64, 0);
HV_ASSERT_OFFSET(HV_UINT128, High64, 8);

/* Attributes of a segment, as bits 55:52 and 47:40 of its descriptor (TLFS 2.0a 10.3). */
#define HV_X64_SEGMENT_TYPE_MASK   0x000Fu
#define HV_X64_SEGMENT_NON_SYSTEM  0x0010u
#define HV_X64_SEGMENT_DPL_MASK    0x0060u
#define HV_X64_SEGMENT_DPL_SHIFT   5
#define HV_X64_SEGMENT_PRESENT     0x0080u
#define HV_X64_SEGMENT_AVAILABLE   0x1000u
#define HV_X64_SEGMENT_LONG        0x2000u
#define HV_X64_SEGMENT_DEFAULT     0x4000u
#define HV_X64_SEGMENT_GRANULARITY 0x8000u

/* A segment register with its hidden part. 2.0a prints the attributes before the selector. */
typedef struct HV_X64_SEGMENT_REGISTER {
    uint64_t Base;
    uint32_t Limit;
    uint16_t Selector;
    uint16_t Attributes; /* HV_X64_SEGMENT_* */
} HV_X64_SEGMENT_REGISTER, *PHV_X64_SEGMENT_REGISTER;

HV_ASSERT_SIZE(HV_X64_SEGMENT_REGISTER, 16);
HV_ASSERT_OFFSET(HV_X64_SEGMENT_REGISTER, Base, 0);
HV_ASSERT_OFFSET(HV_X64_SEGMENT_REGISTER, Limit, 8);
HV_ASSERT_OFFSET(HV_X64_SEGMENT_REGISTER, Selector, 12);
HV_ASSERT_OFFSET(HV_X64_SEGMENT_REGISTER, Attributes, 14);

/* GDTR and IDTR (TLFS 2.0a 10.3). */
typedef struct HV_X64_TABLE_REGISTER {
    uint16_t Pad[3];
    uint16_t Limit;
    uint64_t Base;
} HV_X64_TABLE_REGISTER, *PHV_X64_TABLE_REGISTER;

HV_ASSERT_SIZE(HV_X64_TABLE_REGISTER, 16);
HV_ASSERT_OFFSET(HV_X64_TABLE_REGISTER, Pad, 0);
HV_ASSERT_OFFSET(HV_X64_TABLE_REGISTER, Limit, 6);
HV_ASSERT_OFFSET(HV_X64_TABLE_REGISTER, Base, 8);

/* HvRegisterExplicitSuspend: the processor does not run until the bit is cleared (TLFS 2.0a
 * 10.3). */
#define HV_EXPLICIT_SUSPEND_SUSPENDED     0x0000000000000001ULL
#define HV_EXPLICIT_SUSPEND_RESERVED_MASK 0xFFFFFFFFFFFFFFFEULL /* must be zero */

typedef union HV_EXPLICIT_SUSPEND_REGISTER {
    uint64_t AsUINT64;
#if HV_BIT_FIELD_VIEWS
    struct {
        uint64_t Suspended : 1;
        uint64_t Reserved : 63;
    } Bits;
#endif
} HV_EXPLICIT_SUSPEND_REGISTER, *PHV_EXPLICIT_SUSPEND_REGISTER;

HV_ASSERT_SIZE(HV_EXPLICIT_SUSPEND_REGISTER, 8);
HV_ASSERT_OFFSET(HV_EXPLICIT_SUSPEND_REGISTER, AsUINT64, 0);

/* HvRegisterInterceptSuspend: set by the hypervisor with an intercept; writes can clear bits, not
 * set them (TLFS 2.0a 10.3). */
#define HV_INTERCEPT_SUSPEND_SUSPENDED         0x0000000000000001ULL
#define HV_INTERCEPT_SUSPEND_TLB_FLUSH_INHIBIT 0x0000000000000002ULL
#define HV_INTERCEPT_SUSPEND_RESERVED_MASK     0xFFFFFFFFFFFFFFFCULL /* must be zero */

typedef union HV_INTERCEPT_SUSPEND_REGISTER {
    uint64_t AsUINT64;
#if HV_BIT_FIELD_VIEWS
    struct {
        uint64_t Suspended : 1;
        uint64_t TlbFlushInhibit : 1;
        uint64_t Reserved : 62;
    } Bits;
#endif
} HV_INTERCEPT_SUSPEND_REGISTER, *PHV_INTERCEPT_SUSPEND_REGISTER;

HV_ASSERT_SIZE(HV_INTERCEPT_SUSPEND_REGISTER, 8);
HV_ASSERT_OFFSET(HV_INTERCEPT_SUSPEND_REGISTER, AsUINT64, 0);

/* HvRegisterPendingInterruption: what is delivered before the next instruction (TLFS 2.0a 10.3.4).
 * The instruction length and the nested bit are later ones, reserved in 2.0a. */
#define HV_X64_PENDING_INTERRUPTION_PENDING                  0x0000000000000001ULL
#define HV_X64_PENDING_INTERRUPTION_TYPE_MASK                0x000000000000000EULL
#define HV_X64_PENDING_INTERRUPTION_TYPE_SHIFT               1
#define HV_X64_PENDING_INTERRUPTION_DELIVER_ERROR_CODE       0x0000000000000010ULL
#define HV_X64_PENDING_INTERRUPTION_INSTRUCTION_LENGTH_MASK  0x00000000000001E0ULL
#define HV_X64_PENDING_INTERRUPTION_INSTRUCTION_LENGTH_SHIFT 5
#define HV_X64_PENDING_INTERRUPTION_NESTED_EVENT             0x0000000000000200ULL
#define HV_X64_PENDING_INTERRUPTION_RESERVED_MASK            0x000000000000FC00ULL /* zero */
#define HV_X64_PENDING_INTERRUPTION_VECTOR_MASK              0x00000000FFFF0000ULL
#define HV_X64_PENDING_INTERRUPTION_VECTOR_SHIFT             16
#define HV_X64_PENDING_INTERRUPTION_ERROR_CODE_MASK          0xFFFFFFFF00000000ULL
#define HV_X64_PENDING_INTERRUPTION_ERROR_CODE_SHIFT         32

enum { HvX64PendingInterrupt = 0, HvX64PendingNmi = 2, HvX64PendingException = 3 };

typedef union HV_X64_PENDING_INTERRUPTION_REGISTER {
    uint64_t AsUINT64;
#if HV_BIT_FIELD_VIEWS
    struct {
        uint64_t InterruptionPending : 1;
        uint64_t InterruptionType : 3;
        uint64_t DeliverErrorCode : 1;
        uint64_t InstructionLength : 4;
        uint64_t NestedEvent : 1;
        uint64_t Reserved : 6;
        uint64_t InterruptionVector : 16;
        uint64_t ErrorCode : 32;
    } Bits;
#endif
} HV_X64_PENDING_INTERRUPTION_REGISTER, *PHV_X64_PENDING_INTERRUPTION_REGISTER;

HV_ASSERT_SIZE(HV_X64_PENDING_INTERRUPTION_REGISTER, 8);
HV_ASSERT_OFFSET(HV_X64_PENDING_INTERRUPTION_REGISTER, AsUINT64, 0);

/* HvRegisterInterruptState (TLFS 2.0a 10.3). */
#define HV_X64_INTERRUPT_STATE_SHADOW        0x0000000000000001ULL /* of STI, MOV SS, POP SS */
#define HV_X64_INTERRUPT_STATE_NMI_MASKED    0x0000000000000002ULL
#define HV_X64_INTERRUPT_STATE_RESERVED_MASK 0xFFFFFFFFFFFFFFFCULL /* must be zero */

typedef union HV_X64_INTERRUPT_STATE_REGISTER {
    uint64_t AsUINT64;
#if HV_BIT_FIELD_VIEWS
    struct {
        uint64_t InterruptShadow : 1;
        uint64_t NmiMasked : 1;
        uint64_t Reserved : 62;
    } Bits;
#endif
} HV_X64_INTERRUPT_STATE_REGISTER, *PHV_X64_INTERRUPT_STATE_REGISTER;

HV_ASSERT_SIZE(HV_X64_INTERRUPT_STATE_REGISTER, 8);
HV_ASSERT_OFFSET(HV_X64_INTERRUPT_STATE_REGISTER, AsUINT64, 0);

/* HvRegisterPendingEvent0 and on: an external interrupt that is pending (later than 2.0a). */
#define HV_X64_PENDING_EVENT_PENDING              0x0000000000000001ULL
#define HV_X64_PENDING_EVENT_TYPE_MASK            0x000000000000000EULL
#define HV_X64_PENDING_EVENT_TYPE_SHIFT           1
#define HV_X64_PENDING_EVENT_TYPE_EXT_INT         5
#define HV_X64_PENDING_EVENT_EXT_INT_VECTOR_MASK  0x000000000000FF00ULL
#define HV_X64_PENDING_EVENT_EXT_INT_VECTOR_SHIFT 8

/* ST0 to ST7 and MMX: a mantissa, and 15 bits of exponent below the sign (TLFS 2.0a 10.3). */
typedef union HV_X64_FP_REGISTER {
    uint64_t AsUINT64[2];
    HV_UINT128 AsUINT128;
} HV_X64_FP_REGISTER, *PHV_X64_FP_REGISTER;

HV_ASSERT_SIZE(HV_X64_FP_REGISTER, 16);
HV_ASSERT_OFFSET(HV_X64_FP_REGISTER, AsUINT64, 0);
HV_ASSERT_OFFSET(HV_X64_FP_REGISTER, AsUINT128, 0);

/* The value of a register. What is shorter than 128 bits lies at the beginning; behind it come
 * zeros. */
typedef union HV_REGISTER_VALUE {
    uint64_t AsUINT64[2];
    HV_UINT128 Reg128;
    uint64_t Reg64;
    uint32_t Reg32;
    uint16_t Reg16;
    uint8_t Reg8;
    HV_X64_FP_REGISTER Fp;
    HV_X64_SEGMENT_REGISTER Segment;
    HV_X64_TABLE_REGISTER Table;
    HV_EXPLICIT_SUSPEND_REGISTER ExplicitSuspend;
    HV_INTERCEPT_SUSPEND_REGISTER InterceptSuspend;
    HV_X64_INTERRUPT_STATE_REGISTER InterruptState;
    HV_X64_PENDING_INTERRUPTION_REGISTER PendingInterruption;
} HV_REGISTER_VALUE, *PHV_REGISTER_VALUE;

HV_ASSERT_SIZE(HV_REGISTER_VALUE, 16);
HV_ASSERT_OFFSET(HV_REGISTER_VALUE, AsUINT64, 0);
HV_ASSERT_OFFSET(HV_REGISTER_VALUE, Reg128, 0);
HV_ASSERT_OFFSET(HV_REGISTER_VALUE, Reg64, 0);
HV_ASSERT_OFFSET(HV_REGISTER_VALUE, Reg32, 0);
HV_ASSERT_OFFSET(HV_REGISTER_VALUE, Reg16, 0);
HV_ASSERT_OFFSET(HV_REGISTER_VALUE, Reg8, 0);
HV_ASSERT_OFFSET(HV_REGISTER_VALUE, Fp, 0);
HV_ASSERT_OFFSET(HV_REGISTER_VALUE, Segment, 0);
HV_ASSERT_OFFSET(HV_REGISTER_VALUE, Table, 0);
HV_ASSERT_OFFSET(HV_REGISTER_VALUE, ExplicitSuspend, 0);
HV_ASSERT_OFFSET(HV_REGISTER_VALUE, InterceptSuspend, 0);
HV_ASSERT_OFFSET(HV_REGISTER_VALUE, InterruptState, 0);
HV_ASSERT_OFFSET(HV_REGISTER_VALUE, PendingInterruption, 0);

/* HvCallCreateVp 0x004E (online TLFS). In 2.0a (10.4.1) the proximity information is at 16, the
 * flags at 24, and there is no subnode. */
typedef struct HV_INPUT_CREATE_VP {
    HV_PARTITION_ID PartitionId;
    HV_VP_INDEX VpIndex;
    uint8_t ReservedZ0[3];
    uint8_t SubnodeType;
    uint64_t SubnodeId;
    HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo;
    uint64_t Flags; /* zero */
} HV_INPUT_CREATE_VP, *PHV_INPUT_CREATE_VP;

HV_ASSERT_SIZE(HV_INPUT_CREATE_VP, 40);
HV_ASSERT_OFFSET(HV_INPUT_CREATE_VP, PartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_CREATE_VP, VpIndex, 8);
HV_ASSERT_OFFSET(HV_INPUT_CREATE_VP, ReservedZ0, 12);
HV_ASSERT_OFFSET(HV_INPUT_CREATE_VP, SubnodeType, 15);
HV_ASSERT_OFFSET(HV_INPUT_CREATE_VP, SubnodeId, 16);
HV_ASSERT_OFFSET(HV_INPUT_CREATE_VP, ProximityDomainInfo, 24);
HV_ASSERT_OFFSET(HV_INPUT_CREATE_VP, Flags, 32);

/* HvCallDeleteVp 0x004F (TLFS 2.0a 10.4.2). */
typedef struct HV_INPUT_DELETE_VP {
    HV_PARTITION_ID PartitionId;
    HV_VP_INDEX VpIndex;
    uint32_t Padding;
} HV_INPUT_DELETE_VP, *PHV_INPUT_DELETE_VP;

HV_ASSERT_SIZE(HV_INPUT_DELETE_VP, 16);
HV_ASSERT_OFFSET(HV_INPUT_DELETE_VP, PartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_DELETE_VP, VpIndex, 8);
HV_ASSERT_OFFSET(HV_INPUT_DELETE_VP, Padding, 12);

/* HvCallGetVpRegisters 0x0050 (TLFS 2.0a 10.4.3, 6.0b 7.10), rep. Elements: HV_REGISTER_NAME;
 * output elements: HV_REGISTER_VALUE. In 2.0a all after VpIndex is padding. */
typedef struct HV_INPUT_GET_VP_REGISTERS {
    HV_PARTITION_ID PartitionId;
    HV_VP_INDEX VpIndex;
    HV_INPUT_VTL InputVtl;
    uint8_t RsvdZ[3];
} HV_INPUT_GET_VP_REGISTERS, *PHV_INPUT_GET_VP_REGISTERS;

HV_ASSERT_SIZE(HV_INPUT_GET_VP_REGISTERS, 16);
HV_ASSERT_OFFSET(HV_INPUT_GET_VP_REGISTERS, PartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_GET_VP_REGISTERS, VpIndex, 8);
HV_ASSERT_OFFSET(HV_INPUT_GET_VP_REGISTERS, InputVtl, 12);
HV_ASSERT_OFFSET(HV_INPUT_GET_VP_REGISTERS, RsvdZ, 13);

/* HvCallSetVpRegisters 0x0051 (TLFS 2.0a 10.4.4, 6.0b 7.10), rep. Elements: HV_REGISTER_ASSOC. */
typedef struct HV_INPUT_SET_VP_REGISTERS {
    HV_PARTITION_ID PartitionId;
    HV_VP_INDEX VpIndex;
    HV_INPUT_VTL InputVtl;
    uint8_t RsvdZ[3];
} HV_INPUT_SET_VP_REGISTERS, *PHV_INPUT_SET_VP_REGISTERS;

HV_ASSERT_SIZE(HV_INPUT_SET_VP_REGISTERS, 16);
HV_ASSERT_OFFSET(HV_INPUT_SET_VP_REGISTERS, PartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_SET_VP_REGISTERS, VpIndex, 8);
HV_ASSERT_OFFSET(HV_INPUT_SET_VP_REGISTERS, InputVtl, 12);
HV_ASSERT_OFFSET(HV_INPUT_SET_VP_REGISTERS, RsvdZ, 13);

/* An element of HvCallSetVpRegisters. */
typedef struct HV_REGISTER_ASSOC {
    HV_REGISTER_NAME Name;
    uint32_t Padding[3];
    HV_REGISTER_VALUE Value;
} HV_REGISTER_ASSOC, *PHV_REGISTER_ASSOC;

HV_ASSERT_SIZE(HV_REGISTER_ASSOC, 32);
HV_ASSERT_OFFSET(HV_REGISTER_ASSOC, Name, 0);
HV_ASSERT_OFFSET(HV_REGISTER_ASSOC, Padding, 4);
HV_ASSERT_OFFSET(HV_REGISTER_ASSOC, Value, 16);

/* What a started processor begins with (6.0b 7.10 and online). */
typedef struct HV_INITIAL_VP_CONTEXT {
    uint64_t Rip;
    uint64_t Rsp;
    uint64_t Rflags;
    HV_X64_SEGMENT_REGISTER Cs;
    HV_X64_SEGMENT_REGISTER Ds;
    HV_X64_SEGMENT_REGISTER Es;
    HV_X64_SEGMENT_REGISTER Fs;
    HV_X64_SEGMENT_REGISTER Gs;
    HV_X64_SEGMENT_REGISTER Ss;
    HV_X64_SEGMENT_REGISTER Tr;
    HV_X64_SEGMENT_REGISTER Ldtr;
    HV_X64_TABLE_REGISTER Idtr;
    HV_X64_TABLE_REGISTER Gdtr;
    uint64_t Efer;
    uint64_t Cr0;
    uint64_t Cr3;
    uint64_t Cr4;
    uint64_t MsrCrPat;
} HV_INITIAL_VP_CONTEXT, *PHV_INITIAL_VP_CONTEXT;

HV_ASSERT_SIZE(HV_INITIAL_VP_CONTEXT, 224);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, Rip, 0);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, Rsp, 8);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, Rflags, 16);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, Cs, 24);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, Ds, 40);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, Es, 56);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, Fs, 72);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, Gs, 88);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, Ss, 104);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, Tr, 120);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, Ldtr, 136);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, Idtr, 152);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, Gdtr, 168);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, Efer, 184);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, Cr0, 192);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, Cr3, 200);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, Cr4, 208);
HV_ASSERT_OFFSET(HV_INITIAL_VP_CONTEXT, MsrCrPat, 216);

/* HvCallStartVirtualProcessor 0x0099 (6.0b 7.10). TargetVtl is a plain level. */
typedef struct HV_INPUT_START_VIRTUAL_PROCESSOR {
    HV_PARTITION_ID PartitionId;
    HV_VP_INDEX VpIndex;
    HV_VTL TargetVtl;
    uint8_t ReservedZ[3];
    HV_INITIAL_VP_CONTEXT VpContext;
} HV_INPUT_START_VIRTUAL_PROCESSOR, *PHV_INPUT_START_VIRTUAL_PROCESSOR;

HV_ASSERT_SIZE(HV_INPUT_START_VIRTUAL_PROCESSOR, 240);
HV_ASSERT_OFFSET(HV_INPUT_START_VIRTUAL_PROCESSOR, PartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_START_VIRTUAL_PROCESSOR, VpIndex, 8);
HV_ASSERT_OFFSET(HV_INPUT_START_VIRTUAL_PROCESSOR, TargetVtl, 12);
HV_ASSERT_OFFSET(HV_INPUT_START_VIRTUAL_PROCESSOR, ReservedZ, 13);
HV_ASSERT_OFFSET(HV_INPUT_START_VIRTUAL_PROCESSOR, VpContext, 16);

/* HvCallGetVpIndexFromApicId 0x009A (6.0b 7.10), rep. Elements: uint32_t, APIC IDs; output
 * elements: HV_VP_INDEX. The TLFS prints 8 bytes for each; whoever makes or serves the call has 4.
 */
typedef struct HV_INPUT_GET_VP_INDEX_FROM_APIC_ID {
    HV_PARTITION_ID PartitionId;
    HV_INPUT_VTL TargetVtl;
    uint8_t Padding[7];
} HV_INPUT_GET_VP_INDEX_FROM_APIC_ID, *PHV_INPUT_GET_VP_INDEX_FROM_APIC_ID;

HV_ASSERT_SIZE(HV_INPUT_GET_VP_INDEX_FROM_APIC_ID, 16);
HV_ASSERT_OFFSET(HV_INPUT_GET_VP_INDEX_FROM_APIC_ID, PartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_GET_VP_INDEX_FROM_APIC_ID, TargetVtl, 8);
HV_ASSERT_OFFSET(HV_INPUT_GET_VP_INDEX_FROM_APIC_ID, Padding, 9);

/* How HvCallTranslateVirtualAddress translates (TLFS 2.0a 12.3.4 and online). One of the three
 * VALIDATE bits at least has to be set. */
typedef uint64_t HV_TRANSLATE_GVA_CONTROL_FLAGS, *PHV_TRANSLATE_GVA_CONTROL_FLAGS;

#define HV_TRANSLATE_GVA_VALIDATE_READ       0x0000000000000001ULL
#define HV_TRANSLATE_GVA_VALIDATE_WRITE      0x0000000000000002ULL
#define HV_TRANSLATE_GVA_VALIDATE_EXECUTE    0x0000000000000004ULL
#define HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT    0x0000000000000008ULL
#define HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS 0x0000000000000010ULL /* accessed, dirty */
#define HV_TRANSLATE_GVA_TLB_FLUSH_INHIBIT   0x0000000000000020ULL
#define HV_TRANSLATE_GVA_CONTROL_MASK        0x000000000000003FULL /* all that 2.0a knows */
#define HV_TRANSLATE_GVA_SUPERVISOR_ACCESS   0x0000000000000040ULL
#define HV_TRANSLATE_GVA_USER_ACCESS         0x0000000000000080ULL
#define HV_TRANSLATE_GVA_ENFORCE_SMAP        0x0000000000000100ULL
#define HV_TRANSLATE_GVA_OVERRIDE_SMAP       0x0000000000000200ULL
#define HV_TRANSLATE_GVA_SHADOW_STACK        0x0000000000000400ULL
#define HV_TRANSLATE_GVA_INPUT_VTL_MASK      0xFF00000000000000ULL
#define HV_TRANSLATE_GVA_INPUT_VTL_SHIFT     56
#define HV_TRANSLATE_GVA_RESERVED_MASK       0x00FFFFFFFFFFF800ULL /* must be zero */

/* What became of it, when the call itself has succeeded (TLFS 2.0a 12.3.4 and online). */
typedef uint32_t HV_TRANSLATE_GVA_RESULT_CODE, *PHV_TRANSLATE_GVA_RESULT_CODE;

enum {
    HvTranslateGvaSuccess = 0,
    HvTranslateGvaPageNotPresent = 1,
    HvTranslateGvaPrivilegeViolation = 2,
    HvTranslateGvaInvalidPageTableFlags = 3, /* a reserved bit is set */
    HvTranslateGvaGpaUnmapped = 4,
    HvTranslateGvaGpaNoReadAccess = 5,
    HvTranslateGvaGpaNoWriteAccess = 6,
    HvTranslateGvaGpaIllegalOverlayAccess = 7,
    HvTranslateGvaIntercept = 8, /* 8 and 9: online */
    HvTranslateGvaGpaUnaccepted = 9
};

#define HV_TRANSLATE_GVA_RESULT_CODE_MASK        0x00000000FFFFFFFFULL
#define HV_TRANSLATE_GVA_RESULT_CACHE_TYPE_MASK  0x000000FF00000000ULL /* HV_CACHE_TYPE */
#define HV_TRANSLATE_GVA_RESULT_CACHE_TYPE_SHIFT 32
#define HV_TRANSLATE_GVA_RESULT_OVERLAY_PAGE     0x0000010000000000ULL
#define HV_TRANSLATE_GVA_RESULT_RESERVED_MASK    0xFFFFFE0000000000ULL /* zero */

typedef union HV_TRANSLATE_GVA_RESULT {
    uint64_t AsUINT64;
#if HV_BIT_FIELD_VIEWS
    struct {
        uint64_t ResultCode : 32;
        uint64_t CacheType : 8;
        uint64_t OverlayPage : 1;
        uint64_t Reserved : 23;
    } Bits;
#endif
} HV_TRANSLATE_GVA_RESULT, *PHV_TRANSLATE_GVA_RESULT;

HV_ASSERT_SIZE(HV_TRANSLATE_GVA_RESULT, 8);
HV_ASSERT_OFFSET(HV_TRANSLATE_GVA_RESULT, AsUINT64, 0);

/* HvCallTranslateVirtualAddress 0x0052 (TLFS 2.0a 12.4.4) and, with Ex, 0x00AC (online). */
typedef struct HV_INPUT_TRANSLATE_VIRTUAL_ADDRESS {
    HV_PARTITION_ID PartitionId;
    HV_VP_INDEX VpIndex;
    uint32_t Padding; /* Ex: zero */
    HV_TRANSLATE_GVA_CONTROL_FLAGS ControlFlags;
    HV_GVA_PAGE_NUMBER GvaPage;
} HV_INPUT_TRANSLATE_VIRTUAL_ADDRESS, *PHV_INPUT_TRANSLATE_VIRTUAL_ADDRESS;

HV_ASSERT_SIZE(HV_INPUT_TRANSLATE_VIRTUAL_ADDRESS, 32);
HV_ASSERT_OFFSET(HV_INPUT_TRANSLATE_VIRTUAL_ADDRESS, PartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_TRANSLATE_VIRTUAL_ADDRESS, VpIndex, 8);
HV_ASSERT_OFFSET(HV_INPUT_TRANSLATE_VIRTUAL_ADDRESS, Padding, 12);
HV_ASSERT_OFFSET(HV_INPUT_TRANSLATE_VIRTUAL_ADDRESS, ControlFlags, 16);
HV_ASSERT_OFFSET(HV_INPUT_TRANSLATE_VIRTUAL_ADDRESS, GvaPage, 24);

/* The output of HvCallTranslateVirtualAddress. If a page could not be accessed, GpaPage is that
 * page. */
typedef struct HV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS {
    HV_TRANSLATE_GVA_RESULT TranslationResult;
    HV_GPA_PAGE_NUMBER GpaPage;
} HV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS, *PHV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS;

HV_ASSERT_SIZE(HV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS, 16);
HV_ASSERT_OFFSET(HV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS, TranslationResult, 0);
HV_ASSERT_OFFSET(HV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS, GpaPage, 8);

/* The result of HvCallTranslateVirtualAddressEx, with the event that the access would raise. The
 * online page gives 16 bytes; whoever makes or serves the call on x64 has this. */
typedef struct HV_TRANSLATE_GVA_RESULT_EX {
    HV_TRANSLATE_GVA_RESULT Result;
    uint64_t Padding;
    uint64_t EventInfo[4];
} HV_TRANSLATE_GVA_RESULT_EX, *PHV_TRANSLATE_GVA_RESULT_EX;

HV_ASSERT_SIZE(HV_TRANSLATE_GVA_RESULT_EX, 48);
HV_ASSERT_OFFSET(HV_TRANSLATE_GVA_RESULT_EX, Result, 0);
HV_ASSERT_OFFSET(HV_TRANSLATE_GVA_RESULT_EX, Padding, 8);
HV_ASSERT_OFFSET(HV_TRANSLATE_GVA_RESULT_EX, EventInfo, 16);

/* The output of HvCallTranslateVirtualAddressEx on x64. */
typedef struct HV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS_EX {
    HV_TRANSLATE_GVA_RESULT_EX TranslationResult;
    HV_GPA_PAGE_NUMBER GpaPage;
    uint64_t Padding;
} HV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS_EX, *PHV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS_EX;

HV_ASSERT_SIZE(HV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS_EX, 64);
HV_ASSERT_OFFSET(HV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS_EX, TranslationResult, 0);
HV_ASSERT_OFFSET(HV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS_EX, GpaPage, 48);
HV_ASSERT_OFFSET(HV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS_EX, Padding, 56);

#endif /* HVGDK_VP_H */
