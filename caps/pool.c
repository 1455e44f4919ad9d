/* SPDX-License-Identifier: Apache-2.0 */
/* The rare half of the pools: refill, spill, fresh blocks, the marks of debug builds. */
#include "caps/pool.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

_Static_assert(KN_BLOCK_MIN << (KN_SIZE_CLASS_COUNT - 1) == KN_BLOCK_MAX, "classes double");
_Static_assert(KN_ENVELOPE_HEADER + KN_PAYLOAD_MAX == KN_BLOCK_MAX,
               "the largest envelope is a block");
_Static_assert(KN_SLAB_MIN >= KN_MAGAZINE * KN_BLOCK_MAX, "a slab holds a magazine of any class");

/* A free block says so here; the address makes a copied mark stand out. */
static const uint64_t free_mark = UINT64_C(0x6b6f6b656e667265);

static struct kn_envelope *carve(struct kn_pool *pool, unsigned size_class);
static void check_pool(const struct kn_pool *pool);

void kn_pool_init(struct kn_pool *pool, struct kn_depot *keep_depot, int node)
{
    KN_ASSERT(keep_depot != NULL);
    memset(pool, 0, sizeof(*pool));
    for (unsigned c = 0; c < KN_SIZE_CLASS_COUNT; c++) {
        kn_atomic_init(&pool->classes[c].hot, NULL);
        kn_atomic_init(&pool->classes[c].count, 0);
        kn_atomic_init(&pool->classes[c].spare, NULL);
    }
    pool->grow = KN_SLAB_MIN;
    pool->depot = keep_depot;
    pool->node = node;
}

void kn_pool_fini(struct kn_pool *pool)
{
    if (pool->depot == NULL) {
        return;
    }
    check_pool(pool);
    for (unsigned c = 0; c < KN_SIZE_CLASS_COUNT; c++) {
        struct kn_pool_class *mine = &pool->classes[c];
        struct kn_envelope *spare = kn_load(&mine->spare, relaxed); /* own fields */
        struct kn_envelope *hot = kn_load(&mine->hot, relaxed);

        if (hot != NULL) {
            hot->next = mine->head;
            mine->head = hot;
            kn_store(&mine->count, kn_load(&mine->count, relaxed) + 1, relaxed);
        }
        if (mine->head != NULL) {
            kn_depot_push(pool->depot, c, mine->head,
                          kn_load(&mine->count, relaxed)); /* own field */
        }
        if (spare != NULL) {
            kn_depot_push(pool->depot, c, spare, KN_MAGAZINE);
        }
    }
    if (pool->slab != NULL && pool->slab->used + KN_BLOCK_MAX <= pool->slab->size) {
        kn_depot_remnant(pool->depot, pool->slab);
    }
    memset(pool, 0, sizeof(*pool));
}

void kn_pool_usage(const struct kn_pool *pool, struct kn_pool_usage *ret)
{
    for (unsigned c = 0; c < KN_SIZE_CLASS_COUNT; c++) {
        const struct kn_pool_class *its = &pool->classes[c];

        /* Relaxed: numbers for statistics; the pointers are only compared. */
        ret->cached[c] = kn_load(&its->count, relaxed) +
                         (kn_load(&its->hot, relaxed) != NULL ? 1 : 0) +
                         (kn_load(&its->spare, relaxed) != NULL ? (uint32_t)KN_MAGAZINE : 0);
    }
}

/* The magazine is empty. Leaves a shorter one in its place and returns the block taken from it. */
struct kn_envelope *kn_pool_refill(struct kn_pool *pool, unsigned size_class)
{
    struct kn_pool_class *mine = &pool->classes[size_class];
    struct kn_envelope *chain = kn_load(&mine->spare, relaxed); /* own field */
    uint32_t count = KN_MAGAZINE;

    KN_ASSERT(pool->depot != NULL);
    if (KN_STAGES) {
        return kn_alloc(kn_class_size(size_class), KN_CACHE_LINE, pool->node);
    }
    KN_ASSERT(mine->head == NULL);
    KN_ASSERT(kn_load(&mine->hot, relaxed) == NULL);
    KN_ASSERT(kn_load(&mine->count, relaxed) == 0);
    if (chain != NULL) {
        kn_store(&mine->spare, NULL, relaxed); /* own field, read by statistics */
    } else {
        chain = kn_depot_pop(pool->depot, size_class, &count);
    }
    if (chain == NULL) {
        return carve(pool, size_class);
    }
    kn_pool_unmark(chain, size_class);
    mine->head = chain->next;
    kn_store(&mine->count, count - 1, relaxed); /* own field, read by statistics */
    KN_ASSERT((mine->head == NULL) == (count == 1));
    return chain;
}

/* The magazine is full: it becomes the spare, and the spare there was goes to the depot. */
void kn_pool_spill(struct kn_pool *pool, unsigned size_class)
{
    struct kn_pool_class *mine = &pool->classes[size_class];
    struct kn_envelope *spare = kn_load(&mine->spare, relaxed); /* own field */

    KN_ASSERT(mine->head != NULL);
    KN_ASSERT(kn_load(&mine->count, relaxed) == KN_MAGAZINE);
    kn_store(&mine->spare, mine->head, relaxed); /* own fields, read by statistics */
    kn_store(&mine->count, 0, relaxed);
    mine->head = NULL;
    if (spare != NULL) {
        kn_depot_push(pool->depot, size_class, spare, KN_MAGAZINE);
    }
}

/* Makes sure the pool has a slab with room for one block of that size. */
static int find_room(struct kn_pool *pool, size_t size)
{
    struct kn_slab *slab = pool->slab;

    if (slab != NULL && slab->used + size <= slab->size) {
        return 0;
    }
    /* What is left of the old slab, less than one block of 256, stays unused until fini. */
    slab = kn_depot_slab(pool->depot, pool->grow);
    if (slab == NULL) {
        return -ENOMEM;
    }
    KN_ASSERT(slab->used + size <= slab->size);
    pool->slab = slab;
    if (pool->grow < KN_SLAB_MAX) {
        pool->grow *= 2;
    }
    return 0;
}

/*
 * Cuts up to a magazine of fresh blocks, linked so that they are taken in address order: the first
 * touch of a page costs more than a microsecond, and the next 64 blocks should share those pages.
 */
static struct kn_envelope *carve(struct kn_pool *pool, unsigned size_class)
{
    struct kn_pool_class *mine = &pool->classes[size_class];
    size_t size = kn_class_size(size_class);
    size_t count;
    char *at;

    if (find_room(pool, size) < 0) {
        return NULL;
    }
    at = (char *)pool->slab + pool->slab->used;
    count = (pool->slab->size - pool->slab->used) / size;
    count = count > KN_MAGAZINE ? KN_MAGAZINE : count;
    KN_ASSERT(count > 0);
    KN_ASSERT(((uintptr_t)at & (KN_CACHE_LINE - 1)) == 0);
    pool->slab->used += count * size;
    kn_depot_carved(pool->depot, size_class, (uint32_t)count);

    for (size_t i = count - 1; i > 0; i--) {
        struct kn_envelope *block = (struct kn_envelope *)(void *)(at + i * size);

        block->from = 0;
        kn_pool_mark(block, size_class);
        block->next = mine->head;
        mine->head = block;
    }
    kn_store(&mine->count, (uint32_t)(count - 1), relaxed); /* own field, read by statistics */
    ((struct kn_envelope *)(void *)at)->from = 0; /* no mark left by an earlier owner of the slab */
    return (struct kn_envelope *)(void *)at;
}

#ifdef KN_DEBUG
static bool is_poison(const unsigned char *at, size_t size)
{
    size_t same = 0;

    while (same < size && at[same] == KN_POISON) {
        same++;
    }
    return same == size;
}

void kn_pool_mark(struct kn_envelope *block, unsigned size_class)
{
    size_t size = kn_class_size(size_class) - KN_ENVELOPE_HEADER;

    KOKEN_CHECK(block->from != (free_mark ^ (uintptr_t)block)); /* else: freed twice */
    block->from = free_mark ^ (uintptr_t)block;
    memset(block->payload, KN_POISON, size);
    kn_asan_poison(block->payload, size);
}

void kn_pool_unmark(struct kn_envelope *block, unsigned size_class)
{
    size_t size = kn_class_size(size_class) - KN_ENVELOPE_HEADER;

    kn_asan_unpoison(block->payload, size);
    KOKEN_CHECK(block->from == (free_mark ^ (uintptr_t)block)); /* else: written after free */
    KOKEN_CHECK(is_poison(block->payload, size));               /* else: written after free */
    kn_msan_fresh(block->payload, size);
    block->from = 0;
}
#else
void kn_pool_mark(struct kn_envelope *block, unsigned size_class)
{
    (void)free_mark;
    kn_asan_poison(block->payload, kn_class_size(size_class) - KN_ENVELOPE_HEADER);
}

void kn_pool_unmark(struct kn_envelope *block, unsigned size_class)
{
    kn_asan_unpoison(block->payload, kn_class_size(size_class) - KN_ENVELOPE_HEADER);
}
#endif

/* Walks the magazines; each has the length it says. Bounded: at most KN_MAGAZINE steps per chain.
 */
static void check_pool(const struct kn_pool *pool)
{
    for (unsigned c = 0; c < KN_SIZE_CLASS_COUNT; c++) {
        const struct kn_envelope *block = pool->classes[c].head;
        uint32_t left = kn_load(&pool->classes[c].count, relaxed); /* own field */

        KN_ASSERT(left < KN_MAGAZINE);
        for (; left > 0 && block != NULL; left--) {
            block = block->next;
        }
        KN_ASSERT(left == 0);
        KN_ASSERT(block == NULL);
    }
}

int kn_foreign_pool_init(struct kn_foreign_pool *foreign, struct kn_depot *keep_depot, int node)
{
    int rc = pthread_mutex_init(&foreign->lock, NULL);

    if (rc != 0) {
        return -ENOMEM;
    }
    kn_pool_init(&foreign->pool, keep_depot, node);
    return 0;
}

void kn_foreign_pool_fini(struct kn_foreign_pool *foreign)
{
    if (foreign->pool.depot == NULL) {
        return;
    }
    kn_pool_fini(&foreign->pool);
    pthread_mutex_destroy(&foreign->lock);
}

struct kn_envelope *kn_foreign_envelope_new(struct kn_foreign_pool *foreign, uint32_t payload_size)
{
    struct kn_envelope *envelope;

    pthread_mutex_lock(&foreign->lock);
    envelope = kn_envelope_new(&foreign->pool, payload_size);
    pthread_mutex_unlock(&foreign->lock);
    return envelope;
}

void kn_foreign_envelope_free(struct kn_foreign_pool *foreign, struct kn_envelope *envelope)
{
    pthread_mutex_lock(&foreign->lock);
    kn_envelope_free(&foreign->pool, envelope);
    pthread_mutex_unlock(&foreign->lock);
}

void *kn_foreign_block_new(struct kn_foreign_pool *foreign, size_t size)
{
    void *block;

    pthread_mutex_lock(&foreign->lock);
    block = kn_block_new(&foreign->pool, size);
    pthread_mutex_unlock(&foreign->lock);
    return block;
}

void kn_foreign_block_free(struct kn_foreign_pool *foreign, void *block, size_t size)
{
    pthread_mutex_lock(&foreign->lock);
    kn_block_free(&foreign->pool, block, size);
    pthread_mutex_unlock(&foreign->lock);
}
