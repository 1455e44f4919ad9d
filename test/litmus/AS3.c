/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [AS3]: who finds an agent's overflow sees it made. Two agents on two workers are the first to wait for
 * the same full mailbox, again and again with a new one: one makes the overflow, the other finds it.
 * Weakened, its lock and lists are data races (ThreadSanitizer).
 */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

#include <koken.h>

#include <errno.h>

enum { ROUNDS = 300 };

KOKEN_EVENT(ping);
KOKEN_MESSAGE(target, { koken_ref who; });

static kn_atomic(uint32_t) told;

struct agent {
    char unused;
};

static int on_ping(koken_ctx *ctx, struct agent *self, const struct ping *msg)
{
    (void)ctx, (void)self, (void)msg;
    return 0;
}

static int on_target(koken_ctx *ctx, struct agent *self, const struct target *msg)
{
    (void)self;
    int rc = koken_notify_writable(ctx, msg->who);
    KOKEN_CHECK(rc == 0 || rc == -ESRCH);
    return 0;
}

static int on_writable(koken_ctx *ctx, struct agent *self, const struct koken_writable *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)kn_add(&told, 1, relaxed);
    return 0;
}

KOKEN_AGENT(agent, struct agent, KOKEN_ON(ping, on_ping), KOKEN_ON(target, on_target),
            KOKEN_ON(koken_writable, on_writable));

int main(void)
{
    struct koken *rt;
    struct koken_options o = {.workers = 2, .exact_workers = true};
    if (koken_start(&o, &rt) != 0) {
        return 1;
    }
    koken_ref left = koken_spawn(rt, agent), right = koken_spawn(rt, agent);
    for (int i = 0; i < ROUNDS; i++) {
        koken_ref who = koken_spawn(rt, agent, .capacity = 1);
        KOKEN_CHECK(koken_signal(left, target, .who = who) == 0);
        KOKEN_CHECK(koken_signal(right, target, .who = who) == 0);
        KOKEN_CHECK(koken_drain(rt, KOKEN_S(60)) == 0);
    }
    KOKEN_CHECK(kn_load(&told, relaxed) == 2 * ROUNDS);
    return koken_stop(rt, KOKEN_S(60)) != 0;
}
