/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Two tenants on one machine, whose memory and registers hold nothing but 0xA5 here and 0x17 there:
 * however one is shifted, it does not become the other, as 0x5A would when CR3 becomes a page
 * number. Both make calls at random, on themselves, on each other, on their children and on what is
 * not there, from C and from the registers of their processors. Two bytes of one tenant's in a row
 * must never be found in an output, in the registers, in the memory or in the log of the other. */

#include "walk.h"

#include "double.h"

#include <stdlib.h>
#include <string.h>
#include <sys/endian.h>

enum {
    PAGES = 2048,
    RAM = 48,     /* pages of a tenant */
    CHILDREN = 2, /* of a tenant, at most */
    IN_GPA = 0x1000,
    OUT_GPA = 0x2000,
    CODE_GPA = 0x3000,
    ITEMS = 16,
    CALLS = 200000
};

struct tenant {
    uint64_t id, poison, children[CHILDREN];
    uint8_t byte;
};

static struct hvdouble *d;
static struct tenant tenants[2];
static struct tenant *caller;
static uint64_t seed;
static int leaked_to_log;

static uint64_t roll(uint64_t below)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (seed >> 33) % below;
}

/* The calls and the shape of their lists. */
static const struct call {
    uint16_t code, words, each, out, out_each, variable;
    enum { PAGE_LIST, NAME_LIST, ASSOC_LIST, ID_LIST } items;
} calls[] = {
    {0x40, 7, 0, 8, 0, 0, 0},          {0x41, 1, 0, 0, 0, 0, 0},
    {0x42, 1, 0, 0, 0, 0, 0},          {0x43, 1, 0, 0, 0, 0, 0},
    {0x44, 2, 0, 8, 0, 0, 0},          {0x45, 3, 0, 0, 0, 0, 0},
    {0x46, 0, 0, 8, 0, 0, 0},          {0x47, 2, 0, 8, 0, 0, 0},
    {0x48, 1, 8, 0, 0, 0, PAGE_LIST},  {0x49, 2, 0, 0, 8, 0, 0},
    {0x4A, 2, 0, 16, 0, 0, 0},         {0x4B, 3, 8, 0, 0, 0, PAGE_LIST},
    {0x4C, 3, 0, 0, 0, 0, PAGE_LIST},  {0x4D, 3, 0, 0, 0, 0, 0},
    {0x4E, 5, 0, 0, 0, 0, 0},          {0x4F, 2, 0, 0, 0, 0, 0},
    {0x50, 2, 4, 0, 16, 0, NAME_LIST}, {0x51, 2, 32, 0, 0, 0, ASSOC_LIST},
    {0x52, 4, 0, 16, 0, 0, 0},         {0x53, 4, 0, 24, 0, 0, 0},
    {0x54, 6, 0, 8, 0, 0, 0},          {0x55, 4, 0, 0, 0, 0, 0},
    {0x56, 1, 0, 0, 0, 0, 0},          {0x6E, 2, 16, 0, 0, 0, PAGE_LIST},
    {0x90, 2, 8, 0, 0, 0, PAGE_LIST},  {0x94, 4, 0, 0, 0, 0, 0},
    {0x99, 30, 0, 0, 0, 0, 0},         {0x9A, 2, 4, 0, 4, 0, ID_LIST},
    {0xAC, 4, 0, 64, 0, 0, 0},         {0xAD, 3, 0, 8, 0, 0, 0},
    {0x101, 3, 0, 8, 0, 0, 0},         {0x10A, 4, 0, 0, 0, 1, 0},
};

enum { KINDS = sizeof calls / sizeof *calls };
static unsigned made[KINDS], succeeded[KINDS];

static const uint32_t names[] = {
    0x00000000, 0x00000001, 0x00010002, 0x00020000, 0x00020003, 0x00020010, 0x00030000, 0x00030018,
    0x00040000, 0x00040002, 0x00040003, 0x00060001, 0x00070000, 0x00080001, 0x00090002, 0x00090003,
};
static const uint32_t properties[] = {
    0x00010000, 0x00020000, 0x00020003, 0x00030000, 0x00030001, 0x00030005, 0x00040000,
    0x00050000, 0x00060000, 0x00060001, 0x00060006, 0x00070000, 0x00060009, 0x12345678,
};

#define ANY(list) (list)[roll(sizeof(list) / sizeof *(list))]

static uint64_t some_partition(void)
{
    const struct tenant *other = caller == tenants ? tenants + 1 : tenants;

    switch (roll(24)) {
    case 0:
        return other->id;
    case 1:
        return other->children[roll(CHILDREN)];
    case 2:
        return HV_PARTITION_ID_SELF;
    case 3:
        return caller->id;
    case 4:
        return roll(20) ? hvemu_root(hvdouble_hypervisor(d)) : roll(0x1000000);
    default:
        return caller->children[roll(CHILDREN)];
    }
}

/* A number as calls have them, or the caller's poison. */
static uint64_t some_word(void)
{
    switch (roll(5)) {
    case 0:
        return caller->poison;
    case 1:
        return roll(RAM + 2);
    case 2:
        return 1ULL << roll(64);
    default:
        return roll(4);
    }
}

/* The word of a call's header, behind the partition. */
static uint64_t word_of(const struct call *call, unsigned word)
{
    const int wild = roll(10) == 0;

    if (wild)
        return some_word();
    switch (call->code) {
    case 0x44:
    case 0x45:
    case 0x101:
    case 0x10A:
        return word == 1 ? ANY(properties) : word == 2 && call->code > 0xFF ? 0 : some_word();
    case 0x47:
        return roll(2) ? 0 : caller->children[roll(CHILDREN)];
    case 0x4B:
        return word == 1 ? roll(RAM) : 0xF;
    case 0x4C:
        return word == 1 ? roll(RAM) : 0;
    case 0x6E:
    case 0x90:
        return roll(2) ? 0xF : 0x1;
    case 0x4D:
        return word == 1 ? (roll(2) ? 4ULL | 2ULL << 32 : roll(4)) : roll(8);
    case 0x4E:
        return word == 1 ? roll(3) : 0;
    case 0x52:
    case 0xAC:
        return word == 2 ? 1 + roll(7) : roll(3);
    case 0x53:
    case 0x54:
        if (word == 1)
            return roll(2) | (1 + roll(16)) << 32;
        return word == 2 ? roll(RAM) << 12 | roll(0xFF0) : word == 3 ? 6 : caller->poison;
    case 0x55:
    case 0x94:
        return word == 1 ? (roll(2) ? 7 : roll(10)) : word == 3 ? roll(0x100) : 0;
    case 0x99:
        return word == 1 ? roll(3) : caller->poison;
    case 0xAD:
        return roll(2) ? roll(2) | roll(8) << 32 : 1ULL << 32;
    default:
        return word == 1 ? roll(3) : 0;
    }
}

static void fill_items(const struct call *call, uint8_t *to, unsigned reps)
{
    const uint64_t first = roll(RAM);

    for (unsigned i = 0; i < reps; i++, to += call->each)
        for (unsigned at = 0; at < call->each; at += call->each < 8 ? 4 : 8) {
            if (call->items == NAME_LIST || (call->items == ASSOC_LIST && at == 0))
                le32enc(to, ANY(names));
            else if (call->items == ID_LIST)
                le32enc(to, (uint32_t)roll(3));
            else if (call->items == ASSOC_LIST)
                le64enc(to + at, at < 16 ? 0 : roll(3) ? caller->poison : roll(3));
            else
                le64enc(to + at, roll(10) ? 8 + (first + i) % (RAM - 8) : caller->poison);
        }
}

/* What a call is made of. */
struct request {
    const struct call *call;
    uint64_t control;
    uint8_t in[1024], out[1024];
    size_t in_bytes, out_bytes;
};

/* What ends things is rarer than what makes them. */
static const struct call *some_call(void)
{
    const struct call *call = &calls[roll(KINDS)];
    const int ends = call->code == 0x42 || call->code == 0x43 || call->code == 0x4F;

    return ends && roll(16) ? some_call() : call;
}

static void fill(struct request *request)
{
    const struct call *call = some_call();
    const unsigned reps = call->each || call->out_each || call->code == 0x4C
                              ? 1 + (unsigned)roll(1 + roll(ITEMS))
                              : 0;

    memset(request, 0, sizeof *request);
    request->call = call;
    request->control = call->code | (uint64_t)call->variable << 17 | (uint64_t)reps << 32;
    for (unsigned i = 0; i < call->words; i++)
        le64enc(request->in + (size_t)8 * i, i == 0 && call->code != 0x40 ? some_partition()
                                             : call->code == 0x40         ? 0
                                                                          : word_of(call, i));
    fill_items(call, request->in + (size_t)8 * call->words, reps);
    request->in_bytes = (size_t)8 * call->words + (size_t)call->each * reps;
    request->out_bytes = call->out + (size_t)call->out_each * reps;
}

/* Two bytes of the other's in a row. */
static int has_poison(const void *from, size_t bytes, const struct tenant *whose)
{
    const uint8_t *at = from;

    for (size_t i = 0; i + 1 < bytes; i++)
        if (at[i] == whose->byte && at[i + 1] == whose->byte)
            return 1;
    return 0;
}

static void assert_clean(const void *from, size_t bytes, const char *where)
{
    const struct tenant *other = caller == tenants ? tenants + 1 : tenants;

    if (has_poison(from, bytes, other))
        fail_msg("a tenant sees the other in its %s", where);
}

static void assert_memory_is_clean(void)
{
    uint8_t page[HV_PAGE_SIZE];

    for (unsigned i = 0; i < RAM; i++)
        if (hvdouble_read(d, caller->id, (uint64_t)i << 12, page, sizeof page) == HVEMU_MEM_OK)
            assert_clean(page, sizeof page, "memory");
}

/* A call with lists in memory or, if they fit, in registers. */
static uint16_t call_natively(struct request *request)
{
    struct hvemu_vp *vp = hvdouble_vp(d, caller->id, 0);
    struct hvemu_x64_frame frame;
    const uint32_t in_xmm = (uint32_t)(request->in_bytes + 15) / 16 * 16;
    const int fast = in_xmm + request->out_bytes <= 112 && roll(2);
    unsigned rounds = 0;
    uint8_t block[128] = {0};

    memset(&frame, caller->byte, sizeof frame);
    frame.mode = HVEMU_X64_KERNEL64;
    frame.known = HVEMU_X64_XMM;
    frame.rcx = request->control | (fast ? 0x10000 : 0);
    frame.rdx = IN_GPA;
    frame.r8 = OUT_GPA;
    if (fast) {
        memset(block, caller->byte, sizeof block);
        memcpy(block, request->in, request->in_bytes);
        frame.rdx = le64dec(block);
        frame.r8 = le64dec(block + 8);
        for (unsigned i = 0; i < 12; i++)
            frame.xmm[i / 2][i % 2] = le64dec(block + 16 + (size_t)8 * i);
    } else
        assert_int_equal(hvdouble_write(d, caller->id, IN_GPA, request->in,
                                        request->in_bytes ? (uint32_t)request->in_bytes : 8),
                         HVEMU_MEM_OK);
    while (hvemu_x64_hypercall(vp, &frame) == HVEMU_REPEAT && ++rounds < 100)
        ;
    assert_clean(&frame, sizeof frame, "registers");
    if (!fast) {
        uint8_t out[HV_PAGE_SIZE];
        assert_int_equal(hvdouble_read(d, caller->id, OUT_GPA, out, sizeof out), HVEMU_MEM_OK);
        assert_clean(out, sizeof out, "output page");
    }
    return (uint16_t)frame.rax;
}

/* Keeps the list of the tenant's children up to date. */
static void follow(const struct request *request, uint16_t status)
{
    for (unsigned i = 0; i < CHILDREN; i++)
        if (!hvemu_partition_state(hvdouble_hypervisor(d), caller->children[i])) {
            caller->children[i] = 0;
            if (request->call->code == 0x40 && status == 0) {
                caller->children[i] = le64dec(request->out);
                break;
            }
        }
}

static int has_room(void)
{
    for (unsigned i = 0; i < CHILDREN; i++)
        if (!caller->children[i])
            return 1;
    return 0;
}

static void make_call(void)
{
    struct request request;
    uint16_t status;
    uint8_t vector;

    caller = &tenants[roll(2)];
    do
        fill(&request);
    while (request.call->code == 0x40 && !has_room());
    if (request.call->code != 0x40 && roll(3) == 0)
        status = call_natively(&request);
    else
        status = (uint16_t)hvdouble_hypercall(d, caller->id, request.control, request.in,
                                              request.in_bytes, request.out, request.out_bytes);
    assert_clean(request.out, sizeof request.out, "output");
    made[request.call - calls]++;
    succeeded[request.call - calls] += status == 0;
    follow(&request, status);
    if (roll(8) == 0)
        (void)hvdouble_take_interrupt(d, caller->children[roll(CHILDREN)], &vector);
}

static void look_at_line(void *arg, const char *line)
{
    (void)arg;
    leaked_to_log |= strstr(line, "a5a5") || strstr(line, "1717");
}

/* ---- Setting the scene, as the root ---- */

static void deposit(uint64_t partition, unsigned count, uint64_t *next)
{
    uint8_t in[8 + 8 * 64];

    for (unsigned done = 0; done < count; done += 64) {
        le64enc(in, partition);
        for (unsigned i = 0; i < 64; i++)
            le64enc(in + 8 + (size_t)8 * i, (*next)++);
        assert_status(hvdouble_hypercall(d, 1, 0x48 | 64ULL << 32, in, sizeof in, NULL, 0), 0);
    }
}

static void call_on(uint16_t code, uint64_t partition, uint64_t second)
{
    uint8_t in[40] = {0};

    le64enc(in, partition);
    le64enc(in + 8, second);
    assert_status(hvdouble_hypercall(d, 1, code, in, sizeof in, NULL, 0), 0);
}

static void poison_registers(const struct tenant *tenant, uint32_t vp)
{
    uint8_t in[16 + 32] = {0};

    for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i] < 0x10000 || names[i] >= 0x90000)
            continue;
        le64enc(in, tenant->id);
        le64enc(in + 8, vp);
        le32enc(in + 16, names[i]);
        le64enc(in + 32, tenant->poison);
        assert_status(hvdouble_hypercall(d, 1, 0x51 | 1ULL << 32, in, sizeof in, NULL, 0), 0);
    }
}

static void make_tenant(struct tenant *tenant, uint8_t byte, uint64_t *next)
{
    uint8_t in[56] = {0}, out[8], page[HV_PAGE_SIZE], map[24 + 8 * RAM];

    memset(tenant, 0, sizeof *tenant);
    memset(&tenant->poison, byte, sizeof tenant->poison);
    tenant->byte = byte;
    assert_status(hvdouble_hypercall(d, 1, 0x40, in, sizeof in, out, sizeof out), 0);
    tenant->id = le64dec(out);
    deposit(tenant->id, 448, next);
    call_on(0x41, tenant->id, 0);
    le64enc(map, tenant->id);
    le64enc(map + 8, 0);
    le64enc(map + 16, 0xF);
    for (unsigned i = 0; i < RAM; i++)
        le64enc(map + 24 + (size_t)8 * i, (*next)++);
    assert_status(hvdouble_hypercall(d, 1, 0x4B | (uint64_t)RAM << 32, map, sizeof map, NULL, 0),
                  0);
    call_on(0x4E, tenant->id, 0);
    call_on(0x4E, tenant->id, 1);
    poison_registers(tenant, 0);
    poison_registers(tenant, 1);
    memset(page, byte, sizeof page);
    for (unsigned i = 0; i < RAM; i++)
        assert_int_equal(hvdouble_write(d, tenant->id, (uint64_t)i << 12, page, sizeof page),
                         HVEMU_MEM_OK);
    assert_action(hvemu_x64_wrmsr(hvdouble_vp(d, tenant->id, 0), 0x40000000, tenant->poison),
                  HVEMU_STEP);
    assert_action(hvemu_x64_wrmsr(hvdouble_vp(d, tenant->id, 0), 0x40000001, CODE_GPA | 1),
                  HVEMU_STEP);
}

static void no_byte_of_a_tenant_is_seen_by_the_other(void **state)
{
    static const struct hvemu_config config = {
        .size = sizeof config,
        .depth = 3,
        .pages = 1024,
        .privileges = HV_PRIVILEGE_ALL,
        .features = HV_FEATURE_XMM_HYPERCALL_INPUT | HV_FEATURE_XMM_HYPERCALL_OUTPUT,
        .initialize_cost = 4, /* so that tenants can afford children */
        .vp_cost = 2,
    };
    static const struct hvdouble_options options = {.memory_pages = PAGES, .config = &config};
    unsigned all = 0, good = 0;
    uint64_t next = 64;

    (void)state;
    seed = 4;
    d = hvdouble_new(&options);
    assert_non_null(d);
    hvdouble_log_to(d, look_at_line, NULL);
    deposit(1, 64, &next);
    make_tenant(&tenants[0], 0xA5, &next);
    make_tenant(&tenants[1], 0x17, &next);
    for (unsigned i = 0; i < CALLS; i++) {
        make_call();
        if (i % 64 == 0) {
            walk(hvdouble_hypervisor(d));
            for (caller = tenants; caller < tenants + 2; caller++)
                assert_memory_is_clean();
        }
        assert_false(leaked_to_log);
    }
    for (unsigned i = 0; i < KINDS; i++) {
        if (succeeded[i] < 10)
            fail_msg("of %u calls 0x%x only %u succeeded", made[i], calls[i].code, succeeded[i]);
        all += made[i];
        good += succeeded[i];
    }
    print_message("%u calls, of which %u succeeded\n", all, good);
    assert_true(good >= all / 8);
    hvdouble_free(d);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_byte_of_a_tenant_is_seen_by_the_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
