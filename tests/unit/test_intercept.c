/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Intercepts: what a parent can ask to be told of, what its VMM finds at an exit, and the table
 * between them. Who may make the calls, and when, is in test_life.c. */

#include "ways.h"

#include <pthread.h>

enum { IO_PORT, MSR, CPUID, EXCEPTION };

static struct fake_vmm *vmm;
static struct hvemu_vp *by_root;
static struct hvemu_caller as_root;

static int setup_with(void **state, const struct hvemu_config *config)
{
    *state = vmm = fake_new(config, NULL);
    fake_add_guest(vmm, HV_PRIVILEGE_ALL);
    by_root = attached(vmm, vmm->root, 0);
    as_root = (struct hvemu_caller){.hv = vmm->hv, .partition = vmm->root};
    hvemu_attach(&as_root);
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, NULL);
}

static int teardown(void **state)
{
    hvemu_attach(NULL);
    return fake_teardown(state);
}

static uint16_t install_on(uint64_t id, uint32_t type, uint64_t parameter, uint32_t access)
{
    uint8_t in[24];

    le64enc(in, id);
    le32enc(in + 8, access);
    le32enc(in + 12, type);
    le64enc(in + 16, parameter);
    return (uint16_t)hvemu_hypercall(vmm->hv, vmm->root, 0x4D, in, sizeof in, NULL, 0);
}

static uint16_t install(uint32_t type, uint64_t parameter, uint32_t access)
{
    return install_on(vmm->guest, type, parameter, access);
}

static uint32_t found(uint32_t type, uint32_t parameter)
{
    return hvemu_intercept(vmm->hv, vmm->guest, type, parameter);
}

/* HvCallInstallIntercept. */

static void each_type_has_its_accesses(void **state)
{
    /* A bit for each access mask from 0 to 7 that the type can have. */
    static const uint8_t possible[] = {
        [IO_PORT] = 0x0F, [MSR] = 0x0F, [CPUID] = 0x11, [EXCEPTION] = 0x11};

    (void)state;
    for (uint32_t type = 0; type < COUNT(possible); type++)
        for (uint32_t access = 0; access < 8; access++) {
            const int may = possible[type] >> access & 1;

            assert_status(install(type, 0x10, access), may ? 0x00 : 0x05);
            assert_int_equal(found(type, 0x10), may ? access : 0);
            assert_status(install(type, 0x10, 0), 0x00);
            assert_int_equal(found(type, 0x10), 0);
        }
}

static void intercepts_that_do_not_exist_are_refused(void **state)
{
    static const uint64_t largest[] = {
        [IO_PORT] = 0xFFFF, [MSR] = 0xFFFFFFFF, [CPUID] = 0xFFFFFFFF, [EXCEPTION] = 31};

    (void)state;
    for (uint32_t type = 4; type < 0x200; type++)
        for (uint32_t access = 0; access < 8; access++)
            assert_status(install(type, 0, access), 0x05);
    assert_status(install(0x80000000, 0, 1), 0x05);
    assert_status(install(UINT32_MAX, 0, 0), 0x05);
    for (uint32_t type = 0; type < COUNT(largest); type++) {
        const uint32_t access = type < CPUID ? 1 : 4;

        for (uint32_t bit = 3; bit < 32; bit++)
            assert_status(install(type, 0, access | (uint32_t)1 << bit), 0x05);
        assert_status(install(type, 0, access), 0x00);
        assert_status(install(type, largest[type], access), 0x00);
        assert_int_equal(found(type, (uint32_t)largest[type]), access);
        assert_status(install(type, largest[type] + 1, access), 0x05);
        assert_status(install(type, largest[type] + 1, 0), 0x05);
        assert_status(install(type, 0x100000000, access), 0x05);
        assert_status(install(type, UINT64_MAX, access), 0x05);
        for (uint32_t bit = 32; bit < 64; bit++)
            assert_status(install(type, (uint64_t)1 << bit, access), 0x05);
    }
    assert_int_equal(atomic_load(&partition_of(vmm, vmm->guest)->rest->intercepts), 8);
}

static void an_intercept_is_found_by_type_and_parameter(void **state)
{
    (void)state;
    assert_status(install(IO_PORT, 0x1B, 1), 0x00);
    assert_status(install(MSR, 0x1B, 2), 0x00);
    assert_status(install(CPUID, 0x1B, 4), 0x00);
    assert_status(install(EXCEPTION, 14, 4), 0x00);
    assert_status(install(CPUID, 0x40000001, 4), 0x00);
    assert_int_equal(found(IO_PORT, 0x1B), 1);
    assert_int_equal(found(MSR, 0x1B), 2);
    assert_int_equal(found(CPUID, 0x1B), 4);
    assert_int_equal(found(EXCEPTION, 14), 4);
    assert_int_equal(found(CPUID, 0x40000001), 4);
    assert_int_equal(found(EXCEPTION, 0x1B), 0);
    assert_int_equal(found(CPUID, 0x40000000), 0);
    assert_int_equal(found(CPUID, 1), 0);
    assert_int_equal(found(IO_PORT, 0x1001B), 0); /* what is no port is nobody's */
    assert_int_equal(found(4, 0x1B), 0);
    assert_int_equal(found(0x100 | MSR, 0x1B), 0);
    assert_int_equal(found(0x1000, 0x1B), 0);
    assert_int_equal(found(UINT32_MAX, 0x1B), 0);
}

static void an_intercept_installed_again_takes_the_place_of_the_former(void **state)
{
    (void)state;
    assert_status(install(MSR, 0x10, 1), 0x00);
    assert_status(install(MSR, 0x10, 2), 0x00);
    assert_int_equal(found(MSR, 0x10), 2);
    assert_status(install(MSR, 0x10, 3), 0x00);
    assert_int_equal(found(MSR, 0x10), 3);
    assert_int_equal(atomic_load(&partition_of(vmm, vmm->guest)->rest->intercepts), 1);
    assert_status(install(MSR, 0x11, 0), 0x00); /* to take away what is not there is no failure */
    assert_int_equal(atomic_load(&partition_of(vmm, vmm->guest)->rest->intercepts), 1);
}

static void every_way_of_the_call_installs(void **state)
{
    const HV_INTERCEPT_DESCRIPTOR descriptor = {.Type = MSR, .Parameters.MsrIndex = 0xC0000090};
    const HV_INTERCEPT_DESCRIPTOR unknown = {.Type = 4};
    uint8_t in[24] = {0};

    (void)state;
    for (enum way way = FROM_C; way < WAYS; way++) {
        le64enc(in, vmm->guest);
        le32enc(in + 8, 2);
        le32enc(in + 12, MSR);
        le64enc(in + 16, 0xC0000080 + way);
        assert_u64(call_by(way, vmm, by_root, 0x4D, in, sizeof in, NULL, 0), 0x00);
        assert_int_equal(found(MSR, 0xC0000080 + way), 2);
        le64enc(in + 16, 0x1C0000080);
        assert_u64(call_by(way, vmm, by_root, 0x4D, in, sizeof in, NULL, 0), 0x05);
    }
    assert_status(HvInstallIntercept(vmm->guest, 3, &descriptor), 0x00);
    assert_int_equal(found(MSR, 0xC0000090), 3);
    assert_status(HvInstallIntercept(vmm->guest, 4, &descriptor), 0x05);
    assert_status(HvInstallIntercept(vmm->guest, 1, &unknown), 0x05);
    assert_status(HvInstallIntercept(vmm->guest, 1, NULL), 0x05);
    assert_int_equal(found(MSR, 0xC0000090), 3);
}

/* The table. */

static void intercepts_are_bounded(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .intercepts = 3};
    uint64_t other;

    setup_with(state, &config);
    other = fake_child(vmm, vmm->root);
    for (uint32_t i = 0; i < 3; i++)
        assert_status(install(i, 5, i < 2 ? 1 : 4), 0x00);
    assert_status(install(EXCEPTION, 5, 4), 0x0B);
    assert_status(install(IO_PORT, 6, 1), 0x0B);
    assert_status(install(EXCEPTION, 5, 0), 0x00);
    assert_int_equal(found(EXCEPTION, 5) | found(IO_PORT, 6), 0);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(found(i, 5), i < 2 ? 1 : 4);
    assert_status(install(IO_PORT, 5, 3), 0x00);             /* no room is needed */
    assert_status(install_on(other, EXCEPTION, 5, 4), 0x00); /* its room is its own */
    assert_int_equal(found(EXCEPTION, 5), 0);
    assert_int_equal(hvemu_intercept(vmm->hv, other, EXCEPTION, 5), 4);
    /* What is given up serves another, wherever it lies. */
    for (uint32_t i = 0; i < 3; i++) {
        assert_status(install(i, 5, 0), 0x00);
        assert_status(install(MSR, 0x100 + i, 1), 0x00);
        assert_status(install(MSR, 0x200, 1), 0x0B);
        assert_int_equal(found(i, 5), 0);
        assert_int_equal(found(MSR, 0x100 + i), 1);
    }
    teardown(state);
}

static void an_intercept_taken_away_and_installed_anew_is_there_once(void **state)
{
    (void)state;
    assert_status(install(MSR, 1, 1), 0x00);
    assert_status(install(MSR, 2, 1), 0x00);
    assert_status(install(MSR, 1, 0), 0x00);
    assert_status(install(MSR, 2, 2), 0x00); /* not into the free place before it */
    assert_status(install(MSR, 2, 0), 0x00);
    assert_int_equal(found(MSR, 2), 0);
    assert_status(install(MSR, 3, 3), 0x00);
    assert_status(install(MSR, 1, 2), 0x00);
    assert_status(install(MSR, 2, 1), 0x00);
    assert_int_equal(found(MSR, 1), 2);
    assert_int_equal(found(MSR, 2), 1);
    assert_int_equal(found(MSR, 3), 3);
    for (uint32_t msr = 1; msr <= 3; msr++) {
        assert_status(install(MSR, msr, 0), 0x00);
        assert_int_equal(found(MSR, msr), 0);
    }
}

/* Against a list of what was asked for. */
static void the_table_holds_what_was_asked_for(void **state)
{
    enum { KEYS = 48, ROOM = 32 };
    uint32_t want[KEYS] = {0}, random = 1, count = 0;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        random = random * 1664525 + 1013904223;
        const uint32_t key = (random >> 16) % KEYS, access = random >> 28 & 3;
        const int full = access && !want[key] && count == ROOM;

        assert_status(install(key % 2, key, access), full ? 0x0B : 0x00);
        if (!full) {
            count = count + !!access - !!want[key];
            want[key] = access;
        }
        for (uint32_t k = 0; k < KEYS; k++)
            if (found(k % 2, k) != want[k])
                fail_msg("after %d calls", i);
    }
}

static void a_new_partition_has_none_of_its_predecessors(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .partitions = 2};
    uint64_t old;

    setup_with(state, &config);
    for (uint32_t i = 0; i < 32; i++)
        assert_status(install(MSR, i, 3), 0x00);
    old = vmm->guest;
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    fake_fail(vmm, FAKE_PARTITION, 1, 0x78);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, old), 0x78);
    assert_int_equal(found(MSR, 0), 0); /* finalizing */
    fake_end(vmm, vmm->root, old);
    assert_int_equal(found(MSR, 0), 0); /* dead */
    vmm->guest = fake_child(vmm, vmm->root);
    assert_u64(vmm->guest, old + 0x1000000);
    for (uint32_t i = 0; i < 32; i++)
        assert_int_equal(found(MSR, i), 0);
    for (uint32_t i = 32; i < 64; i++)
        assert_status(install(MSR, i, 1), 0x00);
    assert_int_equal(hvemu_intercept(vmm->hv, old, MSR, 32), 0);
    assert_int_equal(found(MSR, 32), 1);
    assert_int_equal(found(MSR, 0), 0);
    teardown(state);
}

static void nobodys_intercepts_are_none(void **state)
{
    const uint64_t ids[] = {0, 99, vmm->guest + 0x1000000, UINT64_MAX, 0xFFFFFF};

    (void)state;
    assert_status(install(MSR, 0x10, 3), 0x00);
    for (size_t i = 0; i < COUNT(ids); i++)
        assert_int_equal(hvemu_intercept(vmm->hv, ids[i], MSR, 0x10), 0);
    assert_int_equal(hvemu_intercept(NULL, vmm->guest, MSR, 0x10), 0);
    assert_int_equal(hvemu_intercept(vmm->hv, vmm->root, MSR, 0x10), 0);
    assert_int_equal(found(MSR, 0x10), 3);
}

/* What an exit reads between two steps of a parent. */
static void a_lookup_takes_no_lock(void **state)
{
    struct hvemu__partition *guest = partition_of(vmm, vmm->guest);

    (void)state;
    assert_status(install(MSR, 0x10, 3), 0x00);
    atomic_store(&vmm->hv->lock, 1);
    atomic_store(&guest->rest->lock, 1);
    assert_int_equal(found(MSR, 0x10), 3);
    assert_int_equal(atomic_load(&guest->rest->lock), 1);
    atomic_store(&vmm->hv->lock, 0);
    atomic_store(&guest->rest->lock, 0);
}

/* A place in the table has one owner after the other: what an exit finds is its own, or nothing. */
static void *look_up(void *found_wrong)
{
    for (int i = 0; i < 3000000; i++) {
        if (found(MSR, 1) & ~1u || found(MSR, 2) & ~2u)
            *(int *)found_wrong = 1;
    }
    return NULL;
}

static void a_lookup_never_finds_what_is_for_another(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .intercepts = 1};
    const uint64_t keys[] = {(uint64_t)MSR << 32 | 1, (uint64_t)MSR << 32 | 2};
    _Atomic uint64_t *entry;
    pthread_t thread;
    int wrong = 0;

    setup_with(state, &config);
    assert_status(install(MSR, 1, 1), 0x00);
    entry = vmm->hv->intercepts + (partition_of(vmm, vmm->guest) - vmm->hv->partitions);
    assert_u64(atomic_load(entry), (uint64_t)1 << 40 | keys[0]);
    assert_int_equal(pthread_create(&thread, NULL, look_up, &wrong), 0);
    for (uint64_t i = 0; i < 3000000; i++)
        atomic_store(entry, (i % 2 + 1) << 40 | keys[i % 2]);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(wrong, 0);
    teardown(state);
}

/* Pages. */

static void a_cpuid_intercept_is_paid_for_and_others_are_not(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .pages = 8, .intercept_cost = 3};

    setup_with(state, &config);
    assert_status(install(CPUID, 1, 4), 0x0B);
    assert_int_equal(found(CPUID, 1), 0);
    assert_status(install(IO_PORT, 1, 3), 0x00);
    assert_status(install(MSR, 1, 3), 0x00);
    assert_status(install(EXCEPTION, 1, 4), 0x00);
    deposit(vmm, vmm->guest, 0x100, 5);
    assert_status(install(CPUID, 1, 4), 0x00);
    assert_u64(balance(vmm, vmm->guest), 0x300000002);
    assert_status(install(CPUID, 1, 4), 0x00); /* paid already */
    assert_u64(balance(vmm, vmm->guest), 0x300000002);
    assert_status(install(CPUID, 2, 4), 0x0B);
    assert_status(install(CPUID, 2, 0), 0x00);
    assert_status(install(CPUID, 2, 1), 0x05);
    assert_int_equal(found(CPUID, 2), 0);
    assert_u64(balance(vmm, vmm->guest), 0x300000002);
    assert_status(install(MSR, 1, 0), 0x00);
    assert_u64(balance(vmm, vmm->guest), 0x300000002);
    assert_status(install(CPUID, 1, 0), 0x00);
    assert_u64(balance(vmm, vmm->guest), 5);
    assert_status(install(CPUID, 1, 0), 0x00); /* given back once */
    assert_u64(balance(vmm, vmm->guest), 5);
    assert_status(install(CPUID, 2, 4), 0x00);
    assert_status(install(CPUID, 1, 4), 0x0B);
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, vmm->guest), 0x00);
    assert_u64(balance(vmm, vmm->guest), 5);
    teardown(state);
}

static void a_cpuid_intercept_without_room_costs_nothing(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .pages = 8, .intercepts = 1};

    setup_with(state, &config);
    deposit(vmm, vmm->guest, 0x100, 4);
    assert_status(install(CPUID, 1, 4), 0x00);
    assert_status(install(CPUID, 2, 4), 0x0B);
    assert_u64(balance(vmm, vmm->guest), 0x100000003);
    teardown(state);
}

/* HvCallCheckForIoIntercept. */

/* 0, 1; or 0x100 and the status. */
static unsigned check_by(enum way way, uint32_t vp, uint16_t port, uint8_t size, uint8_t write)
{
    uint8_t in[24] = {0}, out[8], want[8] = {0};
    uint64_t result;

    le64enc(in, vmm->guest);
    le32enc(in + 8, vp);
    in[14] = (uint8_t)port;
    in[15] = (uint8_t)(port >> 8);
    in[16] = size;
    in[17] = write;
    memset(out, 0x5A, sizeof out);
    result = call_by(way, vmm, by_root, 0xAD, in, sizeof in, out, sizeof out);
    if (result)
        memset(want, 0x5A, sizeof want);
    else
        want[0] = out[0] & 1;
    assert_memory_equal(out, want, sizeof out);
    return result ? 0x100 | (unsigned)result : out[0];
}

static void io_is_intercepted_if_one_of_its_ports_is(void **state)
{
    static const uint8_t sizes[] = {1, 2, 4};

    (void)state;
    assert_status(install(IO_PORT, 0x3F8, 1), 0x00);
    assert_status(install(IO_PORT, 0x1000, 2), 0x00);
    assert_status(install(IO_PORT, 0xFFFF, 3), 0x00);
    assert_status(install(MSR, 0x2000, 3), 0x00);
    for (enum way way = FROM_C; way < WAYS; way++)
        for (size_t s = 0; s < COUNT(sizes); s++) {
            const uint8_t size = sizes[s];

            for (uint16_t port = 0x3F0; port < 0x400; port++) {
                const int in = port <= 0x3F8 && port + size > 0x3F8;
                assert_int_equal(check_by(way, 0, port, size, 0), in);
                assert_int_equal(check_by(way, 0, port, size, 1), 0);
            }
            for (uint16_t port = 0xFF8; port < 0x1004; port++) {
                const int in = port <= 0x1000 && port + size > 0x1000;
                assert_int_equal(check_by(way, 0, port, size, 0), 0);
                assert_int_equal(check_by(way, 0, port, size, 1), in);
            }
            assert_int_equal(check_by(way, 0, 0xFFFF, size, 0), 1);
            assert_int_equal(check_by(way, 0, 0xFFFE, size, 1), size > 1);
            assert_int_equal(check_by(way, 0, 0x2000, size, 0), 0);
            assert_int_equal(check_by(way, 0, 0, size, 0), 0); /* no port before 0 */
        }
    /* The last port's intercept is not that of what would come behind it. */
    assert_status(install(IO_PORT, 0xFFFF, 0), 0x00);
    assert_status(install(IO_PORT, 0, 3), 0x00);
    assert_int_equal(check_by(FROM_C, 0, 0xFFFF, 4, 0), 0);
    assert_int_equal(check_by(FROM_C, 0, 0, 1, 0), 1);
}

static void a_check_of_no_io_is_refused(void **state)
{
    (void)state;
    assert_status(install(IO_PORT, 0x10, 3), 0x00);
    for (enum way way = FROM_C; way < WAYS; way++) {
        for (unsigned size = 0; size < 256; size++)
            assert_int_equal(check_by(way, 0, 0x10, (uint8_t)size, 0),
                             size == 1 || size == 2 || size == 4 ? 1 : 0x105);
        for (unsigned write = 2; write < 256; write++)
            assert_int_equal(check_by(way, 0, 0x10, 1, (uint8_t)write), 0x105);
        assert_int_equal(check_by(way, 1, 0x10, 1, 0), 0x10E);
        assert_int_equal(check_by(way, 0xFFFFFFFE, 0x10, 1, 0), 0x10E);
        assert_int_equal(check_by(way, 0xFFFFFFFF, 0x10, 1, 0), 0x10E);
    }
}

static void a_check_knows_one_trust_level(void **state)
{
    uint8_t in[24] = {0}, out[8];

    (void)state;
    assert_status(install(IO_PORT, 0x10, 3), 0x00);
    le64enc(in, vmm->guest);
    in[14] = 0x10;
    in[16] = 1;
    for (unsigned vtl = 0; vtl < 256; vtl++) {
        const uint16_t want = vtl & 0xE0 ? 0x05 : vtl > 0x10 ? 0x51 : 0x00;

        in[12] = (uint8_t)vtl;
        memset(out, 0x5A, sizeof out);
        assert_status(hvemu_hypercall(vmm->hv, vmm->root, 0xAD, in, sizeof in, out, sizeof out),
                      want);
        assert_int_equal(out[0], want ? 0x5A : 1);
    }
    in[12] = 0;
    in[13] = 1;
    assert_status(hvemu_hypercall(vmm->hv, vmm->root, 0xAD, in, sizeof in, out, sizeof out), 0x05);
}

int main(void)
{
#define WITH_GUEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_GUEST(each_type_has_its_accesses),
        WITH_GUEST(intercepts_that_do_not_exist_are_refused),
        WITH_GUEST(an_intercept_is_found_by_type_and_parameter),
        WITH_GUEST(an_intercept_installed_again_takes_the_place_of_the_former),
        WITH_GUEST(every_way_of_the_call_installs),
        cmocka_unit_test(intercepts_are_bounded),
        WITH_GUEST(an_intercept_taken_away_and_installed_anew_is_there_once),
        WITH_GUEST(the_table_holds_what_was_asked_for),
        cmocka_unit_test(a_new_partition_has_none_of_its_predecessors),
        WITH_GUEST(nobodys_intercepts_are_none),
        WITH_GUEST(a_lookup_takes_no_lock),
        cmocka_unit_test(a_lookup_never_finds_what_is_for_another),
        cmocka_unit_test(a_cpuid_intercept_is_paid_for_and_others_are_not),
        cmocka_unit_test(a_cpuid_intercept_without_room_costs_nothing),
        WITH_GUEST(io_is_intercepted_if_one_of_its_ports_is),
        WITH_GUEST(a_check_of_no_io_is_refused),
        WITH_GUEST(a_check_knows_one_trust_level),
    };

    return cmocka_run_group_tests_name("intercept", tests, NULL, NULL);
}
