/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* What is particular to x64: CPUID leaves and feature bits, synthetic MSRs, and the MSR of the
 * hypercall page. TLFS: "Feature and Interface Discovery" (2.0a: 3; 5.0C and 6.0b: 2), "Hypercall
 * Interface" (2.0a: 4; later: 3), and the appendix of synthetic MSRs. */

#ifndef HVGDK_X64_H
#define HVGDK_X64_H

#include <stdint.h>

#include "types.h"

/* A hypervisor is there: CPUID leaf 1, ECX. */
#define HV_CPUID_1_ECX_HYPERVISOR_PRESENT 0x80000000u

#define HV_CPUID_LEAF_VENDOR          0x40000000u /* EAX: highest leaf; EBX, ECX, EDX: vendor */
#define HV_CPUID_LEAF_INTERFACE       0x40000001u /* EAX: HV_CPUID_INTERFACE_HV1 */
#define HV_CPUID_LEAF_VERSION         0x40000002u
#define HV_CPUID_LEAF_FEATURES        0x40000003u /* EBX:EAX: privileges; EDX: HV_FEATURE_ */
#define HV_CPUID_LEAF_RECOMMENDATIONS 0x40000004u /* EAX: HV_RECOMMEND_; EBX: spin count */
#define HV_CPUID_LEAF_LIMITS          0x40000005u /* EAX: virtual, EBX: logical processors */

#define HV_CPUID_VENDOR_EBX    0x7263694Du /* "Micr" */
#define HV_CPUID_VENDOR_ECX    0x666F736Fu /* "osof" */
#define HV_CPUID_VENDOR_EDX    0x76482074u /* "t Hv" */
#define HV_CPUID_INTERFACE_HV1 0x31237648u /* "Hv#1" */

/* Features: EDX of HV_CPUID_LEAF_FEATURES (TLFS 6.0b 2.4.4). */
#define HV_FEATURE_MWAIT                         0x00000001u /* deprecated */
#define HV_FEATURE_GUEST_DEBUGGING               0x00000002u
#define HV_FEATURE_PERFORMANCE_MONITOR           0x00000004u
#define HV_FEATURE_CPU_DYNAMIC_PARTITIONING      0x00000008u
#define HV_FEATURE_XMM_HYPERCALL_INPUT           0x00000010u
#define HV_FEATURE_GUEST_IDLE                    0x00000020u
#define HV_FEATURE_HYPERVISOR_SLEEP              0x00000040u
#define HV_FEATURE_NUMA_DISTANCE_QUERY           0x00000080u
#define HV_FEATURE_FREQUENCY_REGS                0x00000100u
#define HV_FEATURE_SYNTHETIC_MACHINE_CHECK       0x00000200u
#define HV_FEATURE_GUEST_CRASH_REGS              0x00000400u
#define HV_FEATURE_DEBUG_REGS                    0x00000800u
#define HV_FEATURE_NPIEP                         0x00001000u
#define HV_FEATURE_DISABLE_HYPERVISOR            0x00002000u
#define HV_FEATURE_EXTENDED_GVA_RANGES           0x00004000u /* of HvCallFlushVirtualAddressList */
#define HV_FEATURE_XMM_HYPERCALL_OUTPUT          0x00008000u
#define HV_FEATURE_SINT_POLLING_MODE             0x00020000u
#define HV_FEATURE_HYPERCALL_MSR_LOCK            0x00040000u
#define HV_FEATURE_DIRECT_SYNTHETIC_TIMERS       0x00080000u
#define HV_FEATURE_VSM_PAT                       0x00100000u
#define HV_FEATURE_VSM_BNDCFGS                   0x00200000u
#define HV_FEATURE_WATCHDOG_TIMER                0x00400000u /* not TLFS */
#define HV_FEATURE_SYNTHETIC_TIME_UNHALTED_TIMER 0x00800000u
#define HV_FEATURE_LBR                           0x04000000u
#define HV_FEATURE_IPT                           0x08000000u /* not TLFS */
#define HV_FEATURE_CROSS_VTL_FLUSH               0x10000000u /* not TLFS */

/* Recommendations to the guest: EAX of HV_CPUID_LEAF_RECOMMENDATIONS (TLFS 6.0b 2.4.5). To
 * recommend a call or MSR is to offer it. */
#define HV_RECOMMEND_ADDRESS_SPACE_SWITCH_CALL         0x00000001u
#define HV_RECOMMEND_LOCAL_FLUSH_CALL                  0x00000002u
#define HV_RECOMMEND_REMOTE_FLUSH_CALL                 0x00000004u
#define HV_RECOMMEND_APIC_MSRS                         0x00000008u /* EOI, ICR, TPR */
#define HV_RECOMMEND_RESET_MSR                         0x00000010u
#define HV_RECOMMEND_RELAXED_TIMING                    0x00000020u
#define HV_RECOMMEND_DMA_REMAPPING                     0x00000040u
#define HV_RECOMMEND_INTERRUPT_REMAPPING               0x00000080u
#define HV_RECOMMEND_X2APIC_MSRS                       0x00000100u /* now reserved */
#define HV_RECOMMEND_DEPRECATE_AUTO_EOI                0x00000200u
#define HV_RECOMMEND_CLUSTER_IPI_CALL                  0x00000400u
#define HV_RECOMMEND_EX_PROCESSOR_MASKS                0x00000800u /* calls with HV_VP_SET */
#define HV_RECOMMEND_NESTED                            0x00001000u /* running inside Hyper-V */
#define HV_RECOMMEND_INT_FOR_MBEC_SYSTEM_CALLS         0x00002000u
#define HV_RECOMMEND_ENLIGHTENED_VMCS                  0x00004000u
#define HV_RECOMMEND_SYNCED_TIMELINE                   0x00008000u
#define HV_RECOMMEND_DIRECT_LOCAL_FLUSH_ENTIRE         0x00020000u
#define HV_RECOMMEND_NO_NON_ARCHITECTURAL_CORE_SHARING 0x00040000u
#define HV_RECOMMEND_CORE_SCHEDULER                    0x00080000u /* not TLFS */
#define HV_RECOMMEND_X2APIC                            0x00100000u /* not TLFS */
#define HV_RECOMMEND_MMIO_HYPERCALLS                   0x00200000u /* not TLFS on x64 */
#define HV_RECOMMEND_GPA_PINNING                       0x00400000u /* not TLFS on x64 */
#define HV_RECOMMEND_WAKE_VPS                          0x00800000u /* not TLFS on x64 */

/* Synthetic MSRs (TLFS 6.0b appendix C). An access without the privilege raises #GP. */

/* Hypercall interface; one instance a partition. */
#define HV_X64_MSR_GUEST_OS_ID 0x40000000u /* any value; 0 disables the hypercall page */
#define HV_X64_MSR_HYPERCALL   0x40000001u /* HV_X64_MSR_HYPERCALL_CONTENTS */

/* Processor and partition. */
#define HV_X64_MSR_VP_INDEX       0x40000002u /* read-only */
#define HV_X64_MSR_RESET          0x40000003u /* bit 0 resets the partition */
#define HV_X64_MSR_VP_RUNTIME     0x40000010u /* read-only, 100 ns */
#define HV_X64_MSR_TIME_REF_COUNT 0x40000020u /* read-only, 100 ns */
#define HV_X64_MSR_REFERENCE_TSC  0x40000021u
#define HV_X64_MSR_TSC_FREQUENCY  0x40000022u /* read-only, Hz */
#define HV_X64_MSR_APIC_FREQUENCY 0x40000023u /* read-only, Hz */
#define HV_X64_MSR_NPIEP_CONFIG   0x40000040u

/* Local APIC. */
#define HV_X64_MSR_EOI            0x40000070u /* write-only */
#define HV_X64_MSR_ICR            0x40000071u
#define HV_X64_MSR_TPR            0x40000072u
#define HV_X64_MSR_VP_ASSIST_PAGE 0x40000073u /* 2.0a: APIC assist page */

/* Synthetic interrupt controller and timers. */
#define HV_X64_MSR_SCONTROL       0x40000080u
#define HV_X64_MSR_SVERSION       0x40000081u /* read-only */
#define HV_X64_MSR_SIEFP          0x40000082u
#define HV_X64_MSR_SIMP           0x40000083u
#define HV_X64_MSR_EOM            0x40000084u
#define HV_X64_MSR_SINT0          0x40000090u
#define HV_X64_MSR_SINT1          0x40000091u
#define HV_X64_MSR_SINT2          0x40000092u
#define HV_X64_MSR_SINT3          0x40000093u
#define HV_X64_MSR_SINT4          0x40000094u
#define HV_X64_MSR_SINT5          0x40000095u
#define HV_X64_MSR_SINT6          0x40000096u
#define HV_X64_MSR_SINT7          0x40000097u
#define HV_X64_MSR_SINT8          0x40000098u
#define HV_X64_MSR_SINT9          0x40000099u
#define HV_X64_MSR_SINT10         0x4000009Au
#define HV_X64_MSR_SINT11         0x4000009Bu
#define HV_X64_MSR_SINT12         0x4000009Cu
#define HV_X64_MSR_SINT13         0x4000009Du
#define HV_X64_MSR_SINT14         0x4000009Eu
#define HV_X64_MSR_SINT15         0x4000009Fu
#define HV_X64_MSR_STIMER0_CONFIG 0x400000B0u
#define HV_X64_MSR_STIMER0_COUNT  0x400000B1u
#define HV_X64_MSR_STIMER1_CONFIG 0x400000B2u
#define HV_X64_MSR_STIMER1_COUNT  0x400000B3u
#define HV_X64_MSR_STIMER2_CONFIG 0x400000B4u
#define HV_X64_MSR_STIMER2_COUNT  0x400000B5u
#define HV_X64_MSR_STIMER3_CONFIG 0x400000B6u
#define HV_X64_MSR_STIMER3_COUNT  0x400000B7u

/* Power and statistics (2.0a), idle. */
#define HV_X64_MSR_POWER_STATE_TRIGGER_C1        0x400000C1u
#define HV_X64_MSR_POWER_STATE_TRIGGER_C2        0x400000C2u
#define HV_X64_MSR_POWER_STATE_TRIGGER_C3        0x400000C3u
#define HV_X64_MSR_POWER_STATE_CONFIG_C1         0x400000D1u
#define HV_X64_MSR_POWER_STATE_CONFIG_C2         0x400000D2u
#define HV_X64_MSR_POWER_STATE_CONFIG_C3         0x400000D3u
#define HV_X64_MSR_STATS_PARTITION_RETAIL_PAGE   0x400000E0u
#define HV_X64_MSR_STATS_PARTITION_INTERNAL_PAGE 0x400000E1u
#define HV_X64_MSR_STATS_VP_RETAIL_PAGE          0x400000E2u
#define HV_X64_MSR_STATS_VP_INTERNAL_PAGE        0x400000E3u
#define HV_X64_MSR_GUEST_IDLE                    0x400000F0u /* a read idles the processor */

/* Crash reports, migration, time while running. */
#define HV_X64_MSR_CRASH_P0                    0x40000100u
#define HV_X64_MSR_CRASH_P1                    0x40000101u
#define HV_X64_MSR_CRASH_P2                    0x40000102u
#define HV_X64_MSR_CRASH_P3                    0x40000103u
#define HV_X64_MSR_CRASH_P4                    0x40000104u
#define HV_X64_MSR_CRASH_CTL                   0x40000105u
#define HV_X64_MSR_REENLIGHTENMENT_CONTROL     0x40000106u
#define HV_X64_MSR_TSC_EMULATION_CONTROL       0x40000107u
#define HV_X64_MSR_TSC_EMULATION_STATUS        0x40000108u
#define HV_X64_MSR_STIME_UNHALTED_TIMER_CONFIG 0x40000114u
#define HV_X64_MSR_STIME_UNHALTED_TIMER_COUNT  0x40000115u
#define HV_X64_MSR_TSC_INVARIANT_CONTROL       0x40000118u /* not TLFS */

/* Nested hypervisor: its own index and interrupt controller. */
#define HV_X64_MSR_NESTED_VP_INDEX 0x40001002u
#define HV_X64_MSR_NESTED_SCONTROL 0x40001080u
#define HV_X64_MSR_NESTED_SVERSION 0x40001081u
#define HV_X64_MSR_NESTED_SIEFP    0x40001082u
#define HV_X64_MSR_NESTED_SIMP     0x40001083u
#define HV_X64_MSR_NESTED_EOM      0x40001084u
#define HV_X64_MSR_NESTED_SINT0    0x40001090u
#define HV_X64_MSR_NESTED_SINT1    0x40001091u
#define HV_X64_MSR_NESTED_SINT2    0x40001092u
#define HV_X64_MSR_NESTED_SINT3    0x40001093u
#define HV_X64_MSR_NESTED_SINT4    0x40001094u
#define HV_X64_MSR_NESTED_SINT5    0x40001095u
#define HV_X64_MSR_NESTED_SINT6    0x40001096u
#define HV_X64_MSR_NESTED_SINT7    0x40001097u
#define HV_X64_MSR_NESTED_SINT8    0x40001098u
#define HV_X64_MSR_NESTED_SINT9    0x40001099u
#define HV_X64_MSR_NESTED_SINT10   0x4000109Au
#define HV_X64_MSR_NESTED_SINT11   0x4000109Bu
#define HV_X64_MSR_NESTED_SINT12   0x4000109Cu
#define HV_X64_MSR_NESTED_SINT13   0x4000109Du
#define HV_X64_MSR_NESTED_SINT14   0x4000109Eu
#define HV_X64_MSR_NESTED_SINT15   0x4000109Fu

/* HV_X64_MSR_HYPERCALL (TLFS 2.0a chapter 4, 6.0b 3.13). */
#define HV_X64_MSR_HYPERCALL_ENABLE    0x0000000000000001ULL
#define HV_X64_MSR_HYPERCALL_LOCKED    0x0000000000000002ULL /* fixed until reset */
#define HV_X64_MSR_HYPERCALL_PAGE_MASK 0xFFFFFFFFFFFFF000ULL /* in place: a page's address */

typedef union HV_X64_MSR_HYPERCALL_CONTENTS {
    uint64_t AsUINT64;
#if HV_BIT_FIELD_VIEWS
    struct {
        uint64_t Enable : 1;
        uint64_t Locked : 1;
        uint64_t ReservedP : 10; /* preserved */
        uint64_t GpaPageNumber : 52;
    } Bits;
#endif
} HV_X64_MSR_HYPERCALL_CONTENTS, *PHV_X64_MSR_HYPERCALL_CONTENTS;

HV_ASSERT_SIZE(HV_X64_MSR_HYPERCALL_CONTENTS, 8);
HV_ASSERT_OFFSET(HV_X64_MSR_HYPERCALL_CONTENTS, AsUINT64, 0);

#endif /* HVGDK_X64_H */
