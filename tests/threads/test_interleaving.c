/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Two actions at once, without chance: a call runs while the library's memory is out of reach, so
 * that each of its accesses there is a signal, and before the k-th access all of the other action
 * happens, for every k. What comes out must be what comes out when the one follows the other. An
 * action of several parts may also have the call between two of them.
 *
 * This finds what threads meet once in a million tries, as a partition that is ended and made anew,
 * by another owner and with the same interrupt acknowledged, between two loads. The same way a call
 * is made to lose every race there is, and meets what is only there while another thread is inside
 * an op. x86-64 Linux only; under a sanitizer there is nothing more to be learnt. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* REG_EFL */
#endif

#include "hvtest.h"
#include "internal.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/endian.h>
#include <sys/mman.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#endif

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(SANITIZED)

#include <ucontext.h>

/* The world: brothers 2 and 3, slot 4 the child of 2 at first. */
enum { SLOT = 4, EXT_INT = 7, AGAIN = 0x78, NONE = -1, OWN = 0x7001, PORT = 0x21 };

/* The VPs' rooms for lists and that for C calls, which nobody else looks at, lie at the end, in
   pages of their own. */
enum { BYTES = 0x10000, VPS = 4, LISTS = (VPS * 2 + 1) * 0x1000, WATCHED = BYTES - LISTS };
static uint8_t *memory; /* whole pages */
static struct hvemu *hv;
static struct hvemu_vp *boot, *native;
static uint64_t child;
static uint8_t guest_memory[8];

/* What can be seen of a run: the order of ops and events, all answers, the state at the end. */
struct outcome {
    int call, vector;
    char log[40];
    int end[14];
};
static struct outcome now;

static void note(char what, uint64_t partition)
{
    const size_t length = strlen(now.log);

    if (length + 3 < sizeof now.log) {
        now.log[length] = what;
        now.log[length + 1] = (char)('0' + (partition >> 24));
    }
}

static void ext_int(void *ctx, uint64_t partition)
{
    (void)ctx;
    note('k', partition);
}

static uint16_t interrupt(void *ctx, uint64_t partition, uint64_t control, uint64_t address,
                          uint32_t vector)
{
    (void)ctx, (void)control, (void)address, (void)vector;
    note('i', partition);
    return 0;
}

static int gpa_read(void *ctx, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes)
{
    (void)ctx, (void)partition, (void)gpa;
    memcpy(to, guest_memory, bytes);
    return HVEMU_MEM_OK;
}

static sem_t inside, go_on;
static volatile int stays_inside;

/* For a while, if the test asks for that. */
static int overlay(void *ctx, uint64_t partition, uint64_t gpa, const uint8_t *code, uint32_t bytes)
{
    (void)ctx, (void)partition, (void)gpa, (void)code, (void)bytes;
    if (stays_inside) {
        stays_inside = 0;
        sem_post(&inside);
        sem_wait(&go_on);
    }
    return HVEMU_MEM_OK;
}

static uint16_t partition_event(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                                void **child_ctx)
{
    (void)ctx, (void)creation, (void)child_ctx;
    note("CASFD"[event], partition);
    return 0;
}

static uint16_t vp_event(void *ctx, struct hvemu_vp *vp, uint32_t event, const void *block,
                         void **vp_ctx)
{
    (void)ctx, (void)block, (void)vp_ctx;
    if (event == HVEMU_VP_CREATED)
        boot = vp;
    return 0;
}

static const struct hvemu_ops ops = {.size = sizeof ops,
                                     .ext_int = ext_int,
                                     .interrupt = interrupt,
                                     .gpa_read = gpa_read,
                                     .overlay = overlay,
                                     .partition = partition_event,
                                     .vp = vp_event};

static uint16_t own_handler(const struct hvemu_invocation *invocation, const void *in,
                            const void *item, void *out)
{
    (void)in, (void)item, (void)out;
    note('o', invocation->target);
    return 0;
}

static const struct hvemu_descriptor own_call = {.size = sizeof own_call,
                                                 .name = "own",
                                                 .handler = own_handler,
                                                 .code = OWN,
                                                 .in = 8,
                                                 .target = HVEMU_PARENT,
                                                 .states = HVEMU_STATE_ACTIVE};

static int call_on(uint64_t caller, uint16_t code, uint64_t id)
{
    uint8_t in[8];

    le64enc(in, id);
    return (int)hvemu_hypercall(hv, caller, code, in, sizeof in, NULL, 0);
}

static int create(uint64_t caller, uint64_t *id)
{
    const uint8_t in[56] = {0};
    uint8_t out[8];
    const int status = (int)hvemu_hypercall(hv, caller, 0x40, in, sizeof in, out, sizeof out);

    if (status == 0)
        *id = le64dec(out);
    return status;
}

static int assert_on(uint64_t caller, uint64_t id, uint32_t vector)
{
    return hvemu_assert_virtual_interrupt(hv, caller, id, EXT_INT, 0, vector);
}

static int acknowledge(uint8_t *vector)
{
    const enum hvemu_result result = hvemu_ext_int_acknowledge(boot, vector);

    return result == HVEMU_E_BUSY ? AGAIN : (int)result;
}

static int install_intercept(uint64_t caller, uint32_t access)
{
    uint8_t in[24] = {0};

    le64enc(in, child);
    le32enc(in + 8, access);
    le32enc(in + 16, PORT);
    return (int)hvemu_hypercall(hv, caller, 0x4D, in, sizeof in, NULL, 0);
}

/* The child's first child, whatever state it is in: there is none, and its lock is free. */
static int list_children(uint64_t caller)
{
    uint8_t in[16] = {0}, out[8];

    le64enc(in, child);
    return (int)hvemu_hypercall(hv, caller, 0x47, in, sizeof in, out, sizeof out);
}

static int results(enum hvemu_result result)
{
    return result == HVEMU_E_BUSY ? AGAIN : (int)result;
}

/* Where a run begins. */
enum begin { IDLE, ASSERTED, ACKED, WITHOUT_VP, UNBORN, ENDED, BEGINNINGS };
static const char *const begin_names[] = {"idle",       "asserted", "acknowledged",
                                          "without VP", "unborn",   "ended"};

static void make_world(enum begin begin)
{
    /* New children may create partitions and write their MSRs, and may not ask for their ID. */
    static const struct hvemu_config config = {.size = sizeof config,
                                               .partitions = 4,
                                               .vps = VPS,
                                               .depth = 3,
                                               .calls = 1,
                                               .privileges = HV_PRIVILEGE_CREATE_PARTITIONS |
                                                             HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS};
    const size_t bytes = hvemu_memory_size(&config);
    uint8_t vector;
    uint64_t id;
    int bad;

    assert_in_range(bytes, LISTS, BYTES);
    bad = hvemu_init(&hv, memory + (BYTES - bytes), bytes, &config, &ops, NULL);
    bad |= hvemu_register(hv, &own_call);
    bad |= hvemu_add_guest(hv, 1, HV_PRIVILEGE_ALL, NULL, &id);
    bad |= hvemu_add_guest(hv, 1, HV_PRIVILEGE_ALL, NULL, &id);
    bad |= hvemu_vp_attach(hv, 2, 1, NULL, &native);
    bad |= hvemu_x64_wrmsr(native, 0x40000000, 1) != HVEMU_STEP;
    bad |= hvemu_x64_wrmsr(native, 0x40000001, 0xF001) != HVEMU_STEP;
    bad |= create(2, &child);
    le64enc(guest_memory, child);
    boot = NULL;
    if (begin != UNBORN)
        bad |= call_on(2, 0x41, child) | install_intercept(2, HV_INTERCEPT_ACCESS_MASK_WRITE);
    if (begin <= ACKED)
        bad |= hvemu_vp_attach(hv, child, 0, NULL, &boot);
    if (begin == ASSERTED || begin == ACKED)
        bad |= assert_on(2, child, 0x41);
    if (begin == ACKED)
        bad |= hvemu_ext_int_acknowledge(boot, &vector);
    if (begin == ENDED)
        bad |= call_on(2, 0x42, child);
    assert_int_equal(bad, 0);
    assert_u64(child, SLOT);
    memset(&now, 0, sizeof now);
}

static void look_at_the_end(void)
{
    uint8_t vector = 0;
    int *end = now.end;

    for (uint64_t caller = 2; caller <= 3; caller++)
        for (uint64_t generation = 0; generation < 2; generation++) {
            const uint64_t id = generation << 24 | SLOT;
            int status = hvemu_clear_virtual_interrupt(hv, caller, id);
            *end++ = status;
            *end++ = hvemu_clear_virtual_interrupt(hv, caller, id);
        }
    *end++ = hvemu_ext_int_line(boot);
    *end++ = boot ? (int)hvemu_ext_int_acknowledge(boot, &vector) : NONE;
    *end++ = vector;
    *end++ = list_children(2);
    *end++ = list_children(3);
    *end++ = call_on(2, 0x41, SLOT); /* tells the states apart in which clear answers alike */
}

/* The calls that are interrupted. All name the child that is there at the beginning. */

static int assert_41(void)
{
    return assert_on(2, SLOT, 0x41);
}

static int assert_52(void)
{
    return assert_on(2, SLOT, 0x52);
}

static int withdraw(void)
{
    return assert_on(2, SLOT, 0xFFFFFFFF);
}

static int assert_fixed(void)
{
    return hvemu_assert_virtual_interrupt(hv, 2, SLOT, 0, 0, 0x41);
}

static int clear(void)
{
    return hvemu_clear_virtual_interrupt(hv, 2, SLOT);
}

static int clear_by_the_brother(void)
{
    return hvemu_clear_virtual_interrupt(hv, 3, SLOT);
}

static int assert_by_the_brother(void)
{
    return assert_on(3, SLOT, 0x63);
}

static int by_registers(uint64_t control, uint64_t rdx)
{
    struct hvemu_x64_frame frame = {.rcx = control, .rdx = rdx, .mode = HVEMU_X64_KERNEL64};
    const enum hvemu_action action = hvemu_x64_hypercall(native, &frame);

    return action == HVEMU_STEP     ? (int)frame.rax
           : action == HVEMU_REPEAT ? AGAIN
                                    : 0x1000 + (int)action;
}

static int clear_fast(void)
{
    return by_registers(0x10056, SLOT);
}

static int clear_in_memory(void)
{
    return by_registers(0x56, 0x1000);
}

static int take(void)
{
    uint8_t vector = 0xEE;
    const int result = acknowledge(&vector);

    now.vector = vector;
    return result;
}

static int line(void)
{
    return hvemu_ext_int_line(boot);
}

static int reset(void)
{
    return results(hvemu_reset(hv, SLOT));
}

static int attach_boot(void)
{
    return results(hvemu_vp_attach(hv, SLOT, 0, NULL, &boot));
}

static int detach_boot(void)
{
    const int result = results(hvemu_vp_detach(boot));

    if (result == 0)
        boot = NULL;
    return result;
}

static int initialize(void)
{
    return call_on(2, 0x41, SLOT);
}

static int finalize(void)
{
    return call_on(2, 0x42, SLOT);
}

static int destroy(void)
{
    return call_on(2, 0x43, SLOT);
}

/* By the child itself, who may be dead by then. */
static int create_by_the_child(void)
{
    uint64_t id;

    return create(SLOT, &id);
}

static int identify_the_child(void)
{
    uint8_t out[8];

    return (int)hvemu_hypercall(hv, SLOT, 0x46, NULL, 0, out, sizeof out);
}

static int call_own(void)
{
    return call_on(2, OWN, SLOT);
}

/* PrivilegeFlags, of which another partition in the slot would have others. */
static int get_property(void)
{
    uint8_t in[16] = {0}, out[8];
    int status;

    le64enc(in, SLOT);
    le32enc(in + 8, 0x00010000);
    status = (int)hvemu_hypercall(hv, 2, 0x44, in, sizeof in, out, sizeof out);
    return status ? status : 0x1000 ^ (int)le64dec(out) ^ (int)(le64dec(out) >> 32);
}

static int look_for_intercept(void)
{
    return (int)hvemu_intercept(hv, SLOT, 0, PORT);
}

/* The privileges too. */
static int cpuid(void)
{
    uint32_t regs[4];
    const enum hvemu_action action = hvemu_x64_cpuid(hv, SLOT, 0x40000003, regs);

    return action == HVEMU_STEP ? (int)(regs[0] ^ regs[1]) : 0x1000 + (int)action;
}

static int write_os_id(void)
{
    const enum hvemu_action action = hvemu_x64_wrmsr(boot, 0x40000000, 5);

    return action == HVEMU_REPEAT ? AGAIN : 0x1000 + (int)action;
}

/* What an action needs or does: VP 0 stays, VP 0 goes, a VP is there at first. */
enum { NEEDS_BOOT = 1, ENDS_BOOT = 2, WITH_VP = 4 };

static const struct call {
    const char *name;
    int (*run)(void);
    unsigned begins, flags;
} calls[] = {
#define LIVE (1u << IDLE | 1u << ASSERTED | 1u << ACKED)
    {"assert 41", assert_41, LIVE | 1u << WITHOUT_VP, 0},
    {"assert 52", assert_52, LIVE, 0},
    {"withdraw", withdraw, LIVE, 0},
    {"assert fixed", assert_fixed, 1u << IDLE | 1u << WITHOUT_VP, 0},
    {"clear", clear, LIVE, 0},
    {"clear by the brother", clear_by_the_brother, 1u << IDLE | 1u << ACKED, 0},
    {"assert by the brother", assert_by_the_brother, 1u << IDLE, 0},
    {"fast clear", clear_fast, 1u << ACKED, 0},
    {"clear in memory", clear_in_memory, 1u << ACKED, 0},
    {"acknowledge", take, LIVE, NEEDS_BOOT},
    {"line", line, 1u << IDLE | 1u << ASSERTED, NEEDS_BOOT},
    {"reset", reset, LIVE, 0},
    {"attach VP 0", attach_boot, 1u << WITHOUT_VP, ENDS_BOOT},
    {"detach VP 0", detach_boot, LIVE, ENDS_BOOT},
    {"initialize", initialize, 1u << UNBORN, 0},
    {"finalize", finalize, 1u << WITHOUT_VP | 1u << ACKED, 0},
    {"delete", destroy, 1u << ENDED, 0},
    {"create by the child", create_by_the_child, 1u << IDLE | 1u << WITHOUT_VP, 0},
    {"identify the child", identify_the_child, 1u << IDLE | 1u << WITHOUT_VP, 0},
    {"own call", call_own, 1u << IDLE | 1u << WITHOUT_VP, 0},
    {"get a property", get_property, 1u << IDLE | 1u << WITHOUT_VP, 0},
    {"look for an intercept", look_for_intercept, 1u << IDLE | 1u << WITHOUT_VP, 0},
    {"CPUID", cpuid, 1u << IDLE | 1u << WITHOUT_VP, 0},
    {"write the OS ID", write_os_id, 1u << IDLE, NEEDS_BOOT},
};

/* The actions that come between. Each part is done at once; one that answers "again" is tried
   again when the call is over. */

static int take_it(void)
{
    uint8_t vector;

    return boot ? acknowledge(&vector) : 0;
}

static int begin_to_finalize(void)
{
    const int status = call_on(2, 0x42, SLOT);

    /* Not done while there is a VP or an op in flight; but begun, once STOP has been told. */
    return status == AGAIN && strchr(now.log, 'S') ? 0 : status;
}

static int lose_boot(void)
{
    return boot ? detach_boot() : 0;
}

static int finish_finalizing(void)
{
    const int status = finalize();

    return status == 0x07 ? 0 : status; /* had been done */
}

static int create_by_the_brother(void)
{
    return create(3, &child);
}

static int initialize_by_the_brother(void)
{
    return call_on(3, 0x41, child);
}

static int add_guest_of_the_brother(void)
{
    return results(hvemu_add_guest(hv, 3, HV_PRIVILEGE_ALL, NULL, &child));
}

static int install_by_the_brother(void)
{
    return install_intercept(3, HV_INTERCEPT_ACCESS_MASK_READ);
}

static int attach_new(void)
{
    return results(hvemu_vp_attach(hv, child, 0, NULL, &boot));
}

static int assert_new(void)
{
    return assert_on(3, child, 0x41);
}

enum { PARTS = 10 };
static const struct action {
    const char *name;
    unsigned flags;
    int (*parts[PARTS])(void);
} actions[] = {
    {"assert 41", 0, {assert_41}},
    {"assert 52", 0, {assert_52}},
    {"withdraw", 0, {withdraw}},
    {"clear", 0, {clear}},
    {"assert fixed", 0, {assert_fixed}},
    {"acknowledge", NEEDS_BOOT, {take_it}},
    {"withdraw, assert the same", 0, {withdraw, assert_41}},
    {"acknowledge, clear", NEEDS_BOOT, {take_it, clear}},
    {"acknowledge, clear, assert the same", NEEDS_BOOT, {take_it, clear, assert_41}},
    {"clear, assert and acknowledge the same", NEEDS_BOOT, {clear, assert_41, take_it}},
    {"reset", 0, {reset}},
    {"reset, assert and acknowledge the same", NEEDS_BOOT, {reset, assert_41, take_it}},
    {"VP 0 goes", ENDS_BOOT | WITH_VP, {lose_boot}},
    {"VP 0 goes and comes", ENDS_BOOT, {lose_boot, attach_boot}},
    {"begin to finalize", WITH_VP, {begin_to_finalize}},
    {"end", ENDS_BOOT, {begin_to_finalize, lose_boot, finish_finalizing, destroy}},
    {"end, and a guest of the brother",
     ENDS_BOOT,
     {begin_to_finalize, lose_boot, finish_finalizing, destroy, add_guest_of_the_brother,
      install_by_the_brother}},
    {"end, and life to a brother in the same state",
     ENDS_BOOT,
     {begin_to_finalize, lose_boot, finish_finalizing, destroy, create_by_the_brother,
      initialize_by_the_brother, attach_new, assert_new, take_it}},
};

static int parts_of(const struct action *action)
{
    int parts = 0;

    while (parts < PARTS && action->parts[parts])
        parts++;
    return parts;
}

/* From part `from` to before part `to`, or to one that must wait; returns where it stopped. */
static int act(const struct action *action, int from, int to)
{
    while (from < to && action->parts[from]() != AGAIN)
        from++;
    return from;
}

/* The run. */

static const struct action *volatile coming;
static volatile long countdown;
static const void *volatile first; /* if not NULL, counting begins after this has been read */
static volatile int parts_done;
static void (*volatile meddling)(void); /* before every access */

static void reach(int reachable)
{
    if (mprotect(memory, WATCHED, reachable ? PROT_READ | PROT_WRITE : PROT_NONE))
        abort();
}

/* An access to the library's memory: let it happen, and come back after this one instruction. */
static void on_access(int number, siginfo_t *info, void *context)
{
    ucontext_t *user = context;
    const uint8_t *at = info->si_addr;
    const int early = meddling || first;

    if (at < memory || at >= memory + WATCHED) {
        signal(number, SIG_DFL); /* a bug of the usual kind */
        return;
    }
    reach(1);
    if (meddling)
        meddling();
    if (at == first)
        first = NULL;
    if (early || countdown-- > 0)
        user->uc_mcontext.gregs[REG_EFL] |= 0x100; /* trap flag */
    else {
        parts_done = act(coming, 0, parts_of(coming));
        coming = NULL;
    }
}

static void on_trap(int number, siginfo_t *info, void *context)
{
    ucontext_t *user = context;

    (void)number, (void)info;
    user->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)0x100;
    reach(0);
}

/* The action before the k-th access of the call; 0: the call has fewer. */
static int run_with(const struct call *call, enum begin begin, const struct action *action, long k)
{
    make_world(begin);
    coming = action;
    countdown = k;
    reach(0);
    now.call = call->run();
    reach(1);
    if (coming)
        return 0;
    assert_int_equal(act(action, parts_done, parts_of(action)), parts_of(action));
    if (now.call == AGAIN) /* nothing has happened */
        now.call = call->run();
    look_at_the_end();
    return 1;
}

/* All that may come out: the call before part 0, 1, ... or after the last. */
static int references(const struct call *call, enum begin begin, const struct action *action,
                      struct outcome *to)
{
    const int parts = parts_of(action);

    for (int before = 0; before <= parts; before++) {
        int done;

        make_world(begin);
        done = act(action, 0, before);
        assert_int_equal(done, before);
        now.call = call->run();
        assert_int_equal(act(action, before, parts), parts);
        look_at_the_end();
        to[before] = now;
    }
    return parts + 1;
}

/* STOP may come before an op in flight, and FINALIZED may not: leave out STOP, which finalizing
   does not wait with. */
static int same(const struct outcome *a, const struct outcome *b)
{
    char logs[2][sizeof a->log] = {"", ""};
    const char *const from[2] = {a->log, b->log};

    for (int i = 0; i < 2; i++)
        for (size_t k = 0, at = 0; from[i][k]; k += 2)
            if (from[i][k] != 'S') {
                logs[i][at++] = from[i][k];
                logs[i][at++] = from[i][k + 1];
            }
    return a->call == b->call && a->vector == b->vector && !strcmp(logs[0], logs[1]) &&
           !memcmp(a->end, b->end, sizeof a->end);
}

static void print_outcome(const char *text, const struct outcome *o)
{
    print_error("%-10s call 0x%x vector %02x log %-12s end", text, (unsigned)o->call,
                (unsigned)o->vector, o->log);
    for (size_t i = 0; i < sizeof o->end / sizeof *o->end; i++)
        print_error(" %x", (unsigned)o->end[i]);
    print_error("\n");
}

static unsigned long runs;

static void expect_one_of(const struct call *call, enum begin begin, const struct action *action,
                          long k, const struct outcome *allowed, int count)
{
    for (int i = 0; i < count; i++)
        if (same(&now, &allowed[i]))
            return;
    print_error("%s, %s, before access %ld of: %s\n", begin_names[begin], action->name, k,
                call->name);
    for (int i = 0; i < count; i++)
        print_outcome("allowed", &allowed[i]);
    print_outcome("seen", &now);
    fail();
}

static void go_through(const struct call *call, enum begin begin, const struct action *action)
{
    struct outcome allowed[PARTS + 1];
    const int count = references(call, begin, action, allowed);

    for (long k = 0; run_with(call, begin, action, k); k++, runs++)
        expect_one_of(call, begin, action, k, allowed, count);
}

static int compatible(const struct call *call, enum begin begin, const struct action *action)
{
    /* VP 0 comes and goes by one thread, which has left the library then. */
    if ((call->flags & ENDS_BOOT) && (action->flags & (NEEDS_BOOT | ENDS_BOOT)))
        return 0;
    if ((call->flags & NEEDS_BOOT) && (action->flags & ENDS_BOOT))
        return 0;
    return begin < WITHOUT_VP || !(action->flags & (NEEDS_BOOT | WITH_VP));
}

static int map_memory(void **state)
{
    (void)state;
    memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED;
}

/* In the test itself, around which cmocka has a handler of its own; after whatever stopped the last
   one. */
static void watch_memory(void)
{
    struct sigaction access = {.sa_sigaction = on_access, .sa_flags = SA_SIGINFO},
                     trap = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

    coming = NULL;
    first = NULL;
    meddling = NULL;
    assert_int_equal(sigaction(SIGSEGV, &access, NULL), 0);
    assert_int_equal(sigaction(SIGTRAP, &trap, NULL), 0);
}

static void whatever_comes_between_two_accesses_came_before_or_after(void **state)
{
    (void)state;
    watch_memory();
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
        for (int begin = 0; begin < BEGINNINGS; begin++)
            for (size_t a = 0; a < sizeof actions / sizeof *actions; a++)
                if ((calls[c].begins >> begin & 1) &&
                    compatible(&calls[c], (enum begin)begin, &actions[a]))
                    go_through(&calls[c], (enum begin)begin, &actions[a]);
    print_message("%lu runs\n", runs);
    assert_true(runs > 1000);
}

/* Those who are always a little faster. What they log is not the call's. */

static unsigned meddled;

static void meddle_with(int (*const parts[])(void), int count)
{
    const size_t length = strlen(now.log);

    for (int i = 0; i < count; i++)
        assert_int_equal(parts[i](), 0);
    memset(now.log + length, 0, sizeof now.log - length);
    meddled++;
}

/* Never the same again: a race is not lost to a word that has come back. */
static int assert_another(void)
{
    return assert_on(2, SLOT, 0x60 + meddled % 0x80);
}

static void change_the_asserted(void)
{
    meddle_with((int (*const[])(void)){assert_another}, 1);
}

static void change_the_acknowledged(void)
{
    meddle_with((int (*const[])(void)){clear, assert_another, take_it}, 3);
}

/* *times 0: the call while somebody meddles, and again when nobody does any more. Else: what
 * meddled, so often, and then the call. */
static struct outcome lose_all_races(int (*run)(void), enum begin begin, void (*meddle)(void),
                                     unsigned *times)
{
    make_world(begin);
    meddled = 0;
    if (*times == 0) {
        meddling = meddle;
        reach(0);
        assert_int_equal(run(), AGAIN);
        reach(1);
        meddling = NULL;
        *times = meddled;
    }
    while (meddled < *times)
        meddle();
    now.call = run();
    look_at_the_end();
    return now;
}

static void whoever_loses_every_race_has_done_nothing_and_comes_again(void **state)
{
    static const struct {
        const char *name;
        int (*run)(void);
        enum begin begin;
        void (*meddle)(void);
    } losers[] = {
        {"assert 52", assert_52, ASSERTED, change_the_asserted},
        {"withdraw", withdraw, ASSERTED, change_the_asserted},
        {"acknowledge", take, ASSERTED, change_the_asserted},
        {"finalize", finalize, ASSERTED, change_the_asserted},
        {"clear", clear, ACKED, change_the_acknowledged},
        {"fast clear", clear_fast, ACKED, change_the_acknowledged},
    };

    (void)state;
    watch_memory();
    for (size_t i = 0; i < sizeof losers / sizeof *losers; i++) {
        unsigned times = 0;
        struct outcome allowed, seen;

        seen = lose_all_races(losers[i].run, losers[i].begin, losers[i].meddle, &times);
        assert_in_range(times, 8, 1000);
        allowed = lose_all_races(losers[i].run, losers[i].begin, losers[i].meddle, &times);
        if (memcmp(&seen, &allowed, sizeof seen)) {
            print_error("%s\n", losers[i].name);
            print_outcome("without", &allowed);
            print_outcome("seen", &seen);
            fail();
        }
    }
}

/* A guest is at its page while the VMM resets it. */

static enum hvemu_action enabled;

static void *enable_page(void *unused)
{
    (void)unused;
    enabled = hvemu_x64_wrmsr(boot, 0x40000001, 0xF001);
    sem_post(&inside); /* if it never got that far */
    return NULL;
}

static pthread_t guest;

static int go_to_the_page(void)
{
    stays_inside = 1;
    if (pthread_create(&guest, NULL, enable_page, NULL))
        abort();
    sem_wait(&inside);
    return 0;
}

static uint64_t msr(uint32_t which)
{
    uint64_t value;

    assert_int_equal(hvemu_x64_rdmsr(boot, which, &value), HVEMU_STEP);
    return value;
}

static void a_reset_that_meets_a_guest_at_its_page_is_to_be_repeated(void **state)
{
    static const struct action action = {"enable the page", 0, {go_to_the_page}};
    unsigned met = 0;

    (void)state;
    watch_memory();
    assert_int_equal(sem_init(&inside, 0, 0) | sem_init(&go_on, 0, 0), 0);
    for (long k = 0;; k++) {
        make_world(IDLE);
        assert_int_equal(write_os_id(), 0x1000 + HVEMU_STEP);
        coming = &action;
        countdown = k;
        reach(0);
        now.call = reset();
        reach(1);
        if (coming)
            break;
        sem_post(&go_on);
        pthread_join(guest, NULL);
        while (!sem_trywait(&inside) || !sem_trywait(&go_on))
            continue;
        stays_inside = 0;
        met += now.call == AGAIN;
        if (now.call == AGAIN) { /* the guest alone has done something */
            assert_int_equal(enabled, HVEMU_STEP);
            assert_u64(msr(0x40000000), 5);
            assert_u64(msr(0x40000001), 0xF001);
        } else {
            assert_int_equal(now.call, 0);
            assert_u64(msr(0x40000000), 0);
            /* Without an OS ID there is no page. */
            assert_u64(msr(0x40000001), enabled == HVEMU_STEP ? 0xF000 : 0);
        }
    }
    coming = NULL;
    assert_int_not_equal(met, 0);
}

/* A VP that its parent's call ends while the VMM is about to: its memory may be another's by
 * then. */

static int delete_boot_by_call(void)
{
    uint8_t in[16] = {0};

    le64enc(in, SLOT);
    return (int)hvemu_hypercall(hv, 2, 0x4F, in, sizeof in, NULL, 0);
}

static struct hvemu_vp *others[VPS - 1];

static int give_all_vps_to_the_brother(void)
{
    for (uint32_t i = 0; i < VPS - 1; i++)
        if (hvemu_vp_attach(hv, 3, i, NULL, &others[i]) != HVEMU_OK)
            abort();
    return 0;
}

static void a_vp_that_has_become_another_partitions_is_not_ended(void **state)
{
    static const struct action action = {
        "end by call", 0, {delete_boot_by_call, give_all_vps_to_the_brother}};
    uint8_t in[40] = {0};
    unsigned late = 0;

    (void)state;
    watch_memory();
    le64enc(in, SLOT);
    for (long k = 0;; k++) {
        int result;

        make_world(WITHOUT_VP);
        assert_int_equal(hvemu_hypercall(hv, 2, 0x4E, in, sizeof in, NULL, 0), 0);
        coming = &action;
        countdown = k;
        first = &boot->partition; /* before that: a call with a dead VP, the caller's bug */
        reach(0);
        result = hvemu_vp_detach(boot);
        reach(1);
        if (coming)
            break;
        if (result == HVEMU_OK) /* the call had to wait, and comes too late */
            assert_int_equal(parts_done == 0 ? give_all_vps_to_the_brother() : 0, 0);
        else
            assert_int_equal(result, HVEMU_E_VP);
        late += result == HVEMU_E_VP;
        assert_ptr_equal(others[VPS - 2], boot);
        for (int i = 0; i < VPS - 1; i++)
            assert_u64(hvemu_vp_partition(others[i]), 3);
    }
    coming = NULL;
    assert_int_not_equal(late, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_comes_between_two_accesses_came_before_or_after),
        cmocka_unit_test(whoever_loses_every_race_has_done_nothing_and_comes_again),
        cmocka_unit_test(a_reset_that_meets_a_guest_at_its_page_is_to_be_repeated),
        cmocka_unit_test(a_vp_that_has_become_another_partitions_is_not_ended),
    };

    return cmocka_run_group_tests_name("interleaving", tests, map_memory, NULL);
}

#else

static void whatever_comes_between_two_accesses_came_before_or_after(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_comes_between_two_accesses_came_before_or_after),
    };

    return cmocka_run_group_tests_name("interleaving", tests, NULL, NULL);
}

#endif
