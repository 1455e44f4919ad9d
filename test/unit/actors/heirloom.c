/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves what a failure means (supervisor.h), clause by clause: the message in its hands and those behind it are
 * dead letters, requests among them are answered, the handle is stale, timers are silent, names are free; and that
 * a successor has exactly what KOKEN_SAVE has left for KOKEN_LOAD: once, and nothing if either refuses, if memory is
 * short, or if nobody supervises.
 */
#include "actors/heirloom.h"
#include "test/support/runtime.h"

KOKEN_MESSAGE(add, { uint32_t n; });
KOKEN_MESSAGE(get, { uint32_t unused; });
KOKEN_MESSAGE(got, {
    uint32_t sum;
    uint32_t lives;
});
KOKEN_MESSAGE(fall, { int32_t reason; });
KOKEN_EVENT(tick);
KOKEN_EVENT(hold);

enum { OWNED = 7 };
static kn_atomic(uint32_t) saves, loads, drops, ticks, gate, entered, letters;
static kn_atomic(uint32_t) save_rc, load_rc; /* negated */

static void drop_kept(void *payload)
{
    (void)payload;
    (void)count(&drops);
}

/* What is kept owns something: so it must be dropped exactly as often as it was left. */
struct kept {
    uint32_t sum;
    uint32_t lives;
};
static const struct koken_type koken_type_kept = {"kept",   sizeof(struct kept), 4, NULL, 0, 0,
                                                  drop_kept};

struct ledger {
    uint32_t sum;
    uint32_t lives;
};

static int on_init(koken_ctx *ctx, struct ledger *self, const void *arg)
{
    (void)arg;
    self->lives = 1;
    return koken_every(ctx, KOKEN_MS(1), tick).id ? koken_register(ctx, "ledger", koken_self(ctx))
                                                  : -ENOMEM;
}

static int on_save(koken_ctx *ctx, struct ledger *self, int reason, struct kept *ret)
{
    (void)ctx;
    expect(reason == -EPROTO || reason == 0);
    *ret = (struct kept){self->sum, self->lives};
    (void)count(&saves);
    return -(int)reading(&save_rc);
}

static int on_load(koken_ctx *ctx, struct ledger *self, const struct kept *kept)
{
    (void)ctx;
    expect(self->lives == 1); /* init has been */
    self->sum = kept->sum;
    self->lives = kept->lives + 1;
    (void)count(&loads);
    return -(int)reading(&load_rc);
}

static int on_add(koken_ctx *ctx, struct ledger *self, const struct add *msg)
{
    (void)ctx;
    self->sum += msg->n;
    return 0;
}

static int on_get(koken_ctx *ctx, struct ledger *self, const struct get *msg)
{
    (void)msg;
    return koken_reply(ctx, got, .sum = self->sum, .lives = self->lives);
}

static int on_fall(koken_ctx *ctx, struct ledger *self, const struct fall *msg)
{
    (void)self;
    return koken_fail(ctx, msg->reason);
}

static int on_tick(koken_ctx *ctx, struct ledger *self, const struct tick *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&ticks);
    return 0;
}

static int on_hold(koken_ctx *ctx, struct ledger *self, const struct hold *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&entered);
    wait_for(&gate, 1);
    return 0;
}

KOKEN_AGENT(ledger, struct ledger, KOKEN_INIT(on_init), KOKEN_SAVE(kept, on_save),
            KOKEN_LOAD(kept, on_load), KOKEN_ON(add, on_add), KOKEN_ON(get, on_get),
            KOKEN_ON(fall, on_fall), KOKEN_ON(tick, on_tick), KOKEN_ON(hold, on_hold));

static const struct koken_child one[] = {{.type = KOKEN_AGENT_TYPE(ledger)}};
static const struct koken_supervisor spec = {.children = one, .child_count = 1, .intensity = 100};

static struct koken *begin(koken_ref *ret_supervisor)
{
    struct koken *rt = start(2);
    reset(&saves);
    reset(&loads);
    reset(&drops);
    reset(&gate);
    reset(&entered);
    reset(&letters);
    reset(&save_rc);
    reset(&load_rc);
    cr_assert_eq(koken_supervise(rt, &spec, ret_supervisor), 0);
    return rt;
}

static koken_ref child(koken_ref supervisor)
{
    koken_ref ref = KOKEN_NOBODY;
    while (koken_supervised(supervisor, 0, &ref) < 0) { /* ends: it comes, or comes back */
        kn_thread_yield();
    }
    return ref;
}

static struct got ask(struct koken *rt, koken_ref who)
{
    struct got answer = {0};
    int rc = koken_await(rt, who, KOKEN_S(60), &answer, get);
    cr_assert_eq(rc, 0, "%s", koken_errname(rc));
    return answer;
}

static void ends(koken_ref who)
{
    while (koken_alive(who)) { /* ends: it has been told to */
        kn_thread_yield();
    }
}

/* Who has come after old. */
static koken_ref heir_of(koken_ref supervisor, koken_ref old)
{
    koken_ref now;
    do { /* ends: the supervisor hears */
        now = child(supervisor);
    } while (koken_ref_equal(now, old));
    return now;
}

/* Fails the present ledger; answers the next one. */
static koken_ref next(koken_ref supervisor)
{
    koken_ref old = child(supervisor);
    cr_assert_eq(koken_signal(old, fall, .reason = -EPROTO), 0);
    return heir_of(supervisor, old);
}

/* The sum goes from life to life; each heirloom is left once, loaded once and dropped once. */
Test(heirloom, state_is_carried_over_restarts)
{
    koken_ref supervisor;
    struct koken *rt = begin(&supervisor);
    for (uint32_t i = 1; i <= 5; i++) {
        cr_assert_eq(koken_signal(child(supervisor), add, .n = i), 0);
        struct got answer = ask(rt, next(supervisor));
        cr_assert_eq(answer.sum, i * (i + 1) / 2);
        cr_assert_eq(answer.lives, i + 1);
    }
    cr_assert_eq(reading(&saves), 5);
    cr_assert_eq(reading(&loads), 5);
    cr_assert_eq(reading(&drops), 5);
    stop(rt);
    cr_assert_eq(reading(&drops), reading(&saves), "what the last one leaves has no heir");
}

/* A save that refuses leaves nothing: fresh. A load that refuses fails that birth; the next one is fresh. */
Test(heirloom, either_side_may_refuse)
{
    koken_ref supervisor;
    struct koken *rt = begin(&supervisor);
    cr_assert_eq(koken_signal(child(supervisor), add, .n = 5), 0);
    kn_store(&save_rc, EPERM, release);
    struct got answer = ask(rt, next(supervisor));
    cr_assert_eq(answer.sum, 0);
    cr_assert_eq(answer.lives, 1);
    cr_assert_eq(reading(&drops), 0, "what was not left is its writer's affair");
    reset(&save_rc);
    kn_store(&load_rc, EBUSY, release);
    cr_assert_eq(koken_signal(child(supervisor), add, .n = 5), 0);
    answer = ask(rt, next(supervisor));
    cr_assert_eq(answer.sum, 0);
    cr_assert_eq(answer.lives, 1);
    cr_assert_eq(reading(&loads), 1, "not a second time");
    cr_assert_eq(reading(&drops), 1);
    stop(rt);
}

#ifdef KN_DEBUG
/* Without memory for it the next life is a fresh one. */
Test(heirloom, without_memory_it_begins_fresh)
{
    koken_ref supervisor;
    struct koken *rt = begin(&supervisor);
    koken_ref old = child(supervisor);
    cr_assert_eq(koken_signal(old, add, .n = 5), 0);
    (void)ask(rt, old);
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_signal(old, fall, .reason = -EPROTO), 0);
    ends(old);
    struct got answer = ask(rt, heir_of(supervisor, old));
    bool is_armed = kn_alloc_fail_is_armed();
    kn_alloc_fail_after(UINT64_MAX);
    cr_assert(!is_armed);
    cr_assert_eq(reading(&saves), 1);
    cr_assert_eq(answer.sum == 0, reading(&drops) == 1 && reading(&loads) == 0);
    stop(rt);
}
#endif

/* Who is not supervised leaves nothing, and is not asked to. */
Test(heirloom, no_supervisor_no_heirloom)
{
    koken_ref supervisor;
    struct koken *rt = begin(&supervisor);
    koken_ref free = koken_spawn(rt, ledger);
    cr_assert(koken_is_nobody(free), "the name is taken");
    cr_assert_eq(koken_exit(supervisor), 0);
    ends(supervisor);
    uint32_t before = reading(&saves);
    free = koken_spawn(rt, ledger);
    cr_assert(!koken_is_nobody(free));
    cr_assert_eq(koken_signal(free, fall, .reason = -EPROTO), 0);
    ends(free);
    cr_assert_eq(reading(&saves), before);
    cr_assert_eq(koken_exit(free), -ESRCH);
    stop(rt);
}

/* ---- the contract of a failure ----------------------------------------------------------------------------- */

struct watcher {
    uint32_t unused;
};

static int on_letter(koken_ctx *ctx, struct watcher *self, const struct koken_dead_letter *msg)
{
    (void)ctx, (void)self;
    expect(msg->reason == KOKEN_DEAD_ENDED);
    (void)count(&letters);
    return 0;
}

static int on_watch(koken_ctx *ctx, struct watcher *self, const void *arg)
{
    (void)self, (void)arg;
    return koken_watch_dead_letters(ctx, true);
}

KOKEN_AGENT(watcher, struct watcher, KOKEN_INIT(on_watch), KOKEN_ON(koken_dead_letter, on_letter));

struct asking {
    struct koken *rt;
    koken_ref to;
    int rc;
};

static void ask_on_a_thread(void *arg)
{
    struct asking *self = arg;
    struct got answer;
    self->rc = koken_await(self->rt, self->to, KOKEN_NO_DEADLINE, &answer, get);
}

/* Message at hand, messages behind it, a request behind them, timers, name, handle. */
Test(heirloom, the_contract_of_a_failure)
{
    koken_ref supervisor;
    struct koken *rt = begin(&supervisor);
    cr_assert(!koken_is_nobody(koken_spawn(rt, watcher)));

    koken_ref old = child(supervisor);
    cr_assert(koken_ref_equal(koken_whereis(rt, "ledger"), old));
    cr_assert_eq(koken_signal(old, hold), 0);
    wait_for(&entered, 1);
    cr_assert_eq(koken_signal(old, fall, .reason = -EPROTO), 0);
    cr_assert_eq(koken_signal(old, add, .n = 1), 0);
    struct asking asking = {rt, old, 1};
    struct kn_thread thread = {0};
    uint32_t before = koken_queued(old);
    cr_assert_eq(kn_thread_start(&thread, "ask", ask_on_a_thread, &asking), 0);
    while (koken_queued(old) == before) { /* ends: the request comes */
        kn_thread_yield();
    }
    kn_store(&gate, 1, release);
    kn_thread_join(&thread);
    cr_assert_eq(asking.rc, -ESRCH, "requests behind a failure are answered: %s",
                 koken_errname(asking.rc));
    ends(old);
    wait_for(&letters, 3);
    koken_ref now = heir_of(supervisor, old);
    cr_assert_eq(koken_signal(old, add, .n = 1), -ESRCH);
    cr_assert(koken_ref_equal(koken_whereis(rt, "ledger"), now), "the name is the successor's");
    struct got answer = ask(rt, now);
    cr_assert_eq(answer.sum, 0, "what waited for the old one does not come to the new one");
    cr_assert_eq(koken_queued(old), 0);
    wait_for(&ticks,
             reading(&ticks) +
                 3); /* the successor's timer; the other's table is gone, or stop() would tell */
    cr_assert_eq(metrics(rt).failed, 1);
    stop(rt);
}
