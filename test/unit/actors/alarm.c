/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: a timer's message comes once, not early, in the order of deadlines; a cancelled one never comes,
 * even when it was on its way; a periodic one comes until it is cancelled; those of dead agents vanish; many
 * at a time leave no memory behind.
 */
#include "test/support/runtime.h"

KOKEN_MESSAGE(arm, {
    koken_ref other;
    uint64_t delay_ns;
    uint32_t n;
});
KOKEN_MESSAGE(ring, {
    uint32_t number;
    uint64_t due_ns;
});
KOKEN_EVENT(quit);

static kn_atomic(uint32_t) rings;
static uint32_t order[4096]; /* by the one agent under test, read when it is quiet */

struct clock {
    koken_timer timer;
    uint32_t rung;
    uint32_t until;
};

static int on_ring(koken_ctx *ctx, struct clock *self, const struct ring *msg)
{
    expect(koken_now() >= msg->due_ns);
    order[reading(&rings) % 4096] = msg->number;
    (void)count(&rings);
    if (++self->rung == self->until) {
        expect(koken_cancel(ctx, self->timer) == 0);
        expect(koken_cancel(ctx, self->timer) == -ESRCH);
    }
    return 0;
}

static int on_quit(koken_ctx *ctx, struct clock *self, const struct quit *msg)
{
    (void)ctx, (void)self, (void)msg;
    return KOKEN_STOP;
}

/* n timers to itself, the later armed the earlier due. */
static int on_arm(koken_ctx *ctx, struct clock *self, const struct arm *msg)
{
    (void)self;
    for (uint32_t i = 0; i < msg->n; i++) {
        uint64_t delay = msg->delay_ns * (msg->n - i);
        koken_timer timer = koken_after(ctx, delay, ring, .number = i, .due_ns = koken_now() + delay);
        expect(timer.id != 0);
    }
    return 0;
}

KOKEN_AGENT(clock, struct clock, KOKEN_ON(arm, on_arm), KOKEN_ON(ring, on_ring), KOKEN_ON(quit, on_quit));

static void ring_until(uint32_t n)
{
    wait_for(&rings, n);
}

/* Deadlines decide the order, not the arming. */
Test(alarm, in_the_order_of_deadlines, .timeout = 60)
{
    struct koken *rt = start(1);
    reset(&rings);
    koken_ref who = koken_spawn(rt, clock);
    cr_assert_eq(koken_signal(who, arm, .n = 20, .delay_ns = KOKEN_MS(1)), 0);
    ring_until(20);
    drain(rt);
    for (uint32_t i = 0; i < 20; i++) {
        cr_assert_eq(order[i], 19 - i, "place %u has %u", i, order[i]);
    }
    check_balance(rt, 0);
    cr_assert_eq(metrics(rt).timers_fired, 20u);
    stop(rt);
}

/* Armed and cancelled in one handler, or after it went off unseen: the message does not come. */
static int on_arm_and_cancel(koken_ctx *ctx, struct clock *self, const struct arm *msg)
{
    (void)self;
    for (uint32_t i = 0; i < msg->n; i++) {
        koken_timer timer = koken_after(ctx, i % 2 ? KOKEN_S(1000) : 0, ring, .number = i);
        uint64_t end = koken_now() + (i % 4 ? 0 : KOKEN_US(20));
        while (koken_now() < end) {
            kn_pause();
        }
        expect(koken_cancel(ctx, timer) == 0);
        expect(koken_cancel(ctx, timer) == -ESRCH);
    }
    expect(koken_cancel(ctx, (koken_timer){0}) == -ESRCH);
    expect(koken_cancel(ctx, (koken_timer){UINT64_MAX}) == -ESRCH);
    return 0;
}

KOKEN_AGENT(canceller, struct clock, KOKEN_ON(arm, on_arm_and_cancel), KOKEN_ON(ring, on_ring));

Test(alarm, cancelled_is_silent, .timeout = 60)
{
    struct koken *rt = start(2);
    reset(&rings);
    koken_ref who = koken_spawn(rt, canceller);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(koken_signal(who, arm, .n = 200), 0);
    }
    check_balance(rt, 0);
    cr_assert_eq(reading(&rings), 0u);
    stop(rt);
}

/* Again and again, until its agent cancels it. */
static int on_arm_every(koken_ctx *ctx, struct clock *self, const struct arm *msg)
{
    self->until = msg->n;
    self->timer = koken_every(ctx, msg->delay_ns, ring, .due_ns = koken_now() + msg->delay_ns);
    return self->timer.id ? 0 : -ENOMEM;
}

KOKEN_AGENT(ticker, struct clock, KOKEN_ON(arm, on_arm_every), KOKEN_ON(ring, on_ring));

Test(alarm, periodic_until_cancelled, .timeout = 60)
{
    struct koken *rt = start(1);
    reset(&rings);
    koken_ref who = koken_spawn(rt, ticker);
    uint64_t begin = koken_now();
    cr_assert_eq(koken_signal(who, arm, .n = 10, .delay_ns = KOKEN_MS(2)), 0);
    ring_until(10);
    cr_assert_geq(koken_now() - begin, KOKEN_MS(20), "ten periods of 2 ms");
    drain(rt);
    cr_assert_eq(reading(&rings), 10u);
    stop(rt);
}

/* To another agent; and to one that is gone by then. */
static int on_arm_other(koken_ctx *ctx, struct clock *self, const struct arm *msg)
{
    (void)self;
    for (uint32_t i = 0; i < msg->n; i++) {
        expect(koken_after_to(ctx, msg->other, msg->delay_ns, ring, .number = i).id != 0);
    }
    return 0;
}

KOKEN_AGENT(remote, struct clock, KOKEN_ON(arm, on_arm_other), KOKEN_ON(quit, on_quit));

Test(alarm, to_others_and_to_the_dead, .timeout = 60)
{
    struct koken *rt = start(2);
    reset(&rings);
    koken_ref from = koken_spawn(rt, remote), to = koken_spawn(rt, clock), dead = koken_spawn(rt, clock);
    cr_assert_eq(koken_signal(dead, quit), 0);
    cr_assert_eq(koken_signal(from, arm, .other = dead, .n = 5, .delay_ns = KOKEN_MS(1)), 0);
    cr_assert_eq(koken_signal(from, arm, .other = to, .n = 5, .delay_ns = KOKEN_MS(2)), 0);
    ring_until(5);
    drain(rt);
    cr_assert_eq(reading(&rings), 5u);
    stop(rt);
}

/* Agents that end take their timers with them; nothing is left, and nothing rings. */
Test(alarm, end_with_their_agent, .timeout = 120)
{
    struct koken *rt = start(2);
    reset(&rings);
    for (int i = 0; i < 50 * SCALE; i++) {
        koken_ref who = koken_spawn(rt, clock);
        cr_assert_eq(koken_signal(who, arm, .n = 50, .delay_ns = KOKEN_S(100)), 0);
        cr_assert_eq(koken_signal(who, quit), 0);
    }
    check_balance(rt, 0);
    cr_assert_eq(metrics(rt).alive, 0u);
    cr_assert_eq(reading(&rings), 0u);
    stop(rt);
}
