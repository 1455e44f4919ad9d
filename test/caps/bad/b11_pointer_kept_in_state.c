/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a borrowed pointer kept in the state, used by a later message */
/* CLASS: borrow-escape */
#include "market.h"

KOKEN_STATE(keeper, (plain, struct order *, raw), (plain, long, count)); /* BAD */

static int on_order(koken_ctx *ctx, struct keeper *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    if (self->count++ == 0) {
        self->raw = koken_mut(o); /* BAD */
        koken_post(market_first(), o);
    } else {
        self->raw->price = 9; /* BAD */
        koken_drop(o);
    }
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(keeper, order_iso, on_order);
    market_feed(desk, 2);
    return market_run();
}
