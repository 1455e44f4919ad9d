/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the end of a runtime (T033): accepted work is done or becomes dead letters, exit hooks run, who is
 * left is named, a handler that does not come back makes the stop say so, nothing runs afterwards, and
 * whoever waits from outside is told. The calls that are misuse have their errno.
 */
#include "test/support/runtime.h"

#include "actors/agent.h"
#include "actors/kn_rcu.h"
#include "actors/request.h"
#include "actors/slots.h"

#include <koken/fiber.h>

KOKEN_EVENT(work);
KOKEN_EVENT(forever);
KOKEN_MESSAGE(question, { uint32_t value; });
KOKEN_MESSAGE(answer, { uint32_t value; });

static kn_atomic(uint32_t) worked, exits, gate, inside, done;

static void clear(void)
{
    reset(&worked);
    reset(&exits);
    reset(&gate);
    reset(&inside);
    reset(&done);
}

struct worker {
    uint32_t unused;
};

static int on_work(koken_ctx *ctx, struct worker *self, const struct work *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&worked);
    return 0;
}

/* Never done: the drain runs out of time. */
static int on_forever(koken_ctx *ctx, struct worker *self, const struct forever *msg)
{
    (void)self, (void)msg;
    (void)count(&inside);
    return koken_signal(koken_self(ctx), forever);
}

/* A request that is never answered. */
static int on_question(koken_ctx *ctx, struct worker *self, const struct question *msg)
{
    (void)self, (void)msg;
    expect(koken_defer(ctx).number != 0);
    (void)count(&inside);
    return 0;
}

static void on_worker_exit(koken_ctx *ctx, struct worker *self, int reason)
{
    (void)ctx, (void)self, (void)reason;
    (void)count(&exits);
}

KOKEN_AGENT(worker, struct worker, KOKEN_ON(work, on_work), KOKEN_ON(forever, on_forever),
            KOKEN_ON(question, on_question), KOKEN_EXIT(on_worker_exit));

/* Everything accepted before the stop is handled by it; every exit hook runs; the report counts. */
Test(stop, drains_then_cancels)
{
    static const unsigned workers[3] = {1, 2, 4};
    for (int w = 0; w < 3; w++) {
        struct koken *rt =
            start_with(workers[w], (struct koken_options){.mailbox_capacity = KOKEN_CAPACITY_MAX});
        struct koken_stop_report report;
        clear();
        for (int i = 0; i < 100; i++) {
            koken_ref who = koken_spawn(rt, worker);
            for (int k = 0; k < 100; k++) {
                cr_assert_eq(koken_signal(who, work), 0);
            }
        }
        cr_assert_eq(koken_stop_with(rt, NULL, &report), 0);
        cr_assert_eq(reading(&worked), 10000);
        cr_assert_eq(reading(&exits), 100);
        cr_assert_eq(report.cancelled, 100);
        cr_assert_eq(report.killed, 0);
        cr_assert_eq(report.dead_letters, 0);
        cr_assert_eq(report.survivor_count, 16);
        cr_assert_str_eq(report.survivors[3].type, "worker");
        cr_assert_str_eq(report.survivors[3].state, "idle");
        assert_nothing_wrong();
    }
}

/* An agent that never rests outlives the drain, is named, and is cancelled. Answers what the drain saw it handle. */
static uint64_t stop_the_restless(unsigned workers, uint64_t drain_ns)
{
    struct koken *rt = start(workers);
    struct koken_stop_report report;
    struct koken_stop_plan plan = {drain_ns, KOKEN_S(60), KOKEN_S(30)};
    clear();
    koken_ref who = koken_spawn(rt, worker);
    cr_assert_eq(koken_signal(who, forever), 0);
    wait_for(&inside, 10);
    uint64_t before = koken_now();
    cr_assert_eq(koken_stop_with(rt, &plan, &report), 0);
    cr_assert_geq(koken_now() - before, drain_ns);
    cr_assert_eq(report.survivor_count, 1);
    cr_assert(koken_ref_equal(report.survivors[0].who, who));
    cr_assert_neq(report.survivors[0].state[0], 'i');
    cr_assert_eq(report.dead_letters, 1, "the message to itself");
    cr_assert_eq(report.killed, 0);
    cr_assert_eq(reading(&exits), 1);
    assert_nothing_wrong();
    return report.drained;
}

Test(stop, cancels_who_never_rests)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        uint64_t drain_ns = KOKEN_MS(30);
        while (stop_the_restless(workers, drain_ns) == 0) { /* ends: in some time it handles one */
            drain_ns *= 2;
        }
    }
}

static void count_killed(void *arg, const char *line)
{
    uint32_t *told = arg;
    *told += strstr(line, "50 agents were killed") != NULL;
}

/* Without drain and cancel agents are killed, which the log tells: no exit hook, queued messages are dead letters, no leak. */
Test(stop, kills_without_hooks)
{
    static const unsigned workers[3] = {1, 2, 4};
    for (int w = 0; w < 3; w++) {
        uint32_t told = 0;
        struct koken *rt =
            start_with(workers[w], (struct koken_options){.log = count_killed, .log_arg = &told});
        struct koken_stop_report report;
        struct koken_stop_plan plan = {0, 0, KOKEN_S(30)};
        clear();
        for (int i = 0; i < 50; i++) {
            koken_ref who = koken_spawn(rt, worker);
            cr_assert_eq(koken_signal(who, forever), 0);
            cr_assert_eq(koken_signal(who, work), 0);
        }
        cr_assert_eq(koken_stop_with(rt, &plan, &report), 0);
        cr_assert_eq(report.killed, 50);
        cr_assert_eq(told, 1);
        cr_assert_geq(report.dead_letters, 50);
        cr_assert_eq(reading(&exits), 0);
        uint32_t turns = reading(&inside);
        kn_thread_yield();
        cr_assert_eq(reading(&inside), turns, "nothing runs afterwards");
#ifdef KN_DEBUG
        cr_assert_eq(kn_alloc_live(), live_at_start);
#endif
        assert_nothing_wrong();
    }
}

/* ---- a handler that does not come back ---------------------------------------------------------------- */

static int on_stuck(koken_ctx *ctx, struct worker *self, const struct work *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&inside);
    wait_for(&gate, 1);
    (void)count(&done);
    return 0;
}

KOKEN_AGENT(stuck, struct worker, KOKEN_ON(work, on_stuck));

/* The stop ends in time with -ETIMEDOUT and names it, its message, and how long it has been at it. */
Test(stop, reports_who_does_not_come_back)
{
    struct koken *rt = start(1);
    struct koken_stop_report report;
    struct koken_stop_plan plan = {KOKEN_MS(20), KOKEN_MS(20), KOKEN_MS(20)};
    clear();
    koken_ref who = koken_spawn(rt, stuck);
    cr_assert_eq(koken_signal(who, work), 0);
    cr_assert_eq(koken_signal(who, work), 0);
    wait_for(&inside, 1);
    uint64_t before = koken_now();
    cr_assert_eq(koken_stop_with(rt, &plan, &report), -ETIMEDOUT);
    cr_assert_geq(koken_now() - before, KOKEN_MS(60));
    cr_assert_eq(report.killed, 1);
    cr_assert_eq(report.survivor_count, 1);
    cr_assert_str_eq(report.survivors[0].state, "running");
    cr_assert_str_eq(report.survivors[0].type, "stuck");
    cr_assert_str_eq(report.survivors[0].handling, "work");
    cr_assert_eq(report.survivors[0].queued, 2);
    cr_assert_geq(report.survivors[0].running_ns, KOKEN_MS(10));
    cr_assert_geq(report.survivors[0].age_ns, KOKEN_MS(5));
    cr_assert_lt(report.survivors[0].age_ns, KOKEN_S(3600));
    kn_store(&gate, 1, release);
    wait_for(&done, 1);
    plan = (struct koken_stop_plan){0, 0, KOKEN_S(60)};
    cr_assert_eq(koken_stop_with(rt, &plan, &report), 0, "it has come back: once more");
#ifdef KN_DEBUG
    cr_assert_eq(kn_alloc_live(), live_at_start);
#endif
    assert_nothing_wrong();
}

/* ---- threads outside ---------------------------------------------------------------------------------------- */

struct asking {
    struct koken *rt;
    koken_ref to;
    int rc;
};

static void ask(void *arg)
{
    struct asking *self = arg;
    struct answer got;
    self->rc = koken_await(self->rt, self->to, KOKEN_S(300), &got, question, .value = 1);
    (void)count(&done);
}

/* A thread that waits for an answer is told when the runtime goes, whether by cancelling or by killing. */
Test(stop, wakes_threads_that_wait)
{
    for (int kill = 0; kill < 2; kill++) {
        struct koken *rt = start(2);
        struct koken_stop_plan plan = {KOKEN_MS(1), kill ? 0 : KOKEN_S(10), KOKEN_S(30)};
        struct kn_thread threads[4] = {{0}};
        struct asking asking[4];
        clear();
        koken_ref to = koken_spawn(rt, worker);
        for (int i = 0; i < 4; i++) {
            asking[i] = (struct asking){rt, to, 1};
            cr_assert_eq(kn_thread_start(&threads[i], "ask", ask, &asking[i]), 0);
        }
        wait_for(&inside, 4);
        cr_assert_eq(koken_stop_with(rt, &plan, NULL), 0);
        for (int i = 0; i < 4; i++) {
            kn_thread_join(&threads[i]);
            cr_assert(asking[i].rc == -ECANCELED || asking[i].rc == -ESRCH, "%s",
                      koken_errname(asking[i].rc));
        }
#ifdef KN_DEBUG
        cr_assert_eq(kn_alloc_live(), live_at_start);
#endif
        assert_nothing_wrong();
    }
}

/* ---- fibers ------------------------------------------------------------------------------------------------- */

static int wait_in_vain(koken_ctx *ctx, struct worker *self, const void *arg)
{
    struct koken_received msg;
    int kind = *(const int *)arg, rc = 0, value;
    (void)self;
    (void)count(&inside);
    switch (kind % 5) {
    case 0: rc = koken_receive(ctx, KOKEN_NO_DEADLINE, &msg); break;
    case 1: rc = koken_sleep(ctx, KOKEN_S(3600)); break;
    case 2: {
        struct answer got;
        koken_ref to = koken_spawn(ctx, worker);
        rc = koken_await(ctx, to, KOKEN_S(3600), &got, question, .value = 1);
        break;
    }
    case 3:
        while (rc == 0) {
            rc = koken_yield(ctx);
        }
        break;
    default: rc = koken_receive_only(ctx, KOKEN_S(3600), answer, &(struct answer){0}); break;
    }
    value = rc;
    if (value == -ECANCELED) {
        (void)count(&done);
    }
    return 0;
}

KOKEN_FIBER(vain, struct worker, wait_in_vain);

/* Fibers in every kind of wait are cancelled and end themselves; killed, their memory comes back. */
Test(stop, ends_fibers_wherever_they_wait)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        for (int kill = 0; kill < 2; kill++) {
            struct koken *rt = start(workers);
            struct koken_stop_report report;
            struct koken_stop_plan plan = {KOKEN_MS(10), kill ? 0 : KOKEN_S(60), KOKEN_S(60)};
            clear();
            for (int i = 0; i < 40; i++) {
                cr_assert(!koken_is_nobody(koken_spawn(rt, vain, .arg = &i, .arg_size = sizeof i)));
            }
            wait_for(&inside, 48); /* and the eight questions */
            cr_assert_eq(koken_stop_with(rt, &plan, &report), 0);
            if (!kill) {
                cr_assert_geq(reading(&done), 32, "all but perhaps those whose server ended first");
                cr_assert_eq(report.killed, 0);
            } else {
                cr_assert_eq(report.killed, 48);
            }
#ifdef KN_DEBUG
            cr_assert_eq(kn_alloc_live(), live_at_start);
#endif
            assert_nothing_wrong();
        }
    }
}

static int block(void *arg)
{
    (void)arg;
    (void)count(&inside);
    wait_for(&gate, 1);
    return 7;
}

static int block_in_pool(koken_ctx *ctx, struct worker *self, const void *arg)
{
    int value = 0;
    (void)self, (void)arg;
    int rc = koken_blocking(ctx, block, NULL, &value);
    expect(rc < 0 || value == 7);
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(blocker, struct worker, block_in_pool);

/* When those that were not begun have gone. */
static void open_late(void *arg)
{
    struct koken *rt = arg;
    while (kn_load(&rt->stopping, acquire) != KN_KILLING) { /* ends: the stop gets there */
        kn_thread_yield();
    }
    kn_store(&gate, 1, release);
}

/* More blocking calls than threads: those never begun go with the stop, those begun are waited for. */
Test(stop, blocking_calls_begun_and_not_begun)
{
    struct koken *rt = start(2);
    struct koken_stop_plan plan = {KOKEN_MS(5), KOKEN_MS(5), KOKEN_S(60)};
    struct koken_stop_report report;
    struct kn_thread thread = {0};
    clear();
    for (int i = 0; i < 100; i++) {
        cr_assert(!koken_is_nobody(koken_spawn(rt, blocker)));
    }
    wait_for(&inside, 8);
    cr_assert_eq(kn_thread_start(&thread, "open", open_late, rt), 0);
    cr_assert_eq(koken_stop_with(rt, &plan, &report), 0);
    kn_thread_join(&thread);
    cr_assert_gt(report.killed, 0);
    cr_assert_eq(report.survivor_count, 16);
#ifdef KN_DEBUG
    cr_assert_eq(kn_alloc_live(), live_at_start);
#endif
    assert_nothing_wrong();
}

/* ---- spawning storms and misuse ------------------------------------------------------------------------ */

struct breeder {
    uint32_t unused;
};

static int on_breed(koken_ctx *ctx, struct breeder *self, const struct work *msg);
KOKEN_AGENT(breeder, struct breeder, KOKEN_ON(work, on_breed));

/* Begets one, and ends: the population is constant, its members are ever new. */
static int on_breed(koken_ctx *ctx, struct breeder *self, const struct work *msg)
{
    (void)self, (void)msg;
    koken_ref child = koken_spawn(ctx, breeder);
    int rc = koken_signal(child, work);
    expect(rc == 0 || rc == -ESRCH);
    (void)count(&worked);
    return KOKEN_STOP;
}

/* A stop catches a population that renews itself all the time, by cancelling and by killing. */
Test(stop, ends_a_population_that_breeds)
{
    static const unsigned workers[3] = {1, 2, 4};
    for (int w = 0; w < 3; w++) {
        for (int round = 0; round < 10; round++) {
            struct koken *rt = start(workers[w]);
            struct koken_stop_plan plan = {KOKEN_MS(2), round % 2 ? KOKEN_MS(5) : 0, KOKEN_S(60)};
            clear();
            for (int i = 0; i < 20; i++) {
                cr_assert_eq(koken_signal(koken_spawn(rt, breeder), work), 0);
            }
            wait_for(&worked, 100);
            cr_assert_eq(koken_stop_with(rt, &plan, NULL), 0);
#ifdef KN_DEBUG
            cr_assert_eq(kn_alloc_live(), live_at_start);
#endif
            assert_nothing_wrong();
        }
    }
}

static struct koken *own, *foreign;

static int on_suicide(koken_ctx *ctx, struct worker *self, const struct work *msg)
{
    (void)self, (void)msg;
    expect(koken_runtime(ctx) == own);
    expect(koken_stop(own, KOKEN_S(1)) == -EDEADLK);
    expect(koken_drain(own, KOKEN_S(1)) == -EDEADLK);
    expect(koken_drain(foreign, KOKEN_S(10)) ==
           -EDEADLK); /* another one's worker would be held up */
    expect(koken_stop(foreign, KOKEN_S(10)) == -EDEADLK);
    (void)count(&done);
    return 0;
}

KOKEN_AGENT(suicide, struct worker, KOKEN_ON(work, on_suicide));

/* NULL is -EINVAL, an agent hears -EDEADLK; drain tells that a runtime is not quiet. */
Test(stop, misuse_is_answered)
{
    cr_assert_eq(koken_stop(NULL, 1), -EINVAL);
    cr_assert_eq(koken_stop_with(NULL, NULL, NULL), -EINVAL);
    cr_assert_eq(koken_drain(NULL, 1), -EINVAL);
    clear();
    own = start(2);
    cr_assert_eq(koken_start(&(struct koken_options){.workers = 1}, &foreign), 0);
    cr_assert_eq(koken_signal(koken_spawn(foreign, worker), work), 0);
    cr_assert_eq(koken_signal(koken_spawn(own, suicide), work), 0);
    check_balance(own, 0);
    cr_assert_eq(reading(&done), 1);
    koken_ref busy = koken_spawn(own, worker);
    cr_assert_eq(koken_signal(busy, forever), 0);
    cr_assert_eq(koken_drain(own, KOKEN_MS(10)), -ETIMEDOUT);
    cr_assert_eq(koken_exit(busy), 0);
    cr_assert_eq(koken_stop(foreign, KOKEN_S(10)), 0);
    stop(own);
}

/* After the stop has begun a thread's new work is refused with -ESHUTDOWN, while accepted work goes on. */
static void stop_it(void *arg)
{
    struct koken_stop_plan plan = {KOKEN_S(60), KOKEN_S(60), KOKEN_S(60)};
    expect(koken_stop_with(arg, &plan, NULL) == 0);
    (void)count(&done);
}

Test(stop, refuses_new_work_from_outside)
{
    struct koken *rt = start(1);
    struct kn_thread thread = {0};
    clear();
    koken_ref who = koken_spawn(rt, stuck), other = koken_spawn(rt, worker);
    cr_assert_eq(koken_signal(who, work), 0);
    wait_for(&inside, 1);
    cr_assert_eq(kn_thread_start(&thread, "stop", stop_it, rt), 0);
    int rc;
    do {
        rc = koken_signal(other, work);
        cr_assert(rc == 0 || rc == -ESHUTDOWN || rc == -EAGAIN, "%s", koken_errname(rc));
    } while (rc != -ESHUTDOWN); /* ends: the other thread gets there */
    koken_ref ref = KOKEN_NOBODY;
    cr_assert_eq(koken_try_spawn(rt, &ref, worker), -ESHUTDOWN);
    struct answer got;
    cr_assert_eq(koken_await(rt, other, KOKEN_S(1), &got, question, .value = 0), -ESHUTDOWN);
    kn_store(&gate, 1, release);
    kn_thread_join(&thread);
    cr_assert_eq(reading(&done), 2);
    assert_nothing_wrong();
}

/* ---- from outside, in the middle of a send ------------------------------------------------------------------ */

static koken_ref pushed_to;
static struct koken *pushed_in;

/* What koken_signal does from outside, slowly: it pushes, and wakes when the stop has long seen that all is quiet. */
static void push_and_wake_later(void *arg)
{
    (void)arg;
    kn_rcu_visit();
    struct kn_agent *a = kn_resolve(pushed_to.id);
    expect(a != NULL && kn_mailbox_nudge(&a->mailbox, 0) == KN_PUSH_WAKE);
    (void)count(&inside);
    while (kn_load(&pushed_in->stopping, acquire) !=
           KN_CANCELLING) { /* ends: the stop gets there */
        kn_thread_yield();
    }
    for (uint64_t end = kn_now() + KOKEN_MS(5); kn_now() < end;) {
        kn_thread_yield();
    }
    expect(kn_load(&pushed_in->stopping, acquire) == KN_CANCELLING);
    kn_agent_wake(NULL, a);
    kn_rcu_depart();
}

/* Its agent is in no queue meanwhile; the stop waits for it, and the agent ends with its hook. */
Test(stop, waits_for_who_has_pushed_and_not_yet_woken, .timeout = 60)
{
    struct koken_stop_plan plan = {0, KOKEN_S(60), KOKEN_S(60)};
    struct koken_stop_report report;
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct kn_thread thread = {0};
        pushed_in = start(workers);
        clear();
        pushed_to = koken_spawn(pushed_in, worker);
        drain(pushed_in);
        cr_assert_eq(kn_thread_start(&thread, "push", push_and_wake_later, NULL), 0);
        wait_for(&inside, 1);
        cr_assert_eq(koken_stop_with(pushed_in, &plan, &report), 0);
        kn_thread_join(&thread);
        cr_assert_eq(report.cancelled, 1);
        cr_assert_eq(report.killed, 0);
        cr_assert_eq(reading(&exits), 1);
        assert_nothing_wrong();
    }
}

/* ---- misuse ------------------------------------------------------------------------------------------------- */

static struct koken *shared_rt;
static kn_atomic(uint32_t) stopped, told_busy, told_gone;

static void stop_shared(void *arg)
{
    (void)arg;
    wait_for(&gate, 1);
    int rc = koken_stop(shared_rt, KOKEN_S(60));
    expect(rc == 0 || rc == -EBUSY || rc == -EINVAL);
    (void)count(rc == 0 ? &stopped : (rc == -EBUSY ? &told_busy : &told_gone));
}

/* Of four threads that stop one runtime, one does; the others hear that it is being done, or was. */
Test(stop, one_of_many_stops_it, .timeout = 120)
{
    enum { THREADS = 4, ROUNDS = 30 };
    reset(&stopped);
    reset(&told_busy);
    reset(&told_gone);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        struct kn_thread threads[THREADS] = {{0}};
        shared_rt = start(2);
        clear();
        for (int i = 0; i < 20; i++) {
            cr_assert_eq(koken_signal(koken_spawn(shared_rt, worker), work), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            cr_assert_eq(kn_thread_start(&threads[i], "stop", stop_shared, NULL), 0);
        }
        kn_store(&gate, 1, release);
        for (int i = 0; i < THREADS; i++) {
            kn_thread_join(&threads[i]);
        }
        assert_nothing_wrong();
        cr_assert_eq(reading(&stopped), round);
        cr_assert_eq(reading(&worked), 20);
    }
    cr_assert_eq(reading(&told_busy) + reading(&told_gone), (uint32_t)ROUNDS * (THREADS - 1));
}

/* Without any time, a runtime in which nobody runs is stopped all the same. */
Test(stop, no_time_is_enough_for_the_idle)
{
    for (unsigned i = 0; i < 60; i++) {
        struct koken *rt = start(1 + i % 3);
        clear();
        struct koken_stop_plan none = {0, 0, 0};
        if (i % 2) {
            (void)koken_spawn(rt, worker);
        }
        cr_assert_eq(i % 4 < 2 ? koken_stop(rt, 0) : koken_stop_with(rt, &none, NULL), 0);
    }
}
