/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toolbox-map, toolbox-cache, and what liburcu has in the place of three structures of the toolbox; ns per call or pair on
 * one thread that nobody disturbs:
 *
 *   toolbox-map          a value of 8 bytes looked up among 1000; toolbox-map-change: a key put in and taken out
 *   toolbox-cache        the same as a hit of a cache
 *   toolbox-map-urcu, -change-urcu   cds_lfht of 1024 buckets: what is taken out may not be freed before a grace period,
 *                        which is not in the figure
 *   toolbox-queue-urcu   cds_wfcq: a node of the caller's put in and taken out, by a mutex at that end
 *   toolbox-stack-linked-urcu   cds_lfs, another node below: the same; nodes are not freed either; -empty: nothing
 *                        below, which its push tries first
 *
 * bench/tbb/toolbox.cpp is the same on oneTBB.
 */
#ifndef __SANITIZE_ADDRESS__ /* not in our code then: its empty stack is a member of nothing */
#define _LGPL_SOURCE 1
#endif
#include "bench/bench.h"
#include "bench/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <urcu/urcu-qsbr.h>

#include <urcu/lfstack.h>
#include <urcu/rculfhash.h>
#include <urcu/wfcqueue.h>

enum { ROUNDS = 5000000, KEYS = 1000, BUCKETS = 1024 };

/* Figures of one kind: `count` rounds, and what was wrong with them. */
struct rounds {
    struct bench_run *run;
    uint64_t count, start_ns, wrong;
};

static struct rounds begin(struct bench_run *run)
{
    return (struct rounds){.run = run, .count = bench_size(run, ROUNDS), .start_ns = koken_now()};
}

static int end(const struct rounds *rounds, const char *name, const char *unit)
{
    double ns = (double)(koken_now() - rounds->start_ns);
    int rc = bench_check(rounds->run, name, 0, rounds->wrong);
    if (rc == 0) {
        bench_report(rounds->run, name, ns / (double)rounds->count, unit);
    }
    return rc;
}

static uint64_t key_of(uint64_t i)
{
    return i % KEYS * 7919 + 1;
}

static int map_here(struct bench_run *run)
{
    struct koken_map_options o = {.key_size = sizeof(uint64_t), .value_size = sizeof(uint64_t)};
    struct koken_map *map;
    int rc = koken_map_new(&o, &map);
    if (rc < 0) {
        return bench_error(run, "map", rc);
    }
    uint64_t wrong = 0, value = 0, other = 0;
    for (uint64_t i = 0; i < KEYS; i++) {
        uint64_t key = key_of(i);
        wrong += koken_map_put(map, &key, &key) != 0;
    }
    struct rounds rounds = begin(run);
    rounds.wrong = wrong;
    for (uint64_t i = 0; i < rounds.count; i++) {
        uint64_t key = key_of(i);
        rounds.wrong += koken_map_get(map, &key, &value) != 1 || value != key;
    }
    rc = end(&rounds, "toolbox-map", "ns/get");
    rounds = begin(run);
    for (uint64_t i = 0; rc == 0 && i < rounds.count; i++) {
        rounds.wrong += koken_map_put(map, &other, &value) != 0;
        rounds.wrong += koken_map_remove(map, &other, NULL) != 1;
    }
    rc = rc == 0 ? end(&rounds, "toolbox-map-change", "ns/pair") : rc;
    koken_map_free(map);
    return rc;
}

static int cache_here(struct bench_run *run)
{
    struct koken_cache_options o = {.key_size = sizeof(uint64_t), .value_size = sizeof(uint64_t)};
    struct koken_cache *cache;
    int rc = koken_cache_new(&o, &cache);
    if (rc < 0) {
        return bench_error(run, "cache", rc);
    }
    uint64_t wrong = 0, value = 0;
    for (uint64_t i = 0; i < KEYS; i++) {
        uint64_t key = key_of(i);
        wrong += koken_cache_put(cache, &key, &key) != 0;
    }
    struct rounds rounds = begin(run);
    rounds.wrong = wrong;
    for (uint64_t i = 0; i < rounds.count; i++) {
        uint64_t key = key_of(i);
        rounds.wrong += koken_cache_get(cache, &key, &value) != 1 || value != key;
    }
    rc = end(&rounds, "toolbox-cache", "ns/get");
    koken_cache_free(cache);
    return rc;
}

/* ---- liburcu --------------------------------------------------------------------------------- */

struct entry {
    struct cds_lfht_node node; /* first */
    uint64_t key, value;
};

static int is_it(struct cds_lfht_node *node, const void *key)
{
    return ((const struct entry *)(const void *)node)->key == *(const uint64_t *)key;
}

static unsigned long hash(uint64_t key)
{
    return (unsigned long)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static struct entry *look_up(struct cds_lfht *table, uint64_t key)
{
    struct cds_lfht_iter at;
    cds_lfht_lookup(table, hash(key), is_it, &key, &at);
    return (struct entry *)(void *)cds_lfht_iter_get_node(&at);
}

static int map_urcu(struct bench_run *run)
{
    static struct entry entries[KEYS], other;
    struct cds_lfht *table =
        cds_lfht_new_flavor(BUCKETS, BUCKETS, BUCKETS, 0, &urcu_qsbr_flavor, NULL);
    if (!table) {
        return bench_error(run, "cds_lfht", -ENOMEM);
    }
    for (uint64_t i = 0; i < KEYS; i++) {
        entries[i] = (struct entry){.key = key_of(i), .value = key_of(i)};
        cds_lfht_node_init(&entries[i].node);
        cds_lfht_add(table, hash(entries[i].key), &entries[i].node);
    }
    struct rounds rounds = begin(run);
    for (uint64_t i = 0; i < rounds.count; i++) {
        uint64_t key = key_of(i);
        urcu_qsbr_read_lock();
        const struct entry *entry = look_up(table, key);
        rounds.wrong += !entry || entry->value != key;
        urcu_qsbr_read_unlock();
    }
    int rc = end(&rounds, "toolbox-map-urcu", "ns/get");
    rounds = begin(run);
    for (uint64_t i = 0; i < rounds.count; i++) {
        urcu_qsbr_read_lock();
        cds_lfht_node_init(&other.node);
        cds_lfht_add_unique(table, hash(0), is_it, &other.key, &other.node);
        rounds.wrong += cds_lfht_del(table, &other.node) != 0;
        urcu_qsbr_read_unlock();
    }
    rc = rc == 0 ? end(&rounds, "toolbox-map-change-urcu", "ns/pair") : rc;
    for (uint64_t i = 0; i < KEYS; i++) {
        (void)cds_lfht_del(table, &entries[i].node);
    }
    (void)cds_lfht_destroy(table, NULL);
    return rc;
}

static int queue_urcu(struct bench_run *run)
{
    struct cds_wfcq_head head;
    struct cds_wfcq_tail tail;
    struct cds_wfcq_node node;
    cds_wfcq_init(&head, &tail);
    struct rounds rounds = begin(run);
    for (uint64_t i = 0; i < rounds.count; i++) {
        cds_wfcq_node_init(&node);
        (void)cds_wfcq_enqueue(&head, &tail, &node);
        rounds.wrong += cds_wfcq_dequeue_blocking(&head, &tail) != &node;
    }
    cds_wfcq_destroy(&head, &tail);
    return end(&rounds, "toolbox-queue-urcu", "ns/pair");
}

static int stack_urcu(struct bench_run *run, bool is_empty, const char *name)
{
    struct cds_lfs_stack stack;
    struct cds_lfs_node node, below;
    cds_lfs_init(&stack);
    if (!is_empty) {
        cds_lfs_node_init(&below);
        (void)cds_lfs_push(&stack, &below);
    }
    struct rounds rounds = begin(run);
    for (uint64_t i = 0; i < rounds.count; i++) {
        cds_lfs_node_init(&node);
        (void)cds_lfs_push(&stack, &node);
        urcu_qsbr_read_lock();
        rounds.wrong += __cds_lfs_pop(&stack) != &node;
        urcu_qsbr_read_unlock();
    }
    (void)__cds_lfs_pop_all(&stack);
    cds_lfs_destroy(&stack);
    return end(&rounds, name, "ns/pair");
}

int bench_toolbox_map(struct bench_run *run, unsigned arg)
{
    (void)arg;
    int rc = map_here(run);
    rc = rc == 0 ? cache_here(run) : rc;
    urcu_qsbr_register_thread();
    rc = rc == 0 ? map_urcu(run) : rc;
    urcu_qsbr_unregister_thread();
    return rc;
}

int bench_toolbox_urcu(struct bench_run *run, unsigned arg)
{
    (void)arg;
    urcu_qsbr_register_thread();
    int rc = queue_urcu(run);
    rc = rc == 0 ? stack_urcu(run, false, "toolbox-stack-linked-urcu") : rc;
    rc = rc == 0 ? stack_urcu(run, true, "toolbox-stack-linked-empty-urcu") : rc;
    urcu_qsbr_unregister_thread();
    return rc;
}
