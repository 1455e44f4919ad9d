/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quorum: a fiber holds votes among agents that answer at once, and waits for the majority of each.
 * One vote is a collector spawned, five questions, five answers, the verdict and the collector's end.
 * quorum-value: the same, where only equal answers count together. Figure: ns per vote.
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <errno.h>

enum { MEMBERS = 5 };

KOKEN_MESSAGE(qb_ask, { uint64_t value; });
KOKEN_MESSAGE(qb_answer, { uint64_t value; });

static int on_ask(koken_ctx *ctx, struct bench_none *self, const struct qb_ask *msg)
{
    (void)self;
    return koken_reply(ctx, qb_answer, .value = msg->value);
}

KOKEN_AGENT(voter, struct bench_none, KOKEN_ON(qb_ask, on_ask));

struct chair {
    koken_ref members[MEMBERS];
    enum koken_quorum_rule rule;
};

static int chair_body(koken_ctx *ctx, struct chair *unused, const void *arg)
{
    const struct chair *self = arg;
    struct koken_quorum_options options = {.rule = self->rule};
    struct bench_go go;
    uint64_t sum = 0;
    int rc = koken_receive_only(ctx, KOKEN_S(60), bench_go, &go);
    (void)unused;
    if (rc < 0) {
        return rc;
    }
    koken_claim claim = koken_defer(ctx);
    for (uint64_t i = 0; i < go.n; i++) {
        struct koken_quorum *vote = NULL;
        rc = koken_quorum(ctx, self->members, MEMBERS, KOKEN_S(10), &options, &vote, qb_ask,
                          .value = i);
        if (rc < 0) {
            koken_quorum_free(vote);
            return rc;
        }
        sum += koken_quorum_tally(vote).have;
        koken_quorum_free(vote);
    }
    return bench_answer(claim, sum);
}

KOKEN_FIBER(chair, struct chair, chair_body);

int bench_quorum(struct bench_run *run, unsigned arg)
{
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 200000), need = arg ? 4 : 3;
    struct bench_done done;
    struct chair state = {.rule = arg ? KOKEN_QUORUM_BYZANTINE : KOKEN_QUORUM_MAJORITY};
    for (unsigned i = 0; i < MEMBERS; i++) {
        state.members[i] = koken_spawn(rt, voter);
    }
    koken_ref root = koken_spawn(rt, chair, .arg = &state, .arg_size = sizeof state);
    uint64_t start_ns = koken_now();
    rc = bench_ask(run, rt, root, n, KOKEN_NOBODY, &done);
    if (rc == 0) {
        rc = bench_check(run, "votes that reached just what they needed", n * need, done.value);
    }
    if (rc == 0) {
        bench_report(run, arg ? "quorum-value" : "quorum",
                     (double)(done.end_ns - start_ns) / (double)n, "ns/vote");
    }
    return bench_end(run, rt, rc);
}
