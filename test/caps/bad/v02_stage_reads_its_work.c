/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a stage of a pipeline hands its work on, and counts it afterwards */
/* CLASS: use-after-send */
#include "market.h"

struct stage {
    order_iso work;
    koken_ref next;
    long handled;
};

static int forward(struct stage *stage)
{
    if (!koken_has(stage->work)) {
        return 0;
    }
    koken_iso(order, o) = koken_take(stage->work);
    koken_mut(o)->id++;
    koken_post(stage->next, o);
    return 1;
}

static int on_order(koken_ctx *ctx, struct stage *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    if (koken_has(self->work)) {
        koken_drop(o);
        return -EBUSY;
    }
    koken_put(self->work, o);
    self->next = market_first();
    if (forward(self)) {
        self->handled += koken_peek(self->work)->quantity; /* BAD */
    }
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(stage, order_iso, on_order), 1);
    return market_run();
}
