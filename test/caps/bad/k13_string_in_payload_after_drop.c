/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the symbol of a dropped order is still printed */
/* CLASS: borrow-escape */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)risk;
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    const char *symbol = koken_get(o)->symbol;
    koken_drop(o);
    market_use(symbol[0]); /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
