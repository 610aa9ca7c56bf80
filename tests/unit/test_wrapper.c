/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The TLFS' own functions, HvClearVirtualInterrupt() and its siblings: every status of each, for a
 * thread that is attached, to nobody, or to a partition that has died. */

#include "fake_vmm.h"

#include <pthread.h>
#include <string.h>

static const HV_INTERRUPT_CONTROL ext_int = {.AsUINT64 = 7};
static const HV_PROXIMITY_DOMAIN_INFO anywhere;

static struct hvemu_caller as_root, as_guest;

static int setup(void **state)
{
    struct fake_vmm *vmm;

    fake_setup(state);
    vmm = *state;
    as_root = (struct hvemu_caller){.hv = vmm->hv, .partition = vmm->root};
    as_guest = (struct hvemu_caller){.hv = vmm->hv, .partition = vmm->guest};
    hvemu_attach(&as_root);
    return 0;
}

static int teardown(void **state)
{
    hvemu_attach(NULL);
    return fake_teardown(state);
}

static void expect_all_denied(uint64_t id)
{
    HV_PARTITION_ID made = 0x5A5A;

    assert_status(HvCreatePartition(0, anywhere, &made), 0x06);
    assert_status(HvInitializePartition(id), 0x06);
    assert_status(HvFinalizePartition(id), 0x06);
    assert_status(HvDeletePartition(id), 0x06);
    assert_status(HvGetPartitionId(&made), 0x06);
    assert_status(HvAssertVirtualInterrupt(id, ext_int, 0, 0x41), 0x06);
    assert_status(HvClearVirtualInterrupt(id), 0x06);
    assert_u64(made, 0x5A5A);
}

static void an_unattached_thread_is_denied(void **state)
{
    struct fake_vmm *vmm = *state;

    hvemu_attach(NULL);
    expect_all_denied(vmm->guest);
    expect_all_denied(0);
    hvemu_attach(&as_root);
    assert_status(HvClearVirtualInterrupt(vmm->guest), 0x14);
}

static void attaching_gives_the_previous_caller(void **state)
{
    (void)state;
    assert_ptr_equal(hvemu_current_caller(), &as_root);
    assert_ptr_equal(hvemu_attach(&as_guest), &as_root);
    assert_ptr_equal(hvemu_current_caller(), &as_guest);
    assert_ptr_equal(hvemu_attach(&as_guest), &as_guest);
    assert_ptr_equal(hvemu_attach(NULL), &as_guest);
    assert_null(hvemu_current_caller());
    assert_null(hvemu_attach(NULL));
    assert_null(hvemu_attach(&as_root));
}

static void calls_act_for_the_partition_attached_to(void **state)
{
    struct fake_vmm *vmm = *state;
    HV_PARTITION_ID id = 0;

    assert_status(HvGetPartitionId(&id), 0x00);
    assert_u64(id, vmm->root);
    hvemu_attach(&as_guest);
    assert_status(HvGetPartitionId(&id), 0x00);
    assert_u64(id, vmm->guest);
    assert_status(HvClearVirtualInterrupt(vmm->guest), 0x06);
    assert_status(HvClearVirtualInterrupt(HV_PARTITION_ID_SELF), 0x06);
    hvemu_attach(&as_root);
    assert_status(HvClearVirtualInterrupt(vmm->guest), 0x14);
}

static void a_dead_caller_is_denied_and_so_is_its_successors_name(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t poor_parent = fake_child(vmm, vmm->root);
    struct hvemu_caller dead = {.hv = vmm->hv, .partition = poor_parent},
                        wrong = {.hv = NULL, .partition = 1},
                        stranger = {.hv = vmm->hv, .partition = 99},
                        self = {.hv = vmm->hv, .partition = UINT64_MAX},
                        nobody = {.hv = vmm->hv, .partition = 0};
    uint64_t unborn = 0, id;

    hvemu_attach(&dead);
    assert_status(HvGetPartitionId(&id), 0x00);
    fake_fail(vmm, FAKE_PARTITION, 1, 0x78);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, poor_parent), 0x78);
    expect_all_denied(vmm->guest); /* finalizing */
    assert_status(fake_call_on(vmm, vmm->root, 0x42, poor_parent), 0x00);
    expect_all_denied(vmm->guest); /* finalized */
    assert_status(fake_call_on(vmm, vmm->root, 0x43, poor_parent), 0x00);
    expect_all_denied(vmm->guest); /* deleted */
    for (int i = 0; i < 20; i++) { /* until the slot is somebody else's, who has a child */
        id = fake_child(vmm, vmm->root);
        if ((id & 0xFFFFFF) == poor_parent)
            break;
    }
    assert_u64(id, 0x1000000 | poor_parent);
    assert_status(fake_create(vmm, vmm->guest, &unborn), 0x1D); /* no slot is free */
    expect_all_denied(id);
    expect_all_denied(vmm->guest);
    hvemu_attach(&wrong);
    expect_all_denied(vmm->guest);
    hvemu_attach(&stranger);
    expect_all_denied(vmm->guest);
    hvemu_attach(&self);
    expect_all_denied(vmm->guest);
    hvemu_attach(&nobody);
    expect_all_denied(vmm->guest);
}

static void *use_a_thread_of_its_own(void *argument)
{
    struct fake_vmm *vmm = argument;
    static uint16_t statuses[3];

    statuses[0] = HvClearVirtualInterrupt(vmm->guest);
    hvemu_attach(&as_root);
    statuses[1] = HvClearVirtualInterrupt(vmm->guest);
    hvemu_attach(&as_guest);
    statuses[2] = HvClearVirtualInterrupt(vmm->guest);
    return statuses;
}

static void each_thread_is_attached_for_itself(void **state)
{
    struct fake_vmm *vmm = *state;
    pthread_t thread;
    void *result;
    const uint16_t *statuses;

    assert_int_equal(pthread_create(&thread, NULL, use_a_thread_of_its_own, vmm), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    statuses = result;
    assert_status(statuses[0], 0x06);
    assert_status(statuses[1], 0x14);
    assert_status(statuses[2], 0x06);
    assert_ptr_equal(hvemu_attach(&as_root), &as_root);
}

/* Each function, each status. */

static void HvClearVirtualInterrupt_gives_every_status(void **state)
{
    struct fake_vmm *vmm = *state;
    uint64_t unborn = 0, grandchild;
    uint8_t vector;

    assert_status(HvClearVirtualInterrupt(vmm->guest), 0x14);
    assert_status(HvAssertVirtualInterrupt(vmm->guest, ext_int, 0, 0x41), 0x00);
    assert_status(HvClearVirtualInterrupt(vmm->guest), 0x14);
    assert_result(hvemu_ext_int_acknowledge(vmm->vp, &vector), HVEMU_OK);
    assert_status(HvClearVirtualInterrupt(vmm->guest), 0x00);
    assert_status(HvClearVirtualInterrupt(vmm->guest), 0x14);
    assert_status(HvClearVirtualInterrupt(0), 0x0D);
    assert_status(HvClearVirtualInterrupt(99), 0x0D);
    assert_status(HvClearVirtualInterrupt(1), 0x06);
    assert_status(HvClearVirtualInterrupt(UINT64_MAX), 0x06);
    grandchild = fake_child(vmm, vmm->guest);
    assert_status(HvClearVirtualInterrupt(grandchild), 0x06);
    assert_status(fake_create(vmm, vmm->root, &unborn), 0x00);
    assert_status(HvClearVirtualInterrupt(unborn), 0x07);
}

static void HvAssertVirtualInterrupt_gives_every_status(void **state)
{
    struct fake_vmm *vmm = *state;
    HV_INTERRUPT_CONTROL control = ext_int;
    uint64_t unborn = 0;
    uint8_t vector = 0;

    assert_status(HvAssertVirtualInterrupt(vmm->guest, ext_int, 0, 0xFF), 0x00);
    assert_result(hvemu_ext_int_acknowledge(vmm->vp, &vector), HVEMU_OK);
    assert_u64(vector, 0xFF);
    assert_status(HvAssertVirtualInterrupt(vmm->guest, ext_int, 0, 0x41), 0x16);
    assert_status(HvClearVirtualInterrupt(vmm->guest), 0x00);
    assert_status(HvAssertVirtualInterrupt(vmm->guest, ext_int, 0, 0x41), 0x00);
    assert_status(HvAssertVirtualInterrupt(vmm->guest, ext_int, 0, 0xFFFFFFFF), 0x00);
    assert_int_equal(hvemu_ext_int_line(vmm->vp), 0);
    assert_status(HvAssertVirtualInterrupt(vmm->guest, ext_int, 0, 0x100), 0x05);
    assert_status(HvAssertVirtualInterrupt(vmm->guest, ext_int, 1, 0x41), 0x05);
    control.AsUINT64 = 0x400000007;
    assert_status(HvAssertVirtualInterrupt(vmm->guest, control, 0, 0x41), 0x05);
    control.AsUINT64 = 10;
    assert_status(HvAssertVirtualInterrupt(vmm->guest, control, 0, 0), 0x05);
    assert_status(HvAssertVirtualInterrupt(1, ext_int, 0, 0x41), 0x06);
    assert_status(HvAssertVirtualInterrupt(99, ext_int, 0, 0x41), 0x0D);
    assert_status(fake_create(vmm, vmm->root, &unborn), 0x00);
    assert_status(HvAssertVirtualInterrupt(unborn, ext_int, 0, 0x41), 0x07);
    assert_status(fake_call_on(vmm, vmm->root, 0x41, unborn), 0x00);
    assert_status(HvAssertVirtualInterrupt(unborn, ext_int, 0, 0x41), 0x0E);

    fake_forget(vmm);
    control.AsUINT64 = 0x300000001;
    assert_status(HvAssertVirtualInterrupt(vmm->guest, control, 0x80000001, 0x52), 0x00);
    assert_int_equal(vmm->logged, 1);
    assert_u64(vmm->log[0].gpa, 0x300000001);
    assert_u64(vmm->log[0].destination, 0x80000001);
    assert_u64(vmm->log[0].vector, 0x52);
    fake_fail(vmm, FAKE_INTERRUPT, 0, 0x0E);
    assert_status(HvAssertVirtualInterrupt(vmm->guest, control, 0, 0x52), 0x0E);
    fake_fail(vmm, FAKE_INTERRUPT, 0, 0x78);
    assert_status(HvAssertVirtualInterrupt(vmm->guest, control, 0, 0x52), 0x78);
}

static void HvCreatePartition_gives_every_status(void **state)
{
    struct fake_vmm *vmm = *state;
    HV_PROXIMITY_DOMAIN_INFO info = {.Id = 63, .Flags = {.AsUINT32 = 0x80000001}};
    HV_PARTITION_ID id = 0;
    struct hvemu_caller poor = {.hv = vmm->hv, .partition = 0},
                        deep = {.hv = vmm->hv, .partition = 0};

    fake_forget(vmm);
    assert_status(HvCreatePartition(0x0059A713, info, &id), 0x00);
    assert_u64(id, 3);
    assert_u64(vmm->log[0].destination, 0x0059A713);
    id = 0x5A5A;
    assert_status(HvCreatePartition(0x4, anywhere, &id), 0x05);
    info.Id = 64;
    assert_status(HvCreatePartition(0, info, &id), 0x05);
    info = (HV_PROXIMITY_DOMAIN_INFO){.Flags = {.AsUINT32 = 0x2}};
    assert_status(HvCreatePartition(0, info, &id), 0x05);
    fake_fail(vmm, FAKE_PARTITION, 0, 0x0B);
    assert_status(HvCreatePartition(0, anywhere, &id), 0x0B);
    assert_result(hvemu_add_guest(vmm->hv, vmm->root, 0, NULL, &poor.partition), HVEMU_OK);
    hvemu_attach(&poor);
    assert_status(HvCreatePartition(0, anywhere, &id), 0x06);
    deep.partition = fake_child(vmm, vmm->guest);
    hvemu_attach(&deep);
    assert_status(HvCreatePartition(0, anywhere, &id), 0x0C);
    hvemu_attach(&as_root);
    assert_u64(id, 0x5A5A);
    for (uint64_t i = 6; i <= 16; i++) {
        assert_status(HvCreatePartition(0, anywhere, &id), 0x00);
        assert_u64(id, i);
    }
    assert_status(HvCreatePartition(0, anywhere, &id), 0x1D);
}

static void the_life_cycle_functions_give_every_status(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t grandchild = fake_child(vmm, vmm->guest);
    HV_PARTITION_ID id = 0;

    assert_status(HvCreatePartition(0, anywhere, &id), 0x00);
    assert_status(HvFinalizePartition(id), 0x07);
    fake_fail(vmm, FAKE_PARTITION, 0, 0x1D);
    assert_status(HvInitializePartition(id), 0x1D);
    assert_status(HvInitializePartition(id), 0x00);
    assert_status(HvInitializePartition(id), 0x07);
    assert_status(HvDeletePartition(id), 0x07);
    fake_fail(vmm, FAKE_PARTITION, 1, 0x78);
    assert_status(HvFinalizePartition(id), 0x78);
    assert_status(HvFinalizePartition(id), 0x00);
    assert_status(HvFinalizePartition(id), 0x07);
    fake_fail(vmm, FAKE_PARTITION, 0, 0x08);
    assert_status(HvDeletePartition(id), 0x08);
    assert_status(HvDeletePartition(id), 0x00);
    static HV_STATUS (*const functions[])(HV_PARTITION_ID) = {
        HvInitializePartition, HvFinalizePartition, HvDeletePartition};
    for (int i = 0; i < 3; i++) {
        assert_status(functions[i](id), 0x0D);
        assert_status(functions[i](0), 0x0D);
        assert_status(functions[i](99), 0x0D);
        assert_status(functions[i](1), 0x06);
        assert_status(functions[i](UINT64_MAX), 0x06);
        assert_status(functions[i](grandchild), 0x06);
    }
    assert_status(HvFinalizePartition(vmm->guest), 0x08);
}

static uint16_t inside[4];

static void call_inside(struct fake_vmm *vmm, const struct fake_event *event)
{
    HV_PARTITION_ID id = 0;

    if (event->op != FAKE_PARTITION)
        return;
    vmm->reenter = NULL;
    inside[0] = HvCreatePartition(0, anywhere, &id);
    inside[1] = HvFinalizePartition(vmm->guest);
    inside[2] = HvClearVirtualInterrupt(vmm->guest);
    inside[3] = HvGetPartitionId(&id);
}

static void a_life_cycle_function_inside_another_is_to_be_called_again(void **state)
{
    struct fake_vmm *vmm = *state;
    HV_PARTITION_ID id = 0;

    vmm->reenter = call_inside;
    assert_status(HvCreatePartition(0, anywhere, &id), 0x00);
    assert_u64(id, 3);
    assert_status(inside[0], 0x78);
    assert_status(inside[1], 0x78);
    assert_status(inside[2], 0x14);
    assert_status(inside[3], 0x00);
    assert_status(HvCreatePartition(0, anywhere, &id), 0x00);
    assert_u64(id, 4);
}

static void HvGetPartitionId_needs_the_privilege(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_caller caller = {.hv = vmm->hv, .partition = 0};
    HV_PARTITION_ID id = 0x5A5A;

    assert_result(hvemu_add_guest(vmm->hv, 1, ~0x0000000200000000u, NULL, &caller.partition),
                  HVEMU_OK);
    hvemu_attach(&caller);
    assert_status(HvGetPartitionId(&id), 0x06);
    assert_u64(id, 0x5A5A);
    hvemu_attach(&as_root);
    assert_result(hvemu_add_guest(vmm->hv, 1, 0x0000000200000000u, NULL, &caller.partition),
                  HVEMU_OK);
    hvemu_attach(&caller);
    assert_status(HvGetPartitionId(&id), 0x00);
    assert_u64(id, caller.partition);
    assert_status(HvClearVirtualInterrupt(id), 0x06);
}

static void nowhere_to_write_an_id_is_refused_and_makes_nothing(void **state)
{
    struct fake_vmm *vmm = *state;
    HV_PARTITION_ID id = 0;

    fake_forget(vmm);
    assert_status(HvCreatePartition(0, anywhere, NULL), 0x05);
    assert_status(HvGetPartitionId(NULL), 0x05);
    assert_int_equal(vmm->logged, 0);
    assert_status(HvCreatePartition(0, anywhere, &id), 0x00);
    assert_u64(id, 3);
}

int main(void)
{
#define ATTACHED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ATTACHED(an_unattached_thread_is_denied),
        ATTACHED(attaching_gives_the_previous_caller),
        ATTACHED(calls_act_for_the_partition_attached_to),
        ATTACHED(a_dead_caller_is_denied_and_so_is_its_successors_name),
        ATTACHED(each_thread_is_attached_for_itself),
        ATTACHED(HvClearVirtualInterrupt_gives_every_status),
        ATTACHED(HvAssertVirtualInterrupt_gives_every_status),
        ATTACHED(HvCreatePartition_gives_every_status),
        ATTACHED(the_life_cycle_functions_give_every_status),
        ATTACHED(a_life_cycle_function_inside_another_is_to_be_called_again),
        ATTACHED(HvGetPartitionId_needs_the_privilege),
        ATTACHED(nowhere_to_write_an_id_is_refused_and_makes_nothing),
    };

    return cmocka_run_group_tests_name("wrapper", tests, NULL, NULL);
}
