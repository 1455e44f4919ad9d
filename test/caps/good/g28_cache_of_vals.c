/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a cache of vals: readers get references, a newer quote replaces the older */
#include "market.h"

KOKEN_STATE(cache, (val, quote, latest), (tag, reader), (plain, long, served));

static int on_quote(koken_ctx *ctx, struct cache *self, struct quote_iso *msg)
{
    (void)ctx;
    koken_iso(quote, q) = koken_take(*msg);
    koken_mut(q)->ask = koken_get(q)->bid + 1;
    koken_val(quote, v) = koken_freeze(q);

    if (koken_has(self->latest)) {
        koken_val(quote, old) = koken_take(self->latest);
        koken_drop(old);
    }
    koken_put(self->latest, v);
    if (koken_share_in(self->reader, self->latest) == 0) {
        self->served++;
    }
    return 0;
}

int main(void)
{
    koken_ref reader = market_sink();
    koken_ref cache = market_spawn(cache, quote_iso, on_quote);
    ((struct cache *)market_state(cache))->reader = reader;
    for (int i = 0; i < 5; i++) {
        koken_iso(quote, q) = koken_new(quote);
        if (koken_none(q)) {
            return 1;
        }
        koken_mut(q)->bid = i;
        koken_post(cache, q);
    }
    return market_run();
}
