/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a function has dropped the order when it fails, and its caller drops it again */
/* CLASS: double-drop */
#include "market.h"

/* 0, or an error; the order is gone in any case. */
static int submit(koken_ref to, order_iso *order)
{
    if (koken_peek(*order)->quantity <= 0) {
        koken_iso(order, bad) = koken_take(*order);
        koken_drop(bad);
        return -EINVAL;
    }
    koken_iso(order, fine) = koken_take(*order);
    koken_post(to, fine);
    return 0;
}

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    int rc = submit(market_first(), msg);
    if (rc < 0) {
        self->count++;
        koken_iso(order, o) = koken_take(*msg);
        koken_drop(o); /* BAD */
    }
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(desk, order_iso, on_order), 1);
    return market_run();
}
