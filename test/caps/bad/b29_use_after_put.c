/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an iso stored in the state, then used by its old name */
/* CLASS: use-after-move */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    koken_put(self->pending, o);
    koken_mut(o)->price = 4; /* BAD */
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    market_feed(desk, 1);
    return market_run();
}
