/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fibers: functions with a stack of their own that may stop in the middle and go on later, on any
 * thread.
 *
 *             resume          entry returns
 *      NEW ----------> RUNNING ------------> DONE
 *                       |   ^
 *               suspend |   | resume                       free: from NEW, SUSPENDED and DONE
 *                       v   |
 *                     SUSPENDED
 *
 * A fiber is resumed from a thread's own stack (or from another fiber) and suspends back to whoever
 * resumed it, which is on the same thread. It may only be published to other threads, as something
 * to be resumed, after kn_fiber_resume() has returned: before, its registers are not all in memory.
 * So a step function resumes, and when resume returns it says where the fiber waits. The hand-over
 * to the next thread is a release/acquire pair of whoever does it (the mailbox word, the run
 * queue).
 *
 *                  resume  free  done        X: needs exclusion (one owner at a time); no operation
 * blocks resume/free    X     X     X
 *
 * Not part of a fiber: thread-local variables, errno, the signal mask. Code in a fiber must not
 * keep the address of a thread-local variable across a suspension, nor hold a mutex.
 */
#ifndef KN_SCHED_FIBER_H
#define KN_SCHED_FIBER_H

#include "base/align.h"
#include "sched/fiber_sanitize.h"
#include "sched/stacks.h"

#include <koken/error.h>
#include <stdbool.h>
#include <stdint.h>

enum kn_fiber_state { KN_FIBER_NEW, KN_FIBER_RUNNING, KN_FIBER_SUSPENDED, KN_FIBER_DONE };

/* Lives in the room of its own stack. (o) all of it, whoever holds the fiber. */
struct kn_fiber {
    void *sp;         /* saved, while it does not run */
    void *resumer_sp; /* saved, while it runs */
    void (*entry)(void *arg);
    void *arg;
    struct kn_stack *stack;
    enum kn_fiber_state state;
    struct kn_fiber_sanitize sanitize;
};
_Static_assert(sizeof(struct kn_fiber) <= KN_STACK_ROOM, "a fiber fits into the room of its stack");

/*
 * A fiber that will run entry(arg) when it is resumed first. Thread: the owner of stacks.
 * Errors: -ENOMEM. Cost: a stack from the cache and about twenty stores.
 */
KOKEN_MUST_USE int kn_fiber_new(struct kn_stacks *stacks, void (*entry)(void *arg), void *keep_arg,
                                struct kn_fiber **ret_fiber);

/*
 * Gives the stack to this worker, which need not be the one it came from. What a suspended fiber
 * had on its stack is dropped: nothing in it runs any more. Accepts NULL.
 */
void kn_fiber_free(struct kn_stacks *stacks, struct kn_fiber *take_fiber);

/* Runs it until it suspends or its entry returns. Cost: two context switches. */
void kn_fiber_resume(struct kn_fiber *fiber);

/* In a fiber: goes back to who resumed it; returns when it is resumed, maybe on another thread. */
void kn_fiber_suspend(void);

/* The fiber that runs on this thread, or NULL. Ask again after a suspension. */
KN_NOINLINE struct kn_fiber *kn_fiber_current(void);

static inline bool kn_fiber_done(const struct kn_fiber *fiber)
{
    return fiber->state == KN_FIBER_DONE;
}

#endif
