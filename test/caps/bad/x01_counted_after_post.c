/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order is read for the statistics after it was posted */
/* CLASS: use-after-send */
#include "market.h"

enum { ROUTES = 3 };

struct router {
    koken_ref routes[ROUTES];
    long volume[ROUTES];
    long rejected;
};

static int route_of(const struct order *o)
{
    return (int)(o->id % ROUTES);
}

static bool is_valid(const struct order *o)
{
    return o->quantity > 0 && o->quantity < 1000;
}

static int on_order(koken_ctx *ctx, struct router *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    if (!is_valid(koken_get(o))) {
        self->rejected++;
        koken_drop(o);
        return 0;
    }
    int route = route_of(koken_get(o));
    koken_post(self->routes[route], o);
    self->volume[route] += koken_get(o)->quantity; /* BAD */
    return 0;
}

int main(void)
{
    koken_ref ref = market_spawn(router, order_iso, on_order);
    struct router *router = market_state(ref);
    for (int i = 0; i < ROUTES; i++) {
        router->routes[i] = market_sink();
    }
    for (long i = 0; i < 6; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            return 1;
        }
        koken_mut(o)->id = i;
        koken_mut(o)->quantity = 10 * i;
        koken_post(ref, o);
    }
    return market_run();
}
