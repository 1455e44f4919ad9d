/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pool is made of. A chunk is a row of blocks without gaps; a block begins with its size and the size
 * of the one before it, in granules of 16 bytes, so that both neighbours are found. A block of size 0, in use,
 * ends the row. Beside the chunk is a bit per granule that says where blocks begin: so a pointer that is not a
 * block's is known before anything at it is read.
 *
 * Two free blocks are never neighbours (buddies, with KOKEN_FIT_BUDDY). Free blocks of TLSF and buddy are in the
 * list of their bin, linked through their own memory; the others find them by walking.
 */
#ifndef KN_CAPS_MEMORY_MEMORY_H
#define KN_CAPS_MEMORY_MEMORY_H

#include <koken/memory.h>

#include <pthread.h>

enum {
    KN_GRANULE = 16,
    KN_BLOCK_MIN = 2, /* granules: the header, and the links of a free one */
    KN_BINS_FIRST = 32,
    KN_BINS_SECOND = 16, /* bins for each power of two */
};

struct kn_block {
    uint32_t size; /* granules, with this header; 0: the end */
    uint32_t prev; /* size of the block before; 0: none. Not kept with KOKEN_FIT_BUDDY */
    uint32_t is_used;
    uint32_t movable; /* index + 1 in the table, 0: stays where it is */
};

struct kn_links { /* behind the header of a free block */
    struct kn_block *next, *prev;
};

struct kn_chunk {
    struct kn_chunk *next;
    unsigned char *base;
    uint64_t *starts;  /* a bit per granule */
    uint32_t granules; /* without the end */
};

struct kn_place {           /* of movable memory */
    struct kn_block *block; /* NULL: the entry is free */
    uint32_t generation, pins;
    uint32_t next_free; /* index + 1 */
};

/* (m) the lock  (c) const */
struct koken_memory {
    pthread_mutex_t lock;                                 /* rank 30, the heap is locked inside */
    struct koken_memory_options options;                  /* (c) */
    struct kn_chunk *chunks;                              /* (m), newest last */
    uint64_t size;                                        /* (m) bytes of all chunks */
    struct kn_block *rover;                               /* (m) KOKEN_FIT_NEXT: a block, or NULL */
    struct kn_chunk *rover_chunk;                         /* (m) its chunk */
    struct kn_block *bins[KN_BINS_FIRST][KN_BINS_SECOND]; /* (m) TLSF, buddy */
    uint32_t first_map, second_maps[KN_BINS_FIRST];       /* (m) which bins have something */
    struct kn_place *places;                              /* (m) */
    uint32_t place_count, place_free;                     /* (m) */
    uint32_t releases;                                    /* (m) since the last look */
    uint64_t moved, defrags;                              /* (m) */
};

static inline struct kn_block *kn_block_at(const struct kn_chunk *chunk, size_t granule)
{
    return (struct kn_block *)(void *)(chunk->base + granule * KN_GRANULE);
}

static inline struct kn_block *kn_block_plus(struct kn_block *block, size_t granules)
{
    return (struct kn_block *)(void *)((unsigned char *)block + granules * KN_GRANULE);
}

static inline struct kn_block *kn_block_next(struct kn_block *block)
{
    return kn_block_plus(block, block->size);
}

static inline size_t kn_block_index(const struct kn_chunk *chunk, const struct kn_block *block)
{
    return (size_t)((const unsigned char *)block - chunk->base) / KN_GRANULE;
}

static inline void kn_block_mark(struct kn_chunk *chunk, const struct kn_block *block,
                                 bool is_start)
{
    size_t i = kn_block_index(chunk, block);
    uint64_t bit = UINT64_C(1) << i % 64;
    chunk->starts[i / 64] = is_start ? chunk->starts[i / 64] | bit : chunk->starts[i / 64] & ~bit;
}

static inline struct kn_links *kn_block_links(struct kn_block *block)
{
    return (struct kn_links *)(void *)(block + 1);
}

static inline bool kn_memory_has_bins(const struct koken_memory *pool)
{
    return pool->options.strategy == KOKEN_FIT_TLSF || pool->options.strategy == KOKEN_FIT_BUDDY;
}

/* The bins (bins.c); nothing with the strategies that walk. */
void kn_bins_insert(struct koken_memory *pool, struct kn_block *block);
void kn_bins_remove(struct koken_memory *pool, struct kn_block *block);
struct kn_block *kn_bins_find(struct koken_memory *pool, uint32_t size);

/* The strategies that walk (fit.c). *ret_chunk is the chunk of what is found. */
struct kn_block *kn_fit_find(struct koken_memory *pool, uint32_t size, struct kn_chunk **ret_chunk);

/* Takes size granules off the beginning of a free block (block.c). */
void kn_block_take(struct koken_memory *pool, struct kn_chunk *chunk, struct kn_block *block,
                   uint32_t size);

/* Makes a used block free, joined with its free neighbours. */
void kn_block_give(struct koken_memory *pool, struct kn_chunk *chunk, struct kn_block *block);

/* The same as halves (buddy.c); give answers the free block that it has become part of. */
void kn_buddy_take(struct koken_memory *pool, struct kn_chunk *chunk, struct kn_block *block,
                   uint32_t size);
struct kn_block *kn_buddy_give(struct koken_memory *pool, struct kn_chunk *chunk,
                               struct kn_block *block);

/* Of one chunk, under the lock (compact.c, buddy.c): bytes moved. */
uint64_t kn_compact(struct koken_memory *pool, struct kn_chunk *chunk);
uint64_t kn_buddy_compact(struct koken_memory *pool, struct kn_chunk *chunk);

/* The table of what may be moved (movable.c), under the lock. */
bool kn_block_may_move(const struct koken_memory *pool, const struct kn_block *block);
void kn_block_has_moved(struct koken_memory *pool, struct kn_block *block);

/* Under the lock (memory.c): a block, used, or NULL; the chunk of an address, or NULL; all chunks made whole. */
struct kn_block *kn_memory_get(struct koken_memory *pool, size_t size);
void kn_memory_put(struct koken_memory *pool, struct kn_block *block);
void kn_memory_defrag(struct koken_memory *pool);

#endif
