/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: orders are sorted by pointers, which outlive them */
/* CLASS: borrow-escape */
#include "market.h"

static int by_price(const void *left, const void *right)
{
    const struct order *const *a = left, *const *b = right;
    return ((*a)->price > (*b)->price) - ((*a)->price < (*b)->price);
}

static void trade(koken_ref risk)
{
    const struct order *all[3];
    order_iso owned[3] = {{0}};
    for (int i = 0; i < 3; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            return;
        }
        koken_mut(o)->price = 3 - i;
        all[i] = koken_get(o);
        koken_put(owned[i], o);
    }
    qsort(all, 3, sizeof all[0], by_price);
    for (int i = 0; i < 3; i++) {
        koken_iso(order, o) = koken_take(owned[i]);
        koken_post(risk, o);
    }
    market_use(all[0]->price); /* BAD */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
