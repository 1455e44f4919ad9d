/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order is sent again when something else has failed after the sending */
/* CLASS: double-send */
#include "market.h"

static int book(struct desk *self)
{
    return self->count++ == 0 ? -EAGAIN : 0;
}

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    int rc, tries = 0;
    koken_iso(order, o) = koken_take(*msg);
again:
    rc = koken_give(market_first(), o); /* BAD: also when it has been taken */
    if (rc == 0) {
        rc = book(self);
    }
    if (rc == -EAGAIN && tries++ < 3) {
        goto again;
    }
    if (rc != 0) {
        koken_drop(o); /* BAD */
    }
    return rc;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(desk, order_iso, on_order), 1);
    return market_run();
}
