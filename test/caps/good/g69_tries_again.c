/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: an order is tried again as long as it is refused, and given back in the end */
#include "market.h"

static int insist(koken_ref to, order_iso o, int tries)
{
    koken_owned(o);
    while (koken_give(to, o) != 0) {
        if (tries-- == 0) {
            koken_drop(o);
            return -EAGAIN;
        }
        koken_mut(o)->price--;
    }
    return 0;
}

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    if (insist(market_first(), koken_move(o), 2) != 0) {
        self->count++;
    }
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(desk, order_iso, on_order), 6);
    return market_run();
}
