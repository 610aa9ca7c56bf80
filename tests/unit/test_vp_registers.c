/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Registers of virtual processors: whose they are to read and write, those that are the library's,
 * those that are the VMM's, and how far a list gets. What the calls share with others is in
 * test_life.c. */

#include "ways.h"

enum { GET = 0x50, SET };
enum { EXPLICIT_SUSPEND, INTERCEPT_SUSPEND, RAX = 0x20000, RCX, XMM0 = 0x30000, CR3 = 0x40002 };
enum { HYPERCALL = 0x90001, GUEST_OS_ID, VP_INDEX };

#define ACCESS_VP_REGISTERS 0x2000000000000u
#define CREATE_PARTITIONS   0x100000000u
#define SELF                UINT64_MAX

/* The guest's VP 1 is about whom the calls are, its VP 0 one that makes some. */
static struct fake_vmm *vmm;
static struct hvemu_vp *by_root, *target;
static struct hvemu_caller as_root;

static int setup(void **state)
{
    fake_setup(state);
    vmm = *state;
    by_root = attached(vmm, vmm->root, 0);
    assert_status(create_vp(vmm, vmm->root, vmm->guest, 1), 0x00);
    target = vp_of(vmm, vmm->guest, 1);
    as_root = (struct hvemu_caller){.hv = vmm->hv, .partition = vmm->root};
    hvemu_attach(&as_root);
    fake_forget(vmm);
    return 0;
}

static int teardown(void **state)
{
    hvemu_attach(NULL);
    return fake_teardown(state);
}

/* One register of VP `index` of partition `id`. */
static uint64_t get_of(enum way way, struct hvemu_vp *by, uint64_t id, uint32_t index,
                       uint32_t name, uint64_t value[2])
{
    uint8_t in[20] = {0}, out[16];
    uint64_t result;

    le64enc(in, id);
    le32enc(in + 8, index);
    le32enc(in + 16, name);
    memset(out, 0x5A, sizeof out);
    result = call_by(way, vmm, by, REPS(GET, 1), in, sizeof in, out, sizeof out);
    assert_int_equal(REPS_DONE(result), (result & 0xFFFF) == 0);
    value[0] = le64dec(out);
    value[1] = le64dec(out + 8);
    return result & 0xFFFF;
}

static uint64_t set_of(enum way way, struct hvemu_vp *by, uint64_t id, uint32_t index,
                       uint32_t name, uint64_t low, uint64_t high)
{
    uint8_t in[48] = {0};
    uint64_t result;

    le64enc(in, id);
    le32enc(in + 8, index);
    le32enc(in + 16, name);
    memset(in + 20, 0xEE, 12); /* padding */
    le64enc(in + 32, low);
    le64enc(in + 40, high);
    result = call_by(way, vmm, by, REPS(SET, 1), in, sizeof in, NULL, 0);
    assert_int_equal(REPS_DONE(result), (result & 0xFFFF) == 0);
    return result & 0xFFFF;
}

static uint16_t set(uint32_t name, uint64_t value)
{
    return (uint16_t)set_of(FROM_C, by_root, vmm->guest, 1, name, value, 0);
}

static void expect_register(uint32_t name, uint64_t low, uint64_t high)
{
    uint64_t value[2];

    for (enum way way = FROM_C; way < WAYS; way++) {
        assert_u64(get_of(way, by_root, vmm->guest, 1, name, value), 0x00);
        assert_u64(value[0], low);
        assert_u64(value[1], high);
    }
}

/* Whose. */

static void who_may_read_registers(void **state)
{
    const uint64_t child = fake_child(vmm, vmm->guest);
    const struct {
        struct hvemu_vp *by;
        uint64_t id;
        uint32_t index;
        uint64_t privileges; /* the guest's */
        uint16_t native, c;
    } cases[] = {
        {by_root, vmm->guest, 1, 0, 0x00, 0x00},
        {by_root, vmm->guest, 0, 0, 0x00, 0x00},
        {by_root, vmm->guest, 2, 0, 0x0E, 0x0E},
        {by_root, vmm->guest, 0xFFFFFFFF, 0, 0x0E, 0x0E},
        {by_root, vmm->guest, 0xFFFFFFFE, 0, 0x0E, 0x0E}, /* no VP of a child calls */
        {by_root, SELF, 0xFFFFFFFE, 0, 0x00, 0x0E},
        {by_root, vmm->root, 0xFFFFFFFE, 0, 0x00, 0x0E},
        {vmm->vp, vmm->guest, 1, ACCESS_VP_REGISTERS, 0x00, 0x00},
        {vmm->vp, SELF, 0, ACCESS_VP_REGISTERS, 0x00, 0x00},
        {vmm->vp, SELF, 0xFFFFFFFE, ACCESS_VP_REGISTERS, 0x00, 0x0E},
        {vmm->vp, SELF, 0xFFFFFFFF, ACCESS_VP_REGISTERS, 0x0E, 0x0E},
        {vmm->vp, SELF, 2, ACCESS_VP_REGISTERS, 0x0E, 0x0E},
        {vmm->vp, SELF, 0xFFFFFFFE, CREATE_PARTITIONS, 0x06, 0x06},
        {vmm->vp, SELF, 0xFFFFFFFE, ~(uint64_t)ACCESS_VP_REGISTERS, 0x06, 0x06},
        {vmm->vp, vmm->guest, 1, 0, 0x06, 0x06},
        {vmm->vp, child, 0, ACCESS_VP_REGISTERS, 0x06, 0x06},
        {vmm->vp, child, 0, CREATE_PARTITIONS, 0x00, 0x00},
        {vmm->vp, child, 0xFFFFFFFE, CREATE_PARTITIONS, 0x0E, 0x0E},
        {by_root, child, 0, UINT64_MAX, 0x06, 0x06},
        {vmm->vp, vmm->root, 0, UINT64_MAX, 0x06, 0x06},
        {vmm->vp, 0x99, 0, ACCESS_VP_REGISTERS, 0x0D, 0x0D},
        {vmm->vp, 0x99, 0, 0, 0x06, 0x06},
    };

    (void)state;
    assert_status(create_vp(vmm, vmm->guest, child, 0), 0x00);
    for (size_t i = 0; i < COUNT(cases); i++)
        for (enum way way = FROM_C; way < WAYS; way++) {
            const uint16_t want = way == FROM_C ? cases[i].c : cases[i].native;
            uint64_t value[2];

            print_message("case %zu %s\n", i, way_names[way]);
            /* AccessVpIndex, which VP_INDEX needs of oneself, makes no other difference. */
            atomic_store(&partition_of(vmm, vmm->guest)->privileges, cases[i].privileges | 0x40);
            assert_u64(get_of(way, cases[i].by, cases[i].id, cases[i].index, VP_INDEX, value),
                       want);
            if (want)
                assert_true(value[0] == 0x5A5A5A5A5A5A5A5A && value[1] == value[0]);
            else if (cases[i].index != 0xFFFFFFFE)
                assert_u64(value[0], cases[i].index);
            assert_u64(set_of(way, cases[i].by, cases[i].id, cases[i].index, RAX, 1, 0), want);
        }
}

static void vp_self_is_the_vp_that_calls(void **state)
{
    struct hvemu_vp *const vps[] = {vmm->vp, target};
    uint64_t value[2];

    (void)state;
    for (uint32_t i = 0; i < COUNT(vps); i++)
        for (enum way way = IN_MEMORY; way < WAYS; way++) {
            assert_u64(get_of(way, vps[i], SELF, 0xFFFFFFFE, VP_INDEX, value), 0x00);
            assert_u64(value[0], i);
            assert_u64(set_of(way, vps[i], vmm->guest, 0xFFFFFFFE, RAX, 0x70 + i, way), 0x00);
            assert_u64(fake_register(vmm, vmm->guest, i, RAX)[0], 0x70 + i);
            assert_u64(fake_register(vmm, vmm->guest, i, RAX)[1], way);
        }
}

/* The VMM's. */

static void registers_are_read_and_written_by_ops(void **state)
{
    (void)state;
    for (enum way way = FROM_C; way < WAYS; way++) {
        const uint64_t low = 0x1122334455667788 + way, high = 0x99AABBCCDDEEFF00 + way;

        fake_forget(vmm);
        assert_u64(set_of(way, by_root, vmm->guest, 1, XMM0, low, high), 0x00);
        assert_int_equal(vmm->count[FAKE_VP_SET], 1);
        assert_int_equal(vmm->count[FAKE_VP], 0);
        const struct fake_event *event = &vmm->log[vmm->logged - 1];
        assert_ptr_equal(event->ctx, vmm);
        assert_u64(event->partition, vmm->guest);
        assert_u64(event->destination, 1);
        assert_u64(event->gpa, XMM0);
        assert_u64(event->value[0], low);
        assert_u64(event->value[1], high);
        expect_register(XMM0, low, high);
        assert_int_equal(vmm->count[FAKE_VP_GET], 3);
        expect_register(CR3, 0, 0); /* what the op does not fill is zero */
    }
}

static void the_op_alone_knows_the_other_names(void **state)
{
    static const uint32_t names[] = {2,       3,       4,       0x100,   0x10002, RAX,    0x50004,
                                     0x80001, 0x90000, 0x90004, 0x90010, 0xA0000, 0xFFFFF};
    uint64_t value[2];

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_status(set(names[i], names[i] + 1), 0x00);
        expect_register(names[i], names[i] + 1, 0);
        assert_u64(vmm->log[vmm->logged - 1].gpa, names[i]);
    }
    assert_status(set(0x100000, 1), 0x05);
    assert_u64(get_of(FROM_C, by_root, vmm->guest, 1, 0xFFFFFFFF, value), 0x05);
    assert_u64(value[0], 0x5A5A5A5A5A5A5A5A);
}

static void register_ops_are_absent_or_fail(void **state)
{
    static const uint16_t answers[] = {0x05, 0x50, 0x57, 0x71, 0x78};
    struct hvemu_ops ops = fake_ops;
    uint64_t value[2];

    (void)state;
    for (enum way way = FROM_C; way < WAYS; way++)
        for (size_t i = 0; i < COUNT(answers); i++) {
            *fake_register(vmm, vmm->guest, 1, RAX) = 0x77;
            fake_fail(vmm, FAKE_VP_GET, 0, answers[i]);
            assert_u64(get_of(way, by_root, vmm->guest, 1, RAX, value), answers[i]);
            assert_true(value[0] == 0x5A5A5A5A5A5A5A5A && value[1] == value[0]);
            fake_fail(vmm, FAKE_VP_SET, 0, answers[i]);
            assert_u64(set_of(way, by_root, vmm->guest, 1, RAX, 1, 0), answers[i]);
            expect_register(RAX, 0x77, 0);
        }
    teardown(state);
    ops.vp_get = NULL;
    ops.vp_set = NULL;
    *state = vmm = fake_new(NULL, &ops);
    fake_add_guest(vmm, HV_PRIVILEGE_ALL);
    by_root = attached(vmm, vmm->root, 0);
    assert_u64(get_of(FROM_C, by_root, vmm->guest, 0, RAX, value), 0x05);
    assert_u64(set_of(FROM_C, by_root, vmm->guest, 0, RAX, 1, 0), 0x05);
    assert_u64(get_of(FROM_C, by_root, vmm->guest, 0, GUEST_OS_ID, value), 0x00);
    assert_u64(value[0], 0x8100000000000001);
    assert_u64(set_of(FROM_C, by_root, vmm->guest, 0, EXPLICIT_SUSPEND, 1, 0), 0x00);
}

/* Suspend. */

static void suspend_registers_are_the_librarys(void **state)
{
    (void)state;
    expect_register(EXPLICIT_SUSPEND, 1, 0); /* from its creation */
    expect_register(INTERCEPT_SUSPEND, 0, 0);
    assert_int_equal(hvemu_vp_suspended(target), 1);
    assert_int_equal(hvemu_vp_suspended(vmm->vp), 0);
    hvemu_vp_suspend(target);
    expect_register(EXPLICIT_SUSPEND, 1, 0);
    expect_register(INTERCEPT_SUSPEND, 1, 0);
    assert_int_equal(hvemu_vp_suspended(target), 3);
    assert_status(set(EXPLICIT_SUSPEND, 0), 0x00);
    expect_register(EXPLICIT_SUSPEND, 0, 0);
    expect_register(INTERCEPT_SUSPEND, 1, 0);
    assert_int_equal(hvemu_vp_suspended(target), 2);
    assert_status(set(INTERCEPT_SUSPEND, 1), 0x00); /* it is */
    assert_int_equal(hvemu_vp_suspended(target), 2);
    assert_status(set(EXPLICIT_SUSPEND, 1), 0x00);
    assert_status(set(INTERCEPT_SUSPEND, 0), 0x00);
    assert_int_equal(hvemu_vp_suspended(target), 1);
    assert_status(set(INTERCEPT_SUSPEND, 0), 0x00);
    assert_int_equal(hvemu_vp_suspended(target), 1);
    assert_int_equal(vmm->count[FAKE_VP_GET] + vmm->count[FAKE_VP_SET], 0);
    assert_int_equal(hvemu_vp_suspended(vmm->vp), 0); /* each for itself */
    hvemu_vp_suspend(NULL);
    assert_int_equal(hvemu_vp_suspended(NULL), 0);
}

static void suspend_registers_take_only_their_bit(void **state)
{
    (void)state;
    for (enum way way = FROM_C; way < WAYS; way++)
        for (unsigned before = 0; before < 4; before++) {
            atomic_store(&target->suspend, before);
            fake_forget(vmm);
            for (unsigned bit = 1; bit < 128; bit++)
                for (uint32_t name = 0; name < 2; name++)
                    assert_u64(set_of(way, by_root, vmm->guest, 1, name,
                                      bit < 64 ? (uint64_t)1 << bit : 0,
                                      bit < 64 ? 0 : (uint64_t)1 << (bit - 64)),
                               0x50);
            assert_u64(set_of(way, by_root, vmm->guest, 1, INTERCEPT_SUSPEND, 3, 0), 0x50);
            assert_u64(set_of(way, by_root, vmm->guest, 1, EXPLICIT_SUSPEND, 3, 0), 0x50);
            assert_u64(set_of(way, by_root, vmm->guest, 1, INTERCEPT_SUSPEND, 0x81, 0), 0x50);
            if (!(before & 2)) /* nobody suspends a VP for an intercept but its VMM */
                assert_u64(set_of(way, by_root, vmm->guest, 1, INTERCEPT_SUSPEND, 1, 0), 0x50);
            assert_int_equal(hvemu_vp_suspended(target), before);
            assert_int_equal(vmm->count[FAKE_VP], 0);
        }
}

static uint32_t seen[8];
static unsigned seen_count;

static void note_suspended(struct fake_vmm *fake, const struct fake_event *event)
{
    (void)fake;
    if (event->op == FAKE_VP)
        seen[seen_count++ % 8] = hvemu_vp_suspended(target);
}

static void the_vmm_is_told_of_each_change_after_it(void **state)
{
    (void)state;
    hvemu_vp_suspend(target);
    assert_int_equal(vmm->logged, 0); /* it knows */
    vmm->reenter = note_suspended;
    seen_count = 0;
    assert_status(set(EXPLICIT_SUSPEND, 0), 0x00);
    assert_status(set(INTERCEPT_SUSPEND, 0), 0x00);
    assert_status(set(EXPLICIT_SUSPEND, 1), 0x00);
    assert_int_equal(seen_count, 3);
    assert_int_equal(seen[0], 2);
    assert_int_equal(seen[1], 0);
    assert_int_equal(seen[2], 1);
    for (unsigned i = 0; i < 3; i++) {
        assert_u64(vmm->log[i].gpa, HVEMU_VP_SUSPEND);
        assert_u64(vmm->log[i].destination, 1);
    }
    fake_fail(vmm, FAKE_VP, 0, 0x08); /* its answer counts for nothing */
    assert_status(set(EXPLICIT_SUSPEND, 0), 0x00);
    assert_int_equal(hvemu_vp_suspended(target), 0);
}

static void an_attached_vp_is_suspended_and_resumed_too(void **state)
{
    (void)state;
    for (enum way way = FROM_C; way < WAYS; way++) {
        assert_u64(set_of(way, by_root, vmm->guest, 0, EXPLICIT_SUSPEND, 1, 0), 0x00);
        assert_int_equal(hvemu_vp_suspended(vmm->vp), 1);
        assert_u64(set_of(way, by_root, vmm->guest, 0, EXPLICIT_SUSPEND, 0, 0), 0x00);
        assert_int_equal(hvemu_vp_suspended(vmm->vp), 0);
    }
    /* The next in its place begins anew. */
    hvemu_vp_suspend(vmm->vp);
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    for (uint32_t i = 2; i < 16; i++)
        assert_int_equal(hvemu_vp_suspended(attached(vmm, vmm->guest, i)), 0);
}

/* The MSRs. */

static void expect_msrs(uint64_t os_id, uint64_t hypercall)
{
    uint64_t value = 1;

    expect_register(GUEST_OS_ID, os_id, 0);
    expect_register(HYPERCALL, hypercall, 0);
    assert_action(hvemu_x64_rdmsr(vmm->vp, 0x40000000, &value), HVEMU_STEP);
    assert_u64(value, os_id);
    assert_action(hvemu_x64_rdmsr(vmm->vp, 0x40000001, &value), HVEMU_STEP);
    assert_u64(value, hypercall);
}

static void msr_registers_go_through_the_msr_code(void **state)
{
    const uint64_t id = 0x8100000000000001;

    (void)state;
    expect_msrs(id, FAKE_HYPERCALL_PAGE | 1);
    expect_register(VP_INDEX, 1, 0);
    for (enum way way = FROM_C; way < WAYS; way++) {
        fake_forget(vmm);
        assert_u64(set_of(way, by_root, vmm->guest, 1, HYPERCALL, 0x6001, 0), 0x00);
        assert_int_equal(vmm->count[FAKE_OVERLAY], 1);
        assert_u64(vmm->overlay, 0x6000);
        expect_msrs(id, 0x6001);
        assert_u64(set_of(way, by_root, vmm->guest, 1, GUEST_OS_ID, 0, 0), 0x00);
        assert_u64(vmm->overlay, UINT64_MAX); /* no identity, no page */
        expect_msrs(0, 0x6000);
        assert_u64(set_of(way, by_root, vmm->guest, 1, HYPERCALL, 0x5001, 0), 0x00);
        expect_msrs(0, 0x5000);
        assert_u64(set_of(way, by_root, vmm->guest, 1, GUEST_OS_ID, id, 0), 0x00);
        assert_u64(set_of(way, by_root, vmm->guest, 1, HYPERCALL, FAKE_HYPERCALL_PAGE | 1, 0),
                   0x00);
        expect_msrs(id, FAKE_HYPERCALL_PAGE | 1);
        assert_int_equal(vmm->count[FAKE_VP_GET] + vmm->count[FAKE_VP_SET], 0);
    }
}

static void what_would_raise_gp_is_an_invalid_parameter(void **state)
{
    const uint64_t id = 0x8100000000000001, page = FAKE_HYPERCALL_PAGE | 1;

    (void)state;
    for (enum way way = FROM_C; way < WAYS; way++) {
        fake_forget(vmm);
        /* Beyond the GPA space; high bits; read-only. */
        assert_u64(set_of(way, by_root, vmm->guest, 1, HYPERCALL, 0x10000000000001, 0), 0x05);
        assert_u64(set_of(way, by_root, vmm->guest, 1, HYPERCALL, page, 1), 0x50);
        assert_u64(set_of(way, by_root, vmm->guest, 1, GUEST_OS_ID, id, (uint64_t)1 << 63), 0x50);
        assert_u64(set_of(way, by_root, vmm->guest, 1, VP_INDEX, 1, 0), 0x05);
        assert_u64(set_of(way, by_root, vmm->guest, 1, VP_INDEX, 2, 0), 0x05);
        assert_int_equal(vmm->count[FAKE_OVERLAY], 0);
        fake_fail(vmm, FAKE_OVERLAY, 0, HVEMU_MEM_NONE); /* no page can be there */
        assert_u64(set_of(way, by_root, vmm->guest, 1, HYPERCALL, 0x6001, 0), 0x05);
        fake_fail(vmm, FAKE_OVERLAY, 0, HVEMU_MEM_AGAIN);
        assert_u64(set_of(way, by_root, vmm->guest, 1, HYPERCALL, 0x6001, 0), 0x78);
        fake_fail(vmm, FAKE_OVERLAY, 0, HVEMU_MEM_FAILED);
        assert_u64(set_of(way, by_root, vmm->guest, 1, HYPERCALL, 0x6001, 0), 0x71);
        fake_fail(vmm, FAKE_OVERLAY, 0, HVEMU_MEM_FAILED);
        assert_u64(set_of(way, by_root, vmm->guest, 1, GUEST_OS_ID, 0, 0), 0x71);
        assert_u64(vmm->overlay, FAKE_HYPERCALL_PAGE);
        expect_msrs(id, page);
        expect_register(VP_INDEX, 1, 0);
    }
}

static void a_locked_page_stays_where_it_is(void **state)
{
    (void)state;
    assert_status(set(HYPERCALL, FAKE_HYPERCALL_PAGE | 3), 0x00);
    assert_status(set(HYPERCALL, 0x6001), 0x05);
    assert_status(set(HYPERCALL, 0), 0x05);
    expect_msrs(0x8100000000000001, FAKE_HYPERCALL_PAGE | 3);
    assert_status(set(GUEST_OS_ID, 0), 0x00);
    expect_msrs(0, FAKE_HYPERCALL_PAGE | 3);
    assert_u64(vmm->overlay, FAKE_HYPERCALL_PAGE);
}

static void the_msrs_lock_makes_a_write_wait(void **state)
{
    _Atomic uint32_t *lock = &partition_of(vmm, vmm->guest)->msr_lock;

    (void)state;
    fake_forget(vmm);
    for (enum way way = FROM_C; way < WAYS; way++) {
        atomic_store(lock, 1);
        assert_u64(set_of(way, by_root, vmm->guest, 1, HYPERCALL, 0x6001, 0), 0x78);
        assert_u64(set_of(way, by_root, vmm->guest, 1, GUEST_OS_ID, 1, 0), 0x78);
        assert_int_equal(atomic_load(lock), 1);
        assert_u64(set_of(way, by_root, vmm->guest, 1, RAX, 1, 0), 0x00); /* others do not wait */
        expect_register(HYPERCALL, FAKE_HYPERCALL_PAGE | 1, 0);           /* nor do readers */
        assert_int_equal(vmm->count[FAKE_OVERLAY], 0);
        atomic_store(lock, 0);
    }
    expect_msrs(0x8100000000000001, FAKE_HYPERCALL_PAGE | 1);
    assert_status(set(GUEST_OS_ID, 1), 0x00);
    assert_int_equal(atomic_load(lock), 0);
}

/* A parent writes what its child could not. */
static void a_parent_needs_none_of_its_childs_privileges(void **state)
{
    (void)state;
    atomic_store(&partition_of(vmm, vmm->guest)->privileges, 0);
    assert_status(set(HYPERCALL, 0x6001), 0x00);
    assert_status(set(GUEST_OS_ID, 0x77), 0x00);
    expect_register(HYPERCALL, 0x6001, 0);
    expect_register(GUEST_OS_ID, 0x77, 0);
    expect_register(VP_INDEX, 1, 0);
}

static void msr_registers_of_oneself_need_the_msrs_privilege(void **state)
{
    static const struct {
        uint32_t name;
        uint64_t privilege; /* AccessHypercallMsrs 0x20, AccessVpIndex 0x40 */
    } msrs[] = {{HYPERCALL, 0x20}, {GUEST_OS_ID, 0x20}, {VP_INDEX, 0x40}};
    _Atomic uint64_t *privileges = &partition_of(vmm, vmm->guest)->privileges;
    const uint64_t registers = (uint64_t)1 << 49;
    uint64_t value[2];

    (void)state;
    for (size_t i = 0; i < COUNT(msrs); i++)
        for (enum way way = FROM_C; way < WAYS; way++) {
            const uint16_t writes = msrs[i].name == VP_INDEX ? 0x05 : 0x00;

            atomic_store(privileges, registers | (0x60 & ~msrs[i].privilege));
            assert_u64(get_of(way, vmm->vp, vmm->guest, 1, msrs[i].name, value), 0x06);
            assert_u64(set_of(way, vmm->vp, vmm->guest, 1, msrs[i].name, 0, 0), 0x06);
            atomic_store(privileges, registers | msrs[i].privilege);
            assert_u64(get_of(way, vmm->vp, vmm->guest, 1, msrs[i].name, value), 0x00);
            assert_u64(set_of(way, vmm->vp, vmm->guest, 1, msrs[i].name, 0, 0), writes);
        }
}

static void nobody_resumes_itself(void **state)
{
    struct hvemu_vp *sister = attached(vmm, vmm->guest, 4);
    uint64_t value[2];

    (void)state;
    atomic_store(&partition_of(vmm, vmm->guest)->privileges, ACCESS_VP_REGISTERS);
    for (enum way way = FROM_C; way < WAYS; way++) {
        hvemu_vp_suspend(sister);
        assert_u64(set_of(way, by_root, vmm->guest, 4, EXPLICIT_SUSPEND, 1, 0), 0x00);
        for (uint32_t name = 0; name <= 1; name++) {
            assert_u64(set_of(way, vmm->vp, vmm->guest, 4, name, 0, 0), 0x06);
            assert_u64(set_of(way, sister, SELF, 4, name, 0, 0), 0x06);
            assert_u64(get_of(way, vmm->vp, vmm->guest, 4, name, value), 0x00);
            assert_u64(value[0], 1);
        }
        assert_u64(hvemu_vp_suspended(sister), 3);
        assert_u64(set_of(way, by_root, vmm->guest, 4, 0, 0, 0), 0x00);
        assert_u64(set_of(way, by_root, vmm->guest, 4, 1, 0, 0), 0x00);
        assert_u64(hvemu_vp_suspended(sister), 0);
    }
}

/* Lists. */

enum { MANY = 100 };

static HV_REGISTER_NAME names[MANY];
static HV_REGISTER_VALUE values[MANY];

/* Twenty registers over and over, so that the VMM's store holds them. */
static void fill_lists(void)
{
    for (uint32_t i = 0; i < MANY; i++) {
        names[i] = LE32(RAX + i % 20);
        memset(&values[i], 0x5A, sizeof values[i]);
    }
}

static void a_failing_element_ends_a_get_and_leaves_the_rest(void **state)
{
    (void)state;
    fill_lists();
    for (uint32_t i = 0; i < 20; i++) {
        fake_register(vmm, vmm->guest, 1, RAX + i)[0] = 0x1000 + i;
        fake_register(vmm, vmm->guest, 1, RAX + i)[1] = 0x2000 + i;
    }
    for (unsigned k = 0; k < 20; k++) {
        static const uint16_t answers[] = {0x05, 0x78};

        for (size_t a = 0; a < 2; a++) {
            uint32_t count = 20;

            fill_lists();
            fake_fail(vmm, FAKE_VP_GET, k, answers[a]);
            assert_status(HvGetVpRegisters(vmm->guest, 1, &count, names, values), answers[a]);
            assert_int_equal(count, k);
            for (uint32_t i = 0; i < MANY; i++) {
                assert_u64(LE64(values[i].Reg128.Low64), i < k ? 0x1000 + i : 0x5A5A5A5A5A5A5A5A);
                assert_u64(LE64(values[i].Reg128.High64), i < k ? 0x2000 + i : 0x5A5A5A5A5A5A5A5A);
            }
            count = 20 - k; /* the rest */
            assert_status(HvGetVpRegisters(vmm->guest, 1, &count, names + k, values + k), 0x00);
            assert_int_equal(count, 20 - k);
            for (uint32_t i = 0; i < 20; i++)
                assert_u64(LE64(values[i].Reg64), 0x1000 + i);
        }
    }
}

static void a_failing_element_ends_a_set_and_what_was_before_stands(void **state)
{
    static const uint32_t lengths[] = {1, 15, 16, 17, 20, 31, 32, 33, 48, 49, 100};

    (void)state;
    fill_lists();
    for (size_t n = 0; n < COUNT(lengths); n++)
        for (uint32_t k = 0; k <= lengths[n]; k += k < 2 ? 1 : 7) {
            uint32_t count = lengths[n];
            const uint16_t want = k < count ? 0x50 : 0x00;

            for (uint32_t i = 0; i < MANY; i++) {
                values[i].Reg128.Low64 = LE64((uint64_t)n << 32 | k << 16 | i);
                values[i].Reg128.High64 = LE64(i);
            }
            fake_forget(vmm);
            fake_fail(vmm, FAKE_VP_SET, k, 0x50);
            assert_status(HvSetVpRegisters(vmm->guest, 1, &count, names, values), want);
            assert_int_equal(count, k < lengths[n] ? k : lengths[n]);
            assert_int_equal(vmm->count[FAKE_VP_SET], count + !!want);
            for (uint32_t i = 0; i < count + !!want; i++) { /* in the order of the list */
                assert_u64(vmm->log[i].gpa, LE32(names[i]));
                assert_u64(vmm->log[i].value[0], LE64(values[i].Reg128.Low64));
                assert_u64(vmm->log[i].value[1], LE64(values[i].Reg128.High64));
            }
            for (uint32_t i = count < 20 ? 0 : count - 20; i < count; i++)
                assert_u64(*fake_register(vmm, vmm->guest, 1, LE32(names[i])),
                           LE64(values[i].Reg64));
            fake_mend(vmm, FAKE_VP_SET);
        }
}

static void long_lists_come_in_pieces(void **state)
{
    uint32_t count = MANY;

    (void)state;
    fill_lists();
    assert_status(HvGetVpRegisters(vmm->guest, 1, &count, names, values), 0x78);
    assert_int_equal(count, 64);
    assert_u64(values[63].Reg64, 0);
    assert_u64(values[64].Reg64, 0x5A5A5A5A5A5A5A5A);
    count = MANY - 64;
    assert_status(HvGetVpRegisters(vmm->guest, 1, &count, names + 64, values + 64), 0x00);
    assert_int_equal(count, MANY - 64);
    assert_u64(values[MANY - 1].Reg64, 0);
}

static void wrappers_refuse_lists_that_are_none(void **state)
{
    uint32_t count = 0;

    (void)state;
    fill_lists();
    assert_status(HvGetVpRegisters(vmm->guest, 1, &count, names, values), 0x03);
    assert_status(HvSetVpRegisters(vmm->guest, 1, &count, names, values), 0x03);
    assert_int_equal(count, 0);
    count = 1;
    assert_status(HvGetVpRegisters(vmm->guest, 1, NULL, names, values), 0x05);
    assert_status(HvGetVpRegisters(vmm->guest, 1, &count, names, NULL), 0x05);
    count = 1;
    assert_status(HvGetVpRegisters(vmm->guest, 1, &count, NULL, values), 0x05);
    count = 1;
    assert_status(HvSetVpRegisters(vmm->guest, 1, NULL, names, values), 0x05);
    assert_status(HvSetVpRegisters(vmm->guest, 1, &count, NULL, values), 0x05);
    assert_status(HvSetVpRegisters(vmm->guest, 1, &count, names, NULL), 0x05);
    assert_int_equal(vmm->logged, 0);
    count = 1;
    assert_status(HvGetVpRegisters(0x99, 1, &count, names, values), 0x0D);
    assert_int_equal(count, 0);
    count = 20;
    assert_status(HvSetVpRegisters(vmm->guest, 2, &count, names, values), 0x0E);
    assert_int_equal(count, 0);
    assert_u64(values[0].Reg64, 0x5A5A5A5A5A5A5A5A);
}

/* Natively: elements before the failing one are put out, the guest goes on where it stopped. */
static void a_guest_goes_on_behind_what_is_done(void **state)
{
    (void)state;
    for (enum way way = FROM_C; way < WAYS; way++)
        for (unsigned k = 0; k < 4; k++) {
            uint8_t in[32] = {0}, out[64];

            le64enc(in, vmm->guest);
            in[8] = 1;
            for (uint32_t i = 0; i < 4; i++) {
                le32enc(in + 16 + 4 * i, RAX + i);
                *fake_register(vmm, vmm->guest, 1, RAX + i) = 0x100 + i;
            }
            memset(out, 0x5A, sizeof out);
            fake_fail(vmm, FAKE_VP_GET, k, 0x78);
            assert_u64(call_by(way, vmm, by_root, REPS(GET, 4), in, sizeof in, out, sizeof out),
                       (uint64_t)k << 32 | 0x78);
            for (uint32_t i = 0; i < 4; i++)
                assert_u64(le64dec(out + 16 * i), i < k ? 0x100 + i : 0x5A5A5A5A5A5A5A5A);
            assert_u64(call_by(way, vmm, by_root, REPS(GET, 4) | (uint64_t)k << 48, in, sizeof in,
                               out, sizeof out),
                       (uint64_t)4 << 32);
            /* In registers the caller keeps what was put out before; in memory it stays there. */
            for (uint32_t i = 0; i < 4; i++)
                assert_u64(le64dec(out + 16 * i), 0x100 + i);
        }
}

static void a_list_ends_at_a_register_that_cannot_be(void **state)
{
    static const struct {
        uint32_t name;
        uint64_t value;
        uint16_t status;
    } bad[] = {{VP_INDEX, 1, 0x05}, {EXPLICIT_SUSPEND, 2, 0x50}, {HYPERCALL, UINT64_MAX, 0x05}};
    uint32_t count;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        fill_lists();
        memset(values, 0, sizeof values);
        names[2] = LE32(bad[i].name);
        values[2].Reg64 = LE64(bad[i].value);
        fake_forget(vmm);
        count = 5;
        assert_status(HvSetVpRegisters(vmm->guest, 1, &count, names, values), bad[i].status);
        assert_int_equal(count, 2);
        assert_int_equal(vmm->logged, 2);
    }
}

int main(void)
{
#define WITH_VPS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_VPS(who_may_read_registers),
        WITH_VPS(vp_self_is_the_vp_that_calls),
        WITH_VPS(registers_are_read_and_written_by_ops),
        WITH_VPS(the_op_alone_knows_the_other_names),
        WITH_VPS(register_ops_are_absent_or_fail),
        WITH_VPS(suspend_registers_are_the_librarys),
        WITH_VPS(suspend_registers_take_only_their_bit),
        WITH_VPS(the_vmm_is_told_of_each_change_after_it),
        WITH_VPS(an_attached_vp_is_suspended_and_resumed_too),
        WITH_VPS(msr_registers_go_through_the_msr_code),
        WITH_VPS(what_would_raise_gp_is_an_invalid_parameter),
        WITH_VPS(a_locked_page_stays_where_it_is),
        WITH_VPS(the_msrs_lock_makes_a_write_wait),
        WITH_VPS(a_parent_needs_none_of_its_childs_privileges),
        WITH_VPS(msr_registers_of_oneself_need_the_msrs_privilege),
        WITH_VPS(nobody_resumes_itself),
        WITH_VPS(a_failing_element_ends_a_get_and_leaves_the_rest),
        WITH_VPS(a_failing_element_ends_a_set_and_what_was_before_stands),
        WITH_VPS(long_lists_come_in_pieces),
        WITH_VPS(wrappers_refuse_lists_that_are_none),
        WITH_VPS(a_guest_goes_on_behind_what_is_done),
        WITH_VPS(a_list_ends_at_a_register_that_cannot_be),
    };

    return cmocka_run_group_tests_name("vp_registers", tests, NULL, NULL);
}
