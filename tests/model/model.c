/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The model's calls: one function each, faults in the order in which they are looked for. The door
 * that all calls pass is model_hypercall(), at the end. "2.0a" and "6.0b" are versions of the TLFS;
 * where they are silent, docs/decisions.md speaks. */

#include "model.h"

#include <string.h>

struct call {
    struct model *m;
    struct model_partition *caller, *target;
    const uint8_t *in;        /* the header, fixed and variable */
    const uint8_t *item;      /* this element's input */
    uint8_t *out;             /* the output, or this element's */
    uint32_t index, variable; /* element; qwords of the variable header */
    uint32_t caller_vp, vp;   /* the VP that calls, and the one that the call is about */
    uint16_t code;
};

static uint64_t number(const uint8_t *bytes, int size)
{
    uint64_t value = 0x0;
    for (int i = size - 1; i >= 0; i--) {
        value = value << 0x8 | bytes[i];
    }
    return value;
}

static void store(uint8_t *bytes, uint64_t value, int size)
{
    for (int i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> 0x8 * i);
    }
}

static uint64_t in64(const struct call *c, size_t offset)
{
    return number(c->in + offset, 0x8);
}

static uint32_t in32(const struct call *c, size_t offset)
{
    return (uint32_t)number(c->in + offset, 0x4);
}

/* Partitions: who there is. */

struct model_partition *model_find(struct model *m, uint64_t id)
{
    for (int i = 0; id != 0x0 && i < MODEL_PARTITIONS; i++) {
        if (m->partitions[i].id == id) {
            return &m->partitions[i];
        }
    }
    return NULL;
}

uint32_t model_state(struct model *m, uint64_t id)
{
    const struct model_partition *p = model_find(m, id);
    return p != NULL ? p->state : 0x0;
}

/* The eldest child born after `after`. */
static const struct model_partition *next_child(const struct model *m, uint64_t parent,
                                                uint64_t after)
{
    const struct model_partition *next = NULL;
    for (int i = 0; i < MODEL_PARTITIONS; i++) {
        const struct model_partition *p = &m->partitions[i];
        if (p->id != 0x0 && p->parent == parent && p->born > after &&
            (next == NULL || p->born < next->born)) {
            next = p;
        }
    }
    return next;
}

static uint32_t children(const struct model *m, uint64_t parent)
{
    uint32_t count = 0x0;
    for (const struct model_partition *p = next_child(m, parent, 0x0); p != NULL;
         p = next_child(m, parent, p->born)) {
        count++;
    }
    return count;
}

static uint32_t vps_of(const struct model_partition *p, bool created_alone)
{
    uint32_t count = 0x0;
    for (int i = 0; i < MODEL_VPS; i++) {
        count += p->vps[i].exists && (p->vps[i].created || !created_alone);
    }
    return count;
}

static uint32_t vps_of_all(const struct model *m)
{
    uint32_t count = 0x0;
    for (int i = 0; i < MODEL_PARTITIONS; i++) {
        count += vps_of(&m->partitions[i], false);
    }
    return count;
}

/* The capacities: what the host has configured. */
bool model_room(const struct model *m, const struct model_partition *parent)
{
    uint32_t alive = 0x0;
    for (int i = 0; i < MODEL_PARTITIONS; i++) {
        alive += m->partitions[i].id != 0x0;
    }
    return alive < m->config.partitions && children(m, parent->id) < m->config.children;
}

bool model_room_for_vp(const struct model *m, const struct model_partition *p)
{
    return vps_of_all(m) < m->config.vps && vps_of(p, false) < m->config.vps_each;
}

/* The pool (2.0a 7.1.1): what is in use follows from what there is. */

static uint32_t map_pages(const struct model *m, uint32_t mapped)
{
    return (mapped + 0x1FF) / 0x200 * m->config.map_cost;
}

uint32_t model_in_use(const struct model *m, const struct model_partition *p)
{
    uint32_t pages = children(m, p->id) * m->config.create_cost;
    if (m->config.pages == 0x0) {
        return 0x0;
    }
    if (p->id != m->root && (p->state == ACTIVE || p->state == FINALIZING)) {
        pages += m->config.initialize_cost;
    }
    pages += vps_of(p, true) * m->config.vp_cost + map_pages(m, p->mapped);
    for (uint32_t i = 0; i < p->intercepts; i++) {
        if (p->intercept[i].type == 0x2) {
            pages += m->config.intercept_cost;
        }
    }
    return pages;
}

static bool affords(struct model *m, const struct model_partition *p, uint32_t pages)
{
    return m->config.pages == 0x0 || pages == 0x0 || model_in_use(m, p) + pages <= p->deposited;
}

/* HV_PROXIMITY_DOMAIN_INFO: ID in 31:0, preferred 32, valid 63, the rest zero; md: IDs 0..63. */
static bool bad_proximity(uint64_t info)
{
    return (info & 0x7FFFFFFE00000000) != 0x0 || (info >> 0x3F && (info & 0xFFFFFFFF) > 0x3F);
}

/* Partition management. */

static const uint64_t default_property[MODEL_PROPERTIES] = {
    [CPU_CAP] = 0x10000, [CPU_WEIGHT] = 0x64, [TLB_PAGES] = 0x400};

/* Every privilege that the specification has a name for (2.0a 5.2.3 and later). */
#define ALL_PRIVILEGES UINT64_C(0x7BF9FF0000FFFF)

static struct model_partition *make_partition(struct model *m, uint64_t id)
{
    struct model_partition *p = &m->partitions[0];
    while (p->id != 0x0) {
        p++;
    }
    memset(p, 0, sizeof *p);
    p->id = id;
    p->born = ++m->births;
    memcpy(p->property, default_property, sizeof p->property);
    return p;
}

/* 0x40 (2.0a 5.6.1). */
static uint16_t create_partition(struct call *c)
{
    struct model *m = c->m;
    void *ctx = c->caller->ctx;
    if (in64(c, 0x0) & ~UINT64_C(0x59A713) || bad_proximity(in64(c, 0x8)) || in32(c, 0x14) ||
        in64(c, 0x30)) {
        return INVALID_PARAMETER;
    }
    if (c->caller->depth == m->config.depth) {
        return PARTITION_TOO_DEEP;
    }
    if (!model_room(m, c->caller)) {
        return NO_RESOURCES;
    }
    if (!affords(m, c->caller, m->config.create_cost)) {
        return INSUFFICIENT_MEMORY;
    }
    uint16_t status = SUCCESS;
    if (m->ops.partition != NULL) {
        status = m->ops.partition(c->caller->ctx, m->next_id, PARTITION_CREATED, c->in, &ctx);
    } else if (in64(c, 0x0) || in64(c, 0x18) || in64(c, 0x20) || in64(c, 0x28)) {
        status = INVALID_PARAMETER;
    }
    if (status != SUCCESS) {
        return status;
    }
    struct model_partition *p = make_partition(m, m->next_id);
    p->parent = c->caller->id;
    p->ctx = ctx;
    p->state = UNINITIALIZED;
    p->depth = c->caller->depth + 0x1;
    p->property[PRIVILEGES] = m->config.privileges & c->caller->property[PRIVILEGES];
    store(c->out, p->id, 0x8);
    return SUCCESS;
}

static uint16_t tell(struct call *c, uint32_t event)
{
    if (c->m->ops.partition == NULL) {
        return SUCCESS;
    }
    return c->m->ops.partition(c->target->ctx, c->target->id, event, NULL, NULL);
}

/* 0x41 (2.0a 5.6.2). */
static uint16_t initialize_partition(struct call *c)
{
    if (!affords(c->m, c->target, c->m->config.initialize_cost)) {
        return INSUFFICIENT_MEMORY;
    }
    uint16_t status = tell(c, PARTITION_ACTIVE);
    if (status == SUCCESS) {
        c->target->state = ACTIVE;
    }
    return status;
}

static uint16_t tell_vp(struct call *c, uint32_t index, uint32_t event, const void *block)
{
    if (c->m->ops.vp == NULL) {
        return SUCCESS;
    }
    return c->m->ops.vp(c->target->ctx, c->target->id, index, event, block);
}

static void forget_vp(struct model_partition *p, uint32_t index)
{
    p->vps[index] = (struct model_vp){0};
    if (index == 0x0) {
        p->ext_int = IDLE;
    }
}

static int youngest_created(const struct model_partition *p)
{
    int found = -0x1;
    for (int i = 0; i < MODEL_VPS; i++) {
        if (p->vps[i].created && (found < 0x0 || p->vps[i].born > p->vps[found].born)) {
            found = i;
        }
    }
    return found;
}

/* 0x42 (2.0a 5.6.3, 5.4.1): once begun it only goes on, and TIMED_OUT asks to be called again. */
static uint16_t finalize_partition(struct call *c)
{
    struct model_partition *p = c->target;
    if (children(c->m, p->id) != 0x0) {
        return OPERATION_DENIED;
    }
    if (p->state == ACTIVE) {
        p->state = FINALIZING;
        p->ext_int = IDLE;
        tell(c, PARTITION_STOP);
    }
    for (int i = youngest_created(p); i >= 0x0; i = youngest_created(p)) {
        if (tell_vp(c, (uint32_t)i, VP_DELETED, NULL) != SUCCESS) {
            return TIMED_OUT;
        }
        forget_vp(p, (uint32_t)i);
    }
    if (vps_of(p, false) != 0x0 || tell(c, PARTITION_FINALIZED) != SUCCESS) {
        return TIMED_OUT;
    }
    p->state = FINALIZED;
    p->mapped = p->intercepts = 0x0;
    p->os_id = p->hypercall = 0x0;
    return SUCCESS;
}

/* 0x43 (2.0a 5.6.4). */
static uint16_t delete_partition(struct call *c)
{
    if (c->target->deposited != 0x0) {
        return OPERATION_DENIED;
    }
    uint16_t status = tell(c, PARTITION_DELETED);
    if (status == SUCCESS) {
        c->target->id = 0x0;
    }
    return status;
}

/* 0x46 (2.0a 5.6.7). */
static uint16_t get_partition_id(struct call *c)
{
    store(c->out, c->caller->id, 0x8);
    return SUCCESS;
}

/* 0x47 (2.0a 5.6.8, 5.5). */
static uint16_t get_next_child(struct call *c)
{
    uint64_t born = 0x0;
    if (in64(c, 0x8) != 0x0) {
        const struct model_partition *previous = model_find(c->m, in64(c, 0x8));
        if (previous == NULL || previous->parent != c->target->id) {
            return INVALID_PARTITION_ID;
        }
        born = previous->born;
    }
    const struct model_partition *next = next_child(c->m, c->target->id, born);
    store(c->out, next != NULL ? next->id : 0x0, 0x8);
    return SUCCESS;
}

/* Properties (2.0a 5.2.2 to 5.2.11). */

/* Which of the properties below are the hypervisor's; the others are about the machine, which the
 * VMM is. */
static int property_index(uint32_t code)
{
    static const uint32_t codes[MODEL_PROPERTIES] = {
        [PRIVILEGES] = 0x10000, [CPU_RESERVE] = 0x20001,   [CPU_CAP] = 0x20002,
        [CPU_WEIGHT] = 0x20003, [TIMER_PERIOD] = 0x30000,  [TIMER_CONTROL] = 0x30001,
        [PM_TIMER] = 0x30002,   [DEBUG_CHANNEL] = 0x40000, [TLB_PAGES] = 0x50000,
        [PAUSED] = 0x20000,     [TIME_FREEZE] = 0x30003,   [GUEST_OS_ID] = 0x70000};
    for (int i = 0; i < MODEL_PROPERTIES; i++) {
        if (codes[i] == code) {
            return i;
        }
    }
    return -0x1;
}

/* md: these can be reached before the partition is initialized. */
static bool is_early(uint32_t code)
{
    static const uint32_t early[] = {0x10000, 0x10001, 0x50012, 0x50026,
                                     0x50028, 0x50029, 0x60006, 0x90007};
    for (size_t i = 0; i < sizeof early / sizeof *early; i++) {
        if (early[i] == code) {
            return true;
        }
    }
    return false;
}

/* Codes that some text has a name for; of others only the VMM knows whether they exist. */
static bool is_known(uint32_t code)
{
    static const uint32_t last[] = {0x0,     0x10002, 0x20005, 0x30005, 0x40003,
                                    0x50035, 0x60019, 0x70000, 0x8000C, 0x90007};
    uint32_t group = code >> 0x10;
    return group >= 0x1 && group <= 0x9 && code <= last[group];
}

static uint16_t use_property(struct call *c, uint32_t code, uint64_t argument, uint64_t *value,
                             int set)
{
    if (c->m->ops.property == NULL) {
        return property_index(code) >= 0x0 ? SUCCESS : UNKNOWN_PROPERTY;
    }
    return c->m->ops.property(c->target->ctx, c->target->id, code, argument, value, set);
}

/* In this order: unknown, not yet, then padding and what else no property or no such has. */
static uint16_t judge_code(const struct call *c, uint32_t code, uint64_t argument)
{
    bool held = property_index(code) >= 0x0;
    if (!held && c->m->ops.property == NULL) {
        return UNKNOWN_PROPERTY;
    }
    if (c->target->state != ACTIVE && is_known(code) && !is_early(code)) {
        return INVALID_PARTITION_STATE;
    }
    return in32(c, 0xC) != 0x0 || (held && argument != 0x0) ? INVALID_PARAMETER : SUCCESS;
}

static uint16_t get_property(struct call *c, uint32_t code, uint64_t argument)
{
    int i = property_index(code);
    uint64_t value = i == GUEST_OS_ID ? c->target->os_id : i >= 0x0 ? c->target->property[i] : 0x0;
    uint16_t status = judge_code(c, code, argument);
    if (status == SUCCESS && i < 0x0) {
        status = use_property(c, code, argument, &value, 0x0);
    }
    if (status == SUCCESS) {
        store(c->out, value, 0x8);
    }
    return status;
}

/* Reserved bits are INVALID_PARAMETER, values outside their range or at odds with others
 * PROPERTY_VALUE_OUT_OF_RANGE, as the status codes' texts have it. */
static uint16_t judge_property(struct call *c, int i, uint64_t *value)
{
    const struct model_partition *p = c->target;
    const struct model_partition *parent = model_find(c->m, p->parent);
    switch (i) {
    case PRIVILEGES: /* nobody gives what he has not; CpuManagement is the root's alone */
        if (*value & ~ALL_PRIVILEGES) {
            return INVALID_PARAMETER;
        }
        if (*value & ~(parent != NULL ? parent : p)->property[PRIVILEGES] ||
            (parent != NULL && *value & 0x100000000000)) {
            return PROPERTY_VALUE_OUT_OF_RANGE;
        }
        return SUCCESS;
    case CPU_RESERVE:
        return *value > p->property[CPU_CAP] ? PROPERTY_VALUE_OUT_OF_RANGE : SUCCESS;
    case CPU_CAP:
        return *value > 0x10000 || *value < p->property[CPU_RESERVE] ? PROPERTY_VALUE_OUT_OF_RANGE
                                                                     : SUCCESS;
    case CPU_WEIGHT:
        return *value < 0x1 || *value > 0x2710 ? PROPERTY_VALUE_OUT_OF_RANGE : SUCCESS;
    case TIMER_CONTROL: /* vector 7:0, mode 10:8, logical 11, enabled 12, destination 63:56 */
        return *value & 0x00FFFFFFFFFFE000 ? INVALID_PARAMETER : SUCCESS;
    case PM_TIMER: /* port 15:0, 24 bits wide 16, enabled 17 */
        return *value & 0xFFFFFFFFFFFC0000 ? INVALID_PARAMETER : SUCCESS;
    case DEBUG_CHANNEL:
        return *value > 0xFFFF ? INVALID_PARAMETER : SUCCESS; /* a field of 16 bits */
    case PAUSED:
    case TIME_FREEZE:
        return *value > 0x1 ? INVALID_PARAMETER : SUCCESS;
    case GUEST_OS_ID: /* read-only */
        return INVALID_PARAMETER;
    case TLB_PAGES: /* clamped, not refused (2.0a 5.2.6) */
        *value = *value < 0x10 ? 0x10 : *value > 0x10000 ? 0x10000 : *value;
        return SUCCESS;
    default:
        return SUCCESS;
    }
}

/* fits: the value has the property's size. */
static uint16_t set_property(struct call *c, uint32_t code, uint64_t argument, uint64_t value,
                             bool fits)
{
    int i = property_index(code);
    /* The vendor is read-only, and for the root what features its processors have. */
    bool fixed =
        code == 0x60000 || (code >= 0x60001 && code <= 0x60003 && c->target->id == c->m->root);
    uint16_t status = judge_code(c, code, argument);
    if (status == SUCCESS && (fixed || !fits)) {
        status = INVALID_PARAMETER;
    }
    if (status == SUCCESS && i >= 0x0) {
        status = judge_property(c, i, &value);
    }
    if (status == SUCCESS) {
        status = use_property(c, code, argument, &value, 0x1);
    }
    if (status == SUCCESS && i >= 0x0) {
        c->target->property[i] = value;
        if (i == TIMER_PERIOD && value == 0x0) { /* no period disables the timer */
            c->target->property[TIMER_CONTROL] &= ~UINT64_C(0x1000);
        }
    }
    return status;
}

/* 0x44 and 0x101 (2.0a 5.6.5). */
static uint16_t get_partition_property(struct call *c)
{
    return get_property(c, in32(c, 0x8), c->code == 0x101 ? in64(c, 0x10) : 0x0);
}

/* 0x45 (2.0a 5.6.6). */
static uint16_t set_partition_property(struct call *c)
{
    return set_property(c, in32(c, 0x8), 0x0, in64(c, 0x10), true);
}

/* 0x10A: the value is the variable header. */
static uint16_t set_partition_property_ex(struct call *c)
{
    uint64_t value = c->variable != 0x0 ? in64(c, 0x18) : 0x0;
    return set_property(c, in32(c, 0x8), in64(c, 0x10), value, c->variable == 0x1);
}

/* Memory pool (2.0a 7.3). */

static bool beyond(struct model *m, uint64_t page)
{
    return page >> (m->config.gpa_bits - 0xC) != 0x0;
}

static uint16_t move_page(struct call *c, uint64_t page, int deposit)
{
    if (c->m->ops.pool == NULL) {
        return OPERATION_DENIED;
    }
    return c->m->ops.pool(c->caller->ctx, c->caller->id, page, deposit);
}

/* 0x48 (2.0a 7.3.1): for each page. */
static uint16_t deposit_memory(struct call *c)
{
    uint64_t page = number(c->item, 0x8);
    if (c->target->deposited == c->m->config.pages) {
        return NO_RESOURCES;
    }
    if (beyond(c->m, page)) {
        return OPERATION_DENIED;
    }
    uint16_t status = move_page(c, page, 0x1);
    if (status == SUCCESS) {
        c->target->pages[c->target->deposited++] = page;
    }
    return status;
}

/* 0x49 (2.0a 7.3.2): for each page. */
static uint16_t withdraw_memory(struct call *c)
{
    struct model_partition *p = c->target;
    if (bad_proximity(in64(c, 0x8))) {
        return INVALID_PARAMETER;
    }
    if (p->deposited <= model_in_use(c->m, p)) {
        return NO_RESOURCES;
    }
    uint64_t page = p->pages[p->deposited - 0x1];
    uint16_t status = move_page(c, page, 0x0);
    if (status == SUCCESS) {
        p->deposited--;
        store(c->out, page, 0x8);
    }
    return status;
}

/* 0x4A (2.0a 7.3.3). */
static uint16_t get_memory_balance(struct call *c)
{
    uint32_t in_use = model_in_use(c->m, c->target);
    if (bad_proximity(in64(c, 0x8))) {
        return INVALID_PARAMETER;
    }
    store(c->out, c->target->deposited - in_use, 0x8);
    store(c->out + 0x8, in_use, 0x8);
    return SUCCESS;
}

/* GPA space (2.0a 8.3). */

/* Reserved bits, or rights that no x64 page has: writable or executable without readable. */
static bool bad_map_flags(uint32_t flags)
{
    return flags & 0x60CC7F80 || ((flags & 0xE) != 0x0 && (flags & 0x1) == 0x0);
}

static uint16_t use_map(struct call *c, uint32_t what, uint64_t page, uint64_t source,
                        uint32_t flags)
{
    if (c->m->ops.map == NULL) {
        return OPERATION_DENIED;
    }
    return c->m->ops.map(c->target->ctx, c->target->id, what, page, source, flags);
}

/* The last page of a unit, 1 or 512 pages, lies in the space, and a large unit is aligned. */
static bool bad_unit(struct model *m, uint64_t page, bool large)
{
    return beyond(m, page) || (large && (page & 0x1FF) != 0x0);
}

static uint16_t map_page(struct call *c, uint64_t page, uint64_t source, uint32_t flags)
{
    struct model_partition *p = c->target;
    bool large = flags >> 0x1F;
    if (bad_map_flags(flags) || bad_unit(c->m, page, large) || bad_unit(c->m, source, large)) {
        return INVALID_PARAMETER;
    }
    if (p->id == c->m->root) {
        return page != source ? ACCESS_DENIED : use_map(c, MODIFY, page, 0x0, flags);
    }
    if (!affords(c->m, p, map_pages(c->m, p->mapped + 0x1) - map_pages(c->m, p->mapped))) {
        return INSUFFICIENT_MEMORY;
    }
    uint16_t status = use_map(c, MAP, page, source, flags);
    if (status == SUCCESS) {
        p->mapped++;
    }
    return status;
}

/* Page number `index` of a range of pages, small or large; beyond all if there is no such. */
static uint64_t nth(uint64_t base, uint32_t index, bool large)
{
    uint64_t offset = large ? (uint64_t)index * 0x200 : index;
    return base + offset < base ? UINT64_MAX : base + offset;
}

/* 0x4B (2.0a 8.3.1): for each page. */
static uint16_t map_gpa_pages(struct call *c)
{
    uint32_t flags = in32(c, 0x10);
    uint64_t page = nth(in64(c, 0x8), c->index, flags >> 0x1F);
    return map_page(c, page, number(c->item, 0x8), flags);
}

/* 0x6E (2.0a 8.3.3): for each page. */
static uint16_t map_sparse_gpa_pages(struct call *c)
{
    return map_page(c, number(c->item, 0x8), number(c->item + 0x8, 0x8), in32(c, 0x8));
}

/* 0x90: for each page. */
static uint16_t modify_sparse_gpa_pages(struct call *c)
{
    uint32_t flags = in32(c, 0x8);
    uint64_t page = number(c->item, 0x8);
    if (in32(c, 0xC) != 0x0 || bad_map_flags(flags) || bad_unit(c->m, page, flags >> 0x1F)) {
        return INVALID_PARAMETER;
    }
    return use_map(c, MODIFY, page, 0x0, flags);
}

/* 0x4C (2.0a 8.3.2): for each page. */
static uint16_t unmap_gpa_pages(struct call *c)
{
    uint32_t flags = in32(c, 0x10);
    uint64_t page = nth(in64(c, 0x8), c->index, flags & 0x2);
    if (flags & ~UINT32_C(0x2) || bad_unit(c->m, page, flags & 0x2)) {
        return INVALID_PARAMETER;
    }
    uint16_t status = use_map(c, UNMAP, page, 0x0, flags & 0x2 ? 0x80000000 : 0x0);
    if (status == SUCCESS && c->target->mapped != 0x0) {
        c->target->mapped--;
    }
    return status;
}

static bool under_overlay(const struct model_partition *p, uint64_t page)
{
    return (p->hypercall & 0x1) != 0x0 && p->hypercall >> 0xC == page;
}

static bool has_vp(const struct model_partition *p, uint32_t index)
{
    return index < MODEL_VPS && p->vps[index].exists;
}

/* HV_INPUT_VTL: level 3:0, which counts if bit 4 is set, and 7:5 zero. There is level 0 alone. */
static uint16_t judge_input_vtl(uint8_t vtl)
{
    return vtl & 0xE0 ? INVALID_PARAMETER : (vtl & 0x1F) > 0x10 ? INVALID_VTL_STATE : SUCCESS;
}

/* HV_VTL: a number, 0..15. */
static uint16_t judge_vtl(uint8_t vtl)
{
    return vtl > 0xF ? INVALID_PARAMETER : vtl != 0x0 ? INVALID_VTL_STATE : SUCCESS;
}

/* 0x53 and 0x54 (2.0a 12.4.5, 12.4.6). */
static uint16_t access_gpa(struct call *c)
{
    const struct model_partition *p = c->target;
    bool write = c->code == 0x54;
    uint32_t count = in32(c, 0xC), result = 0x0;
    uint64_t gpa = in64(c, 0x10), cache = in64(c, 0x18);
    uint8_t data[0x10] = {0};
    int answer = MEM_OK;
    if (count == 0x0 || count > 0x10 || (gpa & 0xFFF) + count > 0x1000 ||
        beyond(c->m, gpa >> 0xC) || (cache & 0xFF) > 0x6 || (cache & 0xFF) == 0x2 ||
        (cache & 0xFF) == 0x3 || cache >> 0x10 != 0x0) {
        return INVALID_PARAMETER;
    }
    uint16_t status = judge_input_vtl((uint8_t)(cache >> 0x8));
    if (status != SUCCESS) {
        return status;
    }
    if (under_overlay(p, gpa >> 0xC)) {
        result = 0x4;
    } else if (write) {
        answer = c->m->ops.gpa_write == NULL
                     ? MEM_NONE
                     : c->m->ops.gpa_write(p->ctx, p->id, gpa, c->in + 0x20, count);
    } else {
        answer = c->m->ops.gpa_read == NULL ? MEM_NONE
                                            : c->m->ops.gpa_read(p->ctx, p->id, gpa, data, count);
    }
    switch (answer) {
    case MEM_OK:
        break;
    case MEM_NONE:
        result = 0x1;
        break;
    case MEM_DENIED:
        result = write ? 0x3 : 0x2;
        break;
    case MEM_AGAIN:
        return TIMED_OUT;
    default:
        return OPERATION_FAILED;
    }
    store(c->out, result, 0x8);
    if (!write && result == 0x0) {
        memcpy(c->out + 0x8, data, 0x10);
    }
    return SUCCESS;
}

/* Intercepts (2.0a 9.3.1). */

static struct model_intercept *find_intercept(struct model_partition *p, uint32_t type,
                                              uint64_t parameter)
{
    for (uint32_t i = 0; i < p->intercepts; i++) {
        if (p->intercept[i].type == type && p->intercept[i].parameter == parameter) {
            return &p->intercept[i];
        }
    }
    return NULL;
}

/* 0x4D. The same parameter again replaces, mask 0 takes away. */
static uint16_t install_intercept(struct call *c)
{
    static const uint32_t masks[] = {0x3, 0x3, 0x4, 0x4};
    static const uint64_t limits[] = {0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0x1F};
    struct model_partition *p = c->target;
    uint32_t mask = in32(c, 0x8), type = in32(c, 0xC);
    uint64_t parameter = in64(c, 0x10);
    if (type > 0x3 || mask & ~masks[type] || parameter > limits[type]) {
        return INVALID_PARAMETER;
    }
    struct model_intercept *entry = find_intercept(p, type, parameter);
    if (mask == 0x0) {
        if (entry != NULL) {
            *entry = p->intercept[--p->intercepts];
        }
        return SUCCESS;
    }
    if (entry == NULL) {
        if (p->intercepts == c->m->config.intercepts ||
            (type == 0x2 && !affords(c->m, p, c->m->config.intercept_cost))) {
            return INSUFFICIENT_MEMORY;
        }
        entry = &p->intercept[p->intercepts++];
    }
    *entry = (struct model_intercept){type, mask, parameter};
    return SUCCESS;
}

uint32_t model_intercepted(struct model *m, uint64_t partition, uint32_t type, uint32_t parameter)
{
    struct model_partition *p = model_find(m, partition);
    struct model_intercept *entry =
        p != NULL && p->state == ACTIVE ? find_intercept(p, type, parameter) : NULL;
    return entry != NULL ? entry->mask : 0x0;
}

/* 0xAD. */
static uint16_t check_for_io_intercept(struct call *c)
{
    uint32_t port = (uint32_t)number(c->in + 0xE, 0x2), size = c->in[0x10];
    bool hit = false;
    if ((size != 0x1 && size != 0x2 && size != 0x4) || c->in[0x11] > 0x1) {
        return INVALID_PARAMETER;
    }
    uint16_t status = judge_input_vtl(c->in[0xC]);
    if (status != SUCCESS) {
        return status;
    }
    for (uint32_t i = 0; i < size; i++) {
        uint32_t mask = model_intercepted(c->m, c->target->id, 0x0, port + i);
        hit = hit || (mask & (c->in[0x11] ? 0x2 : 0x1)) != 0x0;
    }
    c->out[0x0] = hit;
    return SUCCESS;
}

/* Virtual processors (2.0a 10.4). */

/* 0x4E. */
static uint16_t create_vp(struct call *c)
{
    struct model_partition *p = c->target;
    const struct model_config *config = &c->m->config;
    uint32_t index = in32(c, 0x8);
    if (index >= config->vps || has_vp(p, index)) {
        return INVALID_VP_INDEX;
    }
    if (in32(c, 0xC) & 0xFFFFFF || bad_proximity(in64(c, 0x18)) || in64(c, 0x20)) {
        return INVALID_PARAMETER;
    }
    if (!model_room_for_vp(c->m, p)) {
        return NO_RESOURCES;
    }
    if (!affords(c->m, p, config->vp_cost)) {
        return INSUFFICIENT_MEMORY;
    }
    uint16_t status = tell_vp(c, index, VP_CREATED, c->in);
    if (status == SUCCESS) {
        p->vps[index] = (struct model_vp){.exists = true,
                                          .created = true,
                                          .started = index == 0x0,
                                          .explicit_suspend = true,
                                          .born = ++c->m->births};
    }
    return status;
}

/* 0x4F. */
static uint16_t delete_vp(struct call *c)
{
    uint32_t index = c->vp;
    if (!c->target->vps[index].created) { /* the host's, who gave it its thread */
        return OPERATION_DENIED;
    }
    uint16_t status = tell_vp(c, index, VP_DELETED, NULL);
    if (status == SUCCESS) {
        forget_vp(c->target, index);
    }
    return status;
}

static uint16_t get_register(struct model *m, struct model_partition *p, uint32_t index,
                             uint32_t name, uint64_t value[2])
{
    value[0] = value[1] = 0x0;
    switch (name) {
    case 0x0:
        value[0] = p->vps[index].explicit_suspend;
        return SUCCESS;
    case 0x1:
        value[0] = p->vps[index].intercept_suspend;
        return SUCCESS;
    case 0x90001:
        value[0] = p->hypercall;
        return SUCCESS;
    case 0x90002:
        value[0] = p->os_id;
        return SUCCESS;
    case 0x90003:
        value[0] = index;
        return SUCCESS;
    default:
        return m->ops.vp_get == NULL ? INVALID_PARAMETER
                                     : m->ops.vp_get(p->ctx, p->id, index, name, value);
    }
}

/* What an MSR needs of those who use it, GUEST_OS_ID and HYPERCALL AccessHypercallMsrs, VP_INDEX
 * AccessVpIndex, also its registers need of those who use their own. */
static bool lacks_msr(const struct call *c, uint32_t name)
{
    uint64_t needs = name == 0x90001 || name == 0x90002 ? 0x20 : name == 0x90003 ? 0x40 : 0x0;
    return c->target == c->caller && (c->caller->property[PRIVILEGES] & needs) != needs;
}

static uint16_t judge_register_call(struct call *c)
{
    return in32(c, 0xC) & 0xFFFFFF00 ? INVALID_PARAMETER : judge_input_vtl(c->in[0xC]);
}

/* 0x50: for each register. */
static uint16_t get_vp_registers(struct call *c)
{
    uint64_t value[2];
    uint32_t name = (uint32_t)number(c->item, 0x4);
    uint16_t status = judge_register_call(c);
    if (status == SUCCESS && lacks_msr(c, name)) {
        status = ACCESS_DENIED;
    }
    if (status == SUCCESS) {
        status = get_register(c->m, c->target, c->vp, name, value);
    }
    if (status == SUCCESS) {
        store(c->out, value[0], 0x8);
        store(c->out + 0x8, value[1], 0x8);
    }
    return status;
}

static int use_overlay(struct model *m, struct model_partition *p, uint64_t gpa, bool there)
{
    return m->ops.overlay == NULL ? MEM_NONE : m->ops.overlay(p->ctx, p->id, gpa, there);
}

static int take_page_away(struct model *m, struct model_partition *p)
{
    switch (p->hypercall & 0x1 ? use_overlay(m, p, 0x0, false) : MEM_OK) {
    case MEM_OK:
        return STEP;
    case MEM_AGAIN:
        return REPEAT;
    default:
        return FAILED;
    }
}

/* HV_X64_MSR_GUEST_OS_ID and HYPERCALL (6.0b 2.6, 3.13). */
static int write_os_id(struct model *m, struct model_partition *p, uint64_t value)
{
    if (value == 0x0) {
        int action = take_page_away(m, p);
        if (action != STEP) {
            return action;
        }
        p->hypercall &= ~UINT64_C(0x1);
    }
    p->os_id = value;
    return STEP;
}

static int write_hypercall(struct model *m, struct model_partition *p, uint64_t value)
{
    if (p->os_id == 0x0) {
        value &= ~UINT64_C(0x1);
    }
    int action = STEP;
    if ((value & 0x1) == 0x0) {
        action = take_page_away(m, p);
    } else if (beyond(m, value >> 0xC)) {
        action = GP;
    } else if (!under_overlay(p, value >> 0xC)) {
        int answer = use_overlay(m, p, value & ~UINT64_C(0xFFF), true);
        action = answer == MEM_OK      ? STEP
                 : answer == MEM_AGAIN ? REPEAT
                 : answer == MEM_NONE  ? GP
                                       : FAILED;
    }
    if (action == STEP) {
        p->hypercall = value;
    }
    return action;
}

static uint16_t msr_status(int action)
{
    return action == STEP     ? SUCCESS
           : action == GP     ? INVALID_PARAMETER
           : action == REPEAT ? TIMED_OUT
                              : OPERATION_FAILED;
}

/* 0x51: for each register. */
static uint16_t set_vp_registers(struct call *c)
{
    struct model_partition *p = c->target;
    uint32_t index = c->vp, name = (uint32_t)number(c->item, 0x4);
    uint64_t value[2] = {number(c->item + 0x10, 0x8), number(c->item + 0x18, 0x8)};
    uint16_t status = judge_register_call(c);
    if (status != SUCCESS) {
        return status;
    }
    /* A suspension is the parent's, to be lifted by nobody else. */
    if (lacks_msr(c, name) || (name <= 0x1 && c->target == c->caller)) {
        return ACCESS_DENIED;
    }
    switch (name) {
    case 0x0:
        if (value[0] > 0x1 || value[1] != 0x0) {
            return INVALID_REGISTER_VALUE;
        }
        p->vps[index].explicit_suspend = value[0] != 0x0;
        tell_vp(c, index, VP_SUSPEND, NULL);
        return SUCCESS;
    case 0x1: /* a bit that is not set already cannot be set */
        if (value[0] & ~p->vps[index].intercept_suspend || value[1] != 0x0) {
            return INVALID_REGISTER_VALUE;
        }
        p->vps[index].intercept_suspend = value[0];
        tell_vp(c, index, VP_SUSPEND, NULL);
        return SUCCESS;
    case 0x90001:
        return value[1] != 0x0 ? INVALID_REGISTER_VALUE
                               : msr_status(write_hypercall(c->m, p, value[0]));
    case 0x90002:
        return value[1] != 0x0 ? INVALID_REGISTER_VALUE
                               : msr_status(write_os_id(c->m, p, value[0]));
    case 0x90003:
        return INVALID_PARAMETER;
    default:
        return c->m->ops.vp_set == NULL ? INVALID_PARAMETER
                                        : c->m->ops.vp_set(p->ctx, p->id, index, name, value);
    }
}

/* 0x99. */
static uint16_t start_virtual_processor(struct call *c)
{
    uint32_t index = c->vp;
    if (in32(c, 0xC) & 0xFFFFFF00) {
        return INVALID_PARAMETER;
    }
    uint16_t status = judge_vtl(c->in[0xC]);
    if (status != SUCCESS) {
        return status;
    }
    if (c->target->vps[index].started) {
        return INVALID_VP_STATE;
    }
    status = tell_vp(c, index, VP_START, c->in);
    if (status == SUCCESS) {
        c->target->vps[index].started = true;
    }
    return status;
}

/* 0x9A: for each APIC ID, which is its VP's index (2.0a 10.4.1). */
static uint16_t get_vp_index_from_apic_id(struct call *c)
{
    uint32_t apic_id = (uint32_t)number(c->item, 0x4);
    uint16_t status = judge_input_vtl(c->in[0x8]);
    if (status != SUCCESS) {
        return status;
    }
    if (!has_vp(c->target, apic_id)) {
        return INVALID_PARAMETER;
    }
    store(c->out, apic_id, 0x4);
    return SUCCESS;
}

/* Translation (2.0a 12.4.4). */

struct walk {
    struct call *c;
    uint64_t flags, cr0, cr3;
    uint64_t page;
    uint16_t status;
};

static int read_entry(struct walk *w, uint64_t gpa, uint64_t *entry)
{
    struct model_partition *p = w->c->target;
    uint8_t bytes[0x8] = {0};
    int answer = MEM_NONE;
    if (w->c->m->ops.gpa_read != NULL) {
        answer = w->c->m->ops.gpa_read(p->ctx, p->id, gpa, bytes, 0x8);
    }
    if (answer == MEM_AGAIN) {
        w->status = TIMED_OUT;
    } else if (answer != MEM_OK && answer != MEM_NONE && answer != MEM_DENIED) {
        w->status = OPERATION_FAILED;
    }
    *entry = number(bytes, 0x8);
    return answer;
}

/* Four levels of tables of 8-byte entries. Returns the result code. */
static uint32_t walk_tables(struct walk *w, uint64_t gva)
{
    if (gva >> 0x2F != 0x0 && gva >> 0x2F != 0x1FFFF) { /* not canonical */
        return 0x3;
    }
    uint64_t table = w->cr3 & 0x000FFFFFFFFFF000, rights = 0x6, entry = 0x0;
    bool no_execute = false;
    int level = 0x3;
    for (;; level--) {
        uint64_t place = table + (gva >> (0xC + 0x9 * level) & 0x1FF) * 0x8;
        w->page = place >> 0xC; /* where it ends if it does not go on */
        if (under_overlay(w->c->target, w->page)) {
            return 0x7;
        }
        int answer = read_entry(w, place, &entry);
        if (answer != MEM_OK) {
            return answer == MEM_DENIED ? 0x5 : 0x4;
        }
        if ((entry & 0x1) == 0x0) {
            return 0x1;
        }
        if (entry & 0x000FFFFFFFFFF000 & ~((UINT64_C(0x1) << w->c->m->config.gpa_bits) - 0x1)) {
            return 0x3;
        }
        rights &= entry;
        no_execute = no_execute || entry >> 0x3F;
        if (level == 0x0 || entry & 0x80) {
            break;
        }
        table = entry & 0x000FFFFFFFFFF000;
    }
    bool user = (w->flags & 0x88) == 0x80; /* and not exempt; no flag: as the VP, a supervisor */
    if (user && !(rights & 0x4)) {
        return 0x2;
    }
    if (w->flags & 0x2 && !(rights & 0x2) && (user || w->cr0 & 0x10000)) {
        return 0x2;
    }
    if (w->flags & 0x4 && no_execute) {
        return 0x2;
    }
    uint64_t within = (UINT64_C(0x1000) << 0x9 * level) - 0x1;
    w->page = ((entry & 0x000FFFFFFFFFF000 & ~within) | (gva & within)) >> 0xC;
    return beyond(w->c->m, w->page) ? 0x4 : 0x0;
}

/* 0x52, and 0xAC with its larger output. */
static uint16_t translate_virtual_address(struct call *c)
{
    uint32_t index = c->vp, code = 0x0;
    uint64_t gva_page = in64(c, 0x18), value[2];
    struct walk w = {.c = c, .flags = in64(c, 0x10), .page = gva_page};
    /* To set bits in the page tables (0x10) takes an atomic access to them that nobody offers, and
       shadow stacks (0x400) are not known: both count as reserved. */
    if ((c->code == 0xAC && in32(c, 0xC) != 0x0) || w.flags & 0x00FFFFFFFFFFFC10 ||
        (w.flags & 0x7) == 0x0) {
        return INVALID_PARAMETER;
    }
    uint16_t status = judge_input_vtl((uint8_t)(w.flags >> 0x38));
    if (status != SUCCESS) {
        return status;
    }
    /* CR0, CR3, CR4, EFER, RFLAGS, SS: what a walk depends on. */
    static const uint32_t names[] = {0x40000, 0x40002, 0x40003, 0x80001, 0x20011, 0x60002};
    for (int i = 0; i < 0x6; i++) {
        status = get_register(c->m, c->target, index, names[i], value);
        if (status != SUCCESS) {
            return status;
        }
        if (i < 0x2) {
            *(i == 0x0 ? &w.cr0 : &w.cr3) = value[0];
        }
    }
    if (w.cr0 & 0x80000000) {
        code = gva_page >> 0x34 != 0x0 ? 0x3 : walk_tables(&w, gva_page << 0xC);
    } else {
        w.page &= 0xFFFFF; /* without paging addresses have 32 bits */
        code = beyond(c->m, w.page) ? 0x4 : 0x0;
    }
    if (w.status != SUCCESS) {
        return w.status;
    }
    if (w.flags & 0x20) {
        c->target->vps[index].intercept_suspend |= 0x2;
    }
    store(c->out, code, 0x4);
    size_t place = c->code == 0xAC ? 0x30 : 0x8;
    if (code == 0x0) {
        store(c->out + 0x4, 0x6 | (under_overlay(c->target, w.page) ? 0x100 : 0x0), 0x4);
    }
    if (code == 0x0 || code >= 0x4) {
        store(c->out + place, w.page, 0x8);
    }
    return SUCCESS;
}

/* Virtual interrupts (2.0a 13.5). */

static void kick(struct call *c)
{
    if (c->m->ops.ext_int != NULL) {
        c->m->ops.ext_int(c->target->ctx, c->target->id);
    }
}

static uint16_t assert_external(struct call *c, uint32_t vector)
{
    struct model_partition *p = c->target;
    bool same = p->ext_int == ASSERTED && p->vector == vector;
    if (!p->vps[0].exists) {
        return INVALID_VP_INDEX;
    }
    if (p->ext_int == ACKED) {
        return ACKNOWLEDGED;
    }
    if (vector == UINT32_MAX) {
        same = p->ext_int == IDLE;
        p->ext_int = IDLE;
    } else {
        p->ext_int = ASSERTED;
        p->vector = (uint8_t)vector;
    }
    if (!same) {
        kick(c);
    }
    return SUCCESS;
}

/* 0x55, and 0x94 with a trust level and reserved bytes where 0x55 has padding. */
static uint16_t assert_virtual_interrupt(struct call *c)
{
    uint64_t control = in64(c, 0x8), address = in64(c, 0x10);
    uint32_t vector = in32(c, 0x18), type = (uint32_t)control;
    bool has_vector = type <= 0x1 || type == 0x6 || type == 0x7;
    uint16_t vtl = c->code == 0x94 ? judge_vtl(c->in[0x1C]) : SUCCESS;
    if (vtl == INVALID_PARAMETER || (c->code == 0x94 && in32(c, 0x1C) & 0xFFFFFF00)) {
        return INVALID_PARAMETER;
    }
    if (control >> 0x22 || type > 0x9 || (has_vector && vector > 0xFF && vector != UINT32_MAX) ||
        (!has_vector && vector != 0x0)) {
        return INVALID_PARAMETER;
    }
    if (address >> 0x20 != 0x0 || (type == 0x7 && address != 0x0)) {
        return INVALID_PARAMETER;
    }
    if (vtl != SUCCESS) {
        return vtl;
    }
    if (type == 0x7) {
        return assert_external(c, vector);
    }
    if (c->m->ops.interrupt == NULL) {
        return INVALID_PARAMETER;
    }
    if (vector == UINT32_MAX && (type == 0x6 || !(control >> 0x20 & 0x1))) {
        return SUCCESS; /* an edge cannot be withdrawn */
    }
    return c->m->ops.interrupt(c->target->ctx, c->target->id, control, address, vector);
}

/* 0x56. */
static uint16_t clear_virtual_interrupt(struct call *c)
{
    if (c->target->ext_int != ACKED) {
        return NOT_ACKNOWLEDGED;
    }
    c->target->ext_int = IDLE;
    return SUCCESS;
}

/* The rows. */

typedef uint16_t model_handler(struct call *);

#define CREATE_PARTITIONS   UINT64_C(0x100000000)
#define ACCESS_PARTITION_ID UINT64_C(0x200000000)
#define CREATE_AND_POOL     UINT64_C(0x500000000) /* and AccessMemoryPool */
#define ACCESS_VP_REGISTERS UINT64_C(0x2000000000000)
#define START_VP            UINT64_C(0x20000000000000)
#define ACCESS_VP_INDEX     UINT64_C(0x40)
#define ANY_STATE           (UNINITIALIZED | ACTIVE | FINALIZING | FINALIZED)
#define ROOT                NAMES_ROOT_ITSELF
#define CHILD               NAMES_CHILD
#define REP                 true, false
#define SIMPLE              false, false
#define VARIABLE            false, true
#define NEEDS(privilege)    (privilege), 0x0
#define NEEDS_EITHER(own)   CREATE_PARTITIONS, (own)
#define STATUSES(...)       ((const uint16_t[]){__VA_ARGS__, 0xFFFF})

/* Code, bytes of header, of each element, of output, of each output element; form, who may name
 * whom, in which states; privileges. Then the statuses that the specification gives the call,
 * among them those of malformed control words and lists (3, 4). */
static const struct {
    struct model_row row;
    model_handler *handler;
} rows[] = {
    {{0x40, 0x38, 0x0, 0x8, 0x0, SIMPLE, NAMES_NOBODY, 0x0, NEEDS(CREATE_PARTITIONS),
      "CreatePartition", STATUSES(0x0, 0x3, 0x5, 0x6, 0xB, 0xC, 0x1D)},
     create_partition},
    {{0x41, 0x8, 0x0, 0x0, 0x0, SIMPLE, CHILD, UNINITIALIZED, NEEDS(CREATE_PARTITIONS),
      "InitializePartition", STATUSES(0x0, 0x3, 0x6, 0x7, 0xB, 0xD, 0x1D)},
     initialize_partition},
    {{0x42, 0x8, 0x0, 0x0, 0x0, SIMPLE, CHILD, ACTIVE | FINALIZING, NEEDS(CREATE_PARTITIONS),
      "FinalizePartition", STATUSES(0x0, 0x3, 0x6, 0x7, 0x8, 0xD, 0x78)},
     finalize_partition},
    {{0x43, 0x8, 0x0, 0x0, 0x0, SIMPLE, CHILD, UNINITIALIZED | FINALIZED, NEEDS(CREATE_PARTITIONS),
      "DeletePartition", STATUSES(0x0, 0x3, 0x6, 0x7, 0x8, 0xD)},
     delete_partition},
    {{0x44, 0x10, 0x0, 0x8, 0x0, SIMPLE, CHILD | ROOT, UNINITIALIZED | ACTIVE,
      NEEDS(CREATE_PARTITIONS), "GetPartitionProperty", STATUSES(0x0, 0x3, 0x6, 0x7, 0x9, 0xD)},
     get_partition_property},
    {{0x45, 0x18, 0x0, 0x0, 0x0, SIMPLE, CHILD | ROOT, UNINITIALIZED | ACTIVE,
      NEEDS(CREATE_PARTITIONS), "SetPartitionProperty",
      STATUSES(0x0, 0x3, 0x5, 0x6, 0x7, 0x9, 0xA, 0xB, 0xD, 0x19)},
     set_partition_property},
    {{0x46, 0x0, 0x0, 0x8, 0x0, SIMPLE, NAMES_NOBODY, 0x0, NEEDS(ACCESS_PARTITION_ID),
      "GetPartitionId", STATUSES(0x0, 0x3, 0x6)},
     get_partition_id},
    {{0x47, 0x10, 0x0, 0x8, 0x0, SIMPLE, CHILD | NAMES_SELF, ANY_STATE, CREATE_PARTITIONS,
      CREATE_PARTITIONS, "GetNextChildPartition", STATUSES(0x0, 0x3, 0x6, 0xD)},
     get_next_child},
    {{0x48, 0x8, 0x8, 0x0, 0x0, REP, CHILD | ROOT, UNINITIALIZED | ACTIVE, NEEDS(CREATE_AND_POOL),
      "DepositMemory", STATUSES(0x0, 0x3, 0x4, 0x6, 0x7, 0x8, 0xD, 0x19, 0x1D)},
     deposit_memory},
    {{0x49, 0x10, 0x0, 0x0, 0x8, REP, CHILD | ROOT, ANY_STATE, NEEDS(CREATE_AND_POOL),
      "WithdrawMemory", STATUSES(0x0, 0x3, 0x4, 0x5, 0x6, 0xD, 0x1D)},
     withdraw_memory},
    {{0x4A, 0x10, 0x0, 0x10, 0x0, SIMPLE, CHILD | ROOT, ANY_STATE, NEEDS(CREATE_AND_POOL),
      "GetMemoryBalance", STATUSES(0x0, 0x3, 0x5, 0x6, 0xD)},
     get_memory_balance},
    {{0x4B, 0x18, 0x8, 0x0, 0x0, REP, CHILD | ROOT, ACTIVE, NEEDS(CREATE_PARTITIONS), "MapGpaPages",
      STATUSES(0x0, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0xB, 0xD, 0x19)},
     map_gpa_pages},
    {{0x4C, 0x18, 0x0, 0x0, 0x0, REP, CHILD, ACTIVE, NEEDS(CREATE_PARTITIONS), "UnmapGpaPages",
      STATUSES(0x0, 0x3, 0x5, 0x6, 0x7, 0xD, 0x19)},
     unmap_gpa_pages},
    {{0x4D, 0x18, 0x0, 0x0, 0x0, SIMPLE, CHILD, ACTIVE, NEEDS(CREATE_PARTITIONS),
      "InstallIntercept", STATUSES(0x0, 0x3, 0x5, 0x6, 0x7, 0xB, 0xD)},
     install_intercept},
    {{0x4E, 0x28, 0x0, 0x0, 0x0, SIMPLE, CHILD, ACTIVE, NEEDS(CREATE_PARTITIONS), "CreateVp",
      STATUSES(0x0, 0x3, 0x5, 0x6, 0x7, 0x8, 0xB, 0xD, 0xE, 0x1D)},
     create_vp},
    {{0x4F, 0x10, 0x0, 0x0, 0x0, SIMPLE, CHILD | NAMES_VP, ACTIVE, NEEDS(CREATE_PARTITIONS),
      "DeleteVp", STATUSES(0x0, 0x3, 0x6, 0x7, 0x8, 0xD, 0xE)},
     delete_vp},
    {{0x50, 0x10, 0x4, 0x0, 0x10, REP, CHILD | NAMES_VP | NAMES_SELF, ACTIVE,
      NEEDS_EITHER(ACCESS_VP_REGISTERS), "GetVpRegisters",
      STATUSES(0x0, 0x3, 0x4, 0x5, 0x6, 0x7, 0xD, 0xE, 0x51)},
     get_vp_registers},
    {{0x51, 0x10, 0x20, 0x0, 0x0, REP, CHILD | NAMES_VP | NAMES_SELF, ACTIVE,
      NEEDS_EITHER(ACCESS_VP_REGISTERS), "SetVpRegisters",
      STATUSES(0x0, 0x3, 0x4, 0x5, 0x6, 0x7, 0xD, 0xE, 0x50, 0x51)},
     set_vp_registers},
    {{0x52, 0x20, 0x0, 0x10, 0x0, SIMPLE, CHILD | NAMES_VP | NAMES_SELF, ACTIVE,
      NEEDS_EITHER(ACCESS_VP_REGISTERS), "TranslateVirtualAddress",
      STATUSES(0x0, 0x3, 0x5, 0x6, 0x7, 0xD, 0xE)},
     translate_virtual_address},
    {{0x53, 0x20, 0x0, 0x18, 0x0, SIMPLE, CHILD | NAMES_VP, ACTIVE, NEEDS(CREATE_PARTITIONS),
      "ReadGpa", STATUSES(0x0, 0x3, 0x5, 0x6, 0x7, 0xD, 0xE)},
     access_gpa},
    {{0x54, 0x30, 0x0, 0x8, 0x0, SIMPLE, CHILD | NAMES_VP, ACTIVE, NEEDS(CREATE_PARTITIONS),
      "WriteGpa", STATUSES(0x0, 0x3, 0x5, 0x6, 0x7, 0xD, 0xE)},
     access_gpa},
    {{0x55, 0x20, 0x0, 0x0, 0x0, SIMPLE, CHILD, ACTIVE, NEEDS(CREATE_PARTITIONS),
      "AssertVirtualInterrupt (old)", STATUSES(0x0, 0x3, 0x5, 0x6, 0x7, 0xD, 0xE, 0x16)},
     assert_virtual_interrupt},
    {{0x56, 0x8, 0x0, 0x0, 0x0, SIMPLE, CHILD, ACTIVE, NEEDS(CREATE_PARTITIONS),
      "ClearVirtualInterrupt", STATUSES(0x0, 0x3, 0x6, 0x7, 0xD, 0x14)},
     clear_virtual_interrupt},
    {{0x6E, 0x10, 0x10, 0x0, 0x0, REP, CHILD | ROOT, ACTIVE, NEEDS(CREATE_PARTITIONS),
      "MapSparseGpaPages", STATUSES(0x0, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0xB, 0xD, 0x19)},
     map_sparse_gpa_pages},
    {{0x90, 0x10, 0x8, 0x0, 0x0, REP, CHILD | ROOT, ACTIVE, NEEDS(CREATE_PARTITIONS),
      "ModifySparseGpaPages", STATUSES(0x0, 0x3, 0x4, 0x5, 0x6, 0x7, 0xD)},
     modify_sparse_gpa_pages},
    {{0x94, 0x20, 0x0, 0x0, 0x0, SIMPLE, CHILD, ACTIVE, NEEDS(CREATE_PARTITIONS),
      "AssertVirtualInterrupt", STATUSES(0x0, 0x3, 0x5, 0x6, 0x7, 0x8, 0xD, 0xE, 0x16, 0x51)},
     assert_virtual_interrupt},
    {{0x99, 0xF0, 0x0, 0x0, 0x0, SIMPLE, CHILD | NAMES_VP | NAMES_SELF, ACTIVE,
      NEEDS_EITHER(START_VP), "StartVirtualProcessor",
      STATUSES(0x0, 0x3, 0x5, 0x6, 0x7, 0xD, 0xE, 0x15, 0x50, 0x51)},
     start_virtual_processor},
    {{0x9A, 0x10, 0x4, 0x0, 0x4, REP, CHILD | NAMES_SELF, ACTIVE, NEEDS_EITHER(ACCESS_VP_INDEX),
      "GetVpIndexFromApicId", STATUSES(0x0, 0x3, 0x4, 0x5, 0x6, 0x7, 0xD, 0x51)},
     get_vp_index_from_apic_id},
    {{0xAC, 0x20, 0x0, 0x40, 0x0, SIMPLE, CHILD | NAMES_VP | NAMES_SELF, ACTIVE,
      NEEDS_EITHER(ACCESS_VP_REGISTERS), "TranslateVirtualAddressEx",
      STATUSES(0x0, 0x3, 0x5, 0x6, 0x7, 0xD, 0xE)},
     translate_virtual_address},
    {{0xAD, 0x18, 0x0, 0x8, 0x0, SIMPLE, CHILD | NAMES_VP, ACTIVE, NEEDS(CREATE_PARTITIONS),
      "CheckForIoIntercept", STATUSES(0x0, 0x3, 0x5, 0x6, 0x7, 0xD, 0xE, 0x51)},
     check_for_io_intercept},
    {{0x101, 0x18, 0x0, 0x8, 0x0, SIMPLE, CHILD | ROOT, UNINITIALIZED | ACTIVE,
      NEEDS(CREATE_PARTITIONS), "GetPartitionPropertyEx", STATUSES(0x0, 0x3, 0x6, 0x7, 0x9, 0xD)},
     get_partition_property},
    {{0x10A, 0x18, 0x0, 0x0, 0x0, VARIABLE, CHILD | ROOT, UNINITIALIZED | ACTIVE,
      NEEDS(CREATE_PARTITIONS), "SetPartitionPropertyEx",
      STATUSES(0x0, 0x3, 0x5, 0x6, 0x7, 0x9, 0xA, 0xB, 0xD, 0x19)},
     set_partition_property_ex},
};

const struct model_row *model_row(size_t n)
{
    return n < sizeof rows / sizeof *rows ? &rows[n].row : NULL;
}

/* The door. */

static bool has_all(const struct model_partition *p, uint64_t privileges)
{
    return (p->property[PRIVILEGES] & privileges) == privileges;
}

/* Whom the call is about: the ID, what the caller is to it, its state, its VP. */
static uint16_t judge_target(struct call *c, const struct model_row *row)
{
    uint64_t id = in64(c, 0x0);
    c->target = id == SELF ? c->caller : model_find(c->m, id);
    if (c->target == NULL) {
        return INVALID_PARTITION_ID;
    }
    bool may;
    if (c->target != c->caller) {
        may = c->target->parent == c->caller->id && has_all(c->caller, row->as_parent);
    } else if (row->target & NAMES_SELF) {
        may = has_all(c->caller, row->as_self);
    } else {
        may = row->target & NAMES_ROOT_ITSELF && c->caller->id == c->m->root;
    }
    if (!may) {
        return ACCESS_DENIED;
    }
    if (!(c->target->state & row->states)) {
        return INVALID_PARTITION_STATE;
    }
    if (!(row->target & NAMES_VP)) {
        return SUCCESS;
    }
    c->vp = in32(c, 0x8);
    if (c->vp == VP_SELF && c->target == c->caller) {
        c->vp = c->caller_vp;
    }
    return has_vp(c->target, c->vp) ? SUCCESS : INVALID_VP_INDEX;
}

uint64_t model_hypercall(struct model *m, uint64_t caller, uint32_t vp, uint64_t control,
                         const uint8_t *in, size_t in_bytes, uint8_t *out, size_t out_bytes)
{
    struct call c = {.m = m, .caller = model_find(m, caller), .in = in, .caller_vp = vp};
    uint32_t count = (uint32_t)(control >> 0x20) & 0xFFF;
    uint32_t start = (uint32_t)(control >> 0x30) & 0xFFF;
    const struct model_row *row = NULL;
    model_handler *handler = NULL;
    c.code = (uint16_t)control;
    c.variable = (uint32_t)(control >> 0x11) & 0x3FF;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].row.code == c.code) {
            row = &rows[i].row;
            handler = rows[i].handler;
        }
    }

    if (row == NULL) {
        return INVALID_HYPERCALL_CODE;
    }
    if (c.caller == NULL || c.caller->state != ACTIVE ||
        !(has_all(c.caller, row->as_parent) ||
          (row->as_self != 0x0 && has_all(c.caller, row->as_self)))) {
        return ACCESS_DENIED;
    }
    if (control & 0xF000F000F8000000 || (row->rep ? start >= count : (count | start) != 0x0) ||
        (!row->variable && c.variable != 0x0)) {
        return INVALID_HYPERCALL_INPUT;
    }
    size_t header = row->in + c.variable * 0x8, list = header + count * row->in_each;
    size_t output = row->out + count * row->out_each;
    if (list > 0x1000 || output > 0x1000) {
        return INVALID_ALIGNMENT;
    }
    if (in_bytes < list || out_bytes < output) {
        return INVALID_PARAMETER;
    }
    uint16_t status = row->target != NAMES_NOBODY ? judge_target(&c, row) : SUCCESS;
    if (status != SUCCESS) {
        return status;
    }

    /* Each element by itself; output is what succeeded. */
    uint32_t end = row->rep ? count : 0x1;
    for (c.index = start; c.index < end; c.index++) {
        uint8_t result[0x1000];
        size_t size = row->rep ? row->out_each : row->out;
        memset(result, 0, size);
        if (c.index - start == m->config.rep_budget) {
            status = TIMED_OUT;
            break;
        }
        c.item = in + header + c.index * row->in_each;
        c.out = result;
        status = handler(&c);
        if (status != SUCCESS) {
            break;
        }
        if (size != 0x0) {
            memcpy(out + c.index * row->out_each, result, size);
        }
    }
    return status | (row->rep ? (uint64_t)c.index << 0x20 : 0x0);
}

/* What the host does. */

void model_init(struct model *m, const struct model_config *config, const struct model_ops *ops,
                void *ctx, uint64_t root)
{
    memset(m, 0, sizeof *m);
    m->config = *config;
    m->ops = *ops;
    m->root = root;
    make_partition(m, root);
    m->partitions[0].ctx = ctx;
    m->partitions[0].state = ACTIVE;
    m->partitions[0].property[PRIVILEGES] = ALL_PRIVILEGES;
}

int model_attach(struct model *m, uint64_t partition, uint32_t index)
{
    struct model_partition *p = model_find(m, partition);
    if (index >= m->config.vps) {
        return E_ARGUMENT;
    }
    if (p == NULL || p->state != ACTIVE) {
        return E_PARTITION;
    }
    if (p->vps[index].exists) {
        return E_VP;
    }
    if (!model_room_for_vp(m, p)) {
        return E_SPACE;
    }
    p->vps[index] = (struct model_vp){.exists = true, .started = index == 0x0, .born = ++m->births};
    return OK;
}

int model_detach(struct model *m, uint64_t partition, uint32_t index)
{
    forget_vp(model_find(m, partition), index);
    return OK;
}

int model_reset(struct model *m, uint64_t partition)
{
    struct model_partition *p = model_find(m, partition);
    if (p == NULL || p->state != ACTIVE) {
        return E_PARTITION;
    }
    int action = take_page_away(m, p);
    if (action != STEP) {
        return action == REPEAT ? E_BUSY : E_OP;
    }
    p->os_id = p->hypercall = 0x0;
    p->ext_int = IDLE;
    for (uint32_t i = 0x1; i < MODEL_VPS; i++) {
        p->vps[i].started = false;
    }
    return OK;
}

int model_line(struct model *m, uint64_t partition, uint32_t index)
{
    const struct model_partition *p = model_find(m, partition);
    return index == 0x0 && p->state == ACTIVE && p->ext_int == ASSERTED;
}

int model_acknowledge(struct model *m, uint64_t partition, uint32_t index, uint8_t *vector)
{
    struct model_partition *p = model_find(m, partition);
    if (index != 0x0) {
        return E_VP;
    }
    if (p->state != ACTIVE) {
        return E_PARTITION;
    }
    if (p->ext_int != ASSERTED) {
        return E_NOTHING;
    }
    p->ext_int = ACKED;
    *vector = p->vector;
    return OK;
}

void model_suspend(struct model *m, uint64_t partition, uint32_t index)
{
    model_find(m, partition)->vps[index].intercept_suspend |= 0x1;
}

uint32_t model_suspended(struct model *m, uint64_t partition, uint32_t index)
{
    const struct model_vp *vp = &model_find(m, partition)->vps[index];
    return (vp->explicit_suspend ? 0x1 : 0x0) | (vp->intercept_suspend & 0x1 ? 0x2 : 0x0);
}

/* AccessHypercallMsrs is bit 5, AccessVpIndex bit 6 (2.0a 5.2.3). */
int model_wrmsr(struct model *m, uint64_t partition, uint32_t index, uint32_t msr, uint64_t value)
{
    struct model_partition *p = model_find(m, partition);
    (void)index;
    if (p->state != ACTIVE) {
        return GONE;
    }
    switch (msr) {
    case 0x40000000:
        return !has_all(p, 0x20) ? GP : write_os_id(m, p, value);
    case 0x40000001:
        return !has_all(p, 0x20) ? GP : write_hypercall(m, p, value);
    case 0x40000002:
        return GP;
    default:
        return PASS;
    }
}

int model_rdmsr(struct model *m, uint64_t partition, uint32_t index, uint32_t msr, uint64_t *value)
{
    const struct model_partition *p = model_find(m, partition);
    if (p->state != ACTIVE) {
        return GONE;
    }
    switch (msr) {
    case 0x40000000:
    case 0x40000001:
        if (!has_all(p, 0x20)) {
            return GP;
        }
        *value = msr == 0x40000000 ? p->os_id : p->hypercall;
        return STEP;
    case 0x40000002:
        if (!has_all(p, 0x40)) {
            return GP;
        }
        *value = index;
        return STEP;
    default:
        return PASS;
    }
}
