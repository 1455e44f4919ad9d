/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a val remembers a figure that is computed when it is first asked for */
/* CLASS: write-val */
#include "market.h"

KOKEN_PAYLOAD(series, (array, long, at, 4), (plain, long, average));

static long average_of(const struct series *series)
{
    if (series->average == 0) {
        struct series *cache = (struct series *)series;
        for (int i = 0; i < 4; i++) {
            cache->average += series->at[i]; /* BAD */
        }
        cache->average /= 4;
    }
    return series->average;
}

static int on_series(koken_ctx *ctx, struct desk *self, struct series_val *msg)
{
    (void)ctx;
    self->count += average_of(koken_peek(*msg));
    self->count += average_of(koken_peek(*msg));
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, series_val, on_series);
    koken_iso(series, s) = koken_new(series);
    if (koken_none(s)) {
        return 1;
    }
    for (int i = 0; i < 4; i++) {
        koken_mut(s)->at[i] = 8 + i;
    }
    koken_val(series, v) = koken_freeze(s);
    koken_post(desk, v);
    return market_run();
}
