/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stack is made of, and its two operations, on records of threads said openly.
 *
 * The swap in pop is safe because the thread is pinned: as long as it is, a node it has seen on top is not freed,
 * so it is not made again, and if top is still that node, its next is still right. Push needs no pin: whatever
 * is on top when its swap succeeds, the node's next is that.
 */
#ifndef KN_MAILBOX_TOOLBOX_STACK_H
#define KN_MAILBOX_TOOLBOX_STACK_H

#include <koken/stack.h>

#include "mailbox/toolbox/epoch.h"

struct kn_stack_node {
    struct koken_retired retired; /* first */
    struct kn_stack_node *next;   /* (c) once pushed */
    void *item;                   /* (c) */
};

struct koken_stack {
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(struct kn_stack_node *) top; /* (a) */
    struct koken_epoch *epoch;                                          /* (c) */
    bool owns_epoch;                                                    /* (c) */
};

static inline void kn_stack_push(struct koken_stack *stack, struct kn_stack_node *node)
{
    struct kn_stack_node *top = kn_load(&stack->top, relaxed); /* relaxed: the swap decides */
    do { /* ends: a failure means that another call succeeded */
        node->next = top;
        /* [ST1] release: the node and what the item points to. Pairs with acquire in kn_stack_pop(). */
    } while (!kn_cas_weak(&stack->top, &top, node, release, relaxed));
}

/* NULL: empty. The caller is pinned, and retires the node. */
static inline struct kn_stack_node *kn_stack_pop(struct koken_stack *stack)
{
    /* [ST1] acquire: the node. Pairs with release in kn_stack_push(), whose order pops of others carry on. */
    struct kn_stack_node *top = kn_load(&stack->top, acquire);
    while (top &&
           !kn_cas_weak(&stack->top, &top, top->next, acquire, acquire)) { /* ends: as above */
    }
    return top;
}

#endif
