/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order is taken out to be changed, and not put back when that fails */
/* CLASS: leak */
#include "market.h"

static int reprice(struct desk *self, long by)
{
    if (!koken_has(self->pending)) {
        return -ENOENT;
    }
    koken_iso(order, o) = koken_take(self->pending);
    if (koken_get(o)->price + by < 0) {
        return -ERANGE; /* BAD */
    }
    koken_mut(o)->price += by;
    koken_put(self->pending, o);
    return 0;
}

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    if (koken_has(self->pending)) {
        return reprice(self, -1);
    }
    koken_iso(order, o) = koken_take(*msg);
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
