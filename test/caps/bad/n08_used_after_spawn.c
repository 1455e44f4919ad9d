/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: what an agent was started with is read by its maker */
/* CLASS: use-after-send */
#include "market.h"

static int on_start(koken_ctx *ctx, struct desk *self, const void *arg)
{
    (void)ctx;
    koken_iso(order, o) = koken_given_iso(order, arg);
    if (koken_none(o)) {
        return -EINVAL;
    }
    koken_put(self->pending, o);
    return 0;
}

KOKEN_AGENT(desk, struct desk, KOKEN_INIT(on_start));

static void trade(koken_ref risk)
{
    koken_ref made;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->id = 3;
    const long *id = &koken_get(o)->id;
    if (koken_spawn_given((struct koken *)NULL, &made, desk, o) == 0) {
        (void)risk;
        market_use(*id); /* BAD */
    }
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
