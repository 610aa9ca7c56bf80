/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The double itself: an instance with the machine as its VMM, the door that calls come through, the
 * log that they leave, and what is left of them. */

#include "double_internal.h"

#include <stdlib.h>
#include <string.h>

static const struct hvemu_config defaults = {
    .size = sizeof defaults,
    .partitions = 16,
    .vps = 16,
    .depth = 3,
    .pages = 1024,
    .privileges = HV_PRIVILEGE_ALL,
    .features = HV_FEATURE_XMM_HYPERCALL_INPUT | HV_FEATURE_XMM_HYPERCALL_OUTPUT,
};

static int make_memory(struct hvdouble *d, uint64_t pages)
{
    d->memory_pages = pages ? pages : 4096;
    if (d->memory_pages > (uint64_t)1 << 20)
        return 0;
    d->memory = calloc((size_t)d->memory_pages, HV_PAGE_SIZE);
    d->root_pages = calloc((size_t)d->memory_pages, sizeof *d->root_pages);
    for (uint64_t i = 0; d->root_pages && i < d->memory_pages; i++)
        d->root_pages[i] =
            (struct hvdouble_page){.number = i, .flags = HV_MAP_GPA_PERMISSIONS_MASK};
    return d->memory && d->root_pages;
}

static int make_hypervisor(struct hvdouble *d, const struct hvemu_config *config)
{
    const size_t bytes = hvemu_memory_size(config);

    d->block = bytes ? aligned_alloc(64, bytes) : NULL;
    d->root = hvdouble__add_partition(d, NULL, 0);
    if (!d->block || !d->root ||
        hvemu_init(&d->hv, d->block, bytes, config, &hvdouble__ops, d->root) != HVEMU_OK)
        return 0;
    d->root->id = hvemu_root(d->hv);
    return 1;
}

struct hvdouble *hvdouble_new(const struct hvdouble_options *options)
{
    static const struct hvdouble_options none;
    struct hvdouble *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    if (!options)
        options = &none;
    LIST_INIT(&d->partitions);
    STAILQ_INIT(&d->faults);
    if (make_memory(d, options->memory_pages) &&
        make_hypervisor(d, options->config ? options->config : &defaults))
        return d;
    hvdouble_free(d);
    return NULL;
}

void hvdouble_free(struct hvdouble *d)
{
    struct hvdouble_partition *partition;

    if (!d)
        return;
    d->record = NULL;
    hvdouble_mend(d);
    while ((partition = LIST_FIRST(&d->partitions)))
        hvdouble__remove_partition(partition);
    free(d->block);
    free(d->memory);
    free(d->root_pages);
    free(d);
}

struct hvemu *hvdouble_hypervisor(const struct hvdouble *d)
{
    return d->hv;
}

/* ---- Calls ---- */

/* The partition that the input of a refused call begins with, for a call that has one; 0: none. */
static uint64_t named_target(uint64_t control, const void *in, size_t in_bytes)
{
    enum { NOBODY, PARENT, SELF, ROOT = 0, PRIVILEGED = 0, VP = 0, LOCK = 0, LIFE = 0 };

    if (!in || in_bytes < sizeof(uint64_t))
        return 0;
    switch ((uint16_t)control) {
#define HVEMU_CALL(code, name, handler, in_, in_each, out, out_each, form, target, ...) \
    case code:                                                                          \
        return (target) != NOBODY ? le64dec(in) : 0;
#define HVEMU_NAME(code, name)
#include "../lib/hypercalls.def"
    default:
        return 0;
    }
}

static void log_call(struct hvdouble *d, uint64_t caller, uint64_t target, uint64_t control,
                     uint16_t status, unsigned reps)
{
    const uint16_t code = (uint16_t)control;
    const unsigned wanted =
        (unsigned)((control & HV_HYPERCALL_REP_COUNT_MASK) >> HV_HYPERCALL_REP_COUNT_SHIFT);
    const unsigned start =
        (unsigned)((control & HV_HYPERCALL_REP_START_MASK) >> HV_HYPERCALL_REP_START_SHIFT);
    const struct hvdouble_fault *fault = hvdouble__fault_behind(d, status, reps - start);
    const char *name = hvemu_status_name(status);
    char line[512], on[32] = "", number[16] = "", done[48] = "";

    d->logged = 1;
    if (!d->log)
        return;
    if (target)
        snprintf(on, sizeof on, " on 0x%llx", (unsigned long long)target);
    if (strcmp(name, hvemu_status_name(UINT16_MAX)) == 0) /* unknown */
        snprintf(number, sizeof number, " 0x%04X", status);
    if (wanted)
        snprintf(done, sizeof done, ", %u of %u done", reps, wanted);
    snprintf(line, sizeof line, "0x%llx: %s (0x%04X)%s: %s%s%s%s%s%s", (unsigned long long)caller,
             hvemu_call_name(d->hv, code), code, on, name, number, done, fault ? " [fault " : "",
             fault ? fault->line : "", fault ? "]" : "");
    d->log(d->log_arg, line);
}

int hvdouble__filter(void *ctx, const struct hvemu_invocation *invocation)
{
    const struct hvdouble_partition *at = ctx;

    at->d->target = invocation->target;
    at->d->fault = NULL;
    return hvdouble__call_fault(at->d, invocation);
}

void hvdouble__trace(void *ctx, const struct hvemu_invocation *invocation, uint16_t status,
                     uint16_t reps)
{
    const struct hvdouble_partition *at = ctx;

    log_call(at->d, invocation->caller, invocation->target, invocation->control, status, reps);
}

void hvdouble__find_output(struct hvdouble *d, uint64_t control, uint64_t result, size_t *from,
                           size_t *to)
{
    const struct hvemu_x64_frame frame = {.rcx = control & ~(uint64_t)HV_HYPERCALL_FAST,
                                          .mode = HVEMU_X64_KERNEL64};
    struct hvemu_call call;
    size_t done =
        (size_t)((result & HV_HYPERCALL_RESULT_REPS_MASK) >> HV_HYPERCALL_RESULT_REPS_SHIFT);

    *from = *to = 0;
    if (hvemu_x64_decode(d->hv, &frame, 0, &call) != HVEMU_STEP || !call.out_bytes)
        return;
    if (call.reps && done > call.start) {
        *from = (size_t)call.out_bytes / call.reps * call.start;
        *to = (size_t)call.out_bytes / call.reps * done;
    } else if (!call.reps && (uint16_t)result == HV_STATUS_SUCCESS)
        *to = call.out_bytes;
}

static void record_call(struct hvdouble *d, uint64_t caller, uint64_t control, const void *in,
                        size_t in_bytes, size_t out_bytes)
{
    fprintf(d->record, "call from=0x%llx control=0x%llx", (unsigned long long)caller,
            (unsigned long long)control);
    if (in)
        hvdouble__record_bytes(d->record, "in", in, in_bytes < HVS_LIST ? in_bytes : HVS_LIST);
    if (out_bytes)
        fprintf(d->record, " out=0x%zx", out_bytes < HVS_LIST ? out_bytes : HVS_LIST);
    fputc('\n', d->record);
}

uint64_t hvdouble_hypercall(struct hvdouble *d, uint64_t caller, uint64_t control, const void *in,
                            size_t in_bytes, void *out, size_t out_bytes)
{
    size_t from, to;
    uint64_t result;

    if (d->record)
        record_call(d, caller, control, in, in_bytes, out ? out_bytes : 0);
    d->logged = 0;
    d->fault = NULL;
    result = hvemu_hypercall(d->hv, caller, control, in, in_bytes, out, out_bytes);
    if (!d->logged) /* refused before the filter saw it */
        log_call(d, caller, named_target(control, in, in_bytes), control, (uint16_t)result, 0);
    if (d->record) {
        hvdouble__find_output(d, control, result, &from, &to);
        fprintf(d->record, "result value=0x%llx", (unsigned long long)result);
        if (out)
            hvdouble__record_bytes(d->record, "out", (const uint8_t *)out + from, to - from);
        fputc('\n', d->record);
    }
    return result;
}

/* A thread's way in: what the Hv functions of the library call. */
static _Thread_local struct attachment {
    struct hvemu_caller caller;
    struct hvdouble *d;
} attachment;

/* Header and elements in one block, as hypercalls have them. What no page could hold the hypervisor
 * is to refuse, unseen. */
static uint64_t enter(const struct hvemu_caller *caller, uint64_t control, const void *in,
                      size_t in_bytes, const void *items, size_t items_bytes, void *out,
                      size_t out_bytes)
{
    struct hvdouble *d = ((const struct attachment *)caller)->d;
    uint8_t block[HV_PAGE_SIZE];

    if (items && in_bytes + items_bytes <= sizeof block) {
        memcpy(block, in, in_bytes);
        memcpy(block + in_bytes, items, items_bytes);
        in = block;
        in_bytes += items_bytes;
    }
    return hvdouble_hypercall(d, caller->partition, control, in, in_bytes, out, out_bytes);
}

void hvdouble_attach(struct hvdouble *d, uint64_t partition)
{
    if (!d) {
        hvemu_attach(NULL);
        return;
    }
    attachment.d = d;
    attachment.caller = (struct hvemu_caller){d->hv, partition, enter};
    hvemu_attach(&attachment.caller);
}

static void log_to_file(void *arg, const char *line)
{
    fprintf(arg, "%s\n", line);
}

void hvdouble_log(struct hvdouble *d, FILE *to)
{
    hvdouble_log_to(d, to ? log_to_file : NULL, to);
}

void hvdouble_log_to(struct hvdouble *d, void (*line)(void *arg, const char *text), void *arg)
{
    d->log = line;
    d->log_arg = arg;
}

void hvdouble_record(struct hvdouble *d, FILE *to)
{
    d->record = to;
}

/* ---- The machine, from outside ---- */

static int access_memory(struct hvdouble *d, uint64_t partition, uint64_t gpa, void *to,
                         const void *from, uint32_t bytes)
{
    struct hvdouble_partition *at = hvdouble__find(d, partition);
    const uint64_t offset = gpa % HV_PAGE_SIZE;

    if (!at || !bytes || bytes > HV_PAGE_SIZE - offset)
        return HVEMU_MEM_NONE;
    if (!at->overlaid || gpa - offset != at->overlay)
        return hvdouble__access(at, gpa, to, from, bytes);
    if (!to)
        return HVEMU_MEM_DENIED;
    for (uint32_t i = 0; i < bytes; i++)
        ((uint8_t *)to)[i] = offset + i < sizeof at->code ? at->code[offset + i] : 0;
    return HVEMU_MEM_OK;
}

int hvdouble_read(struct hvdouble *d, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes)
{
    return access_memory(d, partition, gpa, to, NULL, bytes);
}

int hvdouble_write(struct hvdouble *d, uint64_t partition, uint64_t gpa, const void *from,
                   uint32_t bytes)
{
    const int answer = access_memory(d, partition, gpa, NULL, from, bytes);

    if (d->record && answer == HVEMU_MEM_OK) {
        fprintf(d->record, "write of=0x%llx gpa=0x%llx", (unsigned long long)partition,
                (unsigned long long)gpa);
        hvdouble__record_bytes(d->record, "bytes", from, bytes);
        fputc('\n', d->record);
    }
    return answer;
}

struct hvemu_vp *hvdouble_vp(const struct hvdouble *d, uint64_t partition, uint32_t index)
{
    const struct hvdouble_partition *at = hvdouble__find(d, partition);
    const struct hvdouble_processor *processor;

    if (at)
        LIST_FOREACH(processor, &at->processors, link)
    if (processor->index == index)
        return processor->vp;
    return NULL;
}

enum hvemu_result hvdouble_take_interrupt(struct hvdouble *d, uint64_t partition, uint8_t *vector)
{
    struct hvemu_vp *vp = hvdouble_vp(d, partition, 0);
    const enum hvemu_result result = vp ? hvemu_ext_int_acknowledge(vp, vector) : HVEMU_E_VP;

    if (d->record && result == HVEMU_OK)
        fprintf(d->record, "take of=0x%llx vector=0x%x\n", (unsigned long long)partition, *vector);
    else if (d->record)
        fprintf(d->record, "take of=0x%llx\n", (unsigned long long)partition);
    return result;
}

/* ---- What there is ---- */

struct hvdouble_balance hvdouble_balance(const struct hvdouble *d)
{
    struct hvdouble_balance balance = {.frames = d->memory_pages};
    struct hvdouble_partition *p;
    struct hvdouble_processor *processor;
    struct hvdouble_page *page;

    LIST_FOREACH(p, &d->partitions, link)
    {
        balance.partitions += p->parent != NULL;
        LIST_FOREACH(processor, &p->processors, link)
        balance.vps++;
        RB_FOREACH(page, hvdouble_pages, &p->pages)
        {
            balance.mapped++;
            balance.deposited += page->pool != 0;
        }
    }
    for (uint64_t i = 0; i < d->memory_pages; i++) {
        balance.frames -= d->root_pages[i].pool != 0;
        balance.deposited += d->root_pages[i].pool != 0;
        balance.restricted += d->root_pages[i].flags != HV_MAP_GPA_PERMISSIONS_MASK;
    }
    return balance;
}

/* A list of things of one kind, as ranges: they are told in rising order. */
struct report {
    FILE *to;
    unsigned count;
    const char *what;
    uint64_t of, first, last;
    uint64_t pool; /* 0: none */
};

static void end_range(struct report *report)
{
    if (report->what && report->to) {
        fprintf(report->to, "0x%llx: %s 0x%llx", (unsigned long long)report->of, report->what,
                (unsigned long long)report->first);
        if (report->first != report->last)
            fprintf(report->to, " to 0x%llx", (unsigned long long)report->last);
        if (report->pool)
            fprintf(report->to, " in the pool of 0x%llx", (unsigned long long)report->pool);
        fputc('\n', report->to);
    }
    report->what = NULL;
}

static void tell_pooled(struct report *report, const char *what, uint64_t of, uint64_t number,
                        uint64_t pool)
{
    report->count++;
    if (report->what == what && report->of == of && report->last + 1 == number &&
        report->pool == pool) {
        report->last = number;
        return;
    }
    end_range(report);
    report->what = what;
    report->of = of;
    report->first = report->last = number;
    report->pool = pool;
}

static void tell(struct report *report, const char *what, uint64_t of, uint64_t number)
{
    tell_pooled(report, what, of, number, 0);
}

static void tell_page(struct report *report, uint64_t of, const struct hvdouble_page *page)
{
    static const char deposited[] = "has deposited page", mapped[] = "has mapped page";

    tell_pooled(report, page->pool ? deposited : mapped, of, page->number, page->pool);
}

static void tell_partition(struct report *report, struct hvdouble_partition *p)
{
    struct hvdouble_processor *processor;
    struct hvdouble_page *page;

    if (p->parent)
        tell(report, "is a partition of", p->id, p->parent->id);
    LIST_FOREACH(processor, &p->processors, link)
    {
        tell(report, "has VP", p->id, processor->index);
        if (hvemu_ext_int_line(processor->vp))
            tell(report, "has an external interrupt for VP", p->id, processor->index);
    }
    RB_FOREACH(page, hvdouble_pages, &p->pages)
    tell_page(report, p->id, page);
}

unsigned hvdouble_leaks(const struct hvdouble *d, FILE *to)
{
    struct report report = {.to = to};
    struct hvdouble_partition *p;

    LIST_FOREACH(p, &d->partitions, link)
    tell_partition(&report, p);
    for (uint64_t i = 0; i < d->memory_pages; i++)
        if (d->root_pages[i].pool)
            tell_page(&report, d->root->id, &d->root_pages[i]);
    for (uint64_t i = 0; i < d->memory_pages; i++)
        if (d->root_pages[i].flags != HV_MAP_GPA_PERMISSIONS_MASK)
            tell(&report, "has not every right to page", d->root->id, i);
    end_range(&report);
    return report.count;
}
