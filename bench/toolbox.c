/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toolbox-*: the structures of <koken/deque.h> and its neighbours, without a runtime. Each figure is ns per pair
 * (put in, take out) on one thread that nobody disturbs, unless said otherwise; NAME-ck is what
 * Concurrency Kit has in that place, in the same run:
 *
 *   toolbox-deque      an item pushed and popped by its owner; -steal: pushed, stolen; -ck: a ring of one producer
 *   toolbox-queue      8 bytes in and out of a queue of 1024; -ck: a ring of many producers and consumers
 *   toolbox-handover   four threads to four through a blocking queue of one, a million times; ns each
 *   toolbox-epoch      a pin and an unpin; -ck: an epoch section
 *   toolbox-stack      an item pushed and popped, another below; -ck: the same with nodes of the allocator, freed by epochs
 *   toolbox-stack-linked   an object by its link; -ck: the same; its entries are never freed; -empty: nothing below
 *   toolbox-priority   five levels, 1000 in; toolbox-relaxed: numbers, 1000 in eight heaps; -hold: each is
 *                      pushed larger than the last that was popped, as deadlines are
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <ck_epoch.h>
#include <ck_ring.h>
#include <ck_stack.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 5000000, RING = 1024, DEPTH = 1000, SIDES = 4, HAND_OVERS = 1000000 };

struct pairs {
    struct bench_run *run;
    uint64_t count, start_ns, wrong;
};

static struct pairs begin(struct bench_run *run, uint64_t full)
{
    return (struct pairs){.run = run, .count = bench_size(run, full), .start_ns = koken_now()};
}

static int end(const struct pairs *pairs, const char *name)
{
    double ns = (double)(koken_now() - pairs->start_ns);
    int rc = bench_check(pairs->run, name, 0, pairs->wrong);
    if (rc == 0) {
        bench_report(pairs->run, name, ns / (double)pairs->count, "ns/pair");
    }
    return rc;
}

static int deque_ck(struct bench_run *run)
{
    static ck_ring_t ring;
    static ck_ring_buffer_t buffer[RING];
    struct pairs pairs = begin(run, ROUNDS);
    ck_ring_init(&ring, RING);
    for (uint64_t i = 0; i < pairs.count; i++) {
        void *out = NULL;
        pairs.wrong += !ck_ring_enqueue_spmc(&ring, buffer, &pairs);
        pairs.wrong += !ck_ring_dequeue_spmc(&ring, buffer, &out) || out != &pairs;
    }
    return end(&pairs, "toolbox-deque-ck");
}

static int deque_form(struct bench_run *run, bool is_symmetric, const char *name,
                      const char *stolen)
{
    struct koken_deque_options o = {.is_symmetric = is_symmetric};
    struct koken_deque *deque;
    int rc = koken_deque_new(&o, &deque);
    if (rc < 0) {
        return bench_error(run, name, rc);
    }
    struct pairs pairs = begin(run, ROUNDS);
    for (uint64_t i = 0; i < pairs.count; i++) {
        pairs.wrong += koken_deque_push(deque, &pairs) != 0;
        pairs.wrong += koken_deque_pop(deque) != &pairs;
    }
    rc = end(&pairs, name);
    pairs = begin(run, ROUNDS / 50);
    for (uint64_t i = 0; rc == 0 && i < pairs.count; i++) {
        void *out = NULL;
        pairs.wrong += koken_deque_push(deque, &pairs) != 0;
        pairs.wrong += koken_deque_steal(deque, &out) != 1 || out != &pairs;
    }
    rc = rc == 0 ? end(&pairs, stolen) : rc;
    koken_deque_free(deque);
    return rc;
}

int bench_toolbox_deque(struct bench_run *run, unsigned arg)
{
    (void)arg;
    int rc = deque_form(run, false, "toolbox-deque", "toolbox-deque-steal");
    if (rc == 0) {
        rc = deque_form(run, true, "toolbox-deque-sym", "toolbox-deque-sym-steal");
    }
    return rc == 0 ? deque_ck(run) : rc;
}

static int queue_ck(struct bench_run *run)
{
    static ck_ring_t ring;
    static ck_ring_buffer_t buffer[RING];
    struct pairs pairs = begin(run, ROUNDS);
    ck_ring_init(&ring, RING);
    for (uint64_t i = 0; i < pairs.count; i++) {
        void *out = NULL;
        pairs.wrong += !ck_ring_enqueue_mpmc(&ring, buffer, &pairs);
        pairs.wrong += !ck_ring_dequeue_mpmc(&ring, buffer, &out) || out != &pairs;
    }
    return end(&pairs, "toolbox-queue-ck");
}

int bench_toolbox_queue(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken_queue *queue;
    int rc = koken_queue_new(RING, sizeof(uint64_t), &queue);
    if (rc < 0) {
        return bench_error(run, "queue", rc);
    }
    struct pairs pairs = begin(run, ROUNDS);
    for (uint64_t i = 0; i < pairs.count; i++) {
        uint64_t out = 0;
        pairs.wrong += koken_queue_push(queue, &i) != 0;
        pairs.wrong += koken_queue_pop(queue, &out) != 0 || out != i;
    }
    rc = end(&pairs, "toolbox-queue");
    koken_queue_free(queue);
    return rc == 0 ? queue_ck(run) : rc;
}

struct side {
    struct koken_blocking_queue *queue;
    uint64_t count, sum;
};

static void *produce(void *arg)
{
    struct side *side = arg;
    for (uint64_t i = 1; i <= side->count; i++) {
        if (koken_blocking_queue_put(side->queue, &i, KOKEN_NO_DEADLINE) < 0) {
            return NULL; /* the sum shows it */
        }
    }
    return NULL;
}

static void *consume(void *arg)
{
    struct side *side = arg;
    uint64_t value;
    while (koken_blocking_queue_take(side->queue, &value, KOKEN_NO_DEADLINE) == 0) {
        side->sum += value;
    }
    return NULL;
}

int bench_toolbox_handover(struct bench_run *run, unsigned arg)
{
    (void)arg;
    pthread_t producers[SIDES], consumers[SIDES];
    struct side in[SIDES], out[SIDES];
    struct koken_blocking_queue *queue;
    int rc = koken_blocking_queue_new(1, sizeof(uint64_t), &queue);
    if (rc < 0) {
        return bench_error(run, "queue", rc);
    }
    struct pairs pairs = begin(run, HAND_OVERS);
    uint64_t each = pairs.count / SIDES, sum = 0;
    for (int i = 0; i < SIDES; i++) {
        in[i] = out[i] = (struct side){queue, each, 0};
        if (pthread_create(&consumers[i], NULL, consume, &out[i]) != 0 ||
            pthread_create(&producers[i], NULL, produce, &in[i]) != 0) {
            abort(); /* no thread: nothing to measure, nothing to tidy */
        }
    }
    for (int i = 0; i < SIDES; i++) {
        (void)pthread_join(producers[i], NULL);
    }
    (void)koken_blocking_queue_close(queue);
    for (int i = 0; i < SIDES; i++) {
        (void)pthread_join(consumers[i], NULL);
        sum += out[i].sum;
    }
    pairs.wrong = sum - SIDES * (each * (each + 1) / 2);
    rc = end(&pairs, "toolbox-handover");
    koken_blocking_queue_free(queue);
    return rc;
}

static int epoch_ck(struct bench_run *run)
{
    static ck_epoch_t epoch;
    static ck_epoch_record_t record;
    static bool is_known; /* a record is known for ever */
    if (!is_known) {
        is_known = true;
        ck_epoch_init(&epoch);
        ck_epoch_register(&epoch, &record, NULL);
    }
    struct pairs pairs = begin(run, ROUNDS);
    for (uint64_t i = 0; i < pairs.count; i++) {
        ck_epoch_section_t section;
        ck_epoch_begin(&record, &section);
        (void)ck_epoch_end(&record, &section);
    }
    return end(&pairs, "toolbox-epoch-ck");
}

int bench_toolbox_epoch(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken_epoch *epoch;
    int rc = koken_epoch_new(&epoch);
    if (rc < 0) {
        return bench_error(run, "epoch", rc);
    }
    struct pairs pairs = begin(run, ROUNDS);
    for (uint64_t i = 0; i < pairs.count; i++) {
        pairs.wrong += koken_epoch_pin(epoch) != 0;
        pairs.wrong += koken_epoch_unpin(epoch) != 0;
    }
    rc = end(&pairs, "toolbox-epoch");
    koken_epoch_free(epoch);
    return rc == 0 ? epoch_ck(run) : rc;
}

static int stack_ck(struct bench_run *run)
{
    static struct {
        ck_stack_t stack;
    } __attribute__((aligned(16))) head;
    static ck_stack_entry_t entry, below;
    struct pairs pairs = begin(run, ROUNDS);
    ck_stack_init(&head.stack);
    ck_stack_push_mpmc(&head.stack, &below);
    for (uint64_t i = 0; i < pairs.count; i++) {
        ck_stack_push_mpmc(&head.stack, &entry);
        pairs.wrong += ck_stack_pop_mpmc(&head.stack) != &entry;
    }
    return end(&pairs, "toolbox-stack-linked-ck");
}

struct freed {
    ck_stack_entry_t in;
    ck_epoch_entry_t out;
};

static void free_it(ck_epoch_entry_t *out)
{
    free((char *)out - offsetof(struct freed, out));
}

static int stack_ck_freed(struct bench_run *run)
{
    enum { BATCH = 64 };
    static ck_epoch_t epoch;
    static ck_epoch_record_t record;
    static bool is_known; /* a record is known for ever */
    ck_stack_t stack;
    ck_stack_entry_t below;
    if (!is_known) {
        is_known = true;
        ck_epoch_init(&epoch);
        ck_epoch_register(&epoch, &record, NULL);
    }
    struct pairs pairs = begin(run, ROUNDS / 5);
    ck_stack_init(&stack);
    ck_stack_push_upmc(&stack, &below);
    for (uint64_t i = 0; i < pairs.count; i++) {
        ck_epoch_section_t section;
        struct freed *freed = malloc(sizeof *freed);
        pairs.wrong += !freed;
        ck_stack_push_upmc(&stack, &freed->in);
        ck_epoch_begin(&record, &section);
        ck_stack_entry_t *entry = ck_stack_pop_upmc(&stack);
        (void)ck_epoch_end(&record, &section);
        pairs.wrong += entry != &freed->in;
        ck_epoch_call(&record, &freed->out, free_it);
        if (i % BATCH == 0) {
            (void)ck_epoch_poll(&record);
        }
    }
    int rc = end(&pairs, "toolbox-stack-ck");
    ck_epoch_barrier(&record);
    return rc;
}

static int stack_linked(struct bench_run *run, bool is_empty, const char *name)
{
    struct koken_stack *stack;
    struct koken_stack_link link, below;
    int rc = koken_stack_new_linked(&stack);
    if (rc == 0 && !is_empty) {
        rc = koken_stack_push_link(stack, &below);
    }
    if (rc < 0) {
        return bench_error(run, name, rc);
    }
    struct pairs pairs = begin(run, ROUNDS);
    for (uint64_t i = 0; i < pairs.count; i++) {
        struct koken_stack_link *out;
        pairs.wrong += koken_stack_push_link(stack, &link) != 0;
        pairs.wrong += koken_stack_pop_link(stack, &out) != 1 || out != &link;
    }
    rc = end(&pairs, name);
    koken_stack_free(stack);
    return rc;
}

int bench_toolbox_stack(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken_stack *stack;
    int rc = koken_stack_new(NULL, &stack);
    if (rc < 0) {
        return bench_error(run, "stack", rc);
    }
    uint64_t wrong = koken_stack_push(stack, stack) != 0;
    struct pairs pairs = begin(run, ROUNDS);
    pairs.wrong = wrong;
    for (uint64_t i = 0; i < pairs.count; i++) {
        void *out = NULL;
        pairs.wrong += koken_stack_push(stack, &pairs) != 0;
        pairs.wrong += koken_stack_pop(stack, &out) != 1 || out != &pairs;
    }
    rc = end(&pairs, "toolbox-stack");
    koken_stack_free(stack);
    rc = rc == 0 ? stack_linked(run, false, "toolbox-stack-linked") : rc;
    rc = rc == 0 ? stack_linked(run, true, "toolbox-stack-linked-empty") : rc;
    rc = rc == 0 ? stack_ck_freed(run) : rc;
    return rc == 0 ? stack_ck(run) : rc;
}

static int strict(struct bench_run *run)
{
    struct koken_priority_queue *queue;
    int rc = koken_priority_queue_new(NULL, &queue);
    if (rc < 0) {
        return bench_error(run, "priority", rc);
    }
    struct pairs pairs = {0};
    for (uint64_t i = 0; i < DEPTH; i++) {
        pairs.wrong += koken_priority_queue_push(queue, i % KOKEN_LEVEL_COUNT_, &pairs) != 0;
    }
    uint64_t wrong = pairs.wrong;
    pairs = begin(run, ROUNDS / 5);
    pairs.wrong = wrong;
    for (uint64_t i = 0; i < pairs.count; i++) {
        void *out = NULL;
        pairs.wrong += koken_priority_queue_push(queue, i % KOKEN_LEVEL_COUNT_, &pairs) != 0;
        pairs.wrong += koken_priority_queue_pop(queue, &out) != 1 || out != &pairs;
    }
    rc = end(&pairs, "toolbox-priority");
    koken_priority_queue_free(queue);
    return rc;
}

int bench_toolbox_priority(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken_relaxed *queue;
    int rc = strict(run);
    if (rc == 0) {
        rc = koken_relaxed_new(8, &queue);
    }
    if (rc < 0) {
        return bench_error(run, "relaxed", rc);
    }
    uint64_t state = bench_seed(run), wrong = 0, key = 0;
    for (uint64_t i = 0; i < DEPTH; i++) {
        wrong += koken_relaxed_push(queue, bench_random(&state), &state) != 0;
    }
    struct pairs pairs = begin(run, ROUNDS / 5);
    pairs.wrong = wrong;
    for (uint64_t i = 0; i < pairs.count; i++) {
        void *out = NULL;
        pairs.wrong += koken_relaxed_push(queue, bench_random(&state), &state) != 0;
        pairs.wrong += koken_relaxed_pop(queue, NULL, &out) != 1 || out != &state;
    }
    rc = end(&pairs, "toolbox-relaxed");
    pairs = begin(run, ROUNDS / 5);
    for (uint64_t i = 0; rc == 0 && i < pairs.count; i++) {
        void *out = NULL;
        pairs.wrong += koken_relaxed_push(queue, key + bench_random(&state), &state) != 0;
        pairs.wrong += koken_relaxed_pop(queue, &key, &out) != 1 || out != &state;
    }
    rc = rc == 0 ? end(&pairs, "toolbox-relaxed-hold") : rc;
    koken_relaxed_free(queue);
    return rc;
}
