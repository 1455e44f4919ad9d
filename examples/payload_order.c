/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An order passes three agents, never copied, never locked. The gateway makes it and gives it away (iso:
 * one owner); risk passes it on, or drops it; the exchange freezes it (val: nobody may write any more) and
 * shares it with the tape and the gateway. `koken lint examples/payload_order.c` has nothing to say.
 */
#include <koken.h>

#include <errno.h>
#include <stdio.h>

KOKEN_PAYLOAD(order, (plain, long, price), (plain, long, quantity), (tag, owner));

KOKEN_MESSAGE(tick, { long price; });
KOKEN_EVENT(read_report);
KOKEN_MESSAGE(report, { long volume; });

KOKEN_STATE(gateway, (tag, risk), (plain, long, volume));
KOKEN_STATE(risk, (tag, exchange), (plain, long, limit));
KOKEN_STATE(exchange, (tag, tape));
KOKEN_STATE(tape, (val, order, last));

static int gateway_on_tick(koken_ctx *ctx, struct gateway *self, const struct tick *msg)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return -ENOMEM;
    }
    koken_mut(o)->price = msg->price;
    koken_mut(o)->quantity = 100;
    koken_mut(o)->owner = koken_self(ctx);
    koken_post(self->risk, o); /* gone: to use it below would not compile */
    return 0;
}

/* The exchange tells the owner of an order; the handle that stays in the message is given back. */
static int gateway_on_fill(koken_ctx *ctx, struct gateway *self, struct order_val *msg)
{
    (void)ctx;
    self->volume += koken_peek(*msg)->price * koken_peek(*msg)->quantity;
    return 0;
}

static int gateway_on_read(koken_ctx *ctx, struct gateway *self, const struct read_report *msg)
{
    (void)msg;
    return koken_reply(ctx, report, .volume = self->volume);
}

static int risk_on_order(koken_ctx *ctx, struct risk *self, struct order_iso *msg)
{
    koken_iso(order, o) = koken_take(*msg);
    (void)ctx;
    if (koken_get(o)->price * koken_get(o)->quantity > self->limit) {
        koken_drop(o);
        return 0;
    }
    koken_post(self->exchange, o);
    return 0;
}

static int exchange_on_order(koken_ctx *ctx, struct exchange *self, struct order_iso *msg)
{
    koken_iso(order, o) = koken_take(*msg);
    koken_val(order, v) = koken_freeze(o); /* in O(1), and for ever */
    int rc = koken_share(self->tape, v);   /* a second reference to the same bytes */
    (void)ctx;
    koken_post(koken_get(v)->owner, v);
    return rc;
}

static int tape_on_order(koken_ctx *ctx, struct tape *self, struct order_val *msg)
{
    koken_val(order, v) = koken_take(*msg);
    (void)ctx;
    if (koken_has(self->last)) {
        koken_val(order, old) = koken_take(self->last);
        koken_drop(old);
    }
    koken_put(self->last, v);
    return 0;
}

static void tape_exit(koken_ctx *ctx, struct tape *self, int reason)
{
    (void)ctx;
    (void)reason;
    koken_release(tape, self); /* the last order of the tape */
}

KOKEN_AGENT(gateway, struct gateway, KOKEN_ON(tick, gateway_on_tick),
            KOKEN_ON(order_val, gateway_on_fill), KOKEN_ON(read_report, gateway_on_read));
KOKEN_AGENT(risk, struct risk, KOKEN_ON(order_iso, risk_on_order));
KOKEN_AGENT(exchange, struct exchange, KOKEN_ON(order_iso, exchange_on_order));
KOKEN_AGENT(tape, struct tape, KOKEN_ON(order_val, tape_on_order), KOKEN_EXIT(tape_exit));

int main(void)
{
    struct koken *rt;
    struct report told = {0};
    int rc = koken_start(NULL, &rt);

    if (rc < 0) {
        fprintf(stderr, "koken_start: %s\n", koken_strerror(rc));
        return 1;
    }
    const struct exchange e = {.tape = koken_spawn(rt, tape)};
    const struct risk r = {.exchange = koken_spawn(rt, exchange, KOKEN_ARG(e)), .limit = 5000};
    const struct gateway g = {.risk = koken_spawn(rt, risk, KOKEN_ARG(r))};
    const koken_ref gate = koken_spawn(rt, gateway, KOKEN_ARG(g));

    for (long i = 1; i <= 100 && rc >= 0; i++) { /* 51 and above are too dear for risk */
        rc = koken_signal(gate, tick, .price = i);
    }
    rc = rc < 0 ? rc : koken_drain(rt, KOKEN_S(30));
    rc = rc < 0 ? rc : koken_await(rt, gate, KOKEN_S(1), &told, read_report);
    printf("orders worth %ld came through\n", told.volume);
    return koken_stop(rt, KOKEN_S(10)) < 0 || rc < 0;
}
