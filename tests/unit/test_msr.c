/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The MSRs that open the interface, and the hypercall page through the overlay op. */

#include "fake_vmm.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { OS_ID = 0x40000000, HYPERCALL = 0x40000001, VP_INDEX = 0x40000002 };
enum { LOCK_FEATURE = 0x40000 };

#define NOWHERE UINT64_MAX

/* A guest with the two privileges that "Hv#1" promises and nothing else; it has two VPs and has not
 * touched an MSR yet. */
static struct hvemu_vp *second;

static struct fake_vmm *new_guest(const struct hvemu_config *config, const struct hvemu_ops *ops,
                                  uint64_t privileges)
{
    struct fake_vmm *vmm = fake_new(config, ops);

    assert_result(hvemu_add_guest(vmm->hv, vmm->root, privileges, vmm, &vmm->guest), HVEMU_OK);
    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 0, vmm, &vmm->vp), HVEMU_OK);
    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 5, vmm, &second), HVEMU_OK);
    return vmm;
}

static int setup(void **state)
{
    const struct hvemu_config config = {
        .size = sizeof config, .features = LOCK_FEATURE, .gpa_bits = 32};

    *state = new_guest(&config, NULL, 0x60);
    return 0;
}

static void assert_msr(struct hvemu_vp *vp, uint32_t msr, uint64_t want)
{
    uint64_t value = 0x5A5A5A5A5A5A5A5A;

    assert_action(hvemu_x64_rdmsr(vp, msr, &value), HVEMU_STEP);
    assert_u64(value, want);
}

static void write_msr(struct hvemu_vp *vp, uint32_t msr, uint64_t value)
{
    assert_action(hvemu_x64_wrmsr(vp, msr, value), HVEMU_STEP);
}

static void enable(struct fake_vmm *vmm, uint64_t hypercall)
{
    write_msr(vmm->vp, OS_ID, 0x8100000000000001);
    write_msr(vmm->vp, HYPERCALL, hypercall);
    fake_forget(vmm);
}

static void assert_one_overlay(const struct fake_vmm *vmm, uint64_t gpa)
{
    assert_u64(vmm->logged, 1);
    assert_int_equal(vmm->log[0].op, FAKE_OVERLAY);
    assert_u64(vmm->log[0].gpa, gpa);
    assert_u64(vmm->log[0].partition, vmm->guest);
    assert_ptr_equal(vmm->log[0].ctx, vmm);
    assert_u64(vmm->overlay, gpa);
}

/* ---- Identity and index ---- */

static void registers_are_0_at_first(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_msr(vmm->vp, OS_ID, 0);
    assert_msr(vmm->vp, HYPERCALL, 0);
    assert_msr(vmm->vp, VP_INDEX, 0);
}

static void os_id_takes_any_value(void **state)
{
    static const uint64_t values[] = {1, 0x8100000000000001, 0x0001040A00003839, UINT64_MAX, 0, 7};
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        write_msr(vmm->vp, OS_ID, values[i]);
        assert_msr(vmm->vp, OS_ID, values[i]);
    }
    assert_u64(vmm->logged, 0);
}

static void vp_index_is_each_vps_own(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_msr(vmm->vp, VP_INDEX, 0);
    assert_msr(second, VP_INDEX, 5);
}

static void vp_index_is_read_only(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_action(hvemu_x64_wrmsr(vmm->vp, VP_INDEX, 0), HVEMU_GP);
    assert_action(hvemu_x64_wrmsr(second, VP_INDEX, 5), HVEMU_GP);
    assert_action(hvemu_x64_wrmsr(second, VP_INDEX, 1), HVEMU_GP);
    assert_msr(second, VP_INDEX, 5);
}

/* ---- Enabling the page ---- */

static void enable_reads_0_without_an_os_id_and_the_rest_is_kept(void **state)
{
    struct fake_vmm *vmm = *state;

    write_msr(vmm->vp, HYPERCALL, 0x7FFD);
    assert_msr(vmm->vp, HYPERCALL, 0x7FFC);
    write_msr(vmm->vp, HYPERCALL, 0x7001);
    assert_msr(vmm->vp, HYPERCALL, 0x7000);
    /* The identity does not make up for it. */
    write_msr(vmm->vp, OS_ID, 1);
    assert_msr(vmm->vp, HYPERCALL, 0x7000);
    assert_u64(vmm->logged, 0);
}

static void enabling_puts_the_page_where_the_guest_says(void **state)
{
    struct fake_vmm *vmm = *state;

    write_msr(vmm->vp, OS_ID, 1);
    write_msr(vmm->vp, HYPERCALL, 0x7FFFF001);
    assert_msr(vmm->vp, HYPERCALL, 0x7FFFF001);
    assert_one_overlay(vmm, 0x7FFFF000);
}

static void page_0_is_a_place_like_any_other(void **state)
{
    struct fake_vmm *vmm = *state;

    write_msr(vmm->vp, OS_ID, 1);
    write_msr(vmm->vp, HYPERCALL, 0x0001);
    assert_msr(vmm->vp, HYPERCALL, 0x0001);
    assert_one_overlay(vmm, 0);
}

/* What the overlay op was given last. */
static struct {
    uint64_t gpa;
    const uint8_t *code;
    uint8_t bytes[16];
    uint32_t count;
} page;

static int record_overlay(void *ctx, uint64_t partition, uint64_t gpa, const uint8_t *code,
                          uint32_t bytes)
{
    (void)ctx, (void)partition;
    page.gpa = gpa;
    page.code = code;
    page.count = bytes;
    if (code)
        memcpy(page.bytes, code, bytes);
    return HVEMU_MEM_OK;
}

static void page_begins_with_vmcall_and_ret(void **state)
{
    struct hvemu_ops ops = fake_ops;
    struct fake_vmm *vmm;

    (void)state;
    ops.overlay = record_overlay;
    vmm = new_guest(NULL, &ops, 0x60);
    enable(vmm, 0x3001);
    assert_u64(page.gpa, 0x3000);
    assert_u64(page.count, 4);
    assert_memory_equal(page.bytes, "\x0F\x01\xC1\xC3", 4);
    write_msr(vmm->vp, HYPERCALL, 0x3000);
    assert_null(page.code);
    fake_free(vmm);
}

static void page_begins_with_the_vmms_own_code(void **state)
{
    const struct hvemu_config config = {
        .size = sizeof config,
        .page_code_bytes = 16,
        .page_code = {0xE6, 0x42, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
                      0x90, 0x91, 0xC3},
    };
    struct hvemu_ops ops = fake_ops;
    struct fake_vmm *vmm;

    (void)state;
    ops.overlay = record_overlay;
    vmm = new_guest(&config, &ops, 0x60);
    enable(vmm, 0x3001);
    assert_u64(page.count, 16);
    assert_memory_equal(page.bytes, config.page_code, 16);
    fake_free(vmm);
}

static void another_identity_leaves_the_page_alone(void **state)
{
    struct fake_vmm *vmm = *state;

    enable(vmm, 0x7001);
    write_msr(vmm->vp, OS_ID, 2);
    assert_msr(vmm->vp, HYPERCALL, 0x7001);
    assert_u64(vmm->logged, 0);
}

static void clearing_the_os_id_disables_the_page_and_keeps_its_number(void **state)
{
    struct fake_vmm *vmm = *state;

    enable(vmm, 0x7001);
    write_msr(vmm->vp, OS_ID, 0);
    assert_msr(vmm->vp, OS_ID, 0);
    assert_msr(vmm->vp, HYPERCALL, 0x7000);
    assert_one_overlay(vmm, NOWHERE);
}

static void setting_the_os_id_again_does_not_enable_the_page(void **state)
{
    struct fake_vmm *vmm = *state;

    enable(vmm, 0x7001);
    write_msr(vmm->vp, OS_ID, 0);
    write_msr(vmm->vp, OS_ID, 1);
    assert_msr(vmm->vp, HYPERCALL, 0x7000);
    assert_u64(vmm->overlay, NOWHERE);
    write_msr(vmm->vp, HYPERCALL, 0x7001);
    assert_msr(vmm->vp, HYPERCALL, 0x7001);
    assert_u64(vmm->overlay, 0x7000);
}

static void both_orders_of_closing_work(void **state)
{
    struct fake_vmm *vmm = *state;

    enable(vmm, 0x7001);
    write_msr(vmm->vp, OS_ID, 0);
    write_msr(vmm->vp, HYPERCALL, 0);
    assert_msr(vmm->vp, HYPERCALL, 0);
    assert_one_overlay(vmm, NOWHERE);
    enable(vmm, 0x7001);
    write_msr(vmm->vp, HYPERCALL, 0);
    write_msr(vmm->vp, OS_ID, 0);
    assert_msr(vmm->vp, HYPERCALL, 0);
    assert_one_overlay(vmm, NOWHERE);
}

static void writing_the_same_again_does_not_touch_the_page(void **state)
{
    struct fake_vmm *vmm = *state;

    enable(vmm, 0x7001);
    write_msr(vmm->vp, HYPERCALL, 0x7001);
    assert_u64(vmm->logged, 0);
    write_msr(vmm->vp, HYPERCALL, 0x7FFD); /* reserved bits alone */
    assert_u64(vmm->logged, 0);
    write_msr(vmm->vp, HYPERCALL, 0x7000);
    fake_forget(vmm);
    write_msr(vmm->vp, HYPERCALL, 0x7000);
    write_msr(vmm->vp, HYPERCALL, 0x9000);
    assert_msr(vmm->vp, HYPERCALL, 0x9000);
    assert_u64(vmm->logged, 0);
}

static void moving_the_page_is_one_call_of_the_op(void **state)
{
    struct fake_vmm *vmm = *state;

    enable(vmm, 0x7001);
    write_msr(vmm->vp, HYPERCALL, 0x9001);
    assert_msr(vmm->vp, HYPERCALL, 0x9001);
    assert_one_overlay(vmm, 0x9000);
}

static void disabling_is_one_step_whatever_page_number_comes_with_it(void **state)
{
    struct fake_vmm *vmm = *state;

    enable(vmm, 0x7001);
    write_msr(vmm->vp, HYPERCALL, 0x9000);
    assert_msr(vmm->vp, HYPERCALL, 0x9000);
    assert_one_overlay(vmm, NOWHERE);
    fake_forget(vmm);
    write_msr(vmm->vp, HYPERCALL, 0x9001);
    assert_one_overlay(vmm, 0x9000);
}

static void page_beyond_the_gpa_space_raises_gp_and_changes_nothing(void **state)
{
    static const uint64_t pages[] = {0x100000001, 0x200000001, 0x8000000000000001,
                                     0xFFFFFFFFFFFFF001};
    struct fake_vmm *vmm = *state;

    write_msr(vmm->vp, OS_ID, 1);
    write_msr(vmm->vp, HYPERCALL, 0xFFFFF001); /* the last page */
    assert_one_overlay(vmm, 0xFFFFF000);
    fake_forget(vmm);
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        assert_action(hvemu_x64_wrmsr(vmm->vp, HYPERCALL, pages[i]), HVEMU_GP);
        assert_msr(vmm->vp, HYPERCALL, 0xFFFFF001);
    }
    write_msr(vmm->vp, HYPERCALL, 0x5000);
    fake_forget(vmm);
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        assert_action(hvemu_x64_wrmsr(vmm->vp, HYPERCALL, pages[i]), HVEMU_GP);
        assert_msr(vmm->vp, HYPERCALL, 0x5000);
    }
    assert_u64(vmm->logged, 0);
}

static void page_beyond_the_gpa_space_raises_gp_only_when_enabled(void **state)
{
    struct fake_vmm *vmm = *state;

    write_msr(vmm->vp, HYPERCALL, 0x100000001); /* no identity: it enables nothing */
    assert_msr(vmm->vp, HYPERCALL, 0x100000000);
    write_msr(vmm->vp, OS_ID, 1);
    write_msr(vmm->vp, HYPERCALL, 0xFFFFFFFFFFFFF000);
    assert_msr(vmm->vp, HYPERCALL, 0xFFFFFFFFFFFFF000);
    assert_action(hvemu_x64_wrmsr(vmm->vp, HYPERCALL, 0xFFFFFFFFFFFFF001), HVEMU_GP);
    assert_msr(vmm->vp, HYPERCALL, 0xFFFFFFFFFFFFF000);
    assert_u64(vmm->logged, 0);
}

static void reserved_bits_of_the_hypercall_msr_are_kept(void **state)
{
    struct fake_vmm *vmm = *state;

    write_msr(vmm->vp, OS_ID, 1);
    for (unsigned bit = 2; bit <= 11; bit++) {
        write_msr(vmm->vp, HYPERCALL, 0x7001 | (uint64_t)1 << bit);
        assert_msr(vmm->vp, HYPERCALL, 0x7001 | (uint64_t)1 << bit);
    }
    write_msr(vmm->vp, OS_ID, 0);
    assert_msr(vmm->vp, HYPERCALL, 0x7800);
    assert_u64(vmm->overlay, NOWHERE);
}

/* ---- The lock ---- */

static void write_to_a_locked_hypercall_msr_raises_gp(void **state)
{
    static const uint64_t values[] = {0x7003, 0x7001, 0x9003, 0, 0x7002, UINT64_MAX};
    struct fake_vmm *vmm = *state;

    enable(vmm, 0x7003);
    assert_msr(vmm->vp, HYPERCALL, 0x7003);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_action(hvemu_x64_wrmsr(second, HYPERCALL, values[i]), HVEMU_GP);
    assert_msr(vmm->vp, HYPERCALL, 0x7003);
    assert_u64(vmm->logged, 0);
}

static void clearing_the_os_id_leaves_a_locked_page_enabled(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_x64_frame frame = fake_frame64(0x10046, 0, 0);

    enable(vmm, 0x7003);
    write_msr(vmm->vp, OS_ID, 0);
    assert_msr(vmm->vp, OS_ID, 0);
    assert_msr(vmm->vp, HYPERCALL, 0x7003);
    assert_u64(vmm->logged, 0);
    assert_u64(vmm->overlay, 0x7000);
    /* The interface is still open: the call is answered, if only by a refusal. */
    assert_action(hvemu_x64_hypercall(vmm->vp, &frame), HVEMU_STEP);
    assert_u64(frame.rax, 6);
}

static void disabled_page_can_be_locked(void **state)
{
    struct fake_vmm *vmm = *state;

    enable(vmm, 0x7002);
    assert_msr(vmm->vp, HYPERCALL, 0x7002);
    assert_action(hvemu_x64_wrmsr(vmm->vp, HYPERCALL, 0x7001), HVEMU_GP);
    assert_msr(vmm->vp, HYPERCALL, 0x7002);
}

static void lock_holds_without_os_id(void **state)
{
    struct fake_vmm *vmm = *state;

    write_msr(vmm->vp, HYPERCALL, 0x7003);
    assert_msr(vmm->vp, HYPERCALL, 0x7002);
    write_msr(vmm->vp, OS_ID, 1);
    assert_action(hvemu_x64_wrmsr(vmm->vp, HYPERCALL, 0x7001), HVEMU_GP);
}

static void only_reset_unlocks(void **state)
{
    struct fake_vmm *vmm = *state;

    enable(vmm, 0x7003);
    assert_result(hvemu_reset(vmm->hv, vmm->guest), HVEMU_OK);
    assert_one_overlay(vmm, NOWHERE);
    assert_msr(vmm->vp, OS_ID, 0);
    assert_msr(vmm->vp, HYPERCALL, 0);
    assert_msr(second, VP_INDEX, 5);
    enable(vmm, 0x9001);
    assert_msr(vmm->vp, HYPERCALL, 0x9001);
    assert_u64(vmm->overlay, 0x9000);
}

static void lock_bit_without_the_feature_is_kept_and_locks_nothing(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .features = ~(uint32_t)LOCK_FEATURE};
    struct fake_vmm *vmm = new_guest(&config, NULL, 0x60);

    (void)state;
    enable(vmm, 0x7003);
    assert_msr(vmm->vp, HYPERCALL, 0x7003);
    write_msr(vmm->vp, HYPERCALL, 0x9003);
    assert_msr(vmm->vp, HYPERCALL, 0x9003);
    assert_one_overlay(vmm, 0x9000);
    write_msr(vmm->vp, OS_ID, 0);
    assert_msr(vmm->vp, HYPERCALL, 0x9002);
    assert_u64(vmm->overlay, NOWHERE);
    fake_free(vmm);
}

/* ---- Answers of the overlay op ---- */

static const struct {
    int answer;
    enum hvemu_action want;
} answers[] = {
    {HVEMU_MEM_NONE, HVEMU_GP},
    {HVEMU_MEM_AGAIN, HVEMU_REPEAT},
    {HVEMU_MEM_FAILED, HVEMU_FAILED},
    {4, HVEMU_FAILED},
    {-1, HVEMU_FAILED},
    {INT_MAX, HVEMU_FAILED},
    {INT_MIN, HVEMU_FAILED},
};

/* The write meets a VMM that refuses, which leaves all as it was, and then one that does not. */
static void try_with_every_answer(struct fake_vmm *vmm, uint32_t msr, uint64_t value)
{
    /* Where no page can be there is #GP; but one can always be taken away. */
    const enum hvemu_action none = value & 1 ? HVEMU_GP : HVEMU_FAILED;
    const uint64_t place = vmm->overlay;
    uint64_t os_id, hypercall;

    assert_action(hvemu_x64_rdmsr(vmm->vp, OS_ID, &os_id), HVEMU_STEP);
    assert_action(hvemu_x64_rdmsr(vmm->vp, HYPERCALL, &hypercall), HVEMU_STEP);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        fake_fail(vmm, FAKE_OVERLAY, 0, answers[i].answer);
        assert_action(hvemu_x64_wrmsr(vmm->vp, msr, value),
                      answers[i].answer == HVEMU_MEM_NONE ? none : answers[i].want);
        assert_msr(vmm->vp, OS_ID, os_id);
        assert_msr(second, HYPERCALL, hypercall);
        assert_u64(vmm->overlay, place);
    }
    write_msr(vmm->vp, msr, value);
    assert_msr(vmm->vp, msr, value);
}

static void refused_overlay_leaves_all_as_it_was(void **state)
{
    struct fake_vmm *vmm = *state;

    write_msr(vmm->vp, OS_ID, 1);
    try_with_every_answer(vmm, HYPERCALL, 0x7001); /* enable */
    try_with_every_answer(vmm, HYPERCALL, 0x9001); /* move */
    try_with_every_answer(vmm, HYPERCALL, 0x9000); /* disable */
    write_msr(vmm->vp, HYPERCALL, 0x9001);
    try_with_every_answer(vmm, OS_ID, 0);
    assert_msr(vmm->vp, HYPERCALL, 0x9000);
}

static void without_overlay_op_the_page_cannot_be_enabled(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .features = LOCK_FEATURE};
    struct hvemu_ops ops = fake_ops;
    struct fake_vmm *vmm;

    (void)state;
    ops.overlay = NULL;
    vmm = new_guest(&config, &ops, 0x60);
    write_msr(vmm->vp, OS_ID, 1);
    assert_action(hvemu_x64_wrmsr(vmm->vp, HYPERCALL, 0x7001), HVEMU_GP);
    assert_msr(vmm->vp, HYPERCALL, 0);
    /* All else works, and there is no lock. */
    write_msr(vmm->vp, HYPERCALL, 0x7002);
    write_msr(vmm->vp, HYPERCALL, 0x8000);
    assert_msr(vmm->vp, HYPERCALL, 0x8000);
    write_msr(vmm->vp, OS_ID, 0);
    write_msr(vmm->vp, HYPERCALL, 0x7001);
    assert_msr(vmm->vp, HYPERCALL, 0x7000);
    assert_result(hvemu_reset(vmm->hv, vmm->guest), HVEMU_OK);
    assert_msr(vmm->vp, HYPERCALL, 0);
    fake_free(vmm);
}

/* ---- Whose registers ---- */

static void registers_are_shared_by_the_vps_of_a_partition(void **state)
{
    struct fake_vmm *vmm = *state;

    enable(vmm, 0x7001);
    assert_msr(second, OS_ID, 0x8100000000000001);
    assert_msr(second, HYPERCALL, 0x7001);
    write_msr(second, OS_ID, 0);
    assert_msr(vmm->vp, OS_ID, 0);
    assert_msr(vmm->vp, HYPERCALL, 0x7000);
}

static void registers_are_each_partitions_own(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp;
    uint64_t other;

    assert_result(hvemu_add_guest(vmm->hv, vmm->root, 0x60, vmm, &other), HVEMU_OK);
    assert_result(hvemu_vp_attach(vmm->hv, other, 0, vmm, &vp), HVEMU_OK);
    enable(vmm, 0x7001);
    assert_msr(vp, OS_ID, 0);
    assert_msr(vp, HYPERCALL, 0);
    write_msr(vp, OS_ID, 2);
    write_msr(vp, HYPERCALL, 0x8001);
    assert_u64(vmm->log[vmm->logged - 1].partition, other);
    assert_msr(vmm->vp, HYPERCALL, 0x7001);
}

static void partition_in_a_used_place_begins_at_0(void **state)
{
    const struct hvemu_config config = {
        .size = sizeof config, .partitions = 2, .features = LOCK_FEATURE};
    struct fake_vmm *vmm = new_guest(&config, NULL, 0x60);

    (void)state;
    enable(vmm, 0x7003);
    assert_result(hvemu_vp_detach(second), HVEMU_OK);
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    fake_end(vmm, vmm->root, vmm->guest);
    assert_result(hvemu_add_guest(vmm->hv, vmm->root, 0x60, vmm, &vmm->guest), HVEMU_OK);
    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 0, vmm, &vmm->vp), HVEMU_OK);
    assert_msr(vmm->vp, OS_ID, 0);
    assert_msr(vmm->vp, HYPERCALL, 0);
    enable(vmm, 0x8001);
    fake_free(vmm);
}

/* ---- Who may, and what is not ours ---- */

static void assert_gp(struct hvemu_vp *vp, uint32_t msr)
{
    uint64_t value = 0x5A5A5A5A5A5A5A5A;

    assert_action(hvemu_x64_rdmsr(vp, msr, &value), HVEMU_GP);
    assert_u64(value, 0x5A5A5A5A5A5A5A5A);
    assert_action(hvemu_x64_wrmsr(vp, msr, 1), HVEMU_GP);
}

static void access_without_privilege_raises_gp(void **state)
{
    struct fake_vmm *vmm = new_guest(NULL, NULL, HV_PRIVILEGE_ALL & ~(uint64_t)0x20);

    (void)state;
    assert_gp(vmm->vp, OS_ID);
    assert_gp(vmm->vp, HYPERCALL);
    assert_msr(second, VP_INDEX, 5);
    fake_free(vmm);
    vmm = new_guest(NULL, NULL, HV_PRIVILEGE_ALL & ~(uint64_t)0x40);
    assert_gp(vmm->vp, VP_INDEX);
    write_msr(vmm->vp, OS_ID, 3);
    assert_msr(vmm->vp, OS_ID, 3);
    assert_msr(vmm->vp, HYPERCALL, 0);
    fake_free(vmm);
}

static void privilege_of_each_register_is_enough(void **state)
{
    struct fake_vmm *vmm = new_guest(NULL, NULL, 0x20);

    (void)state;
    enable(vmm, 0x7001);
    assert_gp(vmm->vp, VP_INDEX);
    fake_free(vmm);
    vmm = new_guest(NULL, NULL, 0x40);
    assert_msr(second, VP_INDEX, 5);
    assert_gp(vmm->vp, OS_ID);
    fake_free(vmm);
}

static void other_msrs_are_not_ours(void **state)
{
    static const uint32_t others[] = {0,          0x10,       0x3FFFFFFF, 0x40000003, 0x40000010,
                                      0x40000020, 0x40000080, 0x40001002, 0xC0000080, 0xFFFFFFFF};
    struct fake_vmm *vmm = new_guest(NULL, NULL, 0);

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        uint64_t value = 0x5A5A5A5A5A5A5A5A;

        assert_action(hvemu_x64_rdmsr(vmm->vp, others[i], &value), HVEMU_PASS);
        assert_u64(value, 0x5A5A5A5A5A5A5A5A);
        assert_action(hvemu_x64_wrmsr(vmm->vp, others[i], UINT64_MAX), HVEMU_PASS);
    }
    fake_free(vmm);
}

static void vp_of_a_dead_partition_is_gone(void **state)
{
    static const uint32_t msrs[] = {OS_ID, HYPERCALL, VP_INDEX, 0x10};
    struct fake_vmm *vmm = *state;
    uint64_t value = 0x5A5A5A5A5A5A5A5A;

    enable(vmm, 0x7001);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, vmm->guest), 0x78);
    fake_forget(vmm);
    for (size_t i = 0; i < sizeof msrs / sizeof *msrs; i++) {
        assert_action(hvemu_x64_rdmsr(vmm->vp, msrs[i], &value), HVEMU_GONE);
        assert_action(hvemu_x64_wrmsr(vmm->vp, msrs[i], 0), HVEMU_GONE);
    }
    assert_result(hvemu_vp_detach(second), HVEMU_OK);
    assert_action(hvemu_x64_rdmsr(second, VP_INDEX, &value), HVEMU_GONE);
    assert_action(hvemu_x64_wrmsr(second, OS_ID, 0), HVEMU_GONE);
    assert_u64(value, 0x5A5A5A5A5A5A5A5A);
    assert_u64(vmm->logged, 0);
}

static void access_with_nothing_fails(void **state)
{
    struct fake_vmm *vmm = *state;
    uint64_t value;

    assert_action(hvemu_x64_rdmsr(NULL, OS_ID, &value), HVEMU_FAILED);
    assert_action(hvemu_x64_rdmsr(vmm->vp, OS_ID, NULL), HVEMU_FAILED);
    assert_action(hvemu_x64_rdmsr(vmm->vp, 0x10, NULL), HVEMU_FAILED);
    assert_action(hvemu_x64_wrmsr(NULL, OS_ID, 1), HVEMU_FAILED);
}

/* ---- While a lock is taken ---- */

static unsigned inner_runs;

/* Runs inside the overlay op of the first VP's write, which has not taken effect yet. */
static void access_in_mid_write(struct fake_vmm *vmm, const struct fake_event *event)
{
    if (event->op != FAKE_OVERLAY || inner_runs++)
        return;
    assert_action(hvemu_x64_wrmsr(second, OS_ID, 0), HVEMU_REPEAT);
    assert_action(hvemu_x64_wrmsr(second, HYPERCALL, 0), HVEMU_REPEAT);
    assert_action(hvemu_x64_wrmsr(vmm->vp, HYPERCALL, 0), HVEMU_FAILED);
    /* What needs no lock goes on. */
    assert_msr(second, OS_ID, 0x8100000000000001);
    assert_msr(second, HYPERCALL, 0x7001);
    assert_action(hvemu_x64_wrmsr(second, VP_INDEX, 0), HVEMU_GP);
    assert_action(hvemu_x64_wrmsr(second, 0x10, 0), HVEMU_PASS);
}

static void write_is_repeated_while_another_vp_is_writing(void **state)
{
    struct fake_vmm *vmm = *state;

    enable(vmm, 0x7001);
    inner_runs = 0;
    vmm->reenter = access_in_mid_write;
    write_msr(vmm->vp, HYPERCALL, 0x9001);
    vmm->reenter = NULL;
    assert_int_equal(inner_runs, 1);
    assert_one_overlay(vmm, 0x9000);
    assert_msr(second, HYPERCALL, 0x9001);
    write_msr(second, OS_ID, 0);
    assert_msr(vmm->vp, HYPERCALL, 0x9000);
}

static struct hvemu_vp *neighbour;

/* Stands for other threads: whoever is at one partition's registers delays nobody else. */
static void act_elsewhere(struct fake_vmm *vmm, const struct fake_event *event)
{
    uint64_t child;

    if (inner_runs++)
        return;
    write_msr(neighbour, OS_ID, 0x77);
    if (event->op == FAKE_OVERLAY)
        assert_status(fake_create(vmm, vmm->root, &child), 0);
}

static void write_delays_no_other_partition_and_is_delayed_by_none(void **state)
{
    struct fake_vmm *vmm = *state;
    uint64_t other;

    assert_result(hvemu_add_guest(vmm->hv, vmm->root, 0x60, vmm, &other), HVEMU_OK);
    assert_result(hvemu_vp_attach(vmm->hv, other, 0, vmm, &neighbour), HVEMU_OK);
    inner_runs = 0;
    vmm->reenter = act_elsewhere;
    enable(vmm, 0x7001);
    assert_true(inner_runs > 0);
    assert_msr(neighbour, OS_ID, 0x77);
    /* Nor by a life-cycle call. */
    write_msr(neighbour, OS_ID, 0);
    inner_runs = 0;
    assert_status(fake_create(vmm, vmm->root, &other), 0);
    vmm->reenter = NULL;
    assert_true(inner_runs > 0);
    assert_msr(neighbour, OS_ID, 0x77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fake_teardown)
        TEST(registers_are_0_at_first),
        TEST(os_id_takes_any_value),
        TEST(vp_index_is_each_vps_own),
        TEST(vp_index_is_read_only),
        TEST(enable_reads_0_without_an_os_id_and_the_rest_is_kept),
        TEST(enabling_puts_the_page_where_the_guest_says),
        TEST(page_0_is_a_place_like_any_other),
        cmocka_unit_test(page_begins_with_vmcall_and_ret),
        cmocka_unit_test(page_begins_with_the_vmms_own_code),
        TEST(another_identity_leaves_the_page_alone),
        TEST(clearing_the_os_id_disables_the_page_and_keeps_its_number),
        TEST(setting_the_os_id_again_does_not_enable_the_page),
        TEST(both_orders_of_closing_work),
        TEST(writing_the_same_again_does_not_touch_the_page),
        TEST(moving_the_page_is_one_call_of_the_op),
        TEST(disabling_is_one_step_whatever_page_number_comes_with_it),
        TEST(page_beyond_the_gpa_space_raises_gp_and_changes_nothing),
        TEST(page_beyond_the_gpa_space_raises_gp_only_when_enabled),
        TEST(reserved_bits_of_the_hypercall_msr_are_kept),
        TEST(write_to_a_locked_hypercall_msr_raises_gp),
        TEST(clearing_the_os_id_leaves_a_locked_page_enabled),
        TEST(disabled_page_can_be_locked),
        TEST(lock_holds_without_os_id),
        TEST(only_reset_unlocks),
        cmocka_unit_test(lock_bit_without_the_feature_is_kept_and_locks_nothing),
        TEST(refused_overlay_leaves_all_as_it_was),
        cmocka_unit_test(without_overlay_op_the_page_cannot_be_enabled),
        TEST(registers_are_shared_by_the_vps_of_a_partition),
        TEST(registers_are_each_partitions_own),
        cmocka_unit_test(partition_in_a_used_place_begins_at_0),
        cmocka_unit_test(access_without_privilege_raises_gp),
        cmocka_unit_test(privilege_of_each_register_is_enough),
        cmocka_unit_test(other_msrs_are_not_ours),
        TEST(vp_of_a_dead_partition_is_gone),
        TEST(access_with_nothing_fails),
        TEST(write_is_repeated_while_another_vp_is_writing),
        TEST(write_delays_no_other_partition_and_is_delayed_by_none),
    };

    return cmocka_run_group_tests_name("msr", tests, NULL, NULL);
}
