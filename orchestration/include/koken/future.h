/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futures: a value that will be there, or an error that will be known; once. Its promise is the right to say it.
 *
 *     koken_promise promise;
 *     struct koken_future *price, *sum;
 *     int rc = koken_promise_new(sizeof(double), &promise, &price);
 *     rc = koken_future_map(price, sizeof(double), add_fee, NULL, &sum);
 *     ...                                                  somewhere: koken_promise_set(&promise, &value)
 *     rc = koken_future_wait(sum, KOKEN_MS(50), &value);   a fiber or a thread; handlers use koken_future_tell
 *
 * A value is plain bytes of the size that was said. Who holds a struct koken_future * holds a share of it and gives it
 * back by koken_future_drop; the functions below borrow what they are given. A promise that is dropped fails its future
 * with -EPROTO: nobody waits in vain.
 *
 * Functions given to futures run once, where the future is completed (or at once, if it is already), outside of locks,
 * one after the other: one that comes up inside of another runs right after it.
 * They may do with futures what they like, but not wait (-ENOTSUP). Completing a chain or a fan of any length takes no
 * stack: what a completion completes is taken up when the present function has returned.
 * Thread: any, unless said. Order: what precedes the completion happens-before what is told of it.
 */
#ifndef KOKEN_FUTURE_H
#define KOKEN_FUTURE_H

#include <koken/cancel.h>
#include <koken/message.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_future; /* a share of a result to come; opaque */

/* koken_promise is the right to complete a future, for one. {NULL}: used up. */
typedef struct koken_promise {
    struct koken_future *future;
} koken_promise;

/*
 * koken_promise_new makes a promise and its future, of a value of value_size bytes (0: none).
 * Owner: both are yours. Errors: -ENOMEM, -EINVAL. Cost: one allocation.
 */
KOKEN_MUST_USE int koken_promise_new(size_t value_size, koken_promise *ret_promise,
                                     struct koken_future **ret_future);

/*
 * koken_promise_set(&promise, &value) completes the future with a copy of value, and uses the promise up; likewise
 * koken_promise_fail(&promise, error) with an error. Errors: -EALREADY the promise is used up, or a copy of it was; -EPROTO the
 * value is of another size, -EINVAL not an error (< 0), or no promise: then the promise is as before.
 */
#define koken_promise_set(take_promise, value_ptr)                                                 \
    koken_promise_set_((take_promise), (value_ptr), sizeof *(value_ptr))
KOKEN_MUST_USE int koken_promise_set_(koken_promise *take_promise, const void *value, size_t size);
KOKEN_MUST_USE int koken_promise_fail(koken_promise *take_promise, int error);

/* koken_promise_done completes a future without a value. Errors: as koken_promise_set. */
KOKEN_MUST_USE int koken_promise_done(koken_promise *take_promise);

/* koken_promise_drop gives a promise up: -EPROTO to who waits. One that is used up: nothing. */
void koken_promise_drop(koken_promise *take_promise);

/* koken_promise_is_wanted tells whether anybody has a share of the future still: if not, do not bother. */
bool koken_promise_is_wanted(const koken_promise *promise);

/* koken_future_ready and koken_future_failed make a future that is complete already. Errors: -ENOMEM, -EINVAL. */
KOKEN_MUST_USE int koken_future_ready(const void *value, size_t size,
                                      struct koken_future **ret_future);
KOKEN_MUST_USE int koken_future_failed(int error, struct koken_future **ret_future);

/* koken_future_keep takes another share, koken_future_drop gives one back. NULL is accepted. */
struct koken_future *koken_future_keep(struct koken_future *future);
void koken_future_drop(struct koken_future *future);

/*
 * koken_future_wait(future, timeout_ns, &value) waits for the end and copies the value; timeout 0 looks.
 * Answers 0, or the error of the future, or: -ETIMEDOUT not complete by then; -ECANCELED the fiber is to end; -EPROTO the
 * value is of another size; -ENOTSUP in a handler or a callback; -EINVAL; -ENOMEM. Thread: fibers, tasks, threads outside.
 */
#define koken_future_wait(future, timeout_ns, ret_value)                                           \
    koken_future_wait_((future), (timeout_ns), (ret_value), sizeof *(ret_value))
KOKEN_MUST_USE int koken_future_wait_(struct koken_future *future, uint64_t timeout_ns,
                                      void *ret_value, size_t size);

/* koken_future_join waits for the end, and leaves the value alone. */
KOKEN_MUST_USE int koken_future_join(struct koken_future *future, uint64_t timeout_ns);

/*
 * koken_future_peek is what koken_future_wait would answer now: -EAGAIN while it is not complete. *ret_value, if asked for, points
 * to the value, as long as your share. Never waits, anywhere. koken_future_index: of any and race, the place of the winner.
 */
KOKEN_MUST_USE int koken_future_peek(struct koken_future *future, const void **ret_value);
size_t koken_future_index(struct koken_future *future);

/* koken_future_hook has fn(arg, future) called at the end. Errors: -ENOMEM, -EINVAL. */
KOKEN_MUST_USE int koken_future_hook(struct koken_future *future,
                                     void (*fn)(void *arg, struct koken_future *future), void *arg);

/* What koken_future_tell sends. */
KOKEN_MESSAGE(koken_future_done, {
    uint64_t cookie;
    int32_t error;           /* 0 or why there is no value */
    uint32_t size;           /* of the value */
    unsigned char value[64]; /* its first bytes; a longer one is read by koken_future_peek */
});

/*
 * koken_future_tell has struct koken_future_done sent to who at the end, with that cookie: for handlers. It comes on the system
 * lane, past the mailbox's bound. Errors: -ENOMEM, -EINVAL. Without memory at the end it does not come.
 */
KOKEN_MUST_USE int koken_future_tell(struct koken_future *future, koken_ref who, uint64_t cookie);

/*
 * koken_future_map is a future of what fn makes of the value: fn(arg, value, ret_value) answers 0 or the error. An error of the
 * input passes by fn. Errors: -ENOMEM, -EINVAL. Owner: *ret_future is yours. Cost: one allocation.
 */
KOKEN_MUST_USE int koken_future_map(struct koken_future *future, size_t value_size,
                                    int (*fn)(void *arg, const void *value, void *ret_value),
                                    void *arg, struct koken_future **ret_future);

/*
 * koken_future_then goes on with another future: fn(arg, error, value) answers one (its share is given away), whose end is that
 * of the result; NULL: -ENOMEM. It is asked after errors too. The values must have value_size bytes (else -EPROTO).
 */
KOKEN_MUST_USE int koken_future_then(struct koken_future *future, size_t value_size,
                                     struct koken_future *(*fn)(void *arg, int error,
                                                                const void *value),
                                     void *arg, struct koken_future **ret_future);

/*
 * koken_future_all is complete when all are; its value is their values (of one size), one after the other; the first error
 * fails it at once. koken_future_any has the first value, the last error if there is none; koken_future_race the first end, value or
 * error. koken_future_settled is complete when all are, whatever became of them. count 0: all and settled are complete, any and race
 * -EINVAL. What is no longer waited for is let go. Errors: -EINVAL also values of several sizes (what has failed already has
 * none); -ENOMEM.
 */
KOKEN_MUST_USE int koken_future_all(struct koken_future *const *futures, size_t count,
                                    struct koken_future **ret_future);
KOKEN_MUST_USE int koken_future_any(struct koken_future *const *futures, size_t count,
                                    struct koken_future **ret_future);
KOKEN_MUST_USE int koken_future_race(struct koken_future *const *futures, size_t count,
                                     struct koken_future **ret_future);
KOKEN_MUST_USE int koken_future_settled(struct koken_future *const *futures, size_t count,
                                        struct koken_future **ret_future);

/*
 * koken_future_until is the future's end, or -ETIMEDOUT after timeout_ns, or -ECANCELED with the token, whichever is first.
 * koken_future_delay is complete after delay_ns, never early; -ECANCELED when the runtime ends first. Errors: -ENOMEM; -EINVAL also
 * a token of nothing, or a delay of KOKEN_NO_DEADLINE.
 */
KOKEN_MUST_USE int koken_future_until(struct koken *rt, struct koken_future *future,
                                      uint64_t timeout_ns, koken_token token,
                                      struct koken_future **ret_future);
KOKEN_MUST_USE int koken_future_delay(struct koken *rt, uint64_t delay_ns,
                                      struct koken_future **ret_future);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
