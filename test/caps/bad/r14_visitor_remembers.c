/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a visitor remembers the dearest order that it was shown */
/* CLASS: borrow-escape */
#include "market.h"

struct search {
    long limit;
    const void *found;
};

typedef void visitor(const struct order *order, void *user);

static void dearest(const struct order *order, void *user)
{
    struct search *search = user;

    if (order->price > search->limit) {
        search->limit = order->price;
        search->found = order; /* BAD */
    }
}

static void each(order_iso *table, int count, visitor *visit, void *user)
{
    for (int i = 0; i < count; i++) {
        visit(koken_peek(table[i]), user);
    }
}

static void trade(koken_ref venue)
{
    order_iso table[3] = {{0}};
    struct search search = {0};

    for (int i = 0; i < 3; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            abort();
        }
        koken_mut(o)->price = 3 + i;
        koken_put(table[i], o);
    }
    each(table, 3, dearest, &search);
    for (int i = 0; i < 3; i++) {
        koken_iso(order, o) = koken_take(table[i]);
        koken_post(venue, o);
    }
    market_use(((const struct order *)search.found)->id); /* BAD */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
