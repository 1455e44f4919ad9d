/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a writable pointer parked in an own field before the freeze */
/* CLASS: borrow-escape */
#include "market.h"

KOKEN_STATE(keeper, (own, struct quote *, raw), (plain, long, count)); /* BAD */

static int on_order(koken_ctx *ctx, struct keeper *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    if (self->count++ == 0) {
        koken_iso(quote, q) = koken_new(quote);
        if (koken_none(q)) {
            koken_drop(o);
            return 0;
        }
        self->raw = koken_mut(q); /* BAD */
        koken_val(quote, v) = koken_freeze(q);
        koken_post(market_first(), v);
    } else {
        self->raw->bid = 9; /* BAD */
    }
    koken_drop(o);
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(keeper, order_iso, on_order);
    market_feed(desk, 2);
    return market_run();
}
