/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stacks are Concurrency Kit's ck_stack: push is one CAS on the head, pop one double-width CAS
 * on head and generation. They are off the hot path: a pool comes here once per 64 blocks at most.
 *
 * This file is built without -fsanitize=thread, because the inline assembly of Concurrency Kit and
 * its deliberate stale read (see the header) are opaque to it. The edges are declared to it by hand
 * instead: [CA1] from the thread that pushes a chain to the one that pops it, and the same for
 * slabs.
 */
#include "caps/kn_ck_depot.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "caps/poison.h"

#include <ck_stack.h>
#include <stddef.h>

#ifndef CK_F_STACK_POP_MPMC
#error "this port of Concurrency Kit has no double-width compare-and-swap"
#endif

enum { LINK_AT = offsetof(struct kn_envelope, type), PAGE = 4096 };

_Static_assert(sizeof(struct kn_ck_top) == sizeof(ck_stack_t), "kn_ck_top is a ck_stack_t");
_Static_assert(_Alignof(struct kn_ck_top) == 16, "cmpxchg16b needs 16");
_Static_assert(sizeof(struct kn_slab) == KN_CACHE_LINE, "blocks start on a cache line");
_Static_assert(sizeof(ck_stack_entry_t) == sizeof(void *), "a link is a pointer");

static ck_stack_t *stack_of(struct kn_ck_top *top)
{
    return (ck_stack_t *)(void *)top;
}

/* The generation is a number in a pointer; it starts above NULL so that adding to it is no null
 * + 1. */
static void init_stack(struct kn_ck_top *top)
{
    ck_stack_init(stack_of(top));
    top->generation = (char *)(uintptr_t)1;
}

/* [CA1] release: publishes what the caller wrote to the node; the CAS inside is preceded by CK's
 * store fence. Pairs with acquire [CA1] in pop_node(). */
static void push_node(struct kn_ck_top *top, void *node, size_t link_at)
{
    kn_tsan_release(node);
    ck_stack_push_upmc(stack_of(top), (ck_stack_entry_t *)(void *)((char *)node + link_at));
}

/* [CA1] acquire: sees what the pusher wrote to the node. Pairs with release [CA1] in push_node().
 */
static void *pop_node(struct kn_ck_top *top, size_t link_at)
{
    ck_stack_entry_t *entry = ck_stack_pop_mpmc(stack_of(top));
    void *node;

    if (entry == NULL) {
        return NULL;
    }
    node = (char *)entry - link_at;
    kn_tsan_acquire(node);
    return node;
}

void kn_depot_init(struct kn_depot *depot, int node)
{
    KOKEN_CHECK(((uintptr_t)depot & (KN_FALSE_SHARING - 1)) == 0);
    for (unsigned c = 0; c < KN_SIZE_CLASS_COUNT; c++) {
        init_stack(&depot->classes[c].magazines);
        kn_atomic_init(&depot->classes[c].cached, 0);
        kn_atomic_init(&depot->classes[c].carved, 0);
    }
    init_stack(&depot->slabs);
    init_stack(&depot->remnants);
    kn_atomic_init(&depot->slab_bytes, 0);
    kn_atomic_init(&depot->slab_count, 0);
    depot->node = node;
}

void kn_depot_fini(struct kn_depot *depot)
{
    /* Bounded by the slabs that exist: nobody pushes any more. */
    for (;;) {
        struct kn_slab *slab = pop_node(&depot->slabs, offsetof(struct kn_slab, link));
        size_t size;

        if (slab == NULL) {
            break;
        }
        size = slab->size;
        kn_asan_unpoison(slab, size);
        kn_free(slab, size, PAGE);
    }
    kn_depot_init(depot, depot->node);
}

void kn_depot_push(struct kn_depot *depot, unsigned size_class, struct kn_envelope *take_chain,
                   uint32_t count)
{
    KN_ASSERT(size_class < KN_SIZE_CLASS_COUNT);
    KN_ASSERT(take_chain != NULL);
    KN_ASSERT(count > 0);
    KN_ASSERT(count <= KN_MAGAZINE);
    take_chain->corr = count;
    /* Relaxed: a number for statistics. Added before the push, so that it never goes below zero. */
    kn_add(&depot->classes[size_class].cached, count, relaxed);
    push_node(&depot->classes[size_class].magazines, take_chain, LINK_AT);
}

struct kn_envelope *kn_depot_pop(struct kn_depot *depot, unsigned size_class, uint32_t *ret_count)
{
    struct kn_envelope *chain;

    KN_ASSERT(size_class < KN_SIZE_CLASS_COUNT);
    chain = pop_node(&depot->classes[size_class].magazines, LINK_AT);
    if (chain == NULL) {
        return NULL;
    }
    KN_ASSERT(chain->corr > 0);
    KN_ASSERT(chain->corr <= KN_MAGAZINE);
    *ret_count = chain->corr;
    /* Relaxed: a number for statistics. */
    kn_sub(&depot->classes[size_class].cached, *ret_count, relaxed);
    return chain;
}

struct kn_slab *kn_depot_slab(struct kn_depot *depot, size_t size)
{
    struct kn_slab *slab = pop_node(&depot->remnants, offsetof(struct kn_slab, remnant_link));

    KN_ASSERT(size % PAGE == 0);
    if (slab != NULL) {
        return slab;
    }
    slab = kn_alloc(size, PAGE, depot->node);
    if (slab == NULL) {
        return NULL;
    }
    KN_ASSERT(((uintptr_t)slab >> 48) == 0);
    slab->size = size;
    slab->used = sizeof(*slab);
    /* Relaxed: numbers for statistics. */
    kn_add(&depot->slab_bytes, size, relaxed);
    kn_add(&depot->slab_count, 1, relaxed);
    push_node(&depot->slabs, slab, offsetof(struct kn_slab, link));
    return slab;
}

void kn_depot_remnant(struct kn_depot *depot, struct kn_slab *take_slab)
{
    KN_ASSERT(take_slab->used <= take_slab->size);
    push_node(&depot->remnants, take_slab, offsetof(struct kn_slab, remnant_link));
}

void kn_depot_carved(struct kn_depot *depot, unsigned size_class, uint32_t count)
{
    KN_ASSERT(size_class < KN_SIZE_CLASS_COUNT);
    /* Relaxed: a number for statistics. */
    kn_add(&depot->classes[size_class].carved, count, relaxed);
}

void kn_depot_usage(struct kn_depot *depot, struct kn_depot_usage *ret)
{
    /* Relaxed: numbers for statistics. */
    for (unsigned c = 0; c < KN_SIZE_CLASS_COUNT; c++) {
        ret->cached[c] = kn_load(&depot->classes[c].cached, relaxed);
        ret->carved[c] = kn_load(&depot->classes[c].carved, relaxed);
    }
    ret->slab_bytes = kn_load(&depot->slab_bytes, relaxed);
    ret->slab_count = kn_load(&depot->slab_count, relaxed);
}
