/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a table of isos at file scope */
/* CLASS: global-state */
#include "market.h"

static struct {
    order_iso at[4];
} table; /* BAD */

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    koken_ref first = market_first();
    if (koken_has(table.at[0])) {
        koken_iso(order, old) = koken_take(table.at[0]);
        koken_post(first, old);
    }
    koken_put(table.at[0], o);
    self->count++;
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    market_feed(desk, 2);
    return market_run();
}
