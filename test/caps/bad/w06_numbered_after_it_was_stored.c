/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order is stored in a table, and gets its number afterwards */
/* CLASS: use-after-put */
#include "market.h"

enum { ROOM = 4 };

struct table {
    order_iso row[ROOM];
    long count;
};

static int on_order(koken_ctx *ctx, struct table *self, struct order_iso *msg)
{
    (void)ctx;
    if (self->count == ROOM) {
        return -ENOSPC;
    }
    koken_iso(order, o) = koken_take(*msg);
    koken_put(self->row[self->count], o);
    koken_mut(o)->id = self->count++; /* BAD */
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(table, order_iso, on_order), 1);
    return market_run();
}
