/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools of blocks of 64, 128 and 256 bytes: envelopes, agent states, timers.
 *
 * A pool has one owner (a worker) and no atomic read-modify-write. Per class it keeps the magazine
 * it works on, and a spare that is full or absent. Taking and giving are a pop and a push on the
 * first; only when it runs empty or full is there more to do, and only every 64 operations at worst
 * does that reach the depot: an owner that hovers around a boundary swaps the two magazines and
 * stays at home.
 *
 *      new: magazine -> spare -> depot -> fresh blocks of the slab -> a new slab -> NULL
 *      free: magazine -> (full: becomes the spare) -> (spare there already: to the depot)
 *
 * A block is given back to the pool of whoever has it last, not to the one it came from: for
 * messages that is the receiver's worker, and the magazines carry the surplus home in batches.
 *
 *              new/free   usage   fini
 *      new/free    X        -      X         X: needs exclusion, -: none; wait-free but for the
 * depot
 *
 * A free block keeps its first 32 bytes for links. In KN_DEBUG builds they also carry a mark that
 * tells a double free and a write after free, the rest is filled with KN_POISON and looked at when
 * the block is taken again; under AddressSanitizer the rest is poisoned.
 */
#ifndef KN_CAPS_POOL_H
#define KN_CAPS_POOL_H

#include "base/align.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/edges.h"
#include "caps/envelope.h"
#include "caps/kn_ck_depot.h"
#include "caps/poison.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { KN_BLOCK_MIN = 64, KN_BLOCK_MAX = 256, KN_POISON = 0xdb };

/* Whether free blocks are marked; a constant, so that the branch costs nothing. */
#if defined(KN_DEBUG) || defined(KN_ASAN)
#define KN_POOL_MARKS 1
#else
#define KN_POOL_MARKS 0
#endif

struct kn_pool_class {
    kn_atomic(struct kn_envelope *) hot;   /* (o) the block given last, or NULL */
    struct kn_envelope *head;              /* (o) the magazine at work, newest first */
    kn_atomic(uint32_t) count;             /* (o) its length, < KN_MAGAZINE; read by statistics */
    kn_atomic(struct kn_envelope *) spare; /* (o) a full magazine or NULL; read by statistics */
};

struct kn_pool {
    struct kn_pool_class classes[KN_SIZE_CLASS_COUNT];
    struct kn_slab *slab;   /* (o) where fresh blocks come from, or NULL */
    size_t grow;            /* (o) size of the next slab */
    struct kn_depot *depot; /* (c) */
    int node;               /* (c) */
};

struct kn_pool_usage {
    uint32_t cached[KN_SIZE_CLASS_COUNT]; /* free blocks in this pool */
};

/* The depot must outlive the pool. */
void kn_pool_init(struct kn_pool *pool, struct kn_depot *keep_depot, int node);

/* Everything free goes to the depot; blocks still alive are not touched. Accepts the zero state. */
void kn_pool_fini(struct kn_pool *pool);

/* Thread: any. Alive in a runtime = carved and not cached, over all its depots and pools. */
void kn_pool_usage(const struct kn_pool *pool, struct kn_pool_usage *ret);

/* The rare ends of the two inline functions below. */
struct kn_envelope *kn_pool_refill(struct kn_pool *pool, unsigned size_class);
void kn_pool_spill(struct kn_pool *pool, unsigned size_class);

/* Debug builds: marks and fills a block, or checks and clears the mark. */
void kn_pool_mark(struct kn_envelope *block, unsigned size_class);
void kn_pool_unmark(struct kn_envelope *block, unsigned size_class);

static inline size_t kn_class_size(unsigned size_class)
{
    return (size_t)KN_BLOCK_MIN << size_class;
}

/* The smallest class whose blocks hold size bytes. Folds away when size is a constant. */
static inline unsigned kn_class_of(size_t size)
{
    return (unsigned)(size > 64) + (unsigned)(size > 128);
}

/* Longer than five lines, and inline: it is the fast path (Measured, in DESIGN.md). NULL: kn_pool_refill
 * is to be asked. */
static KN_ALWAYS_INLINE struct kn_envelope *kn_pool_try(struct kn_pool *pool, unsigned size_class)
{
    if (KN_STAGES) {
        return NULL;
    }
    struct kn_pool_class *mine = &pool->classes[size_class];
    /* Relaxed, here and below: one writer, others read the fields for statistics. */
    struct kn_envelope *block = kn_load(&mine->hot, relaxed);

    if (kn_likely(block != NULL)) {
        kn_store(&mine->hot, NULL, relaxed);
    } else {
        block = mine->head;
        if (kn_unlikely(block == NULL)) {
            return NULL;
        }
        mine->head = block->next;
        kn_store(&mine->count, kn_load(&mine->count, relaxed) - 1, relaxed);
    }
    if (KN_POOL_MARKS) {
        kn_pool_unmark(block, size_class);
    }
    return block;
}

static inline struct kn_envelope *kn_pool_take(struct kn_pool *pool, unsigned size_class)
{
    struct kn_envelope *block = kn_pool_try(pool, size_class);

    return kn_likely(block != NULL) ? block : kn_pool_refill(pool, size_class);
}

static inline void kn_pool_give(struct kn_pool *pool, unsigned size_class,
                                struct kn_envelope *block)
{
    if (KN_STAGES) { /* each message has memory of its own: what the last user did with it is forgotten */
        kn_free(block, kn_class_size(size_class), KN_CACHE_LINE);
        return;
    }
    struct kn_pool_class *mine = &pool->classes[size_class];
    struct kn_envelope *before = kn_load(&mine->hot, relaxed);

    if (KN_POOL_MARKS) {
        kn_pool_mark(block, size_class);
    }
    kn_store(&mine->hot, block, relaxed);
    if (before != NULL) {
        uint32_t count = kn_load(&mine->count, relaxed) + 1;

        before->next = mine->head;
        mine->head = before;
        kn_store(&mine->count, count, relaxed);
        if (kn_unlikely(count == KN_MAGAZINE)) {
            kn_pool_spill(pool, size_class);
        }
    }
}

/* An envelope with room for payload_size bytes; only its size_class is set. NULL: no memory. */
static inline struct kn_envelope *kn_envelope_new(struct kn_pool *pool, uint32_t payload_size)
{
    unsigned size_class = kn_class_of(payload_size + (size_t)KN_ENVELOPE_HEADER);
    struct kn_envelope *envelope;

    KN_ASSERT(payload_size <= KN_PAYLOAD_MAX);
    envelope = kn_pool_take(pool, size_class);
    if (kn_likely(envelope != NULL)) {
        envelope->size_class = (uint8_t)size_class;
    }
    return envelope;
}

static inline void kn_envelope_free(struct kn_pool *pool, struct kn_envelope *envelope)
{
    KN_ASSERT(envelope->size_class < KN_SIZE_CLASS_COUNT);
    /* Most are of class 0: a predicted branch instead of an address that waits for a load. */
    if (kn_likely(envelope->size_class == 0)) {
        kn_pool_give(pool, 0, envelope);
    } else {
        kn_pool_give(pool, envelope->size_class, envelope);
    }
}

/* A bare block of at least size bytes (at most KN_BLOCK_MAX), aligned to a cache line, not cleared.
 */
static inline void *kn_block_new(struct kn_pool *pool, size_t size)
{
    KN_ASSERT(size <= KN_BLOCK_MAX);
    return kn_pool_take(pool, kn_class_of(size));
}

static inline void kn_block_free(struct kn_pool *pool, void *block, size_t size)
{
    KN_ASSERT(size <= KN_BLOCK_MAX);
    kn_pool_give(pool, kn_class_of(size), block);
}

/*
 * One pool shared by all threads that are not workers. A leaf lock: nothing else is locked inside
 * (rank KN_RANK_FOREIGN_POOL in DESIGN.md).
 */
struct kn_foreign_pool {
    pthread_mutex_t lock;
    struct kn_pool pool; /* (m: lock) */
};

/* Errors: -ENOMEM. */
int kn_foreign_pool_init(struct kn_foreign_pool *foreign, struct kn_depot *keep_depot, int node);
void kn_foreign_pool_fini(struct kn_foreign_pool *foreign);

struct kn_envelope *kn_foreign_envelope_new(struct kn_foreign_pool *foreign, uint32_t payload_size);
void kn_foreign_envelope_free(struct kn_foreign_pool *foreign, struct kn_envelope *envelope);
void *kn_foreign_block_new(struct kn_foreign_pool *foreign, size_t size);
void kn_foreign_block_free(struct kn_foreign_pool *foreign, void *block, size_t size);

#endif
