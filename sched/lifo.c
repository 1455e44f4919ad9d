/* SPDX-License-Identifier: Apache-2.0 */
/* The thief's side of the LIFO slot. The argument is in lifo.h. */
#include "sched/lifo.h"

#include "base/platform/membarrier.h"

enum { BUSY_SPINS = KN_MODEL_SIZE(256, 1) };

/* ThreadSanitizer cannot see a barrier of the kernel; it gets the ordered operations. */
#if defined(__SANITIZE_THREAD__)
#define HAS_BARRIER 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_BARRIER 0
#endif
#endif
#ifndef HAS_BARRIER
#define HAS_BARRIER 1
#endif

bool kn_lifo_biased_init(void)
{
    return HAS_BARRIER && kn_membarrier_register();
}

struct kn_runnable *kn_lifo_steal(struct kn_worker *victim)
{
    struct kn_runnable *stolen = NULL;
    uint32_t idle = 0;

    /* [SF3] seq_cst: against the holder's load of revoke; [SF2] acquire: the last thief's view. */
    if (!kn_cas_strong(&victim->lifo_revoke, &idle, 1, seq_cst, relaxed)) {
        return NULL;
    }
    if (victim->is_biased) {
        kn_membarrier();
    }
    for (int i = 0; i < BUSY_SPINS; i++) {
        /* [SF1] acquire: the slot as the holder left it. [SF3] seq_cst for a holder that exchanges.
         */
        if (kn_load(&victim->lifo_busy, seq_cst) == 0 || KN_MUTANT(9)) {
            stolen =
                kn_load(&victim->lifo, relaxed); /* relaxed, both: revoked, nobody else is here */
            kn_store(&victim->lifo, NULL, relaxed);
            kn_fair_take(&victim->lifo, stolen);
            break;
        }
        kn_pause();
    }
    kn_store(&victim->lifo_revoke, 0, release); /* [SF2] */
    return stolen;
}
