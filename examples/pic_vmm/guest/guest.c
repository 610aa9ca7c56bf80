/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The guest: a small kernel that finds "Hv#1", makes hypercalls through the hypercall page, and
 * takes the interrupts of an 8259. It has no libc; what it knows of the hypervisor is in
 * <hvgdk/hvgdk.h>, and it defines the Hv* functions declared there. The VMM prints what it does;
 * what only the guest can see it says itself. */

#include <stddef.h>
#include <stdint.h>

#include <hvgdk/hvgdk.h>

#include "protocol.h"

enum { UNDEFINED_INSTRUCTION = 6, GENERAL_PROTECTION = 13, NO_EXCEPTION = 0xFF };
enum { PIC_EOI = 0x20, INPUTS = 8 };
static const uint64_t open_source = 0x8100000000000000; /* what kind of OS this is */

/* ---- Instructions ---- */

static void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static uint32_t in32(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void cpuid(uint32_t leaf, uint32_t regs[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(regs[0]), "=b"(regs[1]), "=c"(regs[2]), "=d"(regs[3])
                     : "a"(leaf), "c"(0));
}

static uint64_t rdmsr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

/* ---- Words for the VMM ---- */

static void say(const char *text)
{
    while (*text)
        out8(PORT_TEXT, (uint8_t)*text++);
}

static void say_hex(uint64_t value, int digits)
{
    say("0x");
    while (digits--)
        out8(PORT_TEXT, (uint8_t) "0123456789ABCDEF"[value >> digits * 4 & 15]);
}

static void say_bytes(const uint32_t *words, int count)
{
    for (int at = 0; at < count * 4; at++)
        out8(PORT_TEXT, (uint8_t)(words[at / 4] >> at % 4 * 8));
}

static void begin(uint32_t step)
{
    out32(PORT_STEP, step);
}

/* Tells the VMM what was got and wanted: it keeps count of what went wrong. */
static void expect(uint16_t got, uint16_t wanted)
{
    out32(PORT_CHECK, got | (uint32_t)wanted << 16);
}

/* ---- Exceptions and interrupts ---- */

struct trap { /* as start.S saves it */
    uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

extern const struct {
    uint64_t vector, entry;
} gates[];
extern const char poke_failed[], bare_exit[];
int poke(uintptr_t address);
void trap(struct trap *frame);
void guest_main(void);

static volatile uint64_t exception = NO_EXCEPTION; /* the last one, and where it was raised */
static volatile uint64_t exception_rip;
static volatile uint32_t handled; /* interrupts, since they were reported last */
static volatile uint16_t between; /* of all of them, those amid a rep call */
static volatile int auto_eoi;
static volatile int poking;

void trap(struct trap *frame)
{
    if (frame->vector >= GUEST_VECTORS) {
        handled++;
        /* At the OUT that goes on with a rep call: it was executed, and will be again. */
        if (frame->rip == GUEST_PAGE && (frame->rcx & HV_HYPERCALL_REP_START_MASK))
            between++;
        if (!auto_eoi)
            out8(PORT_PIC, PIC_EOI);
        return;
    }
    exception = frame->vector;
    exception_rip = frame->rip;
    if (poking)
        frame->rip = (uintptr_t)poke_failed;
    else
        frame->rip += 2; /* WRMSR, and OUT to an 8-bit port: two bytes each */
}

static uint16_t take_exception(void)
{
    const uint64_t was = exception;
    exception = NO_EXCEPTION;
    return (uint16_t)was;
}

static void set_up_gates(void)
{
    static struct {
        uint16_t low, selector, type, middle;
        uint32_t high, reserved;
    } idt[GUEST_VECTORS + INPUTS];
    const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } idtr = {sizeof idt - 1, (uintptr_t)idt};

    for (int i = 0; gates[i].entry; i++) {
        idt[gates[i].vector].low = (uint16_t)gates[i].entry;
        idt[gates[i].vector].selector = GUEST_CS;
        idt[gates[i].vector].type = 0x8E00; /* present, interrupt gate */
        idt[gates[i].vector].middle = (uint16_t)(gates[i].entry >> 16);
    }
    __asm__ volatile("lidt %0" : : "m"(idtr));
}

static void set_up_pic(uint8_t icw4, uint8_t mask)
{
    out8(PORT_PIC, 0x13); /* ICW1: edge-triggered, single, ICW4 follows */
    out8(PORT_PIC + 1, GUEST_VECTORS);
    out8(PORT_PIC + 1, icw4);
    out8(PORT_PIC + 1, mask);
    expect(in8(PORT_PIC + 1), mask);
}

/* ---- The hypervisor interface, from the guest's side ---- */

static uint64_t hypercall(uint64_t control, uint64_t in, uint64_t out)
{
    register uint64_t r8 __asm__("r8") = out;
    uint64_t result = UINT64_MAX;
    uintptr_t page = GUEST_PAGE;

    __asm__ volatile("call *%[page]"
                     : "+a"(result), "+c"(control), "+d"(in), "+r"(r8), [page] "+r"(page)
                     :
                     : "r9", "r10", "r11", "cc", "memory");
    return result;
}

static HV_STATUS status_of(uint64_t result)
{
    return (HV_STATUS)(result & HV_HYPERCALL_RESULT_STATUS_MASK);
}

/* Without a rep count in `code`, whose bits 15:0 are the call's and bit 16 says "fast". */
static uint64_t rep_call(uint64_t code, uint64_t reps, uint64_t in, uint64_t out)
{
    return hypercall(code | reps << HV_HYPERCALL_REP_COUNT_SHIFT, in, out);
}

static uint16_t reps_of(uint64_t result)
{
    return (uint16_t)((result & HV_HYPERCALL_RESULT_REPS_MASK) >> HV_HYPERCALL_RESULT_REPS_SHIFT);
}

/* A call with one parameter, in a register. */
static HV_STATUS call_on(uint64_t code, HV_PARTITION_ID partition)
{
    return status_of(hypercall(code | HV_HYPERCALL_FAST, partition, 0));
}

HV_STATUS HvCreatePartition(uint64_t Flags, HV_PROXIMITY_DOMAIN_INFO ProximityDomainInfo,
                            HV_PARTITION_ID *NewPartitionId)
{
    volatile HV_INPUT_CREATE_PARTITION *in = (void *)(uintptr_t)GUEST_INPUT;
    volatile HV_OUTPUT_CREATE_PARTITION *out = (void *)(uintptr_t)GUEST_OUTPUT;
    HV_STATUS status;

    for (size_t i = 0; i < sizeof *in; i++)
        ((volatile uint8_t *)in)[i] = 0;
    in->Flags = Flags;
    in->ProximityDomainInfo.Id = ProximityDomainInfo.Id;
    in->ProximityDomainInfo.Flags.AsUINT32 = ProximityDomainInfo.Flags.AsUINT32;
    status = status_of(hypercall(HvCallCreatePartition, GUEST_INPUT, GUEST_OUTPUT));
    if (status == HV_STATUS_SUCCESS)
        *NewPartitionId = out->NewPartitionId;
    return status;
}

HV_STATUS HvInitializePartition(HV_PARTITION_ID PartitionId)
{
    return call_on(HvCallInitializePartition, PartitionId);
}

HV_STATUS HvFinalizePartition(HV_PARTITION_ID PartitionId)
{
    return call_on(HvCallFinalizePartition, PartitionId);
}

HV_STATUS HvDeletePartition(HV_PARTITION_ID PartitionId)
{
    return call_on(HvCallDeletePartition, PartitionId);
}

HV_STATUS HvGetPartitionId(HV_PARTITION_ID *PartitionId)
{
    volatile HV_OUTPUT_GET_PARTITION_ID *out = (void *)(uintptr_t)GUEST_OUTPUT;
    const HV_STATUS status = status_of(hypercall(HvCallGetPartitionId, 0, GUEST_OUTPUT));

    if (status == HV_STATUS_SUCCESS)
        *PartitionId = out->PartitionId;
    return status;
}

HV_STATUS HvAssertVirtualInterrupt(HV_PARTITION_ID DestinationPartition,
                                   HV_INTERRUPT_CONTROL InterruptControl,
                                   uint64_t DestinationAddress, HV_INTERRUPT_VECTOR RequestedVector)
{
    volatile HV_INPUT_ASSERT_VIRTUAL_INTERRUPT *in = (void *)(uintptr_t)GUEST_INPUT;

    in->TargetPartition = DestinationPartition;
    in->InterruptControl.AsUINT64 = InterruptControl.AsUINT64;
    in->DestinationAddress = DestinationAddress;
    in->RequestedVector = RequestedVector;
    in->TargetVtl = 0;
    in->ReservedZ0 = 0;
    in->ReservedZ1 = 0;
    return status_of(hypercall(HvCallAssertVirtualInterrupt, GUEST_INPUT, 0));
}

HV_STATUS HvClearVirtualInterrupt(HV_PARTITION_ID DestinationPartition)
{
    return call_on(HvCallClearVirtualInterrupt, DestinationPartition);
}

/* ---- The story ---- */

static void discover(void)
{
    uint32_t regs[4];

    begin(1);
    cpuid(1, regs);
    say("CPUID 1: a hypervisor is ");
    say(regs[2] & HV_CPUID_1_ECX_HYPERVISOR_PRESENT ? "present\n" : "absent\n");
    expect((regs[2] & HV_CPUID_1_ECX_HYPERVISOR_PRESENT) != 0, 1);

    cpuid(HV_CPUID_LEAF_VENDOR, regs);
    say("CPUID 0x40000000: \"");
    say_bytes(regs + 1, 3);
    say("\", leaves up to ");
    say_hex(regs[0], 8);
    say("\n");
    expect(regs[0] >= HV_CPUID_LEAF_LIMITS, 1);

    cpuid(HV_CPUID_LEAF_INTERFACE, regs);
    say("CPUID 0x40000001: \"");
    say_bytes(regs, 1);
    say("\"\n");
    expect(regs[0] == HV_CPUID_INTERFACE_HV1, 1);

    cpuid(HV_CPUID_LEAF_FEATURES, regs);
    say("CPUID 0x40000003: privileges ");
    say_hex((uint64_t)regs[1] << 32 | regs[0], 16);
    say(", features ");
    say_hex(regs[3], 8);
    say("\n");
    expect((regs[0] & HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS) != 0, 1);
    expect((regs[3] & HV_FEATURE_XMM_HYPERCALL_INPUT) != 0, 0);
}

static void say_page(void)
{
    volatile uint8_t *page = (void *)(uintptr_t)GUEST_PAGE;

    say("the page reads ");
    for (int i = 0; i < 3; i++) {
        say_hex(page[i], 2);
        say(i < 2 ? " " : "\n");
    }
}

static void open_page(void)
{
    const uint64_t enabled = GUEST_PAGE | HV_X64_MSR_HYPERCALL_ENABLE;
    volatile uint8_t *page = (void *)(uintptr_t)GUEST_PAGE;

    begin(2);
    expect((uint16_t)rdmsr(HV_X64_MSR_VP_INDEX), 0);
    for (uint8_t i = 0; i < 3; i++)
        page[i] = 0x11;

    /* Without an identity the page cannot be enabled; its place is kept. */
    wrmsr(HV_X64_MSR_HYPERCALL, enabled);
    expect(rdmsr(HV_X64_MSR_HYPERCALL) == GUEST_PAGE, 1);

    wrmsr(HV_X64_MSR_GUEST_OS_ID, open_source);
    wrmsr(HV_X64_MSR_HYPERCALL, enabled);
    expect(rdmsr(HV_X64_MSR_HYPERCALL) == enabled, 1);
    say_page();
    expect(page[2], 0xC3); /* RET */

    say("writing to the page\n");
    poking = 1;
    expect((uint16_t)poke(GUEST_PAGE), 0);
    poking = 0;
    expect(take_exception(), GENERAL_PROTECTION);
    expect(page[2], 0xC3);

    wrmsr(HV_X64_MSR_HYPERCALL, GUEST_PAGE);
    say_page(); /* what lay below is back */
    expect(page[2], 0x11);
    wrmsr(HV_X64_MSR_HYPERCALL, enabled);
}

static void call_well(void)
{
    volatile uint64_t *in = (void *)(uintptr_t)GUEST_INPUT;
    HV_PARTITION_ID self = HV_PARTITION_ID_INVALID;

    begin(3);
    expect(HvGetPartitionId(&self), HV_STATUS_SUCCESS);
    say("I am partition ");
    say_hex(self, 16);
    say("\n");

    /* Nobody is their own parent. The same call in registers and in memory. */
    expect(HvClearVirtualInterrupt(self), HV_STATUS_ACCESS_DENIED);
    *in = self;
    expect(status_of(hypercall(HvCallClearVirtualInterrupt, GUEST_INPUT, 0)),
           HV_STATUS_ACCESS_DENIED);
    expect(HvClearVirtualInterrupt(0x123456789), HV_STATUS_INVALID_PARTITION_ID);
}

static void call_badly(void)
{
    const uint64_t clear = HvCallClearVirtualInterrupt;

    say("bad codes and control words\n");
    expect(status_of(hypercall(0x7FFF | HV_HYPERCALL_FAST, 0, 0)),
           HV_STATUS_INVALID_HYPERCALL_CODE);
    expect(status_of(hypercall(clear | HV_HYPERCALL_FAST | 1u << 27, 0, 0)),
           HV_STATUS_INVALID_HYPERCALL_INPUT);
    expect(status_of(
               hypercall(clear | HV_HYPERCALL_FAST | 1ULL << HV_HYPERCALL_REP_COUNT_SHIFT, 0, 0)),
           HV_STATUS_INVALID_HYPERCALL_INPUT);

    say("lists that are misaligned, cross a page, lie outside all guest memory there could be\n");
    expect(status_of(hypercall(clear, GUEST_INPUT + 4, 0)), HV_STATUS_INVALID_ALIGNMENT);
    expect(status_of(hypercall(HvCallAssertVirtualInterrupt, GUEST_INPUT + HV_PAGE_SIZE - 16, 0)),
           HV_STATUS_INVALID_ALIGNMENT);
    expect(status_of(hypercall(clear, 1ULL << 50, 0)), HV_STATUS_INVALID_ALIGNMENT);

    say("lists where there is no memory, or none to write to\n");
    expect(status_of(hypercall(clear, GUEST_MEMORY, 0)), HV_STATUS_INVALID_HYPERCALL_INPUT);
    expect(status_of(hypercall(HvCallGetPartitionId, 0, GUEST_PAGE)),
           HV_STATUS_INVALID_HYPERCALL_INPUT);
}

/* A guest that may create partitions is a parent like any other. */
static void be_parent(void)
{
    const HV_PROXIMITY_DOMAIN_INFO anywhere = {0};
    const HV_INTERRUPT_CONTROL ext_int = {.AsUINT64 = HvX64InterruptTypeExtInt};
    HV_PARTITION_ID child = HV_PARTITION_ID_INVALID;

    say("as a parent\n");
    expect(HvCreatePartition(1ULL << 63, anywhere, &child), HV_STATUS_INVALID_PARAMETER);
    expect(HvCreatePartition(0, anywhere, &child), HV_STATUS_SUCCESS);
    expect(HvClearVirtualInterrupt(child), HV_STATUS_INVALID_PARTITION_STATE);
    expect(HvInitializePartition(child), HV_STATUS_SUCCESS);
    expect(HvClearVirtualInterrupt(child), HV_STATUS_NOT_ACKNOWLEDGED);
    expect(HvAssertVirtualInterrupt(child, ext_int, 0, 0x30), HV_STATUS_INVALID_VP_INDEX);
    expect(HvDeletePartition(child), HV_STATUS_INVALID_PARTITION_STATE);
    expect(HvFinalizePartition(child), HV_STATUS_SUCCESS);
    expect(HvClearVirtualInterrupt(child), HV_STATUS_INVALID_PARTITION_STATE);
    expect(HvDeletePartition(child), HV_STATUS_SUCCESS);
    expect(HvClearVirtualInterrupt(child), HV_STATUS_INVALID_PARTITION_ID);
}

static void say_exception(const char *what)
{
    say(exception == UNDEFINED_INSTRUCTION ? "#UD" : exception == GENERAL_PROTECTION ? "#GP" : "?");
    say(" at the ");
    say(what);
    say("\n");
}

static void meet_exceptions(void)
{
    begin(4);
    /* 32 bytes of input need XMM0, and nobody said that it may be used. */
    (void)hypercall(HvCallAssertVirtualInterrupt | HV_HYPERCALL_FAST, 0, 0);
    say_exception("OUT of the hypercall page");
    expect(exception_rip == GUEST_PAGE, 1);
    expect(take_exception(), UNDEFINED_INSTRUCTION);

    wrmsr(HV_X64_MSR_VP_INDEX, 1);
    say_exception("WRMSR");
    expect(((const uint8_t *)exception_rip)[0] == 0x0F &&
               ((const uint8_t *)exception_rip)[1] == 0x30,
           1);
    expect(take_exception(), GENERAL_PROTECTION);
}

/* Lets interrupts in for a while. With the exit and the jump in it, every engine looks whether one
 * is pending. */
static void open_window(void)
{
    __asm__ volatile("sti\n\tnop\n\tinb %0, %%al\n\tjmp 1f\n1:\tnop\n\tcli"
                     :
                     : "i"(PORT_PIC + 1)
                     : "al", "memory");
}

static void wait_for_interrupt(void)
{
    __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
}

static void report_handled(void)
{
    out32(PORT_HANDLED, handled);
    handled = 0;
}

static void set_line(unsigned input, unsigned level)
{
    out32(PORT_LINE, input | level << 8);
}

/* Takes the timer's ticks, asleep for one and awake for the next. */
static void take_ticks(uint32_t ticks)
{
    out32(PORT_TIMER, ticks);
    while (handled < ticks)
        if (handled & 1)
            open_window();
        else
            wait_for_interrupt();
    report_handled();
}

static void take_interrupts(void)
{
    begin(5);
    set_up_pic(0x01, (uint8_t) ~(1 << GUEST_TIMER_IRQ | 1 << GUEST_LINE_IRQ));
    say("one interrupt, step by step\n");
    set_line(GUEST_LINE_IRQ, 1);
    open_window();
    set_line(GUEST_LINE_IRQ, 0);
    report_handled();

    say("the timer\n");
    take_ticks(120);
}

/* The VMM carries out one element for each execution of the OUT, and interrupts come in between. */
static void call_with_interrupts(void)
{
    volatile uint64_t *in = (void *)(uintptr_t)GUEST_INPUT;
    const volatile uint64_t *out = (void *)(uintptr_t)GUEST_OUTPUT;
    const uint32_t few[] = {7, 8, 9, 0};
    uint64_t result, sum = 0x100000000;
    uint16_t wrong = 0;

    begin(6);
    say("a list that fills its page, while the timer ticks\n");
    in[0] = LIST_TICKS;
    in[1] = sum;
    for (uint32_t i = 0; i < LIST_ELEMENTS; i++)
        in[2 + i] = 1 + i * 3;
    __asm__ volatile("sti" : : : "memory");
    result = rep_call(CALL_SUM_LIST, LIST_ELEMENTS, GUEST_INPUT, GUEST_OUTPUT);
    __asm__ volatile("cli" : : : "memory");
    expect(status_of(result), HV_STATUS_SUCCESS);
    expect(reps_of(result), LIST_ELEMENTS);
    for (uint32_t i = 0; i < LIST_ELEMENTS; i++) {
        sum += in[2 + i];
        if (out[i] != sum)
            wrong++;
    }
    expect(wrong, 0);
    say_hex(between, 2);
    say(" interrupts came between two elements\n");
    expect(between, LIST_TICKS);
    report_handled();

    say("a list in registers, whose element 3 is bad\n");
    result = rep_call(CALL_SUM_FEW | HV_HYPERCALL_FAST, 4, few[0] | (uint64_t)few[1] << 32,
                      few[2] | (uint64_t)few[3] << 32);
    expect(status_of(result), HV_STATUS_INVALID_PARAMETER);
    expect(reps_of(result), 3);
}

static void miss_interrupt(void)
{
    begin(7);
    set_line(GUEST_LINE_IRQ, 1);
    set_line(GUEST_LINE_IRQ, 0);
    open_window();
    report_handled();
}

static void take_interrupts_without_eoi(void)
{
    begin(8);
    auto_eoi = 1;
    set_up_pic(0x03, (uint8_t) ~(1 << GUEST_TIMER_IRQ | 1 << GUEST_LINE_IRQ));
    set_line(GUEST_LINE_IRQ, 1);
    open_window();
    set_line(GUEST_LINE_IRQ, 0);
    report_handled();
    take_ticks(16);
}

static void tell_story(void)
{
    discover();
    open_page();
    call_well();
    call_badly();
    be_parent();
    meet_exceptions();
    take_interrupts();
    call_with_interrupts();
    miss_interrupt();
    take_interrupts_without_eoi();
    begin(9);
}

/* ---- The benchmark ---- */

/* With as few instructions as can be: such a call changes no register but RAX. */
static void make_round_trips(uint32_t count, uintptr_t page, uint64_t control, uint64_t in)
{
    uint64_t result;

    __asm__ volatile("1:\tcall *%[page]\n\tdec %[count]\n\tjnz 1b"
                     : "=a"(result), [count] "+b"(count)
                     : "c"(control), "d"(in), [page] "S"(page)
                     : "r8", "r9", "r10", "r11", "cc", "memory");
}

/* Asks about a child that never has an interrupt: HV_STATUS_NOT_ACKNOWLEDGED. Returns whether the
 * VMM wanted that instead of the story. */
static int be_timed(void)
{
    const HV_PROXIMITY_DOMAIN_INFO anywhere = {0};
    HV_PARTITION_ID child = HV_PARTITION_ID_INVALID;
    uint32_t batch = in32(PORT_BENCH);

    if (!batch)
        return 0;
    wrmsr(HV_X64_MSR_GUEST_OS_ID, open_source);
    wrmsr(HV_X64_MSR_HYPERCALL, GUEST_PAGE | HV_X64_MSR_HYPERCALL_ENABLE);
    (void)HvCreatePartition(0, anywhere, &child);
    (void)HvInitializePartition(child);
    for (; batch; batch = in32(PORT_BENCH))
        make_round_trips(batch & ~BENCH_BARE,
                         batch & BENCH_BARE ? (uintptr_t)bare_exit : GUEST_PAGE,
                         HvCallClearVirtualInterrupt | HV_HYPERCALL_FAST, child);
    return 1;
}

void guest_main(void)
{
    set_up_gates();
    if (!be_timed())
        tell_story();
    out32(PORT_LAST, 0);
    for (;;)
        __asm__ volatile("pause");
}
