/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Scripts: faults that are to come to pass, and recordings that can be done again. */

#include "double_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- Faults ---- */

static int is_due(struct hvdouble_fault *fault)
{
    return ++fault->seen == fault->nth || !fault->nth;
}

/* The first fault to apply of all those whose turn it is. */
static struct hvdouble_fault *choose(struct hvdouble *d, struct hvdouble_fault *first,
                                     struct hvdouble_fault *next)
{
    if (!is_due(next) || first)
        return first;
    d->fault_count++;
    d->fault = next;
    return next;
}

int hvdouble__op_fault(struct hvdouble *d, unsigned op, int *answer)
{
    struct hvdouble_fault *fault, *first = NULL;

    STAILQ_FOREACH(fault, &d->faults, link)
    if (fault->kind == FAULT_OP && fault->op == op)
        first = choose(d, first, fault);
    if (first)
        *answer = first->answer;
    return first != NULL;
}

int hvdouble__call_fault(struct hvdouble *d, const struct hvemu_invocation *invocation)
{
    const uint32_t state = hvemu_partition_state(d->hv, invocation->target);
    struct hvdouble_fault *fault, *first = NULL;

    STAILQ_FOREACH(fault, &d->faults, link)
    if ((fault->kind == FAULT_STATUS || fault->kind == FAULT_LIMIT) &&
        (fault->code == UINT32_MAX || fault->code == invocation->call->code) &&
        (fault->states == UINT32_MAX || fault->states & state))
        first = choose(d, first, fault);
    return first ? first->answer : 0;
}

int hvdouble__page_fault(struct hvdouble *d, uint64_t partition, uint64_t page)
{
    struct hvdouble_fault *fault, *first = NULL;

    STAILQ_FOREACH(fault, &d->faults, link)
    if (fault->kind == FAULT_PAGE && fault->of == partition && fault->page == page)
        first = choose(d, first, fault);
    return first != NULL;
}

const struct hvdouble_fault *hvdouble__fault_behind(const struct hvdouble *d, uint16_t status,
                                                    unsigned done)
{
    const struct hvdouble_fault *fault = d->fault;
    int made = 0;

    if (!fault || status == HV_STATUS_SUCCESS)
        return NULL;
    switch (fault->kind) {
    case FAULT_STATUS:
        made = 1;
        break;
    case FAULT_LIMIT:
        made = status == HV_STATUS_TIMEOUT && done == (unsigned)-fault->answer;
        break;
    case FAULT_OP: /* the memory ops answer no status, but what becomes one */
        made = fault->op <= HVS_D_OVERLAY || status == fault->answer;
        break;
    case FAULT_PAGE:
        made = status == HV_STATUS_OPERATION_DENIED;
        break;
    }
    return made ? fault : NULL;
}

static struct hvdouble_fault fault_of(const struct hvs_step *step)
{
    const struct hvs_word *state = hvs_find(step, HVS_K_STATE);
    struct hvdouble_fault fault = {
        .code = (uint32_t)hvs_number(step, HVS_K_CODE, UINT32_MAX),
        .states = state ? (uint32_t)HVEMU_STATE_UNINITIALIZED << state->number : UINT32_MAX,
        .nth = hvs_number(step, HVS_K_NTH, 0),
        .op = (unsigned)hvs_number(step, HVS_K_OP, 0),
        .page = hvs_number(step, HVS_K_PAGE, 0),
        .of = hvs_number(step, HVS_K_OF, 0),
    };

    if (hvs_find(step, HVS_K_STATUS)) {
        fault.kind = FAULT_STATUS;
        fault.answer = (int)hvs_number(step, HVS_K_STATUS, 0);
    } else if (hvs_find(step, HVS_K_LIMIT)) {
        fault.kind = FAULT_LIMIT;
        fault.answer = -(int)hvs_number(step, HVS_K_LIMIT, 0);
    } else if (hvs_find(step, HVS_K_OP)) {
        fault.kind = FAULT_OP;
        fault.answer = (int)hvs_number(step, HVS_K_ANSWER, 0);
    } else
        fault.kind = FAULT_PAGE;
    return fault;
}

static void record_fault(FILE *to, const struct hvs_step *step)
{
    fputs("fault", to);
    for (unsigned i = 0; i < step->count; i++)
        fprintf(to, " %s=%s", hvs_key_name(step->words[i].key), step->words[i].text);
    fputc('\n', to);
}

static int add_fault(struct hvdouble *d, const char *path, const struct hvs_step *step)
{
    const size_t bytes = strlen(path) + sizeof ":4294967295";
    struct hvdouble_fault *fault = malloc(sizeof *fault);
    char *line = malloc(bytes);

    if (!fault || !line) {
        free(fault);
        free(line);
        return 0;
    }
    *fault = fault_of(step);
    fault->line = line;
    snprintf(line, bytes, "%s:%u", path, step->line);
    STAILQ_INSERT_TAIL(&d->faults, fault, link);
    if (d->record)
        record_fault(d->record, step);
    return 1;
}

/* Of a script that is not read, `error` says why already. */
static int load(struct hvdouble *d, struct hvs_file *file, char *error, size_t error_bytes)
{
    int result = 0;

    if (!file)
        return -1;
    for (unsigned i = 0; i < file->step_count && result == 0; i++)
        if (file->steps[i].keyword != HVS_SCRIPT_FAULT) {
            snprintf(error, error_bytes, "%s:%u: this is for hvdouble_replay(), not for loading",
                     file->path, file->steps[i].line);
            result = -1;
        }
    for (unsigned i = 0; i < file->step_count && result == 0; i++)
        if (!add_fault(d, file->path, &file->steps[i])) {
            snprintf(error, error_bytes, "%s:%u: out of memory", file->path, file->steps[i].line);
            result = -1;
        }
    hvs_free(file);
    return result;
}

int hvdouble_load(struct hvdouble *d, const char *path, char *error, size_t error_bytes)
{
    return load(d, hvs_load_script(path, error, error_bytes), error, error_bytes);
}

int hvdouble_load_text(struct hvdouble *d, const char *name, const char *text, char *error,
                       size_t error_bytes)
{
    return load(d, hvs_parse_script(name, text, strlen(text), error, error_bytes), error,
                error_bytes);
}

void hvdouble_mend(struct hvdouble *d)
{
    struct hvdouble_fault *fault;

    while ((fault = STAILQ_FIRST(&d->faults))) {
        STAILQ_REMOVE_HEAD(&d->faults, link);
        free(fault->line);
        free(fault);
    }
    d->fault = NULL;
    if (d->record)
        fputs("mend\n", d->record);
}

uint64_t hvdouble_faults(const struct hvdouble *d)
{
    return d->fault_count;
}

/* ---- Recordings ---- */

void hvdouble__record_bytes(FILE *to, const char *key, const uint8_t *bytes, size_t count)
{
    if (!count)
        return;
    fprintf(to, " %s=", key);
    for (size_t i = 0; i < count; i += 8) {
        if (i)
            fputc('.', to);
        if (count - i >= 8)
            fprintf(to, "8:0x%llx", (unsigned long long)le64dec(bytes + i));
        else
            for (size_t j = i; j < count; j++)
                fprintf(to, "%02x", bytes[j]);
    }
}

/* The bytes of a byte string without names, as scripts have it once they were read. */
static size_t bytes_of(const struct hvs_step *step, enum hvs_key key, uint8_t bytes[HVS_LIST])
{
    const struct hvs_word *word = hvs_find(step, key);
    struct hvs_part part;
    size_t length = 0;

    for (const char *at = word ? word->text : ""; *at;) {
        at = hvs_part(at, &part);
        for (size_t i = 0; i < part.times; i++, length += part.length)
            memcpy(bytes + length, part.bytes, part.length);
    }
    return length;
}

struct replay {
    struct hvdouble *d;
    const struct hvs_file *file;
    char *text;
    size_t text_bytes;
};

static int differs(const struct replay *replay, const struct hvs_step *step, const char *what,
                   uint64_t got)
{
    snprintf(replay->text, replay->text_bytes, "%s:%u: %s 0x%llx", replay->file->path, step->line,
             what, (unsigned long long)got);
    return 1;
}

static int differs_from(const struct replay *replay, const struct hvs_step *step, const char *what,
                        uint64_t got, uint64_t recorded)
{
    snprintf(replay->text, replay->text_bytes, "%s:%u: %s 0x%llx, recorded 0x%llx",
             replay->file->path, step->line, what, (unsigned long long)got,
             (unsigned long long)recorded);
    return 1;
}

static int replay_call(const struct replay *replay, const struct hvs_step *step,
                       const struct hvs_step *wanted)
{
    const struct hvs_word *has_in = hvs_find(step, HVS_K_IN);
    const size_t out_bytes = (size_t)hvs_number(step, HVS_K_OUT, 0);
    const uint64_t control = hvs_number(step, HVS_K_CONTROL, 0);
    uint8_t in[HVS_LIST], out[HVS_LIST] = {0}, want[HVS_LIST];
    const size_t in_bytes = bytes_of(step, HVS_K_IN, in);
    const size_t want_bytes = bytes_of(wanted, HVS_K_OUT, want);
    const uint64_t result =
        hvdouble_hypercall(replay->d, hvs_number(step, HVS_K_FROM, 0), control, has_in ? in : NULL,
                           in_bytes, out_bytes ? out : NULL, out_bytes);
    size_t from, to;

    if (result != hvs_number(wanted, HVS_K_VALUE, 0))
        return differs_from(replay, wanted, "the result is", result,
                            hvs_number(wanted, HVS_K_VALUE, 0));
    hvdouble__find_output(replay->d, control, result, &from, &to);
    if (to - from != want_bytes)
        return differs_from(replay, wanted, "bytes of output are", to - from, want_bytes);
    for (size_t i = 0; i < want_bytes; i++)
        if (out[from + i] != want[i]) {
            char what[64];

            snprintf(what, sizeof what, "byte 0x%zx of the output is", i);
            return differs_from(replay, wanted, what, out[from + i], want[i]);
        }
    return 0;
}

static int replay_step(const struct replay *replay, const struct hvs_step *step)
{
    const struct hvs_word *taken = hvs_find(step, HVS_K_VECTOR);
    const uint64_t of = hvs_number(step, HVS_K_OF, 0);
    uint8_t bytes[HVS_LIST], vector = 0;
    enum hvemu_result result;
    size_t count;

    switch (step->keyword) {
    case HVS_SCRIPT_FAULT:
        return add_fault(replay->d, replay->file->path, step)
                   ? 0
                   : differs(replay, step, "out of memory at", 0);
    case HVS_SCRIPT_CALL:
        return replay_call(replay, step, step + 1);
    case HVS_TAKE:
        result = hvdouble_take_interrupt(replay->d, of, &vector);
        if ((result == HVEMU_OK) != (taken != NULL))
            return taken ? differs(replay, step, "no interrupt, recorded vector", taken->number)
                         : differs(replay, step, "recorded no interrupt, the vector is", vector);
        return taken && vector != taken->number
                   ? differs_from(replay, step, "the vector is", vector, taken->number)
                   : 0;
    case HVS_WRITE:
        count = bytes_of(step, HVS_K_BYTES, bytes);
        return hvdouble_write(replay->d, of, hvs_number(step, HVS_K_GPA, 0), bytes,
                              (uint32_t)count) == HVEMU_MEM_OK
                   ? 0
                   : differs(replay, step, "no such memory of", of);
    case HVS_MEND:
        hvdouble_mend(replay->d);
        return 0;
    default:
        return 0;
    }
}

int hvdouble_replay(const struct hvdouble_options *options, const char *path, char *text,
                    size_t text_bytes)
{
    struct hvs_file *file = hvs_load_script(path, text, text_bytes);
    struct replay replay = {hvdouble_new(options), file, text, text_bytes};
    int result = file && replay.d ? 0 : -1;

    if (file && !replay.d)
        snprintf(text, text_bytes, "%s:0: out of memory, or options that cannot be", path);
    for (unsigned i = 0; result == 0 && i < file->step_count; i++)
        result = replay_step(&replay, &file->steps[i]);
    hvdouble_free(replay.d);
    hvs_free(file);
    return result;
}
