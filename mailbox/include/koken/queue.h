/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded first-in-first-out queue of items of one size, for any number of producers and consumers. The
 * bound is exact, and any number from 1 up. Items are copied in and out.
 *
 *     struct koken_queue *queue;
 *     int rc = koken_queue_new(100, sizeof(uint32_t), &queue);
 *     uint32_t item = 42;
 *     if (rc == 0 && koken_queue_push(queue, &item) == 0 && koken_queue_pop(queue, &item) == 0) ...
 *
 *               push  pop  close  len  free
 *     push       -     -     -     -    X       X: needs exclusion, -: may run at once
 *     pop              -     -     -    X
 *     close                  -     -    X       push, pop: lock-free; close, len: wait-free
 *
 * No call waits. koken_blocking_queue is the one whose callers do.
 *
 * Idea: D. Vyukov's bounded queue, a sequence number per slot; positions made of lap and index, so that the
 * capacity need not be a power of two.
 */
#ifndef KOKEN_QUEUE_H
#define KOKEN_QUEUE_H

#include <koken/error.h>

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_queue;

/*
 * koken_queue_new makes an empty queue for capacity items of item_size bytes. Errors: -EINVAL either is 0;
 * -E2BIG the capacity is above 2^31, or an item above 64 KiB; -ENOMEM.
 */
KOKEN_MUST_USE int koken_queue_new(size_t capacity, size_t item_size,
                                   struct koken_queue **ret_queue);

/* koken_queue_free frees a queue that nobody uses any more, with what is in it. NULL is accepted. */
void koken_queue_free(struct koken_queue *queue);

/*
 * koken_queue_push copies *item to the end. Thread: any. Errors: -EAGAIN it is full, counting items that
 * another thread is taking out at this moment; -ESHUTDOWN it is closed; -EINVAL. Order: what precedes the
 * push happens-before what follows the pop that gets the item. Cost: one locked instruction, no allocation.
 */
KOKEN_MUST_USE int koken_queue_push(struct koken_queue *queue, const void *item);

/*
 * koken_queue_pop moves the oldest item to *ret_item. Thread: any. Errors: -EAGAIN it is empty, or the oldest
 * is still being copied in; -ESHUTDOWN it is empty and closed, so nothing will ever come; -EINVAL.
 */
KOKEN_MUST_USE int koken_queue_pop(struct koken_queue *queue, void *ret_item);

/*
 * koken_queue_close: no push succeeds any more; what is in can still be popped. Thread: any. Errors:
 * -EALREADY it was closed; -EINVAL.
 */
int koken_queue_close(struct koken_queue *queue);

/* koken_queue_len is the number of items, of one moment of the call if nobody else is at it. Thread: any. */
size_t koken_queue_len(const struct koken_queue *queue);

/* koken_queue_capacity is the bound. Thread: any. */
size_t koken_queue_capacity(const struct koken_queue *queue);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
