/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Rep calls and their continuation, and variable headers, in every way a caller can make them: from
 * C, decoded by the VMM, and from the registers of 64-bit, compatibility-mode and protected-mode
 * callers, each fast and with lists in memory.
 *
 * A plan says where each invocation of a call ends. Making it checks the rest for every invocation:
 * what each handler sees, that each element has its effect once, which bytes of guest memory are
 * probed, read and written, in this order, and that no register changes but what the plan's ends
 * imply. */

#include "conventions.h"
#include "fake_vmm.h"
#include "internal.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/endian.h>

static int has_registers(enum convention convention)
{
    return convention >= LONG_FAST;
}

static int in_memory(enum convention convention)
{
    return convention != FROM_C && !fast(convention);
}

/* ---- The calls ---- */

static hvemu_handler handler;

#define CALL(code_, form_, in_, in_each_, out_, out_each_)                                        \
    {                                                                                             \
        .size = sizeof(struct hvemu_descriptor), .name = "test call " #code_, .handler = handler, \
        .code = code_, .form = form_, .in = in_, .in_each = in_each_, .out = out_,                \
        .out_each = out_each_,                                                                    \
    }
#define REP(code, in, in_each, out_each) CALL(code, HVEMU_REP, in, in_each, 0, out_each)

/* 0x702n and 0x704n have output elements of n bytes, with and without a header; 0x706n have input
 * elements of n bytes. */
static const struct hvemu_descriptor calls[] = {
    REP(0x7001, 16, 8, 0),
    REP(0x7002, 16, 4, 16),
    REP(0x7003, 16, 4, 4),
    REP(0x7004, 8, 8, 1),
    REP(0x7005, 8, 0, 0),
    REP(0x7006, 0, 3, 5),
    REP(0x7007, 0, 0, 0),
    REP(0x7008, 0, 8, 8),
    CALL(0x7009, HVEMU_REP | HVEMU_VARIABLE, 8, 4, 0, 4),
    CALL(0x700A, HVEMU_VARIABLE, 8, 0, 8, 0),
    CALL(0x700B, HVEMU_VARIABLE, 0, 0, 0, 0),
    CALL(0x700C, HVEMU_SIMPLE, 8, 0, 8, 0),
    CALL(0x700D, HVEMU_REP | HVEMU_VARIABLE, 0, 8, 0, 0),
    REP(0x7021, 8, 0, 1),
    REP(0x7022, 8, 0, 2),
    REP(0x7024, 8, 0, 4),
    REP(0x7028, 8, 0, 8),
    REP(0x702C, 8, 0, 12),
    REP(0x7030, 8, 0, 16),
    REP(0x7041, 0, 0, 1),
    REP(0x7042, 0, 0, 2),
    REP(0x7043, 0, 0, 3),
    REP(0x7044, 0, 0, 4),
    REP(0x7048, 0, 0, 8),
    REP(0x704C, 0, 0, 12),
    REP(0x7050, 0, 0, 16),
    REP(0x7061, 8, 1, 0),
    REP(0x7063, 8, 3, 0),
    REP(0x7066, 8, 6, 0),
    REP(0x706C, 8, 12, 0),
    REP(0x7070, 8, 16, 0),
    REP(0x70A0, 8, 32, 0),
    REP(0x70A1, 0, 0, 32),
    REP(0x70C8, 16, 8, 72),
};
enum { CALLS = sizeof calls / sizeof calls[0] };

static const struct hvemu_descriptor privileged = {
    .size = sizeof privileged,
    .name = "test call 0x70FE",
    .handler = handler,
    .privilege = HV_PRIVILEGE_CREATE_PARTITIONS,
    .code = 0x70FE,
    .form = HVEMU_REP,
    .in = 8,
    .in_each = 8,
};

static const struct hvemu_descriptor targeted = {
    .size = sizeof targeted,
    .name = "test call 0x70FF",
    .handler = handler,
    .code = 0x70FF,
    .form = HVEMU_REP,
    .in = 8,
    .in_each = 8,
    .target = HVEMU_PARENT,
    .states = HVEMU_STATE_ACTIVE,
};

static const struct hvemu_descriptor *find(uint16_t code)
{
    for (unsigned i = 0; i < CALLS; i++)
        if (calls[i].code == code)
            return &calls[i];
    return NULL;
}

/* ---- What the handler does, and what it saw ---- */

enum { ELEMENTS = 0x1000 };

struct script {
    uint16_t fail; /* at fail_at; 0: no element fails */
    unsigned fail_at;
    unsigned again, again_at; /* so many times TIMEOUT at this element */
    int yield;                /* 1: yields at yield_at, 2: another thread does, 3: at every one */
    unsigned yield_at;
};

static struct {
    struct script script;
    uint8_t salt; /* input is another with another salt */
    unsigned header_bytes;
    struct hvemu_vp *vp;
    uint64_t control;
    unsigned next; /* the element that must come next */
    /* What it saw: of this invocation, */
    unsigned called, refused, ops_before;
    /* of all. */
    unsigned wrong;
    const char *what_is_wrong;
    uint8_t effects[ELEMENTS];
} scene;

static struct fake_vmm *vmm;
static enum convention now;

static uint8_t header_byte(unsigned at)
{
    return (uint8_t)(0x11 + at * 5 + scene.salt);
}

static uint8_t item_byte(unsigned index, unsigned at)
{
    return (uint8_t)(0x21 + index * 13 + (index >> 8) + at * 7 + scene.salt);
}

/* Never zero: the rest of a chunk is. */
static uint8_t output_byte(unsigned index, unsigned at)
{
    return (uint8_t)(0x80 | (index * 29 + (index >> 7) + at * 3));
}

/* Handlers do not longjmp, so they say later what they found. */
static void check(int right, const char *what)
{
    if (!right) {
        scene.wrong++;
        scene.what_is_wrong = what;
    }
}

static unsigned memory_ops(void)
{
    return vmm->count[FAKE_GPA_READ] + vmm->count[FAKE_GPA_WRITABLE];
}

static void check_arguments(const struct hvemu_invocation *invocation, const uint8_t *in,
                            const uint8_t *item, const uint8_t *out)
{
    const struct hvemu_descriptor *call = invocation->call;
    const int rep = call->form & HVEMU_REP;
    const unsigned out_bytes = rep ? call->out_each : call->out;

    check(invocation->hv == vmm->hv && invocation->vp == scene.vp && invocation->ctx == vmm &&
              invocation->caller == vmm->guest,
          "the caller");
    check(invocation->control == scene.control, "control");
    check(invocation->index == (rep ? scene.next : 0), "the element's index");
    check(invocation->header_bytes == scene.header_bytes, "header_bytes");
    for (unsigned i = 0; i < scene.header_bytes; i++)
        check(in[i] == header_byte(i), "the header");
    check(!item == !call->in_each, "whether there is an item");
    for (unsigned i = 0; i < call->in_each; i++)
        check(item[i] == item_byte(invocation->index, i), "the item");
    check(!out == !out_bytes, "whether there is output");
    for (unsigned i = 0; i < out_bytes; i++)
        check(out[i] == 0, "output that is not zero before");
    check(vmm->count[FAKE_GPA_WRITE] == 0, "a write before the handler");
}

static void *yield_from_outside(void *vp)
{
    hvemu_vp_yield(vp);
    return NULL;
}

static void maybe_yield(unsigned index)
{
    pthread_t thread;

    if (scene.script.yield == 2 && index == scene.script.yield_at) {
        check(pthread_create(&thread, NULL, yield_from_outside, vmm->vp) == 0, "a thread");
        pthread_join(thread, NULL);
    } else if (scene.script.yield == 3 || (scene.script.yield && index == scene.script.yield_at))
        hvemu_vp_yield(vmm->vp);
}

/* The script's refusal at this element, or 0. */
static uint16_t refusal(unsigned index)
{
    if (scene.script.again && index == scene.script.again_at) {
        scene.script.again--;
        return 0x78;
    }
    return index == scene.script.fail_at ? scene.script.fail : 0;
}

static uint16_t handler(const struct hvemu_invocation *invocation, const void *in, const void *item,
                        void *out)
{
    const struct hvemu_descriptor *call = invocation->call;
    const unsigned out_bytes = call->form & HVEMU_REP ? call->out_each : call->out;
    uint16_t status;

    if (!scene.called++)
        scene.ops_before = memory_ops();
    check_arguments(invocation, in, item, out);
    maybe_yield(invocation->index);
    status = refusal(invocation->index);
    for (unsigned i = 0; i < out_bytes; i++) /* thrown away if refused */
        ((uint8_t *)out)[i] = status ? 0xEE : output_byte(invocation->index, i);
    if (status) {
        scene.refused++;
        return status;
    }
    scene.effects[invocation->index]++;
    scene.next++;
    return 0;
}

/* ---- The world ---- */

static void begin_with(uint32_t budget, uint64_t privileges, const struct hvemu_ops *ops)
{
    const struct hvemu_config config = {
        .size = sizeof config,
        .partitions = 4,
        .vps = 2,
        .features = 0x8010, /* XMM input and output */
        .privileges = 0x60,
        .calls = CALLS + 2,
        .rep_budget = budget,
    };

    if (vmm)
        fake_free(vmm);
    memset(&scene, 0, sizeof scene);
    vmm = fake_new(&config, ops);
    for (unsigned i = 0; i < CALLS; i++)
        assert_result(hvemu_register(vmm->hv, &calls[i]), HVEMU_OK);
    assert_result(hvemu_register(vmm->hv, &privileged), HVEMU_OK);
    assert_result(hvemu_register(vmm->hv, &targeted), HVEMU_OK);
    fake_add_guest(vmm, privileges);
}

static void begin(uint32_t budget)
{
    begin_with(budget, HV_PRIVILEGE_ALL, NULL);
}

static int end_world(void **state)
{
    (void)state;
    if (vmm) {
        print_error("the last call was made: %s\n", convention_names[now]);
        fake_free(vmm);
        vmm = NULL;
    }
    return 0;
}

static int begin_test(void **state)
{
    (void)state;
    vmm = NULL;
    return 0;
}

/* A test that comes to its end has failed nowhere. */
static void end_test(void)
{
    fake_free(vmm);
    vmm = NULL;
}

/* ---- One call in one convention ---- */

enum {
    INPUT_PAGE_END = 0x3000,
    OUTPUT_PAGE_END = 0x5000,
    PAGE = 0x1000,
    BLOCK = 112,
    STALE = 0x5A,
    OLD = 0xCC
};

/* One call, from its first invocation to its last. */
static struct {
    const struct hvemu_descriptor *call;
    unsigned count, budget;
    uint64_t control; /* as the caller has it now */
    unsigned in_bytes, out_bytes, out_at;
    uint64_t in_gpa, out_gpa;
    uint8_t in[PAGE], block[BLOCK];
    struct hvemu_x64_frame frame;
    struct hvemu_call decoded;
    uint8_t out[PAGE];                          /* from C */
    uint8_t want_out[PAGE], want_ram[FAKE_RAM]; /* what each must be */
} the;

static void fill_input(void)
{
    for (unsigned i = 0; i < scene.header_bytes; i++)
        the.in[i] = header_byte(i);
    for (unsigned i = scene.header_bytes; i < the.in_bytes; i++)
        the.in[i] = item_byte((i - scene.header_bytes) / the.call->in_each,
                              (i - scene.header_bytes) % the.call->in_each);
    if (in_memory(now) && the.in_bytes) {
        memcpy(vmm->ram + the.in_gpa, the.in, the.in_bytes);
        memcpy(the.want_ram + the.in_gpa, the.in, the.in_bytes);
    }
}

static uint64_t control_of(uint64_t code, uint64_t variable, uint64_t count, uint64_t start)
{
    return code | variable << 17 | count << 32 | start << 48;
}

static struct hvemu_x64_frame frame_of(uint64_t control, uint64_t first, uint64_t second)
{
    struct hvemu_x64_frame frame =
        narrow(now) ? fake_frame32(control, first, second) : fake_frame64(control, first, second);

    if (now == COMPATIBILITY_FAST || now == COMPATIBILITY_MEMORY)
        frame.mode |= HVEMU_X64_LMA;
    return frame;
}

static void fill_registers(void)
{
    the.frame = fast(now) ? frame_of(the.control, le64dec(the.block), le64dec(the.block + 8))
                          : frame_of(the.control, the.in_gpa, the.out_gpa);
    if (fast(now))
        for (unsigned i = 0; i < 12; i++)
            the.frame.xmm[i / 2][i % 2] = le64dec(the.block + 16 + 8 * i);
}

/* As near as it can be to the end of its page; rubbish if there is no such list. */
static uint64_t list_at(unsigned page_end, unsigned bytes)
{
    return bytes ? page_end - (bytes + 7) / 8 * 8 : 0xFFFFFFFF12345677;
}

/* Sets the call up in the present world. */
static void set_up(uint16_t code, unsigned variable, unsigned count, unsigned start)
{
    memset(&the, 0, sizeof the);
    the.call = find(code);
    assert_non_null(the.call);
    the.count = count;
    the.control = control_of(code, variable, count, start) | (fast(now) ? 0x10000u : 0);
    scene.header_bytes = the.call->in + variable * 8;
    the.in_bytes = scene.header_bytes + count * the.call->in_each;
    the.out_bytes = the.call->form & HVEMU_REP ? count * the.call->out_each : the.call->out;
    the.out_at = (the.in_bytes + 15) / 16 * 16;
    assert_true(the.in_bytes <= PAGE && the.out_bytes <= PAGE);
    the.in_gpa = list_at(INPUT_PAGE_END, the.in_bytes);
    the.out_gpa = list_at(OUTPUT_PAGE_END, the.out_bytes);
    memcpy(the.want_ram, vmm->ram, FAKE_RAM);
    fill_input();
    memset(the.block, STALE, sizeof the.block);
    if (fast(now))
        memcpy(the.block, the.in, the.in_bytes);
    memset(the.out, OLD, sizeof the.out);
    memset(the.want_out, OLD, sizeof the.want_out);
    if (has_registers(now))
        fill_registers();
    memset(&the.decoded, 0xEE, sizeof the.decoded);
    the.decoded.control = the.control;
    the.decoded.in_gpa = the.in_gpa;
    the.decoded.out_gpa = the.out_gpa;
    memcpy(the.decoded.fast, the.block, sizeof the.block);
}

/* Whether the call can be made this way. */
static int fits(uint16_t code, unsigned variable, unsigned count)
{
    const struct hvemu_descriptor *call = find(code);
    const unsigned in = call->in + variable * 8 + count * call->in_each;
    const unsigned out = call->form & HVEMU_REP ? count * call->out_each : call->out;

    if (!fast(now))
        return in <= PAGE && out <= PAGE;
    return (!narrow(now) || !out) && (in + 15) / 16 * 16 + out <= BLOCK;
}

static uint64_t with_start(uint64_t control, unsigned start)
{
    return (control & 0xF000FFFFFFFFFFFF) | (uint64_t)start << 48;
}

static void want_pair(struct hvemu_x64_frame *want, uint64_t value)
{
    want->rax = value & 0xFFFFFFFF;
    want->rdx = value >> 32;
    want->changed |= HVEMU_X64_RAX | HVEMU_X64_RDX;
}

static uint8_t want_block_byte(unsigned at, unsigned from, unsigned to)
{
    const unsigned each = the.call->out_each, offset = at - the.out_at;

    if (offset < from * each)
        return the.block[at];
    return offset < to * each ? output_byte(offset / each, offset % each) : 0;
}

/* Fast output of elements from..to: the.block gets the whole chunks they lie in. */
static void want_chunks(unsigned from, unsigned to, struct hvemu_x64_frame *want)
{
    const unsigned each = the.call->out_each;
    unsigned end;

    if (!each || from == to)
        return;
    end = (the.out_at + to * each + 15) / 16 * 16;
    for (unsigned at = (the.out_at + from * each) / 16 * 16; at < end; at++)
        the.block[at] = want_block_byte(at, from, to);
    for (unsigned at = (the.out_at + from * each) / 16 * 16; at < end; at += 16)
        if (at == 0) {
            want->rdx = le64dec(the.block);
            want->r8 = le64dec(the.block + 8);
            want->changed |= HVEMU_X64_RDX | HVEMU_X64_R8;
        } else {
            want->xmm[at / 16 - 1][0] = le64dec(the.block + at);
            want->xmm[at / 16 - 1][1] = le64dec(the.block + at + 8);
            want->changed |= (uint32_t)HVEMU_X64_XMM0 << (at / 16 - 1);
        }
}

/* One invocation, to end at `to`; `last` with this status, else to be continued. */
static void invoke_registers(unsigned from, unsigned to, int last, uint16_t status)
{
    struct hvemu_x64_frame want = the.frame;

    want.changed = want.access = 0;
    want.gpa = 0;
    if (last && narrow(now))
        want_pair(&want, status | (uint64_t)to << 32);
    else if (last) {
        want.rax = status | (uint64_t)to << 32;
        want.changed |= HVEMU_X64_RAX;
    } else if (from != to && narrow(now))
        want_pair(&want, with_start(the.control, to));
    else if (from != to) {
        want.rcx = with_start(the.control, to);
        want.changed |= HVEMU_X64_RCX;
    }
    if (fast(now))
        want_chunks(from, to, &want);
    assert_action(hvemu_x64_hypercall(vmm->vp, &the.frame), last ? HVEMU_STEP : HVEMU_REPEAT);
    assert_u64(the.frame.changed, want.changed);
    assert_memory_equal(&the.frame, &want, sizeof want);
}

static void assert_output_in_block(unsigned from, unsigned to)
{
    const unsigned each = the.call->out_each;
    const unsigned first = (the.out_at + from * each) / 16 * 16;
    const unsigned end = (the.out_at + to * each + 15) / 16 * 16;
    const unsigned kept = the.out_at + from * each < BLOCK ? the.out_at + from * each : BLOCK;

    if (each && from != to) {
        assert_u64(the.decoded.written_at, first);
        assert_u64(the.decoded.written, end - first);
        assert_memory_equal(the.decoded.fast, the.block, end);
    } else {
        assert_u64(the.decoded.written, 0);
        assert_memory_equal(the.decoded.fast, the.block, kept);
    }
}

static void invoke_decoded(unsigned from, unsigned to, int last, uint16_t status)
{
    struct hvemu_x64_frame unused = {0};

    if (fast(now))
        want_chunks(from, to, &unused);
    assert_action(hvemu_execute(vmm->vp, &the.decoded), last ? HVEMU_STEP : HVEMU_REPEAT);
    assert_u64(the.decoded.access, 0);
    assert_u64(the.decoded.reps, the.count);
    assert_u64(the.decoded.start, from);
    assert_u64(the.decoded.header_bytes, scene.header_bytes);
    assert_u64(the.decoded.control, last ? the.control : with_start(the.control, to));
    assert_u64(the.decoded.executed, last ? 1 : 0);
    if (last) {
        assert_status(the.decoded.status, status);
        assert_u64(the.decoded.result, status | (uint64_t)to << 32);
    }
    if (fast(now))
        assert_output_in_block(from, to);
    else
        assert_u64(the.decoded.written, 0);
}

static void invoke_from_c(unsigned from, unsigned to, int last, uint16_t status)
{
    const unsigned each = the.call->out_each;
    uint8_t in[PAGE];

    memcpy(in, the.in, sizeof in);
    for (unsigned i = from * each; i < to * each; i++)
        the.want_out[i] = output_byte(i / each, i % each);
    assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, the.control, the.in_bytes ? in : NULL,
                               the.in_bytes, the.out_bytes ? the.out : NULL, the.out_bytes),
               (last ? status : 0x78) | (uint64_t)to << 32);
    assert_memory_equal(the.out, the.want_out, sizeof the.out);
    assert_memory_equal(in, the.in, sizeof in);
}

static void assert_memory_op(unsigned *n, enum fake_op op, uint64_t gpa, unsigned bytes)
{
    const struct fake_event *event = &vmm->log[*n];

    if (!bytes)
        return;
    assert_true(*n < vmm->logged);
    assert_int_equal(event->op, op);
    assert_ptr_equal(event->ctx, vmm);
    assert_u64(event->partition, vmm->guest);
    assert_u64(event->gpa, gpa);
    assert_u64(event->vector, bytes);
    assert_true(gpa / PAGE == (gpa + bytes - 1) / PAGE);
    ++*n;
}

/* The output of this invocation is probed; then its input is read, in one go, from the header, if
 * there is one, to the last element; then, handlers done, output is written as far as it came. */
static void assert_memory_ops(unsigned from, unsigned to)
{
    const unsigned each = the.call->in_each, out_each = the.call->out_each;
    const unsigned end = from + the.budget < the.count ? from + the.budget : the.count;
    const unsigned skipped = scene.header_bytes ? 0 : from * each;
    const uint64_t out_gpa = the.out_gpa + from * out_each;
    unsigned n = 0;

    assert_memory_op(&n, FAKE_GPA_WRITABLE, out_gpa, (end - from) * out_each);
    assert_memory_op(&n, FAKE_GPA_READ, the.in_gpa + skipped,
                     scene.header_bytes + end * each - skipped);
    assert_u64(scene.ops_before, n);
    assert_memory_op(&n, FAKE_GPA_WRITE, out_gpa, (to - from) * out_each);
    assert_u64(vmm->logged, n);
}

static void want_output_in_memory(unsigned from, unsigned to)
{
    const unsigned each = the.call->out_each;

    for (unsigned i = from * each; i < to * each; i++)
        the.want_ram[the.out_gpa + i] = output_byte(i / each, i % each);
}

static void assert_handler_satisfied(void)
{
    if (scene.wrong) {
        print_error("the handler found %u things wrong, the last one %s\n", scene.wrong,
                    scene.what_is_wrong);
        fail();
    }
}

/* Elements first..to have had their effect once, and no others. */
static void assert_effects(unsigned first, unsigned to)
{
    uint8_t want[ELEMENTS] = {0};

    memset(want + first, 1, to - first);
    assert_memory_equal(scene.effects, want, sizeof want);
}

/* The next invocation, elements from..to. Afterwards the caller has what it repeats with. */
static void invoke(unsigned from, unsigned to, int last, uint16_t status)
{
    scene.called = scene.refused = 0;
    scene.next = from;
    scene.control = now == FROM_C ? the.control & ~0x10000ULL : the.control;
    scene.vp = now == FROM_C ? NULL : vmm->vp;
    fake_forget(vmm);
    if (now == FROM_C)
        invoke_from_c(from, to, last, status);
    else if (has_registers(now))
        invoke_registers(from, to, last, status);
    else
        invoke_decoded(from, to, last, status);
    assert_handler_satisfied();
    assert_u64(scene.called, to - from + scene.refused);
    if (in_memory(now)) {
        want_output_in_memory(from, to);
        assert_memory_ops(from, to);
    } else
        assert_u64(vmm->logged, 0);
    assert_memory_equal(vmm->ram, the.want_ram, FAKE_RAM);
    if (!last)
        the.control = with_start(the.control, to);
}

/* ---- Plans ---- */

struct plan {
    uint16_t code;
    unsigned variable, count, start;
    uint32_t budget; /* as configured */
    unsigned invocations, stops[12];
    unsigned stride; /* instead of stops: so many elements each time */
    uint16_t status; /* of the last invocation */
    struct script script;
    int yield_before; /* 1: the first invocation, 2: each */
    const struct hvemu_ops *ops;
};

static unsigned stop(const struct plan *plan, unsigned i)
{
    const unsigned at = plan->start + (i + 1) * plan->stride;

    if (!plan->stride)
        return plan->stops[i];
    return at < plan->count ? at : plan->count;
}

static void carry_out(const struct plan *plan)
{
    unsigned from = plan->start;
    unsigned invocations = plan->invocations;

    if (plan->stride)
        invocations = (plan->count - plan->start + plan->stride - 1) / plan->stride;
    begin_with(plan->budget, HV_PRIVILEGE_ALL, plan->ops);
    scene.script = plan->script;
    set_up(plan->code, plan->variable, plan->count, plan->start);
    the.budget = plan->budget ? plan->budget : 64;
    for (unsigned i = 0; i < invocations; i++) {
        const unsigned to = stop(plan, i);
        if (plan->yield_before == 2 || (plan->yield_before == 1 && i == 0))
            hvemu_vp_yield(vmm->vp);
        invoke(from, to, i == invocations - 1, plan->status);
        assert_effects(plan->start, to);
        from = to;
    }
}

/* In every convention that has room for it. */
static void everywhere(struct plan plan)
{
    for (now = 0; now < CONVENTIONS; now++)
        if (fits(plan.code, plan.variable, plan.count))
            carry_out(&plan);
}

/* In those where a VP makes the call. */
static void everywhere_but_from_c(struct plan plan)
{
    for (now = FROM_C + 1; now < CONVENTIONS; now++)
        if (fits(plan.code, plan.variable, plan.count))
            carry_out(&plan);
}

/* ---- Elements completed ---- */

static void completed_call_reports_its_whole_count(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CALLS; i++)
        if (calls[i].form & HVEMU_REP)
            for (unsigned count = 1; count <= 6; count++)
                everywhere((struct plan){
                    .code = calls[i].code, .count = count, .invocations = 1, .stops = {count}});
    end_test();
}

static void start_index_skips_elements_but_counts_them(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CALLS; i++)
        if (calls[i].form & HVEMU_REP)
            for (unsigned start = 1; start < 5; start++)
                everywhere((struct plan){.code = calls[i].code,
                                         .count = 5,
                                         .start = start,
                                         .invocations = 1,
                                         .stops = {5}});
    end_test();
}

static void failing_element_ends_the_call_and_those_before_it_stand(void **state)
{
    static const uint16_t codes[] = {0x7001, 0x7002, 0x7003, 0x7004, 0x7005, 0x7006,
                                     0x7007, 0x7008, 0x7009, 0x7021, 0x702C, 0x7043};

    (void)state;
    for (unsigned i = 0; i < sizeof codes / sizeof codes[0]; i++)
        for (unsigned start = 0; start < 6; start++)
            for (unsigned at = start; at < 6; at++)
                everywhere((struct plan){.code = codes[i],
                                         .count = 6,
                                         .start = start,
                                         .invocations = 1,
                                         .stops = {at},
                                         .status = 0x0005,
                                         .script = {.fail = 0x0005, .fail_at = at}});
    end_test();
}

static void failing_element_of_a_later_invocation_counts_from_the_list(void **state)
{
    (void)state;
    everywhere((struct plan){.code = 0x7003,
                             .count = 7,
                             .budget = 2,
                             .invocations = 3,
                             .stops = {2, 4, 5},
                             .status = 0xFFFF,
                             .script = {.fail = 0xFFFF, .fail_at = 5}});
    everywhere((struct plan){.code = 0x7003,
                             .count = 7,
                             .budget = 2,
                             .invocations = 3,
                             .stops = {2, 4, 4},
                             .status = 0x000E,
                             .script = {.fail = 0x000E, .fail_at = 4}});
    end_test();
}

/* ---- Continuation ---- */

static void budget_is_64_elements_unless_configured(void **state)
{
    static const uint16_t codes[] = {0x7001, 0x7003, 0x7005, 0x7007, 0x7041, 0x7061};

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        everywhere((struct plan){
            .code = codes[i], .count = 0x82, .invocations = 3, .stops = {0x40, 0x80, 0x82}});
        everywhere((struct plan){
            .code = codes[i], .count = 0x41, .invocations = 2, .stops = {0x40, 0x41}});
        everywhere(
            (struct plan){.code = codes[i], .count = 0x40, .invocations = 1, .stops = {0x40}});
    }
    everywhere((struct plan){
        .code = 0x7005, .count = 0x82, .start = 0x41, .invocations = 2, .stops = {0x81, 0x82}});
    end_test();
}

static void budget_of_one_carries_out_one_element_at_a_time(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CALLS; i++)
        if (calls[i].form & HVEMU_REP)
            for (unsigned count = 1; count <= 7; count++)
                everywhere(
                    (struct plan){.code = calls[i].code, .count = count, .budget = 1, .stride = 1});
    end_test();
}

static void budget_of_4095_carries_out_any_list_at_once(void **state)
{
    (void)state;
    everywhere((struct plan){
        .code = 0x7007, .count = 0xFFF, .budget = 0xFFF, .invocations = 1, .stops = {0xFFF}});
    everywhere((struct plan){.code = 0x7041,
                             .count = 0xFFF,
                             .budget = 0xFFF,
                             .start = 0xFFE,
                             .invocations = 1,
                             .stops = {0xFFF}});
    everywhere((struct plan){
        .code = 0x7041, .count = 0xFFF, .budget = 0xFFF, .invocations = 1, .stops = {0xFFF}});
    everywhere((struct plan){.code = 0x7007,
                             .count = 0xFFF,
                             .budget = 0xFFE,
                             .invocations = 2,
                             .stops = {0xFFE, 0xFFF}});
    end_test();
}

static void list_of_510_elements_takes_510_invocations_of_one(void **state)
{
    (void)state;
    everywhere((struct plan){.code = 0x7001, .count = 510, .budget = 1, .stride = 1});
    end_test();
}

static void handler_that_yields_ends_the_invocation_after_its_element(void **state)
{
    static const uint16_t codes[] = {0x7001, 0x7003, 0x7005, 0x7006};

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        for (unsigned at = 0; at < 4; at++)
            for (int yield = 1; yield <= 2; yield++)
                everywhere_but_from_c((struct plan){.code = codes[i],
                                                    .count = 5,
                                                    .invocations = 2,
                                                    .stops = {at + 1, 5},
                                                    .script = {.yield = yield, .yield_at = at}});
    end_test();
}

static void yield_at_every_element_ends_every_invocation_after_one(void **state)
{
    (void)state;
    everywhere_but_from_c(
        (struct plan){.code = 0x7003, .count = 6, .stride = 1, .script = {.yield = 3}});
    everywhere_but_from_c(
        (struct plan){.code = 0x7003, .count = 6, .stride = 1, .yield_before = 2});
    end_test();
}

static void yield_before_the_call_ends_it_once_after_its_first_element(void **state)
{
    (void)state;
    everywhere_but_from_c((struct plan){.code = 0x7003,
                                        .count = 6,
                                        .start = 2,
                                        .invocations = 2,
                                        .stops = {3, 6},
                                        .yield_before = 1});
    end_test();
}

static void yield_at_the_last_element_is_used_up_by_the_end_of_the_call(void **state)
{
    (void)state;
    for (now = FROM_C + 1; now < CONVENTIONS; now++) {
        carry_out(&(struct plan){.code = 0x7001,
                                 .count = 3,
                                 .invocations = 1,
                                 .stops = {3},
                                 .script = {.yield = 1, .yield_at = 2}});
        memset(scene.effects, 0, sizeof scene.effects);
        memset(&scene.script, 0, sizeof scene.script);
        set_up(0x7001, 0, 3, 0);
        the.budget = 64;
        invoke(0, 3, 1, 0);
    }
    end_test();
}

static void yield_of_a_vp_is_nothing_to_calls_from_c(void **state)
{
    (void)state;
    now = FROM_C;
    carry_out(&(struct plan){
        .code = 0x7003, .count = 6, .invocations = 1, .stops = {6}, .yield_before = 1});
    /* The VP's next rep call still ends after its first element. */
    now = LONG_MEMORY;
    memset(scene.effects, 0, sizeof scene.effects);
    set_up(0x7003, 0, 6, 0);
    the.budget = 64;
    invoke(0, 1, 0, 0);
    end_test();
}

static void yield_is_the_own_vps(void **state)
{
    struct hvemu_vp *other;

    (void)state;
    for (now = FROM_C + 1; now < CONVENTIONS; now++) {
        begin(0);
        assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 1, vmm, &other), HVEMU_OK);
        hvemu_vp_yield(other);
        hvemu_vp_yield(NULL);
        set_up(0x7001, 0, 5, 0);
        the.budget = 64;
        invoke(0, 5, 1, 0);
    }
    end_test();
}

struct pest {
    struct hvemu_vp *vp;
    atomic_int stop;
};

static void *pester(void *argument)
{
    struct pest *pest = argument;

    while (!atomic_load(&pest->stop))
        hvemu_vp_yield(pest->vp);
    return NULL;
}

static void pestering_thread_cannot_stop_progress(void **state)
{
    struct pest pest;
    pthread_t thread;
    unsigned invocations = 0;

    (void)state;
    now = LONG_MEMORY;
    begin(0);
    set_up(0x7008, 0, 0x200, 0);
    scene.vp = vmm->vp;
    pest.vp = vmm->vp;
    atomic_init(&pest.stop, 0);
    assert_int_equal(pthread_create(&thread, NULL, pester, &pest), 0);
    for (enum hvemu_action action = HVEMU_REPEAT; action == HVEMU_REPEAT; invocations++) {
        const uint64_t before = the.frame.rcx;
        scene.control = before;
        fake_forget(vmm);
        action = hvemu_x64_hypercall(vmm->vp, &the.frame);
        if (action != HVEMU_REPEAT)
            continue;
        if ((the.frame.rcx >> 48) <= (before >> 48) || the.frame.rcx >> 48 != scene.next)
            break;
    }
    atomic_store(&pest.stop, 1);
    pthread_join(thread, NULL);
    assert_true(invocations <= 0x200);
    assert_u64(the.frame.rax, 0x0000020000000000);
    assert_handler_satisfied();
    assert_effects(0, 0x200);
    want_output_in_memory(0, 0x200);
    assert_memory_equal(vmm->ram, the.want_ram, FAKE_RAM);
    end_test();
}

static void element_that_cannot_be_done_yet_comes_again(void **state)
{
    static const uint16_t codes[] = {0x7001, 0x7002, 0x7003, 0x7005, 0x7006, 0x7021, 0x7048};

    (void)state;
    for (unsigned i = 0; i < 7; i++)
        for (unsigned at = 0; at < 5; at++)
            everywhere((struct plan){.code = codes[i],
                                     .count = 5,
                                     .invocations = 2,
                                     .stops = {at, 5},
                                     .script = {.again = 1, .again_at = at}});
    end_test();
}

/* With nothing completed nothing changes at all, however often. */
static void element_that_is_never_done_changes_nothing(void **state)
{
    (void)state;
    for (unsigned start = 0; start < 3; start++)
        everywhere((struct plan){.code = 0x7003,
                                 .count = 4,
                                 .start = start,
                                 .invocations = 4,
                                 .stops = {start, start, start, 4},
                                 .script = {.again = 3, .again_at = start}});
    end_test();
}

static void everything_that_ends_an_invocation_does_so_in_one_call(void **state)
{
    (void)state;
    everywhere_but_from_c((struct plan){
        .code = 0x7003,
        .count = 12,
        .budget = 3,
        .invocations = 7,
        .stops = {1, 4, 5, 5, 8, 10, 11},
        .status = 0x0071,
        .script =
            {.again = 2, .again_at = 5, .yield = 1, .yield_at = 9, .fail = 0x71, .fail_at = 11},
        .yield_before = 1});
    end_test();
}

static int two_at_most(void *ctx, const struct hvemu_invocation *invocation)
{
    (void)ctx;
    check(invocation->index == scene.next, "where the filter is told to begin");
    return -2;
}

static int any_number(void *ctx, const struct hvemu_invocation *invocation)
{
    (void)ctx;
    (void)invocation;
    return INT_MIN;
}

static void filter_may_take_elements_from_the_budget_but_add_none(void **state)
{
    struct hvemu_ops ops = fake_ops;

    (void)state;
    ops.filter = two_at_most;
    everywhere((struct plan){.code = 0x7003,
                             .count = 8,
                             .start = 1,
                             .invocations = 4,
                             .stops = {3, 5, 7, 8},
                             .ops = &ops});
    everywhere((struct plan){.code = 0x7003, .count = 8, .budget = 1, .stride = 1, .ops = &ops});
    ops.filter = any_number;
    everywhere((struct plan){.code = 0x7003, .count = 8, .budget = 5, .stride = 5, .ops = &ops});
    end_test();
}

/* Of the control word only the start index: the rest is what the caller gave, bit for bit. */
static void every_count_and_start_comes_back_in_its_own_bits(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 12; i++)
        for (unsigned j = 0; j < i; j++)
            everywhere((struct plan){.code = 0x7007,
                                     .count = 0x800u | 1u << i,
                                     .start = 1u << j,
                                     .budget = 1,
                                     .invocations = 3,
                                     .stops = {(1u << j) + 1, (1u << j) + 2, (1u << j) + 2},
                                     .status = 5,
                                     .script = {.fail = 5, .fail_at = (1u << j) + 2}});
    end_test();
}

/* ---- Output ---- */

static const uint16_t output_sizes[] = {0x7021, 0x7022, 0x7024, 0x7028, 0x702C, 0x7030,
                                        0x7041, 0x7042, 0x7043, 0x7044, 0x7048, 0x704C,
                                        0x7050, 0x7002, 0x7003, 0x7004, 0x7006, 0x7008};
enum { OUTPUT_SIZES = sizeof output_sizes / sizeof output_sizes[0] };

static unsigned at_most(unsigned value, unsigned limit)
{
    return value < limit ? value : limit;
}

/* As many elements as the register block has room for, at most 0x25. */
static unsigned largest_fast_count(uint16_t code)
{
    unsigned count = 1;

    now = EXECUTE_FAST;
    while (count < 0x25 && fits(code, 0, count + 1))
        count++;
    return count;
}

static void resumed_call_keeps_what_is_finished(void **state)
{
    (void)state;
    for (unsigned i = 0; i < OUTPUT_SIZES; i++) {
        const unsigned count = largest_fast_count(output_sizes[i]);
        for (unsigned budget = 1; budget <= at_most(count, 7); budget++)
            everywhere((struct plan){
                .code = output_sizes[i], .count = count, .budget = budget, .stride = budget});
    }
    end_test();
}

/* What lies before the start index is the caller's, whether or not a call put it there. */
static void late_start_keeps_what_lies_before_it(void **state)
{
    (void)state;
    for (unsigned i = 0; i < OUTPUT_SIZES; i++) {
        const unsigned count = largest_fast_count(output_sizes[i]);
        for (unsigned start = 1; start < count; start++)
            everywhere((struct plan){.code = output_sizes[i],
                                     .count = count,
                                     .start = start,
                                     .invocations = 1,
                                     .stops = {count}});
    }
    end_test();
}

static void failed_call_writes_whole_chunks_of_what_was_completed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < OUTPUT_SIZES; i++) {
        const unsigned count = at_most(largest_fast_count(output_sizes[i]), 18);
        for (unsigned start = 0; start < count; start += 1 + count / 6)
            for (unsigned at = start; at < count; at++)
                everywhere((struct plan){.code = output_sizes[i],
                                         .count = count,
                                         .start = start,
                                         .invocations = 1,
                                         .stops = {at},
                                         .status = 0x57,
                                         .script = {.fail = 0x57, .fail_at = at}});
    }
    end_test();
}

/* The chunks by name, in one case of each kind, worked out by hand. */
static void first_output_chunk_follows_the_whole_input(void **state)
{
    struct hvemu_x64_frame frame;

    (void)state;
    /* 16 bytes and one element of 4: 20 bytes, so output begins with byte 32, XMM1. */
    now = LONG_FAST;
    begin(0);
    set_up(0x7002, 0, 1, 0);
    scene.control = the.control;
    scene.vp = vmm->vp;
    frame = the.frame;
    assert_action(hvemu_x64_hypercall(vmm->vp, &frame), HVEMU_STEP);
    assert_handler_satisfied();
    assert_u64(frame.rax, 0x0000000100000000);
    assert_only_changed(&the.frame, &frame, HVEMU_X64_RAX | HVEMU_X64_XMM0 << 1);
    assert_u64(frame.xmm[1][0], 0x95928F8C89868380);
    assert_u64(frame.xmm[1][1], 0xADAAA7A4A19E9B98);
    end_test();
}

static void second_element_joins_the_first_in_its_chunk(void **state)
{
    struct hvemu_x64_frame frame;

    (void)state;
    now = LONG_FAST;
    begin(0);
    /* 8 bytes of header, output elements of 4: XMM0. Element 1 of 3 lies in its bytes 4 to 7. */
    set_up(0x7024, 0, 3, 1);
    scene.control = the.control;
    scene.vp = vmm->vp;
    scene.next = 1;
    scene.script = (struct script){.fail = 5, .fail_at = 2};
    the.frame.xmm[0][0] = 0xFFFFFFFF01020304;
    the.frame.xmm[0][1] = 0xFFFFFFFFFFFFFFFF;
    frame = the.frame;
    assert_action(hvemu_x64_hypercall(vmm->vp, &frame), HVEMU_STEP);
    assert_handler_satisfied();
    assert_u64(frame.rax, 0x0000000200000005);
    assert_only_changed(&the.frame, &frame, HVEMU_X64_RAX | HVEMU_X64_XMM0);
    assert_u64(frame.xmm[0][0], 0xA6A3A09D01020304);
    assert_u64(frame.xmm[0][1], 0);
    end_test();
}

/* Whether a call with this start asks for XMM registers that the VMM has not filled. */
static void assert_needs_xmm(uint16_t code, unsigned count, unsigned start, int needs)
{
    struct hvemu_x64_frame before;

    now = LONG_FAST;
    begin(0);
    set_up(code, 0, count, start);
    the.frame.known = 0;
    before = the.frame;
    the.budget = 64;
    if (needs) {
        assert_action(hvemu_x64_hypercall(vmm->vp, &the.frame), HVEMU_NEED_XMM);
        assert_only_changed(&before, &the.frame, 0);
        assert_u64(scene.called, 0);
        the.frame.known = HVEMU_X64_XMM0; /* some are not enough */
        assert_action(hvemu_x64_hypercall(vmm->vp, &the.frame), HVEMU_NEED_XMM);
        the.frame.known = HVEMU_X64_XMM;
    }
    invoke(start, count, 1, 0);
}

static void kept_half_of_an_unknown_xmm_register_is_asked_for(void **state)
{
    (void)state;
    for (unsigned start = 0; start < 8; start++) {
        assert_needs_xmm(0x7024, 8, start, start != 0 && start != 4);
        assert_needs_xmm(0x7028, 8, start, start % 2 != 0);
        assert_needs_xmm(0x702C, 8, start, start != 0 && start != 4);
        assert_needs_xmm(0x7021, 8, start, start != 0);
    }
    for (unsigned start = 0; start < 6; start++)
        assert_needs_xmm(0x7030, 6, start, 0);
    end_test();
}

static void kept_half_in_general_registers_is_there_already(void **state)
{
    (void)state;
    for (unsigned start = 0; start < 8; start++) {
        assert_needs_xmm(0x7041, 8, start, 0);
        assert_needs_xmm(0x7044, 8, start, start > 4);
        assert_needs_xmm(0x7048, 8, start, start > 2 && start % 2);
    }
    end_test();
}

/* ---- Which bytes ---- */

static void lists_that_fill_a_page_are_carried_out(void **state)
{
    (void)state;
    everywhere((struct plan){.code = 0x7001, .count = 0x1FE, .budget = 0xFFF, .stride = 0x1FE});
    everywhere((struct plan){.code = 0x7008, .count = 0x200, .budget = 0x1FF, .stride = 0x1FF});
    everywhere((struct plan){.code = 0x7050, .count = 0x100, .stride = 0x40});
    everywhere((struct plan){.code = 0x7030, .count = 0x100, .start = 0xFF, .stride = 1});
    everywhere((struct plan){.code = 0x7061, .count = 0xFF8, .start = 0xFB8, .stride = 0x40});
    everywhere((struct plan){.code = 0x7066, .count = 0x2AA, .budget = 0x100, .stride = 0x100});
    end_test();
}

/* The call as it is set up is answered with a status alone, and nothing has happened. */
static void assert_refused_in(uint16_t status)
{
    struct hvemu_x64_frame before = the.frame;

    scene.called = 0;
    fake_forget(vmm);
    if (now == FROM_C) {
        assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, the.control, the.in, sizeof the.in, the.out,
                                   sizeof the.out),
                   status);
        assert_memory_equal(the.out, the.want_out, sizeof the.out);
    } else if (has_registers(now)) {
        assert_action(hvemu_x64_hypercall(vmm->vp, &the.frame), HVEMU_STEP);
        assert_u64(the.frame.rax, status);
        if (narrow(now))
            assert_u64(the.frame.rdx, 0);
        assert_only_changed(&before, &the.frame,
                            narrow(now) ? HVEMU_X64_RAX | HVEMU_X64_RDX : HVEMU_X64_RAX);
    } else {
        assert_action(hvemu_execute(vmm->vp, &the.decoded), HVEMU_STEP);
        assert_u64(the.decoded.result, status);
        assert_status(the.decoded.status, status);
        assert_u64(the.decoded.executed, 1);
        assert_u64(the.decoded.written, 0);
        assert_u64(the.decoded.control, the.control);
    }
    assert_u64(scene.called, 0);
    assert_u64(vmm->count[FAKE_GPA_WRITE], 0);
    assert_memory_equal(vmm->ram, the.want_ram, FAKE_RAM);
}

/* And before anything was probed or read. */
static void assert_refused_unseen(uint16_t status)
{
    assert_refused_in(status);
    assert_u64(vmm->logged, 0);
}

/* Another control word and other lists for the call. */
static void change_call(uint64_t control, uint64_t in_gpa, uint64_t out_gpa)
{
    the.control = control | (fast(now) ? 0x10000u : 0);
    the.in_gpa = in_gpa;
    the.out_gpa = out_gpa;
    the.decoded.control = the.control;
    the.decoded.in_gpa = in_gpa;
    the.decoded.out_gpa = out_gpa;
    if (has_registers(now))
        fill_registers();
}

/* Makes a call of any control word at the lowest address that lists can have. */
static void set_up_control(uint64_t control)
{
    begin(0);
    set_up(0x7005, 0, 1, 0);
    change_call(control, 0x2000, 0x4000);
}

static void list_of_one_element_more_than_a_page_has_no_room(void **state)
{
    static const struct {
        uint16_t code, count;
    } lists[] = {
        {0x7001, 0x1FF}, {0x7008, 0x201}, {0x7050, 0x101}, {0x7061, 0xFF9}, {0x7066, 0x2AB},
        {0x7002, 0x101}, {0x7043, 0x556}, {0x7030, 0x101}, {0x7030, 0xFFF}, {0x7070, 0xFFF},
        {0x70A0, 0x80},  {0x70A0, 0x800}, {0x70A1, 0x81},  {0x70A1, 0x800},
    };

    (void)state;
    for (now = FROM_C; now < CONVENTIONS; now++) {
        if (fast(now))
            continue;
        for (unsigned i = 0; i < sizeof lists / sizeof lists[0]; i++) {
            set_up_control(control_of(lists[i].code, 0, lists[i].count, 0));
            assert_refused_unseen(4);
            set_up_control(control_of(lists[i].code, 0, lists[i].count, lists[i].count - 1u));
            assert_refused_unseen(4);
        }
    }
    end_test();
}

/* The invocation at hand would not have to touch the bytes that lie in the next page. */
static void block_from_c_is_counted_whole_too(void **state)
{
    (void)state;
    now = FROM_C;
    for (unsigned start = 0; start < 3; start++) {
        begin(1);
        /* 16 + 5 * 4 = 36 bytes of input, 20 of output. */
        set_up(0x7003, 0, 5, start);
        assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, the.control, the.in, 35, the.out, 20), 5);
        assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, the.control, the.in, 36, the.out, 19), 5);
        assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, the.control, NULL, 36, the.out, 20), 5);
        assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, the.control, the.in, 36, NULL, 20), 5);
        assert_u64(scene.called, 0);
        assert_memory_equal(the.out, the.want_out, sizeof the.out);
    }
    end_test();
}

/* C callers share the room for output elements above 64 bytes; who finds it taken comes again, from
 * where it was. Smaller ones are in nobody's way. */
static void call_from_c_that_finds_no_room_is_to_be_made_again(void **state)
{
    (void)state;
    now = FROM_C;
    begin(0);
    set_up(0x70C8, 0, 20, 7);
    the.budget = 64;
    assert_true(hvemu__try_lock(&vmm->hv->room_lock));
    assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, the.control, the.in, the.in_bytes, the.out,
                               the.out_bytes),
               0x0000000700000078);
    assert_u64(scene.called, 0);
    assert_memory_equal(the.out, the.want_out, sizeof the.out);
    hvemu__unlock(&vmm->hv->room_lock);
    invoke(7, 20, 1, 0);
    begin(0);
    set_up(0x7030, 0, 20, 7);
    the.budget = 64;
    assert_true(hvemu__try_lock(&vmm->hv->room_lock));
    invoke(7, 20, 1, 0);
    hvemu__unlock(&vmm->hv->room_lock);
    end_test();
}

static void list_is_counted_whole_whatever_this_invocation_does(void **state)
{
    (void)state;
    for (now = FROM_C + 1; now < CONVENTIONS; now++) {
        if (fast(now))
            continue;
        for (unsigned start = 0; start < 10; start++) {
            begin(1);
            set_up(0x7008, 0, 10, start);
            change_call(the.control, 0x3000 - 9 * 8, 0x4000);
            assert_refused_unseen(4);
            change_call(the.control, 0x2000, 0x5000 - 9 * 8);
            assert_refused_unseen(4);
            change_call(the.control, 0x3000 - 10 * 8, 0x5000 - 10 * 8);
            fill_input();
            the.budget = 1;
            invoke(start, start + 1, start == 9, 0);
        }
    }
    end_test();
}

static void addresses_are_judged_as_the_lists_begin(void **state)
{
    (void)state;
    for (now = FROM_C + 1; now < CONVENTIONS; now++) {
        if (fast(now))
            continue;
        for (unsigned off = 1; off < 8; off++) {
            begin(0);
            /* Start indices at which the elements to come lie aligned. */
            set_up(0x7004, 0, 16, off);
            change_call(the.control, 0x2000, 0x4000 + 8 - off);
            assert_refused_unseen(4);
            change_call(the.control, 0x2000 + off, 0x4000);
            assert_refused_unseen(4);
        }
    }
    end_test();
}

static void memory_is_read_anew_by_each_invocation(void **state)
{
    (void)state;
    for (now = FROM_C; now < CONVENTIONS; now++) {
        if (fast(now))
            continue;
        begin(2);
        set_up(0x7003, 0, 7, 0);
        the.budget = 2;
        invoke(0, 2, 0, 0);
        scene.salt = 0x33;
        fill_input();
        invoke(2, 4, 0, 0);
        scene.salt = 0x77;
        fill_input();
        invoke(4, 6, 0, 0);
        invoke(6, 7, 1, 0);
        assert_effects(0, 7);
    }
    end_test();
}

/* Nothing that was found in order is trusted later: the lists are gone when the call goes on. */
static void later_invocations_check_everything_again(void **state)
{
    (void)state;
    for (now = FROM_C + 1; now < CONVENTIONS; now++) {
        if (fast(now))
            continue;
        begin(2);
        set_up(0x7003, 0, 7, 0);
        the.budget = 2;
        invoke(0, 2, 0, 0);
        change_call(the.control, 0x2004, 0x4000);
        assert_refused_unseen(4);
        change_call(the.control, 0x2000, 0x4FF8);
        assert_refused_unseen(4);
        change_call(the.control | 0x08000000, 0x2000, 0x4000);
        assert_refused_unseen(3);
        assert_effects(0, 2);
    }
    end_test();
}

/* All of the output page, and what the call has still to read: the salt is in every byte of it. */
static void change_memory_behind_the_probe(struct fake_vmm *world, const struct fake_event *event)
{
    if (event->op != FAKE_GPA_WRITABLE)
        return;
    scene.salt = 0x33;
    fill_input();
    memset(world->ram + 0x4000, 0x77, PAGE);
    memset(the.want_ram + 0x4000, 0x77, PAGE);
}

/* Before the handler, the only op after the reading is the filter. */
static int change_input_behind_the_reading(void *ctx, const struct hvemu_invocation *invocation)
{
    struct fake_vmm *world = ctx;

    (void)invocation;
    memset(world->ram + 0x2000, 0xFF, PAGE);
    memset(the.want_ram + 0x2000, 0xFF, PAGE);
    return 0;
}

/* In fixed and variable headers and in elements, from wherever the call goes on. */
static void input_is_of_the_one_moment_when_it_is_read(void **state)
{
    static const struct {
        uint16_t code;
        unsigned variable;
    } rows[] = {{0x7001, 0}, {0x7003, 0}, {0x7008, 0}, {0x7009, 0}, {0x7009, 3}};
    struct hvemu_ops ops = fake_ops;

    (void)state;
    ops.filter = change_input_behind_the_reading;
    for (now = FROM_C + 1; now < CONVENTIONS; now++) {
        if (fast(now))
            continue;
        for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
            for (unsigned start = 0; start < 7; start++) {
                begin_with(0, HV_PRIVILEGE_ALL, &ops);
                set_up(rows[i].code, rows[i].variable, 7, start);
                the.budget = 64;
                vmm->reenter = change_memory_behind_the_probe;
                invoke(start, 7, 1, 0);
                scene.salt = 0;
            }
    }
    end_test();
}

/* ---- Memory that is not there ---- */

/* Makes the first invocation and arms the op for the second. */
static void set_up_resumed(enum fake_op op, unsigned after, int answer)
{
    begin(3);
    set_up(0x7003, 0, 8, 0);
    the.budget = 3;
    invoke(0, 3, 0, 0);
    fake_forget(vmm);
    scene.called = 0;
    scene.next = 3;
    scene.control = the.control;
    fake_fail(vmm, op, after, answer);
}

static void assert_stopped(enum hvemu_action want, uint64_t gpa, uint32_t access)
{
    struct hvemu_x64_frame before = the.frame;
    const struct hvemu_call decoded = the.decoded;

    if (has_registers(now)) {
        assert_action(hvemu_x64_hypercall(vmm->vp, &the.frame), want);
        assert_only_changed(&before, &the.frame, 0);
        if (want == HVEMU_INTERCEPT)
            assert_u64(the.frame.gpa, gpa);
        assert_u64(the.frame.access, access);
    } else {
        assert_action(hvemu_execute(vmm->vp, &the.decoded), want);
        assert_u64(the.decoded.control, decoded.control);
        if (want == HVEMU_INTERCEPT)
            assert_u64(the.decoded.gpa, gpa);
        assert_u64(the.decoded.access, access);
        assert_u64(the.decoded.executed, 0);
        assert_memory_equal(the.decoded.fast, decoded.fast, sizeof decoded.fast);
    }
    assert_u64(scene.called, 0);
    assert_u64(vmm->count[FAKE_GPA_WRITE], 0);
    assert_memory_equal(vmm->ram, the.want_ram, FAKE_RAM);
}

static void each_op_of_a_resumed_call_can_stop_it_with_nothing_changed(void **state)
{
    static const struct {
        int answer;
        enum hvemu_action action;
    } answers[] = {
        {HVEMU_MEM_NONE, HVEMU_INTERCEPT},   {HVEMU_MEM_AGAIN, HVEMU_REPEAT},
        {HVEMU_MEM_FAILED, HVEMU_FAILED},    {-1, HVEMU_FAILED},
        {HVEMU_MEM_DENIED, HVEMU_INTERCEPT},
    };

    (void)state;
    for (now = FROM_C + 1; now < CONVENTIONS; now++) {
        if (fast(now))
            continue;
        for (unsigned i = 0; i < 5; i++) {
            const int none = answers[i].action == HVEMU_INTERCEPT;
            /* 16 bytes of header and 8 elements of 4 end at 0x3000, 8 of 4 at 0x5000. */
            set_up_resumed(FAKE_GPA_WRITABLE, 0, answers[i].answer);
            assert_stopped(answers[i].action, 0x4FEC, none ? HVEMU_ACCESS_WRITE : 0);
            assert_u64(vmm->count[FAKE_GPA_READ], 0);
            invoke(3, 6, 0, 0);
            set_up_resumed(FAKE_GPA_READ, 0, answers[i].answer);
            assert_stopped(answers[i].action, 0x2FD0, none ? HVEMU_ACCESS_READ : 0);
            assert_u64(vmm->count[FAKE_GPA_READ], 1);
            invoke(3, 6, 0, 0);
            invoke(6, 8, 1, 0);
            assert_effects(0, 8);
        }
    }
    end_test();
}

static void elements_whose_output_is_lost_stand(void **state)
{
    static const int answers[] = {HVEMU_MEM_NONE, HVEMU_MEM_AGAIN, HVEMU_MEM_FAILED, 77};

    (void)state;
    for (now = FROM_C + 1; now < CONVENTIONS; now++) {
        if (fast(now))
            continue;
        for (unsigned i = 0; i < 4; i++) {
            set_up_resumed(FAKE_GPA_WRITE, 0, answers[i]);
            if (has_registers(now)) {
                struct hvemu_x64_frame before = the.frame;
                assert_action(hvemu_x64_hypercall(vmm->vp, &the.frame), HVEMU_REPEAT);
                assert_u64(the.frame.access, HVEMU_ACCESS_LOST);
                assert_only_changed(&before, &the.frame,
                                    narrow(now) ? HVEMU_X64_RAX | HVEMU_X64_RDX : HVEMU_X64_RCX);
                assert_u64(narrow(now) ? the.frame.rdx << 32 | the.frame.rax : the.frame.rcx,
                           0x0006000800007003);
            } else {
                assert_action(hvemu_execute(vmm->vp, &the.decoded), HVEMU_REPEAT);
                assert_u64(the.decoded.access, HVEMU_ACCESS_LOST);
                assert_u64(the.decoded.control, 0x0006000800007003);
            }
            assert_handler_satisfied();
            assert_memory_equal(vmm->ram, the.want_ram, FAKE_RAM);
            the.control = 0x0006000800007003;
            /* Only this invocation's: the next one's output arrives. */
            invoke(6, 8, 1, 0);
            assert_effects(0, 8);
        }
    }
    end_test();
}

static void last_elements_whose_output_is_lost_complete_the_call(void **state)
{
    (void)state;
    for (now = FROM_C + 1; now < CONVENTIONS; now++) {
        if (fast(now))
            continue;
        set_up_resumed(FAKE_GPA_WRITE, 1, HVEMU_MEM_NONE);
        invoke(3, 6, 0, 0);
        scene.next = 6;
        scene.control = the.control;
        if (has_registers(now)) {
            assert_action(hvemu_x64_hypercall(vmm->vp, &the.frame), HVEMU_STEP);
            assert_u64(the.frame.access, HVEMU_ACCESS_LOST);
            assert_u64(narrow(now) ? the.frame.rdx << 32 | the.frame.rax : the.frame.rax,
                       0x0000000800000000);
        } else {
            assert_action(hvemu_execute(vmm->vp, &the.decoded), HVEMU_STEP);
            assert_u64(the.decoded.access, HVEMU_ACCESS_LOST);
            assert_u64(the.decoded.result, 0x0000000800000000);
        }
        assert_memory_equal(vmm->ram, the.want_ram, FAKE_RAM);
        assert_effects(0, 8);
    }
    end_test();
}

/* ---- Refused calls ---- */

/* In every convention. */
static void assert_control_refused(uint64_t control, uint16_t status)
{
    for (now = FROM_C; now < CONVENTIONS; now++) {
        set_up_control(control);
        assert_refused_unseen(status);
    }
}

static void count_of_zero_is_refused(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CALLS; i++)
        if (calls[i].form & HVEMU_REP) {
            assert_control_refused(control_of(calls[i].code, 0, 0, 0), 3);
            assert_control_refused(control_of(calls[i].code, 0, 0, 1), 3);
        }
    end_test();
}

static void start_that_is_not_below_the_count_is_refused(void **state)
{
    static const uint16_t codes[] = {0x7001, 0x7003, 0x7005, 0x7007, 0x7009, 0x7041};

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        assert_control_refused(control_of(codes[i], 0, 1, 1), 3);
        assert_control_refused(control_of(codes[i], 0, 1, 2), 3);
        assert_control_refused(control_of(codes[i], 0, 5, 0xFFF), 3);
        assert_control_refused(control_of(codes[i], 0, 0xFFF, 0xFFF), 3);
    }
    end_test();
}

static void simple_call_has_neither_count_nor_start(void **state)
{
    static const uint16_t codes[] = {0x700A, 0x700B, 0x700C};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_control_refused(control_of(codes[i], 0, 1, 0), 3);
        assert_control_refused(control_of(codes[i], 0, 0, 1), 3);
        assert_control_refused(control_of(codes[i], 0, 2, 1), 3);
        assert_control_refused(control_of(codes[i], 0, 0x800, 0), 3);
        assert_control_refused(control_of(codes[i], 0, 0, 0x800), 3);
    }
    end_test();
}

static void refused_call_has_completed_nothing_wherever_it_was_to_start(void **state)
{
    (void)state;
    assert_control_refused(control_of(0x7777, 0, 5, 2), 2);
    for (unsigned bit = 27; bit < 64; bit++)
        if (bit < 32 || (bit >= 44 && bit < 48) || bit >= 60)
            assert_control_refused(control_of(0x7001, 0, 5, 2) | 1ULL << bit, 3);
    assert_control_refused(control_of(0x7001, 1, 5, 2), 3);
    for (now = FROM_C; now < CONVENTIONS; now++) {
        begin_with(0, 0x60, NULL);
        set_up(0x7005, 0, 1, 0);
        change_call(control_of(0x70FE, 0, 5, 2), 0x2000, 0);
        assert_refused_unseen(6);
        /* A partition ID that nobody has. */
        memset(the.in, 0x11, 8);
        memset(vmm->ram + 0x2000, 0x11, 8);
        memset(the.want_ram + 0x2000, 0x11, 8);
        memset(the.block, 0x11, 8);
        memset(the.decoded.fast, 0x11, 8);
        change_call(control_of(0x70FF, 0, 5, 2), 0x2000, 0);
        assert_refused_in(0x0D);
    }
    end_test();
}

static int forbid(void *ctx, const struct hvemu_invocation *invocation)
{
    (void)ctx;
    (void)invocation;
    return 0x0008;
}

static void call_that_the_filter_refuses_has_completed_nothing(void **state)
{
    struct hvemu_ops ops = fake_ops;

    (void)state;
    ops.filter = forbid;
    for (now = FROM_C; now < CONVENTIONS; now++) {
        begin_with(0, HV_PRIVILEGE_ALL, &ops);
        set_up(0x7001, 0, 5, 2);
        assert_refused_in(8);
    }
    end_test();
}

static void fast_call_larger_than_the_register_block_is_refused(void **state)
{
    static const struct {
        uint16_t code, fits; /* the largest count */
    } lists[] = {
        {0x7001, 12},  /* 16 + 12 * 8 = 112 */
        {0x7070, 6},   /* 8 + 6 * 16 = 104 */
        {0x7061, 104}, /* 8 + 104 = 112 */
        {0x7063, 34},  /* 8 + 34 * 3 = 110 */
        {0x7024, 24},  /* 16 + 24 * 4 = 112 */
        {0x7030, 6},   /* 16 + 6 * 16 = 112 */
        {0x702C, 8},   /* 16 + 8 * 12 = 112 */
        {0x7050, 7},   /* 7 * 16 = 112 */
        {0x7041, 112}, /* 112 */
        {0x7043, 37},  /* 37 * 3 = 111 */
        {0x7003, 12},  /* 16 + 12 * 4 = 64, 64 + 12 * 4 = 112 */
        {0x7002, 4},   /* 16 + 4 * 4 = 32, 32 + 4 * 16 = 96 */
        {0x7008, 6},   /* 6 * 8 = 48, 48 + 6 * 8 = 96 */
        {0x70A0, 3},   /* 8 + 3 * 32 = 104; 0x800 of them are 65536 bytes */
        {0x70A1, 3},   /* 3 * 32 = 96 */
    };

    (void)state;
    for (unsigned i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const unsigned count = lists[i].fits;
        for (now = FROM_C; now < CONVENTIONS; now++) {
            if (!fast(now))
                continue;
            set_up_control(control_of(lists[i].code, 0, count + 1, 0));
            assert_refused_unseen(3);
            set_up_control(control_of(lists[i].code, 0, count + 1, count));
            assert_refused_unseen(3);
            set_up_control(control_of(lists[i].code, 0, 0xFFF, 0xFFE));
            assert_refused_unseen(3);
            set_up_control(control_of(lists[i].code, 0, 0x800, 0));
            assert_refused_unseen(3);
            if (!narrow(now) || !find(lists[i].code)->out_each)
                carry_out(&(struct plan){
                    .code = lists[i].code, .count = count, .budget = 0xFFF, .stride = count});
        }
    }
    end_test();
}

static void register_output_is_refused_to_32_bit_callers(void **state)
{
    (void)state;
    for (now = COMPATIBILITY_FAST; now < CONVENTIONS; now++) {
        if (!fast(now))
            continue;
        for (unsigned i = 0; i < OUTPUT_SIZES; i++)
            for (unsigned start = 0; start < 2; start++) {
                set_up_control(control_of(output_sizes[i], 0, 2, start));
                assert_refused_unseen(3);
            }
        set_up_control(control_of(0x700A, 0, 0, 0));
        assert_refused_unseen(3);
    }
    end_test();
}

/* ---- Variable headers ---- */

static void variable_header_lies_between_fixed_header_and_elements(void **state)
{
    (void)state;
    for (unsigned variable = 0; variable <= 8; variable++)
        for (unsigned count = 1; count <= 5; count += 2) {
            everywhere((struct plan){
                .code = 0x7009, .variable = variable, .count = count, .budget = 2, .stride = 2});
            everywhere((struct plan){.code = 0x7009,
                                     .variable = variable,
                                     .count = count,
                                     .start = count - 1,
                                     .stride = 1});
            everywhere((struct plan){
                .code = 0x700D, .variable = variable, .count = count, .budget = 1, .stride = 1});
        }
    end_test();
}

static void variable_header_may_fill_what_the_page_has_left(void **state)
{
    (void)state;
    /* 8 + 510 * 8 + 2 * 4 = 4096; 511 * 8 + 8 = 4096. */
    everywhere(
        (struct plan){.code = 0x7009, .variable = 510, .count = 2, .budget = 1, .stride = 1});
    everywhere((struct plan){.code = 0x700D, .variable = 511, .count = 1, .stride = 1});
    /* In registers: 8 + 9 * 8 = 80, with elements 84; 96 and 4 of output. */
    everywhere((struct plan){.code = 0x7009, .variable = 9, .count = 1, .stride = 1});
    everywhere((struct plan){.code = 0x700D, .variable = 13, .count = 1, .stride = 1});
    end_test();
}

static void expect_simple_call(void)
{
    scene.control = now == FROM_C ? the.control & ~0x10000ULL : the.control;
    scene.vp = now == FROM_C ? NULL : vmm->vp;
    scene.called = scene.next = 0;
    fake_forget(vmm);
}

/* A simple call, whose output is 0 or 8 bytes, completes. */
static void complete_simple_call(void)
{
    const uint64_t out = 0x95928F8C89868380;

    expect_simple_call();
    if (now == FROM_C) {
        assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, the.control, the.in, the.in_bytes, the.out,
                                   the.out_bytes),
                   0);
        if (the.out_bytes)
            assert_u64(le64dec(the.out), out);
    } else if (has_registers(now)) {
        assert_action(hvemu_x64_hypercall(vmm->vp, &the.frame), HVEMU_STEP);
        assert_u64(the.frame.rax, 0);
        if (fast(now) && the.out_bytes) {
            assert_u64(the.frame.changed,
                       HVEMU_X64_RAX | (uint32_t)HVEMU_X64_XMM0 << (the.out_at / 16 - 1));
            assert_u64(the.frame.xmm[the.out_at / 16 - 1][0], out);
            assert_u64(the.frame.xmm[the.out_at / 16 - 1][1], 0);
        } else
            assert_u64(the.frame.changed,
                       narrow(now) ? HVEMU_X64_RAX | HVEMU_X64_RDX : HVEMU_X64_RAX);
    } else {
        assert_action(hvemu_execute(vmm->vp, &the.decoded), HVEMU_STEP);
        assert_u64(the.decoded.result, 0);
        assert_u64(the.decoded.written, fast(now) && the.out_bytes ? 16 : 0);
        if (the.decoded.written)
            assert_u64(le64dec(the.decoded.fast + the.out_at), out);
    }
    assert_handler_satisfied();
    assert_u64(scene.called, 1);
    if (in_memory(now)) {
        unsigned n = 0;

        assert_memory_op(&n, FAKE_GPA_WRITABLE, the.out_gpa, the.out_bytes);
        assert_memory_op(&n, FAKE_GPA_READ, the.in_gpa, the.in_bytes);
        assert_memory_op(&n, FAKE_GPA_WRITE, the.out_gpa, the.out_bytes);
        assert_u64(vmm->logged, n);
        if (the.out_bytes)
            le64enc(the.want_ram + the.out_gpa, out);
    } else
        assert_u64(vmm->logged, 0);
    assert_memory_equal(vmm->ram, the.want_ram, FAKE_RAM);
}

static void make_simple_call(uint16_t code, unsigned variable)
{
    begin(0);
    set_up(code, variable, 0, 0);
    complete_simple_call();
}

static void simple_call_takes_a_variable_header_of_any_size_that_fits(void **state)
{
    static const unsigned sizes[] = {0, 1, 2, 7, 11, 12, 13, 14, 15, 100, 510, 511, 512};

    (void)state;
    for (now = FROM_C; now < CONVENTIONS; now++)
        for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            if (fits(0x700A, sizes[i], 0))
                make_simple_call(0x700A, sizes[i]);
            if (fits(0x700B, sizes[i], 0))
                make_simple_call(0x700B, sizes[i]);
        }
    end_test();
}

static void repeat_simple_call(void)
{
    struct hvemu_x64_frame before = the.frame;

    expect_simple_call();
    if (now == FROM_C) {
        assert_u64(hvemu_hypercall(vmm->hv, vmm->guest, the.control, the.in, 8, the.out, 8), 0x78);
        assert_memory_equal(the.out, the.want_out, sizeof the.out);
    } else if (has_registers(now)) {
        assert_action(hvemu_x64_hypercall(vmm->vp, &the.frame), HVEMU_REPEAT);
        assert_only_changed(&before, &the.frame, 0);
    } else {
        assert_action(hvemu_execute(vmm->vp, &the.decoded), HVEMU_REPEAT);
        assert_u64(the.decoded.control, the.control);
        assert_u64(the.decoded.executed, 0);
        assert_u64(the.decoded.written, 0);
    }
    assert_handler_satisfied();
    assert_u64(scene.called, 1);
    assert_u64(vmm->count[FAKE_GPA_WRITE], 0);
    assert_memory_equal(vmm->ram, the.want_ram, FAKE_RAM);
}

static void simple_call_asks_to_be_repeated_with_nothing_changed(void **state)
{
    (void)state;
    for (now = FROM_C; now < CONVENTIONS; now++) {
        if (!fits(0x700C, 0, 0))
            continue;
        begin(0);
        scene.script.again = 2;
        set_up(0x700C, 0, 0, 0);
        repeat_simple_call();
        repeat_simple_call();
        assert_u64(scene.effects[0], 0);
        complete_simple_call();
        assert_u64(scene.effects[0], 1);
    }
    end_test();
}

static void variable_header_too_large_is_refused_unseen(void **state)
{
    static const struct {
        uint16_t code, count, memory, registers; /* the smallest sizes that are refused */
    } lists[] = {
        {0x700A, 0, 512, 12}, /* 8 + 88 = 96, 96 + 8; 8 + 96 = 104, 112 + 8 */
        {0x700B, 0, 513, 15},
        {0x7009, 1, 511, 11}, /* 8 + 80 + 4 = 92, 96 + 4; 8 + 88 + 4 = 100, 112 + 4 */
        {0x700D, 1, 512, 14},
    };

    (void)state;
    for (now = FROM_C; now < CONVENTIONS; now++)
        for (unsigned i = 0; i < 4; i++)
            for (unsigned size = fast(now) ? lists[i].registers : lists[i].memory; size < 1024;
                 size += size < 1000 ? 23 : 1) {
                set_up_control(control_of(lists[i].code, size, lists[i].count, 0));
                assert_refused_unseen(fast(now) ? 3 : 4);
            }
    end_test();
}

static void variable_header_is_refused_where_the_call_takes_none(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 10; bit++) {
        assert_control_refused(control_of(0x7001, 1u << bit, 2, 0), 3);
        assert_control_refused(control_of(0x7001, 1u << bit, 2, 1), 3);
        assert_control_refused(control_of(0x7007, 1u << bit, 2, 1), 3);
        assert_control_refused(control_of(0x700C, 1u << bit, 0, 0), 3);
        assert_control_refused(control_of(0x0046, 1u << bit, 0, 0), 3);
    }
    assert_control_refused(control_of(0x7001, 0x3FF, 2, 1), 3);
    end_test();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_world)
        TEST(completed_call_reports_its_whole_count),
        TEST(start_index_skips_elements_but_counts_them),
        TEST(failing_element_ends_the_call_and_those_before_it_stand),
        TEST(failing_element_of_a_later_invocation_counts_from_the_list),
        TEST(budget_is_64_elements_unless_configured),
        TEST(budget_of_one_carries_out_one_element_at_a_time),
        TEST(budget_of_4095_carries_out_any_list_at_once),
        TEST(list_of_510_elements_takes_510_invocations_of_one),
        TEST(handler_that_yields_ends_the_invocation_after_its_element),
        TEST(yield_at_every_element_ends_every_invocation_after_one),
        TEST(yield_before_the_call_ends_it_once_after_its_first_element),
        TEST(yield_at_the_last_element_is_used_up_by_the_end_of_the_call),
        TEST(yield_of_a_vp_is_nothing_to_calls_from_c),
        TEST(yield_is_the_own_vps),
        TEST(pestering_thread_cannot_stop_progress),
        TEST(element_that_cannot_be_done_yet_comes_again),
        TEST(element_that_is_never_done_changes_nothing),
        TEST(everything_that_ends_an_invocation_does_so_in_one_call),
        TEST(filter_may_take_elements_from_the_budget_but_add_none),
        TEST(every_count_and_start_comes_back_in_its_own_bits),
        TEST(resumed_call_keeps_what_is_finished),
        TEST(late_start_keeps_what_lies_before_it),
        TEST(failed_call_writes_whole_chunks_of_what_was_completed),
        TEST(first_output_chunk_follows_the_whole_input),
        TEST(second_element_joins_the_first_in_its_chunk),
        TEST(kept_half_of_an_unknown_xmm_register_is_asked_for),
        TEST(kept_half_in_general_registers_is_there_already),
        TEST(lists_that_fill_a_page_are_carried_out),
        TEST(list_of_one_element_more_than_a_page_has_no_room),
        TEST(block_from_c_is_counted_whole_too),
        TEST(call_from_c_that_finds_no_room_is_to_be_made_again),
        TEST(list_is_counted_whole_whatever_this_invocation_does),
        TEST(addresses_are_judged_as_the_lists_begin),
        TEST(memory_is_read_anew_by_each_invocation),
        TEST(later_invocations_check_everything_again),
        TEST(input_is_of_the_one_moment_when_it_is_read),
        TEST(each_op_of_a_resumed_call_can_stop_it_with_nothing_changed),
        TEST(elements_whose_output_is_lost_stand),
        TEST(last_elements_whose_output_is_lost_complete_the_call),
        TEST(count_of_zero_is_refused),
        TEST(start_that_is_not_below_the_count_is_refused),
        TEST(simple_call_has_neither_count_nor_start),
        TEST(refused_call_has_completed_nothing_wherever_it_was_to_start),
        TEST(call_that_the_filter_refuses_has_completed_nothing),
        TEST(fast_call_larger_than_the_register_block_is_refused),
        TEST(register_output_is_refused_to_32_bit_callers),
        TEST(variable_header_lies_between_fixed_header_and_elements),
        TEST(variable_header_may_fill_what_the_page_has_left),
        TEST(simple_call_takes_a_variable_header_of_any_size_that_fits),
        TEST(simple_call_asks_to_be_repeated_with_nothing_changed),
        TEST(variable_header_too_large_is_refused_unseen),
        TEST(variable_header_is_refused_where_the_call_takes_none),
    };

    return cmocka_run_group_tests_name("reps", tests, NULL, NULL);
}
