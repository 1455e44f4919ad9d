/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: what a handler does not take is given back by the runtime */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    self->count += koken_peek(*msg)->price;
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    market_feed(desk, 1);
    return market_run();
}
