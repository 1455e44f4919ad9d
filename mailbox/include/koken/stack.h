/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stack without a bound, for any number of threads: last in, first out. There are two kinds.
 *
 * A stack of pointers, koken_stack_new, takes any item. Its nodes are its own: one that a thread has popped is
 * used again when no other can be reading it (koken/epoch.h), mostly by that thread, without the allocator.
 *
 * A stack of links, koken_stack_new_linked, takes objects that bring a link: it needs no memory. What has been
 * popped may still be read by another pop for a moment: whoever pops is pinned meanwhile in an epoch domain, and
 * an object is retired there before it is pushed again, or freed. Where one thread alone pops, it may do
 * both at once, and nobody pins.
 *
 *              push  pop  is_empty  free
 *     push       -    -      -       X       X: needs exclusion, -: may run at once
 *     pop             -      -       X
 *     is_empty               -       X       push_link as push, pop_link as pop
 *
 * Progress: push and pop are lock-free but for the allocator, push_link and pop_link lock-free, is_empty wait-free.
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
 * allocation for the first few of a thread, and where it pushes more than it pops; one locked instruction.
 */
KOKEN_MUST_USE int koken_stack_push(struct koken_stack *stack, void *item);

/*
 * koken_stack_pop takes the newest item. 1: *ret_item is it; 0: the stack is empty. Thread: any. Errors: -ENOMEM
 * at a thread's first pop only, and nothing is taken; -EINVAL.
 */
KOKEN_MUST_USE int koken_stack_pop(struct koken_stack *stack, void **ret_item);

/* What stands inside an object of a stack of links. */
struct koken_stack_link {
    struct koken_stack_link *next_; /* nobody's business */
};

/* koken_stack_new_linked makes an empty stack of links. Errors: -EINVAL, -ENOMEM. */
KOKEN_MUST_USE int koken_stack_new_linked(struct koken_stack **ret_stack);

/*
 * koken_stack_push_link puts an object on top, by its link, which is in no stack. Thread: any. Errors: -EINVAL, also for
 * a stack of pointers. Order: as koken_stack_push. Cost: one locked instruction.
 */
int koken_stack_push_link(struct koken_stack *stack, struct koken_stack_link *link);

/*
 * koken_stack_pop_link takes the newest object. 1: *ret_link is its link; 0: the stack is empty, and it is NULL.
 * Thread: any that is pinned where the objects are retired, or one alone. Errors: -EINVAL, also for a stack of
 * pointers. Cost: one locked instruction.
 */
int koken_stack_pop_link(struct koken_stack *stack, struct koken_stack_link **ret_link);

/* koken_stack_is_empty: whether it was, a moment ago. Thread: any. */
bool koken_stack_is_empty(const struct koken_stack *stack);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
