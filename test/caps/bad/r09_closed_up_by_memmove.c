/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a gap in a table is closed by memmove, and the last entry is there twice */
/* CLASS: alias-iso */
#include "market.h"

enum { ROOM = 8 };

struct backlog {
    order_iso at[ROOM];
    int used;
};

static int on_order(koken_ctx *ctx, struct backlog *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    koken_put(self->at[self->used], o);
    if (++self->used < 3) {
        return 0;
    }
    koken_iso(order, first) = koken_take(self->at[0]);
    koken_post(market_first(), first);
    memmove(self->at, self->at + 1, (size_t)(self->used - 1) * sizeof self->at[0]); /* BAD */
    for (int i = 0; i < ROOM; i++) {
        if (koken_has(self->at[i])) {
            koken_iso(order, rest) = koken_take(self->at[i]);
            koken_drop(rest); /* BAD: the last one a second time */
        }
    }
    self->used = 0;
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(backlog, order_iso, on_order), 3);
    return market_run();
}
