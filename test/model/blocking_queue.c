/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue that is waited at, mailbox/toolbox/blocking_queue.c and queue.c as they stand but without spinning.
 * Every thread waits for ever: a lost wake-up is a deadlock, which the explorer reports.
 */
#include "test/model/lib/model.h"

#include "mailbox/toolbox/blocking_queue.c"
#include "mailbox/toolbox/queue.c"

static struct koken_blocking_queue *queue;
static uint64_t got[KN_MODEL_THREADS + 1];

int kn_world_init(void)
{
    return 0;
}

static void start(size_t capacity)
{
    memset(got, 0, sizeof got);
    KOKEN_CHECK(koken_blocking_queue_new(capacity, sizeof(uint64_t), &queue) == 0);
}

static void start_1(void)
{
    start(1);
}

static void start_2(void)
{
    start(2);
}

static void put(void)
{
    uint64_t item = 1;
    KOKEN_CHECK(koken_blocking_queue_put(queue, &item, KOKEN_NO_DEADLINE) == 0);
}

static void put_2(void)
{
    put();
    put();
}

static void take(void)
{
    uint64_t item = 0;
    KOKEN_CHECK(koken_blocking_queue_take(queue, &item, KOKEN_NO_DEADLINE) == 0);
    KOKEN_CHECK(item == 1);
    got[kn_model_self()]++;
}

static void take_2(void)
{
    take();
    take();
}

static void put_or_closed(void)
{
    uint64_t item = 1;
    int rc = koken_blocking_queue_put(queue, &item, KOKEN_NO_DEADLINE);
    KOKEN_CHECK(rc == 0 || rc == -ESHUTDOWN);
}

static void take_till_closed(void)
{
    uint64_t item = 0;
    while (koken_blocking_queue_take(queue, &item, KOKEN_NO_DEADLINE) ==
           0) { /* ends: it is closed */
    }
}

static void closer(void)
{
    KOKEN_CHECK(koken_blocking_queue_close(queue) == 0);
}

static void check(void)
{
    KOKEN_CHECK(koken_blocking_queue_len(queue) <= 1);
    KOKEN_CHECK(kn_load(&queue->room.waiting, relaxed) == 0);
    KOKEN_CHECK(kn_load(&queue->item.waiting, relaxed) == 0);
    koken_blocking_queue_free(queue);
}

static const struct kn_scenario scenarios[] = {
    {"capacity 1: put; take", start_1, {put, take}, check},
    {"capacity 1: 2 put; 2 take", start_1, {put_2, take_2}, check, .limit = 8000},
    {"capacity 1: put; put; 2 take", start_1, {put, put, take_2}, check, .limit = 8000},
    {"capacity 1: 2 put; take; take", start_1, {put_2, take, take}, check, .limit = 8000},
    {"capacity 2: put; put; take; take", start_2, {put, put, take, take}, check, .limit = 8000},
    {"close; take till then", start_1, {closer, take_till_closed}, check},
    {"put; close; take till then",
     start_1,
     {put_or_closed, closer, take_till_closed},
     check,
     .limit = 8000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
