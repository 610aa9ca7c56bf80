/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Registers of a virtual processor (TLFS 2.0a 10.2, 10.3, 10.4.3, 10.4.4). Suspend state and the
 * hypercall MSRs are the library's, which lets them in by one door; all others are the VMM's. */

#include "x64/x64.h"

static uint32_t suspend(const struct hvemu_vp *vp)
{
    return hvemu__load(&vp->suspend);
}

/* Whether the caller may reach a register that is an MSR of ours: its own, only as it may the
 * MSR. */
static int may_reach(const struct hvemu__invocation *target, uint32_t name)
{
    uint64_t needed = 0;

    if (name == HvX64RegisterHypercall || name == HvRegisterGuestOsId)
        needed = HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS;
    else if (name == HvRegisterVpIndex)
        needed = HV_PRIVILEGE_ACCESS_VP_INDEX;
    return target->shown.target != target->shown.caller ||
           !(needed & ~hvemu__load(&target->partition->privileges));
}

/* Who is suspended is its parent's to say, not its sister's. */
static int may_resume(const struct hvemu__invocation *target, uint32_t name)
{
    return target->shown.target != target->shown.caller ||
           (name != HvRegisterExplicitSuspend && name != HvRegisterInterceptSuspend);
}

uint16_t hvemu__get_register(const struct hvemu__invocation *target, uint32_t name,
                             uint64_t value[2])
{
    const struct hvemu_ops *ops = &target->shown.hv->ops;
    struct hvemu_vp *vp = target->vp;

    value[0] = value[1] = 0;
    if (!may_reach(target, name))
        return HV_STATUS_ACCESS_DENIED;
    switch (name) {
    case HvRegisterExplicitSuspend:
        value[0] = suspend(vp) & HVEMU_SUSPENDED_EXPLICIT;
        break;
    case HvRegisterInterceptSuspend:
        value[0] = suspend(vp) / HVEMU_SUSPENDED_INTERCEPT;
        break;
    case HvX64RegisterHypercall:
        value[0] = hvemu__load(&vp->partition->hypercall_msr);
        break;
    case HvRegisterGuestOsId:
        value[0] = hvemu__load(&vp->partition->guest_os_id);
        break;
    case HvRegisterVpIndex:
        value[0] = vp->index;
        break;
    default:
        return ops->vp_get ? ops->vp_get(vp->partition->ctx, vp, name, value)
                           : HV_STATUS_INVALID_PARAMETER;
    }
    return HV_STATUS_SUCCESS;
}

/* Another bit or more set than may be is an illegal value; of what is allowed, `value` is how the
 * bits are from now on. */
static uint16_t set_suspend(struct hvemu_vp *vp, uint32_t allowed, uint32_t value)
{
    if (value & ~allowed)
        return HV_STATUS_INVALID_REGISTER_VALUE;
    hvemu__or(&vp->suspend, value & HVEMU_SUSPENDED_EXPLICIT);
    hvemu__and(&vp->suspend, ~(allowed & ~value));
    (void)hvemu__tell_vp(vp, HVEMU_VP_SUSPEND, NULL, NULL);
    return HV_STATUS_SUCCESS;
}

static uint16_t set_msr(struct hvemu_vp *vp, uint32_t msr, uint64_t value)
{
    switch (hvemu__x64_write_msr(vp, msr, value)) {
    case HVEMU_STEP:
        return HV_STATUS_SUCCESS;
    case HVEMU_GP:
        return HV_STATUS_INVALID_PARAMETER;
    case HVEMU_REPEAT:
        return HV_STATUS_TIMEOUT;
    default:
        return HV_STATUS_OPERATION_FAILED;
    }
}

static uint16_t set_register(const struct hvemu__invocation *target, uint32_t name,
                             const uint64_t value[2])
{
    const struct hvemu_ops *ops = &target->shown.hv->ops;
    struct hvemu_vp *vp = target->vp;
    const int wide = value[0] > 0xFF || value[1];

    if (!may_reach(target, name) || !may_resume(target, name))
        return HV_STATUS_ACCESS_DENIED;
    switch (name) {
    case HvRegisterExplicitSuspend:
        return wide ? HV_STATUS_INVALID_REGISTER_VALUE
                    : set_suspend(vp, HVEMU_SUSPENDED_EXPLICIT, (uint32_t)value[0]);
    case HvRegisterInterceptSuspend: /* what is set can be cleared, nothing can be set */
        return wide ? HV_STATUS_INVALID_REGISTER_VALUE
                    : set_suspend(vp, suspend(vp) & ~(uint32_t)HVEMU_SUSPENDED_EXPLICIT,
                                  (uint32_t)value[0] * HVEMU_SUSPENDED_INTERCEPT);
    case HvX64RegisterHypercall:
        return value[1] ? HV_STATUS_INVALID_REGISTER_VALUE
                        : set_msr(vp, HV_X64_MSR_HYPERCALL, value[0]);
    case HvRegisterGuestOsId:
        return value[1] ? HV_STATUS_INVALID_REGISTER_VALUE
                        : set_msr(vp, HV_X64_MSR_GUEST_OS_ID, value[0]);
    case HvRegisterVpIndex: /* read-only */
        return HV_STATUS_INVALID_PARAMETER;
    default:
        return ops->vp_set ? ops->vp_set(vp->partition->ctx, vp, name, value)
                           : HV_STATUS_INVALID_PARAMETER;
    }
}

/* The header's last four bytes: an HV_INPUT_VTL and zeros. */
static uint16_t judge_header(const uint8_t *in)
{
    const uint32_t vtl = le32dec(in + offsetof(HV_INPUT_GET_VP_REGISTERS, InputVtl));

    return vtl > 0xFF ? HV_STATUS_INVALID_PARAMETER : hvemu__judge_vtl((uint8_t)vtl);
}

uint16_t hvemu__get_vp_register(const struct hvemu_invocation *invocation, const void *in,
                                const void *item, void *out)
{
    uint64_t value[2];
    uint16_t status = judge_header(in);

    if (status == HV_STATUS_SUCCESS)
        status = hvemu__get_register(hvemu__inside(invocation), le32dec(item), value);
    if (status == HV_STATUS_SUCCESS) {
        le64enc(out, value[0]);
        le64enc((uint8_t *)out + 8, value[1]);
    }
    return status;
}

#define AT(field) offsetof(HV_REGISTER_ASSOC, field)

uint16_t hvemu__set_vp_register(const struct hvemu_invocation *invocation, const void *in,
                                const void *item, void *out)
{
    const uint8_t *assoc = item;
    const uint64_t value[2] = {le64dec(assoc + AT(Value)), le64dec(assoc + AT(Value) + 8)};
    const uint16_t status = judge_header(in);

    (void)out;
    return status != HV_STATUS_SUCCESS
               ? status
               : set_register(hvemu__inside(invocation), le32dec(assoc), value);
}
