/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue that is waited at: queue.h, and an event for each side.
 *
 * Each success tells the other side's event once, so that one more looks. That alone is not enough: two items
 * may be in while the older is still being copied, and both tellings find the same waiter. So a waiter that
 * succeeds passes the word on to the next of its own side while there may be more. (test/model/blocking_queue.c)
 */
#include <koken/blocking_queue.h>

#include "base/align.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "mailbox/toolbox/event.h"
#include "mailbox/toolbox/queue.h"

#include <errno.h>

enum { SPINS = KN_MODEL_SIZE(64, 0) }; /* a partner on another core is often that near */

struct koken_blocking_queue {
    struct koken_queue *queue;                         /* (c) */
    KN_ALIGNED(KN_FALSE_SHARING) struct kn_event room; /* (a) */
    KN_ALIGNED(KN_FALSE_SHARING) struct kn_event item; /* (a) */
};

int koken_blocking_queue_new(size_t capacity, size_t item_size,
                             struct koken_blocking_queue **ret_queue)
{
    if (!ret_queue) {
        return -EINVAL;
    }
    int rc = kn_world_init();
    if (rc < 0) {
        return rc;
    }
    struct koken_blocking_queue *queue =
        kn_alloc(sizeof *queue, _Alignof(struct koken_blocking_queue), -1);
    if (!queue) {
        return -ENOMEM;
    }
    rc = koken_queue_new(capacity, item_size, &queue->queue);
    if (rc < 0) {
        kn_free(queue, sizeof *queue, _Alignof(struct koken_blocking_queue));
        return rc;
    }
    kn_atomic_init(&queue->room.turn, 0);
    kn_atomic_init(&queue->room.waiting, 0);
    kn_atomic_init(&queue->item.turn, 0);
    kn_atomic_init(&queue->item.waiting, 0);
    *ret_queue = queue;
    return 0;
}

void koken_blocking_queue_free(struct koken_blocking_queue *queue)
{
    if (queue) {
        koken_queue_free(queue->queue);
        kn_free(queue, sizeof *queue, _Alignof(struct koken_blocking_queue));
    }
}

/* One of the two directions; which is a constant at each caller. */
struct side {
    struct kn_event *mine, *other; /* to wait for, to tell */
    const void *item;              /* to push, or NULL */
    void *ret_item;                /* to pop */
};

static int attempt(struct koken_queue *queue, const struct side *side)
{
    KN_ASSERT(!side->item != !side->ret_item); /* one of the two directions */
    KN_ASSERT(side->mine != side->other);
    return side->item ? koken_queue_push(queue, side->item)
                      : koken_queue_pop(queue, side->ret_item);
}

static KN_NOINLINE int wait_for(struct koken_queue *queue, const struct side *side,
                                uint64_t timeout_ns)
{
    int rc = -EAGAIN;
    for (int i = 0; i < SPINS && rc == -EAGAIN; i++) {
        kn_pause();
        rc = attempt(queue, side);
    }
    if (rc != -EAGAIN) {
        return rc;
    }
    uint64_t now_ns = timeout_ns == KOKEN_NO_DEADLINE ? 0 : kn_now();
    uint64_t deadline_ns = timeout_ns < KN_NEVER - now_ns ? now_ns + timeout_ns : KN_NEVER;
    uint32_t turn;
    bool is_in_time = true;
    kn_event_begin(side->mine, &turn);
    for (;;) { /* ends by success, close or deadline; each round begins with a wake-up */
        rc = attempt(queue, side);
        if (rc != -EAGAIN) {
            break;
        }
        if (!is_in_time) {
            rc = -ETIMEDOUT;
            break;
        }
        is_in_time = kn_event_sleep(side->mine, &turn, deadline_ns);
    }
    kn_event_end(side->mine);
    if (rc == 0 && kn_load(&side->mine->waiting, relaxed) > 0) { /* relaxed: see the top */
        size_t len = koken_queue_len(queue);
        if (side->item ? len < koken_queue_capacity(queue) : len > 0) {
            kn_event_tell(side->mine, 1);
        }
    }
    return rc;
}

static inline int go(struct koken_queue *queue, const struct side *side, uint64_t timeout_ns)
{
    int rc = attempt(queue, side);
    if (rc == -EAGAIN && timeout_ns != 0) {
        rc = wait_for(queue, side, timeout_ns);
    }
    if (rc == 0) {
        kn_event_tell(side->other, 1);
    }
    return rc;
}

int koken_blocking_queue_put(struct koken_blocking_queue *queue, const void *item,
                             uint64_t timeout_ns)
{
    if (!queue || !item) {
        return -EINVAL;
    }
    struct side side = {&queue->room, &queue->item, item, NULL};
    return go(queue->queue, &side, timeout_ns);
}

int koken_blocking_queue_take(struct koken_blocking_queue *queue, void *ret_item,
                              uint64_t timeout_ns)
{
    if (!queue || !ret_item) {
        return -EINVAL;
    }
    struct side side = {&queue->item, &queue->room, NULL, ret_item};
    int rc = go(queue->queue, &side, timeout_ns);
    if (rc == 0 && kn_queue_is_over(queue->queue)) {
        kn_event_tell(&queue->item, UINT32_MAX); /* that was the last: nobody need wait for more */
    }
    return rc;
}

int koken_blocking_queue_close(struct koken_blocking_queue *queue)
{
    if (!queue) {
        return -EINVAL;
    }
    int rc = koken_queue_close(queue->queue);
    if (rc == 0) {
        kn_event_tell(&queue->room, UINT32_MAX);
        kn_event_tell(&queue->item, UINT32_MAX);
    }
    return rc;
}

size_t koken_blocking_queue_len(const struct koken_blocking_queue *queue)
{
    return queue ? koken_queue_len(queue->queue) : 0;
}
