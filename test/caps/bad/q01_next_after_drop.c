/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the list is walked through what was dropped */
/* CLASS: use-after-drop */
#include "market.h"

static void trade(koken_ref risk)
{
    (void)risk;
    koken_iso(order, head) = koken_new(order);
    if (koken_none(head)) {
        return;
    }
    koken_iso(order, tail) = koken_new(order);
    if (koken_none(tail)) {
        koken_drop(head);
        return;
    }
    koken_put(koken_mut(head)->next, tail);
    while (koken_has(head)) {
        koken_drop(head);
        koken_set(head, koken_take(koken_mut(head)->next)); /* BAD: the way on was in it */
    }
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
