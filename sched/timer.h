/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers: a node inside the object that waits, on the wheel of one worker. Deadlines are absolute,
 * in nanoseconds. A timer is called back exactly once for each time it was armed: fired, never
 * before its deadline, or cancelled. The argument for all of this is sched/DESIGN-timers-fibers.md.
 *
 *                  arm               owner: deadline reached     -> fire(worker, timer, false)
 *      IDLE --------------> ARMED -------------------------> IDLE
 *       ^                   |   |    owner: cancel               -> fire(worker, timer, true), at
 * once |                   |   +--------------------------> IDLE |                   | another
 * thread: cancel |                   v
 *       +-------------- CANCELLED                                -> fire(worker, timer, true), by
 * the owner: reap                                              owner's next kn_wheel_advance()
 *
 * From arm to callback the node belongs to the wheel: its memory must stay. When the callback is
 * entered the node is the owner's again: it may be armed anew there, or its memory freed.
 *
 *                   arm  advance  next  fini  own cancel  remote cancel
 *      arm           X      X      X     X        X             -
 *      advance              X      X     X        X             -       X: needs exclusion, which
 * being next                        -     X        X             -          the worker gives; -:
 * none. fini                              X        X             X own cancel X             -
 * Everything is wait-free except remote cancel                                            - the
 * push of a remote cancel, which is lock-free.
 */
#ifndef KN_SCHED_TIMER_H
#define KN_SCHED_TIMER_H

#include "base/align.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/list.h"
#include "base/stats.h"
#include "base/world.h"

#include <stdbool.h>
#include <stdint.h>

struct kn_wheel;
struct kn_worker;

/*
 * The lowest level has slots of 1.024 us, each level above 64 times that. Nine levels of 64 slots
 * and the 10 bits inside a slot make exactly the 64 bits of a deadline: no list of timers that are
 * "too far".
 */
enum {
    KN_WHEEL_SLOT_BITS = 10,
    KN_WHEEL_LEVEL_BITS = 6,
    KN_WHEEL_SLOTS = 1 << KN_WHEEL_LEVEL_BITS,
    KN_WHEEL_LEVELS = 9,
    KN_WHEEL_BATCH = 256, /* timers moved or called back in one kn_wheel_advance() at most */
    KN_WHEEL_REAP_WAKE =
        64, /* every so many remote cancels a sleeping owner is woken to reap them */
};
_Static_assert(KN_WHEEL_SLOT_BITS + KN_WHEEL_LEVELS * KN_WHEEL_LEVEL_BITS == 64,
               "the levels cover every deadline");

enum kn_timer_state { KN_TIMER_IDLE, KN_TIMER_ARMED, KN_TIMER_CANCELLED };

/* The zero state is an idle timer. */
struct kn_timer {
    struct kn_list link;  /* (o) in a slot, or in the list of those that are being moved */
    uint64_t deadline_ns; /* (o) */
    void (*fire)(struct kn_worker *worker, struct kn_timer *self, bool cancelled); /* (o) */
    struct kn_timer *next_cancelled;    /* of the canceller until its push, then (o) */
    kn_atomic(struct kn_wheel *) wheel; /* (a) written by arm, read by cancellers */
    kn_atomic(uint32_t) state;          /* (a) enum kn_timer_state */
    uint32_t slot;                      /* (o) the slot it is in or was moved out of, or none */
};
_Static_assert(sizeof(struct kn_timer) <= KN_CACHE_LINE, "a timer is at most one line");

struct kn_wheel_slot {
    struct kn_list timers; /* valid while the slot's bit is set */
    uint64_t earliest_ns;  /* no timer of the slot is earlier; exact unless one was cancelled */
};

/* By the owner. Alive = armed - fired - cancelled. */
struct kn_wheel_stats {
    struct kn_count armed;
    struct kn_count fired;
    struct kn_count cancelled; /* called back with cancelled = true */
};

/* (o) owner worker only, (c) const after init, (a) atomic. */
struct kn_wheel {
    uint64_t edge_ns;    /* (o) before this time an advance has nothing to do; 0 when interrupted */
    uint64_t elapsed_ns; /* (o) slots are relative to this time; never goes back */
    uint64_t moving_last_ns; /* (o) end, inclusive, of the slot that `moving` was */
    struct kn_list moving;   /* (o) a slot that was reached, still to be fired or spread */
    uint32_t moving_slot;    /* (o) which one that was */
    uint32_t levels_used;    /* (o) bit per level: slots_used[level] != 0 */
    uint64_t slots_used[KN_WHEEL_LEVELS]; /* (o) bit per slot: it holds timers */
    struct kn_worker *worker;             /* (c) handed to callbacks */
    void (*wake)(
        struct kn_worker *worker); /* (c) makes the owner advance soon if it sleeps, or NULL */
    bool is_advancing;             /* (o) */
    bool is_closed;                /* (o) */
    struct kn_wheel_stats stats;
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(struct kn_timer *) cancelled; /* (a) by other threads */
    kn_atomic(uint32_t) cancelled_count;                                 /* (a) */
    KN_ALIGNED(KN_FALSE_SHARING) struct kn_wheel_slot slots[KN_WHEEL_LEVELS * KN_WHEEL_SLOTS];
};

/*
 * Prepares a wheel that starts at now. wake is called by a thread that cancelled a timer of this
 * wheel remotely, every KN_WHEEL_REAP_WAKE times: if the owner sleeps, it should wake up and
 * advance.
 */
void kn_wheel_init(struct kn_wheel *wheel, struct kn_worker *keep_worker, uint64_t now,
                   void (*wake)(struct kn_worker *worker));

/*
 * Calls every armed timer back with cancelled = true; a timer armed from then on is called back at
 * once. Returns how many were called. Thread: the owner, when no other thread can cancel any more.
 */
unsigned kn_wheel_fini(struct kn_wheel *wheel);

/*
 * Calls back what has been cancelled by others and what is due at now, in the order of deadlines
 * (equal ones in the order they were armed; order within 1.024 us is not promised). Does at most
 * KN_WHEEL_BATCH steps; if there is more to do, kn_wheel_next() is not later than now. Returns how
 * many were called. Thread: the owner. A callback may arm and cancel on this wheel, not advance it.
 * Cost: two loads and a store when nothing is due.
 */
unsigned kn_wheel_advance(struct kn_wheel *wheel, uint64_t now);

/*
 * The time to sleep until: the deadline of the earliest timer, 0 if there is work at once, KN_NEVER
 * if there is none. Earlier than that only if the earliest timer was cancelled and others share its
 * slot. Thread: the owner. Cost: O(1), two bit scans.
 */
uint64_t kn_wheel_next(const struct kn_wheel *wheel);

/* Panics if the structure of the wheel is broken. Thread: the owner. Cost: O(timers). For tests. */
void kn_wheel_check(const struct kn_wheel *wheel);

/* Needed where the memory is not zero. */
static inline void kn_timer_init(struct kn_timer *timer)
{
    kn_atomic_init(&timer->state, KN_TIMER_IDLE);
    kn_atomic_init(&timer->wheel, NULL);
}

/* True between arm and callback. Thread: any, but only the owner can act on the answer. */
static inline bool kn_timer_is_armed(struct kn_timer *timer)
{
    /* Relaxed: a hint; whoever wants to act on it cancels. */
    return kn_load(&timer->state, relaxed) != KN_TIMER_IDLE;
}

/*
 * Arms an idle timer. A deadline that has passed fires at the next advance.
 * Thread: the owner of the wheel. Cost: O(1), no allocation, no locked instruction.
 */
void kn_wheel_arm(struct kn_wheel *wheel, struct kn_timer *keep_timer, uint64_t deadline_ns,
                  void (*fire)(struct kn_worker *worker, struct kn_timer *self, bool cancelled));

/*
 * True: this call decided that the timer does not fire; its callback comes with cancelled = true,
 * before the return if own is the timer's wheel, else from its owner. False: it has fired, is just
 * being fired, was cancelled by somebody else, or was not armed. own: the wheel of the calling
 * worker, or NULL. Thread: any that knows the memory to be a timer, i.e. that the callback's owner
 * cannot free it yet. Order: what the canceller did before is seen by the callback. Cost: O(1), one
 * locked instruction (own) or three.
 */
bool kn_wheel_cancel(struct kn_wheel *own, struct kn_timer *timer);

/*
 * kn_wheel_cancel for whoever is the only one to cancel this timer: without a locked instruction, and without the
 * callback, if it is armed on own. True: that, and the timer is idle and the caller's. False: nothing has been done.
 * Thread: the owner of own, outside of kn_wheel_advance.
 */
bool kn_wheel_take_back(struct kn_wheel *own, struct kn_timer *timer);

/* The first two, by the worker that the calling thread holds; NULL to cancel: a thread that holds
 * none. */
void kn_timer_arm(struct kn_worker *worker, struct kn_timer *keep_timer, uint64_t deadline_ns,
                  void (*fire)(struct kn_worker *worker, struct kn_timer *self, bool cancelled));
bool kn_timer_cancel(struct kn_worker *worker, struct kn_timer *timer);

#endif
