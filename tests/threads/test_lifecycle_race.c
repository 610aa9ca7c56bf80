/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Interrupts against the end of partitions: threads assert, clear and acknowledge while another
 * finalizes the target, deletes it and gives its slot to a brother of the owner. The VMM here frees
 * a partition's context when it is told of the deletion, with no lock of its own: that no op comes
 * too late is the library's promise, and ThreadSanitizer and AddressSanitizer watch it.
 *
 * test_lifecycle_race [seconds of each test [seed]] */

#include "hvtest.h"

#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/endian.h>
#include <time.h>

enum { THREADS = 5, GENERATIONS = 1 << 17 };

static double duration = 2.0;
static uint64_t seed = 20240608;
static _Thread_local uint64_t random_state;

static alignas(64) uint8_t memory[0x40000];
static struct hvemu *hv;
static atomic_int stop;
/* What went wrong first, said by the main thread: cmocka's asserts belong to it. */
static _Atomic(const char *) complaint;

static void complain(const char *text)
{
    const char *none = NULL;

    atomic_compare_exchange_strong(&complaint, &none, text);
    atomic_store(&stop, 1);
}

static uint32_t dice(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % below);
}

static void dawdle(void)
{
    const uint32_t n = dice(16);

    if (n == 0)
        sched_yield();
    else if (n < 8)
        for (volatile uint32_t i = dice(100); i > 0; i--)
            continue;
}

static int going(void)
{
    return !atomic_load_explicit(&stop, memory_order_relaxed);
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The VMM. */

/* A partition's context. Plain memory: whoever reads it here does so by the library's order. */
struct life {
    uint64_t id;
    enum { UNBORN = 100, ALIVE, ENDED, FREED } state;
};

static struct life elders = {0, ALIVE}; /* the context of partitions that never die */
static atomic_uint kicks;
static unsigned lives_left; /* under the try-lock, as all life-cycle events are */
static uint64_t guest_memory[THREADS];

static void use(const struct life *life, uint64_t partition)
{
    if (life == &elders)
        return;
    if (life->state != ALIVE || life->id != partition)
        complain("an op came before the partition's life or after it");
    dawdle();
    if (life->state != ALIVE || life->id != partition)
        complain("a partition ended with an op of it in flight");
}

static void ext_int(void *ctx, uint64_t partition)
{
    use(ctx, partition);
    atomic_fetch_add(&kicks, 1);
}

static uint16_t interrupt(void *ctx, uint64_t partition, uint64_t control, uint64_t address,
                          uint32_t vector)
{
    use(ctx, partition);
    if (control != 0 || address != 3 || vector != 0x55)
        complain("the interrupt op got other parameters than the caller's");
    return 0;
}

static int gpa_read(void *ctx, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes)
{
    use(ctx, partition);
    memcpy(to, &guest_memory[gpa >> 12], bytes);
    return HVEMU_MEM_OK;
}

static int overlay(void *ctx, uint64_t partition, uint64_t gpa, const uint8_t *code, uint32_t bytes)
{
    (void)gpa, (void)code, (void)bytes;
    use(ctx, partition);
    return HVEMU_MEM_OK;
}

static uint16_t partition_event(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                                void **child_ctx)
{
    struct life *life = ctx;

    (void)creation;
    switch (event) {
    case HVEMU_PARTITION_CREATED:
        if (dice(8) == 0)
            return 0x1D;
        life = malloc(sizeof *life);
        if (!life)
            return 0x0B;
        *life = (struct life){partition, UNBORN};
        *child_ctx = life;
        lives_left++;
        return 0;
    case HVEMU_PARTITION_ACTIVE:
        if (life->state != UNBORN)
            complain("made active twice");
        if (dice(8) == 0)
            return 0x78;
        life->state = ALIVE;
        return 0;
    case HVEMU_PARTITION_STOP:
        if (life->state != ALIVE)
            complain("stopped, but not alive");
        return 0x78; /* ignored */
    case HVEMU_PARTITION_FINALIZED:
        if (life->state != ALIVE)
            complain("finalized, but not alive");
        if (dice(4) == 0)
            return 0x78;
        life->state = ENDED;
        return 0;
    default:
        if (life->state != ENDED && life->state != UNBORN)
            complain("deleted, but not ended");
        if (dice(8) == 0)
            return 0x78;
        life->state = FREED;
        free(life);
        lives_left--;
        return 0;
    }
}

static const struct hvemu_ops ops = {.size = sizeof ops,
                                     .ext_int = ext_int,
                                     .interrupt = interrupt,
                                     .gpa_read = gpa_read,
                                     .overlay = overlay,
                                     .partition = partition_event};

static void make_instance(uint32_t partitions, uint32_t depth)
{
    const struct hvemu_config config = {.size = sizeof config,
                                        .partitions = partitions,
                                        .vps = 16,
                                        .depth = depth,
                                        .privileges = HV_PRIVILEGE_ALL};

    assert_in_range(hvemu_memory_size(&config), 1, sizeof memory);
    memset(memory, 0xA5, sizeof memory);
    assert_result(hvemu_init(&hv, memory, sizeof memory, &config, &ops, &elders), HVEMU_OK);
    atomic_store(&stop, 0);
    atomic_store(&complaint, NULL);
    atomic_store(&kicks, 0);
    lives_left = 0;
}

static uint16_t call_on(uint64_t caller, uint16_t code, uint64_t id)
{
    uint8_t in[8];

    le64enc(in, id);
    return (uint16_t)hvemu_hypercall(hv, caller, code, in, sizeof in, NULL, 0);
}

static uint16_t create(uint64_t caller, uint64_t *id)
{
    const uint8_t in[56] = {0};
    uint8_t out[8];
    const uint16_t status =
        (uint16_t)hvemu_hypercall(hv, caller, 0x40, in, sizeof in, out, sizeof out);

    if (status == 0)
        *id = le64dec(out);
    return status;
}

/* Repeats what asks to be repeated; the threads that hold it up always get on. */
static void insist(uint64_t caller, uint16_t code, uint64_t id)
{
    uint16_t status;

    do
        status = call_on(caller, code, id);
    while (status == 0x78);
    if (status != 0)
        complain("a life-cycle call that must succeed in the end did not");
}

static struct hvemu_vp *insist_on_vp(uint64_t id, uint32_t index)
{
    struct hvemu_vp *vp = NULL;
    enum hvemu_result result;

    do
        result = hvemu_vp_attach(hv, id, index, NULL, &vp);
    while (result == HVEMU_E_BUSY);
    if (result != HVEMU_OK)
        complain("no VP could be attached");
    return vp;
}

static void insist_on_detaching(struct hvemu_vp *vp)
{
    enum hvemu_result result;

    do
        result = hvemu_vp_detach(vp);
    while (result == HVEMU_E_BUSY);
    if (result != HVEMU_OK)
        complain("a VP could not be detached");
}

static uint64_t insist_on_child(uint64_t parent)
{
    uint64_t id = 0;
    uint16_t status;

    do
        status = create(parent, &id);
    while (status == 0x78 || status == 0x1D);
    if (status != 0)
        complain("a partition could not be created");
    insist(parent, 0x41, id);
    return id;
}

static uint16_t ext_int_call(uint64_t caller, uint64_t id, uint32_t vector)
{
    return hvemu_assert_virtual_interrupt(hv, caller, id, 7, 0, vector);
}

/* Runs the functions, each on a thread of its own, the last one on this one. */
struct start {
    void (*function)(void);
    uint64_t seed;
};

static void *begin(void *argument)
{
    const struct start *start = argument;

    random_state = start->seed;
    start->function();
    return NULL;
}

static void run(void (*const functions[])(void), int count)
{
    struct start starts[THREADS];
    pthread_t threads[THREADS];

    for (int i = 0; i < count; i++) {
        starts[i] = (struct start){functions[i], seed + (uint64_t)i * 0x9E3779B97F4A7C15u};
        if (i + 1 < count)
            assert_int_equal(pthread_create(&threads[i], NULL, begin, &starts[i]), 0);
    }
    begin(&starts[count - 1]);
    for (int i = 0; i + 1 < count; i++)
        pthread_join(threads[i], NULL);
    if (atomic_load(&complaint))
        fail_msg("%s", atomic_load(&complaint));
}

/* One parent and one boot processor, driven by the kick alone. */

static uint64_t guest;
static struct hvemu_vp *boot;
static unsigned long taken;
/* Plain memory again. What the parent wrote before it asserted, the boot processor may read when it
   has seen the line; what that wrote before it acknowledged, the parent may read when it has
   cleared, and then write anew. */
static unsigned long letter, reply;

static void boot_processor(void)
{
    const double end = seconds() + duration * 5;
    unsigned idle = 0;

    while (going()) {
        uint8_t vector = 0;
        enum hvemu_result result;

        /* Asleep until kicked; then it first forgets the kick, then asks. */
        if (!atomic_exchange(&kicks, 0)) {
            sched_yield();
            if (++idle % 1024 == 0 && seconds() > end)
                complain("the boot processor was not kicked");
            continue;
        }
        if (!hvemu_ext_int_line(boot))
            continue;
        dawdle();
        reply = letter;
        result = hvemu_ext_int_acknowledge(boot, &vector);
        if (result == HVEMU_E_BUSY)
            atomic_store(&kicks, 1);
        else if (result != HVEMU_E_NOTHING && result != HVEMU_OK)
            complain("acknowledge failed");
        if (result == HVEMU_OK && (vector != (uint8_t)taken || reply != taken))
            complain("an interrupt was lost, doubled or overtaken");
        taken += result == HVEMU_OK;
    }
}

static void one_interrupt_after_the_other(void)
{
    const double end = seconds() + duration;
    unsigned long sent = 0;
    uint16_t status;

    while (going() && seconds() < end) {
        for (int i = 0; i < 100 && going(); i++) {
            /* Some are withdrawn. If that comes too late, the interrupt is taken already. */
            do
                status = ext_int_call(1, guest, (uint8_t)sent);
            while (status == 0x78);
            if (status != 0)
                complain("assert failed");
            if (dice(4) == 0) {
                do
                    status = ext_int_call(1, guest, 0xFFFFFFFF);
                while (status == 0x78);
                if (status == 0x00)
                    continue; /* withdrawn in time: nobody may have seen it */
                if (status != 0x16)
                    complain("withdrawing failed");
            }
            do {
                status = hvemu_clear_virtual_interrupt(hv, 1, guest);
                if (status == 0x14)
                    dawdle();
            } while ((status == 0x14 || status == 0x78) && going());
            if (going() && (status != 0 || reply != sent))
                complain("clear failed");
            letter = ++sent;
        }
    }
    atomic_store(&stop, 1);
    print_message("%lu interrupts sent one after the other\n", sent);
    if (sent < 100)
        complain("hardly any interrupts were sent");
}

static void every_interrupt_arrives_once_and_in_order(void **state)
{
    static void (*const functions[])(void) = {boot_processor, one_interrupt_after_the_other};

    (void)state;
    make_instance(2, 1);
    assert_result(hvemu_add_guest(hv, 1, 0, &elders, &guest), HVEMU_OK);
    assert_result(hvemu_vp_attach(hv, guest, 0, NULL, &boot), HVEMU_OK);
    taken = letter = 0;
    run(functions, 2);
}

/* Two asserters, two clearers. */

static atomic_ulong acknowledged, cleared;

static void asserter(void)
{
    while (going()) {
        const uint16_t status = ext_int_call(1, guest, dice(4) ? dice(256) : 0xFFFFFFFF);

        if (status != 0x00 && status != 0x16 && status != 0x78)
            complain("assert had an answer that is not in the table");
        dawdle();
    }
}

static void clearer(void)
{
    while (going()) {
        const uint16_t status = hvemu_clear_virtual_interrupt(hv, 1, guest);

        if (status == 0x00)
            atomic_fetch_add_explicit(&cleared, 1, memory_order_relaxed);
        else if (status != 0x14 && status != 0x78)
            complain("clear had an answer that is not in the table");
        dawdle();
    }
}

static void acknowledger(void)
{
    const double end = seconds() + duration;

    for (unsigned long n = 0; going(); n++) {
        uint8_t vector;
        const enum hvemu_result result = hvemu_ext_int_acknowledge(boot, &vector);

        if (result == HVEMU_OK)
            atomic_fetch_add_explicit(&acknowledged, 1, memory_order_relaxed);
        else if (result != HVEMU_E_NOTHING && result != HVEMU_E_BUSY)
            complain("acknowledge had a result that is not in the table");
        dawdle();
        if (n % 256 == 0 && seconds() > end)
            atomic_store(&stop, 1);
    }
}

static void each_acknowledged_interrupt_is_cleared_exactly_once(void **state)
{
    static void (*const functions[])(void) = {asserter, asserter, clearer, clearer, acknowledger};
    unsigned long left;

    (void)state;
    make_instance(2, 1);
    assert_result(hvemu_add_guest(hv, 1, 0, &elders, &guest), HVEMU_OK);
    assert_result(hvemu_vp_attach(hv, guest, 0, NULL, &boot), HVEMU_OK);
    atomic_store(&acknowledged, 0);
    atomic_store(&cleared, 0);
    run(functions, 5);
    left = hvemu_clear_virtual_interrupt(hv, 1, guest) == 0x00;
    print_message("%lu acknowledged, %lu cleared, %lu left\n", atomic_load(&acknowledged),
                  atomic_load(&cleared), left);
    assert_int_equal(atomic_load(&acknowledged), atomic_load(&cleared) + left);
    assert_status(hvemu_clear_virtual_interrupt(hv, 1, guest), 0x14);
    assert_true(atomic_load(&acknowledged) > 100);
}

/* Lives and deaths.
 *
 * Partitions 2 and 3 are brothers who own slot 4 in turn: its even generations are 2's, its odd
 * ones 3's. Slot 4's partition has a child in slot 5. Between two lives slot 5 has another guest,
 * so that the next partition is slot 4's again; the child's generation is twice its parent's. */

static uint64_t owner_of(uint64_t generation)
{
    return 2 + generation % 2;
}

static uint64_t child_of(uint64_t generation)
{
    return generation << 25 | 5;
}

static atomic_ullong generation_now, deleted_below;
static _Atomic(struct hvemu_vp *) guest_vp; /* handed to the VP's thread, and back as NULL */
static atomic_ushort acks[GENERATIONS], clears[GENERATIONS];
static atomic_ulong done_late, done_stale;

static void end_of(uint64_t parent, uint64_t id)
{
    insist(parent, 0x42, id);
    insist(parent, 0x43, id);
}

static void live_and_die(void)
{
    const double end = seconds() + duration;
    uint64_t generation, lodger = 0;

    for (generation = 0; going() && generation < GENERATIONS - 1 && seconds() < end; generation++) {
        const uint64_t owner = owner_of(generation), id = insist_on_child(owner);
        struct hvemu_vp *vp = insist_on_vp(id, 0), *inner;
        uint64_t child;

        if (id != (generation << 24 | 4))
            complain("an ID is not the one after the last");
        while (going() && hvemu_x64_wrmsr(vp, 0x40000000, 1) != HVEMU_STEP)
            continue;
        while (going() && hvemu_x64_wrmsr(vp, 0x40000001, 0xF001) != HVEMU_STEP)
            continue;
        if (lodger)
            insist(1, 0x43, lodger);
        child = insist_on_child(id);
        if (child != child_of(generation))
            complain("an ID is not the one after the last");
        inner = insist_on_vp(child, 0);
        atomic_store_explicit(&generation_now, generation, memory_order_relaxed);
        atomic_store(&guest_vp, vp);
        for (uint32_t n = dice(40); n > 0; n--)
            sched_yield();
        if (dice(2)) { /* children first, or refused */
            uint16_t status = call_on(owner, 0x42, id);
            if (status != 0x08 && status != 0x78)
                complain("a partition with a child was finalized");
        }
        insist_on_detaching(inner);
        end_of(id, child);
        while (create(1, &lodger) != 0x00)
            continue;
        /* Begin to finalize while the VP runs; it finds itself GONE and comes back. */
        if (call_on(owner, 0x42, id) == 0x00)
            complain("a partition with a VP was finalized");
        while (atomic_load(&guest_vp)) {
            (void)call_on(owner, 0x42, id);
            sched_yield();
        }
        insist_on_detaching(vp);
        end_of(owner, id);
        atomic_store(&deleted_below, generation + 1);
    }
    if (lodger)
        insist(1, 0x43, lodger);
    atomic_store(&stop, 1);
    print_message("%llu lives\n", (unsigned long long)generation);
    if (generation < 20)
        complain("hardly any lives were led");
}

/* The VP of slot 4's partition: takes interrupts, and clears its own child's. */
static void guest_processor(void)
{
    while (going()) {
        struct hvemu_vp *vp = atomic_load(&guest_vp);
        enum hvemu_action action = HVEMU_STEP;
        uint64_t generation;

        if (!vp) {
            sched_yield();
            continue;
        }
        generation = hvemu_vp_partition(vp) >> 24;
        while (action != HVEMU_GONE) {
            const uint64_t child = child_of(generation);
            struct hvemu_x64_frame frame = {.mode = HVEMU_X64_KERNEL64};
            uint8_t vector;

            if (hvemu_ext_int_line(vp) && hvemu_ext_int_acknowledge(vp, &vector) == HVEMU_OK)
                atomic_fetch_add_explicit(&acks[generation], 1, memory_order_relaxed);
            frame.rcx = dice(2) ? 0x10056 : 0x56;
            frame.rdx = frame.rcx == 0x56 ? 0x1000 : child;
            guest_memory[1] = child;
            action = hvemu_x64_hypercall(vp, &frame);
            if (action != HVEMU_STEP && action != HVEMU_REPEAT && action != HVEMU_GONE)
                complain("a hypercall had an action that is not in the table");
            /* Nobody acknowledges in there; the child may be gone. */
            if (action == HVEMU_STEP && frame.rax != 0x14 && frame.rax != 0x07 && frame.rax != 0x0D)
                complain("a hypercall had an answer that is not in the table");
            dawdle();
            if (!going() && atomic_load(&complaint))
                break;
        }
        atomic_store(&guest_vp, NULL);
    }
    atomic_store(&guest_vp, NULL);
}

/* What the owner of the moment, or one who thinks so, may get. */
static int in_table(uint16_t status)
{
    switch (status) {
    case 0x00:
    case 0x06:
    case 0x07:
    case 0x0D:
    case 0x0E:
    case 0x14:
    case 0x16:
    case 0x78:
        return 1;
    default:
        return 0;
    }
}

static void parent(void)
{
    while (going()) {
        const uint64_t generation =
            atomic_load_explicit(&generation_now, memory_order_relaxed) + (dice(8) == 0);
        const uint64_t id = generation << 24 | 4, owner = owner_of(generation);
        uint16_t status;

        switch (dice(6)) {
        case 0:
            status = ext_int_call(owner, id, 0xFFFFFFFF);
            break;
        case 1:
        case 2:
            status = ext_int_call(owner, id, dice(256));
            break;
        case 3:
            status = hvemu_assert_virtual_interrupt(hv, owner, id, 0, 3, 0x55);
            break;
        case 4: /* as the partition that may be dying, on its child */
            status = ext_int_call(id, child_of(generation), dice(256));
            break;
        default:
            status = hvemu_clear_virtual_interrupt(hv, owner, id);
            if (status == 0x00)
                atomic_fetch_add_explicit(&clears[generation], 1, memory_order_relaxed);
        }
        if (!in_table(status))
            complain("a call had an answer that is not in the table");
        if (status == 0x07 || status == 0x0D)
            atomic_fetch_add_explicit(&done_late, 1, memory_order_relaxed);
        dawdle();
    }
}

/* The dead and the strangers: whatever they try, they get nothing but no. */
static void stranger(void)
{
    while (going()) {
        const uint64_t below = atomic_load(&deleted_below),
                       now = atomic_load_explicit(&generation_now, memory_order_relaxed) +
                             (dice(4) == 0);
        const uint64_t dead = (below ? below - 1 - dice((uint32_t)(below < 8 ? below : 8)) : 0)
                              << 24;
        uint16_t status;

        if (below) {
            /* A dead ID, by whoever owned it and by who owns the slot now. */
            const uint64_t by = 2 + dice(2);
            if (hvemu_clear_virtual_interrupt(hv, by, dead | 4) != 0x0D ||
                ext_int_call(by, dead | 4, 0x41) != 0x0D ||
                hvemu_assert_virtual_interrupt(hv, by, dead | 4, 0, 3, 0x55) != 0x0D)
                complain("a dead ID was answered as if it lived");
            status = call_on(by, dice(2) ? 0x42 : 0x43, dead | 4);
            if (status != 0x0D && status != 0x78)
                complain("a life-cycle call acted on a dead ID");
            /* A dead caller, on what is its successor's. */
            if (hvemu_clear_virtual_interrupt(hv, dead | 4, child_of(now)) != 0x06 ||
                ext_int_call(dead | 4, child_of(now), 0x41) != 0x06 ||
                call_on(dead | 4, 0x42, child_of(now)) != 0x06)
                complain("a dead caller was heard");
            atomic_fetch_add_explicit(&done_stale, 1, memory_order_relaxed);
        }
        /* The brother who does not own the slot in this generation. */
        status = dice(2) ? hvemu_clear_virtual_interrupt(hv, owner_of(now + 1), now << 24 | 4)
                         : ext_int_call(owner_of(now + 1), now << 24 | 4, 0x41);
        if (status != 0x06 && status != 0x0D)
            complain("the brother's child was acted upon");
        status = call_on(owner_of(now + 1), dice(2) ? 0x42 : 0x43, now << 24 | 4);
        if (status != 0x06 && status != 0x0D && status != 0x78)
            complain("the brother's child was ended");
        dawdle();
    }
}

static void nothing_reaches_or_comes_from_a_partition_after_its_end(void **state)
{
    static void (*const functions[])(void) = {live_and_die, guest_processor, parent, parent,
                                              stranger};
    unsigned long sum = 0;
    uint64_t id;

    (void)state;
    make_instance(5, 3);
    for (uint64_t want = 2; want <= 3; want++) {
        assert_result(hvemu_add_guest(hv, 1, HV_PRIVILEGE_ALL, &elders, &id), HVEMU_OK);
        assert_u64(id, want);
    }
    run(functions, THREADS);
    assert_int_equal(lives_left, 0);
    for (size_t g = 0; g < GENERATIONS; g++) {
        const unsigned a = atomic_load(&acks[g]), c = atomic_load(&clears[g]);

        /* At most one acknowledged interrupt dies with its partition. */
        if (c > a || a > c + 1)
            fail_msg("generation %zu: %u acknowledged, %u cleared", g, a, c);
        sum += a;
    }
    print_message("%lu acknowledged, %lu calls came too late, %lu rounds of the dead\n", sum,
                  atomic_load(&done_late), atomic_load(&done_stale));
    assert_true(sum > 0 && atomic_load(&done_late) > 0 && atomic_load(&done_stale) > 0);
}

/* Life-cycle calls alone, from many threads. */

enum { SLOTS = 8 };
static atomic_ulong made;
static atomic_uchar given[SLOTS + 1][GENERATIONS]; /* how often an ID was given out */

static void make_and_unmake(void)
{
    const double end = seconds() + duration / 2;

    while (going() && seconds() < end) {
        uint64_t id = 0;
        const uint16_t status = create(1, &id);
        struct hvemu_vp *vp;

        if (status == 0x78 || status == 0x1D) {
            dawdle();
            continue;
        }
        if (status != 0) {
            complain("create had an answer that is not in the table");
            return;
        }
        if ((id & 0xFFFFFF) > SLOTS) {
            complain("there is no such slot");
            return;
        }
        if (id >> 24 >= GENERATIONS) { /* faster than was thought: enough */
            insist(1, 0x43, id);
            return;
        }
        if (atomic_fetch_add_explicit(&given[id & 0xFF][id >> 24], 1, memory_order_relaxed))
            complain("an ID was given out twice");
        atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
        if (dice(4)) {
            insist(1, 0x41, id);
            vp = insist_on_vp(id, 0);
            if (ext_int_call(1, id, 0x41) != 0x00)
                complain("a new partition takes no interrupt");
            insist_on_detaching(vp);
            insist(1, 0x42, id);
        }
        insist(1, 0x43, id);
    }
}

static void no_id_is_given_out_twice_and_no_slot_is_lost(void **state)
{
    static void (*const functions[])(void) = {make_and_unmake, make_and_unmake, make_and_unmake,
                                              make_and_unmake};
    uint64_t id;

    (void)state;
    make_instance(SLOTS, 1);
    run(functions, 4);
    assert_int_equal(lives_left, 0);
    for (int i = 1; i < SLOTS; i++)
        assert_result(hvemu_add_guest(hv, 1, 0, &elders, &id), HVEMU_OK);
    assert_result(hvemu_add_guest(hv, 1, 0, &elders, &id), HVEMU_E_SPACE);
    print_message("%lu partitions made by four threads\n", atomic_load(&made));
    assert_true(atomic_load(&made) > 100);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_interrupt_arrives_once_and_in_order),
        cmocka_unit_test(each_acknowledged_interrupt_is_cleared_exactly_once),
        cmocka_unit_test(nothing_reaches_or_comes_from_a_partition_after_its_end),
        cmocka_unit_test(no_id_is_given_out_twice_and_no_slot_is_lost),
    };

    if (argc > 1)
        duration = strtod(argv[1], NULL);
    if (argc > 2)
        seed = strtoull(argv[2], NULL, 0);
    print_message("%.1f seconds a test, seed %llu\n", duration, (unsigned long long)seed);
    return cmocka_run_group_tests_name("lifecycle_race", tests, NULL, NULL);
}
