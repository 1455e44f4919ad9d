/* SPDX-License-Identifier: Apache-2.0 */
/*
 * barber: 5000 customers, a waiting room of 1000 chairs, one barber. A customer who finds the room
 * full goes back to the street and is sent in again. Arrivals and haircuts take a little computing
 * time drawn by chance (up to 1000 steps each). Every customer must leave with a haircut. Figure:
 * milliseconds.
 *
 * Street and room have bounded mailboxes and may be slow at the same time, so a customer keeps what
 * it wants to say until it is heard.
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <errno.h>

enum { CHAIRS = 1000, STEPS = 1000 };

KOKEN_MESSAGE(hair_enter, { koken_ref customer; });
KOKEN_EVENT(hair_full);
KOKEN_EVENT(hair_next);
KOKEN_EVENT(hair_cut);
KOKEN_MESSAGE(hair_customer, { koken_ref who; });
KOKEN_MESSAGE(hair_returned, { koken_ref who; });

/* Work that the compiler cannot leave out: its result goes into the generator's state. */
static void compute(uint64_t *random)
{
    uint64_t steps = bench_random(random) % STEPS + 10;
    for (uint64_t i = 0; i < steps; i++) {
        bench_random(random);
    }
}

enum wish { WISH_ENTER, WISH_RETURN, WISH_LEAVE };

struct customer {
    koken_ref room;
    koken_ref street;
    enum wish wish;
};

static int say(koken_ctx *ctx, struct customer *self)
{
    koken_ref to = self->wish == WISH_ENTER ? self->room : self->street;
    int rc = 0;
    switch (self->wish) {
    case WISH_ENTER: rc = koken_signal(to, hair_enter, .customer = koken_self(ctx)); break;
    case WISH_RETURN: rc = koken_signal(to, hair_returned, .who = koken_self(ctx)); break;
    case WISH_LEAVE: rc = koken_signal(to, bench_tok, .value = 1); break;
    }
    if (rc == -EAGAIN) {
        return koken_notify_writable(ctx, to);
    }
    return rc == 0 && self->wish == WISH_LEAVE ? KOKEN_STOP : rc;
}

static int on_send_in(koken_ctx *ctx, struct customer *self, const struct bench_go *msg)
{
    (void)msg;
    self->wish = WISH_ENTER;
    return say(ctx, self);
}

static int on_full(koken_ctx *ctx, struct customer *self, const struct hair_full *msg)
{
    (void)msg;
    self->wish = WISH_RETURN;
    return say(ctx, self);
}

static int on_cut(koken_ctx *ctx, struct customer *self, const struct hair_cut *msg)
{
    (void)msg;
    self->wish = WISH_LEAVE;
    return say(ctx, self);
}

static int on_writable(koken_ctx *ctx, struct customer *self, const struct koken_writable *msg)
{
    (void)msg;
    return say(ctx, self);
}

KOKEN_AGENT(customer, struct customer, KOKEN_ON(bench_go, on_send_in), KOKEN_ON(hair_full, on_full),
            KOKEN_ON(hair_cut, on_cut), KOKEN_ON(koken_writable, on_writable));

struct barber {
    koken_ref room;
    uint64_t random;
};

/* The room may be full of customers; the barber then waits with its call, too. */
static int call_next(koken_ctx *ctx, struct barber *self)
{
    int rc = koken_signal(self->room, hair_next);
    return rc == -EAGAIN ? koken_notify_writable(ctx, self->room) : rc;
}

static int on_customer(koken_ctx *ctx, struct barber *self, const struct hair_customer *msg)
{
    compute(&self->random);
    int rc = koken_signal(msg->who, hair_cut);
    return rc < 0 ? rc : call_next(ctx, self);
}

static int on_room_writable(koken_ctx *ctx, struct barber *self, const struct koken_writable *msg)
{
    (void)msg;
    return call_next(ctx, self);
}

KOKEN_AGENT(barber, struct barber, KOKEN_ON(hair_customer, on_customer),
            KOKEN_ON(koken_writable, on_room_writable));

struct room {
    koken_ref chairs[CHAIRS]; /* a ring; the fill is tail - head */
    uint64_t head;
    uint64_t tail;
    koken_ref barber;
    bool is_barber_awake;
};

static int seat_next(struct room *self)
{
    self->is_barber_awake = self->head != self->tail;
    if (!self->is_barber_awake) {
        return 0;
    }
    return koken_signal(self->barber, hair_customer, .who = self->chairs[self->head++ % CHAIRS]);
}

static int on_enter(koken_ctx *ctx, struct room *self, const struct hair_enter *msg)
{
    (void)ctx;
    if (self->tail - self->head == CHAIRS) {
        return koken_signal(msg->customer, hair_full);
    }
    self->chairs[self->tail++ % CHAIRS] = msg->customer;
    return self->is_barber_awake ? 0 : seat_next(self);
}

static int on_next(koken_ctx *ctx, struct room *self, const struct hair_next *msg)
{
    (void)ctx;
    (void)msg;
    return seat_next(self);
}

/* The room makes its barber, who must know it. */
static int on_open(koken_ctx *ctx, struct room *self, const struct bench_go *msg)
{
    struct barber state = {koken_self(ctx), msg->n};
    self->barber = koken_spawn(ctx, barber, .arg = &state);
    return koken_is_nobody(self->barber) ? -ENOMEM : 0;
}

KOKEN_AGENT(room, struct room, KOKEN_ON(bench_go, on_open), KOKEN_ON(hair_enter, on_enter),
            KOKEN_ON(hair_next, on_next));

struct street {
    koken_claim claim;
    koken_ref room;
    uint64_t random;
    uint64_t to_come;
    uint64_t expected;
    uint64_t cut;
};

/* Customers who were turned away may have filled the street's own mailbox: then it waits like
 * anybody. */
static int go_on(koken_ctx *ctx, struct street *self)
{
    if (self->to_come == 0) {
        return 0;
    }
    int rc = koken_signal(koken_self(ctx), bench_more);
    return rc == -EAGAIN ? koken_notify_writable(ctx, koken_self(ctx)) : rc;
}

/* One customer per turn: the street answers its mailbox in between. */
static int on_more(koken_ctx *ctx, struct street *self, const struct bench_more *msg)
{
    (void)msg;
    compute(&self->random);
    struct customer state = {.room = self->room, .street = koken_self(ctx)};
    int rc = koken_signal(koken_spawn(ctx, customer, .arg = &state), bench_go, .n = 0);
    self->to_come--;
    return rc < 0 ? rc : go_on(ctx, self);
}

static int on_room(koken_ctx *ctx, struct street *self, const struct koken_writable *msg)
{
    (void)msg;
    return go_on(ctx, self);
}

static int on_go(koken_ctx *ctx, struct street *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    self->to_come = msg->n;
    self->expected = msg->n;
    self->room = koken_spawn(ctx, room);
    int rc = koken_signal(self->room, bench_go, .n = self->random);
    return rc < 0 ? rc : koken_signal(koken_self(ctx), bench_more);
}

static int on_returned(koken_ctx *ctx, struct street *self, const struct hair_returned *msg)
{
    (void)ctx;
    compute(&self->random);
    return koken_signal(msg->who, bench_go, .n = 0);
}

static int on_tok(koken_ctx *ctx, struct street *self, const struct bench_tok *msg)
{
    (void)ctx;
    self->cut += msg->value;
    return self->cut == self->expected ? bench_answer(self->claim, self->cut) : 0;
}

KOKEN_AGENT(street, struct street, KOKEN_ON(bench_go, on_go), KOKEN_ON(bench_more, on_more),
            KOKEN_ON(hair_returned, on_returned), KOKEN_ON(bench_tok, on_tok),
            KOKEN_ON(koken_writable, on_room));

int bench_barber(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 5000);
    struct street state = {.random = bench_seed(run)};
    struct bench_done done;
    uint64_t start_ns = koken_now();
    rc = bench_ask(run, rt, koken_spawn(rt, street, .arg = &state), n, KOKEN_NOBODY, &done);
    if (rc == 0) {
        rc = bench_check(run, "haircuts", n, done.value);
    }
    if (rc == 0) {
        bench_report(run, "barber", (double)(done.end_ns - start_ns) / 1e6, "ms");
    }
    return bench_end(run, rt, rc);
}
