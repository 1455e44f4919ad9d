/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stops an example at a step: it runs in the simulator, and from a thread beside, the moment the run has taken so
 * many steps, its runtime is stopped. For each step, or for so many of them; half of the stops without a drain.
 *
 *     stop-NAME [--points N] [--from STEP]     default 200 points, spread over the whole run; 0: every step
 *                                              (fewer of an example of more than a million steps)
 *
 * Each run is of another seed. The stop must end within its deadlines, kill nobody and leave nothing: no thread, no
 * byte; and what the example's own thread is told must be an error that lets it go on to its end. The run without
 * a stop says how many steps there are.
 */
#define TEST_SIM_STOP_ITSELF
#include "test/sim/stop/stop.h"

#include "actors/request.h"
#include "sched/sim/sim.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int example_main(void);

/* Where the example's thread is. */
enum place { OUTSIDE, CALLING, AWAITING };

static struct koken *runtime; /* NULL: not started yet, or gone */
static enum place place;
static bool is_stopping, is_stopped;
static uint64_t stop_at; /* 0: not at all */
static unsigned stopper;
static bool has_stopper;

/* Before a call that takes the runtime. False: it is gone, and the stop is over. */
static bool enter(struct koken *rt, enum place where)
{
    while (is_stopping && !is_stopped) { /* ends: the stop does */
        koken_sim_sleep(KOKEN_US(1));
    }
    if (is_stopping || rt == NULL) {
        return false;
    }
    place = where;
    return true;
}

static void leave(void)
{
    place = OUTSIDE;
    while (is_stopping && !is_stopped) { /* ends: as above */
        koken_sim_sleep(KOKEN_US(1));
    }
}

/* Whether the example's thread is outside of calls, or well inside an await. */
static bool may_stop(void)
{
    return place == OUTSIDE || (place == AWAITING && sim_scenario_waits());
}

static void stop_beside(void *arg)
{
    struct koken_stop_plan plan = {stop_at % 2 ? KOKEN_US(200) : 0, KOKEN_S(100), KOKEN_S(100)};
    struct koken_stop_report report;
    (void)arg;
    sim_sleep_until_step(stop_at);
    for (uint64_t pause = 100; runtime != NULL && !may_stop(); pause *= 2) { /* ends: calls do */
        koken_sim_sleep(pause);
    }
    if (runtime == NULL) {
        return; /* the example has stopped it */
    }
    is_stopping = true;
    uint64_t before = koken_now();
    int rc = koken_stop_with(runtime, &plan, &report);
    KOKEN_SIM_CHECK(rc == 0);
    KOKEN_SIM_CHECK(report.killed == 0);
    KOKEN_SIM_CHECK(koken_now() - before <= plan.drain_ns + plan.cancel_ns + plan.kill_ns);
    runtime = NULL;
    is_stopped = true;
}

/* ---- the example's calls ---------------------------------------------------------------------- */

int stop_start(const struct koken_options *options, struct koken **ret_rt)
{
    KOKEN_SIM_CHECK(runtime == NULL);
    int rc = koken_start(options, ret_rt);
    if (rc == 0) {
        runtime = *ret_rt;
        if (stop_at != 0 && !has_stopper) {
            has_stopper = koken_sim_thread(stop_beside, NULL, &stopper) == 0;
        }
    }
    return rc;
}

int stop_stop(struct koken *rt, uint64_t timeout_ns)
{
    if (!enter(rt, CALLING)) {
        return 0;
    }
    int rc = koken_stop(rt, timeout_ns);
    runtime = rc == 0 ? NULL : runtime;
    leave();
    return rc;
}

/* By looks, between which the stop may come. */
int stop_drain(struct koken *rt, uint64_t timeout_ns)
{
    uint64_t deadline = timeout_ns == KOKEN_NO_DEADLINE ? UINT64_MAX : koken_now() + timeout_ns;
    while (enter(rt, CALLING)) { /* ends: quiet, late, or stopped */
        int rc = koken_drain(rt, 0);
        leave();
        koken_sim_sleep(KOKEN_US(20));
        if (rc == 0 || koken_now() >= deadline) {
            return rc;
        }
    }
    return -ESHUTDOWN;
}

koken_ref stop_spawn(struct koken *rt, const struct koken_agent_type *type,
                     const struct koken_spawn_options *options)
{
    koken_ref ref = {0};
    return stop_try_spawn(rt, type, options, &ref) < 0 ? (koken_ref){0} : ref;
}

int stop_try_spawn(struct koken *rt, const struct koken_agent_type *type,
                   const struct koken_spawn_options *options, koken_ref *ret_ref)
{
    if (!enter(rt, CALLING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_try_spawn_rt_(rt, type, options, ret_ref);
    leave();
    return rc;
}

int stop_await(struct koken *rt, koken_ref to, uint64_t timeout_ns, void *ret_answer,
               size_t answer_size, const struct koken_type *type, const void *payload)
{
    if (!enter(rt, AWAITING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_await_rt_(rt, to, timeout_ns, ret_answer, answer_size, type, payload);
    leave();
    return rc;
}

int stop_supervise(struct koken *rt, const struct koken_supervisor *spec, koken_ref *ret_ref)
{
    if (!enter(rt, CALLING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_supervise_rt_(rt, spec, ret_ref);
    leave();
    return rc;
}

uint64_t stop_dead_letters(struct koken *rt, enum koken_dead_reason reason)
{
    if (!enter(rt, CALLING)) {
        return 0;
    }
    uint64_t count = koken_dead_letter_count(rt, reason);
    leave();
    return count;
}

void stop_metrics(struct koken *rt, struct koken_metrics *ret_metrics)
{
    memset(ret_metrics, 0, sizeof *ret_metrics);
    if (enter(rt, CALLING)) {
        koken_metrics(rt, ret_metrics);
        leave();
    }
}

int stop_quorum(struct koken *rt, struct koken_quorum_call call, struct koken_quorum **ret_vote)
{
    *ret_vote = NULL;
    if (!enter(rt, AWAITING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_quorum_rt_(rt, call, ret_vote);
    leave();
    return rc;
}

koken_ref stop_lease_keeper(struct koken *rt)
{
    koken_ref keeper = {0};
    if (enter(rt, CALLING)) {
        keeper = koken_lease_keeper_rt_(rt);
        leave();
    }
    return keeper;
}

int stop_lease_acquire(struct koken *rt, koken_ref keeper, const char *name, uint64_t ttl_ns,
                       uint64_t wait_ns, struct koken_lease *ret_lease)
{
    if (!enter(rt, AWAITING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_lease_acquire_rt_(rt, keeper, name, ttl_ns, wait_ns, ret_lease);
    leave();
    return rc;
}

int stop_channel_new(struct koken *rt, const struct koken_type *type, size_t capacity,
                     struct koken_channel **ret_channel)
{
    if (!enter(rt, CALLING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_channel_new_rt_(rt, type, capacity, ret_channel);
    leave();
    return rc;
}

/* By a fiber as well. Also when the runtime is gone: a channel lives longer. */
int stop_channel_recv(struct koken_channel *channel, uint64_t timeout_ns,
                      const struct koken_type *type, void *ret_item)
{
    bool is_agent = kn_local_here() != NULL;
    bool is_in = !is_agent && enter(runtime, AWAITING);
    int rc = koken_channel_recv_(channel, timeout_ns, type, ret_item);
    if (is_in) {
        leave();
    }
    return rc;
}

int stop_channel_close(struct koken_channel *channel)
{
    bool is_in = kn_local_here() == NULL && enter(runtime, CALLING);
    int rc = koken_channel_close(channel);
    if (is_in) {
        leave();
    }
    return rc;
}

int stop_async_new(struct koken *rt, const struct koken_async_options *options,
                   struct koken_async **ret_async)
{
    *ret_async = NULL;
    if (!enter(rt, CALLING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_async_new(rt, options, ret_async);
    leave();
    return rc;
}

int stop_nanosleep(const struct timespec *time, struct timespec *ret_left)
{
    (void)ret_left;
    koken_sim_sleep(KOKEN_S((uint64_t)time->tv_sec) + (uint64_t)time->tv_nsec);
    return 0;
}

/* ---- the runs --------------------------------------------------------------------------------- */

static int scenario(void *arg)
{
    (void)arg;
    runtime = NULL;
    place = OUTSIDE;
    is_stopping = is_stopped = has_stopper = false;
    int status = example_main();
    if (has_stopper) {
        koken_sim_join(stopper);
    }
    KOKEN_SIM_CHECK(runtime == NULL);
    /* By itself it ends well, but where time was unkind: then a deadline of its own may be over. */
    return is_stopped || status == 0 || koken_sim_faults() != 0 ? 0 : -ECANCELED;
}

enum { STEPS_MAX = 40000000, STEPS_OF_ALL = 200000000 };

static struct koken_sim_report report;
static int err; /* the example has no say on our output */

/* In a process of its own, as the example's variables are the process's. */
static bool run(uint64_t seed, uint64_t at)
{
    struct koken_sim_options options = {
        .seed = seed, .seeds = 1, .faults = at % 3 ? 0 : KOKEN_SIM_MILD};
    options.no_shrink = true;
    options.strategy = KOKEN_SIM_MIXED;
    options.steps_max = STEPS_MAX;
    stop_at = at;
    int rc = koken_sim_run(scenario, NULL, &options, &report);
    if (rc < 0) {
        dprintf(err, "stopped at step %llu of seed %llu: %s\n%s\n", (unsigned long long)at,
                (unsigned long long)seed, koken_errname(rc), report.text);
    }
    return rc == 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"points", required_argument, NULL, 'p'},
                                            {"from", required_argument, NULL, 'f'},
                                            {NULL, 0, NULL, 0}};
    uint64_t points = 200, from = 1, done = 0;
    int option;
    while ((option = getopt_long(argc, argv, "p:f:", options, NULL)) != -1) {
        points = option == 'p' ? strtoull(optarg, NULL, 10) : points;
        from = option == 'f' ? strtoull(optarg, NULL, 10) : from;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* of two ends of a line one may be stopped first */
    int out = dup(STDOUT_FILENO);
    err = dup(STDERR_FILENO);
    if (out < 0 || err < 0 || freopen("/dev/null", "w", stdout) == NULL ||
        freopen("/dev/null", "w", stderr) == NULL || !run(1, 0)) {
        return 1;
    }
    uint64_t steps = report.steps;
    if (points > STEPS_OF_ALL / steps) { /* a long example: as many as there is time for */
        points = STEPS_OF_ALL / steps + 1;
    }
    /* An odd stride meets every remainder of a small period that the run may have. */
    uint64_t stride = points == 0 || steps <= points ? 1 : (steps / points) | 1;
    for (uint64_t at = from; at <= steps; at += stride, done++) { /* ends: counts up */
        if (!run(1 + at % 1000, at)) {
            return 1;
        }
    }
    dprintf(out, "stopped at %llu of %llu steps, every %llu\n", (unsigned long long)done,
            (unsigned long long)steps, (unsigned long long)stride);
    return 0;
}
