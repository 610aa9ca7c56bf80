/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Virtual processors: attach and detach by their VMM, create, start and delete by their parent,
 * their limits, and what a VP whose partition or whose own life has ended can still do: nothing. */

#include "ways.h"

#define CLEAR 0x56u

static void expect_unlocked(struct fake_vmm *vmm)
{
    assert_result(hvemu_reset(vmm->hv, vmm->root), HVEMU_OK);
}

/* Every door of the native interface says that this VP is gone, and nothing is written. */
static void expect_gone(struct hvemu_vp *vp)
{
    struct hvemu_x64_frame frame = fake_frame64(0x10000 | CLEAR, 2, 0), before = frame;
    struct hvemu_call call = {.control = 0x10000 | CLEAR, .result = 0x5A5A};
    uint64_t value = 0x5A5A;

    assert_action(hvemu_x64_hypercall(vp, &frame), HVEMU_GONE);
    assert_only_changed(&before, &frame, 0);
    frame = before = fake_frame32(CLEAR, 0x1000, 0);
    assert_action(hvemu_x64_hypercall(vp, &frame), HVEMU_GONE);
    assert_only_changed(&before, &frame, 0);
    frame = before = fake_frame64(0xFFFFFFFFFFFFFFFF, 0, 0);
    assert_action(hvemu_x64_hypercall(vp, &frame), HVEMU_GONE);
    assert_only_changed(&before, &frame, 0);
    assert_action(hvemu_execute(vp, &call), HVEMU_GONE);
    assert_u64(call.result, 0x5A5A);
    for (uint32_t msr = 0x40000000; msr <= 0x40000002; msr++) {
        assert_action(hvemu_x64_rdmsr(vp, msr, &value), HVEMU_GONE);
        assert_action(hvemu_x64_wrmsr(vp, msr, 0), HVEMU_GONE);
    }
    assert_u64(value, 0x5A5A);
    assert_int_equal(hvemu_ext_int_line(vp), 0);
}

static void attach_gives_what_can_be_asked_for(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp = NULL;
    int mine;

    for (uint32_t index = 1; index < 16; index++) {
        assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, index, &mine, &vp), HVEMU_OK);
        assert_non_null(vp);
        assert_ptr_equal(hvemu_vp_context(vp), &mine);
        assert_u64(hvemu_vp_partition(vp), vmm->guest);
        assert_u64(hvemu_vp_index(vp), index);
        assert_result(hvemu_vp_detach(vp), HVEMU_OK);
    }
    assert_ptr_equal(hvemu_vp_context(vmm->vp), vmm);
    assert_u64(hvemu_vp_index(vmm->vp), 0);
    assert_null(hvemu_vp_context(NULL));
    assert_u64(hvemu_vp_partition(NULL), 0);
    assert_u64(hvemu_vp_index(NULL), 0);
}

static void attach_refuses_null_and_an_index_out_of_range(void **state)
{
    static const uint32_t indices[] = {16, 17, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF};
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp = NULL;

    assert_result(hvemu_vp_attach(NULL, vmm->guest, 1, NULL, &vp), HVEMU_E_ARGUMENT);
    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 1, NULL, NULL), HVEMU_E_ARGUMENT);
    for (size_t i = 0; i < sizeof indices / sizeof *indices; i++)
        assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, indices[i], NULL, &vp),
                      HVEMU_E_ARGUMENT);
    assert_null(vp);
    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 15, NULL, &vp), HVEMU_OK);
}

static void attach_refuses_a_taken_index(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *first = NULL, *vp = NULL;
    uint64_t other;

    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 0, NULL, &vp), HVEMU_E_VP);
    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 3, NULL, &first), HVEMU_OK);
    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 3, NULL, &vp), HVEMU_E_VP);
    assert_null(vp);
    expect_unlocked(vmm);
    /* An index is its partition's. */
    other = fake_child(vmm, vmm->root);
    assert_result(hvemu_vp_attach(vmm->hv, other, 3, NULL, &vp), HVEMU_OK);
    assert_ptr_not_equal(vp, first);
    assert_result(hvemu_vp_detach(first), HVEMU_OK);
    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 3, NULL, &first), HVEMU_OK);
    assert_result(hvemu_vp_attach(vmm->hv, other, 3, NULL, &vp), HVEMU_E_VP);
}

static void attach_refuses_a_partition_that_is_not_active(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp = NULL;
    uint64_t unborn = 0, id;

    assert_status(fake_create(vmm, vmm->root, &unborn), 0x00);
    assert_result(hvemu_vp_attach(vmm->hv, unborn, 0, NULL, &vp), HVEMU_E_PARTITION);
    assert_status(fake_call_on(vmm, vmm->root, 0x41, unborn), 0x00);
    id = unborn;
    fake_fail(vmm, FAKE_PARTITION, 1, 0x78);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, id), 0x78);
    assert_result(hvemu_vp_attach(vmm->hv, id, 0, NULL, &vp), HVEMU_E_PARTITION);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, id), 0x00);
    assert_result(hvemu_vp_attach(vmm->hv, id, 0, NULL, &vp), HVEMU_E_PARTITION);
    assert_status(fake_call_on(vmm, vmm->root, 0x43, id), 0x00);
    assert_result(hvemu_vp_attach(vmm->hv, id, 0, NULL, &vp), HVEMU_E_PARTITION);
    const uint64_t nobody[] = {0, 99, UINT64_MAX, vmm->guest + 0x1000000, 0xFFFFFE, 0xFFFFFF};
    for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++)
        assert_result(hvemu_vp_attach(vmm->hv, nobody[i], 0, NULL, &vp), HVEMU_E_PARTITION);
    assert_null(vp);
    expect_unlocked(vmm);
}

static void vps_used_up_are_told_and_come_back(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .vps = 3};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    const uint64_t a = fake_child(vmm, vmm->root), b = fake_child(vmm, vmm->root);
    struct hvemu_vp *vps[3], *vp = NULL;

    (void)state;
    for (int round = 0; round < 20; round++) {
        assert_result(hvemu_vp_attach(vmm->hv, a, 0, NULL, &vps[0]), HVEMU_OK);
        assert_result(hvemu_vp_attach(vmm->hv, b, 0, NULL, &vps[1]), HVEMU_OK);
        assert_result(hvemu_vp_attach(vmm->hv, b, 2, NULL, &vps[2]), HVEMU_OK);
        assert_result(hvemu_vp_attach(vmm->hv, a, 1, NULL, &vp), HVEMU_E_SPACE);
        assert_result(hvemu_vp_attach(vmm->hv, b, 1, NULL, &vp), HVEMU_E_SPACE);
        assert_null(vp);
        expect_unlocked(vmm);
        for (int i = 0; i < 3; i++)
            assert_result(hvemu_vp_detach(vps[(i + round) % 3]), HVEMU_OK);
    }
    assert_result(hvemu_vp_attach(vmm->hv, a, 3, NULL, &vp), HVEMU_E_ARGUMENT);
    fake_free(vmm);
}

static void a_dead_vps_memory_is_the_last_to_serve_again(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *const dead = vmm->vp, *vp;

    assert_result(hvemu_vp_detach(dead), HVEMU_OK);
    for (uint32_t i = 0; i < 15; i++) {
        assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, i, NULL, &vp), HVEMU_OK);
        assert_ptr_not_equal(vp, dead);
        expect_gone(dead);
    }
    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 15, NULL, &vp), HVEMU_OK);
    assert_ptr_equal(vp, dead);
}

static void the_vp_of_a_root_makes_calls_too(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_x64_frame frame = fake_frame64(0x10000 | CLEAR, vmm->guest, 0);
    struct hvemu_vp *vp;

    assert_result(hvemu_vp_attach(vmm->hv, vmm->root, 0, NULL, &vp), HVEMU_OK);
    fake_enable_hypercalls(vp);
    assert_action(hvemu_x64_hypercall(vp, &frame), HVEMU_STEP);
    assert_u64(frame.rax, 0x14);
}

static void detach_refuses_null_and_a_dead_vp(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_result(hvemu_vp_detach(NULL), HVEMU_E_ARGUMENT);
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_E_VP);
    assert_u64(hvemu_vp_partition(vmm->vp), 0);
    expect_unlocked(vmm);
    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 0, NULL, &vmm->vp), HVEMU_OK);
    assert_int_equal(hvemu_ext_int_line(vmm->vp), 0);
}

static void vps_are_detached_in_any_order(void **state)
{
    struct fake_vmm *vmm = *state;
    static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}};
    struct hvemu_vp *vps[4], *vp;

    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    for (int o = 0; o < 4; o++) {
        for (uint32_t i = 0; i < 4; i++)
            assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, i, NULL, &vps[i]), HVEMU_OK);
        for (int i = 0; i < 4; i++) {
            assert_result(hvemu_vp_detach(vps[orders[o][i]]), HVEMU_OK);
            for (int k = i + 1; k < 4; k++)
                assert_result(
                    hvemu_vp_attach(vmm->hv, vmm->guest, (uint32_t)orders[o][k], NULL, &vp),
                    HVEMU_E_VP);
        }
    }
    fake_end(vmm, vmm->root, vmm->guest);
}

static struct hvemu_vp *second;
static enum hvemu_result own, others, another;

static void detach_inside(struct fake_vmm *vmm, const struct fake_event *event)
{
    struct hvemu_vp *vp;

    if (event->op != FAKE_GPA_READ)
        return;
    vmm->reenter = NULL;
    own = hvemu_vp_detach(vmm->vp);
    others = hvemu_vp_detach(second);
    another = hvemu_vp_attach(vmm->hv, vmm->guest, 2, NULL, &vp);
}

static void detach_of_the_vp_that_is_in_a_call_is_busy(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_x64_frame frame = fake_frame64(CLEAR, 0x1000, 0);

    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 1, NULL, &second), HVEMU_OK);
    le64enc(vmm->ram + 0x1000, 0x99);
    vmm->reenter = detach_inside;
    assert_action(hvemu_x64_hypercall(vmm->vp, &frame), HVEMU_STEP);
    assert_status(frame.rax, 0x0D);
    assert_result(own, HVEMU_E_BUSY);
    assert_result(others, HVEMU_OK);
    assert_result(another, HVEMU_OK);
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
}

static void detach_works_in_every_state_of_the_partition(void **state)
{
    struct fake_vmm *vmm = *state;

    /* Active: everywhere in this file. A partition with VPs gets no further than finalizing. */
    assert_status(fake_call_on(vmm, vmm->root, 0x42, vmm->guest), 0x78);
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, vmm->guest), 0x00);
}

/* The end. */

static void the_vp_of_a_finalizing_partition_is_gone(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp1;
    uint8_t vector = 0x5A;

    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 1, NULL, &vp1), HVEMU_OK);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, vmm->guest, 7, 0, 0x41), 0);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, vmm->guest), 0x78);
    fake_forget(vmm);
    expect_gone(vmm->vp);
    expect_gone(vp1);
    assert_result(hvemu_ext_int_acknowledge(vmm->vp, &vector), HVEMU_E_PARTITION);
    assert_result(hvemu_ext_int_acknowledge(vp1, &vector), HVEMU_E_VP);
    assert_u64(vector, 0x5A);
    assert_int_equal(vmm->logged, 0); /* guest memory was not touched */
    assert_result(hvemu_vp_detach(vp1), HVEMU_OK);
    expect_gone(vmm->vp);
}

static void a_dead_vp_is_gone_and_never_acts_on_its_successors(void **state)
{
    const struct hvemu_config config = {
        .size = sizeof config, .partitions = 3, .privileges = HV_PRIVILEGE_ALL};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    struct hvemu_vp *dead, *vp1;
    uint64_t child;
    uint8_t vector = 0x5A;

    (void)state;
    fake_add_guest(vmm, HV_PRIVILEGE_ALL);
    dead = vmm->vp;
    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 1, NULL, &vp1), HVEMU_OK);
    assert_result(hvemu_vp_detach(dead), HVEMU_OK);
    expect_gone(dead);
    assert_result(hvemu_vp_detach(vp1), HVEMU_OK);
    fake_end(vmm, vmm->root, vmm->guest);
    expect_gone(dead);
    /* Slot 2 has a new owner, with an external interrupt waiting. */
    assert_u64(fake_child(vmm, vmm->root), 3);
    child = fake_child(vmm, 3);
    assert_u64(child, 0x1000002);
    assert_result(hvemu_vp_attach(vmm->hv, child, 0, NULL, &vmm->vp), HVEMU_OK);
    assert_ptr_not_equal(vmm->vp, dead);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, 3, child, 7, 0, 0x41), 0x00);
    fake_forget(vmm);
    expect_gone(dead);
    assert_true(hvemu_ext_int_acknowledge(dead, &vector) != HVEMU_OK);
    assert_u64(vector, 0x5A);
    assert_int_equal(vmm->logged, 0);
    assert_int_equal(hvemu_ext_int_line(vmm->vp), 1);
    assert_result(hvemu_ext_int_acknowledge(vmm->vp, &vector), HVEMU_OK);
    assert_u64(vector, 0x41);
    fake_free(vmm);
}

/* White box: the handle's partition has died under it, as only a bug of the VMM's could bring
 * about; the ID in the VP is the second line of defence. */
static void a_vp_that_names_an_old_generation_is_gone(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .partitions = 2};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    struct hvemu_vp old = {0};
    uint8_t vector = 0x5A;

    (void)state;
    fake_add_guest(vmm, HV_PRIVILEGE_ALL);
    memcpy(&old, vmm->vp, sizeof old);
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    fake_end(vmm, vmm->root, vmm->guest);
    expect_gone(&old);
    fake_add_guest(vmm, HV_PRIVILEGE_ALL);
    assert_u64(vmm->guest, 0x1000002);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, vmm->guest, 7, 0, 0x41), 0);
    expect_gone(&old);
    assert_result(hvemu_ext_int_acknowledge(&old, &vector), HVEMU_E_PARTITION);
    assert_u64(vector, 0x5A);
    assert_int_equal(hvemu_ext_int_line(vmm->vp), 1);
    fake_free(vmm);
}

static void a_vps_scratch_is_zeroed_before_another_has_it(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .vps = 1};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    struct hvemu_x64_frame frame = fake_frame64(0x94, 0x1000, 0);
    struct hvemu_vp *vp;
    uint64_t other;

    (void)state;
    fake_add_guest(vmm, HV_PRIVILEGE_ALL);
    memset(vmm->ram + 0x1000, 0x77, 0x20);
    assert_action(hvemu_x64_hypercall(vmm->vp, &frame), HVEMU_STEP);
    assert_status(frame.rax, 0x0D);
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    other = fake_child(vmm, vmm->root);
    assert_result(hvemu_vp_attach(vmm->hv, other, 0, NULL, &vp), HVEMU_OK);
    for (size_t i = 0; i < HVEMU__LIST_MAX; i++) {
        assert_int_equal(vp->in[i], 0);
        assert_int_equal(vp->out[i], 0);
    }
    fake_free(vmm);
}

/* By call. */

enum { CREATE_VP = 0x4E, DELETE_VP, START_VP = 0x99, INDEX_OF_APIC_ID };

/* A default configuration with a VP of the root's to call from, and the Hv functions as the
 * root. */
static struct hvemu_vp *by_root;
static struct hvemu_caller as_root;

static int setup_calls(void **state)
{
    struct fake_vmm *vmm;

    fake_setup(state);
    vmm = *state;
    by_root = attached(vmm, vmm->root, 0);
    as_root = (struct hvemu_caller){.hv = vmm->hv, .partition = vmm->root};
    hvemu_attach(&as_root);
    return 0;
}

static int teardown_calls(void **state)
{
    hvemu_attach(NULL);
    return fake_teardown(state);
}

static uint64_t create_by(enum way way, struct fake_vmm *vmm, const uint8_t in[40])
{
    return call_by(way, vmm, by_root, CREATE_VP, in, 40, NULL, 0);
}

/* Nothing of VP `index` is there, and nothing was spent on it. */
static void expect_no_vp(struct fake_vmm *vmm, uint64_t id, uint32_t index, uint64_t pages)
{
    assert_null(vp_of(vmm, id, index));
    assert_status(delete_vp(vmm, vmm->root, id, index), 0x0E);
    assert_u64(balance(vmm, id), pages);
    expect_unlocked(vmm);
}

static void create_vp_answers_each_status(void **state)
{
    static const uint32_t beyond[] = {16, 17, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF};
    struct fake_vmm *vmm = *state;
    uint8_t in[40] = {0};

    for (enum way way = FROM_C; way < WAYS; way++) {
        le64enc(in, vmm->guest);
        fake_forget(vmm);
        for (size_t i = 0; i < COUNT(beyond); i++) {
            le32enc(in + 8, beyond[i]);
            assert_u64(create_by(way, vmm, in), 0x0E);
        }
        le32enc(in + 8, 0); /* attached */
        assert_u64(create_by(way, vmm, in), 0x0E);
        le32enc(in + 8, 15);
        for (unsigned bit = 0; bit < 24; bit++) { /* reserved */
            in[12 + bit / 8] = (uint8_t)(1 << bit % 8);
            assert_u64(create_by(way, vmm, in), 0x05);
            in[12 + bit / 8] = 0;
        }
        for (unsigned bit = 0; bit < 64; bit++) { /* flags */
            le64enc(in + 32, (uint64_t)1 << bit);
            assert_u64(create_by(way, vmm, in), 0x05);
        }
        le64enc(in + 32, 0);
        for (unsigned bit = 1; bit < 31; bit++) { /* flags of the proximity domain */
            le32enc(in + 28, (uint32_t)1 << bit);
            assert_u64(create_by(way, vmm, in), 0x05);
        }
        le32enc(in + 28, 0x80000000);
        le32enc(in + 24, 64);
        assert_u64(create_by(way, vmm, in), 0x05);
        le32enc(in + 24, 0xFFFFFFFF);
        assert_u64(create_by(way, vmm, in), 0x05);
        assert_int_equal(vmm->logged, way == IN_MEMORY ? vmm->count[FAKE_GPA_READ] : 0);
        expect_no_vp(vmm, vmm->guest, 15, 0);
        le32enc(in + 24, 63);
        assert_u64(create_by(way, vmm, in), 0x00);
        assert_u64(create_by(way, vmm, in), 0x0E); /* created */
        assert_status(delete_vp(vmm, vmm->root, vmm->guest, 15), 0x00);
        le32enc(in + 28, 1); /* a domain that is not valid may be any */
        le32enc(in + 24, 0xFFFFFFFF);
        assert_u64(create_by(way, vmm, in), 0x00);
        assert_status(delete_vp(vmm, vmm->root, vmm->guest, 15), 0x00);
        le64enc(in + 24, 0);
    }
}

static void create_vp_passes_on_what_the_op_says(void **state)
{
    static const uint16_t answers[] = {0x05, 0x08, 0x0B, 0x1D, 0x71, 0x78};
    struct fake_vmm *vmm = *state;
    uint8_t in[40] = {0};

    le64enc(in, vmm->guest);
    in[8] = 7;
    for (enum way way = FROM_C; way < WAYS; way++)
        for (size_t i = 0; i < COUNT(answers); i++) {
            fake_fail(vmm, FAKE_VP, 0, answers[i]);
            assert_u64(create_by(way, vmm, in), answers[i]);
            expect_no_vp(vmm, vmm->guest, 7, 0);
        }
}

static void create_vp_tells_the_op_all_that_was_asked_for(void **state)
{
    struct fake_vmm *vmm = *state;
    uint8_t in[40] = {0};
    struct hvemu_vp *vp;
    int mine;

    le64enc(in, vmm->guest);
    in[8] = 3;
    in[15] = 0xC7; /* subnode type and ID: any */
    memset(in + 16, 0xD8, 8);
    le32enc(in + 24, 0x21);
    le32enc(in + 28, 0x80000001);
    vmm->vp_ctx = &mine;
    fake_forget(vmm);
    assert_u64(create_by(FROM_C, vmm, in), 0x00);
    assert_memory_equal(vmm->block, in, sizeof in);
    assert_int_equal(vmm->logged, 1);
    assert_u64(vmm->log[0].gpa, HVEMU_VP_CREATED);
    assert_u64(vmm->log[0].partition, vmm->guest); /* hvemu_vp_partition() in the op */
    assert_u64(vmm->log[0].destination, 3);
    assert_ptr_equal(vmm->log[0].ctx, vmm);
    vp = vp_of(vmm, vmm->guest, 3);
    assert_ptr_equal(hvemu_vp_context(vp), &mine);
    assert_int_equal(hvemu_vp_suspended(vp), HVEMU_SUSPENDED_EXPLICIT);
    vmm->vp_ctx = NULL;
    assert_status(create_vp(vmm, vmm->root, vmm->guest, 4), 0x00);
    assert_null(hvemu_vp_context(vp_of(vmm, vmm->guest, 4)));
    /* Subnode and proximity of the wrapper interface. */
    const HV_PROXIMITY_DOMAIN_INFO there = {.Id = 5, .Flags.AsUINT32 = 0x80000000};
    memset(in + 8, 0, 32);
    in[8] = 5;
    in[24] = 5;
    in[31] = 0x80;
    assert_status(HvCreateVp(vmm->guest, there, 5, 0), 0x00);
    assert_memory_equal(vmm->block, in, sizeof in);
    assert_status(HvCreateVp(vmm->guest, there, 6, 1), 0x05);
    assert_status(HvCreateVp(vmm->guest, there, 5, 0), 0x0E);
    assert_status(HvDeleteVp(vmm->guest, 5), 0x00);
    assert_status(HvDeleteVp(vmm->guest, 5), 0x0E);
}

static struct hvemu_vp *refused;

static uint16_t refuse_vp(void *ctx, struct hvemu_vp *vp, uint32_t event, const void *block,
                          void **vp_ctx)
{
    (void)ctx, (void)event, (void)block;
    assert_int_equal(hvemu_vp_suspended(vp), HVEMU_SUSPENDED_EXPLICIT);
    assert_null(*vp_ctx);
    *vp_ctx = vp;
    refused = vp;
    return 0x08;
}

static void a_vp_whose_creation_was_prevented_never_lives(void **state)
{
    struct hvemu_ops ops = fake_ops;
    struct fake_vmm *vmm;
    uint64_t child;

    (void)state;
    ops.vp = refuse_vp;
    vmm = fake_new(NULL, &ops);
    child = fake_child(vmm, vmm->root);
    assert_status(create_vp(vmm, vmm->root, child, 0), 0x08);
    expect_gone(refused);
    assert_u64(hvemu_vp_partition(refused), 0);
    assert_result(hvemu_vp_detach(refused), HVEMU_E_VP);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, child, 7, 0, 0x41), 0x0E);
    assert_int_equal(partition_of(vmm, child)->rest->vp_count, 0);
    attached(vmm, child, 0);
    assert_status(fake_call_on(vmm, vmm->root, 0x56, child), 0x14);
    fake_free(vmm);
}

static void vps_of_all_and_of_each_partition_are_limited(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .vps = 5, .vps_each = 3};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    const uint64_t a = fake_child(vmm, vmm->root), b = fake_child(vmm, vmm->root);
    struct hvemu_vp *vp = NULL;

    (void)state;
    for (int round = 0; round < 8; round++) {
        for (uint32_t i = 0; i < 3; i++)
            assert_status(create_vp(vmm, vmm->root, a, i), 0x00);
        assert_status(create_vp(vmm, vmm->root, a, 3), 0x1D); /* vps_each */
        assert_result(hvemu_vp_attach(vmm->hv, a, 3, NULL, &vp), HVEMU_E_SPACE);
        attached(vmm, b, 4);
        assert_status(create_vp(vmm, vmm->root, b, 1), 0x00);
        assert_status(create_vp(vmm, vmm->root, b, 2), 0x1D); /* vps */
        assert_int_equal(vmm->count[FAKE_VP], 4);
        expect_no_vp(vmm, a, 3, 0);
        expect_no_vp(vmm, b, 2, 0);
        for (uint32_t i = 0; i < 3; i++)
            assert_status(delete_vp(vmm, vmm->root, a, (i + (uint32_t)round) % 3), 0x00);
        assert_status(delete_vp(vmm, vmm->root, b, 1), 0x00);
        assert_result(hvemu_vp_detach(vp_of(vmm, b, 4)), HVEMU_OK);
        fake_forget(vmm);
    }
    fake_free(vmm);
}

static void a_created_vp_is_paid_for_until_its_end(void **state)
{
    const struct hvemu_config config = {.size = sizeof config,
                                        .vps = 4,
                                        .pages = 64,
                                        .vp_cost = 10,
                                        .initialize_cost = HVEMU_NO_COST,
                                        .create_cost = HVEMU_NO_COST};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    const uint64_t id = fake_child(vmm, vmm->root);

    (void)state;
    deposit(vmm, id, 0x100, 9);
    assert_status(create_vp(vmm, vmm->root, id, 0), 0x0B);
    assert_int_equal(vmm->count[FAKE_VP], 0);
    expect_no_vp(vmm, id, 0, 9);
    attached(vmm, id, 1); /* costs nothing */
    deposit(vmm, id, 0x200, 16);
    fake_fail(vmm, FAKE_VP, 0, 0x08);
    assert_status(create_vp(vmm, vmm->root, id, 0), 0x08);
    expect_no_vp(vmm, id, 0, 25);
    assert_status(create_vp(vmm, vmm->root, id, 0), 0x00);
    assert_status(create_vp(vmm, vmm->root, id, 2), 0x00);
    assert_u64(balance(vmm, id), (uint64_t)20 << 32 | 5);
    assert_status(create_vp(vmm, vmm->root, id, 3), 0x0B);
    fake_fail(vmm, FAKE_VP, 0, 0x78);
    assert_status(delete_vp(vmm, vmm->root, id, 0), 0x78);
    assert_u64(balance(vmm, id), (uint64_t)20 << 32 | 5);
    assert_status(delete_vp(vmm, vmm->root, id, 0), 0x00);
    assert_u64(balance(vmm, id), (uint64_t)10 << 32 | 15);
    assert_result(hvemu_vp_detach(vp_of(vmm, id, 1)), HVEMU_OK);
    assert_u64(balance(vmm, id), (uint64_t)10 << 32 | 15);
    assert_status(create_vp(vmm, vmm->root, id, 1), 0x00);
    assert_u64(balance(vmm, id), (uint64_t)20 << 32 | 5);
    assert_result(hvemu_vp_detach(vp_of(vmm, id, 1)), HVEMU_OK); /* created or not */
    assert_u64(balance(vmm, id), (uint64_t)10 << 32 | 15);
    for (uint32_t i = 0; i < 4; i++) /* in the room of those that were created, at no price */
        if (i != 2)
            attached(vmm, id, i);
    for (uint32_t i = 0; i < 4; i++)
        if (i != 2)
            assert_result(hvemu_vp_detach(vp_of(vmm, id, i)), HVEMU_OK);
    assert_u64(balance(vmm, id), (uint64_t)10 << 32 | 15);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, id), 0x00); /* ends VP 2 */
    assert_u64(balance(vmm, id), 25);
    fake_free(vmm);
}

static void created_vp_serves_like_an_attached_one(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t id = fake_child(vmm, vmm->root);
    struct hvemu_x64_frame frame = fake_frame64(0x10000 | CLEAR, 0x99, 0);
    struct hvemu_vp *vp, *vp3;
    uint64_t value = 0;
    uint8_t vector = 0;

    for (uint32_t i = 0; i < 4; i += 3)
        assert_status(create_vp(vmm, vmm->root, id, i), 0x00);
    vp = vp_of(vmm, id, 0);
    vp3 = vp_of(vmm, id, 3);
    assert_u64(hvemu_vp_partition(vp3), id);
    assert_u64(hvemu_vp_index(vp3), 3);
    fake_enable_hypercalls(vp3);
    assert_action(hvemu_x64_hypercall(vp3, &frame), HVEMU_STEP);
    assert_status(frame.rax, 0x0D);
    frame = fake_frame64(CLEAR, 0x1000, 0);
    le64enc(vmm->ram + 0x1000, id);
    assert_action(hvemu_x64_hypercall(vp, &frame), HVEMU_STEP);
    assert_status(frame.rax, 0x06);
    assert_action(hvemu_x64_rdmsr(vp3, 0x40000002, &value), HVEMU_STEP);
    assert_u64(value, 3);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, id, 7, 0, 0x41), 0x00);
    assert_int_equal(hvemu_ext_int_line(vp), 1);
    assert_int_equal(hvemu_ext_int_line(vp3), 0);
    assert_result(hvemu_ext_int_acknowledge(vp, &vector), HVEMU_OK);
    assert_u64(vector, 0x41);
    assert_status(hvemu_clear_virtual_interrupt(vmm->hv, vmm->root, id), 0x00);
    assert_status(delete_vp(vmm, vmm->root, id, 3), 0x00);
    expect_gone(vp3);
    assert_u64(hvemu_vp_partition(vp3), 0);
    assert_status(delete_vp(vmm, vmm->root, id, 0), 0x00);
    expect_gone(vp);
    assert_result(hvemu_vp_detach(vp), HVEMU_E_VP);
}

static void from_the_first_created_vp_on_the_calls_stay_as_they_are(void **state)
{
    struct fake_vmm *vmm = fake_new(NULL, NULL);
    const uint64_t id = fake_child(vmm, vmm->root);

    (void)state;
    fake_fail(vmm, FAKE_VP, 0, 0x08);
    assert_status(create_vp(vmm, vmm->root, id, 0), 0x08);
    assert_result(hvemu_unregister(vmm->hv, 0x55), HVEMU_OK);
    assert_status(create_vp(vmm, vmm->root, id, 0), 0x00);
    assert_result(hvemu_unregister(vmm->hv, 0x94), HVEMU_E_BUSY);
    fake_free(vmm);
}

static void delete_vp_answers_each_status(void **state)
{
    static const uint32_t nobody[] = {1, 4, 16, 0xFFFFFFFE, 0xFFFFFFFF};
    static const uint16_t answers[] = {0x78, 0x08, 0x19};
    struct fake_vmm *vmm = *state;
    uint8_t in[16] = {0};
    struct hvemu_vp *vp;

    for (enum way way = FROM_C; way < WAYS; way++) {
        assert_status(create_vp(vmm, vmm->root, vmm->guest, 3), 0x00);
        vp = vp_of(vmm, vmm->guest, 3);
        fake_forget(vmm);
        le64enc(in, vmm->guest);
        for (size_t i = 0; i < COUNT(nobody); i++) {
            le32enc(in + 8, nobody[i]);
            assert_u64(call_by(way, vmm, by_root, DELETE_VP, in, 16, NULL, 0), 0x0E);
        }
        assert_int_equal(vmm->count[FAKE_VP], 0);
        le32enc(in + 8, 3);
        for (size_t i = 0; i < COUNT(answers); i++) {
            fake_fail(vmm, FAKE_VP, 0, answers[i]);
            assert_u64(call_by(way, vmm, by_root, DELETE_VP, in, 16, NULL, 0), answers[i]);
            assert_ptr_equal(vp_of(vmm, vmm->guest, 3), vp);
            assert_u64(hvemu_vp_partition(vp), vmm->guest);
        }
        assert_u64(call_by(way, vmm, by_root, DELETE_VP, in, 16, NULL, 0), 0x00);
        assert_u64(call_by(way, vmm, by_root, DELETE_VP, in, 16, NULL, 0), 0x0E);
        assert_int_equal(vmm->count[FAKE_VP], 4);
        assert_u64(vmm->log[vmm->logged - 1 - (way == IN_MEMORY)].gpa, HVEMU_VP_DELETED);
    }
}

static void attached_vp_is_not_its_parents_to_delete(void **state)
{
    struct fake_vmm *vmm = *state;

    fake_forget(vmm);
    assert_status(delete_vp(vmm, vmm->root, vmm->guest, 0), 0x08);
    assert_int_equal(vmm->logged, 0);
    assert_u64(hvemu_vp_partition(vmm->vp), vmm->guest);
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    assert_status(create_vp(vmm, vmm->root, vmm->guest, 0), 0x00); /* its place is free */
    /* A place that was a created VP's is attached, and is not its parent's any more. */
    for (uint32_t i = 1; i < 16; i++)
        attached(vmm, vmm->guest, i);
    assert_status(delete_vp(vmm, vmm->root, vmm->guest, 0), 0x00);
    attached(vmm, vmm->guest, 0);
    assert_status(delete_vp(vmm, vmm->root, vmm->guest, 0), 0x08);
}

static uint16_t inner_delete;

static void delete_inside(struct fake_vmm *vmm, const struct fake_event *event)
{
    if (event->op != FAKE_GPA_READ)
        return;
    vmm->reenter = NULL;
    inner_delete = delete_vp(vmm, vmm->root, event->partition, 1);
}

/* White box: an op may not call so; it stands for another thread. */
static void a_vp_in_a_call_is_not_deleted_yet(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t id = fake_child(vmm, vmm->root);
    struct hvemu_call call = {.control = CLEAR, .in_gpa = 0x1000};
    struct hvemu_vp *vp;

    assert_status(create_vp(vmm, vmm->root, id, 1), 0x00);
    vp = vp_of(vmm, id, 1);
    fake_forget(vmm);
    vmm->reenter = delete_inside;
    assert_action(hvemu_execute(vp, &call), HVEMU_STEP);
    assert_status(inner_delete, 0x78);
    assert_int_equal(vmm->count[FAKE_VP], 0);
    assert_ptr_equal(vp_of(vmm, id, 1), vp);
    assert_status(delete_vp(vmm, vmm->root, id, 1), 0x00);
}

/* The request dies with the processor that had it (virtual interrupts: the whole table of states is
 * in test_ext_int.c). */
static void the_external_interrupt_goes_with_vp_0(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t id = fake_child(vmm, vmm->root);
    uint8_t vector;

    for (int acknowledged = 0; acknowledged < 2; acknowledged++) {
        assert_status(create_vp(vmm, vmm->root, id, 1), 0x00);
        assert_status(create_vp(vmm, vmm->root, id, 0), 0x00);
        assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, id, 7, 0, 0x41), 0x00);
        if (acknowledged)
            assert_result(hvemu_ext_int_acknowledge(vp_of(vmm, id, 0), &vector), HVEMU_OK);
        assert_status(delete_vp(vmm, vmm->root, id, 1), 0x00); /* not with another */
        assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, id, 7, 0, 0x42),
                      acknowledged ? 0x16 : 0x00);
        fake_fail(vmm, FAKE_VP, 0, 0x78); /* nor before it does */
        assert_status(delete_vp(vmm, vmm->root, id, 0), 0x78);
        assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, id, 7, 0, 0x43),
                      acknowledged ? 0x16 : 0x00);
        assert_status(delete_vp(vmm, vmm->root, id, 0), 0x00);
        assert_status(hvemu_clear_virtual_interrupt(vmm->hv, vmm->root, id), 0x14);
        assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, id, 7, 0, 0x44), 0x0E);
        assert_status(create_vp(vmm, vmm->root, id, 0), 0x00);
        assert_int_equal(hvemu_ext_int_line(vp_of(vmm, id, 0)), 0);
        assert_status(hvemu_clear_virtual_interrupt(vmm->hv, vmm->root, id), 0x14);
        assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, id, 7, 0, 0x45), 0x00);
        assert_result(hvemu_ext_int_acknowledge(vp_of(vmm, id, 0), &vector), HVEMU_OK);
        assert_u64(vector, 0x45);
        assert_status(hvemu_clear_virtual_interrupt(vmm->hv, vmm->root, id), 0x00);
        assert_status(delete_vp(vmm, vmm->root, id, 0), 0x00);
    }
}

static void without_a_vp_op_vps_are_made_and_end_unheard(void **state)
{
    struct hvemu_ops ops = fake_ops;
    struct fake_vmm *vmm;
    uint8_t in[240] = {0};
    uint64_t id;

    (void)state;
    ops.vp = NULL;
    vmm = fake_new(NULL, &ops);
    id = fake_child(vmm, vmm->root);
    assert_status(create_vp(vmm, vmm->root, id, 1), 0x00);
    assert_null(hvemu_vp_context(vp_of(vmm, id, 1)));
    le64enc(in, id);
    in[8] = 1;
    assert_status(hvemu_hypercall(vmm->hv, vmm->root, START_VP, in, sizeof in, NULL, 0), 0x00);
    assert_status(delete_vp(vmm, vmm->root, id, 1), 0x00);
    fake_free(vmm);
}

static void attach_and_detach_wait_for_the_partitions_lock(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu__partition *guest = partition_of(vmm, vmm->guest);
    struct hvemu_vp *vp = NULL;

    atomic_store(&guest->rest->lock, 1);
    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 1, NULL, &vp), HVEMU_E_BUSY);
    assert_null(vp);
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_E_BUSY);
    assert_int_equal(guest->rest->vp_count, 1);
    assert_int_equal(atomic_load(&vmm->hv->lock), 0);
    attached(vmm, vmm->root, 1);
    atomic_store(&guest->rest->lock, 0);
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    assert_int_equal(atomic_load(&guest->rest->lock), 0);
}

/* HvCallStartVirtualProcessor. */

static uint64_t start(enum way way, struct fake_vmm *vmm, struct hvemu_vp *by, uint32_t index)
{
    uint8_t in[240];

    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(0xC1 + i);
    le64enc(in, vmm->guest);
    le64enc(in + 8, index);
    return call_by(way, vmm, by, START_VP, in, sizeof in, NULL, 0);
}

static void start_happens_once(void **state)
{
    static const uint16_t answers[] = {0x50, 0x15, 0x71, 0x78};
    struct fake_vmm *vmm = *state;

    for (enum way way = FROM_C; way <= IN_MEMORY; way++) {
        uint8_t want[240];

        for (size_t i = 0; i < sizeof want; i++)
            want[i] = (uint8_t)(0xC1 + i);
        le64enc(want, vmm->guest);
        le64enc(want + 8, 3);
        assert_status(create_vp(vmm, vmm->root, vmm->guest, 3), 0x00);
        for (size_t i = 0; i < COUNT(answers); i++) {
            fake_fail(vmm, FAKE_VP, 0, answers[i]);
            assert_u64(start(way, vmm, by_root, 3), answers[i]);
        }
        fake_forget(vmm);
        assert_u64(start(way, vmm, by_root, 3), 0x00);
        assert_memory_equal(vmm->block, want, sizeof want);
        assert_int_equal(vmm->count[FAKE_VP], 1);
        assert_u64(vmm->log[vmm->logged - 1].gpa, HVEMU_VP_START);
        assert_u64(vmm->log[vmm->logged - 1].destination, 3);
        assert_u64(start(way, vmm, by_root, 3), 0x15);
        assert_u64(start(way, vmm, by_root, 0), 0x15); /* from its birth */
        assert_u64(start(way, vmm, by_root, 4), 0x0E);
        assert_int_equal(vmm->count[FAKE_VP], 1);
        /* Another life, another start; and it remains suspended, which is another matter. */
        assert_int_equal(hvemu_vp_suspended(vp_of(vmm, vmm->guest, 3)), 1);
        assert_status(delete_vp(vmm, vmm->root, vmm->guest, 3), 0x00);
    }
    assert_u64(start(IN_REGISTERS, vmm, by_root, 3), 0x03); /* 240 bytes */
    attached(vmm, vmm->guest, 5); /* an attached one is started too, by itself or its parent */
    assert_u64(start(IN_MEMORY, vmm, vmm->vp, 5), 0x00);
    assert_u64(start(IN_MEMORY, vmm, vmm->vp, 5), 0x15);
    assert_status(create_vp(vmm, vmm->root, vmm->guest, 3), 0x00);
    assert_u64(start(FROM_C, vmm, by_root, 3), 0x00);
}

static void reset_lets_processors_be_started_again(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_status(create_vp(vmm, vmm->root, vmm->guest, 3), 0x00);
    assert_u64(start(FROM_C, vmm, by_root, 3), 0x00);
    assert_true(hvemu__try_lock(&partition_of(vmm, vmm->guest)->rest->lock));
    assert_result(hvemu_reset(vmm->hv, vmm->guest), HVEMU_E_BUSY);
    hvemu__unlock(&partition_of(vmm, vmm->guest)->rest->lock);
    assert_u64(start(FROM_C, vmm, by_root, 3), 0x15);
    assert_result(hvemu_reset(vmm->hv, vmm->guest), HVEMU_OK);
    assert_u64(start(FROM_C, vmm, by_root, 0), 0x15);
    assert_u64(start(FROM_C, vmm, by_root, 3), 0x00);
    assert_u64(start(FROM_C, vmm, by_root, 3), 0x15);
}

static void a_created_vp_0_is_started_from_its_birth(void **state)
{
    struct fake_vmm *vmm = *state;
    uint8_t in[240] = {0};

    le64enc(in, fake_child(vmm, vmm->root));
    assert_status(create_vp(vmm, vmm->root, le64dec(in), 0), 0x00);
    assert_status(hvemu_hypercall(vmm->hv, vmm->root, START_VP, in, sizeof in, NULL, 0), 0x15);
}

/* VP SELF is the VP that calls, which from C is none. */
static void a_vp_starts_itself_only_if_it_was_not(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp = attached(vmm, vmm->guest, 2);

    assert_u64(start(IN_MEMORY, vmm, vmm->vp, 0xFFFFFFFE), 0x15);
    assert_u64(start(IN_MEMORY, vmm, vp, 0xFFFFFFFE), 0x00);
    assert_u64(start(IN_MEMORY, vmm, vp, 2), 0x15);
    assert_u64(start(FROM_C, vmm, vp, 0xFFFFFFFE), 0x0E);
    assert_u64(start(IN_MEMORY, vmm, by_root, 0xFFFFFFFE), 0x0E);
}

/* HvCallGetVpIndexFromApicId. */

static void apic_id_is_the_index(void **state)
{
    struct fake_vmm *vmm = *state;
    uint8_t in[16 + 5 * 4] = {0}, out[5 * 4];

    attached(vmm, vmm->guest, 2);
    assert_status(create_vp(vmm, vmm->root, vmm->guest, 9), 0x00);
    le64enc(in, vmm->guest);
    const uint32_t known[] = {9, 0, 2, 9, 0};
    for (enum way way = FROM_C; way < WAYS; way++) {
        for (uint32_t i = 0; i < 5; i++)
            le32enc(in + 16 + 4 * i, known[i]);
        memset(out, 0x5A, sizeof out);
        assert_u64(call_by(way, vmm, by_root, REPS(INDEX_OF_APIC_ID, 5), in, sizeof in, out, 20),
                   (uint64_t)5 << 32);
        for (uint32_t i = 0; i < 5; i++)
            assert_u64(le32dec(out + 4 * i), known[i]);
        for (unsigned bad = 0; bad < 5; bad++) {
            static const uint32_t nobodys[] = {1, 10, 0x100, 0xFFFFFFFE, 0xFFFFFFFF};

            for (uint32_t i = 0; i < 5; i++)
                le32enc(in + 16 + 4 * i, i == bad ? nobodys[i] : known[i]);
            memset(out, 0x5A, sizeof out);
            assert_u64(
                call_by(way, vmm, by_root, REPS(INDEX_OF_APIC_ID, 5), in, sizeof in, out, 20),
                (uint64_t)bad << 32 | 0x05);
            for (uint32_t i = 0; i < bad; i++)
                assert_u64(le32dec(out + 4 * i), known[i]);
            /* In registers whole 16 bytes are written, the last of them filled with zeros. */
            for (uint32_t i = way == IN_REGISTERS ? (bad + 3) / 4 * 4 : bad; i < 5; i++)
                assert_u64(le32dec(out + 4 * i), 0x5A5A5A5A);
        }
    }
}

/* Trust levels. */

static void trust_levels_are_refused(void **state)
{
    /* Where the level lies, whether it is an HV_INPUT_VTL, how many reserved bytes follow. */
    static const struct {
        uint16_t code, reps, in, out, at, input_vtl, zeros;
    } calls[] = {
        {0x50, 1, 20, 16, 12, 1, 3},
        {0x51, 1, 48, 0, 12, 1, 3},
        {START_VP, 0, 240, 0, 12, 0, 3},
        {INDEX_OF_APIC_ID, 1, 20, 4, 8, 1, 0},
    };
    struct fake_vmm *vmm = *state;

    attached(vmm, vmm->guest, 1);
    for (size_t i = 0; i < COUNT(calls); i++)
        for (enum way way = FROM_C; way < WAYS; way++) {
            uint8_t in[240] = {0}, out[16];
            const uint64_t control = REPS(calls[i].code, calls[i].reps);

            if (!goes(way, calls[i].in, calls[i].out))
                continue;
            le64enc(in, vmm->guest);
            in[8] = calls[i].at == 12;
            for (unsigned vtl = 0; vtl < 256; vtl++) {
                const uint16_t want = calls[i].input_vtl ? vtl & 0xE0   ? 0x05
                                                           : vtl > 0x10 ? 0x51
                                                                        : 0x00
                                      : vtl > 15         ? 0x05
                                      : vtl              ? 0x51
                                                         : 0x00;

                in[calls[i].at] = (uint8_t)vtl;
                memset(out, 0x5A, sizeof out);
                assert_status(
                    call_by(way, vmm, by_root, control, in, calls[i].in, out, calls[i].out), want);
                if (want)
                    assert_int_equal(out[0], 0x5A);
                vp_of(vmm, vmm->guest, 1)->started = 0;
            }
            in[calls[i].at] = 0;
            for (unsigned bit = 0; bit < 8u * calls[i].zeros; bit++) {
                const unsigned byte = calls[i].at + 1 + bit / 8;

                in[byte] = (uint8_t)(1 << bit % 8);
                assert_status(
                    call_by(way, vmm, by_root, control, in, calls[i].in, out, calls[i].out), 0x05);
                in[byte] = 0;
            }
        }
}

int main(void)
{
#define WITH_GUEST(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
#define WITH_ROOT(test)  cmocka_unit_test_setup_teardown(test, setup_calls, teardown_calls)
    const struct CMUnitTest tests[] = {
        WITH_GUEST(attach_gives_what_can_be_asked_for),
        WITH_GUEST(attach_refuses_null_and_an_index_out_of_range),
        WITH_GUEST(attach_refuses_a_taken_index),
        WITH_GUEST(attach_refuses_a_partition_that_is_not_active),
        cmocka_unit_test(vps_used_up_are_told_and_come_back),
        WITH_GUEST(a_dead_vps_memory_is_the_last_to_serve_again),
        WITH_GUEST(the_vp_of_a_root_makes_calls_too),
        WITH_GUEST(detach_refuses_null_and_a_dead_vp),
        WITH_GUEST(vps_are_detached_in_any_order),
        WITH_GUEST(detach_of_the_vp_that_is_in_a_call_is_busy),
        WITH_GUEST(detach_works_in_every_state_of_the_partition),
        WITH_GUEST(the_vp_of_a_finalizing_partition_is_gone),
        cmocka_unit_test(a_dead_vp_is_gone_and_never_acts_on_its_successors),
        cmocka_unit_test(a_vp_that_names_an_old_generation_is_gone),
        cmocka_unit_test(a_vps_scratch_is_zeroed_before_another_has_it),
        WITH_ROOT(create_vp_answers_each_status),
        WITH_ROOT(create_vp_passes_on_what_the_op_says),
        WITH_ROOT(create_vp_tells_the_op_all_that_was_asked_for),
        cmocka_unit_test(a_vp_whose_creation_was_prevented_never_lives),
        cmocka_unit_test(vps_of_all_and_of_each_partition_are_limited),
        cmocka_unit_test(a_created_vp_is_paid_for_until_its_end),
        WITH_ROOT(created_vp_serves_like_an_attached_one),
        cmocka_unit_test(from_the_first_created_vp_on_the_calls_stay_as_they_are),
        WITH_ROOT(delete_vp_answers_each_status),
        WITH_GUEST(attached_vp_is_not_its_parents_to_delete),
        WITH_ROOT(a_vp_in_a_call_is_not_deleted_yet),
        WITH_ROOT(the_external_interrupt_goes_with_vp_0),
        cmocka_unit_test(without_a_vp_op_vps_are_made_and_end_unheard),
        WITH_GUEST(attach_and_detach_wait_for_the_partitions_lock),
        WITH_ROOT(start_happens_once),
        WITH_ROOT(a_created_vp_0_is_started_from_its_birth),
        WITH_ROOT(reset_lets_processors_be_started_again),
        WITH_ROOT(a_vp_starts_itself_only_if_it_was_not),
        WITH_ROOT(apic_id_is_the_index),
        WITH_ROOT(trust_levels_are_refused),
    };

    return cmocka_run_group_tests_name("vp", tests, NULL, NULL);
}
