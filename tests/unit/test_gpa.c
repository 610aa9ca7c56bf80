/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A child's guest physical address space: mapping, unmapping and rights of its pages, what mapped
 * pages cost, and its parent's access to its memory, in every way to make a call. */

#include "ways.h"

#define START(index) ((uint64_t)(index) << 48)
#define LARGE        0x80000000u

enum { MAP = 0x4B, UNMAP = 0x4C, READ = 0x53, WRITE = 0x54, MAP_SPARSE = 0x6E, MODIFY = 0x90 };
enum { RWX = 0x7 };

static const uint64_t pages_end = 0x10000000000; /* GPAs have 52 bits */
static const struct hvemu_config costs = {
    .size = sizeof costs,
    .privileges = HV_PRIVILEGE_ALL,
    .pages = 64,
    .create_cost = HVEMU_NO_COST,
    .initialize_cost = HVEMU_NO_COST,
    .vp_cost = HVEMU_NO_COST,
};

/* The root calls, the guest is its child: without a pool, where a test asks for costs with an empty
 * one. */
static struct fake_vmm *vmm;
static struct hvemu_vp *root_vp;
static struct hvemu_caller as_root;
static int guest_ctx;

static void begin(const struct hvemu_config *config, const struct hvemu_ops *ops)
{
    vmm = fake_new(config, ops);
    root_vp = attached(vmm, vmm->root, 0);
    assert_result(hvemu_add_guest(vmm->hv, vmm->root, HV_PRIVILEGE_ALL, &guest_ctx, &vmm->guest),
                  HVEMU_OK);
    vmm->vp = attached(vmm, vmm->guest, 0);
    as_root = (struct hvemu_caller){.hv = vmm->hv, .partition = vmm->root};
    hvemu_attach(&as_root);
}

static void end(void)
{
    hvemu_attach(NULL);
    fake_free(vmm);
}

static int setup(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .privileges = HV_PRIVILEGE_ALL};

    (void)state;
    begin(&config, NULL);
    return 0;
}

static int setup_with_costs(void **state)
{
    (void)state;
    begin(&costs, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    end();
    return 0;
}

/* The calls. Each list has n elements, of which the first `start` are done. */

static uint64_t map_list(enum way way, struct hvemu_vp *vp, uint64_t id, uint64_t base,
                         uint32_t flags, const uint64_t *sources, unsigned n, unsigned start)
{
    uint8_t in[24 + 509 * 8] = {0};

    le64enc(in, id);
    le64enc(in + 8, base);
    le32enc(in + 16, flags);
    for (unsigned i = 0; i < n; i++)
        le64enc(in + 24 + 8 * i, sources[i]);
    return call_by(way, vmm, vp, REPS(MAP, n) | START(start), in, 24 + 8 * n, NULL, 0);
}

static uint64_t map(enum way way, uint64_t base, uint64_t source, uint32_t flags)
{
    return map_list(way, root_vp, vmm->guest, base, flags, &source, 1, 0);
}

static uint64_t map_sparse(enum way way, struct hvemu_vp *vp, uint64_t id, uint32_t flags,
                           const HV_GPA_MAPPING *pairs, unsigned n, unsigned start)
{
    uint8_t in[16 + 16 * 16] = {0};

    le64enc(in, id);
    le32enc(in + 8, flags);
    for (unsigned i = 0; i < n; i++) {
        le64enc(in + 16 + 16 * i, pairs[i].TargetGpaPageNumber);
        le64enc(in + 24 + 16 * i, pairs[i].SourceGpaPageNumber);
    }
    return call_by(way, vmm, vp, REPS(MAP_SPARSE, n) | START(start), in, 16 + 16 * n, NULL, 0);
}

static uint32_t modify_reserved;

static uint64_t modify(enum way way, struct hvemu_vp *vp, uint64_t id, uint32_t flags,
                       const uint64_t *pages, unsigned n, unsigned start)
{
    uint8_t in[16 + 16 * 8] = {0};

    le64enc(in, id);
    le32enc(in + 8, flags);
    le32enc(in + 12, modify_reserved);
    for (unsigned i = 0; i < n; i++)
        le64enc(in + 16 + 8 * i, pages[i]);
    return call_by(way, vmm, vp, REPS(MODIFY, n) | START(start), in, 16 + 8 * n, NULL, 0);
}

static uint64_t unmap(enum way way, struct hvemu_vp *vp, uint64_t id, uint64_t base, uint32_t flags,
                      unsigned n, unsigned start)
{
    uint8_t in[24] = {0};

    le64enc(in, id);
    le64enc(in + 8, base);
    le32enc(in + 16, flags);
    return call_by(way, vmm, vp, REPS(UNMAP, n) | START(start), in, sizeof in, NULL, 0);
}

static void expect_balance(uint64_t available, uint64_t in_use)
{
    assert_u64(balance(vmm, vmm->guest), available | in_use << 32);
}

/* The map op's n-th call. */
static void expect_op(unsigned n, uint32_t what, uint64_t page, uint64_t source, uint32_t flags)
{
    for (unsigned i = 0; i < vmm->logged; i++) {
        const struct fake_event *event = &vmm->log[i];
        if (event->op != FAKE_MAP || n--)
            continue;
        assert_ptr_equal(event->ctx, &guest_ctx);
        assert_u64(event->partition, vmm->guest);
        assert_u64(event->vector, what);
        assert_u64(event->gpa, page);
        assert_u64(event->destination, source);
        assert_u64(event->value[0], flags);
        return;
    }
    fail_msg("the map op was not called as often");
}

static void expect_at(uint64_t page, uint64_t source, uint32_t flags)
{
    const struct fake_page *entry = fake_mapped(vmm, vmm->guest, page);

    assert_non_null(entry);
    assert_u64(entry->source, source);
    assert_u64(entry->flags, flags);
}

static void expect_nothing_at(uint64_t page)
{
    assert_null(fake_mapped(vmm, vmm->guest, page));
}

/* What is mapped. */

static void a_list_is_mapped_one_page_behind_the_other(void **state)
{
    static const uint64_t sources[4] = {0x50, 0, 0xFFFFFFFFFF, 0x50};

    (void)state;
    for (enum way way = 0; way < WAYS; way++) {
        fake_forget(vmm);
        assert_u64(map_list(way, root_vp, vmm->guest, 0x100, 0x3, sources, 4, 0),
                   0x0000000400000000);
        for (unsigned i = 0; i < 4; i++) {
            expect_op(i, 0, 0x100 + i, sources[i], 0x3);
            expect_at(0x100 + i, sources[i], 0x3);
        }
        assert_int_equal(vmm->count[FAKE_MAP], 4);
        assert_u64(map(way, 0x101, 0x77, 0x1), REPS(0, 1)); /* instead of the former */
        expect_at(0x101, 0x77, 0x1);
        fake_forget(vmm);
        assert_u64(unmap(way, root_vp, vmm->guest, 0x100, 0, 5, 0), REPS(0, 5));
        for (unsigned i = 0; i < 5; i++) { /* one of them was nothing */
            expect_op(i, 1, 0x100 + i, 0, 0);
            expect_nothing_at(0x100 + i);
        }
    }
}

static void a_sparse_list_is_mapped_pair_by_pair(void **state)
{
    static const HV_GPA_MAPPING pairs[3] = {{9, 4}, {0xFFFFFFFFFF, 0xFFFFFFFFFE}, {0, 4}};
    static const uint64_t pages[3] = {0, 0xFFFFFFFFFF, 8};

    (void)state;
    for (enum way way = 0; way < WAYS; way++) {
        fake_forget(vmm);
        assert_u64(map_sparse(way, root_vp, vmm->guest, RWX, pairs, 3, 0), REPS(0, 3));
        for (unsigned i = 0; i < 3; i++) {
            expect_op(i, 0, pairs[i].TargetGpaPageNumber, pairs[i].SourceGpaPageNumber, RWX);
            expect_at(pairs[i].TargetGpaPageNumber, pairs[i].SourceGpaPageNumber, RWX);
        }
        fake_forget(vmm);
        assert_u64(modify(way, root_vp, vmm->guest, 0x1, pages, 3, 0), REPS(0, 3));
        for (unsigned i = 0; i < 3; i++)
            expect_op(i, 2, pages[i], 0, 0x1);
        expect_at(9, 4, RWX);
        expect_at(0xFFFFFFFFFF, 0xFFFFFFFFFE, 0x1);
        expect_at(0, 4, 0x1);
        expect_nothing_at(8);
    }
}

static void the_functions_do_what_the_calls_do(void **state)
{
    static const uint64_t sources[3] = {LE64(0x50), LE64(0x51), LE64(0x10000000000)};
    static const HV_GPA_MAPPING pairs[2] = {{LE64(0x20), LE64(0x60)}, {LE64(0x22), LE64(0x61)}};
    uint32_t count = 3;

    (void)state;
    assert_status(HvMapGpaPages(vmm->guest, 0x10, RWX, &count, sources), 0x05);
    assert_int_equal(count, 2);
    assert_status(HvMapGpaPages(vmm->guest, 0x10, RWX, &count, sources), 0x00);
    expect_at(0x11, 0x51, RWX);
    assert_status(HvMapSparseGpaPages(vmm->guest, 0x1, &count, pairs), 0x00);
    assert_int_equal(count, 2);
    expect_at(0x20, 0x60, 0x1);
    expect_at(0x22, 0x61, 0x1);
    assert_status(HvUnmapGpaPages(vmm->guest, 0x10, &count), 0x00);
    assert_int_equal(count, 2);
    expect_nothing_at(0x10);
    expect_nothing_at(0x11);
    expect_at(0x20, 0x60, 0x1);
    assert_status(HvMapGpaPages(vmm->guest, 0, RWX, NULL, sources), 0x05);
    assert_status(HvMapSparseGpaPages(vmm->guest, RWX, NULL, pairs), 0x05);
    assert_status(HvUnmapGpaPages(vmm->guest, 0, NULL), 0x05);
    assert_status(HvMapGpaPages(vmm->guest, 0, RWX, &count, NULL), 0x05);
    count = 2;
    assert_status(HvMapSparseGpaPages(vmm->guest, RWX, &count, NULL), 0x05);
    count = 0x1000;
    assert_status(HvUnmapGpaPages(vmm->guest, 0, &count), 0x05);
    count = 0;
    assert_status(HvUnmapGpaPages(vmm->guest, 0, &count), 0x03);
    count = 1;
    hvemu_attach(NULL);
    assert_status(HvUnmapGpaPages(vmm->guest, 0x20, &count), 0x06);
    expect_at(0x20, 0x60, 0x1);
}

static void large_pages_are_aligned_units_of_512(void **state)
{
    static const uint64_t sources[2] = {0x400, 0xFFFFFFFE00};
    static const HV_GPA_MAPPING pairs[3] = {{0x600, 0x200}, {0xFFFFFFFE00, 0}, {0x200, 0x201}};

    (void)state;
    for (enum way way = 0; way < WAYS; way++) {
        fake_forget(vmm);
        assert_u64(map_list(way, root_vp, vmm->guest, 0x800, LARGE | RWX, sources, 2, 0),
                   REPS(0, 2));
        expect_op(0, 0, 0x800, 0x400, LARGE | RWX);
        expect_op(1, 0, 0xA00, 0xFFFFFFFE00, LARGE | RWX);
        assert_u64(map_sparse(way, root_vp, vmm->guest, LARGE | RWX, pairs, 3, 0), REPS(0x05, 2));
        expect_op(3, 0, 0xFFFFFFFE00, 0, LARGE | RWX);
        assert_u64(modify(way, root_vp, vmm->guest, LARGE | 1, sources, 2, 0), REPS(0, 2));
        expect_op(5, 2, 0xFFFFFFFE00, 0, LARGE | 1);
        assert_u64(unmap(way, root_vp, vmm->guest, 0x800, 0x2, 2, 0), REPS(0, 2));
        expect_op(6, 1, 0x800, 0, LARGE);
        expect_op(7, 1, 0xA00, 0, LARGE);
        assert_int_equal(vmm->count[FAKE_MAP], 8);

        assert_u64(map(way, 0x801, 0x400, LARGE | RWX), 0x05);
        assert_u64(map(way, 0x900, 0x400, LARGE | RWX), 0x05);
        assert_u64(map(way, 0x800, 0x4FF, LARGE | RWX), 0x05);
        assert_u64(map(way, pages_end, 0x400, LARGE | RWX), 0x05);
        assert_u64(map(way, 0x800, pages_end, LARGE | RWX), 0x05);
        assert_u64(modify(way, root_vp, vmm->guest, LARGE, &(uint64_t){0x1FF}, 1, 0), 0x05);
        assert_u64(unmap(way, root_vp, vmm->guest, 0x1, 0x2, 1, 0), 0x05);
        assert_u64(unmap(way, root_vp, vmm->guest, 0xFFFFFFFE00, 0x2, 2, 0), REPS(0x05, 1));
        assert_int_equal(vmm->count[FAKE_MAP], 9);
    }
}

static void a_gpa_space_may_be_smaller_than_a_large_page(void **state)
{
    struct hvemu_config config = {.size = sizeof config, .gpa_bits = 20};

    (void)state;
    begin(&config, NULL);
    for (enum way way = 0; way < WAYS; way++) {
        assert_u64(map(way, 0, 0, LARGE | RWX), 0x05);
        assert_u64(map(way, 0xFF, 0xFF, RWX), REPS(0, 1));
        assert_u64(map(way, 0x100, 0, RWX), 0x05);
        assert_u64(map(way, 0, 0x100, RWX), 0x05);
    }
    end();
}

/* What cannot be mapped. */

static void expect_flags(enum way way, uint32_t flags, uint16_t status)
{
    const uint64_t result = status ? status : REPS(0, 1);

    fake_forget(vmm);
    assert_u64(map(way, 0x200, 0x400, flags), result);
    assert_u64(map_sparse(way, root_vp, vmm->guest, flags, &(HV_GPA_MAPPING){0, 0x200}, 1, 0),
               result);
    assert_u64(modify(way, root_vp, vmm->guest, flags, &(uint64_t){0x200}, 1, 0), result);
    assert_int_equal(vmm->count[FAKE_MAP], status ? 0 : 3);
    for (unsigned i = 0; i < vmm->logged; i++)
        if (vmm->log[i].op == FAKE_MAP)
            assert_u64(vmm->log[i].value[0], flags);
}

static void impossible_rights_are_refused(void **state)
{
    (void)state;
    for (enum way way = 0; way < WAYS; way++)
        for (uint32_t rights = 0; rights < 16; rights++)
            expect_flags(way, rights, rights == 0 || rights & 1 ? 0x00 : 0x05);
}

static void unmap_flags_are_judged(void **state)
{
    (void)state;
    for (enum way way = 0; way < WAYS; way++) {
        fake_forget(vmm);
        for (unsigned bit = 0; bit < 32; bit++)
            if (bit != 1)
                assert_u64(unmap(way, root_vp, vmm->guest, 0, (uint32_t)1 << bit, 1, 0), 0x05);
        assert_u64(unmap(way, root_vp, vmm->guest, 0x200, 0x3, 1, 0), 0x05);
        assert_int_equal(vmm->count[FAKE_MAP], 0);
        assert_u64(unmap(way, root_vp, vmm->guest, 0x200, 0x2, 1, 0), REPS(0, 1));
        expect_op(0, 1, 0x200, 0, LARGE);
    }
}

static void reserved_flags_are_refused(void **state)
{
    (void)state;
    for (enum way way = 0; way < WAYS; way++) {
        for (unsigned bit = 4; bit < 32; bit++)
            expect_flags(way, (uint32_t)1 << bit | 0x1, 0x9F338070u >> bit & 1 ? 0x00 : 0x05);
        expect_flags(way, 0x9F33807F, 0x00);
        expect_flags(way, 0xFFFFFFFF, 0x05);
        for (modify_reserved = 1; modify_reserved; modify_reserved <<= 1)
            assert_u64(modify(way, root_vp, vmm->guest, 1, &(uint64_t){3}, 1, 0), 0x05);
    }
}

static void pages_outside_the_gpa_space_are_refused(void **state)
{
    static const uint64_t outside[] = {0x10000000000, 0x10000000001, 0x10000000000000,
                                       0x8000000000000000, 0xFFFFFFFFFFFFFFFF};

    (void)state;
    for (enum way way = 0; way < WAYS; way++)
        for (size_t i = 0; i < COUNT(outside); i++) {
            const HV_GPA_MAPPING pairs[] = {{outside[i], 1}, {1, outside[i]}};
            assert_u64(map(way, outside[i], 1, RWX), 0x05);
            assert_u64(map(way, 1, outside[i], RWX), 0x05);
            assert_u64(map_sparse(way, root_vp, vmm->guest, RWX, &pairs[0], 1, 0), 0x05);
            assert_u64(map_sparse(way, root_vp, vmm->guest, RWX, &pairs[1], 1, 0), 0x05);
            assert_u64(modify(way, root_vp, vmm->guest, RWX, &outside[i], 1, 0), 0x05);
            assert_u64(unmap(way, root_vp, vmm->guest, outside[i], 0, 1, 0), 0x05);
        }
    assert_int_equal(vmm->count[FAKE_MAP], 0);
}

static void a_list_never_wraps_around(void **state)
{
    static const uint64_t sources[4] = {1, 2, 3, 4};

    (void)state;
    for (enum way way = 0; way < WAYS; way++) {
        fake_forget(vmm);
        assert_u64(map_list(way, root_vp, vmm->guest, pages_end - 2, RWX, sources, 4, 0),
                   REPS(0x05, 2));
        assert_u64(unmap(way, root_vp, vmm->guest, pages_end - 2, 0, 4, 0), REPS(0x05, 2));
        assert_int_equal(vmm->count[FAKE_MAP], 4);
        /* Only a start index gets there. */
        for (unsigned start = 1; start < 4; start++) {
            const uint64_t small = UINT64_MAX - start + 1, large = UINT64_MAX - 512 * start + 1;
            assert_u64(map_list(way, root_vp, vmm->guest, small, RWX, sources, 4, start),
                       REPS(0x05, start));
            assert_u64(unmap(way, root_vp, vmm->guest, small, 0, 4, start), REPS(0x05, start));
            assert_u64(unmap(way, root_vp, vmm->guest, large, 2, 4, start), REPS(0x05, start));
        }
        assert_int_equal(vmm->count[FAKE_MAP], 4);
    }
}

static void the_op_may_refuse(void **state)
{
    static const uint16_t statuses[] = {0x08, 0x19, 0x1D, 0xFFFF};
    static const uint64_t pages[4] = {0, 1, 2, 3};
    static const HV_GPA_MAPPING pairs[4] = {{1, 1}, {2, 2}, {3, 3}, {4, 4}};

    (void)state;
    for (enum way way = 0; way < WAYS; way++)
        for (size_t s = 0; s < COUNT(statuses); s++)
            for (unsigned k = 0; k < 4; k++) {
                const uint64_t result = REPS(statuses[s], k);
                fake_fail(vmm, FAKE_MAP, k, statuses[s]);
                assert_u64(map_list(way, root_vp, vmm->guest, 8, RWX, pages, 4, 0), result);
                fake_fail(vmm, FAKE_MAP, k, statuses[s]);
                assert_u64(map_sparse(way, root_vp, vmm->guest, RWX, pairs, 4, 0), result);
                fake_fail(vmm, FAKE_MAP, k, statuses[s]);
                assert_u64(modify(way, root_vp, vmm->guest, RWX, pages, 4, 0), result);
                fake_fail(vmm, FAKE_MAP, k, statuses[s]);
                assert_u64(unmap(way, root_vp, vmm->guest, 8, 0, 4, 0), result);
            }
}

static void an_op_that_cannot_yet_is_asked_again(void **state)
{
    static const uint64_t pages[4] = {0x10, 0x11, 0x12, 0x13};

    (void)state;
    for (enum way way = 0; way < WAYS; way++)
        for (unsigned k = 0; k < 4; k++) {
            fake_fail(vmm, FAKE_MAP, k, 0x78);
            assert_u64(map_list(way, root_vp, vmm->guest, 8, RWX, pages, 4, 0), REPS(0x78, k));
            expect_nothing_at(8 + k);
            fake_forget(vmm);
            assert_u64(map_list(way, root_vp, vmm->guest, 8, RWX, pages, 4, k), REPS(0, 4));
            expect_op(0, 0, 8 + k, pages[k], RWX);
            fake_fail(vmm, FAKE_MAP, k, 0x78);
            assert_u64(unmap(way, root_vp, vmm->guest, 8, 0, 4, 0), REPS(0x78, k));
            expect_at(8 + k, pages[k], RWX);
            assert_u64(unmap(way, root_vp, vmm->guest, 8, 0, 4, k), REPS(0, 4));
            expect_nothing_at(8 + k);
            fake_fail(vmm, FAKE_MAP, k, 0x78);
            assert_u64(modify(way, root_vp, vmm->guest, 1, pages, 4, 0), REPS(0x78, k));
            assert_u64(modify(way, root_vp, vmm->guest, 1, pages, 4, k), REPS(0, 4));
        }
}

static void without_a_map_op_nothing_is_mapped(void **state)
{
    struct hvemu_ops ops = fake_ops;

    (void)state;
    ops.map = NULL;
    begin(&costs, &ops);
    deposit(vmm, vmm->guest, 1, 3);
    for (enum way way = 0; way < WAYS; way++) {
        assert_u64(map(way, 1, 1, RWX), 0x08);
        assert_u64(modify(way, root_vp, vmm->guest, 1, &(uint64_t){1}, 1, 0), 0x08);
        assert_u64(unmap(way, root_vp, vmm->guest, 1, 0, 1, 0), 0x08);
        expect_balance(3, 0);
    }
    end();
}

static void deposited_pages_are_not_mapped(void **state)
{
    (void)state;
    deposit(vmm, vmm->guest, 0x40, 2);
    for (enum way way = 0; way < WAYS; way++) {
        assert_u64(map(way, 0, 0x41, RWX), 0x08);
        expect_nothing_at(0);
    }
}

static void long_lists_are_mapped_in_steps_of_the_budget(void **state)
{
    uint64_t sources[509];
    unsigned start;

    (void)state;
    for (unsigned i = 0; i < 509; i++)
        sources[i] = 0x7000 + 3 * i;
    for (enum way way = FROM_C; way <= IN_MEMORY; way++) {
        for (start = 0; start < 448; start += 64)
            assert_u64(map_list(way, root_vp, vmm->guest, 0x100, RWX, sources, 509, start),
                       REPS(0x78, start + 64));
        assert_u64(map_list(way, root_vp, vmm->guest, 0x100, RWX, sources, 509, start),
                   REPS(0, 509));
        for (unsigned i = 0; i < 509; i++)
            expect_at(0x100 + i, sources[i], RWX);
        for (start = 0; start < 4032; start += 64)
            assert_u64(unmap(way, root_vp, vmm->guest, 0x100, 0, 4095, start),
                       REPS(0x78, start + 64));
        assert_u64(unmap(way, root_vp, vmm->guest, 0x100, 0, 4095, start), REPS(0, 4095));
        for (unsigned i = 0; i < 509; i++)
            expect_nothing_at(0x100 + i);
    }
}

/* What it costs. */

static void mapping_is_counted_by_calls(void **state)
{
    (void)state;
    deposit(vmm, vmm->guest, 1, 3);
    for (enum way way = 0; way < WAYS; way++) {
        expect_balance(3, 0);
        assert_u64(unmap(way, root_vp, vmm->guest, 9, 0, 1, 0), REPS(0, 1)); /* nothing yet */
        expect_balance(3, 0);
        for (unsigned i = 0; i < 512; i++) {
            assert_u64(map(way, i % 7, 0x80, RWX), REPS(0, 1));
            expect_balance(2, 1);
        }
        assert_u64(map(way, 0x200, 0x200, LARGE | RWX), REPS(0, 1));
        expect_balance(1, 2);
        assert_u64(modify(way, root_vp, vmm->guest, 1, &(uint64_t){1}, 1, 0), REPS(0, 1));
        expect_balance(1, 2);
        fake_fail(vmm, FAKE_MAP, 0, 0x19);
        assert_u64(unmap(way, root_vp, vmm->guest, 1, 0, 1, 0), 0x19);
        expect_balance(1, 2);
        assert_u64(unmap(way, root_vp, vmm->guest, 0x200, 2, 1, 0), REPS(0, 1));
        expect_balance(2, 1);
        fake_fail(vmm, FAKE_MAP, 0, 0x19);
        assert_u64(map(way, 1, 0x80, RWX), 0x19);
        expect_balance(2, 1);
        for (unsigned i = 0; i < 512; i++) {
            expect_balance(2, 1);
            assert_u64(unmap(way, root_vp, vmm->guest, i, 0, 1, 0), REPS(0, 1));
        }
        expect_balance(3, 0);
    }
}

static void a_list_stops_where_the_pool_is_used_up(void **state)
{
    static const uint64_t sources[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const HV_GPA_MAPPING pair = {9, 9};

    (void)state;
    for (enum way way = 0; way < WAYS; way++) {
        begin(&costs, NULL);
        assert_u64(map(way, 0, 0, RWX), 0x0B);
        assert_u64(map_sparse(way, root_vp, vmm->guest, RWX, &pair, 1, 0), 0x0B);
        assert_int_equal(vmm->count[FAKE_MAP], 0);
        deposit(vmm, vmm->guest, 0x80, 1);
        for (unsigned i = 0; i < 508; i++)
            assert_u64(map(way, 0, 0, RWX), REPS(0, 1));
        fake_forget(vmm);
        assert_u64(map_list(way, root_vp, vmm->guest, 0x10, RWX, sources, 8, 0), REPS(0x0B, 4));
        assert_int_equal(vmm->count[FAKE_MAP], 4);
        expect_nothing_at(0x14);
        assert_u64(map_sparse(way, root_vp, vmm->guest, RWX, &pair, 1, 0), 0x0B);
        deposit(vmm, vmm->guest, 0x81, 1);
        assert_u64(map_list(way, root_vp, vmm->guest, 0x10, RWX, sources, 8, 4), REPS(0, 8));
        expect_at(0x14, 4, RWX);
        expect_balance(0, 2);
        end();
    }
}

/* The parent's access to the child's memory. */

struct access {
    uint64_t gpa, control;
    uint32_t bytes, vp;
    const void *data; /* of a write: 16 bytes */
};

static uint64_t access(enum way way, struct hvemu_vp *vp, uint64_t id, uint16_t code,
                       const struct access *how, uint8_t out[24])
{
    uint8_t in[48] = {0};

    le64enc(in, id);
    le32enc(in + 8, how->vp);
    le32enc(in + 12, how->bytes);
    le64enc(in + 16, how->gpa);
    le64enc(in + 24, how->control);
    if (how->data)
        memcpy(in + 32, how->data, 16);
    memset(out, 0xCC, 24);
    return call_by(way, vmm, vp, code, in, code == READ ? 32 : 48, out, code == READ ? 24 : 8);
}

static uint64_t read_gpa(enum way way, uint64_t gpa, uint32_t bytes, uint8_t out[24])
{
    return access(way, root_vp, vmm->guest, READ, &(struct access){.gpa = gpa, .bytes = bytes},
                  out);
}

static uint64_t write_gpa(enum way way, uint64_t gpa, uint32_t bytes, const char *data,
                          uint8_t out[24])
{
    return access(way, root_vp, vmm->guest, WRITE,
                  &(struct access){.gpa = gpa, .bytes = bytes, .data = data}, out);
}

/* Neither read nor written, and no memory op was called. */
static void expect_no_access(struct hvemu_vp *vp, uint64_t id, const struct access *how,
                             uint16_t status)
{
    for (enum way way = 0; way < WAYS; way++)
        for (uint16_t code = READ; code <= WRITE; code++) {
            uint8_t out[24], none[24];
            memset(none, 0xCC, sizeof none);
            fake_forget(vmm);
            assert_u64(access(way, vp, id, code, how, out), status);
            assert_memory_equal(out, none, sizeof out);
            assert_true(vmm->count[FAKE_GPA_READ] <= (way == IN_MEMORY)); /* the call's list */
            assert_int_equal(vmm->count[FAKE_GPA_WRITE], 0);
        }
}

static void expect_access_refused(struct hvemu_vp *vp, uint64_t id, uint16_t status)
{
    expect_no_access(vp, id, &(struct access){.gpa = 0x3000, .bytes = 16}, status);
}

static void memory_is_read_and_written(void **state)
{
    static const uint32_t sizes[] = {1, 2, 5, 8, 16};
    uint8_t out[24], want[24];

    (void)state;
    for (enum way way = 0; way < WAYS; way++)
        for (size_t i = 0; i < COUNT(sizes); i++) {
            const uint64_t gpa = 0x4000 - sizes[i]; /* up to the end of a page */
            const struct fake_event *event;

            memset(vmm->ram + 0x3000, 0x11, 0x2000);
            memset(want, 0, sizeof want);
            fake_forget(vmm);
            assert_u64(write_gpa(way, gpa, sizes[i], "abcdefghijklmnop", out), 0x00);
            assert_u64(le64dec(out), 0);
            event = &vmm->log[way == IN_MEMORY ? 2 : 0]; /* after probe and list */
            assert_int_equal(event->op, FAKE_GPA_WRITE);
            assert_ptr_equal(event->ctx, &guest_ctx);
            assert_u64(event->partition, vmm->guest);
            assert_u64(event->gpa, gpa);
            assert_u64(event->vector, sizes[i]);
            assert_memory_equal(vmm->ram + gpa, "abcdefghijklmnop", sizes[i]);
            assert_int_equal(vmm->ram[gpa - 1], 0x11);
            assert_int_equal(vmm->ram[0x4000], 0x11);

            fake_forget(vmm);
            assert_u64(read_gpa(way, gpa, sizes[i], out), 0x00);
            memcpy(want + 8, "abcdefghijklmnop", sizes[i]);
            assert_memory_equal(out, want, sizeof out);
            event = &vmm->log[way == IN_MEMORY ? 2 : 0];
            assert_int_equal(event->op, FAKE_GPA_READ);
            assert_ptr_equal(event->ctx, &guest_ctx);
            assert_u64(event->partition, vmm->guest);
            assert_u64(event->vector, sizes[i]);
        }
}

static void the_access_functions_do_what_the_calls_do(void **state)
{
    const HV_ACCESS_GPA_CONTROL_FLAGS flags = {.AsUINT64 = 6}, reserved = {.AsUINT64 = 0x10000};
    HV_ACCESS_GPA_RESULT result = {.AsUINT64 = 0x5A};
    char data[17] = "................";

    (void)state;
    assert_status(HvWriteGpa(vmm->guest, 0, 0x3008, 3, flags, "xyz", &result), 0x00);
    assert_u64(result.AsUINT64, 0);
    assert_status(HvReadGpa(vmm->guest, 0, 0x3008, 2, flags, &result, data), 0x00);
    assert_memory_equal(data, "xy\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 17);
    result.AsUINT64 = 0x5A;
    assert_status(HvReadGpa(vmm->guest, 0, 0x3008, 2, reserved, &result, data), 0x05);
    assert_status(HvWriteGpa(vmm->guest, 0, 0x3008, 2, reserved, data, &result), 0x05);
    assert_status(HvWriteGpa(vmm->guest, 0, 0x3008, 17, flags, data, &result), 0x05);
    assert_status(HvReadGpa(vmm->guest, 0, 0x3008, 17, flags, &result, data), 0x05);
    assert_status(HvReadGpa(vmm->guest, 0, 0x3008, 2, flags, NULL, data), 0x05);
    assert_status(HvReadGpa(vmm->guest, 0, 0x3008, 2, flags, &result, NULL), 0x05);
    assert_status(HvWriteGpa(vmm->guest, 0, 0x3008, 2, flags, NULL, &result), 0x05);
    assert_status(HvWriteGpa(vmm->guest, 0, 0x3008, 2, flags, data, NULL), 0x05);
    assert_u64(result.AsUINT64, 0x5A);
    assert_memory_equal(vmm->ram + 0x3008, "xyz\xCC", 4);
    assert_status(HvReadGpa(vmm->guest, 0, 0x8000, 1, flags, &result, data), 0x00);
    assert_u64(result.AsUINT64, 1);
}

static void impossible_accesses_are_refused(void **state)
{
    static const struct access bad[] = {
        {.gpa = 0x3000, .bytes = 0},
        {.gpa = 0x3000, .bytes = 17},
        {.gpa = 0x3000, .bytes = 0x10000001},
        {.gpa = 0x3000, .bytes = 0xFFFFFFFF},
        {.gpa = 0x3FFF, .bytes = 2},
        {.gpa = 0x3FF1, .bytes = 16},
        {.gpa = 0x10000000000000, .bytes = 1},
        {.gpa = 0x8000000000003000, .bytes = 1},
        {.gpa = 0xFFFFFFFFFFFFFFFF, .bytes = 1},
        {.gpa = 0xFFFFFFFFFFFFFFFF, .bytes = 2},
    };
    static const uint8_t types[] = {0, 1, 4, 5, 6};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_no_access(root_vp, vmm->guest, &bad[i], 0x05);
    for (unsigned bit = 16; bit < 64; bit++)
        expect_no_access(root_vp, vmm->guest,
                         &(struct access){.gpa = 0x3000, .bytes = 1, .control = (uint64_t)1 << bit},
                         0x05);
    for (unsigned type = 0, good = 0; type < 256; type++) {
        const struct access how = {.gpa = 0x3000, .bytes = 1, .control = type};
        uint8_t out[24];
        if (good < COUNT(types) && type == types[good]) {
            good++;
            for (enum way way = 0; way < WAYS; way++)
                assert_u64(access(way, root_vp, vmm->guest, READ, &how, out), 0x00);
        } else
            expect_no_access(root_vp, vmm->guest, &how, 0x05);
    }
}

static void trust_levels_above_0_have_no_memory(void **state)
{
    (void)state;
    for (uint64_t vtl = 0; vtl < 0x100; vtl++) {
        const struct access how = {.gpa = 0x3000, .bytes = 1, .control = vtl << 8 | 6};
        uint8_t out[24];
        if (vtl & 0xE0)
            expect_no_access(root_vp, vmm->guest, &how, 0x05);
        else if (vtl > 0x10)
            expect_no_access(root_vp, vmm->guest, &how, 0x51);
        else
            for (enum way way = 0; way < WAYS; way++)
                assert_u64(access(way, root_vp, vmm->guest, READ, &how, out), 0x00);
    }
}

static void access_names_a_vp_of_the_partition(void **state)
{
    static const uint32_t missing[] = {1, 15, 16, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF};
    uint8_t out[24];

    (void)state;
    for (size_t i = 0; i < COUNT(missing); i++)
        expect_no_access(root_vp, vmm->guest,
                         &(struct access){.gpa = 0x3000, .bytes = 1, .vp = missing[i]}, 0x0E);
    attached(vmm, vmm->guest, 15);
    for (enum way way = 0; way < WAYS; way++)
        assert_u64(access(way, root_vp, vmm->guest, READ,
                          &(struct access){.gpa = 0x3000, .bytes = 1, .vp = 15}, out),
                   0x00);
}

/* The call succeeds, with this result and no data. */
static void expect_code(uint64_t result, const uint8_t out[24], int read, uint32_t code)
{
    uint8_t want[24] = {0};

    le32enc(want, code);
    assert_u64(result, 0x00);
    assert_memory_equal(out, want, read ? 24 : 8);
}

static void memory_that_is_not_there_is_told_in_the_output(void **state)
{
    uint8_t out[24];

    (void)state;
    for (enum way way = 0; way < WAYS; way++) {
        const unsigned list = way == IN_MEMORY; /* which gpa_read reads first */

        expect_code(read_gpa(way, 0x8000, 16, out), out, 1, 1);
        expect_code(write_gpa(way, 0xFFFFFFFFFFFF0, 16, "abcdefghijklmnop", out), out, 0, 1);
        fake_fail(vmm, FAKE_GPA_READ, list, HVEMU_MEM_DENIED);
        expect_code(read_gpa(way, 0x3000, 16, out), out, 1, 2);
        fake_fail(vmm, FAKE_GPA_WRITE, 0, HVEMU_MEM_DENIED);
        expect_code(write_gpa(way, 0x3000, 16, "abcdefghijklmnop", out), out, 0, 3);
        assert_int_equal(vmm->ram[0x3000], 0xCC);
    }
}

static void failing_memory_ops_are_told_apart(void **state)
{
    static const struct {
        int answer;
        uint16_t status;
    } cases[] = {{HVEMU_MEM_AGAIN, 0x78},
                 {HVEMU_MEM_FAILED, 0x71},
                 {HVEMU_MEM_DENIED + 1, 0x71},
                 {-1, 0x71}};
    uint8_t out[24], none[24];

    (void)state;
    memset(none, 0xCC, sizeof none);
    for (enum way way = 0; way < WAYS; way++)
        for (size_t i = 0; i < COUNT(cases); i++) {
            fake_fail(vmm, FAKE_GPA_READ, way == IN_MEMORY, cases[i].answer);
            assert_u64(read_gpa(way, 0x3000, 16, out), cases[i].status);
            assert_memory_equal(out, none, sizeof out);
            fake_fail(vmm, FAKE_GPA_WRITE, 0, cases[i].answer);
            assert_u64(write_gpa(way, 0x3000, 16, "abcdefghijklmnop", out), cases[i].status);
            assert_memory_equal(out, none, sizeof out);
        }
}

static int read_half(void *ctx, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes)
{
    (void)ctx, (void)partition, (void)gpa;
    memset(to, 0x77, bytes / 2);
    return HVEMU_MEM_DENIED;
}

static void what_a_failing_op_has_read_is_not_told(void **state)
{
    const struct hvemu_config config = {.size = sizeof config};
    struct hvemu_ops ops = fake_ops;
    uint8_t out[24];

    (void)state;
    ops.gpa_read = read_half;
    begin(&config, &ops);
    expect_code(read_gpa(FROM_C, 0x3000, 16, out), out, 1, 2);
    expect_code(read_gpa(IN_REGISTERS, 0x3000, 16, out), out, 1, 2);
    end();
}

static void what_an_op_has_not_read_is_zero(void **state)
{
    static const uint8_t nothing[24];
    uint8_t out[24];

    (void)state;
    fake_fail(vmm, FAKE_GPA_READ, 0, HVEMU_MEM_OK); /* a lie */
    assert_u64(read_gpa(FROM_C, 0x3000, 16, out), 0x00);
    assert_memory_equal(out, nothing, sizeof out);
}

static void memory_under_the_hypercall_page_is_an_illegal_overlay(void **state)
{
    uint8_t out[24];

    (void)state;
    fake_enable_hypercalls(vmm->vp);
    for (enum way way = 0; way < WAYS; way++)
        for (uint64_t gpa = 0x7000; gpa < 0x8000; gpa += 0xFFF) {
            fake_forget(vmm);
            expect_code(read_gpa(way, gpa, 1, out), out, 1, 4);
            expect_code(write_gpa(way, gpa, 1, "abcdefghijklmnop", out), out, 0, 4);
            assert_int_equal(vmm->count[FAKE_GPA_READ], way == IN_MEMORY ? 2 : 0);
            assert_int_equal(vmm->ram[gpa], 0xCC);
            expect_code(write_gpa(way, 0x6FFF, 1, "abcdefghijklmnop", out), out, 0, 0);
            expect_code(read_gpa(way, 0x8000, 1, out), out, 1, 1);
        }
    expect_no_access(root_vp, vmm->guest, &(struct access){.gpa = 0x7000, .bytes = 0}, 0x05);
    assert_action(hvemu_x64_wrmsr(vmm->vp, 0x40000001, 0x7000), HVEMU_STEP);
    memset(out, 0xEE, sizeof out);
    assert_u64(read_gpa(FROM_C, 0x7000, 1, out), 0x00);
    assert_u64(le64dec(out), 0x00);
    assert_int_equal(out[8], 0xCC);
}

static void without_memory_ops_nothing_is_there(void **state)
{
    struct hvemu_ops ops = fake_ops;
    const struct hvemu_config config = {.size = sizeof config};
    uint8_t out[24];

    (void)state;
    ops.gpa_read = NULL;
    ops.gpa_write = NULL;
    begin(&config, &ops);
    expect_code(read_gpa(FROM_C, 0x3000, 16, out), out, 1, 1);
    expect_code(read_gpa(IN_REGISTERS, 0x3000, 16, out), out, 1, 1);
    expect_code(write_gpa(FROM_C, 0x3000, 16, "abcdefghijklmnop", out), out, 0, 1);
    expect_code(write_gpa(IN_REGISTERS, 0x3000, 16, "abcdefghijklmnop", out), out, 0, 1);
    end();
}

/* Who may. */

/* An element of each list, for a partition in which they are of no use. */
static void expect_all(struct hvemu_vp *vp, uint64_t id, uint16_t status, uint16_t of_unmap)
{
    static const HV_GPA_MAPPING pair = {1, 1};
    static const uint64_t page = 1;

    fake_forget(vmm);
    for (enum way way = 0; way < WAYS; way++) {
        assert_u64(map_list(way, vp, id, 1, RWX, &page, 1, 0), status ? status : REPS(0, 1));
        assert_u64(map_sparse(way, vp, id, RWX, &pair, 1, 0), status ? status : REPS(0, 1));
        assert_u64(modify(way, vp, id, RWX, &page, 1, 0), status ? status : REPS(0, 1));
        assert_u64(unmap(way, vp, id, 1, 0, 1, 0), of_unmap);
    }
    if (status)
        assert_int_equal(vmm->count[FAKE_MAP], 0);
}

static void expect_refused(struct hvemu_vp *vp, uint64_t id, uint16_t status)
{
    expect_all(vp, id, status, status);
    expect_access_refused(vp, id, status);
}

static void memory_is_its_parents_to_give(void **state)
{
    uint64_t grandchild, sibling;

    (void)state;
    assert_result(hvemu_add_guest(vmm->hv, vmm->guest, 0, NULL, &grandchild), HVEMU_OK);
    assert_result(hvemu_add_guest(vmm->hv, vmm->root, 0, NULL, &sibling), HVEMU_OK);
    attached(vmm, grandchild, 0);
    attached(vmm, sibling, 0);
    expect_refused(root_vp, grandchild, 0x06);
    expect_refused(vmm->vp, vmm->guest, 0x06);
    expect_refused(vmm->vp, 0xFFFFFFFFFFFFFFFF, 0x06);
    expect_refused(vmm->vp, vmm->root, 0x06);
    expect_refused(vmm->vp, sibling, 0x06);
    expect_refused(attached(vmm, sibling, 1), sibling, 0x06); /* without any privilege */
    expect_refused(root_vp, 0, 0x0D);
    expect_refused(root_vp, 0x99, 0x0D);
    expect_refused(root_vp, vmm->guest + 0x1000000, 0x0D);
}

static void mapping_needs_create_partitions(void **state)
{
    uint64_t parent, child;

    (void)state;
    assert_result(hvemu_add_guest(vmm->hv, vmm->root, 0xFFFFFFFEFFFFFFFF, NULL, &parent), HVEMU_OK);
    assert_result(hvemu_add_guest(vmm->hv, parent, 0, NULL, &child), HVEMU_OK);
    attached(vmm, child, 0);
    expect_refused(attached(vmm, parent, 0), child, 0x06);
}

static void memory_is_an_active_partitions(void **state)
{
    uint64_t id;

    (void)state;
    assert_status(fake_create(vmm, vmm->root, &id), 0x00);
    expect_refused(root_vp, id, 0x07);
    assert_status(fake_call_on(vmm, vmm->root, 0x41, id), 0x00);
    fake_fail(vmm, FAKE_PARTITION, 1, 0x78);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, id), 0x78);
    expect_refused(root_vp, id, 0x07);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, id), 0x00);
    expect_refused(root_vp, id, 0x07);
    assert_status(fake_call_on(vmm, vmm->root, 0x43, id), 0x00);
    expect_refused(root_vp, id, 0x0D);
}

/* The calls about a child alone are refused before anything in them is looked at. */
static void root_acts_on_itself_where_it_may(void **state)
{
    static const uint16_t never[] = {0x41, 0x42, 0x43, 0x4C, 0x4D, 0x4E, 0x4F,
                                     0x53, 0x54, 0x55, 0x56, 0x94, 0xAD};
    static const HV_GPA_MAPPING pairs[3] = {{1, 1}, {0xFFFFFFFFFF, 0xFFFFFFFFFF}, {3, 4}};

    (void)state;
    for (int self = 0; self < 2; self++) {
        const uint64_t id = self ? 0xFFFFFFFFFFFFFFFF : vmm->root;
        uint8_t in[64] = {0}, out[64];

        le64enc(in, id);
        for (size_t i = 0; i < COUNT(never); i++) {
            const uint64_t control = REPS(never[i], never[i] == 0x4C);
            assert_u64(hvemu_hypercall(vmm->hv, vmm->root, control, in, sizeof in, out, sizeof out),
                       0x06);
        }
        le32enc(in + 8, 0x00020003); /* CpuWeight */
        assert_u64(hvemu_hypercall(vmm->hv, vmm->root, 0x44, in, sizeof in, out, sizeof out), 0);
        assert_u64(le64dec(out), 100);
        le64enc(in + 16, 50);
        assert_u64(hvemu_hypercall(vmm->hv, vmm->root, 0x45, in, sizeof in, out, sizeof out), 0);
        assert_u64(hvemu_hypercall(vmm->hv, vmm->root, 0x44, in, sizeof in, out, sizeof out), 0);
        assert_u64(le64dec(out), 50);
        le64enc(in + 16, 100);
        assert_u64(hvemu_hypercall(vmm->hv, vmm->root, 0x45, in, sizeof in, out, sizeof out), 0);
        deposit(vmm, id, 0x90 + (unsigned)self, 1);
        assert_u64(balance(vmm, vmm->root), (unsigned)self + 1);

        expect_all(root_vp, id, 0x00, 0x06);
        for (enum way way = 0; way < WAYS; way++) {
            fake_forget(vmm);
            assert_u64(map_sparse(way, root_vp, id, 0x1, pairs, 3, 0), REPS(0x06, 2));
            assert_int_equal(vmm->count[FAKE_MAP], 2);
            for (unsigned i = 0, n = 0; i < vmm->logged; i++) {
                const struct fake_event *event = &vmm->log[i];
                if (event->op != FAKE_MAP)
                    continue;
                assert_ptr_equal(event->ctx, vmm);
                assert_u64(event->partition, vmm->root);
                assert_u64(event->vector, 2);
                assert_u64(event->gpa, pairs[n++].TargetGpaPageNumber);
                assert_u64(event->destination, 0);
            }
            assert_u64(map_list(way, root_vp, id, 5, 0x1, &(uint64_t){6}, 1, 0), 0x06);
        }
    }
}

int main(void)
{
#define IN_WORLD(test)   cmocka_unit_test_setup_teardown(test, setup, teardown)
#define WITH_COSTS(test) cmocka_unit_test_setup_teardown(test, setup_with_costs, teardown)
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_list_is_mapped_one_page_behind_the_other),
        IN_WORLD(a_sparse_list_is_mapped_pair_by_pair),
        IN_WORLD(the_functions_do_what_the_calls_do),
        IN_WORLD(large_pages_are_aligned_units_of_512),
        cmocka_unit_test(a_gpa_space_may_be_smaller_than_a_large_page),
        IN_WORLD(impossible_rights_are_refused),
        IN_WORLD(unmap_flags_are_judged),
        IN_WORLD(reserved_flags_are_refused),
        IN_WORLD(pages_outside_the_gpa_space_are_refused),
        IN_WORLD(a_list_never_wraps_around),
        IN_WORLD(the_op_may_refuse),
        IN_WORLD(an_op_that_cannot_yet_is_asked_again),
        cmocka_unit_test(without_a_map_op_nothing_is_mapped),
        WITH_COSTS(deposited_pages_are_not_mapped),
        IN_WORLD(long_lists_are_mapped_in_steps_of_the_budget),
        WITH_COSTS(mapping_is_counted_by_calls),
        cmocka_unit_test(a_list_stops_where_the_pool_is_used_up),
        IN_WORLD(memory_is_read_and_written),
        IN_WORLD(the_access_functions_do_what_the_calls_do),
        IN_WORLD(impossible_accesses_are_refused),
        IN_WORLD(trust_levels_above_0_have_no_memory),
        IN_WORLD(access_names_a_vp_of_the_partition),
        IN_WORLD(memory_that_is_not_there_is_told_in_the_output),
        IN_WORLD(failing_memory_ops_are_told_apart),
        cmocka_unit_test(what_a_failing_op_has_read_is_not_told),
        IN_WORLD(what_an_op_has_not_read_is_zero),
        IN_WORLD(memory_under_the_hypercall_page_is_an_illegal_overlay),
        cmocka_unit_test(without_memory_ops_nothing_is_there),
        IN_WORLD(memory_is_its_parents_to_give),
        IN_WORLD(mapping_needs_create_partitions),
        IN_WORLD(memory_is_an_active_partitions),
        WITH_COSTS(root_acts_on_itself_where_it_may),
    };

    return cmocka_run_group_tests_name("gpa", tests, NULL, NULL);
}
