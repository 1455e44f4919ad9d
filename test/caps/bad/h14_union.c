/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a handle read through a union */
/* CLASS: alias-iso */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    union {
        order_iso handle;
        void *pointer;
    } both = {.pointer = NULL};
    koken_put(both.handle, o);
    struct order *p = both.pointer; /* BAD */
    koken_iso(order, q) = koken_take(both.handle);
    koken_post(risk, q);
    p->price = 1; /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
