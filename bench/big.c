/* SPDX-License-Identifier: Apache-2.0 */
/*
 * big: 120 agents; each sends 20 000 pings to others drawn at random, the next one when the pong
 * has come, and reports to a sink when done. Many to many, no locality. Figure: milliseconds.
 */
#include "bench/bench.h"
#include "bench/registry.h"

enum { AGENTS = 120 };

KOKEN_MESSAGE(big_ping, { uint64_t from; });
KOKEN_MESSAGE(big_pong, { uint64_t from; });

struct big {
    koken_ref sink;
    const koken_ref *all; /* outlives the agents: it belongs to the run */
    uint64_t index;
    uint64_t random;
    uint64_t left;
};

static int on_ping(koken_ctx *ctx, struct big *self, const struct big_ping *msg)
{
    (void)ctx;
    return koken_signal(self->all[msg->from], big_pong, .from = self->index);
}

static int on_pong(koken_ctx *ctx, struct big *self, const struct big_pong *msg)
{
    (void)ctx;
    (void)msg;
    if (self->left == 0) {
        return koken_signal(self->sink, bench_tok, .value = 1);
    }
    self->left--;
    uint64_t next = bench_random(&self->random) % AGENTS;
    return koken_signal(self->all[next], big_ping, .from = self->index);
}

KOKEN_AGENT(big, struct big, KOKEN_ON(big_ping, on_ping), KOKEN_ON(big_pong, on_pong));

int bench_big(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    koken_ref all[AGENTS];
    struct bench_done done;
    uint64_t start_ns = koken_now();
    koken_ref sink = bench_spawn_collector(rt);
    for (uint64_t i = 0; i < AGENTS; i++) {
        struct big state = {sink, all, i, i, bench_size(run, 20000)};
        all[i] = koken_spawn(rt, big, .arg = &state);
    }
    for (uint64_t i = 0; rc == 0 && i < AGENTS; i++) {
        rc = koken_signal(all[i], big_pong, .from = i);
    }
    if (rc == 0) {
        rc = bench_ask(run, rt, sink, AGENTS, KOKEN_NOBODY, &done);
    }
    if (rc == 0) {
        rc = bench_check(run, "reports", AGENTS, done.value);
    }
    if (rc == 0) {
        bench_report(run, "big", (double)(done.end_ns - start_ns) / 1e6, "ms");
    }
    return bench_end(run, rt, rc);
}
