/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: the mailboxes of a runtime are biased to a worker that is alone, a visitor takes the bias away, it
 * comes back when nobody visits, and no message is lost while it goes and comes.
 */
#include "actors/alone.h"
#include "test/support/runtime.h"

#include <pthread.h>

KOKEN_MESSAGE(ball, { uint32_t left; });

struct player {
    koken_ref other;
    uint32_t hits;
};

static kn_atomic(uint32_t) hits, enough;

static int on_ball(koken_ctx *ctx, struct player *self, const struct ball *msg)
{
    (void)count(&hits);
    koken_ref to = koken_is_nobody(self->other) ? koken_sender(ctx) : self->other;
    if (msg->left == 0 || koken_is_nobody(to) || reading(&enough)) {
        return 0;
    }
    int rc = koken_signal(to, ball, .left = msg->left - 1);
    return rc < 0 ? rc : 0;
}

KOKEN_AGENT(player, struct player, KOKEN_ON(ball, on_ball));

/* Who of two plays while the other rests is alone soon; until then they play, and no longer. */
static void check_two(void)
{
    struct koken *rt = start(2);
    koken_ref wall = koken_spawn(rt, player);
    struct player peer = {wall, 0};
    koken_ref who = koken_spawn(rt, player, .arg = &peer);
    reset(&hits);
    reset(&enough);
    cr_assert_eq(koken_signal(who, ball, .left = UINT32_MAX), 0);
    bool was_alone = !rt->bias.is_possible;
    while (!was_alone) { /* ends: they play on */
        for (int i = 0; i < 2; i++) {
            was_alone |= kn_load(&rt->locals[i].is_shared, acquire) == KN_BIASED;
        }
    }
    (void)count(&enough);
    drain(rt);
    reset(&enough);
    stop(rt);
}

/* One worker is alone, until it is visited, and later again. */
Test(alone, bias_goes_and_comes, .timeout = 60)
{
    check_two();
    struct koken *rt = start(1);
    struct kn_local *local = &rt->locals[0];
    if (local->can_be_alone) {
        cr_assert_eq(kn_load(&local->is_shared, acquire), KN_BIASED);
        kn_alone_visit(rt);
        cr_assert_eq(kn_load(&local->is_shared, acquire), KN_SHARED);
        kn_alone_depart(rt);
        struct player peer = {{0}, 0};
        koken_ref wall = koken_spawn(rt, player);
        peer.other = wall;
        koken_ref who = koken_spawn(rt, player, .arg = &peer);
        reset(&hits);
        cr_assert_eq(koken_signal(who, ball, .left = 300000), 0);
        drain(rt);
        cr_assert_eq(reading(&hits), 300001u);
        cr_assert_eq(kn_load(&local->is_shared, acquire), KN_BIASED, "nobody came for long");
    }
    stop(rt);
}

KOKEN_MESSAGE(ask, { koken_ref who; });

/* Asks for a word when `who` has room, which looks at its mailbox. */
static int on_ask(koken_ctx *ctx, struct player *self, const struct ask *msg)
{
    (void)self;
    return koken_notify_writable(ctx, msg->who);
}

static int on_room(koken_ctx *ctx, struct player *self, const struct koken_writable *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&hits);
    return 0;
}

KOKEN_AGENT(asker, struct player, KOKEN_ON(ask, on_ask), KOKEN_ON(koken_writable, on_room));

/* A worker that looks at a mailbox of another runtime is a visitor there, at home it is not. */
Test(alone, worker_of_another_runtime_is_a_visitor, .timeout = 60)
{
    struct koken *rt = start(1), *other = NULL;
    cr_assert_eq(koken_start(&(struct koken_options){.workers = 1, .exact_workers = true}, &other),
                 0);
    koken_ref asker = koken_spawn(rt, asker), near = koken_spawn(rt, player);
    koken_ref far = koken_spawn(other, player);
    struct kn_local *there = &other->locals[0];
    reset(&hits);
    uint32_t before = kn_load(&other->bias.visits, acquire);
    cr_assert_eq(koken_signal(asker, ask, .who = far), 0);
    drain(rt);
    cr_assert_eq(reading(&hits), 1u);
    if (there->can_be_alone) {
        cr_assert_eq(kn_load(&other->bias.visits, acquire), before + 1);
        before = kn_load(&rt->bias.visits, acquire);
        cr_assert_eq(koken_signal(asker, ask, .who = near), 0); /* one visit: ours */
        drain(rt);
        cr_assert_eq(reading(&hits), 2u);
        cr_assert_eq(kn_load(&rt->bias.visits, acquire), before + 1);
    }
    cr_assert_eq(koken_stop(other, KOKEN_S(10)), 0);
    stop(rt);
}

struct visitor {
    koken_ref to;
    uint32_t n;
};

static void *visit(void *arg)
{
    struct visitor *visitor = arg;
    for (uint32_t i = 0; i < visitor->n; i++) {
        int rc;
        while ((rc = koken_signal(visitor->to, ball)) == -EAGAIN) { /* ends: the receiver runs */
            kn_thread_yield();
        }
        expect(rc == 0);
        if (i % 64 == 0) {
            for (int k = 0; k < 20; k++) {
                kn_thread_yield(); /* long enough for the bias to come back now and then */
            }
        }
    }
    return NULL;
}

/* Agents play with plain stores while threads come in between: every message arrives, once. */
Test(alone, nothing_is_lost_between_plain_and_locked, .timeout = 120)
{
    enum { VISITORS = 2, EACH = 2000 * SCALE, RALLY = 100000 * SCALE };
    struct koken *rt = start(1);
    struct player peer = {{0}, 0};
    koken_ref wall = koken_spawn(rt, player, .policy = KOKEN_POLICY_GROW); /* visitors flood it */
    peer.other = wall;
    koken_ref who = koken_spawn(rt, player, .arg = &peer);
    reset(&hits);
    pthread_t threads[VISITORS];
    struct visitor visitor = {wall, EACH};
    cr_assert_eq(koken_signal(who, ball, .left = RALLY), 0);
    for (int i = 0; i < VISITORS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, visit, &visitor), 0);
    }
    for (int i = 0; i < VISITORS; i++) {
        pthread_join(threads[i], NULL);
    }
    check_balance(rt, 0);
    cr_assert_eq(reading(&hits), VISITORS * EACH + RALLY + 1u);
    stop(rt);
}
