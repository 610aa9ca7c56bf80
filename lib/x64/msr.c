/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The MSRs that open the interface: GUEST_OS_ID, HYPERCALL with its page, VP_INDEX (TLFS 6.0b 2.6,
 * 3.13, 7.8.1). One OS ID and one page a partition, whichever VP writes them: the VP keeps the slot
 * from its next owner, and a try-lock of the partition keeps two VPs apart. */

#include "dispatch.h"
#include "x64/x64.h"

/* The privilege that an MSR needs; 0: not one of ours. */
static uint64_t privilege_for(uint32_t msr)
{
    switch (msr) {
    case HV_X64_MSR_GUEST_OS_ID:
    case HV_X64_MSR_HYPERCALL:
        return HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS;
    case HV_X64_MSR_VP_INDEX:
        return HV_PRIVILEGE_ACCESS_VP_INDEX;
    default:
        return 0;
    }
}

/* STEP: the access may go on. */
static enum hvemu_action judge_access(const struct hvemu_vp *vp, uint32_t msr)
{
    const uint64_t privilege = privilege_for(msr);

    if (!privilege)
        return HVEMU_PASS;
    return privilege & hvemu__load(&vp->partition->privileges) ? HVEMU_STEP : HVEMU_GP;
}

enum hvemu_action hvemu_x64_rdmsr(struct hvemu_vp *vp, uint32_t msr, uint64_t *value)
{
    enum hvemu_action action;

    if (!vp || !value)
        return HVEMU_FAILED;
    if (!hvemu__alive(vp->partition, hvemu__load(&vp->id)))
        return HVEMU_GONE;
    action = judge_access(vp, msr);
    if (action != HVEMU_STEP)
        return action;
    if (msr == HV_X64_MSR_VP_INDEX)
        *value = vp->index;
    else
        *value = hvemu__load(msr == HV_X64_MSR_HYPERCALL ? &vp->partition->hypercall_msr
                                                         : &vp->partition->guest_os_id);
    return HVEMU_STEP;
}

/* Bit 1 locks only where the lock is advertised; else it is kept like the reserved bits. */
static int locked(const struct hvemu *hv, uint64_t hypercall_msr)
{
    return (hypercall_msr & HV_X64_MSR_HYPERCALL_LOCKED) &&
           (hvemu__x64_features(hv) & HV_FEATURE_HYPERCALL_MSR_LOCK);
}

/* Gives the MSR its value, and the page its place if that changes; the page first, so that a
 * refusal leaves all as it was. */
static enum hvemu_action set_hypercall(struct hvemu_vp *vp, uint64_t value)
{
    const struct hvemu *hv = vp->hv;
    const uint64_t place = HV_X64_MSR_HYPERCALL_PAGE_MASK | HV_X64_MSR_HYPERCALL_ENABLE;
    const uint64_t old = hvemu__load(&vp->partition->hypercall_msr);
    const int enable = (value & HV_X64_MSR_HYPERCALL_ENABLE) != 0;
    int answer = HVEMU_MEM_OK;

    if (enable && (value & place) != (old & place)) {
        const uint64_t gpa = value & HV_X64_MSR_HYPERCALL_PAGE_MASK;
        if (gpa >= hv->gpa_end || !hv->ops.overlay)
            return HVEMU_GP;
        answer = hv->ops.overlay(vp->partition->ctx, hvemu__load(&vp->id), gpa,
                                 hv->config.page_code, hv->config.page_code_bytes);
    } else if (!enable && (old & HV_X64_MSR_HYPERCALL_ENABLE))
        answer = hv->ops.overlay(vp->partition->ctx, hvemu__load(&vp->id), 0, NULL, 0);
    switch (answer) {
    case HVEMU_MEM_OK:
        hvemu__store(&vp->partition->hypercall_msr, value);
        return HVEMU_STEP;
    case HVEMU_MEM_NONE: /* a page can always be taken away */
        return enable ? HVEMU_GP : HVEMU_FAILED;
    case HVEMU_MEM_AGAIN:
        return HVEMU_REPEAT;
    default:
        return HVEMU_FAILED;
    }
}

static enum hvemu_action write_guest_os_id(struct hvemu_vp *vp, uint64_t value)
{
    const uint64_t msr = hvemu__load(&vp->partition->hypercall_msr);
    enum hvemu_action action = HVEMU_STEP;

    /* No identity, no page; a locked page stays all the same. */
    if (!value && !locked(vp->hv, msr))
        action = set_hypercall(vp, msr & ~(uint64_t)HV_X64_MSR_HYPERCALL_ENABLE);
    if (action == HVEMU_STEP)
        hvemu__store(&vp->partition->guest_os_id, value);
    return action;
}

static enum hvemu_action write_hypercall(struct hvemu_vp *vp, uint64_t value)
{
    if (locked(vp->hv, hvemu__load(&vp->partition->hypercall_msr)))
        return HVEMU_GP;
    if (!hvemu__load(&vp->partition->guest_os_id))
        value &= ~(uint64_t)HV_X64_MSR_HYPERCALL_ENABLE;
    return set_hypercall(vp, value);
}

enum hvemu_action hvemu__x64_write_msr(struct hvemu_vp *vp, uint32_t msr, uint64_t value)
{
    enum hvemu_action action;

    if (!hvemu__try_lock(&vp->partition->msr_lock))
        return HVEMU_REPEAT;
    action = !hvemu__alive(vp->partition, hvemu__load(&vp->id)) ? HVEMU_GONE
             : msr == HV_X64_MSR_HYPERCALL                      ? write_hypercall(vp, value)
                                                                : write_guest_os_id(vp, value);
    hvemu__unlock(&vp->partition->msr_lock);
    return action;
}

enum hvemu_action hvemu_x64_wrmsr(struct hvemu_vp *vp, uint32_t msr, uint64_t value)
{
    enum hvemu_action action;

    if (!vp)
        return HVEMU_FAILED;
    action = hvemu__enter(vp);
    if (action != HVEMU_STEP)
        return action;
    action = judge_access(vp, msr);
    if (action == HVEMU_STEP && msr == HV_X64_MSR_VP_INDEX)
        action = HVEMU_GP; /* read-only */
    if (action == HVEMU_STEP)
        action = hvemu__x64_write_msr(vp, msr, value);
    hvemu__leave(vp);
    return action;
}
