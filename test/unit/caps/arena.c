/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that a mark is gone back to exactly, that memory is used again, and that alignments hold. */
#include <koken/arena.h>

#include "base/alloc.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct koken_arena *make(size_t chunk_size)
{
    struct koken_arena *arena;
    cr_assert_eq(koken_arena_new(chunk_size, &arena), 0);
    return arena;
}

Test(arena, a_mark_is_gone_back_to_exactly)
{
    struct koken_arena *arena = make(256);
    char *kept = koken_arena_alloc(arena, 100);
    memset(kept, 'k', 100);
    struct koken_arena_mark mark = koken_arena_mark_here(arena);
    struct koken_arena_stats before = koken_arena_stats_get(arena);
    char *first = koken_arena_alloc(arena, 64);
    struct koken_arena_mark later = koken_arena_mark_here(arena);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 50; i++) { /* over several chunks */
            memset(koken_arena_alloc(arena, 100), 'x', 100);
        }
        cr_assert_eq(koken_arena_rewind(arena, mark), 0);
        cr_assert_eq(koken_arena_stats_get(arena).given, before.given);
        cr_assert_eq((char *)koken_arena_alloc(arena, 64), first, "the same place again");
    }
    uint64_t chunks = koken_arena_stats_get(arena).chunks;
    cr_assert_leq(chunks, 256 * 40);
    cr_assert_eq(koken_arena_rewind(arena, mark), 0);
    cr_assert_eq(koken_arena_rewind(arena, mark), 0, "a mark may be used again");
    cr_assert_eq(koken_arena_rewind(arena, later), -EINVAL, "it lies ahead");
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(kept[i], 'k');
    }
    koken_arena_free(arena);
}

Test(arena, reset_uses_the_memory_again)
{
    struct koken_arena *arena = make(1000);
    struct koken_arena_mark empty = koken_arena_mark_here(arena);
    void *first = koken_arena_alloc(arena, 10);
    for (int i = 0; i < 100; i++) {
        cr_assert_not_null(koken_arena_alloc(arena, 90));
    }
    uint64_t chunks = koken_arena_stats_get(arena).chunks;
    for (int round = 0; round < 10; round++) {
        koken_arena_reset(arena);
        cr_assert_eq(koken_arena_alloc(arena, 10), first);
        for (int i = 0; i < 100; i++) {
            cr_assert_not_null(koken_arena_alloc(arena, 90));
        }
    }
    cr_assert_eq(koken_arena_stats_get(arena).chunks, chunks);
    cr_assert_eq(koken_arena_rewind(arena, empty), 0);
    cr_assert_eq(koken_arena_stats_get(arena).given, 0);
    cr_assert_eq(koken_arena_alloc(arena, 10), first);
    koken_arena_free(arena);
}

Test(arena, alignments_and_large_pieces)
{
    struct koken_arena *arena = make(0);
    for (size_t align = 1; align <= 4096; align *= 2) {
        for (size_t size = 1; size < 40; size += 7) {
            void *memory = koken_arena_alloc_aligned(arena, size, align);
            cr_assert_eq((uintptr_t)memory % align, 0);
            memset(memory, 1, size);
        }
        cr_assert_eq((uintptr_t)koken_arena_alloc(arena, 24) % 16, 0);
    }
    memset(koken_arena_alloc_aligned(arena, 1 << 20, 4096), 1, 1 << 20);
    koken_arena_reset(arena);
    cr_assert_not_null(koken_arena_alloc(arena, 1 << 21), "a chunk too small is kept for later");
    koken_arena_free(arena);
}

Test(arena, bad_input)
{
    struct koken_arena *arena = make(0), *other = make(0);
    cr_assert_eq(koken_arena_new(0, NULL), -EINVAL);
    cr_assert_eq(koken_arena_new(SIZE_MAX, &other), -EINVAL);
    cr_assert_null(koken_arena_alloc(arena, 0));
    cr_assert_null(koken_arena_alloc(NULL, 1));
    cr_assert_null(koken_arena_alloc(arena, SIZE_MAX));
    cr_assert_null(koken_arena_alloc_aligned(arena, 1, 3));
    cr_assert_null(koken_arena_alloc_aligned(arena, 1, 8192));
    cr_assert_not_null(koken_arena_alloc(arena, 1));
    cr_assert_not_null(koken_arena_alloc(other, 1));
    cr_assert_eq(koken_arena_rewind(arena, koken_arena_mark_here(other)), -EINVAL);
    cr_assert_eq(koken_arena_rewind(NULL, koken_arena_mark_here(other)), -EINVAL);
    cr_assert_eq(koken_arena_stats_get(NULL).given, 0);
    koken_arena_reset(NULL);
    koken_arena_free(NULL);
#ifdef KN_DEBUG
    struct koken_arena *none;
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_arena_new(0, &none), -ENOMEM);
    struct koken_arena_stats before = koken_arena_stats_get(arena);
    kn_alloc_fail_after(0);
    cr_assert_null(koken_arena_alloc(arena, 1 << 20));
    kn_alloc_fail_after(UINT64_MAX);
    cr_assert_eq(koken_arena_stats_get(arena).given, before.given);
    cr_assert_not_null(koken_arena_alloc(arena, 1));
#endif
    koken_arena_free(arena);
    koken_arena_free(other);
}
