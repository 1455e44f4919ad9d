/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order is asked about, and read while the answer is awaited */
/* CLASS: use-after-send */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    koken_iso(order, o) = koken_take(*msg);
    int rc = koken_request_given(ctx, market_first(), KOKEN_S(1), o);
    self->count += koken_get(o)->quantity; /* BAD */
    return rc;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    (void)sink;
    market_feed(desk, 1);
    return market_run();
}
