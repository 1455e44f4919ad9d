/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buddies: a block of 2^k granules begins at a multiple of 2^k, and was made by halving; the other half, its
 * buddy, is where one bit of the index differs. Two free halves are joined at once.
 */
#include "caps/memory/memory.h"

#include "base/assert.h"

#include <string.h>

void kn_buddy_take(struct koken_memory *pool, struct kn_chunk *chunk, struct kn_block *block,
                   uint32_t size)
{
    KN_ASSERT((size & (size - 1)) == 0);
    KN_ASSERT(block->size >= size);
    KN_ASSERT(!block->is_used);
    kn_bins_remove(pool, block);
    while (block->size > size) { /* ends: it halves */
        block->size /= 2;
        struct kn_block *half = kn_block_next(block);
        *half = (struct kn_block){.size = block->size};
        kn_block_mark(chunk, half, true);
        kn_bins_insert(pool, half);
    }
    block->is_used = 1;
    block->movable = 0;
}

struct kn_block *kn_buddy_give(struct koken_memory *pool, struct kn_chunk *chunk,
                               struct kn_block *block)
{
    KN_ASSERT(block->is_used);
    KN_ASSERT((block->size & (block->size - 1)) == 0);
    block->is_used = 0;
    block->movable = 0;
    while (block->size < chunk->granules) { /* ends: it doubles */
        size_t index = kn_block_index(chunk, block);
        /* A buddy's beginning is always a block's: it is whole, or the first of its parts. */
        struct kn_block *buddy = kn_block_at(chunk, index ^ block->size);
        if (buddy->is_used || buddy->size != block->size) {
            break;
        }
        kn_bins_remove(pool, buddy);
        kn_block_mark(chunk, buddy < block ? block : buddy, false);
        block = buddy < block ? buddy : block;
        block->size *= 2;
    }
    kn_bins_insert(pool, block);
    return block;
}

/* The first free block that holds size granules, from a block on and below limit, or NULL. */
static struct kn_block *lowest(struct kn_block *from, uint32_t size, const struct kn_block *limit)
{
    struct kn_block *b = from;
    while (b < limit && (b->is_used || b->size < size)) { /* ends at the limit */
        b = kn_block_next(b);
    }
    return b < limit ? b : NULL;
}

/*
 * One walk: what may be moved goes into the lowest place that holds it, a larger one being halved. Holes only come to
 * be at or above the walk, so for each size the search goes on where it ended: below is nothing for it.
 */
uint64_t kn_buddy_compact(struct koken_memory *pool, struct kn_chunk *chunk)
{
    uint64_t moved = 0;
    struct kn_block *from[KN_BINS_FIRST], *next;
    for (unsigned k = 0; k < KN_BINS_FIRST; k++) {
        from[k] = kn_block_at(chunk, 0);
    }
    for (struct kn_block *b = kn_block_at(chunk, 0); b->size != 0; b = next) { /* ends: forward */
        uint32_t size = b->size;
        next = kn_block_next(b);
        if (!kn_block_may_move(pool, b)) {
            continue;
        }
        struct kn_block **place = &from[__builtin_ctz(size)];
        struct kn_block *to = lowest(*place, size, b);
        *place = to ? to : b; /* in use from now on, and not looked at by the walk again */
        if (to) {
            kn_buddy_take(pool, chunk, to, size);
            memcpy(to, b, (size_t)size * KN_GRANULE);
            kn_block_has_moved(pool, to);
            next = kn_block_next(kn_buddy_give(pool, chunk, b));
            moved += (uint64_t)size * KN_GRANULE;
        }
    }
    return moved;
}
