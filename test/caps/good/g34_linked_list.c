/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a list of isos built and taken apart */
#include "market.h"

static order_iso push(order_iso head, long id)
{
    koken_owned(head);
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return koken_move(head);
    }
    koken_mut(o)->id = id;
    koken_put(koken_mut(o)->next, head);
    return koken_move(o);
}

static void trade(koken_ref risk)
{
    koken_iso(order, list) = koken_new(order);
    if (koken_none(list)) {
        return;
    }
    for (long i = 1; i < 5; i++) {
        koken_iso(order, longer) = push(koken_move(list), i);
        koken_set(list, koken_move(longer));
    }
    koken_post(risk, list);
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
