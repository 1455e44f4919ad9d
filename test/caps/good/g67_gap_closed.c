/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a gap in a table is closed with the last entry, taken out and put in */
#include "market.h"

enum { ROOM = 4 };

struct row {
    order_iso order;
    int age;
};

struct table {
    struct row row[ROOM];
    int used;
};

static void remove_at(struct table *table, int at)
{
    koken_iso(order, o) = koken_take(table->row[at].order);
    koken_post(market_first(), o);
    table->used--;
    if (at != table->used) {
        koken_iso(order, last) = koken_take(table->row[table->used].order);
        koken_put(table->row[at].order, last);
        table->row[at].age = table->row[table->used].age;
    }
}

static int on_order(koken_ctx *ctx, struct table *self, struct order_iso *msg)
{
    (void)ctx;
    if (self->used == ROOM) {
        int oldest = 0;
        for (int i = 1; i < self->used; i++) {
            oldest = self->row[i].age > self->row[oldest].age ? i : oldest;
        }
        remove_at(self, oldest);
    }
    koken_iso(order, o) = koken_take(*msg);
    for (int i = 0; i < self->used; i++) {
        self->row[i].age++;
    }
    koken_put(self->row[self->used].order, o);
    self->row[self->used++].age = 0;
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(table, order_iso, on_order), 9);
    return market_run();
}
