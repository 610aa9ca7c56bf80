/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Walks an instance that nobody is inside of, and fails the test at the first thing in it that
 * contradicts another. */

#ifndef WALK_H
#define WALK_H

#include "hvtest.h"

/* Returns how many pages are mapped in those GPA spaces that are in use. */
uint32_t walk(const struct hvemu *hv);
/* Besides, there is nothing but the root, whose pool is empty. */
void walk_empty(const struct hvemu *hv);

#endif
