/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that a wait beyond its bound is found in a simulated run, and that waits within it are counted and are not.
 */
#include "sched/fair.h"

#include "base/mutant.h"
#include "sched/worker.h"
#include <koken.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(fair, the_bound_grows_with_the_budget)
{
    cr_assert_eq(kn_fair_turn(1), 6);
    cr_assert_eq(kn_fair_turn(256), 516);
}

#ifdef KN_SIM

enum { BUDGET = 8, PASSES = 200 };

struct task {
    struct kn_runnable runnable; /* first */
    struct task *next, *behind;
    unsigned left;
};

static struct task tasks[3];
static struct koken_sim_report report;

/* Passes the turn on to the next in the slot; the one behind is queued at the first pass. */
static enum kn_ran step(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *task = (struct task *)(void *)runnable;

    if (task->behind != NULL) {
        kn_ready_tail(worker, &task->behind->runnable, KN_PRIO_NORMAL);
        task->behind = NULL;
    }
    if (task->left > 0) {
        task->next->left = task->left - 1;
        kn_ready(worker, &task->next->runnable, KN_PRIO_NORMAL);
    }
    return KN_RAN_DONE;
}

/* The same with newborns: the one behind is the oldest, and each begets one that is newer. */
static enum kn_ran beget(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *task = (struct task *)(void *)runnable;

    if (task->behind != NULL) {
        kn_ready_young(worker, &task->behind->runnable);
        task->behind = NULL;
    }
    if (task->left > 0) {
        task->next->left = task->left - 1;
        kn_ready_young(worker, &task->next->runnable);
    }
    return KN_RAN_DONE;
}

static int run_three(enum kn_ran (*how)(struct kn_worker *, struct kn_runnable *), unsigned passes)
{
    const struct kn_sched_config config = {.workers = 1, .is_exact = true, .budget = BUDGET};
    struct kn_sched *sched;
    int rc = kn_sched_start(&config, &sched);

    if (rc < 0) {
        return rc;
    }
    tasks[0] = (struct task){{NULL, how}, &tasks[1], &tasks[2], passes};
    tasks[1] = (struct task){{NULL, how}, &tasks[0], NULL, 0};
    tasks[2] = (struct task){{NULL, how}, NULL, NULL, 0};
    kn_ready_foreign(sched, &tasks[0].runnable, KN_PRIO_NORMAL);
    KOKEN_SIM_CHECK(kn_sched_quiet(sched, KN_NEVER));
    KOKEN_SIM_CHECK(kn_sched_stop(sched, KN_NEVER) == 0);
    kn_sched_free(sched);
    return 0;
}

static int pair_and_a_third(void *arg)
{
    (void)arg;
    return run_three(step, PASSES);
}

static int newborns_and_an_older(void *arg)
{
    (void)arg;
    return run_three(beget, 4 * PASSES); /* more than the bound, which is of some hundred */
}

Test(fair, waits_within_their_bound_are_counted)
{
    const struct koken_sim_options options = {.seeds = 100, .faults = KOKEN_SIM_MILD};

    cr_assert_eq(koken_sim_run(pair_and_a_third, NULL, &options, &report), 0, "%s", report.text);
    cr_assert_geq(report.waits, 100 * PASSES);
    cr_assert_geq(report.wait_worst,
                  150); /* a turn, of the two that it may be and the one in which it came */
    cr_assert_leq(report.wait_worst, 1000);
}

Test(fair, a_queue_that_starves_behind_the_slot_is_found)
{
    const struct koken_sim_options options = {.seeds = 1, .no_shrink = true};

    kn_mutant_planted = KN_MUTANT_STARVED_QUEUE;
    cr_assert_eq(koken_sim_run(pair_and_a_third, NULL, &options, &report), -ECANCELED);
    kn_mutant_planted = KN_MUTANT_NONE;
    cr_assert_not_null(strstr(report.text, "P6: ready for "), "%s", report.text);
}

Test(fair, newborns_are_not_run_for_ever_before_an_older_one)
{
    const struct koken_sim_options options = {.seeds = 100, .faults = KOKEN_SIM_MILD};

    cr_assert_eq(koken_sim_run(newborns_and_an_older, NULL, &options, &report), 0, "%s",
                 report.text);
    cr_assert_leq(report.wait_worst, 1000);
}

Test(fair, a_newborn_that_starves_is_found)
{
    const struct koken_sim_options options = {.seeds = 1, .no_shrink = true};

    kn_mutant_planted = KN_MUTANT_STARVED_NEWBORN;
    cr_assert_eq(koken_sim_run(newborns_and_an_older, NULL, &options, &report), -ECANCELED);
    kn_mutant_planted = KN_MUTANT_NONE;
    cr_assert_not_null(strstr(report.text, " in a nursery behind 0 others"), "%s", report.text);
}

#else

Test(fair, nothing_is_counted_in_builds_without_the_simulator)
{
    kn_fair_put(NULL, NULL, 0);
    kn_fair_take(NULL, NULL);
    kn_fair_run(NULL, NULL);
    kn_fair_steal(NULL, NULL, 0, 0);
    kn_fair_begin(NULL);
    kn_fair_end(NULL);
    cr_assert(!koken_sim_is_running());
}

#endif
