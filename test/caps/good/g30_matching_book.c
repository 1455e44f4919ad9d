/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a matching book: bids wait in a sorted table, an ask takes the best */
#include "market.h"

enum { DEPTH = 16 };

struct ladder {
    order_iso bids[DEPTH];
    int count;
    long traded;
};

static void insert(struct ladder *self, order_iso h)
{
    koken_owned(h);
    int at = self->count++;

    while (at > 0 && koken_peek(self->bids[at - 1])->price > koken_get(h)->price) {
        koken_iso(order, up) = koken_take(self->bids[at - 1]);
        koken_put(self->bids[at], up);
        at--;
    }
    koken_put(self->bids[at], h);
}

static int on_order(koken_ctx *ctx, struct ladder *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);

    if (koken_get(o)->quantity >= 0) {
        if (self->count == DEPTH) {
            koken_drop(o);
            return 0;
        }
        insert(self, koken_move(o));
        return 0;
    }
    if (self->count == 0 || koken_peek(self->bids[self->count - 1])->price < koken_get(o)->price) {
        koken_drop(o);
        return 0;
    }
    koken_iso(order, bid) = koken_take(self->bids[--self->count]);
    self->traded += koken_get(bid)->price;
    koken_drop(o);
    koken_post(market_first(), bid);
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_ref book = market_spawn(ladder, order_iso, on_order);
    (void)sink;
    for (long i = 0; i < 30; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            return 1;
        }
        koken_mut(o)->price = (i * 7) % 11;
        koken_mut(o)->quantity = i % 3 == 2 ? -1 : 1;
        koken_post(book, o);
    }
    return market_run();
}
