/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Call codes, and the two 64-bit words of every hypercall: the input value (control word) and the
 * result value. TLFS: chapter "Hypercall Interface" (2.0a: 4; later: 3) and appendix "Hypercall
 * Code Reference" (2.0a: B; later: A). A code has its name of the newest TLFS that lists it; codes
 * that no TLFS lists have the name of public headers. */

#ifndef HVGDK_CALLS_H
#define HVGDK_CALLS_H

#include <stdint.h>

#include "types.h"

enum {
    /* Calls a guest makes for itself: address spaces, spinning, IPIs, trust levels. */
    HvCallSwitchVirtualAddressSpace = 0x0001,
    HvCallFlushVirtualAddressSpace = 0x0002,
    HvCallFlushVirtualAddressList = 0x0003,
    HvCallGetLogicalProcessorRunTime = 0x0004,
    HvCallUpdateHvProcessorFeatures = 0x0005,
    HvCallSwitchAliasMap = 0x0006,
    HvCallUpdateMicrocode = 0x0007,
    HvCallNotifyLongSpinWait = 0x0008,
    HvCallParkedVirtualProcessors = 0x0009, /* 2.0a: park logical processors */
    HvCallInvokeHypervisorDebugger = 0x000A,
    HvCallSendSyntheticClusterIpi = 0x000B,
    HvCallModifyVtlProtectionMask = 0x000C,
    HvCallEnablePartitionVtl = 0x000D,
    HvCallDisablePartitionVtl = 0x000E,
    HvCallEnableVpVtl = 0x000F,
    HvCallDisableVpVtl = 0x0010,
    HvCallVtlCall = 0x0011,
    HvCallVtlReturn = 0x0012,
    HvCallFlushVirtualAddressSpaceEx = 0x0013,
    HvCallFlushVirtualAddressListEx = 0x0014,
    HvCallSendSyntheticClusterIpiEx = 0x0015,
    HvCallQueryImageInfo = 0x0016,
    HvCallMapImagePages = 0x0017,
    HvCallCommitPatch = 0x0018,
    HvCallSyncContext = 0x0019,
    HvCallSyncContextEx = 0x001A,
    HvCallSetPerfRegister = 0x001B,
    HvCallGetPerfRegister = 0x001C,
    HvCallFlushCache = 0x001D,

    /* Partitions and memory pools (TLFS 2.0a chapters 5 and 7). */
    HvCallCreatePartition = 0x0040,
    HvCallInitializePartition = 0x0041,
    HvCallFinalizePartition = 0x0042,
    HvCallDeletePartition = 0x0043,
    HvCallGetPartitionProperty = 0x0044,
    HvCallSetPartitionProperty = 0x0045,
    HvCallGetPartitionId = 0x0046,
    HvCallGetNextChildPartition = 0x0047,
    HvCallDepositMemory = 0x0048,
    HvCallWithdrawMemory = 0x0049,
    HvCallGetMemoryBalance = 0x004A,

    /* Guest physical memory and intercepts (TLFS 2.0a chapters 8 and 9). */
    HvCallMapGpaPages = 0x004B,
    HvCallUnmapGpaPages = 0x004C,
    HvCallInstallIntercept = 0x004D,

    /* Virtual processors and their memory (TLFS 2.0a chapters 10 and 12). */
    HvCallCreateVp = 0x004E,
    HvCallDeleteVp = 0x004F,
    HvCallGetVpRegisters = 0x0050,
    HvCallSetVpRegisters = 0x0051,
    HvCallTranslateVirtualAddress = 0x0052,
    HvCallReadGpa = 0x0053,
    HvCallWriteGpa = 0x0054,

    /* Virtual interrupts (TLFS 2.0a chapter 13). */
    HvCallAssertVirtualInterruptDeprecated = 0x0055, /* replaced by 0x0094 */
    HvCallClearVirtualInterrupt = 0x0056,            /* test and clear of the acknowledged state */

    /* Ports, connections, messages and events (TLFS 2.0a chapter 14). */
    HvCallCreatePortDeprecated = 0x0057, /* replaced by 0x0095 */
    HvCallDeletePort = 0x0058,
    HvCallConnectPortDeprecated = 0x0059, /* replaced by 0x0096 */
    HvCallGetPortProperty = 0x005A,
    HvCallDisconnectPort = 0x005B,
    HvCallPostMessage = 0x005C,
    HvCallSignalEvent = 0x005D,

    /* Save and restore (TLFS 2.0a chapter 17). */
    HvCallSavePartitionState = 0x005E,
    HvCallRestorePartitionState = 0x005F,

    /* Event log, debugging, statistics and system properties (TLFS 2.0a chapters 19 to 23). */
    HvCallInitializeEventLogBufferGroup = 0x0060,
    HvCallFinalizeEventLogBufferGroup = 0x0061,
    HvCallCreateEventLogBuffer = 0x0062,
    HvCallDeleteEventLogBuffer = 0x0063,
    HvCallMapEventLogBuffer = 0x0064,
    HvCallUnmapEventLogBuffer = 0x0065,
    HvCallSetEventLogGroupSources = 0x0066,
    HvCallReleaseEventLogBuffer = 0x0067,
    HvCallFlushEventLogBuffer = 0x0068,
    HvCallPostDebugData = 0x0069,
    HvCallRetrieveDebugData = 0x006A,
    HvCallResetDebugSession = 0x006B,
    HvCallMapStatsPage = 0x006C,
    HvCallUnmapStatsPage = 0x006D,
    HvCallMapSparseGpaPages = 0x006E,
    HvCallSetSystemProperty = 0x006F,
    HvCallSetPortProperty = 0x0070,

    /* Later versions of the TLFS, and calls known by name only from public headers. */
    HvCallOutputDebugCharacter = 0x0071, /* 2.0a 23.4.2 has HvGetSystemProperty here */
    HvCallEchoIncrement = 0x0072,
    HvCallPerfNop = 0x0073,
    HvCallPerfNopInput = 0x0074,
    HvCallPerfNopOutput = 0x0075,
    HvCallAddLogicalProcessor = 0x0076,
    HvCallRemoveLogicalProcessor = 0x0077,
    HvCallQueryNumaDistance = 0x0078,
    HvCallSetLogicalProcessorProperty = 0x0079,
    HvCallGetLogicalProcessorProperty = 0x007A,
    HvCallGetSystemProperty = 0x007B,
    HvCallMapDeviceInterrupt = 0x007C,
    HvCallUnmapDeviceInterrupt = 0x007D,
    HvCallRetargetDeviceInterrupt = 0x007E,
    HvCallRetargetRootDeviceInterrupt = 0x007F,
    HvCallMapDevicePages = 0x0080,   /* elsewhere: AssertDeviceInterrupt */
    HvCallUnmapDevicePages = 0x0081, /* elsewhere: reserved */
    HvCallAttachDevice = 0x0082,
    HvCallDetachDevice = 0x0083,
    HvCallNotifyStandbyTransition = 0x0084, /* elsewhere: EnterSleepState */
    HvCallPrepareForSleep = 0x0085,         /* elsewhere: NotifyStandbyTransition */
    HvCallPrepareForHibernate = 0x0086,
    HvCallNotifyPartitionEvent = 0x0087,
    HvCallGetLogicalProcessorRegisters = 0x0088,
    HvCallSetLogicalProcessorRegisters = 0x0089,
    HvCallQueryAssociatedLpsForMca = 0x008A,
    HvCallNotifyRingEmpty = 0x008B, /* elsewhere: NotifyPortRingEmpty */
    HvCallInjectSyntheticMachineCheck = 0x008C,
    HvCallScrubPartition = 0x008D,
    HvCallCollectLivedump = 0x008E,
    HvCallDisableHypervisor = 0x008F,
    HvCallModifySparseGpaPages = 0x0090,
    HvCallRegisterInterceptResult = 0x0091,
    HvCallUnregisterInterceptResult = 0x0092,
    HvCallGetCoverageData = 0x0093,
    HvCallAssertVirtualInterrupt = 0x0094, /* since 5.0C */
    HvCallCreatePort = 0x0095,
    HvCallConnectPort = 0x0096,
    HvCallGetSpaPageList = 0x0097,
    HvCallArm64GetStartStub = 0x0098, /* TLFS: reserved */
    HvCallStartVirtualProcessor = 0x0099,
    HvCallGetVpIndexFromApicId = 0x009A,
    HvCallGetPowerProperty = 0x009B,
    HvCallSetPowerProperty = 0x009C,
    HvCallCreatePasidSpace = 0x009D,
    HvCallDeletePasidSpace = 0x009E,
    HvCallSetPasidAddressSpace = 0x009F,
    HvCallFlushPasidAddressSpace = 0x00A0,
    HvCallFlushPasidAddressList = 0x00A1,
    HvCallAttachPasidSpace = 0x00A2,
    HvCallDetachPasidSpace = 0x00A3,
    HvCallEnablePasid = 0x00A4,
    HvCallDisablePasid = 0x00A5,
    HvCallAcknowledgeDevicePageRequest = 0x00A6,
    HvCallCreateDevicePrQueue = 0x00A7,
    HvCallDeleteDevicePrQueue = 0x00A8,
    HvCallSetDevicePrqProperty = 0x00A9,
    HvCallGetPhysicalDeviceProperty = 0x00AA,
    HvCallSetPhysicalDeviceProperty = 0x00AB,
    HvCallTranslateVirtualAddressEx = 0x00AC,
    HvCallCheckForIoIntercept = 0x00AD,
    HvCallSetGpaPageAttributes = 0x00AE,
    HvCallFlushGuestPhysicalAddressSpace = 0x00AF,
    HvCallFlushGuestPhysicalAddressList = 0x00B0,
    HvCallCreateDeviceDomain = 0x00B1,
    HvCallAttachDeviceDomain = 0x00B2,
    HvCallMapDeviceGpaPages = 0x00B3,
    HvCallUnmapDeviceGpaPages = 0x00B4,
    HvCallCreateCpuGroup = 0x00B5,
    HvCallDeleteCpuGroup = 0x00B6,
    HvCallGetCpuGroupProperty = 0x00B7,
    HvCallSetCpuGroupProperty = 0x00B8,
    HvCallGetCpuGroupAffinity = 0x00B9,
    HvCallGetNextCpuGroup = 0x00BA,
    HvCallGetNextCpuGroupPartition = 0x00BB,
    HvCallAddPhysicalMemory = 0x00BC,
    HvCallCompleteIntercept = 0x00BD,
    HvCallPrecommitGpaPages = 0x00BE,
    HvCallUncommitGpaPages = 0x00BF,
    HvCallSignalEventDirect = 0x00C0, /* ARM64: another call */
    HvCallPostMessageDirect = 0x00C1, /* ARM64: another call */
    HvCallDispatchVp = 0x00C2,
    HvCallProcessIommuPrq = 0x00C3,
    HvCallDetachDeviceDomain = 0x00C4,
    HvCallDeleteDeviceDomain = 0x00C5,
    HvCallQueryDeviceDomain = 0x00C6,
    HvCallMapSparseDeviceGpaPages = 0x00C7,
    HvCallUnmapSparseDeviceGpaPages = 0x00C8,
    HvCallGetGpaPagesAccessState = 0x00C9,
    HvCallGetSparseGpaPagesAccessState = 0x00CA,
    HvCallInvokeTestFramework = 0x00CB,
    HvCallQueryVtlProtectionMaskRange = 0x00CC,
    HvCallModifyVtlProtectionMaskRange = 0x00CD,
    HvCallConfigureDeviceDomain = 0x00CE,
    HvCallQueryDeviceDomainProperties = 0x00CF,
    HvCallFlushDeviceDomain = 0x00D0,
    HvCallFlushDeviceDomainList = 0x00D1,
    HvCallAcquireSparseGpaPageHostAccess = 0x00D2,
    HvCallReleaseSparseGpaPageHostAccess = 0x00D3,
    HvCallCheckSparseGpaPageVtlAccess = 0x00D4,
    HvCallEnableDeviceInterrupt = 0x00D5, /* elsewhere: reserved */
    HvCallFlushTlb = 0x00D6,
    HvCallAcquireSparseSpaPageHostAccess = 0x00D7,
    HvCallReleaseSparseSpaPageHostAccess = 0x00D8,
    HvCallAcceptGpaPages = 0x00D9,
    HvCallUnacceptGpaPages = 0x00DA,
    HvCallModifySparseGpaPageHostVisibility = 0x00DB,
    HvCallLockSparseGpaPageMapping = 0x00DC,
    HvCallUnlockSparseGpaPageMapping = 0x00DD,
    HvCallRequestProcessorHalt = 0x00DE,
    HvCallGetInterceptData = 0x00DF,
    HvCallQueryDeviceInterruptTarget = 0x00E0,
    HvCallMapVpStatePage = 0x00E1,
    HvCallUnmapVpStatePage = 0x00E2,
    HvCallGetVpState = 0x00E3,
    HvCallSetVpState = 0x00E4,
    HvCallGetVpSetFromMda = 0x00E5,
    HvCallReserved00e6 = 0x00E6,
    HvCallCreateIptBuffers = 0x00E7,
    HvCallDeleteIptBuffers = 0x00E8,
    HvCallControlHypervisorIptTrace = 0x00E9,
    HvCallReserveDeviceInterrupt = 0x00EA,
    HvCallPersistDevice = 0x00EB,
    HvCallUnpersistDevice = 0x00EC,
    HvCallPersistDeviceInterrupt = 0x00ED,
    HvCallRefreshPerformanceCounters = 0x00EE,
    HvCallImportIsolatedPages = 0x00EF,
    HvCallReserved00f0 = 0x00F0,
    HvCallCompleteIsolatedImport = 0x00F1,
    HvCallIssueSnpPspGuestRequest = 0x00F2,
    HvCallRootSignalEvent = 0x00F3,
    HvCallGetVpCpuidValues = 0x00F4,
    HvCallReadSystemMemory = 0x00F5,
    HvCallSetHwWatchdogConfig = 0x00F6,
    HvCallRemovePhysicalMemory = 0x00F7,
    HvCallLogHypervisorSystemConfig = 0x00F8,
    HvCallIssueNestedSnpPspRequests = 0x00F9,
    HvCallReserved00fa = 0x00FA,
    HvCallSubsumeInitializedMemory = 0x00FB,
    HvCallSubsumeVp = 0x00FC,
    HvCallDestroySubsumedContext = 0x00FD,
    HvCallWriteSysDiagEvent = 0x00FE,
    HvCallDepositMemoryMirroring = 0x00FF,
    HvCallSetDeviceCapabilities = 0x0100,
    HvCallGetPartitionPropertyEx = 0x0101,
    HvCallGetGpaRangesAccessState = 0x0102,
    HvCallRestorePartitionTime = 0x0103,
    HvCallQueryAssociatedLpsForMcaEx = 0x0104,
    HvCallQueryPartitionReservedPages = 0x0105,
    HvCallMemoryMappedIoRead = 0x0106,
    HvCallMemoryMappedIoWrite = 0x0107,
    HvCallMapDmaRange = 0x0108,
    HvCallUnmapDmaRange = 0x0109,
    HvCallSetPartitionPropertyEx = 0x010A,
    HvCallAttachDevicePrQueue = 0x010B,
    HvCallDetachDevicePrQueue = 0x010C,
    HvCallReserveDeviceDomainAttachment = 0x010D,
    HvCallUnreserveDeviceDomainAttachment = 0x010E,
    HvCallDisableHypervisorEx = 0x010F,
    HvCallInstallInterceptEx = 0x0110, /* ARM64 only */
    HvCallMapVpStatePageEx = 0x0111,
    HvCallPinGpaPageRanges = 0x0112,
    HvCallUnpinGpaPageRanges = 0x0113,
    HvCallWakeVps = 0x0114,
    HvCallSetCpuGroupAffinity = 0x0115,
    HvCallMapPartitionEventLogBuffer = 0x0116,
    HvCallQuerySparseGpaPageHostVisibility = 0x011C,
    HvCallSetVirtualInterruptTarget = 0x011F, /* ARM64 only */
    HvCallMapStatsPage2 = 0x0131,

    /* Extended calls; HvExtCallQueryCapabilities tells which of them are offered. */
    HvExtCallQueryCapabilities = 0x8001,
    HvExtCallGetBootZeroedMemory = 0x8002,
    HvExtCallMemoryHeatHint = 0x8003,
    HvExtCallEpfSetup = 0x8004,
    HvExtCallSchedulerAssistSetup = 0x8005,
    HvExtCallMemoryHeatHintAsync = 0x8006,

    /* Isolated guests, outside the TLFS. */
    HvCallVbsVmCallReport = 0xC001
};

/* The input value. Masks are in place: to read a field, mask and then shift. */
#define HV_HYPERCALL_CODE_MASK       0x000000000000FFFFULL
#define HV_HYPERCALL_FAST            0x0000000000010000ULL /* the input is in registers */
#define HV_HYPERCALL_VARHEAD_SHIFT   17
#define HV_HYPERCALL_VARHEAD_MASK    0x0000000007FE0000ULL /* variable header, in 8-byte units */
#define HV_HYPERCALL_NESTED          0x0000000080000000ULL /* meant for the outermost hypervisor */
#define HV_HYPERCALL_REP_COUNT_SHIFT 32
#define HV_HYPERCALL_REP_COUNT_MASK  0x00000FFF00000000ULL /* length of the list */
#define HV_HYPERCALL_REP_START_SHIFT 48
#define HV_HYPERCALL_REP_START_MASK  0x0FFF000000000000ULL /* first element to be done */
#define HV_HYPERCALL_RESERVED_MASK   0xF000F00078000000ULL /* must be zero */

typedef union HV_HYPERCALL_INPUT {
    uint64_t AsUINT64;
#if HV_BIT_FIELD_VIEWS
    struct {
        uint64_t CallCode : 16;
        uint64_t IsFast : 1;
        uint64_t VariableHeaderSize : 10;
        uint64_t Reserved0 : 4;
        uint64_t IsNested : 1;
        uint64_t RepCount : 12;
        uint64_t Reserved1 : 4;
        uint64_t RepStartIndex : 12;
        uint64_t Reserved2 : 4;
    } Bits;
#endif
} HV_HYPERCALL_INPUT, *PHV_HYPERCALL_INPUT;

HV_ASSERT_SIZE(HV_HYPERCALL_INPUT, 8);
HV_ASSERT_OFFSET(HV_HYPERCALL_INPUT, AsUINT64, 0);

/* The result value; the bits outside both masks mean nothing. */
#define HV_HYPERCALL_RESULT_STATUS_MASK 0x000000000000FFFFULL
#define HV_HYPERCALL_RESULT_REPS_SHIFT  32
#define HV_HYPERCALL_RESULT_REPS_MASK   0x00000FFF00000000ULL /* done, from the list's start */

typedef union HV_HYPERCALL_OUTPUT {
    uint64_t AsUINT64;
#if HV_BIT_FIELD_VIEWS
    struct {
        uint64_t CallStatus : 16;
        uint64_t Reserved0 : 16;
        uint64_t RepsCompleted : 12;
        uint64_t Reserved1 : 20;
    } Bits;
#endif
} HV_HYPERCALL_OUTPUT, *PHV_HYPERCALL_OUTPUT;

HV_ASSERT_SIZE(HV_HYPERCALL_OUTPUT, 8);
HV_ASSERT_OFFSET(HV_HYPERCALL_OUTPUT, AsUINT64, 0);

HV_STATIC_ASSERT((HV_HYPERCALL_CODE_MASK ^ HV_HYPERCALL_FAST ^ HV_HYPERCALL_VARHEAD_MASK ^
                  HV_HYPERCALL_NESTED ^ HV_HYPERCALL_REP_COUNT_MASK ^ HV_HYPERCALL_REP_START_MASK ^
                  HV_HYPERCALL_RESERVED_MASK) == 0xFFFFFFFFFFFFFFFFULL,
                 "the fields of the input value cover its 64 bits");

#endif /* HVGDK_CALLS_H */
