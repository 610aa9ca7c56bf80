/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* One function for what each group of calls needs, then what they have in common. */

#include "sequence.h"

#include "vmm.h"

#include <string.h>

bool sequence_chance(struct sequence *s, uint32_t percent)
{
    return sequence_random(s, 100) < percent;
}

#define ANY(s, ...)                         \
    any(s, (const uint64_t[]){__VA_ARGS__}, \
        sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static uint64_t any(struct sequence *s, const uint64_t *of, size_t count)
{
    return of[sequence_random(s, count)];
}

struct model_partition *sequence_pick(struct sequence *s, uint32_t states)
{
    struct model_partition *found[MODEL_PARTITIONS], *p;
    size_t count = 0;
    for (int i = 0; i < MODEL_PARTITIONS; i++) {
        p = &s->model->partitions[i];
        if (p->id != 0x0 && (p->state & states)) {
            found[count++] = p;
        }
    }
    return count != 0 ? found[sequence_random(s, count)] : &s->model->partitions[0];
}

static void put(struct request *r, uint64_t offset, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        r->in[offset + i] = (uint8_t)(value >> 0x8 * i);
    }
}

static uint64_t a_value(struct sequence *s)
{
    return sequence_chance(s, 40) ? sequence_random(s, 0x10)
                                  : sequence_random(s, 0) >> sequence_random(s, 0x40);
}

static uint64_t a_proximity(struct sequence *s)
{
    return sequence_chance(s, 90) ? ANY(s, 0x0, 0x800000000000003F, 0x8000000100000001, 0x5)
                                  : ANY(s, 0x8000000000000040, 0x0000000200000000,
                                        0x4000000000000000, 0xFFFFFFFFFFFFFFFF, 0x1000000FF);
}

static uint64_t a_page(struct sequence *s)
{
    if (sequence_chance(s, 90)) { /* one that is like others */
        return sequence_random(s, VMM_PAGES / 0x10) << 0x4 | sequence_random(s, 0xC);
    }
    return sequence_chance(s, 75) ? sequence_random(s, VMM_PAGES)
                                  : ANY(s, 0x100, 0x7FFFFF, 0xFFFFFF, 0x1000000, 0xFFFFFFFFFF,
                                        0x10000000000, 0xFFFFFFFFFFFFFFFF);
}

static uint64_t a_large_page(struct sequence *s)
{
    return sequence_chance(s, 90) ? sequence_random(s, 0x10) * 0x200
                                  : ANY(s, 0x201, 0xFFFE00, 0x1000000, 0xFFFFFFFE00, 0x1FF);
}

static uint64_t an_index(struct sequence *s, const struct model_partition *p)
{
    if (sequence_chance(s, 85)) {
        uint32_t from = (uint32_t)sequence_random(s, MODEL_VPS);
        for (uint32_t i = 0; i < MODEL_VPS; i++) {
            if (p->vps[(from + i) % MODEL_VPS].exists) {
                return (from + i) % MODEL_VPS;
            }
        }
    }
    return sequence_chance(s, 80)
               ? sequence_random(s, MODEL_VPS)
               : ANY(s, VP_SELF, VP_SELF, 0x8, 0x9, 0xFFFFFFFE, 0xFFFFFFFF, 0x100);
}

static uint8_t a_vtl(struct sequence *s)
{
    return (uint8_t)(sequence_chance(s, 92) ? ANY(s, 0x0, 0x0, 0x0, 0x10)
                                            : ANY(s, 0x11, 0x1F, 0x20, 0x80, 0xF, 0x1, 0x31));
}

static uint32_t a_register(struct sequence *s)
{
    return (uint32_t)(sequence_chance(s, 40)   ? ANY(s, 0x0, 0x1, 0x90001, 0x90002, 0x90003)
                      : sequence_chance(s, 92) ? vmm_names[sequence_random(s, VMM_REGISTERS)]
                                               : ANY(s, 0x2, 0x5, 0x20012, 0x123456, 0xFFFFFFFF));
}

static uint64_t a_hypercall_msr(struct sequence *s)
{
    return sequence_random(s, 0x18) << 0xC | ANY(s, 0x0, 0x1, 0x1, 0x1, 0xFFD, 0x3) |
           (sequence_chance(s, 3) ? 0x8000000000000000 : 0x0);
}

static void register_value(struct sequence *s, struct request *r, size_t offset, uint32_t name)
{
    uint64_t low = a_value(s), high = sequence_chance(s, 10) ? a_value(s) : 0x0;
    switch (name) {
    case 0x0:
    case 0x1:
        low = sequence_chance(s, 85) ? sequence_random(s, 0x2) : a_value(s);
        break;
    case 0x40000:
        low = ANY(s, 0x0, 0x80000001, 0x80010001, 0x11);
        break;
    case 0x90001:
        low = a_hypercall_msr(s);
        break;
    case 0x90002:
        low = sequence_chance(s, 60) ? a_value(s) : ANY(s, 0x0, 0x8100000000000001);
        break;
    default:
        break;
    }
    put(r, offset, low, 0x8);
    put(r, offset + 0x8, high, 0x8);
}

const uint32_t sequence_properties[] = {0x10000, 0x20001, 0x20002, 0x20003,   0x30000, 0x30001,
                                        0x30002, 0x40000, 0x50000, 0x30005,   0x20000, 0x30003,
                                        0x70000, 0x50012, 0x60000, 0x60001,   0x60003, 0x60006,
                                        0x0,     0x99999, 0x10001, 0xFFFFFFFF};
const size_t sequence_property_count = sizeof sequence_properties / sizeof *sequence_properties;

static uint64_t a_property_value(struct sequence *s, uint32_t code, const struct model_partition *p)
{
    switch (code) {
    case 0x10000:
        /* The root gives up little of what it can never get back. */
        if (p->id == s->model->root) {
            return p->property[PRIVILEGES] & ~(sequence_chance(s, 90)   ? UINT64_C(0x0)
                                               : sequence_chance(s, 70) ? UINT64_C(0x100)
                                                                        : UINT64_C(0x400000000));
        }
        return ANY(s, 0x25700000067, 0x25700000067, 0x22001500000060, 0x22000700000040, 0x60,
                   0x22000700000060, UINT64_MAX, 0x10000, 0x100000000060, 0x100000000,
                   0x22000000000060);
    case 0x20001:
    case 0x20002:
        return ANY(s, 0x0, 0x8000, 0x4000, 0x10000, 0x10000, 0x10001, 0xFFFFFFFFFFFFFFFF, 0x9000);
    case 0x20003:
        return ANY(s, 0x1, 0x2710, 0x64, 0x0, 0x2711, 0x100000001);
    case 0x30001:
        return ANY(s, 0x0, 0x1FFF, 0xFF00000000001FFF, 0x2000, 0x80000000, 0x80000000000000);
    case 0x30002:
        return ANY(s, 0x0, 0x3FFFF, 0x10408, 0x40000, 0x8000000000000000);
    case 0x40000:
        return ANY(s, 0x0, 0x1, 0x2, 0x3, 0xFFFF, 0x10000, 0xFFFFFFFFFFFFFFFF);
    default:
        return a_value(s);
    }
}

/* 0x44, 0x45, 0x101, 0x10A. */
static void property_call(struct sequence *s, struct request *r, const struct model_partition *p)
{
    uint16_t code = (uint16_t)r->control;
    uint32_t property = sequence_properties[sequence_random(
        s, p->state == ACTIVE || sequence_chance(s, 30) ? sequence_property_count : 0x1)];
    put(r, 0x8, property, 0x4);
    if (sequence_chance(s, 1)) {
        put(r, 0xC, 0x1, 0x4);
    }
    if (code == 0x45) {
        put(r, 0x10, a_property_value(s, property, p), 0x8);
    } else if (code != 0x44) {
        put(r, 0x10, sequence_random(s, 0x3), 0x8);
        put(r, 0x18, a_property_value(s, property, p), 0x8);
    }
    if (code == 0x10A) {
        r->control |= (sequence_chance(s, 92) ? 0x1 : sequence_random(s, 0x4)) << 0x11;
    }
}

/* 0x40. */
static void creation(struct sequence *s, struct request *r)
{
    if (sequence_chance(s, 40)) {
        put(r, 0x0, ANY(s, 0x1, 0x2000, 0x59A713, 0x400000, 0x4, 0x8000000000000000), 0x8);
    }
    put(r, 0x8, a_proximity(s), 0x8);
    put(r, 0x10, sequence_random(s, 0x3), 0x4);
    if (sequence_chance(s, 5)) {
        put(r, ANY(s, 0x14, 0x30, 0x34), 0x1, 0x4);
    }
    if (sequence_chance(s, 10)) {
        put(r, ANY(s, 0x18, 0x20, 0x28), a_value(s), 0x8);
    }
}

/* 0x4B, 0x4C, 0x6E, 0x90. */
static void map_call(struct sequence *s, struct request *r, const struct model_partition *p,
                     uint32_t count)
{
    uint16_t code = (uint16_t)r->control;
    uint64_t flags =
        sequence_chance(s, 90)
            ? ANY(s, 0x1, 0x3, 0x5, 0x7, 0xB, 0xF, 0x0, 0x8003, 0x10000003, 0x100003, 0x200001)
            : ANY(s, 0x2, 0x4, 0x8, 0xE, 0x83, 0x4001, 0x40001, 0x400001, 0x20000001, 0x40000003);
    bool large = sequence_chance(s, 15), itself = p->id == s->model->root;
    uint64_t base = large ? a_large_page(s) : a_page(s);
    if (code == 0x4C) {
        flags = (sequence_chance(s, 95) ? 0x0 : ANY(s, 0x1, 0x4, 0x80000000)) | (large ? 0x2 : 0x0);
    } else {
        flags |= large ? 0x80000000 : 0x0;
    }
    if (code == 0x4B || code == 0x4C) {
        put(r, 0x8, base, 0x8);
        put(r, 0x10, flags, 0x4);
    } else {
        put(r, 0x8, flags, 0x4);
    }
    if (code == 0x90 && sequence_chance(s, 3)) {
        put(r, 0xC, 0x1, 0x4);
    }
    for (uint32_t i = 0; i < count && i < 0x100; i++) {
        uint64_t page = large ? a_large_page(s) : a_page(s);
        if (code == 0x4B && count > 0x10) { /* a long list that goes well */
            page = (i & 0x7F) * (large ? 0x200 : 0x1) & ~UINT64_C(0x0);
            page = large ? page : (page & 0xF) > 0xB ? 0x1 : page;
        }
        if (code == 0x4B && itself && sequence_chance(s, 90)) {
            page = base + (large ? 0x200 : 0x1) * i;
        }
        if (code == 0x6E) {
            put(r, 0x10 + 0x10 * i, page, 0x8);
            put(r, 0x18 + 0x10 * i, itself && sequence_chance(s, 90) ? page : a_page(s), 0x8);
            if (large && !itself) {
                put(r, 0x18 + 0x10 * i, a_large_page(s), 0x8);
            }
        } else if (code != 0x4C) {
            put(r, (code == 0x90 ? 0x10 : 0x18) + 0x8 * i, page, 0x8);
        }
    }
}

/* 0x50, 0x51, 0x9A. */
static void register_call(struct sequence *s, struct request *r, const struct model_partition *p,
                          uint32_t count)
{
    uint16_t code = (uint16_t)r->control;
    if (code == 0x9A) {
        put(r, 0x8, a_vtl(s), 0x1);
        for (uint32_t i = 0; i < count && i < 0x100; i++) {
            put(r, 0x10 + 0x4 * i, an_index(s, p), 0x4);
        }
        return;
    }
    put(r, 0x8, an_index(s, p), 0x4);
    put(r, 0xC, a_vtl(s), 0x1);
    if (sequence_chance(s, 2)) {
        put(r, 0xD, sequence_random(s, 0), 0x3);
    }
    for (uint32_t i = 0; i < count && i < 0x60; i++) {
        uint32_t name = a_register(s);
        if (code == 0x50) {
            put(r, 0x10 + 0x4 * i, name, 0x4);
        } else {
            put(r, 0x10 + 0x20 * i, name, 0x4);
            register_value(s, r, 0x20 + 0x20 * i, name);
        }
    }
}

/* 0x4E, 0x4F, 0x99. */
static void vp_call(struct sequence *s, struct request *r, const struct model_partition *p)
{
    uint16_t code = (uint16_t)r->control;
    uint64_t index = sequence_chance(s, 20) ? 0x0 : sequence_random(s, 0xA);
    put(r, 0x8, code == 0x4E ? index : an_index(s, p), 0x4);
    if (code == 0x4E) {
        put(r, 0x18, a_proximity(s), 0x8);
        if (sequence_chance(s, 4)) {
            put(r, ANY(s, 0xC, 0xE, 0x20, 0x27), 0x1, 0x1);
        }
        if (sequence_chance(s, 5)) {
            put(r, ANY(s, 0xF, 0x10), 0x1, 0x1);
        }
    } else if (code == 0x99) {
        put(r, 0xC, sequence_chance(s, 90) ? 0x0 : ANY(s, 0x1, 0xF, 0x10, 0x80), 0x1);
        put(r, 0xD, sequence_chance(s, 97) ? 0x0 : 0x1, 0x1);
        put(r, 0x10, a_value(s), 0x8);
    }
}

/* 0x52, 0xAC, 0x53, 0x54. */
static void memory_call(struct sequence *s, struct request *r, const struct model_partition *p)
{
    uint16_t code = (uint16_t)r->control;
    put(r, 0x8, an_index(s, p), 0x4);
    if (code == 0x52 || code == 0xAC) {
        uint64_t flags = ANY(s, 0x1, 0x2, 0x4, 0x3, 0x7, 0x0) | ANY(s, 0x0, 0x8, 0x40, 0x80, 0x80);
        flags |= sequence_chance(s, 3) ? ANY(s, 0x10, 0x400) : 0x0;
        if (sequence_chance(s, 5)) {
            flags |= ANY(s, 0x800, 0x10000, 0x80000000000000, 0x1100000000000000,
                         0x2000000000000000, 0x1000000000000000);
        }
        if (sequence_chance(s, 5)) {
            put(r, 0xC, 0x1, 0x4);
        }
        flags |= sequence_chance(s, 10) ? 0x20 : 0x0;
        put(r, 0x10, flags, 0x8);
        put(r, 0x18, sequence_random(s, sequence_chance(s, 70) ? 0x10 : 0x801), 0x8);
        if (sequence_chance(s, 3)) {
            put(r, 0x18,
                ANY(s, 0x800000000, 0xFFFFFFFFFFFFF, 0xFFFFF7FFFFFFF, 0x10000000000000, 0x7FFFFFFFF,
                    0xFFFFF800000000),
                0x8);
        }
        return;
    }
    uint64_t page = sequence_chance(s, 70) ? ANY(s, 0x0, 0x5, 0x6, 0x7)
                                           : ANY(s, 0x8, 0x9, 0xA, 0xFFFFFFFFFF, 0x10000000000);
    put(r, 0xC, sequence_chance(s, 95) ? 0x1 + sequence_random(s, 0x10) : ANY(s, 0x0, 0x11), 0x4);
    put(r, 0x10, page << 0xC | sequence_random(s, sequence_chance(s, 95) ? 0xFF0 : 0x1000), 0x8);
    put(r, 0x18,
        sequence_chance(s, 95) ? ANY(s, 0x0, 0x1, 0x4, 0x5, 0x6)
                               : ANY(s, 0x2, 0x3, 0x7, 0xFF, 0x106, 0x1106, 0x2001, 0x100000006),
        0x8);
    put(r, 0x20, sequence_random(s, 0), 0x8);
    put(r, 0x28, sequence_random(s, 0), 0x8);
}

/* 0x4D, 0xAD. */
static void intercept_call(struct sequence *s, struct request *r, const struct model_partition *p)
{
    if ((uint16_t)r->control == 0x4D) {
        uint64_t type = sequence_chance(s, 95) ? sequence_random(s, 0x4) : ANY(s, 0x4, 0x8, 0x12);
        put(r, 0x8,
            sequence_chance(s, 90) ? (type < 0x2 ? sequence_random(s, 0x4) : ANY(s, 0x0, 0x4, 0x4))
                                   : sequence_random(s, 0x10),
            0x4);
        put(r, 0xC, type, 0x4);
        put(r, 0x10,
            sequence_chance(s, 95) ? sequence_random(s, 0x8)
                                   : ANY(s, 0x1F, 0x20, 0xFFFF, 0x10000, 0xFFFFFFFF, 0x100000000),
            0x8);
        return;
    }
    put(r, 0x8, an_index(s, p), 0x4);
    put(r, 0xC, a_vtl(s), 0x1);
    put(r, 0xE, sequence_chance(s, 95) ? sequence_random(s, 0x8) : ANY(s, 0xFFFF, 0xFFFE), 0x2);
    put(r, 0x10, sequence_chance(s, 95) ? ANY(s, 0x1, 0x2, 0x4) : ANY(s, 0x0, 0x3, 0x8), 0x1);
    put(r, 0x11, sequence_chance(s, 97) ? sequence_random(s, 0x2) : 0x2, 0x1);
}

/* 0x55, 0x94. */
static void interrupt_call(struct sequence *s, struct request *r)
{
    bool external = sequence_chance(s, 70);
    uint64_t type = external ? 0x7 : sequence_random(s, 0xB);
    uint64_t vector = sequence_chance(s, 85) ? sequence_random(s, 0x100)
                                             : ANY(s, 0xFFFFFFFF, 0xFFFFFFFF, 0x100, 0x7FFFFFFF);
    if (type != 0x0 && type != 0x1 && type != 0x6 && type != 0x7 && sequence_chance(s, 80)) {
        vector = 0x0;
    }
    put(r, 0x8, type | sequence_random(s, 0x4) << 0x20, 0x8);
    if (sequence_chance(s, 3)) {
        put(r, 0xC, ANY(s, 0x4, 0x80000000), 0x4);
    }
    put(r, 0x10, sequence_chance(s, 95) == external ? 0x0 : ANY(s, 0x1, 0xD, 0xE, 0x100000000),
        0x8);
    put(r, 0x18, vector, 0x4);
    if (sequence_chance(s, 6)) {
        put(r, ANY(s, 0x1C, 0x1C, 0x1D, 0x1F), ANY(s, 0x1, 0xF, 0x10), 0x1);
    }
}

static uint64_t an_id(struct sequence *s, const struct model_partition *caller)
{
    switch (sequence_random(s, 0x6)) {
    case 0x0:
        return 0x0;
    case 0x1:
        return SELF;
    case 0x2:
        return s->dead[sequence_random(s, SEQUENCE_DEAD)];
    case 0x3:
        return caller->id;
    case 0x4:
        return sequence_random(s, 0);
    default:
        return sequence_pick(s, 0x1E)->id;
    }
}

/* Calls by how often: the rare ones end what the others need. */
static const uint16_t often[] = {
    0x40, 0x40, 0x41, 0x41, 0x41, 0x42, 0x42, 0x43, 0x44,  0x44, 0x45, 0x45, 0x45, 0x46,
    0x47, 0x47, 0x48, 0x48, 0x48, 0x48, 0x48, 0x48, 0x49,  0x49, 0x4A, 0x4B, 0x4B, 0x4B,
    0x4C, 0x4C, 0x4D, 0x4D, 0x4E, 0x4E, 0x4E, 0x4E, 0x4F,  0x50, 0x50, 0x51, 0x51, 0x51,
    0x52, 0x52, 0x53, 0x54, 0x55, 0x55, 0x56, 0x56, 0x56,  0x6E, 0x6E, 0x90, 0x90, 0x94,
    0x94, 0x94, 0x99, 0x9A, 0xAC, 0xAC, 0xAD, 0xAD, 0x101, 0x10A};

/* The states in which a call is worth making most of the time. */
static uint32_t states_for(struct sequence *s, const struct model_row *row)
{
    if (row->target == NAMES_NOBODY || sequence_chance(s, 15)) {
        return 0x1E;
    }
    return row->code == 0x49 ? FINALIZED | UNINITIALIZED | ACTIVE : row->states;
}

static const struct model_row *row_of(uint16_t code)
{
    const struct model_row *row = model_row(0);
    for (size_t i = 0; row != NULL && row->code != code; row = model_row(++i)) {
    }
    return row;
}

static bool has_a_vp(const struct model_partition *p)
{
    for (int i = 0; i < MODEL_VPS; i++) {
        if (p->vps[i].exists) {
            return true;
        }
    }
    return false;
}

static bool has_pages(const struct model *m, const struct model_partition *p, uint32_t cost)
{
    return m->config.pages == 0x0 || model_in_use(m, p) + cost <= p->deposited;
}

/* Is this call one that somebody would make? */
static bool makes_sense(struct sequence *s, const struct model_row *row,
                        const struct model_partition *caller, const struct model_partition *p)
{
    const struct model *m = s->model;
    uint64_t needs = row->as_parent;
    if (caller == p && row->target != NAMES_NOBODY) {
        if (!(row->target & (NAMES_SELF | (p->id == m->root ? NAMES_ROOT_ITSELF : 0x0)))) {
            return false;
        }
        needs = row->target & NAMES_SELF ? row->as_self : needs;
    }
    if (caller->state != ACTIVE || (caller->property[PRIVILEGES] & needs) != needs ||
        (row->target != NAMES_NOBODY && !(p->state & row->states)) ||
        ((row->target & NAMES_VP || row->code == 0x9A) && !has_a_vp(p))) {
        return false;
    }
    switch (row->code) {
    case 0x40:
        return caller->depth < m->config.depth && model_room(m, caller) &&
               has_pages(m, caller, m->config.create_cost);
    case 0x41:
        return has_pages(m, p, m->config.initialize_cost);
    case 0x43:
        return p->deposited == 0x0;
    case 0x48:
        return p->deposited < m->config.pages;
    case 0x49:
        return p->deposited > model_in_use(m, p);
    case 0x4E:
        return model_room_for_vp(m, p);
    case 0x99:
        return !p->vps[0x1].started && !p->vps[0x2].started;
    case 0x55:
    case 0x94:
        return p->vps[0].exists;
    case 0x56:
        return p->ext_int == ACKED;
    default:
        return true;
    }
}

static void spoil(struct sequence *s, struct request *r, struct model_partition **caller)
{
    if (sequence_chance(s, 6)) { /* somebody else, with a right to hypercalls or not */
        *caller = sequence_pick(s, 0x1E);
        r->caller = (*caller)->id;
        if (sequence_chance(s, 25)) {
            r->caller = an_id(s, *caller);
        }
    }
    if ((uint16_t)r->control != 0x40 && sequence_chance(s, 5)) {
        put(r, 0x0, an_id(s, *caller), 0x8);
    }
    if (sequence_chance(s, 2)) {
        r->control ^= UINT64_C(0x1) << (0x11 + sequence_random(s, 0x2F));
    }
    if (sequence_chance(s, 1)) {
        r->control = sequence_chance(s, 50) ? sequence_random(s, 0)
                                            : (r->control & ~UINT64_C(0xFFFF)) |
                                                  ANY(s, 0x0, 0x1, 0x3F, 0x57, 0x5C, 0x6D, 0x8001);
    }
    if (sequence_chance(s, 50)) {
        r->control ^= 0x10000; /* the fast bit says nothing here */
    }
}

/* Whom a call is about, and who makes it. */
static struct model_partition *pick_target(struct sequence *s, const struct model_row *row,
                                           struct model_partition **caller)
{
    struct model_partition *p = sequence_pick(s, states_for(s, row));
    *caller = model_find(s->model, p->parent);
    if (row->target == NAMES_NOBODY) {
        *caller = sequence_pick(s, sequence_chance(s, 95) ? ACTIVE : 0x1E);
    } else if (row->target & NAMES_SELF && sequence_chance(s, 30)) {
        *caller = p;
    } else if (row->target & NAMES_ROOT_ITSELF && sequence_chance(s, 10)) {
        *caller = p = &s->model->partitions[0];
    } else if (*caller == NULL) {
        *caller = p;
    }
    return p;
}

void sequence_call(struct sequence *s, struct request *r)
{
    const struct model_row *row;
    struct model_partition *p, *caller;
    uint16_t code;
    do {
        code = often[sequence_random(s, sizeof often / sizeof *often)];
        row = row_of(code);
        p = pick_target(s, row, &caller);
    } while (!makes_sense(s, row, caller, p) && !sequence_chance(s, 10));

    uint32_t count = 0x0;
    memset(r, 0, sizeof *r);
    r->caller = caller->id;
    r->control = code;
    if (row->rep) {
        count = 0x1 + (uint32_t)sequence_random(s, sequence_chance(s, 93)   ? 0x6
                                                   : sequence_chance(s, 70) ? 0xA0
                                                                            : 0x1000);
        count = code == 0x48 && sequence_chance(s, 50) ? 0x8 : count;
        r->control |= (uint64_t)count << 0x20;
        if (sequence_chance(s, 5)) {
            r->control |= sequence_random(s, count + 0x1) << 0x30;
        }
    }
    if (row->target != NAMES_NOBODY) {
        put(r, 0x0, caller == p && sequence_chance(s, 50) ? SELF : p->id, 0x8);
    }
    switch (code) {
    case 0x40:
        creation(s, r);
        break;
    case 0x44:
    case 0x45:
    case 0x101:
    case 0x10A:
        property_call(s, r, p);
        break;
    case 0x47: {
        const struct model_partition *child = sequence_pick(s, 0x1E);
        put(r, 0x8, child->parent == p->id || sequence_chance(s, 20) ? child->id : 0x0, 0x8);
        break;
    }
    case 0x48:
        for (uint32_t i = 0; i < count && i < 0x200; i++) {
            put(r, 0x8 + 0x8 * i, a_page(s), 0x8);
        }
        break;
    case 0x49:
    case 0x4A:
        put(r, 0x8, a_proximity(s), 0x8);
        break;
    case 0x4B:
    case 0x4C:
    case 0x6E:
    case 0x90:
        map_call(s, r, p, count);
        break;
    case 0x4D:
    case 0xAD:
        intercept_call(s, r, p);
        break;
    case 0x4E:
    case 0x4F:
    case 0x99:
        vp_call(s, r, p);
        break;
    case 0x50:
    case 0x51:
    case 0x9A:
        register_call(s, r, p, count);
        break;
    case 0x52:
    case 0x53:
    case 0x54:
    case 0xAC:
        memory_call(s, r, p);
        break;
    case 0x55:
    case 0x94:
        interrupt_call(s, r);
        break;
    default:
        break;
    }
    spoil(s, r, &caller);

    /* As many bytes as the call needs, or one less. */
    row = row_of((uint16_t)r->control);
    r->in_bytes = r->out_bytes = 0x1000;
    if (row != NULL) {
        size_t n = r->control >> 0x20 & 0xFFF, variable = r->control >> 0x11 & 0x3FF;
        size_t in = row->in + variable * 0x8 + n * row->in_each;
        size_t out = row->out + n * row->out_each;
        r->in_bytes = in < 0x1000 ? in : 0x1000;
        r->out_bytes = out < 0x1000 ? out : 0x1000;
    }
    if (sequence_chance(s, 1)) {
        r->in_bytes -= r->in_bytes != 0;
    } else if (sequence_chance(s, 1)) {
        r->out_bytes -= r->out_bytes != 0;
    }
}
