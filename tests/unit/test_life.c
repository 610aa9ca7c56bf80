/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* What the calls on processors, registers, intercepts and children have in common: who may make
 * them, in which state, under which locks. And the end: children are listed until it, processors
 * are ended in bounded steps. */

#include "ways.h"

#define CREATE_PARTITIONS 0x0000000100000000u
#define ALL               UINT64_MAX
#define SELF              UINT64_MAX

static const struct call {
    uint16_t code, reps;
    size_t in, out;
    uint64_t own; /* the privilege with which a partition may do it to itself; 0: never */
    int life;
} calls[] = {
    {0x47, 0, 16, 8, CREATE_PARTITIONS, 0},
    {0x4D, 0, 24, 0, 0, 0},
    {0x4E, 0, 40, 0, 0, 1},
    {0x4F, 0, 16, 0, 0, 1},
    {0x50, 1, 20, 16, 0x2000000000000, 0},
    {0x51, 1, 48, 0, 0x2000000000000, 0},
    {0x99, 0, 240, 0, 0x20000000000000, 0},
    {0x9A, 1, 20, 4, 0x40, 0},
    {0xAD, 0, 24, 8, 0, 0},
};

/* mom and aunt are the root's, kid and sibling are mom's. Each has a VP 0 that makes calls and a
 * VP 1 to which they are about. */
static struct fake_vmm *vmm;
static uint64_t mom, aunt, kid, sibling;
static struct hvemu_vp *by_root, *by_mom, *by_aunt, *by_kid, *by_sibling;

static uint64_t guest_of(uint64_t parent)
{
    uint64_t id = 0;

    assert_result(hvemu_add_guest(vmm->hv, parent, ALL, vmm, &id), HVEMU_OK);
    return id;
}

static int setup(void **state)
{
    const struct hvemu_config config = {
        .size = sizeof config, .depth = 3, .vps = 48, .privileges = ALL};

    *state = vmm = fake_new(&config, NULL);
    mom = guest_of(vmm->root);
    aunt = guest_of(vmm->root);
    kid = guest_of(mom);
    sibling = guest_of(mom);
    by_root = attached(vmm, vmm->root, 0);
    by_mom = attached(vmm, mom, 0);
    by_aunt = attached(vmm, aunt, 0);
    by_kid = attached(vmm, kid, 0);
    by_sibling = attached(vmm, sibling, 0);
    attached(vmm, vmm->root, 1);
    attached(vmm, mom, 1);
    attached(vmm, aunt, 1);
    assert_status(create_vp(vmm, mom, kid, 1), 0x00);
    assert_status(create_vp(vmm, mom, sibling, 1), 0x00);
    fake_forget(vmm);
    return 0;
}

/* Brings back VP 1 as it was new, and takes away what call 0x4E has made. */
static void renew(uint64_t id)
{
    struct hvemu_vp *vp;

    if (vp_of(vmm, id, 9))
        assert_status(delete_vp(vmm, mom, id, 9), 0x00);
    if (!vp_of(vmm, id, 1))
        assert_status(create_vp(vmm, mom, id, 1), 0x00);
    vp = vp_of(vmm, id, 1);
    vp->started = 0;
    atomic_store(&vp->suspend, 0);
}

static uint64_t make(const struct call *call, enum way way, struct hvemu_vp *by, uint64_t id)
{
    uint8_t in[240] = {0}, out[16], untouched[16];
    uint64_t result;

    le64enc(in, id);
    switch (call->code) {
    case 0x4D: /* reads of port 0x20 */
        in[8] = 1;
        in[16] = 0x20;
        break;
    case 0x4E:
        in[8] = 9;
        break;
    case 0x50:
    case 0x51: /* RAX */
        le32enc(in + 16, 0x20000);
        in[8] = 1;
        break;
    case 0x9A:
    case 0xAD:
        in[16] = 1;
        in[8] = call->code == 0xAD;
        break;
    case 0x4F:
    case 0x99:
        in[8] = 1;
    }
    memset(out, 0x5A, sizeof out);
    memset(untouched, 0x5A, sizeof untouched);
    result = call_by(way, vmm, by, REPS(call->code, call->reps), in, call->in, out, call->out);
    if (result & 0xFFFF)
        assert_memory_equal(out, untouched, sizeof out);
    else if (call->out)
        assert_memory_not_equal(out, untouched, call->out);
    assert_int_equal(REPS_DONE(result), result & 0xFFFF ? 0 : call->reps);
    return result & 0xFFFF;
}

#define EACH_CALL_AND_WAY(call, way)                                           \
    for (const struct call *call = calls; call < calls + COUNT(calls); call++) \
        for (enum way way = FROM_C; way < WAYS; way++)                         \
            if (goes(way, call->in, call->out))

static void only_a_parent_and_for_some_calls_oneself_may(void **state)
{
    const struct {
        const char *who;
        struct hvemu_vp *by;
        uint64_t target;
        int may; /* 1; 0; -1: as itself */
    } pairs[] = {
        {"its parent", by_mom, kid, 1},
        {"its grandparent", by_root, kid, 0},
        {"its aunt", by_aunt, kid, 0},
        {"its sibling", by_sibling, kid, 0},
        {"a child on its parent", by_kid, mom, 0},
        {"a child on the root", by_kid, vmm->root, 0},
        {"itself by ID", by_kid, kid, -1},
        {"itself by SELF", by_kid, SELF, -1},
        {"the root by ID", by_root, vmm->root, -1},
        {"the root by SELF", by_root, SELF, -1},
    };

    (void)state;
    EACH_CALL_AND_WAY(call, way)
    for (size_t i = 0; i < COUNT(pairs); i++) {
        const int may = pairs[i].may < 0 ? call->own != 0 : pairs[i].may;

        renew(kid);
        vp_of(vmm, vmm->root, 1)->started = 0;
        if (make(call, way, pairs[i].by, pairs[i].target) != (may ? 0x00u : 0x06u))
            fail_msg("call 0x%02x %s, %s", call->code, way_names[way], pairs[i].who);
    }
}

/* Each needs its own privilege for its own partition, and CreatePartitions for a child; the one
 * does not stand in for the other. */
static void each_relation_needs_its_privilege(void **state)
{
    _Atomic uint64_t *moms = &partition_of(vmm, mom)->privileges;
    _Atomic uint64_t *kids = &partition_of(vmm, kid)->privileges;

    (void)state;
    EACH_CALL_AND_WAY(call, way)
    {
        renew(kid);
        atomic_store(moms, ALL & ~(uint64_t)CREATE_PARTITIONS);
        assert_status(make(call, way, by_mom, kid), 0x06);
        atomic_store(moms, 0);
        assert_status(make(call, way, by_mom, kid), 0x06);
        assert_status(make(call, way, by_mom, 0x99), 0x06);
        atomic_store(moms, CREATE_PARTITIONS);
        assert_status(make(call, way, by_mom, 0x99), 0x0D);
        assert_status(make(call, way, by_mom, kid), 0x00);
        atomic_store(moms, ALL);
        renew(kid);
        atomic_store(kids, ALL & ~call->own);
        assert_status(make(call, way, by_kid, kid), 0x06);
        assert_status(make(call, way, by_kid, SELF), 0x06);
        atomic_store(kids, call->own);
        assert_status(make(call, way, by_kid, kid), call->own ? 0x00 : 0x06);
        atomic_store(kids, 0);
        assert_status(make(call, way, by_kid, kid), 0x06);
        assert_status(make(call, way, by_kid, 0x99), 0x06);
        atomic_store(kids, ALL);
    }
}

static void ids_of_nobody_have_no_processors_nor_children(void **state)
{
    const uint64_t gone = fake_child(vmm, mom);

    (void)state;
    fake_end(vmm, mom, gone);
    const uint64_t ids[] = {0, 99, gone, gone + 0x1000000, kid + 0x1000000, SELF - 1};
    EACH_CALL_AND_WAY(call, way)
    for (size_t i = 0; i < COUNT(ids); i++)
        assert_status(make(call, way, by_mom, ids[i]), 0x0D);
    assert_int_equal(vmm->count[FAKE_VP], 0);
}

static void only_children_can_be_listed_outside_the_active_state(void **state)
{
    uint64_t unborn = 0, finalizing, finalized;

    (void)state;
    assert_status(fake_create(vmm, mom, &unborn), 0x00);
    finalizing = fake_child(vmm, mom);
    finalized = fake_child(vmm, mom);
    fake_fail(vmm, FAKE_PARTITION, 1, 0x78);
    assert_status(fake_call_on(vmm, mom, 0x42, finalizing), 0x78);
    assert_status(fake_call_on(vmm, mom, 0x42, finalized), 0x00);
    const struct {
        uint64_t id;
        uint32_t state;
    } lives[] = {{unborn, 2}, {finalizing, 8}, {finalized, 16}};
    EACH_CALL_AND_WAY(call, way)
    for (size_t i = 0; i < COUNT(lives); i++) {
        assert_status(make(call, way, by_mom, lives[i].id), call->code == 0x47 ? 0x00 : 0x07);
        assert_status(make(call, way, by_aunt, lives[i].id), 0x06);
        assert_int_equal(hvemu_partition_state(vmm->hv, lives[i].id), lives[i].state);
    }
    assert_int_equal(vmm->count[FAKE_VP], 0);
}

/* An ID of nobody yet, one that was somebody's, and no instance. */
static void what_is_not_there_has_no_state(void **state)
{
    const uint64_t next = fake_child(vmm, mom);

    (void)state;
    assert_int_equal(hvemu_partition_state(vmm->hv, next), HVEMU_STATE_ACTIVE);
    assert_int_equal(hvemu_partition_state(vmm->hv, next + 1), 0);
    fake_end(vmm, mom, next);
    assert_int_equal(hvemu_partition_state(vmm->hv, next), 0);
    assert_int_equal(hvemu_partition_state(vmm->hv, next + 0x1000000), 0);
    assert_int_equal(hvemu_partition_state(vmm->hv, HV_PARTITION_ID_SELF), 0);
    assert_int_equal(hvemu_partition_state(NULL, vmm->root), 0);
}

/* Locks. */

/* The call waits for `lock`, and has done nothing meanwhile; then it goes on. */
static void expect_waiting(const struct call *call, enum way way, _Atomic uint32_t *lock)
{
    struct hvemu__partition *slots = vmm->hv->partitions, before[5];
    struct hvemu__rest *rests = slots->rest, rests_before[5];
    struct hvemu_vp vp;

    renew(kid);
    fake_forget(vmm);
    atomic_store(lock, 1);
    memcpy(before, slots, sizeof before);
    memcpy(rests_before, rests, sizeof rests_before);
    memcpy(&vp, vp_of(vmm, kid, 1), sizeof vp);
    assert_status(make(call, way, by_mom, kid), 0x78);
    /* That it waits, for the kid's own calls. */
    atomic_store(&partition_of(vmm, kid)->rest->wanted, 0);
    assert_memory_equal(before, slots, sizeof before);
    assert_memory_equal(rests_before, rests, sizeof rests_before);
    assert_memory_equal(&vp, vp_of(vmm, kid, 1), sizeof vp);
    assert_int_equal(vmm->count[FAKE_VP] + vmm->count[FAKE_VP_GET] + vmm->count[FAKE_VP_SET], 0);
    atomic_store(lock, 0);
    assert_status(make(call, way, by_mom, kid), 0x00);
}

/* A partition's calls about itself give way for as long as its parent waits for its lock, if that
 * does not wait for ever. Calls that are about others do not. */
static void a_partitions_own_calls_make_room_for_its_parent(void **state)
{
    struct hvemu__partition *slot = partition_of(vmm, mom);
    const struct call *next_child = &calls[0];
    unsigned refused = 0;

    (void)state;
    atomic_store(&slot->rest->lock, 1);
    assert_status(make(next_child, FROM_C, by_mom, mom), 0x78);
    atomic_store(&slot->rest->lock, 0);
    /* Its own wait counts for nothing. */
    assert_status(make(next_child, FROM_C, by_mom, mom), 0x00);
    for (int round = 0; round < 2; round++) {
        atomic_store(&slot->rest->lock, 1);
        assert_status(make(next_child, FROM_C, by_root, mom), 0x78);
        atomic_store(&slot->rest->lock, 0);
        for (int i = 0; i < 9; i++)
            assert_status(make(next_child, IN_MEMORY, by_mom, mom), 0x78);
        assert_status(make(next_child, FROM_C, by_mom, kid), 0x00);
        assert_status(make(next_child, FROM_C, by_root, mom), 0x00);
        assert_status(make(next_child, IN_MEMORY, by_mom, mom), 0x00);
    }
    atomic_store(&slot->rest->lock, 1);
    assert_status(make(next_child, FROM_C, by_root, mom), 0x78);
    atomic_store(&slot->rest->lock, 0);
    while (make(next_child, FROM_C, by_mom, mom) == 0x78)
        assert_true(++refused <= 0x10000);
    assert_int_equal(refused, 0x10000);
}

static void expect_not_waiting(const struct call *call, enum way way, _Atomic uint32_t *lock,
                               uint64_t target)
{
    renew(target);
    atomic_store(lock, 1);
    assert_status(make(call, way, by_mom, target), 0x00);
    assert_int_equal(atomic_load(lock), 1);
    atomic_store(lock, 0);
}

static void a_call_waits_for_its_target_and_life_for_its_caller_and_the_instance(void **state)
{
    (void)state;
    EACH_CALL_AND_WAY(call, way)
    {
        expect_waiting(call, way, &partition_of(vmm, kid)->rest->lock);
        expect_not_waiting(call, way, &partition_of(vmm, kid)->rest->lock, sibling);
        expect_not_waiting(call, way, &partition_of(vmm, aunt)->rest->lock, kid);
        expect_not_waiting(call, way, &partition_of(vmm, vmm->root)->rest->lock, kid);
        if (call->life) {
            expect_waiting(call, way, &partition_of(vmm, mom)->rest->lock);
            expect_waiting(call, way, &vmm->hv->lock);
        } else {
            expect_not_waiting(call, way, &partition_of(vmm, mom)->rest->lock, kid);
            expect_not_waiting(call, way, &vmm->hv->lock, kid);
        }
    }
}

static void a_refused_call_has_left_no_lock_behind(void **state)
{
    (void)state;
    fake_fail(vmm, FAKE_VP, 0, 0x08);
    assert_status(create_vp(vmm, mom, kid, 5), 0x08);
    fake_fail(vmm, FAKE_VP, 0, 0x19);
    assert_status(delete_vp(vmm, mom, kid, 1), 0x19);
    assert_status(delete_vp(vmm, mom, kid, 7), 0x0E);
    assert_status(delete_vp(vmm, mom, 0x99, 1), 0x0D);
    assert_status(delete_vp(vmm, kid, mom, 1), 0x06);
    assert_int_equal(atomic_load(&vmm->hv->lock), 0);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(atomic_load(&vmm->hv->partitions[i].rest->lock), 0);
}

static void the_steps_of_a_partitions_life_wait_for_caller_and_target(void **state)
{
    static const struct {
        uint16_t code;
        uint32_t state;
    } steps[] = {{0x41, 4}, {0x42, 16}, {0x43, 0}};
    _Atomic uint32_t *moms = &partition_of(vmm, mom)->rest->lock,
                     *others = &partition_of(vmm, kid)->rest->lock;
    uint64_t id = 0x5A;

    (void)state;
    atomic_store(others, 1);
    atomic_store(moms, 1);
    assert_status(fake_create(vmm, mom, &id), 0x78);
    assert_u64(id, 0x5A);
    assert_result(hvemu_add_guest(vmm->hv, mom, 0, NULL, &id), HVEMU_E_BUSY);
    atomic_store(moms, 0);
    assert_int_equal(vmm->logged, 0);
    assert_status(fake_create(vmm, mom, &id), 0x00);
    for (size_t i = 0; i < COUNT(steps); i++) {
        _Atomic uint32_t *const locks[] = {moms, &partition_of(vmm, id)->rest->lock,
                                           &vmm->hv->lock};
        const uint32_t before = hvemu_partition_state(vmm->hv, id);

        fake_forget(vmm);
        for (size_t k = 0; k < COUNT(locks); k++) {
            atomic_store(locks[k], 1);
            assert_status(fake_call_on(vmm, mom, steps[i].code, id), 0x78);
            atomic_store(locks[k], 0);
            assert_int_equal(hvemu_partition_state(vmm->hv, id), before);
        }
        assert_int_equal(vmm->logged, 0);
        assert_status(fake_call_on(vmm, mom, steps[i].code, id), 0x00);
        assert_int_equal(hvemu_partition_state(vmm->hv, id), steps[i].state);
    }
    atomic_store(others, 0);
}

/* Which locks are held while an op runs: bits instance, caller, target. */
static unsigned held[FAKE_OPS];

static void note_locks(struct fake_vmm *fake, const struct fake_event *event)
{
    held[event->op] = atomic_load(&fake->hv->lock) |
                      atomic_load(&partition_of(fake, mom)->rest->lock) << 1 |
                      atomic_load(&partition_of(fake, event->partition)->rest->lock) << 2;
}

static void ops_run_under_the_locks_that_are_promised(void **state)
{
    uint8_t get[20] = {0}, set[48] = {0}, out[16];
    uint64_t id = 0;

    (void)state;
    vmm->reenter = note_locks;
    assert_status(create_vp(vmm, mom, kid, 5), 0x00);
    assert_int_equal(held[FAKE_VP], 7);
    assert_status(delete_vp(vmm, mom, kid, 5), 0x00);
    assert_int_equal(held[FAKE_VP], 7);
    le64enc(get, kid);
    le32enc(get + 16, 0x20000);
    memcpy(set, get, sizeof get);
    assert_status(hvemu_hypercall(vmm->hv, mom, REPS(0x50, 1), get, 20, out, 16), 0x00);
    assert_int_equal(held[FAKE_VP_GET], 4);
    assert_status(hvemu_hypercall(vmm->hv, mom, REPS(0x51, 1), set, 48, NULL, 0), 0x00);
    assert_int_equal(held[FAKE_VP_SET], 4);
    le32enc(set + 16, 0);
    assert_status(hvemu_hypercall(vmm->hv, mom, REPS(0x51, 1), set, 48, NULL, 0), 0x00);
    assert_int_equal(held[FAKE_VP], 4);
    assert_status(fake_create(vmm, mom, &id), 0x00);
    assert_int_equal(held[FAKE_PARTITION], 3);
    for (uint16_t code = 0x41; code <= 0x43; code++) {
        assert_status(fake_call_on(vmm, mom, code, id), 0x00);
        assert_int_equal(held[FAKE_PARTITION], 7);
    }
}

/* Children. */

static uint64_t next_child(uint64_t caller, uint64_t parent, uint64_t previous, uint16_t want)
{
    const struct hvemu_caller here = {.hv = vmm->hv, .partition = caller}, *const before =
                                                                               hvemu_attach(&here);
    HV_PARTITION_ID next = 0x5A5A;

    assert_status(HvGetNextChildPartition(parent, previous, &next), want);
    hvemu_attach(before);
    if (want)
        assert_u64(next, 0x5A5A);
    return next;
}

static void expect_children(uint64_t caller, uint64_t parent, const uint64_t *ids)
{
    uint64_t id = 0;

    for (;; ids++) {
        id = next_child(caller, parent, id, 0x00);
        assert_u64(id, *ids);
        if (!id)
            return;
    }
}

static void children_are_listed_in_creation_order(void **state)
{
    uint64_t ids[6] = {kid, sibling};

    (void)state;
    expect_children(mom, mom, ids);
    expect_children(mom, SELF, ids);
    expect_children(vmm->root, mom, ids); /* of its child */
    expect_children(vmm->root, vmm->root, (uint64_t[]){mom, aunt, 0});
    expect_children(mom, kid, (uint64_t[]){0});
    expect_children(aunt, aunt, (uint64_t[]){0});
    for (int i = 2; i < 5; i++)
        assert_status(fake_create(vmm, mom, &ids[i]), 0x00);
    expect_children(mom, mom, ids);
    /* In every state. */
    assert_status(fake_call_on(vmm, mom, 0x41, ids[2]), 0x00);
    assert_status(fake_call_on(vmm, mom, 0x41, ids[3]), 0x00);
    assert_status(fake_call_on(vmm, mom, 0x42, ids[2]), 0x00);
    fake_fail(vmm, FAKE_PARTITION, 1, 0x78);
    assert_status(fake_call_on(vmm, mom, 0x42, ids[3]), 0x78);
    expect_children(mom, mom, ids);
    /* One goes from the middle, the last, the first; a new one comes last, in an old slot too. */
    assert_status(fake_call_on(vmm, mom, 0x43, ids[2]), 0x00);
    expect_children(mom, mom, (uint64_t[]){kid, sibling, ids[3], ids[4], 0});
    assert_status(fake_call_on(vmm, mom, 0x43, ids[4]), 0x00);
    expect_children(mom, mom, (uint64_t[]){kid, sibling, ids[3], 0});
    ids[4] = fake_child(vmm, mom);
    expect_children(mom, mom, (uint64_t[]){kid, sibling, ids[3], ids[4], 0});
    assert_result(hvemu_vp_detach(by_kid), HVEMU_OK);
    fake_end(vmm, mom, kid);
    expect_children(mom, mom, (uint64_t[]){sibling, ids[3], ids[4], 0});
}

static void a_list_continues_only_from_a_child_that_lives(void **state)
{
    const uint64_t gone = fake_child(vmm, mom), grandchild = fake_child(vmm, kid);

    (void)state;
    fake_end(vmm, mom, gone);
    const uint64_t ids[] = {gone, grandchild, aunt,     mom,  vmm->root,       kid + 0x1000000,
                            99,   SELF,       SELF - 1, 0x40, 0x1000000000000, gone + 0x1000000};
    for (size_t i = 0; i < COUNT(ids); i++)
        next_child(mom, mom, ids[i], 0x0D);
    next_child(vmm->root, vmm->root, kid, 0x0D);
    next_child(vmm->root, mom, aunt, 0x0D);
    assert_u64(next_child(vmm->root, kid, 0, 0x06), 0x5A5A);
    assert_u64(next_child(mom, kid, grandchild, 0x00), 0);
    assert_status(HvGetNextChildPartition(mom, 0, NULL), 0x05);
}

/* The end of processors. */

static void expect_vp_event(unsigned at, uint32_t event, uint64_t id)
{
    assert_true(at < vmm->logged);
    assert_int_equal(vmm->log[at].op, FAKE_VP);
    assert_u64(vmm->log[at].gpa, event);
    assert_u64(vmm->log[at].partition, id);
    assert_ptr_equal(vmm->log[at].ctx, vmm);
}

static void expect_partition_event(unsigned at, uint32_t event, uint64_t id)
{
    assert_true(at < vmm->logged);
    assert_int_equal(vmm->log[at].op, FAKE_PARTITION);
    assert_u64(vmm->log[at].gpa, event);
    assert_u64(vmm->log[at].partition, id);
}

static uint64_t with_vps(uint32_t count)
{
    const uint64_t id = fake_child(vmm, mom);

    for (uint32_t i = 0; i < count; i++)
        assert_status(create_vp(vmm, mom, id, i), 0x00);
    fake_forget(vmm);
    return id;
}

static void finalize_ends_created_vps_eight_at_a_time(void **state)
{
    static const uint32_t counts[] = {0, 1, 7, 8, 9, 16, 17, 20};

    (void)state;
    for (size_t i = 0; i < COUNT(counts); i++) {
        const uint64_t id = with_vps(counts[i]);
        uint32_t left = counts[i], seen = 0;

        for (; left > 8; left -= 8) {
            assert_status(fake_call_on(vmm, mom, 0x42, id), 0x78);
            assert_int_equal(vmm->count[FAKE_VP], counts[i] - left + 8);
            assert_int_equal(vmm->count[FAKE_PARTITION], 1); /* STOP alone */
            assert_int_equal(hvemu_partition_state(vmm->hv, id), 8);
        }
        assert_status(fake_call_on(vmm, mom, 0x42, id), 0x00);
        assert_int_equal(hvemu_partition_state(vmm->hv, id), 16);
        assert_int_equal(vmm->logged, counts[i] + 2);
        expect_partition_event(0, HVEMU_PARTITION_STOP, id);
        for (uint32_t k = 0; k < counts[i]; k++) {
            expect_vp_event(1 + k, HVEMU_VP_DELETED, id);
            seen |= (uint32_t)1 << vmm->log[1 + k].destination;
        }
        assert_int_equal(seen, ((uint32_t)1 << counts[i]) - 1);
        expect_partition_event(counts[i] + 1, HVEMU_PARTITION_FINALIZED, id);
        assert_status(fake_call_on(vmm, mom, 0x43, id), 0x00);
    }
}

static void a_guest_repeats_finalize_until_all_vps_are_gone(void **state)
{
    const uint64_t id = with_vps(17);
    uint8_t in[8];

    (void)state;
    le64enc(in, id);
    assert_u64(call_by(IN_REGISTERS, vmm, by_mom, 0x42, in, 8, NULL, 0), 0x78);
    assert_u64(call_by(IN_MEMORY, vmm, by_mom, 0x42, in, 8, NULL, 0), 0x78);
    assert_u64(call_by(IN_REGISTERS, vmm, by_mom, 0x42, in, 8, NULL, 0), 0x00);
    assert_int_equal(vmm->count[FAKE_VP], 17);
}

static void finalize_waits_for_attached_vps_whenever_they_came(void **state)
{
    (void)state;
    for (uint32_t at = 0; at < 3; at++) {
        const uint64_t id = fake_child(vmm, mom);
        struct hvemu_vp *vp = NULL;

        for (uint32_t i = 0; i < 3; i++)
            if (i == at)
                vp = attached(vmm, id, i);
            else
                assert_status(create_vp(vmm, mom, id, i), 0x00);
        fake_forget(vmm);
        assert_status(fake_call_on(vmm, mom, 0x42, id), 0x78);
        assert_status(fake_call_on(vmm, mom, 0x42, id), 0x78);
        assert_int_equal(hvemu_partition_state(vmm->hv, id), 8);
        assert_int_equal(vmm->count[FAKE_PARTITION], 1);
        assert_u64(hvemu_vp_partition(vp), id);
        assert_result(hvemu_vp_detach(vp), HVEMU_OK);
        assert_status(fake_call_on(vmm, mom, 0x42, id), 0x00);
        assert_int_equal(vmm->count[FAKE_VP], 2);
        assert_int_equal(vmm->count[FAKE_PARTITION], 2);
        assert_status(fake_call_on(vmm, mom, 0x43, id), 0x00);
    }
}

static int assert_first(void *ctx, const struct hvemu_invocation *call)
{
    (void)ctx;
    if (call->call->code == 0x42)
        assert_status(hvemu_assert_virtual_interrupt(call->hv, call->caller, call->target,
                                                     HvX64InterruptTypeExtInt, 0, 0x41),
                      0x00);
    return 0;
}

/* Behind the judgement of the call, by an op that may. */
static void finalize_goes_on_after_a_last_interrupt(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .privileges = ALL};
    struct hvemu_ops ops = fake_ops;
    struct fake_vmm *own;
    struct hvemu_vp *vp;
    uint64_t id;

    (void)state;
    ops.filter = assert_first;
    own = fake_new(&config, &ops);
    id = fake_child(own, own->root);
    vp = attached(own, id, 0);
    assert_status(fake_call_on(own, own->root, 0x42, id), 0x78);
    assert_int_equal(hvemu_partition_state(own->hv, id), HVEMU_STATE_FINALIZING);
    assert_int_equal(own->count[FAKE_EXT_INT], 1);
    assert_false(hvemu_ext_int_line(vp));
    fake_free(own);
}

static void a_vp_that_the_vmm_cannot_end_yet_is_asked_for_again(void **state)
{
    static const int answers[] = {0x78, 0x08, 0x19, 0xFFFF};

    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++)
        for (unsigned k = 0; k < 5; k++) {
            const uint64_t id = with_vps(5);

            fake_fail(vmm, FAKE_VP, k, answers[i]);
            assert_status(fake_call_on(vmm, mom, 0x42, id), 0x78);
            assert_int_equal(vmm->count[FAKE_VP], k + 1);
            assert_int_equal(partition_of(vmm, id)->rest->vp_count, 5 - k);
            assert_int_equal(hvemu_partition_state(vmm->hv, id), 8);
            assert_status(fake_call_on(vmm, mom, 0x42, id), 0x00);
            assert_int_equal(vmm->count[FAKE_VP], 6);
            assert_int_equal(vmm->count[FAKE_PARTITION], 2);
            assert_status(fake_call_on(vmm, mom, 0x43, id), 0x00);
        }
}

static uint16_t inner;

static void finalize_inside(struct fake_vmm *fake, const struct fake_event *event)
{
    if (event->op != FAKE_GPA_READ)
        return;
    fake->reenter = NULL;
    inner = fake_call_on(fake, mom, 0x42, event->partition);
}

/* White box: an op may not call so; it stands for another thread. */
static void finalize_ends_no_vp_that_is_in_a_call(void **state)
{
    const uint64_t id = with_vps(1);
    struct hvemu_vp *vp = vp_of(vmm, id, 0);
    struct hvemu_call call = {.control = 0x56, .in_gpa = 0x1000};

    (void)state;
    vmm->reenter = finalize_inside;
    inner = 0;
    hvemu_execute(vp, &call);
    assert_status(inner, 0x78);
    assert_int_equal(vmm->count[FAKE_VP], 0);
    assert_u64(hvemu_vp_partition(vp), id);
    assert_status(fake_call_on(vmm, mom, 0x42, id), 0x00);
    assert_int_equal(vmm->count[FAKE_VP], 1);
    assert_u64(hvemu_vp_partition(vp), 0);
}

static void the_room_of_ended_vps_serves_again(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        const uint64_t id = with_vps(30);
        uint16_t status;

        while ((status = fake_call_on(vmm, mom, 0x42, id)) == 0x78)
            ;
        assert_status(status, 0x00);
        assert_status(fake_call_on(vmm, mom, 0x43, id), 0x00);
    }
}

int main(void)
{
#define WITH_FAMILY(test) cmocka_unit_test_setup_teardown(test, setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        WITH_FAMILY(only_a_parent_and_for_some_calls_oneself_may),
        WITH_FAMILY(each_relation_needs_its_privilege),
        WITH_FAMILY(ids_of_nobody_have_no_processors_nor_children),
        WITH_FAMILY(only_children_can_be_listed_outside_the_active_state),
        WITH_FAMILY(what_is_not_there_has_no_state),
        WITH_FAMILY(a_call_waits_for_its_target_and_life_for_its_caller_and_the_instance),
        WITH_FAMILY(a_partitions_own_calls_make_room_for_its_parent),
        WITH_FAMILY(a_refused_call_has_left_no_lock_behind),
        WITH_FAMILY(the_steps_of_a_partitions_life_wait_for_caller_and_target),
        WITH_FAMILY(ops_run_under_the_locks_that_are_promised),
        WITH_FAMILY(children_are_listed_in_creation_order),
        WITH_FAMILY(a_list_continues_only_from_a_child_that_lives),
        WITH_FAMILY(finalize_ends_created_vps_eight_at_a_time),
        WITH_FAMILY(a_guest_repeats_finalize_until_all_vps_are_gone),
        WITH_FAMILY(finalize_waits_for_attached_vps_whenever_they_came),
        cmocka_unit_test(finalize_goes_on_after_a_last_interrupt),
        WITH_FAMILY(a_vp_that_the_vmm_cannot_end_yet_is_asked_for_again),
        WITH_FAMILY(finalize_ends_no_vp_that_is_in_a_call),
        WITH_FAMILY(the_room_of_ended_vps_serves_again),
    };

    return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
