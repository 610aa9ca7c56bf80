/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Everything these headers know of the hypervisor interface that the TLFS, the "Hypervisor Top
 * Level Functional Specification", describes. The library's own interface, hvemu.h, is apart from
 * it. */

#ifndef HVGDK_HVGDK_H
#define HVGDK_HVGDK_H

#include "calls.h"
#include "hvapi.h"
#include "intercepts.h"
#include "interrupts.h"
#include "memory.h"
#include "partitions.h"
#include "status.h"
#include "types.h"
#include "vp.h"
#include "x64.h"

#endif /* HVGDK_HVGDK_H */
