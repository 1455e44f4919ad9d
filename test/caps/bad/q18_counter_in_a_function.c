/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: each order gets its number from a counter of the function */
/* CLASS: global-state */
#include "market.h"

static long next_number(void)
{
    static _Thread_local long number;
    return ++number; /* BAD: agents of a worker share it, and an agent changes workers */
}

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    koken_mut(o)->id = next_number();
    self->count++;
    koken_post(market_first(), o);
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(desk, order_iso, on_order), 2);
    return market_run();
}
