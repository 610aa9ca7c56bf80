/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* What the library's files share. A partition is one slot with one 64-bit word that says whose slot
 * it is, in which state, and where its external interrupt stands; all that may happen to a
 * partition from several threads at once happens in a compare-and-swap of that word. */

#ifndef HVEMU_INTERNAL_H
#define HVEMU_INTERNAL_H

#include "deps.h"
#include "hvgdk/hvemu.h"
#include "hvgdk/hvgdk.h"

/* The word: 63:24 generation, 23:21 state, 19 VP 0 present, 9:8 external interrupt, 7:0 vector
 * (kept while acknowledged). A partition ID is generation << 24 | slot + 1, and slots are so few
 * that 23:21 of an ID are zero: as those of the word while the partition is active. Whether an ID
 * names an active partition is therefore a single comparison. */
enum {
    HVEMU__FREE = 0, /* the generation is the next partition's */
    HVEMU__UNINITIALIZED,
    HVEMU__ACTIVE,
    HVEMU__FINALIZING,
    HVEMU__FINALIZED
};
#define HVEMU__STATE_SHIFT      21
#define HVEMU__STATE_MASK       ((uint64_t)7 << HVEMU__STATE_SHIFT)
#define HVEMU__STATE(word)      (((unsigned)((word) >> HVEMU__STATE_SHIFT) & 7) ^ HVEMU__ACTIVE)
#define HVEMU__STATE_IS(state)  ((uint64_t)((state) ^ HVEMU__ACTIVE) << HVEMU__STATE_SHIFT)
#define HVEMU__GENERATION(word) ((word) >> 24)
/* No generation: with it an ID could be HV_PARTITION_ID_SELF. */
#define HVEMU__GENERATION_END (((uint64_t)1 << 40) - 1)
#define HVEMU__SLOTS_MAX      0x1FFFFEu
#define HVEMU__ROOT_ID        1

#define HVEMU__VP0              ((uint64_t)1 << 19)
#define HVEMU__EXT_INT          ((uint64_t)0x3FF) /* state and vector; all zero is idle */
#define HVEMU__EXT_INT_ASSERTED ((uint64_t)0x100)
#define HVEMU__EXT_INT_ACKED    ((uint64_t)0x200)

/* How often a call tries a compare-and-swap before it asks to be repeated. */
#define HVEMU__ATTEMPTS 8

/* The properties whose values the library holds (partition/property.c). */
enum { HVEMU__PROPERTIES = 10 };

/* One cache line: all that a fast call touches of a partition. That of its target it finds among
 * thousands, so there is nothing between them. */
struct hvemu__partition {
    alignas(64) _Atomic uint64_t word;
    _Atomic uint64_t parent; /* full ID; changes only with the generation, under the try-lock */
    _Atomic uint64_t privileges;
    _Atomic uint64_t hypercall_msr;
    _Atomic uint64_t guest_os_id;
    void *ctx;
    struct hvemu__rest *rest;
    _Atomic uint32_t ops;      /* what must be over before it is finalized, VPs aside */
    _Atomic uint32_t msr_lock; /* try-lock of the MSRs: a guest at its page stops no other */
};

_Static_assert(sizeof(struct hvemu__partition) == 64, "a cache line");

/* The rest of a partition: its own try-lock, and what that guards. What says so is changed under
 * the instance's as well, so that under either it stays. */
struct hvemu__rest {
    alignas(64) _Atomic uint32_t lock;
    _Atomic uint32_t wanted; /* by its parent: so often its own calls make room */
    uint32_t depth;
    uint32_t descendants;                       /* the instance's lock; not counted for the root */
    uint32_t children, first_child, last_child; /* both locks; slot index + 1, in creation order */
    uint32_t next, previous; /* of its siblings, with the parent's lock; or free */
    uint32_t vp_count;
    struct hvemu_vp *vps;                   /* both locks */
    uint32_t pages, pages_used;             /* of its pool: deposited, and paying for something */
    uint32_t mapped;                        /* pages of its GPA space, as far as calls tell */
    uint32_t price;                         /* paid by its parent's pool */
    _Atomic uint32_t intercepts;            /* entries in use, grows only */
    uint64_t properties[HVEMU__PROPERTIES]; /* as the table in property.c has them */
};

/* In hvemu_vp.suspend, beside HVEMU_SUSPENDED_*. */
enum { HVEMU__TLB_FLUSH_INHIBIT = 4 };

struct hvemu_vp {
    alignas(64) struct hvemu *hv;
    struct hvemu__partition *partition;
    _Atomic uint64_t id; /* the partition's */
    void *ctx;
    struct hvemu_vp *next; /* of the partition, or free */
    uint32_t index;
    _Atomic uint32_t busy;    /* in a call: written by its one thread, looked at by others */
    _Atomic uint32_t yield;   /* end the rep call at the next element */
    _Atomic uint32_t suspend; /* HvRegisterExplicitSuspend, HvRegisterInterceptSuspend */
    uint32_t created;         /* by HvCreateVp, at this price */
    uint32_t price;
    uint32_t started;
    uint8_t *in, *out;       /* room for the lists of a memory call, a page each */
    struct hvemu_call *call; /* behind them, for an exit's call: too large for a kernel's stack */
};

/* The largest list, a page; and the largest output of a simple call or element of it that a C call
 * has room for without asking, and the largest header that it copies: but for
 * HvStartVirtualProcessor, which makes its own copy, as large as any of a built-in call without a
 * variable one. */
enum { HVEMU__LIST_MAX = 4096, HVEMU__SMALL = 64, HVEMU__HEADER = 64 };

/* The codes that hypercalls have, extended ones aside, are below this. */
enum { HVEMU__CODES = 0x140 };

struct hvemu {
    /* Constant after hvemu_init(). */
    alignas(64) uint64_t gpa_end, plain_gpa_end; /* the latter 0 without gpa_read */
    uint32_t plain_mode; /* of hypercalls that nobody filters or traces; all bits: of none */
    /* The VMM's own calls, and where they are by the hash of their codes: each at its place or
     * behind it, with no free place (NULL) between. Seven places of eight at least are free. */
    struct hvemu_descriptor *calls;
    const struct hvemu_descriptor **places;
    uint32_t call_count, place_mask, place_shift;
    uint64_t *pages;              /* config.pages a partition, by slot: page numbers deposited */
    _Atomic uint64_t *intercepts; /* config.intercepts a partition, by slot */
    struct hvemu_ops ops;
    struct hvemu_config config;                           /* defaults filled in */
    const struct hvemu_descriptor *by_code[HVEMU__CODES]; /* all that are offered */

    /* The try-lock and what it guards, beside the partitions' own. */
    alignas(64) _Atomic uint32_t lock;
    uint32_t first_free, last_free; /* slot index + 1, 0: none; first in, first out, as VPs are */
    struct hvemu_vp *first_free_vp, *last_free_vp;
    uint32_t closed; /* a VP was attached: the calls stay as they are */

    /* Room for what a C call puts out, where it is larger than HVEMU__SMALL. */
    alignas(64) _Atomic uint32_t room_lock;
    uint8_t *room;

    struct hvemu__partition partitions[]; /* config.partitions */
};

/* Rows (calls.c). */

/* Added to a built-in row's target. */
enum {
    HVEMU__ROOT = 0x04, /* the root may act on itself */
    HVEMU__PRIVILEGED =
        0x08,            /* the privilege is for acting on oneself; on a child CreatePartitions */
    HVEMU__PLAIN = 0x10, /* nothing else, no elements and no output: see hvemu__run_plain() */
    HVEMU__VP = 0x20,    /* a VP index of the target follows its ID */
    HVEMU__LOCK = 0x40,  /* runs under the target's try-lock */
    HVEMU__LIFE = 0x80   /* runs under those of instance, caller and target */
};

enum {
#define HVEMU_CALL(code, name, ...) HVEMU__ROW_##name,
#define HVEMU_NAME(code, name)
#include "hypercalls.def"
    HVEMU__ROWS
};
extern const struct hvemu_descriptor hvemu__rows[HVEMU__ROWS];
/* Their handlers, by code; in hypercall.c, so that the decoder can be linked without them. */
extern hvemu_handler *const hvemu__handlers[HVEMU__CODES];

/* The row of a code among the library's own calls, whatever is offered. */
const struct hvemu_descriptor *hvemu__built_in(uint16_t code);

static inline uint32_t hvemu__place(const struct hvemu *hv, uint16_t code)
{
    return code * 0x9E3779B1u >> hv->place_shift;
}

/* The row of a code among the VMM's. */
static inline const struct hvemu_descriptor *hvemu__own_call(const struct hvemu *hv, uint16_t code)
{
    const struct hvemu_descriptor *call;

    for (uint32_t at = hvemu__place(hv, code); (call = hv->places[at]) && call->code != code;)
        at = (at + 1) & hv->place_mask;
    return call;
}

/* The row of a code that is offered. */
static inline const struct hvemu_descriptor *hvemu__offered(const struct hvemu *hv, uint16_t code)
{
    return code < HVEMU__CODES ? hv->by_code[code] : hvemu__own_call(hv, code);
}

/* The same; hv NULL: the library's own calls. */
static inline const struct hvemu_descriptor *hvemu__find(const struct hvemu *hv, uint16_t code)
{
    return hv ? hvemu__offered(hv, code) : hvemu__built_in(code);
}

/* The bits of the control word that a call of this shape must not have: reserved and nested ones, a
 * variable header where the call takes none, rep fields unless it is a rep call. */
static inline uint64_t hvemu__forbidden(const struct hvemu_descriptor *row)
{
    uint64_t bits = ~(uint64_t)(HV_HYPERCALL_CODE_MASK | HV_HYPERCALL_FAST);

    if (row->form == HVEMU_SIMPLE)
        return bits;
    if (row->form & HVEMU_VARIABLE)
        bits &= ~HV_HYPERCALL_VARHEAD_MASK;
    if (row->form & HVEMU_REP)
        bits &= ~(HV_HYPERCALL_REP_COUNT_MASK | HV_HYPERCALL_REP_START_MASK);
    return bits;
}

/* Whether a list of so many bytes does not lie as it must: aligned, in one page. */
static inline int hvemu__misplaced(uint64_t gpa, uint32_t bytes)
{
    return bytes && (gpa % 8 || gpa % HV_PAGE_SIZE + bytes > HV_PAGE_SIZE);
}

/* Judges the control word by its row: fills what follows from it, status 0, 2 (row NULL) or 3. */
void hvemu__judge_control(const struct hvemu_descriptor *row, struct hvemu_call *call);
/* Judges the addresses of a memory call's lists: status 4 if a list is misaligned or crosses a
   page. An earlier status stays. */
void hvemu__judge_lists(struct hvemu_call *call);

/* What handlers see of a call, and behind it what the library's own need: who acts on whom. */
struct hvemu__invocation {
    struct hvemu_invocation shown;
    struct hvemu__partition *caller;
    /* The target as judged, if the call has one: its slot and the word that it had. */
    struct hvemu__partition *partition;
    uint64_t word;
    struct hvemu_vp *vp; /* of HVEMU__VP rows */
};

/* Not const: it is the dispatcher's, which shows it to filter, trace and handlers. */
static inline struct hvemu__invocation *hvemu__inside(const struct hvemu_invocation *shown)
{
    return (struct hvemu__invocation *)(uintptr_t)shown;
}

#define HVEMU_CALL(code, name, handler, ...) hvemu_handler hvemu__##handler;
#define HVEMU_NAME(code, name)
#include "hypercalls.def"

/* Of a slot, if it is small enough. */
static inline uint32_t hvemu__index(uint64_t id)
{
    return (uint32_t)(id & 0xFFFFFF) - 1;
}

static inline struct hvemu__partition *hvemu__slot(const struct hvemu *hv, uint64_t id)
{
    const uint32_t index = hvemu__index(id);
    return index < hv->config.partitions
               ? (struct hvemu__partition *)(uintptr_t)&hv->partitions[index]
               : NULL;
}

/* Whether a slot with this word is partition `id`'s, and that is active. */
static inline int hvemu__word_alive(uint64_t word, uint64_t id)
{
    return (word ^ id) >> HVEMU__STATE_SHIFT == 0;
}

static inline int hvemu__alive(struct hvemu__partition *partition, uint64_t id)
{
    return hvemu__word_alive(hvemu__load(&partition->word), id);
}

/* Whether this slot is partition `id`'s, in any state. */
static inline int hvemu__exists(struct hvemu__partition *partition, uint64_t id)
{
    const uint64_t word = hvemu__load(&partition->word);
    return HVEMU__GENERATION(word) == id >> 24 && HVEMU__STATE(word) != HVEMU__FREE;
}

/* Whether a caller with these privileges may make the call at all. */
static inline int hvemu__permitted(const struct hvemu_descriptor *row, uint64_t privileges)
{
    return row->target & HVEMU__PRIVILEGED
               ? (privileges & (row->privilege | HV_PRIVILEGE_CREATE_PARTITIONS)) != 0
               : !(row->privilege & ~privileges);
}

/* Whether the page of `gpa` lies under the partition's enabled hypercall page. */
static inline int hvemu__overlaid(struct hvemu__partition *partition, uint64_t gpa)
{
    const uint64_t msr = hvemu__load(&partition->hypercall_msr);
    return (gpa ^ msr) < HV_PAGE_SIZE && (msr & HV_X64_MSR_HYPERCALL_ENABLE);
}

static inline int hvemu__try_lock(_Atomic uint32_t *lock)
{
    return !hvemu__swap(lock, 1);
}

static inline void hvemu__unlock(_Atomic uint32_t *lock)
{
    hvemu__store(lock, 0);
}

/* The locks of a life-cycle call, but its target's. */
static inline int hvemu__lock_both(struct hvemu *hv, struct hvemu__partition *partition)
{
    if (!hvemu__try_lock(&hv->lock))
        return 0;
    if (hvemu__try_lock(&partition->rest->lock))
        return 1;
    hvemu__unlock(&hv->lock);
    return 0;
}

static inline void hvemu__unlock_both(struct hvemu *hv, struct hvemu__partition *partition)
{
    hvemu__unlock(&partition->rest->lock);
    hvemu__unlock(&hv->lock);
}

/* The caller of a C call: active and privileged, else NULL. */
static inline struct hvemu__partition *hvemu__caller(struct hvemu *hv, uint64_t id,
                                                     const struct hvemu_descriptor *row)
{
    struct hvemu__partition *partition = hv ? hvemu__slot(hv, id) : NULL;
    uint64_t privileges;

    if (!partition || !hvemu__alive(partition, id))
        return NULL;
    /* The word on both sides of them: else they could be a predecessor's or a successor's. */
    privileges = hvemu__load(&partition->privileges);
    return hvemu__permitted(row, privileges) && hvemu__alive(partition, id) ? partition : NULL;
}

/* The slot of partition `id` and the word that it had, if it is active and the caller's child, and
 * nobody changed the word meanwhile: with another one on the other side of the parent, that could
 * be the parent of a successor. */
static inline struct hvemu__partition *hvemu__active_child(struct hvemu *hv, uint64_t caller_id,
                                                           uint64_t id, uint64_t *word)
{
    const uint32_t index = hvemu__index(id);
    struct hvemu__partition *partition;

    if (!HVEMU__MOSTLY(index < hv->config.partitions))
        return NULL;
    partition = &hv->partitions[index];
    *word = hvemu__load(&partition->word);
    if (HVEMU__MOSTLY(hvemu__word_alive(*word, id)) &&
        HVEMU__MOSTLY(hvemu__load(&partition->parent) == caller_id) &&
        HVEMU__MOSTLY(hvemu__load(&partition->word) == *word))
        return partition;
    return NULL;
}

/* Relation and state, by the row; fills target (which may be SELF), partition and word. Called
 * again after a lost race. */
uint16_t hvemu__judge_slowly(struct hvemu__invocation *target);

/* The same, at once, for nearly all: whether the target is the caller's child and active. For rows
 * that want that, and no privilege for the target's sake. */
static inline int hvemu__judge_at_once(struct hvemu__invocation *target)
{
    uint64_t word;
    struct hvemu__partition *child =
        hvemu__active_child(target->shown.hv, target->shown.caller, target->shown.target, &word);

    if (!child)
        return 0;
    target->partition = child;
    target->word = word;
    return 1;
}

static inline uint16_t hvemu__judge(struct hvemu__invocation *target)
{
    const struct hvemu_descriptor *row = target->shown.call;

    return (row->target & (HVEMU_PARENT | HVEMU__PRIVILEGED)) == HVEMU_PARENT &&
                   row->states & HVEMU_STATE_ACTIVE && hvemu__judge_at_once(target)
               ? HV_STATUS_SUCCESS
               : hvemu__judge_slowly(target);
}

void hvemu__make_root(struct hvemu *hv, void *ctx);

/* Partitions come and go (partition.c for life.c): room for a child, the ID it will have, its
 * making (it gets no privilege that its parent lacks), its end. Under the locks of instance and
 * parent. */
uint16_t hvemu__room_for_child(struct hvemu *hv, struct hvemu__partition *parent);
uint64_t hvemu__next_id(struct hvemu *hv);
struct hvemu__partition *hvemu__make_child(struct hvemu *hv, struct hvemu__partition *parent,
                                           uint64_t parent_id, uint64_t privileges, void *ctx,
                                           uint64_t state);
void hvemu__end_child(struct hvemu *hv, struct hvemu__partition *parent,
                      struct hvemu__partition *child);
void hvemu__set_state(struct hvemu__partition *partition, uint64_t state);

/* Virtual processors (partition/vp.c). Under the locks that vps has. */

/* Puts a VP at the end of the free ones. */
void hvemu__free_vp(struct hvemu *hv, struct hvemu_vp *vp);
/* VP `index` of a partition, or NULL. */
struct hvemu_vp *hvemu__find_vp(const struct hvemu__partition *partition, uint32_t index);
/* Ends the VPs that HvCreateVp made, some at a time. SUCCESS: the partition has no VP left. */
uint16_t hvemu__end_vps(struct hvemu__invocation *target);
/* Calls the vp op. */
uint16_t hvemu__tell_vp(struct hvemu_vp *vp, uint32_t event, const void *block, void **ctx);
/* Judges an HV_INPUT_VTL: nobody here has a virtual trust level above 0. */
uint16_t hvemu__judge_vtl(uint8_t vtl);

/* Registers (partition/register.c). Under the partition's lock. */

/* Reads a register of target->vp, as HvGetVpRegisters does. */
uint16_t hvemu__get_register(const struct hvemu__invocation *target, uint32_t name,
                             uint64_t value[2]);

/* Pools (partition/pool.c). Under the partition's lock. */

/* Takes pages from its pool: HV_STATUS_INSUFFICIENT_MEMORY if it has not as many. */
uint16_t hvemu__charge(struct hvemu__partition *partition, uint32_t pages);
void hvemu__refund(struct hvemu__partition *partition, uint32_t pages);

/* Properties (partition/property.c). */
void hvemu__default_properties(struct hvemu__partition *partition);

/* Interrupts (partition/ext_int.c, interrupt.c). */

uint16_t hvemu__assert_ext_int(struct hvemu__invocation *target, uint32_t vector);

/* Calls from C (hypercall.c, wrapper.c). */

/* hvemu_hypercall() with the calls of `known`; NULL: the library's, whatever is withdrawn or
 * own. items NULL: the elements follow the header in `in`. */
uint64_t hvemu__hypercall(struct hvemu *hv, const struct hvemu *known, uint64_t caller,
                          uint64_t control, const void *in, size_t in_bytes, const void *items,
                          void *out, size_t out_bytes);
/* What the Hv functions are made of (wrapper.c): calls of the calling thread's partition. In a rep
 * call *count elements, in the list at items or that at out, with out_each bytes each there. */
HV_STATUS hvemu__call(uint16_t code, const void *in, size_t in_bytes, void *out, size_t out_bytes);
HV_STATUS hvemu__call_reps(uint16_t code, const void *in, size_t in_bytes, const void *items,
                           void *out, size_t out_each, uint32_t *count);
uint64_t hvemu__proximity(HV_PROXIMITY_DOMAIN_INFO info);

#endif
