/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The guest on KVM, by its ioctls alone. There is no interrupt controller in the kernel: an
 * external interrupt is KVM_INTERRUPT at an open window. The hypercall instruction is an OUT, as
 * VMCALL does not get out of the kernel. */

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine.h"
#include "guest/protocol.h"

enum { PAGE = 4096, SYNC = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS };
enum { UNDEFINED_INSTRUCTION = 6, GENERAL_PROTECTION = 13 };
enum { OUT_BYTES = 2 }; /* of OUT %al, $PORT_HYPERCALL */

struct engine {
    struct vmm *vmm;
    int kvm, vm, vcpu;
    struct kvm_run *run; /* with the registers of the last exit in run->s.regs */
    size_t run_bytes;
    pthread_t thread; /* VP 0's, once `entered` */
    atomic_int entered;
};

/* ---- Memory ---- */

static int set_slot(struct engine *engine, uint32_t slot, uint64_t gpa, uint64_t bytes, void *at,
                    uint32_t flags)
{
    struct kvm_userspace_memory_region region = {
        .slot = slot,
        .flags = flags,
        .guest_phys_addr = gpa,
        .memory_size = bytes,
        .userspace_addr = (uintptr_t)at,
    };

    return ioctl(engine->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* Slots cannot overlap, so memory is what lies before the overlay, the overlay, and the rest. */
static int set_memory(struct engine *engine, uint64_t gpa, uint8_t *page)
{
    uint8_t *memory = vmm_memory(engine->vmm);
    const uint64_t first = page ? gpa : GUEST_MEMORY, rest = gpa + PAGE;

    for (uint32_t slot = 0; slot < 3; slot++)
        (void)set_slot(engine, slot, 0, 0, memory, 0); /* removes it, if it is there */
    if (first && set_slot(engine, 0, 0, first, memory, 0))
        return -1;
    if (page && set_slot(engine, 1, gpa, PAGE, page, KVM_MEM_READONLY))
        return -1;
    if (page && rest < GUEST_MEMORY &&
        set_slot(engine, 2, rest, GUEST_MEMORY - rest, memory + rest, 0))
        return -1;
    return 0;
}

static int kvm_overlay(struct engine *engine, uint64_t gpa, uint8_t *page)
{
    const int result = set_memory(engine, gpa, page);

    if (result)
        warn("KVM_SET_USER_MEMORY_REGION");
    return result;
}

/* ---- Making it ---- */

/* The synthetic MSRs come to us, and so do those that KVM does not know. */
static int filter_msrs(struct engine *engine)
{
    static uint8_t none_allowed[VMM_MSR_COUNT / 8] = {0};
    struct kvm_enable_cap to_user_space = {
        .cap = KVM_CAP_X86_USER_SPACE_MSR,
        .args = {KVM_MSR_EXIT_REASON_FILTER | KVM_MSR_EXIT_REASON_UNKNOWN},
    };
    struct kvm_msr_filter filter = {
        .flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
        .ranges = {{
            .flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
            .base = VMM_MSR_FIRST,
            .nmsrs = VMM_MSR_COUNT,
            .bitmap = none_allowed,
        }},
    };

    if (ioctl(engine->vm, KVM_ENABLE_CAP, &to_user_space))
        return -1;
    return ioctl(engine->vm, KVM_X86_SET_MSR_FILTER, &filter);
}

static void take_leaf(struct engine *engine, struct kvm_cpuid_entry2 *entry)
{
    uint32_t regs[4] = {entry->eax, entry->ebx, entry->ecx, entry->edx};

    if (!vmm_cpuid(engine->vmm, entry->function, regs))
        return;
    entry->eax = regs[0];
    entry->ebx = regs[1];
    entry->ecx = regs[2];
    entry->edx = regs[3];
}

/* The host's leaves, but of a hypervisor only ours. KVM wants them all at once. */
static int set_cpuid(struct engine *engine)
{
    enum { MOST = 256, OURS = 16 };
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof *cpuid + MOST * sizeof *cpuid->entries);
    uint32_t count = 0, regs[4];
    int result;

    if (!cpuid)
        return -1;
    cpuid->nent = MOST - OURS;
    result = ioctl(engine->kvm, KVM_GET_SUPPORTED_CPUID, cpuid);
    for (uint32_t i = 0; !result && i < cpuid->nent; i++)
        if (cpuid->entries[i].function >> 28 != 4)
            cpuid->entries[count++] = cpuid->entries[i];
    for (uint32_t i = 0; i < OURS && vmm_cpuid(engine->vmm, 0x40000000 + i, regs); i++)
        cpuid->entries[count++] = (struct kvm_cpuid_entry2){.function = 0x40000000 + i};
    for (uint32_t i = 0; i < count; i++)
        take_leaf(engine, &cpuid->entries[i]);
    cpuid->nent = count;
    if (!result)
        result = ioctl(engine->vcpu, KVM_SET_CPUID2, cpuid);
    free(cpuid);
    return result;
}

static int set_registers(struct engine *engine)
{
    const struct kvm_segment code = {.selector = GUEST_CS,
                                     .limit = UINT32_MAX,
                                     .type = 11, /* execute, read, accessed */
                                     .present = 1,
                                     .s = 1,
                                     .l = 1,
                                     .g = 1};
    const struct kvm_segment data = {.selector = GUEST_SS,
                                     .limit = UINT32_MAX,
                                     .type = 3, /* read, write, accessed */
                                     .present = 1,
                                     .s = 1,
                                     .db = 1,
                                     .g = 1};
    const struct kvm_regs regs = {.rip = GUEST_IMAGE, .rflags = 2};
    struct kvm_sregs sregs;

    if (ioctl(engine->vcpu, KVM_GET_SREGS, &sregs))
        return -1;
    sregs.cs = code;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.gdt.base = GUEST_GDT;
    sregs.gdt.limit = 3 * 8 - 1;
    sregs.cr3 = GUEST_TABLES;
    sregs.cr4 = 0x20;       /* PAE */
    sregs.cr0 = 0x80010033; /* PG, WP, NE, ET, MP, PE */
    sregs.efer = 0x500;     /* LMA, LME */
    if (ioctl(engine->vcpu, KVM_SET_SREGS, &sregs))
        return -1;
    return ioctl(engine->vcpu, KVM_SET_REGS, &regs);
}

static const char *missing_capability(int kvm)
{
    static const struct {
        int capability, bits;
        const char *name;
    } wanted[] = {
        {KVM_CAP_IMMEDIATE_EXIT, 1, "KVM_CAP_IMMEDIATE_EXIT"},
        {KVM_CAP_READONLY_MEM, 1, "KVM_CAP_READONLY_MEM"},
        {KVM_CAP_SYNC_REGS, SYNC, "KVM_CAP_SYNC_REGS"},
        {KVM_CAP_X86_USER_SPACE_MSR, 1, "KVM_CAP_X86_USER_SPACE_MSR"},
        {KVM_CAP_X86_MSR_FILTER, 1, "KVM_CAP_X86_MSR_FILTER"},
    };

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const int has = ioctl(kvm, KVM_CHECK_EXTENSION, wanted[i].capability);
        if (has < 0 || (has & wanted[i].bits) != wanted[i].bits)
            return wanted[i].name;
    }
    return NULL;
}

static void kvm_close(struct engine *engine)
{
    if (engine->run)
        munmap(engine->run, engine->run_bytes);
    if (engine->vcpu >= 0)
        close(engine->vcpu);
    if (engine->vm >= 0)
        close(engine->vm);
    if (engine->kvm >= 0)
        close(engine->kvm);
    free(engine);
}

/* NULL, or what could not be done, with errno. */
static const char *make(struct engine *engine)
{
    const char *missing;
    void *run;
    int bytes;

    engine->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (engine->kvm < 0)
        return "/dev/kvm";
    missing = missing_capability(engine->kvm);
    if (missing) {
        errno = ENOSYS;
        return missing;
    }
    engine->vm = ioctl(engine->kvm, KVM_CREATE_VM, 0);
    if (engine->vm < 0)
        return "KVM_CREATE_VM";
    if (set_memory(engine, 0, NULL))
        return "KVM_SET_USER_MEMORY_REGION";
    if (filter_msrs(engine))
        return "KVM_X86_SET_MSR_FILTER";
    engine->vcpu = ioctl(engine->vm, KVM_CREATE_VCPU, 0);
    if (engine->vcpu < 0)
        return "KVM_CREATE_VCPU";
    bytes = ioctl(engine->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (bytes <= 0)
        return "KVM_GET_VCPU_MMAP_SIZE";
    run = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, engine->vcpu, 0);
    if (run == MAP_FAILED)
        return "mmap";
    engine->run = run;
    engine->run_bytes = (size_t)bytes;
    engine->run->kvm_valid_regs = SYNC;
    if (set_cpuid(engine))
        return "KVM_SET_CPUID2";
    if (set_registers(engine))
        return "KVM_SET_SREGS";
    return NULL;
}

/* Only there to interrupt KVM_RUN. */
static void on_kick(int signal)
{
    (void)signal;
}

static struct engine *kvm_open(struct vmm *vmm, const char **why)
{
    static char reason[128];
    const struct sigaction action = {.sa_handler = on_kick, .sa_flags = SA_RESTART};
    struct engine *engine = calloc(1, sizeof *engine);
    const char *failed;

    if (!engine)
        err(2, "memory");
    engine->vmm = vmm;
    engine->kvm = engine->vm = engine->vcpu = -1;
    failed = make(engine);
    if (failed) {
        strlcpy(reason, failed, sizeof reason);
        strlcat(reason, ": ", sizeof reason);
        strlcat(reason, strerror(errno), sizeof reason);
        *why = reason;
        kvm_close(engine);
        return NULL;
    }
    sigaction(SIGUSR1, &action, NULL);
    return engine;
}

/* ---- Kicks and interrupts ---- */

/* The flag serves a thread that is about to enter the guest, the signal one that is there. */
static void kvm_kick(struct engine *engine)
{
    __atomic_store_n(&engine->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    if (atomic_load(&engine->entered) && !pthread_equal(engine->thread, pthread_self()))
        pthread_kill(engine->thread, SIGUSR1);
}

static void kvm_forget_kick(struct engine *engine)
{
    __atomic_store_n(&engine->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
}

/* An event that the processor has not taken yet must not be replaced, and KVM would not object. */
static int kvm_window(struct engine *engine)
{
    const struct kvm_run *run = engine->run;

    return run->ready_for_interrupt_injection && run->if_flag &&
           !run->s.regs.events.interrupt.injected && !run->s.regs.events.exception.injected;
}

static void kvm_interrupt(struct engine *engine, uint8_t vector)
{
    struct kvm_interrupt interrupt = {.irq = vector};

    if (ioctl(engine->vcpu, KVM_INTERRUPT, &interrupt))
        err(2, "KVM_INTERRUPT");
    engine->run->ready_for_interrupt_injection = 0; /* until the next exit says otherwise */
}

/* ---- Exits ---- */

/* An access to a port or to memory is only complete with the next KVM_RUN. This completes it, and
 * with the instruction pointer behind the instruction, on every host. immediate_exit stays set: it
 * may be a kick. */
static int complete_access(struct engine *engine)
{
    __atomic_store_n(&engine->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    if (ioctl(engine->vcpu, KVM_RUN, 0) == 0 || errno != EINTR) {
        warnx("KVM_RUN does not complete an access");
        return -1;
    }
    return 0;
}

static int raise_exception(struct engine *engine, uint8_t vector, int has_error)
{
    struct kvm_vcpu_events events;

    if (ioctl(engine->vcpu, KVM_GET_VCPU_EVENTS, &events)) {
        warn("KVM_GET_VCPU_EVENTS");
        return -1;
    }
    events.exception.injected = 1;
    events.exception.nr = vector;
    events.exception.has_error_code = (uint8_t)has_error;
    events.exception.error_code = 0;
    if (ioctl(engine->vcpu, KVM_SET_VCPU_EVENTS, &events)) {
        warn("KVM_SET_VCPU_EVENTS");
        return -1;
    }
    engine->run->s.regs.events.exception.injected = 1;
    return 0;
}

static void fill_frame(const struct engine *engine, struct hvemu_x64_frame *frame)
{
    const struct kvm_regs *regs = &engine->run->s.regs.regs;
    const struct kvm_sregs *sregs = &engine->run->s.regs.sregs;

    *frame = (struct hvemu_x64_frame){
        .rax = regs->rax,
        .rcx = regs->rcx,
        .rdx = regs->rdx,
        .rbx = regs->rbx,
        .rsi = regs->rsi,
        .rdi = regs->rdi,
        .r8 = regs->r8,
    };
    frame->mode = sregs->ss.dpl & HVEMU_X64_CPL;
    frame->mode |= sregs->cr0 & 1 ? HVEMU_X64_PE : 0;
    frame->mode |= sregs->efer & 0x400 ? HVEMU_X64_LMA : 0;
    frame->mode |= sregs->cs.l ? HVEMU_X64_CS_L : 0;
}

static void write_back(struct engine *engine, const struct hvemu_x64_frame *frame)
{
    struct kvm_regs *regs = &engine->run->s.regs.regs;

    if (frame->changed & HVEMU_X64_RAX)
        regs->rax = frame->rax;
    if (frame->changed & HVEMU_X64_RCX)
        regs->rcx = frame->rcx;
    if (frame->changed & HVEMU_X64_RDX)
        regs->rdx = frame->rdx;
    if (frame->changed & HVEMU_X64_R8)
        regs->r8 = frame->r8;
    engine->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
}

static enum engine_stop on_hypercall(struct engine *engine)
{
    struct hvemu_x64_frame frame;
    enum hvemu_action action;

    fill_frame(engine, &frame);
    action = vmm_hypercall(engine->vmm, &frame);
    if (action == HVEMU_STEP) /* KVM steps over the OUT by itself */
        write_back(engine, &frame);
    if (action != HVEMU_UD && action != HVEMU_REPEAT)
        return ENGINE_AGAIN;

    /* The guest is to find itself at the OUT. */
    if (complete_access(engine))
        return ENGINE_BROKEN;
    engine->run->s.regs.regs.rip -= OUT_BYTES;
    engine->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
    if (action == HVEMU_REPEAT)
        write_back(engine, &frame);
    else if (raise_exception(engine, UNDEFINED_INSTRUCTION, 0))
        return ENGINE_BROKEN;
    return ENGINE_AGAIN;
}

static enum engine_stop on_port(struct engine *engine)
{
    struct kvm_run *run = engine->run;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;

    if (run->io.direction == KVM_EXIT_IO_OUT && run->io.port == PORT_HYPERCALL)
        return on_hypercall(engine);
    for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
        uint32_t value = 0;

        if (run->io.direction == KVM_EXIT_IO_OUT) {
            memcpy(&value, data, run->io.size);
            vmm_out(engine->vmm, run->io.port, value);
        } else {
            value = vmm_in(engine->vmm, run->io.port);
            memcpy(data, &value, run->io.size);
        }
    }
    return ENGINE_AGAIN;
}

/* Memory that is not there reads as ones and takes no writes, but writing to the hypercall page is
 * an error. KVM has emulated that instruction by now, so #GP comes behind it instead of at it. */
static enum engine_stop on_memory(struct engine *engine)
{
    struct kvm_run *run = engine->run;

    if (!run->mmio.is_write) {
        memset(run->mmio.data, 0xFF, sizeof run->mmio.data);
        return ENGINE_AGAIN;
    }
    if (run->mmio.phys_addr >= GUEST_MEMORY)
        return ENGINE_AGAIN;
    if (complete_access(engine) || raise_exception(engine, GENERAL_PROTECTION, 1))
        return ENGINE_BROKEN;
    return ENGINE_AGAIN;
}

static enum engine_stop on_msr(struct engine *engine)
{
    struct kvm_run *run = engine->run;
    const int is_ours = run->msr.index - VMM_MSR_FIRST < VMM_MSR_COUNT;
    uint64_t value = run->msr.data;
    enum hvemu_action action = HVEMU_GP;

    if (is_ours && run->exit_reason == KVM_EXIT_X86_RDMSR)
        action = vmm_rdmsr(engine->vmm, run->msr.index, &value);
    else if (is_ours)
        action = vmm_wrmsr(engine->vmm, run->msr.index, value);
    run->msr.data = value;
    run->msr.error = action != HVEMU_STEP; /* #GP at the instruction */
    return ENGINE_AGAIN;
}

static enum engine_stop handle_exit(struct engine *engine)
{
    switch (engine->run->exit_reason) {
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_INTR:
        return ENGINE_AGAIN;
    case KVM_EXIT_IO:
        return on_port(engine);
    case KVM_EXIT_MMIO:
        return on_memory(engine);
    case KVM_EXIT_X86_RDMSR:
    case KVM_EXIT_X86_WRMSR:
        return on_msr(engine);
    case KVM_EXIT_HLT:
        return ENGINE_HALTED;
    case KVM_EXIT_INTERNAL_ERROR:
        warnx("KVM internal error %u at 0x%llx", engine->run->internal.suberror,
              engine->run->s.regs.regs.rip);
        return ENGINE_BROKEN;
    default:
        warnx("KVM exit %u at 0x%llx", engine->run->exit_reason, engine->run->s.regs.regs.rip);
        return ENGINE_BROKEN;
    }
}

static enum engine_stop kvm_run(struct engine *engine, int want_window)
{
    if (!atomic_load(&engine->entered)) {
        engine->thread = pthread_self();
        atomic_store(&engine->entered, 1);
    }
    engine->run->request_interrupt_window = (uint8_t)want_window;
    if (ioctl(engine->vcpu, KVM_RUN, 0) == 0)
        return handle_exit(engine);
    if (errno == EINTR || errno == EAGAIN)
        return ENGINE_AGAIN;
    warn("KVM_RUN");
    return ENGINE_BROKEN;
}

const struct engine_ops engine_kvm = {
    .name = "kvm",
    .open = kvm_open,
    .close = kvm_close,
    .overlay = kvm_overlay,
    .kick = kvm_kick,
    .forget_kick = kvm_forget_kick,
    .window = kvm_window,
    .interrupt = kvm_interrupt,
    .run = kvm_run,
};
