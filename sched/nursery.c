/* SPDX-License-Identifier: Apache-2.0 */
/* See nursery.h. The deque, with the argument for it, is mailbox/toolbox/deque.h. */
#include "sched/nursery.h"

#include "base/assert.h"
#include "base/mutant.h"
#include "mailbox/toolbox/deque.h"

enum {
    ROW_MAX = 16,              /* picks in a row while the queue waits */
    AGE_NS = 10 * 1000 * 1000, /* what has lain so long at the bottom might lie for ever */
};

int kn_nursery_init(struct kn_worker *worker)
{
    struct koken_deque_options options = {.capacity = KN_NURSERY_SLOTS};

    worker->young_row = 0;
    worker->has_young = false;
    worker->young_head = 0;
    worker->young_beats = 0;
    worker->young_since_ns = 0;
    return koken_deque_new(&options, &worker->nursery);
}

void kn_nursery_fini(struct kn_worker *worker)
{
    koken_deque_free(worker->nursery);
    worker->nursery = NULL;
}

/* The oldest lies there from now on. */
static void begin_age(struct kn_worker *worker, uint32_t head)
{
    worker->young_head = head;
    worker->young_since_ns = worker->now_ns;
    worker->young_beats = 0;
}

bool kn_nursery_push(struct kn_worker *worker, struct kn_runnable *runnable)
{
    uint32_t len = kn_nursery_len(worker);

    KN_ASSERT(worker == kn_worker_self);
    KN_ASSERT(runnable->step != NULL);
    if (len >= KN_NURSERY_SLOTS || koken_deque_push(worker->nursery, runnable) < 0) {
        return false;
    }
    kn_fair_put(&worker->nursery, runnable, len);
    if (!worker->has_young) {
        worker->has_young = true;
        begin_age(worker, kn_nursery_head(worker));
    }
    return true;
}

struct kn_runnable *kn_nursery_pop_any(struct kn_worker *worker)
{
    struct kn_runnable *runnable = koken_deque_pop(worker->nursery);

    kn_fair_take(&worker->nursery, runnable);
    worker->has_young = runnable != NULL;
    return runnable;
}

struct kn_runnable *kn_nursery_pop(struct kn_worker *worker)
{
    if (worker->young_row >= ROW_MAX) {
        worker->young_row = 0;
        return NULL;
    }
    worker->young_row++;
    return kn_nursery_pop_any(worker);
}

/* Puts back what was there, and has waited there all the time. */
static void keep(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct kn_runnable *next;

    for (; runnable != NULL; runnable = next) {
        next = runnable->next;
        int rc = koken_deque_push(worker->nursery, runnable);

        KN_ASSERT(rc == 0); /* there was room */
        (void)rc;
    }
}

/* All that are there, linked, the oldest first. */
static struct kn_runnable *take_out(struct kn_worker *worker, unsigned *ret_count)
{
    struct kn_runnable *first = NULL, *runnable;

    *ret_count = 0;
    while ((runnable = koken_deque_pop(worker->nursery)) != NULL) { /* ends: nobody else pushes */
        runnable->next = first;
        first = runnable;
        ++*ret_count;
    }
    return first;
}

struct kn_runnable *kn_nursery_aged(struct kn_worker *worker)
{
    struct kn_runnable *first, *last, *rest;
    unsigned count;
    uint32_t head = kn_nursery_head(worker);

    if (!worker->has_young || kn_mutant(KN_MUTANT_STARVED_NEWBORN)) {
        return NULL;
    }
    if (head != worker->young_head) {
        begin_age(worker, head);
    }
    if (++worker->young_beats < KN_YOUNG_BEATS &&
        worker->now_ns - worker->young_since_ns < AGE_NS) {
        return NULL;
    }
    first = take_out(worker, &count);
    worker->has_young = count > 1;
    for (last = first; count > 2; count -= 2) {
        last = last->next;
    }
    if (last != NULL) {
        rest = last->next;
        last->next = NULL;
        keep(worker, rest);
    }
    for (struct kn_runnable *each = first; each != NULL; each = each->next) {
        kn_fair_take(&worker->nursery, each);
    }
    begin_age(worker, kn_nursery_head(worker));
    return first;
}

struct kn_runnable *kn_nursery_steal(struct kn_worker *victim)
{
    void *item = NULL;

    KN_ASSERT(victim != kn_worker_self);
    if (koken_deque_steal(victim->nursery, &item) != 1) {
        return NULL;
    }
    kn_fair_take(&victim->nursery, item);
    return item;
}

uint32_t kn_nursery_head(const struct kn_worker *worker)
{
    /* Relaxed: compared with itself later. */
    return (uint32_t)kn_load(&worker->nursery->top, relaxed);
}
