/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* What the fuzz targets share: bytes of the input become numbers and calls, and an instance becomes
 * a number that changes when anything in it does. A target is a function of its input alone; what
 * it finds wrong it says with cmocka's asserts, which end the process. */

#ifndef FUZZ_H
#define FUZZ_H

#include "hvtest.h"

struct bytes {
    const uint8_t *at, *end;
};

static inline int more(const struct bytes *bytes)
{
    return bytes->at < bytes->end;
}

/* The next `count` bytes, at most 8, as a little-endian number; behind the end there are zeros. */
static inline uint64_t take(struct bytes *bytes, unsigned count)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < count && more(bytes); i++)
        value |= (uint64_t)*bytes->at++ << 8 * i;
    return value;
}

static inline unsigned take_below(struct bytes *bytes, unsigned bound)
{
    return (unsigned)take(bytes, 1) % bound;
}

static inline void take_into(struct bytes *bytes, void *to, size_t count)
{
    for (uint8_t *at = to; count; at++, count--)
        *at = (uint8_t)take(bytes, 1);
}

/* How a call looks, by what is written of it outside the library: the rows of tests/model, or the
 * row of the target's own call. */
struct shape {
    uint16_t code, in, in_each, out, out_each;
    int rep, variable;
};

/* 1: there is such a call. own: the target's calls, ended by code 0, or NULL. */
int find_shape(uint16_t code, const struct shape *own, struct shape *shape);

/* Registers the target's calls. */
void register_own(struct hvemu *hv, const struct shape *own, hvemu_handler *handler);

/* A control word: by one byte mostly of a call that there is, by the next with what else it has; or
 * any. */
uint64_t take_control(struct bytes *bytes, const struct shape *own);

enum { SAID = 0x2000 };

/* A call as C says it, and as registers or memory have it. The blocks are as long as the call's
 * shape wants them; an unknown call's as long as the input says. */
struct said {
    uint64_t control;
    size_t in_bytes, out_bytes;
    uint8_t in[SAID];
};

/* ids: those that the input may name by one byte as the target. */
void take_call(struct bytes *bytes, const struct shape *own, const uint64_t *ids, unsigned id_count,
               struct said *said);

/* A digest of all that the library keeps of the partition in this place, 1 and up, and of its
 * processors; 0 of a free place. */
uint64_t digest(const struct hvemu *hv, uint32_t place);
/* Of all partitions. */
uint64_t digest_all(const struct hvemu *hv);

/* libFuzzer's, and replay.c's. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
