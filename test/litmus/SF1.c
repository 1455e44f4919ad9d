/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [SF1]: a thief of the LIFO slot sees what its holder put in. Weakened, the payload may be seen
 * as it was before, on weakly ordered processors, when the slot is biased; else the exchange
 * publishes it too.
 */
#include "sched/lifo.h"

#include "base/assert.h"
#include "base/world.h"

#include <stddef.h>

enum { ROUNDS = 50000, ITEMS = 4 };

struct item {
    struct kn_runnable runnable; /* first */
    unsigned payload;            /* plain */
    kn_atomic(uint32_t) is_free;
};

static struct kn_worker worker;
static struct item items[ITEMS];
static kn_atomic(uint32_t) is_over;

static void use(struct kn_runnable *runnable)
{
    struct item *item = (struct item *)(void *)runnable;

    KOKEN_CHECK(item->payload == 1);
    item->payload = 0;
    kn_store(&item->is_free, 1, release);
}

static void steal(void *arg)
{
    (void)arg;
    while (kn_load(&is_over, relaxed) == 0) {
        struct kn_runnable *runnable = kn_lifo_steal(&worker);

        if (runnable != NULL) {
            use(runnable);
        }
        kn_thread_yield();
    }
}

int main(void)
{
    struct kn_thread thread = {0};

    worker.is_biased = false;
    for (unsigned i = 0; i < ITEMS; i++) {
        kn_store(&items[i].is_free, 1, relaxed);
    }
    if (kn_thread_start(&thread, "steal", steal, NULL) != 0) {
        return 1;
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct item *item = &items[i % ITEMS];
        struct kn_runnable *runnable;

        while (kn_load(&item->is_free, acquire) == 0) { /* ended by the thief, or here */
            runnable = kn_lifo_take(&worker);
            if (runnable != NULL) {
                use(runnable);
            } else {
                kn_thread_yield();
            }
        }
        kn_store(&item->is_free, 0, relaxed);
        item->payload = 1;
        runnable = kn_lifo_put(&worker, &item->runnable);
        if (runnable != NULL) {
            use(runnable); /* the one before, or this one */
        }
    }
    kn_store(&is_over, 1, relaxed);
    kn_thread_join(&thread);
    return 0;
}
