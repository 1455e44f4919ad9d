/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A work-stealing deque of pointers, without a bound: one thread, the owner, pushes and pops at one end,
 * newest first; any other thread steals at the other, oldest first. Chase and Lev's.
 *
 *             push  pop  steal  len
 *     push     X     X     -     -      X: both are the owner's, one thread at a time
 *     pop            X     -     -      -: may run at once
 *     steal                -     -      push, pop, len: wait-free but for growing, which allocates
 *     len                        -      steal: lock-free
 *
 * The owner's calls have no locked instruction while nobody is stealing: what would order pop and
 * steal is paid by who steals (membarrier, about a microsecond, and only where there is something to
 * steal). With .is_symmetric, or where the system has no membarrier, each pop pays one instead.
 *
 * Idea: D. Chase, Y. Lev, Dynamic circular work-stealing deque, 2005; asymmetric fences as in liburcu.
 */
#ifndef KOKEN_DEQUE_H
#define KOKEN_DEQUE_H

#include <koken/error.h>

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_deque;

/* How a deque shall be; zero is the default of each. */
struct koken_deque_options {
    size_t struct_size; /* sizeof of this, or 0 */
    size_t capacity;    /* to begin with: rounded up to a power of two, at least 16; default 64 */
    bool
        is_symmetric; /* a steal is cheap, a pop dearer: for what is stolen more than it is popped */
};

/*
 * koken_deque_new makes an empty deque; NULL for the default options. Errors: -EINVAL struct_size is
 * wrong, or the capacity above 2^31; -ENOMEM.
 */
KOKEN_MUST_USE int koken_deque_new(const struct koken_deque_options *options,
                                   struct koken_deque **ret_deque);

/* koken_deque_free frees a deque that nobody uses any more. What is in it is forgotten. NULL is accepted. */
void koken_deque_free(struct koken_deque *deque);

/*
 * koken_deque_push puts item at the owner's end. Thread: owner. Errors: -EINVAL deque or item is NULL;
 * -ENOMEM it could not grow, and is as before. Order: what precedes the push happens-before what follows
 * the pop or steal that gets the item. Cost: a few stores; growing copies, and keeps the old array till the
 * end, so a deque holds at most twice its largest.
 */
KOKEN_MUST_USE int koken_deque_push(struct koken_deque *deque, void *item);

/* koken_deque_pop takes the newest item; NULL: it is empty. Thread: owner. */
void *koken_deque_pop(struct koken_deque *deque);

/*
 * koken_deque_steal takes the oldest item. 1: *ret_item is it; 0: there is none. Thread: any, the owner
 * too. Errors: -EBUSY another was faster, and there may be more: try again, or elsewhere; -EINVAL.
 */
KOKEN_MUST_USE int koken_deque_steal(struct koken_deque *deque, void **ret_item);

/* koken_deque_len is the number of items: exact for the owner when nobody steals, else a moment's truth. */
size_t koken_deque_len(const struct koken_deque *deque);

/* koken_deque_capacity is how many it can hold without growing. Thread: owner. */
size_t koken_deque_capacity(const struct koken_deque *deque);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
