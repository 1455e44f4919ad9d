/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: agents find each other by a registry of their states */
/* CLASS: foreign-state */
#include "market.h"

enum { DESKS = 4 };

static struct {
    struct desk *desk[DESKS];
    int count;
} registry;

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    (void)msg;
    registry.desk[registry.count++ % DESKS] = self; /* BAD */
    for (int i = 0; i < registry.count && i < DESKS; i++) {
        registry.desk[i]->count++; /* BAD */
    }
    return 0;
}

int main(void)
{
    koken_ref one = market_spawn(desk, order_iso, on_order);
    koken_ref two = market_spawn(desk, order_iso, on_order);
    market_feed(one, 1);
    market_feed(two, 1);
    return market_run();
}
