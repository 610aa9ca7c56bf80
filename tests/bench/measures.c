/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* What is measured, and the machines that it is measured on: a parent with children, MANY mostly,
 * another guest that is nobody's parent, and calls of the VMM's own.
 *
 * A clear succeeds once. Its measures therefore clear many children, one after the other: a few
 * that stay in the nearest cache, or MANY in random order. Between two batches, outside what is
 * measured, each child takes an interrupt again. The floor's partitions get theirs in the same
 * loop, so that all find the processor in the same condition. */

#include "bench.h"

#include <err.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/endian.h>
#include <sys/mman.h>

#include <hvgdk/hvgdk.h>

enum {
    LIST = 0x1000, /* where the lists of memory calls lie */
    PAGE = 0x2000, /* the hypercall page */
    RAM = 0x4000,  /* and again above it */
    VECTOR = 0x30,
    RESERVED_BIT = 0x08000000
};

/* The VMM's own calls: of certain shapes, and so many that there is something to look up. */
enum {
    OWN_16 = 0x7001,
    OWN_XMM,
    OWN_XMM_BOTH,
    OWN_256,
    OWN_REP,
    OWN_MORE = 0x7100,
    OWN_END = 0x9000, /* and from here on none */
    OWN_SHAPES = 5,
    OWN_CALLS = 64
};

#define FAST(code)       ((code) | HV_HYPERCALL_FAST)
#define REPS(code, reps) ((code) | (uint64_t)(reps) << HV_HYPERCALL_REP_COUNT_SHIFT)
#define PAGE_ENABLED     (PAGE | HV_X64_MSR_HYPERCALL_ENABLE)
/* An action stands in the answer's highest bits; HVEMU_STEP is 0. */
#define ANSWER(action, result) ((uint64_t)(action) << 60 | (result))

/* Made when a measure first wants it, with memory of its own. */
struct machine {
    unsigned children, calls; /* 0 children: none is made yet */
    struct hvemu *hv;
    struct hvemu_caller parent;
    struct hvemu_vp *vp, *vp1, *stranger; /* the parent's, and the other guest's */
    uint64_t first;                       /* child's ID; the others' follow */
    struct hvemu_vp **boot_processors;
    uint32_t *shuffled;
    struct floor_partition *floor;
    unsigned cleared, cleared_from; /* so many, at that place in `shuffled`; all others are armed */
};
static struct machine machines[16], m; /* m: the one at hand */
static uint32_t in_turn[FEW];
static const uint32_t *order; /* of the children, for the measure at hand */
static uint64_t codes[4096];  /* control words in random order */
static uint16_t drawn[4096];  /* codes, packed: they are to leave room in the nearest cache */
static struct hvemu_x64_frame frame;
static uint64_t control;
static uint8_t ram[RAM];

/* The VMM. */

/* No list crosses a page. */
static uint8_t *at(uint64_t gpa)
{
    return ram + gpa % RAM;
}

static int ram_read(void *ctx, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes)
{
    (void)ctx, (void)partition;
    memcpy(to, at(gpa), bytes);
    return HVEMU_MEM_OK;
}

static int ram_writable(void *ctx, uint64_t partition, uint64_t gpa, uint32_t bytes)
{
    (void)ctx, (void)partition, (void)gpa, (void)bytes;
    return HVEMU_MEM_OK;
}

static int ram_write(void *ctx, uint64_t partition, uint64_t gpa, const void *from, uint32_t bytes)
{
    (void)ctx, (void)partition;
    memcpy(at(gpa), from, bytes);
    return HVEMU_MEM_OK;
}

static int overlay(void *ctx, uint64_t partition, uint64_t gpa, const uint8_t *code, uint32_t bytes)
{
    (void)ctx, (void)partition, (void)gpa, (void)code, (void)bytes;
    return HVEMU_MEM_OK;
}

static void kick(void *ctx, uint64_t partition)
{
    (void)ctx, (void)partition;
}

static void must(enum hvemu_result result)
{
    if (result != HVEMU_OK)
        errx(1, "libhvemu: %s", hvemu_result_text(result));
}

static struct hvemu_vp *attach(uint64_t partition, uint32_t index)
{
    struct hvemu_vp *made;

    must(hvemu_vp_attach(m.hv, partition, index, NULL, &made));
    if (hvemu_x64_wrmsr(made, HV_X64_MSR_GUEST_OS_ID, 1) != HVEMU_STEP ||
        hvemu_x64_wrmsr(made, HV_X64_MSR_HYPERCALL, PAGE_ENABLED) != HVEMU_STEP)
        errx(1, "no hypercall page");
    return made;
}

static uint32_t random_below(uint32_t end)
{
    static uint64_t state = 0x9E3779B97F4A7C15;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % end;
}

static uint16_t accept_call(const struct hvemu_invocation *invocation, const void *in,
                            const void *item, void *out)
{
    (void)invocation, (void)in, (void)item, (void)out;
    return HV_STATUS_SUCCESS;
}

/* The measured calls, the i-th of many, and the loop around each. That all answers are collected,
 * and in the end compared, keeps every call from being optimised away. */

#define IN_A_LOOP(call)                  \
    static uint64_t call##_n(unsigned n) \
    {                                    \
        uint64_t seen = 0;               \
                                         \
        for (unsigned i = 0; i < n; i++) \
            seen |= call(i);             \
        return seen;                     \
    }

static inline uint64_t nothing(unsigned i)
{
    frame.rdx = order[i];
    return ANSWER(floor_nothing(&floor_vp, &frame), frame.rax);
}
IN_A_LOOP(nothing)

static inline uint64_t floor_clear(unsigned i)
{
    frame.rdx = order[i] + 1;
    return ANSWER(floor_hypercall(&floor_vp, &frame), frame.rax);
}
IN_A_LOOP(floor_clear)

static inline uint64_t bare_cas(unsigned i)
{
    return !floor_swap(&floor_partitions[order[i]]);
}
IN_A_LOOP(bare_cas)

static inline uint64_t fast_clear(unsigned i)
{
    frame.rdx = m.first + order[i];
    return ANSWER(hvemu_x64_hypercall(m.vp, &frame), frame.rax);
}
IN_A_LOOP(fast_clear)

static inline uint64_t memory_clear(unsigned i)
{
    le64enc(ram + LIST, m.first + order[i]);
    return ANSWER(hvemu_x64_hypercall(m.vp, &frame), frame.rax);
}
IN_A_LOOP(memory_clear)

static inline uint64_t wrapper_clear(unsigned i)
{
    return HvClearVirtualInterrupt(m.first + order[i]);
}
IN_A_LOOP(wrapper_clear)

static inline uint64_t explicit_clear(unsigned i)
{
    return hvemu_clear_virtual_interrupt(m.hv, m.parent.partition, m.first + order[i]);
}
IN_A_LOOP(explicit_clear)

/* Whatever begin() has put into the frame, repeated as a guest would until it is over. */
static inline uint64_t any_call(unsigned i)
{
    enum hvemu_action action;

    (void)i;
    frame.rcx = control;
    do
        action = hvemu_x64_hypercall(m.vp, &frame);
    while (action == HVEMU_REPEAT);
    return ANSWER(action, frame.rax);
}
IN_A_LOOP(any_call)

static inline uint64_t random_code(unsigned i)
{
    enum hvemu_action action;

    frame.rcx = codes[i % (sizeof codes / sizeof *codes)];
    action = hvemu_x64_hypercall(m.stranger, &frame);
    return ANSWER(action, frame.rax == HV_STATUS_INVALID_HYPERCALL_CODE);
}
IN_A_LOOP(random_code)

static inline uint64_t drawn_code(unsigned i)
{
    frame.rcx = FAST((uint64_t)drawn[i % (sizeof drawn / sizeof *drawn)]);
    return ANSWER(hvemu_x64_hypercall(m.vp, &frame), frame.rax);
}
IN_A_LOOP(drawn_code)

/* A child comes and goes. */
static inline uint64_t life(unsigned i)
{
    HV_PROXIMITY_DOMAIN_INFO anywhere = {0};
    uint64_t id = 0;

    (void)i;
    return HvCreatePartition(0, anywhere, &id) | HvInitializePartition(id) |
           HvFinalizePartition(id) | HvDeletePartition(id);
}
IN_A_LOOP(life)

static inline uint64_t decode(unsigned i)
{
    struct hvemu_call call;

    (void)i;
    return ANSWER(hvemu_x64_decode(m.hv, &frame, 0, &call), call.status);
}
IN_A_LOOP(decode)

static uint16_t assert_line(uint64_t parent, uint64_t child, uint32_t vector)
{
    return hvemu_assert_virtual_interrupt(m.hv, parent, child, HvX64InterruptTypeExtInt, 0, vector);
}

static inline uint64_t round_trip(unsigned i)
{
    const uint64_t asserted = assert_line(m.parent.partition, m.first, VECTOR);
    uint64_t taken = 0;
    uint8_t vector = 0;

    (void)i;
    if (hvemu_ext_int_line(m.boot_processors[0]))
        taken = ANSWER(hvemu_ext_int_acknowledge(m.boot_processors[0], &vector), vector);
    return asserted | taken | ANSWER(hvemu_x64_hypercall(m.vp, &frame), frame.rax);
}
IN_A_LOOP(round_trip)

static inline uint64_t read_msr(unsigned i)
{
    uint64_t value = 0;

    (void)i;
    return ANSWER(hvemu_x64_rdmsr(m.vp, HV_X64_MSR_HYPERCALL, &value), value);
}
IN_A_LOOP(read_msr)

static inline uint64_t write_msr(unsigned i)
{
    (void)i;
    return ANSWER(hvemu_x64_wrmsr(m.vp, HV_X64_MSR_HYPERCALL, PAGE_ENABLED), 0);
}
IN_A_LOOP(write_msr)

/* Threads, each for a VP of a parent and the boot processor of a child: the calling one and its
 * helpers, one on each CPU. */

enum { CALLED, READY, GO, DONE, WORKERS = 256 };
struct worker {
    alignas(64) atomic_int state;
    unsigned n;
    struct hvemu_vp *vp, *boot;
    uint64_t parent, child, seen;
};
static struct worker workers[WORKERS];
static int helpers;
static uint64_t (*work)(const struct worker *worker, unsigned n);

/* Asserts alternating vectors and asks whether one was taken: the child's word is changed and read,
 * whatever another thread does. */
static uint64_t assert_and_ask(const struct worker *worker, unsigned n)
{
    struct hvemu_x64_frame own = {
        .rcx = FAST(HvCallClearVirtualInterrupt), .rdx = worker->child, .mode = HVEMU_X64_KERNEL64};
    uint64_t seen = 0;

    for (unsigned i = 0; i < n; i++) {
        enum hvemu_action action;

        while (assert_line(worker->parent, worker->child, VECTOR + i % 2) == HV_STATUS_TIMEOUT)
            ;
        do
            action = hvemu_x64_hypercall(worker->vp, &own);
        while (action == HVEMU_REPEAT);
        seen |= ANSWER(action, own.rax);
    }
    return seen;
}

static uint64_t go_round(const struct worker *worker, unsigned n)
{
    struct hvemu_x64_frame own = {
        .rcx = FAST(HvCallClearVirtualInterrupt), .rdx = worker->child, .mode = HVEMU_X64_KERNEL64};
    uint64_t seen = 0;

    for (unsigned i = 0; i < n; i++) {
        uint8_t vector;

        seen |= assert_line(worker->parent, worker->child, VECTOR);
        seen |= ANSWER(hvemu_ext_int_acknowledge(worker->boot, &vector), 0);
        seen |= ANSWER(hvemu_x64_hypercall(worker->vp, &own), own.rax);
    }
    return seen;
}

static void *help(void *one)
{
    struct worker *worker = one;

    stay_on((int)(worker - workers));
    atomic_store(&worker->state, READY);
    while (atomic_load(&worker->state) != GO)
        ;
    worker->seen = work(worker, worker->n);
    atomic_store(&worker->state, DONE);
    return NULL;
}

static void call_helpers(int count, unsigned n)
{
    helpers = count;
    for (int i = 1; i <= count; i++) {
        pthread_t thread;

        workers[i].n = n;
        atomic_store(&workers[i].state, CALLED);
        if (pthread_create(&thread, NULL, help, &workers[i]) || pthread_detach(thread))
            errx(1, "no thread for CPU %d", i);
        while (atomic_load(&workers[i].state) != READY)
            sched_yield();
    }
}

static uint64_t all_threads(unsigned n)
{
    uint64_t seen;

    for (int i = 1; i <= helpers; i++)
        atomic_store(&workers[i].state, GO);
    seen = work(&workers[0], n);
    for (int i = 1; i <= helpers; i++) {
        while (atomic_load(&workers[i].state) != DONE)
            sched_yield();
        seen |= workers[i].seen;
    }
    return seen;
}

static int team_size(void)
{
    return cpus() < WORKERS ? cpus() : WORKERS;
}

/* The first machine's, by the first two VPs of its parent. */
static void prepare_pair(uint64_t second, int count, unsigned n)
{
    workers[0] = (struct worker){.vp = m.vp, .parent = m.parent.partition, .child = m.first};
    workers[1] = (struct worker){.vp = m.vp1, .parent = m.parent.partition, .child = second};
    work = assert_and_ask;
    call_helpers(count, n);
}

static void help_not(unsigned n)
{
    prepare_pair(m.first, 0, n);
}

static void help_there(unsigned n)
{
    prepare_pair(m.first + 1, 1, n);
}

static void help_here(unsigned n)
{
    prepare_pair(m.first, 1, n);
}

/* Teams of workers, made of one machine's parent and spare partitions. */
static void make_team(struct worker *team, int apart)
{
    for (int i = 0; i < team_size(); i++) {
        struct worker *worker = &team[i];

        worker->parent = m.parent.partition;
        if (apart)
            must(hvemu_add_guest(m.hv, hvemu_root(m.hv), HV_PRIVILEGE_ALL, NULL, &worker->parent));
        worker->vp = attach(worker->parent, apart ? 0 : 2 + (uint32_t)i);
        must(hvemu_add_guest(m.hv, worker->parent, 0, NULL, &worker->child));
        must(hvemu_vp_attach(m.hv, worker->child, 0, NULL, &worker->boot));
    }
}

static void prepare_team(int apart, int count, unsigned n)
{
    static struct worker teams[2][WORKERS];

    if (!teams[apart][0].vp)
        make_team(teams[apart], apart);
    memcpy(workers, teams[apart], sizeof workers);
    work = go_round;
    call_helpers(count - 1, n);
}

static void work_one(unsigned n)
{
    prepare_team(1, 1, n);
}

static void work_apart(unsigned n)
{
    prepare_team(1, team_size(), n);
}

static void work_together(unsigned n)
{
    prepare_team(0, team_size(), n);
}

static void arm(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint8_t vector;

        assert_line(m.parent.partition, m.first + order[i], VECTOR);
        hvemu_ext_int_acknowledge(m.boot_processors[order[i]], &vector);
        atomic_store(&m.floor[order[i]].word, FLOOR_ACTIVE | FLOOR_ACKED | VECTOR);
    }
}

/* Arms those that were cleared last, and goes on to the next ones, so that a sample, which may be
 * too short for all, meets partitions that lie as far away as they would among so many. */
static void arm_cleared(unsigned n)
{
    order = m.shuffled + m.cleared_from;
    arm(m.cleared);
    m.cleared_from += m.cleared;
    if (m.cleared_from + n > m.children)
        m.cleared_from = 0;
    m.cleared = n;
    order = m.shuffled + m.cleared_from;
}

static void draw(uint32_t from, uint32_t end)
{
    for (unsigned i = 0; i < sizeof drawn / sizeof *drawn; i++)
        drawn[i] = (uint16_t)(from + random_below(end - from));
}

static void draw_own(unsigned n)
{
    (void)n;
    draw(OWN_MORE + OWN_SHAPES, OWN_MORE + m.calls);
}

static void draw_unknown(unsigned n)
{
    (void)n;
    draw(OWN_END, OWN_END + 4096);
}

/* Making of a machine. */

static void own_call(uint16_t code, uint16_t in, uint16_t each, uint16_t out)
{
    const struct hvemu_descriptor row = {.size = sizeof row,
                                         .name = "Own",
                                         .handler = accept_call,
                                         .code = code,
                                         .form = each ? HVEMU_REP : HVEMU_SIMPLE,
                                         .in = in,
                                         .in_each = each,
                                         .out = out};

    must(hvemu_register(m.hv, &row));
}

static void register_calls(unsigned count)
{
    static const struct {
        uint16_t code, in, each, out;
    } shapes[OWN_SHAPES] = {{OWN_16, 16, 0, 0},
                            {OWN_XMM, 112, 0, 0},
                            {OWN_XMM_BOTH, 48, 0, 64},
                            {OWN_256, 256, 0, 256},
                            {OWN_REP, 24, 8, 0}};

    for (unsigned i = 0; i < count && i < OWN_SHAPES; i++)
        own_call(shapes[i].code, shapes[i].in, shapes[i].each, shapes[i].out);
    for (unsigned i = OWN_SHAPES; i < count; i++)
        own_call((uint16_t)(OWN_MORE + i), 8, 0, 0);
}

/* All codes that the decoder knows, drawn again and again. */
static void draw_codes(void)
{
    uint64_t offered[1024];
    uint32_t count = 0;

    for (uint32_t code = 0; code <= 0xFFFF; code++) {
        const struct hvemu_x64_frame asked = {.rcx = FAST(code), .mode = HVEMU_X64_KERNEL64};
        struct hvemu_call call;

        hvemu_x64_decode(m.hv, &asked, 0, &call);
        if (call.status != HV_STATUS_INVALID_HYPERCALL_CODE && count < 1024)
            offered[count++] = FAST(code);
    }
    for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++)
        codes[i] = offered[random_below(count)];
}

static void *allocate(size_t bytes)
{
    void *memory = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);

    if (!memory)
        err(1, "%zu bytes", bytes);
    return memory;
}

static void make_children(void)
{
    for (uint32_t i = 0; i < m.children; i++) {
        const uint32_t place = random_below(i + 1);
        uint64_t id;

        must(hvemu_add_guest(m.hv, m.parent.partition, 0, NULL, &id));
        must(hvemu_vp_attach(m.hv, id, 0, NULL, &m.boot_processors[i]));
        m.first = i ? m.first : id;
        if (id != m.first + i)
            errx(1, "a child's ID is %" PRIu64 ", not the next", id);
        m.floor[i].parent = floor_vp.caller;
        m.shuffled[i] = m.shuffled[place];
        m.shuffled[place] = i;
    }
}

/* With room for teams of workers, and for a child that comes and goes. */
static struct hvemu *make_instance(unsigned children, unsigned calls)
{
    const struct hvemu_ops ops = {.size = sizeof ops,
                                  .ext_int = kick,
                                  .gpa_read = ram_read,
                                  .gpa_writable = ram_writable,
                                  .gpa_write = ram_write,
                                  .overlay = overlay};
    const struct hvemu_config config = {.size = sizeof config,
                                        .partitions = children + 4 + 3 * (uint32_t)cpus(),
                                        .vps = children + 3 + 4 * (uint32_t)cpus(),
                                        .features = HV_FEATURE_XMM_HYPERCALL_INPUT |
                                                    HV_FEATURE_XMM_HYPERCALL_OUTPUT,
                                        .calls = calls};
    const size_t bytes = hvemu_memory_size(&config), lists = (size_t)config.vps * 8192;
    uint8_t *const memory = allocate(bytes);
    struct hvemu *made;

    /* Nearly all of it, at its end, and hardly used: in large pages it is there at once. */
    madvise(memory + (bytes - lists) / 4096 * 4096, lists, MADV_HUGEPAGE);
    must(hvemu_init(&made, memory, bytes, &config, &ops, NULL));
    return made;
}

static void make_machine(unsigned children, unsigned calls)
{
    uint64_t other;

    m = (struct machine){.children = children, .calls = calls, .cleared = children};
    m.hv = m.parent.hv = make_instance(children, calls);
    register_calls(calls);
    must(hvemu_add_guest(m.hv, hvemu_root(m.hv), HV_PRIVILEGE_ALL, NULL, &m.parent.partition));
    must(hvemu_add_guest(m.hv, hvemu_root(m.hv), HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS, NULL, &other));
    m.vp = attach(m.parent.partition, 0);
    m.vp1 = attach(m.parent.partition, 1);
    m.stranger = attach(other, 0);
    m.boot_processors = allocate(children * sizeof *m.boot_processors);
    m.shuffled = allocate(children * sizeof *m.shuffled);
    m.floor = calls == OWN_CALLS ? floor_partitions : allocate(children * sizeof *m.floor);
    make_children();
}

static void go_to_machine(unsigned children, unsigned calls)
{
    static struct machine *home;

    if (home)
        *home = m;
    for (home = machines; home->children; home++)
        if (home->children == children && home->calls == calls)
            break;
    m = *home;
    if (!m.children)
        make_machine(children, calls);
    hvemu_attach(&m.parent);
    floor_vp.partitions = m.floor;
    floor_vp.partition_count = children;
}

void begin(const struct measure *measure, unsigned most)
{
    if (measure->children) {
        go_to_machine(measure->children < most ? measure->children : most, measure->calls);
    } else {
        go_to_machine(MANY, OWN_CALLS);
        if (!codes[0])
            draw_codes();
        for (unsigned i = 0; i < FEW; i++)
            in_turn[i] = i;
        hvemu_clear_virtual_interrupt(m.hv, m.parent.partition, m.first);
    }
    order = measure->batch == MANY ? m.shuffled : in_turn;
    control = measure->control;
    frame = (struct hvemu_x64_frame){.rcx = control,
                                     .rdx = measure->in ? measure->in : m.first,
                                     .r8 = measure->out,
                                     .mode = HVEMU_X64_KERNEL64,
                                     .known = HVEMU_X64_XMM};
}

#define CLEAR FAST(HvCallClearVirtualInterrupt)
/* So many partitions are cleared, once each, between two preparations. */
#define EACH_OF(n)            .prepare = arm, .batch = (n)
#define LIMIT(value, measure) .budget = (value), .of = (measure)

static const struct measure calls_measures[] = {
    {"floor", "the least code for a fast clear", floor_clear_n, CLEAR, EACH_OF(FEW)},
    {"floor-10000", "the same, 10000 partitions, shuffled", floor_clear_n, CLEAR, EACH_OF(MANY)},
    {"bare-cas", "a compare-and-swap in a function", bare_cas_n, EACH_OF(FEW)},
    {"nothing", "an empty function", nothing_n, EACH_OF(FEW)},
    {"fast-clear", "clear, registers", fast_clear_n, CLEAR, EACH_OF(FEW), LIMIT(1.5, "floor")},
    {"fast-clear-10000", "the same, 10000 partitions, shuffled", fast_clear_n, CLEAR, EACH_OF(MANY),
     LIMIT(2, "floor")},
    {"fast-clear-none", "clear, nothing acknowledged", any_call_n, CLEAR,
     .expect = HV_STATUS_NOT_ACKNOWLEDGED},
    {"c-clear", "HvClearVirtualInterrupt()", wrapper_clear_n, EACH_OF(FEW), LIMIT(2, "bare-cas")},
    {"c-clear-explicit", "hvemu_clear_virtual_interrupt()", explicit_clear_n, EACH_OF(FEW),
     LIMIT(2, "bare-cas")},
    {"round-trip", "assert (C), line, acknowledge, clear", round_trip_n, CLEAR, .expect = VECTOR},
    {"fast-16", "own call, registers, 16 bytes in", any_call_n, FAST(OWN_16), .expect = 0},
    {"xmm-in", "own call, registers, 112 bytes in", any_call_n, FAST(OWN_XMM), LIMIT(2.8, "floor")},
    {"xmm-in-out", "own call, registers, 48 in, 64 out", any_call_n, FAST(OWN_XMM_BOTH),
     .expect = 0},
    {"memory-8", "clear, memory", memory_clear_n, HvCallClearVirtualInterrupt, LIST, EACH_OF(FEW),
     LIMIT(2, "floor")},
    {"memory-256", "own call, memory, 256 in, 256 out", any_call_n, OWN_256, LIST,
     .out = LIST + 256},
    {"rep-16", "an element of 16, own call, memory", any_call_n, REPS(OWN_REP, 16), LIST,
     .expect = REPS(0, 16), .each = 16},
    {"rep-509", "an element of 509", any_call_n, REPS(OWN_REP, 509), LIST, .expect = REPS(0, 509),
     .each = 509, LIMIT(3, NULL)},
    {"unknown-code", "a code that is not offered", any_call_n, FAST(0x7FFF),
     .expect = HV_STATUS_INVALID_HYPERCALL_CODE, LIMIT(1, "floor")},
    {"bad-control", "clear with a reserved bit", any_call_n, CLEAR | RESERVED_BIT,
     .expect = HV_STATUS_INVALID_HYPERCALL_INPUT, LIMIT(1, "floor")},
    {"random-codes", "all codes, shuffled; many are denied", random_code_n, .expect = 0},
    {"rdmsr", "of HYPERCALL", read_msr_n, .expect = PAGE_ENABLED},
    {"wrmsr", "of HYPERCALL, its value", write_msr_n, .expect = 0},
    {"decode", "hvemu_x64_decode() of a clear", decode_n, CLEAR, .expect = 0},
    {"one-thread", "assert (C), clear", all_threads, .expect = HV_STATUS_NOT_ACKNOWLEDGED,
     .prepare = help_not},
    {"two-threads", "the same on two children", all_threads, .expect = HV_STATUS_NOT_ACKNOWLEDGED,
     .prepare = help_there, .each = 2, .threads = 2, LIMIT(1 / 1.8, "one-thread")},
    {"two-threads-one", "the same on one child", all_threads, .expect = HV_STATUS_NOT_ACKNOWLEDGED,
     .prepare = help_here, .each = 2, .threads = 2},
};

#define ON(partitions, own_calls) .children = (partitions), .calls = (own_calls)
#define SMALL                     ON(100, 16)
#define FLOOR_OF(n)                                                          \
    "floor-of-" #n, "the least code for a fast clear", floor_clear_n, CLEAR, \
        .prepare = arm_cleared, .batch = (n), ON(n, 16)
#define CLEAR_OF(n)                                                     \
    "clear-of-" #n, "clear, of " #n " partitions", fast_clear_n, CLEAR, \
        .prepare = arm_cleared, .batch = (n), ON(n, 16), .of = "floor-of-" #n
#define OWN_OF(n)                                                                    \
    "own-of-" #n, "own call, of " #n, drawn_code_n, .prepare = draw_own, ON(100, n), \
                                                    .of = "own-of-16"
#define UNKNOWN_OF(n)                                                                    \
    "unknown-of-" #n, "codes of no call, beside " #n " own", drawn_code_n,               \
        .prepare = draw_unknown, .expect = HV_STATUS_INVALID_HYPERCALL_CODE, ON(100, n), \
        .of = "unknown-of-0"
#define ELEMENT_OF(n)                                                                          \
    "element-of-" #n, "one of them", any_call_n, REPS(OWN_REP, n), LIST, .expect = REPS(0, n), \
                                                                         .each = (n), SMALL
#define REP_OF(n)                                                                           \
    "rep-of-" #n, "own call, memory, so many elements", any_call_n, REPS(OWN_REP, n), LIST, \
        .expect = REPS(0, n), .each = (n), .whole = 1, SMALL, .of = "rep-of-1"
#define LIFE_AMONG(n)                                                \
    "life-among-" #n, "create to delete (C), " #n " others", life_n, \
        .each = 4, .whole = 1, ON(n, 16), .of = "life-among-100"
#define THREADS(which) \
    "threads-" #which, .run = all_threads, .prepare = work_##which, SMALL, .of = "threads-one"

static const struct measure growth_measures[] = {
    {FLOOR_OF(10)},
    {CLEAR_OF(10)},
    {FLOOR_OF(100)},
    {CLEAR_OF(100)},
    {FLOOR_OF(1000)},
    {CLEAR_OF(1000)},
    {FLOOR_OF(10000)},
    {CLEAR_OF(10000)},
    {FLOOR_OF(100000)},
    {CLEAR_OF(100000)},
    {OWN_OF(16)},
    {OWN_OF(256)},
    {OWN_OF(4096)},
    {UNKNOWN_OF(0)},
    {UNKNOWN_OF(16)},
    {UNKNOWN_OF(256)},
    {UNKNOWN_OF(4096)},
    {REP_OF(1)},
    {REP_OF(16)},
    {ELEMENT_OF(16)},
    {REP_OF(64)},
    {ELEMENT_OF(64)},
    {REP_OF(65)},
    {ELEMENT_OF(65)},
    {REP_OF(509)},
    {ELEMENT_OF(509)},
    {THREADS(one), .what = "assert (C), acknowledge, clear"},
    {THREADS(apart), .what = "on each CPU, parents of their own", .threads = 2},
    {THREADS(together), .what = "on each CPU, of one parent", .threads = 2},
    {LIFE_AMONG(100)},
    {LIFE_AMONG(10000)},
};

#define TABLE(measures)                                 \
    {                                                   \
        measures, sizeof(measures) / sizeof *(measures) \
    }
const struct table all_calls = TABLE(calls_measures), growth = TABLE(growth_measures);
