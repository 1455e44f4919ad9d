/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a bare pointer has no capability */
/* CLASS: send-nonsendable */
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
    koken_post(risk, p); /* BAD */
    koken_drop(o);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
