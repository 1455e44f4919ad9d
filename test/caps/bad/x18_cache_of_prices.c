/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the last prices are kept in a table at file scope, which two agents use */
/* CLASS: global-state */
#include "market.h"

enum { CACHE = 16 };

struct last_price {
    long id;
    long price;
};

static struct last_price cache[CACHE]; /* BAD */

static struct last_price *find(long id)
{
    struct last_price *at = &cache[id % CACHE];
    if (at->id != id) {
        at->id = id;
        at->price = 0;
    }
    return at;
}

struct pricer {
    koken_ref next;
    long jumps;
};

static int on_order(koken_ctx *ctx, struct pricer *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    struct last_price *last = find(koken_get(o)->id);
    long price = koken_get(o)->price;
    if (price > last->price + 10) {
        self->jumps++;
    }
    last->price = price;
    koken_post(self->next, o);
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_ref pricers[2];
    for (int i = 0; i < 2; i++) {
        pricers[i] = market_spawn(pricer, order_iso, on_order);
        struct pricer *state = market_state(pricers[i]);
        state->next = sink;
    }
    for (int i = 0; i < 2; i++) {
        market_feed(pricers[i], 4);
    }
    return market_run();
}
