/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Properties: who may get and set them in which state, each one's values, privileges and their
 * revocation, and the VMM's part. Nearly everything is tried in each of the ways to make the call.
 */

#include <string.h>
#include <sys/endian.h>

#include "fake_vmm.h"
#include "internal.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { GET = 0x44, SET = 0x45, GET_EX = 0x101, SET_EX = 0x10A, VALUE_FOLLOWS = 1 << 17 };
enum { IN = 0x1000, OUT = 0x2000 };

/* Property codes. */
enum {
    PRIVILEGES = 0x10000,
    SYNTHETIC_FEATURES,
    SUSPEND = 0x20000,
    CPU_RESERVE,
    CPU_CAP,
    CPU_WEIGHT,
    TIMER_PERIOD = 0x30000,
    TIMER_CONTROL,
    PM_TIMER,
    TIME_FREEZE,
    REFERENCE_TIME = 0x30005,
    DEBUG_CHANNEL = 0x40000,
    VIRTUAL_TLB = 0x50000,
    VENDOR = 0x60000,
    FEATURES,
    XSAVE,
    CLFLUSH,
    ADDRESS_WIDTH = 0x60006,
    CLOCK = 0x60009,
    GUEST_OS_ID = 0x70000,
    VIRTUALIZATION = 0x80000,
    OWN = 0x12345678
};

/* What the library holds and anybody may set, with a value other than the default. */
static const struct {
    uint32_t code;
    uint64_t initial, other;
} held[] = {{SUSPEND, 0, 1},           {CPU_RESERVE, 0, 0x8000},  {CPU_CAP, 0x10000, 0xC000},
            {CPU_WEIGHT, 100, 250},    {TIMER_PERIOD, 0, 100000}, {TIMER_CONTROL, 0, 0x1041},
            {PM_TIMER, 0, 0x2B008},    {TIME_FREEZE, 0, 1},       {DEBUG_CHANNEL, 0, 7},
            {VIRTUAL_TLB, 0x400, 0x80}};

#define EVERYTHING     0x007BF9FF0000FFFFu
#define CPU_MANAGEMENT 0x0000100000000000u
#define CREATE         0x0000000100000000u
#define POISON         0x5A5A5A5A5A5A5A5Au

static struct hvemu_vp *root_vp;

/* The op: what it saw, what it answers. What it does to a value that it is to judge is wrong. */
static struct {
    unsigned calls;
    uint16_t answer;
    uint64_t reply;
    void *ctx;
    uint64_t partition, argument, value;
    uint32_t code;
    int set;
} asked;

static uint16_t property(void *ctx, uint64_t partition, uint32_t code, uint64_t argument,
                         uint64_t *value, int set)
{
    asked.calls++;
    asked.ctx = ctx;
    asked.partition = partition;
    asked.code = code;
    asked.argument = argument;
    asked.value = *value;
    asked.set = set;
    *value = set ? 0x666 : asked.reply;
    return asked.answer;
}

static struct fake_vmm *make(int with_op)
{
    const struct hvemu_config config = {.size = sizeof config,
                                        .depth = 3,
                                        .features = 0x48010,
                                        .privileges = EVERYTHING & ~CPU_MANAGEMENT};
    struct hvemu_ops ops = fake_ops;
    struct fake_vmm *vmm;

    ops.property = with_op ? property : NULL;
    memset(&asked, 0, sizeof asked);
    vmm = fake_new(&config, &ops);
    fake_add_guest(vmm, EVERYTHING & ~CPU_MANAGEMENT);
    assert_result(hvemu_vp_attach(vmm->hv, vmm->root, 0, vmm, &root_vp), HVEMU_OK);
    fake_enable_hypercalls(root_vp);
    return vmm;
}

static int setup(void **state)
{
    *state = make(1);
    return 0;
}

static int setup_without_op(void **state)
{
    *state = make(0);
    return 0;
}

/* The six ways. */

enum way { FROM_C, FROM_C_EX, MEMORY, MEMORY_EX, FAST, FAST_EX, WAYS };

static int extended(enum way way)
{
    return way & 1;
}

static struct hvemu_vp *vp_of(struct fake_vmm *vmm, uint64_t caller)
{
    return caller == vmm->root ? root_vp : caller == vmm->guest ? vmm->vp : NULL;
}

/* Who has no VP makes calls from C alone. */
static enum way ways(struct fake_vmm *vmm, uint64_t caller)
{
    return vp_of(vmm, caller) ? WAYS : MEMORY;
}

/* An input of `bytes`; the value of a set lies behind the argument, where there is one. */
static size_t fill(uint8_t in[32], enum way way, uint64_t id, uint32_t code, const uint64_t *value)
{
    size_t bytes = 16;

    memset(in, 0, 32);
    le64enc(in, id);
    le32enc(in + 8, code);
    if (extended(way))
        bytes += 8;
    if (value) {
        le64enc(in + bytes, *value);
        bytes += 8;
    }
    return bytes;
}

static struct hvemu_x64_frame fast_frame(uint64_t control, const uint8_t in[32])
{
    struct hvemu_x64_frame frame = fake_frame64(control | 0x10000, le64dec(in), le64dec(in + 8));

    frame.xmm[0][0] = le64dec(in + 16);
    frame.xmm[0][1] = le64dec(in + 24);
    return frame;
}

/* Whatever the status, nothing but the output changes, and that on success alone. TIMEOUT: of a
 * native call, that it is to be repeated. */
static uint16_t call_by(enum way way, struct fake_vmm *vmm, uint64_t caller, uint64_t control,
                        const uint8_t in[32], size_t bytes, uint64_t *out)
{
    struct hvemu_x64_frame frame, before;
    const unsigned xmm = extended(way) ? 1 : 0;
    enum hvemu_action action;
    uint8_t block[8];

    if (way < MEMORY) {
        const uint16_t status = (uint16_t)hvemu_hypercall(vmm->hv, caller, control, in, bytes,
                                                          out ? block : NULL, out ? 8 : 0);
        if (out && status == 0)
            *out = le64dec(block);
        return status;
    }
    memcpy(vmm->ram + IN, in, 32);
    memset(vmm->ram + OUT, 0x5A, 16);
    frame = before = way < FAST ? fake_frame64(control, IN, OUT) : fast_frame(control, in);
    action = hvemu_x64_hypercall(vp_of(vmm, caller), &frame);
    if (action == HVEMU_REPEAT) {
        assert_only_changed(&before, &frame, 0);
        return 0x78;
    }
    assert_action(action, HVEMU_STEP);
    if (!out || frame.rax != 0 || way < FAST) {
        assert_only_changed(&before, &frame, HVEMU_X64_RAX);
        if (out)
            *out = le64dec(vmm->ram + OUT);
        assert_u64(le64dec(vmm->ram + OUT + 8), POISON);
    } else {
        assert_only_changed(&before, &frame, HVEMU_X64_RAX | (uint32_t)HVEMU_X64_XMM0 << xmm);
        *out = frame.xmm[xmm][0];
        assert_u64(frame.xmm[xmm][1], 0);
    }
    return (uint16_t)frame.rax;
}

static uint16_t get_by(enum way way, struct fake_vmm *vmm, uint64_t caller, uint64_t id,
                       uint32_t code, uint64_t *value)
{
    uint8_t in[32];
    const size_t bytes = fill(in, way, id, code, NULL);

    return call_by(way, vmm, caller, extended(way) ? GET_EX : GET, in, bytes, value);
}

static uint16_t set_by(enum way way, struct fake_vmm *vmm, uint64_t caller, uint64_t id,
                       uint32_t code, uint64_t value)
{
    uint8_t in[32];
    const size_t bytes = fill(in, way, id, code, &value);

    return call_by(way, vmm, caller, extended(way) ? SET_EX | VALUE_FOLLOWS : SET, in, bytes, NULL);
}

/* In each way that the caller has. */

static void expect_get(struct fake_vmm *vmm, uint64_t caller, uint64_t id, uint32_t code,
                       uint64_t want)
{
    for (enum way way = 0; way < ways(vmm, caller); way++) {
        uint64_t value = POISON;
        assert_status(get_by(way, vmm, caller, id, code, &value), 0x00);
        assert_u64(value, want);
    }
}

static void expect_no_value(struct fake_vmm *vmm, uint64_t caller, uint64_t id, uint32_t code,
                            uint16_t status)
{
    for (enum way way = 0; way < ways(vmm, caller); way++) {
        uint64_t value = POISON;
        assert_status(get_by(way, vmm, caller, id, code, &value), status);
        assert_u64(value, POISON);
    }
}

static void expect_set(struct fake_vmm *vmm, uint64_t caller, uint64_t id, uint32_t code,
                       uint64_t value, uint16_t status)
{
    for (enum way way = 0; way < ways(vmm, caller); way++)
        assert_status(set_by(way, vmm, caller, id, code, value), status);
}

/* Refused, and what was there before is there still. */
static void expect_refused(struct fake_vmm *vmm, uint64_t id, uint32_t code, uint64_t value,
                           uint16_t status)
{
    uint64_t before = POISON;

    assert_status(get_by(FROM_C, vmm, vmm->root, id, code, &before), 0x00);
    expect_set(vmm, vmm->root, id, code, value, status);
    expect_get(vmm, vmm->root, id, code, before);
}

static void expect_taken(struct fake_vmm *vmm, uint64_t id, uint32_t code, uint64_t value)
{
    expect_set(vmm, vmm->root, id, code, value, 0x00);
    expect_get(vmm, vmm->root, id, code, value);
}

/* Values. */

static void a_new_partition_has_the_default_properties(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t child = fake_child(vmm, vmm->root), ids[] = {child, vmm->guest, vmm->root};

    for (size_t k = 0; k < COUNT(ids); k++)
        for (size_t i = 0; i < COUNT(held); i++)
            expect_get(vmm, vmm->root, ids[k], held[i].code, held[i].initial);
    expect_get(vmm, vmm->root, child, PRIVILEGES, EVERYTHING & ~CPU_MANAGEMENT);
    expect_get(vmm, vmm->root, vmm->root, PRIVILEGES, EVERYTHING);
    expect_get(vmm, vmm->root, child, GUEST_OS_ID, 0);
    assert_int_equal(asked.calls, 0);
}

static void what_was_set_is_read_back_and_is_that_partitions_alone(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t other = fake_child(vmm, vmm->root), targets[] = {vmm->guest, vmm->root};

    for (size_t k = 0; k < COUNT(targets); k++)
        for (size_t i = 0; i < COUNT(held); i++) {
            expect_get(vmm, vmm->root, targets[k], held[i].code, held[i].initial);
            expect_taken(vmm, targets[k], held[i].code, held[i].other);
        }
    for (size_t i = 0; i < COUNT(held); i++) {
        expect_get(vmm, vmm->root, vmm->guest, held[i].code, held[i].other);
        expect_get(vmm, vmm->root, other, held[i].code, held[i].initial);
    }
}

static void a_slots_next_partition_begins_with_the_defaults(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .partitions = 2};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    uint64_t id = fake_child(vmm, vmm->root), value = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(held); i++)
        assert_status(set_by(FROM_C, vmm, vmm->root, id, held[i].code, held[i].other), 0x00);
    fake_end(vmm, vmm->root, id);
    id = fake_child(vmm, vmm->root);
    assert_u64(id, 0x1000002);
    for (size_t i = 0; i < COUNT(held); i++) {
        assert_status(get_by(FROM_C, vmm, vmm->root, id, held[i].code, &value), 0x00);
        assert_u64(value, held[i].initial);
    }
    fake_free(vmm);
}

static void switches_are_0_or_1(void **state)
{
    static const uint32_t codes[] = {SUSPEND, TIME_FREEZE};
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < COUNT(codes); i++) {
        expect_taken(vmm, vmm->guest, codes[i], 1);
        for (int bit = 1; bit < 64; bit++)
            expect_refused(vmm, vmm->guest, codes[i], (uint64_t)1 << bit | 1, 0x05);
        expect_taken(vmm, vmm->guest, codes[i], 0);
    }
}

static void weight_is_1_to_10000(void **state)
{
    struct fake_vmm *vmm = *state;

    expect_refused(vmm, vmm->guest, CPU_WEIGHT, 0, 0x0A);
    expect_taken(vmm, vmm->guest, CPU_WEIGHT, 1);
    expect_taken(vmm, vmm->guest, CPU_WEIGHT, 10000);
    expect_refused(vmm, vmm->guest, CPU_WEIGHT, 10001, 0x0A);
    expect_refused(vmm, vmm->guest, CPU_WEIGHT, 0x100000064, 0x0A);
    expect_refused(vmm, vmm->guest, CPU_WEIGHT, UINT64_MAX, 0x0A);
}

static void reserve_is_never_above_cap(void **state)
{
    struct fake_vmm *vmm = *state;

    expect_refused(vmm, vmm->guest, CPU_RESERVE, 0x10001, 0x0A);
    expect_refused(vmm, vmm->guest, CPU_CAP, 0x10001, 0x0A);
    expect_refused(vmm, vmm->guest, CPU_CAP, UINT64_MAX, 0x0A);
    expect_refused(vmm, vmm->guest, CPU_RESERVE, UINT64_MAX, 0x0A);
    expect_taken(vmm, vmm->guest, CPU_RESERVE, 0x10000);
    expect_refused(vmm, vmm->guest, CPU_CAP, 0xFFFF, 0x0A);
    expect_taken(vmm, vmm->guest, CPU_RESERVE, 0x4000);
    expect_taken(vmm, vmm->guest, CPU_CAP, 0x4000);
    expect_refused(vmm, vmm->guest, CPU_CAP, 0x3FFF, 0x0A);
    expect_refused(vmm, vmm->guest, CPU_RESERVE, 0x4001, 0x0A);
    expect_taken(vmm, vmm->guest, CPU_RESERVE, 0);
    expect_taken(vmm, vmm->guest, CPU_CAP, 0);
    expect_refused(vmm, vmm->guest, CPU_RESERVE, 1, 0x0A);
    expect_taken(vmm, vmm->guest, CPU_CAP, 0x10000);
}

static void reserved_bits_are_refused_and_all_others_taken(void **state)
{
    static const struct {
        uint32_t code;
        uint64_t reserved;
    } cases[] = {{TIMER_CONTROL, 0x00FFFFFFFFFFE000},
                 {PM_TIMER, 0xFFFFFFFFFFFC0000},
                 {DEBUG_CHANNEL, 0xFFFFFFFFFFFF0000},
                 {TIMER_PERIOD, 0}};
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < COUNT(cases); i++)
        for (int bit = 0; bit < 64; bit++) {
            const uint64_t value = (uint64_t)1 << bit;
            if (value & cases[i].reserved)
                expect_refused(vmm, vmm->guest, cases[i].code, value, 0x05);
            else
                expect_taken(vmm, vmm->guest, cases[i].code, value);
        }
}

static void a_timer_period_of_0_disables_the_timer(void **state)
{
    struct fake_vmm *vmm = *state;

    expect_taken(vmm, vmm->guest, TIMER_CONTROL, 0xAB00000000001F41);
    expect_taken(vmm, vmm->guest, TIMER_PERIOD, 1);
    expect_get(vmm, vmm->root, vmm->guest, TIMER_CONTROL, 0xAB00000000001F41);
    asked.answer = 0x0B;
    expect_refused(vmm, vmm->guest, TIMER_PERIOD, 0, 0x0B);
    expect_get(vmm, vmm->root, vmm->guest, TIMER_CONTROL, 0xAB00000000001F41);
    asked.answer = 0;
    asked.calls = 0;
    assert_status(set_by(FROM_C, vmm, vmm->root, vmm->guest, TIMER_PERIOD, 0), 0x00);
    assert_int_equal(asked.calls, 1); /* of the period alone */
    assert_u64(asked.code, TIMER_PERIOD);
    expect_get(vmm, vmm->root, vmm->guest, TIMER_CONTROL, 0xAB00000000000F41);
    expect_taken(vmm, vmm->guest, TIMER_CONTROL, 0x1041); /* enabled first, the period follows */
}

static void the_size_of_the_virtual_tlb_is_clamped(void **state)
{
    static const uint64_t cases[][2] = {
        {0, 0x10},        {0xF, 0x10},        {0x10, 0x10},       {0x11, 0x11},
        {0xFFFF, 0xFFFF}, {0x10000, 0x10000}, {0x10001, 0x10000}, {UINT64_MAX, 0x10000}};
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        expect_set(vmm, vmm->root, vmm->guest, VIRTUAL_TLB, cases[i][0], 0x00);
        assert_u64(asked.value, cases[i][1]);
        expect_get(vmm, vmm->root, vmm->guest, VIRTUAL_TLB, cases[i][1]);
    }
}

/* Who may, in which state. */

static void every_call(struct fake_vmm *vmm, uint64_t caller, uint64_t id, uint16_t status)
{
    static const uint32_t codes[] = {PRIVILEGES, CPU_WEIGHT, REFERENCE_TIME, GUEST_OS_ID, OWN};

    for (size_t i = 0; i < COUNT(codes); i++) {
        expect_no_value(vmm, caller, id, codes[i], status);
        expect_set(vmm, caller, id, codes[i], 1, status);
    }
}

static void parent_and_root_alone_have_access(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t sibling = fake_child(vmm, vmm->root), child = fake_child(vmm, vmm->guest);
    const uint64_t gone = fake_child(vmm, vmm->root);

    fake_end(vmm, vmm->root, gone);
    every_call(vmm, vmm->guest, vmm->guest, 0x06);
    every_call(vmm, vmm->guest, UINT64_MAX, 0x06);
    every_call(vmm, vmm->guest, sibling, 0x06);
    every_call(vmm, vmm->guest, vmm->root, 0x06);
    every_call(vmm, vmm->root, child, 0x06);
    every_call(vmm, child, vmm->guest, 0x06);
    every_call(vmm, vmm->root, gone, 0x0D);
    every_call(vmm, vmm->root, 0, 0x0D);
    every_call(vmm, gone, vmm->guest, 0x06);
    assert_int_equal(asked.calls, 0);
    expect_get(vmm, vmm->guest, child, CPU_WEIGHT, 100);
    expect_set(vmm, vmm->guest, child, CPU_WEIGHT, 1, 0x00);
    expect_get(vmm, vmm->root, UINT64_MAX, CPU_WEIGHT, 100);
    expect_taken(vmm, UINT64_MAX, CPU_WEIGHT, 7);
    expect_get(vmm, vmm->root, vmm->root, CPU_WEIGHT, 7);
}

static void without_create_partitions_every_call_is_denied(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t child = fake_child(vmm, vmm->guest);

    expect_set(vmm, vmm->root, vmm->guest, PRIVILEGES, EVERYTHING & ~(CPU_MANAGEMENT | CREATE), 0);
    asked.calls = 0;
    every_call(vmm, vmm->guest, child, 0x06);
    every_call(vmm, vmm->guest, 99, 0x06);
    assert_int_equal(asked.calls, 0);
}

static const uint32_t early[] = {
    PRIVILEGES, SYNTHETIC_FEATURES, ADDRESS_WIDTH, 0x50012, 0x50026, 0x50028, 0x50029, 0x90007};
static const uint32_t late[] = {
    SUSPEND,  CPU_RESERVE, CPU_CAP,        CPU_WEIGHT,    TIMER_PERIOD, TIMER_CONTROL,
    PM_TIMER, TIME_FREEZE, REFERENCE_TIME, DEBUG_CHANNEL, VIRTUAL_TLB,  VENDOR,
    FEATURES, XSAVE,       CLFLUSH,        CLOCK,         GUEST_OS_ID,  VIRTUALIZATION,
    0x20004,  0x50001,     0x50002,        0x50003,       0x50004,      0x50005,
    0x50006,  0x5000C,     0x5000D,        0x5000E,       0x5000F,      0x50010,
    0x50011,  0x50014,     0x50017,        0x50022,       0x60004,      0x60005,
    0x60007,  0x60008,     0x6000A,        0x6000B,       0x10001000};

static void only_early_properties_exist_before_initialize(void **state)
{
    struct fake_vmm *vmm = *state;
    uint64_t id = 0;

    assert_status(fake_create(vmm, vmm->root, &id), 0x00);
    asked.reply = 1;
    for (size_t i = 0; i < COUNT(early); i++)
        expect_taken(vmm, id, early[i], 1);
    asked.calls = 0;
    for (size_t i = 0; i < COUNT(late); i++) {
        expect_no_value(vmm, vmm->root, id, late[i], 0x07);
        expect_set(vmm, vmm->root, id, late[i], 1, 0x07);
    }
    assert_int_equal(asked.calls, 0);
    assert_status(fake_call_on(vmm, vmm->root, 0x41, id), 0x00);
    expect_get(vmm, vmm->root, id, PRIVILEGES, 1);
    for (size_t i = 0; i < COUNT(late); i++) {
        uint64_t value;
        assert_status(get_by(FROM_C, vmm, vmm->root, id, late[i], &value), 0x00);
    }
}

static void the_vmms_own_properties_are_early_if_the_vmm_says_so(void **state)
{
    struct fake_vmm *vmm = *state;
    uint64_t id = 0;

    assert_status(fake_create(vmm, vmm->root, &id), 0x00);
    asked.reply = 77;
    expect_get(vmm, vmm->root, id, OWN, 77);
    expect_set(vmm, vmm->root, id, OWN, 78, 0x00);
    assert_u64(asked.value, 78);
    asked.answer = 0x07;
    expect_no_value(vmm, vmm->root, id, OWN, 0x07);
    expect_set(vmm, vmm->root, id, OWN, 1, 0x07);
    asked.answer = 0x09; /* unknown comes before not yet */
    expect_no_value(vmm, vmm->root, id, OWN, 0x09);
    expect_set(vmm, vmm->root, id, OWN, 1, 0x09);
}

static void a_partition_at_its_end_has_no_properties(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t id = fake_child(vmm, vmm->root);

    fake_fail(vmm, FAKE_PARTITION, 1, 0x78);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, id), 0x78);
    every_call(vmm, vmm->root, id, 0x07);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, id), 0x00);
    every_call(vmm, vmm->root, id, 0x07);
    assert_status(fake_call_on(vmm, vmm->root, 0x43, id), 0x00);
    every_call(vmm, vmm->root, id, 0x0D);
    assert_int_equal(asked.calls, 0);
}

/* Privileges. */

static void privileges_that_nobody_has_defined_are_refused(void **state)
{
    struct fake_vmm *vmm = *state;
    unsigned defined = 0;

    for (int bit = 0; bit < 64; bit++) {
        const uint64_t mask = (uint64_t)1 << bit;
        if (!(mask & EVERYTHING))
            expect_refused(vmm, vmm->guest, PRIVILEGES, mask, 0x05);
        else if (mask == CPU_MANAGEMENT)
            expect_refused(vmm, vmm->guest, PRIVILEGES, mask, 0x0A);
        else {
            expect_taken(vmm, vmm->guest, PRIVILEGES, mask);
            defined++;
        }
    }
    assert_int_equal(defined, 35);
    expect_taken(vmm, vmm->guest, PRIVILEGES, 0);
    expect_refused(vmm, vmm->guest, PRIVILEGES, UINT64_MAX, 0x05);
}

static void nobody_gives_a_privilege_that_it_lacks(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t child = fake_child(vmm, vmm->guest), mine = CREATE | 0x60;

    expect_set(vmm, vmm->root, vmm->guest, PRIVILEGES, mine, 0x00);
    for (int bit = 0; bit < 64; bit++) {
        const uint64_t mask = (uint64_t)1 << bit;
        if (mask & EVERYTHING & ~mine)
            expect_set(vmm, vmm->guest, child, PRIVILEGES, mask, 0x0A);
    }
    /* Not even what the child has of old. */
    expect_get(vmm, vmm->guest, child, PRIVILEGES, EVERYTHING & ~CPU_MANAGEMENT);
    expect_set(vmm, vmm->guest, child, PRIVILEGES, EVERYTHING & ~CPU_MANAGEMENT, 0x0A);
    expect_set(vmm, vmm->guest, child, PRIVILEGES, mine, 0x00);
    expect_get(vmm, vmm->guest, child, PRIVILEGES, mine);
}

static void the_root_cannot_take_back_what_it_gave_up(void **state)
{
    struct fake_vmm *vmm = *state;

    expect_taken(vmm, vmm->root, PRIVILEGES, EVERYTHING);
    expect_taken(vmm, vmm->root, PRIVILEGES, CPU_MANAGEMENT | CREATE | 0x60);
    expect_refused(vmm, vmm->root, PRIVILEGES, EVERYTHING, 0x0A);
    expect_refused(vmm, vmm->root, PRIVILEGES, CREATE | 0x61, 0x0A);
    expect_refused(vmm, vmm->guest, PRIVILEGES, 1, 0x0A);
    expect_taken(vmm, vmm->root, PRIVILEGES, CREATE | 0x60);
    expect_refused(vmm, vmm->root, PRIVILEGES, CPU_MANAGEMENT | CREATE | 0x60, 0x0A);
}

static void a_revoked_privilege_is_missed_by_the_next_invocation(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t all = EVERYTHING & ~CPU_MANAGEMENT, less_index = all - 0x40;
    const uint64_t child = fake_child(vmm, vmm->guest);
    uint64_t value = POISON;
    uint32_t regs[4];

    for (int round = 0; round < 3; round++) {
        expect_set(vmm, vmm->guest, child, CPU_WEIGHT, 1, 0x00);
        assert_action(hvemu_x64_rdmsr(vmm->vp, 0x40000002, &value), HVEMU_STEP);
        expect_set(vmm, vmm->root, vmm->guest, PRIVILEGES, all & ~CREATE, 0x00);
        expect_set(vmm, vmm->guest, child, CPU_WEIGHT, 2, 0x06);
        assert_status(fake_call_on(vmm, vmm->guest, 0x56, child), 0x06);
        assert_status(hvemu_clear_virtual_interrupt(vmm->hv, vmm->guest, child), 0x06);
        assert_action(hvemu_x64_rdmsr(vmm->vp, 0x40000002, &value), HVEMU_STEP);
        expect_set(vmm, vmm->root, vmm->guest, PRIVILEGES, less_index, 0x00);
        assert_action(hvemu_x64_rdmsr(vmm->vp, 0x40000002, &value), HVEMU_GP);
        assert_action(hvemu_x64_cpuid(vmm->hv, vmm->guest, 0x40000003, regs), HVEMU_STEP);
        assert_u64(regs[0] | (uint64_t)regs[1] << 32, less_index);
        expect_get(vmm, vmm->guest, child, CPU_WEIGHT, 1);
        expect_set(vmm, vmm->root, vmm->guest, PRIVILEGES, all, 0x00);
    }
}

static uint16_t count_one(const struct hvemu_invocation *invocation, const void *in,
                          const void *item, void *out)
{
    (void)invocation, (void)in, (void)item, (void)out;
    return 0x00;
}

static void a_rep_call_goes_on_only_with_its_privilege(void **state)
{
    const struct hvemu_config config = {
        .size = sizeof config, .calls = 1, .rep_budget = 1, .features = 0x10};
    const struct hvemu_descriptor call = {.size = sizeof call,
                                          .name = "Count",
                                          .code = 0x7000,
                                          .handler = count_one,
                                          .form = HVEMU_REP,
                                          .in_each = 8,
                                          .privilege = 0x40};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    struct hvemu_x64_frame frame = fake_frame64(0x200017000, 0, 0);

    (void)state;
    assert_result(hvemu_register(vmm->hv, &call), HVEMU_OK);
    fake_add_guest(vmm, 0x60);
    assert_action(hvemu_x64_hypercall(vmm->vp, &frame), HVEMU_REPEAT);
    assert_u64(frame.rcx, 0x1000200017000);
    assert_status(set_by(FROM_C, vmm, vmm->root, vmm->guest, PRIVILEGES, 0x20), 0x00);
    assert_action(hvemu_x64_hypercall(vmm->vp, &frame), HVEMU_STEP);
    assert_status(frame.rax, 0x06);
    fake_free(vmm);
}

static void children_keep_what_their_parent_loses(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t all = EVERYTHING & ~CPU_MANAGEMENT;
    const uint64_t child = fake_child(vmm, vmm->guest);
    uint64_t grandchild = 0;

    expect_set(vmm, vmm->root, vmm->guest, PRIVILEGES, 0, 0x00);
    assert_status(fake_create(vmm, child, &grandchild), 0x00);
    expect_get(vmm, child, grandchild, PRIVILEGES, all);
    /* Whoever gave can give again, and so can all be ended. */
    expect_set(vmm, vmm->root, vmm->guest, PRIVILEGES, CREATE, 0x00);
    expect_get(vmm, vmm->guest, child, PRIVILEGES, all);
    assert_status(fake_call_on(vmm, child, 0x43, grandchild), 0x00);
    fake_end(vmm, vmm->guest, child);
}

/* What nobody can set. */

static void read_only_properties_are_read_only(void **state)
{
    static const uint32_t roots[] = {FEATURES, XSAVE, CLFLUSH};
    struct fake_vmm *vmm = *state;

    asked.reply = 1;
    expect_refused(vmm, vmm->guest, VENDOR, 0, 0x05);
    expect_refused(vmm, vmm->root, VENDOR, 1, 0x05);
    expect_refused(vmm, vmm->guest, GUEST_OS_ID, 1, 0x05);
    expect_refused(vmm, vmm->root, GUEST_OS_ID, 0x8100000000000001, 0x05);
    for (size_t i = 0; i < COUNT(roots); i++) {
        expect_refused(vmm, vmm->root, roots[i], 1, 0x05);
        assert_int_equal(asked.set, 0);
        expect_set(vmm, vmm->root, vmm->guest, roots[i], 1, 0x00);
        assert_int_equal(asked.set, 1);
        asked.set = 0;
    }
}

static void the_guests_os_id_is_what_it_wrote(void **state)
{
    struct fake_vmm *vmm = *state;

    expect_get(vmm, vmm->root, vmm->guest, GUEST_OS_ID, 0x8100000000000001);
    assert_action(hvemu_x64_wrmsr(vmm->vp, 0x40000000, 0x8100000000001234), HVEMU_STEP);
    expect_get(vmm, vmm->root, vmm->guest, GUEST_OS_ID, 0x8100000000001234);
    assert_int_equal(asked.calls, 0);
}

/* The VMM's part. */

static void the_vmm_sees_what_is_set_before_it_takes_effect(void **state)
{
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < COUNT(held); i++)
        for (enum way way = 0; way < WAYS; way++) {
            asked.calls = 0;
            assert_status(set_by(way, vmm, vmm->root, vmm->guest, held[i].code, held[i].other), 0);
            assert_int_equal(asked.calls, 1);
            assert_ptr_equal(asked.ctx, vmm);
            assert_u64(asked.partition, vmm->guest);
            assert_u64(asked.code, held[i].code);
            assert_u64(asked.argument, 0);
            assert_u64(asked.value, held[i].other);
            assert_int_equal(asked.set, 1);
            expect_get(vmm, vmm->root, vmm->guest, held[i].code, held[i].other);
            assert_int_equal(asked.calls, 1);
        }
    assert_status(set_by(FROM_C, vmm, vmm->root, UINT64_MAX, PRIVILEGES, EVERYTHING), 0x00);
    assert_u64(asked.partition, vmm->root);
    assert_u64(asked.code, PRIVILEGES);
    assert_u64(asked.value, EVERYTHING);
}

static void what_the_vmm_refuses_changes_nothing(void **state)
{
    static const uint16_t answers[] = {0x05, 0x08, 0x09, 0x0A, 0x0B, 0x11, 0x78, 0xFFFF};
    struct fake_vmm *vmm = *state;

    for (size_t k = 0; k < COUNT(answers); k++) {
        asked.answer = answers[k];
        for (size_t i = 0; i < COUNT(held); i++)
            expect_refused(vmm, vmm->guest, held[i].code, held[i].other, answers[k]);
        expect_refused(vmm, vmm->guest, PRIVILEGES, 0, answers[k]);
        expect_no_value(vmm, vmm->root, vmm->guest, REFERENCE_TIME, answers[k]);
        expect_set(vmm, vmm->root, vmm->guest, REFERENCE_TIME, 1, answers[k]);
    }
    assert_int_equal(vmm->hv->partitions[1].rest->lock, 0);
}

static void the_vmm_is_not_asked_about_what_cannot_be(void **state)
{
    struct fake_vmm *vmm = *state;

    expect_set(vmm, vmm->root, vmm->guest, SUSPEND, 2, 0x05);
    expect_set(vmm, vmm->root, vmm->guest, CPU_WEIGHT, 0, 0x0A);
    expect_set(vmm, vmm->root, vmm->guest, CPU_CAP, 0x10001, 0x0A);
    expect_set(vmm, vmm->root, vmm->guest, PRIVILEGES, CPU_MANAGEMENT, 0x0A);
    expect_set(vmm, vmm->root, vmm->guest, DEBUG_CHANNEL, 0x10000, 0x05);
    expect_set(vmm, vmm->root, vmm->guest, GUEST_OS_ID, 0, 0x05);
    expect_set(vmm, vmm->root, vmm->guest, VENDOR, 0, 0x05);
    assert_int_equal(asked.calls, 0);
}

static void what_the_machine_is_the_vmm_says(void **state)
{
    static const uint32_t codes[] = {SYNTHETIC_FEATURES, REFERENCE_TIME, FEATURES, XSAVE, CLFLUSH,
                                     ADDRESS_WIDTH,      VIRTUALIZATION, OWN};
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < COUNT(codes); i++) {
        asked.calls = 0;
        asked.reply = 0x123456789ABCDEF0 + i;
        expect_get(vmm, vmm->root, vmm->guest, codes[i], asked.reply);
        assert_int_equal(asked.calls, WAYS);
        assert_u64(asked.partition, vmm->guest);
        assert_u64(asked.code, codes[i]);
        assert_u64(asked.value, 0);
        assert_int_equal(asked.set, 0);
        expect_set(vmm, vmm->root, vmm->guest, codes[i], ~asked.reply, 0x00);
        assert_u64(asked.code, codes[i]);
        assert_u64(asked.value, ~asked.reply);
        assert_int_equal(asked.set, 1);
    }
}

static void without_the_op_only_the_librarys_properties_are_known(void **state)
{
    static const uint32_t codes[] = {SYNTHETIC_FEATURES,
                                     REFERENCE_TIME,
                                     VENDOR,
                                     FEATURES,
                                     ADDRESS_WIDTH,
                                     0x50001,
                                     0x10001000,
                                     OWN,
                                     0,
                                     0xFFFFFFFF,
                                     0x20006,
                                     0x40001};
    struct fake_vmm *vmm = *state;
    uint64_t unborn = 0;

    assert_status(fake_create(vmm, vmm->root, &unborn), 0x00);
    for (size_t i = 0; i < COUNT(codes); i++) {
        const uint64_t ids[] = {vmm->guest, vmm->root, unborn};
        for (size_t k = 0; k < COUNT(ids); k++) {
            expect_no_value(vmm, vmm->root, ids[k], codes[i], 0x09);
            expect_set(vmm, vmm->root, ids[k], codes[i], 0, 0x09);
        }
    }
    for (size_t i = 0; i < COUNT(held); i++)
        expect_taken(vmm, vmm->guest, held[i].code, held[i].other);
    expect_taken(vmm, unborn, PRIVILEGES, 0x60);
}

/* The shape of the calls. */

static void an_argument_is_for_the_vmms_properties_alone(void **state)
{
    static const uint32_t none[] = {PRIVILEGES, CPU_WEIGHT, VIRTUAL_TLB, GUEST_OS_ID};
    struct fake_vmm *vmm = *state;
    const uint64_t argument = 0xFEDCBA9876543210, one = 1;
    uint8_t in[32];

    asked.reply = 42;
    for (enum way way = FROM_C_EX; way < WAYS; way += 2) {
        uint64_t value = POISON;
        for (size_t i = 0; i < COUNT(none); i++) {
            asked.calls = 0;
            fill(in, way, vmm->guest, none[i], &one);
            le64enc(in + 16, (uint64_t)1 << 40);
            assert_status(call_by(way, vmm, vmm->root, GET_EX, in, 24, &value), 0x05);
            assert_u64(value, POISON);
            assert_status(call_by(way, vmm, vmm->root, SET_EX | VALUE_FOLLOWS, in, 32, NULL), 0x05);
            assert_int_equal(asked.calls, 0);
        }
        fill(in, way, vmm->guest, 0x10001000, &one);
        le64enc(in + 16, argument);
        assert_status(call_by(way, vmm, vmm->root, GET_EX, in, 24, &value), 0x00);
        assert_u64(asked.argument, argument);
        assert_u64(value, 42);
        assert_status(call_by(way, vmm, vmm->root, SET_EX | VALUE_FOLLOWS, in, 32, NULL), 0x00);
        assert_u64(asked.argument, argument);
        assert_u64(asked.value, 1);
    }
}

static void the_padding_is_zero(void **state)
{
    static const uint32_t codes[] = {PRIVILEGES, CPU_WEIGHT, REFERENCE_TIME, OWN};
    struct fake_vmm *vmm = *state;
    const uint64_t one = 1;
    uint8_t in[32];

    for (enum way way = 0; way < WAYS; way++)
        for (size_t i = 0; i < COUNT(codes); i++)
            for (int byte = 12; byte < 16; byte++) {
                uint64_t value = POISON;
                size_t bytes = fill(in, way, vmm->guest, codes[i], NULL);
                in[byte] = 0x80;
                assert_status(
                    call_by(way, vmm, vmm->root, extended(way) ? GET_EX : GET, in, bytes, &value),
                    0x05);
                assert_u64(value, POISON);
                bytes = fill(in, way, vmm->guest, codes[i], &one);
                in[byte] = 1;
                assert_status(call_by(way, vmm, vmm->root,
                                      extended(way) ? SET_EX | VALUE_FOLLOWS : SET, in, bytes,
                                      NULL),
                              0x05);
            }
    assert_int_equal(asked.calls, 0);
    expect_get(vmm, vmm->root, vmm->guest, CPU_WEIGHT, 100);
}

static void an_extended_value_is_8_bytes(void **state)
{
    static const uint32_t codes[] = {CPU_WEIGHT, REFERENCE_TIME, OWN};
    struct fake_vmm *vmm = *state;
    uint8_t in[32 + 16] = {0};
    uint64_t unborn = 0;

    le64enc(in, vmm->guest);
    in[24] = 1;
    for (enum way way = FROM_C_EX; way < WAYS; way += 2)
        for (size_t i = 0; i < COUNT(codes); i++) {
            le32enc(in + 8, codes[i]);
            for (uint64_t words = 0; words < 4; words++)
                if (words != 1)
                    assert_status(call_by(way, vmm, vmm->root, SET_EX | words << 17, in,
                                          (size_t)(24 + words * 8), NULL),
                                  0x05);
        }
    assert_int_equal(asked.calls, 0);
    expect_get(vmm, vmm->root, vmm->guest, CPU_WEIGHT, 100);
    /* A value that is none is looked at after the state. */
    assert_status(fake_create(vmm, vmm->root, &unborn), 0x00);
    le64enc(in, unborn);
    assert_status(call_by(FROM_C_EX, vmm, vmm->root, SET_EX, in, 24, NULL), 0x05);
    le32enc(in + 8, CPU_WEIGHT);
    assert_status(call_by(FROM_C_EX, vmm, vmm->root, SET_EX, in, 24, NULL), 0x07);
    /* From C a block that is too short is no block. */
    assert_status(call_by(FROM_C_EX, vmm, vmm->root, SET_EX | VALUE_FOLLOWS, in, 31, NULL), 0x05);
}

int main(void)
{
#define WITH_OP(test)    cmocka_unit_test_setup_teardown(test, setup, fake_teardown)
#define WITHOUT_OP(test) cmocka_unit_test_setup_teardown(test, setup_without_op, fake_teardown)
    const struct CMUnitTest tests[] = {
        WITH_OP(a_new_partition_has_the_default_properties),
        WITH_OP(what_was_set_is_read_back_and_is_that_partitions_alone),
        cmocka_unit_test(a_slots_next_partition_begins_with_the_defaults),
        WITH_OP(switches_are_0_or_1),
        WITH_OP(weight_is_1_to_10000),
        WITH_OP(reserve_is_never_above_cap),
        WITH_OP(reserved_bits_are_refused_and_all_others_taken),
        WITH_OP(a_timer_period_of_0_disables_the_timer),
        WITH_OP(the_size_of_the_virtual_tlb_is_clamped),
        WITH_OP(parent_and_root_alone_have_access),
        WITH_OP(without_create_partitions_every_call_is_denied),
        WITH_OP(only_early_properties_exist_before_initialize),
        WITH_OP(the_vmms_own_properties_are_early_if_the_vmm_says_so),
        WITH_OP(a_partition_at_its_end_has_no_properties),
        WITH_OP(privileges_that_nobody_has_defined_are_refused),
        WITH_OP(nobody_gives_a_privilege_that_it_lacks),
        WITH_OP(the_root_cannot_take_back_what_it_gave_up),
        WITH_OP(a_revoked_privilege_is_missed_by_the_next_invocation),
        cmocka_unit_test(a_rep_call_goes_on_only_with_its_privilege),
        WITH_OP(children_keep_what_their_parent_loses),
        WITH_OP(read_only_properties_are_read_only),
        WITH_OP(the_guests_os_id_is_what_it_wrote),
        WITH_OP(the_vmm_sees_what_is_set_before_it_takes_effect),
        WITH_OP(what_the_vmm_refuses_changes_nothing),
        WITH_OP(the_vmm_is_not_asked_about_what_cannot_be),
        WITH_OP(what_the_machine_is_the_vmm_says),
        WITHOUT_OP(without_the_op_only_the_librarys_properties_are_known),
        WITH_OP(an_argument_is_for_the_vmms_properties_alone),
        WITH_OP(the_padding_is_zero),
        WITH_OP(an_extended_value_is_8_bytes),
    };

    return cmocka_run_group_tests_name("property", tests, NULL, NULL);
}
