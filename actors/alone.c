/* SPDX-License-Identifier: Apache-2.0 */
/* See alone.h. */
#include "actors/alone.h"

#include "base/platform/membarrier.h"
#include "base/world.h"

enum { LONELY_AFTER = KN_MODEL_SIZE(16, 1), SPINS = KN_MODEL_SIZE(64, 0) };

void kn_alone_init(struct kn_bias *bias, bool has_barrier, bool is_single)
{
    KN_ASSERT(!kn_load(&bias->visitors,
                       relaxed)); /* relaxed, all: published by the start of the workers */
    bias->is_possible = has_barrier;
    bias->is_single = is_single;
    kn_atomic_init(&bias->owner, 0);
}

void kn_alone_init_worker(struct kn_local *local, bool has_barrier, bool is_single)
{
    KN_ASSERT(!kn_load(&local->is_busy, relaxed));
    KN_ASSERT(local->worker->index == 0 || !is_single);
    local->can_be_alone = has_barrier;
    kn_atomic_init(&local->is_shared, has_barrier && is_single ? KN_BIASED : KN_SHARED);
}

/* Takes the bias away from the worker that has it, if any. The caller is counted among the visitors. */
static void revoke(struct kn_local *owner)
{
    uint32_t shared = kn_load(&owner->is_shared, seq_cst); /* [AB2], [AB1] acquire */
    if (shared == KN_SHARED) {
        return;
    }
    if (shared == KN_BIASED) {
        /* [AB1] release, before the barrier. Another visitor may be faster: then each waits for
         * himself. */
        (void)kn_cas_strong(&owner->is_shared, &shared, KN_REVOKING, seq_cst, seq_cst);
    }
    kn_membarrier();
    /* [AB1] acquire: the worker's last plain access. Ends: the bracket is a few instructions long.
     */
    for (unsigned spins = 0; kn_load(&owner->is_busy, acquire) && !KN_MUTANT(7); spins++) {
        if (spins < SPINS) {
            kn_pause();
        } else {
            kn_thread_yield(); /* the worker was interrupted inside */
        }
    }
    /* [AB1] release: visitors from now on need not wait. We are counted, so it is not biased
     * meanwhile. */
    kn_store(&owner->is_shared, KN_SHARED, release);
}

void kn_alone_visit(struct koken *rt)
{
    struct kn_bias *bias = &rt->bias;
    if (!bias->is_possible) {
        return;
    }
    (void)kn_add(&bias->visits, 1, relaxed); /* a count that the workers compare with itself */
    /* [AB2] seq_cst: before the look at owner and shared. Pairs with the exchange in kn_alone_quiescent. */
    (void)kn_add(&bias->visitors, 1, seq_cst);
    revoke(&rt->locals[kn_load(&bias->owner, seq_cst)]); /* [AB2] */
}

void kn_alone_depart(struct koken *rt)
{
    if (rt->bias.is_possible) {
        /* [AB2] release: what was done to the mailboxes */
        uint32_t before = kn_sub(&rt->bias.visitors, 1, release);
        KN_ASSERT(before > 0);
        (void)before;
    }
}

void kn_alone_online(struct koken *rt, struct kn_local *local)
{
    struct kn_bias *bias = &rt->bias;
    if (!bias->is_possible) {
        return;
    }
    (void)kn_add(&bias->visitors, 1, seq_cst);                            /* [AB2] as for a visit */
    struct kn_local *owner = &rt->locals[kn_load(&bias->owner, seq_cst)]; /* [AB2] */
    if (owner != local && !bias->is_single) {
        (void)kn_add(&bias->visits, 1, relaxed); /* as for a visit */
        revoke(owner);
    }
}

void kn_alone_offline(struct koken *rt)
{
    kn_alone_depart(rt);
}

/* Nobody has come for a while: takes the bias, unless somebody is there all the same. */
static KN_NOINLINE void claim(struct kn_bias *bias, struct kn_local *local)
{
    uint32_t index = local->worker->index;
    (void)kn_swap(&bias->owner, index, seq_cst);          /* [AB2] */
    (void)kn_swap(&local->is_shared, KN_BIASED, seq_cst); /* [AB2] */
    /* [AB2] acquire: what visitors before have done; the owner after the visitors */
    bool is_alone = kn_load(&bias->visitors, seq_cst) == 1 || KN_MUTANT(8);
    if (!is_alone || (kn_load(&bias->owner, seq_cst) != index && !KN_MUTANT(16))) {
        kn_store(&local->is_shared, KN_SHARED,
                 release); /* [AB1] release: nothing plain was done meanwhile */
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
    struct kn_bias *bias = &local->rt->bias;
    uint32_t visits = kn_load(&bias->visits, relaxed); /* a hint */
    if (visits != local->visits_seen) {
        local->visits_seen = visits;
        local->lonely = 0;
        return;
    }
    if (++local->lonely < LONELY_AFTER) {
        return;
    }
    local->lonely = 0;
    /* Relaxed: a hint that saves the writes below while another worker is awake for long. */
    if (kn_load(&bias->visitors, relaxed) == 1) {
        claim(bias, local);
    }
}
