/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Makes the same random calls to the library and to the model, with a VMM of its own below each,
 * and stops at the first difference: in a result, in a byte of output, in what an op was asked; and,
 * now and then, in anything that can be seen. A run is a row of episodes, each with a fresh instance
 * of another configuration, so that a step can be reached without all those before.
 *
 *   test_model [--seed S] [--steps N] [--from N]
 *
 * --from begins with the episode of step N and prints each step from N on. */

#include <hvgdk/hvemu.h>

#include "model.h"
#include "sequence.h"
#include "vmm.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/endian.h>

enum { EPISODE = 20000, LOOK = 1000, BLOCK = 0x1100, MEMORY = 0x100000, HANDLES = 0x40 };
enum { RELATIONS = 7, STATUSES = 0x79 };

struct handle {
    struct hvemu_vp *vp; /* NULL: free */
    bool attached;       /* by us */
};

static struct {
    _Alignas(64) unsigned char memory[MEMORY];
    struct hvemu *hv;
    struct model model;
    struct vmm below_library, below_model;
    struct sequence sequence;
    struct handle handles[HANDLES];
    uint64_t announced; /* ID of the last creation that an op was told of */
    uint64_t ids[EPISODE];
    uint32_t id_count;
    struct request request;
    bool again;            /* request is to be continued */
    uint8_t *in, *outs[2]; /* BLOCK bytes; what is used ends with them */
    uint64_t step, seed, from;
    bool ok;
} t;

static struct {
    uint64_t calls, successes;
    uint64_t status[0x40][STATUSES], relation[0x40][RELATIONS], state[0x40][6];
    uint64_t unknown, native, host[8];
} hits;

static const char *const relations[RELATIONS] = {"none",        "parent",   "self", "root-self",
                                                 "grandparent", "stranger", "dead"};
static const char *const states[6] = {"none",       "uninitialized", "active",
                                      "finalizing", "finalized",     "dead"};
static const char *const host_actions[8] = {"attach",  "detach", "acknowledge", "line",
                                            "suspend", "wrmsr",  "rdmsr",       "reset"};

static void difference(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("DIFFERENCE at step %" PRIu64 ": ", t.step);
    vprintf(format, arguments);
    printf("\n  again: --seed %#" PRIx64 " --from %" PRIu64 "\n", t.seed, t.step);
    va_end(arguments);
    t.ok = false;
}

static void check(const char *what, uint64_t expected, uint64_t got)
{
    if (expected != got && t.ok) {
        difference("%s: expected %#" PRIx64 ", got %#" PRIx64, what, expected, got);
    }
}

/* The library's ops, where they are not the model's. */

static uint16_t op_partition(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                             void **child_ctx)
{
    if (event == HVEMU_PARTITION_CREATED) {
        t.announced = partition;
    }
    return vmm_ops.partition(ctx, partition, event, creation, child_ctx);
}

static struct handle *find_handle(const struct hvemu_vp *vp)
{
    for (size_t i = 0; i < HANDLES; i++) {
        if (t.handles[i].vp == vp) {
            return &t.handles[i];
        }
    }
    return NULL;
}

static uint16_t op_vp(void *ctx, struct hvemu_vp *vp, uint32_t event, const void *block,
                      void **vp_ctx)
{
    uint16_t status = vmm_ops.vp(ctx, hvemu_vp_partition(vp), hvemu_vp_index(vp), event, block);
    (void)vp_ctx;
    if (status == SUCCESS && event == HVEMU_VP_CREATED) {
        *find_handle(NULL) = (struct handle){vp, false};
    } else if (status == SUCCESS && event == HVEMU_VP_DELETED) {
        struct handle *handle = find_handle(vp);
        if (handle != NULL) {
            handle->vp = NULL;
        }
    }
    return status;
}

static uint16_t op_vp_get(void *ctx, struct hvemu_vp *vp, uint32_t name, uint64_t value[2])
{
    return vmm_ops.vp_get(ctx, hvemu_vp_partition(vp), hvemu_vp_index(vp), name, value);
}

static uint16_t op_vp_set(void *ctx, struct hvemu_vp *vp, uint32_t name, const uint64_t value[2])
{
    return vmm_ops.vp_set(ctx, hvemu_vp_partition(vp), hvemu_vp_index(vp), name, value);
}

static int op_overlay(void *ctx, uint64_t partition, uint64_t gpa, const uint8_t *code,
                      uint32_t bytes)
{
    (void)bytes;
    return vmm_ops.overlay(ctx, partition, gpa, code != NULL);
}

/* Episodes. */

static uint32_t one_of(uint32_t a, uint32_t b, uint32_t c)
{
    const uint32_t of[] = {a, b, c};
    return of[sequence_random(&t.sequence, 3)];
}

/* The same configuration and ops for both. 0 is the default of most fields; the model has no
 * defaults. */
static void configure(struct hvemu_config *config, struct hvemu_ops *ops, struct model_config *mc,
                      struct model_ops *mo)
{
    struct sequence *s = &t.sequence;
    bool pools = sequence_chance(s, 60);
    mc->partitions = one_of(0x6, 0x10, 0x18);
    mc->vps = MODEL_VPS;
    mc->depth = one_of(0x1, 0x2, 0x3);
    mc->children = one_of(0x4, 0x8, UINT32_MAX);
    mc->gpa_bits = one_of(0x24, 0x34, 0x34);
    mc->rep_budget = one_of(0x3, 0x40, 0xFFF);
    mc->vps_each = one_of(0x2, 0x4, UINT32_MAX);
    mc->pages = pools ? one_of(0x20, 0x60, MODEL_PAGES) : 0x0;
    mc->intercepts = one_of(0x4, 0x8, 0x10);
    mc->create_cost = one_of(0x0, 0x1, 0x2);
    mc->initialize_cost = one_of(0x1, 0x3, 0x5);
    mc->vp_cost = one_of(0x0, 0x1, 0x2);
    mc->map_cost = one_of(0x0, 0x1, 0x2);
    mc->intercept_cost = one_of(0x0, 0x1, 0x2);
    mc->privileges = sequence_chance(s, 60) ? 0x25700000067 : 0x22000700000060;

    config->partitions = mc->partitions;
    config->vps = mc->vps;
    config->depth = mc->depth;
    config->children = mc->children == UINT32_MAX ? 0 : mc->children;
    config->gpa_bits = mc->gpa_bits;
    config->rep_budget = mc->rep_budget;
    config->vps_each = mc->vps_each == UINT32_MAX ? 0 : mc->vps_each;
    config->pages = mc->pages;
    config->intercepts = mc->intercepts;
    config->create_cost = mc->create_cost ? mc->create_cost : HVEMU_NO_COST;
    config->initialize_cost = mc->initialize_cost;
    config->vp_cost = mc->vp_cost ? mc->vp_cost : HVEMU_NO_COST;
    config->map_cost = mc->map_cost ? mc->map_cost : HVEMU_NO_COST;
    config->intercept_cost = mc->intercept_cost ? mc->intercept_cost : HVEMU_NO_COST;
    config->privileges = mc->privileges;

    *mo = vmm_ops;
    ops->ext_int = mo->ext_int;
    ops->interrupt = mo->interrupt;
    ops->gpa_read = mo->gpa_read;
    ops->gpa_write = mo->gpa_write;
    ops->overlay = op_overlay;
    ops->partition = op_partition;
    ops->vp = op_vp;
    ops->vp_get = op_vp_get;
    ops->vp_set = op_vp_set;
    ops->map = mo->map;
    ops->pool = mo->pool;
    ops->property = mo->property;
    switch (sequence_random(s, 0x20)) { /* a VMM that has no use for one of them */
    case 0x0:
        mo->ext_int = NULL;
        ops->ext_int = NULL;
        break;
    case 0x1:
        mo->interrupt = NULL;
        ops->interrupt = NULL;
        break;
    case 0x2:
        mo->gpa_read = NULL;
        ops->gpa_read = NULL;
        break;
    case 0x3:
        mo->gpa_write = NULL;
        ops->gpa_write = NULL;
        break;
    case 0x4:
        mo->overlay = NULL;
        ops->overlay = NULL;
        break;
    case 0x5:
        mo->partition = NULL;
        ops->partition = NULL;
        break;
    case 0x6:
        mo->vp_get = NULL;
        ops->vp_get = NULL;
        break;
    case 0x7:
        mo->vp_set = NULL;
        ops->vp_set = NULL;
        break;
    case 0x8:
        mo->map = NULL;
        ops->map = NULL;
        break;
    case 0x9:
        mo->pool = NULL;
        ops->pool = NULL;
        break;
    case 0xA:
        mo->property = NULL;
        ops->property = NULL;
        break;
    default:
        break;
    }
}

static void begin_episode(uint64_t episode)
{
    struct hvemu_config config = {.size = sizeof config};
    struct hvemu_ops ops = {.size = sizeof ops};
    struct model_config model_config;
    struct model_ops model_ops;
    memset(&t.sequence, 0, sizeof t.sequence);
    memset(t.handles, 0, sizeof t.handles);
    t.sequence.state = t.seed * 0x10001 + episode;
    t.sequence.model = &t.model;
    t.id_count = 0;
    t.again = false;
    configure(&config, &ops, &model_config, &model_ops);
    check("memory", true, hvemu_memory_size(&config) <= MEMORY);
    int result = hvemu_init(&t.hv, t.memory, MEMORY, &config, &ops, &t.below_library.partitions[0]);
    check("hvemu_init", 0, (uint64_t)result);
    if (t.ok) {
        uint64_t root = hvemu_root(t.hv);
        vmm_init(&t.below_library, root);
        vmm_init(&t.below_model, root);
        model_init(&t.model, &model_config, &model_ops, &t.below_model.partitions[0], root);
    }
}

/* Calls. */

static int row_index(uint16_t code)
{
    const struct model_row *row = model_row(0);
    for (size_t i = 0; row != NULL; row = model_row(++i)) {
        if (row->code == code) {
            return (int)i;
        }
    }
    return -1;
}

static const struct model_row *find_row(uint16_t code)
{
    int i = row_index(code);
    return i >= 0 ? model_row((size_t)i) : NULL;
}

static void print_request(const struct request *r)
{
    const struct model_row *row = find_row((uint16_t)r->control);
    printf("%" PRIu64 ": %s caller %#" PRIx64 " control %#" PRIx64 " in %#zx out %#zx:", t.step,
           row != NULL ? row->name : "unknown", r->caller, r->control, r->in_bytes, r->out_bytes);
    for (size_t n = 0; n < r->in_bytes && n < 0x200; n++) {
        printf("%s%02x", n % 8 ? "" : " ", r->in[n]);
    }
    printf("\n");
}

/* What the caller is to whom it names. */
static int relation_of(const struct request *r, const struct model_row *row, int *state)
{
    uint64_t id = row->in < 8 ? 0 : le64dec(r->in);
    *state = 0;
    if (row->target == NAMES_NOBODY) {
        return 0;
    }
    const struct model_partition *p = model_find(&t.model, id == SELF ? r->caller : id);
    *state = 5;
    if (p == NULL) {
        return 6;
    }
    *state = p->state == UNINITIALIZED ? 1
             : p->state == ACTIVE      ? 2
             : p->state == FINALIZING  ? 3
                                       : 4;
    if (p->id == r->caller) {
        return p->id == t.model.root ? 3 : 2;
    }
    if (p->parent == r->caller) {
        return 1;
    }
    p = model_find(&t.model, p->parent);
    return p != NULL && p->parent == r->caller ? 4 : 5;
}

static void count_call(const struct request *r, int relation, int state, uint64_t result)
{
    uint16_t status = (uint16_t)result;
    int i = row_index((uint16_t)r->control);
    hits.calls++;
    hits.successes += status == SUCCESS;
    if (i < 0) {
        hits.unknown++;
    } else {
        hits.status[i][status < STATUSES ? status : STATUSES - 1]++;
        hits.relation[i][relation]++;
        hits.state[i][state]++;
    }
}

/* A new ID is one that nobody ever had. */
static void note_id(uint64_t id)
{
    check("the ID is a real one", true, id != 0 && id != SELF && id != t.model.root);
    for (uint32_t i = 0; i < t.id_count; i++) {
        check("the ID is new", true, t.ids[i] != id);
    }
    t.ids[t.id_count++] = id;
}

/* A VP of the caller's that may make this call itself, with its lists in registers; or NULL. */
static struct hvemu_vp *caller_vp(const struct request *r)
{
    const struct model_row *row = find_row((uint16_t)r->control);
    size_t count = r->control >> 0x20 & 0xFFF, variable = r->control >> 0x11 & 0x3FF;
    if (row == NULL || r->in_bytes != row->in + variable * 8 + count * row->in_each ||
        r->out_bytes != row->out + count * row->out_each ||
        (r->in_bytes + 0xF) / 0x10 * 0x10 + r->out_bytes > 0x70 ||
        model_state(&t.model, r->caller) != ACTIVE) {
        return NULL;
    }
    for (size_t i = 0; i < HANDLES; i++) {
        if (t.handles[i].vp != NULL && hvemu_vp_partition(t.handles[i].vp) == r->caller) {
            return t.handles[i].vp;
        }
    }
    return NULL;
}

/* The call as vp's. To be repeated is what it is for a C caller to get TIMED_OUT. */
static uint64_t execute(struct hvemu_vp *vp, const struct request *r, uint8_t *out)
{
    const struct model_row *row = find_row((uint16_t)r->control);
    struct hvemu_call made = {.control = r->control | 0x10000};
    memcpy(made.fast, r->in, r->in_bytes);
    enum hvemu_action action = hvemu_execute(vp, &made);
    uint64_t result = made.result, from = r->control >> 0x30 & 0xFFF;
    if (action == HVEMU_REPEAT) {
        result = TIMED_OUT | (row->rep ? (made.control >> 0x30 & 0xFFF) << 0x20 : 0);
    } else {
        check("action", HVEMU_STEP, (uint64_t)action);
    }
    uint64_t to = result >> 0x20 & 0xFFF;
    if (!row->rep && (uint16_t)result == SUCCESS) {
        memcpy(out, made.fast + made.out_at, row->out);
    } else if (row->rep && to > from) {
        memcpy(out + from * row->out_each, made.fast + made.out_at + from * row->out_each,
               (size_t)(to - from) * row->out_each);
    }
    return result;
}

/* vp: who makes the call; NULL: C. */
static uint64_t call(const struct request *r, struct hvemu_vp *vp)
{
    uint64_t results[2];
    uint8_t *in = t.in + BLOCK - r->in_bytes;
    memcpy(in, r->in, r->in_bytes);
    for (int i = 0; i < 2; i++) {
        memset(t.outs[i], 0xA5, BLOCK);
    }
    uint8_t *outs[2] = {t.outs[0] + BLOCK - r->out_bytes, t.outs[1] + BLOCK - r->out_bytes};
    t.announced = 0;
    if (vp != NULL) {
        results[0] = execute(vp, r, outs[0]);
    } else {
        results[0] =
            hvemu_hypercall(t.hv, r->caller, r->control, in, r->in_bytes, outs[0], r->out_bytes);
    }
    bool created = (uint16_t)r->control == 0x40 && results[0] == SUCCESS;
    t.model.next_id = t.announced;
    if (created) {
        t.model.next_id = le64dec(outs[0]);
    }
    results[1] = model_hypercall(&t.model, r->caller, vp != NULL ? hvemu_vp_index(vp) : NO_VP,
                                 r->control, in, r->in_bytes, outs[1], r->out_bytes);
    check("result", results[1], results[0]);
    check("input untouched", 0, (uint64_t)(memcmp(in, r->in, r->in_bytes) != 0));
    if (created && t.ok) {
        note_id(t.model.next_id);
    }
    bool same = memcmp(t.outs[0], t.outs[1], BLOCK) == 0;
    for (size_t i = 0; i < BLOCK && t.ok && !same; i++) {
        if (t.outs[0][i] != t.outs[1][i]) {
            difference("output byte %#zx: expected %#x, got %#x", i - (BLOCK - r->out_bytes),
                       t.outs[1][i], t.outs[0][i]);
        }
    }
    if (t.ok && !vmm_same_log(&t.below_library, &t.below_model)) {
        difference("ops");
    }
    if (!t.ok) {
        print_request(r);
        printf("  %s; model %#" PRIx64 ", library %#" PRIx64 "\n",
               vp != NULL ? "by a VP" : "from C", results[1], results[0]);
        vmm_print_log(&t.below_model, "model");
        vmm_print_log(&t.below_library, "library");
    }
    return results[1];
}

/* The op that a call is most about. */
static enum vmm_op op_of(uint16_t code)
{
    switch (code) {
    case 0x40:
    case 0x41:
    case 0x42:
    case 0x43:
        return OP_PARTITION;
    case 0x44:
    case 0x45:
    case 0x101:
    case 0x10A:
        return OP_PROPERTY;
    case 0x48:
    case 0x49:
        return OP_POOL;
    case 0x4B:
    case 0x4C:
    case 0x6E:
    case 0x90:
        return OP_MAP;
    case 0x4E:
    case 0x4F:
    case 0x99:
        return OP_VP;
    case 0x50:
        return OP_VP_GET;
    case 0x51:
        return OP_VP_SET;
    case 0x53:
        return OP_GPA_READ;
    case 0x54:
        return OP_GPA_WRITE;
    case 0x55:
    case 0x94:
        return OP_INTERRUPT;
    default:
        return OP_NONE;
    }
}

/* One op may fail, for this step: one that the call is about or any, with a status that is
 * documented for the call or any. */
static void script(uint16_t code)
{
    static const uint16_t statuses[] = {
        OPERATION_DENIED,       OBJECT_IN_USE,    INSUFFICIENT_MEMORY,
        NO_RESOURCES,           OPERATION_FAILED, TIMED_OUT,
        INVALID_PARAMETER,      INVALID_VP_STATE, TIMED_OUT,
        INVALID_REGISTER_VALUE, OPERATION_DENIED, UNKNOWN_PROPERTY};
    struct sequence *s = &t.sequence;
    const struct model_row *row = find_row(code);
    enum vmm_op op = OP_NONE;
    uint32_t nth = 0, answer = 0;
    if (sequence_chance(s, 12)) {
        op = op_of(code);
        if (op == OP_NONE || sequence_chance(s, 20)) {
            op = (enum vmm_op)(1 + sequence_random(s, VMM_OPS - 1));
        }
        nth = 1 + (uint32_t)sequence_random(s, sequence_chance(s, 70) ? 1 : 4);
        answer = statuses[sequence_random(s, sizeof statuses / sizeof *statuses)];
        if (row != NULL && sequence_chance(s, 50)) {
            size_t count = 1;
            while (row->statuses[count] != 0xFFFF) {
                count++;
            }
            answer = row->statuses[1 + sequence_random(s, count - 1)];
        }
        if (op == OP_GPA_READ || op == OP_GPA_WRITE || op == OP_OVERLAY) {
            answer = 1 + (uint32_t)sequence_random(s, 5);
        }
    }
    vmm_script(&t.below_library, op, nth, answer);
    vmm_script(&t.below_model, op, nth, answer);
}

static void random_call(void)
{
    struct request *r = &t.request;
    if (!t.again) {
        sequence_call(&t.sequence, r);
    }
    if (t.from != 0 && t.step >= t.from) {
        print_request(r);
    }
    const struct model_row *row = find_row((uint16_t)r->control);
    int state = 0, relation = row != NULL ? relation_of(r, row, &state) : 0;
    script((uint16_t)r->control);
    struct hvemu_vp *vp = sequence_chance(&t.sequence, 50) ? caller_vp(r) : NULL;
    uint64_t result = call(r, vp);
    hits.native += vp != NULL;
    count_call(r, relation, state, result);
    if ((uint16_t)r->control == 0x43 && result == SUCCESS) {
        t.sequence.dead[t.sequence.deaths++ % SEQUENCE_DEAD] = le64dec(r->in);
    }
    t.again = (uint16_t)result == TIMED_OUT && sequence_chance(&t.sequence, 60);
    if (t.again) {
        r->control = (r->control & 0xF000FFFFFFFFFFFF) | (result >> 0x20 & 0xFFF) << 0x30;
    }
}

/* What the host does. */

static void attach(void)
{
    const struct model_partition *p = sequence_pick(&t.sequence, ACTIVE);
    uint32_t index = (uint32_t)sequence_random(&t.sequence, MODEL_VPS + 1);
    uint64_t id = sequence_chance(&t.sequence, 90)
                      ? p->id
                      : t.sequence.dead[sequence_random(&t.sequence, SEQUENCE_DEAD)];
    struct hvemu_vp *vp = NULL;
    int got = hvemu_vp_attach(t.hv, id, index, NULL, &vp);
    check("attach", (uint64_t)(int64_t)model_attach(&t.model, id, index), (uint64_t)(int64_t)got);
    if (got == HVEMU_OK) {
        *find_handle(NULL) = (struct handle){vp, true};
    }
}

static struct handle *pick_handle(void)
{
    size_t from = (size_t)sequence_random(&t.sequence, HANDLES);
    for (size_t i = 0; i < HANDLES; i++) {
        if (t.handles[(from + i) % HANDLES].vp != NULL) {
            return &t.handles[(from + i) % HANDLES];
        }
    }
    return NULL;
}

static void host_action(void)
{
    struct sequence *s = &t.sequence;
    uint64_t action = sequence_random(s, 8);
    script(0);
    struct handle *handle = pick_handle();
    for (int i = 0; i < 8 && action == 2 && handle != NULL && !hvemu_ext_int_line(handle->vp);
         i++) {
        handle = pick_handle();
    }
    if (action == 0 || handle == NULL) {
        hits.host[0]++;
        attach();
        return;
    }
    hits.host[action]++;
    struct hvemu_vp *vp = handle->vp;
    uint64_t id = hvemu_vp_partition(vp), values[2] = {0xA5, 0xA5};
    uint32_t index = hvemu_vp_index(vp);
    uint8_t vectors[2] = {0xA5, 0xA5};
    uint32_t msr = 0x40000000 + (uint32_t)sequence_random(s, 4);
    if (t.from != 0 && t.step >= t.from) {
        printf("%" PRIu64 ": %s VP %#x of %#" PRIx64 "\n", t.step, host_actions[action], index, id);
    }
    switch (action) {
    case 1:
        if (handle->attached) {
            check("detach", (uint64_t)(int64_t)model_detach(&t.model, id, index),
                  (uint64_t)(int64_t)hvemu_vp_detach(vp));
            handle->vp = NULL;
        }
        break;
    case 2:
        check("acknowledge", (uint64_t)(int64_t)model_acknowledge(&t.model, id, index, &vectors[0]),
              (uint64_t)(int64_t)hvemu_ext_int_acknowledge(vp, &vectors[1]));
        check("vector", vectors[0], vectors[1]);
        break;
    case 3:
        check("line", (uint64_t)model_line(&t.model, id, index), (uint64_t)hvemu_ext_int_line(vp));
        break;
    case 4:
        model_suspend(&t.model, id, index);
        hvemu_vp_suspend(vp);
        break;
    case 5: {
        uint64_t value = sequence_random(s, 0x18) << 0xC | sequence_random(s, 4);
        if (msr == 0x40000000) {
            value = sequence_chance(s, 25) ? 0 : value;
        }
        check("wrmsr", (uint64_t)model_wrmsr(&t.model, id, index, msr, value),
              (uint64_t)hvemu_x64_wrmsr(vp, msr, value));
        break;
    }
    case 6:
        check("rdmsr", (uint64_t)model_rdmsr(&t.model, id, index, msr, &values[0]),
              (uint64_t)hvemu_x64_rdmsr(vp, msr, &values[1]));
        check("value of an MSR", values[0], values[1]);
        break;
    default:
        if (sequence_chance(s, 20)) {
            check("reset", (uint64_t)(int64_t)model_reset(&t.model, id),
                  (uint64_t)(int64_t)hvemu_reset(t.hv, id));
        }
        break;
    }
    if (t.ok && !vmm_same_log(&t.below_library, &t.below_model)) {
        difference("ops of %s", host_actions[action]);
    }
    if (!t.ok) {
        printf("  %s VP %#x of %#" PRIx64 ", MSR %#x\n", host_actions[action], index, id, msr);
        vmm_print_log(&t.below_model, "model");
        vmm_print_log(&t.below_library, "library");
    }
}

/* Everything that can be seen. */

static uint64_t ask(uint64_t caller, uint64_t control, uint64_t a, uint64_t b, uint64_t c)
{
    struct request r = {.caller = caller, .control = control};
    const struct model_row *row = find_row((uint16_t)control);
    le64enc(r.in, a);
    le64enc(r.in + 8, b);
    le64enc(r.in + 0x10, c);
    size_t count = control >> 0x20 & 0xFFF;
    r.in_bytes = row->in + count * row->in_each;
    r.out_bytes = row->out + count * row->out_each;
    return t.ok ? call(&r, NULL) : 0;
}

static void look_at(const struct model_partition *p)
{
    uint64_t caller = p->parent != 0 ? p->parent : p->id, child = 0;
    check("state", p->state, hvemu_partition_state(t.hv, p->id));
    ask(caller, 0x4A, p->id, 0, 0);
    for (size_t i = 0; i < sequence_property_count; i++) {
        ask(caller, 0x44, p->id, sequence_properties[i], 0);
    }
    for (int i = 0; i <= MODEL_PARTITIONS; i++) { /* the list of its children, to its end */
        if (ask(caller, 0x47, p->id, child, 0) != SUCCESS) {
            break;
        }
        child = le64dec(t.outs[0] + BLOCK - 8);
        if (child == 0) {
            break;
        }
    }
    for (uint32_t i = 0; i < 0x40; i++) {
        check("intercept", model_intercepted(&t.model, p->id, i & 3, i >> 2),
              hvemu_intercept(t.hv, p->id, i & 3, i >> 2));
    }
    for (uint32_t i = 0; i < MODEL_VPS; i++) {
        for (uint32_t n = 0; n < VMM_REGISTERS && p->vps[i].exists; n++) {
            ask(caller, 0x100000050, p->id, i, vmm_names[n]);
        }
    }
}

static void look(void)
{
    for (int i = 0; i < MODEL_PARTITIONS; i++) {
        if (t.model.partitions[i].id != 0) {
            look_at(&t.model.partitions[i]);
        }
    }
    for (int i = 0; i < SEQUENCE_DEAD; i++) {
        check("state of the dead", model_state(&t.model, t.sequence.dead[i]),
              hvemu_partition_state(t.hv, t.sequence.dead[i]));
    }
    for (size_t i = 0; i < HANDLES; i++) {
        const struct hvemu_vp *vp = t.handles[i].vp;
        if (vp == NULL) {
            continue;
        }
        uint64_t id = hvemu_vp_partition(vp);
        uint32_t index = hvemu_vp_index(vp);
        check("suspended", model_suspended(&t.model, id, index), hvemu_vp_suspended(vp));
        check("line", (uint64_t)model_line(&t.model, id, index), (uint64_t)hvemu_ext_int_line(vp));
    }
    if (t.ok && !vmm_same(&t.below_library, &t.below_model)) {
        difference("what the VMMs have");
    }
}

/* The report. */

static void print_counts(const char *what, const uint64_t *counts, const char *const *names, int n)
{
    printf("    %s:", what);
    for (int i = 0; i < n; i++) {
        if (counts[i] != 0) {
            printf(" %s %" PRIu64, names[i], counts[i]);
        }
    }
    printf("\n");
}

static bool report(void)
{
    bool complete = true;
    const struct model_row *row = model_row(0);
    for (size_t i = 0; row != NULL; row = model_row(++i)) {
        printf("%#x %s:", row->code, row->name);
        for (int status = 0; status < STATUSES; status++) {
            if (hits.status[i][status] != 0) {
                printf(" %#x %" PRIu64, status, hits.status[i][status]);
            }
        }
        printf("\n");
        print_counts("relation", hits.relation[i], relations, RELATIONS);
        print_counts("state", hits.state[i], states, 6);
        for (const uint16_t *status = row->statuses; *status != 0xFFFF; status++) {
            if (hits.status[i][*status] == 0) {
                printf("    NEVER: status %#x\n", *status);
                complete = false;
            }
        }
    }
    print_counts("host", hits.host, host_actions, 8);
    printf("unknown codes %" PRIu64 ", by VPs %" PRIu64 ", calls %" PRIu64 ", successes %" PRIu64
           " (%" PRIu64 " %%)\n",
           hits.unknown, hits.native, hits.calls, hits.successes,
           hits.successes * 100 / hits.calls);
    return complete && hits.unknown != 0 && hits.successes * 100 >= hits.calls * 30;
}

static uint64_t argument(int argc, char **argv, const char *name, uint64_t otherwise)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], name) == 0) {
            return strtoull(argv[i + 1], NULL, 0);
        }
    }
    return otherwise;
}

int main(int argc, char **argv)
{
    uint64_t steps = argument(argc, argv, "--steps", 300000);
    t.seed = argument(argc, argv, "--seed", 0x4856);
    t.from = argument(argc, argv, "--from", 0);
    t.in = malloc(BLOCK);
    t.outs[0] = malloc(BLOCK);
    t.outs[1] = malloc(BLOCK);
    t.ok = t.in != NULL && t.outs[0] != NULL && t.outs[1] != NULL;
    t.step = t.from / EPISODE * EPISODE;
    if (t.from != 0) {
        steps = t.from + (steps < EPISODE ? steps : EPISODE);
    }
    for (; t.step < steps && t.ok; t.step++) {
        if (t.step % EPISODE == 0) {
            begin_episode(t.step / EPISODE);
        }
        if (sequence_chance(&t.sequence, 10)) {
            host_action();
        } else {
            random_call();
        }
        if (t.ok && t.step % LOOK == LOOK - 1) {
            vmm_script(&t.below_library, OP_NONE, 0, 0);
            vmm_script(&t.below_model, OP_NONE, 0, 0);
            look();
        }
    }
    free(t.in);
    free(t.outs[0]);
    free(t.outs[1]);
    printf("seed %#" PRIx64 ", %" PRIu64 " steps\n", t.seed, t.step);
    if (!t.ok) {
        return 1;
    }
    return (hits.calls != 0 && report()) || t.from != 0 ? 0 : 1;
}
