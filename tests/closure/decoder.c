/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The decoder alone: registers in, a decoded call and names out; no instance, no callbacks.
 * Links: decode calls format status. */

#include <hvgdk/hvemu.h>

int main(void)
{
    const struct hvemu_x64_frame frame = {
        .rcx = 0x10056, .rdx = 2, .mode = HVEMU_X64_KERNEL64}; /* fast HvClearVirtualInterrupt */
    struct hvemu_call call;
    char line[200];

    return hvemu_x64_decode(NULL, &frame, 0, &call) != HVEMU_STEP || call.code != 0x0056 ||
           !hvemu_call_format(NULL, &call, line, sizeof line) ||
           !hvemu_call_name(NULL, call.code)[0] || !hvemu_status_name(call.status)[0];
}
