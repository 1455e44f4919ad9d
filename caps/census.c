/* SPDX-License-Identifier: Apache-2.0 */
/* The table behind koken_payload_census: open addressing by the address of the type, one column each. */
#include "caps/census.h"

#include "base/align.h"
#include "base/assert.h"
#include "base/atomic.h"

#include <koken/payload.h>

enum { TYPES = 128, SHARDS = 8 };

/* Of one thread or a few. What one shard gives is taken by another: only sums mean something. */
struct shard {
    kn_atomic(int64_t) alive[TYPES]; /* (a) */
} KN_ALIGNED(KN_FALSE_SHARING);

static struct shard shards[SHARDS];
static kn_atomic(const struct koken_type *) types[TYPES]; /* (a) set once, from NULL */

static struct shard *shard_of_thread(void)
{
    static KN_TLS char here; /* its address tells threads apart, in steps of at least a page */

    return &shards[((uintptr_t)&here >> 12) * 0x9e3779b97f4a7c15u >> 61];
}

/* The column of a type, or TYPES when they are all taken by others. */
static unsigned column_of(const struct koken_type *type)
{
    unsigned start = (unsigned)((uintptr_t)type >> 4) % TYPES;

    for (unsigned i = 0; i < TYPES; i++) {
        unsigned column = (start + i) % TYPES;
        /* Relaxed, all: a type is constant and known to the caller; nothing is published by it. */
        const struct koken_type *there = kn_load(&types[column], relaxed);

        if (there == type ||
            (there == NULL &&
             (kn_cas_strong(&types[column], &there, type, relaxed, relaxed) || there == type))) {
            return column;
        }
    }
    return TYPES;
}

void kn_census(const struct koken_type *type, int change)
{
    unsigned column = column_of(type);

    KN_ASSERT(type != NULL);
    KN_ASSERT(column <= TYPES);
    KN_ASSERT(change == 1 || change == -1);
    if (column < TYPES) {
        kn_add(&shard_of_thread()->alive[column], change, relaxed); /* a statistic */
    }
}

size_t koken_payload_census(struct koken_census *ret_rows, size_t room)
{
    size_t count = 0;

    for (unsigned column = 0; column < TYPES; column++) {
        const struct koken_type *type = kn_load(&types[column], relaxed); /* as above */
        int64_t alive = 0;

        if (type == NULL) {
            continue;
        }
        for (unsigned i = 0; i < SHARDS; i++) {
            alive += kn_load(&shards[i].alive[column], relaxed);
        }
        if (count < room) {
            uint64_t sum = alive > 0 ? (uint64_t)alive : 0; /* while others go on, it may be off */

            ret_rows[count] = (struct koken_census){type, sum, sum * type->size};
        }
        count++;
    }
    return count;
}
