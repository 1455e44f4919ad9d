/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quorum: ask many, wait for enough. What counts is answers, not sends.
 *
 *     struct koken_quorum *vote = NULL;
 *     int rc = koken_quorum(ctx, nodes, 5, KOKEN_MS(50), NULL, &vote, propose, .value = 7);
 *
 * A member votes by answering the message (koken_reply, or later by koken_defer). One that is dead,
 * full, fails, or does not answer what it was asked has failed: the runtime says so at once. As soon
 * as those still to answer cannot make the quorum any more, it is over.
 *
 * Answers are plain data or hold vals, at most 224 bytes; one that holds an iso counts as failed. By value, vals are
 * equal when what they show is.
 */
#ifndef KOKEN_QUORUM_H
#define KOKEN_QUORUM_H

#include <koken/give.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum koken_quorum_rule {
    KOKEN_QUORUM_MAJORITY,      /* more than half of the weight */
    KOKEN_QUORUM_SUPERMAJORITY, /* two thirds of it at least */
    KOKEN_QUORUM_ALL,
    KOKEN_QUORUM_THRESHOLD, /* as much as the option says; 0 is reached at once */
    /* Equal answers of 2 f + 1 of 3 f + 1 members, that is of more than (n + f) / 2 of n: any two such
     * groups have a member in common that does not lie, if at most f do. */
    KOKEN_QUORUM_BYZANTINE,
};

enum koken_ballot_state {
    KOKEN_BALLOT_PENDING, /* has not answered */
    KOKEN_BALLOT_ANSWERED,
    KOKEN_BALLOT_FAILED,    /* see error */
    KOKEN_BALLOT_DUPLICATE, /* is another member too, and has one vote */
};

/* What became of one member. */
struct koken_ballot {
    koken_ref who;
    const struct koken_type *type; /* of the answer */
    const void *answer; /* the answer, or NULL; it and its vals last as long as the vote */
    enum koken_ballot_state state;
    int error; /* FAILED: -ESRCH dead, -EAGAIN full, -ENOTSUP it holds an iso, or what it failed with */
    uint32_t weight;
    bool is_counted; /* it is one of those that were counted for the quorum */
};

/* Zero is the default of every field. */
struct koken_quorum_options {
    size_t struct_size;
    enum koken_quorum_rule rule;
    uint64_t threshold;      /* of KOKEN_QUORUM_THRESHOLD, in weight */
    const uint32_t *weights; /* one per member, copied; default 1 for each */
    bool by_value; /* only equal answers count together: koken_equal, so bytes and padding count
                       * unless the type has a field list */
    /* Tells whether an answer counts; default: every one. Runs on a worker, and must not wait. */
    bool (*accept)(void *arg, const struct koken_ballot *ballot);
    void *accept_arg;
};

/* How a vote went. */
struct koken_quorum_tally {
    uint64_t need;  /* weight that makes the quorum */
    uint64_t have;  /* weight counted for it; by value: of the heaviest group */
    uint64_t total; /* weight of all members */
    uint32_t members;
    uint32_t answered;
    uint32_t failed;
    uint32_t pending;
    uint32_t duplicate;
    int error; /* 0, -ETIMEDOUT, -EPROTO: as koken_quorum */
};

/* A vote that is over. */
struct koken_quorum;

/*
 * koken_quorum(where, members, count, timeout_ns, options, &vote, message, ...) sends the message to
 * all members and waits for a quorum of answers. where is a context (fiber agents) or a runtime
 * (threads outside); options may be NULL.
 * Owner: the vote is yours when it was held, that is also with -ETIMEDOUT and -EPROTO, where it tells
 * how far it came; free it. In all other cases it is not written.
 * Errors: -ETIMEDOUT; -EPROTO the quorum has become unreachable; -EINVAL it always was (a threshold
 * beyond the weight of all members), or a bad argument; -EDEADLK a fiber is its own member; -E2BIG
 * more than 32768 members; -ENOTSUP in a handler agent (use koken_quorum_request), or the message
 * holds an iso, which cannot go to many; -ENOMEM, -ESHUTDOWN, -ECANCELED.
 * Order: the members are asked in their order. What answers after the end is given up.
 * Cost: an agent for as long as it takes, and an alarm for each member.
 */
#define koken_quorum(where, members, count, timeout_ns, options, ret_vote, ...)                    \
    KOKEN_WHERE_(where, koken_quorum_rt_, koken_quorum_ctx_)                                       \
    ((where),                                                                                      \
     (struct koken_quorum_call){(members), (count), (timeout_ns), (options),                       \
                                KOKEN_TYPE_(__VA_ARGS__), KOKEN_PAYLOAD_(__VA_ARGS__)},            \
     (ret_vote))

/*
 * koken_quorum_request(ctx, members, count, timeout_ns, options, message, ...) is koken_quorum for
 * handler agents: the end of the vote arrives as struct koken_quorum_result, on the system lane;
 * koken_request_number tells there which vote it is. Answers its number (> 0) or an error as above.
 */
#define koken_quorum_request(ctx, members, count, timeout_ns, options, ...)                        \
    koken_quorum_request_((ctx), (struct koken_quorum_call){(members), (count), (timeout_ns),      \
                                                            (options), KOKEN_TYPE_(__VA_ARGS__),   \
                                                            KOKEN_PAYLOAD_(__VA_ARGS__)})

#ifndef __cplusplus
/*
 * koken_quorum_val(where, members, count, timeout_ns, options, &vote, v) is koken_quorum with a val, a variable, for its
 * question: each member gets a reference, v stays. koken_quorum_request_val is the same for handlers.
 */
#define koken_quorum_val(where, members, count, timeout_ns, options, ret_vote, h)                  \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_QUORUM_ASKS_("koken_quorum_val", h);                                                 \
        KOKEN_WHERE_(where, koken_quorum_val_rt_, koken_quorum_val_ctx_)                           \
        ((where),                                                                                  \
         (struct koken_quorum_call){(members), (count), (timeout_ns), (options), NULL, NULL},      \
         KOKEN_LIVE_((h).ptr_), (ret_vote));                                                       \
    }))
#define koken_quorum_request_val(ctx, members, count, timeout_ns, options, h)                      \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_QUORUM_ASKS_("koken_quorum_request_val", h);                                         \
        koken_quorum_request_val_(                                                                 \
            (ctx),                                                                                 \
            (struct koken_quorum_call){(members), (count), (timeout_ns), (options), NULL, NULL},   \
            KOKEN_LIVE_((h).ptr_));                                                                \
    }))
#define KOKEN_QUORUM_ASKS_(name, h)                                                                \
    KOKEN_RULE_(KOKEN_IS_HANDLE_(h), name ": '" #h "' is not a capability handle (a raw "          \
                                          "pointer?)");                                            \
    KOKEN_RULE_(KOKEN_IS_(h, val), name ": '" #h "' is not a val: what many are asked nobody may " \
                                        "write; freeze it first");                                 \
    KOKEN_NEEDS_(h);                                                                               \
    KOKEN_TRACE_(h, KOKEN_OP_DUP)
#endif

/* What a vote begins with. Made by the macros above. */
struct koken_quorum_call {
    const koken_ref *members;
    size_t count;
    uint64_t timeout_ns;
    const struct koken_quorum_options *options;
    const struct koken_type *type;
    const void *payload;
};

KOKEN_MUST_USE int koken_quorum_rt_(struct koken *rt, struct koken_quorum_call call,
                                    struct koken_quorum **ret_vote);
KOKEN_MUST_USE int koken_quorum_ctx_(koken_ctx *ctx, struct koken_quorum_call call,
                                     struct koken_quorum **ret_vote);
KOKEN_MUST_USE int koken_quorum_request_(koken_ctx *ctx, struct koken_quorum_call call);
#ifndef __cplusplus
KOKEN_MUST_USE int koken_quorum_val_rt_(struct koken *rt, struct koken_quorum_call call,
                                        const void *payload, struct koken_quorum **ret_vote)
    KOKEN_NEEDS_ARG_(3);
KOKEN_MUST_USE int koken_quorum_val_ctx_(koken_ctx *ctx, struct koken_quorum_call call,
                                         const void *payload, struct koken_quorum **ret_vote)
    KOKEN_NEEDS_ARG_(3);
KOKEN_MUST_USE int koken_quorum_request_val_(koken_ctx *ctx, struct koken_quorum_call call,
                                             const void *payload) KOKEN_NEEDS_ARG_(3);
#endif

/* The end of a vote, for a handler, who has it until it returns. Receivers do not send it on. */
struct koken_quorum_result {
    struct koken_quorum *vote;
    int32_t error; /* 0, -ETIMEDOUT, -EPROTO */
};
void koken_quorum_result_drop_(void *payload);
KOKEN_TYPE_OF_(koken_quorum_result, NULL, 0, koken_quorum_result_drop_);

/* koken_quorum_tally says how a vote went. */
struct koken_quorum_tally koken_quorum_tally(const struct koken_quorum *vote);

/* koken_quorum_ballot is the ballot of the member at index, NULL beyond the last. As long as the vote. */
const struct koken_ballot *koken_quorum_ballot(const struct koken_quorum *vote, size_t index);

/* koken_quorum_free gives back a vote, and the answers in it. NULL: nothing. */
void koken_quorum_free(struct koken_quorum *vote);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
