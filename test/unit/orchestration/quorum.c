/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that a quorum counts answers and not sends (T041), tells who answered (T042), fails early,
 * survives dead, full, failing and late members (T044), and is the same for fibers, handlers and
 * threads outside. Late answers leak nothing: `stop` looks at the memory.
 */
#include "test/support/runtime.h"

#include <koken/fiber.h>
#include <koken/quorum.h>

#include <errno.h>
#include <string.h>

KOKEN_MESSAGE(propose, { uint64_t value; });
KOKEN_MESSAGE(vote_cast, {
    uint64_t value;
    uint64_t member; /* no padding: it would be compared */
});
KOKEN_EVENT(release_all);

enum manner { HONEST, SILENT, FAILS, DIES, LIES, LATE };

struct member {
    uint32_t manner, number;
    koken_claim claim;
};

static kn_atomic(uint32_t) asked, accepted_late, done;

static int on_propose(koken_ctx *ctx, struct member *self, const struct propose *msg)
{
    (void)count(&asked);
    switch ((enum manner)self->manner) {
    case HONEST: return koken_reply(ctx, vote_cast, .value = msg->value, .member = 0);
    case LIES: return koken_reply(ctx, vote_cast, .value = 1000 + self->number, .member = 0);
    case FAILS: return 0; /* without an answer */
    case DIES: return -EPROTO;
    case LATE:
    case SILENT: self->claim = koken_defer(ctx);
    }
    return 0;
}

static int on_release(koken_ctx *ctx, struct member *self, const struct release_all *msg)
{
    (void)ctx;
    (void)msg;
    if (koken_answer(self->claim, vote_cast, .value = 5) == 0) {
        (void)count(&accepted_late);
    }
    return 0;
}

KOKEN_AGENT(member, struct member, KOKEN_ON(propose, on_propose),
            KOKEN_ON(release_all, on_release));

static void spawn_members(struct koken *rt, koken_ref *members, const char *manners)
{
    for (uint32_t i = 0; manners[i]; i++) {
        struct member state = {.number = i};
        state.manner = manners[i] == 'h'   ? HONEST
                       : manners[i] == 's' ? SILENT
                       : manners[i] == 'f' ? FAILS
                       : manners[i] == 'd' ? DIES
                       : manners[i] == 'l' ? LIES
                                           : LATE;
        members[i] = koken_spawn(rt, member, .arg = &state);
    }
}

/* A vote of a thread outside. */
static int hold(struct koken *rt, const char *manners, uint64_t timeout_ns,
                struct koken_quorum_options o, struct koken_quorum_tally *tally)
{
    koken_ref members[32];
    struct koken_quorum *vote = NULL;
    spawn_members(rt, members, manners);
    int rc = koken_quorum(rt, members, strlen(manners), timeout_ns, &o, &vote, propose, .value = 7);
    *tally = (struct koken_quorum_tally){0};
    if (vote) {
        *tally = koken_quorum_tally(vote);
        cr_assert_eq(tally->error, rc);
    }
    koken_quorum_free(vote);
    return rc;
}

Test(quorum, counts_answers_and_not_sends)
{
    struct koken *rt = start(2);
    struct koken_quorum_tally t;
    struct koken_quorum_options three = {.rule = KOKEN_QUORUM_THRESHOLD, .threshold = 3};
    uint64_t before = koken_now();
    cr_assert_eq(hold(rt, "sssss", KOKEN_MS(50), three, &t), -ETIMEDOUT);
    cr_assert(koken_now() - before >= KOKEN_MS(50));
    cr_assert_eq(t.answered, 0);
    cr_assert_eq(t.pending, 5);
    uint64_t timeout_ns = KOKEN_MS(10);
    do { /* ends: the two that answer have the time for it, however busy the machine is */
        cr_assert_eq(hold(rt, "hhsss", timeout_ns, three, &t), -ETIMEDOUT);
        timeout_ns *= 2;
    } while (t.have < 2 && timeout_ns < KOKEN_S(20));
    cr_assert_eq(t.have, 2);
    cr_assert_eq(hold(rt, "hshsh", KOKEN_S(60), three, &t), 0);
    cr_assert_eq(t.have, 3);
    stop(rt);
}

Test(quorum, is_lost_as_soon_as_it_is_unreachable)
{
    struct koken *rt = start(2);
    struct koken_quorum_tally t;
    struct koken_quorum_options o = {0};
    cr_assert_eq(hold(rt, "fdfss", KOKEN_S(3600), o, &t), -EPROTO);
    cr_assert_eq(t.failed, 3);
    cr_assert_eq(t.pending, 2);
    cr_assert_eq(hold(rt, "hdfhh", KOKEN_S(3600), o, &t), 0);
    o.rule = KOKEN_QUORUM_BYZANTINE;
    cr_assert_eq(hold(rt, "hhlhlhh", KOKEN_S(3600), o, &t), 0);
    cr_assert_eq(t.have, 5);
    cr_assert_eq(hold(rt, "hhlhlhl", KOKEN_S(3600), o, &t), -EPROTO);
    stop(rt);
}

Test(quorum, tells_who_answered_what)
{
    struct koken *rt = start(1);
    koken_ref members[4];
    struct koken_quorum *vote = NULL;
    spawn_members(rt, members, "hlf");
    members[3] = KOKEN_NOBODY;
    struct koken_quorum_options o = {.rule = KOKEN_QUORUM_THRESHOLD, .threshold = 2};
    cr_assert_eq(koken_quorum(rt, members, 4, KOKEN_S(60), &o, &vote, propose, .value = 7), 0);
    for (unsigned i = 0; i < 2; i++) {
        const struct koken_ballot *ballot = koken_quorum_ballot(vote, i);
        cr_assert(koken_ref_equal(ballot->who, members[i]));
        cr_assert_eq(ballot->state, KOKEN_BALLOT_ANSWERED);
        cr_assert(ballot->is_counted && ballot->type == &koken_type_vote_cast);
        cr_assert_eq(((const struct vote_cast *)ballot->answer)->value, i == 0 ? 7 : 1001);
    }
    cr_assert_eq(koken_quorum_ballot(vote, 3)->error, -ESRCH);
    koken_quorum_free(vote);
    stop(rt);
}

Test(quorum, bad_thresholds_are_errors_at_once)
{
    struct koken *rt = start(1);
    struct koken_quorum_tally t;
    struct koken_quorum *vote = NULL;
    struct koken_quorum_options o = {.rule = KOKEN_QUORUM_THRESHOLD, .threshold = 6};
    reset(&asked);
    cr_assert_eq(hold(rt, "hhhhh", KOKEN_S(60), o, &t), -EINVAL);
    o.threshold = 0;
    cr_assert_eq(hold(rt, "hhhhh", KOKEN_S(60), o, &t), 0);
    cr_assert_eq(t.answered, 0);
    cr_assert_eq(koken_quorum(rt, NULL, 0, KOKEN_S(60), &o, &vote, propose, .value = 7), 0);
    koken_quorum_free(vote);
    vote = NULL;
    cr_assert_eq(koken_quorum(rt, NULL, 0, KOKEN_S(60), NULL, &vote, propose, .value = 7), -EINVAL);
    cr_assert_eq(koken_quorum(rt, NULL, 2, KOKEN_S(60), NULL, &vote, propose, .value = 7), -EINVAL);
    cr_assert_null(vote);
    cr_assert_eq(reading(&asked), 0);
    stop(rt);
}

Test(quorum, answers_after_the_end_find_somebody_and_leak_nothing)
{
    struct koken *rt = start(2);
    koken_ref members[5];
    struct koken_quorum *vote = NULL;
    reset(&accepted_late);
    reset(&asked);
    spawn_members(rt, members, "hhhLL");
    cr_assert_eq(koken_quorum(rt, members, 5, KOKEN_S(60), NULL, &vote, propose, .value = 7), 0);
    koken_quorum_free(vote);
    wait_for(&asked, 5);
    cr_assert_eq(koken_signal(members[3], release_all), 0);
    cr_assert_eq(koken_signal(members[4], release_all), 0);
    drain(rt);
    cr_assert_eq(reading(&accepted_late), 2);
    cr_assert_eq(metrics(rt).alive, 5); /* the collector has gone */
    check_balance(rt, 0);
    stop(rt);
}

Test(quorum, a_stop_in_the_middle_leaks_nothing)
{
    for (int i = 0; i < 20; i++) {
        struct koken *rt = start(2);
        koken_ref members[3];
        spawn_members(rt, members, "hss");
        for (int k = 0; k < 3; k++) {
            cr_assert_eq(koken_exit(members[k % 3]), 0);
            struct koken_quorum *vote = NULL;
            int rc = koken_quorum(rt, members, 3, KOKEN_US(50), NULL, &vote, propose, .value = 7);
            cr_assert(rc == -ETIMEDOUT || rc == -EPROTO, "%s", koken_errname(rc));
            koken_quorum_free(vote);
        }
        stop(rt);
    }
}

/* ---- the same for agents ------------------------------------------------------------------------- */

struct asker {
    koken_ref members[5];
};

static int fiber_body(koken_ctx *ctx, struct asker *self, const void *arg)
{
    const struct asker *given = arg;
    struct koken_quorum *vote = NULL;
    koken_ref me = koken_self(ctx);
    (void)self;
    for (int i = 0; i < 100; i++) {
        int rc =
            koken_quorum(ctx, given->members, 5, KOKEN_S(60), NULL, &vote, propose, .value = 3);
        if (rc == -ECANCELED) {
            return rc;
        }
        expect(rc == 0);
        expect(koken_quorum_tally(vote).have == 3);
        koken_quorum_free(vote);
    }
    expect(koken_quorum(ctx, &me, 1, KOKEN_S(60), NULL, &vote, propose, .value = 3) == -EDEADLK);
    expect(koken_quorum_request(ctx, given->members, 5, 1, NULL, propose, .value = 3) == -ENOTSUP);
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(fiber_asker, struct asker, fiber_body);

struct handler {
    uint32_t number, round;
    koken_ref members[5];
};

static int ask(koken_ctx *ctx, struct handler *self)
{
    struct koken_quorum *vote;
    expect(koken_quorum(ctx, self->members, 5, 1, NULL, &vote, propose, .value = 3) == -ENOTSUP);
    int rc = koken_quorum_request(ctx, self->members, 5, KOKEN_S(60), NULL, propose, .value = 3);
    expect(rc > 0);
    self->number = (uint32_t)rc;
    return 0;
}

static int on_begin(koken_ctx *ctx, struct handler *self, const struct release_all *msg)
{
    (void)msg;
    return ask(ctx, self);
}

static int on_result(koken_ctx *ctx, struct handler *self, const struct koken_quorum_result *msg)
{
    expect(msg->error == 0 && koken_quorum_tally(msg->vote).have == 3);
    expect(koken_request_number(ctx) == self->number);
    if (++self->round == 100) {
        (void)count(&done);
        return KOKEN_STOP;
    }
    return ask(ctx, self);
}

KOKEN_AGENT(handler, struct handler, KOKEN_ON(release_all, on_begin),
            KOKEN_ON(koken_quorum_result, on_result));

Test(quorum, fibers_and_handlers_ask_too)
{
    struct koken *rt = start(2);
    struct asker asker;
    struct handler start_state = {0};
    reset(&done);
    spawn_members(rt, asker.members, "hhhfs");
    memcpy(start_state.members, asker.members, sizeof asker.members);
    (void)koken_spawn(rt, fiber_asker, .arg = &asker, .arg_size = sizeof asker);
    koken_ref who = koken_spawn(rt, handler, .arg = &start_state);
    cr_assert_eq(koken_signal(who, release_all), 0);
    wait_for(&done, 2);
    stop(rt);
}

Test(quorum, an_asker_that_ends_leaves_nothing_behind)
{
    struct koken *rt = start(2);
    for (int i = 0; i < 50; i++) {
        struct asker asker;
        struct handler start_state = {0};
        spawn_members(rt, asker.members, "sssss");
        memcpy(start_state.members, asker.members, sizeof asker.members);
        koken_ref fiber = koken_spawn(rt, fiber_asker, .arg = &asker, .arg_size = sizeof asker);
        koken_ref who = koken_spawn(rt, handler, .arg = &start_state);
        cr_assert_eq(koken_signal(who, release_all), 0);
        cr_assert_eq(koken_exit(fiber), 0);
        cr_assert_eq(koken_exit(who), 0);
    }
    stop(rt);
}

/* ---- vals ---- */

KOKEN_PAYLOAD(motion, (plain, uint64_t, value), (plain, uint64_t, author));

struct juror {
    uint64_t kept;
};

/* Answers by a val: the one it was asked about, or one of its own that looks the same but for every third. */
static int on_motion(koken_ctx *ctx, struct juror *self, struct motion_val *msg)
{
    koken_val(motion, v) = koken_take(*msg);
    koken_iso(motion, own) = koken_clone(v);

    koken_drop(v);
    koken_mut(own)->value += self->kept % 3 == 2;
    if (self->kept == 0) {
        return koken_post_reply(ctx, own); /* an iso is no ballot */
    }
    koken_val(motion, answer) = koken_freeze(own);
    return koken_post_reply(ctx, answer);
}

KOKEN_AGENT(juror, struct juror, KOKEN_ON(motion_val, on_motion));

static uint64_t motions(void)
{
    struct koken_census rows[16];
    size_t rows_used = koken_payload_census(rows, 16);

    for (size_t i = 0; i < rows_used && i < 16; i++) {
        if (rows[i].type == &koken_payload_motion) {
            return rows[i].alive;
        }
    }
    return 0;
}

/* Proves: a val is the question of a vote and its answers, compared by what they show; each is given back once. */
Test(quorum, is_asked_by_a_val_and_answered_by_vals)
{
    struct koken *rt = start(2);
    koken_ref members[6] = {{0}};
    struct koken_quorum *vote = NULL;
    koken_iso(motion, m) = koken_new(motion);
    koken_mut(m)->value = 42;
    koken_val(motion, v) = koken_freeze(m);
    for (uint64_t i = 0; i < 5; i++) {
        struct juror first = {i};
        members[i] = koken_spawn(rt, juror, KOKEN_ARG(first));
    }
    members[5] = KOKEN_NOBODY;
    struct koken_quorum_options o = {
        .rule = KOKEN_QUORUM_THRESHOLD, .threshold = 3, .by_value = true};
    cr_assert_eq(koken_quorum_val(rt, members, 6, KOKEN_S(60), &o, &vote, v), 0);
    struct koken_quorum_tally t = koken_quorum_tally(vote);
    cr_assert_eq(t.have, 3);
    const struct koken_ballot *ballot = koken_quorum_ballot(vote, 1);
    if (ballot->state == KOKEN_BALLOT_ANSWERED) {
        cr_assert_eq(ballot->type, &koken_type_motion_val);
        cr_assert_eq(koken_peek(*(const motion_val *)ballot->answer)->value, 42);
    }
    koken_quorum_free(vote);
    cr_assert_eq(koken_quorum_val(rt, members, 1, KOKEN_S(60), NULL, &vote, v), -EPROTO);
    cr_assert_eq(koken_quorum_ballot(vote, 0)->error, -ENOTSUP);
    koken_quorum_free(vote);
    cr_assert_eq(koken_quorum_val(rt, members, 6, KOKEN_S(60),
                                  &(struct koken_quorum_options){.rule = KOKEN_QUORUM_ALL}, &vote,
                                  v),
                 -EPROTO);
    koken_quorum_free(vote);
    drain(rt);
    cr_assert(koken_is_sole(v));
    cr_assert_eq(motions(), 1);
    koken_drop(v);
    stop(rt);
    cr_assert_eq(motions(), 0);
}

struct chairman {
    koken_ref members[2];
    uint64_t rounds;
};

static int on_chair_begin(koken_ctx *ctx, struct chairman *self, struct motion_iso *msg)
{
    koken_iso(motion, m) = koken_take(*msg);
    koken_val(motion, v) = koken_freeze(m);
    int rc = koken_quorum_request_val(ctx, self->members, 2, KOKEN_S(60), NULL, v);

    koken_drop(v);
    return rc < 0 ? rc : 0;
}

static int on_chair_result(koken_ctx *ctx, struct chairman *self,
                           const struct koken_quorum_result *msg)
{
    (void)ctx;
    self->rounds++;
    return msg->error == 0 ? KOKEN_STOP : -EPROTO;
}

KOKEN_AGENT(chairman, struct chairman, KOKEN_ON(motion_iso, on_chair_begin),
            KOKEN_ON(koken_quorum_result, on_chair_result));

Test(quorum, a_handler_asks_by_a_val)
{
    struct koken *rt = start(1);
    struct chairman first = {.rounds = 0};
    for (unsigned i = 0; i < 2; i++) {
        first.members[i] = koken_spawn(rt, juror, KOKEN_ARG((struct juror){1}));
    }
    koken_ref chair = koken_spawn(rt, chairman, KOKEN_ARG(first));
    koken_iso(motion, m) = koken_new(motion);
    koken_post(chair, m);
    drain(rt);
    cr_assert_not(koken_alive(chair));
    cr_assert_eq(metrics(rt).failed, 0);
    stop(rt);
    cr_assert_eq(motions(), 0);
}
