/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The dispatcher, met without registers: calls that the VMM decoded, lists in guest memory and what
 * becomes of a call when memory is not as it should be, and calls from C with buffers. */

#include "fake_vmm.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/endian.h>
#ifdef __linux__
#include <linux/kvm.h>
#endif

enum { IN = 0x1000, OUT = 0x2000, CREATE = 0x40, GET_ID = 0x46, ASSERT = 0x94, CLEAR = 0x56 };

static struct hvemu_call memory_call(uint64_t control, uint64_t in_gpa, uint64_t out_gpa)
{
    struct hvemu_call call;

    memset(&call, 0xEE, sizeof call);
    call.control = control;
    call.in_gpa = in_gpa;
    call.out_gpa = out_gpa;
    return call;
}

static struct hvemu_call fast_call(uint64_t control, uint64_t first, uint64_t second)
{
    struct hvemu_call call = memory_call(control | 0x10000, 0, 0);

    le64enc(call.fast, first);
    le64enc(call.fast + 8, second);
    return call;
}

static void assert_answer(struct hvemu_vp *vp, struct hvemu_call call, uint16_t want)
{
    assert_action(hvemu_execute(vp, &call), HVEMU_STEP);
    assert_status(call.status, want);
    assert_u64(call.result, want);
    assert_u64(call.access, 0);
}

static void assert_intercept(struct hvemu_vp *vp, struct hvemu_call call, uint64_t gpa,
                             uint32_t access)
{
    assert_action(hvemu_execute(vp, &call), HVEMU_INTERCEPT);
    assert_u64(call.gpa, gpa);
    assert_u64(call.access, access);
}

static uint64_t add_child(struct fake_vmm *vmm)
{
    uint64_t child;

    assert_result(hvemu_add_guest(vmm->hv, vmm->guest, 0x60, vmm, &child), HVEMU_OK);
    return child;
}

static struct hvemu_vp *add_child_with_interrupt(struct fake_vmm *vmm, uint64_t *child)
{
    struct hvemu_vp *vp;
    uint8_t vector;

    *child = add_child(vmm);
    assert_result(hvemu_vp_attach(vmm->hv, *child, 0, vmm, &vp), HVEMU_OK);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->guest, *child, 7, 0, 0x20), 0);
    assert_result(hvemu_ext_int_acknowledge(vp, &vector), HVEMU_OK);
    return vp;
}

static struct fake_vmm *new_with(const struct hvemu_config *config, const struct hvemu_ops *ops)
{
    struct fake_vmm *vmm = fake_new(config, ops);

    assert_result(hvemu_add_guest(vmm->hv, vmm->root, HV_PRIVILEGE_ALL, vmm, &vmm->guest),
                  HVEMU_OK);
    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 0, vmm, &vmm->vp), HVEMU_OK);
    memset(vmm->ram, 0, sizeof vmm->ram);
    fake_forget(vmm);
    return vmm;
}

/* ---- A VMM whose kernel decodes the registers ---- */

#ifdef __linux__
/* What a VMM makes of a KVM_EXIT_HYPERV exit. fetched: the kernel has put the input's bytes in
 * place of its address, but left the fast bit as the guest had it. */
static enum hvemu_action answer_kvm(struct hvemu_vp *vp, struct kvm_hyperv_exit *exit, int fetched)
{
    struct hvemu_call call = {.control = exit->u.hcall.input | (fetched ? 0x10000 : 0)};
    enum hvemu_action action;

    if (call.control & 0x10000) {
        le64enc(call.fast, exit->u.hcall.params[0]);
        le64enc(call.fast + 8, exit->u.hcall.params[1]);
    } else {
        call.in_gpa = exit->u.hcall.params[0];
        call.out_gpa = exit->u.hcall.params[1];
    }
    action = hvemu_execute(vp, &call);
    if (action == HVEMU_STEP)
        exit->u.hcall.result = call.result;
    return action;
}

static struct kvm_hyperv_exit kvm_exit(uint64_t input, uint64_t first, uint64_t second)
{
    struct kvm_hyperv_exit exit = {.type = KVM_EXIT_HYPERV_HCALL};

    exit.u.hcall.input = input;
    exit.u.hcall.params[0] = first;
    exit.u.hcall.params[1] = second;
    exit.u.hcall.result = 0x5A5A5A5A5A5A5A5A;
    return exit;
}

static void kvm_hyperv_exit_is_answered(void **state)
{
    struct fake_vmm *vmm = *state;
    struct kvm_hyperv_exit exit;
    uint64_t child;

    add_child_with_interrupt(vmm, &child);
    exit = kvm_exit(0x10056, child, 0x5A5A5A5A);
    assert_action(answer_kvm(vmm->vp, &exit, 0), HVEMU_STEP);
    assert_u64(exit.u.hcall.result, 0);
    assert_action(answer_kvm(vmm->vp, &exit, 0), HVEMU_STEP);
    assert_u64(exit.u.hcall.result, 0x14);
    exit = kvm_exit(0x1FFFF, child, 0);
    assert_action(answer_kvm(vmm->vp, &exit, 0), HVEMU_STEP);
    assert_u64(exit.u.hcall.result, 2);
}

static void kvm_hyperv_exit_with_lists_in_memory_is_answered(void **state)
{
    struct fake_vmm *vmm = *state;
    struct kvm_hyperv_exit exit = kvm_exit(0x46, 0, OUT);
    uint64_t child;

    assert_action(answer_kvm(vmm->vp, &exit, 0), HVEMU_STEP);
    assert_u64(exit.u.hcall.result, 0);
    assert_u64(le64dec(vmm->ram + OUT), vmm->guest);
    add_child_with_interrupt(vmm, &child);
    le64enc(vmm->ram + IN, child);
    exit = kvm_exit(0x56, IN, 0);
    assert_action(answer_kvm(vmm->vp, &exit, 0), HVEMU_STEP);
    assert_u64(exit.u.hcall.result, 0);
    exit = kvm_exit(0x56, FAKE_RAM, 0);
    assert_action(answer_kvm(vmm->vp, &exit, 0), HVEMU_INTERCEPT);
    assert_u64(exit.u.hcall.result, 0x5A5A5A5A5A5A5A5A);
}

static void bytes_that_the_kernel_has_fetched_are_handed_over_as_fast(void **state)
{
    struct fake_vmm *vmm = *state;
    struct kvm_hyperv_exit exit;
    uint64_t child;

    add_child_with_interrupt(vmm, &child);
    fake_forget(vmm);
    exit = kvm_exit(0x56, child, 0);
    assert_action(answer_kvm(vmm->vp, &exit, 1), HVEMU_STEP);
    assert_u64(exit.u.hcall.result, 0);
    assert_u64(vmm->logged, 0);
}
#endif

static void bytes_of_any_call_may_have_been_fetched(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_call call;
    struct hvemu_vp *vp;
    const uint64_t child = add_child(vmm);
    uint8_t vector;

    assert_result(hvemu_vp_attach(vmm->hv, child, 0, vmm, &vp), HVEMU_OK);
    call = fast_call(ASSERT, child, 7);
    le64enc(call.fast + 16, 0);
    le64enc(call.fast + 24, 0x33);
    assert_answer(vmm->vp, call, 0);
    assert_result(hvemu_ext_int_acknowledge(vp, &vector), HVEMU_OK);
    assert_u64(vector, 0x33);
    call = fast_call(CREATE, 0, 0);
    memset(call.fast + 16, 0, 40);
    assert_action(hvemu_execute(vmm->vp, &call), HVEMU_STEP);
    assert_u64(call.result, 0);
    assert_u64(call.out_at, 64);
    assert_u64(le64dec(call.fast + 64), child + 1);
}

/* ---- hvemu_execute() itself ---- */

static void registers_that_are_not_advertised_do_not_matter_to_a_decoded_call(void **state)
{
    const struct hvemu_config config = {.size = sizeof config};
    struct fake_vmm *vmm = new_with(&config, NULL);
    struct hvemu_call call = fast_call(GET_ID, 0, 0);

    (void)state;
    /* Nor does the interface, which was never enabled. */
    assert_action(hvemu_execute(vmm->vp, &call), HVEMU_STEP);
    assert_u64(call.out_at, 0);
    assert_u64(le64dec(call.fast), vmm->guest);
    assert_answer(vmm->vp, fast_call(ASSERT, 0, 0), 0x0D);
    fake_free(vmm);
}

static void answer_tells_what_was_asked(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_call call = memory_call(0x0003000500000040, IN + 3, OUT + 5);

    assert_action(hvemu_execute(vmm->vp, &call), HVEMU_STEP);
    assert_u64(call.control, 0x0003000500000040);
    assert_u64(call.in_gpa, IN + 3);
    assert_u64(call.out_gpa, OUT + 5);
    assert_u64(call.code, 0x40);
    assert_u64(call.reps, 5);
    assert_u64(call.start, 3);
    assert_u64(call.in_bytes, 56);
    assert_u64(call.out_bytes, 8);
    assert_status(call.status, 3);
    assert_u64(call.result, 3);
    assert_u64(call.access, 0);
}

static void executing_nothing_fails(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_call call = fast_call(CLEAR, 0, 0);

    assert_action(hvemu_execute(NULL, &call), HVEMU_FAILED);
    assert_action(hvemu_execute(vmm->vp, NULL), HVEMU_FAILED);
}

static void decoded_call_of_a_dead_partition_is_gone(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_call call = fast_call(CLEAR, 0, 0);

    assert_status(fake_call_on(vmm, vmm->root, 0x42, vmm->guest), 0x78);
    assert_action(hvemu_execute(vmm->vp, &call), HVEMU_GONE);
    call = memory_call(0xFFFF, 1, 1);
    assert_action(hvemu_execute(vmm->vp, &call), HVEMU_GONE);
}

static void vp_of_a_deleted_partition_does_not_act_for_its_successor(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .partitions = 2};
    struct fake_vmm *vmm = new_with(&config, NULL);
    const uint64_t old = vmm->guest;
    struct hvemu_vp *stale = vmm->vp;
    struct hvemu_call call = fast_call(GET_ID, 0, 0);

    (void)state;
    assert_result(hvemu_vp_detach(stale), HVEMU_OK);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, old), 0);
    assert_status(fake_call_on(vmm, vmm->root, 0x43, old), 0);
    assert_result(hvemu_add_guest(vmm->hv, vmm->root, HV_PRIVILEGE_ALL, vmm, &vmm->guest),
                  HVEMU_OK);
    assert_u64(vmm->guest, old + 0x1000000); /* the same place */
    assert_action(hvemu_execute(stale, &call), HVEMU_GONE);
    fake_free(vmm);
}

static enum hvemu_action inner_action;

static void execute_with_the_same_vp(struct fake_vmm *vmm, const struct fake_event *event)
{
    struct hvemu_call call = fast_call(CLEAR, 0, 0);

    (void)event;
    inner_action = hvemu_execute(vmm->vp, &call);
}

static void vp_takes_one_call_at_a_time(void **state)
{
    struct fake_vmm *vmm = *state;

    inner_action = HVEMU_STEP;
    vmm->reenter = execute_with_the_same_vp;
    assert_answer(vmm->vp, memory_call(GET_ID, 0, OUT), 0);
    vmm->reenter = NULL;
    assert_action(inner_action, HVEMU_FAILED);
    assert_answer(vmm->vp, fast_call(CLEAR, 0, 0), 0x0D);
}

/* ---- Guest memory ---- */

/* The n-th event since the log was forgotten. */
static void assert_event(const struct fake_vmm *vmm, unsigned n, enum fake_op op, uint64_t gpa,
                         uint32_t bytes)
{
    assert_true(n < vmm->logged);
    assert_int_equal(vmm->log[n].op, op);
    assert_ptr_equal(vmm->log[n].ctx, vmm);
    if (op != FAKE_PARTITION) {
        assert_u64(vmm->log[n].partition, vmm->guest);
        assert_u64(vmm->log[n].gpa, gpa);
        assert_u64(vmm->log[n].vector, bytes);
    }
}

static void input_is_read_once_and_exactly_its_bytes(void **state)
{
    static const struct {
        uint16_t code, bytes;
    } rows[] = {{0x41, 8}, {0x42, 8}, {0x43, 8}, {0x55, 32}, {0x56, 8}, {0x94, 32}};
    struct fake_vmm *vmm = *state;

    memset(vmm->ram, 0, sizeof vmm->ram);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fake_forget(vmm);
        assert_answer(vmm->vp, memory_call(rows[i].code, IN + 0x40, 1), 0x0D);
        assert_u64(vmm->logged, 1);
        assert_event(vmm, 0, FAKE_GPA_READ, IN + 0x40, rows[i].bytes);
    }
}

static void create_probes_reads_acts_and_writes(void **state)
{
    struct fake_vmm *vmm = *state;

    memset(vmm->ram + IN, 0, 0x100);
    assert_answer(vmm->vp, memory_call(CREATE, IN + 8, OUT + 0x18), 0);
    assert_u64(vmm->logged, 4);
    assert_event(vmm, 0, FAKE_GPA_WRITABLE, OUT + 0x18, 8);
    assert_event(vmm, 1, FAKE_GPA_READ, IN + 8, 56);
    assert_event(vmm, 2, FAKE_PARTITION, 0, 0);
    assert_event(vmm, 3, FAKE_GPA_WRITE, OUT + 0x18, 8);
}

static void get_partition_id_reads_nothing(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_answer(vmm->vp, memory_call(GET_ID, 1, OUT), 0);
    assert_u64(vmm->logged, 2);
    assert_event(vmm, 0, FAKE_GPA_WRITABLE, OUT, 8);
    assert_event(vmm, 1, FAKE_GPA_WRITE, OUT, 8);
}

static void failed_call_writes_no_output(void **state)
{
    struct fake_vmm *vmm = *state;

    memset(vmm->ram + IN, 0xFF, 56);
    assert_answer(vmm->vp, memory_call(CREATE, IN, OUT), 5);
    assert_u64(vmm->count[FAKE_GPA_WRITE], 0);
    assert_u64(vmm->count[FAKE_PARTITION], 0);
}

static void fast_calls_touch_no_memory(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_call call = fast_call(CREATE, 0, 0);

    memset(call.fast, 0, 56);
    assert_answer(vmm->vp, call, 0);
    assert_answer(vmm->vp, fast_call(GET_ID, 0, 0), 0);
    assert_answer(vmm->vp, fast_call(CLEAR, 0, 0), 0x0D);
    assert_u64(vmm->count[FAKE_GPA_READ], 0);
    assert_u64(vmm->count[FAKE_GPA_WRITABLE], 0);
    assert_u64(vmm->count[FAKE_GPA_WRITE], 0);
}

static void refused_calls_touch_no_memory(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_answer(vmm->vp, memory_call(0x57, IN, OUT), 2);
    assert_answer(vmm->vp, memory_call(0x80000040, IN, OUT), 3);
    assert_answer(vmm->vp, memory_call(CREATE, IN + 4, OUT), 4);
    assert_answer(vmm->vp, memory_call(CREATE, IN, OUT + 4), 4);
    assert_u64(vmm->logged, 0);
}

static void lists_may_lie_over_each_other(void **state)
{
    struct fake_vmm *vmm = *state;

    memset(vmm->ram + IN, 0, 0x100);
    assert_answer(vmm->vp, memory_call(CREATE, IN, IN), 0);
    assert_u64(le64dec(vmm->ram + IN), vmm->guest + 1);
    assert_u64(le64dec(vmm->ram + IN + 8), 0);
}

static void ops_act_for_the_calling_partition(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp;
    uint64_t child, context;

    assert_result(hvemu_add_guest(vmm->hv, vmm->guest, HV_PRIVILEGE_ALL, &context, &child),
                  HVEMU_OK);
    assert_result(hvemu_vp_attach(vmm->hv, child, 3, NULL, &vp), HVEMU_OK);
    assert_answer(vp, memory_call(GET_ID, 0, OUT), 0);
    assert_u64(le64dec(vmm->ram + OUT), child);
    for (unsigned i = 0; i < 2; i++) {
        assert_u64(vmm->log[i].partition, child);
        assert_ptr_equal(vmm->log[i].ctx, &context);
    }
}

/* ---- The end of the guest's address space ---- */

static void list_ends_where_the_address_space_does(void **state)
{
    (void)state;
    for (uint32_t bits = 12; bits <= 52; bits++) {
        const struct hvemu_config config = {.size = sizeof config, .gpa_bits = bits};
        const uint64_t end = (uint64_t)1 << bits;
        struct fake_vmm *vmm = new_with(&config, NULL);

        /* The last bytes are asked for; whether there is memory is the VMM's to say. */
        fake_fail(vmm, FAKE_GPA_READ, 0, HVEMU_MEM_NONE);
        assert_intercept(vmm->vp, memory_call(CLEAR, end - 8, 0), end - 8, 1);
        fake_fail(vmm, FAKE_GPA_READ, 0, HVEMU_MEM_NONE);
        assert_intercept(vmm->vp, memory_call(ASSERT, end - 32, 0), end - 32, 1);
        fake_fail(vmm, FAKE_GPA_WRITABLE, 0, HVEMU_MEM_NONE);
        assert_intercept(vmm->vp, memory_call(GET_ID, 0, end - 8), end - 8, 2);
        fake_forget(vmm);
        for (unsigned bit = bits; bit < 64; bit++) {
            const uint64_t gpa = (uint64_t)1 << bit;

            assert_answer(vmm->vp, memory_call(CLEAR, gpa, 0), 4);
            assert_answer(vmm->vp, memory_call(GET_ID, 0, gpa), 4);
            assert_answer(vmm->vp, memory_call(CREATE, 0, gpa), 4);
            assert_answer(vmm->vp, memory_call(CREATE, gpa, 0), 4);
            assert_answer(vmm->vp, memory_call(CLEAR, gpa | (end - 8), 0), 4);
        }
        assert_answer(vmm->vp, memory_call(CLEAR, 0xFFFFFFFFFFFFFFF8, 0), 4);
        assert_u64(vmm->logged, 0);
        fake_free(vmm);
    }
}

static void absent_list_may_lie_beyond_the_address_space(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .gpa_bits = 15};
    struct fake_vmm *vmm = new_with(&config, NULL);

    (void)state;
    assert_answer(vmm->vp, memory_call(GET_ID, UINT64_MAX, OUT), 0);
    assert_answer(vmm->vp, memory_call(CLEAR, IN, UINT64_MAX), 0x0D);
    fake_free(vmm);
}

static void address_space_has_52_bits_by_default(void **state)
{
    struct fake_vmm *vmm = new_with(NULL, NULL);

    (void)state;
    assert_intercept(vmm->vp, memory_call(CLEAR, 0x000FFFFFFFFFFFF8, 0), 0x000FFFFFFFFFFFF8, 1);
    assert_answer(vmm->vp, memory_call(CLEAR, 0x0010000000000000, 0), 4);
    fake_free(vmm);
}

/* ---- Lists under the hypercall page ---- */

static void list_under_the_hypercall_page_is_not_accessible(void **state)
{
    struct fake_vmm *vmm = *state;

    for (uint64_t gpa = FAKE_HYPERCALL_PAGE; gpa < FAKE_HYPERCALL_PAGE + 0x1000; gpa += 8) {
        assert_intercept(vmm->vp, memory_call(CLEAR, gpa, 0), gpa, 1);
        assert_intercept(vmm->vp, memory_call(GET_ID, 0, gpa), gpa, 2);
    }
    assert_u64(vmm->logged, 0);
    /* The page before it is ordinary. */
    assert_answer(vmm->vp, memory_call(GET_ID, 0, FAKE_HYPERCALL_PAGE - 8), 0);
}

static void what_lay_under_the_hypercall_page_comes_back(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_action(hvemu_x64_wrmsr(vmm->vp, 0x40000001, 0x3FFF001), HVEMU_STEP);
    assert_answer(vmm->vp, memory_call(GET_ID, 0, FAKE_HYPERCALL_PAGE), 0);
    assert_intercept(vmm->vp, memory_call(GET_ID, 0, 0x3FFFFF8), 0x3FFFFF8, 2);
    assert_u64(vmm->count[FAKE_GPA_WRITABLE], 1);
    /* Disabled, it hides nothing though the register still names the place. */
    assert_action(hvemu_x64_wrmsr(vmm->vp, 0x40000001, FAKE_HYPERCALL_PAGE), HVEMU_STEP);
    assert_answer(vmm->vp, memory_call(GET_ID, 0, FAKE_HYPERCALL_PAGE), 0);
}

static void hypercall_page_of_another_partition_hides_nothing(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp;
    uint64_t other;

    assert_result(hvemu_add_guest(vmm->hv, vmm->root, HV_PRIVILEGE_ALL, vmm, &other), HVEMU_OK);
    assert_result(hvemu_vp_attach(vmm->hv, other, 0, vmm, &vp), HVEMU_OK);
    assert_answer(vp, memory_call(GET_ID, 0, FAKE_HYPERCALL_PAGE), 0);
}

static void output_under_the_hypercall_page_makes_no_partition(void **state)
{
    struct fake_vmm *vmm = *state;

    memset(vmm->ram + IN, 0, 56);
    assert_intercept(vmm->vp, memory_call(CREATE, IN, FAKE_HYPERCALL_PAGE), FAKE_HYPERCALL_PAGE, 2);
    assert_u64(vmm->count[FAKE_PARTITION], 0);
}

/* ---- Answers of the memory ops ---- */

static void memory_that_is_not_there_is_intercepted(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_intercept(vmm->vp, memory_call(CLEAR, FAKE_RAM, 0), FAKE_RAM, 1);
    assert_intercept(vmm->vp, memory_call(ASSERT, FAKE_RAM + 0x20, 0), FAKE_RAM + 0x20, 1);
    assert_intercept(vmm->vp, memory_call(GET_ID, 0, FAKE_RAM + 8), FAKE_RAM + 8, 2);
    /* Of two lists the output is looked at first. */
    assert_intercept(vmm->vp, memory_call(CREATE, FAKE_RAM, FAKE_RAM + 0x1000), FAKE_RAM + 0x1000,
                     2);
}

static void memory_that_may_not_be_accessed_is_intercepted_too(void **state)
{
    struct fake_vmm *vmm = *state;

    fake_fail(vmm, FAKE_GPA_READ, 0, HVEMU_MEM_DENIED);
    assert_intercept(vmm->vp, memory_call(CLEAR, IN, 0), IN, HVEMU_ACCESS_READ);
    fake_fail(vmm, FAKE_GPA_WRITABLE, 0, HVEMU_MEM_DENIED);
    assert_intercept(vmm->vp, memory_call(GET_ID, 0, OUT), OUT, HVEMU_ACCESS_WRITE);
}

/* Whether the next partition still is the one it would have been. */
static void assert_no_partition_was_made(struct fake_vmm *vmm)
{
    uint64_t id;

    assert_u64(vmm->count[FAKE_PARTITION], 0);
    assert_status(fake_create(vmm, vmm->guest, &id), 0);
    assert_u64(id, vmm->guest + 1);
    assert_status(fake_call_on(vmm, vmm->guest, 0x43, id), 0);
}

static void output_is_probed_before_anything_happens(void **state)
{
    static const struct {
        int answer;
        enum hvemu_action want;
    } rows[] = {
        {HVEMU_MEM_NONE, HVEMU_INTERCEPT},
        {HVEMU_MEM_AGAIN, HVEMU_REPEAT},
        {HVEMU_MEM_FAILED, HVEMU_FAILED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fake_vmm *vmm = new_with(NULL, NULL);
        struct hvemu_call call = memory_call(CREATE, IN, OUT);

        fake_fail(vmm, FAKE_GPA_WRITABLE, 0, rows[i].answer);
        assert_action(hvemu_execute(vmm->vp, &call), rows[i].want);
        assert_u64(vmm->count[FAKE_GPA_WRITE], 0);
        assert_no_partition_was_made(vmm);
        fake_free(vmm);
    }
}

static void call_that_met_blocking_memory_can_be_made_again(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_call call = memory_call(CREATE, IN, OUT);

    memset(vmm->ram + IN, 0, 56);
    fake_fail(vmm, FAKE_GPA_WRITABLE, 0, HVEMU_MEM_AGAIN);
    fake_fail(vmm, FAKE_GPA_READ, 0, HVEMU_MEM_AGAIN);
    assert_action(hvemu_execute(vmm->vp, &call), HVEMU_REPEAT);
    assert_u64(vmm->logged, 1);
    assert_event(vmm, 0, FAKE_GPA_WRITABLE, OUT, 8);
    assert_action(hvemu_execute(vmm->vp, &call), HVEMU_REPEAT);
    assert_u64(vmm->logged, 3);
    assert_event(vmm, 1, FAKE_GPA_WRITABLE, OUT, 8);
    assert_event(vmm, 2, FAKE_GPA_READ, IN, 56);
    assert_action(hvemu_execute(vmm->vp, &call), HVEMU_STEP);
    assert_u64(call.result, 0);
    assert_u64(le64dec(vmm->ram + OUT), vmm->guest + 1);
    assert_u64(vmm->count[FAKE_PARTITION], 1);
}

static void undefined_answers_are_failures(void **state)
{
    static const int answers[] = {HVEMU_MEM_FAILED, 5, 0x100, INT_MAX, -1, INT_MIN};
    struct fake_vmm *vmm = *state;

    memset(vmm->ram + IN, 0, 56);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct hvemu_call call = memory_call(CREATE, IN, OUT);

        fake_fail(vmm, FAKE_GPA_WRITABLE, 0, answers[i]);
        assert_action(hvemu_execute(vmm->vp, &call), HVEMU_FAILED);
        assert_u64(vmm->logged, 1);
        fake_fail(vmm, FAKE_GPA_READ, 0, answers[i]);
        assert_action(hvemu_execute(vmm->vp, &call), HVEMU_FAILED);
        assert_u64(vmm->logged, 3);
        /* The VP is not left in a call. */
        assert_answer(vmm->vp, fast_call(CLEAR, 0, 0), 0x0D);
        fake_forget(vmm);
    }
    assert_u64(vmm->count[FAKE_GPA_WRITE], 0);
    assert_no_partition_was_made(vmm);
}

static void lost_output_leaves_the_call_standing(void **state)
{
    static const int answers[] = {HVEMU_MEM_NONE, HVEMU_MEM_AGAIN, HVEMU_MEM_FAILED, 4, -1};
    struct fake_vmm *vmm = *state;

    memset(vmm->ram + IN, 0, 56);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct hvemu_call call = memory_call(CREATE, IN, OUT);

        fake_fail(vmm, FAKE_GPA_WRITE, 0, answers[i]);
        assert_action(hvemu_execute(vmm->vp, &call), HVEMU_STEP);
        assert_u64(call.result, 0);
        assert_u64(call.access, 4);
        assert_status(hvemu_clear_virtual_interrupt(vmm->hv, vmm->guest, vmm->guest + 1 + i), 7);
    }
}

static void op_that_asks_for_time_repeats_the_call(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_call call = memory_call(CREATE, IN, OUT);

    memset(vmm->ram + IN, 0, 56);
    fake_fail(vmm, FAKE_PARTITION, 0, 0x78);
    assert_action(hvemu_execute(vmm->vp, &call), HVEMU_REPEAT);
    assert_u64(vmm->count[FAKE_GPA_WRITE], 0);
    assert_action(hvemu_execute(vmm->vp, &call), HVEMU_STEP);
    assert_u64(le64dec(vmm->ram + OUT), vmm->guest + 1);
}

/* Stands for another thread: the root ends the caller while its input is being read. */
static void finalize_the_caller(struct fake_vmm *vmm, const struct fake_event *event)
{
    if (event->op == FAKE_GPA_READ)
        assert_status(fake_call_on(vmm, vmm->root, 0x42, vmm->guest), 0x78);
}

static void caller_that_dies_in_mid_call_makes_no_partition(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_call call = memory_call(CREATE, IN, OUT);

    memset(vmm->ram + IN, 0, 56);
    vmm->reenter = finalize_the_caller;
    assert_action(hvemu_execute(vmm->vp, &call), HVEMU_REPEAT);
    vmm->reenter = NULL;
    assert_u64(vmm->count[FAKE_PARTITION], 1); /* the caller's own end */
    assert_u64(vmm->count[FAKE_GPA_WRITE], 0);
    assert_action(hvemu_execute(vmm->vp, &call), HVEMU_GONE);
}

static void without_memory_ops_no_list_is_in_reach(void **state)
{
    struct hvemu_ops ops = fake_ops;
    struct fake_vmm *vmm;

    (void)state;
    ops.gpa_read = NULL;
    ops.gpa_writable = NULL;
    ops.gpa_write = NULL;
    vmm = new_with(NULL, &ops);
    assert_intercept(vmm->vp, memory_call(CLEAR, IN, 0), IN, 1);
    assert_intercept(vmm->vp, memory_call(GET_ID, 0, OUT), OUT, 2);
    fake_free(vmm);
    ops.gpa_writable = fake_ops.gpa_writable; /* may be written, but nobody could */
    vmm = new_with(NULL, &ops);
    assert_intercept(vmm->vp, memory_call(GET_ID, 0, OUT), OUT, 2);
    assert_u64(vmm->logged, 0);
    fake_free(vmm);
}

static void without_a_probe_output_is_taken_to_be_writable(void **state)
{
    struct hvemu_ops ops = fake_ops;
    struct fake_vmm *vmm;
    struct hvemu_call call = memory_call(GET_ID, 0, FAKE_RAM);

    (void)state;
    ops.gpa_writable = NULL;
    vmm = new_with(NULL, &ops);
    assert_answer(vmm->vp, memory_call(GET_ID, 0, OUT), 0);
    assert_u64(le64dec(vmm->ram + OUT), vmm->guest);
    assert_action(hvemu_execute(vmm->vp, &call), HVEMU_STEP);
    assert_u64(call.access, 4);
    fake_free(vmm);
}

static void without_any_op_calls_do_what_they_can(void **state)
{
    const struct hvemu_ops none = {.size = sizeof none};
    struct fake_vmm *vmm = new_with(NULL, &none);
    struct hvemu_call call = fast_call(CREATE, 0, 0);
    uint64_t child;

    (void)state;
    memset(call.fast, 0, 56);
    assert_action(hvemu_execute(vmm->vp, &call), HVEMU_STEP);
    assert_u64(call.result, 0);
    child = le64dec(call.fast + call.out_at);
    /* A machine with features that nobody builds. */
    call = fast_call(CREATE, 0x1, 0);
    memset(call.fast + 16, 0, 40);
    assert_answer(vmm->vp, call, 5);
    call = fast_call(CREATE, 0, 0);
    memset(call.fast + 16, 0, 40);
    call.fast[24] = 1;
    assert_answer(vmm->vp, call, 5);
    assert_answer(vmm->vp, fast_call(0x41, child, 0), 0);
    assert_answer(vmm->vp, fast_call(CLEAR, child, 0), 0x14);
    /* A fixed interrupt, which nobody delivers. */
    call = fast_call(ASSERT, child, 0);
    le64enc(call.fast + 16, 0);
    le64enc(call.fast + 24, 0x40);
    assert_answer(vmm->vp, call, 5);
    assert_answer(vmm->vp, fast_call(0x42, child, 0), 0);
    assert_answer(vmm->vp, fast_call(0x43, child, 0), 0);
    fake_free(vmm);
}

/* ---- Privileges ---- */

static void each_call_needs_its_privilege_and_no_other(void **state)
{
    static const struct {
        uint16_t code;
        uint64_t privilege;
        uint16_t otherwise;
    } rows[] = {
        {0x40, 0x0000000100000000, 5},    {0x41, 0x0000000100000000, 0x0D},
        {0x42, 0x0000000100000000, 0x0D}, {0x43, 0x0000000100000000, 0x0D},
        {0x46, 0x0000000200000000, 0},    {0x55, 0x0000000100000000, 0x0D},
        {0x56, 0x0000000100000000, 0x0D}, {0x94, 0x0000000100000000, 0x0D},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int has = 0; has < 2; has++) {
            struct fake_vmm *vmm = fake_new(NULL, NULL);
            const uint64_t privileges =
                has ? rows[i].privilege : HV_PRIVILEGE_ALL & ~rows[i].privilege;
            const uint16_t want = has ? rows[i].otherwise : 6;
            struct hvemu_call call;
            uint8_t in[56] = {0}, out[8];

            assert_result(hvemu_add_guest(vmm->hv, vmm->root, privileges, vmm, &vmm->guest),
                          HVEMU_OK);
            assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 0, vmm, &vmm->vp), HVEMU_OK);
            in[7] = rows[i].code == 0x40 ? 0x80 : 0;
            memset(vmm->ram, 0, sizeof vmm->ram);
            vmm->ram[IN + 7] = in[7];
            call = fast_call(rows[i].code, le64dec(in), 0);
            assert_answer(vmm->vp, call, want);
            assert_answer(vmm->vp, memory_call(rows[i].code, IN, OUT), want);
            assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, rows[i].code, in, 56, out, 8), want);
            fake_free(vmm);
        }
    }
}

/* ---- Calls from C ---- */

static void c_call_of_nobody_is_denied(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t callers[] = {0,        UINT64_MAX,     vmm->guest + 0x1000000,
                                0xFFFFFF, vmm->guest + 1, 17};
    uint8_t in[56] = {0}, out[8];

    for (size_t i = 0; i < sizeof callers / sizeof *callers; i++)
        assert_u64(hvemu_hypercall(vmm->hv, callers[i], CLEAR, in, 8, NULL, 0), 6);
    assert_u64(hvemu_hypercall(NULL, vmm->guest, CREATE, in, 56, out, 8), 6);
    assert_u64(hvemu_hypercall(NULL, 0, 0x80000000 | CLEAR, NULL, 0, NULL, 0), 6);
    assert_u64(hvemu_hypercall(NULL, 0, 0xFFFF, NULL, 0, NULL, 0), 2);
    assert_u64(vmm->logged, 0);
}

static void c_call_of_a_caller_that_is_not_active_is_denied(void **state)
{
    struct fake_vmm *vmm = *state;
    uint64_t child;
    uint8_t in[8] = {0}, out[8];

    assert_status(fake_create(vmm, vmm->root, &child), 0);
    assert_u64(hvemu_hypercall(vmm->hv, child, GET_ID, NULL, 0, out, 8), 6);
    assert_u64(hvemu_hypercall(vmm->hv, child, CLEAR, in, 8, NULL, 0), 6);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, vmm->guest), 0x78);
    assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, GET_ID, NULL, 0, out, 8), 6);
    assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, CLEAR, in, 8, NULL, 0), 6);
}

static void c_call_with_too_short_a_buffer_is_refused(void **state)
{
    struct fake_vmm *vmm = *state;
    static const struct {
        uint16_t code;
        size_t in, out;
    } rows[] = {{0x40, 56, 8}, {0x41, 8, 0},  {0x42, 8, 0}, {0x43, 8, 0},
                {0x46, 0, 8},  {0x55, 32, 0}, {0x56, 8, 0}, {0x94, 32, 0}};
    uint8_t in[64] = {0}, out[64];

    memset(out, 0xCC, sizeof out);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const uint64_t code = rows[i].code;

        for (size_t bytes = 0; bytes < rows[i].in; bytes++)
            assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, code, in, bytes, out, 64), 5);
        for (size_t bytes = 0; bytes < rows[i].out; bytes++)
            assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, code, in, 64, out, bytes), 5);
        if (rows[i].in)
            assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, code, NULL, 64, out, 64), 5);
        if (rows[i].out)
            assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, code, in, 64, NULL, 64), 5);
    }
    for (size_t i = 0; i < sizeof out; i++)
        assert_int_equal(out[i], 0xCC);
    assert_no_partition_was_made(vmm);
}

static void c_call_may_have_buffers_that_are_long_or_not_aligned(void **state)
{
    struct fake_vmm *vmm = *state;
    uint8_t in[64] = {0}, out[64];

    memset(out, 0xCC, sizeof out);
    memset(in + 57, 0xFF, 7);
    assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, CREATE, in + 1, 63, out + 3, 61), 0);
    assert_u64(le64dec(out + 3), vmm->guest + 1);
    for (size_t i = 0; i < sizeof out; i++)
        if (i < 3 || i >= 11)
            assert_int_equal(out[i], 0xCC);
}

static void c_call_may_have_one_buffer_for_both(void **state)
{
    struct fake_vmm *vmm = *state;
    uint8_t both[56] = {0};

    assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, CREATE, both, 56, both, 56), 0);
    assert_u64(le64dec(both), vmm->guest + 1);
}

static void c_call_that_fails_writes_no_output(void **state)
{
    struct fake_vmm *vmm = *state;
    uint8_t in[56], out[8] = {1, 2, 3, 4, 5, 6, 7, 8};

    memset(in, 0xFF, sizeof in);
    assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, CREATE, in, 56, out, 8), 5);
    memset(in, 0, sizeof in);
    fake_fail(vmm, FAKE_PARTITION, 0, 0x0B);
    assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, CREATE, in, 56, out, 8), 0x0B);
    assert_memory_equal(out, "\1\2\3\4\5\6\7\10", 8);
}

static void fast_bit_says_nothing_in_a_c_call(void **state)
{
    struct fake_vmm *vmm = *state;
    uint64_t child;
    uint8_t in[8], out[8];

    add_child_with_interrupt(vmm, &child);
    le64enc(in, child);
    assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, 0x10056, in, 8, NULL, 0), 0);
    assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, 0x56, in, 8, NULL, 0), 0x14);
    assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, 0x10046, NULL, 0, out, 8), 0);
    assert_u64(le64dec(out), vmm->guest);
    assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, 0x1FFFF, NULL, 0, NULL, 0), 2);
}

static void order_of_faults_in_a_c_call(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint8_t in[8] = {0};
    uint64_t weak;

    assert_result(hvemu_add_guest(vmm->hv, vmm->root, 0x60, vmm, &weak), HVEMU_OK);
    assert_u64(hvemu_hypercall(vmm->hv, weak, UINT64_MAX, NULL, 0, NULL, 0), 2);
    assert_u64(hvemu_hypercall(vmm->hv, weak, 0x80000056, NULL, 0, NULL, 0), 6);
    assert_u64(hvemu_hypercall(vmm->hv, weak, 0x56, NULL, 0, NULL, 0), 6);
    assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, 0x80000056, NULL, 0, NULL, 0), 3);
    assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, 0x56, NULL, 0, NULL, 0), 5);
    assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, 0x56, in, 8, NULL, 0), 0x0D);
}

/* Each alone, for the shortest call there is. */

static unsigned watched;

static int watch_before(void *ctx, const struct hvemu_invocation *invocation)
{
    (void)ctx;
    assert_u64(invocation->call->code, CLEAR);
    watched++;
    return 0x1D;
}

static void watch_after(void *ctx, const struct hvemu_invocation *invocation, uint16_t status,
                        uint16_t reps)
{
    (void)ctx;
    assert_u64(invocation->call->code, CLEAR);
    assert_status(status, 0x14);
    assert_int_equal(reps, 0);
    watched++;
}

static void filter_and_trace_do_not_need_each_other(void **state)
{
    (void)state;
    for (int with_trace = 0; with_trace < 2; with_trace++) {
        struct hvemu_ops ops = fake_ops;
        struct fake_vmm *vmm;
        uint64_t child;

        ops.filter = with_trace ? NULL : watch_before;
        ops.trace = with_trace ? watch_after : NULL;
        vmm = new_with(NULL, &ops);
        child = add_child(vmm);
        watched = 0;
        assert_answer(vmm->vp, fast_call(CLEAR, child, 0), with_trace ? 0x14 : 0x1D);
        assert_int_equal(watched, 1);
        fake_free(vmm);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
#ifdef __linux__
        TEST(kvm_hyperv_exit_is_answered),
        TEST(kvm_hyperv_exit_with_lists_in_memory_is_answered),
        TEST(bytes_that_the_kernel_has_fetched_are_handed_over_as_fast),
#endif
        TEST(bytes_of_any_call_may_have_been_fetched),
        cmocka_unit_test(filter_and_trace_do_not_need_each_other),
        cmocka_unit_test(registers_that_are_not_advertised_do_not_matter_to_a_decoded_call),
        TEST(answer_tells_what_was_asked),
        TEST(executing_nothing_fails),
        TEST(decoded_call_of_a_dead_partition_is_gone),
        cmocka_unit_test(vp_of_a_deleted_partition_does_not_act_for_its_successor),
        TEST(vp_takes_one_call_at_a_time),
        TEST(input_is_read_once_and_exactly_its_bytes),
        TEST(create_probes_reads_acts_and_writes),
        TEST(get_partition_id_reads_nothing),
        TEST(failed_call_writes_no_output),
        TEST(fast_calls_touch_no_memory),
        TEST(refused_calls_touch_no_memory),
        TEST(lists_may_lie_over_each_other),
        TEST(ops_act_for_the_calling_partition),
        cmocka_unit_test(list_ends_where_the_address_space_does),
        cmocka_unit_test(absent_list_may_lie_beyond_the_address_space),
        cmocka_unit_test(address_space_has_52_bits_by_default),
        TEST(list_under_the_hypercall_page_is_not_accessible),
        TEST(what_lay_under_the_hypercall_page_comes_back),
        TEST(hypercall_page_of_another_partition_hides_nothing),
        TEST(output_under_the_hypercall_page_makes_no_partition),
        TEST(memory_that_is_not_there_is_intercepted),
        TEST(memory_that_may_not_be_accessed_is_intercepted_too),
        cmocka_unit_test(output_is_probed_before_anything_happens),
        TEST(call_that_met_blocking_memory_can_be_made_again),
        TEST(undefined_answers_are_failures),
        TEST(lost_output_leaves_the_call_standing),
        TEST(op_that_asks_for_time_repeats_the_call),
        TEST(caller_that_dies_in_mid_call_makes_no_partition),
        cmocka_unit_test(without_memory_ops_no_list_is_in_reach),
        cmocka_unit_test(without_a_probe_output_is_taken_to_be_writable),
        cmocka_unit_test(without_any_op_calls_do_what_they_can),
        cmocka_unit_test(each_call_needs_its_privilege_and_no_other),
        TEST(c_call_of_nobody_is_denied),
        TEST(c_call_of_a_caller_that_is_not_active_is_denied),
        TEST(c_call_with_too_short_a_buffer_is_refused),
        TEST(c_call_may_have_buffers_that_are_long_or_not_aligned),
        TEST(c_call_may_have_one_buffer_for_both),
        TEST(c_call_that_fails_writes_no_output),
        TEST(fast_bit_says_nothing_in_a_c_call),
        TEST(order_of_faults_in_a_c_call),
    };

    return cmocka_run_group_tests_name("hypercall", tests, NULL, NULL);
}
