/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a handler takes its iso and neither forwards, stores nor drops it */
/* CLASS: leak */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    self->count += koken_get(o)->price; /* BAD */
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    market_feed(desk, 1);
    return market_run();
}
