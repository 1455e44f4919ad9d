/* SPDX-License-Identifier: Apache-2.0 */
/* A pointer borrowed from an iso is written to after the iso was sent; the receiver touches nothing. */
#include "../run.h"

KOKEN_PAYLOAD(order, (plain, long, price));
KOKEN_EVENT(go);
KOKEN_EVENT(again);

struct sender {
    koken_ref receiver;
};

static struct order *kept;

static int on_go(koken_ctx *ctx, struct sender *self, const struct go *msg)
{
    koken_iso(order, o) = koken_new(order);
    (void)msg;
    if (koken_none(o)) {
        return -1;
    }
    kept = koken_mut(o);
    koken_post(self->receiver, o);
    return koken_signal(koken_self(ctx), again);
}

static int on_again(koken_ctx *ctx, struct sender *self, const struct again *msg)
{
    (void)ctx;
    (void)self;
    (void)msg;
    kept->price = 7;
    return 0;
}

KOKEN_AGENT(sender, struct sender, KOKEN_ON(go, on_go), KOKEN_ON(again, on_again));

KOKEN_STATE(receiver, (iso, order, last));

static int on_order(koken_ctx *ctx, struct receiver *self, struct order_iso *msg)
{
    koken_iso(order, o) = koken_take(*msg);
    (void)ctx;
    koken_put(self->last, o);
    return 0;
}

KOKEN_AGENT(receiver, struct receiver, KOKEN_ON(order_iso, on_order));

int main(void)
{
    struct koken *rt = one_worker();
    koken_ref receiver = koken_spawn(rt, receiver);
    koken_ref sender = koken_spawn(rt, sender, KOKEN_ARG(((struct sender){.receiver = receiver})));

    MUST(koken_signal(sender, go));
    return finish(rt);
}
