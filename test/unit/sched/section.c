/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that a blocking section hands its worker over (T034), that leaving waits for one, that a
 * worker without work is put to rest and taken back, and that it all holds when threads cannot be
 * had.
 */
#include "base/world.h"
#include "sched/machine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

struct task {
    struct kn_runnable runnable; /* first */
    kn_atomic(uint32_t) runs;
    uint64_t block_ns;
    kn_atomic(uint64_t) *awaited; /* unless NULL: blocks until it is at least `enough` */
    uint64_t enough;
    unsigned rounds;
};

static kn_atomic(uint64_t) short_runs;
static kn_atomic(uint32_t) short_runs_while_blocked;
static kn_atomic(uint32_t) blocked_now;

static void block_for(uint64_t ns)
{
    struct timespec time = {.tv_sec = (time_t)(ns / 1000000000),
                            .tv_nsec = (long)(ns % 1000000000)};

    if (ns > 0) {
        (void)nanosleep(&time, NULL);
    }
}

static enum kn_ran step_block(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *task = (struct task *)(void *)runnable;
    struct kn_sched *sched = worker->sched;

    (void)kn_add(&blocked_now, 1, seq_cst);
    kn_blocking_enter(worker);
    cr_assert_null(kn_worker_self);
    block_for(task->block_ns);
    while (task->awaited != NULL && kn_load(task->awaited, acquire) < task->enough) {
        kn_thread_yield();
    }
    (void)kn_sub(&blocked_now, 1, seq_cst);
    worker = kn_blocking_leave(sched);
    cr_assert_eq(worker, kn_worker_self);
    cr_assert_eq(worker, kn_worker_current());
    (void)kn_add(&task->runs, 1, relaxed);
    return task->rounds-- > 1 ? KN_RAN_AGAIN : KN_RAN_DONE;
}

static enum kn_ran step_short(struct kn_worker *worker, struct kn_runnable *runnable)
{
    (void)worker;
    (void)kn_add(&((struct task *)(void *)runnable)->runs, 1, relaxed);
    (void)kn_add(&short_runs_while_blocked, kn_load(&blocked_now, seq_cst) == 2, relaxed);
    (void)kn_add(&short_runs, 1, release);
    return KN_RAN_DONE;
}

static struct kn_sched *start(struct kn_sched_config config)
{
    struct kn_sched *sched = NULL;

    config.is_exact = true;
    cr_assert_eq(kn_sched_start(&config, &sched), 0);
    return sched;
}

static void finish(struct kn_sched *sched)
{
    cr_assert(kn_sched_quiet(sched, kn_now() + UINT64_C(60000000000)));
    cr_assert_eq(kn_load(&sched->sections_open, relaxed), 0);
    cr_assert_eq(kn_sched_stop(sched, kn_now() + UINT64_C(60000000000)), 0);
    cr_assert_null(kn_sched_leftover(sched));
    cr_assert_eq(sched->blocked, 0);
    cr_assert_eq(sched->total, 0);
    kn_sched_free(sched);
}

Test(section, short_tasks_run_while_all_workers_are_in_sections) /* T034 */
{
    struct kn_sched *sched = start((struct kn_sched_config){.workers = 2});
    struct task blockers[2] = {0};
    struct task *tasks = calloc(100, sizeof(struct task));

    cr_assert_not_null(tasks);
    kn_store(&short_runs, 0, relaxed);
    kn_store(&short_runs_while_blocked, 0, relaxed);
    for (int i = 0; i < 2; i++) {
        blockers[i].runnable.step = step_block;
        blockers[i].awaited = &short_runs; /* in vain, if none ran meanwhile */
        blockers[i].enough = 100;
        kn_ready_foreign(sched, &blockers[i].runnable, KN_PRIO_NORMAL);
    }
    while (kn_load(&blocked_now, seq_cst) < 2) {
        kn_thread_yield();
    }
    for (int i = 0; i < 100; i++) {
        tasks[i].runnable.step = step_short;
        kn_ready_foreign(sched, &tasks[i].runnable, KN_PRIO_NORMAL);
    }
    finish(sched);
    cr_assert_eq(kn_load(&short_runs_while_blocked, relaxed), 100);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(kn_load(&tasks[i].runs, relaxed), 1);
    }
    cr_assert_eq(kn_load(&blockers[0].runs, relaxed), 1);
    cr_assert_eq(kn_load(&blockers[1].runs, relaxed), 1);
    free(tasks);
}

/* Many sections that come and go, among runnables that do not block. */
static void churn(struct kn_sched *sched, unsigned blockers_count, unsigned rounds,
                  uint64_t block_ns)
{
    struct task *tasks = calloc(blockers_count + 1000, sizeof(struct task));

    cr_assert_not_null(tasks);
    for (unsigned i = 0; i < blockers_count; i++) {
        tasks[i].runnable.step = step_block;
        tasks[i].block_ns = block_ns;
        tasks[i].rounds = rounds;
        kn_ready_foreign(sched, &tasks[i].runnable, KN_PRIO_NORMAL);
    }
    for (unsigned i = blockers_count; i < blockers_count + 1000; i++) {
        tasks[i].runnable.step = step_short;
        kn_ready_foreign(sched, &tasks[i].runnable, (enum kn_prio)(i % KN_PRIO_COUNT_));
    }
    finish(sched);
    for (unsigned i = 0; i < blockers_count; i++) {
        cr_assert_eq(kn_load(&tasks[i].runs, relaxed), rounds);
    }
    free(tasks);
}

Test(section, sections_of_all_lengths_come_and_go, .timeout = 120)
{
    for (unsigned workers = 1; workers <= 4; workers++) {
        churn(start((struct kn_sched_config){.workers = workers}), 8, 500, 0);
        churn(start((struct kn_sched_config){.workers = workers}), 8, 20, 500000);
        churn(start((struct kn_sched_config){.workers = workers, .retire_ns = 100000}), 3, 300,
              20000);
    }
}

Test(section, a_lone_agent_in_and_out_gets_its_worker_back)
{
    struct kn_sched *sched = start((struct kn_sched_config){.workers = 1});
    struct kn_sched_stats stats;
    struct task task = {.runnable.step = step_block, .rounds = 10000};

    kn_ready_foreign(sched, &task.runnable, KN_PRIO_NORMAL);
    cr_assert(kn_sched_quiet(sched, KN_NEVER));
    kn_sched_stats(sched, &stats);
    cr_assert_eq(stats.handoffs, 0, "there was nothing to hand the worker over for");
    cr_assert_eq(stats.sections_kept, 0);
    finish(sched);
    cr_assert_eq(kn_load(&task.runs, relaxed), 10000);
}

Test(section, without_a_thread_to_be_had_the_worker_stays)
{
    struct kn_sched *sched = start((struct kn_sched_config){.workers = 2, .sections_max = 1});
    struct kn_sched_stats stats;
    struct task blockers[8] = {0};

    for (int i = 0; i < 8; i++) {
        blockers[i].runnable.step = step_block;
        blockers[i].awaited = &sched->sections_kept; /* by one that finds no thread */
        blockers[i].enough = 1;
        blockers[i].rounds = 3;
        kn_ready_foreign(sched, &blockers[i].runnable, KN_PRIO_NORMAL);
    }
    cr_assert(kn_sched_quiet(sched, KN_NEVER));
    kn_sched_stats(sched, &stats);
    cr_assert_gt(stats.sections_kept, 0);
    finish(sched);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(kn_load(&blockers[i].runs, relaxed), 3);
    }
}

Test(section, stop_waits_for_sections_and_says_when_they_take_too_long)
{
    struct kn_sched *sched = start((struct kn_sched_config){.workers = 2});
    static kn_atomic(uint64_t) gate;
    struct task task = {.runnable.step = step_block, .awaited = &gate, .enough = 1, .rounds = 1};

    kn_store(&gate, 0, relaxed);
    kn_store(&blocked_now, 0, relaxed);
    kn_ready_foreign(sched, &task.runnable, KN_PRIO_NORMAL);
    while (kn_load(&blocked_now, seq_cst) == 0) {
        kn_thread_yield();
    }
    cr_assert_eq(kn_sched_stop(sched, kn_now() + 1000000), -ETIMEDOUT);
    kn_store(&gate, 1, release);
    cr_assert_eq(kn_sched_stop(sched, KN_NEVER), 0);
    cr_assert_eq(kn_load(&task.runs, relaxed), 1);
    kn_sched_free(sched);
}
