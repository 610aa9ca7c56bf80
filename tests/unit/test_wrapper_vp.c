/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The TLFS' own functions about a partition's properties, memory, intercepts and processors: that
 * each argument gets to its place in the call, what is refused, and what is written back: results
 * only if the call succeeds, the number of completed elements always. */

#include "fake_vmm.h"

#include <stdlib.h>
#include <string.h>
#include <sys/endian.h>

enum { CALLS = 4, LIST = 4096, NOBODY = 99 };

/* What filter and trace saw of the calls since the last begin(). */
static struct {
    unsigned calls, traced;
    uint64_t control[CALLS], caller, target;
    uint16_t status, reps;
} seen;

static const HV_PROXIMITY_DOMAIN_INFO anywhere;
static const HV_ACCESS_GPA_CONTROL_FLAGS write_back = {.AsUINT64 = 0x06};
static struct hvemu_caller as_root, as_guest;
static struct fake_vmm *vmm;
static uint64_t guest;

static int filter(void *ctx, const struct hvemu_invocation *invocation)
{
    (void)ctx;
    if (seen.calls < CALLS)
        seen.control[seen.calls] = invocation->control;
    seen.calls++;
    seen.caller = invocation->caller;
    seen.target = invocation->target;
    return 0;
}

static void trace(void *ctx, const struct hvemu_invocation *invocation, uint16_t status,
                  uint16_t reps)
{
    (void)ctx, (void)invocation;
    seen.traced++;
    seen.status = status;
    seen.reps = reps;
}

/* An instance with pools, from which only a processor takes anything: three pages. */
static void make(uint32_t budget)
{
    const struct hvemu_config config = {
        .size = sizeof config,
        .rep_budget = budget,
        .pages = 1024,
        .create_cost = HVEMU_NO_COST,
        .initialize_cost = HVEMU_NO_COST,
        .vp_cost = 3,
        .map_cost = HVEMU_NO_COST,
        .intercept_cost = HVEMU_NO_COST,
    };
    struct hvemu_ops ops = fake_ops;

    ops.filter = filter;
    ops.trace = trace;
    vmm = fake_new(&config, &ops);
    fake_add_guest(vmm, HV_PRIVILEGE_ALL);
    guest = vmm->guest;
    as_root = (struct hvemu_caller){.hv = vmm->hv, .partition = vmm->root};
    as_guest = (struct hvemu_caller){.hv = vmm->hv, .partition = guest};
    hvemu_attach(&as_root);
    memset(&seen, 0, sizeof seen);
}

static void unmake(void)
{
    hvemu_attach(NULL);
    fake_free(vmm);
}

static int setup(void **state)
{
    make(0);
    *state = vmm;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unmake();
    return 0;
}

static void begin(void)
{
    memset(&seen, 0, sizeof seen);
    fake_forget(vmm);
}

/* Since begin() there was one call: this one, by the root, about the guest, and so it ended. */
static void expect_call(uint64_t control, uint16_t status, uint16_t reps)
{
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.traced, 1);
    assert_u64(seen.control[0], control);
    assert_u64(seen.caller, vmm->root);
    assert_u64(seen.target, guest);
    assert_status(seen.status, status);
    assert_int_equal(seen.reps, reps);
}

/* The i-th op since begin(). */
static void expect_op(unsigned i, enum fake_op op, uint64_t gpa, uint64_t destination,
                      uint32_t vector)
{
    assert_true(i < vmm->logged);
    assert_int_equal(vmm->log[i].op, op);
    assert_u64(vmm->log[i].gpa, gpa);
    assert_u64(vmm->log[i].destination, destination);
    assert_u64(vmm->log[i].vector, vector);
}

/* A list of 64-bit numbers from `first` on, as guest memory has it. */
static const uint64_t *numbers(uint64_t first)
{
    static uint64_t list[LIST];

    for (uint64_t i = 0; i < LIST; i++)
        list[i] = LE64(first + i);
    return list;
}

static void deposit(uint32_t count)
{
    uint32_t done = count;

    assert_status(HvDepositMemory(guest, &done, numbers(0x100)), 0x00);
    assert_int_equal(done, count);
    begin();
}

/* Calls each function on `id` with arguments that would do on the guest. */
static void expect_all_refused(uint64_t id, uint16_t status)
{
    const HV_REGISTER_NAME names[2] = {0x00020000, 0x00020001};
    const HV_GPA_MAPPING pairs[2] = {{0x10, 0x20}, {0x11, 0x21}};
    const HV_INTERCEPT_DESCRIPTOR port = {.Type = 0x00, .Parameters.IoPort = 0x60};
    const uint64_t pages[2] = {0x500, 0x501};
    HV_TRANSLATE_GVA_RESULT translated = {.AsUINT64 = 0x5A5A};
    HV_ACCESS_GPA_RESULT accessed = {.AsUINT64 = 0x5A5A};
    HV_REGISTER_VALUE values[2];
    uint64_t out[2] = {0x5A5A, 0x5A5A};
    uint8_t data[16], untouched[sizeof values];
    uint32_t count[7] = {2, 2, 2, 2, 2, 2, 2};

    memset(values, 0x5A, sizeof values);
    memset(data, 0x5A, sizeof data);
    memset(untouched, 0x5A, sizeof untouched);
    assert_status(HvGetPartitionProperty(id, 0x00020003, out), status);
    assert_status(HvSetPartitionProperty(id, 0x00020003, 50), status);
    assert_status(HvGetNextChildPartition(id, 0, out), status);
    assert_status(HvDepositMemory(id, &count[0], pages), status);
    assert_status(HvWithdrawMemory(id, anywhere, &count[1], out), status);
    assert_status(HvGetMemoryBalance(id, anywhere, &out[0], &out[1]), status);
    assert_status(HvMapGpaPages(id, 0x10, 0x0F, &count[2], pages), status);
    assert_status(HvUnmapGpaPages(id, 0x10, &count[3]), status);
    assert_status(HvMapSparseGpaPages(id, 0x0F, &count[4], pairs), status);
    assert_status(HvInstallIntercept(id, 0x03, &port), status);
    assert_status(HvCreateVp(id, anywhere, 1, 0), status);
    assert_status(HvDeleteVp(id, 0), status);
    assert_status(HvGetVpRegisters(id, 0, &count[5], names, values), status);
    assert_status(HvSetVpRegisters(id, 0, &count[6], names, values), status);
    assert_status(HvTranslateVirtualAddress(id, 0, 0x01, 0x10, &translated, out), status);
    assert_status(HvReadGpa(id, 0, 0x1000, 8, write_back, &accessed, data), status);
    assert_status(HvWriteGpa(id, 0, 0x1000, 8, write_back, data, &accessed), status);
    for (int i = 0; i < 7; i++)
        assert_int_equal(count[i], 0);
    assert_u64(out[0], 0x5A5A);
    assert_u64(out[1], 0x5A5A);
    assert_u64(translated.AsUINT64, 0x5A5A);
    assert_u64(accessed.AsUINT64, 0x5A5A);
    assert_memory_equal(values, untouched, sizeof values);
    assert_memory_equal(data, untouched, sizeof data);
}

static void whoever_may_not_call_gets_nothing_and_completes_nothing(void **state)
{
    uint64_t sibling = fake_child(vmm, vmm->root);

    (void)state;
    begin();
    hvemu_attach(NULL);
    expect_all_refused(guest, 0x06);
    expect_all_refused(0, 0x06);
    hvemu_attach(&as_guest);
    expect_all_refused(sibling, 0x06);
    expect_all_refused(vmm->root, 0x06);
    hvemu_attach(&as_root);
    expect_all_refused(NOBODY, 0x0D);
    expect_all_refused(0, 0x0D);
    assert_int_equal(vmm->logged, 0);
    assert_int_equal(seen.calls, 0);
}

static unsigned inside;

static void call_inside(struct fake_vmm *v, const struct fake_event *event)
{
    (void)event;
    v->reenter = NULL;
    expect_all_refused(guest, 0x78);
    inside++;
}

static void a_function_inside_another_on_the_same_partition_is_to_be_called_again(void **state)
{
    uint32_t count = 1;

    (void)state;
    inside = 0;
    vmm->reenter = call_inside;
    assert_status(HvMapGpaPages(guest, 0x10, 0x0F, &count, numbers(0x20)), 0x00);
    assert_int_equal(inside, 1);
    assert_int_equal(vmm->logged, 1);
    assert_int_equal(seen.calls, 1);
}

static void null_is_refused_and_completes_nothing(void **state)
{
    const HV_REGISTER_NAME name = 0x00020000;
    HV_TRANSLATE_GVA_RESULT translated = {.AsUINT64 = 0x5A5A};
    HV_ACCESS_GPA_RESULT accessed = {.AsUINT64 = 0x5A5A};
    HV_REGISTER_VALUE value;
    uint64_t out = 0x5A5A;
    uint8_t data[16], untouched[16];
    uint32_t count[8] = {1, 1, 1, 1, 1, 1, 1, 1};

    (void)state;
    memset(&value, 0x5A, sizeof value);
    memset(data, 0x5A, sizeof data);
    memset(untouched, 0x5A, sizeof untouched);
    deposit(4);
    assert_status(HvGetPartitionProperty(guest, 0x00020003, NULL), 0x05);
    assert_status(HvGetNextChildPartition(vmm->root, 0, NULL), 0x05);
    assert_status(HvDepositMemory(guest, NULL, numbers(0x500)), 0x05);
    assert_status(HvDepositMemory(guest, &count[0], NULL), 0x05);
    assert_status(HvWithdrawMemory(guest, anywhere, NULL, &out), 0x05);
    assert_status(HvWithdrawMemory(guest, anywhere, &count[1], NULL), 0x05);
    assert_status(HvGetMemoryBalance(guest, anywhere, NULL, &out), 0x05);
    assert_status(HvGetMemoryBalance(guest, anywhere, &out, NULL), 0x05);
    assert_status(HvMapGpaPages(guest, 0x10, 0x0F, NULL, numbers(0x20)), 0x05);
    assert_status(HvMapGpaPages(guest, 0x10, 0x0F, &count[2], NULL), 0x05);
    assert_status(HvUnmapGpaPages(guest, 0x10, NULL), 0x05);
    assert_status(HvMapSparseGpaPages(guest, 0x0F, NULL, (HV_GPA_MAPPING[1]){{1, 2}}), 0x05);
    assert_status(HvMapSparseGpaPages(guest, 0x0F, &count[3], NULL), 0x05);
    assert_status(HvInstallIntercept(guest, 0x03, NULL), 0x05);
    assert_status(HvGetVpRegisters(guest, 0, NULL, &name, &value), 0x05);
    assert_status(HvGetVpRegisters(guest, 0, &count[4], NULL, &value), 0x05);
    assert_status(HvGetVpRegisters(guest, 0, &count[5], &name, NULL), 0x05);
    assert_status(HvSetVpRegisters(guest, 0, NULL, &name, &value), 0x05);
    assert_status(HvSetVpRegisters(guest, 0, &count[6], NULL, &value), 0x05);
    assert_status(HvSetVpRegisters(guest, 0, &count[7], &name, NULL), 0x05);
    assert_status(HvTranslateVirtualAddress(guest, 0, 0x01, 0x10, NULL, &out), 0x05);
    assert_status(HvTranslateVirtualAddress(guest, 0, 0x01, 0x10, &translated, NULL), 0x05);
    assert_status(HvReadGpa(guest, 0, 0x1000, 8, write_back, NULL, data), 0x05);
    assert_status(HvReadGpa(guest, 0, 0x1000, 8, write_back, &accessed, NULL), 0x05);
    assert_status(HvWriteGpa(guest, 0, 0x1000, 8, write_back, NULL, &accessed), 0x05);
    assert_status(HvWriteGpa(guest, 0, 0x1000, 8, write_back, data, NULL), 0x05);
    for (int i = 0; i < 8; i++)
        assert_int_equal(count[i], 0);
    assert_u64(out, 0x5A5A);
    assert_u64(translated.AsUINT64, 0x5A5A);
    assert_u64(accessed.AsUINT64, 0x5A5A);
    assert_memory_equal(data, untouched, sizeof data);
    assert_memory_equal(&value, untouched, sizeof value);
    assert_int_equal(vmm->logged, 0);
    assert_int_equal(seen.calls, 0);
}

/* Each function's arguments. */

static void properties_go_by_code(void **state)
{
    uint64_t value = 0x5A5A;

    (void)state;
    begin();
    assert_status(HvSetPartitionProperty(guest, 0xF1234567, 0x1122334455667788), 0x00);
    expect_call(0x45, 0x00, 0);
    expect_op(0, FAKE_PROPERTY, 0xF1234567, 0, 1);
    assert_u64(vmm->log[0].partition, guest);
    assert_u64(vmm->log[0].value[0], 0x1122334455667788);
    begin();
    assert_status(HvGetPartitionProperty(guest, 0xF1234568, &value), 0x09);
    expect_call(0x44, 0x09, 0);
    assert_u64(value, 0x5A5A);
    begin();
    assert_status(HvGetPartitionProperty(guest, 0xF1234567, &value), 0x00);
    expect_call(0x44, 0x00, 0);
    expect_op(0, FAKE_PROPERTY, 0xF1234567, 0, 0);
    assert_u64(value, 0x1122334455667788);
}

static void the_next_child_is_one_of_the_first_argument_after_the_second(void **state)
{
    const uint64_t second = fake_child(vmm, vmm->root), grandchild = fake_child(vmm, guest);
    uint64_t id = 0x5A5A;

    (void)state;
    assert_status(HvGetNextChildPartition(vmm->root, 0, &id), 0x00);
    assert_u64(id, guest);
    assert_status(HvGetNextChildPartition(vmm->root, guest, &id), 0x00);
    assert_u64(id, second);
    assert_status(HvGetNextChildPartition(vmm->root, second, &id), 0x00);
    assert_u64(id, 0);
    begin();
    assert_status(HvGetNextChildPartition(guest, 0, &id), 0x00);
    expect_call(0x47, 0x00, 0);
    assert_u64(id, grandchild);
    assert_status(HvGetNextChildPartition(guest, second, &id), 0x0D);
    assert_u64(id, grandchild);
}

static void deposited_pages_come_back_and_are_counted(void **state)
{
    static const uint64_t pages[5] = {LE64(0x700), LE64(0x123456789), LE64(0x300),
                                      LE64(0xFFFFFFFFFF), LE64(0x800)};
    uint64_t back[6], available = 0x5A5A, used = 0x5A5A;
    uint32_t count = 5;

    (void)state;
    begin();
    assert_status(HvDepositMemory(guest, &count, pages), 0x00);
    assert_int_equal(count, 5);
    expect_call(0x500000048, 0x00, 5);
    for (unsigned i = 0; i < 5; i++) {
        expect_op(i, FAKE_POOL, LE64(pages[i]), 0, 1);
        assert_u64(vmm->log[i].partition, vmm->root);
    }
    assert_status(HvCreateVp(guest, anywhere, 1, 0), 0x00);
    begin();
    assert_status(HvGetMemoryBalance(guest, anywhere, &available, &used), 0x00);
    expect_call(0x4A, 0x00, 0);
    assert_u64(available, 2);
    assert_u64(used, 3);
    memset(back, 0x5A, sizeof back);
    count = 3; /* one more than can be had */
    begin();
    assert_status(HvWithdrawMemory(guest, anywhere, &count, back + 1), 0x1D);
    assert_int_equal(count, 2);
    expect_call(0x300000049, 0x1D, 2);
    expect_op(0, FAKE_POOL, LE64(back[1]), 0, 0);
    expect_op(1, FAKE_POOL, LE64(back[2]), 0, 0);
    assert_u64(back[1], LE64(0x800));
    assert_u64(back[2], LE64(0xFFFFFFFFFF));
    assert_u64(back[0], 0x5A5A5A5A5A5A5A5A);
    assert_u64(back[3], 0x5A5A5A5A5A5A5A5A);
}

static void a_deposit_that_fails_keeps_what_came_before(void **state)
{
    uint64_t available = 0, used = 0;
    uint32_t count = 5;

    (void)state;
    fake_fail(vmm, FAKE_POOL, 3, 0x19);
    assert_status(HvDepositMemory(guest, &count, numbers(0x100)), 0x19);
    assert_int_equal(count, 3);
    assert_status(HvGetMemoryBalance(guest, anywhere, &available, &used), 0x00);
    assert_u64(available, 3);
    assert_u64(used, 0);
}

/* The ID is the low half of the block's 64 bits, the flags the high one: with both exchanged, or
 * one of them elsewhere, the call would judge otherwise. */
static void proximity_domains_are_judged_as_given(void **state)
{
    static const struct {
        HV_PROXIMITY_DOMAIN_INFO info;
        uint16_t status;
    } cases[] = {{{63, {0x80000001}}, 0x00},
                 {{64, {0x80000001}}, 0x05},
                 {{64, {0x00000001}}, 0x00},
                 {{0, {0x00000002}}, 0x05},
                 {{2, {0x00000000}}, 0x00}};
    uint64_t available, used, page;

    (void)state;
    deposit(16);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int good = cases[i].status == 0;
        uint32_t count = 1;

        available = used = page = 0x5A5A;
        assert_status(HvWithdrawMemory(guest, cases[i].info, &count, &page), cases[i].status);
        assert_int_equal(count, good ? 1 : 0);
        assert_int_equal(page != 0x5A5A, good);
        assert_status(HvGetMemoryBalance(guest, cases[i].info, &available, &used), cases[i].status);
        assert_int_equal(available != 0x5A5A, good);
        assert_int_equal(used != 0x5A5A, good);
        begin();
        assert_status(HvCreateVp(guest, cases[i].info, (HV_VP_INDEX)i + 1, 0), cases[i].status);
        expect_call(0x4E, cases[i].status, 0);
    }
}

static void pages_are_mapped_where_and_as_told(void **state)
{
    static const uint64_t sources[3] = {LE64(0x900), LE64(0xFFFFFFFFFF), LE64(0x123)};
    static const HV_GPA_MAPPING pairs[2] = {{LE64(0x123456789), LE64(0x77)},
                                            {LE64(0x10), LE64(0x987654321)}};
    uint32_t count = 3;

    (void)state;
    begin();
    assert_status(HvMapGpaPages(guest, 0x123456000, 0x0000000D, &count, sources), 0x00);
    assert_int_equal(count, 3);
    expect_call(0x30000004B, 0x00, 3);
    for (unsigned i = 0; i < 3; i++) {
        expect_op(i, FAKE_MAP, 0x123456000 + i, LE64(sources[i]), HVEMU_MAP);
        assert_u64(vmm->log[i].partition, guest);
        assert_u64(vmm->log[i].value[0], 0x0D);
    }
    begin();
    count = 2;
    assert_status(HvMapSparseGpaPages(guest, 0x10200003, &count, pairs), 0x00);
    assert_int_equal(count, 2);
    expect_call(0x20000006E, 0x00, 2);
    for (unsigned i = 0; i < 2; i++) {
        expect_op(i, FAKE_MAP, LE64(pairs[i].TargetGpaPageNumber),
                  LE64(pairs[i].SourceGpaPageNumber), HVEMU_MAP);
        assert_u64(vmm->log[i].value[0], 0x10200003);
    }
    begin();
    count = 3;
    assert_status(HvUnmapGpaPages(guest, 0x123456000, &count), 0x00);
    assert_int_equal(count, 3);
    expect_call(0x30000004C, 0x00, 3);
    for (unsigned i = 0; i < 3; i++)
        expect_op(i, FAKE_MAP, 0x123456000 + i, 0, HVEMU_UNMAP);
    assert_int_equal(vmm->logged, 3);
}

static void a_failing_page_ends_the_list(void **state)
{
    static const HV_GPA_MAPPING pairs[3] = {
        {LE64(0x10), LE64(0x20)}, {LE64(0x11), LE64(0x21)}, {LE64(0x12), LE64(0x22)}};
    uint32_t count = 3;

    (void)state;
    fake_fail(vmm, FAKE_MAP, 1, 0x19);
    assert_status(HvMapGpaPages(guest, 0x10, 0x0F, &count, numbers(0x20)), 0x19);
    assert_int_equal(count, 1);
    count = 3;
    fake_fail(vmm, FAKE_MAP, 2, 0x08);
    assert_status(HvMapSparseGpaPages(guest, 0x0F, &count, pairs), 0x08);
    assert_int_equal(count, 2);
    count = 3;
    fake_fail(vmm, FAKE_MAP, 0, 0x19);
    assert_status(HvUnmapGpaPages(guest, 0x10, &count), 0x19);
    assert_int_equal(count, 0);
    count = 3;
    fake_fail(vmm, FAKE_MAP, 2, 0x78);
    assert_status(HvUnmapGpaPages(guest, 0x10, &count), 0x78);
    assert_int_equal(count, 2);
}

static void an_intercept_has_type_parameter_and_access(void **state)
{
    static const struct {
        HV_INTERCEPT_DESCRIPTOR what;
        uint32_t access, parameter;
    } cases[] = {{{0x00, {.IoPort = 0x03F8}}, 0x02, 0x03F8},
                 {{0x02, {.CpuidIndex = 0x80000008}}, 0x04, 0x80000008},
                 {{0x03, {.ExceptionVector = 0x0E}}, 0x04, 0x0E}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        begin();
        assert_status(HvInstallIntercept(guest, cases[i].access, &cases[i].what), 0x00);
        expect_call(0x4D, 0x00, 0);
        for (size_t j = 0; j < 3; j++)
            assert_u64(hvemu_intercept(vmm->hv, guest, cases[j].what.Type, cases[j].parameter),
                       j <= i ? cases[j].access : 0);
    }
}

static void a_processor_is_made_and_ends_by_its_index(void **state)
{
    static const HV_PROXIMITY_DOMAIN_INFO info = {0x21, {0x80000000}};
    const uint8_t block[40] = {(uint8_t)guest, [8] = 7, [24] = 0x21, [31] = 0x80};

    (void)state;
    deposit(16);
    memset(vmm->block, 0x5A, sizeof vmm->block);
    assert_status(HvCreateVp(guest, info, 7, 0), 0x00);
    expect_call(0x4E, 0x00, 0);
    expect_op(0, FAKE_VP, HVEMU_VP_CREATED, 7, 0);
    assert_memory_equal(vmm->block, block, sizeof block);
    assert_status(HvCreateVp(guest, info, 7, 0), 0x0E);
    assert_status(HvCreateVp(guest, info, 8, 0x1), 0x05);
    assert_status(HvCreateVp(guest, info, 8, 0x8000000000000000), 0x05);
    assert_status(HvCreateVp(guest, info, 0x80000008, 0), 0x0E);
    begin();
    assert_status(HvDeleteVp(guest, 7), 0x00);
    expect_call(0x4F, 0x00, 0);
    expect_op(0, FAKE_VP, HVEMU_VP_DELETED, 7, 0);
    assert_status(HvDeleteVp(guest, 7), 0x0E);
    assert_status(HvDeleteVp(guest, 0x80000000), 0x0E);
}

static void registers_are_read_into_their_places(void **state)
{
    static const HV_REGISTER_NAME names[3] = {LE32(0x00020003), LE32(0x000A0001), LE32(0x00020000)};
    HV_REGISTER_VALUE values[5];
    uint64_t *first = fake_register(vmm, guest, 0, LE32(names[0]));
    uint32_t count = 3;

    (void)state;
    first[0] = 0x1122334455667788;
    first[1] = 0x99AABBCCDDEEFF00;
    fake_register(vmm, guest, 0, LE32(names[2]))[0] = 0x42;
    memset(values, 0x5A, sizeof values);
    begin();
    assert_status(HvGetVpRegisters(guest, 0, &count, names, values + 1), 0x00);
    assert_int_equal(count, 3);
    expect_call(0x300000050, 0x00, 3);
    for (unsigned i = 0; i < 3; i++)
        expect_op(i, FAKE_VP_GET, LE32(names[i]), 0, 0);
    assert_u64(values[1].AsUINT64[0], LE64(0x1122334455667788));
    assert_u64(values[1].AsUINT64[1], LE64(0x99AABBCCDDEEFF00));
    assert_u64(values[2].AsUINT64[0], 0);
    assert_u64(values[2].AsUINT64[1], 0);
    assert_u64(values[3].AsUINT64[0], LE64(0x42));
    assert_u64(values[3].AsUINT64[1], 0);
    assert_u64(values[0].AsUINT64[1], 0x5A5A5A5A5A5A5A5A);
    assert_u64(values[4].AsUINT64[0], 0x5A5A5A5A5A5A5A5A);
    count = 3;
    memset(values, 0x5A, sizeof values);
    fake_fail(vmm, FAKE_VP_GET, 1, 0x05);
    assert_status(HvGetVpRegisters(guest, 0, &count, names, values), 0x05);
    assert_int_equal(count, 1);
    assert_u64(values[0].AsUINT64[0], LE64(0x1122334455667788));
    assert_u64(values[1].AsUINT64[0], 0x5A5A5A5A5A5A5A5A);
    count = 1;
    assert_status(HvGetVpRegisters(guest, 1, &count, names, values), 0x0E);
    assert_int_equal(count, 0);
}

enum { MANY = 65 };

/* Names and values that tell each other; the fake has room for the names. */
static void fill(HV_REGISTER_NAME *names, HV_REGISTER_VALUE *values, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        names[i] = LE32(0x00020000 + i % 32);
        values[i].AsUINT64[0] = LE64(0x1111000000000000 + i);
        values[i].AsUINT64[1] = LE64(0x2222000000000000 + i);
    }
}

static void registers_are_written_in_the_order_of_the_list(void **state)
{
    HV_REGISTER_NAME names[MANY];
    HV_REGISTER_VALUE values[MANY];
    uint32_t count = MANY;

    (void)state;
    fill(names, values, MANY);
    begin();
    assert_status(HvSetVpRegisters(guest, 0, &count, names, values), 0x00);
    assert_int_equal(count, MANY);
    assert_u64(seen.control[0] & 0xFFFF, 0x51);
    assert_u64(seen.target, guest);
    assert_int_equal(vmm->logged, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        expect_op(i, FAKE_VP_SET, LE32(names[i]), 0, 0);
        assert_u64(vmm->log[i].value[0], LE64(values[i].AsUINT64[0]));
        assert_u64(vmm->log[i].value[1], LE64(values[i].AsUINT64[1]));
    }
    for (unsigned k = 0; k < MANY; k++) {
        begin();
        count = MANY;
        fake_fail(vmm, FAKE_VP_SET, k, k % 2 ? 0x78 : 0x50);
        assert_status(HvSetVpRegisters(guest, 0, &count, names, values), k % 2 ? 0x78 : 0x50);
        assert_int_equal(count, k);
        assert_int_equal(vmm->logged, k + 1);
    }
    begin();
    count = 1;
    assert_status(HvSetVpRegisters(guest, 1, &count, names, values), 0x0E);
    assert_int_equal(count, 0);
    assert_int_equal(vmm->logged, 0);
}

/* Without paging an address is its own. */
static void a_translation_has_its_flags_and_page(void **state)
{
    HV_TRANSLATE_GVA_RESULT result = {.AsUINT64 = 0x5A5A};
    uint64_t page = 0x5A5A;
    HV_REGISTER_NAME suspend = LE32(0x00000001);
    HV_REGISTER_VALUE value;
    uint32_t count = 1;

    (void)state;
    assert_status(HvTranslateVirtualAddress(guest, 0, 0x00, 0x12345, &result, &page), 0x05);
    assert_status(HvTranslateVirtualAddress(guest, 0, 0x0080000000000001, 1, &result, &page), 0x05);
    assert_status(HvTranslateVirtualAddress(guest, 0, 0x1100000000000001, 1, &result, &page), 0x51);
    assert_status(HvTranslateVirtualAddress(guest, 1, 0x01, 0x12345, &result, &page), 0x0E);
    fake_fail(vmm, FAKE_VP_GET, 0, 0x78);
    assert_status(HvTranslateVirtualAddress(guest, 0, 0x01, 0x12345, &result, &page), 0x78);
    assert_u64(result.AsUINT64, 0x5A5A);
    assert_u64(page, 0x5A5A);
    begin();
    assert_status(HvTranslateVirtualAddress(guest, 0, 0x21, 0x12345, &result, &page), 0x00);
    expect_call(0x52, 0x00, 0);
    assert_u64(result.AsUINT64, 0x0000000600000000);
    assert_u64(page, 0x12345);
    assert_status(HvGetVpRegisters(guest, 0, &count, &suspend, &value), 0x00);
    assert_u64(value.AsUINT64[0], LE64(0x02)); /* the translation cache is held */
}

static void memory_is_read_to_sixteen_bytes(void **state)
{
    static const HV_ACCESS_GPA_CONTROL_FLAGS reserved = {.AsUINT64 = 0x10006},
                                             level = {.AsUINT64 = 0x1106};
    HV_ACCESS_GPA_RESULT result = {.AsUINT64 = 0x5A5A};
    uint8_t *data = malloc(16), want[16] = {0};

    (void)state;
    assert_non_null(data);
    memset(data, 0x5A, 16);
    assert_status(HvReadGpa(guest, 0, 0x1234, 0, write_back, &result, data), 0x05);
    assert_status(HvReadGpa(guest, 0, 0x1234, 17, write_back, &result, data), 0x05);
    assert_status(HvReadGpa(guest, 0, 0x1234, 0x80000001, write_back, &result, data), 0x05);
    assert_status(HvReadGpa(guest, 0, 0x1FF9, 8, write_back, &result, data), 0x05);
    assert_status(HvReadGpa(guest, 0, 0x1234, 5, reserved, &result, data), 0x05);
    assert_status(HvReadGpa(guest, 0, 0x1234, 5, level, &result, data), 0x51);
    assert_status(HvReadGpa(guest, 1, 0x1234, 5, write_back, &result, data), 0x0E);
    fake_fail(vmm, FAKE_GPA_READ, 0, HVEMU_MEM_FAILED);
    assert_status(HvReadGpa(guest, 0, 0x1234, 5, write_back, &result, data), 0x71);
    assert_u64(result.AsUINT64, 0x5A5A);
    for (int i = 0; i < 16; i++)
        assert_int_equal(data[i], 0x5A);

    memcpy(vmm->ram + 0x1234, "\1\2\3\4\5\6", 6);
    memcpy(want, "\1\2\3\4\5", 5);
    begin();
    assert_status(HvReadGpa(guest, 0, 0x1234, 5, write_back, &result, data), 0x00);
    expect_call(0x53, 0x00, 0);
    expect_op(0, FAKE_GPA_READ, 0x1234, 0, 5);
    assert_u64(vmm->log[0].partition, guest);
    assert_u64(result.AsUINT64, 0x00);
    assert_memory_equal(data, want, 16);

    memset(data, 0x5A, 16);
    memset(want, 0, sizeof want);
    assert_status(HvReadGpa(guest, 0, 0xFFFFFFFFFFFF0, 16, write_back, &result, data), 0x00);
    assert_u64(result.AsUINT64, 0x01); /* the access failed, the call did not */
    assert_memory_equal(data, want, 16);
    free(data);
}

static void memory_is_written_from_as_many_bytes_as_told(void **state)
{
    static const HV_ACCESS_GPA_CONTROL_FLAGS reserved = {.AsUINT64 = 0x10006},
                                             level = {.AsUINT64 = 0x1106};
    HV_ACCESS_GPA_RESULT result = {.AsUINT64 = 0x5A5A};
    uint8_t *data = malloc(5), all[17];

    (void)state;
    assert_non_null(data);
    memcpy(data, "\1\2\3\4\5", 5);
    memset(all, 0xE7, sizeof all);
    assert_status(HvWriteGpa(guest, 0, 0x1234, 0, write_back, data, &result), 0x05);
    assert_status(HvWriteGpa(guest, 0, 0x1234, 17, write_back, all, &result), 0x05);
    assert_status(HvWriteGpa(guest, 0, 0x1234, 0x80000001, write_back, all, &result), 0x05);
    assert_status(HvWriteGpa(guest, 0, 0x1FFC, 5, write_back, data, &result), 0x05);
    assert_status(HvWriteGpa(guest, 0, 0x1234, 5, reserved, data, &result), 0x05);
    assert_status(HvWriteGpa(guest, 0, 0x1234, 5, level, data, &result), 0x51);
    assert_status(HvWriteGpa(guest, 1, 0x1234, 5, write_back, data, &result), 0x0E);
    fake_fail(vmm, FAKE_GPA_WRITE, 0, HVEMU_MEM_FAILED);
    assert_status(HvWriteGpa(guest, 0, 0x1234, 5, write_back, data, &result), 0x71);
    assert_u64(result.AsUINT64, 0x5A5A);
    for (int i = 0; i < 0x20; i++)
        assert_int_equal(vmm->ram[0x1230 + i], 0xCC);

    begin();
    assert_status(HvWriteGpa(guest, 0, 0x1234, 5, write_back, data, &result), 0x00);
    expect_call(0x54, 0x00, 0);
    expect_op(0, FAKE_GPA_WRITE, 0x1234, 0, 5);
    assert_u64(vmm->log[0].partition, guest);
    assert_u64(result.AsUINT64, 0x00);
    assert_memory_equal(vmm->ram + 0x1233, "\xCC\1\2\3\4\5\xCC", 7);
    assert_status(HvWriteGpa(guest, 0, 0x1FF0, 16, write_back, all, &result), 0x00);
    assert_memory_equal(vmm->ram + 0x1FF0, all, 16);
    assert_int_equal(vmm->ram[0x2000], 0xCC);
    fake_fail(vmm, FAKE_GPA_WRITE, 0, HVEMU_MEM_DENIED);
    assert_status(HvWriteGpa(guest, 0, 0x1234, 5, write_back, data, &result), 0x00);
    assert_u64(result.AsUINT64, 0x03);
    free(data);
}

/* Counts. A function that takes one, called for elements from `from` on. */

static HV_STATUS deposit_from(uint32_t from, uint32_t *count)
{
    return HvDepositMemory(guest, count, numbers(0x1000) + from);
}

static HV_STATUS withdraw_from(uint32_t from, uint32_t *count)
{
    static uint64_t list[LIST];

    return HvWithdrawMemory(guest, anywhere, count, list + from);
}

static HV_STATUS map_from(uint32_t from, uint32_t *count)
{
    return HvMapGpaPages(guest, 0x2000 + from, 0x0F, count, numbers(0x3000) + from);
}

static HV_STATUS unmap_from(uint32_t from, uint32_t *count)
{
    return HvUnmapGpaPages(guest, 0x2000 + from, count);
}

static HV_STATUS map_sparse_from(uint32_t from, uint32_t *count)
{
    static HV_GPA_MAPPING pairs[LIST];

    for (uint32_t i = 0; i < LIST; i++)
        pairs[i] = (HV_GPA_MAPPING){LE64(0x2000 + i), LE64(0x3000 + i)};
    return HvMapSparseGpaPages(guest, 0x0F, count, pairs + from);
}

static HV_REGISTER_NAME names_of_all[LIST];
static HV_REGISTER_VALUE values_of_all[LIST];

static HV_STATUS get_from(uint32_t from, uint32_t *count)
{
    fill(names_of_all, values_of_all, LIST);
    return HvGetVpRegisters(guest, 0, count, names_of_all + from, values_of_all + from);
}

static HV_STATUS set_from(uint32_t from, uint32_t *count)
{
    fill(names_of_all, values_of_all, LIST);
    return HvSetVpRegisters(guest, 0, count, names_of_all + from, values_of_all + from);
}

/* most: elements that fit into a page each way, or that the count can say. */
static const struct counted {
    HV_STATUS (*call)(uint32_t from, uint32_t *count);
    uint32_t most;
    enum fake_op op;
} counted[] = {{deposit_from, 511, FAKE_POOL},   {withdraw_from, 512, FAKE_POOL},
               {map_from, 509, FAKE_MAP},        {unmap_from, 4095, FAKE_MAP},
               {map_sparse_from, 255, FAKE_MAP}, {get_from, 256, FAKE_VP_GET}};

static void prepare(const struct counted *function)
{
    if (function->call == withdraw_from) {
        deposit(64);
        assert_status(deposit_from(0, &(uint32_t){64}), 0x00);
    }
    begin();
}

static void expect_count(const struct counted *function, uint32_t given, uint16_t status,
                         uint32_t completed)
{
    uint32_t count = given;

    make(0);
    prepare(function);
    assert_status(function->call(0, &count), status);
    assert_int_equal(count, completed);
    assert_int_equal(vmm->count[function->op], completed);
    assert_int_equal(vmm->logged, completed);
    unmake();
}

static void a_count_is_completed_in_goes_of_64_if_its_list_fits_a_page(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        const struct counted *function = &counted[i];

        expect_count(function, 0, 0x03, 0);
        expect_count(function, 1, 0x00, 1);
        expect_count(function, 64, 0x00, 64);
        expect_count(function, 65, 0x78, 64);
        expect_count(function, function->most, 0x78, 64);
        if (function->most < 4095)
            expect_count(function, function->most + 1, 0x04, 0);
        expect_count(function, 4095, function->most < 4095 ? 0x04 : 0x78,
                     function->most < 4095 ? 0 : 64);
        expect_count(function, 4096, 0x05, 0);
        expect_count(function, 0x10001, 0x05, 0);
        expect_count(function, 0xFFFFFFFF, 0x05, 0);
    }
}

/* Its list is put together some at a time, so there is no page for it to fit into. */
static void registers_to_be_written_are_as_many_as_a_rep_count_can_say(void **state)
{
    static const struct counted set = {set_from, 4095, FAKE_VP_SET};

    (void)state;
    expect_count(&set, 0, 0x03, 0);
    expect_count(&set, 1, 0x00, 1);
    expect_count(&set, 64, 0x00, 64);
    expect_count(&set, 65, 0x00, 65);
    expect_count(&set, 4095, 0x00, 4095);
    expect_count(&set, 4096, 0x05, 0);
    expect_count(&set, 0xFFFFFFFF, 0x05, 0);
}

/* Calls until the list is done, as a client does; the ops see it once, in order. */
static void the_rest_of_a_list_follows_in_further_calls(void **state)
{
    static const struct counted set = {set_from, 4095, FAKE_VP_SET};
    static const uint32_t budgets[] = {1, 3, 64};

    (void)state;
    for (size_t i = 0; i <= sizeof counted / sizeof *counted; i++) {
        const struct counted *function = i ? &counted[i - 1] : &set;

        for (size_t j = 0; j < 3; j++) {
            HV_STATUS status = 0x78;
            uint32_t done = 0, goes = 0;

            make(budgets[j]);
            if (function->call == withdraw_from)
                for (uint32_t page = 0; page < 100; page++)
                    assert_status(deposit_from(page, &(uint32_t){1}), 0x00);
            begin();
            for (; status == 0x78 && goes < 101; goes++) {
                uint32_t count = 100 - done;

                status = function->call(done, &count);
                done += count;
            }
            assert_status(status, 0x00);
            assert_int_equal(done, 100);
            assert_int_equal(vmm->count[function->op], 100);
            for (unsigned k = 1; k < 100; k++)
                if (function->call == withdraw_from)
                    assert_u64(vmm->log[k].gpa, vmm->log[0].gpa - k);
                else if (function->op == FAKE_POOL || function->op == FAKE_MAP)
                    assert_u64(vmm->log[k].gpa, vmm->log[0].gpa + k);
                else
                    assert_u64(vmm->log[k].gpa, 0x00020000 + k % 32);
            unmake();
        }
    }
}

/* A caller with a door of its own: all goes through it, as hypercalls, and nothing past it. */

static struct {
    struct hvemu_caller caller;
    unsigned calls;
    uint64_t control, answer;
    uint8_t in[64], items[64];
    size_t in_bytes, items_bytes, out_bytes;
} door;

static uint64_t enter_door(const struct hvemu_caller *caller, uint64_t control, const void *in,
                           size_t in_bytes, const void *items, size_t items_bytes, void *out,
                           size_t out_bytes)
{
    assert_ptr_equal(caller, &door.caller);
    assert_true(in_bytes <= sizeof door.in && items_bytes <= sizeof door.items);
    door.calls++;
    door.control = control;
    door.in_bytes = in_bytes;
    door.items_bytes = items ? items_bytes : 0;
    door.out_bytes = out_bytes;
    if (in_bytes)
        memcpy(door.in, in, in_bytes);
    if (items)
        memcpy(door.items, items, items_bytes);
    if (out_bytes)
        memset(out, 0x77, out_bytes);
    return door.answer;
}

static void a_callers_own_door_gets_every_call_and_gives_every_answer(void **state)
{
    const HV_INTERRUPT_CONTROL control = {.AsUINT64 = 0x100000007};
    const HV_GPA_PAGE_NUMBER pages[2] = {LE64(0x1122), LE64(0x3344)};
    uint32_t count = 2;
    uint64_t id = 0;

    (void)state;
    door.calls = 0;
    door.caller = (struct hvemu_caller){.partition = 0x99, .hypercall = enter_door};
    hvemu_attach(&door.caller);
    fake_forget(vmm);

    door.answer = 0x14;
    assert_status(HvClearVirtualInterrupt(0x1234), 0x14);
    assert_u64(door.control, 0x56);
    assert_int_equal(door.in_bytes, 8);
    assert_u64(le64dec(door.in), 0x1234);
    assert_int_equal(door.items_bytes + door.out_bytes, 0);

    door.answer = 0x16;
    assert_status(HvAssertVirtualInterrupt(0x1234, control, 0x5678, 0x9A), 0x16);
    assert_u64(door.control, 0x94);
    assert_int_equal(door.in_bytes, 32);
    assert_u64(le64dec(door.in), 0x1234);
    assert_u64(le64dec(door.in + 8), 0x100000007);
    assert_u64(le64dec(door.in + 16), 0x5678);
    assert_u64(le64dec(door.in + 24), 0x9A);

    door.answer = 0x0100000078;
    assert_status(HvDepositMemory(0x1234, &count, pages), 0x78);
    assert_int_equal(count, 1);
    assert_u64(door.control, 0x200000048);
    assert_int_equal(door.in_bytes, 8);
    assert_int_equal(door.items_bytes, 16);
    assert_u64(le64dec(door.items + 8), 0x3344);

    door.answer = 0;
    assert_status(HvGetPartitionId(&id), 0x00);
    assert_u64(door.control, 0x46);
    assert_int_equal(door.in_bytes, 0);
    assert_int_equal(door.out_bytes, 8);
    assert_u64(id, 0x7777777777777777);
    assert_int_equal(door.calls, 4);
    assert_int_equal(vmm->logged, 0);
}

static uint64_t measure(const struct hvemu_caller *caller, uint64_t control, const void *in,
                        size_t in_bytes, const void *items, size_t items_bytes, void *out,
                        size_t out_bytes)
{
    const struct hvemu_x64_frame frame = fake_frame64(control, 0x1000, 0x2000);
    struct hvemu_call call;

    (void)caller;
    assert_action(hvemu_x64_decode(NULL, &frame, 0, &call), HVEMU_STEP);
    assert_status(call.status, 0);
    assert_int_equal(in_bytes, call.header_bytes);
    assert_int_equal(items_bytes, call.in_bytes - call.header_bytes);
    assert_int_equal(out_bytes, call.out_bytes);
    assert_int_equal(in != NULL, in_bytes != 0);
    assert_int_equal(items != NULL, items_bytes != 0);
    assert_int_equal(out != NULL, out_bytes != 0);
    door.calls++;
    return 0x06;
}

static void a_callers_own_door_that_does_nothing_ends_a_list(void **state)
{
    const HV_REGISTER_NAME names[3] = {LE32(1), LE32(2), LE32(3)};
    const HV_REGISTER_VALUE values[3] = {{.Reg64 = 0}};
    uint32_t count = 3;

    (void)state;
    door.calls = 0;
    door.answer = 0;
    door.caller = (struct hvemu_caller){.hypercall = enter_door};
    hvemu_attach(&door.caller);
    assert_status(HvSetVpRegisters(0x1234, 0, &count, names, values), 0x00);
    assert_int_equal(count, 0);
    assert_int_equal(door.calls, 1);
    /* Nor does it do more than it was asked for. */
    count = 3;
    door.answer = 0x0500000000;
    assert_status(HvSetVpRegisters(0x1234, 0, &count, names, values), 0x00);
    assert_int_equal(count, 3);
    assert_int_equal(door.calls, 4);
}

static void a_callers_own_door_gets_blocks_of_the_calls_sizes(void **state)
{
    (void)state;
    door.calls = 0;
    door.caller = (struct hvemu_caller){.hypercall = measure};
    hvemu_attach(&door.caller);
    expect_all_refused(guest, 0x06);
    assert_int_equal(door.calls, 17);
}

int main(void)
{
#define ATTACHED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ATTACHED(a_callers_own_door_gets_every_call_and_gives_every_answer),
        ATTACHED(a_callers_own_door_that_does_nothing_ends_a_list),
        ATTACHED(a_callers_own_door_gets_blocks_of_the_calls_sizes),
        ATTACHED(whoever_may_not_call_gets_nothing_and_completes_nothing),
        ATTACHED(a_function_inside_another_on_the_same_partition_is_to_be_called_again),
        ATTACHED(null_is_refused_and_completes_nothing),
        ATTACHED(properties_go_by_code),
        ATTACHED(the_next_child_is_one_of_the_first_argument_after_the_second),
        ATTACHED(deposited_pages_come_back_and_are_counted),
        ATTACHED(a_deposit_that_fails_keeps_what_came_before),
        ATTACHED(proximity_domains_are_judged_as_given),
        ATTACHED(pages_are_mapped_where_and_as_told),
        ATTACHED(a_failing_page_ends_the_list),
        ATTACHED(an_intercept_has_type_parameter_and_access),
        ATTACHED(a_processor_is_made_and_ends_by_its_index),
        ATTACHED(registers_are_read_into_their_places),
        ATTACHED(registers_are_written_in_the_order_of_the_list),
        ATTACHED(a_translation_has_its_flags_and_page),
        ATTACHED(memory_is_read_to_sixteen_bytes),
        ATTACHED(memory_is_written_from_as_many_bytes_as_told),
        cmocka_unit_test(a_count_is_completed_in_goes_of_64_if_its_list_fits_a_page),
        cmocka_unit_test(registers_to_be_written_are_as_many_as_a_rep_count_can_say),
        cmocka_unit_test(the_rest_of_a_list_follows_in_further_calls),
    };

    return cmocka_run_group_tests_name("wrapper_vp", tests, NULL, NULL);
}
