/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves which place each strategy takes, that free neighbours become one, that a wrong release is refused in
 * every state, that what is moved keeps its data, and that long random use breaks nothing.
 */
#include "caps/memory/memory.h"

#include "base/alloc.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

enum { KIB = 1024 };

static struct koken_memory *make(struct koken_memory_options o)
{
    struct koken_memory *pool;
    cr_assert_eq(koken_memory_new(&o, &pool), 0);
    return pool;
}

static struct koken_memory_stats stats_of(struct koken_memory *pool)
{
    struct koken_memory_stats stats;
    cr_assert_eq(koken_memory_stats_get(pool, &stats), 0);
    return stats;
}

/* Rows of blocks without gaps, sums, marks, and no free neighbours. */
static void check(struct koken_memory *pool)
{
    bool is_buddy = pool->options.strategy == KOKEN_FIT_BUDDY;
    for (struct kn_chunk *chunk = pool->chunks; chunk; chunk = chunk->next) {
        uint32_t before = 0, marks = 0, blocks = 0;
        bool was_free = false;
        struct kn_block *b = kn_block_at(chunk, 0);
        for (; b->size != 0; b = kn_block_next(b)) {
            size_t i = kn_block_index(chunk, b);
            cr_assert(chunk->starts[i / 64] >> i % 64 & 1);
            cr_assert(is_buddy || b->prev == before);
            cr_assert(is_buddy || !was_free || b->is_used, "free neighbours");
            cr_assert(!is_buddy || i % b->size == 0);
            was_free = !b->is_used;
            before = b->size;
            blocks++;
        }
        cr_assert_eq(b, kn_block_at(chunk, chunk->granules));
        for (uint32_t i = 0; i <= chunk->granules / 64; i++) {
            marks += (uint32_t)__builtin_popcountll(chunk->starts[i]);
        }
        cr_assert_eq(marks, blocks);
    }
}

/* Holes of 64 and 48 KiB, in this order, and nothing else free; 40 KiB are asked for. */
static void holes(enum koken_fit strategy, int expected)
{
    struct koken_memory *pool = make((struct koken_memory_options){
        .strategy = strategy, .chunk_size = 256 * KIB, .limit = 256 * KIB});
    void *hole[2], *between[2];
    hole[0] = koken_memory_alloc(pool, 64 * KIB);
    between[0] = koken_memory_alloc(pool, 1000);
    hole[1] = koken_memory_alloc(pool, 48 * KIB);
    between[1] = koken_memory_alloc(pool, 1000);
    struct koken_memory_stats stats = stats_of(pool);
    void *rest = koken_memory_alloc(pool, (size_t)stats.free - KN_GRANULE);
    cr_assert_not_null(rest);
    cr_assert_eq(stats_of(pool).free, 0);
    cr_assert_null(koken_memory_alloc(pool, 1), "the limit");
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(koken_memory_release(pool, hole[i]), 0);
    }
    stats = stats_of(pool);
    cr_assert_eq(stats.free, 112 * KIB + 2 * KN_GRANULE);
    cr_assert_eq(stats.largest_free, 64 * KIB + KN_GRANULE);
    cr_assert_float_eq(stats.fragmentation, 1 - 64.0 / 112, 0.001);
    void *got = koken_memory_alloc(pool, 40 * KIB);
    cr_assert_eq(got, hole[expected]);
    check(pool);
    cr_assert_eq(koken_memory_release(pool, got), 0);
    cr_assert_eq(koken_memory_release(pool, rest), 0);
    cr_assert_eq(koken_memory_release(pool, between[0]), 0);
    cr_assert_eq(koken_memory_release(pool, between[1]), 0);
    stats = stats_of(pool);
    cr_assert_eq(stats.free, stats.largest_free, "free neighbours are one");
    cr_assert_eq(stats.free, 256 * KIB);
    cr_assert_float_eq(stats.fragmentation, 0, 0.0001);
    koken_memory_free(pool);
}

Test(memory, first_fit_takes_the_first)
{
    holes(KOKEN_FIT_FIRST, 0);
}

Test(memory, best_fit_takes_the_smaller)
{
    holes(KOKEN_FIT_BEST, 1);
}

Test(memory, worst_fit_takes_the_larger)
{
    holes(KOKEN_FIT_WORST, 0);
}

Test(memory, tlsf_takes_one_hardly_larger)
{
    holes(KOKEN_FIT_TLSF, 1);
}

Test(memory, next_fit_goes_on_from_the_last_place)
{
    struct koken_memory *pool = make((struct koken_memory_options){
        .strategy = KOKEN_FIT_NEXT, .chunk_size = 64 * KIB, .limit = 64 * KIB});
    void *a = koken_memory_alloc(pool, 1000), *b = koken_memory_alloc(pool, 1000);
    cr_assert_eq(koken_memory_release(pool, a), 0);
    void *c = koken_memory_alloc(pool, 1000);
    cr_assert_gt((char *)c, (char *)b, "not the hole before");
    void *rest = koken_memory_alloc(pool, (size_t)stats_of(pool).largest_free - KN_GRANULE);
    cr_assert_not_null(rest);
    cr_assert_eq(koken_memory_alloc(pool, 900), a, "round to the beginning");
    check(pool);
    koken_memory_free(pool);
}

Test(memory, buddies_are_powers_of_two_and_join_again)
{
    struct koken_memory *pool = make((struct koken_memory_options){
        .strategy = KOKEN_FIT_BUDDY, .chunk_size = 60 * KIB, .limit = 64 * KIB});
    void *a = koken_memory_alloc(pool, 1000), *b = koken_memory_alloc(pool, 1000);
    cr_assert_eq((char *)b - (char *)a, 1024);
    cr_assert_eq(stats_of(pool).used, 2048);
    void *c = koken_memory_alloc(pool, 3000);
    cr_assert_eq((char *)c - (char *)a, 4096);
    check(pool);
    cr_assert_eq(koken_memory_release(pool, a), 0);
    cr_assert_eq(koken_memory_release(pool, c), 0);
    check(pool);
    cr_assert_eq(koken_memory_release(pool, b), 0);
    cr_assert_eq(stats_of(pool).largest_free, 64 * KIB);
    cr_assert_eq(stats_of(pool).blocks_free, 1);
    koken_memory_free(pool);
}

Test(memory, a_wrong_release_is_refused_in_every_state)
{
    for (enum koken_fit strategy = 0; strategy < KOKEN_FIT_COUNT_; strategy++) {
        struct koken_memory *pool = make((struct koken_memory_options){
            .strategy = strategy, .chunk_size = 4 * KIB, .limit = 4 * KIB});
        struct koken_memory *other = make((struct koken_memory_options){0});
        void *foreign = koken_memory_alloc(other, 24), *blocks[64];
        int local = 0, count = 0;
        for (void *p; count < 64 && (p = koken_memory_alloc(pool, 24)) != NULL; count++) {
            blocks[count] = p;
            cr_assert_eq((uintptr_t)p % 16, 0);
            cr_assert_eq(koken_memory_release(pool, foreign), -EINVAL);
            cr_assert_eq(koken_memory_release(pool, &local), -EINVAL);
            cr_assert_eq(koken_memory_release(pool, (char *)p + 16), -EINVAL, "interior");
            cr_assert_eq(koken_memory_release(pool, (char *)p + 1), -EINVAL);
        }
        for (int i = 0; i < count; i++) {
            cr_assert_eq(koken_memory_release(pool, blocks[i]), 0);
            for (int k = 0; k <= i; k++) {
                cr_assert_eq(koken_memory_release(pool, blocks[k]), -EINVAL, "released already");
            }
        }
        cr_assert_eq(stats_of(pool).used, 0);
        check(pool);
        koken_memory_free(pool);
        koken_memory_free(other);
    }
}

Test(memory, defragmentation_moves_and_keeps_the_data)
{
    for (enum koken_fit strategy = 0; strategy < KOKEN_FIT_COUNT_; strategy++) {
        enum { COUNT = 32 };
        koken_movable movable[COUNT];
        struct koken_memory *pool = make((struct koken_memory_options){
            .strategy = strategy, .chunk_size = 64 * KIB, .limit = 64 * KIB});
        for (unsigned i = 0; i < COUNT; i++) {
            cr_assert_eq(koken_memory_movable(pool, 1000, &movable[i]), 0);
            memset(koken_memory_pin(pool, movable[i]), (int)i, 1000);
            cr_assert_eq(koken_memory_unpin(pool, movable[i]), 0);
        }
        for (unsigned i = 0; i < COUNT; i += 2) {
            cr_assert_eq(koken_memory_discard(pool, movable[i]), 0);
            cr_assert_null(koken_memory_pin(pool, movable[i]), "an old handle");
            cr_assert_eq(koken_memory_discard(pool, movable[i]), -EINVAL);
        }
        unsigned char *pinned = koken_memory_pin(pool, movable[1]);
        double before = stats_of(pool).fragmentation;
        cr_assert_gt(koken_memory_defrag(pool), 0);
        check(pool);
        double after = stats_of(pool).fragmentation; /* buddies may already have the best */
        cr_assert(strategy == KOKEN_FIT_BUDDY ? after <= before : after < before);
        cr_assert_eq(koken_memory_discard(pool, movable[1]), -EBUSY);
        cr_assert_eq(pinned[999], 1, "what is pinned stays");
        cr_assert_eq(koken_memory_pin(pool, movable[1]), (void *)pinned);
        for (unsigned i = 1; i < COUNT; i += 2) {
            unsigned char *data = koken_memory_pin(pool, movable[i]);
            cr_assert_eq(koken_memory_release(pool, data), -EINVAL, "it is movable");
            for (int k = 0; k < 1000; k++) {
                cr_assert_eq(data[k], i);
            }
        }
        koken_memory_free(pool);
    }
}

/* Sixteen of 64 blocks stay, every fourth: they fit in a quarter, and one half is whole afterwards. */
Test(memory, defragmentation_makes_buddies_whole)
{
    enum { COUNT = 64 };
    koken_movable movable[COUNT];
    struct koken_memory *pool = make((struct koken_memory_options){
        .strategy = KOKEN_FIT_BUDDY, .chunk_size = 64 * KIB, .limit = 64 * KIB});
    for (unsigned i = 0; i < COUNT; i++) {
        cr_assert_eq(koken_memory_movable(pool, i % 16 ? 1000 : 500, &movable[i]), 0);
        memset(koken_memory_pin(pool, movable[i]), (int)i, 500);
        cr_assert_eq(koken_memory_unpin(pool, movable[i]), 0);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        cr_assert(i % 4 == 3 || koken_memory_discard(pool, movable[i]) == 0);
    }
    cr_assert_lt(stats_of(pool).largest_free, 32 * KIB);
    cr_assert_eq(koken_memory_defrag(pool), 16 * KIB);
    check(pool);
    cr_assert_eq(stats_of(pool).largest_free, 32 * KIB);
    cr_assert_eq(koken_memory_defrag(pool), 0, "nothing is left to do");
    for (unsigned i = 3; i < COUNT; i += 4) {
        unsigned char *data = koken_memory_pin(pool, movable[i]);
        cr_assert(data[0] == i && data[499] == i);
    }
    koken_memory_free(pool);
}

Test(memory, a_request_that_finds_no_place_makes_one)
{
    struct koken_memory *pool = make((struct koken_memory_options){.strategy = KOKEN_FIT_BEST,
                                                                   .auto_defrag = true,
                                                                   .chunk_size = 64 * KIB,
                                                                   .limit = 64 * KIB});
    koken_movable movable[63];
    for (int i = 0; i < 63; i++) {
        cr_assert_eq(koken_memory_movable(pool, 1000, &movable[i]), 0);
    }
    for (int i = 0; i < 63; i += 2) {
        cr_assert_eq(koken_memory_discard(pool, movable[i]), 0);
    }
    void *buffer = koken_memory_alloc(pool, 30000);
    cr_assert_not_null(buffer);
    cr_assert_geq(stats_of(pool).defrags, 1);
    cr_assert_eq(koken_memory_release(pool, buffer), 0);
    check(pool);
    koken_memory_free(pool);
}

Test(memory, a_limit_is_used_to_its_end)
{
    for (unsigned s = 0; s < KOKEN_FIT_COUNT_; s++) {
        struct koken_memory *pool = make((struct koken_memory_options){
            .strategy = (enum koken_fit)s, .limit = 96 * KIB}); /* less than a chunk */
        cr_assert_not_null(koken_memory_alloc(pool, 1000));
        cr_assert_null(koken_memory_alloc(pool, 96 * KIB));
        while (koken_memory_alloc(pool, 1000)) { /* ends: the limit */
        }
        struct koken_memory_stats stats = stats_of(pool);
        cr_assert_leq(stats.used + stats.free, 96 * KIB);
        cr_assert_geq(stats.used, 94 * KIB);
        check(pool);
        koken_memory_free(pool);
        pool = make((struct koken_memory_options){.strategy = (enum koken_fit)s, .limit = 1});
        cr_assert_null(koken_memory_alloc(pool, 1));
        koken_memory_free(pool);
    }
}

Test(memory, the_document_s_example)
{
    struct koken_memory *pool =
        make((struct koken_memory_options){.strategy = KOKEN_FIT_BEST, .auto_defrag = true});
    void *buffer = koken_memory_alloc(pool, 32768);
    cr_assert_not_null(buffer);
    cr_assert_eq(koken_memory_release(pool, buffer), 0);
    void *large = koken_memory_alloc(pool, 5 << 20);
    cr_assert_not_null(large, "more than a chunk");
    cr_assert_eq(stats_of(pool).chunks, 2);
    cr_assert_eq(koken_memory_release(pool, large), 0);
    cr_assert_eq(koken_memory_defrag(pool), 0);
    cr_assert_eq(stats_of(pool).chunks, 1, "an empty chunk goes back");
    koken_memory_free(pool);
}

static void use_long(enum koken_fit strategy)
{
    enum { SLOTS = 64, ROUNDS = 4000 };
    struct {
        unsigned char *memory;
        koken_movable movable;
        size_t size;
        unsigned char value;
    } slots[SLOTS] = {0};
    struct koken_memory *pool = make((struct koken_memory_options){
        .strategy = strategy, .chunk_size = 32 * KIB, .auto_defrag = true});
    uint64_t state = 7 + strategy;
    for (int round = 0; round < ROUNDS; round++) {
        unsigned i = (unsigned)(kn_random(&state) % SLOTS);
        bool moves = i % 2 == 1;
        if (slots[i].size == 0) {
            size_t size = 1 + (size_t)(kn_random(&state) % 3000);
            unsigned char *memory = moves ? NULL : koken_memory_alloc(pool, size);
            if (moves) {
                cr_assert_eq(koken_memory_movable(pool, size, &slots[i].movable), 0);
                memory = koken_memory_pin(pool, slots[i].movable);
            }
            cr_assert_not_null(memory);
            slots[i].memory = memory;
            slots[i].size = size;
            slots[i].value = (unsigned char)round;
            memset(memory, slots[i].value, size);
            cr_assert_eq(moves ? koken_memory_unpin(pool, slots[i].movable) : 0, 0);
        } else {
            unsigned char *memory =
                moves ? koken_memory_pin(pool, slots[i].movable) : slots[i].memory;
            for (size_t k = 0; k < slots[i].size; k++) {
                cr_assert_eq(memory[k], slots[i].value);
            }
            cr_assert_eq(moves ? koken_memory_unpin(pool, slots[i].movable) : 0, 0);
            cr_assert_eq(moves ? koken_memory_discard(pool, slots[i].movable)
                               : koken_memory_release(pool, memory),
                         0);
            slots[i].size = 0;
        }
        if (round % 100 == 0) {
            check(pool);
        }
    }
    koken_memory_free(pool);
}

Test(memory, long_use_breaks_nothing)
{
    for (enum koken_fit strategy = 0; strategy < KOKEN_FIT_COUNT_; strategy++) {
        use_long(strategy);
    }
}

#ifdef KN_DEBUG
enum { THREADS = 8, EACH = 5000, HELD = 16 };
#else
enum { THREADS = 8, EACH = 125000, HELD = 16 };
#endif

/* Holds sixteen blocks at a time, each full of a number of its own: who had one of them too would have spoilt it. */
static void work(void *arg)
{
    struct koken_memory *pool = arg;
    uint64_t *held[HELD] = {NULL};
    uint64_t me = (uint64_t)(uintptr_t)held;
    for (uint64_t i = 0; i < EACH + HELD; i++) {
        uint64_t **mine = &held[i % HELD];
        for (int k = 0; *mine && k < 8; k++) {
            cr_assert_eq((*mine)[k], me + i - HELD);
        }
        cr_assert_eq(koken_memory_release(pool, *mine), 0);
        *mine = i < EACH ? koken_memory_alloc(pool, 64) : NULL;
        for (int k = 0; *mine && k < 8; k++) {
            (*mine)[k] = me + i;
        }
        cr_assert(*mine || i >= EACH);
    }
}

Test(memory, nothing_is_given_twice_to_threads)
{
    struct kn_thread threads[THREADS] = {0};
    struct koken_memory *pool = make((struct koken_memory_options){0});
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "memory", work, pool), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        kn_thread_join(&threads[i]);
    }
    cr_assert_eq(stats_of(pool).used, 0);
    koken_memory_free(pool);
}

Test(memory, bad_input)
{
    struct koken_memory *pool;
    struct koken_memory_stats stats;
    koken_movable movable = {0};
    cr_assert_eq(koken_memory_new(NULL, NULL), -EINVAL);
    cr_assert_eq(koken_memory_new(&(struct koken_memory_options){.struct_size = 2}, &pool),
                 -EINVAL);
    cr_assert_eq(
        koken_memory_new(&(struct koken_memory_options){.strategy = KOKEN_FIT_COUNT_}, &pool),
        -EINVAL);
    cr_assert_eq(koken_memory_new(&(struct koken_memory_options){.defrag_percent = 101}, &pool),
                 -EINVAL);
    pool = make((struct koken_memory_options){0});
    cr_assert_null(koken_memory_alloc(pool, 0));
    cr_assert_null(koken_memory_alloc(pool, SIZE_MAX));
    cr_assert_null(koken_memory_alloc(NULL, 8));
    cr_assert_eq(koken_memory_release(pool, NULL), 0);
    cr_assert_eq(koken_memory_release(NULL, pool), -EINVAL);
    cr_assert_eq(koken_memory_movable(pool, 0, &movable), -EINVAL);
    cr_assert_eq(koken_memory_movable(NULL, 8, &movable), -EINVAL);
    cr_assert_null(koken_memory_pin(pool, movable));
    cr_assert_null(koken_memory_pin(NULL, movable));
    cr_assert_eq(koken_memory_unpin(pool, movable), -EINVAL);
    cr_assert_eq(koken_memory_unpin(NULL, movable), -EINVAL);
    cr_assert_eq(koken_memory_discard(pool, movable), -EINVAL);
    cr_assert_eq(koken_memory_discard(NULL, movable), -EINVAL);
    cr_assert_eq(koken_memory_defrag(NULL), -EINVAL);
    cr_assert_eq(koken_memory_stats_get(NULL, &stats), -EINVAL);
    cr_assert_eq(koken_memory_stats_get(pool, NULL), -EINVAL);
#ifdef KN_DEBUG
    struct koken_memory *none;
    koken_memory_free(pool);
    pool = make((struct koken_memory_options){.strategy = KOKEN_FIT_FIRST});
    for (uint64_t n = 0; n < 3; n++) {
        kn_alloc_fail_after(n);
        cr_assert_null(koken_memory_alloc(pool, 8));
        kn_alloc_fail_after(UINT64_MAX);
        cr_assert_eq(stats_of(pool).chunks, 0);
    }
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_memory_movable(pool, 8, &movable), -ENOMEM);
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_memory_new(NULL, &none), -ENOMEM);
    kn_alloc_fail_after(UINT64_MAX);
#endif
    koken_memory_free(pool);
    koken_memory_free(NULL);
}
