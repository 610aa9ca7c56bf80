/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* HvTranslateVirtualAddress, 0x0052 and 0x00AC: page tables of every mode in the guest's memory,
 * built by hand, and what the walk makes of them for a VP whose registers a test chooses. */

#include "fake_vmm.h"

#include <string.h>
#include <sys/endian.h>

/* Control flags, result codes, statuses. */
enum {
    READ = 0x1,
    WRITE = 0x2,
    EXECUTE = 0x4,
    EXEMPT = 0x8,
    INHIBIT = 0x20,
    SUPERVISOR = 0x40,
    USER = 0x80,
    ENFORCE = 0x100,
    OVERRIDE = 0x200
};
enum {
    OK = 0,
    NOT_PRESENT = 1,
    VIOLATION = 2,
    BAD_FLAGS = 3,
    UNMAPPED = 4,
    NO_READ = 5,
    OVERLAY = 7
};
enum { BAD_PARAMETER = 0x05, DENIED = 0x06, NO_VP = 0x0E, FAILED = 0x71, TIMEOUT = 0x78 };

#define WRITE_BACK ((uint64_t)6 << 32)
#define OVERLAID   ((uint64_t)1 << 40)
#define NX         0x8000000000000000
#define FAST       ((uint64_t)1 << 16)

/* The processor's registers, and how reading them goes wrong. */
static struct {
    uint64_t cr0, cr3, cr4, efer, rflags;
    unsigned cpl;
    uint32_t failing; /* the register that is answered with this status; 0: none */
    uint16_t status;
} cpu;

static uint16_t vp_get(void *ctx, struct hvemu_vp *vp, uint32_t name, uint64_t value[2])
{
    (void)ctx, (void)vp;
    if (name == cpu.failing)
        return cpu.status;
    switch (name) {
    case 0x00040000:
        value[0] = cpu.cr0;
        break;
    case 0x00040002:
        value[0] = cpu.cr3;
        break;
    case 0x00040003:
        value[0] = cpu.cr4;
        break;
    case 0x00080001:
        value[0] = cpu.efer;
        break;
    case 0x00020011:
        value[0] = cpu.rflags;
        break;
    case 0x00060002: /* SS: base, limit, selector, attributes */
        value[0] = 0xFFFFFFFFFFFFFFFF;
        value[1] = 0xC093001BFFFFFFFF | (uint64_t)cpu.cpl << 53;
        break;
    default:
        return 0x05;
    }
    return 0;
}

/* The modes. shift: of each level's index, the highest first. */
enum { LEVELS = 5 };

struct mode {
    const char *name;
    uint64_t cr4, efer;
    unsigned bytes, levels, index_bits;
    unsigned shift[LEVELS];
};

static const struct mode modes[] = {
    {"32-bit", 0x00, 0x000, 4, 2, 10, {22, 12}},
    {"32-bit, PSE", 0x10, 0x000, 4, 2, 10, {22, 12}},
    {"PAE", 0x20, 0x800, 8, 3, 9, {30, 21, 12}},
    {"4 levels", 0x20, 0xD00, 8, 4, 9, {39, 30, 21, 12}},
    {"5 levels", 0x1020, 0xD00, 8, 5, 9, {48, 39, 30, 21, 12}},
};
enum { NARROW, PSE, PAE, LONG4, LONG5, MODES };

/* An address with another index at each level; in a mode of fewer bits, its lower part. */
#define GVA 0x00AB432115A47000

static uint64_t gva_of(const struct mode *mode)
{
    switch (mode->levels) {
    case 5:
        return GVA;
    case 4:
        return GVA & 0x00007FFFFFFFFFFF;
    default:
        return GVA & 0xFFFFFFFF;
    }
}

static struct fake_vmm *vmm;
static uint64_t entry_at[LEVELS]; /* GPA of each entry of the walk, the highest first */

static void put_entry(const struct mode *mode, unsigned step, uint64_t entry)
{
    if (mode->bytes == 4) {
        assert_u64(entry >> 32, 0);
        le32enc(vmm->ram + entry_at[step], (uint32_t)entry);
    } else
        le64enc(vmm->ram + entry_at[step], entry);
}

/* Tables from 0x1000 on, those of PAE from 0x1FE0 on, down to the entry of step `steps`, which is
 * `entry`; all above it give every right. */
static void build(const struct mode *mode, uint64_t gva, unsigned steps, uint64_t entry)
{
    uint64_t table = mode->levels == 3 ? 0x1FE0 : 0x1000;

    memset(vmm->ram, 0xCC, sizeof vmm->ram); /* bit 0 is clear: nothing there */
    cpu.cr0 = 0x80010001;                    /* PG, WP, PE */
    cpu.cr3 = table | 0x18;                  /* PCD, PWT */
    if (mode->levels == 3)
        cpu.cr3 = table;
    cpu.cr4 = mode->cr4;
    cpu.efer = mode->efer;
    cpu.rflags = 0x2;
    cpu.cpl = 0;
    cpu.failing = 0;
    for (unsigned step = 0; step <= steps; step++) {
        const uint64_t index = gva >> mode->shift[step] & ((1u << mode->index_bits) - 1);
        const uint64_t next = 0x2000 + step * 0x1000;

        entry_at[step] = table + index * mode->bytes;
        if (step == steps)
            put_entry(mode, step, entry);
        else
            put_entry(mode, step, next | (mode->levels == 3 && step == 0 ? 0x1 : 0x7));
        table = next;
    }
}

/* A whole walk to a page of 4 KiB. */
static void build_page(const struct mode *mode, uint64_t entry)
{
    build(mode, gva_of(mode), mode->levels - 1, entry);
}

/* The call, from C by the root, about VP 0 of the guest. */
static uint16_t call(uint64_t flags, uint64_t gva_page, uint64_t *result, uint64_t *page)
{
    uint8_t in[32], out[24];
    uint16_t status;

    le64enc(in, vmm->guest);
    le64enc(in + 8, 0xFFFFFFFF00000000); /* VP 0; the padding is not looked at */
    le64enc(in + 16, flags);
    le64enc(in + 24, gva_page);
    memset(out, 0xEE, sizeof out);
    fake_forget(vmm);
    status = (uint16_t)hvemu_hypercall(vmm->hv, vmm->root, 0x0052, in, sizeof in, out, 16);
    *result = le64dec(out);
    *page = le64dec(out + 8);
    assert_u64(le64dec(out + 16), 0xEEEEEEEEEEEEEEEE);
    assert_true(vmm->count[FAKE_GPA_READ] <= LEVELS);
    if (status) {
        assert_u64(*result, 0xEEEEEEEEEEEEEEEE);
        assert_u64(*page, 0xEEEEEEEEEEEEEEEE);
    }
    return status;
}

static void expect(uint64_t flags, uint64_t gva, uint64_t want, uint64_t want_page)
{
    uint64_t result, page;

    assert_status(call(flags, gva >> 12, &result, &page), 0);
    assert_u64(result, want);
    assert_u64(page, want_page);
}

static void expect_page(uint64_t flags, uint64_t gva, uint64_t page)
{
    expect(flags, gva, WRITE_BACK, page);
}

static void expect_status(uint64_t flags, uint16_t status)
{
    uint64_t result, page;

    assert_status(call(flags, GVA >> 12, &result, &page), status);
}

static int open_with(uint32_t gpa_bits, const struct hvemu_ops *ops)
{
    const struct hvemu_config config = {
        .size = sizeof config, .features = 0x8010, .depth = 3, .gpa_bits = gpa_bits};

    vmm = fake_new(&config, ops);
    fake_add_guest(vmm, HV_PRIVILEGE_ALL);
    memset(&cpu, 0, sizeof cpu);
    return 0;
}

static struct hvemu_ops our_ops(void)
{
    struct hvemu_ops ops = fake_ops;

    ops.vp_get = vp_get;
    return ops;
}

static int open_bits(uint32_t gpa_bits)
{
    const struct hvemu_ops ops = our_ops();

    return open_with(gpa_bits, &ops);
}

static int open_vmm(void **state)
{
    (void)state;
    return open_bits(0);
}

static int close_vmm(void **state)
{
    (void)state;
    fake_free(vmm);
    return 0;
}

/* The same in another instance, whose physical addresses have `bits`. */
static void reopen(uint32_t bits)
{
    fake_free(vmm);
    open_bits(bits);
}

/* ---- Modes and pages ---- */

static void without_paging_an_address_is_its_own(void **state)
{
    (void)state;
    cpu.cr3 = 0x123456789000;
    for (unsigned i = 0; i < MODES; i++) {
        cpu.cr0 = 0x00010001;
        cpu.cr4 = 0x00300000 | modes[i].cr4; /* SMEP, SMAP */
        cpu.efer = modes[i].efer;
        expect_page(READ | WRITE | EXECUTE | USER | SUPERVISOR, 0xFFFFF000, 0xFFFFF);
        expect_page(READ, 0x3000, 0x3);
        expect_page(READ, 0xFFFFFFFF80003000, 0x80003); /* addresses have 32 bits */
        assert_int_equal(vmm->count[FAKE_GPA_READ], 0);
    }
}

static void each_mode_finds_its_page_of_4_kib(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MODES; i++) {
        const struct mode *mode = &modes[i];

        build_page(mode, 0x00BCD000 | 0x67);
        expect_page(READ | WRITE | EXECUTE, gva_of(mode), 0xBCD);
        expect_page(READ, gva_of(mode) | 0xFFF, 0xBCD);
        if (mode->bytes == 8) {
            build_page(mode, 0x000FEDCBA9876000 | 0x67);
            expect_page(READ, gva_of(mode), 0xFEDCBA9876);
        }
    }
}

static void each_entry_is_read_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MODES; i++) {
        const struct mode *mode = &modes[i];

        build_page(mode, 0x00BCD067);
        expect_page(READ, gva_of(mode), 0xBCD);
        assert_int_equal(vmm->logged, mode->levels);
        for (unsigned step = 0; step < mode->levels; step++) {
            assert_int_equal(vmm->log[step].op, FAKE_GPA_READ);
            assert_u64(vmm->log[step].gpa, entry_at[step]);
            assert_u64(vmm->log[step].vector, mode->bytes);
            assert_u64(vmm->log[step].partition, vmm->guest);
        }
    }
}

static void large_pages_keep_the_lower_part_of_the_address(void **state)
{
    static const struct {
        unsigned mode, step;
        uint64_t entry, page;
    } pages[] = {
        {PSE, 0, 0x40000067 | 0x80, 0x40247},                /* 4 MiB: 21:12 of the address */
        {PSE, 0, 0x401FF067 | 0x80, 0xFF40247},              /* PSE-36: 20:13 are 39:32 */
        {PAE, 1, 0x0000123456600067 | 0x80, 0x123456647},    /* 2 MiB: 20:12 */
        {LONG4, 2, 0x000FEDCBA9A00067 | 0x80, 0xFEDCBA9A47}, /* 2 MiB */
        {LONG5, 3, 0x000FEDCBA9A01067 | 0x80, 0xFEDCBA9A47}, /* its PAT bit is no address */
        {LONG4, 1, 0x000FEDCB80001067 | 0x80, 0xFEDCB95A47},
        {LONG5, 2, 0x000FEDCB80000067 | 0x80, 0xFEDCB95A47}, /* 1 GiB: 29:12 */
    };

    (void)state;
    for (unsigned i = 0; i < sizeof pages / sizeof *pages; i++) {
        const struct mode *mode = &modes[pages[i].mode];

        build(mode, gva_of(mode), pages[i].step, pages[i].entry);
        expect_page(READ | WRITE | EXECUTE, gva_of(mode), pages[i].page);
        assert_int_equal(vmm->count[FAKE_GPA_READ], pages[i].step + 1);
    }
}

static void page_size_bit_means_nothing_without_pse_and_in_the_lowest_table(void **state)
{
    (void)state;
    build_page(&modes[NARROW], 0x00BCD067);
    put_entry(&modes[NARROW], 0, 0x2000 | 0x87);
    expect_page(READ, gva_of(&modes[NARROW]), 0xBCD);
    for (unsigned i = 0; i < MODES; i++) {
        build_page(&modes[i], 0x00BCD0E7); /* there it is the PAT bit */
        expect_page(READ, gva_of(&modes[i]), 0xBCD);
    }
}

static void root_table_is_where_the_mode_has_it(void **state)
{
    (void)state;
    build_page(&modes[PAE], 0x00BCD067);
    cpu.cr3 |= 0xFFFFFFFF0000001F;
    expect_page(READ, gva_of(&modes[PAE]), 0xBCD);
    build_page(&modes[NARROW], 0x00BCD067);
    cpu.cr3 |= 0xFFFFFFFF00000FFF;
    expect_page(READ, gva_of(&modes[NARROW]), 0xBCD);
    build_page(&modes[LONG4], 0x00BCD067);
    cpu.cr3 |= 0xFFF0000000000FFF; /* PCID; above, nothing that is an address */
    expect_page(READ, gva_of(&modes[LONG4]), 0xBCD);
}

static void addresses_of_32_bit_modes_are_cut_to_32_bits(void **state)
{
    (void)state;
    for (unsigned i = NARROW; i <= PAE; i++) {
        build_page(&modes[i], 0x00BCD067);
        expect_page(READ, gva_of(&modes[i]) | 0xFFFFFFFF00000000, 0xBCD);
        expect_page(READ, gva_of(&modes[i]) | 0x0000000100000000, 0xBCD);
    }
}

static void addresses_that_are_not_canonical_are_refused_unseen(void **state)
{
    static const struct {
        unsigned mode;
        uint64_t page;
        int canonical;
    } pages[] = {
        {LONG4, 0x00007FFFFFFFF, 1},
        {LONG4, 0x0000800000000, 0},
        {LONG4, 0xFFFF7FFFFFFFF, 0},
        {LONG4, 0xFFFF800000000, 1},
        {LONG4, 0xFFFFFFFFFFFFF, 1},
        {LONG5, 0x0FFFFFFFFFFF, 1},
        {LONG5, 0x0100000000000, 0},
        {LONG5, 0xFEFFFFFFFFFFF, 0},
        {LONG5, 0xFF00000000000, 1},
        {LONG5, 0xFFFFFFFFFFFFF, 1},
        {LONG5, 0x0000800000000, 1},
        /* No page of 64-bit addresses: not another page by truncation. */
        {LONG4, 0x10000000000000, 0},
        {LONG4, 0xFFFFFFFFFFFFFFFF, 0},
        {LONG5, 0x8000000000000000, 0},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof pages / sizeof *pages; i++) {
        const struct mode *mode = &modes[pages[i].mode];
        uint64_t result, page;

        build(mode, pages[i].page << 12, mode->levels - 1, 0x00BCD067);
        assert_status(call(READ, pages[i].page, &result, &page), 0);
        assert_u64(result, pages[i].canonical ? WRITE_BACK : BAD_FLAGS);
        assert_u64(page, pages[i].canonical ? 0xBCD : 0);
        assert_int_equal(vmm->count[FAKE_GPA_READ], pages[i].canonical ? mode->levels : 0);
    }
}

/* ---- Entries that lead nowhere ---- */

static void entry_that_is_not_present_ends_the_walk(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MODES; i++)
        for (unsigned step = 0; step < modes[i].levels; step++) {
            /* Nothing else of it counts. */
            build(&modes[i], gva_of(&modes[i]), step,
                  modes[i].bytes == 4 ? 0xFFFFFFFE : 0xFFFFFFFFFFFFFFFE);
            expect(READ, gva_of(&modes[i]), NOT_PRESENT, 0);
            assert_int_equal(vmm->count[FAKE_GPA_READ], step + 1);
        }
}

/* Sets each bit of an entry that is otherwise good; `reserved` are those that spoil it. Bits of the
 * address and of the rights are left alone. */
static void try_bits(const struct mode *mode, unsigned step, uint64_t entry, uint64_t tried,
                     uint64_t reserved)
{
    for (unsigned bit = 0; bit < mode->bytes * 8; bit++) {
        const uint64_t one = (uint64_t)1 << bit;
        uint64_t result, page;

        if (!((tried | reserved) & one))
            continue;
        build_page(mode, 0x00BCD067);
        put_entry(mode, step, entry | one);
        assert_status(call(READ, gva_of(mode) >> 12, &result, &page), 0);
        if (result != (reserved & one ? (uint64_t)BAD_FLAGS : WRITE_BACK))
            fail_msg("%s, step %u: bit %u gives %llx", mode->name, step, bit,
                     (unsigned long long)result);
        if (reserved & one)
            assert_u64(page, 0);
    }
}

static void reserved_bits_of_each_entry_are_invalid_flags(void **state)
{
    const uint64_t high = 0x000FFFF000000000, software = 0xE00, above = 0x7FF0000000000000;

    (void)state;
    reopen(36);
    try_bits(&modes[NARROW], 0, 0x2007, 0xFF8, 0);
    try_bits(&modes[NARROW], 1, 0x00BCD007, 0xFF8, 0);
    try_bits(&modes[PSE], 0, 0x40000087, 0x0001EF78, 0x003E0000);
    try_bits(&modes[PAE], 0, 0x2001, software | 0x18, high | above | NX | 0x1E6);
    try_bits(&modes[PAE], 1, 0x3007, software | 0x178, high | above);
    try_bits(&modes[PAE], 1, 0x00C00087, software | 0x1178, high | above | 0x001FE000);
    try_bits(&modes[PAE], 2, 0x00BCD007, software | 0x1F8, high | above);
    for (unsigned i = LONG4; i <= LONG5; i++) {
        const struct mode *mode = &modes[i];
        const unsigned down = mode->levels;

        if (i == LONG5)
            try_bits(mode, down - 5, 0x2007, software | above | 0x178, high | 0x80);
        try_bits(mode, down - 4, i == LONG5 ? 0x3007 : 0x2007, software | above | 0x178,
                 high | 0x80);
        try_bits(mode, down - 3, i == LONG5 ? 0x4007 : 0x3007, software | above | 0x178, high);
        try_bits(mode, down - 3, 0x40000087, software | above | 0x1178, high | 0x3FFFE000);
        try_bits(mode, down - 2, i == LONG5 ? 0x5007 : 0x4007, software | above | 0x178, high);
        try_bits(mode, down - 2, 0x40000087, software | above | 0x1178, high | 0x001FE000);
        try_bits(mode, down - 1, 0x00BCD007, software | above | 0x1F8, high);
    }
}

static void no_execute_is_reserved_unless_it_is_enabled(void **state)
{
    (void)state;
    for (unsigned i = PAE; i < MODES; i++)
        for (unsigned step = i == PAE; step < modes[i].levels; step++) {
            const struct mode *mode = &modes[i];
            const int last = step == mode->levels - 1;

            build_page(mode, 0x00BCD067);
            put_entry(mode, step, NX | (last ? 0x00BCD067 : 0x2007 + step * 0x1000));
            expect_page(READ | WRITE, gva_of(mode), 0xBCD);
            expect(EXECUTE, gva_of(mode), VIOLATION, 0);
            cpu.efer &= ~(uint64_t)0x800;
            expect(READ, gva_of(mode), BAD_FLAGS, 0);
        }
}

static void physical_width_decides_which_address_bits_are_reserved(void **state)
{
    static const uint32_t widths[] = {32, 33, 39, 40, 41, 51, 52};

    (void)state;
    for (unsigned i = 0; i < sizeof widths / sizeof *widths; i++) {
        const uint32_t width = widths[i], narrow = width < 40 ? width : 40;

        reopen(width);
        build_page(&modes[LONG4], (uint64_t)1 << (width - 1) | 0x67);
        expect_page(READ, gva_of(&modes[LONG4]), (uint64_t)1 << (width - 13));
        if (width < 52) {
            build_page(&modes[LONG4], (uint64_t)1 << width | 0x67);
            expect(READ, gva_of(&modes[LONG4]), BAD_FLAGS, 0);
        }
        if (narrow > 32) {
            build(&modes[PSE], 0, 0, (uint64_t)1 << (narrow - 1 - 19) | 0xE7);
            expect_page(READ, 0, (uint64_t)1 << (narrow - 13));
        }
        build(&modes[PSE], 0, 0, (uint64_t)1 << (narrow - 19) | 0xE7);
        expect(READ, 0, BAD_FLAGS, 0);
    }
    reopen(31); /* there is no bit 32 of an address */
    build(&modes[PSE], 0, 0, 0x20E7);
    expect(READ, 0, BAD_FLAGS, 0);
    build(&modes[PSE], 0, 0, 0x400000E7);
    expect_page(READ, 0, 0x40000);
}

/* ---- Rights ---- */

static void rights_of_all_levels_decide(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MODES; i++)
        for (unsigned step = i == PAE; step < modes[i].levels; step++) {
            const struct mode *mode = &modes[i];
            const uint64_t to = step == mode->levels - 1 ? 0x00BCD000 : 0x2000 + step * 0x1000;

            build_page(mode, 0x00BCD067);
            put_entry(mode, step, to | 0x5);
            expect_page(READ | EXECUTE | USER, gva_of(mode), 0xBCD);
            expect(WRITE | USER, gva_of(mode), VIOLATION, 0);
            put_entry(mode, step, to | 0x3);
            expect_page(READ | WRITE | EXECUTE, gva_of(mode), 0xBCD);
            expect(READ | USER, gva_of(mode), VIOLATION, 0);
            /* A page that one entry keeps from users is no user page for SMAP and SMEP. */
            cpu.cr4 |= 0x00300000;
            expect_page(READ | WRITE | EXECUTE, gva_of(mode), 0xBCD);
        }
}

static void a_missing_entry_wins_over_a_want_of_rights(void **state)
{
    (void)state;
    build(&modes[LONG4], gva_of(&modes[LONG4]), 3, 0);
    put_entry(&modes[LONG4], 0, 0x2001);
    expect(WRITE | USER, gva_of(&modes[LONG4]), NOT_PRESENT, 0);
}

enum { P = 1, W = 2, U = 4, WP = 0x10000, SMEP = 0x100000, SMAP = 0x200000, AC = 0x40000 };

/* cr is of CR0 (WP) and CR4, which have no bit in common here. */
static void access_is_judged_as_the_processor_would(void **state)
{
    static const struct {
        uint64_t entry, flags;
        uint32_t cr, rflags;
        unsigned cpl;
        int permitted;
    } rows[] = {
        /* Users: their pages, with the right. */
        {P, READ | USER, 0, 0, 0, 0},
        {P | U, READ | USER, 0, 0, 0, 1},
        {P | U, EXECUTE | USER, 0, 0, 0, 1},
        {P | U | NX, EXECUTE | USER, 0, 0, 0, 0},
        {P | U | NX, READ | EXECUTE | USER, 0, 0, 0, 0},
        {P | U | NX, READ | USER, 0, 0, 0, 1},
        {P | U, WRITE | USER, 0, 0, 0, 0},
        {P | U, READ | WRITE | USER, WP, 0, 0, 0},
        {P | U | W, WRITE | USER, WP, 0, 0, 1},
        {P | W, WRITE | USER, 0, 0, 0, 0},
        {P | U | W, READ | WRITE | EXECUTE | USER, SMEP | SMAP, 0, 0, 1},
        /* Supervisors: write protection. */
        {P, READ | SUPERVISOR, WP, 0, 3, 1},
        {P, WRITE | SUPERVISOR, WP, 0, 0, 0},
        {P, WRITE | SUPERVISOR, 0, 0, 0, 1},
        {P | U, WRITE | SUPERVISOR, WP, 0, 0, 0},
        {P | U, WRITE | SUPERVISOR, 0, 0, 0, 1},
        {P | W, WRITE | SUPERVISOR, WP, 0, 0, 1},
        /* No execute, SMEP. */
        {P | NX, EXECUTE | SUPERVISOR, 0, 0, 0, 0},
        {P | NX, WRITE | SUPERVISOR, 0, 0, 0, 1},
        {P | U, EXECUTE | SUPERVISOR, 0, 0, 0, 1},
        {P | U, EXECUTE | SUPERVISOR, SMEP, 0, 0, 0},
        {P | U, EXECUTE | SUPERVISOR, SMEP, AC, 0, 0},
        {P | U, EXECUTE | SUPERVISOR | OVERRIDE, SMEP, 0, 0, 0},
        {P | U, READ | SUPERVISOR, SMEP, 0, 0, 1},
        {P, EXECUTE | SUPERVISOR, SMEP, 0, 0, 1},
        /* SMAP. */
        {P | U, READ | SUPERVISOR, SMAP, 0, 0, 0},
        {P | U | W, WRITE | SUPERVISOR, SMAP, 0, 0, 0},
        {P | U, EXECUTE | SUPERVISOR, SMAP, 0, 0, 1},
        {P | U, READ | EXECUTE | SUPERVISOR, SMAP, 0, 0, 0},
        {P | W, READ | WRITE | SUPERVISOR, SMAP, 0, 0, 1},
        {P | U, READ | SUPERVISOR, SMAP, AC, 0, 1},
        {P | U, WRITE | SUPERVISOR, SMAP | WP, AC, 0, 0},
        {P | U, READ | SUPERVISOR | ENFORCE, SMAP, AC, 0, 0},
        {P | U, READ | SUPERVISOR | ENFORCE, 0, AC, 0, 1},
        {P | U, READ | SUPERVISOR | OVERRIDE, SMAP, 0, 0, 1},
        {P | U, READ | SUPERVISOR | OVERRIDE | ENFORCE, SMAP, 0, 0, 1},
        {P | U, WRITE | SUPERVISOR | OVERRIDE, SMAP | WP, 0, 0, 0},
        /* Whoever runs. */
        {P, READ, 0, 0, 0, 1},
        {P, READ, 0, 0, 1, 1},
        {P, READ, 0, 0, 2, 1},
        {P, READ, 0, 0, 3, 0},
        {P | U, READ, SMAP, 0, 2, 0},
        {P | U, READ, SMAP, 0, 3, 1},
        {P | U, READ | SUPERVISOR, SMAP, 0, 3, 0},
        {P, READ | USER, 0, 0, 0, 0},
        {P | U, WRITE, 0, 0, 0, 1},
        {P | U, WRITE, 0, 0, 3, 0},
        /* Both: what both may. */
        {P | U, READ | USER | SUPERVISOR, 0, 0, 0, 1},
        {P, READ | USER | SUPERVISOR, 0, 0, 0, 0},
        {P | U, READ | USER | SUPERVISOR, SMAP, 0, 0, 0},
        {P | U, EXECUTE | USER | SUPERVISOR, SMEP, 0, 3, 0},
        {P | U, WRITE | USER | SUPERVISOR, 0, 0, 0, 0},
        {P | U | W, WRITE | USER | SUPERVISOR, WP, 0, 0, 1},
        /* Exempt: neither, whoever is named or runs. */
        {P, READ | EXEMPT, 0, 0, 3, 1},
        {P, READ | USER | EXEMPT, 0, 0, 3, 1},
        {P | U, READ | EXECUTE | EXEMPT, SMEP | SMAP, 0, 0, 1},
        {P | U, READ | SUPERVISOR | ENFORCE | EXEMPT, SMAP, 0, 0, 1},
        {P | U, WRITE | EXEMPT, WP, 0, 0, 0},
        {P | U, WRITE | EXEMPT, 0, 0, 3, 1},
        {P | U | NX, EXECUTE | EXEMPT, 0, 0, 0, 0},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned m = 0; m < MODES; m++) {
            const struct mode *mode = &modes[m];
            uint64_t result, page;

            if (rows[i].entry & NX && mode->bytes == 4)
                continue;
            build_page(mode, 0x00BCD000 | rows[i].entry);
            cpu.cr0 = 0x80000001 | (rows[i].cr & WP);
            cpu.cr4 |= rows[i].cr & (SMEP | SMAP);
            cpu.rflags |= rows[i].rflags;
            cpu.cpl = rows[i].cpl;
            assert_status(call(rows[i].flags, gva_of(mode) >> 12, &result, &page), 0);
            if (result != (rows[i].permitted ? WRITE_BACK : (uint64_t)VIOLATION))
                fail_msg("row %u, %s: %llx", i, mode->name, (unsigned long long)result);
            assert_u64(page, rows[i].permitted ? 0xBCD : 0);
        }
}

/* ---- Memory that is not there ---- */

/* Each entry of a walk at its step, as the memory op answers. */
static void expect_at_each_step(int answer, uint16_t status, uint64_t code)
{
    for (unsigned i = 0; i < MODES; i++)
        for (unsigned step = 0; step < modes[i].levels; step++) {
            uint64_t result, page;

            build_page(&modes[i], 0x00BCD067);
            fake_fail(vmm, FAKE_GPA_READ, step, answer);
            assert_status(call(READ, gva_of(&modes[i]) >> 12, &result, &page), status);
            assert_int_equal(vmm->count[FAKE_GPA_READ], step + 1);
            if (status)
                continue;
            assert_u64(result, code);
            assert_u64(page, entry_at[step] >> 12);
        }
}

static void table_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    expect_at_each_step(HVEMU_MEM_NONE, 0, UNMAPPED);
    expect_at_each_step(HVEMU_MEM_DENIED, 0, NO_READ);
}

static void memory_that_would_block_asks_for_a_repetition(void **state)
{
    (void)state;
    expect_at_each_step(HVEMU_MEM_AGAIN, TIMEOUT, 0);
}

static void failure_of_the_memory_op_fails_the_call(void **state)
{
    (void)state;
    expect_at_each_step(HVEMU_MEM_FAILED, FAILED, 0);
    expect_at_each_step(99, FAILED, 0);
    expect_at_each_step(-1, FAILED, 0);
}

static void without_a_read_op_every_table_is_unmapped(void **state)
{
    struct hvemu_ops ops = our_ops();

    (void)state;
    ops.gpa_read = NULL;
    fake_free(vmm);
    open_with(0, &ops);
    build_page(&modes[LONG4], 0x00BCD067);
    expect(READ, gva_of(&modes[LONG4]), UNMAPPED, 0x1);
}

static void table_beyond_the_gpa_space_is_unmapped_and_not_asked_for(void **state)
{
    (void)state;
    reopen(36);
    build_page(&modes[LONG4], 0x00BCD067);
    cpu.cr3 = 0x0000001000000000;
    expect(READ, 0, UNMAPPED, 0x1000000);
    assert_int_equal(vmm->count[FAKE_GPA_READ], 0);
    cpu.cr3 = 0x0000000FFFFFF000; /* its last page: asked for */
    expect(READ, 0, UNMAPPED, 0xFFFFFF);
    assert_int_equal(vmm->count[FAKE_GPA_READ], 1);
    reopen(20);
    build_page(&modes[NARROW], 0x00BCD067);
    put_entry(&modes[NARROW], 0, 0x00100007);
    expect(READ, gva_of(&modes[NARROW]), UNMAPPED, 0x100);
    assert_int_equal(vmm->count[FAKE_GPA_READ], 1);
}

static void page_beyond_the_gpa_space_is_unmapped(void **state)
{
    (void)state;
    reopen(20);
    build_page(&modes[NARROW], 0x00100067);
    expect(READ, gva_of(&modes[NARROW]), UNMAPPED, 0x100);
    build_page(&modes[NARROW], 0x000FF067);
    expect_page(READ, gva_of(&modes[NARROW]), 0xFF);
    cpu.cr0 = 0;
    expect(READ, 0x100000, UNMAPPED, 0x100);
    expect_page(READ, 0xFF000, 0xFF);
}

static void table_under_the_hypercall_page_is_an_illegal_access(void **state)
{
    (void)state;
    for (unsigned step = 0; step < 4; step++) {
        build_page(&modes[LONG4], 0x00BCD067);
        if (step)
            put_entry(&modes[LONG4], step - 1, FAKE_HYPERCALL_PAGE | 0x7);
        else
            cpu.cr3 = FAKE_HYPERCALL_PAGE;
        expect(READ, gva_of(&modes[LONG4]), OVERLAY, FAKE_HYPERCALL_PAGE >> 12);
        assert_int_equal(vmm->count[FAKE_GPA_READ], step);
    }
}

static void page_under_the_hypercall_page_is_an_overlay_page(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MODES; i++) {
        build_page(&modes[i], FAKE_HYPERCALL_PAGE | 0x67);
        expect(READ, gva_of(&modes[i]), WRITE_BACK | OVERLAID, FAKE_HYPERCALL_PAGE >> 12);
    }
    build(&modes[LONG4], FAKE_HYPERCALL_PAGE, 2, 0xE7); /* inside a large page */
    expect(READ, FAKE_HYPERCALL_PAGE, WRITE_BACK | OVERLAID, FAKE_HYPERCALL_PAGE >> 12);
    expect_page(READ, FAKE_HYPERCALL_PAGE - 1, (FAKE_HYPERCALL_PAGE >> 12) - 1);
    cpu.cr0 = 0;
    expect(READ, FAKE_HYPERCALL_PAGE, WRITE_BACK | OVERLAID, FAKE_HYPERCALL_PAGE >> 12);
    assert_action(hvemu_x64_wrmsr(vmm->vp, 0x40000001, FAKE_HYPERCALL_PAGE), HVEMU_STEP);
    expect_page(READ, FAKE_HYPERCALL_PAGE, FAKE_HYPERCALL_PAGE >> 12);
}

/* ---- Registers ---- */

static void a_register_that_cannot_be_read_gives_its_status(void **state)
{
    static const uint32_t names[] = {0x00040000, 0x00040002, 0x00040003,
                                     0x00080001, 0x00020011, 0x00060002};
    static const uint16_t statuses[] = {0x05, 0x15, 0x50, TIMEOUT};

    (void)state;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        for (unsigned k = 0; k < sizeof statuses / sizeof *statuses; k++) {
            build_page(&modes[LONG5], 0x00BCD067);
            cpu.failing = names[i];
            cpu.status = statuses[k];
            expect_status(READ | INHIBIT, statuses[k]);
            assert_int_equal(vmm->count[FAKE_GPA_READ], 0);
        }
}

static void without_a_register_op_no_address_can_be_translated(void **state)
{
    struct hvemu_ops ops = our_ops();

    (void)state;
    ops.vp_get = NULL;
    fake_free(vmm);
    open_with(0, &ops);
    expect_status(READ, BAD_PARAMETER);
}

/* ---- Control flags ---- */

static void flags_that_are_reserved_or_not_served_are_refused(void **state)
{
    (void)state;
    build_page(&modes[LONG5], 0x00BCD067);
    for (unsigned bit = 0; bit < 56; bit++) {
        const uint64_t one = (uint64_t)1 << bit;
        const int served = (one & 0x3EF) != 0; /* not 0x10, accessed and dirty; not 0x400 */

        if (served)
            expect_page(READ | one, GVA, 0xBCD);
        else
            expect_status(READ | one, BAD_PARAMETER);
    }
}

static void some_access_must_be_asked_for(void **state)
{
    (void)state;
    build_page(&modes[LONG5], 0x00BCD067);
    expect_status(0, BAD_PARAMETER);
    expect_status(0x3E8, BAD_PARAMETER);
    expect_page(READ, GVA, 0xBCD);
    expect_page(WRITE, GVA, 0xBCD);
    expect_page(EXECUTE, GVA, 0xBCD);
}

static void trust_level_0_alone_is_served(void **state)
{
    (void)state;
    build_page(&modes[LONG5], 0x00BCD067);
    for (uint64_t vtl = 0; vtl < 0x100; vtl++) {
        const uint64_t flags = READ | vtl << 56;

        if (vtl & 0xE0)
            expect_status(flags, BAD_PARAMETER);
        else if (vtl & 0x10 && vtl != 0x10)
            expect_status(flags, 0x51); /* INVALID_VTL_STATE */
        else
            expect_page(flags, GVA, 0xBCD);
    }
}

static uint64_t intercept_suspend(void)
{
    uint8_t in[24] = {0}, out[16];

    le64enc(in, vmm->guest);
    in[16] = 1;
    assert_u64(hvemu_hypercall(vmm->hv, vmm->root, 0x0000000100000050, in, 20, out, 16),
               0x0000000100000000);
    assert_u64(le64dec(out + 8), 0);
    return le64dec(out);
}

static void flush_inhibit_is_set_by_every_call_that_succeeds(void **state)
{
    (void)state;
    build_page(&modes[LONG5], 0x00BCD067);
    expect_page(READ, GVA, 0xBCD);
    assert_u64(intercept_suspend(), 0);
    expect_status(READ | INHIBIT | 0x10, BAD_PARAMETER);
    expect_status(READ | INHIBIT | (uint64_t)0x11 << 56, 0x51);
    fake_fail(vmm, FAKE_GPA_READ, 4, HVEMU_MEM_AGAIN);
    expect_status(READ | INHIBIT, TIMEOUT);
    assert_u64(intercept_suspend(), 0);
    expect_page(READ | INHIBIT, GVA, 0xBCD);
    assert_u64(intercept_suspend(), 0x2);
    assert_int_equal(hvemu_vp_suspended(vmm->vp), 0); /* it may run */
    expect_page(READ, GVA, 0xBCD);
    assert_u64(intercept_suspend(), 0x2);
    hvemu_vp_suspend(vmm->vp);
    assert_u64(intercept_suspend(), 0x3);
}

static void flush_inhibit_is_set_whatever_the_result_code(void **state)
{
    (void)state;
    build(&modes[LONG5], GVA, 4, 0);
    expect(READ | INHIBIT, GVA, NOT_PRESENT, 0);
    assert_u64(intercept_suspend(), 0x2);
}

/* ---- Whom it is about ---- */

static uint16_t call_about(uint64_t caller, uint16_t code, uint64_t partition, uint64_t vp)
{
    uint8_t in[32], out[64];

    le64enc(in, partition);
    le64enc(in + 8, vp);
    le64enc(in + 16, READ);
    le64enc(in + 24, GVA >> 12);
    memset(out, 0xEE, sizeof out);
    return (uint16_t)hvemu_hypercall(vmm->hv, caller, code, in, sizeof in, out, sizeof out);
}

static void target_and_processor_are_judged(void **state)
{
    static const uint16_t codes[] = {0x0052, 0x00AC};

    (void)state;
    build_page(&modes[LONG5], 0x00BCD067);
    for (unsigned i = 0; i < 2; i++) {
        const uint16_t code = codes[i];
        uint64_t unprivileged, child;

        assert_status(call_about(vmm->root, code, vmm->guest, 0), 0);
        assert_status(call_about(vmm->root, code, vmm->guest, 1), NO_VP);
        assert_status(call_about(vmm->root, code, vmm->guest, 0xFFFFFFFF), NO_VP);
        assert_status(call_about(vmm->root, code, vmm->guest, 0xFFFFFFFE), NO_VP);
        assert_status(call_about(vmm->root, code, vmm->guest + 1, 0), 0x0D);
        assert_status(call_about(vmm->guest, code, vmm->root, 0), DENIED);
        /* On itself with AccessVpRegisters, as the guest has it; 0xFFFF...: itself. */
        assert_status(call_about(vmm->guest, code, vmm->guest, 0), 0);
        assert_status(call_about(vmm->guest, code, 0xFFFFFFFFFFFFFFFF, 0), 0);
        assert_result(
            hvemu_add_guest(vmm->hv, vmm->root, ~((uint64_t)1 << 49), NULL, &unprivileged),
            HVEMU_OK);
        assert_status(call_about(unprivileged, code, unprivileged, 0), DENIED);
        assert_status(call_about(unprivileged, code, 0xFFFFFFFFFFFFFFFF, 0), DENIED);
        assert_status(fake_create(vmm, vmm->root, &child), 0);
        assert_status(call_about(vmm->root, code, child, 0), 0x07);
        fake_call_on(vmm, vmm->root, 0x43, child);
        fake_end(vmm, vmm->root, unprivileged);
    }
}

static uint16_t meanwhile;

static void try_again(struct fake_vmm *fake, const struct fake_event *event)
{
    (void)fake;
    if (event->op == FAKE_GPA_READ)
        meanwhile = call_about(vmm->root, 0x0052, vmm->guest, 0);
}

static void the_partition_is_locked_during_the_walk(void **state)
{
    uint64_t result, page;

    (void)state;
    build_page(&modes[LONG5], 0x00BCD067);
    meanwhile = 0;
    vmm->reenter = try_again;
    assert_status(call(READ, GVA >> 12, &result, &page), 0);
    vmm->reenter = NULL;
    assert_status(meanwhile, TIMEOUT);
    expect_page(READ, GVA, 0xBCD);
}

/* ---- The extended call, and the ways to make both ---- */

static void extended_call_puts_the_same_into_64_bytes(void **state)
{
    uint8_t in[32], out[72], want[72] = {0};

    (void)state;
    build_page(&modes[LONG5], FAKE_HYPERCALL_PAGE | 0x67);
    le64enc(in, vmm->guest);
    le64enc(in + 8, 0);
    le64enc(in + 16, READ);
    le64enc(in + 24, GVA >> 12);
    le64enc(want, WRITE_BACK | OVERLAID);
    le64enc(want + 48, FAKE_HYPERCALL_PAGE >> 12);
    memset(want + 64, 0xEE, 8);
    memset(out, 0xEE, sizeof out);
    assert_u64(hvemu_hypercall(vmm->hv, vmm->root, 0x00AC, in, 32, out, 64), 0);
    assert_memory_equal(out, want, sizeof out);

    /* Its padding must be zero, and without an access it is refused; nothing is put out. */
    memset(out, 0xEE, sizeof out);
    memset(want, 0xEE, sizeof want);
    for (unsigned bit = 32; bit < 64; bit++) {
        le64enc(in + 8, (uint64_t)1 << bit);
        assert_u64(hvemu_hypercall(vmm->hv, vmm->root, 0x00AC, in, 32, out, 64), BAD_PARAMETER);
    }
    le64enc(in + 8, 0);
    le64enc(in + 16, 0);
    assert_u64(hvemu_hypercall(vmm->hv, vmm->root, 0x00AC, in, 32, out, 64), BAD_PARAMETER);
    assert_memory_equal(out, want, sizeof out);
}

enum { LIST = 0x6000, OUT = 0x6800 };

static void put_list(uint64_t partition, uint64_t vp)
{
    le64enc(vmm->ram + LIST, partition);
    le64enc(vmm->ram + LIST + 8, vp);
    le64enc(vmm->ram + LIST + 16, READ);
    le64enc(vmm->ram + LIST + 24, GVA >> 12);
}

/* A guest about its own processor, which it may also call SELF. */
static void guests_make_both_calls_in_memory(void **state)
{
    static const uint16_t codes[] = {0x0052, 0x00AC};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const unsigned bytes = i ? 64 : 16;
        struct hvemu_x64_frame before = fake_frame64(codes[i], LIST, OUT), frame = before;
        uint8_t want[72] = {0};

        build_page(&modes[LONG5], 0x00BCD067);
        put_list(0xFFFFFFFFFFFFFFFF, 0xFFFFFFFE);
        memset(vmm->ram + OUT, 0xEE, sizeof want);
        fake_fail(vmm, FAKE_GPA_READ, 1 + 4, HVEMU_MEM_AGAIN); /* after the list, at the page */
        assert_action(hvemu_x64_hypercall(vmm->vp, &frame), HVEMU_REPEAT);
        assert_int_equal(vmm->ram[OUT], 0xEE);
        frame.changed = 0;
        assert_action(hvemu_x64_hypercall(vmm->vp, &frame), HVEMU_STEP);
        assert_only_changed(&before, &frame, HVEMU_X64_RAX);
        assert_u64(frame.rax, 0);
        le64enc(want, WRITE_BACK);
        le64enc(want + bytes - (i ? 16 : 8), 0xBCD);
        memset(want + bytes, 0xEE, sizeof want - bytes);
        assert_memory_equal(vmm->ram + OUT, want, sizeof want);

        put_list(vmm->guest, 1);
        memset(vmm->ram + OUT, 0xEE, sizeof want);
        memset(want, 0xEE, sizeof want);
        frame = before;
        assert_action(hvemu_x64_hypercall(vmm->vp, &frame), HVEMU_STEP);
        assert_u64(frame.rax, NO_VP);
        assert_memory_equal(vmm->ram + OUT, want, sizeof want);
    }
}

/* The parent, with input in RDX, R8, XMM0 and on, and output behind it. */
static void guests_make_both_calls_in_registers(void **state)
{
    struct hvemu_vp *parent;

    (void)state;
    assert_result(hvemu_vp_attach(vmm->hv, vmm->root, 0, NULL, &parent), HVEMU_OK);
    assert_action(hvemu_x64_wrmsr(parent, 0x40000000, 1), HVEMU_STEP);
    assert_action(hvemu_x64_wrmsr(parent, 0x40000001, 0x8000 | 1), HVEMU_STEP);
    build_page(&modes[LONG5], 0x00BCD067);
    for (unsigned i = 0; i < 2; i++) {
        struct hvemu_x64_frame before = fake_frame64(FAST | (i ? 0x00AC : 0x0052), vmm->guest, 0);
        struct hvemu_x64_frame frame;
        const unsigned page = i ? 4 : 1;

        before.xmm[0][0] = READ;
        before.xmm[0][1] = GVA >> 12;
        frame = before;
        assert_action(hvemu_x64_hypercall(parent, &frame), HVEMU_STEP);
        assert_only_changed(&before, &frame, HVEMU_X64_RAX | (i ? 0x1E00 : 0x200));
        assert_u64(frame.rax, 0);
        assert_u64(frame.xmm[1][0], WRITE_BACK);
        assert_u64(frame.xmm[page][i ? 0 : 1], 0xBCD);
        if (i) {
            assert_u64(frame.xmm[1][1] | frame.xmm[2][0] | frame.xmm[2][1], 0);
            assert_u64(frame.xmm[3][0] | frame.xmm[3][1] | frame.xmm[4][1], 0);
        }
        before.xmm[0][0] = 0;
        frame = before;
        assert_action(hvemu_x64_hypercall(parent, &frame), HVEMU_STEP);
        assert_only_changed(&before, &frame, HVEMU_X64_RAX);
        assert_u64(frame.rax, BAD_PARAMETER);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_vmm, close_vmm)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_paging_an_address_is_its_own),
        TEST(each_mode_finds_its_page_of_4_kib),
        TEST(each_entry_is_read_once),
        TEST(large_pages_keep_the_lower_part_of_the_address),
        TEST(page_size_bit_means_nothing_without_pse_and_in_the_lowest_table),
        TEST(root_table_is_where_the_mode_has_it),
        TEST(addresses_of_32_bit_modes_are_cut_to_32_bits),
        TEST(addresses_that_are_not_canonical_are_refused_unseen),
        TEST(entry_that_is_not_present_ends_the_walk),
        TEST(reserved_bits_of_each_entry_are_invalid_flags),
        TEST(no_execute_is_reserved_unless_it_is_enabled),
        TEST(physical_width_decides_which_address_bits_are_reserved),
        TEST(rights_of_all_levels_decide),
        TEST(a_missing_entry_wins_over_a_want_of_rights),
        TEST(access_is_judged_as_the_processor_would),
        TEST(table_that_cannot_be_read_is_named),
        TEST(memory_that_would_block_asks_for_a_repetition),
        TEST(failure_of_the_memory_op_fails_the_call),
        TEST(without_a_read_op_every_table_is_unmapped),
        TEST(table_beyond_the_gpa_space_is_unmapped_and_not_asked_for),
        TEST(page_beyond_the_gpa_space_is_unmapped),
        TEST(table_under_the_hypercall_page_is_an_illegal_access),
        TEST(page_under_the_hypercall_page_is_an_overlay_page),
        TEST(a_register_that_cannot_be_read_gives_its_status),
        TEST(without_a_register_op_no_address_can_be_translated),
        TEST(flags_that_are_reserved_or_not_served_are_refused),
        TEST(some_access_must_be_asked_for),
        TEST(trust_level_0_alone_is_served),
        TEST(flush_inhibit_is_set_by_every_call_that_succeeds),
        TEST(flush_inhibit_is_set_whatever_the_result_code),
        TEST(target_and_processor_are_judged),
        TEST(the_partition_is_locked_during_the_walk),
        TEST(extended_call_puts_the_same_into_64_bytes),
        TEST(guests_make_both_calls_in_memory),
        TEST(guests_make_both_calls_in_registers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
