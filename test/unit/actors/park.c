/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves waiting for room: a parked agent occupies no worker and loses nothing (T018), order holds whatever
 * it sends meanwhile, a cycle answers -EDEADLK, it can be stopped, its receiver may die, and two parked
 * neighbours with tiny mailboxes never sleep for ever. (koken_writable: park_writable.c)
 */
#include "actors/agent.h"
#include "test/support/room.h"

#include <koken/fiber.h>

KOKEN_EVENT(tick);

static kn_atomic(uint32_t) exited;

static void clear(void)
{
    reset(&gate);
    reset(&handled);
    reset(&exited);
    for (int i = 0; i < 3; i++) {
        reset(&codes[i]);
    }
}

/* ---- a producer ------------------------------------------------------------------------------------------ */

struct producer {
    koken_ref to;
    uint32_t sent, wanted;
};

/* One message a turn. */
static int on_tick(koken_ctx *ctx, struct producer *self, const struct tick *msg)
{
    (void)msg;
    int rc = koken_signal(self->to, item, .value = self->sent);
    note(rc);
    if (rc == -ESRCH) {
        return rc;
    }
    self->sent += rc == 0;
    return self->sent < self->wanted ? koken_signal(koken_self(ctx), tick) : 0;
}

static int on_begin(koken_ctx *ctx, struct producer *self, const struct begin *msg)
{
    self->to = msg->to;
    self->wanted = msg->count;
    return koken_signal(koken_self(ctx), tick);
}

static void on_producer_exit(koken_ctx *ctx, struct producer *self, int reason)
{
    (void)ctx, (void)reason;
    /* Behind the outbox, and given up with it; or, if nothing waits, refused or accepted. */
    int rc = koken_signal(self->to, item, .value = self->sent);
    expect(rc == 0 || rc == -ESRCH || rc == -EAGAIN || rc == -EDEADLK);
    (void)count(&exited);
}

KOKEN_AGENT(producer, struct producer, KOKEN_ON(begin, on_begin), KOKEN_ON(tick, on_tick),
            KOKEN_EXIT(on_producer_exit));

/* T018: capacity 1, many hand-offs, none lost, on 1, 2 and 4 workers. */
Test(park, hands_over_one_by_one)
{
    static const unsigned workers[3] = {1, 2, 4};
    enum { COUNT = 20000 * SCALE };
    for (int w = 0; w < 3; w++) {
        struct koken *rt = start(workers[w]);
        clear();
        kn_store(&gate, 1, release);
        koken_ref to = koken_spawn(rt, consumer, .capacity = 1, .policy = KOKEN_POLICY_PARK);
        koken_ref from = koken_spawn(rt, producer);
        cr_assert_eq(koken_signal(from, begin, .to = to, .count = COUNT), 0);
        check_balance(rt, 0);
        cr_assert_eq(reading(&handled), COUNT);
        cr_assert_eq(reading(&codes[0]), COUNT, "no send is refused");
        stop(rt);
    }
}

/* Four producers on a mailbox of two: each is served, every message arrives once. */
struct crowd {
    uint32_t next[4];
};

KOKEN_MESSAGE(numbered, {
    uint32_t sender;
    uint32_t value;
});

static int on_numbered(koken_ctx *ctx, struct crowd *self, const struct numbered *msg)
{
    (void)ctx;
    expect(msg->value == self->next[msg->sender]);
    self->next[msg->sender]++;
    (void)count(&handled);
    return 0;
}

KOKEN_AGENT(crowd, struct crowd, KOKEN_ON(numbered, on_numbered));

struct burst {
    koken_ref to;
    uint32_t id, sent, wanted;
};

/* Seven messages a turn: the first that finds no room parks, the others line up behind it. */
static int on_burst(koken_ctx *ctx, struct burst *self, const struct tick *msg)
{
    (void)msg;
    for (int i = 0; i < 7 && self->sent < self->wanted; i++) {
        expect(koken_signal(self->to, numbered, .sender = self->id, .value = self->sent) == 0);
        self->sent++;
    }
    return self->sent < self->wanted ? koken_signal(koken_self(ctx), tick) : 0;
}

KOKEN_AGENT(burst, struct burst, KOKEN_ON(tick, on_burst));

Test(park, many_senders_keep_their_order)
{
    static const unsigned workers[3] = {1, 2, 4};
    enum { COUNT = 5000 * SCALE };
    for (int w = 0; w < 3; w++) {
        struct koken *rt = start(workers[w]);
        clear();
        koken_ref to =
            koken_spawn(rt, crowd, .capacity = 2, .high = 2, .low = 1, .policy = KOKEN_POLICY_PARK);
        for (uint32_t i = 0; i < 4; i++) {
            struct burst arg = {to, i, 0, COUNT};
            koken_ref who = koken_spawn(rt, burst, .arg = &arg);
            cr_assert_eq(koken_signal(who, tick), 0);
        }
        check_balance(rt, 0);
        cr_assert_eq(reading(&handled), 4 * COUNT);
        stop(rt);
    }
}

/* ---- what happens to a parked agent ---------------------------------------------------------------------- */

/* The consumer holds still in its first handler, capacity 1: the producer parks with its second message. */
static koken_ref park_one(struct koken *rt, koken_ref *ret_to)
{
    clear();
    *ret_to = koken_spawn(rt, consumer, .capacity = 1, .policy = KOKEN_POLICY_PARK);
    koken_ref from = koken_spawn(rt, producer);
    cr_assert_eq(koken_signal(from, begin, .to = *ret_to, .count = 1000), 0);
    wait_for(&codes[0], 2);
    return from;
}

/* A parked agent does not occupy its worker: others run there. It can be stopped, its message is given up. */
Test(park, parked_agent_can_be_stopped)
{
    struct koken *rt = start(2);
    koken_ref to, from = park_one(rt, &to);
    koken_ref other = koken_spawn(rt, crowd);
    for (uint32_t i = 0; i < 100; i++) {
        cr_assert_eq(koken_signal(other, numbered, .sender = 0, .value = i), 0);
    }
    wait_for(&handled, 100);
    cr_assert_eq(koken_exit(from), 0);
    wait_for(&exited, 1);
    kn_store(&gate, 1, release);
    check_balance(rt, 0);
    cr_assert_not(koken_alive(from));
    cr_assert_geq(metrics(rt).dead, 1, "what waited in the outbox is a dead letter");
    stop(rt);
}

/* The receiver dies: the parked sender goes on, its message is a dead letter, the next send says -ESRCH. */
Test(park, parked_agent_survives_its_receiver)
{
    struct koken *rt = start(2);
    koken_ref to, from = park_one(rt, &to);
    cr_assert_eq(koken_exit(to), 0);
    kn_store(&gate, 1, release);
    drain(rt);
    cr_assert_not(koken_alive(to));
    cr_assert_not(koken_alive(from), "it failed with -ESRCH from its next send");
    check_balance(rt, 0);
    stop(rt);
}

/* A stop finds agents parked. */
Test(park, stop_ends_parked_agents)
{
    for (int kill = 0; kill < 2; kill++) {
        struct koken *rt = start(2);
        koken_ref to, from = park_one(rt, &to);
        struct koken_stop_report report;
        struct koken_stop_plan plan = {KOKEN_MS(20), kill ? 0 : KOKEN_MS(50), KOKEN_S(20)};
        (void)from;
        kn_store(&gate, 1, release);
        cr_assert_eq(koken_stop_with(rt, &plan, &report), 0);
        assert_nothing_wrong();
    }
}

/* ---- a cycle ------------------------------------------------------------------------------------------------ */

struct peer {
    koken_ref other;
    uint32_t received;
};

static int on_peer_begin(koken_ctx *ctx, struct peer *self, const struct begin *msg)
{
    (void)ctx;
    self->other = msg->to;
    for (uint32_t i = 0; i < 3; i++) {
        note(koken_signal(self->other, item, .value = i));
    }
    return 0;
}

static int on_peer_item(koken_ctx *ctx, struct peer *self, const struct item *msg)
{
    (void)ctx, (void)msg;
    self->received++;
    (void)count(&handled);
    return 0;
}

KOKEN_AGENT(peer, struct peer, KOKEN_ON(begin, on_peer_begin), KOKEN_ON(item, on_peer_item));

struct both {
    koken_ref a, b;
};

/* On the one worker both have their beginning before either runs. */
static int on_both(koken_ctx *ctx, struct both *self, const struct tick *msg)
{
    (void)ctx, (void)msg;
    expect(koken_signal(self->a, begin, .to = self->b) == 0);
    expect(koken_signal(self->b, begin, .to = self->a) == 0);
    return 0;
}

KOKEN_AGENT(starter, struct both, KOKEN_ON(tick, on_both));

/* Two agents fill each other's mailbox of one: whoever would close the cycle is told, nobody hangs. */
Test(park, cycle_is_found)
{
    struct koken *rt = start(1);
    clear();
    koken_ref a = koken_spawn(rt, peer, .capacity = 1, .policy = KOKEN_POLICY_PARK);
    koken_ref b = koken_spawn(rt, peer, .capacity = 1, .policy = KOKEN_POLICY_PARK);
    struct both both = {a, b};
    koken_ref first = koken_spawn(rt, starter, .arg = &both);
    cr_assert_eq(koken_signal(first, tick), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&handled), reading(&codes[0]), "what was accepted was handled");
    /* An agent that sends to itself when it is full: the shortest cycle. */
    clear();
    koken_ref self = koken_spawn(rt, peer, .capacity = 1, .policy = KOKEN_POLICY_PARK);
    cr_assert_eq(koken_signal(self, begin, .to = self), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&codes[2]), 3, "-EDEADLK, the message in its handler still counts");
    stop(rt);
}

/* ---- sends of a parked agent from its system lane -------------------------------------------------------- */

struct chatty {
    koken_ref to;
    uint32_t sent;
    uint32_t answers;
};

/* A consumer that holds still without holding a worker, whose timers could not go off then. */
struct keeper {
    uint32_t next;
};

static int keep(koken_ctx *ctx, struct keeper *self, const void *arg)
{
    struct koken_received msg;
    int rc = 0;
    (void)arg;
    while (rc == 0 && !reading(&gate)) {
        rc = koken_sleep(ctx, KOKEN_US(200));
    }
    while (rc == 0 && (rc = koken_receive(ctx, KOKEN_NO_DEADLINE, &msg)) == 0) {
        if (msg.type == &koken_type_ask) {
            rc = koken_reply(ctx, told, .value = self->next);
            continue;
        }
        expect(((const struct item *)msg.payload)->value == self->next);
        self->next++;
        (void)count(&handled);
    }
    return rc == -ECANCELED ? 0 : rc;
}

KOKEN_FIBER(keeper, struct keeper, keep);

static int on_chatty_tick(koken_ctx *ctx, struct chatty *self, const struct tick *msg)
{
    (void)msg;
    int rc = koken_signal(self->to, item, .value = self->sent);
    if (rc == 0) {
        self->sent++;
    }
    note(rc);
    (void)ctx;
    return 0;
}

static int on_chatty_begin(koken_ctx *ctx, struct chatty *self, const struct begin *msg)
{
    self->to = msg->to;
    for (int i = 0; i < 3; i++) {
        (void)on_chatty_tick(ctx, self, NULL);
    }
    expect(koken_request(ctx, self->to, KOKEN_S(30), ask) > 0); /* behind the others too */
    for (uint32_t i = 0; i < msg->count; i++) {
        koken_timer timer = koken_after(ctx, i * KOKEN_US(50), tick);
        expect(timer.id != 0);
    }
    return 0;
}

static int on_chatty_told(koken_ctx *ctx, struct chatty *self, const struct told *msg)
{
    (void)ctx;
    expect(msg->value ==
           3); /* the request came after three items, and before those of the timers */
    self->answers++;
    (void)count(&exited);
    return 0;
}

KOKEN_AGENT(chatty, struct chatty, KOKEN_ON(begin, on_chatty_begin), KOKEN_ON(tick, on_chatty_tick),
            KOKEN_ON(told, on_chatty_told));

/* Timers go off while their agent is parked, and send: order holds, and nothing is forgotten. */
Test(park, timers_of_a_parked_agent_line_up)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        clear();
        koken_ref to = koken_spawn(rt, keeper, .capacity = 1, .policy = KOKEN_POLICY_PARK);
        koken_ref from = koken_spawn(rt, chatty);
        cr_assert_eq(koken_signal(from, begin, .to = to, .count = 40), 0);
        wait_for(&codes[0], 43);
        kn_store(&gate, 1, release);
        wait_for(&handled, 43); /* a drain does not wait for the sleep of the keeper */
        wait_for(&exited, 1);
        check_balance(rt, 0);
        cr_assert_eq(reading(&handled), 43);
        cr_assert_eq(reading(&exited), 1, "the request was answered");
        stop(rt);
    }
}

/* The outbox is bounded: beyond 64 more messages the sender hears -EAGAIN. */
Test(park, outbox_is_bounded)
{
    struct koken *rt = start(1);
    clear();
    koken_ref to = koken_spawn(rt, keeper, .capacity = 1, .policy = KOKEN_POLICY_PARK);
    koken_ref from = koken_spawn(rt, chatty);
    cr_assert_eq(koken_signal(from, begin, .to = to, .count = 100), 0);
    while (reading(&codes[0]) + reading(&codes[1]) < 103) {
        kn_thread_yield();
    }
    cr_assert_gt(reading(&codes[1]), 0);
    kn_store(&gate, 1, release);
    wait_for(&handled, reading(&codes[0]));
    check_balance(rt, 0);
    cr_assert_eq(reading(&handled), reading(&codes[0]));
    stop(rt);
}

/* ---- tiny mailboxes all around --------------------------------------------------------------------------- */

struct ring {
    koken_ref next;
    uint32_t unused;
};

KOKEN_MESSAGE(link, { koken_ref next; });

static int on_link(koken_ctx *ctx, struct ring *self, const struct link *msg)
{
    (void)ctx;
    self->next = msg->next;
    return 0;
}

static int on_ring_item(koken_ctx *ctx, struct ring *self, const struct item *msg)
{
    (void)ctx;
    (void)count(&handled);
    if (msg->value == 0) {
        return 0;
    }
    int rc = koken_signal(self->next, item, .value = msg->value - 1);
    note(rc);
    return 0; /* a cycle may refuse: the token is gone then, and counted */
}

KOKEN_AGENT(ring, struct ring, KOKEN_ON(link, on_link), KOKEN_ON(item, on_ring_item));

/* Ten tokens run round a ring of mailboxes of two: it always comes to an end, whoever parks on whom. */
Test(park, ring_of_tiny_mailboxes_ends)
{
    static const unsigned workers[3] = {1, 2, 4};
    enum { AGENTS = 8, TOKENS = 10, HOPS = 2000 * SCALE };
    for (int w = 0; w < 3; w++) {
        struct koken *rt = start(workers[w]);
        koken_ref agents[AGENTS];
        clear();
        for (int i = 0; i < AGENTS; i++) {
            agents[i] = koken_spawn(rt, ring, .capacity = 4, .high = 2, .low = 1,
                                    .policy = KOKEN_POLICY_PARK);
        }
        for (int i = 0; i < AGENTS; i++) {
            cr_assert_eq(koken_signal(agents[i], link, .next = agents[(i + 1) % AGENTS]), 0);
        }
        drain(rt);
        for (int i = 0; i < TOKENS; i++) {
            int rc;
            while ((rc = koken_signal(agents[i % AGENTS], item, .value = HOPS)) == -EAGAIN) {
                kn_thread_yield();
            }
            cr_assert_eq(rc, 0);
        }
        check_balance(rt, 0);
        cr_assert_eq(reading(&handled), TOKENS + reading(&codes[0]));
        stop(rt);
    }
}

/* ---- the end ------------------------------------------------------------------------------------------------ */

static void on_last_words(koken_ctx *ctx, struct producer *self, int reason)
{
    (void)ctx;
    (void)reason;
    int rc = koken_signal(self->to, item, .value = 1000);
    expect(rc == -EAGAIN);
    (void)count(&exited);
}

KOKEN_AGENT(leaver, struct producer, KOKEN_ON(begin, on_begin), KOKEN_ON(tick, on_tick),
            KOKEN_EXIT(on_last_words));

/* What an exit hook sends is accepted or refused; it never waits for room in vain. */
Test(park, exit_hooks_do_not_wait_for_room)
{
    for (uint32_t wanted = 0; wanted <= 3; wanted += 3) { /* not parked when it ends, and parked */
        struct koken *rt = start(2);
        clear();
        koken_ref to = koken_spawn(rt, consumer, .capacity = 1, .policy = KOKEN_POLICY_PARK);
        koken_ref from = koken_spawn(rt, leaver);
        cr_assert_eq(koken_signal(to, item, .value = 0), 0);
        while (koken_signal(to, item, .value = 1) == 0) { /* ends: it has taken the first, or not */
            kn_thread_yield();
        }
        cr_assert_eq(koken_signal(from, begin, .to = to, .count = wanted), 0);
        wait_for(&codes[0], 1);
        cr_assert_eq(koken_exit(from), 0);
        wait_for(&exited, 1);
        kn_store(&gate, 1, release);
        check_balance(rt, 0);
        stop(rt);
    }
}

KOKEN_EVENT(last);

/* Sends more than there is room for, and has done its work with that. */
static int say_all(struct producer *self)
{
    for (uint32_t i = 0; i < 3; i++) {
        note(koken_signal(self->to, item, .value = self->wanted + i));
    }
    return KOKEN_STOP;
}

static int on_speak(koken_ctx *ctx, struct producer *self, const struct begin *msg)
{
    self->to = msg->to;
    self->wanted = msg->count;
    return msg->count
               ? say_all(self)
               : (koken_after(ctx, KOKEN_US(1), last).id ? 0 : -ENOMEM); /* later, by a timer */
}

static int on_last(koken_ctx *ctx, struct producer *self, const struct last *msg)
{
    (void)ctx;
    (void)msg;
    self->wanted = 1;
    return say_all(self);
}

static int on_too_late(koken_ctx *ctx, struct producer *self, const struct tick *msg)
{
    (void)ctx;
    (void)self;
    (void)msg;
    expect(false);
    return 0;
}

static void on_left(koken_ctx *ctx, struct producer *self, int reason)
{
    (void)ctx;
    (void)self;
    expect(reason == 0);
    (void)count(&exited);
}

KOKEN_AGENT(speaker, struct producer, KOKEN_ON(begin, on_speak), KOKEN_ON(last, on_last),
            KOKEN_ON(tick, on_too_late), KOKEN_EXIT(on_left));

/* KOKEN_STOP keeps its word: what was accepted arrives first, and nothing more is handled meanwhile. */
Test(park, who_stops_has_said_all)
{
    for (uint32_t first = 0; first <= 1; first++) {
        struct koken *rt = start(2);
        clear();
        koken_ref to = koken_spawn(rt, consumer, .capacity = 1, .policy = KOKEN_POLICY_PARK);
        koken_ref from = koken_spawn(rt, speaker);
        cr_assert_eq(koken_signal(to, item, .value = 0), 0);
        cr_assert_eq(koken_signal(from, begin, .to = to, .count = first), 0);
        wait_for(&codes[0], 3);
        cr_assert_eq(koken_signal(from, tick), 0); /* it has not ended, but handles this no more */
        struct told told;
        cr_assert_eq(koken_await(rt, from, KOKEN_MS(5), &told, ask), -ETIMEDOUT);
        cr_assert_eq(reading(&exited), 0u);
        kn_store(&gate, 1, release);
        wait_for(&exited, 1);
        check_balance(rt, 0);
        cr_assert_eq(reading(&handled), 4u, "%u handled", reading(&handled));
        cr_assert_not(koken_alive(from));
        cr_assert_eq(metrics(rt).failed, 0u);
        stop(rt);
    }
}

/* But it may be told not to wait, and then its messages are dead letters. */
Test(park, who_stops_may_be_hurried)
{
    struct koken *rt = start(2);
    clear();
    koken_ref to = koken_spawn(rt, consumer, .capacity = 1, .policy = KOKEN_POLICY_PARK);
    koken_ref from = koken_spawn(rt, speaker);
    cr_assert_eq(koken_signal(to, item, .value = 0), 0);
    cr_assert_eq(koken_signal(from, begin, .to = to, .count = 1), 0);
    wait_for(&codes[0], 3);
    cr_assert_eq(koken_exit(from), 0);
    wait_for(&exited, 1);
    kn_store(&gate, 1, release);
    check_balance(rt, 0);
    cr_assert_geq(metrics(rt).dead, 2u);
    stop(rt);
}
