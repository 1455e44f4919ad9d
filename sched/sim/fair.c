/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oracle of P6. Time is counted in steps of the workers that could run the runnable: a worker that stands still
 * makes no step, so no misfortune of time excuses a wait or makes one too long. The bounds are those of
 * ../DESIGN.md, "Fairness".
 */
#include "sched/fair.h"

#ifdef KN_SIM

#include "base/assert.h"
#include "sched/machine.h"
#include "sched/nursery.h"
#include "sched/sim/task.h"

#include <string.h>

enum {
    TABLE_SIZE = 1 << 13,
    TABLE_FULL = TABLE_SIZE / 4 * 3, /* what comes then is not looked at */
    LEVEL_PICKS = 51,                /* picks until a level has its turn, the others being full */
    YOUNG_PICKS = 17,                /* picks until the queue has, the nursery being full */
    BEAT_STEPS = 62,                 /* steps from one look at the global queue to the next */
};

/* A runnable that is ready. */
struct entry {
    const struct kn_runnable *runnable; /* NULL: free */
    const void *place;                  /* NULL: in somebody's hand */
    uint64_t since;                     /* the place's steps when it came there */
    uint32_t ahead;
};

/* A worker, and what of it has run when, in its own steps. */
struct watched {
    const struct kn_sched *sched;
    const struct kn_worker *worker;
    uint64_t steps;
    uint64_t last_level[KN_PRIO_COUNT_]; /* when something was taken out of that queue */
    uint64_t last_young;
};

/* One thread of the system runs all of a simulation. */
static struct entry table[TABLE_SIZE];
static unsigned entry_count;
static struct watched watched[SIM_TASKS_MAX];
static unsigned watched_count;
static uint32_t global_levels; /* bit per level that a global queue has ever held */

/* ---- the table: linear probing ------------------------------------------------------------- */

static unsigned home_of(const struct kn_runnable *runnable)
{
    return (unsigned)((uintptr_t)runnable / 16 * UINT64_C(0x9e3779b97f4a7c15) >> 51) % TABLE_SIZE;
}

/* Its entry, or the free one where it would be. */
static struct entry *find(const struct kn_runnable *runnable)
{
    unsigned at = home_of(runnable);
    KN_ASSERT(entry_count <= TABLE_FULL);
    while (table[at].runnable != NULL && table[at].runnable != runnable) {
        at = (at + 1) % TABLE_SIZE; /* ends: there is a free one */
    }
    return &table[at];
}

/* Takes it out, and moves up those behind it that would not be found any more. */
static void forget(struct entry *e)
{
    unsigned hole = (unsigned)(e - table);
    KN_ASSERT(entry_count > 0);
    entry_count--;
    for (unsigned at = (hole + 1) % TABLE_SIZE; table[at].runnable != NULL;
         at = (at + 1) % TABLE_SIZE) {
        unsigned home = home_of(table[at].runnable);
        if ((at - home) % TABLE_SIZE >= (at - hole) % TABLE_SIZE) {
            table[hole] = table[at];
            hole = at;
        }
    }
    table[hole].runnable = NULL;
}

/* ---- places -------------------------------------------------------------------------------- */

static bool is_inside(const void *place, const void *object, size_t size)
{
    return (uintptr_t)place - (uintptr_t)object < size;
}

/* The worker whose place it is; NULL: it is a global queue's. */
static struct watched *worker_of(const void *place)
{
    for (unsigned i = 0; i < watched_count; i++) {
        if (is_inside(place, watched[i].worker, sizeof(struct kn_worker))) {
            return &watched[i];
        }
    }
    return NULL;
}

/* Which one of an array of KN_PRIO_COUNT_ things it is; KN_PRIO_COUNT_: none of them. */
static unsigned index_in(const void *place, const void *array, size_t size)
{
    size_t offset = (uintptr_t)place - (uintptr_t)array;
    return is_inside(place, array, KN_PRIO_COUNT_ * size) ? (unsigned)(offset / size)
                                                          : KN_PRIO_COUNT_;
}

/* Level of a worker's queue; KN_PRIO_COUNT_: it is another place. */
static unsigned level_of(const struct watched *w, const void *place)
{
    return index_in(place, w->worker->queues, sizeof w->worker->queues[0]);
}

/* The scheduler whose global queue it is, or NULL. */
static const struct kn_sched *sched_of(const void *place)
{
    for (unsigned i = 0; i < watched_count; i++) {
        if (is_inside(place, watched[i].sched, sizeof(struct kn_sched))) {
            return watched[i].sched;
        }
    }
    return NULL;
}

/* Steps of those that look into the place, and how many these are. */
static uint64_t steps_of(const void *place, unsigned *ret_workers)
{
    const struct watched *w = worker_of(place);
    const struct kn_sched *sched = w == NULL ? sched_of(place) : NULL;
    uint64_t steps = w != NULL ? w->steps : 0;
    *ret_workers = w != NULL;
    for (unsigned i = 0; i < watched_count && sched != NULL; i++) {
        if (watched[i].sched == sched) {
            steps += watched[i].steps;
            ++*ret_workers;
        }
    }
    return steps;
}

static bool is_nursery(const struct watched *w, const void *place)
{
    return place == (const void *)&w->worker->nursery;
}

/* ---- bounds -------------------------------------------------------------------------------- */

static uint64_t bound_of(const struct entry *e, unsigned workers)
{
    const struct watched *w = worker_of(e->place);
    uint64_t turns = e->ahead + 1;
    if (w == NULL) {
        bool has_levels = (global_levels & (global_levels - 1)) != 0;
        return BEAT_STEPS * (2 * turns * (has_levels ? LEVEL_PICKS : 1) + workers);
    }
    if (is_nursery(w, e->place)) { /* each time one of those before it goes, or half of all do */
        return (turns + 1) * (KN_YOUNG_BEATS + 1) * BEAT_STEPS;
    }
    unsigned level = level_of(w, e->place);
    bool has_levels = level == KN_PRIO_COUNT_;
    for (unsigned i = 0; i < KN_PRIO_COUNT_; i++) {
        has_levels |= i != level && w->last_level[i] >= e->since;
    }
    bool has_young = level == KN_PRIO_NORMAL && w->last_young >= e->since;
    uint64_t turn = kn_fair_turn((unsigned)w->worker->budget_full);
    uint64_t beat = level == KN_PRIO_COUNT_ ? BEAT_STEPS : 0; /* of what is alone, and runs again */
    return (turns + 1) * turn * (has_levels ? LEVEL_PICKS : 1) * (has_young ? YOUNG_PICKS : 1) +
           beat;
}

static const char *name_of(const void *place)
{
    const struct watched *w = worker_of(place);
    if (w == NULL) {
        return "a global queue";
    }
    if (level_of(w, place) < KN_PRIO_COUNT_) {
        return "a queue";
    }
    if (is_nursery(w, place)) {
        return "a nursery";
    }
    return is_inside(place, &w->worker->again, sizeof w->worker->again) ? "the place to run again"
                                                                        : "the slot";
}

static void check(const struct entry *e)
{
    struct sim_result *result = kn_sim->result;
    unsigned workers;
    uint64_t waited = steps_of(e->place, &workers) - e->since;
    uint64_t bound = bound_of(e, workers);
    uint64_t share = waited * 1000 / bound;
    result->waits++;
    result->wait_worst = share > result->wait_worst ? share : result->wait_worst;
    if (waited > bound) {
        sim_fail(kn_sim, "P6: ready for %llu steps in %s behind %u others, and %llu are the bound",
                 (unsigned long long)waited, name_of(e->place), e->ahead,
                 (unsigned long long)bound);
    }
}

/* Notes for those that wait there what has been taken. */
static void note(const void *place)
{
    struct watched *w = worker_of(place);
    if (w == NULL) {
        return;
    }
    unsigned level = level_of(w, place);
    if (level < KN_PRIO_COUNT_) {
        w->last_level[level] = w->steps;
    } else if (is_nursery(w, place)) {
        w->last_young = w->steps;
    }
}

/* ---- what the scheduler calls -------------------------------------------------------------- */

void kn_fair_begin(const struct kn_sched *sched)
{
    if (!sim_is_running()) {
        return;
    }
    if (watched_count == 0 && entry_count > 0) {
        memset(table, 0, sizeof table);
    }
    if (watched_count == 0) {
        entry_count = 0;
        global_levels = 0;
    }
    for (unsigned i = 0; i < sched->worker_count && watched_count < SIM_TASKS_MAX; i++) {
        watched[watched_count++] =
            (struct watched){.sched = sched, .worker = sched->workers[i], .steps = 1};
    }
}

void kn_fair_end(const struct kn_sched *sched)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < watched_count; i++) {
        if (watched[i].sched != sched) {
            watched[kept++] = watched[i];
        }
    }
    watched_count = kept;
}

void kn_fair_put(const void *place, const struct kn_runnable *runnable, uint32_t ahead)
{
    unsigned workers;
    if (watched_count == 0 || entry_count == TABLE_FULL) {
        return;
    }
    struct entry *e = find(runnable);
    uint64_t since = steps_of(place, &workers);
    if (workers == 0) {
        return; /* a queue of its own, in a test */
    }
    KN_ASSERT(e->runnable == NULL || e->place == NULL); /* else it is ready twice */
    entry_count += e->runnable == NULL;
    *e = (struct entry){runnable, place, since, ahead};
    if (worker_of(place) == NULL) {
        const struct kn_sched *sched = sched_of(place);
        global_levels |=
            1u << index_in(place, sched->global.levels, sizeof sched->global.levels[0]);
    }
}

void kn_fair_take(const void *place, const struct kn_runnable *runnable)
{
    if (watched_count == 0 || runnable == NULL) {
        return;
    }
    struct entry *e = find(runnable);
    if (e->runnable == NULL) {
        return;
    }
    KN_ASSERT(e->place == place);
    check(e);
    note(place);
    e->place = NULL;
}

void kn_fair_steal(const struct kn_runq *victim, const struct kn_runq *mine, uint32_t base,
                   uint32_t count)
{
    for (uint32_t i = 0; i < count && watched_count > 0; i++) {
        const struct kn_runnable *each =
            atomic_load_explicit(/* seam: no point here */
                                 &mine->slots[(base + i) % KN_RUNQ_SLOTS],
                                 memory_order_relaxed); /* one thread */
        kn_fair_take(victim, each);
        if (i + 1 < count) {
            kn_fair_put(mine, each, i);
        }
    }
}

void kn_fair_run(const struct kn_worker *worker, const struct kn_runnable *runnable)
{
    struct watched *w = watched_count > 0 ? worker_of(worker) : NULL;
    if (w == NULL) {
        return;
    }
    /* A thief at the slot keeps its worker from it; what runs meanwhile does not count. Relaxed: one thread. */
    uint32_t revoke = /* seam: no point here */
        atomic_load_explicit(&worker->lifo_revoke, memory_order_relaxed);
    w->steps += revoke == 0;
    if (runnable != NULL) {
        struct entry *e = find(runnable);
        KN_ASSERT(e->runnable == NULL || e->place == NULL);
        if (e->runnable != NULL) {
            forget(e);
        }
    }
}

#endif
