/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A vector's world, as it is shared by those who run its calls and those who disturb them. */

#ifndef HVS_WORLD_H
#define HVS_WORLD_H

#include "hvs_run.h"

#include "hvgdk/hvemu.h"

enum {
    RAM = 0x8000,
    IN_GPA = 0x1000, /* where lists lie unless the vector says otherwise */
    OUT_GPA = 0x3000,
    HANDLERS = 16,
    LOG = 32,
    REGISTERS = 16,
    WITH = 256, /* bytes of an op's arguments */
    PAGE = 0x1000,
    CHANGES = 16, /* to the memory of one call, one at a time */
    BLOCK = 112,
    PRIME = 0x7FFF /* code of the call that fills the library's own memory */
};

#define START_MASK           0x0FFF000000000000ULL
#define RESULT(status, reps) ((uint64_t)(status) | (uint64_t)(reps) << 32)

struct part {
    char name[32];
    uint64_t id;
    struct part *parent;
    unsigned state, ext_int; /* as expected */
    uint8_t vector;
    int vector_known;
    int state_asked, ext_int_asked; /* an expectation speaks of it */
    struct hvemu_vp *vps[2];
};

struct handler {
    const struct hvs_step *step;
    uint16_t code, status, in_each, out, out_each, at;
    unsigned behaviour;
    int waited;
};

/* The ops that no vector's fault names, behind those that one may. */
enum { OP_KICK = HVS_D_OPS, OP_FILTER, OP_HANDLER };

enum kind { KICK, INTERRUPT, EVENT, OTHER };

/* Of OTHER, control is which, and its arguments one after the other, little-endian, are in with. */
struct op {
    enum kind kind;
    uint64_t partition, control, address, vector;
    uint8_t with[WITH];
    size_t bytes;
    int seen;
};

struct range {
    uint64_t gpa;
    uint32_t bytes;
};

/* What another VP does to memory, and before which op of a call, counted from 1. */
enum { BEFORE_THE_CALL = 0, AFTER_THE_CALL = 0x7FFFFFFF };
struct disturbance {
    enum { UNMAP, CHANGE } what;
    unsigned when;
    struct range where, spared; /* CHANGE: these bytes, but not those... */
    uint8_t bits;               /* have these bits changed */
};

/* A call as the vector has it, and where it stands. */
struct call {
    const struct hvs_step *step;
    struct hvemu_vp *vp;
    struct part *from;
    uint64_t control, in_gpa, out_gpa;
    size_t in_bytes, behind_bytes, out_bytes;
    uint8_t in[0x2000 + 0x100];
    /* One of these, by convention, and what it was before. */
    struct hvemu_x64_frame frame, frame_before;
    struct hvemu_call native, native_before;
    uint8_t *c_in, *c_out, *c_out_model; /* from C */
    uint64_t result;
    enum hvemu_action action;
    uint64_t rounds;  /* of which the expectation speaks */
    uint32_t changed; /* over all of them */
    uint32_t written_from, written_to;
    uint8_t written[BLOCK]; /* native, fast: what the rounds wrote there */
};

struct world {
    const struct hvs_vector *vector;
    enum hvs_convention convention;
    uint8_t preset;
    char *error;
    size_t error_bytes;
    const struct hvs_step *step; /* at hand */

    struct hvemu *hv;
    void *memory;
    uint8_t ram[RAM], model[RAM];
    struct part parts[HVS_NAMES];
    unsigned part_count;
    struct handler handlers[HANDLERS];
    unsigned handler_count;
    const struct hvs_step *filter;
    struct {
        int armed;
        uint64_t after;
        int answer;
    } faults[HVS_D_OPS];
    struct {
        uint64_t partition, value[2];
        uint32_t name;
    } registers[REGISTERS];
    unsigned register_count;
    struct op log[LOG];
    unsigned logged;
    unsigned effects, next_index;
    int disordered;
    struct call call;

    struct hvs_disturbed *disturbed; /* NULL: nothing is disturbed */
    struct hvs_faults *faulted;      /* NULL: no op is meddled with */
    int reentered;                   /* by an op: what it causes is not noted */
    struct meddling *meddling;       /* with the ops of the call at hand; or NULL */
    size_t memory_bytes;
    struct disturbance disturbance;
    unsigned ops;         /* of this call */
    uint32_t gone, bound; /* pages, a bit each: unmapped; found writable by this call */
    uint8_t reads[RAM];   /* by this call */
    int read_again;
};

/* Says what is wrong, and is -1. */
int hvs_fails(struct world *world, const char *format, ...);
int hvs_is_execute(const struct world *world);
uint64_t *hvs_general(struct hvemu_x64_frame *frame, unsigned i);
int hvs_narrow(const struct hvemu_x64_frame *frame);
uint64_t hvs_get_control(const struct hvemu_x64_frame *frame);
void hvs_set_control(struct hvemu_x64_frame *frame, uint64_t control);
/* The call's lists; 0: none that there could be an op for. */
int hvs_find_lists(const struct world *world, struct range *in, struct range *out,
                   struct hvemu_call *call);
/* Makes the call, once. */
int hvs_once(struct world *world);
/* Before a call: all that may happen to it in its ops (hvs_faults.c). */
int hvs_fault(struct world *world);
/* In an op: whether it is to answer *answer instead of doing its work. */
int hvs_meddle(struct world *world, unsigned op, uint64_t detail, int *answer);

#endif
