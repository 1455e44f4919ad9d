/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run queue: a ring of 256 runnables with one producer, its owner, and many consumers.
 *
 * Indices grow without bound and wrap at 2^32; the slot is the index modulo 256. [head, tail) is
 * what is queued. Only the owner moves tail; everyone who takes, owner or thief, moves head by a
 * compare and swap, so a runnable is taken once. A slot is overwritten only after head has passed
 * it: the owner reads head with acquire before it writes. A thief may read a slot that is being
 * overwritten, but then head has moved and its compare and swap fails: what it read is not used.
 *
 *               push  pop  steal  spill  len
 *      push      X     X     -      X     -      X: both are the owner's, one thread
 *      pop             X     -      X     -      -: none
 *      steal                 -      -     -      push, len: wait-free; pop, steal, spill: lock-free
 *
 * A queue that nobody steals from (is_single) is popped without a locked instruction.
 */
#ifndef KN_SCHED_RUNQ_H
#define KN_SCHED_RUNQ_H

#include "base/align.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "sched/fair.h"
#include "sched/runnable.h"

#include <stdbool.h>
#include <stdint.h>

enum { KN_RUNQ_SLOTS = KN_MODEL_SIZE(256, 4) };

/* (a) head: consumers; tail: owner; slots: owner, published by tail. */
struct kn_runq {
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(uint32_t) head;
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(uint32_t) tail;
    kn_atomic(struct kn_runnable *) slots[KN_RUNQ_SLOTS];
};

/* False: full; the caller spills half. Thread: owner. */
static inline bool kn_runq_push(struct kn_runq *queue, struct kn_runnable *runnable)
{
    /* [SR1] acquire: the consumers that passed these slots are done with them. Pairs with release
     * [SR1] in kn_runq_pop() and kn_runq_steal(). */
    uint32_t head = kn_load(&queue->head, acquire);
    uint32_t tail = kn_load(&queue->tail, relaxed); /* relaxed: written by this thread only */

    KN_ASSERT(runnable != NULL);
    KN_ASSERT(tail - head <= KN_RUNQ_SLOTS);
    if (kn_unlikely(tail - head >= (uint32_t)KN_RUNQ_SLOTS + KN_MUTANT(12))) {
        return false;
    }
    kn_store(&queue->slots[tail % KN_RUNQ_SLOTS], runnable,
             relaxed); /* relaxed: tail publishes it */
    kn_fair_put(queue, runnable, tail - head);
    /* [SR2] release: publishes the slot and the runnable. Pairs with acquire [SR2] in
     * kn_runq_steal(). */
    kn_store(&queue->tail, tail + 1, release);
    return true;
}

/* The oldest, or NULL. Thread: owner. is_single: no thief exists, a plain store will do. */
static inline struct kn_runnable *kn_runq_pop(struct kn_runq *queue, bool is_single)
{
    uint32_t tail = kn_load(&queue->tail, relaxed); /* relaxed: written by this thread only */
    uint32_t head = kn_load(&queue->head, relaxed); /* relaxed: the compare and swap decides */

    KN_ASSERT(tail - kn_load(&queue->head, relaxed) <= KN_RUNQ_SLOTS);
    while (head != tail) {
        struct kn_runnable *runnable = kn_load(&queue->slots[head % KN_RUNQ_SLOTS], relaxed);

        if (is_single) {
            kn_store(&queue->head, head + 1, relaxed); /* relaxed: nobody else consumes */
            kn_fair_take(queue, runnable);
            return runnable;
        }
        /* [SR1] release: the slot has been read. Relaxed on failure: only the number is used. */
        if (kn_cas_weak(&queue->head, &head, head + 1, release, relaxed)) {
            kn_fair_take(queue, runnable);
            return runnable;
        }
    }
    return NULL;
}

/* Exact for the owner when nobody steals, else a moment's truth. Thread: any. */
static inline uint32_t kn_runq_len(struct kn_runq *queue)
{
    uint32_t head = kn_load(&queue->head, relaxed); /* relaxed: a hint */
    uint32_t tail = kn_load(&queue->tail, relaxed);
    int32_t len = (int32_t)(tail - head);

    return len > 0 ? (uint32_t)len : 0;
}

/*
 * Moves half of the victim's, rounded up, to the empty queue mine, and returns the last of them to
 * be run at once. NULL: nothing there. *ret_count is the number taken. Thread: owner of mine.
 */
struct kn_runnable *kn_runq_steal(struct kn_runq *victim, struct kn_runq *mine,
                                  uint32_t *ret_count);

/*
 * Takes the older half off a full queue, linked by ->next. Returns how many; 0 when thieves made
 * room in the meantime. Thread: owner.
 */
uint32_t kn_runq_spill(struct kn_runq *queue, struct kn_runnable **ret_first,
                       struct kn_runnable **ret_last);

#endif
