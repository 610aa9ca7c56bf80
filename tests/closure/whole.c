/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The native interface: what a VMM calls at its guests' exits; no thread-local caller.
 * Links: hvemu execute hypercall calls partition life property pool gpa vp register intercept
 * ext_int interrupt decode exit msr cpuid translate. */

#include <hvgdk/hvemu.h>
#include <hvgdk/hvgdk.h>

int main(void)
{
    static _Alignas(64) unsigned char memory[1 << 18];
    struct hvemu_x64_frame frame = {.rcx = HV_HYPERCALL_FAST | HvCallClearVirtualInterrupt,
                                    .mode = HVEMU_X64_KERNEL64};
    struct hvemu *hv;
    struct hvemu_vp *vp;
    uint64_t guest, value;
    uint32_t regs[4];

    if (hvemu_init(&hv, memory, sizeof memory, NULL, NULL, NULL) ||
        hvemu_add_guest(hv, hvemu_root(hv), HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS, NULL, &guest) ||
        hvemu_vp_attach(hv, guest, 0, NULL, &vp))
        return 1;
    return hvemu_x64_hypercall(vp, &frame) != HVEMU_PASS ||
           hvemu_x64_rdmsr(vp, HV_X64_MSR_HYPERCALL, &value) != HVEMU_STEP || value != 0 ||
           hvemu_x64_cpuid(hv, guest, HV_CPUID_LEAF_INTERFACE, regs) != HVEMU_STEP ||
           regs[0] != HV_CPUID_INTERFACE_HV1;
}
