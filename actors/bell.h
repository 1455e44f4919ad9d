/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bell: what a caller hangs up where he waits, on his stack, until somebody rings it, once. The caller is a thread
 * outside, a fiber agent, or an errand on a worker (a task of a group), which gives its worker away meanwhile.
 *
 *      hung --ring--> rung            the wait ends with 0
 *       |
 *       +--out of time, cancelled, its fiber freed: leave() takes it down--> the wait ends with an error
 *          leave() is false: a ringer has it already, and the wait goes on until it rings
 */
#ifndef KN_ACTORS_BELL_H
#define KN_ACTORS_BELL_H

#include "base/atomic.h"

#include <stdbool.h>
#include <stdint.h>

struct kn_bell {
    kn_atomic(uint32_t) rung; /* (a) 0 or 1; the futex of a thread */
    uint64_t who;             /* (c) the fiber agent, 0: a thread */
    const void *on;           /* the future it waits for, for reports; or NULL */
    /* (c) Takes it down. True: nobody has it, nor will ring it. Thread: the caller's, or who frees its fiber. */
    bool (*leave)(struct kn_bell *self);
};

/*
 * Prepares a bell of the calling thread or fiber. Errors: -ENOTSUP a handler agent, or a callback, which
 * cannot wait.
 */
int kn_bell_init(struct kn_bell *bell, bool (*leave)(struct kn_bell *self));

/* Rings it; it may be gone when this returns. Thread: any, once. Order: happens-before the wait's end. */
void kn_bell_ring(struct kn_bell *bell);

/* Waits. 0: rung. Else it has been taken down: -ETIMEDOUT, -ECANCELED the fiber is to end, -ENOMEM. */
int kn_bell_wait(struct kn_bell *bell, uint64_t timeout_ns);

/* The fiber that waits will never run again. Thread: who frees it. */
void kn_bell_abandon(struct kn_bell *bell);

/* Frame a callback: what it calls must not wait. They nest. */
void kn_callback_begin(void);
void kn_callback_end(void);

#endif
