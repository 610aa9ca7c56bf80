/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* HvTranslateVirtualAddress (TLFS 2.0a 12.4.4; 6.0b 9): walks a virtual processor's page tables as
 * the processor would (Intel SDM 3A 4, AMD APM 2 5), for an access that the caller describes.
 * Accessed and dirty bits are neither looked at nor set, protection keys not looked at. One walk
 * serves all modes, which differ in what struct mode says. */

#include "internal.h"

#define CR0_WP    0x00010000u
#define CR0_PG    0x80000000u
#define CR4_PSE   0x00000010u
#define CR4_PAE   0x00000020u
#define CR4_LA57  0x00001000u
#define CR4_SMEP  0x00100000u
#define CR4_SMAP  0x00200000u
#define EFER_LMA  0x00000400u
#define EFER_NXE  0x00000800u
#define RFLAGS_AC 0x00040000u

/* An entry of a table, in its form of 8 bytes and, as far as that goes, of 4. */
#define ENTRY_PRESENT    0x0000000000000001ULL
#define ENTRY_WRITABLE   0x0000000000000002ULL
#define ENTRY_USER       0x0000000000000004ULL
#define ENTRY_LARGE      0x0000000000000080ULL
#define ENTRY_NO_EXECUTE 0x8000000000000000ULL
#define ENTRY_ADDRESS    0x000FFFFFFFFFF000ULL

/* What is left of the rights that the entries of a walk give. */
#define RIGHT_EXECUTE ENTRY_NO_EXECUTE
#define RIGHTS        (ENTRY_WRITABLE | ENTRY_USER | RIGHT_EXECUTE)

/* The access, and who makes it. */
#define DATA          (HV_TRANSLATE_GVA_VALIDATE_READ | HV_TRANSLATE_GVA_VALIDATE_WRITE)
#define EXECUTE       HV_TRANSLATE_GVA_VALIDATE_EXECUTE
#define BY_USER       HV_TRANSLATE_GVA_USER_ACCESS
#define BY_SUPERVISOR HV_TRANSLATE_GVA_SUPERVISOR_ACCESS

struct mode {
    uint64_t root;
    unsigned levels, index_bits; /* 0 levels: no paging */
    uint32_t entry_bytes;
    uint64_t reserved; /* bits that must be zero in entries of all levels... */
    uint64_t large;    /* ...and in one of level 2 that maps a large page; 0: none can */
};

/* Bits that must be zero in an entry of a level, 1 the lowest. PAE's highest has no rights. */
static uint64_t reserved_at(const struct mode *mode, unsigned level)
{
    if (level > 3)
        return mode->reserved | ENTRY_LARGE;
    return level == 3 && mode->levels == 3 ? mode->reserved | ENTRY_NO_EXECUTE | 0x1E6
                                           : mode->reserved;
}

/* The same in an entry that maps a large page; 0 where none can. */
static uint64_t large_at(const struct mode *mode, unsigned level)
{
    if (level == 3 && mode->levels > 3)
        return mode->reserved | 0x3FFFE000;
    return level == 2 ? mode->large : 0;
}

struct translation {
    uint32_t code;   /* HvTranslateGva* */
    uint64_t page;   /* GPA page; also of what could not be accessed */
    uint64_t rights; /* RIGHTS */
};

/* Registers: CPL is the privilege level of SS. */
enum { CR0, CR3, CR4, EFER, RFLAGS, CPL, REGISTERS };

static uint16_t read_registers(const struct hvemu__invocation *target,
                               uint64_t registers[REGISTERS])
{
    static const uint32_t names[REGISTERS] = {HvX64RegisterCr0,    HvX64RegisterCr3,
                                              HvX64RegisterCr4,    HvX64RegisterEfer,
                                              HvX64RegisterRflags, HvX64RegisterSs};
    uint16_t status = HV_STATUS_SUCCESS;
    uint64_t value[2] = {0};

    for (int i = 0; i < REGISTERS && status == HV_STATUS_SUCCESS; i++) {
        status = hvemu__get_register(target, names[i], value);
        registers[i] = value[0];
    }
    registers[CPL] = (value[1] >> 48 & HV_X64_SEGMENT_DPL_MASK) >> HV_X64_SEGMENT_DPL_SHIFT;
    return status;
}

/* 32-bit paging. Bits 20:13 of a large page's entry are 39:32 of its address (PSE-36), reserved
 * beyond the physical address width, as is 21. */
static void set_narrow_mode(struct mode *mode, const uint64_t *registers, uint32_t gpa_bits)
{
    const uint32_t high = gpa_bits < 32 ? 0 : gpa_bits > 40 ? 8 : gpa_bits - 32;

    mode->root = registers[CR3] & 0xFFFFF000;
    mode->levels = 2;
    mode->index_bits = 10;
    mode->entry_bytes = 4;
    if (registers[CR4] & CR4_PSE)
        mode->large = 0x3FE000 & ~(((1ULL << high) - 1) << 13);
}

/* PAE paging, three levels, of which the highest has four entries without rights; long mode, four
 * or five. */
static void set_wide_mode(struct mode *mode, const uint64_t *registers, uint32_t gpa_bits)
{
    const int is_long = (registers[EFER] & EFER_LMA) != 0;

    mode->reserved = (ENTRY_ADDRESS & ~0ULL << gpa_bits) |
                     (registers[EFER] & EFER_NXE ? 0 : ENTRY_NO_EXECUTE) |
                     (is_long ? 0 : 0x7FF0000000000000);

    mode->root = registers[CR3] & (is_long ? ENTRY_ADDRESS : 0xFFFFFFE0);
    mode->levels = !is_long ? 3 : registers[CR4] & CR4_LA57 ? 5 : 4;
    mode->index_bits = 9;
    mode->entry_bytes = 8;
    mode->large = mode->reserved | 0x1FE000;
}

/* Into zeros. */
static void set_mode(struct mode *mode, const uint64_t *registers, uint32_t gpa_bits)
{
    if (!(registers[CR0] & CR0_PG))
        return;
    if (registers[CR4] & CR4_PAE)
        set_wide_mode(mode, registers, gpa_bits);
    else
        set_narrow_mode(mode, registers, gpa_bits);
}

/* The bits of a virtual address above those that are looked up all equal the highest of these. */
static int canonical(uint64_t gva_page, unsigned bits)
{
    const uint64_t high = gva_page >> (bits - 1);

    return !high || high == (1ULL << (53 - bits)) - 1;
}

/* Reads an entry, once; without an entry, says why and where. The hypercall page is no table. */
static uint16_t read_entry(const struct hvemu__invocation *target, uint64_t gpa, uint32_t bytes,
                           uint64_t *entry, struct translation *to)
{
    const struct hvemu_ops *ops = &target->shown.hv->ops;
    uint8_t raw[8] = {0};
    int answer = HVEMU_MEM_NONE;

    to->page = gpa >> HV_PAGE_SHIFT;
    if (hvemu__overlaid(target->partition, gpa)) {
        to->code = HvTranslateGvaGpaIllegalOverlayAccess;
        return HV_STATUS_SUCCESS;
    }
    if (ops->gpa_read && gpa < target->shown.hv->gpa_end)
        answer = ops->gpa_read(target->partition->ctx, target->shown.target, gpa, raw, bytes);
    *entry = le64dec(raw);
    switch (answer) {
    case HVEMU_MEM_OK:
        return HV_STATUS_SUCCESS;
    case HVEMU_MEM_NONE:
        to->code = HvTranslateGvaGpaUnmapped;
        return HV_STATUS_SUCCESS;
    case HVEMU_MEM_DENIED:
        to->code = HvTranslateGvaGpaNoReadAccess;
        return HV_STATUS_SUCCESS;
    case HVEMU_MEM_AGAIN:
        return HV_STATUS_TIMEOUT;
    default:
        return HV_STATUS_OPERATION_FAILED;
    }
}

/* Goes down from the root, one read a level, to the entry that maps the page. */
static uint16_t walk(const struct hvemu__invocation *target, const struct mode *mode,
                     uint64_t gva_page, struct translation *to)
{
    const uint64_t index_mask = (1ULL << mode->index_bits) - 1;
    uint64_t table = mode->root;
    unsigned level = mode->levels + 1, shift;
    int large;

    do {
        uint64_t entry;
        uint16_t status;

        level--;
        shift = mode->index_bits * (level - 1);
        status = read_entry(target, table + (gva_page >> shift & index_mask) * mode->entry_bytes,
                            mode->entry_bytes, &entry, to);
        if (status != HV_STATUS_SUCCESS || to->code)
            return status;
        large = entry & ENTRY_LARGE && large_at(mode, level);
        if (!(entry & ENTRY_PRESENT))
            to->code = HvTranslateGvaPageNotPresent;
        else if (entry & (large ? large_at(mode, level) : reserved_at(mode, level)))
            to->code = HvTranslateGvaInvalidPageTableFlags;
        if (to->code)
            return HV_STATUS_SUCCESS;
        /* An entry that has no rights has reserved bits there, and takes none away. */
        to->rights &= (entry ^ ENTRY_NO_EXECUTE) | reserved_at(mode, level);
        table = entry & ENTRY_ADDRESS;
        if (large) /* PSE-36; zeros in other modes */
            table |= (entry & 0x1FE000) << 19;
    } while (level > 1 && !large);
    to->page = table >> (HV_PAGE_SHIFT + shift) << shift | (gva_page & ((1ULL << shift) - 1));
    return HV_STATUS_SUCCESS;
}

/* Who makes the access: a user, a supervisor, both (then both must be allowed to), or nobody
 * (exempt), to whom no page is closed. Where the caller does not say: whoever runs. */
static uint64_t access_by(const uint64_t *registers, uint64_t flags)
{
    if (flags & HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT)
        return 0;
    if (flags & (BY_USER | BY_SUPERVISOR))
        return flags & (BY_USER | BY_SUPERVISOR);
    return registers[CPL] == 3 ? BY_USER : BY_SUPERVISOR;
}

static int permitted(const uint64_t *registers, uint64_t flags, uint64_t rights)
{
    const uint64_t by = access_by(registers, flags);

    if (flags & EXECUTE && !(rights & RIGHT_EXECUTE))
        return 0;
    if (flags & HV_TRANSLATE_GVA_VALIDATE_WRITE && !(rights & ENTRY_WRITABLE) &&
        (by & BY_USER || registers[CR0] & CR0_WP))
        return 0;
    if (!(rights & ENTRY_USER))
        return !(by & BY_USER);
    if (!(by & BY_SUPERVISOR))
        return 1;
    if (flags & EXECUTE && registers[CR4] & CR4_SMEP)
        return 0;
    return !(flags & DATA) || !(registers[CR4] & CR4_SMAP) ||
           flags & HV_TRANSLATE_GVA_OVERRIDE_SMAP ||
           (registers[RFLAGS] & RFLAGS_AC && !(flags & HV_TRANSLATE_GVA_ENFORCE_SMAP));
}

/* Without paging an address is its own; outside long mode it has 32 bits. */
static uint16_t translate(const struct hvemu__invocation *target, uint64_t flags, uint64_t gva_page,
                          struct translation *to)
{
    uint64_t registers[REGISTERS];
    struct mode mode = {0};
    uint16_t status = read_registers(target, registers);

    if (status != HV_STATUS_SUCCESS)
        return status;
    set_mode(&mode, registers, target->shown.hv->config.gpa_bits);
    if (mode.levels < 4)
        gva_page &= 0xFFFFF;
    else if (!canonical(gva_page, mode.levels * mode.index_bits))
        to->code = HvTranslateGvaInvalidPageTableFlags;
    to->page = gva_page;
    if (mode.levels && !to->code)
        status = walk(target, &mode, gva_page, to);
    if (status != HV_STATUS_SUCCESS || to->code)
        return status;
    if (mode.levels && !permitted(registers, flags, to->rights))
        to->code = HvTranslateGvaPrivilegeViolation;
    else if (to->page >= target->shown.hv->gpa_end >> HV_PAGE_SHIFT)
        to->code = HvTranslateGvaGpaUnmapped;
    return HV_STATUS_SUCCESS;
}

/* What is asked for must be something, and something that is looked at here. */
static uint16_t judge_flags(uint64_t flags)
{
    const uint64_t refused = HV_TRANSLATE_GVA_RESERVED_MASK | HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS |
                             HV_TRANSLATE_GVA_SHADOW_STACK;

    if (flags & refused || !(flags & (DATA | EXECUTE)))
        return HV_STATUS_INVALID_PARAMETER;
    return hvemu__judge_vtl((uint8_t)(flags >> HV_TRANSLATE_GVA_INPUT_VTL_SHIFT));
}

/* Of a page, the result and its number; without one, what could not be accessed on the way to it.
 * How memory is cached is the VMM's to know; here it is ordinary memory. */
static void put(const struct hvemu__invocation *target, const struct translation *from,
                uint8_t *result, uint8_t *page)
{
    uint64_t value = from->code;

    if (from->code == HvTranslateGvaSuccess) {
        value = (uint64_t)HvCacheTypeX64WriteBack << HV_TRANSLATE_GVA_RESULT_CACHE_TYPE_SHIFT;
        if (hvemu__overlaid(target->partition, from->page << HV_PAGE_SHIFT))
            value |= HV_TRANSLATE_GVA_RESULT_OVERLAY_PAGE;
    }
    le64enc(result, value);
    if (from->code == HvTranslateGvaSuccess || from->code >= HvTranslateGvaGpaUnmapped)
        le64enc(page, from->page);
}

#define AT(field) offsetof(HV_INPUT_TRANSLATE_VIRTUAL_ADDRESS, field)

static uint16_t serve(const struct hvemu__invocation *target, const uint8_t *in, uint8_t *result,
                      uint8_t *page)
{
    const uint64_t flags = le64dec(in + AT(ControlFlags));
    struct translation translation = {.code = HvTranslateGvaSuccess, .rights = RIGHTS};
    uint16_t status = judge_flags(flags);

    if (status == HV_STATUS_SUCCESS)
        status = translate(target, flags, le64dec(in + AT(GvaPage)), &translation);
    if (status != HV_STATUS_SUCCESS)
        return status;
    if (flags & HV_TRANSLATE_GVA_TLB_FLUSH_INHIBIT)
        hvemu__or(&target->vp->suspend, HVEMU__TLB_FLUSH_INHIBIT);
    put(target, &translation, result, page);
    return HV_STATUS_SUCCESS;
}

uint16_t hvemu__translate_virtual_address(const struct hvemu_invocation *invocation, const void *in,
                                          const void *item, void *out)
{
    (void)item;
    return serve(hvemu__inside(invocation), in, out,
                 (uint8_t *)out + offsetof(HV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS, GpaPage));
}

/* The event that the access would raise is left empty: no intercept of ours has one. */
uint16_t hvemu__translate_virtual_address_ex(const struct hvemu_invocation *invocation,
                                             const void *in, const void *item, void *out)
{
    (void)item;
    if (le32dec((const uint8_t *)in + AT(Padding)))
        return HV_STATUS_INVALID_PARAMETER;
    return serve(hvemu__inside(invocation), in, out,
                 (uint8_t *)out + offsetof(HV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS_EX, GpaPage));
}
