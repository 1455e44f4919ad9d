/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves waiting from outside (P9): a thread gets its answer, the receiver's error, its death, or its own
 * deadline, not early, exactly once; late answers harm nobody; many threads wait at once; wrong sizes and
 * wrong callers have their errno.
 */
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
