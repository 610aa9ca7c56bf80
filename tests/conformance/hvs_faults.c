/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Calls whose ops fail, answer what no op may answer, or call the library themselves. A call is
 * made once undisturbed, round by round to its end; then, from the same beginning, again and again,
 * with something else in one of its ops each time. What must become of that the header says, and
 * wanted_of() for it:
 *
 * - an answer becomes the call's action or status, or is ignored, and nothing else has happened:
 *   not in memory, registers, the ops, nor in any byte of the instance. Elements completed before
 *   stand. Whoever then makes the call again, from the element that the result names, gets to the
 *   very end of the undisturbed call, each element done once;
 * - what an op may call happens before the call or after it, or makes no difference;
 * - what it must not call and the library promises to refuse is refused, and makes none. */

#include "walk.h"

#include "hvs_world.h"
#include "internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { HEARD = 64, ROUNDS = 80, TIMEOUT = 0x78, FINALIZE = 0x42 };

/* What an op does beside its work, or instead of it. */
enum what { NOTHING, ANSWER, LOOK, BE_REFUSED, YIELD, ASSERT, CLEAR, ACKNOWLEDGE, WHATS };

struct heard {
    unsigned op;
    uint64_t detail;
};

struct meddling {
    unsigned at; /* which op of the call, counted from 1 */
    enum what what;
    int answer;
    unsigned count;
    struct heard heard[HEARD];
    const char *wrong; /* what a call in an op did not answer */
};

/* All that can be seen of a call and its world. Of the instance what has a meaning: not the VPs
 * that are free, nor hints to later calls. */
struct sight {
    enum hvemu_action action;
    uint64_t result, start, access, gpa, effects;
    uint64_t registers[19];
    uint32_t changed;
    uint8_t fast[BLOCK];
    unsigned logged;
    struct op log[LOG];
    uint8_t ram[RAM];
    uint8_t *out, *instance;
};

struct trial {
    struct world world; /* the beginning */
    uint8_t *memory, *out;
    size_t kept; /* of memory: all but the rooms for lists, which no call finds as it left them */
    struct meddling meddling;
    struct heard heard[HEARD]; /* by the undisturbed call, in its first round */
    struct hvemu_call call;    /* decoded, for its lists */
    uint64_t control;
    int armed; /* the vector has its own faults, which may meet other ops if calls are added */
    int listed, endless;
    struct sight before, once, end, got, later;
};

static const char *const op_names[] = {"gpa_read",  "gpa_writable", "gpa_write", "overlay",
                                       "interrupt", "partition",    "vp",        "vp_get",
                                       "vp_set",    "map",          "pool",      "property",
                                       "ext_int",   "filter",       "handler"};

/* ---- What is seen ---- */

static struct hvemu_vp *vps_of(const struct hvemu *hv)
{
    return (struct hvemu_vp *)(void *)hv->intercepts - hv->config.vps;
}

static void copy_instance(const struct trial *trial, const struct hvemu *hv, uint8_t *to)
{
    const size_t vps = (size_t)((const uint8_t *)vps_of(hv) - (const uint8_t *)hv);
    struct hvemu *copy = (void *)to;
    struct hvemu_vp *vp = (void *)(to + vps);
    struct hvemu__rest *rest = (void *)(copy->partitions + hv->config.partitions);

    memcpy(to, hv, trial->kept);
    for (uint32_t i = 0; i < hv->config.partitions; i++)
        hvemu__store(&rest[i].wanted, 0);
    for (uint32_t i = 0; i < hv->config.vps; i++, vp++) {
        struct hvemu_vp *next = vp->next;
        const uint64_t id = hvemu__load(&vp->id);

        hvemu__store(&vp->yield, 0);
        if (id && id != HV_PARTITION_ID_SELF)
            continue;
        memset((void *)vp, 0, sizeof *vp);
        vp->next = next;
    }
}

static void look(const struct trial *trial, const struct world *world, struct sight *sight)
{
    const struct call *call = &world->call;
    struct hvemu_x64_frame frame = call->frame;
    uint8_t *out = sight->out, *instance = sight->instance;
    uint64_t control = call->control;

    memset(sight, 0, offsetof(struct sight, log));
    memset(sight->log, 0, sizeof sight->log);
    sight->out = out;
    sight->instance = instance;
    sight->action = call->action;
    sight->effects = world->effects;
    if (world->convention == HVS_C)
        sight->result = call->result;
    else if (hvs_is_execute(world)) {
        control = call->native.control;
        sight->access = call->native.access;
        sight->gpa = call->action == HVEMU_INTERCEPT ? call->native.gpa : 0;
        sight->result = call->action == HVEMU_STEP ? call->native.result : 0;
        memcpy(sight->fast, call->native.fast, call->in_bytes < BLOCK ? call->in_bytes : BLOCK);
        if (call->written_from < call->written_to)
            memcpy(sight->fast + call->written_from, call->written + call->written_from,
                   call->written_to - call->written_from);
    } else {
        control = hvs_narrow(&frame) ? 0 : frame.rcx;
        if (!hvs_narrow(&frame))
            frame.rcx &= ~START_MASK;
        sight->access = frame.access;
        sight->gpa = frame.gpa;
        for (unsigned i = 0; i < 7; i++)
            sight->registers[i] = *hvs_general(&frame, i);
        memcpy(sight->registers + 7, frame.xmm, sizeof frame.xmm);
        sight->changed = call->changed & ~(hvs_narrow(&frame) ? 0u : (uint32_t)HVEMU_X64_RCX);
        if (call->action == HVEMU_STEP)
            sight->result = hvs_narrow(&frame) ? frame.rdx << 32 | frame.rax : frame.rax;
    }
    sight->start = (control & START_MASK) >> 48;
    /* The reads of a simple call that is made again are made again. */
    for (unsigned i = 0; i < world->logged; i++)
        if (trial->call.reps || world->log[i].control != HVS_D_VP_GET)
            sight->log[sight->logged++] = world->log[i];
    memcpy(sight->ram, world->ram, RAM);
    if (call->c_out)
        memcpy(sight->out, call->c_out, call->out_bytes);
    copy_instance(trial, world->hv, sight->instance);
}

enum { BUT_ANSWER = 1, BUT_START = 2, BUT_ACCESS = 4, BUT_LOG = 8, BUT_OUTPUT = 16 };

/* NULL: they are the same, but for what need not be. */
static const char *differ(const struct trial *trial, const struct sight *a, const struct sight *b,
                          unsigned but)
{
    const int answer = !(but & BUT_ANSWER), output = !(but & BUT_OUTPUT);

    if (answer && (a->action != b->action || a->result != b->result || a->gpa != b->gpa))
        return "the answer";
    if (answer && !(but & BUT_ACCESS) && a->access != b->access)
        return "access";
    if (answer && (memcmp(a->registers, b->registers, sizeof a->registers) != 0 ||
                   a->changed != b->changed || memcmp(a->fast, b->fast, BLOCK) != 0))
        return "a register";
    if (answer && !(but & BUT_START) && a->start != b->start)
        return "the start index";
    if (a->effects != b->effects)
        return "the number of effects";
    if (!(but & BUT_LOG) && (a->logged != b->logged || memcmp(a->log, b->log, sizeof a->log) != 0))
        return "what the VMM's ops heard";
    if (output && memcmp(a->ram, b->ram, RAM) != 0)
        return "memory";
    if (output && trial->world.call.c_out &&
        memcmp(a->out, b->out, trial->world.call.out_bytes) != 0)
        return "the output block";
    return memcmp(a->instance, b->instance, trial->kept) != 0 ? "the instance" : NULL;
}

/* ---- In an op ---- */

static void look_around(struct world *world, struct meddling *meddling)
{
    struct hvemu_call call = world->call.native;
    char line[64];

    for (unsigned i = 0; i < world->part_count; i++)
        for (unsigned j = 0; j < 2; j++) {
            const struct hvemu_vp *vp = world->parts[i].vps[j];
            if (!vp)
                continue;
            (void)hvemu_ext_int_line(vp);
            (void)hvemu_vp_suspended(vp);
            if (hvemu_vp_partition(vp) != world->parts[i].id || hvemu_vp_index(vp) != j ||
                hvemu_vp_context(vp))
                meddling->wrong = "who a VP is";
        }
    if (!hvemu_call_name(world->hv, call.code) || !hvemu_status_name(0) || !hvemu_status_text(0) ||
        !hvemu_result_text(HVEMU_OK) || !hvemu_action_name(HVEMU_STEP) ||
        !hvemu_call_format(world->hv, &call, line, sizeof line))
        meddling->wrong = "a name";
}

/* What the header refuses to whoever is in a call of this VP, or holds the instance's lock. */
static void be_refused(struct world *world, struct meddling *meddling)
{
    const struct heard *heard = &meddling->heard[meddling->count - 1];
    struct hvemu_vp *vp = world->call.vp, *made;
    struct hvemu_x64_frame frame = world->call.frame;
    struct hvemu_call call = world->call.native;
    uint64_t id;

    if (vp && world->convention != HVS_C) {
        if (hvemu_execute(vp, &call) != HVEMU_FAILED ||
            hvemu_x64_hypercall(vp, &frame) != HVEMU_FAILED ||
            hvemu_x64_wrmsr(vp, 0x40000000, 1) != HVEMU_FAILED)
            meddling->wrong = "FAILED to a second call of the VP";
        if (hvemu_vp_detach(vp) != HVEMU_E_BUSY)
            meddling->wrong = "BUSY to the end of the VP";
    }
    if (heard->op == HVS_D_PARTITION ||
        (heard->op == HVS_D_VP &&
         (heard->detail == HVEMU_VP_CREATED || heard->detail == HVEMU_VP_DELETED))) {
        const uint64_t root = world->parts[0].id;
        if (hvemu_add_guest(world->hv, root, 0, NULL, &id) != HVEMU_E_BUSY ||
            hvemu_vp_attach(world->hv, root, 0, NULL, &made) != HVEMU_E_BUSY ||
            hvemu_reset(world->hv, root) != HVEMU_E_BUSY ||
            hvemu_unregister(world->hv, 0x40) != HVEMU_E_BUSY ||
            (uint16_t)hvemu_hypercall(world->hv, root, 0x40, (uint8_t[56]){0}, 56, &id, 8) !=
                TIMEOUT)
            meddling->wrong = "BUSY to a life-cycle call";
    }
}

static void interrupt(struct world *world, const struct part *part, enum what what)
{
    const uint64_t parent = part->parent->id;

    if (what == CLEAR)
        (void)hvemu_clear_virtual_interrupt(world->hv, parent, part->id);
    else if (what == ASSERT) {
        (void)hvemu_assert_virtual_interrupt(world->hv, parent, part->id, 7, 0, 0x55);
        (void)hvemu_assert_virtual_interrupt(world->hv, parent, part->id, 0, 0, 0x55);
    } else if (part->vps[0])
        (void)hvemu_ext_int_acknowledge(part->vps[0], &(uint8_t){0});
}

static void call_library(struct world *world, struct meddling *meddling, enum what what)
{
    world->reentered = 1;
    if (what == LOOK)
        look_around(world, meddling);
    else if (what == BE_REFUSED)
        be_refused(world, meddling);
    else if (what == YIELD)
        hvemu_vp_yield(world->call.vp);
    else
        for (unsigned i = 1; i < world->part_count; i++)
            interrupt(world, &world->parts[i], what);
    world->reentered = 0;
}

int hvs_meddle(struct world *world, unsigned op, uint64_t detail, int *answer)
{
    struct meddling *meddling = world->meddling;

    if (world->reentered) {
        *answer = 0;
        return 1;
    }
    if (meddling->count < HEARD)
        meddling->heard[meddling->count] = (struct heard){op, detail};
    if (++meddling->count != meddling->at)
        return 0;
    if (meddling->what != ANSWER) {
        call_library(world, meddling, meddling->what);
        return 0;
    }
    *answer = meddling->answer;
    return 1;
}

/* ---- What must become of it ---- */

struct wanted {
    enum { STANDS, LOST, CODE, LIMIT, ACTION, STATUS } what;
    enum hvemu_action action;
    uint16_t status;
};

static struct wanted of_status(int answer)
{
    return (uint16_t)answer == TIMEOUT
               ? (struct wanted){.what = ACTION, .action = HVEMU_REPEAT}
               : (struct wanted){.what = STATUS, .status = (uint16_t)answer};
}

static int in_list(const struct trial *trial, uint64_t list, uint32_t bytes, uint64_t gpa)
{
    return trial->listed && gpa - list < bytes;
}

/* Of a memory op: for a list it is the call's action; for what the call is about, a result code or
 * a status. */
static struct wanted of_memory(int answer, int list)
{
    if (answer == HVEMU_MEM_AGAIN)
        return (struct wanted){.what = ACTION, .action = HVEMU_REPEAT};
    if (answer == HVEMU_MEM_NONE || answer == HVEMU_MEM_DENIED)
        return list ? (struct wanted){.what = ACTION, .action = HVEMU_INTERCEPT}
                    : (struct wanted){.what = CODE};
    return list ? (struct wanted){.what = ACTION, .action = HVEMU_FAILED}
                : (struct wanted){.what = STATUS, .status = 0x71};
}

/* Of overlay, by HvSetVpRegisters: no page there is an illegal value, but one can always be taken
 * away. */
static struct wanted of_overlay(int answer, int enable)
{
    if (answer == HVEMU_MEM_AGAIN)
        return of_status(TIMEOUT);
    return of_status(answer == HVEMU_MEM_NONE && enable ? 0x5 : 0x71);
}

static struct wanted of_filter(int answer)
{
    if (answer < 0)
        return (struct wanted){.what = LIMIT};
    return of_status(answer <= 0xFFFF ? answer : 0x8);
}

static struct wanted wanted_of(const struct trial *trial, const struct heard *heard, int answer)
{
    const struct hvemu_call *call = &trial->call;
    const struct wanted again = {.what = ACTION, .action = HVEMU_REPEAT},
                        ignored = {.what = STANDS};

    switch (heard->op) {
    case HVS_D_READ:
        return of_memory(answer, in_list(trial, call->in_gpa, call->in_bytes, heard->detail));
    case HVS_D_WRITABLE:
        return of_memory(answer, 1);
    case HVS_D_WRITE:
        return in_list(trial, call->out_gpa, call->out_bytes, heard->detail)
                   ? (struct wanted){.what = LOST}
                   : of_memory(answer, 0);
    case HVS_D_OVERLAY:
        return of_overlay(answer, (int)heard->detail);
    case HVS_D_PARTITION:
        return heard->detail == HVEMU_PARTITION_STOP        ? ignored
               : heard->detail == HVEMU_PARTITION_FINALIZED ? again
                                                            : of_status(answer);
    case HVS_D_VP:
        return heard->detail == HVEMU_VP_SUSPEND ? ignored
               : heard->detail == HVEMU_VP_DELETED && (uint16_t)trial->control == FINALIZE
                   ? again
                   : of_status(answer);
    case OP_FILTER:
        return of_filter(answer);
    default:
        return of_status(answer);
    }
}

/* ---- Trying it ---- */

static void begin(struct world *world, struct trial *trial, struct meddling meddling)
{
    *world = trial->world;
    memcpy(world->memory, trial->memory, trial->kept);
    if (world->call.c_out)
        memcpy(world->call.c_out, trial->out, world->call.out_bytes);
    trial->meddling = meddling;
    world->meddling = &trial->meddling;
}

static int wrong(struct world *world, const struct trial *trial, const char *what,
                 const char *against)
{
    const struct meddling *meddling = &trial->meddling;
    const struct heard *heard = &trial->heard[meddling->at - 1];
    static const char *const does[WHATS] = {"doing nothing", "answering",    "looking",
                                            "being refused", "yielding",     "asserting",
                                            "clearing",      "acknowledging"};

    return hvs_fails(world, "op %u, %s(0x%llx), %s 0x%x: %s%s [action %d, result 0x%llx]",
                     meddling->at, op_names[heard->op], (unsigned long long)heard->detail,
                     does[meddling->what], (unsigned)meddling->answer, what, against,
                     (int)trial->got.action, (unsigned long long)trial->got.result);
}

/* A call that is over is made again from its first element that is not done; others as they are. */
static void begin_again(struct world *world, const struct trial *trial, uint64_t reps)
{
    struct call *call = &world->call;
    uint64_t control = trial->control;

    if (call->action != HVEMU_STEP)
        return;
    if (reps)
        control = (control & ~START_MASK) | reps << 48;
    if (world->convention == HVS_C)
        call->control = control;
    else if (hvs_is_execute(world))
        call->native.control = control;
    else
        hvs_set_control(&call->frame, control);
    call->control = control;
}

/* To the end. 1: there is none. */
static int finish(struct world *world)
{
    for (unsigned i = 0; i < ROUNDS && world->call.action == HVEMU_REPEAT; i++)
        if (hvs_once(world))
            return -1;
    return world->call.action == HVEMU_REPEAT;
}

static uint64_t reps_of(const struct sight *sight)
{
    return sight->action == HVEMU_STEP ? sight->result >> 32 & 0xFFF : 0;
}

/* Unless elements were completed, or VPs ended on a partition's way to its end, nothing has
 * happened but the answer. */
static const char *partial_effect(const struct world *world, struct trial *trial, int is_status)
{
    struct sight *got = &trial->got;
    const struct sight *before = &trial->before;
    const int frame = world->convention >= HVS_LONG_FAST, narrow = hvs_narrow(&world->call.frame);
    uint32_t result = 0;
    const char *what;

    if (reps_of(got) || got->start != before->start ||
        (narrow && got->action == HVEMU_REPEAT && trial->call.reps) ||
        ((uint16_t)trial->control == FINALIZE && (got->logged || trial->armed)))
        return NULL;
    what = differ(trial, got, before, BUT_ANSWER | BUT_LOG);
    if (what || !frame)
        return what;
    if (is_status)
        result = narrow ? HVEMU_X64_RAX | HVEMU_X64_RDX : HVEMU_X64_RAX;
    if (got->changed != (before->changed | result))
        return "the mask of changed registers";
    for (unsigned i = 0; i < 19; i++)
        if (got->registers[i] != before->registers[i] &&
            !(is_status && (i == 0 || (narrow && i == 2))))
            return "a register";
    return NULL;
}

static const char *judge(const struct world *world, struct trial *trial, const struct heard *heard,
                         struct wanted wanted)
{
    const struct sight *got = &trial->got, *once = &trial->once, *before = &trial->before;
    const uint64_t access = heard->op == HVS_D_READ ? HVEMU_ACCESS_READ : HVEMU_ACCESS_WRITE;

    switch (wanted.what) {
    case STANDS:
        return trial->armed ? NULL : differ(trial, got, once, BUT_LOG);
    case LOST:
        if (got->access != HVEMU_ACCESS_LOST)
            return "access";
        if ((uint16_t)trial->control != 0x54 && memcmp(got->ram, before->ram, RAM) != 0)
            return "memory";
        return trial->armed ? NULL : differ(trial, got, once, BUT_ACCESS | BUT_OUTPUT);
    case CODE:
        return got->action != HVEMU_STEP || got->result
                   ? "the answer"
                   : differ(trial, got, before, BUT_ANSWER | BUT_LOG | BUT_OUTPUT);
    case LIMIT:
        return trial->armed || got->action == HVEMU_REPEAT ? NULL : differ(trial, got, once, 0);
    case ACTION:
        if (got->action != wanted.action)
            return "the answer";
        if (got->action == HVEMU_INTERCEPT && (got->access != access || got->gpa != heard->detail))
            return "access or gpa";
        return partial_effect(world, trial, 0);
    default:
        if (got->action != HVEMU_STEP || (uint16_t)got->result != wanted.status)
            return "the answer";
        return heard->op == OP_FILTER && reps_of(got) ? "reps" : partial_effect(world, trial, 1);
    }
}

/* An instance at rest contradicts itself nowhere. The partitions of a vector's set-up have paid
 * nothing, so with pools only the comparisons speak. */
static void rest(const struct world *world)
{
    if (!world->hv->config.pages)
        walk(world->hv);
}

static int to_the_same_end(struct world *world, struct trial *trial)
{
    const char *what;
    int endless;

    if (trial->armed || trial->endless)
        return 0;
    begin_again(world, trial, reps_of(&trial->got));
    if (hvs_once(world))
        return -1;
    endless = finish(world);
    if (endless < 0)
        return -1;
    look(trial, world, &trial->later);
    what = endless ? "no end" : differ(trial, &trial->later, &trial->end, BUT_START);
    if (what || world->disordered)
        return wrong(world, trial, what ? what : "the order", ", when the call is made again");
    world->faulted->repeated++;
    rest(world);
    return 0;
}

static int try_answer(struct world *world, struct trial *trial, unsigned at, int answer)
{
    const struct heard *heard = &trial->heard[at - 1];
    const struct wanted wanted = wanted_of(trial, heard, answer);
    struct meddling meddling = {.at = at, .what = ANSWER, .answer = answer};
    const char *what;

    begin(world, trial, meddling);
    if (hvs_once(world))
        return -1;
    look(trial, world, &trial->got);
    what = judge(world, trial, heard, wanted);
    if (what)
        return wrong(world, trial, what, "");
    rest(world);
    if (wanted.what == STANDS || wanted.what == LOST ||
        (wanted.what == LIMIT && trial->got.action != HVEMU_REPEAT))
        return 0;
    return to_the_same_end(world, trial);
}

static int try_answers(struct world *world, struct trial *trial, unsigned at)
{
    static const int memory[] = {
        HVEMU_MEM_NONE, HVEMU_MEM_AGAIN, HVEMU_MEM_FAILED, HVEMU_MEM_DENIED, 5, -1,
        INT_MAX,        INT_MIN};
    static const int status[] = {TIMEOUT, 0x5, 0xFFFF, 0x8000, -2};
    static const int filter[] = {TIMEOUT, 0x5, -1, 0xFFFF, 0x10000, INT_MAX, INT_MIN};
    const unsigned op = trial->heard[at - 1].op;
    const int *answers = op <= HVS_D_OVERLAY ? memory : op == OP_FILTER ? filter : status;
    const unsigned documented = op <= HVS_D_OVERLAY ? 4 : op == OP_FILTER ? 3 : 2;
    const unsigned count = op <= HVS_D_OVERLAY ? 8 : op == OP_FILTER ? 7 : 5;

    if (op == OP_KICK) /* answers nothing */
        return 0;
    for (unsigned i = 0; i < count; i++) {
        if (try_answer(world, trial, at, answers[i]))
            return -1;
        *(i < documented ? &world->faulted->failed : &world->faulted->undefined) += 1;
    }
    return 0;
}

static int try_call(struct world *world, struct trial *trial, unsigned at, enum what what)
{
    begin(world, trial, (struct meddling){.at = at, .what = what});
    if (hvs_once(world))
        return -1;
    world->faulted->reentered++;
    look(trial, world, &trial->got);
    return trial->meddling.wrong
               ? wrong(world, trial, "the library did not answer ", trial->meddling.wrong)
               : 0;
}

/* What makes no difference, and what ends a list early. */
static int try_calls(struct world *world, struct trial *trial, unsigned at)
{
    for (enum what what = LOOK; what <= YIELD; what++) {
        const char *differs;
        if (what == YIELD && world->convention == HVS_C)
            continue;
        if (try_call(world, trial, at, what))
            return -1;
        differs = differ(trial, &trial->got, &trial->once, 0);
        if (differs && (what != YIELD || trial->got.action != HVEMU_REPEAT))
            return wrong(world, trial, differs, "");
        rest(world);
        if (differs && to_the_same_end(world, trial))
            return -1;
    }
    return 0;
}

/* What happens before the call or after it. */
static int try_interrupts(struct world *world, struct trial *trial, unsigned last, enum what what)
{
    struct sight *first = &trial->later, *then = &trial->end;

    begin(world, trial, (struct meddling){0});
    call_library(world, &trial->meddling, what);
    if (hvs_once(world))
        return -1;
    look(trial, world, first);
    begin(world, trial, (struct meddling){0});
    if (hvs_once(world))
        return -1;
    call_library(world, &trial->meddling, what);
    look(trial, world, then);
    for (unsigned at = 1; at <= last; at++) {
        if (try_call(world, trial, at, what))
            return -1;
        if (differ(trial, &trial->got, first, 0) && differ(trial, &trial->got, then, 0))
            return wrong(world, trial, differ(trial, &trial->got, then, 0),
                         ", neither as before the call nor as after it");
        rest(world);
    }
    return 0;
}

/* The call undisturbed: its ops, what became of it at once and at its end. */
static int run_undisturbed(struct world *world, struct trial *trial)
{
    trial->endless = 0;
    begin(world, trial, (struct meddling){0});
    look(trial, world, &trial->before);
    if (hvs_once(world))
        return -1;
    look(trial, world, &trial->once);
    memcpy(trial->heard, trial->meddling.heard, sizeof trial->heard);
    return 0;
}

static int run_to_end(struct world *world, struct trial *trial)
{
    const int endless = finish(world);

    if (endless < 0)
        return -1;
    trial->endless = endless;
    look(trial, world, &trial->end);
    return 0;
}

static int meddle_with_each_op(struct world *world, struct trial *trial)
{
    unsigned last;

    if (run_undisturbed(world, trial))
        return -1;
    last = trial->meddling.count < HEARD ? trial->meddling.count : HEARD;
    if (!last)
        return 0;
    world->faulted->calls++;
    world->faulted->ops += last;
    if (run_to_end(world, trial))
        return -1;
    for (unsigned at = 1; at <= last; at++)
        if (try_answers(world, trial, at) || try_calls(world, trial, at))
            return -1;
    for (enum what what = ASSERT; what <= ACKNOWLEDGE && world->part_count > 1; what++)
        if (try_interrupts(world, trial, last, what))
            return -1;
    return 0;
}

static void describe(const struct world *world, struct trial *trial)
{
    const struct call *call = &world->call;
    struct range in, out;

    (void)hvs_find_lists(world, &in, &out, &trial->call);
    trial->control = world->convention == HVS_C ? call->control
                     : hvs_is_execute(world)    ? call->native.control
                                                : hvs_get_control(&call->frame);
    trial->listed = world->convention != HVS_C && !(trial->control & 0x10000);
    trial->armed = world->filter != NULL;
    for (unsigned i = 0; i < HVS_D_OPS; i++)
        trial->armed |= world->faults[i].armed;
}

/* All pieces of one block, each aligned as the instance is. */
static int allot(struct trial *trial, uint8_t **block)
{
    struct sight *const sights[] = {&trial->before, &trial->once, &trial->end, &trial->got,
                                    &trial->later};
    const size_t kept = (trial->kept + 63) / 64 * 64;
    const size_t out = (trial->world.call.out_bytes + 63) / 64 * 64;
    uint8_t *at = aligned_alloc(64, 6 * (kept + out));

    *block = at;
    if (!at)
        return -1;
    trial->memory = at;
    trial->out = at + kept;
    for (unsigned i = 0; i < 5; i++) {
        at += kept + out;
        sights[i]->instance = at;
        sights[i]->out = at + kept;
    }
    return 0;
}

int hvs_fault(struct world *world)
{
    struct trial *trial = calloc(1, sizeof *trial);
    uint8_t *block = NULL;
    int result = -1;

    if (trial) {
        trial->world = *world;
        trial->kept = (size_t)(vps_of(world->hv)->in - (uint8_t *)world->memory);
    }
    if (!trial || allot(trial, &block))
        hvs_fails(world, "out of memory");
    else {
        memcpy(trial->memory, world->memory, trial->kept);
        if (world->call.c_out)
            memcpy(trial->out, world->call.c_out, world->call.out_bytes);
        describe(world, trial);
        result = meddle_with_each_op(world, trial);
        begin(world, trial, (struct meddling){0});
        world->meddling = NULL;
    }
    free(block);
    free(trial);
    return result;
}
