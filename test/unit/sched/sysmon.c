/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that who waits behind a long step is run by another worker, whether in the slot or in the
 * queue, though all others slept; that the long step is counted; and that it is asked to yield.
 */
#include "base/world.h"
#include "sched/machine.h"

#include <criterion/criterion.h>
#include <string.h>

struct task {
    struct kn_runnable runnable; /* first */
    struct task *woken;
    kn_atomic(uint32_t) runs;
};

static enum kn_ran step_short(struct kn_worker *worker, struct kn_runnable *runnable)
{
    (void)worker;
    (void)kn_add(&((struct task *)(void *)runnable)->runs, 1, release);
    return KN_RAN_DONE;
}

/* Makes the other ready and then computes until it has run: elsewhere, or the test's time is over. */
static enum kn_ran step_long(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *task = (struct task *)(void *)runnable;

    kn_ready(worker, &task->woken->runnable, KN_PRIO_NORMAL);
    while (kn_load(&task->woken->runs, acquire) == 0) {
        kn_pause();
    }
    return KN_RAN_DONE;
}

/* Computes until it is asked to yield and has been counted, and for some more samples. */
static enum kn_ran step_compute(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct kn_sched *sched = worker->sched;
    uint64_t begin = kn_now();

    (void)runnable;
    while (!kn_worker_must_yield(worker)) {
        kn_pause();
    }
    while (kn_load(&sched->stuck, relaxed) == 0 || kn_now() - begin < 60000000) {
        kn_pause();
    }
    return KN_RAN_DONE;
}

static struct kn_sched *start(struct kn_sched_config config)
{
    struct kn_sched *sched = NULL;

    config.is_exact = true;
    cr_assert_eq(kn_sched_start(&config, &sched), 0);
    cr_assert(kn_sched_quiet(sched, KN_NEVER)); /* all asleep */
    return sched;
}

static void finish(struct kn_sched *sched)
{
    cr_assert(kn_sched_quiet(sched, KN_NEVER));
    cr_assert_eq(kn_sched_stop(sched, KN_NEVER), 0);
    kn_sched_free(sched);
}

static void wake_behind_a_long_step(struct kn_sched_config config)
{
    struct kn_sched *sched = start(config);
    struct task other = {.runnable.step = step_short};
    struct task task = {.runnable.step = step_long, .woken = &other};

    kn_ready_foreign(sched, &task.runnable, KN_PRIO_NORMAL);
    cr_assert(kn_sched_quiet(sched, KN_NEVER));
    cr_assert_eq(kn_load(&other.runs, acquire), 1);
    finish(sched);
}

Test(sysmon, who_is_in_the_slot_behind_a_long_step_runs_elsewhere)
{
    wake_behind_a_long_step((struct kn_sched_config){.workers = 2});
    wake_behind_a_long_step((struct kn_sched_config){.workers = 4, .spin_ns = KN_NO_SPIN});
    wake_behind_a_long_step((struct kn_sched_config){.workers = 2, .no_biased = true});
}

Test(sysmon, who_is_queued_behind_a_long_step_runs_elsewhere)
{
    wake_behind_a_long_step((struct kn_sched_config){.workers = 2, .no_lifo = true});
    wake_behind_a_long_step(
        (struct kn_sched_config){.workers = 2, .no_lifo = true, .spin_ns = KN_NO_SPIN});
}

struct riser {
    struct kn_runnable runnable; /* first */
    struct kn_timer timer;
    struct task *task;
};

static void start_long_step(struct kn_worker *worker, struct kn_timer *timer, bool cancelled)
{
    struct riser *riser = kn_container_of(timer, struct riser, timer);

    cr_assert(!cancelled);
    kn_ready(worker, &riser->task->runnable, KN_PRIO_NORMAL);
}

static enum kn_ran step_arm(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct riser *riser = (struct riser *)(void *)runnable;

    kn_timer_arm(worker, &riser->timer, kn_now() + 30000000, start_long_step);
    return KN_RAN_DONE;
}

/* Nobody wakes a worker whose timer is due, so it wakes sysmon itself, which sleeps for good by then. */
Test(sysmon, a_worker_that_wakes_by_itself_is_watched)
{
    struct kn_sched *sched = start((struct kn_sched_config){.workers = 2, .spin_ns = KN_NO_SPIN});
    struct task other = {.runnable.step = step_short};
    struct task task = {.runnable.step = step_long, .woken = &other};
    struct riser riser = {.runnable.step = step_arm, .task = &task};

    kn_timer_init(&riser.timer);
    kn_ready_foreign(sched, &riser.runnable, KN_PRIO_NORMAL);
    while (kn_load(&other.runs, acquire) == 0) { /* ends: another worker runs it */
        kn_thread_yield();
    }
    finish(sched);
}

Test(sysmon, a_long_step_is_counted_once_and_asked_to_yield)
{
    struct kn_sched *sched = start((struct kn_sched_config){.workers = 1});
    struct kn_sched_stats stats;
    struct task task = {.runnable.step = step_compute};

    kn_ready_foreign(sched, &task.runnable, KN_PRIO_NORMAL);
    cr_assert(kn_sched_quiet(sched, KN_NEVER));
    kn_sched_stats(sched, &stats);
    cr_assert_eq(stats.stuck, 1);
    finish(sched);
}

Test(sysmon, can_be_left_out)
{
    struct kn_sched *sched = start((struct kn_sched_config){.workers = 2, .no_sysmon = true});
    struct task task = {.runnable.step = step_short};

    cr_assert_null(sched->watch);
    kn_ready_foreign(sched, &task.runnable, KN_PRIO_NORMAL);
    finish(sched);
    cr_assert_eq(kn_load(&task.runs, acquire), 1);
}
