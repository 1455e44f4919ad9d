/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a timer names a parked order by its number, and finds it gone or there */
#include "market.h"

KOKEN_MESSAGE(expire, { long id; });

struct parked {
    order_iso at[4];
    long armed;
};

static int on_order(koken_ctx *ctx, struct parked *self, struct order_iso *msg)
{
    koken_iso(order, o) = koken_take(*msg);
    long id = koken_get(o)->id;
    for (int i = 0; i < 4; i++) {
        if (koken_has(self->at[i]) && koken_peek(self->at[i])->id == id - 1) {
            koken_iso(order, due) = koken_take(self->at[i]);
            koken_post(market_first(), due);
        }
    }
    for (int i = 0; i < 4; i++) {
        if (!koken_has(self->at[i])) {
            koken_put(self->at[i], o);
            self->armed += koken_after(ctx, KOKEN_MS(5), expire, .id = id).id != 0;
            return 0;
        }
    }
    koken_drop(o);
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_ref desk = market_spawn(parked, order_iso, on_order);
    (void)sink;
    market_feed(desk, 5);
    return market_run();
}
