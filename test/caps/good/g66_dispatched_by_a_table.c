/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: handlers in a table, each of which owns what it gets */
#include "market.h"

typedef int handler(struct desk *self, order_iso o);

static int on_buy(struct desk *self, order_iso o)
{
    koken_owned(o);
    self->count += koken_get(o)->quantity;
    if (koken_give(market_first(), o) != 0) {
        koken_drop(o);
        return -EAGAIN;
    }
    return 0;
}

static int on_sell(struct desk *self, order_iso o)
{
    koken_owned(o);
    if (!koken_has(self->second)) {
        koken_put(self->second, o);
        return 0;
    }
    koken_iso(order, other) = koken_take(self->second);
    koken_mut(o)->quantity += koken_get(other)->quantity;
    koken_drop(other);
    koken_post(market_first(), o);
    return 0;
}

static handler *const handlers[] = {on_buy, on_sell};

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    const size_t kind = (size_t)koken_peek(*msg)->id & 1;
    koken_iso(order, o) = koken_take(*msg);
    return handlers[kind](self, koken_move(o));
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(desk, order_iso, on_order), 8);
    return market_run();
}
