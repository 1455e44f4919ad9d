/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages on their way: signal (send and go on), reply, await (send and wait for the answer),
 * request (send, the answer comes as a message), and timers, which are messages to be sent later.
 *
 * Order: what one sender sends to one receiver is handled in the order of the sends. A handler's
 * effects happen before the handling of every message it sends.
 */
#ifndef KOKEN_SIGNAL_H
#define KOKEN_SIGNAL_H

#include <koken/agent.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * koken_signal(to, message, .field = value, ...) sends a message and goes on.
 * Answers 0, or KOKEN_PRESSURE, or: -EAGAIN the mailbox is full (the message stays yours), -ESRCH
 * nobody there, -ESHUTDOWN the runtime refuses new work, -EDEADLK parking would close a cycle
 * of agents that wait for each other, or that did a moment ago (the message stays yours: try later, as
 * with -EAGAIN), -ENOMEM. A message with iso or val handles does not compile here: <koken/give.h> sends
 * it. Thread: any. Order: FIFO per sender and receiver. Cost: one compare-and-swap; no allocation when warm.
 */
#define koken_signal(to, ...)                                                                      \
    koken_signal_((to), KOKEN_TYPE_(__VA_ARGS__), KOKEN_PAYLOAD_(__VA_ARGS__))

/* koken_send(to, &type, &payload) is koken_signal with the message in a variable and its type by
 * name. */
KOKEN_MUST_USE int koken_signal_(koken_ref to, const struct koken_type *type, const void *payload);
#define koken_send(to, NAME, payload_ptr)                                                          \
    koken_signal_((to), &koken_type_##NAME,                                                        \
                  (KOKEN_BY_VALUE_(NAME), (const struct NAME *)(payload_ptr)))

/*
 * koken_reply(ctx, message, ...) answers the present message. The answer to a request whose asker has given
 * up or ended is thrown away, which is no error. Errors: as koken_signal; -EINVAL no sender, or a request
 * that has been answered or deferred already.
 */
#define koken_reply(ctx, ...)                                                                      \
    koken_reply_((ctx), KOKEN_TYPE_(__VA_ARGS__), KOKEN_PAYLOAD_(__VA_ARGS__))
KOKEN_MUST_USE int koken_reply_(koken_ctx *ctx, const struct koken_type *type, const void *payload);

/*
 * A promise to answer later: koken_defer takes the present message's claim to an answer out of the
 * handler, koken_answer(claim, message, ...) redeems it from any handler, once. An answer to an
 * asker that has given up is thrown away and is no error: 0 does not tell that it arrived. Who keeps
 * a queue of claims asks koken_is_awaited before it spends anything on one. Errors of
 * koken_answer: as koken_signal; -EINVAL redeemed or void already, or nobody waits (number 0).
 */
typedef struct koken_claim {
    koken_ref who;
    uint32_t number; /* 0: nobody waits */
} koken_claim;
koken_claim koken_defer(koken_ctx *ctx);
#define koken_answer(claim, ...)                                                                   \
    koken_answer_((claim), KOKEN_TYPE_(__VA_ARGS__), KOKEN_PAYLOAD_(__VA_ARGS__))
KOKEN_MUST_USE int koken_answer_(koken_claim claim, const struct koken_type *type,
                                 const void *payload);

/*
 * koken_is_awaited tells whether anybody waits for the answer still: false once the asker has ended or its
 * time is over. The claim is void then and needs no answer. An asker that is asked to stop counts until it
 * ends, and the deadline of one whose message has more than 208 bytes is not known. Also false for a claim
 * that has been redeemed, or is not the running agent's. Thread: the agent that deferred.
 */
bool koken_is_awaited(koken_claim claim);

/*
 * koken_await(where, to, timeout_ns, &answer, message, ...) sends a message and waits for the
 * reply, which is copied to answer. where is a context (fiber agents) or a runtime (threads
 * outside). Errors: as koken_signal; -ETIMEDOUT; -ESRCH also when the receiver ends before it
 * answers; -EPROTO the answer is of another size, or the receiver was done with the message and had
 * neither answered nor called koken_defer; -ECANCELED the caller is being stopped; -ENOTSUP
 * in a handler agent (use koken_request), or the negative code that the receiver failed with.
 * Without error answer is written.
 */
#define koken_await(where, to, timeout_ns, ret_answer, ...)                                        \
    KOKEN_WHERE_(where, koken_await_rt_, koken_await_ctx_)                                         \
    ((where), (to), (timeout_ns), (ret_answer), sizeof *(ret_answer), KOKEN_TYPE_(__VA_ARGS__),    \
     KOKEN_PAYLOAD_(__VA_ARGS__))
KOKEN_MUST_USE int koken_await_rt_(struct koken *rt, koken_ref to, uint64_t timeout_ns,
                                   void *ret_answer, size_t answer_size,
                                   const struct koken_type *type, const void *payload);
KOKEN_MUST_USE int koken_await_ctx_(koken_ctx *ctx, koken_ref to, uint64_t timeout_ns,
                                    void *ret_answer, size_t answer_size,
                                    const struct koken_type *type, const void *payload);

/*
 * koken_request(ctx, to, timeout_ns, message, ...) sends a message whose answer arrives as a
 * message of its own type, on the system lane; koken_request_number(ctx) tells there which request
 * it answers. If no answer can come, struct koken_failed arrives instead. Answers the request's
 * number (> 0) or an error as koken_signal.
 */
#define koken_request(ctx, to, timeout_ns, ...)                                                    \
    koken_request_((ctx), (to), (timeout_ns), KOKEN_TYPE_(__VA_ARGS__), KOKEN_PAYLOAD_(__VA_ARGS__))
KOKEN_MUST_USE int koken_request_(koken_ctx *ctx, koken_ref to, uint64_t timeout_ns,
                                  const struct koken_type *type, const void *payload);
uint32_t koken_request_number(const koken_ctx *ctx);

/*
 * koken_time_left is how long the sender of the present message waits for its answer still: the time to give to
 * what is asked of others in order to answer it, so that a deadline holds over any number of hops.
 * KOKEN_NO_DEADLINE: no request, it waits for ever, or its message has more than 216 bytes. Cost: a clock read.
 */
uint64_t koken_time_left(const koken_ctx *ctx);

/* A request that got no answer: -ETIMEDOUT, -ESRCH, or the code that the receiver failed with. */
KOKEN_MESSAGE(koken_failed, {
    uint32_t request;
    int32_t error;
});

/*
 * koken_notify_writable asks for one struct koken_writable message as soon as who has room again.
 * Errors: -ESRCH, -ENOMEM. If there is room now the message comes at once.
 */
KOKEN_MESSAGE(koken_writable, { koken_ref who; });
KOKEN_MUST_USE int koken_notify_writable(koken_ctx *ctx, koken_ref who);

/* Names one timer. {0} is none. */
typedef struct koken_timer {
    uint64_t id;
} koken_timer;

/*
 * koken_after(ctx, delay_ns, message, ...) sends a message to the running agent once delay_ns has
 * passed, never early. koken_after_to sends it to another agent; koken_every sends it again every
 * period_ns, the first time after one period, and leaves out what the agent is too slow for: one
 * message at most waits. Timers of an agent that ends are cancelled; timers to
 * a dead agent vanish. Answer the timer's name, {0} when out of memory or when the agent has 65535
 * timers, requests, monitors and links already, and for koken_every with a message that owns
 * something; it stays yours then. Cost: O(1), no allocation when warm.
 */
#define koken_after(ctx, delay_ns, ...)                                                            \
    koken_timer_((ctx), koken_self(ctx), (delay_ns), 0, KOKEN_TYPE_(__VA_ARGS__),                  \
                 KOKEN_PAYLOAD_(__VA_ARGS__))
#define koken_after_to(ctx, to, delay_ns, ...)                                                     \
    koken_timer_((ctx), (to), (delay_ns), 0, KOKEN_TYPE_(__VA_ARGS__), KOKEN_PAYLOAD_(__VA_ARGS__))
#define koken_every(ctx, period_ns, ...)                                                           \
    koken_timer_((ctx), koken_self(ctx), (period_ns), (period_ns), KOKEN_TYPE_(__VA_ARGS__),       \
                 KOKEN_PAYLOAD_(__VA_ARGS__))
koken_timer koken_timer_(koken_ctx *ctx, koken_ref to, uint64_t delay_ns, uint64_t period_ns,
                         const struct koken_type *type, const void *payload);

/*
 * koken_cancel cancels a timer. 0: its message will not be sent. -ESRCH: it was sent, or cancelled
 * before. Thread: the agent that armed it.
 */
KOKEN_MUST_USE int koken_cancel(koken_ctx *ctx, koken_timer timer);

/* The type and the payload of "message, .field = value, ...". */
#define KOKEN_TYPE_(...) &KOKEN_CAT_(koken_type_, KOKEN_FIRST_(__VA_ARGS__))
#define KOKEN_PAYLOAD_(...) (KOKEN_BY_VALUE_(KOKEN_FIRST_(__VA_ARGS__)), &KOKEN_VALUE_(__VA_ARGS__))

/*
 * A message that is refused stays with its sender, who could not name it if it were a literal, and one
 * that is sent must not stay: handles travel by the words of <koken/give.h>, which see to both.
 */
#define KOKEN_BY_VALUE_(NAME) KOKEN_BY_VALUE2_(NAME)
#define KOKEN_BY_VALUE2_(NAME)                                                                     \
    ((void)sizeof(struct {                                                                         \
        _Static_assert(!koken_holds_##NAME##_,                                                     \
                       "koken: message '" #NAME                                                    \
                       "' holds iso or val handles: send it by koken_post, koken_give or "         \
                       "koken_give_letter");                                                       \
        char koken_nothing;                                                                        \
    }))

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
