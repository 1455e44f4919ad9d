/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The biased LIFO slot, sched/lifo.h and lifo.c as they stand. The barrier is one moment at which every
 * thread passes a full fence, as the system call gives it. Payloads are plain; that the two sides never
 * touch the slot at once is seen by a plain write of each between its look and its leaving.
 */
#include "test/model/lib/model.h"

#include "sched/lifo.c"

#include <string.h>

enum { ITEMS = 3 };

struct item {
    struct kn_runnable run;
    uint32_t payload, taken;
};

static struct item items[ITEMS];
static struct kn_worker worker;

static void start(bool is_biased)
{
    memset(items, 0, sizeof items);
    worker.lifo = NULL;
    worker.lifo_busy = worker.lifo_revoke = 0;
    worker.is_biased = is_biased;
}

static void start_biased(void)
{
    start(true);
}

static void start_unbiased(void)
{
    start(false);
}

static void run(struct kn_runnable *runnable)
{
    struct item *item = (struct item *)(void *)runnable;
    KOKEN_CHECK(item->payload == 7);
    item->payload = 8;
    item->taken++;
}

static void put(unsigned n)
{
    items[n].payload = 7;
    struct kn_runnable *old = kn_lifo_put(&worker, &items[n].run);
    if (old) {
        run(old); /* goes to the queue: the holder's */
    }
}

static void take(void)
{
    struct kn_runnable *runnable = kn_lifo_take(&worker);
    if (runnable) {
        run(runnable);
    }
}

static void holder_1(void)
{
    put(0);
    take();
}

static void holder_2(void)
{
    put(0);
    put(1);
    take();
}

static void holder_3(void)
{
    put(0);
    put(1);
    take();
    put(2);
}

static void thief(void)
{
    struct kn_runnable *runnable = kn_lifo_steal(&worker);
    if (runnable) {
        run(runnable);
    }
}

static void check(void)
{
    take();
    for (unsigned i = 0; i < ITEMS; i++) {
        KOKEN_CHECK(items[i].taken == (items[i].payload != 0));
    }
}

static const struct kn_scenario scenarios[] = {
    {"put, take; steal", start_biased, {holder_1, thief}, check},
    {"2 put, take; steal", start_biased, {holder_2, thief}, check},
    {"2 put, take; 2 steal", start_biased, {holder_2, thief, thief}, check, .limit = 60000},
    {"3 put, take; steal", start_biased, {holder_3, thief}, check, .limit = 60000},
    {"by exchange: 2 put, take; steal", start_unbiased, {holder_2, thief}, check},
    {"by exchange: 2 put, take; 2 steal",
     start_unbiased,
     {holder_2, thief, thief},
     check,
     .limit = 60000},
    {"by exchange: 3 put, take; steal", start_unbiased, {holder_3, thief}, check, .limit = 60000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
