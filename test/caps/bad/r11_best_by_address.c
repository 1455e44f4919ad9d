/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the best entry of a table is remembered by its address, sent, and read */
/* CLASS: alias-iso */
#include "market.h"

enum { COUNT = 4 };

static void trade(koken_ref venue)
{
    order_iso table[COUNT] = {{0}};
    order_iso *best = table;

    for (long i = 0; i < COUNT; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            abort();
        }
        koken_mut(o)->price = (i * 3) % COUNT;
        koken_put(table[i], o);
    }
    for (order_iso *at = table; at < table + COUNT; at++) {
        if (koken_peek(*at)->price > koken_peek(*best)->price) {
            best = at;
        }
    }
    for (int i = 0; i < COUNT; i++) {
        koken_iso(order, o) = koken_take(table[i]);
        koken_post(venue, o);
    }
    market_use(koken_peek(*best)->price); /* BAD: they have all gone */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
