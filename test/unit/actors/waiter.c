/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves waiting from outside (P9): a thread gets its answer, the receiver's error, its death, or its own
 * deadline, not early, exactly once; late answers harm nobody; many threads wait at once; wrong sizes and
 * wrong callers have their errno; and where there is no memory for an answer, the request itself is one.
 */
#include "actors/agent.h"
#include "test/support/runtime.h"

KOKEN_MESSAGE(question, { uint32_t value; });
KOKEN_MESSAGE(answer, { uint32_t value; });
KOKEN_MESSAGE(large, { char text[200]; });
KOKEN_EVENT(redeem);

enum { REPLY, SILENT, FAIL, DEFER, END, LARGE };

static kn_atomic(uint32_t) asked, redeemed, checks;

struct server {
    koken_claim claims[32];
    uint32_t claim_count;
    uint32_t how;
};

static int on_question(koken_ctx *ctx, struct server *self, const struct question *msg)
{
    (void)count(&asked);
    switch (self->how) {
    case REPLY: return koken_reply(ctx, answer, .value = msg->value * 2);
    case FAIL: return -EOVERFLOW;
    case END: return KOKEN_STOP;
    case DEFER: self->claims[self->claim_count++ % 32] = koken_defer(ctx); return 0;
    case LARGE: return koken_reply(ctx, large, .text = "too much");
    default: return 0;
    }
}

static int on_redeem(koken_ctx *ctx, struct server *self, const struct redeem *msg)
{
    (void)ctx, (void)msg;
    while (self->claim_count > 0) {
        int rc = koken_answer(self->claims[--self->claim_count], answer, .value = 5);
        expect(rc == 0 || rc == -ESRCH);
        (void)count(&redeemed);
    }
    return 0;
}

KOKEN_AGENT(server, struct server, KOKEN_ON(question, on_question), KOKEN_ON(redeem, on_redeem));

static koken_ref server_that(struct koken *rt, uint32_t how)
{
    struct server state = {.how = how};
    return koken_spawn(rt, server, .arg = &state);
}

/* Each way an await can end. */
Test(waiter, every_end)
{
    static const struct {
        uint32_t how;
        int rc;
    } cases[] = {{REPLY, 0}, {SILENT, -EPROTO}, {FAIL, -EOVERFLOW}, {LARGE, -EPROTO}};
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct answer got = {1};
            koken_ref to = server_that(rt, cases[i].how);
            int rc = koken_await(rt, to, KOKEN_S(60), &got, question, .value = 21);
            cr_assert_eq(rc, cases[i].rc, "case %zu: %s", i, koken_errname(rc));
            cr_assert_eq(got.value, rc == 0 ? 42 : 1);
        }
        koken_ref to = server_that(rt, END);
        struct answer got;
        int rc = koken_await(rt, to, KOKEN_S(60), &got, question, .value = 21);
        cr_assert(rc == -EPROTO || rc == -ESRCH, "%s", koken_errname(rc));
        drain(rt);
        cr_assert_eq(koken_await(rt, to, KOKEN_S(60), &got, question, .value = 21), -ESRCH);
        cr_assert_eq(koken_await(rt, KOKEN_NOBODY, KOKEN_S(60), &got, question, .value = 21),
                     -ESRCH);
        check_balance(rt, 0);
        stop(rt);
    }
}

/* The deadline is not early; the answer that comes later is thrown away; nothing stays behind. */
Test(waiter, deadline_and_late_answer)
{
    struct koken *rt = start(1);
    reset(&redeemed);
    koken_ref to = server_that(rt, DEFER);
    for (int i = 0; i < 20; i++) {
        struct answer got;
        uint64_t before = koken_now();
        cr_assert_eq(koken_await(rt, to, KOKEN_MS(2), &got, question, .value = 1), -ETIMEDOUT);
        cr_assert_geq(koken_now() - before, KOKEN_MS(2));
    }
    struct answer got;
    cr_assert_eq(koken_await(rt, to, 0, &got, question, .value = 1), -ETIMEDOUT);
    drain(rt);
    cr_assert_eq(koken_signal(to, redeem), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&redeemed), 21);
    cr_assert_eq(metrics(rt).alive, 1, "no waiter is left");
    stop(rt);
}

/* Full mailboxes refuse the question; under DROP_NEW it is dropped, and the asker hears of it. */
Test(waiter, full_receivers)
{
    struct koken *rt = start(1);
    struct answer got;
    koken_ref bytes = koken_spawn(rt, server, .capacity_bytes = 2);
    cr_assert_eq(koken_await(rt, bytes, KOKEN_S(60), &got, question, .value = 1), -EAGAIN);
    koken_ref dropping =
        koken_spawn(rt, server, .capacity_bytes = 2, .policy = KOKEN_POLICY_DROP_NEW);
    cr_assert_eq(koken_await(rt, dropping, KOKEN_S(60), &got, question, .value = 1), -EAGAIN);
    check_balance(rt, 0);
    cr_assert_eq(metrics(rt).dropped, 1);
    stop(rt);
}

/* NULL is -EINVAL; a handler agent may not wait. */
static struct koken *own;

static int on_wrong_place(koken_ctx *ctx, struct server *self, const struct redeem *msg)
{
    struct answer got;
    (void)self, (void)msg;
    expect(koken_await(ctx, koken_self(ctx), KOKEN_S(1), &got, question, .value = 1) == -ENOTSUP);
    expect(koken_await(own, koken_self(ctx), KOKEN_S(1), &got, question, .value = 1) == -ENOTSUP);
    (void)count(&checks);
    return 0;
}

KOKEN_AGENT(handler, struct server, KOKEN_ON(redeem, on_wrong_place));

Test(waiter, misuse_is_answered)
{
    struct answer got;
    struct question payload = {1};
    own = start(1);
    reset(&checks);
    koken_ref to = server_that(own, REPLY);
    cr_assert_eq(koken_await((struct koken *)NULL, to, 1, &got, question, .value = 1), -EINVAL);
    cr_assert_eq(koken_await_rt_(own, to, 1, NULL, 4, &koken_type_question, &payload), -EINVAL);
    cr_assert_eq(koken_signal(koken_spawn(own, handler), redeem), 0);
    drain(own);
    cr_assert_eq(reading(&checks), 1);
    stop(own);
}

/* ---- many at once ----------------------------------------------------------------------------------------------- */

struct crowd {
    struct koken *rt;
    koken_ref to;
    uint32_t seed, timeouts, answers;
};

/* Timeouts so short that answer and deadline race. */
static void ask_often(void *arg)
{
    struct crowd *self = arg;
    for (uint32_t i = 0; i < 500 * SCALE; i++) {
        struct answer got = {0};
        uint64_t timeout = i % 3 ? KOKEN_S(60) : KOKEN_US((self->seed + i) % 40);
        int rc = koken_await(self->rt, self->to, timeout, &got, question, .value = i);
        expect(rc == 0 || (rc == -ETIMEDOUT && i % 3 == 0));
        expect(rc != 0 || got.value == i * 2);
        self->answers += rc == 0;
        self->timeouts += rc != 0;
    }
}

/* Four threads, answers that race with deadlines: each await ends once, with its own answer. */
Test(waiter, answers_race_with_deadlines)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        struct kn_thread threads[4] = {{0}};
        struct crowd crowd[4];
        koken_ref to = server_that(rt, REPLY);
        for (uint32_t i = 0; i < 4; i++) {
            crowd[i] = (struct crowd){rt, to, i * 7, 0, 0};
            cr_assert_eq(kn_thread_start(&threads[i], "ask", ask_often, &crowd[i]), 0);
        }
        for (int i = 0; i < 4; i++) {
            kn_thread_join(&threads[i]);
        }
        check_balance(rt, 0);
        cr_assert_eq(metrics(rt).alive, 1);
        stop(rt);
    }
}

/* ---- what else is sent to the asker ---------------------------------------------------------------------- */

static int on_chatty(koken_ctx *ctx, struct server *self, const struct question *msg)
{
    (void)self;
    expect(koken_signal(koken_sender(ctx), redeem) == 0);
    expect(koken_signal(koken_sender(ctx), question, .value = 1) == 0);
    return koken_reply(ctx, answer, .value = msg->value + 1);
}

KOKEN_AGENT(chatty, struct server, KOKEN_ON(question, on_chatty));

/* Only the answer ends a thread's wait: a message to the sender of a request is a dead letter, no more. */
Test(waiter, messages_to_the_asker_do_not_end_its_wait)
{
    struct koken *rt = start(1);
    koken_ref who = koken_spawn(rt, chatty);
    for (uint32_t i = 0; i < 50; i++) {
        struct answer got = {0};
        int rc = koken_await(rt, who, KOKEN_S(60), &got, question, .value = i);
        cr_assert_eq(rc, 0, "%s", koken_errname(rc));
        cr_assert_eq(got.value, i + 1);
    }
    drain(rt);
    cr_assert_eq(metrics(rt).dead, 100);
    cr_assert_eq(koken_stop(rt, KOKEN_S(60)), 0);
    assert_nothing_wrong();
}

/* ---- without memory for an answer ------------------------------------------------------------------------ */

#ifdef KN_DEBUG
KOKEN_MESSAGE(starve, { uint32_t how; });
KOKEN_EVENT(feed);

static struct kn_envelope *hoard;

/* Takes all that the worker's pool has and can get, and lets the next allocation fail, too. */
static void take_all(koken_ctx *ctx)
{
    struct kn_envelope *e;
    kn_alloc_fail_after(0);
    while ((e = kn_envelope_new(&ctx->local->worker->pool, 0)) != NULL) { /* ends: at the failure */
        e->next = hoard;
        hoard = e;
    }
    expect(!kn_alloc_fail_is_armed());
    kn_alloc_fail_after(0);
}

static int on_starve(koken_ctx *ctx, struct server *self, const struct starve *msg)
{
    if (msg->how == DEFER) {
        self->claims[0] = koken_defer(ctx);
        return koken_signal(koken_self(ctx), starve, .how = END);
    }
    take_all(ctx);
    return msg->how == FAIL ? -EOVERFLOW : msg->how == END ? KOKEN_STOP : 0;
}

KOKEN_AGENT(starving, struct server, KOKEN_ON(starve, on_starve));

static int on_poor_init(koken_ctx *ctx, struct server *self, const void *arg)
{
    (void)arg;
    self->how = REPLY;
    take_all(ctx);
    return 0;
}

KOKEN_AGENT(poor, struct server, KOKEN_INIT(on_poor_init), KOKEN_ON(question, on_question));

static int on_feed(koken_ctx *ctx, struct server *self, const struct feed *msg)
{
    (void)self, (void)msg;
    while (hoard) {
        struct kn_envelope *e = hoard;
        hoard = e->next;
        kn_envelope_free(&ctx->local->worker->pool, e);
    }
    return koken_reply(ctx, answer, .value = 1);
}

KOKEN_AGENT(feeder, struct server, KOKEN_ON(feed, on_feed));

static int on_plain_init(koken_ctx *ctx, struct server *self, const void *arg)
{
    (void)ctx, (void)self, (void)arg;
    return 0;
}

KOKEN_AGENT(feeder_init, struct server, KOKEN_INIT(on_plain_init), KOKEN_ON(feed, on_feed));

/* The pool has its blocks again. met: what was armed has been met, so the answer came without memory. */
static void feed_all(struct koken *rt, bool met)
{
    struct answer got;
    cr_assert_eq(kn_alloc_fail_is_armed(), !met);
    kn_alloc_fail_after(UINT64_MAX);
    cr_assert_eq(koken_await(rt, koken_spawn(rt, feeder), KOKEN_S(60), &got, feed), 0);
}

static kn_atomic(uint32_t) fiber_rc;

static int beg(koken_ctx *ctx, struct server *self, const void *arg)
{
    struct answer got;
    (void)self;
    int rc =
        koken_await(ctx, *(const koken_ref *)arg, KOKEN_NO_DEADLINE, &got, starve, .how = SILENT);
    kn_store(&fiber_rc, (uint32_t)-rc, release);
    return 0;
}

KOKEN_FIBER(beggar, struct server, beg);

/* No deadline would end these waits, and no memory is left for an answer: each is told all the same. */
Test(waiter, an_answer_needs_no_memory)
{
    static const struct {
        uint32_t how;
        int rc;
    } cases[] = {{SILENT, -EPROTO}, {FAIL, -EOVERFLOW}, {END, -EPROTO}, {DEFER, -ESRCH}};
    struct koken *rt = start(1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer got;
        koken_ref to = koken_spawn(rt, starving);
        int rc = koken_await(rt, to, KOKEN_NO_DEADLINE, &got, starve, .how = cases[i].how);
        cr_assert_eq(rc, cases[i].rc, "case %zu: %s", i, koken_errname(rc));
        feed_all(rt, cases[i].how != DEFER); /* whose claim has a block of its own */
    }
    koken_ref to = koken_spawn(rt, starving);
    reset(&fiber_rc);
    cr_assert(!koken_is_nobody(koken_spawn(rt, beggar, .arg = &to, .arg_size = sizeof to)));
    drain(rt);
    cr_assert_eq(reading(&fiber_rc), EPROTO);
    feed_all(rt, true);
    struct answer got = {0};
    koken_ref poor = koken_spawn(rt, poor);
    cr_assert(!koken_is_nobody(poor));
    feed_all(rt, true);
    cr_assert_eq(koken_await(rt, poor, KOKEN_S(60), &got, question, .value = 4), 0);
    cr_assert_eq(got.value, 8);
    check_balance(rt, 0);
    stop(rt);
}

/* Each allocation of a spawn from outside fails in turn: an error, and nothing stays behind. */
Test(waiter, a_spawn_without_memory_leaves_nothing)
{
    uint64_t failures = 0;
    for (uint64_t k = 0; k < 100; k++) {
        struct koken *rt = start(1);
        koken_ref ref = KOKEN_NOBODY;
        kn_alloc_fail_after(k);
        int rc = koken_try_spawn(rt, &ref, feeder_init);
        bool is_armed = kn_alloc_fail_is_armed();
        kn_alloc_fail_after(UINT64_MAX);
        cr_assert(rc == 0 || rc == -ENOMEM, "%s", koken_errname(rc));
        drain(rt);
        cr_assert_eq(metrics(rt).alive, rc == 0 ? 1 : 0, "allocation %llu", (unsigned long long)k);
        check_balance(rt, 0);
        stop(rt);
        failures += rc < 0;
        if (is_armed) {
            break;
        }
    }
    cr_assert_gt(failures, 1);
}
#endif
