/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [AL1]: the second owner of an alarm to let go sees what the first did, before the memory is another's.
 * Agents that two workers throw about arm and cancel timers of a few microseconds, so that table and wheel
 * let go at the same time on different threads. Weakened, the alarm's fields are data races
 * (ThreadSanitizer).
 */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

#include <koken.h>

enum { AGENTS = 8, ROUNDS = 2000 };

KOKEN_EVENT(hop);
KOKEN_EVENT(ring);

struct agent {
    koken_timer timer;
    uint32_t left;
};

static koken_ref agents[AGENTS];
static kn_atomic(uint32_t) done;

static int on_hop(koken_ctx *ctx, struct agent *self, const struct hop *msg)
{
    (void)msg;
    (void)!koken_cancel(ctx, self->timer);
    self->timer = koken_after(ctx, KOKEN_US(self->left % 20), ring);
    if (--self->left == 0) {
        (void)kn_add(&done, 1, relaxed);
        return 0;
    }
    return koken_signal(koken_self(ctx), hop);
}

static int on_ring(koken_ctx *ctx, struct agent *self, const struct ring *msg)
{
    (void)ctx, (void)self, (void)msg;
    return 0;
}

KOKEN_AGENT(agent, struct agent, KOKEN_ON(hop, on_hop), KOKEN_ON(ring, on_ring));

int main(void)
{
    struct koken *rt;
    struct koken_options o = {.workers = 2, .exact_workers = true, .budget = 8};
    if (koken_start(&o, &rt) != 0) {
        return 1;
    }
    for (int i = 0; i < AGENTS; i++) {
        struct agent state = {.left = ROUNDS};
        agents[i] = koken_spawn(rt, agent, .arg = &state);
        KOKEN_CHECK(koken_signal(agents[i], hop) == 0);
    }
    KOKEN_CHECK(koken_drain(rt, KOKEN_S(60)) == 0);
    KOKEN_CHECK(kn_load(&done, relaxed) == AGENTS);
    return koken_stop(rt, KOKEN_S(60)) != 0;
}
