/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stack is made of, and its two operations, on records of threads said openly.
 *
 * The swap in pop is safe because the thread is pinned: as long as it is, a node it has seen on top is not freed,
 * so it is not made again, and if top is still that node, its next is still right. Push needs no pin: whatever
 * is on top when its swap succeeds, the node's next is that. Where one thread alone pops, what is on top stays there
 * until it takes it: then no pin is needed, and a link may be pushed again at once.
 *
 * Nodes are blocks that the thread keeps after their time (kn_epoch_block()): no allocator on the usual way.
 */
#ifndef KN_MAILBOX_TOOLBOX_STACK_H
#define KN_MAILBOX_TOOLBOX_STACK_H

#include <koken/stack.h>

#include "mailbox/toolbox/epoch.h"

/* Of a stack of pointers: a block of the thread's record. */
struct kn_stack_node {
    struct koken_retired retired; /* first */
    struct koken_stack_link link; /* (c) once pushed */
    void *item;                   /* (c) */
};
_Static_assert(sizeof(struct kn_stack_node) <= KN_EPOCH_BLOCK, "it fits");

struct koken_stack {
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(struct koken_stack_link *) top; /* (a) */
    struct koken_epoch *epoch;                                             /* (c) NULL: of links */
    bool owns_epoch;                                                       /* (c) */
};

static inline void kn_stack_push(struct koken_stack *stack, struct koken_stack_link *link)
{
    struct koken_stack_link *top = kn_load(&stack->top, relaxed); /* relaxed: the swap decides */
    do { /* ends: a failure means that another call succeeded */
        link->next_ = top;
        /* [ST1] release: the link and what is behind it. Pairs with acquire in kn_stack_pop(). */
    } while (!kn_cas_weak(&stack->top, &top, link, release, relaxed));
}

/* NULL: empty. The caller is pinned, and retires what holds the link; or nobody else pops. */
static inline struct koken_stack_link *kn_stack_pop(struct koken_stack *stack)
{
    /* [ST1] acquire: the link. Pairs with release in kn_stack_push(), whose order pops of others carry on. */
    struct koken_stack_link *top = kn_load(&stack->top, acquire);
    while (top &&
           !kn_cas_weak(&stack->top, &top, top->next_, acquire, acquire)) { /* ends: as above */
    }
    return top;
}

#endif
