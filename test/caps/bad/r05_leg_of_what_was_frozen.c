/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a leg is changed after the order around it became a val */
/* CLASS: use-after-freeze */
#include "market.h"

static order_iso build(long quantity)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return koken_empty(order);
    }
    koken_iso(leg, l) = koken_new(leg);
    if (!koken_none(l)) {
        koken_mut(l)->quantity = quantity;
        koken_put(koken_mut(o)->leg, l);
    }
    return koken_move(o);
}

static struct leg *leg_of(struct order *order)
{
    return koken_has(order->leg) ? koken_poke(order->leg) : NULL;
}

int main(void)
{
    koken_ref tape = market_sink();
    koken_iso(order, o) = build(10);
    if (koken_none(o)) {
        return 1;
    }
    struct leg *leg = leg_of(koken_mut(o));
    if (leg == NULL) {
        koken_drop(o);
        return 1;
    }
    leg->price = 99;
    koken_val(order, v) = koken_freeze(o);
    leg->price += 1; /* BAD: it is part of a val now */
    koken_post(tape, v);
    return market_run();
}
