/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Tenants side by side: each thread is a partition that makes, feeds, fills, runs and ends children
 * of its own, while the root looks on and takes privileges away and gives them back. Nobody's
 * answer depends on the others, but for "repeat", and that only where one lock is everybody's: the
 * life cycle's. ThreadSanitizer watches.
 *
 * test_tenants [rounds of each tenant] */

#include "hvtest.h"

#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { TENANTS = 4, PAGES = 8, REGISTERS = 4 };

/* What the tenants' children may do, and the bit with which the root plays. */
#define RIGHTS  (HV_PRIVILEGE_CREATE_PARTITIONS | HV_PRIVILEGE_ACCESS_MEMORY_POOL)
#define PLAYING HV_PRIVILEGE_SIGNAL_EVENTS

static unsigned rounds = 10000;
static alignas(64) uint8_t memory[0x80000];
static struct hvemu *hv;
static uint64_t tenants[TENANTS];
static atomic_uint running;
static _Atomic(const char *) complaint;

static void check(int good, const char *text)
{
    const char *none = NULL;

    if (!good)
        atomic_compare_exchange_strong(&complaint, &none, text);
}

/* The VMM. A tenant's context is its thread's alone, as its children's calls are: the library must
 * not let two threads into one partition's ops at once. */

struct machine {
    unsigned deposited, mapped, vps;
    uint64_t registers[REGISTERS];
};

static struct machine machines[TENANTS];

static uint16_t vp_event(void *ctx, struct hvemu_vp *vp, uint32_t event, const void *block,
                         void **vp_ctx)
{
    struct machine *machine = ctx;

    (void)vp, (void)block, (void)vp_ctx;
    if (event == HVEMU_VP_CREATED)
        machine->vps++;
    else if (event == HVEMU_VP_DELETED)
        machine->vps--;
    return 0;
}

static uint16_t vp_get(void *ctx, struct hvemu_vp *vp, uint32_t name, uint64_t value[2])
{
    (void)vp;
    value[0] = ((struct machine *)ctx)->registers[name % REGISTERS];
    return 0;
}

static uint16_t vp_set(void *ctx, struct hvemu_vp *vp, uint32_t name, const uint64_t value[2])
{
    (void)vp;
    ((struct machine *)ctx)->registers[name % REGISTERS] = value[0];
    return 0;
}

static uint16_t map(void *ctx, uint64_t partition, uint32_t what, uint64_t page, uint64_t source,
                    uint32_t flags)
{
    (void)partition, (void)page, (void)source, (void)flags;
    if (what == HVEMU_MAP)
        ((struct machine *)ctx)->mapped++;
    else if (what == HVEMU_UNMAP)
        ((struct machine *)ctx)->mapped--;
    return 0;
}

static uint16_t pool(void *ctx, uint64_t partition, uint64_t page, int deposit)
{
    (void)partition, (void)page;
    ((struct machine *)ctx)->deposited += deposit ? 1 : -1u;
    return 0;
}

static const struct hvemu_ops ops = {.size = sizeof ops,
                                     .vp = vp_event,
                                     .vp_get = vp_get,
                                     .vp_set = vp_set,
                                     .map = map,
                                     .pool = pool};

/* Repeats what takes the lock of the life cycle. */
#define LIFE(call)                          \
    do {                                    \
        while ((call) == HV_STATUS_TIMEOUT) \
            sched_yield();                  \
    } while (0)

static void deposit(uint64_t partition, uint64_t first)
{
    HV_GPA_PAGE_NUMBER pages[PAGES];
    uint32_t count = PAGES;

    for (int i = 0; i < PAGES; i++)
        pages[i] = LE64(first + (unsigned)i);
    check(HvDepositMemory(partition, &count, pages) == HV_STATUS_SUCCESS && count == PAGES,
          "a deposit has other answers than alone");
}

static void withdraw(uint64_t partition, uint64_t first)
{
    const HV_PROXIMITY_DOMAIN_INFO anywhere = {0};
    HV_GPA_PAGE_NUMBER pages[PAGES + 1] = {0};
    uint32_t count = PAGES + 1;
    uint64_t sum = 0;

    check(HvWithdrawMemory(partition, anywhere, &count, pages) == HV_STATUS_NO_RESOURCES &&
              count == PAGES,
          "a withdrawal has other answers than alone");
    for (int i = 0; i < PAGES; i++)
        sum += LE64(pages[i]) - first;
    check(sum == PAGES * (PAGES - 1) / 2, "a pool gave back other pages than it was given");
}

/* All that is about the child alone: nobody else has its lock, so nothing is ever to be
 * repeated. */
static void use_child(uint64_t child, struct hvemu_vp *vp, uint64_t mark)
{
    static const HV_REGISTER_NAME names[2] = {LE32(HvX64RegisterRax), LE32(HvX64RegisterRcx)};
    const HV_INTERRUPT_CONTROL ext_int = {.AsUINT64 = HvX64InterruptTypeExtInt};
    const HV_INTERCEPT_DESCRIPTOR port = {HvInterceptTypeX64IoPort,
                                          {.IoPort = (HV_X64_IO_PORT)mark}};
    const HV_GPA_PAGE_NUMBER source[2] = {LE64(mark & 0xFFFF), LE64(5)};
    HV_REGISTER_VALUE values[2] = {{.AsUINT64 = {mark}}, {.AsUINT64 = {~mark}}}, got[2];
    HV_PARTITION_PROPERTY weight;
    uint32_t count = 2;
    uint8_t vector = 0;

    check(HvSetVpRegisters(child, 0, &count, names, values) == HV_STATUS_SUCCESS &&
              HvGetVpRegisters(child, 0, &count, names, got) == HV_STATUS_SUCCESS &&
              got[0].AsUINT64[0] == mark && got[1].AsUINT64[0] == ~mark,
          "registers are not those of the only one who writes them");
    check(HvSetPartitionProperty(child, HvPartitionPropertyCpuWeight, mark % 10000 + 1) ==
                  HV_STATUS_SUCCESS &&
              HvGetPartitionProperty(child, HvPartitionPropertyCpuWeight, &weight) ==
                  HV_STATUS_SUCCESS &&
              weight == mark % 10000 + 1,
          "a property is not what the only one who sets it made it");
    check(HvMapGpaPages(child, 0x10, HV_MAP_GPA_READABLE, &count, source) == HV_STATUS_SUCCESS &&
              HvUnmapGpaPages(child, 0x10, &count) == HV_STATUS_SUCCESS && count == 2,
          "memory is not mapped as alone");
    check(HvInstallIntercept(child, HV_INTERCEPT_ACCESS_MASK_READ, &port) == HV_STATUS_SUCCESS &&
              hvemu_intercept(hv, child, HvInterceptTypeX64IoPort, mark & 0xFFFF) ==
                  HV_INTERCEPT_ACCESS_MASK_READ,
          "an intercept is not what the only one who installs it made it");
    check(HvAssertVirtualInterrupt(child, ext_int, 0, 0x30) == HV_STATUS_SUCCESS &&
              hvemu_ext_int_acknowledge(vp, &vector) == HVEMU_OK && vector == 0x30 &&
              HvClearVirtualInterrupt(child) == HV_STATUS_SUCCESS,
          "an interrupt goes otherwise than alone");
}

/* A child's life, from its creation until every page is back. */
static void raise_child(unsigned me, unsigned round)
{
    const HV_PROXIMITY_DOMAIN_INFO anywhere = {0};
    const uint64_t first = 0x100 * (me + 1);
    struct hvemu_vp *vp = NULL;
    uint64_t child = 0, next = 0;
    HV_STATUS status;

    LIFE(status = HvCreatePartition(0, anywhere, &child));
    check(status == HV_STATUS_SUCCESS, "creation has other answers than alone");
    LIFE(status = HvInitializePartition(child));
    check(status == HV_STATUS_INSUFFICIENT_MEMORY, "an empty pool paid for something");
    deposit(child, first);
    LIFE(status = HvInitializePartition(child));
    check(status == HV_STATUS_SUCCESS, "initialization has other answers than alone");
    LIFE(status = HvCreateVp(child, anywhere, 1, 0));
    check(status == HV_STATUS_SUCCESS, "a VP is not created as alone");
    while (hvemu_vp_attach(hv, child, 0, NULL, &vp) == HVEMU_E_BUSY)
        sched_yield();
    use_child(child, vp, (uint64_t)me << 32 | round);
    /* The tenant's own lock is the root's to take too. */
    LIFE(status = HvGetNextChildPartition(tenants[me], HV_PARTITION_ID_INVALID, &next));
    check(status == HV_STATUS_SUCCESS && next == child, "a child is not its parent's only one");
    check(HvClearVirtualInterrupt(tenants[(me + 1) % TENANTS]) == HV_STATUS_ACCESS_DENIED,
          "a tenant reached another");
    if (round % 2) {
        LIFE(status = HvDeleteVp(child, 1));
        check(status == HV_STATUS_SUCCESS, "a VP is not deleted as alone");
    }
    while (hvemu_vp_detach(vp) == HVEMU_E_BUSY)
        sched_yield();
    LIFE(status = HvFinalizePartition(child));
    check(status == HV_STATUS_SUCCESS, "the end has other answers than alone");
    withdraw(child, first);
    LIFE(status = HvDeletePartition(child));
    check(status == HV_STATUS_SUCCESS, "deletion has other answers than alone");
    check(HvClearVirtualInterrupt(child) == HV_STATUS_INVALID_PARTITION_ID, "an ID outlived");
}

static void *be_tenant(void *arg)
{
    const unsigned me = (unsigned)(uintptr_t)arg;
    const struct hvemu_caller caller = {.hv = hv, .partition = tenants[me]};

    hvemu_attach(&caller);
    for (unsigned round = 0; round < rounds && !atomic_load(&complaint); round++)
        raise_child(me, round);
    hvemu_attach(NULL);
    atomic_fetch_sub(&running, 1);
    return NULL;
}

/* The root lists its children and theirs, changes a privilege of theirs, and looks for intercepts
 * of IDs that come and go. */
static void be_root(void)
{
    const struct hvemu_caller caller = {.hv = hv, .partition = hvemu_root(hv)};
    uint64_t id = 0, child = 0;

    hvemu_attach(&caller);
    for (unsigned i = 0; atomic_load(&running); i++) {
        const uint64_t privileges = RIGHTS | (i & 1 ? PLAYING : 0);
        HV_PARTITION_PROPERTY got = 0;
        HV_STATUS status;

        LIFE(status = HvGetNextChildPartition(hvemu_root(hv), id, &id));
        check(status == HV_STATUS_SUCCESS, "the root's children changed");
        if (!id)
            continue;
        LIFE(status = HvSetPartitionProperty(id, HvPartitionPropertyPrivilegeFlags, privileges));
        check(status == HV_STATUS_SUCCESS, "a privilege was not set");
        LIFE(status = HvGetPartitionProperty(id, HvPartitionPropertyPrivilegeFlags, &got));
        check(status == HV_STATUS_SUCCESS && got == privileges, "a privilege is not what was set");
        LIFE(status = HvGetNextChildPartition(id, HV_PARTITION_ID_INVALID, &child));
        check(status == HV_STATUS_SUCCESS && child != id, "a tenant's children cannot be listed");
        (void)hvemu_intercept(hv, (uint64_t)(i % 64) << 24 | (i % 16 + 1), 0, 0);
        (void)hvemu_partition_state(hv, (uint64_t)(i % 64) << 24 | (i % 16 + 1));
    }
    hvemu_attach(NULL);
}

static void tenants_get_the_answers_that_they_would_get_alone(void **state)
{
    const struct hvemu_config config = {.size = sizeof config,
                                        .partitions = 1 + 2 * TENANTS,
                                        .pages = PAGES,
                                        .create_cost = HVEMU_NO_COST,
                                        .initialize_cost = 3,
                                        .vp_cost = 2,
                                        .map_cost = 1};
    pthread_t threads[TENANTS];

    (void)state;
    assert_true(hvemu_memory_size(&config) <= sizeof memory);
    assert_result(hvemu_init(&hv, memory, sizeof memory, &config, &ops, NULL), HVEMU_OK);
    for (unsigned i = 0; i < TENANTS; i++)
        assert_result(hvemu_add_guest(hv, hvemu_root(hv), RIGHTS, &machines[i], &tenants[i]),
                      HVEMU_OK);
    atomic_store(&running, TENANTS);
    for (uintptr_t i = 0; i < TENANTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, be_tenant, (void *)i), 0);
    be_root();
    for (unsigned i = 0; i < TENANTS; i++)
        pthread_join(threads[i], NULL);
    if (atomic_load(&complaint))
        fail_msg("%s", atomic_load(&complaint));
    for (unsigned i = 0; i < TENANTS; i++) {
        assert_u64(machines[i].deposited, 0);
        assert_u64(machines[i].mapped, 0);
        assert_u64(machines[i].vps, 0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tenants_get_the_answers_that_they_would_get_alone),
    };

    if (argc > 1)
        rounds = (unsigned)strtoul(argv[1], NULL, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
