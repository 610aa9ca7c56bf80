/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The instance, the VMM, and the calls: the only place of this test that knows the library. */

#include "world.h"

#include "hvgdk/hvgdk.h"
#include "internal.h"

#include <err.h>
#include <stdio.h>
#include <string.h>

enum { SLOT = 4, EXT_INT = 7, OWN_BY_CODE = 0x8001, OWN_ON_CODE = 0x8002, GENERATIONS = 3 };

const char *const begin_names[BEGINNINGS] = {"idle",       "asserted", "acknowledged",
                                             "without VP", "created",  "created, acknowledged",
                                             "unborn",     "ended",    "second"};

struct call history[SCHEDULE_THREADS * CALLS];
static unsigned ended; /* of them */

static alignas(64) uint8_t memory[0x10000];
static uint8_t image[0x2000]; /* of what changes in it, at the beginning */
static struct hvemu *hv;
static struct hvemu_vp *native; /* A's */

/* What the VMM knows, each an object that its threads use in one step. */
static struct vmm {
    alignas(8) struct hvemu_vp *boot; /* VP 0, if its thread may make calls, ... */
    uint32_t boot_generation;         /* ... its partition, ... */
    uint32_t boots;                   /* ... how many there were ... */
    uint32_t inside;                  /* ... and whether it is in one */
    /* Of each of the slot's partitions: ops and handlers that run, and whether it was finalized. */
    uint32_t running[GENERATIONS], over[GENERATIONS];
    const char *fault;
} vmm, vmm_at_first;

static uint64_t id_of(unsigned generation)
{
    return (uint64_t)generation << 24 | SLOT;
}

static uint64_t caller_of(const struct act *act)
{
    return act->caller == A ? 2 : 3;
}

/* The ops. */

static struct call *this_call(void)
{
    struct call *call = &history[schedule_thread() * CALLS];

    return call[1].begun ? &call[1] : call;
}

static void tell(unsigned what)
{
    if (schedule_thread() >= 0)
        this_call()->told |= (uint16_t)(this_call()->told & what ? TOLD_TWICE : what);
}

/* Something that must not run when the partition has been finalized. */
static void run_op(uint64_t partition, unsigned what)
{
    const unsigned generation = (unsigned)(partition >> 24) % GENERATIONS;

    tell(what);
    schedule_access(&vmm.running[generation], SCHEDULE_COUNTS);
    vmm.running[generation]++;
    if (vmm.over[generation])
        vmm.fault = "an op after its partition was finalized";
    schedule_access(&vmm.running[generation], SCHEDULE_COUNTS);
    vmm.running[generation]--;
}

static void op_ext_int(void *ctx, uint64_t partition)
{
    (void)ctx;
    run_op(partition, TOLD_KICK);
}

static uint16_t op_interrupt(void *ctx, uint64_t partition, uint64_t control, uint64_t address,
                             uint32_t vector)
{
    (void)ctx, (void)control, (void)address, (void)vector;
    run_op(partition, TOLD_INTERRUPT);
    return HV_STATUS_SUCCESS;
}

static uint16_t op_partition(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                             void **child_ctx)
{
    const unsigned generation = (unsigned)(partition >> 24) % GENERATIONS;

    (void)ctx, (void)creation, (void)child_ctx;
    tell((unsigned)TOLD_FIRST << event);
    if (event == HVEMU_PARTITION_FINALIZED) {
        schedule_access(&vmm.running[generation], SCHEDULE_SETS);
        if (vmm.running[generation])
            vmm.fault = "a partition finalized while an op for it runs";
        vmm.over[generation] = 1;
    }
    return HV_STATUS_SUCCESS;
}

/* A VP ends when its thread has left the library. */
static uint16_t op_vp(void *ctx, struct hvemu_vp *vp, uint32_t event, const void *block,
                      void **vp_ctx)
{
    (void)ctx, (void)block, (void)vp_ctx;
    schedule_access(&vmm.boot, SCHEDULE_SETS);
    schedule_saw(vmm.inside);
    if (event == HVEMU_VP_DELETED && vmm.inside)
        return HV_STATUS_TIMEOUT;
    vmm.boot = event == HVEMU_VP_CREATED ? vp : NULL;
    vmm.boots++;
    vmm.boot_generation = (uint32_t)(hvemu_vp_partition(vp) >> 24);
    tell(event == HVEMU_VP_CREATED ? TOLD_VP_CREATED : TOLD_VP_DELETED);
    return HV_STATUS_SUCCESS;
}

static uint16_t own(const struct hvemu_invocation *invocation, const void *in, const void *item,
                    void *out)
{
    (void)in, (void)item, (void)out;
    run_op(invocation->call->code == OWN_BY_CODE ? invocation->caller : invocation->target,
           TOLD_OWN);
    return HV_STATUS_SUCCESS;
}

static const struct hvemu_ops ops = {.size = sizeof ops,
                                     .ext_int = op_ext_int,
                                     .interrupt = op_interrupt,
                                     .overlay = NULL,
                                     .partition = op_partition,
                                     .vp = op_vp};

/* The calls. */

static int by_number(uint64_t caller, uint16_t code, uint64_t id)
{
    uint8_t in[40] = {0};

    le64enc(in, id);
    return (int)hvemu_hypercall(hv, caller, code, in, sizeof in, NULL, 0);
}

/* With 16 bytes of input and 8 of output. */
static int ask(uint64_t caller, uint16_t code, uint64_t id, uint64_t parameter, uint64_t *value)
{
    uint8_t in[16], out[8] = {0};
    int status;

    le64enc(in, id);
    le64enc(in + 8, parameter);
    status = (int)hvemu_hypercall(hv, caller, code, in, sizeof in, out, sizeof out);
    *value = le64dec(out);
    return status;
}

static int next_child(struct call *c)
{
    uint64_t id;
    const int status = ask(caller_of(c->act), HvCallGetNextChildPartition, HV_PARTITION_ID_SELF,
                           HV_PARTITION_ID_INVALID, &id);

    c->generation = (uint8_t)(id ? id >> 24 : NOBODY);
    return status;
}

/* By the registers of a 64-bit guest. */
static int by_processor(uint64_t control, uint64_t rdx)
{
    struct hvemu_x64_frame frame = {.rcx = control, .rdx = rdx, .mode = HVEMU_X64_KERNEL64};
    const enum hvemu_action action = hvemu_x64_hypercall(native, &frame);

    return action == HVEMU_REPEAT ? AGAIN_STATUS
           : action == HVEMU_STEP ? (int)frame.rax
                                  : -200 - (int)action;
}

static int create(struct call *c)
{
    const uint8_t in[sizeof(HV_INPUT_CREATE_PARTITION)] = {0};
    uint8_t out[8];
    const int status = (int)hvemu_hypercall(hv, caller_of(c->act), HvCallCreatePartition, in,
                                            sizeof in, out, sizeof out);

    if (status == HV_STATUS_SUCCESS)
        c->generation = (uint8_t)(le64dec(out) >> 24);
    return status;
}

static int add_guest(struct call *c)
{
    uint64_t id;
    const enum hvemu_result result =
        hvemu_add_guest(hv, caller_of(c->act), HV_PRIVILEGE_ALL, NULL, &id);

    if (result == HVEMU_OK)
        c->generation = (uint8_t)(id >> 24);
    return result;
}

static int on_child(const struct act *act)
{
    static const uint16_t codes[] = {[CREATE_VP] = HvCallCreateVp,
                                     [DELETE_VP] = HvCallDeleteVp,
                                     [OWN_ON] = OWN_ON_CODE,
                                     [INITIALIZE] = HvCallInitializePartition,
                                     [FINALIZE] = HvCallFinalizePartition,
                                     [DELETE] = HvCallDeletePartition,
                                     [CLEAR] = HvCallClearVirtualInterrupt};
    const uint64_t id = id_of(act->generation);
    uint64_t value;

    switch (act->kind) {
    case PROPERTY:
        return ask(caller_of(act), HvCallGetPartitionProperty, id,
                   HvPartitionPropertyPrivilegeFlags, &value);
    case ASSERT:
    case WITHDRAW:
        return hvemu_assert_virtual_interrupt(hv, caller_of(act), id, EXT_INT, 0,
                                              act->kind == ASSERT ? act->vector
                                                                  : HV_INTERRUPT_VECTOR_NONE);
    case ASSERT_FIXED:
        return hvemu_assert_virtual_interrupt(hv, caller_of(act), id, 0, 0, 0x41);
    case CLEAR:
        return act->native ? by_processor(HV_HYPERCALL_FAST | HvCallClearVirtualInterrupt, id)
                           : hvemu_clear_virtual_interrupt(hv, caller_of(act), id);
    default:
        return by_number(caller_of(act), codes[act->kind], id);
    }
}

/* VP 0's thread: makes no calls when there is no VP 0 any more. */
static int by_boot(struct call *c)
{
    uint32_t boots;
    int answer = NOT_MADE;

    schedule_access(&vmm.boot, SCHEDULE_SETS);
    boots = vmm.boots;
    schedule_saw((uintptr_t)vmm.boot + vmm.boot_generation);
    if (!vmm.boot)
        return answer;
    vmm.inside = 1;
    c->generation = (uint8_t)vmm.boot_generation;
    answer = c->act->kind == ACKNOWLEDGE ? (int)hvemu_ext_int_acknowledge(vmm.boot, &c->vector)
             : c->act->kind == LINE      ? hvemu_ext_int_line(vmm.boot)
                                         : (int)hvemu_vp_detach(vmm.boot);
    schedule_access(&vmm.boot, SCHEDULE_SETS);
    if (c->act->kind == DETACH && answer == HVEMU_OK && vmm.boots == boots)
        vmm.boot = NULL;
    vmm.inside = 0;
    return answer;
}

static int attach(const struct act *act)
{
    struct hvemu_vp *vp;
    const enum hvemu_result result = hvemu_vp_attach(hv, id_of(act->generation), 0, NULL, &vp);

    if (result == HVEMU_OK) {
        schedule_access(&vmm.boot, SCHEDULE_SETS);
        vmm.boot = vp;
        vmm.boot_generation = act->generation;
    }
    return result;
}

static int carry_out(struct call *c)
{
    switch (c->act->kind) {
    case ACKNOWLEDGE:
    case LINE:
    case DETACH:
        return by_boot(c);
    case ATTACH:
        return attach(c->act);
    case RESET:
        return hvemu_reset(hv, id_of(c->act->generation));
    case OWN_BY:
        return by_number(id_of(c->act->generation), OWN_BY_CODE, 0);
    case CREATE:
        return create(c);
    case ADD_GUEST:
        return add_guest(c);
    case NEXT_CHILD:
        return next_child(c);
    default:
        return on_child(c->act);
    }
}

static void run(int thread)
{
    for (int i = 0; i < CALLS; i++) {
        struct call *c = &history[thread * CALLS + i];

        if (i)
            schedule_between();
        c->begun = 1;
        c->after = (uint8_t)ended;
        c->answer = carry_out(c);
        ended |= 1u << (c - history);
    }
}

/* The beginnings. */

static int make_instance(void)
{
    static const struct hvemu_config config = {.size = sizeof config,
                                               .partitions = SLOT,
                                               .vps = 3,
                                               .depth = 3,
                                               .calls = 2,
                                               .intercepts = 1,
                                               .privileges = HV_PRIVILEGE_CREATE_PARTITIONS};
    const struct hvemu_descriptor by = {
        .size = sizeof by, .name = "OwnBy", .handler = own, .code = OWN_BY_CODE};
    const struct hvemu_descriptor on = {.size = sizeof on,
                                        .name = "OwnOn",
                                        .handler = own,
                                        .code = OWN_ON_CODE,
                                        .in = 8,
                                        .target = HVEMU_PARENT,
                                        .states = HVEMU_STATE_ACTIVE};
    uint64_t id;
    int bad = hvemu_init(&hv, memory, sizeof memory, &config, &ops, NULL);

    bad |= hvemu_register(hv, &by) | hvemu_register(hv, &on);
    bad |= hvemu_add_guest(hv, 1, HV_PRIVILEGE_ALL, NULL, &id);
    bad |= hvemu_add_guest(hv, 1, HV_PRIVILEGE_ALL, NULL, &id);
    bad |= hvemu_vp_attach(hv, 2, 1, NULL, &native);
    bad |= hvemu_x64_wrmsr(native, HV_X64_MSR_GUEST_OS_ID, 1) != HVEMU_STEP;
    /* There is no overlay op: the page is enabled by hand. */
    hv->partitions[1].hypercall_msr = 0x1000 | HV_X64_MSR_HYPERCALL_ENABLE;
    return bad;
}

static int bring_up(enum begin begin)
{
    const unsigned generation = begin == SECOND;
    const uint64_t id = id_of(generation);
    uint64_t made;
    uint8_t vector;
    int bad = 0;

    if (generation)
        bad |= hvemu_add_guest(hv, 2, 0, NULL, &made) |
               by_number(2, HvCallFinalizePartition, SLOT) |
               by_number(2, HvCallDeletePartition, SLOT);
    if (begin == UNBORN) {
        struct call c = {.act = &(struct act){.kind = CREATE, .caller = A}};
        return create(&c);
    }
    bad |= hvemu_add_guest(hv, 2, 0, NULL, &made);
    if (begin == ENDED)
        return bad | by_number(2, HvCallFinalizePartition, id);
    if (begin == CREATED || begin == CREATED_ACKED)
        bad |= by_number(2, HvCallCreateVp, id);
    else if (begin != WITHOUT_VP)
        bad |= hvemu_vp_attach(hv, id, 0, NULL, &vmm.boot);
    if (begin == ASSERTED || begin == ACKED || begin == CREATED_ACKED || begin == SECOND)
        bad |= hvemu_assert_virtual_interrupt(hv, 2, id, EXT_INT, 0, 0x41);
    if (begin == ACKED || begin == CREATED_ACKED || begin == SECOND)
        bad |= hvemu_ext_int_acknowledge(vmm.boot, &vector);
    vmm.boot_generation = generation;
    return bad;
}

void world_begin(enum begin begin)
{
    struct schedule_memory *changing = world_program.memory;

    memset(&vmm, 0, sizeof vmm);
    if (make_instance() || bring_up(begin))
        errx(1, "cannot begin: %s", begin_names[begin]);
    memset(vmm.running, 0, sizeof vmm.running);
    memset(vmm.over, 0, sizeof vmm.over);
    vmm_at_first = vmm;
    changing[0] = (struct schedule_memory){(void *)&hv->lock,
                                           (size_t)((uint8_t *)hv->pages - (uint8_t *)&hv->lock)};
    changing[1] = (struct schedule_memory){&vmm, sizeof vmm};
    if (changing[0].bytes > sizeof image)
        errx(1, "the image is too small");
    memcpy(image, changing[0].from, changing[0].bytes);
}

static void prepare(void)
{
    memcpy(world_program.memory[0].from, image, world_program.memory[0].bytes);
    vmm = vmm_at_first;
    ended = 0;
    for (int i = 0; i < SCHEDULE_THREADS * CALLS; i++)
        history[i] = (struct call){.act = history[i].act};
}

/* The end. */

static uint64_t past(void)
{
    uint64_t past = ended;

    for (int i = 0; i < SCHEDULE_THREADS * CALLS; i++)
        past = past << 7 | (unsigned)history[i].begun << 6 | history[i].after;
    return past;
}

struct state world_state(void)
{
    static const uint8_t lives[] = {[HVEMU__FREE] = FREE,
                                    [HVEMU__UNINITIALIZED] = UNINITIALIZED,
                                    [HVEMU__ACTIVE] = ACTIVE,
                                    [HVEMU__FINALIZING] = FINALIZING,
                                    [HVEMU__FINALIZED] = FINALIZED};
    const struct hvemu__partition *child = &hv->partitions[SLOT - 1];
    const uint64_t word = child->word;
    struct state s = {.generation = (uint8_t)HVEMU__GENERATION(word),
                      .life = lives[HVEMU__STATE(word) % sizeof lives],
                      .owner = child->parent == 2 ? A : B};

    if (word & HVEMU__VP0)
        s.vp0 = child->rest->vps && child->rest->vps->created ? MADE : ATTACHED;
    if (word & HVEMU__EXT_INT) {
        s.interrupt = word & HVEMU__EXT_INT_ACKED ? IS_ACKED : IS_ASSERTED;
        s.vector = (uint8_t)word;
    }
    return s;
}

const char *world_fault(void)
{
    const uint64_t word = hv->partitions[SLOT - 1].word;
    const struct hvemu_vp *boot = vmm.boot;

    if (vmm.fault)
        return vmm.fault;
    if (hv->lock || hv->room_lock)
        return "a lock of the instance is still held";
    for (int i = 0; i < SLOT; i++) {
        if (hv->partitions[i].rest->lock || hv->partitions[i].msr_lock)
            return "a lock of a partition is still held";
        if (hv->partitions[i].ops)
            return "a count of ops is not zero";
    }
    if ((word & HVEMU__EXT_INT & ~(uint64_t)0xFF) &&
        !(HVEMU__STATE(word) == HVEMU__ACTIVE && word & HVEMU__VP0))
        return "an external interrupt without an active partition and its VP 0";
    if (!(word & HVEMU__VP0) != !hv->partitions[SLOT - 1].rest->vps ||
        !(word & HVEMU__VP0) != !boot)
        return "VP 0 is not where it should be";
    if (hvemu_ext_int_line(boot) !=
        (boot && HVEMU__STATE(word) == HVEMU__ACTIVE && word & HVEMU__EXT_INT_ASSERTED ? 1 : 0))
        return "the line is not what the word says";
    return NULL;
}

void world_print(void)
{
    for (int i = 0; i < SCHEDULE_THREADS * CALLS; i++)
        printf(
            "  thread %d: %-24s answers %3d, vector %02x, generation %d, told %04x, after %02x\n",
            i / CALLS, history[i].act->name, history[i].answer, history[i].vector,
            history[i].generation, history[i].told, history[i].after);
}

struct schedule_program world_program = {.prepare = prepare, .run = run, .past = past};
