/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves requests: each is completed exactly once, by its answer, by koken_failed with the reason, or by
 * its deadline; late and double answers are refused or thrown away; promises are kept, or broken loudly
 * when their agent ends; across runtimes too.
 */
#include "test/support/runtime.h"

KOKEN_MESSAGE(question, { uint32_t value; });
KOKEN_MESSAGE(answer, { uint32_t value; });
KOKEN_MESSAGE(plan, {
    koken_ref to;
    uint32_t how; /* what the server does, and then what the client expects */
    uint32_t count;
});
KOKEN_EVENT(redeem);

enum how { REPLY, SILENT, FAIL, DEFER, TWICE, END, UNKNOWN, HOW_COUNT };

static kn_atomic(uint32_t) answers, failures, late, redeemed;
static kn_atomic(int32_t) last_error;

static void clear(void)
{
    reset(&answers);
    reset(&failures);
    reset(&late);
    reset(&redeemed);
    kn_store(&last_error, 0, relaxed);
}

/* ---- server ------------------------------------------------------------------------------------------------- */

enum { CLAIMS = 64 };

struct server {
    koken_claim claims[CLAIMS];
    uint32_t claim_count;
    uint32_t how;
};

static int on_question(koken_ctx *ctx, struct server *self, const struct question *msg)
{
    switch ((enum how)self->how) {
    case REPLY: return koken_reply(ctx, answer, .value = msg->value + 1);
    case TWICE:
        expect(koken_reply(ctx, answer, .value = msg->value + 1) == 0);
        expect(koken_reply(ctx, answer, .value = 0) == -EINVAL);
        expect(koken_defer(ctx).number == 0);
        return 0;
    case FAIL: return -EPERM;
    case END: return KOKEN_STOP;
    case DEFER: {
        koken_claim claim = koken_defer(ctx);
        expect(claim.number != 0);
        expect(koken_defer(ctx).number == 0); /* it is out of the message now */
        expect(koken_reply(ctx, answer, .value = 0) == -EINVAL);
        self->claims[self->claim_count++ % CLAIMS] = claim;
        return 0;
    }
    case SILENT:
    case UNKNOWN:
    case HOW_COUNT:
    default: return 0;
    }
}

static int on_server_plan(koken_ctx *ctx, struct server *self, const struct plan *msg)
{
    (void)ctx;
    self->how = msg->how;
    return 0;
}

/* Redeems all claims, newest first, each once. */
static int on_redeem(koken_ctx *ctx, struct server *self, const struct redeem *msg)
{
    (void)ctx, (void)msg;
    while (self->claim_count > 0) {
        koken_claim claim = self->claims[--self->claim_count];
        int rc = koken_answer(claim, answer, .value = 7);
        expect(rc == 0 || rc == -ESRCH);
        expect(koken_answer(claim, answer, .value = 8) == -EINVAL);
        (void)count(&redeemed);
    }
    koken_claim none = {{0}, 0};
    expect(koken_answer(none, answer, .value = 1) == -EINVAL);
    return 0;
}

KOKEN_AGENT(server, struct server, KOKEN_ON(question, on_question), KOKEN_ON(plan, on_server_plan),
            KOKEN_ON(redeem, on_redeem));

/* ---- client ------------------------------------------------------------------------------------------------- */

struct client {
    uint32_t numbers[256];
    uint32_t asked, done;
};

KOKEN_MESSAGE(inquire, {
    koken_ref to;
    uint32_t count;
    uint32_t expected; /* error of koken_request itself, negated */
    uint64_t timeout;
});

static int on_inquire(koken_ctx *ctx, struct client *self, const struct inquire *msg)
{
    for (uint32_t i = 0; i < msg->count; i++) {
        int rc = koken_request(ctx, msg->to, msg->timeout, question, .value = i);
        if (msg->expected) {
            expect(rc == -(int)msg->expected);
            continue;
        }
        expect(rc > 0);
        self->numbers[self->asked++ % 256] = (uint32_t)rc;
    }
    return 0;
}

/* The number names a request that is under way; it is then done. */
static void finish(koken_ctx *ctx, struct client *self)
{
    uint32_t number = koken_request_number(ctx);
    for (uint32_t i = 0; i < 256; i++) {
        if (number != 0 && self->numbers[i] == number) {
            self->numbers[i] = 0;
            return;
        }
    }
    expect(number == UINT32_MAX); /* it is not under way */
}

static int on_answer(koken_ctx *ctx, struct client *self, const struct answer *msg)
{
    if (msg->value == 0) {
        (void)count(&late); /* a second answer */
        return 0;
    }
    finish(ctx, self);
    (void)count(&answers);
    return 0;
}

static int on_failed(koken_ctx *ctx, struct client *self, const struct koken_failed *msg)
{
    expect(msg->request == koken_request_number(ctx));
    finish(ctx, self);
    kn_store(&last_error, msg->error, relaxed);
    (void)count(&failures);
    return 0;
}

KOKEN_AGENT(client, struct client, KOKEN_ON(inquire, on_inquire), KOKEN_ON(answer, on_answer),
            KOKEN_ON(koken_failed, on_failed));

static koken_ref server_that(struct koken *rt, uint32_t how)
{
    struct server state = {.how = how};
    return koken_spawn(rt, server, .arg = &state);
}

/* Every end that a request can have: the answer, or the reason why none comes, at once. */
Test(request, ends_exactly_once)
{
    static const struct {
        uint32_t how, answers, failures;
        int error;
    } cases[] = {
        {REPLY, 50, 0, 0},          {TWICE, 50, 0, 0}, {SILENT, 0, 50, -EPROTO},
        {FAIL, 0, 50, 0 /* two */}, {END, 0, 50, 0},
    };
    for (unsigned workers = 1; workers <= 2; workers++) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct koken *rt = start(workers);
            clear();
            koken_ref to = server_that(rt, cases[i].how), from = koken_spawn(rt, client);
            cr_assert_eq(koken_signal(from, inquire, .to = to, .count = 50, .timeout = KOKEN_S(60)),
                         0);
            check_balance(rt, 0);
            cr_assert_eq(reading(&answers), cases[i].answers, "case %zu", i);
            cr_assert_eq(reading(&failures), cases[i].failures, "case %zu", i);
            if (cases[i].error) {
                cr_assert_eq(kn_load(&last_error, relaxed), cases[i].error);
            }
            cr_assert_eq(reading(&late), 0);
            stop(rt);
        }
    }
}

/* The first request hears the code that the server failed with, the others that it is gone. */
Test(request, failure_names_its_reason)
{
    struct koken *rt = start(1);
    clear();
    koken_ref to = server_that(rt, FAIL), from = koken_spawn(rt, client);
    cr_assert_eq(koken_signal(from, inquire, .to = to, .count = 1, .timeout = KOKEN_S(60)), 0);
    check_balance(rt, 0);
    cr_assert_eq(kn_load(&last_error, relaxed), -EPERM);
    cr_assert_eq(metrics(rt).failed, 1);
    cr_assert_eq(koken_signal(from, inquire, .to = to, .count = 1, .expected = ESRCH), 0);
    check_balance(rt, 0);
    /* Nobody handles the type: -ENOTSUP at once. */
    koken_ref other = koken_spawn(rt, client);
    clear();
    cr_assert_eq(koken_signal(from, inquire, .to = other, .count = 1, .timeout = KOKEN_S(60)), 0);
    check_balance(rt, 0);
    cr_assert_eq(kn_load(&last_error, relaxed), -ENOTSUP);
    stop(rt);
}

/* A deadline comes not early, once, and the answer that comes after it is thrown away. */
Test(request, deadline_and_late_answer)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        clear();
        koken_ref to = server_that(rt, DEFER), from = koken_spawn(rt, client);
        uint64_t before = koken_now();
        cr_assert_eq(koken_signal(from, inquire, .to = to, .count = 20, .timeout = KOKEN_MS(5)), 0);
        wait_for(&failures, 20);
        cr_assert_geq(koken_now() - before, KOKEN_MS(5));
        cr_assert_eq(kn_load(&last_error, relaxed), -ETIMEDOUT);
        cr_assert_eq(koken_signal(to, redeem), 0);
        check_balance(rt, 0);
        cr_assert_eq(reading(&redeemed), 20);
        cr_assert_eq(reading(&answers), 0);
        cr_assert_eq(reading(&failures), 20);
        stop(rt);
    }
}

/* A promise is kept from another handler, in any order; without a deadline too. */
Test(request, claims_are_redeemed_once)
{
    struct koken *rt = start(2);
    clear();
    koken_ref to = server_that(rt, DEFER), from = koken_spawn(rt, client);
    cr_assert_eq(koken_signal(from, inquire, .to = to, .count = 30, .timeout = KOKEN_NO_DEADLINE),
                 0);
    drain(rt);
    cr_assert_eq(reading(&answers), 0);
    cr_assert_eq(koken_signal(to, redeem), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&answers), 30);
    stop(rt);
}

/* The promiser ends: every claim hears -ESRCH. The asker ends: the promiser's answers hear it. */
Test(request, claims_end_with_either_side)
{
    struct koken *rt = start(2);
    clear();
    koken_ref to = server_that(rt, DEFER), from = koken_spawn(rt, client);
    cr_assert_eq(koken_signal(from, inquire, .to = to, .count = 10, .timeout = KOKEN_S(60)), 0);
    drain(rt);
    cr_assert_eq(koken_exit(to), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&failures), 10);
    cr_assert_eq(kn_load(&last_error, relaxed), -ESRCH);
    to = server_that(rt, DEFER);
    cr_assert_eq(koken_signal(from, inquire, .to = to, .count = 10, .timeout = KOKEN_S(60)), 0);
    drain(rt);
    cr_assert_eq(koken_exit(from), 0);
    drain(rt);
    cr_assert_eq(koken_signal(to, redeem), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&redeemed), 10);
    stop(rt);
}

/* A stop with requests, claims and deadlines under way leaves nothing behind. */
Test(request, stop_with_requests_under_way)
{
    struct koken *rt = start(2);
    clear();
    koken_ref to = server_that(rt, DEFER), from = koken_spawn(rt, client);
    cr_assert_eq(koken_signal(from, inquire, .to = to, .count = 50, .timeout = KOKEN_S(60)), 0);
    drain(rt);
    stop(rt);
}

/* Client and server in two runtimes: the same ends, and each runtime balances. */
Test(request, crosses_runtimes)
{
    struct koken *rt = start(1), *other = NULL;
    cr_assert_eq(koken_start(&(struct koken_options){.workers = 1}, &other), 0);
    for (uint32_t how = REPLY; how <= SILENT; how++) {
        clear();
        koken_ref to = server_that(other, how), from = koken_spawn(rt, client);
        cr_assert_eq(koken_signal(from, inquire, .to = to, .count = 40, .timeout = KOKEN_S(60)), 0);
        wait_for(how == REPLY ? &answers : &failures, 40);
        check_balance(rt, 0);
        check_balance(other, 0);
    }
    cr_assert_eq(koken_stop(other, KOKEN_S(10)), 0);
    stop(rt);
}

/* A full server refuses the request itself, and nothing of it stays under way. */
Test(request, refusal_leaves_nothing_behind)
{
    struct koken *rt = start(1);
    clear();
    koken_ref from = koken_spawn(rt, client), to = koken_spawn(rt, server, .capacity = 1);
    struct inquire both = {.to = to, .count = 1, .timeout = KOKEN_S(60)};
    cr_assert_eq(koken_send(from, inquire, &both), 0);
    drain(rt);
    clear();
    /* To itself: the first takes the only place while its own handler runs. */
    koken_ref tight = koken_spawn(rt, client, .capacity = 1);
    struct inquire self = {.to = tight, .count = 5, .expected = EAGAIN};
    cr_assert_eq(koken_send(tight, inquire, &self), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&failures), 0);
    stop(rt);
}

/* ---- an ask chain --------------------------------------------------------------------------------------- */

struct chain {
    koken_ref next;
    koken_claim claim;
    uint32_t value;
};

static int on_chain(koken_ctx *ctx, struct chain *self, const struct question *msg)
{
    if (koken_is_nobody(self->next)) {
        return koken_reply(ctx, answer, .value = msg->value + 1);
    }
    self->claim = koken_defer(ctx);
    return koken_request(ctx, self->next, KOKEN_S(60), question, .value = msg->value + 1) > 0
               ? 0
               : -EPROTO;
}

static int on_chain_answer(koken_ctx *ctx, struct chain *self, const struct answer *msg)
{
    (void)ctx;
    return koken_answer(self->claim, answer, .value = msg->value + 1);
}

KOKEN_AGENT(chain, struct chain, KOKEN_ON(question, on_chain), KOKEN_ON(answer, on_chain_answer));

/* A hundred agents ask each other in a row; the thread gets the sum of the way there and back. */
Test(request, chain_of_asks_comes_back)
{
    static const unsigned workers[3] = {1, 2, 4};
    for (int w = 0; w < 3; w++) {
        struct koken *rt = start(workers[w]);
        koken_ref first = KOKEN_NOBODY;
        for (int i = 0; i < 100; i++) {
            struct chain state = {.next = first};
            first = koken_spawn(rt, chain, .arg = &state);
        }
        for (int i = 0; i < 20 * SCALE; i++) {
            struct answer got;
            cr_assert_eq(koken_await(rt, first, KOKEN_S(60), &got, question, .value = 0), 0);
            cr_assert_eq(got.value, 199);
        }
        check_balance(rt, 0);
        stop(rt);
    }
}

/* ---- who waits still ------------------------------------------------------------------------------------------ */

KOKEN_EVENT(look);

/* A question with a deadline that has passed, one with another, one without. */
static int on_look(koken_ctx *ctx, struct server *self, const struct look *msg)
{
    (void)ctx;
    (void)msg;
    for (uint32_t i = 0; i < self->claim_count; i++) {
        koken_claim claim = self->claims[i], forged = {claim.who, claim.number + 100};
        expect(!koken_is_awaited(forged));
        if (koken_is_awaited(claim)) {
            (void)count(&redeemed);
            expect(koken_is_awaited(claim));
            expect(koken_answer(claim, answer, .value = 7) == 0);
        } else {
            (void)count(&late);
        }
        expect(!koken_is_awaited(claim));
        expect(koken_answer(claim, answer, .value = 8) == -EINVAL);
    }
    self->claim_count = 0;
    expect(!koken_is_awaited((koken_claim){{0}, 0}));
    return 0;
}

KOKEN_AGENT(looker, struct server, KOKEN_ON(question, on_question), KOKEN_ON(look, on_look));

/* The server knows who has given up, by deadline or death, and who has not; so it wastes nothing. */
Test(request, the_server_knows_who_waits)
{
    for (int stamping = 0; stamping < 2; stamping++) {
        struct koken *rt = start_with(2, (struct koken_options){.stamp_messages = stamping});
        clear();
        struct server state = {.how = DEFER};
        koken_ref to = koken_spawn(rt, looker, .arg = &state);
        koken_ref alive = koken_spawn(rt, client), mortal = koken_spawn(rt, client);
        struct answer unused;
        cr_assert_eq(koken_signal(alive, inquire, .to = to, .count = 3, .timeout = KOKEN_MS(1)), 0);
        wait_for(&failures, 3); /* they have timed out, and know it */
        cr_assert_eq(koken_await(rt, to, KOKEN_MS(1), &unused, question), -ETIMEDOUT);
        cr_assert_eq(koken_signal(mortal, inquire, .to = to, .count = 5, .timeout = KOKEN_S(60)),
                     0);
        drain(rt);
        cr_assert_eq(koken_exit(mortal), 0);
        cr_assert_eq(
            koken_signal(alive, inquire, .to = to, .count = 4, .timeout = KOKEN_NO_DEADLINE), 0);
        cr_assert_eq(koken_signal(alive, inquire, .to = to, .count = 6, .timeout = KOKEN_S(60)), 0);
        drain(rt);
        cr_assert_eq(koken_signal(to, look), 0);
        drain(rt);
        cr_assert_eq(reading(&redeemed), 10u);
        cr_assert_eq(reading(&answers), 10u);
        cr_assert_eq(reading(&late), 3u + 1u + 5u);
        stop(rt);
    }
}
