/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounded queue (koken/queue.h) whose callers may wait: for room, or for an item. For threads; an agent
 * that waits here holds its worker, so agents use channels and mailboxes, or koken_blocking().
 *
 *               put  take  close  len  free
 *     put        -     -     -     -    X       X: needs exclusion, -: may run at once
 *     take             -     -     -    X
 *     close                  -     -    X       put, take: blocking; with timeout 0 lock-free
 *
 * Nobody sleeps while there is something for it to do: who waits announces itself, then looks once more; who
 * puts or takes has put or taken before it looks for somebody to wake. A queue of one, handed over a million
 * times, does not stop (koken bench toolbox-handover).
 */
#ifndef KOKEN_BLOCKING_QUEUE_H
#define KOKEN_BLOCKING_QUEUE_H

#include <koken/error.h>
#include <koken/time.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_blocking_queue;

/* koken_blocking_queue_new makes an empty queue. Errors: as koken_queue_new; -ENOTSUP there is no clock. */
KOKEN_MUST_USE int koken_blocking_queue_new(size_t capacity, size_t item_size,
                                            struct koken_blocking_queue **ret_queue);

/* koken_blocking_queue_free frees a queue in which nobody waits or will. NULL is accepted. */
void koken_blocking_queue_free(struct koken_blocking_queue *queue);

/*
 * koken_blocking_queue_put copies *item to the end, and waits for room at most timeout_ns: 0 not at all,
 * KOKEN_NO_DEADLINE for ever. Thread: any, but it may sleep. Errors: -EAGAIN there is no room and timeout_ns
 * is 0; -ETIMEDOUT; -ESHUTDOWN it is closed, at once also for those who wait; -EINVAL. Order: what precedes
 * the put happens-before what follows the take of the item.
 */
KOKEN_MUST_USE int koken_blocking_queue_put(struct koken_blocking_queue *queue, const void *item,
                                            uint64_t timeout_ns);

/*
 * koken_blocking_queue_take moves the oldest item to *ret_item, and waits for one as put does for room. Errors:
 * the same; -ESHUTDOWN only when the queue is closed and empty: what was accepted can be taken.
 */
KOKEN_MUST_USE int koken_blocking_queue_take(struct koken_blocking_queue *queue, void *ret_item,
                                             uint64_t timeout_ns);

/* koken_blocking_queue_close refuses every further put and wakes all who wait. Errors: -EALREADY, -EINVAL. */
int koken_blocking_queue_close(struct koken_blocking_queue *queue);

/* koken_blocking_queue_len is the number of items, a moment ago. Thread: any. */
size_t koken_blocking_queue_len(const struct koken_blocking_queue *queue);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
