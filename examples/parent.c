/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A parent of two children, in plain C calls: the documented functions, the handshake of an
 * external interrupt from assertion to clearing, and the other answers they give. What a boot
 * processor does, a VMM's thread would do; here it is a line of this program. */

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <hvgdk/hvemu.h>
#include <hvgdk/hvgdk.h>

static const HV_INTERRUPT_CONTROL ext_int = {.AsUINT64 = HvX64InterruptTypeExtInt};

static void show(const char *call, HV_STATUS status)
{
    printf("%-45s %s\n", call, hvemu_status_name(status));
}

static void must(enum hvemu_result result)
{
    if (result != HVEMU_OK)
        errx(1, "libhvemu: %s", hvemu_result_text(result));
}

static struct hvemu *make_hypervisor(void)
{
    /* The children may have children themselves: what is refused them is not for want of that. */
    const struct hvemu_config config = {
        .size = sizeof config,
        .privileges = HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS | HV_PRIVILEGE_ACCESS_VP_INDEX |
                      HV_PRIVILEGE_CREATE_PARTITIONS,
    };
    const size_t bytes = hvemu_memory_size(&config);
    void *memory = aligned_alloc(64, bytes);
    struct hvemu *hv;

    if (!memory)
        err(1, "memory");
    must(hvemu_init(&hv, memory, bytes, &config, NULL, NULL));
    return hv;
}

static HV_PARTITION_ID make_child(void)
{
    const HV_PROXIMITY_DOMAIN_INFO anywhere = {0};
    HV_PARTITION_ID child = HV_PARTITION_ID_INVALID;

    show("HvCreatePartition", HvCreatePartition(0, anywhere, &child));
    show("HvClearVirtualInterrupt before it is active", HvClearVirtualInterrupt(child));
    show("HvInitializePartition", HvInitializePartition(child));
    return child;
}

static void shake_hands(HV_PARTITION_ID child, struct hvemu_vp *boot_processor)
{
    uint8_t vector = 0;

    show("HvAssertVirtualInterrupt 0x30", HvAssertVirtualInterrupt(child, ext_int, 0, 0x30));
    show("HvClearVirtualInterrupt", HvClearVirtualInterrupt(child));
    show("HvAssertVirtualInterrupt 0x31 instead",
         HvAssertVirtualInterrupt(child, ext_int, 0, 0x31));

    must(hvemu_ext_int_acknowledge(boot_processor, &vector));
    printf("The boot processor takes vector 0x%02X\n", vector);

    show("HvAssertVirtualInterrupt 0x32", HvAssertVirtualInterrupt(child, ext_int, 0, 0x32));
    show("HvAssertVirtualInterrupt NONE, too late",
         HvAssertVirtualInterrupt(child, ext_int, 0, HV_INTERRUPT_VECTOR_NONE));
    show("HvClearVirtualInterrupt", HvClearVirtualInterrupt(child));
    show("HvClearVirtualInterrupt again", HvClearVirtualInterrupt(child));
    show("HvAssertVirtualInterrupt 0x32", HvAssertVirtualInterrupt(child, ext_int, 0, 0x32));
}

/* Finalizing is over when the child's processors are gone: until then it is to be called again. */
static void end(HV_PARTITION_ID child, struct hvemu_vp *boot_processor)
{
    show("HvFinalizePartition", HvFinalizePartition(child));
    show("HvClearVirtualInterrupt", HvClearVirtualInterrupt(child));
    must(hvemu_vp_detach(boot_processor));
    printf("The boot processor has stopped\n");
    show("HvFinalizePartition again", HvFinalizePartition(child));
    show("HvDeletePartition", HvDeletePartition(child));
    show("HvClearVirtualInterrupt", HvClearVirtualInterrupt(child));
}

int main(void)
{
    struct hvemu *hv = make_hypervisor();
    const struct hvemu_caller root = {.hv = hv, .partition = hvemu_root(hv)};
    HV_PARTITION_ID child, sibling;
    struct hvemu_vp *boot_processor;

    show("Before this thread is attached to the root", HvClearVirtualInterrupt(2));
    hvemu_attach(&root);
    child = make_child();
    sibling = make_child();
    printf("The children are %llu and %llu\n", (unsigned long long)child,
           (unsigned long long)sibling);
    must(hvemu_vp_attach(hv, child, 0, NULL, &boot_processor));

    shake_hands(child, boot_processor);
    show("The sibling clears it", hvemu_clear_virtual_interrupt(hv, sibling, child));
    end(child, boot_processor);

    hvemu_attach(NULL);
    free(hv);
    return 0;
}
