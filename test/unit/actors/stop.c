/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: a stop drains what was accepted, cancels, kills, keeps its deadlines and reports; nothing runs
 * afterwards; threads outside that go on sending get -ESHUTDOWN or -ESRCH (T033, P11).
 */
#include "test/support/runtime.h"

#include <pthread.h>
#include <string.h>

KOKEN_MESSAGE(step, { uint32_t left; });
KOKEN_EVENT(hold);

static kn_atomic(uint32_t) handled;
static kn_atomic(uint32_t) entered;
static kn_atomic(uint32_t) gate;
static kn_atomic(uint32_t) exits;

struct walker {
    uint32_t steps;
};

/* Sends itself what is left to do: accepted work that makes work. */
static int on_step(koken_ctx *ctx, struct walker *self, const struct step *msg)
{
    self->steps++;
    (void)count(&handled);
    return msg->left ? koken_signal(koken_self(ctx), step, .left = msg->left - 1) : 0;
}

static int on_hold(koken_ctx *ctx, struct walker *self, const struct hold *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&entered);
    wait_for(&gate, 1);
    return 0;
}

static void on_end(koken_ctx *ctx, struct walker *self, int reason)
{
    (void)ctx, (void)self;
    expect(reason == 0);
    (void)count(&exits);
}

KOKEN_AGENT(walker, struct walker, KOKEN_ON(step, on_step), KOKEN_ON(hold, on_hold),
            KOKEN_EXIT(on_end));

/* Never ends by itself. */
static int on_for_ever(koken_ctx *ctx, struct walker *self, const struct step *msg)
{
    (void)self, (void)msg;
    int rc = koken_signal(koken_self(ctx), step);
    return rc < 0 ? rc : 0;
}

KOKEN_AGENT(restless, struct walker, KOKEN_ON(step, on_for_ever), KOKEN_EXIT(on_end));

static int deaf_body(koken_ctx *ctx, struct walker *self, const void *arg)
{
    (void)self, (void)arg;
    (void)count(&entered);
    for (;;) { /* ends: when it is killed; it does not listen */
        struct koken_received msg;
        int rc = koken_receive(ctx, KOKEN_NO_DEADLINE, &msg);
        if (rc == -ECANCELED) {
            rc = koken_yield(ctx);
        }
        (void)rc;
    }
    return 0;
}

KOKEN_FIBER(deaf, struct walker, deaf_body);

static int polite_body(koken_ctx *ctx, struct walker *self, const void *arg)
{
    struct koken_received msg;
    (void)self, (void)arg;
    (void)count(&entered);
    int rc = koken_receive(ctx, KOKEN_NO_DEADLINE, &msg);
    expect(rc == -ECANCELED);
    (void)count(&exits);
    return 0;
}

KOKEN_FIBER(polite, struct walker, polite_body);

static void prepare(void)
{
    reset(&handled);
    reset(&entered);
    reset(&gate);
    reset(&exits);
}

/* Work accepted before the stop is done, with all that follows from it; then everybody hears of the end. */
Test(stop, drains_and_cancels, .timeout = 60)
{
    struct koken *rt = start(2);
    struct koken_stop_report report;
    struct koken_stop_plan plan = {KOKEN_S(30), KOKEN_S(30), KOKEN_S(30)};
    prepare();
    for (int i = 0; i < 10; i++) {
        koken_ref who = koken_spawn(rt, walker);
        cr_assert_eq(koken_signal(who, step, .left = 99), 0);
    }
    cr_assert_eq(koken_stop_with(rt, &plan, &report), 0);
    cr_assert_eq(reading(&handled), 1000u);
    cr_assert_eq(reading(&exits), 10u);
    cr_assert_eq(report.cancelled, 10u);
    cr_assert_eq(report.killed, 0u);
    cr_assert_eq(report.dead_letters, 0u);
    cr_assert_eq(report.survivor_count, 10u);
    cr_assert_str_eq(report.survivors[0].type, "walker");
    cr_assert_str_eq(report.survivors[0].state, "idle");
    assert_nothing_wrong();
}

/* An agent that makes work for ever is cancelled when the drain's time is over, and is named. */
Test(stop, cancels_the_restless, .timeout = 60)
{
    struct koken *rt = start(1);
    struct koken_stop_report report;
    struct koken_stop_plan plan = {KOKEN_MS(20), KOKEN_S(30), KOKEN_S(30)};
    prepare();
    koken_ref who = koken_spawn(rt, restless);
    cr_assert_eq(koken_signal(who, step), 0);
    uint64_t begin = koken_now();
    cr_assert_eq(koken_stop_with(rt, &plan, &report), 0);
    cr_assert_geq(koken_now() - begin, KOKEN_MS(20));
    cr_assert_eq(report.cancelled, 1u);
    cr_assert_eq(report.killed, 0u);
    cr_assert_eq(report.survivor_count, 1u);
    cr_assert_str_eq(report.survivors[0].type, "restless");
    cr_assert_eq(reading(&exits), 1u);
    assert_nothing_wrong();
}

/* Without a cancel phase agents are killed: no exit hook, and what waited is a dead letter. */
Test(stop, kills_without_a_hook, .timeout = 60)
{
    struct koken *rt = start(1);
    struct koken_stop_report report;
    struct koken_stop_plan plan = {0, 0, KOKEN_S(30)};
    prepare();
    for (int i = 0; i < 100; i++) {
        cr_assert(!koken_is_nobody(koken_spawn(rt, walker)));
    }
    drain(rt);
    cr_assert_eq(koken_stop_with(rt, &plan, &report), 0);
    cr_assert_eq(report.killed, 100u);
    cr_assert_eq(reading(&exits), 0u);
}

/* A handler that does not come back: -ETIMEDOUT, named, and a second stop succeeds when it does. */
Test(stop, says_who_does_not_come_back, .timeout = 60)
{
    struct koken *rt = start(1);
    struct koken_stop_report report;
    struct koken_stop_plan plan = {KOKEN_MS(10), KOKEN_MS(10), KOKEN_MS(10)};
    prepare();
    koken_ref who = koken_spawn(rt, walker);
    cr_assert_eq(koken_signal(who, hold), 0);
    wait_for(&entered, 1);
    cr_assert_eq(koken_stop_with(rt, &plan, &report), -ETIMEDOUT);
    cr_assert_eq(report.survivor_count, 1u);
    cr_assert_str_eq(report.survivors[0].type, "walker");
    cr_assert_str_eq(report.survivors[0].state, "running");
    cr_assert_str_eq(report.survivors[0].handling, "hold");
    cr_assert_eq(report.killed, 1u);
    kn_store(&gate, 1, release);
    cr_assert_eq(koken_stop(rt, KOKEN_S(30)), 0, "what was left alive can be stopped later");
}

/* Fibers: asked to stop, their waits answer -ECANCELED; who does not listen is killed where it waits. */
Test(stop, fibers_are_cancelled_or_killed, .timeout = 60)
{
    struct koken *rt = start(2);
    struct koken_stop_report report;
    struct koken_stop_plan plan = {KOKEN_MS(10), KOKEN_MS(50), KOKEN_S(30)};
    prepare();
    for (int i = 0; i < 5; i++) {
        cr_assert(!koken_is_nobody(koken_spawn(rt, polite)));
        cr_assert(!koken_is_nobody(koken_spawn(rt, deaf)));
    }
    wait_for(&entered, 10);
    cr_assert_eq(koken_stop_with(rt, &plan, &report), 0);
    cr_assert_eq(reading(&exits), 5u);
    cr_assert_eq(report.killed, 5u);
    assert_nothing_wrong();
}

struct sender {
    koken_ref who;
    kn_atomic(uint32_t) *gone;
};

static void *send_on(void *arg)
{
    struct sender *sender = arg;
    int rc;
    do {
        rc = koken_signal(sender->who, step);
        expect(rc == 0 || rc == -EAGAIN || rc == -ESHUTDOWN || rc == -ESRCH);
    } while (rc == 0 || rc == -EAGAIN); /* ends: the stop */
    (void)count(sender->gone);
    return NULL;
}

/* Threads outside may send at any moment of a stop. */
Test(stop, threads_outside_may_go_on_sending, .timeout = 120)
{
    for (int round = 0; round < 3 * SCALE; round++) {
        kn_atomic(uint32_t) gone;
        kn_atomic_init(&gone, 0);
        struct koken *rt = start(2);
        struct sender sender = {koken_spawn(rt, walker), &gone};
        pthread_t threads[3];
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(pthread_create(&threads[i], NULL, send_on, &sender), 0);
        }
        cr_assert_eq(koken_stop(rt, KOKEN_S(30)), 0);
        for (int i = 0; i < 3; i++) {
            pthread_join(threads[i], NULL);
        }
        assert_nothing_wrong();
    }
}

static int stop_from_inside(koken_ctx *ctx, struct walker *self, const struct step *msg)
{
    (void)self, (void)msg;
    expect(koken_stop(koken_runtime(ctx), KOKEN_S(1)) == -EDEADLK);
    expect(koken_drain(koken_runtime(ctx), KOKEN_S(1)) == -EDEADLK);
    return 0;
}

KOKEN_AGENT(suicidal, struct walker, KOKEN_ON(step, stop_from_inside));

/* An agent cannot wait for its own runtime's end. */
Test(stop, not_from_an_agent, .timeout = 60)
{
    struct koken *rt = start(1);
    koken_ref who = koken_spawn(rt, suicidal);
    cr_assert_eq(koken_signal(who, step), 0);
    stop(rt);
}
