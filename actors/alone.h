/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A runtime of one worker is alone with its mailboxes most of the time: whoever sends is the
 * worker, whoever receives is the worker. Then no locked instruction is needed. The mailboxes are
 * *biased* to the worker, until somebody else comes: a thread outside, a worker of another runtime,
 * a thread of the blocking pool.
 *
 *      worker                                   outsider
 *      busy = 1                                 visitors + 1 (seq_cst [AB2])
 *      light fence (compiler only)              shared != SHARED? shared = REVOKING; kn_membarrier();
 *      shared != 0? busy = 0, compare-and-swap      until busy == 0; shared = SHARED
 *      plain load and store of the word         compare-and-swap
 *      busy = 0 (release [AB1])                 visitors - 1 (release [AB2])
 *
 * Not both: if the worker's load of shared comes before the outsider's store, its store of busy
 * comes before the barrier takes effect on its core, and the outsider waits; if it comes after, the
 * worker sees shared. What the word holds passes over [AB1] from the worker, and back over the
 * word's own orders.
 *
 * A second visitor who comes while the first still waits must wait too, and for himself: hence
 * REVOKING.
 *
 * Back to biased: the worker, between turns, after a few quiescent states without a visit, about a millisecond:
 * shared = 0 by an exchange, then visitors is read; not 0: SHARED again. Of "visitors + 1, then
 * read shared" and "shared = 0, then read visitors", all seq_cst, one sees the other ([AB2]).
 *
 * With several workers shared is 1 for ever, and costs one load of the worker's own line per
 * message. Where there is no membarrier, and under ThreadSanitizer, likewise. (D-AC-8)
 */
#ifndef KN_ACTORS_ALONE_H
#define KN_ACTORS_ALONE_H

#include "actors/agent.h"

enum kn_shared { KN_BIASED, KN_REVOKING, KN_SHARED };

/* Opens the mailboxes of the worker's runtime for plain access. False: others may be at them. */
static KN_ALWAYS_INLINE bool kn_alone_enter(struct kn_local *local)
{
    if (kn_load(&local->is_shared, relaxed)) { /* relaxed: looked at again below */
        return false;
    }
    KN_ASSERT(local->can_be_alone);
    KN_ASSERT(kn_worker_current() == local->worker);
    KN_ASSERT(!kn_load(&local->is_busy, relaxed)); /* does not nest */
    kn_store(&local->is_busy, 1, relaxed);         /* relaxed: ordered by the outsider's barrier */
    kn_fence_light();
    /* [AB1] acquire: of nobody's data; for order */
    if (kn_unlikely(kn_load(&local->is_shared, acquire)) && !KN_MUTANT(6)) {
        kn_store(&local->is_busy, 0, release); /* [AB1] release */
        return false;
    }
    return true;
}

static KN_ALWAYS_INLINE void kn_alone_leave(struct kn_local *local)
{
    KN_ASSERT(kn_load(&local->is_busy, relaxed) == 1);
    KN_ASSERT(kn_worker_current() == local->worker);
    kn_store(&local->is_busy, 0, release); /* [AB1] release: the word, and what hangs on it */
}

/* Prepares the only worker of a runtime; has_barrier: kn_membarrier() may be used. */
void kn_alone_init(struct kn_local *local, bool has_barrier);

/*
 * Frames what another than the worker's holder does to mailboxes of rt. Thread: any but a step of
 * rt. Nests not. Cost: two locked instructions; a system call if the mailboxes were biased.
 */
void kn_alone_visit(struct koken *rt);
void kn_alone_depart(struct koken *rt);

/* Between turns: perhaps the mailboxes can be biased again. Thread: holder of the worker. */
void kn_alone_quiescent(struct kn_local *local);

/* The same frame for a thread that may be the holder: then (local of the same runtime) nothing is
 * done. */
static inline struct koken *kn_alone_visit_agent(struct kn_local *local, struct koken *rt)
{
    if (kn_likely(local != NULL && local->rt == rt)) {
        return NULL;
    }
    kn_alone_visit(rt);
    return rt;
}

static inline void kn_alone_depart_agent(struct koken *visited)
{
    if (kn_unlikely(visited != NULL)) {
        kn_alone_depart(visited);
    }
}

#endif
