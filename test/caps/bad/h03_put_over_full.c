/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: put into a field that is full: what was there leaks */
/* CLASS: leak */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    koken_put(self->pending, o); /* BAD */
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    market_feed(desk, 2);
    return market_run();
}
