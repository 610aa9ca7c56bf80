/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A program outside the project: the answers of HvClearVirtualInterrupt, from the installed
 * library. */

#include <hvgdk/hvemu.h>
#include <hvgdk/hvgdk.h>
#include <stdio.h>

static void clear(HV_PARTITION_ID id)
{
    puts(hvemu_status_name(HvClearVirtualInterrupt(id)));
}

int main(void)
{
    static _Alignas(64) unsigned char memory[1 << 18];
    const HV_INTERRUPT_CONTROL ext_int = {.AsUINT64 = HvX64InterruptTypeExtInt};
    const HV_PROXIMITY_DOMAIN_INFO anywhere = {0};
    HV_PARTITION_ID guest = 0, unborn = 0;
    struct hvemu_caller root = {0};
    struct hvemu_vp *vp;
    uint8_t vector;

    if (hvemu_init(&root.hv, memory, sizeof memory, NULL, NULL, NULL))
        return 1;
    root.partition = hvemu_root(root.hv);
    hvemu_attach(&root);
    hvemu_add_guest(root.hv, root.partition, 0, NULL, &guest);
    hvemu_vp_attach(root.hv, guest, 0, NULL, &vp);
    HvCreatePartition(0, anywhere, &unborn);

    HvAssertVirtualInterrupt(guest, ext_int, 0, 0x20);
    clear(guest); /* not acknowledged yet */
    hvemu_ext_int_acknowledge(vp, &vector);
    clear(guest);          /* success */
    clear(root.partition); /* access denied: not a child */
    clear(0x123456);       /* no such partition */
    clear(unborn);         /* not initialized */
}
