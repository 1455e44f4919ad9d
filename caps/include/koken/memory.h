/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool of memory of any sizes, with the way to choose a place that suits the program; and memory that the pool
 * may move, so that a pool that has run for long can be made whole again.
 *
 *     struct koken_memory_options o = {.strategy = KOKEN_FIT_BEST, .auto_defrag = true};
 *     struct koken_memory *pool;
 *     int rc = koken_memory_new(&o, &pool);
 *     void *buffer = koken_memory_alloc(pool, 32768);
 *     rc = koken_memory_release(pool, buffer);
 *     koken_memory_free(pool);
 *
 *     strategy         place                                             time of alloc, release
 *     KOKEN_FIT_FIRST  the first that is large enough                    O(blocks), O(1)
 *     KOKEN_FIT_NEXT   the first behind the last place                   O(blocks), O(1)
 *     KOKEN_FIT_BEST   the smallest that is large enough                 O(blocks), O(1)
 *     KOKEN_FIT_WORST  the largest                                       O(blocks), O(1)
 *     KOKEN_FIT_BUDDY  powers of two, halved and joined again            O(log size), O(log size)
 *     KOKEN_FIT_TLSF   one that is hardly larger, from two-level bins    O(1), O(1)
 *
 * Neighbours that are free become one at once, with every strategy. All calls may run at once but koken_memory_free.
 * Progress: blocking, one lock; not for the path of a message.
 *
 * Idea: M. Masmano and others, TLSF, 2004; K. C. Knowlton, the buddy system, 1965.
 */
#ifndef KOKEN_MEMORY_H
#define KOKEN_MEMORY_H

#include <koken/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_memory;

/* How a place is chosen; the table is above. */
enum koken_fit {
    KOKEN_FIT_TLSF, /* the default */
    KOKEN_FIT_FIRST,
    KOKEN_FIT_NEXT,
    KOKEN_FIT_BEST,
    KOKEN_FIT_WORST,
    KOKEN_FIT_BUDDY,
    KOKEN_FIT_COUNT_
};

/* How a pool shall be; zero is the default of each. */
struct koken_memory_options {
    size_t struct_size; /* sizeof of this, or 0 */
    enum koken_fit strategy;
    size_t
        chunk_size; /* taken from the system at a time; default 1 MiB; buddy: rounded up to a power of two */
    size_t
        limit; /* bytes of all chunks together; the last is as large as it leaves; default none */
    bool
        auto_defrag; /* koken_memory_defrag when a request finds no place, and above defrag_percent */
    uint32_t defrag_percent; /* of fragmentation, looked at every 64th release; default 25 */
};

/* koken_memory_new makes an empty pool; NULL: the default options. Errors: -EINVAL, -ENOMEM. */
KOKEN_MUST_USE int koken_memory_new(const struct koken_memory_options *options,
                                    struct koken_memory **ret_pool);

/* koken_memory_free frees a pool that nobody uses any more, with all that is in it. NULL is accepted. */
void koken_memory_free(struct koken_memory *pool);

/*
 * koken_memory_alloc gives size bytes, aligned to 16, uninitialised; it stays where it is. NULL: no memory, the
 * limit, or size is 0. Thread: any. Memory: 16 bytes more, and what the strategy rounds up.
 */
void *koken_memory_alloc(struct koken_memory *pool, size_t size);

/*
 * koken_memory_release gives back what koken_memory_alloc gave. Thread: any. Errors: -EINVAL it is not of this
 * pool, not the beginning of a block, released already, or movable; nothing has changed then. NULL: 0.
 */
int koken_memory_release(struct koken_memory *pool, void *memory);

/* Memory that the pool may move while nobody has it pinned. Zero: none. */
typedef struct koken_movable {
    uint32_t index, generation;
} koken_movable;

/* koken_memory_movable allocates size bytes that may be moved. Errors: -EINVAL size is 0; -ENOMEM. */
KOKEN_MUST_USE int koken_memory_movable(struct koken_memory *pool, size_t size,
                                        koken_movable *ret_movable);

/*
 * koken_memory_pin says where it is, and that it stays there until as many koken_memory_unpin. NULL: it was
 * discarded, or never there. Order: who pins sees what was written before the last unpin.
 */
void *koken_memory_pin(struct koken_memory *pool, koken_movable movable);

/* koken_memory_unpin ends one pin. Errors: -EINVAL it is not pinned, or not there. */
int koken_memory_unpin(struct koken_memory *pool, koken_movable movable);

/* koken_memory_discard gives movable memory back. Errors: -EBUSY it is pinned; -EINVAL it is not there. */
int koken_memory_discard(struct koken_memory *pool, koken_movable movable);

/*
 * koken_memory_defrag moves what may be moved towards the beginning of its chunk, data and all, joins what is
 * free behind it, and gives empty chunks but one back to the system. Answers the bytes moved. Errors: -EINVAL.
 */
int64_t koken_memory_defrag(struct koken_memory *pool);

/* What a pool holds and has done. */
struct koken_memory_stats {
    uint64_t used;         /* bytes of blocks in use, with what was added to them */
    uint64_t free;         /* bytes of free blocks */
    uint64_t largest_free; /* of them, the largest block */
    uint64_t blocks_used, blocks_free, chunks;
    uint64_t moved;       /* bytes, in all */
    uint64_t defrags;     /* in all */
    double fragmentation; /* 1 - largest_free / free, 0 if nothing is free */
};

/* koken_memory_stats_get counts. Cost: O(blocks), under the lock. Errors: -EINVAL. */
int koken_memory_stats_get(struct koken_memory *pool, struct koken_memory_stats *ret_stats);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
