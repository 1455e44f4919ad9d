/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a scratch book at file scope, which every agent uses */
/* CLASS: global-state */
#include "market.h"

struct scratch {
    long sum[8];
    int used;
};

extern struct scratch scratch;

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    scratch.used = 0; /* BAD */
    scratch.sum[scratch.used++] = koken_peek(*msg)->id;
    self->count += scratch.sum[0];
    return 0;
}

int main(void)
{
    koken_ref one = market_spawn(desk, order_iso, on_order);
    koken_ref two = market_spawn(desk, order_iso, on_order);
    market_feed(one, 1);
    market_feed(two, 1);
    return market_run();
}

struct scratch scratch;
