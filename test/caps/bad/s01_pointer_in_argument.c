/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: what an agent starts with holds a pointer to what its maker goes on using */
/* CLASS: borrow-escape */
#include "market.h"

struct plan {
    int limit;
    struct {
        struct order *orders[2];
    } first;
};

struct trader {
    long done;
};

static int on_order(koken_ctx *ctx, struct trader *self, const struct order_iso *msg)
{
    (void)ctx;
    (void)msg;
    self->done++;
    return 0;
}

static int trader_init(koken_ctx *ctx, struct trader *self, const void *arg)
{
    const struct plan *plan = arg;

    (void)ctx;
    self->done = plan->first.orders[0]->price;
    return 0;
}

KOKEN_AGENT(trader, struct trader, KOKEN_INIT(trader_init), KOKEN_ON(order_iso, on_order));

int main(void)
{
    struct order order = {.price = 1};
    struct plan plan = {.limit = 1, .first = {{&order, &order}}};

    koken_ref ref =
        koken_spawn((struct koken *)NULL, trader, .arg = &plan, .arg_size = sizeof plan); /* BAD */
    market_use((long)ref.id);
    order.price = 2;
    return market_run();
}
