/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: one part put into two regions */
/* CLASS: double-send */
#include "market.h"

static void trade(koken_ref risk)
{
    koken_iso(order, first) = koken_new_region(order);
    if (koken_none(first)) {
        return;
    }
    koken_iso(order, second) = koken_new_region(order);
    if (koken_none(second)) {
        koken_drop(first);
        return;
    }
    koken_iso(leg, part) = koken_new_in(leg, first);
    if (!koken_none(part)) {
        order_iso *const roots[] = {&first, &second};
        for (int i = 0; i < 2; i++) {
            koken_put(koken_mut(*roots[i])->leg, part); /* BAD: the second time it is gone */
        }
    }
    koken_post(risk, first);
    koken_post(risk, second);
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
