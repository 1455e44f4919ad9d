/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a whole order overwritten by a copy of another that was not taken apart */
/* CLASS: alias-iso */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_iso(order, p) = koken_new(order);
    if (koken_none(p)) {
        koken_drop(o);
        return;
    }
    koken_iso(leg, l) = koken_new(leg);
    if (koken_none(l)) {
        koken_drop(o);
        koken_drop(p);
        return;
    }
    koken_put(koken_mut(o)->leg, l);
    *koken_mut(p) = *koken_get(o); /* BAD: two orders own one leg */
    koken_post(risk, o);
    koken_drop(p);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
