/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handler agent whose state is set by its spawner. It is not told what became of its orders: an
 * answer would come between two ticks that only the scheduler chooses, and the next decision would
 * depend on it. So it orders positions ("be long"), not trades; risk knows where the account is and
 * what is missing.
 */
#include "analyst.h"

#include "messages.h"

#include <errno.h>

struct analyst {
    koken_ref risk;
    koken_ref gauge;
    uint32_t ticks; /* since the last mark */
    int target;     /* as ordered */
    struct strategy strategy;
};

static int send_order(struct analyst *self, const struct tick *tick, int target)
{
    self->target = target;
    return koken_signal(self->risk, order, .decided_at = koken_now(), .price = tick->price,
                        .tick = tick->number, .bar = tick->bar, .symbol = tick->symbol,
                        .strategy = (uint16_t)self->strategy.kind, .target = (int16_t)target);
}

static int send_mark(koken_ctx *ctx, struct analyst *self, const struct tick *tick)
{
    uint32_t ticks = self->ticks;

    self->ticks = 0;
    return koken_signal(self->risk, mark, .feed = koken_sender(ctx), .price = tick->price,
                        .tick = tick->number, .symbol = tick->symbol,
                        .strategy = self->strategy.kind, .ticks = ticks);
}

/* A handler that waits for room at one receiver cannot wait for another: then a sample is let go.
 */
static int send_sample(struct analyst *self, const struct tick *tick)
{
    int rc =
        koken_signal(self->gauge, sample, .ns = koken_now() - tick->sent_at, .kind = LATENCY_TICK);

    return rc == -EAGAIN ? 0 : rc;
}

static int on_tick(koken_ctx *ctx, struct analyst *self, const struct tick *tick)
{
    int target = strategy_see(&self->strategy, tick->price, tick->flags & TICK_CLOSES_BAR);
    int rc = target == self->target ? 0 : send_order(self, tick, target);

    self->ticks++;
    if (rc >= 0 && (tick->flags & TICK_ENDS_BATCH)) {
        rc = send_mark(ctx, self, tick);
    }
    if (rc >= 0 && tick->sent_at != 0) {
        rc = send_sample(self, tick);
    }
    return rc;
}

static int on_init(koken_ctx *ctx, struct analyst *self, const void *arg)
{
    const struct analyst_plan *plan = arg;

    (void)ctx;
    self->risk = plan->risk;
    self->gauge = plan->gauge;
    self->strategy.kind = plan->kind;
    return 0;
}

KOKEN_AGENT(analyst, struct analyst, KOKEN_INIT(on_init), KOKEN_ON(tick, on_tick));

int analyst_open(struct koken *rt, const struct analyst_plan *plan, koken_ref *ret_analyst)
{
    return koken_try_spawn(rt, ret_analyst, analyst, KOKEN_ARG(*plan), .capacity = plan->capacity,
                           .high = plan->capacity, .policy = KOKEN_POLICY_PARK);
}
