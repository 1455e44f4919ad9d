/* SPDX-License-Identifier: Apache-2.0 */
/* See alone.h. */
#include "actors/alone.h"

#include "base/platform/membarrier.h"
#include "base/world.h"

enum { LONELY_AFTER = KN_MODEL_SIZE(16, 1), SPINS = KN_MODEL_SIZE(64, 0) };

void kn_alone_init(struct kn_local *local, bool has_barrier)
{
    KN_ASSERT(!kn_load(&local->is_busy, relaxed));
    KN_ASSERT(!kn_load(&local->visitors, relaxed));
    local->can_be_alone = has_barrier;
    kn_atomic_init(&local->is_shared, has_barrier ? KN_BIASED : KN_SHARED);
}

void kn_alone_visit(struct koken *rt)
{
    struct kn_local *local = &rt->locals[0];
    if (!local->can_be_alone) {
        return;
    }
    (void)kn_add(&local->visits, 1, relaxed); /* a count that the worker compares with itself */
    /* [AB2] seq_cst: before the look at shared. Pairs with the exchange in kn_alone_quiescent. */
    (void)kn_add(&local->visitors, 1, seq_cst);
    uint32_t shared = kn_load(&local->is_shared, seq_cst); /* [AB2], [AB1] acquire */
    if (shared == KN_SHARED) {
        return;
    }
    if (shared == KN_BIASED) {
        /* [AB1] release, before the barrier. Another visitor may be faster: then each waits for
         * himself. */
        (void)kn_cas_strong(&local->is_shared, &shared, KN_REVOKING, seq_cst, seq_cst);
    }
    kn_membarrier();
    /* [AB1] acquire: the worker's last plain access. Ends: the bracket is a few instructions long.
     */
    for (unsigned spins = 0; kn_load(&local->is_busy, acquire) && !KN_MUTANT(7); spins++) {
        if (spins < SPINS) {
            kn_pause();
        } else {
            kn_thread_yield(); /* the worker was interrupted inside */
        }
    }
    /* [AB1] release: visitors from now on need not wait. We are counted, so it is not biased
     * meanwhile. */
    kn_store(&local->is_shared, KN_SHARED, release);
}

void kn_alone_depart(struct koken *rt)
{
    struct kn_local *local = &rt->locals[0];
    if (local->can_be_alone) {
        /* [AB2] release: what was done to the mailboxes */
        uint32_t before = kn_sub(&local->visitors, 1, release);
        KN_ASSERT(before > 0);
        (void)before;
    }
}

void kn_alone_quiescent(struct kn_local *local)
{
    KN_ASSERT(!kn_load(&local->is_busy, relaxed));
    KN_ASSERT(kn_worker_current() == local->worker);
    /* Relaxed: written by us, or by a visitor who then is counted below. */
    if (kn_likely(!local->can_be_alone || !kn_load(&local->is_shared, relaxed))) {
        return;
    }
    uint32_t visits = kn_load(&local->visits, relaxed); /* a hint */
    if (visits != local->visits_seen) {
        local->visits_seen = visits;
        local->lonely = 0;
        return;
    }
    if (++local->lonely < LONELY_AFTER) {
        return;
    }
    local->lonely = 0;
    (void)kn_swap(&local->is_shared, KN_BIASED, seq_cst); /* [AB2] */
    /* [AB2] acquire: what visitors before have done */
    if (kn_load(&local->visitors, seq_cst) != 0 && !KN_MUTANT(8)) {
        kn_store(&local->is_shared, KN_SHARED,
                 release); /* [AB1] release: nothing plain was done meanwhile */
    }
}
