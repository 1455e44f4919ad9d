/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waves: what all members of a topology do together, along its edges: hear the same (broadcast), get a part each
 * (scatter), be asked each (gather), have their answers folded into one on the way back (reduce), and hear that
 * one too (all-reduce).
 *
 *     struct koken_wave_options sum = {.kind = KOKEN_WAVE_REDUCE, .fold = add, .timeout_ns = KOKEN_MS(50)};
 *     int rc = koken_wave(ctx, view, &sum, &wave, ask_load, .since = now);
 *     const struct load *all = koken_wave_result(wave);
 *
 * A wave goes down the tree of shortest ways from its root, and comes back up. Members are agents like any other:
 * they get messages, and answer them (koken_reply). Those who pass the wave on are agents of its own, one
 * for each member with somebody behind it, or that is asked: a member that is dead, full or silent stops
 * nobody else.
 *
 * Answers are plain data of one type, at most 224 bytes; a member that answers with another type has failed.
 */
#ifndef KOKEN_WAVE_H
#define KOKEN_WAVE_H

#include <koken/signal.h>
#include <koken/topology.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum koken_wave_kind {
    KOKEN_WAVE_BROADCAST,  /* the message to each member */
    KOKEN_WAVE_SCATTER,    /* to each member its own, of the message's type */
    KOKEN_WAVE_GATHER,     /* the message to each; its answers are kept */
    KOKEN_WAVE_REDUCE,     /* the message to each; answers are folded into one */
    KOKEN_WAVE_ALL_REDUCE, /* the same; then the folded answer is sent to each */
    KOKEN_WAVE_KIND_COUNT_
};

/*
 * Folds an answer into another of the same type. Runs on a worker, and must not wait. It should be associative: a
 * member's own answer comes first, then those of the members behind it, in the order of the view's edges, so the
 * same view and the same answers give the same result.
 */
typedef void koken_fold(void *arg, void *into, const void *answer);

/* Zero is the default of every field. */
struct koken_wave_options {
    size_t struct_size;
    enum koken_wave_kind kind;
    koken_ref root; /* a member; default the first one */
    /* How long members may take to answer; default, as 0: for ever. */
    uint64_t timeout_ns;
    koken_fold *fold; /* of the reductions */
    void *fold_arg;
    const void *parts; /* of scatter: an array of the message's type, one for each member, copied */
};

/* A wave that is over. */
struct koken_wave;

/* How it went. Of an all-reduce, asked counts the first half and the rest the second. */
struct koken_wave_report {
    uint32_t members;
    uint32_t asked;    /* members that answered */
    uint32_t failed;   /* asked members that did not, or in another type */
    uint32_t accepted; /* members that were sent something; refused: */
    uint32_t full;
    uint32_t dead;
    uint32_t lost; /* members not tried, for want of memory */
    uint32_t hops; /* the longest way */
};

/*
 * koken_wave(where, view, options, &wave, message, ...) has a wave go through a view and waits until it is back.
 * where is a context (fiber agents) or a runtime (threads outside). For scatter the message's fields are not
 * used: koken_wave(ctx, view, &options, &wave, part).
 * Owner: the wave is yours; free it. parts and options are copied.
 * Errors: -EINVAL a bad option, a reduction without fold, a scatter without parts; -ESRCH root is no member, or the
 * view is empty; -ENOTSUP in a handler agent (use koken_wave_request), or the message holds a payload; -EDEADLK a
 * fiber asks itself; -ENOMEM, -ESHUTDOWN, -ECANCELED. What became of each member is no error: see the report.
 * Cost: O(members and edges) to find the ways, then a message or two for each member.
 */
#define koken_wave(where, view, options, ret_wave, ...)                                            \
    KOKEN_WHERE_(where, koken_wave_rt_, koken_wave_ctx_)                                           \
    ((where),                                                                                      \
     (struct koken_wave_call){(view), (options), KOKEN_TYPE_(__VA_ARGS__),                         \
                              KOKEN_PAYLOAD_(__VA_ARGS__)},                                        \
     (ret_wave))

/*
 * koken_wave_request(ctx, view, options, message, ...) is koken_wave for handler agents: its end arrives as
 * struct koken_wave_back, on the system lane. Answers the request's number (> 0) or an error as above.
 */
#define koken_wave_request(ctx, view, options, ...)                                                \
    koken_wave_request_((ctx),                                                                     \
                        (struct koken_wave_call){(view), (options), KOKEN_TYPE_(__VA_ARGS__),      \
                                                 KOKEN_PAYLOAD_(__VA_ARGS__)})

/* What a wave begins with. Made by the macros above. */
struct koken_wave_call {
    const struct koken_view *view;
    const struct koken_wave_options *options;
    const struct koken_type *type;
    const void *payload;
};

KOKEN_MUST_USE int koken_wave_rt_(struct koken *rt, struct koken_wave_call call,
                                  struct koken_wave **ret_wave);
KOKEN_MUST_USE int koken_wave_ctx_(koken_ctx *ctx, struct koken_wave_call call,
                                   struct koken_wave **ret_wave);
KOKEN_MUST_USE int koken_wave_request_(koken_ctx *ctx, struct koken_wave_call call);

/* The end of a wave, for a handler, who has it until it returns. Receivers do not send it on. */
struct koken_wave_back {
    struct koken_wave *wave;
};
void koken_wave_back_drop_(void *payload);
KOKEN_TYPE_OF_(koken_wave_back, NULL, 0, koken_wave_back_drop_);

/* koken_wave_report says how a wave went. */
struct koken_wave_report koken_wave_report(const struct koken_wave *wave);

/*
 * koken_wave_answer is the answer of the member at that index of the view, of a gather; NULL: it gave none, and
 * *ret_error says why (-ETIMEDOUT, -ESRCH, -EPROTO, what it failed with). ret_error may be NULL. As long as the wave.
 */
const void *koken_wave_answer(const struct koken_wave *wave, size_t index, int *ret_error);

/* koken_wave_result is the folded answer of a reduction, NULL if nobody answered. As long as the wave. */
const void *koken_wave_result(const struct koken_wave *wave);

/* koken_wave_type describes the answers, NULL if there are none. */
const struct koken_type *koken_wave_type(const struct koken_wave *wave);

/* koken_wave_free gives back a wave, and the answers in it. NULL: nothing. */
void koken_wave_free(struct koken_wave *wave);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
