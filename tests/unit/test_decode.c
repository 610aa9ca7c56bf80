/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* From x64 registers to a call: which registers are read in which mode, where each lands in the
 * parameter block, and who may call at all. The decoder alone, without an instance. */

#include "fake_vmm.h"

#include <string.h>

/* Feature bits of CPUID 0x40000003 EDX. */
enum { XMM_INPUT = 0x10, XMM_OUTPUT = 0x8000, BOTH = XMM_INPUT | XMM_OUTPUT };

enum { PE = 4, LMA = 8, CS_L = 16 };

/* Decodes into rubbish, so that every field the decoder leaves out shows. */
static struct hvemu_call decode(const struct hvemu_x64_frame *frame, uint32_t features,
                                enum hvemu_action want)
{
    const struct hvemu_x64_frame before = *frame;
    struct hvemu_call call;

    memset(&call, 0xEE, sizeof call);
    assert_action(hvemu_x64_decode(NULL, frame, features, &call), want);
    assert_memory_equal(&before, frame, sizeof before);
    return call;
}

/* Counts up from `first`, byte by byte. */
static uint64_t counting(unsigned first)
{
    uint64_t value = 0;

    for (unsigned i = 8; i > 0; i--)
        value = value << 8 | (first + i - 1);
    return value;
}

static void assert_counts_up(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(bytes[i], i);
}

static void count_up_in_xmm(struct hvemu_x64_frame *frame)
{
    for (unsigned i = 0; i < 6; i++) {
        frame->xmm[i][0] = counting(16 + i * 16);
        frame->xmm[i][1] = counting(24 + i * 16);
    }
}

static void assert_empty(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(bytes[i], 0);
}

static void fast_clear_by_a_64_bit_caller_reads_rcx_and_rdx(void **state)
{
    const struct hvemu_x64_frame frame = fake_frame64(0x10056, 0x1122334455667788, 0);
    const struct hvemu_call call = decode(&frame, 0, HVEMU_STEP);

    (void)state;
    assert_u64(call.control, 0x10056);
    assert_u64(call.code, 0x56);
    assert_status(call.status, 0);
    assert_u64(call.in_bytes, 8);
    assert_u64(call.out_bytes, 0);
    assert_memory_equal(call.fast, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
}

static void fast_clear_by_a_32_bit_caller_reads_ebx_ecx(void **state)
{
    const struct hvemu_x64_frame frame = fake_frame32(0x10056, 0x1122334455667788, 0);
    const struct hvemu_call call = decode(&frame, 0, HVEMU_STEP);

    (void)state;
    assert_u64(call.control, 0x10056);
    assert_status(call.status, 0);
    assert_memory_equal(call.fast, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
}

static void control_word_of_a_32_bit_caller_is_edx_eax(void **state)
{
    const struct hvemu_x64_frame frame = fake_frame32(0x0123000500010056, 0, 0);
    const struct hvemu_call call = decode(&frame, 0, HVEMU_STEP);

    (void)state;
    assert_u64(call.control, 0x0123000500010056);
    assert_u64(call.reps, 5);
    assert_u64(call.start, 0x123);
    assert_status(call.status, 3);
}

static void upper_halves_mean_nothing_to_a_32_bit_caller(void **state)
{
    struct hvemu_x64_frame clean = fake_frame32(0x10094, 0x0706050403020100, 0x0F0E0D0C0B0A0908);
    const struct hvemu_x64_frame rubbish = clean;
    struct hvemu_call first, second;

    (void)state;
    clean.rax = (uint32_t)clean.rax;
    clean.rbx = (uint32_t)clean.rbx;
    clean.rcx = (uint32_t)clean.rcx;
    clean.rdx = (uint32_t)clean.rdx;
    clean.rsi = (uint32_t)clean.rsi;
    clean.rdi = (uint32_t)clean.rdi;
    first = decode(&clean, XMM_INPUT, HVEMU_STEP);
    second = decode(&rubbish, XMM_INPUT, HVEMU_STEP);
    assert_memory_equal(&first, &second, sizeof first);
    assert_counts_up(first.fast, 16);
}

static void fast_assert_lies_in_rdx_r8_xmm0(void **state)
{
    struct hvemu_x64_frame frame = fake_frame64(0x10094, counting(0), counting(8));
    struct hvemu_call call;

    (void)state;
    count_up_in_xmm(&frame);
    call = decode(&frame, XMM_INPUT, HVEMU_STEP);
    assert_status(call.status, 0);
    assert_u64(call.in_bytes, 32);
    assert_counts_up(call.fast, 32);
}

static void fast_assert_of_a_32_bit_caller_lies_in_ebx_ecx_edi_esi_xmm0(void **state)
{
    struct hvemu_x64_frame frame = fake_frame32(0x10055, counting(0), counting(8));
    struct hvemu_call call;

    (void)state;
    count_up_in_xmm(&frame);
    call = decode(&frame, XMM_INPUT, HVEMU_STEP);
    assert_status(call.status, 0);
    assert_u64(call.in_bytes, 32);
    assert_counts_up(call.fast, 32);
}

static void fast_create_lies_in_rdx_r8_xmm0_to_xmm2(void **state)
{
    struct hvemu_x64_frame frame = fake_frame64(0x10040, counting(0), counting(8));
    struct hvemu_call call;

    (void)state;
    count_up_in_xmm(&frame);
    call = decode(&frame, BOTH, HVEMU_STEP);
    assert_status(call.status, 0);
    assert_u64(call.in_bytes, 56);
    assert_u64(call.out_bytes, 8);
    /* The next whole register after the input's last. */
    assert_u64(call.out_at, 64);
    assert_counts_up(call.fast, 56);
}

static void output_of_a_call_without_input_begins_in_rdx(void **state)
{
    const struct hvemu_x64_frame frame = fake_frame64(0x10046, 0, 0);
    const struct hvemu_call call = decode(&frame, BOTH, HVEMU_STEP);

    (void)state;
    assert_status(call.status, 0);
    assert_u64(call.in_bytes, 0);
    assert_u64(call.out_bytes, 8);
    assert_u64(call.out_at, 0);
}

static void fast_call_has_no_addresses(void **state)
{
    const struct hvemu_x64_frame frame = fake_frame64(0x10056, 0x1234567, 0x89ABCDE);
    const struct hvemu_call call = decode(&frame, 0, HVEMU_STEP);

    (void)state;
    assert_u64(call.in_gpa, 0);
    assert_u64(call.out_gpa, 0);
}

static void memory_call_of_a_64_bit_caller_has_its_lists_at_rdx_and_r8(void **state)
{
    const struct hvemu_x64_frame frame = fake_frame64(0x40, 0x000123456789A000, 0x00FEDCBA98765000);
    const struct hvemu_call call = decode(&frame, 0, HVEMU_STEP);

    (void)state;
    assert_status(call.status, 0);
    assert_u64(call.in_gpa, 0x000123456789A000);
    assert_u64(call.out_gpa, 0x00FEDCBA98765000);
    assert_u64(call.in_bytes, 56);
    assert_u64(call.out_bytes, 8);
    assert_u64(call.out_at, 0);
    assert_empty(call.fast, sizeof call.fast);
}

static void memory_call_of_a_32_bit_caller_has_its_lists_at_ebx_ecx_and_edi_esi(void **state)
{
    const struct hvemu_x64_frame frame = fake_frame32(0x40, 0x000123456789A000, 0x00FEDCBA98765000);
    const struct hvemu_call call = decode(&frame, 0, HVEMU_STEP);

    (void)state;
    assert_status(call.status, 0);
    assert_u64(call.in_gpa, 0x000123456789A000);
    assert_u64(call.out_gpa, 0x00FEDCBA98765000);
}

static void fields_that_answer_are_empty_after_decoding(void **state)
{
    const struct hvemu_x64_frame frames[] = {fake_frame64(0x40, 0x1000, 0x2000),
                                             fake_frame64(0x10056, 1, 2),
                                             fake_frame32(0x10094, 1, 2)};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct hvemu_call call = decode(&frames[i], BOTH, HVEMU_STEP);

        assert_u64(call.result, 0);
        assert_u64(call.gpa, 0);
        assert_u64(call.access, 0);
        assert_u64(call.executed, 0);
        assert_u64(call.written_at, 0);
        assert_u64(call.written, 0);
        assert_u64(call.reserved0, 0);
        assert_empty((const uint8_t *)call.reserved, sizeof call.reserved);
    }
}

static void only_privilege_level_0_makes_hypercalls(void **state)
{
    static const uint32_t modes[] = {PE, PE | LMA, PE | LMA | CS_L};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (uint32_t level = 0; level <= 3; level++) {
            struct hvemu_x64_frame frame = fake_frame64(0x10056, 1, 0);

            frame.mode = modes[i] | level;
            if (!(modes[i] & CS_L))
                frame.rax = 0x10056, frame.rdx = 0;
            decode(&frame, BOTH, level == 0 ? HVEMU_STEP : HVEMU_UD);
        }
    }
}

static void real_mode_makes_no_hypercalls(void **state)
{
    static const uint32_t modes[] = {0, LMA, CS_L, LMA | CS_L};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct hvemu_x64_frame frame = fake_frame64(0x10056, 1, 0);

        frame.mode = modes[i];
        decode(&frame, BOTH, HVEMU_UD);
    }
}

static void call_of_an_illegal_mode_is_not_decoded(void **state)
{
    struct hvemu_x64_frame frame = fake_frame64(0x10056, 1, 0);
    const struct hvemu_call none = {0};
    struct hvemu_call call;

    (void)state;
    frame.mode |= 3;
    call = decode(&frame, BOTH, HVEMU_UD);
    assert_memory_equal(&call, &none, sizeof call);
}

static void virtual_8086_mode_makes_no_hypercalls(void **state)
{
    struct hvemu_x64_frame frame = fake_frame32(0x10056, 1, 0);

    (void)state;
    frame.mode = PE | 3;
    decode(&frame, BOTH, HVEMU_UD);
}

/* The frames differ in which registers hold the call: what is decoded tells which were read. */
static void only_long_mode_with_a_64_bit_code_segment_has_64_bit_registers(void **state)
{
    static const struct {
        uint32_t mode;
        int wide;
    } rows[] = {
        {PE, 0},
        {PE | LMA, 0},  /* compatibility mode */
        {PE | CS_L, 0}, /* outside long mode the bit of the segment means nothing */
        {PE | LMA | CS_L, 1},
    };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct hvemu_x64_frame frame = fake_frame32(0x10041, 0x3333333344444444, 0);
        struct hvemu_call call;

        frame.mode = rows[i].mode;
        frame.rdx = 0;
        if (rows[i].wide) {
            frame.rcx = 0x10042;
            frame.rdx = 0x7777777788888888;
        }
        call = decode(&frame, 0, HVEMU_STEP);
        assert_u64(call.code, rows[i].wide ? 0x42 : 0x41);
        assert_memory_equal(call.fast,
                            rows[i].wide ? "\x88\x88\x88\x88\x77\x77\x77\x77"
                                         : "\x44\x44\x44\x44\x33\x33\x33\x33",
                            8);
    }
}

static void unknown_mode_bits_change_nothing(void **state)
{
    struct hvemu_x64_frame frame = fake_frame64(0x10056, 0x42, 0);
    struct hvemu_call call;

    (void)state;
    frame.mode |= 0xFFFFFFE0;
    call = decode(&frame, 0, HVEMU_STEP);
    assert_status(call.status, 0);
    assert_u64(call.fast[0], 0x42);
}

static void sixteen_bytes_need_no_xmm_registers(void **state)
{
    static const uint64_t codes[] = {0x41, 0x42, 0x43, 0x56};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct hvemu_x64_frame frame = fake_frame64(0x10000 | codes[i], 1, 0);

        frame.known = 0;
        assert_status(decode(&frame, 0, HVEMU_STEP).status, 0);
    }
}

static void more_than_sixteen_bytes_raise_ud_where_xmm_input_is_not_advertised(void **state)
{
    static const uint64_t codes[] = {0x40, 0x55, 0x94};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct hvemu_x64_frame wide = fake_frame64(0x10000 | codes[i], 1, 0);
        const struct hvemu_x64_frame narrow = fake_frame32(0x10000 | codes[i], 1, 0);

        decode(&wide, 0, HVEMU_UD);
        decode(&wide, XMM_OUTPUT, HVEMU_UD);
        decode(&wide, ~(uint32_t)XMM_INPUT, HVEMU_UD);
        if (codes[i] != 0x40)
            decode(&narrow, ~(uint32_t)XMM_INPUT, HVEMU_UD);
    }
}

static void want_of_xmm_input_says_what_call_it_was(void **state)
{
    const struct hvemu_x64_frame frame = fake_frame64(0x10094, 1, 2);
    const struct hvemu_call call = decode(&frame, 0, HVEMU_UD);

    (void)state;
    assert_u64(call.control, 0x10094);
    assert_u64(call.code, 0x94);
    assert_u64(call.in_bytes, 32);
    assert_status(call.status, 0);
    assert_memory_equal(call.fast, "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16);
    assert_empty(call.fast + 16, sizeof call.fast - 16);
}

static void call_that_needs_unknown_xmm_registers_asks_for_them(void **state)
{
    struct hvemu_x64_frame frame = fake_frame64(0x10094, 1, 2);
    struct hvemu_call call;

    (void)state;
    frame.known = 0;
    call = decode(&frame, XMM_INPUT, HVEMU_NEED_XMM);
    assert_u64(call.code, 0x94);
    assert_u64(call.in_bytes, 32);
    assert_status(call.status, 0);
    assert_memory_equal(call.fast, "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16);
    assert_empty(call.fast + 16, sizeof call.fast - 16);
    frame.known = HVEMU_X64_XMM;
    decode(&frame, XMM_INPUT, HVEMU_STEP);
}

static void some_xmm_registers_are_not_all(void **state)
{
    struct hvemu_x64_frame frame = fake_frame64(0x10094, 1, 2);

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        frame.known = HVEMU_X64_XMM & ~((uint32_t)HVEMU_X64_XMM0 << i);
        decode(&frame, XMM_INPUT, HVEMU_NEED_XMM);
    }
}

static void ud_comes_before_the_wish_for_xmm(void **state)
{
    struct hvemu_x64_frame frame = fake_frame64(0x10040, 1, 2);

    (void)state;
    frame.known = 0;
    decode(&frame, 0, HVEMU_UD);
    decode(&frame, XMM_INPUT, HVEMU_UD); /* its output has no register either */
    decode(&frame, BOTH, HVEMU_NEED_XMM);
}

static void output_in_registers_raises_ud_where_it_is_not_advertised(void **state)
{
    const struct hvemu_x64_frame frame = fake_frame64(0x10046, 0, 0);

    (void)state;
    decode(&frame, 0, HVEMU_UD);
    decode(&frame, XMM_INPUT, HVEMU_UD);
    decode(&frame, ~(uint32_t)XMM_OUTPUT, HVEMU_UD);
    decode(&frame, XMM_OUTPUT, HVEMU_STEP);
}

static void output_in_general_registers_needs_no_xmm_registers(void **state)
{
    struct hvemu_x64_frame frame = fake_frame64(0x10046, 0, 0);

    (void)state;
    frame.known = 0;
    decode(&frame, XMM_OUTPUT, HVEMU_STEP);
}

static void output_in_registers_is_invalid_input_for_a_32_bit_caller(void **state)
{
    static const uint32_t features[] = {0, XMM_INPUT, XMM_OUTPUT, BOTH};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct hvemu_x64_frame frame = fake_frame32(0x10046, 0, 0);

        assert_status(decode(&frame, features[i], HVEMU_STEP).status, 3);
        frame = fake_frame32(0x10040, 0, 0);
        assert_status(decode(&frame, features[i], HVEMU_STEP).status, 3);
        frame.known = 0;
        assert_status(decode(&frame, features[i], HVEMU_STEP).status, 3);
        frame.mode = PE | LMA;
        assert_status(decode(&frame, features[i], HVEMU_STEP).status, 3);
    }
}

static void memory_call_needs_neither_xmm_nor_features(void **state)
{
    struct hvemu_x64_frame frame = fake_frame64(0x40, 0x1000, 0x2000);

    (void)state;
    frame.known = 0;
    assert_status(decode(&frame, 0, HVEMU_STEP).status, 0);
}

static void refused_control_word_comes_before_the_want_of_xmm(void **state)
{
    struct hvemu_x64_frame frame = fake_frame64(0x100010094, 1, 2);

    (void)state;
    frame.known = 0;
    assert_status(decode(&frame, 0, HVEMU_STEP).status, 3);
    assert_status(decode(&frame, BOTH, HVEMU_STEP).status, 3);
    frame.rcx = 0x1FFFF;
    assert_status(decode(&frame, 0, HVEMU_STEP).status, 2);
}

static void decoding_nothing_fails(void **state)
{
    const struct hvemu_x64_frame frame = fake_frame64(0x10056, 1, 0);
    struct hvemu_call call;

    (void)state;
    assert_action(hvemu_x64_decode(NULL, NULL, BOTH, &call), HVEMU_FAILED);
    assert_action(hvemu_x64_decode(NULL, &frame, BOTH, NULL), HVEMU_FAILED);
    assert_action(hvemu_x64_decode(NULL, NULL, BOTH, NULL), HVEMU_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_clear_by_a_64_bit_caller_reads_rcx_and_rdx),
        cmocka_unit_test(fast_clear_by_a_32_bit_caller_reads_ebx_ecx),
        cmocka_unit_test(control_word_of_a_32_bit_caller_is_edx_eax),
        cmocka_unit_test(upper_halves_mean_nothing_to_a_32_bit_caller),
        cmocka_unit_test(fast_assert_lies_in_rdx_r8_xmm0),
        cmocka_unit_test(fast_assert_of_a_32_bit_caller_lies_in_ebx_ecx_edi_esi_xmm0),
        cmocka_unit_test(fast_create_lies_in_rdx_r8_xmm0_to_xmm2),
        cmocka_unit_test(output_of_a_call_without_input_begins_in_rdx),
        cmocka_unit_test(fast_call_has_no_addresses),
        cmocka_unit_test(memory_call_of_a_64_bit_caller_has_its_lists_at_rdx_and_r8),
        cmocka_unit_test(memory_call_of_a_32_bit_caller_has_its_lists_at_ebx_ecx_and_edi_esi),
        cmocka_unit_test(fields_that_answer_are_empty_after_decoding),
        cmocka_unit_test(only_privilege_level_0_makes_hypercalls),
        cmocka_unit_test(real_mode_makes_no_hypercalls),
        cmocka_unit_test(call_of_an_illegal_mode_is_not_decoded),
        cmocka_unit_test(virtual_8086_mode_makes_no_hypercalls),
        cmocka_unit_test(only_long_mode_with_a_64_bit_code_segment_has_64_bit_registers),
        cmocka_unit_test(unknown_mode_bits_change_nothing),
        cmocka_unit_test(sixteen_bytes_need_no_xmm_registers),
        cmocka_unit_test(more_than_sixteen_bytes_raise_ud_where_xmm_input_is_not_advertised),
        cmocka_unit_test(want_of_xmm_input_says_what_call_it_was),
        cmocka_unit_test(call_that_needs_unknown_xmm_registers_asks_for_them),
        cmocka_unit_test(some_xmm_registers_are_not_all),
        cmocka_unit_test(ud_comes_before_the_wish_for_xmm),
        cmocka_unit_test(output_in_registers_raises_ud_where_it_is_not_advertised),
        cmocka_unit_test(output_in_general_registers_needs_no_xmm_registers),
        cmocka_unit_test(output_in_registers_is_invalid_input_for_a_32_bit_caller),
        cmocka_unit_test(memory_call_needs_neither_xmm_nor_features),
        cmocka_unit_test(refused_control_word_comes_before_the_want_of_xmm),
        cmocka_unit_test(decoding_nothing_fails),
    };

    return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
