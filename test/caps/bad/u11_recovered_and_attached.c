/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: what is built by refs is attached to the state while it is built */
/* CLASS: alias-iso */
#include "market.h"

static void attach(struct desk *self, book_ref book)
{
    if (!koken_has(self->book)) {
        self->book = book;
    }
}

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(book, made) = koken_recover(book, r, {
        if (koken_has(r)) {
            koken_mut(r)->best = koken_peek(*msg)->price;
            attach(self, r); /* BAD: it gets out */
        }
    });
    if (koken_none(made)) {
        return -ENOMEM;
    }
    koken_post(market_first(), made);
    koken_mut(self->book)->count++; /* BAD */
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(desk, order_iso, on_order), 1);
    return market_run();
}
