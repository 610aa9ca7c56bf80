/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* For library and examples on Windows, where libbsd is not: of its sys/endian.h what they use.
 * Windows is little-endian. */

#ifndef HVEMU_WINDOWS_SYS_ENDIAN_H
#define HVEMU_WINDOWS_SYS_ENDIAN_H

#include <stdint.h>
#include <string.h>

#define HVEMU_WINDOWS_LE(bits)                                       \
    static inline uint##bits##_t le##bits##dec(const void *from)     \
    {                                                                \
        uint##bits##_t value;                                        \
                                                                     \
        memcpy(&value, from, sizeof value);                          \
        return value;                                                \
    }                                                                \
    static inline void le##bits##enc(void *to, uint##bits##_t value) \
    {                                                                \
        memcpy(to, &value, sizeof value);                            \
    }
HVEMU_WINDOWS_LE(16)
HVEMU_WINDOWS_LE(32)
HVEMU_WINDOWS_LE(64)
#undef HVEMU_WINDOWS_LE

#endif
