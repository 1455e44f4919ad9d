/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order inside a letter is written after the letter was given */
/* CLASS: use-after-send */
#include "market.h"

KOKEN_LETTER(fill, (iso, order, of), (plain, long, price));

static int on_fill(koken_ctx *ctx, struct desk *self, struct fill *msg)
{
    (void)ctx;
    self->count += msg->price;
    return 0;
}

static void trade(koken_ref desk)
{
    struct fill fill = {.price = 7};
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_put(fill.of, o);
    struct order *inside = koken_poke(fill.of);
    if (koken_give_letter(desk, fill, fill) == 0) {
        inside->price = 1; /* BAD */
        return;
    }
    koken_iso(order, back) = koken_take(fill.of);
    koken_drop(back);
}

int main(void)
{
    trade(market_spawn(desk, fill, on_fill));
    return market_run();
}
