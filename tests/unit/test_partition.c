/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Partitions from C: IDs, who may act on whom, the life cycle and its events, limits, reset. */

#include "fake_vmm.h"
#include "internal.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { CREATE = 0x40, INITIALIZE, FINALIZE, DELETE, ASSERT_OLD = 0x55, CLEAR, ASSERT = 0x94 };
/* Every call that names a partition. */
static const uint16_t calls_on[] = {INITIALIZE, FINALIZE, DELETE, ASSERT_OLD, CLEAR, ASSERT};

#define CREATE_PARTITIONS 0x0000000100000000u
#define NEXT_GENERATION   0x0000000001000000u
#define SELF              UINT64_MAX

/* The call with valid parameters: an assert is ExtInt, vector 0x41. */
static uint16_t call_on(struct fake_vmm *vmm, uint64_t caller, uint16_t code, uint64_t id)
{
    uint8_t in[32] = {0};

    le64enc(in, id);
    le64enc(in + 8, 7);
    in[24] = 0x41;
    return (uint16_t)hvemu_hypercall(vmm->hv, caller, code, in, sizeof in, NULL, 0);
}

static void every_call_on(struct fake_vmm *vmm, uint64_t caller, uint64_t id, uint16_t want)
{
    for (size_t i = 0; i < COUNT(calls_on); i++)
        assert_status(call_on(vmm, caller, calls_on[i], id), want);
    assert_status(hvemu_clear_virtual_interrupt(vmm->hv, caller, id), want);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, caller, id, 7, 0, 0x41), want);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, caller, id, 0, 0, 0x41), want);
}

static uint64_t created(struct fake_vmm *vmm, uint64_t parent)
{
    uint64_t id = 0;

    assert_status(fake_create(vmm, parent, &id), 0x00);
    return id;
}

static uint64_t privileges_of(struct fake_vmm *vmm, uint64_t id)
{
    uint32_t regs[4];

    assert_action(hvemu_x64_cpuid(vmm->hv, id, 0x40000003, regs), HVEMU_STEP);
    return regs[0] | (uint64_t)regs[1] << 32;
}

/* Whoever needs the try-lock gets it. */
static void expect_unlocked(struct fake_vmm *vmm)
{
    assert_result(hvemu_reset(vmm->hv, vmm->root), HVEMU_OK);
}

/* IDs. */

static void the_first_ids_are_1_2_3(void **state)
{
    struct fake_vmm *vmm = fake_new(NULL, NULL);

    (void)state;
    assert_u64(hvemu_root(vmm->hv), 1);
    assert_u64(created(vmm, 1), 2);
    assert_u64(created(vmm, 1), 3);
    fake_free(vmm);
}

static void a_partition_has_no_state_before_and_after_its_life(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .partitions = 2};
    struct fake_vmm *vmm = fake_new(&config, NULL);

    (void)state;
    assert_int_equal(hvemu_partition_state(vmm->hv, 2), 0);
    assert_u64(created(vmm, vmm->root), 2);
    assert_int_equal(hvemu_partition_state(vmm->hv, 2), HVEMU_STATE_UNINITIALIZED);
    assert_status(call_on(vmm, vmm->root, DELETE, 2), 0x00);
    assert_int_equal(hvemu_partition_state(vmm->hv, 2), 0);
    assert_int_equal(hvemu_partition_state(vmm->hv, NEXT_GENERATION | 2), 0);
    fake_free(vmm);
}

static void an_id_is_never_given_out_twice(void **state)
{
    enum { SLOTS = 4, CYCLES = 3000 };
    const struct hvemu_config config = {.size = sizeof config, .partitions = SLOTS};
    struct fake_vmm *vmm = fake_new(&config, NULL);

    (void)state;
    /* First in, first out: slots 2, 3, 4 in turn, each time in a new generation. */
    for (uint64_t i = 0; i < CYCLES; i++) {
        const uint64_t id = created(vmm, vmm->root);
        assert_u64(id, i / (SLOTS - 1) * NEXT_GENERATION + 2 + i % (SLOTS - 1));
        if (i % 2) {
            assert_status(call_on(vmm, vmm->root, INITIALIZE, id), 0x00);
            assert_status(call_on(vmm, vmm->root, FINALIZE, id), 0x00);
        }
        assert_status(call_on(vmm, vmm->root, DELETE, id), 0x00);
    }
    fake_free(vmm);
}

static void slots_are_reused_in_the_order_in_which_they_became_free(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .partitions = 5};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    static const uint64_t order[] = {4, 2, 5, 3};

    (void)state;
    for (uint64_t id = 2; id <= 5; id++)
        assert_u64(created(vmm, vmm->root), id);
    for (size_t i = 0; i < COUNT(order); i++)
        assert_status(call_on(vmm, vmm->root, DELETE, order[i]), 0x00);
    for (size_t i = 0; i < COUNT(order); i++)
        assert_u64(created(vmm, vmm->root), NEXT_GENERATION | order[i]);
    fake_free(vmm);
}

static void an_id_of_every_earlier_generation_is_refused(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .partitions = 2};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    struct hvemu_vp *vp;

    (void)state;
    for (uint64_t generation = 0; generation < 20; generation++) {
        const uint64_t id = fake_child(vmm, vmm->root);

        assert_u64(id, generation << 24 | 2);
        assert_result(hvemu_vp_attach(vmm->hv, id, 0, NULL, &vp), HVEMU_OK);
        for (uint64_t old = 0; old < generation; old++) {
            every_call_on(vmm, vmm->root, old << 24 | 2, 0x0D);
            every_call_on(vmm, old << 24 | 2, id, 0x06);
            assert_result(hvemu_reset(vmm->hv, old << 24 | 2), HVEMU_E_PARTITION);
        }
        assert_int_equal(hvemu_ext_int_line(vp), 0);
        assert_result(hvemu_vp_detach(vp), HVEMU_OK);
        fake_end(vmm, vmm->root, id);
    }
    fake_free(vmm);
}

static void ids_of_nobody_are_refused(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t gone = fake_child(vmm, vmm->root);

    fake_end(vmm, vmm->root, gone);
    const uint64_t ids[] = {
        0,
        NEXT_GENERATION, /* no slot, second generation */
        4,               /* a slot never used */
        16,              /* the last of them */
        17,              /* one more than there are */
        0x1FFFFE,        /* the largest slot there could be */
        0x1FFFFF,        /* more than that */
        0xFFFFFE,        /* all the bits that a slot has */
        0xFFFFFF,
        SELF - 1,                        /* nearly SELF */
        SELF - 0xFFFFFF,                 /* the largest generation, slot 0 */
        SELF - 0xFFFFFD,                 /* the largest generation, slot 2 */
        gone,                            /* deleted */
        gone + NEXT_GENERATION,          /* the next in its slot */
        vmm->guest + NEXT_GENERATION,    /* the guest's next generation */
        vmm->guest | 0x8000000000000000, /* high bits count */
        vmm->guest | 0x0000000100000000, /* so do these */
        (vmm->guest & 0xFF) << 32,       /* and place counts */
    };
    for (size_t i = 0; i < COUNT(ids); i++) {
        every_call_on(vmm, vmm->root, ids[i], 0x0D);
        every_call_on(vmm, vmm->guest, ids[i], 0x0D);
        every_call_on(vmm, ids[i], vmm->guest, 0x06);
        assert_result(hvemu_reset(vmm->hv, ids[i]), HVEMU_E_PARTITION);
    }
    expect_unlocked(vmm);
}

static void a_slot_whose_generations_are_used_up_is_retired(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .partitions = 2};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    uint64_t id = 0, last = 0, ids = 0;

    (void)state;
    /* Four generations before the 40 bits end. */
    atomic_store(&vmm->hv->partitions[1].word,
                 (((uint64_t)1 << 40) - 4) << 24 | HVEMU__STATE_IS(HVEMU__FREE));
    while (fake_create(vmm, vmm->root, &id) == 0x00) {
        assert_true(id > last);
        assert_u64(id & 0xFFFFFF, 2);
        assert_true(id >> 24 != SELF >> 24);
        assert_true(ids++ < 4);
        assert_status(call_on(vmm, vmm->root, DELETE, id), 0x00);
        last = id;
    }
    assert_true(ids >= 2);
    assert_status(fake_create(vmm, vmm->root, &id), 0x1D);
    assert_result(hvemu_add_guest(vmm->hv, vmm->root, 0, NULL, &id), HVEMU_E_SPACE);
    every_call_on(vmm, vmm->root, last, 0x0D);
    every_call_on(vmm, vmm->root, 2, 0x0D);
    every_call_on(vmm, vmm->root, SELF - 0xFFFFFD, 0x0D);
    expect_unlocked(vmm);
    fake_free(vmm);
}

static void a_retired_slot_leaves_the_others_in_use(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .partitions = 4};
    struct fake_vmm *vmm = fake_new(&config, NULL);

    (void)state;
    atomic_store(&vmm->hv->partitions[1].word,
                 (((uint64_t)1 << 40) - 2) << 24 | HVEMU__STATE_IS(HVEMU__FREE));
    const uint64_t last = created(vmm, vmm->root);
    assert_u64(last & 0xFFFFFF, 2);
    assert_status(call_on(vmm, vmm->root, DELETE, last), 0x00);
    for (uint64_t i = 0; i < 10; i++) {
        const uint64_t id = created(vmm, vmm->root);
        assert_u64(id, i / 2 * NEXT_GENERATION + 3 + i % 2);
        assert_status(call_on(vmm, vmm->root, DELETE, id), 0x00);
    }
    fake_free(vmm);
}

/* Who may act on whom. */

static void nobody_but_the_parent_may_act(void **state)
{
    const struct hvemu_config config = {
        .size = sizeof config, .depth = 3, .privileges = HV_PRIVILEGE_ALL};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    const uint64_t parent = fake_child(vmm, vmm->root), child = fake_child(vmm, parent),
                   sibling = fake_child(vmm, parent), aunt = fake_child(vmm, vmm->root),
                   grandchild = fake_child(vmm, child);

    (void)state;
    const struct {
        const char *who;
        uint64_t caller, target;
    } pairs[] = {
        {"grandparent", vmm->root, child},
        {"great-grandparent", vmm->root, grandchild},
        {"sibling", sibling, child},
        {"aunt", aunt, child},
        {"child on its parent", child, parent},
        {"grandchild on its grandparent", grandchild, parent},
        {"child on the root", parent, vmm->root},
        {"itself by ID", child, child},
        {"itself by SELF", child, SELF},
        {"a leaf by SELF", grandchild, SELF},
        {"the root by ID", vmm->root, vmm->root},
        {"the root by SELF", vmm->root, SELF},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        print_message("%s\n", pairs[i].who);
        every_call_on(vmm, pairs[i].caller, pairs[i].target, 0x06);
    }
    /* In every state of the target: a stranger learns nothing of it. */
    const uint64_t unborn = created(vmm, parent);
    every_call_on(vmm, vmm->root, unborn, 0x06);
    fake_fail(vmm, FAKE_PARTITION, 1, 0x78);
    assert_status(call_on(vmm, parent, FINALIZE, sibling), 0x78);
    every_call_on(vmm, vmm->root, sibling, 0x06);
    assert_status(call_on(vmm, parent, FINALIZE, sibling), 0x00);
    every_call_on(vmm, vmm->root, sibling, 0x06);
    every_call_on(vmm, child, sibling, 0x06);
    expect_unlocked(vmm);
    fake_free(vmm);
}

/* What a slot has is its present owner's. A child of a partition that is not there cannot be, but
 * for an instant in which its parent's slot is somebody else's for who looked before. */
static void a_partition_that_is_not_there_has_no_privileges_of_its_slots_owner(void **state)
{
    const struct hvemu_config config = {
        .size = sizeof config, .depth = 3, .privileges = HV_PRIVILEGE_ALL};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    const uint64_t parent = fake_child(vmm, vmm->root), child = fake_child(vmm, parent);
    _Atomic uint64_t *word = &vmm->hv->partitions[(parent & 0xFFFFFF) - 1].word;
    const uint64_t now = atomic_load(word);
    struct hvemu_vp *vp;
    uint8_t vector;

    (void)state;
    assert_result(hvemu_vp_attach(vmm->hv, child, 0, NULL, &vp), HVEMU_OK);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, parent, child, 7, 0, 0x41), 0x00);
    assert_result(hvemu_ext_int_acknowledge(vp, &vector), HVEMU_OK);
    atomic_store(word, now + NEXT_GENERATION);
    assert_status(hvemu_clear_virtual_interrupt(vmm->hv, parent, child), 0x06);
    atomic_store(word, now);
    assert_status(hvemu_clear_virtual_interrupt(vmm->hv, parent, child), 0x00);
    fake_free(vmm);
}

static void without_create_partitions_every_call_is_denied_whatever_the_id(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t ids[] = {0, 1, vmm->guest, 0x99, SELF, NEXT_GENERATION | 2, SELF - 5};
    uint64_t poor, id;

    assert_result(hvemu_add_guest(vmm->hv, vmm->root, ~(uint64_t)CREATE_PARTITIONS, NULL, &poor),
                  HVEMU_OK);
    for (size_t i = 0; i < COUNT(ids); i++)
        every_call_on(vmm, poor, ids[i], 0x06);
    every_call_on(vmm, poor, poor, 0x06);
    assert_status(fake_create(vmm, poor, &id), 0x06);
    expect_unlocked(vmm);
}

static void create_partitions_alone_suffices_for_a_parent(void **state)
{
    struct fake_vmm *vmm = *state;
    uint64_t parent;

    assert_result(hvemu_add_guest(vmm->hv, vmm->root, CREATE_PARTITIONS, NULL, &parent), HVEMU_OK);
    const uint64_t child = fake_child(vmm, parent);
    assert_status(call_on(vmm, parent, CLEAR, child), 0x14);
    assert_status(call_on(vmm, parent, ASSERT, child), 0x0E);
    fake_end(vmm, parent, child);
}

static void a_caller_that_is_not_active_is_denied(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t unborn = created(vmm, vmm->root), finalizing = fake_child(vmm, vmm->root),
                   finalized = fake_child(vmm, vmm->root), gone = fake_child(vmm, vmm->root);
    uint8_t out[8];
    uint64_t id;

    fake_fail(vmm, FAKE_PARTITION, 1, 0x78);
    assert_status(call_on(vmm, vmm->root, FINALIZE, finalizing), 0x78);
    assert_status(call_on(vmm, vmm->root, FINALIZE, finalized), 0x00);
    fake_end(vmm, vmm->root, gone);
    const uint64_t callers[] = {unborn, finalizing, finalized, gone, 0, SELF, 99};
    for (size_t i = 0; i < COUNT(callers); i++) {
        every_call_on(vmm, callers[i], vmm->guest, 0x06);
        every_call_on(vmm, callers[i], 0x99, 0x06);
        assert_status(fake_create(vmm, callers[i], &id), 0x06);
        assert_status((uint16_t)hvemu_hypercall(vmm->hv, callers[i], 0x46, NULL, 0, out, 8), 0x06);
    }
    expect_unlocked(vmm);
}

static void no_instance_is_denied_too(void **state)
{
    struct fake_vmm nobody = {0};
    uint64_t id;

    (void)state;
    every_call_on(&nobody, 1, 2, 0x06);
    assert_status(fake_create(&nobody, 1, &id), 0x06);
}

/* The transition table. */

enum life { UNINITIALIZED, ACTIVE, FINALIZING, FINALIZED, DELETED, LIVES };

static uint64_t make_in(struct fake_vmm *vmm, enum life life)
{
    const uint64_t id = created(vmm, vmm->root);

    if (life == UNINITIALIZED)
        return id;
    assert_status(call_on(vmm, vmm->root, INITIALIZE, id), 0x00);
    if (life == ACTIVE)
        return id;
    if (life == FINALIZING)
        fake_fail(vmm, FAKE_PARTITION, 1, 0x78);
    assert_status(call_on(vmm, vmm->root, FINALIZE, id), life == FINALIZING ? 0x78 : 0x00);
    if (life == DELETED)
        assert_status(call_on(vmm, vmm->root, DELETE, id), 0x00);
    return id;
}

/* Tells the state by what is refused; the partition is gone afterwards. */
static enum life find_out(struct fake_vmm *vmm, uint64_t id)
{
    const uint16_t clear = call_on(vmm, vmm->root, CLEAR, id);

    if (clear == 0x0D)
        return DELETED;
    if (clear == 0x14) {
        fake_end(vmm, vmm->root, id);
        return ACTIVE;
    }
    assert_status(clear, 0x07);
    if (call_on(vmm, vmm->root, FINALIZE, id) == 0x00) {
        assert_status(call_on(vmm, vmm->root, DELETE, id), 0x00);
        return FINALIZING;
    }
    if (call_on(vmm, vmm->root, INITIALIZE, id) == 0x00) {
        fake_end(vmm, vmm->root, id);
        return UNINITIALIZED;
    }
    assert_status(call_on(vmm, vmm->root, DELETE, id), 0x00);
    return FINALIZED;
}

static void each_call_in_each_state_answers_and_leads_as_specified(void **state)
{
    static const struct {
        uint16_t code, status[LIVES];
        enum life next[LIVES];
    } table[] = {
        {INITIALIZE, {0, 7, 7, 7, 0x0D}, {ACTIVE, ACTIVE, FINALIZING, FINALIZED, DELETED}},
        {FINALIZE, {7, 0, 0, 7, 0x0D}, {UNINITIALIZED, FINALIZED, FINALIZED, FINALIZED, DELETED}},
        {DELETE, {0, 7, 7, 0, 0x0D}, {DELETED, ACTIVE, FINALIZING, DELETED, DELETED}},
        {CLEAR, {7, 0x14, 7, 7, 0x0D}, {UNINITIALIZED, ACTIVE, FINALIZING, FINALIZED, DELETED}},
        {ASSERT, {7, 0x0E, 7, 7, 0x0D}, {UNINITIALIZED, ACTIVE, FINALIZING, FINALIZED, DELETED}},
        {ASSERT_OLD,
         {7, 0x0E, 7, 7, 0x0D},
         {UNINITIALIZED, ACTIVE, FINALIZING, FINALIZED, DELETED}},
    };
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < COUNT(table); i++)
        for (enum life life = UNINITIALIZED; life < LIVES; life++) {
            const uint64_t id = make_in(vmm, life);

            assert_status(call_on(vmm, vmm->root, table[i].code, id), table[i].status[life]);
            expect_unlocked(vmm);
            assert_int_equal(find_out(vmm, id), table[i].next[life]);
        }
}

static void a_new_partition_is_the_same_in_every_way_in_a_used_slot(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .partitions = 2};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    struct hvemu_vp *vp;
    uint64_t id, value = 1;

    (void)state;
    fake_add_guest(vmm, HV_PRIVILEGE_ALL);
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    fake_end(vmm, vmm->root, vmm->guest);
    id = fake_child(vmm, vmm->root);
    assert_u64(privileges_of(vmm, id), 0x60); /* the default, not what the guest had */
    assert_result(hvemu_vp_attach(vmm->hv, id, 0, NULL, &vp), HVEMU_OK);
    assert_action(hvemu_x64_rdmsr(vp, 0x40000000, &value), HVEMU_STEP);
    assert_u64(value, 0);
    assert_action(hvemu_x64_rdmsr(vp, 0x40000001, &value), HVEMU_STEP);
    assert_u64(value, 0);
    fake_free(vmm);
}

/* Events. */

static void expect_event(struct fake_vmm *vmm, unsigned at, uint32_t event, uint64_t id, void *ctx,
                         uint64_t flags)
{
    assert_true(at < vmm->logged);
    assert_int_equal(vmm->log[at].op, FAKE_PARTITION);
    assert_u64(vmm->log[at].gpa, event);
    assert_u64(vmm->log[at].partition, id);
    assert_ptr_equal(vmm->log[at].ctx, ctx);
    assert_u64(vmm->log[at].destination, flags);
}

static void a_life_is_told_event_by_event(void **state)
{
    struct fake_vmm *vmm = *state;
    int mine;

    fake_forget(vmm);
    vmm->child_ctx = &mine;
    const uint64_t id = created(vmm, vmm->root);
    vmm->child_ctx = NULL;
    assert_int_equal(vmm->logged, 1);
    expect_event(vmm, 0, HVEMU_PARTITION_CREATED, id, vmm, 0); /* the parent's context */
    assert_status(call_on(vmm, vmm->root, INITIALIZE, id), 0x00);
    assert_int_equal(vmm->logged, 2);
    expect_event(vmm, 1, HVEMU_PARTITION_ACTIVE, id, &mine, 0);
    assert_status(call_on(vmm, vmm->root, FINALIZE, id), 0x00);
    assert_int_equal(vmm->logged, 4);
    expect_event(vmm, 2, HVEMU_PARTITION_STOP, id, &mine, 0);
    expect_event(vmm, 3, HVEMU_PARTITION_FINALIZED, id, &mine, 0);
    assert_status(call_on(vmm, vmm->root, DELETE, id), 0x00);
    assert_int_equal(vmm->logged, 5);
    expect_event(vmm, 4, HVEMU_PARTITION_DELETED, id, &mine, 0);
}

static void an_unborn_partition_is_told_deleted_at_once(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t id = created(vmm, vmm->root);

    fake_forget(vmm);
    assert_status(call_on(vmm, vmm->root, DELETE, id), 0x00);
    assert_int_equal(vmm->logged, 1);
    expect_event(vmm, 0, HVEMU_PARTITION_DELETED, id, vmm, 0);
}

static void a_child_has_its_parents_context_if_none_is_given(void **state)
{
    struct fake_vmm *vmm = *state;
    int mine;

    vmm->child_ctx = &mine;
    const uint64_t parent = fake_child(vmm, vmm->root);
    vmm->child_ctx = NULL;
    fake_forget(vmm);
    const uint64_t child = fake_child(vmm, parent);
    expect_event(vmm, 0, HVEMU_PARTITION_CREATED, child, &mine, 0);
    expect_event(vmm, 1, HVEMU_PARTITION_ACTIVE, child, &mine, 0);
}

static void the_number_of_each_event_is_fixed(void **state)
{
    (void)state;
    assert_int_equal(HVEMU_PARTITION_CREATED, 0);
    assert_int_equal(HVEMU_PARTITION_ACTIVE, 1);
    assert_int_equal(HVEMU_PARTITION_STOP, 2);
    assert_int_equal(HVEMU_PARTITION_FINALIZED, 3);
    assert_int_equal(HVEMU_PARTITION_DELETED, 4);
}

static void *child_ctx_pointer[8];
static unsigned child_ctx_calls;

static uint16_t note_child_ctx(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                               void **child_ctx)
{
    (void)partition;
    assert_int_equal(event, child_ctx_calls);
    assert_int_equal(creation != NULL, event == HVEMU_PARTITION_CREATED);
    if (child_ctx)
        assert_ptr_equal(*child_ctx, ctx); /* what it is if nothing is done */
    child_ctx_pointer[child_ctx_calls++] = child_ctx;
    return 0;
}

static void only_created_may_give_a_context_and_tells_what_is_asked_for(void **state)
{
    struct hvemu_ops ops = fake_ops;
    struct fake_vmm *vmm;

    (void)state;
    ops.partition = note_child_ctx;
    child_ctx_calls = 0;
    vmm = fake_new(NULL, &ops);
    fake_end(vmm, vmm->root, fake_child(vmm, vmm->root));
    assert_int_equal(child_ctx_calls, 5);
    assert_non_null(child_ctx_pointer[0]);
    for (int event = 1; event < 5; event++)
        assert_null(child_ctx_pointer[event]);
    fake_free(vmm);
}

static uint8_t asked_for[56];

static uint16_t note_creation(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                              void **child_ctx)
{
    (void)ctx, (void)partition, (void)event, (void)child_ctx;
    if (creation)
        memcpy(asked_for, creation, sizeof asked_for);
    return 0;
}

static void created_is_told_every_byte_that_the_parent_gave(void **state)
{
    struct hvemu_ops ops = fake_ops;
    struct fake_vmm *vmm;
    uint8_t in[56], out[8];

    (void)state;
    ops.partition = note_creation;
    vmm = fake_new(NULL, &ops);
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(0xC0 + i);
    le64enc(in, 0x0059A713);
    le64enc(in + 8, 0x8000000100000025);
    memset(in + 20, 0, 4);
    memset(in + 48, 0, 8);
    memset(asked_for, 0, sizeof asked_for);
    assert_u64(hvemu_hypercall(vmm->hv, 1, CREATE, in, sizeof in, out, sizeof out), 0x00);
    assert_memory_equal(asked_for, in, sizeof in);
    fake_free(vmm);
}

static void without_a_partition_op_all_that_asks_for_nothing_special_succeeds(void **state)
{
    struct hvemu_ops ops = fake_ops;
    struct fake_vmm *vmm;
    uint8_t in[56], out[8];

    (void)state;
    ops.partition = NULL;
    vmm = fake_new(NULL, &ops);
    const uint64_t parent = fake_child(vmm, vmm->root);
    fake_end(vmm, vmm->root, parent);
    assert_int_equal(vmm->logged, 0);
    /* Nobody is there to make a machine with these flags, or without these features. */
    for (unsigned byte = 0; byte < 56; byte++) {
        const int wish = byte < 3 || (byte >= 24 && byte < 48);

        if (!wish)
            continue;
        memset(in, 0, sizeof in);
        in[byte] = byte == 1 ? 0x20 : 0x01;
        assert_u64(hvemu_hypercall(vmm->hv, 1, CREATE, in, sizeof in, out, sizeof out), 0x05);
    }
    memset(in, 0, sizeof in);
    le32enc(in + 16, 0x12345678); /* a compatibility version asks for nothing here */
    assert_u64(hvemu_hypercall(vmm->hv, 1, CREATE, in, sizeof in, out, sizeof out), 0x00);
    expect_unlocked(vmm);
    fake_free(vmm);
}

static void a_refused_creation_offers_the_same_id_again(void **state)
{
    static const uint16_t answers[] = {0x78, 0x0B, 0x1D, 0x05, 0x4321};
    struct fake_vmm *vmm = *state;
    uint64_t id = 0x5A5A;

    fake_forget(vmm);
    for (size_t i = 0; i < COUNT(answers); i++) {
        fake_fail(vmm, FAKE_PARTITION, 0, answers[i]);
        assert_status(fake_create(vmm, vmm->root, &id), answers[i]);
        assert_u64(id, 0x5A5A);
        expect_event(vmm, (unsigned)i, HVEMU_PARTITION_CREATED, 3, vmm, 0);
        every_call_on(vmm, vmm->root, 3, 0x0D);
        expect_unlocked(vmm);
    }
    assert_int_equal(vmm->logged, COUNT(answers)); /* none of them was told DELETED */
    assert_u64(created(vmm, vmm->root), 3);
    expect_event(vmm, COUNT(answers), HVEMU_PARTITION_CREATED, 3, vmm, 0);
}

/* A child of the root, its child and that one's: a tenant has what all its generations have. */
static void a_tenants_descendants_are_counted_in_all_generations(void **state)
{
    const struct hvemu_config config = {
        .size = sizeof config, .depth = 3, .descendants = 3, .privileges = HV_PRIVILEGE_ALL};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    const uint64_t tenant = fake_child(vmm, vmm->root), other = fake_child(vmm, vmm->root);
    uint64_t child, grandchild, id = 0x5A;

    (void)state;
    child = fake_child(vmm, tenant);
    grandchild = fake_child(vmm, child);
    assert_u64(fake_child(vmm, child) != 0, 1);
    assert_status(fake_create(vmm, child, &id), 0x1D);
    assert_status(fake_create(vmm, tenant, &id), 0x1D);
    assert_result(hvemu_add_guest(vmm->hv, tenant, 0, NULL, &id), HVEMU_E_SPACE);
    assert_u64(id, 0x5A);
    /* The root and other tenants are not meant, nor is the limit below the child its own. */
    fake_child(vmm, vmm->root);
    fake_child(vmm, other);
    assert_status(fake_create(vmm, grandchild, &id), 0x0C);
    fake_end(vmm, child, grandchild);
    fake_child(vmm, tenant);
    assert_status(fake_create(vmm, child, &id), 0x1D);
    fake_free(vmm);
}

static void refused_creations_use_nothing_up(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .partitions = 3, .children = 2};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    uint64_t id;

    (void)state;
    for (int i = 0; i < 100; i++) {
        fake_fail(vmm, FAKE_PARTITION, 0, 0x1D);
        assert_status(fake_create(vmm, vmm->root, &id), 0x1D);
    }
    assert_u64(fake_child(vmm, vmm->root), 2);
    assert_u64(fake_child(vmm, vmm->root), 3);
    fake_free(vmm);
}

static void a_refused_activation_leaves_the_partition_uninitialized(void **state)
{
    static const uint16_t answers[] = {0x78, 0x0B, 0x1D, 0x08};
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < COUNT(answers); i++) {
        const uint64_t id = created(vmm, vmm->root);

        fake_fail(vmm, FAKE_PARTITION, 0, answers[i]);
        assert_status(call_on(vmm, vmm->root, INITIALIZE, id), answers[i]);
        expect_unlocked(vmm);
        assert_int_equal(find_out(vmm, id), UNINITIALIZED);
    }
}

static void a_refused_end_leaves_the_partition_finalizing_and_asks_again(void **state)
{
    static const uint16_t answers[] = {0x78, 0x08, 0x1D};
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < COUNT(answers); i++) {
        const uint64_t id = fake_child(vmm, vmm->root);

        fake_forget(vmm);
        fake_fail(vmm, FAKE_PARTITION, 1, answers[i]);
        assert_status(call_on(vmm, vmm->root, FINALIZE, id), 0x78);
        fake_fail(vmm, FAKE_PARTITION, 0, answers[i]);
        assert_status(call_on(vmm, vmm->root, FINALIZE, id), 0x78);
        expect_unlocked(vmm);
        /* It was told to stop once, and asked for the end each time. */
        assert_int_equal(vmm->logged, 3);
        expect_event(vmm, 0, HVEMU_PARTITION_STOP, id, vmm, 0);
        expect_event(vmm, 1, HVEMU_PARTITION_FINALIZED, id, vmm, 0);
        expect_event(vmm, 2, HVEMU_PARTITION_FINALIZED, id, vmm, 0);
        assert_int_equal(find_out(vmm, id), FINALIZING);
    }
}

static void the_answer_to_stop_is_ignored(void **state)
{
    static const uint16_t answers[] = {0x78, 0x08, 0x05};
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < COUNT(answers); i++) {
        const uint64_t id = fake_child(vmm, vmm->root);

        fake_fail(vmm, FAKE_PARTITION, 0, answers[i]);
        assert_status(call_on(vmm, vmm->root, FINALIZE, id), 0x00);
        assert_int_equal(find_out(vmm, id), FINALIZED);
    }
}

static void a_refused_deletion_leaves_the_partition_as_it_was_and_asks_again(void **state)
{
    static const uint16_t answers[] = {0x78, 0x08, 0x1D};
    static const enum life lives[] = {UNINITIALIZED, FINALIZED};
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < COUNT(answers); i++)
        for (size_t k = 0; k < COUNT(lives); k++) {
            const uint64_t parent = fake_child(vmm, vmm->root);
            const uint64_t id = make_in(vmm, lives[k]);

            fake_forget(vmm);
            for (unsigned times = 0; times < 3; times++) {
                fake_fail(vmm, FAKE_PARTITION, 0, answers[i]);
                assert_status(call_on(vmm, vmm->root, DELETE, id), answers[i]);
                expect_event(vmm, times, HVEMU_PARTITION_DELETED, id, vmm, 0);
                expect_unlocked(vmm);
            }
            assert_int_equal(vmm->logged, 3);
            assert_int_equal(find_out(vmm, id), lives[k]);
            every_call_on(vmm, vmm->root, id, 0x0D);
            fake_end(vmm, vmm->root, parent);
        }
}

static void a_refused_deletion_keeps_the_slot_and_the_parents_count(void **state)
{
    const struct hvemu_config config = {
        .size = sizeof config, .partitions = 4, .children = 1, .privileges = HV_PRIVILEGE_ALL};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    const uint64_t parent = fake_child(vmm, vmm->root), child = created(vmm, parent);
    uint64_t id = 0;

    (void)state;
    fake_fail(vmm, FAKE_PARTITION, 0, 0x08);
    assert_status(call_on(vmm, parent, DELETE, child), 0x08);
    assert_status(fake_create(vmm, parent, &id), 0x1D);
    assert_status(call_on(vmm, vmm->root, FINALIZE, parent), 0x08);
    assert_status(call_on(vmm, parent, DELETE, child), 0x00);
    fake_end(vmm, vmm->root, parent);
    fake_free(vmm);
}

static uint16_t seen[5];

static void look_inside(struct fake_vmm *vmm, const struct fake_event *event)
{
    if (event->op != FAKE_PARTITION)
        return;
    seen[event->gpa] = hvemu_clear_virtual_interrupt(vmm->hv, vmm->root, event->partition);
}

static void each_event_comes_before_or_after_its_change_as_documented(void **state)
{
    struct fake_vmm *vmm = *state;

    vmm->reenter = look_inside;
    fake_end(vmm, vmm->root, fake_child(vmm, vmm->root));
    vmm->reenter = NULL;
    assert_status(seen[HVEMU_PARTITION_CREATED], 0x0D); /* about to exist */
    assert_status(seen[HVEMU_PARTITION_ACTIVE], 0x07);  /* about to become active */
    assert_status(seen[HVEMU_PARTITION_STOP], 0x07);    /* finalizing has begun */
    assert_status(seen[HVEMU_PARTITION_FINALIZED], 0x07);
    assert_status(seen[HVEMU_PARTITION_DELETED], 0x07); /* its ID is about to die */
}

/* Try-lock. */

static struct {
    unsigned tries;
    struct hvemu_vp *vp;
} inside;

static void try_everything_inside(struct fake_vmm *vmm, const struct fake_event *event)
{
    struct hvemu_vp *vp = NULL;
    uint64_t id = 0x5A5A;

    if (event->op != FAKE_PARTITION && event->op != FAKE_OVERLAY)
        return;
    vmm->reenter = NULL;
    inside.tries++;
    assert_status(fake_create(vmm, vmm->root, &id), 0x78);
    assert_status(call_on(vmm, vmm->root, FINALIZE, vmm->guest), 0x78);
    assert_status(call_on(vmm, vmm->root, INITIALIZE, vmm->guest), 0x78);
    assert_status(call_on(vmm, vmm->root, DELETE, vmm->guest), 0x78);
    assert_status(call_on(vmm, vmm->root, DELETE, 0x5A5A5A), 0x0D); /* need not wait for it */
    assert_result(hvemu_add_guest(vmm->hv, vmm->root, 0, NULL, &id), HVEMU_E_BUSY);
    assert_result(hvemu_reset(vmm->hv, vmm->guest), HVEMU_E_BUSY);
    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 5, NULL, &vp), HVEMU_E_BUSY);
    assert_result(hvemu_vp_detach(inside.vp), HVEMU_E_BUSY);
    assert_u64(id, 0x5A5A);
    assert_null(vp);
    /* What takes no lock works. */
    assert_status(call_on(vmm, vmm->root, CLEAR, vmm->guest), 0x14);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, vmm->guest, 7, 0, 1), 0x00);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, vmm->guest, 7, 0, UINT32_MAX),
                  0x00);
    vmm->reenter = try_everything_inside;
}

static void inside_an_op_under_the_lock_life_cycle_calls_are_busy(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 1, NULL, &inside.vp), HVEMU_OK);
    inside.tries = 0;
    vmm->reenter = try_everything_inside;
    const uint64_t child = fake_child(vmm, vmm->root);
    fake_end(vmm, vmm->root, child);
    assert_int_equal(inside.tries, 5);
    assert_result(hvemu_reset(vmm->hv, vmm->guest), HVEMU_OK); /* removes the page */
    assert_int_equal(inside.tries, 6);
    vmm->reenter = NULL;
    /* And nothing has happened in there. */
    assert_status(call_on(vmm, vmm->root, CLEAR, vmm->guest), 0x14);
    assert_result(hvemu_vp_detach(inside.vp), HVEMU_OK);
    assert_u64(created(vmm, vmm->root), 4);
}

static void the_lock_is_released_after_every_outcome(void **state)
{
    static const uint16_t codes[] = {CREATE, INITIALIZE, FINALIZE, DELETE};
    struct fake_vmm *vmm = *state;
    uint8_t in[56], out[8];
    struct hvemu_vp *vp;
    uint64_t id;

    for (size_t c = 0; c < COUNT(codes); c++)
        for (unsigned id_at = 0; id_at < 20; id_at++) {
            memset(in, 0, sizeof in);
            le64enc(in, id_at);
            (void)hvemu_hypercall(vmm->hv, vmm->root, codes[c], in, sizeof in, out, sizeof out);
            expect_unlocked(vmm);
            (void)hvemu_hypercall(vmm->hv, vmm->guest, codes[c], in, sizeof in, out, sizeof out);
            expect_unlocked(vmm);
            (void)hvemu_hypercall(vmm->hv, vmm->root, codes[c], in, 7, out, sizeof out);
            expect_unlocked(vmm);
        }
    assert_result(hvemu_add_guest(vmm->hv, 99, 0, NULL, &id), HVEMU_E_PARTITION);
    expect_unlocked(vmm);
    assert_result(hvemu_reset(vmm->hv, 99), HVEMU_E_PARTITION);
    expect_unlocked(vmm);
    assert_result(hvemu_vp_attach(vmm->hv, 99, 0, NULL, &vp), HVEMU_E_PARTITION);
    expect_unlocked(vmm);
}

/* Limits. */

static void children_keep_their_parent_from_finalizing(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t parent = fake_child(vmm, vmm->root), first = fake_child(vmm, parent),
                   unborn = created(vmm, parent);

    fake_forget(vmm);
    assert_status(call_on(vmm, vmm->root, FINALIZE, parent), 0x08);
    assert_int_equal(vmm->logged, 0);
    assert_status(call_on(vmm, vmm->root, CLEAR, parent), 0x14); /* active still */
    assert_status(call_on(vmm, parent, FINALIZE, first), 0x00);
    assert_status(call_on(vmm, vmm->root, FINALIZE, parent), 0x08);
    assert_status(call_on(vmm, parent, DELETE, first), 0x00);
    assert_status(call_on(vmm, vmm->root, FINALIZE, parent), 0x08);
    assert_status(call_on(vmm, parent, DELETE, unborn), 0x00);
    fake_end(vmm, vmm->root, parent);
}

static void vps_keep_their_partition_finalizing(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp1;

    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 1, NULL, &vp1), HVEMU_OK);
    fake_forget(vmm);
    assert_status(call_on(vmm, vmm->root, FINALIZE, vmm->guest), 0x78);
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    assert_status(call_on(vmm, vmm->root, FINALIZE, vmm->guest), 0x78);
    assert_status(call_on(vmm, vmm->root, DELETE, vmm->guest), 0x07);
    assert_int_equal(vmm->logged, 1);
    expect_event(vmm, 0, HVEMU_PARTITION_STOP, vmm->guest, vmm, 0);
    assert_result(hvemu_vp_detach(vp1), HVEMU_OK);
    assert_status(call_on(vmm, vmm->root, FINALIZE, vmm->guest), 0x00);
    assert_int_equal(vmm->logged, 2);
    expect_event(vmm, 1, HVEMU_PARTITION_FINALIZED, vmm->guest, vmm, 0);
}

static void the_tree_is_as_deep_as_configured(void **state)
{
    static const uint32_t depths[] = {0, 1, 2, 3, 12};

    (void)state;
    for (size_t i = 0; i < COUNT(depths); i++) {
        const struct hvemu_config config = {
            .size = sizeof config, .depth = depths[i], .privileges = HV_PRIVILEGE_ALL};
        struct fake_vmm *vmm = fake_new(&config, NULL);
        uint64_t parent = vmm->root, id = 0x5A5A;

        for (uint32_t level = 0; level < (depths[i] ? depths[i] : 2); level++)
            parent = fake_child(vmm, parent);
        fake_forget(vmm);
        assert_status(fake_create(vmm, parent, &id), 0x0C);
        assert_result(hvemu_add_guest(vmm->hv, parent, 0, NULL, &id), HVEMU_E_SPACE);
        assert_u64(id, 0x5A5A);
        assert_int_equal(vmm->logged, 0);
        expect_unlocked(vmm);
        fake_free(vmm);
    }
}

static void one_partition_has_as_many_children_as_configured(void **state)
{
    const struct hvemu_config config = {
        .size = sizeof config, .children = 3, .privileges = HV_PRIVILEGE_ALL};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    uint64_t id = 0x5A5A, child = 0;

    (void)state;
    for (int i = 0; i < 3; i++)
        child = fake_child(vmm, vmm->root);
    fake_forget(vmm);
    assert_status(fake_create(vmm, vmm->root, &id), 0x1D);
    assert_result(hvemu_add_guest(vmm->hv, vmm->root, 0, NULL, &id), HVEMU_E_SPACE);
    assert_u64(id, 0x5A5A);
    assert_int_equal(vmm->logged, 0);
    assert_u64(created(vmm, child), 5); /* the limit is each partition's own */
    assert_status(call_on(vmm, child, DELETE, 5), 0x00);
    fake_end(vmm, vmm->root, child);
    assert_u64(created(vmm, vmm->root), 6);
    assert_status(fake_create(vmm, vmm->root, &id), 0x1D);
    fake_free(vmm);
}

static void capacity_used_up_is_told_and_comes_back(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .partitions = 4};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    uint64_t id = 0x5A5A;

    (void)state;
    for (uint64_t generation = 0; generation < 50; generation++) {
        for (uint64_t i = 2; i <= 4; i++)
            assert_u64(created(vmm, vmm->root), generation << 24 | i);
        assert_status(fake_create(vmm, vmm->root, &id), 0x1D);
        assert_result(hvemu_add_guest(vmm->hv, vmm->root, 0, NULL, &id), HVEMU_E_SPACE);
        assert_u64(id, 0x5A5A);
        for (uint64_t i = 2; i <= 4; i++)
            assert_status(call_on(vmm, vmm->root, DELETE, generation << 24 | i), 0x00);
    }
    fake_free(vmm);
}

static void an_instance_of_one_partition_has_the_root_alone(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .partitions = 1, .vps = 1};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    uint64_t id;

    (void)state;
    assert_status(fake_create(vmm, vmm->root, &id), 0x1D);
    every_call_on(vmm, vmm->root, 2, 0x0D);
    every_call_on(vmm, vmm->root, 1, 0x06);
    fake_free(vmm);
}

/* Creation. */

static uint16_t create_with(struct fake_vmm *vmm, unsigned at, uint64_t value)
{
    uint8_t in[56] = {0}, out[8];

    le64enc(in + at, value);
    memset(out, 0x5A, sizeof out);
    const uint16_t status =
        (uint16_t)hvemu_hypercall(vmm->hv, vmm->root, CREATE, in, sizeof in, out, sizeof out);
    if (status == 0)
        assert_status(call_on(vmm, vmm->root, DELETE, le64dec(out)), 0x00);
    else
        assert_u64(le64dec(out), 0x5A5A5A5A5A5A5A5A);
    return status;
}

static void creation_flags_that_nobody_has_defined_are_refused(void **state)
{
    static const unsigned defined[] = {0, 1, 4, 8, 9, 10, 13, 15, 16, 19, 20, 22};
    struct fake_vmm *vmm = *state;

    for (unsigned bit = 0; bit < 64; bit++) {
        const uint64_t flags = (uint64_t)1 << bit;
        int known = 0;

        for (size_t i = 0; i < COUNT(defined); i++)
            known |= bit == defined[i];
        fake_forget(vmm);
        assert_status(create_with(vmm, 0, flags), known ? 0x00 : 0x05);
        assert_int_equal(vmm->logged, known ? 2 : 0);
        if (known) /* the VMM is told what was asked for */
            assert_u64(vmm->log[0].destination, flags);
    }
    assert_status(create_with(vmm, 0, 0x0059A713), 0x00);
    assert_status(create_with(vmm, 0, UINT64_MAX), 0x05);
}

static void proximity_information_is_judged(void **state)
{
    static const struct {
        uint32_t id, flags;
        uint16_t status;
    } table[] = {
        {0, 0, 0x00},
        {64, 0, 0x00}, /* not valid: whatever the ID */
        {UINT32_MAX, 0, 0x00},
        {0, 0x80000000, 0x00},
        {63, 0x80000000, 0x00},
        {63, 0x80000001, 0x00},
        {64, 0x80000000, 0x05},
        {64, 0x80000001, 0x05},
        {UINT32_MAX, 0x80000000, 0x05},
    };
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < COUNT(table); i++)
        assert_status(create_with(vmm, 8, table[i].id | (uint64_t)table[i].flags << 32),
                      table[i].status);
    for (unsigned bit = 1; bit < 31; bit++) {
        assert_status(create_with(vmm, 8, (uint64_t)1 << (bit + 32)), 0x05);
        assert_status(create_with(vmm, 8, (uint64_t)(0x80000000 | 1u << bit) << 32), 0x05);
    }
    expect_unlocked(vmm);
}

static void reserved_fields_of_a_creation_are_refused(void **state)
{
    struct fake_vmm *vmm = *state;

    for (unsigned bit = 0; bit < 64; bit++) {
        assert_status(create_with(vmm, 48, (uint64_t)1 << bit), 0x05);
        if (bit >= 32)
            assert_status(create_with(vmm, 16, (uint64_t)1 << bit), 0x05);
    }
}

static void a_new_child_has_the_configured_privileges_that_its_parent_has(void **state)
{
    static const uint64_t parents[] = {0x0000000100000000, 0x0000000100000060, 0x0000000300000020,
                                       0x007BF9FF0000FFFF};
    static const uint64_t configured[] = {0, 0x20, 0x0000000300000060, 0x007BF9FF0000FFFF};

    (void)state;
    for (size_t c = 0; c < COUNT(configured); c++)
        for (size_t p = 0; p < COUNT(parents); p++) {
            const struct hvemu_config config = {.size = sizeof config, .privileges = configured[c]};
            const uint64_t full = configured[c] ? configured[c] : 0x60;
            struct fake_vmm *vmm = fake_new(&config, NULL);
            uint64_t parent;

            assert_u64(privileges_of(vmm, fake_child(vmm, vmm->root)), full);
            assert_result(hvemu_add_guest(vmm->hv, vmm->root, parents[p], NULL, &parent), HVEMU_OK);
            assert_u64(privileges_of(vmm, fake_child(vmm, parent)), full & parents[p]);
            fake_free(vmm);
        }
}

static void a_child_may_do_what_its_privileges_say(void **state)
{
    struct fake_vmm *vmm = *state; /* new children: 0x700000060 */
    uint64_t parent, id;
    uint8_t out[8];

    assert_result(hvemu_add_guest(vmm->hv, vmm->root, CREATE_PARTITIONS, NULL, &parent), HVEMU_OK);
    const uint64_t child = fake_child(vmm, parent);
    assert_status((uint16_t)hvemu_hypercall(vmm->hv, parent, 0x46, NULL, 0, out, 8), 0x06);
    assert_status((uint16_t)hvemu_hypercall(vmm->hv, child, 0x46, NULL, 0, out, 8), 0x06);
    assert_status(fake_create(vmm, child, &id), 0x0C); /* allowed, but too deep */
    const uint64_t rich = fake_child(vmm, vmm->root);
    assert_status((uint16_t)hvemu_hypercall(vmm->hv, rich, 0x46, NULL, 0, out, 8), 0x00);
    assert_u64(le64dec(out), rich);
}

/* hvemu_add_guest(). */

static void add_guest_makes_an_active_child_and_tells_nobody(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp;
    uint64_t id = 0;
    int mine;

    fake_forget(vmm);
    assert_result(hvemu_add_guest(vmm->hv, vmm->guest, 0x123, &mine, &id), HVEMU_OK);
    assert_u64(id, 3);
    assert_int_equal(vmm->logged, 0);
    assert_u64(privileges_of(vmm, id), 0x123);
    assert_result(hvemu_vp_attach(vmm->hv, id, 0, NULL, &vp), HVEMU_OK);
    assert_status(call_on(vmm, vmm->guest, ASSERT, id), 0x00);
    assert_ptr_equal(vmm->log[0].ctx, &mine);
    assert_status(call_on(vmm, vmm->root, CLEAR, id), 0x06);
    /* It ends as any other. */
    assert_result(hvemu_vp_detach(vp), HVEMU_OK);
    assert_status(call_on(vmm, vmm->root, FINALIZE, vmm->guest), 0x08);
    fake_forget(vmm);
    fake_end(vmm, vmm->guest, id);
    expect_event(vmm, 0, HVEMU_PARTITION_STOP, id, &mine, 0);
    expect_event(vmm, 1, HVEMU_PARTITION_FINALIZED, id, &mine, 0);
    expect_event(vmm, 2, HVEMU_PARTITION_DELETED, id, &mine, 0);
}

static void add_guest_gives_no_privilege_that_the_parent_lacks(void **state)
{
    struct fake_vmm *vmm = *state;
    uint64_t parent, id;

    assert_result(hvemu_add_guest(vmm->hv, vmm->root, UINT64_MAX, NULL, &id), HVEMU_OK);
    assert_u64(privileges_of(vmm, id), 0x007BF9FF0000FFFF);
    assert_result(hvemu_add_guest(vmm->hv, vmm->root, 0x0000000100000020, NULL, &parent), HVEMU_OK);
    assert_result(hvemu_add_guest(vmm->hv, parent, 0x0000000300000060, NULL, &id), HVEMU_OK);
    assert_u64(privileges_of(vmm, id), 0x0000000100000020);
    assert_result(hvemu_add_guest(vmm->hv, parent, 0, NULL, &id), HVEMU_OK);
    assert_u64(privileges_of(vmm, id), 0); /* not the default */
}

static void the_hypercall_page_of_a_finalized_partition_is_the_vmms_to_remove(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    fake_forget(vmm);
    fake_end(vmm, vmm->root, vmm->guest);
    assert_int_equal(vmm->count[FAKE_OVERLAY], 0);
    assert_int_equal(vmm->count[FAKE_PARTITION], 3);
}

static void add_guest_refuses_a_parent_that_is_not_active(void **state)
{
    struct fake_vmm *vmm = *state;
    uint64_t id = 0x5A5A;

    for (enum life life = UNINITIALIZED; life < LIVES; life++)
        if (life != ACTIVE)
            assert_result(hvemu_add_guest(vmm->hv, make_in(vmm, life), 0, NULL, &id),
                          HVEMU_E_PARTITION);
    assert_result(hvemu_add_guest(vmm->hv, 0, 0, NULL, &id), HVEMU_E_PARTITION);
    assert_result(hvemu_add_guest(vmm->hv, SELF, 0, NULL, &id), HVEMU_E_PARTITION);
    assert_result(hvemu_add_guest(NULL, 1, 0, NULL, &id), HVEMU_E_ARGUMENT);
    assert_result(hvemu_add_guest(vmm->hv, 1, 0, NULL, NULL), HVEMU_E_ARGUMENT);
    assert_u64(id, 0x5A5A);
    expect_unlocked(vmm);
}

/* hvemu_reset(). */

static void expect_msrs(struct fake_vmm *vmm, uint64_t guest_os_id, uint64_t hypercall)
{
    uint64_t value = 0;

    assert_action(hvemu_x64_rdmsr(vmm->vp, 0x40000000, &value), HVEMU_STEP);
    assert_u64(value, guest_os_id);
    assert_action(hvemu_x64_rdmsr(vmm->vp, 0x40000001, &value), HVEMU_STEP);
    assert_u64(value, hypercall);
}

static void reset_forgets_the_msrs_and_the_page_and_keeps_the_rest(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t child = fake_child(vmm, vmm->guest);

    assert_action(hvemu_x64_wrmsr(vmm->vp, 0x40000001, 0x7003), HVEMU_STEP); /* locked */
    assert_action(hvemu_x64_wrmsr(vmm->vp, 0x40000001, 0), HVEMU_GP);
    fake_forget(vmm);
    assert_result(hvemu_reset(vmm->hv, vmm->guest), HVEMU_OK);
    assert_int_equal(vmm->logged, 1);
    assert_int_equal(vmm->count[FAKE_OVERLAY], 1);
    assert_u64(vmm->overlay, UINT64_MAX);
    expect_msrs(vmm, 0, 0);
    /* ID, privileges, children, VPs. */
    assert_u64(hvemu_vp_partition(vmm->vp), vmm->guest);
    assert_u64(privileges_of(vmm, vmm->guest), HV_PRIVILEGE_ALL);
    assert_status(call_on(vmm, vmm->guest, CLEAR, child), 0x14);
    fake_enable_hypercalls(vmm->vp); /* unlocked, and all begins anew */
    expect_msrs(vmm, 0x8100000000000001, FAKE_HYPERCALL_PAGE | 1);
}

static void reset_without_a_page_calls_no_op(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_result(hvemu_reset(vmm->hv, vmm->guest), HVEMU_OK);
    assert_action(hvemu_x64_wrmsr(vmm->vp, 0x40000000, 5), HVEMU_STEP);
    fake_forget(vmm);
    assert_result(hvemu_reset(vmm->hv, vmm->guest), HVEMU_OK);
    assert_int_equal(vmm->logged, 0);
    expect_msrs(vmm, 0, 0);
}

static void reset_that_cannot_remove_the_page_changes_nothing(void **state)
{
    static const struct {
        int answer;
        enum hvemu_result result;
    } table[] = {
        {HVEMU_MEM_NONE, HVEMU_E_OP},
        {HVEMU_MEM_AGAIN, HVEMU_E_BUSY},
        {HVEMU_MEM_FAILED, HVEMU_E_OP},
        {4, HVEMU_E_OP},
        {-1, HVEMU_E_OP},
        {0x7FFFFFFF, HVEMU_E_OP},
    };
    struct fake_vmm *vmm = *state;

    assert_status(call_on(vmm, vmm->root, ASSERT, vmm->guest), 0x00);
    for (size_t i = 0; i < COUNT(table); i++) {
        fake_fail(vmm, FAKE_OVERLAY, 0, table[i].answer);
        assert_result(hvemu_reset(vmm->hv, vmm->guest), table[i].result);
        expect_msrs(vmm, 0x8100000000000001, FAKE_HYPERCALL_PAGE | 1);
        assert_u64(vmm->overlay, FAKE_HYPERCALL_PAGE);
        assert_int_equal(hvemu_ext_int_line(vmm->vp), 1);
        expect_unlocked(vmm);
    }
    assert_result(hvemu_reset(vmm->hv, vmm->guest), HVEMU_OK);
    assert_int_equal(hvemu_ext_int_line(vmm->vp), 0);
}

static void reset_refuses_a_partition_that_is_not_active(void **state)
{
    struct fake_vmm *vmm = *state;

    for (enum life life = UNINITIALIZED; life < LIVES; life++)
        assert_result(hvemu_reset(vmm->hv, make_in(vmm, life)),
                      life == ACTIVE ? HVEMU_OK : HVEMU_E_PARTITION);
    assert_result(hvemu_reset(vmm->hv, 0), HVEMU_E_PARTITION);
    assert_result(hvemu_reset(vmm->hv, SELF), HVEMU_E_PARTITION);
    assert_result(hvemu_reset(NULL, 1), HVEMU_E_ARGUMENT);
    expect_unlocked(vmm);
}

static enum hvemu_result own_reset, other_reset;
static uint64_t other;

static void reset_inside(struct fake_vmm *vmm, const struct fake_event *event)
{
    if (event->op != FAKE_GPA_READ)
        return;
    vmm->reenter = NULL;
    own_reset = hvemu_reset(vmm->hv, vmm->guest);
    other_reset = hvemu_reset(vmm->hv, other);
}

static void reset_while_a_vp_is_in_a_call_is_busy(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_x64_frame frame = fake_frame64(CLEAR, 0x1000, 0);

    other = fake_child(vmm, vmm->root);
    le64enc(vmm->ram + 0x1000, 0x99);
    vmm->reenter = reset_inside;
    assert_action(hvemu_x64_hypercall(vmm->vp, &frame), HVEMU_STEP);
    assert_status(frame.rax, 0x0D);
    assert_result(own_reset, HVEMU_E_BUSY);
    assert_result(other_reset, HVEMU_OK);
    expect_msrs(vmm, 0x8100000000000001, FAKE_HYPERCALL_PAGE | 1);
    assert_result(hvemu_reset(vmm->hv, vmm->guest), HVEMU_OK);
}

/* The call by number: its block. */

static void the_fast_bit_says_nothing_in_c_and_short_blocks_are_refused(void **state)
{
    struct fake_vmm *vmm = *state;
    static const struct {
        uint16_t code;
        size_t in, out;
        uint16_t status; /* of a full block of zeros */
    } calls[] = {
        {CREATE, 56, 8, 0x00}, {INITIALIZE, 8, 0, 0x0D}, {FINALIZE, 8, 0, 0x0D},
        {DELETE, 8, 0, 0x0D},  {0x46, 0, 8, 0x00},       {ASSERT_OLD, 32, 0, 0x0D},
        {CLEAR, 8, 0, 0x0D},   {ASSERT, 32, 0, 0x0D},
    };
    uint8_t in[64] = {0}, out[16];

    for (size_t i = 0; i < COUNT(calls); i++)
        for (uint64_t fast = 0; fast <= 0x10000; fast += 0x10000) {
            const uint64_t control = calls[i].code | fast;

            for (size_t bytes = 0; bytes < calls[i].in; bytes++)
                assert_u64(hvemu_hypercall(vmm->hv, 1, control, in, bytes, out, 16), 0x05);
            if (calls[i].in)
                assert_u64(hvemu_hypercall(vmm->hv, 1, control, NULL, 64, out, 16), 0x05);
            memset(out, 0x5A, sizeof out);
            for (size_t bytes = 0; bytes < calls[i].out; bytes++)
                assert_u64(hvemu_hypercall(vmm->hv, 1, control, in, 64, out, bytes), 0x05);
            if (calls[i].out)
                assert_u64(hvemu_hypercall(vmm->hv, 1, control, in, 64, NULL, 16), 0x05);
            assert_u64(out[0], 0x5A);
            assert_u64(hvemu_hypercall(vmm->hv, 1, control, in, calls[i].in, out, calls[i].out),
                       calls[i].status);
            assert_u64(out[calls[i].out], 0x5A);
            if (calls[i].out == 0)
                assert_u64(hvemu_hypercall(vmm->hv, 1, control, in, 64, NULL, 0), calls[i].status);
            if (calls[i].in == 0)
                assert_u64(hvemu_hypercall(vmm->hv, 1, control, NULL, 0, out, 8), 0x00);
        }
    expect_unlocked(vmm);
}

static void the_control_word_is_judged_in_c_too(void **state)
{
    struct fake_vmm *vmm = *state;
    uint64_t poor;
    uint8_t in[64] = {0}, out[8];

    for (unsigned bit = 17; bit < 64; bit++)
        for (size_t i = 0; i < COUNT(calls_on); i++)
            assert_u64(
                hvemu_hypercall(vmm->hv, 1, calls_on[i] | (uint64_t)1 << bit, in, 64, out, 8),
                0x03);
    assert_u64(hvemu_hypercall(vmm->hv, 1, 0xFFFFFFFFFFFFFFFF, in, 64, out, 8), 0x02);
    assert_u64(hvemu_hypercall(vmm->hv, 1, 0, in, 64, out, 8), 0x02);
    /* Code, then the caller's right, then the control word, then the block. */
    assert_result(hvemu_add_guest(vmm->hv, 1, 0, NULL, &poor), HVEMU_OK);
    assert_u64(hvemu_hypercall(vmm->hv, poor, 0x80000057, in, 64, out, 8), 0x02);
    assert_u64(hvemu_hypercall(vmm->hv, poor, 0x80000056, in, 64, out, 8), 0x06);
    assert_u64(hvemu_hypercall(vmm->hv, 1, 0x80000056, NULL, 0, NULL, 0), 0x03);
}

static void get_partition_id_tells_each_its_own(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t callers[] = {vmm->root, vmm->guest, fake_child(vmm, vmm->guest)};
    uint8_t out[8];

    for (size_t i = 0; i < COUNT(callers); i++) {
        assert_u64(hvemu_hypercall(vmm->hv, callers[i], 0x46, NULL, 0, out, 8), 0x00);
        assert_u64(le64dec(out), callers[i]);
    }
}

int main(void)
{
#define WITH_GUEST(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_ids_are_1_2_3),
        cmocka_unit_test(a_partition_has_no_state_before_and_after_its_life),
        cmocka_unit_test(an_id_is_never_given_out_twice),
        cmocka_unit_test(slots_are_reused_in_the_order_in_which_they_became_free),
        cmocka_unit_test(an_id_of_every_earlier_generation_is_refused),
        WITH_GUEST(ids_of_nobody_are_refused),
        cmocka_unit_test(a_slot_whose_generations_are_used_up_is_retired),
        cmocka_unit_test(a_retired_slot_leaves_the_others_in_use),
        cmocka_unit_test(nobody_but_the_parent_may_act),
        cmocka_unit_test(a_partition_that_is_not_there_has_no_privileges_of_its_slots_owner),
        WITH_GUEST(without_create_partitions_every_call_is_denied_whatever_the_id),
        WITH_GUEST(create_partitions_alone_suffices_for_a_parent),
        WITH_GUEST(a_caller_that_is_not_active_is_denied),
        cmocka_unit_test(no_instance_is_denied_too),
        WITH_GUEST(each_call_in_each_state_answers_and_leads_as_specified),
        cmocka_unit_test(a_new_partition_is_the_same_in_every_way_in_a_used_slot),
        WITH_GUEST(a_life_is_told_event_by_event),
        WITH_GUEST(an_unborn_partition_is_told_deleted_at_once),
        WITH_GUEST(a_child_has_its_parents_context_if_none_is_given),
        cmocka_unit_test(the_number_of_each_event_is_fixed),
        cmocka_unit_test(only_created_may_give_a_context_and_tells_what_is_asked_for),
        cmocka_unit_test(created_is_told_every_byte_that_the_parent_gave),
        cmocka_unit_test(without_a_partition_op_all_that_asks_for_nothing_special_succeeds),
        WITH_GUEST(a_refused_creation_offers_the_same_id_again),
        cmocka_unit_test(a_tenants_descendants_are_counted_in_all_generations),
        cmocka_unit_test(refused_creations_use_nothing_up),
        WITH_GUEST(a_refused_activation_leaves_the_partition_uninitialized),
        WITH_GUEST(a_refused_end_leaves_the_partition_finalizing_and_asks_again),
        WITH_GUEST(the_answer_to_stop_is_ignored),
        WITH_GUEST(a_refused_deletion_leaves_the_partition_as_it_was_and_asks_again),
        cmocka_unit_test(a_refused_deletion_keeps_the_slot_and_the_parents_count),
        WITH_GUEST(each_event_comes_before_or_after_its_change_as_documented),
        WITH_GUEST(inside_an_op_under_the_lock_life_cycle_calls_are_busy),
        WITH_GUEST(the_lock_is_released_after_every_outcome),
        WITH_GUEST(children_keep_their_parent_from_finalizing),
        WITH_GUEST(vps_keep_their_partition_finalizing),
        cmocka_unit_test(the_tree_is_as_deep_as_configured),
        cmocka_unit_test(one_partition_has_as_many_children_as_configured),
        cmocka_unit_test(capacity_used_up_is_told_and_comes_back),
        cmocka_unit_test(an_instance_of_one_partition_has_the_root_alone),
        WITH_GUEST(creation_flags_that_nobody_has_defined_are_refused),
        WITH_GUEST(proximity_information_is_judged),
        WITH_GUEST(reserved_fields_of_a_creation_are_refused),
        cmocka_unit_test(a_new_child_has_the_configured_privileges_that_its_parent_has),
        WITH_GUEST(a_child_may_do_what_its_privileges_say),
        WITH_GUEST(add_guest_makes_an_active_child_and_tells_nobody),
        WITH_GUEST(add_guest_gives_no_privilege_that_the_parent_lacks),
        WITH_GUEST(the_hypercall_page_of_a_finalized_partition_is_the_vmms_to_remove),
        WITH_GUEST(add_guest_refuses_a_parent_that_is_not_active),
        WITH_GUEST(reset_forgets_the_msrs_and_the_page_and_keeps_the_rest),
        WITH_GUEST(reset_without_a_page_calls_no_op),
        WITH_GUEST(reset_that_cannot_remove_the_page_changes_nothing),
        WITH_GUEST(reset_refuses_a_partition_that_is_not_active),
        WITH_GUEST(reset_while_a_vp_is_in_a_call_is_busy),
        WITH_GUEST(the_fast_bit_says_nothing_in_c_and_short_blocks_are_refused),
        WITH_GUEST(the_control_word_is_judged_in_c_too),
        WITH_GUEST(get_partition_id_tells_each_its_own),
    };

    return cmocka_run_group_tests_name("partition", tests, NULL, NULL);
}
