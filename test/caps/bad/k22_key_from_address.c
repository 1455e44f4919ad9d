/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the address of an order as its key, turned back into a pointer later */
/* CLASS: smuggle */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    uintptr_t key = (uintptr_t)koken_mut(o);
    koken_post(risk, o);
    ((struct order *)key)->price = 1; /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
