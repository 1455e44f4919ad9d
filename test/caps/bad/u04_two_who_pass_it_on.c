/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: two functions pass on what waits in the state, and both are called */
/* CLASS: double-send */
#include "market.h"

static void to_archive(struct desk *self)
{
    koken_iso(order, o) = koken_take(self->pending);
    koken_mut(o)->id = -koken_get(o)->id;
    koken_post(market_first(), o);
}

static void to_venue(struct desk *self)
{
    koken_iso(order, o) = koken_take(self->pending);
    koken_mut(o)->quantity = 1;
    koken_post(market_first(), o);
}

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    if (koken_has(self->pending)) {
        to_venue(self);
        to_archive(self); /* BAD: it has gone to the venue */
    }
    koken_iso(order, o) = koken_take(*msg);
    koken_put(self->pending, o);
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(desk, order_iso, on_order), 2);
    return market_run();
}
