/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the ref with which a book was recovered is kept in the state and written through after the book was sent */
/* CLASS: recover-capture */
#include "market.h"

KOKEN_STATE(maker, (ref, book, current), (plain, long, orders), (tag, tape));

static void add(struct book *b, long price)
{
    b->count++;
    if (price > b->best) {
        b->best = price;
    }
}

/* A new book for every four orders; the tape gets it at once. */
static int begin_book(struct maker *self)
{
    koken_iso(book, fresh) = koken_recover(book, b, {
        koken_mut(b)->best = 1;
        self->current = b; /* BAD */
    });
    if (koken_none(fresh)) {
        return -ENOMEM;
    }
    koken_post(self->tape, fresh);
    return 0;
}

static int on_order(koken_ctx *ctx, struct maker *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    long price = koken_get(o)->price + koken_get(o)->id;
    koken_drop(o);
    if (self->orders++ % 4 == 0) {
        int rc = begin_book(self);
        if (rc < 0) {
            return rc;
        }
    }
    add(koken_poke(self->current), price);
    return 0;
}

int main(void)
{
    koken_ref tape = market_sink();
    koken_ref ref = market_spawn(maker, order_iso, on_order);
    struct maker *maker = market_state(ref);
    maker->tape = tape;
    market_feed(ref, 8);
    return market_run();
}
