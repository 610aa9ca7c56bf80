/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A model for spin of one slot of the partition table: the external interrupt in its word, and its
 * partitions' life. All interleavings of a few threads, of which each step makes one atomic access
 * of the code. protocol.sh has the configurations that must be free of errors, and the breakings of
 * which each must be found.
 *
 *   asserter   HvAssertVirtualInterrupt: lib/partition/interrupt.c, ext_int.c
 *   clearer    HvClearVirtualInterrupt: ext_int.c
 *   vp_0       hvemu_ext_int_line(), hvemu_ext_int_acknowledge(): ext_int.c
 *   deleter    hvemu_vp_detach() or HvDeleteVp, hvemu_vp_attach(): vp.c; hvemu_reset(): partition.c
 *   destroyer  HvFinalizePartition, HvDeletePartition, HvCreatePartition by the same parent or
 *              another, HvInitializePartition: life.c, partition.c
 *   caller     hvemu__caller(), of a caller whose own slot this is: lib/internal.h
 *
 * What must hold
 *   - An answer was right at some moment between the call's begin and its end: answers().
 *   - A call changes the word once, and only when its arguments allow that at this moment: acts().
 *     So nobody touches a partition that is not his, or clears an acknowledgement a second time.
 *   - The external interrupt is always what the calls before have made of it, so no acknowledgement
 *     is lost; and there is none without an active partition and its VP 0: changed().
 *   - No op runs, or starts, after its partition was finalized: op_runs(), finalize().
 *
 * Simplified: The locks of instance, caller and target are one, since whoever takes any of them
 * here takes the instance's; to find it taken and come again is to wait. A lost race is tried again
 * once, or never, not 7 times. Both parents stay; that a caller's slot can be reused is the last
 * thread's part. Where there is no destroyer, nobody reads what only he would change, or the count
 * of ops. The VMM keeps its contract: when a VP is about to end, its thread makes no more calls,
 * but may be in one, and until it has left the library the VP's memory serves no other.
 *
 * Memory order: loads and read-modify-writes are sequentially consistent (lib/deps.h), so for them
 * interleavings are all that can happen. A store only releases: others may see it after what its
 * thread loads next. With DELAYED they do: stores wait in a queue, in their order, until some time
 * before the same thread's next read-modify-write, which releases as well. Nothing fails, since all
 * stores are made under the lock, and what a thread loads between a store and the end of the lock
 * tells it nothing about who has seen the store. Where two threads must not miss each other, in the
 * count of ops and the state, each begins with a read-modify-write. */

/* A configuration. */
#ifndef ASSERTERS
#define ASSERTERS 0 /* the last one withdraws as well */
#endif
#ifndef CLEARERS
#define CLEARERS 0
#endif
#ifndef CALLER
#define CALLER 0
#endif
/* VP_0, DELETER, DESTROYER: defined, if there is one.
 * OWN_IDS: parents name only partitions that they were given or hope for; else each names any. */
#ifndef CALLS
#define CALLS 1 /* of each asserter, clearer, VP 0; 0: without end */
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 2 /* HVEMU__ATTEMPTS */
#endif
#define DELETIONS 3 /* of VP 0, with attachments and resets */

/* A breaking. */
#define NO_GENERATION      1  /* an ID is compared by its slot alone */
#define PARENT_FIRST       2  /* the parent is read, then the word, and nothing again */
#define NO_SECOND_LOOK     3  /* at the word, after the parent */
#define VP0_BESIDE         4  /* that VP 0 is there is said beside the word */
#define CLEAR_BY_SWAP      5  /* clear takes what is there, then looks what it was */
#define CLEAR_IN_TWO_STEPS 6  /* clear looks, then stores */
#define COUNT_LATE         7  /* assert reads the word, then raises the count of ops */
#define COUNT_FIRST        8  /* finalize reads the count of ops, then changes the state */
#define WORD_FIRST         9  /* create stores the word, then the parent */
#define CALLER_LOOKS_ONCE  10 /* at its word, before its privileges */
#define ACK_BY_STORE       11 /* acknowledge looks, then stores */
#ifndef BREAK
#define BREAK 0
#endif

/* The word (lib/internal.h), as far as it matters: two generations, two vectors. */
#define VECTOR        1
#define ASSERTED      2
#define ACKED         4
#define EXT_INT       7
#define VP0           8
#define STATE(w)      ((w) >> 4 & 7)
#define GENERATION(w) ((w) >> 7)
#define WORD(generation, state) ((generation) << 7 | (state) << 4)

#define FREE          0
#define UNINITIALIZED 1
#define ACTIVE        2
#define FINALIZING    3
#define FINALIZED     4

/* IDs: of a parent, of a partition in the slot (its generation), of no partition. */
#define A    0
#define B    1
#define SELF 2

byte word = WORD(0, ACTIVE) | VP0;
byte parent = A;
byte privileges; /* 1: the partition may make calls */
byte ops;        /* the count of ops in flight */
byte vp_id;      /* VP 0's partition */
byte locked;

#if BREAK == VP0_BESIDE
bit vp0 = 1;
#define HAS_VP0 vp0
#define SEES_VP0 vp0
#else
#define HAS_VP0 (word & VP0)
#define SEES_VP0 (w & VP0)
#endif

/* ---- What must hold. The code below does not read any of this. */

/* Answers. NO_NEWS: the SUCCESS of an assert that finds everything as it wants it. */
#define SUCCESS                 0
#define NO_NEWS                 1
#define NOT_ACKNOWLEDGED        2
#define ACKNOWLEDGED            3
#define INVALID_VP_INDEX        4
#define INVALID_PARTITION_STATE 5
#define ACCESS_DENIED           6
#define INVALID_PARTITION_ID    7
#define TO_ACT                  8                    /* SUCCESS, by changing the word now */
#define TIMEOUT                 9                    /* always right, if nothing was done */
#define E_NOTHING               NOT_ACKNOWLEDGED     /* of acknowledge and line: not asserted */
#define E_PARTITION             INVALID_PARTITION_ID /* ... not active */

mtype = { assert_ext_int, assert_other, clear, acknowledge, line, make_call };

typedef call {
    mtype what;   /* 0: no call is under way */
    bit from, to; /* the caller's ID, the target's */
    byte asks;    /* the external interrupt that an assert wants */
    bit acted;
    byte seen /* the answers that were right at some moment since it began, 1 << answer */
}
#define BOOT   (ASSERTERS + CLEARERS + CALLER) /* VP 0's calls, behind those of others */
#define NOBODY (BOOT + 1)
call calls[BOOT + 1];

byte owner = A;  /* who created the partition */
byte interrupt;  /* what all calls so far have made of the external interrupt */
byte running;    /* ops for the partition */
bit over;        /* the VMM has been told FINALIZED */
bit vp_runs = 1; /* VP 0's thread may make calls, ... */
bit vp_inside;   /* ... and is in one */
hidden byte i;

/* The answer that is right for a call at this moment. */
#define IS_ACTIVE(id) (GENERATION(word) == id && STATE(word) == ACTIVE)
#define RIGHT_FOR_ASSERT(c) \
    (!HAS_VP0 -> INVALID_VP_INDEX : \
    (word & ACKED -> ACKNOWLEDGED : \
    ((word & EXT_INT) == calls[c].asks -> NO_NEWS : TO_ACT)))
#define RIGHT_FOR_PARENT(c) \
    (GENERATION(word) != calls[c].to || STATE(word) == FREE -> INVALID_PARTITION_ID : \
    (owner != calls[c].from -> ACCESS_DENIED : \
    (STATE(word) != ACTIVE -> INVALID_PARTITION_STATE : \
    (calls[c].what == assert_other -> SUCCESS : \
    (calls[c].what == assert_ext_int -> RIGHT_FOR_ASSERT(c) : \
    (word & ACKED -> TO_ACT : NOT_ACKNOWLEDGED))))))
#define RIGHT_FOR_VP(c) \
    (!IS_ACTIVE(vp_id) -> E_PARTITION : \
    (!(word & ASSERTED) -> E_NOTHING : \
    (calls[c].what == line -> SUCCESS : TO_ACT)))
#define RIGHT(c) \
    (calls[c].what == acknowledge || calls[c].what == line -> RIGHT_FOR_VP(c) : \
    (calls[c].what == make_call -> \
        (IS_ACTIVE(calls[c].to) && privileges -> SUCCESS : ACCESS_DENIED) : \
    RIGHT_FOR_PARENT(c)))

/* A call begins. These inlines are parts of the code's steps. */
inline begins(c, kind)
{
    calls[c].what = kind;
    calls[c].seen = 1 << RIGHT(c) & 255
}

/* A call is about to have its one effect. */
inline acts(c, effect)
{
    assert(RIGHT(c) == TO_ACT && !calls[c].acted);
    calls[c].acted = 1;
    interrupt = (effect) & EXT_INT
}

/* The word, or what goes with it, has changed. */
inline changed(c)
{
    assert((word & EXT_INT) == interrupt);
    assert(!(word & EXT_INT) || (STATE(word) == ACTIVE && HAS_VP0));
    i = 0;
    do
    :: i <= BOOT ->
        if
        :: calls[i].what && i != c ->
            calls[i].seen = calls[i].seen | 1 << RIGHT(i) & 255
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0
}

/* A call ends. If it acted, it did all that it was asked. */
inline answers(c, answer)
{
    if
    :: calls[c].acted -> assert(answer == SUCCESS)
    :: else -> assert(answer == TIMEOUT || calls[c].seen & 1 << answer)
    fi;
    calls[c].what = 0;
    calls[c].from = 0;
    calls[c].to = 0;
    calls[c].asks = 0;
    calls[c].acted = 0;
    calls[c].seen = 0
}

/* An op for a call's target: begins, ends. */
inline op_runs(c)
{
    d_step { assert(GENERATION(word) == calls[c].to && !over); running++ };
    running--
}

/* ---- Memory. */

#ifdef DELAYED
mtype = { word_, parent_, privileges_, vp_id_, locked_ };
chan stores = [5] of { mtype, byte };

#define store(where, value) stores!where##_, value
#define stores_are_seen     empty(stores)

active proctype memory()
{
    mtype where;
    byte value;

end:
    do
    :: d_step {
        stores?where, value ->
        if
        :: where == word_ -> word = value; changed(NOBODY)
        :: where == vp_id_ -> vp_id = value; changed(NOBODY)
        :: where == parent_ -> parent = value
        :: where == privileges_ -> privileges = value
        :: where == locked_ -> locked = value
        fi;
        where = 0;
        value = 0
    }
    od
}
#else
#define store(where, value) atomic { where = value; d_step { changed(NOBODY) } }
#define stores_are_seen     true
#endif

/* ---- The code. Of each thread: w, the word as it knows it; good, what a test said; status. */

#if BREAK == NO_GENERATION
#define NAMES(w, id) true
#else
#define NAMES(w, id) (GENERATION(w) == id)
#endif
#define WORD_ALIVE(w, id) (NAMES(w, id) && STATE(w) == ACTIVE) /* hvemu__word_alive() */

#if BREAK == NO_SECOND_LOOK
#define STILL(test) true
#else
#define STILL(test) (test)
#endif

/* hvemu__active_child(): whether it is good. */
inline active_child(c)
{
#ifndef DESTROYER
    d_step { w = word; good = WORD_ALIVE(w, calls[c].to) }
#elif BREAK == PARENT_FIRST
    good = (parent == calls[c].from);
    atomic { w = word; good = (good && WORD_ALIVE(w, calls[c].to)) }
#else
    atomic { w = word; good = WORD_ALIVE(w, calls[c].to) };
    if
    :: atomic { good -> good = (parent == calls[c].from) };
        if
        :: atomic { good -> good = STILL(word == w) }
        :: else
        fi
    :: else
    fi
#endif
}

#define VERDICT(exists) \
    (!(exists) -> INVALID_PARTITION_ID : \
    (!good -> ACCESS_DENIED : \
    (STATE(w) != ACTIVE -> INVALID_PARTITION_STATE : SUCCESS)))

/* hvemu__judge_slowly(), related() */
inline judge_slowly(c)
{
#if BREAK == PARENT_FIRST
    good = (parent == calls[c].from);
    atomic { w = word; status = VERDICT(NAMES(w, calls[c].to) && STATE(w) != FREE) }
#else
    atomic { w = word; good = (NAMES(w, calls[c].to) && STATE(w) != FREE) };
    if
    :: atomic { good -> good = (parent == calls[c].from) };
        status = VERDICT(STILL(NAMES(word, calls[c].to)))
    :: else -> status = INVALID_PARTITION_ID
    fi
#endif
}

/* hvemu__judge() */
inline judge(c)
{
    active_child(c);
    if
    :: good -> status = SUCCESS
#ifdef DESTROYER
    :: else -> judge_slowly(c)
#endif
    fi;
    atomic { good = 0; w = (status == SUCCESS -> w : 0) }
}

/* try_to_clear() in ext_int.c */
inline try_to_clear(c)
{
#if BREAK == CLEAR_BY_SWAP
    d_step {
        w = word;
        if
        :: w & ACKED -> acts(c, 0); status = SUCCESS
        :: else -> status = NOT_ACKNOWLEDGED
        fi;
        word = w & ~EXT_INT;
        changed(c)
    }
#else
    if
    :: !(w & ACKED) -> status = NOT_ACKNOWLEDGED
    :: d_step {
        w & ACKED ->
        if
#if BREAK != CLEAR_IN_TWO_STEPS
        :: word != w -> status = TIMEOUT
#endif
        :: else -> acts(c, 0); word = w & ~EXT_INT; changed(c); status = SUCCESS
        fi
    }
    fi
#endif
}

/* Who calls, and about whom. */
inline chooses(c, kind)
{
#ifdef DESTROYER
    if
    :: calls[c].to = 0; calls[c].from = A
    :: calls[c].to = 1; calls[c].from = B
#ifndef OWN_IDS
    :: calls[c].to = 0; calls[c].from = B
    :: calls[c].to = 1; calls[c].from = A
#endif
    fi;
#endif
    begins(c, kind)
}

inline forget()
{
    w = 0;
    status = 0
}

/* hvemu_clear_virtual_interrupt(), clear_slowly(), clear_again(); a guest's call does the same */
proctype clearer(byte me)
{
    byte w, status, attempt, made;
    bit good;

    do
    :: CALLS == 0 || made < CALLS ->
        atomic { chooses(me, clear); made = (CALLS == 0 -> 0 : made + 1) };
        status = TIMEOUT;
        active_child(me);
        if
        :: good -> good = 0; try_to_clear(me)
        :: else
        fi;
        attempt = 1;
        do
        :: status == TIMEOUT && attempt < ATTEMPTS ->
            attempt++;
            judge(me);
            if
            :: status == SUCCESS -> try_to_clear(me)
            :: else
            fi
        :: else -> break
        od;
        attempt = 0;
        d_step { answers(me, status); forget() }
    :: else -> break
    od
}

/* hvemu__assert_ext_int() */
inline assert_in_word(c)
{
    do
    :: attempt < ATTEMPTS ->
        attempt++;
        judge(c);
        d_step {
            if
            :: status != SUCCESS
            :: else ->
                if
                :: !SEES_VP0 -> status = INVALID_VP_INDEX
                :: SEES_VP0 && w & ACKED -> status = ACKNOWLEDGED
                :: SEES_VP0 && (w & EXT_INT) == calls[c].asks -> status = NO_NEWS
                :: else
                fi
            fi
        };
        if
        :: status != SUCCESS -> break
        :: d_step {
            status == SUCCESS && word == w ->
            acts(c, calls[c].asks); word = w & ~EXT_INT | calls[c].asks; changed(c)
        };
#ifdef DESTROYER
            op_runs(c);
#endif
            break
        :: status == SUCCESS && word != w -> status = TIMEOUT
        fi
    :: else -> break
    od
}

/* Of another type: deliver() in interrupt.c, with the count that comes before. hold() in
 * hypercall.c does the same for the VMM's own calls. For these the count must rise before the
 * word is read; an external interrupt's compare-and-swap would find that it changed. */
inline deliver(c)
{
#if BREAK == COUNT_LATE
    judge(c);
    ops++;
#else
    ops++;
    judge(c);
#endif
    if
    :: status == SUCCESS -> op_runs(c)
    :: else
    fi
}

/* hvemu_assert_virtual_interrupt(); a guest's call does the same. */
proctype asserter(byte me)
{
    byte w, status, attempt, made;
    bit good;

    do
    :: CALLS == 0 || made < CALLS ->
        atomic {
            made = (CALLS == 0 -> 0 : made + 1);
            if
            :: calls[me].asks = ASSERTED; chooses(me, assert_ext_int)
#ifndef DESTROYER
            :: calls[me].asks = ASSERTED | VECTOR; chooses(me, assert_ext_int)
#endif
            :: me == ASSERTERS - 1 -> chooses(me, assert_ext_int) /* HV_INTERRUPT_VECTOR_NONE */
#if defined(DESTROYER) && !CLEARERS /* who see nothing of it */
            :: chooses(me, assert_other)
#endif
            fi
        };
#ifndef DESTROYER
        assert_in_word(me);
#else
        judge(me);
        if
        :: status == SUCCESS ->
            w = 0;
            if
            :: calls[me].what == assert_ext_int -> ops++; assert_in_word(me)
            :: else -> deliver(me)
            fi;
            ops--
        :: else
        fi;
#endif
        attempt = 0;
        d_step { answers(me, status); forget() }
    :: else -> break
    od
}

#if BREAK == ACK_BY_STORE
#define SAME true
#else
#define SAME (word == w)
#endif

/* VP 0's thread: hvemu_ext_int_line() and hvemu_ext_int_acknowledge() */
proctype vp_0()
{
    byte w, status, attempt, made;

end:
    do
    :: atomic {
        vp_runs && (CALLS == 0 || made < CALLS) ->
        made = (CALLS == 0 -> 0 : made + 1);
        vp_inside = 1;
        if
        :: begins(BOOT, line)
        :: begins(BOOT, acknowledge)
        fi
    };
        w = word;
        do
        :: attempt < ATTEMPTS ->
            attempt++;
            status = (!WORD_ALIVE(w, vp_id) -> E_PARTITION : \
                     (w & ASSERTED -> SUCCESS : E_NOTHING));
            if
            :: status != SUCCESS || calls[BOOT].what == line -> break
            :: else
            fi;
            if
            :: atomic { !SAME -> w = word; status = TIMEOUT }
            :: atomic {
                SAME -> acts(BOOT, w ^ (ASSERTED | ACKED));
                word = w ^ (ASSERTED | ACKED);
                changed(BOOT);
                break
            }
            fi
        :: else -> break
        od;
        attempt = 0;
        d_step { answers(BOOT, status); forget(); vp_inside = 0 }
    od
}

/* To take the lock is one step with what comes next, to free it mostly one with what came last: no
 * other thread could do anything in between that it could not do before or after. */
inline lock()
{
    d_step { !locked -> locked = 1 }
}

inline unlock()
{
#ifdef DELAYED
    store(locked, 0)
#else
    locked = 0
#endif
}

/* A read-modify-write of the word without a comparison, under the lock. */
inline modify(new_word)
{
    d_step {
        stores_are_seen ->
        word = new_word;
        interrupt = 0; /* as all of them leave it */
        changed(NOBODY)
    }
}

/* end() in vp.c */
inline end_vp()
{
#if BREAK == VP0_BESIDE
    modify(word & ~EXT_INT);
    d_step { vp0 = 0; changed(NOBODY) };
#else
    modify(word & ~(VP0 | EXT_INT));
#endif
    store(vp_id, SELF)
}

/* hvemu_vp_attach(): attach(), prepare() and add() in vp.c. The memory is no thread's any more. */
inline attach_vp(id)
{
    atomic { !vp_inside; lock(); w = word };
    if
    :: WORD_ALIVE(w, id) ->
        store(vp_id, id);
#if BREAK == VP0_BESIDE
        d_step { vp0 = 1; changed(NOBODY) };
#else
        modify(word | VP0);
#endif
        atomic { vp_runs = 1; unlock() }
    :: else -> unlock()
    fi
}

/* The VMM resets the partition, has its VP 0 end, or attaches another. */
proctype deleter()
{
    byte w, made;

    do
    :: made < DELETIONS ->
        made++;
        if
        :: vp_id == SELF -> attach_vp(0)
        :: vp_id == 0 -> /* hvemu_vp_detach(), or HvDeleteVp */
            vp_runs = 0;
            lock();
            if
            :: vp_id == 0 -> end_vp()
            :: else
            fi;
            unlock()
        :: vp_id == 0 -> /* hvemu_reset() */
            atomic { lock(); w = word };
            atomic {
                if
                :: WORD_ALIVE(w, 0) -> modify(word & ~EXT_INT)
                :: else
                fi;
                unlock()
            }
        :: vp_id == 1 -> break
        fi;
        w = 0
    :: else -> break
    od
}

/* hvemu__set_state(), the last thing but to free the lock */
inline set_state(state)
{
    w = word;
    atomic { store(word, (w & ~WORD(0, 7) | WORD(0, state))); unlock() }
}

/* begin_finalizing() */
inline begin_finalizing()
{
    attempt = 0;
    do
    :: STATE(w) == ACTIVE && attempt < ATTEMPTS ->
        attempt++;
        d_step {
            if
            :: word == w ->
                word = w & ~(WORD(0, 7) | EXT_INT) | WORD(0, FINALIZING);
                interrupt = 0;
                changed(NOBODY)
            :: else
            fi;
            w = word
        }
    :: else -> break
    od
}

/* hvemu__finalize_partition(), until it answers SUCCESS; VP 0 is one that HvCreateVp made. */
inline finalize()
{
    do
    :: atomic { lock(); w = word };
#if BREAK == COUNT_FIRST
        count = ops;
#endif
        begin_finalizing();
        if
        :: STATE(w) == FINALIZING && vp_id != SELF -> vp_runs = 0; end_vp() /* hvemu__end_vps() */
        :: else
        fi;
#if BREAK != COUNT_FIRST
        count = ops;
#endif
        if
        :: STATE(w) == FINALIZING && count == 0 -> break
        :: else -> unlock()
        fi
    od;
    atomic { assert(running == 0); over = 1 }; /* HVEMU_PARTITION_FINALIZED */
    set_state(FINALIZED)
}

/* hvemu__create_partition(), hvemu__make_child(); hvemu__initialize_partition() */
inline create(creator)
{
    atomic { lock(); owner = creator; over = 0 };
#if BREAK == WORD_FIRST
    w = word;
    store(word, (w & ~WORD(0, 7) | WORD(0, UNINITIALIZED)));
#endif
    store(parent, creator);
#if CALLER
    if
    :: store(privileges, 0)
    :: store(privileges, 1)
    fi;
#endif
#if BREAK == WORD_FIRST
    unlock();
#else
    set_state(UNINITIALIZED);
#endif
    lock();
    set_state(ACTIVE)
}

/* From one partition's finalization to another's VP 0, with another parent or not. */
proctype destroyer()
{
    byte w, count, attempt;

    finalize();
    atomic { lock(); w = word }; /* hvemu__delete_partition(), hvemu__end_child() */
    atomic { store(word, WORD(GENERATION(w) + 1, FREE)); unlock() };
    if
    :: create(A)
    :: create(B)
    fi;
    attach_vp(1)
}

/* hvemu__caller() */
proctype caller(byte me)
{
    byte w;
    bit good;

    atomic { begins(me, make_call) };
    d_step { w = word; good = WORD_ALIVE(w, 0) };
    if
    :: atomic { good -> good = privileges }
    :: else
    fi;
#if BREAK != CALLER_LOOKS_ONCE
    if
    :: atomic { good -> good = WORD_ALIVE(word, 0) }
    :: else
    fi;
#endif
    d_step { answers(me, (good -> SUCCESS : ACCESS_DENIED)) }
}

init {
    byte me;

    atomic {
#if CALLER
        if
        :: privileges = 0
        :: privileges = 1
        fi;
#endif
#ifdef DESTROYER
        if
        :: interrupt = 0
        :: interrupt = ASSERTED
        :: interrupt = ACKED
        fi;
        word = word | interrupt;
#endif
        for (me : 0 .. ASSERTERS - 1) { run asserter(me) };
        for (me : ASSERTERS .. ASSERTERS + CLEARERS - 1) { run clearer(me) };
        for (me : ASSERTERS + CLEARERS .. BOOT - 1) { run caller(me) };
#ifdef VP_0
        run vp_0();
#endif
#ifdef DELETER
        run deleter();
#endif
#ifdef DESTROYER
        run destroyer();
#endif
        me = 0
    }
}
