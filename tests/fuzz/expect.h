/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The decoder a second time, from the specification (TLFS 6.0b 3.3 to 3.8, 3.12, with the variable
 * header and the nested bit where the online pages have them) and docs/decisions.md: plain, and
 * with nothing of the library but its frame. */

#ifndef EXPECT_H
#define EXPECT_H

#include "fuzz.h"

struct expected {
    int legal, wide, known, is_fast;
    struct shape shape;
    uint64_t control;
    uint32_t reps, start, header, in, out; /* of lists: their bytes, whatever they are */
    uint16_t status;                       /* 0, 2, 3 or 4 */
    int ud, need_xmm;                      /* of a call without fault */
    uint64_t in_gpa, out_gpa;              /* 0 if fast */
    uint32_t out_at;                       /* fast, without fault: where in the block */
    uint8_t block[112];                    /* fast: what registers hold */
};

/* features: CPUID 0x40000003 EDX. */
struct expected expect(const struct hvemu_x64_frame *frame, const struct shape *own,
                       uint32_t features);

#endif
