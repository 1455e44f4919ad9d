/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a borrowed pointer in a local struct, used after the send */
/* CLASS: borrow-escape */
#include "market.h"

struct view {
    struct order *of; /* BAD */
};

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    struct view view = {koken_mut(o)};
    koken_post(risk, o);
    view.of->price = 1; /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
