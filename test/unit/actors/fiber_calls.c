/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves what a fiber may call: receive in order, selectively, with a deadline that is never early; await and
 * each way it can end (P9); sleep, yield, blocking work that holds no worker (T034); -ENOTSUP in handlers.
 */
#include "test/support/runtime.h"

#include <unistd.h>

KOKEN_MESSAGE(apple, { uint32_t number; });
KOKEN_MESSAGE(pear, { uint32_t number; });
KOKEN_MESSAGE(question, { uint32_t value; });
KOKEN_MESSAGE(answer, { uint32_t value; });
KOKEN_MESSAGE(odd_answer, { char text[9]; });
KOKEN_MESSAGE(report, { int32_t rc; });

static kn_atomic(uint32_t) done;
static kn_atomic(uint32_t) blocked;

struct none {
    char unused;
};

struct whom {
    koken_ref who;
};

/* Waits until a fiber under test has finished. */
static void finish(struct koken *rt, uint32_t n)
{
    wait_for(&done, n);
    drain(rt);
}

/* ---- receive ------------------------------------------------------------------------------------------- */

static int pick(koken_ctx *ctx, struct none *self, const void *arg)
{
    struct koken_received msg;
    struct pear pear;
    (void)self, (void)arg;
    for (uint32_t i = 0; i < 10; i++) { /* pears first, though apples came before */
        expect(koken_receive_only(ctx, KOKEN_S(30), pear, &pear) == 0);
        expect(pear.number == i);
    }
    for (uint32_t i = 0; i < 10; i++) {
        expect(koken_receive(ctx, KOKEN_S(30), &msg) == 0);
        expect(msg.type == &koken_type_apple);
        expect(((const struct apple *)msg.payload)->number == i);
        expect(koken_is_nobody(msg.from));
    }
    expect(koken_receive(ctx, 0, &msg) == -ETIMEDOUT);
    uint64_t begin = koken_now();
    expect(koken_receive(ctx, KOKEN_MS(5), &msg) == -ETIMEDOUT);
    expect(koken_now() - begin >= KOKEN_MS(5));
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(picker, struct none, pick);

/* Selective receive keeps the order of both kinds; deadlines are not early. */
Test(fiber_calls, receives_in_order_and_selectively, .timeout = 60)
{
    struct koken *rt = start(2);
    reset(&done);
    koken_ref who = koken_spawn(rt, picker);
    for (uint32_t i = 0; i < 10; i++) {
        cr_assert_eq(koken_signal(who, apple, .number = i), 0);
        cr_assert_eq(koken_signal(who, pear, .number = i), 0);
    }
    finish(rt, 1);
    check_balance(rt, 0);
    stop(rt);
}

static int wait_to_be_stopped(koken_ctx *ctx, struct none *self, const void *arg)
{
    struct koken_received msg;
    (void)self, (void)arg;
    (void)count(&blocked);
    expect(koken_receive(ctx, KOKEN_NO_DEADLINE, &msg) == -ECANCELED);
    expect(koken_sleep(ctx, KOKEN_S(100)) == -ECANCELED);
    expect(koken_yield(ctx) == -ECANCELED);
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(patient, struct none, wait_to_be_stopped);

/* Asked to stop, every wait answers -ECANCELED, at once. */
Test(fiber_calls, exit_cancels_every_wait, .timeout = 60)
{
    struct koken *rt = start(1);
    reset(&done);
    reset(&blocked);
    koken_ref who = koken_spawn(rt, patient);
    wait_for(&blocked, 1);
    cr_assert_eq(koken_exit(who), 0);
    finish(rt, 1);
    cr_assert(!koken_alive(who));
    stop(rt);
}

/* ---- await --------------------------------------------------------------------------------------------- */

static int on_question(koken_ctx *ctx, struct none *self, const struct question *msg)
{
    (void)self;
    switch (msg->value) {
    case 0: return 0;      /* no answer */
    case 1: return -EPERM; /* fails */
    case 2: return KOKEN_STOP;
    case 3: return koken_reply(ctx, odd_answer, .text = "odd");
    case 4: {
        koken_claim claim = koken_defer(ctx); /* and forgets it: until its end */
        return claim.number ? 0 : -ENOMEM;
    }
    default: return koken_reply(ctx, answer, .value = msg->value + 1);
    }
}

KOKEN_AGENT(oracle, struct none, KOKEN_ON(question, on_question));

static int ask(koken_ctx *ctx, struct none *self, const void *arg)
{
    const struct whom *whom = arg;
    struct answer a = {0};
    struct koken *rt = koken_runtime(ctx);
    (void)self;
    for (uint32_t i = 10; i < 110; i++) {
        expect(koken_await(ctx, whom->who, KOKEN_S(30), &a, question, .value = i) == 0);
        expect(a.value == i + 1);
    }
    expect(koken_await(rt, whom->who, KOKEN_S(30), &a, question, .value = 500) ==
           0); /* the fiber waits */
    expect(koken_await(ctx, whom->who, KOKEN_S(30), &a, question, .value = 0) == -EPROTO);
    expect(koken_await(ctx, whom->who, KOKEN_S(30), &a, question, .value = 3) == -EPROTO);
    uint64_t begin = koken_now();
    expect(koken_await(ctx, whom->who, KOKEN_MS(5), &a, question, .value = 4) == -ETIMEDOUT);
    expect(koken_now() - begin >= KOKEN_MS(5));
    expect(koken_await(ctx, koken_self(ctx), KOKEN_S(30), &a, question) == -EDEADLK);
    koken_ref mortal = koken_spawn(ctx, oracle), failing = koken_spawn(ctx, oracle);
    expect(koken_await(ctx, mortal, KOKEN_S(30), &a, question, .value = 2) == -EPROTO);
    expect(koken_await(ctx, mortal, KOKEN_S(30), &a, question, .value = 9) == -ESRCH);
    expect(koken_await(ctx, failing, KOKEN_S(30), &a, question, .value = 1) == -EPERM);
    expect(koken_await(ctx, KOKEN_NOBODY, KOKEN_S(30), &a, question) == -ESRCH);
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(pilgrim, struct none, ask);

/* An await ends once: answer, no answer, failure, death, deadline, wrong size, oneself. */
Test(fiber_calls, await_ends_in_every_way, .timeout = 60)
{
    struct koken *rt = start(2);
    reset(&done);
    struct whom whom = {koken_spawn(rt, oracle)};
    cr_assert(!koken_is_nobody(koken_spawn(rt, pilgrim, .arg = &whom, .arg_size = sizeof whom)));
    finish(rt, 1);
    check_balance(rt, 0);
    stop(rt);
}

/* ---- sleep, yield, blocking ---------------------------------------------------------------------------- */

static int nap(void *arg)
{
    (void)count(&blocked);
    wait_for(&done, 100); /* the short tasks: they must get through meanwhile */
    return *(int *)arg;
}

static int block(koken_ctx *ctx, struct none *self, const void *arg)
{
    int seven = 7, value = 0;
    (void)self, (void)arg;
    expect(koken_blocking(ctx, nap, &seven, &value) == 0);
    expect(value == 7);
    return 0;
}

static int short_task(koken_ctx *ctx, struct none *self, const struct apple *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&done);
    return 0;
}

static int block_in_handler(koken_ctx *ctx, struct none *self, const struct pear *msg)
{
    (void)self, (void)msg;
    koken_blocking_enter(ctx);
    (void)count(&blocked);
    wait_for(&done, 100);
    koken_blocking_leave(ctx);
    koken_ref me = koken_self(ctx);
    return koken_signal(me, apple) < 0 ? -EPROTO : 0; /* on another worker, perhaps */
}

KOKEN_FIBER(blocker, struct none, block);
KOKEN_AGENT(task, struct none, KOKEN_ON(apple, short_task), KOKEN_ON(pear, block_in_handler));

/* Blocking calls hold no worker: with all agents of one kind inside one, a hundred others still run. */
Test(fiber_calls, blocking_holds_no_worker, .timeout = 60)
{
    struct koken *rt = start(2);
    reset(&done);
    reset(&blocked);
    for (int i = 0; i < 4; i++) {
        cr_assert(!koken_is_nobody(koken_spawn(rt, blocker)));
    }
    for (int i = 0; i < 2; i++) {
        koken_ref who = koken_spawn(rt, task);
        cr_assert_eq(koken_signal(who, pear), 0);
    }
    wait_for(&blocked, 6);
    for (int i = 0; i < 100; i++) {
        koken_ref who = koken_spawn(rt, task);
        cr_assert_eq(koken_signal(who, apple), 0);
    }
    finish(rt, 102);
    check_balance(rt, 0);
    cr_assert_eq(metrics(rt).failed, 0u);
    stop(rt);
}

static int sleep_and_yield(koken_ctx *ctx, struct none *self, const void *arg)
{
    (void)self, (void)arg;
    uint64_t begin = koken_now();
    expect(koken_sleep(ctx, KOKEN_MS(3)) == 0);
    expect(koken_now() - begin >= KOKEN_MS(3));
    for (int i = 0; i < 1000; i++) {
        expect(koken_yield(ctx) == 0);
    }
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(sleeper, struct none, sleep_and_yield);

/* A thousand yields end (T021); many sleepers share a worker. */
Test(fiber_calls, sleeps_and_yields, .timeout = 60)
{
    struct koken *rt = start(1);
    reset(&done);
    for (int i = 0; i < 50; i++) {
        cr_assert(!koken_is_nobody(koken_spawn(rt, sleeper)));
    }
    finish(rt, 50);
    stop(rt);
}

static int short_nap(void *arg)
{
    (void)arg;
    return usleep(4000);
}

/* What a deadline leaves behind must not end a later wait, nor keep it from ending. */
static int wait_on(koken_ctx *ctx, struct none *self, const void *arg)
{
    static const uint64_t waits_us[] = {3000, 200, 1500, 150, 2500, 170, 170, 1500};
    const struct whom *whom = arg;
    struct koken_received msg;
    struct answer a;
    (void)self;
    for (unsigned i = 0; i < sizeof waits_us / sizeof waits_us[0]; i++) {
        /* Answered in time, or not: a deadline stays behind, in the middle of the next wait or after it. */
        int rc =
            koken_await(ctx, whom->who, KOKEN_US(waits_us[i] / 2), &a, question, .value = 10 + i);
        expect(rc == -ETIMEDOUT || (rc == 0 && a.value == 11 + i));
        uint64_t begin = koken_now();
        if (i % 2) {
            expect(koken_receive(ctx, KOKEN_US(waits_us[i]), &msg) == -ETIMEDOUT);
        } else {
            expect(koken_sleep(ctx, KOKEN_US(waits_us[i])) == 0);
        }
        expect(koken_now() - begin >= KOKEN_US(waits_us[i]));
    }
    /* And one that goes off while nobody waits for a time. */
    expect(koken_await(ctx, whom->who, KOKEN_MS(2), &a, question, .value = 10) != 0 ||
           a.value == 11);
    expect(koken_blocking(ctx, short_nap, NULL, NULL) == 0);
    expect(koken_await(ctx, whom->who, KOKEN_S(30), &a, question, .value = 12) == 0);
    expect(a.value == 13);
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(waiter_on, struct none, wait_on);

Test(fiber_calls, a_deadline_ends_its_own_wait_only, .timeout = 60)
{
    struct koken *rt = start(2);
    reset(&done);
    struct whom whom = {koken_spawn(rt, oracle)};
    for (int i = 0; i < 20; i++) {
        cr_assert(
            !koken_is_nobody(koken_spawn(rt, waiter_on, .arg = &whom, .arg_size = sizeof whom)));
    }
    finish(rt, 20);
    stop(rt);
}

static int no_fiber(koken_ctx *ctx, struct none *self, const struct apple *msg)
{
    struct koken_received received;
    struct answer a;
    int value;
    (void)self, (void)msg;
    expect(koken_receive(ctx, 0, &received) == -ENOTSUP);
    expect(koken_receive_only(ctx, 0, answer, &a) == -ENOTSUP);
    expect(koken_await(ctx, koken_self(ctx), 0, &a, question) == -ENOTSUP);
    expect(koken_sleep(ctx, 0) == -ENOTSUP);
    expect(koken_yield(ctx) == -ENOTSUP);
    expect(koken_io_wait(ctx, 0, KOKEN_IO_READ, 0) == -ENOTSUP);
    expect(koken_blocking(ctx, nap, NULL, &value) == -ENOTSUP);
    (void)count(&done);
    return 0;
}

KOKEN_AGENT(handler, struct none, KOKEN_ON(apple, no_fiber));

/* In a handler agent each of them says so. */
Test(fiber_calls, are_not_for_handlers)
{
    struct koken *rt = start(1);
    reset(&done);
    koken_ref who = koken_spawn(rt, handler);
    cr_assert_eq(koken_signal(who, apple), 0);
    finish(rt, 1);
    stop(rt);
}

/* ---- an await that cannot even be sent ------------------------------------------------------------------- */

static kn_atomic(uint32_t) is_open;

static int on_closed(koken_ctx *ctx, struct none *self, const struct question *msg)
{
    (void)self;
    (void)msg;
    (void)count(&blocked);
    koken_blocking_enter(ctx);
    wait_for(&is_open, 1);
    koken_blocking_leave(ctx);
    return 0;
}

static int knock(koken_ctx *ctx, struct none *self, const void *arg)
{
    struct answer got;
    koken_ref to = *(const koken_ref *)arg;
    (void)self;
    uint64_t before = koken_now();
    int rc = koken_await(ctx, to, KOKEN_MS(20), &got, question, .value = 1);
    expect(rc == -ETIMEDOUT);
    expect(koken_now() - before >= KOKEN_MS(20));
    (void)count(&done);
    (void)count(&is_open);
    return 0;
}

KOKEN_AGENT(closed, struct none, KOKEN_ON(question, on_closed));
KOKEN_FIBER(visitor, struct none, knock);

/* The deadline of an await holds also while its request waits for room. */
Test(fiber_calls, await_ends_while_it_waits_for_room, .timeout = 60)
{
    struct koken *rt = start(2);
    reset(&done);
    reset(&blocked);
    reset(&is_open);
    koken_ref to = koken_spawn(rt, closed, .capacity = 1, .policy = KOKEN_POLICY_PARK);
    cr_assert_eq(koken_signal(to, question, .value = 0), 0);
    wait_for(&blocked, 1);
    int rc = koken_signal(to, question, .value = 0); /* full now, if it was not */
    cr_assert(rc == 0 || rc == -EAGAIN);
    cr_assert(!koken_is_nobody(koken_spawn(rt, visitor, .arg = &to, .arg_size = sizeof to)));
    wait_for(&done, 1);
    cr_assert_eq(koken_stop(rt, KOKEN_S(60)), 0);
    assert_nothing_wrong();
}
