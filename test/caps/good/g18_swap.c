/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: the content of a field replaced */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    if (koken_has(self->pending)) {
        koken_iso(order, old) = koken_take(self->pending);
        koken_post(market_first(), old);
    }
    koken_put(self->pending, o);
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    market_feed(desk, 2);
    return market_run();
}
