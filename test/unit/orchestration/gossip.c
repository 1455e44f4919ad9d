/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that a gossip reaches everybody, each delivers once, in few rounds and messages (T050), that
 * dead members do not stop it, that callers take turns, what bad input answers, and that relays that fail leave no
 * gossip open.
 */
#include "test/support/runtime.h"

#include "actors/slots.h"

#include <koken/broadcast.h>
#include <koken/fiber.h>

#include <string.h>

enum { MEMBERS = 1000 };

KOKEN_MESSAGE(news, { uint32_t value; });
KOKEN_MESSAGE(tome, { char text[220]; });
static kn_atomic(uint32_t) heard, done;

struct listener {
    uint32_t last;
};

static int on_news(koken_ctx *ctx, struct listener *self, const struct news *msg)
{
    (void)ctx;
    expect(msg->value > self->last);
    self->last = msg->value;
    (void)count(&heard);
    return 0;
}

KOKEN_AGENT(listener, struct listener, KOKEN_ON(news, on_news));

static koken_ref members[MEMBERS];

static void spawn_members(struct koken *rt, unsigned n)
{
    reset(&heard);
    for (unsigned i = 0; i < n; i++) {
        members[i] = koken_spawn(rt, listener);
    }
}

Test(gossip, reaches_all_in_few_rounds_and_messages)
{
    struct koken *rt = start(2);
    koken_ref group;
    struct koken_gossip_report r;
    spawn_members(rt, MEMBERS);
    cr_assert_eq(koken_gossip_open(rt, members, MEMBERS, NULL, &group), 0);
    for (uint32_t i = 1; i <= 5; i++) {
        cr_assert_eq(koken_gossip(rt, group, KOKEN_S(60), &r, news, .value = i), 0);
        cr_assert_eq(r.reached, MEMBERS);
        cr_assert_eq(r.accepted, MEMBERS);
        cr_assert_eq(r.full + r.dead, 0);
        cr_assert(r.rounds + r.asking <= 15, "%u rounds and %u of asking", r.rounds, r.asking);
        cr_assert(r.messages <= 5 * MEMBERS, "%u messages", r.messages);
        cr_assert(r.duplicate <= r.messages - MEMBERS);
        drain(rt);
        cr_assert_eq(reading(&heard), i * MEMBERS);
    }
    cr_assert_eq(koken_exit(group), 0);
    drain(rt);
    cr_assert_eq(metrics(rt).alive, MEMBERS);
    stop(rt);
}

Test(gossip, small_groups_and_dead_members)
{
    struct koken *rt = start(1);
    for (unsigned n = 0; n <= 5; n++) {
        koken_ref group;
        struct koken_gossip_report r;
        spawn_members(rt, n);
        if (n > 2) {
            cr_assert_eq(koken_exit(members[1]), 0);
            drain(rt);
        }
        cr_assert_eq(koken_gossip_open(rt, members, n, NULL, &group), 0);
        cr_assert_eq(koken_gossip(rt, group, KOKEN_S(60), &r, news, .value = 1), 0);
        cr_assert_eq(r.reached, n);
        cr_assert_eq(r.dead, n > 2);
        drain(rt);
        cr_assert_eq(reading(&heard), n - r.dead);
    }
    stop(rt);
}

struct talker {
    koken_ref group;
};

static int talk(koken_ctx *ctx, struct talker *self, const void *arg)
{
    const struct talker *given = arg;
    struct koken_gossip_report r;
    (void)self;
    for (int i = 0; i < 10; i++) {
        expect(koken_gossip(ctx, given->group, KOKEN_S(60), &r, tome, .text = "x") == -E2BIG);
        int rc =
            koken_gossip(ctx, given->group, KOKEN_NO_DEADLINE, &r, news, .value = count(&done) + 1);
        expect(rc == 0 && r.reached == 50);
    }
    return 0;
}

KOKEN_FIBER(talker, struct talker, talk);

struct silent {
    uint32_t unused;
};
static int on_silent(koken_ctx *ctx, struct silent *self, const struct news *msg)
{
    (void)ctx;
    (void)self;
    (void)msg;
    (void)count(&heard);
    return 0;
}
KOKEN_AGENT(silent, struct silent, KOKEN_ON(news, on_silent));

Test(gossip, callers_take_turns)
{
    struct koken *rt = start(2);
    struct talker talker;
    reset(&heard);
    reset(&done);
    for (int i = 0; i < 50; i++) {
        members[i] = koken_spawn(rt, silent);
    }
    cr_assert_eq(koken_gossip_open(rt, members, 50, NULL, &talker.group), 0);
    for (int i = 0; i < 6; i++) {
        (void)koken_spawn(rt, talker, .arg = &talker, .arg_size = sizeof talker);
    }
    drain(rt);
    cr_assert_eq(reading(&heard), 6 * 10 * 50);
    check_balance(rt, 0);
    stop(rt);
}

Test(gossip, bad_input_and_a_stop_in_the_middle)
{
    struct koken *rt = start(2);
    koken_ref group;
    struct koken_gossip_report r;
    struct koken_gossip_options o = {.fanout = 17};
    spawn_members(rt, 500);
    cr_assert_eq(koken_gossip_open(rt, members, 500, &o, &group), -EINVAL);
    cr_assert_eq(koken_gossip_open(rt, NULL, 5, NULL, &group), -EINVAL);
    cr_assert_eq(koken_gossip_open(rt, members, 70000, NULL, &group), -E2BIG);
    cr_assert_eq(koken_gossip_open(rt, members, 500, NULL, &group), 0);
    int rc = koken_gossip(rt, group, 1, &r, news, .value = 1);
    cr_assert(rc == -ETIMEDOUT || (rc == 0 && r.reached == 500)); /* time may be short enough */
    cr_assert_eq(rc, r.error);
    cr_assert_eq(koken_gossip(rt, group, KOKEN_S(60), &r, news, .value = 2), 0);
    cr_assert_eq(koken_signal(members[0], news, .value = 3), 0);
    cr_assert_eq(koken_exit(group), 0);
    stop(rt);
}

/* ---- relays that fail ----------------------------------------------------------------------------------- */

enum { FEW = 40 };

static koken_ref relays[FEW];
static unsigned relay_count;

static void note_relay(struct kn_agent *a, void *arg)
{
    const struct koken_agent_type *type = kn_agent_behaviour(a);
    bool is_alive = !(kn_load(&a->mailbox.word, relaxed) & KN_MB_CLOSED);
    (void)arg;
    if (is_alive && type && strcmp(type->name, "relay") == 0 && relay_count < FEW) {
        relays[relay_count++] = kn_agent_ref(a);
    }
}

/* A gossip of a group without so many of its relays: known, not waited for, and the others hear. */
static void gossip_without(struct koken *rt, koken_ref group, uint32_t gone, uint32_t value)
{
    struct koken_gossip_report r;
    int rc = koken_gossip(rt, group, KOKEN_NO_DEADLINE, &r, news, .value = value);
    cr_assert_eq(rc, gone ? -EPROTO : 0);
    cr_assert_eq(r.error, rc);
    cr_assert_eq(r.reached, FEW - gone);
    cr_assert_eq(r.accepted, FEW - gone);
}

Test(gossip, ends_without_a_deadline_when_relays_have_failed)
{
    struct koken *rt = start(2);
    koken_ref group;
    relay_count = 0;
    spawn_members(rt, FEW);
    cr_assert_eq(koken_gossip_open(rt, members, FEW, NULL, &group), 0);
    gossip_without(rt, group, 0, 1);
    drain(rt);
    kn_slots_each(rt, note_relay, NULL);
    cr_assert_eq(relay_count, FEW);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(koken_exit(relays[i * 7]), 0);
        drain(rt);
        gossip_without(rt, group, i + 1, i + 2);
    }
    drain(rt);
    check_balance(rt, 0);
    stop(rt);
}

static int kill_relays(koken_ctx *ctx, struct silent *self, const void *arg)
{
    (void)self, (void)arg;
    for (uint32_t i = 0; i < FEW; i++) {
        expect(koken_exit(relays[i]) == 0);
        expect(koken_sleep(ctx, KOKEN_US(50)) == 0);
    }
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(killer, struct silent, kill_relays);

/* Whenever a relay ends, each gossip has an end, and its counts add up. */
Test(gossip, ends_whenever_relays_fail)
{
    struct koken *rt = start(2);
    koken_ref group;
    struct koken_gossip_report r;
    uint32_t value = 1;
    relay_count = 0;
    reset(&done);
    spawn_members(rt, FEW);
    cr_assert_eq(koken_gossip_open(rt, members, FEW, NULL, &group), 0);
    gossip_without(rt, group, 0, value++);
    drain(rt);
    kn_slots_each(rt, note_relay, NULL);
    cr_assert_eq(relay_count, FEW);
    cr_assert(!koken_is_nobody(koken_spawn(rt, killer)));
    bool is_over = false;
    while (!is_over) { /* ends: the killer has its turns */
        is_over = reading(&done) == 1;
        int rc = koken_gossip(rt, group, KOKEN_NO_DEADLINE, &r, news, .value = value++);
        cr_assert(rc == 0 || rc == -EPROTO, "%s", koken_errname(rc));
        cr_assert_eq(r.error, rc);
        cr_assert_eq(r.reached, r.accepted);
        cr_assert(r.reached <= FEW);
        cr_assert(rc < 0 || r.reached == FEW);
    }
    drain(rt);
    gossip_without(rt, group, FEW, value);
    check_balance(rt, 0);
    stop(rt);
}
