/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: KOKEN_ARG takes no pointer */
/* CLASS: nonsendable-field */
#include "market.h"

struct plan {
    int limit;
    long *volume;
};

static int trader_init(koken_ctx *ctx, struct plan *self, const void *arg)
{
    (void)ctx;
    *self = *(const struct plan *)arg;
    return 0;
}

KOKEN_AGENT(trader, struct plan, KOKEN_INIT(trader_init));

int main(void)
{
    long volume = 0;
    struct plan plan = {1, &volume};

    (void)koken_spawn((struct koken *)NULL, trader, KOKEN_ARG(plan)); /* BAD */
    return market_run();
}
