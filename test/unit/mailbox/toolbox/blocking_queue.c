/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that whoever waits is woken: for room, for items, by the close, by the deadline and not before; and
 * that a queue of one hands item after item over without stopping.
 */
#include <koken/blocking_queue.h>

#include "base/atomic.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#if defined(KN_DEBUG) && (defined(KN_TSAN) || defined(KN_ASAN))
enum { HAND_OVERS = 20000 };
#else
enum { HAND_OVERS = 200000 }; /* the million: koken bench toolbox-handover */
#endif
enum { THREADS = 4 };

static struct koken_blocking_queue *queue;
static kn_atomic(uint64_t) sum;
static kn_atomic(uint32_t) ended;

static struct koken_blocking_queue *make(size_t capacity)
{
    struct koken_blocking_queue *made;
    cr_assert_eq(koken_blocking_queue_new(capacity, sizeof(uint64_t), &made), 0);
    return made;
}

static void produce(void *arg)
{
    uint64_t count = (uint64_t)(uintptr_t)arg;
    for (uint64_t i = 1; i <= count; i++) {
        cr_assert_eq(koken_blocking_queue_put(queue, &i, KOKEN_NO_DEADLINE), 0);
    }
}

static void consume(void *arg)
{
    uint64_t value, mine = 0;
    (void)arg;
    while (koken_blocking_queue_take(queue, &value, KOKEN_NO_DEADLINE) == 0) {
        mine += value;
    }
    (void)kn_add(&sum, mine, relaxed);
    (void)kn_add(&ended, 1, relaxed);
}

static void hand_over(size_t capacity, unsigned threads, uint64_t count)
{
    struct kn_thread producers[THREADS] = {0}, consumers[THREADS] = {0};
    void *each = (void *)(uintptr_t)(count / threads);
    queue = make(capacity);
    kn_store(&sum, 0, relaxed);
    kn_store(&ended, 0, relaxed);
    for (unsigned i = 0; i < threads; i++) {
        cr_assert_eq(kn_thread_start(&consumers[i], "consume", consume, NULL), 0);
        cr_assert_eq(kn_thread_start(&producers[i], "produce", produce, each), 0);
    }
    for (unsigned i = 0; i < threads; i++) {
        kn_thread_join(&producers[i]);
    }
    cr_assert_eq(koken_blocking_queue_close(queue), 0);
    for (unsigned i = 0; i < threads; i++) {
        kn_thread_join(&consumers[i]);
    }
    uint64_t n = count / threads;
    cr_assert_eq(kn_load(&sum, relaxed), threads * (n * (n + 1) / 2));
    cr_assert_eq(kn_load(&ended, relaxed), threads);
    koken_blocking_queue_free(queue);
}

Test(blocking_queue, hand_overs_through_a_queue_of_one)
{
    hand_over(1, THREADS, HAND_OVERS);
}

Test(blocking_queue, one_to_one_through_a_queue_of_one)
{
    hand_over(1, 1, HAND_OVERS / 10);
}

Test(blocking_queue, many_through_a_queue_of_three)
{
    hand_over(3, THREADS, HAND_OVERS / 10);
}

Test(blocking_queue, time_outs_are_not_early)
{
    uint64_t value = 7;
    queue = make(1);
    cr_assert_eq(koken_blocking_queue_take(queue, &value, 0), -EAGAIN);
    uint64_t start_ns = kn_now();
    cr_assert_eq(koken_blocking_queue_take(queue, &value, KOKEN_MS(5)), -ETIMEDOUT);
    cr_assert_geq(kn_now() - start_ns, KOKEN_MS(5));
    cr_assert_eq(koken_blocking_queue_put(queue, &value, 0), 0);
    cr_assert_eq(koken_blocking_queue_len(queue), 1);
    cr_assert_eq(koken_blocking_queue_put(queue, &value, 0), -EAGAIN);
    start_ns = kn_now();
    cr_assert_eq(koken_blocking_queue_put(queue, &value, KOKEN_MS(5)), -ETIMEDOUT);
    cr_assert_geq(kn_now() - start_ns, KOKEN_MS(5));
    cr_assert_eq(koken_blocking_queue_take(queue, &value, UINT64_MAX - 1), 0);
    koken_blocking_queue_free(queue);
}

static void wait_for_item(void *arg)
{
    uint64_t value;
    (void)arg;
    cr_assert_eq(koken_blocking_queue_take(queue, &value, KOKEN_NO_DEADLINE), -ESHUTDOWN);
    (void)kn_add(&ended, 1, relaxed);
}

static void wait_for_room(void *arg)
{
    uint64_t value = 1;
    (void)arg;
    cr_assert_eq(koken_blocking_queue_put(queue, &value, KOKEN_NO_DEADLINE), -ESHUTDOWN);
    (void)kn_add(&ended, 1, relaxed);
}

static void close_wakes(void (*wait)(void *), bool is_full)
{
    struct kn_thread threads[THREADS] = {0};
    uint64_t value = 1;
    queue = make(1);
    kn_store(&ended, 0, relaxed);
    if (is_full) {
        cr_assert_eq(koken_blocking_queue_put(queue, &value, 0), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "wait", wait, NULL), 0);
    }
    uint64_t unused;
    struct koken_blocking_queue *clock = make(1); /* some of them sleep by then */
    cr_assert_eq(koken_blocking_queue_take(clock, &unused, KOKEN_MS(3)), -ETIMEDOUT);
    koken_blocking_queue_free(clock);
    cr_assert_eq(koken_blocking_queue_close(queue), 0);
    for (int i = 0; i < THREADS; i++) {
        kn_thread_join(&threads[i]);
    }
    cr_assert_eq(kn_load(&ended, relaxed), THREADS);
    cr_assert_eq(koken_blocking_queue_put(queue, &value, 0), -ESHUTDOWN);
    cr_assert_eq(koken_blocking_queue_take(queue, &value, 0), is_full ? 0 : -ESHUTDOWN);
    cr_assert_eq(koken_blocking_queue_close(queue), -EALREADY);
    koken_blocking_queue_free(queue);
}

Test(blocking_queue, close_wakes_who_waits_for_items)
{
    close_wakes(wait_for_item, false);
}

Test(blocking_queue, close_wakes_who_waits_for_room)
{
    close_wakes(wait_for_room, true);
}

Test(blocking_queue, bad_input)
{
    uint64_t value = 0;
    cr_assert_eq(koken_blocking_queue_new(0, 8, &queue), -EINVAL);
    cr_assert_eq(koken_blocking_queue_new(1, 8, NULL), -EINVAL);
    queue = make(1);
    cr_assert_eq(koken_blocking_queue_put(queue, NULL, 0), -EINVAL);
    cr_assert_eq(koken_blocking_queue_put(NULL, &value, 0), -EINVAL);
    cr_assert_eq(koken_blocking_queue_take(queue, NULL, 0), -EINVAL);
    cr_assert_eq(koken_blocking_queue_take(NULL, &value, 0), -EINVAL);
    cr_assert_eq(koken_blocking_queue_close(NULL), -EINVAL);
    cr_assert_eq(koken_blocking_queue_len(NULL), 0);
    koken_blocking_queue_free(queue);
    koken_blocking_queue_free(NULL);
}
