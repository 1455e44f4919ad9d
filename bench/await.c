/* SPDX-License-Identifier: Apache-2.0 */
/*
 * await: a fiber agent asks a handler agent and waits for the answer, again and again. One round
 * trip is two messages, a suspension and a resumption. await-ext: the same from a thread outside,
 * which has to be put to sleep and woken by the kernel. Figure: ns per round trip.
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

int bench_await(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 500000);
    struct bench_done done;
    koken_ref to = koken_spawn(rt, echo);
    koken_ref root = koken_spawn(rt, asker);
    uint64_t start_ns = koken_now();
    rc = bench_ask(run, rt, root, n, to, &done);
    if (rc == 0) {
        rc = bench_check(run, "last answer", n, done.value);
    }
    if (rc == 0) {
        bench_report(run, "await", (double)(done.end_ns - start_ns) / (double)n, "ns/trip");
    }
    return bench_end(run, rt, rc);
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
