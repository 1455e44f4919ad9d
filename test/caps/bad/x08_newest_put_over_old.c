/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the newest order is put into a field that still holds the one before */
/* CLASS: leak */
#include "market.h"

KOKEN_STATE(sampler, (iso, order, newest), (plain, long, seen), (plain, long, every), (tag, to));

static void sample(struct sampler *self)
{
    if (!koken_has(self->newest)) {
        return;
    }
    koken_iso(order, o) = koken_take(self->newest);
    koken_mut(o)->quantity = self->seen;
    koken_post(self->to, o);
}

/* Of so many orders only the last one goes on. */
static int on_order(koken_ctx *ctx, struct sampler *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    koken_put(self->newest, o); /* BAD */
    self->seen++;
    if (self->seen % self->every == 0) {
        sample(self);
    }
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_ref ref = market_spawn(sampler, order_iso, on_order);
    struct sampler *sampler = market_state(ref);
    sampler->to = sink;
    sampler->every = 4;
    market_feed(ref, 8);
    return market_run();
}
