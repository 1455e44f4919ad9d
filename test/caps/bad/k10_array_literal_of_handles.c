/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: handles gathered in an array literal, which is a copy */
/* CLASS: alias-iso */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    order_iso batch[2] = {o}; /* BAD */
    koken_post(risk, o);
    koken_mut(batch[0])->quantity = 9;
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
