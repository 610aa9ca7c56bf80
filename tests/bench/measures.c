/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* What is measured, and the machine that it is measured on: a parent with MANY children, another
 * guest that is nobody's parent, and calls of the VMM's own.
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
    OWN_CALLS = 64
};

#define FAST(code)       ((code) | HV_HYPERCALL_FAST)
#define REPS(code, reps) ((code) | (uint64_t)(reps) << HV_HYPERCALL_REP_COUNT_SHIFT)
#define PAGE_ENABLED     (PAGE | HV_X64_MSR_HYPERCALL_ENABLE)
/* An action stands in the answer's highest bits; HVEMU_STEP is 0. */
#define ANSWER(action, result) ((uint64_t)(action) << 60 | (result))

static struct hvemu *hv;
static struct hvemu_caller parent;
static struct hvemu_vp *vp, *vp1, *stranger; /* the parent's, and the other guest's */
static uint64_t first;                       /* child's ID; the others' follow */
static struct hvemu_vp *boot_processors[MANY];
static uint32_t in_turn[MANY], shuffled[MANY];
static const uint32_t *order; /* of the children, for the measure at hand */
static uint64_t codes[4096];  /* control words in random order */
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
    frame.rdx = first + order[i];
    return ANSWER(hvemu_x64_hypercall(vp, &frame), frame.rax);
}
IN_A_LOOP(fast_clear)

static inline uint64_t memory_clear(unsigned i)
{
    le64enc(ram + LIST, first + order[i]);
    return ANSWER(hvemu_x64_hypercall(vp, &frame), frame.rax);
}
IN_A_LOOP(memory_clear)

static inline uint64_t wrapper_clear(unsigned i)
{
    return HvClearVirtualInterrupt(first + order[i]);
}
IN_A_LOOP(wrapper_clear)

static inline uint64_t explicit_clear(unsigned i)
{
    return hvemu_clear_virtual_interrupt(hv, parent.partition, first + order[i]);
}
IN_A_LOOP(explicit_clear)

/* Whatever begin() has put into the frame, repeated as a guest would until it is over. */
static inline uint64_t any_call(unsigned i)
{
    enum hvemu_action action;

    (void)i;
    frame.rcx = control;
    do
        action = hvemu_x64_hypercall(vp, &frame);
    while (action == HVEMU_REPEAT);
    return ANSWER(action, frame.rax);
}
IN_A_LOOP(any_call)

static inline uint64_t random_code(unsigned i)
{
    enum hvemu_action action;

    frame.rcx = codes[i % (sizeof codes / sizeof *codes)];
    action = hvemu_x64_hypercall(stranger, &frame);
    return ANSWER(action, frame.rax == HV_STATUS_INVALID_HYPERCALL_CODE);
}
IN_A_LOOP(random_code)

static inline uint64_t decode(unsigned i)
{
    struct hvemu_call call;

    (void)i;
    return ANSWER(hvemu_x64_decode(hv, &frame, 0, &call), call.status);
}
IN_A_LOOP(decode)

static uint16_t assert_line(uint64_t child, uint32_t vector)
{
    return hvemu_assert_virtual_interrupt(hv, parent.partition, child, HvX64InterruptTypeExtInt, 0,
                                          vector);
}

static inline uint64_t round_trip(unsigned i)
{
    const uint64_t asserted = assert_line(first, VECTOR);
    uint64_t taken = 0;
    uint8_t vector = 0;

    (void)i;
    if (hvemu_ext_int_line(boot_processors[0]))
        taken = ANSWER(hvemu_ext_int_acknowledge(boot_processors[0], &vector), vector);
    return asserted | taken | ANSWER(hvemu_x64_hypercall(vp, &frame), frame.rax);
}
IN_A_LOOP(round_trip)

static inline uint64_t read_msr(unsigned i)
{
    uint64_t value = 0;

    (void)i;
    return ANSWER(hvemu_x64_rdmsr(vp, HV_X64_MSR_HYPERCALL, &value), value);
}
IN_A_LOOP(read_msr)

static inline uint64_t write_msr(unsigned i)
{
    (void)i;
    return ANSWER(hvemu_x64_wrmsr(vp, HV_X64_MSR_HYPERCALL, PAGE_ENABLED), 0);
}
IN_A_LOOP(write_msr)

/* Two threads. Each asserts alternating vectors and asks whether one was taken: the child's word is
 * changed and read, whatever another thread does. */

static struct {
    atomic_int state;
    struct hvemu_vp *vp;
    uint64_t child, seen;
    unsigned n;
} helper;
enum { CALLED, READY, GO, DONE };

static uint64_t assert_and_ask(struct hvemu_vp *caller, uint64_t child, unsigned n)
{
    struct hvemu_x64_frame own = {
        .rcx = FAST(HvCallClearVirtualInterrupt), .rdx = child, .mode = HVEMU_X64_KERNEL64};
    uint64_t seen = 0;

    for (unsigned i = 0; i < n; i++) {
        enum hvemu_action action;

        while (assert_line(child, VECTOR + i % 2) == HV_STATUS_TIMEOUT)
            ;
        do
            action = hvemu_x64_hypercall(caller, &own);
        while (action == HVEMU_REPEAT);
        seen |= ANSWER(action, own.rax);
    }
    return seen;
}

static void *help(void *unused)
{
    stay_on(1);
    atomic_store(&helper.state, READY);
    while (atomic_load(&helper.state) != GO)
        ;
    helper.seen = assert_and_ask(vp1, helper.child, helper.n);
    atomic_store(&helper.state, DONE);
    return unused;
}

static void call_helper(uint64_t child, unsigned n)
{
    pthread_t thread;

    helper.child = child;
    helper.n = n;
    atomic_store(&helper.state, CALLED);
    if (pthread_create(&thread, NULL, help, NULL) || pthread_detach(thread))
        errx(1, "no second thread");
    while (atomic_load(&helper.state) != READY)
        sched_yield();
}

static void help_there(unsigned n)
{
    call_helper(first + 1, n);
}

static void help_here(unsigned n)
{
    call_helper(first, n);
}

static uint64_t one_thread(unsigned n)
{
    return assert_and_ask(vp, first, n);
}

static uint64_t two_threads(unsigned n)
{
    uint64_t seen;

    atomic_store(&helper.state, GO);
    seen = assert_and_ask(vp, first, n);
    while (atomic_load(&helper.state) != DONE)
        sched_yield();
    return seen | helper.seen;
}

static void arm(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint8_t vector;

        assert_line(first + order[i], VECTOR);
        hvemu_ext_int_acknowledge(boot_processors[order[i]], &vector);
        atomic_store(&floor_partitions[order[i]].word, FLOOR_ACTIVE | FLOOR_ACKED | VECTOR);
    }
}

#define CLEAR FAST(HvCallClearVirtualInterrupt)
/* So many partitions are cleared, once each, between two preparations. */
#define EACH_OF(n)            .prepare = arm, .batch = (n)
#define LIMIT(value, measure) .budget = (value), .of = (measure)

const struct measure measures[] = {
    {"floor", "the least code for a fast clear", floor_clear_n, CLEAR, EACH_OF(FEW)},
    {"floor-10000", "the same, 10000 partitions, shuffled", floor_clear_n, CLEAR, EACH_OF(MANY)},
    {"bare-cas", "a compare-and-swap in a function", bare_cas_n, EACH_OF(FEW)},
    {"nothing", "an empty function", nothing_n, .expect = 0},
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
    {"one-thread", "assert (C), clear", one_thread, .expect = HV_STATUS_NOT_ACKNOWLEDGED},
    {"two-threads", "the same on two children", two_threads, .expect = HV_STATUS_NOT_ACKNOWLEDGED,
     .prepare = help_there, .each = 2, .threads = 2, LIMIT(1 / 1.8, "one-thread")},
    {"two-threads-one", "the same on one child", two_threads, .expect = HV_STATUS_NOT_ACKNOWLEDGED,
     .prepare = help_here, .each = 2, .threads = 2},
};
const unsigned measure_count = sizeof measures / sizeof *measures;

void begin(const struct measure *measure)
{
    hvemu_clear_virtual_interrupt(hv, parent.partition, first);
    order = measure->batch == MANY ? shuffled : in_turn;
    control = measure->control;
    frame = (struct hvemu_x64_frame){.rcx = control,
                                     .rdx = measure->in ? measure->in : first,
                                     .r8 = measure->out,
                                     .mode = HVEMU_X64_KERNEL64,
                                     .known = HVEMU_X64_XMM};
}

/* Making of the machine. */

static void must(enum hvemu_result result)
{
    if (result != HVEMU_OK)
        errx(1, "libhvemu: %s", hvemu_result_text(result));
}

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

    must(hvemu_register(hv, &row));
}

static void register_calls(void)
{
    own_call(OWN_16, 16, 0, 0);
    own_call(OWN_XMM, 112, 0, 0);
    own_call(OWN_XMM_BOTH, 48, 0, 64);
    own_call(OWN_256, 256, 0, 256);
    own_call(OWN_REP, 24, 8, 0);
    for (unsigned i = 5; i < OWN_CALLS; i++)
        own_call((uint16_t)(OWN_MORE + i), 8, 0, 0);
}

static struct hvemu_vp *attach(uint64_t partition, uint32_t index)
{
    struct hvemu_vp *made;

    must(hvemu_vp_attach(hv, partition, index, NULL, &made));
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

/* All codes that the decoder knows, drawn again and again. */
static void draw_codes(void)
{
    uint64_t offered[1024];
    uint32_t count = 0;

    for (uint32_t code = 0; code <= 0xFFFF; code++) {
        const struct hvemu_x64_frame asked = {.rcx = FAST(code), .mode = HVEMU_X64_KERNEL64};
        struct hvemu_call call;

        hvemu_x64_decode(hv, &asked, 0, &call);
        if (call.status != HV_STATUS_INVALID_HYPERCALL_CODE && count < 1024)
            offered[count++] = FAST(code);
    }
    for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++)
        codes[i] = offered[random_below(count)];
}

static void make_children(void)
{
    for (uint32_t i = 0; i < MANY; i++) {
        const uint32_t place = random_below(i + 1);

        uint64_t id;

        must(hvemu_add_guest(hv, parent.partition, 0, NULL, &id));
        must(hvemu_vp_attach(hv, id, 0, NULL, &boot_processors[i]));
        first = i ? first : id;
        if (id != first + i)
            errx(1, "a child's ID is %" PRIu64 ", not the next", id);
        floor_partitions[i].parent = floor_vp.caller;
        in_turn[i] = i;
        shuffled[i] = shuffled[place];
        shuffled[place] = i;
    }
}

void make_machine(void)
{
    const struct hvemu_ops ops = {.size = sizeof ops,
                                  .ext_int = kick,
                                  .gpa_read = ram_read,
                                  .gpa_writable = ram_writable,
                                  .gpa_write = ram_write,
                                  .overlay = overlay};
    const struct hvemu_config config = {.size = sizeof config,
                                        .partitions = MANY + 3,
                                        .vps = MANY + 3,
                                        .features = HV_FEATURE_XMM_HYPERCALL_INPUT |
                                                    HV_FEATURE_XMM_HYPERCALL_OUTPUT,
                                        .calls = OWN_CALLS};
    const size_t bytes = hvemu_memory_size(&config);
    void *memory = aligned_alloc(64, bytes);
    uint64_t other;

    if (!memory)
        err(1, "%zu bytes", bytes);
    must(hvemu_init(&hv, memory, bytes, &config, &ops, NULL));
    register_calls();
    must(hvemu_add_guest(hv, hvemu_root(hv), HV_PRIVILEGE_ALL, NULL, &parent.partition));
    must(hvemu_add_guest(hv, hvemu_root(hv), HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS, NULL, &other));
    parent.hv = hv;
    hvemu_attach(&parent);
    vp = attach(parent.partition, 0);
    vp1 = attach(parent.partition, 1);
    stranger = attach(other, 0);
    make_children();
    draw_codes();
}
