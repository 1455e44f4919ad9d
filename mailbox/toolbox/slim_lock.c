/* SPDX-License-Identifier: Apache-2.0 */
/* The lock of the toolbox, where it waits. The argument is in slim_lock.h. */
#include "mailbox/toolbox/slim_lock.h"

#include "mailbox/toolbox/barrier.h"

enum { SPINS = KN_MODEL_SIZE(64, 0) };

void kn_slim_init(struct kn_slim_lock *lock)
{
    kn_atomic_init(&lock->word, 0);
    kn_atomic_init(&lock->waiting, 0);
    lock->is_biased = kn_barrier_init();
}

KN_NOINLINE void kn_slim_wait(struct kn_slim_lock *lock)
{
    for (int i = 0; i < SPINS; i++) {
        kn_pause();
        if (kn_slim_try(lock)) {
            return;
        }
    }
    /* [LK2] acquire: the word of who has given it back before. Pairs with release in kn_slim_give(). */
    (void)kn_add(&lock->waiting, 1, acquire);
    if (lock->is_biased) {
        kn_membarrier();
    }
    while (!kn_slim_try(lock)) { /* ends: see the argument; a 1 that is old is found by the futex */
        (void)kn_futex_wait(&lock->word, 1, KN_NEVER);
    }
    (void)kn_sub(&lock->waiting, 1, relaxed); /* relaxed: at worst somebody is woken for nothing */
}
