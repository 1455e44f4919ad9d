/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves what system messages do: they are handled though the user lane is full (and never refused), in the
 * order they came, a stop among them ends what comes after it; what is of no use any more (a cancelled
 * timer, an answer to nobody) is swallowed and counted; they can be stashed like any other message.
 */
#include "test/support/runtime.h"

KOKEN_EVENT(user);
KOKEN_MESSAGE(timed, { uint32_t index; });
KOKEN_EVENT(question);
KOKEN_MESSAGE(answer, { uint32_t value; });
KOKEN_EVENT(release);
KOKEN_MESSAGE(begin, {
    koken_ref to;
    uint32_t mode;
});

static kn_atomic(uint32_t) gate, inside, users, timers, answers, stashed;

static void clear(void)
{
    reset(&gate);
    reset(&inside);
    reset(&users);
    reset(&timers);
    reset(&answers);
    reset(&stashed);
}

struct agent {
    uint32_t next;
    bool is_stashing;
};

/* Arms timers that are due at once, and then holds its turn until the gate opens. */
static int on_begin(koken_ctx *ctx, struct agent *self, const struct begin *msg)
{
    for (uint32_t i = 0; i < 20; i++) {
        koken_timer timer = koken_after(ctx, KOKEN_US(100) + i, timed, .index = i);
        expect(timer.id != 0);
    }
    if (msg->mode == 1) {
        self->is_stashing = true;
    }
    koken_blocking_enter(ctx);
    (void)count(&inside);
    wait_for(&gate, 1);
    koken_blocking_leave(ctx);
    return 0;
}

static int on_user(koken_ctx *ctx, struct agent *self, const struct user *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&users);
    return 0;
}

static int on_timed(koken_ctx *ctx, struct agent *self, const struct timed *msg)
{
    if (self->is_stashing) {
        (void)count(&stashed);
        return koken_stash(ctx);
    }
    expect(msg->index == self->next);
    self->next++;
    (void)count(&timers);
    return 0;
}

static int on_release(koken_ctx *ctx, struct agent *self, const struct release *msg)
{
    (void)msg;
    self->is_stashing = false;
    koken_unstash(ctx);
    return 0;
}

KOKEN_AGENT(agent, struct agent, KOKEN_ON(begin, on_begin), KOKEN_ON(user, on_user),
            KOKEN_ON(timed, on_timed), KOKEN_ON(release, on_release));

/* Timers arrive at a full mailbox, in the order of their deadlines, and before the user messages. */
Test(system, is_not_bound_by_the_user_lane)
{
    struct koken *rt = start(1);
    clear();
    koken_ref who = koken_spawn(rt, agent, .capacity = 5);
    cr_assert_eq(koken_signal(who, begin), 0);
    wait_for(&inside, 1);
    int rc = 0;
    while (rc == 0) { /* ends: it is full */
        rc = koken_signal(who, user);
    }
    cr_assert_eq(rc, -EAGAIN);
    while (metrics(rt).timers_fired < 20) {
        kn_thread_yield();
    }
    kn_store(&gate, 1, release);
    check_balance(rt, 0);
    cr_assert_eq(reading(&timers), 20);
    cr_assert_eq(reading(&users), 3);
    stop(rt);
}

/* Messages of the system lane can be stashed, and come back in their order, before the user messages. */
Test(system, can_be_stashed)
{
    struct koken *rt = start(2);
    clear();
    koken_ref who = koken_spawn(rt, agent);
    cr_assert_eq(koken_signal(who, begin, .mode = 1), 0);
    kn_store(&gate, 1, release);
    wait_for(&stashed, 20);
    drain(rt);
    cr_assert_eq(reading(&timers), 0);
    cr_assert_eq(koken_signal(who, release), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&timers), 20);
    cr_assert_eq(koken_queued(who), 0);
    stop(rt);
}

/* A stop in front of them makes timers dead letters. */
Test(system, stop_ends_the_lane)
{
    struct koken *rt = start(1);
    clear();
    koken_ref who = koken_spawn(rt, agent);
    cr_assert_eq(koken_signal(who, begin), 0);
    wait_for(&inside, 1);
    cr_assert_eq(koken_exit(who), 0);
    cr_assert_eq(koken_exit(who), 0, "twice is fine, it is alive");
    kn_store(&gate, 1, release);
    check_balance(rt, 0);
    cr_assert_not(koken_alive(who));
    cr_assert_geq(metrics(rt).dead, 1);
    stop(rt);
}

/* ---- answers to nobody ------------------------------------------------------------------------------------- */

struct server {
    koken_claim claims[50];
    uint32_t claim_count;
};

static int on_question(koken_ctx *ctx, struct server *self, const struct question *msg)
{
    (void)msg;
    self->claims[self->claim_count++] = koken_defer(ctx);
    return 0;
}

static int on_server_release(koken_ctx *ctx, struct server *self, const struct release *msg)
{
    (void)ctx, (void)msg;
    while (self->claim_count > 0) {
        expect(koken_answer(self->claims[--self->claim_count], answer, .value = 1) == 0);
    }
    return 0;
}

KOKEN_AGENT(server, struct server, KOKEN_ON(question, on_question),
            KOKEN_ON(release, on_server_release));

struct client {
    uint32_t unused;
};

static int on_client_begin(koken_ctx *ctx, struct client *self, const struct begin *msg)
{
    (void)self;
    for (int i = 0; i < 50; i++) {
        expect(koken_request(ctx, msg->to, KOKEN_MS(1), question) > 0);
    }
    return 0;
}

static int on_client_answer(koken_ctx *ctx, struct client *self, const struct answer *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&answers);
    return 0;
}

static int on_client_failed(koken_ctx *ctx, struct client *self, const struct koken_failed *msg)
{
    (void)ctx, (void)self;
    expect(msg->error == -ETIMEDOUT);
    (void)count(&timers);
    return 0;
}

KOKEN_AGENT(client, struct client, KOKEN_ON(begin, on_client_begin),
            KOKEN_ON(answer, on_client_answer), KOKEN_ON(koken_failed, on_client_failed));

/* Late answers are swallowed by the runtime: the handler never sees them, and the sums agree. */
Test(system, swallows_what_nobody_waits_for)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        clear();
        koken_ref to = koken_spawn(rt, server), from = koken_spawn(rt, client);
        cr_assert_eq(koken_signal(from, begin, .to = to), 0);
        wait_for(&timers, 50);
        cr_assert_eq(koken_signal(to, release), 0);
        check_balance(rt, 0);
        cr_assert_eq(reading(&answers), 0);
        cr_assert_eq(reading(&timers), 50);
        cr_assert_eq(koken_exit(from), 0);
        stop(rt);
    }
}

/* ---- an answer that finds its asker at rest, with nothing else in the mailbox: the usual one ---- */

KOKEN_MESSAGE(la_ask, { uint64_t value; });
KOKEN_MESSAGE(la_answer, { uint64_t value; });
KOKEN_MESSAGE(la_go, {
    koken_ref to;
    uint64_t n;
    uint64_t how;
});
KOKEN_EVENT(la_poke);

enum how { AGAIN, ASIDE, STOPS, FAILS };

static kn_atomic(uint32_t) done, poked;

static int on_la_ask(koken_ctx *ctx, char *self, const struct la_ask *msg)
{
    (void)self;
    return koken_reply(ctx, la_answer, .value = msg->value + 1);
}

KOKEN_AGENT(la_echo, char, KOKEN_ON(la_ask, on_la_ask));

struct asker {
    koken_ref to;
    uint64_t n, how, seen;
    bool is_aside;
};

static int ask(koken_ctx *ctx, struct asker *self)
{
    int number = koken_request(ctx, self->to, self->seen % 2 ? KOKEN_S(60) : KOKEN_NO_DEADLINE,
                               la_ask, .value = self->seen);
    expect(number > 0);
    return 0;
}

static int on_la_go(koken_ctx *ctx, struct asker *self, const struct la_go *msg)
{
    *self = (struct asker){.to = msg->to, .n = msg->n, .how = msg->how};
    return ask(ctx, self);
}

static int on_la_answer(koken_ctx *ctx, struct asker *self, const struct la_answer *msg)
{
    if (self->how == ASIDE && self->seen % 3 == 0 && !self->is_aside) {
        expect(koken_request_number(ctx) != 0);
        self->is_aside = true;
        expect(koken_stash(ctx) == 0);
        return koken_signal(koken_self(ctx), la_poke) < 0 ? -EPROTO : 0;
    }
    expect((koken_request_number(ctx) != 0) == !self->is_aside); /* then a message like any other */
    self->is_aside = false;
    expect(msg->value == self->seen + 1);
    if (++self->seen < self->n) {
        return ask(ctx, self);
    }
    (void)count(&done);
    return self->how == STOPS ? KOKEN_STOP : (self->how == FAILS ? -EPERM : 0);
}

static int on_la_poke(koken_ctx *ctx, struct asker *self, const struct la_poke *msg)
{
    (void)self, (void)msg;
    (void)count(&poked);
    koken_unstash(ctx);
    return 0;
}

KOKEN_AGENT(la_asker, struct asker, KOKEN_ON(la_answer, on_la_answer), KOKEN_ON(la_go, on_la_go),
            KOKEN_ON(la_poke, on_la_poke));

/* Each way on one worker and two; afterwards every message has been handled, and who is to end has ended. */
Test(system, an_answer_is_handled_as_any_other)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        for (uint64_t how = AGAIN; how <= FAILS; how++) {
            struct koken *rt = start(workers);
            reset(&done);
            koken_ref to = koken_spawn(rt, la_echo), who = koken_spawn(rt, la_asker);
            cr_assert_eq(koken_signal(who, la_go, .to = to, .n = 300, .how = how), 0);
            wait_for(&done, 1);
            drain(rt);
            cr_assert_eq(koken_alive(who), how < STOPS);
            check_balance(rt, 0);
            stop(rt);
        }
    }
}

/* Pokes wait in the list of a DROP_OLD mailbox while answers come: none is left there. */
Test(system, an_answer_leaves_nothing_in_a_drop_old_mailbox)
{
    struct koken *rt = start(2);
    enum { POKES = 2000 };
    reset(&done);
    reset(&poked);
    koken_ref to = koken_spawn(rt, la_echo);
    koken_ref who = koken_spawn(rt, la_asker, .capacity = 2 * POKES, .high = 2 * POKES, .low = 1,
                                .policy = KOKEN_POLICY_DROP_OLD);
    cr_assert_eq(koken_signal(who, la_go, .to = to, .n = 5000, .how = AGAIN), 0);
    for (int i = 0; i < POKES; i++) {
        cr_assert_eq(koken_signal(who, la_poke), 0);
    }
    wait_for(&done, 1);
    drain(rt);
    cr_assert_eq(reading(&poked), POKES);
    check_balance(rt, 0);
    stop(rt);
}
