/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that stacks are guarded, of the promised size, reused, bounded in number and in memory,
 * and that running out of memory or mappings is an error and nothing else.
 */
#include "sched/stacks.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct kn_stack_pool pool;
static struct kn_stacks stacks;

static void start(size_t size, unsigned worker_max, unsigned shared_max)
{
    struct kn_stack_config config = {
        .size = size, .worker_max = worker_max, .shared_max = shared_max};

    cr_assert_eq(kn_stack_pool_init(&pool, &config), 0);
    kn_stacks_init(&stacks, &pool, -1);
}

static void stop(void)
{
    kn_stacks_fini(&stacks);
    kn_stack_pool_fini(&pool);
}

static struct kn_stack *take(void)
{
    struct kn_stack *stack = NULL;

    cr_assert_eq(kn_stack_take(&stacks, &stack), 0);
    return stack;
}

static size_t resident(const struct kn_stack *stack)
{
    unsigned char pages[256];
    size_t size = (size_t)(stack->top - stack->low);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t count = 0;

    cr_assert_leq(size / page, sizeof(pages));
    cr_assert_eq(mincore(stack->low, size / page * page, pages), 0);
    for (size_t i = 0; i < size / page; i++) {
        count += pages[i] & 1u;
    }
    return count * page;
}

Test(stacks, have_the_size_that_was_asked_for)
{
    start(100000, 0, 0);
    struct kn_stack *stack = take();

    cr_assert_geq(stack->top - stack->low, 100000);
    cr_assert_eq((uintptr_t)stack->top % 64, 0);
    memset(stack->low, 0x5a, (size_t)(stack->top - stack->low) + KN_STACK_ROOM);
    kn_stack_give(&stacks, stack);
    stop();
}

Test(stacks, refuse_a_size_that_is_too_small_or_absurd)
{
    struct kn_stack_config small = {.size = KN_STACK_SIZE_MIN - 1};
    struct kn_stack_config absurd = {.size = SIZE_MAX};

    cr_assert_eq(kn_stack_pool_init(&pool, &small), -EINVAL);
    cr_assert_eq(kn_stack_pool_init(&pool, &absurd), -EINVAL);
}

Test(stacks, commit_memory_only_when_touched)
{
    start(256 * 1024, 0, 0);
    struct kn_stack *stack = take();

    cr_assert_leq(resident(stack), (size_t)sysconf(_SC_PAGESIZE));
    kn_stack_give(&stacks, stack);
    stop();
}

/* Under sanitizers the fault ends the child by another way than by SIGSEGV. */
Test(stacks, end_at_a_guard)
{
    start(0, 0, 0);
    struct kn_stack *stack = take();
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        *(volatile char *)(stack->low - 1) = 1;
        _exit(0);
    }
    cr_assert_gt(child, 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
    kn_stack_give(&stacks, stack);
    stop();
}

Test(stacks, are_reused_last_in_first_out)
{
    start(0, 0, 0);
    struct kn_stack *first = take();
    struct kn_stack *second = take();

    kn_stack_give(&stacks, first);
    kn_stack_give(&stacks, second);
    cr_assert_eq(take(), second);
    cr_assert_eq(take(), first);
    cr_assert_eq(kn_stack_pool_warm(&pool), 2);
    kn_stack_give(&stacks, first);
    kn_stack_give(&stacks, second);
    stop();
}

Test(stacks, kept_free_are_bounded)
{
    static struct kn_stack *stack[200];

    start(16 * 1024, 8, 20);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 200; i++) {
            stack[i] = take();
        }
        cr_assert_eq(kn_stack_pool_warm(&pool), 200);
        for (unsigned i = 0; i < 200; i++) {
            kn_stack_give(&stacks, stack[i]);
        }
        cr_assert_leq(kn_stack_pool_warm(&pool), 28);
        cr_assert_leq(pool.free_count, 20);
        cr_assert_leq(stacks.free_count, 8);
        cr_assert_eq(kn_stack_pool_warm(&pool), pool.free_count + stacks.free_count);
    }
    stop();
}

Test(stacks, seen_deep_are_trimmed_when_given)
{
    start(512 * 1024, 0, 0);
    struct kn_stack *stack = take();

    memset(stack->low, 1, (size_t)(stack->top - stack->low));
    kn_stack_saw(stack, stack->low + 64);
    kn_stack_give(&stacks, stack);
    cr_assert_leq(resident(stack), KN_STACK_KEEP + 4096);
    cr_assert_eq(take(), stack);
    kn_stack_give(&stacks, stack);
    stop();
}

/* The third of three goes to the pool, and nobody has said how deep it was used. */
Test(stacks, that_leave_the_worker_are_trimmed)
{
    struct kn_stack *stack[3];

    start(512 * 1024, 2, 4);
    for (unsigned i = 0; i < 3; i++) {
        stack[i] = take();
        memset(stack[i]->low, 1, (size_t)(stack[i]->top - stack[i]->low));
    }
    for (unsigned i = 0; i < 3; i++) {
        kn_stack_give(&stacks, stack[i]);
    }
    cr_assert_eq(pool.free_count, 1);
    cr_assert_leq(resident(pool.free), 4096);
    stop();
}

/* Two slabs, given back in an order that leaves holes everywhere; the cold ones are taken again. */
Test(stacks, cold_ones_hold_no_memory_and_are_taken_again)
{
    enum { COUNT = 2 * KN_STACK_SLAB_MAX };
    static struct kn_stack *stack[COUNT];
    static char *low[COUNT];

    start(16 * 1024, 1, 1);
    for (unsigned i = 0; i < COUNT; i++) {
        stack[i] = take();
        low[i] = stack[i]->low;
        memset(low[i], 1, (size_t)(stack[i]->top - low[i]));
    }
    for (unsigned i = 0; i < COUNT; i++) {
        kn_stack_give(&stacks, stack[i * 37 % COUNT]);
    }
    cr_assert_leq(kn_stack_pool_warm(&pool), 2);
    for (unsigned i = 0; i < COUNT; i++) {
        struct kn_stack *again = take();
        unsigned found = 0;

        while (found < COUNT && low[found] != again->low) {
            found++;
        }
        cr_assert_lt(found, COUNT, "a third slab");
        low[found] = NULL;
        stack[i] = again;
    }
    cr_assert_eq(kn_stack_pool_warm(&pool), COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        kn_stack_give(&stacks, stack[i]);
    }
    stop();
}

Test(stacks, no_memory_is_an_error)
{
    struct kn_stack *stack = NULL;

    start((size_t)1 << 60, 0, 0);
    cr_assert_eq(kn_stack_take(&stacks, &stack), -ENOMEM);
    cr_assert_null(stack);
    cr_assert_eq(kn_stack_pool_warm(&pool), 0);
    stop();
}

Test(stacks, fini_accepts_the_zero_state)
{
    struct kn_stacks none = {0};
    struct kn_stack_pool no_pool = {0};

    kn_stacks_fini(&none);
    kn_stack_pool_fini(&no_pool);
}

/* ---- stacks that wander between workers ---- */

enum { WANDER_THREADS = 3, WANDER_ROUNDS = 3000, WANDER_SLOTS = 32 };

static kn_atomic(struct kn_stack *) wander[WANDER_SLOTS];

static void *wanderer(void *arg)
{
    struct kn_stacks mine;
    uint32_t rng = (uint32_t)(uintptr_t)arg;

    kn_stacks_init(&mine, &pool, -1);
    for (unsigned round = 0; round < WANDER_ROUNDS; round++) {
        struct kn_stack *stack = NULL;

        rng = rng * 1664525u + 1013904223u;
        cr_assert_eq(kn_stack_take(&mine, &stack), 0);
        *stack->low = (char)round;
        stack->top[-1] = (char)round;
        /* What another thread has put there is given back here. */
        stack = kn_swap(&wander[(rng >> 20) % WANDER_SLOTS], stack, acq_rel);
        if (stack != NULL) {
            kn_stack_give(&mine, stack);
        }
    }
    kn_stacks_fini(&mine);
    return NULL;
}

Test(stacks, wander_between_workers, .timeout = 60)
{
    pthread_t thread[WANDER_THREADS];

    start(16 * 1024, 4, 16);
    for (uintptr_t i = 0; i < WANDER_THREADS; i++) {
        cr_assert_eq(pthread_create(&thread[i], NULL, wanderer, (void *)(i + 1)), 0);
    }
    for (unsigned i = 0; i < WANDER_THREADS; i++) {
        cr_assert_eq(pthread_join(thread[i], NULL), 0);
    }
    for (unsigned i = 0; i < WANDER_SLOTS; i++) {
        struct kn_stack *stack = kn_swap(&wander[i], NULL, acq_rel);

        if (stack != NULL) {
            kn_stack_give(&stacks, stack);
        }
    }
    stop();
}
