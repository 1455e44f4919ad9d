/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailbox's word: mailbox/mailbox.h and mailbox.c as they stand. Whoever is told KN_PUSH_WAKE runs
 * the receiver, so the word alone hands it over. The receiver's state and the envelopes are plain, freed
 * ones are given up: two receivers at once, a missing order between turns and a touch after the free are
 * found by the explorer; what was accepted and not handled by the check.
 */
#include "test/model/lib/model.h"

#include "mailbox/mailbox.c"
#include "mailbox/overflow.c"

#include <string.h>

enum { ENVELOPES = 8, SENDERS = 4 };

struct KN_ALIGNED(64) letter {
    unsigned char header[KN_ENVELOPE_HEADER];
    uint32_t text;
    uint32_t padding[7];
};

static KN_ALIGNED(64) struct letter letters[ENVELOPES];
static struct kn_mailbox mb;
static struct kn_overflow *overflow;

/* Of the receiver. */
static struct kn_intake in;
static uint32_t last_seen[SENDERS], handled, handled_system, dead, turns;
static bool is_nudge_seen;
static bool ended;

/* What a nudge is about: done before it, to be seen by a later look. */
static kn_atomic(uint32_t) nudged;

/* Of each sender, looked at in the end. */
static uint32_t accepted[SENDERS], refused[SENDERS], told_end[SENDERS];
static struct kn_room_waiter waiters[SENDERS];
static uint32_t waits[SENDERS];

/* How the scenario at hand differs. */
static uint32_t close_after;    /* ends after so many messages; 0: never */
static bool wants_system_first; /* handles no user message before the system message */

static struct kn_envelope *letter(unsigned i)
{
    return (struct kn_envelope *)(void *)&letters[i];
}

static void start(uint32_t limit, uint32_t low)
{
    memset(letters, 0, sizeof letters);
    memset(&in, 0, sizeof in);
    memset(last_seen, 0, sizeof last_seen);
    memset(accepted, 0, sizeof accepted);
    memset(refused, 0, sizeof refused);
    memset(told_end, 0, sizeof told_end);
    memset(waits, 0, sizeof waits);
    handled = handled_system = dead = turns = close_after = 0;
    is_nudge_seen = false;
    kn_atomic_init(&nudged, 0);
    ended = wants_system_first = false;
    kn_mailbox_init(&mb, limit, low, 0);
    overflow = kn_overflow_new(0, 0);
}

static void start_unbounded(void)
{
    start(KN_MB_UNBOUNDED, 0);
}

static void start_limit_1(void)
{
    start(1, 0);
}

static void start_limit_2(void)
{
    start(2, 1);
}

static void start_closing(void)
{
    start(1, 0);
    close_after = 1;
}

static void start_system_first(void)
{
    start(1, 0);
    wants_system_first = true;
}

/* ---- the receiver ---------------------------------------------------------------------------- */

static void free_letter(struct kn_envelope *e)
{
    kn_model_free(e, sizeof(struct letter));
}

static void release(struct kn_envelope *e)
{
    if (e && (e->flags & KN_ENV_DONE)) {
        free_letter(e);
    }
}

static void tell(uint32_t n)
{
    uint64_t who, cookie;
    for (; n > 0 && kn_overflow_pop_waiter(overflow, &who, &cookie); n--) {
        waits[who] = false;
    }
}

/* As kn_room_opened() of park.c, where one is told first; and who is told sends nothing here. */
static void open_room(void)
{
    bool is_all;
    tell(kn_overflow_wave(overflow, 1, &is_all));
}

/* As kn_room_look(). */
static void look_for_room(void)
{
    if (kn_mailbox_relieve(&mb)) {
        open_room();
    } else if (kn_mailbox_line_is_due(&mb)) {
        bool is_all;
        uint32_t n = kn_overflow_wave(overflow, 0, &is_all);
        if (is_all) {
            if (!KN_MUTANT(41)) {
                kn_mailbox_end_line(&mb);
            }
            n = kn_overflow_waiters(overflow);
        }
        tell(n);
        if (is_all && KN_MUTANT(41)) {
            kn_mailbox_end_line(&mb);
        }
    }
}

static void take(void)
{
    bool took;
    release(kn_mailbox_take(&mb, &in, &took));
    is_nudge_seen |= kn_load(&nudged, relaxed) != 0;
    uint64_t word = kn_load(&mb.word, relaxed);
    int32_t length = kn_mb_length(word, kn_load(&mb.consumed, relaxed));
    KOKEN_CHECK(length >= 0);
    KOKEN_CHECK(kn_mb_grows(&mb) || (uint32_t)length <= mb.limit);
}

static void read_letter(const struct kn_envelope *e)
{
    const struct letter *l = (const struct letter *)(const void *)e;
    KOKEN_CHECK(l->text == 0x100u * (uint32_t)e->from + e->corr); /* the payload came with it */
    if (e->lane == KN_LANE_SYSTEM) {
        handled_system++;
    } else {
        KOKEN_CHECK(e->corr > last_seen[e->from]); /* in the order of its sender */
        last_seen[e->from] = e->corr;
        handled++;
    }
}

static void handle(struct kn_envelope *e)
{
    read_letter(e);
    bool is_user = e->lane == KN_LANE_USER;
    if (e == in.boundary) {
        e->flags |= KN_ENV_DONE;
    } else {
        free_letter(e);
    }
    if (is_user) {
        kn_mailbox_consume(&mb, 1);
        if (kn_load(&mb.word, relaxed) & KN_MB_PRESSED) {
            look_for_room();
        }
    }
}

static bool may_handle(void)
{
    return !wants_system_first || handled_system > 0 || in.system_head;
}

static void end_receiver(void)
{
    struct kn_envelope *last = NULL, *e;
    bool was_pressed = kn_mailbox_close(&mb, &in, &last);
    release(last);
    while ((e = kn_intake_next(&in)) != NULL) {
        dead++;
        free_letter(e);
    }
    ended = true;
    kn_overflow_close(overflow);
    if (was_pressed) {
        tell(SENDERS);
    }
}

enum one { ONE_NOT, ONE_MORE, ONE_IDLE };

/* The short way of turn.c. NOT: nothing was done; MORE: something has come. */
static enum one run_one(void)
{
    uint64_t word;
    struct kn_envelope *e = kn_mailbox_peek(&mb, &in, &word);
    if (!e || close_after || wants_system_first) {
        return ONE_NOT;
    }
    kn_mailbox_adopt(&in, e);
    read_letter(e);
    kn_mailbox_consume(&mb, 1);
    if (kn_mailbox_idle_after(&mb, &in, word, /* is_alone= */ false)) {
        free_letter(e); /* by now another holder of S may be at work */
        return ONE_IDLE;
    }
    e->flags |= KN_ENV_DONE;
    return ONE_MORE;
}

/* A turn, and those that follow without an idle between: as turn.c. */
static void run_receiver(void)
{
    turns++; /* before the first look: the word alone hands the receiver over */
    enum one one = run_one();
    if (one == ONE_IDLE) {
        return;
    }
    if (one == ONE_NOT) {
        turns++; /* before the first look: the word alone hands the receiver over */
        take();
    }
    for (;;) { /* ends: idle, or closed */
        struct kn_envelope *e, *last = NULL;
        while (may_handle() && (e = kn_intake_next(&in)) != NULL) {
            handle(e);
            if (close_after && handled >= close_after) {
                end_receiver();
                return;
            }
            if (kn_mailbox_has_system(&mb)) {
                take();
            }
        }
        if (kn_mailbox_idle(&mb, &in, &last)) {
            release(last);
            return;
        }
        look_for_room();
        take();
    }
}

/* ---- senders --------------------------------------------------------------------------------- */

static enum kn_push push(unsigned who, unsigned number, unsigned slot, bool is_system)
{
    struct kn_envelope *e = letter(slot);
    struct letter *l = &letters[slot];
    bool opened = false;
    e->from = who;
    e->corr = number;
    e->lane = KN_LANE_USER;
    l->text = 0x100u * who + number;
    enum kn_push pushed = is_system ? kn_mailbox_push_system(&mb, e)
                                    : kn_mailbox_push_usual(&mb, e, /* is_alone= */ false);
    if (pushed == KN_PUSH_ELSE) {
        pushed = kn_mailbox_push(&mb, e, &opened);
    }
    accepted[who] += pushed == KN_PUSH_OK || pushed == KN_PUSH_WAKE;
    refused[who] += pushed == KN_PUSH_FULL;
    told_end[who] += pushed == KN_PUSH_CLOSED;
    if (opened) {
        open_room();
    }
    if (pushed == KN_PUSH_WAKE) {
        run_receiver();
    }
    return pushed;
}

static void two_a(void)
{
    push(1, 1, 0, false);
    push(1, 2, 1, false);
}

static void two_b(void)
{
    push(2, 1, 2, false);
    push(2, 2, 3, false);
}

static void one_a(void)
{
    push(1, 1, 0, false);
}

static void one_b(void)
{
    push(2, 1, 2, false);
}

static void one_c(void)
{
    push(3, 1, 4, false);
}

static void system_c(void)
{
    push(3, 1, 5, true);
}

static void nudge(void)
{
    kn_store(&nudged, 1, relaxed);
    if (kn_mailbox_nudge(&mb, KN_MB_SYSTEM) == KN_PUSH_WAKE) {
        run_receiver();
    }
}

/* Waits for room when refused, as a parked sender: enters the line, then tries once more. */
static void push_or_wait(unsigned who, unsigned slot)
{
    if (push(who, 1, slot, false) != KN_PUSH_FULL) {
        return;
    }
    waiters[who].who = who;
    waits[who] = true;
    if (!kn_overflow_wait(overflow, &waiters[who])) {
        waits[who] = false;
        return;
    }
    if (!KN_MUTANT(40) && push(who, 1, slot, false) != KN_PUSH_FULL) {
        if (kn_overflow_unwait(overflow, &waiters[who])) {
            waits[who] = false;
        }
    }
}

/* The same as koken_notify_writable(): enters the line, then looks whether it will be told. */
static void push_or_ask(unsigned who, unsigned slot)
{
    if (push(who, 1, slot, false) != KN_PUSH_FULL) {
        return;
    }
    waiters[who].who = who;
    waits[who] = true;
    if (!kn_overflow_wait(overflow, &waiters[who])) {
        waits[who] = false;
    } else if (!(kn_or(&mb.word, 0, acq_rel) & (KN_MB_PRESSED | KN_MB_LINE))) {
        tell(kn_overflow_waiters(overflow));
    }
}

static void ask_a(void)
{
    push_or_ask(1, 0);
}

static void ask_b(void)
{
    push_or_ask(2, 2);
}

static void ask_c(void)
{
    push_or_ask(3, 4);
}

static void wait_a(void)
{
    push_or_wait(1, 0);
}

static void wait_b(void)
{
    push_or_wait(2, 2);
}

static void wait_c(void)
{
    push_or_wait(3, 4);
}

static void check(void)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < SENDERS; i++) {
        sum += accepted[i];
    }
    KOKEN_CHECK(handled + handled_system + dead == sum);
    KOKEN_CHECK(ended || (kn_load(&mb.word, relaxed) & ~KN_MB_SEQ_MASK) == 0);
    KOKEN_CHECK(ended || kn_mailbox_queued(&mb) == 0);
    KOKEN_CHECK(!in.user_head && !in.system_head);
    for (unsigned i = 0; i < SENDERS; i++) {
        KOKEN_CHECK(!waits[i]); /* nobody waits beside room, or at a closed door */
        KOKEN_CHECK(!told_end[i] || ended);
    }
    KOKEN_CHECK(!overflow->waiters);
}

static void check_nudge(void)
{
    check();
    KOKEN_CHECK(is_nudge_seen);
}

/* When the receiver may rest on messages it does not want yet. */
static void check_system_first(void)
{
    if (handled_system > 0) {
        check();
    }
    uint64_t word = kn_load(&mb.word, relaxed);
    KOKEN_CHECK(!(word & (KN_MB_PRESSED | KN_MB_LINE)) ||
                kn_mb_length(word, kn_load(&mb.consumed, relaxed)) > (int32_t)mb.low);
}

static const struct kn_scenario scenarios[] = {
    {"1+1", start_unbounded, {one_a, one_b}, check},
    {"2+1", start_unbounded, {two_a, one_b}, check},
    {"2+2", start_unbounded, {two_a, two_b}, check, .limit = 60000},
    {"1+1+1", start_unbounded, {one_a, one_b, one_c}, check, .limit = 60000},
    {"1+1 and a system message", start_unbounded, {one_a, one_b, system_c}, check, .limit = 60000},
    {"1 and a nudge", start_unbounded, {one_a, nudge}, check_nudge},
    {"a nudge and a system message", start_unbounded, {nudge, system_c}, check_nudge},
    {"1 and a system message", start_unbounded, {one_a, system_c}, check},
    {"1+1 and a nudge", start_unbounded, {one_a, one_b, nudge}, check_nudge, .limit = 60000},
    {"2+1, limit 1", start_limit_1, {two_a, one_b}, check, .limit = 60000},
    {"2+2, limit 2", start_limit_2, {two_a, two_b}, check, .limit = 60000},
    {"1+1 wait for room, limit 1", start_limit_1, {wait_a, wait_b}, check},
    {"1+1+1 wait for room, limit 1",
     start_limit_1,
     {wait_a, wait_b, wait_c},
     check,
     .limit = 60000},
    {"1+1 ask for room, limit 1", start_limit_1, {ask_a, ask_b}, check},
    {"1+1+1 ask for room, limit 1", start_limit_1, {ask_a, ask_b, ask_c}, check, .limit = 60000},
    {"1+1, closing", start_closing, {wait_a, wait_b}, check},
    {"2+1, closing", start_closing, {two_a, wait_b}, check, .limit = 60000},
    {"idle with a message at hand",
     start_system_first,
     {one_a, one_b, system_c},
     check_system_first,
     .limit = 60000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
