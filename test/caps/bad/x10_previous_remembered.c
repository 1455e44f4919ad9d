/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the handle of an order that is sent on is kept in the state, to compare with the next */
/* CLASS: alias-iso */
#include "market.h"

struct watcher {
    order_iso previous;
    koken_ref next;
    long rises;
    long falls;
};

static void compare(struct watcher *self, const struct order *now)
{
    if (!koken_has(self->previous)) {
        return;
    }
    if (koken_peek(self->previous)->price < now->price) {
        self->rises++;
    } else {
        self->falls++;
    }
}

static int on_order(koken_ctx *ctx, struct watcher *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    compare(self, koken_get(o));
    self->previous = o; /* BAD */
    koken_post(self->next, o);
    return 0;
}

int main(void)
{
    koken_ref next = market_sink();
    koken_ref ref = market_spawn(watcher, order_iso, on_order);
    struct watcher *watcher = market_state(ref);
    watcher->next = next;
    for (long i = 0; i < 5; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            return 1;
        }
        koken_mut(o)->price = i % 2 * 10 + i;
        koken_post(ref, o);
    }
    int rc = market_run();
    market_use(watcher->rises);
    return rc;
}
