/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asynchronous calls: plain functions started as tasks on the runtime's workers, whose results are futures.
 *
 *     static int fetch(koken_ctx *ctx, void *arg, void *ret_value) { ... may wait, in plain C ... }
 *
 *     struct koken_async *async;
 *     struct koken_future *price;
 *     int rc = koken_async_new(rt, NULL, &async);
 *     rc = koken_async_run(async, &(struct koken_task){.fn = fetch, .arg = "ACME", .value_size = sizeof value}, &price);
 *     rc = koken_future_wait(price, KOKEN_MS(50), &value);
 *     koken_async_free(async);
 *
 * A task is a fiber: it has a stack of its own (koken_options.stack_size), and all that a fiber agent may do it may do with its
 * ctx: koken_sleep, koken_yield, koken_await, channels, files, futures, more tasks. A wait holds no worker. Who is interested in the
 * result waits for the future as a fiber (a plain call), a thread outside or a task of a group (with a deadline); a handler has the
 * answer sent by koken_future_tell; and all of <koken/future.h> makes futures of futures.
 *
 * A task is cancelled by its token, by its time-out, or with all tasks of its struct koken_async: if it has not begun, its
 * function is not called; if it has, every wait in it answers -ECANCELED from then on, as does koken_token_check of its token. It
 * is not cut off: a task that neither waits nor looks goes on to its end.
 *
 * A struct koken_async is what bounds and ends a set of tasks together. It holds no threads, and has no place that it must keep:
 * the pointer may be copied. It may outlive the runtime; what is left of its tasks at the end of the runtime ends with -ESHUTDOWN.
 * Thread: any, several at once. Order: what precedes koken_async_run happens-before the function, that before the future's end.
 */
#ifndef KOKEN_ASYNC_H
#define KOKEN_ASYNC_H

#include <koken/future.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_async; /* opaque */

/* Zero is the default of every field. */
struct koken_async_options {
    size_t struct_size;
    uint32_t tasks_max; /* that have not ended, at a time; default: no bound */
    koken_token token;  /* cancels all (kept, not taken) */
};

/*
 * koken_async_new makes an empty set of tasks. options may be NULL. Owner: yours until koken_async_free.
 * Errors: -EINVAL also a token of nothing; -ENOMEM; -ESHUTDOWN the runtime ends.
 */
KOKEN_MUST_USE int koken_async_new(struct koken *rt, const struct koken_async_options *options,
                                   struct koken_async **ret_async);

/* koken_async_free cancels its tasks, does not wait for them, and gives the set back. NULL: nothing. */
void koken_async_free(struct koken_async *async);

/* One call. Zero is the default of every field but fn. */
struct koken_task {
    size_t struct_size;
    /* Called once, in a fiber. Answers 0, with the value in *ret_value, or an error (< 0). */
    int (*fn)(koken_ctx *ctx, void *arg, void *ret_value);
    void *arg;         /* must last until the task's end, unless it is copied */
    size_t arg_size;   /* bytes of it that are copied; 0: fn gets the pointer itself */
    size_t value_size; /* of the result; 0: none, and ret_value points to nothing */
    koken_token token; /* cancels it (kept, not taken) */
    uint64_t
        timeout_ns; /* cancels it so long after the start (the future's error is -ETIMEDOUT); 0: never */
    enum koken_priority priority;
};

/*
 * koken_async_run starts a task. ret_future NULL: nobody wants to know. The future's error is fn's; -ECANCELED it was
 * cancelled before it began; -ESHUTDOWN the runtime has ended before it did; -ENOMEM there was no stack for it.
 * Owner: *ret_future is yours until koken_future_drop, which does not cancel the task. Errors: -EINVAL no set, no fn, a
 * token of nothing, arg_size without arg; -EAGAIN tasks_max have not ended; -ECANCELED the set is cancelled; -ESHUTDOWN;
 * -ENOMEM. Cost: three allocations, and a fiber's stack, which is used again.
 */
KOKEN_MUST_USE int koken_async_run(struct koken_async *async, const struct koken_task *task,
                                   struct koken_future **ret_future);

/* koken_async_token is the token of the running task, yours to drop; of another agent {NULL}. */
koken_token koken_async_token(koken_ctx *ctx);

/* koken_async_cancel cancels all tasks; none begins any more. Errors: -EALREADY, -EINVAL. */
KOKEN_MUST_USE int koken_async_cancel(struct koken_async *async);

/*
 * koken_async_wait waits until no task is left; what became of them say their futures. Errors: -EINVAL; -ETIMEDOUT; -EDEADLK
 * in a task of the set; -ENOTSUP in a handler or a callback; -ECANCELED the fiber is to end; -ENOMEM.
 */
KOKEN_MUST_USE int koken_async_wait(struct koken_async *async, uint64_t timeout_ns);

/* koken_async_end is the same as a future without a value. Errors: -EINVAL, -ENOMEM. */
KOKEN_MUST_USE int koken_async_end(struct koken_async *async, struct koken_future **ret_future);

/* What a set has done. The started ones are alive, done, failed or cancelled. */
struct koken_async_stats {
    uint64_t started;
    uint64_t refused; /* for tasks_max */
    uint64_t alive;
    uint64_t done;
    uint64_t failed; /* with an error of their own */
    uint64_t
        cancelled; /* with -ECANCELED or -ETIMEDOUT after they were cancelled, or by the runtime's end */
};

/* koken_async_stats_get reads them. Errors: -EINVAL. */
int koken_async_stats_get(struct koken_async *async, struct koken_async_stats *ret_stats);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
