/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves what base/look.h does not meet: no signal that is free, a thread with a stack for handlers of its own, a walk
 * that does not meet what was interrupted, and one with less room than there are callers.
 */
#include "base/platform/platform.h"

#include "base/align.h"
#include "base/atomic.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

static kn_atomic(unsigned) called;

static void on_asked(const void *interrupted)
{
    (void)interrupted;
    (void)kn_add(&called, 1, relaxed);
}

static void on_any(int number)
{
    (void)number;
}

static void on_any_with_more(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
}

#ifndef KN_MSAN
/* Signals with a handler of either kind are left alone, and so are those that are ignored. */
Test(ask, a_signal_that_means_something_is_not_taken)
{
    static struct sigaction old[128];
    int rc, first = SIGRTMIN, last = SIGRTMAX;
    cr_assert_lt(last, 128);
    for (int number = first; number <= last; number++) {
        struct sigaction mine = {.sa_handler = number % 2 ? on_any : SIG_IGN};
        if (number % 3 == 0) {
            mine = (struct sigaction){.sa_sigaction = on_any_with_more, .sa_flags = SA_SIGINFO};
        }
        (void)sigemptyset(&mine.sa_mask);
        cr_assert_eq(sigaction(number, &mine, &old[number]), 0);
    }
    rc = kn_platform_ask_init(on_asked);
    for (int number = first; number <= last; number++) {
        struct sigaction now;
        cr_expect_eq(sigaction(number, &old[number], &now), 0);
        cr_expect_eq(!!(now.sa_flags & SA_SIGINFO), number % 3 == 0);
    }
    cr_assert_eq(rc, -EBUSY);
}

/* What the thread has for its handlers is used, and not taken away. */
Test(ask, a_thread_with_a_stack_for_handlers_keeps_it)
{
    enum { SIZE = 64 * 1024 };
    void *stack = NULL, *memory = malloc(SIZE);
    stack_t own = {.ss_sp = memory, .ss_size = SIZE}, old, now;
    cr_assert_not_null(memory);
    cr_assert_eq(kn_platform_ask_init(on_asked), 0);
    cr_assert_eq(sigaltstack(&own, &old), 0);
    uint32_t thread = kn_platform_ask_enter(&stack);
    cr_assert_neq(thread, 0);
    cr_assert_null(stack);
    called = 0;
    cr_assert(
        kn_platform_ask(thread)); /* comes before the call returns: it is to the caller itself */
    cr_assert_eq(called, 1);
    kn_platform_ask_leave(stack);
    cr_assert_eq(sigaltstack(&old, &now), 0);
    cr_assert_eq(now.ss_sp, memory);
    cr_assert(!kn_platform_ask(UINT32_MAX / 2)); /* nobody */
    free(memory);
}

KN_NOINLINE static unsigned walk(const void *interrupted, const void **frames, unsigned max)
{
    unsigned count = kn_platform_unwind(interrupted, frames, max);
    return count; /* not the last call: it stays on the stack */
}

Test(ask, a_walk_has_as_many_frames_as_there_is_room_for)
{
    const void *all[64], *some[2] = {NULL, NULL};
    unsigned count = walk(NULL, all, 64); /* not met: from the walk's own on */
    cr_assert_gt(count, 2);
    cr_assert_leq(count, 64);
    cr_assert_eq(walk(NULL, some, 1), 1);
    cr_assert_not_null(some[0]);
    cr_assert_null(some[1]);
    cr_assert_lt(walk(all[count - 1], some, 2), count);
}
#endif
