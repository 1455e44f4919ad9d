/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An arena: memory that is given out piece by piece and taken back all at once, or back to a mark.
 *
 *     struct koken_arena_mark mark = koken_arena_mark_here(arena);
 *     char *text = koken_arena_alloc(arena, 100);
 *     rc = koken_arena_rewind(arena, mark);          text is gone, all before the mark is there
 *
 *                alloc  mark  rewind  reset        X: needs exclusion: an arena is one thread's at a time
 *     any          X      X      X      X          Progress: wait-free but for a chunk from the allocator
 */
#ifndef KOKEN_ARENA_H
#define KOKEN_ARENA_H

#include <koken/error.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_arena;

/* A place in an arena. */
struct koken_arena_mark {
    void *chunk_; /* nobody's business */
    size_t used_;
    uint64_t given_;
};

/* koken_arena_new makes an empty arena whose chunks have that size, 0: 64 KiB. Errors: -EINVAL, -ENOMEM. */
KOKEN_MUST_USE int koken_arena_new(size_t chunk_size, struct koken_arena **ret_arena);

/* koken_arena_free frees an arena with all that it gave. NULL is accepted. */
void koken_arena_free(struct koken_arena *arena);

/*
 * koken_arena_alloc gives size bytes, aligned to 16, uninitialised. NULL: no memory, or size is 0. Cost: an
 * addition; an allocation when the chunk is full. A piece larger than a chunk gets a chunk of its own.
 */
void *koken_arena_alloc(struct koken_arena *arena, size_t size);

/* koken_arena_alloc_aligned is the same for another alignment: a power of two, at most 4096; else NULL. */
void *koken_arena_alloc_aligned(struct koken_arena *arena, size_t size, size_t align);

/* koken_arena_mark_here marks what has been given out so far. */
struct koken_arena_mark koken_arena_mark_here(const struct koken_arena *arena);

/*
 * koken_arena_rewind takes back exactly what was given out after the mark; its chunks are kept for later. Errors:
 * -EINVAL the arena has been rewound to before the mark, or it is another's.
 */
KOKEN_MUST_USE int koken_arena_rewind(struct koken_arena *arena, struct koken_arena_mark mark);

/* koken_arena_reset takes back everything, and keeps the chunks for later. */
void koken_arena_reset(struct koken_arena *arena);

/* What an arena has. */
struct koken_arena_stats {
    uint64_t given;  /* bytes given out and not taken back, with what alignment has added */
    uint64_t chunks; /* bytes of all chunks */
};

/* koken_arena_stats_get: see there. */
struct koken_arena_stats koken_arena_stats_get(const struct koken_arena *arena);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
