/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a recursive helper consumes and then drops */
/* CLASS: double-drop */
#include "market.h"

static void again(order_iso h, int turns)
{
    koken_owned(h);
    if (turns > 0) {
        again(koken_move(h), turns - 1);
    }
    koken_drop(h); /* BAD */
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
    again(koken_move(o), 3);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
