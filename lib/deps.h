/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Everything the library takes from outside: freestanding C11 headers, two of the four functions
 * that compilers call anyway, little-endian access to guest bytes, and the atomics. To carry the
 * library into a kernel, or under a scheduler that tries its interleavings, this is the one file to
 * look at. */

#ifndef HVEMU_DEPS_H
#define HVEMU_DEPS_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#ifdef HVEMU_FREESTANDING

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

static inline uint16_t le16dec(const void *from)
{
    const uint8_t *b = from;
    return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t le32dec(const void *from)
{
    const uint8_t *b = from;
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t le64dec(const void *from)
{
    return le32dec(from) | (uint64_t)le32dec((const uint8_t *)from + 4) << 32;
}

static inline void le32enc(void *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        ((uint8_t *)to)[i] = (uint8_t)(value >> 8 * i);
}

static inline void le64enc(void *to, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        ((uint8_t *)to)[i] = (uint8_t)(value >> 8 * i);
}

#else

#include <string.h>
#include <sys/endian.h>

#endif

/* le64enc() and le64dec() where it counts: those go by bytes, which compilers do not always see
 * through. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static inline void hvemu__put64(void *to, uint64_t value)
{
    memcpy(to, &value, sizeof value);
}

static inline uint64_t hvemu__get64(const void *from)
{
    uint64_t value;

    memcpy(&value, from, sizeof value);
    return value;
}

static inline void hvemu__put_words(void *to, const uint64_t *words, unsigned count)
{
    memcpy(to, words, count * sizeof *words);
}
#else
#define hvemu__put64 le64enc
#define hvemu__get64 le64dec

static inline void hvemu__put_words(void *to, const uint64_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        le64enc((uint8_t *)to + 8 * i, words[i]);
}
#endif

/* For what is seldom called, so that what is often called does not make room for it. */
#ifdef __GNUC__
#define HVEMU__NOINLINE          __attribute__((noinline))
#define HVEMU__MOSTLY(condition) __builtin_expect(!!(condition), 1)
#else
#define HVEMU__NOINLINE
#define HVEMU__MOSTLY(condition) (condition)
#endif

/* Loads and read-modify-writes are sequentially consistent: an assert raises the count of ops in
 * flight and then reads the partition's word, finalizing changes the word and then reads the
 * count, and one of the two must see the other. On x86 and arm64 that costs a load nothing.
 * Stores only publish, and release. Signal handlers use them: none may be a lock in disguise. */
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2,
               "32-bit and 64-bit atomics must be lock-free");

#define hvemu__store(object, value) atomic_store_explicit(object, value, memory_order_release)

#define hvemu__load(object)                 atomic_load(object)
#define hvemu__cas(object, expected, value) atomic_compare_exchange_strong(object, expected, value)
#define hvemu__swap(object, value)          atomic_exchange(object, value)
#define hvemu__add(object, value)           ((void)atomic_fetch_add(object, value))
#define hvemu__sub(object, value)           ((void)atomic_fetch_sub(object, value))
#define hvemu__and(object, value)           ((void)atomic_fetch_and(object, value))
#define hvemu__or(object, value)            ((void)atomic_fetch_or(object, value))

#endif
