/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: iso copied into the state and sent: the danger sleeps */
/* CLASS: alias-iso */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    self->pending = o; /* BAD */
    koken_post(market_first(), o);
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    market_feed(desk, 1);
    return market_run();
}
