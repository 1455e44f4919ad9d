/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: an order is put aside as it came, and taken out when there is room */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    if (self->count++ < 3) {
        return koken_stash(ctx);
    }
    koken_iso(order, o) = koken_take(*msg);
    if (koken_has(self->pending)) {
        koken_drop(o);
    } else {
        koken_put(self->pending, o);
    }
    koken_unstash(ctx);
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    market_feed(desk, 2);
    return market_run();
}
