/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that memory asked of a node comes from that node's arena, on a machine that need not have
 * the node: the arena is what we choose, where its pages lie is the kernel's part; and that a node whose arena cannot
 * be had is served from anywhere: mallctl() below stands in front of jemalloc's.
 */
#include "base/heap.h"
#include "base/world.h"

#include <criterion/criterion.h>

#ifdef KN_NO_JEMALLOC

Test(heap_jemalloc, is_not_built)
{
    void *p = kn_heap_alloc(8, 8, 0);
    cr_assert_not_null(p);
    kn_heap_free(p, 8, 8);
}

#else

#include <dlfcn.h>
#include <errno.h>
#include <jemalloc/jemalloc.h>

static const char *refused; /* what mallctl fails for */

int mallctl(const char *name, void *old, size_t *old_len, void *new, size_t new_len)
{
    int (*real)(const char *, void *, size_t *, void *, size_t);
    *(void **)&real = dlsym(RTLD_NEXT, "mallctl");
    return refused && strcmp(refused, name) == 0 ? EAGAIN : real(name, old, old_len, new, new_len);
}

enum { SIZE = 1000, ALIGN = 64 };

static unsigned arena_of(void *memory)
{
    unsigned arena;
    size_t size = sizeof arena;
    cr_assert_eq(mallctl("arenas.lookup", &arena, &size, &memory, sizeof memory), 0);
    return arena;
}

static unsigned arena_used_for(int node)
{
    void *p = kn_heap_alloc(SIZE, ALIGN, node);
    cr_assert_not_null(p);
    unsigned arena = arena_of(p);
    kn_heap_free(p, SIZE, ALIGN);
    return arena;
}

Test(heap_jemalloc, has_one_arena_per_node)
{
    unsigned anywhere = arena_used_for(-1);
    kn_heap_nodes(3);
    unsigned first[3];
    for (int node = 0; node < 3; ++node) {
        first[node] = arena_used_for(node);
        cr_assert_neq(first[node], anywhere);
        for (int earlier = 0; earlier < node; ++earlier) {
            cr_assert_neq(first[node], first[earlier]);
        }
    }
    for (int round = 0; round < 100; ++round) {
        cr_assert_eq(arena_used_for(round % 3), first[round % 3]);
    }
    (void)arena_used_for(3); /* beyond the count: from anywhere, no error */
}

Test(heap_jemalloc, keeps_to_one_heap_when_there_is_one_node)
{
    kn_heap_nodes(1);
    cr_assert_eq(arena_used_for(0), arena_used_for(-1));
    kn_heap_nodes(0);
    cr_assert_eq(arena_used_for(0), arena_used_for(-1));
}

struct at_home {
    int node;
    unsigned arena_anywhere;
    unsigned arena_home;
};

static void allocate_at_home(void *arg)
{
    struct at_home *a = arg;
    kn_heap_home(a->node);
    a->arena_anywhere = arena_used_for(-1);
    a->arena_home = arena_used_for(a->node);
}

Test(heap_jemalloc, fills_the_cache_of_a_thread_from_its_home)
{
    kn_heap_nodes(2);
    struct at_home homes[2] = {{.node = 0}, {.node = 1}};
    for (int i = 0; i < 2; ++i) {
        struct kn_thread thread = {0};
        cr_assert_eq(kn_thread_start(&thread, "home", allocate_at_home, &homes[i]), 0);
        kn_thread_join(&thread);
        cr_assert_eq(homes[i].arena_anywhere, arena_used_for(i));
        cr_assert_eq(homes[i].arena_home, arena_used_for(i));
    }
    cr_assert_neq(homes[0].arena_home, homes[1].arena_home);
}

enum { THREADS = 4, BLOCKS = 200 };

static kn_atomic(uint32_t) gate;
static void *blocks[THREADS][BLOCKS];

static void allocate_from_both(void *arg)
{
    void **mine = arg;
    while (kn_load(&gate, acquire) == 0) {
        (void)kn_futex_wait(&gate, 0, KN_NEVER);
    }
    for (int i = 0; i < BLOCKS; ++i) {
        mine[i] = kn_heap_alloc(SIZE, ALIGN, 60 + i % 2);
    }
}

/*
 * All come at once to nodes nobody has used. One makes the arena; the others may take from anywhere
 * until it is there, but never from the other node's. Nobody fails, and anybody may free.
 */
Test(heap_jemalloc, is_made_once_by_threads_that_come_together)
{
    kn_heap_nodes(62);
    struct kn_thread threads[THREADS] = {{0}};
    for (int i = 0; i < THREADS; ++i) {
        cr_assert_eq(kn_thread_start(&threads[i], "come", allocate_from_both, blocks[i]), 0);
    }
    kn_store(&gate, 1, release);
    kn_futex_wake(&gate, THREADS);
    for (int i = 0; i < THREADS; ++i) {
        kn_thread_join(&threads[i]);
    }
    unsigned arenas[2] = {arena_used_for(60), arena_used_for(61)};
    cr_assert_neq(arenas[0], arenas[1]);
    unsigned own = 0;
    for (int i = 0; i < THREADS; ++i) {
        for (int k = 0; k < BLOCKS; ++k) {
            cr_assert_not_null(blocks[i][k]);
            cr_assert_neq(arena_of(blocks[i][k]), arenas[1 - k % 2]);
            own += arena_of(blocks[i][k]) == arenas[k % 2];
            kn_heap_free(blocks[i][k], SIZE, ALIGN);
        }
    }
    cr_assert(own > BLOCKS / 2); /* at least those of the two that made the arenas */
}

/* Neither the hooks nor the arena can be had: for good, and nobody hears of it. */
Test(heap_jemalloc, takes_from_anywhere_what_has_no_arena)
{
    static const char *const names[] = {"arena.0.extent_hooks", "arenas.create"};
    kn_heap_nodes(62);
    unsigned anywhere = arena_used_for(-1);
    for (int i = 0; i < 2; ++i) {
        refused = names[i];
        cr_assert_eq(arena_used_for(40 + i), anywhere);
        refused = NULL;
        cr_assert_eq(arena_used_for(40 + i), anywhere);
        kn_heap_home(40 + i); /* nor is it a home */
        cr_assert_eq(arena_used_for(-1), anywhere);
    }
    kn_heap_nodes(0);
}

/* A home that is none, twice the same, or that the thread cannot move to. */
Test(heap_jemalloc, stays_where_it_is_without_a_home)
{
    kn_heap_nodes(62);
    unsigned anywhere = arena_used_for(-1);
    kn_heap_home(-1);
    kn_heap_home(62);
    cr_assert_eq(arena_used_for(-1), anywhere);
    refused = "thread.arena";
    kn_heap_home(50);
    refused = NULL;
    cr_assert_eq(arena_used_for(-1), anywhere);
    kn_heap_home(50);
    kn_heap_home(50);
    cr_assert_eq(arena_used_for(-1), arena_used_for(50));
    kn_heap_nodes(0);
}

#endif
