/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a mailbox has besides its word when it needs more: a bound in bytes, a list from which the
 * oldest may be dropped, and the list of those who wait for room. All of it is off the hot path,
 * under one mutex of rank 40 (nothing is locked inside it), but the bytes, which are a counter.
 *
 * Nobody who waits is forgotten: a waiter is entered under the lock and then looks at the mailbox
 * once more; the one who ends the pressure first clears the flag, then takes the list under the
 * lock. Whichever comes second under the lock sees what the other did.
 */
#ifndef KN_MAILBOX_OVERFLOW_H
#define KN_MAILBOX_OVERFLOW_H

#include "base/atomic.h"
#include "caps/envelope.h"

#include <koken/error.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* One who waits for room; memory of the one who waits until it is taken off the list. */
struct kn_room_waiter {
    struct kn_room_waiter *next; /* (m) of the overflow */
    uint64_t who;                /* id of the agent to tell */
    uint64_t cookie;             /* for the waiter's own use */
};

struct kn_overflow {
    pthread_mutex_t lock;
    struct kn_room_waiter *waiters;      /* (m) first come, first */
    struct kn_room_waiter **waiters_end; /* (m) */
    uint32_t waiter_count;               /* (m) */
    uint32_t wave;                       /* (m) how many of them were told at once, last */
    struct kn_envelope *oldest;          /* (m) DROP_OLD: the user lane itself, oldest first */
    struct kn_envelope *newest;          /* (m) */
    uint32_t count;                      /* (m) its length */
    bool closed;                         /* (m) the receiver has ended */
    uint64_t bytes_max;                  /* (c) 0: no bound */
    uint64_t bytes_low;                  /* (c) pressed ends here; bytes_max: no hysteresis */
    kn_atomic(uint64_t) bytes;           /* (a) payload bytes accepted and not consumed, and whether
                                          * it is pressed: it has refused, and not been low since */
    kn_atomic(uint32_t) held; /* (a) written by the receiver: put aside, not in the list */
};

/* NULL: no memory. bytes_max 0: no bound in bytes; bytes_low: at most that. */
struct kn_overflow *kn_overflow_new(uint64_t bytes_max, uint64_t bytes_low);
void kn_overflow_free(struct kn_overflow *overflow);

/* Enters a waiter. False: the receiver has ended, the waiter was not entered. Thread: any. */
bool kn_overflow_wait(struct kn_overflow *overflow, struct kn_room_waiter *keep_waiter);

/* Takes a waiter off again. False: it is not in the list (any more). Thread: any. */
bool kn_overflow_unwait(struct kn_overflow *overflow, struct kn_room_waiter *waiter);

/* How many wait at this moment. Thread: any. */
uint32_t kn_overflow_waiters(struct kn_overflow *overflow);

/*
 * How many of those who wait to tell now: `first` when pressure has ended, or, with 0, twice as many as the
 * time before, since those have not filled the mailbox. *ret_all: these are all. Thread: any.
 */
uint32_t kn_overflow_wave(struct kn_overflow *overflow, uint32_t first, bool *ret_all);

/*
 * Takes the waiter who came first off the list and tells who it is; its memory is not touched
 * afterwards. False: nobody waits. Thread: any.
 */
bool kn_overflow_pop_waiter(struct kn_overflow *overflow, uint64_t *ret_who, uint64_t *ret_cookie);

/* The receiver has ended: nobody enters any more. Thread: the receiver. */
void kn_overflow_close(struct kn_overflow *overflow);

/*
 * DROP_OLD: appends an envelope; if that makes more than max, *ret_victim is the oldest, now the
 * caller's, else NULL. False: the receiver has ended, the envelope stays the caller's. Thread: any.
 */
bool kn_overflow_append(struct kn_overflow *overflow, struct kn_envelope *take_envelope,
                        uint32_t max, struct kn_envelope **ret_victim);

/* The oldest envelope, now the caller's, or NULL. Thread: the receiver. */
struct kn_envelope *kn_overflow_pop(struct kn_overflow *overflow);

/* The same for the oldest of that type; the others keep their order. Cost: O(count). */
struct kn_envelope *kn_overflow_pop_type(struct kn_overflow *overflow,
                                         const struct koken_type *type);

/* How many wait in the list. Thread: any. */
uint32_t kn_overflow_count(struct kn_overflow *overflow);

/*
 * Reserves n bytes. False: over the bound, or not down at the low mark since; nothing reserved. *opened is
 * set (never cleared) if this ended the pressure: the caller tells those who wait. Thread: any.
 */
bool kn_overflow_reserve(struct kn_overflow *overflow, uint64_t n, bool *opened);

/* Gives n bytes back. True: that ended the pressure, the caller tells those who wait. Thread: any. */
KOKEN_MUST_USE bool kn_overflow_release(struct kn_overflow *overflow, uint64_t n);

/* Whether bytes are short, for one who has just entered the line: later than the relief, or seen by it. */
bool kn_overflow_is_pressed(struct kn_overflow *overflow);

#endif
