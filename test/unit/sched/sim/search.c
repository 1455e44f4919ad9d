/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that the simulator is deterministic and explores, that it finds what it is for, and that what it
 * finds comes out small. Scenarios of the whole runtime are in test/sim.
 */
#include <koken.h>

#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct koken_sim_report report;

#ifdef KN_SIM

KOKEN_MESSAGE(ask, { uint64_t number; });
KOKEN_MESSAGE(answer, { uint64_t number; });

struct echo {
    uint64_t count;
};

static int on_ask(koken_ctx *ctx, struct echo *self, const struct ask *msg)
{
    self->count++;
    return koken_reply(ctx, answer, .number = msg->number + 1);
}

KOKEN_AGENT(echo, struct echo, KOKEN_ON(ask, on_ask));

/* One agent, one question, one answer. */
static int hello(void *arg)
{
    struct koken *rt;
    struct answer got;
    int rc = koken_start(NULL, &rt);

    (void)arg;
    if (rc < 0) {
        return rc;
    }
    rc = koken_await(rt, koken_spawn(rt, echo), KOKEN_NO_DEADLINE, &got, ask, .number = 41);
    KOKEN_SIM_CHECK(rc == 0);
    KOKEN_SIM_CHECK(got.number == 42);
    return koken_stop(rt, KOKEN_S(1));
}

Test(search, the_whole_runtime_runs_and_the_same_seed_gives_the_same_trace)
{
    struct koken_sim_options options = {.seeds = 200, .twice = true};

    cr_assert_eq(koken_sim_run(hello, NULL, &options, &report), 0, "%s", report.text);
    cr_assert_eq(report.seeds, 200);
    cr_assert(report.distinct > 150, "only %llu traces", (unsigned long long)report.distinct);
    uint64_t sum = report.hash_sum;
    options.twice = false;
    cr_assert_eq(koken_sim_run(hello, NULL, &options, &report), 0);
    cr_assert_eq(2 * report.hash_sum, sum);
}

Test(search, misfortunes_of_time_do_no_harm)
{
    const struct koken_sim_options options = {
        .seeds = 300, .faults = KOKEN_SIM_MILD, .twice = true};

    cr_assert_eq(koken_sim_run(hello, NULL, &options, &report), 0, "%s", report.text);
    cr_assert(report.faults > 300);
}

Test(search, every_schedule_of_one_interruption)
{
    const struct koken_sim_options options = {
        .seeds = 20000, .strategy = KOKEN_SIM_EXHAUSTIVE, .cpus = 1};

    cr_assert_eq(koken_sim_run(hello, NULL, &options, &report), 0, "%s", report.text);
    cr_assert(report.seeds > 1000);
    cr_assert(report.seeds < 20000);
}

/* ---- small models, each with its bug ------------------------------------------------------------- */

static kn_atomic(uint32_t) counter;

static void add_one(void *arg)
{
    uint32_t seen = kn_load(&counter, seq_cst);

    (void)arg;
    kn_store(&counter, seen + 1, seq_cst);
}

static int lost_update(void *arg)
{
    unsigned threads[2];

    (void)arg;
    kn_store(&counter, 0, seq_cst);
    for (unsigned i = 0; i < 2; i++) {
        KOKEN_SIM_CHECK(koken_sim_thread(add_one, NULL, &threads[i]) == 0);
    }
    koken_sim_join(threads[0]);
    koken_sim_join(threads[1]);
    KOKEN_SIM_CHECK(kn_load(&counter, seq_cst) == 2);
    return 0;
}

Test(search, every_strategy_finds_a_lost_update_and_makes_it_small)
{
    for (unsigned strategy = KOKEN_SIM_MIXED; strategy <= KOKEN_SIM_EXHAUSTIVE; strategy++) {
        const struct koken_sim_options options = {.seeds = 2000, .strategy = strategy};

        cr_assert_eq(koken_sim_run(lost_update, NULL, &options, &report), -ECANCELED);
        cr_assert(report.has_failed);
        cr_assert_not_null(strstr(report.text, "counter"));
        cr_assert_not_null(strstr(report.text, "the last lines"));
    }
}

static void wait_for_flag(void *arg)
{
    uint32_t seen = kn_load(&counter, seq_cst);

    (void)arg;
    if (seen == 0) { /* the bug: it looks once, and the word that it sleeps on is another */
        static kn_atomic(uint32_t) never_woken;
        (void)kn_futex_wait(&never_woken, 0, KN_NEVER);
    }
}

static int lost_wake(void *arg)
{
    unsigned thread;

    (void)arg;
    kn_store(&counter, 0, seq_cst);
    KOKEN_SIM_CHECK(koken_sim_thread(wait_for_flag, NULL, &thread) == 0);
    kn_store(&counter, 1, seq_cst);
    kn_futex_wake(&counter, 1);
    koken_sim_join(thread);
    return 0;
}

Test(search, a_lost_wake_up_is_a_deadlock)
{
    const struct koken_sim_options options = {.seeds = 1000};

    cr_assert_eq(koken_sim_run(lost_wake, NULL, &options, &report), -ECANCELED);
    cr_assert_not_null(strstr(report.text, "deadlock"));
    cr_assert_not_null(strstr(report.text, "waits for futex"));
}

/* ---- who waits for whom ---------------------------------------------------------------------------- */

KOKEN_MESSAGE(coin, { uint64_t number; });

struct side {
    uint64_t unused;
};

struct table {
    struct koken_channel *in,
        *out; /* of the left one; the right one has them the other way round */
    koken_ref left, idler;
};

/* The bug: each takes what the other gives only after it was given something. */
static int left_body(koken_ctx *ctx, struct side *self, const void *arg)
{
    struct table *const *table = arg;
    struct coin got;

    (void)ctx, (void)self;
    return koken_channel_recv((*table)->in, KOKEN_NO_DEADLINE, coin, &got) < 0
               ? 0
               : koken_channel_put((*table)->out, KOKEN_NO_DEADLINE, coin, &got);
}

static int right_body(koken_ctx *ctx, struct side *self, const void *arg)
{
    struct table *const *table = arg;
    struct coin got;

    (void)ctx, (void)self;
    return koken_channel_recv((*table)->out, KOKEN_NO_DEADLINE, coin, &got) < 0
               ? 0
               : koken_channel_put((*table)->in, KOKEN_NO_DEADLINE, coin, &got);
}

static int asking_body(koken_ctx *ctx, struct side *self, const void *arg)
{
    struct table *const *table = arg;
    struct answer got;

    (void)self;
    return koken_await(ctx, (*table)->idler, KOKEN_NO_DEADLINE, &got, ask, .number = 1);
}

static int on_ask_in_vain(koken_ctx *ctx, struct side *self, const struct ask *msg)
{
    (void)self, (void)msg;
    koken_claim claim = koken_defer(ctx);
    return claim.number ? 0 : -EPROTO; /* the bug: it is never answered */
}

KOKEN_FIBER(left, struct side, left_body);
KOKEN_FIBER(right, struct side, right_body);
KOKEN_FIBER(asking, struct side, asking_body);
KOKEN_AGENT(idler, struct side, KOKEN_ON(ask, on_ask_in_vain));

static int two_that_wait_for_each_other(void *arg)
{
    struct koken *rt;
    struct table table, *at = &table;
    struct answer got;

    (void)arg;
    KOKEN_SIM_CHECK(koken_start(NULL, &rt) == 0);
    KOKEN_SIM_CHECK(koken_channel_new(rt, &table.in, coin, 1) == 0);
    KOKEN_SIM_CHECK(koken_channel_new(rt, &table.out, coin, 1) == 0);
    table.idler = koken_spawn(rt, idler);
    table.left = koken_spawn(rt, left, .arg = &at, .arg_size = sizeof at);
    KOKEN_SIM_CHECK(!koken_is_nobody(koken_spawn(rt, right, .arg = &at, .arg_size = sizeof at)));
    KOKEN_SIM_CHECK(!koken_is_nobody(koken_spawn(rt, asking, .arg = &at, .arg_size = sizeof at)));
    return koken_await(rt, table.left, KOKEN_NO_DEADLINE, &got, ask, .number = 2); /* for ever */
}

Test(search, a_deadlock_of_agents_names_who_waits_for_whom)
{
    const struct koken_sim_options options = {.seeds = 1, .shrink = 3};

    cr_assert_eq(koken_sim_run(two_that_wait_for_each_other, NULL, &options, &report), -ECANCELED);
    static const char *const said[] = {
        "deadlock",     "a thread outside waits for the answer of left ",
        "agent left ",  "waits for an item of channel ",
        "agent right ", "awaits the answer to its ask of idler ",
    };
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        cr_assert_not_null(strstr(report.text, said[i]), "'%s' is not in: %s", said[i],
                           report.text);
    }
    cr_assert_null(strstr(report.text, "agent idler "), "%s",
                   report.text); /* it waits for nobody */
}

static int leaves_a_thread(void *arg)
{
    unsigned thread;

    (void)arg;
    return koken_sim_thread(add_one, NULL, &thread) < 0;
}

static int dies(void *arg)
{
    KOKEN_SIM_CHECK(arg != NULL);
    return 0;
}

static int answers(void *arg)
{
    (void)arg;
    return -EPROTO;
}

static int spins(void *arg)
{
    (void)arg;
    for (uint64_t i = 0; i < UINT64_MAX; i++) { /* ends: the limit of steps */
        kn_thread_yield();
    }
    return 0;
}

Test(search, what_ends_badly_is_said)
{
    const struct koken_sim_options options = {.seeds = 20, .steps_max = 20000};
    const struct {
        int (*scenario)(void *arg);
        const char *said;
    } cases[] = {
        {leaves_a_thread, "a thread has not"},
        {dies, "arg != NULL"},
        {answers, "EPROTO"},
        {spins, "no end within 20000 steps"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(koken_sim_run(cases[i].scenario, NULL, &options, &report), -ECANCELED);
        cr_assert_not_null(strstr(report.text, cases[i].said), "%s", report.text);
    }
}

static uint64_t slept;

static int sleeps(void *arg)
{
    uint64_t before = koken_now();

    (void)arg;
    koken_sim_sleep(KOKEN_S(3600));
    slept = koken_now() - before;
    KOKEN_SIM_CHECK(slept >= KOKEN_S(3600));
    KOKEN_SIM_CHECK(koken_sim_is_running());
    KOKEN_SIM_CHECK(koken_sim_random(10) < 10);
    return 0;
}

Test(search, time_is_virtual)
{
    const struct koken_sim_options options = {.seeds = 1000};

    cr_assert_eq(koken_sim_run(sleeps, NULL, &options, &report), 0, "%s", report.text);
    cr_assert(!koken_sim_is_running());
}

/* What must end soon does so in the simulator's time, whatever the schedule: a delay (T107), a wait for what has ended (T089), a sleep
 * that is cancelled (T121). */
static uint64_t ended_at;

static int ends(koken_token token, void *arg, void *ret_value)
{
    (void)token, (void)arg, (void)ret_value;
    koken_sim_sleep(KOKEN_US(100));
    ended_at = koken_now();
    return 0;
}

static int naps(koken_ctx *ctx, void *arg, void *ret_value)
{
    (void)arg, (void)ret_value;
    return koken_sleep(ctx, KOKEN_MS(50));
}

static int nothing_is_late(void *arg)
{
    struct koken *rt;
    struct koken_future *future;
    struct koken_engine *engine;
    struct koken_async *async;
    uint64_t id, before;

    (void)arg;
    KOKEN_SIM_CHECK(koken_start(&(struct koken_options){.workers = 2}, &rt) == 0);
    before = koken_now();
    KOKEN_SIM_CHECK(koken_future_delay(rt, KOKEN_MS(20), &future) == 0);
    KOKEN_SIM_CHECK(koken_future_join(future, KOKEN_NO_DEADLINE) == 0);
    KOKEN_SIM_CHECK(koken_now() - before >= KOKEN_MS(20));
    KOKEN_SIM_CHECK(koken_now() - before <= KOKEN_MS(40));
    koken_future_drop(future);
    KOKEN_SIM_CHECK(koken_engine_new(rt, NULL, &engine) == 0);
    KOKEN_SIM_CHECK(koken_engine_submit(engine, &(struct koken_work){.fn = ends}, &id) == 0);
    KOKEN_SIM_CHECK(koken_engine_join(engine, id, KOKEN_S(1)) == 0);
    KOKEN_SIM_CHECK(koken_now() - ended_at < KOKEN_MS(5));
    koken_engine_free(engine);
    KOKEN_SIM_CHECK(koken_async_new(rt, NULL, &async) == 0);
    KOKEN_SIM_CHECK(koken_async_run(async, &(struct koken_task){.fn = naps}, &future) == 0);
    koken_sim_sleep(KOKEN_MS(5));
    before = koken_now();
    KOKEN_SIM_CHECK(koken_async_cancel(async) == 0);
    KOKEN_SIM_CHECK(koken_future_join(future, KOKEN_NO_DEADLINE) == -ECANCELED);
    KOKEN_SIM_CHECK(koken_now() - before < KOKEN_MS(10));
    koken_future_drop(future);
    koken_async_free(async);
    return koken_stop(rt, KOKEN_S(1));
}

Test(search, what_is_due_is_not_late)
{
    const struct koken_sim_options options = {.seeds = 200};

    cr_assert_eq(koken_sim_run(nothing_is_late, NULL, &options, &report), 0, "%s", report.text);
}

Test(search, options_are_checked)
{
    cr_assert_eq(koken_sim_run(NULL, NULL, NULL, &report), -EINVAL);
    cr_assert_eq(koken_sim_run(sleeps, NULL, NULL, NULL), -EINVAL);
    cr_assert_eq(koken_sim_run(sleeps, NULL, &(struct koken_sim_options){.depth = 99}, &report),
                 -EINVAL);
}

#else

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

Test(search, is_not_in_builds_without_the_simulator)
{
    unsigned thread;

    cr_assert_eq(koken_sim_run(nothing, NULL, NULL, &report), -ENOTSUP);
    cr_assert(!koken_sim_is_running());
    cr_assert(!koken_sim_chance());
    cr_assert_eq(koken_sim_random(7), 0);
    cr_assert_eq(koken_sim_faults(), 0);
    cr_assert_eq(koken_sim_thread(NULL, NULL, &thread), -ENOTSUP);
    koken_sim_note("nobody reads this", 1);
    koken_sim_sleep(1);
    koken_sim_join(0);
}

#endif
