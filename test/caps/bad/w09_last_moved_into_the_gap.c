/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a gap in a table is filled with the last entry, which stays there */
/* CLASS: alias-iso */
#include "market.h"

enum { ROOM = 4 };

struct table {
    order_iso row[ROOM];
    int used;
};

static void remove_at(struct table *table, int at)
{
    koken_iso(order, o) = koken_take(table->row[at]);
    koken_drop(o);
    table->row[at] = table->row[--table->used]; /* BAD */
}

static int on_order(koken_ctx *ctx, struct table *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    koken_put(self->row[self->used], o);
    if (++self->used == ROOM) {
        remove_at(self, 1);
        for (int i = 0; i < ROOM; i++) {
            if (koken_has(self->row[i])) {
                koken_iso(order, next) = koken_take(self->row[i]);
                koken_post(market_first(), next); /* BAD */
            }
        }
        self->used = 0;
    }
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(table, order_iso, on_order), 4);
    return market_run();
}
