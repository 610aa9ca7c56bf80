/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* What a root partition's driver does to run a guest, from the first deposited page to the last one
 * that comes back, and run against the test double: `root_client [SCRIPT]`, with the script's
 * faults. Whatever one call answers, at the end nothing may be left: a call that has to wait is
 * made again, a pool that is too small gets more, and after any other failure all is taken down. */

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/endian.h>

#include <hvgdk/hvemu.h>
#include <hvgdk/hvgdk.h>

#include "double.h"

enum {
    PAGES = 1536,    /* of the root's, that the client may use */
    RAM = 509,       /* pages of the guest: what fits one call's list */
    AT_ONCE = 64,    /* pages that a pool gets, or gives back, at a time */
    PATIENCE = 4000, /* calls that are made again, in all: an endless fault must have an end */
    ROUNDS = 8       /* of taking down */
};

struct client {
    struct hvdouble *d; /* stands in for the machine, which takes the interrupt */
    HV_PARTITION_ID root, guest;
    HV_GPA_PAGE_NUMBER pages[PAGES]; /* as lists are: little-endian; the first `free` not in use */
    unsigned free, patience;
    unsigned in_root, in_guest; /* pages in the two pools */
    HV_GPA_PAGE_NUMBER ram[RAM];
    unsigned ram_count;
};

static const HV_PROXIMITY_DOMAIN_INFO anywhere;

static unsigned *pool_of(struct client *client, HV_PARTITION_ID partition)
{
    return partition == client->root ? &client->in_root : &client->in_guest;
}

/* Gives a pool some pages: all of them, or what could be given is known. */
static HV_STATUS deposit(struct client *client, HV_PARTITION_ID partition)
{
    unsigned wanted = AT_ONCE;
    HV_STATUS status = HV_STATUS_SUCCESS;

    while (wanted && (status == HV_STATUS_SUCCESS || status == HV_STATUS_TIMEOUT)) {
        uint32_t count = wanted;

        if (client->free < wanted || !client->patience--)
            return HV_STATUS_INSUFFICIENT_MEMORY;
        status = HvDepositMemory(partition, &count, client->pages + client->free - wanted);
        /* What is in comes first in the list: what is not moves to its place. */
        memmove(client->pages + client->free - wanted,
                client->pages + client->free - wanted + count,
                (wanted - count) * sizeof *client->pages);
        client->free -= count;
        *pool_of(client, partition) += count;
        wanted -= count;
    }
    return status;
}

/* Whether a call that answered so is to be made again; the pool that pays for it may have got
 * more. */
static int again(struct client *client, HV_PARTITION_ID pool, HV_STATUS status)
{
    if (!client->patience)
        return 0;
    if (status == HV_STATUS_TIMEOUT)
        return client->patience-- > 0;
    return status == HV_STATUS_INSUFFICIENT_MEMORY && deposit(client, pool) == HV_STATUS_SUCCESS;
}

/* Makes a call until it has an answer that counts. */
#define SETTLE(client, pool, status, call) \
    do                                     \
        (status) = (call);                 \
    while (again(client, pool, status))

static HV_STATUS create(struct client *client)
{
    const uint64_t privileges = HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS | HV_PRIVILEGE_ACCESS_VP_INDEX;
    HV_STATUS status;

    SETTLE(client, client->root, status, HvCreatePartition(0, anywhere, &client->guest));
    if (status == HV_STATUS_SUCCESS)
        SETTLE(
            client, client->guest, status,
            HvSetPartitionProperty(client->guest, HvPartitionPropertyPrivilegeFlags, privileges));
    if (status == HV_STATUS_SUCCESS)
        SETTLE(client, client->guest, status, HvInitializePartition(client->guest));
    return status;
}

static HV_STATUS map_ram(struct client *client)
{
    const HV_MAP_GPA_FLAGS rights =
        HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE | HV_MAP_GPA_EXECUTABLE;
    HV_STATUS status = HV_STATUS_SUCCESS;
    uint32_t done = 0;

    client->ram_count = RAM;
    client->free -= RAM;
    memcpy(client->ram, client->pages + client->free, sizeof client->ram);
    while (done < RAM) {
        uint32_t count = RAM - done;

        status = HvMapGpaPages(client->guest, done, rights, &count, client->ram + done);
        done += count;
        if (status != HV_STATUS_SUCCESS && !again(client, client->guest, status))
            break;
    }
    return status;
}

static HV_STATUS unmap_ram(struct client *client)
{
    HV_STATUS status = HV_STATUS_SUCCESS;
    uint32_t done = 0;

    while (done < RAM) {
        uint32_t count = RAM - done;

        status = HvUnmapGpaPages(client->guest, done, &count);
        done += count;
        if (status != HV_STATUS_SUCCESS && !again(client, client->guest, status))
            break;
    }
    return status;
}

/* Tables that map the first 2 MiB where they are, in the guest's pages 1 to 3. */
static HV_STATUS write_tables(struct client *client)
{
    static const uint64_t entries[3] = {0x2003, 0x3003, 0x83};
    const HV_ACCESS_GPA_CONTROL_FLAGS flags = {.AsUINT64 = HvCacheTypeX64WriteBack};
    HV_ACCESS_GPA_RESULT result = {.AsUINT64 = 0};
    HV_STATUS status = HV_STATUS_SUCCESS;

    for (unsigned i = 0; i < 3 && status == HV_STATUS_SUCCESS; i++) {
        uint8_t bytes[8];

        for (unsigned b = 0; b < 8; b++)
            bytes[b] = (uint8_t)(entries[i] >> 8 * b);
        SETTLE(client, client->guest, status,
               HvWriteGpa(client->guest, 0, 0x1000 * (i + 1), sizeof bytes, flags, bytes, &result));
        if (status == HV_STATUS_SUCCESS && result.AsUINT64 != HvAccessGpaSuccess)
            status = HV_STATUS_OPERATION_FAILED;
    }
    return status;
}

/* Into 64-bit mode, running; then reads back where it will begin. */
static HV_STATUS set_registers(struct client *client)
{
    static const struct {
        HV_REGISTER_NAME name;
        uint64_t value;
    } registers[] = {
        {HvX64RegisterRip, 0x5000},     {HvX64RegisterRflags, 0x2},     {HvX64RegisterCr3, 0x1000},
        {HvX64RegisterCr4, 0x20},       {HvX64RegisterCr0, 0x80000011}, {HvX64RegisterEfer, 0x500},
        {HvRegisterExplicitSuspend, 0},
    };
    enum { COUNT = sizeof registers / sizeof *registers };
    HV_REGISTER_NAME names[COUNT];
    HV_REGISTER_VALUE values[COUNT] = {{.Reg64 = 0}}, rip = {.Reg64 = 0};
    HV_STATUS status;
    uint32_t done = 0, count;

    for (unsigned i = 0; i < COUNT; i++) {
        le32enc(&names[i], registers[i].name);
        le64enc(&values[i], registers[i].value);
    }
    do {
        count = COUNT - done;
        status = HvSetVpRegisters(client->guest, 0, &count, names + done, values + done);
        done += count;
    } while (again(client, client->guest, status));
    if (status != HV_STATUS_SUCCESS)
        return status;
    do {
        count = 1;
        status = HvGetVpRegisters(client->guest, 0, &count, names, &rip);
    } while (again(client, client->guest, status));
    return status == HV_STATUS_SUCCESS && rip.Reg64 != values[0].Reg64 ? HV_STATUS_OPERATION_FAILED
                                                                       : status;
}

static HV_STATUS translate(struct client *client)
{
    HV_TRANSLATE_GVA_RESULT result = {.AsUINT64 = 0};
    HV_GPA_PAGE_NUMBER page = 0;
    HV_STATUS status;

    SETTLE(client, client->guest, status,
           HvTranslateVirtualAddress(client->guest, 0, HV_TRANSLATE_GVA_VALIDATE_EXECUTE, 5,
                                     &result, &page));
    if (status == HV_STATUS_SUCCESS &&
        ((result.AsUINT64 & HV_TRANSLATE_GVA_RESULT_CODE_MASK) != HvTranslateGvaSuccess ||
         page != 5))
        status = HV_STATUS_OPERATION_FAILED;
    return status;
}

static HV_STATUS create_vps(struct client *client)
{
    const HV_INTERCEPT_DESCRIPTOR cpuid = {.Type = HvInterceptTypeX64Cpuid,
                                           .Parameters = {.CpuidIndex = 1}};
    HV_STATUS status = HV_STATUS_SUCCESS;

    for (HV_VP_INDEX i = 0; i < 2 && status == HV_STATUS_SUCCESS; i++)
        SETTLE(client, client->guest, status, HvCreateVp(client->guest, anywhere, i, 0));
    if (status == HV_STATUS_SUCCESS)
        SETTLE(client, client->guest, status,
               HvInstallIntercept(client->guest, HV_INTERCEPT_ACCESS_MASK_EXECUTE, &cpuid));
    return status;
}

/* The handshake: asserted, not taken yet, taken, cleared. */
static HV_STATUS interrupt(struct client *client)
{
    const HV_INTERRUPT_CONTROL ext_int = {.AsUINT64 = HvX64InterruptTypeExtInt};
    uint8_t vector = 0;
    HV_STATUS status;

    SETTLE(client, client->guest, status,
           HvAssertVirtualInterrupt(client->guest, ext_int, 0, 0x30));
    if (status != HV_STATUS_SUCCESS)
        return status;
    SETTLE(client, client->guest, status, HvClearVirtualInterrupt(client->guest));
    if (status != HV_STATUS_NOT_ACKNOWLEDGED)
        return status == HV_STATUS_SUCCESS ? HV_STATUS_OPERATION_FAILED : status;
    if (hvdouble_take_interrupt(client->d, client->guest, &vector) != HVEMU_OK || vector != 0x30)
        return HV_STATUS_OPERATION_FAILED;
    SETTLE(client, client->guest, status, HvClearVirtualInterrupt(client->guest));
    return status;
}

/* Takes back what was deposited, which is known; fewer, if some of it is in use. */
static void withdraw(struct client *client, HV_PARTITION_ID partition)
{
    unsigned *pool = pool_of(client, partition);
    HV_STATUS status = HV_STATUS_SUCCESS;

    while (status == HV_STATUS_SUCCESS || (status == HV_STATUS_TIMEOUT && client->patience--)) {
        uint32_t count = AT_ONCE;

        status = HvWithdrawMemory(partition, anywhere, &count, client->pages + client->free);
        client->free += count;
        *pool -= count;
    }
}

/* Each step is tried again with the next round, also when it was refused for no reason. 1: nothing
 * is left. */
static int take_down(struct client *client)
{
    for (int round = 0; round < ROUNDS && client->guest; round++) {
        HV_STATUS status;

        SETTLE(client, client->guest, status, HvFinalizePartition(client->guest));
        withdraw(client, client->guest);
        SETTLE(client, client->guest, status, HvDeletePartition(client->guest));
        if (status == HV_STATUS_SUCCESS)
            client->guest = HV_PARTITION_ID_INVALID;
    }
    if (!client->guest) {
        memcpy(client->pages + client->free, client->ram, client->ram_count * sizeof *client->ram);
        client->free += client->ram_count;
        client->ram_count = 0;
    }
    for (int round = 0; round < ROUNDS && client->in_root; round++)
        withdraw(client, client->root);
    return !client->guest && !client->in_root && client->free == PAGES;
}

/* The whole life of a guest. The status is the first one that nothing could be done about. */
static HV_STATUS run(struct client *client)
{
    HV_STATUS(*const steps[])
    (struct client *) = {
        create, map_ram, create_vps, write_tables, set_registers, translate, interrupt, unmap_ram,
    };
    HV_STATUS status = HV_STATUS_SUCCESS;

    for (unsigned i = 0; i < sizeof steps / sizeof *steps && status == HV_STATUS_SUCCESS; i++)
        status = steps[i](client);
    for (HV_VP_INDEX i = 2; i-- && status == HV_STATUS_SUCCESS;)
        SETTLE(client, client->guest, status, HvDeleteVp(client->guest, i));
    return status;
}

static struct client make_client(struct hvdouble *d)
{
    struct client client = {.d = d, .free = PAGES, .patience = PATIENCE};

    client.root = hvemu_root(hvdouble_hypervisor(d));
    for (unsigned i = 0; i < PAGES; i++)
        le64enc(&client.pages[i], PAGES - 1 - i);
    hvdouble_attach(d, client.root);
    return client;
}

int main(int argc, char **argv)
{
    struct hvdouble *d = hvdouble_new(NULL);
    struct client client;
    char error[256];
    HV_STATUS status;
    int gone;

    if (!d)
        errx(1, "out of memory");
    if (argc > 1 && hvdouble_load(d, argv[1], error, sizeof error) != 0)
        errx(1, "%s", error);
    hvdouble_log(d, stdout);
    client = make_client(d);
    status = run(&client);
    printf("The guest's life: %s\n", hvemu_status_name(status));
    gone = take_down(&client);
    printf("%s, the double counts %u things left\n",
           gone ? "All was given back" : "Something is lost", hvdouble_leaks(d, stdout));
    hvdouble_attach(NULL, 0);
    hvdouble_free(d);
    return gone && status == HV_STATUS_SUCCESS ? 0 : 1;
}
