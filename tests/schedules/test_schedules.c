/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The library's own code, compiled with a scheduler in the place of its atomics: three threads make
 * two calls each, in all schedules with at most three preemptions, and every history must be
 * explained by an order of its calls (sequential.c). So must what the VMM is told, and the end; and
 * no lock and no count may be left.
 *
 * A family is a set of calls that have to do with each other, and where they begin. Its programs
 * are all ways to give each thread two of its calls, but for the threads' order, that the contract
 * allows: a virtual processor makes its calls on one thread.
 *
 * test_schedules [-c] [-p preemptions] [-s step] [family...]
 *   -c  once more without the reductions of schedule.c, which must not change what can come out
 *   -p  at most so many preemptions, not 3
 *   -s  one program in so many
 * The exit status is 77 if there can be no fibers. */

#include "world.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define NO_FIBERS "a sanitizer follows the stack"
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NO_FIBERS "a sanitizer follows the stack"
#endif

enum { MOST_ACTS = 12 };

#define A0(kind) kind, A, 0
#define B0(kind) kind, B, 0
#define A1(kind) kind, A, 1
#define B1(kind) kind, B, 1
static const struct act assert_41 = {"assert 41", A0(ASSERT), 0x41, 0},
                        assert_52 = {"assert 52", A0(ASSERT), 0x52, 0},
                        withdraw = {"withdraw", A0(WITHDRAW), 0, 0},
                        assert_fixed = {"assert fixed", A0(ASSERT_FIXED), 0, 0},
                        clear_it = {"clear", A0(CLEAR), 0, 0},
                        clear_native = {"clear by A's processor", A0(CLEAR), 0, 1},
                        clear_b = {"clear by B", B0(CLEAR), 0, 0},
                        assert_b = {"assert by B", B0(ASSERT), 0x63, 0},
                        take = {"acknowledge", A0(ACKNOWLEDGE), 0, 0},
                        line = {"line", A0(LINE), 0, 0}, reset_it = {"reset", A0(RESET), 0, 0},
                        attach_it = {"attach", A0(ATTACH), 0, 0},
                        detach_it = {"detach", A0(DETACH), 0, 0},
                        create_vp = {"HvCreateVp", A0(CREATE_VP), 0, 0},
                        delete_vp = {"HvDeleteVp", A0(DELETE_VP), 0, 0},
                        property = {"read a property", A0(PROPERTY), 0, 0},
                        next_child = {"next child", A0(NEXT_CHILD), 0, 0},
                        own_on = {"own call on the child", A0(OWN_ON), 0, 0},
                        own_by = {"own call by the child", A0(OWN_BY), 0, 0},
                        finalize_it = {"finalize", A0(FINALIZE), 0, 0},
                        delete_it = {"delete", A0(DELETE), 0, 0},
                        create_a = {"create", A0(CREATE), 0, 0},
                        create_b = {"create by B", B0(CREATE), 0, 0},
                        guest_a = {"add guest", A0(ADD_GUEST), 0, 0},
                        guest_b = {"add guest of B", B0(ADD_GUEST), 0, 0},
                        initialize_it = {"initialize", A0(INITIALIZE), 0, 0},
                        initialize_b1 = {"initialize second by B", B1(INITIALIZE), 0, 0},
                        clear_1 = {"clear second", A1(CLEAR), 0, 0},
                        clear_b1 = {"clear second by B", B1(CLEAR), 0, 0},
                        assert_b1 = {"assert on second by B", B1(ASSERT), 0x63, 0},
                        assert_1 = {"assert on second", A1(ASSERT), 0x41, 0},
                        create_vp_b1 = {"HvCreateVp in second by B", B1(CREATE_VP), 0, 0};

static const struct family {
    const char *name;
    unsigned begins;
    const struct act *acts[MOST_ACTS];
} families[] = {
    {"handshake",
     1u << IDLE | 1u << ASSERTED | 1u << ACKED,
     {&assert_41, &assert_52, &withdraw, &clear_it, &take}},
    {"native", 1u << ACKED, {&assert_41, &clear_it, &clear_native, &take}},
    {"reset", 1u << ASSERTED | 1u << ACKED, {&assert_41, &clear_it, &take, &line, &reset_it}},
    {"attach", 1u << IDLE | 1u << ACKED, {&assert_41, &clear_it, &take, &attach_it, &detach_it}},
    {"processor", 1u << CREATED | 1u << CREATED_ACKED, {&assert_41, &take, &create_vp, &delete_vp}},
    {"owners", 1u << WITHOUT_VP, {&attach_it, &detach_it, &create_vp, &delete_vp, &assert_41}},
    {"end", 1u << WITHOUT_VP | 1u << IDLE, {&assert_41, &assert_fixed, &finalize_it, &detach_it}},
    {"end of ops", 1u << WITHOUT_VP, {&own_on, &own_by, &assert_fixed, &finalize_it}},
    {"end of both", 1u << CREATED_ACKED, {&clear_it, &delete_vp, &finalize_it, &take}},
    {"reuse", 1u << WITHOUT_VP, {&clear_b, &assert_b, &finalize_it, &delete_it, &guest_b}},
    {"reuse by A", 1u << CREATED_ACKED, {&clear_it, &finalize_it, &delete_it, &guest_a}},
    {"locks", 1u << WITHOUT_VP | 1u << UNBORN, {&property, &next_child, &finalize_it, &delete_it}},
    {"birth", 1u << UNBORN | 1u << ENDED, {&delete_it, &initialize_it, &create_a, &create_b}},
    {"birth by B", 1u << ENDED, {&delete_it, &create_b, &initialize_b1, &clear_1, &clear_b1}},
    {"successor", 1u << ENDED, {&delete_it, &guest_b, &create_vp_b1, &assert_b1, &clear_it}},
    {"stale", 1u << SECOND, {&clear_it, &clear_1, &assert_41, &assert_1, &take}},
};
enum { FAMILIES = sizeof families / sizeof *families };

static struct {
    uint64_t programs, histories;
    struct schedule_figures of, plain; /* plain: without reductions */
} all, here;

static struct state first;

/* What was seen of a program: histories that were explained already, and outcomes, which are
 * histories but for what came after what. */
struct set {
    struct {
        uint64_t key;
        uint32_t search;
    } places[1 << 17];
    uint32_t search, count;
    uint64_t sum;
};
static struct set histories, outcomes;

static void empty(struct set *set)
{
    set->search++;
    set->count = 0;
    set->sum = 0;
}

/* Whether it is new. */
static int insert(struct set *set, uint64_t key)
{
    const uint32_t mask = sizeof set->places / sizeof *set->places - 1;
    uint32_t place = (uint32_t)(key >> 7) & mask;

    while (set->places[place].search == set->search) {
        if (set->places[place].key == key)
            return 0;
        place = (place + 1) & mask;
    }
    if (++set->count > mask / 2)
        errx(1, "a program has too many histories");
    set->places[place].key = key;
    set->places[place].search = set->search;
    set->sum += key;
    return 1;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 29;
}

static uint64_t outcome(struct state end)
{
    uint64_t hash = (uint64_t)end.generation << 40 | (uint64_t)end.life << 32 |
                    (uint64_t)end.owner << 24 | (uint64_t)end.vp0 << 16 |
                    (uint64_t)end.interrupt << 8 | end.vector;

    for (int i = 0; i < SCHEDULE_THREADS * CALLS; i++) {
        const struct call *c = &history[i];
        hash = mix(hash, (uint64_t)(unsigned)c->answer << 32 | (uint64_t)c->told << 16 |
                             (uint64_t)c->generation << 8 | c->vector);
    }
    return hash;
}

static const char *wrong;

static int judge(void)
{
    const struct state end = world_state();
    uint64_t hash;

    wrong = world_fault();
    if (wrong)
        return 0;
    hash = outcome(end);
    insert(&outcomes, hash);
    if (!insert(&histories, mix(hash, world_program.past())))
        return 1;
    if (!explained(first, end))
        wrong = "no order of the calls explains this";
    return !wrong;
}

/* Whom the contract binds to one thread: bits. */
static unsigned bound(const struct act *act)
{
    switch (act->kind) {
    case ACKNOWLEDGE:
    case LINE:
    case ATTACH:
    case DETACH:
        return 1;
    default:
        return act->native ? 2 : 0;
    }
}

static int allowed(void)
{
    unsigned taken = 0;

    for (int thread = 0; thread < SCHEDULE_THREADS; thread++) {
        const unsigned binds =
            bound(history[thread * CALLS].act) | bound(history[thread * CALLS + 1].act);
        if (taken & binds)
            return 0;
        taken |= binds;
    }
    return 1;
}

static void print_failure(const struct family *family, enum begin begin)
{
    const uint8_t *threads;
    const unsigned count = schedule_switches(&threads);

    printf("%s, %s: %s\n", family->name, begin_names[begin],
           wrong ? wrong : "the search was given up");
    world_print();
    printf("  threads");
    for (unsigned i = 0; i < count; i++)
        printf(" %d", threads[i]);
    printf("\n");
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Gives the threads their calls; 0: no such program. */
static int choose(const struct family *family, unsigned acts, const unsigned pairs[])
{
    for (int thread = 0; thread < SCHEDULE_THREADS; thread++) {
        history[thread * CALLS].act = family->acts[pairs[thread] / acts];
        history[thread * CALLS + 1].act = family->acts[pairs[thread] % acts];
    }
    return allowed();
}

static unsigned long step = 1, program_number;
static int checks;

/* All its schedules; with -c also without reductions, which must come to the same. */
static int run_program(const struct family *family, enum begin begin)
{
    int right;

    if (program_number++ % step)
        return 1;
    wrong = NULL;
    here.programs++;
    empty(&histories);
    empty(&outcomes);
    right = schedule_all(&world_program, &here.of);
    here.histories += histories.count;
    if (right && checks) {
        const uint64_t count = outcomes.count, sum = outcomes.sum;

        empty(&histories);
        empty(&outcomes);
        world_program.plain = 1;
        right = schedule_all(&world_program, &here.plain);
        world_program.plain = 0;
        if (right && (outcomes.count != count || outcomes.sum != sum)) {
            wrong = "without reductions it has other outcomes";
            right = 0;
        }
    }
    if (!right)
        print_failure(family, begin);
    return right;
}

static int run_family_from(const struct family *family, enum begin begin)
{
    unsigned acts = 0, p[SCHEDULE_THREADS];

    while (acts < MOST_ACTS && family->acts[acts])
        acts++;
    world_begin(begin);
    first = world_state();
    for (p[0] = 0; p[0] < acts * acts; p[0]++)
        for (p[1] = p[0]; p[1] < acts * acts; p[1]++)
            for (p[2] = p[1]; p[2] < acts * acts; p[2]++)
                if (choose(family, acts, p) && !run_program(family, begin))
                    return 0;
    return 1;
}

static void print_figures(const char *name, double since)
{
    printf("%-12s %6llu programs %10llu runs %10llu complete %10llu histories %6.1f s\n", name,
           (unsigned long long)here.programs, (unsigned long long)here.of.runs,
           (unsigned long long)here.of.complete, (unsigned long long)here.histories,
           seconds() - since);
    if (checks)
        printf("%-12s without reductions %llu complete\n", name,
               (unsigned long long)here.plain.complete);
    fflush(stdout);
}

static int run_family(const struct family *family)
{
    const double begun = seconds();
    int right = 1;

    memset(&here, 0, sizeof here);
    for (int begin = 0; right && begin < BEGINNINGS; begin++)
        if (family->begins >> begin & 1)
            right = run_family_from(family, (enum begin)begin);
    print_figures(family->name, begun);
    all.programs += here.programs;
    all.histories += here.histories;
    all.of.runs += here.of.runs;
    all.of.complete += here.of.complete;
    all.plain.complete += here.plain.complete;
    return right;
}

static int named(const char *name, char **names)
{
    if (!*names)
        return 1;
    for (; *names; names++)
        if (!strcmp(*names, name))
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option none[] = {{NULL, 0, NULL, 0}};
    int option, right = 1;

#ifdef NO_FIBERS
    printf("schedules: NOT CHECKED: no fibers here: " NO_FIBERS "\n");
    return 77;
#endif
    world_program.preemptions = 3;
    world_program.judge = judge;
    while ((option = getopt_long(argc, argv, "cp:s:", none, NULL)) != -1)
        switch (option) {
        case 'c':
            checks = 1;
            break;
        case 'p':
            world_program.preemptions = (unsigned)strtoul(optarg, NULL, 0);
            break;
        case 's':
            step = strtoul(optarg, NULL, 0);
            break;
        default:
            errx(2, "usage: test_schedules [-c] [-p preemptions] [-s step] [family...]");
        }
    if (!step)
        errx(2, "-s 0 is none");
    for (int i = 0; i < FAMILIES; i++)
        if (named(families[i].name, argv + optind))
            right &= run_family(&families[i]);
    here = all;
    print_figures("all", 0);
    if (!all.programs)
        errx(2, "there is no such family");
    return !right;
}
