/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* HvClearVirtualInterrupt from signal handlers that interrupt the library: while it holds its
 * try-lock, inside the VMM's ops, at random instructions, and (x86-64) at every single one.
 *
 * test_signal [seconds of each test [seed]] */

#include "hvtest.h"

#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/endian.h>
#include <sys/time.h>
#include <time.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#endif

static double duration = 2.0;
static uint64_t seed = 20240609;

static alignas(64) uint8_t memory[0x40000];
static struct hvemu *hv;
static uint64_t guest;           /* active for the whole test; VP 0 is `boot` */
static volatile uint64_t mayfly; /* the ID of a partition that comes and goes */
static struct hvemu_vp *boot;
static struct hvemu_caller as_root, as_guest;
static pthread_t main_thread;

/* What the handler saw. */
static atomic_ulong signals, signals_in_ops, signals_attached[3], successes;
static atomic_ulong seen[3][0x100]; /* wrapper on the guest, explicit on the guest, on the mayfly */
static _Atomic(const char *) complaint;
static volatile sig_atomic_t in_op, raise_in_ops;
static volatile sig_atomic_t handler_asserts, handler_acknowledges;
static atomic_ulong acknowledged_in_handler;

static void complain(const char *text)
{
    const char *none = NULL;

    atomic_compare_exchange_strong(&complaint, &none, text);
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The handler. */

static uint16_t note(int form, uint16_t status)
{
    atomic_fetch_add_explicit(&seen[form][status & 0xFF], 1, memory_order_relaxed);
    if (form < 2 && status == 0x00)
        atomic_fetch_add_explicit(&successes, 1, memory_order_relaxed);
    return status;
}

static void look(void)
{
    HV_PARTITION_ID id = 0;
    const uint16_t own = HvGetPartitionId(&id), wrapper = note(0, HvClearVirtualInterrupt(guest)),
                   explicit = note(1, hvemu_clear_virtual_interrupt(hv, 1, guest)),
                   flying = note(2, hvemu_clear_virtual_interrupt(hv, 1, mayfly));

    /* The interrupted thread is attached to the root, to the guest or to nobody, and nothing else,
       and all calls in here agree upon it. */
    if (own == 0x00 && id == 1) {
        atomic_fetch_add_explicit(&signals_attached[0], 1, memory_order_relaxed);
        if (wrapper != 0x00 && wrapper != 0x14)
            complain("the root's clear had an answer that is not in the table");
    } else if ((own == 0x00 && id == guest) || own == 0x06) {
        atomic_fetch_add_explicit(&signals_attached[own ? 2 : 1], 1, memory_order_relaxed);
        if (wrapper != 0x06)
            complain("clear by nobody, or by the guest itself, was not denied");
    } else
        complain("the thread was seen attached to something else");
    if (explicit != 0x00 && explicit != 0x14)
        complain("the explicit clear had an answer that is not in the table");
    if (wrapper == 0x00 && explicit == 0x00)
        complain("one acknowledgement was cleared twice");
    if (flying != 0x14 && flying != 0x07 && flying != 0x0D && flying != 0x00)
        complain("clear on a partition that comes and goes had an answer not in the table");
}

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add_explicit(&signals, 1, memory_order_relaxed);
    if (in_op)
        atomic_fetch_add_explicit(&signals_in_ops, 1, memory_order_relaxed);
    look();
    if (handler_asserts) {
        /* Always another, and never the one that the interrupted call asserts. */
        static uint32_t vector;
        const uint16_t status =
            hvemu_assert_virtual_interrupt(hv, 1, guest, 7, 0, 0x42 + ++vector % 0xB5);
        if (status != 0x00 && status != 0x16)
            complain("assert from the handler had an answer that is not in the table");
    }
    if (handler_acknowledges) {
        uint8_t vector;
        if (hvemu_ext_int_acknowledge(boot, &vector) == HVEMU_OK)
            atomic_fetch_add_explicit(&acknowledged_in_handler, 1, memory_order_relaxed);
        else
            complain("acknowledge from the handler failed");
    }
}

/* The VMM. */

static void pass_op(void)
{
    in_op++;
    if (raise_in_ops && !handler_asserts)
        raise(SIGUSR1);
    in_op--;
}

static void ext_int(void *ctx, uint64_t partition)
{
    (void)ctx, (void)partition;
    pass_op();
}

static uint16_t interrupt(void *ctx, uint64_t partition, uint64_t control, uint64_t address,
                          uint32_t vector)
{
    (void)ctx, (void)partition, (void)control, (void)address, (void)vector;
    pass_op();
    return 0;
}

static int gpa_read(void *ctx, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes)
{
    (void)ctx, (void)partition, (void)gpa;
    pass_op();
    memset(to, 0, bytes);
    return HVEMU_MEM_OK;
}

static int overlay(void *ctx, uint64_t partition, uint64_t gpa, const uint8_t *code, uint32_t bytes)
{
    (void)ctx, (void)partition, (void)gpa, (void)code, (void)bytes;
    pass_op();
    return HVEMU_MEM_OK;
}

static uint16_t partition_event(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                                void **child_ctx)
{
    (void)ctx, (void)event, (void)creation, (void)child_ctx;
    mayfly = partition;
    pass_op();
    return 0;
}

static const struct hvemu_ops ops = {.size = sizeof ops,
                                     .ext_int = ext_int,
                                     .interrupt = interrupt,
                                     .gpa_read = gpa_read,
                                     .overlay = overlay,
                                     .partition = partition_event};

static int setup(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .partitions = 3, .depth = 1};
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    (void)state;
    assert_in_range(hvemu_memory_size(&config), 1, sizeof memory);
    assert_result(hvemu_init(&hv, memory, sizeof memory, &config, &ops, NULL), HVEMU_OK);
    assert_result(hvemu_add_guest(hv, 1, HV_PRIVILEGE_ALL, NULL, &guest), HVEMU_OK);
    assert_result(hvemu_vp_attach(hv, guest, 0, NULL, &boot), HVEMU_OK);
    as_root = (struct hvemu_caller){.hv = hv, .partition = 1};
    as_guest = (struct hvemu_caller){.hv = hv, .partition = guest};
    mayfly = 3;
    atomic_store(&complaint, NULL);
    atomic_store(&signals, 0);
    atomic_store(&signals_in_ops, 0);
    for (int i = 0; i < 3; i++)
        atomic_store(&signals_attached[i], 0);
    atomic_store(&successes, 0);
    memset(seen, 0, sizeof seen);
    atomic_store(&acknowledged_in_handler, 0);
    raise_in_ops = handler_asserts = handler_acknowledges = 0;
    main_thread = pthread_self();
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(sigaction(SIGTRAP, &action, NULL), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hvemu_attach(NULL);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGALRM, SIG_IGN);
    signal(SIGTRAP, SIG_DFL);
    return 0;
}

static uint16_t call_on(uint16_t code, uint64_t id)
{
    uint8_t in[8];

    le64enc(in, id);
    return (uint16_t)hvemu_hypercall(hv, 1, code, in, sizeof in, NULL, 0);
}

/* One round of every life-cycle call and of what else there is, each answer as if no signal had
 * come, but for what the handler may have cleared. Returns how many interrupts were
 * acknowledged. */
static unsigned long round_of_calls(void)
{
    const uint8_t in[56] = {0};
    unsigned long acknowledged = 0;
    struct hvemu_x64_frame frame = {.rcx = 0x56, .rdx = 0x1000, .mode = HVEMU_X64_KERNEL64};
    struct hvemu_vp *vp = NULL;
    uint8_t out[8], vector = 0;
    uint64_t id, value = 0;
    uint16_t status;

    hvemu_attach(&as_root);
    if (hvemu_hypercall(hv, 1, 0x40, in, sizeof in, out, sizeof out) != 0)
        complain("create failed");
    id = le64dec(out);
    hvemu_attach(&as_guest);
    if (call_on(0x41, id) != 0 || hvemu_vp_attach(hv, id, 0, NULL, &vp) != HVEMU_OK)
        complain("initialize or attach failed");
    hvemu_attach(NULL);
    if (hvemu_assert_virtual_interrupt(hv, 1, id, 7, 0, 0x41) != 0 ||
        hvemu_ext_int_acknowledge(vp, &vector) != HVEMU_OK || vector != 0x41)
        complain("assert or acknowledge failed");
    status = call_on(0x56, id); /* the handler clears this one as well */
    if (status != 0x00 && status != 0x14)
        complain("clear failed");
    if (hvemu_x64_wrmsr(vp, 0x40000000, 1) != HVEMU_STEP ||
        hvemu_x64_wrmsr(vp, 0x40000001, 0xF001) != HVEMU_STEP ||
        hvemu_x64_rdmsr(vp, 0x40000001, &value) != HVEMU_STEP || value != 0xF001)
        complain("an MSR failed");
    if (hvemu_x64_hypercall(vp, &frame) != HVEMU_STEP || frame.rax != 0x06)
        complain("a hypercall failed");
    hvemu_attach(&as_root);
    if (hvemu_assert_virtual_interrupt(hv, 1, guest, 0, 0, 0x41) != 0)
        complain("assert of another type failed");
    status = hvemu_assert_virtual_interrupt(hv, 1, guest, 7, 0, 0x52);
    if (status != 0x00)
        complain("assert failed");
    if (hvemu_ext_int_acknowledge(boot, &vector) == HVEMU_OK)
        acknowledged++;
    else
        complain("acknowledge failed");
    note(0, HvClearVirtualInterrupt(guest));
    if (hvemu_reset(hv, id) != HVEMU_OK || call_on(0x42, id) != 0x78 ||
        hvemu_vp_detach(vp) != HVEMU_OK || call_on(0x42, id) != 0 || call_on(0x43, id) != 0)
        complain("reset, detach, finalize or delete failed");
    return acknowledged;
}

static void expect_no_complaint(void)
{
    if (atomic_load(&complaint))
        fail_msg("%s", atomic_load(&complaint));
}

/* Tests. */

static void a_signal_inside_every_op_is_served(void **state)
{
    unsigned long acknowledged = 0;

    (void)state;
    raise_in_ops = 1;
    for (int i = 0; i < 2000; i++)
        acknowledged += round_of_calls();
    expect_no_complaint();
    print_message("%lu signals, %lu of them inside ops\n", atomic_load(&signals),
                  atomic_load(&signals_in_ops));
    assert_true(atomic_load(&signals_in_ops) >= 2000 * 10);
    assert_int_equal(atomic_load(&successes), acknowledged);
    /* The handler finds the partition before its life, in it, and after it. */
    assert_true(atomic_load(&seen[2][0x0D]) > 0);
    assert_true(atomic_load(&seen[2][0x14]) > 0);
    assert_true(atomic_load(&seen[2][0x07]) > 0);
}

static atomic_int stop;

static void *send_signals(void *argument)
{
    uint64_t random = seed;

    (void)argument;
    while (!atomic_load(&stop)) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        pthread_kill(main_thread, SIGUSR1);
        for (volatile uint32_t i = (uint32_t)(random >> 33) % 4000; i > 0; i--)
            continue;
    }
    return NULL;
}

static void signals_at_random_moments_are_served(void **state)
{
    const struct itimerval often = {.it_interval = {.tv_usec = 101}, .it_value = {.tv_usec = 101}},
                           never = {0};
    const double end = seconds() + duration;
    unsigned long rounds = 0, acknowledged = 0;
    sigset_t alarms;
    pthread_t sender;

    (void)state;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    atomic_store(&stop, 0);
    pthread_sigmask(SIG_BLOCK, &alarms, NULL); /* inherited: the sender does not serve them */
    assert_int_equal(pthread_create(&sender, NULL, send_signals, NULL), 0);
    pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (; !atomic_load(&complaint) && seconds() < end; rounds++)
        acknowledged += round_of_calls();
    setitimer(ITIMER_REAL, &never, NULL);
    atomic_store(&stop, 1);
    pthread_join(sender, NULL);
    expect_no_complaint();
    print_message(
        "%lu signals in %lu rounds; attached to the root %lu, the guest %lu, nobody %lu\n",
        atomic_load(&signals), rounds, atomic_load(&signals_attached[0]),
        atomic_load(&signals_attached[1]), atomic_load(&signals_attached[2]));
    assert_int_equal(atomic_load(&successes), acknowledged);
#ifndef SANITIZED /* which hold signals back */
    assert_true(atomic_load(&signals) > 1000);
    for (int i = 0; i < 3; i++)
        assert_true(atomic_load(&signals_attached[i]) > 0);
#endif
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(SANITIZED)

/* The processor's trap flag: a SIGTRAP after each instruction, until it is cleared. The red zone
   under the stack pointer is stepped over. */
static void step(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; orq $0x100, (%%rsp); popfq;"
                     "lea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
}

static void run(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; andq $~0x100, (%%rsp); popfq;"
                     "lea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
}

static void a_signal_at_every_instruction_is_served(void **state)
{
    unsigned long acknowledged = 0;

    (void)state;
    for (int i = 0; i < 20; i++) {
        step();
        acknowledged += round_of_calls();
        run();
    }
    expect_no_complaint();
    print_message("%lu signals in 20 rounds\n", atomic_load(&signals));
    assert_int_equal(atomic_load(&successes), acknowledged);
    assert_true(atomic_load(&signals) > 20 * 1000);
    for (int i = 0; i < 3; i++)
        assert_true(atomic_load(&signals_attached[i]) > 0);
}

/* Between any two instructions of these calls the handler changes the word under them. They give up
   after 8 lost races. */
static void a_call_that_always_loses_gives_up(void **state)
{
    uint8_t vector = 0xEE;
    uint16_t asserted, cleared;
    enum hvemu_result acknowledged;

    (void)state;
    handler_asserts = 1;
    step();
    asserted = hvemu_assert_virtual_interrupt(hv, 1, guest, 7, 0, 0x41);
    acknowledged = hvemu_ext_int_acknowledge(boot, &vector);
    run();
    expect_no_complaint();
    assert_status(asserted, 0x78);
    assert_result(acknowledged, HVEMU_E_BUSY);
    assert_int_equal(vector, 0xEE);
    assert_true(atomic_load(&signals) < 10000);
    assert_int_equal(atomic_load(&successes), 0);

    handler_acknowledges = 1;
    step();
    cleared = hvemu_clear_virtual_interrupt(hv, 1, guest);
    run();
    expect_no_complaint();
    assert_status(cleared, 0x78);
    assert_true(atomic_load(&signals) < 10000);
    /* The last one is left to be cleared. */
    assert_int_equal(atomic_load(&successes), atomic_load(&acknowledged_in_handler) - 1);
    assert_status(hvemu_clear_virtual_interrupt(hv, 1, guest), 0x00);
}

#else

static void a_signal_at_every_instruction_is_served(void **state)
{
    (void)state;
    skip();
}

static void a_call_that_always_loses_gives_up(void **state)
{
    (void)state;
    skip();
}

#endif

int main(int argc, char **argv)
{
#define SIGNALLED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        SIGNALLED(a_signal_inside_every_op_is_served),
        SIGNALLED(signals_at_random_moments_are_served),
        SIGNALLED(a_signal_at_every_instruction_is_served),
        SIGNALLED(a_call_that_always_loses_gives_up),
    };

    if (argc > 1)
        duration = strtod(argv[1], NULL);
    if (argc > 2)
        seed = strtoull(argv[2], NULL, 0);
    print_message("%.1f seconds, seed %llu\n", duration, (unsigned long long)seed);
    return cmocka_run_group_tests_name("signal", tests, NULL, NULL);
}
