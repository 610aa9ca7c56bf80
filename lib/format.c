/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Names and one line of text for people who read logs. Nothing here calls libc. */

#include "internal.h"

const char *hvemu_call_name(const struct hvemu *hv, uint16_t code)
{
    const struct hvemu_descriptor *own = hv ? hvemu__find(hv, code) : NULL;

    if (own)
        return own->name;
    switch (code) {
#define HVEMU_CALL(code, name, ...) \
    case code:                      \
        return #name;
#define HVEMU_NAME(code, name) \
    case code:                 \
        return #name;
#include "hypercalls.def"
    default:
        return "HvCall(unknown)";
    }
}

const char *hvemu_result_text(enum hvemu_result result)
{
    switch (result) {
    case HVEMU_OK:
        return "success";
    case HVEMU_E_ARGUMENT:
        return "bad argument: NULL, misaligned, out of range or contradicting itself, or a code "
               "that has a call already, or none";
    case HVEMU_E_VERSION:
        return "size of a structure not set, or of an incompatible version";
    case HVEMU_E_SPACE:
        return "memory too small, or a configured capacity is used up";
    case HVEMU_E_PARTITION:
        return "no such partition, or not in the state this needs";
    case HVEMU_E_VP:
        return "no such virtual processor, it exists already, or it is not VP 0";
    case HVEMU_E_NOTHING:
        return "no external interrupt to acknowledge";
    case HVEMU_E_BUSY:
        return "not now: a life-cycle call or a call of this VP is under way, or a VP has been "
               "attached before";
    case HVEMU_E_OP:
        return "an op of the VMM refused or failed";
    }
    return "unknown result";
}

const char *hvemu_action_name(enum hvemu_action action)
{
    switch (action) {
#define NAME(action) \
    case action:     \
        return #action
        NAME(HVEMU_STEP);
        NAME(HVEMU_REPEAT);
        NAME(HVEMU_UD);
        NAME(HVEMU_GP);
        NAME(HVEMU_INTERCEPT);
        NAME(HVEMU_NEED_XMM);
        NAME(HVEMU_PASS);
        NAME(HVEMU_GONE);
        NAME(HVEMU_FAILED);
#undef NAME
    }
    return "HVEMU_(unknown)";
}

/* A line that counts what does not fit any more, as snprintf() does. */
struct line {
    char *to;
    size_t bytes, length;
};

static void put(struct line *line, const char *text)
{
    for (; *text; text++, line->length++)
        if (line->length + 1 < line->bytes)
            line->to[line->length] = *text;
}

static void put_hex(struct line *line, uint64_t value, unsigned digits)
{
    char text[17];
    unsigned at = digits;

    for (text[at] = 0; at; value >>= 4)
        text[--at] = "0123456789ABCDEF"[value & 15];
    put(line, "0x");
    put(line, text);
}

static void put_number(struct line *line, unsigned value)
{
    char text[11];
    unsigned at = sizeof text - 1;

    text[at] = 0;
    do
        text[--at] = (char)('0' + value % 10);
    while (value /= 10);
    put(line, text + at);
}

static void put_list(struct line *line, const char *what, unsigned bytes, uint64_t gpa, int fast)
{
    if (!bytes)
        return;
    put(line, what);
    put_number(line, bytes);
    put(line, " bytes");
    if (!fast) {
        put(line, " at ");
        put_hex(line, gpa, 16);
    }
}

size_t hvemu_call_format(const struct hvemu *hv, const struct hvemu_call *call, char *to,
                         size_t bytes)
{
    struct line line = {to, to ? bytes : 0, 0};
    int fast;

    if (line.bytes)
        *to = 0;
    if (!call)
        return 0;
    fast = (call->control & HV_HYPERCALL_FAST) != 0;
    put(&line, hvemu_call_name(hv, call->code));
    put(&line, " (");
    put_hex(&line, call->code, 4);
    put(&line, fast ? ") fast" : ") memory");
    if (call->reps || call->start) {
        put(&line, ", reps from ");
        put_number(&line, call->start);
        put(&line, " of ");
        put_number(&line, call->reps);
    }
    put_list(&line, ", in ", call->in_bytes, call->in_gpa, fast);
    for (unsigned at = 0; fast && at < call->in_bytes && at < sizeof call->fast; at += 8) {
        put(&line, at ? " " : ": ");
        if (at >= 16 && call->access & HVEMU_ACCESS_READ) /* in XMM registers, and unread */
            put(&line, "?");
        else
            put_hex(&line, le64dec(call->fast + at), 16);
    }
    put_list(&line, ", out ", call->out_bytes, call->out_gpa, fast);
    if (call->executed || call->status) {
        put(&line, call->executed ? " -> " : ": ");
        put(&line, hvemu_status_name(call->executed ? (uint16_t)call->result : call->status));
    }
    if (call->executed && call->reps) {
        put(&line, ", done ");
        put_number(&line, (unsigned)(call->result >> HV_HYPERCALL_RESULT_REPS_SHIFT) & 0xFFF);
    }
    if (line.bytes)
        to[line.length < line.bytes ? line.length : line.bytes - 1] = 0;
    return line.length;
}
