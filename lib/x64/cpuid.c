/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The discovery leaves of "Hv#1" (TLFS 6.0b 2.4): a constant table made of the configuration and
 * the partition's privileges. */

#include "x64/x64.h"

/* Advice to make calls that are not offered here. A VMM that answers some of them itself, before
 * the library sees the exit, adds their bits to the leaf. */
static const uint32_t not_offered = HV_RECOMMEND_ADDRESS_SPACE_SWITCH_CALL |
                                    HV_RECOMMEND_LOCAL_FLUSH_CALL | HV_RECOMMEND_REMOTE_FLUSH_CALL |
                                    HV_RECOMMEND_CLUSTER_IPI_CALL |
                                    HV_RECOMMEND_EX_PROCESSOR_MASKS | HV_RECOMMEND_MMIO_HYPERCALLS |
                                    HV_RECOMMEND_GPA_PINNING | HV_RECOMMEND_WAKE_VPS;

/* Spins before HvCallNotifyLongSpinWait, which is not offered either: never. */
static const uint32_t spin_count = 0xFFFFFFFF;

uint32_t hvemu__x64_features(const struct hvemu *hv)
{
    return hv->ops.overlay ? hv->config.features
                           : hv->config.features & ~(uint32_t)HV_FEATURE_HYPERCALL_MSR_LOCK;
}

enum hvemu_action hvemu_x64_cpuid(const struct hvemu *hv, uint64_t partition, uint32_t leaf,
                                  uint32_t regs[4])
{
    struct hvemu__partition *slot;
    uint64_t privileges;

    if (!hv || !regs)
        return HVEMU_FAILED;
    slot = hvemu__slot(hv, partition);
    if (!slot || !hvemu__exists(slot, partition))
        return HVEMU_GONE;
    privileges = hvemu__load(&slot->privileges);
    if (!hvemu__exists(slot, partition))
        return HVEMU_GONE;
    if (leaf < HV_CPUID_LEAF_VENDOR || leaf > HV_CPUID_LEAF_LIMITS)
        return HVEMU_PASS;

    const uint32_t leaves[][4] = {
        {HV_CPUID_LEAF_LIMITS, HV_CPUID_VENDOR_EBX, HV_CPUID_VENDOR_ECX, HV_CPUID_VENDOR_EDX},
        {HV_CPUID_INTERFACE_HV1, 0, 0, 0},
        {0, 0, 0, 0}, /* version: for information only, and we are none of Microsoft's */
        {(uint32_t)privileges, (uint32_t)(privileges >> 32), 0, hvemu__x64_features(hv)},
        {hv->config.recommendations & ~not_offered, spin_count, 0, 0},
        {hv->config.vps, 0, 0, 0},
    };
    for (int i = 0; i < 4; i++)
        regs[i] = leaves[leaf - HV_CPUID_LEAF_VENDOR][i];
    return HVEMU_STEP;
}
