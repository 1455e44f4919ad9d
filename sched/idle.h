/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who rests, and who searches: one word of counts and a bit per worker.
 *
 *      word   seq:32 | awake:16 | searching:16     every change of awake by a waker moves seq on
 *      bits   1: the worker rests
 *
 *   rest    a worker sets its bit, then awake - 1 (searching - 1 if it was), then looks for work
 *   claim   a waker: awake + 1, searching + 1, then clears one bit: that worker is his to hand out
 *   rise    a resting worker by itself: awake + 1, searching + 1, then clears its own bit; if a
 *           waker was faster, takes the counts back and waits for that waker's token
 *
 * A bit is set before awake falls and cleared after it rose, so there are always at least
 * workers - awake bits, and a claim that raised awake always finds one. Everything here is seq_cst:
 * it is one half of the argument that no wake-up is lost (DESIGN.md, "No lost wake-up").
 *
 *              rest  claim  rise  search     every pair may run at once; of one worker only
 *   progress   w-f   l-f    l-f   l-f        its holder calls rest and rise
 *                                            w-f: wait-free, l-f: lock-free
 */
#ifndef KN_SCHED_IDLE_H
#define KN_SCHED_IDLE_H

#include "base/align.h"
#include "base/assert.h"
#include "base/atomic.h"

#include <stdbool.h>
#include <stdint.h>

enum { KN_IDLE_WORKERS_MAX = 1024, KN_IDLE_BITS = KN_IDLE_WORKERS_MAX / 64 };

struct kn_idle {
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(uint64_t) word;            /* (a) any */
    KN_ALIGNED(KN_CACHE_LINE) kn_atomic(uint64_t) bits[KN_IDLE_BITS]; /* (a) any */
    unsigned workers;                                                 /* (c) */
};

#define KN_IDLE_SEARCHING UINT64_C(1)
#define KN_IDLE_AWAKE (UINT64_C(1) << 16)
#define KN_IDLE_SEQ (UINT64_C(1) << 32)

static inline unsigned kn_idle_searching(uint64_t word)
{
    return (unsigned)(word & 0xffff);
}

static inline unsigned kn_idle_awake(uint64_t word)
{
    return (unsigned)(word >> 16 & 0xffff);
}

/* All workers start awake. */
void kn_idle_init(struct kn_idle *idle, unsigned workers);

/* True if waking somebody would help: one rests and nobody searches. Cost: a load of a shared line.
 */
static inline bool kn_idle_wants_wake(const struct kn_idle *idle, uint64_t word)
{
    return kn_idle_searching(word) == 0 && kn_idle_awake(word) < idle->workers;
}

/* Counts the caller among the searchers, of which at most half of all workers are. False: enough
 * do. */
bool kn_idle_search_begin(struct kn_idle *idle);

/* True: the caller was the last searcher and must see to it that work in sight has another. */
bool kn_idle_search_end(struct kn_idle *idle);

/* Worker index rests, and stops searching if it was. True: no worker is awake now. */
bool kn_idle_rest(struct kn_idle *idle, unsigned index, bool was_searching);

/*
 * The resting worker wants to run again, as a searcher. True: done. False: a waker has it, its
 * token comes.
 */
bool kn_idle_rise(struct kn_idle *idle, unsigned index);

/*
 * Takes a resting worker, the nearest to index near, which counts as awake and searching from then
 * on. Returns its index, or -1: none rests, or (unless is_forced) somebody searches already.
 */
int kn_idle_claim(struct kn_idle *idle, unsigned near, bool is_forced);

/* Takes this worker if it rests. */
bool kn_idle_claim_one(struct kn_idle *idle, unsigned index);

/* Whether its bit is set. It may be claimed or have risen the next moment. */
bool kn_idle_is_resting(struct kn_idle *idle, unsigned index);

#endif
