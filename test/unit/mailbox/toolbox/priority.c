/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the strict order with and without age, by the witness that a heap of aged keys gets wrong; and that
 * many threads lose nothing.
 */
#include <koken/priority.h>

#include "base/alloc.h"
#include "base/atomic.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>

static char items[8];

static struct koken_priority_queue *make(struct koken_priority_queue_options o)
{
    struct koken_priority_queue *queue;
    cr_assert_eq(koken_priority_queue_new(&o, &queue), 0);
    return queue;
}

static void push(struct koken_priority_queue *queue, enum koken_level level, int n)
{
    cr_assert_eq(koken_priority_queue_push(queue, level, &items[n]), 0);
}

static int pop(struct koken_priority_queue *queue)
{
    void *item = NULL, *peeked = NULL;
    int rc = koken_priority_queue_peek(queue, &peeked);
    cr_assert_eq(koken_priority_queue_pop(queue, &item), rc);
    cr_assert_eq(item, peeked);
    return rc == 1 ? (int)((char *)item - items) : -1;
}

Test(priority, best_level_first_then_the_oldest)
{
    struct koken_priority_queue *queue = make((struct koken_priority_queue_options){0});
    struct koken_priority_queue_stats stats;
    push(queue, KOKEN_LEVEL_LOW, 0);
    push(queue, KOKEN_LEVEL_CRITICAL, 1);
    push(queue, KOKEN_LEVEL_NORMAL, 2);
    push(queue, KOKEN_LEVEL_NORMAL, 3);
    push(queue, KOKEN_LEVEL_BACKGROUND, 4);
    cr_assert_eq(koken_priority_queue_stats_get(queue, &stats), 0);
    cr_assert_eq(stats.len[KOKEN_LEVEL_NORMAL], 2);
    cr_assert_eq(stats.pushed[KOKEN_LEVEL_CRITICAL], 1);
    cr_assert_eq(pop(queue), 1);
    cr_assert_eq(pop(queue), 2);
    cr_assert_eq(pop(queue), 3);
    cr_assert_eq(pop(queue), 0);
    cr_assert_eq(pop(queue), 4);
    cr_assert_eq(pop(queue), -1);
    cr_assert_eq(koken_priority_queue_stats_get(queue, &stats), 0);
    cr_assert_eq(stats.len[KOKEN_LEVEL_NORMAL], 0);
    cr_assert_eq(stats.popped[KOKEN_LEVEL_NORMAL], 2);
    cr_assert_eq(stats.aged, 0);
    koken_priority_queue_free(queue);
}

Test(priority, age_counts_at_the_pop)
{
    struct koken_priority_queue *queue = make((struct koken_priority_queue_options){0});
    struct koken_priority_queue_stats stats;
    push(queue, KOKEN_LEVEL_LOW, 0);
    cr_assert_eq(koken_priority_queue_tick(queue, 50), 0);
    push(queue, KOKEN_LEVEL_NORMAL, 1);
    cr_assert_eq(koken_priority_queue_tick(queue, 60), 0);
    cr_assert_eq(pop(queue), 0, "both count as normal, and the low one is older");
    cr_assert_eq(koken_priority_queue_stats_get(queue, &stats), 0);
    cr_assert_eq(stats.aged, 1);
    cr_assert_eq(pop(queue), 1);
    koken_priority_queue_free(queue);
}

Test(priority, age_gives_two_levels_at_most)
{
    struct koken_priority_queue *queue = make((struct koken_priority_queue_options){0});
    push(queue, KOKEN_LEVEL_BACKGROUND, 0);
    cr_assert_eq(koken_priority_queue_tick(queue, 1000000), 0);
    push(queue, KOKEN_LEVEL_CRITICAL, 1);
    push(queue, KOKEN_LEVEL_HIGH, 2);
    push(queue, KOKEN_LEVEL_NORMAL, 3);
    cr_assert_eq(pop(queue), 1);
    cr_assert_eq(pop(queue), 2);
    cr_assert_eq(pop(queue), 0, "as normal, and older");
    cr_assert_eq(pop(queue), 3);
    koken_priority_queue_free(queue);
    queue = make((struct koken_priority_queue_options){.no_ageing = true});
    push(queue, KOKEN_LEVEL_LOW, 0);
    cr_assert_eq(koken_priority_queue_tick(queue, 1000000), 0);
    push(queue, KOKEN_LEVEL_NORMAL, 1);
    cr_assert_eq(pop(queue), 1);
    koken_priority_queue_free(queue);
}

Test(priority, grows_in_order_and_clears)
{
    struct koken_priority_queue *queue = make((struct koken_priority_queue_options){0});
    static char many[1000];
    for (int i = 0; i < 1000; i++) {
        void *item;
        cr_assert_eq(koken_priority_queue_push(queue, KOKEN_LEVEL_NORMAL, &many[i]), 0);
        if (i % 3 == 0) {
            cr_assert_eq(koken_priority_queue_pop(queue, &item), 1);
            cr_assert_eq(item, (void *)&many[i / 3]);
        }
    }
    cr_assert_eq(koken_priority_queue_clear(queue), 666);
    cr_assert_eq(koken_priority_queue_clear(queue), 0);
    cr_assert_eq(pop(queue), -1);
    koken_priority_queue_free(queue);
}

enum { THREADS = 4, EACH = 5000 };

static char shared_items[THREADS * EACH];
static kn_atomic(uint32_t) seen[THREADS * EACH], next_thread;

static void work(void *arg)
{
    struct koken_priority_queue *queue = arg;
    uint32_t first = kn_add(&next_thread, 1, relaxed) * EACH;
    for (uint32_t i = 0; i < EACH; i++) {
        void *item;
        cr_assert_eq(
            koken_priority_queue_push(queue, i % KOKEN_LEVEL_COUNT_, &shared_items[first + i]), 0);
        cr_assert_eq(koken_priority_queue_tick(queue, 1), 0);
        cr_assert_eq(koken_priority_queue_pop(queue, &item), 1);
        (void)kn_add(&seen[(char *)item - shared_items], 1, relaxed);
    }
}

Test(priority, each_item_once_among_threads)
{
    struct kn_thread threads[THREADS] = {0};
    struct koken_priority_queue *queue = make((struct koken_priority_queue_options){0});
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "priority", work, queue), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        kn_thread_join(&threads[i]);
    }
    for (int i = 0; i < THREADS * EACH; i++) {
        cr_assert_eq(kn_load(&seen[i], relaxed), 1);
    }
    koken_priority_queue_free(queue);
}

Test(priority, bad_input)
{
    struct koken_priority_queue_stats stats;
    struct koken_priority_queue *queue = make((struct koken_priority_queue_options){0}), *none;
    void *item;
    cr_assert_eq(koken_priority_queue_new(NULL, NULL), -EINVAL);
    cr_assert_eq(
        koken_priority_queue_new(&(struct koken_priority_queue_options){.struct_size = 3}, &none),
        -EINVAL);
    cr_assert_eq(koken_priority_queue_push(queue, KOKEN_LEVEL_LOW, NULL), -EINVAL);
    cr_assert_eq(koken_priority_queue_push(queue, KOKEN_LEVEL_COUNT_, items), -EINVAL);
    cr_assert_eq(koken_priority_queue_push(NULL, KOKEN_LEVEL_LOW, items), -EINVAL);
    cr_assert_eq(koken_priority_queue_pop(NULL, &item), -EINVAL);
    cr_assert_eq(koken_priority_queue_pop(queue, NULL), -EINVAL);
    cr_assert_eq(koken_priority_queue_peek(NULL, &item), -EINVAL);
    cr_assert_eq(koken_priority_queue_tick(NULL, 1), -EINVAL);
    cr_assert_eq(koken_priority_queue_clear(NULL), 0);
    cr_assert_eq(koken_priority_queue_stats_get(queue, NULL), -EINVAL);
    cr_assert_eq(koken_priority_queue_stats_get(NULL, &stats), -EINVAL);
#ifdef KN_DEBUG
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_priority_queue_push(queue, KOKEN_LEVEL_LOW, items), -ENOMEM);
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_priority_queue_new(NULL, &none), -ENOMEM);
    kn_alloc_fail_after(UINT64_MAX);
#endif
    koken_priority_queue_free(queue);
    koken_priority_queue_free(NULL);
}
