/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the state is released, and the last quote in it read once more */
/* CLASS: use-after-drop */
#include "market.h"

KOKEN_STATE(ticker, (val, quote, last), (plain, long, spread));

static long close_day(struct ticker *self)
{
    koken_release(ticker, self);
    self->spread = koken_peek(self->last)->ask - koken_peek(self->last)->bid; /* BAD */
    return self->spread;
}

static int on_quote(koken_ctx *ctx, struct ticker *self, struct quote_val *msg)
{
    (void)ctx;
    koken_val(quote, v) = koken_take(*msg);
    if (koken_has(self->last)) {
        koken_drop(v);
        market_use(close_day(self));
        return 0;
    }
    koken_put(self->last, v);
    return 0;
}

int main(void)
{
    koken_ref ticker = market_spawn(ticker, quote_val, on_quote);
    for (int i = 0; i < 2; i++) {
        koken_iso(quote, q) = koken_new(quote);
        if (koken_none(q)) {
            return 1;
        }
        koken_val(quote, v) = koken_freeze(q);
        koken_post(ticker, v);
    }
    return market_run();
}
