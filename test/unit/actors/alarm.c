/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves timers: never early, each once, in the order of their deadlines on one worker; periodic ones until
 * cancelled; a cancelled one stays silent even when its message was on its way; names are not used twice;
 * timers of the dead vanish, timers to the dead too; those of agents that move between workers end as well.
 */
#include "test/support/runtime.h"

KOKEN_MESSAGE(ring, {
    uint64_t due;
    uint32_t index;
});
KOKEN_MESSAGE(set, {
    koken_ref to;
    uint32_t count;
    uint32_t mode;
});
KOKEN_EVENT(hop);

static kn_atomic(uint32_t) rung, silent, cancelled;

static void clear(void)
{
    reset(&rung);
    reset(&silent);
    reset(&cancelled);
}

enum { TIMERS = 300, ONCE = 0, CANCEL_AT_ONCE, EVERY, TO_OTHER, FOREVER, CANCEL_LATE };

struct clock {
    koken_timer timers[TIMERS];
    uint32_t seen[TIMERS];
    uint32_t count, mode, rings;
};

static int on_set(koken_ctx *ctx, struct clock *self, const struct set *msg)
{
    self->count = msg->count;
    self->mode = msg->mode;
    for (uint32_t i = 0; i < msg->count; i++) {
        uint64_t delay = (msg->count - i) * KOKEN_US(20);
        uint64_t due = koken_now() + delay;
        switch (msg->mode) {
        case EVERY: self->timers[i] = koken_every(ctx, KOKEN_US(200), ring, .index = i); break;
        case TO_OTHER:
            self->timers[i] = koken_after_to(ctx, msg->to, delay, ring, .index = i, .due = due);
            break;
        case FOREVER:
            self->timers[i] = koken_after(ctx, KOKEN_S(3600) + i, ring, .index = i);
            break;
        case CANCEL_LATE: self->timers[i] = koken_after(ctx, 0, ring, .index = i); break;
        default: self->timers[i] = koken_after(ctx, delay, ring, .index = i, .due = due); break;
        }
        expect(self->timers[i].id != 0);
        for (uint32_t k = 0; k < i && k < 10; k++) {
            expect(self->timers[k].id != self->timers[i].id);
        }
    }
    if (msg->mode == CANCEL_AT_ONCE || msg->mode == CANCEL_LATE) {
        if (msg->mode ==
            CANCEL_LATE) { /* they have all gone off, or could have: none has been handled */
            uint64_t until = koken_now() + KOKEN_MS(3);
            koken_blocking_enter(ctx);
            while (koken_now() < until) {
                kn_thread_yield();
            }
            koken_blocking_leave(ctx);
        }
        for (uint32_t i = 0; i < msg->count; i += 2) {
            expect(koken_cancel(ctx, self->timers[i]) == 0);
            expect(koken_cancel(ctx, self->timers[i]) == -ESRCH);
            (void)count(&cancelled);
        }
    }
    return 0;
}

static int on_ring(koken_ctx *ctx, struct clock *self, const struct ring *msg)
{
    expect(koken_now() >= msg->due);
    self->seen[msg->index]++;
    if (self->mode == EVERY) {
        if (self->seen[msg->index] == 5) {
            expect(koken_cancel(ctx, self->timers[msg->index]) == 0);
        }
        expect(self->seen[msg->index] <= 5);
    } else {
        expect(self->seen[msg->index] == 1);
        expect(self->mode != CANCEL_AT_ONCE || msg->index % 2 == 1);
        expect(self->mode != CANCEL_LATE || msg->index % 2 == 1);
        if (self->mode == ONCE) {
            expect(koken_cancel(ctx, self->timers[msg->index]) == -ESRCH); /* it is over */
        }
    }
    (void)count(&rung);
    return 0;
}

KOKEN_AGENT(clock, struct clock, KOKEN_ON(set, on_set), KOKEN_ON(ring, on_ring));

/* 300 timers armed in the reverse order of their deadlines: each once, none early. */
Test(alarm, each_goes_off_once_and_not_early)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        clear();
        koken_ref who = koken_spawn(rt, clock);
        cr_assert_eq(koken_signal(who, set, .count = TIMERS, .mode = ONCE), 0);
        wait_for(&rung, TIMERS);
        check_balance(rt, 0);
        cr_assert_eq(metrics(rt).timers_fired, TIMERS);
        stop(rt);
    }
}

/* Cancelled before they are due, and after they may have gone off: silent, and the others ring. */
Test(alarm, cancelled_ones_stay_silent)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        for (uint32_t mode = CANCEL_AT_ONCE; mode <= CANCEL_LATE;
             mode += CANCEL_LATE - CANCEL_AT_ONCE) {
            struct koken *rt = start(workers);
            clear();
            koken_ref who = koken_spawn(rt, clock);
            cr_assert_eq(koken_signal(who, set, .count = TIMERS, .mode = mode), 0);
            wait_for(&rung, TIMERS / 2);
            check_balance(rt, 0);
            cr_assert_eq(reading(&rung), TIMERS / 2);
            cr_assert_eq(reading(&cancelled), TIMERS / 2);
            stop(rt);
        }
    }
}

/* Periodic timers go on until they are cancelled from their own handler. */
Test(alarm, periodic_until_cancelled)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        clear();
        koken_ref who = koken_spawn(rt, clock);
        cr_assert_eq(koken_signal(who, set, .count = 20, .mode = EVERY), 0);
        wait_for(&rung, 100);
        check_balance(rt, 0);
        cr_assert_eq(reading(&rung), 100);
        stop(rt);
    }
}

/* A timer to another agent arrives there, from its setter; to a dead one it vanishes. */
struct ear {
    uint32_t unused;
};

static int on_ear(koken_ctx *ctx, struct ear *self, const struct ring *msg)
{
    (void)self;
    expect(koken_now() >= msg->due);
    expect(!koken_is_nobody(koken_sender(ctx)));
    (void)count(&rung);
    return 0;
}

KOKEN_AGENT(ear, struct ear, KOKEN_ON(ring, on_ear));

Test(alarm, to_another_agent)
{
    struct koken *rt = start(2);
    clear();
    koken_ref who = koken_spawn(rt, clock), to = koken_spawn(rt, ear);
    cr_assert_eq(koken_signal(who, set, .to = to, .count = 50, .mode = TO_OTHER), 0);
    wait_for(&rung, 50);
    check_balance(rt, 0);
    cr_assert_eq(koken_exit(to), 0);
    drain(rt);
    cr_assert_eq(koken_signal(who, set, .to = to, .count = 50, .mode = TO_OTHER), 0);
    while (metrics(rt).timers_fired < 100) {
        kn_thread_yield();
    }
    check_balance(rt, 0);
    cr_assert_eq(metrics(rt).dead, 50);
    stop(rt);
}

/* To an agent of another runtime, which gets an envelope of its own. */
static int on_far(koken_ctx *ctx, struct ear *self, const struct ring *msg)
{
    (void)ctx, (void)self;
    expect(koken_now() >= msg->due);
    (void)count(&rung);
    return 0;
}

KOKEN_AGENT(far, struct ear, KOKEN_ON(ring, on_far));

Test(alarm, to_another_runtime)
{
    struct koken *rt = start(1), *other = NULL;
    cr_assert_eq(koken_start(&(struct koken_options){.workers = 1}, &other), 0);
    clear();
    koken_ref who = koken_spawn(rt, clock), to = koken_spawn(other, far);
    cr_assert_eq(koken_signal(who, set, .to = to, .count = 50, .mode = TO_OTHER), 0);
    wait_for(&rung, 50);
    check_balance(rt, 0);
    check_balance(other, 0);
    cr_assert_eq(koken_stop(other, KOKEN_S(10)), 0);
    stop(rt);
}

/* An agent that ends, and a runtime that stops, take their timers with them: nothing leaks. */
Test(alarm, timers_end_with_their_agent)
{
    struct koken *rt = start(2);
    clear();
    for (int i = 0; i < 100; i++) {
        koken_ref who = koken_spawn(rt, clock);
        cr_assert_eq(koken_signal(who, set, .count = 50, .mode = i % 2 ? FOREVER : EVERY), 0);
        if (i % 4 < 2) {
            drain(rt);
            cr_assert_eq(koken_exit(who), 0);
        }
    }
    stop(rt);
}

/* ---- agents that move ------------------------------------------------------------------------------------- */

struct mover {
    koken_timer every, once;
    uint32_t hops, wanted;
};

/* Sets and cancels timers while it is thrown from worker to worker by others' messages. */
static int on_hop(koken_ctx *ctx, struct mover *self, const struct hop *msg)
{
    (void)msg;
    if (self->every.id) {
        expect(koken_cancel(ctx, self->every) == 0);
        int rc = koken_cancel(ctx, self->once);
        expect(rc == 0 || rc == -ESRCH); /* it may have rung */
    }
    self->hops++;
    (void)count(&silent);
    self->every = koken_every(ctx, KOKEN_US(5), ring, .index = self->hops);
    self->once = koken_after(ctx, KOKEN_US(self->hops % 50), ring, .index = self->hops);
    expect(self->every.id && self->once.id);
    return 0;
}

static int on_mover_ring(koken_ctx *ctx, struct mover *self, const struct ring *msg)
{
    (void)ctx;
    expect(msg->index == self->hops); /* no ring of a timer that was cancelled */
    (void)count(&rung);
    return 0;
}

KOKEN_AGENT(mover, struct mover, KOKEN_ON(hop, on_hop), KOKEN_ON(ring, on_mover_ring));

struct pusher {
    koken_ref to[8];
    uint32_t left;
};

static int on_push(koken_ctx *ctx, struct pusher *self, const struct hop *msg)
{
    (void)msg;
    for (int i = 0; i < 8; i++) {
        int rc = koken_signal(self->to[i], hop);
        expect(rc == 0 || rc == -EAGAIN);
    }
    return --self->left ? koken_signal(koken_self(ctx), hop) : KOKEN_STOP;
}

KOKEN_AGENT(pusher, struct pusher, KOKEN_ON(hop, on_push));

/* Periodic timers of a few us whose agents migrate: cancelled ones stay silent, and all of them end. */
Test(alarm, agents_move_between_workers)
{
    static const unsigned workers[2] = {2, 4};
    for (int w = 0; w < 2; w++) {
        struct koken *rt = start(workers[w]);
        clear();
        koken_ref movers[8];
        for (int i = 0; i < 8; i++) {
            movers[i] = koken_spawn(rt, mover);
        }
        for (int p = 0; p < 4; p++) {
            struct pusher arg = {.left = 500 * SCALE};
            memcpy(arg.to, movers, sizeof movers);
            cr_assert_eq(koken_signal(koken_spawn(rt, pusher, .arg = &arg), hop), 0);
        }
        while (metrics(rt).exited < 4) {
            kn_thread_yield();
        }
        for (int i = 0; i < 8; i++) {
            cr_assert_eq(koken_exit(movers[i]), 0);
        }
        while (metrics(rt).exited < 12) {
            kn_thread_yield();
        }
        drain(rt);
        uint64_t fired = metrics(rt).timers_fired;
        uint64_t until = koken_now() + KOKEN_MS(20);
        while (koken_now() < until) {
            kn_thread_yield();
        }
        drain(rt);
        cr_assert_leq(metrics(rt).timers_fired, fired + 64, "timers of the dead go on");
        stop(rt);
    }
}

/* An agent may have 65535 things under way; the next timer answers {0}. Names that mean nothing: -ESRCH. */
struct hoarder {
    koken_timer last;
};

static int on_hoard(koken_ctx *ctx, struct hoarder *self, const struct hop *msg)
{
    koken_timer none = {0}, broken = {UINT64_MAX}, future = {12345};
    uint32_t n = 0;
    (void)msg;
    expect(koken_cancel(ctx, none) == -ESRCH);
    expect(koken_cancel(ctx, broken) == -ESRCH);
    expect(koken_cancel(ctx, future) == -ESRCH);
    for (;;) {
        koken_timer timer = koken_after(ctx, KOKEN_S(3600), ring, .index = n);
        if (!timer.id) {
            break;
        }
        self->last = timer;
        n++;
    }
    expect(n >= 60000 && n <= 70000);
    expect(koken_cancel(ctx, self->last) == 0);
    expect(koken_after(ctx, KOKEN_S(3600), ring, .index = n).id != 0);
    (void)count(&silent);
    return 0;
}

KOKEN_AGENT(hoarder, struct hoarder, KOKEN_ON(hop, on_hoard));

Test(alarm, table_is_bounded)
{
    struct koken *rt = start(1);
    clear();
    koken_ref who = koken_spawn(rt, hoarder);
    cr_assert_eq(koken_signal(who, hop), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&silent), 1);
    stop(rt);
}

/* ---- messages that own something ------------------------------------------------------------------------- */

struct owned {
    uint64_t what;
};

static void drop_owned(void *payload)
{
    expect(((struct owned *)payload)->what == 7);
    (void)count(&cancelled);
}

static const struct koken_type owned_type = {
    "owned", sizeof(struct owned), _Alignof(struct owned), NULL, 0, 0, drop_owned};

static int on_owner(koken_ctx *ctx, struct hoarder *self, const struct hop *msg)
{
    struct owned owned = {7};
    (void)self;
    (void)msg;
    expect(koken_timer_(ctx, koken_self(ctx), 1, 1, &owned_type, &owned).id == 0);
    expect(reading(&cancelled) == 0);
    koken_timer timer = koken_timer_(ctx, koken_self(ctx), 0, 0, &owned_type, &owned);
    expect(timer.id != 0);
    /* Meanwhile the worker lets it go off, and its message waits in our mailbox. */
    koken_blocking_enter(ctx);
    uint64_t until = koken_now() + KOKEN_MS(30);
    while (koken_now() < until) {
        kn_thread_yield();
    }
    koken_blocking_leave(ctx);
    expect(koken_cancel(ctx, timer) == 0);
    (void)count(&silent);
    return 0;
}

KOKEN_AGENT(owner, struct hoarder, KOKEN_ON(hop, on_owner));

/* What a cancelled timer's message owns is given back once, also when it was on its way; none is sent twice. */
Test(alarm, messages_that_own_are_dropped_once)
{
    struct koken *rt = start(1);
    clear();
    koken_ref who = koken_spawn(rt, owner);
    cr_assert_eq(koken_signal(who, hop), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&silent), 1);
    cr_assert_eq(reading(&cancelled), 1);
    stop(rt);
}

/* ---- stamps ------------------------------------------------------------------------------------------------ */

static int on_due(koken_ctx *ctx, struct hoarder *self, const struct ring *msg)
{
    (void)self;
    expect(koken_sent_at(ctx) >= msg->due);
    (void)count(&rung);
    return 0;
}

static int on_arm(koken_ctx *ctx, struct hoarder *self, const struct hop *msg)
{
    (void)self;
    (void)msg;
    uint64_t due = koken_now() + KOKEN_MS(20);
    expect(koken_after(ctx, KOKEN_MS(20), ring, .due = due).id != 0);
    expect(koken_after_to(ctx, koken_self(ctx), KOKEN_MS(20), ring, .due = due).id != 0);
    return 0;
}

KOKEN_AGENT(stamped, struct hoarder, KOKEN_ON(hop, on_arm), KOKEN_ON(ring, on_due));

/* A timer's message is sent when it is due: its delay is no latency. */
Test(alarm, delays_are_no_latency)
{
    struct koken *rt = start_with(1, (struct koken_options){.stamp_messages = true});
    clear();
    cr_assert_eq(koken_signal(koken_spawn(rt, stamped), hop), 0);
    wait_for(&rung, 2);
    check_balance(rt, 0);
    stop(rt);
}

/* ---- names -------------------------------------------------------------------------------------------------- */

static int on_name(koken_ctx *ctx, struct hoarder *self, const struct hop *msg)
{
    enum { MANY = 200000, LIVE = 40 };
    koken_timer first = koken_after(ctx, KOKEN_S(3600), ring), live[LIVE];
    (void)self;
    (void)msg;
    expect(koken_cancel(ctx, first) == 0);
    for (uint32_t i = 0; i < MANY; i++) {
        koken_timer next = koken_after(ctx, KOKEN_S(3600), ring);
        expect(next.id != 0);
        expect(next.id != first.id);
        expect(koken_cancel(ctx, first) == -ESRCH);
        expect(koken_cancel(ctx, next) == 0);
    }
    for (uint32_t i = 0; i < LIVE; i++) { /* the table doubles: the older ones are found again */
        live[i] = koken_after(ctx, KOKEN_S(3600), ring);
        expect(live[i].id != 0);
    }
    expect(koken_cancel(ctx, first) == -ESRCH);
    for (uint32_t i = LIVE; i-- > 0;) {
        expect(koken_cancel(ctx, live[i]) == 0);
        expect(koken_cancel(ctx, live[i]) == -ESRCH);
    }
    koken_timer forged = {first.id + ((uint64_t)1 << 31)};
    expect(koken_cancel(ctx, forged) == -ESRCH);
    expect(koken_cancel(ctx, (koken_timer){UINT64_MAX}) == -ESRCH);
    (void)count(&silent);
    return 0;
}

KOKEN_AGENT(namer, struct hoarder, KOKEN_ON(hop, on_name));

/* The name of an old timer never means a new one, however many there were between. */
Test(alarm, names_are_used_once)
{
    struct koken *rt = start(1);
    clear();
    cr_assert_eq(koken_signal(koken_spawn(rt, namer), hop), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&silent), 1);
    stop(rt);
}
