/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreach: koken_for_each over a million items of about 100 ns, ns per item; foreach-alone: the same in a plain loop. Their
 * quotient is the speedup; bench/tbb/foreach.cpp is the same on oneTBB.
 */
#include "bench/foreach.h"
#include "bench/bench.h"
#include "bench/registry.h"

#include <koken/group.h>

#include <errno.h>
#include <stdlib.h>

static int do_item(void *arg, size_t index)
{
    ((uint64_t *)arg)[index] = foreach_item(index);
    return 0;
}

static uint64_t sum_of(const uint64_t *results, uint64_t n)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        sum += results[i];
    }
    return sum;
}

int bench_foreach(struct bench_run *run, unsigned arg)
{
    uint64_t n = bench_size(run, FOREACH_ITEMS);
    struct koken *rt;
    struct koken_group *group = NULL;
    (void)arg;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t *results = calloc(n, sizeof *results);
    rc = results ? koken_group_new(rt, NULL, &group) : -ENOMEM;
    rc = rc < 0 ? rc : koken_for_each(group, n, do_item, results); /* warm */
    uint64_t start_ns = koken_now();
    rc = rc < 0 ? rc : koken_for_each(group, n, do_item, results);
    uint64_t middle_ns = koken_now();
    if (rc == 0) {
        uint64_t sum = sum_of(results, n);
        uint64_t alone_ns = koken_now();
        for (uint64_t i = 0; i < n; i++) {
            results[i] = foreach_item(i);
        }
        uint64_t end_ns = koken_now();
        bench_report(run, "foreach", (double)(middle_ns - start_ns) / (double)n, "ns/item");
        bench_report(run, "foreach-alone", (double)(end_ns - alone_ns) / (double)n, "ns/item");
        rc = bench_check(run, "sum of all items", sum_of(results, n), sum);
    } else {
        rc = bench_error(run, "foreach", rc);
    }
    koken_group_free(group);
    free(results);
    return bench_end(run, rt, rc);
}
