/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The control words of all known calls, offered or not, and each of their 64 bits flipped. What is
 * expected comes from the tables below, which were written from the specification's lists of calls,
 * not from the library's rows: codes are numbers there, and the rules of the word are spelt out
 * once more. */

#include "fake_vmm.h"

/* All the codes that a specification or a published header names: TLFS 2.0a appendix B, 5.0C and
 * 6.0b appendix A, the online pages, Linux, OpenVMM. A call that the library comes to offer needs
 * its line below, and none here. */
static const struct {
    uint16_t first, last;
} known[] = {
    {0x0001, 0x001D}, {0x0040, 0x0116}, {0x011C, 0x011C}, {0x011F, 0x011F},
    {0x0131, 0x0131}, {0x8001, 0x8006}, {0xC001, 0xC001},
};
enum { RANGES = sizeof known / sizeof *known, KNOWN = 254 };

enum form { SIMPLE, REP, VARIABLE, REP_VARIABLE };

/* Those of them that are offered, then calls of the VMM's own, of every form; fixed input, input
 * element, output, output element. */
static const struct offered {
    uint16_t code;
    enum form form;
    uint16_t in, in_each, out, out_each;
} offered[] = {
    {0x0040, SIMPLE, 56, 0, 8, 0},
    {0x0041, SIMPLE, 8, 0, 0, 0},
    {0x0042, SIMPLE, 8, 0, 0, 0},
    {0x0043, SIMPLE, 8, 0, 0, 0},
    {0x0044, SIMPLE, 16, 0, 8, 0},
    {0x0045, SIMPLE, 24, 0, 0, 0},
    {0x0046, SIMPLE, 0, 0, 8, 0},
    {0x0047, SIMPLE, 16, 0, 8, 0},
    {0x0048, REP, 8, 8, 0, 0},
    {0x0049, REP, 16, 0, 0, 8},
    {0x004A, SIMPLE, 16, 0, 16, 0},
    {0x004B, REP, 24, 8, 0, 0},
    {0x004C, REP, 24, 0, 0, 0},
    {0x004D, SIMPLE, 24, 0, 0, 0},
    {0x004E, SIMPLE, 40, 0, 0, 0},
    {0x004F, SIMPLE, 16, 0, 0, 0},
    {0x0050, REP, 16, 4, 0, 16},
    {0x0051, REP, 16, 32, 0, 0},
    {0x0052, SIMPLE, 32, 0, 16, 0},
    {0x0053, SIMPLE, 32, 0, 24, 0},
    {0x0054, SIMPLE, 48, 0, 8, 0},
    {0x0055, SIMPLE, 32, 0, 0, 0},
    {0x0056, SIMPLE, 8, 0, 0, 0},
    {0x006E, REP, 16, 16, 0, 0},
    {0x0090, REP, 16, 8, 0, 0},
    {0x0094, SIMPLE, 32, 0, 0, 0},
    {0x0099, SIMPLE, 240, 0, 0, 0},
    {0x009A, REP, 16, 4, 0, 4},
    {0x00AC, SIMPLE, 32, 0, 64, 0},
    {0x00AD, SIMPLE, 24, 0, 8, 0},
    {0x0101, SIMPLE, 24, 0, 8, 0},
    {0x010A, VARIABLE, 24, 0, 0, 0},
    /* The VMM's own. */
    {0x7002, REP, 16, 4, 0, 16},
    {0x7004, VARIABLE, 24, 0, 0, 0},
    {0x7008, REP_VARIABLE, 16, 8, 0, 1},
    {0x7010, SIMPLE, 4096, 0, 4096, 0},
    {0x8010, SIMPLE, 0, 0, 8, 0},
};
enum { OFFERED = sizeof offered / sizeof *offered };

static int is_known(uint16_t code)
{
    for (size_t i = 0; i < RANGES; i++)
        if (code >= known[i].first && code <= known[i].last)
            return 1;
    return 0;
}

static const struct offered *find(uint64_t control)
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
    const struct offered *call = find(control);
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
        .size = sizeof config, .features = 0x8010, .calls = OFFERED};
    struct fake_vmm *vmm = fake_new(&config, NULL);

    for (size_t i = 0; i < OFFERED; i++) {
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
        if (!is_known(offered[i].code))
            assert_result(hvemu_register(vmm->hv, &call), HVEMU_OK);
    }
    fake_add_guest(vmm, HV_PRIVILEGE_ALL);
    return vmm;
}

/* As the decoder says, and as the guest is told: whatever the call then does, it is not told 2, 3
 * or 4 for a word that is valid, and nothing else for one that is not. */
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
        assert_false((uint16_t)frame.rax >= 2 && (uint16_t)frame.rax <= 4);
    else
        assert_action(action, HVEMU_REPEAT);
}

static void try_word_and_each_bit(struct fake_vmm *vmm, uint64_t control, unsigned *told)
{
    try_word(vmm, control);
    for (unsigned bit = 0; bit < 64; bit++) {
        const uint64_t flipped = control ^ (uint64_t)1 << bit;

        try_word(vmm, flipped);
        told[expected(flipped)]++;
    }
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

            for (size_t r = 0; r < (rep ? sizeof reps / sizeof *reps : 1); r++)
                try_word_and_each_bit(vmm,
                                      offered[i].code | fast << 16 |
                                          (rep ? reps[r][0] << 32 | reps[r][1] << 48 : 0),
                                      told);
        }
    }
    for (unsigned status = 0; status < 5; status++)
        if (status != 1)
            assert_true(told[status] > 10);
    fake_free(vmm);
}

/* With every word a call of its form could have; a flipped bit of the code may lead to a call that
 * is offered. */
static void each_bit_of_a_known_code_that_is_not_offered_is_judged(void **state)
{
    static const uint64_t words[] = {0, 0x10000, 0x100000000, 0x100010000, 0x1000200020000};
    struct fake_vmm *vmm = new_vmm();
    unsigned told[5] = {0}, count = 0;

    (void)state;
    for (size_t i = 0; i < RANGES; i++)
        for (uint32_t code = known[i].first; code <= known[i].last; code++) {
            count++;
            if (find(code))
                continue;
            for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
                assert_status(expected(code | words[w]), 2);
                try_word_and_each_bit(vmm, code | words[w], told);
            }
        }
    assert_int_equal(count, KNOWN);
    assert_true(told[0] > 10);
    assert_true(told[2] > 10);
    fake_free(vmm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_bit_of_a_valid_control_word_is_judged),
        cmocka_unit_test(each_bit_of_a_known_code_that_is_not_offered_is_judged),
    };

    return cmocka_run_group_tests_name("bitflips", tests, NULL, NULL);
}
