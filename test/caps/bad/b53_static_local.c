/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a static local in a handler is shared by all agents of the kind */
/* CLASS: global-state */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    static long sequence; /* BAD */
    self->count = ++sequence;
    koken_drop(o);
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    market_feed(market_spawn(desk, order_iso, on_order), 1);
    market_feed(desk, 1);
    return market_run();
}
