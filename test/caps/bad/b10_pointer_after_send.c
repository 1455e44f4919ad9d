/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a pointer from koken_mut used after the send */
/* CLASS: borrow-escape */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    struct order *p = koken_mut(o);
    koken_post(risk, o);
    p->price = 3; /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
