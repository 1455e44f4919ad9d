/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that each way of losing a message is counted under its reason and type, that the last ones are
 * kept newest first, that watchers hear of them and cause none, and that the log gets one line a second.
 */
#include "actors/deadletter.h"
#include "test/support/runtime.h"

#include <koken/give.h>

#include <string.h>

KOKEN_PAYLOAD(parcel, (plain, int, weight), (array, char, from, 8), (iso, parcel, inside));
KOKEN_MESSAGE(letter, { uint32_t value; });
KOKEN_MESSAGE(other, { uint32_t value; });
KOKEN_MESSAGE(victim, { koken_ref who; });
KOKEN_EVENT(crash);
KOKEN_EVENT(question);
KOKEN_EVENT(begin);

static kn_atomic(uint32_t) gate;
static kn_atomic(uint32_t) entered;
static kn_atomic(uint32_t) heard;
static kn_atomic(uint32_t) lines;

struct holder {
    koken_claim claim;
};

static int on_letter(koken_ctx *ctx, struct holder *self, const struct letter *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&entered);
    wait_for(&gate, 1);
    return 0;
}

static int on_crash(koken_ctx *ctx, struct holder *self, const struct crash *msg)
{
    (void)ctx, (void)self, (void)msg;
    return -EPROTO;
}

/* Answers when it is told to. */
static int on_question(koken_ctx *ctx, struct holder *self, const struct question *msg)
{
    (void)msg;
    self->claim = koken_defer(ctx);
    return 0;
}

static int on_begin(koken_ctx *ctx, struct holder *self, const struct begin *msg)
{
    (void)ctx, (void)msg;
    expect(koken_answer(self->claim, other, .value = 1) == 0);
    (void)count(&entered);
    return 0;
}

KOKEN_AGENT(holder, struct holder, KOKEN_ON(letter, on_letter), KOKEN_ON(crash, on_crash),
            KOKEN_ON(question, on_question), KOKEN_ON(begin, on_begin));

static int on_dead(koken_ctx *ctx, struct holder *self, const struct koken_dead_letter *msg)
{
    (void)ctx, (void)self;
    expect(msg->type == &koken_type_other && msg->reason == KOKEN_DEAD_UNHANDLED);
    (void)count(&heard);
    return 0;
}

static int watch_init(koken_ctx *ctx, struct holder *self, const void *arg)
{
    (void)self, (void)arg;
    return koken_watch_dead_letters(ctx, true);
}

KOKEN_AGENT(reader, struct holder, KOKEN_INIT(watch_init), KOKEN_ON(koken_dead_letter, on_dead));
KOKEN_AGENT(deaf, struct holder, KOKEN_INIT(watch_init), KOKEN_ON(crash, on_crash));

static struct koken *begin_with(unsigned workers, struct koken_options o)
{
    reset(&gate);
    reset(&entered);
    reset(&heard);
    reset(&lines);
    return start_with(workers, o);
}

static uint64_t letters(struct koken *rt, enum koken_dead_reason reason)
{
    return koken_dead_letter_count(rt, reason);
}

/* The failing message and those behind it are ENDED, each with its receiver. */
Test(deadletter, a_failure_loses_its_message_and_those_behind_it)
{
    struct koken *rt = begin_with(1, (struct koken_options){0});
    koken_ref who = koken_spawn(rt, holder);
    cr_assert_eq(koken_signal(who, letter, .value = 0), 0);
    wait_for(&entered, 1);
    cr_assert_eq(koken_signal(who, crash), 0);
    for (uint32_t i = 0; i < 5; i++) {
        cr_assert_eq(koken_signal(who, letter, .value = i), 0);
    }
    kn_store(&gate, 1, release);
    check_balance(rt, 0);
    cr_assert_eq(letters(rt, KOKEN_DEAD_ENDED), 6);
    cr_assert_eq(koken_dead_letter_count_of(rt, KOKEN_DEAD_ENDED, letter), 5);
    cr_assert_eq(koken_dead_letter_count_of(rt, KOKEN_DEAD_ENDED, crash), 1);
    cr_assert_eq(koken_dead_letter_count_of(rt, KOKEN_DEAD_FULL, crash), 0);
    struct koken_dead_letter found[10];
    cr_assert_eq(koken_dead_letters(rt, found, 10), 6);
    cr_assert(found[0].type == &koken_type_letter && found[5].type == &koken_type_crash);
    for (uint32_t i = 0; i < 6; i++) {
        cr_assert(koken_ref_equal(found[i].receiver, who));
        cr_assert(i == 0 || found[i].at_ns <= found[i - 1].at_ns);
    }
    cr_assert_eq(koken_dead_letters(rt, found, 2), 2);
    cr_assert_eq(koken_dead_letters(rt, found, 0), -EINVAL);
    cr_assert_eq(koken_dead_letters(NULL, found, 2), -EINVAL);
    stop(rt);
}

/* DROP_NEW and DROP_OLD: FULL, also from a thread outside; the ring keeps the last 256. */
Test(deadletter, drops_are_full)
{
    struct koken *rt = begin_with(1, (struct koken_options){.stamp_messages = true});
    struct koken_dead_letter found[300];
    for (int i = 0; i < 2; i++) {
        reset(&gate);
        reset(&entered);
        koken_ref who = koken_spawn(rt, holder, .capacity = 4,
                                    .policy = i ? KOKEN_POLICY_DROP_OLD : KOKEN_POLICY_DROP_NEW);
        cr_assert_eq(koken_signal(who, letter, .value = 0), 0);
        wait_for(&entered, 1);
        for (uint32_t k = 0; k < 400; k++) {
            cr_assert_eq(koken_signal(who, letter, .value = k), 0);
        }
        kn_store(&gate, 1, release);
        drain(rt);
    }
    struct koken_metrics m = metrics(rt);
    cr_assert_eq(letters(rt, KOKEN_DEAD_FULL), m.dropped);
    cr_assert_geq(m.dropped, 780);
    cr_assert_eq(koken_dead_letters(rt, found, 300), KOKEN_DEAD_LETTERS_KEPT);
    cr_assert(koken_is_nobody(found[0].sender));
    stop(rt);
}

/* A message without a row is UNHANDLED; watchers hear of it, and a deaf watcher makes no more of them. */
Test(deadletter, watchers_hear)
{
    struct koken *rt = begin_with(2, (struct koken_options){0});
    koken_ref reader = koken_spawn(rt, reader);
    koken_ref deaf = koken_spawn(rt, deaf);
    koken_ref who = koken_spawn(rt, holder);
    cr_assert(!koken_is_nobody(reader) && !koken_is_nobody(deaf));
    drain(rt);
    for (uint32_t i = 0; i < 10; i++) {
        cr_assert_eq(koken_signal(who, other, .value = i), 0);
    }
    check_balance(rt, 0);
    cr_assert_eq(reading(&heard), 10);
    cr_assert_eq(letters(rt, KOKEN_DEAD_UNHANDLED), 10);
    cr_assert_eq(koken_exit(reader), 0);
    drain(rt);
    cr_assert_eq(koken_signal(who, other, .value = 0), 0);
    drain(rt);
    cr_assert_eq(reading(&heard), 10);
    stop(rt);
}

/* An answer after the deadline is LATE. */
static int asker_body(koken_ctx *ctx, struct holder *self, const void *arg)
{
    const koken_ref *who = arg;
    struct other answer;
    (void)self;
    expect(koken_await(ctx, *who, KOKEN_MS(1), &answer, question) == -ETIMEDOUT);
    expect(koken_signal(*who, begin) == 0);
    while (!reading(&entered)) { /* ends: it answers */
        expect(koken_yield(ctx) == 0);
    }
    expect(koken_yield(ctx) == 0); /* in the next turn it has the answer */
    (void)count(&heard);
    return 0;
}

KOKEN_FIBER(asker, struct holder, asker_body);

Test(deadletter, a_late_answer_is_late)
{
    struct koken *rt = begin_with(2, (struct koken_options){0});
    koken_ref who = koken_spawn(rt, holder);
    koken_ref asker = koken_spawn(rt, asker, .arg = &who, .arg_size = sizeof who);
    cr_assert(!koken_is_nobody(asker));
    wait_for(&heard, 1);
    drain(rt);
    cr_assert_eq(koken_dead_letter_count_of(rt, KOKEN_DEAD_LATE, other), 1);
    stop(rt);
}

/* A timer for an agent that has ended is STALE. */
static int on_victim(koken_ctx *ctx, struct holder *self, const struct victim *msg)
{
    (void)self;
    expect(koken_after_to(ctx, msg->who, KOKEN_MS(1), letter, .value = 1).id != 0);
    (void)count(&entered);
    return 0;
}

KOKEN_AGENT(timing, struct holder, KOKEN_ON(victim, on_victim));

Test(deadletter, a_timer_to_the_dead_is_stale)
{
    struct koken *rt = begin_with(1, (struct koken_options){0});
    koken_ref who = koken_spawn(rt, holder);
    koken_ref timing = koken_spawn(rt, timing);
    cr_assert_eq(koken_exit(who), 0);
    drain(rt);
    cr_assert_eq(koken_signal(timing, victim, .who = who), 0);
    while (letters(rt, KOKEN_DEAD_STALE) == 0) { /* ends: the timer goes off */
        kn_thread_yield();
    }
    cr_assert_eq(koken_dead_letter_count_of(rt, KOKEN_DEAD_STALE, letter), 1);
    stop(rt);
}

static kn_atomic(uint32_t) described;

static void on_described(void *arg, const char *line)
{
    (void)arg;
    if (strstr(line, "parcel_iso{parcel=parcel{weight=3, from=\"Bela\", inside=parcel{weight=2,")) {
        (void)count(&described);
    }
}

/* What was in a letter is told by its description, before it is given back; a plain message by its name. */
Test(deadletter, a_letter_tells_its_fields)
{
    struct koken *rt = begin_with(1, (struct koken_options){.log = on_described});
    koken_ref who = koken_spawn(rt, holder);
    koken_iso(parcel, p) = koken_new(parcel);
    koken_iso(parcel, q) = koken_new(parcel);
    koken_mut(p)->weight = 3;
    memcpy(koken_mut(p)->from, "Bela", 5);
    koken_mut(q)->weight = 2;
    koken_put(koken_mut(p)->inside, q);
    koken_post(who, p); /* it has no handler for that */
    drain(rt);
    cr_assert_eq(koken_signal(who, other, .value = 1), 0);
    drain(rt);
    struct koken_dead_letter found[4];
    cr_assert_eq(koken_dead_letters(rt, found, 4), 2);
    cr_assert_str_eq(found[0].text, "other");
    cr_assert_str_eq(found[1].text, "parcel_iso{parcel=parcel{weight=3, from=\"Bela\", "
                                    "inside=parcel{weight=2, from=\"\", inside=-}}}");
    cr_assert_eq(reading(&described), 1);
    stop(rt);
}

/* What does not fit is cut, however large it is. */
Test(deadletter, a_long_letter_is_cut)
{
    struct koken *rt = begin_with(1, (struct koken_options){0});
    koken_ref who = koken_spawn(rt, holder);
    koken_iso(parcel, p) = koken_new(parcel);
    for (int i = 0; i < 1000; i++) {
        koken_iso(parcel, outer) = koken_new(parcel);
        koken_mut(outer)->weight = i;
        koken_put(koken_mut(outer)->inside, p);
        koken_set(p, koken_move(outer));
    }
    koken_post(who, p);
    drain(rt);
    struct koken_dead_letter found;
    cr_assert_eq(koken_dead_letters(rt, &found, 1), 1);
    cr_assert_eq(strlen(found.text), KOKEN_DEAD_TEXT_MAX - 1);
    cr_assert_eq(strncmp(found.text, "parcel_iso{parcel=parcel{weight=999", 35), 0);
    stop(rt);
}

static void on_line(void *arg, const char *line)
{
    (void)arg;
    if (strstr(line, "dead letter")) {
        (void)count(&lines);
    }
}

/* A hundred dead letters at once are one line. */
Test(deadletter, the_log_gets_one_line)
{
    struct koken *rt = begin_with(2, (struct koken_options){.log = on_line});
    koken_ref who = koken_spawn(rt, holder);
    uint64_t before = koken_now();
    for (uint32_t i = 0; i < 100; i++) {
        cr_assert_eq(koken_signal(who, other, .value = i), 0);
    }
    drain(rt);
    if (koken_now() - before < KOKEN_MS(900)) {
        cr_assert_eq(reading(&lines), 1);
    }
    cr_assert_str_eq(koken_dead_reason_name(KOKEN_DEAD_FULL), "FULL");
    cr_assert_str_eq(koken_dead_reason_name(KOKEN_DEAD_REASON_COUNT_), "UNKNOWN");
    stop(rt);
}
