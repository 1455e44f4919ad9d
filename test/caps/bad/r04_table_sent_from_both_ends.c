/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a table is sent from both ends, and the one in the middle twice */
/* CLASS: double-send */
#include "market.h"

enum { DEPTH = 5 };

struct window {
    order_iso at[DEPTH];
    size_t used;
};

static void flush(struct window *self, koken_ref odd, koken_ref even)
{
    for (size_t i = 0; i <= self->used / 2; i++) {
        koken_iso(order, left) = koken_take(self->at[i]);
        koken_post(even, left);
        koken_iso(order, right) = koken_take(self->at[self->used - 1 - i]);
        koken_post(odd, right); /* BAD: in the middle both are the same */
    }
    self->used = 0;
}

static int on_order(koken_ctx *ctx, struct window *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    koken_put(self->at[self->used++], o);
    if (self->used == DEPTH) {
        flush(self, market_first(), market_first());
    }
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(window, order_iso, on_order), DEPTH);
    return market_run();
}
