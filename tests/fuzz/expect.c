/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

#include "expect.h"

#include <string.h>
#include <sys/endian.h>

static uint64_t bits(uint64_t value, unsigned high, unsigned low)
{
    return value << (63 - high) >> (63 - high + low);
}

/* A parameter in one register of a 64-bit caller, or in the low halves of two of any other. */
static uint64_t parameter(const struct expected *e, uint64_t wide, uint64_t high, uint64_t low)
{
    return e->wide ? wide : bits(high, 31, 0) << 32 | bits(low, 31, 0);
}

static uint16_t judge_word(const struct expected *e)
{
    if (!e->known)
        return 2;
    if (bits(e->control, 31, 27) || bits(e->control, 47, 44) || bits(e->control, 63, 60))
        return 3;
    if (bits(e->control, 26, 17) && !e->shape.variable)
        return 3;
    if (e->shape.rep ? e->start >= e->reps : e->start || e->reps)
        return 3;
    return 0;
}

static uint32_t chunks(uint32_t bytes)
{
    return (bytes + 15) / 16;
}

static int is_misplaced(uint64_t gpa, uint32_t bytes)
{
    return bytes && (bits(gpa, 2, 0) || bits(gpa, 63, 12) != bits(gpa + bytes - 1, 63, 12));
}

static void expect_fast(struct expected *e, uint32_t features, uint32_t filled)
{
    uint32_t next;

    e->out_at = 16 * chunks(e->in);
    if (!e->status && (chunks(e->in) + chunks(e->out) > 7 || (e->out && !e->wide)))
        e->status = 3;
    if (e->status)
        return;
    e->ud = (e->in > 16 && !bits(features, 4, 4)) || (e->out && !bits(features, 15, 15));
    /* Where output goes on within 16 bytes of an XMM register, those before it are to be kept. */
    next = e->out_at + e->start * e->shape.out_each;
    e->need_xmm = !e->ud && bits(filled, 13, 8) != 0x3F && (e->in > 16 || (next > 16 && next % 16));
}

struct expected expect(const struct hvemu_x64_frame *frame, const struct shape *own,
                       uint32_t features)
{
    struct expected e = {.legal = bits(frame->mode, 1, 0) == 0 && bits(frame->mode, 2, 2),
                         .wide = bits(frame->mode, 4, 3) == 3};
    const uint64_t in = parameter(&e, frame->rdx, frame->rbx, frame->rcx);
    const uint64_t out = parameter(&e, frame->r8, frame->rdi, frame->rsi);

    e.control = parameter(&e, frame->rcx, frame->rdx, frame->rax);
    e.known = find_shape((uint16_t)e.control, own, &e.shape);
    e.is_fast = bits(e.control, 16, 16) != 0;
    e.reps = (uint32_t)bits(e.control, 43, 32);
    e.start = (uint32_t)bits(e.control, 59, 48);
    if (e.known) {
        e.header = e.shape.in + 8 * (uint32_t)bits(e.control, 26, 17);
        e.in = e.header + e.reps * e.shape.in_each;
        e.out = e.shape.out + e.reps * e.shape.out_each;
    }
    e.status = judge_word(&e);
    if (e.is_fast) {
        le64enc(e.block, in);
        le64enc(e.block + 8, out);
        for (int i = 0; i < 12; i++)
            le64enc(e.block + 16 + 8 * i, frame->xmm[i / 2][i % 2]);
        expect_fast(&e, features, frame->known);
        return e;
    }
    e.in_gpa = in;
    e.out_gpa = out;
    if (!e.status && (is_misplaced(in, e.in) || is_misplaced(out, e.out)))
        e.status = 4;
    return e;
}
