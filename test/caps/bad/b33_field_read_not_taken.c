/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an iso read out of a field without koken_take: the field still names it */
/* CLASS: alias-iso */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    koken_put(self->pending, o);
    order_iso x = self->pending; /* BAD */
    koken_post(market_first(), x);
    order_iso y = self->pending;   /* BAD */
    koken_post(market_first(), y); /* BAD */
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    market_feed(desk, 1);
    return market_run();
}
