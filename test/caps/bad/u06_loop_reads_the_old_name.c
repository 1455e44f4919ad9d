/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a list is reversed, and the loop asks the name that was moved from */
/* CLASS: use-after-move */
#include "market.h"

static order_iso reverse(order_iso list)
{
    koken_owned(list);
    koken_slot(order, done);
    koken_slot(order, todo);

    koken_put(todo, list);
    do {
        koken_iso(order, head) = koken_take(todo);
        if (koken_has(koken_get(head)->next)) {
            koken_iso(order, rest) = koken_take(koken_mut(head)->next);
            koken_put(todo, rest);
        }
        if (koken_has(done)) {
            koken_iso(order, behind) = koken_take(done);
            koken_put(koken_mut(head)->next, behind);
        }
        koken_put(done, head);
    } while (koken_get(list)->id >= 0 && koken_has(todo)); /* BAD: list was put into todo */
    return koken_take(done);
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_iso(order, a) = koken_new(order);
    if (koken_none(a)) {
        return 1;
    }
    koken_iso(order, r) = reverse(koken_move(a));
    koken_post(sink, r);
    return market_run();
}
