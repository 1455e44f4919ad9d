/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the bound (any capacity, exactly), the order, the wrap of positions, the close that loses nothing, and
 * that many producers and consumers get each item once, in each producer's order.
 */
#include "mailbox/toolbox/queue.h"

#include "base/alloc.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct koken_queue *make(size_t capacity, size_t item_size)
{
    struct koken_queue *queue;
    cr_assert_eq(koken_queue_new(capacity, item_size, &queue), 0);
    return queue;
}

static int push(struct koken_queue *queue, uint64_t value)
{
    return koken_queue_push(queue, &value);
}

static int pop(struct koken_queue *queue)
{
    uint64_t value = 0;
    int rc = koken_queue_pop(queue, &value);
    return rc < 0 ? rc : (int)value;
}

Test(queue, the_bound_is_exact_for_every_capacity)
{
    const size_t capacities[] = {1, 2, 3, 7, 8, 100, 1000, 1024};
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        int capacity = (int)capacities[i];
        struct koken_queue *queue = make(capacities[i], sizeof(uint64_t));
        cr_assert_eq(koken_queue_capacity(queue), capacities[i]);
        for (int lap = 0; lap < 3; lap++) {
            cr_assert_eq(pop(queue), -EAGAIN);
            for (int n = 0; n < capacity; n++) {
                cr_assert_eq(push(queue, (uint64_t)n), 0);
                cr_assert_eq(koken_queue_len(queue), (size_t)n + 1);
            }
            cr_assert_eq(push(queue, 7), -EAGAIN);
            for (int n = 0; n < capacity; n++) {
                cr_assert_eq(pop(queue), n);
                cr_assert_eq(koken_queue_len(queue), (size_t)(capacity - n - 1));
            }
        }
        koken_queue_free(queue);
    }
}

Test(queue, capacity_one_refuses_the_second_and_gives_the_first)
{
    struct koken_queue *queue = make(1, sizeof(uint64_t));
    for (int i = 0; i < 100000; i++) {
        cr_assert_eq(push(queue, (uint64_t)i), 0);
        cr_assert_eq(push(queue, 0), -EAGAIN);
        cr_assert_eq(pop(queue), i);
        cr_assert_eq(pop(queue), -EAGAIN);
    }
    koken_queue_free(queue);
}

Test(queue, positions_wrap)
{
    for (size_t capacity = 1; capacity < 6; capacity++) {
        struct koken_queue *queue = make(capacity, sizeof(uint64_t));
        kn_queue_start_at(queue, (UINT64_C(1) << 63) / queue->lap - 2);
        for (int i = 0; i < 100; i++) {
            cr_assert_eq(push(queue, (uint64_t)i), 0);
            if (capacity > 1) {
                cr_assert_eq(push(queue, (uint64_t)i + 1000), 0);
                cr_assert_eq(koken_queue_len(queue), 2);
            }
            cr_assert_eq(pop(queue), i);
            cr_assert_eq(capacity > 1 ? pop(queue) : i + 1000, i + 1000);
            cr_assert_eq(pop(queue), -EAGAIN);
        }
        cr_assert_eq(koken_queue_close(queue), 0);
        cr_assert_eq(pop(queue), -ESHUTDOWN);
        koken_queue_free(queue);
    }
}

#ifdef KN_DEBUG
enum { LAPS = 100000 };
#else
enum { LAPS = 1000000 };
#endif

Test(queue, goes_round_a_million_times)
{
    struct koken_queue *queue = make(2, sizeof(uint64_t));
    cr_assert_eq(push(queue, 0), 0);
    for (uint64_t i = 1; i < 2 * LAPS; i++) {
        uint64_t value = UINT64_MAX;
        if (push(queue, i) < 0 || koken_queue_pop(queue, &value) < 0 || value != i - 1) {
            cr_assert(false, "at %lu", (unsigned long)i);
        }
    }
    koken_queue_free(queue);
}

Test(queue, items_of_any_size)
{
    struct item {
        char text[37];
    } in = {"the quick brown fox"}, out;
    struct koken_queue *queue = make(3, sizeof in);
    for (int i = 0; i < 10; i++) {
        in.text[0] = (char)('a' + i);
        memset(&out, 0, sizeof out);
        cr_assert_eq(koken_queue_push(queue, &in), 0);
        cr_assert_eq(koken_queue_pop(queue, &out), 0);
        cr_assert_arr_eq(&in, &out, sizeof in);
    }
    koken_queue_free(queue);
}

Test(queue, close_refuses_and_lets_drain)
{
    struct koken_queue *queue = make(4, sizeof(uint64_t));
    cr_assert_eq(push(queue, 1), 0);
    cr_assert_eq(push(queue, 2), 0);
    cr_assert_eq(koken_queue_close(queue), 0);
    cr_assert_eq(koken_queue_close(queue), -EALREADY);
    cr_assert_eq(push(queue, 3), -ESHUTDOWN);
    cr_assert_eq(koken_queue_len(queue), 2);
    cr_assert_eq(pop(queue), 1);
    cr_assert_not(kn_queue_is_over(queue));
    cr_assert_eq(pop(queue), 2);
    cr_assert(kn_queue_is_over(queue));
    cr_assert_eq(pop(queue), -ESHUTDOWN);
    koken_queue_free(queue);
}

Test(queue, bad_input)
{
    struct koken_queue *queue;
    cr_assert_eq(koken_queue_new(0, 8, &queue), -EINVAL);
    cr_assert_eq(koken_queue_new(8, 0, &queue), -EINVAL);
    cr_assert_eq(koken_queue_new(8, 8, NULL), -EINVAL);
    cr_assert_eq(koken_queue_new(SIZE_MAX, 8, &queue), -E2BIG);
    cr_assert_eq(koken_queue_new(8, 65537, &queue), -E2BIG);
    queue = make(1, 8);
    cr_assert_eq(koken_queue_push(queue, NULL), -EINVAL);
    cr_assert_eq(koken_queue_push(NULL, &queue), -EINVAL);
    cr_assert_eq(koken_queue_pop(queue, NULL), -EINVAL);
    cr_assert_eq(koken_queue_pop(NULL, &queue), -EINVAL);
    cr_assert_eq(koken_queue_close(NULL), -EINVAL);
    cr_assert_eq(koken_queue_len(NULL), 0);
    cr_assert_eq(koken_queue_capacity(NULL), 0);
    koken_queue_free(queue);
    koken_queue_free(NULL);
#ifdef KN_DEBUG
    for (uint64_t n = 0; n < 2; n++) {
        kn_alloc_fail_after(n);
        cr_assert_eq(koken_queue_new(8, 8, &queue), -ENOMEM);
    }
    kn_alloc_fail_after(UINT64_MAX);
#endif
}

enum { SIDES_MAX = 32, ITEMS = 32000 };

static struct koken_queue *shared;
static kn_atomic(uint32_t) counts[SIDES_MAX][ITEMS / 8];
static kn_atomic(uint32_t) next_side;
static unsigned sides;

static void produce(void *arg)
{
    (void)arg;
    uint64_t me = kn_add(&next_side, 1, relaxed);
    for (uint64_t i = 0; i < ITEMS / sides; i++) {
        while (push(shared, me << 32 | i) == -EAGAIN) {
            kn_thread_yield();
        }
    }
}

static void consume(void *arg)
{
    uint64_t latest[SIDES_MAX] = {0}, value;
    (void)arg;
    for (int rc; (rc = koken_queue_pop(shared, &value)) != -ESHUTDOWN;) {
        if (rc == 0) {
            uint64_t side = value >> 32, i = value & UINT32_MAX;
            cr_assert_geq(i + 1, latest[side] + 1, "in each producer's order");
            latest[side] = i;
            (void)kn_add(&counts[side][i], 1, relaxed);
        } else {
            kn_thread_yield();
        }
    }
}

static void exchange(size_t capacity, unsigned threads)
{
    struct kn_thread producers[SIDES_MAX] = {0}, consumers[SIDES_MAX] = {0};
    sides = threads;
    shared = make(capacity, sizeof(uint64_t));
    memset(counts, 0, sizeof counts);
    kn_store(&next_side, 0, relaxed);
    for (unsigned i = 0; i < sides; i++) {
        cr_assert_eq(kn_thread_start(&producers[i], "produce", produce, NULL), 0);
        cr_assert_eq(kn_thread_start(&consumers[i], "consume", consume, NULL), 0);
    }
    for (unsigned i = 0; i < sides; i++) {
        kn_thread_join(&producers[i]);
    }
    cr_assert_eq(koken_queue_close(shared), 0);
    for (unsigned i = 0; i < sides; i++) {
        kn_thread_join(&consumers[i]);
    }
    for (unsigned side = 0; side < sides; side++) {
        for (unsigned i = 0; i < ITEMS / sides; i++) {
            cr_assert_eq(kn_load(&counts[side][i], relaxed), 1, "item %u of %u", i, side);
        }
    }
    koken_queue_free(shared);
}

Test(queue, each_item_once_through_a_queue_of_two)
{
    exchange(2, 8);
}

Test(queue, each_item_once_through_a_queue_of_a_hundred)
{
    exchange(100, 32);
}
