/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* What calls answer, what they do, and what they tell the VMM, if they come one after the other;
 * written from include/hvgdk/hvemu.h and the TLFS. And the search for an order of a history's calls
 * that explains it (Wing and Gong). */

#include "world.h"

/* 0, or the status that a caller gets who may not act on this ID. */
static int judge(const struct state *s, const struct act *act)
{
    if (s->life == FREE || s->generation != act->generation)
        return 0x0D;
    return s->owner != act->caller ? 0x06 : 0;
}

static int alive(const struct state *s, unsigned generation)
{
    return s->life == ACTIVE && s->generation == generation;
}

static void forget_interrupt(struct state *s)
{
    s->interrupt = NO_INTERRUPT;
    s->vector = 0;
}

static int assert_ext_int(struct state *s, const struct act *act, unsigned *told)
{
    const struct state before = *s;

    if (!s->vp0)
        return 0x0E;
    if (s->interrupt == IS_ACKED)
        return 0x16;
    forget_interrupt(s);
    if (act->kind == ASSERT) {
        s->interrupt = IS_ASSERTED;
        s->vector = act->vector;
    }
    if (s->interrupt != before.interrupt || s->vector != before.vector)
        *told |= TOLD_KICK;
    return 0;
}

static int clear(struct state *s)
{
    if (s->interrupt != IS_ACKED)
        return 0x14;
    forget_interrupt(s);
    return 0;
}

static int create_vp(struct state *s, unsigned *told)
{
    if (s->vp0)
        return 0x0E;
    s->vp0 = MADE;
    *told |= TOLD_VP_CREATED;
    return 0;
}

static int delete_vp(struct state *s, unsigned *told)
{
    if (!s->vp0)
        return 0x0E;
    if (s->vp0 == ATTACHED)
        return 0x08;
    s->vp0 = 0;
    forget_interrupt(s);
    *told |= TOLD_VP_DELETED;
    return 0;
}

/* By its parent, on an active partition. */
static int on_active(struct state *s, const struct act *act, unsigned *told)
{
    if (s->life != ACTIVE && (s->life != UNINITIALIZED || act->kind != PROPERTY))
        return 0x07;
    switch (act->kind) {
    case ASSERT:
    case WITHDRAW:
        return assert_ext_int(s, act, told);
    case CLEAR:
        return clear(s);
    case CREATE_VP:
        return create_vp(s, told);
    case DELETE_VP:
        return delete_vp(s, told);
    case PROPERTY:
        return 0;
    default:
        *told |= act->kind == OWN_ON ? TOLD_OWN : TOLD_INTERRUPT;
        return 0;
    }
}

/* All of it at once: nobody can tell that it was not. */
static int finalize(struct state *s, unsigned *told)
{
    if (s->life != ACTIVE && s->life != FINALIZING)
        return 0x07;
    if (s->vp0 == ATTACHED)
        return AGAIN_STATUS;
    *told |= TOLD_FIRST << 3;
    if (s->life == ACTIVE)
        *told |= TOLD_FIRST << 2;
    if (s->vp0)
        *told |= TOLD_VP_DELETED;
    s->life = FINALIZED;
    s->vp0 = 0;
    forget_interrupt(s);
    return 0;
}

static int change_life(struct state *s, enum kind kind, unsigned *told)
{
    if (kind == FINALIZE)
        return finalize(s, told);
    if (kind == INITIALIZE) {
        if (s->life != UNINITIALIZED)
            return 0x07;
        s->life = ACTIVE;
        *told |= TOLD_FIRST << 1;
        return 0;
    }
    if (s->life != UNINITIALIZED && s->life != FINALIZED)
        return 0x07;
    s->life = FREE;
    s->generation++;
    *told |= TOLD_FIRST << 4;
    return 0;
}

static int add(struct state *s, const struct call *c, unsigned *told)
{
    if (s->life != FREE)
        return c->act->kind == CREATE ? 0x1D : -3;
    s->life = c->act->kind == CREATE ? UNINITIALIZED : ACTIVE;
    s->owner = c->act->caller;
    if (c->act->kind == CREATE)
        *told |= TOLD_FIRST;
    return s->generation == c->generation ? 0 : -100; /* the ID that was given out */
}

static int acknowledge(struct state *s, const struct call *c)
{
    if (!alive(s, c->generation))
        return -4;
    if (s->interrupt != IS_ASSERTED)
        return -6;
    s->interrupt = IS_ACKED;
    return s->vector == c->vector ? 0 : -100;
}

static int attach(struct state *s, unsigned generation)
{
    if (!alive(s, generation))
        return -4;
    if (s->vp0)
        return -5;
    s->vp0 = ATTACHED;
    return 0;
}

static int carry_out(struct state *s, const struct call *c, unsigned *told)
{
    const struct act *act = c->act;
    int denied;

    switch (act->kind) {
    case ACKNOWLEDGE:
        return acknowledge(s, c);
    case LINE:
        return alive(s, c->generation) && s->interrupt == IS_ASSERTED;
    case DETACH:
        s->vp0 = 0;
        forget_interrupt(s);
        return 0;
    case ATTACH:
        return attach(s, act->generation);
    case RESET:
        if (!alive(s, act->generation))
            return -4;
        forget_interrupt(s);
        return 0;
    case OWN_BY:
        if (!alive(s, act->generation))
            return 0x06;
        *told |= TOLD_OWN;
        return 0;
    case NEXT_CHILD:
        return c->generation == (s->life != FREE && s->owner == A ? s->generation : NOBODY) ? 0
                                                                                            : -100;
    case CREATE:
    case ADD_GUEST:
        return add(s, c, told);
    default:
        denied = judge(s, act);
        if (denied)
            return denied;
        return act->kind >= INITIALIZE ? change_life(s, act->kind, told) : on_active(s, act, told);
    }
}

/* Whether somebody else's call was under way at some moment of this one. */
static int overlapped(int at)
{
    for (int other = 0; other < SCHEDULE_THREADS * CALLS; other++)
        if (other / CALLS != at / CALLS && !(history[at].after >> other & 1) &&
            !(history[other].after >> at & 1))
            return 1;
    return 0;
}

/* Finalizing has begun, or gone on, as far as the VMM was told; a VP that it has to detach, or
 * another call, keeps it from the end. */
static int finalize_again(struct state *s, const struct call *c, int disturbed)
{
    const int attached = judge(s, c->act) == 0 && s->vp0 == ATTACHED;

    if (!c->told)
        return disturbed || (attached && s->life == FINALIZING);
    if (judge(s, c->act) || !(disturbed || attached) ||
        c->told & ~(unsigned)(TOLD_FIRST << 2 | TOLD_VP_DELETED))
        return 0;
    if (s->life != (c->told & TOLD_FIRST << 2 ? ACTIVE : FINALIZING))
        return 0;
    s->life = FINALIZING;
    forget_interrupt(s);
    if (c->told & TOLD_VP_DELETED) {
        if (s->vp0 != MADE)
            return 0;
        s->vp0 = 0;
    }
    return 1;
}

/* Whether the call may come now, and what it leaves. "Again" means that it has met another call,
 * and that nothing has happened. */
static int step(struct state *s, int at)
{
    const struct call *c = &history[at];
    unsigned told = 0;

    if (c->answer == NOT_MADE)
        return 1;
    if (c->answer == AGAIN_STATUS || c->answer == AGAIN_RESULT)
        return c->act->kind == FINALIZE ? finalize_again(s, c, overlapped(at))
                                        : !c->told && overlapped(at);
    return carry_out(s, c, &told) == c->answer && told == c->told;
}

static int search(struct state s, unsigned done, const struct state *end)
{
    if (done == (1u << SCHEDULE_THREADS * CALLS) - 1)
        return s.generation == end->generation && s.life == end->life && s.vp0 == end->vp0 &&
               s.interrupt == end->interrupt && s.vector == end->vector &&
               (s.life == FREE || s.owner == end->owner);
    for (int at = 0; at < SCHEDULE_THREADS * CALLS; at++) {
        struct state next = s;

        if (!(done >> at & 1) && !(history[at].after & ~done) && step(&next, at) &&
            search(next, done | 1u << at, end))
            return 1;
    }
    return 0;
}

int explained(struct state begin, struct state end)
{
    return search(begin, 0, &end);
}
