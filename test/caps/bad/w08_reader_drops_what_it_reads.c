/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a function that reads a quote drops it, and its caller does, too */
/* CLASS: double-drop */
#include "market.h"

static long spread_of(quote_val v)
{
    koken_owned(v);
    const long spread = koken_get(v)->ask - koken_get(v)->bid;
    koken_drop(v);
    return spread;
}

static int on_quote(koken_ctx *ctx, struct desk *self, struct quote_val *msg)
{
    (void)ctx;
    koken_val(quote, v) = koken_take(*msg);
    self->count += spread_of(v); /* BAD: not a second reference */
    koken_drop(v);
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, quote_val, on_quote);
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return 1;
    }
    koken_val(quote, v) = koken_freeze(q);
    koken_post(desk, v);
    return market_run();
}
