/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* All schedules, depth first. A run is made from the beginning each time: it follows the path of
 * choices to its end, then goes on with first choices and makes the path longer; afterwards the
 * last choice on the path that has an alternative is changed.
 *
 * A switch from a thread that could go on is a preemption; when it has ended, none. Nothing here
 * waits. What is left out changes nothing that the judge could object to:
 *
 *   - A thread is switched away only between two calls, and before an access that counts: to an
 *     object that two threads use and one of them sets (or one counts and one looks at). Any other
 *     has the same effect on either side of what other threads do, so that a preemption there is as
 *     good as one before the next access that counts. Which objects these are the search finds out
 *     itself; it begins anew when it finds one more.
 *   - Nor is it switched away between the begin of a call and its first such access: with the call
 *     begun a moment later less is allowed, and all else is the same.
 *   - It goes on only when another thread has made an access that goes with the one at which it was
 *     switched away. Else a preemption after that access would have done the same, and the run is
 *     given up.
 *   - What can come is a function of shared memory, of what each thread has seen since its
 *     beginning, of what the judge will look at beside, and of who runs. If a run comes to where
 *     another one was before with as many preemptions left, it is given up. Whether it does is
 *     judged by hash values of 64 bits.
 *
 * test_schedules -c compares the outcomes with those of a search that leaves nothing out. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "schedule.h"

#include <setjmp.h>
#include <stdalign.h>
#include <string.h>
#include <ucontext.h>

enum { STACK = 0x8000, CHOICES = 1024, TABLE = 1 << 18, OBJECTS = 2048 };

/* The objects, by four bytes of shared memory. */
static struct object {
    uint8_t users[3], counts; /* threads, by how they use it; whether a switch there counts */
} objects[OBJECTS];
static int one_more;

static struct fiber {
    alignas(64) uint8_t stack[STACK];
    jmp_buf start, here;
    uint64_t saw;
    int ended, fresh; /* fresh: no access that counts in this call yet */
    /* The access that it is about to make; asleep: nobody has made one since that goes with it. */
    const struct object *object;
    int how, asleep;
} fibers[SCHEDULE_THREADS];

static const struct schedule_program *program;
static jmp_buf scheduler;
static ucontext_t beginning;
static int current = -1, next; /* -1: nobody */
static unsigned preemptions;

static struct choice {
    uint64_t saw[SCHEDULE_THREADS];
    uint8_t open, chosen;
} path[CHOICES];
static unsigned chosen, length;

static struct entry {
    uint64_t key;
    uint32_t search, preemptions;
} table[TABLE];
static uint32_t searches, entries;

static uint8_t switches[CHOICES];
static unsigned switch_count;

/* What becomes of a run. KNOWN: as of another one. */
static enum { GOES_ON, KNOWN, GIVEN_UP } verdict;

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 29;
}

/* In four lanes, for speed. */
static uint64_t hash_of(const struct schedule_memory *memory)
{
    const uint8_t *bytes = memory->from;
    uint64_t lanes[4] = {1, 2, 3, 4}, words[4];

    for (size_t at = 0; at < memory->bytes; at += sizeof words) {
        const size_t rest = memory->bytes - at;

        words[0] = words[1] = words[2] = words[3] = 0;
        memcpy(words, bytes + at, rest < sizeof words ? rest : sizeof words);
        for (size_t lane = 0; lane < 4; lane++)
            lanes[lane] = mix(lanes[lane], words[lane]);
    }
    return mix(mix(mix(lanes[0], lanes[1]), lanes[2]), lanes[3]);
}

static uint64_t hash_of_memory(void)
{
    return mix(hash_of(&program->memory[0]), hash_of(&program->memory[1]));
}

/* The fibers. */

static int decide(void);

/* Begins at its start with every run, wherever it was. */
static void live(void)
{
    if (!_setjmp(fibers[current].start)) {
        static ucontext_t never;
        swapcontext(&never, &beginning);
    }
    program->run(current);
    fibers[current].ended = 1;
    next = decide();
    _longjmp(scheduler, 1);
}

static void make_fibers(void)
{
    static ucontext_t context;

    for (current = 0; current < SCHEDULE_THREADS; current++) {
        getcontext(&context);
        context.uc_stack.ss_sp = fibers[current].stack;
        context.uc_stack.ss_size = STACK;
        makecontext(&context, live, 0);
        swapcontext(&beginning, &context);
    }
    current = -1;
}

int schedule_thread(void)
{
    return current;
}

/* Who can go on. */
static unsigned awake(void)
{
    unsigned threads = 0;

    for (int i = 0; i < SCHEDULE_THREADS; i++)
        threads |= (unsigned)!(fibers[i].ended || fibers[i].asleep) << i;
    return threads;
}

static void may_switch(const struct object *object, int how)
{
    struct fiber *fiber = &fibers[current];

    if (!preemptions || awake() == 1u << current)
        return;
    fiber->object = object;
    fiber->how = how;
    next = decide();
    if (next != current && !_setjmp(fiber->here))
        _longjmp(scheduler, 1);
}

void schedule_between(void)
{
    may_switch(NULL, 0);
    fibers[current].fresh = !program->plain;
}

void schedule_saw(uint64_t value)
{
    if (chosen == length && current >= 0)
        fibers[current].saw = mix(fibers[current].saw, value);
}

void schedule_saw_all(void)
{
    if (chosen == length && current >= 0)
        schedule_saw(hash_of_memory());
}

static struct object *object_at(const volatile void *at)
{
    size_t before = 0;

    for (int i = 0; i < 2; i++) {
        const struct schedule_memory *memory = &program->memory[i];
        const size_t offset = (uintptr_t)at - (uintptr_t)memory->from;
        if (offset < memory->bytes)
            return &objects[(before + offset) / 4];
        before += memory->bytes;
    }
    return NULL;
}

static void use(struct object *object, int how)
{
    const uint8_t *users = object->users;
    unsigned all;

    object->users[how] |= (uint8_t)(1 << current);
    all = users[0] | users[1] | users[2];
    if (!object->counts && (all & (all - 1)) &&
        (users[SCHEDULE_SETS] || (users[SCHEDULE_LOOKS] && users[SCHEDULE_COUNTS])))
        object->counts = 1, one_more = 1;
}

/* Those for whom it makes a difference that this access comes first. */
static void wake(const struct object *object, int how)
{
    for (int i = 0; i < SCHEDULE_THREADS; i++)
        if (fibers[i].asleep && fibers[i].object == object &&
            (how == SCHEDULE_SETS || fibers[i].how == SCHEDULE_SETS || how != fibers[i].how))
            fibers[i].asleep = 0;
}

void schedule_access(const volatile void *at, int how)
{
    struct object *object;

    if (current < 0)
        return;
    object = object_at(at);
    schedule_saw(1); /* a step */
    if (!object)
        return;
    if (program->plain) {
        may_switch(NULL, 0);
        return;
    }
    if (!(object->users[how] >> current & 1))
        use(object, how);
    if (!object->counts)
        return;
    if (!fibers[current].fresh)
        may_switch(object, how);
    fibers[current].fresh = 0;
    wake(object, how);
}

/* The search. */

static uint64_t key(void)
{
    uint64_t hash = mix(hash_of_memory(), program->past());

    for (int i = 0; i < SCHEDULE_THREADS; i++)
        hash = mix(hash, fibers[i].saw + (uint64_t)fibers[i].asleep);
    /* Who has ended does not run. */
    return mix(hash, (uint64_t)(current < 0 || fibers[current].ended ? 0 : current + 1));
}

/* An entry of another search is free. */
static struct entry *look_up(uint64_t hash)
{
    size_t place = (hash ^ hash >> 32) % TABLE;

    while (table[place].search == searches && table[place].key != hash)
        place = (place + 1) % TABLE;
    return &table[place];
}

/* Notes where we are, and whether all was tried before that can come from here. */
static void remember(void)
{
    const uint64_t hash = key();
    struct entry *entry = look_up(hash);

    if (entry->search == searches && entry->preemptions >= preemptions)
        verdict = KNOWN;
    else if (entry->search != searches && ++entries > TABLE / 2)
        verdict = GIVEN_UP;
    else
        *entry = (struct entry){hash, searches, preemptions};
}

/* Adds a choice to the path. First is who runs already: what is reached with more preemptions left
 * covers what is reached with less. */
static void extend(unsigned options)
{
    struct choice *choice = &path[length];

    if (length == CHOICES)
        verdict = GIVEN_UP;
    else if (!program->plain)
        remember();
    if (verdict != GOES_ON)
        return;
    for (int i = 0; i < SCHEDULE_THREADS; i++)
        choice->saw[i] = fibers[i].saw;
    choice->open = (uint8_t)options;
    choice->chosen =
        (uint8_t)(current >= 0 && options >> current & 1 ? current : __builtin_ctz(options));
    length++;
}

/* Who goes on; -1: nobody. After the last choice of the path, what threads see counts again. */
static int decide(void)
{
    const unsigned options = awake();

    if (!(options & (options - 1)))
        return options ? __builtin_ctz(options) : -1;
    if (chosen == length)
        extend(options);
    if (verdict != GOES_ON)
        return -1;
    if (++chosen == length)
        for (int i = 0; i < SCHEDULE_THREADS; i++)
            fibers[i].saw = path[chosen - 1].saw[i];
    return path[chosen - 1].chosen;
}

static void reset(void)
{
    program->prepare();
    for (int i = 0; i < SCHEDULE_THREADS; i++) {
        memcpy(fibers[i].here, fibers[i].start, sizeof(jmp_buf));
        fibers[i].saw = 0;
        fibers[i].ended = fibers[i].asleep = 0;
        fibers[i].fresh = !program->plain;
    }
    preemptions = program->preemptions;
    current = -1;
    verdict = GOES_ON;
    chosen = switch_count = 0;
}

static void switch_to_next(void)
{
    if (current >= 0 && !fibers[current].ended) {
        preemptions--;
        fibers[current].asleep = fibers[current].object != NULL;
    }
    switches[switch_count++ % CHOICES] = (uint8_t)next;
    current = next;
    if (!_setjmp(scheduler))
        _longjmp(fibers[current].here, 1);
}

static void run(void)
{
    reset();
    for (next = decide(); next >= 0;)
        switch_to_next();
    for (int i = 0; verdict == GOES_ON && i < SCHEDULE_THREADS; i++)
        if (!fibers[i].ended)
            verdict = KNOWN;
    current = -1;
}

/* 0: there is no other choice left. */
static int change_a_choice(void)
{
    for (; length; length--) {
        struct choice *last = &path[length - 1];

        last->open &= (uint8_t) ~(1u << last->chosen);
        if (last->open) {
            last->chosen = (uint8_t)__builtin_ctz(last->open);
            return 1;
        }
    }
    return 0;
}

/* With the objects that are known to count. */
static int search(struct schedule_figures *figures)
{
    searches++;
    entries = 0;
    one_more = 0;
    length = 0;
    do {
        run();
        figures->runs++;
        figures->complete += verdict == GOES_ON;
        if (verdict == GIVEN_UP || (verdict == GOES_ON && !program->judge()))
            return 0;
    } while (!one_more && change_a_choice());
    return 1;
}

int schedule_all(const struct schedule_program *it, struct schedule_figures *figures)
{
    struct schedule_figures found;

    program = it;
    if (!searches)
        make_fibers();
    memset(objects, 0, sizeof objects);
    do {
        memset(&found, 0, sizeof found);
        if (!search(&found))
            return 0;
    } while (one_more);
    figures->runs += found.runs;
    figures->complete += found.complete;
    return 1;
}

unsigned schedule_switches(const uint8_t **threads)
{
    *threads = switches;
    return switch_count < CHOICES ? switch_count : CHOICES;
}
