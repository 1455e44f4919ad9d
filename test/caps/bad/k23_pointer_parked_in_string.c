/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a pointer written into the letters of a text */
/* CLASS: smuggle */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    char bytes[sizeof(void *)];
    struct order *p = koken_mut(o);
    memcpy(bytes, &p, sizeof p);
    koken_post(risk, o);
    memcpy(&p, bytes, sizeof p);
    p->quantity = 1; /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
