/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a pointer to a part of a region used after the region was sent */
/* CLASS: borrow-escape */
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
    struct leg *fill = koken_mut(part);
    koken_put(koken_mut(root)->leg, part);
    koken_post(risk, root);
    fill->quantity = 5; /* BAD: it is part of what was sent */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
