/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Calls of the VMM's own: which descriptors are taken, how a call finds its handler among many,
 * what the handler sees, and what the filter and trace ops see of it. A call is made in every way a
 * caller has, from C, decoded by the VMM, and from the registers of 64-bit and 32-bit guests, and
 * the same is expected of all. */

#include "fake_vmm.h"
#include "internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/endian.h>

enum {
    NO_CODE = 0x02,
    BAD_INPUT = 0x03,
    MISALIGNED = 0x04,
    BAD_PARAMETER = 0x05,
    DENIED = 0x06,
    BAD_STATE = 0x07,
    OPERATION_DENIED = 0x08,
    NO_PARTITION = 0x0D,
    NOT_ACKNOWLEDGED = 0x14,
    ACKNOWLEDGED = 0x16,
    TIMEOUT = 0x78
};

#define REPS(reps)             ((uint64_t)(reps) << 32)
#define START(start)           ((uint64_t)(start) << 48)
#define VARIABLE_HEADER(words) ((uint64_t)(words) << 17)
#define FAST                   ((uint64_t)1 << 16)
#define ALL_OF_THEM            0xFFFFFFFFFFFFFFFF
#define ITSELF                 0xFFFFFFFFFFFFFFFF /* HV_PARTITION_ID_SELF */
#define PAGE                   0x1000

/* ---- The world: an instance with own calls, a guest that makes them, and its relatives ---- */

enum step_kind { FILTERED, HANDLED, TRACED };

struct step {
    enum step_kind kind;
    struct hvemu_invocation seen;
    uint16_t status, reps;   /* TRACED */
    int has_item, has_out;   /* HANDLED */
    uint8_t in[64], item[8]; /* the beginning of what there was, then zeros */
};

enum { STEPS = 256 };

static struct world {
    struct fake_vmm *vmm;
    struct hvemu *hv;
    uint64_t guest, child, grandchild, sibling;
    struct hvemu_vp *vp; /* the guest's */
    int guest_ctx, child_ctx;

    struct step log[STEPS];
    unsigned logged, handled, filtered, traced;

    /* What the handler does: `inside`, then fills its output whatever it answers, and answers
       `status` from element `failing` on. */
    uint16_t status;
    unsigned failing;
    void (*inside)(const struct hvemu_invocation *invocation, const void *in, const void *item,
                   void *out);
    int filter_answer;
} w;

static struct step *next_step(enum step_kind kind, const struct hvemu_invocation *seen)
{
    struct step *step = &w.log[w.logged < STEPS ? w.logged++ : STEPS - 1];

    memset(step, 0, sizeof *step);
    step->kind = kind;
    step->seen = *seen;
    return step;
}

static unsigned at_most(size_t bytes, unsigned most)
{
    return bytes < most ? (unsigned)bytes : most;
}

/* Byte k of what the handler puts out for element `index`. */
static uint8_t put_out(unsigned index, unsigned k)
{
    return (uint8_t)(0x80 + index * 0x11 + k);
}

static uint16_t spy(const struct hvemu_invocation *invocation, const void *in, const void *item,
                    void *out)
{
    const struct hvemu_descriptor *call = invocation->call;
    const unsigned bytes = call->form & HVEMU_REP ? call->out_each : call->out;
    struct step *step = next_step(HANDLED, invocation);
    uint8_t *to = out;

    w.handled++;
    step->has_item = item != NULL;
    step->has_out = out != NULL;
    if (invocation->header_bytes)
        memcpy(step->in, in, at_most(invocation->header_bytes, sizeof step->in));
    if (item)
        memcpy(step->item, item, at_most(call->in_each, sizeof step->item));
    for (unsigned k = 0; out && k < bytes; k++)
        assert_int_equal(to[k], 0);
    if (w.inside)
        w.inside(invocation, in, item, out);
    for (unsigned k = 0; out && k < bytes; k++)
        to[k] = put_out(invocation->index, k);
    return invocation->index >= w.failing ? w.status : 0;
}

/* For looking up: puts out the code of the descriptor that it was called by. */
static uint16_t tell_code(const struct hvemu_invocation *invocation, const void *in,
                          const void *item, void *out)
{
    (void)in, (void)item;
    w.handled++;
    le64enc(out, invocation->call->code);
    return 0;
}

static int watch(void *ctx, const struct hvemu_invocation *invocation)
{
    w.filtered++;
    assert_ptr_equal(ctx, invocation->ctx);
    next_step(FILTERED, invocation);
    return w.filter_answer;
}

static void trace(void *ctx, const struct hvemu_invocation *invocation, uint16_t status,
                  uint16_t reps)
{
    struct step *step = next_step(TRACED, invocation);

    w.traced++;
    assert_ptr_equal(ctx, invocation->ctx);
    step->status = status;
    step->reps = reps;
}

static void forget(void)
{
    w.logged = w.handled = w.filtered = w.traced = 0;
    fake_forget(w.vmm);
}

#define BASE      .size = sizeof(struct hvemu_descriptor), .name = "HvCallOfOurs", .handler = spy
#define OURS(...) ((struct hvemu_descriptor){BASE, __VA_ARGS__})

enum { HEADER = 0x7001, NOTHING = 0x7002, BIG = 0x7003, LIST = 0x7004, MUTE = 0x7005 };
enum {
    TO_CHILD = 0x7010,
    TO_SELF,
    TO_BOTH,
    TO_DEAD_CHILD,
    TO_DEAD_SELF,
    TO_BOTH_NEW,
    TO_CHILD_LIST
};
enum {
    OUT_LIST = 0x7018,
    PAGE_OUT,
    WITH_VARIABLE = 0x7020,
    LIST_WITH_VARIABLE,
    PRIVILEGED = 0x7030,
    EXTENDED = 0x8000
};

static const struct hvemu_descriptor our_calls[] = {
    {BASE, .code = HEADER, .in = 16, .out = 16},
    {BASE, .code = NOTHING},
    {BASE, .code = BIG, .in = 4096, .out = 4096},
    {BASE, .code = LIST, .form = HVEMU_REP, .in = 8, .in_each = 8, .out_each = 4},
    {BASE, .code = MUTE, .in = 8},
    {BASE, .code = TO_CHILD, .in = 8, .target = HVEMU_PARENT, .states = HVEMU_STATE_ACTIVE},
    {BASE, .code = TO_SELF, .in = 8, .target = HVEMU_SELF, .states = HVEMU_STATE_ACTIVE},
    {BASE, .code = TO_BOTH, .in = 8, .target = HVEMU_PARENT | HVEMU_SELF,
     .states = HVEMU_STATE_ACTIVE},
    {BASE, .code = TO_DEAD_CHILD, .in = 8, .target = HVEMU_PARENT,
     .states = HVEMU_STATE_FINALIZING | HVEMU_STATE_FINALIZED},
    {BASE, .code = TO_DEAD_SELF, .in = 8, .target = HVEMU_SELF, .states = HVEMU_STATE_FINALIZED},
    {BASE, .code = TO_BOTH_NEW, .in = 8, .target = HVEMU_PARENT | HVEMU_SELF,
     .states = HVEMU_STATE_UNINITIALIZED},
    {BASE, .code = TO_CHILD_LIST, .form = HVEMU_REP, .in = 8, .in_each = 8, .out_each = 8,
     .target = HVEMU_PARENT, .states = HVEMU_STATE_ACTIVE},
    {BASE, .code = OUT_LIST, .form = HVEMU_REP, .in = 4, .out_each = 4},
    {BASE, .code = PAGE_OUT, .in = 8, .out = 4096},
    {BASE, .code = WITH_VARIABLE, .form = HVEMU_VARIABLE, .in = 16, .out = 8},
    {BASE, .code = LIST_WITH_VARIABLE, .form = HVEMU_REP | HVEMU_VARIABLE, .in = 8, .in_each = 8},
    {BASE, .code = PRIVILEGED, .in = 8, .privilege = 0x0000003000000000},
    {BASE, .code = EXTENDED, .in = 8, .out = 8},
};
enum { OUR_CALLS = sizeof our_calls / sizeof *our_calls };

static struct hvemu_config our_config(void)
{
    return (struct hvemu_config){
        .size = sizeof(struct hvemu_config),
        .partitions = 20,
        .depth = 3,
        .features = 0x8010, /* XMM input and output */
        .privileges = 0x0000000700000060,
        .calls = 110,
    };
}

static struct hvemu_ops our_ops(void)
{
    struct hvemu_ops ops = fake_ops;

    ops.filter = watch;
    ops.trace = trace;
    return ops;
}

/* An instance without VPs and own calls. */
static void open_empty(const struct hvemu_config *config, const struct hvemu_ops *ops)
{
    memset(&w, 0, sizeof w);
    w.vmm = fake_new(config, ops);
    w.hv = w.vmm->hv;
}

/* Partitions, and the guest's VP 0: from here on nothing can be registered. */
static void populate(uint64_t privileges)
{
    const uint64_t root = hvemu_root(w.hv);

    assert_result(hvemu_add_guest(w.hv, root, privileges, &w.guest_ctx, &w.guest), HVEMU_OK);
    assert_result(hvemu_add_guest(w.hv, w.guest, ALL_OF_THEM, &w.child_ctx, &w.child), HVEMU_OK);
    assert_result(hvemu_add_guest(w.hv, w.child, ALL_OF_THEM, NULL, &w.grandchild), HVEMU_OK);
    assert_result(hvemu_add_guest(w.hv, root, ALL_OF_THEM, NULL, &w.sibling), HVEMU_OK);
    assert_result(hvemu_vp_attach(w.hv, w.guest, 0, NULL, &w.vp), HVEMU_OK);
    fake_enable_hypercalls(w.vp);
    forget();
}

static void open_with(const struct hvemu_config *config, const struct hvemu_ops *ops,
                      uint64_t privileges)
{
    open_empty(config, ops);
    for (unsigned i = 0; i < OUR_CALLS; i++)
        assert_result(hvemu_register(w.hv, &our_calls[i]), HVEMU_OK);
    populate(privileges);
}

static int open_world(void **state)
{
    const struct hvemu_config config = our_config();
    const struct hvemu_ops ops = our_ops();

    (void)state;
    open_with(&config, &ops, ALL_OF_THEM);
    return 0;
}

static int open_bare(void **state)
{
    const struct hvemu_config config = our_config();
    const struct hvemu_ops ops = our_ops();

    (void)state;
    open_empty(&config, &ops);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fake_free(w.vmm);
    return 0;
}

/* ---- The ways to make a call ---- */

enum way {
    FROM_C,
    EXECUTE_FAST,
    EXECUTE_MEMORY,
    WIDE_FAST,
    WIDE_MEMORY,
    NARROW_FAST,
    NARROW_MEMORY,
    WAYS
};
enum { IN = 0x1000, OUT = 0x2000 };

static const char *const way_names[WAYS] = {
    "from C",         "decoded, fast", "decoded, memory", "64-bit, fast",
    "64-bit, memory", "32-bit, fast",  "32-bit, memory",
};

static int is_fast(enum way way)
{
    return way == EXECUTE_FAST || way == WIDE_FAST || way == NARROW_FAST;
}

static int possible(enum way way, size_t in_bytes, size_t out_bytes)
{
    if (way == NARROW_FAST && out_bytes)
        return 0;
    return !is_fast(way) || (in_bytes + 15) / 16 * 16 + (out_bytes + 15) / 16 * 16 <= 112;
}

/* Goes on to the next way in which such lists can be handed over, if there is one. */
static int next_way(enum way *way, size_t in_bytes, size_t out_bytes)
{
    while (*way < WAYS && !possible(*way, in_bytes, out_bytes))
        (*way)++;
    return *way < WAYS;
}

struct reply {
    enum way way;
    enum hvemu_action action; /* REPEAT also for a C caller who is to call again */
    uint64_t result;          /* STEP */
    uint64_t control;         /* REPEAT: what to go on with, without fast bit */
    uint8_t out[PAGE];        /* 0x5A where nothing was written */
};

static struct reply reply; /* the last */

static void take_registers(const uint8_t *block, unsigned at, unsigned end, size_t in_bytes,
                           size_t out_bytes)
{
    const size_t out_at = (in_bytes + 15) / 16 * 16;

    for (; at < end; at++)
        if (at >= out_at && at - out_at < out_bytes)
            reply.out[at - out_at] = block[at];
}

static void make_from_c(uint64_t control, const void *in, size_t in_bytes, size_t out_bytes)
{
    const uint64_t result = hvemu_hypercall(w.hv, w.guest, control, in_bytes ? in : NULL, in_bytes,
                                            out_bytes ? reply.out : NULL, out_bytes);

    assert_u64(result & 0xFFFFF000FFFF0000, 0);
    reply.action = (uint16_t)result == TIMEOUT ? HVEMU_REPEAT : HVEMU_STEP;
    reply.result = result;
    reply.control = (control & 0xF000FFFFFFFFFFFF) | START(result >> 32);
}

static void put_lists(const void *in, size_t in_bytes)
{
    memset(w.vmm->ram + IN, 0xEE, PAGE);
    memset(w.vmm->ram + OUT, 0x5A, PAGE);
    if (in)
        memcpy(w.vmm->ram + IN, in, in_bytes);
}

static void execute(int fast, uint64_t control, const void *in, size_t in_bytes, size_t out_bytes)
{
    struct hvemu_call call;

    memset(&call, 0x5A, sizeof call);
    call.control = fast ? control | FAST : control;
    call.in_gpa = IN;
    call.out_gpa = OUT;
    if (fast && in)
        memcpy(call.fast, in, in_bytes);
    reply.action = hvemu_execute(w.vp, &call);
    reply.result = reply.action == HVEMU_STEP ? call.result : 0;
    assert_int_equal(call.executed, reply.action == HVEMU_STEP);
    if (call.executed)
        assert_int_equal(call.status, (uint16_t)call.result);
    reply.control = call.control & ~FAST;
    if (fast)
        take_registers(call.fast, call.written_at, call.written_at + (unsigned)call.written,
                       in_bytes, out_bytes);
}

static void execute_registers(int wide, int fast, uint64_t control, const void *in, size_t in_bytes,
                              size_t out_bytes)
{
    const uint64_t word = fast ? control | FAST : control;
    struct hvemu_x64_frame frame, before;
    uint8_t block[112];
    uint32_t changed, chunks = 0;

    memset(block, 0x5A, sizeof block);
    if (fast && in)
        memcpy(block, in, in_bytes);
    frame = wide ? fake_frame64(word, fast ? le64dec(block) : IN, fast ? le64dec(block + 8) : OUT)
                 : fake_frame32(word, fast ? le64dec(block) : IN, fast ? le64dec(block + 8) : OUT);
    for (unsigned i = 0; i < 6; i++) {
        frame.xmm[i][0] = le64dec(block + 16 + 16 * i);
        frame.xmm[i][1] = le64dec(block + 24 + 16 * i);
    }
    before = frame;
    reply.action = hvemu_x64_hypercall(w.vp, &frame);
    if (wide && fast && out_bytes)
        chunks = frame.changed & (HVEMU_X64_RDX | HVEMU_X64_R8 | HVEMU_X64_XMM);
    if (reply.action == HVEMU_STEP) {
        changed = wide ? HVEMU_X64_RAX : HVEMU_X64_RAX | HVEMU_X64_RDX;
        reply.result = wide ? frame.rax : frame.rdx << 32 | frame.rax;
    } else {
        reply.control = wide ? frame.rcx : frame.rdx << 32 | (uint32_t)frame.rax;
        changed = 0;
        if (reply.control != word)
            changed = wide ? HVEMU_X64_RCX : HVEMU_X64_RAX | HVEMU_X64_RDX;
        reply.control &= ~FAST;
    }
    assert_only_changed(&before, &frame, changed | chunks);
    le64enc(block, frame.rdx);
    le64enc(block + 8, frame.r8);
    for (unsigned i = 0; i < 6; i++) {
        le64enc(block + 16 + 16 * i, frame.xmm[i][0]);
        le64enc(block + 24 + 16 * i, frame.xmm[i][1]);
    }
    if (chunks & HVEMU_X64_RDX)
        take_registers(block, 0, 16, in_bytes, out_bytes);
    for (unsigned i = 0; i < 6; i++)
        if (chunks & (uint32_t)HVEMU_X64_XMM0 << i)
            take_registers(block, 16 + 16 * i, 32 + 16 * i, in_bytes, out_bytes);
}

/* Makes the call, with input and room for output of exactly these sizes. */
static void make(enum way way, uint64_t control, const void *in, size_t in_bytes, size_t out_bytes)
{
    const int fast = is_fast(way);

    memset(&reply, 0, sizeof reply);
    memset(reply.out, 0x5A, sizeof reply.out);
    reply.way = way;
    put_lists(in, in_bytes);
    if (way == FROM_C)
        make_from_c(control, in, in_bytes, out_bytes);
    else if (way == EXECUTE_FAST || way == EXECUTE_MEMORY)
        execute(fast, control, in, in_bytes, out_bytes);
    else
        execute_registers(way < NARROW_FAST, fast, control, in, in_bytes, out_bytes);
    if (way == EXECUTE_MEMORY || way == WIDE_MEMORY || way == NARROW_MEMORY)
        memcpy(reply.out, w.vmm->ram + OUT, PAGE);
    if (reply.action == HVEMU_REPEAT) /* bits 59:48 alone */
        assert_u64((reply.control ^ control) & 0xF000FFFFFFFFFFFF, 0);
}

static void check_action(enum hvemu_action want, int line)
{
    if (reply.action != want)
        print_error("%s: ", way_names[reply.way]);
    hvtest_action(reply.action, want, "the call", __FILE__, line);
}

static void check_done(uint64_t result, int line)
{
    check_action(HVEMU_STEP, line);
    if (reply.result != result)
        print_error("%s: ", way_names[reply.way]);
    hvtest_u64(reply.result, result, "the result", __FILE__, line);
}

static void check_repeat(unsigned start, int line)
{
    check_action(HVEMU_REPEAT, line);
    if ((reply.control >> 48 & 0xFFF) != start)
        print_error("%s: ", way_names[reply.way]);
    hvtest_u64(reply.control >> 48 & 0xFFF, start, "the next start index", __FILE__, line);
}

#define assert_done(result) check_done(result, __LINE__)
/* To be called again, from element `start`. */
#define assert_repeat(start) check_repeat(start, __LINE__)

static void assert_out_untouched(void)
{
    for (unsigned i = 0; i < PAGE; i++)
        assert_int_equal(reply.out[i], 0x5A);
}

/* Elements [from, to) of `each` bytes are there, nothing before and after; but in registers, chunks
   of 16 bytes are filled with zeros. */
static void assert_elements(enum way way, unsigned from, unsigned to, unsigned each)
{
    for (unsigned i = 0; i < from * each; i++)
        assert_int_equal(reply.out[i], 0x5A);
    for (unsigned index = from; index < to; index++)
        for (unsigned k = 0; k < each; k++)
            assert_int_equal(reply.out[index * each + k], put_out(index, k));
    if (!is_fast(way))
        for (unsigned i = to * each; i < PAGE; i++)
            assert_int_equal(reply.out[i], 0x5A);
}

/* A call without lists, from C. */
static uint16_t answer_of(uint16_t code)
{
    return (uint16_t)hvemu_hypercall(w.hv, hvemu_root(w.hv), code, NULL, 0, NULL, 0);
}

/* Input whose byte k is `first` + k. */
static const uint8_t *bytes_from(uint8_t first)
{
    static uint8_t bytes[PAGE];

    for (unsigned k = 0; k < PAGE; k++)
        bytes[k] = (uint8_t)(first + k);
    return bytes;
}

/* ---- Descriptors ---- */

static void null_is_no_instance_and_no_descriptor(void **state)
{
    const struct hvemu_descriptor call = OURS(.code = 0x7001);

    (void)state;
    assert_result(hvemu_register(NULL, &call), HVEMU_E_ARGUMENT);
    assert_result(hvemu_register(w.hv, NULL), HVEMU_E_ARGUMENT);
    assert_result(hvemu_register(NULL, NULL), HVEMU_E_ARGUMENT);
    assert_result(hvemu_unregister(NULL, 0x56), HVEMU_E_ARGUMENT);
    assert_status(answer_of(0x7001), NO_CODE);
}

#define SIZE       .size = sizeof(struct hvemu_descriptor)
#define NAMED      .name = "HvCallOfOurs"
#define HANDLED_BY .handler = spy, .code = 0x7001

static void a_wrong_descriptor_is_refused(void **state)
{
    static const struct {
        const char *why;
        struct hvemu_descriptor call;
    } wrong[] = {
        {"no name", {SIZE, HANDLED_BY}},
        {"no handler", {SIZE, NAMED, .code = 0x7001}},
        {"unknown form, bit 2", {BASE, .code = 0x7001, .form = 4}},
        {"unknown form beside a known one", {BASE, .code = 0x7001, .form = 5}},
        {"unknown form, bit 15", {BASE, .code = 0x7001, .form = 0x8000}},
        {"unknown target, bit 2",
         {BASE, .code = 0x7001, .in = 8, .target = 4, .states = HVEMU_STATE_ACTIVE}},
        {"unknown target beside a known one",
         {BASE, .code = 0x7001, .in = 8, .target = 5, .states = HVEMU_STATE_ACTIVE}},
        {"target 0x80, which only the library's own calls have",
         {BASE, .code = 0x7001, .in = 8, .target = 0x80, .states = HVEMU_STATE_ACTIVE}},
        {"target 0x81", {BASE, .code = 0x7001, .in = 8, .target = 0x81, .states = 4}},
        {"a target without input", {BASE, .code = 0x7001, .target = HVEMU_PARENT, .states = 4}},
        {"a target in 7 bytes", {BASE, .code = 0x7001, .in = 7, .target = HVEMU_SELF, .states = 4}},
        {"a target in an element",
         {BASE, .code = 0x7001, .form = HVEMU_REP, .in_each = 8, .target = HVEMU_SELF,
          .states = 4}},
        {"a target without states", {BASE, .code = 0x7001, .in = 8, .target = HVEMU_PARENT}},
        {"unknown state 0x01",
         {BASE, .code = 0x7001, .in = 8, .target = HVEMU_PARENT, .states = 0x05}},
        {"unknown state 0x20",
         {BASE, .code = 0x7001, .in = 8, .target = HVEMU_PARENT, .states = 0x24}},
        {"every state bit there is",
         {BASE, .code = 0x7001, .in = 8, .target = HVEMU_PARENT, .states = 0xFF}},
        {"input elements in a simple call", {BASE, .code = 0x7001, .in = 8, .in_each = 1}},
        {"output elements in a simple call", {BASE, .code = 0x7001, .in = 8, .out_each = 1}},
        {"elements in a simple call with variable header",
         {BASE, .code = 0x7001, .form = HVEMU_VARIABLE, .in_each = 8}},
        {"output beside elements",
         {BASE, .code = 0x7001, .form = HVEMU_REP, .in_each = 8, .out = 8}},
        {"output beside output elements",
         {BASE, .code = 0x7001, .form = HVEMU_REP, .out_each = 8, .out = 1}},
        {"12 bytes before elements",
         {BASE, .code = 0x7001, .form = HVEMU_REP, .in = 12, .in_each = 8}},
        {"1 byte before elements",
         {BASE, .code = 0x7001, .form = HVEMU_REP, .in = 1, .in_each = 1}},
        {"4 bytes before a variable header",
         {BASE, .code = 0x7001, .form = HVEMU_VARIABLE, .in = 4}},
        {"4 bytes before a variable header in a rep call",
         {BASE, .code = 0x7001, .form = HVEMU_REP | HVEMU_VARIABLE, .in = 4}},
        {"4097 bytes of input", {BASE, .code = 0x7001, .in = 4097}},
        {"65535 bytes of input", {BASE, .code = 0x7001, .in = 0xFFFF}},
        {"4097 bytes of output", {BASE, .code = 0x7001, .out = 4097}},
        {"65535 bytes of output", {BASE, .code = 0x7001, .out = 0xFFFF}},
        {"4097 bytes with one element",
         {BASE, .code = 0x7001, .form = HVEMU_REP, .in = 8, .in_each = 4089}},
        {"an element of 4097 bytes", {BASE, .code = 0x7001, .form = HVEMU_REP, .in_each = 4097}},
        {"header and element whose sum has 17 bits",
         {BASE, .code = 0x7001, .form = HVEMU_REP, .in = 8, .in_each = 0xFFF8}},
        {"a header of 4104 bytes before a variable one",
         {BASE, .code = 0x7001, .form = HVEMU_VARIABLE, .in = 4104}},
        {"an output element of 4097 bytes",
         {BASE, .code = 0x7001, .form = HVEMU_REP, .out_each = 4097}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const enum hvemu_result result = hvemu_register(w.hv, &wrong[i].call);

        if (result != HVEMU_E_ARGUMENT)
            print_error("%s: ", wrong[i].why);
        assert_result(result, HVEMU_E_ARGUMENT);
        assert_status(answer_of(0x7001), NO_CODE);
        assert_result(hvemu_unregister(w.hv, 0x7001), HVEMU_E_ARGUMENT);
    }
}

static void a_descriptor_at_a_limit_is_taken(void **state)
{
    static const struct {
        const char *what;
        struct hvemu_descriptor call;
    } right[] = {
        {"nothing at all", {BASE, .code = 0x7001}},
        {"code 0", {BASE, .code = 0}},
        {"code 0xFFFF", {BASE, .code = 0xFFFF}},
        {"a code that has a name but is not offered", {BASE, .code = 0x005C}},
        {"4096 bytes of input", {BASE, .code = 0x7001, .in = 4096}},
        {"4096 bytes of output", {BASE, .code = 0x7001, .out = 4096}},
        {"1 byte of each", {BASE, .code = 0x7001, .in = 1, .out = 1}},
        {"an odd header that ends a simple call", {BASE, .code = 0x7001, .in = 4093}},
        {"4096 bytes with one element",
         {BASE, .code = 0x7001, .form = HVEMU_REP, .in = 8, .in_each = 4088}},
        {"a page as element",
         {BASE, .code = 0x7001, .form = HVEMU_REP, .in_each = 4096, .out_each = 4096}},
        {"elements without bytes", {BASE, .code = 0x7001, .form = HVEMU_REP}},
        {"an odd header with nothing after it",
         {BASE, .code = 0x7001, .form = HVEMU_REP, .in = 4, .out_each = 1}},
        {"a full page before a variable header",
         {BASE, .code = 0x7001, .form = HVEMU_VARIABLE, .in = 4096}},
        {"no header before a variable one",
         {BASE, .code = 0x7001, .form = HVEMU_REP | HVEMU_VARIABLE, .in_each = 8}},
        {"both targets in all states",
         {BASE, .code = 0x7001, .in = 8, .target = HVEMU_PARENT | HVEMU_SELF, .states = 0x1E}},
        {"a target before an odd rest",
         {BASE, .code = 0x7001, .in = 9, .target = HVEMU_SELF, .states = HVEMU_STATE_FINALIZED}},
        {"states without target, which say nothing", {BASE, .code = 0x7001, .states = 0x1E}},
        {"every privilege", {BASE, .code = 0x7001, .privilege = ALL_OF_THEM}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        const enum hvemu_result result = hvemu_register(w.hv, &right[i].call);

        if (result != HVEMU_OK)
            print_error("%s: ", right[i].what);
        assert_result(result, HVEMU_OK);
        assert_result(hvemu_unregister(w.hv, right[i].call.code), HVEMU_OK);
    }
}

/* What a program compiled with a later release would hand in. */
struct later_descriptor {
    struct hvemu_descriptor first;
    uint8_t more[24];
};

static void descriptors_of_other_releases_are_judged_by_size(void **state)
{
    static union {
        struct later_descriptor later;
        uint8_t bytes[8192];
    } space;
    struct hvemu_descriptor *call = &space.later.first;

    (void)state;
    memset(&space, 0, sizeof space);
    *call = OURS(.code = 0x7001);
    for (size_t size = 0; size < sizeof *call; size++) {
        call->size = size;
        assert_result(hvemu_register(w.hv, call), HVEMU_E_VERSION);
    }
    call->size = 4097;
    assert_result(hvemu_register(w.hv, call), HVEMU_E_VERSION);
    call->size = SIZE_MAX;
    assert_result(hvemu_register(w.hv, call), HVEMU_E_VERSION);
    call->size = sizeof space.later;
    for (size_t i = 0; i < sizeof space.later.more; i++) {
        space.later.more[i] = 1;
        assert_result(hvemu_register(w.hv, call), HVEMU_E_VERSION);
        space.later.more[i] = 0;
    }
    for (size_t i = 0; i < sizeof call->reserved; i++) {
        call->reserved[i] = 1;
        assert_result(hvemu_register(w.hv, call), HVEMU_E_VERSION);
        call->reserved[i] = 0;
    }
    assert_status(answer_of(0x7001), NO_CODE);
    assert_result(hvemu_register(w.hv, call), HVEMU_OK);
    assert_status(answer_of(0x7001), 0);
    call->code = 0x7002;
    call->size = 4096;
    assert_result(hvemu_register(w.hv, call), HVEMU_OK);
    assert_status(answer_of(0x7002), 0);
}

static void a_descriptor_is_copied_but_its_name_is_kept(void **state)
{
    static const char name[] = "HvCallNamed";
    struct hvemu_descriptor call = OURS(.code = 0x7001, .in = 0, .out = 0);

    (void)state;
    call.name = name;
    assert_result(hvemu_register(w.hv, &call), HVEMU_OK);
    memset(&call, 0xFF, sizeof call);
    assert_status(answer_of(0x7001), 0);
    assert_int_equal(w.handled, 1);
    assert_ptr_not_equal(w.log[0].seen.call, &call);
    assert_ptr_equal(w.log[0].seen.call->name, name);
    assert_true(w.log[0].seen.call->handler == spy);
    assert_u64(w.log[0].seen.call->code, 0x7001);
}

static void a_code_has_one_call(void **state)
{
    static const uint16_t built_in[] = {0x40, 0x41, 0x42, 0x43, 0x46, 0x55, 0x56, 0x94};
    struct hvemu_descriptor call = OURS(.code = 0x7001);

    (void)state;
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++) {
        call.code = built_in[i];
        assert_result(hvemu_register(w.hv, &call), HVEMU_E_ARGUMENT);
    }
    for (uint16_t code = 0x7001; code < 0x7004; code++) {
        call.code = code;
        assert_result(hvemu_register(w.hv, &call), HVEMU_OK);
    }
    for (uint16_t code = 0x7001; code < 0x7004; code++) {
        call.code = code;
        assert_result(hvemu_register(w.hv, &call), HVEMU_E_ARGUMENT);
    }
    call.code = 0x7004;
    assert_result(hvemu_register(w.hv, &call), HVEMU_OK);
}

static void calls_are_limited_by_the_configuration(void **state)
{
    struct hvemu_descriptor call = OURS(.code = 0x7001);

    (void)state;
    for (uint32_t calls = 0; calls < 4; calls++) {
        struct hvemu_config config = our_config();

        config.calls = calls;
        open_empty(calls ? &config : NULL, NULL); /* by default there are none */
        for (uint32_t i = 0; i < calls; i++) {
            call.code = (uint16_t)(0x7100 - i);
            assert_result(hvemu_register(w.hv, &call), HVEMU_OK);
        }
        call.code = 0x7001;
        assert_result(hvemu_register(w.hv, &call), HVEMU_E_SPACE);
        assert_status(answer_of(0x7001), NO_CODE);
        /* A built-in that is withdrawn makes no room, an own call does. */
        assert_result(hvemu_unregister(w.hv, 0x46), HVEMU_OK);
        assert_result(hvemu_register(w.hv, &call), HVEMU_E_SPACE);
        if (calls) {
            assert_result(hvemu_unregister(w.hv, 0x7100), HVEMU_OK);
            assert_result(hvemu_register(w.hv, &call), HVEMU_OK);
            assert_status(answer_of(0x7001), 0);
            assert_status(answer_of(0x7100), NO_CODE);
        }
        fake_free(w.vmm);
    }
}

static void the_first_vp_closes_the_list_for_good(void **state)
{
    const struct hvemu_descriptor early = OURS(.code = 0x7001), late = OURS(.code = 0x7002);
    struct hvemu_vp *vp;

    (void)state;
    assert_result(hvemu_register(w.hv, &early), HVEMU_OK);
    /* Neither a partition nor a call from C does. */
    assert_result(hvemu_add_guest(w.hv, hvemu_root(w.hv), ALL_OF_THEM, NULL, &w.guest), HVEMU_OK);
    assert_status(answer_of(0x7001), 0);
    assert_result(hvemu_unregister(w.hv, 0x7001), HVEMU_OK);
    assert_result(hvemu_register(w.hv, &early), HVEMU_OK);
    /* Nor does a VP that was refused. */
    assert_result(hvemu_vp_attach(w.hv, 0x99, 0, NULL, &vp), HVEMU_E_PARTITION);
    assert_result(hvemu_vp_attach(w.hv, w.guest, 16, NULL, &vp), HVEMU_E_ARGUMENT);
    assert_result(hvemu_unregister(w.hv, 0x7001), HVEMU_OK);
    assert_result(hvemu_register(w.hv, &early), HVEMU_OK);

    assert_result(hvemu_vp_attach(w.hv, w.guest, 3, NULL, &vp), HVEMU_OK);
    for (int detached = 0; detached < 2; detached++) {
        assert_result(hvemu_register(w.hv, &late), HVEMU_E_BUSY);
        assert_result(hvemu_unregister(w.hv, 0x7001), HVEMU_E_BUSY);
        assert_result(hvemu_unregister(w.hv, 0x46), HVEMU_E_BUSY);
        assert_status(answer_of(0x7001), 0);
        assert_status(answer_of(0x7002), NO_CODE);
        assert_status(answer_of(0x46), BAD_PARAMETER); /* no room for output */
        if (!detached)
            assert_result(hvemu_vp_detach(vp), HVEMU_OK);
    }
}

/* Stands for another thread, while the try-lock is taken by whoever creates a partition. */
static void register_meanwhile(struct fake_vmm *vmm, const struct fake_event *event)
{
    const struct hvemu_descriptor call = OURS(.code = 0x7002);

    (void)vmm;
    if (event->op != FAKE_PARTITION)
        return;
    assert_result(hvemu_register(w.hv, &call), HVEMU_E_BUSY);
    assert_result(hvemu_unregister(w.hv, 0x7001), HVEMU_E_BUSY);
    assert_result(hvemu_unregister(w.hv, 0x46), HVEMU_E_BUSY);
}

static void the_try_lock_is_found_taken(void **state)
{
    const struct hvemu_descriptor call = OURS(.code = 0x7001);
    uint64_t id;

    (void)state;
    assert_result(hvemu_register(w.hv, &call), HVEMU_OK);
    w.vmm->reenter = register_meanwhile;
    assert_status(fake_create(w.vmm, hvemu_root(w.hv), &id), 0);
    w.vmm->reenter = NULL;
    assert_int_equal(w.vmm->count[FAKE_PARTITION], 1);
    assert_status(answer_of(0x7001), 0);
    assert_status(answer_of(0x7002), NO_CODE);
    assert_status(answer_of(0x46), BAD_PARAMETER);
    /* It was given back every time, refused or not. */
    assert_result(hvemu_register(w.hv, &call), HVEMU_E_ARGUMENT);
    assert_result(hvemu_unregister(w.hv, 0x7099), HVEMU_E_ARGUMENT);
    assert_result(hvemu_unregister(w.hv, 0x7001), HVEMU_OK);
    assert_result(hvemu_register(w.hv, &call), HVEMU_OK);
}

/* ---- Finding a call among many ---- */

static const struct hvemu_descriptor telling = {SIZE, .name = "HvCallTelling", .handler = tell_code,
                                                .out = 8};

static void add_telling(uint16_t code)
{
    struct hvemu_descriptor call = telling;

    call.code = code;
    assert_result(hvemu_register(w.hv, &call), HVEMU_OK);
}

static uint16_t ask(uint16_t code)
{
    uint8_t out[8] = {0};
    const unsigned handled = w.handled;
    const uint16_t status =
        (uint16_t)hvemu_hypercall(w.hv, hvemu_root(w.hv), code, NULL, 0, out, sizeof out);

    assert_u64(le64dec(out), status ? 0 : code);
    assert_int_equal(w.handled - handled, status ? 0 : 1);
    return status;
}

/* Codes that lie far apart and close together, the lowest and the highest among them. */
static uint16_t nth_code(unsigned n)
{
    static const uint16_t first[] = {0x7FFF, 0x0000, 0xFFFF, 0x8000,
                                     0x8001, 0x006D, 0x0057, 0x0093};

    return n < 8 ? first[n] : (uint16_t)(n % 2 ? 0x0200 + 3 * n : 0xF000 - 5 * n);
}

static void calls_are_found_in_any_order_of_registration(void **state)
{
    static const unsigned counts[] = {1, 2, 3, 4, 7, 8, 9, 100};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        const unsigned n = counts[i];

        for (int order = 0; order < 3; order++) {
            const struct hvemu_config config = our_config();

            open_empty(&config, NULL);
            for (unsigned k = 0; k < n; k++)
                add_telling(nth_code(order == 0 ? k : order == 1 ? n - 1 - k : (k * 37 + 11) % n));
            for (unsigned k = 0; k < n; k++) {
                const uint16_t code = nth_code(k);
                unsigned below = 0, above = 0;

                assert_status(ask(code), 0);
                for (unsigned other = 0; other < n; other++) {
                    below |= nth_code(other) == (uint16_t)(code - 1);
                    above |= nth_code(other) == (uint16_t)(code + 1);
                }
                if (!below && code != 0x0000 && code != 0x0057)
                    assert_status(ask((uint16_t)(code - 1)), NO_CODE);
                if (!above && code != 0xFFFF && code != 0x006D && code != 0x0093)
                    assert_status(ask((uint16_t)(code + 1)), NO_CODE);
            }
            fake_free(w.vmm);
        }
    }
}

static void every_code_but_the_built_ins_can_be_ones_own(void **state)
{
    struct hvemu_config config = our_config();
    struct hvemu_descriptor call = telling;
    unsigned taken = 0;

    (void)state;
    config.calls = 0xFFFF;
    open_empty(&config, NULL);
    for (uint32_t code = 0; code < 0x10000; code++) {
        call.code = (uint16_t)code;
        taken += hvemu_register(w.hv, &call) == HVEMU_OK;
    }
    assert_int_equal(taken, 0x10000 - 32);
    for (uint32_t code = 0x95; code < 0x10000; code += 7)
        assert_status(ask((uint16_t)code), 0);
    assert_status(ask(0xFFFF), 0);
    assert_status(ask(0x0000), 0);
    fake_free(w.vmm);
}

static void the_decoder_knows_the_calls_of_the_instance_it_is_given(void **state)
{
    const struct hvemu_descriptor call = OURS(.code = HEADER, .in = 16, .out = 16);
    struct hvemu_x64_frame own = fake_frame64(HEADER, IN, OUT);
    struct hvemu_x64_frame built_in = fake_frame64(0x10056, 1, 2);
    struct hvemu_call decoded;

    (void)state;
    assert_result(hvemu_register(w.hv, &call), HVEMU_OK);
    assert_action(hvemu_x64_decode(w.hv, &own, 0x8010, &decoded), HVEMU_STEP);
    assert_status(decoded.status, 0);
    assert_int_equal(decoded.in_bytes, 16);
    assert_int_equal(decoded.out_bytes, 16);
    assert_action(hvemu_x64_decode(NULL, &own, 0x8010, &decoded), HVEMU_STEP);
    assert_status(decoded.status, NO_CODE);

    assert_result(hvemu_unregister(w.hv, 0x0056), HVEMU_OK);
    assert_action(hvemu_x64_decode(w.hv, &built_in, 0x8010, &decoded), HVEMU_STEP);
    assert_status(decoded.status, NO_CODE);
    assert_action(hvemu_x64_decode(NULL, &built_in, 0x8010, &decoded), HVEMU_STEP);
    assert_status(decoded.status, 0);
}

static void ones_own_calls_have_the_names_they_were_given(void **state)
{
    struct hvemu_descriptor call = OURS(.code = HEADER);

    (void)state;
    assert_result(hvemu_register(w.hv, &call), HVEMU_OK);
    assert_string_equal(hvemu_call_name(w.hv, HEADER), "HvCallOfOurs");
    assert_string_not_equal(hvemu_call_name(NULL, HEADER), "HvCallOfOurs");
    /* A code has its name in the specification until it is one's own. */
    assert_result(hvemu_unregister(w.hv, 0x0056), HVEMU_OK);
    assert_string_equal(hvemu_call_name(w.hv, 0x0056), "HvCallClearVirtualInterrupt");
    call.code = 0x0056;
    assert_result(hvemu_register(w.hv, &call), HVEMU_OK);
    assert_string_equal(hvemu_call_name(w.hv, 0x0056), "HvCallOfOurs");
    assert_string_equal(hvemu_call_name(NULL, 0x0056), "HvCallClearVirtualInterrupt");
    assert_string_equal(hvemu_call_name(w.hv, 0x0042), "HvCallFinalizePartition");
    assert_string_equal(hvemu_call_name(w.hv, 0x005C), "HvCallPostMessage");
}

/* ---- Taking calls away ---- */

static void what_does_not_exist_cannot_be_taken_away(void **state)
{
    (void)state;
    assert_result(hvemu_unregister(w.hv, 0x0000), HVEMU_E_ARGUMENT);
    assert_result(hvemu_unregister(w.hv, 0x7001), HVEMU_E_ARGUMENT);
    assert_result(hvemu_unregister(w.hv, 0x005C), HVEMU_E_ARGUMENT); /* named, not offered */
    assert_result(hvemu_unregister(w.hv, 0xFFFF), HVEMU_E_ARGUMENT);
    add_telling(0x7001);
    assert_result(hvemu_unregister(w.hv, 0x7001), HVEMU_OK);
    assert_result(hvemu_unregister(w.hv, 0x7001), HVEMU_E_ARGUMENT);
    assert_result(hvemu_unregister(w.hv, 0x0056), HVEMU_OK);
    assert_result(hvemu_unregister(w.hv, 0x0056), HVEMU_E_ARGUMENT);
}

static void any_one_of_many_can_be_taken_away_and_put_back(void **state)
{
    enum { MANY = 9 };

    (void)state;
    for (uint16_t i = 0; i < MANY; i++)
        add_telling((uint16_t)(0x7001 + 2 * i));
    for (uint16_t gone = 0; gone < MANY; gone++) {
        assert_result(hvemu_unregister(w.hv, (uint16_t)(0x7001 + 2 * gone)), HVEMU_OK);
        for (uint16_t i = 0; i < MANY; i++)
            assert_status(ask((uint16_t)(0x7001 + 2 * i)), i == gone ? NO_CODE : 0);
        add_telling((uint16_t)(0x7001 + 2 * gone));
        for (uint16_t i = 0; i < MANY; i++)
            assert_status(ask((uint16_t)(0x7001 + 2 * i)), 0);
    }
    for (uint16_t i = 0; i < MANY; i++) {
        assert_result(hvemu_unregister(w.hv, (uint16_t)(0x7001 + 2 * (MANY - 1 - i))), HVEMU_OK);
        for (uint16_t k = 0; k < MANY; k++)
            assert_status(ask((uint16_t)(0x7001 + 2 * k)), k >= MANY - 1 - i ? NO_CODE : 0);
    }
}

/* Codes that the table of own calls would have at the same place, its last one, and at the two
 * after that, which are its first: one block without a gap, in which nearly all lie elsewhere than
 * they would. The last of each place is never registered. */
enum { AT_LAST = 5, AT_FIRST = 3, AT_SECOND = 3, CROWD = AT_LAST + AT_FIRST + AT_SECOND };

static unsigned at_place(uint32_t place, uint16_t *codes, unsigned count)
{
    unsigned found = 0;

    for (uint32_t code = HVEMU__CODES; code < 0x10000 && found < count; code++)
        if (hvemu__place(w.hv, (uint16_t)code) == place)
            codes[found++] = (uint16_t)code;
    return found;
}

static void find_crowd(uint16_t codes[CROWD])
{
    assert_int_equal(at_place(w.hv->place_mask, codes, AT_LAST), AT_LAST);
    assert_int_equal(at_place(0, codes + AT_LAST, AT_FIRST), AT_FIRST);
    assert_int_equal(at_place(1, codes + AT_LAST + AT_FIRST, AT_SECOND), AT_SECOND);
}

static int never_registered(unsigned member)
{
    return member == AT_LAST - 1 || member == AT_LAST + AT_FIRST - 1 || member == CROWD - 1;
}

static uint16_t note_code(const struct hvemu_invocation *invocation, const void *in,
                          const void *item, void *out)
{
    (void)in, (void)item, (void)out;
    assert_int_equal(invocation->call->code, (uint16_t)invocation->control);
    w.handled++;
    return 0;
}

static void assert_crowd(const uint16_t codes[CROWD], unsigned gone)
{
    for (unsigned i = 0; i < CROWD; i++) {
        const int there = i != gone && !never_registered(i);

        assert_int_equal(!strcmp(hvemu_call_name(w.hv, codes[i]), "HvCallNoting"), there);
        for (enum way way = FROM_C; next_way(&way, 0, 0); way++) {
            w.handled = 0;
            make(way, codes[i], NULL, 0, 0);
            assert_done(there ? 0 : NO_CODE);
            assert_int_equal(w.handled, there);
        }
    }
}

static void calls_that_share_a_place_are_found_whichever_is_taken_away(void **state)
{
    const struct hvemu_config config = our_config();
    struct hvemu_descriptor call = {SIZE, .name = "HvCallNoting", .handler = note_code};
    uint16_t codes[CROWD];

    (void)state;
    for (unsigned first = 0; first < CROWD; first++)
        for (unsigned gone = 0; gone <= CROWD; gone++) {
            open_empty(&config, NULL);
            find_crowd(codes);
            for (unsigned i = first; i < first + CROWD; i++) {
                call.code = codes[i % CROWD];
                if (!never_registered(i % CROWD))
                    assert_result(hvemu_register(w.hv, &call), HVEMU_OK);
            }
            if (gone < CROWD)
                assert_result(hvemu_unregister(w.hv, codes[gone]),
                              never_registered(gone) ? HVEMU_E_ARGUMENT : HVEMU_OK);
            populate(ALL_OF_THEM);
            assert_crowd(codes, gone);
            fake_free(w.vmm);
        }
}

static void a_withdrawn_built_in_is_unknown_in_every_way(void **state)
{
    static const uint16_t codes[] = {0x40, 0x41, 0x42, 0x43, 0x46, 0x55, 0x56, 0x94};
    enum { CODES = sizeof codes / sizeof *codes };

    (void)state;
    for (unsigned gone = 0; gone < CODES; gone++) {
        const struct hvemu_config config = our_config();
        const struct hvemu_ops ops = our_ops();

        open_empty(&config, &ops);
        assert_result(hvemu_unregister(w.hv, codes[gone]), HVEMU_OK);
        populate(0x0000000000000060); /* lacks what the calls need: no DENIED gives it away */
        for (enum way way = FROM_C; next_way(&way, 8, 0); way++) {
            for (unsigned i = 0; i < CODES; i++) {
                make(way, codes[i], bytes_from(1), 8, 0);
                assert_done(i == gone ? NO_CODE : DENIED);
            }
        }
        assert_int_equal(w.filtered + w.traced, 0);
        fake_free(w.vmm);
    }
}

static void the_c_forms_that_name_a_withdrawn_call_still_work(void **state)
{
    struct hvemu_vp *vp;
    uint8_t vector = 0;

    (void)state;
    assert_result(hvemu_unregister(w.hv, 0x0056), HVEMU_OK);
    assert_result(hvemu_unregister(w.hv, 0x0094), HVEMU_OK);
    assert_result(hvemu_unregister(w.hv, 0x0055), HVEMU_OK);
    populate(ALL_OF_THEM);
    assert_result(hvemu_vp_attach(w.hv, w.child, 0, NULL, &vp), HVEMU_OK);
    assert_status(hvemu_assert_virtual_interrupt(w.hv, w.guest, w.child, 7, 0, 0x31), 0);
    assert_result(hvemu_ext_int_acknowledge(vp, &vector), HVEMU_OK);
    assert_int_equal(vector, 0x31);
    assert_status(fake_call_on(w.vmm, w.guest, 0x0056, w.child), NO_CODE);
    assert_status(hvemu_assert_virtual_interrupt(w.hv, w.guest, w.child, 7, 0, 0x32), ACKNOWLEDGED);
    assert_status(hvemu_clear_virtual_interrupt(w.hv, w.guest, w.child), 0);
    assert_status(hvemu_clear_virtual_interrupt(w.hv, w.guest, w.child), NOT_ACKNOWLEDGED);
}

static void ones_own_call_takes_a_withdrawn_ones_place(void **state)
{
    struct hvemu_descriptor call = OURS(.code = 0x0056, .in = 24, .out = 8);

    (void)state;
    add_telling(0x0055 + 0x100);
    add_telling(0x0001);
    assert_result(hvemu_unregister(w.hv, 0x0056), HVEMU_OK);
    assert_result(hvemu_register(w.hv, &call), HVEMU_OK);
    assert_result(hvemu_register(w.hv, &call), HVEMU_E_ARGUMENT);
    /* Taken away and put back once more: it is still one's own. */
    assert_result(hvemu_unregister(w.hv, 0x0056), HVEMU_OK);
    assert_status(answer_of(0x0056), NO_CODE);
    assert_result(hvemu_register(w.hv, &call), HVEMU_OK);
    populate(0x0000000000000060); /* the built-in would need CreatePartitions */
    for (enum way way = FROM_C; next_way(&way, 24, 8); way++) {
        forget();
        make(way, 0x0056, bytes_from(0x11), 24, 8);
        assert_done(0);
        assert_int_equal(w.handled, 1);
        assert_memory_equal(w.log[1].in, bytes_from(0x11), 24);
        assert_ptr_equal(w.log[1].seen.call->name, call.name);
        assert_elements(way, 0, 1, 8);
    }
    /* Its neighbours are what they were. */
    assert_status(fake_call_on(w.vmm, w.guest, 0x0043, w.child), DENIED);
    assert_status(hvemu_clear_virtual_interrupt(w.hv, hvemu_root(w.hv), w.guest), NOT_ACKNOWLEDGED);
}

/* ---- What the handler sees ---- */

static const struct step *handled_step(unsigned n)
{
    for (unsigned i = 0; i < w.logged; i++)
        if (w.log[i].kind == HANDLED && n-- == 0)
            return &w.log[i];
    fail_msg("the handler was not called often enough");
    return NULL;
}

static void assert_seen(const struct step *step, enum way way, uint64_t control, uint64_t target,
                        unsigned header_bytes, unsigned index)
{
    const struct hvemu_invocation *seen = &step->seen;

    assert_ptr_equal(seen->hv, w.hv);
    assert_u64(seen->call->code, control & 0xFFFF);
    assert_ptr_equal(seen->vp, way == FROM_C ? NULL : w.vp);
    assert_ptr_equal(seen->ctx, &w.guest_ctx);
    assert_u64(seen->caller, w.guest);
    assert_u64(seen->target, target);
    assert_u64(seen->control, is_fast(way) ? control | FAST : control);
    assert_int_equal(seen->header_bytes, header_bytes);
    assert_int_equal(seen->index, index);
}

static void a_simple_call_sees_who_calls_and_what(void **state)
{
    const uint8_t *in = bytes_from(0x31);

    (void)state;
    for (enum way way = FROM_C; next_way(&way, 16, 16); way++) {
        forget();
        make(way, HEADER, in, 16, 16);
        assert_done(0);
        assert_int_equal(w.handled, 1);
        for (unsigned i = 0; i < 3; i++) /* filter and trace see the same */
            assert_seen(&w.log[i], way, HEADER, 0, 16, 0);
        assert_false(handled_step(0)->has_item);
        assert_true(handled_step(0)->has_out);
        assert_memory_equal(handled_step(0)->in, in, 16);
        assert_elements(way, 0, 1, 16);
    }
}

static void a_call_without_lists_has_none(void **state)
{
    (void)state;
    for (enum way way = FROM_C; next_way(&way, 0, 0); way++) {
        forget();
        make(way, NOTHING, NULL, 0, 0);
        assert_done(0);
        assert_seen(handled_step(0), way, NOTHING, 0, 0, 0);
        assert_false(handled_step(0)->has_item);
        assert_false(handled_step(0)->has_out);
        assert_out_untouched();
        make(way, MUTE, bytes_from(1), 8, 0);
        assert_done(0);
        assert_false(handled_step(1)->has_out);
        assert_int_equal(w.vmm->count[FAKE_GPA_WRITE] + w.vmm->count[FAKE_GPA_WRITABLE], 0);
    }
}

static void a_rep_call_sees_each_element_with_the_header(void **state)
{
    const uint64_t control = LIST | REPS(5) | START(1);
    const uint8_t *in = bytes_from(0x41);

    (void)state;
    for (enum way way = FROM_C; next_way(&way, 48, 20); way++) {
        forget();
        make(way, control, in, 48, 20);
        assert_done(REPS(5));
        assert_int_equal(w.handled, 4);
        for (unsigned i = 0; i < 4; i++) {
            assert_seen(handled_step(i), way, control, 0, 8, 1 + i);
            assert_true(handled_step(i)->has_item);
            assert_true(handled_step(i)->has_out);
            assert_memory_equal(handled_step(i)->in, in, 8);
            assert_memory_equal(handled_step(i)->item, in + 16 + 8 * i, 8);
        }
        if (!is_fast(way))
            assert_elements(way, 1, 5, 4);
    }
}

static void elements_may_have_output_alone(void **state)
{
    const uint8_t *in = bytes_from(0x41);

    (void)state;
    for (enum way way = FROM_C; next_way(&way, 4, 20); way++) {
        forget();
        make(way, OUT_LIST | REPS(5), in, 4, 20);
        assert_done(REPS(5));
        for (unsigned i = 0; i < 5; i++) {
            assert_seen(handled_step(i), way, OUT_LIST | REPS(5), 0, 4, i);
            assert_false(handled_step(i)->has_item);
            assert_true(handled_step(i)->has_out);
            assert_memory_equal(handled_step(i)->in, in, 4);
        }
        assert_elements(way, 0, 5, 4);
    }
}

static void elements_may_have_input_alone(void **state)
{
    (void)state;
    for (enum way way = FROM_C; next_way(&way, 40, 0); way++) {
        forget();
        make(way, LIST_WITH_VARIABLE | REPS(4), bytes_from(0x41), 40, 0);
        assert_done(REPS(4));
        for (unsigned i = 0; i < 4; i++) {
            assert_true(handled_step(i)->has_item);
            assert_false(handled_step(i)->has_out);
        }
        assert_out_untouched();
        assert_int_equal(w.vmm->count[FAKE_GPA_WRITABLE] + w.vmm->count[FAKE_GPA_WRITE], 0);
    }
}

static void a_variable_header_belongs_to_the_header(void **state)
{
    const uint8_t *in = bytes_from(0x51);

    (void)state;
    for (unsigned words = 0; words < 11; words++) {
        const uint64_t simple = WITH_VARIABLE | VARIABLE_HEADER(words);
        const uint64_t list = LIST_WITH_VARIABLE | VARIABLE_HEADER(words) | REPS(2);

        for (enum way way = FROM_C; next_way(&way, 16 + 8 * words, 8); way++) {
            forget();
            make(way, simple, in, 16 + 8 * words, 8);
            assert_done(0);
            assert_seen(handled_step(0), way, simple, 0, 16 + 8 * words, 0);
            assert_memory_equal(handled_step(0)->in, in, at_most(16 + 8 * words, 64));
        }
        for (enum way way = FROM_C; next_way(&way, 24 + 8 * words, 0); way++) {
            forget();
            make(way, list, in, 24 + 8 * words, 0);
            assert_done(REPS(2));
            assert_seen(handled_step(1), way, list, 0, 8 + 8 * words, 1);
            assert_memory_equal(handled_step(1)->in, in, at_most(8 + 8 * words, 64));
            assert_memory_equal(handled_step(1)->item, in + 16 + 8 * words, 8);
        }
    }
}

static void a_code_above_0x8000_is_like_any_other(void **state)
{
    (void)state;
    for (enum way way = FROM_C; next_way(&way, 8, 8); way++) {
        forget();
        make(way, EXTENDED, bytes_from(0x61), 8, 8);
        assert_done(0);
        assert_seen(handled_step(0), way, EXTENDED, 0, 8, 0);
        assert_elements(way, 0, 1, 8);
        make(way, EXTENDED - 1, bytes_from(0x61), 8, 8);
        assert_done(NO_CODE);
        make(way, EXTENDED + 1, bytes_from(0x61), 8, 8);
        assert_done(NO_CODE);
    }
}

static void from_c_the_fast_bit_says_nothing(void **state)
{
    uint8_t out[16];

    (void)state;
    assert_u64(hvemu_hypercall(w.hv, w.guest, HEADER | FAST, bytes_from(9), 16, out, 16), 0);
    assert_seen(handled_step(0), FROM_C, HEADER, 0, 16, 0);
}

static void each_callers_context_is_its_own(void **state)
{
    uint8_t out[16];

    (void)state;
    assert_u64(hvemu_hypercall(w.hv, w.child, HEADER, bytes_from(9), 16, out, 16), 0);
    assert_int_equal(w.logged, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_ptr_equal(w.log[i].seen.ctx, &w.child_ctx);
        assert_u64(w.log[i].seen.caller, w.child);
    }
    forget();
    /* A child as target does not change whose context it is. */
    assert_status(fake_call_on(w.vmm, w.guest, TO_CHILD, w.child), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_ptr_equal(w.log[i].seen.ctx, &w.guest_ctx);
        assert_u64(w.log[i].seen.target, w.child);
    }
    forget();
    assert_status(fake_call_on(w.vmm, w.sibling, NOTHING, 0), 0);
    assert_ptr_equal(w.log[0].seen.ctx, NULL);
    forget();
    assert_status(fake_call_on(w.vmm, hvemu_root(w.hv), NOTHING, 0), 0);
    assert_ptr_equal(w.log[0].seen.ctx, w.vmm);
}

/* ---- Privilege and target ---- */

static void a_caller_needs_every_privilege_of_the_call(void **state)
{
    static const uint64_t lacking[] = {0, 0x0000001000000000, 0x0000002000000000,
                                       ~(uint64_t)0x0000003000000000, ~(uint64_t)0x1000000000};
    static const uint64_t having[] = {0x0000003000000000, ALL_OF_THEM};
    const struct hvemu_config config = our_config();
    const struct hvemu_ops ops = our_ops();

    (void)state;
    for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++) {
        open_with(&config, &ops, lacking[i] | 0x60);
        for (enum way way = FROM_C; next_way(&way, 8, 0); way++) {
            make(way, PRIVILEGED, bytes_from(1), 8, 0);
            assert_done(DENIED);
            make(way, PRIVILEGED | REPS(3) | 0x80000000, bytes_from(1), 8, 0);
            assert_done(DENIED); /* which comes before what is wrong with the rest */
            make(way, MUTE, bytes_from(1), 8, 0);
            assert_done(0);
        }
        assert_int_equal(w.handled, WAYS);
        assert_int_equal(w.filtered, WAYS);
        assert_int_equal(w.traced, WAYS);
        fake_free(w.vmm);
    }
    for (size_t i = 0; i < sizeof having / sizeof *having; i++) {
        open_with(&config, &ops, having[i] | 0x60);
        for (enum way way = FROM_C; next_way(&way, 8, 0); way++) {
            make(way, PRIVILEGED, bytes_from(1), 8, 0);
            assert_done(0);
        }
        assert_int_equal(w.handled, WAYS);
        fake_free(w.vmm);
    }
}

enum { IDS = 12 };

static void name_partitions(uint64_t ids[IDS])
{
    uint64_t uninitialized, finalizing, finalized;
    struct hvemu_vp *vp;

    assert_status(fake_create(w.vmm, w.guest, &uninitialized), 0);
    finalizing = fake_child(w.vmm, w.guest);
    assert_result(hvemu_vp_attach(w.hv, finalizing, 0, NULL, &vp), HVEMU_OK);
    assert_status(fake_call_on(w.vmm, w.guest, 0x0042, finalizing), TIMEOUT);
    finalized = fake_child(w.vmm, w.guest);
    assert_status(fake_call_on(w.vmm, w.guest, 0x0042, finalized), 0);
    memcpy(ids,
           (const uint64_t[IDS]){w.guest, ITSELF, w.child, w.grandchild, w.sibling,
                                 hvemu_root(w.hv), 0, w.child + 0x1000000, 0x63, uninitialized,
                                 finalizing, finalized},
           IDS * sizeof *ids);
}

static void a_target_is_judged_by_the_rule_of_the_call(void **state)
{
    enum { OK = 0, D = DENIED, S = BAD_STATE, P = NO_PARTITION };
    static const struct {
        uint16_t code;
        uint16_t want[IDS]; /* own ID, SELF, child, grandchild, sibling, root, 0, later, beyond,
                               uninitialized, finalizing, finalized child */
    } rows[] = {
        {TO_CHILD, {D, D, OK, D, D, D, P, P, P, S, S, S}},
        {TO_SELF, {OK, OK, D, D, D, D, P, P, P, D, D, D}},
        {TO_BOTH, {OK, OK, OK, D, D, D, P, P, P, S, S, S}},
        {TO_DEAD_CHILD, {D, D, S, D, D, D, P, P, P, S, OK, OK}},
        {TO_DEAD_SELF, {S, S, D, D, D, D, P, P, P, D, D, D}},
        {TO_BOTH_NEW, {S, S, S, D, D, D, P, P, P, OK, S, S}},
    };
    uint64_t ids[IDS];
    uint8_t in[8];

    (void)state;
    name_partitions(ids);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (unsigned id = 0; id < IDS; id++) {
            const uint64_t target = ids[id] == ITSELF ? w.guest : ids[id];

            le64enc(in, ids[id]);
            for (enum way way = FROM_C; next_way(&way, 8, 0); way++) {
                forget();
                make(way, rows[i].code, in, 8, 0);
                if (reply.result != rows[i].want[id])
                    print_error("0x%04x of partition %u: ", rows[i].code, id);
                assert_done(rows[i].want[id]);
                if (rows[i].want[id] == OK) {
                    assert_int_equal(w.logged, 3);
                    for (unsigned k = 0; k < 3; k++)
                        assert_seen(&w.log[k], way, rows[i].code, target, 8, 0);
                    assert_memory_equal(handled_step(0)->in, in, 8); /* as the caller wrote it */
                } else
                    assert_int_equal(w.logged, 0); /* nobody hears of it */
            }
        }
    }
}

static void a_call_that_asks_for_no_privilege_needs_none_on_a_child(void **state)
{
    uint8_t set[24] = {0}, in[8];
    uint64_t child;

    (void)state;
    assert_status(fake_create(w.vmm, w.guest, &child), 0);
    le64enc(set, w.guest);
    le32enc(set + 8, HvPartitionPropertyPrivilegeFlags);
    le64enc(set + 16, HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS);
    *fake_property(w.vmm, w.guest, HvPartitionPropertyPrivilegeFlags) = 0;
    assert_u64(hvemu_hypercall(w.hv, hvemu_root(w.hv), 0x0045, set, sizeof set, NULL, 0), 0);
    assert_status(fake_create(w.vmm, w.guest, &child), DENIED);
    le64enc(in, child);
    for (enum way way = FROM_C; next_way(&way, 8, 0); way++) {
        make(way, TO_BOTH_NEW, in, 8, 0);
        assert_done(0);
    }
}

static void a_rep_call_with_a_wrong_target_has_done_nothing(void **state)
{
    uint8_t in[40] = {0};

    (void)state;
    for (enum way way = FROM_C; next_way(&way, 40, 32); way++) {
        forget();
        le64enc(in, w.sibling);
        make(way, TO_CHILD_LIST | REPS(4) | START(2), in, 40, 32);
        assert_done(DENIED); /* reps 0, whatever the start index */
        assert_int_equal(w.logged, 0);
        assert_out_untouched();
        le64enc(in, w.child);
        make(way, TO_CHILD_LIST | REPS(4) | START(2), in, 40, 32);
        assert_done(REPS(4));
        assert_seen(handled_step(1), way, TO_CHILD_LIST | REPS(4) | START(2), w.child, 8, 3);
    }
}

static void no_target_is_seen_by_a_call_without_one(void **state)
{
    uint8_t in[16] = {0};

    (void)state;
    le64enc(in, w.sibling);
    for (enum way way = FROM_C; next_way(&way, 16, 16); way++) {
        forget();
        make(way, HEADER, in, 16, 16);
        assert_done(0);
        assert_seen(handled_step(0), way, HEADER, 0, 16, 0);
    }
}

/* ---- Private bytes ---- */

static uint8_t callers_bytes[64];

static void spoil_input(const struct hvemu_invocation *invocation, const void *in, const void *item,
                        void *out)
{
    (void)out;
    memset((void *)(uintptr_t)in, 0xDD, invocation->header_bytes);
    if (item)
        memset((void *)(uintptr_t)item, 0xDD, invocation->call->in_each);
}

static void a_handler_that_spoils_its_input_spoils_nothing_else(void **state)
{
    (void)state;
    w.inside = spoil_input;
    for (enum way way = EXECUTE_FAST; next_way(&way, 48, 20); way++) {
        forget();
        memcpy(callers_bytes, bytes_from(0x21), sizeof callers_bytes);
        make(way, LIST | REPS(5), callers_bytes, 48, 20); /* looks at the registers */
        assert_done(REPS(5));
        assert_memory_equal(callers_bytes, bytes_from(0x21), sizeof callers_bytes);
        assert_memory_equal(w.vmm->ram + IN, bytes_from(0x21), 48);
        for (unsigned i = 0; i < 5; i++)
            assert_memory_equal(handled_step(i)->item, bytes_from(0x21) + 8 + 8 * i, 8);
        assert_elements(way, 0, 5, 4);
    }
}

static void change_memory(const struct hvemu_invocation *invocation, const void *in,
                          const void *item, void *out)
{
    (void)invocation, (void)in, (void)item, (void)out;
    memset(w.vmm->ram + IN, 0x77, PAGE);
    memset(w.vmm->ram + OUT, 0x66, PAGE);
    memset(callers_bytes, 0x77, sizeof callers_bytes);
}

static void the_caller_changing_its_memory_meanwhile_does_not_matter(void **state)
{
    (void)state;
    w.inside = change_memory;
    for (enum way way = EXECUTE_FAST; next_way(&way, 48, 20); way++) {
        forget();
        memcpy(callers_bytes, bytes_from(0x21), sizeof callers_bytes);
        make(way, LIST | REPS(5), callers_bytes, 48, 20);
        assert_done(REPS(5));
        for (unsigned i = 0; i < 5; i++) {
            assert_memory_equal(handled_step(i)->in, bytes_from(0x21), 8);
            assert_memory_equal(handled_step(i)->item, bytes_from(0x21) + 8 + 8 * i, 8);
        }
        for (unsigned k = 0; k < 20; k++)
            assert_int_equal(reply.out[k], put_out(k / 4, k % 4));
    }
}

static void look_into_callers_bytes(const struct hvemu_invocation *invocation, const void *in,
                                    const void *item, void *out)
{
    assert_memory_equal(in, callers_bytes, 8);
    assert_true((const uint8_t *)in < callers_bytes ||
                (const uint8_t *)in >= callers_bytes + sizeof callers_bytes);
    assert_ptr_equal(item, callers_bytes + 8 + 8 * invocation->index);
    assert_true((uint8_t *)out < reply.out || (uint8_t *)out >= reply.out + sizeof reply.out);
}

/* Its header is not, nor is output written: what becomes of it is not known yet. */
static void a_c_callers_elements_are_read_where_they_are(void **state)
{
    (void)state;
    w.inside = look_into_callers_bytes;
    memcpy(callers_bytes, bytes_from(0x21), sizeof callers_bytes);
    make(FROM_C, LIST | REPS(5) | START(2), callers_bytes, 48, 20);
    assert_done(REPS(5));
    assert_int_equal(w.handled, 3);
    assert_memory_equal(callers_bytes, bytes_from(0x21), sizeof callers_bytes);
    assert_elements(FROM_C, 2, 5, 4);
}

static uint16_t keep_its_copy(const struct hvemu_invocation *invocation, const void *in,
                              const void *item, void *out)
{
    (void)item, (void)out;
    memset(callers_bytes, 0x77, sizeof callers_bytes);
    return memcmp(in, bytes_from(0x21), invocation->header_bytes) ? BAD_PARAMETER : 0;
}

static void a_c_callers_header_of_64_bytes_is_private(void **state)
{
    const struct hvemu_descriptor call = {SIZE, .name = "HvCallKeeping", .handler = keep_its_copy,
                                          .code = HEADER, .in = 64};

    (void)state;
    assert_result(hvemu_register(w.hv, &call), HVEMU_OK);
    memcpy(callers_bytes, bytes_from(0x21), sizeof callers_bytes);
    assert_status(hvemu_hypercall(w.hv, hvemu_root(w.hv), HEADER, callers_bytes,
                                  sizeof callers_bytes, NULL, 0),
                  0);
    assert_int_equal(callers_bytes[0], 0x77);
}

/* spy() looks at every byte; each way finds the rubbish of the call before in its room. */
static void output_begins_as_zeros(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (enum way way = FROM_C; next_way(&way, 4096, 4096); way++) {
            make(way, BIG, bytes_from(0x91), 4096, 4096);
            assert_done(0);
        }
        for (enum way way = FROM_C; next_way(&way, 16, 16); way++) {
            w.status = round ? BAD_PARAMETER : 0;
            make(way, HEADER, bytes_from(0x91), 16, 16);
            assert_done(w.status);
            make(way, LIST | REPS(5), bytes_from(0x91), 48, 20);
            w.status = 0;
        }
    }
    assert_true(w.handled > 40);
}

static void output_of_a_simple_call_that_fails_is_thrown_away(void **state)
{
    static const uint16_t statuses[] = {0x02, 0x05, 0x06, 0x77, 0x79, 0xFFFF};

    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        w.status = statuses[i];
        for (enum way way = FROM_C; next_way(&way, 16, 16); way++) {
            forget();
            make(way, HEADER, bytes_from(0x21), 16, 16);
            assert_done(statuses[i]);
            assert_out_untouched();
            assert_int_equal(w.vmm->count[FAKE_GPA_WRITE], 0);
        }
    }
}

static void output_of_the_element_that_fails_is_thrown_away(void **state)
{
    (void)state;
    for (unsigned failing = 0; failing < 5; failing++) {
        w.status = BAD_PARAMETER;
        w.failing = failing;
        for (enum way way = FROM_C; next_way(&way, 48, 20); way++) {
            forget();
            make(way, LIST | REPS(5), bytes_from(0x21), 48, 20);
            assert_done(BAD_PARAMETER | REPS(failing));
            assert_int_equal(w.handled, failing + 1);
            assert_elements(way, 0, failing, 4);
            /* What shares 16 bytes with a completed element is zero, not the failed one's. */
            for (unsigned k = failing * 4; k < (failing * 4 + 15) / 16 * 16 && k < 20; k++)
                assert_int_equal(reply.out[k], is_fast(way) ? 0 : 0x5A);
            assert_int_equal(w.log[w.logged - 1].status, BAD_PARAMETER);
            assert_int_equal(w.log[w.logged - 1].reps, failing);
        }
    }
}

/* ---- Handlers that use the library ---- */

static struct hvemu_vp *childs_vp;

static void interrupt_the_child(const struct hvemu_invocation *invocation, const void *in,
                                const void *item, void *out)
{
    struct hvemu *hv = invocation->hv;
    uint8_t vector = 0;

    (void)in, (void)item, (void)out;
    assert_int_equal(hvemu_ext_int_line(childs_vp), 0);
    assert_status(hvemu_assert_virtual_interrupt(hv, w.guest, w.child, 7, 0, 0x31), 0);
    assert_int_equal(hvemu_ext_int_line(childs_vp), 1);
    assert_result(hvemu_ext_int_acknowledge(childs_vp, &vector), HVEMU_OK);
    assert_int_equal(vector, 0x31);
    assert_status(hvemu_assert_virtual_interrupt(hv, w.guest, w.child, 7, 0, 0x32), ACKNOWLEDGED);
    assert_status(hvemu_clear_virtual_interrupt(hv, w.guest, w.child), 0);
    assert_status(hvemu_clear_virtual_interrupt(hv, w.guest, w.child), NOT_ACKNOWLEDGED);
    assert_status(hvemu_assert_virtual_interrupt(hv, w.guest, w.child, 0, 5, 0x41), 0);
}

static void a_handler_may_assert_acknowledge_and_clear(void **state)
{
    (void)state;
    assert_result(hvemu_vp_attach(w.hv, w.child, 0, NULL, &childs_vp), HVEMU_OK);
    w.inside = interrupt_the_child;
    for (enum way way = FROM_C; next_way(&way, 48, 20); way++) {
        forget();
        make(way, LIST | REPS(5), bytes_from(0x21), 48, 20);
        assert_done(REPS(5));
        assert_elements(way, 0, 5, 4);
        assert_int_equal(w.vmm->count[FAKE_INTERRUPT], 5);
    }
}

/* ---- Large lists ---- */

static void compare_a_page(const struct hvemu_invocation *invocation, const void *in,
                           const void *item, void *out)
{
    (void)item, (void)out;
    assert_memory_equal(in, bytes_from(0x21), invocation->header_bytes);
}

static void a_simple_call_may_have_a_page_each_way(void **state)
{
    (void)state;
    w.inside = compare_a_page;
    for (enum way way = FROM_C; next_way(&way, 4096, 4096); way++) {
        forget();
        make(way, BIG, bytes_from(0x21), 4096, 4096);
        assert_done(0);
        assert_int_equal(w.handled, 1);
        for (unsigned k = 0; k < 4096; k++)
            assert_int_equal(reply.out[k], put_out(0, k));
        if (way != FROM_C) {
            assert_int_equal(w.vmm->count[FAKE_GPA_READ], 1);
            assert_int_equal(w.vmm->count[FAKE_GPA_WRITABLE], 1);
            assert_int_equal(w.vmm->count[FAKE_GPA_WRITE], 1);
            for (int op = 0; op < 3; op++) {
                static const enum fake_op order[] = {FAKE_GPA_WRITABLE, FAKE_GPA_READ,
                                                     FAKE_GPA_WRITE};
                assert_int_equal(w.vmm->log[op].op, order[op]);
                assert_u64(w.vmm->log[op].vector, 4096);
            }
        }
    }
    w.inside = NULL;
    forget();
    assert_u64(hvemu_hypercall(w.hv, w.guest, BIG, bytes_from(1), 4095, reply.out, 4096), 0x05);
    assert_u64(hvemu_hypercall(w.hv, w.guest, BIG, bytes_from(1), 4096, reply.out, 4095), 0x05);
    assert_int_equal(w.logged, 0);
}

static void a_large_list_may_have_a_small_one_beside_it(void **state)
{
    (void)state;
    for (enum way way = FROM_C; next_way(&way, 8, 4096); way++) {
        forget();
        make(way, PAGE_OUT, bytes_from(0x21), 8, 4096);
        assert_done(0);
        for (unsigned k = 0; k < 4096; k++)
            assert_int_equal(reply.out[k], put_out(0, k));
    }
    for (enum way way = FROM_C; next_way(&way, 4, 1024 * 4); way++) {
        make(way, OUT_LIST | REPS(1024) | START(1000), bytes_from(0x21), 4, 1024 * 4);
        assert_done(REPS(1024));
        assert_elements(way, 1000, 1024, 4);
    }
}

static void a_page_does_not_fit_in_registers(void **state)
{
    (void)state;
    for (enum way way = FROM_C; way < WAYS; way++)
        if (is_fast(way)) {
            make(way, BIG, bytes_from(1), 112, 0);
            assert_done(BAD_INPUT);
            assert_int_equal(w.logged, 0);
        }
}

/* Calls with large lists by somebody else, while one is carried out. */
struct meanwhile {
    uint64_t big, list, small, last;
    int spoiled; /* output of a call that was not carried out */
};

static void *call_meanwhile(void *argument)
{
    static uint8_t in[PAGE], out[PAGE]; /* one at a time */
    struct meanwhile *meanwhile = argument;

    memset(out, 0x5A, sizeof out);
    meanwhile->big = hvemu_hypercall(w.hv, w.guest, BIG, in, PAGE, out, PAGE);
    meanwhile->spoiled = 0;
    for (unsigned k = 0; meanwhile->big == TIMEOUT && k < PAGE; k++)
        meanwhile->spoiled |= out[k] != 0x5A;
    meanwhile->list =
        hvemu_hypercall(w.hv, w.guest, LIST | REPS(40) | START(7), in, 8 + 40 * 8, out, 40 * 4);
    meanwhile->small = hvemu_hypercall(w.hv, w.guest, HEADER, in, 16, out, 16);
    meanwhile->last = hvemu_hypercall(w.hv, w.guest, LIST | REPS(3), in, 32, out, 12);
    return NULL;
}

static struct meanwhile meanwhile;
static int in_a_thread;

static void let_others_call(const struct hvemu_invocation *invocation, const void *in,
                            const void *item, void *out)
{
    pthread_t thread;

    (void)invocation, (void)item, (void)out;
    w.inside = NULL;
    if (in_a_thread) {
        assert_int_equal(pthread_create(&thread, NULL, call_meanwhile, &meanwhile), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    } else
        (void)call_meanwhile(&meanwhile);
    assert_memory_equal(in, bytes_from(0x21), 4096);
}

static void one_large_output_at_a_time_is_for_c(void **state)
{
    (void)state;
    for (in_a_thread = 0; in_a_thread < 2; in_a_thread++) {
        for (enum way way = FROM_C; next_way(&way, 4096, 4096); way++) {
            forget();
            w.inside = let_others_call;
            make(way, BIG, bytes_from(0x21), 4096, 4096);
            assert_done(0);
            for (unsigned k = 0; k < 4096; k++)
                assert_int_equal(reply.out[k], put_out(0, k));
            /* Those of a VP have room of their own and are in nobody's way. */
            assert_u64(meanwhile.big, way == FROM_C ? 0x78 : 0);
            assert_u64(meanwhile.list, 0x0000002800000000);
            assert_int_equal(meanwhile.spoiled, 0);
            assert_u64(meanwhile.small, 0);
            assert_u64(meanwhile.last, 0x0000000300000000);
            assert_int_equal(w.handled, (way == FROM_C ? 1 : 2) + 33 + 1 + 3);
            /* Nothing is lost: afterwards all goes. */
            (void)call_meanwhile(&meanwhile);
            assert_u64(meanwhile.big, 0);
            assert_u64(meanwhile.list, 0x0000002800000000);
        }
    }
}

static void large_lists_from_c_go_again_after_every_kind_of_end(void **state)
{
    uint8_t out[PAGE];

    (void)state;
    for (int round = 0; round < 6; round++) {
        w.status = round == 1 ? BAD_PARAMETER : round == 2 ? TIMEOUT : 0;
        w.filter_answer = round == 3 ? DENIED : round == 4 ? TIMEOUT : 0;
        assert_u64(hvemu_hypercall(w.hv, w.guest, BIG, bytes_from(1), PAGE, out, PAGE),
                   w.status | (unsigned)w.filter_answer);
    }
}

/* ---- To be continued ---- */

static void a_simple_call_that_is_not_done_is_repeated_unchanged(void **state)
{
    (void)state;
    for (enum way way = FROM_C; next_way(&way, 16, 16); way++) {
        forget();
        w.status = TIMEOUT;
        for (unsigned round = 1; round < 4; round++) {
            make(way, HEADER, bytes_from(0x21), 16, 16);
            assert_repeat(0);
            assert_u64(reply.control, HEADER);
            assert_u64(reply.result, way == FROM_C ? TIMEOUT : 0);
            assert_out_untouched();
            assert_int_equal(w.handled, round);
            assert_int_equal(w.log[w.logged - 1].kind, TRACED);
            assert_int_equal(w.log[w.logged - 1].status, TIMEOUT);
            assert_int_equal(w.log[w.logged - 1].reps, 0);
        }
        assert_int_equal(w.vmm->count[FAKE_GPA_WRITE], 0);
        w.status = 0;
        make(way, HEADER, bytes_from(0x21), 16, 16);
        assert_done(0);
        assert_elements(way, 0, 1, 16);
        assert_int_equal(w.log[w.logged - 1].status, 0);
    }
}

static void a_simple_call_with_a_page_may_be_repeated_too(void **state)
{
    (void)state;
    for (enum way way = FROM_C; next_way(&way, 4096, 4096); way++) {
        w.status = TIMEOUT;
        make(way, BIG, bytes_from(0x21), 4096, 4096);
        assert_repeat(0);
        assert_out_untouched();
        w.status = 0;
        make(way, BIG, bytes_from(0x21), 4096, 4096);
        assert_done(0);
    }
}

static void a_simple_call_with_variable_header_repeats_with_it(void **state)
{
    const uint64_t control = WITH_VARIABLE | VARIABLE_HEADER(2);

    (void)state;
    w.status = TIMEOUT;
    for (enum way way = FROM_C; next_way(&way, 32, 8); way++) {
        make(way, control, bytes_from(0x21), 32, 8);
        assert_repeat(0);
        assert_u64(reply.control, control);
    }
}

/* ---- Memory ---- */

static int holds(const uint8_t *memory, size_t bytes, uint8_t first)
{
    for (size_t at = 0; at + 16 <= bytes; at++)
        if (memory[at] == first && !memcmp(memory + at, bytes_from(first), 16))
            return 1;
    return 0;
}

static void the_next_partitions_vp_finds_nothing_of_the_last_ones_lists(void **state)
{
    (void)state;
    for (uint32_t calls = 0; calls < 2; calls++) {
        struct hvemu_config config = our_config();
        size_t bytes;

        config.vps = 1;
        config.calls = calls;
        bytes = hvemu_memory_size(&config);
        open_empty(&config, NULL);
        if (calls) {
            const struct hvemu_descriptor big = OURS(.code = BIG, .in = 4096, .out = 4096);
            assert_result(hvemu_register(w.hv, &big), HVEMU_OK);
        }
        populate(ALL_OF_THEM);
        make(WIDE_MEMORY, calls ? BIG : 0x0094, bytes_from(0x21), calls ? 4096 : 32, 4096);
        assert_done(calls ? 0 : NO_PARTITION);
        assert_result(hvemu_vp_detach(w.vp), HVEMU_OK);
        assert_result(hvemu_vp_attach(w.hv, w.sibling, 0, NULL, &w.vp), HVEMU_OK);
        for (unsigned first = 0; first <= 0xF0; first++) /* wherever a remainder may begin */
            assert_false(holds(w.vmm->memory, bytes, (uint8_t)first));
        fake_free(w.vmm);
    }
}

static size_t size_with(uint32_t calls, uint32_t vps)
{
    struct hvemu_config config = our_config();

    config.calls = calls;
    config.vps = vps;
    return hvemu_memory_size(&config);
}

static void own_calls_need_memory_for_themselves_and_their_lists(void **state)
{
    (void)state;
    /* A call, its descriptor, and 8 to 16 places to find it by; all of them together, whole pieces
     * of 64 bytes. */
    for (uint32_t calls = 64; calls <= 0x8000; calls = calls * 2 - calls / 4)
        assert_in_range(size_with(calls, 16) - size_with(1, 16),
                        (calls - 1) * (sizeof(struct hvemu_descriptor) + 8 * sizeof(void *)) - 64,
                        (calls + 1) * (sizeof(struct hvemu_descriptor) + 16 * sizeof(void *)));
    /* A VP, room for two lists of a page, whatever calls there are. */
    assert_in_range(size_with(1, 17) - size_with(1, 16), 2 * 4096, 2 * 4096 + 1024);
    assert_in_range(size_with(0, 17) - size_with(0, 16), 2 * 4096, 2 * 4096 + 1024);
    /* And room for the output of one C call. */
    assert_in_range(size_with(1, 16) - size_with(0, 16), 4096,
                    4096 + 192 + sizeof(struct hvemu_descriptor));
}

static void memory_beyond_is_left_alone_and_all_within_is_usable(void **state)
{
    static const uint32_t counts[] = {0, 1, 2, 109};
    enum { GUARD = 256 };

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct hvemu_config config = our_config();
        uint8_t *memory, out[PAGE];
        size_t bytes;
        struct hvemu_vp *vps[3];

        open_empty(NULL, NULL); /* for its RAM */
        config.calls = counts[i];
        config.vps = 3;
        bytes = hvemu_memory_size(&config);
        memory = aligned_alloc(64, (bytes + GUARD + 63) / 64 * 64);
        assert_non_null(memory);
        memset(memory, 0xA5, bytes + GUARD);
        assert_result(hvemu_init(&w.hv, memory, bytes - 1, &config, &fake_ops, w.vmm),
                      HVEMU_E_SPACE);
        assert_result(hvemu_init(&w.hv, memory, bytes, &config, &fake_ops, w.vmm), HVEMU_OK);
        for (uint32_t call = 0; call < counts[i]; call++) {
            const struct hvemu_descriptor big =
                OURS(.code = (uint16_t)(0x7001 + call), .in = 4096, .out = 4096);
            assert_result(hvemu_register(w.hv, &big), HVEMU_OK);
        }
        assert_result(hvemu_add_guest(w.hv, 1, ALL_OF_THEM, NULL, &w.guest), HVEMU_OK);
        for (uint32_t vp = 0; vp < 3; vp++)
            assert_result(hvemu_vp_attach(w.hv, w.guest, vp, NULL, &vps[vp]), HVEMU_OK);
        for (uint32_t call = 0; call < counts[i]; call++) {
            const uint64_t control = 0x7001 + call;

            assert_u64(hvemu_hypercall(w.hv, w.guest, control, bytes_from(3), PAGE, out, PAGE), 0);
            for (uint32_t vp = 0; vp < 3; vp++) {
                w.vp = vps[vp];
                make(EXECUTE_MEMORY, control, bytes_from(3), PAGE, PAGE);
                assert_done(0);
            }
        }
        assert_int_equal(w.handled, 4 * counts[i]);
        for (unsigned k = 0; k < GUARD; k++)
            assert_int_equal(memory[bytes + k], 0xA5);
        free(memory);
        fake_free(w.vmm);
    }
}

static void configuration_beyond_its_range_is_refused(void **state)
{
    static const struct {
        uint32_t calls, rep_budget;
        int possible;
    } rows[] = {
        {0, 0, 1},          {1, 1, 1},          {65535, 4095, 1},   {65536, 0, 0},
        {0xFFFFFFFF, 0, 0}, {0, 4096, 0},       {0, 0xFFFFFFFF, 0}, {0x10001, 1, 0},
        {1, 0x1001, 0},     {0x80000000, 0, 0}, {0, 0x10000, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hvemu_config config = our_config();
        struct hvemu *hv = NULL;
        uint8_t *memory = aligned_alloc(64, 0x900000);

        assert_non_null(memory);
        config.calls = rows[i].calls;
        config.rep_budget = rows[i].rep_budget;
        assert_int_equal(hvemu_memory_size(&config) != 0, rows[i].possible);
        assert_result(hvemu_init(&hv, memory, 0x900000, &config, NULL, NULL),
                      rows[i].possible ? HVEMU_OK : HVEMU_E_ARGUMENT);
        assert_int_equal(hv != NULL, rows[i].possible);
        free(memory);
    }
}

/* ---- Filter and trace ---- */

static void the_filter_comes_before_the_handler_and_the_trace_after(void **state)
{
    (void)state;
    for (enum way way = FROM_C; next_way(&way, 48, 20); way++) {
        forget();
        make(way, LIST | REPS(5), bytes_from(0x21), 48, 20);
        assert_done(REPS(5));
        assert_int_equal(w.logged, 7);
        assert_seen(&w.log[0], way, LIST | REPS(5), 0, 8, 0);
        assert_int_equal(w.log[0].kind, FILTERED);
        for (unsigned i = 1; i < 6; i++)
            assert_int_equal(w.log[i].kind, HANDLED);
        assert_int_equal(w.log[6].kind, TRACED);
        assert_int_equal(w.log[6].status, 0);
        assert_int_equal(w.log[6].reps, 5);
        /* A later invocation is filtered for itself, and sees where it begins. */
        make(way, LIST | REPS(5) | START(3), bytes_from(0x21), 48, 20);
        assert_done(REPS(5));
        assert_int_equal(w.logged, 11);
        assert_seen(&w.log[7], way, LIST | REPS(5) | START(3), 0, 8, 3);
    }
}

static void a_status_of_the_filters_is_the_answer(void **state)
{
    static const uint16_t statuses[] = {0x01, 0x02, 0x03, 0x04, 0x05,   0x06,   0x07,   0x0D,
                                        0x14, 0x77, 0x79, 0xFF, 0x0100, 0x7FFF, 0x8000, 0xFFFF};

    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        w.filter_answer = statuses[i];
        for (unsigned start = 0; start < 5; start += 3) {
            for (enum way way = FROM_C; next_way(&way, 48, 20); way++) {
                forget();
                make(way, LIST | REPS(5) | START(start), bytes_from(0x21), 48, 20);
                assert_done(statuses[i]); /* reps 0, whatever the start index */
                assert_out_untouched();
                assert_int_equal(w.logged, 2);
                assert_int_equal(w.filtered, 1);
                assert_int_equal(w.log[1].kind, TRACED);
                assert_int_equal(w.log[1].status, statuses[i]);
                assert_int_equal(w.log[1].reps, 0);
                assert_int_equal(w.vmm->count[FAKE_GPA_WRITE], 0);
            }
        }
        for (enum way way = FROM_C; next_way(&way, 16, 16); way++) {
            forget();
            make(way, HEADER, bytes_from(0x21), 16, 16);
            assert_done(statuses[i]);
            assert_out_untouched();
            assert_int_equal(w.logged, 2);
            assert_int_equal(w.log[1].status, statuses[i]);
        }
    }
}

static void the_filter_may_have_a_call_repeated(void **state)
{
    (void)state;
    for (enum way way = FROM_C; next_way(&way, 48, 20); way++) {
        for (unsigned start = 0; start < 5; start += 2) {
            w.filter_answer = TIMEOUT;
            forget();
            make(way, LIST | REPS(5) | START(start), bytes_from(0x21), 48, 20);
            assert_repeat(start);
            if (way == FROM_C)
                assert_u64(reply.result, TIMEOUT | REPS(start));
            assert_out_untouched();
            assert_int_equal(w.logged, 2);
            assert_int_equal(w.log[1].status, TIMEOUT);
            assert_int_equal(w.log[1].reps, start);
        }
        make(way, MUTE, bytes_from(0x21), 8, 0);
        assert_repeat(0);
        assert_int_equal(w.handled, 0);
        w.filter_answer = 0;
        make(way, MUTE, bytes_from(0x21), 8, 0);
        assert_done(0);
    }
}

/* Beyond what is defined: no answer but 0 and the negative ones lets a call go on. */
static void an_answer_that_is_no_status_denies(void **state)
{
    static const int answers[] = {0x10000, 0x10078, 0x12345678, 0x7FFFFFFF};

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        w.filter_answer = answers[i];
        for (enum way way = FROM_C; next_way(&way, 48, 20); way++) {
            forget();
            make(way, LIST | REPS(5), bytes_from(0x21), 48, 20);
            assert_done(OPERATION_DENIED);
            assert_out_untouched();
            assert_int_equal(w.handled, 0);
        }
    }
}

static void the_filter_limits_the_elements_of_one_go(void **state)
{
    (void)state;
    for (unsigned limit = 1; limit < 8; limit++) {
        w.filter_answer = -(int)limit;
        for (enum way way = FROM_C; next_way(&way, 48, 20); way++) {
            for (unsigned start = 0; start < 5; start += limit) {
                const unsigned end = start + limit < 5 ? start + limit : 5;

                forget();
                make(way, LIST | REPS(5) | START(start), bytes_from(0x21), 48, 20);
                if (end == 5)
                    assert_done(REPS(5));
                else
                    assert_repeat(end);
                assert_int_equal(w.handled, end - start);
                assert_int_equal(handled_step(0)->seen.index, start);
                if (!is_fast(way) || start % 4 == 0)
                    assert_elements(way, start, end, 4);
                assert_int_equal(w.log[w.logged - 1].status, end == 5 ? 0 : TIMEOUT);
                assert_int_equal(w.log[w.logged - 1].reps, end);
            }
        }
    }
}

static void a_limit_above_what_is_left_is_none(void **state)
{
    static const int answers[] = {-5,    -6,       -64,         -4095,
                                  -4096, -0x10000, -0x7FFFFFFF, -0x7FFFFFFF - 1};

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        w.filter_answer = answers[i];
        for (enum way way = FROM_C; next_way(&way, 48, 20); way++) {
            forget();
            make(way, LIST | REPS(5), bytes_from(0x21), 48, 20);
            assert_done(REPS(5));
            assert_int_equal(w.handled, 5);
        }
    }
}

static void a_limit_is_no_more_than_the_budget(void **state)
{
    static const struct {
        int answer;
        unsigned want;
    } rows[] = {{0, 64}, {-63, 63}, {-64, 64}, {-65, 64}, {-100, 64}, {-4095, 64}, {-1, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        w.filter_answer = rows[i].answer;
        for (enum way way = FROM_C; next_way(&way, 808, 400); way++) {
            forget();
            make(way, LIST | REPS(100) | START(10), bytes_from(0x21), 808, 400);
            assert_repeat(10 + rows[i].want);
            assert_int_equal(w.handled, rows[i].want);
        }
    }
}

static void a_limit_means_nothing_to_a_simple_call(void **state)
{
    static const int answers[] = {-1, -2, -4095, -0x7FFFFFFF - 1};

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        w.filter_answer = answers[i];
        for (enum way way = FROM_C; next_way(&way, 16, 16); way++) {
            forget();
            make(way, HEADER, bytes_from(0x21), 16, 16);
            assert_done(0);
            assert_int_equal(w.handled, 1);
            assert_elements(way, 0, 1, 16);
        }
    }
}

static void calls_refused_earlier_are_nobodys_business(void **state)
{
    static const struct {
        uint64_t control;
        uint16_t want;
    } rows[] = {
        {0x7099, NO_CODE},
        {0x0000, NO_CODE},
        {HEADER | 0x08000000, BAD_INPUT},         /* reserved */
        {HEADER | 0x80000000, BAD_INPUT},         /* nested */
        {HEADER | REPS(1), BAD_INPUT},            /* rep count of a simple call */
        {HEADER | START(1), BAD_INPUT},           /* its start index */
        {HEADER | VARIABLE_HEADER(1), BAD_INPUT}, /* takes none */
        {LIST, BAD_INPUT},                        /* no elements */
        {LIST | REPS(1) | START(1), BAD_INPUT},   /* begins after its end */
        {LIST | REPS(1) | VARIABLE_HEADER(1), BAD_INPUT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (enum way way = FROM_C; next_way(&way, 16, 16); way++) {
            make(way, rows[i].control, bytes_from(0x21), 16, 16);
            assert_done(rows[i].want);
        }
    }
    for (unsigned at = 1; at < 8; at++) { /* misaligned, then across a page's end */
        struct hvemu_x64_frame in = fake_frame64(HEADER, IN + at, OUT);
        struct hvemu_x64_frame out = fake_frame64(HEADER, IN, OUT + at);

        assert_action(hvemu_x64_hypercall(w.vp, &in), HVEMU_STEP);
        assert_u64(in.rax, MISALIGNED);
        assert_action(hvemu_x64_hypercall(w.vp, &out), HVEMU_STEP);
        assert_u64(out.rax, MISALIGNED);
    }
    struct hvemu_x64_frame across = fake_frame64(HEADER, IN + 0xFF8, OUT);
    assert_action(hvemu_x64_hypercall(w.vp, &across), HVEMU_STEP);
    assert_u64(across.rax, MISALIGNED);
    /* The memory ops' answers. */
    for (int op = FAKE_GPA_READ; op <= FAKE_GPA_WRITABLE; op++) {
        fake_fail(w.vmm, (enum fake_op)op, 0, HVEMU_MEM_NONE);
        make(WIDE_MEMORY, HEADER, bytes_from(1), 16, 16);
        assert_action(reply.action, HVEMU_INTERCEPT);
        fake_fail(w.vmm, (enum fake_op)op, 0, HVEMU_MEM_AGAIN);
        make(WIDE_MEMORY, HEADER, bytes_from(1), 16, 16);
        assert_repeat(0);
        fake_fail(w.vmm, (enum fake_op)op, 0, HVEMU_MEM_FAILED);
        make(WIDE_MEMORY, HEADER, bytes_from(1), 16, 16);
        assert_action(reply.action, HVEMU_FAILED);
    }
    /* The processor's state. */
    struct hvemu_x64_frame user = fake_frame64(NOTHING, 0, 0), bare = fake_frame64(NOTHING, 0, 0);
    struct hvemu_x64_frame more = fake_frame64(LIST | FAST | REPS(5), 1, 2);
    user.mode |= 3;
    assert_action(hvemu_x64_hypercall(w.vp, &user), HVEMU_UD);
    more.known = 0;
    assert_action(hvemu_x64_hypercall(w.vp, &more), HVEMU_NEED_XMM);
    assert_action(hvemu_x64_wrmsr(w.vp, 0x40000001, 0), HVEMU_STEP);
    assert_action(hvemu_x64_hypercall(w.vp, &bare), HVEMU_PASS);
    /* From C: a short block, and a caller that does not exist. */
    assert_u64(hvemu_hypercall(w.hv, w.guest, MUTE, bytes_from(1), 7, NULL, 0), BAD_PARAMETER);
    assert_u64(hvemu_hypercall(w.hv, 0x99, MUTE, bytes_from(1), 8, NULL, 0), DENIED);
    assert_int_equal(w.logged, 0);
}

static void from_17_bytes_on_a_fast_call_needs_xmm_registers(void **state)
{
    (void)state;
    for (uint16_t bytes = 16; bytes <= 17; bytes++) {
        const enum hvemu_action want = bytes > 16 ? HVEMU_NEED_XMM : HVEMU_STEP;
        struct hvemu_x64_frame frame = fake_frame64(FAST | (0x7100u + bytes), 1, 2);
        struct hvemu_call call;

        assert_result(hvemu_register(w.hv, &OURS(.code = (uint16_t)(0x7100 + bytes), .in = bytes)),
                      HVEMU_OK);
        frame.known = 0;
        assert_action(hvemu_x64_decode(w.hv, &frame, 0x10, &call), want);
        assert_int_equal(call.in_bytes, bytes);
    }
}

static void a_yield_is_not_the_next_vps(void **state)
{
    struct hvemu_config config = our_config();
    const struct hvemu_ops ops = our_ops();

    (void)state;
    config.vps = 1; /* so that both have the same memory */
    open_with(&config, &ops, ALL_OF_THEM);
    hvemu_vp_yield(w.vp);
    assert_result(hvemu_vp_detach(w.vp), HVEMU_OK);
    assert_result(hvemu_vp_attach(w.hv, w.guest, 0, NULL, &w.vp), HVEMU_OK);
    make(WIDE_MEMORY, LIST | REPS(2), bytes_from(1), 24, 8);
    assert_done(REPS(2));
    fake_free(w.vmm);
}

static void without_the_xmm_features_nobody_hears_of_a_call_in_them(void **state)
{
    struct hvemu_config config = our_config();
    const struct hvemu_ops ops = our_ops();

    (void)state;
    config.features = 0;
    open_with(&config, &ops, ALL_OF_THEM);
    make(WIDE_FAST, LIST | REPS(2), bytes_from(1), 24, 8);
    assert_action(reply.action, HVEMU_UD);
    assert_int_equal(w.logged, 0);
    fake_free(w.vmm);
}

static void the_trace_tells_how_far_each_invocation_came(void **state)
{
    const uint8_t *in = bytes_from(0x21);

    (void)state;
    for (enum way way = FROM_C; next_way(&way, 48, 20); way++) {
        forget();
        w.status = TIMEOUT; /* the third element is not ready */
        w.failing = 2;
        make(way, LIST | REPS(5), in, 48, 20);
        assert_repeat(2);
        make(way, LIST | REPS(5) | START(2), in, 48, 20);
        assert_repeat(2);
        w.status = BAD_PARAMETER;
        w.failing = 4;
        make(way, LIST | REPS(5) | START(2), in, 48, 20);
        assert_done(BAD_PARAMETER | REPS(4));
        w.status = 0;
        make(way, LIST | REPS(5) | START(4), in, 48, 20);
        assert_done(REPS(5));
        assert_int_equal(w.traced, 4);
        unsigned n = 0;
        for (unsigned i = 0; i < w.logged; i++)
            if (w.log[i].kind == TRACED) {
                static const uint16_t statuses[] = {TIMEOUT, TIMEOUT, BAD_PARAMETER, 0};
                static const uint16_t reps[] = {2, 2, 4, 5};

                assert_int_equal(w.log[i].status, statuses[n]);
                assert_int_equal(w.log[i].reps, reps[n]);
                n++;
            }
    }
}

static void the_librarys_own_calls_are_seen_too(void **state)
{
    uint8_t in[8];
    uint64_t id;

    (void)state;
    le64enc(in, w.child);
    for (enum way way = FROM_C; next_way(&way, 8, 0); way++) {
        forget();
        make(way, 0x0056, in, 8, 0);
        assert_done(NOT_ACKNOWLEDGED);
        assert_int_equal(w.logged, 2);
        assert_int_equal(w.log[0].kind, FILTERED);
        assert_seen(&w.log[0], way, 0x0056, w.child, 8, 0);
        assert_true(w.log[0].seen.call->handler == NULL);
        assert_string_equal(w.log[0].seen.call->name, "HvCallClearVirtualInterrupt");
        assert_int_equal(w.log[1].status, NOT_ACKNOWLEDGED);
        w.filter_answer = DENIED;
        make(way, 0x0056, in, 8, 0);
        assert_done(DENIED);
        w.filter_answer = 0;
    }
    forget();
    w.filter_answer = DENIED;
    assert_status(fake_create(w.vmm, w.guest, &id), DENIED);
    assert_status(fake_call_on(w.vmm, w.guest, 0x0042, w.child), DENIED);
    assert_int_equal(w.vmm->count[FAKE_PARTITION], 0);
    assert_int_equal(w.traced, 2);
    w.filter_answer = 0;
    assert_status(fake_create(w.vmm, w.guest, &id), 0);
    assert_int_equal(w.vmm->count[FAKE_PARTITION], 1);
}

static void create_meanwhile(struct fake_vmm *vmm, const struct fake_event *event)
{
    uint64_t id;

    (void)vmm;
    if (event->op == FAKE_PARTITION)
        assert_status(fake_create(w.vmm, w.guest, &id), TIMEOUT);
}

static void a_call_that_finds_the_try_lock_taken_is_not_seen(void **state)
{
    uint64_t id;

    (void)state;
    w.vmm->reenter = create_meanwhile;
    assert_status(fake_create(w.vmm, w.guest, &id), 0);
    w.vmm->reenter = NULL;
    assert_int_equal(w.filtered, 1);
    assert_int_equal(w.traced, 1);
}

static void either_op_may_be_missing(void **state)
{
    const struct hvemu_config config = our_config();

    (void)state;
    for (unsigned which = 0; which < 4; which++) {
        struct hvemu_ops ops = our_ops();

        if (which & 1)
            ops.filter = NULL;
        if (which & 2)
            ops.trace = NULL;
        open_with(&config, &ops, ALL_OF_THEM);
        for (enum way way = FROM_C; next_way(&way, 48, 20); way++) {
            forget();
            make(way, LIST | REPS(5), bytes_from(0x21), 48, 20);
            assert_done(REPS(5));
            assert_int_equal(w.handled, 5);
            assert_int_equal(w.filtered, which & 1 ? 0 : 1);
            assert_int_equal(w.traced, which & 2 ? 0 : 1);
        }
        fake_free(w.vmm);
    }
}

/* ---- The line about a call that was carried out ---- */

static void assert_line(const struct hvemu_call *call, const char *begins, const char *ends)
{
    char line[512];
    const size_t length = hvemu_call_format(w.hv, call, line, sizeof line);

    assert_true(length < sizeof line);
    if (strncmp(line, begins, strlen(begins)) != 0 || length < strlen(ends) ||
        strcmp(line + length - strlen(ends), ends) != 0)
        fail_msg("\"%s\" is not \"%s...%s\"", line, begins, ends);
}

static struct hvemu_call executed(uint64_t control, enum hvemu_action want)
{
    struct hvemu_call call = {.control = control, .in_gpa = IN, .out_gpa = OUT};

    put_lists(bytes_from(1), 64);
    assert_action(hvemu_execute(w.vp, &call), want);
    return call;
}

static void the_line_about_a_call_has_its_result(void **state)
{
    struct hvemu_call call;

    (void)state;
    call = executed(HEADER, HVEMU_STEP);
    assert_line(&call, "HvCallOfOurs (0x7001) memory, in 16 bytes at 0x0000000000001000, out 16",
                " at 0x0000000000002000 -> HV_STATUS_SUCCESS");
    call = executed(LIST | REPS(5), HVEMU_STEP);
    assert_line(&call, "HvCallOfOurs (0x7004) memory, reps from 0 of 5, in 48 bytes",
                " -> HV_STATUS_SUCCESS, done 5");
    w.status = DENIED;
    w.failing = 3;
    call = executed(LIST | FAST | REPS(5) | START(1), HVEMU_STEP);
    assert_line(&call, "HvCallOfOurs (0x7004) fast, reps from 1 of 5, in 48 bytes: 0x",
                " -> HV_STATUS_ACCESS_DENIED, done 3");
    call = executed(LIST | REPS(5) | 0x80000000, HVEMU_STEP);
    assert_line(&call, "HvCallOfOurs (0x7004) memory, reps from 0 of 5",
                " -> HV_STATUS_INVALID_HYPERCALL_INPUT, done 0");
    call = executed(0x7099, HVEMU_STEP);
    assert_line(&call, "HvCall(unknown) (0x7099) memory", " -> HV_STATUS_INVALID_HYPERCALL_CODE");
    /* Not at its end: no result. */
    w.status = TIMEOUT;
    call = executed(LIST | REPS(5), HVEMU_REPEAT);
    assert_line(&call, "HvCallOfOurs (0x7004) memory, reps from 0 of 5",
                ", out 20 bytes at 0x0000000000002000");
    fake_fail(w.vmm, FAKE_GPA_READ, 0, HVEMU_MEM_NONE);
    call = executed(HEADER, HVEMU_INTERCEPT);
    assert_line(&call, "HvCallOfOurs (0x7001) memory", ", out 16 bytes at 0x0000000000002000");
}

int main(void)
{
#define IN_BARE_WORLD(test) cmocka_unit_test_setup_teardown(test, open_bare, close_world)
#define IN_WORLD(test)      cmocka_unit_test_setup_teardown(test, open_world, close_world)
    const struct CMUnitTest tests[] = {
        IN_BARE_WORLD(null_is_no_instance_and_no_descriptor),
        IN_BARE_WORLD(a_wrong_descriptor_is_refused),
        IN_BARE_WORLD(a_descriptor_at_a_limit_is_taken),
        IN_BARE_WORLD(descriptors_of_other_releases_are_judged_by_size),
        IN_BARE_WORLD(a_descriptor_is_copied_but_its_name_is_kept),
        IN_BARE_WORLD(a_code_has_one_call),
        cmocka_unit_test(calls_are_limited_by_the_configuration),
        IN_BARE_WORLD(the_first_vp_closes_the_list_for_good),
        IN_BARE_WORLD(the_try_lock_is_found_taken),
        cmocka_unit_test(calls_are_found_in_any_order_of_registration),
        cmocka_unit_test(every_code_but_the_built_ins_can_be_ones_own),
        IN_BARE_WORLD(the_decoder_knows_the_calls_of_the_instance_it_is_given),
        IN_BARE_WORLD(ones_own_calls_have_the_names_they_were_given),
        IN_BARE_WORLD(what_does_not_exist_cannot_be_taken_away),
        IN_BARE_WORLD(any_one_of_many_can_be_taken_away_and_put_back),
        cmocka_unit_test(calls_that_share_a_place_are_found_whichever_is_taken_away),
        cmocka_unit_test(a_withdrawn_built_in_is_unknown_in_every_way),
        IN_BARE_WORLD(the_c_forms_that_name_a_withdrawn_call_still_work),
        IN_BARE_WORLD(ones_own_call_takes_a_withdrawn_ones_place),
        IN_WORLD(a_simple_call_sees_who_calls_and_what),
        IN_WORLD(a_call_without_lists_has_none),
        IN_WORLD(a_rep_call_sees_each_element_with_the_header),
        IN_WORLD(elements_may_have_output_alone),
        IN_WORLD(elements_may_have_input_alone),
        IN_WORLD(a_variable_header_belongs_to_the_header),
        IN_WORLD(a_code_above_0x8000_is_like_any_other),
        IN_WORLD(from_c_the_fast_bit_says_nothing),
        IN_WORLD(each_callers_context_is_its_own),
        cmocka_unit_test(a_caller_needs_every_privilege_of_the_call),
        IN_WORLD(a_target_is_judged_by_the_rule_of_the_call),
        IN_WORLD(a_call_that_asks_for_no_privilege_needs_none_on_a_child),
        IN_WORLD(a_rep_call_with_a_wrong_target_has_done_nothing),
        IN_WORLD(no_target_is_seen_by_a_call_without_one),
        IN_WORLD(a_handler_that_spoils_its_input_spoils_nothing_else),
        IN_WORLD(a_c_callers_elements_are_read_where_they_are),
        IN_WORLD(the_caller_changing_its_memory_meanwhile_does_not_matter),
        IN_BARE_WORLD(a_c_callers_header_of_64_bytes_is_private),
        IN_WORLD(output_begins_as_zeros),
        IN_WORLD(output_of_a_simple_call_that_fails_is_thrown_away),
        IN_WORLD(output_of_the_element_that_fails_is_thrown_away),
        IN_WORLD(a_handler_may_assert_acknowledge_and_clear),
        IN_WORLD(a_simple_call_may_have_a_page_each_way),
        IN_WORLD(a_large_list_may_have_a_small_one_beside_it),
        IN_WORLD(a_page_does_not_fit_in_registers),
        IN_WORLD(one_large_output_at_a_time_is_for_c),
        IN_WORLD(large_lists_from_c_go_again_after_every_kind_of_end),
        IN_WORLD(a_simple_call_that_is_not_done_is_repeated_unchanged),
        IN_WORLD(a_simple_call_with_a_page_may_be_repeated_too),
        IN_WORLD(a_simple_call_with_variable_header_repeats_with_it),
        cmocka_unit_test(the_next_partitions_vp_finds_nothing_of_the_last_ones_lists),
        cmocka_unit_test(own_calls_need_memory_for_themselves_and_their_lists),
        cmocka_unit_test(memory_beyond_is_left_alone_and_all_within_is_usable),
        cmocka_unit_test(configuration_beyond_its_range_is_refused),
        IN_WORLD(the_filter_comes_before_the_handler_and_the_trace_after),
        IN_WORLD(a_status_of_the_filters_is_the_answer),
        IN_WORLD(the_filter_may_have_a_call_repeated),
        IN_WORLD(an_answer_that_is_no_status_denies),
        IN_WORLD(the_filter_limits_the_elements_of_one_go),
        IN_WORLD(a_limit_above_what_is_left_is_none),
        IN_WORLD(a_limit_is_no_more_than_the_budget),
        IN_WORLD(a_limit_means_nothing_to_a_simple_call),
        IN_WORLD(calls_refused_earlier_are_nobodys_business),
        IN_BARE_WORLD(from_17_bytes_on_a_fast_call_needs_xmm_registers),
        cmocka_unit_test(a_yield_is_not_the_next_vps),
        cmocka_unit_test(without_the_xmm_features_nobody_hears_of_a_call_in_them),
        IN_WORLD(the_trace_tells_how_far_each_invocation_came),
        IN_WORLD(the_librarys_own_calls_are_seen_too),
        IN_WORLD(a_call_that_finds_the_try_lock_taken_is_not_seen),
        cmocka_unit_test(either_op_may_be_missing),
        IN_WORLD(the_line_about_a_call_has_its_result),
    };

    return cmocka_run_group_tests_name("register", tests, NULL, NULL);
}
