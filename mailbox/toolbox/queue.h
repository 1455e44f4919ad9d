/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a queue is made of. A position is a lap and an index in one word, index below; it goes from the last
 * index to the first of the next lap, so no division is needed and any capacity will do. Each slot has a
 * stamp, which says who may touch it:
 *
 *      stamp == position        empty, and the producer that gets this position may write it
 *      stamp == position + 1    full, and the consumer that gets this position may read it
 *
 * then it is the same position of the next lap. The compare and swap of tail or head gives a position to one
 * thread; the stamp hands the slot over. A stamp behind the position: the slot is of the lap before, so the
 * queue is full (or empty), or one of those at work has been stopped; nobody waits for it.
 *
 * Even the capacity 1 has two laps' stamps apart: a lap is a power of two above the capacity. The top bit of
 * tail closes the queue: the swap of every push fails from then on. Positions wrap below it, at 2^63.
 */
#ifndef KN_MAILBOX_TOOLBOX_QUEUE_H
#define KN_MAILBOX_TOOLBOX_QUEUE_H

#include <koken/queue.h>

#include "base/align.h"
#include "base/atomic.h"

#include <stdint.h>

#define KN_QUEUE_CLOSED (UINT64_C(1) << 63)

struct kn_queue_slot {
    kn_atomic(uint64_t) stamp;          /* (a) */
    KN_ALIGNED(8) unsigned char item[]; /* whose the stamp says */
};

/* (a) atomic  (c) const */
struct koken_queue {
    unsigned char *slots; /* (c) */
    uint64_t lap;         /* (c) a power of two, above the capacity */
    uint64_t capacity;    /* (c) */
    size_t item_size;     /* (c) */
    size_t stride;        /* (c) of a slot */
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(uint64_t) tail; /* (a) producers */
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(uint64_t) head; /* (a) consumers */
};

/* Tests: an empty queue whose next position is the first of that lap. Nobody else is there. */
void kn_queue_start_at(struct koken_queue *queue, uint64_t lap_number);

/* Whether nothing is in it and nothing can come. Thread: any. */
bool kn_queue_is_over(struct koken_queue *queue);

#endif
