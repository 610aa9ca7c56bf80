/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* What a kernel says to the machine it runs in. */

#ifndef MACHINE_H
#define MACHINE_H

void say(const char *text);

/* Tells the machine what a 16-bit value is and what it should be; it counts. */
void check(unsigned got, unsigned wanted);

/* There is no more to do. */
_Noreturn void end(void);

#endif
