/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a callback is registered with a pointer to an order that is sent before it is called */
/* CLASS: borrow-escape */
#include "market.h"

enum { HOOKS = 4 };

struct hook {
    void (*call)(void *arg);
    void *arg;
};

struct session {
    struct hook at_end[HOOKS];
    int count;
    koken_ref exchange;
};

static int at_end(struct session *self, void (*call)(void *arg), void *arg)
{
    if (self->count == HOOKS) {
        return -ENOSPC;
    }
    self->at_end[self->count++] = (struct hook){call, arg};
    return 0;
}

static void end(struct session *self)
{
    while (self->count > 0) {
        struct hook *hook = &self->at_end[--self->count];
        hook->call(hook->arg);
    }
}

static void cancel_order(void *arg)
{
    struct order *o = arg;
    o->quantity = 0;
}

static int on_order(koken_ctx *ctx, struct session *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    bool is_last = koken_get(o)->id == 3;
    koken_mut(o)->quantity = 50;
    if (at_end(self, cancel_order, koken_mut(o)) < 0) { /* BAD */
        koken_drop(o);
        return 0;
    }
    koken_post(self->exchange, o);
    if (is_last) {
        end(self);
    }
    return 0;
}

int main(void)
{
    koken_ref exchange = market_sink();
    koken_ref ref = market_spawn(session, order_iso, on_order);
    struct session *session = market_state(ref);
    session->exchange = exchange;
    market_feed(ref, 4);
    return market_run();
}
