/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a quote is replaced, and the old one forgotten */
/* CLASS: leak */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    memset(&self->pending, 0, sizeof self->pending); /* BAD: what was there is lost */
    koken_put(self->pending, o);
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(desk, order_iso, on_order), 2);
    return market_run();
}
