/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a ref reaches two agents by their first state */
/* CLASS: foreign-state */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    koken_poke(self->book)->count++; /* BAD */
    koken_drop(o);
    return 0;
}

int main(void)
{
    koken_local(book, b) = koken_new_local(book);
    koken_ref one = market_spawn(desk, order_iso, on_order);
    koken_ref two = market_spawn(desk, order_iso, on_order);
    ((struct desk *)market_state(one))->book = b; /* BAD */
    ((struct desk *)market_state(two))->book = b; /* BAD */
    market_feed(one, 1);
    market_feed(two, 1);
    return market_run();
}
