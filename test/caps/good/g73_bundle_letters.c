/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: an order and the quote it was priced by travel in one letter */
#include "market.h"

KOKEN_LETTER(bundle, (iso, order, what), (val, quote, by), (plain, long, fee));

struct pricer {
    koken_ref clearing;
    long base, lost;
};
struct clearing {
    koken_ref archive;
    long fees;
};

static int on_order(koken_ctx *ctx, struct pricer *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return -ENOMEM; /* the order stays in the message */
    }
    koken_iso(order, o) = koken_take(*msg);
    KOKEN_WITH(p, q)
    {
        p->bid = self->base;
        p->ask = self->base + 2;
    }
    koken_mut(o)->price = koken_get(q)->ask;
    koken_val(quote, v) = koken_freeze(q);
    struct bundle letter = {.fee = 3};
    koken_put(letter.what, o);
    koken_put(letter.by, v);
    if (koken_give_letter(self->clearing, bundle, letter) != 0) {
        koken_iso(order, back) = koken_take(letter.what);
        koken_drop(back);
        koken_val(quote, unused) = koken_take(letter.by);
        koken_drop(unused);
        self->lost++;
    }
    return 0;
}

static int on_bundle(koken_ctx *ctx, struct clearing *self, struct bundle *msg)
{
    (void)ctx;
    self->fees += msg->fee;
    if (!koken_has(msg->what) || !koken_has(msg->by)) {
        return 0;
    }
    long spread = koken_peek(msg->by)->ask - koken_peek(msg->by)->bid;
    koken_iso(order, o) = koken_take(msg->what);
    koken_mut(o)->quantity += spread;
    koken_post(self->archive, o);
    return 0; /* the quote is given back with the message */
}

int main(void)
{
    koken_ref archive = market_sink();
    koken_ref clearing = market_spawn(clearing, bundle, on_bundle);
    struct clearing *cleared = market_state(clearing);
    cleared->archive = archive;
    koken_ref ref = market_spawn(pricer, order_iso, on_order);
    struct pricer *pricer = market_state(ref);
    pricer->clearing = clearing;
    pricer->base = 100;
    market_feed(ref, 5);
    return market_run();
}
