/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* What the double's files share: the instance (double.c), the simulated machine that is the context
 * of its ops (double_machine.c, double_vp.c), faults and recordings (double_script.c). */

#ifndef DOUBLE_INTERNAL_H
#define DOUBLE_INTERNAL_H

#include "double.h"
#include "hvs.h"

#include <sys/endian.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include "hvgdk/hvgdk.h"

enum { HVDOUBLE_PROPERTIES = 16 };

/* What is at a page of a partition: its parent's page `source`; of the root, the page itself. */
struct hvdouble_page {
    RB_ENTRY(hvdouble_page) link;
    uint64_t number, source;
    uint32_t flags; /* of the map call */
    uint64_t pool;  /* whose pool it is in, deposited by this partition; 0: none */
};
RB_HEAD(hvdouble_pages, hvdouble_page);

struct hvdouble_processor {
    LIST_ENTRY(hvdouble_processor) link;
    struct hvemu_vp *vp;
    uint32_t index;
    uint64_t (*registers)[2];
};

struct hvdouble_partition {
    LIST_ENTRY(hvdouble_partition) link;
    struct hvdouble *d;
    struct hvdouble_partition *parent; /* NULL: the root */
    uint64_t id;
    struct hvdouble_pages pages; /* the root's are in d->root_pages */
    LIST_HEAD(, hvdouble_processor) processors;
    uint64_t debug_channel, properties[HVDOUBLE_PROPERTIES];
    int overlaid; /* the hypercall page is at this GPA, and begins with the code */
    uint64_t overlay;
    uint8_t code[16];
};

/* A line of a script. */
struct hvdouble_fault {
    STAILQ_ENTRY(hvdouble_fault) link;
    enum { FAULT_STATUS, FAULT_LIMIT, FAULT_OP, FAULT_PAGE } kind;
    uint32_t code, states; /* of a call; UINT32_MAX: any */
    uint64_t nth, seen;    /* nth 0: every one */
    unsigned op;           /* HVS_D_ */
    int answer;
    uint64_t page, of;
    char *line; /* "path:line" */
};

struct hvdouble {
    struct hvemu *hv;
    void *block; /* the instance's memory */
    uint8_t *memory;
    uint64_t memory_pages;
    struct hvdouble_page *root_pages;
    struct hvdouble_partition *root;
    LIST_HEAD(, hvdouble_partition) partitions; /* the root too */
    STAILQ_HEAD(, hvdouble_fault) faults;
    uint64_t fault_count; /* that came to pass */
    void (*log)(void *arg, const char *line);
    void *log_arg;
    /* The call at hand: whether its line is written, its target, and the fault that came to pass
       last. */
    int logged;
    uint64_t target;
    const struct hvdouble_fault *fault;
    FILE *record;
};

int hvdouble__compare_pages(const struct hvdouble_page *a, const struct hvdouble_page *b);
RB_PROTOTYPE(hvdouble_pages, hvdouble_page, link, hvdouble__compare_pages)

extern const struct hvemu_ops hvdouble__ops;

/* The machine. */

struct hvdouble_partition *hvdouble__add_partition(struct hvdouble *d,
                                                   struct hvdouble_partition *parent, uint64_t id);
void hvdouble__remove_partition(struct hvdouble_partition *partition);
/* NULL: there is none. */
struct hvdouble_partition *hvdouble__find(const struct hvdouble *d, uint64_t partition);
/* 1 to bytes of a page: read (to) or written (from). An HVEMU_MEM_. */
int hvdouble__access(struct hvdouble_partition *partition, uint64_t gpa, void *to, const void *from,
                     uint32_t bytes);

/* Virtual processors (double_vp.c): the ops. */
uint16_t hvdouble__vp(void *ctx, struct hvemu_vp *vp, uint32_t event, const void *block,
                      void **vp_ctx);
uint16_t hvdouble__vp_get(void *ctx, struct hvemu_vp *vp, uint32_t name, uint64_t value[2]);
uint16_t hvdouble__vp_set(void *ctx, struct hvemu_vp *vp, uint32_t name, const uint64_t value[2]);

/* Calls (double.c): the ops. */
int hvdouble__filter(void *ctx, const struct hvemu_invocation *invocation);
void hvdouble__trace(void *ctx, const struct hvemu_invocation *invocation, uint16_t status,
                     uint16_t reps);

/* Faults: whether this time the op answers *answer instead of doing its work; what the filter is to
 * answer; whether the page cannot be reached. */
int hvdouble__op_fault(struct hvdouble *d, unsigned op, int *answer);
int hvdouble__call_fault(struct hvdouble *d, const struct hvemu_invocation *invocation);
int hvdouble__page_fault(struct hvdouble *d, uint64_t partition, uint64_t page);
/* The fault that made the status of the call at hand, of which `done` elements were completed this
 * time; NULL: none. */
const struct hvdouble_fault *hvdouble__fault_behind(const struct hvdouble *d, uint16_t status,
                                                    unsigned done);

/* Recording: which bytes of its output a call has written; bytes as the text format has them. */
void hvdouble__find_output(struct hvdouble *d, uint64_t control, uint64_t result, size_t *from,
                           size_t *to);
void hvdouble__record_bytes(FILE *to, const char *key, const uint8_t *bytes, size_t count);

#endif
