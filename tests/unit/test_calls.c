/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* What can be said of a call from its shape alone: the control word, and where its lists lie. Seen
 * through the decoder, as a 64-bit caller's call. */

#include "fake_vmm.h"

#include <string.h>

/* The calls offered, with the sizes of their lists (TLFS 2.0a 5.6, 13.5; 6.0b 10.5 and the online
 * pages). */
static const struct {
    uint16_t code, in, out;
} calls[] = {
    {0x0040, 56, 8}, {0x0041, 8, 0},  {0x0042, 8, 0}, {0x0043, 8, 0},
    {0x0046, 0, 8},  {0x0055, 32, 0}, {0x0056, 8, 0}, {0x0094, 32, 0},
};

enum { CALLS = sizeof calls / sizeof *calls };

static struct hvemu_call decode(uint64_t control, uint64_t rdx, uint64_t r8)
{
    const struct hvemu_x64_frame frame = fake_frame64(control, rdx, r8);
    struct hvemu_call call;

    assert_action(hvemu_x64_decode(NULL, &frame, 0x8010, &call), HVEMU_STEP);
    return call;
}

static int offered(uint32_t code)
{
    for (size_t i = 0; i < CALLS; i++)
        if (calls[i].code == code)
            return 1;
    return 0;
}

static void eight_calls_of_65536_are_offered(void **state)
{
    (void)state;
    for (uint64_t code = 0; code <= 0xFFFF; code++) {
        const uint16_t want = offered((uint32_t)code) ? 0 : 2;
        const struct hvemu_call memory = decode(code, 0x1000, 0x2000);
        const struct hvemu_call fast = decode(0x10000 | code, 0x1000, 0x2000);

        assert_status(memory.status, want);
        assert_status(fast.status, want);
        assert_u64(memory.code, code);
        assert_u64(fast.code, code);
    }
}

static void each_call_has_its_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++) {
        const struct hvemu_call memory = decode(calls[i].code, 0x1000, 0x2000);
        const struct hvemu_call fast = decode(0x10000u | calls[i].code, 0x1000, 0x2000);

        assert_u64(memory.in_bytes, calls[i].in);
        assert_u64(memory.out_bytes, calls[i].out);
        assert_u64(fast.in_bytes, calls[i].in);
        assert_u64(fast.out_bytes, calls[i].out);
    }
}

static void call_that_is_not_offered_has_no_lists(void **state)
{
    const struct hvemu_call call = decode(0x0050, 3, 5);

    (void)state;
    assert_u64(call.in_bytes, 0);
    assert_u64(call.out_bytes, 0);
}

static void each_bit_beyond_code_and_fast_is_invalid_input(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++) {
        for (unsigned bit = 17; bit < 64; bit++) {
            const uint64_t control = calls[i].code | (uint64_t)1 << bit;

            assert_status(decode(control, 0x1000, 0x2000).status, 3);
            assert_status(decode(control | 0x10000, 0x1000, 0x2000).status, 3);
        }
    }
}

static void whole_fields_of_the_control_word_are_invalid_input(void **state)
{
    static const uint64_t fields[] = {
        0x0000000007FE0000, /* variable header */
        0x0000000078000000, /* reserved */
        0x0000000080000000, /* nested */
        0x00000FFF00000000, /* rep count */
        0x0000F00000000000, /* reserved */
        0x0FFF000000000000, /* rep start */
        0xF000000000000000, /* reserved */
        0xFFFFFFFFFFFE0000,
    };

    (void)state;
    for (size_t i = 0; i < CALLS; i++) {
        for (size_t j = 0; j < sizeof fields / sizeof *fields; j++) {
            assert_status(decode(fields[j] | calls[i].code, 0x1000, 0x2000).status, 3);
            assert_status(decode(fields[j] | 0x10000 | calls[i].code, 0, 0).status, 3);
        }
    }
}

static void unknown_code_wins_over_every_other_fault(void **state)
{
    (void)state;
    for (unsigned bit = 16; bit < 64; bit++)
        assert_status(decode(0x0057 | (uint64_t)1 << bit, 0x1001, 0x2FFF).status, 2);
    assert_status(decode(0xFFFFFFFFFFFE0000, 1, 1).status, 2);
    assert_status(decode(0, 0, 0).status, 2);
}

static void all_ones_is_an_unknown_code(void **state)
{
    const struct hvemu_call call = decode(UINT64_MAX, UINT64_MAX, UINT64_MAX);

    (void)state;
    assert_status(call.status, 2);
    assert_u64(call.code, 0xFFFF);
    assert_u64(call.reps, 0xFFF);
    assert_u64(call.start, 0xFFF);
}

static void rep_fields_are_told_apart(void **state)
{
    struct hvemu_call call = decode(0x0ABC012300000056, 0, 0);

    (void)state;
    assert_u64(call.reps, 0x123);
    assert_u64(call.start, 0xABC);
    call = decode(0xF000F00000000056, 0, 0);
    assert_u64(call.reps, 0);
    assert_u64(call.start, 0);
}

static void misaligned_list_is_invalid_alignment(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++) {
        for (uint64_t by = 1; by < 8; by++) {
            if (calls[i].in)
                assert_status(decode(calls[i].code, 0x1000 + by, 0x2000).status, 4);
            if (calls[i].out)
                assert_status(decode(calls[i].code, 0x1000, 0x2000 + by).status, 4);
        }
    }
}

static void list_may_end_with_its_page_and_not_later(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++) {
        const uint64_t in = 0x5000 - calls[i].in, out = 0x9000 - calls[i].out;

        assert_status(decode(calls[i].code, in, out).status, 0);
        for (uint64_t by = 8; by < calls[i].in; by += 8)
            assert_status(decode(calls[i].code, in + by, out).status, 4);
        /* A list of 8 bytes that is aligned never crosses: the next one begins a page. */
        assert_status(decode(calls[i].code, in + calls[i].in, out + calls[i].out).status, 0);
    }
}

static void list_at_the_end_of_64_bits_does_not_wrap(void **state)
{
    (void)state;
    assert_status(decode(0x56, 0xFFFFFFFFFFFFFFF8, 0).status, 0);
    assert_status(decode(0x94, 0xFFFFFFFFFFFFFFE0, 0).status, 0);
    assert_status(decode(0x94, 0xFFFFFFFFFFFFFFE8, 0).status, 4);
    assert_status(decode(0x94, 0xFFFFFFFFFFFFFFF8, 0).status, 4);
    assert_status(decode(0x94, UINT64_MAX, 0).status, 4);
    assert_status(decode(0x40, 0xFFFFFFFFFFFFFFC8, 0xFFFFFFFFFFFFFFF8).status, 0);
}

static void address_of_an_absent_list_means_nothing(void **state)
{
    static const uint64_t rubbish[] = {1, 7, 0x1FFF, 0xFFFFFFFFFFFFFFFF, 0x8000000000000003};

    (void)state;
    for (size_t i = 0; i < CALLS; i++) {
        for (size_t j = 0; j < sizeof rubbish / sizeof *rubbish; j++) {
            if (!calls[i].in)
                assert_status(decode(calls[i].code, rubbish[j], 0x2000).status, 0);
            if (!calls[i].out)
                assert_status(decode(calls[i].code, 0x1000, rubbish[j]).status, 0);
        }
    }
}

static void registers_of_a_fast_call_are_no_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++)
        assert_status(decode(0x10000u | calls[i].code, 0x1001, 0x2FFF).status, 0);
}

static void refused_control_word_wins_over_misplaced_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++)
        assert_status(decode(0x80000000u | calls[i].code, 0x1FFD, 0x2FFB).status, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_calls_of_65536_are_offered),
        cmocka_unit_test(each_call_has_its_lists),
        cmocka_unit_test(call_that_is_not_offered_has_no_lists),
        cmocka_unit_test(each_bit_beyond_code_and_fast_is_invalid_input),
        cmocka_unit_test(whole_fields_of_the_control_word_are_invalid_input),
        cmocka_unit_test(unknown_code_wins_over_every_other_fault),
        cmocka_unit_test(all_ones_is_an_unknown_code),
        cmocka_unit_test(rep_fields_are_told_apart),
        cmocka_unit_test(misaligned_list_is_invalid_alignment),
        cmocka_unit_test(list_may_end_with_its_page_and_not_later),
        cmocka_unit_test(list_at_the_end_of_64_bits_does_not_wrap),
        cmocka_unit_test(address_of_an_absent_list_means_nothing),
        cmocka_unit_test(registers_of_a_fast_call_are_no_addresses),
        cmocka_unit_test(refused_control_word_wins_over_misplaced_lists),
    };

    return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
