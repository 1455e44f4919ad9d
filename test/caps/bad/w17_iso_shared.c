/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order is shared with two agents */
/* CLASS: send-nonsendable */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    for (int i = 0; i < 2; i++) {
        if (koken_share(market_first(), o) == 0) { /* BAD */
            self->count++;
        }
    }
    koken_drop(o);
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(desk, order_iso, on_order), 1);
    return market_run();
}
