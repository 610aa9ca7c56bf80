/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The ops of the VMM in vmm.h. Page numbers whose low four bits are 12 to 15 are odd in one way or
 * another, so that a random sequence meets every answer. */

#include "vmm.h"

#include <stdio.h>
#include <string.h>
#include <sys/endian.h>

const uint32_t vmm_names[VMM_REGISTERS] = {
    0x20000, 0x20001, 0x20002, 0x20003, 0x20004, 0x20005, 0x20006, 0x20007, 0x20008,
    0x20009, 0x2000A, 0x2000B, 0x2000C, 0x2000D, 0x2000E, 0x2000F, 0x20010, 0x20011,
    0x40000, 0x40002, 0x40003, 0x40004, 0x60002, 0x80000, 0x80001, 0x90004};

enum { CR0 = 0x12, CR3 = 0x13, CR4 = 0x14, CR8 = 0x15, SS = 0x16, EFER = 0x18, TIME = 0x19 };

const uint32_t vmm_properties[VMM_PROPERTIES] = {0x30005, 0x50012, 0x60000,
                                                 0x60001, 0x60003, 0x60006};

/* The answer to this call of an op, if the script has one; else what it would be. */
static uint32_t say(struct vmm *vmm, enum vmm_op op, uint32_t answer, const uint64_t about[4])
{
    if (vmm->scripted == op && vmm->nth != 0x0 && --vmm->nth == 0x0) {
        answer = vmm->answer;
    }
    if (op == OP_VP_GET || op == OP_GPA_READ) { /* nobody minds how often one looks */
        return answer;
    }
    if (vmm->events < VMM_LOG) {
        vmm->log[vmm->events] =
            (struct vmm_event){op, answer, about[0], about[1], about[2], about[3]};
    }
    vmm->events++;
    return answer;
}

#define SAY(p, op, answer, ...) (say((p)->vmm, op, answer, (const uint64_t[4]){__VA_ARGS__}))

static void make_tables(struct vmm_partition *p)
{
    /* Page 1 to 4 are page tables; the last has an entry of every kind, the third a large page. */
    static const uint64_t leaves[] = {0x67,
                                      0x5065,
                                      0x6003,
                                      0x7061,
                                      0x8000000000005067,
                                      0x5007,
                                      0x6023,
                                      0x0,
                                      0x0008000000005067,
                                      0x7027,
                                      0x9067,
                                      0xA025,
                                      0x0,
                                      0x5067,
                                      0x8067,
                                      0x0063,
                                      0xB067};
    uint8_t *m = p->memory;
    const uint64_t upper[][2] = {{0x1000, 0x2067}, {0x2000, 0x3067}, {0x3000, 0x4067},
                                 {0x3008, 0xE7},   {0x3010, 0x4061}, {0x3018, 0x4007}};
    for (size_t i = 0; i < sizeof upper / sizeof *upper; i++) {
        le64enc(m + upper[i][0], upper[i][1]);
    }
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        le64enc(m + 0x4000 + 0x8 * i, leaves[i]);
    }
}

static struct vmm_partition *add(struct vmm *vmm, uint64_t id, uint32_t parent)
{
    uint32_t i = 0x0;
    while (vmm->partitions[i].used) {
        i++;
    }
    struct vmm_partition *p = &vmm->partitions[i];
    memset(p, 0, sizeof *p);
    p->vmm = vmm;
    p->used = 0x1;
    p->id = id;
    p->parent = parent;
    for (uint32_t n = 0; n < VMM_PROPERTIES; n++) {
        p->property[n] = vmm_properties[n] + id;
    }
    make_tables(p);
    return p;
}

void vmm_init(struct vmm *vmm, uint64_t root)
{
    memset(vmm, 0, sizeof *vmm);
    add(vmm, root, 0x0);
}

void vmm_script(struct vmm *vmm, enum vmm_op op, uint32_t nth, uint32_t answer)
{
    vmm->scripted = op;
    vmm->nth = nth;
    vmm->answer = answer;
    vmm->events = 0x0;
}

static bool same_event(const struct vmm_event *a, const struct vmm_event *b)
{
    return a->op == b->op && a->answer == b->answer && a->partition == b->partition &&
           a->a == b->a && a->b == b->b && a->c == b->c;
}

bool vmm_same_log(const struct vmm *a, const struct vmm *b)
{
    if (a->events != b->events) {
        return false;
    }
    for (uint32_t i = 0; i < a->events && i < VMM_LOG; i++) {
        if (!same_event(&a->log[i], &b->log[i])) {
            return false;
        }
    }
    return true;
}

bool vmm_same(const struct vmm *a, const struct vmm *b)
{
    size_t from = offsetof(struct vmm_partition, id);
    for (int i = 0; i < MODEL_PARTITIONS; i++) {
        const struct vmm_partition *p = &a->partitions[i], *q = &b->partitions[i];
        if (p->used != q->used ||
            (p->used && memcmp((const char *)p + from, (const char *)q + from, sizeof *p - from))) {
            return false;
        }
    }
    return true;
}

void vmm_print_log(const struct vmm *vmm, const char *whose)
{
    static const char *const names[VMM_OPS] = {
        "none",     "partition", "vp",      "vp_get",   "vp_set",    "map",    "pool",
        "property", "interrupt", "overlay", "gpa_read", "gpa_write", "ext_int"};
    printf("ops that the %s called: %u\n", whose, vmm->events);
    for (uint32_t i = 0; i < vmm->events && i < 0x14; i++) {
        const struct vmm_event *e = &vmm->log[i];
        printf("  %s(%#llx, %#llx, %#llx, %#llx) = %#x\n", names[e->op],
               (unsigned long long)e->partition, (unsigned long long)e->a, (unsigned long long)e->b,
               (unsigned long long)e->c, e->answer);
    }
}

static void op_ext_int(void *ctx, uint64_t partition)
{
    SAY((struct vmm_partition *)ctx, OP_EXT_INT, 0x0, partition);
}

static uint16_t op_interrupt(void *ctx, uint64_t partition, uint64_t control, uint64_t address,
                             uint32_t vector)
{
    struct vmm_partition *p = ctx;
    uint32_t answer = address == 0xE   ? INVALID_VP_INDEX
                      : address == 0xD ? OPERATION_DENIED
                                       : SUCCESS;
    return (uint16_t)SAY(p, OP_INTERRUPT, answer, partition, control, address, vector);
}

/* Memory: pages 0 to 7 are there, 9 may not be reached, the rest is not there. */
static int memory_answer(uint64_t gpa)
{
    return gpa < VMM_MEMORY * 0x1000 ? MEM_OK : gpa >> 0xC == 0x9 ? MEM_DENIED : MEM_NONE;
}

static int op_gpa_read(void *ctx, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes)
{
    struct vmm_partition *p = ctx;
    int answer = (int)SAY(p, OP_GPA_READ, (uint32_t)memory_answer(gpa), partition, gpa, bytes);
    if (answer == MEM_OK) {
        memcpy(to, p->memory + gpa, bytes);
    }
    return answer;
}

static int op_gpa_write(void *ctx, uint64_t partition, uint64_t gpa, const void *from,
                        uint32_t bytes)
{
    struct vmm_partition *p = ctx;
    int answer = (int)SAY(p, OP_GPA_WRITE, (uint32_t)memory_answer(gpa), partition, gpa, bytes);
    if (answer == MEM_OK) {
        memcpy(p->memory + gpa, from, bytes);
    }
    return answer;
}

static int op_overlay(void *ctx, uint64_t partition, uint64_t gpa, bool there)
{
    struct vmm_partition *p = ctx;
    uint32_t fits = (gpa >> 0xC & 0xF) != 0xC || !there ? MEM_OK : MEM_NONE;
    int answer = (int)SAY(p, OP_OVERLAY, fits, partition, there ? gpa : 0x0, there);
    if (answer == MEM_OK) {
        p->overlay = there ? gpa | 0x1 : 0x0;
    }
    return answer;
}

static uint16_t op_partition(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                             void **child_ctx)
{
    struct vmm_partition *p = ctx;
    uint64_t sum = 0x0;
    for (int i = 0; creation != NULL && i < 0x38; i++) {
        sum = sum * 0x1F + ((const uint8_t *)creation)[i];
    }
    uint32_t answer = SAY(p, OP_PARTITION, SUCCESS, partition, event, sum);
    if (answer == SUCCESS && event == PARTITION_CREATED) {
        *child_ctx = add(p->vmm, partition, (uint32_t)(p - p->vmm->partitions));
    }
    if (answer == SUCCESS && event == PARTITION_FINALIZED) {
        memset(p->mapped, 0, sizeof p->mapped);
        p->overlay = 0x0;
    }
    if (answer == SUCCESS && event == PARTITION_DELETED) {
        p->used = 0x0;
    }
    return (uint16_t)answer;
}

static uint16_t op_vp(void *ctx, uint64_t partition, uint32_t index, uint32_t event,
                      const void *block)
{
    uint32_t bytes = event == VP_CREATED ? 0x28 : event == VP_START ? 0xF0 : 0x0;
    uint64_t sum = 0x0;
    for (uint32_t i = 0; i < bytes; i++) {
        sum = sum * 0x1F + ((const uint8_t *)block)[i];
    }
    return (uint16_t)SAY((struct vmm_partition *)ctx, OP_VP, SUCCESS, partition, index, event, sum);
}

static int find(const uint32_t *list, int count, uint32_t code)
{
    for (int i = 0; i < count; i++) {
        if (list[i] == code) {
            return i;
        }
    }
    return -0x1;
}

static uint16_t op_vp_get(void *ctx, uint64_t partition, uint32_t index, uint32_t name,
                          uint64_t value[2])
{
    struct vmm_partition *p = ctx;
    int i = find(vmm_names, VMM_REGISTERS, name);
    uint32_t answer = i < 0x0 ? INVALID_PARAMETER : SUCCESS;
    answer = SAY(p, OP_VP_GET, answer, partition, index, name);
    if (answer == SUCCESS && i >= 0x0) {
        memcpy(value, p->registers[index][i], 0x10);
    }
    return (uint16_t)answer;
}

/* CR0 takes paging, and then the registers that four levels of tables need, with it. */
static uint16_t op_vp_set(void *ctx, uint64_t partition, uint32_t index, uint32_t name,
                          const uint64_t value[2])
{
    struct vmm_partition *p = ctx;
    int i = find(vmm_names, VMM_REGISTERS, name);
    bool fixed = i < 0x0 || i == CR3 || i == CR4 || i == SS || i == EFER || i == TIME;
    uint32_t answer = fixed                                ? INVALID_PARAMETER
                      : i == CR8 && value[0] > 0xF         ? INVALID_REGISTER_VALUE
                      : i == CR0 && (value[0] & 0xFFFE)    ? INVALID_REGISTER_VALUE
                      : i == CR0 && value[0] > 0x80010001u ? INVALID_REGISTER_VALUE
                                                           : SUCCESS;
    answer = SAY(p, OP_VP_SET, answer, partition, index, name, value[0] ^ value[1] << 0x1);
    if (answer != SUCCESS || fixed) {
        return (uint16_t)answer;
    }
    uint64_t(*registers)[2] = p->registers[index];
    memcpy(registers[i], value, 0x10);
    if (i == CR0) {
        bool paging = value[0] & 0x80000000;
        registers[CR0][0] = paging ? 0x80000001 | (value[0] & 0x10000) : 0x0;
        registers[CR0][1] = 0x0;
        registers[CR3][0] = paging ? 0x1000 : 0x0;
        registers[CR4][0] = paging ? 0x20 : 0x0;
        registers[EFER][0] = paging ? 0xD00 : 0x0;
    }
    return (uint16_t)answer;
}

static uint16_t op_map(void *ctx, uint64_t partition, uint32_t what, uint64_t page, uint64_t source,
                       uint32_t flags)
{
    struct vmm_partition *p = ctx;
    const struct vmm_partition *parent = &p->vmm->partitions[p->parent];
    uint64_t i = page < VMM_PAGES ? page : VMM_PAGES + (page / 0x200) % 0x40;
    bool deposited = source < VMM_PAGES && parent->deposited[source / 0x40] >> source % 0x40 & 1;
    uint32_t answer = what == MAP && (deposited || (source & 0xF) == 0xE) ? OPERATION_DENIED
                      : (page & 0xF) == 0xD && page < VMM_PAGES           ? OBJECT_IN_USE
                                                                          : SUCCESS;
    answer = SAY(p, OP_MAP, answer, partition, what, page, source << 0x20 ^ flags);
    if (answer == SUCCESS) {
        p->mapped[i].what = what;
        p->mapped[i].source = source;
        p->mapped[i].flags = flags;
    }
    return (uint16_t)answer;
}

static uint16_t op_pool(void *ctx, uint64_t partition, uint64_t page, int deposit)
{
    struct vmm_partition *p = ctx;
    bool there = page < VMM_PAGES && (page & 0xF) != 0xE;
    uint64_t *word = there ? &p->deposited[page / 0x40] : NULL, bit = UINT64_C(1) << page % 0x40;
    uint32_t answer = deposit && (!there || *word & bit)       ? OPERATION_DENIED
                      : deposit && (page & 0xF) == 0xF         ? OBJECT_IN_USE
                      : !deposit && (!there || !(*word & bit)) ? OPERATION_FAILED
                                                               : SUCCESS;
    answer = SAY(p, OP_POOL, answer, partition, page, (uint64_t)deposit);
    if (answer == SUCCESS && there) {
        *word = deposit ? *word | bit : *word & ~bit;
    }
    return (uint16_t)answer;
}

static bool channel_taken(const struct vmm_partition *p, uint64_t channel)
{
    for (int i = 0; channel != 0x0 && i < MODEL_PARTITIONS; i++) {
        const struct vmm_partition *q = &p->vmm->partitions[i];
        if (q->used && q != p && q->channel == channel) {
            return true;
        }
    }
    return false;
}

static uint16_t op_property(void *ctx, uint64_t partition, uint32_t code, uint64_t argument,
                            uint64_t *value, int set)
{
    struct vmm_partition *p = ctx;
    static const uint32_t held[] = {0x10000, 0x20001, 0x20002, 0x20003, 0x30000, 0x30001,
                                    0x30002, 0x40000, 0x50000, 0x20000, 0x30003, 0x70000};
    int i = find(vmm_properties, VMM_PROPERTIES, code);
    uint32_t answer = i < 0x0 && find(held, 0xC, code) < 0x0               ? UNKNOWN_PROPERTY
                      : set && code == 0x60000                             ? INVALID_PARAMETER
                      : set && code == 0x40000 && channel_taken(p, *value) ? OBJECT_IN_USE
                                                                           : SUCCESS;
    uint64_t about = (uint64_t)code << 0x20 | (uint64_t)set;
    answer = SAY(p, OP_PROPERTY, answer, partition, about, argument, set ? *value : 0x0);
    if (answer == SUCCESS && i >= 0x0) {
        if (set) {
            p->property[i] = *value;
        } else {
            *value = p->property[i] + argument;
        }
    }
    if (answer == SUCCESS && set && code == 0x40000) {
        p->channel = *value;
    }
    return (uint16_t)answer;
}

const struct model_ops vmm_ops = {.ext_int = op_ext_int,
                                  .interrupt = op_interrupt,
                                  .gpa_read = op_gpa_read,
                                  .gpa_write = op_gpa_write,
                                  .overlay = op_overlay,
                                  .partition = op_partition,
                                  .vp = op_vp,
                                  .vp_get = op_vp_get,
                                  .vp_set = op_vp_set,
                                  .map = op_map,
                                  .pool = op_pool,
                                  .property = op_property};
