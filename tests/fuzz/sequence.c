/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Sequences of calls, MSR accesses, acknowledgements, resets, processors that come and go, and ops
 * that fail, against the model, as ../model/test_model.c compares them: but the input says what is
 * random there, so that a fuzzer can steer. An input is one episode. */

#define main test_model_main
#include "../model/test_model.c"
#undef main

#include "fuzz.h"

enum { STEPS = 400 };

static struct bytes input;

/* In the place of ../model/random.c. As few bytes as the bound needs, so that a byte of the input
 * is mostly one decision; when there are none left, 0. */
uint64_t sequence_random(struct sequence *s, uint64_t below)
{
    const unsigned bytes = below == 0 ? 8 : below <= 0x100 ? 1 : below <= 0x10000 ? 2 : 8;
    const uint64_t value = take(&input, bytes);

    (void)s;
    return below != 0 ? value % below : value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (t.in == NULL) {
        t.in = malloc(BLOCK);
        t.outs[0] = malloc(BLOCK);
        t.outs[1] = malloc(BLOCK);
        assert_true(t.in && t.outs[0] && t.outs[1]);
    }
    input = (struct bytes){data, data + size};
    t.ok = true;
    begin_episode(0);
    for (t.step = 1; t.step <= STEPS && more(&input) && t.ok; t.step++) {
        if (sequence_chance(&t.sequence, 10))
            host_action();
        else
            random_call();
    }
    vmm_script(&t.below_library, OP_NONE, 0, 0);
    vmm_script(&t.below_model, OP_NONE, 0, 0);
    if (t.ok)
        look();
    assert_true(t.ok);
    return 0;
}
