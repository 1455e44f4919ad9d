/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event to wait for, beside a condition that the waiter itself looks at.
 *
 *      who waits                               who has made the condition true
 *      waiting + 1                             turn + 1   (a read-modify-write)
 *      t = turn  (a read-modify-write)         waiting > 0? wake
 *      looks at the condition
 *      sleeps while turn == t
 *
 * Both change the same word, so one comes first. The waiter first: its announcement is seen, and it is woken,
 * or does not fall asleep as turn is another. The other first: the waiter's look sees what it did. A turn
 * comes again after 2^32 events within one such look.
 */
#ifndef KN_MAILBOX_TOOLBOX_EVENT_H
#define KN_MAILBOX_TOOLBOX_EVENT_H

#include "base/atomic.h"
#include "base/world.h"

#include <stdbool.h>
#include <stdint.h>

struct kn_event {
    kn_atomic(uint32_t) turn;    /* (a) the word to sleep on */
    kn_atomic(uint32_t) waiting; /* (a) */
};

/* After the condition has become true: wakes at most count of those who wait. Thread: any. */
static inline void kn_event_tell(struct kn_event *event, uint32_t count)
{
    /* [EV1] release: the condition; acquire: who waits. Pairs with the same word in begin and sleep. */
    (void)kn_add(&event->turn, 1, acq_rel);
    if (kn_load(&event->waiting, relaxed) > 0) { /* relaxed: ordered by the turn */
        kn_futex_wake(&event->turn, count);
    }
}

/* Announces a waiter; *ret_turn is for kn_event_sleep(), after a look at the condition. */
static inline void kn_event_begin(struct kn_event *event, uint32_t *ret_turn)
{
    (void)kn_add(&event->waiting, 1, relaxed);    /* relaxed: released by the turn */
    *ret_turn = kn_add(&event->turn, 0, acq_rel); /* [EV1] */
}

/* Sleeps unless told since; then it is to be looked again. False: the deadline has passed. */
static inline bool kn_event_sleep(struct kn_event *event, uint32_t *turn, uint64_t deadline_ns)
{
    int rc = kn_futex_wait(&event->turn, *turn, deadline_ns);
    *turn = kn_load(&event->turn, acquire); /* [EV1] acquire: the condition */
    return rc == 0;
}

static inline void kn_event_end(struct kn_event *event)
{
    (void)kn_sub(&event->waiting, 1, relaxed); /* relaxed: at worst somebody is woken for nothing */
}

#endif
