/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Runs vectors of the text format, with nothing but the library's public functions. */

#ifndef HVS_RUN_H
#define HVS_RUN_H

#include "hvs.h"

/* What was done to calls while they ran. */
struct hvs_disturbed {
    unsigned calls; /* with lists in memory */
    unsigned unmapped, changed;
    unsigned as_before, as_after; /* what became of the call, where the two differ */
};

/* Runs a vector in one convention that applies, all memory that nobody set preset to `preset`.
 * disturbed: if not NULL, each of its calls must besides be one whole, whatever other VPs do to a
 * page that it uses, and whenever; counts are added.
 * 0: everything was as expected; else `error` says what was not, as "path:line: what". */
int hvs_run(const struct hvs_vector *vector, enum hvs_convention convention, uint8_t preset,
            struct hvs_disturbed *disturbed, char *error, size_t error_bytes);

#endif
