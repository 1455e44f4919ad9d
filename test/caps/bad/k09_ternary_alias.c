/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a second name chosen by a conditional expression */
/* CLASS: alias-iso */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_iso(order, p) = koken_new(order);
    if (koken_none(p)) {
        koken_drop(o);
        return;
    }
    order_iso best = market_limit() > 1 ? o : p; /* BAD */
    koken_post(risk, o);
    koken_post(exch, p);
    koken_mut(best)->price = 1;
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
