/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: orders by route; what is refused waits in a table and is tried once more at the end */
#include "market.h"

enum { ROUTES = 2, PARKED = 4, LAST = 11 };

struct router {
    koken_ref routes[ROUTES];
    order_iso parked[PARKED];
    int used;
    long sent, lost;
};

static koken_ref route_of(const struct router *self, const struct order *o)
{
    return self->routes[o->id % ROUTES];
}

static void park(struct router *self, order_iso o)
{
    koken_owned(o);
    if (self->used == PARKED) {
        self->lost++;
        koken_drop(o);
        return;
    }
    koken_put(self->parked[self->used], o);
    self->used++;
}

static void try_parked(struct router *self)
{
    while (self->used > 0) {
        self->used--;
        koken_iso(order, o) = koken_take(self->parked[self->used]);
        if (koken_give(route_of(self, koken_get(o)), o) != 0) {
            self->lost++;
            koken_drop(o);
        } else {
            self->sent++;
        }
    }
}

static int on_order(koken_ctx *ctx, struct router *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    const bool is_last = koken_get(o)->id == LAST;
    koken_ref to = route_of(self, koken_get(o));
    if (koken_give(to, o) != 0) {
        park(self, koken_move(o));
    } else {
        self->sent++;
    }
    if (is_last) {
        try_parked(self);
    }
    return 0;
}

int main(void)
{
    koken_ref ref = market_spawn(router, order_iso, on_order);
    struct router *router = market_state(ref);
    for (int i = 0; i < ROUTES; i++) {
        router->routes[i] = market_sink();
    }
    market_feed(ref, LAST + 1);
    return market_run();
}
