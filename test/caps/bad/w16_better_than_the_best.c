/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the best of some orders is kept in a slot, and forgotten when a better one comes */
/* CLASS: leak */
#include "market.h"

static void trade(koken_ref venue)
{
    koken_slot(order, best);

    for (long i = 0; i < 4; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            continue;
        }
        koken_mut(o)->price = i * market_limit();
        if (koken_has(best) && koken_peek(best)->price >= koken_get(o)->price) {
            koken_drop(o);
            continue;
        }
        koken_put(best, o); /* BAD: over the one before */
    }
    if (koken_has(best)) {
        koken_iso(order, winner) = koken_take(best);
        koken_post(venue, winner);
    }
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
