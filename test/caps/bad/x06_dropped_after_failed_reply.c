/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a reply that failed is taken for still ours, and its order is dropped a second time */
/* CLASS: double-send */
#include "market.h"

struct desk_of_quotes {
    long asked;
    long unanswered;
    long price;
};

static int price_order(const struct desk_of_quotes *self, struct order *o)
{
    if (o->quantity < 0) {
        return -EINVAL;
    }
    o->price = self->price + o->quantity;
    return 0;
}

/* The order comes back to its sender with a price in it. */
static int on_order(koken_ctx *ctx, struct desk_of_quotes *self, struct order_iso *msg)
{
    koken_iso(order, o) = koken_take(*msg);
    self->asked++;
    if (price_order(self, koken_mut(o)) < 0) {
        koken_drop(o);
        return 0;
    }
    int rc = koken_post_reply(ctx, o);
    if (rc < 0) {
        self->unanswered++;
        koken_drop(o); /* BAD */
    }
    return 0;
}

int main(void)
{
    koken_ref ref = market_spawn(desk_of_quotes, order_iso, on_order);
    struct desk_of_quotes *desk = market_state(ref);
    desk->price = 100;
    market_feed(ref, 3);
    int rc = market_run();
    market_use(desk->unanswered);
    return rc;
}
