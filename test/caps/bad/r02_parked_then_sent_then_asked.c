/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a quote is parked and passed on, and the next message reads it where it was */
/* CLASS: use-after-send */
#include "market.h"

KOKEN_LETTER(fill, (iso, order, of), (plain, long, price));

struct clearing {
    order_iso open;
    int step;
    long notional;
};

static int on_fill(koken_ctx *ctx, struct clearing *self, struct fill *msg)
{
    (void)ctx;
    switch (self->step++) {
    case 0: {
        koken_iso(order, o) = koken_take(msg->of);
        koken_put(self->open, o);
        break;
    }
    case 1: {
        koken_iso(order, o) = koken_take(self->open);
        koken_post(market_first(), o);
        break;
    }
    default:
        self->notional +=
            koken_peek(self->open)->price * msg->price; /* BAD: it went with the last one */
        break;
    }
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_ref clearing = market_spawn(clearing, fill, on_fill);
    (void)sink;
    for (int i = 0; i < 3; i++) {
        struct fill fill = {.price = i};
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            return 1;
        }
        koken_put(fill.of, o);
        market_letter(clearing, fill, &fill);
    }
    return market_run();
}
