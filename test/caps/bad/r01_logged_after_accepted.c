/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the id of an order is logged after the order was accepted */
/* CLASS: use-after-send */
#include "market.h"

struct totals {
    long sent, refused, last_id;
};

static int on_order(koken_ctx *ctx, struct totals *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    int rc = koken_give(market_first(), o);
    if (rc != 0) {
        self->refused++;
        koken_drop(o);
        return 0;
    }
    self->sent++;
    self->last_id = koken_get(o)->id; /* BAD: it is the receiver's */
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(totals, order_iso, on_order), 2);
    return market_run();
}
