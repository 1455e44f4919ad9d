/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search: depth first over all choices, of the next thread (with sleep sets) and of what is read.
 * Threads are contexts of one thread of the system; they come here before each access to a location
 * that others touch too.
 */
#include "test/model/lib/inside.h"

#include "base/platform/switch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    DEPTH_MAX = 4096,
    STEPS_MAX = 300,
    STACK_SIZE = 256 * 1024,
    LIMIT_DEFAULT = 400 * 1000,
    TRIES_EACH = 4,
    FRESH_MAX = 3,
    LOCALS_MAX = 4,
    LOCAL_SIZE = 16,
    OUTCOMES_MAX = 32,
};

struct node {
    uint8_t is_schedule;
    uint8_t count;   /* of alternatives of a data choice */
    uint8_t now;     /* the alternative, or the thread */
    uint8_t enabled; /* threads */
    uint8_t asleep;  /* threads whose next step leads to nothing new */
    uint8_t done;    /* threads that have been tried here */
};

struct result {
    uint64_t complete, pruned, discarded;
    bool is_exhausted;
};

struct explorer kn_x;
static struct node nodes[DEPTH_MAX];
static unsigned depth, height; /* present choice; choices recorded */
static bool is_random, is_discarded, is_pruned;
static uint64_t random_state;
static uint8_t sleeping;
static unsigned last_thread;
static char outcomes[OUTCOMES_MAX][64];
static unsigned outcome_count;
static KN_ALIGNED(64) unsigned char stacks[TIDS][STACK_SIZE];

unsigned kn_model_self(void)
{
    return kn_x.self;
}

/* ---- ends ------------------------------------------------------------------------------------ */

void trace(const char *format, ...)
{
    if (kn_x.is_tracing) {
        va_list args;
        va_start(args, format);
        printf("    T%u ", kn_x.self);
        vprintf(format, args);
        putchar('\n');
        va_end(args);
    }
}

_Noreturn void stop_execution(void)
{
    kn_x.is_stopped = true;
    for (;;) { /* ends: never comes back */
        kn_switch(&kn_x.threads[kn_x.self].sp, kn_x.home);
    }
}

_Noreturn void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(kn_x.failure, sizeof kn_x.failure, format, args);
    va_end(args);
    stop_execution();
}

_Noreturn void kn_panic(const char *what, const char *file, int line)
{
    fail("%s (%s:%d, thread %u)", what, file, line, kn_x.self);
}

_Noreturn void kn_model_discard(void)
{
    is_discarded = true;
    stop_execution();
}

_Noreturn void cut_execution(void)
{
    is_pruned = true;
    stop_execution();
}

void kn_model_outcome(const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (unsigned i = 0; i < outcome_count; i++) {
        if (strcmp(outcomes[i], text) == 0) {
            return;
        }
    }
    if (outcome_count < OUTCOMES_MAX) {
        strcpy(outcomes[outcome_count++], text);
    }
}

/* ---- choices --------------------------------------------------------------------------------- */

static uint64_t random_next(void)
{
    uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static struct node *next_node(void)
{
    KOKEN_CHECK(depth < DEPTH_MAX);
    return &nodes[depth++];
}

unsigned choose(unsigned n)
{
    if (n <= 1 || kn_x.self == MAIN) {
        return 0;
    }
    struct node *node = next_node();
    if (depth > height) {
        unsigned now = is_random ? (unsigned)(random_next() >> 33) % (n + 1) : 0;
        *node = (struct node){.count = (uint8_t)n, .now = (uint8_t)(now % n)};
        height = depth;
    }
    return node->now;
}

unsigned kn_model_choose(unsigned n)
{
    return choose(n);
}

void announce(struct step step)
{
    struct thread *me = &kn_x.threads[kn_x.self];
    if (kn_x.self == MAIN) {
        return;
    }
    me->next = step;
    me->state = THREAD_READY;
    kn_switch(&me->sp, kn_x.home);
}

static bool is_independent(const struct step *a, const struct step *b)
{
    if (a->kind == KIND_ALL || b->kind == KIND_ALL) {
        return false;
    }
    bool are_reads = a->kind == KIND_READ && b->kind == KIND_READ;
    if (a->is_sc && b->is_sc && !are_reads) {
        return false;
    }
    return a->cell != b->cell || are_reads || a->cell == 0;
}

/* ---- who may go ---------------------------------------------------------------------------------- */

static bool may_go(const struct thread *t)
{
    if (t->state != THREAD_READY) {
        return false;
    }
    if (!t->is_paused) {
        return true;
    }
    return t->is_pausing_long ? kn_x.stores_done > t->pause_stores : kn_x.steps > t->pause_step;
}

static unsigned enabled_threads(void)
{
    unsigned mask = 0;
    for (unsigned i = 0; i < kn_x.thread_count; i++) {
        mask |= (unsigned)may_go(&kn_x.threads[i]) << i;
    }
    return mask;
}

/* Nobody may go: lets one that pauses go on, who then sees the newest of everything. 0: none. */
static unsigned refresh(void)
{
    for (unsigned i = 0; i < kn_x.thread_count; i++) {
        struct thread *t = &kn_x.threads[i];
        if (t->state == THREAD_READY && t->is_paused && t->fresh_run < FRESH_MAX) {
            t->fresh_run++;
            t->is_fresh = true;
            t->is_paused = false;
            return 1u << i;
        }
    }
    return 0;
}

/* ---- one execution ----------------------------------------------------------------------------- */

static void thread_entry(void *arg)
{
    unsigned tid = (unsigned)(uintptr_t)arg;
    kn_x.scenario->threads[tid]();
    memory_flush_late(&kn_x.threads[tid]);
    kn_x.threads[tid].state = THREAD_ENDED;
    kn_x.stores_done++; /* who waits for others may look again */
    kn_switch(&kn_x.threads[tid].sp, kn_x.home);
}

static void main_entry(void *arg)
{
    (void)arg;
    if (kn_x.scenario->setup) {
        kn_x.scenario->setup();
    }
    kn_switch(&kn_x.threads[MAIN].sp, kn_x.home);
    if (kn_x.scenario->check) {
        kn_x.scenario->check();
    }
    kn_switch(&kn_x.threads[MAIN].sp, kn_x.home);
}

static struct {
    unsigned char *p;
    size_t size;
} locals[LOCALS_MAX];
static unsigned local_count;

void kn_model_thread_local(void *p, size_t size)
{
    for (unsigned i = 0; i < local_count; i++) {
        if (locals[i].p == p) {
            return;
        }
    }
    KOKEN_CHECK(local_count < LOCALS_MAX && size <= LOCAL_SIZE);
    locals[local_count].p = p;
    locals[local_count++].size = size;
}

bool is_thread_local(uintptr_t address)
{
    for (unsigned i = 0; i < local_count; i++) {
        if (address - (uintptr_t)locals[i].p < locals[i].size) {
            return true;
        }
    }
    return false;
}

/* Between the variables and the copies of a thread that stops, or goes on. */
static void move_locals(struct thread *thread, bool is_in)
{
    for (unsigned i = 0; i < local_count; i++) {
        unsigned char *copy = thread->locals + i * LOCAL_SIZE;
        memcpy(is_in ? locals[i].p : copy, is_in ? copy : locals[i].p, locals[i].size);
    }
}

static void go(unsigned tid)
{
    kn_x.self = tid;
    move_locals(&kn_x.threads[tid], /* is_in= */ true);
    kn_switch(&kn_x.home, kn_x.threads[tid].sp);
    move_locals(&kn_x.threads[tid], /* is_in= */ false);
}

static void prepare_thread(unsigned tid, void (*entry)(void *))
{
    struct thread *t = &kn_x.threads[tid];
    t->sp = kn_switch_prepare(stacks[tid] + STACK_SIZE, entry, (void *)(uintptr_t)tid);
    t->state = THREAD_READY;
    t->waits_for = NULL;
    t->next = (struct step){KIND_NONE, false, 0};
    t->is_paused = t->is_fresh = false;
    t->fresh_run = 0;
    t->late.left = 0;
    memset(t->locals, 0, sizeof t->locals);
}

static void report_deadlock(void)
{
    for (unsigned i = 0; i < kn_x.thread_count; i++) {
        const struct thread *t = &kn_x.threads[i];
        bool may_sleep = kn_x.scenario->may_sleep >> i & 1;
        if (t->state == THREAD_ASLEEP && !may_sleep) {
            snprintf(kn_x.failure, sizeof kn_x.failure,
                     "thread %u sleeps, nobody is left to wake it", i);
        } else if (t->state == THREAD_LOCKED) {
            snprintf(kn_x.failure, sizeof kn_x.failure, "thread %u waits for a lock for ever", i);
        } else if (t->state == THREAD_READY) {
            snprintf(kn_x.failure, sizeof kn_x.failure, "thread %u loops for ever", i);
        }
    }
    kn_x.is_stopped = kn_x.failure[0] != 0;
}

/* The next thread, -1: all that is left to try here is known. */
static int pick(unsigned enabled)
{
    struct node *node = next_node();
    if (depth > height) {
        unsigned left = enabled & ~(unsigned)(is_random ? 0 : sleeping);
        if (left == 0) {
            depth--;
            return -1;
        }
        unsigned tid = left >> last_thread & 1 ? last_thread : (unsigned)__builtin_ctz(left);
        if (is_random) {
            unsigned skip = (unsigned)(random_next() >> 33) % (unsigned)__builtin_popcount(left);
            for (tid = (unsigned)__builtin_ctz(left); skip > 0; skip--) {
                left &= left - 1;
                tid = (unsigned)__builtin_ctz(left);
            }
        }
        *node = (struct node){.is_schedule = true,
                              .now = (uint8_t)tid,
                              .enabled = (uint8_t)enabled,
                              .asleep = sleeping};
        height = depth;
    }
    unsigned tid = node->now;
    if (!(enabled >> tid & 1)) {
        snprintf(kn_x.failure, sizeof kn_x.failure, "the explorer itself: a replay differs");
        return -1;
    }
    unsigned asleep = (node->asleep | node->done) & ~(1u << tid);
    sleeping = 0;
    for (unsigned i = 0; i < kn_x.thread_count; i++) {
        if ((asleep >> i & 1) && is_independent(&kn_x.threads[i].next, &kn_x.threads[tid].next)) {
            sleeping |= (uint8_t)(1u << i);
        }
    }
    return (int)tid;
}

static void run_threads(void)
{
    for (unsigned i = 0; i < kn_x.thread_count && !kn_x.is_stopped; i++) {
        go(i); /* to its first shared access */
    }
    while (!kn_x.is_stopped) {
        unsigned enabled = enabled_threads();
        if (enabled == 0 && (enabled = refresh()) == 0) {
            report_deadlock();
            return;
        }
        int tid = pick(enabled);
        if (tid < 0 || kn_x.steps > STEPS_MAX) {
            is_pruned = true;
            kn_x.is_stopped = true;
            return;
        }
        last_thread = (unsigned)tid;
        kn_x.threads[tid].is_paused = false;
        kn_x.steps++;
        go((unsigned)tid);
    }
}

static void run_execution(void)
{
    kn_x.execution++;
    kn_x.steps = kn_x.stores_done = 0;
    kn_x.is_stopped = is_discarded = is_pruned = false;
    kn_x.failure[0] = 0;
    depth = 0;
    sleeping = 0;
    last_thread = 0;
    memory_reset();
    prepare_thread(MAIN, main_entry);
    go(MAIN);
    for (unsigned i = 0; i < kn_x.thread_count; i++) {
        prepare_thread(i, thread_entry);
        memory_start_thread(i);
    }
    kn_x.threads[MAIN].now.clock[MAIN]++;
    if (!kn_x.is_stopped) {
        run_threads();
    }
    if (!kn_x.is_stopped) {
        memory_join_all();
        go(MAIN);
    }
}

/* To the next choice not yet tried. False: there is none. */
static bool advance(void)
{
    while (height > 0) {
        struct node *node = &nodes[height - 1];
        if (!node->is_schedule) {
            if (++node->now < node->count) {
                return true;
            }
        } else {
            node->done |= (uint8_t)(1u << node->now);
            unsigned left = node->enabled & ~(unsigned)(node->asleep | node->done);
            if (left != 0) {
                node->now = (uint8_t)__builtin_ctz(left);
                return true;
            }
        }
        height--;
    }
    return false;
}

/* ---- a scenario ------------------------------------------------------------------------------ */

static struct result search(uint64_t limit)
{
    struct result r = {0};
    uint64_t tries = 0;
    height = 0;
    for (;;) { /* ends: at the limit, at a failure, or when all choices have been tried */
        if (is_random) {
            height = 0;
        }
        run_execution();
        if (kn_x.is_shared_new) { /* what was thought private is not: all over again */
            kn_x.is_shared_new = false;
            r = (struct result){0};
            height = 0;
            outcome_count = 0;
            continue;
        }
        if (kn_x.failure[0] != 0) {
            return r;
        }
        r.pruned += is_pruned;
        r.discarded += is_discarded;
        r.complete += !is_pruned && !is_discarded;
        if (++tries > TRIES_EACH * limit || r.complete >= limit) {
            return r;
        }
        if (!is_random && !advance()) {
            r.is_exhausted = true;
            return r;
        }
    }
}

static void replay(void)
{
    char failure[sizeof kn_x.failure];
    memcpy(failure, kn_x.failure, sizeof failure);
    printf("  FAILED: %s\n", failure);
    kn_x.is_tracing = true;
    height = depth < height ? depth : height;
    run_execution();
    kn_x.is_tracing = false;
    if (strcmp(failure, kn_x.failure) != 0) {
        printf("  the replay differs: %s\n", kn_x.failure);
    }
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool check_outcomes(const struct kn_scenario *s)
{
    char text[OUTCOMES_MAX * 64] = "";
    qsort(outcomes, outcome_count, sizeof outcomes[0], compare_text);
    for (unsigned i = 0; i < outcome_count; i++) {
        strcat(strcat(text, i ? " " : ""), outcomes[i]);
    }
    if (s->outcomes && strcmp(text, s->outcomes) != 0) {
        printf("  FAILED: %s gives {%s}, not {%s}\n", s->name, text, s->outcomes);
        return false;
    }
    return true;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool explore(const struct kn_scenario *s, uint64_t limit, bool is_default, bool is_quiet,
                    uint64_t *sum)
{
    double start = seconds();
    kn_x.scenario = s;
    kn_x.thread_count = 0;
    while (kn_x.thread_count < KN_MODEL_THREADS && s->threads[kn_x.thread_count]) {
        kn_x.thread_count++;
    }
    outcome_count = 0;
    memory_forget();
    struct result r = search(limit);
    if (kn_x.failure[0] == 0 && !r.is_exhausted && !is_random && is_default) {
        /* The other half at random: depth first alone stays in one corner. */
        uint64_t complete = r.complete, pruned = r.pruned;
        is_random = true;
        random_state = 1;
        r = search(limit);
        is_random = false;
        r.complete += complete;
        r.pruned += pruned;
    }
    bool is_right = kn_x.failure[0] == 0;
    if (!is_right && !is_quiet) {
        printf("%s\n", s->name);
        replay();
    }
    is_right = is_right && (is_quiet && !s->outcomes ? true : check_outcomes(s));
    if (!is_quiet) {
        double s_taken = seconds() - start;
        printf("%-34s %8llu interleavings, %7llu cut, %s, %.2f s, %.0f/s\n", s->name,
               (unsigned long long)r.complete, (unsigned long long)r.pruned,
               is_random        ? "random"
               : r.is_exhausted ? "all"
                                : "limited",
               s_taken, (double)r.complete / (s_taken + 1e-9));
    }
    *sum += r.complete;
    return is_right;
}

bool explore_all(const struct kn_scenario *scenarios)
{
    uint64_t sum = 0;
    for (const struct kn_scenario *s = scenarios; s->name; s++) {
        uint64_t limit = s->limit ? s->limit : LIMIT_DEFAULT;
        if (!explore(s, limit / 2, /* is_default= */ true, /* is_quiet= */ false, &sum)) {
            return false;
        }
    }
    printf("%llu interleavings\n", (unsigned long long)sum);
    return true;
}

bool explore_quietly(const struct kn_scenario *scenario, uint64_t limit)
{
    uint64_t sum = 0;
    limit = scenario->limit && scenario->limit < limit ? scenario->limit : limit;
    return explore(scenario, limit / 2, /* is_default= */ true, /* is_quiet= */ true, &sum);
}

/*
 * PROGRAM              every scenario, each up to its limit
 * PROGRAM NAME [N]     that one, up to N interleavings
 * PROGRAM --random N SEED   N random ones of each
 * PROGRAM --mutants [NAME FILE...]   every mutant of the sources' atomic accesses; see mutate.c
 */
int kn_model_main(int argc, char **argv, const struct kn_scenario *scenarios)
{
    bool is_right = true;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && strcmp(argv[1], "--mutants") == 0) {
        return run_mutants(scenarios, argc > 2 ? argv[2] : "", argc > 3 ? argv + 3 : NULL);
    }
    is_random = argc > 3 && strcmp(argv[1], "--random") == 0;
    if (!is_random && argc == 1) {
        return explore_all(scenarios) ? 0 : 1;
    }
    for (const struct kn_scenario *s = scenarios; s->name; s++) {
        uint64_t sum = 0;
        if (is_random) {
            random_state = strtoull(argv[3], NULL, 10);
            is_right &= explore(s, strtoull(argv[2], NULL, 10), false, false, &sum);
        } else if (strcmp(argv[1], s->name) == 0) {
            is_right &= explore(s, argc > 2 ? strtoull(argv[2], NULL, 10) : UINT64_MAX / 64, false,
                                false, &sum);
        }
    }
    return is_right ? 0 : 1;
}
