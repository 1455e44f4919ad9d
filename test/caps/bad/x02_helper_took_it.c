/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order is handed to a helper that sends it, and used by the caller afterwards */
/* CLASS: use-after-send */
#include "market.h"

struct gateway {
    koken_ref exchange;
    long next_id;
    long exposure;
    long limit;
};

/* Stamps the order and sends it off. */
static void submit(struct gateway *self, order_iso o)
{
    koken_owned(o);
    koken_mut(o)->id = ++self->next_id;
    memcpy(koken_mut(o)->symbol, "ACME", 5);
    koken_post(self->exchange, o);
}

static long cost_of(const struct order *o)
{
    return o->price * o->quantity;
}

static int on_order(koken_ctx *ctx, struct gateway *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    if (self->exposure + cost_of(koken_get(o)) > self->limit) {
        koken_drop(o);
        return 0;
    }
    submit(self, o);                         /* BAD */
    self->exposure += cost_of(koken_get(o)); /* BAD */
    return 0;
}

int main(void)
{
    koken_ref ref = market_spawn(gateway, order_iso, on_order);
    struct gateway *gateway = market_state(ref);
    gateway->exchange = market_sink();
    gateway->limit = 1000;
    for (long i = 1; i <= 5; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            return 1;
        }
        koken_mut(o)->price = 10;
        koken_mut(o)->quantity = i;
        koken_post(ref, o);
    }
    return market_run();
}
