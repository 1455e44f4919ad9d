/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the sum is made while the list is dropped, each after its drop */
/* CLASS: use-after-drop */
#include "market.h"

static long dispose(order_iso list)
{
    koken_owned(list);
    long sum = 0;

    for (;;) {
        koken_slot(order, rest);
        if (koken_has(koken_get(list)->next)) {
            koken_iso(order, next) = koken_take(koken_mut(list)->next);
            koken_put(rest, next);
        }
        koken_drop(list);
        sum += koken_get(list)->quantity; /* BAD */
        if (!koken_has(rest)) {
            return sum;
        }
        koken_set(list, koken_take(rest));
    }
}

int main(void)
{
    koken_iso(order, a) = koken_new(order);
    if (koken_none(a)) {
        return 1;
    }
    koken_iso(order, b) = koken_new(order);
    if (koken_none(b)) {
        koken_drop(a);
        return 1;
    }
    koken_put(koken_mut(a)->next, b);
    market_use(dispose(koken_move(a)));
    return market_run();
}
