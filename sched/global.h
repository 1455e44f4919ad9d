/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The global queue: what foreign threads make ready, and what overflows a worker's own queue. A
 * list per level under one lock, and a total that can be read without it.
 *
 *              push  take  len
 *      push     X     X     -       X: the lock sees to it; -: none
 *      take           X     -       progress: blocking, for a few instructions per runnable
 */
#ifndef KN_SCHED_GLOBAL_H
#define KN_SCHED_GLOBAL_H

#include "base/align.h"
#include "base/atomic.h"
#include "sched/lock.h"
#include "sched/runnable.h"

#include <stdint.h>

struct kn_global_level {
    struct kn_runnable *first, *last; /* (m: lock) */
    uint32_t count;                   /* (m: lock) */
    uint32_t skipped;                 /* (m: lock) takes for which this level has waited */
};

/* The zero state is an empty queue. */
struct kn_global {
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(uint32_t) total; /* (a) written under the lock */
    KN_ALIGNED(KN_FALSE_SHARING) struct kn_lock lock;
    struct kn_global_level levels[KN_PRIO_COUNT_];
};

/* Appends a chain of count runnables linked by ->next. The last one's link is overwritten. */
void kn_global_push(struct kn_global *global, struct kn_runnable *first, struct kn_runnable *last,
                    uint32_t count, enum kn_prio prio);

/* Takes up to max runnables of one level, the one that is due. NULL: empty. *ret_count of them are
 * linked. */
struct kn_runnable *kn_global_take(struct kn_global *global, uint32_t max, enum kn_prio *ret_prio,
                                   uint32_t *ret_count);

static inline uint32_t kn_global_len(struct kn_global *global)
{
    /* [SI1] seq_cst: a worker that went to rest before this push was published sees it here, or its
     * publisher sees it rest. Pairs with the store in kn_global_push(). */
    return kn_load(&global->total, seq_cst);
}

#endif
