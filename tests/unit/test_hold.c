/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* While a call runs, the partitions that it is about do not end under its handler: the caller of a
 * call from C, which no VP holds, and the target of a call of the VMM's own. */

#include "fake_vmm.h"

#include <pthread.h>
#include <string.h>
#include <sys/endian.h>

enum { OWN = 0x7001, OWN_ID = 0x0046, FINALIZE = 0x42, DELETE = 0x43 };

static struct {
    struct fake_vmm *vmm;
    uint64_t parent, victim; /* whom another thread tries to end meanwhile */
    unsigned elements;
    uint16_t code, answer;
} now;

static void *try_to_end(void *arg)
{
    (void)arg;
    now.answer = fake_call_on(now.vmm, now.parent, now.code, now.victim);
    return NULL;
}

static uint16_t be_pestered_by(uint16_t code)
{
    pthread_t thread;

    now.code = code;
    if (pthread_create(&thread, NULL, try_to_end, NULL) || pthread_join(thread, NULL))
        return 0x08;
    return now.answer;
}

static uint16_t be_pestered(const struct hvemu_invocation *invocation, const void *in,
                            const void *item, void *out)
{
    (void)invocation, (void)in, (void)item, (void)out;
    now.elements++;
    /* It has begun, and has to wait; deleting is out of the question. */
    if (be_pestered_by(FINALIZE) != 0x78 ||
        fake_call_on(now.vmm, now.parent, DELETE, now.victim) != 0x07)
        return 0x08;
    return 0;
}

/* In the states that no count of ops keeps: whoever would end it has to wait, and tells nobody. */
static uint16_t be_ended(const struct hvemu_invocation *invocation, const void *in,
                         const void *item, void *out)
{
    const unsigned told = now.vmm->count[FAKE_PARTITION];
    const uint16_t deleted = be_pestered_by(DELETE), finalized = be_pestered_by(FINALIZE);

    (void)invocation, (void)in, (void)item, (void)out;
    now.elements++;
    /* One of them at least fits the state. */
    if (deleted != 0x78 && (deleted != 0x07 || finalized != 0x78))
        return 0x08;
    if (finalized != 0x78 && finalized != 0x07)
        return 0x08;
    return now.vmm->count[FAKE_PARTITION] == told ? 0 : 0x08;
}

static void set_up(uint16_t form, uint16_t in, uint16_t in_each, uint8_t target)
{
    const struct hvemu_config config = {.size = sizeof config, .calls = 2};
    const struct hvemu_descriptor call = {.size = sizeof call,
                                          .name = "own",
                                          .handler = be_pestered,
                                          .code = OWN,
                                          .form = form,
                                          .in = in,
                                          .in_each = in_each,
                                          .target = target,
                                          .states = target ? HVEMU_STATE_ACTIVE : 0};

    memset(&now, 0, sizeof now);
    now.vmm = fake_new(&config, NULL);
    assert_result(hvemu_register(now.vmm->hv, &call), HVEMU_OK);
    now.parent = now.vmm->root;
    now.victim = fake_child(now.vmm, now.parent);
}

static void is_ended_afterwards(void)
{
    assert_status(fake_call_on(now.vmm, now.parent, FINALIZE, now.victim), 0);
    assert_status(fake_call_on(now.vmm, now.parent, DELETE, now.victim), 0);
    fake_free(now.vmm);
}

static void a_caller_from_c_is_held_during_its_call(void **state)
{
    (void)state;
    set_up(HVEMU_SIMPLE, 0, 0, HVEMU_NOBODY);
    assert_u64(hvemu_hypercall(now.vmm->hv, now.victim, OWN, NULL, 0, NULL, 0), 0);
    assert_int_equal(now.elements, 1);
    /* Its next call finds it finalizing. */
    assert_u64(hvemu_hypercall(now.vmm->hv, now.victim, OWN, NULL, 0, NULL, 0), 0x06);
    is_ended_afterwards();
}

static void the_target_of_ones_own_call_is_held_during_it(void **state)
{
    uint8_t in[8 + 3 * 8] = {0};

    (void)state;
    set_up(HVEMU_REP, 8, 8, HVEMU_PARENT);
    le64enc(in, now.victim);
    assert_u64(hvemu_hypercall(now.vmm->hv, now.parent, OWN | 3ULL << 32, in, sizeof in, NULL, 0),
               3ULL << 32);
    assert_int_equal(now.elements, 3);
    assert_u64(hvemu_hypercall(now.vmm->hv, now.parent, OWN | 3ULL << 32, in, sizeof in, NULL, 0),
               0x07);
    is_ended_afterwards();
}

/* A call on a partition in these states too. */
static void set_up_for(hvemu_handler *handler, uint8_t target, uint8_t states)
{
    const struct hvemu_config config = {.size = sizeof config, .calls = 1};
    const struct hvemu_descriptor call = {.size = sizeof call,
                                          .name = "own",
                                          .handler = handler,
                                          .code = OWN,
                                          .in = 8,
                                          .target = target,
                                          .states = states};

    memset(&now, 0, sizeof now);
    now.vmm = fake_new(&config, NULL);
    now.parent = now.vmm->root;
    assert_result(hvemu_register(now.vmm->hv, &call), HVEMU_OK);
}

static void the_target_of_ones_own_call_is_held_in_every_state(void **state)
{
    uint8_t in[8];

    (void)state;
    set_up_for(be_ended, HVEMU_PARENT,
               HVEMU_STATE_UNINITIALIZED | HVEMU_STATE_ACTIVE | HVEMU_STATE_FINALIZING |
                   HVEMU_STATE_FINALIZED);
    assert_status(fake_create(now.vmm, now.parent, &now.victim), 0);
    le64enc(in, now.victim);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(hvemu_partition_state(now.vmm->hv, now.victim),
                         HVEMU_STATE_UNINITIALIZED << i);
        assert_u64(hvemu_hypercall(now.vmm->hv, now.parent, OWN, in, sizeof in, NULL, 0), 0);
        assert_int_equal(now.elements, i + 1);
        if (i == 0)
            assert_status(fake_call_on(now.vmm, now.parent, 0x41, now.victim), 0);
        if (i == 1) /* told of STOP, it is not ready for FINALIZED */
            fake_fail(now.vmm, FAKE_PARTITION, 1, 0x78);
        if (i == 1 || i == 2)
            assert_status(fake_call_on(now.vmm, now.parent, FINALIZE, now.victim),
                          i == 1 ? 0x78 : 0);
    }
    assert_status(fake_call_on(now.vmm, now.parent, DELETE, now.victim), 0);
    fake_free(now.vmm);
}

/* Its caller is kept already, so that its parent need not wait for it. */
static uint16_t be_asked(const struct hvemu_invocation *invocation, const void *in,
                         const void *item, void *out)
{
    uint8_t parameters[16] = {0}, balance[16];

    (void)in, (void)item, (void)out;
    now.elements++;
    if (invocation->call->target != (HVEMU_PARENT | HVEMU_SELF)) /* as it was registered */
        return 0x08;
    le64enc(parameters, now.victim);
    return (uint16_t)hvemu_hypercall(now.vmm->hv, now.parent, 0x4A, parameters, sizeof parameters,
                                     balance, sizeof balance);
}

static void a_call_about_its_caller_takes_no_lock(void **state)
{
    uint8_t in[8];

    (void)state;
    set_up_for(be_asked, HVEMU_PARENT | HVEMU_SELF, HVEMU_STATE_ACTIVE | HVEMU_STATE_FINALIZING);
    now.victim = fake_child(now.vmm, now.parent);
    le64enc(in, now.victim);
    assert_u64(hvemu_hypercall(now.vmm->hv, now.victim, OWN, in, sizeof in, NULL, 0), 0);
    /* Its parent's call holds it. */
    assert_u64(hvemu_hypercall(now.vmm->hv, now.parent, OWN, in, sizeof in, NULL, 0), 0x78);
    assert_int_equal(now.elements, 2);
    fake_free(now.vmm);
}

static void a_refused_call_holds_nobody(void **state)
{
    uint8_t in[8 + 8] = {0};

    (void)state;
    set_up(HVEMU_REP, 8, 8, HVEMU_PARENT);
    le64enc(in, now.parent); /* not its own child */
    assert_u64(hvemu_hypercall(now.vmm->hv, now.parent, OWN | 1ULL << 32, in, sizeof in, NULL, 0),
               0x06);
    assert_u64(hvemu_hypercall(now.vmm->hv, now.victim, OWN | 1ULL << 32, in, 8, NULL, 0), 0x05);
    assert_u64(hvemu_hypercall(now.vmm->hv, now.victim, OWN, in, sizeof in, NULL, 0), 0x03);
    assert_int_equal(now.elements, 0);
    is_ended_afterwards();
}

static uint16_t do_nothing(const struct hvemu_invocation *invocation, const void *in,
                           const void *item, void *out)
{
    (void)invocation, (void)in, (void)item, (void)out;
    now.elements++;
    return 0;
}

static void the_hv_functions_are_the_librarys_whatever_is_withdrawn(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .calls = 1};
    const struct hvemu_descriptor other = {
        .size = sizeof other, .name = "other", .handler = do_nothing, .code = OWN_ID};
    const HV_PROXIMITY_DOMAIN_INFO anywhere = {0};
    struct hvemu_caller root;
    uint64_t id = 0x5A, child = 0;

    (void)state;
    memset(&now, 0, sizeof now);
    now.vmm = fake_new(&config, NULL);
    for (uint16_t code = 0x40; code <= 0x43; code++)
        assert_result(hvemu_unregister(now.vmm->hv, code), HVEMU_OK);
    assert_result(hvemu_unregister(now.vmm->hv, OWN_ID), HVEMU_OK);
    assert_result(hvemu_register(now.vmm->hv, &other), HVEMU_OK);
    root = (struct hvemu_caller){.hv = now.vmm->hv, .partition = now.vmm->root};
    hvemu_attach(&root);
    assert_status(HvGetPartitionId(&id), 0);
    assert_u64(id, now.vmm->root);
    assert_status(HvCreatePartition(0, anywhere, &child), 0);
    assert_status(HvInitializePartition(child), 0);
    assert_status(HvFinalizePartition(child), 0);
    assert_status(HvDeletePartition(child), 0);
    hvemu_attach(NULL);
    assert_int_equal(now.elements, 0);
    assert_u64(hvemu_hypercall(now.vmm->hv, now.vmm->root, 0x42, &child, 8, NULL, 0), 0x02);
    fake_free(now.vmm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_caller_from_c_is_held_during_its_call),
        cmocka_unit_test(the_target_of_ones_own_call_is_held_during_it),
        cmocka_unit_test(the_target_of_ones_own_call_is_held_in_every_state),
        cmocka_unit_test(a_call_about_its_caller_takes_no_lock),
        cmocka_unit_test(a_refused_call_holds_nobody),
        cmocka_unit_test(the_hv_functions_are_the_librarys_whatever_is_withdrawn),
    };

    return cmocka_run_group_tests_name("hold", tests, NULL, NULL);
}
