/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves what an agent can ask and say: who it is, who sent, of what type; becoming another behaviour and
 * what it refuses; stashing and its order and bound; exit, alive and queued from any thread.
 */
#include "test/support/runtime.h"

KOKEN_MESSAGE(coin, { uint32_t number; });
KOKEN_EVENT(open);
KOKEN_EVENT(shut);
KOKEN_EVENT(look);
KOKEN_EVENT(step);
KOKEN_MESSAGE(seen, { uint32_t count; });

static uint32_t order[1024];
static kn_atomic(uint32_t) taken;
static kn_atomic(uint32_t) ended;

struct door {
    uint32_t opened;
    uint32_t reason;
};

static int keep_coin(koken_ctx *ctx, struct door *self, const struct coin *msg)
{
    (void)self, (void)msg;
    expect(koken_stash(ctx) == 0);
    expect(koken_stash(ctx) == -EINVAL); /* it is stashed already */
    return 0;
}

static int take_coin(koken_ctx *ctx, struct door *self, const struct coin *msg)
{
    (void)self;
    expect(koken_message_type(ctx) == &koken_type_coin);
    order[reading(&taken) % 1024] = msg->number;
    (void)count(&taken);
    return 0;
}

static int on_open(koken_ctx *ctx, struct door *self, const struct open *msg);
static int on_shut(koken_ctx *ctx, struct door *self, const struct shut *msg);

static void on_end(koken_ctx *ctx, struct door *self, int reason)
{
    (void)ctx, (void)self;
    expect(reason == 0);
    (void)count(&ended);
}

struct other {
    uint64_t larger[4];
};

static int on_other(koken_ctx *ctx, struct other *self, const struct coin *msg)
{
    (void)ctx, (void)self, (void)msg;
    return 0;
}

static int on_step(koken_ctx *ctx, struct door *self, const struct step *msg);
static int take_one(koken_ctx *ctx, struct door *self, const struct coin *msg);

static int body(koken_ctx *ctx, struct door *self, const void *arg)
{
    (void)ctx, (void)self, (void)arg;
    return 0;
}

KOKEN_AGENT(closed_door, struct door, KOKEN_ON(coin, keep_coin), KOKEN_ON(open, on_open),
            KOKEN_ON(step, on_step), KOKEN_EXIT(on_end));
KOKEN_BEHAVIOUR(turnstile, struct door, KOKEN_ON(coin, take_one));
KOKEN_BEHAVIOUR(open_door, struct door, KOKEN_ON(coin, take_coin), KOKEN_ON(shut, on_shut));
KOKEN_BEHAVIOUR(other_state, struct other, KOKEN_ON(coin, on_other));
KOKEN_FIBER(fiber_door, struct door, body);

static int on_open(koken_ctx *ctx, struct door *self, const struct open *msg)
{
    (void)msg;
    self->opened++;
    expect(koken_become(ctx, other_state) == -EINVAL);
    expect(koken_become(ctx, fiber_door) == -EINVAL);
    int rc = koken_become(ctx, open_door);
    koken_unstash(ctx);
    return rc;
}

static int on_shut(koken_ctx *ctx, struct door *self, const struct shut *msg)
{
    (void)self, (void)msg;
    return koken_become(ctx, closed_door);
}

/* Lets one of those who wait through. */
static int on_step(koken_ctx *ctx, struct door *self, const struct step *msg)
{
    (void)self, (void)msg;
    return koken_unstash_one(ctx) ? koken_become(ctx, turnstile) : 0;
}

static int take_one(koken_ctx *ctx, struct door *self, const struct coin *msg)
{
    int rc = take_coin(ctx, self, msg);
    return rc < 0 ? rc : koken_become(ctx, closed_door);
}

static void prepare(void)
{
    reset(&taken);
    reset(&ended);
}

/* What was put aside comes back in its order, before what came later. */
Test(context, stash_keeps_the_order)
{
    struct koken *rt = start(1);
    prepare();
    koken_ref door = koken_spawn(rt, closed_door);
    for (uint32_t i = 0; i < 10; i++) {
        cr_assert_eq(koken_signal(door, coin, .number = i), 0);
    }
    cr_assert_eq(koken_signal(door, open), 0);
    for (uint32_t i = 10; i < 20; i++) {
        cr_assert_eq(koken_signal(door, coin, .number = i), 0);
    }
    check_balance(rt, 0);
    cr_assert_eq(reading(&taken), 20u);
    for (uint32_t i = 0; i < 20; i++) {
        cr_assert_eq(order[i], i);
    }
    /* And again: shut, stash, open. */
    cr_assert_eq(koken_signal(door, shut), 0);
    cr_assert_eq(koken_signal(door, coin, .number = 20), 0);
    drain(rt);
    cr_assert_eq(reading(&taken), 20u);
    cr_assert_eq(koken_signal(door, open), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&taken), 21u);
    stop(rt);
    cr_assert_eq(reading(&ended), 1u, "the exit hook of the type it was spawned as");
}

/* One at a time, oldest first; those behind it stay where they are. */
Test(context, unstash_one_by_one)
{
    enum koken_policy policies[] = {KOKEN_POLICY_REJECT, KOKEN_POLICY_DROP_OLD};
    for (unsigned k = 0; k < 2; k++) {
        struct koken *rt = start(1);
        prepare();
        koken_ref door = koken_spawn(rt, closed_door, .capacity = 16, .policy = policies[k]);
        for (uint32_t i = 0; i < 3; i++) {
            cr_assert_eq(koken_signal(door, coin, .number = i), 0);
        }
        for (uint32_t i = 0; i < 5; i++) {
            cr_assert_eq(koken_signal(door, step), 0);
            drain(rt);
            cr_assert_eq(reading(&taken), i < 3 ? i + 1 : 3);
        }
        for (uint32_t i = 0; i < 3; i++) {
            cr_assert_eq(order[i], i);
        }
        cr_assert_eq(koken_signal(door, coin, .number = 3), 0);
        cr_assert_eq(koken_signal(door, step), 0);
        check_balance(rt, 0);
        cr_assert_eq(reading(&taken), 4u);
        stop(rt);
    }
}

/* Stashed messages count against the bound, and are dead letters when their agent ends. */
Test(context, stash_counts)
{
    struct koken *rt = start(1);
    prepare();
    koken_ref door = koken_spawn(rt, closed_door, .capacity = 10, .high = 8, .low = 2);
    for (uint32_t i = 0; i < 8; i++) {
        cr_assert_eq(koken_signal(door, coin, .number = i), 0);
    }
    drain(rt);
    cr_assert_eq(koken_queued(door), 8u);
    cr_assert_eq(koken_signal(door, coin, .number = 8), -EAGAIN);
    cr_assert_eq(koken_exit(door), 0);
    check_balance(rt, 0);
    cr_assert_eq(metrics(rt).dead, 8u);
    stop(rt);
}

/* A DROP_OLD mailbox bounds what is put aside, too: the oldest goes, and what waits is not touched. */
Test(context, stash_is_bounded_where_the_oldest_goes)
{
    struct koken *rt = start(1);
    prepare();
    koken_ref door = koken_spawn(rt, closed_door, .capacity = 10, .policy = KOKEN_POLICY_DROP_OLD,
                                 .capacity_bytes = 1000);
    for (uint32_t i = 0; i < 500; i++) {
        cr_assert_eq(koken_signal(door, coin, .number = i), 0);
        drain(rt);
    }
    cr_assert_eq(koken_queued(door), 10u);
    cr_assert_eq(metrics(rt).dropped, 490u);
    cr_assert_eq(koken_signal(door, open), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&taken), 10u);
    cr_assert_eq(koken_queued(door), 0u);
    for (uint32_t i = 0; i < 10; i++) {
        cr_assert_eq(order[i], 490 + i);
    }
    cr_assert_eq(koken_signal(door, coin, .number = 500), 0, "all bytes have been given back");
    check_balance(rt, 0);
    stop(rt);
}

/* Without a bound, too, what is put aside waits, and is counted however much it is. */
Test(context, stash_of_many_is_counted)
{
    enum { MANY = 300000 };
    struct koken *rt = start(1);
    prepare();
    koken_ref door = koken_spawn(rt, closed_door, .policy = KOKEN_POLICY_GROW);
    for (uint32_t i = 0; i < MANY; i++) {
        cr_assert_eq(koken_signal(door, coin, .number = i), 0);
        if (i % 50000 == 49999) {
            drain(rt);
            cr_assert_eq(koken_queued(door), i + 1);
        }
    }
    check_balance(rt, MANY);
    cr_assert_eq(koken_signal(door, open), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&taken), (uint32_t)MANY);
    cr_assert_eq(koken_queued(door), 0u);
    stop(rt);
}

struct asker {
    koken_ref self;
};

static int on_look(koken_ctx *ctx, struct asker *self, const struct look *msg)
{
    (void)msg;
    expect(koken_ref_equal(koken_self(ctx), self->self));
    expect(koken_is_nobody(koken_sender(ctx)) || koken_alive(koken_sender(ctx)));
    expect(koken_alive(koken_self(ctx)));
    expect(koken_sent_at(ctx) == 0);
    expect(koken_request_number(ctx) == 0);
    return koken_reply(ctx, seen, .count = koken_queued(koken_self(ctx)));
}

static int on_birth(koken_ctx *ctx, struct asker *self, const void *arg)
{
    (void)arg;
    self->self = koken_self(ctx);
    expect(koken_message_type(ctx) == NULL || koken_message_type(ctx) != &koken_type_look);
    return 0;
}

KOKEN_AGENT(asker, struct asker, KOKEN_ON(look, on_look), KOKEN_INIT(on_birth));

/* Who am I, who asked, who is alive. */
Test(context, tells_who_is_who)
{
    struct koken *rt = start(2);
    struct seen answer = {99};
    prepare();
    koken_ref who = koken_spawn(rt, asker);
    cr_assert(!koken_is_nobody(who));
    cr_assert(koken_alive(who));
    cr_assert_eq(koken_await(rt, who, KOKEN_S(30), &answer, look), 0);
    cr_assert_leq(answer.count, 1u);
    cr_assert_eq(koken_exit(who), 0);
    drain(rt);
    cr_assert(!koken_alive(who));
    cr_assert_eq(koken_exit(who), -ESRCH);
    cr_assert_eq(koken_queued(who), 0u);
    cr_assert_eq(koken_signal(who, look), -ESRCH);
    stop(rt);
}

/* ---- koken_fail ------------------------------------------------------------------------------------------- */

KOKEN_MESSAGE(fail_with, { int32_t reason; });

struct weak {
    uint32_t unused;
};

/* Deep inside; what the handler says afterwards does not matter, nor does a second failure. */
static void stumble(koken_ctx *ctx, int reason)
{
    expect(koken_fail(ctx, reason) == reason);
    expect(koken_fail(ctx, -EBUSY) == -EBUSY);
}

static int on_fail_with(koken_ctx *ctx, struct weak *self, const struct fail_with *msg)
{
    (void)self;
    expect(koken_fail(ctx, 0) == 0); /* no reason: nothing happens */
    stumble(ctx, msg->reason);
    return msg->reason == -EPROTO ? 0 : KOKEN_STOP;
}

static kn_atomic(uint32_t) end_reason, fiber_wait;

static void on_weak_exit(koken_ctx *ctx, struct weak *self, int reason)
{
    (void)self;
    expect(koken_fail(ctx, -EBUSY) == -EBUSY); /* too late to matter */
    kn_store(&end_reason, (uint32_t)-reason, release);
}

KOKEN_AGENT(weak, struct weak, KOKEN_ON(fail_with, on_fail_with), KOKEN_EXIT(on_weak_exit));

static int on_weak_init(koken_ctx *ctx, struct weak *self, const void *arg)
{
    (void)self, (void)arg;
    stumble(ctx, -EPERM);
    return 0;
}

KOKEN_AGENT(stillborn, struct weak, KOKEN_INIT(on_weak_init), KOKEN_ON(fail_with, on_fail_with));

static int weak_body(koken_ctx *ctx, struct weak *self, const void *arg)
{
    struct fail_with msg;
    (void)self, (void)arg;
    (void)!koken_receive_only(ctx, KOKEN_NO_DEADLINE, fail_with, &msg);
    stumble(ctx, msg.reason);
    kn_store(&fiber_wait, (uint32_t)-koken_sleep(ctx, KOKEN_S(1000)), release);
    return 0;
}

KOKEN_FIBER(weak_fiber, struct weak, weak_body);

Test(context, koken_fail_fails_from_anywhere)
{
    struct koken *rt = start(1);
    const int reasons[] = {-EPROTO, -EPERM};
    for (unsigned i = 0; i < 2; i++) {
        reset(&end_reason);
        cr_assert_eq(koken_signal(koken_spawn(rt, weak), fail_with, .reason = reasons[i]), 0);
        drain(rt);
        cr_assert_eq(reading(&end_reason), (uint32_t)-reasons[i]);
    }
    koken_ref ref;
    cr_assert_eq(koken_try_spawn(rt, &ref, stillborn), -EPERM);
    reset(&fiber_wait);
    cr_assert_eq(koken_signal(koken_spawn(rt, weak_fiber), fail_with, .reason = -EPROTO), 0);
    drain(rt);
    cr_assert_eq(reading(&fiber_wait), ECANCELED);
    cr_assert_eq(metrics(rt).failed, 4);
    cr_assert_eq(metrics(rt).alive, 0);
    stop(rt);
}
