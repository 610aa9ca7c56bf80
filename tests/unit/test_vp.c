/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Virtual processors: attach and detach, their limits, and what a VP whose partition or whose own
 * life has ended can still do: nothing. */

#include "fake_vmm.h"
#include "internal.h"

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
    for (size_t i = 0; i < vmm->hv->scratch_bytes; i++) {
        assert_int_equal(vp->in[i], 0);
        assert_int_equal(vp->out[i], 0);
    }
    fake_free(vmm);
}

int main(void)
{
#define WITH_GUEST(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
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
    };

    return cmocka_run_group_tests_name("vp", tests, NULL, NULL);
}
