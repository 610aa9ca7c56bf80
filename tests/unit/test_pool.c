/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Memory pools: deposit, withdrawal and balance in every way to make a call, whose pages they are,
 * what is paid from them and when it is given back, and that nothing is lost on the way. */

#include "ways.h"

#define DEPOSIT      0x48u
#define WITHDRAW     0x49u
#define BALANCE      0x4Au
#define START(index) ((uint64_t)(index) << 48)

enum { PAGES = 600, CREATE = 2, INITIALIZE = 3, VP = 5, MAP = 1, INTERCEPT = 4 };

static const struct hvemu_config small_costs = {
    .size = sizeof small_costs,
    .privileges = HV_PRIVILEGE_ALL,
    .pages = PAGES,
    .create_cost = CREATE,
    .initialize_cost = INITIALIZE,
    .vp_cost = VP,
    .map_cost = MAP,
    .intercept_cost = INTERCEPT,
};
static const HV_PROXIMITY_DOMAIN_INFO anywhere;
static const uint32_t everything = 0x7; /* rights of a mapping */

/* The root calls; the guest, its child, has an empty pool. */
static struct fake_vmm *vmm;
static struct hvemu_vp *root_vp;
static struct hvemu_caller as_root;

static void begin(const struct hvemu_config *config, const struct hvemu_ops *ops)
{
    vmm = fake_new(config, ops);
    root_vp = attached(vmm, vmm->root, 0);
    fake_add_guest(vmm, HV_PRIVILEGE_ALL);
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
    (void)state;
    begin(&small_costs, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    end();
    return 0;
}

/* Deposits the n pages of the list, of which the first `start` are done. */
static uint64_t put_list(enum way way, struct hvemu_vp *vp, uint64_t id, const uint64_t *pages,
                         unsigned n, unsigned start)
{
    uint8_t in[8 + 512 * 8];

    assert_true(n <= 511);
    le64enc(in, id);
    for (unsigned i = 0; i < n; i++)
        le64enc(in + 8 + 8 * i, pages[i]);
    return call_by(way, vmm, vp, REPS(DEPOSIT, n) | START(start), in, 8 + 8 * n, NULL, 0);
}

/* Deposits pages that lie one behind the other. */
static uint64_t put(enum way way, struct hvemu_vp *vp, uint64_t id, uint64_t first, unsigned n)
{
    uint64_t pages[511];

    for (unsigned i = 0; i < n; i++)
        pages[i] = first + i;
    return put_list(way, vp, id, pages, n, 0);
}

static uint64_t take_from(enum way way, struct hvemu_vp *vp, uint64_t id, uint64_t proximity,
                          uint64_t *pages, unsigned n, unsigned start)
{
    uint8_t in[16], out[512 * 8];
    uint64_t result;

    assert_true(n <= 512);
    le64enc(in, id);
    le64enc(in + 8, proximity);
    memset(out, 0xCC, sizeof out);
    result = call_by(way, vmm, vp, REPS(WITHDRAW, n) | START(start), in, sizeof in, out, 8 * n);
    for (unsigned i = 0; i < n; i++)
        pages[i] = le64dec(out + 8 * i);
    return result;
}

static uint64_t take(enum way way, struct hvemu_vp *vp, uint64_t id, uint64_t *pages, unsigned n)
{
    return take_from(way, vp, id, 0, pages, n, 0);
}

static uint64_t balance_of(enum way way, struct hvemu_vp *vp, uint64_t id, uint64_t proximity,
                           uint64_t balance[2])
{
    uint8_t in[16], out[16];
    uint64_t result;

    le64enc(in, id);
    le64enc(in + 8, proximity);
    memset(out, 0xCC, sizeof out);
    result = call_by(way, vmm, vp, BALANCE, in, sizeof in, out, sizeof out);
    balance[0] = le64dec(out);
    balance[1] = le64dec(out + 8);
    return result;
}

static void expect_balance(uint64_t id, uint64_t available, uint64_t in_use)
{
    uint64_t balance[2] = {0};

    assert_status(HvGetMemoryBalance(id, anywhere, &balance[0], &balance[1]), 0x00);
    assert_u64(balance[0], available);
    assert_u64(balance[1], in_use);
}

/* Deposits pages that nobody else has, as the root. */
static void give(uint64_t id, unsigned n)
{
    static uint64_t next = 0x100000;

    deposit(vmm, id, next, n);
    next += n;
}

/* Withdraws until there is no more, and says how many pages came. */
static unsigned empty(uint64_t id)
{
    unsigned all = 0;

    for (;;) {
        uint64_t pages[7];
        uint32_t count = 7;
        const HV_STATUS status = HvWithdrawMemory(id, anywhere, &count, pages);
        all += count;
        if (status != 0x00) {
            assert_status(status, 0x1D);
            return all;
        }
        assert_int_equal(count, 7);
    }
}

/* What pages go in and out. */

static void pages_come_back_once_each(void **state)
{
    static const uint64_t pages[12] = {
        5,          0, 0xFFFFFFFFFF, 0x123456789, 7, 6, 0x7FFFFFFFFF, 0xFFFFFFFFFE, 0x200,
        0x80000000, 1, 0xFFFFF};
    (void)state;
    for (enum way way = 0; way < WAYS; way++) {
        uint64_t back[12], balance[2];

        assert_u64(put_list(way, root_vp, vmm->guest, pages, 12, 0), 0x0000000C00000000);
        assert_u64(balance_of(way, root_vp, vmm->guest, 0, balance), 0x00);
        assert_u64(balance[0], 12);
        assert_u64(balance[1], 0);
        for (int i = 0; i < 12; i++)
            assert_non_null(fake_deposited(vmm, vmm->root, pages[i]));
        fake_forget(vmm);
        assert_u64(take(way, root_vp, vmm->guest, back, 12), 0x0000000C00000000);
        for (int i = 0; i < 12; i++) {
            assert_u64(back[i], pages[11 - i]);
            assert_null(fake_deposited(vmm, vmm->root, pages[i]));
        }
        assert_int_equal(vmm->count[FAKE_POOL], 12);
        assert_u64(take(way, root_vp, vmm->guest, back, 1), 0x1D);
        expect_balance(vmm->guest, 0, 0);
    }
}

static void the_functions_do_what_the_calls_do(void **state)
{
    static const uint64_t pages[3] = {LE64(0x30), LE64(0x10), LE64(0x20)};
    uint64_t back[5] = {1, 1, 1, 1, 1};
    uint32_t count = 3;

    (void)state;
    assert_status(HvDepositMemory(vmm->guest, &count, pages), 0x00);
    assert_int_equal(count, 3);
    expect_balance(vmm->guest, 3, 0);
    count = 5;
    assert_status(HvWithdrawMemory(vmm->guest, anywhere, &count, back), 0x1D);
    assert_int_equal(count, 3);
    assert_u64(back[0], LE64(0x20));
    assert_u64(back[1], LE64(0x10));
    assert_u64(back[2], LE64(0x30));
    assert_u64(back[3], 1);
    assert_u64(back[4], 1);
    assert_status(HvDepositMemory(vmm->guest, &count, pages), 0x00);
    assert_status(HvDepositMemory(vmm->guest, &count, pages), 0x08);
    assert_int_equal(count, 0);
    assert_int_equal(empty(vmm->guest), 3);
}

static void the_functions_refuse_what_cannot_be_a_list(void **state)
{
    uint64_t pages[1] = {0x5A}, value = 0x5A;
    uint32_t count = 0;

    (void)state;
    assert_status(HvDepositMemory(vmm->guest, NULL, pages), 0x05);
    assert_status(HvWithdrawMemory(vmm->guest, anywhere, NULL, pages), 0x05);
    assert_status(HvDepositMemory(vmm->guest, &count, pages), 0x03);
    assert_status(HvWithdrawMemory(vmm->guest, anywhere, &count, pages), 0x03);
    count = 0x1000;
    assert_status(HvDepositMemory(vmm->guest, &count, pages), 0x05);
    count = 0x1000;
    assert_status(HvWithdrawMemory(vmm->guest, anywhere, &count, pages), 0x05);
    count = 512; /* behind the header more than a page */
    assert_status(HvDepositMemory(vmm->guest, &count, pages), 0x04);
    count = 513;
    assert_status(HvWithdrawMemory(vmm->guest, anywhere, &count, pages), 0x04);
    count = 1;
    assert_status(HvDepositMemory(vmm->guest, &count, NULL), 0x05);
    count = 1;
    assert_status(HvWithdrawMemory(vmm->guest, anywhere, &count, NULL), 0x05);
    assert_status(HvGetMemoryBalance(vmm->guest, anywhere, NULL, &value), 0x05);
    assert_status(HvGetMemoryBalance(vmm->guest, anywhere, &value, NULL), 0x05);
    assert_u64(pages[0], 0x5A);
    assert_u64(value, 0x5A);
    assert_int_equal(vmm->count[FAKE_POOL], 0);
    expect_balance(vmm->guest, 0, 0);
}

static void deposit_asks_the_op_for_each_page(void **state)
{
    static const uint64_t pages[3] = {0x44, 0x22, 0x33};
    uint64_t child, back[3];

    (void)state;
    assert_result(hvemu_add_guest(vmm->hv, vmm->guest, 0, NULL, &child), HVEMU_OK);
    for (enum way way = 0; way < WAYS; way++) {
        fake_forget(vmm);
        assert_u64(put_list(way, vmm->vp, child, pages, 3, 0), REPS(0, 3));
        assert_u64(take(way, vmm->vp, child, back, 3), REPS(0, 3));
        assert_int_equal(vmm->count[FAKE_POOL], 6);
        for (unsigned i = 0, n = 0; i < vmm->logged; i++) {
            const struct fake_event *event = &vmm->log[i];
            if (event->op != FAKE_POOL)
                continue;
            /* The pages are those of the caller, not of the pool. */
            assert_ptr_equal(event->ctx, vmm);
            assert_u64(event->partition, vmm->guest);
            assert_u64(event->gpa, pages[n < 3 ? n : 5 - n]);
            assert_int_equal(event->vector, n < 3);
            n++;
        }
        assert_u64(put(way, root_vp, vmm->guest, 9, 1), REPS(0, 1));
        assert_non_null(fake_deposited(vmm, vmm->root, 9));
        assert_u64(take(way, root_vp, vmm->guest, back, 1), REPS(0, 1));

        fake_fail(vmm, FAKE_POOL, 0, 0x08);
        assert_u64(put(way, root_vp, vmm->guest, 1, 2), 0x08);
        fake_fail(vmm, FAKE_POOL, 0, 0x19);
        assert_u64(put(way, root_vp, vmm->guest, 1, 2), 0x19);
        expect_balance(vmm->guest, 0, 0);
    }
}

static void without_a_pool_op_no_page_can_be_deposited(void **state)
{
    struct hvemu_ops ops = fake_ops;

    (void)state;
    ops.pool = NULL;
    begin(&small_costs, &ops);
    for (enum way way = 0; way < WAYS; way++) {
        assert_u64(put(way, root_vp, vmm->guest, 1, 2), 0x08);
        expect_balance(vmm->guest, 0, 0);
    }
    end();
}

static void a_page_outside_the_gpa_space_is_not_there(void **state)
{
    static const uint64_t outside[] = {0x10000000000, 0x10000000001, 0x8000000000000000,
                                       0x10000000000000, 0xFFFFFFFFFFFFFFFF};
    struct hvemu_config narrow = small_costs;

    (void)state;
    for (enum way way = 0; way < WAYS; way++)
        for (size_t i = 0; i < COUNT(outside); i++)
            assert_u64(put_list(way, root_vp, vmm->guest, &outside[i], 1, 0), 0x08);
    assert_int_equal(vmm->count[FAKE_POOL], 0);
    assert_u64(put(FROM_C, root_vp, vmm->guest, 0xFFFFFFFFFE, 3), REPS(0x08, 2));
    end();
    narrow.gpa_bits = 20;
    begin(&narrow, NULL);
    assert_u64(put(FROM_C, root_vp, vmm->guest, 0x100, 1), 0x08);
    assert_u64(put(FROM_C, root_vp, vmm->guest, 0xFF, 1), REPS(0, 1));
}

static void each_pool_has_its_own_pages(void **state)
{
    struct hvemu_vp *const vps[3] = {root_vp, root_vp, vmm->vp};
    uint64_t ids[3] = {vmm->root, vmm->guest}, back[4];

    (void)state;
    assert_result(hvemu_add_guest(vmm->hv, vmm->guest, 0, NULL, &ids[2]), HVEMU_OK);
    for (unsigned i = 0; i < 12; i++)
        assert_u64(put(FROM_C, vps[i % 3], ids[i % 3], 0x100 * (i % 3) + i / 3, 1), REPS(0, 1));
    for (unsigned i = 0; i < 3; i++) {
        assert_u64(take(IN_MEMORY, vps[i], ids[i], back, 4), REPS(0, 4));
        for (unsigned n = 0; n < 4; n++)
            assert_u64(back[n], 0x100 * i + 3 - n);
    }
}

static void deposit_beyond_the_capacity_is_refused(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PAGES - 3; i += 3)
        give(vmm->guest, 3);
    expect_balance(vmm->guest, PAGES - 3, 0);
    for (enum way way = 0; way < WAYS; way++) {
        uint64_t back[3];
        fake_forget(vmm);
        assert_u64(put(way, root_vp, vmm->guest, 0x10, 5), REPS(0x1D, 3));
        assert_int_equal(vmm->count[FAKE_POOL], 3);
        expect_balance(vmm->guest, PAGES, 0);
        assert_u64(put(way, root_vp, vmm->guest, 0x20, 1), 0x1D);
        assert_null(fake_deposited(vmm, vmm->root, 0x20));
        assert_u64(take(way, root_vp, vmm->guest, back, 3), REPS(0, 3));
        assert_u64(back[0], 0x12);
    }
    give(vmm->root, 1); /* another pool has room */
    assert_int_equal(empty(vmm->guest), PAGES - 3);
}

static void without_pools_nothing_costs_and_nothing_is_deposited(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .privileges = HV_PRIVILEGE_ALL};
    uint64_t id, back[1];

    (void)state;
    begin(&config, NULL);
    for (enum way way = 0; way < WAYS; way++) {
        assert_u64(put(way, root_vp, vmm->guest, 1, 1), 0x1D);
        assert_u64(take(way, root_vp, vmm->guest, back, 1), 0x1D);
    }
    assert_int_equal(vmm->count[FAKE_POOL], 0);
    id = fake_child(vmm, vmm->root);
    assert_status(HvCreateVp(id, anywhere, 0, 0), 0x00);
    expect_balance(id, 0, 0);
    expect_balance(vmm->root, 0, 0);
    fake_end(vmm, vmm->root, id);
    end();
}

/* Who may. */

static void pool_calls_need_both_privileges(void **state)
{
    static const struct {
        uint64_t privileges;
        uint16_t status;
    } cases[] = {
        {0x0000000000000060, 0x06}, {0x0000000100000060, 0x06}, {0x0000000400000060, 0x06},
        {0xFFFFFFFAFFFFFFFF, 0x06}, {0xFFFFFFFBFFFFFFFF, 0x06}, {0xFFFFFFFEFFFFFFFF, 0x06},
        {0x0000000500000060, 0x00},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t parent, child, page[2];
        struct hvemu_vp *vp;

        assert_result(hvemu_add_guest(vmm->hv, vmm->root, cases[i].privileges, vmm, &parent),
                      HVEMU_OK);
        assert_result(hvemu_add_guest(vmm->hv, parent, 0, vmm, &child), HVEMU_OK);
        vp = attached(vmm, parent, 0);
        for (enum way way = 0; way < WAYS; way++) {
            assert_status(put(way, vp, child, 1, 1), cases[i].status);
            assert_status(balance_of(way, vp, child, 0, page), cases[i].status);
            assert_status(take(way, vp, child, page, 1), cases[i].status);
        }
    }
    hvemu_attach(NULL);
    assert_status(HvGetMemoryBalance(vmm->guest, anywhere, &(uint64_t){0}, &(uint64_t){0}), 0x06);
}

static void expect_refused(struct hvemu_vp *vp, uint64_t id, uint16_t status)
{
    fake_forget(vmm);
    for (enum way way = 0; way < WAYS; way++) {
        uint64_t page[2];
        assert_u64(put(way, vp, id, 1, 2), status);
        assert_u64(take(way, vp, id, page, 2), status);
        assert_u64(page[0], 0xCCCCCCCCCCCCCCCC);
        assert_u64(balance_of(way, vp, id, 0, page), status);
        assert_u64(page[0], 0xCCCCCCCCCCCCCCCC);
    }
    assert_int_equal(vmm->count[FAKE_POOL], 0);
}

static void a_pool_is_its_parents_and_the_roots_own(void **state)
{
    uint64_t grandchild, sibling, page[2];

    (void)state;
    assert_result(hvemu_add_guest(vmm->hv, vmm->guest, 0, NULL, &grandchild), HVEMU_OK);
    assert_result(hvemu_add_guest(vmm->hv, vmm->root, 0, vmm, &sibling), HVEMU_OK);
    expect_refused(root_vp, grandchild, 0x06);
    expect_refused(vmm->vp, vmm->guest, 0x06);
    expect_refused(vmm->vp, 0xFFFFFFFFFFFFFFFF, 0x06); /* itself */
    expect_refused(vmm->vp, vmm->root, 0x06);
    expect_refused(vmm->vp, sibling, 0x06);
    expect_refused(root_vp, 0, 0x0D);
    expect_refused(root_vp, 0x99, 0x0D);
    expect_refused(root_vp, vmm->guest + 0x1000000, 0x0D);
    expect_refused(root_vp, 0xFFFFFFFFFFFFFFFE, 0x0D);
    for (enum way way = 0; way < WAYS; way++) {
        assert_u64(put(way, root_vp, vmm->root, 1, 1), REPS(0, 1));
        assert_u64(put(way, root_vp, 0xFFFFFFFFFFFFFFFF, 2, 1), REPS(0, 1));
        assert_u64(balance_of(way, root_vp, 0xFFFFFFFFFFFFFFFF, 0, page), 0x00);
        assert_u64(page[0], 2);
        assert_u64(take(way, root_vp, vmm->root, page, 2), REPS(0, 2));
    }
}

/* Deposit has another answer than the two that have no restriction. */
static void expect_in_state(uint64_t id, uint16_t status)
{
    for (enum way way = 0; way < WAYS; way++) {
        uint64_t page[2];
        assert_u64(put(way, root_vp, id, 0x10u + way, 1), status ? status : REPS(0, 1));
        assert_u64(balance_of(way, root_vp, id, 0, page), 0x00);
        assert_u64(take(way, root_vp, id, page, 1), REPS(0, 1));
    }
}

static void pool_calls_by_state(void **state)
{
    uint64_t id;

    (void)state;
    give(vmm->root, CREATE);
    assert_status(fake_create(vmm, vmm->root, &id), 0x00);
    give(id, INITIALIZE);
    expect_in_state(id, 0x00);
    assert_status(HvInitializePartition(id), 0x00);
    give(id, 6);
    expect_in_state(id, 0x00);
    fake_fail(vmm, FAKE_PARTITION, 1, 0x78);
    assert_status(HvFinalizePartition(id), 0x78);
    expect_in_state(id, 0x07);
    assert_status(HvFinalizePartition(id), 0x00);
    expect_in_state(id, 0x07);
    assert_int_equal(empty(id), INITIALIZE);
    assert_status(HvDeletePartition(id), 0x00);
    expect_refused(root_vp, id, 0x0D);
}

static void impossible_proximity_information_is_refused(void **state)
{
    static const uint64_t bad[] = {0x0000000200000000, 0x4000000000000000, 0x7FFFFFFE00000000,
                                   0x8000000000000040, 0x80000000FFFFFFFF, 0x8000000200000000},
                          good[] = {0x0000000100000000, 0x8000000000000000, 0x800000000000003F,
                                    0x8000000100000005, 0x0000000000000040, 0x00000000FFFFFFFF};
    uint64_t page[2];

    (void)state;
    give(vmm->guest, 1);
    for (enum way way = 0; way < WAYS; way++) {
        for (size_t i = 0; i < COUNT(bad); i++) {
            assert_u64(take_from(way, root_vp, vmm->guest, bad[i], page, 1, 0), 0x05);
            assert_u64(page[0], 0xCCCCCCCCCCCCCCCC);
            assert_u64(balance_of(way, root_vp, vmm->guest, bad[i], page), 0x05);
        }
        for (size_t i = 0; i < COUNT(good); i++) {
            assert_u64(balance_of(way, root_vp, vmm->guest, good[i], page), 0x00);
            assert_u64(page[0], 1);
            assert_u64(take_from(way, root_vp, vmm->guest, good[i], page, 1, 0), REPS(0, 1));
            give(vmm->guest, 1);
        }
    }
}

/* In parts. */

static void a_list_that_fails_keeps_what_came_before(void **state)
{
    uint64_t pages[10], back[10];

    (void)state;
    for (enum way way = 0; way < WAYS; way++)
        for (unsigned k = 0; k < 10; k++) {
            for (unsigned i = 0; i < 10; i++)
                pages[i] = 0x100 + i;
            pages[k] = 0x10000000000;
            fake_forget(vmm);
            assert_u64(put_list(way, root_vp, vmm->guest, pages, 10, 0), REPS(0x08, k));
            assert_int_equal(vmm->count[FAKE_POOL], k);
            expect_balance(vmm->guest, k, 0);
            pages[k] = 0x100 + k; /* now with the rest */
            fake_fail(vmm, FAKE_POOL, 9 - k, 0x19);
            assert_u64(put_list(way, root_vp, vmm->guest, pages, 10, k), REPS(0x19, 9));
            expect_balance(vmm->guest, 9, 0);
            assert_u64(put_list(way, root_vp, vmm->guest, pages, 10, 9), REPS(0, 10));
            expect_balance(vmm->guest, 10, 0);

            fake_fail(vmm, FAKE_POOL, k, 0x08);
            assert_u64(take(way, root_vp, vmm->guest, back, 10), REPS(0x08, k));
            expect_balance(vmm->guest, 10 - k, 0);
            for (unsigned i = 0; i < k; i++)
                assert_u64(back[i], 0x109 - i);
            if (way != IN_REGISTERS) /* which is zero up to the next 16 bytes */
                for (unsigned i = k; i < 10; i++)
                    assert_u64(back[i], 0xCCCCCCCCCCCCCCCC);
            assert_u64(take_from(way, root_vp, vmm->guest, 0, back, 10, k), REPS(0, 10));
            for (unsigned i = k; i < 10; i++)
                assert_u64(back[i], 0x109 - i);
            expect_balance(vmm->guest, 0, 0);
        }
}

static void an_op_that_cannot_yet_is_asked_again(void **state)
{
    static const uint64_t pages[5] = {1, 2, 3, 4, 5};
    uint64_t back[5];

    (void)state;
    for (enum way way = 0; way < WAYS; way++)
        for (unsigned k = 0; k < 5; k++) {
            fake_fail(vmm, FAKE_POOL, k, 0x78);
            assert_u64(put_list(way, root_vp, vmm->guest, pages, 5, 0), REPS(0x78, k));
            expect_balance(vmm->guest, k, 0);
            assert_u64(put_list(way, root_vp, vmm->guest, pages, 5, k), REPS(0, 5));
            fake_fail(vmm, FAKE_POOL, k, 0x78);
            assert_u64(take(way, root_vp, vmm->guest, back, 5), REPS(0x78, k));
            expect_balance(vmm->guest, 5 - k, 0);
            assert_u64(take_from(way, root_vp, vmm->guest, 0, back, 5, k), REPS(0, 5));
            assert_u64(back[4], 1);
            expect_balance(vmm->guest, 0, 0);
        }
}

static void long_lists_are_moved_in_steps_of_the_budget(void **state)
{
    uint64_t pages[509], back[512];
    unsigned start, steps;

    (void)state;
    for (unsigned i = 0; i < 509; i++)
        pages[i] = 0x7000 + 3 * i;
    for (enum way way = FROM_C; way <= IN_MEMORY; way++) {
        for (start = steps = 0; start < 448; start += 64, steps++)
            assert_u64(put_list(way, root_vp, vmm->guest, pages, 509, start),
                       REPS(0x78, start + 64));
        assert_u64(put_list(way, root_vp, vmm->guest, pages, 509, start), REPS(0, 509));
        assert_int_equal(steps, 7);
        expect_balance(vmm->guest, 509, 0);
        for (start = 0; start < 448; start += 64) {
            assert_u64(take_from(way, root_vp, vmm->guest, 0, back, 512, start),
                       REPS(0x78, start + 64));
            for (unsigned i = 0; i < 512; i++)
                assert_u64(back[i],
                           i >= start && i < start + 64 ? pages[508 - i] : 0xCCCCCCCCCCCCCCCC);
        }
        assert_u64(take_from(way, root_vp, vmm->guest, 0, back, 512, start), REPS(0x1D, 509));
        for (unsigned i = 448; i < 512; i++)
            assert_u64(back[i], i < 509 ? pages[508 - i] : 0xCCCCCCCCCCCCCCCC);
        expect_balance(vmm->guest, 0, 0);
    }
}

static uint16_t same_pool, other_pool;

static void ask_inside(struct fake_vmm *inside, const struct fake_event *event)
{
    uint64_t balance[2];

    if (event->op != FAKE_POOL)
        return;
    inside->reenter = NULL;
    same_pool = HvGetMemoryBalance(inside->guest, anywhere, &balance[0], &balance[1]);
    other_pool = HvGetMemoryBalance(inside->root, anywhere, &balance[0], &balance[1]);
}

static void a_pool_is_one_callers_at_a_time(void **state)
{
    (void)state;
    vmm->reenter = ask_inside;
    give(vmm->guest, 1);
    assert_status(same_pool, 0x78);
    assert_status(other_pool, 0x00);
    expect_balance(vmm->guest, 1, 0);
}

/* What is paid. */

static uint64_t payer; /* a child of the root */

static uint16_t create(void)
{
    return fake_create(vmm, vmm->root, &payer);
}

static uint16_t initialize(void)
{
    return HvInitializePartition(payer);
}

static uint16_t make_vp(void)
{
    return HvCreateVp(payer, anywhere, 0, 0);
}

static uint16_t map(void)
{
    uint32_t count = 1;
    return HvMapGpaPages(payer, 0, everything, &count, &(uint64_t){LE64(0x99)});
}

static uint16_t intercept(uint32_t leaf, uint32_t access)
{
    const HV_INTERCEPT_DESCRIPTOR descriptor = {2, {.CpuidIndex = leaf}};
    return HvInstallIntercept(payer, access, &descriptor);
}

static uint16_t install(void)
{
    return intercept(1, 0x4);
}

static void each_cost_is_charged_before_anything_happens(void **state)
{
    static const struct {
        uint16_t (*make)(void);
        unsigned cost;
        enum fake_op op;
    } things[] = {{create, CREATE, FAKE_PARTITION},
                  {initialize, INITIALIZE, FAKE_PARTITION},
                  {make_vp, VP, FAKE_VP},
                  {map, MAP, FAKE_MAP},
                  {install, INTERCEPT, FAKE_OPS}};
    unsigned used = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(things); i++) {
        const uint64_t pool = i == 0 ? vmm->root : payer;
        const unsigned cost = things[i].cost;

        fake_forget(vmm);
        for (unsigned k = 0; k < cost; k++) {
            assert_status(things[i].make(), 0x0B);
            expect_balance(pool, k, used);
            give(pool, 1);
        }
        if (things[i].op != FAKE_OPS) {
            assert_int_equal(vmm->count[things[i].op], 0);
            fake_fail(vmm, things[i].op, 0, 0x1D);
            assert_status(things[i].make(), 0x1D);
            expect_balance(pool, cost, used);
        }
        assert_status(things[i].make(), 0x00);
        used += cost;
        expect_balance(pool, 0, used);
        if (i == 0)
            used = 0;
    }
    /* Its end, in which nothing is lost. */
    assert_status(HvFinalizePartition(payer), 0x00);
    expect_balance(payer, used, 0);
    expect_balance(vmm->root, 0, CREATE);
    assert_status(HvDeletePartition(payer), 0x08);
    assert_int_equal(empty(payer), INITIALIZE + VP + MAP + INTERCEPT);
    assert_int_equal(empty(vmm->root), 0);
    assert_status(HvDeletePartition(payer), 0x00);
    expect_balance(vmm->root, CREATE, 0);
    assert_int_equal(empty(vmm->root), CREATE);
    for (int i = 0; i < FAKE_PAGES; i++)
        assert_false(vmm->pages[i].partition && vmm->pages[i].deposited);
}

static void a_deletion_that_fails_gives_nothing_back(void **state)
{
    (void)state;
    give(vmm->root, CREATE);
    assert_status(create(), 0x00);
    fake_fail(vmm, FAKE_PARTITION, 0, 0x08);
    assert_status(HvDeletePartition(payer), 0x08);
    expect_balance(vmm->root, 0, CREATE);
    assert_status(HvDeletePartition(payer), 0x00);
    expect_balance(vmm->root, CREATE, 0);
}

static void the_creator_pays_for_its_child(void **state)
{
    uint64_t grandchild, back[CREATE];

    (void)state;
    give(vmm->root, 50);
    assert_status(fake_create(vmm, vmm->guest, &grandchild), 0x0B);
    give(vmm->guest, CREATE);
    assert_status(fake_create(vmm, vmm->guest, &grandchild), 0x00);
    expect_balance(vmm->guest, 0, CREATE);
    expect_balance(vmm->root, 50, 0);
    assert_u64(take(FROM_C, root_vp, vmm->guest, back, 1), 0x1D);
    assert_status(fake_call_on(vmm, vmm->guest, 0x43, grandchild), 0x00);
    assert_u64(take(FROM_C, root_vp, vmm->guest, back, 2), REPS(0, 2));
}

static void what_ends_gives_its_pages_back_at_once(void **state)
{
    uint32_t count = 1;

    (void)state;
    payer = vmm->guest;
    give(payer, 20);
    assert_status(HvCreateVp(payer, anywhere, 1, 0), 0x00);
    expect_balance(payer, 15, 5);
    fake_fail(vmm, FAKE_VP, 0, 0x78);
    assert_status(HvDeleteVp(payer, 1), 0x78);
    expect_balance(payer, 15, 5);
    assert_status(HvDeleteVp(payer, 1), 0x00);
    expect_balance(payer, 20, 0);
    assert_status(map(), 0x00);
    expect_balance(payer, 19, 1);
    assert_status(HvUnmapGpaPages(payer, 0, &count), 0x00);
    expect_balance(payer, 20, 0);
    assert_status(intercept(1, 0x4), 0x00);
    assert_status(intercept(1, 0x4), 0x00); /* the same one */
    assert_status(intercept(2, 0x4), 0x00);
    expect_balance(payer, 12, 8);
    assert_status(intercept(2, 0), 0x00);
    assert_status(intercept(2, 0), 0x00);
    expect_balance(payer, 16, 4);
}

/* They are the first that were deposited. */
static void pages_in_use_cannot_be_withdrawn(void **state)
{
    uint64_t back[VP + 2];

    (void)state;
    payer = vmm->guest;
    assert_u64(put(FROM_C, root_vp, payer, 0x100, VP + 2), REPS(0, VP + 2));
    assert_status(HvCreateVp(payer, anywhere, 1, 0), 0x00);
    for (enum way way = 0; way < WAYS; way++) {
        assert_u64(take(way, root_vp, payer, back, VP + 2), REPS(0x1D, 2));
        assert_u64(back[0], 0x101 + VP);
        assert_u64(back[1], 0x100 + VP);
        expect_balance(payer, 0, VP);
        assert_u64(put(way, root_vp, payer, 0x100 + VP, 2), REPS(0, 2));
    }
    assert_status(HvDeleteVp(payer, 1), 0x00);
    assert_int_equal(empty(payer), VP + 2);
}

/* Creates and initializes a child with all that the two take, and one VP. */
static void expect_prices(const struct hvemu_config *config, unsigned create_price,
                          unsigned initialize_price, unsigned vp_price)
{
    begin(config, NULL);
    give(vmm->root, create_price);
    assert_status(create(), 0x00);
    expect_balance(vmm->root, 0, create_price);
    give(payer, initialize_price);
    assert_status(initialize(), 0x00);
    expect_balance(payer, 0, initialize_price);
    give(payer, vp_price);
    assert_status(make_vp(), 0x00);
    expect_balance(payer, 0, initialize_price + vp_price);
    end();
}

static void costs_have_defaults_and_can_be_none(void **state)
{
    struct hvemu_config config = {.size = sizeof config, .pages = 300};

    (void)state;
    expect_prices(&config, 1, 200, 90);
    config.create_cost = config.initialize_cost = config.vp_cost = HVEMU_NO_COST;
    expect_prices(&config, 0, 0, 0);
    config.create_cost = 7;
    config.vp_cost = 300;
    expect_prices(&config, 7, 0, 300);
}

static void a_successor_begins_with_an_empty_pool(void **state)
{
    struct hvemu_config config = small_costs;

    (void)state;
    config.partitions = 3;
    begin(&config, NULL);
    give(vmm->root, CREATE);
    for (int i = 0; i < 3; i++) {
        assert_status(create(), 0x00);
        expect_balance(payer, 0, 0);
        assert_status(initialize(), 0x0B);
        give(payer, 20);
        assert_status(initialize(), 0x00);
        assert_status(make_vp(), 0x00);
        assert_status(map(), 0x00);
        expect_balance(payer, 11, 9);
        assert_status(HvFinalizePartition(payer), 0x00);
        assert_int_equal(empty(payer), 20);
        assert_status(HvDeletePartition(payer), 0x00);
    }
    end();
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_WORLD(pages_come_back_once_each),
        IN_WORLD(the_functions_do_what_the_calls_do),
        IN_WORLD(the_functions_refuse_what_cannot_be_a_list),
        IN_WORLD(deposit_asks_the_op_for_each_page),
        cmocka_unit_test(without_a_pool_op_no_page_can_be_deposited),
        IN_WORLD(a_page_outside_the_gpa_space_is_not_there),
        IN_WORLD(each_pool_has_its_own_pages),
        IN_WORLD(deposit_beyond_the_capacity_is_refused),
        cmocka_unit_test(without_pools_nothing_costs_and_nothing_is_deposited),
        IN_WORLD(pool_calls_need_both_privileges),
        IN_WORLD(a_pool_is_its_parents_and_the_roots_own),
        IN_WORLD(pool_calls_by_state),
        IN_WORLD(impossible_proximity_information_is_refused),
        IN_WORLD(a_list_that_fails_keeps_what_came_before),
        IN_WORLD(an_op_that_cannot_yet_is_asked_again),
        IN_WORLD(long_lists_are_moved_in_steps_of_the_budget),
        IN_WORLD(a_pool_is_one_callers_at_a_time),
        IN_WORLD(each_cost_is_charged_before_anything_happens),
        IN_WORLD(a_deletion_that_fails_gives_nothing_back),
        IN_WORLD(the_creator_pays_for_its_child),
        IN_WORLD(what_ends_gives_its_pages_back_at_once),
        IN_WORLD(pages_in_use_cannot_be_withdrawn),
        cmocka_unit_test(costs_have_defaults_and_can_be_none),
        cmocka_unit_test(a_successor_begins_with_an_empty_pool),
    };

    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
