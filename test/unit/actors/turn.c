/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves a turn: what a handler's answer means, messages without a handler, who runs next (T024), that
 * neither a ping-pong in the LIFO slot nor a flood starves others (T025, T026), that no agent ever runs
 * twice at once (T032), that the system lane comes first, and that everyone's messages are handled (T020,
 * T022).
 */
#include "test/support/runtime.h"

KOKEN_EVENT(go);
KOKEN_EVENT(other);
KOKEN_MESSAGE(answer_with, { int32_t rc; });
KOKEN_MESSAGE(order, {
    koken_ref to;
    uint32_t value;
});

static kn_atomic(uint32_t) handled, exits, turns, marks;
static kn_atomic(int32_t) reason_seen;

static void clear(void)
{
    reset(&handled);
    reset(&exits);
    reset(&turns);
    reset(&marks);
    kn_store(&reason_seen, 1, relaxed);
}

/* ---- what a handler answers ----------------------------------------------------------------------------- */

struct simple {
    uint32_t seen;
};

static int on_answer_with(koken_ctx *ctx, struct simple *self, const struct answer_with *msg)
{
    (void)ctx;
    self->seen++;
    (void)count(&handled);
    return msg->rc;
}

static void on_simple_exit(koken_ctx *ctx, struct simple *self, int reason)
{
    (void)ctx, (void)self;
    kn_store(&reason_seen, reason, relaxed);
    (void)count(&exits);
}

KOKEN_AGENT(simple, struct simple, KOKEN_ON(answer_with, on_answer_with),
            KOKEN_EXIT(on_simple_exit));

/* 0 and other positive answers go on, KOKEN_STOP ends well, a negative one ends as failed; the rest of the
 * messages is dead. */
Test(turn, answers_decide)
{
    static const struct {
        int rc, ends, reason, failed;
    } cases[] = {
        {0, 0, 1, 0},          {1, 0, 1, 0},           {KOKEN_PRESSURE, 0, 1, 0}, {12345, 0, 1, 0},
        {KOKEN_STOP, 1, 0, 0}, {-EPERM, 1, -EPERM, 1}, {-EAGAIN, 1, -EAGAIN, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct koken *rt = start(1);
        clear();
        koken_ref who = koken_spawn(rt, simple);
        cr_assert_eq(koken_signal(who, answer_with, .rc = cases[i].rc), 0);
        (void)!koken_signal(who, answer_with, .rc = 0);
        (void)!koken_signal(who, answer_with, .rc = 0);
        check_balance(rt, 0);
        cr_assert_eq(koken_alive(who), !cases[i].ends);
        cr_assert_eq(reading(&exits), (uint32_t)cases[i].ends);
        cr_assert_eq(kn_load(&reason_seen, relaxed), cases[i].reason);
        cr_assert_eq(metrics(rt).failed, (uint64_t)cases[i].failed);
        cr_assert_eq(reading(&handled), cases[i].ends ? 1 : 3);
        stop(rt);
    }
}

/* A message that no row is for is a dead letter, and the agent lives on. */
Test(turn, unknown_messages_are_dead_letters)
{
    struct koken *rt = start(1);
    clear();
    koken_ref who = koken_spawn(rt, simple);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(koken_signal(who, other), 0);
        cr_assert_eq(koken_signal(who, answer_with, .rc = 0), 0);
    }
    check_balance(rt, 0);
    cr_assert_eq(metrics(rt).dead, 100);
    cr_assert_eq(reading(&handled), 100);
    stop(rt);
}

/* ---- any, and a table of many rows ---------------------------------------------------------------------- */

static int on_any(koken_ctx *ctx, struct simple *self, const void *payload)
{
    (void)self;
    expect(payload != NULL);
    expect(koken_message_type(ctx) == &koken_type_go ||
           koken_message_type(ctx) == &koken_type_other);
    (void)count(&marks);
    return 0;
}

KOKEN_AGENT(omnivore, struct simple, KOKEN_ANY(on_any), KOKEN_ON(answer_with, on_answer_with));

/* KOKEN_ANY takes what no other row takes, wherever it stands. */
Test(turn, any_takes_the_rest)
{
    struct koken *rt = start(1);
    clear();
    koken_ref who = koken_spawn(rt, omnivore);
    cr_assert_eq(koken_signal(who, go), 0);
    cr_assert_eq(koken_signal(who, other), 0);
    cr_assert_eq(koken_signal(who, answer_with, .rc = 0), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&marks), 2);
    cr_assert_eq(reading(&handled), 1);
    stop(rt);
}

/* ---- who runs next ------------------------------------------------------------------------------------------ */

struct waker {
    koken_ref many[200];
    koken_ref next;
};

static int on_rank(koken_ctx *ctx, struct simple *self, const struct order *msg)
{
    (void)ctx, (void)self;
    if (msg->value == 1) {
        expect(reading(&turns) == 0); /* before all of the 200 */
    } else {
        (void)count(&turns);
    }
    (void)count(&handled);
    return 0;
}

KOKEN_AGENT(ranked, struct simple, KOKEN_ON(order, on_rank));

static int on_wake_all(koken_ctx *ctx, struct waker *self, const struct go *msg)
{
    (void)ctx, (void)msg;
    for (int i = 0; i < 200; i++) {
        expect(koken_signal(self->many[i], order, .value = 0) == 0);
    }
    return koken_signal(self->next, order, .value = 1);
}

KOKEN_AGENT(waker, struct waker, KOKEN_ON(go, on_wake_all));

/* T024: the agent woken last, from inside a handler, is the next to run, before 200 that queue. */
Test(turn, woken_agent_runs_next)
{
    struct koken *rt = start(1);
    struct waker arg;
    clear();
    for (int i = 0; i < 200; i++) {
        arg.many[i] = koken_spawn(rt, ranked);
    }
    arg.next = koken_spawn(rt, ranked);
    cr_assert_eq(koken_signal(koken_spawn(rt, waker, .arg = &arg), go), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&handled), 201);
    stop(rt);
}

/* ---- fairness ------------------------------------------------------------------------------------------------ */

struct pair {
    koken_ref other;
};

static kn_atomic(uint32_t) is_over;

static int on_pair(koken_ctx *ctx, struct pair *self, const struct order *msg)
{
    (void)ctx;
    (void)count(&turns);
    if (!koken_is_nobody(msg->to)) {
        self->other = msg->to;
    }
    return reading(&is_over) ? 0 : koken_signal(self->other, order, .value = 0);
}

KOKEN_AGENT(pair, struct pair, KOKEN_ON(order, on_pair));

static int on_mark(koken_ctx *ctx, struct simple *self, const struct go *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&marks);
    return 0;
}

KOKEN_AGENT(third, struct simple, KOKEN_ON(go, on_mark));

/* T025: a ping-pong for ever, and a self-sending flood, do not keep a third agent from running, whether it
 * was woken from outside or from inside. */
Test(turn, ping_pong_and_flood_starve_nobody)
{
    static const uint32_t budgets[2] = {0, 4};
    for (int b = 0; b < 2; b++) {
        for (int flood = 0; flood < 2; flood++) {
            struct koken *rt = start_with(1, (struct koken_options){.budget = budgets[b]});
            clear();
            reset(&is_over);
            koken_ref left = koken_spawn(rt, pair);
            koken_ref right = koken_spawn(rt, pair, .arg = &(struct pair){left});
            koken_ref third = koken_spawn(rt, third);
            cr_assert_eq(koken_signal(left, order, .to = flood ? left : right), 0);
            wait_for(&turns, 1000);
            for (uint32_t i = 0; i < 20; i++) {
                cr_assert_eq(koken_signal(third, go), 0);
                wait_for(&marks, i + 1);
            }
            kn_store(&is_over, 1, release);
            check_balance(rt, 0);
            stop(rt);
        }
    }
}

/* ---- one at a time -------------------------------------------------------------------------------------------- */

enum { AGENTS = 20 };

struct alone {
    koken_ref peers[AGENTS];
    kn_atomic(uint32_t) inside; /* by whoever runs it: 0 or 1 */
    uint64_t rng;
    uint32_t left;
};

KOKEN_MESSAGE(peers, { koken_ref refs[AGENTS]; });

static int on_peers(koken_ctx *ctx, struct alone *self, const struct peers *msg)
{
    (void)ctx;
    memcpy(self->peers, msg->refs, sizeof self->peers);
    self->left = 2000 * SCALE;
    return 0;
}

static int on_alone(koken_ctx *ctx, struct alone *self, const struct go *msg)
{
    (void)ctx, (void)msg;
    expect(kn_add(&self->inside, 1, relaxed) == 0); /* relaxed: the runtime orders handlers */
    (void)count(&handled);
    if (self->left > 0) {
        self->left--;
        self->rng = self->rng * 6364136223846793005u + 1442695040888963407u;
        int rc = koken_signal(self->peers[(self->rng >> 33) % AGENTS], go);
        expect(rc == 0 || rc == -EAGAIN);
    }
    expect(kn_sub(&self->inside, 1, relaxed) == 1);
    return 0;
}

KOKEN_AGENT(alone, struct alone, KOKEN_ON(peers, on_peers), KOKEN_ON(go, on_alone));

struct outsider {
    koken_ref *refs;
    uint32_t seed;
};

static void send_around(void *arg)
{
    struct outsider *self = arg;
    for (uint32_t i = 0; i < 2000 * SCALE; i++) {
        self->seed = self->seed * 1103515245u + 12345u;
        int rc = koken_signal(self->refs[(self->seed >> 16) % AGENTS], go);
        expect(rc == 0 || rc == -EAGAIN);
    }
}

/* T032, T022: a mesh of agents that wake each other, and four threads that wake them too, on 1 to 4
 * workers: no agent runs twice at once, and the sums agree. */
Test(turn, no_agent_runs_twice_at_once)
{
    static const unsigned workers[3] = {1, 2, 4};
    for (int w = 0; w < 3; w++) {
        struct koken *rt = start(workers[w]);
        struct peers all;
        struct kn_thread threads[4] = {{0}};
        struct outsider outsiders[4];
        clear();
        for (int i = 0; i < AGENTS; i++) {
            all.refs[i] = koken_spawn(rt, alone);
        }
        for (int i = 0; i < AGENTS; i++) {
            cr_assert_eq(koken_send(all.refs[i], peers, &all), 0);
        }
        for (uint32_t i = 0; i < 4; i++) {
            outsiders[i] = (struct outsider){all.refs, i + 1};
            cr_assert_eq(kn_thread_start(&threads[i], "outside", send_around, &outsiders[i]), 0);
        }
        for (int i = 0; i < 4; i++) {
            kn_thread_join(&threads[i]);
        }
        check_balance(rt, 0);
        struct koken_metrics m = metrics(rt);
        cr_assert_eq(reading(&handled) + AGENTS, m.received);
        stop(rt);
    }
}

/* ---- the system lane ------------------------------------------------------------------------------------------ */

static kn_atomic(uint32_t) gate;

static int on_slow(koken_ctx *ctx, struct simple *self, const struct go *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&turns);
    wait_for(&gate, 1);
    return 0;
}

KOKEN_AGENT(slow, struct simple, KOKEN_ON(go, on_slow));

/* A stop does not wait behind the messages in the mailbox: at most a few are handled before it. */
Test(turn, stop_overtakes_user_messages)
{
    struct koken *rt = start(1);
    clear();
    reset(&gate);
    koken_ref who = koken_spawn(rt, slow);
    for (int i = 0; i < 500; i++) {
        cr_assert_eq(koken_signal(who, go), 0);
    }
    wait_for(&turns, 1);
    cr_assert_eq(koken_exit(who), 0);
    kn_store(&gate, 1, release);
    check_balance(rt, 0);
    cr_assert_leq(reading(&turns), 40);
    cr_assert_geq(metrics(rt).dead, 460);
    stop(rt);
}

/* An agent that asks itself to end in its handler handles a few more at most, and its hook is called. */
static int on_ask_self(koken_ctx *ctx, struct simple *self, const struct go *msg)
{
    (void)self, (void)msg;
    if (count(&turns) == 0) {
        return koken_exit(koken_self(ctx));
    }
    return 0;
}

KOKEN_AGENT(tired, struct simple, KOKEN_ON(go, on_ask_self), KOKEN_EXIT(on_simple_exit));

Test(turn, exit_from_its_own_handler)
{
    struct koken *rt = start(1);
    clear();
    koken_ref who = koken_spawn(rt, tired);
    for (int i = 0; i < 500; i++) {
        int rc = koken_signal(who, go);
        cr_assert(rc == 0 || rc == -ESRCH);
    }
    check_balance(rt, 0);
    cr_assert_not(koken_alive(who));
    cr_assert_eq(reading(&exits), 1);
    cr_assert_eq(kn_load(&reason_seen, relaxed), 0);
    stop(rt);
}

/* ---- blocking sections ---------------------------------------------------------------------------------------- */

static int on_block(koken_ctx *ctx, struct simple *self, const struct go *msg)
{
    (void)self, (void)msg;
    koken_ref me = koken_self(ctx);
    koken_blocking_enter(ctx);
    (void)count(&marks);
    wait_for(&gate, 1);
    koken_blocking_leave(ctx);
    expect(koken_ref_equal(koken_self(ctx), me));
    expect(koken_message_type(ctx) == &koken_type_go);
    return koken_signal(me, answer_with, .rc = 0);
}

KOKEN_AGENT(blocker, struct simple, KOKEN_ON(go, on_block), KOKEN_ON(answer_with, on_answer_with));

/* T034: both workers' agents block; a hundred others run meanwhile; afterwards the blockers go on. */
Test(turn, blocking_sections_hand_over)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        clear();
        reset(&gate);
        for (int i = 0; i < 2; i++) {
            cr_assert_eq(koken_signal(koken_spawn(rt, blocker), go), 0);
        }
        wait_for(&marks, 2);
        for (int i = 0; i < 100; i++) {
            cr_assert_eq(koken_signal(koken_spawn(rt, simple), answer_with, .rc = KOKEN_STOP), 0);
        }
        wait_for(&exits, 100);
        kn_store(&gate, 1, release);
        check_balance(rt, 0);
        cr_assert_eq(reading(&handled), 102);
        stop(rt);
    }
}

/* ---- messages without a handler ------------------------------------------------------------------------------- */

/* A message that comes back when it is given up, until somebody else has run, or much too often. */
struct stubborn {
    koken_ref to;
};

static void come_back(void *payload);

static const struct koken_type stubborn_type = {
    "stubborn", sizeof(struct stubborn), _Alignof(struct stubborn), NULL, 0, 0, come_back};

static void come_back(void *payload)
{
    struct stubborn *stubborn = payload;
    if (reading(&exits) == 0 && count(&marks) < 100000) {
        expect(koken_signal_(stubborn->to, &stubborn_type, stubborn) == 0);
    }
}

/* A flood of messages that nobody has a handler for spends the budget like any other. */
Test(turn, floods_of_the_unknown_yield)
{
    static const enum koken_policy policies[] = {KOKEN_POLICY_DROP_OLD, KOKEN_POLICY_REJECT,
                                                 KOKEN_POLICY_GROW};
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        struct koken *rt = start(1);
        clear();
        struct stubborn first = {koken_spawn(rt, simple, .policy = policies[i])};
        koken_ref waits = koken_spawn(rt, simple);
        cr_assert_eq(koken_signal_(first.to, &stubborn_type, &first), 0);
        wait_for(&marks, 1);
        cr_assert_eq(koken_signal(waits, answer_with, .rc = KOKEN_STOP), 0);
        check_balance(rt, 0);
        cr_assert_eq(reading(&exits), 1);
        cr_assert_lt(reading(&marks), 100000, "policy %d", (int)policies[i]);
        stop(rt);
    }
}
