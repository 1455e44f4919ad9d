/* SPDX-License-Identifier: Apache-2.0 */
/*
 * await: a fiber agent asks a handler agent and waits for the answer, again and again. One round
 * trip is two messages, a suspension and a resumption. await-ext: the same from a thread outside,
 * which has to be put to sleep and woken by the kernel. request: the same from a handler agent, to
 * whom the answer comes as a message, with a deadline. Figure: ns per round trip.
 */
#include "bench/bench.h"
#include "bench/registry.h"

KOKEN_MESSAGE(aw_ask, { uint64_t value; });
KOKEN_MESSAGE(aw_answer, { uint64_t value; });

static int on_ask(koken_ctx *ctx, struct bench_none *self, const struct aw_ask *msg)
{
    (void)self;
    return koken_reply(ctx, aw_answer, .value = msg->value + 1);
}

KOKEN_AGENT(echo, struct bench_none, KOKEN_ON(aw_ask, on_ask));

static int asker_body(koken_ctx *ctx, struct bench_none *self, const void *arg)
{
    (void)self;
    (void)arg;
    struct bench_go go;
    int rc = koken_receive_only(ctx, KOKEN_S(60), bench_go, &go);
    if (rc < 0) {
        return rc;
    }
    koken_claim claim = koken_defer(ctx);
    struct aw_answer answer = {0};
    for (uint64_t i = 0; i < go.n; i++) {
        rc = koken_await(ctx, go.to, KOKEN_S(10), &answer, aw_ask, .value = answer.value);
        if (rc < 0) {
            return rc;
        }
    }
    return bench_answer(claim, answer.value);
}

KOKEN_FIBER(asker, struct bench_none, asker_body);

struct client {
    koken_claim claim;
    koken_ref to;
    uint64_t n, done;
};

/* Asks once more, or answers who wanted to know. */
static int client_next(koken_ctx *ctx, struct client *self)
{
    if (self->done == self->n) {
        return bench_answer(self->claim, self->done);
    }
    int number = koken_request(ctx, self->to, KOKEN_S(10), aw_ask, .value = self->done);
    return number < 0 ? number : 0;
}

static int client_on_go(koken_ctx *ctx, struct client *self, const struct bench_go *msg)
{
    *self = (struct client){.claim = koken_defer(ctx), .to = msg->to, .n = msg->n};
    return client_next(ctx, self);
}

static int client_on_answer(koken_ctx *ctx, struct client *self, const struct aw_answer *msg)
{
    self->done = msg->value;
    return client_next(ctx, self);
}

static int client_on_failed(koken_ctx *ctx, struct client *self, const struct koken_failed *msg)
{
    (void)ctx;
    (void)self;
    return msg->error;
}

KOKEN_AGENT(client, struct client, KOKEN_ON(bench_go, client_on_go),
            KOKEN_ON(aw_answer, client_on_answer), KOKEN_ON(koken_failed, client_on_failed));

/* What root needs for one round trip of many, whoever it is. */
static int round_trips(struct bench_run *run, struct koken *rt, koken_ref root, const char *name,
                       uint64_t start_ns)
{
    uint64_t n = bench_size(run, 500000);
    struct bench_done done;
    int rc = bench_ask(run, rt, root, n, koken_spawn(rt, echo), &done);
    rc = rc < 0 ? rc : bench_check(run, "last answer", n, done.value);
    if (rc == 0) {
        bench_report(run, name, (double)(done.end_ns - start_ns) / (double)n, "ns/trip");
    }
    return bench_end(run, rt, rc);
}

int bench_await(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t start_ns = koken_now();
    return round_trips(run, rt, koken_spawn(rt, asker), "await", start_ns);
}

int bench_request(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t start_ns = koken_now();
    return round_trips(run, rt, koken_spawn(rt, client), "request", start_ns);
}

int bench_await_ext(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 20000);
    struct aw_answer answer = {0};
    koken_ref to = koken_spawn(rt, echo);
    uint64_t start_ns = koken_now();
    for (uint64_t i = 0; rc == 0 && i < n; i++) {
        rc = koken_await(rt, to, KOKEN_S(10), &answer, aw_ask, .value = answer.value);
    }
    uint64_t end_ns = koken_now();
    rc = bench_error(run, "await", rc);
    if (rc == 0) {
        rc = bench_check(run, "last answer", n, answer.value);
    }
    if (rc == 0) {
        bench_report(run, "await-ext", (double)(end_ns - start_ns) / (double)n, "ns/trip");
    }
    return bench_end(run, rt, rc);
}
