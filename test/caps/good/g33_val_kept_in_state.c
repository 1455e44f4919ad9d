/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a val kept in the state, dropped when a newer one comes */
#include "market.h"

static int on_quote(koken_ctx *ctx, struct desk *self, struct quote_val *msg)
{
    (void)ctx;
    koken_val(quote, v) = koken_take(*msg);

    if (koken_has(self->last)) {
        koken_val(quote, old) = koken_take(self->last);
        koken_drop(old);
    }
    self->count += koken_get(v)->bid;
    koken_put(self->last, v);
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, quote_val, on_quote);
    for (int i = 0; i < 3; i++) {
        koken_iso(quote, q) = koken_new(quote);
        if (koken_none(q)) {
            return 1;
        }
        koken_mut(q)->bid = i;
        koken_val(quote, v) = koken_freeze(q);
        koken_post(desk, v);
    }
    return market_run();
}
