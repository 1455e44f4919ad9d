/* SPDX-License-Identifier: Apache-2.0 */
/* The lock-free stack. The argument is in stack.h. */
#include "mailbox/toolbox/stack.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <errno.h>

static struct kn_stack_node *node_of(struct koken_stack_link *link)
{
    return kn_container_of(link, struct kn_stack_node, link);
}

static int make(struct koken_epoch *epoch, bool owns_epoch, struct koken_stack **ret_stack)
{
    struct koken_stack *stack = kn_alloc(sizeof *stack, _Alignof(struct koken_stack), -1);
    if (!stack) {
        return -ENOMEM;
    }
    KN_ASSERT(epoch != NULL || !owns_epoch);
    kn_atomic_init(&stack->top, NULL);
    stack->epoch = epoch;
    stack->owns_epoch = owns_epoch;
    *ret_stack = stack;
    return 0;
}

int koken_stack_new(struct koken_epoch *keep_epoch, struct koken_stack **ret_stack)
{
    struct koken_epoch *epoch = keep_epoch;
    if (!ret_stack) {
        return -EINVAL;
    }
    int rc = keep_epoch ? 0 : koken_epoch_new(&epoch);
    if (rc == 0) {
        rc = make(epoch, !keep_epoch, ret_stack);
        if (rc < 0 && !keep_epoch) {
            koken_epoch_free(epoch);
        }
    }
    return rc;
}

int koken_stack_new_linked(struct koken_stack **ret_stack)
{
    return ret_stack ? make(NULL, false, ret_stack) : -EINVAL;
}

void koken_stack_free(struct koken_stack *stack)
{
    if (!stack) {
        return;
    }
    struct koken_stack_link *link = stack->epoch ? kn_load(&stack->top, acquire) : NULL; /* [ST1] */
    while (link) { /* ends: the list is finite, and nobody else is here */
        struct koken_stack_link *next = link->next_;
        kn_epoch_block_free(node_of(link));
        link = next;
    }
    if (stack->owns_epoch) {
        koken_epoch_free(stack->epoch);
    }
    kn_free(stack, sizeof *stack, _Alignof(struct koken_stack));
}

KN_HOT int koken_stack_push(struct koken_stack *stack, void *item)
{
    if (kn_unlikely(!stack || !item || !stack->epoch)) {
        return -EINVAL;
    }
    struct kn_epoch_record *record = kn_epoch_mine(stack->epoch);
    struct kn_stack_node *node = record ? kn_epoch_block(record) : NULL;
    if (kn_unlikely(!node)) {
        return -ENOMEM;
    }
    node->item = item;
    kn_stack_push(stack, &node->link);
    return 0;
}

KN_HOT int koken_stack_pop(struct koken_stack *stack, void **ret_item)
{
    if (kn_unlikely(!stack || !ret_item || !stack->epoch)) {
        return -EINVAL;
    }
    struct kn_epoch_record *record = kn_epoch_mine(stack->epoch);
    if (kn_unlikely(!record)) {
        return -ENOMEM;
    }
    kn_epoch_pin(stack->epoch, record);
    struct koken_stack_link *link = kn_stack_pop(stack);
    kn_epoch_unpin(record);
    if (!link) {
        return 0;
    }
    struct kn_stack_node *node = node_of(link);
    KN_ASSERT(node->item != NULL);
    *ret_item = node->item;
    kn_epoch_retire(stack->epoch, record, &node->retired, /* free_object= */ NULL);
    return 1;
}

KN_HOT int koken_stack_push_link(struct koken_stack *stack, struct koken_stack_link *link)
{
    if (kn_unlikely(!stack || !link || stack->epoch)) {
        return -EINVAL;
    }
    kn_stack_push(stack, link);
    return 0;
}

KN_HOT int koken_stack_pop_link(struct koken_stack *stack, struct koken_stack_link **ret_link)
{
    if (kn_unlikely(!stack || !ret_link || stack->epoch)) {
        return -EINVAL;
    }
    struct koken_stack_link *link = kn_stack_pop(stack);
    *ret_link = link;
    return link != NULL;
}

bool koken_stack_is_empty(const struct koken_stack *stack)
{
    /* Relaxed: a hint. */
    return !stack || !kn_load(&((struct koken_stack *)(uintptr_t)stack)->top, relaxed);
}
