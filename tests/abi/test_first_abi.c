/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A program compiled with the first release, which has its structures and the numbers of its
 * constants: today's library takes them for what they were, and looks at nothing behind them. What
 * becomes of other sizes is in unit/test_hvemu.c and unit/test_register.c. */

#include "first.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdalign.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hvgdk/hvemu.h"

/* ---- Where everything is, and what it is called in numbers */

#define SAME(type, field)                                                                        \
    _Static_assert(offsetof(struct first_##type, field) == offsetof(struct hvemu_##type, field), \
                   #type "." #field);                                                            \
    _Static_assert(_Generic(&((struct hvemu_##type *)0)->field,                                  \
                            __typeof__(&((struct first_##type *)0)->field) : 1, default : 0),    \
                   #type "." #field " is of another type")

SAME(config, size);
SAME(config, partitions);
SAME(config, vps);
SAME(config, depth);
SAME(config, children);
SAME(config, gpa_bits);
SAME(config, features);
SAME(config, recommendations);
SAME(config, page_code_bytes);
SAME(config, page_code);
SAME(config, privileges);
SAME(config, calls);
SAME(config, rep_budget);
SAME(config, vps_each);
SAME(config, pages);
SAME(config, create_cost);
SAME(config, initialize_cost);
SAME(config, vp_cost);
SAME(config, map_cost);
SAME(config, intercept_cost);
SAME(config, descendants);
SAME(config, intercepts);

SAME(ops, size);
SAME(ops, ext_int);
SAME(ops, interrupt);
SAME(ops, gpa_read);
SAME(ops, gpa_writable);
SAME(ops, gpa_write);
SAME(ops, overlay);
SAME(ops, partition);
SAME(ops, filter);
SAME(ops, trace);
SAME(ops, vp);
SAME(ops, vp_get);
SAME(ops, vp_set);
SAME(ops, map);
SAME(ops, pool);
SAME(ops, property);

SAME(descriptor, size);
SAME(descriptor, name);
SAME(descriptor, handler);
SAME(descriptor, privilege);
SAME(descriptor, code);
SAME(descriptor, form);
SAME(descriptor, in);
SAME(descriptor, in_each);
SAME(descriptor, out);
SAME(descriptor, out_each);
SAME(descriptor, target);
SAME(descriptor, states);
SAME(descriptor, reserved);

SAME(invocation, hv);
SAME(invocation, call);
SAME(invocation, vp);
SAME(invocation, ctx);
SAME(invocation, caller);
SAME(invocation, target);
SAME(invocation, control);
SAME(invocation, header_bytes);
SAME(invocation, index);

/* The same numbers of bytes on every host whose pointers have eight. */
#define BYTES(type, bytes) \
    _Static_assert(sizeof(void *) != 8 || sizeof(struct first_##type) == (bytes), #type)
BYTES(config, 112);
BYTES(ops, 128);
BYTES(descriptor, 48);
BYTES(invocation, 64);

/* Of the constants those that the stored ABI does not have: it has enumerations by the functions
 * that speak of them. */
#define IS(name, number) _Static_assert(name == (number), #name)

IS(HVEMU_NO_COST, 0xFFFFFFFF);
IS(HVEMU_MEM_OK, 0);
IS(HVEMU_MEM_NONE, 1);
IS(HVEMU_MEM_AGAIN, 2);
IS(HVEMU_MEM_FAILED, 3);
IS(HVEMU_MEM_DENIED, 4);
IS(HVEMU_PARTITION_CREATED, 0);
IS(HVEMU_PARTITION_ACTIVE, 1);
IS(HVEMU_PARTITION_STOP, 2);
IS(HVEMU_PARTITION_FINALIZED, 3);
IS(HVEMU_PARTITION_DELETED, 4);
IS(HVEMU_VP_CREATED, 0);
IS(HVEMU_VP_SUSPEND, 1);
IS(HVEMU_VP_START, 2);
IS(HVEMU_VP_DELETED, 3);
IS(HVEMU_MAP, 0);
IS(HVEMU_UNMAP, 1);
IS(HVEMU_MODIFY, 2);
IS(HVEMU_SUSPENDED_EXPLICIT, 1);
IS(HVEMU_SUSPENDED_INTERCEPT, 2);
IS(HVEMU_ACCESS_READ, 1);
IS(HVEMU_ACCESS_WRITE, 2);
IS(HVEMU_ACCESS_LOST, 4);
IS(HVEMU_X64_RAX, 0x1);
IS(HVEMU_X64_RCX, 0x2);
IS(HVEMU_X64_RDX, 0x4);
IS(HVEMU_X64_RBX, 0x8);
IS(HVEMU_X64_RSI, 0x10);
IS(HVEMU_X64_RDI, 0x20);
IS(HVEMU_X64_R8, 0x40);
IS(HVEMU_X64_XMM0, 0x100);
IS(HVEMU_X64_XMM, 0x3F00);
IS(HVEMU_X64_CPL, 3);
IS(HVEMU_X64_PE, 4);
IS(HVEMU_X64_LMA, 8);
IS(HVEMU_X64_CS_L, 16);
IS(HVEMU_X64_KERNEL64, 28);
IS(HVEMU_SIMPLE, 0);
IS(HVEMU_REP, 1);
IS(HVEMU_VARIABLE, 2);
IS(HVEMU_NOBODY, 0);
IS(HVEMU_PARENT, 1);
IS(HVEMU_SELF, 2);
IS(HVEMU_STATE_UNINITIALIZED, 2);
IS(HVEMU_STATE_ACTIVE, 4);
IS(HVEMU_STATE_FINALIZING, 8);
IS(HVEMU_STATE_FINALIZED, 16);

/* ---- The program */

enum { ROOM = 0x80000, CALL = 0x7001, MARK = 0x5A };

static struct first_invocation seen;
static unsigned filtered, traced;

static uint16_t answer(const struct hvemu_invocation *invocation, const void *in, const void *item,
                       void *out)
{
    (void)item;
    memcpy(&seen, invocation, sizeof seen);
    memcpy(out, in, 8);
    return 0;
}

static int filter(void *ctx, const struct hvemu_invocation *invocation)
{
    (void)ctx, (void)invocation;
    filtered++;
    return 0;
}

static void trace(void *ctx, const struct hvemu_invocation *invocation, uint16_t status,
                  uint16_t reps)
{
    (void)ctx, (void)invocation, (void)status, (void)reps;
    traced++;
}

/* None of its values is its field's default. */
static const struct first_config config = {
    .size = sizeof config,
    .partitions = 3,
    .vps = 5,
    .depth = 7,
    .children = 2,
    .gpa_bits = 40,
    .features = 0x10,
    .recommendations = 0x20,
    .page_code_bytes = 3,
    .page_code = {0xE6, 0x80, 0xC3},
    .privileges = 0x60000000001F,
    .calls = 11,
    .rep_budget = 13,
    .vps_each = 4,
    .pages = 17,
    .create_cost = 2,
    .initialize_cost = 3,
    .vp_cost = 4,
    .map_cost = 5,
    .intercept_cost = 6,
    .descendants = 9,
    .intercepts = 10,
};

static const struct first_ops ops = {.size = sizeof ops, .filter = filter, .trace = trace};

static const struct first_descriptor descriptor = {
    .size = sizeof descriptor,
    .name = "HvCallOfThen",
    .handler = answer,
    .code = CALL,
    .in = 8,
    .out = 8,
};

static alignas(64) uint8_t memory[ROOM], other_memory[ROOM];
static uint8_t *page;
static size_t page_bytes;

/* A page, behind which nothing can be read. */
static int make_page(void **state)
{
    (void)state;
    page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    page = mmap(NULL, 2 * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED || mprotect(page + page_bytes, page_bytes, PROT_NONE);
}

static int unmap_page(void **state)
{
    (void)state;
    return munmap(page, 2 * page_bytes);
}

static const void *at_the_end_of_the_page(const void *from, size_t bytes)
{
    memset(page, 0xFF, page_bytes);
    return memcpy(page + page_bytes - bytes, from, bytes);
}

static struct hvemu *make(const void *with_config, const void *with_ops)
{
    struct hvemu *hv = NULL;

    memset(memory, 0xA5, sizeof memory);
    assert_in_range(hvemu_memory_size(with_config), 1, sizeof memory);
    assert_int_equal(hvemu_init(&hv, memory, sizeof memory, with_config, with_ops, &seen),
                     HVEMU_OK);
    return hv;
}

/* The instance in memory is the same as that in other_memory, which was made with a structure of
 * today whose newer fields are all zero; but for the sizes, of which each has kept what it was
 * given. */
static void expect_same(size_t size, size_t size_of_today)
{
    for (size_t i = 0; i < sizeof memory; i += sizeof size) {
        size_t here, there;

        memcpy(&here, memory + i, sizeof here);
        memcpy(&there, other_memory + i, sizeof there);
        if (here != there) {
            assert_int_equal(here, size);
            assert_int_equal(there, size_of_today);
        }
    }
}

static void the_first_releases_configuration_is_todays_with_defaults_for_the_rest(void **state)
{
    struct hvemu_config today = {0};

    (void)state;
    memcpy(&today, &config, sizeof config);
    today.size = sizeof today;
    make(&today, NULL);
    memcpy(other_memory, memory, sizeof memory);
    make(at_the_end_of_the_page(&config, sizeof config), NULL);
    expect_same(sizeof config, sizeof today);
}

static void the_first_releases_ops_are_todays_with_defaults_for_the_rest(void **state)
{
    struct first_ops full;
    struct hvemu_ops today = {0};

    (void)state;
    memset(&full, MARK, sizeof full); /* ops that are there, of which none is called */
    full.size = sizeof full;
    memcpy(&today, &full, sizeof full);
    today.size = sizeof today;
    make(NULL, &today);
    memcpy(other_memory, memory, sizeof memory);
    make(NULL, at_the_end_of_the_page(&full, sizeof full));
    expect_same(sizeof full, sizeof today);
}

static void the_first_releases_descriptor_is_todays_with_defaults_for_the_rest(void **state)
{
    struct hvemu_descriptor today = {0};

    (void)state;
    memcpy(&today, &descriptor, sizeof descriptor);
    today.size = sizeof today;
    assert_int_equal(hvemu_register(make(&config, &ops), &today), HVEMU_OK);
    memcpy(other_memory, memory, sizeof memory);
    assert_int_equal(
        hvemu_register(make(&config, &ops), at_the_end_of_the_page(&descriptor, sizeof descriptor)),
        HVEMU_OK);
    expect_same(sizeof descriptor, sizeof today);
}

static void a_handler_of_then_finds_in_its_invocation_what_it_knows(void **state)
{
    struct hvemu *hv = make(&config, &ops);
    const uint64_t in = 0x0123456789ABCDEF;
    uint64_t out = 0;

    (void)state;
    filtered = traced = 0;
    assert_int_equal(hvemu_register(hv, (const void *)&descriptor), HVEMU_OK);
    assert_int_equal(hvemu_hypercall(hv, 1, CALL, &in, sizeof in, &out, sizeof out), 0);
    assert_true(out == in);
    assert_int_equal(filtered, 1);
    assert_int_equal(traced, 1);
    assert_ptr_equal(seen.hv, hv);
    assert_non_null(seen.call);
    assert_null(seen.vp);
    assert_ptr_equal(seen.ctx, &seen);
    assert_true(seen.caller == 1 && seen.target == 0 && seen.control == CALL);
    assert_int_equal(seen.header_bytes, 8);
    assert_int_equal(seen.index, 0);
}

/* The first release's sizes stay the least ones: a byte less is nobody's structure. */
static void nothing_smaller_was_ever_published(void **state)
{
    struct first_config less_config = config;
    struct first_ops less_ops = ops;
    struct first_descriptor less_descriptor = descriptor;
    struct hvemu *hv = make(&config, NULL);

    (void)state;
    less_config.size--;
    assert_int_equal(hvemu_memory_size((const void *)&less_config), 0);
    less_descriptor.size--;
    assert_int_equal(hvemu_register(hv, (const void *)&less_descriptor), HVEMU_E_VERSION);
    less_ops.size--;
    assert_int_equal(hvemu_init(&hv, memory, sizeof memory, NULL, (const void *)&less_ops, &seen),
                     HVEMU_E_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_releases_configuration_is_todays_with_defaults_for_the_rest),
        cmocka_unit_test(the_first_releases_ops_are_todays_with_defaults_for_the_rest),
        cmocka_unit_test(the_first_releases_descriptor_is_todays_with_defaults_for_the_rest),
        cmocka_unit_test(a_handler_of_then_finds_in_its_invocation_what_it_knows),
        cmocka_unit_test(nothing_smaller_was_ever_published),
    };

    return cmocka_run_group_tests_name("first_abi", tests, make_page, unmap_page);
}
