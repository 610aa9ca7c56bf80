/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Runs one vector in one convention, in a world of its own: an instance, 32 KiB of guest memory, a
 * log of the ops. Beside the memory and the registers lies a model of them, which only the vector's
 * expectations change; after each call, both must be the same. What the VMM's ops heard must all be
 * expected too, and at the end so must every partition's state and external interrupt. The numbers
 * here are the specification's; the project's TLFS headers are not included.
 *
 * On request each call is first tried while other VPs disturb its memory, from the same beginning
 * again and again: whenever they do it, all must become what becomes of it if they do it before the
 * call, or after it. */

#include "hvs_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int hvs_fails(struct world *world, const char *format, ...)
{
    va_list arguments;
    int length = snprintf(world->error, world->error_bytes, "%s:%u: ", world->vector->file->path,
                          world->step->line);

    va_start(arguments, format);
    if (length >= 0 && (size_t)length < world->error_bytes)
        vsnprintf(world->error + length, world->error_bytes - (size_t)length, format, arguments);
    va_end(arguments);
    return -1;
}

static int differs(struct world *world, const char *what, uint64_t got, uint64_t want)
{
    return got == want ? 0
                       : hvs_fails(world, "%s is 0x%llx, not 0x%llx", what, (unsigned long long)got,
                                   (unsigned long long)want);
}

static int is_fast(const struct world *world)
{
    return world->convention == HVS_EXECUTE_FAST || world->convention == HVS_LONG_FAST ||
           world->convention == HVS_COMPAT_FAST || world->convention == HVS_PROTECTED_FAST;
}

int hvs_is_execute(const struct world *world)
{
    return world->convention == HVS_EXECUTE_FAST || world->convention == HVS_EXECUTE_MEMORY;
}

static int is_memory(const struct world *world)
{
    return world->convention == HVS_EXECUTE_MEMORY || world->convention == HVS_LONG_MEMORY ||
           world->convention == HVS_COMPAT_MEMORY || world->convention == HVS_PROTECTED_MEMORY;
}

static uint64_t read64(const uint8_t *bytes)
{
    uint64_t value = 0;

    for (int i = 7; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

static void write64(uint8_t *bytes, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

static struct part *find_part(struct world *world, const char *name)
{
    for (unsigned i = 0; i < world->part_count; i++)
        if (strcmp(world->parts[i].name, name) == 0)
            return &world->parts[i];
    return NULL;
}

static struct part *part_of(struct world *world, enum hvs_key key)
{
    return find_part(world, hvs_find(world->step, key)->text);
}

/* ---- The VMM ---- */

static int is_in(struct range range, uint64_t gpa)
{
    return gpa >= range.gpa && gpa - range.gpa < range.bytes;
}

static uint32_t page_bit(uint64_t gpa)
{
    return 1u << gpa / PAGE;
}

/* As long as the call lasts, a VMM unmaps nothing that it has told the library is writable. */
static void strike(struct world *world)
{
    const struct disturbance *it = &world->disturbance;

    if (it->what == UNMAP)
        world->gone |= page_bit(it->where.gpa) & ~world->bound;
    else
        for (uint64_t gpa = it->where.gpa; is_in(it->where, gpa); gpa++)
            if (!is_in(it->spared, gpa))
                world->ram[gpa] ^= it->bits;
}

/* Every op begins with this. */
static void tick(struct world *world)
{
    if (++world->ops == world->disturbance.when)
        strike(world);
}

static void note(struct world *world, enum kind kind, uint64_t partition, uint64_t control,
                 uint64_t address, uint64_t vector)
{
    if (world->logged < LOG && !world->reentered)
        world->log[world->logged++] = (struct op){.kind = kind,
                                                  .partition = partition,
                                                  .control = control,
                                                  .address = address,
                                                  .vector = vector};
}

/* Whether the op is to answer *answer instead of doing its work. detail: what distinguishes it from
 * other calls of the same op. */
static int faulty(struct world *world, unsigned op, uint64_t detail, int *answer)
{
    if (world->meddling && hvs_meddle(world, op, detail, answer))
        return 1;
    if (op >= HVS_D_OPS || !world->faults[op].armed || world->faults[op].after-- != 0)
        return 0;
    world->faults[op].armed = 0;
    *answer = world->faults[op].answer;
    return 1;
}

static void on_ext_int(void *ctx, uint64_t partition)
{
    int ignored;

    tick(ctx);
    (void)faulty(ctx, OP_KICK, 0, &ignored);
    note(ctx, KICK, partition, 0, 0, 0);
}

static uint16_t on_interrupt(void *ctx, uint64_t partition, uint64_t control, uint64_t address,
                             uint32_t vector)
{
    int answer = 0;

    tick(ctx);
    if (!faulty(ctx, HVS_D_INTERRUPT, 0, &answer))
        note(ctx, INTERRUPT, partition, control, address, vector);
    return (uint16_t)answer;
}

static int in_ram(uint64_t gpa, uint32_t bytes)
{
    return bytes <= RAM && gpa <= RAM - bytes;
}

static int accessible(const struct world *world, uint64_t gpa, uint32_t bytes)
{
    return in_ram(gpa, bytes) && !(world->gone & page_bit(gpa));
}

static int on_read(void *ctx, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes)
{
    struct world *world = ctx;
    int answer = 0;

    (void)partition;
    tick(world);
    if (faulty(world, HVS_D_READ, gpa, &answer))
        return answer;
    if (!accessible(world, gpa, bytes))
        return HVEMU_MEM_NONE;
    for (uint32_t i = 0; i < bytes; i++)
        world->read_again |= world->reads[gpa + i]++;
    memcpy(to, world->ram + gpa, bytes);
    return HVEMU_MEM_OK;
}

static int on_writable(void *ctx, uint64_t partition, uint64_t gpa, uint32_t bytes)
{
    struct world *world = ctx;
    int answer = 0;

    (void)partition;
    tick(world);
    if (faulty(world, HVS_D_WRITABLE, gpa, &answer))
        return answer;
    if (!accessible(world, gpa, bytes))
        return HVEMU_MEM_NONE;
    world->bound |= page_bit(gpa);
    return HVEMU_MEM_OK;
}

static int on_write(void *ctx, uint64_t partition, uint64_t gpa, const void *from, uint32_t bytes)
{
    struct world *world = ctx;
    int answer = 0;

    (void)partition;
    tick(world);
    if (faulty(world, HVS_D_WRITE, gpa, &answer))
        return answer;
    if (!accessible(world, gpa, bytes))
        return HVEMU_MEM_NONE;
    memcpy(world->ram + gpa, from, bytes);
    return HVEMU_MEM_OK;
}

static int on_overlay(void *ctx, uint64_t partition, uint64_t gpa, const uint8_t *code,
                      uint32_t bytes)
{
    int answer = HVEMU_MEM_OK;

    (void)partition, (void)gpa, (void)bytes;
    tick(ctx);
    (void)faulty(ctx, HVS_D_OVERLAY, code != NULL, &answer);
    return answer;
}

static uint16_t on_partition(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                             void **child_ctx)
{
    int answer = 0;

    (void)creation, (void)child_ctx;
    tick(ctx);
    if (faulty(ctx, HVS_D_PARTITION, event, &answer))
        return (uint16_t)answer;
    note(ctx, EVENT, partition, event, 0, 0);
    return 0;
}

static void put(struct op *op, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        op->with[op->bytes++] = (uint8_t)(value >> 8 * i);
}

static void put_block(struct op *op, const void *block, size_t bytes)
{
    memcpy(op->with + op->bytes, block, bytes);
    op->bytes += bytes;
}

/* The ops from vp on, each of which notes its arguments, and succeeds unless it is to fail. */
static uint16_t serve(struct world *world, unsigned which, uint64_t partition, struct op op)
{
    int answer = 0;

    tick(world);
    if (faulty(world, which, op.with[0], &answer) || world->logged == LOG)
        return (uint16_t)answer;
    op.kind = OTHER;
    op.partition = partition;
    op.control = which;
    world->log[world->logged++] = op;
    return 0;
}

static uint16_t on_vp(void *ctx, struct hvemu_vp *vp, uint32_t event, const void *block,
                      void **vp_ctx)
{
    static const size_t bytes[] = {
        [HVEMU_VP_CREATED] = 40, [HVEMU_VP_START] = 240, [HVEMU_VP_DELETED] = 0};
    struct op op = {0};

    (void)vp_ctx;
    put(&op, event, 4);
    put(&op, hvemu_vp_index(vp), 4);
    if (block)
        put_block(&op, block, bytes[event]);
    return serve(ctx, HVS_D_VP, hvemu_vp_partition(vp), op);
}

/* A register that no line has set has its name as its low half, the VP's index as its high one. */
static uint16_t on_vp_get(void *ctx, struct hvemu_vp *vp, uint32_t name, uint64_t value[2])
{
    const struct world *world = ctx;
    struct op op = {0};

    put(&op, hvemu_vp_index(vp), 4);
    put(&op, name, 4);
    value[0] = name;
    value[1] = hvemu_vp_index(vp);
    for (unsigned i = 0; i < world->register_count; i++)
        if (world->registers[i].partition == hvemu_vp_partition(vp) &&
            world->registers[i].name == name)
            memcpy(value, world->registers[i].value, sizeof world->registers[i].value);
    return serve(ctx, HVS_D_VP_GET, hvemu_vp_partition(vp), op);
}

static uint16_t on_vp_set(void *ctx, struct hvemu_vp *vp, uint32_t name, const uint64_t value[2])
{
    struct op op = {0};

    put(&op, hvemu_vp_index(vp), 4);
    put(&op, name, 4);
    put(&op, value[0], 8);
    put(&op, value[1], 8);
    return serve(ctx, HVS_D_VP_SET, hvemu_vp_partition(vp), op);
}

static uint16_t on_map(void *ctx, uint64_t partition, uint32_t what, uint64_t page, uint64_t source,
                       uint32_t flags)
{
    struct op op = {0};

    put(&op, what, 4);
    put(&op, page, 8);
    put(&op, source, 8);
    put(&op, flags, 4);
    return serve(ctx, HVS_D_MAP, partition, op);
}

static uint16_t on_pool(void *ctx, uint64_t partition, uint64_t page, int deposit)
{
    struct op op = {0};

    put(&op, page, 8);
    put(&op, (uint64_t)deposit, 4);
    return serve(ctx, HVS_D_POOL, partition, op);
}

/* Every property has its code as its value. */
static uint16_t on_property(void *ctx, uint64_t partition, uint32_t code, uint64_t argument,
                            uint64_t *value, int set)
{
    struct op op = {0};

    put(&op, (uint64_t)set, 4);
    put(&op, code, 4);
    put(&op, argument, 8);
    if (set)
        put(&op, *value, 8);
    else
        *value = code;
    return serve(ctx, HVS_D_PROPERTY, partition, op);
}

static int on_filter(void *ctx, const struct hvemu_invocation *invocation)
{
    struct world *world = ctx;
    int answer;

    tick(world);
    if (faulty(world, OP_FILTER, 0, &answer))
        return answer;
    if (!world->filter ||
        hvs_number(world->filter, HVS_K_CODE, 0) != (invocation->control & 0xFFFF))
        return 0;
    if (hvs_find(world->filter, HVS_K_LIMIT))
        return -(int)hvs_number(world->filter, HVS_K_LIMIT, 0);
    return (int)hvs_number(world->filter, HVS_K_STATUS, 0);
}

static const struct hvemu_ops ops = {
    .size = sizeof ops,
    .ext_int = on_ext_int,
    .interrupt = on_interrupt,
    .gpa_read = on_read,
    .gpa_writable = on_writable,
    .gpa_write = on_write,
    .overlay = on_overlay,
    .partition = on_partition,
    .filter = on_filter,
    .vp = on_vp,
    .vp_get = on_vp_get,
    .vp_set = on_vp_set,
    .map = on_map,
    .pool = on_pool,
    .property = on_property,
};

/* ---- Calls of the vector's own ---- */

static uint16_t prime(const struct hvemu_invocation *invocation, const void *in, const void *item,
                      void *out)
{
    (void)invocation, (void)item;
    memcpy(out, in, HVS_LIST);
    return 0;
}

/* The element's bytes as far as there are some, the header's in a call without: cut or followed by
 * the zeros that are there. */
static void echo(const struct hvemu_invocation *invocation, const struct handler *handler,
                 const void *in, const void *item, uint8_t *out, size_t bytes)
{
    const size_t have = item ? handler->in_each : invocation->header_bytes;

    if (bytes)
        memcpy(out, item ? item : in, have < bytes ? have : bytes);
}

static uint16_t behave(const struct hvemu_invocation *invocation, const void *in, const void *item,
                       void *out)
{
    struct world *world = invocation->ctx;
    struct handler *handler = world->handlers;
    int answer;
    size_t bytes;

    if (faulty(world, OP_HANDLER, invocation->index, &answer))
        return (uint16_t)answer;
    while (handler->code != invocation->call->code)
        handler++;
    bytes = handler->out + (size_t)handler->out_each;
    if (handler->behaviour == HVS_FAIL && invocation->index == handler->at) {
        memset(out ? out : &(uint8_t){0}, 0xEE, out ? bytes : 1); /* to be thrown away */
        return handler->status;
    }
    if (handler->behaviour == HVS_TIMEOUT && invocation->index == handler->at && !handler->waited) {
        handler->waited = 1;
        return 0x78;
    }
    if (handler->behaviour == HVS_YIELD && invocation->index == handler->at)
        hvemu_vp_yield(invocation->vp);
    if (handler->behaviour == HVS_COUNT)
        for (size_t i = 0; i < bytes && i < 8; i++)
            ((uint8_t *)out)[i] = (uint8_t)((uint64_t)invocation->index >> 8 * i);
    else
        echo(invocation, handler, in, item, out, bytes);
    if (invocation->index != world->next_index)
        world->disordered = 1;
    world->next_index = invocation->index + 1u;
    world->effects++;
    return 0;
}

static int add_handler(struct world *world, const struct hvs_step *step)
{
    static const uint8_t targets[] = {HVEMU_PARENT, HVEMU_SELF, HVEMU_PARENT | HVEMU_SELF};
    static const uint16_t forms[] = {HVEMU_SIMPLE, HVEMU_REP, HVEMU_VARIABLE,
                                     HVEMU_REP | HVEMU_VARIABLE};
    struct handler *handler = &world->handlers[world->handler_count];
    const struct hvs_word *target = hvs_find(step, HVS_K_TARGET);
    struct hvemu_descriptor descriptor = {
        .size = sizeof descriptor,
        .name = "vector's",
        .handler = behave,
        .privilege = hvs_number(step, HVS_K_PRIVILEGE, 0),
        .code = (uint16_t)hvs_number(step, HVS_K_CODE, 0),
        .form = forms[hvs_number(step, HVS_K_FORM, HVS_SIMPLE)],
        .in = (uint16_t)hvs_number(step, HVS_K_IN, 0),
        .in_each = (uint16_t)hvs_number(step, HVS_K_IN_EACH, 0),
        .out = (uint16_t)hvs_number(step, HVS_K_OUT, 0),
        .out_each = (uint16_t)hvs_number(step, HVS_K_OUT_EACH, 0),
    };

    world->step = step;
    if (world->handler_count == HANDLERS)
        return hvs_fails(world, "more than %d handlers", HANDLERS);
    if (target) {
        descriptor.target = targets[target->number];
        descriptor.states = (uint8_t)(2u << hvs_number(step, HVS_K_STATE, HVS_ACTIVE));
    }
    *handler = (struct handler){.step = step,
                                .code = descriptor.code,
                                .status = (uint16_t)hvs_number(step, HVS_K_STATUS, 0x5),
                                .in_each = descriptor.in_each,
                                .out = descriptor.out,
                                .out_each = descriptor.out_each,
                                .at = (uint16_t)hvs_number(step, HVS_K_AT, 0),
                                .behaviour = (unsigned)hvs_number(step, HVS_K_DO, 0)};
    world->handler_count++;
    if (hvemu_register(world->hv, &descriptor) != HVEMU_OK)
        return hvs_fails(world, "the library refuses this handler");
    return 0;
}

/* ---- Setting up ---- */

static int result_is(struct world *world, enum hvemu_result result)
{
    return result == HVEMU_OK ? 0 : hvs_fails(world, "refused: %s", hvemu_result_text(result));
}

static uint16_t call_on(struct world *world, const struct part *from, uint16_t code, uint64_t id)
{
    uint8_t in[8];

    write64(in, id);
    return (uint16_t)hvemu_hypercall(world->hv, from->id, code, in, sizeof in, NULL, 0);
}

static int set_up_call(struct world *world, const struct part *part, uint16_t code, uint16_t want)
{
    return differs(world, "the set-up's status", call_on(world, part->parent, code, part->id),
                   want);
}

static struct part *add_part(struct world *world, const char *name, struct part *parent,
                             uint64_t id, unsigned state)
{
    struct part *part = &world->parts[world->part_count];

    memset(part, 0, sizeof *part);
    snprintf(part->name, sizeof part->name, "%s", name);
    part->parent = parent;
    part->id = id;
    part->state = state;
    world->part_count++;
    return part;
}

static int set_up_partition(struct world *world)
{
    const uint64_t state = hvs_number(world->step, HVS_K_STATE, HVS_ACTIVE);
    struct part *parent = part_of(world, HVS_K_PARENT);
    struct part *part =
        add_part(world, hvs_find(world->step, HVS_K_NAME)->text, parent, 0, (unsigned)state);
    const uint8_t in[56] = {0};
    uint8_t out[8] = {0};

    if (state == HVS_UNINITIALIZED) {
        if (hvs_find(world->step, HVS_K_PRIVILEGES))
            return hvs_fails(world, "the privileges of an uninitialized partition are config's");
        if (differs(world, "the set-up's status",
                    hvemu_hypercall(world->hv, parent->id, 0x40, in, sizeof in, out, sizeof out),
                    0))
            return -1;
        part->id = read64(out);
        return 0;
    }
    if (result_is(world, hvemu_add_guest(world->hv, parent->id,
                                         hvs_number(world->step, HVS_K_PRIVILEGES, UINT64_MAX),
                                         world, &part->id)))
        return -1;
    if (state == HVS_FINALIZING)
        return result_is(world, hvemu_vp_attach(world->hv, part->id, 0, NULL, &part->vps[0])) ||
               set_up_call(world, part, 0x42, 0x78);
    if (state >= HVS_FINALIZED && set_up_call(world, part, 0x42, 0))
        return -1;
    return state == HVS_DELETED ? set_up_call(world, part, 0x43, 0) : 0;
}

/* Fills the rooms for lists that the library keeps with the preset byte, by a call that takes a
 * page and gives one. */
static int prime_vp(struct world *world, struct hvemu_vp *vp)
{
    uint8_t saved[HVS_LIST];
    struct hvemu_call call;
    enum hvemu_action action;

    memset(&call, 0, sizeof call);
    call.control = PRIME;
    memcpy(saved, world->ram, HVS_LIST);
    memset(world->ram, world->preset, HVS_LIST);
    action = hvemu_execute(vp, &call);
    memcpy(world->ram, saved, HVS_LIST);
    return action == HVEMU_STEP && call.status == 0 ? 0 : hvs_fails(world, "priming failed");
}

static int set_up_vp(struct world *world)
{
    const uint32_t index = (uint32_t)hvs_number(world->step, HVS_K_INDEX, 0);
    struct part *part = part_of(world, HVS_K_OF);

    if (result_is(world, hvemu_vp_attach(world->hv, part->id, index, NULL, &part->vps[index])) != 0)
        return -1;
    return prime_vp(world, part->vps[index]);
}

static int set_up_page(struct world *world)
{
    const struct part *part = part_of(world, HVS_K_OF);
    const uint64_t gpa = hvs_number(world->step, HVS_K_GPA, 0);

    if (hvemu_x64_wrmsr(part->vps[0], 0x40000000, 0x8100000000000001) != HVEMU_STEP ||
        hvemu_x64_wrmsr(part->vps[0], 0x40000001, gpa | 1) != HVEMU_STEP)
        return hvs_fails(world, "the page cannot be enabled");
    return 0;
}

static int set_up_ext_int(struct world *world)
{
    struct part *part = part_of(world, HVS_K_OF);

    if (!part->parent)
        return hvs_fails(world, "root has no parent that could assert");
    if (world->step->keyword == HVS_ASSERT) {
        part->vector = (uint8_t)hvs_number(world->step, HVS_K_VECTOR, 0);
        part->vector_known = 1;
        part->ext_int = HVS_ASSERTED;
        return differs(world, "the set-up's status",
                       hvemu_assert_virtual_interrupt(world->hv, part->parent->id, part->id, 7, 0,
                                                      part->vector),
                       0);
    }
    part->ext_int = HVS_ACKNOWLEDGED;
    return result_is(world, hvemu_ext_int_acknowledge(part->vps[0], &(uint8_t){0}));
}

static int set_up_detach(struct world *world)
{
    const uint64_t index = hvs_number(world->step, HVS_K_INDEX, 0);
    struct part *part = part_of(world, HVS_K_OF);
    struct hvemu_vp *vp = part->vps[index];

    part->vps[index] = NULL;
    part->ext_int = index ? part->ext_int : HVS_IDLE;
    return result_is(world, hvemu_vp_detach(vp));
}

static int put_bytes(struct world *world, enum hvs_key key, uint8_t *to, uint8_t *said,
                     size_t bytes, const struct part *caller);

static int set_up_memory(struct world *world)
{
    const uint64_t gpa = hvs_number(world->step, HVS_K_GPA, 0);
    const uint64_t bytes = hvs_find(world->step, HVS_K_BYTES)->number;

    if (!in_ram(gpa, (uint32_t)bytes))
        return hvs_fails(world, "there is no memory so far up");
    if (put_bytes(world, HVS_K_BYTES, world->model + gpa, NULL, (size_t)bytes, NULL))
        return -1;
    memcpy(world->ram + gpa, world->model + gpa, (size_t)bytes);
    return 0;
}

static int set_up_fault(struct world *world)
{
    const uint64_t op = hvs_number(world->step, HVS_K_OP, 0);

    world->faults[op].armed = 1;
    world->faults[op].after = hvs_number(world->step, HVS_K_AFTER, 0);
    world->faults[op].answer = (int)hvs_number(world->step, HVS_K_ANSWER, 0);
    return 0;
}

static int set_up_register(struct world *world)
{
    uint8_t bytes[16];

    if (world->register_count == REGISTERS)
        return hvs_fails(world, "more than %d registers", REGISTERS);
    if (put_bytes(world, HVS_K_BYTES, bytes, NULL, sizeof bytes, NULL))
        return -1;
    world->registers[world->register_count].partition = part_of(world, HVS_K_OF)->id;
    world->registers[world->register_count].name = (uint32_t)hvs_number(world->step, HVS_K_NAME, 0);
    world->registers[world->register_count].value[0] = read64(bytes);
    world->registers[world->register_count++].value[1] = read64(bytes + 8);
    return 0;
}

static int reset_partition(struct world *world)
{
    struct part *part = part_of(world, HVS_K_OF);

    part->ext_int = HVS_IDLE;
    return result_is(world, hvemu_reset(world->hv, part->id));
}

static void configure(struct hvemu_config *config, const struct hvs_step *step)
{
    const struct {
        enum hvs_key key;
        uint32_t *value;
    } words[] = {
        {HVS_K_FEATURES, &config->features},
        {HVS_K_GPA_BITS, &config->gpa_bits},
        {HVS_K_PARTITIONS, &config->partitions},
        {HVS_K_DEPTH, &config->depth},
        {HVS_K_CHILDREN, &config->children},
        {HVS_K_BUDGET, &config->rep_budget},
        {HVS_K_VPS, &config->vps},
        {HVS_K_PAGES, &config->pages},
        {HVS_K_CREATE_COST, &config->create_cost},
        {HVS_K_INITIALIZE_COST, &config->initialize_cost},
        {HVS_K_VP_COST, &config->vp_cost},
        {HVS_K_MAP_COST, &config->map_cost},
        {HVS_K_INTERCEPT_COST, &config->intercept_cost},
        {HVS_K_INTERCEPTS, &config->intercepts},
    };

    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        *words[i].value = (uint32_t)hvs_number(step, words[i].key, *words[i].value);
    config->privileges = hvs_number(step, HVS_K_PRIVILEGES, config->privileges);
}

/* config, handler, withdraw and filter hold from the beginning, wherever they stand. */
static int build(struct world *world, const struct hvs_step *const *steps, unsigned count)
{
    static const struct hvemu_descriptor primer = {
        .size = sizeof primer,
        .name = "prime",
        .handler = prime,
        .code = PRIME,
        .in = HVS_LIST,
        .out = HVS_LIST,
    };
    uint8_t page[HVS_LIST], ignored[HVS_LIST];
    struct hvemu_config config = {
        .size = sizeof config,
        .partitions = HVS_NAMES,
        .depth = 3,
        .features = 0x8010,               /* XMM input and output */
        .privileges = 0x0000000300000060, /* a new child's */
        .calls = HANDLERS + 1,
    };
    struct hvemu_ops mine = ops;
    size_t bytes;

    for (unsigned i = 0; i < count; i++)
        if (steps[i]->keyword == HVS_CONFIG)
            configure(&config, steps[i]);
        else if (steps[i]->keyword == HVS_FILTER)
            world->filter = steps[i];
    /* Without a filter most calls go another way. */
    if (world->faulted && world->faulted->no_filter && !world->filter)
        mine.filter = NULL;
    world->step = steps[0];
    bytes = hvemu_memory_size(&config);
    world->memory_bytes = bytes;
    world->memory = bytes ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
    if (!world->memory)
        return hvs_fails(world, "no such configuration");
    memset(world->memory, world->preset, bytes);
    if (result_is(world, hvemu_init(&world->hv, world->memory, bytes, &config, &mine, world)))
        return -1;
    add_part(world, "root", NULL, hvemu_root(world->hv), HVS_ACTIVE);
    if (result_is(world, hvemu_register(world->hv, &primer)))
        return -1;
    for (unsigned i = 0; i < count; i++) {
        world->step = steps[i];
        if (steps[i]->keyword == HVS_HANDLER && add_handler(world, steps[i]))
            return -1;
        if (steps[i]->keyword == HVS_WITHDRAW &&
            result_is(world,
                      hvemu_unregister(world->hv, (uint16_t)hvs_number(steps[i], HVS_K_CODE, 0))))
            return -1;
    }
    memset(page, world->preset, sizeof page);
    if (hvemu_hypercall(world->hv, world->parts[0].id, PRIME, page, sizeof page, ignored,
                        sizeof ignored))
        return hvs_fails(world, "priming failed");
    return 0;
}

/* ---- Byte strings ---- */

/* The word's bytes to `to`; said[i]: 1 where the string says something. `!name` takes what lies at
 * its place in `to`, a new partition's ID. */
static int put_bytes(struct world *world, enum hvs_key key, uint8_t *to, uint8_t *said,
                     size_t bytes, const struct part *caller)
{
    struct hvs_part part;
    size_t at = 0;

    for (const char *text = hvs_find(world->step, key)->text; *text;) {
        text = hvs_part(text, &part);
        if (part.reference == '@')
            write64(part.bytes, find_part(world, part.name)->id);
        if (part.reference == '!') {
            const uint64_t id = read64(to + at);
            for (unsigned i = 0; i < world->part_count; i++)
                if (world->parts[i].id == id)
                    return hvs_fails(world, "the new ID is %s's", world->parts[i].name);
            if (!caller || !id || id == UINT64_MAX)
                return hvs_fails(world, "the new ID is none");
            add_part(world, part.name, find_part(world, caller->name), id, HVS_UNINITIALIZED);
            write64(part.bytes, id);
        }
        for (size_t i = 0; i < part.times && at + part.length <= bytes; i++, at += part.length) {
            if (!part.unchanged)
                memcpy(to + at, part.bytes, part.length);
            if (said)
                memset(said + at, !part.unchanged, part.length);
        }
    }
    return 0;
}

static uint64_t register_value(struct world *world, const struct hvs_word *word)
{
    return word->text[0] == '@' ? find_part(world, word->text + 1)->id : word->number;
}

/* ---- Frames ---- */

uint64_t *hvs_general(struct hvemu_x64_frame *frame, unsigned i)
{
    uint64_t *const registers[] = {&frame->rax, &frame->rcx, &frame->rdx, &frame->rbx,
                                   &frame->rsi, &frame->rdi, &frame->r8};

    return registers[i];
}

int hvs_narrow(const struct hvemu_x64_frame *frame)
{
    return (frame->mode & (HVEMU_X64_LMA | HVEMU_X64_CS_L)) != (HVEMU_X64_LMA | HVEMU_X64_CS_L);
}

/* A pair of 32-bit registers; the upper halves keep what they have. */
static void set_pair(uint64_t *high, uint64_t *low, uint64_t value)
{
    *high = (*high & 0xFFFFFFFF00000000) | value >> 32;
    *low = (*low & 0xFFFFFFFF00000000) | (uint32_t)value;
}

uint64_t hvs_get_control(const struct hvemu_x64_frame *frame)
{
    return hvs_narrow(frame) ? frame->rdx << 32 | (uint32_t)frame->rax : frame->rcx;
}

void hvs_set_control(struct hvemu_x64_frame *frame, uint64_t control)
{
    if (hvs_narrow(frame))
        set_pair(&frame->rdx, &frame->rax, control);
    else
        frame->rcx = control;
}

static void write_frame_block(struct hvemu_x64_frame *frame, const uint8_t *block)
{
    if (hvs_narrow(frame)) {
        set_pair(&frame->rbx, &frame->rcx, read64(block));
        set_pair(&frame->rdi, &frame->rsi, read64(block + 8));
    } else {
        frame->rdx = read64(block);
        frame->r8 = read64(block + 8);
    }
    for (unsigned i = 0; i < 6; i++) {
        frame->xmm[i][0] = read64(block + 16 + 16 * i);
        frame->xmm[i][1] = read64(block + 24 + 16 * i);
    }
}

static uint32_t mode_of(unsigned mode)
{
    switch (mode) {
    case HVS_LONG:
        return HVEMU_X64_PE | HVEMU_X64_LMA | HVEMU_X64_CS_L;
    case HVS_COMPAT:
        return HVEMU_X64_PE | HVEMU_X64_LMA;
    case HVS_PROTECTED:
        return HVEMU_X64_PE | HVEMU_X64_CS_L; /* CS.L without LMA means nothing */
    default:
        return 0;
    }
}

static void preset_frame(struct world *world, unsigned mode, uint32_t cpl)
{
    struct hvemu_x64_frame *frame = &world->call.frame;

    memset(frame, world->preset, sizeof *frame);
    frame->mode = mode_of(mode) | cpl;
    frame->known = HVEMU_X64_XMM;
}

/* ---- Making calls ---- */

static void free_buffers(struct call *call)
{
    free(call->c_in);
    free(call->c_out);
    free(call->c_out_model);
    call->c_in = call->c_out = call->c_out_model = NULL;
}

static int prepare_c(struct world *world)
{
    struct call *call = &world->call;
    const size_t in = call->in_bytes + call->behind_bytes;

    /* Exactly as large as said, so that a sanitizer sees what is read beyond. */
    call->c_in = malloc(in ? in : 1);
    call->c_out = malloc(call->out_bytes ? call->out_bytes : 1);
    call->c_out_model = malloc(call->out_bytes ? call->out_bytes : 1);
    if (!call->c_in || !call->c_out || !call->c_out_model)
        return hvs_fails(world, "out of memory");
    memcpy(call->c_in, call->in, in);
    memset(call->c_out, world->preset, call->out_bytes);
    memset(call->c_out_model, world->preset, call->out_bytes);
    return 0;
}

/* In memory as far as there is some. */
static void place(struct world *world, uint64_t gpa, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (gpa + i < RAM)
            world->ram[gpa + i] = world->model[gpa + i] = bytes[i];
}

static int prepare(struct world *world)
{
    struct call *call = &world->call;
    const struct hvs_step *step = world->step;
    const struct hvs_word *in = hvs_find(step, HVS_K_IN), *behind = hvs_find(step, HVS_K_BEHIND);
    uint8_t block[BLOCK];
    unsigned mode;

    call->control = hvs_number(step, HVS_K_CONTROL, 0);
    call->in_gpa = hvs_number(step, HVS_K_IN_GPA, IN_GPA);
    call->out_gpa = hvs_number(step, HVS_K_OUT_GPA, OUT_GPA);
    call->in_bytes = in ? (size_t)in->number : 0;
    call->behind_bytes = behind ? (size_t)behind->number : 0;
    call->out_bytes = (size_t)hvs_number(step, HVS_K_OUT, 0);
    if (in && put_bytes(world, HVS_K_IN, call->in, NULL, call->in_bytes, NULL))
        return -1;
    if (behind &&
        put_bytes(world, HVS_K_BEHIND, call->in + call->in_bytes, NULL, call->behind_bytes, NULL))
        return -1;
    if (world->convention == HVS_C)
        return prepare_c(world);
    if (is_fast(world))
        call->control |= 0x10000;
    if (is_memory(world))
        place(world, call->in_gpa, call->in, call->in_bytes + call->behind_bytes);
    memset(block, world->preset, sizeof block);
    for (size_t i = 0; i < call->in_bytes + call->behind_bytes && i < BLOCK; i++)
        block[i] = call->in[i];
    if (hvs_is_execute(world)) {
        memset(&call->native, world->preset, sizeof call->native);
        call->native.control = call->control;
        call->native.in_gpa = call->in_gpa;
        call->native.out_gpa = call->out_gpa;
        if (is_fast(world))
            memcpy(call->native.fast, block, sizeof block);
        return 0;
    }
    mode = world->convention < HVS_COMPAT_FAST      ? HVS_LONG
           : world->convention < HVS_PROTECTED_FAST ? HVS_COMPAT
                                                    : HVS_PROTECTED;
    preset_frame(world, mode, 0);
    if (is_memory(world)) {
        write64(block, call->in_gpa);
        write64(block + 8, call->out_gpa);
        memset(block + 16, world->preset, sizeof block - 16);
    }
    write_frame_block(&call->frame, block);
    hvs_set_control(&call->frame, call->control);
    return 0;
}

static int prepare_raw(struct world *world)
{
    const struct hvs_step *step = world->step;
    struct hvemu_x64_frame *frame = &world->call.frame;
    uint8_t bytes[16];

    preset_frame(world, (unsigned)hvs_number(step, HVS_K_MODE, 0),
                 (uint32_t)hvs_number(step, HVS_K_CPL, 0));
    if (hvs_number(step, HVS_K_XMM, 0))
        frame->known = 0;
    for (unsigned i = 0; i < step->count; i++) {
        const struct hvs_word *word = &step->words[i];
        if (word->key >= HVS_K_RAX && word->key <= HVS_K_R8)
            *hvs_general(frame, word->key - HVS_K_RAX) = register_value(world, word);
        if (word->key >= HVS_K_XMM0) {
            if (put_bytes(world, word->key, bytes, NULL, sizeof bytes, NULL))
                return -1;
            frame->xmm[word->key - HVS_K_XMM0][0] = read64(bytes);
            frame->xmm[word->key - HVS_K_XMM0][1] = read64(bytes + 8);
        }
    }
    return 0;
}

/* The bits of the control word that a repetition may change, and nothing else, have changed. */
static int only_start_differs(struct world *world, uint64_t before, uint64_t after)
{
    return differs(world, "the control word but for its start", after & ~START_MASK,
                   before & ~START_MASK);
}

static int once_from_c(struct world *world)
{
    struct call *call = &world->call;

    call->result = hvemu_hypercall(
        world->hv, call->from->id, call->control, call->in_bytes ? call->c_in : NULL,
        call->in_bytes + call->behind_bytes, call->out_bytes ? call->c_out : NULL, call->out_bytes);
    if (call->in_bytes && memcmp(call->c_in, call->in, call->in_bytes + call->behind_bytes) != 0)
        return hvs_fails(world, "the input block was written");
    call->action = (uint16_t)call->result == 0x78 ? HVEMU_REPEAT : HVEMU_STEP;
    if (call->action == HVEMU_REPEAT)
        call->control = (call->control & ~START_MASK) | call->result >> 32 << 48;
    return 0;
}

static int once_native(struct world *world)
{
    struct call *call = &world->call;
    const uint64_t control = call->native.control;

    call->action = hvemu_execute(call->vp, &call->native);
    if (call->action == HVEMU_GONE || call->action == HVEMU_FAILED) /* says nothing more */
        call->native.written = 0, call->native.access = 0;
    if (call->native.written) {
        memcpy(call->written + call->native.written_at, call->native.fast + call->native.written_at,
               call->native.written);
        if (call->native.written_at < call->written_from)
            call->written_from = call->native.written_at;
        if (call->native.written_at + (uint32_t)call->native.written > call->written_to)
            call->written_to = call->native.written_at + (uint32_t)call->native.written;
    }
    call->control = call->native.control;
    call->result = call->native.result;
    if (call->action == HVEMU_STEP && !call->native.executed)
        return hvs_fails(world, "executed is not set");
    return call->action == HVEMU_REPEAT
               ? only_start_differs(world, control, call->control)
               : differs(world, "the control word", call->control, control);
}

static int once_in_frame(struct world *world)
{
    struct call *call = &world->call;
    const uint64_t control = hvs_get_control(&call->frame);

    call->action = hvemu_x64_hypercall(call->vp, &call->frame);
    call->changed |= call->frame.changed;
    if (call->action != HVEMU_REPEAT)
        return 0;
    call->control = hvs_get_control(&call->frame);
    return only_start_differs(world, control, call->control);
}

static int begin_call(struct world *world)
{
    struct call *call = &world->call;

    if (world->step->keyword == HVS_CALL || world->step->keyword == HVS_RAW) {
        free_buffers(call);
        memset(call, 0, sizeof *call);
        call->step = world->step;
        call->from = part_of(world, HVS_K_FROM);
        call->vp = call->from->vps[0];
        if (!call->vp && world->convention != HVS_C)
            return hvs_fails(world, "%s has no VP to call from", call->from->name);
        if (world->step->keyword == HVS_CALL ? prepare(world) : prepare_raw(world))
            return -1;
        world->next_index = (unsigned)(call->control >> 48 & 0xFFF);
        if (world->step->keyword == HVS_RAW)
            world->next_index = (unsigned)(hvs_get_control(&call->frame) >> 48 & 0xFFF);
        world->disordered = 0;
    } else if (call->action != HVEMU_REPEAT && call->action != HVEMU_INTERCEPT &&
               call->action != HVEMU_NEED_XMM)
        return hvs_fails(world, "the call is over");
    call->frame_before = call->frame;
    call->native_before = call->native;
    call->changed = 0;
    call->rounds = hvs_number(world->step, HVS_K_ROUNDS, 1);
    call->written_from = BLOCK;
    call->written_to = 0;
    memset(call->written, 0, sizeof call->written);
    world->effects = 0;
    world->bound = 0;
    call->frame.known = world->step->keyword == HVS_AGAIN ? HVEMU_X64_XMM : call->frame.known;
    return 0;
}

int hvs_once(struct world *world)
{
    int failed;

    memset(world->reads, 0, sizeof world->reads);
    world->read_again = 0;
    world->ops = 0;
    failed = world->convention == HVS_C ? once_from_c(world)
             : hvs_is_execute(world)    ? once_native(world)
                                        : once_in_frame(world);
    world->bound = 0;
    if (failed)
        return -1;
    return world->read_again ? hvs_fails(world, "a byte of input was read twice") : 0;
}

static int disturb(struct world *world);

static int once(struct world *world)
{
    if ((world->disturbed && disturb(world)) || (world->faulted && hvs_fault(world)))
        return -1;
    return hvs_once(world);
}

/* Repeats the call until it is over, which must take as many rounds as said. */
static int finish(struct world *world)
{
    const uint64_t rounds = world->call.rounds;

    for (uint64_t i = 1; i <= rounds; i++) {
        const uint64_t control = world->call.control;
        if (once(world))
            return -1;
        if (i < rounds && world->call.action != HVEMU_REPEAT)
            return hvs_fails(world, "over after 0x%llx rounds", (unsigned long long)i);
        if (i < rounds && (world->call.control & START_MASK) <= (control & START_MASK))
            return hvs_fails(world, "no progress in round 0x%llx", (unsigned long long)i);
    }
    return 0;
}

/* ---- What must have become of it ---- */

/* The register block, from the first 16 bytes to which output was expected to the last: in each 16,
 * what lies before the output is kept, what lies after it is zero (TLFS 6.0b 3.8.1). Returns a mask
 * of the chunks. */
static unsigned expect_block(uint8_t *block, size_t out_at, const uint8_t *out, const uint8_t *said,
                             size_t bytes)
{
    unsigned chunks = 0;

    for (size_t chunk = 0; chunk < BLOCK / 16; chunk++) {
        int begun = 0;
        for (size_t at = chunk * 16; at < chunk * 16 + 16; at++) {
            const int inside = at >= out_at && at - out_at < bytes && said[at - out_at];
            begun |= inside;
            if (inside)
                block[at] = out[at - out_at];
            else if (begun)
                block[at] = 0;
        }
        chunks |= begun ? 1u << chunk : 0;
    }
    return chunks;
}

static void read_frame_block(const struct hvemu_x64_frame *frame, uint8_t *block)
{
    write64(block, frame->rdx);
    write64(block + 8, frame->r8);
    for (unsigned i = 0; i < 6; i++) {
        write64(block + 16 + 16 * i, frame->xmm[i][0]);
        write64(block + 24 + 16 * i, frame->xmm[i][1]);
    }
}

/* What the vector expects as output, in out and said. got: what is there, for new IDs. */
static int expected_output(struct world *world, const uint8_t *got, uint8_t *out, uint8_t *said)
{
    memset(said, 0, HVS_LIST);
    if (!hvs_find(world->step, HVS_K_OUT))
        return 0;
    memcpy(out, got, world->call.out_bytes);
    return put_bytes(world, HVS_K_OUT, out, said, world->call.out_bytes, world->call.from);
}

static int compare_frames(struct world *world, const struct hvemu_x64_frame *want, uint32_t changed)
{
    static const char *const names[] = {"RAX", "RCX", "RDX", "RBX", "RSI", "RDI", "R8"};
    struct hvemu_x64_frame expected = *want;
    char name[32];

    for (unsigned i = 0; i < 7; i++)
        if (differs(world, names[i], *hvs_general(&world->call.frame, i),
                    *hvs_general(&expected, i)))
            return -1;
    for (unsigned i = 0; i < 12; i++) {
        snprintf(name, sizeof name, "XMM%u's %s half", i / 2, i % 2 ? "high" : "low");
        if (differs(world, name, world->call.frame.xmm[i / 2][i % 2], want->xmm[i / 2][i % 2]))
            return -1;
    }
    return differs(world, "the mask of changed registers", world->call.changed, changed);
}

static void expect_result(const struct world *world, struct hvemu_x64_frame *want,
                          uint32_t *changed, uint64_t value)
{
    const int step = hvs_find(world->step, HVS_K_STATUS) != NULL;

    if (hvs_narrow(want)) {
        want->rax = (uint32_t)value;
        want->rdx = value >> 32;
        *changed |= HVEMU_X64_RAX | HVEMU_X64_RDX;
    } else {
        *(step ? &want->rax : &want->rcx) = value;
        *changed |= step ? HVEMU_X64_RAX : HVEMU_X64_RCX;
    }
}

static uint64_t with_start(uint64_t control, uint64_t start)
{
    return (control & ~START_MASK) | start << 48;
}

static int expect_named(struct world *world, struct hvemu_x64_frame *want, uint32_t *changed)
{
    static const uint32_t bits[] = {HVEMU_X64_RAX, HVEMU_X64_RCX, HVEMU_X64_RDX, HVEMU_X64_RBX,
                                    HVEMU_X64_RSI, HVEMU_X64_RDI, HVEMU_X64_R8};
    uint8_t bytes[16];

    for (unsigned i = 0; i < world->step->count; i++) {
        const struct hvs_word *word = &world->step->words[i];
        if (word->key >= HVS_K_RAX && word->key <= HVS_K_R8) {
            *hvs_general(want, word->key - HVS_K_RAX) = register_value(world, word);
            *changed |= bits[word->key - HVS_K_RAX];
        }
        if (word->key >= HVS_K_XMM0) {
            if (put_bytes(world, word->key, bytes, NULL, sizeof bytes, NULL))
                return -1;
            want->xmm[word->key - HVS_K_XMM0][0] = read64(bytes);
            want->xmm[word->key - HVS_K_XMM0][1] = read64(bytes + 8);
            *changed |= (uint32_t)HVEMU_X64_XMM0 << (word->key - HVS_K_XMM0);
        }
    }
    return 0;
}

static int expect_frame(struct world *world)
{
    struct call *call = &world->call;
    struct hvemu_x64_frame want = call->frame_before;
    const struct hvs_word *status = hvs_find(world->step, HVS_K_STATUS);
    const struct hvs_word *start = hvs_find(world->step, HVS_K_START);
    uint8_t block[BLOCK], out[HVS_LIST], said[HVS_LIST], got[HVS_LIST + BLOCK] = {0};
    const size_t out_at = (call->in_bytes + 15) / 16 * 16;
    uint32_t changed = 0;
    unsigned chunks;

    if (is_fast(world)) {
        read_frame_block(&call->frame, got);
        if (expected_output(world, out_at < BLOCK ? got + out_at : got, out, said))
            return -1;
        read_frame_block(&want, block);
        chunks = expect_block(block, out_at, out, said, call->out_bytes);
        if (chunks & 1) {
            want.rdx = read64(block);
            want.r8 = read64(block + 8);
            changed |= HVEMU_X64_RDX | HVEMU_X64_R8;
        }
        for (unsigned i = 0; i < 6; i++)
            if (chunks >> (i + 1) & 1) {
                want.xmm[i][0] = read64(block + 16 + 16 * i);
                want.xmm[i][1] = read64(block + 24 + 16 * i);
                changed |= (uint32_t)HVEMU_X64_XMM0 << i;
            }
    }
    /* The control register keeps what the rounds before the last left there. */
    if (call->rounds > 1 && !hvs_narrow(&want)) {
        changed |= HVEMU_X64_RCX;
        want.rcx = call->frame.rcx;
    }
    if (status)
        expect_result(world, &want, &changed,
                      RESULT(status->number, hvs_number(world->step, HVS_K_REPS, 0)));
    if (start)
        expect_result(world, &want, &changed, with_start(hvs_get_control(&want), start->number));
    if (expect_named(world, &want, &changed))
        return -1;
    return compare_frames(world, &want, changed);
}

static int expect_native(struct world *world)
{
    struct call *call = &world->call;
    const struct hvs_word *status = hvs_find(world->step, HVS_K_STATUS);
    const uint64_t start =
        hvs_number(world->step, HVS_K_START, call->native_before.control >> 48 & 0xFFF);
    uint8_t block[BLOCK], out[HVS_LIST], said[HVS_LIST], got[HVS_LIST + BLOCK] = {0};
    const size_t out_at = (call->in_bytes + 15) / 16 * 16;
    uint32_t from = BLOCK, to = 0;
    unsigned chunks;

    if (status && differs(world, "the result", call->result,
                          RESULT(status->number, hvs_number(world->step, HVS_K_REPS, 0))))
        return -1;
    if (status && differs(world, "status", call->native.status, status->number))
        return -1;
    if (!status && differs(world, "the control word", call->control,
                           with_start(call->native_before.control, start)))
        return -1;
    if (!is_fast(world))
        return 0;
    memcpy(got, call->native.fast, BLOCK);
    if (expected_output(world, out_at < BLOCK ? got + out_at : got, out, said))
        return -1;
    memcpy(block, call->native_before.fast, BLOCK);
    chunks = expect_block(block, out_at, out, said, call->out_bytes);
    for (unsigned i = 0; i < BLOCK / 16; i++)
        if (chunks >> i & 1) {
            from = i * 16 < from ? i * 16 : from;
            to = i * 16 + 16;
        }
    /* The room for output that is not output is the library's. */
    for (unsigned i = 0; i < BLOCK; i++)
        if ((i < call->in_bytes || (i >= from && i < to)) && call->native.fast[i] != block[i])
            return hvs_fails(world, "byte 0x%x of the register block is 0x%02x, not 0x%02x", i,
                             call->native.fast[i], block[i]);
    return differs(world, "written_at", call->written_from, from) ||
                   differs(world, "the end of what was written", call->written_to, to)
               ? -1
               : 0;
}

static int expect_c(struct world *world)
{
    struct call *call = &world->call;
    const struct hvs_word *status = hvs_find(world->step, HVS_K_STATUS);
    const struct hvs_word *start = hvs_find(world->step, HVS_K_START);
    const uint64_t begun = hvs_number(call->step, HVS_K_CONTROL, 0) >> 48 & 0xFFF;
    uint8_t said[HVS_LIST], out[HVS_LIST];

    if (differs(world, "the result", call->result,
                status ? RESULT(status->number, hvs_number(world->step, HVS_K_REPS, 0))
                       : RESULT(0x78, start ? start->number : begun)))
        return -1;
    if (expected_output(world, call->c_out, out, said))
        return -1;
    for (size_t i = 0; i < call->out_bytes; i++) {
        if (said[i])
            call->c_out_model[i] = out[i];
        if (call->c_out[i] != call->c_out_model[i])
            return hvs_fails(world, "byte 0x%zx of the output is 0x%02x, not 0x%02x", i,
                             call->c_out[i], call->c_out_model[i]);
    }
    return 0;
}

static int expect_memory_output(struct world *world)
{
    const struct call *call = &world->call;
    uint8_t out[HVS_LIST], said[HVS_LIST], got[HVS_LIST] = {0};

    for (size_t i = 0; i < call->out_bytes; i++)
        got[i] = call->out_gpa + i < RAM ? world->ram[call->out_gpa + i] : 0;
    if (expected_output(world, got, out, said))
        return -1;
    for (size_t i = 0; i < call->out_bytes; i++)
        if (said[i] && call->out_gpa + i < RAM)
            world->model[call->out_gpa + i] = out[i];
    return 0;
}

static int expect(struct world *world)
{
    const struct call *call = &world->call;
    const uint64_t access = hvs_number(world->step, HVS_K_ACCESS, 0);

    if (call->action != (enum hvemu_action)hvs_number(world->step, HVS_K_ACTION, 0))
        return hvs_fails(
            world, "the action is %s, not %s (result 0x%llx)", hvemu_action_name(call->action),
            hvemu_action_name((enum hvemu_action)hvs_number(world->step, HVS_K_ACTION, 0)),
            (unsigned long long)(world->convention < HVS_LONG_FAST ? call->result
                                                                   : call->frame.rax));
    if (is_memory(world) && expect_memory_output(world))
        return -1;
    if (world->convention == HVS_C) {
        if (expect_c(world))
            return -1;
    } else {
        const int native = hvs_is_execute(world);
        if (native ? expect_native(world) : expect_frame(world))
            return -1;
        if (differs(world, "access", native ? call->native.access : call->frame.access, access))
            return -1;
        if (call->action == HVEMU_INTERCEPT &&
            differs(world, "gpa", native ? call->native.gpa : call->frame.gpa,
                    hvs_number(world->step, HVS_K_GPA, 0)))
            return -1;
    }
    if (world->disordered)
        return hvs_fails(world, "elements left out, repeated or out of order");
    return differs(world, "the number of effects", world->effects,
                   hvs_number(world->step, HVS_K_EFFECTS, 0));
}

/* Before anything new happens: all that has happened must have been expected. */
static int settle(struct world *world)
{
    for (unsigned i = 0; i < RAM; i++)
        if (world->ram[i] != world->model[i])
            return hvs_fails(world, "memory at 0x%x is 0x%02x, not 0x%02x", i, world->ram[i],
                             world->model[i]);
    for (unsigned i = 0; i < world->logged; i++)
        if (!world->log[i].seen)
            return hvs_fails(world, "before this, unexpected: %s of partition 0x%llx",
                             world->log[i].kind == KICK        ? "a kick"
                             : world->log[i].kind == INTERRUPT ? "an interrupt"
                             : world->log[i].kind == EVENT     ? "an event"
                                                               : "an op",
                             (unsigned long long)world->log[i].partition);
    world->logged = 0;
    return 0;
}

/* said: NULL, or of the bytes of want.with those that count. */
static int same_op(const struct op *op, const struct op *want, const uint8_t *said)
{
    if (op->kind != want->kind || op->partition != want->partition ||
        op->control != want->control || op->address != want->address ||
        op->vector != want->vector || op->bytes != want->bytes)
        return 0;
    for (size_t i = 0; i < op->bytes; i++)
        if (said[i] && op->with[i] != want->with[i])
            return 0;
    return 1;
}

static int expect_op(struct world *world, struct op want, const uint8_t *said)
{
    for (unsigned i = 0; i < world->logged; i++) {
        struct op *op = &world->log[i];
        if (!op->seen && same_op(op, &want, said)) {
            op->seen = 1;
            return 0;
        }
    }
    return hvs_fails(world, "the VMM's op was not called like this");
}

static int expect_other_op(struct world *world)
{
    const size_t bytes = (size_t)hvs_find(world->step, HVS_K_WITH)->number;
    struct op want = {.kind = OTHER,
                      .partition = part_of(world, HVS_K_OF)->id,
                      .control = hvs_number(world->step, HVS_K_OP, 0),
                      .bytes = bytes};
    uint8_t said[WITH];

    if (bytes > WITH)
        return hvs_fails(world, "no op has so many arguments");
    if (put_bytes(world, HVS_K_WITH, want.with, said, bytes, world->call.from))
        return -1;
    return expect_op(world, want, said);
}

static int expect_more(struct world *world)
{
    const struct hvs_step *step = world->step;
    const uint64_t gpa = hvs_number(step, HVS_K_GPA, 0);
    struct part *part = hvs_find(step, HVS_K_OF) ? part_of(world, HVS_K_OF) : NULL;
    uint8_t bytes[HVS_LIST], said[HVS_LIST];

    switch (step->keyword) {
    case HVS_EXPECT_MEMORY:
        if (!in_ram(gpa, (uint32_t)hvs_find(step, HVS_K_BYTES)->number))
            return hvs_fails(world, "there is no memory so far up");
        if (put_bytes(world, HVS_K_BYTES, bytes, said, (size_t)hvs_find(step, HVS_K_BYTES)->number,
                      world->call.from))
            return -1;
        for (size_t i = 0; i < hvs_find(step, HVS_K_BYTES)->number; i++)
            if (said[i])
                world->model[gpa + i] = bytes[i];
        return 0;
    case HVS_EXPECT_PARTITION:
        part->state = (unsigned)hvs_number(step, HVS_K_STATE, 0);
        part->state_asked = 1;
        return 0;
    case HVS_EXPECT_EXTINT:
        part->ext_int = (unsigned)hvs_number(step, HVS_K_STATE, 0);
        part->ext_int_asked = 1;
        part->vector_known = hvs_find(step, HVS_K_VECTOR) != NULL;
        part->vector = (uint8_t)hvs_number(step, HVS_K_VECTOR, 0);
        return 0;
    case HVS_EXPECT_KICK:
        return expect_op(world, (struct op){.kind = KICK, .partition = part->id}, NULL);
    case HVS_EXPECT_INTERRUPT:
        return expect_op(world,
                         (struct op){.kind = INTERRUPT,
                                     .partition = part->id,
                                     .control = hvs_number(step, HVS_K_CONTROL, 0),
                                     .address = hvs_number(step, HVS_K_ADDRESS, 0),
                                     .vector = hvs_number(step, HVS_K_VECTOR, 0)},
                         NULL);
    case HVS_EXPECT_EVENT:
        return expect_op(world,
                         (struct op){.kind = EVENT,
                                     .partition = part->id,
                                     .control = hvs_number(step, HVS_K_EVENT, 0)},
                         NULL);
    default:
        return expect_other_op(world);
    }
}

/* ---- The end: states are found out by calls that tell them apart ---- */

/* 0: its parent may not ask. */
static int find_ext_int(struct world *world, const struct part *part, unsigned *state,
                        uint8_t *vector)
{
    uint16_t status;

    *state = hvemu_ext_int_line(part->vps[0]) ? HVS_ASSERTED : HVS_IDLE;
    if (*state == HVS_ASSERTED && hvemu_ext_int_acknowledge(part->vps[0], vector) != HVEMU_OK)
        return hvs_fails(world, "%s: line without interrupt", part->name);
    status = hvemu_clear_virtual_interrupt(world->hv, part->parent->id, part->id);
    if (*state == HVS_IDLE && status == 0)
        *state = HVS_ACKNOWLEDGED;
    return status != 6;
}

static int check_ext_int(struct world *world, struct part *part)
{
    unsigned found;
    uint8_t vector = 0;
    const int answered = find_ext_int(world, part, &found, &vector);

    if (answered <= 0)
        return answered;
    part->ext_int_asked = 0;
    if (found != part->ext_int)
        return hvs_fails(world, "at the end, %s's external interrupt is in state %u, not %u",
                         part->name, found, part->ext_int);
    if (found == HVS_ASSERTED && part->vector_known)
        return differs(world, "the asserted vector", vector, part->vector);
    return 0;
}

static int find_state(struct world *world, const struct part *part, unsigned *state)
{
    uint16_t status = call_on(world, part->parent, 0x41, part->id);

    if (status == 6)
        return 0;
    if (status == 0 || status == 0xB) /* or it would be, with more memory */
        *state = HVS_UNINITIALIZED;
    else if (status == 0xD)
        *state = HVS_DELETED;
    else if (hvemu_clear_virtual_interrupt(world->hv, part->parent->id, part->id) != 7)
        *state = HVS_ACTIVE;
    else
        *state = call_on(world, part->parent, 0x43, part->id) == 7 ? HVS_FINALIZING : HVS_FINALIZED;
    return 1;
}

static int check_states(struct world *world)
{
    static const char *const names[] = {"uninitialized", "active", "finalizing", "finalized",
                                        "deleted"};

    memset(world->faults, 0, sizeof world->faults);
    world->filter = NULL;
    for (unsigned i = world->part_count; --i;) {
        struct part *part = &world->parts[i];
        const int can_ask = part->parent->state == HVS_ACTIVE;
        unsigned found;
        if (can_ask && part->state == HVS_ACTIVE && part->vps[0] && check_ext_int(world, part))
            return -1;
        if (part->ext_int_asked)
            return hvs_fails(world, "%s's external interrupt cannot be found out", part->name);
        if (!can_ask || !find_state(world, part, &found)) {
            if (part->state_asked)
                return hvs_fails(world, "%s's state cannot be found out", part->name);
        } else if (found != part->state)
            return hvs_fails(world, "at the end, %s is %s, not %s", part->name, names[found],
                             names[part->state]);
    }
    if (world->parts[0].state_asked || world->parts[0].ext_int_asked)
        return hvs_fails(world, "root's state cannot be found out");
    return 0;
}

/* ---- Calls while memory is disturbed ---- */

/* What became of a call. */
struct outcome {
    uint64_t action, result, access, gpa, effects;
    uint64_t registers[20];
    uint64_t log[LOG][5];
    uint8_t with[LOG][WITH];
    uint64_t parts[HVS_NAMES][4]; /* as their parents find them: state, external interrupt */
    uint8_t ram[RAM];
};

/* The beginning to which every attempt returns, and what became of the attempts. */
struct attempts {
    struct world world;
    uint8_t *memory;
    struct outcome before, after, got;
};

static void look_at_registers(const struct call *call, int native, struct outcome *outcome)
{
    struct hvemu_x64_frame frame = call->frame;

    if (native) {
        outcome->registers[0] = call->native.control;
        if (call->action == HVEMU_STEP)
            outcome->result = call->native.result;
        return;
    }
    for (unsigned i = 0; i < 7; i++)
        outcome->registers[i] = *hvs_general(&frame, i);
    for (unsigned i = 0; i < 12; i++)
        outcome->registers[7 + i] = frame.xmm[i / 2][i % 2];
    outcome->registers[19] = call->changed;
}

static int look_at_parts(struct world *world, struct outcome *outcome)
{
    memset(world->faults, 0, sizeof world->faults);
    world->filter = NULL;
    for (unsigned i = world->part_count; --i;) {
        const struct part *part = &world->parts[i];
        uint64_t *found = outcome->parts[i];
        unsigned state = 0;
        uint8_t vector = 0;
        if (part->vps[0]) {
            const int answered = find_ext_int(world, part, &state, &vector);
            if (answered < 0)
                return -1;
            found[0] = (uint64_t)answered;
            found[1] = (uint64_t)state << 8 | vector;
        }
        found[2] = (uint64_t)find_state(world, part, &state);
        found[3] = state;
    }
    return 0;
}

static int look(struct world *world, struct outcome *outcome)
{
    const struct call *call = &world->call;
    const int native = hvs_is_execute(world);

    memset(outcome, 0, sizeof *outcome);
    outcome->action = call->action;
    outcome->access = native ? call->native.access : call->frame.access;
    if (call->action == HVEMU_INTERCEPT)
        outcome->gpa = native ? call->native.gpa : call->frame.gpa;
    outcome->effects = world->effects;
    look_at_registers(call, native, outcome);
    for (unsigned i = 0; i < world->logged; i++) {
        const struct op *op = &world->log[i];
        const uint64_t heard[5] = {op->kind, op->partition, op->control, op->address, op->vector};
        memcpy(outcome->log[i], heard, sizeof heard);
        memcpy(outcome->with[i], op->with, WITH);
    }
    memcpy(outcome->ram, world->ram, RAM);
    return look_at_parts(world, outcome);
}

/* NULL: they are the same. */
static const char *difference(const struct outcome *a, const struct outcome *b)
{
    return a->action != b->action                                         ? "the action"
           : a->result != b->result                                       ? "the result"
           : a->access != b->access                                       ? "access"
           : a->gpa != b->gpa                                             ? "gpa"
           : a->effects != b->effects                                     ? "the number of effects"
           : memcmp(a->registers, b->registers, sizeof a->registers) != 0 ? "a register"
           : memcmp(a->log, b->log, sizeof a->log) != 0       ? "what the VMM's ops heard"
           : memcmp(a->with, b->with, sizeof a->with) != 0    ? "what an op was given"
           : memcmp(a->parts, b->parts, sizeof a->parts) != 0 ? "a partition"
           : memcmp(a->ram, b->ram, sizeof a->ram) != 0       ? "memory"
                                                              : NULL;
}

/* Back to the beginning: all of an instance lies in the memory that the VMM gave it. */
static void begin_anew(struct world *world, const struct attempts *attempts)
{
    *world = attempts->world;
    memcpy(world->memory, attempts->memory, world->memory_bytes);
}

static int attempt(struct world *world, const struct attempts *attempts,
                   struct disturbance disturbance, struct outcome *outcome)
{
    begin_anew(world, attempts);
    world->disturbance = disturbance;
    if (disturbance.when == BEFORE_THE_CALL)
        strike(world);
    if (hvs_once(world))
        return -1;
    if (disturbance.when == AFTER_THE_CALL)
        strike(world);
    return look(world, outcome);
}

static int neither(struct world *world, const struct attempts *attempts,
                   struct disturbance disturbance)
{
    return hvs_fails(
        world,
        "0x%x bytes at 0x%llx %s before op %u: unlike before the call in %s, unlike after "
        "it in %s",
        disturbance.where.bytes, (unsigned long long)disturbance.where.gpa,
        disturbance.what == UNMAP ? "unmapped" : "changed", disturbance.when,
        difference(&attempts->got, &attempts->before),
        difference(&attempts->got, &attempts->after));
}

/* The disturbance before each of the ops of the call. */
static int disturb_ops(struct world *world, struct attempts *attempts, unsigned last,
                       struct disturbance disturbance)
{
    struct hvs_disturbed *disturbed = world->disturbed;

    disturbance.when = BEFORE_THE_CALL;
    if (attempt(world, attempts, disturbance, &attempts->before))
        return -1;
    disturbance.when = AFTER_THE_CALL;
    if (attempt(world, attempts, disturbance, &attempts->after))
        return -1;
    for (unsigned i = 1; i <= last; i++) {
        const char *from_before, *from_after;

        disturbance.when = i;
        if (attempt(world, attempts, disturbance, &attempts->got))
            return -1;
        from_before = difference(&attempts->got, &attempts->before);
        from_after = difference(&attempts->got, &attempts->after);
        if (from_before && from_after)
            return neither(world, attempts, disturbance);
        if (disturbance.what == UNMAP)
            disturbed->unmapped++;
        else
            disturbed->changed++;
        disturbed->as_before += from_after != NULL;
        disturbed->as_after += from_before != NULL;
    }
    return 0;
}

/* The call's lists; 0: none that there could be an op for. */
int hvs_find_lists(const struct world *world, struct range *in, struct range *out,
                   struct hvemu_call *call)
{
    struct hvemu_x64_frame frame = world->call.frame;

    if (hvs_is_execute(world)) {
        memset(&frame, 0, sizeof frame);
        frame.mode = mode_of(HVS_LONG);
        frame.rcx = world->call.native.control;
        frame.rdx = world->call.native.in_gpa;
        frame.r8 = world->call.native.out_gpa;
    }
    if (hvemu_x64_decode(world->hv, &frame, 0, call) != HVEMU_STEP || call->control & 0x10000 ||
        call->status)
        return 0;
    *in = (struct range){call->in_gpa, call->in_bytes};
    *out = (struct range){call->out_gpa, call->out_bytes};
    if (!in_ram(in->gpa, in->bytes))
        in->bytes = 0;
    if (!in_ram(out->gpa, out->bytes))
        out->bytes = 0;
    return in->bytes || out->bytes;
}

/* All that may be done to a page; what output goes over is changed apart from all else. */
static void add_page(struct disturbance *changes, unsigned *count, uint64_t gpa, struct range out)
{
    const struct range page = {gpa / PAGE * PAGE, PAGE};

    changes[(*count)++] = (struct disturbance){.what = UNMAP, .where = page};
    changes[(*count)++] =
        (struct disturbance){.what = CHANGE, .where = page, .spared = out, .bits = 0xFF};
}

/* Each page of the lists unmapped; all in it changed; the output changed; and single bytes of the
 * input, at the ends of the header and of the elements. A byte in both lists stays as it is. */
static unsigned find_changes(const struct world *world, struct disturbance *changes)
{
    struct range in, out;
    struct hvemu_call call;
    unsigned count = 0;
    uint32_t each, header;

    if (!hvs_find_lists(world, &in, &out, &call))
        return 0;
    if (in.bytes)
        add_page(changes, &count, in.gpa, out);
    if (out.bytes && (!in.bytes || in.gpa / PAGE != out.gpa / PAGE))
        add_page(changes, &count, out.gpa, out);
    if (out.bytes)
        changes[count++] =
            (struct disturbance){.what = CHANGE, .where = out, .spared = in, .bits = 0xFF};
    header = call.header_bytes;
    each = call.reps ? (call.in_bytes - header) / call.reps : 0;
    const uint32_t bytes[] = {0,
                              header / 2,
                              header - 1,
                              header,
                              header + call.start * each,
                              header + (call.reps - 1u) * each};
    for (unsigned i = 0; i < sizeof bytes / sizeof *bytes; i++)
        if (bytes[i] < in.bytes && !is_in(out, in.gpa + bytes[i]))
            changes[count++] =
                (struct disturbance){.what = CHANGE, .where = {in.gpa + bytes[i], 1}, .bits = 0x01};
    return count;
}

static int disturb_each_op(struct world *world, struct attempts *attempts)
{
    struct disturbance changes[CHANGES];
    const unsigned count = find_changes(world, changes);
    unsigned last;

    if (!count)
        return 0;
    if (hvs_once(world))
        return -1;
    last = world->ops;
    if (last)
        world->disturbed->calls++;
    for (unsigned i = 0; i < count; i++)
        if (disturb_ops(world, attempts, last, changes[i]))
            return -1;
    return 0;
}

static int disturb(struct world *world)
{
    struct attempts *attempts = malloc(sizeof *attempts);
    uint8_t *memory = malloc(world->memory_bytes);
    int result = -1;

    if (attempts && memory) {
        attempts->world = *world;
        attempts->memory = memory;
        memcpy(memory, world->memory, world->memory_bytes);
        result = disturb_each_op(world, attempts);
        begin_anew(world, attempts);
    } else
        hvs_fails(world, "out of memory");
    free(memory);
    free(attempts);
    return result;
}

/* ---- A vector ---- */

static int carry_out(struct world *world)
{
    switch (world->step->keyword) {
    case HVS_PARTITION:
        return set_up_partition(world);
    case HVS_VP:
        return set_up_vp(world);
    case HVS_DETACH:
        return set_up_detach(world);
    case HVS_PAGE:
        return set_up_page(world);
    case HVS_RESET:
        return reset_partition(world);
    case HVS_ASSERT:
    case HVS_ACKNOWLEDGE:
        return set_up_ext_int(world);
    case HVS_MEMORY:
        return set_up_memory(world);
    case HVS_FAULT:
        return set_up_fault(world);
    case HVS_REGISTER:
        return set_up_register(world);
    case HVS_CALL:
    case HVS_RAW:
    case HVS_AGAIN:
        return begin_call(world) || once(world) ? -1 : 0;
    case HVS_FINISH:
        return begin_call(world) || finish(world) ? -1 : 0;
    case HVS_EXPECT:
        return expect(world);
    case HVS_CONFIG:
    case HVS_HANDLER:
    case HVS_WITHDRAW:
    case HVS_FILTER:
    case HVS_ONLY:
        return 0;
    default:
        return expect_more(world);
    }
}

static int run_step(struct world *world)
{
    const enum hvs_keyword keyword = world->step->keyword;

    if (keyword < HVS_EXPECT && settle(world))
        return -1;
    if (carry_out(world))
        return -1;
    if (keyword < HVS_CALL) /* what the set-up told the VMM is nobody's concern */
        world->logged = 0;
    return 0;
}

static int run(struct world *world, const struct hvs_step *const *steps, unsigned count)
{
    if (build(world, steps, count))
        return -1;
    for (unsigned i = 0; i < count; i++) {
        world->step = steps[i];
        if (run_step(world))
            return -1;
    }
    return settle(world) || check_states(world) ? -1 : 0;
}

int hvs_run(const struct hvs_vector *vector, enum hvs_convention convention, uint8_t preset,
            struct hvs_disturbed *disturbed, struct hvs_faults *faulted, char *error,
            size_t error_bytes)
{
    const struct hvs_file *file = vector->file;
    const unsigned count = file->common + vector->steps;
    struct world *world = calloc(1, sizeof *world);
    const struct hvs_step **steps = calloc(count, sizeof *steps);
    int result = -1;

    snprintf(error, error_bytes, "%s:%u: out of memory", file->path, vector->line);
    if (world && steps) {
        world->vector = vector;
        world->convention = convention;
        world->preset = preset;
        world->disturbed = disturbed;
        world->faulted = faulted;
        world->error = error;
        world->error_bytes = error_bytes;
        memset(world->ram, preset, RAM);
        memset(world->model, preset, RAM);
        for (unsigned i = 0; i < count; i++)
            steps[i] = &file->steps[i < file->common ? i : vector->first + i - file->common];
        result = run(world, steps, count);
        free_buffers(&world->call);
        free(world->memory);
    }
    free(steps);
    free(world);
    return result;
}
