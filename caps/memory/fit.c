/* SPDX-License-Identifier: Apache-2.0 */
/* The strategies that walk all blocks: first, next, best and worst fit. */
#include "caps/memory/memory.h"

#include "base/assert.h"

static bool fits(const struct kn_block *block, uint32_t size)
{
    return !block->is_used && block->size >= size;
}

/* The first that fits, from block to the end of its chunk. */
static struct kn_block *scan(struct kn_block *block, uint32_t size)
{
    KN_ASSERT(size > 0);
    while (block->size != 0 && !fits(block, size)) { /* ends at the end of the chunk */
        block = kn_block_next(block);
    }
    return block->size != 0 ? block : NULL;
}

static struct kn_block *find_first(struct koken_memory *pool, uint32_t size,
                                   struct kn_chunk **ret_chunk)
{
    for (struct kn_chunk *chunk = pool->chunks; chunk; chunk = chunk->next) {
        struct kn_block *block = scan(kn_block_at(chunk, 0), size);
        if (block) {
            *ret_chunk = chunk;
            return block;
        }
    }
    return NULL;
}

/* From the rover on, then all: what lies before the rover comes last. */
static struct kn_block *find_next(struct koken_memory *pool, uint32_t size,
                                  struct kn_chunk **ret_chunk)
{
    struct kn_block *block = pool->rover ? scan(pool->rover, size) : NULL;
    *ret_chunk = pool->rover_chunk;
    for (struct kn_chunk *chunk = block || !pool->rover ? NULL : pool->rover_chunk->next; chunk;
         chunk = chunk->next) {
        block = scan(kn_block_at(chunk, 0), size);
        if (block) {
            *ret_chunk = chunk;
            break;
        }
    }
    if (!block) {
        block = find_first(pool, size, ret_chunk);
    }
    if (block) {
        KN_ASSERT(!block->is_used);
        KN_ASSERT(*ret_chunk != NULL);
        pool->rover = block; /* what is left of it is where the next search begins */
        pool->rover_chunk = *ret_chunk;
    }
    return block;
}

static struct kn_block *find_extreme(struct koken_memory *pool, uint32_t size, bool smallest,
                                     struct kn_chunk **ret_chunk)
{
    struct kn_block *found = NULL;
    for (struct kn_chunk *chunk = pool->chunks; chunk; chunk = chunk->next) {
        for (struct kn_block *b = kn_block_at(chunk, 0); b->size != 0; b = kn_block_next(b)) {
            if (fits(b, size) &&
                (!found || (smallest ? b->size < found->size : b->size > found->size))) {
                found = b;
                *ret_chunk = chunk;
            }
        }
    }
    KN_ASSERT(!found || fits(found, size));
    return found;
}

struct kn_block *kn_fit_find(struct koken_memory *pool, uint32_t size, struct kn_chunk **ret_chunk)
{
    KN_ASSERT(!kn_memory_has_bins(pool));
    switch (pool->options.strategy) {
    case KOKEN_FIT_NEXT: return find_next(pool, size, ret_chunk);
    case KOKEN_FIT_BEST: return find_extreme(pool, size, /* smallest= */ true, ret_chunk);
    case KOKEN_FIT_WORST: return find_extreme(pool, size, /* smallest= */ false, ret_chunk);
    default: return find_first(pool, size, ret_chunk);
    }
}
