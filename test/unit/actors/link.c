/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves monitors and links (T038): the news of an end come exactly once, with the reason, behind what the
 * ended agent sent; whoever of the two ends first, and when memory runs out at any point of the making.
 */
#include "actors/link.h"
#include "test/support/runtime.h"

KOKEN_MESSAGE(note, { uint32_t value; });
KOKEN_MESSAGE(finish, { int32_t reason; });
KOKEN_MESSAGE(watch, {
    koken_ref who;
    uint32_t times;
    uint32_t how; /* enum how */
});
KOKEN_EVENT(unwatch);
KOKEN_EVENT(relay);

enum how { MONITOR, LINK, UNLINK };
enum { AGENTS = 200 * SCALE };

/* ---- a subject sends notes to the observer and ends as told -------------------------------------------- */

struct subject {
    koken_ref observer;
};

static kn_atomic(uint32_t) ready; /* watchers that have asked */
static kn_atomic(uint32_t) downs;
static kn_atomic(uint32_t) exits;
static kn_atomic(uint32_t) notes;
static kn_atomic(uint32_t) ended;
static kn_atomic(int) last_reason;

static void reset_all(void)
{
    reset(&ready);
    reset(&downs);
    reset(&exits);
    reset(&notes);
    reset(&ended);
    kn_store(&last_reason, 1, relaxed);
}

static int on_finish(koken_ctx *ctx, struct subject *self, const struct finish *msg)
{
    (void)ctx;
    for (uint32_t i = 0; i < 10 && !koken_is_nobody(self->observer); i++) {
        expect(koken_signal(self->observer, note, .value = i) == 0);
    }
    return msg->reason ? msg->reason : KOKEN_STOP;
}

KOKEN_AGENT(subject, struct subject, KOKEN_ON(finish, on_finish));

/* ---- an observer counts what it hears ------------------------------------------------------------------ */

struct observer {
    koken_ref who;
    int number;
    uint32_t notes;
    bool is_trapping;
};

static int on_watch(koken_ctx *ctx, struct observer *self, const struct watch *msg)
{
    self->who = msg->who;
    if (self->is_trapping) {
        expect(koken_trap_exits(ctx, true) == 0);
    }
    for (uint32_t i = 0; i < msg->times; i++) {
        int rc = msg->how == MONITOR
                     ? koken_monitor(ctx, msg->who)
                     : (msg->how == LINK ? koken_link(ctx, msg->who) : koken_unlink(ctx, msg->who));
        expect(msg->how == MONITOR ? rc > 0 : rc == 0 || rc == -ESRCH);
        self->number = rc;
    }
    (void)count(&ready);
    return 0;
}

static int on_unwatch(koken_ctx *ctx, struct observer *self, const struct unwatch *msg)
{
    (void)msg;
    int rc = koken_demonitor(ctx, self->number);
    expect(rc == 0 || rc == -ESRCH);
    expect(koken_demonitor(ctx, self->number) == -ESRCH);
    (void)count(&ready);
    return 0;
}

static int on_note(koken_ctx *ctx, struct observer *self, const struct note *msg)
{
    (void)ctx;
    expect(msg->value == self->notes);
    self->notes++;
    (void)count(&notes);
    return 0;
}

static int on_down(koken_ctx *ctx, struct observer *self, const struct koken_down *msg)
{
    expect(koken_ref_equal(msg->who, self->who));
    expect(koken_ref_equal(koken_sender(ctx), self->who));
    expect(msg->reason == -ESRCH || !koken_alive(msg->who)); /* link.h: the one exception */
    expect(self->notes == 0 || self->notes == 10);
    kn_store(&last_reason, (int)msg->reason, relaxed);
    (void)count(&downs);
    return 0;
}

static int on_exited(koken_ctx *ctx, struct observer *self, const struct koken_exited *msg)
{
    (void)ctx;
    expect(koken_ref_equal(msg->who, self->who));
    expect(self->notes == 0 || self->notes == 10);
    kn_store(&last_reason, (int)msg->reason, relaxed);
    (void)count(&exits);
    return 0;
}

static int on_observer_finish(koken_ctx *ctx, struct observer *self, const struct finish *msg)
{
    (void)ctx, (void)self;
    return msg->reason ? msg->reason : KOKEN_STOP;
}

static void on_exit_hook(koken_ctx *ctx, struct observer *self, int reason)
{
    (void)ctx, (void)self;
    kn_store(&last_reason, reason, relaxed);
    (void)count(&ended);
}

KOKEN_AGENT(observer, struct observer, KOKEN_ON(watch, on_watch), KOKEN_ON(unwatch, on_unwatch),
            KOKEN_ON(note, on_note), KOKEN_ON(koken_down, on_down),
            KOKEN_ON(koken_exited, on_exited), KOKEN_ON(finish, on_observer_finish),
            KOKEN_EXIT(on_exit_hook));

static koken_ref spawn_observer(struct koken *rt, bool is_trapping)
{
    struct observer state = {.is_trapping = is_trapping};
    koken_ref ref = koken_spawn(rt, observer, .arg = &state);
    cr_assert(!koken_is_nobody(ref));
    return ref;
}

static koken_ref spawn_subject(struct koken *rt, koken_ref observer)
{
    struct subject state = {observer};
    koken_ref ref = koken_spawn(rt, subject, .arg = &state);
    cr_assert(!koken_is_nobody(ref));
    return ref;
}

static void tell(koken_ref observer, koken_ref who, enum how how, uint32_t times)
{
    reset(&ready);
    cr_assert_eq(koken_signal(observer, watch, .who = who, .how = how, .times = times), 0);
    wait_for(&ready, 1);
}

static void end(struct koken *rt, koken_ref who, int reason)
{
    cr_assert_eq(koken_signal(who, finish, .reason = reason), 0);
    drain(rt);
}

static int reason_seen(void)
{
    return kn_load(&last_reason, relaxed);
}

/* ---- monitors ------------------------------------------------------------------------------------------ */

/* One koken_down with the reason, behind the ten notes that the subject sent just before. */
Test(link, a_failure_comes_once_with_its_reason_behind_the_notes)
{
    reset_all();
    struct koken *rt = start(2);
    koken_ref observer = spawn_observer(rt, false);
    koken_ref subject = spawn_subject(rt, observer);
    tell(observer, subject, MONITOR, 1);
    end(rt, subject, -EPROTO);
    cr_assert_eq(reading(&downs), 1);
    cr_assert_eq(reading(&notes), 10);
    cr_assert_eq(reason_seen(), -EPROTO);
    check_balance(rt, 0);
    stop(rt);
}

/* A good end has reason 0; two monitors of one agent hear twice. */
Test(link, two_monitors_hear_twice)
{
    reset_all();
    struct koken *rt = start(1);
    koken_ref observer = spawn_observer(rt, false);
    koken_ref subject = spawn_subject(rt, KOKEN_NOBODY);
    tell(observer, subject, MONITOR, 2);
    end(rt, subject, 0);
    cr_assert_eq(reading(&downs), 2);
    cr_assert_eq(reason_seen(), 0);
    stop(rt);
}

/* Whoever has ended before is down at once, by -ESRCH. */
Test(link, the_dead_are_down_at_once)
{
    reset_all();
    struct koken *rt = start(2);
    koken_ref observer = spawn_observer(rt, false);
    koken_ref subject = spawn_subject(rt, KOKEN_NOBODY);
    end(rt, subject, 0);
    tell(observer, subject, MONITOR, 1);
    drain(rt);
    cr_assert_eq(reading(&downs), 1);
    cr_assert_eq(reason_seen(), -ESRCH);
    tell(observer, KOKEN_NOBODY, MONITOR, 1);
    drain(rt);
    cr_assert_eq(reading(&downs), 2);
    stop(rt);
}

/* After a demonitor that answered 0 nothing comes. */
Test(link, a_monitor_taken_back_is_silent)
{
    reset_all();
    struct koken *rt = start(2);
    koken_ref observer = spawn_observer(rt, false);
    koken_ref subject = spawn_subject(rt, KOKEN_NOBODY);
    tell(observer, subject, MONITOR, 1);
    reset(&ready);
    cr_assert_eq(koken_signal(observer, unwatch), 0);
    wait_for(&ready, 1);
    end(rt, subject, -EPROTO);
    cr_assert_eq(reading(&downs), 0);
    check_balance(rt, 0);
    stop(rt);
}

/* Observers that end first leave nothing behind at their subject. */
Test(link, an_observer_that_ends_first_is_forgotten)
{
    reset_all();
    struct koken *rt = start(2);
    koken_ref subject = spawn_subject(rt, KOKEN_NOBODY);
    for (uint32_t i = 0; i < AGENTS; i++) {
        koken_ref observer = spawn_observer(rt, false);
        tell(observer, subject, MONITOR, 1);
        cr_assert_eq(koken_signal(observer, finish, .reason = 0), 0);
    }
    drain(rt);
    cr_assert_eq(metrics(rt).alive, 1);
    end(rt, subject, -EPROTO);
    cr_assert_eq(reading(&downs), 0);
    stop(rt);
}

/* Monitor against death on two workers: always exactly one koken_down, with one reason or the other. */
Test(link, a_monitor_that_races_with_the_end_hears_once)
{
    reset_all();
    struct koken *rt = start(2);
    for (uint32_t i = 0; i < AGENTS; i++) {
        koken_ref observer = spawn_observer(rt, false);
        koken_ref subject = spawn_subject(rt, KOKEN_NOBODY);
        cr_assert_eq(koken_signal(observer, watch, .who = subject, .how = MONITOR, .times = 1), 0);
        cr_assert_eq(koken_signal(subject, finish, .reason = -EPROTO), 0);
        drain(rt);
        cr_assert_eq(reading(&downs), i + 1);
        cr_assert(reason_seen() == -EPROTO || reason_seen() == -ESRCH);
        cr_assert_eq(koken_exit(observer), 0);
        drain(rt);
    }
    check_balance(rt, 0);
    stop(rt);
}

/* Both end at once: nothing leaks, nothing hangs, the messages balance. */
Test(link, both_may_end_at_once)
{
    reset_all();
    struct koken *rt = start(2);
    for (uint32_t i = 0; i < AGENTS; i++) {
        koken_ref observer = spawn_observer(rt, false);
        koken_ref subject = spawn_subject(rt, KOKEN_NOBODY);
        enum how how = i % 2 ? LINK : MONITOR;
        cr_assert_eq(koken_signal(observer, watch, .who = subject, .how = how, .times = 1), 0);
        cr_assert_eq(koken_signal(subject, finish, .reason = -EPROTO), 0);
        int rc = koken_signal(observer, finish, .reason = -EBUSY);
        cr_assert(rc == 0 || rc == -ESRCH);
    }
    drain(rt);
    cr_assert_eq(metrics(rt).alive, 0);
    check_balance(rt, 0);
    stop(rt);
}

/* ---- links --------------------------------------------------------------------------------------------- */

/* A failure takes the linked agent down, with its reason; from either side. */
Test(link, a_failure_takes_the_other_down)
{
    reset_all();
    struct koken *rt = start(2);
    koken_ref observer = spawn_observer(rt, false);
    koken_ref subject = spawn_subject(rt, KOKEN_NOBODY);
    tell(observer, subject, LINK, 2);
    end(rt, subject, -EPROTO);
    cr_assert_eq(metrics(rt).alive, 0);
    cr_assert_eq(reason_seen(), -EPROTO);
    cr_assert_eq(metrics(rt).failed, 2);

    observer = spawn_observer(rt, false);
    subject = spawn_subject(rt, KOKEN_NOBODY);
    tell(observer, subject, LINK, 1);
    end(rt, observer, -EBUSY);
    cr_assert_eq(metrics(rt).alive, 0, "the one who was linked to falls as well");
    stop(rt);
}

/* A good end, or an end after unlinking, leaves the other alone. */
Test(link, a_good_end_and_an_unlinked_one_change_nothing)
{
    reset_all();
    struct koken *rt = start(2);
    koken_ref observer = spawn_observer(rt, false);
    koken_ref good = spawn_subject(rt, KOKEN_NOBODY);
    koken_ref bad = spawn_subject(rt, KOKEN_NOBODY);
    tell(observer, good, LINK, 1);
    end(rt, good, 0);
    tell(observer, bad, LINK, 1);
    tell(observer, bad, UNLINK, 1);
    end(rt, bad, -EPROTO);
    cr_assert(koken_alive(observer));
    cr_assert_eq(reading(&exits), 0);
    stop(rt);
}

/* Two who link each other, and one unlinks: both sides are free. */
Test(link, either_side_unlinks_both)
{
    reset_all();
    struct koken *rt = start(2);
    koken_ref left = spawn_observer(rt, false);
    koken_ref right = spawn_observer(rt, false);
    tell(left, right, LINK, 1);
    tell(right, left, LINK, 1);
    tell(right, left, UNLINK, 1);
    drain(rt);
    tell(left, right, LINK, 1); /* and may be linked again */
    tell(right, left, UNLINK, 1);
    drain(rt);
    end(rt, left, -EPROTO);
    cr_assert(koken_alive(right));
    stop(rt);
}

/* Who traps hears once, behind the notes, and lives; cross links make no second message. */
Test(link, who_traps_hears_once_and_lives)
{
    reset_all();
    struct koken *rt = start(2);
    koken_ref observer = spawn_observer(rt, true);
    koken_ref subject = spawn_subject(rt, observer);
    tell(observer, subject, LINK, 3);
    end(rt, subject, -EPROTO);
    cr_assert_eq(reading(&exits), 1);
    cr_assert_eq(reading(&notes), 10);
    cr_assert_eq(reason_seen(), -EPROTO);
    cr_assert(koken_alive(observer));
    koken_ref left = spawn_observer(rt, true);
    koken_ref right = spawn_observer(rt, true);
    cr_assert_eq(koken_signal(left, watch, .who = right, .how = LINK, .times = 1), 0);
    cr_assert_eq(koken_signal(right, watch, .who = left, .how = LINK, .times = 1), 0);
    drain(rt);
    end(rt, left, 0);
    cr_assert_eq(reading(&exits), 2);
    check_balance(rt, 0);
    stop(rt);
}

/* ---- fibers -------------------------------------------------------------------------------------------- */

struct sleeper {
    uint32_t unused;
};

static int sleeper_body(koken_ctx *ctx, struct sleeper *self, const void *arg)
{
    const koken_ref *other = arg;
    (void)self;
    expect(koken_link(ctx, *other) == 0);
    (void)count(&ready);
    int rc = koken_sleep(ctx, KOKEN_S(3600));
    expect(rc == -ECANCELED);
    (void)count(&ended);
    return 0;
}

KOKEN_FIBER(sleeper, struct sleeper, sleeper_body);

static int watcher_body(koken_ctx *ctx, struct sleeper *self, const void *arg)
{
    const koken_ref *other = arg;
    struct koken_down down;
    (void)self;
    int number = koken_monitor(ctx, *other);
    expect(number > 0);
    (void)count(&ready);
    expect(koken_receive_only(ctx, KOKEN_S(60), koken_down, &down) == 0);
    expect(down.number == (uint32_t)number);
    kn_store(&last_reason, (int)down.reason, relaxed);
    (void)count(&downs);
    return 0;
}

KOKEN_FIBER(watcher, struct sleeper, watcher_body);

/* A linked fiber is cancelled and its reason is the link's; a fiber receives koken_down as any message. */
Test(link, fibers_are_cancelled_and_hear)
{
    reset_all();
    struct koken *rt = start(2);
    koken_ref subject = spawn_subject(rt, KOKEN_NOBODY);
    koken_ref sleeper = koken_spawn(rt, sleeper, .arg = &subject, .arg_size = sizeof subject);
    wait_for(&ready, 1);
    koken_ref watcher = koken_spawn(rt, watcher, .arg = &sleeper, .arg_size = sizeof sleeper);
    cr_assert(!koken_is_nobody(watcher));
    wait_for(&ready, 2);
    end(rt, subject, -EPROTO);
    cr_assert_eq(reading(&ended), 1);
    cr_assert_eq(reading(&downs), 1);
    cr_assert_eq(reason_seen(), -EPROTO);
    cr_assert_eq(metrics(rt).alive, 0);
    stop(rt);
}

/* ---- memory -------------------------------------------------------------------------------------------- */

static int on_relay(koken_ctx *ctx, struct observer *self, const struct relay *msg)
{
    (void)ctx, (void)self, (void)msg;
#ifdef KN_DEBUG
    bool is_armed = true;
    for (uint64_t k = 0; is_armed && k < 64; k++) {
        kn_alloc_fail_after(k);
        int number = koken_monitor(ctx, self->who);
        is_armed = kn_alloc_fail_is_armed();
        kn_alloc_fail_after(UINT64_MAX);
        expect(number > 0 || number == -ENOMEM);
        if (number > 0) {
            expect(koken_demonitor(ctx, number) == 0);
            break;
        }
    }
#endif
    expect(koken_monitor(ctx, koken_self(ctx)) == -EINVAL);
    expect(koken_link(ctx, koken_self(ctx)) == -EINVAL);
    expect(koken_link(ctx, KOKEN_NOBODY) == -ESRCH);
    (void)count(&ready);
    return 0;
}

KOKEN_AGENT(poor, struct observer, KOKEN_ON(relay, on_relay));

/* Without memory a monitor is refused, and nothing of it is left. */
Test(link, without_memory_it_is_refused)
{
    reset_all();
    struct koken *rt = start(1);
    koken_ref subject = spawn_subject(rt, KOKEN_NOBODY);
    struct observer state = {.who = subject};
    koken_ref poor = koken_spawn(rt, poor, .arg = &state);
    cr_assert_eq(koken_signal(poor, relay), 0);
    wait_for(&ready, 1);
    end(rt, subject, 0);
    check_balance(rt, 0);
    stop(rt);
}

/* A runtime that is stopped while bonds are all over it leaves nothing behind. */
Test(link, a_stop_ends_bonds)
{
    reset_all();
    struct koken *rt = start(2);
    koken_ref last = spawn_observer(rt, false);
    for (uint32_t i = 0; i < AGENTS; i++) {
        koken_ref next = spawn_observer(rt, i % 3 == 0);
        cr_assert_eq(
            koken_signal(next, watch, .who = last, .how = i % 2 ? LINK : MONITOR, .times = 1), 0);
        last = next;
    }
    stop(rt);
}

/* ---- bound from birth --------------------------------------------------------------------------------------- */

KOKEN_EVENT(beget);

static kn_atomic(uint32_t) heirs_down, heir_reason, heirs_born;

struct brief {
    uint32_t unused;
};

static int on_brief_init(koken_ctx *ctx, struct brief *self, const void *arg)
{
    (void)self;
    return arg ? -EBUSY : koken_signal(koken_self(ctx), beget);
}

static int on_brief(koken_ctx *ctx, struct brief *self, const struct beget *msg)
{
    (void)ctx, (void)self, (void)msg;
    return -EPROTO;
}

KOKEN_AGENT(brief, struct brief, KOKEN_INIT(on_brief_init), KOKEN_ON(beget, on_brief));

static int on_beget(koken_ctx *ctx, struct brief *self, const struct beget *msg)
{
    (void)self, (void)msg;
    koken_ref ref;
    expect(koken_spawn_monitored(ctx, &ref, brief, .arg = ctx) == -EBUSY);
    expect(koken_spawn_linked(ctx, &ref, brief, .arg = ctx) == -EBUSY);
    for (int i = 0; i < 10; i++) {
        expect(koken_spawn_monitored(ctx, &ref, brief) > 0);
        (void)count(&heirs_born);
    }
    return 0;
}

static int on_brief_down(koken_ctx *ctx, struct brief *self, const struct koken_down *msg)
{
    (void)self;
    expect(msg->reason == -EPROTO); /* the true one, never -ESRCH */
    expect(!koken_alive(msg->who));
    if (count(&heirs_down) + 1 == 10) {
        koken_ref ref;
        expect(koken_spawn_linked(ctx, &ref, brief) == 0);
    }
    return 0;
}

static void on_parent_exit(koken_ctx *ctx, struct brief *self, int reason)
{
    (void)ctx, (void)self;
    kn_store(&heir_reason, (uint32_t)-reason, release);
}

KOKEN_AGENT(parent_of_briefs, struct brief, KOKEN_ON(beget, on_beget),
            KOKEN_ON(koken_down, on_brief_down), KOKEN_EXIT(on_parent_exit));

/* However soon a newborn fails, its parent hears, with the reason; and a linked one takes the parent along. */
Test(link, bound_from_birth)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        reset(&heirs_down);
        reset(&heir_reason);
        cr_assert_eq(koken_signal(koken_spawn(rt, parent_of_briefs), beget), 0);
        drain(rt);
        cr_assert_eq(reading(&heirs_down), 10);
        cr_assert_eq(reading(&heir_reason), EPROTO);
        cr_assert_eq(metrics(rt).alive, 0);
        check_balance(rt, 0);
        stop(rt);
    }
}
