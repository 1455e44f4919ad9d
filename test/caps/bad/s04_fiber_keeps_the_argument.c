/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a fiber that gets the pointer itself shares what it points to */
/* CLASS: foreign-state */
#include "market.h"

struct trader {
    long price;
};

static int trade(koken_ctx *ctx, struct trader *self, const void *arg)
{
    (void)ctx;
    self->price = *(const long *)arg;
    return 0;
}

KOKEN_FIBER(trader, struct trader, trade);

int main(void)
{
    long price = 1;

    (void)koken_spawn((struct koken *)NULL, trader, .arg = &price); /* BAD */
    price = 2;
    return market_run();
}
