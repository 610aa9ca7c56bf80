/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sys/endian.h>

#include "../model/model.h"
#include "internal.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return setenv("CMOCKA_TEST_ABORT", "1", 1); /* an assert that fails shows where */
}

int find_shape(uint16_t code, const struct shape *own, struct shape *shape)
{
    const struct model_row *row;

    for (; own && own->code; own++)
        if (own->code == code) {
            *shape = *own;
            return 1;
        }
    for (size_t i = 0; (row = model_row(i)) != NULL; i++)
        if (row->code == code) {
            *shape = (struct shape){row->code,     row->in,  row->in_each, row->out,
                                    row->out_each, row->rep, row->variable};
            return 1;
        }
    return 0;
}

void register_own(struct hvemu *hv, const struct shape *own, hvemu_handler *handler)
{
    for (; own->code; own++) {
        const struct hvemu_descriptor call = {
            .size = sizeof call,
            .name = "own",
            .handler = handler,
            .code = own->code,
            .form = (uint16_t)((own->rep ? HVEMU_REP : 0) | (own->variable ? HVEMU_VARIABLE : 0)),
            .in = own->in,
            .in_each = own->in_each,
            .out = own->out,
            .out_each = own->out_each};
        assert_result(hvemu_register(hv, &call), HVEMU_OK);
    }
}

/* Of the calls that there are, the one in this place. */
static uint16_t code_at(unsigned place, const struct shape *own)
{
    enum { ROWS = 32 };
    unsigned count = ROWS;

    while (own && own[count - ROWS].code)
        count++;
    place %= count;
    return place < ROWS ? model_row(place)->code : own[place - ROWS].code;
}

uint64_t take_control(struct bytes *bytes, const struct shape *own)
{
    const unsigned kind = take_below(bytes, 256);
    struct shape shape;
    unsigned with;
    uint64_t control;

    if (kind >= 0xF0)
        return take(bytes, 8);
    control = kind >= 0xE0 ? take(bytes, 2) : code_at(kind, own);
    with = take_below(bytes, 256);
    control |= (uint64_t)(with & 1) << 16;
    if (with & 2)
        control |= take(bytes, 1) << 32;
    else if (find_shape((uint16_t)control, own, &shape) && shape.rep)
        control |= (uint64_t)(1 + (with >> 4 & 1)) << 32;
    if (with & 4)
        control |= take(bytes, 1) << 48;
    if (with & 8)
        control |= (take(bytes, 1) & 0x3F) << 17;
    return control;
}

/* A parameter: mostly a small number, which costs one byte; else any of 32 bits or 64. */
static uint64_t take_word(struct bytes *bytes)
{
    const unsigned kind = take_below(bytes, 256);

    return kind < 0xA0 ? kind % 16 : take(bytes, kind < 0xD0 ? 4 : 8);
}

void take_call(struct bytes *bytes, const struct shape *own, const uint64_t *ids, unsigned id_count,
               struct said *said)
{
    const unsigned id = take_below(bytes, 256);
    struct shape shape = {0};
    size_t header, count, at = 0;

    said->control = take_control(bytes, own);
    header = (size_t)(said->control >> 17 & 0x3FF) * 8;
    count = (size_t)(said->control >> 32 & 0xFFF);
    if (find_shape((uint16_t)said->control, own, &shape)) {
        said->in_bytes = shape.in + header + count * shape.in_each;
        said->out_bytes = shape.out + count * shape.out_each;
    } else
        said->in_bytes = said->out_bytes = take_below(bytes, 128);
    if (said->in_bytes > SAID)
        said->in_bytes = SAID;
    if (said->out_bytes > SAID)
        said->out_bytes = SAID;
    memset(said->in, 0, sizeof said->in);
    if (id < 0xF0 && (uint16_t)said->control != HvCallCreatePartition) {
        le64enc(said->in, id % 8 == 7 ? HV_PARTITION_ID_SELF : ids[id % id_count]);
        at = 8;
    }
    for (; at < said->in_bytes && more(bytes); at += 8)
        le64enc(said->in + at, take_word(bytes));
}

static uint64_t mix(uint64_t hash, const void *from, size_t count)
{
    const uint8_t *bytes = from;

    for (size_t i = 0; i < count; i++)
        hash = (hash ^ bytes[i]) * 0x100000001B3; /* FNV-1a */
    return hash;
}

uint64_t digest(const struct hvemu *hv, uint32_t place)
{
    const struct hvemu__partition *partition = &hv->partitions[place - 1];
    const struct hvemu__rest *rest = partition->rest;
    const uint64_t word = partition->word;
    uint64_t hash = 0xCBF29CE484222325;

    if (HVEMU__STATE(word) == HVEMU__FREE)
        return 0;
    hash = mix(hash, partition, sizeof *partition);
    hash = mix(hash, rest, sizeof *rest);
    hash = mix(hash, hv->pages + (size_t)(place - 1) * hv->config.pages,
               rest->pages * sizeof *hv->pages);
    hash = mix(hash, (const void *)(hv->intercepts + (size_t)(place - 1) * hv->config.intercepts),
               rest->intercepts * sizeof *hv->intercepts);
    for (const struct hvemu_vp *vp = rest->vps; vp; vp = vp->next)
        hash = mix(hash, vp, offsetof(struct hvemu_vp, in));
    return hash;
}

uint64_t digest_all(const struct hvemu *hv)
{
    uint64_t all = 0;

    for (uint32_t place = 1; place <= hv->config.partitions; place++)
        all = all * 31 + digest(hv, place);
    return all;
}
