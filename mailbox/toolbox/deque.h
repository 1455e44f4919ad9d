/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a deque is made of. Items are at the indices [top, bottom) of a ring; the owner moves bottom, who
 * steals moves top by a compare and swap. Indices only grow, so neither is ever met again.
 *
 *      pop, biased                             steal, biased
 *      bottom = b, one less                    t = top
 *      light fence (compiler only)             bottom <= t? nothing there
 *      t = top                                 membarrier
 *      t < b: ring[b] is the owner's           bottom <= t? nothing there
 *      t == b: the swap of top decides         the swap of top from t decides, and takes ring[t]
 *
 * Owner and thief never take the same item: they could only where the owner takes b = t without the swap, so
 * it read a top older than the thief's t. The barrier is one moment at which the owner passes a full fence.
 * Had the owner read top after that moment it would have seen what the thief had seen; so it read before, and
 * wrote bottom before that, and the thief, who reads bottom after the moment, sees it and finds nothing.
 * Symmetric, the four accesses are seq_cst and give the same.
 *
 * A slot is overwritten only when top, as the owner has read it with acquire, has passed it: what a thief
 * reads too late, its swap refuses.
 */
#ifndef KN_MAILBOX_TOOLBOX_DEQUE_H
#define KN_MAILBOX_TOOLBOX_DEQUE_H

#include <koken/deque.h>

#include "base/align.h"
#include "base/atomic.h"

#include <stdint.h>

struct kn_deque_ring {
    struct kn_deque_ring *older; /* (c) smaller; thieves may still be reading it */
    uint64_t mask;               /* (c) */
    kn_atomic(void *) slots[];   /* (a) */
};

/* (o) owner only  (a) atomic  (c) const */
struct koken_deque {
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(int64_t) top;    /* (a) everybody moves it up */
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(int64_t) bottom; /* (a) written by the owner only */
    kn_atomic(struct kn_deque_ring *) ring;                 /* (a) likewise */
    int64_t top_seen;                                       /* (o) top is there, or further */
    bool is_biased;                                         /* (c) */
};

#endif
