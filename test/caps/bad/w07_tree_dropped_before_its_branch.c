/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a node is dropped, and then its branch is walked */
/* CLASS: use-after-drop */
#include "market.h"

static long fell(order_iso node)
{
    koken_owned(node);
    long sum = koken_get(node)->quantity;
    const struct order *branch = NULL;

    if (koken_has(koken_get(node)->next)) {
        branch = koken_peek(koken_get(node)->next);
    }
    koken_drop(node);
    while (branch != NULL) {
        sum += branch->quantity; /* BAD */
        branch = koken_has(branch->next) ? koken_peek(branch->next) : NULL;
    }
    return sum;
}

static void trade(koken_ref to)
{
    (void)to;
    koken_iso(order, a) = koken_new(order);
    if (koken_none(a)) {
        return;
    }
    koken_iso(order, b) = koken_new(order);
    if (koken_none(b)) {
        koken_drop(a);
        return;
    }
    koken_put(koken_mut(a)->next, b);
    market_use(fell(koken_move(a)));
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
