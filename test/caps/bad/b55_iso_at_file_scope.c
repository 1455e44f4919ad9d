/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an iso at file scope is within reach of every agent */
/* CLASS: global-state */
#include "market.h"

static order_iso slot; /* BAD */

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    if (koken_has(slot)) { /* BAD */
        self->count += koken_peek(slot)->price;
        koken_drop(o);
    } else {
        koken_put(slot, o);
    }
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    market_feed(market_spawn(desk, order_iso, on_order), 1);
    market_feed(desk, 1);
    return market_run();
}
