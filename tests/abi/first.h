/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The structures of the first release, 0.1.0, as programs compiled with it have them: a copy, under
 * other names, of those in hvgdk/hvemu.h that may grow. Never to be changed. */

#ifndef HVEMU_FIRST_H
#define HVEMU_FIRST_H

#include <stddef.h>
#include <stdint.h>

struct hvemu;
struct hvemu_vp;
struct hvemu_descriptor;
struct hvemu_invocation;

struct first_config {
    size_t size;
    uint32_t partitions;
    uint32_t vps;
    uint32_t depth;
    uint32_t children;
    uint32_t gpa_bits;
    uint32_t features;
    uint32_t recommendations;
    uint32_t page_code_bytes;
    uint8_t page_code[16];
    uint64_t privileges;
    uint32_t calls;
    uint32_t rep_budget;
    uint32_t vps_each;
    uint32_t pages;
    uint32_t create_cost;
    uint32_t initialize_cost;
    uint32_t vp_cost;
    uint32_t map_cost;
    uint32_t intercept_cost;
    uint32_t descendants;
    uint32_t intercepts;
};

struct first_ops {
    size_t size;
    void (*ext_int)(void *ctx, uint64_t partition);
    uint16_t (*interrupt)(void *ctx, uint64_t partition, uint64_t control, uint64_t address,
                          uint32_t vector);
    int (*gpa_read)(void *ctx, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes);
    int (*gpa_writable)(void *ctx, uint64_t partition, uint64_t gpa, uint32_t bytes);
    int (*gpa_write)(void *ctx, uint64_t partition, uint64_t gpa, const void *from, uint32_t bytes);
    int (*overlay)(void *ctx, uint64_t partition, uint64_t gpa, const uint8_t *code,
                   uint32_t bytes);
    uint16_t (*partition)(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                          void **child_ctx);
    int (*filter)(void *ctx, const struct hvemu_invocation *invocation);
    void (*trace)(void *ctx, const struct hvemu_invocation *invocation, uint16_t status,
                  uint16_t reps);
    uint16_t (*vp)(void *ctx, struct hvemu_vp *vp, uint32_t event, const void *block,
                   void **vp_ctx);
    uint16_t (*vp_get)(void *ctx, struct hvemu_vp *vp, uint32_t name, uint64_t value[2]);
    uint16_t (*vp_set)(void *ctx, struct hvemu_vp *vp, uint32_t name, const uint64_t value[2]);
    uint16_t (*map)(void *ctx, uint64_t partition, uint32_t what, uint64_t page, uint64_t source,
                    uint32_t flags);
    uint16_t (*pool)(void *ctx, uint64_t partition, uint64_t page, int deposit);
    uint16_t (*property)(void *ctx, uint64_t partition, uint32_t code, uint64_t argument,
                         uint64_t *value, int set);
};

struct first_descriptor {
    size_t size;
    const char *name;
    uint16_t (*handler)(const struct hvemu_invocation *invocation, const void *in, const void *item,
                        void *out);
    uint64_t privilege;
    uint16_t code;
    uint16_t form;
    uint16_t in, in_each;
    uint16_t out, out_each;
    uint8_t target, states;
    uint8_t reserved[2];
};

/* Without a size, as the library makes it: a handler of then reads no further than this. */
struct first_invocation {
    struct hvemu *hv;
    const struct hvemu_descriptor *call;
    struct hvemu_vp *vp;
    void *ctx;
    uint64_t caller, target;
    uint64_t control;
    uint16_t header_bytes;
    uint16_t index;
};

#endif
