/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: two conditions that overlap, each of which sends */
/* CLASS: double-send */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = market_limit() + 10;
    long price = koken_get(o)->price;
    if (price > 20) {
        koken_post(risk, o);
    }
    if (price > 10) {
        koken_post(exch, o); /* BAD */
    } else if (price <= 20) {
        koken_drop(o);
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
