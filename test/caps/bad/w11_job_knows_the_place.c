/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a job knows the place of an order, which is empty when it runs */
/* CLASS: alias-iso */
#include "market.h"

struct job {
    order_iso *place;
    long by;
};

static void run(const struct job *job)
{
    koken_poke(*job->place)->price += job->by; /* BAD */
}

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    struct job job = {msg, 5};
    if (koken_has(self->pending)) {
        return -EBUSY;
    }
    koken_iso(order, o) = koken_take(*msg);
    koken_post(market_first(), o);
    run(&job);
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(desk, order_iso, on_order), 1);
    return market_run();
}
