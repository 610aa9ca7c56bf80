/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A call of the VMM's own: a parent reads counters of its child, as many as it likes in one call.
 * Rep fields, the question who calls about whom, and the lists are the library's work. Here the
 * guest is such a parent, with its parameters in registers, and so is the root, from C. */

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/endian.h>

#include <hvgdk/hvemu.h>
#include <hvgdk/hvgdk.h>

enum { READ_COUNTERS = 0x7001, COUNTERS = 4 };
static const uint64_t two_elements = READ_COUNTERS | (uint64_t)2 << HV_HYPERCALL_REP_COUNT_SHIFT;

/* What this VMM knows of its guest and the guest's child. */
static struct machine {
    uint64_t id, counters[COUNTERS];
} guest = {0, {5, 6, 7, 8}}, child = {0, {40, 30, 20, 10}};

static uint16_t read_counter(const struct hvemu_invocation *invocation, const void *in,
                             const void *item, void *out)
{
    const struct machine *machine = invocation->target == guest.id ? &guest : &child;
    const uint32_t which = le32dec(item);

    (void)in; /* nothing but the ID by which the library judged the target */
    if (which >= COUNTERS)
        return HV_STATUS_INVALID_PARAMETER;
    le64enc(out, machine->counters[which]);
    return HV_STATUS_SUCCESS;
}

static const struct hvemu_descriptor read_counters = {
    .size = sizeof read_counters,
    .name = "ReadCounters",
    .handler = read_counter,
    .privilege = HV_PRIVILEGE_CREATE_PARTITIONS, /* what the library's calls on children need */
    .code = READ_COUNTERS,
    .form = HVEMU_REP,
    .in = 8,       /* the child's ID */
    .in_each = 4,  /* a counter's number */
    .out_each = 8, /* its value */
    .target = HVEMU_PARENT,
    .states = HVEMU_STATE_ACTIVE,
};

static void must(enum hvemu_result result)
{
    if (result != HVEMU_OK)
        errx(1, "libhvemu: %s", hvemu_result_text(result));
}

static void fill_in(uint8_t *in, uint64_t partition, uint32_t first, uint32_t second)
{
    le64enc(in, partition);
    le32enc(in + 8, first);
    le32enc(in + 12, second);
}

static void show_output(const uint8_t *out, uint64_t result)
{
    const unsigned done = (result >> HV_HYPERCALL_RESULT_REPS_SHIFT) & 0xFFF;

    for (unsigned i = 0; i < done; i++)
        printf("    %" PRIu64 "\n", le64dec(out + i * 8));
}

static void call_from_guest(struct hvemu *hv, struct hvemu_vp *vp, uint64_t partition,
                            uint32_t first, uint32_t second)
{
    struct hvemu_call call = {.control = two_elements | HV_HYPERCALL_FAST};
    char text[256];

    fill_in(call.fast, partition, first, second);
    if (hvemu_execute(vp, &call) != HVEMU_STEP) /* REPEAT: not with so few elements */
        errx(1, "the call came to no end");
    hvemu_call_format(hv, &call, text, sizeof text);
    printf("The guest: %s\n", text);
    show_output(call.fast + call.out_at, call.result);
}

int main(void)
{
    const struct hvemu_config config = {.size = sizeof config, .calls = 1};
    const size_t bytes = hvemu_memory_size(&config);
    void *memory = aligned_alloc(64, bytes);
    uint8_t in[8 + 2 * 4], out[2 * 8];
    struct hvemu *hv;
    struct hvemu_vp *vp;
    uint64_t result;

    if (!memory)
        err(1, "memory");
    must(hvemu_init(&hv, memory, bytes, &config, NULL, NULL));
    must(hvemu_register(hv, &read_counters)); /* before the first VP */
    must(hvemu_add_guest(hv, hvemu_root(hv), HV_PRIVILEGE_CREATE_PARTITIONS, NULL, &guest.id));
    must(hvemu_add_guest(hv, guest.id, 0, NULL, &child.id));
    must(hvemu_vp_attach(hv, guest.id, 0, NULL, &vp));

    call_from_guest(hv, vp, child.id, 0, 3);
    call_from_guest(hv, vp, child.id, 1, COUNTERS); /* there is no such counter */
    call_from_guest(hv, vp, guest.id, 0, 3);        /* it is not its own parent */

    fill_in(in, guest.id, 2, 1);
    result = hvemu_hypercall(hv, hvemu_root(hv), two_elements, in, sizeof in, out, sizeof out);
    printf("The root, about the guest: %s\n", hvemu_status_name((uint16_t)result));
    show_output(out, result);
    free(memory);
    return 0;
}
