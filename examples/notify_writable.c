/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handler agent that meets a full mailbox: it keeps its place, asks to be told when there is
 * room, and goes on from there. Nothing is lost, nobody waits in a loop, and the sender can do
 * other work meanwhile.
 */
#include <koken.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define PARCELS 10000u

KOKEN_MESSAGE(parcel, { uint32_t number; });
KOKEN_MESSAGE(deliver, { koken_ref to; });
KOKEN_MESSAGE(delivered, {
    uint32_t parcels;
    uint32_t pauses;
});
KOKEN_EVENT(stock_question);
KOKEN_MESSAGE(stock, {
    uint32_t parcels;
    uint32_t out_of_order;
});

struct store {
    struct stock stock;
};

static int on_parcel(koken_ctx *ctx, struct store *self, const struct parcel *msg)
{
    (void)ctx;
    self->stock.out_of_order += msg->number != ++self->stock.parcels;
    return 0;
}

static int on_question(koken_ctx *ctx, struct store *self, const struct stock_question *msg)
{
    (void)msg;
    return koken_reply(ctx, stock, .parcels = self->stock.parcels,
                       .out_of_order = self->stock.out_of_order);
}

KOKEN_AGENT(store, struct store, KOKEN_ON(parcel, on_parcel),
            KOKEN_ON(stock_question, on_question));

struct carrier {
    koken_ref store;
    koken_claim customer;
    uint32_t delivered;
    uint32_t pauses;
};

static int go_on(koken_ctx *ctx, struct carrier *self)
{
    while (self->delivered < PARCELS) {
        int rc = koken_signal(self->store, parcel, .number = self->delivered + 1);

        if (rc == -EAGAIN) {
            self->pauses++;
            return koken_notify_writable(ctx, self->store);
        }
        if (rc < 0) {
            return rc;
        }
        self->delivered++;
    }
    return koken_answer(self->customer, delivered, .parcels = self->delivered,
                        .pauses = self->pauses);
}

static int on_deliver(koken_ctx *ctx, struct carrier *self, const struct deliver *msg)
{
    self->store = msg->to;
    self->customer = koken_defer(ctx);
    return go_on(ctx, self);
}

static int on_writable(koken_ctx *ctx, struct carrier *self, const struct koken_writable *msg)
{
    (void)msg;
    return go_on(ctx, self);
}

KOKEN_AGENT(carrier, struct carrier, KOKEN_ON(deliver, on_deliver),
            KOKEN_ON(koken_writable, on_writable));

int main(void)
{
    struct koken *rt;
    struct delivered delivered;
    struct stock stock;
    koken_ref store, carrier;
    int rc = koken_start(NULL, &rt);

    if (rc < 0) {
        fprintf(stderr, "koken_start: %s\n", koken_strerror(rc));
        return 1;
    }
    store = koken_spawn(rt, store, .capacity = 100);
    carrier = koken_spawn(rt, carrier);
    rc = koken_await(rt, carrier, KOKEN_S(30), &delivered, deliver, .to = store);
    rc = rc < 0 ? rc : koken_drain(rt, KOKEN_S(5)); /* else the question may find the store full */
    rc = rc < 0 ? rc : koken_await(rt, store, KOKEN_S(5), &stock, stock_question);
    if (rc == 0) {
        printf("delivered %" PRIu32 ", paused %s; in stock %" PRIu32 ", out of order %" PRIu32 "\n",
               delivered.parcels, delivered.pauses > 0 ? "now and then" : "never", stock.parcels,
               stock.out_of_order);
    }
    return koken_stop(rt, KOKEN_S(10)) < 0 || rc < 0;
}
