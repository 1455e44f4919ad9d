/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the order in which a worker runs what is ready (T020, T021, T024, T025, T026), that every
 * runnable runs exactly once however many threads make it ready (T022, T032), and that no level
 * starves.
 */
#include "sched/worker.h"
#include "base/world.h"
#include "sched/lifo.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct task {
    struct kn_runnable runnable; /* first */
    kn_atomic(uint32_t) runs;
    kn_atomic(uint32_t) inside;
    unsigned left;        /* times to yield */
    unsigned order;       /* when it ran first */
    struct task *partner; /* woken in each step */
    struct task *queued;  /* array to make ready first */
    unsigned queued_count;
    enum kn_prio prio;
};

static kn_atomic(uint32_t) order;
static kn_atomic(uint32_t) broken;

static struct kn_sched *start(unsigned workers, struct kn_sched_config config)
{
    struct kn_sched *sched = NULL;

    config.workers = workers;
    config.is_exact = true;
    cr_assert_eq(kn_sched_start(&config, &sched), 0);
    return sched;
}

static void finish(struct kn_sched *sched)
{
    cr_assert(kn_sched_quiet(sched, kn_now() + UINT64_C(60000000000)));
    cr_assert_eq(kn_sched_stop(sched, kn_now() + UINT64_C(60000000000)), 0);
    cr_assert_null(kn_sched_leftover(sched));
    kn_sched_free(sched);
}

static struct task *of(struct kn_runnable *runnable)
{
    return (struct task *)(void *)runnable;
}

static enum kn_ran step_once(struct kn_worker *worker, struct kn_runnable *runnable)
{
    (void)worker;
    if (kn_swap(&of(runnable)->inside, 1, acquire) != 0) {
        (void)kn_add(&broken, 1, relaxed);
    }
    of(runnable)->order = kn_add(&order, 1, relaxed);
    kn_store(&of(runnable)->inside, 0, release);
    (void)kn_add(&of(runnable)->runs, 1, relaxed);
    return KN_RAN_DONE;
}

static enum kn_ran step_yield(struct kn_worker *worker, struct kn_runnable *runnable)
{
    (void)worker;
    (void)kn_add(&of(runnable)->runs, 1, relaxed);
    return of(runnable)->left-- > 0 ? KN_RAN_AGAIN : KN_RAN_DONE;
}

static struct task *new_tasks(unsigned count,
                              enum kn_ran (*step)(struct kn_worker *, struct kn_runnable *))
{
    struct task *tasks = calloc(count, sizeof(struct task));

    cr_assert_not_null(tasks);
    for (unsigned i = 0; i < count; i++) {
        tasks[i].runnable.step = step;
        tasks[i].prio = KN_PRIO_NORMAL;
    }
    return tasks;
}

static void assert_each_ran(struct task *tasks, unsigned count, unsigned times)
{
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(kn_load(&tasks[i].runs, relaxed), times, "task %u ran %u times", i,
                     kn_load(&tasks[i].runs, relaxed));
    }
}

Test(worker, one_worker_runs_a_hundred_tasks) /* T020 */
{
    struct kn_sched *sched = start(1, (struct kn_sched_config){0});
    struct task *tasks = new_tasks(100, step_once);

    for (unsigned i = 0; i < 100; i++) {
        kn_ready_foreign(sched, &tasks[i].runnable, KN_PRIO_NORMAL);
    }
    finish(sched);
    assert_each_ran(tasks, 100, 1);
    free(tasks);
}

Test(worker, a_task_that_yields_comes_back_every_time) /* T021 */
{
    struct kn_sched *sched = start(2, (struct kn_sched_config){0});
    struct task *tasks = new_tasks(3, step_yield);

    for (unsigned i = 0; i < 3; i++) {
        tasks[i].left = 1000;
        kn_ready_foreign(sched, &tasks[i].runnable, KN_PRIO_NORMAL);
    }
    finish(sched);
    assert_each_ran(tasks, 3, 1001);
    free(tasks);
}

/* ---- exactly once -------------------------------------------------------------------------- */

enum { FEEDERS = 4, EACH = 250000 };

struct feeder {
    struct kn_thread thread;
    struct kn_sched *sched;
    struct task *tasks;
    unsigned count;
};

static void feed(void *arg)
{
    struct feeder *feeder = arg;

    for (unsigned i = 0; i < feeder->count; i++) {
        kn_ready_foreign(feeder->sched, &feeder->tasks[i].runnable,
                         (enum kn_prio)(i % KN_PRIO_COUNT_));
    }
}

static void run_feeders(struct kn_sched *sched, unsigned each,
                        enum kn_ran (*step)(struct kn_worker *, struct kn_runnable *))
{
    struct feeder feeders[FEEDERS];
    struct task *tasks = new_tasks(FEEDERS * each, step);

    memset(feeders, 0, sizeof(feeders));
    kn_store(&broken, 0, relaxed);
    for (unsigned i = 0; i < FEEDERS; i++) {
        feeders[i].sched = sched;
        feeders[i].tasks = tasks + i * each;
        feeders[i].count = each;
        cr_assert_eq(kn_thread_start(&feeders[i].thread, "feeder", feed, &feeders[i]), 0);
    }
    for (unsigned i = 0; i < FEEDERS; i++) {
        kn_thread_join(&feeders[i].thread);
    }
    finish(sched);
    assert_each_ran(tasks, FEEDERS * each, 1);
    cr_assert_eq(kn_load(&broken, relaxed), 0);
    free(tasks);
}

Test(worker, a_million_tasks_from_four_threads_run_once_on_eight_workers, .timeout = 120) /* T022 */
{
    run_feeders(start(8, (struct kn_sched_config){0}), EACH, step_once);
}

Test(worker, tasks_run_once_on_every_number_of_workers, .timeout = 120)
{
    for (unsigned workers = 1; workers <= 8; workers++) {
        run_feeders(start(workers, (struct kn_sched_config){0}), 5000, step_once);
    }
}

/* ---- T064: one's queue is all workers' ------------------------------------------------------ */

static kn_atomic(uint32_t) at_home, elsewhere, home;

/* The first ones at home wait until another worker has come, however busy the machine is. */
static enum kn_ran step_anywhere(struct kn_worker *worker, struct kn_runnable *runnable)
{
    if (worker->index == kn_load(&home, relaxed)) {
        uint64_t until = kn_now() + UINT64_C(20000000000);

        (void)kn_add(&at_home, 1, relaxed);
        while (kn_load(&elsewhere, relaxed) == 0 && kn_now() < until) {
            kn_thread_yield();
        }
    } else {
        (void)kn_add(&elsewhere, 1, relaxed);
    }
    return step_once(worker, runnable);
}

static enum kn_ran step_queue_all(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *task = of(runnable);

    kn_store(&home, worker->index, relaxed);
    for (unsigned i = 0; i < task->queued_count; i++) {
        kn_ready_tail(worker, &task->queued[i].runnable, KN_PRIO_NORMAL);
    }
    return KN_RAN_DONE;
}

Test(worker, what_one_queues_is_done_by_all, .timeout = 60)
{
    enum { COUNT = 10000 };
    struct kn_sched *sched = start(16, (struct kn_sched_config){0});
    struct task *tasks = new_tasks(COUNT, step_anywhere);
    struct task first = {.runnable.step = step_queue_all, .queued = tasks, .queued_count = COUNT};

    kn_store(&at_home, 0, relaxed);
    kn_store(&elsewhere, 0, relaxed);
    kn_ready_foreign(sched, &first.runnable, KN_PRIO_NORMAL);
    finish(sched);
    assert_each_ran(tasks, COUNT, 1);
    cr_assert_eq(kn_load(&at_home, relaxed) + kn_load(&elsewhere, relaxed), COUNT);
    cr_assert_lt(kn_load(&at_home, relaxed), COUNT);
    free(tasks);
}

/* ---- T032: one place at a time ------------------------------------------------------------- */

enum { IDLE, SCHEDULED, RUNNING, NOTIFIED };

struct agent {
    struct kn_runnable runnable;
    kn_atomic(uint32_t) state;
    kn_atomic(uint32_t) inside;
    kn_atomic(uint64_t) pokes;
    uint64_t seen; /* plain: the scheduler must order one step before the next */
};

static enum kn_ran step_agent(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct agent *agent = (struct agent *)(void *)runnable;
    uint32_t running = RUNNING;

    (void)worker;
    if (kn_swap(&agent->inside, 1, relaxed) != 0) {
        (void)kn_add(&broken, 1, relaxed);
    }
    kn_store(&agent->state, RUNNING, relaxed);
    agent->seen++;
    (void)kn_swap(&agent->pokes, 0, acquire);
    kn_store(&agent->inside, 0, relaxed);
    if (kn_cas_strong(&agent->state, &running, IDLE, acq_rel, acquire)) {
        return KN_RAN_DONE;
    }
    kn_store(&agent->state, SCHEDULED, relaxed);
    return KN_RAN_AGAIN;
}

/* True: the caller has to make it ready. */
static bool poke(struct agent *agent)
{
    uint32_t state = kn_load(&agent->state, relaxed);

    (void)kn_add(&agent->pokes, 1, release);
    for (;;) {
        uint32_t next = state == IDLE ? SCHEDULED : state == RUNNING ? NOTIFIED : state;

        if (kn_cas_weak(&agent->state, &state, next, acq_rel, relaxed)) {
            return state == IDLE;
        }
    }
}

struct poker {
    struct kn_thread thread;
    struct kn_sched *sched;
    struct agent *agents;
    unsigned count;
    uint64_t rng;
};

static void poke_many(void *arg)
{
    struct poker *poker = arg;

    for (unsigned i = 0; i < 20000; i++) {
        struct agent *agent = &poker->agents[kn_random(&poker->rng) % poker->count];

        if (poke(agent)) {
            kn_ready_foreign(poker->sched, &agent->runnable, KN_PRIO_NORMAL);
        }
    }
}

Test(worker, an_agent_is_never_in_two_places, .timeout = 120)
{
    struct kn_sched *sched = start(4, (struct kn_sched_config){.share_ns = KN_SHARE_ALL});
    struct poker pokers[8];
    struct agent *agents = calloc(16, sizeof(struct agent));

    cr_assert_not_null(agents);
    memset(pokers, 0, sizeof(pokers));
    kn_store(&broken, 0, relaxed);
    for (unsigned i = 0; i < 16; i++) {
        agents[i].runnable.step = step_agent;
    }
    for (unsigned i = 0; i < 8; i++) {
        pokers[i].sched = sched;
        pokers[i].agents = agents;
        pokers[i].count = 16;
        pokers[i].rng = kn_random_seed(i + 1);
        cr_assert_eq(kn_thread_start(&pokers[i].thread, "poker", poke_many, &pokers[i]), 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        kn_thread_join(&pokers[i].thread);
    }
    finish(sched);
    cr_assert_eq(kn_load(&broken, relaxed), 0);
    for (unsigned i = 0; i < 16; i++) {
        cr_assert_eq(kn_load(&agents[i].pokes, relaxed), 0, "a poke was not seen");
    }
    free(agents);
}

/* ---- order --------------------------------------------------------------------------------- */

static enum kn_ran step_wake_partner(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *task = of(runnable);

    for (unsigned i = 0; i < task->queued_count; i++) {
        kn_ready_tail(worker, &task->queued[i].runnable, task->queued[i].prio);
    }
    task->order = kn_add(&order, 1, relaxed);
    kn_ready(worker, &task->partner->runnable, KN_PRIO_NORMAL);
    return KN_RAN_DONE;
}

Test(worker, who_is_woken_by_a_step_runs_next) /* T024 */
{
    struct kn_sched *sched = start(1, (struct kn_sched_config){0});
    struct task *queued = new_tasks(200, step_once);
    struct task *partner = new_tasks(1, step_once);
    struct task *waker = new_tasks(1, step_wake_partner);

    waker->partner = partner;
    waker->queued = queued;
    waker->queued_count = 200;
    kn_store(&order, 0, relaxed);
    kn_ready_foreign(sched, &waker->runnable, KN_PRIO_NORMAL);
    finish(sched);
    assert_each_ran(queued, 200, 1);
    cr_assert_eq(partner->order, waker->order + 1);
    free(waker);
    free(partner);
    free(queued);
}

static kn_atomic(uint32_t) has_third_run;

static enum kn_ran step_third(struct kn_worker *worker, struct kn_runnable *runnable)
{
    (void)worker;
    of(runnable)->order = kn_load(&order, relaxed);
    kn_store(&has_third_run, 1, relaxed);
    return KN_RAN_DONE;
}

static enum kn_ran step_ping_pong(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *task = of(runnable);

    if (task->queued_count > 0) {
        kn_ready_tail(worker, &task->queued[0].runnable, task->queued[0].prio);
        task->queued_count = 0;
    }
    (void)kn_add(&order, 1, relaxed);
    if (kn_load(&has_third_run, relaxed) == 0 && kn_load(&order, relaxed) < 1000000) {
        kn_ready(worker, &task->partner->runnable, KN_PRIO_NORMAL);
    }
    return KN_RAN_DONE;
}

static void assert_third_runs(enum kn_prio prio, unsigned within)
{
    struct kn_sched *sched = start(1, (struct kn_sched_config){0});
    struct task *pair = new_tasks(2, step_ping_pong);
    struct task *third = new_tasks(1, step_third);

    pair[0].partner = &pair[1];
    pair[1].partner = &pair[0];
    pair[0].queued = third;
    pair[0].queued_count = 1;
    third->prio = prio;
    kn_store(&order, 0, relaxed);
    kn_store(&has_third_run, 0, relaxed);
    kn_ready_foreign(sched, &pair[0].runnable, KN_PRIO_NORMAL);
    finish(sched);
    cr_assert_eq(kn_load(&has_third_run, relaxed), 1);
    cr_assert_leq(third->order, within, "the third ran after %u dispatches", third->order);
    free(third);
    free(pair);
}

Test(worker, a_pair_in_the_slot_does_not_starve_the_queue) /* T025 */
{
    assert_third_runs(KN_PRIO_LOW, KN_BUDGET_DEFAULT + 1);
    assert_third_runs(KN_PRIO_NORMAL, KN_BUDGET_DEFAULT + 1);
    assert_third_runs(KN_PRIO_HIGH, 2);
    assert_third_runs(KN_PRIO_CRITICAL, 2);
}

static enum kn_ran step_flood(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *task = of(runnable);

    (void)kn_add(&order, 1, relaxed);
    if (task->queued_count > 0) {
        task->queued_count = 0;
        kn_ready_foreign(worker->sched, &task->queued->runnable, task->queued->prio);
        kn_store(&order, 0, relaxed);
    }
    return kn_load(&has_third_run, relaxed) == 0 && kn_load(&order, relaxed) < 1000000
               ? KN_RAN_AGAIN
               : KN_RAN_DONE;
}

Test(worker, a_local_flood_does_not_starve_the_global_queue) /* T026 */
{
    struct kn_sched *sched = start(1, (struct kn_sched_config){0});
    struct task *flood = new_tasks(10, step_flood);
    struct task *third = new_tasks(1, step_third);

    kn_store(&order, 0, relaxed);
    kn_store(&has_third_run, 0, relaxed);
    flood[9].queued = third;
    flood[9].queued_count = 1;
    for (unsigned i = 0; i < 10; i++) {
        kn_ready_foreign(sched, &flood[i].runnable, KN_PRIO_NORMAL);
    }
    finish(sched);
    cr_assert_leq(third->order, KN_GLOBAL_EVERY);
    cr_assert_eq(kn_load(&has_third_run, relaxed), 1);
    free(third);
    free(flood);
}

static enum kn_ran step_flood_at(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *task = of(runnable);

    (void)kn_add(&order, 1, relaxed);
    if (task->queued_count > 0) {
        task->queued_count = 0;
        kn_ready_tail(worker, &task->queued->runnable, KN_PRIO_LOW);
    }
    if (kn_load(&has_third_run, relaxed) == 0 && kn_load(&order, relaxed) < 1000000) {
        kn_ready_tail(worker, runnable, task->prio);
    }
    return KN_RAN_DONE;
}

Test(worker, ageing_lets_the_lowest_level_through_a_flood_of_the_highest)
{
    struct kn_sched *sched = start(1, (struct kn_sched_config){0});
    struct task *flood = new_tasks(3, step_flood_at);
    struct task *third = new_tasks(1, step_third);

    kn_store(&order, 0, relaxed);
    kn_store(&has_third_run, 0, relaxed);
    flood[0].queued = third;
    flood[0].queued_count = 1;
    for (unsigned i = 0; i < 3; i++) {
        flood[i].prio = KN_PRIO_CRITICAL;
        kn_ready_foreign(sched, &flood[i].runnable, KN_PRIO_CRITICAL);
    }
    finish(sched);
    cr_assert_eq(kn_load(&has_third_run, relaxed), 1);
    cr_assert_leq(third->order, 4 * KN_AGEING_DISPATCHES);
    free(third);
    free(flood);
}

/* Comes from outside again and again, and is long. */
static enum kn_ran step_from_outside(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *task = of(runnable);

    kn_store(&worker->dispatch_ns, 1000 * 1000, relaxed); /* as the clock would say */
    if (task->queued_count > 0) {
        task->queued_count = 0;
        kn_ready_tail(worker, &task->queued->runnable, KN_PRIO_NORMAL);
        kn_store(&order, 0, relaxed);
    }
    if (kn_load(&has_third_run, relaxed) == 0 && kn_add(&order, 1, relaxed) < 10000) {
        kn_ready_foreign(worker->sched, runnable, KN_PRIO_NORMAL);
    }
    return KN_RAN_DONE;
}

Test(worker, a_flood_from_outside_of_long_steps_does_not_starve_the_own_queue)
{
    struct kn_sched *sched = start(1, (struct kn_sched_config){0});
    struct task *flood = new_tasks(1, step_from_outside);
    struct task *third = new_tasks(1, step_third);

    kn_store(&has_third_run, 0, relaxed);
    flood->queued = third;
    flood->queued_count = 1;
    kn_ready_foreign(sched, &flood->runnable, KN_PRIO_NORMAL);
    finish(sched);
    cr_assert_eq(kn_load(&has_third_run, relaxed), 1);
    cr_assert_leq(third->order, KN_GLOBAL_EVERY + 2);
    free(third);
    free(flood);
}

enum { HELPERS = 256, TURN = 34 };

/* Always ready, on the highest level, and keeps the slot full. */
static enum kn_ran step_with_helper(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *task = of(runnable);

    if (task->left == 0) {
        kn_ready_tail(worker, &task->partner->runnable, KN_PRIO_NORMAL);
    }
    if (!kn_lifo_is_full(worker) && task->left < HELPERS) {
        kn_ready(worker, &task->queued[task->left++].runnable, KN_PRIO_NORMAL);
    }
    if (kn_load(&has_third_run, relaxed) == 0 && kn_add(&order, 1, relaxed) < 100000) {
        kn_ready_tail(worker, runnable, KN_PRIO_CRITICAL);
    }
    return KN_RAN_DONE;
}

static enum kn_ran step_nothing(struct kn_worker *worker, struct kn_runnable *runnable)
{
    (void)worker;
    (void)runnable;
    return KN_RAN_DONE;
}

/* The number of messages in a turn is that of picks after which ageing chooses the normal level: the worst one. */
Test(worker, a_full_slot_under_a_flood_of_the_highest_does_not_starve_the_queue)
{
    struct kn_sched *sched = start(1, (struct kn_sched_config){.budget = TURN});
    struct task *high = new_tasks(1, step_with_helper);
    struct task *third = new_tasks(1, step_third);

    kn_store(&order, 0, relaxed);
    kn_store(&has_third_run, 0, relaxed);
    high->partner = third;
    high->queued = new_tasks(HELPERS, step_nothing);
    kn_ready_foreign(sched, &high->runnable, KN_PRIO_CRITICAL);
    finish(sched);
    cr_assert_eq(kn_load(&has_third_run, relaxed), 1);
    cr_assert_leq(third->order, 2 * TURN * (3 * KN_AGEING_DISPATCHES + 3));
    free(high->queued);
    free(third);
    free(high);
}

static enum kn_ran step_fill(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *task = of(runnable);

    for (unsigned i = 0; i < task->queued_count; i++) {
        kn_ready_tail(worker, &task->queued[i].runnable, task->queued[i].prio);
    }
    return KN_RAN_DONE;
}

Test(worker, a_full_queue_overflows_to_the_global_queue_and_loses_nothing)
{
    struct kn_sched *sched = start(1, (struct kn_sched_config){0});
    struct task *many = new_tasks(10000, step_once);
    struct task *fill = new_tasks(1, step_fill);
    struct kn_sched_stats stats;

    for (unsigned i = 0; i < 10000; i++) {
        many[i].prio = (enum kn_prio)(i / 1000 % KN_PRIO_COUNT_);
    }
    fill->queued = many;
    fill->queued_count = 10000;
    kn_ready_foreign(sched, &fill->runnable, KN_PRIO_NORMAL);
    cr_assert(kn_sched_quiet(sched, KN_NEVER));
    kn_sched_stats(sched, &stats);
    cr_assert_gt(stats.overflows, 0);
    cr_assert_eq(stats.dispatches, 10001);
    finish(sched);
    assert_each_ran(many, 10000, 1);
    free(fill);
    free(many);
}

Test(worker, the_slot_can_be_switched_off)
{
    struct kn_sched *sched =
        start(2, (struct kn_sched_config){.no_lifo = true, .no_stealing = true});
    struct task *partner = new_tasks(1, step_once);
    struct task *waker = new_tasks(1, step_wake_partner);
    struct kn_sched_stats stats;

    waker->partner = partner;
    kn_ready_foreign(sched, &waker->runnable, KN_PRIO_NORMAL);
    cr_assert(kn_sched_quiet(sched, KN_NEVER));
    kn_sched_stats(sched, &stats);
    cr_assert_eq(stats.lifo_hits, 0);
    cr_assert_eq(stats.steals, 0);
    finish(sched);
    assert_each_ran(partner, 1, 1);
    free(waker);
    free(partner);
}
