/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The short way (x64/exit.c) against the way of any call: the same exit twice, from the same state
 * of instance, memory and ops, the second time as if somebody filtered or traced. All must be the
 * same: the frame, every byte of the instance but the lists, the guest's memory, each op with its
 * arguments, and what a handler sees. */

#include "ways.h"

#include <stdlib.h>

enum { NONE, REGISTERS, XMM, MEMORY, SHORT_WAYS }; /* NONE: not the short way's at all */

/* What becomes of a call that the short way may take. */
enum outcome {
    DONE,
    BAD_CODE,
    BAD_CONTROL,
    BAD_LIST,
    BAD_PARAMETER,
    DENIED,
    BAD_STATE,
    BAD_ID,
    BAD_VP,
    ACKED,
    NOT_ACKED,
    REFUSED, /* by the VMM's handler or interrupt op */
    LATER,   /* says the handler */
    READ_LATER,
    UNREADABLE,
    READ_FAILED,
    BUSY,
    GONE,
    PASSED,
    ILLEGAL, /* XMM input that is not advertised */
    XMM_NEEDED,
    OUTCOMES
};

/* Those that each of registers, XMM registers and memory must have come to. */
static const uint8_t reached[OUTCOMES] = {
    [DONE] = 7,        [BAD_CODE] = 5,  [BAD_CONTROL] = 7, [BAD_LIST] = 4,   [BAD_PARAMETER] = 6,
    [DENIED] = 7,      [BAD_STATE] = 7, [BAD_ID] = 7,      [BAD_VP] = 6,     [ACKED] = 6,
    [NOT_ACKED] = 5,   [REFUSED] = 7,   [LATER] = 7,       [READ_LATER] = 4, [UNREADABLE] = 4,
    [READ_FAILED] = 4, [BUSY] = 7,      [GONE] = 7,        [PASSED] = 7,     [ILLEGAL] = 2,
    [XMM_NEEDED] = 2,
};

enum { REFUSAL = 0x1234, SOME_PRIVILEGE = 0x40 };

/* What a handler of the VMM's own sees, and what it answers. */
static struct sight {
    struct hvemu_invocation shown;
    unsigned calls;
    int item, out;
    uint8_t in[HVEMU__LIST_MAX];
} sight;
static uint16_t answer;

static uint16_t look(const struct hvemu_invocation *invocation, const void *in, const void *item,
                     void *out)
{
    sight.shown = *invocation;
    sight.calls++;
    sight.item = item != NULL;
    sight.out = out != NULL;
    assert_non_null(in);
    memset(sight.in, 0, sizeof sight.in);
    memcpy(sight.in, in, invocation->header_bytes);
    return answer;
}

#define OWN(code_, ...)                                                                          \
    {                                                                                            \
        .size = sizeof(struct hvemu_descriptor), .name = #code_, .handler = look, .code = code_, \
        __VA_ARGS__                                                                              \
    }

/* Around each size that the ways part at; shapes that the short way leaves alone; a code among the
 * library's, and codes with the same low byte. */
static const struct hvemu_descriptor own_calls[] = {
    OWN(0x0072, .in = 8),
    OWN(0x0141, .in = 8),
    OWN(0x8001, .in = 0),
    OWN(0x8002, .in = 5),
    OWN(0x8003, .in = 8),
    OWN(0x8103, .in = 16),
    OWN(0x8004, .in = 16),
    OWN(0x8005, .in = 17),
    OWN(0x8006, .in = 32),
    OWN(0x8007, .in = 33),
    OWN(0x8008, .in = 112),
    OWN(0x8009, .in = 113),
    OWN(0x800A, .in = 4096),
    OWN(0x800B, .in = 8, .privilege = SOME_PRIVILEGE),
    OWN(0x800C, .in = 24, .privilege = SOME_PRIVILEGE),
    OWN(0x800D, .in = 8, .privilege = 3 * SOME_PRIVILEGE),
    OWN(0x8100, .in = 8),
    OWN(0x8010, .in = 8, .target = HVEMU_PARENT, .states = HVEMU_STATE_ACTIVE),
    OWN(0x8011, .in = 8, .target = HVEMU_SELF, .states = HVEMU_STATE_ACTIVE),
    OWN(0x8012, .in = 24, .target = HVEMU_PARENT | HVEMU_SELF, .states = HVEMU_STATE_FINALIZED),
    OWN(0x8020, .form = HVEMU_REP, .in = 8, .in_each = 8),
    OWN(0x8021, .in = 8, .out = 8),
    OWN(0x8022, .form = HVEMU_VARIABLE, .in = 8),
};

/* With weights, by being there again. 0x0203 and 0x8203 have nobody but neighbours. */
static const uint16_t codes[] = {
    0x0056, 0x0056, 0x0056, 0x0056, 0x0094, 0x0094, 0x0094, 0x0055, 0x0055, 0x0046, 0x0047,
    0x0041, 0x0050, 0x0057, 0x013F, 0x0140, 0x0203, 0x8203, 0xFFFF, 0x0000, 0x0072, 0x0141,
    0x8001, 0x8002, 0x8003, 0x8103, 0x8004, 0x8005, 0x8006, 0x8007, 0x8008, 0x8009, 0x800A,
    0x800B, 0x800C, 0x800D, 0x8100, 0x004D, 0x8010, 0x8011, 0x8012, 0x8020, 0x8021, 0x8022,
};

static uint64_t seed;

/* xorshift64*, the upper half. */
static uint32_t chance(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (uint32_t)(seed * 0x2545F4914F6CDD1D >> 32);
}

static uint32_t below(uint32_t end)
{
    return (uint32_t)((uint64_t)chance() * end >> 32);
}

static int one_in(uint32_t count)
{
    return below(count) == 0;
}

static uint64_t any64(void)
{
    return (uint64_t)chance() << 32 | chance();
}

#define ONE_OF(array) ((array)[below(COUNT(array))])

/* Guest's children in every state, a grandchild, a neighbour, and a partition that was. */
struct world {
    struct fake_vmm *vmm;
    uint64_t child, childless, uninitialized, finalizing, finalized, deleted, grandchild, neighbour;
    struct hvemu_vp *child_vp, *dead_vp;
    size_t bytes; /* of the instance, up to the lists */
    uint8_t *base, *before, *after;
    uint8_t ram[FAKE_RAM], ram_after[FAKE_RAM];
    unsigned count[OUTCOMES][SHORT_WAYS];
};

enum kind { USUAL, WITHOUT_XMM, WITHOUT_MEMORY, WITHOUT_CALLS, KINDS };

static uint64_t add_guest(struct fake_vmm *vmm, uint64_t parent)
{
    uint64_t id;

    assert_result(hvemu_add_guest(vmm->hv, parent, HV_PRIVILEGE_ALL, vmm, &id), HVEMU_OK);
    return id;
}

static struct hvemu_vp *add_vp(struct fake_vmm *vmm, uint64_t partition)
{
    struct hvemu_vp *vp;

    assert_result(hvemu_vp_attach(vmm->hv, partition, 0, vmm, &vp), HVEMU_OK);
    fake_enable_hypercalls(vp);
    return vp;
}

static void offer_calls(struct hvemu *hv, enum kind kind)
{
    for (size_t i = 0; i < COUNT(own_calls); i++)
        assert_result(hvemu_register(hv, &own_calls[i]), HVEMU_OK);
    if (kind == WITHOUT_CALLS) {
        const struct hvemu_descriptor instead =
            OWN(0x0056, .in = 24, .target = HVEMU_PARENT, .states = HVEMU_STATE_ACTIVE);

        assert_result(hvemu_unregister(hv, 0x0094), HVEMU_OK);
        assert_result(hvemu_unregister(hv, 0x0056), HVEMU_OK);
        assert_result(hvemu_unregister(hv, 0x8103), HVEMU_OK);
        assert_result(hvemu_register(hv, &instead), HVEMU_OK);
    }
}

static struct world *make_world(enum kind kind)
{
    const struct hvemu_config config = {
        .size = sizeof config,
        .partitions = 12,
        .vps = 4,
        .depth = 3,
        .gpa_bits = 16,
        .features = kind == WITHOUT_XMM ? 0 : HV_FEATURE_XMM_HYPERCALL_INPUT,
        .privileges = HV_PRIVILEGE_ALL,
        .calls = COUNT(own_calls) + 1,
    };
    struct hvemu_ops ops = fake_ops;
    struct world *world = calloc(1, sizeof *world);
    struct fake_vmm *vmm;

    assert_non_null(world);
    if (kind == WITHOUT_MEMORY)
        ops.gpa_read = NULL;
    vmm = world->vmm = fake_new(&config, &ops);
    offer_calls(vmm->hv, kind);
    fake_add_guest(vmm, HV_PRIVILEGE_ALL);
    assert_status(fake_create(vmm, vmm->guest, &world->uninitialized), 0);
    world->finalizing = add_guest(vmm, vmm->guest);
    world->dead_vp = add_vp(vmm, world->finalizing);
    assert_status(fake_call_on(vmm, vmm->guest, 0x0042, world->finalizing), HV_STATUS_TIMEOUT);
    world->finalized = add_guest(vmm, vmm->guest);
    assert_status(fake_call_on(vmm, vmm->guest, 0x0042, world->finalized), 0);
    world->deleted = add_guest(vmm, vmm->guest);
    fake_end(vmm, vmm->guest, world->deleted);
    world->neighbour = add_guest(vmm, vmm->root);
    world->child = add_guest(vmm, vmm->guest);
    assert_u64(world->child, 8); /* a place in memory, too */
    world->child_vp = add_vp(vmm, world->child);
    world->grandchild = add_guest(vmm, world->child);
    world->childless = add_guest(vmm, vmm->guest);

    for (struct hvemu_vp *vp = vmm->hv->first_free_vp; vp; vp = vp->next)
        assert_true(vp->in > vmm->vp->in);
    world->bytes = (size_t)(vmm->vp->in - (uint8_t *)vmm->memory);
    world->base = malloc(world->bytes);
    world->before = malloc(world->bytes);
    world->after = malloc(world->bytes);
    assert_true(world->base && world->before && world->after);
    memcpy(world->base, vmm->memory, world->bytes);
    return world;
}

static void end_world(struct world *world)
{
    fake_free(world->vmm);
    free(world->base);
    free(world->before);
    free(world->after);
    free(world);
}

/* ---- One exit, as chance has it */

/* What an op does in mid-call, or another thread meanwhile. */
enum meanwhile { NOTHING, CLEAR, ASSERT, END_CHILD, FINALIZE_CHILD, LOSE_PRIVILEGES, MEANWHILES };

struct exit_ {
    struct hvemu_vp *vp;
    struct hvemu_x64_frame frame;
    enum meanwhile meanwhile;
    struct {
        unsigned armed;
        int answer;
    } fault[FAKE_OPS];
    uint16_t answer;
};

static const struct world *here;
static enum meanwhile now;

static void while_reading(struct fake_vmm *vmm, const struct fake_event *event)
{
    struct hvemu__partition *child = hvemu__slot(vmm->hv, here->child);

    if (event->op != FAKE_GPA_READ)
        return;
    switch (now) {
    case CLEAR:
        (void)hvemu_clear_virtual_interrupt(vmm->hv, vmm->guest, here->child);
        break;
    case ASSERT:
        (void)hvemu_assert_virtual_interrupt(vmm->hv, vmm->guest, here->child, 7, 0, 0x21);
        break;
    case END_CHILD:
        hvemu__store(&child->word, (uint64_t)1 << 24);
        break;
    case FINALIZE_CHILD:
        hvemu__set_state(child, HVEMU__FINALIZING);
        break;
    case LOSE_PRIVILEGES:
        hvemu__store(&hvemu__slot(vmm->hv, vmm->guest)->privileges, 0);
        break;
    default:
        break;
    }
}

static uint64_t some_id(const struct world *world)
{
    const uint64_t ids[] = {world->child,
                            world->child,
                            world->child,
                            world->child,
                            world->childless,
                            world->childless,
                            world->childless,
                            world->grandchild,
                            world->uninitialized,
                            world->finalizing,
                            world->finalized,
                            world->deleted,
                            world->neighbour,
                            world->vmm->guest,
                            world->vmm->root,
                            HV_PARTITION_ID_SELF,
                            0,
                            12,
                            13,
                            any64(),
                            any64() & 0xFFFFFF,
                            world->child ^ (uint64_t)1 << below(64),
                            world->child | 0x400000};

    return ONE_OF(ids);
}

/* A target's ID and, where it is one of HvAssertVirtualInterrupt's, the rest of its block. */
static void some_block(const struct world *world, uint8_t block[112])
{
    static const uint64_t types[] = {7, 7, 7, 7, 0, 1, 2, 0x10000, 0x20000, 0x100000007};
    static const uint32_t vectors[] = {0x20, 0x21, 0, 0xFF, 0x100, HV_INTERRUPT_VECTOR_NONE};

    for (unsigned i = 0; i < 112; i += 4)
        le32enc(block + i, chance());
    le64enc(block, some_id(world));
    if (one_in(8))
        return;
    le64enc(block + 8, one_in(8) ? some_id(world) : ONE_OF(types));
    le64enc(block + 16, below(8) / 7);
    le32enc(block + 24, ONE_OF(vectors));
    le32enc(block + 28, one_in(16) ? below(32) : 0);
}

static uint64_t some_control(void)
{
    const uint16_t code = ONE_OF(codes);
    uint64_t control = code;

    if (code == 0x8020 || code == 0x0050)
        control = REPS(code, below(4));
    if (one_in(16))
        control |= (uint64_t)1 << (17 + below(47));
    return one_in(2) ? control | FAST : control;
}

static uint32_t some_mode(void)
{
    switch (below(32)) {
    case 0:
        return HVEMU_X64_PE;
    case 1:
        return HVEMU_X64_PE | HVEMU_X64_LMA;
    case 2:
        return (uint32_t)HVEMU_X64_KERNEL64 | (1 + below(3));
    case 3:
        return chance() % 32;
    case 4:
        return HVEMU_X64_KERNEL64 | (chance() << 5);
    default:
        return HVEMU_X64_KERNEL64;
    }
}

static uint64_t some_gpa(void)
{
    static const uint64_t gpas[] = {0x1000,      0x1000,
                                    0x1000,      0x1000,
                                    0x1000,      0x1000,
                                    0x1FF8,      0x1FE0,
                                    0x1FE8,      0x1F90,
                                    0x0008,      0x1004,
                                    0x1001,      0x7000,
                                    0x6FF8,      0x7FE0,
                                    0x7FF8,      0x8000,
                                    0xFFF8,      0xF000,
                                    0xFFE0,      0x10000,
                                    0x11000,     0x10008,
                                    0x100000000, 0x8000000000000000};

    return one_in(16) ? any64() : ONE_OF(gpas);
}

static struct hvemu_x64_frame some_frame(struct world *world)
{
    uint8_t block[112];
    struct hvemu_x64_frame frame;
    uint64_t control = some_control(), first, second;

    some_block(world, block);
    for (size_t i = 0; i < sizeof frame / 8; i++)
        ((uint64_t *)&frame)[i] = any64();
    frame.mode = some_mode();
    if (one_in(4))
        frame.known &= ~((uint32_t)HVEMU_X64_XMM0 << below(6));
    else
        frame.known |= HVEMU_X64_XMM;
    first = le64dec(block);
    second = le64dec(block + 8);
    for (unsigned i = 0; i < 12; i++)
        frame.xmm[i / 2][i % 2] = le64dec(block + 16 + 8 * i);
    if (!(control & FAST)) {
        first = some_gpa();
        second = one_in(4) ? any64() : 0x2000 + 8 * below(4) + (one_in(8) ? 0x6000 : 0);
        for (unsigned i = 0; i < sizeof block; i++)
            if (first + i < FAKE_RAM)
                world->vmm->ram[first + i] = block[i];
    }
    if ((frame.mode & (HVEMU_X64_LMA | HVEMU_X64_CS_L)) == (HVEMU_X64_LMA | HVEMU_X64_CS_L)) {
        frame.rcx = control;
        frame.rdx = first;
        frame.r8 = second;
    } else {
        const struct hvemu_x64_frame narrow = fake_frame32(control, first, second);

        frame.rax = narrow.rax, frame.rdx = narrow.rdx;
        frame.rbx = narrow.rbx, frame.rcx = narrow.rcx;
        frame.rdi = narrow.rdi, frame.rsi = narrow.rsi;
    }
    return frame;
}

static void some_state(struct world *world, struct hvemu_vp *vp)
{
    struct fake_vmm *vmm = world->vmm;
    struct hvemu__partition *caller = vp->partition;
    uint8_t vector;

    memcpy(vmm->memory, world->base, world->bytes);
    if (!one_in(4))
        assert_status(hvemu_assert_virtual_interrupt(vmm->hv, vmm->guest, world->child, 7, 0, 0x20),
                      0);
    if (!one_in(3))
        (void)hvemu_ext_int_acknowledge(world->child_vp, &vector);
    if (one_in(8)) {
        const uint64_t privileges[] = {0, any64(), ~(uint64_t)SOME_PRIVILEGE,
                                       ~(uint64_t)HV_PRIVILEGE_CREATE_PARTITIONS};
        hvemu__store(&caller->privileges, ONE_OF(privileges));
    }
    if (one_in(16))
        hvemu__store(&caller->hypercall_msr, (uint64_t)below(16) << 12 | below(2));
    if (one_in(32))
        hvemu__store(&vp->busy, 1);
    if (one_in(4))
        hvemu_vp_yield(vp);
    if (one_in(16)) /* which the short way has no use for */
        hvemu__store(&hvemu__slot(vmm->hv, world->child)->rest->lock, 1);
}

static struct exit_ some_exit(struct world *world)
{
    static const int answers[] = {
        HVEMU_MEM_NONE, HVEMU_MEM_AGAIN, HVEMU_MEM_FAILED, HVEMU_MEM_DENIED, 99, -1};
    static const int statuses[] = {HV_STATUS_TIMEOUT, HV_STATUS_INVALID_VP_INDEX, REFUSAL};
    static const uint16_t own[] = {0, 0, 0, 0, HV_STATUS_TIMEOUT, REFUSAL, REFUSAL, 0xFFFF};
    struct exit_ exit = {.vp = one_in(16)   ? world->child_vp
                               : one_in(32) ? world->dead_vp
                                            : world->vmm->vp};

    some_state(world, exit.vp);
    exit.frame = some_frame(world);
    exit.answer = ONE_OF(own);
    exit.meanwhile = one_in(4) ? (enum meanwhile)below(MEANWHILES) : NOTHING;
    if (one_in(8)) {
        exit.fault[FAKE_GPA_READ].armed = 1;
        exit.fault[FAKE_GPA_READ].answer = ONE_OF(answers);
    }
    if (one_in(4)) {
        exit.fault[FAKE_INTERRUPT].armed = 1;
        exit.fault[FAKE_INTERRUPT].answer = ONE_OF(statuses);
    }
    return exit;
}

/* ---- Twice the same */

struct seen {
    enum hvemu_action action;
    struct hvemu_x64_frame frame;
    struct sight sight;
    unsigned logged;
    struct fake_event log[8];
};

static void carry_out(struct world *world, const struct exit_ *exit, uint32_t mode,
                      struct seen *seen)
{
    struct fake_vmm *vmm = world->vmm;
    const uint32_t plain_mode = vmm->hv->plain_mode;

    memcpy(vmm->memory, world->before, world->bytes);
    memcpy(vmm->ram, world->ram, sizeof vmm->ram);
    fake_forget(vmm);
    memset(vmm->log, 0, sizeof seen->log);
    memset(&sight, 0, sizeof sight);
    for (int op = 0; op < FAKE_OPS; op++) {
        fake_mend(vmm, (enum fake_op)op);
        if (exit->fault[op].armed)
            fake_fail(vmm, (enum fake_op)op, 0, exit->fault[op].answer);
    }
    here = world;
    now = exit->meanwhile;
    answer = exit->answer;
    vmm->reenter = while_reading;
    vmm->hv->plain_mode = mode;
    seen->frame = exit->frame;
    seen->action = hvemu_x64_hypercall(exit->vp, &seen->frame);
    vmm->hv->plain_mode = plain_mode;
    vmm->reenter = NULL;
    seen->sight = sight;
    seen->logged = vmm->logged;
    assert_true(seen->logged <= COUNT(seen->log));
    memcpy(seen->log, vmm->log, sizeof seen->log);
}

static int same_sight(const struct sight *a, const struct sight *b)
{
    const struct hvemu_invocation *x = &a->shown, *y = &b->shown;

    return a->calls == b->calls && a->item == b->item && a->out == b->out &&
           !memcmp(a->in, b->in, sizeof a->in) && x->hv == y->hv && x->call == y->call &&
           x->vp == y->vp && x->ctx == y->ctx && x->caller == y->caller && x->target == y->target &&
           x->control == y->control && x->header_bytes == y->header_bytes && x->index == y->index;
}

static int same_log(const struct seen *a, const struct seen *b)
{
    if (a->logged != b->logged)
        return 0;
    for (unsigned i = 0; i < a->logged; i++) {
        const struct fake_event *x = &a->log[i], *y = &b->log[i];
        if (x->op != y->op || x->ctx != y->ctx || x->partition != y->partition ||
            x->gpa != y->gpa || x->destination != y->destination || x->vector != y->vector)
            return 0;
    }
    return 1;
}

static const char *difference(const struct world *world, const struct seen *a, const struct seen *b)
{
    if (a->action != b->action)
        return "action";
    if (memcmp(&a->frame, &b->frame, sizeof a->frame))
        return "frame";
    if (!same_log(a, b))
        return "ops";
    if (!same_sight(&a->sight, &b->sight))
        return "what the handler saw";
    if (memcmp(world->after, world->vmm->memory, world->bytes))
        return "instance";
    if (memcmp(world->ram_after, world->vmm->ram, FAKE_RAM))
        return "guest memory";
    return NULL;
}

static int is_plain(const struct hvemu_descriptor *row)
{
    return row->handler ? !row->form && !row->out && !row->target && row->code >= HVEMU__CODES
                        : row->target & HVEMU__PLAIN;
}

/* Which of the short ways such a call goes, if it goes one. */
static int short_way(const struct world *world, const struct exit_ *exit)
{
    const uint64_t control = exit->frame.rcx;
    const struct hvemu_descriptor *row = hvemu__find(world->vmm->hv, (uint16_t)control);

    if ((exit->frame.mode & (HVEMU_X64_KERNEL64 | HVEMU_X64_CPL)) != HVEMU_X64_KERNEL64 ||
        (row && !is_plain(row)))
        return NONE;
    if (!(control & FAST))
        return MEMORY;
    return row && row->in > 16 ? XMM : REGISTERS;
}

static enum outcome of_status(uint16_t status)
{
    switch (status) {
    case HV_STATUS_SUCCESS:
        return DONE;
    case HV_STATUS_INVALID_HYPERCALL_CODE:
        return BAD_CODE;
    case HV_STATUS_INVALID_HYPERCALL_INPUT:
        return BAD_CONTROL;
    case HV_STATUS_INVALID_ALIGNMENT:
        return BAD_LIST;
    case HV_STATUS_INVALID_PARAMETER:
        return BAD_PARAMETER;
    case HV_STATUS_ACCESS_DENIED:
        return DENIED;
    case HV_STATUS_INVALID_PARTITION_STATE:
        return BAD_STATE;
    case HV_STATUS_INVALID_PARTITION_ID:
        return BAD_ID;
    case HV_STATUS_INVALID_VP_INDEX:
        return BAD_VP;
    case HV_STATUS_ACKNOWLEDGED:
        return ACKED;
    case HV_STATUS_NOT_ACKNOWLEDGED:
        return NOT_ACKED;
    default:
        return REFUSED;
    }
}

static enum outcome outcome(const struct exit_ *exit, const struct seen *seen)
{
    switch (seen->action) {
    case HVEMU_STEP:
        return of_status((uint16_t)seen->frame.rax);
    case HVEMU_REPEAT:
        return exit->fault[FAKE_GPA_READ].armed && seen->logged == 1 && !seen->sight.calls
                   ? READ_LATER
                   : LATER;
    case HVEMU_INTERCEPT:
        return UNREADABLE;
    case HVEMU_UD:
        return ILLEGAL;
    case HVEMU_NEED_XMM:
        return XMM_NEEDED;
    case HVEMU_PASS:
        return PASSED;
    case HVEMU_GONE:
        return GONE;
    default:
        return seen->logged ? READ_FAILED : BUSY;
    }
}

static void compare(struct world *world, unsigned steps)
{
    static struct seen usual, any;

    for (unsigned step = 0; step < steps; step++) {
        const struct exit_ exit = some_exit(world);
        const int way = short_way(world, &exit);
        const char *differs;

        memcpy(world->before, world->vmm->memory, world->bytes);
        memcpy(world->ram, world->vmm->ram, FAKE_RAM);
        carry_out(world, &exit, world->vmm->hv->plain_mode, &usual);
        memcpy(world->after, world->vmm->memory, world->bytes);
        memcpy(world->ram_after, world->vmm->ram, FAKE_RAM);
        carry_out(world, &exit, UINT32_MAX, &any);
        differs = difference(world, &usual, &any);
        if (differs)
            fail_msg(
                "step %u, control 0x%llx, rdx 0x%llx, way %d: %s differs (%s 0x%llx, %s 0x%llx)",
                step, (unsigned long long)exit.frame.rcx, (unsigned long long)exit.frame.rdx, way,
                differs, hvemu_action_name(usual.action), (unsigned long long)usual.frame.rax,
                hvemu_action_name(any.action), (unsigned long long)any.frame.rax);
        /* What both ways share. */
        if (exit.vp == world->dead_vp)
            assert_action(any.action, HVEMU_GONE);
        if (any.action != HVEMU_INTERCEPT)
            assert_u64(any.frame.gpa, 0);
        if (way)
            world->count[outcome(&exit, &any)][way]++;
    }
}

enum { STEPS = 20000, OFTEN = 5 };

static void compare_in(enum kind kind)
{
    struct world *world = make_world(kind);

    seed = 0x9E3779B97F4A7C15 + (uint64_t)kind;
    compare(world, STEPS);
    end_world(world);
}

static void both_ways_do_the_same_and_every_outcome_is_reached(void **state)
{
    struct world *world = make_world(USUAL);

    (void)state;
    seed = 1;
    compare(world, 3 * STEPS);
    for (int i = 0; i < OUTCOMES; i++)
        for (int way = REGISTERS; way < SHORT_WAYS; way++)
            if (i != ILLEGAL && reached[i] >> (way - 1) & 1 && world->count[i][way] < OFTEN)
                fail_msg("outcome %d of way %d only %u times", i, way, world->count[i][way]);
    end_world(world);
}

static void both_ways_do_the_same_where_xmm_input_is_not_advertised(void **state)
{
    struct world *world = make_world(WITHOUT_XMM);

    (void)state;
    seed = 2;
    compare(world, STEPS);
    assert_true(world->count[ILLEGAL][XMM] >= OFTEN);
    assert_int_equal(world->count[DONE][XMM], 0);
    end_world(world);
}

static void both_ways_do_the_same_without_memory_to_read(void **state)
{
    (void)state;
    compare_in(WITHOUT_MEMORY);
}

static void both_ways_do_the_same_where_calls_are_withdrawn_and_replaced(void **state)
{
    (void)state;
    compare_in(WITHOUT_CALLS);
}

/* ---- That there is anything to compare */

/* The short way does not look at the form of a call of the library's, which it has no business to
 * have. An ID of nobody comes to the same answer from all of them. */
static void each_way_in_is_a_short_one_unless_somebody_filters_or_traces(void **state)
{
    struct world *world = make_world(USUAL);
    struct hvemu *hv = world->vmm->hv;
    static const struct {
        uint16_t code;
        uint64_t control, rdx;
    } calls[] = {{0x0056, 0x10056, 0x99}, {0x0094, 0x10094, 0x99}, {0x0056, 0x0056, 0x1000}};

    (void)state;
    memset(world->vmm->ram + 0x1000, 0x99, 8);
    for (size_t i = 0; i < COUNT(calls); i++) {
        struct hvemu_x64_frame frame = fake_frame64(calls[i].control, calls[i].rdx, 0);
        struct hvemu_descriptor call = *hv->by_code[calls[i].code];

        call.form = HVEMU_REP;
        hv->by_code[calls[i].code] = &call;
        frame.known = HVEMU_X64_XMM;
        assert_action(hvemu_x64_hypercall(world->vmm->vp, &frame), HVEMU_STEP);
        assert_status(frame.rax, HV_STATUS_INVALID_PARTITION_ID);
        hv->plain_mode = UINT32_MAX;
        assert_action(hvemu_x64_hypercall(world->vmm->vp, &frame), HVEMU_STEP);
        assert_status(frame.rax, HV_STATUS_INVALID_HYPERCALL_INPUT);
        hv->plain_mode = HVEMU_X64_KERNEL64;
        hv->by_code[calls[i].code] = hvemu__built_in(calls[i].code);
    }
    end_world(world);
}

static unsigned asked;

static int count_filter(void *ctx, const struct hvemu_invocation *invocation)
{
    (void)ctx, (void)invocation;
    asked++;
    return 0;
}

static void count_trace(void *ctx, const struct hvemu_invocation *invocation, uint16_t status,
                        uint16_t reps)
{
    (void)ctx, (void)invocation, (void)status, (void)reps;
    asked++;
}

static void filter_and_trace_see_what_would_go_the_short_way(void **state)
{
    const struct hvemu_config config = {.size = sizeof config,
                                        .features = HV_FEATURE_XMM_HYPERCALL_INPUT};

    (void)state;
    for (int which = 0; which < 2; which++) {
        struct hvemu_ops ops = fake_ops;
        struct fake_vmm *vmm;
        uint64_t child;

        if (which)
            ops.filter = count_filter;
        else
            ops.trace = count_trace;
        vmm = fake_new(&config, &ops);
        fake_add_guest(vmm, HV_PRIVILEGE_ALL);
        child = add_guest(vmm, vmm->guest);
        asked = 0;
        for (int memory = 0; memory < 2; memory++) {
            struct hvemu_x64_frame frame =
                fake_frame64(memory ? 0x0056 : 0x10056, memory ? 0x1000 : child, 0);

            le64enc(vmm->ram + 0x1000, child);
            assert_action(hvemu_x64_hypercall(vmm->vp, &frame), HVEMU_STEP);
            assert_status(frame.rax, HV_STATUS_NOT_ACKNOWLEDGED);
        }
        assert_int_equal(asked, 2);
        fake_free(vmm);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_do_the_same_and_every_outcome_is_reached),
        cmocka_unit_test(both_ways_do_the_same_where_xmm_input_is_not_advertised),
        cmocka_unit_test(both_ways_do_the_same_without_memory_to_read),
        cmocka_unit_test(both_ways_do_the_same_where_calls_are_withdrawn_and_replaced),
        cmocka_unit_test(each_way_in_is_a_short_one_unless_somebody_filters_or_traces),
        cmocka_unit_test(filter_and_trace_see_what_would_go_the_short_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
