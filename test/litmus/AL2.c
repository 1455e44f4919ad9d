/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [AL2]: a fiber that sees that its clock has gone off sees the wheel done with the timer, and may set it again
 * on another worker's wheel. Fibers that two workers throw about wait for a few microseconds, sometimes in vain.
 * Weakened, the timer's fields are data races (ThreadSanitizer), or a wait does not end.
 */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

#include <koken.h>

#include <errno.h>

enum { FIBERS = 8, ROUNDS = 400 };

KOKEN_EVENT(ask);
KOKEN_EVENT(told);

struct none {
    char unused;
};

static koken_ref teller;

static kn_atomic(uint32_t) done;

static int on_ask(koken_ctx *ctx, struct none *self, const struct ask *msg)
{
    (void)self, (void)msg;
    return koken_reply(ctx, told);
}

KOKEN_AGENT(answering, struct none, KOKEN_ON(ask, on_ask));

static int body(koken_ctx *ctx, struct none *self, const void *arg)
{
    (void)self, (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct koken_received msg;
        struct told answer;
        if (i % 3 == 0) { /* leaves a deadline behind, wherever the next wait is */
            int rc = koken_await(ctx, teller, KOKEN_US(20 + i % 20), &answer, ask);
            KOKEN_CHECK(rc == 0 || rc == -ETIMEDOUT);
        }
        KOKEN_CHECK(koken_receive(ctx, KOKEN_US(1 + i % 25), &msg) == -ETIMEDOUT);
        KOKEN_CHECK(koken_yield(ctx) == 0);
    }
    (void)kn_add(&done, 1, relaxed);
    return 0;
}

KOKEN_FIBER(fiber, struct none, body);

int main(void)
{
    struct koken *rt;
    struct koken_options o = {.workers = 2, .exact_workers = true, .budget = 4};
    if (koken_start(&o, &rt) != 0) {
        return 1;
    }
    teller = koken_spawn(rt, answering);
    for (int i = 0; i < FIBERS; i++) {
        KOKEN_CHECK(!koken_is_nobody(koken_spawn(rt, fiber)));
    }
    while (kn_load(&done, relaxed) < FIBERS) { /* ends: every wait has a deadline */
        kn_thread_yield();
    }
    return koken_stop(rt, KOKEN_S(60)) != 0;
}
