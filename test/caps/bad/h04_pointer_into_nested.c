/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a pointer into a nested iso used after the outer one was sent */
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
    koken_iso(leg, l) = koken_new(leg);
    if (koken_none(l)) {
        koken_drop(o);
        return;
    }
    koken_put(koken_mut(o)->leg, l);
    struct leg *inner = koken_poke(koken_mut(o)->leg);
    koken_post(risk, o);
    inner->price = 1; /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
