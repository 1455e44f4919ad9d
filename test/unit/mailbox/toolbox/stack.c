/* SPDX-License-Identifier: Apache-2.0 */
/* Proves last in, first out, and that many threads that push and pop get each item once and free each node. */
#include "mailbox/toolbox/stack.h"

#include "base/alloc.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>

#if defined(KN_TSAN)
enum { THREADS = 8, EACH = 3000 };
#elif defined(KN_DEBUG)
enum { THREADS = 8, EACH = 20000 };
#else
enum { THREADS = 8, EACH = 100000 };
#endif

static int numbers[THREADS * EACH];
static kn_atomic(uint32_t) seen[THREADS * EACH];
static kn_atomic(uint32_t) next_thread;
static struct koken_stack *shared;

static struct koken_stack *make(struct koken_epoch *epoch)
{
    struct koken_stack *stack;
    cr_assert_eq(koken_stack_new(epoch, &stack), 0);
    return stack;
}

Test(stack, last_in_first_out)
{
    struct koken_stack *stack = make(NULL);
    void *item;
    cr_assert(koken_stack_is_empty(stack));
    cr_assert_eq(koken_stack_pop(stack, &item), 0);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(koken_stack_push(stack, &numbers[i]), 0);
    }
    cr_assert_not(koken_stack_is_empty(stack));
    for (int i = 2; i >= 0; i--) {
        cr_assert_eq(koken_stack_pop(stack, &item), 1);
        cr_assert_eq(item, (void *)&numbers[i]);
    }
    cr_assert_eq(koken_stack_pop(stack, &item), 0);
    cr_assert_eq(koken_stack_push(stack, &numbers[0]), 0); /* forgotten with the stack */
    koken_stack_free(stack);
}

static void work(void *arg)
{
    uint32_t first = kn_add(&next_thread, 1, relaxed) * EACH;
    void *item;
    (void)arg;
    for (uint32_t i = 0; i < EACH; i++) {
        cr_assert_eq(koken_stack_push(shared, &numbers[first + i]), 0);
        if (i % 2 == 1) {
            for (int n = 0; n < 2; n++) { /* as many as it has pushed: there is always one */
                cr_assert_eq(koken_stack_pop(shared, &item), 1);
                (void)kn_add(&seen[(int *)item - numbers], 1, relaxed);
            }
        }
    }
}

Test(stack, each_item_once_and_every_node_freed)
{
    struct kn_thread threads[THREADS] = {0};
    struct koken_epoch *epoch;
    struct koken_epoch_stats stats;
    cr_assert_eq(koken_epoch_new(&epoch), 0);
    shared = make(epoch);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "stack", work, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        kn_thread_join(&threads[i]);
    }
    for (int i = 0; i < THREADS * EACH; i++) {
        cr_assert_eq(kn_load(&seen[i], relaxed), 1, "item %d", i);
    }
    cr_assert(koken_stack_is_empty(shared));
    cr_assert_eq(koken_epoch_flush(epoch), 0);
    cr_assert_eq(koken_epoch_stats_get(epoch, &stats), 0);
    cr_assert_eq(stats.freed, THREADS * EACH);
    koken_stack_free(shared);
    koken_epoch_free(epoch);
}

struct object {
    struct koken_stack_link link;
    struct koken_retired retired;
    uint32_t number;
};

static struct koken_epoch *domain;
static kn_atomic(uint32_t) gone;

static struct object *object_of(struct koken_stack_link *link)
{
    return kn_container_of(link, struct object, link);
}

static void free_object(struct koken_retired *retired)
{
    (void)kn_add(&gone, 1, relaxed);
    kn_free(kn_container_of(retired, struct object, retired), sizeof(struct object),
            _Alignof(struct object));
}

static void work_linked(void *arg)
{
    uint32_t first = kn_add(&next_thread, 1, relaxed) * EACH;
    struct koken_stack_link *link;
    (void)arg;
    for (uint32_t i = 0; i < EACH; i++) {
        struct object *object = kn_alloc(sizeof *object, _Alignof(struct object), -1);
        object->number = first + i;
        cr_assert_eq(koken_stack_push_link(shared, &object->link), 0);
        cr_assert_eq(koken_epoch_pin(domain), 0);
        cr_assert_eq(koken_stack_pop_link(shared, &link), 1);
        cr_assert_eq(koken_epoch_unpin(domain), 0);
        (void)kn_add(&seen[object_of(link)->number], 1, relaxed);
        cr_assert_eq(koken_epoch_retire(domain, &object_of(link)->retired, free_object), 0);
    }
}

Test(stack, objects_by_their_links)
{
    struct kn_thread threads[THREADS] = {0};
    kn_store(&next_thread, 0, relaxed);
    cr_assert_eq(koken_epoch_new(&domain), 0);
    cr_assert_eq(koken_stack_new_linked(&shared), 0);
    for (int i = 0; i < THREADS * EACH; i++) {
        kn_store(&seen[i], 0, relaxed);
    }
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "stack", work_linked, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        kn_thread_join(&threads[i]);
    }
    for (int i = 0; i < THREADS * EACH; i++) {
        cr_assert_eq(kn_load(&seen[i], relaxed), 1, "object %d", i);
    }
    cr_assert(koken_stack_is_empty(shared));
    koken_stack_free(shared);
    koken_epoch_free(domain);
    cr_assert_eq(kn_load(&gone, relaxed), THREADS * EACH);
}

Test(stack, a_link_again_at_once_where_one_pops)
{
    struct koken_stack *stack;
    struct koken_stack_link a, b, *link;
    cr_assert_eq(koken_stack_new_linked(&stack), 0);
    cr_assert_eq(koken_stack_pop_link(stack, &link), 0);
    cr_assert_null(link);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(koken_stack_push_link(stack, &a), 0);
        cr_assert_eq(koken_stack_push_link(stack, &b), 0);
        cr_assert_eq(koken_stack_pop_link(stack, &link), 1);
        cr_assert_eq(link, &b);
        cr_assert_eq(koken_stack_pop_link(stack, &link), 1);
        cr_assert_eq(link, &a);
    }
    cr_assert_eq(koken_stack_push_link(stack, &a), 0); /* left in it: the object is the program's */
    koken_stack_free(stack);
}

Test(stack, of_the_other_kind)
{
    struct koken_stack *pointers = make(NULL), *links;
    struct koken_stack_link link, *out;
    void *item;
    cr_assert_eq(koken_stack_new_linked(&links), 0);
    cr_assert_eq(koken_stack_new_linked(NULL), -EINVAL);
    cr_assert_eq(koken_stack_push(links, &item), -EINVAL);
    cr_assert_eq(koken_stack_pop(links, &item), -EINVAL);
    cr_assert_eq(koken_stack_push_link(pointers, &link), -EINVAL);
    cr_assert_eq(koken_stack_pop_link(pointers, &out), -EINVAL);
    cr_assert_eq(koken_stack_push_link(links, NULL), -EINVAL);
    cr_assert_eq(koken_stack_push_link(NULL, &link), -EINVAL);
    cr_assert_eq(koken_stack_pop_link(links, NULL), -EINVAL);
    cr_assert_eq(koken_stack_pop_link(NULL, &out), -EINVAL);
    koken_stack_free(pointers);
    koken_stack_free(links);
}

Test(stack, bad_input)
{
    struct koken_stack *stack = make(NULL);
    void *item;
    cr_assert_eq(koken_stack_new(NULL, NULL), -EINVAL);
    cr_assert_eq(koken_stack_push(stack, NULL), -EINVAL);
    cr_assert_eq(koken_stack_push(NULL, &item), -EINVAL);
    cr_assert_eq(koken_stack_pop(stack, NULL), -EINVAL);
    cr_assert_eq(koken_stack_pop(NULL, &item), -EINVAL);
    cr_assert(koken_stack_is_empty(NULL));
#ifdef KN_DEBUG
    struct koken_stack *none;
    for (uint64_t n = 0; n < 2; n++) {
        kn_alloc_fail_after(n);
        cr_assert_eq(koken_stack_new(NULL, &none), -ENOMEM);
    }
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_stack_new_linked(&none), -ENOMEM);
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_stack_push(stack, &item), -ENOMEM);
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_stack_pop(stack, &item), -ENOMEM);
    kn_alloc_fail_after(UINT64_MAX);
#endif
    koken_stack_free(stack);
    koken_stack_free(NULL);
}
