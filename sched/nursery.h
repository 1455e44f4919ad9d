/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nursery of a worker: runnables that have never run, newest first. A tree of agents that each make more is
 * then walked in depth: what runs was made a moment ago and lies in the cache, and few are alive at once. In the
 * run queue, first in, first out, the tree would grow in breadth. Thieves take the oldest, the root of the
 * largest part; the work-stealing order of Cilk (Blumofe and Leiserson, 1999).
 *
 * It is a part of the normal level: its bit in worker->levels says that queue or nursery may hold something.
 * Nobody starves: of ROW_MAX picks from it in a row the next is the queue's, and when the oldest has lain for
 * AGE_NS, or for KN_YOUNG_BEATS of its worker, the older half of them moves to the queue. A full nursery sends what comes to the queue. (D-SCHED-12)
 *
 *              push  pop  steal  age
 *      push     X     X     -     X      X: the holder's, one at a time;  -: may run at once
 *      pop            X     -     X      progress: those of koken_deque
 *      steal                -     -
 */
#ifndef KN_SCHED_NURSERY_H
#define KN_SCHED_NURSERY_H

#include "sched/worker.h"

enum { KN_NURSERY_SLOTS = KN_MODEL_SIZE(512, 4) };

/* Beats that the oldest lies at the most. So many that time comes first, if it goes on; in the simulator so few
 * that a run meets it. */
#ifdef KN_SIM
enum { KN_YOUNG_BEATS = 2 };
#else
enum { KN_YOUNG_BEATS = 1 << 14 };
#endif

/* Prepares the worker's, and gives it back; what it holds is forgotten. Errors: -ENOMEM. */
KOKEN_MUST_USE int kn_nursery_init(struct kn_worker *worker);
void kn_nursery_fini(struct kn_worker *worker);

/* False: full. Thread: the holder. */
bool kn_nursery_push(struct kn_worker *worker, struct kn_runnable *runnable);

/* The newest, unless it is the queue's turn or there is none: NULL. Thread: the holder. */
struct kn_runnable *kn_nursery_pop(struct kn_worker *worker);

/* The newest, whosever turn it is, or NULL. Thread: the holder. */
struct kn_runnable *kn_nursery_pop_any(struct kn_worker *worker);

/* At a beat: the older half, oldest first, linked by ->next, if the oldest has lain too long; else NULL. Thread: the
 * holder. */
struct kn_runnable *kn_nursery_aged(struct kn_worker *worker);

/* The oldest, or NULL. Thread: any. */
struct kn_runnable *kn_nursery_steal(struct kn_worker *victim);

/* How many; exact for the holder when nobody steals. Thread: any. */
static inline uint32_t kn_nursery_len(const struct kn_worker *worker)
{
    return (uint32_t)koken_deque_len(worker->nursery);
}

/* What changes when the oldest is taken. Thread: any. */
uint32_t kn_nursery_head(const struct kn_worker *worker);

#endif
