/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: receive, change, forward */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    koken_mut(o)->quantity += 1;
    self->count++;
    koken_post(market_first(), o);
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    market_feed(desk, 1);
    return market_run();
}
