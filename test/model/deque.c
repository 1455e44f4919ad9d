/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work-stealing deque, mailbox/toolbox/deque.c as it stands but for a ring that begins with two slots. Each
 * item carries a plain payload, written before its push and changed by whoever gets it: a lost order is a
 * race, one got twice a failure, one lost is missed in the end.
 */
#include "test/model/lib/model.h"

#include "base/world.h"
#include "mailbox/toolbox/deque.c"

#include <string.h>

enum { ITEMS = 4 };

struct item {
    uint32_t payload, taken;
};

static struct item items[ITEMS];
static struct koken_deque *deque;
static kn_atomic(uint32_t) is_told;

static void start(bool is_biased)
{
    memset(items, 0, sizeof items);
    kn_atomic_init(&is_told, 0);
    KOKEN_CHECK(koken_deque_new(&(struct koken_deque_options){.capacity = 2}, &deque) == 0);
    deque->is_biased = is_biased;
}

static void start_biased(void)
{
    start(true);
}

static void start_symmetric(void)
{
    start(false);
}

static void run(struct item *item)
{
    KOKEN_CHECK(item->payload == 7);
    item->payload = 8;
    item->taken++;
}

static void push(unsigned n)
{
    items[n].payload = 7;
    KOKEN_CHECK(koken_deque_push(deque, &items[n]) == 0);
}

static void pop(void)
{
    struct item *item = koken_deque_pop(deque);
    if (item) {
        run(item);
    }
}

static void start_biased_with_two(void)
{
    start_biased();
    push(0);
    push(1);
}

static void start_symmetric_with_two(void)
{
    start_symmetric();
    push(0);
    push(1);
}

static void owner_third(void)
{
    push(2);
}

static void owner_who_tells(void)
{
    push(0);
    kn_store(&is_told, 1, release);
}

static void owner_1(void)
{
    push(0);
    pop();
}

static void owner_2(void)
{
    push(0);
    push(1);
    pop();
    pop();
}

static void owner_again(void)
{
    push(0);
    pop();
    push(1);
    pop();
}

static void owner_grows(void)
{
    push(0);
    push(1);
    push(2);
    pop();
}

static void owner_wraps(void)
{
    push(0);
    push(1);
    pop();
    pop();
    push(2);
    push(3);
}

static void thief(void)
{
    void *item;
    if (koken_deque_steal(deque, &item) == 1) {
        run(item);
    }
}

/* Who knows of an item gets it: nobody else is there. */
static void thief_who_is_told(void)
{
    void *item;
    if (kn_load(&is_told, acquire)) {
        KOKEN_CHECK(koken_deque_steal(deque, &item) == 1);
        run(item);
    }
}

static void thief_thrice(void)
{
    thief();
    thief();
    thief();
}

static void thief_twice(void)
{
    thief();
    thief();
}

/* The owner takes the last one when one thief has gone, with another's. */
static void thief_who_tells(void)
{
    thief();
    kn_store(&is_told, 1, relaxed); /* relaxed: it orders nothing */
}

static void owner_behind_a_thief(void)
{
    while (kn_load(&is_told, relaxed) == 0) { /* ends: the thief has gone */
        kn_thread_yield();
    }
    pop();
}

static void check(void)
{
    while (koken_deque_len(deque) > 0) { /* ends: each pop takes one */
        pop();
    }
    for (unsigned i = 0; i < ITEMS; i++) {
        KOKEN_CHECK(items[i].taken == (items[i].payload != 0));
    }
    koken_deque_free(deque);
}

static const struct kn_scenario scenarios[] = {
    {"push, pop; steal", start_biased, {owner_1, thief}, check},
    {"2 push, 2 pop; steal", start_biased, {owner_2, thief}, check},
    {"2 push, 2 pop; 2 steal", start_biased, {owner_2, thief, thief}, check, .limit = 8000},
    {"push, pop, push, pop; steal twice", start_biased, {owner_again, thief_twice}, check},
    {"grows; steal twice", start_biased, {owner_grows, thief_twice}, check, .limit = 8000},
    {"wraps; steal twice", start_biased, {owner_wraps, thief_twice}, check, .limit = 8000},
    {"2 in; pop; steal; steal",
     start_biased_with_two,
     {pop, thief, thief},
     check,
     .limit = 8000,
     .orders_stores = true},
    {"2 in; steal; steal; pop when one has gone",
     start_biased_with_two,
     {owner_behind_a_thief, thief_who_tells, thief},
     check,
     .limit = 8000,
     .orders_stores = true},
    {"2 in; grows; steal thrice",
     start_biased_with_two,
     {owner_third, thief_thrice},
     check,
     .limit = 8000},
    {"push, told; steal", start_biased, {owner_who_tells, thief_who_is_told}, check},
    {"symmetric: 2 in; grows; steal thrice",
     start_symmetric_with_two,
     {owner_third, thief_thrice},
     check,
     .limit = 8000},
    {"symmetric: push, told; steal", start_symmetric, {owner_who_tells, thief_who_is_told}, check},
    {"symmetric: push, pop; steal", start_symmetric, {owner_1, thief}, check},
    {"symmetric: 2 push, 2 pop; 2 steal",
     start_symmetric,
     {owner_2, thief, thief},
     check,
     .limit = 8000},
    {"symmetric: grows; steal twice",
     start_symmetric,
     {owner_grows, thief_twice},
     check,
     .limit = 8000},
    {"symmetric: wraps; steal twice",
     start_symmetric,
     {owner_wraps, thief_twice},
     check,
     .limit = 8000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
