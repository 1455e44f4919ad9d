/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an agent asks another one to remember a cookie, which is the address of its state */
/* CLASS: foreign-state */
#include "market.h"

KOKEN_MESSAGE(remember, {
    uint64_t cookie;
    koken_ref from;
});

static int on_remember(koken_ctx *ctx, struct desk *self, struct remember *msg)
{
    struct desk *whose;

    (void)ctx;
    memcpy(&whose, &msg->cookie, sizeof whose);
    whose->count++; /* BAD: of another agent */
    self->count++;
    return 0;
}

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    uint64_t cookie;

    (void)ctx;
    (void)msg;
    self->count++;
    memcpy(&cookie, &self, sizeof cookie); /* BAD */
    return koken_signal((koken_ref){1}, remember, .cookie = cookie);
}

int main(void)
{
    koken_ref registry = market_spawn(desk, remember, on_remember);
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    (void)registry;
    market_feed(desk, 1);
    return market_run();
}
