/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: one iso is posted to every subscriber of a list */
/* CLASS: double-send */
#include "market.h"

enum { MEMBERS_MAX = 4 };

struct feed {
    koken_ref members[MEMBERS_MAX];
    int count;
    long published;
};

static int subscribe(struct feed *self, koken_ref who)
{
    if (self->count == MEMBERS_MAX) {
        return -ENOSPC;
    }
    self->members[self->count++] = who;
    return 0;
}

static int publish(struct feed *self, order_iso o)
{
    koken_owned(o);
    if (self->count == 0) {
        koken_drop(o);
        return -ENOTCONN;
    }
    koken_mut(o)->id = ++self->published;
    for (int i = 0; i < self->count; i++) {
        koken_post(self->members[i], o); /* BAD */
    }
    return 0;
}

static int on_order(koken_ctx *ctx, struct feed *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    return publish(self, koken_move(o));
}

int main(void)
{
    koken_ref ref = market_spawn(feed, order_iso, on_order);
    struct feed *feed = market_state(ref);
    for (int i = 0; i < 3; i++) {
        if (subscribe(feed, market_sink()) < 0) {
            return 1;
        }
    }
    market_feed(ref, 3);
    return market_run();
}
