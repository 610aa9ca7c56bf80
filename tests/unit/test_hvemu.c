/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The instance: its memory, configurations and ops of every version, and bad arguments. */

#include "../abi/first.h"
#include "fake_vmm.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* What a program compiled with a later release would hand in. */
struct later_config {
    struct first_config first;
    uint8_t more[40];
};

struct later_ops {
    struct first_ops first;
    void (*more[3])(void);
};

enum { ROOM = 0x40000 };
static alignas(64) uint8_t memory[ROOM];

/* hvemu_init() refuses, and then neither *hv nor the memory has changed. */
static void expect_refused(void *at, size_t bytes, const void *config, const void *ops,
                           enum hvemu_result want)
{
    struct hvemu *const marker = (struct hvemu *)(uintptr_t)0x5A5A;
    struct hvemu *hv = marker;

    memset(memory, 0xA5, sizeof memory);
    assert_result(hvemu_init(&hv, at, bytes, config, ops, NULL), want);
    assert_ptr_equal(hv, marker);
    for (size_t i = 0; i < sizeof memory; i++)
        assert_int_equal(memory[i], 0xA5);
}

static struct hvemu *expect_made(const void *config, const void *ops, void *ctx)
{
    const size_t bytes = hvemu_memory_size(config);
    struct hvemu *hv = NULL;

    assert_in_range(bytes, 1, sizeof memory);
    memset(memory, 0xA5, sizeof memory);
    assert_result(hvemu_init(&hv, memory, bytes, config, ops, ctx), HVEMU_OK);
    assert_non_null(hv);
    return hv;
}

static void the_default_is_a_configuration_of_zeros(void **state)
{
    const struct hvemu_config zeros = {.size = sizeof zeros};
    const struct hvemu_config spelt_out = {
        .size = sizeof spelt_out,
        .partitions = 16,
        .vps = 16,
        .depth = 2,
        .gpa_bits = 52,
        .page_code_bytes = 4,
        .page_code = {0x0F, 0x01, 0xC1, 0xC3},
        .privileges = 0x60,
    };
    uint64_t id;
    struct hvemu_vp *vp;

    (void)state;
    assert_int_not_equal(hvemu_memory_size(NULL), 0);
    assert_int_equal(hvemu_memory_size(&zeros), hvemu_memory_size(NULL));
    assert_int_equal(hvemu_memory_size(&spelt_out), hvemu_memory_size(NULL));
    const void *const configs[] = {NULL, &zeros, &spelt_out};
    for (int c = 0; c < 3; c++) {
        struct hvemu *hv = expect_made(configs[c], NULL, NULL);

        for (uint64_t want = 2; want <= 16; want++) {
            assert_result(hvemu_add_guest(hv, 1, 0, NULL, &id), HVEMU_OK);
            assert_u64(id, want);
        }
        assert_result(hvemu_add_guest(hv, 1, 0, NULL, &id), HVEMU_E_SPACE);
        for (uint32_t index = 0; index < 16; index++)
            assert_result(hvemu_vp_attach(hv, 2, index, NULL, &vp), HVEMU_OK);
        assert_result(hvemu_vp_attach(hv, 3, 0, NULL, &vp), HVEMU_E_SPACE);
    }
}

static void the_hypercall_page_holds_the_configured_code(void **state)
{
    struct hvemu_config config = {.size = sizeof config};

    for (uint32_t bytes = 0; bytes <= 16; bytes++) {
        struct fake_vmm *vmm;

        config.page_code_bytes = bytes;
        vmm = fake_new(&config, NULL);
        assert_result(hvemu_add_guest(vmm->hv, 1, 0x20, vmm, &vmm->guest), HVEMU_OK);
        assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 0, NULL, &vmm->vp), HVEMU_OK);
        fake_enable_hypercalls(vmm->vp);
        assert_int_equal(vmm->count[FAKE_OVERLAY], 1);
        assert_int_equal(vmm->log[0].vector, bytes ? bytes : 4);
        fake_free(vmm);
    }
    (void)state;
}

static void more_capacity_needs_more_memory(void **state)
{
    struct hvemu_config config = {.size = sizeof config, .partitions = 1, .vps = 1};
    size_t last = hvemu_memory_size(&config);

    (void)state;
    assert_int_not_equal(last, 0);
    for (uint32_t n = 2; n < 100; n++) {
        size_t bytes;

        config.partitions = n;
        bytes = hvemu_memory_size(&config);
        assert_true(bytes > last);
        config.vps = n;
        assert_true(hvemu_memory_size(&config) > bytes);
        last = hvemu_memory_size(&config);
    }
}

/* What is promised: 1 KiB for a partition, for a VP two pages, its lists, and 384 bytes; but for
 * the whole, which is a multiple of 64. */
static void a_partition_and_a_vp_cost_so_much_memory_and_no_more(void **state)
{
    struct hvemu_config config = {.size = sizeof config, .partitions = 1, .vps = 1};
    const size_t least = hvemu_memory_size(&config);

    (void)state;
    for (uint32_t n = 1; n <= 100000; n *= 10) {
        config.partitions = 1 + n;
        config.vps = 1;
        assert_in_range(hvemu_memory_size(&config) - least, 1, (size_t)n * 1024);
        config.partitions = 1;
        config.vps = 1 + n;
        assert_in_range(hvemu_memory_size(&config) - least, (size_t)n * 8192,
                        (size_t)n * (8192 + 384));
    }
}

static void memory_size_is_a_multiple_of_its_alignment(void **state)
{
    struct hvemu_config config = {.size = sizeof config};

    (void)state;
    assert_int_equal(hvemu_memory_size(NULL) % 64, 0);
    for (uint32_t n = 1; n < 50; n++) {
        config.partitions = config.vps = config.calls = n;
        assert_int_equal(hvemu_memory_size(&config) % 64, 0);
    }
}

static void the_largest_capacities_are_possible_and_no_larger_ones(void **state)
{
    static const struct hvemu_config possible[] = {
        {.partitions = 0x1FFFFE},   {.depth = 255},
        {.gpa_bits = 12},           {.gpa_bits = 52},
        {.children = 0xFFFFFFFF},   {.page_code_bytes = 16},
        {.privileges = UINT64_MAX}, {.features = 0xFFFFFFFF, .recommendations = 0xFFFFFFFF},
        {.calls = 0xFFFF},          {.rep_budget = 0xFFF},
        {.intercepts = 0xFFFF},
    };
    static const struct hvemu_config impossible[] = {
        {.partitions = 0x1FFFFF},
        {.partitions = 0x1000000},
        {.partitions = 0xFFFFFFFF},
        {.vps = 0xFFFFFFFF},
        {.depth = 256},
        {.depth = 0xFFFFFFFF},
        {.gpa_bits = 1},
        {.gpa_bits = 11},
        {.gpa_bits = 53},
        {.gpa_bits = 64},
        {.gpa_bits = 0xFFFFFFFF},
        {.page_code_bytes = 17},
        {.page_code_bytes = 0xFFFFFFFF},
        {.calls = 0x10000},
        {.rep_budget = 0x1000},
        {.intercepts = 0x10000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof possible / sizeof *possible; i++) {
        struct hvemu_config config = possible[i];

        config.size = sizeof config;
        assert_int_not_equal(hvemu_memory_size(&config), 0);
    }
    for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++) {
        struct hvemu_config config = impossible[i];

        config.size = sizeof config;
        assert_int_equal(hvemu_memory_size(&config), 0);
        expect_refused(memory, sizeof memory, &config, NULL, HVEMU_E_ARGUMENT);
    }
}

static void memory_that_is_missing_misaligned_or_too_small_is_refused(void **state)
{
    const size_t bytes = hvemu_memory_size(NULL);
    struct hvemu *hv;

    (void)state;
    assert_result(hvemu_init(NULL, memory, sizeof memory, NULL, NULL, NULL), HVEMU_E_ARGUMENT);
    expect_refused(NULL, sizeof memory, NULL, NULL, HVEMU_E_ARGUMENT);
    for (size_t off = 1; off < 64; off++)
        expect_refused(memory + off, sizeof memory - 64, NULL, NULL, HVEMU_E_ARGUMENT);
    expect_refused(memory, bytes - 1, NULL, NULL, HVEMU_E_SPACE);
    expect_refused(memory, bytes / 2, NULL, NULL, HVEMU_E_SPACE);
    expect_refused(memory, 1, NULL, NULL, HVEMU_E_SPACE);
    expect_refused(memory, 0, NULL, NULL, HVEMU_E_SPACE);
    assert_result(hvemu_init(&hv, memory, bytes, NULL, NULL, NULL), HVEMU_OK);
    assert_result(hvemu_init(&hv, memory + 64, sizeof memory - 64, NULL, NULL, NULL), HVEMU_OK);
}

static void a_configuration_that_only_needs_too_much_memory_is_refused(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .partitions = 0x1FFFFE};

    (void)state;
    expect_refused(memory, sizeof memory, &config, NULL, HVEMU_E_SPACE);
}

static void a_structure_shorter_than_the_first_releases_is_refused(void **state)
{
    struct first_config config = {0};
    struct first_ops ops = {0};

    (void)state;
    for (size_t size = 0; size < sizeof config; size++) {
        config.size = size;
        assert_int_equal(hvemu_memory_size((const void *)&config), 0);
        if (size % 8 == 0)
            expect_refused(memory, sizeof memory, &config, NULL, HVEMU_E_VERSION);
    }
    for (size_t size = 0; size < sizeof ops; size++) {
        ops.size = size;
        if (size % 8 == 0 || size == sizeof ops - 1)
            expect_refused(memory, sizeof memory, NULL, &ops, HVEMU_E_VERSION);
    }
}

static void a_structure_larger_than_a_page_is_refused(void **state)
{
    static struct {
        struct first_config config;
        uint8_t rest[8192];
    } large;
    static struct {
        struct first_ops ops;
        uint8_t rest[8192];
    } large_ops;

    (void)state;
    large.config.size = 4096;
    assert_int_equal(hvemu_memory_size((const void *)&large), hvemu_memory_size(NULL));
    large_ops.ops.size = 4096;
    (void)expect_made(&large, &large_ops, NULL);
    static const size_t sizes[] = {4097, 8192, SIZE_MAX / 2, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        large.config.size = sizes[i];
        assert_int_equal(hvemu_memory_size((const void *)&large), 0);
        expect_refused(memory, sizeof memory, &large, NULL, HVEMU_E_VERSION);
        large_ops.ops.size = sizes[i];
        expect_refused(memory, sizeof memory, NULL, &large_ops, HVEMU_E_VERSION);
    }
}

static uint64_t kicked;

static void kick(void *ctx, uint64_t partition)
{
    assert_ptr_equal(ctx, &kicked);
    kicked = partition;
}

static uint16_t answer_0x1234(void *ctx, uint64_t partition, uint64_t control, uint64_t destination,
                              uint32_t vector)
{
    (void)partition, (void)control, (void)destination, (void)vector;
    assert_ptr_equal(ctx, &kicked);
    return 0x1234;
}

/* An instance of two partitions whose ops are the two above. */
static void expect_works(struct hvemu *hv)
{
    struct hvemu_vp *vp;
    uint64_t id = 0;

    kicked = 0;
    assert_result(hvemu_add_guest(hv, 1, 0, &kicked, &id), HVEMU_OK);
    assert_result(hvemu_vp_attach(hv, id, 0, NULL, &vp), HVEMU_OK);
    assert_status(hvemu_assert_virtual_interrupt(hv, 1, id, 7, 0, 0x41), 0x00);
    assert_u64(kicked, id);
    assert_status(hvemu_assert_virtual_interrupt(hv, 1, id, 4, 0, 0), 0x1234);
    assert_result(hvemu_add_guest(hv, 1, 0, NULL, &id), HVEMU_E_SPACE);
}

static void the_first_releases_structures_work(void **state)
{
    const struct first_config config = {.size = sizeof config, .partitions = 2};
    const struct first_ops ops = {.size = sizeof ops, .ext_int = kick, .interrupt = answer_0x1234};

    (void)state;
    expect_works(expect_made(&config, &ops, NULL));
}

static void a_later_releases_structures_work_if_they_ask_for_nothing_new(void **state)
{
    struct later_config config = {.first = {.size = sizeof config, .partitions = 2}};
    struct later_ops ops = {
        .first = {.size = sizeof ops, .ext_int = kick, .interrupt = answer_0x1234}};

    (void)state;
    /* What this release does not know, it does not look into beyond `size` either. */
    expect_works(expect_made(&config, &ops, NULL));
    config.first.size = sizeof config.first + 9;
    memset(config.more + 9, 0xFF, sizeof config.more - 9);
    expect_works(expect_made(&config, &ops, NULL));
}

static void a_later_releases_wish_is_refused(void **state)
{
    static void (*const wish)(void) = (void (*)(void))kick;
    struct later_config config = {.first = {.size = sizeof config}};
    struct later_ops ops = {.first = {.size = sizeof ops}};

    (void)state;
    if (sizeof(struct hvemu_config) != sizeof(struct first_config) ||
        sizeof(struct hvemu_ops) != sizeof(struct first_ops))
        skip();
    for (size_t i = 0; i < sizeof config.more; i++) {
        memset(config.more, 0, sizeof config.more);
        config.more[i] = i % 2 ? 0x80 : 0x01;
        assert_int_equal(hvemu_memory_size((const void *)&config), 0);
        if (i % 8 == 0)
            expect_refused(memory, sizeof memory, &config, NULL, HVEMU_E_VERSION);
    }
    for (size_t i = 0; i < 3; i++) {
        memset(&ops.more, 0, sizeof ops.more);
        ops.more[i] = wish;
        expect_refused(memory, sizeof memory, NULL, &ops, HVEMU_E_VERSION);
    }
}

static void configuration_and_ops_are_copied(void **state)
{
    struct hvemu_config config = {.size = sizeof config, .partitions = 2};
    struct hvemu_ops ops = {.size = sizeof ops, .ext_int = kick, .interrupt = answer_0x1234};
    struct hvemu *hv = expect_made(&config, &ops, NULL);

    (void)state;
    memset(&config, 0xFF, sizeof config);
    memset(&ops, 0xFF, sizeof ops);
    expect_works(hv);
}

static void what_was_in_the_memory_before_does_not_matter(void **state)
{
    static alignas(64) uint8_t first[ROOM];
    const size_t bytes = hvemu_memory_size(NULL);
    struct hvemu *hv;

    (void)state;
    memset(memory, 0x00, sizeof memory);
    assert_result(hvemu_init(&hv, memory, bytes, NULL, &fake_ops, &kicked), HVEMU_OK);
    memcpy(first, memory, bytes);
    memset(memory, 0xFF, sizeof memory);
    assert_result(hvemu_init(&hv, memory, bytes, NULL, &fake_ops, &kicked), HVEMU_OK);
    assert_memory_equal(first, memory, bytes);
}

static void memory_beyond_the_size_asked_for_is_left_alone(void **state)
{
    static const struct hvemu_config configs[] = {
        {.partitions = 1, .vps = 1}, {.partitions = 3, .vps = 7}, {.partitions = 16, .vps = 16}};
    struct hvemu_vp *vp;
    uint64_t id;

    (void)state;
    for (int c = 0; c < 3; c++) {
        struct hvemu_config config = configs[c];
        struct hvemu *hv;

        config.size = sizeof config;
        hv = expect_made(&config, NULL, NULL);
        while (hvemu_add_guest(hv, 1, UINT64_MAX, &id, &id) == HVEMU_OK)
            continue;
        for (uint32_t i = 0; i < config.vps; i++)
            assert_result(hvemu_vp_attach(hv, 1, i, &vp, &vp), HVEMU_OK);
        assert_result(hvemu_reset(hv, 1), HVEMU_OK);
        for (size_t i = hvemu_memory_size(&config); i < sizeof memory; i++)
            assert_int_equal(memory[i], 0xA5);
    }
}

static void two_instances_know_nothing_of_each_other(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu *hv = expect_made(NULL, NULL, NULL);
    struct hvemu_vp *vp;
    uint64_t id;
    uint8_t vector;

    assert_result(hvemu_add_guest(hv, 1, 0, NULL, &id), HVEMU_OK);
    assert_u64(id, vmm->guest);
    assert_result(hvemu_vp_attach(hv, id, 0, NULL, &vp), HVEMU_OK);
    assert_status(hvemu_assert_virtual_interrupt(hv, 1, id, 7, 0, 0x41), 0x00);
    assert_int_equal(hvemu_ext_int_line(vmm->vp), 0);
    assert_int_equal(hvemu_ext_int_line(vp), 1);
    assert_result(hvemu_ext_int_acknowledge(vp, &vector), HVEMU_OK);
    assert_status(hvemu_clear_virtual_interrupt(vmm->hv, 1, id), 0x14);
    assert_status(hvemu_clear_virtual_interrupt(hv, 1, id), 0x00);
    assert_int_equal(vmm->logged, 0);
}

static void memory_may_become_another_instance(void **state)
{
    struct hvemu *hv = expect_made(NULL, NULL, NULL);
    uint64_t id;

    (void)state;
    assert_result(hvemu_add_guest(hv, 1, 0, NULL, &id), HVEMU_OK);
    assert_u64(id, 2);
    hv = expect_made(NULL, NULL, NULL);
    assert_status(hvemu_clear_virtual_interrupt(hv, 1, 2), 0x0D);
    assert_result(hvemu_add_guest(hv, 1, 0, NULL, &id), HVEMU_OK);
    assert_u64(id, 2);
}

static void the_root_is_active_and_has_every_privilege(void **state)
{
    struct hvemu *hv = expect_made(NULL, NULL, NULL);
    uint32_t regs[4];

    (void)state;
    assert_u64(hvemu_root(hv), 1);
    assert_u64(hvemu_root(NULL), 0);
    assert_action(hvemu_x64_cpuid(hv, 1, 0x40000003, regs), HVEMU_STEP);
    assert_u64(regs[0] | (uint64_t)regs[1] << 32, 0x007BF9FF0000FFFF);
}

static void the_roots_context_is_that_of_init(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp;

    /* fake_new() gives the fake VMM itself. */
    assert_result(hvemu_vp_attach(vmm->hv, vmm->root, 0, NULL, &vp), HVEMU_OK);
    assert_action(hvemu_x64_wrmsr(vp, 0x40000000, 1), HVEMU_STEP);
    assert_action(hvemu_x64_wrmsr(vp, 0x40000001, 0x3001), HVEMU_STEP);
    assert_int_equal(vmm->logged, 1);
    assert_ptr_equal(vmm->log[0].ctx, vmm);
    assert_u64(vmm->log[0].partition, vmm->root);
}

static void the_version_is_the_headers(void **state)
{
    (void)state;
    assert_int_equal(hvemu_version(), 0x000100);
    assert_int_equal(hvemu_version(),
                     HVEMU_VERSION_MAJOR << 16 | HVEMU_VERSION_MINOR << 8 | HVEMU_VERSION_PATCH);
}

static void null_to_any_function_is_answered(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp = NULL;
    struct hvemu *hv = NULL;
    struct hvemu_call call = {0};
    uint64_t value = 0x5A5A;
    uint32_t regs[4] = {0};
    uint8_t vector = 0x5A;

    assert_result(hvemu_init(NULL, NULL, 0, NULL, NULL, NULL), HVEMU_E_ARGUMENT);
    assert_result(hvemu_init(&hv, NULL, 0, NULL, NULL, NULL), HVEMU_E_ARGUMENT);
    assert_u64(hvemu_root(NULL), 0);
    assert_result(hvemu_add_guest(NULL, 1, 0, NULL, &value), HVEMU_E_ARGUMENT);
    assert_result(hvemu_add_guest(vmm->hv, 1, 0, NULL, NULL), HVEMU_E_ARGUMENT);
    assert_result(hvemu_reset(NULL, 1), HVEMU_E_ARGUMENT);
    assert_result(hvemu_vp_attach(NULL, 1, 0, NULL, &vp), HVEMU_E_ARGUMENT);
    assert_result(hvemu_vp_attach(vmm->hv, 1, 0, NULL, NULL), HVEMU_E_ARGUMENT);
    assert_result(hvemu_vp_detach(NULL), HVEMU_E_ARGUMENT);
    assert_null(hvemu_vp_context(NULL));
    assert_u64(hvemu_vp_partition(NULL), 0);
    assert_u64(hvemu_vp_index(NULL), 0);
    assert_int_equal(hvemu_ext_int_line(NULL), 0);
    assert_result(hvemu_ext_int_acknowledge(NULL, &vector), HVEMU_E_ARGUMENT);
    assert_result(hvemu_ext_int_acknowledge(vmm->vp, NULL), HVEMU_E_ARGUMENT);
    assert_null(hvemu_attach(NULL));
    assert_status(hvemu_clear_virtual_interrupt(NULL, 1, 2), 0x06);
    assert_status(hvemu_assert_virtual_interrupt(NULL, 1, 2, 7, 0, 0x41), 0x06);
    assert_u64(hvemu_hypercall(NULL, 1, 0x56, NULL, 0, NULL, 0), 0x06);
    assert_u64(hvemu_hypercall(vmm->hv, 1, 0x56, NULL, 0, NULL, 0), 0x05);
    assert_u64(hvemu_hypercall(vmm->hv, 1, 0x46, NULL, 0, NULL, 0), 0x05);
    assert_action(hvemu_execute(NULL, &call), HVEMU_FAILED);
    assert_action(hvemu_execute(vmm->vp, NULL), HVEMU_FAILED);
    struct hvemu_x64_frame frame = fake_frame64(0x10056, 2, 0), before = frame;
    assert_action(hvemu_x64_decode(NULL, NULL, 0, &call), HVEMU_FAILED);
    assert_action(hvemu_x64_decode(NULL, &frame, 0, NULL), HVEMU_FAILED);
    assert_action(hvemu_x64_hypercall(NULL, &frame), HVEMU_FAILED);
    assert_action(hvemu_x64_hypercall(vmm->vp, NULL), HVEMU_FAILED);
    hvemu_x64_finish(NULL, 0, 0);
    assert_memory_equal(&frame, &before, sizeof frame);
    assert_action(hvemu_x64_rdmsr(NULL, 0x40000000, &value), HVEMU_FAILED);
    assert_action(hvemu_x64_rdmsr(vmm->vp, 0x40000000, NULL), HVEMU_FAILED);
    assert_action(hvemu_x64_wrmsr(NULL, 0x40000000, 1), HVEMU_FAILED);
    assert_action(hvemu_x64_cpuid(NULL, 1, 0x40000000, regs), HVEMU_FAILED);
    assert_action(hvemu_x64_cpuid(vmm->hv, 1, 0x40000000, NULL), HVEMU_FAILED);
    (void)hvemu_call_format(NULL, NULL, NULL, 0);
    (void)hvemu_call_format(NULL, &call, NULL, 0);
    for (unsigned n = 0; n < 0x10000; n += 0x111) {
        assert_non_null(hvemu_call_name(NULL, (uint16_t)n));
        assert_non_null(hvemu_status_name((uint16_t)n));
        assert_non_null(hvemu_status_text((uint16_t)n));
    }
    assert_non_null(hvemu_result_text((enum hvemu_result) - 9));
    assert_non_null(hvemu_result_text((enum hvemu_result)1));
    assert_non_null(hvemu_action_name((enum hvemu_action)99));
    assert_u64(value, 0x5A5A);
    assert_u64(vector, 0x5A);
    assert_int_equal(vmm->logged, 0);
}

int main(void)
{
#define WITH_GUEST(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_is_a_configuration_of_zeros),
        cmocka_unit_test(the_hypercall_page_holds_the_configured_code),
        cmocka_unit_test(more_capacity_needs_more_memory),
        cmocka_unit_test(a_partition_and_a_vp_cost_so_much_memory_and_no_more),
        cmocka_unit_test(memory_size_is_a_multiple_of_its_alignment),
        cmocka_unit_test(the_largest_capacities_are_possible_and_no_larger_ones),
        cmocka_unit_test(memory_that_is_missing_misaligned_or_too_small_is_refused),
        cmocka_unit_test(a_configuration_that_only_needs_too_much_memory_is_refused),
        cmocka_unit_test(a_structure_shorter_than_the_first_releases_is_refused),
        cmocka_unit_test(a_structure_larger_than_a_page_is_refused),
        cmocka_unit_test(the_first_releases_structures_work),
        cmocka_unit_test(a_later_releases_structures_work_if_they_ask_for_nothing_new),
        cmocka_unit_test(a_later_releases_wish_is_refused),
        cmocka_unit_test(configuration_and_ops_are_copied),
        cmocka_unit_test(what_was_in_the_memory_before_does_not_matter),
        cmocka_unit_test(memory_beyond_the_size_asked_for_is_left_alone),
        WITH_GUEST(two_instances_know_nothing_of_each_other),
        cmocka_unit_test(memory_may_become_another_instance),
        cmocka_unit_test(the_root_is_active_and_has_every_privilege),
        WITH_GUEST(the_roots_context_is_that_of_init),
        cmocka_unit_test(the_version_is_the_headers),
        WITH_GUEST(null_to_any_function_is_answered),
    };

    return cmocka_run_group_tests_name("hvemu", tests, NULL, NULL);
}
