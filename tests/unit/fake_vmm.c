/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

#include "fake_vmm.h"

#include <stdlib.h>
#include <string.h>
#include <sys/endian.h>

void hvtest_status(uint16_t got, uint16_t want, const char *text, const char *file, int line)
{
    if (got != want) {
        print_error("%s is %s (0x%02x), not %s\n", text, hvemu_status_name(got), got,
                    hvemu_status_name(want));
        _fail(file, line);
    }
}

void hvtest_action(enum hvemu_action got, enum hvemu_action want, const char *text,
                   const char *file, int line)
{
    if (got != want) {
        print_error("%s is %s, not %s\n", text, hvemu_action_name(got), hvemu_action_name(want));
        _fail(file, line);
    }
}

void hvtest_result(enum hvemu_result got, enum hvemu_result want, const char *text,
                   const char *file, int line)
{
    if (got != want) {
        print_error("%s is %d (%s), not %d\n", text, got, hvemu_result_text(got), want);
        _fail(file, line);
    }
}

void hvtest_u64(uint64_t got, uint64_t want, const char *text, const char *file, int line)
{
    if (got != want) {
        print_error("%s is 0x%llx, not 0x%llx\n", text, (unsigned long long)got,
                    (unsigned long long)want);
        _fail(file, line);
    }
}

/* Every op's context is the struct fake_vmm, unless a test gave a partition another one, which
 * then begins with a pointer to it. */
static struct fake_vmm *current;

/* Logs the op; true: it is to fail with *answer. */
static int begin(struct fake_event event, int *answer)
{
    struct fake_vmm *vmm = current;

    if (vmm->logged < FAKE_LOG)
        vmm->log[vmm->logged] = event;
    vmm->logged++;
    vmm->count[event.op]++;
    if (vmm->reenter)
        vmm->reenter(vmm, &event);
    if (!vmm->fault[event.op].armed || vmm->fault[event.op].after-- != 0)
        return 0;
    vmm->fault[event.op].armed = 0;
    *answer = vmm->fault[event.op].answer;
    return 1;
}

static void ext_int(void *ctx, uint64_t partition)
{
    int answer;

    begin((struct fake_event){FAKE_EXT_INT, ctx, partition, 0, 0, 0, {0}}, &answer);
}

static uint16_t interrupt(void *ctx, uint64_t partition, uint64_t control, uint64_t destination,
                          uint32_t vector)
{
    int answer;

    if (begin(
            (struct fake_event){FAKE_INTERRUPT, ctx, partition, control, destination, vector, {0}},
            &answer))
        return (uint16_t)answer;
    return HV_STATUS_SUCCESS;
}

static int in_ram(uint64_t gpa, uint32_t bytes)
{
    return bytes <= FAKE_RAM && gpa <= FAKE_RAM - bytes;
}

static int gpa_read(void *ctx, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes)
{
    int answer;

    if (begin((struct fake_event){FAKE_GPA_READ, ctx, partition, gpa, 0, bytes, {0}}, &answer))
        return answer;
    if (!in_ram(gpa, bytes))
        return HVEMU_MEM_NONE;
    memcpy(to, current->ram + gpa, bytes);
    return HVEMU_MEM_OK;
}

static int gpa_writable(void *ctx, uint64_t partition, uint64_t gpa, uint32_t bytes)
{
    int answer;

    if (begin((struct fake_event){FAKE_GPA_WRITABLE, ctx, partition, gpa, 0, bytes, {0}}, &answer))
        return answer;
    return in_ram(gpa, bytes) ? HVEMU_MEM_OK : HVEMU_MEM_NONE;
}

static int gpa_write(void *ctx, uint64_t partition, uint64_t gpa, const void *from, uint32_t bytes)
{
    int answer;

    if (begin((struct fake_event){FAKE_GPA_WRITE, ctx, partition, gpa, 0, bytes, {0}}, &answer))
        return answer;
    if (!in_ram(gpa, bytes))
        return HVEMU_MEM_NONE;
    memcpy(current->ram + gpa, from, bytes);
    return HVEMU_MEM_OK;
}

static int overlay(void *ctx, uint64_t partition, uint64_t gpa, const uint8_t *code, uint32_t bytes)
{
    int answer;

    if (begin(
            (struct fake_event){
                FAKE_OVERLAY, ctx, partition, code ? gpa : UINT64_MAX, 0, bytes, {0}},
            &answer))
        return answer;
    current->overlay = code ? gpa : UINT64_MAX;
    return HVEMU_MEM_OK;
}

static uint16_t partition_event(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                                void **child_ctx)
{
    const uint64_t flags = creation ? le64dec(creation) : 0;
    int answer;

    if (begin((struct fake_event){FAKE_PARTITION, ctx, partition, event, flags, 0, {0}}, &answer))
        return (uint16_t)answer;
    if (event == HVEMU_PARTITION_CREATED && current->child_ctx)
        *child_ctx = current->child_ctx;
    return HV_STATUS_SUCCESS;
}

static uint16_t vp_event(void *ctx, struct hvemu_vp *vp, uint32_t event, const void *block,
                         void **vp_ctx)
{
    int answer;

    if (block)
        memcpy(current->block, block,
               event == HVEMU_VP_CREATED ? sizeof(HV_INPUT_CREATE_VP) : sizeof current->block);
    if (begin(
            (struct fake_event){
                FAKE_VP, ctx, hvemu_vp_partition(vp), event, hvemu_vp_index(vp), 0, {0}},
            &answer))
        return (uint16_t)answer;
    if (event == HVEMU_VP_CREATED && current->vp_ctx)
        *vp_ctx = current->vp_ctx;
    return HV_STATUS_SUCCESS;
}

/* The value with this name, made if it is to be; else NULL if there is none. */
static struct fake_value *value_of(struct fake_vmm *vmm, uint64_t partition, uint32_t vp,
                                   uint32_t name, int make)
{
    for (struct fake_value *v = vmm->values; v < vmm->values + FAKE_VALUES; v++) {
        if (!v->partition && !make)
            return NULL;
        if (!v->partition)
            *v = (struct fake_value){.partition = partition, .vp = vp, .name = name};
        if (v->partition == partition && v->vp == vp && v->name == name)
            return v;
    }
    fail_msg("more than %d registers and properties", FAKE_VALUES);
    return NULL;
}

static uint16_t vp_get(void *ctx, struct hvemu_vp *vp, uint32_t name, uint64_t value[2])
{
    const uint64_t partition = hvemu_vp_partition(vp);
    const uint32_t index = hvemu_vp_index(vp);
    struct fake_value *found;
    int answer;

    if (begin((struct fake_event){FAKE_VP_GET, ctx, partition, name, index, 0, {0}}, &answer))
        return (uint16_t)answer;
    found = value_of(current, partition, index, name, 0);
    if (found)
        memcpy(value, found->value, sizeof found->value);
    return name > 0xFFFFF ? HV_STATUS_INVALID_PARAMETER : HV_STATUS_SUCCESS;
}

static uint16_t vp_set(void *ctx, struct hvemu_vp *vp, uint32_t name, const uint64_t value[2])
{
    const uint64_t partition = hvemu_vp_partition(vp);
    const uint32_t index = hvemu_vp_index(vp);
    int answer;

    if (begin(
            (struct fake_event){FAKE_VP_SET, ctx, partition, name, index, 0, {value[0], value[1]}},
            &answer))
        return (uint16_t)answer;
    if (name > 0xFFFFF)
        return HV_STATUS_INVALID_PARAMETER;
    memcpy(value_of(current, partition, index, name, 1)->value, value, 2 * sizeof *value);
    return HV_STATUS_SUCCESS;
}

static uint16_t property(void *ctx, uint64_t partition, uint32_t code, uint64_t argument,
                         uint64_t *value, int set)
{
    struct fake_value *found;
    int answer;

    if (begin(
            (struct fake_event){
                FAKE_PROPERTY, ctx, partition, code, argument, (uint32_t)set, {set ? *value : 0}},
            &answer))
        return (uint16_t)answer;
    found = value_of(current, partition, UINT32_MAX, code, set);
    if (!found)
        return HV_STATUS_UNKNOWN_PROPERTY;
    if (set)
        found->value[0] = *value;
    else
        *value = found->value[0];
    return HV_STATUS_SUCCESS;
}

/* The entry of a page; NULL: there is none. Partition 0: any. */
static struct fake_page *page_of(struct fake_vmm *vmm, uint64_t partition, uint64_t page,
                                 int deposited)
{
    for (struct fake_page *p = vmm->pages; p < vmm->pages + FAKE_PAGES; p++)
        if (p->partition && (!partition || p->partition == partition) && p->page == page &&
            p->deposited == deposited)
            return p;
    return NULL;
}

static struct fake_page *free_page(void)
{
    for (struct fake_page *p = current->pages; p < current->pages + FAKE_PAGES; p++)
        if (!p->partition)
            return p;
    fail_msg("more than %d pages are mapped or deposited", FAKE_PAGES);
    return NULL;
}

/* Knows a deposited page by its number alone, since it is not told whose `source` is. */
static uint16_t map(void *ctx, uint64_t partition, uint32_t what, uint64_t page, uint64_t source,
                    uint32_t flags)
{
    struct fake_page *entry;
    int answer;

    if (begin((struct fake_event){FAKE_MAP, ctx, partition, page, source, what, {flags}}, &answer))
        return (uint16_t)answer;
    entry = page_of(current, partition, page, 0);
    switch (what) {
    case HVEMU_MAP:
        if (page_of(current, 0, source, 1))
            return HV_STATUS_OPERATION_DENIED;
        *(entry ? entry : free_page()) = (struct fake_page){partition, page, source, flags, 0};
        break;
    case HVEMU_UNMAP:
        if (entry)
            entry->partition = 0;
        break;
    default:
        if (entry)
            entry->flags = flags;
    }
    return HV_STATUS_SUCCESS;
}

static uint16_t pool(void *ctx, uint64_t partition, uint64_t page, int deposit)
{
    struct fake_page *entry;
    int answer;

    if (begin((struct fake_event){FAKE_POOL, ctx, partition, page, 0, (uint32_t)deposit, {0}},
              &answer))
        return (uint16_t)answer;
    entry = page_of(current, partition, page, 1);
    if (!entry == !deposit)
        return HV_STATUS_OPERATION_DENIED; /* is there already, or is not */
    if (deposit)
        *free_page() = (struct fake_page){partition, page, 0, 0, 1};
    else
        entry->partition = 0;
    return HV_STATUS_SUCCESS;
}

const struct hvemu_ops fake_ops = {
    .size = sizeof fake_ops,
    .ext_int = ext_int,
    .interrupt = interrupt,
    .gpa_read = gpa_read,
    .gpa_writable = gpa_writable,
    .gpa_write = gpa_write,
    .overlay = overlay,
    .partition = partition_event,
    .vp = vp_event,
    .vp_get = vp_get,
    .vp_set = vp_set,
    .map = map,
    .pool = pool,
    .property = property,
};

struct fake_vmm *fake_new(const struct hvemu_config *config, const struct hvemu_ops *ops)
{
    const size_t bytes = hvemu_memory_size(config);
    struct fake_vmm *vmm = calloc(1, sizeof *vmm);

    assert_non_null(vmm);
    assert_int_not_equal(bytes, 0);
    /* Not zero: what the library does not set itself must not matter. */
    vmm->memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(vmm->memory);
    memset(vmm->memory, 0xA5, bytes);
    memset(vmm->ram, 0xCC, sizeof vmm->ram);
    vmm->overlay = UINT64_MAX;
    current = vmm;
    assert_result(hvemu_init(&vmm->hv, vmm->memory, bytes, config, ops ? ops : &fake_ops, vmm),
                  HVEMU_OK);
    vmm->root = hvemu_root(vmm->hv);
    return vmm;
}

void fake_free(struct fake_vmm *vmm)
{
    free(vmm->memory);
    free(vmm);
    current = NULL;
}

void fake_enable_hypercalls(struct hvemu_vp *vp)
{
    assert_action(hvemu_x64_wrmsr(vp, 0x40000000, 0x8100000000000001), HVEMU_STEP);
    assert_action(hvemu_x64_wrmsr(vp, 0x40000001, FAKE_HYPERCALL_PAGE | 1), HVEMU_STEP);
}

void fake_add_guest(struct fake_vmm *vmm, uint64_t privileges)
{
    assert_result(hvemu_add_guest(vmm->hv, vmm->root, privileges, vmm, &vmm->guest), HVEMU_OK);
    assert_result(hvemu_vp_attach(vmm->hv, vmm->guest, 0, vmm, &vmm->vp), HVEMU_OK);
    fake_enable_hypercalls(vmm->vp);
    fake_forget(vmm);
}

int fake_setup(void **state)
{
    const struct hvemu_config config = {
        .size = sizeof config,
        .features = 0x00048010, /* XMM input, XMM output, MSR lock */
        .privileges = 0x0000000700000060,
    };
    struct fake_vmm *vmm = fake_new(&config, NULL);

    fake_add_guest(vmm, HV_PRIVILEGE_ALL);
    *state = vmm;
    return 0;
}

int fake_teardown(void **state)
{
    fake_free(*state);
    return 0;
}

void fake_fail(struct fake_vmm *vmm, enum fake_op op, unsigned after, int answer)
{
    vmm->fault[op].armed = 1;
    vmm->fault[op].after = after;
    vmm->fault[op].answer = answer;
}

void fake_forget(struct fake_vmm *vmm)
{
    vmm->logged = 0;
    memset(vmm->count, 0, sizeof vmm->count);
}

uint64_t *fake_register(struct fake_vmm *vmm, uint64_t partition, uint32_t vp, uint32_t name)
{
    return value_of(vmm, partition, vp, name, 1)->value;
}

uint64_t *fake_property(struct fake_vmm *vmm, uint64_t partition, uint32_t code)
{
    return value_of(vmm, partition, UINT32_MAX, code, 1)->value;
}

struct fake_page *fake_mapped(struct fake_vmm *vmm, uint64_t partition, uint64_t page)
{
    return page_of(vmm, partition, page, 0);
}

struct fake_page *fake_deposited(struct fake_vmm *vmm, uint64_t partition, uint64_t page)
{
    return page_of(vmm, partition, page, 1);
}

static struct hvemu_x64_frame pattern(uint32_t mode)
{
    struct hvemu_x64_frame frame;

    memset(&frame, 0x5A, sizeof frame);
    frame.mode = mode;
    frame.known = HVEMU_X64_XMM;
    frame.changed = frame.access = 0;
    frame.gpa = 0;
    return frame;
}

struct hvemu_x64_frame fake_frame64(uint64_t control, uint64_t rdx, uint64_t r8)
{
    struct hvemu_x64_frame frame = pattern(HVEMU_X64_KERNEL64);

    frame.rcx = control;
    frame.rdx = rdx;
    frame.r8 = r8;
    return frame;
}

struct hvemu_x64_frame fake_frame32(uint64_t control, uint64_t first, uint64_t second)
{
    const uint64_t rubbish = 0xDEADBEEF00000000;
    struct hvemu_x64_frame frame = pattern(HVEMU_X64_PE);

    frame.rdx = rubbish | control >> 32;
    frame.rax = rubbish | (uint32_t)control;
    frame.rbx = rubbish | first >> 32;
    frame.rcx = rubbish | (uint32_t)first;
    frame.rdi = rubbish | second >> 32;
    frame.rsi = rubbish | (uint32_t)second;
    return frame;
}

void assert_only_changed(const struct hvemu_x64_frame *before, const struct hvemu_x64_frame *after,
                         uint32_t changed)
{
    struct hvemu_x64_frame want = *before;

    assert_u64(after->changed, changed);
    want.changed = changed;
    want.access = after->access;
    want.gpa = after->gpa;
    if (changed & HVEMU_X64_RAX)
        want.rax = after->rax;
    if (changed & HVEMU_X64_RCX)
        want.rcx = after->rcx;
    if (changed & HVEMU_X64_RDX)
        want.rdx = after->rdx;
    if (changed & HVEMU_X64_RBX)
        want.rbx = after->rbx;
    if (changed & HVEMU_X64_RSI)
        want.rsi = after->rsi;
    if (changed & HVEMU_X64_RDI)
        want.rdi = after->rdi;
    if (changed & HVEMU_X64_R8)
        want.r8 = after->r8;
    for (int i = 0; i < 6; i++)
        if (changed & (uint32_t)HVEMU_X64_XMM0 << i)
            memcpy(want.xmm[i], after->xmm[i], sizeof want.xmm[i]);
    assert_memory_equal(&want, after, sizeof want);
}

uint16_t fake_call_on(struct fake_vmm *vmm, uint64_t caller, uint16_t code, uint64_t partition)
{
    uint8_t in[8];

    le64enc(in, partition);
    return (uint16_t)hvemu_hypercall(vmm->hv, caller, code, in, sizeof in, NULL, 0);
}

uint16_t fake_create(struct fake_vmm *vmm, uint64_t caller, uint64_t *id)
{
    const uint8_t in[56] = {0};
    uint8_t out[8];
    const uint16_t status =
        (uint16_t)hvemu_hypercall(vmm->hv, caller, 0x0040, in, sizeof in, out, sizeof out);

    if (status == 0)
        *id = le64dec(out);
    return status;
}

uint64_t fake_child(struct fake_vmm *vmm, uint64_t parent)
{
    uint64_t id = 0;

    assert_status(fake_create(vmm, parent, &id), 0);
    assert_status(fake_call_on(vmm, parent, 0x0041, id), 0);
    return id;
}

void fake_end(struct fake_vmm *vmm, uint64_t parent, uint64_t child)
{
    assert_status(fake_call_on(vmm, parent, 0x0042, child), 0);
    assert_status(fake_call_on(vmm, parent, 0x0043, child), 0);
}

void fake_mend(struct fake_vmm *vmm, enum fake_op op)
{
    vmm->fault[op].armed = 0;
}
