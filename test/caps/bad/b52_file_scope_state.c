/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: mutable data at file scope, used by two agents */
/* CLASS: global-state */
#include "market.h"

static long total; /* BAD */

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    (void)self;
    koken_iso(order, o) = koken_take(*msg);
    total += koken_get(o)->price; /* BAD */
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
