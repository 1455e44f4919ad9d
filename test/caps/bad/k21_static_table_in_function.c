/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a cache in a static local, filled by one agent and read by another */
/* CLASS: global-state */
#include "market.h"

static long *cache_of(int slot)
{
    static long cache[4]; /* BAD */
    return &cache[slot];
}

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    *cache_of(0) += koken_get(o)->price;
    self->count++;
    koken_drop(o);
    return 0;
}

int main(void)
{
    koken_ref one = market_spawn(desk, order_iso, on_order);
    koken_ref two = market_spawn(desk, order_iso, on_order);
    market_feed(one, 2);
    market_feed(two, 2);
    return market_run();
}
