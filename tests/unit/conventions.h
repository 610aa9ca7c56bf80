/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The ways in which a caller can make one and the same call. */

#ifndef CONVENTIONS_H
#define CONVENTIONS_H

enum convention {
    FROM_C,
    EXECUTE_FAST,
    EXECUTE_MEMORY,
    LONG_FAST,
    LONG_MEMORY,
    COMPATIBILITY_FAST,
    COMPATIBILITY_MEMORY,
    PROTECTED_FAST,
    PROTECTED_MEMORY,
    CONVENTIONS
};

static const char *const convention_names[CONVENTIONS] = {
    "from C",
    "decoded, fast",
    "decoded, memory",
    "64-bit, fast",
    "64-bit, memory",
    "compatibility mode, fast",
    "compatibility mode, memory",
    "protected mode, fast",
    "protected mode, memory",
};

static inline int fast(enum convention convention)
{
    return convention == EXECUTE_FAST || convention == LONG_FAST ||
           convention == COMPATIBILITY_FAST || convention == PROTECTED_FAST;
}

static inline int narrow(enum convention convention)
{
    return convention >= COMPATIBILITY_FAST;
}

#endif
