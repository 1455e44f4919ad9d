/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a helper freezes the moved iso, the caller writes by its old name */
/* CLASS: use-after-freeze */
#include "market.h"

static order_val published(order_iso h)
{
    koken_owned(h);
    koken_mut(h)->price = 1;
    return koken_freeze(h);
}

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_val(order, v) = published(koken_move(o));
    koken_mut(o)->price = 2; /* BAD */
    koken_post(risk, v);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
