/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease: a fiber takes a lease from the keeper and gives it back, again and again: two awaits, an
 * expiry timer and a watch over the holder. Figure: ns per acquire and release. lease-guard: what a
 * guard costs that lets each token pass. Figure: ns per check.
 */
#include "bench/bench.h"
#include "bench/registry.h"

static int tenant_body(koken_ctx *ctx, struct bench_none *self, const void *arg)
{
    struct bench_go go;
    struct koken_lease lease = {.token = 0};
    int rc = koken_receive_only(ctx, KOKEN_S(60), bench_go, &go);
    (void)self;
    (void)arg;
    if (rc < 0) {
        return rc;
    }
    koken_claim claim = koken_defer(ctx);
    for (uint64_t i = 0; rc == 0 && i < go.n; i++) {
        rc = koken_lease_acquire(ctx, go.to, "desk", KOKEN_S(10), KOKEN_S(10), &lease);
        rc = rc < 0 ? rc : koken_lease_end(ctx, go.to, &lease);
    }
    return rc < 0 ? rc : bench_answer(claim, lease.token);
}

KOKEN_FIBER(tenant, struct bench_none, tenant_body);

int bench_lease(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 500000);
    struct bench_done done;
    koken_ref keeper = koken_lease_keeper(rt);
    koken_ref root = koken_spawn(rt, tenant);
    uint64_t start_ns = koken_now();
    rc = bench_ask(run, rt, root, n, keeper, &done);
    if (rc == 0) {
        rc = bench_check(run, "last token", n, done.value);
    }
    if (rc == 0) {
        bench_report(run, "lease", (double)(done.end_ns - start_ns) / (double)n, "ns/lease");
    }
    return bench_end(run, rt, rc);
}

int bench_lease_guard(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken_guard *guard;
    uint64_t n = bench_size(run, 10000000), passed = 0;
    int rc = koken_guard_new(&guard);
    if (rc < 0) {
        return bench_error(run, "guard", rc);
    }
    uint64_t start_ns = koken_now();
    for (uint64_t i = 1; i <= n; i++) {
        passed += koken_lease_guard(guard, i) == 0;
    }
    uint64_t end_ns = koken_now();
    koken_guard_free(guard);
    rc = bench_check(run, "tokens that passed", n, passed);
    if (rc == 0) {
        bench_report(run, "lease-guard", (double)(end_ns - start_ns) / (double)n, "ns/check");
    }
    return rc;
}
