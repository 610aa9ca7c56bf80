/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Included before each source file of the library, when it is compiled for this test: lib/deps.h
 * with its atomics turned into steps of the scheduler. Each tells it beforehand which object it is
 * about to use and how, which is where another thread may run, and afterwards what it has seen. */

#ifndef SCHEDULES_ATOMICS_H
#define SCHEDULES_ATOMICS_H

#include "deps.h"
#include "schedule.h"

#undef hvemu__store
#undef hvemu__load
#undef hvemu__cas
#undef hvemu__swap
#undef hvemu__add
#undef hvemu__sub
#undef hvemu__and
#undef hvemu__or

#define hvemu__store(object, value)             \
    do {                                        \
        schedule_access(object, SCHEDULE_SETS); \
        atomic_store(object, value);            \
    } while (0)

#define hvemu__load(object)                        \
    __extension__({                                \
        schedule_access(object, SCHEDULE_LOOKS);   \
        __auto_type loaded_ = atomic_load(object); \
        schedule_saw(loaded_);                     \
        loaded_;                                   \
    })

#define hvemu__cas(object, expected, value)                                            \
    __extension__({                                                                    \
        schedule_access(object, SCHEDULE_SETS);                                        \
        const int done_ = atomic_compare_exchange_strong(object, expected, value);     \
        schedule_saw(done_ ? ~(uint64_t)0 : *(expected)); /* the word is never this */ \
        done_;                                                                         \
    })

/* Only locks are swapped: whoever gets one sees what it guards. */
#define hvemu__swap(object, value)                            \
    __extension__({                                           \
        schedule_access(object, SCHEDULE_SETS);               \
        __auto_type before_ = atomic_exchange(object, value); \
        schedule_saw(before_);                                \
        if (!before_)                                         \
            schedule_saw_all();                               \
        before_;                                              \
    })

#define HVEMU__COUNT(object, value, by)           \
    do {                                          \
        schedule_access(object, SCHEDULE_COUNTS); \
        (void)atomic_fetch_##by(object, value);   \
    } while (0)
#define hvemu__add(object, value) HVEMU__COUNT(object, value, add)
#define hvemu__sub(object, value) HVEMU__COUNT(object, value, sub)

#define HVEMU__CHANGE(object, value, by)        \
    do {                                        \
        schedule_access(object, SCHEDULE_SETS); \
        (void)atomic_fetch_##by(object, value); \
    } while (0)
#define hvemu__and(object, value) HVEMU__CHANGE(object, value, and)
#define hvemu__or(object, value)  HVEMU__CHANGE(object, value, or)

#endif
