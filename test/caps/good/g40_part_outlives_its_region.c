/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a part is taken out of a region, the rest dropped, and the part used, put into another region and sent */
#include "market.h"

static void trade(koken_ref risk)
{
    koken_iso(order, root) = koken_new_region(order);
    if (koken_none(root)) {
        return;
    }
    koken_iso(leg, part) = koken_new_in(leg, root);
    if (koken_none(part)) {
        koken_drop(root);
        return;
    }
    koken_put(koken_mut(root)->leg, part);
    koken_iso(leg, out) = koken_take(koken_mut(root)->leg);
    koken_drop(root);
    koken_mut(out)->quantity = 5;
    koken_iso(order, other) = koken_new_region(order);
    if (koken_none(other)) {
        koken_drop(out);
        return;
    }
    koken_mut(other)->quantity = koken_get(out)->quantity;
    koken_put(koken_mut(other)->leg, out);
    koken_post(risk, other);
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
