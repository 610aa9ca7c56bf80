/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The story on stdout, and the count of what went wrong in it. One thread at a time tells
 * it. */

#ifndef STORY_H
#define STORY_H

#include <stdint.h>

/* A line below the title of the step. */
void __attribute__((format(printf, 1, 2))) tell(const char *format, ...);

/* The guest begins a step, 1 ... */
void tell_step(uint32_t step);

/* A character of the guest's own words; a newline ends them. */
void tell_words(char c);

/* Something that has to hold. It is told only if it does not. */
void check(int holds, const char *what);
void check_status(uint16_t got, uint16_t wanted);

/* From now on nothing is told. */
void tell_no_more(void);

/* The last line. Returns how much was wrong. A story that has not come to its end is. */
unsigned end_story(void);
unsigned end_checks(void); /* without a story */

#endif
