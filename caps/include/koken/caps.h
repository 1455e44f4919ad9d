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

#include <koken/caps_parts.h>
#include <koken/payload.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __cplusplus

/* ---- names ---- */

/* A variable that owns a payload: initialise it with =. A slot may be empty: ask koken_has, fill by
 * put. */
#define koken_iso(T, name) KOKEN_OWNER_(T##_iso, name)
#define koken_val(T, name) KOKEN_OWNER_(T##_val, name)
#define koken_local(T, name) T##_ref name
#define koken_slot(T, name) T##_iso name KOKEN_LEAK_CHECK_ = {0}
#define koken_slot_val(T, name) T##_val name KOKEN_LEAK_CHECK_ = {0}
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

/*
 * Before the name of a pointer parameter: the function does not keep what it is lent. For functions that take borrowed
 * pointers (koken_mut, koken_get) and are defined in another file; koken lint asks for it, and holds the definition to it.
 *
 *     long order_worth(const struct order *KOKEN_LENT o);
 */
#if defined(__clang__)
#define KOKEN_LENT __attribute__((noescape))
#else
#define KOKEN_LENT
#endif

/* ---- making, reading, writing ---- */

/* A fresh payload, all zero; empty when there is no memory: ask koken_none. */
#define koken_new(T) KOKEN_CAPS_(KOKEN_WRAP_(T##_iso, koken_payload_new_(&koken_payload_##T)))
/*
 * A graph that will be given up as one: koken_new_region(T) is a fresh payload with a region, and koken_new_in(T, root) a
 * fresh payload in the region of that iso. Each is an iso like any other, may be put, taken out, sent and frozen; the
 * memory of the region goes when the last of its payloads has gone, all at once. So what is taken out and kept holds
 * the rest of the region's memory. Not the root of a region (or a payload of more than a kilobyte): memory of its own.
 */
#define koken_new_region(T) KOKEN_CAPS_(KOKEN_WRAP_(T##_iso, koken_region_new_(&koken_payload_##T)))
#define koken_new_in(T, root)                                                                      \
    KOKEN_CAPS_(__extension__({                                                                    \
        KOKEN_RULE_(KOKEN_IS_(root, iso) && KOKEN_MAY_WRITE_(root),                                \
                    "koken_new_in: '" #root "' is not an iso that may be written to here");        \
        KOKEN_NEEDS_(root);                                                                        \
        KOKEN_TRACE_(root, KOKEN_OP_WRITE);                                                        \
        KOKEN_WRAP_(T##_iso, koken_payload_new_in_(&koken_payload_##T, KOKEN_LIVE_((root).ptr_))); \
    }))
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
        KOKEN_WRAP_(__typeof__(**(h).as_iso_), KOKEN_THAWED_(koken_thawed_));                      \
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
        KOKEN_RULE_(KOKEN_OF_(h, 0, 1, 1, 1, 0),                                                   \
                    "koken_box: '" #h "' is not a ref or val: an iso has no second name");         \
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

#endif /* C */

#endif
