/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an iso is given by koken_spawn_given, not copied as an argument */
/* CLASS: nonsendable-field */
#include "market.h"

struct trader {
    long price;
};

static int trader_init(koken_ctx *ctx, struct trader *self, const void *arg)
{
    (void)ctx;
    self->price = koken_peek(*(const order_iso *)arg)->price;
    return 0;
}

KOKEN_AGENT(trader, struct trader, KOKEN_INIT(trader_init));

int main(void)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return 1;
    }
    (void)koken_spawn((struct koken *)NULL, trader, KOKEN_ARG(o)); /* BAD */
    koken_drop(o);
    return market_run();
}
