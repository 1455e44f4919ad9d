/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a deque is made of. Items are at the indices [top, bottom) of a ring; the owner moves bottom, who
 * steals moves top by a compare and swap.
 *
 *      pop, biased                             steal, biased
 *      bottom = b, one less                    thieves + 1
 *      light fence (compiler only)             t = top
 *      nobody in thieves?                      membarrier
 *      t = top                                 bottom <= t? nothing there
 *      t < b: ring[b] is the owner's           the swap of top from t decides, and takes ring[t]
 *      t == b: the same if nobody was there,   thieves - 1
 *              else the swap of top decides
 *
 * Owner and thief never take the same item: they could only where the owner takes ring[b] without the swap, b = t,
 * after it has read a top older than the thief's, or no thief. The barrier is one moment at which the owner passes
 * a full fence. Had the owner read after that moment it would have seen the thief, and what that had read; so it
 * read before, and wrote bottom before that, and the thief, who reads bottom after the moment, sees it and
 * finds nothing, or what was pushed since. The last item may leave top as it is, so that an index is met again: a
 * thief that is there then has announced itself before its moment, and reads slot and bottom after it. A
 * thief that has gone has left its top behind with its number.
 *
 * Symmetric, the accesses of top and bottom are seq_cst and give the same, with a swap for every last item.
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
    kn_atomic(uint32_t) thieves;                            /* (a) at work, biased */
    int64_t top_seen;                                       /* (o) top is there, or further */
    bool is_biased;                                         /* (c) */
};

#endif
