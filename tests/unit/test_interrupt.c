/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* HvAssertVirtualInterrupt from C: its parameters, the types that go to the interrupt op, the two
 * call codes and what their last four bytes mean, and the order of errors. */

#include "fake_vmm.h"

#include <string.h>
#include <sys/endian.h>

#define LEVEL   0x0000000100000000u
#define LOGICAL 0x0000000200000000u
#define NONE    0xFFFFFFFFu

static const uint32_t vectored[] = {0, 1, 6}; /* and ExtInt, which has tests of its own */
static const uint32_t vectorless[] = {2, 3, 4, 5, 8, 9};
#define COUNT(array) (sizeof(array) / sizeof *(array))

static uint16_t interrupt(struct fake_vmm *vmm, uint64_t control, uint64_t address, uint32_t vector)
{
    return hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, vmm->guest, control, address, vector);
}

/* The same by call code, with the block's last four bytes. */
static uint16_t by_code(struct fake_vmm *vmm, uint16_t code, uint64_t control, uint64_t address,
                        uint32_t vector, uint32_t tail)
{
    uint8_t in[32];

    le64enc(in, vmm->guest);
    le64enc(in + 8, control);
    le64enc(in + 16, address);
    le32enc(in + 24, vector);
    le32enc(in + 28, tail);
    return (uint16_t)hvemu_hypercall(vmm->hv, vmm->root, code, in, sizeof in, NULL, 0);
}

static void expect_delivered(struct fake_vmm *vmm, uint64_t control, uint64_t address,
                             uint32_t vector)
{
    assert_status(interrupt(vmm, control, address, vector), 0x00);
    assert_int_equal(vmm->logged, 1);
    assert_int_equal(vmm->log[0].op, FAKE_INTERRUPT);
    assert_ptr_equal(vmm->log[0].ctx, vmm);
    assert_u64(vmm->log[0].partition, vmm->guest);
    assert_u64(vmm->log[0].gpa, control);
    assert_u64(vmm->log[0].destination, address);
    assert_u64(vmm->log[0].vector, vector);
    fake_forget(vmm);
}

static void expect_refused(struct fake_vmm *vmm, uint64_t control, uint64_t address,
                           uint32_t vector)
{
    assert_status(interrupt(vmm, control, address, vector), 0x05);
    assert_int_equal(vmm->logged, 0);
}

static void every_type_with_a_vector_is_delivered_as_given(void **state)
{
    static const uint32_t vectors[] = {0, 1, 15, 16, 0x41, 0xFE, 0xFF};
    struct fake_vmm *vmm = *state;

    for (size_t t = 0; t < COUNT(vectored); t++)
        for (size_t v = 0; v < COUNT(vectors); v++)
            for (uint64_t flags = 0; flags < 4; flags++)
                expect_delivered(vmm, vectored[t] | flags << 32, 3, vectors[v]);
}

static void every_type_without_a_vector_is_delivered_as_given(void **state)
{
    struct fake_vmm *vmm = *state;

    for (size_t t = 0; t < COUNT(vectorless); t++)
        for (uint64_t flags = 0; flags < 4; flags++)
            expect_delivered(vmm, vectorless[t] | flags << 32, 3, 0);
}

static void a_vector_beyond_255_that_is_not_none_is_refused(void **state)
{
    static const uint32_t vectors[] = {0x100,      0x141,      0xFFFF,     0x10041,
                                       0x7FFFFFFF, 0x80000000, 0xFFFFFF00, 0xFFFFFFFE};
    static const uint64_t types[] = {0, 1, 6, 7, LEVEL, LEVEL | 1, LEVEL | 7};
    struct fake_vmm *vmm = *state;

    for (size_t t = 0; t < COUNT(types); t++)
        for (size_t v = 0; v < COUNT(vectors); v++)
            expect_refused(vmm, types[t], 0, vectors[v]);
    assert_int_equal(hvemu_ext_int_line(vmm->vp), 0);
}

static void a_vector_with_a_type_that_has_none_is_refused(void **state)
{
    static const uint32_t vectors[] = {1, 2, 0x41, 0xFF, 0x100, 0xFFFFFFFE, NONE};
    struct fake_vmm *vmm = *state;

    for (size_t t = 0; t < COUNT(vectorless); t++)
        for (size_t v = 0; v < COUNT(vectors); v++) {
            expect_refused(vmm, vectorless[t], 0, vectors[v]);
            expect_refused(vmm, vectorless[t] | LEVEL, 0, vectors[v]);
        }
}

static void types_from_10_on_are_refused(void **state)
{
    static const uint32_t types[] = {10,    11,    15,         16,         0x17,
                                     0x100, 0x107, 0x7FFFFFFF, 0x80000007, 0xFFFFFFFF};
    struct fake_vmm *vmm = *state;

    for (size_t t = 0; t < COUNT(types); t++) {
        expect_refused(vmm, types[t], 0, 0);
        expect_refused(vmm, types[t], 0, 0x41);
        expect_refused(vmm, types[t] | LEVEL, 0, NONE);
    }
    assert_int_equal(hvemu_ext_int_line(vmm->vp), 0);
}

static void each_reserved_control_bit_is_refused(void **state)
{
    struct fake_vmm *vmm = *state;

    for (unsigned bit = 34; bit < 64; bit++)
        for (uint64_t type = 0; type < 10; type++)
            expect_refused(vmm, type | (uint64_t)1 << bit, 0, 0);
    assert_int_equal(hvemu_ext_int_line(vmm->vp), 0);
}

static void withdrawing_a_level_reaches_the_vmm(void **state)
{
    struct fake_vmm *vmm = *state;

    expect_delivered(vmm, LEVEL | 0, 3, NONE);
    expect_delivered(vmm, LEVEL | 1, 3, NONE);
    expect_delivered(vmm, LEVEL | LOGICAL | 1, 3, NONE);
}

static void withdrawing_an_edge_does_nothing_and_succeeds(void **state)
{
    static const uint64_t edges[] = {0, 1, 6, LOGICAL, LOGICAL | 1, LOGICAL | 6, LEVEL | 6};
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < COUNT(edges); i++) {
        assert_status(interrupt(vmm, edges[i], 3, NONE), 0x00);
        assert_int_equal(vmm->logged, 0);
    }
}

static void a_destination_of_32_bits_is_passed_on_and_a_larger_one_refused(void **state)
{
    struct fake_vmm *vmm = *state;

    for (uint32_t type = 0; type < 10; type++) {
        if (type == 7)
            continue;
        expect_delivered(vmm, type, 0, 0);
        expect_delivered(vmm, type | LOGICAL, 0xFFFFFFFF, 0);
        expect_refused(vmm, type, 0x100000000, 0);
        expect_refused(vmm, type, 0xFFFFFFFF00000000, 0);
        expect_refused(vmm, type, UINT64_MAX, 0);
    }
}

static void an_external_interrupt_with_a_destination_is_refused(void **state)
{
    static const uint64_t addresses[] = {1, 0xFF, 0x80000000, 0x100000000, UINT64_MAX};
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < COUNT(addresses); i++) {
        expect_refused(vmm, 7, addresses[i], 0x41);
        expect_refused(vmm, 7, addresses[i], NONE);
    }
    assert_int_equal(hvemu_ext_int_line(vmm->vp), 0);
}

static void trigger_and_destination_mode_of_an_external_interrupt_are_ignored(void **state)
{
    struct fake_vmm *vmm = *state;

    for (uint64_t flags = 0; flags < 4; flags++) {
        assert_status(interrupt(vmm, 7 | flags << 32, 0, 0x41), 0x00);
        assert_int_equal(hvemu_ext_int_line(vmm->vp), 1);
        assert_status(interrupt(vmm, 7 | flags << 32, 0, NONE), 0x00);
        assert_int_equal(hvemu_ext_int_line(vmm->vp), 0);
        assert_int_equal(vmm->count[FAKE_INTERRUPT], 0);
    }
}

static void the_answer_of_the_op_is_the_answer_of_the_call(void **state)
{
    static const uint16_t answers[] = {0x05, 0x08, 0x0E, 0x15, 0x1D, 0x51, 0x78, 0x1234};
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < COUNT(answers); i++) {
        fake_fail(vmm, FAKE_INTERRUPT, 0, answers[i]);
        assert_status(interrupt(vmm, 4, 0, 0), answers[i]);
        fake_fail(vmm, FAKE_INTERRUPT, 0, answers[i]);
        assert_status(by_code(vmm, 0x55, 4, 0, 0, 0), answers[i]);
        fake_fail(vmm, FAKE_INTERRUPT, 0, answers[i]);
        assert_status(by_code(vmm, 0x94, 4, 0, 0, 0), answers[i]);
    }
}

static void without_an_interrupt_op_only_external_interrupts_exist(void **state)
{
    struct hvemu_ops ops = fake_ops;
    struct fake_vmm *vmm;

    (void)state;
    ops.interrupt = NULL;
    vmm = fake_new(NULL, &ops);
    fake_add_guest(vmm, 0x20);
    for (uint32_t type = 0; type < 10; type++)
        assert_status(interrupt(vmm, type, 0, 0), type == 7 ? 0x00 : 0x05);
    assert_status(interrupt(vmm, LEVEL, 0, NONE), 0x05);
    assert_int_equal(hvemu_ext_int_line(vmm->vp), 1);
    fake_free(vmm);
}

static void other_types_need_no_boot_processor(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    expect_delivered(vmm, 0, 3, 0x41);
}

/* The last four bytes. */

static void call_0x55_ignores_its_padding(void **state)
{
    struct fake_vmm *vmm = *state;

    for (unsigned bit = 0; bit < 32; bit++)
        assert_status(by_code(vmm, 0x55, 0, 3, 0x41, 1u << bit), 0x00);
    assert_status(by_code(vmm, 0x55, 0, 3, 0x41, 0xFFFFFFFF), 0x00);
    assert_int_equal(vmm->count[FAKE_INTERRUPT], 33);
    assert_status(by_code(vmm, 0x55, 7, 0, 0x41, 0xFFFFFFFF), 0x00);
    assert_int_equal(hvemu_ext_int_line(vmm->vp), 1);
}

static void call_0x94_serves_vtl_0_only(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_status(by_code(vmm, 0x94, 7, 0, 0x41, 0), 0x00);
    assert_status(by_code(vmm, 0x94, 7, 0, NONE, 0), 0x00);
    fake_forget(vmm);
    for (uint32_t vtl = 1; vtl < 16; vtl++) {
        assert_status(by_code(vmm, 0x94, 7, 0, 0x41, vtl), 0x51);
        assert_status(by_code(vmm, 0x94, 0, 0, 0x41, vtl), 0x51);
    }
    for (uint32_t vtl = 16; vtl < 256; vtl++)
        assert_status(by_code(vmm, 0x94, 7, 0, 0x41, vtl), 0x05);
    assert_int_equal(vmm->logged, 0);
    assert_int_equal(hvemu_ext_int_line(vmm->vp), 0);
}

static void call_0x94_refuses_each_reserved_bit(void **state)
{
    struct fake_vmm *vmm = *state;

    for (unsigned bit = 8; bit < 32; bit++) {
        assert_status(by_code(vmm, 0x94, 7, 0, 0x41, 1u << bit), 0x05);
        assert_status(by_code(vmm, 0x94, 7, 0, 0x41, 1u << bit | 1), 0x05);
    }
    assert_int_equal(vmm->logged, 0);
}

static void both_codes_and_the_explicit_form_act_alike(void **state)
{
    struct fake_vmm *vmm = *state;
    uint8_t vector = 0;

    assert_status(by_code(vmm, 0x55, 7, 0, 0x41, 0), 0x00);
    assert_status(by_code(vmm, 0x94, 7, 0, 0x52, 0), 0x00);
    assert_result(hvemu_ext_int_acknowledge(vmm->vp, &vector), HVEMU_OK);
    assert_u64(vector, 0x52);
    assert_status(by_code(vmm, 0x55, 7, 0, 0x41, 0), 0x16);
    assert_status(by_code(vmm, 0x94, 7, 0, 0x41, 0), 0x16);
    assert_status(interrupt(vmm, 7, 0, 0x41), 0x16);
}

/* Which error comes first. */

static void parameters_are_judged_after_the_state_and_before_the_processor(void **state)
{
    struct fake_vmm *vmm = *state;
    uint64_t unborn = 0;
    uint8_t vector;

    assert_status(fake_create(vmm, vmm->root, &unborn), 0x00);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, unborn, 99, 9, 999), 0x07);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->guest, unborn, 99, 9, 999), 0x06);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, 0x99, 99, 9, 999), 0x0D);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, unborn, 0x99, 99, 9, 999), 0x06);

    assert_status(interrupt(vmm, 7, 0, 0x41), 0x00);
    assert_result(hvemu_ext_int_acknowledge(vmm->vp, &vector), HVEMU_OK);
    assert_status(interrupt(vmm, 7, 0, 0x100), 0x05);
    assert_status(interrupt(vmm, 7, 1, 0x41), 0x05);
    assert_status(interrupt(vmm, 7 | (uint64_t)1 << 40, 0, 0x41), 0x05);
    assert_status(by_code(vmm, 0x94, 7, 0, 0x41, 1), 0x51);
    assert_status(by_code(vmm, 0x94, 7, 0, 0x100, 1), 0x05);
    assert_status(interrupt(vmm, 7, 0, 0x41), 0x16);

    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    assert_status(interrupt(vmm, 7, 0, 0x100), 0x05);
    assert_status(interrupt(vmm, 7, 1, 0x41), 0x05);
    assert_status(interrupt(vmm, 7, 0, 0x41), 0x0E);
}

/* Inside the op. */

static uint16_t inside[4];

static void finalize_inside(struct fake_vmm *vmm, const struct fake_event *event)
{
    if (event->op != FAKE_INTERRUPT)
        return;
    vmm->reenter = NULL;
    inside[0] = fake_call_on(vmm, vmm->root, 0x42, vmm->guest);
    inside[1] = interrupt(vmm, 0, 0, 0x41);
    inside[2] = fake_call_on(vmm, vmm->root, 0x42, vmm->guest);
}

static void finalizing_waits_for_an_op_in_flight(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    fake_forget(vmm);
    vmm->reenter = finalize_inside;
    assert_status(interrupt(vmm, 0, 0, 0x41), 0x00);
    assert_status(inside[0], 0x78);
    assert_status(inside[1], 0x07);
    assert_status(inside[2], 0x78);
    /* Begun once, not ended. */
    assert_int_equal(vmm->logged, 2);
    assert_u64(vmm->log[1].gpa, HVEMU_PARTITION_STOP);
    assert_status(interrupt(vmm, 0, 0, 0x41), 0x07);
    assert_status(fake_call_on(vmm, vmm->root, 0x43, vmm->guest), 0x07);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, vmm->guest), 0x00);
    assert_int_equal(vmm->logged, 3);
    assert_u64(vmm->log[2].gpa, HVEMU_PARTITION_FINALIZED);
}

static void finalize_inside_kick(struct fake_vmm *vmm, const struct fake_event *event)
{
    if (event->op != FAKE_EXT_INT)
        return;
    vmm->reenter = NULL;
    inside[0] = fake_call_on(vmm, vmm->root, 0x42, vmm->guest);
    inside[1] = (uint16_t)-hvemu_vp_detach(vmm->vp);
    inside[2] = fake_call_on(vmm, vmm->root, 0x42, vmm->guest);
}

static void finalizing_waits_for_a_kick_in_flight(void **state)
{
    struct fake_vmm *vmm = *state;

    vmm->reenter = finalize_inside_kick;
    assert_status(interrupt(vmm, 7, 0, 0x41), 0x00);
    assert_status(inside[0], 0x78);
    assert_int_equal(inside[1], 0);
    assert_status(inside[2], 0x78);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, vmm->guest), 0x00);
}

static void act_inside(struct fake_vmm *vmm, const struct fake_event *event)
{
    uint8_t vector = 0;

    if (event->op != FAKE_INTERRUPT)
        return;
    vmm->reenter = NULL;
    inside[0] = interrupt(vmm, 7, 0, 0x41);
    inside[1] = (uint16_t)(hvemu_ext_int_line(vmm->vp) +
                           -2 * hvemu_ext_int_acknowledge(vmm->vp, &vector) + vector);
    inside[2] = hvemu_clear_virtual_interrupt(vmm->hv, vmm->root, vmm->guest);
    inside[3] = interrupt(vmm, 4, 0, 0);
}

static void the_op_may_assert_acknowledge_and_clear(void **state)
{
    struct fake_vmm *vmm = *state;

    vmm->reenter = act_inside;
    assert_status(interrupt(vmm, 0, 0, 0x41), 0x00);
    assert_status(inside[0], 0x00);
    assert_int_equal(inside[1], 0x42);
    assert_status(inside[2], 0x00);
    assert_status(inside[3], 0x00);
    assert_int_equal(vmm->count[FAKE_INTERRUPT], 2);
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    fake_end(vmm, vmm->root, vmm->guest); /* nothing counts as in flight any more */
}

static void a_refused_assert_leaves_nothing_in_flight(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    fake_fail(vmm, FAKE_INTERRUPT, 0, 0x0E);
    assert_status(interrupt(vmm, 0, 0, 0x41), 0x0E);
    assert_status(interrupt(vmm, 7, 0, 0x41), 0x0E);
    assert_status(interrupt(vmm, 0, 0, 0x100), 0x05);
    assert_status(interrupt(vmm, 0, 0, NONE), 0x00);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->guest, vmm->guest, 0, 0, 1), 0x06);
    fake_end(vmm, vmm->root, vmm->guest);
}

int main(void)
{
#define WITH_GUEST(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        WITH_GUEST(every_type_with_a_vector_is_delivered_as_given),
        WITH_GUEST(every_type_without_a_vector_is_delivered_as_given),
        WITH_GUEST(a_vector_beyond_255_that_is_not_none_is_refused),
        WITH_GUEST(a_vector_with_a_type_that_has_none_is_refused),
        WITH_GUEST(types_from_10_on_are_refused),
        WITH_GUEST(each_reserved_control_bit_is_refused),
        WITH_GUEST(withdrawing_a_level_reaches_the_vmm),
        WITH_GUEST(withdrawing_an_edge_does_nothing_and_succeeds),
        WITH_GUEST(a_destination_of_32_bits_is_passed_on_and_a_larger_one_refused),
        WITH_GUEST(an_external_interrupt_with_a_destination_is_refused),
        WITH_GUEST(trigger_and_destination_mode_of_an_external_interrupt_are_ignored),
        WITH_GUEST(the_answer_of_the_op_is_the_answer_of_the_call),
        cmocka_unit_test(without_an_interrupt_op_only_external_interrupts_exist),
        WITH_GUEST(other_types_need_no_boot_processor),
        WITH_GUEST(call_0x55_ignores_its_padding),
        WITH_GUEST(call_0x94_serves_vtl_0_only),
        WITH_GUEST(call_0x94_refuses_each_reserved_bit),
        WITH_GUEST(both_codes_and_the_explicit_form_act_alike),
        WITH_GUEST(parameters_are_judged_after_the_state_and_before_the_processor),
        WITH_GUEST(finalizing_waits_for_an_op_in_flight),
        WITH_GUEST(finalizing_waits_for_a_kick_in_flight),
        WITH_GUEST(the_op_may_assert_acknowledge_and_clear),
        WITH_GUEST(a_refused_assert_leaves_nothing_in_flight),
    };

    return cmocka_run_group_tests_name("interrupt", tests, NULL, NULL);
}
