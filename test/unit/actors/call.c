/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that an await that is answered within the fiber's own turn (call.h) looks like any other: the deadline
 * holds while the callee blocks, a stop is noticed, others have their turns, an answer that does not fit is an error
 * and given back, and the callee knows how long it is waited for, at once and after it has put the request aside.
 */
#include "test/support/runtime.h"

KOKEN_MESSAGE(ca_ask, { uint32_t how; });
KOKEN_MESSAGE(ca_answer, { uint64_t value; });
KOKEN_MESSAGE(ca_other, { uint32_t value[5]; });
KOKEN_EVENT(ca_go_on);

KOKEN_PAYLOAD(ca_load, (plain, uint64_t, value));

enum how { HOW_ECHO, HOW_BLOCK, HOW_TIME, HOW_STASH, HOW_LATER, HOW_LAST, HOW_OTHER, HOW_GIVEN };

static kn_atomic(uint32_t) done;
static kn_atomic(uint32_t) blocked;

struct callee {
    koken_claim claim;
    bool is_aside; /* a request has been put aside once */
};

struct ca_whom {
    koken_ref who;
};

struct ca_none {
    char unused;
};

static int answer_late(koken_ctx *ctx)
{
    koken_blocking_enter(ctx);
    (void)count(&blocked);
    wait_for(&done, 1); /* the fiber's deadline has passed meanwhile */
    koken_blocking_leave(ctx);
    return koken_reply(ctx, ca_answer, .value = 1);
}

/* The first time aside, to be brought back by an event; the second time the time that is left. */
static int put_aside(koken_ctx *ctx, struct callee *self)
{
    if (self->is_aside) {
        self->is_aside = false;
        return koken_reply(ctx, ca_answer, .value = koken_time_left(ctx));
    }
    self->is_aside = true;
    expect(koken_signal(koken_self(ctx), ca_go_on) >= 0);
    return koken_stash(ctx);
}

/* An answer that owns something, which nobody has asked for. */
static int give_load(koken_ctx *ctx)
{
    koken_iso(ca_load, load) = koken_new(ca_load);
    koken_mut(load)->value = 1;
    return koken_post_reply(ctx, load);
}

static int on_ask(koken_ctx *ctx, struct callee *self, const struct ca_ask *msg)
{
    switch ((enum how)msg->how) {
    case HOW_BLOCK: return answer_late(ctx);
    case HOW_TIME: return koken_reply(ctx, ca_answer, .value = koken_time_left(ctx));
    case HOW_STASH: return put_aside(ctx, self);
    case HOW_OTHER: return koken_reply(ctx, ca_other, .value = {1});
    case HOW_GIVEN: return give_load(ctx);
    case HOW_LATER:
        self->claim = koken_defer(ctx);
        expect(koken_is_awaited(self->claim));
        return koken_signal(koken_self(ctx), ca_go_on) < 0 ? -EPROTO : 0;
    case HOW_LAST: {
        int rc = koken_reply(ctx, ca_answer, .value = HOW_LAST);
        expect(koken_reply(ctx, ca_answer, .value = 0) == -EINVAL); /* once */
        return rc < 0 ? rc : KOKEN_STOP;
    }
    default: return koken_reply(ctx, ca_answer, .value = msg->how);
    }
}

static int on_go_on(koken_ctx *ctx, struct callee *self, const struct ca_go_on *msg)
{
    (void)msg;
    if (self->claim.number) {
        koken_claim claim = self->claim;
        self->claim = (koken_claim){.number = 0};
        expect(koken_is_awaited(claim));
        return koken_answer(claim, ca_answer, .value = HOW_LATER);
    }
    koken_unstash(ctx);
    return 0;
}

KOKEN_AGENT(called, struct callee, KOKEN_ON(ca_ask, on_ask), KOKEN_ON(ca_go_on, on_go_on));

static uint64_t ask(koken_ctx *ctx, koken_ref who, uint64_t timeout_ns, enum how how)
{
    struct ca_answer answer = {0};
    expect(koken_await(ctx, who, timeout_ns, &answer, ca_ask, .how = how) == 0);
    return answer.value;
}

static int ask_all(koken_ctx *ctx, struct ca_none *self, const void *arg)
{
    koken_ref who = koken_spawn(ctx, called);
    (void)self, (void)arg;
    for (uint32_t i = 0; i < 300; i++) { /* more than a turn has */
        expect(ask(ctx, who, i % 2 ? KOKEN_S(30) : KOKEN_NO_DEADLINE, HOW_ECHO) == HOW_ECHO);
        uint64_t left = ask(ctx, who, KOKEN_S(30), HOW_TIME);
        expect(left > 0 && left <= KOKEN_S(30));
        expect(ask(ctx, who, KOKEN_NO_DEADLINE, HOW_TIME) == KOKEN_NO_DEADLINE);
        left = ask(ctx, who, KOKEN_S(30), HOW_STASH);
        expect(left > 0 && left < KOKEN_S(30)); /* from when it was put aside, at the latest */
        expect(ask(ctx, who, KOKEN_S(30), HOW_LATER) == HOW_LATER);
    }
    expect(ask(ctx, who, KOKEN_S(30), HOW_LAST) == HOW_LAST);
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(asks_all, struct ca_none, ask_all);

/* At once, later, put aside, with the callee's last word; with a deadline and without; on one worker and two. */
Test(call, every_answer_arrives, .timeout = 60)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        reset(&done);
        cr_assert(!koken_is_nobody(koken_spawn(rt, asks_all)));
        wait_for(&done, 1);
        drain(rt);
        check_balance(rt, 0);
        stop(rt);
    }
}

static int ask_in_vain(koken_ctx *ctx, struct ca_none *self, const void *arg)
{
    koken_ref who = koken_spawn(ctx, called);
    (void)self, (void)arg;
    for (uint32_t i = 0; i < 20; i++) {
        struct ca_answer answer = {.value = 7};
        enum how how = i % 2 ? HOW_OTHER : HOW_GIVEN;
        expect(koken_await(ctx, who, KOKEN_S(30), &answer, ca_ask, .how = how) == -EPROTO);
        expect(answer.value == 7);
        expect(ask(ctx, who, KOKEN_S(30), HOW_ECHO) ==
               HOW_ECHO); /* the next one is not told of it */
    }
    expect(ask(ctx, who, KOKEN_S(30), HOW_LAST) == HOW_LAST);
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(asks_in_vain, struct ca_none, ask_in_vain);

/* What it owns is given back: nothing is left alive. */
Test(call, an_answer_that_does_not_fit_is_an_error, .timeout = 60)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken_census alive[8] = {{.alive = 1}};
        struct koken *rt = start(workers);
        reset(&done);
        cr_assert(!koken_is_nobody(koken_spawn(rt, asks_in_vain)));
        wait_for(&done, 1);
        drain(rt);
        check_balance(rt, 0);
        stop(rt);
        cr_assert_eq(koken_payload_census(alive, 8), 1);
        cr_assert_eq(alive[0].alive, 0);
    }
}

static int ask_blocked(koken_ctx *ctx, struct ca_none *self, const void *arg)
{
    const struct ca_whom *whom = arg;
    struct ca_answer answer;
    (void)self;
    expect(ask(ctx, whom->who, KOKEN_S(30), HOW_ECHO) == HOW_ECHO);
    uint64_t begin = koken_now();
    int rc = koken_await(ctx, whom->who, KOKEN_MS(5), &answer, ca_ask, .how = HOW_BLOCK);
    expect(rc == -ETIMEDOUT);
    expect(koken_now() - begin >= KOKEN_MS(5));
    (void)count(&done); /* lets the callee go on */
    return 0;
}

KOKEN_FIBER(asks_blocked, struct ca_none, ask_blocked);

/* A callee in a blocking section holds neither the worker nor the fiber that called it. */
Test(call, a_callee_that_blocks_holds_nobody, .timeout = 60)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        reset(&done);
        reset(&blocked);
        struct ca_whom whom = {koken_spawn(rt, called)};
        cr_assert(
            !koken_is_nobody(koken_spawn(rt, asks_blocked, .arg = &whom, .arg_size = sizeof whom)));
        wait_for(&done, 1);
        drain(rt);
        cr_assert_eq(reading(&blocked), 1);
        check_balance(rt, 0);
        stop(rt);
    }
}

static int ask_for_ever(koken_ctx *ctx, struct ca_none *self, const void *arg)
{
    koken_ref who = koken_spawn(ctx, called);
    struct ca_answer answer;
    int rc;
    (void)self, (void)arg;
    do { /* ends: cancelled */
        rc = koken_await(ctx, who, KOKEN_S(30), &answer, ca_ask, .how = HOW_ECHO);
        (void)count(&blocked);
    } while (rc == 0);
    expect(rc == -ECANCELED);
    (void)count(&done);
    return rc;
}

KOKEN_FIBER(asks_for_ever, struct ca_none, ask_for_ever);

/* Who does nothing but call leaves the worker to others, and hears that it is to end. */
Test(call, nobody_starves_beside_callers, .timeout = 60)
{
    struct koken *rt = start(1);
    reset(&done);
    reset(&blocked);
    koken_ref first = koken_spawn(rt, asks_for_ever), second = koken_spawn(rt, asks_for_ever);
    wait_for(&blocked, 1);
    koken_ref third = koken_spawn(rt, asks_all); /* ends only if it has its turns, too */
    cr_assert(!koken_is_nobody(third));
    wait_for(&done, 1);
    cr_assert_eq(koken_exit(first), 0);
    cr_assert_eq(koken_exit(second), 0);
    wait_for(&done, 3);
    drain(rt);
    check_balance(rt, 0);
    stop(rt);
}
