/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a timer carries the address of an order in a number */
/* CLASS: smuggle */
#include "market.h"

KOKEN_MESSAGE(remind, { uint64_t what; });

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    koken_iso(order, o) = koken_take(*msg);
    uint64_t key;
    const struct order *at = koken_get(o);
    memcpy(&key, &at, sizeof key); /* BAD */
    (void)koken_after(ctx, KOKEN_MS(5), remind, .what = key);
    koken_put(self->pending, o);
    koken_iso(order, sent) = koken_take(self->pending);
    koken_post(market_first(), sent);
    const struct order *again;
    memcpy(&again, &key, sizeof again);
    market_use(again->id); /* BAD */
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(desk, order_iso, on_order), 1);
    return market_run();
}
