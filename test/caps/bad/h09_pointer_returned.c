/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a function returns a pointer into the iso that it dropped */
/* CLASS: borrow-escape */
#include "market.h"

static long *look(order_iso h)
{
    koken_owned(h);
    long *price = &koken_mut(h)->price;
    koken_drop(h);
    return price; /* BAD */
}

static void trade(koken_ref risk, koken_ref exch)
{
    (void)risk;
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    long *price = look(koken_move(o));
    *price = 1; /* BAD */
    market_use(1);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
