/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: iso copied into the state and sent; the copy used by a later message */
/* CLASS: alias-iso */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    if (self->count++ == 0) {
        self->pending = o; /* BAD */
        koken_post(market_first(), o);
    } else {
        self->count += koken_peek(self->pending)->price; /* BAD */
        koken_drop(o);
    }
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    market_feed(desk, 2);
    return market_run();
}
