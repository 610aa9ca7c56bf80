/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A model of the parent interface: partitions, their pools, memory, processors, intercepts and
 * external interrupts, as the specification and docs/decisions.md describe them. It is separate
 * from the library: it includes nothing of it, its numbers are the specification's, and where the
 * library is fast the model is plain: everything is found by looking through an array, and what can
 * be computed is not kept. test_model.c compares the two. */

#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { /* HV_STATUS */
       SUCCESS = 0x0,
       INVALID_HYPERCALL_CODE = 0x2,
       INVALID_HYPERCALL_INPUT = 0x3,
       INVALID_ALIGNMENT = 0x4,
       INVALID_PARAMETER = 0x5,
       ACCESS_DENIED = 0x6,
       INVALID_PARTITION_STATE = 0x7,
       OPERATION_DENIED = 0x8,
       UNKNOWN_PROPERTY = 0x9,
       PROPERTY_VALUE_OUT_OF_RANGE = 0xA,
       INSUFFICIENT_MEMORY = 0xB,
       PARTITION_TOO_DEEP = 0xC,
       INVALID_PARTITION_ID = 0xD,
       INVALID_VP_INDEX = 0xE,
       NOT_ACKNOWLEDGED = 0x14,
       INVALID_VP_STATE = 0x15,
       ACKNOWLEDGED = 0x16,
       OBJECT_IN_USE = 0x19,
       NO_RESOURCES = 0x1D,
       INVALID_REGISTER_VALUE = 0x50,
       INVALID_VTL_STATE = 0x51,
       OPERATION_FAILED = 0x71,
       TIMED_OUT = 0x78
};

enum { UNINITIALIZED = 0x2, ACTIVE = 0x4, FINALIZING = 0x8, FINALIZED = 0x10 }; /* states: bits */

enum { /* what a memory op answers, and overlay */
       MEM_OK = 0x0,
       MEM_NONE = 0x1,
       MEM_AGAIN = 0x2,
       MEM_FAILED = 0x3,
       MEM_DENIED = 0x4
};

enum { /* what the host does with an access to an MSR */
       STEP = 0x0,
       REPEAT = 0x1,
       GP = 0x3,
       PASS = 0x6,
       GONE = 0x7,
       FAILED = 0x8
};

enum { /* results of calls of the host */
       OK = 0x0,
       E_ARGUMENT = -0x1,
       E_SPACE = -0x3,
       E_PARTITION = -0x4,
       E_VP = -0x5,
       E_NOTHING = -0x6,
       E_BUSY = -0x7,
       E_OP = -0x8
};

enum {
    PARTITION_CREATED,
    PARTITION_ACTIVE,
    PARTITION_STOP,
    PARTITION_FINALIZED,
    PARTITION_DELETED
};
enum { VP_CREATED, VP_SUSPEND, VP_START, VP_DELETED };
enum { MAP, UNMAP, MODIFY };

#define SELF    UINT64_MAX           /* a partition's ID: the caller's */
#define VP_SELF UINT32_C(0xFFFFFFFE) /* a VP's index: the caller's */
#define NO_VP   UINT32_MAX

/* What only a VMM can do. ctx is its pointer for the partition; NULL: there is no such op. */
struct model_ops {
    void (*ext_int)(void *ctx, uint64_t partition);
    uint16_t (*interrupt)(void *ctx, uint64_t partition, uint64_t control, uint64_t address,
                          uint32_t vector);
    int (*gpa_read)(void *ctx, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes);
    int (*gpa_write)(void *ctx, uint64_t partition, uint64_t gpa, const void *from, uint32_t bytes);
    int (*overlay)(void *ctx, uint64_t partition, uint64_t gpa, bool there);
    uint16_t (*partition)(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                          void **child_ctx);
    uint16_t (*vp)(void *ctx, uint64_t partition, uint32_t index, uint32_t event,
                   const void *block);
    uint16_t (*vp_get)(void *ctx, uint64_t partition, uint32_t index, uint32_t name,
                       uint64_t value[2]);
    uint16_t (*vp_set)(void *ctx, uint64_t partition, uint32_t index, uint32_t name,
                       const uint64_t value[2]);
    uint16_t (*map)(void *ctx, uint64_t partition, uint32_t what, uint64_t page, uint64_t source,
                    uint32_t flags);
    uint16_t (*pool)(void *ctx, uint64_t partition, uint64_t page, int deposit);
    uint16_t (*property)(void *ctx, uint64_t partition, uint32_t code, uint64_t argument,
                         uint64_t *value, int set);
};

struct model_config {
    uint32_t partitions, vps, depth, children, gpa_bits, rep_budget, vps_each, pages, intercepts;
    uint32_t create_cost, initialize_cost, vp_cost, map_cost, intercept_cost;
    uint64_t privileges;
};

enum { MODEL_PARTITIONS = 0x20, MODEL_VPS = 0x8, MODEL_PAGES = 0x100, MODEL_INTERCEPTS = 0x10 };

struct model_vp {
    bool exists, created, started; /* created: by HvCreateVp, not by the host */
    bool explicit_suspend;
    uint64_t intercept_suspend; /* bit 0; bit 1: TLB flush inhibit */
    uint64_t born;
};

struct model_intercept {
    uint32_t type, mask;
    uint64_t parameter;
};

enum model_property {
    PRIVILEGES,
    CPU_RESERVE,
    CPU_CAP,
    CPU_WEIGHT,
    TIMER_PERIOD,
    TIMER_CONTROL,
    PM_TIMER,
    DEBUG_CHANNEL,
    TLB_PAGES,
    PAUSED,
    TIME_FREEZE,
    GUEST_OS_ID,
    MODEL_PROPERTIES
};

struct model_partition {
    uint64_t id; /* 0: nobody */
    uint64_t parent, born;
    void *ctx;
    uint32_t state, depth;
    uint64_t property[MODEL_PROPERTIES];
    uint32_t deposited; /* how many of pages[] */
    uint64_t pages[MODEL_PAGES];
    uint32_t mapped;
    struct model_vp vps[MODEL_VPS];
    uint32_t intercepts; /* how many of intercept[] */
    struct model_intercept intercept[MODEL_INTERCEPTS];
    enum { IDLE, ASSERTED, ACKED } ext_int;
    uint8_t vector;
    uint64_t os_id, hypercall; /* the MSRs */
};

struct model {
    struct model_config config;
    struct model_ops ops;
    uint64_t root, births;
    /* The ID that the next partition gets: any that was never given out. */
    uint64_t next_id;
    struct model_partition partitions[MODEL_PARTITIONS];
};

void model_init(struct model *m, const struct model_config *config, const struct model_ops *ops,
                void *ctx, uint64_t root);

/* A hypercall of a partition's VP; vp is NO_VP if the host makes it for the partition. Returns the
 * result value: status, and reps completed from bit 0x20 on. */
uint64_t model_hypercall(struct model *m, uint64_t caller, uint32_t vp, uint64_t control,
                         const uint8_t *in, size_t in_bytes, uint8_t *out, size_t out_bytes);

/* What the host does. */
int model_attach(struct model *m, uint64_t partition, uint32_t index);
int model_detach(struct model *m, uint64_t partition, uint32_t index);
int model_reset(struct model *m, uint64_t partition);
int model_acknowledge(struct model *m, uint64_t partition, uint32_t index, uint8_t *vector);
int model_line(struct model *m, uint64_t partition, uint32_t index);
void model_suspend(struct model *m, uint64_t partition, uint32_t index);
int model_wrmsr(struct model *m, uint64_t partition, uint32_t index, uint32_t msr, uint64_t value);
int model_rdmsr(struct model *m, uint64_t partition, uint32_t index, uint32_t msr, uint64_t *value);

/* What is to be seen. */
struct model_partition *model_find(struct model *m, uint64_t id);
uint32_t model_state(struct model *m, uint64_t id);
uint32_t model_in_use(const struct model *m, const struct model_partition *p);
bool model_room(const struct model *m, const struct model_partition *parent);
bool model_room_for_vp(const struct model *m, const struct model_partition *p);
uint32_t model_suspended(struct model *m, uint64_t partition, uint32_t index);
uint32_t model_intercepted(struct model *m, uint64_t partition, uint32_t type, uint32_t parameter);

/* The rows: what a call looks like; the n-th, NULL after the last. */
struct model_row {
    uint16_t code, in, in_each, out, out_each;
    bool rep, variable;
    uint8_t target; /* who may name whom, and whether a VP of theirs: bits */
    uint8_t states;
    uint64_t as_parent, as_self;
    const char *name;
    const uint16_t *statuses; /* that are documented, ended by 0xFFFF */
};
enum {
    NAMES_NOBODY = 0x0,
    NAMES_CHILD = 0x1,
    NAMES_SELF = 0x2,
    NAMES_ROOT_ITSELF = 0x4,
    NAMES_VP = 0x8
};
const struct model_row *model_row(size_t n);

#endif
