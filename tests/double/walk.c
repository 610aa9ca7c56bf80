/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

#include "walk.h"

#include "internal.h"

static struct hvemu__partition *at(const struct hvemu *hv, uint32_t place)
{
    assert_in_range(place, 1, hv->config.partitions);
    return hvemu__slot(hv, place);
}

static uint64_t state_of(struct hvemu__partition *partition)
{
    return HVEMU__STATE(hvemu__load(&partition->word));
}

static uint64_t id_of(const struct hvemu *hv, struct hvemu__partition *partition)
{
    return HVEMU__GENERATION(hvemu__load(&partition->word)) << 24 |
           (uint64_t)(partition - hv->partitions + 1);
}

/* The children's list: as long as is said, to and fro, and theirs. Returns what they cost. */
static uint32_t walk_children(const struct hvemu *hv, struct hvemu__partition *parent)
{
    uint32_t count = 0, before = 0, cost = 0;

    for (uint32_t place = parent->rest->first_child; place; place = at(hv, place)->rest->next) {
        struct hvemu__partition *child = at(hv, place);

        assert_true(++count <= parent->rest->children);
        assert_int_not_equal(state_of(child), HVEMU__FREE);
        assert_u64(child->rest->previous, before);
        assert_u64(hvemu__load(&child->parent), id_of(hv, parent));
        assert_u64(child->rest->depth, parent->rest->depth + 1);
        assert_u64(hvemu__load(&child->privileges) & ~(uint64_t)HV_PRIVILEGE_ALL, 0);
        cost += child->rest->price;
        before = place;
    }
    assert_u64(count, parent->rest->children);
    assert_u64(parent->rest->last_child, before);
    return cost;
}

/* The processors' list. Returns what they cost. */
static uint32_t walk_vps(const struct hvemu *hv, struct hvemu__partition *partition)
{
    uint32_t count = 0, cost = 0;
    int has_vp0 = 0;

    for (const struct hvemu_vp *vp = partition->rest->vps; vp; vp = vp->next) {
        assert_true(++count <= partition->rest->vp_count);
        assert_ptr_equal(vp->hv, hv);
        assert_ptr_equal(vp->partition, partition);
        assert_u64(vp->id, id_of(hv, partition));
        assert_u64(hvemu__load(&vp->busy), 0);
        for (const struct hvemu_vp *other = vp->next; other; other = other->next)
            assert_int_not_equal(vp->index, other->index);
        has_vp0 |= vp->index == 0;
        cost += vp->price;
    }
    assert_u64(count, partition->rest->vp_count);
    assert_int_equal((hvemu__load(&partition->word) & HVEMU__VP0) != 0, has_vp0);
    return cost;
}

static uint32_t cost_of_intercepts(const struct hvemu *hv, struct hvemu__partition *partition)
{
    const _Atomic uint64_t *table =
        hv->intercepts + (size_t)(partition - hv->partitions) * hv->config.intercepts;
    uint32_t cost = 0;

    for (uint32_t i = 0; i < hvemu__load(&partition->rest->intercepts); i++)
        if (hvemu__load(&table[i]) >> 40 && (hvemu__load(&table[i]) >> 32 & 0xFF) == 2)
            cost += hv->config.intercept_cost;
    return cost;
}

/* What it has is what its pool pays for. */
static void walk_partition(const struct hvemu *hv, struct hvemu__partition *partition)
{
    const uint64_t state = state_of(partition), word = hvemu__load(&partition->word);
    const int is_root = partition == hv->partitions;
    uint32_t cost = walk_children(hv, partition) + walk_vps(hv, partition);

    assert_u64(hvemu__load(&partition->ops), 0);
    assert_u64(hvemu__load(&partition->rest->lock), 0);
    assert_u64(hvemu__load(&partition->msr_lock), 0);
    assert_true(partition->rest->pages <= hv->config.pages);
    assert_true(partition->rest->pages_used <= partition->rest->pages);
    if (state != HVEMU__ACTIVE) {
        assert_u64(partition->rest->children, 0);
        assert_u64(word & HVEMU__EXT_INT, 0);
    }
    if (state == HVEMU__UNINITIALIZED || state == HVEMU__FINALIZED) {
        assert_u64(partition->rest->vp_count, 0);
        assert_u64(partition->rest->pages_used, 0);
        return;
    }
    if (!(word & HVEMU__VP0))
        assert_u64(word & HVEMU__EXT_INT, 0);
    cost += cost_of_intercepts(hv, partition);
    if (!is_root)
        cost += hv->config.initialize_cost +
                (partition->rest->mapped + 511) / 512 * hv->config.map_cost;
    assert_u64(partition->rest->pages_used, cost);
}

uint32_t walk(const struct hvemu *hv)
{
    uint32_t partitions = 0, mapped = 0, vps = 0, children = 0, last = 0;
    const struct hvemu_vp *last_vp = NULL;

    assert_u64(hvemu__load(&hv->lock), 0);
    assert_u64(hvemu__load(&hv->room_lock), 0);
    for (uint32_t place = 1; place <= hv->config.partitions; place++) {
        struct hvemu__partition *partition = at(hv, place);

        if (state_of(partition) == HVEMU__FREE)
            continue;
        walk_partition(hv, partition);
        partitions++;
        children += partition->rest->children;
        vps += partition->rest->vp_count;
        if (state_of(partition) == HVEMU__ACTIVE)
            mapped += partition->rest->mapped;
    }
    assert_u64(children + 1, partitions); /* each but the root is one's child */
    for (uint32_t place = hv->first_free; place; place = at(hv, place)->rest->next) {
        assert_int_equal(state_of(at(hv, place)), HVEMU__FREE);
        assert_true(++partitions <= hv->config.partitions);
        last = place;
    }
    assert_u64(partitions, hv->config.partitions);
    assert_true(!last || hv->last_free == last);
    for (const struct hvemu_vp *vp = hv->first_free_vp; vp; vp = vp->next) {
        assert_true(++vps <= hv->config.vps);
        last_vp = vp;
    }
    assert_u64(vps, hv->config.vps);
    assert_true(!last_vp || hv->last_free_vp == last_vp);
    return mapped;
}

void walk_empty(const struct hvemu *hv)
{
    walk(hv);
    assert_u64(hv->partitions->rest->children, 0);
    assert_u64(hv->partitions->rest->vp_count, 0);
    assert_u64(hv->partitions->rest->pages, 0);
    assert_u64(hv->partitions->rest->pages_used, 0);
}
