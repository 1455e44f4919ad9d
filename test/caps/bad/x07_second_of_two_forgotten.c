/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an error path gives back the order, but not the leg that was made for it */
/* CLASS: leak */
#include "market.h"

struct builder {
    koken_ref exchange;
    long built;
    long bad;
};

static int fill_leg(struct leg *l, long quantity, long price)
{
    if (price % 3 == 0) {
        return -EDOM;
    }
    l->quantity = quantity;
    l->price = price;
    return 0;
}

static int on_order(koken_ctx *ctx, struct builder *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    if (koken_get(o)->id < 0 || koken_has(koken_get(o)->leg)) {
        koken_drop(o);
        return -EINVAL;
    }
    koken_iso(leg, l) = koken_new(leg);
    if (koken_none(l)) {
        koken_drop(o);
        return -ENOMEM;
    }
    int rc = fill_leg(koken_mut(l), 10, koken_get(o)->id);
    if (rc < 0) {
        self->bad++;
        koken_drop(o);
        return rc; /* BAD */
    }
    koken_put(koken_mut(o)->leg, l);
    self->built++;
    koken_post(self->exchange, o);
    return 0;
}

int main(void)
{
    koken_ref ref = market_spawn(builder, order_iso, on_order);
    struct builder *builder = market_state(ref);
    builder->exchange = market_sink();
    market_feed(ref, 7);
    return market_run();
}
