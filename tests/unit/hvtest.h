/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* cmocka in the order it wants, with comparisons that print names instead of numbers. */

#ifndef HVTEST_H
#define HVTEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvgdk/hvemu.h"
#include "hvgdk/hvgdk.h"

/* A number as guest memory has it, and as the lists of the Hv functions do; constant if it is. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LE32(value) __builtin_bswap32(value)
#define LE64(value) __builtin_bswap64(value)
#else
#define LE32(value) ((uint32_t)(value))
#define LE64(value) ((uint64_t)(value))
#endif

#define assert_status(got, want) hvtest_status((uint16_t)(got), want, #got, __FILE__, __LINE__)
#define assert_action(got, want) hvtest_action(got, want, #got, __FILE__, __LINE__)
#define assert_result(got, want) hvtest_result(got, want, #got, __FILE__, __LINE__)
/* Compares 64-bit values of any unsigned type. */
#define assert_u64(got, want) hvtest_u64(got, want, #got, __FILE__, __LINE__)

void hvtest_status(uint16_t got, uint16_t want, const char *text, const char *file, int line);
void hvtest_action(enum hvemu_action got, enum hvemu_action want, const char *text,
                   const char *file, int line);
void hvtest_result(enum hvemu_result got, enum hvemu_result want, const char *text,
                   const char *file, int line);
void hvtest_u64(uint64_t got, uint64_t want, const char *text, const char *file, int line);

#endif
