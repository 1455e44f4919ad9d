/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toolbox-2t: the structures of the toolbox with two threads at each, which do nothing else: the worst that can happen to them. Each
 * figure is the time of a thread's round in ns, both going on at once; NAME-ck and NAME-urcu are what Concurrency Kit and
 * liburcu have in that place, bench/tbb/toolbox.cpp what oneTBB has:
 *
 *   toolbox-queue-2t      both put in and take out; -ck: a ring; -urcu: cds_wfcq, a mutex at one end
 *   toolbox-stack-2t      the same, nodes reclaimed; -ck: by double words, nodes never freed; -urcu: cds_lfs, a mutex around its pop
 *   toolbox-deque-2t      the owner pushes and pops, the other steals all the time; -ck: a ring of one producer
 *   toolbox-epoch-2t      both pin and unpin; -ck: epoch sections
 *   toolbox-priority-2t, toolbox-relaxed-2t   both push and pop, 1000 in
 *   toolbox-map-2t        both look up; -change-2t: each puts a key of its own in and takes it out; -urcu: cds_lfht
 *   toolbox-cache-2t      both hit
 */
#ifndef __SANITIZE_ADDRESS__ /* as in toolbox_map.c */
#define _LGPL_SOURCE 1
#endif
#include "bench/bench.h"
#include "bench/registry.h"

#include <ck_epoch.h>
#include <ck_ring.h>
#include <ck_stack.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-qsbr.h>

#include <urcu/lfstack.h>
#include <urcu/rculfhash.h>
#include <urcu/wfcqueue.h>

enum { ROUNDS = 2000000, RING = 1024, DEPTH = 1000, KEYS = 1000, BUCKETS = 1024, SIDES = 2 };

struct two;

/* One thread's part. in and out: what it put in and took out, summed. */
struct side {
    struct two *two;
    unsigned index;
    uint64_t count, in, out, wrong, ns;
};

struct what {
    struct bench_run *run;
    const char *name;
    void *of; /* the structure */
    void (*rounds)(struct side *side);
    uint64_t full; /* rounds of each; 0: ROUNDS */
};

struct two {
    struct what what;
    pthread_barrier_t together;
    atomic_bool is_over; /* of the first side, for a second that goes on as long */
};

static void *be_side(void *arg)
{
    struct side *side = arg;
    (void)pthread_barrier_wait(&side->two->together);
    uint64_t start_ns = koken_now();
    side->two->what.rounds(side);
    side->ns = koken_now() - start_ns;
    return NULL;
}

/* ret_sum: what was put in more than taken out; NULL: nothing may be. */
static int measure(struct what what, uint64_t *ret_sum)
{
    struct two two = {.what = what};
    struct side sides[SIDES];
    pthread_t threads[SIDES];
    uint64_t count = bench_size(what.run, what.full ? what.full : ROUNDS), wrong = 0, sum = 0,
             ns = 0;
    if (pthread_barrier_init(&two.together, NULL, SIDES) != 0) {
        return bench_error(what.run, what.name, -ENOMEM);
    }
    for (unsigned i = 0; i < SIDES; i++) {
        sides[i] = (struct side){.two = &two, .index = i, .count = count};
        if (pthread_create(&threads[i], NULL, be_side, &sides[i]) != 0) {
            abort(); /* no thread: nothing to measure, nothing to tidy */
        }
    }
    for (unsigned i = 0; i < SIDES; i++) {
        (void)pthread_join(threads[i], NULL);
        wrong += sides[i].wrong;
        sum += sides[i].in - sides[i].out;
        ns = sides[i].ns > ns ? sides[i].ns : ns;
    }
    (void)pthread_barrier_destroy(&two.together);
    if (ret_sum) {
        *ret_sum = sum;
    } else {
        wrong += sum;
    }
    int rc = bench_check(what.run, what.name, 0, wrong);
    if (rc == 0) {
        bench_report(what.run, what.name, (double)ns / (double)count, "ns/round");
    }
    return rc;
}

/* ---- queues ---------------------------------------------------------------------------------------------- */

static void queue_rounds(struct side *side)
{
    struct koken_queue *queue = side->two->what.of;
    for (uint64_t i = 1; i <= side->count; i++) {
        uint64_t out = 0;
        while (koken_queue_push(queue, &i) !=
               0) { /* ends: who is at this place, a lap behind, goes on */
        }
        while (koken_queue_pop(queue, &out) != 0) { /* ends: the other is not finished yet */
        }
        side->in += i;
        side->out += out;
    }
}

struct ring {
    ck_ring_t ring;
    ck_ring_buffer_t buffer[RING];
};

static void ring_rounds(struct side *side)
{
    struct ring *ring = side->two->what.of;
    for (uint64_t i = 1; i <= side->count; i++) {
        void *out = NULL;
        while (!ck_ring_enqueue_mpmc(&ring->ring, ring->buffer,
                                     (void *)(uintptr_t)i)) { /* ends: as above */
        }
        while (!ck_ring_dequeue_mpmc(&ring->ring, ring->buffer, &out)) { /* ends: as above */
        }
        side->in += i;
        side->out += (uintptr_t)out;
    }
}

struct wait_free {
    struct cds_wfcq_head head;
    struct cds_wfcq_tail tail;
    struct cds_wfcq_node nodes[SIDES];
};

/* A node goes from hand to hand: what one takes out, it puts in next. */
static void wait_free_rounds(struct side *side)
{
    struct wait_free *queue = side->two->what.of;
    struct cds_wfcq_node *hand = &queue->nodes[side->index];
    for (uint64_t i = 0; i < side->count; i++) {
        cds_wfcq_node_init(hand);
        (void)cds_wfcq_enqueue(&queue->head, &queue->tail, hand);
        do { /* ends: there is one for each */
            hand = cds_wfcq_dequeue_blocking(&queue->head, &queue->tail);
        } while (!hand);
    }
    side->wrong += !hand;
}

static int two_queues(struct bench_run *run)
{
    static struct ring ring;
    static struct wait_free wait_free;
    struct koken_queue *queue;
    int rc = koken_queue_new(RING, sizeof(uint64_t), &queue);
    if (rc < 0) {
        return bench_error(run, "queue", rc);
    }
    rc = measure((struct what){run, "toolbox-queue-2t", queue, queue_rounds, 0}, NULL);
    koken_queue_free(queue);
    ck_ring_init(&ring.ring, RING);
    rc = rc < 0 ? rc
                : measure((struct what){run, "toolbox-queue-2t-ck", &ring, ring_rounds, 0}, NULL);
    cds_wfcq_init(&wait_free.head, &wait_free.tail);
    struct what urcu = {run, "toolbox-queue-2t-urcu", &wait_free, wait_free_rounds, 0};
    rc = rc < 0 ? rc : measure(urcu, NULL);
    cds_wfcq_destroy(&wait_free.head, &wait_free.tail);
    return rc;
}

/* ---- stacks ---------------------------------------------------------------------------------------------- */

static void stack_rounds(struct side *side)
{
    struct koken_stack *stack = side->two->what.of;
    for (uint64_t i = 1; i <= side->count; i++) {
        void *out = NULL;
        side->wrong += koken_stack_push(stack, (void *)(uintptr_t)i) != 0;
        side->wrong += koken_stack_pop(stack, &out) != 1;
        side->in += i;
        side->out += (uintptr_t)out;
    }
}

struct double_word {
    ck_stack_t stack __attribute__((aligned(16)));
    ck_stack_entry_t entries[SIDES];
};

static void double_word_rounds(struct side *side)
{
    struct double_word *stack = side->two->what.of;
    ck_stack_entry_t *hand = &stack->entries[side->index];
    for (uint64_t i = 0; i < side->count && hand; i++) {
        ck_stack_push_mpmc(&stack->stack, hand);
        hand = ck_stack_pop_mpmc(&stack->stack);
    }
    side->wrong += !hand;
}

struct locked_pop {
    struct cds_lfs_stack stack;
    struct cds_lfs_node nodes[SIDES];
};

static void locked_pop_rounds(struct side *side)
{
    struct locked_pop *stack = side->two->what.of;
    struct cds_lfs_node *hand = &stack->nodes[side->index];
    for (uint64_t i = 0; i < side->count && hand; i++) {
        cds_lfs_node_init(hand);
        (void)cds_lfs_push(&stack->stack, hand);
        hand = cds_lfs_pop_blocking(&stack->stack);
    }
    side->wrong += !hand;
}

static int two_stacks(struct bench_run *run)
{
    static struct double_word double_word;
    static struct locked_pop locked_pop;
    struct koken_stack *stack;
    int rc = koken_stack_new(NULL, &stack);
    if (rc < 0) {
        return bench_error(run, "stack", rc);
    }
    rc = measure((struct what){run, "toolbox-stack-2t", stack, stack_rounds, 0}, NULL);
    koken_stack_free(stack);
    ck_stack_init(&double_word.stack);
    struct what ck = {run, "toolbox-stack-2t-ck", &double_word, double_word_rounds, 0};
    rc = rc < 0 ? rc : measure(ck, NULL);
    cds_lfs_init(&locked_pop.stack);
    struct what urcu = {run, "toolbox-stack-2t-urcu", &locked_pop, locked_pop_rounds, 0};
    rc = rc < 0 ? rc : measure(urcu, NULL);
    cds_lfs_destroy(&locked_pop.stack);
    return rc;
}

/* ---- deque ----------------------------------------------------------------------------------------------- */

static void deque_rounds(struct side *side)
{
    struct koken_deque *deque = side->two->what.of;
    void *out = NULL;
    if (side->index == 0) {
        for (uint64_t i = 0; i < side->count; i++) {
            side->wrong += koken_deque_push(deque, side) != 0;
            side->in++;
            side->out += koken_deque_pop(deque) != NULL;
        }
        atomic_store(&side->two->is_over, true);
    }
    while (side->index == 1 && !atomic_load_explicit(&side->two->is_over, memory_order_relaxed)) {
        side->out += koken_deque_steal(deque, &out) == 1;
    }
}

static void one_producer_rounds(struct side *side)
{
    struct ring *ring = side->two->what.of;
    void *out = NULL;
    if (side->index == 0) {
        for (uint64_t i = 0; i < side->count; i++) {
            side->wrong += !ck_ring_enqueue_spmc(&ring->ring, ring->buffer, side);
            side->in++;
            side->out += ck_ring_dequeue_spmc(&ring->ring, ring->buffer, &out);
        }
        atomic_store(&side->two->is_over, true);
    }
    while (side->index == 1 && !atomic_load_explicit(&side->two->is_over, memory_order_relaxed)) {
        side->out += ck_ring_trydequeue_spmc(&ring->ring, ring->buffer, &out);
    }
}

static int two_at_a_deque(struct bench_run *run)
{
    static struct ring ring;
    struct koken_deque *deque;
    uint64_t left, len;
    int rc = koken_deque_new(NULL, &deque);
    if (rc < 0) {
        return bench_error(run, "deque", rc);
    }
    rc = measure((struct what){run, "toolbox-deque-2t", deque, deque_rounds, 0}, &left);
    len = koken_deque_len(deque);
    rc = rc < 0 ? rc : bench_check(run, "left in the deque", len, left);
    koken_deque_free(deque);
    ck_ring_init(&ring.ring, RING);
    struct what ck = {run, "toolbox-deque-2t-ck", &ring, one_producer_rounds, 0};
    return rc < 0 ? rc : measure(ck, &left);
}

/* ---- epochs ---------------------------------------------------------------------------------------------- */

static void epoch_rounds(struct side *side)
{
    struct koken_epoch *epoch = side->two->what.of;
    for (uint64_t i = 0; i < side->count; i++) {
        side->wrong += koken_epoch_pin(epoch) != 0;
        side->wrong += koken_epoch_unpin(epoch) != 0;
    }
}

/* Records are known for ever. */
struct records {
    ck_epoch_t epoch;
    ck_epoch_record_t records[SIDES];
    bool is_known;
};

static void section_rounds(struct side *side)
{
    struct records *records = side->two->what.of;
    ck_epoch_record_t *record = &records->records[side->index];
    for (uint64_t i = 0; i < side->count; i++) {
        ck_epoch_section_t section;
        ck_epoch_begin(record, &section);
        (void)ck_epoch_end(record, &section);
    }
}

static int two_in_an_epoch(struct bench_run *run)
{
    static struct records records;
    struct koken_epoch *epoch;
    int rc = koken_epoch_new(&epoch);
    if (rc < 0) {
        return bench_error(run, "epoch", rc);
    }
    rc = measure((struct what){run, "toolbox-epoch-2t", epoch, epoch_rounds, 0}, NULL);
    koken_epoch_free(epoch);
    if (!records.is_known) {
        records.is_known = true;
        ck_epoch_init(&records.epoch);
        for (unsigned i = 0; i < SIDES; i++) {
            ck_epoch_register(&records.epoch, &records.records[i], NULL);
        }
    }
    struct what ck = {run, "toolbox-epoch-2t-ck", &records, section_rounds, 0};
    return rc < 0 ? rc : measure(ck, NULL);
}

/* ---- priorities ------------------------------------------------------------------------------------------ */

static void priority_rounds(struct side *side)
{
    struct koken_priority_queue *queue = side->two->what.of;
    for (uint64_t i = 0; i < side->count; i++) {
        void *out = NULL;
        side->wrong += koken_priority_queue_push(queue, i % KOKEN_LEVEL_COUNT_, side) != 0;
        side->wrong += koken_priority_queue_pop(queue, &out) != 1;
    }
}

static void relaxed_rounds(struct side *side)
{
    struct koken_relaxed *queue = side->two->what.of;
    uint64_t state = 42 + side->index;
    for (uint64_t i = 0; i < side->count; i++) {
        void *out = NULL;
        side->wrong += koken_relaxed_push(queue, bench_random(&state), side) != 0;
        side->wrong += koken_relaxed_pop(queue, NULL, &out) != 1;
    }
}

static int two_priorities(struct bench_run *run)
{
    struct koken_priority_queue *strict;
    struct koken_relaxed *relaxed;
    uint64_t state = bench_seed(run), wrong = 0;
    int rc = koken_priority_queue_new(NULL, &strict);
    if (rc < 0) {
        return bench_error(run, "priority", rc);
    }
    for (uint64_t i = 0; i < DEPTH; i++) {
        wrong += koken_priority_queue_push(strict, i % KOKEN_LEVEL_COUNT_, &state) != 0;
    }
    rc = measure((struct what){run, "toolbox-priority-2t", strict, priority_rounds, ROUNDS / 4},
                 NULL);
    koken_priority_queue_free(strict);
    rc = rc < 0 ? rc : koken_relaxed_new(8, &relaxed);
    if (rc < 0) {
        return bench_error(run, "relaxed", rc);
    }
    for (uint64_t i = 0; i < DEPTH; i++) {
        wrong += koken_relaxed_push(relaxed, bench_random(&state), &state) != 0;
    }
    rc = measure((struct what){run, "toolbox-relaxed-2t", relaxed, relaxed_rounds, ROUNDS / 4},
                 NULL);
    koken_relaxed_free(relaxed);
    return rc < 0 ? rc : bench_check(run, "the first in", 0, wrong);
}

/* ---- maps ------------------------------------------------------------------------------------------------ */

static uint64_t key_of(uint64_t i)
{
    return i % KEYS * 7919 + 1;
}

static void map_rounds(struct side *side)
{
    struct koken_map *map = side->two->what.of;
    for (uint64_t i = 0; i < side->count; i++) {
        uint64_t key = key_of(i), value = 0;
        side->wrong += koken_map_get(map, &key, &value) != 1 || value != key;
    }
}

static void map_changes(struct side *side)
{
    struct koken_map *map = side->two->what.of;
    uint64_t key = (uint64_t)side->index * 7919; /* none of those that are there */
    key = key ? key + 7 : 0;
    for (uint64_t i = 0; i < side->count; i++) {
        side->wrong += koken_map_put(map, &key, &i) != 0;
        side->wrong += koken_map_remove(map, &key, NULL) != 1;
    }
}

static int two_at_a_map(struct bench_run *run)
{
    struct koken_map_options o = {.key_size = sizeof(uint64_t), .value_size = sizeof(uint64_t)};
    struct koken_map *map;
    uint64_t wrong = 0;
    int rc = koken_map_new(&o, &map);
    if (rc < 0) {
        return bench_error(run, "map", rc);
    }
    for (uint64_t i = 0; i < KEYS; i++) {
        uint64_t key = key_of(i);
        wrong += koken_map_put(map, &key, &key) != 0;
    }
    rc = bench_check(run, "the first in", 0, wrong);
    rc = rc < 0 ? rc : measure((struct what){run, "toolbox-map-2t", map, map_rounds, 0}, NULL);
    struct what changes = {run, "toolbox-map-change-2t", map, map_changes, ROUNDS / 8};
    rc = rc < 0 ? rc : measure(changes, NULL);
    koken_map_free(map);
    return rc;
}

static void cache_rounds(struct side *side)
{
    struct koken_cache *cache = side->two->what.of;
    for (uint64_t i = 0; i < side->count; i++) {
        uint64_t key = key_of(i), value = 0;
        side->wrong += koken_cache_get(cache, &key, &value) != 1 || value != key;
    }
}

static int two_at_a_cache(struct bench_run *run)
{
    struct koken_cache_options o = {.key_size = sizeof(uint64_t), .value_size = sizeof(uint64_t)};
    struct koken_cache *cache;
    uint64_t wrong = 0;
    int rc = koken_cache_new(&o, &cache);
    if (rc < 0) {
        return bench_error(run, "cache", rc);
    }
    for (uint64_t i = 0; i < KEYS; i++) {
        uint64_t key = key_of(i);
        wrong += koken_cache_put(cache, &key, &key) != 0;
    }
    rc = bench_check(run, "the first in", 0, wrong);
    rc =
        rc < 0 ? rc : measure((struct what){run, "toolbox-cache-2t", cache, cache_rounds, 0}, NULL);
    koken_cache_free(cache);
    return rc;
}

struct entry {
    struct cds_lfht_node node; /* first */
    uint64_t key, value;
};

struct table {
    struct cds_lfht *table;
    struct entry entries[KEYS];
    struct entry *others; /* each put in once, as none is free again before a grace period */
    uint64_t others_count;
};

static int is_it(struct cds_lfht_node *node, const void *key)
{
    return ((const struct entry *)(const void *)node)->key == *(const uint64_t *)key;
}

static unsigned long hash(uint64_t key)
{
    return (unsigned long)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static void table_rounds(struct side *side)
{
    struct table *t = side->two->what.of;
    urcu_qsbr_register_thread();
    for (uint64_t i = 0; i < side->count; i++) {
        struct cds_lfht_iter at;
        uint64_t key = key_of(i);
        urcu_qsbr_read_lock();
        cds_lfht_lookup(t->table, hash(key), is_it, &key, &at);
        const struct entry *entry = (struct entry *)(void *)cds_lfht_iter_get_node(&at);
        side->wrong += !entry || entry->value != key;
        urcu_qsbr_read_unlock();
    }
    urcu_qsbr_unregister_thread();
}

static void table_changes(struct side *side)
{
    struct table *t = side->two->what.of;
    struct entry *mine = &t->others[side->index * t->others_count];
    urcu_qsbr_register_thread();
    for (uint64_t i = 0; i < side->count; i++) {
        urcu_qsbr_read_lock();
        cds_lfht_node_init(&mine[i].node);
        cds_lfht_add_unique(t->table, hash(mine[i].key), is_it, &mine[i].key, &mine[i].node);
        side->wrong += cds_lfht_del(t->table, &mine[i].node) != 0;
        urcu_qsbr_read_unlock();
    }
    urcu_qsbr_unregister_thread();
}

static int two_at_a_table(struct bench_run *run)
{
    static struct table t;
    t.others_count = bench_size(run, ROUNDS / 8);
    t.others = calloc(SIDES * t.others_count, sizeof *t.others);
    t.table = cds_lfht_new_flavor(BUCKETS, BUCKETS, BUCKETS, 0, &urcu_qsbr_flavor, NULL);
    if (!t.table || !t.others) {
        return bench_error(run, "cds_lfht", -ENOMEM);
    }
    for (uint64_t i = 0; i < SIDES * t.others_count; i++) {
        t.others[i].key = i < t.others_count ? 0 : 7919 + 7;
    }
    for (uint64_t i = 0; i < KEYS; i++) {
        t.entries[i] = (struct entry){.key = key_of(i), .value = key_of(i)};
        cds_lfht_node_init(&t.entries[i].node);
        cds_lfht_add(t.table, hash(t.entries[i].key), &t.entries[i].node);
    }
    int rc = measure((struct what){run, "toolbox-map-2t-urcu", &t, table_rounds, 0}, NULL);
    struct what changes = {run, "toolbox-map-change-2t-urcu", &t, table_changes, ROUNDS / 8};
    rc = rc < 0 ? rc : measure(changes, NULL);
    for (uint64_t i = 0; i < KEYS; i++) {
        (void)cds_lfht_del(t.table, &t.entries[i].node);
    }
    (void)cds_lfht_destroy(t.table, NULL);
    free(t.others);
    return rc;
}

int bench_toolbox_two(struct bench_run *run, unsigned arg)
{
    (void)arg;
    int rc = two_queues(run);
    rc = rc < 0 ? rc : two_stacks(run);
    rc = rc < 0 ? rc : two_at_a_deque(run);
    rc = rc < 0 ? rc : two_in_an_epoch(run);
    rc = rc < 0 ? rc : two_priorities(run);
    rc = rc < 0 ? rc : two_at_a_map(run);
    rc = rc < 0 ? rc : two_at_a_cache(run);
    urcu_qsbr_register_thread();
    rc = rc < 0 ? rc : two_at_a_table(run);
    urcu_qsbr_unregister_thread();
    return rc;
}
