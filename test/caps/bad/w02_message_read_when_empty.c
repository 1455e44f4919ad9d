/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a handler passes on what its message held, and reads the message */
/* CLASS: use-after-send */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    koken_mut(o)->id += self->count;
    koken_post(market_first(), o);
    self->count = koken_peek(*msg)->id + 1; /* BAD */
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(desk, order_iso, on_order), 1);
    return market_run();
}
