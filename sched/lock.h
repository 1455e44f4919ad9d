/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lock of one word that parks through the world seam, so that the simulator owns who waits. Held
 * for a few instructions, never across a step, a hook or a system call that blocks.
 *
 *      0 free    1 held    2 held, and somebody may sleep on it
 *
 * Ranks, a thread takes locks only in falling order; in fact no two of these are ever held together:
 *      machines (machine.c), pool (blocking.c), global (global.c)
 * The alarms' lock (alarm.c) is the last of all: locks of the floors above may be held when it is taken.
 */
#ifndef KN_SCHED_LOCK_H
#define KN_SCHED_LOCK_H

#include "base/align.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/edges.h"

#include <stdint.h>

/* The zero state is a free lock. */
struct kn_lock {
    kn_atomic(uint32_t) word; /* (a) */
};

/* The contended ends. */
void kn_lock_wait(struct kn_lock *lock);
void kn_lock_wake(struct kn_lock *lock);

static inline void kn_lock(struct kn_lock *lock)
{
    uint32_t free = 0;

    /* [SL1] acquire: sees what the last holder wrote. Pairs with release [SL1] in kn_unlock(). */
    if (kn_unlikely(!kn_cas_strong(&lock->word, &free, 1, acquire, relaxed))) {
        kn_lock_wait(lock);
    }
    if (KN_IS_EDGE) { /* the wait is none */
        kn_take_over(&lock->word);
    }
}

static inline void kn_unlock(struct kn_lock *lock)
{
    /* [SL1] release: publishes what was written under the lock. Pairs with acquire [SL1] in
     * kn_lock() and kn_lock_wait(). */
    uint32_t was = kn_swap(&lock->word, 0, release);

    KN_ASSERT(was != 0);
    if (kn_unlikely(was == 2)) {
        kn_lock_wake(lock);
    }
}

#endif
