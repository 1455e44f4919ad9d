/* SPDX-License-Identifier: Apache-2.0 */
/* The bounded queue of many producers and many consumers. The argument is in queue.h. */
#include "mailbox/toolbox/queue.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <errno.h>
#include <string.h>

enum { ITEM_MAX = 64 * 1024 };
#define CAPACITY_MAX (UINT64_C(1) << 31)
#define POSITIONS (KN_QUEUE_CLOSED - 1) /* mask */

static struct kn_queue_slot *slot_at(struct koken_queue *queue, uint64_t position)
{
    uint64_t index = position & (queue->lap - 1);
    KN_ASSERT(index < queue->capacity);
    return (struct kn_queue_slot *)(void *)(queue->slots + index * queue->stride);
}

static uint64_t next_lap(const struct koken_queue *queue, uint64_t position)
{
    return (position + queue->lap) & POSITIONS;
}

/* The position after that one. */
static uint64_t after(const struct koken_queue *queue, uint64_t position)
{
    uint64_t index = position & (queue->lap - 1);
    return kn_likely(index + 1 < queue->capacity) ? position + 1
                                                  : next_lap(queue, position - index);
}

/* How far a is beyond b, though both wrap at 2^63. */
static int64_t beyond(uint64_t a, uint64_t b)
{
    return (int64_t)((a - b) << 1) / 2;
}

static void copy(void *to, const void *from, size_t size)
{
    if (kn_likely(size == 8)) {
        memcpy(to, from, 8); /* a constant: two instructions instead of a call */
    } else {
        memcpy(to, from, size);
    }
}

void kn_queue_start_at(struct koken_queue *queue, uint64_t lap_number)
{
    uint64_t start = lap_number * queue->lap & POSITIONS;
    KN_ASSERT((start & (queue->lap - 1)) == 0);
    for (uint64_t i = 0; i < queue->capacity; i++) {
        kn_atomic_init(&slot_at(queue, i)->stamp, start + i);
    }
    kn_atomic_init(&queue->tail, start);
    kn_atomic_init(&queue->head, start);
}

int koken_queue_new(size_t capacity, size_t item_size, struct koken_queue **ret_queue)
{
    if (!ret_queue || capacity == 0 || item_size == 0) {
        return -EINVAL;
    }
    if (capacity > CAPACITY_MAX || item_size > ITEM_MAX) {
        return -E2BIG;
    }
    struct koken_queue *queue = kn_alloc(sizeof *queue, _Alignof(struct koken_queue), -1);
    if (!queue) {
        return -ENOMEM;
    }
    *queue = (struct koken_queue){.lap = 2, .capacity = capacity, .item_size = item_size};
    while (queue->lap <= capacity) {
        queue->lap *= 2;
    }
    KN_ASSERT((queue->lap & (queue->lap - 1)) == 0);
    KN_ASSERT(queue->lap > capacity);
    queue->stride = kn_align_up(sizeof(struct kn_queue_slot) + item_size, 8);
    KN_ASSERT(queue->stride - item_size >= sizeof(struct kn_queue_slot));
    queue->slots = kn_alloc(capacity * queue->stride, KN_CACHE_LINE, -1);
    if (!queue->slots) {
        kn_free(queue, sizeof *queue, _Alignof(struct koken_queue));
        return -ENOMEM;
    }
    kn_queue_start_at(queue, 0);
    *ret_queue = queue;
    return 0;
}

void koken_queue_free(struct koken_queue *queue)
{
    if (queue) {
        kn_free(queue->slots, queue->capacity * queue->stride, KN_CACHE_LINE);
        kn_free(queue, sizeof *queue, _Alignof(struct koken_queue));
    }
}

KN_HOT int koken_queue_push(struct koken_queue *queue, const void *item)
{
    if (kn_unlikely(!queue || !item)) {
        return -EINVAL;
    }
    uint64_t tail = kn_load(&queue->tail, relaxed); /* relaxed: the swap decides */
    for (;;) { /* ends: a failed swap means that another push succeeded, or the close */
        if (kn_unlikely((tail & KN_QUEUE_CLOSED) != 0)) {
            return -ESHUTDOWN;
        }
        struct kn_queue_slot *slot = slot_at(queue, tail);
        /* [MQ1] acquire: who popped the slot has read it. Pairs with release in pop. */
        int64_t ahead = beyond(kn_load(&slot->stamp, acquire), tail);
        if (kn_likely(ahead == 0)) {
            /* Relaxed: the position is a number; the stamps order the slots. */
            if (kn_cas_weak(&queue->tail, &tail, after(queue, tail), relaxed, relaxed)) {
                copy(slot->item, item, queue->item_size);
                /* [MQ2] release: publishes the item. Pairs with acquire in pop. */
                kn_store(&slot->stamp, tail + 1, release);
                return 0;
            }
            continue;
        }
        uint64_t now = kn_load(&queue->tail, relaxed); /* relaxed: as above */
        if (ahead < 0 && now == tail) {
            return -EAGAIN;
        }
        tail = now;
    }
}

KN_HOT int koken_queue_pop(struct koken_queue *queue, void *ret_item)
{
    if (kn_unlikely(!queue || !ret_item)) {
        return -EINVAL;
    }
    uint64_t head = kn_load(&queue->head, relaxed); /* relaxed: the swap decides */
    for (;;) { /* ends: a failed swap means that another pop succeeded */
        struct kn_queue_slot *slot = slot_at(queue, head);
        /* [MQ2] acquire: the item, and what its producer did before. Pairs with release in push. */
        int64_t ahead = beyond(kn_load(&slot->stamp, acquire), head + 1);
        if (kn_likely(ahead == 0)) {
            /* Relaxed: the position is a number; the stamps order the slots. */
            if (kn_cas_weak(&queue->head, &head, after(queue, head), relaxed, relaxed)) {
                copy(ret_item, slot->item, queue->item_size);
                /* [MQ1] release: the slot has been read. Pairs with acquire in push. */
                kn_store(&slot->stamp, next_lap(queue, head), release);
                return 0;
            }
            continue;
        }
        uint64_t now = kn_load(&queue->head, relaxed); /* relaxed: as above */
        if (ahead < 0 && now == head) {
            /* Relaxed: closed and at this head, tail has its last value. */
            uint64_t tail = kn_load(&queue->tail, relaxed);
            return tail == (head | KN_QUEUE_CLOSED) ? -ESHUTDOWN : -EAGAIN;
        }
        head = now;
    }
}

int koken_queue_close(struct koken_queue *queue)
{
    if (!queue) {
        return -EINVAL;
    }
    /* Relaxed: the word is all that is said; items are published by their stamps. */
    uint64_t was = kn_or(&queue->tail, KN_QUEUE_CLOSED, relaxed);
    return (was & KN_QUEUE_CLOSED) != 0 ? -EALREADY : 0;
}

bool kn_queue_is_over(struct koken_queue *queue)
{
    uint64_t head = kn_load(&queue->head, relaxed); /* relaxed, both: once true, true for ever */
    return kn_load(&queue->tail, relaxed) == (head | KN_QUEUE_CLOSED);
}

size_t koken_queue_len(const struct koken_queue *queue)
{
    if (!queue) {
        return 0;
    }
    struct koken_queue *q =
        (struct koken_queue *)(uintptr_t)queue; /* an atomic load wants no const */
    uint64_t head = kn_load(&q->head, relaxed); /* relaxed, both: a hint */
    uint64_t tail = kn_load(&q->tail, relaxed) & POSITIONS;
    int64_t laps = beyond(tail & ~(q->lap - 1), head & ~(q->lap - 1)) / (int64_t)q->lap;
    int64_t len = laps * (int64_t)q->capacity + (int64_t)(tail & (q->lap - 1)) -
                  (int64_t)(head & (q->lap - 1));
    return len < 0 ? 0 : len > (int64_t)q->capacity ? q->capacity : (size_t)len;
}

size_t koken_queue_capacity(const struct koken_queue *queue)
{
    return queue ? queue->capacity : 0;
}
