/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that a branch leaves the run at each step asked for, ends by itself, and that its failure, or its death, is
 * the run's, with the step; and that the run is the same with branches as without.
 */
#include <koken.h>

#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#ifdef KN_SIM

#include "sched/sim/sim.h"

#include <sys/mman.h>

static struct koken_sim_report report;
static kn_atomic(uint32_t) counter;
static uint64_t from, stride, fails_at, dies_at;
static bool is_stuck;

static struct seen {
    uint64_t branches, first, last; /* by all processes */
} * seen;

static void branch_off(void *arg)
{
    (void)arg;
    uint64_t step = sim_branch_at_steps(from, stride);
    if (step == 0) {
        return;
    }
    seen->first = seen->branches++ == 0 ? step : seen->first;
    KOKEN_SIM_CHECK(step >= seen->last); /* one after the other */
    seen->last = step;
    KOKEN_SIM_CHECK(fails_at == 0 || step < fails_at);
    if (dies_at != 0 && step >= dies_at) {
        (void)raise(SIGKILL);
    }
    kn_store(&counter, 0, seq_cst); /* the run that was left keeps its own */
    static kn_atomic(uint32_t) never_woken;
    while (is_stuck) {
        (void)kn_futex_wait(&never_woken, 0, KN_NEVER);
    }
}

static void add(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        (void)kn_add(&counter, 1, seq_cst);
    }
}

static int scenario(void *arg)
{
    unsigned threads[3];
    (void)arg;
    seen->last = 0;
    kn_store(&counter, 0, seq_cst);
    KOKEN_SIM_CHECK(koken_sim_thread(branch_off, NULL, &threads[0]) == 0);
    for (unsigned i = 1; i < 3; i++) {
        KOKEN_SIM_CHECK(koken_sim_thread(add, NULL, &threads[i]) == 0);
    }
    koken_sim_join(threads[1]);
    koken_sim_join(threads[2]);
    koken_sim_join(threads[0]);
    return 0;
}

static int run(uint64_t seeds)
{
    const struct koken_sim_options options = {.seeds = seeds, .no_shrink = true};
    seen->branches = seen->last = 0;
    return koken_sim_run(scenario, NULL, &options, &report);
}

static void begin(void)
{
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(seen, MAP_FAILED);
    from = UINT64_MAX;
    stride = 1;
    fails_at = dies_at = 0;
    is_stuck = false;
}

Test(branch, leaves_at_each_step_and_the_run_stays_the_same, .init = begin)
{
    cr_assert_eq(run(1), 0, "%s", report.text);
    cr_assert_eq(seen->branches, 0);
    uint64_t hash = report.hash_sum, steps = report.steps;
    cr_assert_gt(steps, 40);
    from = 1;
    cr_assert_eq(run(1), 0, "%s", report.text);
    cr_assert_eq(report.hash_sum, hash);
    cr_assert_eq(report.steps, steps);
    cr_assert_gt(seen->branches, steps / 2, "%llu", (unsigned long long)seen->branches);
    cr_assert_leq(seen->last, steps);
    uint64_t all = seen->branches;
    from = 5;
    stride = 10;
    cr_assert_eq(run(1), 0, "%s", report.text);
    cr_assert_eq(report.hash_sum, hash);
    cr_assert_geq(seen->first, 5);
    cr_assert_lt(seen->branches, all / 5);
}

Test(branch, many_seeds_each_with_theirs, .init = begin)
{
    cr_assert_eq(run(30), 0, "%s", report.text);
    uint64_t hash = report.hash_sum;
    from = 3;
    stride = 7;
    cr_assert_eq(run(30), 0, "%s", report.text);
    cr_assert_eq(report.hash_sum, hash);
    cr_assert_eq(report.seeds, 30);
    cr_assert_gt(seen->branches, 30);
}

Test(branch, failure_of_one_is_the_run_s, .init = begin)
{
    from = 1;
    fails_at = 20;
    cr_assert_eq(run(5), -ECANCELED);
    cr_assert_not_null(strstr(report.text, "in the branch at step 2"), "%s", report.text);
    cr_assert_not_null(strstr(report.text, "step < fails_at"), "%s", report.text);
    fails_at = 0;
    is_stuck = true;
    cr_assert_eq(run(5), -ECANCELED);
    cr_assert_not_null(strstr(report.text, "deadlock"), "%s", report.text);
}

Test(branch, death_of_one_is_told, .init = begin)
{
    from = 1;
    dies_at = 20;
    cr_assert_eq(run(5), -ECANCELED);
    cr_assert_not_null(strstr(report.text, "in the branch at step 2"), "%s", report.text);
    cr_assert_not_null(strstr(report.text, strsignal(SIGKILL)), "%s", report.text);
}

Test(branch, is_none_outside_of_runs)
{
    cr_assert_eq(sim_branch_at_steps(1, 1), 0);
}

#else

Test(branch, needs_the_simulator)
{
    struct koken_sim_report none;
    const struct koken_sim_options options = {.seeds = 1};
    cr_assert_eq(koken_sim_run(NULL, NULL, &options, &none), -ENOTSUP);
}

#endif
