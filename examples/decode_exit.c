/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Decodes hypercall exits and prints them: registers in, a call out. Needs no instance, no guest
 * and no memory of either, and links the decoder alone.
 *
 * decode_exit                      some exits to look at
 * decode_exit CONTROL [RDX [R8]]   what a 64-bit kernel calls with these registers, in hex */

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <hvgdk/calls.h>
#include <hvgdk/hvemu.h>
#include <hvgdk/status.h>
#include <hvgdk/x64.h>

/* CPUID 0x40000003 EDX, as these guests have read it. */
static const uint32_t features = HV_FEATURE_XMM_HYPERCALL_INPUT;

static void show(const char *title, const struct hvemu_x64_frame *frame)
{
    struct hvemu_call call;
    const enum hvemu_action action = hvemu_x64_decode(NULL, frame, features, &call);
    char text[256];

    printf("%s: %s\n", title, hvemu_action_name(action));
    if (action != HVEMU_STEP && action != HVEMU_NEED_XMM)
        return;
    hvemu_call_format(NULL, &call, text, sizeof text);
    printf("    %s\n", text);
    if (call.status)
        printf("    %s\n", hvemu_status_text(call.status));
}

/* What became of a call: the registers from before it, and RAX after it. */
static void show_result(const struct hvemu_x64_frame *before, uint64_t rax)
{
    struct hvemu_call call;
    char text[256];

    if (hvemu_x64_decode(NULL, before, features, &call) == HVEMU_UD)
        return;
    call.executed = 1;
    call.result = rax;
    hvemu_call_format(NULL, &call, text, sizeof text);
    printf("    %s\n", text);
}

static void show_examples(void)
{
    struct hvemu_x64_frame frame = {.mode = HVEMU_X64_KERNEL64};

    frame.rcx = HvCallClearVirtualInterrupt | HV_HYPERCALL_FAST;
    frame.rdx = 2;
    show("Parameters in registers", &frame);
    show_result(&frame, HV_STATUS_NOT_ACKNOWLEDGED);

    frame.rcx = HvCallCreatePartition;
    frame.rdx = 0x7F000;
    frame.r8 = 0x7F100;
    show("Parameters in memory", &frame);

    frame.rcx |= 1u << 27;
    show("A reserved bit of the control word", &frame);

    frame.rcx = HvCallCreatePartition;
    frame.rdx = 0x7FFF0;
    show("Parameters across a page boundary", &frame);

    frame.rcx = 0x7FFF;
    show("A code that does not exist", &frame);

    frame.rcx = HvCallAssertVirtualInterrupt | HV_HYPERCALL_FAST;
    frame.rdx = 2;
    frame.r8 = 7; /* ExtInt */
    show("More parameters than general registers hold", &frame);
    frame.xmm[0][1] = 0x30;
    frame.known = HVEMU_X64_XMM;
    show("The same, XMM registers filled in", &frame);

    frame.mode |= HVEMU_X64_CPL;
    show("Called from user mode", &frame);

    frame = (struct hvemu_x64_frame){.mode = HVEMU_X64_PE};
    frame.rax = HvCallClearVirtualInterrupt | HV_HYPERCALL_FAST;
    frame.rcx = 2;
    show("A 32-bit kernel, EDX:EAX and EBX:ECX", &frame);
}

static uint64_t hex(const char *text)
{
    uintmax_t value;
    char *end;

    errno = 0;
    value = strtoumax(text, &end, 16);
    if (errno || !isxdigit((unsigned char)*text) || *end || value > UINT64_MAX)
        errx(2, "%s is no 64-bit number in hex", text);
    return value;
}

int main(int argc, char **argv)
{
    struct hvemu_x64_frame frame = {.mode = HVEMU_X64_KERNEL64, .known = HVEMU_X64_XMM};

    if (argc > 4)
        errx(2, "usage: decode_exit [CONTROL [RDX [R8]]]");
    if (argc == 1) {
        show_examples();
        return 0;
    }
    frame.rcx = hex(argv[1]);
    frame.rdx = argc > 2 ? hex(argv[2]) : 0;
    frame.r8 = argc > 3 ? hex(argv[3]) : 0;
    show("This exit", &frame);
    return 0;
}
