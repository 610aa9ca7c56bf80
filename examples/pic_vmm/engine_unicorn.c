/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The guest on Unicorn, where there is no KVM. Unicorn executes instructions and no more: whatever
 * an interrupt or an exception does to the processor is done here, and code hooks stand in for the
 * exits that it lacks. In a code hook the instruction pointer is exact, and moving it skips the
 * instruction. Unicorn itself is GPL-2: a program that links it is, too. */

#include <err.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unicorn/unicorn.h>

#include "engine.h"
#include "guest/protocol.h"

enum { PAGE = 4096, INTERRUPT_FLAG = 0x200, TRAP_FLAG = 0x100 };
enum { UNDEFINED_INSTRUCTION = 6, GENERAL_PROTECTION = 13, NO_ERROR_CODE = -1 };

struct engine {
    struct vmm *vmm;
    uc_engine *uc;
    uint64_t overlay; /* where it lies; 0: nowhere */
    uc_hook overlay_hook;
    uint64_t written; /* where a write failed */
    uint64_t block_end;
    int want_window;
    int stopped; /* by on_block(), before the block at ... */
    uint64_t stopped_at;
    atomic_int kicked;
};

static uint64_t get(const struct engine *engine, int reg)
{
    uint64_t value = 0;

    uc_reg_read(engine->uc, reg, &value);
    return value;
}

static void set(struct engine *engine, int reg, uint64_t value)
{
    uc_reg_write(engine->uc, reg, &value);
}

/* ---- Interrupts and exceptions ---- */

/* What a processor does in 64-bit mode, within privilege level 0: pushes where it was, and goes
 * where the IDT says. */
static int enter_gate(struct engine *engine, unsigned vector, int error)
{
    const uint64_t flags = get(engine, UC_X86_REG_EFLAGS), rsp = get(engine, UC_X86_REG_RSP);
    uint64_t gate[2], top = rsp & ~15ULL;
    uc_x86_mmr idtr;

    const uint64_t frame[] = {(uint64_t)error,
                              get(engine, UC_X86_REG_RIP),
                              get(engine, UC_X86_REG_CS),
                              flags,
                              rsp,
                              get(engine, UC_X86_REG_SS)};
    const size_t skip = error == NO_ERROR_CODE;

    top -= sizeof frame - skip * sizeof *frame;
    uc_reg_read(engine->uc, UC_X86_REG_IDTR, &idtr);
    if (vector * sizeof gate + sizeof gate - 1 > idtr.limit ||
        uc_mem_read(engine->uc, idtr.base + vector * sizeof gate, gate, sizeof gate) ||
        uc_mem_write(engine->uc, top, frame + skip, sizeof frame - skip * sizeof *frame)) {
        warnx("the guest cannot take vector 0x%02X", vector);
        return -1;
    }
    set(engine, UC_X86_REG_RSP, top);
    set(engine, UC_X86_REG_EFLAGS, flags & ~(uint64_t)(INTERRUPT_FLAG | TRAP_FLAG));
    set(engine, UC_X86_REG_RIP, (gate[0] & 0xFFFF) | (gate[0] >> 32 & 0xFFFF0000) | gate[1] << 32);
    return 0;
}

static void unicorn_kick(struct engine *engine)
{
    atomic_store(&engine->kicked, 1);
}

static void unicorn_forget_kick(struct engine *engine)
{
    atomic_store(&engine->kicked, 0);
}

static int unicorn_window(struct engine *engine)
{
    return (get(engine, UC_X86_REG_EFLAGS) & INTERRUPT_FLAG) != 0;
}

static void unicorn_interrupt(struct engine *engine, uint8_t vector)
{
    if (enter_gate(engine, vector, NO_ERROR_CODE))
        exit(2);
}

/* Only before a block does a stop take effect at once. A block right behind STI is its shadow: no
 * interrupt comes in between, else STI; HLT would sleep through it. */
static void on_block(uc_engine *uc, uint64_t address, uint32_t bytes, void *ctx)
{
    const uint8_t sti = 0xFB;
    struct engine *engine = ctx;
    uint8_t before = 0;
    int shadow = 0;

    if (address == engine->block_end)
        shadow = uc_mem_read(uc, address - 1, &before, 1) == UC_ERR_OK && before == sti;
    engine->block_end = address + bytes;
    if (shadow)
        return;
    if (atomic_load(&engine->kicked) || (engine->want_window && unicorn_window(engine))) {
        engine->stopped = 1;
        engine->stopped_at = address;
        uc_emu_stop(uc);
    }
}

/* ---- Exits ---- */

/* The library said GONE: the guest stops with its next block. */
static void leave(struct engine *engine)
{
    unicorn_kick(engine);
}

static void on_out(uc_engine *uc, uint32_t port, int bytes, uint32_t value, void *ctx)
{
    struct engine *engine = ctx;

    (void)uc;
    if (bytes < 4)
        value &= (1u << bytes * 8) - 1;
    if (port != PORT_HYPERCALL) /* that was on_hypercall()'s */
        vmm_out(engine->vmm, (uint16_t)port, value);
}

static uint32_t on_in(uc_engine *uc, uint32_t port, int bytes, void *ctx)
{
    struct engine *engine = ctx;

    (void)uc, (void)bytes;
    return vmm_in(engine->vmm, (uint16_t)port);
}

/* 1: answered. */
static int on_cpuid(uc_engine *uc, void *ctx)
{
    static const int registers[] = {UC_X86_REG_RAX, UC_X86_REG_RBX, UC_X86_REG_RCX, UC_X86_REG_RDX};
    struct engine *engine = ctx;
    uint32_t regs[4] = {0};

    (void)uc;
    if (!vmm_cpuid(engine->vmm, (uint32_t)get(engine, UC_X86_REG_RAX), regs))
        return 0;
    for (int i = 0; i < 4; i++)
        set(engine, registers[i], regs[i]);
    return 1;
}

static void fill_frame(struct engine *engine, struct hvemu_x64_frame *frame)
{
    uc_x86_msr efer = {.rid = 0xC0000080};

    *frame = (struct hvemu_x64_frame){
        .rcx = get(engine, UC_X86_REG_RCX),
        .rdx = get(engine, UC_X86_REG_RDX),
        .r8 = get(engine, UC_X86_REG_R8),
    };
    uc_reg_read(engine->uc, UC_X86_REG_MSR, &efer);
    /* Opened with UC_MODE_64, it knows no other mode than the one of a 64-bit CS. */
    frame->mode = HVEMU_X64_CS_L;
    frame->mode |= get(engine, UC_X86_REG_CS) & HVEMU_X64_CPL;
    frame->mode |= get(engine, UC_X86_REG_CR0) & 1 ? HVEMU_X64_PE : 0;
    frame->mode |= efer.value & 0x400 ? HVEMU_X64_LMA : 0;
}

static void write_back(struct engine *engine, const struct hvemu_x64_frame *frame)
{
    if (frame->changed & HVEMU_X64_RAX)
        set(engine, UC_X86_REG_RAX, frame->rax);
    if (frame->changed & HVEMU_X64_RCX)
        set(engine, UC_X86_REG_RCX, frame->rcx);
    if (frame->changed & HVEMU_X64_RDX)
        set(engine, UC_X86_REG_RDX, frame->rdx);
    if (frame->changed & HVEMU_X64_R8)
        set(engine, UC_X86_REG_R8, frame->r8);
}

/* Runs before the OUT at the beginning of the hypercall page. */
static void on_hypercall(uc_engine *uc, uint64_t address, uint32_t bytes, void *ctx)
{
    struct engine *engine = ctx;
    struct hvemu_x64_frame frame;

    (void)uc, (void)bytes;
    fill_frame(engine, &frame);
    switch (vmm_hypercall(engine->vmm, &frame)) {
    case HVEMU_STEP: /* the OUT may follow: on_out() ignores it */
        write_back(engine, &frame);
        break;
    case HVEMU_REPEAT:
        write_back(engine, &frame);
        set(engine, UC_X86_REG_RIP, address);
        break;
    case HVEMU_UD:
        if (enter_gate(engine, UNDEFINED_INSTRUCTION, NO_ERROR_CODE))
            leave(engine);
        break;
    default:
        leave(engine);
        break;
    }
}

/* Runs before a RDMSR or WRMSR. Those of Unicorn's own MSRs are left to it. */
static void on_msr(uc_engine *uc, uint64_t address, uint32_t bytes, void *ctx)
{
    struct engine *engine = ctx;
    const uint32_t msr = (uint32_t)get(engine, UC_X86_REG_RCX);
    const uint8_t wrmsr = 0x30;
    enum hvemu_action action;
    uint8_t code[2] = {0};
    uint64_t value;

    (void)bytes;
    if (msr - VMM_MSR_FIRST >= VMM_MSR_COUNT)
        return;
    uc_mem_read(uc, address, code, sizeof code);
    if (code[1] == wrmsr) {
        value = get(engine, UC_X86_REG_RDX) << 32 | (uint32_t)get(engine, UC_X86_REG_RAX);
        action = vmm_wrmsr(engine->vmm, msr, value);
    } else
        action = vmm_rdmsr(engine->vmm, msr, &value);
    if (action == HVEMU_STEP) {
        if (code[1] != wrmsr) {
            set(engine, UC_X86_REG_RAX, (uint32_t)value);
            set(engine, UC_X86_REG_RDX, value >> 32);
        }
        set(engine, UC_X86_REG_RIP, address + sizeof code);
    } else if (action != HVEMU_GP || enter_gate(engine, GENERAL_PROTECTION, 0))
        leave(engine);
}

/* Remembers the address, and declines: the run ends with UC_ERR_WRITE_PROT. */
static bool on_write_protected(uc_engine *uc, uc_mem_type type, uint64_t address, int bytes,
                               int64_t value, void *ctx)
{
    struct engine *engine = ctx;

    (void)uc, (void)type, (void)bytes, (void)value;
    engine->written = address;
    return false;
}

/* ---- Memory ---- */

static int map(struct engine *engine, uint64_t gpa, uint8_t *at, uint32_t rights)
{
    uc_err error = uc_mem_unmap(engine->uc, gpa, PAGE);

    if (error == UC_ERR_OK)
        error = uc_mem_map_ptr(engine->uc, gpa, PAGE, rights, at);
    if (error == UC_ERR_OK) /* no code of what was there may run any more */
        error = uc_ctl_remove_cache(engine->uc, gpa, gpa + PAGE);
    if (error != UC_ERR_OK)
        warnx("mapping 0x%llx: %s", (unsigned long long)gpa, uc_strerror(error));
    return error == UC_ERR_OK ? 0 : -1;
}

static uc_err hook_code(struct engine *engine, uc_hook *hook, uintptr_t callback, uint64_t at)
{
    return uc_hook_add(engine->uc, hook, UC_HOOK_CODE, (void *)callback, engine, at, at);
}

static int unicorn_overlay(struct engine *engine, uint64_t gpa, uint8_t *page)
{
    if (engine->overlay) {
        uc_hook_del(engine->uc, engine->overlay_hook);
        if (map(engine, engine->overlay, vmm_memory(engine->vmm) + engine->overlay, UC_PROT_ALL))
            return -1;
        engine->overlay = 0;
    }
    if (!page)
        return 0;
    if (map(engine, gpa, page, UC_PROT_READ | UC_PROT_EXEC))
        return -1;
    engine->overlay = gpa;
    return hook_code(engine, &engine->overlay_hook, (uintptr_t)on_hypercall, gpa) == UC_ERR_OK ? 0
                                                                                               : -1;
}

/* ---- Making it ---- */

/* Unicorn has no hook for RDMSR (0F 32) and WRMSR (0F 30), so each gets one on its place. It has to
 * be there before the code runs: the image is searched when it is loaded. Bytes that only look like
 * one are never executed from there. */
static uc_err hook_msrs(struct engine *engine)
{
    const uint8_t *memory = vmm_memory(engine->vmm);
    uc_err error = UC_ERR_OK;
    uc_hook hook;

    for (uint64_t at = GUEST_IMAGE; at + 1 < GUEST_STACK && error == UC_ERR_OK; at++)
        if (memory[at] == 0x0F && (memory[at + 1] == 0x30 || memory[at + 1] == 0x32))
            error = hook_code(engine, &hook, (uintptr_t)on_msr, at);
    return error;
}

static uc_err add_hooks(struct engine *engine)
{
    const struct {
        int type, instruction;
        uintptr_t callback;
    } hooks[] = {
        {UC_HOOK_BLOCK, 0, (uintptr_t)on_block},
        {UC_HOOK_INSN, UC_X86_INS_OUT, (uintptr_t)on_out},
        {UC_HOOK_INSN, UC_X86_INS_IN, (uintptr_t)on_in},
        {UC_HOOK_INSN, UC_X86_INS_CPUID, (uintptr_t)on_cpuid},
        {UC_HOOK_MEM_WRITE_PROT, 0, (uintptr_t)on_write_protected},
    };

    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
        uc_hook hook;
        const uc_err error =
            uc_hook_add(engine->uc, &hook, hooks[i].type, (void *)hooks[i].callback, engine, 1, 0,
                        hooks[i].instruction);
        if (error != UC_ERR_OK)
            return error;
    }
    return hook_msrs(engine);
}

/* Unicorn starts in 64-bit mode without paging: every address is itself, as promised. */
static uc_err make(struct engine *engine)
{
    const uc_x86_mmr gdtr = {.base = GUEST_GDT, .limit = 3 * 8 - 1};
    uc_err error = uc_open(UC_ARCH_X86, UC_MODE_64, &engine->uc);

    if (error == UC_ERR_OK)
        error = uc_mem_map_ptr(engine->uc, 0, GUEST_MEMORY, UC_PROT_ALL, vmm_memory(engine->vmm));
    if (error == UC_ERR_OK)
        error = add_hooks(engine);
    if (error != UC_ERR_OK)
        return error;
    uc_reg_write(engine->uc, UC_X86_REG_GDTR, &gdtr);
    set(engine, UC_X86_REG_CS, GUEST_CS);
    set(engine, UC_X86_REG_SS, GUEST_SS);
    set(engine, UC_X86_REG_DS, GUEST_SS);
    set(engine, UC_X86_REG_ES, GUEST_SS);
    set(engine, UC_X86_REG_RIP, GUEST_IMAGE);
    return UC_ERR_OK;
}

static void unicorn_close(struct engine *engine)
{
    if (engine->uc)
        uc_close(engine->uc);
    free(engine);
}

static struct engine *unicorn_open(struct vmm *vmm, const char **why)
{
    struct engine *engine = calloc(1, sizeof *engine);
    uc_err error;

    if (!engine)
        err(2, "memory");
    engine->vmm = vmm;
    error = make(engine);
    if (error != UC_ERR_OK) {
        *why = uc_strerror(error);
        unicorn_close(engine);
        return NULL;
    }
    return engine;
}

static enum engine_stop unicorn_run(struct engine *engine, int want_window)
{
    uc_err error;

    engine->want_window = want_window;
    engine->stopped = 0;
    error = uc_emu_start(engine->uc, get(engine, UC_X86_REG_RIP), UINT64_MAX, 0, 0);
    if (error == UC_ERR_OK && engine->stopped) {
        /* Where there are code hooks, Unicorn leaves an older instruction pointer behind. */
        set(engine, UC_X86_REG_RIP, engine->stopped_at);
        return ENGINE_AGAIN;
    }
    if (error == UC_ERR_OK)
        return ENGINE_HALTED;
    if (error == UC_ERR_WRITE_PROT && engine->written - engine->overlay < PAGE)
        return enter_gate(engine, GENERAL_PROTECTION, 0) ? ENGINE_BROKEN : ENGINE_AGAIN;
    warnx("%s at 0x%llx", uc_strerror(error), (unsigned long long)get(engine, UC_X86_REG_RIP));
    return ENGINE_BROKEN;
}

const struct engine_ops engine_unicorn = {
    .name = "unicorn",
    .open = unicorn_open,
    .close = unicorn_close,
    .overlay = unicorn_overlay,
    .kick = unicorn_kick,
    .forget_kick = unicorn_forget_kick,
    .window = unicorn_window,
    .interrupt = unicorn_interrupt,
    .run = unicorn_run,
};
