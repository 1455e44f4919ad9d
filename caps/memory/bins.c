/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Free blocks in two levels of bins: the power of two of their size, and sixteen steps between that and the
 * next. A request looks from the first bin whose blocks are all large enough, so the first block met will do: two
 * looks for a bit, no walk. Powers of two, the sizes of buddies, are each the first of their row.
 */
#include "caps/memory/memory.h"

#include "base/assert.h"

static unsigned log_of(uint32_t size)
{
    return 31 - (unsigned)__builtin_clz(size);
}

static unsigned second_of(uint32_t size, unsigned first)
{
    return first >= 4 ? (size >> (first - 4)) & (KN_BINS_SECOND - 1)
                      : (size << (4 - first)) & (KN_BINS_SECOND - 1);
}

void kn_bins_insert(struct koken_memory *pool, struct kn_block *block)
{
    if (!kn_memory_has_bins(pool)) {
        return;
    }
    KN_ASSERT(block->size > 0);
    KN_ASSERT(!block->is_used);
    unsigned first = log_of(block->size), second = second_of(block->size, first);
    struct kn_block **bin = &pool->bins[first][second];
    *kn_block_links(block) = (struct kn_links){*bin, NULL};
    if (*bin) {
        kn_block_links(*bin)->prev = block;
    }
    *bin = block;
    pool->first_map |= UINT32_C(1) << first;
    pool->second_maps[first] |= UINT32_C(1) << second;
}

void kn_bins_remove(struct koken_memory *pool, struct kn_block *block)
{
    if (!kn_memory_has_bins(pool)) {
        return;
    }
    KN_ASSERT(!block->is_used);
    unsigned first = log_of(block->size), second = second_of(block->size, first);
    struct kn_links links = *kn_block_links(block);
    if (links.next) {
        kn_block_links(links.next)->prev = links.prev;
    }
    if (links.prev) {
        kn_block_links(links.prev)->next = links.next;
        return;
    }
    KN_ASSERT(pool->bins[first][second] == block);
    pool->bins[first][second] = links.next;
    if (!links.next) {
        pool->second_maps[first] &= ~(UINT32_C(1) << second);
        if (pool->second_maps[first] == 0) {
            pool->first_map &= ~(UINT32_C(1) << first);
        }
    }
}

struct kn_block *kn_bins_find(struct koken_memory *pool, uint32_t size)
{
    KN_ASSERT(size > 0);
    KN_ASSERT(kn_memory_has_bins(pool));
    unsigned first = log_of(size);
    struct kn_block *near = pool->bins[first][second_of(size, first)];
    if (near && near->size >= size) {
        return near; /* not all of this bin are large enough, but the first is */
    }
    if (first >= 4) { /* up to the beginning of a bin */
        uint32_t step = UINT32_C(1) << (first - 4);
        if (size > UINT32_MAX - step) {
            return NULL;
        }
        size = (size + step - 1) & ~(step - 1);
        first = log_of(size);
    }
    uint32_t map = pool->second_maps[first] & (UINT32_MAX << second_of(size, first));
    if (map == 0) {
        uint32_t above = first < 31 ? pool->first_map & (UINT32_MAX << (first + 1)) : 0;
        if (above == 0) {
            return NULL;
        }
        first = (unsigned)__builtin_ctz(above);
        map = pool->second_maps[first];
    }
    KN_ASSERT(map != 0);
    return pool->bins[first][__builtin_ctz(map)];
}
