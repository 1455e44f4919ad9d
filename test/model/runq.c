/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run queue, sched/runq.h and runq.c as they stand but for a ring of four. Each runnable carries a plain
 * payload, written before its push and changed by whoever takes it: so a lost order is a race, one taken
 * twice a failure, one lost is missed in the end.
 */
#include "test/model/lib/model.h"

#include "sched/runq.c"

#include <string.h>

enum { ITEMS = 6, THIEVES = 2 };

struct item {
    struct kn_runnable run;
    uint32_t payload, taken;
};

static struct item items[ITEMS];
static struct kn_runq queue, thief_queues[THIEVES];

static void start_at(uint32_t index)
{
    memset(items, 0, sizeof items);
    memset(&queue, 0, sizeof queue);
    memset(thief_queues, 0, sizeof thief_queues);
    queue.head = queue.tail = index;
    for (unsigned i = 0; i < THIEVES; i++) {
        thief_queues[i].head = thief_queues[i].tail = index;
    }
}

static void start(void)
{
    start_at(0);
}

static void start_at_wrap(void)
{
    start_at(UINT32_MAX - 1);
}

static void run(struct kn_runnable *runnable)
{
    struct item *item = (struct item *)(void *)runnable;
    KOKEN_CHECK(item->payload == 7);
    item->payload = 8;
    item->taken++;
}

static void push(unsigned n)
{
    items[n].payload = 7;
    if (!kn_runq_push(&queue, &items[n].run)) {
        struct kn_runnable *first = NULL, *last = NULL;
        uint32_t count = kn_runq_spill(&queue, &first, &last);
        for (uint32_t i = 0; i < count; i++) {
            struct kn_runnable *next = first->next;
            run(first);
            first = next;
        }
        run(&items[n].run);
    }
}

static void pop_from(struct kn_runq *from)
{
    struct kn_runnable *runnable = kn_runq_pop(from, /* is_single= */ false);
    if (runnable) {
        run(runnable);
    }
}

static void owner_push2_pop(void)
{
    push(0);
    push(1);
    pop_from(&queue);
}

static void owner_push3_pop2(void)
{
    push(0);
    push(1);
    push(2);
    pop_from(&queue);
    pop_from(&queue);
}

/* Five into a ring of four: the last one finds it full, or room that a thief has made. */
static void owner_spills(void)
{
    for (unsigned n = 0; n < 5; n++) {
        push(n);
    }
    pop_from(&queue);
}

/* Slots are used again while a thief may still look at them. */
static void owner_wraps(void)
{
    push(0);
    push(1);
    pop_from(&queue);
    push(2);
    push(3);
    pop_from(&queue);
    push(4);
    push(5);
}

static void steal(unsigned who, struct kn_runq *from)
{
    uint32_t count = 0;
    struct kn_runnable *runnable = kn_runq_steal(from, &thief_queues[who], &count);
    if (runnable) {
        KOKEN_CHECK(count >= 1);
        run(runnable);
        for (uint32_t i = 1; i < count; i++) {
            pop_from(&thief_queues[who]);
        }
    }
}

static void thief_a(void)
{
    steal(0, &queue);
}

static void thief_b(void)
{
    steal(1, &queue);
}

static void thief_of_thief(void)
{
    steal(1, &thief_queues[0]);
}

static void thief_a_twice(void)
{
    steal(0, &queue);
    steal(0, &queue);
}

static void check(void)
{
    while (kn_runq_len(&queue) > 0) { /* ends: each pop takes one */
        pop_from(&queue);
    }
    for (unsigned i = 0; i < THIEVES; i++) {
        while (kn_runq_len(&thief_queues[i]) > 0) {
            pop_from(&thief_queues[i]);
        }
    }
    for (unsigned i = 0; i < ITEMS; i++) {
        KOKEN_CHECK(items[i].taken == (items[i].payload != 0));
    }
}

static const struct kn_scenario scenarios[] = {
    {"push 2, pop; steal", start, {owner_push2_pop, thief_a}, check},
    {"push 3, pop 2; steal, steal",
     start,
     {owner_push3_pop2, thief_a, thief_b},
     check,
     .limit = 60000},
    {"spill; steal", start, {owner_spills, thief_a}, check},
    {"spill; steal, steal", start, {owner_spills, thief_a, thief_b}, check, .limit = 60000},
    {"at the wrap", start_at_wrap, {owner_push3_pop2, thief_a, thief_b}, check, .limit = 60000},
    {"slots used again; steal twice", start, {owner_wraps, thief_a_twice}, check, .limit = 60000},
    {"slots used again; steal, steal",
     start,
     {owner_wraps, thief_a, thief_b},
     check,
     .limit = 60000},
    {"a thief's thief", start, {owner_push3_pop2, thief_a, thief_of_thief}, check},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
