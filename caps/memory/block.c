/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of any size: splitting, and joining free neighbours by the sizes at both ends. */
#include "caps/memory/memory.h"

#include "base/assert.h"

void kn_block_take(struct koken_memory *pool, struct kn_chunk *chunk, struct kn_block *block,
                   uint32_t size)
{
    KN_ASSERT(!block->is_used);
    KN_ASSERT(block->size >= size);
    kn_bins_remove(pool, block);
    if (block->size - size >= KN_BLOCK_MIN) {
        struct kn_block *rest = kn_block_plus(block, size);
        *rest = (struct kn_block){.size = block->size - size, .prev = size};
        kn_block_next(rest)->prev = rest->size;
        kn_block_mark(chunk, rest, true);
        kn_bins_insert(pool, rest);
        block->size = size;
    }
    block->is_used = 1;
    block->movable = 0;
    KN_ASSERT(kn_block_next(block)->prev == block->size);
}

/* Nothing may begin a search in the middle of a block. */
static void forget(struct koken_memory *pool, struct kn_chunk *chunk, struct kn_block *gone,
                   struct kn_block *into)
{
    kn_block_mark(chunk, gone, false);
    if (pool->rover == gone) {
        pool->rover = into;
    }
}

void kn_block_give(struct koken_memory *pool, struct kn_chunk *chunk, struct kn_block *block)
{
    struct kn_block *next = kn_block_next(block);
    KN_ASSERT(block->is_used);
    block->is_used = 0;
    block->movable = 0;
    if (!next->is_used) {
        kn_bins_remove(pool, next);
        block->size += next->size;
        forget(pool, chunk, next, block);
    }
    if (block->prev != 0) {
        struct kn_block *before =
            (struct kn_block *)(void *)((unsigned char *)block - (size_t)block->prev * KN_GRANULE);
        KN_ASSERT(before->size == block->prev);
        if (!before->is_used) {
            kn_bins_remove(pool, before);
            before->size += block->size;
            forget(pool, chunk, block, before);
            block = before;
        }
    }
    KN_ASSERT(!block->is_used);
    kn_block_next(block)->prev = block->size;
    kn_bins_insert(pool, block);
}
