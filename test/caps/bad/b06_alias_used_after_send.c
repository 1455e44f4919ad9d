/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: handle copied by =, the original sent, the copy used */
/* CLASS: alias-iso */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    order_iso b = o; /* BAD */
    koken_post(risk, o);
    koken_mut(b)->price = 3; /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
