/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the state of an agent touched by code that is not its behaviour */
/* CLASS: foreign-state */
#include "market.h"

KOKEN_ROLE(vault);
struct vault {
    long balance KOKEN_OF_ROLE(vault);
};

static int on_order(koken_ctx *ctx, struct vault *self, struct order_iso *msg) KOKEN_ACTS(vault);
static int on_order(koken_ctx *ctx, struct vault *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    self->balance += koken_get(o)->price;
    koken_drop(o);
    return 0;
}

static void on_timer(void *arg)
{
    struct vault *vault = arg;
    vault->balance = 0; /* BAD */
}

int main(void)
{
    koken_ref agent = market_spawn(vault, order_iso, on_order);
    market_feed(agent, 1);
    on_timer(market_state(agent));
    return market_run();
}
