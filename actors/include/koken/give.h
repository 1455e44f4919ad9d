/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads on their way: an iso or val is a message of its own, order_iso or order_val, whose
 * handler gets a pointer to the handle and takes it out:
 *
 *     static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
 *     {
 *         koken_iso(order, o) = koken_take(*msg);
 *         ...
 *     }
 *
 * What a handler leaves in the message is given back by the runtime. The pointer travels, never the
 * data.
 */
#ifndef KOKEN_GIVE_H
#define KOKEN_GIVE_H

#include <koken/caps.h>
#include <koken/signal.h>

/* An await whose answer may be a handle. Made by the macros below. */
struct koken_await_call {
    koken_ref to;
    uint64_t timeout_ns;
    void *ret_answer;
    const struct koken_type *answer_type; /* NULL: any of answer_size that owns nothing */
    size_t answer_size;
    const struct koken_type *type;
    const void *payload;
    bool *
        ret_is_sent; /* NULL: nobody asks; else set when the question is out of the caller's hands */
};

#ifndef __cplusplus

/*
 * koken_post(to, h) sends an iso or val and is done with it: if it is refused, it is given back
 * (and counted by the runtime as refused). h is empty afterwards. Thread: any. Cost: as
 * koken_signal.
 */
#define koken_post(to, h)                                                                          \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_MAY_SEND_("koken_post", h);                                                          \
        const koken_ref koken_to_ = (to); /* may read h */                                         \
        KOKEN_GONE_(h);                                                                            \
        KOKEN_TRACE_(h, KOKEN_OP_SEND);                                                            \
        KOKEN_OF_(h, koken_post_iso_, koken_post_val_, 0, 0, 0)                                    \
        (koken_to_, KOKEN_SEND_(KOKEN_LIVE_((h).ptr_)));                                           \
        (h).ptr_ = NULL;                                                                           \
        (void)0;                                                                                   \
    }))

/*
 * koken_give(to, h) sends an iso or val. 0: h is empty. Else h is what it was, and the answer why,
 * as of koken_signal: if (koken_give(to, o)) { ... o is still ours ... }. Compare with 0 only by ==
 * and !=, so that the checkers can follow. Thread: any. Cost: as koken_signal.
 */
#define koken_give(to, h)                                                                          \
    KOKEN_CAPS_(KOKEN_REFUSED_(__extension__({                                                     \
                                   KOKEN_MAY_SEND_("koken_give", h);                               \
                                   const koken_ref koken_to_ = (to); /* may read h */              \
                                   KOKEN_NEEDS_(h);                                                \
                                   KOKEN_TRACE_(h, KOKEN_OP_SEND);                                 \
                                   (h).ptr_ = KOKEN_SEND_(KOKEN_LIVE_((h).ptr_));                  \
                                   KOKEN_RENEW_(h);                                                \
                                   int koken_rc_ = KOKEN_OF_(h, koken_give_iso_, koken_give_val_,  \
                                                             0, 0, 0)(koken_to_, (h).ptr_);        \
                                   if (koken_rc_ == 0) {                                           \
                                       (h).ptr_ = NULL;                                            \
                                   }                                                               \
                                   koken_rc_;                                                      \
                               }),                                                                 \
                               h))

/* koken_share(to, v) sends another reference to a val; v stays. Errors: as koken_signal. Thread:
 * any. */
#define koken_share(to, h)                                                                         \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_IS_HANDLE_(h),                                                           \
                    "koken_share: '" #h "' is not a capability handle (a raw "                     \
                    "pointer?)");                                                                  \
        KOKEN_RULE_(KOKEN_IS_(h, val), "koken_share: '" #h "' is not a val: an iso is sent, not "  \
                                       "shared; freeze it first");                                 \
        KOKEN_NEEDS_(h);                                                                           \
        KOKEN_TRACE_(h, KOKEN_OP_DUP);                                                             \
        koken_share_((to), KOKEN_LIVE_((h).ptr_));                                                 \
    }))

/* The same for a val in a field. */
#define koken_share_in(to, f)                                                                      \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_IS_(f, val), "koken_share_in: '" #f "' is not a val: an iso is sent, "   \
                                       "not shared");                                              \
        KOKEN_TRACE_(f, KOKEN_OP_DUP);                                                             \
        koken_share_((to), (f).ptr_);                                                              \
    }))

/*
 * koken_give_letter(to, name, letter) sends a KOKEN_LETTER held in a variable. 0: the variable is all zero, its
 * handles are gone. Else it is what it was, and the answer why, as of koken_signal. Thread: any.
 */
#define koken_give_letter(to, NAME, letter)                                                        \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_IS_LETTER_("koken_give_letter", NAME, letter);                                       \
        const koken_ref koken_to_ = (to); /* may read the letter */                                \
        struct NAME *koken_letter_ = &(letter);                                                    \
        KOKEN_LETTER_LEAVES_(NAME, koken_letter_, #letter);                                        \
        int koken_rc_ = koken_signal_(koken_to_, &koken_type_##NAME, koken_letter_);               \
        if (koken_rc_ >= 0) {                                                                      \
            koken_rc_ = 0;                                                                         \
            *koken_letter_ = (struct NAME){0};                                                     \
        }                                                                                          \
        koken_rc_;                                                                                 \
    }))

/*
 * koken_post_reply(ctx, h) answers the present message with an iso or val, and is done with it: h is empty afterwards.
 * If nobody waits, it is given back. Errors: as koken_reply; -ENOMEM. koken_post_answer(claim, h) redeems a
 * claim (koken_defer) in the same way.
 */
#define koken_post_reply(ctx, h) KOKEN_POST_AS_("koken_post_reply", koken_reply_handle_, (ctx), h)
#define koken_post_answer(claim, h)                                                                \
    KOKEN_POST_AS_("koken_post_answer", koken_answer_handle_, (claim), h)
#define KOKEN_POST_AS_(name, fn, to, h)                                                            \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_MAY_SEND_(name, h);                                                                  \
        KOKEN_GONE_(h);                                                                            \
        KOKEN_TRACE_(h, KOKEN_OP_SEND);                                                            \
        int koken_rc_ = fn(to, KOKEN_SEND_(KOKEN_LIVE_((h).ptr_)), KOKEN_IS_(h, val));             \
        (h).ptr_ = NULL;                                                                           \
        koken_rc_;                                                                                 \
    }))

/*
 * koken_await_iso(where, to, timeout_ns, T, slot, message, ...) is koken_await for an answer that is an iso, which is
 * put into slot, an empty koken_slot(T, slot) or field; koken_await_val for a val and a koken_slot_val. An answer of
 * another type is -EPROTO, and given back. Other errors, threads and order: as koken_await.
 */
#define koken_await_iso(where, to, timeout_ns, T, slot, ...)                                       \
    KOKEN_AWAIT_HANDLE_(where, to, timeout_ns, T##_iso, slot, __VA_ARGS__)
#define koken_await_val(where, to, timeout_ns, T, slot, ...)                                       \
    KOKEN_AWAIT_HANDLE_(where, to, timeout_ns, T##_val, slot, __VA_ARGS__)
#define KOKEN_AWAIT_HANDLE_(where, to, timeout_ns, NAME, slot, ...)                                \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_MAY_MOVE_(slot), "koken_await: '" #slot "' lies inside a val or box");   \
        KOKEN_VACANT_(slot);                                                                       \
        KOKEN_WHERE_(where, koken_await_handle_rt_, koken_await_handle_ctx_)                       \
        ((where), &(const struct koken_await_call){(to), (timeout_ns), (struct NAME *){&(slot)},   \
                                                   &koken_type_##NAME, sizeof(struct NAME),        \
                                                   KOKEN_TYPE_(__VA_ARGS__),                       \
                                                   KOKEN_PAYLOAD_(__VA_ARGS__), NULL});            \
    }))

/*
 * koken_await_given(where, to, timeout_ns, &answer, h) is koken_await with an iso or val for its question;
 * koken_await_given_iso and koken_await_given_val (where, to, timeout_ns, T, slot, h) have a payload for their answer too.
 * h is empty afterwards: it is the receiver's, or was given back because nobody could be asked. koken_request_given(ctx,
 * to, timeout_ns, h) is the same for handlers. Errors, threads, order: as koken_await, koken_await_iso, koken_request.
 */
#define koken_await_given(where, to, timeout_ns, ret_answer, h)                                    \
    KOKEN_AWAIT_GIVEN_("koken_await_given", where, to, timeout_ns, ret_answer, NULL,               \
                       sizeof *(ret_answer), h)
#define koken_await_given_iso(where, to, timeout_ns, T, slot, h)                                   \
    KOKEN_AWAIT_GIVEN_SLOT_("koken_await_given_iso", where, to, timeout_ns, T##_iso, slot, h)
#define koken_await_given_val(where, to, timeout_ns, T, slot, h)                                   \
    KOKEN_AWAIT_GIVEN_SLOT_("koken_await_given_val", where, to, timeout_ns, T##_val, slot, h)
#define KOKEN_AWAIT_GIVEN_SLOT_(name, where, to, timeout_ns, NAME, slot, h)                        \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_MAY_MOVE_(slot), name ": '" #slot "' lies inside a val or box");         \
        KOKEN_VACANT_(slot);                                                                       \
        KOKEN_AWAIT_GIVEN_(name, where, to, timeout_ns, (struct NAME *){&(slot)},                  \
                           &koken_type_##NAME, sizeof(struct NAME), h);                            \
    }))
#define KOKEN_AWAIT_GIVEN_(name, where, to, timeout_ns, ret_answer, type, size, h)                 \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_MAY_SEND_(name, h);                                                                  \
        const struct koken_await_call koken_call_ = {(to),   (timeout_ns), (ret_answer), (type),   \
                                                     (size), NULL,         NULL,         NULL};    \
        KOKEN_GONE_(h);                                                                            \
        KOKEN_TRACE_(h, KOKEN_OP_SEND);                                                            \
        const void *koken_question_ = KOKEN_SEND_(KOKEN_LIVE_((h).ptr_));                          \
        const int koken_is_val_ = KOKEN_IS_(h, val);                                               \
        (h).ptr_ = NULL;                                                                           \
        KOKEN_WHERE_(where, koken_await_given_rt_, koken_await_given_ctx_)                         \
        ((where), koken_call_, koken_question_, koken_is_val_);                                    \
    }))
#define koken_request_given(ctx, to, timeout_ns, h)                                                \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_MAY_SEND_("koken_request_given", h);                                                 \
        const koken_ref koken_to_ = (to); /* may read h */                                         \
        KOKEN_GONE_(h);                                                                            \
        KOKEN_TRACE_(h, KOKEN_OP_SEND);                                                            \
        const void *koken_question_ = KOKEN_SEND_(KOKEN_LIVE_((h).ptr_));                          \
        (h).ptr_ = NULL;                                                                           \
        koken_request_given_((ctx), koken_to_, (timeout_ns), koken_question_, KOKEN_IS_(h, val));  \
    }))

/*
 * koken_receive_iso(ctx, timeout_ns, T, slot) is koken_receive_only of <koken/fiber.h> for an iso, which is put into slot,
 * an empty koken_slot(T, slot). Errors: as koken_receive.
 */
#define koken_receive_iso(ctx, timeout_ns, T, slot)                                                \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_MAY_MOVE_(slot),                                                         \
                    "koken_receive_iso: '" #slot "' lies inside a val or box");                    \
        KOKEN_VACANT_(slot);                                                                       \
        koken_receive_only_((ctx), (timeout_ns), &koken_type_##T##_iso,                            \
                            (struct T##_iso *){&(slot)});                                          \
    }))

/*
 * koken_spawn_given(where, &ref, agent, h) makes an agent that starts with an iso or val: its KOKEN_INIT gets it as
 * arg and takes it out by koken_given_iso(T, arg) or koken_given_val(T, arg). From outside it waits for init. h is empty
 * afterwards; what init did not take, or nobody could, is given back. koken_given_iso and koken_given_val answer an
 * empty handle when there is no such payload: ask koken_none. Errors: as koken_try_spawn.
 */
#define koken_spawn_given(where, ret_ref, NAME, h)                                                 \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_MAY_SEND_("koken_spawn_given", h);                                                   \
        KOKEN_RULE_(koken_kinds_##NAME##_ & 1 << KOKEN_ROW_INIT,                                   \
                    "koken_spawn_given: agent '" #NAME "' has no KOKEN_INIT that could take '" #h  \
                    "'");                                                                          \
        const struct koken_agent_type *koken_kind_ = &koken_agent_##NAME;                          \
        koken_ref *koken_made_ = (ret_ref); /* may read h */                                       \
        KOKEN_GONE_(h);                                                                            \
        KOKEN_TRACE_(h, KOKEN_OP_SEND);                                                            \
        const void *koken_start_ = KOKEN_SEND_(KOKEN_LIVE_((h).ptr_));                             \
        (h).ptr_ = NULL;                                                                           \
        KOKEN_WHERE_(where, koken_spawn_given_rt_, koken_spawn_given_ctx_)                         \
        ((where), koken_kind_, koken_made_, koken_start_, KOKEN_IS_(h, val));                      \
    }))
#define koken_given_iso(T, arg)                                                                    \
    KOKEN_CAPS_(KOKEN_WRAP_(T##_iso, koken_given_take_iso_((arg), &koken_payload_##T)))
#define koken_given_val(T, arg)                                                                    \
    KOKEN_CAPS_(KOKEN_WRAP_(T##_val, koken_given_take_val_((arg), &koken_payload_##T)))
KOKEN_MUST_USE KOKEN_API int koken_spawn_given_rt_(struct koken *rt,
                                                   const struct koken_agent_type *type,
                                                   koken_ref *ret_ref, const void *payload,
                                                   int is_val) KOKEN_NEEDS_ARG_(4);
KOKEN_MUST_USE KOKEN_API int koken_spawn_given_ctx_(koken_ctx *ctx,
                                                    const struct koken_agent_type *type,
                                                    koken_ref *ret_ref, const void *payload,
                                                    int is_val) KOKEN_NEEDS_ARG_(4);
KOKEN_API void *koken_given_take_iso_(const void *arg, const struct koken_type *type);
KOKEN_API const void *koken_given_take_val_(const void *arg, const struct koken_type *type);

#define KOKEN_IS_LETTER_(name, NAME, letter)                                                       \
    KOKEN_RULE_(_Generic(&(letter), struct NAME * : 1, default : 0),                               \
                name ": '" #letter "' is not a letter '" #NAME "' in a variable of its own")

#define KOKEN_MAY_SEND_(name, h)                                                                   \
    KOKEN_RULE_(KOKEN_IS_HANDLE_(h), name ": '" #h "' is not a capability handle (a raw "          \
                                          "pointer?)");                                            \
    KOKEN_RULE_(KOKEN_IS_LINEAR_(h),                                                               \
                name ": '" #h "' is not sendable: only iso and val cross agents (make it iso by "  \
                     "koken_recover, or val by koken_freeze)");                                    \
    KOKEN_RULE_(KOKEN_MAY_MOVE_(h),                                                                \
                name ": '" #h "' lies inside a val or box: it cannot be moved "                    \
                     "out")

KOKEN_API void koken_post_iso_(koken_ref to, void *payload) KOKEN_NEEDS_ARG_(2) KOKEN_TAKES_(2);
KOKEN_API void koken_post_val_(koken_ref to, const void *payload) KOKEN_NEEDS_ARG_(2)
    KOKEN_TAKES_(2);
KOKEN_MUST_USE KOKEN_API int koken_give_iso_(koken_ref to, void *payload) KOKEN_NEEDS_ARG_(2);
#ifdef KOKEN_ANALYZE
/* The analyzer believes that who gets a pointer to const keeps nothing. */
int koken_give_val_(koken_ref to, void *payload) KOKEN_NEEDS_ARG_(2);
#else
KOKEN_MUST_USE KOKEN_API int koken_give_val_(koken_ref to, const void *payload) KOKEN_NEEDS_ARG_(2);
#endif
KOKEN_MUST_USE KOKEN_API int koken_share_(koken_ref to, const void *payload) KOKEN_NEEDS_ARG_(2);

KOKEN_MUST_USE KOKEN_API int koken_reply_handle_(koken_ctx *ctx, const void *payload, int is_val)
    KOKEN_NEEDS_ARG_(2);
KOKEN_MUST_USE KOKEN_API int koken_answer_handle_(koken_claim claim, const void *payload,
                                                  int is_val) KOKEN_NEEDS_ARG_(2);
KOKEN_MUST_USE KOKEN_API int koken_await_handle_rt_(struct koken *rt,
                                                    const struct koken_await_call *call);
KOKEN_MUST_USE KOKEN_API int koken_await_handle_ctx_(koken_ctx *ctx,
                                                     const struct koken_await_call *call);
KOKEN_MUST_USE KOKEN_API int koken_await_given_rt_(struct koken *rt, struct koken_await_call call,
                                                   const void *payload, int is_val)
    KOKEN_NEEDS_ARG_(3);
KOKEN_MUST_USE KOKEN_API int koken_await_given_ctx_(koken_ctx *ctx, struct koken_await_call call,
                                                    const void *payload, int is_val)
    KOKEN_NEEDS_ARG_(3);
KOKEN_MUST_USE KOKEN_API int koken_request_given_(koken_ctx *ctx, koken_ref to, uint64_t timeout_ns,
                                                  const void *payload, int is_val)
    KOKEN_NEEDS_ARG_(4);

/* The sends end what the makers begin, too. */
#define KOKEN_SENDS_                                                                               \
    KOKEN_ENDS_(koken_reply_handle_, 2)                                                            \
    KOKEN_ENDS_(koken_answer_handle_, 2)                                                           \
    KOKEN_ENDS_(koken_await_given_rt_, 3)                                                          \
    KOKEN_ENDS_(koken_await_given_ctx_, 3)                                                         \
    KOKEN_ENDS_(koken_request_given_, 4)                                                           \
    KOKEN_ENDS_(koken_spawn_given_rt_, 4) KOKEN_ENDS_(koken_spawn_given_ctx_, 4)
KOKEN_MAKERS_(KOKEN_ENDS_(koken_post_iso_, 2) KOKEN_SENDS_,
              KOKEN_ENDS_(koken_post_val_, 2) KOKEN_SENDS_);

#endif /* C */

#endif
