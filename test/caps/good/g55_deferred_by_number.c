/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: deferred work names orders by number, and looks them up in the state */
#include "market.h"

enum { ROOM = 4 };

struct deferred {
    void (*run)(struct order *order, long by);
    int slot;
    long by;
};

struct worker {
    order_iso open[ROOM];
    struct deferred todo[ROOM];
    int used, count;
};

static void reprice(struct order *order, long by)
{
    order->price += by;
}

static void scale(struct order *order, long by)
{
    order->quantity *= by;
}

static int on_order(koken_ctx *ctx, struct worker *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    self->todo[self->count++] = (struct deferred){self->used % 2 ? scale : reprice, self->used, 3};
    koken_put(self->open[self->used], o);
    self->used++;
    if (self->used < ROOM) {
        return 0;
    }
    for (int i = 0; i < self->count; i++) {
        const struct deferred *now = &self->todo[i];
        now->run(koken_poke(self->open[now->slot]), now->by);
    }
    while (self->used > 0) {
        self->used--;
        koken_iso(order, ready) = koken_take(self->open[self->used]);
        koken_post(market_first(), ready);
    }
    self->count = 0;
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(worker, order_iso, on_order), 2 * ROOM);
    return market_run();
}
