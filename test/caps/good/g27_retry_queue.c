/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a retry queue: refused orders wait in the state and are tried again */
#include "market.h"

struct retries {
    order_iso at[8];
    int count;
};

static int on_order(koken_ctx *ctx, struct retries *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);

    while (self->count > 0) {
        koken_iso(order, again) = koken_take(self->at[self->count - 1]);
        if (koken_give(market_first(), again) != 0) {
            koken_put(self->at[self->count - 1], again);
            break;
        }
        self->count--;
    }
    if (koken_give(market_first(), o) == 0) {
        return 0;
    }
    if (self->count == 8) {
        koken_drop(o);
        return 0;
    }
    koken_put(self->at[self->count++], o);
    return 0;
}

int main(void)
{
    koken_ref first = market_sink();
    koken_ref queue = market_spawn(retries, order_iso, on_order);
    (void)first;
    market_feed(queue, 20);
    return market_run();
}
