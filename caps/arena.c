/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arena: a list of chunks, of which those up to the current one are in use. Rewinding makes an older one the
 * current one; those behind it stay in the list and are used again if they are large enough.
 */
#include <koken/arena.h>

#include "base/align.h"
#include "base/alloc.h"
#include "base/assert.h"

#include <errno.h>
#include <stdbool.h>

enum { CHUNK_DEFAULT = 64 * 1024, CHUNK_MIN = 256, ALIGN = 16, ALIGN_MAX = 4096 };
#define CHUNK_MAX ((size_t)1 << 40)

struct chunk {
    struct chunk *next;
    size_t size, used;
    KN_ALIGNED(ALIGN) unsigned char bytes[];
};

struct koken_arena {
    struct chunk *first, *current;
    size_t chunk_size;
    uint64_t given;
};

int koken_arena_new(size_t chunk_size, struct koken_arena **ret_arena)
{
    if (!ret_arena || chunk_size > CHUNK_MAX) {
        return -EINVAL;
    }
    struct koken_arena *arena = kn_alloc(sizeof *arena, _Alignof(struct koken_arena), -1);
    if (!arena) {
        return -ENOMEM;
    }
    chunk_size = chunk_size ? chunk_size : CHUNK_DEFAULT;
    *arena = (struct koken_arena){.chunk_size = chunk_size < CHUNK_MIN ? CHUNK_MIN : chunk_size};
    *ret_arena = arena;
    return 0;
}

void koken_arena_free(struct koken_arena *arena)
{
    if (arena) {
        struct chunk *next;
        for (struct chunk *chunk = arena->first; chunk; chunk = next) {
            next = chunk->next;
            kn_free(chunk, sizeof *chunk + chunk->size, KN_CACHE_LINE);
        }
        kn_free(arena, sizeof *arena, _Alignof(struct koken_arena));
    }
}

/* How many bytes come before an aligned piece at the chunk's end. */
static size_t padding(const struct chunk *chunk, size_t align)
{
    KN_ASSERT(chunk->used <= chunk->size);
    uintptr_t at = (uintptr_t)chunk->bytes + chunk->used;
    return (size_t)(-at & (align - 1));
}

static bool has_room(const struct chunk *chunk, size_t size, size_t align)
{
    size_t pad = padding(chunk, align), left = chunk->size - chunk->used;
    return pad <= left && size <= left - pad;
}

/* The next chunk with room, kept from earlier or new, is made the current one. */
static bool go_on(struct koken_arena *arena, size_t size, size_t align)
{
    struct chunk **at = arena->current ? &arena->current->next : &arena->first;
    if (*at) {
        (*at)->used = 0;
    }
    if (!*at || !has_room(*at, size, align)) {
        size_t room = size + align > arena->chunk_size ? size + align : arena->chunk_size;
        struct chunk *chunk = kn_alloc(sizeof *chunk + room, KN_CACHE_LINE, -1);
        if (!chunk) {
            return false;
        }
        *chunk =
            (struct chunk){.next = *at, .size = room}; /* the smaller one behind it serves later */
        *at = chunk;
    }
    KN_ASSERT(has_room(*at, size, align));
    arena->current = *at;
    return true;
}

void *koken_arena_alloc_aligned(struct koken_arena *arena, size_t size, size_t align)
{
    if (!arena || size == 0 || size > CHUNK_MAX || align == 0 || align > ALIGN_MAX ||
        (align & (align - 1)) != 0) {
        return NULL;
    }
    if ((!arena->current || !has_room(arena->current, size, align)) && !go_on(arena, size, align)) {
        return NULL;
    }
    struct chunk *chunk = arena->current;
    size_t pad = padding(chunk, align);
    void *memory = chunk->bytes + chunk->used + pad;
    KN_ASSERT((uintptr_t)memory % align == 0);
    chunk->used += pad + size;
    arena->given += pad + size;
    KN_ASSERT(chunk->used <= chunk->size);
    return memory;
}

void *koken_arena_alloc(struct koken_arena *arena, size_t size)
{
    return koken_arena_alloc_aligned(arena, size, ALIGN);
}

struct koken_arena_mark koken_arena_mark_here(const struct koken_arena *arena)
{
    struct koken_arena_mark mark = {0};
    if (arena && arena->current) {
        mark.chunk_ = arena->current;
        mark.used_ = arena->current->used;
        mark.given_ = arena->given;
    }
    return mark;
}

int koken_arena_rewind(struct koken_arena *arena, struct koken_arena_mark mark)
{
    if (!arena || mark.given_ > arena->given) {
        return -EINVAL;
    }
    struct chunk *chunk = mark.chunk_ ? arena->first : NULL;
    while (chunk && chunk != mark.chunk_ && chunk != arena->current) { /* ends at the current one */
        chunk = chunk->next;
    }
    if (mark.chunk_ && (chunk != mark.chunk_ || mark.used_ > chunk->used)) {
        return -EINVAL;
    }
    if (chunk) {
        chunk->used = mark.used_;
    }
    KN_ASSERT(chunk == NULL || mark.used_ <= chunk->size);
    arena->current = chunk;
    arena->given = mark.given_;
    return 0;
}

void koken_arena_reset(struct koken_arena *arena)
{
    if (arena) {
        arena->current = NULL;
        arena->given = 0;
    }
}

struct koken_arena_stats koken_arena_stats_get(const struct koken_arena *arena)
{
    struct koken_arena_stats stats = {0};
    if (arena) {
        stats.given = arena->given;
        for (const struct chunk *chunk = arena->first; chunk; chunk = chunk->next) {
            stats.chunks += chunk->size;
        }
    }
    return stats;
}
