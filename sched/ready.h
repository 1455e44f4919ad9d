/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How what is ready comes into a worker's own queue, for those parts of the dispatch loop that put it there
 * (ready.c, worker.c). Others call kn_ready() and its like (sched.h). Thread: the worker's holder.
 */
#ifndef KN_SCHED_READY_H
#define KN_SCHED_READY_H

#include "sched/machine.h"
#include "sched/prio.h"

/* Whether sharing has just been tried and given up (fold.c). */
static inline bool kn_ready_is_sharing_off(const struct kn_worker *worker)
{
    return worker->now_ns < kn_load(&worker->sched->share_after_ns, relaxed); /* relaxed: a hint */
}

/* Whether what is queued is worth the time it takes to wake a worker. (ready.c) */
bool kn_ready_is_worth_sharing(struct kn_worker *worker);

/* Moves half of a full queue and runnable to the global queue, so that the next pushes are cheap again. (ready.c) */
void kn_ready_overflow(struct kn_worker *worker, struct kn_runnable *runnable, enum kn_prio prio);

/*
 * After a push to the own queue: wakes a worker if one rests, nobody searches and it pays. Relaxed
 * loads suffice, as nothing is lost when this looks away at the wrong moment: the holder of a queue
 * runs it itself before it rests, looks again at every beat, and sysmon sees to it if the dispatch
 * is long.
 */
static inline void kn_ready_share(struct kn_worker *worker)
{
    struct kn_sched *sched = worker->sched;

    if (!worker->is_single &&
        kn_unlikely(kn_idle_wants_wake(&sched->idle, kn_load(&sched->idle.word, relaxed))) &&
        kn_ready_is_worth_sharing(worker)) {
        kn_count_add(&worker->stats.wakes, 1);
        kn_notify(sched, worker->index);
    }
}

/* At the end of the worker's own queue of that level. */
static inline void kn_ready_push(struct kn_worker *worker, struct kn_runnable *runnable,
                                 enum kn_prio prio)
{
    /* Relaxed: this thread writes it, thieves take it as a hint. */
    uint32_t levels = kn_load(&worker->levels, relaxed);

    if ((levels >> prio & 1) == 0) {
        kn_store(&worker->levels, levels | 1u << prio, relaxed);
    }
    if (kn_unlikely(!kn_runq_push(&worker->queues[prio], runnable))) {
        kn_ready_overflow(worker, runnable, prio);
    }
}

#endif
