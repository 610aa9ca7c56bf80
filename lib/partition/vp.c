/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Virtual processors come and go. A VP keeps its partition's slot from being released, so a native
 * call needs no look-up and cannot act for a successor. */

#include "internal.h"

void hvemu__free_vp(struct hvemu *hv, struct hvemu_vp *vp)
{
    vp->next = NULL;
    if (hv->first_free_vp)
        hv->last_free_vp->next = vp;
    else
        hv->first_free_vp = vp;
    hv->last_free_vp = vp;
}

static enum hvemu_result attach(struct hvemu *hv, uint64_t id, uint32_t index, void *ctx,
                                struct hvemu_vp **made)
{
    struct hvemu__partition *partition = hvemu__slot(hv, id);
    struct hvemu_vp *vp = hv->first_free_vp;

    if (!partition || !hvemu__alive(partition, id))
        return HVEMU_E_PARTITION;
    for (const struct hvemu_vp *other = partition->vps; other; other = other->next)
        if (other->index == index)
            return HVEMU_E_VP;
    if (!vp)
        return HVEMU_E_SPACE;
    hv->first_free_vp = vp->next;
    memset(vp->in, 0, hv->scratch_bytes); /* no byte of another guest's lists */
    memset(vp->out, 0, hv->scratch_bytes);
    hv->closed = 1;
    vp->hv = hv;
    vp->partition = partition;
    vp->id = id;
    vp->ctx = ctx;
    vp->index = index;
    hvemu__store(&vp->yield, 0);
    vp->next = partition->vps;
    partition->vps = vp;
    if (index == 0)
        hvemu__or(&partition->word, HVEMU__VP0);
    *made = vp;
    return HVEMU_OK;
}

enum hvemu_result hvemu_vp_attach(struct hvemu *hv, uint64_t partition, uint32_t index,
                                  void *vp_ctx, struct hvemu_vp **vp)
{
    enum hvemu_result result;

    if (!hv || !vp || index >= hv->config.vps)
        return HVEMU_E_ARGUMENT;
    if (!hvemu__try_lock(&hv->lock))
        return HVEMU_E_BUSY;
    result = attach(hv, partition, index, vp_ctx, vp);
    hvemu__unlock(&hv->lock);
    return result;
}

static enum hvemu_result detach(struct hvemu *hv, struct hvemu_vp *vp)
{
    struct hvemu_vp **link;

    if (vp->id == HV_PARTITION_ID_SELF)
        return HVEMU_E_VP;
    if (hvemu__load(&vp->busy))
        return HVEMU_E_BUSY;
    for (link = &vp->partition->vps; *link != vp; link = &(*link)->next)
        ;
    *link = vp->next;
    if (vp->index == 0)
        hvemu__and(&vp->partition->word, ~(HVEMU__VP0 | HVEMU__EXT_INT));
    vp->id = HV_PARTITION_ID_SELF; /* no slot's: a call by mistake finds it GONE */
    hvemu__free_vp(hv, vp);
    return HVEMU_OK;
}

enum hvemu_result hvemu_vp_detach(struct hvemu_vp *vp)
{
    enum hvemu_result result;

    if (!vp)
        return HVEMU_E_ARGUMENT;
    if (!hvemu__try_lock(&vp->hv->lock))
        return HVEMU_E_BUSY;
    result = detach(vp->hv, vp);
    hvemu__unlock(&vp->hv->lock);
    return result;
}

void hvemu_vp_yield(struct hvemu_vp *vp)
{
    if (vp)
        hvemu__store(&vp->yield, 1);
}

void *hvemu_vp_context(const struct hvemu_vp *vp)
{
    return vp ? vp->ctx : NULL;
}

uint64_t hvemu_vp_partition(const struct hvemu_vp *vp)
{
    return vp && vp->id != HV_PARTITION_ID_SELF ? vp->id : HV_PARTITION_ID_INVALID;
}

uint32_t hvemu_vp_index(const struct hvemu_vp *vp)
{
    return vp ? vp->index : 0;
}
