/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shard-ring, shard-jump, shard-rendezvous: who of 1000 members is in charge of a key, for keys
 * that do not come again. The ring has its 160 points for each member. Figure: ns per lookup.
 */
#include "bench/bench.h"
#include "bench/registry.h"

enum { MEMBERS = 1000 };

enum bench_shard { SHARD_RING, SHARD_JUMP, SHARD_RENDEZVOUS };

struct table {
    struct koken_ring *ring;
    uint64_t names[MEMBERS];
};

static int look_up(const struct table *table, enum bench_shard how, uint64_t key,
                   uint64_t *ret_name)
{
    uint32_t shard = 0;
    size_t index = 0;
    int rc = 0;
    switch (how) {
    case SHARD_RING: return koken_ring_find(table->ring, key, ret_name);
    case SHARD_JUMP:
        rc = koken_shard_jump(key, MEMBERS, &shard);
        *ret_name = shard;
        return rc;
    case SHARD_RENDEZVOUS: break;
    }
    rc = koken_shard_index(table->names, MEMBERS, key, &index);
    *ret_name = index;
    return rc;
}

static int fill(struct table *table)
{
    int rc = koken_ring_new(NULL, &table->ring);
    for (uint64_t i = 0; rc == 0 && i < MEMBERS; i++) {
        table->names[i] = i;
        rc = koken_ring_add(table->ring, i, 1);
    }
    return rc;
}

int bench_shard(struct bench_run *run, unsigned arg)
{
    static struct table table;
    static const char *const names[] = {"shard-ring", "shard-jump", "shard-rendezvous"};
    uint64_t n = bench_size(run, arg == SHARD_RENDEZVOUS ? 100000 : 10000000), sum = 0, name = 0;
    table.ring = NULL;
    int rc = bench_error(run, "ring", fill(&table));
    uint64_t start_ns = koken_now();
    for (uint64_t i = 0; rc == 0 && i < n; i++) {
        rc = look_up(&table, (enum bench_shard)arg, bench_seed(run) + i, &name);
        sum += name;
    }
    uint64_t end_ns = koken_now();
    koken_ring_free(table.ring);
    /* An even choice: the mean number is near the middle. */
    if (rc == 0 && (sum < n * (MEMBERS / 2 - 50) || sum > n * (MEMBERS / 2 + 50))) {
        rc = bench_check(run, "mean member", MEMBERS / 2, sum / n);
    }
    if (rc == 0) {
        bench_report(run, names[arg], (double)(end_ns - start_ns) / (double)n, "ns/lookup");
    }
    return rc;
}
