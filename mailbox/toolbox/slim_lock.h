/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lock that is taken with one locked instruction and given back with none.
 *
 *      give                                    wait
 *      word = 0                                waiting + 1
 *      light fence                             membarrier
 *      waiting? wake one                       until word goes from 0 to 1: sleep while it is 1
 *
 * Nobody sleeps beside an open lock. Let M be the barrier of one who waits: a moment at which each thread passes a
 * full fence. Who gives the lock back has its light fence before M: then word was 0 at M, and the waiter, who looks
 * after M, finds that, or what another has written since, who will give back later than M. Or after M: then it sees
 * the waiter counted, and wakes one. Whoever is woken tries again, and is counted until it has the lock; who
 * overtakes it wakes the next when it gives back.
 *
 * Without membarrier both sides change `waiting` by a read-modify-write, so one comes first: the waiter's, and
 * it is woken; or the other's, and what the waiter then finds in word is not older than that 0.
 *
 * Not fair: who comes may overtake who waits. What is done inside is short, and takes no other lock.
 */
#ifndef KN_MAILBOX_TOOLBOX_SLIM_LOCK_H
#define KN_MAILBOX_TOOLBOX_SLIM_LOCK_H

#include "base/align.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

#include <stdbool.h>
#include <stdint.h>

struct kn_slim_lock {
    kn_atomic(uint32_t) word;    /* (a) 1: taken */
    kn_atomic(uint32_t) waiting; /* (a) */
    bool is_biased;              /* (c) */
};

void kn_slim_init(struct kn_slim_lock *lock);

/* The slow side of kn_slim_take(). */
void kn_slim_wait(struct kn_slim_lock *lock);

static inline bool kn_slim_try(struct kn_slim_lock *lock)
{
    uint32_t open = 0;
    /* Relaxed: a hint, which saves a locked instruction. [LK1] acquire: what was done inside. */
    return kn_load(&lock->word, relaxed) == 0 &&
           kn_cas_strong(&lock->word, &open, 1, acquire, relaxed);
}

static inline void kn_slim_take(struct kn_slim_lock *lock)
{
    if (kn_unlikely(!kn_slim_try(lock))) {
        kn_slim_wait(lock);
    }
}

static inline void kn_slim_give(struct kn_slim_lock *lock)
{
    uint32_t waiting;
    KN_ASSERT(kn_load(&lock->word, relaxed) == 1); /* relaxed: own write */
    /* [LK1] release: what was done inside. Pairs with acquire in kn_slim_try(). */
    kn_store(&lock->word, 0, release);
    if (kn_likely(lock->is_biased)) {
        kn_fence_light();
        waiting = kn_load(&lock->waiting, relaxed); /* relaxed: ordered by the waiter's barrier */
    } else {
        /* [LK2] release: the 0. Pairs with acquire in kn_slim_wait(), if that comes later. */
        waiting = kn_add(&lock->waiting, 0, release);
    }
    if (kn_unlikely(waiting > 0)) {
        kn_futex_wake(&lock->word, 1);
    }
}

#endif
