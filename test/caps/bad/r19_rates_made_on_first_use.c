/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a table of rates at file scope, filled by whoever comes first */
/* CLASS: global-state */
#include "market.h"

static const long *rates(void)
{
    static long table[16];

    if (table[0] == 0) { /* BAD: two agents fill it at the same time */
        for (int i = 0; i < 16; i++) {
            table[i] = 100 + i * i;
        }
    }
    return table;
}

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    self->count += rates()[koken_get(o)->id & 15];
    koken_drop(o);
    return 0;
}

int main(void)
{
    koken_ref one = market_spawn(desk, order_iso, on_order);
    koken_ref two = market_spawn(desk, order_iso, on_order);
    market_feed(one, 1);
    market_feed(two, 1);
    return market_run();
}
