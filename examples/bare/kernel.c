/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* libhvemu in a kernel, with no operating system and no C library: a hypervisor and two partitions,
 * parent and child. The parent asks whether the child's boot processor has taken its external
 * interrupt: first with HvClearVirtualInterrupt(), then as a guest does, with registers. No guest
 * runs here; what its processor would do is a line of this program. machine.c has what a kernel
 * brings along anyway. In the machine that pic_vmm emulates:
 *
 *   cmake -G Ninja -S examples/bare -B build/bare -DCMAKE_BUILD_TYPE=Release
 *   cmake --build build/bare
 *   sh examples/demo.sh --image build/bare/bare.bin */

#include <stdint.h>

#include <hvgdk/hvemu.h>
#include <hvgdk/hvgdk.h>

#include "machine.h"

/* More than enough; hvemu_memory_size() says how much. */
static _Alignas(64) unsigned char memory[32 * 1024];

static struct hvemu_caller parent;
static HV_PARTITION_ID child;
static struct hvemu_vp *parent_vp, *child_vp;

/* For whom the Hv functions act. A kernel that serves several would ask the current processor. */
const struct hvemu_caller *hvemu_current_caller(void)
{
    return &parent;
}

/* Where no guest runs there is no memory to lay a hypercall page over. */
static int overlay(void *ctx, uint64_t partition, uint64_t gpa, const uint8_t *code, uint32_t bytes)
{
    (void)ctx, (void)partition, (void)gpa, (void)code, (void)bytes;
    return HVEMU_MEM_OK;
}

static void must(enum hvemu_result result)
{
    if (result == HVEMU_OK)
        return;
    say(hvemu_result_text(result));
    say("\n");
    check((unsigned)result, HVEMU_OK);
    end();
}

static void status(const char *what, HV_STATUS got, HV_STATUS wanted)
{
    say(what);
    say(hvemu_status_name(got));
    say("\n");
    check(got, wanted);
}

static void make_partitions(void)
{
    const struct hvemu_config config = {.size = sizeof config, .partitions = 3, .vps = 2};
    const struct hvemu_ops ops = {.size = sizeof ops, .overlay = overlay};
    const uint64_t guest = HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS;
    struct hvemu *hv;

    must(hvemu_init(&hv, memory, sizeof memory, &config, &ops, NULL));
    parent.hv = hv;
    must(hvemu_add_guest(hv, hvemu_root(hv), guest | HV_PRIVILEGE_CREATE_PARTITIONS, NULL,
                         &parent.partition));
    must(hvemu_add_guest(hv, parent.partition, guest, NULL, &child));
    must(hvemu_vp_attach(hv, parent.partition, 0, NULL, &parent_vp));
    must(hvemu_vp_attach(hv, child, 0, NULL, &child_vp));
}

static HV_STATUS assert_vector(uint32_t vector)
{
    const HV_INTERRUPT_CONTROL ext_int = {.AsUINT64 = HvX64InterruptTypeExtInt};

    return HvAssertVirtualInterrupt(child, ext_int, 0, vector);
}

static void child_takes(uint8_t wanted)
{
    uint8_t vector = 0;

    must(hvemu_ext_int_acknowledge(child_vp, &vector));
    check(vector, wanted);
    say("the child's boot processor takes it\n");
}

static void ask_in_c(void)
{
    status("clear, nothing asserted: ", HvClearVirtualInterrupt(child), HV_STATUS_NOT_ACKNOWLEDGED);
    status("assert 0x20: ", assert_vector(0x20), HV_STATUS_SUCCESS);
    status("clear, not taken yet: ", HvClearVirtualInterrupt(child), HV_STATUS_NOT_ACKNOWLEDGED);
    child_takes(0x20);
    status("assert 0x21, too early: ", assert_vector(0x21), HV_STATUS_ACKNOWLEDGED);
    status("clear: ", HvClearVirtualInterrupt(child), HV_STATUS_SUCCESS);
    status("clear again: ", HvClearVirtualInterrupt(child), HV_STATUS_NOT_ACKNOWLEDGED);
}

/* The exit of a hypercall instruction: what was called, and with what result. */
static void hypercall(struct hvemu_x64_frame *frame, HV_STATUS wanted)
{
    struct hvemu_call call;
    char line[120];

    check(hvemu_x64_decode(parent.hv, frame, 0, &call), HVEMU_STEP);
    check(hvemu_x64_hypercall(parent_vp, frame), HVEMU_STEP);
    call.executed = 1;
    call.result = frame->rax;
    hvemu_call_format(parent.hv, &call, line, sizeof line);
    say(line);
    say("\n");
    check((unsigned)frame->rax, wanted);
}

static void ask_with_registers(void)
{
    const uint64_t linux_id = 0x8100000000000000, page = 0x1000, enable = 1;
    struct hvemu_x64_frame frame = {.rcx = HvCallClearVirtualInterrupt | HV_HYPERCALL_FAST,
                                    .rdx = child,
                                    .mode = HVEMU_X64_KERNEL64};
    enum hvemu_action action;

    check(hvemu_x64_wrmsr(parent_vp, HV_X64_MSR_GUEST_OS_ID, linux_id), HVEMU_STEP);
    check(hvemu_x64_wrmsr(parent_vp, HV_X64_MSR_HYPERCALL, page | enable), HVEMU_STEP);
    status("assert 0x21: ", assert_vector(0x21), HV_STATUS_SUCCESS);
    child_takes(0x21);
    hypercall(&frame, HV_STATUS_SUCCESS);
    hypercall(&frame, HV_STATUS_NOT_ACKNOWLEDGED);

    frame.mode |= HVEMU_X64_CPL;
    action = hvemu_x64_hypercall(parent_vp, &frame);
    say("the same from user mode: ");
    say(hvemu_action_name(action));
    say("\n");
    check(action, HVEMU_UD);
}

_Noreturn void kernel_main(void);
_Noreturn void kernel_main(void)
{
    make_partitions();
    ask_in_c();
    ask_with_registers();
    end();
}
