/* SPDX-License-Identifier: Apache-2.0 */
/* The mailbox's less frequent paths: pressure, sorting a longer chain, closing. See mailbox.h. */
#include "mailbox/mailbox.h"

/*
 * The sequence says how many wait only as long as these are fewer than half of what it counts. A mailbox
 * without a bound may hold more: then a sender that finds a stride of them takes it out of the sequence and
 * notes it, and the receiver puts it back when it has consumed more than the sequence says. Nothing but
 * reports depends on the sum, so between the two steps it may be one stride less than the truth.
 */
static int take_stride(struct kn_mailbox *mb, uint64_t *word)
{
    uint64_t seen = *word, stride = (uint64_t)KN_MB_STRIDE << KN_MB_SEQ_SHIFT;
    uint64_t less = (seen & ~KN_MB_SEQ_MASK) | ((seen - stride) & KN_MB_SEQ_MASK);
    if (seen & KN_MB_CLOSED) {
        return -1;
    }
    /* [MB1] [MB2] release, acquire: in the line of those that link and take envelopes. */
    if (kn_cas_strong(&mb->word, &seen, less, acq_rel, acquire)) {
        (void)kn_add(&mb->strides, 1, relaxed); /* relaxed: only the count */
        seen = less;
    }
    *word = seen; /* or what it is now: if there is a stride still, the next sender takes it out */
    return seen & KN_MB_CLOSED ? -1 : 0;
}

void kn_mailbox_give_strides(struct kn_mailbox *mb)
{
    int32_t len = kn_mb_length(kn_load(&mb->word, relaxed), kn_load(&mb->consumed, relaxed));
    /* Relaxed, all: our own count, and numbers for reports. Ends: each step makes len larger. */
    while (len < 0 && kn_load(&mb->strides, relaxed) > 0) {
        (void)kn_sub(&mb->strides, 1, relaxed);
        kn_store(&mb->consumed, kn_load(&mb->consumed, relaxed) - KN_MB_STRIDE, relaxed);
        len += (int32_t)KN_MB_STRIDE;
    }
}

/*
 * Hysteresis. Pressed, a mailbox accepts again only at its low mark; the one whose swap clears P (a
 * sender here, the receiver in kn_mailbox_relieve) sets L and wakes the first of those who wait. Not
 * pressed but at the limit, P is set so that the receiver knows that somebody was refused. The receiver
 * cannot go idle while P is set and could be cleared, or L is set and there is room: it tells more of
 * the line, and clears L before it tells the last. If it goes idle with messages at hand it will come back
 * to them. So a refused sender is never forgotten.
 */
int kn_mailbox_pressure(struct kn_mailbox *mb, uint64_t *word, bool *opened)
{
    uint64_t seen = *word;
    if (kn_mb_grows(mb)) {
        *opened = false;
        return take_stride(mb, word);
    }
    for (;;) {
        if (seen & KN_MB_CLOSED) {
            return -1;
        }
        /* Relaxed: as in kn_mailbox_push; the word was read first, with acquire. */
        int32_t len = kn_mb_length(seen, kn_load(&mb->consumed, relaxed));
        uint32_t length = len < 0 ? 0 : (uint32_t)len;
        if (seen & KN_MB_PRESSED) {
            if (length > mb->low) {
                return KN_PUSH_FULL;
            }
            *word = seen;
            *opened = true;
            return 0;
        }
        if (length < mb->limit) {
            *word = seen;
            *opened = false;
            return 0;
        }
        /* [MB2] release: a sender's refusal happens before the relief it waits for. [MB3] acquire.
         */
        if (kn_cas_weak(&mb->word, &seen, seen | KN_MB_PRESSED, acq_rel, acquire)) {
            /*
             * Look once more with P set. The receiver may have run and gone idle between our look and the
             * swap and left the word as it was (a system message does not move the sequence): then nobody
             * is left to relieve, and the length we see now, with that idle before it, says that there is room.
             */
            seen |= KN_MB_PRESSED;
            if (KN_MUTANT(1)) {
                return KN_PUSH_FULL;
            }
        }
    }
}

void kn_intake_sort(struct kn_intake *in, struct kn_envelope *top)
{
    KN_ASSERT(top != in->boundary);
    struct kn_envelope *user = NULL, *user_last = NULL, *system = NULL, *system_last = NULL;
    struct kn_envelope *e = top;
    while (e != in->boundary) { /* ends: a chain leads down to the boundary, or to NULL when there
                                   is none */
        struct kn_envelope *older = e->next;
        if (e->lane == KN_LANE_SYSTEM) {
            system_last = system ? system_last : e;
            e->next = system;
            system = e;
        } else {
            user_last = user ? user_last : e;
            e->next = user;
            user = e;
        }
        e = older;
    }
    if (user) {
        if (in->user_head) {
            in->user_tail->next = user;
        } else {
            in->user_head = user;
        }
        in->user_tail = user_last;
    }
    if (system) {
        struct kn_envelope **link = &in->system_head;
        while (*link) { /* ends: the list is short, it was taken whole and is drained first */
            link = &(*link)->next;
        }
        *link = system;
        KN_ASSERT(system_last->next == NULL);
    }
    in->boundary = top;
}

static void check_list(const struct kn_envelope *e, enum kn_lane lane,
                       const struct kn_envelope *tail)
{
    enum { FAR_ENOUGH = 32 };
    for (unsigned i = 0; e && i < FAR_ENOUGH; i++, e = e->next) {
        KOKEN_CHECK(((uintptr_t)e & 63) == 0);
        KOKEN_CHECK(e->lane == lane);
        KOKEN_CHECK(e->size_class < KN_SIZE_CLASS_COUNT);
        KOKEN_CHECK(!(e->flags & KN_ENV_DONE));
        KOKEN_CHECK(lane == KN_LANE_SYSTEM || e->next || e == tail);
    }
}

bool kn_mailbox_check(const struct kn_mailbox *mb, const struct kn_intake *in)
{
    uint64_t word = kn_load(&mb->word, relaxed); /* relaxed: looked at, not followed */
    KOKEN_CHECK(kn_mb_grows(mb) || mb->low < mb->limit);
    KOKEN_CHECK(word & KN_MB_SCHEDULED);
    if (word & KN_MB_CLOSED) {
        KOKEN_CHECK(!kn_mb_top(word));
        KOKEN_CHECK(!in->boundary);
    }
    if (in->boundary) {
        KOKEN_CHECK(kn_mb_top(word) != NULL);
        KOKEN_CHECK(in->boundary->size_class < KN_SIZE_CLASS_COUNT);
    }
    if (!kn_mb_grows(mb)) {
        int32_t len = kn_mb_length(word, kn_load(&mb->consumed, relaxed)); /* our own */
        KOKEN_CHECK(len >= 0);
        KOKEN_CHECK((uint32_t)len <= mb->limit);
    }
    check_list(in->user_head, KN_LANE_USER, in->user_tail);
    check_list(in->system_head, KN_LANE_SYSTEM, NULL);
    return true;
}

bool kn_mailbox_relieve(struct kn_mailbox *mb)
{
    uint64_t word = kn_load(&mb->word, acquire); /* [MB2] acquire: the refusal that set P */
    for (;;) {
        if (!(word & KN_MB_PRESSED)) {
            return false;
        }
        int32_t len = kn_mb_length(word, kn_load(&mb->consumed, relaxed)); /* our own count */
        if (len > 0 && (uint32_t)len > mb->low) {
            return false;
        }
        /* [MB2] release: room made happens before the send of whom it wakes. */
        if (kn_cas_weak(&mb->word, &word, kn_mb_opened(word), acq_rel, acquire)) {
            return true;
        }
    }
}

bool kn_mailbox_line_is_due(const struct kn_mailbox *mb)
{
    uint64_t word = kn_load(&mb->word, relaxed); /* relaxed: L is ours to clear; our own count */
    int32_t len = kn_mb_length(word, kn_load(&mb->consumed, relaxed));
    return (word & KN_MB_LINE) && (len <= 0 || (uint32_t)len <= mb->low);
}

bool kn_mailbox_close_by(struct kn_mailbox *mb, struct kn_intake *in, struct kn_envelope **ret_last,
                         bool is_alone)
{
    struct kn_envelope *last = in->boundary;
    uint64_t word = kn_load(&mb->word, acquire); /* [MB1] acquire */
    KN_ASSERT(word & KN_MB_SCHEDULED);
    uint64_t closed;
    do {
        closed = (word & KN_MB_SEQ_MASK) | KN_MB_CLOSED | KN_MB_SCHEDULED;
        /* [MB1] acquire: takes the whole chain. [MB3] release: the receiver's end. */
    } while (!kn_mb_swap(mb, &word, closed, is_alone));
    struct kn_envelope *top = kn_mb_top(word);
    if (top != last) {
        kn_intake_sort(in, top);
    }
    in->boundary = NULL;
    *ret_last = last;
    KN_ASSERT(kn_mailbox_check(mb, in));
    return word & (KN_MB_PRESSED | KN_MB_LINE);
}
