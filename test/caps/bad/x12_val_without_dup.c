/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a val is stored by assignment and posted too: two owners, one reference */
/* CLASS: alias-iso */
#include "market.h"

KOKEN_STATE(ticker, (val, quote, last), (plain, long, spread), (tag, next));

static void forget_last(struct ticker *self)
{
    if (koken_has(self->last)) {
        koken_val(quote, old) = koken_take(self->last);
        self->spread = koken_get(old)->ask - koken_get(old)->bid;
        koken_drop(old);
    }
}

static int on_quote(koken_ctx *ctx, struct ticker *self, struct quote_val *msg)
{
    (void)ctx;
    koken_val(quote, v) = koken_take(*msg);
    forget_last(self);
    self->last = v; /* BAD */
    koken_post(self->next, v);
    return 0;
}

static int quote(koken_ref to, long bid, long ask)
{
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return -ENOMEM;
    }
    koken_mut(q)->bid = bid;
    koken_mut(q)->ask = ask;
    koken_val(quote, v) = koken_freeze(q);
    koken_post(to, v);
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_ref ref = market_spawn(ticker, quote_val, on_quote);
    struct ticker *ticker = market_state(ref);
    ticker->next = sink;
    for (long i = 0; i < 4; i++) {
        if (quote(ref, 100 + i, 102 + 2 * i) < 0) {
            return 1;
        }
    }
    return market_run();
}
