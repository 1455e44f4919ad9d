/* SPDX-License-Identifier: Apache-2.0 */
/*
 * future-chain: a chain of a million futures is made, completed at its head, and given back: ns per link. The memory, 128 MB,
 * has been used before: fresh pages from the system are no property of futures.
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <koken/future.h>

static int add_one(void *arg, const void *value, void *ret_value)
{
    (void)arg;
    *(uint64_t *)ret_value = *(const uint64_t *)value + 1;
    return 0;
}

/* A chain of n links, whose last one holds what its first was given plus n. */
static int chain(uint64_t n, uint64_t *ret_value)
{
    koken_promise promise;
    struct koken_future *last, *next;
    uint64_t value = 0;
    int rc = koken_promise_new(sizeof value, &promise, &last);
    if (rc < 0) {
        return rc;
    }
    for (uint64_t i = 0; rc == 0 && i < n; i++) {
        rc = koken_future_map(last, sizeof value, add_one, NULL, &next);
        if (rc == 0) {
            koken_future_drop(last);
            last = next;
        }
    }
    if (rc == 0) {
        rc = koken_promise_set(&promise, &value);
    }
    if (rc == 0) {
        rc = koken_future_wait(last, 0, ret_value);
    }
    koken_promise_drop(&promise);
    koken_future_drop(last);
    return rc;
}

int bench_future_chain(struct bench_run *run, unsigned arg)
{
    uint64_t n = bench_size(run, 1000000), got = 0;
    (void)arg;
    int rc =
        chain(n, &got); /* warm: the system's pages for all of it, which cost a third otherwise */
    uint64_t start_ns = koken_now();
    if (rc == 0) {
        rc = chain(n, &got);
    }
    uint64_t end_ns = koken_now();
    if (rc < 0) {
        return bench_error(run, "future-chain", rc);
    }
    bench_report(run, "future-chain", (double)(end_ns - start_ns) / (double)n, "ns/link");
    return bench_check(run, "last value", n, got);
}
