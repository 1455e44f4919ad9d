/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fibers over kn_switch(). A fiber keeps two stack pointers, its own and its resumer's; exactly one
 * of them is live at a time. current is set by the resumer and put back by it, on one thread, so
 * that a fiber which comes back on another thread finds that thread's.
 */
#include "sched/fiber.h"

#include "base/assert.h"
#include "base/atomic.h"
#include "base/platform/switch.h"
#include "base/world.h"

static KN_TLS struct kn_fiber *current;
KN_TLS_SIMULATED(current);

#ifdef KN_TSAN_AGENTS
static void *first; /* the sanitizer's fiber of who started the program, as it was then */
static kn_atomic(uint32_t)
    busy; /* a lock: the sanitizer's own would be an edge between its users */

__attribute__((constructor)) static void make_first(void)
{
    first = __tsan_create_fiber(0);
}

void *kn_sanitize_fiber(void)
{
    while (kn_swap(&busy, 1, acquire)) { /* ends: whoever has it makes one fiber. [FI1] acquire */
        kn_pause();
    }
    void *self = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(first, KN_FIBER_NO_SYNC);
    void *fiber = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(self, KN_FIBER_NO_SYNC);
    kn_store(&busy, 0, release); /* [FI1] release: the fibers' own lists */
    return fiber;
}
#endif

/*
 * Never inlined: a fiber may go on on another thread, and a compiler that sees the variable may
 * keep the address that it had on the first one.
 */
KN_NOINLINE struct kn_fiber *kn_fiber_current(void)
{
    return current;
}

/* The first function on every fiber's stack, and the last. */
static void run(void *arg)
{
    struct kn_fiber *self = arg;

    kn_sanitize_entered(&self->sanitize);
    self->entry(self->arg);
    KN_ASSERT(self->state == KN_FIBER_RUNNING);
    self->state = KN_FIBER_DONE;
    kn_sanitize_leave(&self->sanitize, /* for_good= */ true);
    kn_switch(&self->sp, self->resumer_sp);
    __builtin_unreachable(); /* resume refuses what is done */
}

int kn_fiber_new(struct kn_stacks *stacks, void (*entry)(void *arg), void *keep_arg,
                 struct kn_fiber **ret_fiber)
{
    struct kn_stack *stack;
    struct kn_fiber *fiber;
    int rc = kn_stack_take(stacks, &stack);

    if (rc < 0) {
        return rc;
    }
    fiber = (struct kn_fiber *)(void *)stack->top;
    fiber->sp = kn_switch_prepare(stack->top, run, fiber);
    fiber->resumer_sp = NULL;
    fiber->entry = entry;
    fiber->arg = keep_arg;
    fiber->stack = stack;
    fiber->state = KN_FIBER_NEW;
    kn_sanitize_new(&fiber->sanitize);
    *ret_fiber = fiber;
    return 0;
}

void kn_fiber_free(struct kn_stacks *stacks, struct kn_fiber *take_fiber)
{
    if (take_fiber == NULL) {
        return;
    }
    KOKEN_CHECK(take_fiber->state != KN_FIBER_RUNNING);
    kn_sanitize_free(&take_fiber->sanitize);
    kn_stack_give(stacks, take_fiber->stack);
}

KN_UNPAIRED void kn_fiber_resume(struct kn_fiber *fiber)
{
    struct kn_fiber *outer = current;
    struct kn_stack *stack = fiber->stack;

    KOKEN_CHECK(fiber->state == KN_FIBER_NEW || fiber->state == KN_FIBER_SUSPENDED);
    KN_ASSERT((char *)fiber->sp > stack->low);
    KN_ASSERT((char *)fiber->sp < stack->top);
    fiber->state = KN_FIBER_RUNNING;
    current = fiber;
    kn_sanitize_enter(&fiber->sanitize, stack->low, (size_t)(stack->top - stack->low));
    kn_switch(&fiber->resumer_sp, fiber->sp);
    kn_sanitize_left(&fiber->sanitize);
    current = outer;
    KN_ASSERT(fiber->state != KN_FIBER_RUNNING);
    kn_stack_saw(stack, fiber->sp);
}

KN_UNPAIRED void kn_fiber_suspend(void)
{
    struct kn_fiber *self = kn_fiber_current();

    KOKEN_CHECK(self != NULL);
    KN_ASSERT(self->state == KN_FIBER_RUNNING);
    self->state = KN_FIBER_SUSPENDED;
    kn_sanitize_leave(&self->sanitize, /* for_good= */ false);
    kn_switch(&self->sp, self->resumer_sp);
    kn_sanitize_resumed(&self->sanitize);
    KN_ASSERT(self->state == KN_FIBER_RUNNING);
}
