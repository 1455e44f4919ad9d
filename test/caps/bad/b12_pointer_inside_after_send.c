/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a pointer to a field of the iso used after the send */
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
    long *quantity = &koken_mut(o)->quantity;
    koken_post(risk, o);
    *quantity = 3; /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
