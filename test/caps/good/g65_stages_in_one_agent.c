/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: stages of a pipeline inside one agent, each with a place for its work */
#include "market.h"

enum { STAGES = 3 };

struct stage {
    order_iso work;
    long handled;
};

struct line {
    struct stage stage[STAGES];
    long out;
};

static int forward(struct stage *from, struct stage *to)
{
    if (!koken_has(from->work) || koken_has(to->work)) {
        return 0;
    }
    koken_iso(order, o) = koken_take(from->work);
    koken_mut(o)->price += 1;
    koken_put(to->work, o);
    from->handled++;
    return 1;
}

static int on_order(koken_ctx *ctx, struct line *self, struct order_iso *msg)
{
    (void)ctx;
    struct stage *last = &self->stage[STAGES - 1];

    if (koken_has(last->work)) {
        koken_iso(order, done) = koken_take(last->work);
        self->out += koken_get(done)->price;
        koken_post(market_first(), done);
    }
    for (int i = STAGES - 1; i > 0; i--) {
        self->out += forward(&self->stage[i - 1], &self->stage[i]);
    }
    koken_iso(order, o) = koken_take(*msg);
    if (koken_has(self->stage[0].work)) {
        koken_drop(o);
        return -EBUSY;
    }
    koken_put(self->stage[0].work, o);
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(line, order_iso, on_order), 8);
    return market_run();
}
