/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Two tenants of one root. Whatever the VMM holds of the second one, and whatever that one says, is
 * made of canaries: its memory and lists, registers and properties, page numbers, ports, MSRs. The
 * input is what the first one does, by every way, in between what the second one and the VMM do
 * from a list. No two canaries in a row may get into what the first tenant is given or an op is
 * told about it; no op may be called about the second; and nothing that the library keeps of the
 * second may change. Both have children, whose slots and processors go from one to the other as
 * they die. */

#include "fuzz.h"

#include <stdalign.h>
#include <string.h>
#include <sys/endian.h>

#include "internal.h"
#include "walk.h"

enum { CANARY = 0xC7, IDS = 7, ACTIONS = 40, PAGE = 4096, LARGE = 0x1F0, TRIES = 8 };
#define CANARIES 0xC7C7C7C7C7C7C7C7u

static const struct shape own[] = {{0x7002, 8, 8, 0, 8, 1, 0}, {0x7004, 8, 0, 2048, 0, 0, 0}, {0}};

/* A tenant, and the context of all that is its own. */
struct tenant {
    uint64_t id, child;
    struct hvemu_vp *vp; /* of the tenant */
    uint8_t mark;        /* what its machine is full of */
    uint8_t memory[4 * PAGE];
};

static alignas(64) uint8_t memory[1 << 18];
static struct {
    struct hvemu *hv;
    struct bytes bytes;
    struct tenant root, first, second;
    int first_acts;
} t;

static void assert_no_canaries(const void *of, size_t bytes)
{
    const uint8_t *at = of, *end = at + bytes;

    while (at < end && (at = memchr(at, CANARY, (size_t)(end - at))) != NULL)
        assert_true(++at == end || *at != CANARY);
}

/* ---- The VMM ---- */

/* An op about one of them, which is told so much. */
static struct tenant *about(void *ctx, const void *told, size_t bytes)
{
    struct tenant *tenant = ctx;

    if (t.first_acts) {
        assert_ptr_not_equal(tenant, &t.second);
        if (bytes)
            assert_no_canaries(told, bytes);
    }
    return tenant;
}

static void ext_int(void *ctx, uint64_t partition)
{
    about(ctx, &partition, sizeof partition);
}

static uint16_t interrupt(void *ctx, uint64_t partition, uint64_t control, uint64_t address,
                          uint32_t vector)
{
    const uint64_t told[] = {partition, control, address, vector};

    about(ctx, told, sizeof told);
    return 0;
}

static int gpa_read(void *ctx, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes)
{
    const struct tenant *tenant = about(ctx, &partition, sizeof partition);

    if (gpa > sizeof tenant->memory - bytes)
        return HVEMU_MEM_NONE;
    memcpy(to, tenant->memory + gpa, bytes);
    return HVEMU_MEM_OK;
}

static int gpa_write(void *ctx, uint64_t partition, uint64_t gpa, const void *from, uint32_t bytes)
{
    struct tenant *tenant = about(ctx, from, bytes);

    (void)partition;
    if (gpa > sizeof tenant->memory - bytes)
        return HVEMU_MEM_NONE;
    memcpy(tenant->memory + gpa, from, bytes);
    return HVEMU_MEM_OK;
}

static int overlay(void *ctx, uint64_t partition, uint64_t gpa, const uint8_t *code, uint32_t bytes)
{
    const uint64_t told[] = {partition, gpa, bytes};

    (void)code;
    about(ctx, told, sizeof told);
    return HVEMU_MEM_OK;
}

static uint16_t partition_event(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                                void **child_ctx)
{
    (void)partition, (void)event, (void)child_ctx;
    about(ctx, creation, creation ? 56 : 0);
    return 0;
}

static uint16_t vp_event(void *ctx, struct hvemu_vp *vp, uint32_t event, const void *block,
                         void **vp_ctx)
{
    (void)vp, (void)vp_ctx;
    about(ctx, block, event == HVEMU_VP_CREATED ? 40 : event == HVEMU_VP_START ? 240 : 0);
    return 0;
}

static uint16_t vp_get(void *ctx, struct hvemu_vp *vp, uint32_t name, uint64_t value[2])
{
    (void)vp;
    memset(value, about(ctx, &name, sizeof name)->mark, 16);
    return 0;
}

static uint16_t vp_set(void *ctx, struct hvemu_vp *vp, uint32_t name, const uint64_t value[2])
{
    (void)vp, (void)name;
    about(ctx, value, 16);
    return 0;
}

static uint16_t map(void *ctx, uint64_t partition, uint32_t what, uint64_t page, uint64_t source,
                    uint32_t flags)
{
    const uint64_t told[] = {partition, what, page, source, flags};

    about(ctx, told, sizeof told);
    return 0;
}

static uint16_t pool(void *ctx, uint64_t partition, uint64_t page, int deposit)
{
    const uint64_t told[] = {partition, page, (uint64_t)deposit};

    about(ctx, told, sizeof told);
    return 0;
}

static uint16_t property(void *ctx, uint64_t partition, uint32_t code, uint64_t argument,
                         uint64_t *value, int set)
{
    const uint64_t told[] = {partition, code, argument, *value};
    const struct tenant *tenant = about(ctx, told, sizeof told);

    if (!set)
        memset(value, tenant->mark, sizeof *value);
    return 0;
}

static const struct hvemu_ops ops = {.size = sizeof ops,
                                     .ext_int = ext_int,
                                     .interrupt = interrupt,
                                     .gpa_read = gpa_read,
                                     .gpa_write = gpa_write,
                                     .overlay = overlay,
                                     .partition = partition_event,
                                     .vp = vp_event,
                                     .vp_get = vp_get,
                                     .vp_set = vp_set,
                                     .map = map,
                                     .pool = pool,
                                     .property = property};

/* Both own calls: the second tenant gets its canaries back, so that they are in every buffer; the
 * first one nothing, so that it would see what is in them. */
static uint16_t do_own(const struct hvemu_invocation *invocation, const void *in, const void *item,
                       void *out)
{
    const size_t bytes = item ? 8 : 2048;
    const struct tenant *tenant = about(invocation->ctx, item ? item : in, 8);

    if (tenant == &t.second)
        memset(out, CANARY, bytes);
    else
        assert_no_canaries(out, bytes);
    return 0;
}

/* ---- A world ---- */

static uint64_t call(const struct tenant *as, uint64_t control, const uint64_t *in, size_t words,
                     void *out, size_t out_bytes)
{
    uint8_t block[HVEMU__LIST_MAX];
    uint64_t result;

    for (size_t i = 0; i < words; i++)
        le64enc(block + 8 * i, in[i]);
    result = hvemu_hypercall(t.hv, as->id, control, block, 8 * words, out, out_bytes);
    return (uint16_t)result;
}

static void attach(struct tenant *tenant)
{
    if (tenant->vp || hvemu_vp_attach(t.hv, tenant->id, 0, tenant, &tenant->vp) != HVEMU_OK)
        return;
    hvemu_x64_wrmsr(tenant->vp, 0x40000000, tenant->mark * UINT64_C(0x0101010101010101));
    hvemu_x64_wrmsr(tenant->vp, 0x40000001, tenant == &t.second ? 0xC7C7C7C7C7001 : 0x8001);
}

/* A child, with something of everything. */
static void furnish_child(struct tenant *tenant)
{
    const uint64_t marks = tenant->mark * UINT64_C(0x0101010101010101);
    uint8_t id[8];

    if (call(tenant, 0x40, (const uint64_t[7]){0}, 7, id, 8) != 0)
        return;
    tenant->child = le64dec(id);
    call(tenant, 0x100000048, (const uint64_t[]){tenant->child, marks >> 24}, 2, NULL, 0);
    call(tenant, 0x41, &tenant->child, 1, NULL, 0);
    call(tenant, 0x4E, (const uint64_t[]){tenant->child, 0, 0, 0, 0}, 5, NULL, 0);
    call(tenant, 0x4D, (const uint64_t[]){tenant->child, 3, marks >> 48}, 3, NULL, 0);
    call(tenant, 0x45, (const uint64_t[]){tenant->child, 0x40000, marks >> 48}, 3, NULL, 0);
    call(tenant, 0x45, (const uint64_t[]){tenant->child, 0x30001, marks >> 56}, 3, NULL, 0);
    call(tenant, 0x100000051, (const uint64_t[]){tenant->child, 0, 0x90002, 0, marks, marks}, 6,
         NULL, 0);
    call(tenant, 0x94, (const uint64_t[]){tenant->child, 7, 0, marks >> 56}, 4, NULL, 0);
}

static void settle(struct tenant *tenant)
{
    if (!hvemu_partition_state(t.hv, tenant->id))
        hvemu_add_guest(t.hv, hvemu_root(t.hv), HV_PRIVILEGE_ALL, tenant, &tenant->id);
    attach(tenant);
}

static void begin(struct bytes bytes)
{
    const struct hvemu_config config = {.size = sizeof config,
                                        .partitions = 6,
                                        .vps = 5,
                                        .depth = 3,
                                        .calls = 2,
                                        .features = 0x48010,
                                        .pages = 8,
                                        .create_cost = HVEMU_NO_COST,
                                        .initialize_cost = HVEMU_NO_COST,
                                        .vp_cost = HVEMU_NO_COST,
                                        .map_cost = HVEMU_NO_COST,
                                        .intercept_cost = HVEMU_NO_COST,
                                        .intercepts = 4,
                                        .privileges = HV_PRIVILEGE_ALL};

    memset(memory, CANARY, sizeof memory);
    memset(&t, 0, sizeof t);
    t.bytes = bytes;
    assert_result(hvemu_init(&t.hv, memory, sizeof memory, &config, &ops, &t.root), HVEMU_OK);
    register_own(t.hv, own, do_own);
    t.root.id = hvemu_root(t.hv);
    t.first.mark = 0x11;
    t.second.mark = CANARY;
    memset(t.second.memory, CANARY, sizeof t.second.memory);
    for (unsigned i = 0; i < 2; i++) {
        struct tenant *tenant = i ? &t.second : &t.first;

        settle(tenant);
        furnish_child(tenant);
        assert_u64(hvemu_partition_state(t.hv, tenant->child), HVEMU_STATE_ACTIVE);
    }
}

/* ---- The second tenant, and the VMM ---- */

static void end(const struct tenant *of, uint64_t id)
{
    uint64_t page;

    for (int i = 0; i < TRIES && call(of, 0x42, &id, 1, NULL, 0) == HV_STATUS_TIMEOUT; i++)
        continue;
    for (int i = 0; i < TRIES; i++)
        call(of, 0x100000049, (const uint64_t[]){id, 0}, 2, &page, 8);
    call(of, 0x43, &id, 1, NULL, 0);
}

static void second_acts(void)
{
    struct tenant *b = &t.second;
    struct hvemu_call large = {.control = 0x7002 | (uint64_t)LARGE << 32, .out_gpa = PAGE};
    struct hvemu_call simple = {.control = 0x7004, .out_gpa = 2 * PAGE};
    uint64_t in[1] = {CANARIES};
    uint8_t out[2048];

    switch (take_below(&t.bytes, 8)) {
    case 0:
        for (int i = 0; i < TRIES && hvemu_execute(b->vp, &large) == HVEMU_REPEAT; i++)
            continue;
        break;
    case 1:
        hvemu_execute(b->vp, &simple);
        break;
    case 2:
        call(b, 0x7004, in, 1, out, sizeof out);
        break;
    case 3:
        if (hvemu_vp_detach(b->vp) == HVEMU_OK)
            b->vp = NULL;
        break;
    case 4:
        furnish_child(b);
        break;
    case 5:
        end(b, b->child);
        break;
    case 6:
        if (b->vp && hvemu_vp_detach(b->vp) == HVEMU_OK)
            b->vp = NULL;
        end(b, b->child);
        end(&t.root, b->id);
        break;
    default:
        settle(b);
    }
}

static void vmm_acts(void)
{
    struct tenant *a = &t.first;
    uint8_t vector;

    switch (take_below(&t.bytes, 4)) {
    case 0:
        if (a->vp && hvemu_vp_detach(a->vp) == HVEMU_OK)
            a->vp = NULL;
        break;
    case 1:
        hvemu_reset(t.hv, a->id);
        break;
    case 2:
        hvemu_ext_int_acknowledge(a->vp, &vector);
        break;
    default:
        settle(a);
    }
}

/* ---- The first tenant ---- */

/* From the input's bytes no canary gets in. */
static void cleanse(void *of, size_t bytes)
{
    for (uint8_t *at = of; bytes; at++, bytes--)
        *at = *at == CANARY ? 0 : *at;
}

/* Its own, its child's and grandchild's, or those of others as an attacker guesses them. */
static uint64_t guess(unsigned which)
{
    const uint64_t ids[IDS] = {t.first.id, t.first.child, t.second.id,  t.second.child,
                               t.root.id,  t.first.id,    t.first.child};

    return ids[which % IDS];
}

static void by_registers(struct said *said)
{
    struct hvemu_x64_frame frame = {.mode = HVEMU_X64_KERNEL64, .known = HVEMU_X64_XMM};
    enum hvemu_action action;

    frame.rcx = said->control | 0x10000;
    frame.rdx = le64dec(said->in);
    frame.r8 = le64dec(said->in + 8);
    for (unsigned i = 0; i < 12; i++)
        frame.xmm[i / 2][i % 2] = le64dec(said->in + 16 + 8 * i);
    for (int i = 0; i < TRIES; i++) {
        action = hvemu_x64_hypercall(t.first.vp, &frame);
        assert_no_canaries(&frame, sizeof frame);
        if (action != HVEMU_REPEAT)
            break;
    }
    if (action == HVEMU_STEP && (uint16_t)frame.rax == 0 && (uint16_t)frame.rcx == 0x40)
        t.first.child = frame.xmm[3][0];
}

static void by_memory(struct said *said)
{
    const unsigned in = take_below(&t.bytes, 4), out = take_below(&t.bytes, 4);
    struct hvemu_call made = {
        .control = said->control & ~UINT64_C(0x10000), .in_gpa = in * PAGE, .out_gpa = out * PAGE};

    if (said->in_bytes <= PAGE)
        memcpy(t.first.memory + made.in_gpa, said->in, said->in_bytes);
    for (int i = 0; i < TRIES && hvemu_execute(t.first.vp, &made) == HVEMU_REPEAT; i++)
        continue;
    assert_no_canaries(&made, sizeof made);
    assert_no_canaries(t.first.memory, sizeof t.first.memory);
    if (made.executed && !made.status && made.code == 0x40)
        t.first.child = le64dec(t.first.memory + made.out_gpa);
}

static void by_c(const struct said *said)
{
    static uint8_t out[SAID];
    uint64_t result;

    memset(out, 0, sizeof out);
    result = hvemu_hypercall(t.hv, take_below(&t.bytes, 4) ? t.first.id : t.first.child,
                             said->control, said->in, said->in_bytes, out, said->out_bytes);
    assert_no_canaries(&result, sizeof result);
    assert_no_canaries(out, sizeof out);
    if (!result && (uint16_t)said->control == 0x40)
        t.first.child = le64dec(out);
}

static void by_msr(void)
{
    uint64_t value = take(&t.bytes, 8);

    cleanse(&value, sizeof value);
    hvemu_x64_wrmsr(t.first.vp, 0x40000000 + take_below(&t.bytes, 3), value);
    hvemu_x64_rdmsr(t.first.vp, 0x40000000 + take_below(&t.bytes, 3), &value);
    assert_no_canaries(&value, sizeof value);
}

static void first_acts(void)
{
    const unsigned way = take_below(&t.bytes, 4);
    const uint32_t places[] = {hvemu__index(t.second.id) + 1, hvemu__index(t.second.child) + 1};
    uint64_t was[2], ids[IDS];
    static struct said said;

    for (unsigned i = 0; i < IDS; i++)
        ids[i] = guess(i);
    for (unsigned i = 0; i < 2; i++)
        was[i] = hvemu_partition_state(t.hv, i ? t.second.child : t.second.id)
                     ? digest(t.hv, places[i])
                     : 0;
    if (way != 3)
        take_call(&t.bytes, own, ids, IDS, &said);
    cleanse(&said.control, sizeof said.control);
    cleanse(said.in, sizeof said.in);
    t.first_acts = 1;
    if (way == 0)
        by_registers(&said);
    else if (way == 1)
        by_memory(&said);
    else if (way == 2)
        by_c(&said);
    else
        by_msr();
    t.first_acts = 0;
    for (unsigned i = 0; i < 2; i++)
        if (was[i])
            assert_u64(digest(t.hv, places[i]), was[i]);
}

/* What a processor of the first tenant could be made to give out. */
static void look_into_buffers(void)
{
    const struct hvemu_vp *vp = t.first.vp;

    if (vp) {
        assert_no_canaries(vp->in, HVEMU__LIST_MAX);
        assert_no_canaries(vp->out, HVEMU__LIST_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin((struct bytes){data, data + size});
    for (unsigned i = 0; i < ACTIONS && more(&t.bytes); i++) {
        const unsigned who = take_below(&t.bytes, 8);

        if (who < 5)
            first_acts();
        else if (who < 7)
            second_acts();
        else
            vmm_acts();
        look_into_buffers();
        walk(t.hv);
    }
    return 0;
}
