/* SPDX-License-Identifier: Apache-2.0 */
/* See alone.h. */
#include "actors/alone.h"

#include "base/platform/membarrier.h"
#include "base/world.h"

enum { LONELY_AFTER = 1000, SPINS = 64 };

void kn_alone_init(struct kn_local *local, bool has_barrier)
{
    local->can_be_alone = has_barrier;
    kn_atomic_init(&local->is_shared, has_barrier ? 0 : 1);
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
    if (kn_load(&local->is_shared, seq_cst)) { /* [AB2] */
        return;
    }
    kn_store(&local->is_shared, 1, seq_cst); /* [AB1] release, before the barrier */
    kn_membarrier();
    /* [AB1] acquire: the worker's last plain access. Ends: the bracket is a few instructions long. */
    for (unsigned spins = 0; kn_load(&local->is_busy, acquire); spins++) {
        if (spins < SPINS) {
            kn_pause();
        } else {
            kn_thread_yield(); /* the worker was interrupted inside */
        }
    }
}

void kn_alone_depart(struct koken *rt)
{
    struct kn_local *local = &rt->locals[0];
    if (local->can_be_alone) {
        (void)kn_sub(&local->visitors, 1, release); /* [AB2] release: what was done to the mailboxes */
    }
}

void kn_alone_quiescent(struct kn_local *local)
{
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
    (void)kn_swap(&local->is_shared, 0, seq_cst); /* [AB2] */
    if (kn_load(&local->visitors, seq_cst) != 0) { /* [AB2] acquire: what visitors before have done */
        kn_store(&local->is_shared, 1, release);   /* [AB1] release: nothing plain was done meanwhile */
    }
}
