/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: possibly empty: a slot says so */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_slot(order, best);
    for (int i = 0; i < 3; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            continue;
        }
        koken_mut(o)->price = market_limit() + i % 2;
        if (!koken_has(best)) {
            koken_put(best, o);
        } else if (koken_peek(best)->price < koken_get(o)->price) {
            koken_iso(order, worse) = koken_take(best);
            koken_drop(worse);
            koken_put(best, o);
        } else {
            koken_drop(o);
        }
    }
    if (koken_has(best)) {
        koken_iso(order, chosen) = koken_take(best);
        koken_post(risk, chosen);
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
