/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* External interrupts from C: each row and column of the state table, who may clear, the kick, and
 * what becomes of an interrupt when its boot processor or its partition goes. */

#include "fake_vmm.h"

#include <string.h>

enum state { IDLE, ASSERTED, ACKED };
enum { VECTOR = 0x41, OTHER = 0x52, KEPT = 0xEE };
#define EXT_INT 7u
#define NONE    0xFFFFFFFFu

static uint16_t assert_vector(struct fake_vmm *vmm, uint32_t vector)
{
    return hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, vmm->guest, EXT_INT, 0, vector);
}

static uint16_t clear(struct fake_vmm *vmm)
{
    return hvemu_clear_virtual_interrupt(vmm->hv, vmm->root, vmm->guest);
}

static void bring_to(struct fake_vmm *vmm, enum state state)
{
    uint8_t vector = KEPT;

    if (state == IDLE)
        return;
    assert_status(assert_vector(vmm, VECTOR), 0x00);
    if (state == ACKED) {
        assert_result(hvemu_ext_int_acknowledge(vmm->vp, &vector), HVEMU_OK);
        assert_u64(vector, VECTOR);
    }
    fake_forget(vmm);
}

/* Looks at the state with all that can be seen of it; leaves it idle. */
static void expect(struct fake_vmm *vmm, enum state state, unsigned want)
{
    uint8_t vector = KEPT;

    assert_int_equal(hvemu_ext_int_line(vmm->vp), state == ASSERTED);
    if (state != ACKED)
        assert_status(clear(vmm), 0x14);
    assert_int_equal(hvemu_ext_int_line(vmm->vp), state == ASSERTED);
    if (state == ASSERTED) {
        assert_result(hvemu_ext_int_acknowledge(vmm->vp, &vector), HVEMU_OK);
        assert_u64(vector, want);
        vector = KEPT;
    }
    assert_result(hvemu_ext_int_acknowledge(vmm->vp, &vector), HVEMU_E_NOTHING);
    assert_u64(vector, KEPT);
    if (state != IDLE)
        assert_status(clear(vmm), 0x00);
    assert_status(clear(vmm), 0x14);
}

/* The table, by calls that find VP 0 and an active partition. */

enum event { ASSERT_SAME, ASSERT_OTHER, ASSERT_NONE, ACKNOWLEDGE, CLEAR, CLEAR_TWICE };

static const struct cell {
    const char *name;
    enum state state;
    enum event event;
    int answer; /* status, or result of ACKNOWLEDGE */
    enum state next;
    unsigned vector, kicks;
} table[] = {
    {"idle, assert", IDLE, ASSERT_OTHER, 0x00, ASSERTED, OTHER, 1},
    {"idle, withdraw", IDLE, ASSERT_NONE, 0x00, IDLE, 0, 0},
    {"idle, acknowledge", IDLE, ACKNOWLEDGE, HVEMU_E_NOTHING, IDLE, 0, 0},
    {"idle, clear", IDLE, CLEAR, 0x14, IDLE, 0, 0},
    {"idle, clear twice", IDLE, CLEAR_TWICE, 0x14, IDLE, 0, 0},
    {"asserted, assert another", ASSERTED, ASSERT_OTHER, 0x00, ASSERTED, OTHER, 1},
    {"asserted, assert the same", ASSERTED, ASSERT_SAME, 0x00, ASSERTED, VECTOR, 0},
    {"asserted, withdraw", ASSERTED, ASSERT_NONE, 0x00, IDLE, 0, 1},
    {"asserted, acknowledge", ASSERTED, ACKNOWLEDGE, HVEMU_OK, ACKED, 0, 0},
    {"asserted, clear", ASSERTED, CLEAR, 0x14, ASSERTED, VECTOR, 0},
    {"asserted, clear twice", ASSERTED, CLEAR_TWICE, 0x14, ASSERTED, VECTOR, 0},
    {"acknowledged, assert another", ACKED, ASSERT_OTHER, 0x16, ACKED, 0, 0},
    {"acknowledged, assert the same", ACKED, ASSERT_SAME, 0x16, ACKED, 0, 0},
    {"acknowledged, withdraw", ACKED, ASSERT_NONE, 0x16, ACKED, 0, 0},
    {"acknowledged, acknowledge", ACKED, ACKNOWLEDGE, HVEMU_E_NOTHING, ACKED, 0, 0},
    {"acknowledged, clear", ACKED, CLEAR, 0x00, IDLE, 0, 0},
    {"acknowledged, clear twice", ACKED, CLEAR_TWICE, 0x14, IDLE, 0, 0},
};

static int make_event(struct fake_vmm *vmm, enum event event)
{
    uint8_t vector = KEPT;
    int result;

    switch (event) {
    case ASSERT_SAME:
        return assert_vector(vmm, VECTOR);
    case ASSERT_OTHER:
        return assert_vector(vmm, OTHER);
    case ASSERT_NONE:
        return assert_vector(vmm, NONE);
    case ACKNOWLEDGE:
        result = hvemu_ext_int_acknowledge(vmm->vp, &vector);
        assert_u64(vector, result == HVEMU_OK ? VECTOR : KEPT);
        return result;
    case CLEAR_TWICE:
        (void)clear(vmm);
        return clear(vmm);
    default:
        return clear(vmm);
    }
}

static void each_cell_of_the_state_table_holds(void **state)
{
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct cell *cell = &table[i];

        print_message("%s\n", cell->name);
        bring_to(vmm, cell->state);
        assert_int_equal(make_event(vmm, cell->event), cell->answer);
        assert_int_equal(vmm->count[FAKE_EXT_INT], cell->kicks);
        assert_int_equal(vmm->logged, cell->kicks);
        expect(vmm, cell->next, cell->vector);
        fake_forget(vmm);
    }
}

static void every_vector_arrives_as_asserted(void **state)
{
    struct fake_vmm *vmm = *state;

    for (uint32_t v = 0; v <= 0xFF; v++) {
        assert_status(assert_vector(vmm, v), 0x00);
        expect(vmm, ASSERTED, v);
    }
}

static void superseding_leaves_nothing_of_the_first_vector(void **state)
{
    static const uint32_t vectors[] = {0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80};
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        for (size_t k = 0; k < sizeof vectors / sizeof *vectors; k++) {
            assert_status(assert_vector(vmm, vectors[i]), 0x00);
            assert_status(assert_vector(vmm, vectors[k]), 0x00);
            expect(vmm, ASSERTED, vectors[k]);
        }
}

static void withdrawing_vector_0_is_not_withdrawing_nothing(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_status(assert_vector(vmm, 0), 0x00);
    fake_forget(vmm);
    assert_status(assert_vector(vmm, NONE), 0x00);
    assert_int_equal(vmm->count[FAKE_EXT_INT], 1);
    expect(vmm, IDLE, 0);
}

static void other_interrupt_types_leave_the_external_interrupt_alone(void **state)
{
    static const uint64_t types[] = {0, 1, 2, 3, 4, 5, 6, 8, 9, 0x100000000, 0x100000001};
    struct fake_vmm *vmm = *state;

    for (enum state s = IDLE; s <= ACKED; s++)
        for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
            const uint32_t type = (uint32_t)types[i];
            const int vectored = type <= 1 || type == 6;

            bring_to(vmm, s);
            assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, vmm->guest, types[i],
                                                         0, vectored ? OTHER : 0),
                          0x00);
            if (vectored)
                assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, vmm->guest,
                                                             types[i], 0, NONE),
                              0x00);
            assert_int_equal(vmm->count[FAKE_EXT_INT], 0);
            expect(vmm, s, VECTOR);
            fake_forget(vmm);
        }
}

/* The kick. */

static int line_in_kick;

static void look_at_line(struct fake_vmm *vmm, const struct fake_event *event)
{
    if (event->op == FAKE_EXT_INT)
        line_in_kick = hvemu_ext_int_line(vmm->vp);
}

static void the_kick_comes_when_the_change_can_be_seen(void **state)
{
    struct fake_vmm *vmm = *state;

    vmm->reenter = look_at_line;
    line_in_kick = -1;
    assert_status(assert_vector(vmm, VECTOR), 0x00);
    assert_int_equal(line_in_kick, 1);
    assert_status(assert_vector(vmm, NONE), 0x00);
    assert_int_equal(line_in_kick, 0);
}

static uint8_t vector_in_kick;

static void acknowledge_in_kick(struct fake_vmm *vmm, const struct fake_event *event)
{
    if (event->op == FAKE_EXT_INT)
        assert_result(hvemu_ext_int_acknowledge(vmm->vp, &vector_in_kick), HVEMU_OK);
}

static void the_kick_may_acknowledge_at_once(void **state)
{
    struct fake_vmm *vmm = *state;

    vmm->reenter = acknowledge_in_kick;
    assert_status(assert_vector(vmm, VECTOR), 0x00);
    vmm->reenter = NULL;
    assert_u64(vector_in_kick, VECTOR);
    expect(vmm, ACKED, 0);
}

static void clear_and_assert_in_kick(struct fake_vmm *vmm, const struct fake_event *event)
{
    uint8_t vector;

    if (event->op != FAKE_EXT_INT || vmm->count[FAKE_EXT_INT] > 1)
        return;
    assert_result(hvemu_ext_int_acknowledge(vmm->vp, &vector), HVEMU_OK);
    assert_status(clear(vmm), 0x00);
    assert_status(assert_vector(vmm, OTHER), 0x00);
}

static void the_kick_may_clear_and_assert_again(void **state)
{
    struct fake_vmm *vmm = *state;

    vmm->reenter = clear_and_assert_in_kick;
    assert_status(assert_vector(vmm, VECTOR), 0x00);
    assert_int_equal(vmm->count[FAKE_EXT_INT], 2);
    expect(vmm, ASSERTED, OTHER);
}

static void the_kick_names_partition_and_context(void **state)
{
    struct fake_vmm *vmm = *state;
    struct {
        struct fake_vmm *vmm;
    } mine = {vmm};
    struct hvemu_vp *vp;
    uint64_t other;

    assert_result(hvemu_add_guest(vmm->hv, vmm->root, 0, &mine, &other), HVEMU_OK);
    assert_result(hvemu_vp_attach(vmm->hv, other, 0, NULL, &vp), HVEMU_OK);
    fake_forget(vmm);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, other, EXT_INT, 0, VECTOR), 0);
    assert_int_equal(vmm->logged, 1);
    assert_ptr_equal(vmm->log[0].ctx, &mine);
    assert_u64(vmm->log[0].partition, other);
    assert_int_equal(hvemu_ext_int_line(vp), 1);
    assert_int_equal(hvemu_ext_int_line(vmm->vp), 0);
}

static void without_a_kick_op_the_boot_processor_polls(void **state)
{
    struct hvemu_ops ops = fake_ops;
    struct fake_vmm *vmm;

    (void)state;
    ops.ext_int = NULL;
    vmm = fake_new(NULL, &ops);
    fake_add_guest(vmm, 0x20);
    assert_status(assert_vector(vmm, VECTOR), 0x00);
    expect(vmm, ASSERTED, VECTOR);
    assert_int_equal(vmm->logged, 0);
    fake_free(vmm);
}

/* Boot processor, reset, end. */

static void without_vp_0_assert_names_the_missing_processor(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp1;

    for (enum state s = IDLE; s <= ACKED; s++) {
        bring_to(vmm, s);
        assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 1, NULL, &vp1), HVEMU_OK);
        assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
        fake_forget(vmm);
        assert_status(assert_vector(vmm, VECTOR), 0x0E);
        assert_status(assert_vector(vmm, NONE), 0x0E);
        assert_status(assert_vector(vmm, 0x100), 0x05);
        assert_status(clear(vmm), 0x14);
        assert_int_equal(vmm->count[FAKE_EXT_INT], 0);
        assert_result(hvemu_vp_detach(vp1), HVEMU_OK);
        /* A new VP 0 finds nothing of the old one's. */
        assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 0, NULL, &vmm->vp), HVEMU_OK);
        expect(vmm, IDLE, 0);
        assert_status(assert_vector(vmm, OTHER), 0x00);
        expect(vmm, ASSERTED, OTHER);
    }
}

static void deleting_another_vp_keeps_the_interrupt(void **state)
{
    struct fake_vmm *vmm = *state;

    for (enum state s = IDLE; s <= ACKED; s++) {
        struct hvemu_vp *vp1;

        bring_to(vmm, s);
        assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 1, NULL, &vp1), HVEMU_OK);
        assert_result(hvemu_vp_detach(vp1), HVEMU_OK);
        assert_int_equal(vmm->count[FAKE_EXT_INT], 0);
        expect(vmm, s, VECTOR);
    }
}

static void reset_makes_it_idle(void **state)
{
    struct fake_vmm *vmm = *state;

    for (enum state s = IDLE; s <= ACKED; s++) {
        bring_to(vmm, s);
        assert_result(hvemu_reset(vmm->hv, vmm->guest), HVEMU_OK);
        assert_int_equal(vmm->count[FAKE_EXT_INT], 0);
        expect(vmm, IDLE, 0);
        assert_status(assert_vector(vmm, OTHER), 0x00);
        expect(vmm, ASSERTED, OTHER);
    }
}

static void reset_of_another_partition_keeps_it(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t other = fake_child(vmm, vmm->root);

    for (enum state s = IDLE; s <= ACKED; s++) {
        bring_to(vmm, s);
        assert_result(hvemu_reset(vmm->hv, other), HVEMU_OK);
        expect(vmm, s, VECTOR);
    }
}

static void before_initialization_both_calls_name_the_state(void **state)
{
    struct fake_vmm *vmm = *state;
    uint64_t child = 0;

    assert_status(fake_create(vmm, vmm->root, &child), 0x00);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, child, 7, 0, VECTOR), 0x07);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, child, 7, 0, NONE), 0x07);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, child, 0, 0, VECTOR), 0x07);
    assert_status(hvemu_clear_virtual_interrupt(vmm->hv, vmm->root, child), 0x07);
    assert_status(fake_call_on(vmm, vmm->root, 0x41, child), 0x00);
    assert_status(hvemu_clear_virtual_interrupt(vmm->hv, vmm->root, child), 0x14);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, child, 7, 0, VECTOR), 0x0E);
}

static void from_finalizing_to_deletion_the_interrupt_is_gone(void **state)
{
    for (enum state s = IDLE; s <= ACKED; s++) {
        struct fake_vmm *vmm;
        uint8_t vector = KEPT;

        assert_int_equal(fake_setup(state), 0);
        vmm = *state;
        bring_to(vmm, s);
        /* VP 0 is attached still, so this begins and does not end. */
        assert_status(fake_call_on(vmm, vmm->root, 0x42, vmm->guest), 0x78);
        fake_forget(vmm);
        assert_status(clear(vmm), 0x07);
        assert_status(assert_vector(vmm, VECTOR), 0x07);
        assert_status(assert_vector(vmm, NONE), 0x07);
        assert_int_equal(hvemu_ext_int_line(vmm->vp), 0);
        assert_result(hvemu_ext_int_acknowledge(vmm->vp, &vector), HVEMU_E_PARTITION);
        assert_u64(vector, KEPT);
        assert_int_equal(vmm->logged, 0);

        assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
        assert_status(fake_call_on(vmm, vmm->root, 0x42, vmm->guest), 0x00);
        assert_status(clear(vmm), 0x07);
        assert_status(assert_vector(vmm, VECTOR), 0x07);
        assert_status(fake_call_on(vmm, vmm->root, 0x43, vmm->guest), 0x00);
        assert_status(clear(vmm), 0x0D);
        assert_status(assert_vector(vmm, VECTOR), 0x0D);
        assert_int_equal(vmm->count[FAKE_EXT_INT], 0);
        fake_free(vmm);
        *state = NULL;
    }
}

static void a_successor_in_the_slot_begins_idle(void **state)
{
    for (enum state s = IDLE; s <= ACKED; s++) {
        const struct hvemu_config two = {.size = sizeof two, .partitions = 2};
        struct fake_vmm *vmm = fake_new(&two, NULL);
        const uint64_t old = 2;

        (void)state;
        fake_add_guest(vmm, 0x20);
        assert_u64(vmm->guest, old);
        bring_to(vmm, s);
        assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
        fake_end(vmm, vmm->root, vmm->guest);
        fake_add_guest(vmm, 0x20);
        assert_u64(vmm->guest, 0x1000002);
        expect(vmm, IDLE, 0);
        bring_to(vmm, s);
        assert_status(hvemu_clear_virtual_interrupt(vmm->hv, vmm->root, old), 0x0D);
        assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, old, 7, 0, OTHER), 0x0D);
        expect(vmm, s, VECTOR);
        fake_free(vmm);
    }
}

/* Line and acknowledge: arguments. */

static void only_vp_0_has_a_line_and_acknowledges(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp1;
    uint8_t vector = KEPT;

    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 1, NULL, &vp1), HVEMU_OK);
    bring_to(vmm, ASSERTED);
    assert_int_equal(hvemu_ext_int_line(vp1), 0);
    assert_result(hvemu_ext_int_acknowledge(vp1, &vector), HVEMU_E_VP);
    assert_u64(vector, KEPT);
    expect(vmm, ASSERTED, VECTOR);
}

static void null_to_line_and_acknowledge_is_answered(void **state)
{
    struct fake_vmm *vmm = *state;
    uint8_t vector = KEPT;

    bring_to(vmm, ASSERTED);
    assert_int_equal(hvemu_ext_int_line(NULL), 0);
    assert_result(hvemu_ext_int_acknowledge(NULL, &vector), HVEMU_E_ARGUMENT);
    assert_u64(vector, KEPT);
    assert_result(hvemu_ext_int_acknowledge(vmm->vp, NULL), HVEMU_E_ARGUMENT);
    expect(vmm, ASSERTED, VECTOR);
}

static void the_line_can_be_asked_any_number_of_times(void **state)
{
    struct fake_vmm *vmm = *state;

    bring_to(vmm, ASSERTED);
    for (int i = 0; i < 100; i++)
        assert_int_equal(hvemu_ext_int_line(vmm->vp), 1);
    expect(vmm, ASSERTED, VECTOR);
}

/* Who may clear. */

/* The guest has a child whose interrupt is acknowledged. */
static uint64_t grandchild(struct fake_vmm *vmm, struct hvemu_vp **vp)
{
    const uint64_t child = fake_child(vmm, vmm->guest);
    uint8_t vector;

    assert_result(hvemu_vp_attach(vmm->hv, child, 0, NULL, vp), HVEMU_OK);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->guest, child, EXT_INT, 0, VECTOR),
                  0);
    assert_result(hvemu_ext_int_acknowledge(*vp, &vector), HVEMU_OK);
    return child;
}

static void clear_by_the_parent_succeeds_once(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp;
    const uint64_t child = grandchild(vmm, &vp);

    assert_status(hvemu_clear_virtual_interrupt(vmm->hv, vmm->guest, child), 0x00);
    assert_status(hvemu_clear_virtual_interrupt(vmm->hv, vmm->guest, child), 0x14);
}

static void clear_by_anybody_else_is_denied_and_changes_nothing(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp;
    const uint64_t child = grandchild(vmm, &vp);
    uint64_t sibling, aunt;

    assert_result(hvemu_add_guest(vmm->hv, vmm->guest, UINT64_MAX, NULL, &sibling), HVEMU_OK);
    assert_result(hvemu_add_guest(vmm->hv, vmm->root, UINT64_MAX, NULL, &aunt), HVEMU_OK);
    const uint64_t callers[] = {vmm->root, sibling, aunt, child};
    for (size_t i = 0; i < sizeof callers / sizeof *callers; i++) {
        assert_status(hvemu_clear_virtual_interrupt(vmm->hv, callers[i], child), 0x06);
        assert_status(hvemu_assert_virtual_interrupt(vmm->hv, callers[i], child, 7, 0, 1), 0x06);
        assert_status(hvemu_assert_virtual_interrupt(vmm->hv, callers[i], child, 0, 0, 1), 0x06);
    }
    assert_status(hvemu_clear_virtual_interrupt(vmm->hv, vmm->guest, child), 0x00);
}

int main(void)
{
#define WITH_GUEST(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        WITH_GUEST(each_cell_of_the_state_table_holds),
        WITH_GUEST(every_vector_arrives_as_asserted),
        WITH_GUEST(superseding_leaves_nothing_of_the_first_vector),
        WITH_GUEST(withdrawing_vector_0_is_not_withdrawing_nothing),
        WITH_GUEST(other_interrupt_types_leave_the_external_interrupt_alone),
        WITH_GUEST(the_kick_comes_when_the_change_can_be_seen),
        WITH_GUEST(the_kick_may_acknowledge_at_once),
        WITH_GUEST(the_kick_may_clear_and_assert_again),
        WITH_GUEST(the_kick_names_partition_and_context),
        cmocka_unit_test(without_a_kick_op_the_boot_processor_polls),
        WITH_GUEST(without_vp_0_assert_names_the_missing_processor),
        WITH_GUEST(deleting_another_vp_keeps_the_interrupt),
        WITH_GUEST(reset_makes_it_idle),
        WITH_GUEST(reset_of_another_partition_keeps_it),
        WITH_GUEST(before_initialization_both_calls_name_the_state),
        cmocka_unit_test(from_finalizing_to_deletion_the_interrupt_is_gone),
        cmocka_unit_test(a_successor_in_the_slot_begins_idle),
        WITH_GUEST(only_vp_0_has_a_line_and_acknowledges),
        WITH_GUEST(null_to_line_and_acknowledge_is_answered),
        WITH_GUEST(the_line_can_be_asked_any_number_of_times),
        WITH_GUEST(clear_by_the_parent_succeeds_once),
        WITH_GUEST(clear_by_anybody_else_is_denied_and_changes_nothing),
    };

    return cmocka_run_group_tests_name("ext_int", tests, NULL, NULL);
}
