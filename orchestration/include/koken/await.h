/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Awaiting many answers: all, any, the first, all whatever they are; hedged, and with retries.
 *
 *     struct quote a, b;
 *     struct koken_ask asks[] = {KOKEN_ASK(tokyo, &a, get_quote, .symbol = 7),
 *                                KOKEN_ASK(osaka, &b, get_quote, .symbol = 7)};
 *     int which = koken_await_any(ctx, asks, 2, KOKEN_MS(10));
 *
 * where is a context (fiber agents) or a runtime (threads outside); handler agents use koken_request_many. Each
 * ask is a request as of koken_await: an agent that is dead, full, fails or does not answer fails its ask at
 * once. Answers are plain data. What is not needed any more is given up, and its late answer thrown away. Each
 * request carries its deadline: whoever handles it learns by koken_time_left how long to try.
 *
 * Errors of all: -EINVAL no ask, or a bad one; -E2BIG more than KOKEN_AWAIT_MAX; -ENOTSUP in a handler agent, or a
 * message that owns something, which cannot be asked twice; -EDEADLK a fiber asks itself; -ENOMEM, -ESHUTDOWN,
 * -ECANCELED as koken_await. Cost: an agent for as long as it takes, and an alarm for each ask.
 */
#ifndef KOKEN_AWAIT_H
#define KOKEN_AWAIT_H

#include <koken/signal.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Asks of one call, at most. */
#define KOKEN_AWAIT_MAX 64u

/* One question to one agent. Made by KOKEN_ASK(to, &answer, message, .field = value, ...). */
struct koken_ask {
    koken_ref to;
    const struct koken_type *type;
    const void *payload; /* read by the call only */
    void *ret_answer;    /* written when it was answered; NULL in a handler */
    size_t answer_size;
    int error; /* written: 0 answered; -ECANCELED not needed any more; else as koken_await */
};
#define KOKEN_ASK(to, ret_answer, ...)                                                             \
    {                                                                                              \
        (to), KOKEN_TYPE_(__VA_ARGS__), KOKEN_PAYLOAD_(__VA_ARGS__), (ret_answer),                 \
            sizeof *(ret_answer), 0                                                                \
    }

enum koken_await_rule {
    KOKEN_AWAIT_ALL,     /* every answer; over at the first that fails */
    KOKEN_AWAIT_SETTLED, /* every answer or failure */
    KOKEN_AWAIT_ANY,     /* the first answer; over when all have failed */
    KOKEN_AWAIT_RACE,    /* the first answer or failure */
};

/* Zero is the default of every field. */
struct koken_await_options {
    size_t struct_size;
    enum koken_await_rule rule;
    uint64_t
        hedge_ns; /* asks one, and the next when it has failed or so much time has passed; 0: all at once */
    uint32_t attempts; /* so often each ask is tried; default once */
    uint64_t
        backoff_ns; /* before the second attempt; doubles each time, less up to a half by chance */
    uint64_t backoff_ns_max; /* default 1000 times backoff_ns */
    uint64_t attempt_ns;     /* for one attempt; 0: all the time there is */
};

/*
 * koken_await_many(where, asks, count, timeout_ns, options) is what the calls below are made of; options may be
 * NULL. Answers, by the rule: ALL 0 or the first failure; SETTLED 0, failures are in the asks; ANY and RACE the
 * index of the ask that decided, or, ANY, the last failure. -ETIMEDOUT: time is over; what has come is written.
 */
#define koken_await_many(where, asks, count, timeout_ns, options)                                  \
    KOKEN_WHERE_(where, koken_await_many_rt_, koken_await_many_ctx_)                               \
    ((where), (asks), (count), (timeout_ns), (options))
KOKEN_MUST_USE int koken_await_many_rt_(struct koken *rt, struct koken_ask *asks, size_t count,
                                        uint64_t timeout_ns,
                                        const struct koken_await_options *options);
KOKEN_MUST_USE int koken_await_many_ctx_(koken_ctx *ctx, struct koken_ask *asks, size_t count,
                                         uint64_t timeout_ns,
                                         const struct koken_await_options *options);

/* koken_await_all waits for every answer, or the first failure. */
#define koken_await_all(where, asks, count, timeout_ns)                                            \
    koken_await_many((where), (asks), (count), (timeout_ns),                                       \
                     (&(struct koken_await_options){.rule = KOKEN_AWAIT_ALL}))
/* koken_await_settled waits until every ask is answered or has failed. */
#define koken_await_settled(where, asks, count, timeout_ns)                                        \
    koken_await_many((where), (asks), (count), (timeout_ns),                                       \
                     (&(struct koken_await_options){.rule = KOKEN_AWAIT_SETTLED}))
/* koken_await_any waits for the first answer, and answers its index. */
#define koken_await_any(where, asks, count, timeout_ns)                                            \
    koken_await_many((where), (asks), (count), (timeout_ns),                                       \
                     (&(struct koken_await_options){.rule = KOKEN_AWAIT_ANY}))
/* koken_await_race waits for the first answer or failure, and answers its index. */
#define koken_await_race(where, asks, count, timeout_ns)                                           \
    koken_await_many((where), (asks), (count), (timeout_ns),                                       \
                     (&(struct koken_await_options){.rule = KOKEN_AWAIT_RACE}))
/* koken_await_hedged asks one after the other, hedge_ns apart, until one answers; answers its index. */
#define koken_await_hedged(where, asks, count, hedge, timeout_ns)                                  \
    koken_await_many(                                                                              \
        (where), (asks), (count), (timeout_ns),                                                    \
        (&(struct koken_await_options){.rule = KOKEN_AWAIT_ANY, .hedge_ns = (hedge)}))
/* koken_await_retry asks one agent up to so many times, backoff apart at first. Answers 0 or the last error. */
#define koken_await_retry(where, ask, times, backoff, each_ns, timeout_ns)                         \
    koken_await_many((where), (ask), 1, (timeout_ns),                                              \
                     (&(struct koken_await_options){.rule = KOKEN_AWAIT_ALL,                       \
                                                    .attempts = (times),                           \
                                                    .backoff_ns = (backoff),                       \
                                                    .attempt_ns = (each_ns)}))

/*
 * koken_request_many is koken_await_many for handler agents: the end arrives as struct koken_answers, on the
 * system lane; koken_request_number tells there which call it is. The asks' ret_answer is not used. Answers
 * the number (> 0) or an error as above.
 */
KOKEN_MUST_USE int koken_request_many(koken_ctx *ctx, const struct koken_ask *asks, size_t count,
                                      uint64_t timeout_ns,
                                      const struct koken_await_options *options);

/* The end, for a handler, who has it until it returns. Receivers do not send it on. */
struct koken_asked;
struct koken_answers {
    struct koken_asked *asked;
    int32_t result; /* as koken_await_many */
};
void koken_answers_drop_(void *payload);
KOKEN_TYPE_OF_(koken_answers, NULL, 0, koken_answers_drop_);

/*
 * koken_answer_of is the answer to the ask at index, NULL if there is none or it is of another type than
 * message; koken_answer_error its error as in struct koken_ask, -EINVAL beyond the last.
 */
#define koken_answer_of(answers, index, NAME)                                                      \
    ((const struct NAME *)koken_answer_of_((answers), (index), &koken_type_##NAME))
const void *koken_answer_of_(const struct koken_answers *answers, size_t index,
                             const struct koken_type *type);
int koken_answer_error(const struct koken_answers *answers, size_t index);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
