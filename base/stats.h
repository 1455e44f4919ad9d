/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters with one writer. Adding is a load and a store, no locked operation; any thread may read.
 *
 *              add    read
 *    add        X      -        X: needs mutual exclusion (there is one writer)
 *    read       -      -        -: none          Progress: wait-free.
 */
#ifndef KN_BASE_STATS_H
#define KN_BASE_STATS_H

#include "base/atomic.h"

#include <stdint.h>

struct kn_count {
    kn_atomic(uint64_t) value; /* (a) written by the owner only */
};

/* Owner only. Relaxed: a statistic orders nothing; a plain load and store because nobody else
 * writes. */
static inline void kn_count_add(struct kn_count *count, uint64_t n)
{
    kn_store(&count->value, kn_load(&count->value, relaxed) + n, relaxed);
}

/* Owner only. Keeps the largest value seen: a high-water mark. Relaxed: as above. */
static inline void kn_count_max(struct kn_count *count, uint64_t n)
{
    if (n > kn_load(&count->value, relaxed)) {
        kn_store(&count->value, n, relaxed);
    }
}

/* Any thread; the value is a moment old. Relaxed: nothing is concluded from it about other memory.
 */
static inline uint64_t kn_count_read(struct kn_count *count)
{
    return kn_load(&count->value, relaxed);
}

#endif
