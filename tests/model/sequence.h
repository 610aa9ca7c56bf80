/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Random calls. Most are what a sensible parent would do with the partitions that the model knows
 * of, and then something of some is spoilt: caller, target, control word, length, a reserved
 * field. */

#ifndef MODEL_SEQUENCE_H
#define MODEL_SEQUENCE_H

#include "model.h"

enum { SEQUENCE_DEAD = 0x10 };

struct sequence {
    uint64_t state; /* of the generator */
    struct model *model;
    uint64_t dead[SEQUENCE_DEAD]; /* the last IDs that died */
    uint32_t deaths;
};

struct request {
    uint64_t caller, control;
    size_t in_bytes, out_bytes;
    uint8_t in[0x1100];
};

uint64_t sequence_random(struct sequence *s, uint64_t below);
bool sequence_chance(struct sequence *s, uint32_t percent);
void sequence_call(struct sequence *s, struct request *request);

/* A living partition in one of these states, any if there is none; never NULL. */
struct model_partition *sequence_pick(struct sequence *s, uint32_t states);

extern const uint32_t sequence_properties[];
extern const size_t sequence_property_count;

#endif
