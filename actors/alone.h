/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker is often alone with the mailboxes of its runtime: it is the only one, or all others rest. Then
 * whoever sends and whoever receives is this worker, and no locked instruction is needed. The mailboxes are
 * *biased* to it, until somebody else comes, a *visitor*: a thread outside, a worker of another runtime, a
 * thread of the blocking pool, or another worker of the runtime that is woken.
 *
 *      worker                                   visitor
 *      busy = 1                                 visitors + 1 (seq_cst [AB2])
 *      light fence (compiler only)              shared of the owner != SHARED?
 *      shared != 0? busy = 0, compare-and-swap      shared = REVOKING; kn_membarrier(); until busy == 0;
 *      plain load and store of the word             shared = SHARED
 *      busy = 0 (release [AB1])                 compare-and-swap
 *                                               visitors - 1 (release [AB2])
 *
 * Not both: if the worker's load of shared comes before the visitor's store, its store of busy comes before
 * the barrier takes effect on its core, and the visitor waits; if it comes after, the worker sees shared.
 * What the word holds passes over [AB1] from the worker, and back over the word's own orders.
 *
 * A second visitor who comes while the first still waits must wait too, and for himself: hence REVOKING.
 *
 * A thread that runs workers is counted among the visitors as long as it is online: from waking up to going
 * to sleep or into a blocking section. So "visitors is 1" says to a worker that nobody else is there.
 *
 * Biased again: a worker, between turns, after a few quiescent states without a visit, about a millisecond:
 * owner = itself; its shared = 0 by an exchange; then, if visitors is not 1 or owner not itself, SHARED
 * again. All seq_cst ([AB2]), so:
 *
 * A visitor that has counted himself before that look at visitors is seen by it. One who does it later reads
 * the owner later too, and finds this worker: to be the owner instead, another worker would have to be
 * online, thus a visitor as well, who has taken the bias away before. An owner written by a worker that went
 * to sleep since, between this one's own write and its look at visitors, is what the second look is for.
 *
 * Where there is no membarrier, and under ThreadSanitizer, shared is SHARED for ever, and costs one load of
 * the worker's own line per message. (D-AC-8)
 */
#ifndef KN_ACTORS_ALONE_H
#define KN_ACTORS_ALONE_H

#include "actors/agent.h"

enum kn_shared { KN_BIASED, KN_REVOKING, KN_SHARED };

/* Opens the mailboxes of the worker's runtime for plain access. False: others may be at them. */
static KN_ALWAYS_INLINE bool kn_alone_enter(struct kn_local *local)
{
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

/*
 * kn_alone_enter() for who may be on another thread than the worker's: outside, or beside it in the blocking pool.
 * False also: this is not the worker's own thread. Thread: any.
 */
static KN_ALWAYS_INLINE bool kn_alone_enter_own(struct kn_local *local)
{
    return kn_likely(kn_worker_self == local->worker) && kn_alone_enter(local);
}

/* Gives S up if nothing has come; kn_mailbox_idle_by. Thread: holder of S, on the worker. */
static KN_ALWAYS_INLINE bool kn_alone_idle(struct kn_local *local, struct kn_agent *a,
                                           struct kn_envelope **ret_last)
{
    if (kn_alone_enter(local)) {
        bool is_idle = kn_mailbox_idle_by(&a->mailbox, &a->intake, ret_last, /* is_alone= */ true);
        kn_alone_leave(local);
        return is_idle;
    }
    return kn_mailbox_idle_by(&a->mailbox, &a->intake, ret_last, /* is_alone= */ false);
}

/* Takes in what has come; kn_mailbox_take, and lets go of the boundary before. Thread: as above. */
static KN_ALWAYS_INLINE bool kn_alone_take(struct kn_local *local, struct kn_agent *a)
{
    bool took;
    struct kn_envelope *last;
    if (kn_alone_enter(local)) {
        last = kn_mailbox_take_by(&a->mailbox, &a->intake, &took, /* is_alone= */ true);
        kn_alone_leave(local);
    } else {
        last = kn_mailbox_take_by(&a->mailbox, &a->intake, &took, /* is_alone= */ false);
    }
    kn_envelope_release(local, last);
    return took;
}

/* Prepares the bias of a runtime, before its workers. has_barrier: kn_membarrier() may be used. */
void kn_alone_init(struct kn_bias *bias, bool has_barrier, bool is_single);

/* Prepares a worker. The only one of a runtime is alone from the start. */
void kn_alone_init_worker(struct kn_local *local, bool has_barrier, bool is_single);

/*
 * Frames what another than a worker's holder does to mailboxes of rt. Thread: any but a step of
 * rt. Nests not. Cost: two locked instructions; a system call if the mailboxes were biased.
 */
void kn_alone_visit(struct koken *rt);
void kn_alone_depart(struct koken *rt);

/*
 * Frames the time that a thread may hold workers of rt, local that of the one it holds now or NULL. Thread:
 * one of the scheduler of rt, online in RCU. Cost: as a visit, but the owner of the bias keeps it.
 */
void kn_alone_online(struct koken *rt, struct kn_local *local);
void kn_alone_offline(struct koken *rt);

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
