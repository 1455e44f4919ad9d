/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a function answers what the state has, by value */
/* CLASS: alias-iso */
#include "market.h"

static order_iso current(const struct desk *desk)
{
    return koken_has(desk->second) ? desk->second : desk->pending; /* BAD */
}

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    if (!koken_has(self->pending)) {
        koken_iso(order, o) = koken_take(*msg);
        koken_put(self->pending, o);
        return 0;
    }
    koken_iso(order, now) = current(self);
    koken_post(market_first(), now);
    self->count += koken_peek(self->pending)->id; /* BAD */
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(desk, order_iso, on_order), 2);
    return market_run();
}
