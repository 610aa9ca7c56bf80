/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The decoder against one that was written from the specification (expect.h): any registers, mode
 * and features, with the library's calls alone or with a few of the VMM's own besides, of shapes
 * that the input gives. Then the line of text about what was decoded. */

#include "expect.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/endian.h>

#include "../model/model.h"

enum { OWN = 4 };

static alignas(64) uint8_t memory[1 << 18];

static uint16_t succeed(const struct hvemu_invocation *invocation, const void *in, const void *item,
                        void *out)
{
    (void)invocation, (void)in, (void)item, (void)out;
    return 0;
}

/* An instance with own calls as the input wants them, as far as that can be; their shapes. */
static struct hvemu *make_instance(struct bytes *bytes, struct shape own[OWN + 1])
{
    const struct hvemu_config config = {
        .size = sizeof config, .partitions = 1, .vps = 1, .calls = OWN};
    struct hvemu *hv;
    unsigned count = 0;

    assert_result(hvemu_init(&hv, memory, sizeof memory, &config, NULL, NULL), HVEMU_OK);
    for (unsigned i = 0; i < OWN; i++) {
        struct hvemu_descriptor call = {.size = sizeof call, .name = "own", .handler = succeed};

        call.form = (uint16_t)take_below(bytes, 4);
        call.code = (uint16_t)take(bytes, 2);
        call.in = (uint16_t)take(bytes, 2);
        call.out = (uint16_t)take(bytes, 2);
        call.in_each = (uint16_t)take(bytes, 1);
        call.out_each = (uint16_t)take(bytes, 1);
        if (call.code && hvemu_register(hv, &call) == HVEMU_OK)
            own[count++] = (struct shape){call.code,
                                          call.in,
                                          call.in_each,
                                          call.out,
                                          call.out_each,
                                          call.form & HVEMU_REP,
                                          call.form & HVEMU_VARIABLE};
    }
    return hv;
}

static uint16_t at_most_0xffff(uint32_t bytes)
{
    return bytes < 0xFFFF ? (uint16_t)bytes : 0xFFFF;
}

static void compare(const struct hvemu_call *call, enum hvemu_action action,
                    const struct expected *e)
{
    static const struct hvemu_call zero;
    const int read = action == HVEMU_STEP && !e->status;

    if (!e->legal) {
        assert_action(action, HVEMU_UD);
        assert_memory_equal(call, &zero, sizeof zero);
        return;
    }
    assert_action(action, e->ud ? HVEMU_UD : e->need_xmm ? HVEMU_NEED_XMM : HVEMU_STEP);
    assert_u64(call->control, e->control);
    assert_u64(call->code, e->control & 0xFFFF);
    assert_status(call->status, e->status);
    assert_u64(call->reps, e->reps);
    assert_u64(call->start, e->start);
    assert_u64(call->header_bytes, e->header);
    assert_u64(call->in_bytes, at_most_0xffff(e->in));
    assert_u64(call->out_bytes, at_most_0xffff(e->out));
    assert_u64(call->in_gpa, e->in_gpa);
    assert_u64(call->out_gpa, e->out_gpa);
    assert_u64(call->access, e->is_fast && e->in > 16 && !read ? HVEMU_ACCESS_READ : 0);
    assert_u64(call->executed | call->result | call->gpa | call->written_at | call->written, 0);
    if (!e->is_fast)
        return;
    assert_memory_equal(call->fast, e->block, 16);
    if (!e->status)
        assert_u64(call->out_at, e->out_at);
    if (read && e->in > 16)
        assert_memory_equal(call->fast + 16, e->block + 16, e->in - 16);
}

/* However little room there is, the line is cut, ended and counted in full. */
static void format(const struct hvemu *hv, const struct hvemu_call *call, size_t room)
{
    char whole[1024], *part = malloc(room ? room : 1);
    const size_t length = hvemu_call_format(hv, call, whole, sizeof whole);

    assert_non_null(part);
    assert_true(length > 0 && length < sizeof whole);
    assert_u64(strlen(whole), length);
    for (size_t i = 0; i < length; i++)
        assert_true(whole[i] >= ' ' && whole[i] <= '~');
    assert_u64(hvemu_call_format(hv, call, room ? part : NULL, room), length);
    if (room) {
        const size_t kept = length < room ? length : room - 1;

        assert_memory_equal(part, whole, kept);
        assert_int_equal(part[kept], 0);
    }
    free(part);
}

static void take_frame(struct bytes *bytes, const struct shape *own, struct hvemu_x64_frame *frame)
{
    uint64_t control;

    memset(frame, 0, sizeof *frame);
    frame->mode = (uint32_t)take(bytes, 1);
    frame->known = (uint32_t)take(bytes, 2);
    control = take_control(bytes, own);
    take_into(bytes, &frame->rdx,
              offsetof(struct hvemu_x64_frame, mode) - offsetof(struct hvemu_x64_frame, rdx));
    frame->rax = control & UINT32_MAX;
    frame->rcx = control;
    if ((frame->mode & 0x18) != 0x18) {
        frame->rdx = control >> 32 | frame->rdx << 32;
        frame->rcx = take(bytes, 8);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, data + size};
    const unsigned with = take_below(&bytes, 256);
    const uint32_t features = (uint32_t)((with & 1) << 4 | (with & 2) << 14 | (with & 4) << 28);
    struct shape own[OWN + 1] = {{0}};
    struct hvemu *hv = with & 8 ? make_instance(&bytes, own) : NULL;
    struct hvemu_x64_frame frame, before;
    struct expected expected;
    struct hvemu_call call;
    enum hvemu_action action;

    take_frame(&bytes, own, &frame);
    before = frame;
    memset(&call, 0xA5, sizeof call);
    action = hvemu_x64_decode(hv, &frame, features, &call);
    assert_memory_equal(&frame, &before, sizeof frame);
    expected = expect(&frame, own, features);
    compare(&call, action, &expected);
    format(hv, &call, take_below(&bytes, 256));
    call.executed = 1;
    call.result = take(&bytes, 8);
    format(hv, &call, take_below(&bytes, 256));
    return 0;
}
