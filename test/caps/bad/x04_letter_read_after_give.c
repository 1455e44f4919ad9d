/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order inside a letter is read after the letter was given */
/* CLASS: use-after-send */
#include "market.h"

KOKEN_LETTER(fill, (iso, order, what), (plain, long, price), (plain, long, fee));

struct exchange {
    koken_ref clearing;
    long turnover;
    long lost;
};
struct clearing {
    long fees;
};

static int on_order(koken_ctx *ctx, struct exchange *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    struct fill letter = {.price = 100 + koken_get(o)->id, .fee = 2};
    koken_put(letter.what, o);
    if (koken_give_letter(self->clearing, fill, letter) != 0) {
        koken_iso(order, back) = koken_take(letter.what);
        self->lost++;
        koken_drop(back);
        return 0;
    }
    self->turnover += koken_peek(letter.what)->quantity * letter.price; /* BAD */
    return 0;
}

static int on_fill(koken_ctx *ctx, struct clearing *self, struct fill *msg)
{
    (void)ctx;
    self->fees += msg->fee;
    market_use(msg->price);
    return 0;
}

int main(void)
{
    koken_ref clearing = market_spawn(clearing, fill, on_fill);
    koken_ref ref = market_spawn(exchange, order_iso, on_order);
    struct exchange *exchange = market_state(ref);
    exchange->clearing = clearing;
    market_feed(ref, 4);
    return market_run();
}
