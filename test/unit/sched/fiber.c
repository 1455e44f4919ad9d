/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that fibers keep their stack and registers across suspensions, nest, end, are freed in
 * every state, go on on other threads, and that an overflow dies at the guard.
 */
#include "sched/fiber.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct kn_stack_pool pool;
static struct kn_stacks stacks;

static void start(size_t size)
{
    struct kn_stack_config config = {.size = size};

    cr_assert_eq(kn_stack_pool_init(&pool, &config), 0);
    kn_stacks_init(&stacks, &pool, -1);
}

static void stop(void)
{
    kn_stacks_fini(&stacks);
    kn_stack_pool_fini(&pool);
}

static struct kn_fiber *new_fiber(void (*entry)(void *arg), void *arg)
{
    struct kn_fiber *fiber = NULL;

    cr_assert_eq(kn_fiber_new(&stacks, entry, arg, &fiber), 0);
    return fiber;
}

static void count_to_three(void *arg)
{
    unsigned *count = arg;

    for (unsigned i = 0; i < 3; i++) {
        ++*count;
        kn_fiber_suspend();
    }
}

Test(fiber, runs_in_steps_and_ends)
{
    unsigned count = 0;

    start(0);
    struct kn_fiber *fiber = new_fiber(count_to_three, &count);

    cr_assert_eq(count, 0);
    for (unsigned i = 1; i <= 3; i++) {
        kn_fiber_resume(fiber);
        cr_assert_eq(count, i);
        cr_assert(!kn_fiber_done(fiber));
        cr_assert_null(kn_fiber_current());
    }
    kn_fiber_resume(fiber);
    cr_assert(kn_fiber_done(fiber));
    kn_fiber_free(&stacks, fiber);
    stop();
}

/* Integers, doubles and an array live across suspensions, and code that wants an aligned stack
 * works. */
static void keep_locals(void *arg)
{
    unsigned id = *(unsigned *)arg;
    char text[64];
    double sum = 0;
    unsigned numbers[64];

    for (unsigned i = 0; i < 64; i++) {
        numbers[i] = id + i;
    }
    for (unsigned i = 0; i < 64; i++) {
        sum += (double)numbers[i] / 2;
        kn_fiber_suspend();
    }
    (void)snprintf(text, sizeof(text), "%.1f", sum);
    cr_assert_float_eq(strtod(text, NULL), 32.0 * id + 1008.0, 0.01);
    *(unsigned *)arg = 0;
}

Test(fiber, keeps_its_locals_while_a_hundred_others_run)
{
    struct kn_fiber *fiber[100];
    unsigned id[100];

    start(0);
    for (unsigned i = 0; i < 100; i++) {
        id[i] = i + 1;
        fiber[i] = new_fiber(keep_locals, &id[i]);
    }
    for (unsigned step = 0; step <= 64; step++) {
        for (unsigned i = 0; i < 100; i++) {
            kn_fiber_resume(fiber[i]);
        }
    }
    for (unsigned i = 0; i < 100; i++) {
        cr_assert(kn_fiber_done(fiber[i]));
        cr_assert_eq(id[i], 0);
        kn_fiber_free(&stacks, fiber[i]);
    }
    stop();
}

static void outer(void *arg)
{
    struct kn_fiber *inner = arg;
    struct kn_fiber *self = kn_fiber_current();

    while (!kn_fiber_done(inner)) {
        kn_fiber_resume(inner);
        cr_assert_eq(kn_fiber_current(), self);
        kn_fiber_suspend();
    }
}

Test(fiber, may_resume_another_fiber)
{
    unsigned count = 0;

    start(0);
    struct kn_fiber *inner = new_fiber(count_to_three, &count);
    struct kn_fiber *fiber = new_fiber(outer, inner);

    while (!kn_fiber_done(fiber)) {
        kn_fiber_resume(fiber);
    }
    cr_assert_eq(count, 3);
    kn_fiber_free(&stacks, inner);
    kn_fiber_free(&stacks, fiber);
    stop();
}

Test(fiber, is_freed_new_suspended_and_done)
{
    unsigned count = 0;

    start(0);
    kn_fiber_free(&stacks, NULL);
    for (unsigned steps = 0; steps <= 4; steps++) {
        struct kn_fiber *fiber = new_fiber(count_to_three, &count);

        for (unsigned i = 0; i < steps; i++) {
            kn_fiber_resume(fiber);
        }
        kn_fiber_free(&stacks, fiber);
    }
    cr_assert_eq(count, 0 + 1 + 2 + 3 + 3);
    cr_assert_eq(kn_stack_pool_warm(&pool), 1);
    stop();
}

Test(fiber, no_memory_is_an_error)
{
    struct kn_fiber *fiber = NULL;

    start((size_t)1 << 60);
    cr_assert_eq(kn_fiber_new(&stacks, count_to_three, NULL, &fiber), -ENOMEM);
    cr_assert_null(fiber);
    stop();
}

/* Uses about depth * 100 bytes of stack; the result depends on every frame. */
static KN_NOINLINE unsigned dig(unsigned depth, unsigned below)
{
    volatile char frame[64];

    memset((char *)(uintptr_t)frame, (int)(depth & 0x7f), sizeof(frame));
    if (depth > below) {
        return dig(depth - 1, below) + (unsigned)frame[depth % sizeof(frame)];
    }
    if (kn_fiber_current() != NULL) {
        kn_fiber_suspend();
    }
    return (unsigned)frame[0];
}

static void dig_deep(void *arg)
{
    *(unsigned *)arg = dig(100, 0);
}

Test(fiber, suspends_deep_in_a_recursion)
{
    unsigned result = 0;

    start(KN_STACK_SIZE_DEFAULT * 4);
    struct kn_fiber *fiber = new_fiber(dig_deep, &result);

    kn_fiber_resume(fiber);
    cr_assert_lt(fiber->stack->deepest, fiber->stack->top - 100 * 64);
    kn_fiber_resume(fiber);
    cr_assert(kn_fiber_done(fiber));
    cr_assert_eq(result, dig(100, 0));
    kn_fiber_free(&stacks, fiber);
    stop();
}

static void dig_for_ever(void *arg)
{
    *(unsigned *)arg = dig(1u << 30, 0);
}

/* A sanitizer that reports the fault ends the child with an exit status instead of the signal. */
Test(fiber, overflow_dies_at_the_guard)
{
    unsigned result = 0;
    int status = 0;

    start(0);
    struct kn_fiber *fiber = new_fiber(dig_for_ever, &result);
    pid_t child = fork();

    if (child == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        kn_fiber_resume(fiber);
        _exit(0);
    }
    cr_assert_gt(child, 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
    kn_fiber_free(&stacks, fiber);
    stop();
}

/* ---- on several threads ---- */

enum { ROAM_FIBERS = 16, ROAM_THREADS = 3, ROAM_STEPS = 2000 };

static KN_TLS unsigned thread_id;

static KN_NOINLINE unsigned on_thread(void)
{
    return thread_id;
}

struct roamer {
    kn_atomic(uint32_t) is_taken; /* a thread runs it */
    struct kn_fiber *fiber;
    unsigned steps;
    unsigned moves;
};

static struct roamer roamers[ROAM_FIBERS];
static kn_atomic(uint32_t) roamers_left;

static void roam(void *arg)
{
    struct roamer *self = arg;
    unsigned last = on_thread();

    for (unsigned i = 0; i < ROAM_STEPS; i++) {
        char pad[32];

        memset(pad, (int)(i & 0x7f), sizeof(pad));
        cr_assert_eq(kn_fiber_current(), self->fiber);
        kn_fiber_suspend();
        cr_assert_eq(pad[i % sizeof(pad)], (char)(i & 0x7f));
        self->moves += last != on_thread();
        last = on_thread();
        self->steps++;
    }
}

static void *roam_thread(void *arg)
{
    struct kn_stacks mine;
    unsigned at = (unsigned)(uintptr_t)arg;

    thread_id = at + 1;
    kn_stacks_init(&mine, &pool, -1);
    while (kn_load(&roamers_left, relaxed) > 0) {
        struct roamer *roamer = &roamers[at++ % ROAM_FIBERS];

        /* Acquire and release: the hand-over that the header asks for. */
        if (kn_swap(&roamer->is_taken, 1, acquire) != 0) {
            continue;
        }
        kn_fiber_resume(roamer->fiber);
        if (kn_fiber_done(roamer->fiber)) {
            kn_fiber_free(&mine, roamer->fiber);
            (void)kn_sub(&roamers_left, 1, relaxed);
            continue; /* stays taken */
        }
        kn_store(&roamer->is_taken, 0, release);
    }
    kn_stacks_fini(&mine);
    return NULL;
}

Test(fiber, goes_on_on_any_thread, .timeout = 60)
{
    pthread_t thread[ROAM_THREADS];

    start(0);
    kn_store(&roamers_left, ROAM_FIBERS, relaxed);
    for (unsigned i = 0; i < ROAM_FIBERS; i++) {
        roamers[i].fiber = new_fiber(roam, &roamers[i]);
    }
    for (uintptr_t i = 0; i < ROAM_THREADS; i++) {
        cr_assert_eq(pthread_create(&thread[i], NULL, roam_thread, (void *)i), 0);
    }
    for (unsigned i = 0; i < ROAM_THREADS; i++) {
        cr_assert_eq(pthread_join(thread[i], NULL), 0);
    }
    for (unsigned i = 0; i < ROAM_FIBERS; i++) {
        cr_assert_eq(roamers[i].steps, ROAM_STEPS);
    }
    stop();
}
