/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two priority queues for any number of threads.
 *
 * koken_priority_queue is strict, has five levels, and ages: who waits long counts as of a higher level, so that
 * nobody waits for ever. It is exact: a pop gives the item whose level, with its age, is best, and of those the one
 * that came first. One lock.
 *
 * koken_relaxed orders by a number, a deadline for example, smallest first, in several heaps: a push goes to
 * one by chance, a pop takes the better of two by chance. So it scales, and a pop may be given an item that is not the
 * smallest. With h heaps the rank of what a pop gives (how many smaller ones are in) is O(h) on average and
 * O(h log h) with high probability, whatever the load. With one heap it is strict, and first in first out
 * among equals.
 *
 *               push  pop  peek  tick  stats  clear  len  free
 *     push       -     -    -     -      -      -     -     X     X: needs exclusion
 *     pop              -    -     -      -      -     -     X     -: may run at once
 *     peek                  -     -      -      -     -     X
 *     tick                        -      -      -     -     X     peek, tick, stats and clear are of the strict
 *     stats                              -      -     -     X     queue, len of the relaxed one
 *     clear                                     -     -     X
 *     len                                             -     X
 *
 * Progress: blocking, by locks held for O(1) in koken_priority_queue (clear: O(n)) and O(log n) in koken_relaxed, where
 * a thread goes on to another heap when one is locked; len is wait-free.
 *
 * Idea: H. Rihani, P. Sanders, R. Dementiev, MultiQueues, 2015; the few smallest before each heap: M. Williams,
 * P. Sanders, R. Dementiev, Engineering MultiQueues, 2021; the bound: D. Alistarh and others, The power
 * of choice in priority scheduling, 2017.
 */
#ifndef KOKEN_PRIORITY_H
#define KOKEN_PRIORITY_H

#include <koken/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The levels, best first. */
enum koken_level {
    KOKEN_LEVEL_CRITICAL,
    KOKEN_LEVEL_HIGH,
    KOKEN_LEVEL_NORMAL,
    KOKEN_LEVEL_LOW,
    KOKEN_LEVEL_BACKGROUND,
    KOKEN_LEVEL_COUNT_
};

struct koken_priority_queue;

/* How a strict queue shall be; zero is the default of each. */
struct koken_priority_queue_options {
    size_t struct_size; /* sizeof of this, or 0 */
    uint64_t age_ticks; /* so many ticks in the queue count as one level; default 100 */
    uint32_t
        boost_max; /* levels that age may give; default 2, so nothing low passes what is critical */
    bool no_ageing;
};

/* koken_priority_queue_new makes an empty strict queue; NULL: the default options. Errors: -EINVAL, -ENOMEM. */
KOKEN_MUST_USE int koken_priority_queue_new(const struct koken_priority_queue_options *options,
                                            struct koken_priority_queue **ret_queue);

/* koken_priority_queue_free frees a queue that nobody uses, and forgets what is in it. NULL is accepted. */
void koken_priority_queue_free(struct koken_priority_queue *queue);

/* koken_priority_queue_push puts item in. Thread: any. Errors: -ENOMEM; -EINVAL a NULL, or no such level. */
KOKEN_MUST_USE int koken_priority_queue_push(struct koken_priority_queue *queue,
                                             enum koken_level level, void *item);

/* koken_priority_queue_pop takes the best item. 1: *ret_item is it; 0: there is none. Thread: any. Errors: -EINVAL. */
KOKEN_MUST_USE int koken_priority_queue_pop(struct koken_priority_queue *queue, void **ret_item);

/* koken_priority_queue_peek shows what the next pop would take, and leaves it there. Otherwise as pop. */
KOKEN_MUST_USE int koken_priority_queue_peek(struct koken_priority_queue *queue, void **ret_item);

/* koken_priority_queue_tick lets n ticks pass: the unit in which items age is the caller's. Errors: -EINVAL. */
int koken_priority_queue_tick(struct koken_priority_queue *queue, uint64_t n);

/* koken_priority_queue_clear forgets what is in, and answers how many. */
size_t koken_priority_queue_clear(struct koken_priority_queue *queue);

/* What a strict queue holds and has done. */
struct koken_priority_queue_stats {
    uint64_t len[KOKEN_LEVEL_COUNT_];    /* in now, by the level of their push */
    uint64_t pushed[KOKEN_LEVEL_COUNT_]; /* in all */
    uint64_t popped[KOKEN_LEVEL_COUNT_]; /* in all */
    uint64_t aged; /* pops whose item only age had put before a better level's */
};

/* koken_priority_queue_stats_get answers with the numbers of one moment. Thread: any. Errors: -EINVAL. */
int koken_priority_queue_stats_get(struct koken_priority_queue *queue,
                                   struct koken_priority_queue_stats *ret_stats);

struct koken_relaxed;

/*
 * koken_relaxed_new makes an empty queue of that many heaps: two or more for each thread that will use it, or one
 * for a strict queue. Errors: -EINVAL heaps is 0 or above 1024; -ENOMEM.
 */
KOKEN_MUST_USE int koken_relaxed_new(unsigned heaps, struct koken_relaxed **ret_queue);

/* koken_relaxed_free frees a queue that nobody uses, and forgets what is in it. NULL is accepted. */
void koken_relaxed_free(struct koken_relaxed *queue);

/*
 * koken_relaxed_push puts item in, to be taken in the order of key. Thread: any. Errors: -ENOMEM; -EINVAL, also for an
 * item that is NULL. Order: what precedes the push happens-before what follows the pop that gets the item. Cost:
 * one locked instruction, and O(log n) unless the item is among the smallest of its heap.
 */
KOKEN_MUST_USE int koken_relaxed_push(struct koken_relaxed *queue, uint64_t key, void *item);

/*
 * koken_relaxed_pop takes an item with a small key. 1: *ret_item and *ret_key are it; 0: there is none. ret_key
 * may be NULL. Thread: any. Errors: -EINVAL. Cost: one locked instruction, and every eighth pop eight times O(log n).
 */
KOKEN_MUST_USE int koken_relaxed_pop(struct koken_relaxed *queue, uint64_t *ret_key,
                                     void **ret_item);

/* koken_relaxed_len is the number of items, a moment ago. Thread: any. */
size_t koken_relaxed_len(const struct koken_relaxed *queue);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
