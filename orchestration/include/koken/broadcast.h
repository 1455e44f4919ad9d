/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message for many. koken_broadcast sends it to each; a gossip has it passed on: whoever hears it
 * first tells a few others, and those whom it has not reached then ask around.
 */
#ifndef KOKEN_BROADCAST_H
#define KOKEN_BROADCAST_H

#include <koken/give.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* What became of the sends. */
struct koken_broadcast_counts {
    uint32_t accepted;
    uint32_t full;  /* -EAGAIN, -EDEADLK */
    uint32_t dead;  /* -ESRCH, -ESHUTDOWN */
    uint32_t error; /* -ENOMEM; -ECANCELED the caller is being stopped */
};

/*
 * koken_broadcast(members, count, &counts, message, ...) sends the message to each member, whatever
 * happens to the others. Answers 0 when it has tried all; counts may be NULL. A member of policy PARK
 * is waited for as in any send.
 * Errors: -EINVAL NULL members; -ENOTSUP the message holds a payload, which cannot go to many.
 * Thread: any. Order: as koken_signal, for each.
 */
#define koken_broadcast(members, count, ret_counts, ...)                                           \
    koken_broadcast_((members), (count), (ret_counts), KOKEN_TYPE_(__VA_ARGS__),                   \
                     KOKEN_PAYLOAD_(__VA_ARGS__))
KOKEN_MUST_USE int koken_broadcast_(const koken_ref *members, size_t count,
                                    struct koken_broadcast_counts *ret_counts,
                                    const struct koken_type *type, const void *payload);

#ifndef __cplusplus
/*
 * koken_broadcast_val(members, count, &counts, v) sends a reference to a val, a variable, to each member, who all read
 * the same bytes; v stays. An iso or ref does not compile: freeze it first. Errors, thread, order: as koken_broadcast.
 */
#define koken_broadcast_val(members, count, ret_counts, h)                                         \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_IS_HANDLE_(h), "koken_broadcast_val: '" #h "' is not a capability "      \
                                         "handle (a raw pointer?)");                               \
        KOKEN_RULE_(KOKEN_IS_(h, val), "koken_broadcast_val: '" #h "' is not a val: what many "    \
                                       "read nobody may write; freeze it first");                  \
        KOKEN_NEEDS_(h);                                                                           \
        KOKEN_TRACE_(h, KOKEN_OP_DUP);                                                             \
        koken_broadcast_val_((members), (count), (ret_counts), KOKEN_LIVE_((h).ptr_));             \
    }))
KOKEN_MUST_USE int koken_broadcast_val_(const koken_ref *members, size_t count,
                                        struct koken_broadcast_counts *ret_counts,
                                        const void *payload) KOKEN_NEEDS_ARG_(4);
#endif

/* Zero is the default of every field. */
struct koken_gossip_options {
    size_t struct_size;
    uint32_t fanout; /* how many others each one tells or asks; default 3, at most 16 */
    uint64_t seed;   /* of whom; default from the system */
};

/*
 * koken_gossip_open spawns a group: an agent that begins and counts, and one relay for each member,
 * which passes on and delivers to it. where is a runtime or a context. The group ends by koken_exit.
 * Errors: -EINVAL, -E2BIG more than 65535 members, -ENOMEM, -ESHUTDOWN.
 */
#define koken_gossip_open(where, members, count, options, ret_group)                               \
    KOKEN_WHERE_(where, koken_gossip_open_rt_, koken_gossip_open_ctx_)                             \
    ((where), (members), (count), (options), (ret_group))
KOKEN_MUST_USE int koken_gossip_open_rt_(struct koken *rt, const koken_ref *members, size_t count,
                                         const struct koken_gossip_options *options,
                                         koken_ref *ret_group);
KOKEN_MUST_USE int koken_gossip_open_ctx_(koken_ctx *ctx, const koken_ref *members, size_t count,
                                          const struct koken_gossip_options *options,
                                          koken_ref *ret_group);

/* How a gossip went. Handlers get it as the answer to koken_gossip_request. */
KOKEN_MESSAGE(koken_gossip_report, {
    uint32_t reached;   /* relays; each of them delivered once: */
    uint32_t accepted;  /* by the member's mailbox */
    uint32_t full;      /* refused by it */
    uint32_t dead;      /* the member had ended */
    uint32_t duplicate; /* tellings of what was known */
    uint32_t messages;  /* between relays */
    uint32_t rounds;    /* of telling, the longest way */
    uint32_t asking;    /* rounds of asking after that */
    int32_t error;      /* 0; -ETIMEDOUT not all were reached in time; -EPROTO a relay has failed */
});

/*
 * koken_gossip(where, group, timeout_ns, &report, message, ...) has all members told, and waits until
 * they are. One gossip of a group at a time; others wait, which timeout_ns does not count. where is a
 * context (fiber agents) or a runtime. Errors: as koken_await; -ETIMEDOUT, then the report is written;
 * -ENOMEM nobody was told; -ENOTSUP the message holds a payload; -E2BIG it has more than 208 bytes; -EPROTO
 * a relay has failed (it had no memory to report): then the report counts what was known by that moment, and later
 * gossips of the group go on without it, reach the others, and answer -EPROTO, too. Order: of
 * two gossips of one caller, every member hears the first one first. Cost: about count * fanout
 * messages, and twice as many to count them.
 */
#define koken_gossip(where, group, timeout_ns, ret_report, ...)                                    \
    KOKEN_WHERE_(where, koken_gossip_rt_, koken_gossip_ctx_)                                       \
    ((where), (group), (timeout_ns), (ret_report), KOKEN_TYPE_(__VA_ARGS__),                       \
     KOKEN_PAYLOAD_(__VA_ARGS__))
KOKEN_MUST_USE int koken_gossip_rt_(struct koken *rt, koken_ref group, uint64_t timeout_ns,
                                    struct koken_gossip_report *ret_report,
                                    const struct koken_type *type, const void *payload);
KOKEN_MUST_USE int koken_gossip_ctx_(koken_ctx *ctx, koken_ref group, uint64_t timeout_ns,
                                     struct koken_gossip_report *ret_report,
                                     const struct koken_type *type, const void *payload);

/* koken_gossip_request is the same for handlers: answers a number, the report arrives as a message. */
#define koken_gossip_request(ctx, group, timeout_ns, ...)                                          \
    koken_gossip_request_((ctx), (group), (timeout_ns), KOKEN_TYPE_(__VA_ARGS__),                  \
                          KOKEN_PAYLOAD_(__VA_ARGS__))
KOKEN_MUST_USE int koken_gossip_request_(koken_ctx *ctx, koken_ref group, uint64_t timeout_ns,
                                         const struct koken_type *type, const void *payload);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
