/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a letter that carries an iso and numbers */
#include "market.h"

KOKEN_LETTER(fill, (iso, order, of), (plain, long, price));

static int on_fill(koken_ctx *ctx, struct desk *self, struct fill *msg)
{
    (void)ctx;
    self->count += msg->price;
    koken_iso(order, o) = koken_take(msg->of);
    koken_post(market_first(), o);
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_ref desk = market_spawn(desk, fill, on_fill);
    struct fill fill = {.price = 7};
    koken_iso(order, o) = koken_new(order);
    (void)sink;
    if (koken_none(o)) {
        return 1;
    }
    koken_put(fill.of, o);
    market_letter(desk, fill, &fill);
    return market_run();
}
