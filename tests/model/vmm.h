/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The VMM below a hypervisor: a page of everything, and no thought of its own. The test has two of
 * them, one serving the library's ops and one the model's, which are to be asked the same and to
 * end up the same. Each answers as its script says at one call of one op, and keeps a log. */

#ifndef MODEL_VMM_H
#define MODEL_VMM_H

#include "model.h"

enum vmm_op {
    OP_NONE,
    OP_PARTITION,
    OP_VP,
    OP_VP_GET,
    OP_VP_SET,
    OP_MAP,
    OP_POOL,
    OP_PROPERTY,
    OP_INTERRUPT,
    OP_OVERLAY,
    OP_GPA_READ,
    OP_GPA_WRITE,
    OP_EXT_INT,
    VMM_OPS
};

enum {
    VMM_REGISTERS = 0x1A,
    VMM_PROPERTIES = 0x6,
    VMM_MEMORY = 0x8,
    VMM_LOG = 0x1000,
    VMM_PAGES = 0x1000
};

struct vmm_partition {
    struct vmm *vmm;
    /* From here on to be compared. */
    uint64_t id, overlay;  /* overlay: address | 1 */
    uint32_t used, parent; /* parent: index in vmm.partitions */
    uint64_t channel, property[VMM_PROPERTIES];
    uint64_t deposited[VMM_PAGES / 0x40];
    struct {
        uint64_t source;
        uint32_t what, flags;
    } mapped[VMM_PAGES + 0x40];
    uint64_t registers[MODEL_VPS][VMM_REGISTERS][2];
    uint8_t memory[VMM_MEMORY * 0x1000];
};

struct vmm_event {
    enum vmm_op op;
    uint32_t answer;
    uint64_t partition, a, b, c;
};

struct vmm {
    struct vmm_partition partitions[MODEL_PARTITIONS];
    enum vmm_op scripted; /* the `nth` call from now of this op gets `answer` */
    uint32_t nth, answer;
    uint32_t events; /* since vmm_script() */
    struct vmm_event log[VMM_LOG];
};

void vmm_init(struct vmm *vmm, uint64_t root);
void vmm_script(struct vmm *vmm, enum vmm_op op, uint32_t nth, uint32_t answer);
bool vmm_same_log(const struct vmm *a, const struct vmm *b);
bool vmm_same(const struct vmm *a, const struct vmm *b);
void vmm_print_log(const struct vmm *vmm, const char *whose);

extern const struct model_ops vmm_ops;
extern const uint32_t vmm_names[VMM_REGISTERS];       /* registers it has */
extern const uint32_t vmm_properties[VMM_PROPERTIES]; /* properties it has */

#endif
