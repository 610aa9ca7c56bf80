/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* What every kernel has: the functions that compilers call of their own accord, of which libhvemu
 * wants these two, and a way to be heard, here the ports of pic_vmm's machine. */

#include <stddef.h>
#include <stdint.h>

#include "../pic_vmm/guest/protocol.h"
#include "machine.h"

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(bytes) : : "memory");
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(bytes) : "a"(value) : "memory");
    return to;
}

static void out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

void say(const char *text)
{
    for (; *text; text++)
        __asm__ volatile("outb %0, %1" : : "a"(*text), "N"(PORT_TEXT));
}

void check(unsigned got, unsigned wanted)
{
    out32(PORT_CHECK, wanted << 16 | (got & 0xFFFF));
}

void end(void)
{
    out32(PORT_LAST, 0);
    for (;;)
        __asm__ volatile("hlt");
}
