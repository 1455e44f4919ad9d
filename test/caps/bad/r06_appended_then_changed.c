/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order is appended to a list, and then changed by its old name */
/* CLASS: use-after-put */
#include "market.h"

static void append(koken_ref risk, int count)
{
    koken_iso(order, head) = koken_new(order);
    if (koken_none(head)) {
        return;
    }
    for (int i = 0; i < count; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            break;
        }
        if (koken_has(koken_get(head)->next)) {
            koken_iso(order, rest) = koken_take(koken_mut(head)->next);
            koken_put(koken_mut(o)->next, rest);
        }
        koken_put(koken_mut(head)->next, o);
        koken_mut(o)->id = i; /* BAD: the list owns it */
    }
    koken_post(risk, head);
}

int main(void)
{
    append(market_sink(), 2);
    return market_run();
}
