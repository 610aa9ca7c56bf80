/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A program outside the project, in C++. */

#include <hvgdk/hvemu.h>
#include <hvgdk/hvgdk.h>

int main()
{
    alignas(64) static unsigned char memory[1 << 18];
    hvemu_caller root{};

    if (hvemu_init(&root.hv, memory, sizeof memory, nullptr, nullptr, nullptr) != HVEMU_OK)
        return 1;
    root.partition = hvemu_root(root.hv);
    hvemu_attach(&root);
    return HvClearVirtualInterrupt(root.partition) != HV_STATUS_ACCESS_DENIED;
}
