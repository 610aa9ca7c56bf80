/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Two threads in one instance, each with its half of the input: calls from C by several partitions,
 * exits of processors of its own, MSRs, interrupts asserted, taken and cleared, processors attached
 * and detached, resets, and ops that fail, yield and call back. What happens depends on how they
 * meet, so nothing is said of any one result but that it is one that is documented; ThreadSanitizer
 * watches, and when both are done the instance is in order, with no lock held and nothing lost. */

#include "fuzz.h"

#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/endian.h>

#include "walk.h"

enum { THREADS = 2, IDS = 6, ACTIONS = 64, VPS = 3, MEMORY = 0x3000 };

static alignas(64) uint8_t memory[1 << 19];
static struct hvemu *hv;
static uint64_t ids[IDS];
static atomic_uint ready;

/* ---- libFuzzer's counters of edges are not atomic, and ThreadSanitizer sees it ---- */

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_ANNOTATIONS 1
#endif
#endif

#ifdef HAS_ANNOTATIONS
extern __attribute__((weak)) char __start___sancov_cntrs[], __stop___sancov_cntrs[];
void AnnotateBenignRaceSized(const char *file, int line, const volatile void *address, size_t bytes,
                             const char *text);

/* ThreadSanitizer's report of a race ends nothing: it holds its locks, and libFuzzer would wait for
 * them when it keeps the input. */
static atomic_int races;
__attribute__((disable_sanitizer_instrumentation)) void __tsan_on_report(const void *report);
__attribute__((disable_sanitizer_instrumentation)) void __tsan_on_report(const void *report)
{
    (void)report;
    races = 1;
}

static void let_counters_race(void)
{
    if (__start___sancov_cntrs) /* else this is no fuzzer */
        AnnotateBenignRaceSized(__FILE__, __LINE__, __start___sancov_cntrs,
                                (size_t)(__stop___sancov_cntrs - __start___sancov_cntrs),
                                "counters");
}
#else
static const int races; /* the exit status says it */

static void let_counters_race(void)
{
}
#endif

/* One of the two. A handle is used by the thread that attached it alone. */
struct self {
    struct bytes bytes;
    unsigned number;
    struct hvemu_vp *vps[VPS];
    struct said said;
    uint8_t memory[MEMORY]; /* each has its own: what guests race for is not the library's */
    unsigned in_an_op;      /* what the next ops do besides, three bits each */
};
static struct self selves[THREADS];
static _Thread_local struct self *self;
static const char *_Atomic complaint; /* said by the main thread: cmocka's asserts belong to it */

static void check(int good, const char *text)
{
    if (!good)
        atomic_store(&complaint, text);
}

/* ---- The VMM: every op waits a little, fails or calls back, as the input says ---- */

static int disturbed(int answer, int otherwise)
{
    const unsigned what = self->in_an_op;
    uint8_t vector;

    self->in_an_op = what / 8;
    switch (what % 8) {
    case 1:
    case 2:
        sched_yield();
        break;
    case 3:
        hvemu_ext_int_acknowledge(self->vps[0], &vector);
        break;
    case 4:
        hvemu_clear_virtual_interrupt(hv, ids[0], ids[1]);
        break;
    case 5:
        hvemu_vp_yield(self->vps[1]);
        break;
    case 6:
        return otherwise;
    default:
        break;
    }
    return answer;
}

static void ext_int(void *ctx, uint64_t partition)
{
    (void)ctx, (void)partition;
    disturbed(0, 0);
}

static uint16_t interrupt(void *ctx, uint64_t partition, uint64_t control, uint64_t address,
                          uint32_t vector)
{
    (void)ctx, (void)partition, (void)control, (void)address, (void)vector;
    return (uint16_t)disturbed(0, HV_STATUS_TIMEOUT);
}

static int gpa_read(void *ctx, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes)
{
    (void)ctx, (void)partition;
    if (gpa > MEMORY - bytes)
        return HVEMU_MEM_NONE;
    memcpy(to, self->memory + gpa, bytes);
    return disturbed(HVEMU_MEM_OK, HVEMU_MEM_AGAIN);
}

static int gpa_write(void *ctx, uint64_t partition, uint64_t gpa, const void *from, uint32_t bytes)
{
    (void)ctx, (void)partition;
    if (gpa > MEMORY - bytes)
        return HVEMU_MEM_NONE;
    memcpy(self->memory + gpa, from, bytes);
    return disturbed(HVEMU_MEM_OK, HVEMU_MEM_FAILED);
}

static int overlay(void *ctx, uint64_t partition, uint64_t gpa, const uint8_t *code, uint32_t bytes)
{
    (void)ctx, (void)partition, (void)gpa, (void)code, (void)bytes;
    return disturbed(HVEMU_MEM_OK, HVEMU_MEM_AGAIN);
}

static uint16_t partition_event(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                                void **child_ctx)
{
    (void)ctx, (void)partition, (void)event, (void)creation, (void)child_ctx;
    return (uint16_t)disturbed(0, HV_STATUS_TIMEOUT);
}

static uint16_t vp_event(void *ctx, struct hvemu_vp *vp, uint32_t event, const void *block,
                         void **vp_ctx)
{
    (void)ctx, (void)vp, (void)event, (void)block, (void)vp_ctx;
    return (uint16_t)disturbed(0, HV_STATUS_TIMEOUT);
}

static uint16_t vp_get(void *ctx, struct hvemu_vp *vp, uint32_t name, uint64_t value[2])
{
    (void)ctx, (void)vp;
    value[0] = name;
    return (uint16_t)disturbed(0, HV_STATUS_TIMEOUT);
}

static uint16_t vp_set(void *ctx, struct hvemu_vp *vp, uint32_t name, const uint64_t value[2])
{
    (void)ctx, (void)vp, (void)name, (void)value;
    return (uint16_t)disturbed(0, HV_STATUS_INVALID_REGISTER_VALUE);
}

static uint16_t map(void *ctx, uint64_t partition, uint32_t what, uint64_t page, uint64_t source,
                    uint32_t flags)
{
    (void)ctx, (void)partition, (void)what, (void)page, (void)source, (void)flags;
    return (uint16_t)disturbed(0, HV_STATUS_OPERATION_DENIED);
}

static uint16_t pool(void *ctx, uint64_t partition, uint64_t page, int deposit)
{
    (void)ctx, (void)partition, (void)page, (void)deposit;
    return (uint16_t)disturbed(0, HV_STATUS_OBJECT_IN_USE);
}

static uint16_t property(void *ctx, uint64_t partition, uint32_t code, uint64_t argument,
                         uint64_t *value, int set)
{
    (void)ctx, (void)partition, (void)argument;
    if (!set)
        *value = code;
    return (uint16_t)disturbed(0, HV_STATUS_UNKNOWN_PROPERTY);
}

static const struct hvemu_ops ops = {.size = sizeof ops,
                                     .ext_int = ext_int,
                                     .interrupt = interrupt,
                                     .gpa_read = gpa_read,
                                     .gpa_write = gpa_write,
                                     .overlay = overlay,
                                     .partition = partition_event,
                                     .vp = vp_event,
                                     .vp_get = vp_get,
                                     .vp_set = vp_set,
                                     .map = map,
                                     .pool = pool,
                                     .property = property};

/* ---- What a thread does ---- */

static uint64_t pick(unsigned which)
{
    return ids[which % IDS];
}

static void call_from_c(void)
{
    static _Thread_local uint8_t out[SAID];
    const unsigned caller = take_below(&self->bytes, IDS);
    uint64_t result;

    take_call(&self->bytes, NULL, ids, IDS, &self->said);
    result = hvemu_hypercall(hv, pick(caller), self->said.control, self->said.in,
                             self->said.in_bytes, out, self->said.out_bytes);
    check(!(result & 0xFFFFF000FFFF0000), "a result has reserved bits");
    check(!strchr(hvemu_status_name((uint16_t)result), '('), "a status is not known");
}

static void call_by_vp(struct hvemu_vp *vp)
{
    struct hvemu_x64_frame frame = {.mode = HVEMU_X64_KERNEL64, .known = HVEMU_X64_XMM};
    enum hvemu_action action;

    take_call(&self->bytes, NULL, ids, IDS, &self->said);
    frame.rcx = self->said.control;
    if (frame.rcx & 0x10000) {
        frame.rdx = le64dec(self->said.in);
        frame.r8 = le64dec(self->said.in + 8);
        for (unsigned i = 0; i < 12; i++)
            frame.xmm[i / 2][i % 2] = le64dec(self->said.in + 16 + 8 * i);
    } else {
        memcpy(self->memory, self->said.in,
               self->said.in_bytes < 4096 ? self->said.in_bytes : 4096);
        frame.r8 = 0x1000;
    }
    for (unsigned i = 0; i < 8; i++) {
        action = hvemu_x64_hypercall(vp, &frame);
        if (action != HVEMU_REPEAT)
            break;
        sched_yield();
    }
    check(action != HVEMU_STEP || (uint16_t)frame.rax != HV_STATUS_TIMEOUT,
          "TIMEOUT reached a guest");
    check(action != HVEMU_GP && action != HVEMU_NEED_XMM, "an exit ended as no exit does");
}

static void come_or_go(unsigned i)
{
    static const unsigned homes[VPS] = {1, 1, 2};

    if (!self->vps[i]) {
        if (hvemu_vp_attach(hv, pick(homes[i]), i == 1 ? 1 + self->number : 0, NULL,
                            &self->vps[i]) != HVEMU_OK)
            return;
        hvemu_x64_wrmsr(self->vps[i], 0x40000000, 1);
        hvemu_x64_wrmsr(self->vps[i], 0x40000001, 0x2001);
    } else if (hvemu_vp_detach(self->vps[i]) == HVEMU_OK)
        self->vps[i] = NULL;
}

static void act(void)
{
    const unsigned what = take_below(&self->bytes, 16), i = take_below(&self->bytes, VPS);
    struct hvemu_vp *vp = self->vps[i];
    uint64_t value = 0;
    uint8_t vector;

    self->in_an_op = what & 1 ? (unsigned)take(&self->bytes, 2) : 0;
    switch (what / 2) {
    case 0:
    case 1:
        call_from_c();
        break;
    case 2:
    case 3:
        call_by_vp(vp);
        break;
    case 4:
        hvemu_assert_virtual_interrupt(hv, pick(i & 1), pick(1 + (i & 1)), 7, 0,
                                       (uint32_t)take(&self->bytes, 1));
        hvemu_clear_virtual_interrupt(hv, pick(i & 1), pick(1 + (i & 1)));
        break;
    case 5:
        if (hvemu_ext_int_line(vp))
            hvemu_ext_int_acknowledge(vp, &vector);
        hvemu_intercept(hv, pick(1 + i), 0, 0x60);
        hvemu_partition_state(hv, pick(i));
        if (vp)
            hvemu_vp_suspended(vp);
        break;
    case 6:
        hvemu_x64_wrmsr(vp, 0x40000000 + i, take(&self->bytes, 3));
        hvemu_x64_rdmsr(vp, 0x40000000 + i, &value);
        hvemu_vp_yield(vp);
        break;
    default:
        if (take_below(&self->bytes, 4) == 0)
            hvemu_reset(hv, pick(1 + i));
        else
            come_or_go(i);
    }
}

static void *run(void *of)
{
    self = of;
    atomic_fetch_add(&ready, 1);
    while (atomic_load(&ready) < THREADS)
        sched_yield();
    for (unsigned i = 0; i < ACTIONS && more(&self->bytes); i++)
        act();
    return NULL;
}

static void begin(void)
{
    const struct hvemu_config config = {.size = sizeof config,
                                        .partitions = 8,
                                        .vps = 8,
                                        .depth = 3,
                                        .features = 0x48010,
                                        .rep_budget = 4,
                                        .pages = 16,
                                        .create_cost = HVEMU_NO_COST,
                                        .initialize_cost = HVEMU_NO_COST,
                                        .vp_cost = 1,
                                        .intercepts = 4,
                                        .privileges = HV_PRIVILEGE_ALL};

    assert_result(hvemu_init(&hv, memory, sizeof memory, &config, &ops, NULL), HVEMU_OK);
    ids[0] = hvemu_root(hv);
    for (unsigned i = 1; i < 4; i++) /* a guest, its child, and a brother of the guest */
        assert_result(hvemu_add_guest(hv, ids[i == 2], HV_PRIVILEGE_ALL, NULL, &ids[i]), HVEMU_OK);
    ids[4] = (uint64_t)1 << 24 | 3; /* the next owners of slots */
    ids[5] = 5;
    for (unsigned i = 0; i < THREADS; i++) {
        memset(&selves[i], 0, sizeof selves[i]);
        selves[i].number = i;
    }
    atomic_store(&ready, 0);
    atomic_store(&complaint, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int began;
    pthread_t other;

    if (!began++)
        let_counters_race();
    begin();
    selves[0].bytes = (struct bytes){data, data + size / 2};
    selves[1].bytes = (struct bytes){data + size / 2, data + size};
    assert_int_equal(pthread_create(&other, NULL, run, &selves[1]), 0);
    run(&selves[0]);
    pthread_join(other, NULL);
    assert_false(races);
    if (atomic_load(&complaint))
        fail_msg("%s", atomic_load(&complaint));
    walk(hv);
    return 0;
}
