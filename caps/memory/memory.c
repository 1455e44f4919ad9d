/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: its chunks, what programs call, and when it is made whole. memory.h has the picture. */
#include "caps/memory/memory.h"

#include "base/align.h"
#include "base/alloc.h"
#include "base/assert.h"

#include <errno.h>
#include <string.h>

enum { CHUNK_DEFAULT = 1 << 20, CHUNK_MIN = 1 << 10, DEFRAG_DEFAULT = 25, RELEASES_BETWEEN = 64 };
#define GRANULES_MAX (UINT32_C(1) << 30)

static bool is_buddy(const struct koken_memory *pool)
{
    return pool->options.strategy == KOKEN_FIT_BUDDY;
}

static uint32_t power_above(uint32_t granules)
{
    uint32_t power = KN_BLOCK_MIN;
    while (power < granules) {
        power *= 2;
    }
    return power;
}

int koken_memory_new(const struct koken_memory_options *options, struct koken_memory **ret_pool)
{
    struct koken_memory_options o = options ? *options : (struct koken_memory_options){0};
    if (!ret_pool || (o.struct_size != 0 && o.struct_size != sizeof o) ||
        (unsigned)o.strategy >= KOKEN_FIT_COUNT_ || o.defrag_percent > 100 ||
        o.chunk_size > (size_t)GRANULES_MAX * KN_GRANULE) {
        return -EINVAL;
    }
    o.chunk_size = o.chunk_size ? o.chunk_size : CHUNK_DEFAULT;
    o.chunk_size = o.chunk_size < CHUNK_MIN ? CHUNK_MIN : kn_align_up(o.chunk_size, KN_GRANULE);
    o.limit = o.limit ? o.limit : SIZE_MAX;
    o.defrag_percent = o.defrag_percent ? o.defrag_percent : DEFRAG_DEFAULT;
    struct koken_memory *pool = kn_alloc(sizeof *pool, _Alignof(struct koken_memory), -1);
    if (!pool) {
        return -ENOMEM;
    }
    memset(pool, 0, sizeof *pool);
    pool->options = o;
    int rc = pthread_mutex_init(&pool->lock, NULL);
    KOKEN_CHECK(rc == 0); /* a default mutex allocates nothing */
    *ret_pool = pool;
    return 0;
}

static size_t words_of(const struct kn_chunk *chunk)
{
    return (chunk->granules + 1 + 63) / 64;
}

static void free_chunk(struct koken_memory *pool, struct kn_chunk *chunk)
{
    pool->size -= (uint64_t)chunk->granules * KN_GRANULE;
    kn_free(chunk->starts, words_of(chunk) * sizeof *chunk->starts, _Alignof(uint64_t));
    kn_free(chunk->base, ((size_t)chunk->granules + 1) * KN_GRANULE, KN_CACHE_LINE);
    kn_free(chunk, sizeof *chunk, _Alignof(struct kn_chunk));
}

void koken_memory_free(struct koken_memory *pool)
{
    if (!pool) {
        return;
    }
    struct kn_chunk *next;
    for (struct kn_chunk *chunk = pool->chunks; chunk; chunk = next) {
        next = chunk->next;
        free_chunk(pool, chunk);
    }
    kn_free(pool->places, pool->place_count * sizeof *pool->places, _Alignof(struct kn_place));
    (void)pthread_mutex_destroy(&pool->lock);
    kn_free(pool, sizeof *pool, _Alignof(struct koken_memory));
}

/* How large the next chunk is: as the options say, or what the limit leaves, if that is enough. 0: it is not. */
static uint32_t next_chunk(const struct koken_memory *pool, uint32_t least)
{
    uint64_t left = (pool->options.limit - pool->size) / KN_GRANULE;
    uint32_t granules = (uint32_t)(pool->options.chunk_size / KN_GRANULE);
    granules = granules < least ? least : granules;
    granules = is_buddy(pool) ? power_above(granules) : granules;
    if (granules > left && is_buddy(pool)) {
        while (granules > left) { /* ends: it is halved */
            granules /= 2;
        }
    } else if (granules > left) {
        granules = (uint32_t)left;
    }
    return granules < least || granules < KN_BLOCK_MIN ? 0 : granules;
}

/* A chunk for at least that many granules; its one block is free. */
static bool add_chunk(struct koken_memory *pool, uint32_t least)
{
    uint32_t granules = next_chunk(pool, least);
    if (granules == 0) {
        return false;
    }
    struct kn_chunk *chunk = kn_alloc(sizeof *chunk, _Alignof(struct kn_chunk), -1);
    if (!chunk) {
        return false;
    }
    *chunk = (struct kn_chunk){.granules = granules};
    chunk->starts = kn_alloc(words_of(chunk) * sizeof *chunk->starts, _Alignof(uint64_t), -1);
    chunk->base =
        chunk->starts ? kn_alloc(((size_t)granules + 1) * KN_GRANULE, KN_CACHE_LINE, -1) : NULL;
    if (!chunk->base) {
        kn_free(chunk->starts, words_of(chunk) * sizeof *chunk->starts, _Alignof(uint64_t));
        kn_free(chunk, sizeof *chunk, _Alignof(struct kn_chunk));
        return false;
    }
    memset(chunk->starts, 0, words_of(chunk) * sizeof *chunk->starts);
    *kn_block_at(chunk, 0) = (struct kn_block){.size = granules};
    *kn_block_at(chunk, granules) = (struct kn_block){.prev = granules, .is_used = 1};
    kn_block_mark(chunk, kn_block_at(chunk, 0), true);
    kn_bins_insert(pool, kn_block_at(chunk, 0));
    struct kn_chunk **at = &pool->chunks;
    while (*at) {
        at = &(*at)->next;
    }
    *at = chunk;
    pool->size += (uint64_t)granules * KN_GRANULE;
    return true;
}

static struct kn_chunk *chunk_of(struct koken_memory *pool, const void *address)
{
    uintptr_t p = (uintptr_t)address;
    struct kn_chunk *chunk = pool->chunks;
    while (chunk && (p < (uintptr_t)chunk->base ||
                     p >= (uintptr_t)chunk->base + (size_t)chunk->granules * KN_GRANULE)) {
        chunk = chunk->next;
    }
    return chunk;
}

static struct kn_block *find(struct koken_memory *pool, uint32_t granules)
{
    struct kn_chunk *chunk = NULL;
    struct kn_block *block = kn_memory_has_bins(pool) ? kn_bins_find(pool, granules)
                                                      : kn_fit_find(pool, granules, &chunk);
    if (!block) {
        return NULL;
    }
    chunk = chunk ? chunk : chunk_of(pool, block);
    KN_ASSERT(chunk != NULL);
    if (is_buddy(pool)) {
        kn_buddy_take(pool, chunk, block, granules);
    } else {
        kn_block_take(pool, chunk, block, granules);
    }
    KN_ASSERT(block->is_used);
    KN_ASSERT(block->size >= granules);
    return block;
}

/* How much must be found free for a request: TLSF looks from the next bin on. */
static uint32_t with_slack(const struct koken_memory *pool, uint32_t granules)
{
    return pool->options.strategy == KOKEN_FIT_TLSF ? granules + granules / KN_BINS_SECOND + 1
                                                    : granules;
}

struct kn_block *kn_memory_get(struct koken_memory *pool, size_t size)
{
    if (size == 0 || size > (size_t)(GRANULES_MAX / 2) * KN_GRANULE) {
        return NULL;
    }
    uint32_t granules = (uint32_t)(kn_align_up(size, KN_GRANULE) / KN_GRANULE) + 1;
    granules = is_buddy(pool) ? power_above(granules) : granules;
    struct kn_block *block = find(pool, granules);
    if (!block && pool->options.auto_defrag) {
        kn_memory_defrag(pool);
        block = find(pool, granules);
    }
    if (!block) {
        uint32_t least = with_slack(pool, granules);
        if (add_chunk(pool, least) || (least != granules && add_chunk(pool, granules))) {
            block = find(pool, granules);
        }
    }
    return block;
}

void *koken_memory_alloc(struct koken_memory *pool, size_t size)
{
    if (!pool) {
        return NULL;
    }
    (void)pthread_mutex_lock(&pool->lock);
    struct kn_block *block = kn_memory_get(pool, size);
    (void)pthread_mutex_unlock(&pool->lock);
    return block ? block + 1 : NULL;
}

/* Counts under the lock. */
static void count(struct koken_memory *pool, struct koken_memory_stats *stats)
{
    *stats = (struct koken_memory_stats){.moved = pool->moved, .defrags = pool->defrags};
    for (struct kn_chunk *chunk = pool->chunks; chunk; chunk = chunk->next) {
        stats->chunks++;
        for (struct kn_block *b = kn_block_at(chunk, 0); b->size != 0; b = kn_block_next(b)) {
            uint64_t bytes = (uint64_t)b->size * KN_GRANULE;
            if (b->is_used) {
                stats->blocks_used++;
                stats->used += bytes;
            } else {
                stats->blocks_free++;
                stats->free += bytes;
                stats->largest_free = bytes > stats->largest_free ? bytes : stats->largest_free;
            }
        }
    }
    if (stats->free > 0) {
        stats->fragmentation = 1.0 - (double)stats->largest_free / (double)stats->free;
    }
}

static void defrag_if_needed(struct koken_memory *pool)
{
    struct koken_memory_stats stats;
    if (!pool->options.auto_defrag || ++pool->releases < RELEASES_BETWEEN) {
        return;
    }
    pool->releases = 0;
    count(pool, &stats);
    if (stats.fragmentation * 100 > pool->options.defrag_percent) {
        kn_memory_defrag(pool);
    }
}

void kn_memory_put(struct koken_memory *pool, struct kn_block *block)
{
    struct kn_chunk *chunk = chunk_of(pool, block);
    KN_ASSERT(chunk != NULL);
    KN_ASSERT(block->is_used);
    if (is_buddy(pool)) {
        kn_buddy_give(pool, chunk, block);
    } else {
        kn_block_give(pool, chunk, block);
    }
    defrag_if_needed(pool);
}

/* The block in use whose memory that is; NULL: there is none. */
static struct kn_block *block_of(struct koken_memory *pool, void *memory)
{
    struct kn_chunk *chunk = chunk_of(pool, memory);
    size_t offset = chunk ? (size_t)((unsigned char *)memory - chunk->base) : 0;
    if (offset < KN_GRANULE || offset % KN_GRANULE != 0) {
        return NULL;
    }
    size_t index = offset / KN_GRANULE - 1;
    if ((chunk->starts[index / 64] >> index % 64 & 1) == 0) {
        return NULL;
    }
    struct kn_block *block = kn_block_at(chunk, index);
    return block->is_used ? block : NULL;
}

int koken_memory_release(struct koken_memory *pool, void *memory)
{
    if (!pool) {
        return -EINVAL;
    }
    if (!memory) {
        return 0;
    }
    int rc = -EINVAL;
    (void)pthread_mutex_lock(&pool->lock);
    struct kn_block *block = block_of(pool, memory);
    if (block && block->movable == 0) {
        kn_memory_put(pool, block);
        rc = 0;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return rc;
}

void kn_memory_defrag(struct koken_memory *pool)
{
    pool->defrags++;
    pool->rover = NULL;
    for (struct kn_chunk **at = &pool->chunks; *at;) {
        struct kn_chunk *chunk = *at;
        struct kn_block *first = kn_block_at(chunk, 0);
        pool->moved += is_buddy(pool) ? kn_buddy_compact(pool, chunk) : kn_compact(pool, chunk);
        if (!first->is_used && first->size == chunk->granules && chunk != pool->chunks) {
            kn_bins_remove(pool, first);
            *at = chunk->next;
            free_chunk(pool, chunk);
        } else {
            at = &chunk->next;
        }
    }
}

int64_t koken_memory_defrag(struct koken_memory *pool)
{
    if (!pool) {
        return -EINVAL;
    }
    (void)pthread_mutex_lock(&pool->lock);
    uint64_t before = pool->moved;
    kn_memory_defrag(pool);
    uint64_t moved = pool->moved - before;
    (void)pthread_mutex_unlock(&pool->lock);
    return (int64_t)moved;
}

int koken_memory_stats_get(struct koken_memory *pool, struct koken_memory_stats *ret_stats)
{
    if (!pool || !ret_stats) {
        return -EINVAL;
    }
    (void)pthread_mutex_lock(&pool->lock);
    count(pool, ret_stats);
    (void)pthread_mutex_unlock(&pool->lock);
    return 0;
}
