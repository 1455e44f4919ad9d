/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operations of koken/caps.h are made of: the rules as constant expressions, and one
 * section per checker (clang's thread-safety analysis, the optimiser, gcc's analyzer, the debug
 * build), each of which is nothing in the builds that it is not for. Nothing here is for users; all
 * names end in _.
 */
#ifndef KOKEN_CAPS_PARTS_H
#define KOKEN_CAPS_PARTS_H

#include <koken/payload.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __cplusplus

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
KOKEN_API void *koken_region_new_(const struct koken_type *type) KOKEN_MAKES_;
KOKEN_API void *koken_payload_new_in_(const struct koken_type *type, void *root)
    KOKEN_NEEDS_ARG_(2) KOKEN_MAKES_;
KOKEN_API void *koken_recovered_(void *payload) KOKEN_MAKES_;
KOKEN_API void *koken_payload_clone_(const void *payload) KOKEN_NEEDS_ARG_(1);
KOKEN_API void *koken_local_new_(const struct koken_type *type);
#ifndef KOKEN_ANALYZE /* it does not see that a recovered one is not a ref any more */
KOKEN_API void *koken_local_new_(const struct koken_type *type) KOKEN_ENDS_(koken_local_drop_, 1);
#endif
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
    KOKEN_API void *koken_region_new_(const struct koken_type *type) ISO_ENDS;                     \
    KOKEN_API void *koken_payload_new_in_(const struct koken_type *type, void *root) ISO_ENDS;     \
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
KOKEN_API void koken_letter_leaves_(const struct koken_type *type, void *letter,
                                    const struct koken_site *site);

/*
 * koken_caps_protect has every val that is frozen from now on, with all that it owns, put on pages that cannot be
 * written to: the write itself stops the program then, not the next operation on a handle. For programs with
 * KOKEN_CAPS_DEBUG, of few vals: each payload costs two pages, and the system has a limit for their number; what is
 * beyond it is watched by hash. Not to be turned back. Errors: -ENOTSUP the handler for SIGSEGV cannot be had. Thread: main.
 */
KOKEN_MUST_USE KOKEN_API int koken_caps_protect(void);

#ifdef KOKEN_CAPS_DEBUG
#define KOKEN_SITE_(text)                                                                          \
    (&(const struct koken_site){.what = text, .file = __FILE__, .line = __LINE__})
#define KOKEN_TRACE_(h, op) KOKEN_TRACE_AT_(h, #h, op)
#define KOKEN_TRACE_AT_(h, text, op)                                                               \
    koken_trace_((const void *)(uintptr_t)(h).ptr_, (h).generation_, op, KOKEN_SITE_(text))
#define KOKEN_VACANT_(f) KOKEN_VACANT_AT_(f, #f)
#define KOKEN_VACANT_AT_(f, text) koken_vacant_((f).ptr_, KOKEN_SITE_(text))
#define KOKEN_RENEW_(h) ((h).generation_ = koken_renew_((h).ptr_))
#define KOKEN_LETTER_LEAVES_(NAME, at, text)                                                       \
    koken_letter_leaves_(&koken_type_##NAME, (at), KOKEN_SITE_(text))
#define KOKEN_WRAP_(TYPE, p)                                                                       \
    __extension__({                                                                                \
        __typeof__(TYPE) koken_wrapped_ = {0};                                                     \
        koken_wrapped_.ptr_ = (p);                                                                 \
        koken_wrapped_.generation_ = koken_generation_(koken_wrapped_.ptr_);                       \
        koken_wrapped_;                                                                            \
    })
#define KOKEN_FREEZE_(p) koken_iso_freeze_(koken_relocate_(p))
#define KOKEN_SEND_(p) koken_relocate_(p)
#define KOKEN_THAWED_(p) ((p) == NULL ? NULL : koken_relocate_(p))
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
#define KOKEN_LETTER_LEAVES_(NAME, at, text) ((void)0)
#define KOKEN_WRAP_(TYPE, p)                                                                       \
    __extension__({                                                                                \
        __typeof__(TYPE) koken_wrapped_ = {0};                                                     \
        koken_wrapped_.ptr_ = (p);                                                                 \
        koken_wrapped_;                                                                            \
    })
#define KOKEN_FREEZE_(p) koken_iso_freeze_(p)
#define KOKEN_SEND_(p) (p)
#define KOKEN_THAWED_(p) (p)
#define KOKEN_LEAK_CHECK_
#define KOKEN_GUARD_(h) ((void)0)
#endif

#endif /* C */

#endif
