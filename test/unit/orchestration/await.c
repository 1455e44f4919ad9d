/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of awaits of many: what each rule waits for and answers, hedges, retries, deadlines over hops, from
 * fibers, handlers and threads outside; and that nothing is left when one ends in between.
 */
#include "test/support/runtime.h"

#include <koken/await.h>

KOKEN_MESSAGE(question, { uint32_t value; });
KOKEN_MESSAGE(reply_ok, { uint32_t value; });
KOKEN_MESSAGE(reply_odd, { uint32_t value[3]; });
KOKEN_EVENT(go);

/* Answers after delay_ns; fails the first `failures` times; odd: with another type than expected. */
struct server {
    uint64_t delay_ns;
    uint32_t failures;
    uint32_t is_odd, is_mute;
    koken_claim claim;
    uint32_t value;
};

static kn_atomic(uint32_t) asked;

static int on_question(koken_ctx *ctx, struct server *self, const struct question *msg)
{
    (void)count(&asked);
    if (self->failures > 0) {
        self->failures--;
        return 0; /* no answer: -EPROTO for who asked */
    }
    if (self->is_odd) {
        return koken_reply(ctx, reply_odd, .value = {1, 2, 3});
    }
    if (!self->delay_ns && !self->is_mute) {
        return koken_reply(ctx, reply_ok, .value = msg->value + 1);
    }
    self->claim = koken_defer(ctx);
    self->value = msg->value + 1;
    return self->is_mute || koken_after(ctx, self->delay_ns, go).id ? 0 : -ENOMEM;
}

static int on_go(koken_ctx *ctx, struct server *self, const struct go *msg)
{
    (void)ctx;
    (void)msg;
    (void)!koken_answer(self->claim, reply_ok, .value = self->value);
    return 0;
}

KOKEN_AGENT(server, struct server, KOKEN_ON(question, on_question), KOKEN_ON(go, on_go));

static koken_ref serve(struct koken *rt, uint64_t delay_ns, uint32_t failures)
{
    struct server state = {.delay_ns = delay_ns, .failures = failures};
    return koken_spawn(rt, server, .arg = &state);
}

static koken_ref mute(struct koken *rt)
{
    struct server state = {.is_mute = 1};
    return koken_spawn(rt, server, .arg = &state);
}

Test(await, refuses_nonsense)
{
    struct koken *rt = start(1);
    struct reply_ok r;
    struct koken_ask asks[KOKEN_AWAIT_MAX + 1] = {
        KOKEN_ASK(KOKEN_NOBODY, &r, question, .value = 1)};
    struct koken_await_options odd = {.rule = (enum koken_await_rule)9};
    struct koken_await_options old = {.struct_size = 3};
    cr_assert_eq(koken_await_all(rt, asks, 0, 0), -EINVAL);
    cr_assert_eq(koken_await_all(rt, NULL, 1, 0), -EINVAL);
    cr_assert_eq(koken_await_all((struct koken *)NULL, asks, 1, 0), -EINVAL);
    cr_assert_eq(koken_await_all(rt, asks, 2, 0), -EINVAL); /* the second is empty */
    cr_assert_eq(koken_await_all(rt, asks, KOKEN_AWAIT_MAX + 1, 0), -E2BIG);
    cr_assert_eq(koken_await_many(rt, asks, 1, 0, &odd), -EINVAL);
    cr_assert_eq(koken_await_many(rt, asks, 1, 0, &old), -EINVAL);
    cr_assert_eq(koken_request_many(NULL, asks, 1, 0, NULL), -EINVAL);
    cr_assert_eq(koken_answer_error(NULL, 0), -EINVAL);
    cr_assert_eq(koken_time_left(NULL), KOKEN_NO_DEADLINE);
    stop(rt);
}

Test(await, each_rule_waits_for_what_it_says)
{
    struct koken *rt = start(1);
    koken_ref good = serve(rt, 0, 0), slow = serve(rt, KOKEN_MS(3), 0), bad = serve(rt, 0, 99),
              never = mute(rt);
    struct reply_ok a = {0}, b = {0}, c = {0};
    struct koken_ask fine[] = {KOKEN_ASK(good, &a, question, .value = 1),
                               KOKEN_ASK(slow, &b, question, .value = 2)};
    struct koken_ask mixed[] = {KOKEN_ASK(slow, &a, question, .value = 5),
                                KOKEN_ASK(bad, &b, question, .value = 6),
                                KOKEN_ASK(KOKEN_NOBODY, &c, question, .value = 7)};
    cr_assert_eq(koken_await_all(rt, fine, 2, KOKEN_S(10)), 0);
    cr_assert(a.value == 2 && b.value == 3);
    fine[1].to = never; /* who is slow might be first on a machine that pauses */
    cr_assert_eq(koken_await_any(rt, fine, 2, KOKEN_S(10)), 0);
    cr_assert_eq(fine[1].error, -ECANCELED);
    cr_assert_eq(koken_await_race(rt, fine, 2, KOKEN_S(10)), 0);
    int rc = koken_await_all(rt, mixed, 3, KOKEN_S(10));
    cr_assert(rc == -EPROTO || rc == -ESRCH);
    a.value = 0;
    cr_assert_eq(koken_await_settled(rt, mixed, 3, KOKEN_S(10)), 0);
    cr_assert_eq(a.value, 6);
    cr_assert_eq(mixed[0].error, 0);
    cr_assert_eq(mixed[1].error, -EPROTO);
    cr_assert_eq(mixed[2].error, -ESRCH);
    cr_assert_eq(koken_await_any(rt, mixed, 3, KOKEN_S(10)), 0);
    mixed[0].to = never;
    rc = koken_await_race(rt, mixed, 3, KOKEN_S(10));
    cr_assert(rc > 0 && mixed[rc].error < 0);
    rc = koken_await_any(rt, mixed + 1, 2, KOKEN_S(10));
    cr_assert(rc == -EPROTO || rc == -ESRCH);
    drain(rt);
    stop(rt);
}

Test(await, keeps_its_time)
{
    struct koken *rt = start(1);
    struct reply_ok a = {0}, b = {0};
    struct koken_ask asks[] = {KOKEN_ASK(serve(rt, 0, 0), &a, question, .value = 1),
                               KOKEN_ASK(mute(rt), &b, question, .value = 1)};
    uint64_t timeout_ns = KOKEN_MS(2);
    do { /* ends: the one that answers has the time for it, however busy the machine is */
        uint64_t before = koken_now();
        cr_assert_eq(koken_await_all(rt, asks, 2, timeout_ns), -ETIMEDOUT);
        cr_assert(koken_now() - before >= timeout_ns);
        timeout_ns *= 2;
    } while (a.value == 0 && timeout_ns < KOKEN_S(20));
    cr_assert_eq(a.value, 2); /* what has come is written */
    cr_assert_eq(asks[0].error, 0);
    cr_assert_eq(asks[1].error, -ETIMEDOUT);
    cr_assert_eq(koken_await_settled(rt, asks, 2, KOKEN_MS(2)), -ETIMEDOUT);
    struct server odd = {.is_odd = 1};
    asks[1].to = koken_spawn(rt, server, .arg = &odd);
    cr_assert_eq(koken_await_all(rt, asks, 2, KOKEN_S(9)), -EPROTO);
    cr_assert_eq(asks[1].error, -EPROTO);
    stop(rt);
}

Test(await, hedges_and_retries)
{
    struct koken *rt = start(1);
    koken_ref slow = mute(rt), good = serve(rt, 0, 0);
    struct reply_ok a = {0}, b = {0};
    struct koken_ask asks[] = {KOKEN_ASK(slow, &a, question, .value = 1),
                               KOKEN_ASK(good, &b, question, .value = 1)};
    reset(&asked);
    cr_assert_eq(koken_await_hedged(rt, asks, 2, KOKEN_MS(1), KOKEN_S(10)), 1);
    cr_assert_eq(b.value, 2);
    asks[0].to = good;
    reset(&asked);
    cr_assert_eq(koken_await_hedged(rt, asks, 2, KOKEN_S(100), KOKEN_S(10)), 0);
    cr_assert_eq(reading(&asked), 1); /* the second was not needed */
    asks[0].to = KOKEN_NOBODY;
    cr_assert_eq(koken_await_hedged(rt, asks, 2, KOKEN_S(100), KOKEN_S(10)), 1); /* at once */
    reset(&asked);
    asks[0].to = serve(rt, 0, 3);
    uint64_t before = koken_now();
    cr_assert_eq(koken_await_retry(rt, asks, 4, KOKEN_US(400), 0, KOKEN_S(10)), 0);
    cr_assert(koken_now() - before >= KOKEN_US(200 + 400 + 800)); /* half of it may be chance */
    cr_assert_eq(reading(&asked), 4);
    asks[0].to = serve(rt, 0, 3);
    cr_assert_eq(koken_await_retry(rt, asks, 2, KOKEN_US(10), 0, KOKEN_S(10)), -EPROTO);
    asks[0].to = slow;
    reset(&asked);
    cr_assert_eq(koken_await_retry(rt, asks, 3, KOKEN_US(10), KOKEN_MS(1), KOKEN_S(10)),
                 -ETIMEDOUT);
    drain(rt); /* the last one may be on its way still */
    cr_assert_eq(reading(&asked), 3);
    stop(rt);
}

/* ---- fibers, handlers, hops ---- */

struct nothing {
    char nothing;
};

static kn_atomic(uint32_t) done;

static int fiber_body(koken_ctx *ctx, struct nothing *self, const void *arg)
{
    const koken_ref *servers = arg;
    struct reply_ok r[2] = {{0}, {0}};
    struct koken_ask asks[] = {KOKEN_ASK(servers[0], &r[0], question, .value = 3),
                               KOKEN_ASK(servers[1], &r[1], question, .value = 4)};
    (void)self;
    expect(koken_await_all(ctx, asks, 2, KOKEN_S(10)) == 0);
    expect(r[0].value == 4 && r[1].value == 5);
    asks[0].to = koken_self(ctx);
    expect(koken_await_all(ctx, asks, 2, KOKEN_S(10)) == -EDEADLK);
    (void)count(&done);
    asks[0].to = servers[2]; /* mute: it is stopped while it waits */
    return koken_await_all(ctx, asks, 2, KOKEN_NO_DEADLINE);
}

KOKEN_FIBER(caller, struct nothing, fiber_body);

struct client {
    koken_ref servers[3];
    uint32_t number;
};

static int on_start(koken_ctx *ctx, struct client *self, const struct go *msg)
{
    struct reply_ok unused;
    struct koken_ask asks[] = {KOKEN_ASK(self->servers[0], &unused, question, .value = 3),
                               KOKEN_ASK(KOKEN_NOBODY, &unused, question, .value = 4)};
    struct koken_await_options settled = {.rule = KOKEN_AWAIT_SETTLED};
    (void)msg;
    expect(koken_await_all(ctx, asks, 2, 0) == -ENOTSUP);
    int rc = koken_request_many(ctx, asks, 2, KOKEN_S(10), &settled);
    self->number = rc > 0 ? (uint32_t)rc : 0;
    return rc < 0 ? rc : 0;
}

static int on_answers(koken_ctx *ctx, struct client *self, const struct koken_answers *msg)
{
    expect(koken_request_number(ctx) == self->number);
    expect(msg->result == 0);
    const struct reply_ok *first = koken_answer_of(msg, 0, reply_ok);
    expect(first && first->value == 4);
    expect(!koken_answer_of(msg, 0, question));
    expect(!koken_answer_of(msg, 1, reply_ok));
    expect(koken_answer_error(msg, 1) == -ESRCH);
    expect(koken_answer_error(msg, 2) == -EINVAL);
    (void)count(&done);
    return KOKEN_STOP;
}

KOKEN_AGENT(client, struct client, KOKEN_ON(go, on_start), KOKEN_ON(koken_answers, on_answers));

Test(await, serves_fibers_and_handlers)
{
    struct koken *rt = start(2);
    struct client state = {.servers = {serve(rt, 0, 0), serve(rt, KOKEN_MS(1), 0), mute(rt)}};
    reset(&done);
    koken_ref fiber =
        koken_spawn(rt, caller, .arg = state.servers, .arg_size = sizeof state.servers);
    cr_assert_eq(koken_signal(koken_spawn(rt, client, .arg = &state), go), 0);
    wait_for(&done, 2);
    drain(rt);
    cr_assert(koken_alive(fiber));
    cr_assert_eq(koken_exit(fiber), 0);
    drain(rt);
    cr_assert(!koken_alive(fiber));
    stop(rt);
}

static kn_atomic(uint32_t) hopped;
static kn_atomic(uint64_t) least_left; /* ns */

/* Asks the next with the time that is left; the last sees less than the first was given. */
static int hop_body(koken_ctx *ctx, struct nothing *self, const void *arg)
{
    const koken_ref *next = arg;
    struct koken_received got;
    (void)self;
    expect(koken_time_left(ctx) == KOKEN_NO_DEADLINE);
    int rc = koken_receive(ctx, KOKEN_S(60), &got);
    if (rc < 0) {
        return rc;
    }
    (void)count(&hopped);
    uint64_t left = koken_time_left(ctx);
    expect(left <= kn_swap(&least_left, left, acq_rel));
    struct reply_ok r = {0};
    struct koken_ask ask = KOKEN_ASK(*next, &r, question, .value = 1);
    rc = koken_await_all(ctx, &ask, 1, left);
    expect(rc == -ETIMEDOUT);
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(hop, struct nothing, hop_body);

/* Whether the middle was asked before the time was over; what it has left is no more than the first one had. */
static bool hops_in(uint64_t timeout_ns)
{
    struct koken *rt = start(1);
    koken_ref last = mute(rt);
    koken_ref middle = koken_spawn(rt, hop, .arg = &last, .arg_size = sizeof last);
    koken_ref first = koken_spawn(rt, hop, .arg = &middle, .arg_size = sizeof middle);
    struct reply_ok r;
    reset(&done);
    reset(&hopped);
    kn_store(&least_left, timeout_ns, relaxed);
    int rc = koken_await(rt, first, timeout_ns, &r, question, .value = 1);
    cr_assert(rc == -ETIMEDOUT || rc == -EPROTO);
    wait_for(&done, 1);
    drain(rt);
    bool has_hopped = reading(&hopped) == 2;
    if (has_hopped) {
        wait_for(&done, 2); /* it has given up, too */
    }
    stop(rt);
    return has_hopped;
}

Test(await, a_deadline_holds_over_hops)
{
    uint64_t timeout_ns = KOKEN_MS(20);
    while (!hops_in(timeout_ns)) { /* ends: in some time it is asked */
        timeout_ns *= 2;
    }
}
