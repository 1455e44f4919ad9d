/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may touch a payload: the operations on iso, val, ref, box and tag handles (payload.h declares
 * them).
 *
 *     koken_iso(order, o) = koken_new(order);      this name owns a fresh order
 *     if (koken_none(o)) { return -ENOMEM; }
 *     koken_mut(o)->price = 100;
 *     koken_val(order, v) = koken_freeze(o);       o is empty now, v immutable
 *     koken_post(tape, v);                         gone (koken/give.h)
 *
 * Rules:
 *   R1 A named iso or val is consumed exactly once on every path: sent, frozen, moved, put or
 * dropped. R2 A handle is never copied with =: koken_move, koken_take and koken_put, koken_dup. R3
 * A pointer from koken_mut or koken_get does not outlive the statement, or the KOKEN_WITH block. R4
 * Fields of payloads are numbers, iso, val or tag. R5 No mutable data at file scope, no static
 * locals, in the code of agents. R6 No casts to payload pointers, no pointer to integer or back, no
 * names that end in _.
 *
 * Checked where: R4 and what a capability allows, by the types, always. R1 and use of what is gone,
 * by an error of every optimised build where the compiler can see it; by clang's thread-safety
 * analysis on all paths (koken lint). R2, R3, R5, R6 by koken lint. The rest stops a build with
 * KOKEN_CAPS_DEBUG.
 *
 * In a release build each operation is what the same code with plain pointers would be.
 */
#ifndef KOKEN_CAPS_H
#define KOKEN_CAPS_H

#include <koken/payload.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __cplusplus

/* Marks code of this library for the lint, which looks only at what is outside of it. */
#define KOKEN_CAPS_(...) __VA_ARGS__

/* ---- names ---- */

/* A variable that owns a payload: initialise it with =. A slot may be empty: ask koken_has, fill by
 * put. */
#define koken_iso(T, name) KOKEN_OWNER_(T##_iso, name)
#define koken_val(T, name) KOKEN_OWNER_(T##_val, name)
#define koken_local(T, name) T##_ref name
#define koken_slot(T, name) T##_iso name = {0}
#define koken_slot_val(T, name) T##_val name = {0}
#define koken_empty(T) KOKEN_CAPS_(((T##_iso){0}))
#define koken_empty_val(T) KOKEN_CAPS_(((T##_val){0}))

/* The first statement of a function that gets an iso or val by value: the parameter owns it now. */
#define koken_owned(h) KOKEN_CAPS_(KOKEN_HELD_(h); KOKEN_ADOPT_(h); KOKEN_GUARD_(h))
/* Gives a variable that was consumed something new to own. */
#define koken_set(h, value)                                                                        \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_IS_LINEAR_(h), "koken_set: '" #h "' is not an iso or val");              \
        __typeof__(h) koken_set_ = (value);                                                        \
        KOKEN_VACANT_(h);                                                                          \
        KOKEN_HELD_(h);                                                                            \
        (h) = koken_set_;                                                                          \
        (void)0;                                                                                   \
    }))

/* ---- making, reading, writing ---- */

/* A fresh payload, all zero; empty when there is no memory: ask koken_none. */
#define koken_new(T) KOKEN_CAPS_(KOKEN_WRAP_(T##_iso, koken_payload_new_(&koken_payload_##T)))
/* The same as a ref: local, aliases allowed; given back by koken_discard. */
#define koken_new_local(T) KOKEN_CAPS_(KOKEN_WRAP_(T##_ref, koken_local_new_(&koken_payload_##T)))

/* Is a variable empty? Tells the checkers too: on the path where it is, there is nothing to
 * consume. */
#define koken_none(h) KOKEN_CAPS_(KOKEN_NONE_(h))
/* Is there something in a slot or field? Those the checkers do not follow. */
#define koken_has(h) (KOKEN_CAPS_((h).ptr_ != NULL))

/* The payload of a variable, to write or to read; for the statement only. */
#define koken_mut(h)                                                                               \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_IS_HANDLE_(h), "koken_mut: '" #h "' is not a capability handle");        \
        KOKEN_RULE_(KOKEN_MAY_WRITE_(h), "koken_mut: '" #h "' is not writable here: needs an iso " \
                                         "or ref, and not from inside a val or box");              \
        KOKEN_NEEDS_(h);                                                                           \
        KOKEN_TRACE_(h, KOKEN_OP_WRITE);                                                           \
        KOKEN_LIVE_((h).ptr_);                                                                     \
    }))
#define koken_get(h)                                                                               \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_IS_HANDLE_(h), "koken_get: '" #h "' is not a capability handle");        \
        KOKEN_RULE_(!KOKEN_IS_(h, tag), "koken_get: '" #h "' is a tag: identity only, it cannot "  \
                                        "be read");                                                \
        KOKEN_NEEDS_(h);                                                                           \
        KOKEN_TRACE_(h, KOKEN_OP_READ);                                                            \
        (const __typeof__(*(h).ptr_) *)KOKEN_LIVE_((h).ptr_);                                      \
    }))
/* The same for a handle in a field, which the checkers do not follow. */
#define koken_poke(f) KOKEN_POKE_(f, #f, KOKEN_CAT_(koken_poked_, __COUNTER__))
#define koken_peek(f) KOKEN_PEEK_(f, #f, KOKEN_CAT_(koken_peeked_, __COUNTER__))
#define KOKEN_POKE_(f, text, at)                                                                   \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_MAY_WRITE_(f), "koken_poke: '" text "' is not writable here: needs an "  \
                                         "iso or ref, and not from inside a val or box");          \
        __typeof__(&(f)) at = &(f);                                                                \
        KOKEN_TRACE_AT_(*at, text, KOKEN_OP_WRITE);                                                \
        at->ptr_;                                                                                  \
    }))
#define KOKEN_PEEK_(f, text, at)                                                                   \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(!KOKEN_IS_(f, tag), "koken_peek: '" text "' is a tag: identity only, it "      \
                                        "cannot be read");                                         \
        __typeof__(&(f)) at = &(f);                                                                \
        KOKEN_TRACE_AT_(*at, text, KOKEN_OP_READ);                                                 \
        (const __typeof__(*at->ptr_) *)at->ptr_;                                                   \
    }))

/* KOKEN_WITH(p, h) { ... } borrows the payload for a block; no break, goto or return out of it. */
#define KOKEN_WITH(p, h)                                                                           \
    for (int koken_turn_##p = 1; koken_turn_##p; koken_turn_##p = 0)                               \
        for (KOKEN_CAPS_(__typeof__((h).ptr_) p = __extension__({                                  \
                             KOKEN_NEEDS_(h);                                                      \
                             KOKEN_TRACE_(h, KOKEN_OP_BORROW);                                     \
                             (__typeof__((h).ptr_))KOKEN_BORROW_(KOKEN_LIVE_((h).ptr_));           \
                         }));                                                                      \
             koken_turn_##p; koken_turn_##p = 0, KOKEN_CAPS_(KOKEN_UNBORROW_(p)))

/* ---- changing hands ---- */

/* The value of a variable, which is empty afterwards. */
#define koken_move(h)                                                                              \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_IS_HANDLE_(h), "koken_move: '" #h "' is not a capability handle");       \
        KOKEN_RULE_(KOKEN_IS_LINEAR_(h) && KOKEN_MAY_MOVE_(h),                                     \
                    "koken_move: '" #h "' is not an iso or val that may be moved from here");      \
        KOKEN_GONE_(h);                                                                            \
        KOKEN_TRACE_(h, KOKEN_OP_MOVE);                                                            \
        __typeof__(h) koken_moved_ = (h);                                                          \
        (void)KOKEN_LIVE_(koken_moved_.ptr_);                                                      \
        KOKEN_RENEW_(koken_moved_);                                                                \
        (h).ptr_ = NULL;                                                                           \
        koken_moved_;                                                                              \
    }))
/* Out of a field, which is empty afterwards; into a field, which was empty. */
#define koken_take(f)                                                                              \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_IS_LINEAR_(f) && KOKEN_MAY_MOVE_(f),                                     \
                    "koken_take: '" #f "' cannot be taken out: not an iso or val, or inside a "    \
                    "val or box");                                                                 \
        __typeof__(&(f)) koken_at_ = &(f);                                                         \
        __typeof__(f) koken_taken_ = *koken_at_;                                                   \
        koken_at_->ptr_ = NULL;                                                                    \
        koken_taken_;                                                                              \
    }))
#define koken_put(f, h) KOKEN_PUT_(f, h, #f, #h, KOKEN_CAT_(koken_put_at_, __COUNTER__))
#define KOKEN_PUT_(f, h, f_text, h_text, at)                                                       \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_IS_LINEAR_(h), "koken_put: '" h_text "' is not an iso or val");          \
        KOKEN_RULE_(KOKEN_MAY_MOVE_(f), "koken_put: '" f_text "' lies inside a val or box");       \
        __typeof__(&(f)) at = &(f);                                                                \
        KOKEN_VACANT_AT_(*at, f_text);                                                             \
        KOKEN_GONE_(h);                                                                            \
        KOKEN_TRACE_AT_(h, h_text, KOKEN_OP_PUT);                                                  \
        __typeof__(*at) koken_put_ = (h);                                                          \
        (void)KOKEN_LIVE_(koken_put_.ptr_);                                                        \
        (h).ptr_ = NULL;                                                                           \
        *at = koken_put_;                                                                          \
        KOKEN_RENEW_(*at);                                                                         \
        (void)0;                                                                                   \
    }))

/* Gives the payload back: an iso with all that it owns, of a val this reference. */
#define koken_drop(h)                                                                              \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_IS_HANDLE_(h), "koken_drop: '" #h "' is not a capability handle");       \
        KOKEN_RULE_(KOKEN_IS_LINEAR_(h), "koken_drop: '" #h "' is not an iso or val");             \
        KOKEN_GONE_(h);                                                                            \
        KOKEN_TRACE_(h, KOKEN_OP_DROP);                                                            \
        KOKEN_OF_(h, koken_iso_drop_, koken_val_drop_, 0, 0, 0)(KOKEN_LIVE_((h).ptr_));            \
        (h).ptr_ = NULL;                                                                           \
        (void)0;                                                                                   \
    }))
/* Gives back a ref; its aliases must not be used again. */
#define koken_discard(r)                                                                           \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_IS_(r, ref), "koken_discard: '" #r "' is not a ref");                    \
        koken_local_drop_((r).ptr_);                                                               \
        (r).ptr_ = NULL;                                                                           \
        (void)0;                                                                                   \
    }))

/* An iso becomes a val, in O(1), without a copy; what it owns becomes immutable with it. */
#define koken_freeze(h)                                                                            \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_IS_HANDLE_(h), "koken_freeze: '" #h "' is not a capability handle");     \
        KOKEN_RULE_(KOKEN_IS_(h, iso) && KOKEN_MAY_MOVE_(h),                                       \
                    "koken_freeze: '" #h "' is not an iso: other writable aliases may exist");     \
        KOKEN_GONE_(h);                                                                            \
        KOKEN_TRACE_(h, KOKEN_OP_FREEZE);                                                          \
        const void *koken_frozen_ = KOKEN_FREEZE_(KOKEN_LIVE_((h).ptr_));                          \
        (h).ptr_ = NULL;                                                                           \
        KOKEN_WRAP_(__typeof__(**(h).as_val_), koken_frozen_);                                     \
    }))
/*
 * A val becomes an iso: at once when this is its only reference, else as a deep copy. Empty when
 * there is no memory for the copy. The reference is consumed in any case.
 */
#define koken_thaw(h)                                                                              \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_IS_(h, val) && KOKEN_MAY_MOVE_(h), "koken_thaw: '" #h "' is not a val"); \
        KOKEN_GONE_(h);                                                                            \
        KOKEN_TRACE_(h, KOKEN_OP_FREEZE);                                                          \
        void *koken_thawed_ = koken_val_thaw_(KOKEN_LIVE_((h).ptr_));                              \
        (h).ptr_ = NULL;                                                                           \
        KOKEN_WRAP_(__typeof__(**(h).as_iso_), koken_thawed_);                                     \
    }))
/* Is this the only reference to the val? */
#define koken_is_sole(h) KOKEN_CAPS_(koken_val_is_sole_((h).ptr_))

/* A second reference to a val; from a variable, and from a field. */
#define koken_dup(h)                                                                               \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_IS_HANDLE_(h), "koken_dup: '" #h "' is not a capability handle");        \
        KOKEN_RULE_(KOKEN_IS_(h, val), "koken_dup: '" #h "': only a val may have a second owner"); \
        KOKEN_NEEDS_(h);                                                                           \
        KOKEN_TRACE_(h, KOKEN_OP_DUP);                                                             \
        KOKEN_WRAP_(__typeof__(**(h).as_val_), koken_val_keep_(KOKEN_LIVE_((h).ptr_)));            \
    }))
#define koken_dup_in(f)                                                                            \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_IS_(f, val), "koken_dup_in: '" #f "': only a val may have a second "     \
                                       "owner");                                                   \
        __typeof__(&(f)) koken_dup_at_ = &(f);                                                     \
        KOKEN_TRACE_AT_(*koken_dup_at_, #f, KOKEN_OP_DUP);                                         \
        KOKEN_WRAP_(__typeof__(**(f).as_val_), koken_val_keep_(koken_dup_at_->ptr_));              \
    }))

/* A deep copy of what an iso, val, ref or box shows, as a fresh iso. Empty: no memory. */
#define koken_clone(h)                                                                             \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(!KOKEN_IS_(h, tag), "koken_clone: '" #h "' is a tag: it cannot be read");      \
        KOKEN_NEEDS_(h);                                                                           \
        KOKEN_TRACE_(h, KOKEN_OP_READ);                                                            \
        KOKEN_WRAP_(__typeof__(**(h).as_iso_), koken_payload_clone_(KOKEN_LIVE_((h).ptr_)));       \
    }))

/* Identity and views. */
#define koken_tag(h)                                                                               \
    KOKEN_CAPS_(__extension__({                                                                    \
        __typeof__(**(h).as_tag_) koken_tag_ = {0};                                                \
        koken_tag_.ptr_ = (void *)(uintptr_t)(h).ptr_;                                             \
        koken_tag_;                                                                                \
    }))
#define koken_same(a, b) (KOKEN_CAPS_((const void *)(a).ptr_ == (const void *)(b).ptr_))
#define koken_box(h)                                                                               \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_NEEDS_(h);                                                                           \
        KOKEN_WRAP_(__typeof__(**(h).as_box_), (h).ptr_);                                          \
    }))

/*
 * koken_recover(T, r, statements) builds with a ref r, aliases of it allowed, and answers the
 * result as an iso. The statements may use no ref from outside and may leave none there.
 */
#define koken_recover(T, r, ...)                                                                   \
    __extension__({                                                                                \
        koken_local(T, r) = koken_new_local(T);                                                    \
        __VA_ARGS__                                                                                \
        KOKEN_CAPS_(KOKEN_WRAP_(T##_iso, KOKEN_RECOVERED_(r.ptr_)));                               \
    })

/* ---- what the macros are made of ---- */

#define KOKEN_RULE_(cond, text)                                                                    \
    do {                                                                                           \
        enum { koken_rule_ = !!(cond) };                                                           \
        _Static_assert(koken_rule_, text);                                                         \
    } while (0)

#define KOKEN_IS_HANDLE_(h) (__builtin_classify_type(h) == 12)

/* What holds for the capability of h: for iso, val, ref, box, tag. */
#define KOKEN_OF_(h, ISO, VAL, REF, BOX, TAG)                                                      \
    _Generic((h).cap_,                                                                             \
        struct koken_is_iso_ **: ISO,                                                              \
        struct koken_is_iso_ *const *: ISO,                                                        \
        struct koken_is_val_ **: VAL,                                                              \
        struct koken_is_val_ *const *: VAL,                                                        \
        struct koken_is_ref_ **: REF,                                                              \
        struct koken_is_ref_ *const *: REF,                                                        \
        struct koken_is_box_ **: BOX,                                                              \
        struct koken_is_box_ *const *: BOX,                                                        \
        struct koken_is_tag_ **: TAG,                                                              \
        struct koken_is_tag_ *const *: TAG)
#define KOKEN_IS_(h, CAP)                                                                          \
    _Generic((h).cap_, struct koken_is_##CAP##_ * * : 1, struct koken_is_##CAP##_ *const * : 1,    \
             default : 0)
#define KOKEN_IS_LINEAR_(h) KOKEN_OF_(h, 1, 1, 0, 0, 0)
#define KOKEN_IS_SENDABLE_(h) KOKEN_OF_(h, 1, 1, 0, 0, 1)
#define KOKEN_MAY_WRITE_(h)                                                                        \
    _Generic((h).cap_, struct koken_is_iso_ * * : 1, struct koken_is_ref_ * * : 1, default : 0)
/* Seen through const, a handle is part of a val or box and stays there. */
#define KOKEN_MAY_MOVE_(h)                                                                         \
    _Generic((h).cap_, struct koken_is_iso_ *const * : 0, struct koken_is_val_ *const * : 0,       \
             default : 1)

/*
 * Under clang's thread-safety analysis a variable of type iso or val is a lock: held while it owns
 * something. Expressions are matched by spelling, so &(h) makes the messages say 'o'.
 */
#if defined(__clang__) && defined(KOKEN_LINT) && !defined(__clang_analyzer__)
#define KOKEN_TSA_(x) __attribute__((x))
#define KOKEN_TSA_FN_                                                                              \
    static inline __attribute__((always_inline, unused, no_thread_safety_analysis))
KOKEN_TSA_FN_ void koken_hold_iso_(struct koken_is_iso_ *m) KOKEN_TSA_(acquire_capability(m));
KOKEN_TSA_FN_ void koken_hold_iso_(struct koken_is_iso_ *m)
{
    (void)m;
}
KOKEN_TSA_FN_ void koken_hold_val_(struct koken_is_val_ *m) KOKEN_TSA_(acquire_capability(m));
KOKEN_TSA_FN_ void koken_hold_val_(struct koken_is_val_ *m)
{
    (void)m;
}
KOKEN_TSA_FN_ void koken_gone_iso_(struct koken_is_iso_ *m) KOKEN_TSA_(release_capability(m));
KOKEN_TSA_FN_ void koken_gone_iso_(struct koken_is_iso_ *m)
{
    (void)m;
}
KOKEN_TSA_FN_ void koken_gone_val_(struct koken_is_val_ *m) KOKEN_TSA_(release_capability(m));
KOKEN_TSA_FN_ void koken_gone_val_(struct koken_is_val_ *m)
{
    (void)m;
}
KOKEN_TSA_FN_ void koken_access_iso(struct koken_is_iso_ *m) KOKEN_TSA_(requires_capability(m));
KOKEN_TSA_FN_ void koken_access_iso(struct koken_is_iso_ *m)
{
    (void)m;
}
KOKEN_TSA_FN_ void koken_access_val(struct koken_is_val_ *m) KOKEN_TSA_(requires_capability(m));
KOKEN_TSA_FN_ void koken_access_val(struct koken_is_val_ *m)
{
    (void)m;
}
KOKEN_TSA_FN_ void koken_skip_(void *m)
{
    (void)m;
}
/* Given up, and held again if the answer is what the second attribute says. */
KOKEN_TSA_FN_ int koken_kept_iso_(int yes, struct koken_is_iso_ *m)
    KOKEN_TSA_(release_capability(m)) KOKEN_TSA_(try_acquire_capability(1, m));
KOKEN_TSA_FN_ int koken_kept_iso_(int yes, struct koken_is_iso_ *m)
{
    (void)m;
    return yes;
}
KOKEN_TSA_FN_ int koken_kept_val_(int yes, struct koken_is_val_ *m)
    KOKEN_TSA_(release_capability(m)) KOKEN_TSA_(try_acquire_capability(1, m));
KOKEN_TSA_FN_ int koken_kept_val_(int yes, struct koken_is_val_ *m)
{
    (void)m;
    return yes;
}
KOKEN_TSA_FN_ int koken_kept_not_iso_(int yes, struct koken_is_iso_ *m)
    KOKEN_TSA_(release_capability(m)) KOKEN_TSA_(try_acquire_capability(0, m));
KOKEN_TSA_FN_ int koken_kept_not_iso_(int yes, struct koken_is_iso_ *m)
{
    (void)m;
    return yes;
}
KOKEN_TSA_FN_ int koken_kept_not_val_(int yes, struct koken_is_val_ *m)
    KOKEN_TSA_(release_capability(m)) KOKEN_TSA_(try_acquire_capability(0, m));
KOKEN_TSA_FN_ int koken_kept_not_val_(int yes, struct koken_is_val_ *m)
{
    (void)m;
    return yes;
}
KOKEN_TSA_FN_ int koken_kept_skip_(int yes, void *m)
{
    (void)m;
    return yes;
}
#define KOKEN_TSA_CALL_(h, op)                                                                     \
    KOKEN_OF_(h, koken_##op##_iso_, koken_##op##_val_, koken_skip_, koken_skip_, koken_skip_)      \
    ((void *)&(h))
#define KOKEN_HELD_(h) KOKEN_TSA_CALL_(h, hold)
#define KOKEN_GONE_(h) KOKEN_TSA_CALL_(h, gone)
#define KOKEN_NEEDS_(h)                                                                            \
    KOKEN_OF_(h, koken_access_iso, koken_access_val, koken_skip_, koken_skip_, koken_skip_)        \
    ((void *)&(h))
#define KOKEN_NONE_(h)                                                                             \
    KOKEN_OF_(h, koken_kept_not_iso_, koken_kept_not_val_, koken_kept_skip_, koken_kept_skip_,     \
              koken_kept_skip_)                                                                    \
    ((h).ptr_ == NULL, (void *)&(h))
#define KOKEN_REFUSED_(rc, h)                                                                      \
    KOKEN_OF_(h, koken_kept_iso_, koken_kept_val_, koken_kept_skip_, koken_kept_skip_,             \
              koken_kept_skip_)                                                                    \
    ((rc), (void *)&(h))
#define KOKEN_OWNER_(TYPE, name)                                                                   \
    TYPE name = {0};                                                                               \
    KOKEN_CAPS_(KOKEN_HELD_(name));                                                                \
    name
#else
#define KOKEN_TSA_(x)
#define KOKEN_HELD_(h) ((void)0)
#define KOKEN_GONE_(h) ((void)0)
#define KOKEN_NEEDS_(h) ((void)0)
#define KOKEN_NONE_(h) ((h).ptr_ == NULL)
#define KOKEN_REFUSED_(rc, h) (rc)
#define KOKEN_OWNER_(TYPE, name) TYPE name KOKEN_LEAK_CHECK_
#endif

/*
 * KOKEN_ROLE(name) names who may touch a state; KOKEN_OF_ROLE(name) marks a field, KOKEN_ACTS(name)
 * a function that runs as this role. The lint reports other functions that touch the field.
 */
#if defined(__clang__) && defined(KOKEN_LINT)
#define KOKEN_ROLE(T)                                                                              \
    extern const struct __attribute__((capability("agent"))) T##_role_ {                           \
        char nothing;                                                                              \
    } T##_role
#define KOKEN_OF_ROLE(T) __attribute__((guarded_by(T##_role)))
#define KOKEN_ACTS(T) __attribute__((requires_capability(T##_role)))
#else
#define KOKEN_ROLE(T) struct T##_role_
#define KOKEN_OF_ROLE(T)
#define KOKEN_ACTS(T)
#endif

/* Where the optimiser can prove that a handle is empty, the build stops. KOKEN_NO_FORTIFY turns it
 * off. */
#if defined(__OPTIMIZE__) && !defined(__clang_analyzer__) && !defined(KOKEN_NO_FORTIFY) &&         \
    !defined(KOKEN_ANALYZE)
extern void koken_gone_handle_(void) __attribute__((
    error("koken: this iso or val is gone already: it was sent, frozen, moved, put or dropped")));
#define KOKEN_LIVE_(p)                                                                             \
    __extension__({                                                                                \
        __typeof__(p) koken_live_ = (p);                                                           \
        if (__builtin_constant_p(koken_live_ == NULL) && koken_live_ == NULL) {                    \
            koken_gone_handle_();                                                                  \
        }                                                                                          \
        koken_live_;                                                                               \
    })
#else
#define KOKEN_LIVE_(p) (p)
#endif

/* What gives back what was made: gcc's -Wuse-after-free and its kin, -fanalyzer, clang's analyzer.
 */
#if defined(__clang__)
#define KOKEN_ENDS_(fn, arg)
#else
#define KOKEN_ENDS_(fn, arg) __attribute__((malloc(fn, arg)))
#endif
#if defined(__clang__) && defined(__clang_analyzer__)
#define KOKEN_TAKES_(arg) __attribute__((ownership_takes(malloc, arg)))
#define KOKEN_MAKES_ __attribute__((ownership_returns(malloc)))
#else
#define KOKEN_TAKES_(arg)
#define KOKEN_MAKES_
#endif
#define KOKEN_NEEDS_ARG_(arg) __attribute__((nonnull(arg)))

KOKEN_API void koken_iso_drop_(void *payload) KOKEN_NEEDS_ARG_(1) KOKEN_TAKES_(1);
KOKEN_API void koken_val_drop_(const void *payload) KOKEN_NEEDS_ARG_(1) KOKEN_TAKES_(1);
KOKEN_API void koken_local_drop_(void *payload);
KOKEN_API const void *koken_iso_freeze_(void *payload) KOKEN_NEEDS_ARG_(1) KOKEN_TAKES_(1)
    __attribute__((returns_nonnull));
KOKEN_API void *koken_val_thaw_(const void *payload) KOKEN_NEEDS_ARG_(1);
/* Answers its argument, which the compiler must take for another pointer: each is dropped by
 * itself. */
KOKEN_API const void *koken_val_keep_(const void *payload) KOKEN_NEEDS_ARG_(1)
    __attribute__((returns_nonnull));
KOKEN_API bool koken_val_is_sole_(const void *payload) KOKEN_NEEDS_ARG_(1);
KOKEN_API void *koken_payload_new_(const struct koken_type *type) KOKEN_MAKES_;
KOKEN_API void *koken_recovered_(void *payload) KOKEN_MAKES_;
KOKEN_API void *koken_payload_clone_(const void *payload) KOKEN_NEEDS_ARG_(1);
KOKEN_API void *koken_local_new_(const struct koken_type *type);
#ifdef KOKEN_ANALYZE
/* For gcc -fanalyzer only: a parameter taken over counts as made here, a borrow ends like an
 * allocation. */
void *koken_adopt_iso_(void *payload) __attribute__((returns_nonnull));
const void *koken_adopt_val_(const void *payload) __attribute__((returns_nonnull));
void koken_unborrow_(void *payload);
void *koken_borrow_(void *payload) __attribute__((nonnull(1), returns_nonnull))
KOKEN_ENDS_(koken_unborrow_, 1);
#define KOKEN_ISO_ADOPTED_ KOKEN_ENDS_(koken_adopt_iso_, 1)
#define KOKEN_VAL_ADOPTED_ KOKEN_ENDS_(koken_adopt_val_, 1)
#else
#define KOKEN_ISO_ADOPTED_
#define KOKEN_VAL_ADOPTED_
#endif

/* Which functions make what ends where: one line per maker, here and where the sends are declared.
 */
#define KOKEN_MAKERS_(ISO_ENDS, VAL_ENDS)                                                          \
    KOKEN_API void *koken_payload_new_(const struct koken_type *type) ISO_ENDS;                    \
    KOKEN_API void *koken_recovered_(void *payload) ISO_ENDS;                                      \
    KOKEN_API void *koken_payload_clone_(const void *payload) ISO_ENDS;                            \
    KOKEN_API void *koken_val_thaw_(const void *payload) ISO_ENDS;                                 \
    KOKEN_API const void *koken_iso_freeze_(void *payload) VAL_ENDS;                               \
    KOKEN_API const void *koken_val_keep_(const void *payload) VAL_ENDS;                           \
    KOKEN_ADOPTERS_(ISO_ENDS, VAL_ENDS)
#ifdef KOKEN_ANALYZE
#define KOKEN_ADOPTERS_(ISO_ENDS, VAL_ENDS)                                                        \
    void *koken_adopt_iso_(void *payload) ISO_ENDS;                                                \
    const void *koken_adopt_val_(const void *payload) VAL_ENDS
#else
#define KOKEN_ADOPTERS_(ISO_ENDS, VAL_ENDS) struct koken_is_iso_
#endif
KOKEN_MAKERS_(KOKEN_ENDS_(koken_iso_drop_, 1) KOKEN_ENDS_(koken_iso_freeze_, 1) KOKEN_ISO_ADOPTED_,
              KOKEN_ENDS_(koken_val_drop_, 1) KOKEN_ENDS_(koken_val_thaw_, 1) KOKEN_VAL_ADOPTED_);

#ifdef KOKEN_ANALYZE
#define KOKEN_ADOPT_(h)                                                                            \
    ((h).ptr_ = KOKEN_OF_(h, koken_adopt_iso_, koken_adopt_val_, 0, 0, 0)((void *)(h).ptr_))
#define KOKEN_BORROW_(p) koken_borrow_((void *)(p))
#define KOKEN_UNBORROW_(p) koken_unborrow_((void *)(p))
#define KOKEN_RECOVERED_(p) (p)
#else
#define KOKEN_ADOPT_(h) ((void)0)
#define KOKEN_BORROW_(p) (p)
#define KOKEN_UNBORROW_(p) ((void)(p))
#define KOKEN_RECOVERED_(p) koken_recovered_(p)
#endif

enum koken_op {
    KOKEN_OP_READ,
    KOKEN_OP_WRITE,
    KOKEN_OP_BORROW,
    KOKEN_OP_DUP,
    KOKEN_OP_MOVE,
    KOKEN_OP_PUT,
    KOKEN_OP_SEND,
    KOKEN_OP_FREEZE,
    KOKEN_OP_DROP,
    KOKEN_OP_COUNT_
};

/*
 * With KOKEN_CAPS_DEBUG a handle carries the generation of its payload. Whoever changes the owner
 * changes the generation, so a copy that stayed behind is told at its next use; what is sent or
 * frozen moves to fresh memory, so a pointer that stayed behind points to poison.
 */
struct koken_site {
    const char *what;
    const char *file;
    int line;
};
KOKEN_API void koken_trace_(const void *payload, uint32_t generation, enum koken_op op,
                            const struct koken_site *site);
KOKEN_API uint32_t koken_generation_(const void *payload);
KOKEN_API uint32_t koken_renew_(const void *payload);
KOKEN_API void *koken_relocate_(const void *payload);
KOKEN_API void koken_vacant_(const void *payload, const struct koken_site *site);
KOKEN_API void koken_left_behind_(const void *handle);

#ifdef KOKEN_CAPS_DEBUG
#define KOKEN_SITE_(text)                                                                          \
    (&(const struct koken_site){.what = text, .file = __FILE__, .line = __LINE__})
#define KOKEN_TRACE_(h, op) KOKEN_TRACE_AT_(h, #h, op)
#define KOKEN_TRACE_AT_(h, text, op)                                                               \
    koken_trace_((const void *)(uintptr_t)(h).ptr_, (h).generation_, op, KOKEN_SITE_(text))
#define KOKEN_VACANT_(f) KOKEN_VACANT_AT_(f, #f)
#define KOKEN_VACANT_AT_(f, text) koken_vacant_((f).ptr_, KOKEN_SITE_(text))
#define KOKEN_RENEW_(h) ((h).generation_ = koken_renew_((h).ptr_))
#define KOKEN_WRAP_(TYPE, p)                                                                       \
    __extension__({                                                                                \
        __typeof__(TYPE) koken_wrapped_ = {0};                                                     \
        koken_wrapped_.ptr_ = (p);                                                                 \
        koken_wrapped_.generation_ = koken_generation_(koken_wrapped_.ptr_);                       \
        koken_wrapped_;                                                                            \
    })
#define KOKEN_FREEZE_(p) koken_iso_freeze_(koken_relocate_(p))
#define KOKEN_SEND_(p) koken_relocate_(p)
#define KOKEN_LEAK_CHECK_ __attribute__((cleanup(koken_left_behind_)))
struct koken_guard_ {
    const void *handle;
};
static inline __attribute__((unused)) void koken_guard_end_(struct koken_guard_ *guard)
{
    koken_left_behind_(guard->handle);
}
#define KOKEN_GUARD_(h)                                                                            \
    struct koken_guard_ KOKEN_CAT_(koken_guard_, __COUNTER__)                                      \
        __attribute__((cleanup(koken_guard_end_), unused)) = {&(h)}
#else
#define KOKEN_TRACE_(h, op) ((void)0)
#define KOKEN_TRACE_AT_(h, text, op) ((void)0)
#define KOKEN_VACANT_(f) ((void)0)
#define KOKEN_VACANT_AT_(f, text) ((void)0)
#define KOKEN_RENEW_(h) ((void)0)
#define KOKEN_WRAP_(TYPE, p)                                                                       \
    __extension__({                                                                                \
        __typeof__(TYPE) koken_wrapped_ = {0};                                                     \
        koken_wrapped_.ptr_ = (p);                                                                 \
        koken_wrapped_;                                                                            \
    })
#define KOKEN_FREEZE_(p) koken_iso_freeze_(p)
#define KOKEN_SEND_(p) (p)
#define KOKEN_LEAK_CHECK_
#define KOKEN_GUARD_(h) ((void)0)
#endif

#endif /* C */

#endif
