/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* HvAssertVirtualInterrupt, 0x0055 and 0x0094 (TLFS 2.0a 13.4, 13.5.1; 6.0b 10.5): checks its
 * parameters and hands external interrupts to their automaton, all other types to the VMM. */

#include "internal.h"

/* Whether interrupts of this type carry a vector. */
static int has_vector(uint64_t type)
{
    return type == HvX64InterruptTypeFixed || type == HvX64InterruptTypeLowestPriority ||
           type == HvX64InterruptTypeSipi || type == HvX64InterruptTypeExtInt;
}

static int valid(uint64_t control, uint64_t address, uint32_t vector)
{
    const uint64_t type = control & HV_INTERRUPT_CONTROL_TYPE_MASK;

    if ((control & HV_INTERRUPT_CONTROL_RESERVED_MASK) || type >= HvX64InterruptTypeMaximum)
        return 0;
    if (has_vector(type) ? vector > 0xFF && vector != HV_INTERRUPT_VECTOR_NONE : vector != 0)
        return 0;
    /* An external interrupt always goes to the boot processor. Others name an APIC ID of 32 bits;
       a larger address must not become another processor's by truncation. */
    return type == HvX64InterruptTypeExtInt ? address == 0 : address <= 0xFFFFFFFF;
}

static uint16_t deliver(struct hvemu__invocation *target, uint64_t control, uint64_t address,
                        uint32_t vector)
{
    const struct hvemu *hv = target->shown.hv;
    uint16_t status;

    if ((control & HV_INTERRUPT_CONTROL_TYPE_MASK) == HvX64InterruptTypeExtInt)
        return hvemu__assert_ext_int(target, vector);
    status = hvemu__judge(target);
    if (status != HV_STATUS_SUCCESS)
        return status;
    if (!hv->ops.interrupt)
        return HV_STATUS_INVALID_PARAMETER;
    /* An edge is latched when it is asserted: there is nothing left to withdraw. */
    if (vector == HV_INTERRUPT_VECTOR_NONE &&
        (!(control & HV_INTERRUPT_CONTROL_LEVEL_TRIGGERED) ||
         (control & HV_INTERRUPT_CONTROL_TYPE_MASK) == HvX64InterruptTypeSipi))
        return HV_STATUS_SUCCESS;
    return hv->ops.interrupt(target->partition->ctx, target->shown.target, control, address,
                             vector);
}

/* Judged once already. The count of ops in flight rises before the word is read again, so that
 * finalizing either waits for the op or is seen here. */
static uint16_t assert_interrupt(struct hvemu__invocation *target, uint64_t control,
                                 uint64_t address, uint32_t vector, uint32_t vtl)
{
    struct hvemu__partition *partition = target->partition;
    uint16_t status;

    if (!valid(control, address, vector))
        return HV_STATUS_INVALID_PARAMETER;
    if (vtl) /* no partition here has a virtual trust level above 0 */
        return HV_STATUS_INVALID_VTL_STATE;
    hvemu__add(&partition->ops, 1);
    status = deliver(target, control, address, vector);
    hvemu__sub(&partition->ops, 1);
    return status;
}

#define AT(field) offsetof(HV_INPUT_ASSERT_VIRTUAL_INTERRUPT, field)

uint16_t hvemu__assert_virtual_interrupt(const struct hvemu_invocation *invocation, const void *in,
                                         const void *item, void *out)
{
    const uint8_t *block = in;
    struct hvemu__invocation *target = hvemu__inside(invocation);
    /* The newer call's last four bytes: a VTL, 0 to 15, and zeros. The older one's are padding. */
    const uint32_t vtl = target->shown.call->code == HvCallAssertVirtualInterrupt
                             ? le32dec(block + AT(TargetVtl))
                             : 0;

    (void)item, (void)out;
    if (vtl > 15)
        return HV_STATUS_INVALID_PARAMETER;
    return assert_interrupt(target, le64dec(block + AT(InterruptControl)),
                            le64dec(block + AT(DestinationAddress)),
                            le32dec(block + AT(RequestedVector)), vtl);
}

uint16_t hvemu_assert_virtual_interrupt(struct hvemu *hv, uint64_t caller, uint64_t destination,
                                        uint64_t control, uint64_t address, uint32_t vector)
{
    const struct hvemu_descriptor *row = &hvemu__rows[HVEMU__ROW_HvCallAssertVirtualInterrupt];
    struct hvemu__invocation target = {
        .shown = {.hv = hv, .call = row, .caller = caller, .target = destination}};
    uint16_t status;

    if (!hvemu__caller(hv, caller, row))
        return HV_STATUS_ACCESS_DENIED;
    status = hvemu__judge(&target);
    if (status != HV_STATUS_SUCCESS)
        return status;
    return assert_interrupt(&target, control, address, vector, 0);
}
