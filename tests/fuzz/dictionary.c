/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Prints a dictionary for libFuzzer, made of the library's rows: the code of each call that is
 * offered, as two bytes and as text, its control words, the statuses that have a name, and the keys
 * of the text format. */

#include <stdio.h>
#include <string.h>

#include "hvgdk/hvemu.h"
#include "hvs.h"

static void entry(const char *name, unsigned long long value, int bytes)
{
    printf("%s=\"", name);
    for (int i = 0; i < bytes; i++)
        printf("\\x%02llx", value >> 8 * i & 0xFF);
    printf("\"\n");
}

/* Simple or rep: the codes alone, fast, and with one element and two. */
static void row(const char *name, unsigned code, int rep)
{
    entry(name, code, 2);
    entry(name, code | 0x10000, 8);
    if (rep) {
        entry(name, code | 0x200000000, 8);
        entry(name, code | 0x100010000, 8);
    }
    printf("%s=\"0x%x\"\n", name, code);
}

int main(void)
{
    enum { SIMPLE, REP, VARIABLE };

#define HVEMU_CALL(code, name, handler, in, in_each, out, out_each, form, ...) \
    row(#name, code, (form) == REP);
#define HVEMU_NAME(code, name)
#include "hypercalls.def"
    for (unsigned status = 0; status < 0x100; status++)
        if (!strchr(hvemu_status_name((uint16_t)status), '(')) /* not "(unknown)" */
            printf("status=\"0x%x\"\n", status);
    for (int key = 0; key < HVS_KEYS; key++)
        printf("key=\" %s=\"\n", hvs_key_name((enum hvs_key)key));
    return 0;
}
