/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fiber: two fiber agents on one worker yield to each other. A switch here is what a user pays: out
 * of the fiber, through the run queue, into the other. Figure: ns per switch.
 */
#include "bench/bench.h"
#include "bench/registry.h"

struct yielder {
    koken_ref sink;
    uint64_t count;
};

static int yielder_body(koken_ctx *ctx, struct bench_none *state, const void *arg)
{
    (void)state;
    const struct yielder *self = arg;
    struct bench_go go;
    int rc = koken_receive_only(ctx, KOKEN_S(60), bench_go, &go);
    for (uint64_t i = 0; rc == 0 && i < self->count; i++) {
        rc = koken_yield(ctx);
    }
    if (rc < 0) {
        return rc;
    }
    return koken_signal(self->sink, bench_tok, .value = self->count);
}

KOKEN_FIBER(yielder, struct bench_none, yielder_body);

int bench_fiber(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin_on(run, 1, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 2000000);
    struct bench_done done;
    koken_ref sink = bench_spawn_collector(rt);
    struct yielder state = {sink, n};
    uint64_t start_ns = koken_now();
    for (int i = 0; rc == 0 && i < 2; i++) {
        rc = koken_signal(koken_spawn(rt, yielder, .arg = &state, .arg_size = sizeof state),
                          bench_go, .n = n);
    }
    if (rc == 0) {
        rc = bench_ask(run, rt, sink, 2, KOKEN_NOBODY, &done);
    }
    if (rc == 0) {
        rc = bench_check(run, "yields", 2 * n, done.value);
    }
    if (rc == 0) {
        bench_report(run, "fiber", (double)(done.end_ns - start_ns) / (2.0 * (double)n),
                     "ns/switch");
    }
    return bench_end(run, rt, rc);
}
