/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For fiber agents: waiting in plain C. Each call here suspends the agent, never its worker's
 * thread. For handler agents all of them answer -ENOTSUP, but koken_blocking_enter and
 * koken_blocking_leave.
 */
#ifndef KOKEN_FIBER_H
#define KOKEN_FIBER_H

#include <koken/signal.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* A message as a fiber sees it. payload stays valid until the fiber's next receive. */
struct koken_received {
    const struct koken_type *type;
    const void *payload;
    koken_ref from;
};

/*
 * koken_receive waits for the next message. Errors: -ETIMEDOUT; -ECANCELED the agent has been asked
 * to stop: clean up and return; to return -ECANCELED is then no failure. timeout_ns 0 polls; KOKEN_NO_DEADLINE waits for ever.
 */
KOKEN_MUST_USE int koken_receive(koken_ctx *ctx, uint64_t timeout_ns,
                                 struct koken_received *ret_msg);

/*
 * koken_receive_only(ctx, timeout_ns, message, &payload) waits for the next message of that type
 * and copies it, with the iso and val in it, which are the caller's then; others keep waiting in their order.
 * Errors: as koken_receive.
 */
#define koken_receive_only(ctx, timeout_ns, NAME, ret_payload)                                     \
    koken_receive_only_((ctx), (timeout_ns), &koken_type_##NAME, (struct NAME *){(ret_payload)})
KOKEN_MUST_USE int koken_receive_only_(koken_ctx *ctx, uint64_t timeout_ns,
                                       const struct koken_type *type, void *ret_payload);

/* koken_sleep waits for duration_ns at least. Errors: -ECANCELED. */
KOKEN_MUST_USE int koken_sleep(koken_ctx *ctx, uint64_t duration_ns);

/* koken_yield lets other agents run. */
KOKEN_MUST_USE int koken_yield(koken_ctx *ctx);

enum koken_io_events {
    KOKEN_IO_READ = 1u << 0,
    KOKEN_IO_WRITE = 1u << 1,
};

/*
 * koken_io_wait waits until fd is ready for one of events. Answers the events that are (> 0; errors
 * and hang-ups count as both). Errors: -ETIMEDOUT, -ECANCELED, -EPERM fd cannot be polled (a
 * regular file), -EBUSY another agent waits for it, -EINVAL it is not open or was closed meanwhile.
 */
KOKEN_MUST_USE int koken_io_wait(koken_ctx *ctx, int fd, unsigned events, uint64_t timeout_ns);

/*
 * koken_blocking runs fn(arg) on the blocking pool and waits for its end; *ret_value is what fn
 * returned. Errors: -EAGAIN no thread can be had.
 */
KOKEN_MUST_USE int koken_blocking(koken_ctx *ctx, int (*fn)(void *arg), void *arg, int *ret_value);

/*
 * koken_blocking_enter and koken_blocking_leave bracket calls that may block, in any agent:
 * meanwhile another thread does the worker's work. Between them no other koken function may be
 * called.
 */
void koken_blocking_enter(koken_ctx *ctx);
void koken_blocking_leave(koken_ctx *ctx);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
