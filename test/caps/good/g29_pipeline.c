/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a pipeline: each stage changes the same payload and hands it on */
#include "market.h"

KOKEN_STATE(stage, (tag, next), (plain, long, factor), (plain, long, seen));

static int on_order(koken_ctx *ctx, struct stage *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);

    KOKEN_WITH(p, o)
    {
        p->price *= self->factor;
        p->quantity += ++self->seen;
    }
    koken_post(self->next, o);
    return 0;
}

int main(void)
{
    koken_ref next = market_sink();

    for (long i = 3; i > 0; i--) {
        koken_ref stage = market_spawn(stage, order_iso, on_order);
        struct stage *state = market_state(stage);
        state->next = next;
        state->factor = i;
        next = stage;
    }
    market_feed(next, 10);
    return market_run();
}
