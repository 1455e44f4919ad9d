/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [SR1]: a slot of the run queue is written only after those who took from it have read it. The
 * ring is kept full, so each push reuses a slot that was just taken. Weakened, a thief may take
 * what was pushed later twice, on weakly ordered processors.
 */
#include "sched/runq.h"

#include "base/assert.h"
#include "base/world.h"

#include <stddef.h>

enum { ROUNDS = 20000, ITEMS = 300 };

struct item {
    struct kn_runnable runnable; /* first */
    unsigned payload;            /* plain */
};

static struct kn_runq queue;
static struct item items[ITEMS];
static kn_atomic(uint32_t) is_free[ITEMS];
static kn_atomic(uint32_t) taken;

static void use(struct kn_runnable *runnable)
{
    struct item *item = (struct item *)(void *)runnable;

    KOKEN_CHECK(item->payload == 1);
    item->payload = 0;
    kn_store(&is_free[item - items], 1, release);
    (void)kn_add(&taken, 1, relaxed);
}

static void steal(void *arg)
{
    static struct kn_runq mine;
    struct kn_runnable *runnable;
    uint32_t count;

    (void)arg;
    while (kn_load(&taken, relaxed) < ROUNDS) {
        runnable = kn_runq_steal(&queue, &mine, &count);
        if (runnable == NULL) {
            kn_thread_yield();
        }
        for (; runnable != NULL; runnable = kn_runq_pop(&mine, false)) {
            use(runnable);
        }
    }
}

int main(void)
{
    struct kn_thread thread = {0};

    for (unsigned i = 0; i < ITEMS; i++) {
        kn_store(&is_free[i], 1, relaxed);
    }
    if (kn_thread_start(&thread, "steal", steal, NULL) != 0) {
        return 1;
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct item *item = &items[i % ITEMS];

        while (kn_load(&is_free[i % ITEMS], acquire) == 0) { /* ended by the thief */
            kn_thread_yield();
        }
        KOKEN_CHECK(item->payload == 0);
        kn_store(&is_free[i % ITEMS], 0, relaxed);
        item->payload = 1;
        while (!kn_runq_push(&queue, &item->runnable)) { /* ended by the thief */
            kn_thread_yield();
        }
    }
    kn_thread_join(&thread);
    KOKEN_CHECK(kn_load(&taken, relaxed) == ROUNDS);
    return 0;
}
