/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailbox: many senders, one receiver at a time, two lanes, an exact bound, in one atomic word.
 *
 *      63                22 21     5 4  3  2  1  0
 *     +--------------------+--------+--+--+--+--+--+
 *     | newest envelope >>6|sequence|L |P |C |Y |S |
 *     +--------------------+--------+--+--+--+--+--+
 *
 *     S  scheduled: somebody is responsible for running the receiver
 *     Y  a system message is among those not yet taken
 *     C  closed: the receiver has ended
 *     P  pressed: len reached the high mark and has not been down at the low mark since
 *     L  line: pressure has ended, and perhaps not all who wait for room have been told
 *
 * Envelopes not yet taken form a chain from the newest down. A send is one compare-and-swap that
 * puts an envelope on top and sets S; whoever found S clear must get the receiver scheduled. The
 * word is the whole truth about "is there work": nobody looks at lengths to decide it.
 *
 * Taking costs the receiver a load, no read-modify-write: it walks from the top down to the
 * *boundary*, the top of its previous take, and reverses what lies between into its private lists.
 * The boundary stays linked in the word, so it is kept, though handled, until it cannot be met
 * again (DESIGN.md, I3). Going idle is one compare-and-swap from {boundary, S} to {nothing, 0}: it
 * fails exactly if something came meanwhile. So a lone message costs two locked operations from
 * send to idle, a flood one each.
 *
 * The bound: `sequence` counts accepted user messages, `consumed` (written by the receiver alone)
 * the handled ones. A sender reads the word, then consumed; the swap succeeds only if the word
 * still stands, and consumed can only have grown: the length it found is never too small. System
 * messages are not counted.
 *
 * | op    | push | take | idle | close | len |   X: one at a time, by holding S; -: any time
 * |-------|------|------|------|-------|-----|
 * | push  |  -   |  -   |  -   |  -    |  -  |   push, close: lock-free
 * | take  |  -   |  X   |  X   |  X    |  -  |   take, len: wait-free
 * | idle  |  -   |  X   |  X   |  X    |  -  |   idle: wait-free, it answers "no" instead of trying again
 * | close |  -   |  X   |  X   |  X    |  -  |
 */
#ifndef KN_MAILBOX_MAILBOX_H
#define KN_MAILBOX_MAILBOX_H

#include "base/align.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "caps/envelope.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    KN_MB_SCHEDULED = 1u << 0,
    KN_MB_SYSTEM = 1u << 1,
    KN_MB_CLOSED = 1u << 2,
    KN_MB_PRESSED = 1u << 3,
    KN_MB_LINE = 1u << 4,
    KN_MB_SEQ_SHIFT = 5,
    KN_MB_SEQ_BITS = 17,
    KN_MB_TOP_SHIFT = 22,
};

#define KN_MB_SEQ_ONE ((uint64_t)1 << KN_MB_SEQ_SHIFT)
#define KN_MB_SEQ_MASK ((((uint64_t)1 << KN_MB_SEQ_BITS) - 1) << KN_MB_SEQ_SHIFT)
#define KN_MB_FLAGS ((uint64_t)31)

/* Lengths are differences of two sequence numbers, and must be told from their opposites. */
#define KN_MB_CAPACITY_MAX ((1u << (KN_MB_SEQ_BITS - 1)) - 1)
#define KN_MB_UNBOUNDED UINT32_MAX

/* The length at which a mailbox without a bound has so many taken out of the sequence; strides. */
#define KN_MB_STRIDE (1u << (KN_MB_SEQ_BITS - 2))

_Static_assert(KN_MB_SEQ_SHIFT + KN_MB_SEQ_BITS == KN_MB_TOP_SHIFT, "the fields of the word meet");
_Static_assert(48 - 6 + KN_MB_TOP_SHIFT == 64,
               "the pointer field holds any 64-byte aligned address");

/* (c) constant after init  (a) atomic  (o) holder of S only */
struct kn_mailbox {
    kn_atomic(uint64_t) word;     /* (a) everyone */
    kn_atomic(uint32_t) consumed; /* (a) written by the holder of S, user messages handled, wraps */
    uint32_t limit; /* (c) refuse a user message at this length; without a bound KN_MB_STRIDE */
    uint32_t low;   /* (c) pressed ends at this length; limit - 1: no hysteresis; without a bound
                     * KN_MB_UNBOUNDED */
    kn_atomic(uint16_t) strides; /* (a) so many times KN_MB_STRIDE wait besides; for reports */
    kn_atomic(uint16_t)
        taker; /* (a) written by the holder of S: where it runs; a hint for senders */
};

#define KN_MB_NOWHERE UINT16_MAX /* as a taker */

/* The receiver's side: private lists in the order of arrival. */
struct kn_intake {
    struct kn_envelope *user_head;   /* (o) */
    struct kn_envelope *user_tail;   /* (o) valid while user_head is set */
    struct kn_envelope *system_head; /* (o) */
    struct kn_envelope
        *boundary; /* (o) newest envelope of the last take, still linked in the word */
};

enum kn_push {
    KN_PUSH_OK,     /* the receiver is scheduled already */
    KN_PUSH_WAKE,   /* the pusher must get the receiver scheduled */
    KN_PUSH_FULL,   /* refused, the envelope stays the pusher's */
    KN_PUSH_CLOSED, /* refused, nobody there */
    KN_PUSH_ELSE,   /* of kn_mailbox_push_usual only: nothing has been done */
};

static inline struct kn_envelope *kn_mb_top(uint64_t word)
{
    return (struct kn_envelope *)(uintptr_t)((word >> KN_MB_TOP_SHIFT) << 6);
}

static inline uint64_t kn_mb_with_top(const struct kn_envelope *top, uint64_t rest)
{
    return ((uint64_t)(uintptr_t)top << (KN_MB_TOP_SHIFT - 6)) | rest;
}

/* Whether the mailbox has no bound. */
static inline bool kn_mb_grows(const struct kn_mailbox *mb)
{
    return mb->low == KN_MB_UNBOUNDED;
}

/* User messages accepted in word and not among the first `consumed`; at least 0 as a signed number.
 */
static inline int32_t kn_mb_length(uint64_t word, uint32_t consumed)
{
    uint32_t seq = (uint32_t)((word & KN_MB_SEQ_MASK) >> KN_MB_SEQ_SHIFT);
    /* The difference of two 17-bit numbers, sign-extended. */
    return (int32_t)((seq - consumed) << (32 - KN_MB_SEQ_BITS)) >> (32 - KN_MB_SEQ_BITS);
}

/*
 * Initialises a mailbox that refuses at `limit` user messages and, once it has refused, until
 * `low`. `flags` may hold KN_MB_SCHEDULED: born scheduled. Not concurrent with anything.
 */
static inline void kn_mailbox_init(struct kn_mailbox *mb, uint32_t limit, uint32_t low,
                                   uint64_t flags)
{
    KN_ASSERT(limit == KN_MB_UNBOUNDED || (limit >= 1 && limit <= KN_MB_CAPACITY_MAX));
    KN_ASSERT(low < limit);
    kn_store(&mb->consumed, 0, relaxed);          /* published by whoever publishes the receiver */
    kn_store(&mb->strides, 0, relaxed);           /* as above */
    kn_store(&mb->taker, KN_MB_NOWHERE, relaxed); /* as above */
    mb->limit = limit == KN_MB_UNBOUNDED ? KN_MB_STRIDE : limit;
    mb->low = limit == KN_MB_UNBOUNDED ? KN_MB_UNBOUNDED : low;
    /* [MB3] release: the receiver is there; who walks over all slots may find it before its handle. */
    kn_store(&mb->word, flags, release);
}

/* The word of a mailbox whose pressure ends: who waits is told, at once or by the receiver. */
static inline uint64_t kn_mb_opened(uint64_t word)
{
    return (word & ~(uint64_t)KN_MB_PRESSED) | KN_MB_LINE;
}

/*
 * What a full or pressed mailbox does with a send: 0 to go on with *word as it stands now (*opened: the
 * push ends the pressure), KN_PUSH_FULL, or -1 if it is closed. The slow part of kn_mailbox_push.
 */
int kn_mailbox_pressure(struct kn_mailbox *mb, uint64_t *word, bool *opened);

/*
 * The swap of the word. is_alone: the caller knows that nobody else changes the word meanwhile
 * (actors alone.h says when); then a plain store does. A constant at each call.
 */
static KN_ALWAYS_INLINE bool kn_mb_swap(struct kn_mailbox *mb, uint64_t *seen, uint64_t now,
                                        bool is_alone)
{
    if (is_alone) {
        KN_ASSERT(kn_load(&mb->word, relaxed) == *seen);
        kn_store(&mb->word, now, release); /* [MB1] [MB2] release: to whoever is not alone later */
        return true;
    }
    return kn_cas_weak(&mb->word, seen, now, acq_rel, acquire); /* [MB1] [MB2] release, acquire */
}

/*
 * Puts a user message into the mailbox. *opened is set (never cleared) if this push ended the
 * pressure: the pusher must then wake those who wait for room. On refusal the envelope is
 * unchanged.
 */
static KN_ALWAYS_INLINE enum kn_push kn_mailbox_push_by(struct kn_mailbox *mb,
                                                        struct kn_envelope *e, bool *opened,
                                                        bool is_alone)
{
    /* [MB3] acquire: pairs with the release of close; and `consumed` is to be read after the word.
     */
    uint64_t word = kn_load(&mb->word, acquire);
    KN_ASSERT(((uintptr_t)e & 63) == 0);
    KN_ASSERT(e->lane == KN_LANE_USER);
    KN_ASSERT(e->size_class < KN_SIZE_CLASS_COUNT);
    for (;;) {
        if (kn_unlikely(word & KN_MB_CLOSED)) {
            return KN_PUSH_CLOSED;
        }
        uint64_t seen = word;
        bool opening = false;
        /* Relaxed: consumed only grows, and an old value only makes the length look larger. */
        int32_t len = kn_mb_length(word, kn_load(&mb->consumed, relaxed));
        if (kn_unlikely((word & KN_MB_PRESSED) || (len > 0 && (uint32_t)len >= mb->limit))) {
            int full = kn_mailbox_pressure(mb, &seen, &opening);
            if (full) {
                return full < 0 ? KN_PUSH_CLOSED : KN_PUSH_FULL;
            }
            word = opening ? kn_mb_opened(seen) : seen;
        }
        e->next = kn_mb_top(word);
        uint64_t seq = (word + KN_MB_SEQ_ONE) & KN_MB_SEQ_MASK;
        uint64_t now = kn_mb_with_top(e, seq | (word & KN_MB_FLAGS) | KN_MB_SCHEDULED);
        /*
         * [MB1] release: publishes the envelope to the take. [MB2] acquire: if this finds S clear,
         * what the last receiver did before it went idle happens before what the next one does.
         */
        if (kn_likely(kn_mb_swap(mb, &seen, now, is_alone))) {
            *opened |= opening;
            return (word & KN_MB_SCHEDULED) || KN_MUTANT(3) ? KN_PUSH_OK : KN_PUSH_WAKE;
        }
        word = seen;
    }
}

/*
 * The usual case of kn_mailbox_push, without a call: room and no pressure. KN_PUSH_ELSE: it is another one,
 * and nothing has been done.
 */
static KN_ALWAYS_INLINE enum kn_push kn_mailbox_push_usual(struct kn_mailbox *mb,
                                                           struct kn_envelope *e, bool is_alone)
{
    /* [MB3] acquire: as in kn_mailbox_push_by. */
    uint64_t word = kn_load(&mb->word, acquire);
    KN_ASSERT(((uintptr_t)e & 63) == 0);
    KN_ASSERT(e->lane == KN_LANE_USER);
    for (;;) { /* ends: each turn somebody else's push has succeeded */
        /* Relaxed: consumed only grows, and an old value only makes the length look larger. */
        int32_t len = kn_mb_length(word, kn_load(&mb->consumed, relaxed));
        if (kn_unlikely((word & (KN_MB_CLOSED | KN_MB_PRESSED)) ||
                        (len > 0 && (uint32_t)len >= mb->limit))) {
            return KN_PUSH_ELSE;
        }
        uint64_t seen = word;
        uint64_t rest = ((word + KN_MB_SEQ_ONE) & (KN_MB_SEQ_MASK | KN_MB_FLAGS)) | KN_MB_SCHEDULED;
        e->next = kn_mb_top(word);
        /* [MB1] release, [MB2] acquire: as in kn_mailbox_push_by. */
        if (kn_likely(kn_mb_swap(mb, &seen, kn_mb_with_top(e, rest), is_alone))) {
            return word & KN_MB_SCHEDULED ? KN_PUSH_OK : KN_PUSH_WAKE;
        }
        word = seen;
    }
}

static inline enum kn_push kn_mailbox_push(struct kn_mailbox *mb, struct kn_envelope *e,
                                           bool *opened)
{
    return kn_mailbox_push_by(mb, e, opened, /* is_alone= */ false);
}

/* Puts a system message into the mailbox: never refused but by a closed one, never counted. */
static KN_ALWAYS_INLINE enum kn_push kn_mailbox_push_system_by(struct kn_mailbox *mb,
                                                               struct kn_envelope *e, bool is_alone)
{
    uint64_t word = kn_load(&mb->word, acquire); /* [MB3] acquire */
    KN_ASSERT(((uintptr_t)e & 63) == 0);
    KN_ASSERT(e->size_class < KN_SIZE_CLASS_COUNT);
    e->lane = KN_LANE_SYSTEM;
    for (;;) {
        if (kn_unlikely(word & KN_MB_CLOSED)) {
            return KN_PUSH_CLOSED;
        }
        e->next = kn_mb_top(word);
        uint64_t rest = word & (KN_MB_SEQ_MASK | KN_MB_FLAGS);
        uint64_t now = kn_mb_with_top(e, rest | KN_MB_SCHEDULED | KN_MB_SYSTEM);
        /* [MB1] release, [MB2] acquire: as in kn_mailbox_push. */
        if (kn_likely(kn_mb_swap(mb, &word, now, is_alone))) {
            return word & KN_MB_SCHEDULED ? KN_PUSH_OK : KN_PUSH_WAKE;
        }
    }
}

static inline enum kn_push kn_mailbox_push_system(struct kn_mailbox *mb, struct kn_envelope *e)
{
    return kn_mailbox_push_system_by(mb, e, /* is_alone= */ false);
}

/* Sets S (and, with KN_MB_SYSTEM, asks for a look) without a message. Answers as a push. */
static inline enum kn_push kn_mailbox_nudge(struct kn_mailbox *mb, uint64_t flags)
{
    KN_ASSERT((flags & ~(uint64_t)KN_MB_SYSTEM) == 0);
    /* [MB1] release, [MB2] acquire: as in kn_mailbox_push. */
    uint64_t word = kn_or(&mb->word, flags | KN_MB_SCHEDULED, acq_rel);
    if (kn_unlikely(word & KN_MB_CLOSED)) {
        return KN_PUSH_CLOSED;
    }
    return word & KN_MB_SCHEDULED ? KN_PUSH_OK : KN_PUSH_WAKE;
}

/* True if a system message waits untaken. Relaxed: a hint, made certain by the take or by going
 * idle. */
static inline bool kn_mailbox_has_system(const struct kn_mailbox *mb)
{
    return kn_load(&mb->word, relaxed) & KN_MB_SYSTEM;
}

/* True if nobody is responsible for running the receiver, which is open. Relaxed: a hint, made certain by a push. */
static inline bool kn_mailbox_is_resting(const struct kn_mailbox *mb)
{
    return (kn_load(&mb->word, relaxed) & (KN_MB_SCHEDULED | KN_MB_CLOSED)) == 0;
}

/* Sorts the chain from top down to (not including) the boundary into the intake's lists. */
void kn_intake_sort(struct kn_intake *in, struct kn_envelope *top);

/*
 * Moves what has come since the last take into the private lists. Only the holder of S.
 * Answers the envelope that stopped being the boundary (to be freed if it has been handled), or
 * NULL; *took tells whether anything came, a nudge included.
 */
static KN_ALWAYS_INLINE struct kn_envelope *kn_mailbox_take_by(struct kn_mailbox *mb,
                                                               struct kn_intake *in, bool *took,
                                                               bool is_alone)
{
    /* [MB1] acquire: the envelopes in the chain are ours, whole. */
    uint64_t word = kn_load(&mb->word, acquire);
    bool nudged = word & KN_MB_SYSTEM;
    if (nudged && is_alone) {
        kn_store(&mb->word, word & ~(uint64_t)KN_MB_SYSTEM, release); /* [MB1] as in kn_mb_swap */
    } else if (kn_unlikely(nudged)) {
        word = kn_and(&mb->word, ~(uint64_t)KN_MB_SYSTEM, acquire); /* [MB1] acquire */
    }
    struct kn_envelope *top = kn_mb_top(word);
    struct kn_envelope *old = in->boundary;
    *took = top != old || nudged;
    if (top == old) {
        return NULL;
    }
    KN_ASSERT(word & KN_MB_SCHEDULED);
    KN_ASSERT(top != NULL); /* only idle and close empty the word, and clear the boundary with it */
    if (top->next == old && top->lane == KN_LANE_USER && !in->user_head) {
        top->next = NULL; /* the usual case: one message */
        in->user_head = in->user_tail = top;
        in->boundary = top;
    } else {
        kn_intake_sort(in, top);
    }
    return old;
}

static inline struct kn_envelope *kn_mailbox_take(struct kn_mailbox *mb, struct kn_intake *in,
                                                  bool *took)
{
    return kn_mailbox_take_by(mb, in, took, /* is_alone= */ false);
}

/* Tells senders that n more user messages have been handled. Only the holder of S. */
static inline void kn_mailbox_consume(struct kn_mailbox *mb, uint32_t n)
{
    KN_ASSERT(n > 0);
    KN_ASSERT(kn_mb_grows(mb) ||
              kn_mb_length(kn_load(&mb->word, relaxed), kn_load(&mb->consumed, relaxed) + n) >= 0);
    /* Relaxed: only the count travels here; one writer, so no read-modify-write. */
    kn_store(&mb->consumed, kn_load(&mb->consumed, relaxed) + n, relaxed);
}

/* Puts back into the count of the sequence what senders have taken out of it. Only the holder of S. */
void kn_mailbox_give_strides(struct kn_mailbox *mb);

static inline void kn_mailbox_settle(struct kn_mailbox *mb)
{
    if (kn_unlikely(kn_load(&mb->strides, relaxed) > 0)) { /* relaxed: a number for reports */
        kn_mailbox_give_strides(mb);
    }
}

/*
 * Ends the pressure if the length is at the low mark. True: the caller must wake those who wait for
 * room, or the first of them, since L is set. Only the holder of S; after consume.
 */
bool kn_mailbox_relieve(struct kn_mailbox *mb);

/*
 * Whether it is time to tell more of those who wait: not all have been told, and there is room. Only the
 * holder of S, when it would go idle: those told before have not filled the mailbox.
 */
bool kn_mailbox_line_is_due(const struct kn_mailbox *mb);

/*
 * Clears L, before the last in the line are told: who enters it after this sees that nobody will tell him,
 * and who entered before is in the line that the caller takes now. Only the holder of S.
 */
static inline void kn_mailbox_end_line(struct kn_mailbox *mb)
{
    /* [MB2] acquire: pairs with the release of who enters the line and looks at the word behind it. */
    (void)kn_and(&mb->word, ~(uint64_t)KN_MB_LINE, acquire);
}

/*
 * Gives S up if nothing has come. A receiver may go idle with messages still in its private lists,
 * when it waits for something else: the pressure on it, or the line, then lasts until it handles them.
 * But who could be told of room now must be, first: idle refuses, and the caller calls
 * kn_mailbox_relieve, and looks whether the line is due. True: the receiver is idle and no longer the
 * caller's, in->boundary has been cleared before, and *ret_last is the old boundary if it has been
 * handled, to be freed, else NULL.
 */
static KN_ALWAYS_INLINE bool kn_mailbox_idle_by(struct kn_mailbox *mb, struct kn_intake *in,
                                                struct kn_envelope **ret_last, bool is_alone)
{
    KN_ASSERT(!in->system_head);
    struct kn_envelope *last = in->boundary;
    uint64_t word = kn_load(&mb->word, relaxed); /* what it says is checked by the swap */
    if (kn_mb_top(word) != last ||
        (word & KN_MB_FLAGS & ~(uint64_t)(KN_MB_PRESSED | KN_MB_LINE)) != KN_MB_SCHEDULED) {
        return false;
    }
    if (kn_unlikely(word & (KN_MB_PRESSED | KN_MB_LINE)) && !KN_MUTANT(2)) {
        /* Our own count, so the length is exact; P coming later fails the swap. */
        int32_t len = kn_mb_length(word, kn_load(&mb->consumed, relaxed));
        if (len <= 0 || (uint32_t)len <= mb->low) {
            return false;
        }
    }
    /* Both before the swap: afterwards the intake, and an envelope not yet handled, may be
     * another's. */
    struct kn_envelope *handled = last && (last->flags & KN_ENV_DONE) ? last : NULL;
    in->boundary = NULL;
    uint64_t idle = word & (KN_MB_SEQ_MASK | KN_MB_PRESSED | KN_MB_LINE);
    /* [MB2] release: the receiver's state passes to whoever schedules it next. */
    if (is_alone) {
        kn_store(&mb->word, idle, release); /* [MB2] release: as in kn_mb_swap */
    } else if (!kn_cas_strong(&mb->word, &word, idle, release, relaxed)) {
        in->boundary = last;
        return false;
    }
    KN_ASSERT(!kn_mb_top(idle));
    *ret_last = handled;
    return true;
}

/*
 * The shortest way from a lone message to idle, for a receiver that keeps nothing back. peek answers the
 * one user message there is, without taking it, or NULL: there is more, or less, or anything else to look
 * at. Whoever handles it calls adopt before, and afterwards has the state of a take. idle_after, called
 * after consume, is kn_mailbox_idle if nothing at all has happened since the peek, whose word it is given;
 * the message is then the caller's to free. Only the holder of S.
 */
static KN_ALWAYS_INLINE struct kn_envelope *kn_mailbox_peek(const struct kn_mailbox *mb,
                                                            const struct kn_intake *in,
                                                            uint64_t *ret_word)
{
    uint64_t word = kn_load(&mb->word, acquire); /* [MB1] acquire: the envelope is ours, whole */
    struct kn_envelope *e = kn_mb_top(word);
    if (kn_unlikely((word & KN_MB_FLAGS) != KN_MB_SCHEDULED || !e ||
                    ((uintptr_t)in->boundary | (uintptr_t)in->user_head) != 0)) {
        return NULL;
    }
    KN_ASSERT(!in->system_head);
    *ret_word = word;
    return e->next || e->lane != KN_LANE_USER ? NULL : e;
}

/* The same for the one message of the system lane. */
static KN_ALWAYS_INLINE struct kn_envelope *kn_mailbox_peek_system(const struct kn_mailbox *mb,
                                                                   const struct kn_intake *in,
                                                                   uint64_t *ret_word)
{
    uint64_t word = kn_load(&mb->word, acquire); /* [MB1] acquire: the envelope is ours, whole */
    struct kn_envelope *e = kn_mb_top(word);
    if (kn_unlikely((word & KN_MB_FLAGS) != (KN_MB_SCHEDULED | KN_MB_SYSTEM) || !e ||
                    ((uintptr_t)in->boundary | (uintptr_t)in->user_head) != 0)) {
        return NULL;
    }
    KN_ASSERT(!in->system_head);
    *ret_word = word;
    return e->next || e->lane != KN_LANE_SYSTEM ? NULL : e;
}

static inline void kn_mailbox_adopt(struct kn_intake *in, struct kn_envelope *e)
{
    KN_ASSERT(!in->boundary && !e->next);
    in->boundary = e;
}

static KN_ALWAYS_INLINE bool kn_mailbox_idle_after(struct kn_mailbox *mb, struct kn_intake *in,
                                                   uint64_t word, bool is_alone)
{
    KN_ASSERT(in->boundary && in->boundary == kn_mb_top(word));
    /* [MB2] release, both: the receiver's state passes to whoever schedules it next. */
    if (is_alone) {
        if (kn_unlikely(kn_load(&mb->word, relaxed) != word)) { /* relaxed: what is there is ours */
            return false;
        }
        in->boundary = NULL;
        kn_store(&mb->word, word & KN_MB_SEQ_MASK, release); /* [MB2] as in kn_mb_swap */
        return true;
    }
    struct kn_envelope *e = in->boundary;
    in->boundary = NULL; /* before the swap: afterwards the intake may be another's */
    if (kn_likely(kn_cas_strong(&mb->word, &word, word & KN_MB_SEQ_MASK, release, relaxed))) {
        return true;
    }
    in->boundary = e;
    return false;
}

static inline bool kn_mailbox_idle(struct kn_mailbox *mb, struct kn_intake *in,
                                   struct kn_envelope **ret_last)
{
    return kn_mailbox_idle_by(mb, in, ret_last, /* is_alone= */ false);
}

/*
 * Closes the mailbox for good; what had not been taken is in the private lists afterwards. True:
 * the mailbox was pressed, or not all had been told: somebody may wait for room. S stays with the caller. Only the holder of
 * S. *ret_last: as in kn_mailbox_idle. is_alone: as for kn_mb_swap.
 */
bool kn_mailbox_close_by(struct kn_mailbox *mb, struct kn_intake *in, struct kn_envelope **ret_last,
                         bool is_alone);

static inline bool kn_mailbox_close(struct kn_mailbox *mb, struct kn_intake *in,
                                    struct kn_envelope **ret_last)
{
    return kn_mailbox_close_by(mb, in, ret_last, /* is_alone= */ false);
}

/*
 * The number of user messages that wait, at some moment during the call; without a bound, and with more
 * than KN_MB_STRIDE of them, as nearly as can be said while senders and receiver count. Any thread.
 */
static inline uint32_t kn_mailbox_queued(const struct kn_mailbox *mb)
{
    uint32_t strides = kn_load(&mb->strides, relaxed); /* relaxed: a number for reports */
    uint64_t word = kn_load(&mb->word, acquire);       /* [MB3] acquire: read before consumed */
    int64_t len = kn_mb_length(word, kn_load(&mb->consumed, relaxed));
    len += (int64_t)strides * KN_MB_STRIDE;
    return len < 0 ? 0 : (uint32_t)len;
}

/*
 * Checks all that must hold of a mailbox and its private lists (of long lists the beginning), and
 * stops the process otherwise. Thread: the holder of S; or, closed or not concurrent, any. True.
 */
bool kn_mailbox_check(const struct kn_mailbox *mb, const struct kn_intake *in);

/* First of the private lists, system lane first; NULL when both are empty. Only the holder of S. */
static inline struct kn_envelope *kn_intake_next(struct kn_intake *in)
{
    struct kn_envelope *e = in->system_head;
    if (kn_unlikely(e != NULL)) {
        in->system_head = e->next;
        return e;
    }
    e = in->user_head;
    if (e) {
        in->user_head = e->next;
    }
    return e;
}

#endif
