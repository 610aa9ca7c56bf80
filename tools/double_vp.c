/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Virtual processors: nothing but registers, with the values of a reset (Intel SDM 3A 9.1.1). */

#include "double_internal.h"

#include <stdlib.h>
#include <string.h>

/* The registers that there are, by group. 64 bits wide unless `wide`. */
static const struct group {
    uint32_t first, last;
    int wide, read_only;
} groups[] = {
    {HvRegisterPendingInterruption, HvX64RegisterPendingDebugException, 0, 0},
    {HvX64RegisterRax, HvX64RegisterRflags, 0, 0},
    {HvX64RegisterXmm0, HvX64RegisterXmmControlStatus, 1, 0},
    {HvX64RegisterCr0, HvX64RegisterXfem, 0, 0},
    {HvX64RegisterDr0, HvX64RegisterDr7, 0, 0},
    {HvX64RegisterEs, HvX64RegisterTr, 1, 0},
    {HvX64RegisterIdtr, HvX64RegisterGdtr, 1, 0},
    {HvX64RegisterTsc, HvX64RegisterSfmask, 0, 0},
    {HvX64RegisterInitialApicId, HvX64RegisterMsrMtrrCap, 0, 1},
    {HvX64RegisterMsrMtrrDefType, HvX64RegisterMsrMtrrDefType, 0, 0},
    {HvX64RegisterMsrMtrrPhysBase0, HvX64RegisterMsrMtrrPhysBaseF, 0, 0},
    {HvX64RegisterMsrMtrrPhysMask0, HvX64RegisterMsrMtrrPhysMaskF, 0, 0},
    {HvX64RegisterMsrMtrrFix64k00000, HvX64RegisterMsrMtrrFix4kF8000, 0, 0},
    {HvX64RegisterTscAux, HvX64RegisterTscAux, 0, 0},
    {HvRegisterVpRuntime, HvRegisterVpRuntime, 0, 1},
    {HvRegisterTimeRefCount, HvRegisterTimeRefCount, 0, 1},
    {HvX64RegisterSyntheticEoi, HvRegisterVpAssistPage, 0, 0},
    {HvRegisterSint0, HvRegisterScontrol, 0, 0},
    {HvRegisterSversion, HvRegisterSversion, 0, 1},
    {HvRegisterSifp, HvRegisterEom, 0, 0},
    {HvRegisterStimer0Config, HvRegisterStimer3Count, 0, 0},
};

enum { GROUPS = sizeof groups / sizeof *groups };

#define SEGMENT(base, limit, selector, attributes)                                \
    {                                                                             \
        base, (limit) | (uint64_t)(selector) << 32 | (uint64_t)(attributes) << 48 \
    }
#define DATA SEGMENT(0, 0xFFFF, 0, 0x93)
#define TABLE                     \
    {                             \
        (uint64_t)0xFFFF << 48, 0 \
    }

/* What is not zero after a reset. */
static const struct {
    uint32_t name;
    uint64_t value[2];
} resets[] = {
    {HvX64RegisterRip, {0xFFF0}},
    {HvX64RegisterRflags, {0x2}},
    {HvX64RegisterRdx, {0x600}},
    {HvX64RegisterFpControlStatus, {0x40}},
    {HvX64RegisterXmmControlStatus, {0, 0x0000FFFF00001F80}},
    {HvX64RegisterCr0, {0x60000010}},
    {HvX64RegisterXfem, {0x1}},
    {HvX64RegisterDr6, {0xFFFF0FF0}},
    {HvX64RegisterDr7, {0x400}},
    {HvX64RegisterEs, DATA},
    {HvX64RegisterCs, SEGMENT(0xFFFF0000, 0xFFFF, 0xF000, 0x9B)},
    {HvX64RegisterSs, DATA},
    {HvX64RegisterDs, DATA},
    {HvX64RegisterFs, DATA},
    {HvX64RegisterGs, DATA},
    {HvX64RegisterLdtr, SEGMENT(0, 0xFFFF, 0, 0x82)},
    {HvX64RegisterTr, SEGMENT(0, 0xFFFF, 0, 0x8B)},
    {HvX64RegisterIdtr, TABLE},
    {HvX64RegisterGdtr, TABLE},
    {HvX64RegisterPat, {0x0007040600070406}},
    {HvX64RegisterMsrMtrrCap, {0x508}},
    {HvRegisterSversion, {0x1}},
};

/* The register's group and its place among all registers; else NULL, and how many there are. */
static const struct group *locate(uint32_t name, unsigned *place)
{
    *place = 0;
    for (unsigned i = 0; i < GROUPS; i++) {
        if (name >= groups[i].first && name <= groups[i].last) {
            *place += name - groups[i].first;
            return &groups[i];
        }
        *place += groups[i].last - groups[i].first + 1;
    }
    return NULL;
}

static uint64_t *register_of(struct hvdouble_processor *processor, uint32_t name)
{
    unsigned place;

    return locate(name, &place) ? processor->registers[place] : NULL;
}

static struct hvdouble_processor *make_processor(struct hvemu_vp *vp)
{
    struct hvdouble_processor *made = calloc(1, sizeof *made);
    unsigned count;

    locate(UINT32_MAX, &count);
    if (made)
        made->registers = calloc(count, sizeof *made->registers);
    if (!made || !made->registers) {
        free(made);
        return NULL;
    }
    made->vp = vp;
    made->index = hvemu_vp_index(vp);
    for (unsigned i = 0; i < sizeof resets / sizeof *resets; i++)
        memcpy(register_of(made, resets[i].name), resets[i].value, sizeof resets[i].value);
    *register_of(made, HvX64RegisterInitialApicId) = made->index;
    *register_of(made, HvX64RegisterApicBase) = made->index ? 0xFEE00800 : 0xFEE00900;
    return made;
}

/* Where an HV_INITIAL_VP_CONTEXT has its registers, in its order. */
static void start(struct hvdouble_processor *processor, const uint8_t *context)
{
    static const struct {
        uint32_t name;
        unsigned words;
    } order[] = {
        {HvX64RegisterRip, 1},  {HvX64RegisterRsp, 1},  {HvX64RegisterRflags, 1},
        {HvX64RegisterCs, 2},   {HvX64RegisterDs, 2},   {HvX64RegisterEs, 2},
        {HvX64RegisterFs, 2},   {HvX64RegisterGs, 2},   {HvX64RegisterSs, 2},
        {HvX64RegisterTr, 2},   {HvX64RegisterLdtr, 2}, {HvX64RegisterIdtr, 2},
        {HvX64RegisterGdtr, 2}, {HvX64RegisterEfer, 1}, {HvX64RegisterCr0, 1},
        {HvX64RegisterCr3, 1},  {HvX64RegisterCr4, 1},  {HvX64RegisterPat, 1},
    };

    for (unsigned i = 0; i < sizeof order / sizeof *order; i++)
        for (unsigned word = 0; word < order[i].words; word++, context += 8)
            register_of(processor, order[i].name)[word] = le64dec(context);
}

uint16_t hvdouble__vp(void *ctx, struct hvemu_vp *vp, uint32_t event, const void *block,
                      void **vp_ctx)
{
    struct hvdouble_partition *at = ctx;
    struct hvdouble_processor *processor = hvemu_vp_context(vp);
    int answer;

    if (hvdouble__op_fault(at->d, HVS_D_VP, &answer))
        return (uint16_t)answer;
    switch (event) {
    case HVEMU_VP_CREATED:
        processor = make_processor(vp);
        if (!processor)
            return HV_STATUS_NO_RESOURCES;
        LIST_INSERT_HEAD(&at->processors, processor, link);
        *vp_ctx = processor;
        break;
    case HVEMU_VP_START:
        start(processor,
              (const uint8_t *)block + offsetof(HV_INPUT_START_VIRTUAL_PROCESSOR, VpContext));
        break;
    case HVEMU_VP_DELETED:
        LIST_REMOVE(processor, link);
        free(processor->registers);
        free(processor);
        break;
    default:
        break;
    }
    return HV_STATUS_SUCCESS;
}

uint16_t hvdouble__vp_get(void *ctx, struct hvemu_vp *vp, uint32_t name, uint64_t value[2])
{
    struct hvdouble_partition *at = ctx;
    const uint64_t *from = register_of(hvemu_vp_context(vp), name);
    int answer;

    if (hvdouble__op_fault(at->d, HVS_D_VP_GET, &answer))
        return (uint16_t)answer;
    if (!from)
        return HV_STATUS_INVALID_PARAMETER;
    memcpy(value, from, 2 * sizeof *from);
    return HV_STATUS_SUCCESS;
}

uint16_t hvdouble__vp_set(void *ctx, struct hvemu_vp *vp, uint32_t name, const uint64_t value[2])
{
    struct hvdouble_partition *at = ctx;
    struct hvdouble_processor *processor = hvemu_vp_context(vp);
    unsigned place;
    const struct group *group = locate(name, &place);
    int answer;

    if (hvdouble__op_fault(at->d, HVS_D_VP_SET, &answer))
        return (uint16_t)answer;
    if (!group || group->read_only)
        return HV_STATUS_INVALID_PARAMETER;
    if (!group->wide && value[1])
        return HV_STATUS_INVALID_REGISTER_VALUE;
    memcpy(processor->registers[place], value, 2 * sizeof *value);
    return HV_STATUS_SUCCESS;
}
