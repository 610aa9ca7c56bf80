/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Every status of every call, in every way a caller can make it: from C, decoded by the VMM, and
 * from the registers of 64-bit, compatibility-mode and protected-mode callers, each fast and with
 * lists in memory. Each test is one row, run in all nine ways, each time in a fresh world. What a
 * row does not say is checked for all of them: the registers and the guest memory that change, and
 * that a call which failed has had no effect. */

#include "conventions.h"
#include "fake_vmm.h"
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The world ---- */

enum who {
    GUEST, /* a child of the root: the caller, unless a row says otherwise */
    ACTIVE,
    LEAF,     /* an active child with neither child nor VP */
    ASSERTED, /* active children whose external interrupt is in this state, vector 0x31 */
    ACKED,
    UNINITIALIZED,
    FINALIZING, /* its VP is still attached */
    FINALIZED,
    DELETED,
    GRANDCHILD, /* a child of ACTIVE, at the deepest level */
    WEAK,       /* the guest's sibling, which lacks CreatePartitions and AccessPartitionId */
    WEAK_CHILD,
    ROOT,
    NOBODY,  /* 0 */
    SELF,    /* all ones */
    NOT_YET, /* the ID that the next partition will have */
    NEVER,   /* an ID beyond the table */
    LATER,   /* a later generation's ID of the guest's own place in the table */
    IDS
};

struct world {
    struct fake_vmm *vmm;
    uint64_t ids[IDS];
    struct hvemu_vp *vps[IDS];
    uint8_t before[0x40000]; /* the instance, before the call */
    size_t instance_bytes;
};

static const struct hvemu_config config = {
    .size = sizeof config,
    .partitions = 20,
    .depth = 3,
    .features = 0x8010, /* XMM input and output */
    .privileges = 0x0000000300000060,
};

/* A call of the guest's; from C it finds TIMEOUT where a VP's is repeated. */
static void call_on(struct world *world, uint16_t code, uint64_t id, uint16_t want)
{
    assert_status(fake_call_on(world->vmm, world->ids[GUEST], code, id), want);
}

static void add_guest(struct world *world, enum who parent, enum who child, uint64_t privileges)
{
    assert_result(hvemu_add_guest(world->vmm->hv, world->ids[parent], privileges, world->vmm,
                                  &world->ids[child]),
                  HVEMU_OK);
}

static void add_vp(struct world *world, enum who who)
{
    assert_result(hvemu_vp_attach(world->vmm->hv, world->ids[who], 0, world->vmm, &world->vps[who]),
                  HVEMU_OK);
}

static void assert_ext_int(struct world *world, enum who who)
{
    uint8_t vector;

    add_vp(world, who);
    assert_status(hvemu_assert_virtual_interrupt(world->vmm->hv, world->ids[GUEST], world->ids[who],
                                                 7, 0, 0x31),
                  0);
    if (who == ACKED)
        assert_result(hvemu_ext_int_acknowledge(world->vps[who], &vector), HVEMU_OK);
}

static void build(struct world *world)
{
    memset(world, 0, sizeof *world);
    world->vmm = fake_new(&config, NULL);
    world->instance_bytes = hvemu_memory_size(&config);
    assert_true(world->instance_bytes <= sizeof world->before);
    world->ids[ROOT] = world->vmm->root;
    add_guest(world, ROOT, GUEST, HV_PRIVILEGE_ALL);
    add_guest(world, ROOT, WEAK, HV_PRIVILEGE_ALL & ~0x0000000300000000ULL);
    add_guest(world, WEAK, WEAK_CHILD, HV_PRIVILEGE_ALL);
    add_guest(world, GUEST, ACTIVE, 0x0000000300000060);
    add_guest(world, ACTIVE, GRANDCHILD, 0x0000000300000060);
    for (enum who who = LEAF; who <= DELETED; who++)
        if (who != UNINITIALIZED)
            add_guest(world, GUEST, who, 0x60);
    assert_status(fake_create(world->vmm, world->ids[GUEST], &world->ids[UNINITIALIZED]), 0);
    add_vp(world, GUEST);
    add_vp(world, ACTIVE);
    add_vp(world, GRANDCHILD);
    add_vp(world, WEAK);
    fake_enable_hypercalls(world->vps[GUEST]);
    fake_enable_hypercalls(world->vps[ACTIVE]);
    fake_enable_hypercalls(world->vps[GRANDCHILD]);
    fake_enable_hypercalls(world->vps[WEAK]);
    assert_ext_int(world, ASSERTED);
    assert_ext_int(world, ACKED);
    add_vp(world, FINALIZING);
    call_on(world, 0x42, world->ids[FINALIZING], 0x78);
    call_on(world, 0x42, world->ids[FINALIZED], 0);
    call_on(world, 0x42, world->ids[DELETED], 0);
    call_on(world, 0x43, world->ids[DELETED], 0);
    world->ids[SELF] = UINT64_MAX;
    world->ids[NOT_YET] = 14;
    world->ids[NEVER] = 21;
    world->ids[LATER] = world->ids[GUEST] + 0x1000000;
    fake_forget(world->vmm);
}

/* ---- Rows ---- */

struct row {
    char name[80];
    uint16_t code, want; /* want TIMEOUT: a guest's call is repeated */
    enum who caller, target;
    uint64_t words[7]; /* the input, from its second word on if the call has a target */
    int refusal;       /* the VMM's op answers this, if not 0 */
    void (*prepare)(struct world *);
    void (*check)(struct world *, uint64_t out); /* after success */
    int moves; /* the call has an effect though it did not succeed */
};

static size_t input_bytes(uint16_t code)
{
    switch (code) {
    case 0x40:
        return 56;
    case 0x46:
        return 0;
    case 0x55:
    case 0x94:
        return 32;
    default:
        return 8;
    }
}

static size_t output_bytes(uint16_t code)
{
    return code == 0x40 || code == 0x46 ? 8 : 0;
}

static int has_target(uint16_t code)
{
    return code != 0x40 && code != 0x46;
}

/* ---- One call in one convention ---- */

enum { INPUT_PAGE_END = 0x3000, OUTPUT_PAGE_END = 0x5000 };

struct cell {
    struct world *world;
    const struct row *row;
    enum convention convention;
    uint64_t control;
    uint8_t in[56];
    size_t in_bytes, out_bytes;
    uint64_t in_gpa, out_gpa; /* rubbish if there is no such list */
    uint16_t want;
    uint64_t out; /* the answer's output */
};

static void make_input(struct cell *cell)
{
    const struct row *row = cell->row;
    size_t at = 0;

    cell->in_bytes = input_bytes(row->code);
    cell->out_bytes = output_bytes(row->code);
    if (has_target(row->code)) {
        le64enc(cell->in, cell->world->ids[row->target]);
        at = 8;
    }
    for (size_t i = 0; at < cell->in_bytes; i++, at += 8)
        le64enc(cell->in + at, row->words[i]);
    /* Lists end with their pages. */
    cell->in_gpa = cell->in_bytes ? INPUT_PAGE_END - cell->in_bytes : 0xFFFFFFFF12345677;
    cell->out_gpa = cell->out_bytes ? OUTPUT_PAGE_END - cell->out_bytes : 0xFFFFFFFF12345677;
    memcpy(cell->world->vmm->ram + INPUT_PAGE_END - cell->in_bytes, cell->in, cell->in_bytes);
}

static void call_from_c(struct cell *cell)
{
    uint8_t out[8];
    uint64_t result;

    memset(out, 0xCC, sizeof out);
    result = hvemu_hypercall(cell->world->vmm->hv, cell->world->ids[cell->row->caller],
                             cell->control, cell->in_bytes ? cell->in : NULL, cell->in_bytes,
                             cell->out_bytes ? out : NULL, cell->out_bytes);
    assert_u64(result, cell->want);
    cell->out = le64dec(out);
    if (cell->want != 0)
        assert_u64(cell->out, 0xCCCCCCCCCCCCCCCC);
}

static uint64_t output_in_memory(const struct cell *cell)
{
    return le64dec(cell->world->vmm->ram + OUTPUT_PAGE_END - 8);
}

static void call_decoded(struct cell *cell)
{
    struct hvemu_call call;

    memset(&call, 0xEE, sizeof call);
    call.control = cell->control;
    call.in_gpa = cell->in_gpa;
    call.out_gpa = cell->out_gpa;
    if (fast(cell->convention))
        memcpy(call.fast, cell->in, cell->in_bytes);
    if (cell->want == 0x78) {
        assert_action(hvemu_execute(cell->world->vps[cell->row->caller], &call), HVEMU_REPEAT);
        return;
    }
    assert_action(hvemu_execute(cell->world->vps[cell->row->caller], &call), HVEMU_STEP);
    assert_status(call.status, cell->want);
    assert_u64(call.result, cell->want);
    assert_u64(call.access, 0);
    if (fast(cell->convention)) {
        assert_memory_equal(call.fast, cell->in, cell->in_bytes);
        cell->out = le64dec(call.fast + call.out_at);
    } else
        cell->out = output_in_memory(cell);
}

/* XMM registers with the input from its third word on, the rest of the pattern left alone. */
static void fill_xmm(const struct cell *cell, struct hvemu_x64_frame *frame)
{
    for (size_t at = 16; at < cell->in_bytes; at += 8)
        frame->xmm[at / 16 - 1][at / 8 % 2] = le64dec(cell->in + at);
}

static struct hvemu_x64_frame make_frame(const struct cell *cell)
{
    const uint64_t pattern = 0x5A5A5A5A5A5A5A5A;
    uint64_t first = cell->in_gpa, second = cell->out_gpa;
    struct hvemu_x64_frame frame;

    if (fast(cell->convention)) {
        first = cell->in_bytes ? le64dec(cell->in) : pattern;
        second = cell->in_bytes > 8 ? le64dec(cell->in + 8) : pattern;
    }
    if (!narrow(cell->convention))
        frame = fake_frame64(cell->control, first, second);
    else
        frame = fake_frame32(cell->control, first, second);
    if (cell->convention == COMPATIBILITY_FAST || cell->convention == COMPATIBILITY_MEMORY)
        frame.mode |= HVEMU_X64_LMA;
    if (fast(cell->convention))
        fill_xmm(cell, &frame);
    return frame;
}

/* The registers of fast output, and their bytes beyond the output's. */
static uint32_t take_fast_output(struct cell *cell, const struct hvemu_x64_frame *frame)
{
    if (cell->row->code == 0x40) {
        cell->out = frame->xmm[3][0];
        assert_u64(frame->xmm[3][1], 0);
        return HVEMU_X64_XMM0 << 3;
    }
    cell->out = frame->rdx;
    assert_u64(frame->r8, 0);
    return HVEMU_X64_RDX | HVEMU_X64_R8;
}

static void call_from_registers(struct cell *cell)
{
    const struct hvemu_x64_frame before = make_frame(cell);
    struct hvemu_x64_frame frame = before;
    uint32_t changed = narrow(cell->convention) ? HVEMU_X64_RAX | HVEMU_X64_RDX : HVEMU_X64_RAX;

    if (cell->want == 0x78) {
        assert_action(hvemu_x64_hypercall(cell->world->vps[cell->row->caller], &frame),
                      HVEMU_REPEAT);
        assert_only_changed(&before, &frame, 0);
        return;
    }
    assert_action(hvemu_x64_hypercall(cell->world->vps[cell->row->caller], &frame), HVEMU_STEP);
    assert_u64(frame.rax, cell->want);
    if (narrow(cell->convention))
        assert_u64(frame.rdx, 0);
    assert_u64(frame.access, 0);
    if (cell->want == 0 && cell->out_bytes && fast(cell->convention))
        changed |= take_fast_output(cell, &frame);
    else
        cell->out = output_in_memory(cell);
    assert_only_changed(&before, &frame, changed);
}

/* What a VP keeps of lists in memory, and of a call, is no effect. */
static void forget_scratch(struct cell *cell)
{
    const struct hvemu_vp *vp = cell->world->vps[cell->row->caller];
    uint8_t *memory = cell->world->vmm->memory;

    memcpy(cell->world->before + (vp->in - memory), vp->in, HVEMU__LIST_MAX);
    memcpy(cell->world->before + (vp->out - memory), vp->out, HVEMU__LIST_MAX);
    memcpy(cell->world->before + ((uint8_t *)vp->call - memory), vp->call, sizeof *vp->call);
}

static void assert_no_effect(struct cell *cell)
{
    const struct fake_vmm *vmm = cell->world->vmm;

    forget_scratch(cell);
    assert_memory_equal(cell->world->before, vmm->memory, cell->world->instance_bytes);
    assert_u64(vmm->count[FAKE_EXT_INT], 0);
    assert_u64(vmm->count[FAKE_GPA_WRITE], 0);
    if (!cell->row->refusal) {
        assert_u64(vmm->count[FAKE_INTERRUPT], 0);
        assert_u64(vmm->count[FAKE_PARTITION], 0);
    }
}

/* Guest memory is as it was, output of a successful memory call apart. */
static void assert_memory_untouched(const struct cell *cell, const uint8_t *ram)
{
    uint8_t want[FAKE_RAM];

    memcpy(want, ram, FAKE_RAM);
    if (cell->want == 0 && cell->out_bytes && cell->convention != FROM_C && !fast(cell->convention))
        le64enc(want + OUTPUT_PAGE_END - 8, cell->out);
    assert_memory_equal(want, cell->world->vmm->ram, FAKE_RAM);
}

/* Output in registers is for 64-bit callers: the others' calls are invalid input, unless the caller
   may not make them at all. */
static uint16_t wanted(const struct row *row, enum convention convention)
{
    if (narrow(convention) && fast(convention) && output_bytes(row->code) && row->want != 6 &&
        row->want != 2)
        return 3;
    return row->want;
}

static void make_call(struct cell *cell)
{
    uint8_t ram[FAKE_RAM];

    make_input(cell);
    memcpy(ram, cell->world->vmm->ram, sizeof ram);
    memcpy(cell->world->before, cell->world->vmm->memory, cell->world->instance_bytes);
    if (cell->convention == FROM_C)
        call_from_c(cell);
    else if (cell->convention <= EXECUTE_MEMORY)
        call_decoded(cell);
    else
        call_from_registers(cell);
    assert_memory_untouched(cell, ram);
    if (cell->want != 0 && !cell->row->moves)
        assert_no_effect(cell);
}

static void run_cell(struct world *world, const struct row *row, enum convention convention,
                     uint64_t bits)
{
    struct cell cell = {.world = world, .row = row, .convention = convention};

    cell.control = row->code | bits | (fast(convention) ? 0x10000u : 0);
    cell.want = bits ? 3 : wanted(row, convention);
    make_call(&cell);
    if (cell.want == 0 && row->check)
        row->check(world, cell.out);
}

/* Where a row is, for the row's end: it is reached in mid-course if a check failed. */
static enum convention now;
static struct world the_world;

static void run_row(void **state)
{
    const struct row *row = *state;

    for (now = 0; now < CONVENTIONS; now++) {
        build(&the_world);
        if (row->prepare)
            row->prepare(&the_world);
        fake_forget(the_world.vmm);
        if (row->refusal)
            fake_fail(the_world.vmm,
                      row->code == 0x55 || row->code == 0x94 ? FAKE_INTERRUPT : FAKE_PARTITION, 0,
                      row->refusal);
        run_cell(&the_world, row, now, 0);
        fake_free(the_world.vmm);
    }
}

static int end_row(void **state)
{
    (void)state;
    if (now < CONVENTIONS) {
        print_error("the call was made: %s\n", convention_names[now]);
        fake_free(the_world.vmm);
    }
    return 0;
}

/* ---- What has become of a partition ---- */

static uint16_t clear(const struct world *world, enum who caller, uint64_t id)
{
    return hvemu_clear_virtual_interrupt(world->vmm->hv, world->ids[caller], id);
}

static void is_a_new_uninitialized_child(struct world *world, uint64_t out)
{
    assert_u64(out, world->ids[NOT_YET]);
    assert_status(clear(world, GUEST, out), 7);
    assert_status(clear(world, ROOT, out), 6);
    call_on(world, 0x43, out, 0);
}

static void is_active(struct world *world, uint64_t out)
{
    (void)out;
    assert_status(clear(world, GUEST, world->ids[UNINITIALIZED]), 0x14);
}

static void leaf_is_finalized(struct world *world, uint64_t out)
{
    (void)out;
    call_on(world, 0x42, world->ids[LEAF], 7);
    call_on(world, 0x43, world->ids[LEAF], 0);
}

static void finalizing_is_finalized(struct world *world, uint64_t out)
{
    (void)out;
    call_on(world, 0x43, world->ids[FINALIZING], 0);
}

static void finalized_is_dead(struct world *world, uint64_t out)
{
    (void)out;
    assert_status(clear(world, GUEST, world->ids[FINALIZED]), 0x0D);
}

static void uninitialized_is_dead(struct world *world, uint64_t out)
{
    (void)out;
    assert_status(clear(world, GUEST, world->ids[UNINITIALIZED]), 0x0D);
}

static void is_the_guests_id(struct world *world, uint64_t out)
{
    assert_u64(out, world->ids[GUEST]);
}

static void is_the_actives_id(struct world *world, uint64_t out)
{
    assert_u64(out, world->ids[ACTIVE]);
}

static void assert_pending(struct world *world, enum who who, uint8_t want)
{
    uint8_t vector = 0;

    assert_int_equal(hvemu_ext_int_line(world->vps[who]), 1);
    assert_result(hvemu_ext_int_acknowledge(world->vps[who], &vector), HVEMU_OK);
    assert_u64(vector, want);
    assert_u64(world->vmm->count[FAKE_EXT_INT], 1);
}

static void active_has_vector_20(struct world *world, uint64_t out)
{
    (void)out;
    assert_pending(world, ACTIVE, 0x20);
}

static void active_has_vector_ff(struct world *world, uint64_t out)
{
    (void)out;
    assert_pending(world, ACTIVE, 0xFF);
}

static void asserted_has_vector_0(struct world *world, uint64_t out)
{
    (void)out;
    assert_pending(world, ASSERTED, 0);
}

static void asserted_is_as_it_was(struct world *world, uint64_t out)
{
    (void)out;
    assert_u64(world->vmm->count[FAKE_EXT_INT], 0);
    world->vmm->count[FAKE_EXT_INT] = 1;
    assert_pending(world, ASSERTED, 0x31);
}

static void asserted_is_withdrawn(struct world *world, uint64_t out)
{
    (void)out;
    assert_int_equal(hvemu_ext_int_line(world->vps[ASSERTED]), 0);
    assert_u64(world->vmm->count[FAKE_EXT_INT], 1);
}

static void active_is_idle(struct world *world, uint64_t out)
{
    (void)out;
    assert_int_equal(hvemu_ext_int_line(world->vps[ACTIVE]), 0);
    assert_u64(world->vmm->count[FAKE_EXT_INT], 0);
}

static void acked_is_idle(struct world *world, uint64_t out)
{
    (void)out;
    assert_int_equal(hvemu_ext_int_line(world->vps[ACKED]), 0);
    assert_status(clear(world, GUEST, world->ids[ACKED]), 0x14);
    assert_status(hvemu_assert_virtual_interrupt(world->vmm->hv, world->ids[GUEST],
                                                 world->ids[ACKED], 7, 0, 0x32),
                  0);
}

static void grandchild_is_cleared(struct world *world, uint64_t out)
{
    (void)out;
    assert_status(clear(world, ACTIVE, world->ids[GRANDCHILD]), 0x14);
}

static void was_delivered_by_the_vmm(struct world *world, uint64_t out)
{
    (void)out;
    assert_u64(world->vmm->count[FAKE_INTERRUPT], 1);
    assert_u64(world->vmm->log[world->vmm->logged - 1].partition, world->ids[LEAF]);
    assert_u64(world->vmm->log[world->vmm->logged - 1].gpa, 0x0000000300000001);
    assert_u64(world->vmm->log[world->vmm->logged - 1].destination, 0xFFFFFFFF);
    assert_u64(world->vmm->log[world->vmm->logged - 1].vector, 0xFE);
}

/* ---- Preparations ---- */

static void use_up_the_table(struct world *world)
{
    uint64_t id;

    while (hvemu_add_guest(world->vmm->hv, world->ids[ROOT], 0, NULL, &id) == HVEMU_OK)
        ;
}

static void detach_the_last_vp(struct world *world)
{
    assert_result(hvemu_vp_detach(world->vps[FINALIZING]), HVEMU_OK);
}

static void delete_grandchild(struct world *world)
{
    assert_result(hvemu_vp_detach(world->vps[GRANDCHILD]), HVEMU_OK);
    fake_end(world->vmm, world->ids[ACTIVE], world->ids[GRANDCHILD]);
    world->vps[GRANDCHILD] = NULL;
}

static void acknowledge_in_grandchild(struct world *world)
{
    uint8_t vector;

    assert_status(hvemu_assert_virtual_interrupt(world->vmm->hv, world->ids[ACTIVE],
                                                 world->ids[GRANDCHILD], 7, 0, 0x41),
                  0);
    assert_result(hvemu_ext_int_acknowledge(world->vps[GRANDCHILD], &vector), HVEMU_OK);
}

static void acknowledge_and_lose_vp_0(struct world *world)
{
    assert_result(hvemu_vp_detach(world->vps[ACKED]), HVEMU_OK);
}

/* ---- The tables ---- */

static const struct row life_rows[] = {
    {"create_makes_an_uninitialized_child", 0x40, 0, .check = is_a_new_uninitialized_child},
    {"create_with_every_known_flag", 0x40, 0, .words = {0x59A713}},
    {"create_with_unknown_flag_2_is_refused", 0x40, 5, .words = {0x4}},
    {"create_with_unknown_flag_63_is_refused", 0x40, 5, .words = {0x8000000000000000}},
    {"create_with_compatibility_version_and_disabled_features", 0x40, 0,
     .words = {0, 0, 0xFFFFFFFF, UINT64_MAX, UINT64_MAX, UINT64_MAX}},
    {"create_with_reserved_word_is_refused", 0x40, 5, .words = {0, 0, 0x0000000100000000}},
    {"create_with_reserved_tail_is_refused", 0x40, 5, .words = {0, 0, 0, 0, 0, 0, 1}},
    {"create_with_reserved_proximity_bit_is_refused", 0x40, 5, .words = {0, 0x0000000200000000}},
    {"create_near_proximity_domain_63", 0x40, 0, .words = {0, 0x800000010000003F}},
    {"create_near_proximity_domain_64_is_refused", 0x40, 5, .words = {0, 0x8000000000000040}},
    {"create_with_proximity_that_is_not_valid", 0x40, 0, .words = {0, 0x00000000FFFFFFFF}},
    {"create_without_privilege_is_denied", 0x40, 6, .caller = WEAK},
    {"create_without_privilege_is_denied_before_parameters", 0x40, 6, .caller = WEAK,
     .words = {UINT64_MAX}},
    {"create_by_a_child_that_may", 0x40, 0, .caller = ACTIVE},
    {"create_below_the_deepest_level_is_refused", 0x40, 0x0C, .caller = GRANDCHILD},
    {"create_beyond_capacity_is_refused", 0x40, 0x1D, .prepare = use_up_the_table},
    {"create_refused_by_the_vmm", 0x40, 0x0B, .refusal = 0x0B},
    {"create_that_the_vmm_has_not_finished_is_repeated", 0x40, 0x78, .refusal = 0x78},

    {"initialize_makes_active", 0x41, 0, .target = UNINITIALIZED, .check = is_active},
    {"initialize_of_an_active_partition", 0x41, 7, .target = ACTIVE},
    {"initialize_of_a_finalizing_partition", 0x41, 7, .target = FINALIZING},
    {"initialize_of_a_finalized_partition", 0x41, 7, .target = FINALIZED},
    {"initialize_refused_by_the_vmm", 0x41, 0x1D, .target = UNINITIALIZED, .refusal = 0x1D},
    {"initialize_that_the_vmm_has_not_finished_is_repeated", 0x41, 0x78, .target = UNINITIALIZED,
     .refusal = 0x78},

    {"finalize_without_vps_is_done_at_once", 0x42, 0, .target = LEAF, .check = leaf_is_finalized},
    {"finalize_with_a_vp_is_repeated", 0x42, 0x78, .target = ACKED, .moves = 1},
    {"finalize_goes_on_while_a_vp_stays", 0x42, 0x78, .target = FINALIZING},
    {"finalize_ends_when_the_last_vp_is_gone", 0x42, 0, .target = FINALIZING,
     .prepare = detach_the_last_vp, .check = finalizing_is_finalized},
    {"finalize_of_an_uninitialized_partition", 0x42, 7, .target = UNINITIALIZED},
    {"finalize_of_a_finalized_partition", 0x42, 7, .target = FINALIZED},
    {"finalize_of_a_parent_is_denied", 0x42, 8, .target = ACTIVE},
    {"finalize_of_a_former_parent", 0x42, 0x78, .target = ACTIVE, .prepare = delete_grandchild,
     .moves = 1},
    {"finalize_that_the_vmm_has_not_finished_is_repeated", 0x42, 0x78, .target = FINALIZING,
     .prepare = detach_the_last_vp, .refusal = 0x78},
    {"finalize_that_the_vmm_refuses_is_repeated_all_the_same", 0x42, 0x78, .target = FINALIZING,
     .prepare = detach_the_last_vp, .refusal = 0x0B},

    {"delete_of_a_finalized_partition", 0x43, 0, .target = FINALIZED, .check = finalized_is_dead},
    {"delete_of_an_uninitialized_partition", 0x43, 0, .target = UNINITIALIZED,
     .check = uninitialized_is_dead},
    {"delete_of_an_active_partition", 0x43, 7, .target = LEAF},
    {"delete_of_a_finalizing_partition", 0x43, 7, .target = FINALIZING},

    {"delete_refused_by_the_vmm", 0x43, 8, .target = FINALIZED, .refusal = 8},
    {"delete_that_the_vmm_has_not_finished_is_repeated", 0x43, 0x78, .target = UNINITIALIZED,
     .refusal = 0x78},

    {"get_partition_id_of_the_caller", 0x46, 0, .check = is_the_guests_id},
    {"get_partition_id_of_another_caller", 0x46, 0, .caller = ACTIVE, .check = is_the_actives_id},
    {"get_partition_id_without_privilege_is_denied", 0x46, 6, .caller = WEAK},

    {"clear_of_an_idle_interrupt", 0x56, 0x14, .target = ACTIVE},
    {"clear_of_an_asserted_interrupt", 0x56, 0x14, .target = ASSERTED},
    {"clear_of_an_acknowledged_interrupt", 0x56, 0, .target = ACKED, .check = acked_is_idle},
    {"clear_where_no_vp_0_is", 0x56, 0x14, .target = LEAF},
    {"clear_where_vp_0_has_gone", 0x56, 0x14, .target = ACKED,
     .prepare = acknowledge_and_lose_vp_0},
    {"clear_of_an_uninitialized_partition", 0x56, 7, .target = UNINITIALIZED},
    {"clear_of_a_finalizing_partition", 0x56, 7, .target = FINALIZING},
    {"clear_of_a_finalized_partition", 0x56, 7, .target = FINALIZED},
    {"clear_by_a_child_that_is_a_parent", 0x56, 0, .caller = ACTIVE, .target = GRANDCHILD,
     .prepare = acknowledge_in_grandchild, .check = grandchild_is_cleared},
};

/* Rows of 0x0055 and 0x0094 alike. */
static const struct row assert_rows[] = {
    {"external_interrupt", .target = ACTIVE, .words = {7, 0, 0x20}, .check = active_has_vector_20},
    {"with_the_highest_vector", .target = ACTIVE, .words = {7, 0, 0xFF},
     .check = active_has_vector_ff},
    {"external_interrupt_with_level_and_logical_bits", .target = ACTIVE,
     .words = {0x0000000300000007, 0, 0x20}, .check = active_has_vector_20},
    {"supersedes_what_is_pending", .target = ASSERTED, .words = {7, 0, 0},
     .check = asserted_has_vector_0},
    {"of_the_same_vector_changes_nothing", .target = ASSERTED, .words = {7, 0, 0x31},
     .check = asserted_is_as_it_was},
    {"none_withdraws_what_is_pending", .target = ASSERTED, .words = {7, 0, 0xFFFFFFFF},
     .check = asserted_is_withdrawn},
    {"none_with_nothing_to_withdraw", .target = ACTIVE, .words = {7, 0, 0xFFFFFFFF},
     .check = active_is_idle},
    {"while_acknowledged", 0, 0x16, .target = ACKED, .words = {7, 0, 0x20}},
    {"none_while_acknowledged", 0, 0x16, .target = ACKED, .words = {7, 0, 0xFFFFFFFF}},
    {"bad_vector_while_acknowledged", 0, 5, .target = ACKED, .words = {7, 0, 0x100}},
    {"where_no_vp_0_is", 0, 0x0E, .target = LEAF, .words = {7, 0, 0x20}},
    {"none_where_no_vp_0_is", 0, 0x0E, .target = LEAF, .words = {7, 0, 0xFFFFFFFF}},
    {"vector_256", 0, 5, .target = ACTIVE, .words = {7, 0, 0x100}},
    {"vector_just_below_none", 0, 5, .target = ACTIVE, .words = {7, 0, 0xFFFFFFFE}},
    {"external_interrupt_with_a_destination", 0, 5, .target = ACTIVE, .words = {7, 1, 0x20}},
    {"external_interrupt_with_a_high_destination", 0, 5, .target = ACTIVE,
     .words = {7, 0x0000000100000000, 0x20}},
    {"type_10", 0, 5, .target = ACTIVE, .words = {10, 0, 0}},
    {"type_all_ones", 0, 5, .target = ACTIVE, .words = {0xFFFFFFFF, 0, 0}},
    {"reserved_control_bit_34", 0, 5, .target = ACTIVE, .words = {0x0000000400000007, 0, 0x20}},
    {"reserved_control_bit_63", 0, 5, .target = ACTIVE, .words = {0x8000000000000007, 0, 0x20}},
    {"nmi_with_a_vector", 0, 5, .target = ACTIVE, .words = {4, 0, 1}},
    {"nmi_with_vector_none", 0, 5, .target = ACTIVE, .words = {4, 0, 0xFFFFFFFF}},
    {"init_with_a_vector", 0, 5, .target = ACTIVE, .words = {5, 0, 2}},
    {"fixed_with_a_destination_beyond_32_bits", 0, 5, .target = ACTIVE,
     .words = {0, 0x0000000100000000, 0x40}},
    {"of_another_type_is_the_vmms", .target = LEAF, .words = {0x0000000300000001, 0xFFFFFFFF, 0xFE},
     .check = was_delivered_by_the_vmm},
    {"of_another_type_answered_by_the_vmm", 0, 0x0E, .target = LEAF, .words = {0, 9, 0x40},
     .refusal = 0x0E},
    {"of_another_type_that_is_to_be_repeated", 0, 0x78, .target = LEAF, .words = {0, 9, 0x40},
     .refusal = 0x78},
    {"in_an_uninitialized_partition", 0, 7, .target = UNINITIALIZED, .words = {7, 0, 0x20}},
    {"in_a_finalizing_partition", 0, 7, .target = FINALIZING, .words = {7, 0, 0x20}},
    {"in_a_finalized_partition", 0, 7, .target = FINALIZED, .words = {7, 0, 0x20}},
    {"by_a_child_that_is_a_parent", .caller = ACTIVE, .target = GRANDCHILD, .words = {7, 0, 0x20}},
};

/* The tail of the block: padding in the older call; virtual trust level and zeros in the newer. */
static const struct row tail_rows[] = {
    {"older_assert_ignores_its_padding", 0x55, 0, .target = ACTIVE,
     .words = {7, 0, 0xFFFFFFFF00000020}, .check = active_has_vector_20},
    {"newer_assert_to_trust_level_1", 0x94, 0x51, .target = ACTIVE, .words = {7, 0, 0x100000020}},
    {"newer_assert_to_trust_level_15", 0x94, 0x51, .target = ACTIVE, .words = {7, 0, 0xF00000020}},
    {"newer_assert_to_trust_level_16", 0x94, 5, .target = ACTIVE, .words = {7, 0, 0x1000000020}},
    {"newer_assert_with_reserved_byte_29", 0x94, 5, .target = ACTIVE,
     .words = {7, 0, 0x10000000020}},
    {"newer_assert_with_reserved_byte_31", 0x94, 5, .target = ACTIVE,
     .words = {7, 0, 0x8000000000000020}},
};

static const struct {
    const char *name;
    uint16_t code;
} verbs[] = {
    {"initialize", 0x41}, {"finalize", 0x42},    {"delete", 0x43},
    {"assert", 0x94},     {"assert_0055", 0x55}, {"clear", 0x56},
};

/* Whom a caller may not act on, whatever the call. */
static const struct {
    const char *name;
    enum who target;
    uint16_t want;
} relations[] = {
    {"by_the_grandparent", GRANDCHILD, 6},
    {"on_a_sibling", WEAK, 6},
    {"on_a_siblings_child", WEAK_CHILD, 6},
    {"on_the_caller", GUEST, 6},
    {"on_self", SELF, 6},
    {"on_the_parent", ROOT, 6},
    {"on_a_deleted_partition", DELETED, 0x0D},
    {"on_partition_0", NOBODY, 0x0D},
    {"on_an_id_not_given_yet", NOT_YET, 0x0D},
    {"on_an_id_beyond_the_table", NEVER, 0x0D},
    {"on_an_id_of_a_later_generation", LATER, 0x0D},
};

enum {
    LIFE_ROWS = sizeof life_rows / sizeof *life_rows,
    ASSERT_ROWS = sizeof assert_rows / sizeof *assert_rows,
    TAIL_ROWS = sizeof tail_rows / sizeof *tail_rows,
    VERBS = sizeof verbs / sizeof *verbs,
    RELATIONS = sizeof relations / sizeof *relations,
    ROWS = LIFE_ROWS + 2 * ASSERT_ROWS + TAIL_ROWS + VERBS * (RELATIONS + IDS)
};

static struct row rows[ROWS];
static size_t row_count;

static struct row *add_row(const struct row *row)
{
    assert_true(row_count < ROWS);
    rows[row_count] = *row;
    return &rows[row_count++];
}

static void add_assert_row(const struct row *row, const char *verb, uint16_t code)
{
    struct row *added = add_row(row);

    added->code = code;
    snprintf(added->name, sizeof added->name, "%.20s_%.58s", verb, row->name);
}

/* Input beyond the target is good, so that nothing else is wrong with the call. */
static struct row *add_call_on(uint16_t code, enum who caller, enum who target, uint16_t want)
{
    return add_row(&(struct row){
        .code = code, .want = want, .caller = caller, .target = target, .words = {7, 0, 0x20}});
}

static void make_rows(void)
{
    struct row *row;

    for (size_t i = 0; i < LIFE_ROWS; i++)
        add_row(&life_rows[i]);
    for (size_t i = 0; i < ASSERT_ROWS; i++) {
        add_assert_row(&assert_rows[i], "assert", 0x94);
        add_assert_row(&assert_rows[i], "assert_0055", 0x55);
    }
    for (size_t i = 0; i < TAIL_ROWS; i++)
        add_row(&tail_rows[i]);
    for (size_t i = 0; i < VERBS; i++) {
        for (size_t j = 0; j < RELATIONS; j++) {
            row = add_call_on(verbs[i].code, GUEST, relations[j].target, relations[j].want);
            snprintf(row->name, sizeof row->name, "%s_%s_is_%s", verbs[i].name, relations[j].name,
                     relations[j].want == 6 ? "denied" : "an_invalid_id");
        }
        for (enum who target = 0; target < IDS; target++) {
            row = add_call_on(verbs[i].code, WEAK, target, 6);
            snprintf(row->name, sizeof row->name,
                     "%s_without_privilege_is_denied_whatever_the_id_%u", verbs[i].name,
                     (unsigned)target);
        }
    }
}

/* ---- What holds for every call ---- */

static const uint16_t codes[] = {0x40, 0x41, 0x42, 0x43, 0x46, 0x55, 0x56, 0x94};

static void each_bit_beyond_code_and_fast_is_invalid_input(void **state)
{
    (void)state;
    build(&the_world);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        const struct row row = {.code = codes[i], .target = UNINITIALIZED, .words = {7, 0, 0x20}};

        for (unsigned bit = 17; bit < 64; bit++)
            for (now = 0; now < CONVENTIONS; now++)
                run_cell(&the_world, &row, now, (uint64_t)1 << bit);
    }
    fake_free(the_world.vmm);
}

static void misplaced_lists_are_invalid_alignment(void **state)
{
    static const enum convention in_memory[] = {EXECUTE_MEMORY, LONG_MEMORY, COMPATIBILITY_MEMORY,
                                                PROTECTED_MEMORY};
    (void)state;
    build(&the_world);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        const struct row row = {.code = codes[i], .target = UNINITIALIZED};

        for (size_t j = 0; j < 4; j++) {
            for (unsigned by = 1; by < 8; by++) {
                struct cell cell = {
                    .world = &the_world, .row = &row, .convention = in_memory[j], .want = 4};
                struct hvemu_call call = {.control = codes[i]};
                struct hvemu_x64_frame frame, before;

                make_input(&cell);
                cell.control = codes[i];
                if (cell.in_bytes)
                    cell.in_gpa -= by;
                else
                    cell.out_gpa -= by;
                call.in_gpa = cell.in_gpa;
                call.out_gpa = cell.out_gpa;
                before = frame = make_frame(&cell);
                if (in_memory[j] == EXECUTE_MEMORY) {
                    assert_action(hvemu_execute(the_world.vps[GUEST], &call), HVEMU_STEP);
                    assert_u64(call.result, 4);
                    continue;
                }
                assert_action(hvemu_x64_hypercall(the_world.vps[GUEST], &frame), HVEMU_STEP);
                assert_u64(frame.rax, 4);
                assert_only_changed(&before, &frame,
                                    narrow(in_memory[j]) ? HVEMU_X64_RAX | HVEMU_X64_RDX
                                                         : HVEMU_X64_RAX);
            }
        }
    }
    assert_u64(the_world.vmm->logged, 0);
    fake_free(the_world.vmm);
}

int main(void)
{
    static struct CMUnitTest tests[ROWS + 2];
    size_t count = 0;

    make_rows();
    for (size_t i = 0; i < row_count; i++) {
        tests[count].name = rows[i].name;
        tests[count].test_func = run_row;
        tests[count].teardown_func = end_row;
        tests[count++].initial_state = &rows[i];
    }
    tests[count].name = "each_bit_beyond_code_and_fast_is_invalid_input";
    tests[count].teardown_func = end_row;
    tests[count++].test_func = each_bit_beyond_code_and_fast_is_invalid_input;
    tests[count].name = "misplaced_lists_are_invalid_alignment";
    tests[count++].test_func = misplaced_lists_are_invalid_alignment;
    return _cmocka_run_group_tests("conventions", tests, count, NULL, NULL);
}
