/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The instance: takes the VMM's configuration and ops, whatever version of them, and lays
 * everything out in the one block of memory that the owner gave. */

#include "internal.h"

/* What the first release's structures had, padding included; what came later may be missing. */
enum {
    FIRST_CONFIG = sizeof(struct hvemu_config),
    FIRST_OPS = offsetof(struct hvemu_ops, property) + sizeof(void *),
    FIRST_DESCRIPTOR = offsetof(struct hvemu_descriptor, reserved) + 2,
    SIZE_SANE = 4096 /* more is rubbish in a structure that was never zeroed */
};

/* Copies a structure of any version that begins with its size. One from a newer program may be
 * longer, if what it has more is zero and so asks for nothing. */
static enum hvemu_result take(void *to, size_t known, size_t first, const void *from)
{
    const uint8_t *bytes = from;
    size_t size;

    if (!from)
        return HVEMU_OK; /* *to stays zero: all defaults */
    memcpy(&size, from, sizeof size);
    if (size < first || size > SIZE_SANE)
        return HVEMU_E_VERSION;
    for (size_t i = known; i < size; i++)
        if (bytes[i])
            return HVEMU_E_VERSION;
    memcpy(to, from, size < known ? size : known);
    return HVEMU_OK;
}

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value ? value : fallback;
}

/* Without pools nothing can be paid. */
static uint32_t cost(const struct hvemu_config *config, uint32_t value, uint32_t fallback)
{
    return !config->pages || value == HVEMU_NO_COST ? 0 : or_default(value, fallback);
}

static enum hvemu_result take_config(struct hvemu_config *to, const struct hvemu_config *from)
{
    static const uint8_t vmcall_ret[] = {0x0F, 0x01, 0xC1, 0xC3};
    enum hvemu_result result;

    memset(to, 0, sizeof *to);
    result = take(to, sizeof *to, FIRST_CONFIG, from);
    if (result != HVEMU_OK)
        return result;
    to->partitions = or_default(to->partitions, 16);
    to->vps = or_default(to->vps, 16);
    to->depth = or_default(to->depth, 2);
    to->children = or_default(to->children, UINT32_MAX);
    to->descendants = or_default(to->descendants, UINT32_MAX);
    to->gpa_bits = or_default(to->gpa_bits, 52);
    to->rep_budget = or_default(to->rep_budget, 64);
    to->vps_each = or_default(to->vps_each, to->vps);
    to->create_cost = cost(to, to->create_cost, 1);
    to->initialize_cost = cost(to, to->initialize_cost, 200);
    to->vp_cost = cost(to, to->vp_cost, 90);
    to->map_cost = cost(to, to->map_cost, 1);
    to->intercept_cost = cost(to, to->intercept_cost, 1);
    to->intercepts = or_default(to->intercepts, 32);
    if (!to->privileges)
        to->privileges = HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS | HV_PRIVILEGE_ACCESS_VP_INDEX;
    if (!to->page_code_bytes) {
        to->page_code_bytes = sizeof vmcall_ret;
        memcpy(to->page_code, vmcall_ret, sizeof vmcall_ret);
    }
    if (to->partitions > HVEMU__SLOTS_MAX || to->vps > HV_VP_INDEX_SELF || to->depth > 255 ||
        to->gpa_bits < 12 || to->gpa_bits > 52 || to->page_code_bytes > sizeof to->page_code ||
        to->calls > 0xFFFF || to->rep_budget > 0xFFF || to->intercepts > 0xFFFF)
        return HVEMU_E_ARGUMENT;
    return HVEMU_OK;
}

/* A power of two. */
static uint32_t places(const struct hvemu_config *config)
{
    uint32_t places = 2;

    while (places < 8 * config->calls)
        places *= 2;
    return places;
}

/* Of a VP: for the lists of a memory call, and for what an exit's call is decoded into. */
enum { ROOM = 2 * HVEMU__LIST_MAX + (sizeof(struct hvemu_call) + 63) / 64 * 64 };

/* Bytes in all, a multiple of 64 as aligned_alloc() wants it; in 64 bits, as the largest
 * configuration is larger than some hosts' size_t. */
static uint64_t memory_size(const struct hvemu_config *config)
{
    const uint64_t words = config->partitions * ((uint64_t)config->pages + config->intercepts);
    const uint64_t calls = config->calls * (uint64_t)sizeof(struct hvemu_descriptor) +
                           places(config) * (uint64_t)sizeof(struct hvemu_descriptor *);

    return sizeof(struct hvemu) +
           config->partitions *
               (uint64_t)(sizeof(struct hvemu__partition) + sizeof(struct hvemu__rest)) +
           config->vps * (sizeof(struct hvemu_vp) + (uint64_t)ROOM) +
           (config->calls ? HVEMU__LIST_MAX : 0) +
           (words * sizeof(uint64_t) + calls + 63) / 64 * 64;
}

size_t hvemu_memory_size(const struct hvemu_config *config)
{
    struct hvemu_config taken;
    uint64_t bytes;

    if (take_config(&taken, config) != HVEMU_OK)
        return 0;
    bytes = memory_size(&taken);
    return bytes <= SIZE_MAX ? (size_t)bytes : 0;
}

static void lay_out(struct hvemu *hv)
{
    const struct hvemu_config *config = &hv->config;
    struct hvemu__rest *rests;
    struct hvemu_vp *vps;
    uint8_t *lists;

    rests = (struct hvemu__rest *)(hv->partitions + config->partitions);
    for (uint32_t i = 0; i < config->partitions; i++)
        hv->partitions[i].rest = &rests[i];
    vps = (struct hvemu_vp *)(rests + config->partitions);
    hv->intercepts = (_Atomic uint64_t *)(vps + config->vps);
    hv->pages = (uint64_t *)(hv->intercepts + (size_t)config->partitions * config->intercepts);
    hv->calls = (struct hvemu_descriptor *)(hv->pages + (size_t)config->partitions * config->pages);
    hv->places = (const struct hvemu_descriptor **)(hv->calls + config->calls);
    hv->place_mask = places(config) - 1;
    hv->place_shift = 32;
    for (uint32_t mask = hv->place_mask; mask; mask /= 2)
        hv->place_shift--;
    lists = (uint8_t *)(hv->places + hv->place_mask + 1);
    for (uint32_t i = 0; i < config->vps; i++, lists += ROOM) {
        vps[i].in = lists;
        vps[i].out = lists + HVEMU__LIST_MAX;
        vps[i].call = (struct hvemu_call *)(uintptr_t)(lists + 2 * HVEMU__LIST_MAX);
        hvemu__free_vp(hv, &vps[i]);
    }
    hv->room = config->calls ? lists : NULL;
    for (int i = 0; i < HVEMU__ROWS; i++)
        hv->by_code[hvemu__rows[i].code] = &hvemu__rows[i];
}

enum hvemu_result hvemu_init(struct hvemu **hv, void *memory, size_t bytes,
                             const struct hvemu_config *config, const struct hvemu_ops *ops,
                             void *ctx)
{
    struct hvemu_config taken;
    struct hvemu_ops taken_ops = {0};
    struct hvemu *made = memory;
    enum hvemu_result result;

    if (!hv || !memory || (uintptr_t)memory % alignof(struct hvemu))
        return HVEMU_E_ARGUMENT;
    result = take_config(&taken, config);
    if (result == HVEMU_OK)
        result = take(&taken_ops, sizeof taken_ops, FIRST_OPS, ops);
    if (result != HVEMU_OK)
        return result;
    if (bytes < memory_size(&taken))
        return HVEMU_E_SPACE;

    memset(memory, 0, (size_t)memory_size(&taken));
    made->config = taken;
    made->ops = taken_ops;
    made->gpa_end = (uint64_t)1 << taken.gpa_bits;
    made->plain_gpa_end = taken_ops.gpa_read ? made->gpa_end : 0;
    made->plain_mode = taken_ops.filter || taken_ops.trace ? UINT32_MAX : HVEMU_X64_KERNEL64;
    lay_out(made);
    hvemu__make_root(made, ctx);
    *hv = made;
    return HVEMU_OK;
}

/* Whether such a call can be: its lists fit a page with one element at least, and what follows its
 * header lies aligned. */
static int valid_descriptor(const struct hvemu_descriptor *call)
{
    const int rep = call->form & HVEMU_REP;
    const int header_goes_on = call->in_each || call->form & HVEMU_VARIABLE;

    if (!call->name || !call->handler || call->form > (HVEMU_REP | HVEMU_VARIABLE))
        return 0;
    if (rep ? call->out != 0 : call->in_each || call->out_each)
        return 0;
    if (call->in + (uint32_t)call->in_each > HVEMU__LIST_MAX || call->out > HVEMU__LIST_MAX ||
        call->out_each > HVEMU__LIST_MAX || (header_goes_on && call->in % 8))
        return 0;
    if (!call->target)
        return 1;
    return !(call->target & ~(HVEMU_PARENT | HVEMU_SELF)) && call->in >= 8 && call->states &&
           !(call->states & ~(HVEMU_STATE_UNINITIALIZED | HVEMU_STATE_ACTIVE |
                              HVEMU_STATE_FINALIZING | HVEMU_STATE_FINALIZED));
}

/* Makes a call known by its code. */
static void put(struct hvemu *hv, const struct hvemu_descriptor *call)
{
    uint32_t at = hvemu__place(hv, call->code);

    while (hv->places[at])
        at = (at + 1) & hv->place_mask;
    hv->places[at] = call;
    if (call->code < HVEMU__CODES)
        hv->by_code[call->code] = call;
}

/* Those behind it, up to the next free place, may have found theirs taken. */
static void take_out(struct hvemu *hv, const struct hvemu_descriptor *call)
{
    uint32_t at = hvemu__place(hv, call->code);

    while (hv->places[at] != call)
        at = (at + 1) & hv->place_mask;
    hv->places[at] = NULL;
    for (at = (at + 1) & hv->place_mask; hv->places[at]; at = (at + 1) & hv->place_mask) {
        const struct hvemu_descriptor *other = hv->places[at];

        hv->places[at] = NULL;
        put(hv, other);
    }
}

/* Under the try-lock. */
static enum hvemu_result insert(struct hvemu *hv, const struct hvemu_descriptor *call)
{
    if (hv->closed)
        return HVEMU_E_BUSY;
    if (hvemu__find(hv, call->code))
        return HVEMU_E_ARGUMENT;
    if (hv->call_count == hv->config.calls)
        return HVEMU_E_SPACE;
    hv->calls[hv->call_count] = *call;
    put(hv, &hv->calls[hv->call_count++]);
    return HVEMU_OK;
}

enum hvemu_result hvemu_register(struct hvemu *hv, const struct hvemu_descriptor *call)
{
    struct hvemu_descriptor taken = {0};
    enum hvemu_result result;

    if (!hv || !call)
        return HVEMU_E_ARGUMENT;
    result = take(&taken, sizeof taken, FIRST_DESCRIPTOR, call);
    if (result != HVEMU_OK)
        return result;
    if (taken.reserved[0] || taken.reserved[1])
        return HVEMU_E_VERSION;
    if (!valid_descriptor(&taken))
        return HVEMU_E_ARGUMENT;
    if (!hvemu__try_lock(&hv->lock))
        return HVEMU_E_BUSY;
    result = insert(hv, &taken);
    hvemu__unlock(&hv->lock);
    return result;
}

/* Under the try-lock. */
static enum hvemu_result withdraw(struct hvemu *hv, uint16_t code)
{
    const struct hvemu_descriptor *call = hvemu__find(hv, code);

    if (hv->closed)
        return HVEMU_E_BUSY;
    if (!call)
        return HVEMU_E_ARGUMENT;
    if (code < HVEMU__CODES)
        hv->by_code[code] = NULL;
    if (call->handler) {
        struct hvemu_descriptor *last = &hv->calls[hv->call_count - 1];

        take_out(hv, call);
        if (call != last) { /* which fills the gap */
            take_out(hv, last);
            hv->calls[call - hv->calls] = *last;
            put(hv, call);
        }
        hv->call_count--;
    }
    return HVEMU_OK;
}

enum hvemu_result hvemu_unregister(struct hvemu *hv, uint16_t code)
{
    enum hvemu_result result;

    if (!hv)
        return HVEMU_E_ARGUMENT;
    if (!hvemu__try_lock(&hv->lock))
        return HVEMU_E_BUSY;
    result = withdraw(hv, code);
    hvemu__unlock(&hv->lock);
    return result;
}

uint64_t hvemu_root(const struct hvemu *hv)
{
    return hv ? HVEMU__ROOT_ID : HV_PARTITION_ID_INVALID;
}

uint32_t hvemu_version(void)
{
    return HVEMU_VERSION_MAJOR << 16 | HVEMU_VERSION_MINOR << 8 | HVEMU_VERSION_PATCH;
}
