/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The leaves by which a guest finds "Hv#1" and learns what it may do. */

#include "fake_vmm.h"

#include <string.h>

static void assert_leaf(const struct fake_vmm *vmm, uint64_t partition, uint32_t leaf, uint32_t eax,
                        uint32_t ebx, uint32_t ecx, uint32_t edx)
{
    uint32_t regs[5] = {1, 2, 3, 4, 0x5A5A5A5A};

    assert_action(hvemu_x64_cpuid(vmm->hv, partition, leaf, regs), HVEMU_STEP);
    assert_u64(regs[0], eax);
    assert_u64(regs[1], ebx);
    assert_u64(regs[2], ecx);
    assert_u64(regs[3], edx);
    assert_u64(regs[4], 0x5A5A5A5A);
}

static struct fake_vmm *new_guest(const struct hvemu_config *config, const struct hvemu_ops *ops,
                                  uint64_t privileges)
{
    struct fake_vmm *vmm = fake_new(config, ops);

    assert_result(hvemu_add_guest(vmm->hv, vmm->root, privileges, vmm, &vmm->guest), HVEMU_OK);
    return vmm;
}

static void vendor_leaf_spells_microsoft_hv_and_names_the_highest_leaf(void **state)
{
    struct fake_vmm *vmm = *state;
    uint32_t regs[4];

    assert_leaf(vmm, vmm->guest, 0x40000000, 0x40000005, 0x7263694D, 0x666F736F, 0x76482074);
    assert_action(hvemu_x64_cpuid(vmm->hv, vmm->guest, 0x40000000, regs), HVEMU_STEP);
    for (unsigned i = 0; i < 12; i++)
        assert_int_equal((regs[1 + i / 4] >> i % 4 * 8) & 0xFF, "Microsoft Hv"[i]);
}

static void interface_leaf_spells_hv_1(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_leaf(vmm, vmm->guest, 0x40000001, 0x31237648, 0, 0, 0);
}

static void version_leaf_is_zero(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_leaf(vmm, vmm->guest, 0x40000002, 0, 0, 0, 0);
}

static void default_instance_is_a_minimal_hv_1(void **state)
{
    struct fake_vmm *vmm = fake_new(NULL, NULL);
    const uint64_t child = fake_child(vmm, vmm->root);

    (void)state;
    assert_leaf(vmm, child, 0x40000000, 0x40000005, 0x7263694D, 0x666F736F, 0x76482074);
    assert_leaf(vmm, child, 0x40000001, 0x31237648, 0, 0, 0);
    assert_leaf(vmm, child, 0x40000002, 0, 0, 0, 0);
    assert_leaf(vmm, child, 0x40000003, 0x60, 0, 0, 0);
    assert_leaf(vmm, child, 0x40000004, 0, 0xFFFFFFFF, 0, 0);
    assert_leaf(vmm, child, 0x40000005, 16, 0, 0, 0);
    fake_free(vmm);
}

static void privileges_are_eax_and_ebx(void **state)
{
    struct fake_vmm *vmm = new_guest(NULL, NULL, 0x0012000300008060);

    (void)state;
    assert_leaf(vmm, vmm->guest, 0x40000003, 0x00008060, 0x00120003, 0, 0);
    fake_free(vmm);
}

static void root_has_every_privilege(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_leaf(vmm, vmm->root, 0x40000003, 0x0000FFFF, 0x007BF9FF, 0, 0x00048010);
}

static void child_has_no_privilege_that_its_parent_lacks(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .privileges = 0x0000000300000061};
    struct fake_vmm *vmm = new_guest(&config, NULL, 0x0000000100000020);
    uint64_t child;

    (void)state;
    assert_status(fake_create(vmm, vmm->guest, &child), 0);
    assert_leaf(vmm, child, 0x40000003, 0x00000020, 0x00000001, 0, 0);
    fake_free(vmm);
}

static void guest_that_is_added_has_no_privilege_that_its_parent_lacks(void **state)
{
    struct fake_vmm *vmm = new_guest(NULL, NULL, 0x0000000100000020);
    uint64_t child;

    (void)state;
    assert_result(hvemu_add_guest(vmm->hv, vmm->guest, 0x0000000300000060, NULL, &child), HVEMU_OK);
    assert_leaf(vmm, child, 0x40000003, 0x00000020, 0x00000001, 0, 0);
    /* Bits without a meaning are nobody's, not even the root's. */
    assert_result(hvemu_add_guest(vmm->hv, vmm->root, UINT64_MAX, NULL, &child), HVEMU_OK);
    assert_leaf(vmm, child, 0x40000003, 0x0000FFFF, 0x007BF9FF, 0, 0);
    fake_free(vmm);
}

static void features_are_the_configured_ones(void **state)
{
    static const uint32_t features[] = {0, 0x10, 0x8000, 0x40000, 0x00048110, 0x1FFFFFFF};

    (void)state;
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        const struct hvemu_config config = {.size = sizeof config, .features = features[i]};
        struct fake_vmm *vmm = new_guest(&config, NULL, 0x60);

        assert_leaf(vmm, vmm->guest, 0x40000003, 0x60, 0, 0, features[i]);
        fake_free(vmm);
    }
}

static void lock_is_not_a_feature_where_no_page_can_be(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .features = 0x00048110};
    struct hvemu_ops ops = fake_ops;
    struct fake_vmm *vmm;

    (void)state;
    ops.overlay = NULL;
    vmm = new_guest(&config, &ops, 0x60);
    assert_leaf(vmm, vmm->guest, 0x40000003, 0x60, 0, 0, 0x00008110);
    fake_free(vmm);
}

static void advice_to_make_calls_that_are_not_offered_reads_0(void **state)
{
    /* Address space switch, local and remote flush, cluster IPI, processor masks beyond 64, MMIO
       hypercalls, GPA pinning, waking VPs. */
    const uint32_t calls = 0x00E00C07;

    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        const uint32_t recommended = (uint32_t)1 << bit;
        const struct hvemu_config config = {.size = sizeof config, .recommendations = recommended};
        struct fake_vmm *vmm = new_guest(&config, NULL, 0x60);

        assert_leaf(vmm, vmm->guest, 0x40000004, recommended & ~calls, 0xFFFFFFFF, 0, 0);
        fake_free(vmm);
    }
}

static void recommendations_leaf_never_asks_for_spin_notification(void **state)
{
    struct fake_vmm *vmm = *state;
    uint32_t regs[4];

    assert_action(hvemu_x64_cpuid(vmm->hv, vmm->guest, 0x40000004, regs), HVEMU_STEP);
    assert_u64(regs[1], 0xFFFFFFFF);
}

static void limit_of_vps_is_the_bound_of_their_index(void **state)
{
    const struct hvemu_config config = {.size = sizeof config, .vps = 3};
    struct fake_vmm *vmm = new_guest(&config, NULL, 0x60);
    struct hvemu_vp *vp;

    (void)state;
    assert_leaf(vmm, vmm->guest, 0x40000005, 3, 0, 0, 0);
    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 3, NULL, &vp), HVEMU_E_ARGUMENT);
    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 2, NULL, &vp), HVEMU_OK);
    fake_free(vmm);
}

static void leaves_do_not_depend_on_what_the_guest_has_done(void **state)
{
    struct fake_vmm *vmm = *state;
    uint32_t enabled[6][4], closed[6][4];

    for (uint32_t i = 0; i < 6; i++)
        assert_action(hvemu_x64_cpuid(vmm->hv, vmm->guest, 0x40000000 + i, enabled[i]), HVEMU_STEP);
    assert_action(hvemu_x64_wrmsr(vmm->vp, 0x40000000, 0), HVEMU_STEP);
    for (uint32_t i = 0; i < 6; i++)
        assert_action(hvemu_x64_cpuid(vmm->hv, vmm->guest, 0x40000000 + i, closed[i]), HVEMU_STEP);
    assert_memory_equal(enabled, closed, sizeof enabled);
}

static void other_leaves_are_not_ours(void **state)
{
    static const uint32_t others[] = {0,          1,          0x3FFFFFFF, 0x40000006, 0x4000000C,
                                      0x40000100, 0x80000000, 0xC0000003, 0xFFFFFFFF};
    struct fake_vmm *vmm = *state;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        uint32_t regs[4] = {1, 2, 3, 4};
        const uint32_t before[4] = {1, 2, 3, 4};

        assert_action(hvemu_x64_cpuid(vmm->hv, vmm->guest, others[i], regs), HVEMU_PASS);
        assert_memory_equal(regs, before, sizeof regs);
    }
}

static void leaves_are_there_in_every_state_of_a_partition(void **state)
{
    struct fake_vmm *vmm = *state;
    uint64_t child;

    assert_status(fake_create(vmm, vmm->root, &child), 0);
    assert_leaf(vmm, child, 0x40000003, 0x60, 0x00000007, 0, 0x00048010);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, vmm->guest), 0x78);
    assert_leaf(vmm, vmm->guest, 0x40000001, 0x31237648, 0, 0, 0);
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    assert_status(fake_call_on(vmm, vmm->root, 0x42, vmm->guest), 0);
    assert_leaf(vmm, vmm->guest, 0x40000001, 0x31237648, 0, 0, 0);
}

static void partition_that_is_not_there_is_gone(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t dead = fake_child(vmm, vmm->root);
    const uint64_t ids[] = {0, UINT64_MAX, vmm->guest + 0x1000000, dead, dead + 1, 17, 0xFFFFFF};

    fake_end(vmm, vmm->root, dead);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        uint32_t regs[4] = {1, 2, 3, 4};
        const uint32_t before[4] = {1, 2, 3, 4};

        assert_action(hvemu_x64_cpuid(vmm->hv, ids[i], 0x40000001, regs), HVEMU_GONE);
        assert_memory_equal(regs, before, sizeof regs);
    }
}

static void asking_nobody_fails(void **state)
{
    struct fake_vmm *vmm = *state;
    uint32_t regs[4];

    assert_action(hvemu_x64_cpuid(NULL, vmm->guest, 0x40000000, regs), HVEMU_FAILED);
    assert_action(hvemu_x64_cpuid(vmm->hv, vmm->guest, 0x40000000, NULL), HVEMU_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
        TEST(vendor_leaf_spells_microsoft_hv_and_names_the_highest_leaf),
        TEST(interface_leaf_spells_hv_1),
        TEST(version_leaf_is_zero),
        cmocka_unit_test(default_instance_is_a_minimal_hv_1),
        cmocka_unit_test(privileges_are_eax_and_ebx),
        TEST(root_has_every_privilege),
        cmocka_unit_test(child_has_no_privilege_that_its_parent_lacks),
        cmocka_unit_test(guest_that_is_added_has_no_privilege_that_its_parent_lacks),
        cmocka_unit_test(features_are_the_configured_ones),
        cmocka_unit_test(lock_is_not_a_feature_where_no_page_can_be),
        cmocka_unit_test(advice_to_make_calls_that_are_not_offered_reads_0),
        TEST(recommendations_leaf_never_asks_for_spin_notification),
        cmocka_unit_test(limit_of_vps_is_the_bound_of_their_index),
        TEST(leaves_do_not_depend_on_what_the_guest_has_done),
        TEST(other_leaves_are_not_ours),
        TEST(leaves_are_there_in_every_state_of_a_partition),
        TEST(partition_that_is_not_there_is_gone),
        TEST(asking_nobody_fails),
    };

    return cmocka_run_group_tests_name("cpuid", tests, NULL, NULL);
}
