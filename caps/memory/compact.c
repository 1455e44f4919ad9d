/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compaction of a chunk: what may be moved slides down into the free block before it, and the free block comes
 * to lie behind, where it meets the next. One walk from the beginning, and all that is free lies together, but
 * for what is held in place.
 */
#include "caps/memory/memory.h"

#include "base/assert.h"

#include <string.h>

/* Swaps a free block and the used one behind it. Returns the free one. */
static struct kn_block *slide(struct koken_memory *pool, struct kn_chunk *chunk,
                              struct kn_block *gap)
{
    struct kn_block *block = kn_block_next(gap);
    uint32_t gap_size = gap->size, prev = gap->prev, size = block->size;
    KN_ASSERT(!gap->is_used);
    KN_ASSERT(block->is_used);
    kn_bins_remove(pool, gap);
    kn_block_mark(chunk, block, false);
    memmove(gap, block, (size_t)size * KN_GRANULE);
    gap->prev = prev;
    kn_block_has_moved(pool, gap);

    struct kn_block *after = kn_block_plus(gap, size);
    *after = (struct kn_block){.size = gap_size, .prev = size};
    kn_block_mark(chunk, after, true);
    struct kn_block *next = kn_block_next(after);
    if (!next->is_used) {
        kn_bins_remove(pool, next);
        kn_block_mark(chunk, next, false);
        after->size += next->size;
    }
    kn_block_next(after)->prev = after->size;
    kn_bins_insert(pool, after);
    return after;
}

uint64_t kn_compact(struct koken_memory *pool, struct kn_chunk *chunk)
{
    uint64_t moved = 0;
    struct kn_block *block = kn_block_at(chunk, 0);
    while (block->size != 0) { /* ends: each round goes on by a block */
        struct kn_block *next = kn_block_next(block);
        if (!block->is_used && kn_block_may_move(pool, next)) {
            moved += (uint64_t)next->size * KN_GRANULE;
            block = slide(pool, chunk, block);
        } else {
            block = next;
        }
    }
    return moved;
}
