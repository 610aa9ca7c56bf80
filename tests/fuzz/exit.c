/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Exits: frames with any registers, in any mode, of the processors of a root, a guest and its
 * child, while the ops answer and call back as the input says, and the VMM does this and that
 * between them. After each: the way that the checks of docs/architecture.md took, as an independent
 * decoder sees it; no register changed that is not marked; the ops asked for the declared lists
 * alone, once; a call that failed has changed nothing; a repetition gets on; and the instance is in
 * order. */

#include "expect.h"
#include "fake_vmm.h"

#include <string.h>
#include <sys/endian.h>

#include "internal.h"
#include "walk.h"

enum { VPS = 4, IDS = 6, ACTIONS = 24, BUDGET = 16, TIMED_OUT = 0x78 };

/* Own calls: a list with a variable header, of which output elements are odd; and a simple one of
 * as much as there can be. */
static const struct shape own[] = {
    {0x7008, 16, 8, 0, 3, 1, 1}, {0x7010, 4096, 0, 4096, 0, 0, 0}, {0}};

static struct {
    struct fake_vmm *vmm;
    struct bytes bytes;
    struct hvemu_vp *vps[VPS]; /* of the root, the guest (two) and its child; NULL: detached */
    uint64_t owner[VPS];
    uint32_t index[VPS];
    uint64_t ids[IDS];
    uint32_t features;
    unsigned owns;       /* elements that own calls have done in this exit */
    int disturbed;       /* an op did something else in this exit than its work */
    unsigned in_an_op;   /* what the next op does besides */
    struct hvemu_vp *in; /* whose exit it is */
} t;

static uint16_t do_own(const struct hvemu_invocation *invocation, const void *in, const void *item,
                       void *out)
{
    const unsigned what = le32dec(in) % 16;

    for (unsigned i = 0; i < invocation->call->out; i++)
        assert_int_equal(((const uint8_t *)out)[i], 0);
    if (item && what == invocation->index % 16 && !t.disturbed) {
        t.disturbed = 1; /* once, or it would go on for ever */
        if (what & 1)
            return TIMED_OUT;
        hvemu_vp_yield(invocation->vp);
    }
    if (item && le64dec(item) == UINT64_MAX)
        return 0x05;
    t.owns++;
    memset(out, (int)invocation->index, item ? invocation->call->out_each : 16);
    return 0;
}

/* What an op may do: the contract's list, and what it is told off for. */
static void call_back(struct fake_vmm *vmm, const struct fake_event *event)
{
    uint8_t vector;

    (void)event;
    if (!t.in_an_op)
        return;
    t.disturbed = 1;
    switch (t.in_an_op % 8) {
    case 1:
        hvemu_vp_yield(t.in);
        break;
    case 2:
        hvemu_ext_int_acknowledge(t.vps[t.in_an_op / 8 % VPS], &vector);
        break;
    case 3:
        t.in_an_op = 0; /* or the kick of it asserts, and so on */
        hvemu_assert_virtual_interrupt(vmm->hv, vmm->root, t.ids[1], 7, 0, 0x31);
        break;
    case 4:
        hvemu_clear_virtual_interrupt(vmm->hv, t.ids[1], t.ids[2]);
        break;
    case 5:
        if (t.in)
            assert_result(hvemu_vp_detach(t.in), HVEMU_E_BUSY);
        break;
    case 6:
        if (t.in) {
            struct hvemu_x64_frame frame = fake_frame64(0x10056, t.ids[1], 0);
            assert_action(hvemu_x64_hypercall(t.in, &frame), HVEMU_FAILED);
        }
        break;
    default:
        hvemu_ext_int_line(t.vps[1]);
    }
    t.in_an_op = 0;
}

static void attach(unsigned i)
{
    if (!t.vps[i])
        hvemu_vp_attach(t.vmm->hv, t.owner[i], t.index[i], NULL, &t.vps[i]);
}

static uint64_t new_child(uint64_t parent, int active)
{
    uint64_t id = 0;

    if (active)
        assert_result(hvemu_add_guest(t.vmm->hv, parent, HV_PRIVILEGE_ALL, t.vmm, &id), HVEMU_OK);
    else
        assert_status(fake_create(t.vmm, parent, &id), 0);
    return id;
}

/* Pages of the parent's for the pool of its child. */
static void deposit(uint64_t parent, uint64_t id)
{
    const uint64_t list[] = {id, 0x10 + id % 16, 0x20 + id % 16};
    uint8_t in[sizeof list];

    for (unsigned i = 0; i < 3; i++)
        le64enc(in + 8 * i, list[i]);
    hvemu_hypercall(t.vmm->hv, parent, 0x200000048, in, sizeof in, NULL, 0);
}

static struct fake_vmm *make_vmm(unsigned with)
{
    const struct hvemu_config config = {.size = sizeof config,
                                        .partitions = 8,
                                        .vps = 8,
                                        .depth = 3,
                                        .calls = 2,
                                        .features = 0x40000 | (with & 1 ? 0x10 : 0) |
                                                    (with & 2 ? 0x8000 : 0),
                                        .gpa_bits = with & 4 ? 15 : 52,
                                        .rep_budget = with & 8 ? 2 : BUDGET,
                                        .pages = with & 16 ? 0 : 16,
                                        .create_cost = HVEMU_NO_COST,
                                        .initialize_cost = HVEMU_NO_COST,
                                        .vp_cost = 1,
                                        .intercepts = 4,
                                        .privileges = with & 32 ? HV_PRIVILEGE_ALL : 0};

    t.features = config.features;
    return fake_new(&config, NULL);
}

static void begin(struct bytes bytes)
{
    memset(&t, 0, sizeof t);
    t.vmm = make_vmm(take_below(&bytes, 256));
    t.vmm->reenter = call_back;
    t.bytes = bytes;
    register_own(t.vmm->hv, own, do_own);
    t.ids[0] = t.vmm->root;
    t.ids[1] = new_child(t.ids[0], 1);
    t.ids[2] = new_child(t.ids[1], 1);
    t.ids[3] = new_child(t.ids[1], 0);
    t.ids[4] = new_child(t.ids[0], 1);
    t.ids[5] = (uint64_t)7 << 24 | 3; /* nobody's */
    deposit(t.ids[0], t.ids[1]);
    deposit(t.ids[1], t.ids[2]);
    for (unsigned i = 0; i < VPS; i++) {
        t.owner[i] = t.ids[(const unsigned[]){0, 1, 1, 2}[i]];
        t.index[i] = i == 2;
        attach(i);
        assert_non_null(t.vps[i]);
        if (i != 2)
            fake_enable_hypercalls(t.vps[i]);
    }
}

/* ---- One exit ---- */

/* An address of the few pages that there are, or any. */
static uint64_t take_gpa(void)
{
    const unsigned kind = take_below(&t.bytes, 256);

    if (kind >= 0xF8)
        return take(&t.bytes, 8);
    return (uint64_t)(kind % 16) << 12 | (kind & 0x80 ? take(&t.bytes, 2) & 0xFFF : 0);
}

static void put_pair(struct hvemu_x64_frame *frame, uint64_t control, uint64_t in, uint64_t out)
{
    frame->rax = control & UINT32_MAX;
    frame->rdx = control >> 32;
    frame->rcx = in & UINT32_MAX;
    frame->rbx = in >> 32;
    frame->rsi = out & UINT32_MAX;
    frame->rdi = out >> 32;
}

/* A call in registers or in memory; seldom any registers. */
static struct hvemu_x64_frame take_frame(void)
{
    static const uint32_t modes[] = {0x1C, 0x1C, 0x1C, 0x04, 0x0C, 0x1F, 0x00, 0x14};
    const unsigned mode = take_below(&t.bytes, 256);
    struct hvemu_x64_frame frame = {.mode = modes[mode % 8], .known = mode & 8 ? 0 : HVEMU_X64_XMM};
    uint64_t in, out;
    struct said said;

    if (mode >= 0xF0) {
        take_into(&t.bytes, &frame, offsetof(struct hvemu_x64_frame, mode));
        frame.mode = (uint32_t)take(&t.bytes, 4);
        return frame;
    }
    take_call(&t.bytes, own, t.ids, IDS, &said);
    if (said.control & 0x10000) {
        in = le64dec(said.in);
        out = le64dec(said.in + 8);
        for (unsigned i = 0; i < 12; i++)
            frame.xmm[i / 2][i % 2] = le64dec(said.in + 16 + 8 * i);
    } else {
        in = take_gpa();
        out = take_gpa();
        if (in < FAKE_RAM && said.in_bytes <= FAKE_RAM - in)
            memcpy(t.vmm->ram + in, said.in, said.in_bytes);
    }
    if ((frame.mode & 0x18) == 0x18) {
        frame.rcx = said.control;
        frame.rdx = in;
        frame.r8 = out;
    } else
        put_pair(&frame, said.control, in, out);
    return frame;
}

/* The elements that this exit has completed: from e->start up to here. */
static uint32_t done_of(const struct hvemu_x64_frame *frame, enum hvemu_action action,
                        const struct expected *e)
{
    const uint64_t now = e->wide ? (action == HVEMU_STEP ? frame->rax : frame->rcx)
                                 : frame->rdx << 32 | (uint32_t)frame->rax;

    return (uint32_t)(now >> (action == HVEMU_STEP ? 32 : 48) & 0xFFF);
}

/* Where output lies that an exit may write: what was completed of it. */
static void output_of(const struct expected *e, const struct hvemu_x64_frame *frame,
                      enum hvemu_action action, uint32_t *from, uint32_t *to)
{
    const uint16_t status = (uint16_t)frame->rax;

    *from = *to = 0;
    if (e->shape.rep) {
        const uint32_t done = done_of(frame, action, e);

        *from = e->start * e->shape.out_each;
        *to = done > e->start ? done * e->shape.out_each : *from;
    } else if (action == HVEMU_STEP && status == 0)
        *to = e->shape.out;
}

static void check_registers(const struct hvemu_x64_frame *before,
                            const struct hvemu_x64_frame *after, enum hvemu_action action,
                            const struct expected *e)
{
    const uint32_t pair = HVEMU_X64_RAX | HVEMU_X64_RDX;
    uint32_t may = 0, from, to;

    if (action == HVEMU_STEP)
        may = e->wide ? (uint32_t)HVEMU_X64_RAX : pair;
    else if (action == HVEMU_REPEAT && after->changed)
        may = e->wide ? (uint32_t)HVEMU_X64_RCX : pair;
    if (action == HVEMU_STEP)
        assert_u64(after->changed & may, may);
    if (!e->wide && may)
        assert_u64((after->rax | after->rdx) >> 32, 0);
    if (e->is_fast && may) {
        output_of(e, after, action, &from, &to);
        for (uint32_t at = e->out_at + from; from < to && at < e->out_at + to;
             at = at / 16 * 16 + 16)
            may |=
                at < 16 ? HVEMU_X64_RDX | HVEMU_X64_R8 : (uint32_t)HVEMU_X64_XMM0 << (at / 16 - 1);
        if (from < to)
            assert_u64(after->changed & may & ~pair, may & ~pair);
    }
    assert_u64(after->changed & ~may, 0);
    assert_only_changed(before, after, after->changed);
}

/* The result value: a status that exists, nothing in reserved bits, elements in rep calls alone. */
static void check_result(const struct hvemu_x64_frame *frame, const struct expected *e, int faulted)
{
    const uint64_t result = e->wide ? frame->rax : frame->rdx << 32 | (uint32_t)frame->rax;
    const uint16_t status = (uint16_t)result;
    const uint32_t reps = (uint32_t)(result >> 32 & 0xFFF);

    assert_u64(result & 0xFFFFF000FFFF0000, 0);
    assert_int_not_equal(status, TIMED_OUT);
    assert_true(faulted || !strchr(hvemu_status_name(status), '('));
    assert_true(e->known && e->shape.rep ? reps <= e->reps : reps == 0);
    assert_true(!e->shape.rep || status != 0 || reps == e->reps);
}

/* What the ops were asked about the caller's own lists. Translation walks tables of its own. */
static void check_ops(const struct expected *e, const struct hvemu_x64_frame *after,
                      enum hvemu_action action, uint64_t caller)
{
    const uint16_t code = (uint16_t)e->control;
    const uint32_t end = e->reps < e->start + t.vmm->hv->config.rep_budget
                             ? e->reps
                             : e->start + t.vmm->hv->config.rep_budget;
    unsigned reads = 0, writes = 0;
    uint32_t from, to;

    assert_true(t.vmm->logged <= FAKE_LOG);
    output_of(e, after, action, &from, &to);
    for (unsigned i = 0; i < t.vmm->logged && code != 0x52 && code != 0xAC; i++) {
        const struct fake_event *event = &t.vmm->log[i];
        const uint32_t bytes = event->vector;

        if (event->op < FAKE_GPA_READ || event->op > FAKE_GPA_WRITE || event->partition != caller)
            continue;
        assert_true(bytes >= 1 && bytes <= 4096 && event->gpa % 4096 + bytes <= 4096);
        assert_true(event->gpa < t.vmm->hv->gpa_end && !e->is_fast && !e->status);
        assert_true(event->gpa >> 12 != FAKE_HYPERCALL_PAGE >> 12 ||
                    t.vmm->overlay != FAKE_HYPERCALL_PAGE);
        if (event->op == FAKE_GPA_READ) {
            assert_true(++reads == 1 && event->gpa >= e->in_gpa &&
                        event->gpa + bytes <= e->in_gpa + e->in);
        } else if (event->op == FAKE_GPA_WRITABLE) {
            assert_u64(event->gpa, e->out_gpa + e->start * e->shape.out_each);
            assert_u64(bytes, e->shape.rep ? (end - e->start) * e->shape.out_each : e->shape.out);
        } else {
            assert_u64(++writes, 1);
            assert_u64(event->gpa, e->out_gpa + from);
            assert_u64(bytes, to - from);
        }
    }
    if (action == HVEMU_STEP && !e->is_fast && to > from && code != 0x52 && code != 0xAC)
        assert_true(writes == 1);
}

/* The checks before the handler, in their order. */
static void check_way(const struct expected *e, const struct hvemu_x64_frame *after,
                      enum hvemu_action action, uint32_t state, uint64_t msr)
{
    const uint16_t status = (uint16_t)after->rax;

    if (state != HVEMU_STATE_ACTIVE)
        assert_action(action, HVEMU_GONE);
    else if (!(msr & 1))
        assert_action(action, HVEMU_PASS);
    else if (!e->legal)
        assert_action(action, HVEMU_UD);
    else if (action == HVEMU_STEP && status == 0x06 && e->known)
        return; /* the privilege, or the target's */
    else if (e->status) {
        assert_action(action, HVEMU_STEP);
        assert_status(status, e->status);
    } else if (e->ud || e->need_xmm)
        assert_action(action, e->ud ? HVEMU_UD : HVEMU_NEED_XMM);
    else
        assert_true(action <= HVEMU_FAILED && action != HVEMU_UD && action != HVEMU_GP &&
                    action != HVEMU_NEED_XMM && action != HVEMU_PASS && action != HVEMU_GONE);
    if (action != HVEMU_STEP && action != HVEMU_REPEAT && action != HVEMU_INTERCEPT &&
        action != HVEMU_FAILED)
        assert_u64(t.vmm->logged, 0);
}

static enum hvemu_action make_exit(struct hvemu_vp *vp, struct hvemu_x64_frame *frame, int faulted)
{
    const struct hvemu_x64_frame before = *frame;
    const struct expected e = expect(frame, own, t.features);
    const uint64_t caller = hvemu_vp_partition(vp), was = digest_all(t.vmm->hv);
    const uint32_t state = hvemu_partition_state(t.vmm->hv, caller);
    const uint64_t msr = hvemu__load(&vp->partition->hypercall_msr);
    enum hvemu_action action;
    int nothing;

    fake_forget(t.vmm);
    t.owns = 0;
    t.in = vp;
    action = hvemu_x64_hypercall(vp, frame);
    t.in = NULL;
    check_way(&e, frame, action, state, msr);
    check_registers(&before, frame, action, &e);
    check_ops(&e, frame, action, caller);
    if (action == HVEMU_STEP)
        check_result(frame, &e, faulted);
    if (action == HVEMU_INTERCEPT)
        assert_true(frame->access == HVEMU_ACCESS_READ || frame->access == HVEMU_ACCESS_WRITE);
    else
        assert_true(!frame->access || (frame->access == HVEMU_ACCESS_LOST && faulted));
    nothing = action == HVEMU_STEP ? (uint16_t)frame->rax && done_of(frame, action, &e) <= e.start
                                   : !frame->changed;
    if (nothing && !t.disturbed && (uint16_t)e.control != HvCallFinalizePartition)
        assert_u64(digest_all(t.vmm->hv), was);
    if (action == HVEMU_REPEAT && !frame->changed && !t.disturbed && !faulted)
        assert_int_equal((uint16_t)e.control, HvCallFinalizePartition);
    walk(t.vmm->hv);
    return action;
}

/* As a guest does: again, as long as it is to be repeated and that gets on. */
static void exits(void)
{
    static const int answers[] = {1, 2, 3, 4, 0x78, 0x0B, 0x05, 0x1D, 0x19, 0x50};
    const unsigned who = take_below(&t.bytes, VPS), fault = take_below(&t.bytes, 256);
    struct hvemu_x64_frame frame = take_frame();
    enum hvemu_action action;
    unsigned round = 0;

    if (!t.vps[who])
        return;
    t.disturbed = 0;
    t.in_an_op = fault >= 0xC0 ? take_below(&t.bytes, 32) : 0;
    if (fault >= 0x80 && fault < 0xC0)
        fake_fail(t.vmm, (enum fake_op)(fault % FAKE_OPS), fault / FAKE_OPS % 2,
                  answers[take_below(&t.bytes, sizeof answers / sizeof *answers)]);
    do {
        const int faulted = fault >= 0x80 && fault < 0xC0;

        action = make_exit(t.vps[who], &frame, faulted);
        if (action == HVEMU_NEED_XMM)
            frame.known = HVEMU_X64_XMM;
        assert_true(++round <= 4096 + 2);
    } while (action == HVEMU_NEED_XMM || (action == HVEMU_REPEAT && frame.changed));
    if (action == HVEMU_INTERCEPT) {
        hvemu_x64_finish(&frame, 0x05, 3);
        assert_true(frame.changed != 0);
    }
    for (unsigned op = 0; op < FAKE_OPS; op++)
        t.vmm->fault[op].armed = 0;
}

/* ---- What the VMM does besides ---- */

static void host(void)
{
    const unsigned what = take_below(&t.bytes, 8), who = take_below(&t.bytes, VPS);
    struct hvemu_vp *vp = t.vps[who];
    uint64_t value = 0;
    uint8_t vector;

    t.in_an_op = 0;
    t.disturbed = 1;
    switch (what) {
    case 0:
        hvemu_ext_int_acknowledge(vp, &vector);
        break;
    case 1:
        hvemu_assert_virtual_interrupt(t.vmm->hv, t.ids[who == 3], t.owner[who], 7, 0,
                                       (uint32_t)take(&t.bytes, 1));
        break;
    case 2:
        value = take_gpa() & ~(uint64_t)0xFFF;
        hvemu_x64_wrmsr(vp, 0x40000001, value | take_below(&t.bytes, 4));
        break;
    case 3:
        hvemu_x64_wrmsr(vp, 0x40000000 + who, take(&t.bytes, 8));
        hvemu_x64_rdmsr(vp, 0x40000000 + who, &value);
        break;
    case 4:
        hvemu_reset(t.vmm->hv, t.owner[who]);
        break;
    case 5:
        if (hvemu_vp_detach(vp) == HVEMU_OK)
            t.vps[who] = NULL;
        else
            attach(who);
        break;
    case 6:
        if (vp)
            hvemu_vp_suspend(vp);
        hvemu_vp_yield(vp);
        break;
    default:
        hvemu_x64_wrmsr(vp, 0x40000000, 1);
        hvemu_x64_wrmsr(vp, 0x40000001, FAKE_HYPERCALL_PAGE | 1);
    }
    walk(t.vmm->hv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin((struct bytes){data, data + size});
    for (unsigned i = 0; i < ACTIONS && more(&t.bytes); i++) {
        if (take_below(&t.bytes, 256) < 0xC0)
            exits();
        else
            host();
        memset(t.vmm->values, 0, sizeof t.vmm->values); /* there is not room for ever */
    }
    fake_free(t.vmm);
    return 0;
}
