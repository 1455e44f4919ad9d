/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guarded stacks: mapping, keeping, giving back. What is kept is bounded: a worker keeps worker_max
 * free stacks with at most KN_STACK_KEEP touched bytes each that nobody saw deeper; the pool keeps
 * shared_max with one page each; everything above is unmapped.
 */
#include "sched/stacks.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "caps/poison.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef KN_ASAN
#include <sanitizer/lsan_interface.h>
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif

#define MARK_USED 0x6b6f6b656e757365ull /* "kokenuse" */
#define MARK_FREE 0x6b6f6b656e667265ull /* "kokenfre" */

/* A leak is not a leak while a pointer to it lies on a stack: LeakSanitizer is told where those
 * are. */
static void sanitizers_meet(void *region, size_t size)
{
#ifdef KN_ASAN
    __lsan_register_root_region(region, size);
#else
    (void)region;
    (void)size;
#endif
}

static void sanitizers_part(void *region, size_t size)
{
#ifdef KN_ASAN
    kn_asan_unpoison(region, size);
    __lsan_unregister_root_region(region, size);
#else
    (void)region;
    (void)size;
#endif
}

int kn_stack_pool_init(struct kn_stack_pool *pool, const struct kn_stack_config *config)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = config->size == 0 ? KN_STACK_SIZE_DEFAULT : config->size;

    if (size < KN_STACK_SIZE_MIN || size > SIZE_MAX / 4) {
        return -EINVAL;
    }
    size = kn_align_up(size, page);
    *pool = (struct kn_stack_pool){
        .page = page,
        .size = size,
        .region_size = page + size + page, /* the last page: header, room, and more stack */
        .worker_max = config->worker_max == 0 ? KN_STACKS_WORKER_DEFAULT : config->worker_max,
        .shared_max = config->shared_max == 0 ? KN_STACKS_SHARED_DEFAULT : config->shared_max,
    };
    return 0;
}

/*
 * The guard is a mark in the page table where the kernel has that, so that neighbouring stacks
 * share one mapping and the number of fibers is not bounded by vm.max_map_count; else a page
 * without rights.
 */
static bool install_guard(void *region, size_t page)
{
    return madvise(region, page, MADV_GUARD_INSTALL) == 0 || mprotect(region, page, PROT_NONE) == 0;
}

static struct kn_stack *new_stack(struct kn_stack_pool *pool, int node)
{
    const size_t page = pool->page;
    char *region = kn_map(pool->region_size, node);
    struct kn_stack *stack;

    if (region == NULL) {
        return NULL;
    }
    if (!install_guard(region, page)) {
        kn_unmap(region, pool->region_size);
        return NULL;
    }
    sanitizers_meet(region, pool->region_size);
    stack = (struct kn_stack *)(void *)(region + pool->region_size - KN_CACHE_LINE);
    _Static_assert(sizeof(*stack) <= KN_CACHE_LINE, "the header is one line");
    stack->low = region + page;
    stack->top = (char *)stack - KN_STACK_ROOM;
    stack->deepest = stack->top;
    stack->region = region;
    stack->mark = MARK_FREE;
    KN_ASSERT(stack->top - stack->low >= (ptrdiff_t)pool->size);
    (void)kn_add(&pool->mapped, 1, relaxed); /* a gauge */
    return stack;
}
static void unmap_stack(struct kn_stack_pool *pool, struct kn_stack *stack)
{
    void *region = stack->region;

    KOKEN_CHECK(stack->mark == MARK_FREE);
    sanitizers_part(region, pool->region_size);
    /* madvise marks vanish with the mapping, as mprotect does. */
    kn_unmap(region, pool->region_size);
    (void)kn_sub(&pool->mapped, 1, relaxed); /* a gauge */
}

static void unmap_list(struct kn_stack_pool *pool, struct kn_stack *list)
{
    while (list != NULL) {
        struct kn_stack *next = list->next;

        unmap_stack(pool, list);
        list = next;
    }
}

/* Gives the memory beneath the top keep bytes back to the system; it reads as zero afterwards. */
static void trim(struct kn_stack_pool *pool, struct kn_stack *stack, size_t keep)
{
    size_t usable = (size_t)(stack->top - stack->low);
    size_t kept_from = (usable - keep) / pool->page * pool->page;

    /* It cannot fail for memory that we mapped; if it did, only memory is lost. */
    (void)madvise(stack->low, kept_from, MADV_DONTNEED);
    stack->deepest = stack->top;
}

void kn_stack_pool_fini(struct kn_stack_pool *pool)
{
    if (pool->region_size == 0) {
        return;
    }
    unmap_list(pool, pool->free);
    /* Relaxed: all workers are gone. */
    KOKEN_CHECK(kn_load(&pool->mapped, relaxed) == 0);
    *pool = (struct kn_stack_pool){0};
}

uint64_t kn_stack_pool_mapped(struct kn_stack_pool *pool)
{
    return kn_load(&pool->mapped, relaxed); /* a gauge */
}

void kn_stacks_init(struct kn_stacks *stacks, struct kn_stack_pool *keep_pool, int node)
{
    *stacks = (struct kn_stacks){.node = node, .pool = keep_pool};
}

void kn_stacks_fini(struct kn_stacks *stacks)
{
    unmap_list(stacks->pool, stacks->free);
    *stacks = (struct kn_stacks){0};
}

/* Takes up to half a worker's share out of the pool. */
static void refill(struct kn_stacks *stacks)
{
    struct kn_stack_pool *pool = stacks->pool;
    unsigned want = pool->worker_max / 2 + 1;

    KN_ASSERT(stacks->free == NULL);
    kn_lock(&pool->lock);
    while (want > 0 && pool->free != NULL) {
        struct kn_stack *stack = pool->free;

        pool->free = stack->next;
        pool->free_count--;
        stack->next = stacks->free;
        stacks->free = stack;
        stacks->free_count++;
        want--;
    }
    kn_unlock(&pool->lock);
}

int kn_stack_take(struct kn_stacks *stacks, struct kn_stack **ret_stack)
{
    struct kn_stack *stack;

    if (kn_unlikely(stacks->free == NULL)) {
        refill(stacks);
    }
    stack = stacks->free;
    if (kn_likely(stack != NULL)) {
        stacks->free = stack->next;
        stacks->free_count--;
    } else {
        stack = new_stack(stacks->pool, stacks->node);
        if (stack == NULL) {
            return -ENOMEM;
        }
    }
    KOKEN_CHECK(stack->mark == MARK_FREE);
    stack->mark = MARK_USED;
    kn_asan_unpoison(stack->low, (size_t)(stack->top - stack->low) + KN_STACK_ROOM);
    *ret_stack = stack;
    return 0;
}

/* Puts a list into the pool as far as it has room; returns the rest. */
static struct kn_stack *pool_give(struct kn_stack_pool *pool, struct kn_stack *list)
{
    kn_lock(&pool->lock);
    while (list != NULL && pool->free_count < pool->shared_max) {
        struct kn_stack *next = list->next;

        list->next = pool->free;
        pool->free = list;
        pool->free_count++;
        list = next;
    }
    kn_unlock(&pool->lock);
    return list;
}

/* The worker keeps the half that it used last, which is warm. */
static void spill(struct kn_stacks *stacks)
{
    struct kn_stack_pool *pool = stacks->pool;
    unsigned kept = pool->worker_max / 2 + 1;
    struct kn_stack *last = stacks->free;
    struct kn_stack *surplus;

    KN_ASSERT(stacks->free_count > pool->worker_max);
    for (unsigned i = 1; i < kept; i++) {
        last = last->next;
    }
    surplus = last->next;
    last->next = NULL;
    stacks->free_count = kept;
    for (struct kn_stack *stack = surplus; stack != NULL; stack = stack->next) {
        trim(pool, stack, /* keep= */ 1);
    }
    unmap_list(pool, pool_give(pool, surplus));
}

void kn_stack_give(struct kn_stacks *stacks, struct kn_stack *take_stack)
{
    struct kn_stack *stack = take_stack;

    KOKEN_CHECK(stack->mark == MARK_USED); /* given twice, or written over from above */
    KOKEN_CHECK(stack->deepest >= stack->low);
    if (kn_unlikely(stack->top - stack->deepest > KN_STACK_KEEP)) {
        trim(stacks->pool, stack, KN_STACK_KEEP);
    }
    stack->mark = MARK_FREE;
    kn_asan_poison(stack->low, (size_t)(stack->top - stack->low) + KN_STACK_ROOM);
    stack->next = stacks->free;
    stacks->free = stack;
    stacks->free_count++;
    if (kn_unlikely(stacks->free_count > stacks->pool->worker_max)) {
        spill(stacks);
    }
}
