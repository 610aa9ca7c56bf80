/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

#include <stdarg.h>
#include <stdio.h>

#include <hvgdk/hvemu.h>

#include "story.h"

static const char *const titles[] = {
    "Discovery",
    "The hypercall page",
    "Calls with good and bad arguments",
    "Exceptions where they belong",
    "Interrupts through the 8259",
    "A rep call, and interrupts between its elements",
    "An interrupt withdrawn before it is taken",
    "Automatic end of interrupt",
    "Finalized while its processor runs",
};
enum { STEPS = sizeof titles / sizeof *titles };

static unsigned checks, wrong, steps;
static int silent;

void tell(const char *format, ...)
{
    va_list args;

    if (silent)
        return;
    fputs("   ", stdout);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void tell_step(uint32_t step)
{
    check(step == ++steps, "the order of the steps");
    if (step >= 1 && step <= STEPS)
        printf("%u. %s\n", step, titles[step - 1]);
}

void tell_words(char c)
{
    static char line[128];
    static unsigned length;

    if (c >= ' ' && c <= '~')
        line[length++] = c;
    if (c == '\n' || length == sizeof line) {
        tell("guest: %.*s", (int)length, line);
        length = 0;
    }
}

void check(int holds, const char *what)
{
    checks++;
    if (!holds) {
        wrong++;
        tell("WRONG: %s", what);
    }
}

void check_status(uint16_t got, uint16_t wanted)
{
    if (got != wanted)
        tell("%s instead of %s:", hvemu_status_name(got), hvemu_status_name(wanted));
    check(got == wanted, "a status");
}

void tell_no_more(void)
{
    silent = 1;
}

unsigned end_checks(void)
{
    printf("%s: %u checks, %u wrong\n", wrong ? "FAILED" : "Done", checks, wrong);
    return wrong;
}

unsigned end_story(void)
{
    check(steps == STEPS, "the guest did not come to the end of the story");
    return end_checks();
}
