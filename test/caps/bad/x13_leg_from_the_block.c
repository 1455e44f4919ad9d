/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a pointer to a part of an order is carried out of the block that borrowed it, and written through after the send */
/* CLASS: borrow-escape */
#include "market.h"

struct splitter {
    koken_ref exchange;
    long filled;
};

static int on_order(koken_ctx *ctx, struct splitter *self, struct order_iso *msg)
{
    (void)ctx;
    struct leg *leg = NULL;
    koken_iso(order, o) = koken_take(*msg);
    KOKEN_WITH(p, o)
    {
        p->price = 100;
        if (koken_has(p->leg)) {
            leg = koken_poke(p->leg); /* BAD */
            leg->price = p->price;
        }
    }
    koken_post(self->exchange, o);
    if (leg != NULL) {
        self->filled += leg->quantity; /* BAD */
        leg->quantity = 0;
    }
    return 0;
}

static int feed(koken_ref to, long id)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return -ENOMEM;
    }
    koken_mut(o)->id = id;
    if (id % 2 == 0) {
        koken_iso(leg, l) = koken_new(leg);
        if (koken_none(l)) {
            koken_drop(o);
            return -ENOMEM;
        }
        koken_mut(l)->quantity = id + 1;
        koken_put(koken_mut(o)->leg, l);
    }
    koken_post(to, o);
    return 0;
}

int main(void)
{
    koken_ref ref = market_spawn(splitter, order_iso, on_order);
    struct splitter *splitter = market_state(ref);
    splitter->exchange = market_sink();
    for (long i = 0; i < 5; i++) {
        if (feed(ref, i) < 0) {
            return 1;
        }
    }
    return market_run();
}
