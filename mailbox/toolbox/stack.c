/* SPDX-License-Identifier: Apache-2.0 */
/* The lock-free stack. The argument is in stack.h. */
#include "mailbox/toolbox/stack.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <errno.h>

static void free_node(struct koken_retired *retired)
{
    kn_free(retired, sizeof(struct kn_stack_node), _Alignof(struct kn_stack_node));
}

int koken_stack_new(struct koken_epoch *keep_epoch, struct koken_stack **ret_stack)
{
    if (!ret_stack) {
        return -EINVAL;
    }
    struct koken_stack *stack = kn_alloc(sizeof *stack, _Alignof(struct koken_stack), -1);
    if (!stack) {
        return -ENOMEM;
    }
    kn_atomic_init(&stack->top, NULL);
    stack->epoch = keep_epoch;
    stack->owns_epoch = !keep_epoch;
    if (stack->owns_epoch) {
        int rc = koken_epoch_new(&stack->epoch);
        if (rc < 0) {
            kn_free(stack, sizeof *stack, _Alignof(struct koken_stack));
            return rc;
        }
    }
    *ret_stack = stack;
    return 0;
}

void koken_stack_free(struct koken_stack *stack)
{
    if (!stack) {
        return;
    }
    struct kn_stack_node *node = kn_load(&stack->top, acquire); /* [ST1] */
    while (node) { /* ends: the list is finite, and nobody else is here */
        struct kn_stack_node *next = node->next;
        free_node(&node->retired);
        node = next;
    }
    if (stack->owns_epoch) {
        koken_epoch_free(stack->epoch);
    }
    kn_free(stack, sizeof *stack, _Alignof(struct koken_stack));
}

int koken_stack_push(struct koken_stack *stack, void *item)
{
    if (!stack || !item) {
        return -EINVAL;
    }
    struct kn_stack_node *node = kn_alloc(sizeof *node, _Alignof(struct kn_stack_node), -1);
    if (!node) {
        return -ENOMEM;
    }
    node->item = item;
    kn_stack_push(stack, node);
    return 0;
}

int koken_stack_pop(struct koken_stack *stack, void **ret_item)
{
    if (!stack || !ret_item) {
        return -EINVAL;
    }
    int rc = koken_epoch_pin(stack->epoch);
    if (rc < 0) {
        return rc;
    }
    struct kn_stack_node *node = kn_stack_pop(stack);
    if (node) {
        *ret_item = node->item;
        rc = koken_epoch_retire(stack->epoch, &node->retired, free_node);
        KN_ASSERT(rc == 0); /* this thread is known */
    }
    rc = koken_epoch_unpin(stack->epoch);
    KN_ASSERT(rc == 0);
    (void)rc;
    return node ? 1 : 0;
}

bool koken_stack_is_empty(const struct koken_stack *stack)
{
    /* Relaxed: a hint. */
    return !stack || !kn_load(&((struct koken_stack *)(uintptr_t)stack)->top, relaxed);
}
