/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Prints docs/hypercalls.md: every known call, with what is offered of it, or why not. All but
 * the reasons and the names of C functions comes from the library's own rows. Fails if a reason is
 * missing, or stands at a call that is offered. */

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "hvgdk/hvapi.h"
#include "hvgdk/hvemu.h"

struct row {
    uint16_t code;
    const char *name;
    int offered;
    unsigned in, in_each, out, out_each, form, target;
    const char *states, *privilege; /* as the row writes them */
};

/* Forms and targets as the rows write them; locks do not matter here. */
enum {
    SIMPLE = HVEMU_SIMPLE,
    REP = HVEMU_REP,
    VARIABLE = HVEMU_VARIABLE,
    NOBODY = HVEMU_NOBODY,
    PARENT = HVEMU_PARENT,
    SELF = HVEMU_SELF,
    ROOT = 4,
    PRIVILEGED = 8,
    VP = 0,
    LOCK = 0,
    LIFE = 0
};
#define POOL CREATE_PARTITIONS | ACCESS_MEMORY_POOL

#define TEXT(words) #words
static const struct row rows[] = {
#define HVEMU_CALL(code_, name_, handler_, in_, in_each_, out_, out_each_, form_, target_, \
                   states_, privilege_)                                                    \
    {.code = code_,                                                                        \
     .name = #name_,                                                                       \
     .offered = 1,                                                                         \
     .in = in_,                                                                            \
     .in_each = in_each_,                                                                  \
     .out = out_,                                                                          \
     .out_each = out_each_,                                                                \
     .form = form_,                                                                        \
     .target = target_,                                                                    \
     .states = #states_,                                                                   \
     .privilege = TEXT(privilege_)},
#define HVEMU_NAME(code_, name_) {.code = code_, .name = #name_},
#include "hypercalls.def"
};

enum { ROWS = sizeof rows / sizeof *rows };

static const char arm[] = "ARM64 alone";
static const char devices[] = "devices and the IOMMU are the VMM's";
static const char extended[] = "no extended calls here";
static const char intercepts[] = "CPUID results and intercepted instructions are the VMM's";
static const char interrupts[] = "interrupt controllers are the VMM's";
static const char isolation[] = "no isolated VMs here";
static const char machine[] = "the machine and its power are the VMM's";
static const char memory[] = "what lies behind guest memory is the VMM's";
static const char nothing[] = "no description is public";
static const char processors[] = "logical processors are the VMM's";
static const char saving[] = "saving and restoring a VM is the VMM's";
static const char scheduling[] = "scheduling is the VMM's";
static const char self[] = "no hypervisor here to log, debug or test";
static const char statistics[] = "no statistics are kept";
static const char synic[] = "messages, events and ports are the VMM's";
static const char tlb[] = "address translation and its caches are the VMM's";
static const char vtl[] = "no virtual trust levels here";

/* Of the codes from first to last: the function that makes the call, or why it is not offered. */
static const struct note {
    uint16_t first, last;
    const char *function, *why;
} notes[] = {
#define WHY(first, last, why)  \
    {                          \
        first, last, NULL, why \
    }
/* sizeof: only what hvapi.h declares. */
#define FUNCTION(code, name)                                \
    {                                                       \
        code, code, sizeof(&name) ? #name "()" : NULL, NULL \
    }
    WHY(0x0001, 0x0003, tlb),
    WHY(0x0004, 0x0005, processors),
    WHY(0x0006, 0x0006, nothing),
    WHY(0x0007, 0x0007, processors),
    WHY(0x0008, 0x0009, scheduling),
    WHY(0x000A, 0x000A, self),
    WHY(0x000B, 0x000B, interrupts),
    WHY(0x000C, 0x0012, vtl),
    WHY(0x0013, 0x0014, tlb),
    WHY(0x0015, 0x0015, interrupts),
    WHY(0x0016, 0x001A, nothing),
    WHY(0x001B, 0x001C, processors),
    WHY(0x001D, 0x001D, tlb),
    FUNCTION(0x0040, HvCreatePartition),
    FUNCTION(0x0041, HvInitializePartition),
    FUNCTION(0x0042, HvFinalizePartition),
    FUNCTION(0x0043, HvDeletePartition),
    FUNCTION(0x0044, HvGetPartitionProperty),
    FUNCTION(0x0045, HvSetPartitionProperty),
    FUNCTION(0x0046, HvGetPartitionId),
    FUNCTION(0x0047, HvGetNextChildPartition),
    FUNCTION(0x0048, HvDepositMemory),
    FUNCTION(0x0049, HvWithdrawMemory),
    FUNCTION(0x004A, HvGetMemoryBalance),
    FUNCTION(0x004B, HvMapGpaPages),
    FUNCTION(0x004C, HvUnmapGpaPages),
    FUNCTION(0x004D, HvInstallIntercept),
    FUNCTION(0x004E, HvCreateVp),
    FUNCTION(0x004F, HvDeleteVp),
    FUNCTION(0x0050, HvGetVpRegisters),
    FUNCTION(0x0051, HvSetVpRegisters),
    FUNCTION(0x0052, HvTranslateVirtualAddress),
    FUNCTION(0x0053, HvReadGpa),
    FUNCTION(0x0054, HvWriteGpa),
    FUNCTION(0x0056, HvClearVirtualInterrupt),
    WHY(0x0057, 0x005D, synic),
    WHY(0x005E, 0x005F, saving),
    WHY(0x0060, 0x006B, self),
    WHY(0x006C, 0x006D, statistics),
    FUNCTION(0x006E, HvMapSparseGpaPages),
    WHY(0x006F, 0x006F, machine),
    WHY(0x0070, 0x0070, synic),
    WHY(0x0071, 0x0075, self),
    WHY(0x0076, 0x007A, processors),
    WHY(0x007B, 0x007B, machine),
    WHY(0x007C, 0x0083, devices),
    WHY(0x0084, 0x0086, machine),
    WHY(0x0087, 0x0087, nothing),
    WHY(0x0088, 0x008A, processors),
    WHY(0x008B, 0x008B, synic),
    WHY(0x008C, 0x008C, processors),
    WHY(0x008D, 0x008D, memory),
    WHY(0x008E, 0x008E, self),
    WHY(0x008F, 0x008F, machine),
    WHY(0x0091, 0x0092, intercepts),
    WHY(0x0093, 0x0093, self),
    FUNCTION(0x0094, HvAssertVirtualInterrupt),
    WHY(0x0095, 0x0096, synic),
    WHY(0x0097, 0x0097, memory),
    WHY(0x0098, 0x0098, arm),
    WHY(0x009B, 0x009C, machine),
    WHY(0x009D, 0x00AB, devices),
    WHY(0x00AE, 0x00AE, memory),
    WHY(0x00AF, 0x00B0, tlb),
    WHY(0x00B1, 0x00B4, devices),
    WHY(0x00B5, 0x00BB, scheduling),
    WHY(0x00BC, 0x00BC, memory),
    WHY(0x00BD, 0x00BD, intercepts),
    WHY(0x00BE, 0x00BF, memory),
    WHY(0x00C0, 0x00C1, synic),
    WHY(0x00C2, 0x00C2, scheduling),
    WHY(0x00C3, 0x00C8, devices),
    WHY(0x00C9, 0x00CA, memory),
    WHY(0x00CB, 0x00CB, self),
    WHY(0x00CC, 0x00CD, vtl),
    WHY(0x00CE, 0x00D1, devices),
    WHY(0x00D2, 0x00D3, isolation),
    WHY(0x00D4, 0x00D4, vtl),
    WHY(0x00D5, 0x00D5, devices),
    WHY(0x00D6, 0x00D6, tlb),
    WHY(0x00D7, 0x00DB, isolation),
    WHY(0x00DC, 0x00DD, memory),
    WHY(0x00DE, 0x00DE, processors),
    WHY(0x00DF, 0x00DF, intercepts),
    WHY(0x00E0, 0x00E0, devices),
    WHY(0x00E1, 0x00E4, saving),
    WHY(0x00E5, 0x00E5, interrupts),
    WHY(0x00E6, 0x00E6, nothing),
    WHY(0x00E7, 0x00E9, self),
    WHY(0x00EA, 0x00ED, devices),
    WHY(0x00EE, 0x00EE, statistics),
    WHY(0x00EF, 0x00EF, isolation),
    WHY(0x00F0, 0x00F0, nothing),
    WHY(0x00F1, 0x00F2, isolation),
    WHY(0x00F3, 0x00F3, synic),
    WHY(0x00F4, 0x00F4, intercepts),
    WHY(0x00F5, 0x00F5, memory),
    WHY(0x00F6, 0x00F6, machine),
    WHY(0x00F7, 0x00F7, memory),
    WHY(0x00F8, 0x00F8, self),
    WHY(0x00F9, 0x00F9, isolation),
    WHY(0x00FA, 0x00FD, nothing),
    WHY(0x00FE, 0x00FE, self),
    WHY(0x00FF, 0x00FF, memory),
    WHY(0x0100, 0x0100, devices),
    WHY(0x0102, 0x0102, memory),
    WHY(0x0103, 0x0103, saving),
    WHY(0x0104, 0x0104, processors),
    WHY(0x0105, 0x0105, memory),
    WHY(0x0106, 0x0109, devices),
    WHY(0x010B, 0x010E, devices),
    WHY(0x010F, 0x010F, machine),
    WHY(0x0110, 0x0110, arm),
    WHY(0x0111, 0x0111, saving),
    WHY(0x0112, 0x0113, memory),
    WHY(0x0114, 0x0115, scheduling),
    WHY(0x0116, 0x0116, self),
    WHY(0x011C, 0x011C, isolation),
    WHY(0x011F, 0x011F, arm),
    WHY(0x0131, 0x0131, statistics),
    WHY(0x8001, 0x8006, extended),
    WHY(0xC001, 0xC001, isolation),
};

static const struct note *note_on(const struct row *row)
{
    static const struct note none;

    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        if (row->code >= notes[i].first && row->code <= notes[i].last)
            return &notes[i];
    return &none;
}

/* CREATE_PARTITIONS | ACCESS_MEMORY_POOL as CreatePartitions, AccessMemoryPool. */
static void print_names(const char *names)
{
    for (int upper = 1; *names; names++) {
        if (*names == '|')
            fputs(", ", stdout);
        else if (isalpha((unsigned char)*names))
            putchar(upper ? *names : tolower((unsigned char)*names));
        upper = !isalpha((unsigned char)*names);
    }
}

/* The sizes of a list: what it has once, and for each element. */
static void print_list(unsigned once, unsigned each, unsigned form)
{
    if (!once && !each)
        putchar('-');
    if (once)
        printf("%u", once);
    if (once && each)
        fputs(" + ", stdout);
    if (each)
        printf("%u each", each);
    if (form & HVEMU_VARIABLE)
        fputs(" + variable", stdout);
}

/* Whether n elements of a call fit into a page each way, or into the registers, where output begins
 * in whole 16 bytes behind input. */
static int fits(const struct row *row, unsigned n, int fast)
{
    const unsigned in = row->in + n * row->in_each, out = row->out + n * row->out_each;

    return fast ? (in + 15) / 16 * 16 + out <= 112 : in <= 4096 && out <= 4096;
}

static void print_way(const struct row *row, int fast)
{
    const unsigned limit = 0xFFF; /* the rep count has 12 bits */
    unsigned n = 0;

    while (n < limit && fits(row, n + 1, fast))
        n++;
    if (!n)
        return;
    fputs(fast ? ", fast" : "memory", stdout);
    if (row->form & REP)
        printf(" %u", n);
}

static void print_caller(const struct row *row)
{
    if (row->target == NOBODY)
        fputs("any | ", stdout);
    else
        printf("parent%s%s | ", row->target & ROOT ? " or root" : "",
               row->target & SELF ? " or self" : "");
    if (row->target & PRIVILEGED)
        fputs("CreatePartitions; self: ", stdout);
    print_names(row->privilege);
    fputs(" | ", stdout);
    if (row->target == NOBODY)
        putchar('-');
    else
        print_names(row->states);
}

/* All that is offered is offered since 0.1. */
static int print_offered(const struct row *row)
{
    const struct note *note = note_on(row);

    printf("| 0x%04X | %s | %s | %s | ", row->code, row->name,
           note->function ? note->function : "-", row->form & REP ? "rep" : "simple");
    print_list(row->in, row->in_each, row->form);
    fputs(" | ", stdout);
    print_list(row->out, row->out_each, 0);
    fputs(" | ", stdout);
    print_way(row, 0);
    print_way(row, 1);
    fputs(" | ", stdout);
    print_caller(row);
    puts(" | 0.1 |");
    return note->why == NULL;
}

static int print_other(const struct row *row)
{
    const struct note *note = note_on(row);

    printf("| 0x%04X | %s | %s |\n", row->code, row->name, note->why ? note->why : "?");
    return note->why != NULL;
}

static int print_table(int offered, int (*print)(const struct row *row))
{
    int good = 1;

    for (int i = 0; i < ROWS; i++)
        if (rows[i].offered == offered)
            good &= print(&rows[i]);
    return good;
}

int main(void)
{
    int good, offered = 0;

    for (int i = 0; i < ROWS; i++)
        offered += rows[i].offered;
    printf(
        "<!-- Printed by tools/call_table.c. To update: "
        "cmake --build --preset dev --target update_call_table -->\n\n"
        "# Hypercalls\n\n"
        "The %d call codes that are known, under their newest names in the TLFS, or where it has "
        "none, in\npublic headers. %d are offered. Any other code, known or not, is answered "
        "HV_STATUS_INVALID_HYPERCALL_CODE\n(0x0002), unless the VMM registers a call of its own "
        "there with `hvemu_register()`.\n\n"
        "## Offered\n\n"
        "Each natively (`hvemu_x64_hypercall()`, `hvemu_execute()`) and from C "
        "(`hvemu_hypercall()`), some also by\na function of `hvapi.h`. Sizes are in bytes. "
        "\"Natively\": with lists in memory, or fast, in registers; with\nthe largest rep count "
        "for which there is room. \"Caller\" and \"state\": what the caller is to the partition\n"
        "that the call is about, and the states in which that may be.\n\n"
        "| code | name | C function | form | input | output | natively | caller | privileges | "
        "state | since |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
        (int)ROWS, offered);
    good = print_table(1, print_offered);
    printf("\n## Known, not offered\n\n| code | name | because |\n|---|---|---|\n");
    good &= print_table(0, print_other);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
