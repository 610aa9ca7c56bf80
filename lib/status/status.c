/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Names and sentences of the statuses, made from the rows of status.def. */

#include "hvgdk/hvemu.h"
#include "hvgdk/status.h"
#include "hvgdk/types.h"

/* status.h and status.def say the same. */
#define HVEMU_STATUS(value, name, text) HV_STATIC_ASSERT(HV_STATUS_##name == (value), #name);
#define HVEMU_STATUS_ALIAS(value, name) HV_STATIC_ASSERT(HV_STATUS_##name == (value), #name);
#include "status.def"
#undef HVEMU_STATUS
#undef HVEMU_STATUS_ALIAS

#define HVEMU_STATUS_ALIAS(value, name)

#define HVEMU_STATUS(value, name, text) \
    case (value):                       \
        return "HV_STATUS_" #name;
const char *hvemu_status_name(uint16_t status)
{
    switch (status) {
#include "status.def"
    default:
        return "HV_STATUS_(unknown)";
    }
}
#undef HVEMU_STATUS

#define HVEMU_STATUS(value, name, text) \
    case (value):                       \
        return text;
const char *hvemu_status_text(uint16_t status)
{
    switch (status) {
#include "status.def"
    default:
        return "No status with this number is known.";
    }
}
#undef HVEMU_STATUS
