/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounded queue, mailbox/toolbox/queue.c as it stands. Items are copied by plain accesses, so a slot in two
 * hands is a race. Accepted is popped once, in each producer's order; the bound holds; a close loses nothing.
 */
#include "test/model/lib/model.h"

#include "mailbox/toolbox/queue.c"

static struct koken_queue *queue;
static uint64_t accepted[KN_MODEL_THREADS + 1], got[KN_MODEL_THREADS + 1]; /* bits, by thread */

static kn_atomic(uint32_t) is_told;

static void start(size_t capacity)
{
    kn_atomic_init(&is_told, 0);
    memset(accepted, 0, sizeof accepted);
    memset(got, 0, sizeof got);
    KOKEN_CHECK(koken_queue_new(capacity, sizeof(uint64_t), &queue) == 0);
}

static void start_1(void)
{
    start(1);
}

static void start_2(void)
{
    start(2);
}

static void start_at_wrap(void)
{
    start(2);
    kn_queue_start_at(queue, (UINT64_C(1) << 63) / queue->lap - 1);
}

static void push(unsigned n)
{
    uint64_t item = kn_model_self() * 8 + n;
    int rc = koken_queue_push(queue, &item);
    KOKEN_CHECK(rc == 0 || rc == -EAGAIN || rc == -ESHUTDOWN);
    if (rc == 0) {
        accepted[kn_model_self()] |= UINT64_C(1) << item;
    }
}

static int pop(void)
{
    uint64_t item = 0;
    int rc = koken_queue_pop(queue, &item);
    if (rc == 0) {
        KOKEN_CHECK((got[kn_model_self()] & UINT64_C(1) << item) == 0);
        KOKEN_CHECK((got[kn_model_self()] >> item & (UINT64_C(0xff) >> item % 8)) ==
                    0); /* no newer one */
        got[kn_model_self()] |= UINT64_C(1) << item;
    }
    return rc;
}

static void producer(void)
{
    push(0);
    push(1);
}

static void producer_1(void)
{
    push(0);
}

static void consumer(void)
{
    (void)pop();
    (void)pop();
}

static void consumer_1(void)
{
    (void)pop();
}

static void both(void)
{
    push(0);
    (void)pop();
}

/* Who has been told that an item is in, or that there is room, finds it so. */
static void producer_who_tells(void)
{
    push(0);
    kn_store(&is_told, 1, release);
}

static void consumer_who_is_told(void)
{
    if (kn_load(&is_told, acquire)) {
        KOKEN_CHECK(pop() == 0);
    }
}

static void start_1_full(void)
{
    start_1();
    push(0);
}

static void consumer_who_tells(void)
{
    KOKEN_CHECK(pop() == 0);
    kn_store(&is_told, 1, release);
}

static void producer_who_is_told(void)
{
    if (kn_load(&is_told, acquire)) {
        push(0);
        KOKEN_CHECK(accepted[kn_model_self()] != 0);
    }
}

static void closer(void)
{
    KOKEN_CHECK(koken_queue_close(queue) == 0);
}

/* Nothing comes after this thread has been told that nothing will. */
static void consumer_to_the_end(void)
{
    int rc = 0;
    for (int i = 0; i < 3 && rc != -ESHUTDOWN; i++) {
        rc = pop();
    }
    if (rc == -ESHUTDOWN) {
        KOKEN_CHECK(pop() == -ESHUTDOWN);
    }
}

static void check(void)
{
    uint64_t in = 0, out = 0;
    KOKEN_CHECK(koken_queue_len(queue) <= koken_queue_capacity(queue));
    while (pop() == 0) { /* ends: it is bounded */
    }
    for (unsigned i = 0; i <= KN_MODEL_THREADS; i++) {
        KOKEN_CHECK((out & got[i]) == 0); /* not twice */
        in |= accepted[i];
        out |= got[i];
    }
    KOKEN_CHECK(in == out);
    koken_queue_free(queue);
}

static const struct kn_scenario scenarios[] = {
    {"capacity 1: 2 push; 2 pop", start_1, {producer, consumer}, check},
    {"capacity 1: push; push; pop", start_1, {producer_1, producer_1, consumer_1}, check},
    {"capacity 1: both; both", start_1, {both, both}, check, .limit = 8000},
    {"capacity 2: 2 push; push; 2 pop",
     start_2,
     {producer, producer_1, consumer},
     check,
     .limit = 8000},
    {"capacity 2: push; push; pop; pop",
     start_2,
     {producer_1, producer_1, consumer_1, consumer_1},
     check,
     .limit = 8000},
    {"at the wrap: 2 push; 2 pop", start_at_wrap, {producer, consumer}, check},
    {"push, told; pop", start_1, {producer_who_tells, consumer_who_is_told}, check},
    {"pop, told; push", start_1_full, {consumer_who_tells, producer_who_is_told}, check},
    {"2 push; close; pop to the end",
     start_2,
     {producer, closer, consumer_to_the_end},
     check,
     .limit = 8000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
