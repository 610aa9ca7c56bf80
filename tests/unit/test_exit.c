/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A hypercall instruction: what of the frame changes with each outcome, who may call, in which
 * order faults win, and what ops may do in mid-call. */

#include "fake_vmm.h"
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/endian.h>

enum { PE = 4, LMA = 8, CS_L = 16 };

/* Input and output lists of the memory calls, and no list at all. */
enum { IN = 0x1000, OUT = 0x2000, OUTSIDE_RAM = FAKE_RAM };

static uint64_t add_child(struct fake_vmm *vmm)
{
    uint64_t child;

    assert_result(hvemu_add_guest(vmm->hv, vmm->guest, 0x60, vmm, &child), HVEMU_OK);
    return child;
}

static uint64_t add_acknowledged_child(struct fake_vmm *vmm)
{
    const uint64_t child = add_child(vmm);
    struct hvemu_vp *vp;
    uint8_t vector;

    assert_result(hvemu_vp_attach(vmm->hv, child, 0, vmm, &vp), HVEMU_OK);
    assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->guest, child, 7, 0, 0x20), 0);
    assert_result(hvemu_ext_int_acknowledge(vp, &vector), HVEMU_OK);
    fake_forget(vmm);
    return child;
}

/* Makes the call, asserts what it does and that it changes these registers and no others. */
static struct hvemu_x64_frame exit_with(struct hvemu_vp *vp, struct hvemu_x64_frame frame,
                                        enum hvemu_action want, uint32_t changed)
{
    const struct hvemu_x64_frame before = frame;

    /* Left over from an earlier exit. */
    frame.changed = frame.access = 0xFFFFFFFF;
    frame.gpa = UINT64_MAX;
    assert_action(hvemu_x64_hypercall(vp, &frame), want);
    assert_only_changed(&before, &frame, changed);
    if (want != HVEMU_INTERCEPT)
        assert_u64(frame.gpa, 0);
    if (want != HVEMU_INTERCEPT && want != HVEMU_STEP)
        assert_u64(frame.access, 0);
    return frame;
}

static void assert_answer(struct hvemu_vp *vp, struct hvemu_x64_frame frame, uint64_t rax)
{
    assert_u64(exit_with(vp, frame, HVEMU_STEP, HVEMU_X64_RAX).rax, rax);
}

/* The same in a mode that has no 64-bit registers. */
static void assert_narrow_answer(struct hvemu_vp *vp, struct hvemu_x64_frame frame, uint32_t eax)
{
    frame = exit_with(vp, frame, HVEMU_STEP, HVEMU_X64_RAX | HVEMU_X64_RDX);
    assert_u64(frame.rax, eax);
    assert_u64(frame.rdx, 0);
}

/* ---- Results in registers ---- */

static void fast_clear_changes_nothing_but_rax(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t child = add_acknowledged_child(vmm);

    assert_answer(vmm->vp, fake_frame64(0x10056, child, 0x123456789ABCDEF1), 0);
    assert_answer(vmm->vp, fake_frame64(0x10056, child, 0), 0x14);
}

/* Of the target 64 bytes, of the caller as many and its VP: partitions, VPs and all that belongs to
 * them otherwise are rubbish during the call. No pointer, lock or number of it would do. */
static void fast_clear_looks_at_one_cache_line_of_its_target(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu *hv = vmm->hv;
    const uint64_t child = add_acknowledged_child(vmm);
    uint8_t *const from = (uint8_t *)hv->partitions;
    const size_t bytes = hvemu_memory_size(&hv->config) - offsetof(struct hvemu, partitions);
    struct hvemu__partition *caller = hvemu__slot(hv, vmm->guest), *target = hvemu__slot(hv, child);
    const struct hvemu__partition target_was = *target, caller_was = *caller;
    const struct hvemu_vp vp_was = *vmm->vp;
    uint8_t *expected = malloc(bytes);

    assert_non_null(expected);
    for (uint32_t rubbish = 0; rubbish <= 0xFF; rubbish += 0x33) {
        memset(from, (int)rubbish, bytes);
        *target = target_was;
        *caller = caller_was;
        *vmm->vp = vp_was;
        hvemu__store(&target->word, hvemu__load(&target->word) & ~HVEMU__EXT_INT);
        memcpy(expected, from, bytes);
        *target = target_was;
        assert_answer(vmm->vp, fake_frame64(0x10056, child, 0), 0);
        assert_memory_equal(from, expected, bytes);
    }
    free(expected);
}

static void result_of_a_32_bit_caller_is_edx_eax_with_clean_upper_halves(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t child = add_acknowledged_child(vmm);

    assert_narrow_answer(vmm->vp, fake_frame32(0x10056, child, 0xFFFFFFFFFFFFFFFF), 0);
    assert_narrow_answer(vmm->vp, fake_frame32(0x10056, child, 0), 0x14);
}

/* Its ECX is half of a parameter, which may look like a 64-bit caller's control word. */
static void ecx_of_a_32_bit_caller_is_no_control_word(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_x64_frame frame = fake_frame32(0x10056, 0, 0);

    frame.rcx = 0x10056; /* of partition 0x10056, which there is not */
    frame.rbx = 0;
    assert_narrow_answer(vmm->vp, frame, 0x0D);
    frame.rcx = 0x10043;
    assert_narrow_answer(vmm->vp, frame, 0x0D);
}

static void compatibility_mode_takes_32_bit_registers(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_x64_frame frame = fake_frame32(0x10056, add_acknowledged_child(vmm), 0);

    frame.mode = PE | LMA;
    assert_narrow_answer(vmm->vp, frame, 0);
}

static void long_segment_without_long_mode_takes_32_bit_registers(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_x64_frame frame = fake_frame32(0x10056, add_acknowledged_child(vmm), 0);

    frame.mode = PE | CS_L;
    assert_narrow_answer(vmm->vp, frame, 0);
}

static void partition_id_comes_back_in_rdx_and_the_rest_of_its_chunk_is_zero(void **state)
{
    struct fake_vmm *vmm = *state;
    const struct hvemu_x64_frame frame = exit_with(vmm->vp, fake_frame64(0x10046, 1, 2), HVEMU_STEP,
                                                   HVEMU_X64_RAX | HVEMU_X64_RDX | HVEMU_X64_R8);

    assert_u64(frame.rax, 0);
    assert_u64(frame.rdx, vmm->guest);
    assert_u64(frame.r8, 0);
}

static struct hvemu_x64_frame fast_create(void)
{
    struct hvemu_x64_frame frame = fake_frame64(0x10040, 0, 0);

    memset(frame.xmm, 0, 40); /* the last 8 bytes of XMM2 are not the call's */
    return frame;
}

static void new_partition_comes_back_in_xmm3(void **state)
{
    struct fake_vmm *vmm = *state;
    const struct hvemu_x64_frame frame =
        exit_with(vmm->vp, fast_create(), HVEMU_STEP, HVEMU_X64_RAX | 0x800);

    assert_u64(frame.rax, 0);
    assert_u64(frame.xmm[3][0], vmm->guest + 1);
    assert_u64(frame.xmm[3][1], 0);
}

static void failed_call_writes_no_output_register(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_x64_frame frame = fast_create();

    frame.rdx = 0x4; /* no such flag */
    assert_answer(vmm->vp, frame, 5);
    assert_answer(vmm->vp, fake_frame64(0x80010046, 0, 0), 3);
}

static void memory_call_writes_no_register_but_the_result(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_answer(vmm->vp, fake_frame64(0x46, 3, OUT), 0);
    assert_u64(le64dec(vmm->ram + OUT), vmm->guest);
    memset(vmm->ram + OUT, 0, 8);
    assert_narrow_answer(vmm->vp, fake_frame32(0x46, 3, OUT), 0);
    assert_u64(le64dec(vmm->ram + OUT), vmm->guest);
}

static void rubbish_where_no_parameter_is_changes_nothing(void **state)
{
    static const uint64_t rubbish[] = {0, 1, 0x7FF8, 0x8000000000000001, UINT64_MAX};
    struct fake_vmm *vmm = *state;
    const uint64_t child = add_child(vmm);

    for (size_t i = 0; i < 5; i++) {
        assert_answer(vmm->vp, fake_frame64(0x10056, child, rubbish[i]), 0x14);
        le64enc(vmm->ram + IN, child);
        assert_answer(vmm->vp, fake_frame64(0x56, IN, rubbish[i]), 0x14);
        assert_answer(vmm->vp, fake_frame64(0x46, rubbish[i], OUT), 0);
    }
}

/* ---- Who may call ---- */

static void other_privilege_levels_raise_ud(void **state)
{
    struct fake_vmm *vmm = *state;

    for (uint32_t level = 1; level <= 3; level++) {
        struct hvemu_x64_frame wide = fake_frame64(0x10056, 1, 0);
        struct hvemu_x64_frame narrow = fake_frame32(0x10056, 1, 0);

        wide.mode |= level;
        narrow.mode |= level;
        exit_with(vmm->vp, wide, HVEMU_UD, 0);
        exit_with(vmm->vp, narrow, HVEMU_UD, 0);
        narrow.mode |= LMA;
        exit_with(vmm->vp, narrow, HVEMU_UD, 0);
    }
    assert_u64(vmm->logged, 0);
}

static void real_mode_raises_ud(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_x64_frame frame = fake_frame32(0x10056, 1, 0);

    frame.mode = 0;
    exit_with(vmm->vp, frame, HVEMU_UD, 0);
    frame.mode = LMA | CS_L;
    exit_with(vmm->vp, frame, HVEMU_UD, 0);
}

static void illegal_mode_raises_ud_even_for_a_call_that_is_wrong_in_every_way(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_x64_frame frame = fake_frame64(UINT64_MAX, UINT64_MAX, UINT64_MAX);

    frame.mode |= 3;
    exit_with(vmm->vp, frame, HVEMU_UD, 0);
}

static void interface_that_was_never_enabled_is_not_ours(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp;
    uint64_t other;

    assert_result(hvemu_add_guest(vmm->hv, vmm->root, HV_PRIVILEGE_ALL, vmm, &other), HVEMU_OK);
    assert_result(hvemu_vp_attach(vmm->hv, other, 0, vmm, &vp), HVEMU_OK);
    exit_with(vp, fake_frame64(0x10056, 1, 0), HVEMU_PASS, 0);
    exit_with(vp, fake_frame64(UINT64_MAX, 1, 0), HVEMU_PASS, 0);
    exit_with(vp, fake_frame32(0x10056, 1, 0), HVEMU_PASS, 0);
    /* An identity alone enables nothing. */
    assert_action(hvemu_x64_wrmsr(vp, 0x40000000, 1), HVEMU_STEP);
    exit_with(vp, fake_frame64(0x10056, 1, 0), HVEMU_PASS, 0);
    assert_action(hvemu_x64_wrmsr(vp, 0x40000001, 0x7000), HVEMU_STEP);
    exit_with(vp, fake_frame64(0x10056, 1, 0), HVEMU_PASS, 0);
    assert_action(hvemu_x64_wrmsr(vp, 0x40000001, 0x7001), HVEMU_STEP);
    assert_answer(vp, fake_frame64(0x10056, 0, 0), 0x0D);
}

static void clearing_the_os_id_closes_the_interface(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_action(hvemu_x64_wrmsr(vmm->vp, 0x40000000, 0), HVEMU_STEP);
    exit_with(vmm->vp, fake_frame64(0x10056, 1, 0), HVEMU_PASS, 0);
    /* Coming back does not open it. */
    assert_action(hvemu_x64_wrmsr(vmm->vp, 0x40000000, 1), HVEMU_STEP);
    exit_with(vmm->vp, fake_frame64(0x10056, 1, 0), HVEMU_PASS, 0);
}

static void disabling_the_page_closes_the_interface(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_action(hvemu_x64_wrmsr(vmm->vp, 0x40000001, 0), HVEMU_STEP);
    exit_with(vmm->vp, fake_frame64(0x10056, 1, 0), HVEMU_PASS, 0);
}

static void interface_is_open_for_every_vp_of_the_partition(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *other;

    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 1, vmm, &other), HVEMU_OK);
    assert_answer(other, fake_frame64(0x10056, 0, 0), 0x0D);
    assert_u64(exit_with(other, fake_frame64(0x10046, 0, 0), HVEMU_STEP,
                         HVEMU_X64_RAX | HVEMU_X64_RDX | HVEMU_X64_R8)
                   .rdx,
               vmm->guest);
}

static void vp_of_a_finalizing_partition_is_gone(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_status(fake_call_on(vmm, vmm->root, 0x42, vmm->guest), 0x78);
    exit_with(vmm->vp, fake_frame64(0x10056, 1, 0), HVEMU_GONE, 0);
    exit_with(vmm->vp, fake_frame64(0x46, 0, OUT), HVEMU_GONE, 0);
    exit_with(vmm->vp, fake_frame64(UINT64_MAX, 1, 0), HVEMU_GONE, 0);
}

static void detached_vp_is_gone(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_OK);
    exit_with(vmm->vp, fake_frame64(0x10056, 1, 0), HVEMU_GONE, 0);
}

static void nothing_to_call_with_fails(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_x64_frame frame = fake_frame64(0x10056, 1, 0);

    assert_action(hvemu_x64_hypercall(NULL, &frame), HVEMU_FAILED);
    assert_action(hvemu_x64_hypercall(vmm->vp, NULL), HVEMU_FAILED);
    hvemu_x64_finish(NULL, 0, 0);
}

/* ---- XMM registers ---- */

static void call_that_needs_xmm_is_made_once_they_are_filled(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_vp *vp;
    const uint64_t child = add_child(vmm);
    struct hvemu_x64_frame frame = fake_frame64(0x10094, child, 7);
    uint8_t vector;

    assert_result(hvemu_vp_attach(vmm->hv, child, 0, vmm, &vp), HVEMU_OK);
    frame.known = 0;
    frame = exit_with(vmm->vp, frame, HVEMU_NEED_XMM, 0);
    assert_u64(vmm->logged, 0);
    frame.known = HVEMU_X64_XMM;
    frame.xmm[0][0] = 0;
    frame.xmm[0][1] = 0x77;
    frame.changed = 0;
    assert_answer(vmm->vp, frame, 0);
    assert_result(hvemu_ext_int_acknowledge(vp, &vector), HVEMU_OK);
    assert_u64(vector, 0x77);
}

static struct fake_vmm *new_with_features(uint32_t features)
{
    const struct hvemu_config config = {.size = sizeof config, .features = features};
    struct fake_vmm *vmm = fake_new(&config, NULL);

    fake_add_guest(vmm, HV_PRIVILEGE_ALL);
    return vmm;
}

static void register_calls_that_are_not_advertised_raise_ud(void **state)
{
    static const struct {
        uint32_t features;
        enum hvemu_action assert, create, get_id;
    } rows[] = {
        {0x0000, HVEMU_UD, HVEMU_UD, HVEMU_UD},
        {0x0010, HVEMU_NEED_XMM, HVEMU_UD, HVEMU_UD},
        {0x8000, HVEMU_UD, HVEMU_UD, HVEMU_STEP},
        {0x8010, HVEMU_NEED_XMM, HVEMU_NEED_XMM, HVEMU_STEP},
    };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct fake_vmm *vmm = new_with_features(rows[i].features);
        struct hvemu_x64_frame frame = fake_frame64(0x10094, 1, 7);

        frame.known = 0;
        exit_with(vmm->vp, frame, rows[i].assert, 0);
        frame.rcx = 0x10055;
        exit_with(vmm->vp, frame, rows[i].assert, 0);
        frame.rcx = 0x10040;
        exit_with(vmm->vp, frame, rows[i].create, 0);
        frame.rcx = 0x10046;
        assert_action(hvemu_x64_hypercall(vmm->vp, &frame), rows[i].get_id);
        /* The forms that need no more than general registers or memory are there all the same. */
        assert_answer(vmm->vp, fake_frame64(0x10056, 0, 0), 0x0D);
        assert_answer(vmm->vp, fake_frame64(0x46, 0, OUT), 0);
        assert_answer(vmm->vp, fake_frame64(0x94, IN, 0), 0x0D);
        fake_free(vmm);
    }
}

static void fast_assert_of_a_32_bit_caller_needs_xmm_too(void **state)
{
    struct fake_vmm *vmm = new_with_features(0);
    struct hvemu_x64_frame frame = fake_frame32(0x10094, 1, 7);

    (void)state;
    frame.known = 0;
    exit_with(vmm->vp, frame, HVEMU_UD, 0);
    fake_free(vmm);
    vmm = new_with_features(0x10);
    exit_with(vmm->vp, frame, HVEMU_NEED_XMM, 0);
    fake_free(vmm);
}

/* ---- Control words ---- */

static int offered(uint64_t code)
{
    static const uint16_t others[] = {0x6E, 0x90, 0x94, 0x99, 0x9A, 0xAC, 0xAD, 0x101, 0x10A};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (code == others[i])
            return 1;
    return code >= 0x40 && code <= 0x56;
}

static void all_65536_codes_but_those_offered_are_answered_2(void **state)
{
    struct fake_vmm *vmm = *state;
    unsigned left_out = 0;

    for (uint64_t code = 0; code <= 0xFFFF; code++) {
        struct hvemu_x64_frame frame = fake_frame64(0x10000 | code, 0, 0);

        left_out += (unsigned)offered(code);
        if (offered(code))
            continue;
        assert_action(hvemu_x64_hypercall(vmm->vp, &frame), HVEMU_STEP);
        assert_u64(frame.rax, 2);
        frame = fake_frame64(code, 1, 1);
        assert_action(hvemu_x64_hypercall(vmm->vp, &frame), HVEMU_STEP);
        assert_u64(frame.rax, 2);
    }
    assert_int_equal(left_out, 32);
    assert_u64(vmm->logged, 0);
}

static void hostile_control_words_are_answered(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_answer(vmm->vp, fake_frame64(UINT64_MAX, UINT64_MAX, UINT64_MAX), 2);
    assert_narrow_answer(vmm->vp, fake_frame32(UINT64_MAX, UINT64_MAX, UINT64_MAX), 2);
    assert_answer(vmm->vp, fake_frame64(0xFFFFFFFFFFFE0056, 1, 0), 3);
    assert_answer(vmm->vp, fake_frame64(0xFFFFFFFFFFFF0056, 1, 0), 3);
    /* Pages that set bit 31 of EAX before the instruction make 32-bit calls nested ones. */
    assert_narrow_answer(vmm->vp, fake_frame32(0x80010056, 1, 0), 3);
}

static void list_beyond_the_address_space_is_misplaced(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_answer(vmm->vp, fake_frame64(0x56, (uint64_t)1 << 52, 0), 4);
    assert_answer(vmm->vp, fake_frame64(0x56, 0xFFFFFFFFFFFFFFF8, 0), 4);
    assert_u64(vmm->logged, 0);
    exit_with(vmm->vp, fake_frame64(0x56, ((uint64_t)1 << 52) - 8, 0), HVEMU_INTERCEPT, 0);
}

static void list_in_the_callers_hypercall_page_is_no_ops_business(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t last = FAKE_HYPERCALL_PAGE + 0xFF8;
    struct hvemu_x64_frame frame =
        exit_with(vmm->vp, fake_frame64(0x56, last, 0), HVEMU_INTERCEPT, 0);

    assert_u64(frame.gpa, last);
    assert_u64(frame.access, HVEMU_ACCESS_READ);
    assert_u64(vmm->logged, 0);
    exit_with(vmm->vp, fake_frame64(0x56, last + 8, 0), HVEMU_INTERCEPT, 0);
    assert_u64(vmm->count[FAKE_GPA_READ], 1);
}

/* ---- Calls of the VMM's own that nobody filters or traces ---- */

static struct {
    unsigned calls;
    struct hvemu_invocation last;
    uint8_t in[8]; /* the header's beginning */
} heard;

static uint16_t hear(const struct hvemu_invocation *invocation, const void *in, const void *item,
                     void *out)
{
    (void)item, (void)out;
    heard.calls++;
    heard.last = *invocation;
    memset(heard.in, 0, sizeof heard.in);
    memcpy(heard.in, in,
           invocation->header_bytes < sizeof heard.in ? invocation->header_bytes : sizeof heard.in);
    return 0;
}

#define OWN(...)                                                                             \
    {                                                                                        \
        .size = sizeof(struct hvemu_descriptor), .name = "own", .handler = hear, __VA_ARGS__ \
    }

static struct fake_vmm *new_with_calls(const struct hvemu_descriptor *calls, uint32_t count)
{
    const struct hvemu_config config = {.size = sizeof config, .features = 0x8010, .calls = count};
    struct fake_vmm *vmm = fake_new(&config, NULL);

    for (uint32_t i = 0; i < count; i++)
        assert_result(hvemu_register(vmm->hv, &calls[i]), HVEMU_OK);
    fake_add_guest(vmm, HV_PRIVILEGE_ALL);
    memset(&heard, 0, sizeof heard);
    return vmm;
}

/* The call reached its handler, once, with this header. */
static void assert_heard(struct fake_vmm *vmm, uint16_t code, uint64_t target, uint64_t first)
{
    assert_int_equal(heard.calls, 1);
    assert_int_equal(heard.last.call->code, code);
    assert_ptr_equal(heard.last.vp, vmm->vp);
    assert_u64(heard.last.caller, vmm->guest);
    assert_u64(heard.last.target, target);
    assert_u64(le64dec(heard.in), first);
    heard.calls = 0;
}

static void own_call_about_nobody_has_a_header_and_no_target(void **state)
{
    static const struct hvemu_descriptor call[] = {OWN(.code = 0x7001, .in = 8)};
    struct fake_vmm *vmm = new_with_calls(call, 1);

    (void)state;
    assert_answer(vmm->vp, fake_frame64(0x17001, vmm->guest, 0), 0);
    assert_heard(vmm, 0x7001, 0, vmm->guest);
    le64enc(vmm->ram + IN, vmm->guest);
    assert_answer(vmm->vp, fake_frame64(0x7001, IN, 0), 0);
    assert_heard(vmm, 0x7001, 0, vmm->guest);
    fake_free(vmm);
}

static void own_call_without_lists_asks_for_no_memory(void **state)
{
    static const struct hvemu_descriptor call[] = {OWN(.code = 0x7001)};
    struct fake_vmm *vmm = new_with_calls(call, 1);

    (void)state;
    assert_answer(vmm->vp, fake_frame64(0x7001, 0xFFFFFFFFFFFFFFFF, 1), 0);
    assert_heard(vmm, 0x7001, 0, 0);
    assert_answer(vmm->vp, fake_frame64(0x7001, IN, OUT), 0);
    assert_heard(vmm, 0x7001, 0, 0);
    assert_u64(vmm->logged, 0);
    fake_free(vmm);
}

static void own_call_whose_header_the_registers_cannot_hold_is_for_memory(void **state)
{
    static const struct hvemu_descriptor calls[] = {OWN(.code = 0x7001, .in = 112),
                                                    OWN(.code = 0x7002, .in = 113)};
    struct fake_vmm *vmm = new_with_calls(calls, 2);

    (void)state;
    assert_answer(vmm->vp, fake_frame64(0x17001, 5, 0), 0);
    assert_heard(vmm, 0x7001, 0, 5);
    assert_answer(vmm->vp, fake_frame64(0x17002, 5, 0), 3);
    assert_int_equal(heard.calls, 0);
    le64enc(vmm->ram + IN, 6);
    assert_answer(vmm->vp, fake_frame64(0x7002, IN, 0), 0);
    assert_heard(vmm, 0x7002, 0, 6);
    fake_free(vmm);
}

static void own_call_of_every_shape_reaches_its_handler(void **state)
{
    static const struct hvemu_descriptor calls[] = {
        OWN(.code = 0x7001, .in = 8, .out = 8),
        OWN(.code = 0x7002, .in = 8, .form = HVEMU_REP),
        OWN(.code = 0x7003, .in = 8, .form = HVEMU_VARIABLE),
        OWN(.code = 0x7004, .in = 8, .target = HVEMU_SELF, .states = HVEMU_STATE_ACTIVE),
    };
    struct fake_vmm *vmm = new_with_calls(calls, 4);
    const uint64_t self = HV_PARTITION_ID_SELF, first = (uint64_t)1 << 32;

    (void)state;
    exit_with(vmm->vp, fake_frame64(0x17001, self, 0), HVEMU_STEP, HVEMU_X64_RAX | HVEMU_X64_XMM0);
    assert_heard(vmm, 0x7001, 0, self);
    assert_answer(vmm->vp, fake_frame64(0x17002 | first, self, 0), first);
    assert_heard(vmm, 0x7002, 0, self);
    assert_answer(vmm->vp, fake_frame64(0x17003, self, 0), 0);
    assert_heard(vmm, 0x7003, 0, self);
    assert_answer(vmm->vp, fake_frame64(0x17004, self, 0), 0);
    assert_heard(vmm, 0x7004, vmm->guest, self);
    fake_free(vmm);
}

/* Codes that lie so that some meet in the library's table, one another or what nobody offers. */
static void own_calls_and_no_others_are_heard_among_all_codes(void **state)
{
    enum { CALLS = 96 };
    struct hvemu_descriptor calls[CALLS];
    struct fake_vmm *vmm;
    unsigned n = 0;

    (void)state;
    for (unsigned i = 0; i < CALLS; i++)
        calls[i] = (struct hvemu_descriptor)OWN(.code = (uint16_t)(0x1000 + 5 * i * i));
    vmm = new_with_calls(calls, CALLS);
    for (uint32_t code = 0x140; code <= 0xFFFF; code++) {
        const int own = n < CALLS && calls[n].code == code;

        assert_answer(vmm->vp, fake_frame64(0x10000 | code, 0, 0), own ? 0 : 2);
        if (own)
            assert_heard(vmm, calls[n++].code, 0, 0);
        assert_int_equal(heard.calls, 0);
    }
    assert_int_equal(n, CALLS);
    fake_free(vmm);
}

/* ---- Which of two faults wins ---- */

static struct fake_vmm *new_weak(uint32_t features)
{
    const struct hvemu_config config = {
        .size = sizeof config, .features = features, .gpa_bits = 20};
    struct fake_vmm *vmm = fake_new(&config, NULL);

    fake_add_guest(vmm, 0x60);
    return vmm;
}

static void unknown_code_wins_over_want_of_privilege(void **state)
{
    struct fake_vmm *vmm = new_weak(0);

    (void)state;
    assert_answer(vmm->vp, fake_frame64(0x57, 1, 1), 2);
    assert_answer(vmm->vp, fake_frame64(0x80000057, 1, 1), 2);
    fake_free(vmm);
}

static void want_of_privilege_wins_over_everything_but_the_code(void **state)
{
    struct fake_vmm *vmm = new_weak(0);
    struct hvemu_x64_frame frame;

    (void)state;
    assert_answer(vmm->vp, fake_frame64(0x80000056, 0, 0), 6);             /* 3 */
    assert_answer(vmm->vp, fake_frame64(0x56, 1, 0), 6);                   /* 4: misaligned */
    assert_answer(vmm->vp, fake_frame64(0x94, 0x1FF8, 0), 6);              /* 4: crossing */
    assert_answer(vmm->vp, fake_frame64(0x56, 0x100000, 0), 6);            /* 4: outside */
    assert_answer(vmm->vp, fake_frame64(0x56, OUTSIDE_RAM, 0), 6);         /* INTERCEPT */
    assert_answer(vmm->vp, fake_frame64(0x10094, 0, 0), 6);                /* UD */
    assert_answer(vmm->vp, fake_frame64(0x10046, 0, 0), 6);                /* UD */
    assert_narrow_answer(vmm->vp, fake_frame32(0x10046, 0, 0), 6);         /* 3 */
    assert_answer(vmm->vp, fake_frame64(0x10056, 0, 0), 6);                /* 0D */
    assert_answer(vmm->vp, fake_frame64(0x46, 0, FAKE_HYPERCALL_PAGE), 6); /* INTERCEPT */
    assert_u64(vmm->logged, 0);
    fake_free(vmm);
    vmm = new_weak(0x8010);
    frame = fake_frame64(0x10094, 0, 0);
    frame.known = 0;
    assert_answer(vmm->vp, frame, 6); /* NEED_XMM */
    fake_free(vmm);
}

static void refused_control_word_wins_over_what_lists_and_registers_lack(void **state)
{
    struct fake_vmm *vmm = new_with_features(0);
    struct hvemu_x64_frame frame = fake_frame64(0x80010094, 0, 0);

    (void)state;
    frame.known = 0;
    assert_answer(vmm->vp, frame, 3);                           /* UD */
    assert_answer(vmm->vp, fake_frame64(0x100000056, 1, 0), 3); /* 4 */
    assert_answer(vmm->vp, fake_frame64(0x100000056, 1ull << 52, 0), 3);
    assert_answer(vmm->vp, fake_frame64(0x100000056, OUTSIDE_RAM, 0), 3);
    assert_answer(vmm->vp, fake_frame64(0x100010056, 0, 0), 3);    /* 0D */
    assert_narrow_answer(vmm->vp, fake_frame32(0x10046, 0, 0), 3); /* UD */
    fake_free(vmm);
    vmm = new_with_features(0x8010);
    assert_answer(vmm->vp, frame, 3); /* NEED_XMM */
    fake_free(vmm);
}

static void misplaced_list_wins_over_one_that_cannot_be_reached(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_answer(vmm->vp, fake_frame64(0x56, OUTSIDE_RAM + 1, 0), 4);
    assert_answer(vmm->vp, fake_frame64(0x94, OUTSIDE_RAM + 0xFE8, 0), 4);
    /* One list misplaced, the other out of reach. */
    assert_answer(vmm->vp, fake_frame64(0x40, OUTSIDE_RAM, OUT + 1), 4);
    assert_answer(vmm->vp, fake_frame64(0x40, IN + 1, OUTSIDE_RAM), 4);
    assert_answer(vmm->vp, fake_frame64(0x40, OUTSIDE_RAM, 1ull << 52), 4);
    assert_answer(vmm->vp, fake_frame64(0x40, FAKE_HYPERCALL_PAGE, OUT + 4), 4);
    assert_u64(vmm->logged, 0);
}

static void list_out_of_reach_wins_over_the_target(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_x64_frame frame =
        exit_with(vmm->vp, fake_frame64(0x56, OUTSIDE_RAM, 0), HVEMU_INTERCEPT, 0);

    assert_u64(frame.gpa, OUTSIDE_RAM);
    assert_u64(frame.access, 1);
    /* Output out of reach wins over a parameter that the handler would refuse. */
    memset(vmm->ram + IN, 0xFF, 56);
    frame = exit_with(vmm->vp, fake_frame64(0x40, IN, OUTSIDE_RAM), HVEMU_INTERCEPT, 0);
    assert_u64(frame.gpa, OUTSIDE_RAM);
    assert_u64(frame.access, 2);
}

static void want_of_xmm_wins_over_the_target(void **state)
{
    struct fake_vmm *vmm = new_with_features(0);
    struct hvemu_x64_frame frame = fake_frame64(0x10094, 0, 0);

    (void)state;
    exit_with(vmm->vp, frame, HVEMU_UD, 0);
    fake_free(vmm);
    vmm = new_with_features(0x8010);
    frame.known = 0;
    exit_with(vmm->vp, frame, HVEMU_NEED_XMM, 0);
    fake_free(vmm);
}

static void closed_interface_wins_over_want_of_privilege(void **state)
{
    struct fake_vmm *vmm = new_weak(0);

    (void)state;
    assert_action(hvemu_x64_wrmsr(vmm->vp, 0x40000001, 0), HVEMU_STEP);
    exit_with(vmm->vp, fake_frame64(0x10056, 0, 0), HVEMU_PASS, 0);
    fake_free(vmm);
}

static void closed_interface_is_closed_in_any_mode(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_x64_frame frame = fake_frame64(0x10056, 0, 0);

    assert_action(hvemu_x64_wrmsr(vmm->vp, 0x40000001, 0), HVEMU_STEP);
    for (frame.mode = 0; frame.mode < 32; frame.mode++)
        exit_with(vmm->vp, frame, HVEMU_PASS, 0);
}

/* ---- Outcomes that change nothing ---- */

static void intercept_changes_nothing_and_the_call_can_be_repeated(void **state)
{
    struct fake_vmm *vmm = *state;
    const uint64_t child = add_acknowledged_child(vmm);
    struct hvemu_x64_frame frame = fake_frame64(0x56, IN + 0x28, 0);

    le64enc(vmm->ram + IN + 0x28, child);
    fake_fail(vmm, FAKE_GPA_READ, 0, HVEMU_MEM_NONE);
    frame = exit_with(vmm->vp, frame, HVEMU_INTERCEPT, 0);
    assert_u64(frame.gpa, IN + 0x28);
    assert_u64(frame.access, 1);
    frame.access = 0;
    frame.gpa = 0;
    assert_answer(vmm->vp, frame, 0);
    /* Output that cannot be written is found before anything has happened. */
    memset(vmm->ram + IN, 0, 56);
    fake_forget(vmm);
    fake_fail(vmm, FAKE_GPA_WRITABLE, 0, HVEMU_MEM_NONE);
    frame = exit_with(vmm->vp, fake_frame64(0x40, IN, OUT), HVEMU_INTERCEPT, 0);
    assert_u64(frame.gpa, OUT);
    assert_u64(frame.access, 2);
    assert_u64(vmm->logged, 1);
    frame.access = 0;
    frame.gpa = 0;
    assert_answer(vmm->vp, frame, 0);
    assert_u64(le64dec(vmm->ram + OUT), child + 1);
}

static void intercept_of_a_32_bit_caller_names_the_whole_address(void **state)
{
    struct fake_vmm *vmm = *state;
    const struct hvemu_x64_frame frame =
        exit_with(vmm->vp, fake_frame32(0x46, 0, 0x000ABCDE12345678), HVEMU_INTERCEPT, 0);

    assert_u64(frame.gpa, 0x000ABCDE12345678);
    assert_u64(frame.access, 2);
}

static void blocking_memory_repeats_the_call_with_nothing_changed(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_x64_frame frame = fake_frame64(0x46, 0, OUT);

    fake_fail(vmm, FAKE_GPA_WRITABLE, 0, HVEMU_MEM_AGAIN);
    frame = exit_with(vmm->vp, frame, HVEMU_REPEAT, 0);
    frame.changed = 0;
    assert_answer(vmm->vp, frame, 0);
    exit_with(vmm->vp,
              (fake_fail(vmm, FAKE_GPA_READ, 0, HVEMU_MEM_AGAIN), fake_frame32(0x56, IN, 0)),
              HVEMU_REPEAT, 0);
}

/* The call that guests make most, by the way that it goes. */
static void clear_in_memory_does_what_the_read_op_says(void **state)
{
    struct fake_vmm *vmm = *state;
    static const struct {
        int answer;
        enum hvemu_action want;
    } rows[] = {
        {HVEMU_MEM_AGAIN, HVEMU_REPEAT}, {HVEMU_MEM_FAILED, HVEMU_FAILED}, {99, HVEMU_FAILED}};

    le64enc(vmm->ram + IN, add_acknowledged_child(vmm));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fake_fail(vmm, FAKE_GPA_READ, 0, rows[i].answer);
        exit_with(vmm->vp, fake_frame64(0x56, IN, 0), rows[i].want, 0);
    }
    assert_answer(vmm->vp, fake_frame64(0x56, IN, 0), 0);
    assert_answer(vmm->vp, fake_frame64(0x56, IN, 0), 0x14);
}

static void failing_memory_fails_the_call_with_nothing_changed(void **state)
{
    struct fake_vmm *vmm = *state;

    fake_fail(vmm, FAKE_GPA_WRITABLE, 0, HVEMU_MEM_FAILED);
    exit_with(vmm->vp, fake_frame64(0x46, 0, OUT), HVEMU_FAILED, 0);
    fake_fail(vmm, FAKE_GPA_READ, 0, HVEMU_MEM_FAILED);
    exit_with(vmm->vp, fake_frame64(0x56, IN, 0), HVEMU_FAILED, 0);
    /* The VP is not left in a call. */
    assert_answer(vmm->vp, fake_frame64(0x46, 0, OUT), 0);
}

static void output_that_is_lost_does_not_undo_the_call(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_x64_frame frame;

    fake_fail(vmm, FAKE_GPA_WRITE, 0, HVEMU_MEM_FAILED);
    frame = exit_with(vmm->vp, fake_frame64(0x46, 0, OUT), HVEMU_STEP, HVEMU_X64_RAX);
    assert_u64(frame.rax, 0);
    assert_u64(frame.access, 4);
    frame = exit_with(vmm->vp, fake_frame64(0x46, 0, OUT), HVEMU_STEP, HVEMU_X64_RAX);
    assert_u64(frame.access, 0);
}

/* ---- An answer of the VMM's own ---- */

static void finish_answers_a_64_bit_caller_in_rax(void **state)
{
    struct fake_vmm *vmm = *state;
    struct hvemu_x64_frame before = fake_frame64(0x56, OUTSIDE_RAM, 0), frame;

    before = exit_with(vmm->vp, before, HVEMU_INTERCEPT, 0);
    frame = before;
    hvemu_x64_finish(&frame, 0x0B, 0);
    assert_only_changed(&before, &frame, HVEMU_X64_RAX);
    assert_u64(frame.rax, 0x0B);
    assert_u64(frame.access, 0);
}

static void finish_answers_a_32_bit_caller_in_edx_eax(void **state)
{
    struct hvemu_x64_frame before = fake_frame32(0x56, 0, 0), frame = before;

    (void)state;
    frame.changed = 0xFFFFFFFF;
    hvemu_x64_finish(&frame, 0xFFFF, 0x123);
    assert_only_changed(&before, &frame, HVEMU_X64_RAX | HVEMU_X64_RDX);
    assert_u64(frame.rax, 0xFFFF);
    assert_u64(frame.rdx, 0x123);
    before.mode = frame.mode = PE | LMA;
    hvemu_x64_finish(&frame, 0x10, 0);
    assert_u64(frame.changed, HVEMU_X64_RAX | HVEMU_X64_RDX);
    assert_u64(frame.rax, 0x10);
    assert_u64(frame.rdx, 0);
}

static void finish_puts_reps_where_they_belong(void **state)
{
    struct hvemu_x64_frame frame = fake_frame64(0, 0, 0);

    (void)state;
    hvemu_x64_finish(&frame, 0x0000, 0xFFF);
    assert_u64(frame.rax, 0x00000FFF00000000);
    hvemu_x64_finish(&frame, 0x0078, 0xFFFF); /* 12 bits of reps, the rest reserved */
    assert_u64(frame.rax, 0x00000FFF00000078);
}

/* ---- Ops that call back ---- */

/* What an op does in mid-call, and what it got for it. */
static struct {
    enum fake_op in;
    enum hvemu_action action;
    uint16_t status[4];
    int line, runs;
    uint64_t child;
    struct hvemu_vp *child_vp;
    uint8_t vector;
} inner;

static void call_with_the_same_vp(struct fake_vmm *vmm, const struct fake_event *event)
{
    struct hvemu_x64_frame frame = fake_frame64(0x10056, inner.child, 0);
    const struct hvemu_x64_frame before = frame;

    if (event->op != inner.in)
        return;
    inner.runs++;
    inner.action = hvemu_x64_hypercall(vmm->vp, &frame);
    assert_only_changed(&before, &frame, 0);
}

static void exchange_interrupts(struct fake_vmm *vmm, const struct fake_event *event)
{
    if (event->op != inner.in)
        return;
    inner.runs++;
    inner.status[0] = hvemu_assert_virtual_interrupt(vmm->hv, vmm->guest, inner.child, 7, 0, 0x66);
    inner.line = hvemu_ext_int_line(inner.child_vp);
    assert_result(hvemu_ext_int_acknowledge(inner.child_vp, &inner.vector), HVEMU_OK);
    inner.status[1] = hvemu_assert_virtual_interrupt(vmm->hv, vmm->guest, inner.child, 7, 0, 0x67);
    inner.status[2] = hvemu_clear_virtual_interrupt(vmm->hv, vmm->guest, inner.child);
    inner.status[3] = hvemu_clear_virtual_interrupt(vmm->hv, vmm->guest, inner.child);
}

static void prepare_inner(struct fake_vmm *vmm, enum fake_op in)
{
    memset(&inner, 0, sizeof inner);
    inner.in = in;
    inner.child = add_child(vmm);
    assert_result(hvemu_vp_attach(vmm->hv, inner.child, 0, vmm, &inner.child_vp), HVEMU_OK);
    memset(vmm->ram + IN, 0, 0x100);
}

/* Calls of a parent, and the op that carries each out. */
static const struct {
    uint64_t control, in[5]; /* behind the child's ID */
} served_by[FAKE_OPS] = {
    [FAKE_VP] = {0x4E, {1}},
    [FAKE_VP_GET] = {0x100000050, {0, 0x20000}},
    [FAKE_VP_SET] = {0x100000051, {0, 0x20000, 0, 0x55}},
    [FAKE_MAP] = {0x10000004B, {5, 0xF, 3}},
    [FAKE_POOL] = {0x100000048, {9}},
    [FAKE_PROPERTY] = {0x45, {0x20003, 200}},
};

/* A call during which this op is called, by the guest or about it. */
static void make_a_call_with(struct fake_vmm *vmm, enum fake_op op)
{
    if (op == FAKE_OVERLAY)
        assert_action(hvemu_x64_wrmsr(vmm->vp, 0x40000001, 0x6001), HVEMU_STEP);
    else if (op == FAKE_INTERRUPT || op == FAKE_EXT_INT) {
        struct hvemu_x64_frame frame =
            fake_frame64(0x10094, inner.child, op == FAKE_INTERRUPT ? 0 : 7);

        frame.xmm[0][0] = 0;
        frame.xmm[0][1] = 0x40;
        assert_answer(vmm->vp, frame, 0);
    } else if (served_by[op].control) {
        le64enc(vmm->ram + IN, inner.child);
        for (unsigned i = 0; i < 5; i++)
            le64enc(vmm->ram + IN + 8 + 8 * i, served_by[op].in[i]);
        assert_answer(vmm->vp, fake_frame64(served_by[op].control, IN, OUT),
                      served_by[op].control & 0xFFF00000000);
    } else
        assert_answer(vmm->vp, fake_frame64(0x40, IN, OUT), 0);
}

/* With pools that nothing is paid from, and room for a child an op. */
static int setup_for_every_op(void **state)
{
    const struct hvemu_config config = {
        .size = sizeof config,
        .partitions = 64,
        .vps = 64,
        .features = 0x00048010,
        .privileges = 0x0000000700000060,
        .pages = 16,
        .create_cost = HVEMU_NO_COST,
        .vp_cost = HVEMU_NO_COST,
        .map_cost = HVEMU_NO_COST,
    };
    struct fake_vmm *vmm = fake_new(&config, NULL);

    fake_add_guest(vmm, HV_PRIVILEGE_ALL);
    *state = vmm;
    return 0;
}

static void call_within_a_call_of_the_same_vp_fails(void **state)
{
    struct fake_vmm *vmm = *state;

    for (enum fake_op op = 0; op < FAKE_OPS; op++) {
        prepare_inner(vmm, op);
        vmm->reenter = call_with_the_same_vp;
        make_a_call_with(vmm, op);
        vmm->reenter = NULL;
        assert_int_equal(inner.runs, 1);
        assert_action(inner.action, HVEMU_FAILED);
        /* The outer call went its way, and the VP is free again. */
        assert_answer(vmm->vp, fake_frame64(0x10056, inner.child, 0), 0x14);
    }
}

static void ops_may_assert_acknowledge_and_clear(void **state)
{
    struct fake_vmm *vmm = *state;

    for (enum fake_op op = FAKE_EXT_INT + 1; op < FAKE_OPS; op++) {
        prepare_inner(vmm, op);
        vmm->reenter = exchange_interrupts;
        make_a_call_with(vmm, op);
        vmm->reenter = NULL;
        assert_int_equal(inner.runs, 1);
        assert_status(inner.status[0], 0);
        assert_int_equal(inner.line, 1);
        assert_u64(inner.vector, 0x66);
        assert_status(inner.status[1], 0x16);
        assert_status(inner.status[2], 0);
        assert_status(inner.status[3], 0x14);
    }
}

static void try_life_cycle_calls(struct fake_vmm *vmm, const struct fake_event *event)
{
    uint64_t id;
    struct hvemu_vp *vp;

    if (event->op != inner.in)
        return;
    inner.runs++;
    inner.status[0] = fake_create(vmm, vmm->guest, &id);
    inner.status[1] = fake_call_on(vmm, vmm->guest, 0x42, inner.child);
    assert_result(hvemu_add_guest(vmm->hv, vmm->guest, 0, NULL, &id), HVEMU_E_BUSY);
    assert_result(hvemu_vp_attach(vmm->hv, inner.child, 1, NULL, &vp), HVEMU_E_BUSY);
    assert_result(hvemu_vp_detach(inner.child_vp), HVEMU_E_BUSY);
    assert_result(hvemu_reset(vmm->hv, inner.child), HVEMU_E_BUSY);
}

static void life_cycle_call_from_an_op_of_the_life_cycle_is_for_later(void **state)
{
    struct fake_vmm *vmm = *state;

    prepare_inner(vmm, FAKE_PARTITION);
    vmm->reenter = try_life_cycle_calls;
    make_a_call_with(vmm, FAKE_PARTITION);
    vmm->reenter = NULL;
    assert_int_equal(inner.runs, 1);
    assert_status(inner.status[0], 0x78);
    assert_status(inner.status[1], 0x78);
    /* Nothing of it happened, and the lock is free. */
    assert_status(hvemu_clear_virtual_interrupt(vmm->hv, vmm->guest, inner.child), 0x14);
    assert_result(hvemu_vp_detach(inner.child_vp), HVEMU_OK);
}

/* Also by way of another thread: the VP whose call runs is still at it. */
static void reset_the_caller(struct fake_vmm *vmm, const struct fake_event *event)
{
    if (event->op != inner.in)
        return;
    inner.runs++;
    assert_result(hvemu_reset(vmm->hv, vmm->guest), HVEMU_E_BUSY);
    assert_result(hvemu_vp_detach(vmm->vp), HVEMU_E_BUSY);
}

static void vp_in_a_call_is_neither_reset_nor_detached(void **state)
{
    struct fake_vmm *vmm = *state;

    for (enum fake_op op = 0; op < FAKE_OPS; op++) {
        prepare_inner(vmm, op);
        vmm->reenter = reset_the_caller;
        make_a_call_with(vmm, op);
        vmm->reenter = NULL;
        assert_int_equal(inner.runs, 1);
        assert_answer(vmm->vp, fake_frame64(0x10056, inner.child, 0), 0x14);
    }
}

static struct hvemu_vp *second_vp;

static void create_with_another_vp(struct fake_vmm *vmm, const struct fake_event *event)
{
    struct hvemu_x64_frame frame = fast_create();
    const struct hvemu_x64_frame before = frame;

    (void)vmm;
    if (event->op != FAKE_PARTITION || inner.runs++)
        return;
    inner.action = hvemu_x64_hypercall(second_vp, &frame);
    assert_only_changed(&before, &frame, 0);
}

static void guests_life_cycle_call_is_repeated_while_another_is_under_way(void **state)
{
    struct fake_vmm *vmm = *state;

    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 1, vmm, &second_vp), HVEMU_OK);
    prepare_inner(vmm, FAKE_PARTITION);
    vmm->reenter = create_with_another_vp;
    make_a_call_with(vmm, FAKE_PARTITION);
    assert_action(inner.action, HVEMU_REPEAT);
    assert_u64(vmm->count[FAKE_PARTITION], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name)     cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
#define EVERY_OP(name) cmocka_unit_test_setup_teardown(name, setup_for_every_op, fake_teardown)
        TEST(fast_clear_changes_nothing_but_rax),
        TEST(fast_clear_looks_at_one_cache_line_of_its_target),
        TEST(result_of_a_32_bit_caller_is_edx_eax_with_clean_upper_halves),
        TEST(ecx_of_a_32_bit_caller_is_no_control_word),
        TEST(compatibility_mode_takes_32_bit_registers),
        TEST(long_segment_without_long_mode_takes_32_bit_registers),
        TEST(partition_id_comes_back_in_rdx_and_the_rest_of_its_chunk_is_zero),
        TEST(new_partition_comes_back_in_xmm3),
        TEST(failed_call_writes_no_output_register),
        TEST(memory_call_writes_no_register_but_the_result),
        TEST(rubbish_where_no_parameter_is_changes_nothing),
        TEST(other_privilege_levels_raise_ud),
        TEST(real_mode_raises_ud),
        TEST(illegal_mode_raises_ud_even_for_a_call_that_is_wrong_in_every_way),
        TEST(interface_that_was_never_enabled_is_not_ours),
        TEST(clearing_the_os_id_closes_the_interface),
        TEST(disabling_the_page_closes_the_interface),
        TEST(interface_is_open_for_every_vp_of_the_partition),
        TEST(vp_of_a_finalizing_partition_is_gone),
        TEST(detached_vp_is_gone),
        TEST(nothing_to_call_with_fails),
        TEST(call_that_needs_xmm_is_made_once_they_are_filled),
        cmocka_unit_test(register_calls_that_are_not_advertised_raise_ud),
        cmocka_unit_test(fast_assert_of_a_32_bit_caller_needs_xmm_too),
        TEST(all_65536_codes_but_those_offered_are_answered_2),
        TEST(hostile_control_words_are_answered),
        TEST(list_beyond_the_address_space_is_misplaced),
        TEST(list_in_the_callers_hypercall_page_is_no_ops_business),
        cmocka_unit_test(own_call_about_nobody_has_a_header_and_no_target),
        cmocka_unit_test(own_call_without_lists_asks_for_no_memory),
        cmocka_unit_test(own_call_whose_header_the_registers_cannot_hold_is_for_memory),
        cmocka_unit_test(own_call_of_every_shape_reaches_its_handler),
        cmocka_unit_test(own_calls_and_no_others_are_heard_among_all_codes),
        cmocka_unit_test(unknown_code_wins_over_want_of_privilege),
        cmocka_unit_test(want_of_privilege_wins_over_everything_but_the_code),
        cmocka_unit_test(refused_control_word_wins_over_what_lists_and_registers_lack),
        TEST(misplaced_list_wins_over_one_that_cannot_be_reached),
        TEST(list_out_of_reach_wins_over_the_target),
        cmocka_unit_test(want_of_xmm_wins_over_the_target),
        cmocka_unit_test(closed_interface_wins_over_want_of_privilege),
        TEST(closed_interface_is_closed_in_any_mode),
        TEST(intercept_changes_nothing_and_the_call_can_be_repeated),
        TEST(intercept_of_a_32_bit_caller_names_the_whole_address),
        TEST(blocking_memory_repeats_the_call_with_nothing_changed),
        TEST(clear_in_memory_does_what_the_read_op_says),
        TEST(failing_memory_fails_the_call_with_nothing_changed),
        TEST(output_that_is_lost_does_not_undo_the_call),
        TEST(finish_answers_a_64_bit_caller_in_rax),
        TEST(finish_answers_a_32_bit_caller_in_edx_eax),
        cmocka_unit_test(finish_puts_reps_where_they_belong),
        EVERY_OP(call_within_a_call_of_the_same_vp_fails),
        EVERY_OP(ops_may_assert_acknowledge_and_clear),
        TEST(life_cycle_call_from_an_op_of_the_life_cycle_is_for_later),
        EVERY_OP(vp_in_a_call_is_neither_reset_nor_detached),
        TEST(guests_life_cycle_call_is_repeated_while_another_is_under_way),
    };

    return cmocka_run_group_tests_name("exit", tests, NULL, NULL);
}
