/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Where the randomness of a sequence comes from. A file of its own, so that a fuzzer can put its
 * input in its place (../fuzz/sequence.c). */

#include "sequence.h"

uint64_t sequence_random(struct sequence *s, uint64_t below)
{
    uint64_t z = s->state += 0x9E3779B97F4A7C15; /* SplitMix64 */
    z = (z ^ z >> 0x1E) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 0x1B) * 0x94D049BB133111EB;
    z ^= z >> 0x1F;
    return below != 0x0 ? z % below : z;
}
