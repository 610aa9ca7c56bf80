/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Partitions: privileges, creation flags, properties, and the input and output of the calls that
 * create, initialize, finalize, delete, identify and enumerate them and that get and set their
 * properties. TLFS: "Partition Management" (2.0a: 5; 5.0C and 6.0b: 4) and the online pages of the
 * calls. */

#ifndef HVGDK_PARTITIONS_H
#define HVGDK_PARTITIONS_H

#include <stdint.h>

#include "types.h"

/* What a partition may do (TLFS 2.0a 5.2.3, 6.0b 4.2.2). A guest reads bits 31:0 in EAX and bits
 * 63:32 in EBX of CPUID leaf 0x40000003. Without the bit an MSR access raises #GP, and a call is
 * answered HV_STATUS_ACCESS_DENIED. Names are the newest ones; bits marked "not TLFS" are reserved
 * there. CREATE_PARTITIONS covers every call that acts on a child as well. */
#define HV_PRIVILEGE_ACCESS_VP_RUN_TIME_REG             0x0000000000000001ULL
#define HV_PRIVILEGE_ACCESS_PARTITION_REFERENCE_COUNTER 0x0000000000000002ULL
#define HV_PRIVILEGE_ACCESS_SYNIC_REGS                  0x0000000000000004ULL
#define HV_PRIVILEGE_ACCESS_SYNTHETIC_TIMER_REGS        0x0000000000000008ULL
#define HV_PRIVILEGE_ACCESS_INTR_CTRL_REGS              0x0000000000000010ULL /* EOI, ICR, TPR */
#define HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS              0x0000000000000020ULL /* and page */
#define HV_PRIVILEGE_ACCESS_VP_INDEX                    0x0000000000000040ULL
#define HV_PRIVILEGE_ACCESS_RESET_REG                   0x0000000000000080ULL
#define HV_PRIVILEGE_ACCESS_STATS_REG                   0x0000000000000100ULL
#define HV_PRIVILEGE_ACCESS_PARTITION_REFERENCE_TSC     0x0000000000000200ULL
#define HV_PRIVILEGE_ACCESS_GUEST_IDLE_REG              0x0000000000000400ULL
#define HV_PRIVILEGE_ACCESS_FREQUENCY_REGS              0x0000000000000800ULL
#define HV_PRIVILEGE_ACCESS_DEBUG_REGS                  0x0000000000001000ULL /* 6.0b */
#define HV_PRIVILEGE_ACCESS_REENLIGHTENMENT_CONTROLS    0x0000000000002000ULL
#define HV_PRIVILEGE_ACCESS_ROOT_SCHEDULER_REG          0x0000000000004000ULL /* not TLFS */
#define HV_PRIVILEGE_ACCESS_TSC_INVARIANT_CONTROLS      0x0000000000008000ULL /* not TLFS */
#define HV_PRIVILEGE_CREATE_PARTITIONS                  0x0000000100000000ULL
#define HV_PRIVILEGE_ACCESS_PARTITION_ID                0x0000000200000000ULL
#define HV_PRIVILEGE_ACCESS_MEMORY_POOL                 0x0000000400000000ULL
#define HV_PRIVILEGE_ADJUST_MESSAGE_BUFFERS             0x0000000800000000ULL /* 2.0a */
#define HV_PRIVILEGE_POST_MESSAGES                      0x0000001000000000ULL
#define HV_PRIVILEGE_SIGNAL_EVENTS                      0x0000002000000000ULL
#define HV_PRIVILEGE_CREATE_PORT                        0x0000004000000000ULL
#define HV_PRIVILEGE_CONNECT_PORT                       0x0000008000000000ULL
#define HV_PRIVILEGE_ACCESS_STATS                       0x0000010000000000ULL
#define HV_PRIVILEGE_DEBUGGING                          0x0000080000000000ULL
#define HV_PRIVILEGE_CPU_MANAGEMENT                     0x0000100000000000ULL
#define HV_PRIVILEGE_CONFIGURE_PROFILER                 0x0000200000000000ULL /* 2.0a */
#define HV_PRIVILEGE_ACCESS_VP_EXIT_TRACING             0x0000400000000000ULL /* not TLFS */
#define HV_PRIVILEGE_EXTENDED_GVA_RANGES_FOR_FLUSH      0x0000800000000000ULL /* not TLFS */
#define HV_PRIVILEGE_ACCESS_VSM                         0x0001000000000000ULL
#define HV_PRIVILEGE_ACCESS_VP_REGISTERS                0x0002000000000000ULL /* its own */
#define HV_PRIVILEGE_FAST_HYPERCALL_OUTPUT              0x0008000000000000ULL /* not TLFS */
#define HV_PRIVILEGE_ENABLE_EXTENDED_HYPERCALLS         0x0010000000000000ULL /* 0x8001 ... */
#define HV_PRIVILEGE_START_VIRTUAL_PROCESSOR            0x0020000000000000ULL
#define HV_PRIVILEGE_ISOLATION                          0x0040000000000000ULL /* not TLFS */
#define HV_PRIVILEGE_ALL                                0x007BF9FF0000FFFFULL /* all above */

typedef union HV_PARTITION_PRIVILEGE_MASK {
    uint64_t AsUINT64;
#if HV_BIT_FIELD_VIEWS
    struct {
        uint64_t AccessVpRunTimeReg : 1;
        uint64_t AccessPartitionReferenceCounter : 1;
        uint64_t AccessSynicRegs : 1;
        uint64_t AccessSyntheticTimerRegs : 1;
        uint64_t AccessIntrCtrlRegs : 1;
        uint64_t AccessHypercallMsrs : 1;
        uint64_t AccessVpIndex : 1;
        uint64_t AccessResetReg : 1;
        uint64_t AccessStatsReg : 1;
        uint64_t AccessPartitionReferenceTsc : 1;
        uint64_t AccessGuestIdleReg : 1;
        uint64_t AccessFrequencyRegs : 1;
        uint64_t AccessDebugRegs : 1;
        uint64_t AccessReenlightenmentControls : 1;
        uint64_t AccessRootSchedulerReg : 1;
        uint64_t AccessTscInvariantControls : 1;
        uint64_t Reserved1 : 16;
        uint64_t CreatePartitions : 1;
        uint64_t AccessPartitionId : 1;
        uint64_t AccessMemoryPool : 1;
        uint64_t AdjustMessageBuffers : 1;
        uint64_t PostMessages : 1;
        uint64_t SignalEvents : 1;
        uint64_t CreatePort : 1;
        uint64_t ConnectPort : 1;
        uint64_t AccessStats : 1;
        uint64_t Reserved2 : 2;
        uint64_t Debugging : 1;
        uint64_t CpuManagement : 1;
        uint64_t ConfigureProfiler : 1;
        uint64_t AccessVpExitTracing : 1;
        uint64_t EnableExtendedGvaRangesForFlushVirtualAddressList : 1;
        uint64_t AccessVsm : 1;
        uint64_t AccessVpRegisters : 1;
        uint64_t Reserved3 : 1;
        uint64_t FastHypercallOutput : 1;
        uint64_t EnableExtendedHypercalls : 1;
        uint64_t StartVirtualProcessor : 1;
        uint64_t Isolation : 1;
        uint64_t Reserved4 : 9;
    } Bits;
#endif
} HV_PARTITION_PRIVILEGE_MASK, *PHV_PARTITION_PRIVILEGE_MASK;

HV_ASSERT_SIZE(HV_PARTITION_PRIVILEGE_MASK, 8);
HV_ASSERT_OFFSET(HV_PARTITION_PRIVILEGE_MASK, AsUINT64, 0);

/* Flags of HvCallCreatePartition (online TLFS; 2.0a defines none). */
#define HV_PARTITION_CREATION_FLAG_SMT_ENABLED_GUEST               0x00000001ULL
#define HV_PARTITION_CREATION_FLAG_NESTED_VIRTUALIZATION_CAPABLE   0x00000002ULL
#define HV_PARTITION_CREATION_FLAG_GPA_SUPER_PAGES_ENABLED         0x00000010ULL
#define HV_PARTITION_CREATION_FLAG_EXO_PARTITION                   0x00000100ULL
#define HV_PARTITION_CREATION_FLAG_VTL1_OVERRIDE                   0x00000200ULL
#define HV_PARTITION_CREATION_FLAG_VTL2_OVERRIDE                   0x00000400ULL
#define HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED                   0x00002000ULL /* x64 */
#define HV_PARTITION_CREATION_FLAG_PMU_ENABLED                     0x00008000ULL
#define HV_PARTITION_CREATION_FLAG_LBR_ENABLED                     0x00010000ULL
#define HV_PARTITION_CREATION_FLAG_INTERCEPT_MESSAGE_PAGE_ENABLED  0x00080000ULL
#define HV_PARTITION_CREATION_FLAG_HYPERCALL_DOORBELL_PAGE_ENABLED 0x00100000ULL
#define HV_PARTITION_CREATION_FLAG_X2APIC_CAPABLE                  0x00400000ULL /* x64 */
#define HV_PARTITION_CREATION_FLAGS_ALL                            0x0059A713ULL /* all above */

/* Codes of HvCallGetPartitionProperty and HvCallSetPartitionProperty (TLFS 2.0a 5.2.2 and online).
 * Every value is a uint64_t; a property that is larger takes the calls with Ex. "Early" properties
 * are those the online TLFS lets a parent set before the partition is initialized. "not TLFS" are
 * codes that Linux or OpenVMM name; others that only they have are left out. */
typedef uint64_t HV_PARTITION_PROPERTY, *PHV_PARTITION_PROPERTY;
typedef uint32_t HV_PARTITION_PROPERTY_CODE, *PHV_PARTITION_PROPERTY_CODE;

enum {
    HvPartitionPropertyPrivilegeFlags = 0x00010000,        /* HV_PARTITION_PRIVILEGE_MASK; early */
    HvPartitionPropertySyntheticProcFeatures = 0x00010001, /* early, Ex */
    HvPartitionPropertyAllowedParentUserModeHypercalls = 0x00010002, /* not TLFS */

    HvPartitionPropertySuspend = 0x00020000,
    HvPartitionPropertyCpuReserve = 0x00020001, /* 0x10000 is a whole logical processor */
    HvPartitionPropertyCpuCap = 0x00020002,     /* likewise */
    HvPartitionPropertyCpuWeight = 0x00020003,  /* 1 to 10000 */
    HvPartitionPropertyCpuGroupId = 0x00020004,
    HvPartitionPropertyHierarchicalIntegratedSchedulerEnabled = 0x00020005, /* not TLFS */

    HvPartitionPropertyEmulatedTimerPeriod = 0x00030000,  /* 100 ns; 0 is off; 2.0a */
    HvPartitionPropertyEmulatedTimerControl = 0x00030001, /* 2.0a */
    HvPartitionPropertyPmTimerAssist = 0x00030002,        /* 2.0a */
    HvPartitionPropertyTimeFreeze = 0x00030003,
    HvPartitionPropertyApicFrequency = 0x00030004, /* not TLFS */
    HvPartitionPropertyReferenceTime = 0x00030005, /* 100 ns */

    HvPartitionPropertyDebugChannelId = 0x00040000, /* unique or 0; 2.0a */

    HvPartitionPropertyVirtualTlbPageCount = 0x00050000, /* out of range: clamped */
    HvPartitionPropertyVsmConfig = 0x00050001,
    HvPartitionPropertyZeroMemoryOnReset = 0x00050002,
    HvPartitionPropertyProcessorsPerSocket = 0x00050003,
    HvPartitionPropertyNestedTlbSize = 0x00050004,
    HvPartitionPropertyGpaPageAccessTracking = 0x00050005,
    HvPartitionPropertyVsmPermissionsDirtySinceLastQuery = 0x00050006,
    HvPartitionPropertySgxLaunchControlConfig = 0x00050007,   /* not TLFS */
    HvPartitionPropertyDefaultSgxLaunchControl0 = 0x00050008, /* not TLFS */
    HvPartitionPropertyDefaultSgxLaunchControl1 = 0x00050009, /* not TLFS */
    HvPartitionPropertyDefaultSgxLaunchControl2 = 0x0005000A, /* not TLFS */
    HvPartitionPropertyDefaultSgxLaunchControl3 = 0x0005000B, /* not TLFS */
    HvPartitionPropertyIsolationState = 0x0005000C,
    HvPartitionPropertyIsolationControl = 0x0005000D,
    HvPartitionPropertyAllocationId = 0x0005000E,
    HvPartitionPropertyMonitoringId = 0x0005000F,
    HvPartitionPropertyImplementedPhysicalAddressBits = 0x00050010,
    HvPartitionPropertyNonArchitecturalCoreSharing = 0x00050011,
    HvPartitionPropertyHypercallDoorbellPage = 0x00050012, /* early */
    HvPartitionPropertyIsolationPolicy = 0x00050014,
    HvPartitionPropertyUnimplementedMsrAction = 0x00050017,
    HvPartitionPropertySevVmgexitOffloads = 0x00050022,
    HvPartitionPropertyPartitionDiagBufferConfig = 0x00050026, /* early */
    HvPartitionPropertyGicdBaseAddress = 0x00050028,           /* ARM64; early */
    HvPartitionPropertyGitsTranslaterBaseAddress = 0x00050029, /* ARM64; early */

    HvPartitionPropertyProcessorVendor = 0x00060000, /* 0 AMD, 1 Intel */
    HvPartitionPropertyProcessorFeatures = 0x00060001,
    HvPartitionPropertyProcessorXsaveFeatures = 0x00060002,
    HvPartitionPropertyProcessorCLFlushSize = 0x00060003,
    HvPartitionPropertyEnlightenmentModifications = 0x00060004,
    HvPartitionPropertyCompatibilityVersion = 0x00060005,
    HvPartitionPropertyPhysicalAddressWidth = 0x00060006, /* bits; early */
    HvPartitionPropertyXsaveStates = 0x00060007,
    HvPartitionPropertyMaxXsaveDataSize = 0x00060008,
    HvPartitionPropertyProcessorClockFrequency = 0x00060009,
    HvPartitionPropertyProcessorFeatures0 = 0x0006000A,
    HvPartitionPropertyProcessorFeatures1 = 0x0006000B,

    HvPartitionPropertyGuestOsId = 0x00070000,

    HvPartitionPropertyProcessorVirtualizationFeatures = 0x00080000,

    HvPartitionPropertyVmmCapabilities = 0x00090007, /* early */

    HvPartitionVpPropertySchedulingAffinitySet = 0x10001000 /* Ex */
};

/* The value of HvPartitionPropertyEmulatedTimerControl: the interrupt of the periodic timer whose
 * period is HvPartitionPropertyEmulatedTimerPeriod (TLFS 2.0a 5.2). */
#define HV_EMULATED_TIMER_CONTROL_VECTOR_MASK         0x00000000000000FFULL
#define HV_EMULATED_TIMER_CONTROL_DELIVERY_MODE_MASK  0x0000000000000700ULL
#define HV_EMULATED_TIMER_CONTROL_DELIVERY_MODE_SHIFT 8
#define HV_EMULATED_TIMER_CONTROL_LOGICAL             0x0000000000000800ULL
#define HV_EMULATED_TIMER_CONTROL_ENABLED             0x0000000000001000ULL
#define HV_EMULATED_TIMER_CONTROL_MDA_MASK            0xFF00000000000000ULL
#define HV_EMULATED_TIMER_CONTROL_MDA_SHIFT           56
#define HV_EMULATED_TIMER_CONTROL_RESERVED_MASK       0x00FFFFFFFFFFE000ULL /* must be zero */

typedef union HV_EMULATED_TIMER_CONTROL {
    uint64_t AsUINT64;
#if HV_BIT_FIELD_VIEWS
    struct {
        uint64_t Vector : 8;
        uint64_t DeliveryMode : 3;
        uint64_t LogicalDestinationMode : 1;
        uint64_t Enabled : 1;
        uint64_t Reserved : 43;
        uint64_t Mda : 8; /* message destination address */
    } Bits;
#endif
} HV_EMULATED_TIMER_CONTROL, *PHV_EMULATED_TIMER_CONTROL;

HV_ASSERT_SIZE(HV_EMULATED_TIMER_CONTROL, 8);
HV_ASSERT_OFFSET(HV_EMULATED_TIMER_CONTROL, AsUINT64, 0);

/* The value of HvPartitionPropertyPmTimerAssist: the port of an ACPI timer that the hypervisor
 * answers itself (TLFS 2.0a 5.2). */
#define HV_PM_TIMER_ASSIST_PORT_MASK     0x000000000000FFFFULL
#define HV_PM_TIMER_ASSIST_WIDTH_24      0x0000000000010000ULL /* else 32 bits */
#define HV_PM_TIMER_ASSIST_ENABLED       0x0000000000020000ULL
#define HV_PM_TIMER_ASSIST_RESERVED_MASK 0xFFFFFFFFFFFC0000ULL /* must be zero */

typedef union HV_PM_TIMER_ASSIST {
    uint64_t AsUINT64;
#if HV_BIT_FIELD_VIEWS
    struct {
        uint64_t Port : 16;
        uint64_t Width24 : 1;
        uint64_t Enabled : 1;
        uint64_t Reserved : 46;
    } Bits;
#endif
} HV_PM_TIMER_ASSIST, *PHV_PM_TIMER_ASSIST;

HV_ASSERT_SIZE(HV_PM_TIMER_ASSIST, 8);
HV_ASSERT_OFFSET(HV_PM_TIMER_ASSIST, AsUINT64, 0);

/* Masks of what a new partition must not offer its guest: two banks of processor features, and
 * XSAVE features. */
typedef union HV_PARTITION_PROCESSOR_FEATURES {
    uint64_t AsUINT64[2];
} HV_PARTITION_PROCESSOR_FEATURES, *PHV_PARTITION_PROCESSOR_FEATURES;

HV_ASSERT_SIZE(HV_PARTITION_PROCESSOR_FEATURES, 16);
HV_ASSERT_OFFSET(HV_PARTITION_PROCESSOR_FEATURES, AsUINT64, 0);

typedef union HV_PARTITION_PROCESSOR_XSAVE_FEATURES {
    uint64_t AsUINT64;
} HV_PARTITION_PROCESSOR_XSAVE_FEATURES, *PHV_PARTITION_PROCESSOR_XSAVE_FEATURES;

HV_ASSERT_SIZE(HV_PARTITION_PROCESSOR_XSAVE_FEATURES, 8);
HV_ASSERT_OFFSET(HV_PARTITION_PROCESSOR_XSAVE_FEATURES, AsUINT64, 0);

typedef struct HV_PARTITION_CREATION_PROPERTIES {
    HV_PARTITION_PROCESSOR_FEATURES DisabledProcessorFeatures;
    HV_PARTITION_PROCESSOR_XSAVE_FEATURES DisabledProcessorXsaveFeatures;
} HV_PARTITION_CREATION_PROPERTIES, *PHV_PARTITION_CREATION_PROPERTIES;

HV_ASSERT_SIZE(HV_PARTITION_CREATION_PROPERTIES, 24);
HV_ASSERT_OFFSET(HV_PARTITION_CREATION_PROPERTIES, DisabledProcessorFeatures, 0);
HV_ASSERT_OFFSET(HV_PARTITION_CREATION_PROPERTIES, DisabledProcessorXsaveFeatures, 16);

/* HvCallCreatePartition 0x0040, x64 layout of the online TLFS. The 2.0a layout is the first 16
 * bytes. */
typedef struct HV_INPUT_CREATE_PARTITION {
    uint64_t Flags;
    HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo;
    uint32_t CompatibilityVersion;
    uint32_t Padding; /* zero */
    HV_PARTITION_CREATION_PROPERTIES Properties;
    uint64_t ReservedZ0; /* elsewhere: isolation properties */
} HV_INPUT_CREATE_PARTITION, *PHV_INPUT_CREATE_PARTITION;

HV_ASSERT_SIZE(HV_INPUT_CREATE_PARTITION, 56);
HV_ASSERT_OFFSET(HV_INPUT_CREATE_PARTITION, Flags, 0);
HV_ASSERT_OFFSET(HV_INPUT_CREATE_PARTITION, ProximityDomainInfo, 8);
HV_ASSERT_OFFSET(HV_INPUT_CREATE_PARTITION, CompatibilityVersion, 16);
HV_ASSERT_OFFSET(HV_INPUT_CREATE_PARTITION, Padding, 20);
HV_ASSERT_OFFSET(HV_INPUT_CREATE_PARTITION, Properties, 24);
HV_ASSERT_OFFSET(HV_INPUT_CREATE_PARTITION, ReservedZ0, 48);

/* The output of HvCallCreatePartition. */
typedef struct HV_OUTPUT_CREATE_PARTITION {
    HV_PARTITION_ID NewPartitionId;
} HV_OUTPUT_CREATE_PARTITION, *PHV_OUTPUT_CREATE_PARTITION;

HV_ASSERT_SIZE(HV_OUTPUT_CREATE_PARTITION, 8);
HV_ASSERT_OFFSET(HV_OUTPUT_CREATE_PARTITION, NewPartitionId, 0);

/* HvCallInitializePartition 0x0041 (TLFS 2.0a 5.6.2). */
typedef struct HV_INPUT_INITIALIZE_PARTITION {
    HV_PARTITION_ID PartitionId;
} HV_INPUT_INITIALIZE_PARTITION, *PHV_INPUT_INITIALIZE_PARTITION;

HV_ASSERT_SIZE(HV_INPUT_INITIALIZE_PARTITION, 8);
HV_ASSERT_OFFSET(HV_INPUT_INITIALIZE_PARTITION, PartitionId, 0);

/* HvCallFinalizePartition 0x0042 (TLFS 2.0a 5.6.3). */
typedef struct HV_INPUT_FINALIZE_PARTITION {
    HV_PARTITION_ID PartitionId;
} HV_INPUT_FINALIZE_PARTITION, *PHV_INPUT_FINALIZE_PARTITION;

HV_ASSERT_SIZE(HV_INPUT_FINALIZE_PARTITION, 8);
HV_ASSERT_OFFSET(HV_INPUT_FINALIZE_PARTITION, PartitionId, 0);

/* HvCallDeletePartition 0x0043 (TLFS 2.0a 5.6.4). */
typedef struct HV_INPUT_DELETE_PARTITION {
    HV_PARTITION_ID PartitionId;
} HV_INPUT_DELETE_PARTITION, *PHV_INPUT_DELETE_PARTITION;

HV_ASSERT_SIZE(HV_INPUT_DELETE_PARTITION, 8);
HV_ASSERT_OFFSET(HV_INPUT_DELETE_PARTITION, PartitionId, 0);

/* HvCallGetPartitionProperty 0x0044 (TLFS 2.0a 5.6.5). */
typedef struct HV_INPUT_GET_PARTITION_PROPERTY {
    HV_PARTITION_ID PartitionId;
    HV_PARTITION_PROPERTY_CODE PropertyCode;
    uint32_t RsvdZ; /* 2.0a: ignored */
} HV_INPUT_GET_PARTITION_PROPERTY, *PHV_INPUT_GET_PARTITION_PROPERTY;

HV_ASSERT_SIZE(HV_INPUT_GET_PARTITION_PROPERTY, 16);
HV_ASSERT_OFFSET(HV_INPUT_GET_PARTITION_PROPERTY, PartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_GET_PARTITION_PROPERTY, PropertyCode, 8);
HV_ASSERT_OFFSET(HV_INPUT_GET_PARTITION_PROPERTY, RsvdZ, 12);

/* The output of HvCallGetPartitionProperty. */
typedef struct HV_OUTPUT_GET_PARTITION_PROPERTY {
    HV_PARTITION_PROPERTY PropertyValue;
} HV_OUTPUT_GET_PARTITION_PROPERTY, *PHV_OUTPUT_GET_PARTITION_PROPERTY;

HV_ASSERT_SIZE(HV_OUTPUT_GET_PARTITION_PROPERTY, 8);
HV_ASSERT_OFFSET(HV_OUTPUT_GET_PARTITION_PROPERTY, PropertyValue, 0);

/* HvCallSetPartitionProperty 0x0045 (TLFS 2.0a 5.6.6). */
typedef struct HV_INPUT_SET_PARTITION_PROPERTY {
    HV_PARTITION_ID PartitionId;
    HV_PARTITION_PROPERTY_CODE PropertyCode;
    uint32_t RsvdZ; /* 2.0a: ignored */
    HV_PARTITION_PROPERTY PropertyValue;
} HV_INPUT_SET_PARTITION_PROPERTY, *PHV_INPUT_SET_PARTITION_PROPERTY;

HV_ASSERT_SIZE(HV_INPUT_SET_PARTITION_PROPERTY, 24);
HV_ASSERT_OFFSET(HV_INPUT_SET_PARTITION_PROPERTY, PartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_SET_PARTITION_PROPERTY, PropertyCode, 8);
HV_ASSERT_OFFSET(HV_INPUT_SET_PARTITION_PROPERTY, RsvdZ, 12);
HV_ASSERT_OFFSET(HV_INPUT_SET_PARTITION_PROPERTY, PropertyValue, 16);

/* The output of HvCallGetPartitionId 0x0046; it has no input (TLFS 2.0a 5.6.7). */
typedef struct HV_OUTPUT_GET_PARTITION_ID {
    HV_PARTITION_ID PartitionId;
} HV_OUTPUT_GET_PARTITION_ID, *PHV_OUTPUT_GET_PARTITION_ID;

HV_ASSERT_SIZE(HV_OUTPUT_GET_PARTITION_ID, 8);
HV_ASSERT_OFFSET(HV_OUTPUT_GET_PARTITION_ID, PartitionId, 0);

/* HvCallGetNextChildPartition 0x0047 (TLFS 2.0a 5.6.8). */
typedef struct HV_INPUT_GET_NEXT_CHILD_PARTITION {
    HV_PARTITION_ID ParentId;
    HV_PARTITION_ID PreviousChildId; /* HV_PARTITION_ID_INVALID: begin */
} HV_INPUT_GET_NEXT_CHILD_PARTITION, *PHV_INPUT_GET_NEXT_CHILD_PARTITION;

HV_ASSERT_SIZE(HV_INPUT_GET_NEXT_CHILD_PARTITION, 16);
HV_ASSERT_OFFSET(HV_INPUT_GET_NEXT_CHILD_PARTITION, ParentId, 0);
HV_ASSERT_OFFSET(HV_INPUT_GET_NEXT_CHILD_PARTITION, PreviousChildId, 8);

/* The output of HvCallGetNextChildPartition. */
typedef struct HV_OUTPUT_GET_NEXT_CHILD_PARTITION {
    HV_PARTITION_ID NextChildId; /* HV_PARTITION_ID_INVALID: no more */
} HV_OUTPUT_GET_NEXT_CHILD_PARTITION, *PHV_OUTPUT_GET_NEXT_CHILD_PARTITION;

HV_ASSERT_SIZE(HV_OUTPUT_GET_NEXT_CHILD_PARTITION, 8);
HV_ASSERT_OFFSET(HV_OUTPUT_GET_NEXT_CHILD_PARTITION, NextChildId, 0);

/* HvCallGetPartitionPropertyEx 0x0101: the output is the value, up to a page of it. Not TLFS; the
 * layout is that of HvCallSetPartitionPropertyEx. */
typedef struct HV_INPUT_GET_PARTITION_PROPERTY_EX {
    HV_PARTITION_ID PartitionId;
    HV_PARTITION_PROPERTY_CODE PropertyCode;
    uint32_t Padding; /* zero */
    uint64_t PropertyArgument;
} HV_INPUT_GET_PARTITION_PROPERTY_EX, *PHV_INPUT_GET_PARTITION_PROPERTY_EX;

HV_ASSERT_SIZE(HV_INPUT_GET_PARTITION_PROPERTY_EX, 24);
HV_ASSERT_OFFSET(HV_INPUT_GET_PARTITION_PROPERTY_EX, PartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_GET_PARTITION_PROPERTY_EX, PropertyCode, 8);
HV_ASSERT_OFFSET(HV_INPUT_GET_PARTITION_PROPERTY_EX, Padding, 12);
HV_ASSERT_OFFSET(HV_INPUT_GET_PARTITION_PROPERTY_EX, PropertyArgument, 16);

/* HvCallSetPartitionPropertyEx 0x010A (online TLFS): the value follows as variable header. The
 * online page gives PropertyArgument 4 bytes, but its type and the offset of the value say 8. */
typedef struct HV_INPUT_SET_PARTITION_PROPERTY_EX {
    HV_PARTITION_ID PartitionId;
    HV_PARTITION_PROPERTY_CODE PropertyCode;
    uint32_t Padding; /* zero */
    uint64_t PropertyArgument;
} HV_INPUT_SET_PARTITION_PROPERTY_EX, *PHV_INPUT_SET_PARTITION_PROPERTY_EX;

HV_ASSERT_SIZE(HV_INPUT_SET_PARTITION_PROPERTY_EX, 24);
HV_ASSERT_OFFSET(HV_INPUT_SET_PARTITION_PROPERTY_EX, PartitionId, 0);
HV_ASSERT_OFFSET(HV_INPUT_SET_PARTITION_PROPERTY_EX, PropertyCode, 8);
HV_ASSERT_OFFSET(HV_INPUT_SET_PARTITION_PROPERTY_EX, Padding, 12);
HV_ASSERT_OFFSET(HV_INPUT_SET_PARTITION_PROPERTY_EX, PropertyArgument, 16);

#endif /* HVGDK_PARTITIONS_H */
