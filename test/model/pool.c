/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools and their depot: caps/pool.c and kn_ck_depot.c as they stand but for magazines of two blocks; the stack
 * of Concurrency Kit is ck/ck_stack.h. A block has one owner: whoever has taken one writes its payload, so
 * one handed out twice, or over without an order, is a race. In the end every block cut is somewhere.
 */
#include "test/model/lib/model.h"

#include "caps/kn_ck_depot.c"
#include "caps/pool.c"

#include <string.h>

enum { THREADS = 3 };

static KN_ALIGNED(128) struct kn_depot depot;
static struct kn_pool pools[THREADS];

static struct kn_pool *mine(void)
{
    return &pools[kn_model_self()];
}

static void start(void)
{
    kn_depot_init(&depot, -1);
    for (unsigned i = 0; i < THREADS; i++) {
        kn_pool_init(&pools[i], &depot, -1);
    }
}

/* The depot holds a magazine of two, and four more blocks are in the hands of the threads. */
static void start_with_magazines(void)
{
    start();
    struct kn_envelope *blocks[6];
    for (unsigned i = 0; i < 6; i++) {
        blocks[i] = kn_envelope_new(&pools[0], 8);
    }
    for (unsigned i = 0; i < 6; i++) {
        blocks[i]->payload[0] = 1;
        kn_envelope_free(&pools[0], blocks[i]);
    }
    kn_pool_fini(&pools[0]);
    kn_pool_init(&pools[0], &depot, -1);
}

static struct kn_envelope *take(void)
{
    struct kn_envelope *e = kn_envelope_new(mine(), 8);
    KOKEN_CHECK(e != NULL);
    memset(e->payload, (int)kn_model_self() + 1, 8);
    return e;
}

static void give(struct kn_envelope *e)
{
    for (unsigned i = 0; i < 8; i++) {
        KOKEN_CHECK(e->payload[i] == kn_model_self() + 1); /* nobody else had it meanwhile */
    }
    kn_envelope_free(mine(), e);
}

static void take_1(void)
{
    give(take());
}

static void take_3(void)
{
    struct kn_envelope *a = take(), *b = take(), *c = take();
    give(b);
    give(a);
    give(c);
}

/* Back to the depot, and once more: what makes ABA. */
static void take_and_return(void)
{
    struct kn_envelope *a = take(), *b = take();
    give(a);
    give(b);
    kn_pool_fini(mine());
    kn_pool_init(mine(), &depot, -1);
    give(take());
    kn_pool_fini(mine());
    kn_pool_init(mine(), &depot, -1);
}

static void check(void)
{
    struct kn_depot_usage usage;
    for (unsigned i = 0; i < THREADS; i++) {
        kn_pool_fini(&pools[i]);
    }
    kn_depot_usage(&depot, &usage);
    KOKEN_CHECK(usage.cached[0] == usage.carved[0]);
    uint64_t found = 0;
    for (;;) { /* ends: empty */
        uint32_t count = 0;
        struct kn_envelope *chain = kn_depot_pop(&depot, 0, &count);
        if (!chain) {
            break;
        }
        for (; chain; chain = chain->next) {
            found++;
        }
    }
    KOKEN_CHECK(found == usage.cached[0]);
}

static const struct kn_scenario scenarios[] = {
    {"2 pools, fresh slabs", start, {take_3, take_3}, check, .limit = 20000},
    {"2 pools, one depot", start_with_magazines, {take_1, take_1}, check},
    {"3 pools, one depot", start_with_magazines, {take_1, take_1, take_1}, check, .limit = 10000},
    {"2 pools, taken and returned",
     start_with_magazines,
     {take_and_return, take_1},
     check,
     .limit = 10000},
    {"2 pools, both return",
     start_with_magazines,
     {take_and_return, take_and_return},
     check,
     .limit = 10000},
    {"3 pools, taken and returned",
     start_with_magazines,
     {take_and_return, take_1, take_3},
     check,
     .limit = 10000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
