/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels: bounded queues of one message type, for any number of senders and receivers: handler agents, fiber
 * agents, threads outside.
 *
 *     struct koken_channel *jobs;
 *     int rc = koken_channel_new(rt, &jobs, job, 64);
 *     rc = koken_channel_send(jobs, KOKEN_MS(10), job, .number = 7);     in a fiber or a thread
 *     rc = koken_channel_recv(jobs, KOKEN_NO_DEADLINE, job, &next);
 *     rc = koken_channel_receive_later(ctx, jobs, KOKEN_S(1));           in a handler: the item is a message
 *
 * Items come out in the order they went in, each once. Who waits is served in the order of coming: it is told
 * to look, and may find that somebody who did not wait was faster, at most twice; then what comes is kept for
 * it. With capacity 0 nothing is kept anywhere: a send ends when a receiver has the item.
 *
 *     OPEN --close, or the end of its runtime--> CLOSED: no more sends; what is in can be received
 *
 * Threads: any, for every function, unless it takes a context. A fiber waits without its worker's thread.
 * Order: what precedes a send happens before what follows the receive of its item. Cost: on a worker that is
 * alone awake no locked instruction, else a lock of the channel's own, held for some ten instructions; no
 * allocation. What waits in a channel when the last reference goes is dropped by its type.
 *
 * Errors of all: -EINVAL channel NULL, or the message is of another type than the channel; -ESHUTDOWN it is
 * closed, and, for receivers, empty.
 */
#ifndef KOKEN_CHANNEL_H
#define KOKEN_CHANNEL_H

#include <koken/give.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_channel;

/* Items that a channel has room for, at most; and cases of one koken_select. */
#define KOKEN_CHANNEL_CAPACITY_MAX (1u << 24)
#define KOKEN_SELECT_MAX 16u

/*
 * koken_channel_new(where, &channel, message, capacity) makes a channel with one reference, the caller's.
 * where is a runtime or a context; the channel is closed at the end of that runtime, but may be received from
 * after it, and used by agents of others. Errors: -EINVAL where or &channel NULL, capacity above
 * KOKEN_CHANNEL_CAPACITY_MAX; -ENOMEM; -ESHUTDOWN the runtime is being stopped.
 */
#define koken_channel_new(where, ret_channel, NAME, capacity)                                      \
    KOKEN_WHERE_(where, koken_channel_new_rt_, koken_channel_new_ctx_)                             \
    ((where), &koken_type_##NAME, (capacity), (ret_channel))
KOKEN_MUST_USE int koken_channel_new_rt_(struct koken *rt, const struct koken_type *type,
                                         size_t capacity, struct koken_channel **ret_channel);
KOKEN_MUST_USE int koken_channel_new_ctx_(koken_ctx *ctx, const struct koken_type *type,
                                          size_t capacity, struct koken_channel **ret_channel);

/*
 * koken_channel_ref answers channel with one reference more, to be given to somebody else; koken_channel_unref
 * gives one back and answers NULL. The last one frees the channel. Both accept NULL. Who waits holds one.
 */
struct koken_channel *koken_channel_ref(struct koken_channel *channel);
struct koken_channel *koken_channel_unref(struct koken_channel *channel);

/* koken_channel_close closes. All who wait to send are refused. Errors: -EALREADY it was closed. */
KOKEN_MUST_USE int koken_channel_close(struct koken_channel *channel);

/*
 * koken_channel_send(channel, timeout_ns, message, .field = value, ...) puts an item in and waits for room, for
 * timeout_ns at most; KOKEN_NO_DEADLINE for ever, 0 not at all, as koken_channel_try_send. koken_channel_put
 * takes the message in a variable. Unless the answer is 0 the item is still the caller's. Errors: as above;
 * -EAGAIN timeout_ns is 0 and there is no room, or it is kept for somebody who waits; -ETIMEDOUT; -ENOTSUP it
 * would have to wait and is called by a handler agent: use koken_channel_room_later; -ECANCELED the fiber is
 * being stopped; -ENOMEM.
 */
#define koken_channel_send(channel, timeout_ns, ...)                                               \
    koken_channel_send_((channel), (timeout_ns), KOKEN_TYPE_(__VA_ARGS__),                         \
                        KOKEN_PAYLOAD_(__VA_ARGS__))
#define koken_channel_try_send(channel, ...)                                                       \
    koken_channel_send_((channel), 0, KOKEN_TYPE_(__VA_ARGS__), KOKEN_PAYLOAD_(__VA_ARGS__))
#define koken_channel_put(channel, timeout_ns, NAME, payload_ptr)                                  \
    koken_channel_send_((channel), (timeout_ns), &koken_type_##NAME,                               \
                        (KOKEN_BY_VALUE_(NAME), (const struct NAME *)(payload_ptr)))
KOKEN_MUST_USE int koken_channel_send_(struct koken_channel *channel, uint64_t timeout_ns,
                                       const struct koken_type *type, const void *payload);

/*
 * koken_channel_recv(channel, timeout_ns, message, &item) takes the oldest item out, into item, which is then
 * the caller's with all handles in it (koken_take); of an iso or val koken_channel_recv_iso. koken_channel_try_recv does not wait. Errors: as
 * koken_channel_send, for an item in place of room; in a handler agent use koken_channel_receive_later.
 */
#define koken_channel_recv(channel, timeout_ns, NAME, ret_item)                                    \
    koken_channel_recv_((channel), (timeout_ns), &koken_type_##NAME, (struct NAME *){(ret_item)})
#define koken_channel_try_recv(channel, NAME, ret_item)                                            \
    koken_channel_recv_((channel), 0, &koken_type_##NAME, (struct NAME *){(ret_item)})
KOKEN_MUST_USE int koken_channel_recv_(struct koken_channel *channel, uint64_t timeout_ns,
                                       const struct koken_type *type, void *ret_item);

#ifndef __cplusplus

/*
 * koken_channel_give(channel, timeout_ns, h) sends an iso or val, a variable, by a channel of T_iso or T_val. 0: h is
 * empty. Else h is what it was: if (koken_channel_give(jobs, KOKEN_S(1), o) != 0) { ... o is still ours ... }. As of
 * koken_give, compare with 0 only by == and !=. koken_channel_recv_iso(channel, timeout_ns, T, slot) takes one out
 * into slot, an empty koken_slot(T, slot) or field, koken_channel_recv_val into a koken_slot_val. Errors: as
 * koken_channel_send and koken_channel_recv.
 */
#define koken_channel_give(channel, timeout_ns, h)                                                 \
    KOKEN_CAPS_(KOKEN_REFUSED_(__extension__({                                                     \
                                   KOKEN_MAY_SEND_("koken_channel_give", h);                       \
                                   struct koken_channel *koken_to_ = (channel); /* may read h */   \
                                   KOKEN_NEEDS_(h);                                                \
                                   KOKEN_TRACE_(h, KOKEN_OP_SEND);                                 \
                                   (h).ptr_ = KOKEN_SEND_(KOKEN_LIVE_((h).ptr_));                  \
                                   KOKEN_RENEW_(h);                                                \
                                   int koken_rc_ = koken_channel_give_(                            \
                                       koken_to_, (timeout_ns), (h).ptr_, KOKEN_IS_(h, val));      \
                                   if (koken_rc_ == 0) {                                           \
                                       (h).ptr_ = NULL;                                            \
                                   }                                                               \
                                   koken_rc_;                                                      \
                               }),                                                                 \
                               h))
#define koken_channel_recv_iso(channel, timeout_ns, T, slot)                                       \
    KOKEN_RECV_HANDLE_("koken_channel_recv_iso", channel, timeout_ns, T##_iso, slot)
#define koken_channel_recv_val(channel, timeout_ns, T, slot)                                       \
    KOKEN_RECV_HANDLE_("koken_channel_recv_val", channel, timeout_ns, T##_val, slot)
#define KOKEN_RECV_HANDLE_(name, channel, timeout_ns, NAME, slot)                                  \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_MAY_MOVE_(slot), name ": '" #slot "' lies inside a val or box");         \
        KOKEN_VACANT_(slot);                                                                       \
        koken_channel_recv_((channel), (timeout_ns), &koken_type_##NAME,                           \
                            (struct NAME *){&(slot)});                                             \
    }))
#ifdef KOKEN_ANALYZE /* as of koken_give_val_ */
int koken_channel_give_(struct koken_channel *channel, uint64_t timeout_ns, void *payload,
                        int is_val) KOKEN_NEEDS_ARG_(3);
#else
KOKEN_MUST_USE int koken_channel_give_(struct koken_channel *channel, uint64_t timeout_ns,
                                       const void *payload, int is_val) KOKEN_NEEDS_ARG_(3);
#endif

/*
 * koken_channel_give_letter(channel, timeout_ns, name, letter) sends a KOKEN_LETTER in a variable. 0: the variable is
 * all zero, what it owned has gone with the item. Else it is what it was. Errors: as koken_channel_send.
 */
#define koken_channel_give_letter(channel, timeout_ns, NAME, letter)                               \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_IS_LETTER_("koken_channel_give_letter", NAME, letter);                               \
        struct koken_channel *koken_to_ = (channel); /* may read the letter */                     \
        struct NAME *koken_letter_ = &(letter);                                                    \
        KOKEN_LETTER_LEAVES_(NAME, koken_letter_, #letter);                                        \
        int koken_rc_ =                                                                            \
            koken_channel_send_(koken_to_, (timeout_ns), &koken_type_##NAME, koken_letter_);       \
        if (koken_rc_ == 0) {                                                                      \
            *koken_letter_ = (struct NAME){0};                                                     \
        }                                                                                          \
        koken_rc_;                                                                                 \
    }))

#endif /* C */

/*
 * koken_channel_receive_later asks for one item in a handler agent's name: it comes as a message of the
 * channel's type, on the system lane, and koken_request_number tells which call it answers. If none can come,
 * struct koken_failed comes instead: -ETIMEDOUT, -ESHUTDOWN. An agent that ends waits for nothing any more; an
 * item that was on its way to it is a dead letter. Answers a number > 0. Errors: -EINVAL channel NULL; -ENOTSUP
 * in a fiber agent; -ENOMEM.
 */
KOKEN_MUST_USE int koken_channel_receive_later(koken_ctx *ctx, struct koken_channel *channel,
                                               uint64_t timeout_ns);

/*
 * koken_channel_room_later asks for one struct koken_channel_room as soon as there is room, or the channel is
 * closed: the agent then tries again, and asks again if others were faster. Numbers and errors as
 * koken_channel_receive_later. trusted: a channel is made for many agents.
 */
KOKEN_MESSAGE_TRUSTED(koken_channel_room, {
    struct koken_channel *channel; /* the caller's own reference, not one more */
    uint32_t request;
});
KOKEN_MUST_USE int koken_channel_room_later(koken_ctx *ctx, struct koken_channel *channel,
                                            uint64_t timeout_ns);

/* What is true of a channel at some moment during the call; 0 and false of NULL. */
size_t koken_channel_count(struct koken_channel *channel);
size_t koken_channel_capacity(const struct koken_channel *channel);
bool koken_channel_is_closed(struct koken_channel *channel);

enum koken_case_kind {
    KOKEN_CASE_SEND,
    KOKEN_CASE_RECV,
    KOKEN_CASE_AT, /* a time, koken_now() */
};

/* One thing that a select waits for. Made by the macros below. */
struct koken_case {
    struct koken_channel *channel; /* NULL: never happens */
    const struct koken_type *type;
    void *item; /* what to send, or where to put what is received */
    uint64_t at_ns;
    enum koken_case_kind kind;
    int rc; /* of the case that happened: 0, or -ESHUTDOWN its channel is closed, and empty */
};
#define KOKEN_SEND_CASE(CHANNEL, NAME, item_ptr)                                                   \
    {                                                                                              \
        (CHANNEL), &koken_type_##NAME, (struct NAME *){(item_ptr)}, 0, KOKEN_CASE_SEND, 0          \
    }
#define KOKEN_RECV_CASE(CHANNEL, NAME, ret_item_ptr)                                               \
    {                                                                                              \
        (CHANNEL), &koken_type_##NAME, (struct NAME *){(ret_item_ptr)}, 0, KOKEN_CASE_RECV, 0      \
    }
#define KOKEN_TIME_CASE(time_ns)                                                                   \
    {                                                                                              \
        NULL, NULL, NULL, (time_ns), KOKEN_CASE_AT, 0                                              \
    }

/*
 * koken_select waits until one of the cases can happen, has it happen, and answers its number, counted from 0:
 * one case and no other. Among several that could happen chance decides. Of a send that happened with rc 0 the
 * item has gone. A channel may be in several cases; a select does not meet itself. Errors: -EINVAL no case, or
 * one of another type than its channel; -E2BIG more than KOKEN_SELECT_MAX; -EAGAIN, -ETIMEDOUT, -ENOTSUP,
 * -ECANCELED, -ENOMEM as koken_channel_send. Cost: O(cases), all channels held at once.
 */
KOKEN_MUST_USE int koken_select(struct koken_case *cases, size_t count, uint64_t timeout_ns);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
