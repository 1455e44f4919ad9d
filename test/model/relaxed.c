/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relaxed priority queue, mailbox/toolbox/relaxed.c as it stands, of one heap and of two, with a row of two before each:
 * each item comes out once, with what was written before its push; a pop says that there is nothing only if an item was
 * not there all the time; one heap is strict.
 */
#include "test/model/lib/model.h"

uint64_t kn_entropy(void);

#include "mailbox/toolbox/relaxed.c"
#include "mailbox/toolbox/slim_lock.c"

enum { ITEMS = 4 };

static struct koken_relaxed *queue;
static uint32_t payload[ITEMS]; /* plain: goes with the item */
static uint32_t taken[ITEMS];   /* plain: of who has the item */

uint64_t kn_entropy(void)
{
    return 1;
}

uint64_t kn_random_seed(uint64_t seed)
{
    return seed;
}

static void put(unsigned n)
{
    payload[n] = n + 1;
    KOKEN_CHECK(koken_relaxed_push(queue, n, &payload[n]) == 0);
}

static bool take(uint64_t *ret_key)
{
    void *item;
    int rc = koken_relaxed_pop(queue, ret_key, &item);
    KOKEN_CHECK(rc == 0 || rc == 1);
    if (rc == 1) {
        uint32_t n = (uint32_t)((uint32_t *)item - payload);
        KOKEN_CHECK(*ret_key == n);
        KOKEN_CHECK(payload[n] == n + 1);
        KOKEN_CHECK(taken[n]++ == 0);
    }
    return rc == 1;
}

static void start(unsigned heaps)
{
    kn_model_thread_local(&dice, sizeof dice);
    KOKEN_CHECK(koken_relaxed_new(heaps, &queue) == 0);
    for (unsigned i = 0; i < ITEMS; i++) {
        payload[i] = taken[i] = 0;
    }
}

static void start_1(void)
{
    start(1);
}

static void start_1_with_two(void)
{
    start_1();
    put(3);
    put(2);
}

static void start_2_with_one(void)
{
    start(2);
    put(3);
}

static void pusher_0(void)
{
    put(0);
}

static void pusher_1(void)
{
    put(1);
}

static void popper(void)
{
    uint64_t key;
    (void)take(&key);
}

/* There is always one more than others can take. */
static void popper_of_one(void)
{
    uint64_t key;
    KOKEN_CHECK(take(&key));
}

static void popper_in_order(void)
{
    uint64_t first, second;
    if (take(&first) && take(&second)) {
        KOKEN_CHECK(first < second || second < 2); /* 0 and 1 may come in between */
    }
}

static void check(void)
{
    uint64_t key, last = 0;
    while (take(&key)) {
        KOKEN_CHECK(queue->count > 1 || key >= last);
        last = key;
    }
    for (unsigned i = 0; i < ITEMS; i++) {
        KOKEN_CHECK(taken[i] == (payload[i] != 0));
    }
    koken_relaxed_free(queue);
}

static const struct kn_scenario scenarios[] = {
    {"one heap: push; pop", start_1, {pusher_0, popper}, check, .limit = 3000},
    {"one heap: push; pop, pop",
     start_1_with_two,
     {pusher_0, popper_in_order},
     check,
     .limit = 3000},
    {"one heap: push; push; pop",
     start_1_with_two,
     {pusher_0, pusher_1, popper_of_one},
     check,
     .limit = 3000},
    {"two heaps: push; pop", start_2_with_one, {pusher_0, popper_of_one}, check, .limit = 3000},
    {"two heaps: push; push; pop",
     start_2_with_one,
     {pusher_0, pusher_1, popper},
     check,
     .limit = 3000},
    {"two heaps: pop; pop", start_2_with_one, {popper, popper}, check, .limit = 3000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
