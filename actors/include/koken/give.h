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
        struct NAME *koken_letter_ = &(letter);                                                    \
        int koken_rc_ = koken_signal_((to), &koken_type_##NAME, koken_letter_);                    \
        if (koken_rc_ >= 0) {                                                                      \
            koken_rc_ = 0;                                                                         \
            *koken_letter_ = (struct NAME){0};                                                     \
        }                                                                                          \
        koken_rc_;                                                                                 \
    }))

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

/* The sends end what the makers begin, too. */
KOKEN_MAKERS_(KOKEN_ENDS_(koken_post_iso_, 2), KOKEN_ENDS_(koken_post_val_, 2));

#endif /* C */

#endif
