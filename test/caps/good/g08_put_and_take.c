/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: parked in the state, taken out by a later message */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    if (!koken_has(self->pending)) {
        koken_put(self->pending, o);
        return 0;
    }
    koken_iso(order, first) = koken_take(self->pending);
    koken_mut(first)->quantity += koken_get(o)->quantity;
    koken_drop(o);
    koken_post(market_first(), first);
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    market_feed(desk, 2);
    return market_run();
}
