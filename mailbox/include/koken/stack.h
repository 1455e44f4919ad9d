/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stack of pointers without a bound, for any number of threads: last in, first out. A node that one thread
 * has popped is freed when no other can be reading it (koken/epoch.h).
 *
 *              push  pop  is_empty  free
 *     push       -    -      -       X       X: needs exclusion, -: may run at once
 *     pop             -      -       X
 *     is_empty               -       X       push, pop: lock-free but for the allocator; is_empty: wait-free
 *
 * Idea: R. K. Treiber, 1986.
 */
#ifndef KOKEN_STACK_H
#define KOKEN_STACK_H

#include <koken/epoch.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_stack;

/*
 * koken_stack_new makes an empty stack. keep_epoch is the domain that frees its nodes, kept alive until after
 * the stack; NULL: one of its own. Errors: -EINVAL, -ENOMEM.
 */
KOKEN_MUST_USE int koken_stack_new(struct koken_epoch *keep_epoch, struct koken_stack **ret_stack);

/* koken_stack_free frees a stack that nobody uses any more, and forgets what is in it. NULL is accepted. */
void koken_stack_free(struct koken_stack *stack);

/*
 * koken_stack_push puts item on top. Thread: any. Errors: -ENOMEM; -EINVAL, also for an item that is NULL.
 * Order: what precedes the push happens-before what follows the pop that gets the item. Cost: an
 * allocation, one locked instruction.
 */
KOKEN_MUST_USE int koken_stack_push(struct koken_stack *stack, void *item);

/*
 * koken_stack_pop takes the newest item. 1: *ret_item is it; 0: the stack is empty. Thread: any. Errors: -ENOMEM
 * at a thread's first pop only, and nothing is taken; -EINVAL.
 */
KOKEN_MUST_USE int koken_stack_pop(struct koken_stack *stack, void **ret_item);

/* koken_stack_is_empty: whether it was, a moment ago. Thread: any. */
bool koken_stack_is_empty(const struct koken_stack *stack);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
