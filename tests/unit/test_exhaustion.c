/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Every capacity that hvemu_config has, used up: the documented answer, not a byte of the instance
 * changed, no op asked; after one is given back there is room for exactly one; and all of it again
 * and again. Behind the table, what is used up in another way: rep budget, the pages that
 * initialization takes, the generations of a slot, and the room that C calls share. */

#include "fake_vmm.h"

#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST = 8, /* of a capacity here */
    NO_RESOURCES = 0x1D,
    TOO_DEEP = 0x0C,
    NO_MEMORY = 0x0B
};

struct world {
    struct fake_vmm *vmm;
    uint64_t a, b; /* active children of the root */
    uint64_t ids[MOST + 1];
    struct hvemu_vp *vps[MOST + 1];
};

static uint16_t yes_map(void *ctx, uint64_t partition, uint32_t what, uint64_t page,
                        uint64_t source, uint32_t flags)
{
    (void)ctx, (void)partition, (void)what, (void)page, (void)source, (void)flags;
    return 0;
}

static uint16_t yes_pool(void *ctx, uint64_t partition, uint64_t page, int deposit)
{
    (void)ctx, (void)partition, (void)page, (void)deposit;
    return 0;
}

/* ---- Taking the nth and giving it back; 0: it is there */

static uint16_t call(const struct world *w, uint64_t control, const void *in, size_t bytes)
{
    uint8_t out[8];
    uint64_t result;

    do {
        result = hvemu_hypercall(w->vmm->hv, w->vmm->root, control, in, bytes, out, sizeof out);
        control = (control & 0xF000FFFFFFFFFFFF) | (result >> 32 & 0xFFF) << 48;
    } while ((uint16_t)result == 0x78);
    return (uint16_t)result;
}

static int create(struct world *w, unsigned n)
{
    return fake_create(w->vmm, w->vmm->root, &w->ids[n]);
}

static int create_below_a(struct world *w, unsigned n)
{
    const uint64_t parent = n % 2 ? w->ids[n - 1] : w->a;
    const uint16_t status = fake_create(w->vmm, parent, &w->ids[n]);

    if (!status)
        assert_status(fake_call_on(w->vmm, parent, 0x41, w->ids[n]), 0);
    return status;
}

static int create_deeper(struct world *w, unsigned n)
{
    const uint64_t parent = n ? w->ids[n - 1] : w->vmm->root;
    const uint16_t status = fake_create(w->vmm, parent, &w->ids[n]);

    if (!status)
        assert_status(fake_call_on(w->vmm, parent, 0x41, w->ids[n]), 0);
    return status;
}

static int add_deeper(struct world *w, unsigned n)
{
    return hvemu_add_guest(w->vmm->hv, n ? w->ids[n - 1] : w->vmm->root, UINT64_MAX, NULL,
                           &w->ids[n]);
}

static int add(struct world *w, unsigned n)
{
    return hvemu_add_guest(w->vmm->hv, w->vmm->root, 0, NULL, &w->ids[n]);
}

static void end_child(struct world *w, unsigned n)
{
    const uint64_t root = w->vmm->root;

    if (hvemu_partition_state(w->vmm->hv, w->ids[n]) == HVEMU_STATE_ACTIVE)
        assert_status(fake_call_on(w->vmm, root, 0x42, w->ids[n]), 0);
    assert_status(fake_call_on(w->vmm, root, 0x43, w->ids[n]), 0);
}

static void end_below(struct world *w, unsigned n, uint64_t parent)
{
    assert_status(fake_call_on(w->vmm, parent, 0x42, w->ids[n]), 0);
    assert_status(fake_call_on(w->vmm, parent, 0x43, w->ids[n]), 0);
}

static void end_below_a(struct world *w, unsigned n)
{
    end_below(w, n, n % 2 ? w->ids[n - 1] : w->a);
}

static void end_deeper(struct world *w, unsigned n)
{
    end_below(w, n, n ? w->ids[n - 1] : w->vmm->root);
}

static int attach(struct world *w, unsigned n)
{
    return hvemu_vp_attach(w->vmm->hv, n % 2 ? w->a : w->b, n / 2, NULL, &w->vps[n]);
}

static int attach_to_a(struct world *w, unsigned n)
{
    return hvemu_vp_attach(w->vmm->hv, w->a, n, NULL, &w->vps[n]);
}

static void detach(struct world *w, unsigned n)
{
    assert_result(hvemu_vp_detach(w->vps[n]), HVEMU_OK);
}

static uint16_t on_vp(struct world *w, uint16_t code, uint64_t partition, uint32_t index)
{
    uint64_t in[5] = {LE64(partition), LE64(index)};

    return call(w, code, in, code == 0x4E ? 40 : 16);
}

static int create_vp(struct world *w, unsigned n)
{
    return on_vp(w, 0x4E, n % 2 ? w->a : w->b, n / 2);
}

static void delete_vp(struct world *w, unsigned n)
{
    assert_status(on_vp(w, 0x4F, n % 2 ? w->a : w->b, n / 2), 0);
}

static int create_vp_of_a(struct world *w, unsigned n)
{
    return on_vp(w, 0x4E, w->a, n);
}

static void delete_vp_of_a(struct world *w, unsigned n)
{
    assert_status(on_vp(w, 0x4F, w->a, n), 0);
}

static uint16_t deposit(struct world *w, uint64_t partition, uint64_t page)
{
    const uint64_t in[] = {LE64(partition), LE64(page)};

    return call(w, 0x100000048, in, sizeof in);
}

static int deposit_for_a(struct world *w, unsigned n)
{
    return deposit(w, w->a, n);
}

static void withdraw_from_a(struct world *w, unsigned n)
{
    const uint64_t in[] = {LE64(w->a), 0};

    (void)n;
    assert_status(call(w, 0x100000049, in, sizeof in), 0);
}

static int map_512(struct world *w, unsigned n)
{
    uint64_t in[3 + 256] = {LE64(w->a), LE64(n * 512), LE64(7)};
    uint16_t status = call(w, 0x1000000004B, in, sizeof in);

    if (status)
        return status;
    in[1] = LE64(n * 512 + 256);
    return call(w, 0x1000000004B, in, sizeof in);
}

static void unmap_512(struct world *w, unsigned n)
{
    const uint64_t in[3] = {LE64(w->a), LE64(n * 512)};

    assert_status(call(w, 0x2000000004C, in, sizeof in), 0);
}

static uint16_t install(struct world *w, uint32_t type, uint32_t access, uint64_t parameter)
{
    const uint64_t in[3] = {LE64(w->a), LE64(access | (uint64_t)type << 32), LE64(parameter)};

    return call(w, 0x4D, in, sizeof in);
}

static int intercept_port(struct world *w, unsigned n)
{
    return install(w, HvInterceptTypeX64IoPort, HV_INTERCEPT_ACCESS_MASK_READ, n);
}

static void forget_port(struct world *w, unsigned n)
{
    assert_status(install(w, HvInterceptTypeX64IoPort, 0, n), 0);
}

static int intercept_leaf(struct world *w, unsigned n)
{
    return install(w, HvInterceptTypeX64Cpuid, HV_INTERCEPT_ACCESS_MASK_EXECUTE, n);
}

static void forget_leaf(struct world *w, unsigned n)
{
    assert_status(install(w, HvInterceptTypeX64Cpuid, 0, n), 0);
}

static uint16_t handler(const struct hvemu_invocation *invocation, const void *in, const void *item,
                        void *out)
{
    (void)invocation, (void)in, (void)item, (void)out;
    return 0;
}

static int register_call(struct world *w, unsigned n)
{
    const struct hvemu_descriptor descriptor = {.size = sizeof descriptor,
                                                .name = "own",
                                                .handler = handler,
                                                .code = (uint16_t)(0x7000 + 64 * n)};

    return hvemu_register(w->vmm->hv, &descriptor);
}

static void unregister_call(struct world *w, unsigned n)
{
    assert_result(hvemu_unregister(w->vmm->hv, (uint16_t)(0x7000 + 64 * n)), HVEMU_OK);
}

/* ---- The table */

struct capacity {
    const char *name;
    struct hvemu_config config;
    unsigned count; /* what there is room for */
    int refused;
    int (*take)(struct world *, unsigned n);
    void (*give)(struct world *, unsigned n);
    int last_only;   /* the last that was taken is the first to be given back */
    unsigned own, a; /* pages deposited before: the root's, a's */
};

#define EACH .size = sizeof(struct hvemu_config), .privileges = HV_PRIVILEGE_ALL
#define FREE                                                                                  \
    .create_cost = HVEMU_NO_COST, .initialize_cost = HVEMU_NO_COST, .vp_cost = HVEMU_NO_COST, \
    .map_cost = HVEMU_NO_COST

static const struct capacity capacities[] = {
    {"partitions", {EACH, .partitions = 6}, 3, NO_RESOURCES, create, .give = end_child},
    {"partitions, by hvemu_add_guest()",
     {EACH, .partitions = 6},
     3,
     HVEMU_E_SPACE,
     add,
     .give = end_child},
    {"children", {EACH, .children = 5}, 3, NO_RESOURCES, create, .give = end_child},
    {"children, by hvemu_add_guest()",
     {EACH, .children = 5},
     3,
     HVEMU_E_SPACE,
     add,
     .give = end_child},
    {"descendants",
     {EACH, .depth = 3, .descendants = 4},
     4,
     NO_RESOURCES,
     create_below_a,
     .give = end_below_a,
     .last_only = 1},
    {"depth", {EACH, .depth = 5}, 5, TOO_DEEP, create_deeper, .give = end_deeper, .last_only = 1},
    {"depth, by hvemu_add_guest()",
     {EACH, .depth = 5},
     5,
     HVEMU_E_SPACE,
     add_deeper,
     .give = end_deeper,
     .last_only = 1},
    {"vps", {EACH, .vps = 5}, 5, HVEMU_E_SPACE, attach, .give = detach},
    {"vps, by HvCreateVp", {EACH, .vps = 5}, 5, NO_RESOURCES, create_vp, .give = delete_vp},
    {"vps_each", {EACH, .vps_each = 4}, 4, HVEMU_E_SPACE, attach_to_a, .give = detach},
    {"vps_each, by HvCreateVp",
     {EACH, .vps_each = 4},
     4,
     NO_RESOURCES,
     create_vp_of_a,
     .give = delete_vp_of_a},
    {"pages", {EACH, FREE, .pages = 4}, 4, NO_RESOURCES, deposit_for_a, .give = withdraw_from_a},
    {"pages for partitions",
     {EACH, .pages = 8, .create_cost = 2, .initialize_cost = HVEMU_NO_COST},
     2,
     NO_MEMORY,
     create,
     .give = end_child,
     .own = 8},
    {"pages for vps",
     {EACH, .pages = 8, .create_cost = HVEMU_NO_COST, .initialize_cost = HVEMU_NO_COST,
      .vp_cost = 3},
     2,
     NO_MEMORY,
     create_vp_of_a,
     .give = delete_vp_of_a,
     .a = 8},
    {"pages for maps",
     {EACH, .pages = 8, .create_cost = HVEMU_NO_COST, .initialize_cost = HVEMU_NO_COST,
      .map_cost = 3},
     2,
     NO_MEMORY,
     map_512,
     .give = unmap_512,
     .a = 8},
    {"pages for intercepts",
     {EACH, FREE, .pages = 8, .intercept_cost = 2},
     4,
     NO_MEMORY,
     intercept_leaf,
     .give = forget_leaf,
     .a = 8},
    {"intercepts", {EACH, .intercepts = 4}, 4, NO_MEMORY, intercept_port, .give = forget_port},
    {"calls", {EACH, .calls = 4}, 4, HVEMU_E_SPACE, register_call, .give = unregister_call},
};

static struct world begin(const struct capacity *capacity)
{
    struct hvemu_ops ops = fake_ops;
    struct world w = {0};

    ops.map = yes_map;
    ops.pool = yes_pool;
    w.vmm = fake_new(&capacity->config, &ops);
    for (unsigned i = 0; i < capacity->own; i++)
        assert_status(deposit(&w, w.vmm->root, 0x100 + i), 0);
    w.a = fake_child(w.vmm, w.vmm->root);
    w.b = fake_child(w.vmm, w.vmm->root);
    for (unsigned i = 0; i < capacity->a; i++)
        assert_status(deposit(&w, w.a, 0x200 + i), 0);
    return w;
}

static void expect_refused(struct world *w, const struct capacity *capacity)
{
    const size_t bytes = hvemu_memory_size(&capacity->config);
    uint8_t *before = malloc(bytes);

    assert_non_null(before);
    fake_forget(w->vmm);
    memcpy(before, w->vmm->memory, bytes);
    w->ids[capacity->count] = 0x5A5A;
    w->vps[capacity->count] = NULL;
    for (unsigned i = 0; i < 3; i++)
        if (capacity->take(w, capacity->count) != capacity->refused)
            fail_msg("%s: not refused as documented", capacity->name);
    if (memcmp(before, w->vmm->memory, bytes) != 0 || w->vmm->logged ||
        w->ids[capacity->count] != 0x5A5A || w->vps[capacity->count])
        fail_msg("%s: a refusal has changed something", capacity->name);
    free(before);
}

static void take(struct world *w, const struct capacity *capacity, unsigned n)
{
    const int answer = capacity->take(w, n);

    if (answer)
        fail_msg("%s: %u of %u is refused: %d", capacity->name, n, capacity->count, answer);
}

static void every_capacity_is_used_up_refused_and_used_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        const struct capacity *capacity = &capacities[i];
        struct world w = begin(capacity);
        const unsigned count = capacity->count;

        for (unsigned round = 0; round < 5; round++) {
            const unsigned one = capacity->last_only ? count - 1 : round % count;
            for (unsigned n = 0; n < count; n++)
                take(&w, capacity, n);
            expect_refused(&w, capacity);
            capacity->give(&w, one);
            take(&w, capacity, one);
            expect_refused(&w, capacity);
            for (unsigned n = count; n--;)
                capacity->give(&w, n);
        }
        fake_free(w.vmm);
    }
}

/* ---- What is used up otherwise */

static void a_rep_budget_used_up_lets_the_caller_go_on(void **state)
{
    const struct capacity capacity = {.config = {EACH, FREE, .rep_budget = 3, .pages = 16}};
    struct world w = begin(&capacity);
    uint64_t in[11] = {LE64(w.a)}, result = 0x78;
    unsigned calls = 0;

    (void)state;
    for (uint64_t done = 0; (uint16_t)result == 0x78; done = result >> 32, calls++) {
        result = hvemu_hypercall(w.vmm->hv, w.vmm->root, 0xA00000048 | done << 48, in, sizeof in,
                                 NULL, 0);
        assert_u64(result >> 32, done + 3 < 10 ? done + 3 : 10);
    }
    assert_u64(result, 0xA00000000);
    assert_int_equal(calls, 4);
    fake_free(w.vmm);
}

static void pages_for_initialization_are_refused_until_one_more_is_there(void **state)
{
    const struct capacity capacity = {
        .config = {EACH, .pages = 4, .create_cost = HVEMU_NO_COST, .initialize_cost = 4}};
    struct world w = {.vmm = NULL};
    struct hvemu_ops ops = fake_ops;
    uint64_t id;

    (void)state;
    ops.pool = yes_pool;
    w.vmm = fake_new(&capacity.config, &ops);
    assert_status(fake_create(w.vmm, w.vmm->root, &id), 0);
    for (uint64_t page = 0; page < 4; page++) {
        fake_forget(w.vmm);
        assert_status(fake_call_on(w.vmm, w.vmm->root, 0x41, id), NO_MEMORY);
        assert_int_equal(w.vmm->logged, 0);
        assert_int_equal(hvemu_partition_state(w.vmm->hv, id), HVEMU_STATE_UNINITIALIZED);
        assert_status(deposit(&w, id, page), 0);
    }
    assert_status(fake_call_on(w.vmm, w.vmm->root, 0x41, id), 0);
    fake_free(w.vmm);
}

/* A slot has 2^40 - 1 generations; then it is out of use for good, and the others are not. */
static void a_slot_that_has_had_all_its_ids_is_out_of_use_for_good(void **state)
{
    const struct hvemu_config config = {EACH, .partitions = 3};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    uint64_t id, other;

    (void)state;
    hvemu__store(&vmm->hv->partitions[1].word,
                 (HVEMU__GENERATION_END - 1) << 24 | HVEMU__STATE_IS(HVEMU__FREE));
    assert_status(fake_create(vmm, vmm->root, &id), 0);
    assert_u64(id, (HVEMU__GENERATION_END - 1) << 24 | 2);
    assert_status(fake_create(vmm, vmm->root, &other), 0);
    assert_status(fake_call_on(vmm, vmm->root, 0x43, id), 0);
    for (unsigned i = 0; i < 20; i++) {
        id = 0x5A5A;
        assert_status(fake_create(vmm, vmm->root, &id), NO_RESOURCES);
        assert_result(hvemu_add_guest(vmm->hv, vmm->root, 0, NULL, &id), HVEMU_E_SPACE);
        assert_u64(id, 0x5A5A);
        assert_status(fake_call_on(vmm, vmm->root, 0x43, other), 0);
        assert_status(fake_create(vmm, vmm->root, &other), 0);
        assert_u64(other, (uint64_t)(i + 1) << 24 | 3);
    }
    fake_free(vmm);
}

/* The one room for outputs of more than 64 bytes, which only C calls need. */
static void the_room_for_large_outputs_of_c_calls_is_for_one_at_a_time(void **state)
{
    const struct hvemu_config config = {EACH, .calls = 1};
    const struct hvemu_descriptor large = {
        .size = sizeof large, .name = "large", .handler = handler, .code = 0x7000, .out = 65};
    struct fake_vmm *vmm = fake_new(&config, NULL);
    uint8_t out[65];
    uint64_t id;

    (void)state;
    assert_result(hvemu_register(vmm->hv, &large), HVEMU_OK);
    for (unsigned round = 0; round < 3; round++) {
        memset(out, 0x5A, sizeof out);
        hvemu__store(&vmm->hv->room_lock, 1); /* as by another thread in such a call */
        assert_status(hvemu_hypercall(vmm->hv, vmm->root, 0x7000, NULL, 0, out, sizeof out), 0x78);
        assert_int_equal(out[0], 0x5A);
        assert_status(fake_create(vmm, vmm->root, &id), 0); /* others do not need it */
        hvemu__store(&vmm->hv->room_lock, 0);
        assert_status(hvemu_hypercall(vmm->hv, vmm->root, 0x7000, NULL, 0, out, sizeof out), 0);
        assert_int_equal(out[64], 0);
    }
    fake_free(vmm);
}

/* A list of 4096 bytes is the largest: there is no room in which a longer one would fit. */
static void a_list_larger_than_its_room_is_refused_before_anything(void **state)
{
    const struct capacity capacity = {.config = {EACH, FREE, .pages = 1024}};
    struct world w = begin(&capacity);
    static uint64_t in[513];

    (void)state;
    in[0] = LE64(w.a);
    assert_u64(hvemu_hypercall(w.vmm->hv, w.vmm->root, 0x20000000048, in, sizeof in, NULL, 0), 4);
    assert_status(call(&w, 0x1FF00000048, in, sizeof in - 8), 0);
    fake_free(w.vmm);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_capacity_is_used_up_refused_and_used_again),
        cmocka_unit_test(a_rep_budget_used_up_lets_the_caller_go_on),
        cmocka_unit_test(pages_for_initialization_are_refused_until_one_more_is_there),
        cmocka_unit_test(a_slot_that_has_had_all_its_ids_is_out_of_use_for_good),
        cmocka_unit_test(the_room_for_large_outputs_of_c_calls_is_for_one_at_a_time),
        cmocka_unit_test(a_list_larger_than_its_room_is_refused_before_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
