/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A valid control word, and each of its 64 bits flipped. What is expected comes from the table below,
 * which was written from the specification's lists of calls, not from the library's rows: known
 * codes are numbers there, and the rules of the word are spelt out once more. */

#include "fake_vmm.h"

enum form { SIMPLE, REP, VARIABLE, REP_VARIABLE };

/* The offered calls, and own ones of every form; fixed input, input element, output, output
 * element. TLFS 2.0a appendix B, online pages of 0x0040 and 0x0094. */
static const struct known {
    uint16_t code;
    enum form form;
    uint16_t in, in_each, out, out_each;
} offered[] = {
    {0x0040, SIMPLE, 56, 0, 8, 0},       {0x0041, SIMPLE, 8, 0, 0, 0},
    {0x0042, SIMPLE, 8, 0, 0, 0},        {0x0043, SIMPLE, 8, 0, 0, 0},
    {0x0046, SIMPLE, 0, 0, 8, 0},        {0x0055, SIMPLE, 32, 0, 0, 0},
    {0x0056, SIMPLE, 8, 0, 0, 0},        {0x0094, SIMPLE, 32, 0, 0, 0},
    {0x7002, REP, 16, 4, 0, 16},         {0x7004, VARIABLE, 24, 0, 0, 0},
    {0x7008, REP_VARIABLE, 16, 8, 0, 1}, {0x7010, SIMPLE, 4096, 0, 4096, 0},
    {0x8001, SIMPLE, 0, 0, 8, 0},
};
enum { OFFERED = sizeof offered / sizeof *offered, BUILT_IN = 8 };

static const struct known *find(uint64_t control)
{
    for (size_t i = 0; i < OFFERED; i++)
        if (offered[i].code == (control & 0xFFFF))
            return &offered[i];
    return NULL;
}

static uint64_t up_to_16(uint64_t bytes)
{
    return (bytes + 15) / 16 * 16;
}

/* TLFS 6.0b 3.7, 3.12: what a 64-bit caller is told about its control word, its lists being at the
 * start of a page. */
static uint16_t expected(uint64_t control)
{
    const struct known *call = find(control);
    const uint64_t count = control >> 32 & 0xFFF, start = control >> 48 & 0xFFF;
    const uint64_t variable = (control >> 17 & 0x3FF) * 8;
    uint64_t in, out;

    if (!call)
        return 0x02;
    if (control & 0xF000F000F8000000)
        return 0x03;
    if (variable && call->form != VARIABLE && call->form != REP_VARIABLE)
        return 0x03;
    if (call->form == REP || call->form == REP_VARIABLE ? start >= count : count || start)
        return 0x03;
    in = call->in + variable + count * call->in_each;
    out = call->out + count * call->out_each;
    if (control >> 16 & 1)
        return up_to_16(in) + up_to_16(out) > 112 ? 0x03 : 0x00;
    return in > 4096 || out > 4096 ? 0x04 : 0x00;
}

static uint16_t succeed(const struct hvemu_invocation *invocation, const void *in, const void *item,
                        void *out)
{
    (void)invocation, (void)in, (void)item, (void)out;
    return 0;
}

static struct fake_vmm *new_vmm(void)
{
    const struct hvemu_config config = {
        .size = sizeof config, .features = 0x8010, .calls = OFFERED - BUILT_IN};
    struct fake_vmm *vmm = fake_new(&config, NULL);

    for (size_t i = BUILT_IN; i < OFFERED; i++) {
        static const uint16_t forms[] = {0, 1, 2, 3};
        const struct hvemu_descriptor call = {.size = sizeof call,
                                              .name = "own",
                                              .handler = succeed,
                                              .code = offered[i].code,
                                              .form = forms[offered[i].form],
                                              .in = offered[i].in,
                                              .in_each = offered[i].in_each,
                                              .out = offered[i].out,
                                              .out_each = offered[i].out_each};
        assert_result(hvemu_register(vmm->hv, &call), HVEMU_OK);
    }
    fake_add_guest(vmm, HV_PRIVILEGE_ALL);
    return vmm;
}

/* As the decoder says, and as the guest is told: whatever the call then does, it is not told 2, 3 or
 * 4 for a word that is valid, and nothing else for one that is not. */
static void try_word(struct fake_vmm *vmm, uint64_t control)
{
    struct hvemu_x64_frame frame = fake_frame64(control, 0x1000, 0x2000);
    const struct hvemu_x64_frame before = frame;
    const uint16_t want = expected(control);
    enum hvemu_action action;
    struct hvemu_call call;

    assert_action(hvemu_x64_decode(vmm->hv, &frame, 0x8010, &call), HVEMU_STEP);
    assert_status(call.status, want);
    action = hvemu_x64_hypercall(vmm->vp, &frame);
    if (want) {
        assert_action(action, HVEMU_STEP);
        assert_u64(frame.rax, want);
        assert_only_changed(&before, &frame, HVEMU_X64_RAX);
    } else if (action == HVEMU_STEP)
        assert_false(frame.rax == 2 || frame.rax == 3 || frame.rax == 4);
    else
        assert_action(action, HVEMU_REPEAT);
}

static void each_bit_of_a_valid_control_word_is_judged(void **state)
{
    struct fake_vmm *vmm = new_vmm();
    unsigned told[5] = {0};

    (void)state;
    for (size_t i = 0; i < OFFERED; i++) {
        const int rep = offered[i].form == REP || offered[i].form == REP_VARIABLE;

        for (uint64_t fast = 0; fast <= 1; fast++) {
            /* Counts and starts on both sides of every limit. */
            static const uint64_t reps[][2] = {{1, 0}, {2, 1}, {4, 3}, {8, 0}, {64, 63}, {255, 16}};

            for (size_t r = 0; r < (rep ? sizeof reps / sizeof *reps : 1); r++) {
                const uint64_t word =
                    offered[i].code | fast << 16 | (rep ? reps[r][0] << 32 | reps[r][1] << 48 : 0);

                try_word(vmm, word);
                for (unsigned bit = 0; bit < 64; bit++) {
                    try_word(vmm, word ^ (uint64_t)1 << bit);
                    told[expected(word ^ (uint64_t)1 << bit)]++;
                }
            }
        }
    }
    for (unsigned status = 0; status < 5; status++)
        if (status != 1)
            assert_true(told[status] > 10);
    fake_free(vmm);
}

static void each_bit_of_a_known_code_is_judged(void **state)
{
    /* TLFS 5.0C and 6.0b appendix A, and the online pages: known, and not offered here. */
    static const uint16_t known[] = {
        0x0001, 0x0002, 0x0003, 0x0008, 0x000B, 0x0011, 0x0012, 0x0013, 0x0014, 0x0015, 0x0044,
        0x0045, 0x0047, 0x0048, 0x0049, 0x004A, 0x004B, 0x004C, 0x004D, 0x004E, 0x004F, 0x0050,
        0x0051, 0x0052, 0x0053, 0x0054, 0x0057, 0x0058, 0x0059, 0x005A, 0x005B, 0x005C, 0x005D,
        0x005E, 0x005F, 0x0069, 0x006A, 0x006B, 0x006C, 0x006D, 0x006E, 0x0070, 0x007E, 0x0090,
        0x0095, 0x0096, 0x0099, 0x009A, 0x00AC, 0x00AD, 0x00AF, 0x00B0, 0x00C0, 0x00C1, 0x00E1,
        0x011C, 0x8002, 0x8003, 0x8004, 0x8005, 0x8006};
    struct fake_vmm *vmm = new_vmm();

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_null(find(known[i]));
        for (unsigned bit = 0; bit < 64; bit++)
            try_word(vmm, known[i] ^ (uint64_t)1 << bit);
    }
    fake_free(vmm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_bit_of_a_valid_control_word_is_judged),
        cmocka_unit_test(each_bit_of_a_known_code_is_judged),
    };

    return cmocka_run_group_tests_name("bitflips", tests, NULL, NULL);
}
