/* SPDX-License-Identifier: Apache-2.0 */
/* threadring: 503 agents in a ring pass one token 5 000 000 times. Figure: nanoseconds per hop. */
#include "bench/bench.h"
#include "bench/registry.h"

enum { RING_SIZE = 503 };

KOKEN_MESSAGE(ring_next, { koken_ref who; });
KOKEN_MESSAGE(ring_token, { uint64_t left; });

struct link {
    koken_ref next;
    koken_ref root; /* the agent that keeps the claim; told by ring_next's sender */
};

static int on_next(koken_ctx *ctx, struct link *self, const struct ring_next *msg)
{
    self->next = msg->who;
    self->root = koken_sender(ctx);
    return 0;
}

static int on_token(koken_ctx *ctx, struct link *self, const struct ring_token *msg)
{
    (void)ctx;
    if (msg->left == 0) {
        return koken_signal(self->root, bench_tok, .value = koken_now());
    }
    return koken_signal(self->next, ring_token, .left = msg->left - 1);
}

KOKEN_AGENT(link, struct link, KOKEN_ON(ring_next, on_next), KOKEN_ON(ring_token, on_token));

struct maker {
    koken_claim claim;
    uint64_t start_ns;
};

static int on_go(koken_ctx *ctx, struct maker *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    koken_ref first = koken_spawn(ctx, link);
    koken_ref last = first;
    int rc = 0;
    for (int i = 1; rc == 0 && i < RING_SIZE; i++) {
        koken_ref next = koken_spawn(ctx, link);
        rc = koken_signal(last, ring_next, .who = next);
        last = next;
    }
    if (rc == 0) {
        rc = koken_signal(last, ring_next, .who = first);
    }
    if (rc < 0) {
        return rc;
    }
    self->start_ns = koken_now();
    return koken_signal(first, ring_token, .left = msg->n);
}

static int on_end(koken_ctx *ctx, struct maker *self, const struct bench_tok *msg)
{
    (void)ctx;
    return bench_answer(self->claim, msg->value - self->start_ns);
}

KOKEN_AGENT(maker, struct maker, KOKEN_ON(bench_go, on_go), KOKEN_ON(bench_tok, on_end));

int bench_threadring(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t hops = bench_size(run, 5000000);
    struct bench_done done;
    rc = bench_ask(run, rt, koken_spawn(rt, maker), hops, KOKEN_NOBODY, &done);
    if (rc == 0) {
        bench_report(run, "threadring", (double)done.value / (double)hops, "ns/hop");
    }
    return bench_end(run, rt, rc);
}
