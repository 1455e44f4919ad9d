/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap of release builds: jemalloc, with one arena per NUMA node.
 *
 * There are two ways into it. The fast one goes through the thread's own cache; the arena behind
 * that cache is the one of the thread's home node, once it has one. The other goes past the cache,
 * whose blocks may come from anywhere, into the arena of the node that was asked for. Every extent
 * of such an arena is bound to its node when it is mapped. A machine with one node needs only the
 * fast way. A block finds its own way back: sdallocx needs the size, not the arena.
 *
 * An arena is made when its node is first asked for, by whoever comes first; who comes meanwhile
 * takes the fast way once. Nobody waits. Arenas live as long as the process: the next runtime uses
 * them again.
 */
#include "base/heap.h"

#ifndef KN_NO_JEMALLOC

#include "base/align.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/platform/platform.h"

#include <jemalloc/jemalloc.h>

enum {
    ARENA_NONE = 0,    /* nobody has asked yet */
    ARENA_MAKING = 1,  /* somebody is making it */
    ARENA_REFUSED = 2, /* there was no memory for it: the fast way for good */
    ARENA_FIRST = 3,   /* this and above: jemalloc's number of the arena, plus this */
};

/*
 * Keys: (a) atomic; (m) written by the one thread that moved arena to ARENA_MAKING, const
 * afterwards; jemalloc reads them under its own locks.
 */
struct node_heap {
    kn_atomic(uint32_t) arena;    /* (a) one of the above */
    extent_hooks_t hooks;         /* (m) jemalloc's own, but for alloc */
    extent_hooks_t *system_hooks; /* (m) jemalloc's own */
    int node;                     /* (m) */
};

static struct node_heap heaps[KN_NODES_MAX];
static kn_atomic(uint32_t) node_count; /* (a) relaxed: a number, nothing lies behind it */
static KN_TLS int home_node = -1;

/* New pages for the arena of a node: as jemalloc maps them, then bound before anybody touches them.
 */
static void *map_extent(extent_hooks_t *hooks, void *address, size_t size, size_t align, bool *zero,
                        bool *commit, unsigned arena)
{
    struct node_heap *heap = kn_container_of(hooks, struct node_heap, hooks);
    extent_hooks_t *system = heap->system_hooks;
    void *extent = system->alloc(system, address, size, align, zero, commit, arena);
    KN_ASSERT(heap >= heaps);
    KN_ASSERT(heap < heaps + KN_NODES_MAX);
    if (extent != NULL) {
        kn_platform_bind(extent, size, heap->node);
    }
    return extent;
}

/* The new value of heap->arena. */
static uint32_t make_arena(struct node_heap *heap, int node)
{
    size_t size = sizeof heap->system_hooks;
    if (mallctl("arena.0.extent_hooks", &heap->system_hooks, &size, NULL, 0) != 0) {
        return ARENA_REFUSED;
    }
    KN_ASSERT(size == sizeof heap->system_hooks);
    KN_ASSERT(heap->system_hooks != NULL);
    heap->node = node;
    heap->hooks = *heap->system_hooks;
    heap->hooks.alloc = map_extent;

    unsigned arena;
    extent_hooks_t *hooks = &heap->hooks;
    size = sizeof arena;
    if (mallctl("arenas.create", &arena, &size, &hooks, sizeof hooks) != 0) {
        return ARENA_REFUSED;
    }
    return arena + ARENA_FIRST;
}

/* Whether the node has an arena by now, and which. */
static bool find_arena(int node, unsigned *ret_arena)
{
    KN_ASSERT(node >= 0);
    KN_ASSERT(node < KN_NODES_MAX);
    struct node_heap *heap = &heaps[node];
    /* [BA1] acquire: whoever uses the arena sees it made. Pairs with the release below. */
    uint32_t arena = kn_load(&heap->arena, acquire);
    if (kn_unlikely(arena == ARENA_NONE)) {
        /* [BA1] acquire: of who comes second, as above. */
        if (kn_cas_strong(&heap->arena, &arena, ARENA_MAKING, acquire, acquire)) {
            arena = make_arena(heap, node);
            kn_store(&heap->arena, arena, release); /* [BA1] publishes the arena and its hooks. */
        }
    }
    if (arena < ARENA_FIRST) {
        return false;
    }
    *ret_arena = arena - ARENA_FIRST;
    return true;
}

void kn_heap_nodes(unsigned count)
{
    kn_store(&node_count, count, relaxed);
}

void kn_heap_home(int node)
{
    unsigned arena;
    int count = (int)kn_load(&node_count, relaxed);
    if (count < 2 || node < 0 || node >= count || node == home_node || !find_arena(node, &arena)) {
        return;
    }
    if (mallctl("thread.arena", NULL, NULL, &arena, sizeof arena) == 0) {
        home_node = node;
    }
}

void *kn_heap_alloc(size_t size, size_t align, int node)
{
    unsigned arena;
    int flags = MALLOCX_ALIGN(align);
    int count = (int)kn_load(&node_count, relaxed);
    if (kn_unlikely(count > 1 && node >= 0 && node < count && node != home_node) &&
        find_arena(node, &arena)) {
        flags |= MALLOCX_ARENA(arena) | MALLOCX_TCACHE_NONE;
    }
    return mallocx(size, flags);
}

void kn_heap_free(void *memory, size_t size, size_t align)
{
    sdallocx(memory, size, MALLOCX_ALIGN(align));
}

#endif
