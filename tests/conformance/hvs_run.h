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

/* What was done to the ops of calls, each once with each. */
struct hvs_faults {
    int no_filter; /* in: the VMM has no filter op, unless the vector has one */
    unsigned calls, ops;
    unsigned failed, undefined; /* answers that are documented, and others */
    unsigned reentered;
    unsigned repeated; /* calls made again after that, to their end */
};

/* Runs a vector in one convention that applies, all memory that nobody set preset to `preset`.
 * disturbed: if not NULL, each of its calls must besides be one whole, whatever other VPs do to a
 * page that it uses, and whenever; counts are added.
 * faulted: if not NULL, its calls are besides tried with each of their ops failing, answering what
 * no op may answer, and calling the library; counts are added.
 * 0: everything was as expected; else `error` says what was not, as "path:line: what". */
int hvs_run(const struct hvs_vector *vector, enum hvs_convention convention, uint8_t preset,
            struct hvs_disturbed *disturbed, struct hvs_faults *faulted, char *error,
            size_t error_bytes);

#endif
