/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A VMM for tests: a few pages of guest memory, registers, properties and a list of the pages that
 * are mapped or deposited, a log of every op, and a way to make any op fail, block, lie or call
 * back into the library at its n-th call. */

#ifndef FAKE_VMM_H
#define FAKE_VMM_H

#include "hvtest.h"

enum fake_op {
    FAKE_EXT_INT,
    FAKE_INTERRUPT,
    FAKE_GPA_READ,
    FAKE_GPA_WRITABLE,
    FAKE_GPA_WRITE,
    FAKE_OVERLAY,
    FAKE_PARTITION,
    FAKE_VP,
    FAKE_VP_GET,
    FAKE_VP_SET,
    FAKE_MAP,
    FAKE_POOL,
    FAKE_PROPERTY,
    FAKE_OPS
};

enum {
    FAKE_RAM = 0x8000,
    FAKE_HYPERCALL_PAGE = 0x7000,
    FAKE_LOG = 256,
    FAKE_VALUES = 64,
    FAKE_PAGES = 1024
};

struct fake_event {
    enum fake_op op;
    void *ctx;
    uint64_t partition; /* of the VP, for the vp ops */
    /* Memory ops and overlay; control of interrupt; event of partition and vp; name of vp_get and
       vp_set; page of map and pool; code of property. */
    uint64_t gpa;
    /* Flags of partition's creation; VP index of vp, vp_get and vp_set; source of map; argument of
       property. */
    uint64_t destination;
    uint32_t vector;   /* or bytes; `what` of map, `deposit` of pool, `set` of property */
    uint64_t value[2]; /* of vp_set; [0] of a property that is set; [0] the flags of map */
};

/* A register, or a property (vp UINT32_MAX, name its code). */
struct fake_value {
    uint64_t partition, value[2];
    uint32_t vp, name;
};

/* What a page of a partition is: deposited by it, or the place of its parent's page `source`. */
struct fake_page {
    uint64_t partition, page, source; /* partition 0: a free entry */
    uint32_t flags;
    int deposited;
};

struct fake_vmm {
    struct hvemu *hv;
    uint64_t root, guest; /* guest: an active child of the root with every privilege */
    struct hvemu_vp *vp;  /* its VP 0, hypercall page enabled at FAKE_HYPERCALL_PAGE */
    uint8_t ram[FAKE_RAM];
    uint64_t overlay; /* where the hypercall page is; ~0: nowhere */
    struct fake_value values[FAKE_VALUES];
    struct fake_page pages[FAKE_PAGES];
    uint8_t block[240]; /* what the vp op saw last */

    struct fake_event log[FAKE_LOG];
    unsigned logged, count[FAKE_OPS];

    /* The next `after`+1-th call of `op` gives `answer` instead of doing its work, if armed. */
    struct {
        int armed;
        unsigned after;
        int answer;
    } fault[FAKE_OPS];
    /* Runs at the start of every op, before it does its work. */
    void (*reenter)(struct fake_vmm *vmm, const struct fake_event *event);
    void *child_ctx; /* what the partition op gives a new child; NULL: nothing */
    void *vp_ctx;    /* what the vp op gives a new VP; NULL: nothing */

    void *memory;
};

extern const struct hvemu_ops fake_ops;

/* cmocka fixtures: *state is a struct fake_vmm with a default instance, XMM input and output and
   the MSR lock advertised. */
int fake_setup(void **state);
int fake_teardown(void **state);

/* An instance of another configuration or with other ops (NULL: fake_ops); no guest is made. */
struct fake_vmm *fake_new(const struct hvemu_config *config, const struct hvemu_ops *ops);
void fake_free(struct fake_vmm *vmm);
/* Adds the guest, VP 0 and the hypercall page. */
void fake_add_guest(struct fake_vmm *vmm, uint64_t privileges);
void fake_enable_hypercalls(struct hvemu_vp *vp);
/* Makes the after+1-th call of `op` from now answer `answer`. */
void fake_fail(struct fake_vmm *vmm, enum fake_op op, unsigned after, int answer);
/* Forgets the log and the counts. */
void fake_forget(struct fake_vmm *vmm);
/* Two times 64 bits of a VP's register, 0 until it is set. The ops know names up to 0xFFFFF. */
uint64_t *fake_register(struct fake_vmm *vmm, uint64_t partition, uint32_t vp, uint32_t name);
/* A property, for the test to set; the op does not know one that was never set. */
uint64_t *fake_property(struct fake_vmm *vmm, uint64_t partition, uint32_t code);
/* What is mapped at a page of `partition`, or was deposited from there; NULL: nothing. */
struct fake_page *fake_mapped(struct fake_vmm *vmm, uint64_t partition, uint64_t page);
struct fake_page *fake_deposited(struct fake_vmm *vmm, uint64_t partition, uint64_t page);

/* A frame of a 64-bit caller at CPL 0, all its other registers holding a pattern. */
struct hvemu_x64_frame fake_frame64(uint64_t control, uint64_t rdx, uint64_t r8);
/* The same call by a 32-bit caller: EDX:EAX, EBX:ECX, EDI:ESI; upper halves hold rubbish. */
struct hvemu_x64_frame fake_frame32(uint64_t control, uint64_t first, uint64_t second);
/* Asserts that `after` differs from `before` in nothing but the registers of `changed`, which must
   be what after.changed says. */
void assert_only_changed(const struct hvemu_x64_frame *before, const struct hvemu_x64_frame *after,
                         uint32_t changed);

/* A call from C whose only parameter is a partition's ID (initialize, finalize, delete, clear). */
uint16_t fake_call_on(struct fake_vmm *vmm, uint64_t caller, uint16_t code, uint64_t partition);
/* HvCallCreatePartition with flags and proximity information zero. */
uint16_t fake_create(struct fake_vmm *vmm, uint64_t caller, uint64_t *id);
/* A child of `parent`, created by call and active, or (fake_end) finalized and deleted. */
uint64_t fake_child(struct fake_vmm *vmm, uint64_t parent);
void fake_end(struct fake_vmm *vmm, uint64_t parent, uint64_t child);
/* The fault armed and not used yet is forgotten. */
void fake_mend(struct fake_vmm *vmm, enum fake_op op);

#endif
