/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an argument that nothing checks says why */
/* CLASS: borrow-escape */
#include "market.h"

struct trader {
    long *volume;
};

static int trader_init(koken_ctx *ctx, struct trader *self, const void *arg)
{
    (void)ctx;
    *self = *(const struct trader *)arg;
    return 0;
}

KOKEN_AGENT(trader, struct trader, KOKEN_INIT(trader_init));

int main(void)
{
    long volume = 0;
    struct trader state = {&volume};

    (void)koken_spawn((struct koken *)NULL, trader, KOKEN_ARG_TRUSTED(state)); /* BAD */
    volume++;
    return market_run();
}
