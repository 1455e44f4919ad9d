/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a question carries the address of a field of its sender as a number, and the receiver writes the answer there */
/* CLASS: smuggle */
#include "market.h"

KOKEN_MESSAGE(ask_price, {
    long id;
    uintptr_t answer_at;
});

struct client {
    koken_ref server;
    long price;
    long asked;
};

struct server {
    long base;
    long served;
};

static int on_order(koken_ctx *ctx, struct client *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    long id = koken_get(o)->id;
    koken_drop(o);
    market_use(self->price);
    if (koken_signal(self->server, ask_price, .id = id, .answer_at = (uintptr_t)&self->price) <
        0) { /* BAD */
        return -EAGAIN;
    }
    self->asked++;
    return 0;
}

static int on_ask_price(koken_ctx *ctx, struct server *self, struct ask_price *msg)
{
    (void)ctx;
    long *answer = (long *)msg->answer_at; /* BAD */
    *answer = self->base + msg->id;
    self->served++;
    return 0;
}

int main(void)
{
    koken_ref server = market_spawn(server, ask_price, on_ask_price);
    struct server *state = market_state(server);
    state->base = 100;
    koken_ref client = market_spawn(client, order_iso, on_order);
    struct client *asker = market_state(client);
    asker->server = server;
    market_feed(client, 4);
    return market_run();
}
