/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn: a master makes 1 000 000 agents and sends each one message; each answers a token to the
 * collector and exits. Figure: nanoseconds per agent, until the collector has all tokens.
 *
 * A handler that made a million agents in one turn would starve everybody else on its worker, so
 * the master makes them in slices and sends itself bench_more between. The collector is bounded
 * like any mailbox: an agent whose token is refused waits for room (struct bench_flow) and exits
 * afterwards.
 */
#include "bench/bench.h"
#include "bench/registry.h"

enum { SLICE = 16 }; /* a turn is up to 256 messages, so about 4000 agents are alive at a time */

KOKEN_MESSAGE(spawn_hello, {
    koken_ref collector;
    uint64_t value;
});

static int on_hello(koken_ctx *ctx, struct bench_flow *self, const struct spawn_hello *msg)
{
    self->to = msg->collector;
    int rc = bench_flow_send(ctx, self, 1);
    return rc < 0 ? rc : (self->owed == 0 ? KOKEN_STOP : 0);
}

static int on_writable(koken_ctx *ctx, struct bench_flow *self, const struct koken_writable *msg)
{
    (void)msg;
    int rc = bench_flow_resume(ctx, self, 1);
    return rc < 0 ? rc : (self->owed == 0 ? KOKEN_STOP : 0);
}

KOKEN_AGENT(mayfly, struct bench_flow, KOKEN_ON(spawn_hello, on_hello),
            KOKEN_ON(koken_writable, on_writable));

struct master {
    koken_ref collector;
    uint64_t left;
};

static int on_more(koken_ctx *ctx, struct master *self, const struct bench_more *msg)
{
    (void)msg;
    for (int i = 0; i < SLICE && self->left > 0; i++, self->left--) {
        koken_ref who;
        int rc = koken_try_spawn(ctx, &who, mayfly);
        if (rc == 0) {
            rc = koken_signal(who, spawn_hello, .collector = self->collector, .value = self->left);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return self->left == 0 ? KOKEN_STOP : koken_signal(koken_self(ctx), bench_more);
}

static int on_go(koken_ctx *ctx, struct master *self, const struct bench_go *msg)
{
    self->collector = msg->to;
    self->left = msg->n;
    return on_more(ctx, self, NULL);
}

KOKEN_AGENT(master, struct master, KOKEN_ON(bench_go, on_go), KOKEN_ON(bench_more, on_more));

int bench_spawn(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 1000000);
    struct bench_done done;
    uint64_t start_ns = koken_now();
    rc = bench_ask(run, rt, bench_spawn_collector(rt), n, koken_spawn(rt, master), &done);
    if (rc == 0) {
        rc = bench_check(run, "tokens", n, done.value);
    }
    if (rc == 0) {
        bench_report(run, "spawn", (double)(done.end_ns - start_ns) / (double)n, "ns/actor");
    }
    return bench_end(run, rt, rc);
}
