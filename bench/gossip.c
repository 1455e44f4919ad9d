/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gossip: a rumour among 1000 agents, from the wish of a fiber to its report, when all have been
 * told. Figures: ns per gossip, and the most rounds that one took, of telling and asking. The
 * members' bound of 1000 messages is not met: each gets one message per gossip.
 * broadcast: one message for each of the same agents by koken_broadcast, in ns per member.
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <errno.h>
#include <stdlib.h>

enum { MEMBERS = 1000 };

KOKEN_MESSAGE(gb_news, { uint64_t value; });

static int on_news(koken_ctx *ctx, struct bench_none *self, const struct gb_news *msg)
{
    (void)ctx;
    (void)self;
    (void)msg;
    return 0;
}

KOKEN_AGENT(listener, struct bench_none, KOKEN_ON(gb_news, on_news));

/* Answers the most rounds; the time of all is what the caller measures. */
static int talker_body(koken_ctx *ctx, struct bench_none *self, const void *arg)
{
    struct bench_go go;
    struct koken_gossip_report report;
    uint64_t rounds = 0;
    int rc = koken_receive_only(ctx, KOKEN_S(60), bench_go, &go);
    (void)self;
    (void)arg;
    if (rc < 0) {
        return rc;
    }
    koken_claim claim = koken_defer(ctx);
    for (uint64_t i = 0; rc == 0 && i < go.n; i++) {
        rc = koken_gossip(ctx, go.to, KOKEN_S(10), &report, gb_news, .value = i);
        if (rc == 0) {
            rc = report.accepted == MEMBERS ? 0 : -EPROTO;
            uint64_t all = (uint64_t)report.rounds + report.asking;
            rounds = all > rounds ? all : rounds;
        }
    }
    return rc < 0 ? rc : bench_answer(claim, rounds);
}

KOKEN_FIBER(talker, struct bench_none, talker_body);

static int gossip(struct bench_run *run, struct koken *rt, const koken_ref *members)
{
    struct koken_gossip_options options = {.seed = bench_seed(run) + 1};
    struct bench_done done;
    koken_ref group, root = koken_spawn(rt, talker);
    uint64_t n = bench_size(run, 500);
    int rc = bench_error(run, "group", koken_gossip_open(rt, members, MEMBERS, &options, &group));
    uint64_t start_ns = koken_now();
    rc = rc < 0 ? rc : bench_ask(run, rt, root, n, group, &done);
    if (rc == 0) {
        bench_report(run, "gossip", (double)(done.end_ns - start_ns) / (double)n, "ns/gossip");
        bench_report(run, "gossip-rounds", (double)done.value, "rounds");
        rc = bench_error(run, "exit", koken_exit(group));
    }
    return rc;
}

static int direct(struct bench_run *run, struct koken *rt, const koken_ref *members)
{
    uint64_t n = bench_size(run, 500), took_ns = 0;
    int rc = 0;
    for (uint64_t i = 0; rc == 0 && i < n; i++) {
        struct koken_broadcast_counts counts;
        uint64_t start_ns = koken_now();
        rc = koken_broadcast(members, MEMBERS, &counts, gb_news, .value = i);
        took_ns += koken_now() - start_ns;
        rc = rc < 0 ? rc : bench_check(run, "accepted", MEMBERS, counts.accepted);
        rc = rc < 0 ? rc : bench_error(run, "drain", koken_drain(rt, KOKEN_S(60)));
    }
    if (rc == 0) {
        bench_report(run, "broadcast", (double)took_ns / (double)(n * MEMBERS), "ns/member");
    }
    return rc;
}

int bench_gossip(struct bench_run *run, unsigned arg)
{
    struct koken *rt;
    koken_ref members[MEMBERS];
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    for (unsigned i = 0; i < MEMBERS; i++) {
        members[i] = koken_spawn(rt, listener);
    }
    rc = arg ? direct(run, rt, members) : gossip(run, rt, members);
    return bench_end(run, rt, rc);
}
