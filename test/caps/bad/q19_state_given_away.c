/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an agent sends the address of its state */
/* CLASS: smuggle */
#include "market.h"

KOKEN_MESSAGE(look, { uintptr_t at; });

static int on_look(koken_ctx *ctx, struct desk *self, const struct look *msg)
{
    (void)ctx;
    struct desk *other = (struct desk *)msg->at; /* BAD */
    self->count += ++other->count;
    return 0;
}

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    koken_drop(o);
    return koken_signal((koken_ref){1}, look, .at = (uintptr_t)self); /* BAD */
}

int main(void)
{
    koken_ref watcher = market_spawn(desk, look, on_look);
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    (void)watcher;
    market_feed(desk, 1);
    market_run();
    return market_run();
}
