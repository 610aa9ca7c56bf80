/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The test double, and the example client against it: in a world where nothing fails, in one for
 * each call that may fail, and in one for each op that may. Whatever happens, nothing may be lost
 * or half made. */

#include "walk.h"

#define main example_main
#include "../../examples/root_client.c"
#undef main

#include <stdlib.h>
#include <unistd.h>

/* No larger than the client needs, as there will be thousands. */
static const struct hvemu_config config = {
    .size = sizeof config,
    .partitions = 4,
    .vps = 4,
    .pages = 640,
    .privileges = HV_PRIVILEGE_ALL,
};
static const struct hvdouble_options options = {.memory_pages = PAGES, .config = &config};

static struct hvdouble *make_double(void)
{
    struct hvdouble *d = hvdouble_new(&options);

    assert_non_null(d);
    return d;
}

static void load(struct hvdouble *d, const char *text)
{
    char error[256] = "";

    if (hvdouble_load_text(d, "f", text, error, sizeof error) != 0)
        fail_msg("%s", error);
}

/* A life of the client with these faults. Returns how it went, and how many of them came to
 * pass. */
static HV_STATUS live(const char *faults, uint64_t *came)
{
    struct hvdouble *d = make_double();
    struct hvemu *hv = hvdouble_hypervisor(d);
    struct client client;
    HV_PARTITION_ID guest;
    HV_STATUS status;
    int gone;

    load(d, faults);
    client = make_client(d);
    status = run(&client);
    guest = client.guest;
    assert_u64(walk(hv), hvdouble_balance(d).mapped);
    gone = take_down(&client);
    *came = hvdouble_faults(d);
    if (!gone || hvdouble_leaks(d, stderr))
        fail_msg("%s%s: lost", faults, hvemu_status_name(status));
    walk_empty(hv);
    assert_u64(hvemu_partition_state(hv, guest), 0);
    assert_u64(hvdouble_balance(d).frames, PAGES);
    hvdouble_free(d);
    return status;
}

static void a_client_ends_with_every_page_back_and_every_id_dead(void **state)
{
    uint64_t came;

    (void)state;
    assert_status(live("", &came), 0);
    assert_u64(came, 0);
}

static unsigned lives, survived;

/* Lives with the format's fault at its first, second, ... turn, until it does not come to pass; of
 * lists of hundreds, where a turn is like the next one, perhaps only each stride-th. Returns the
 * last turn at which it did. */
static unsigned at_each_turn(const char *format, unsigned what, unsigned stride, int must_succeed)
{
    uint64_t came = 1;
    unsigned turn = 0, last = 0;

    while (came) {
        char text[128];
        HV_STATUS status;

        last = turn;
        turn += turn < 100 ? 1 : stride;
        snprintf(text, sizeof text, format, what, turn);
        status = live(text, &came);
        lives++;
        survived += status == HV_STATUS_SUCCESS;
        if (must_succeed && status != HV_STATUS_SUCCESS)
            fail_msg("%s%s", text, hvemu_status_name(status));
        if (!came)
            assert_status(status, 0);
    }
    return last;
}

static void whichever_call_fails_nothing_is_lost(void **state)
{
    static const uint16_t statuses[] = {0x78, 0x0B, 0x06, 0x1D, 0x05, 0x07, 0x08, 0x0D, 0x14, 0x71};

    (void)state;
    lives = survived = 0;
    for (unsigned i = 0; i < sizeof statuses / sizeof *statuses; i++)
        assert_true(at_each_turn("fault status=0x%x nth=0x%x\n", statuses[i], 1,
                                 statuses[i] == 0x78) >= 55);
    print_message("%u lives, of which %u went on to their end\n", lives, survived);
}

static void whichever_op_fails_nothing_is_lost(void **state)
{
    static const struct {
        const char *op;
        unsigned answers[3]; /* the first: wait */
        unsigned calls;      /* at least */
    } ops[] = {
        {"gpa_read", {2, 1, 3}, 3},        {"gpa_write", {2, 1, 3}, 3},
        {"partition", {0x78, 8, 0x1D}, 5}, {"vp", {0x78, 8, 0x1D}, 4},
        {"vp_get", {0x78, 5, 6}, 7},       {"vp_set", {0x78, 5, 0x50}, 6},
        {"map", {0x78, 8, 0x19}, 1000},    {"pool", {0x78, 8, 0x19}, 800},
        {"property", {0x78, 8, 0x1D}, 1},
    };

    (void)state;
    lives = survived = 0;
    for (unsigned i = 0; i < sizeof ops / sizeof *ops; i++)
        for (unsigned a = 0; a < 3; a++) {
            char format[128];
            unsigned turns;

            snprintf(format, sizeof format, "fault op=%s answer=0x%%x nth=0x%%x\n", ops[i].op);
            turns = at_each_turn(format, ops[i].answers[a], a == 1 ? 1 : 17, a == 0);
            if (turns < ops[i].calls)
                fail_msg("%s: %u calls", ops[i].op, turns);
        }
    print_message("%u lives, of which %u went on to their end\n", lives, survived);
}

/* The second fault meets a client that is taking all down because of the first. */
static void two_faults_one_after_the_other_lose_nothing(void **state)
{
    static const unsigned statuses[] = {0x06, 0x1D, 0x78};
    uint64_t came;

    (void)state;
    lives = survived = 0;
    for (unsigned turn = 1; turn <= 60; turn++)
        for (unsigned after = 1; after <= 8; after++)
            for (unsigned i = 0; i < 3; i++) {
                char text[128];

                snprintf(text, sizeof text,
                         "fault status=0x6 nth=0x%x\nfault status=0x%x nth=0x%x\n", turn,
                         statuses[i], turn + after);
                survived += live(text, &came) == HV_STATUS_SUCCESS;
                lives++;
            }
    for (unsigned turn = 1; turn <= 6; turn++) { /* of a guest that still has its memory */
        char text[128];

        snprintf(text, sizeof text,
                 "fault code=0x4c status=0x6\nfault op=partition answer=0x8 nth=0x%x\n", turn);
        assert_status(live(text, &came), turn == 1 || turn == 2 ? 0x8 : 0x6);
        lives++;
    }
    print_message("%u lives, of which %u went on to their end\n", lives, survived);
}

static void however_little_is_done_at_a_time_the_client_comes_to_its_end(void **state)
{
    static const unsigned limits[] = {1, 7, 13, 63, 64, 65};

    (void)state;
    for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++) {
        char text[64];
        uint64_t came;

        snprintf(text, sizeof text, "fault limit=0x%x\n", limits[i]);
        assert_status(live(text, &came), 0);
        assert_true(came >= 55);
    }
}

/* ---- Faults ---- */

static struct hvdouble *d;
static uint64_t root;

static int setup(void **state)
{
    (void)state;
    d = make_double();
    root = hvemu_root(hvdouble_hypervisor(d));
    hvdouble_attach(d, root);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hvdouble_attach(NULL, 0);
    hvdouble_free(d);
    return 0;
}

static void deposit_pages(HV_PARTITION_ID partition, uint32_t count, uint64_t from)
{
    uint64_t list[64];

    for (uint32_t done = 0; done < count; done += 64) {
        uint32_t now = 64;
        for (unsigned i = 0; i < 64; i++)
            list[i] = LE64(from + done + i);
        assert_status(HvDepositMemory(partition, &now, list), 0);
    }
}

/* An active partition with VP 0 and 448 deposited pages. */
static HV_PARTITION_ID make_child(uint64_t pages_from)
{
    HV_PARTITION_ID child;

    deposit_pages(root, 64, pages_from);
    assert_status(HvCreatePartition(0, anywhere, &child), 0);
    deposit_pages(child, 448, pages_from + 64);
    assert_status(HvInitializePartition(child), 0);
    assert_status(HvCreateVp(child, anywhere, 0, 0), 0);
    return child;
}

static void a_fault_comes_at_its_turn_and_in_its_state(void **state)
{
    HV_PARTITION_ID child;
    uint64_t value;

    (void)state;
    child = make_child(512);
    load(d, "fault code=0x44 status=0x71 nth=0x2\nfault code=0x56 state=finalizing status=0x8\n"
            "fault code=0x56 state=active status=0x7 nth=0x1\n");
    assert_status(HvGetPartitionProperty(child, 0x20003, &value), 0);
    assert_u64(value, 100);
    assert_status(HvGetPartitionProperty(child, 0x20003, &value), 0x71);
    assert_status(HvGetPartitionProperty(child, 0x20003, &value), 0);
    assert_status(HvClearVirtualInterrupt(child), 0x7);
    assert_status(HvClearVirtualInterrupt(child), 0x14);
    assert_u64(hvdouble_faults(d), 2);
    hvdouble_mend(d);
    load(d, "fault status=0x6\n");
    assert_status(HvGetPartitionProperty(child, 0x20003, &value), 0x6);
    hvdouble_mend(d);
    assert_status(HvGetPartitionProperty(child, 0x20003, &value), 0);
}

static void an_inaccessible_page_is_nobodys(void **state)
{
    const HV_ACCESS_GPA_CONTROL_FLAGS flags = {.AsUINT64 = 6};
    HV_ACCESS_GPA_RESULT result;
    const uint64_t pages[2] = {LE64(0), LE64(1)};
    uint8_t data[16];
    HV_PARTITION_ID child;
    uint32_t count = 2;

    (void)state;
    child = make_child(512);
    assert_status(HvMapGpaPages(child, 0x10, 0xF, &count, pages), 0);
    load(d, "fault page=0x1 of=0x1\nfault page=0x10 of=0x2\n");
    assert_status(HvReadGpa(child, 0, 0x10000, 8, flags, &result, data), 0);
    assert_u64(result.AsUINT64, 1);
    assert_status(HvReadGpa(child, 0, 0x11000, 8, flags, &result, data), 0);
    assert_u64(result.AsUINT64, 1);
    count = 2;
    assert_status(HvMapGpaPages(child, 0x20, 0xF, &count, pages), 0x8);
    assert_u64(count, 1);
    assert_int_equal(hvdouble_read(d, root, 0x1000, data, 8), HVEMU_MEM_NONE);
    assert_int_equal(hvdouble_read(d, root, 0x0000, data, 8), HVEMU_MEM_OK);
}

static void a_faulty_script_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text, *error;
    } faulty[] = {
        {"falt status=0x1\n", "f:1: unknown keyword 'falt'"},
        {"vector name=v\n", "f:1: unknown keyword 'vector'"},
        {"\nfault\n", "f:2: a fault is a status, a limit, an op or a page"},
        {"fault code=0x4b\n", "f:1: a fault is a status, a limit, an op or a page"},
        {"fault status=0x8 op=map answer=0x1\n", "f:1: op does not go with status"},
        {"fault status=0x8 limit=0x1\n", "f:1: limit does not go with status"},
        {"fault op=map\n", "f:1: op needs answer"},
        {"fault page=0x1\n", "f:1: page needs of"},
        {"fault op=mop answer=0x1\n", "f:1: op: 'mop' is none of: gpa_read gpa_writable gpa_write "
                                      "overlay interrupt partition vp "
                                      "vp_get vp_set map pool property"},
        {"fault status=0x0\n", "f:1: status, limit, answer and nth begin at 0x1"},
        {"fault status=0x1 nth=0x0\n", "f:1: status, limit, answer and nth begin at 0x1"},
        {"fault status=0x10000\n", "f:1: status: 0x10000 is more than 0xffff"},
        {"fault status=8\n", "f:1: status: '8' is no number: 0x and 1 to 16 digits, a to f small"},
        {"fault status=0x1 state=deleted\n",
         "f:1: state: 'deleted' is none of: uninitialized active finalizing finalized"},
        {"fault status=0x1 status=0x2\n", "f:1: 'status' twice"},
        {"fault status=0x1\ncall from=0x1 control=0x46\n", "f:3: the call of line 2 has no result"},
        {"call from=0x1 control=0x46\nfault status=0x1\n", "f:2: the call of line 1 has no result"},
        {"call from=0x1 control=0x46 in=@root\n", "f:1: '@root': a script has no names, but IDs"},
        {"result value=0x0\n", "f:1: result without a call"},
        {"take of=0x2\n", "f:1: this is for hvdouble_replay(), not for loading"},
        {"mend\n", "f:1: this is for hvdouble_replay(), not for loading"},
        {"mend nth=0x1\n", "f:1: mend knows no 'nth'"},
    };
    char error[256];

    (void)state;
    for (unsigned i = 0; i < sizeof faulty / sizeof *faulty; i++) {
        assert_int_equal(hvdouble_load_text(d, "f", faulty[i].text, error, sizeof error), -1);
        assert_string_equal(error, faulty[i].error);
    }
    assert_int_equal(hvdouble_load(d, "/nonexistent/f", error, sizeof error), -1);
    assert_string_equal(error, "/nonexistent/f:0: cannot be read");
    assert_status(HvDeletePartition(7), 0xD); /* and none of them is in force */
    assert_u64(hvdouble_faults(d), 0);
}

/* ---- The machine ---- */

static void what_is_deposited_is_out_of_reach_and_comes_back_zeroed(void **state)
{
    uint64_t page = LE64(5), zero[2] = {1, 1};
    uint32_t count = 1;
    HV_PARTITION_ID child;

    (void)state;
    child = make_child(512);
    assert_int_equal(hvdouble_write(d, root, 0x5FF8, "secrets", 8), HVEMU_MEM_OK);
    assert_status(HvDepositMemory(child, &count, &page), 0);
    assert_int_equal(hvdouble_read(d, root, 0x5FF8, zero, 8), HVEMU_MEM_NONE);
    assert_int_equal(hvdouble_write(d, root, 0x5FF8, zero, 8), HVEMU_MEM_NONE);
    count = 1;
    assert_status(HvMapGpaPages(child, 0, 0xF, &count, &page), 0x8); /* is deposited */
    count = 1;
    assert_status(HvDepositMemory(child, &count, &page), 0x8);
    count = 1;
    assert_status(HvWithdrawMemory(child, anywhere, &count, &page), 0);
    assert_u64(page, LE64(5));
    assert_int_equal(hvdouble_read(d, root, 0x5FF8, zero, 8), HVEMU_MEM_OK);
    assert_u64(zero[0], 0);
    count = 1;
    assert_status(HvMapGpaPages(child, 0, 0xF, &count, &page), 0);
    count = 1;
    assert_status(HvDepositMemory(child, &count, &page), 0x8); /* the child reaches it */
}

static void rights_are_those_of_all_on_the_way(void **state)
{
    const uint64_t pages[2] = {LE64(3), LE64(4)};
    uint8_t byte = 0x77;
    uint32_t count = 2;
    HV_PARTITION_ID child;

    (void)state;
    child = make_child(512);
    assert_status(HvMapGpaPages(child, 0, 0x1, &count, pages), 0);
    assert_int_equal(hvdouble_write(d, child, 0, &byte, 1), HVEMU_MEM_DENIED);
    assert_int_equal(hvdouble_write(d, root, 0x3000, &byte, 1), HVEMU_MEM_OK);
    byte = 0;
    assert_int_equal(hvdouble_read(d, child, 0, &byte, 1), HVEMU_MEM_OK);
    assert_int_equal(byte, 0x77);
    count = 1;
    assert_status(HvMapGpaPages(root, 3, 0x0, &count, pages), 0);
    assert_int_equal(hvdouble_read(d, child, 0, &byte, 1), HVEMU_MEM_DENIED);
    assert_u64(hvdouble_balance(d).restricted, 1);
    assert_int_equal(hvdouble_read(d, child, 0x2000, &byte, 1), HVEMU_MEM_NONE);
    assert_int_equal(hvdouble_read(d, child, 0x1FFF, &byte, 2), HVEMU_MEM_NONE);
    assert_int_equal(hvdouble_read(d, 99, 0, &byte, 1), HVEMU_MEM_NONE);
}

static void the_hypercall_page_lies_over_memory(void **state)
{
    static const uint8_t code[] = {0x0F, 0x01, 0xC1, 0xC3}, zero[4];
    const uint64_t pages[2] = {LE64(3), LE64(4)};
    uint32_t count = 2;
    uint8_t bytes[8];
    struct hvemu_vp *vp;
    HV_PARTITION_ID child;

    (void)state;
    child = make_child(512);
    vp = hvdouble_vp(d, child, 0);
    assert_status(HvMapGpaPages(child, 0x10, 0xF, &count, pages), 0);
    assert_int_equal(hvdouble_write(d, child, 0x10000, "beneath", 8), HVEMU_MEM_OK);
    assert_action(hvemu_x64_wrmsr(vp, HV_X64_MSR_GUEST_OS_ID, 1), HVEMU_STEP);
    assert_action(hvemu_x64_wrmsr(vp, HV_X64_MSR_HYPERCALL, 0x10001), HVEMU_STEP);
    assert_int_equal(hvdouble_read(d, child, 0x10000, bytes, 8), HVEMU_MEM_OK);
    assert_memory_equal(bytes, code, 4);
    assert_memory_equal(bytes + 4, zero, 4);
    assert_int_equal(hvdouble_read(d, child, 0x10002, bytes, 2), HVEMU_MEM_OK);
    assert_memory_equal(bytes, code + 2, 2);
    assert_int_equal(hvdouble_read(d, child, 0x10FFC, bytes, 4), HVEMU_MEM_OK);
    assert_memory_equal(bytes, zero, 4);
    assert_int_equal(hvdouble_write(d, child, 0x10010, "x", 1), HVEMU_MEM_DENIED);
    assert_int_equal(hvdouble_write(d, child, 0x11000, "x", 1), HVEMU_MEM_OK); /* beside it */
    assert_int_equal(hvdouble_read(d, root, 0x3000, bytes, 8), HVEMU_MEM_OK);
    assert_string_equal((char *)bytes, "beneath");
    assert_action(hvemu_x64_wrmsr(vp, HV_X64_MSR_HYPERCALL, 0), HVEMU_STEP);
    assert_int_equal(hvdouble_read(d, child, 0x10000, bytes, 8), HVEMU_MEM_OK);
    assert_string_equal((char *)bytes, "beneath");
    assert_int_equal(hvdouble_write(d, child, 0x10010, "x", 1), HVEMU_MEM_OK);
}

static void a_processor_begins_as_after_a_reset_and_takes_its_interrupt(void **state)
{
    static const HV_REGISTER_NAME names[] = {LE32(0x20010), LE32(0x20011), LE32(0x40000),
                                             LE32(0x60001), LE32(0x8000C), LE32(0x0)};
    const HV_INTERRUPT_CONTROL ext_int = {.AsUINT64 = 7};
    HV_REGISTER_VALUE values[6];
    const HV_REGISTER_VALUE wide = {.AsUINT64 = {LE64(1), LE64(1)}};
    uint32_t count = 6;
    uint8_t vector = 0;
    HV_PARTITION_ID child;

    (void)state;
    child = make_child(512);
    assert_status(HvGetVpRegisters(child, 0, &count, names, values), 0);
    assert_u64(values[0].Reg64, LE64(0xFFF0));
    assert_u64(values[1].Reg64, LE64(0x2));
    assert_u64(values[2].Reg64, LE64(0x60000010));
    assert_u64(values[3].AsUINT64[0], LE64(0xFFFF0000));
    assert_u64(values[3].AsUINT64[1], LE64(0x009BF0000000FFFF));
    assert_u64(values[4].Reg64, 0);
    assert_u64(values[5].Reg64, LE64(1));
    count = 1;
    assert_status(HvSetVpRegisters(child, 0, &count, &names[0], &wide), 0x50);
    count = 1;
    assert_status(HvSetVpRegisters(child, 0, &count, &names[4], &values[4]), 0x5);
    assert_result(hvdouble_take_interrupt(d, child, &vector), HVEMU_E_NOTHING);
    assert_status(HvAssertVirtualInterrupt(child, ext_int, 0, 0x31), 0);
    assert_result(hvdouble_take_interrupt(d, child, &vector), HVEMU_OK);
    assert_u64(vector, 0x31);
    assert_result(hvdouble_take_interrupt(d, 99, &vector), HVEMU_E_VP);
}

static void leaks_are_told_one_by_one(void **state)
{
    char text[1024] = "";
    FILE *to = fmemopen(text, sizeof text, "w");
    const uint64_t pages[3] = {LE64(3), LE64(4), LE64(9)};
    uint32_t count = 3;

    (void)state;
    assert_non_null(to);
    assert_u64(hvdouble_leaks(d, NULL), 0);
    count = 3;
    assert_status(HvMapGpaPages(make_child(512), 0x100, 0xF, &count, pages), 0);
    assert_u64(hvdouble_leaks(d, to), 1 + 1 + 3 + 512);
    fclose(to);
    assert_string_equal(text, "0x2: is a partition of 0x1\n0x2: has VP 0x0\n"
                              "0x2: has mapped page 0x100 to 0x102\n"
                              "0x1: has deposited page 0x200 to 0x23f in the pool of 0x1\n"
                              "0x1: has deposited page 0x240 to 0x3ff in the pool of 0x2\n");
}

/* ---- Log and recordings ---- */

static char *logged;

static void keep_line(void *arg, const char *line)
{
    (void)arg;
    free(logged);
    logged = strdup(line);
}

static void each_call_is_one_line_of_the_log(void **state)
{
    HV_PARTITION_ID id;

    (void)state;
    hvdouble_log_to(d, keep_line, NULL);
    assert_status(HvGetPartitionId(&id), 0);
    assert_string_equal(logged, "0x1: HvCallGetPartitionId (0x0046): HV_STATUS_SUCCESS");
    assert_status(HvDeletePartition(7), 0xD);
    assert_string_equal(logged, "0x1: HvCallDeletePartition (0x0043) on 0x7: "
                                "HV_STATUS_INVALID_PARTITION_ID");
    deposit_pages(root, 64, 512);
    assert_string_equal(
        logged, "0x1: HvCallDepositMemory (0x0048) on 0x1: HV_STATUS_SUCCESS, 64 of 64 done");
    assert_status(hvdouble_hypercall(d, root, 0x1, NULL, 0, NULL, 0), 0x2);
    assert_string_equal(
        logged, "0x1: HvCallSwitchVirtualAddressSpace (0x0001): HV_STATUS_INVALID_HYPERCALL_CODE");
    hvdouble_log(d, NULL);
    free(logged);
    logged = NULL;
}

static void the_log_names_the_fault_that_made_a_status(void **state)
{
    const uint64_t pages[4] = {LE64(0), LE64(1), LE64(2), LE64(3)};
    HV_PARTITION_ID child;
    uint32_t count = 4;
    uint64_t value;

    (void)state;
    child = make_child(512);
    hvdouble_log_to(d, keep_line, NULL);
    load(d, "fault code=0x44 status=0x7777 nth=0x1\n\nfault code=0x4b limit=0x2\n"
            "fault op=map answer=0x19 nth=0x4\nfault page=0x3 of=0x1\n");
    assert_status(HvGetPartitionProperty(child, 0x20003, &value), 0x7777);
    assert_string_equal(logged, "0x1: HvCallGetPartitionProperty (0x0044) on 0x2: "
                                "HV_STATUS_(unknown) 0x7777 [fault f:1]");
    assert_status(HvGetPartitionProperty(child, 0x20003, &value), 0);
    assert_string_equal(logged,
                        "0x1: HvCallGetPartitionProperty (0x0044) on 0x2: HV_STATUS_SUCCESS");
    assert_status(HvMapGpaPages(child, 0, 0xF, &count, pages), 0x78);
    assert_string_equal(logged, "0x1: HvCallMapGpaPages (0x004B) on 0x2: HV_STATUS_TIMEOUT, "
                                "2 of 4 done [fault f:3]");
    count = 2;
    assert_status(HvMapGpaPages(child, 0, 0xF, &count, pages), 0x19);
    assert_true(strstr(logged, ", 1 of 2 done [fault f:4]") != NULL);
    count = 1; /* the limit is counted, and made nothing */
    assert_status(HvMapGpaPages(child, 0, 0x2, &count, pages), 0x5);
    assert_true(strstr(logged, "HV_STATUS_INVALID_PARAMETER, 0 of 1 done") != NULL);
    assert_null(strstr(logged, "fault"));
    count = 1;
    assert_status(HvMapGpaPages(child, 3, 0xF, &count, pages + 3), 0x8);
    assert_true(strstr(logged, "HV_STATUS_OPERATION_DENIED, 0 of 1 done [fault f:5]") != NULL);
    assert_status(HvDeletePartition(99), 0xD);
    assert_null(strstr(logged, "fault"));
    hvdouble_log(d, NULL);
    free(logged);
    logged = NULL;
}

/* The client's life with these faults, recorded in a file that is open. */
static FILE *record(char path[32], const char *faults)
{
    struct client client;
    FILE *file;

    snprintf(path, 32, "recording-XXXXXX");
    file = fdopen(mkstemp(path), "w+");
    assert_non_null(file);
    hvdouble_record(d, file);
    load(d, faults);
    client = make_client(d);
    (void)run(&client);
    assert_int_equal(hvdouble_write(d, root, 0x5FF000, "word\0\0\0\0abc", 11), HVEMU_MEM_OK);
    (void)take_down(&client);
    hvdouble_record(d, NULL);
    fflush(file);
    return file;
}

static void a_recording_can_be_done_again_and_shows_what_differs(void **state)
{
    static const struct hvdouble_options small = {.memory_pages = 256};
    char path[32], text[256] = "", want[128];
    FILE *file = record(path, "fault code=0x4e status=0x78 nth=0x1\nfault op=map answer=0x8 "
                              "nth=0x5\n");
    unsigned lines = 0;
    int c;

    (void)state;
    assert_u64(hvdouble_faults(d), 1);
    assert_int_equal(hvdouble_replay(&options, path, text, sizeof text), 0);
    assert_int_equal(hvdouble_replay(&small, path, text, sizeof text), 1);
    rewind(file);
    while ((c = getc(file)) != EOF)
        lines += c == '\n';
    fprintf(file, "call from=0x1 control=0x46 out=0x8\nresult value=0x0 out=8:0x2\n");
    fflush(file);
    assert_int_equal(hvdouble_replay(&options, path, text, sizeof text), 1);
    snprintf(want, sizeof want, "%s:%u: byte 0x0 of the output is 0x1, recorded 0x2", path,
             lines + 2);
    assert_string_equal(text, want);
    fprintf(file, "nonsense\n");
    fclose(file);
    assert_int_equal(hvdouble_replay(&options, path, text, sizeof text), -1);
    snprintf(want, sizeof want, "%s:%u: unknown keyword 'nonsense'", path, lines + 3);
    assert_string_equal(text, want);
    unlink(path);
}

static void a_recording_has_what_was_mended(void **state)
{
    char path[32] = "recording-XXXXXX", text[256] = "", want[128];
    FILE *file = fdopen(mkstemp(path), "w+");
    HV_PARTITION_ID id;

    (void)state;
    assert_non_null(file);
    hvdouble_record(d, file);
    load(d, "fault code=0x46 status=0x5\n");
    assert_status(HvGetPartitionId(&id), 0x5);
    hvdouble_mend(d);
    assert_status(HvGetPartitionId(&id), 0);
    hvdouble_record(d, NULL);
    fflush(file);
    if (hvdouble_replay(&options, path, text, sizeof text) != 0)
        fail_msg("%s", text);
    fprintf(file, "call from=0x1 control=0x46 out=0x8\nresult value=0x5\n");
    fclose(file);
    assert_int_equal(hvdouble_replay(&options, path, text, sizeof text), 1);
    snprintf(want, sizeof want, "%s:8: the result is 0x0, recorded 0x5", path);
    assert_string_equal(text, want);
    unlink(path);
}

static void a_recording_of_the_whole_life_can_be_done_again(void **state)
{
    char path[32], text[256] = "";
    FILE *file = record(path, "");

    (void)state;
    if (hvdouble_replay(&options, path, text, sizeof text) != 0)
        fail_msg("%s", text);
    fclose(file);
    unlink(path);
}

int main(void)
{
    static const struct CMUnitTest client_tests[] = {
        cmocka_unit_test(a_client_ends_with_every_page_back_and_every_id_dead),
        cmocka_unit_test(whichever_call_fails_nothing_is_lost),
        cmocka_unit_test(whichever_op_fails_nothing_is_lost),
        cmocka_unit_test(two_faults_one_after_the_other_lose_nothing),
        cmocka_unit_test(however_little_is_done_at_a_time_the_client_comes_to_its_end),
    };
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest double_tests[] = {
        TEST(a_fault_comes_at_its_turn_and_in_its_state),
        TEST(an_inaccessible_page_is_nobodys),
        TEST(a_faulty_script_is_refused_with_its_line),
        TEST(what_is_deposited_is_out_of_reach_and_comes_back_zeroed),
        TEST(rights_are_those_of_all_on_the_way),
        TEST(the_hypercall_page_lies_over_memory),
        TEST(a_processor_begins_as_after_a_reset_and_takes_its_interrupt),
        TEST(leaks_are_told_one_by_one),
        TEST(each_call_is_one_line_of_the_log),
        TEST(the_log_names_the_fault_that_made_a_status),
        TEST(a_recording_can_be_done_again_and_shows_what_differs),
        TEST(a_recording_has_what_was_mended),
        TEST(a_recording_of_the_whole_life_can_be_done_again),
    };
    const int failures = cmocka_run_group_tests_name("client", client_tests, NULL, NULL);

    return failures + cmocka_run_group_tests_name("double", double_tests, NULL, NULL) != 0;
}
