/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Names and the line about a decoded call. What the line must say is checked, not its wording; and
 * that no call, however broken, makes it write where it must not. */

#include "fake_vmm.h"

#include <stdlib.h>
#include <string.h>

static struct hvemu_call decode(const struct hvemu_x64_frame *frame)
{
    struct hvemu_call call;

    assert_action(hvemu_x64_decode(NULL, frame, 0x8010, &call), HVEMU_STEP);
    return call;
}

/* The whole line; it is the caller's to free. */
static char *format(const struct hvemu_call *call)
{
    const size_t length = hvemu_call_format(NULL, call, NULL, 0);
    char *line = malloc(length + 1);

    assert_non_null(line);
    assert_int_equal(hvemu_call_format(NULL, call, line, length + 1), length);
    assert_int_equal(strlen(line), length);
    return line;
}

static void assert_says(const struct hvemu_call *call, const char *const *words)
{
    char *line = format(call);

    for (; *words; words++) {
        if (!strstr(line, *words)) {
            print_error("no \"%s\" in \"%s\"\n", *words, line);
            fail();
        }
    }
    free(line);
}

static void line_about_a_fast_call_has_name_code_and_bytes(void **state)
{
    const struct hvemu_x64_frame frame = fake_frame64(0x10056, 0x0123456789ABCDEF, 0xFEDCBA98);
    const struct hvemu_call call = decode(&frame);
    char *line = format(&call);

    (void)state;
    assert_says(&call, (const char *const[]){"HvCallClearVirtualInterrupt", "0x0056", "fast",
                                             "8 bytes", "0x0123456789ABCDEF", NULL});
    /* Nothing of what is no parameter. */
    assert_null(strstr(line, "FEDCBA98"));
    assert_null(strstr(line, "memory"));
    assert_null(strstr(line, "HV_STATUS"));
    free(line);
}

static void line_about_a_memory_call_has_its_addresses(void **state)
{
    const struct hvemu_x64_frame frame = fake_frame64(0x40, 0x000FEDCBA9876540, 0x0000123456789AB8);
    const struct hvemu_call call = decode(&frame);
    char *line = format(&call);

    (void)state;
    assert_says(&call,
                (const char *const[]){"HvCallCreatePartition", "0x0040", "memory", "56 bytes",
                                      "0x000FEDCBA9876540", "8 bytes", "0x0000123456789AB8", NULL});
    assert_null(strstr(line, "fast"));
    free(line);
}

static void line_has_every_word_of_a_long_fast_call(void **state)
{
    struct hvemu_x64_frame frame = fake_frame64(0x10094, 0x1111111111111111, 0x2222222222222222);
    struct hvemu_call call;

    (void)state;
    frame.xmm[0][0] = 0x3333333333333333;
    frame.xmm[0][1] = 0x4444444444444444;
    call = decode(&frame);
    assert_says(&call, (const char *const[]){"HvCallAssertVirtualInterrupt", "32 bytes",
                                             "0x1111111111111111", "0x2222222222222222",
                                             "0x3333333333333333", "0x4444444444444444", NULL});
}

/* Whatever the frame's XMM registers hold where nobody filled them in. */
static void line_says_which_input_nobody_has_read(void **state)
{
    struct hvemu_x64_frame frame = fake_frame64(0x10094, 0x1111111111111111, 0x2222222222222222);
    struct hvemu_call call;
    char *line;

    (void)state;
    frame.known = 0;
    frame.xmm[0][0] = 0x3333333333333333;
    for (uint32_t features = 0; features <= 0x10; features += 0x10) {
        assert_action(hvemu_x64_decode(NULL, &frame, features, &call),
                      features ? HVEMU_NEED_XMM : HVEMU_UD);
        line = format(&call);
        assert_non_null(strstr(line, "32 bytes: 0x1111111111111111 0x2222222222222222 ? ?"));
        assert_null(strstr(line, "3333333333333333"));
        assert_null(strstr(line, "0x0000000000000000"));
        free(line);
    }
    /* A call with a fault is refused without a look at them, filled in or not. */
    frame.known = HVEMU_X64_XMM;
    frame.rcx |= 1u << 27;
    call = decode(&frame);
    assert_says(&call, (const char *const[]){" 0x2222222222222222 ? ?",
                                             "HV_STATUS_INVALID_HYPERCALL_INPUT", NULL});
    frame.rcx &= ~(uint64_t)(1u << 27);
    call = decode(&frame);
    line = format(&call);
    assert_null(strchr(line, '?'));
    free(line);
    /* General registers are never missing. */
    frame = fake_frame64(0x10056, 1, 0);
    frame.known = 0;
    call = decode(&frame);
    line = format(&call);
    assert_null(strchr(line, '?'));
    free(line);
}

/* An exit's result is all that is known of what became of it. */
static void line_takes_status_and_reps_from_the_result(void **state)
{
    const struct hvemu_x64_frame frame = fake_frame64(0x10056, 1, 0);
    const struct hvemu_x64_frame faulty = fake_frame64(0x0000000500010056, 1, 0);
    struct hvemu_call call = decode(&frame);

    (void)state;
    call.executed = 1;
    call.result = 0x1234560000000006;
    assert_says(&call, (const char *const[]){" -> HV_STATUS_ACCESS_DENIED", NULL});
    call = decode(&faulty);
    assert_status(call.status, 3);
    assert_says(&call, (const char *const[]){": HV_STATUS_INVALID_HYPERCALL_INPUT", NULL});
    call.executed = 1;
    call.result = 0x0000000400000000;
    assert_says(&call, (const char *const[]){" -> HV_STATUS_SUCCESS, done 4", NULL});
}

static void line_about_a_refused_call_says_why(void **state)
{
    struct hvemu_x64_frame frame = fake_frame64(0x0007001900000056, 0x1000, 0);
    struct hvemu_call call = decode(&frame);

    (void)state;
    assert_says(&call, (const char *const[]){"HV_STATUS_INVALID_HYPERCALL_INPUT",
                                             "reps from 7 of 25,", NULL});
    frame.rcx = 0x1FFFF;
    call = decode(&frame);
    assert_says(&call, (const char *const[]){"HvCall(unknown)", "0xFFFF",
                                             "HV_STATUS_INVALID_HYPERCALL_CODE", NULL});
    frame.rcx = 0x56;
    frame.rdx = 3;
    call = decode(&frame);
    assert_says(&call, (const char *const[]){"HV_STATUS_INVALID_ALIGNMENT", NULL});
}

static void line_about_a_call_without_elements_says_where_it_was_to_start(void **state)
{
    const struct hvemu_x64_frame frame = fake_frame64(0x0007000000000056, 0x1000, 0);
    const struct hvemu_call call = decode(&frame);

    (void)state;
    assert_says(&call, (const char *const[]){"HV_STATUS_INVALID_HYPERCALL_INPUT",
                                             "reps from 7 of 0,", NULL});
}

static void line_names_a_call_that_is_known_but_not_offered(void **state)
{
    const struct hvemu_x64_frame frame = fake_frame64(0x005C, 0x1000, 0);
    const struct hvemu_call call = decode(&frame);

    (void)state;
    assert_says(&call, (const char *const[]){"HvCallPostMessage", "0x005C",
                                             "HV_STATUS_INVALID_HYPERCALL_CODE", NULL});
}

/* Cuts the line at every length, into memory that is no longer than it says. */
static void assert_cut_anywhere(const struct hvemu_call *call)
{
    char *line = format(call);
    const size_t length = strlen(line);

    for (size_t i = 0; i < length; i++)
        assert_true(line[i] >= ' ' && line[i] <= '~');
    for (size_t bytes = 1; bytes < length + 20; bytes++) {
        const size_t kept = bytes <= length ? bytes - 1 : length;
        char *to = malloc(bytes);

        assert_non_null(to);
        memset(to, 0x5A, bytes);
        assert_int_equal(hvemu_call_format(NULL, call, to, bytes), length);
        assert_memory_equal(to, line, kept);
        assert_int_equal(to[kept], 0);
        for (size_t i = kept + 1; i < bytes; i++)
            assert_int_equal(to[i], 0x5A);
        free(to);
    }
    free(line);
}

static void line_can_be_cut_anywhere(void **state)
{
    const struct hvemu_x64_frame frames[] = {
        fake_frame64(0x10056, 1, 0),    fake_frame64(0x56, 1, 0),
        fake_frame64(0x10040, 1, 2),    fake_frame64(0x40, 0x1000, 0x2000),
        fake_frame64(UINT64_MAX, 1, 2), fake_frame64(0x0FFF0FFF00010094, 1, 2),
        fake_frame64(0x10046, 1, 2),    fake_frame64(0x80000040, 0x1000, 0x2000),
    };

    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        const struct hvemu_call call = decode(&frames[i]);

        assert_cut_anywhere(&call);
    }
}

static void no_room_at_all_writes_nothing(void **state)
{
    const struct hvemu_x64_frame frame = fake_frame64(0x10056, 1, 0);
    const struct hvemu_call call = decode(&frame);
    const size_t length = hvemu_call_format(NULL, &call, NULL, 0);
    char to = 0x5A;

    (void)state;
    assert_true(length > 20);
    assert_int_equal(hvemu_call_format(NULL, &call, &to, 0), length);
    assert_int_equal(to, 0x5A);
}

static void line_about_no_call_is_empty(void **state)
{
    char to[4] = {1, 2, 3, 4};

    (void)state;
    assert_int_equal(hvemu_call_format(NULL, NULL, NULL, 0), 0);
    assert_int_equal(hvemu_call_format(NULL, NULL, to, sizeof to), 0);
    assert_int_equal(to[0], 0);
    assert_int_equal(to[1], 2);
}

static void broken_calls_are_formatted_within_bounds(void **state)
{
    static const uint8_t fill[] = {0x00, 0xFF, 0x01, 0x80, 0x5A, 0xA5};
    uint64_t random = 0x9E3779B97F4A7C15;
    struct hvemu_call call;

    (void)state;
    for (size_t i = 0; i < sizeof fill; i++) {
        memset(&call, fill[i], sizeof call);
        assert_cut_anywhere(&call);
        call.control ^= 0x10000;
        assert_cut_anywhere(&call);
    }
    for (int i = 0; i < 200; i++) {
        uint8_t *bytes = (uint8_t *)&call;

        for (size_t j = 0; j < sizeof call; j++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            bytes[j] = (uint8_t)(random >> 56);
        }
        assert_cut_anywhere(&call);
    }
}

static void offered_calls_have_their_names(void **state)
{
    (void)state;
    assert_string_equal(hvemu_call_name(NULL, 0x0040), "HvCallCreatePartition");
    assert_string_equal(hvemu_call_name(NULL, 0x0041), "HvCallInitializePartition");
    assert_string_equal(hvemu_call_name(NULL, 0x0042), "HvCallFinalizePartition");
    assert_string_equal(hvemu_call_name(NULL, 0x0043), "HvCallDeletePartition");
    assert_string_equal(hvemu_call_name(NULL, 0x0046), "HvCallGetPartitionId");
    assert_string_equal(hvemu_call_name(NULL, 0x0055), "HvCallAssertVirtualInterruptDeprecated");
    assert_string_equal(hvemu_call_name(NULL, 0x0056), "HvCallClearVirtualInterrupt");
    assert_string_equal(hvemu_call_name(NULL, 0x0094), "HvCallAssertVirtualInterrupt");
    /* Known, if not offered. */
    assert_string_equal(hvemu_call_name(NULL, 0x0002), "HvCallFlushVirtualAddressSpace");
    assert_string_equal(hvemu_call_name(NULL, 0x005C), "HvCallPostMessage");
    assert_string_equal(hvemu_call_name(NULL, 0x8001), "HvExtCallQueryCapabilities");
}

static void every_code_has_a_name_and_most_are_unknown(void **state)
{
    unsigned known = 0;

    (void)state;
    for (uint32_t code = 0; code <= 0xFFFF; code++) {
        const char *name = hvemu_call_name(NULL, (uint16_t)code);

        assert_non_null(name);
        if (strstr(name, "unknown"))
            continue;
        known++;
        assert_true(strncmp(name, "Hv", 2) == 0);
    }
    assert_int_equal(known, 254);
    assert_non_null(strstr(hvemu_call_name(NULL, 0), "unknown"));
    assert_non_null(strstr(hvemu_call_name(NULL, 0xFFFF), "unknown"));
}

static void actions_have_their_names(void **state)
{
    (void)state;
    assert_string_equal(hvemu_action_name(HVEMU_STEP), "HVEMU_STEP");
    assert_string_equal(hvemu_action_name(HVEMU_REPEAT), "HVEMU_REPEAT");
    assert_string_equal(hvemu_action_name(HVEMU_UD), "HVEMU_UD");
    assert_string_equal(hvemu_action_name(HVEMU_GP), "HVEMU_GP");
    assert_string_equal(hvemu_action_name(HVEMU_INTERCEPT), "HVEMU_INTERCEPT");
    assert_string_equal(hvemu_action_name(HVEMU_NEED_XMM), "HVEMU_NEED_XMM");
    assert_string_equal(hvemu_action_name(HVEMU_PASS), "HVEMU_PASS");
    assert_string_equal(hvemu_action_name(HVEMU_GONE), "HVEMU_GONE");
    assert_string_equal(hvemu_action_name(HVEMU_FAILED), "HVEMU_FAILED");
    assert_non_null(strstr(hvemu_action_name((enum hvemu_action)9), "unknown"));
    assert_non_null(strstr(hvemu_action_name((enum hvemu_action)0x7FFFFFFF), "unknown"));
}

static void results_have_texts_of_their_own(void **state)
{
    (void)state;
    for (int i = HVEMU_E_OP; i <= HVEMU_OK; i++) {
        const char *text = hvemu_result_text((enum hvemu_result)i);

        assert_non_null(text);
        assert_true(*text != 0);
        assert_null(strstr(text, "unknown"));
        for (int j = HVEMU_E_OP; j < i; j++)
            assert_string_not_equal(text, hvemu_result_text((enum hvemu_result)j));
    }
    assert_non_null(strstr(hvemu_result_text((enum hvemu_result)1), "unknown"));
    assert_non_null(strstr(hvemu_result_text((enum hvemu_result) - 9), "unknown"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_about_a_fast_call_has_name_code_and_bytes),
        cmocka_unit_test(line_about_a_memory_call_has_its_addresses),
        cmocka_unit_test(line_has_every_word_of_a_long_fast_call),
        cmocka_unit_test(line_says_which_input_nobody_has_read),
        cmocka_unit_test(line_takes_status_and_reps_from_the_result),
        cmocka_unit_test(line_about_a_refused_call_says_why),
        cmocka_unit_test(line_about_a_call_without_elements_says_where_it_was_to_start),
        cmocka_unit_test(line_names_a_call_that_is_known_but_not_offered),
        cmocka_unit_test(line_can_be_cut_anywhere),
        cmocka_unit_test(no_room_at_all_writes_nothing),
        cmocka_unit_test(line_about_no_call_is_empty),
        cmocka_unit_test(broken_calls_are_formatted_within_bounds),
        cmocka_unit_test(offered_calls_have_their_names),
        cmocka_unit_test(every_code_has_a_name_and_most_are_unknown),
        cmocka_unit_test(actions_have_their_names),
        cmocka_unit_test(results_have_texts_of_their_own),
    };

    return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
