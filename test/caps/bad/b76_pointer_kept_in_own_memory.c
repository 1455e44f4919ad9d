/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a borrowed pointer kept in a table that the agent owns */
/* CLASS: borrow-escape */
#include "market.h"

struct slot {
    const struct order *of; /* BAD */
};
KOKEN_STATE(keeper, (own, struct slot *, table), (plain, long, count));

static int on_order(koken_ctx *ctx, struct keeper *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    if (self->count++ == 0) {
        self->table = malloc(sizeof *self->table);
        if (self->table == NULL) {
            koken_drop(o);
            return 0;
        }
        self->table->of = koken_get(o); /* BAD */
        koken_post(market_first(), o);
    } else {
        market_use(self->table->of->price); /* BAD */
        free(self->table);
        koken_drop(o);
    }
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(keeper, order_iso, on_order);
    market_feed(desk, 2);
    return market_run();
}
