/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The VMM is the root partition, and so the parent of its guest. It has three threads: the main
 * one, which owns the partition's life; VP 0's, which runs the guest; and at times the timer's. All
 * of them are attached to the root, and the Hv* functions are the hypercalls they make. */

#define _GNU_SOURCE
#include <err.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <hvgdk/hvgdk.h>

#include "guest/protocol.h"
#include "story.h"
#include "vmm.h"
#include "wire.h"

extern const uint8_t guest_image[], guest_image_end[];

/* What was done so far of the VMM's own call that the guest is in. */
struct list {
    uint32_t repeats, elements;
    uint64_t sum;
};

struct vmm {
    struct hvemu *hv;
    struct hvemu_caller root;
    uint64_t guest;
    struct hvemu_vp *vp;

    const struct engine_ops *ops;
    struct engine *engine;
    uint8_t *memory, *page; /* the guest's, and what lies over it as hypercall page */
    pthread_t thread;       /* VP 0's */
    sem_t wake;             /* posted with every kick, for when VP 0 is halted */
    atomic_int stop;        /* VP 0 is not to enter the guest any more */
    sem_t done;             /* posted by VP 0: the guest has no more to do, or cannot go on */

    struct wire wire;
    uint32_t acknowledged; /* vectors that VP 0 took since they were compared last */
    uint32_t handled;      /* by the guest, in all */

    struct list list;

    struct bench *bench; /* NULL: there is a story instead */
};

/* The guest has handled this many interrupts. None may be lost, and none doubled, on the way. */
static void compare_counts(struct vmm *vmm, uint32_t handled)
{
    struct wire_counts *counts = &vmm->wire.counts;

    wire_join_timer(&vmm->wire);
    tell("raised %u, asserted %u, withdrawn %u, acknowledged %u, cleared %u, handled %u, EOIs %u",
         counts->raised, counts->asserted, counts->withdrawn, vmm->acknowledged, counts->cleared,
         handled, counts->ended);
    check(counts->raised == vmm->acknowledged, "an interrupt was lost or doubled");
    check(counts->asserted == vmm->acknowledged + counts->withdrawn,
          "an assertion was neither taken nor withdrawn");
    check(counts->cleared == vmm->acknowledged, "an acknowledgement was not cleared");
    check(handled == vmm->acknowledged, "the guest has handled another number");
    check(counts->ended == (vmm->wire.pic.auto_eoi ? 0 : handled), "the number of EOIs");
    vmm->handled += handled;
    vmm->acknowledged = 0;
    *counts = (struct wire_counts){0};
}

/* ---- Calls of the VMM's own ---- */

/* One element of a call of protocol.h. Each has to come once, in order, however often the guest
 * executes its instruction. Every other one waits for a tick, which the guest takes before it goes
 * on, so that all of them come between elements. */
static uint16_t add_element(const struct hvemu_invocation *invocation, const void *in,
                            const void *item, void *out)
{
    struct vmm *vmm = invocation->ctx;
    struct list *list = &vmm->list;
    uint64_t value = 0, header[2] = {0};

    if (invocation->header_bytes)
        memcpy(header, in, sizeof header);
    memcpy(&value, item, invocation->call->in_each);
    check(invocation->index == list->elements, "an element was lost or doubled");
    if (!value)
        return HV_STATUS_INVALID_PARAMETER;
    if (!list->elements++)
        wire_start_timer(&vmm->wire, (uint32_t)header[0]);
    list->sum += value;
    value = header[1] + list->sum;
    if (out)
        memcpy(out, &value, sizeof value);
    if (invocation->index & 1)
        wire_await_tick(&vmm->wire);
    return HV_STATUS_SUCCESS;
}

static const struct hvemu_descriptor own_calls[] = {
    {.size = sizeof own_calls[0],
     .name = "SumList",
     .handler = add_element,
     .code = CALL_SUM_LIST,
     .form = HVEMU_REP,
     .in = 16,
     .in_each = 8,
     .out_each = 8},
    {.size = sizeof own_calls[0],
     .name = "SumFew",
     .handler = add_element,
     .code = CALL_SUM_FEW,
     .form = HVEMU_REP,
     .in_each = 4},
};
enum { OWN_CALLS = sizeof own_calls / sizeof *own_calls };

static const struct hvemu_descriptor *own_call(uint16_t code)
{
    for (size_t i = 0; i < OWN_CALLS; i++)
        if (own_calls[i].code == code)
            return &own_calls[i];
    return NULL;
}

/* All executions of a call of our own, in one line. */
static void tell_own_call(struct vmm *vmm, const struct hvemu_descriptor *call,
                          const struct hvemu_x64_frame *after, enum hvemu_action action)
{
    const unsigned done =
        (after->rax & HV_HYPERCALL_RESULT_REPS_MASK) >> HV_HYPERCALL_RESULT_REPS_SHIFT;

    if (action == HVEMU_REPEAT) {
        vmm->list.repeats++;
        return;
    }
    tell("%s (0x%04X): %u times HVEMU_REPEAT, then %s -> %s, done %u", call->name, call->code,
         vmm->list.repeats, hvemu_action_name(action), hvemu_status_name((uint16_t)after->rax),
         done);
    check(done == vmm->list.elements, "the number of elements");
    vmm->list = (struct list){0};
}

/* ---- Exits ---- */

uint8_t *vmm_memory(struct vmm *vmm)
{
    return vmm->memory;
}

int vmm_cpuid(struct vmm *vmm, uint32_t leaf, uint32_t regs[4])
{
    if (leaf == 1)
        regs[2] |= HV_CPUID_1_ECX_HYPERVISOR_PRESENT;
    return leaf == 1 || hvemu_x64_cpuid(vmm->hv, vmm->guest, leaf, regs) == HVEMU_STEP;
}

/* What an engine cannot do anything about ends the guest. */
static enum hvemu_action give_up(struct vmm *vmm, enum hvemu_action action)
{
    if (action != HVEMU_GONE) {
        warnx("the library answered %s", hvemu_action_name(action));
        check(0, "the guest cannot go on");
    }
    atomic_store(&vmm->stop, 1);
    return HVEMU_GONE;
}

static const char *msr_name(uint32_t msr)
{
    switch (msr) {
    case HV_X64_MSR_GUEST_OS_ID:
        return "GUEST_OS_ID";
    case HV_X64_MSR_HYPERCALL:
        return "HYPERCALL";
    case HV_X64_MSR_VP_INDEX:
        return "VP_INDEX";
    default:
        return "another MSR";
    }
}

enum hvemu_action vmm_rdmsr(struct vmm *vmm, uint32_t msr, uint64_t *value)
{
    const enum hvemu_action action = hvemu_x64_rdmsr(vmm->vp, msr, value);

    if (action == HVEMU_STEP)
        tell("RDMSR %s = 0x%016llX", msr_name(msr), (unsigned long long)*value);
    else
        tell("RDMSR %s: %s", msr_name(msr), hvemu_action_name(action));
    switch (action) {
    case HVEMU_STEP:
    case HVEMU_GP:
        return action;
    case HVEMU_PASS: /* we have no others */
        return HVEMU_GP;
    default:
        return give_up(vmm, action);
    }
}

enum hvemu_action vmm_wrmsr(struct vmm *vmm, uint32_t msr, uint64_t value)
{
    enum hvemu_action action;

    while ((action = hvemu_x64_wrmsr(vmm->vp, msr, value)) == HVEMU_REPEAT)
        sched_yield();
    tell("WRMSR %s = 0x%016llX: %s", msr_name(msr), (unsigned long long)value,
         hvemu_action_name(action));
    switch (action) {
    case HVEMU_STEP:
    case HVEMU_GP:
        return action;
    case HVEMU_PASS:
        return HVEMU_GP;
    default:
        return give_up(vmm, action);
    }
}

/* The call as the library's decoder sees it, and what became of it. */
static void tell_hypercall(const struct vmm *vmm, const struct hvemu_x64_frame *before,
                           const struct hvemu_x64_frame *after, enum hvemu_action action)
{
    struct hvemu_call call = {0};
    char text[200];

    if (hvemu_x64_decode(vmm->hv, before, 0, &call) != HVEMU_STEP) {
        tell("%s: %s", hvemu_call_name(vmm->hv, (uint16_t)before->rcx), hvemu_action_name(action));
        return;
    }
    call.status = HV_STATUS_SUCCESS; /* the decoder's opinion; the answer follows */
    call.executed = action == HVEMU_STEP;
    call.result = after->rax;
    hvemu_call_format(vmm->hv, &call, text, sizeof text);
    if (action == HVEMU_STEP)
        tell("%s", text);
    else if (action == HVEMU_INTERCEPT)
        tell("%s -> HVEMU_INTERCEPT, %s", text, hvemu_status_name((uint16_t)after->rax));
    else
        tell("%s: %s", text, hvemu_action_name(action));
}

static enum hvemu_action carry_out(struct vmm *vmm, struct hvemu_x64_frame *frame)
{
    const struct hvemu_x64_frame before = *frame;
    const enum hvemu_action action = hvemu_x64_hypercall(vmm->vp, frame);
    const struct hvemu_descriptor *own = own_call((uint16_t)before.rcx);

    if (action == HVEMU_INTERCEPT) /* no such memory; nobody here could mend that */
        hvemu_x64_finish(frame, HV_STATUS_INVALID_HYPERCALL_INPUT, 0);
    if (own)
        tell_own_call(vmm, own, frame, action);
    else if (action != HVEMU_REPEAT)
        tell_hypercall(vmm, &before, frame, action);
    return action;
}

enum hvemu_action vmm_hypercall(struct vmm *vmm, struct hvemu_x64_frame *frame)
{
    const enum hvemu_action action =
        vmm->bench ? bench_hypercall(vmm->bench, vmm->vp, frame) : carry_out(vmm, frame);

    switch (action) {
    case HVEMU_STEP:
    case HVEMU_REPEAT:
    case HVEMU_UD:
        return action;
    case HVEMU_INTERCEPT:
        return HVEMU_STEP;
    case HVEMU_PASS: /* the interface is not enabled, and there is no other one */
        return HVEMU_UD;
    default: /* NEED_XMM cannot be: this VMM does not advertise XMM registers */
        return give_up(vmm, action);
    }
}

static uint32_t next_batch(struct vmm *vmm)
{
    const uint32_t batch = vmm->bench ? bench_next(vmm->bench) : 0;

    if (vmm->bench && !batch) {
        atomic_store(&vmm->stop, 1);
        vmm->ops->kick(vmm->engine);
    }
    return batch;
}

/* The guest's report of what it got and what it should have got. */
static void check_report(uint32_t report)
{
    const unsigned got = report & 0xFFFF, wanted = report >> 16;

    if (got != wanted)
        tell("guest: got 0x%X instead of 0x%X:", got, wanted);
    check(got == wanted, "a check of the guest");
}

void vmm_out(struct vmm *vmm, uint16_t port, uint32_t value)
{
    switch (port) {
    case PORT_PIC:
    case PORT_PIC + 1:
        wire_write(&vmm->wire, port & 1, (uint8_t)value);
        break;
    case PORT_TEXT:
        tell_words((char)value);
        break;
    case PORT_STEP:
        tell_step(value);
        break;
    case PORT_CHECK:
        check_report(value);
        break;
    case PORT_LINE:
        wire_set_input(&vmm->wire, value & 7, (int)(value >> 8 & 1));
        break;
    case PORT_TIMER:
        wire_start_timer(&vmm->wire, value);
        break;
    case PORT_HANDLED:
        compare_counts(vmm, value);
        break;
    case PORT_LAST:
        sem_post(&vmm->done);
        break;
    default: /* a write to no device is lost */
        break;
    }
}

uint32_t vmm_in(struct vmm *vmm, uint16_t port)
{
    uint32_t value = UINT32_MAX;

    if (port == PORT_BENCH)
        value = next_batch(vmm);
    if (port == PORT_PIC || port == PORT_PIC + 1)
        value = wire_read(&vmm->wire, port & 1);
    return value;
}

/* ---- VP 0 ---- */

/* Takes the external interrupt: the library fixes the vector in the instant in which the engine
 * commits it to the processor. Returns whether there was one: it may be withdrawn until then. */
static int take_interrupt(struct vmm *vmm)
{
    uint8_t vector;
    int taken;

    wire_begin_taking(&vmm->wire);
    taken = hvemu_ext_int_acknowledge(vmm->vp, &vector) == HVEMU_OK;
    if (taken) {
        vmm->ops->interrupt(vmm->engine, vector);
        vmm->acknowledged++;
        if (wire_tells(&vmm->wire))
            tell("VP 0 takes vector 0x%02X", vector);
    }
    wire_end_taking(&vmm->wire);
    return taken;
}

static void run_guest(struct vmm *vmm)
{
    int halted = 0;

    for (;;) {
        int line;

        vmm->ops->forget_kick(vmm->engine); /* first, so that what kicked is seen below */
        if (atomic_load(&vmm->stop))
            return;
        line = hvemu_ext_int_line(vmm->vp);
        if (line && vmm->ops->window(vmm->engine)) {
            halted &= !take_interrupt(vmm);
        } else if (halted) {
            sem_wait(&vmm->wake);
        } else {
            switch (vmm->ops->run(vmm->engine, line)) {
            case ENGINE_AGAIN:
                break;
            case ENGINE_HALTED:
                halted = 1;
                break;
            case ENGINE_BROKEN:
                check(0, "the engine broke down");
                return;
            }
        }
    }
}

static void *vp_main(void *arg)
{
    struct vmm *vmm = arg;

    hvemu_attach(&vmm->root);
    run_guest(vmm);
    atomic_store(&vmm->stop, 1);
    wire_stop_timer(&vmm->wire);
    while (hvemu_vp_detach(vmm->vp) == HVEMU_E_BUSY)
        sched_yield();
    hvemu_attach(NULL);
    sem_post(&vmm->done);
    return NULL;
}

/* ---- What the library asks of its VMM ---- */

static void op_ext_int(void *ctx, uint64_t partition)
{
    struct vmm *vmm = ctx;

    if (partition != vmm->guest)
        return;
    vmm->ops->kick(vmm->engine);
    sem_post(&vmm->wake);
}

/* Guest memory. What lies under the hypercall page never gets here. */
static uint8_t *memory_at(struct vmm *vmm, uint64_t partition, uint64_t gpa, uint32_t bytes)
{
    if (partition != vmm->guest || gpa > GUEST_MEMORY || bytes > GUEST_MEMORY - gpa)
        return NULL;
    return vmm->memory + gpa;
}

static int op_gpa_read(void *ctx, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes)
{
    const uint8_t *from = memory_at(ctx, partition, gpa, bytes);

    if (!from)
        return HVEMU_MEM_NONE;
    memcpy(to, from, bytes);
    return HVEMU_MEM_OK;
}

static int op_gpa_writable(void *ctx, uint64_t partition, uint64_t gpa, uint32_t bytes)
{
    return memory_at(ctx, partition, gpa, bytes) ? HVEMU_MEM_OK : HVEMU_MEM_NONE;
}

static int op_gpa_write(void *ctx, uint64_t partition, uint64_t gpa, const void *from,
                        uint32_t bytes)
{
    uint8_t *to = memory_at(ctx, partition, gpa, bytes);

    if (!to)
        return HVEMU_MEM_NONE;
    memcpy(to, from, bytes);
    return HVEMU_MEM_OK;
}

/* VP 0 is the only processor, and it is the one that writes the MSR: it is out of the guest. */
static int op_overlay(void *ctx, uint64_t partition, uint64_t gpa, const uint8_t *code,
                      uint32_t bytes)
{
    struct vmm *vmm = ctx;

    if (!memory_at(vmm, partition, gpa, HV_PAGE_SIZE))
        return HVEMU_MEM_NONE;
    if (code) {
        memset(vmm->page, 0xCC, HV_PAGE_SIZE); /* INT3 */
        memcpy(vmm->page, code, bytes);
        tell("the hypercall page is at 0x%llX", (unsigned long long)gpa);
    } else
        tell("the hypercall page is gone");
    if (vmm->ops->overlay(vmm->engine, gpa, code ? vmm->page : NULL))
        return HVEMU_MEM_FAILED;
    return HVEMU_MEM_OK;
}

static void stop_guest(struct vmm *vmm)
{
    atomic_store(&vmm->stop, 1);
    vmm->ops->kick(vmm->engine);
    sem_post(&vmm->wake);
}

static uint16_t op_partition(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                             void **child_ctx)
{
    static const char *const names[] = {"created", "active", "to be stopped", "finalized",
                                        "deleted"};
    struct vmm *vmm = ctx;

    (void)creation, (void)child_ctx; /* every partition has this VMM */
    tell("partition %llu is %s", (unsigned long long)partition, names[event]);
    if (event == HVEMU_PARTITION_STOP && partition == vmm->guest)
        stop_guest(vmm);
    return HV_STATUS_SUCCESS;
}

/* ---- Life ---- */

static void load_file(uint8_t *memory, const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t bytes;

    if (!file)
        err(2, "%s", path);
    bytes = fread(memory + GUEST_IMAGE, 1, GUEST_STACK - GUEST_IMAGE, file);
    if (!bytes || getc(file) != EOF || ferror(file))
        errx(2, "%s is empty, too large for a guest, or cannot be read", path);
    fclose(file);
}

/* The memory image and the tables that protocol.h promises. */
static void load_guest(uint8_t *memory, const char *image)
{
    const uint64_t gdt[] = {0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF};
    const uint64_t present_writable = 3, large = 0x80;
    const uint64_t tables[] = {(GUEST_TABLES + 0x1000) | present_writable,
                               (GUEST_TABLES + 0x2000) | present_writable,
                               0 | present_writable | large};

    _Static_assert(GUEST_MEMORY == 0x200000, "one large page maps it");
    memcpy(memory + GUEST_GDT, gdt, sizeof gdt);
    for (size_t level = 0; level < 3; level++)
        memcpy(memory + GUEST_TABLES + level * 0x1000, &tables[level], sizeof tables[level]);
    if (image)
        load_file(memory, image);
    else
        memcpy(memory + GUEST_IMAGE, guest_image, (size_t)(guest_image_end - guest_image));
}

static void *allocate_pages(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED)
        err(2, "memory");
    return pages;
}

static void make_hypervisor(struct vmm *vmm)
{
    static const struct hvemu_config config = {
        .size = sizeof config,
        .partitions = 4,
        .vps = 1,
        .gpa_bits = 40,
        .page_code_bytes = 3,
        .page_code = {0xE6, PORT_HYPERCALL, 0xC3}, /* OUT %al, $PORT_HYPERCALL; RET */
        .calls = OWN_CALLS,
        .rep_budget = 1, /* so that the guest repeats every rep call */
    };
    static const struct hvemu_ops ops = {
        .size = sizeof ops,
        .ext_int = op_ext_int,
        .gpa_read = op_gpa_read,
        .gpa_writable = op_gpa_writable,
        .gpa_write = op_gpa_write,
        .overlay = op_overlay,
        .partition = op_partition,
    };
    const uint64_t privileges = HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS | HV_PRIVILEGE_ACCESS_VP_INDEX |
                                HV_PRIVILEGE_CREATE_PARTITIONS | HV_PRIVILEGE_ACCESS_PARTITION_ID;
    const size_t bytes = hvemu_memory_size(&config);
    void *memory = aligned_alloc(64, bytes);
    enum hvemu_result result;

    if (!memory)
        err(2, "memory");
    result = hvemu_init(&vmm->hv, memory, bytes, &config, &ops, vmm);
    if (result == HVEMU_OK) {
        vmm->root = (struct hvemu_caller){.hv = vmm->hv, .partition = hvemu_root(vmm->hv)};
        result = hvemu_add_guest(vmm->hv, vmm->root.partition, privileges, vmm, &vmm->guest);
    }
    for (size_t i = 0; i < OWN_CALLS && result == HVEMU_OK; i++)
        result = hvemu_register(vmm->hv, &own_calls[i]);
    if (result == HVEMU_OK)
        result = hvemu_vp_attach(vmm->hv, vmm->guest, 0, vmm, &vmm->vp);
    if (result != HVEMU_OK)
        errx(2, "libhvemu: %s", hvemu_result_text(result));
}

struct vmm *vmm_open(const struct engine_ops *ops, const char *image, const char **why)
{
    struct vmm *vmm = calloc(1, sizeof *vmm);

    if (!vmm)
        err(2, "memory");
    vmm->ops = ops;
    sem_init(&vmm->wake, 0, 0);
    sem_init(&vmm->done, 0, 0);
    vmm->memory = allocate_pages(GUEST_MEMORY);
    vmm->page = allocate_pages(HV_PAGE_SIZE);
    load_guest(vmm->memory, image);
    make_hypervisor(vmm);
    wire_init(&vmm->wire, &vmm->root, vmm->guest);
    vmm->engine = ops->open(vmm, why);
    if (!vmm->engine) {
        vmm_close(vmm);
        return NULL;
    }
    return vmm;
}

/* Another child, which may do little: without CreatePartitions it is told nothing at all. */
static void try_poor_partition(struct vmm *vmm)
{
    const HV_PROXIMITY_DOMAIN_INFO anywhere = {0};
    HV_PARTITION_ID poor = HV_PARTITION_ID_INVALID;
    HV_STATUS status;

    check_status(HvCreatePartition(0, anywhere, &poor), HV_STATUS_SUCCESS);
    check_status(HvInitializePartition(poor), HV_STATUS_SUCCESS);
    status = hvemu_clear_virtual_interrupt(vmm->hv, poor, 0x123456789);
    tell("partition %llu lacks CreatePartitions and clears an unknown ID -> %s",
         (unsigned long long)poor, hvemu_status_name(status));
    check_status(status, HV_STATUS_ACCESS_DENIED);
    status = HvClearVirtualInterrupt(poor);
    tell("its parent clears it -> %s", hvemu_status_name(status));
    check_status(status, HV_STATUS_NOT_ACKNOWLEDGED);
    check_status(HvFinalizePartition(poor), HV_STATUS_SUCCESS);
    check_status(HvDeletePartition(poor), HV_STATUS_SUCCESS);
}

/* The guest still runs. Finalizing stops VP 0 and then has to wait until its thread has detached
 * it; the library never waits, so the caller comes again. */
static void end_guest(struct vmm *vmm)
{
    HV_STATUS status;

    tell("HvDeletePartition(%llu) -> %s", (unsigned long long)vmm->guest,
         hvemu_status_name(status = HvDeletePartition(vmm->guest)));
    check_status(status, HV_STATUS_INVALID_PARTITION_STATE);
    while ((status = HvFinalizePartition(vmm->guest)) == HV_STATUS_TIMEOUT)
        sched_yield();
    tell("HvFinalizePartition(%llu) -> %s", (unsigned long long)vmm->guest,
         hvemu_status_name(status));
    check_status(status, HV_STATUS_SUCCESS);
    status = HvClearVirtualInterrupt(vmm->guest);
    tell("HvClearVirtualInterrupt(%llu) -> %s", (unsigned long long)vmm->guest,
         hvemu_status_name(status));
    check_status(status, HV_STATUS_INVALID_PARTITION_STATE);
    check_status(HvDeletePartition(vmm->guest), HV_STATUS_SUCCESS);
    status = HvClearVirtualInterrupt(vmm->guest);
    tell("HvClearVirtualInterrupt(%llu) -> %s", (unsigned long long)vmm->guest,
         hvemu_status_name(status));
    check_status(status, HV_STATUS_INVALID_PARTITION_ID);
}

static void start_guest(struct vmm *vmm)
{
    if (pthread_create(&vmm->thread, NULL, vp_main, vmm))
        errx(2, "no thread for VP 0");
}

unsigned vmm_run(struct vmm *vmm)
{
    printf("The root is partition %llu, the guest partition %llu\n",
           (unsigned long long)vmm->root.partition, (unsigned long long)vmm->guest);
    hvemu_attach(&vmm->root);
    try_poor_partition(vmm);
    start_guest(vmm);
    sem_wait(&vmm->done);
    end_guest(vmm);
    pthread_join(vmm->thread, NULL);
    hvemu_attach(NULL);

    tell("%u interrupts in all", vmm->handled);
    check(vmm->handled >= 100, "too few interrupts");
    return end_story();
}

unsigned vmm_run_image(struct vmm *vmm)
{
    start_guest(vmm);
    sem_wait(&vmm->done);
    stop_guest(vmm);
    pthread_join(vmm->thread, NULL);
    return end_checks();
}

void vmm_bench(struct vmm *vmm, struct bench *bench)
{
    vmm->bench = bench;
    tell_no_more();
    run_guest(vmm);
}

void vmm_close(struct vmm *vmm)
{
    if (vmm->engine)
        vmm->ops->close(vmm->engine);
    munmap(vmm->memory, GUEST_MEMORY);
    munmap(vmm->page, HV_PAGE_SIZE);
    wire_destroy(&vmm->wire);
    sem_destroy(&vmm->wake);
    sem_destroy(&vmm->done);
    free(vmm->hv);
    free(vmm);
}
