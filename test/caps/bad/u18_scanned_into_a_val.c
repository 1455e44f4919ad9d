/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: numbers are read from a line into a quote that is a val */
/* CLASS: write-val */
#include "market.h"
#include <stdio.h>

static int refresh(const struct quote *quote, const char *line)
{
    return sscanf(line, "%ld %ld", &quote->bid, &quote->ask) == 2 ? 0 : -EINVAL; /* BAD */
}

static int on_quote(koken_ctx *ctx, struct desk *self, struct quote_val *msg)
{
    (void)ctx;
    koken_val(quote, v) = koken_take(*msg);
    if (refresh(koken_get(v), "101 103") < 0) {
        self->count++;
    }
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
