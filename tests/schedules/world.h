/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* What the programs of this test are made of: an instance with two brothers, A and B, who can own
 * one child, whose slot serves again; its VMM; the calls; and what they may answer. */

#ifndef SCHEDULES_WORLD_H
#define SCHEDULES_WORLD_H

#include "schedule.h"

enum { CALLS = 2 }; /* of each thread */

/* Where a program begins. The child is A's, and is the slot's first, but in SECOND. */
enum begin {
    IDLE,
    ASSERTED,
    ACKED,
    WITHOUT_VP,
    CREATED,       /* VP 0 by HvCreateVp; idle */
    CREATED_ACKED, /* the same, acknowledged */
    UNBORN,        /* uninitialized */
    ENDED,         /* finalized */
    SECOND,        /* the first was deleted; active, acknowledged */
    BEGINNINGS
};
extern const char *const begin_names[BEGINNINGS];

enum kind {
    ASSERT, /* an external interrupt */
    WITHDRAW,
    ASSERT_FIXED, /* of another type: by the interrupt op */
    CLEAR,
    ACKNOWLEDGE,
    LINE,
    RESET,
    ATTACH, /* VP 0 */
    DETACH,
    CREATE_VP, /* VP 0 */
    DELETE_VP,
    PROPERTY,   /* reads one: under the child's lock alone */
    NEXT_CHILD, /* of A's: under A's lock alone */
    OWN_ON,     /* a call of the VMM's own, on the child */
    OWN_BY,     /* by the child, from C */
    ADD_GUEST,
    CREATE,
    INITIALIZE,
    FINALIZE,
    DELETE
};

enum { A, B };

/* A call that threads can make: who, about which of the slot's partitions. */
struct act {
    const char *name;
    enum kind kind;
    uint8_t caller, generation, vector;
    uint8_t native; /* by A's virtual processor */
};

/* What the VMM saw during a call. */
enum {
    TOLD_KICK = 1,
    TOLD_INTERRUPT = 2,
    TOLD_OWN = 4,
    TOLD_VP_CREATED = 8,
    TOLD_VP_DELETED = 16,
    TOLD_FIRST = 32, /* << HVEMU_PARTITION_ */
    TOLD_TWICE = 0x8000
};

enum { NOBODY = 0xFF }; /* found */
enum { NOT_MADE = -99, AGAIN_STATUS = 0x78, AGAIN_RESULT = -7 };

struct call {
    const struct act *act;
    int answer;         /* a status; or a result, which is 0 or negative */
    uint8_t generation; /* of VP 0's partition; of what was created or found */
    uint8_t vector;     /* acknowledged */
    uint8_t after;      /* the calls that had ended when this one began */
    uint8_t begun;
    uint16_t told;
};

/* A program, and what became of it. */
extern struct call history[SCHEDULE_THREADS * CALLS];

/* A partition as the documents know it. */
enum life { FREE, UNINITIALIZED, ACTIVE, FINALIZING, FINALIZED };
struct state {
    uint8_t generation, life, owner;
    uint8_t vp0; /* 0, ATTACHED or MADE */
    uint8_t interrupt, vector;
};
enum { ATTACHED = 1, MADE };
enum { NO_INTERRUPT, IS_ASSERTED, IS_ACKED };

/* world.c */
void world_begin(enum begin begin);
extern struct schedule_program world_program;
struct state world_state(void); /* as it is */
const char *world_fault(void);  /* what else is wrong, or NULL */
void world_print(void);

/* sequential.c: whether some order of the calls explains the history, and that is how it ends. */
int explained(struct state begin, struct state end);

#endif
