/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Epoch reclamation: when may memory be freed that other threads may still be reading? A thread pins before
 * it follows shared pointers and unpins after; what has been unlinked is retired, and freed when every thread
 * that was pinned at the time has unpinned.
 *
 *     koken_epoch_pin(epoch);
 *     struct node *node = ...;            follow pointers
 *     koken_epoch_unpin(epoch);
 *
 *     ... unlink node ...                 nobody finds it from now on
 *     koken_epoch_retire(epoch, &node->retired, free_node);
 *
 *                pin  unpin  retire  flush  stats  free
 *     pin         -     -      -       -      -     X      X: needs exclusion
 *     unpin             -      -       -      -     X      -: may run at once, on different threads
 *     retire                   -       -      -     X
 *     flush                            -      -     X      pin, unpin: wait-free after a thread's first;
 *     stats                                   -     X      retire, flush, stats: lock-free
 *
 * A thread is known from its first call until its end, which ends its pins, or koken_epoch_leave; what it has
 * retired and not freed is then freed by others. Nothing is freed while a thread stays pinned that was pinned at the retirement:
 * see blocked in the statistics.
 *
 * Idea: K. Fraser's epochs; a bag per thread, freed by its owner, three epochs later; pins without a locked
 * instruction by membarrier, as in liburcu.
 */
#ifndef KOKEN_EPOCH_H
#define KOKEN_EPOCH_H

#include <koken/error.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_epoch;

/* What stands inside an object that will be retired, so that retiring never needs memory. */
struct koken_retired {
    struct koken_retired *next_; /* nobody's business, as the others */
    void (*free_)(struct koken_retired *retired);
    uint64_t epoch_;
};

/* koken_epoch_new makes a domain: pins in one say nothing about another. Errors: -ENOMEM, -EINVAL. */
KOKEN_MUST_USE int koken_epoch_new(struct koken_epoch **ret_epoch);

/*
 * koken_epoch_free frees all that was retired, whatever it is, and the domain; NULL is accepted. Nobody is
 * pinned, and nobody uses it any more; threads that did may live on.
 */
void koken_epoch_free(struct koken_epoch *epoch);

/*
 * koken_epoch_pin begins a time in which nothing is freed that could be reached in it. Pins nest. Thread: any;
 * not across a wait of a fiber, which may go on on another thread. Errors: -ENOMEM, at a thread's first pin
 * only, and it is not pinned; -EINVAL. Cost: two stores and a load; a locked instruction where the system
 * has no membarrier.
 */
KOKEN_MUST_USE int koken_epoch_pin(struct koken_epoch *epoch);

/* koken_epoch_unpin ends the innermost pin of this thread. Errors: -EINVAL there is none. */
int koken_epoch_unpin(struct koken_epoch *epoch);

/*
 * koken_epoch_retire says that nobody can find the object any more: free_object(retired) is called once, by
 * some thread, when nobody who was pinned can see it. The caller has unlinked it before the call. Thread:
 * any, pinned or not; free_object may retire, pin and unpin. Errors: -ENOMEM, at a thread's first call
 * only; the object is then still the caller's; -EINVAL. Cost: a few stores; each 64th call looks at all threads.
 */
KOKEN_MUST_USE int koken_epoch_retire(struct koken_epoch *epoch, struct koken_retired *retired,
                                      void (*free_object)(struct koken_retired *retired));

/*
 * koken_epoch_flush goes on as many epochs as it can, and frees what has become free of this thread's and
 * of those that have ended. What remains is the answer, of all threads together. Thread: any. Errors: -EINVAL.
 */
int64_t koken_epoch_flush(struct koken_epoch *epoch);

/* koken_epoch_leave forgets the calling thread, as its end would. Errors: -EBUSY it is pinned; -EINVAL. */
int koken_epoch_leave(struct koken_epoch *epoch);

/* What a domain has done. */
struct koken_epoch_stats {
    uint64_t epoch;   /* how often all threads have gone on */
    uint64_t retired; /* in all */
    uint64_t freed;   /* in all */
    uint64_t
        blocked; /* attempts to go on that failed since the last that did not: somebody stays pinned */
    uint32_t threads; /* known now */
};

/* koken_epoch_stats_get answers with a moment's numbers. Errors: -EINVAL. Thread: any. */
int koken_epoch_stats_get(const struct koken_epoch *epoch, struct koken_epoch_stats *ret_stats);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
