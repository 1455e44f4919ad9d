/* SPDX-License-Identifier: Apache-2.0 */
/* The contended path of the lock: a short bounded spin, then the futex. */
#include "sched/lock.h"

#include "base/world.h"

enum { SPINS = KN_MODEL_SIZE(64, 1) };

void kn_lock_wait(struct kn_lock *lock)
{
    for (int i = 0; i < SPINS; i++) {
        uint32_t seen = kn_load(&lock->word, relaxed); /* relaxed: the compare and swap decides */

        /* [SL1] acquire, as in kn_lock(). */
        if (seen == 0 && kn_cas_strong(&lock->word, &seen, 1, acquire, relaxed)) {
            return;
        }
        kn_pause();
    }
    /* Whoever gets it here leaves 2 behind: another sleeper may exist, one needless wake at worst.
     */
    while (kn_swap(&lock->word, 2, acquire) != 0) { /* [SL1] */
        (void)kn_futex_wait(&lock->word, 2, KN_NEVER);
    }
}

void kn_lock_wake(struct kn_lock *lock)
{
    kn_futex_wake(&lock->word, 1);
}
