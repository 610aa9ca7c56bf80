/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The C API: a parent in C, as the documented functions see it; no exits.
 * Links: hvemu hypercall wrapper calls partition life property pool gpa vp register intercept
 * ext_int interrupt msr cpuid translate. */

#include <hvgdk/hvemu.h>
#include <hvgdk/hvgdk.h>

int main(void)
{
    static _Alignas(64) unsigned char memory[1 << 18];
    struct hvemu_caller root = {0};
    struct hvemu_vp *vp;
    HV_PARTITION_ID guest;

    if (hvemu_init(&root.hv, memory, sizeof memory, NULL, NULL, NULL))
        return 1;
    root.partition = hvemu_root(root.hv);
    if (hvemu_add_guest(root.hv, root.partition, 0, NULL, &guest) ||
        hvemu_vp_attach(root.hv, guest, 0, NULL, &vp))
        return 1;
    hvemu_attach(&root);
    return HvClearVirtualInterrupt(guest) != HV_STATUS_NOT_ACKNOWLEDGED;
}
