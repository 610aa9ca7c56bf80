/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* What can be said of a call from its shape alone: the control word, and where its lists lie. Seen
 * through the decoder, as a 64-bit caller's call. */

#include "fake_vmm.h"

#include <string.h>

enum form { SIMPLE, REP, VARIABLE };

/* The calls offered: fixed input, input element, output, output element (TLFS 2.0a 5.6, 7.3, 8.3,
 * 9.3, 10.4, 12.4, 13.5; 6.0b 7.10, 10.5 and the online pages, each in its newest layout). */
static const struct offered {
    uint16_t code;
    enum form form;
    uint16_t in, in_each, out, out_each;
} calls[] = {
    {0x0040, SIMPLE, 56, 0, 8, 0},  {0x0041, SIMPLE, 8, 0, 0, 0},    {0x0042, SIMPLE, 8, 0, 0, 0},
    {0x0043, SIMPLE, 8, 0, 0, 0},   {0x0044, SIMPLE, 16, 0, 8, 0},   {0x0045, SIMPLE, 24, 0, 0, 0},
    {0x0046, SIMPLE, 0, 0, 8, 0},   {0x0047, SIMPLE, 16, 0, 8, 0},   {0x0048, REP, 8, 8, 0, 0},
    {0x0049, REP, 16, 0, 0, 8},     {0x004A, SIMPLE, 16, 0, 16, 0},  {0x004B, REP, 24, 8, 0, 0},
    {0x004C, REP, 24, 0, 0, 0},     {0x004D, SIMPLE, 24, 0, 0, 0},   {0x004E, SIMPLE, 40, 0, 0, 0},
    {0x004F, SIMPLE, 16, 0, 0, 0},  {0x0050, REP, 16, 4, 0, 16},     {0x0051, REP, 16, 32, 0, 0},
    {0x0052, SIMPLE, 32, 0, 16, 0}, {0x0053, SIMPLE, 32, 0, 24, 0},  {0x0054, SIMPLE, 48, 0, 8, 0},
    {0x0055, SIMPLE, 32, 0, 0, 0},  {0x0056, SIMPLE, 8, 0, 0, 0},    {0x006E, REP, 16, 16, 0, 0},
    {0x0090, REP, 16, 8, 0, 0},     {0x0094, SIMPLE, 32, 0, 0, 0},   {0x0099, SIMPLE, 240, 0, 0, 0},
    {0x009A, REP, 16, 4, 0, 4},     {0x00AC, SIMPLE, 32, 0, 64, 0},  {0x00AD, SIMPLE, 24, 0, 8, 0},
    {0x0101, SIMPLE, 24, 0, 8, 0},  {0x010A, VARIABLE, 24, 0, 0, 0},
};

enum { CALLS = sizeof calls / sizeof *calls };

/* A word as short as it can be: one element, no variable header. */
static uint64_t word(const struct offered *call)
{
    return call->code | (call->form == REP ? (uint64_t)1 << 32 : 0);
}

static unsigned in_bytes(const struct offered *call)
{
    return call->in + call->in_each;
}

static unsigned out_bytes(const struct offered *call)
{
    return call->out + call->out_each;
}

static unsigned up_to(unsigned bytes, unsigned multiple)
{
    return (bytes + multiple - 1) / multiple * multiple;
}

/* What a fast call is told: whether its lists fit the registers. */
static uint16_t fast_status(const struct offered *call)
{
    return up_to(in_bytes(call), 16) + up_to(out_bytes(call), 16) <= 112 ? 0 : 3;
}

/* Whether the form gives these bits a meaning. */
static int takes(const struct offered *call, uint64_t bits)
{
    return (call->form == REP && bits & 0x00000FFE00000000) ||
           (call->form == VARIABLE && bits & 0x0000000007FE0000);
}

static struct hvemu_call decode(uint64_t control, uint64_t rdx, uint64_t r8)
{
    const struct hvemu_x64_frame frame = fake_frame64(control, rdx, r8);
    struct hvemu_call call;

    assert_action(hvemu_x64_decode(NULL, &frame, 0x8010, &call), HVEMU_STEP);
    return call;
}

static const struct offered *find(uint64_t code)
{
    for (size_t i = 0; i < CALLS; i++)
        if (calls[i].code == code)
            return &calls[i];
    return NULL;
}

static void calls_of_65536_codes_are_offered(void **state)
{
    (void)state;
    assert_int_equal(CALLS, 32);
    for (uint64_t code = 0; code <= 0xFFFF; code++) {
        const struct offered *call = find(code);
        const uint64_t control = call ? word(call) : code;
        const struct hvemu_call memory = decode(control, 0x1000, 0x2000);
        const struct hvemu_call fast = decode(0x10000 | control, 0x1000, 0x2000);

        assert_status(memory.status, call ? 0 : 2);
        assert_status(fast.status, call ? fast_status(call) : 2);
        assert_u64(memory.code, code);
        assert_u64(fast.code, code);
    }
}

static void each_call_has_its_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++) {
        const struct hvemu_call memory = decode(word(&calls[i]), 0x1000, 0x2000);
        const struct hvemu_call fast = decode(0x10000 | word(&calls[i]), 0x1000, 0x2000);

        assert_u64(memory.header_bytes, calls[i].in);
        assert_u64(memory.in_bytes, in_bytes(&calls[i]));
        assert_u64(memory.out_bytes, out_bytes(&calls[i]));
        assert_u64(fast.in_bytes, in_bytes(&calls[i]));
        assert_u64(fast.out_bytes, out_bytes(&calls[i]));
    }
}

static void each_element_and_variable_word_lengthens_the_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++) {
        const struct offered *it = &calls[i];
        const struct hvemu_call call = decode(it->code | (it->form == REP        ? 5ull << 32
                                                          : it->form == VARIABLE ? 5ull << 17
                                                                                 : 0),
                                              0x1000, 0x2000);

        assert_status(call.status, 0);
        assert_u64(call.header_bytes, it->in + (it->form == VARIABLE ? 40u : 0u));
        assert_u64(call.in_bytes, call.header_bytes + 5u * it->in_each);
        assert_u64(call.out_bytes, it->out + 5u * it->out_each);
    }
}

static void rep_count_of_another_call_lengthens_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++) {
        const struct hvemu_call call = decode(calls[i].code | 5ull << 32, 0x1000, 0x2000);

        if (calls[i].form == REP)
            continue;
        assert_status(call.status, 3);
        assert_u64(call.in_bytes, calls[i].in);
        assert_u64(call.out_bytes, calls[i].out);
    }
}

static void rep_call_without_elements_is_invalid_input(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++)
        assert_status(decode(calls[i].code, 0x1000, 0x2000).status, calls[i].form == REP ? 3 : 0);
}

static void call_that_is_not_offered_has_no_lists(void **state)
{
    const struct hvemu_call call = decode(0x0057, 3, 5);

    (void)state;
    assert_u64(call.in_bytes, 0);
    assert_u64(call.out_bytes, 0);
}

static void each_bit_without_a_meaning_is_invalid_input(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++) {
        for (unsigned bit = 17; bit < 64; bit++) {
            const uint64_t control = word(&calls[i]) ^ (uint64_t)1 << bit;

            if (takes(&calls[i], (uint64_t)1 << bit))
                continue;
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
            if (takes(&calls[i], fields[j]) && fields[j] != 0xFFFFFFFFFFFE0000)
                continue;
            assert_status(decode(fields[j] | word(&calls[i]), 0x1000, 0x2000).status, 3);
            assert_status(decode(fields[j] | 0x10000 | word(&calls[i]), 0, 0).status, 3);
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
            if (in_bytes(&calls[i]))
                assert_status(decode(word(&calls[i]), 0x1000 + by, 0x2000).status, 4);
            if (out_bytes(&calls[i]))
                assert_status(decode(word(&calls[i]), 0x1000, 0x2000 + by).status, 4);
        }
    }
}

static void list_may_end_with_its_page_and_not_later(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++) {
        const uint64_t control = word(&calls[i]);
        const unsigned in = up_to(in_bytes(&calls[i]), 8), out = up_to(out_bytes(&calls[i]), 8);

        assert_status(decode(control, 0x5000 - in, 0x9000 - out).status, 0);
        for (unsigned by = 8; by < in; by += 8)
            assert_status(decode(control, 0x5000 - in + by, 0x9000 - out).status, 4);
        for (unsigned by = 8; by < out; by += 8)
            assert_status(decode(control, 0x5000 - in, 0x9000 - out + by).status, 4);
        /* A list of 8 bytes that is aligned never crosses: the next one begins a page. */
        assert_status(decode(control, 0x5000, 0x9000).status, 0);
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
            if (!in_bytes(&calls[i]))
                assert_status(decode(word(&calls[i]), rubbish[j], 0x2000).status, 0);
            if (!out_bytes(&calls[i]))
                assert_status(decode(word(&calls[i]), 0x1000, rubbish[j]).status, 0);
        }
    }
}

static void registers_of_a_fast_call_are_no_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++)
        assert_status(decode(0x10000 | word(&calls[i]), 0x1001, 0x2FFF).status,
                      fast_status(&calls[i]));
}

static void refused_control_word_wins_over_misplaced_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++)
        assert_status(decode(0x80000000 | word(&calls[i]), 0x1FFD, 0x2FFB).status, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_of_65536_codes_are_offered),
        cmocka_unit_test(each_call_has_its_lists),
        cmocka_unit_test(each_element_and_variable_word_lengthens_the_lists),
        cmocka_unit_test(rep_count_of_another_call_lengthens_nothing),
        cmocka_unit_test(rep_call_without_elements_is_invalid_input),
        cmocka_unit_test(call_that_is_not_offered_has_no_lists),
        cmocka_unit_test(each_bit_without_a_meaning_is_invalid_input),
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
