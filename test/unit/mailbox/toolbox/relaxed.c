/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the strict order of one heap, the bound of the rank error of several, and that many threads get each
 * item once.
 */
#include <koken/priority.h>

#include "base/alloc.h"
#include "base/atomic.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>

enum { ITEMS = 4000, HEAPS = 8, THREADS = 4 };

static char items[ITEMS];
static bool is_in[ITEMS];
static kn_atomic(uint32_t) seen[ITEMS], next_thread;

static struct koken_relaxed *make(unsigned heaps)
{
    struct koken_relaxed *queue;
    cr_assert_eq(koken_relaxed_new(heaps, &queue), 0);
    return queue;
}

Test(relaxed, one_heap_is_strict_and_fair_to_equals)
{
    struct koken_relaxed *queue = make(1);
    const uint64_t keys[] = {300, 100, 200, 100, UINT64_MAX, 0, 100};
    const int order[] = {5, 1, 3, 6, 2, 0, 4};
    for (int i = 0; i < 7; i++) {
        cr_assert_eq(koken_relaxed_push(queue, keys[i], &items[i]), 0);
    }
    cr_assert_eq(koken_relaxed_len(queue), 7);
    for (int i = 0; i < 7; i++) {
        uint64_t key;
        void *item;
        cr_assert_eq(koken_relaxed_pop(queue, &key, &item), 1);
        cr_assert_eq(item, (void *)&items[order[i]], "at %d", i);
        cr_assert_eq(key, keys[order[i]]);
    }
    void *item;
    cr_assert_eq(koken_relaxed_pop(queue, NULL, &item), 0);
    koken_relaxed_free(queue);
}

/* How many smaller ones were in the queue, of each pop. */
Test(relaxed, the_rank_error_is_of_the_order_of_the_heaps)
{
    struct koken_relaxed *queue = make(HEAPS);
    uint64_t sum = 0, worst = 0;
    for (int i = 0; i < ITEMS; i++) {
        is_in[i] = true;
    }
    for (int i = 0; i < ITEMS; i++) { /* each once, in no order: 1201 and the number are coprime */
        uint64_t n = (uint64_t)i * 1201 % ITEMS;
        cr_assert_eq(koken_relaxed_push(queue, n, &items[n]), 0);
    }
    uint64_t smallest = 0;
    for (int i = 0; i < ITEMS; i++) {
        uint64_t key, rank = 0;
        void *item;
        cr_assert_eq(koken_relaxed_pop(queue, &key, &item), 1);
        cr_assert(is_in[key]);
        is_in[key] = false;
        for (uint64_t k = smallest; k < key; k++) {
            rank += is_in[k];
        }
        while (smallest < ITEMS && !is_in[smallest]) {
            smallest++;
        }
        sum += rank;
        worst = rank > worst ? rank : worst;
    }
    cr_assert_leq(sum, (uint64_t)ITEMS * 2 * HEAPS, "mean rank %f", (double)sum / ITEMS);
    cr_assert_leq(worst, 40 * HEAPS, "worst rank %lu", (unsigned long)worst);
    koken_relaxed_free(queue);
}

static void work(void *arg)
{
    struct koken_relaxed *queue = arg;
    uint32_t first = kn_add(&next_thread, 1, relaxed) * (ITEMS / THREADS);
    for (uint32_t i = 0; i < ITEMS / THREADS; i++) {
        void *item;
        cr_assert_eq(koken_relaxed_push(queue, first + i, &items[first + i]), 0);
        if (i % 2 == 1) {
            for (int n = 0; n < 2; n++) { /* as many as it has pushed; it may meet others at work */
                while (koken_relaxed_pop(queue, NULL, &item) == 0) {
                    kn_thread_yield();
                }
                (void)kn_add(&seen[(char *)item - items], 1, relaxed);
            }
        }
    }
}

Test(relaxed, each_item_once_among_threads)
{
    struct kn_thread threads[THREADS] = {0};
    struct koken_relaxed *queue = make(2 * THREADS);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "relaxed", work, queue), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        kn_thread_join(&threads[i]);
    }
    for (int i = 0; i < ITEMS; i++) {
        cr_assert_eq(kn_load(&seen[i], relaxed), 1);
    }
    cr_assert_eq(koken_relaxed_len(queue), 0);
    koken_relaxed_free(queue);
}

Test(relaxed, bad_input)
{
    struct koken_relaxed *queue;
    void *item;
    cr_assert_eq(koken_relaxed_new(0, &queue), -EINVAL);
    cr_assert_eq(koken_relaxed_new(1025, &queue), -EINVAL);
    cr_assert_eq(koken_relaxed_new(1, NULL), -EINVAL);
    queue = make(2);
    cr_assert_eq(koken_relaxed_push(queue, 1, NULL), -EINVAL);
    cr_assert_eq(koken_relaxed_push(NULL, 1, items), -EINVAL);
    cr_assert_eq(koken_relaxed_pop(queue, NULL, NULL), -EINVAL);
    cr_assert_eq(koken_relaxed_pop(NULL, NULL, &item), -EINVAL);
    cr_assert_eq(koken_relaxed_len(NULL), 0);
#ifdef KN_DEBUG
    struct koken_relaxed *none;
    int rc = 0;
    size_t count = 0;
    kn_alloc_fail_after(0);
    for (; count < 100 && (rc = koken_relaxed_push(queue, count, items)) == 0; count++) {}
    cr_assert_eq(rc, -ENOMEM);
    cr_assert_gt(count, 0); /* the first few have their place */
    cr_assert_eq(koken_relaxed_len(queue), count);
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_relaxed_new(1, &none), -ENOMEM);
    kn_alloc_fail_after(UINT64_MAX);
#endif
    koken_relaxed_free(queue);
    koken_relaxed_free(NULL);
}
