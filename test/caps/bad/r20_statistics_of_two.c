/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: two agents count in the same memory, each as its own */
/* CLASS: foreign-state */
#include "market.h"

struct statistics {
    long seen;
};

KOKEN_STATE(counter, (own, struct statistics *, statistics));

static int on_start(koken_ctx *ctx, struct counter *self, const void *arg)
{
    (void)ctx;
    memcpy(&self->statistics, arg, sizeof self->statistics);
    return 0;
}

static int on_order(koken_ctx *ctx, struct counter *self, struct order_iso *msg)
{
    (void)ctx;
    self->statistics->seen += koken_peek(*msg)->id; /* BAD: the other one does the same */
    return 0;
}

KOKEN_AGENT(counter, struct counter, KOKEN_INIT(on_start), KOKEN_ON(order_iso, on_order));

int main(void)
{
    struct statistics statistics = {0};
    struct statistics *shared = &statistics;
    koken_ref one = koken_spawn((struct koken *)NULL, counter, .arg = &shared); /* BAD */
    koken_ref two = koken_spawn((struct koken *)NULL, counter, .arg = &shared);
    (void)one;
    (void)two;
    koken_ref a = market_spawn(counter, order_iso, on_order);
    koken_ref b = market_spawn(counter, order_iso, on_order);
    ((struct counter *)market_state(a))->statistics = shared;
    ((struct counter *)market_state(b))->statistics = shared;
    market_feed(a, 1);
    market_feed(b, 1);
    market_run();
    return statistics.seen != 0;
}
