/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* For the examples on Windows: aligned_alloc(), which is not there. What it gives has a free() of its
 * own; those examples free nothing else. */

#ifndef HVEMU_WINDOWS_STDLIB_H
#define HVEMU_WINDOWS_STDLIB_H

#include <malloc.h>
#include_next <stdlib.h>

#define aligned_alloc(alignment, bytes) _aligned_malloc(bytes, alignment)
#define free(memory)                    _aligned_free(memory)

#endif
