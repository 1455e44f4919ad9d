/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stops an example at a step: it runs in the simulator, and from a thread beside, the moment the run has taken so
 * many steps, its runtime is stopped. For each step, or for so many of them; half of the stops without a drain.
 *
 *     stop-NAME [--points N] [--seeds N] [--from SEED] [--apart]
 *         so many stops (default 300; 0: at every step) spread over runs of the standard schedule and of so many
 *         seeds (default 2), calm and with misfortunes of time
 *
 * At each point a process leaves the run (sim_branch_at_steps) and stops there; with --apart, of an example that
 * has files open, each stop is in a run of its own. The stop must end within its deadlines, kill nobody and
 * leave nothing: no thread, no byte; and what the example's own thread is told must be an error that lets it go on to
 * its end. And the run that the branches left must be the run that it is without them.
 */
#define TEST_SIM_STOP_ITSELF
#include "test/sim/stop/run.h"

#include "sched/sim/sim.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NEVER UINT64_MAX /* as a step */

struct stop_run stop_run;

static uint64_t stop_at, stride; /* at that step; and at each stride-th from there, 0: no other */
static uint64_t unstopped;       /* so many runs first are not stopped */
static unsigned stopper;
static bool has_stopper;
static struct { /* by all processes */
    uint64_t stops;
} * shared;

/* Whether the example's thread is outside of calls, or well inside an await. */
static bool may_stop(void)
{
    return stop_run.place == OUTSIDE || (stop_run.place == AWAITING && sim_scenario_waits());
}

static void stop_beside(void *arg)
{
    uint64_t at = stop_at;
    if (unstopped > 0) {
        unstopped--;
        sim_sleep_until_step(NEVER);
    } else if (stride == 0) {
        sim_sleep_until_step(at);
    } else {
        at = sim_branch_at_steps(at, stride);
    }
    struct koken_stop_plan plan = {at % 2 ? KOKEN_US(200) : 0, KOKEN_S(100), KOKEN_S(100)};
    struct koken_stop_report report;
    (void)arg;
    for (uint64_t pause = 100; stop_run.runtime != NULL && !may_stop();
         pause *= 2) { /* ends: calls do */
        koken_sim_sleep(pause);
    }
    if (stop_run.runtime == NULL) {
        return; /* the example has stopped it */
    }
    stop_run.is_stopping = true;
    shared->stops++;
    uint64_t before = koken_now();
    int rc = koken_stop_with(stop_run.runtime, &plan, &report);
    KOKEN_SIM_CHECK(rc == 0);
    KOKEN_SIM_CHECK(report.killed == 0);
    KOKEN_SIM_CHECK(koken_now() - before <= plan.drain_ns + plan.cancel_ns + plan.kill_ns);
    stop_run.runtime = NULL;
    stop_run.is_stopped = true;
}

int stop_start(const struct koken_options *options, struct koken **ret_rt)
{
    if (stop_run.is_stopped) {
        return -ESHUTDOWN; /* an example of several, one after the other: it goes home */
    }
    KOKEN_SIM_CHECK(stop_run.runtime == NULL);
    int rc = koken_start(options, ret_rt);
    if (rc == 0) {
        stop_run.runtime = *ret_rt;
        if (!has_stopper) {
            has_stopper = koken_sim_thread(stop_beside, NULL, &stopper) == 0;
        }
    }
    return rc;
}

/* ---- the runs --------------------------------------------------------------------------------- */

static int scenario(void *arg)
{
    (void)arg;
    stop_run.runtime = NULL;
    stop_run.place = OUTSIDE;
    stop_run.is_stopping = stop_run.is_stopped = has_stopper = false;
#ifdef STOP_ARGS
    char line[] = "example " STOP_ARGS, *args[16] = {strtok(line, " ")};
    int count = 1;
    while (count < 15 && (args[count] = strtok(NULL, " ")) != NULL) { /* ends: the line does */
        count++;
    }
    optind = 1;
    int status = example_main(count, args);
#else
    int status = example_main();
#endif
    if (has_stopper) {
        koken_sim_join(stopper);
    }
    KOKEN_SIM_CHECK(stop_run.runtime == NULL);
    /* By itself it ends well, but where time was unkind: then a deadline of its own may be over. */
    return stop_run.is_stopped || status == 0 || koken_sim_faults() != 0 ? 0 : -ECANCELED;
}

enum { STEPS_MAX = 40000000 };

static struct koken_sim_report report;
static int err; /* the example has no say on our output */

/* In a process of its own, as the example's variables are the process's. */
static bool run(uint64_t seed, uint64_t seeds, bool is_calm)
{
    struct koken_sim_options options = {
        .seed = seed, .seeds = seeds, .faults = is_calm ? 0 : KOKEN_SIM_MILD};
    options.no_shrink = true;
    options.strategy = KOKEN_SIM_MIXED;
    options.steps_max = STEPS_MAX;
    int rc = koken_sim_run(scenario, NULL, &options, &report);
    if (rc < 0) {
        dprintf(err, "%s, %s, from step %llu, every %llu: %s\n%s\n", STOP_EXAMPLE,
                is_calm ? "calm" : "mild", (unsigned long long)stop_at, (unsigned long long)stride,
                koken_errname(rc), report.text);
    }
    return rc == 0;
}

/* All stops of these seeds in the branches of a few runs. */
static bool run_branches(uint64_t seed, uint64_t seeds, bool is_calm)
{
    uint64_t from = stop_at, gap = stride;
    stop_at = NEVER;
    stride = 0;
    if (!run(seed, seeds, is_calm)) {
        return false;
    }
    uint64_t usual = report.hash_sum;
    stop_at = from;
    stride = gap;
    if (!run(seed, seeds, is_calm)) {
        return false;
    }
    if (report.hash_sum != usual) {
        dprintf(err, "%s: the run is another one with branches; has it files? (--apart)\n",
                STOP_EXAMPLE);
        return false;
    }
    return true;
}

/* Each stop in a run of its own. */
static bool run_apart(uint64_t steps, uint64_t points)
{
    uint64_t gap = points == 0 || steps <= points ? 1 : (steps / points) | 1;
    bool is_well = true;
    stride = 0;
    for (stop_at = 1; is_well && stop_at <= steps; stop_at += gap) { /* ends: counts up */
        is_well = run(1 + stop_at % 1000, 1, stop_at % 3 != 0);
    }
    stride = gap; /* for the last line */
    return is_well;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"points", required_argument, NULL, 'p'},
                                            {"seeds", required_argument, NULL, 's'},
                                            {"from", required_argument, NULL, 'f'},
                                            {"apart", no_argument, NULL, 'a'},
                                            {NULL, 0, NULL, 0}};
    uint64_t points = 300, seeds = 2, seed = 1;
    bool is_apart = false;
    int option;
    while ((option = getopt_long(argc, argv, "p:s:f:a", options, NULL)) != -1) {
        uint64_t number = optarg != NULL ? strtoull(optarg, NULL, 10) : 0;
        points = option == 'p' ? number : points;
        seeds = option == 's' && number > 0 ? number : seeds;
        seed = option == 'f' ? number : seed;
        is_apart |= option == 'a';
    }
    (void)signal(SIGPIPE, SIG_IGN); /* of two ends of a line one may be stopped first */
    int out = dup(STDOUT_FILENO);
    err = dup(STDERR_FILENO);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    stop_at = NEVER;
    if (out < 0 || err < 0 || shared == MAP_FAILED || freopen("/dev/null", "w", stdout) == NULL ||
        freopen("/dev/null", "w", stderr) == NULL || !run(seed, 1, /* is_calm= */ true)) {
        return 1;
    }
    uint64_t steps = report.steps;
    if (is_apart) {
        if (!run_apart(steps, points)) {
            return 1;
        }
    } else {
        uint64_t of_each = points / (2 * seeds + 1) + 1;
        stride = points == 0 || steps <= of_each ? 1 : (steps / of_each) | 1;
        stop_at = 1 + seed % stride;
        if (!run_branches(seed, seeds, /* is_calm= */ true)) {
            return 1;
        }
        stop_at = 1 + (seed + stride / 2) % stride;
        unstopped = 1; /* the standard schedule, which is calm always */
        if (!run_branches(seed, seeds, /* is_calm= */ false)) {
            return 1;
        }
    }
    dprintf(out, "%llu stops in runs of about %llu steps, every %llu\n",
            (unsigned long long)shared->stops, (unsigned long long)steps,
            (unsigned long long)stride);
    return 0;
}
