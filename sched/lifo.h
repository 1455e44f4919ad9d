/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The LIFO slot: one runnable that its worker runs next, biased to the worker.
 *
 * The holder of the worker puts and takes with plain loads and stores, bracketed by `busy`. A
 * thief, which comes only when the holder has been in one dispatch for long, pays for both:
 *
 *      holder                                  thief
 *      busy = 1                                revoke: 0 -> 1 (one thief at a time)
 *      light fence (compiler only)             kn_membarrier()
 *      revoke != 0? busy = 0, no slot now      busy != 0? wait a moment, or give up
 *      read, write slot                        read, write slot
 *      busy = 0 (release [SF1])                revoke = 0 (release [SF2])
 *
 * Not both read 0: if the holder's load of revoke comes before the thief's store, its store of busy
 * comes before the barrier takes effect on its core, so the thief, after the barrier, sees it; if
 * it comes after, it sees revoke. So the two never touch the slot at once. What is in the slot
 * passes over [SF1] from holder to thief and over [SF2] back, both acquire/release pairs, so the
 * data does not hang on the barrier.
 *
 * A holder that finds revoke set does not wait: putting goes to the run queue, taking finds
 * nothing; it comes back, as a worker with a full slot does not rest. Where there is no membarrier,
 * or under ThreadSanitizer, busy is set by an exchange and all four accesses of the quarrel are
 * seq_cst (D-SCHED-2).
 *
 *                put  take  steal          X: both the holder's;  -: may run at once
 *      put        X    X     -             put, take: wait-free. steal: bounded, may give up.
 *      take            X     -
 *      steal                 - (one wins)
 */
#ifndef KN_SCHED_LIFO_H
#define KN_SCHED_LIFO_H

#include "base/align.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "sched/fair.h"
#include "sched/worker.h"

#include <stdbool.h>

/* True if the process can use membarrier; registers it. Always false under ThreadSanitizer. */
bool kn_lifo_biased_init(void);

/* The slot of a worker whose holder stays away from it, else NULL. Thread: any but the holder. */
struct kn_runnable *kn_lifo_steal(struct kn_worker *victim);

/* Opens the slot for its holder. False: a thief is at it. */
static KN_ALWAYS_INLINE bool kn_lifo_enter(struct kn_worker *worker)
{
    uint32_t revoke;

    KN_ASSERT(kn_load(&worker->lifo_busy, relaxed) == 0);
    if (kn_likely(worker->is_biased)) {
        kn_store(&worker->lifo_busy, 1, relaxed); /* relaxed: ordered by the thief's barrier */
        kn_fence_light();
        /* [SF2] acquire: sees the slot as the last thief left it. Pairs with release in
         * kn_lifo_steal(). */
        revoke = kn_load(&worker->lifo_revoke, acquire);
    } else {
        (void)kn_swap(&worker->lifo_busy, 1,
                      seq_cst); /* [SF3] with the load of busy in kn_lifo_steal() */
        revoke = kn_load(&worker->lifo_revoke, seq_cst); /* [SF2] [SF3] */
    }
    if (kn_unlikely(revoke != 0) && !KN_MUTANT(11)) {
        kn_store(&worker->lifo_busy, 0,
                 release); /* [SF1] release: a thief that reads this 0 sees the slot too */
        return false;
    }
    return true;
}

static KN_ALWAYS_INLINE void kn_lifo_leave(struct kn_worker *worker)
{
    KN_ASSERT(kn_load(&worker->lifo_busy, relaxed) == 1);
    /* [SF1] release: the slot, and the runnable in it. Pairs with acquire in kn_lifo_steal(). */
    kn_store(&worker->lifo_busy, 0, release);
}

/* Puts runnable in; returns who has to go to the tail: the old occupant, NULL, or runnable itself.
 */
static KN_ALWAYS_INLINE struct kn_runnable *kn_lifo_put(struct kn_worker *worker,
                                                        struct kn_runnable *runnable)
{
    struct kn_runnable *old;

    KN_ASSERT(runnable != NULL);
    if (kn_unlikely(!kn_lifo_enter(worker))) {
        return runnable;
    }
    old = kn_load(&worker->lifo, relaxed); /* relaxed, both: inside the bracket the slot is ours */
    KN_ASSERT(old != runnable);            /* it would be ready twice */
    kn_store(&worker->lifo, runnable, relaxed);
    kn_fair_take(&worker->lifo, old);
    kn_fair_put(&worker->lifo, runnable, 0);
    kn_lifo_leave(worker);
    return old;
}

/*
 * The same for a holder who knows that no other worker of the scheduler is awake, or can be before this
 * returns (actors/alone.h): nobody is there to steal.
 */
static KN_ALWAYS_INLINE struct kn_runnable *kn_lifo_put_alone(struct kn_worker *worker,
                                                              struct kn_runnable *runnable)
{
    struct kn_runnable *old = kn_load(&worker->lifo, relaxed); /* relaxed, both: ours alone */
    KN_ASSERT(old != runnable);
    KN_ASSERT(kn_load(&worker->lifo_revoke, relaxed) == 0);
    kn_store(&worker->lifo, runnable, relaxed);
    kn_fair_take(&worker->lifo, old);
    kn_fair_put(&worker->lifo, runnable, 0);
    return old;
}

static KN_ALWAYS_INLINE struct kn_runnable *kn_lifo_take(struct kn_worker *worker)
{
    struct kn_runnable *runnable;

    if (kn_unlikely(!kn_lifo_enter(worker))) {
        return NULL;
    }
    runnable =
        kn_load(&worker->lifo, relaxed); /* relaxed, both: inside the bracket the slot is ours */
    kn_store(&worker->lifo, NULL, relaxed);
    kn_fair_take(&worker->lifo, runnable);
    kn_lifo_leave(worker);
    return runnable;
}

/* Back to where it came from, as after KN_RAN_AGAIN. Thread: the holder. (worker.c) */
void kn_worker_requeue(struct kn_worker *worker, struct kn_runnable *runnable, enum kn_prio prio);

/*
 * Goes straight on to what the slot holds, if it has that step and nothing asks for the dispatch loop: for a
 * step that would return only to be called again. NULL: return. Counts as a dispatch of the same turn. What
 * would answer KN_RAN_AGAIN for a runnable that came this way calls kn_worker_requeue() and answers DONE.
 * is_alone: as for kn_lifo_put_alone(). Thread: the holder, inside a step that owes its runnable nothing any
 * more.
 */
static KN_ALWAYS_INLINE struct kn_runnable *kn_worker_next(
    struct kn_worker *worker,
    enum kn_ran (*step)(struct kn_worker *worker, struct kn_runnable *runnable), bool is_alone)
{
    /* Relaxed: nudge and lifo are hints, the others are written by this thread. */
    uint64_t tick = kn_load(&worker->tick, relaxed);

    KN_ASSERT(!worker->is_searching);
    if (kn_unlikely(kn_load(&worker->nudge, relaxed) != 0 || tick >= worker->beat_due) ||
        worker->budget <= 0 || (kn_load(&worker->levels, relaxed) & KN_LEVELS_ABOVE_NORMAL) != 0 ||
        (!is_alone && !kn_lifo_enter(worker))) {
        return NULL;
    }
    /* Relaxed, both: inside the bracket the slot is ours. */
    struct kn_runnable *runnable = kn_load(&worker->lifo, relaxed);

    if (kn_likely(runnable != NULL) && kn_unlikely(runnable->step != step)) {
        runnable = NULL;
    } else {
        kn_store(&worker->lifo, NULL, relaxed);
        kn_fair_take(&worker->lifo, runnable);
    }
    if (!is_alone) {
        kn_lifo_leave(worker);
    }
    if (kn_likely(runnable != NULL)) {
        worker->budget--;
        kn_store(&worker->tick, tick + 1, relaxed); /* relaxed: one writer; a measure for others */
        kn_fair_run(worker, runnable);
    }
    return runnable;
}

/* Whether something is in the slot: exact for the holder when no thief is at it, else a hint. */
static inline bool kn_lifo_is_full(struct kn_worker *worker)
{
    return kn_load(&worker->lifo, relaxed) != NULL; /* relaxed: a hint, taking decides */
}

#endif
