/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Four threads act on one child partition at once; what each asked and was answered, and when, is
 * recorded, and a search looks for an order of the calls, one after the other, that explains all
 * answers. The model of such an order is written from the TLFS' state table and shares nothing with
 * the library, not even a header.
 *
 * test_linearizable [histories [seed]]; HVEMU_HISTORIES in the environment does the same. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The model: one slot of the partition table. */

enum kind {
    ASSERT,
    WITHDRAW,
    CLEAR,
    ACKNOWLEDGE,
    LINE,
    RESET,
    ATTACH,
    DETACH,
    CREATE,
    INITIALIZE,
    FINALIZE,
    DELETE,
    KINDS
};
static const char *const kind_names[KINDS] = {"assert", "withdraw",   "clear",    "acknowledge",
                                              "line",   "reset",      "attach",   "detach",
                                              "create", "initialize", "finalize", "delete"};

struct call {
    uint8_t kind, caller; /* caller: 0 or 1, two brothers who can own the child */
    uint8_t form;
    uint8_t generation;  /* of the ID that the call names */
    uint8_t vector;      /* asserted, or acknowledged */
    int answer;          /* a status; or a result, which is 0 or negative */
    uint32_t begin, end; /* when: no two are the same */
};

enum life { FREE, UNINITIALIZED, ACTIVE, FINALIZING, FINALIZED };
enum { IDLE, ASSERTED, ACKED };

struct model {
    uint8_t generation, life, owner, vp0, interrupt, vector;
};

/* 0, or the status that a caller gets who may not act on this ID. */
static int judge(const struct model *m, const struct call *c)
{
    if (m->life == FREE || m->generation != c->generation)
        return 0x0D;
    return m->owner != c->caller ? 0x06 : 0;
}

static int alive(const struct model *m, const struct call *c)
{
    return m->life == ACTIVE && m->generation == c->generation;
}

static void forget_interrupt(struct model *m)
{
    m->interrupt = IDLE;
    m->vector = 0;
}

static int do_assert(struct model *m, const struct call *c)
{
    if (m->life != ACTIVE)
        return 0x07;
    if (!m->vp0)
        return 0x0E;
    if (m->interrupt == ACKED)
        return 0x16;
    forget_interrupt(m);
    if (c->kind == ASSERT) {
        m->interrupt = ASSERTED;
        m->vector = c->vector;
    }
    return 0;
}

static int do_clear(struct model *m)
{
    if (m->life != ACTIVE)
        return 0x07;
    if (m->interrupt != ACKED)
        return 0x14;
    forget_interrupt(m);
    return 0;
}

static int do_finalize(struct model *m)
{
    if (m->life != ACTIVE && m->life != FINALIZING)
        return 0x07;
    if (m->vp0)
        return 0x78; /* step() knows what has happened then */
    m->life = FINALIZED;
    forget_interrupt(m);
    return 0;
}

static int do_life(struct model *m, enum kind kind)
{
    if (kind == FINALIZE)
        return do_finalize(m);
    if (kind == INITIALIZE) {
        if (m->life != UNINITIALIZED)
            return 0x07;
        m->life = ACTIVE;
        return 0;
    }
    if (m->life != UNINITIALIZED && m->life != FINALIZED)
        return 0x07;
    m->life = FREE;
    m->generation++;
    return 0;
}

static int do_create(struct model *m, const struct call *c)
{
    if (m->life != FREE)
        return 0x1D;
    m->life = UNINITIALIZED;
    m->owner = c->caller;
    return m->generation == c->generation ? 0 : -100; /* the ID that was given out */
}

static int do_acknowledge(struct model *m, const struct call *c)
{
    if (!alive(m, c))
        return -4;
    if (m->interrupt != ASSERTED)
        return -6;
    m->interrupt = ACKED;
    return m->vector == c->vector ? 0 : -100;
}

static int do_host(struct model *m, const struct call *c)
{
    switch (c->kind) {
    case ACKNOWLEDGE:
        return do_acknowledge(m, c);
    case LINE:
        return alive(m, c) && m->interrupt == ASSERTED;
    case DETACH:
        m->vp0 = 0;
        forget_interrupt(m);
        return 0;
    case RESET:
        if (!alive(m, c))
            return -4;
        forget_interrupt(m);
        return 0;
    default: /* ATTACH */
        if (!alive(m, c))
            return -4;
        if (m->vp0)
            return -5;
        m->vp0 = 1;
        return 0;
    }
}

static int carry_out(struct model *m, const struct call *c)
{
    int denied;

    if (c->kind == CREATE)
        return do_create(m, c);
    if (c->kind != ASSERT && c->kind != WITHDRAW && c->kind != CLEAR && c->kind < CREATE)
        return do_host(m, c);
    denied = judge(m, c);
    if (denied)
        return denied;
    if (c->kind >= CREATE)
        return do_life(m, c->kind);
    return c->kind == CLEAR ? do_clear(m) : do_assert(m, c);
}

/* The states in which the call may have left the partition; none: it cannot have been answered like
 * this. "Again" (status 0x78, result -7) means that nothing has happened, or with finalize that it
 * has begun. */
static int step(struct model before, const struct call *c, struct model after[2])
{
    int states = 0;

    after[0] = after[1] = before;
    if (c->kind != LINE && (c->answer == 0x78 || c->answer == -7)) {
        states = 1;
        if (c->kind == FINALIZE && judge(&before, c) == 0 && before.life == ACTIVE) {
            after[1].life = FINALIZING;
            forget_interrupt(&after[1]);
            states = 2;
        }
        return states;
    }
    return carry_out(&after[0], c) == c->answer;
}

/* The search (Wing and Gong, with the configurations seen kept). */

enum { THREADS = 4, CALLS = 12, MOST = 20, SEEN = 1 << 18 };

struct history {
    struct call calls[THREADS][MOST];
    unsigned length[THREADS];
    struct model start;
};

static struct {
    uint64_t key;
    uint32_t search;
} seen[SEEN];
static uint32_t searches, configurations;

static int see(const unsigned at[THREADS], const struct model *m)
{
    uint64_t key = 0;
    uint32_t place;

    for (int t = 0; t < THREADS; t++)
        key = key << 5 | at[t];
    key = key << 8 | m->generation;
    key = key << 3 | m->life;
    key = key << 1 | m->owner;
    key = key << 1 | m->vp0;
    key = key << 2 | m->interrupt;
    key = key << 8 | m->vector;
    place = (uint32_t)((key * 0x9E3779B97F4A7C15u) >> 46);
    while (seen[place].search == searches) {
        if (seen[place].key == key)
            return 0;
        place = (place + 1) % SEEN;
    }
    if (++configurations > SEEN / 2)
        return 0; /* given up; explained() reports a failure, as it should not come to this */
    seen[place].key = key;
    seen[place].search = searches;
    return 1;
}

static int search(const struct history *h, unsigned at[THREADS], struct model m)
{
    uint32_t first_end = UINT32_MAX;

    for (int t = 0; t < THREADS; t++)
        if (at[t] < h->length[t] && h->calls[t][at[t]].end < first_end)
            first_end = h->calls[t][at[t]].end;
    if (first_end == UINT32_MAX)
        return 1;
    for (int t = 0; t < THREADS; t++) {
        const struct call *c = &h->calls[t][at[t]];
        struct model after[2];

        /* Only a call that began before any other ended can have come first. */
        if (at[t] == h->length[t] || c->begin > first_end)
            continue;
        at[t]++;
        for (int i = step(m, c, after) - 1; i >= 0; i--)
            if (see(at, &after[i]) && search(h, at, after[i]))
                return 1;
        at[t]--;
    }
    return 0;
}

static int explained(const struct history *h)
{
    unsigned at[THREADS] = {0};

    searches++;
    configurations = 0;
    return search(h, at, h->start);
}

/* The threads. */

#include "hvtest.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/endian.h>
#include <time.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define UNDER_TSAN
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define UNDER_ASAN
#endif

/* The clock is to order the records, not to hide from ThreadSanitizer that the library does not
 * order something; a call is opaque, and the processors it runs on order any atomic addition. */
#ifdef UNDER_TSAN
#define CLOCK_ORDER memory_order_relaxed
#else
#define CLOCK_ORDER memory_order_seq_cst
#endif

enum { SLOT = 4, VECTORS = 3 };

static alignas(64) uint8_t memory[0x40000];
static struct hvemu *hv;
static uint64_t brothers[2];
static struct hvemu_caller attachments[2];
static struct hvemu_vp *native[THREADS][2], *vp0; /* vp0: thread 2's */
static uint8_t vp0_generation;
static struct history history;
static atomic_uint now, generation_hint, owner_hint;
static uint64_t guest_memory[THREADS];

#if defined(UNDER_TSAN) || defined(UNDER_ASAN)
static unsigned long histories = 10000; /* of those that are slow */
#else
static unsigned long histories = 50000;
#endif
static uint64_t seed = 20240607;
static pthread_barrier_t barrier;
static int reuse; /* in this history the partition dies and its slot is used again */
static atomic_uint at_gate;
static atomic_int stop;
static _Thread_local uint64_t random_state;
static _Thread_local int self;

static uint32_t dice(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % below);
}

/* Lets others run, now and then; in ops too, so that calls last and overlap. */
static void dawdle(void)
{
    const uint32_t n = dice(16);

    if (n < 4)
        sched_yield();
    else if (n < 12)
        for (volatile uint32_t i = dice(200); i > 0; i--)
            continue;
}

static void ext_int(void *ctx, uint64_t partition)
{
    (void)ctx, (void)partition;
    dawdle();
}

static int gpa_read(void *ctx, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes)
{
    (void)ctx, (void)partition;
    dawdle();
    memcpy(to, &guest_memory[gpa >> 12], bytes);
    return HVEMU_MEM_OK;
}

static int overlay(void *ctx, uint64_t partition, uint64_t gpa, const uint8_t *code, uint32_t bytes)
{
    (void)ctx, (void)partition, (void)gpa, (void)code, (void)bytes;
    return HVEMU_MEM_OK;
}

static uint16_t partition_event(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                                void **child_ctx)
{
    (void)ctx, (void)partition, (void)event, (void)creation, (void)child_ctx;
    dawdle();
    return 0;
}

static const struct hvemu_ops ops = {.size = sizeof ops,
                                     .ext_int = ext_int,
                                     .gpa_read = gpa_read,
                                     .overlay = overlay,
                                     .partition = partition_event};

static uint64_t id_of(uint8_t generation)
{
    return (uint64_t)generation << 24 | SLOT;
}

/* A call whose only parameter is an ID, by the registers of a 64-bit guest. */
static int by_registers(struct hvemu_vp *vp, uint64_t control, uint64_t rdx)
{
    struct hvemu_x64_frame frame = {.rcx = control, .rdx = rdx, .mode = HVEMU_X64_KERNEL64};
    const enum hvemu_action action = hvemu_x64_hypercall(vp, &frame);

    if (action == HVEMU_REPEAT)
        return 0x78;
    return action == HVEMU_STEP ? (int)frame.rax : -200 - (int)action;
}

static int by_number(uint64_t caller, uint16_t code, uint64_t id)
{
    uint8_t in[8];

    le64enc(in, id);
    return (int)hvemu_hypercall(hv, caller, code, in, sizeof in, NULL, 0);
}

static int create(struct call *c)
{
    const uint8_t in[56] = {0};
    uint8_t out[8];
    const int status =
        (int)hvemu_hypercall(hv, brothers[c->caller], 0x40, in, sizeof in, out, sizeof out);

    if (status == 0) {
        c->generation = (uint8_t)(le64dec(out) >> 24);
        if ((le64dec(out) & 0xFFFFFF) != SLOT)
            return -201;
        atomic_store_explicit(&generation_hint, c->generation, memory_order_relaxed);
        atomic_store_explicit(&owner_hint, c->caller, memory_order_relaxed);
    }
    return status;
}

static int interrupt(const struct call *c)
{
    const uint32_t vector = c->kind == WITHDRAW ? 0xFFFFFFFF : c->vector;
    uint8_t in[32] = {0};

    if (c->form % 2)
        return hvemu_assert_virtual_interrupt(hv, brothers[c->caller], id_of(c->generation), 7, 0,
                                              vector);
    le64enc(in, id_of(c->generation));
    le64enc(in + 8, 7);
    le32enc(in + 24, vector);
    return (int)hvemu_hypercall(hv, brothers[c->caller], c->form % 4 ? 0x55 : 0x94, in, sizeof in,
                                NULL, 0);
}

static int clear(const struct call *c)
{
    const uint64_t id = id_of(c->generation);

    switch (c->form) {
    case 0:
        hvemu_attach(&attachments[c->caller]);
        return HvClearVirtualInterrupt(id);
    case 1:
        return hvemu_clear_virtual_interrupt(hv, brothers[c->caller], id);
    case 2:
        return by_registers(native[self][c->caller], 0x10056, id);
    default:
        le64enc(&guest_memory[self], id);
        return by_registers(native[self][c->caller], 0x56, (uint64_t)self << 12);
    }
}

static int life(const struct call *c)
{
    static const uint16_t codes[KINDS] = {[INITIALIZE] = 0x41, [FINALIZE] = 0x42, [DELETE] = 0x43};
    const uint64_t id = id_of(c->generation);

    if (c->form % 2)
        return by_registers(native[self][c->caller], 0x10000 | codes[c->kind], id);
    return by_number(brothers[c->caller], codes[c->kind], id);
}

static int ask(struct call *c)
{
    int answer;

    switch (c->kind) {
    case ASSERT:
    case WITHDRAW:
        return interrupt(c);
    case CLEAR:
        return clear(c);
    case ACKNOWLEDGE:
        return hvemu_ext_int_acknowledge(vp0, &c->vector);
    case LINE:
        return hvemu_ext_int_line(vp0);
    case RESET:
        return hvemu_reset(hv, id_of(c->generation));
    case ATTACH:
        return hvemu_vp_attach(hv, id_of(c->generation), 0, NULL, &vp0);
    case DETACH:
        answer = hvemu_vp_detach(vp0);
        if (answer == HVEMU_OK)
            vp0 = NULL;
        return answer;
    case CREATE:
        return create(c);
    default:
        return life(c);
    }
}

static void record(struct call *c)
{
    c->begin = atomic_fetch_add_explicit(&now, 1, CLOCK_ORDER);
    c->answer = ask(c);
    c->end = atomic_fetch_add_explicit(&now, 1, CLOCK_ORDER);
}

/* What a thread does next. Thread 2 has VP 0, thread 3 the parent's heavy hand. */
static enum kind choose(const struct call *last)
{
    static const uint8_t asserter[] = {ASSERT, ASSERT, WITHDRAW, CLEAR, CLEAR};
    static const uint8_t boot[] = {ACKNOWLEDGE, ACKNOWLEDGE, ACKNOWLEDGE, ACKNOWLEDGE,
                                   LINE,        ASSERT,      CLEAR,       DETACH};
    static const uint8_t heavy[] = {RESET, CLEAR, ASSERT, CLEAR, WITHDRAW, ASSERT};
    static const uint8_t killer[] = {FINALIZE, FINALIZE, DELETE,   CREATE, INITIALIZE, RESET,
                                     CLEAR,    ASSERT,   FINALIZE, DELETE, CREATE,     INITIALIZE};

    switch (self) {
    case 2:
        if (!vp0)
            return dice(4) ? ATTACH : CLEAR;
        return boot[dice(sizeof boot)];
    case 3:
        if (last && last->answer == 0 && last->kind >= CREATE && dice(4)) /* on with it */
            return last->kind == DELETE     ? CREATE
                   : last->kind == CREATE   ? INITIALIZE
                   : last->kind == FINALIZE ? DELETE
                                            : FINALIZE;
        return reuse ? killer[dice(sizeof killer)] : heavy[dice(sizeof heavy)];
    default:
        if (reuse && dice(8) == 0)
            return killer[dice(6)];
        return asserter[dice(sizeof asserter)];
    }
}

static void plan(struct call *c, const struct call *last, int partition_died)
{
    unsigned generation = atomic_load_explicit(&generation_hint, memory_order_relaxed);

    c->kind = (uint8_t)choose(last);
    if (c->kind == ACKNOWLEDGE && partition_died)
        c->kind = DETACH;
    c->caller = (uint8_t)atomic_load_explicit(&owner_hint, memory_order_relaxed);
    if (dice(16) == 0 || (c->kind == CREATE && dice(2)))
        c->caller ^= 1;
    if (generation > 0 && dice(12) == 0)
        generation--;
    else if (dice(24) == 0)
        generation++;
    c->form = (uint8_t)dice(4);
    c->vector = (uint8_t)(0x40 + dice(VECTORS));
    if (c->kind == ACKNOWLEDGE || c->kind == LINE || c->kind == DETACH) {
        generation = vp0_generation;
        c->vector = 0xEE;
    }
    c->generation = (uint8_t)generation;
}

static void take_part(void)
{
    int partition_died = 0;

    atomic_fetch_add_explicit(&at_gate, 1, memory_order_relaxed);
    while (atomic_load_explicit(&at_gate, memory_order_relaxed) < THREADS)
        sched_yield();
    for (int i = 0; i < CALLS; i++) {
        struct call *c = &history.calls[self][i];

        plan(c, i > 0 ? c - 1 : NULL, partition_died);
        dawdle();
        record(c);
        if (c->kind == ATTACH && c->answer == HVEMU_OK)
            vp0_generation = c->generation;
        if (c->kind == ATTACH || c->kind == DETACH)
            partition_died = 0;
        if (c->kind == ACKNOWLEDGE && c->answer == HVEMU_E_PARTITION)
            partition_died = 1;
    }
    history.length[self] = CALLS;
}

static void *worker(void *number)
{
    self = (int)(intptr_t)number;
    random_state = seed + (uint64_t)self * 0x9E3779B97F4A7C15u;
    for (;;) {
        pthread_barrier_wait(&barrier);
        if (atomic_load(&stop))
            return NULL;
        take_part();
        pthread_barrier_wait(&barrier);
    }
}

/* Signals the workers at odd moments, inside the library too; the handler gives the processor
 * away. */
static pthread_t workers[THREADS];

static void on_signal(int number)
{
    (void)number;
    sched_yield();
}

static void *nuisance(void *argument)
{
    const struct timespec pause = {.tv_nsec = 20000};

    (void)argument;
    random_state = 99;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        nanosleep(&pause, NULL);
        for (int i = 0; i < 4; i++)
            pthread_kill(workers[dice(THREADS)], SIGUSR1);
    }
    return NULL;
}

static int make_instance(void)
{
    const struct hvemu_config config = {.size = sizeof config, .partitions = SLOT, .vps = 16};
    const size_t bytes = hvemu_memory_size(&config);
    uint64_t child = 0;
    int bad = bytes > sizeof memory || hvemu_init(&hv, memory, bytes, &config, &ops, NULL);

    for (uint32_t b = 0; b < 2 && !bad; b++) {
        bad |= hvemu_add_guest(hv, 1, HV_PRIVILEGE_ALL, NULL, &brothers[b]);
        attachments[b] = (struct hvemu_caller){.hv = hv, .partition = brothers[b]};
        for (uint32_t t = 0; t < THREADS; t++)
            bad |= hvemu_vp_attach(hv, brothers[b], t, NULL, &native[t][b]);
        bad |= hvemu_x64_wrmsr(native[0][b], 0x40000000, 1) != HVEMU_STEP;
        bad |= hvemu_x64_wrmsr(native[0][b], 0x40000001, 0xF001) != HVEMU_STEP;
    }
    bad |= hvemu_add_guest(hv, brothers[0], 0, NULL, &child);
    bad |= hvemu_vp_attach(hv, child, 0, NULL, &vp0);
    vp0_generation = 0;
    atomic_store(&generation_hint, 0);
    atomic_store(&owner_hint, 0);
    return !bad && child == SLOT;
}

/* Calls at the end, when nobody interferes, show what the others have left behind. */
static void look_at_the_end(void)
{
    static const uint8_t kinds[] = {CLEAR, LINE, ACKNOWLEDGE, CLEAR, ASSERT, ACKNOWLEDGE, CLEAR};

    for (size_t i = 0; i < sizeof kinds; i++) {
        struct call *c = &history.calls[0][history.length[0]];

        if (!vp0 && (kinds[i] == LINE || kinds[i] == ACKNOWLEDGE))
            continue;
        *c = (struct call){.kind = kinds[i],
                           .caller = (uint8_t)atomic_load(&owner_hint),
                           .form = 1,
                           .generation = (uint8_t)atomic_load(&generation_hint),
                           .vector = 0x99};
        if (kinds[i] == LINE || kinds[i] == ACKNOWLEDGE)
            c->generation = vp0_generation;
        record(c);
        history.length[0]++;
    }
}

static void print_history(void)
{
    for (int t = 0; t < THREADS; t++)
        for (unsigned i = 0; i < history.length[t]; i++) {
            const struct call *c = &history.calls[t][i];
            print_error("thread %d  %5u..%5u  %-11s by %u on %u vector %02x form %u -> %d (0x%x)\n",
                        t, c->begin, c->end, kind_names[c->kind], c->caller, c->generation,
                        c->vector, c->form, c->answer, (unsigned)c->answer);
        }
}

/* Tests. */

/* Histories written by hand: {thread, kind, caller, generation, vector, answer, begin, end}. */
struct line {
    int thread;
    struct call call;
};
#define AT(thread, kind, caller, generation, vector, answer, begin, end) \
    {                                                                    \
        thread,                                                          \
        {                                                                \
            kind, caller, 0, generation, vector, answer, begin, end      \
        }                                                                \
    }

static int by_hand(const struct line *lines, size_t count)
{
    static struct history h;

    memset(&h, 0, sizeof h);
    h.start = (struct model){.life = ACTIVE, .vp0 = 1};
    for (size_t i = 0; i < count; i++)
        h.calls[lines[i].thread][h.length[lines[i].thread]++] = lines[i].call;
    return explained(&h);
}
#define EXPLAINED(...)                          \
    by_hand((const struct line[]){__VA_ARGS__}, \
            sizeof((const struct line[]){__VA_ARGS__}) / sizeof(struct line))

static void the_checker_accepts_what_the_table_says(void **state)
{
    (void)state;
    assert_true(EXPLAINED(AT(0, CLEAR, 0, 0, 0, 0x14, 0, 1)));
    assert_true(EXPLAINED(AT(0, ASSERT, 0, 0, 0x41, 0, 0, 1),
                          AT(2, ACKNOWLEDGE, 0, 0, 0x41, 0, 2, 3),
                          AT(0, ASSERT, 0, 0, 0x42, 0x16, 4, 5), AT(1, CLEAR, 0, 0, 0, 0, 6, 7),
                          AT(1, CLEAR, 0, 0, 0, 0x14, 8, 9)));
    /* Overlapping: the acknowledge may have come first. */
    assert_true(EXPLAINED(AT(0, ASSERT, 0, 0, 0x41, 0, 0, 1), AT(1, CLEAR, 0, 0, 0, 0, 2, 5),
                          AT(2, ACKNOWLEDGE, 0, 0, 0x41, 0, 3, 4)));
    /* Finalize not done, but begun; ended; the slot used again by the brother. */
    assert_true(EXPLAINED(AT(3, FINALIZE, 0, 0, 0, 0x78, 0, 1), AT(0, CLEAR, 0, 0, 0, 0x07, 2, 3),
                          AT(2, DETACH, 0, 0, 0, 0, 4, 5), AT(3, FINALIZE, 0, 0, 0, 0, 6, 7),
                          AT(3, DELETE, 0, 0, 0, 0, 8, 9), AT(0, CLEAR, 0, 0, 0, 0x0D, 10, 11),
                          AT(3, CREATE, 1, 1, 0, 0, 12, 13), AT(0, CLEAR, 0, 1, 0, 0x06, 14, 15),
                          AT(0, CLEAR, 1, 1, 0, 0x07, 16, 17),
                          AT(3, INITIALIZE, 1, 1, 0, 0, 18, 19),
                          AT(0, ASSERT, 1, 1, 0x41, 0x0E, 20, 21)));
    /* Finalize not done and not begun. */
    assert_true(EXPLAINED(AT(3, FINALIZE, 0, 0, 0, 0x78, 0, 1), AT(0, CLEAR, 0, 0, 0, 0x14, 2, 3)));
}

static void the_checker_rejects_broken_histories(void **state)
{
    (void)state;
    /* One acknowledgement cleared twice, one after the other and at once. */
    assert_false(EXPLAINED(AT(0, ASSERT, 0, 0, 0x41, 0, 0, 1),
                           AT(2, ACKNOWLEDGE, 0, 0, 0x41, 0, 2, 3), AT(0, CLEAR, 0, 0, 0, 0, 4, 5),
                           AT(1, CLEAR, 0, 0, 0, 0, 6, 7)));
    assert_false(EXPLAINED(AT(0, ASSERT, 0, 0, 0x41, 0, 0, 1),
                           AT(2, ACKNOWLEDGE, 0, 0, 0x41, 0, 2, 3), AT(0, CLEAR, 0, 0, 0, 0, 4, 7),
                           AT(1, CLEAR, 0, 0, 0, 0, 5, 6)));
    /* Lost: never cleared, and gone. */
    assert_false(EXPLAINED(AT(0, ASSERT, 0, 0, 0x41, 0, 0, 1),
                           AT(2, ACKNOWLEDGE, 0, 0, 0x41, 0, 2, 3),
                           AT(0, CLEAR, 0, 0, 0, 0x14, 4, 5)));
    /* Cleared before it was acknowledged. */
    assert_false(EXPLAINED(AT(0, ASSERT, 0, 0, 0x41, 0, 0, 1), AT(1, CLEAR, 0, 0, 0, 0, 2, 3),
                           AT(2, ACKNOWLEDGE, 0, 0, 0x41, 0, 4, 5)));
    /* A vector that was withdrawn, or superseded, or that is another's. */
    assert_false(EXPLAINED(AT(0, ASSERT, 0, 0, 0x41, 0, 0, 1), AT(0, WITHDRAW, 0, 0, 0, 0, 2, 3),
                           AT(2, ACKNOWLEDGE, 0, 0, 0x41, 0, 4, 5)));
    assert_false(EXPLAINED(AT(0, ASSERT, 0, 0, 0x41, 0, 0, 1), AT(0, ASSERT, 0, 0, 0x42, 0, 2, 3),
                           AT(2, ACKNOWLEDGE, 0, 0, 0x41, 0, 4, 5)));
    /* Asserted, or withdrawn, over an acknowledged one. */
    assert_false(EXPLAINED(AT(0, ASSERT, 0, 0, 0x41, 0, 0, 1),
                           AT(2, ACKNOWLEDGE, 0, 0, 0x41, 0, 2, 3),
                           AT(0, WITHDRAW, 0, 0, 0, 0, 4, 5)));
    /* An interrupt that outlives its VP 0, a reset, or its partition. */
    assert_false(EXPLAINED(AT(0, ASSERT, 0, 0, 0x41, 0, 0, 1), AT(2, DETACH, 0, 0, 0, 0, 2, 3),
                           AT(2, ATTACH, 0, 0, 0, 0, 4, 5),
                           AT(2, ACKNOWLEDGE, 0, 0, 0x41, 0, 6, 7)));
    assert_false(EXPLAINED(AT(0, ASSERT, 0, 0, 0x41, 0, 0, 1), AT(3, RESET, 0, 0, 0, 0, 2, 3),
                           AT(2, LINE, 0, 0, 0, 1, 4, 5)));
    assert_false(EXPLAINED(AT(2, DETACH, 0, 0, 0, 0, 0, 1), AT(3, FINALIZE, 0, 0, 0, 0, 2, 3),
                           AT(0, CLEAR, 0, 0, 0, 0x14, 4, 5)));
    /* Finalized under a VP; the old owner on the brother's child; a dead ID. */
    assert_false(EXPLAINED(AT(3, FINALIZE, 0, 0, 0, 0, 0, 1)));
    assert_false(EXPLAINED(AT(2, DETACH, 0, 0, 0, 0, 0, 1), AT(3, FINALIZE, 0, 0, 0, 0, 2, 3),
                           AT(3, DELETE, 0, 0, 0, 0, 4, 5), AT(3, CREATE, 1, 1, 0, 0, 6, 7),
                           AT(3, INITIALIZE, 1, 1, 0, 0, 8, 9),
                           AT(0, CLEAR, 0, 1, 0, 0x14, 10, 11)));
    assert_false(EXPLAINED(AT(2, DETACH, 0, 0, 0, 0, 0, 1), AT(3, FINALIZE, 0, 0, 0, 0, 2, 3),
                           AT(3, DELETE, 0, 0, 0, 0, 4, 5), AT(3, CREATE, 1, 0, 0, 0, 6, 7)));
    assert_false(EXPLAINED(AT(0, CLEAR, 0, 0, 0, 0x99, 0, 1)));
}

static unsigned long answers[KINDS][0x80], overlapping, falsified, detected;

static void count(void)
{
    for (int t = 0; t < THREADS; t++)
        for (unsigned i = 0; i < history.length[t]; i++) {
            const struct call *c = &history.calls[t][i];

            answers[c->kind][c->answer & 0x7F]++;
            for (int u = 0; u < THREADS; u++)
                for (unsigned k = 0; u != t && k < history.length[u]; k++)
                    overlapping +=
                        history.calls[u][k].begin < c->end && c->begin < history.calls[u][k].end;
        }
}

/* Turns one answer of the recorded history round: the search should mostly notice. */
static void falsify(void)
{
    struct call *c = &history.calls[dice(THREADS)][dice(CALLS)];

    if (c->kind != CLEAR || (c->answer != 0x00 && c->answer != 0x14))
        return;
    c->answer ^= 0x14;
    falsified++;
    detected += !explained(&history);
    c->answer ^= 0x14;
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned long expect_histories(unsigned long number)
{
    for (unsigned long n = 0; n < number; n++) {
        if (!make_instance())
            return n;
        memset(&history, 0, sizeof history);
        history.start = (struct model){.life = ACTIVE, .vp0 = 1};
        reuse = n % 3 == 2;
        atomic_store(&now, 0);
        atomic_store(&at_gate, 0);
        pthread_barrier_wait(&barrier);
        take_part();
        pthread_barrier_wait(&barrier);
        look_at_the_end();
        count();
        if (!explained(&history)) {
            print_error("history %lu has no explanation%s\n", n,
                        configurations > SEEN / 2 ? " (search given up)" : "");
            print_history();
            return n;
        }
        if (n % 8 == 0)
            falsify();
    }
    return number;
}

static void concurrent_calls_are_linearizable(void **state)
{
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    const double begun = seconds();
    unsigned long done;
    pthread_t disturber;

    (void)state;
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    workers[0] = pthread_self();
    random_state = seed;
    for (int t = 1; t < THREADS; t++)
        assert_int_equal(pthread_create(&workers[t], NULL, worker, (void *)(intptr_t)t), 0);
    assert_int_equal(pthread_create(&disturber, NULL, nuisance, NULL), 0);
    done = expect_histories(histories);
    atomic_store(&stop, 1);
    pthread_barrier_wait(&barrier);
    pthread_join(disturber, NULL);
    for (int t = 1; t < THREADS; t++)
        pthread_join(workers[t], NULL);
    print_message("%lu histories of %d threads in %.1f s, %.1f overlapping pairs each, "
                  "%lu of %lu falsified ones noticed\n",
                  done, THREADS, seconds() - begun,
                  (double)overlapping / 2 / (double)(done + !done), detected, falsified);
    for (int k = 0; k < KINDS; k++) {
        char text[400];
        int length = snprintf(text, sizeof text, "  %-11s", kind_names[k]);

        for (int a = 0; a < 0x80; a++)
            if (answers[k][a])
                length += snprintf(text + length, sizeof text - (size_t)length, "  %d: %lu",
                                   a >= 0x79 ? a - 0x80 : a, answers[k][a]);
        print_message("%s\n", text);
    }
    assert_int_equal(done, histories);
}

/* A test in which nothing happens would pass too. */
static void everything_has_happened_often_enough(void **state)
{
    static const struct {
        uint8_t kind, answer;
    } wanted[] = {
        {ASSERT, 0x00},   {ASSERT, 0x16},      {ASSERT, 0x0E},   {ASSERT, 0x07},
        {ASSERT, 0x0D},   {ASSERT, 0x06},      {WITHDRAW, 0x00}, {WITHDRAW, 0x16},
        {CLEAR, 0x00},    {CLEAR, 0x14},       {CLEAR, 0x07},    {CLEAR, 0x0D},
        {CLEAR, 0x06},    {ACKNOWLEDGE, 0x00}, {RESET, 0x00},    {ACKNOWLEDGE, 0x80 - 6},
        {LINE, 0},        {LINE, 1},           {ATTACH, 0x00},   {ATTACH, 0x80 - 4},
        {DETACH, 0x00},   {CREATE, 0x00},      {CREATE, 0x1D},   {INITIALIZE, 0x00},
        {FINALIZE, 0x00}, {FINALIZE, 0x78},    {DELETE, 0x00},   {ACKNOWLEDGE, 0x80 - 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (answers[wanted[i].kind][wanted[i].answer] < histories / 100)
            fail_msg("%s was answered 0x%02x only %lu times", kind_names[wanted[i].kind],
                     wanted[i].answer, answers[wanted[i].kind][wanted[i].answer]);
    assert_true(overlapping / 2 > histories);
    assert_true(detected > falsified / 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checker_accepts_what_the_table_says),
        cmocka_unit_test(the_checker_rejects_broken_histories),
        cmocka_unit_test(concurrent_calls_are_linearizable),
        cmocka_unit_test(everything_has_happened_often_enough),
    };
    const char *number = argc > 1 ? argv[1] : getenv("HVEMU_HISTORIES");

    if (number)
        histories = strtoul(number, NULL, 0);
    if (argc > 2)
        seed = strtoull(argv[2], NULL, 0);
    print_message("%lu histories, seed %llu\n", histories, (unsigned long long)seed);
    return cmocka_run_group_tests_name("linearizable", tests, NULL, NULL);
}
