/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guarded stacks: mapping, keeping, giving back. What is kept is bounded: a worker keeps worker_max
 * free stacks with at most KN_STACK_KEEP touched bytes each that nobody saw deeper; the pool keeps
 * shared_max with one page each; all others are cold and keep nothing.
 *
 * Stacks are mapped in slabs, and slabs are unmapped by fini alone. Unmapping single stacks would
 * leave holes, and each hole is one mapping more: past vm.max_map_count munmap() itself fails, as
 * does every mmap() of the process.
 */
#include "sched/stacks.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "caps/poison.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

/* LeakSanitizer reads every page of a region that says it is readable, and a marked one does. */
#ifdef KN_ASAN
#include <sanitizer/lsan_interface.h>
enum { HAS_GUARD_MARKS = 0 };
#else
enum { HAS_GUARD_MARKS = 1 };
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif

enum { SLAB_BYTES = 2560 * 1024 }; /* a slab of more than one stack is not longer */

#define MARK_USED 0x6b6f6b656e757365ull /* "kokenuse" */
#define MARK_FREE 0x6b6f6b656e667265ull /* "kokenfre" */

/* The first page of a mapping; the stacks follow. */
struct kn_stack_slab {
    struct kn_stack_slab *next;      /* (m) in pool->slabs */
    struct kn_stack_slab *next_cold; /* (m) in pool->cold */
    uint32_t cold;                   /* (m) bit per stack */
};

/* A leak is not a leak while a pointer to it lies on a stack: LeakSanitizer learns where those are.
 */
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

static size_t slab_size(const struct kn_stack_pool *pool)
{
    return pool->page + pool->slab_stacks * pool->region_size;
}

static char *region_of(const struct kn_stack_pool *pool, struct kn_stack_slab *slab, unsigned index)
{
    KN_ASSERT(index < pool->slab_stacks);
    return (char *)slab + pool->page + index * pool->region_size;
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
    pool->slab_stacks = KN_STACK_SLAB_MAX;
    while (pool->slab_stacks > 1 && pool->slab_stacks * pool->region_size > SLAB_BYTES) {
        pool->slab_stacks--;
    }
    return 0;
}

/*
 * The guard is a mark in the page table where the kernel has that, so that neighbouring stacks
 * share one mapping and the number of fibers is not bounded by vm.max_map_count; else a page
 * without rights.
 */
static bool install_guard(void *region, size_t page)
{
    return (HAS_GUARD_MARKS && madvise(region, page, MADV_GUARD_INSTALL) == 0) ||
           mprotect(region, page, PROT_NONE) == 0;
}

/* All stacks of a new slab are cold. NULL: no memory, or no more mappings. */
static struct kn_stack_slab *new_slab(struct kn_stack_pool *pool, int node)
{
    struct kn_stack_slab *slab = kn_map(slab_size(pool), node);

    if (slab == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < pool->slab_stacks; i++) {
        if (!install_guard(region_of(pool, slab, i), pool->page)) {
            kn_unmap(slab, slab_size(pool));
            return NULL;
        }
    }
    sanitizers_meet(slab, slab_size(pool));
    slab->cold = (uint32_t)((UINT64_C(1) << pool->slab_stacks) - 1);
    return slab;
}

/* Takes the first cold stack of a slab. Under the lock. */
static char *take_cold_of(struct kn_stack_pool *pool, struct kn_stack_slab *slab)
{
    unsigned index = (unsigned)__builtin_ctz(slab->cold);

    KN_ASSERT(pool->cold == slab);
    slab->cold &= slab->cold - 1;
    if (slab->cold == 0) {
        pool->cold = slab->next_cold;
    }
    return region_of(pool, slab, index);
}

/* The region of a cold stack, and its slab. NULL: none could be had. */
static char *take_cold(struct kn_stack_pool *pool, int node, struct kn_stack_slab **ret_slab)
{
    char *region = NULL;
    struct kn_stack_slab *slab;

    kn_lock(&pool->lock);
    slab = pool->cold;
    if (slab != NULL) {
        region = take_cold_of(pool, slab);
    }
    kn_unlock(&pool->lock);
    if (region == NULL) {
        slab = new_slab(pool, node);
        if (slab == NULL) {
            return NULL;
        }
        kn_lock(&pool->lock);
        slab->next = pool->slabs;
        pool->slabs = slab;
        slab->next_cold = pool->cold;
        pool->cold = slab;
        region = take_cold_of(pool, slab);
        kn_unlock(&pool->lock);
    }
    *ret_slab = slab;
    return region;
}

/* Makes a cold stack a free one. */
static struct kn_stack *warm_up(struct kn_stack_pool *pool, int node)
{
    struct kn_stack_slab *slab = NULL;
    char *region = take_cold(pool, node, &slab);
    struct kn_stack *stack;

    if (region == NULL) {
        return NULL;
    }
    _Static_assert(sizeof(*stack) <= KN_CACHE_LINE, "the header is one line");
    stack = (struct kn_stack *)(void *)(region + pool->region_size - KN_CACHE_LINE);
    stack->low = region + pool->page;
    stack->top = (char *)stack - KN_STACK_ROOM;
    stack->deepest = stack->top;
    stack->slab = slab;
    stack->mark = MARK_FREE;
    KN_ASSERT(stack->top - stack->low >= (ptrdiff_t)pool->size);
    (void)kn_add(&pool->warm, 1, relaxed); /* relaxed: a gauge */
    return stack;
}

/* Gives all memory of a free stack back to the system, its header too. */
static void cool_down(struct kn_stack_pool *pool, struct kn_stack *stack)
{
    struct kn_stack_slab *slab = stack->slab;
    char *low = stack->low;
    size_t index = (size_t)(low - pool->page - region_of(pool, slab, 0)) / pool->region_size;

    KOKEN_CHECK(stack->mark == MARK_FREE);
    KN_ASSERT(region_of(pool, slab, (unsigned)index) + pool->page == low);
    kn_asan_unpoison(low, pool->region_size - pool->page);
    /* It cannot fail for memory that we mapped; if it did, only memory would be lost. */
    (void)madvise(low, pool->region_size - pool->page, MADV_DONTNEED);
    kn_lock(&pool->lock);
    if (slab->cold == 0) {
        slab->next_cold = pool->cold;
        pool->cold = slab;
    }
    KOKEN_CHECK((slab->cold >> index & 1) == 0);
    slab->cold |= (uint32_t)1 << index;
    kn_unlock(&pool->lock);
    (void)kn_sub(&pool->warm, 1, relaxed); /* relaxed: a gauge */
}

static void cool_list(struct kn_stack_pool *pool, struct kn_stack *list)
{
    while (list != NULL) {
        struct kn_stack *next = list->next;

        cool_down(pool, list);
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
    /* Relaxed: all workers are gone. */
    KOKEN_CHECK(kn_load(&pool->warm, relaxed) == pool->free_count); /* else one is in use */
    while (pool->slabs != NULL) {
        struct kn_stack_slab *slab = pool->slabs;

        pool->slabs = slab->next;
        sanitizers_part(slab, slab_size(pool));
        kn_unmap(slab, slab_size(pool));
    }
    *pool = (struct kn_stack_pool){0};
}

uint64_t kn_stack_pool_warm(struct kn_stack_pool *pool)
{
    return kn_load(&pool->warm, relaxed); /* relaxed: a gauge */
}

void kn_stacks_init(struct kn_stacks *stacks, struct kn_stack_pool *keep_pool, int node)
{
    *stacks = (struct kn_stacks){.node = node, .pool = keep_pool};
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
        stack = warm_up(stacks->pool, stacks->node);
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

/* A list leaves its worker. */
static void leave(struct kn_stack_pool *pool, struct kn_stack *list)
{
    for (struct kn_stack *stack = list; stack != NULL; stack = stack->next) {
        trim(pool, stack, /* keep= */ 1);
    }
    cool_list(pool, pool_give(pool, list));
}

void kn_stacks_fini(struct kn_stacks *stacks)
{
    if (stacks->pool != NULL) {
        leave(stacks->pool, stacks->free);
    }
    *stacks = (struct kn_stacks){0};
}

/* The worker keeps the half that it used last, which is warm. */
static void spill(struct kn_stacks *stacks)
{
    unsigned kept = stacks->pool->worker_max / 2 + 1;
    struct kn_stack *last = stacks->free;
    struct kn_stack *surplus;

    KN_ASSERT(stacks->free_count > stacks->pool->worker_max);
    for (unsigned i = 1; i < kept; i++) {
        last = last->next;
    }
    surplus = last->next;
    last->next = NULL;
    stacks->free_count = kept;
    leave(stacks->pool, surplus);
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
