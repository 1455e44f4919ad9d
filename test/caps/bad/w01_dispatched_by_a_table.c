/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order is handed to a handler from a table, and counted by its old name */
/* CLASS: use-after-move */
#include "market.h"

typedef void handler(struct desk *self, order_iso o);

static void on_buy(struct desk *self, order_iso o)
{
    koken_owned(o);
    self->count++;
    koken_post(market_first(), o);
}

static void on_sell(struct desk *self, order_iso o)
{
    koken_owned(o);
    self->count--;
    koken_drop(o);
}

static handler *const handlers[] = {on_buy, on_sell};

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    const int kind = (int)(koken_get(o)->id & 1);
    handlers[kind](self, koken_move(o));
    self->count += koken_get(o)->quantity; /* BAD */
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(desk, order_iso, on_order), 1);
    return market_run();
}
