/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Within the floor: the future itself, and what hangs on it.
 *
 *                 complete  attach  detach  look
 *      complete      X         -       -      -      X: the second one is refused
 * Progress: looks are wait-free; the others hold a lock for some instructions (complete: for a store per waiter).
 */
#ifndef KN_ORCHESTRATION_FUTURE_H
#define KN_ORCHESTRATION_FUTURE_H

#include "base/atomic.h"
#include "base/list.h"
#include "sched/lock.h"

#include <koken/future.h>

/* What waits for a future, inside of whatever it is. */
struct kn_then {
    struct kn_list link; /* (m) the future's lock while on it, then the wave's */
    /* Called once, outside of locks, as a callback; may free itself. */
    void (*fn)(struct kn_then *self, struct koken_future *done);
    struct koken_future *done; /* of the wave, when it came too late to be hung on; counted */
    bool is_on;                /* (m) */
};

enum { KN_FUTURE_PENDING, KN_FUTURE_DONE };

struct koken_future {
    kn_atomic(uint32_t) owners; /* (a) shares, the promise, and products of it that are under way */
    kn_atomic(uint32_t) state;  /* (a) written under lock */
    struct kn_lock lock;
    uint32_t magic;
    int error;                 /* written before DONE, like index and value */
    uint32_t size;             /* (c) of the value */
    size_t index;              /* of any and race */
    struct kn_list thens;      /* (m) while PENDING, then the wave's */
    struct koken_future *next; /* of the wave */
    /* (c) Of a product of map or then: what it hangs on its input with. */
    struct kn_then then;
    union {
        int (*map)(void *arg, const void *value, void *ret_value);
        struct koken_future *(*then)(void *arg, int error, const void *value);
    } fn;
    void *arg;
    unsigned char value[] KN_ALIGNED(16);
};

/* A pending future of two owners: promise and share. NULL: no memory, or too large. */
struct koken_future *kn_future_new(size_t value_size);
bool kn_is_future(const struct koken_future *future);

/*
 * Completes it, and gives the promise's share back if that succeeds. value NULL: it lies there already. Errors: -EALREADY.
 */
int kn_future_complete(struct koken_future *take_future, int error, const void *value);

/* Hangs it on. False: complete already, and fn is not called. */
bool kn_future_attach(struct koken_future *future, struct kn_then *keep_then);

/* Calls what could not be hung on; not within another call, but right after it. */
void kn_future_call(struct koken_future *done, struct kn_then *keep_then);

/* Takes it off. False: it was not on, or its fn is or will be called. */
bool kn_future_detach(struct koken_future *future, struct kn_then *then);

/* Complete: error, index and value can be read. */
static inline bool kn_future_is_done(struct koken_future *future)
{
    /* [OF1] acquire: the value. */
    return kn_load(&future->state, acquire) == KN_FUTURE_DONE;
}

#endif
