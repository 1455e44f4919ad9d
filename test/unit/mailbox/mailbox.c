/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the word: exact bounds and hysteresis (T013, T014), one wake-up per idle receiver, two lanes each
 * in order, a boundary that is never lost or met twice, idle that fails exactly when something came, close
 * that leaves nothing behind, counts that wrap, and order and conservation with four senders (T010).
 */
#include "mailbox/mailbox.h"

#include "base/world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* A message: an envelope's header, and a payload. */
struct KN_ALIGNED(64) letter {
    unsigned char header[KN_ENVELOPE_HEADER];
    uint32_t sender, number;
    uint64_t unused[3];
};

static struct kn_envelope *env(struct letter *letter)
{
    return (struct kn_envelope *)(void *)letter;
}

static struct kn_mailbox mb;
static struct kn_intake in;

static void make(uint32_t limit, uint32_t low)
{
    kn_mailbox_init(&mb, limit, low, 0);
    in = (struct kn_intake){NULL, NULL, NULL, NULL};
}

static enum kn_push send(struct letter *letter)
{
    bool opened = false;
    env(letter)->lane = KN_LANE_USER;
    return kn_mailbox_push(&mb, env(letter), &opened);
}

static bool take(void)
{
    bool took;
    (void)kn_mailbox_take(&mb, &in, &took);
    return took;
}

static struct letter *next(void)
{
    return (struct letter *)(void *)kn_intake_next(&in);
}

/* The bound is exact: limit messages go in, the next is refused and stays as it was; one wake-up. */
Test(mailbox, accepts_exactly_its_limit)
{
    static struct letter letters[9];
    make(8, 2);
    cr_assert_eq(send(&letters[0]), KN_PUSH_WAKE);
    for (int i = 1; i < 8; i++) {
        cr_assert_eq(send(&letters[i]), KN_PUSH_OK);
    }
    cr_assert_eq(kn_mailbox_queued(&mb), 8);
    env(&letters[8])->next = env(&letters[3]);
    env(&letters[8])->flags = 77;
    cr_assert_eq(send(&letters[8]), KN_PUSH_FULL);
    cr_assert_eq(kn_mailbox_queued(&mb), 8);
    cr_assert_eq(env(&letters[8])->next, env(&letters[3]));
    cr_assert_eq(env(&letters[8])->flags, 77);
}

/* Once refused, lengths 7 to 3 refuse too; at 2 it opens, and the one who opens it is told, once. */
Test(mailbox, opens_at_the_low_mark)
{
    static struct letter letters[12];
    bool opened = false;
    make(8, 2);
    for (int i = 0; i < 8; i++) {
        (void)send(&letters[i]);
    }
    cr_assert_eq(send(&letters[8]), KN_PUSH_FULL);
    cr_assert(take());
    for (int length = 7; length > 2; length--) {
        kn_mailbox_consume(&mb, 1);
        cr_assert_not(kn_mailbox_relieve(&mb), "length %d", length);
        cr_assert_eq(send(&letters[8]), KN_PUSH_FULL, "length %d", length);
        cr_assert_eq(kn_mailbox_queued(&mb), (uint32_t)length);
    }
    kn_mailbox_consume(&mb, 1);
    cr_assert_eq(kn_mailbox_push(&mb, env(&letters[8]), &opened), KN_PUSH_OK);
    cr_assert(opened, "the sender that found the low mark must wake the others");
    cr_assert_not(kn_mailbox_relieve(&mb), "only one of them");
    opened = false;
    for (int i = 9; i < 12; i++) {
        cr_assert_eq(kn_mailbox_push(&mb, env(&letters[i]), &opened), KN_PUSH_OK);
    }
    cr_assert_not(opened);
}

/* The same when the receiver is the one who sees the low mark. */
Test(mailbox, receiver_relieves_once)
{
    static struct letter letters[3];
    make(2, 0);
    (void)send(&letters[0]);
    (void)send(&letters[1]);
    cr_assert_eq(send(&letters[2]), KN_PUSH_FULL);
    cr_assert(take());
    kn_mailbox_consume(&mb, 2);
    cr_assert(kn_mailbox_relieve(&mb));
    cr_assert_not(kn_mailbox_relieve(&mb));
}

/* A mailbox without a limit takes more than the sequence can count. */
Test(mailbox, unbounded_never_refuses)
{
    enum { MANY = (1 << KN_MB_SEQ_BITS) + 10 };
    struct letter *letters = aligned_alloc(64, MANY * sizeof *letters);
    cr_assert_not_null(letters);
    memset(letters, 0, MANY * sizeof *letters);
    make(KN_MB_UNBOUNDED, 0);
    for (int i = 0; i < MANY; i++) {
        cr_assert_neq(send(&letters[i]), KN_PUSH_FULL);
        cr_assert_eq(kn_mailbox_queued(&mb), (uint32_t)i + 1);
    }
    cr_assert(take());
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(next(), &letters[i]);
        kn_mailbox_consume(&mb, 1);
        kn_mailbox_settle(&mb);
        cr_assert_eq(kn_mailbox_queued(&mb), (uint32_t)(MANY - i) - 1);
    }
    cr_assert_null(next());
    free(letters);
}

/* The sequence wraps after 2^18 messages; bounds stay exact across the wrap. */
Test(mailbox, bound_is_exact_across_the_wrap)
{
    static struct letter letters[4];
    struct kn_envelope *last;
    make(3, 1);
    for (uint32_t i = 0; i < (1u << KN_MB_SEQ_BITS) - 2; i += 2) {
        (void)send(&letters[0]);
        (void)send(&letters[1]);
        (void)take();
        cr_assert_eq(next(), &letters[0]);
        cr_assert_eq(next(), &letters[1]);
        kn_mailbox_consume(&mb, 2);
        cr_assert(kn_mailbox_idle(&mb, &in, &last));
    }
    for (int i = 0; i < 3; i++) {
        cr_assert_neq(send(&letters[i]), KN_PUSH_FULL);
        cr_assert_eq(kn_mailbox_queued(&mb), (uint32_t)i + 1);
    }
    cr_assert_eq(send(&letters[3]), KN_PUSH_FULL);
}

/* Each lane keeps its order over several takes; the system lane comes first; system is never refused. */
Test(mailbox, lanes_keep_their_order)
{
    static struct letter user[6], system[5];
    make(6, 1);
    for (int i = 0; i < 3; i++) {
        (void)send(&user[i]);
        cr_assert_neq(kn_mailbox_push_system(&mb, env(&system[i])), KN_PUSH_FULL);
    }
    cr_assert(kn_mailbox_has_system(&mb));
    cr_assert(take());
    cr_assert_not(kn_mailbox_has_system(&mb));
    for (int i = 3; i < 6; i++) {
        (void)send(&user[i]);
    }
    (void)kn_mailbox_push_system(&mb, env(&system[3]));
    (void)kn_mailbox_push_system(&mb, env(&system[4]));
    cr_assert(take());
    cr_assert_not(take());
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(next(), &system[i]);
    }
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(next(), &user[i]);
    }
    cr_assert_null(next());
}

/* Idle gives S up only if nothing came; it hands out the boundary once it was handled, and only then. */
Test(mailbox, idle_fails_when_something_came)
{
    static struct letter letters[3];
    struct kn_envelope *last = env(&letters[0]);
    make(8, 2);
    cr_assert_eq(send(&letters[0]), KN_PUSH_WAKE);
    cr_assert_not(kn_mailbox_idle(&mb, &in, &last), "not taken yet");
    cr_assert(take());
    cr_assert_eq(next(), &letters[0]);
    kn_mailbox_consume(&mb, 1);
    cr_assert_eq(send(&letters[1]), KN_PUSH_OK, "S is held");
    cr_assert_not(kn_mailbox_idle(&mb, &in, &last));
    cr_assert(take());
    cr_assert_eq(next(), &letters[1]);
    kn_mailbox_consume(&mb, 1);
    env(&letters[1])->flags = KN_ENV_DONE;
    cr_assert(kn_mailbox_idle(&mb, &in, &last));
    cr_assert_eq(last, env(&letters[1]));
    cr_assert_null(in.boundary);
    cr_assert_eq(send(&letters[2]), KN_PUSH_WAKE, "it was idle");
    (void)take();
    cr_assert(kn_mailbox_idle(&mb, &in, &last));
    cr_assert_null(last, "the boundary is still in the list: not to be freed");
    cr_assert_eq(next(), &letters[2]);
}

/* A refusal that the receiver has not seen keeps it from going idle beside an empty mailbox. */
/* The short way: a lone user message is peeked, handled and left behind idle. Anything else: not that way. */
Test(mailbox, lone_message_goes_the_short_way)
{
    static struct letter letters[3];
    for (int alone = 0; alone < 2; alone++) {
        uint64_t word = 0;
        make(8, 2);
        cr_assert_null(kn_mailbox_peek(&mb, &in, &word)); /* nothing there */
        (void)kn_mailbox_nudge(&mb, 0);
        cr_assert_null(kn_mailbox_peek(&mb, &in, &word)); /* run, but nothing there */
        cr_assert_eq(send(&letters[0]), KN_PUSH_OK);
        cr_assert_eq(kn_mailbox_peek(&mb, &in, &word), env(&letters[0]));
        cr_assert_null(in.boundary); /* not taken */
        kn_mailbox_adopt(&in, env(&letters[0]));
        kn_mailbox_consume(&mb, 1);
        cr_assert(kn_mailbox_idle_after(&mb, &in, word, alone));
        cr_assert_null(in.boundary);
        cr_assert_eq(kn_mailbox_queued(&mb), 0);
        cr_assert_eq(send(&letters[0]), KN_PUSH_WAKE); /* idle: the next send wakes */
        cr_assert_eq(send(&letters[1]), KN_PUSH_OK);
        cr_assert_null(kn_mailbox_peek(&mb, &in, &word)); /* two */
        cr_assert(take());
        cr_assert_eq(next(), &letters[0]);
        cr_assert_null(
            kn_mailbox_peek(&mb, &in, &word)); /* something was taken and is here still */
    }
}

Test(mailbox, short_way_ends_when_something_comes)
{
    static struct letter letters[2], system_letter;
    for (int what = 0; what < 6; what++) {
        uint64_t word = 0;
        bool is_alone = what & 1;
        make(8, 2);
        (void)send(&letters[0]);
        cr_assert_eq(kn_mailbox_peek(&mb, &in, &word), env(&letters[0]));
        kn_mailbox_adopt(&in, env(&letters[0]));
        if (what / 2 == 0) {
            cr_assert_eq(send(&letters[1]), KN_PUSH_OK);
        } else if (what / 2 == 1) {
            cr_assert_eq(kn_mailbox_nudge(&mb, KN_MB_SYSTEM), KN_PUSH_OK);
        } else {
            cr_assert_eq(kn_mailbox_push_system(&mb, env(&system_letter)), KN_PUSH_OK);
        }
        kn_mailbox_consume(&mb, 1);
        cr_assert(!kn_mailbox_idle_after(&mb, &in, word, is_alone));
        cr_assert_eq(in.boundary, env(&letters[0])); /* the state of a take: nothing is lost */
        cr_assert(take());
        if (what / 2 == 0) {
            cr_assert_eq(next(), &letters[1]);
        } else if (what / 2 == 2) {
            cr_assert_eq(next(), &system_letter);
        }
        cr_assert_null(next());
    }
}

/* A push that finds anything but room leaves everything as it was. */
Test(mailbox, usual_push_is_exact)
{
    static struct letter letters[10];
    for (int alone = 0; alone < 2; alone++) {
        make(4, 1);
        cr_assert_eq(kn_mailbox_push_usual(&mb, env(&letters[0]), alone), KN_PUSH_WAKE);
        for (int i = 1; i < 4; i++) {
            cr_assert_eq(kn_mailbox_push_usual(&mb, env(&letters[i]), alone), KN_PUSH_OK);
        }
        uint64_t word = kn_load(&mb.word, relaxed);
        cr_assert_eq(kn_mailbox_push_usual(&mb, env(&letters[4]), alone), KN_PUSH_ELSE);
        cr_assert_eq(kn_load(&mb.word, relaxed),
                     word); /* not even pressed: that is the other push's to do */
        cr_assert_eq(send(&letters[4]), KN_PUSH_FULL);
        cr_assert_eq(kn_mailbox_push_usual(&mb, env(&letters[5]), alone),
                     KN_PUSH_ELSE); /* pressed */
        cr_assert(take());
        for (int i = 0; i < 4; i++) {
            cr_assert_eq(next(), &letters[i]);
        }
        struct kn_envelope *last;
        (void)kn_mailbox_close(&mb, &in, &last);
        cr_assert_eq(kn_mailbox_push_usual(&mb, env(&letters[6]), alone), KN_PUSH_ELSE);
    }
}

Test(mailbox, idle_fails_under_pressure_that_is_over)
{
    static struct letter letters[3];
    struct kn_envelope *last;
    make(2, 1);
    (void)send(&letters[0]);
    (void)send(&letters[1]);
    cr_assert_eq(send(&letters[2]), KN_PUSH_FULL);
    (void)take();
    kn_mailbox_consume(&mb, 1);
    cr_assert_not(kn_mailbox_idle(&mb, &in, &last), "length is at the low mark, P is set");
    cr_assert_not(kn_mailbox_line_is_due(&mb), "nobody has been told yet");
    cr_assert(kn_mailbox_relieve(&mb));
    cr_assert_not(kn_mailbox_idle(&mb, &in, &last), "perhaps not all have been told");
    cr_assert(kn_mailbox_line_is_due(&mb));
    kn_mailbox_end_line(&mb);
    cr_assert_not(kn_mailbox_line_is_due(&mb));
    cr_assert(kn_mailbox_idle(&mb, &in, &last));
}

/* What those who were told first have sent keeps the others waiting, and the receiver may rest on it. */
Test(mailbox, the_line_waits_for_room)
{
    static struct letter letters[4];
    struct kn_envelope *last;
    make(3, 1);
    for (int i = 0; i < 3; i++) {
        (void)send(&letters[i]);
    }
    cr_assert_eq(send(&letters[3]), KN_PUSH_FULL);
    (void)take();
    kn_mailbox_consume(&mb, 2);
    cr_assert(kn_mailbox_relieve(&mb));
    cr_assert(kn_mailbox_line_is_due(&mb));
    cr_assert_eq(send(&letters[3]), KN_PUSH_OK);
    cr_assert_not(kn_mailbox_line_is_due(&mb), "two are more than the low mark");
    (void)take();
    cr_assert(kn_mailbox_idle(&mb, &in, &last), "with two at hand");
    cr_assert_eq(kn_mailbox_nudge(&mb, KN_MB_SYSTEM), KN_PUSH_WAKE);
    (void)take();
    kn_mailbox_consume(&mb, 1);
    cr_assert(kn_mailbox_line_is_due(&mb), "what was left to tell is not forgotten");
}

/* With messages at hand above the low mark it may go idle, and the pressure lasts. */
Test(mailbox, idle_keeps_pressure_that_lasts)
{
    static struct letter letters[4];
    struct kn_envelope *last;
    make(3, 1);
    for (int i = 0; i < 3; i++) {
        (void)send(&letters[i]);
    }
    cr_assert_eq(send(&letters[3]), KN_PUSH_FULL);
    (void)take();
    cr_assert_not(kn_mailbox_relieve(&mb));
    cr_assert(kn_mailbox_idle(&mb, &in, &last));
    cr_assert_eq(send(&letters[3]), KN_PUSH_FULL);
    cr_assert_eq(kn_mailbox_nudge(&mb, KN_MB_SYSTEM), KN_PUSH_WAKE);
}

/* A nudge schedules without a message, once, and is seen by idle. */
Test(mailbox, nudge_schedules_and_is_not_lost)
{
    struct kn_envelope *last;
    make(8, 2);
    cr_assert_eq(kn_mailbox_nudge(&mb, KN_MB_SYSTEM), KN_PUSH_WAKE);
    cr_assert_eq(kn_mailbox_nudge(&mb, KN_MB_SYSTEM), KN_PUSH_OK);
    cr_assert_not(kn_mailbox_idle(&mb, &in, &last));
    cr_assert(take(), "a nudge is something that came");
    cr_assert_not(take());
    cr_assert_null(next());
    cr_assert(kn_mailbox_idle(&mb, &in, &last));
    cr_assert_null(last);
}

/* Close takes what came last, in order, tells of the pressure, and refuses everything afterwards. */
Test(mailbox, close_leaves_nothing_behind)
{
    static struct letter letters[4], system[2];
    struct kn_envelope *last;
    bool opened = false;
    make(3, 1);
    (void)send(&letters[0]);
    (void)take();
    (void)send(&letters[1]);
    (void)kn_mailbox_push_system(&mb, env(&system[0]));
    (void)send(&letters[2]);
    cr_assert_eq(send(&letters[3]), KN_PUSH_FULL);
    cr_assert(kn_mailbox_close(&mb, &in, &last));
    cr_assert_eq(next(), &system[0]);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(next(), &letters[i]);
    }
    cr_assert_null(next());
    cr_assert_eq(kn_mailbox_push(&mb, env(&letters[3]), &opened), KN_PUSH_CLOSED);
    cr_assert_eq(kn_mailbox_push_system(&mb, env(&system[1])), KN_PUSH_CLOSED);
    cr_assert_eq(kn_mailbox_nudge(&mb, 0), KN_PUSH_CLOSED);
}

/* What pressure finds when the mailbox closes, or empties, under its hands. */
Test(mailbox, pressure_sees_close_and_room)
{
    static struct letter letters[2];
    struct kn_envelope *last;
    make(1, 0);
    (void)send(&letters[0]);
    uint64_t word = kn_load(&mb.word, relaxed);
    bool opened = false;
    kn_mailbox_consume(&mb, 1);
    cr_assert_eq(kn_mailbox_pressure(&mb, &word, &opened), 0);
    cr_assert_not(opened);
    (void)take();
    (void)kn_mailbox_close(&mb, &in, &last);
    word = kn_load(&mb.word, relaxed);
    cr_assert_lt(kn_mailbox_pressure(&mb, &word, &opened), 0);
}

/* ---- four senders, one receiver that is whoever found S clear ------------------------------------------ */

enum { SENDERS = 4 };
#ifdef KN_DEBUG
enum { EACH = 20000 };
#else
enum { EACH = 100000 };
#endif

static kn_atomic(uint32_t) handled;
static kn_atomic(uint32_t) running;
static kn_atomic(uint32_t) refusals;
static uint32_t next_of[SENDERS]; /* by the holder of S */
static kn_atomic(uint32_t) is_wrong;

static void expect(bool fact)
{
    if (!fact) {
        kn_store(&is_wrong, 1, relaxed); /* relaxed: read after the join */
    }
}

/* Runs the receiver until it goes idle, as a turn does. */
static void run_receiver(void)
{
    struct kn_envelope *last = NULL;
    struct letter *letter;
    expect(kn_add(&running, 1, relaxed) == 0); /* relaxed, here and below: S orders them */
    for (;;) {
        uint32_t consumed = 0;
        bool took;
        (void)kn_mailbox_take(&mb, &in, &took);
        while ((letter = next()) != NULL) {
            expect(letter->number == next_of[letter->sender]);
            next_of[letter->sender] = letter->number + 1;
            consumed++;
        }
        (void)kn_add(&handled, consumed, relaxed);
        if (consumed > 0) {
            kn_mailbox_consume(&mb, consumed);
        }
        if (!kn_mailbox_relieve(&mb) && kn_mailbox_line_is_due(&mb)) {
            kn_mailbox_end_line(&mb); /* who was refused tries again by himself */
        }
        (void)kn_sub(&running, 1, relaxed);
        if (kn_mailbox_idle(&mb, &in, &last)) {
            return;
        }
        expect(kn_add(&running, 1, relaxed) == 0);
    }
}

static void sender(void *arg)
{
    uint32_t id = *(uint32_t *)arg;
    struct letter *letters = aligned_alloc(64, EACH * sizeof *letters);
    for (uint32_t i = 0; i < EACH; i++) {
        bool opened = false;
        letters[i] = (struct letter){.sender = id, .number = i};
        for (;;) { /* ends: the receiver makes room */
            enum kn_push pushed = kn_mailbox_push(&mb, env(&letters[i]), &opened);
            if (pushed == KN_PUSH_WAKE) {
                run_receiver();
            }
            if (pushed != KN_PUSH_FULL) {
                break;
            }
            (void)kn_add(&refusals, 1, relaxed);
            expect(kn_mailbox_queued(&mb) <= 50);
            kn_thread_yield();
        }
    }
    while (kn_load(&handled, acquire) < SENDERS * EACH) { /* ends: all letters are sent */
        kn_thread_yield();
    }
    free(letters);
}

/* Nothing is lost, doubled or out of order, the receiver runs once at a time, the bound holds. */
Test(mailbox, four_senders_keep_order_and_count)
{
    struct kn_thread threads[SENDERS] = {{0}};
    uint32_t ids[SENDERS];
    (void)kn_world_init();
    make(50, 10);
    for (uint32_t i = 0; i < SENDERS; i++) {
        ids[i] = i;
        cr_assert_eq(kn_thread_start(&threads[i], "sender", sender, &ids[i]), 0);
    }
    for (int i = 0; i < SENDERS; i++) {
        kn_thread_join(&threads[i]);
    }
    cr_assert_eq(kn_load(&is_wrong, relaxed), 0);
    cr_assert_eq(kn_load(&handled, relaxed), SENDERS * EACH);
    cr_assert_eq(kn_mailbox_queued(&mb), 0);
    for (int i = 0; i < SENDERS; i++) {
        cr_assert_eq(next_of[i], EACH);
    }
}
