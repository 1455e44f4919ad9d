/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order parked in the state and sent as well */
/* CLASS: use-after-move */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    if (koken_has(self->pending)) {
        koken_drop(o);
        return 0;
    }
    koken_put(self->pending, o);
    koken_post(market_first(), o); /* BAD */
    return 0;
}

int main(void)
{
    (void)market_sink();
    market_feed(market_spawn(desk, order_iso, on_order), 2);
    return market_run();
}
