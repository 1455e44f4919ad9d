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
    if (is_stopped) {
        return -ESHUTDOWN; /* an example of several, one after the other: it goes home */
    }
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

int stop_topology_new(struct koken *rt, const struct koken_topology_options *options,
                      const koken_ref *members, size_t count, struct koken_topology **ret_topology)
{
    if (!enter(rt, CALLING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_topology_new_(rt, options, members, count, ret_topology);
    leave();
    return rc;
}

/* It must not be changed once the runtime has stopped. */
int stop_topology_heal(struct koken_topology *topology)
{
    if (!enter(runtime, CALLING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_topology_heal(topology);
    leave();
    return rc;
}

int stop_pipeline_run(struct koken_group *group, const struct koken_pipeline *pipeline)
{
    if (!enter(runtime, AWAITING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_pipeline_run(group, pipeline);
    leave();
    return rc;
}

int stop_engine_new(struct koken *rt, const struct koken_engine_options *options,
                    struct koken_engine **ret_engine)
{
    if (!enter(rt, CALLING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_engine_new(rt, options, ret_engine);
    leave();
    return rc;
}

/* These two also by work of the engine itself, on the workers. */
int stop_engine_submit(struct koken_engine *engine, const struct koken_work *work, uint64_t *ret_id)
{
    bool is_worker = kn_local_here() != NULL;
    if (!is_worker && !enter(runtime, CALLING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_engine_submit(engine, work, ret_id);
    if (!is_worker) {
        leave();
    }
    return rc;
}

int stop_engine_wait(struct koken_engine *engine, uint64_t id, uint64_t timeout_ns, void *ret_value,
                     size_t value_size)
{
    bool is_worker = kn_local_here() != NULL;
    if (!is_worker && !enter(runtime, AWAITING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_engine_wait_(engine, id, timeout_ns, ret_value, value_size);
    if (!is_worker) {
        leave();
    }
    return rc;
}

int stop_engine_stop(struct koken_engine *engine)
{
    if (!enter(runtime, CALLING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_engine_stop(engine);
    leave();
    return rc;
}

int stop_group_new(struct koken *rt, const struct koken_group_options *options,
                   struct koken_group **ret_group)
{
    if (!enter(rt, CALLING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_group_new(rt, options, ret_group);
    leave();
    return rc;
}

int stop_reduce(struct koken_group *group, size_t count, void *ret_sum, size_t sum_size,
                int (*fn)(void *arg, size_t begin, size_t end, void *sum),
                void (*join)(void *arg, void *sum, const void *other), void *arg)
{
    if (!enter(runtime, AWAITING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_reduce(group, count, ret_sum, sum_size, fn, join, arg);
    leave();
    return rc;
}

int stop_for_each(struct koken_group *group, size_t count, int (*fn)(void *arg, size_t index),
                  void *arg)
{
    if (!enter(runtime, AWAITING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_for_each(group, count, fn, arg);
    leave();
    return rc;
}

koken_ref stop_teg_executor(struct koken *rt, const struct koken_teg_config *config)
{
    koken_ref executor = {0};
    if (enter(rt, CALLING)) {
        executor = koken_teg_executor_rt_(rt, config);
        leave();
    }
    return executor;
}

int stop_teg_run(struct koken *rt, koken_ref executor, struct koken_teg *teg,
                 const struct koken_teg_options *options, uint64_t timeout_ns,
                 struct koken_teg_run **ret_run)
{
    if (!enter(rt, AWAITING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_teg_run_rt_(rt, executor, teg, options, timeout_ns, ret_run);
    leave();
    return rc;
}

int stop_teg_start(koken_ref executor, struct koken_teg *teg,
                   const struct koken_teg_options *options, struct koken_teg_run **ret_run)
{
    if (!enter(runtime, CALLING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_teg_start(executor, teg, options, ret_run);
    leave();
    return rc;
}

int stop_teg_wait(struct koken *rt, struct koken_teg_run *run, uint64_t timeout_ns)
{
    if (!enter(rt, AWAITING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_teg_wait_rt_(rt, run, timeout_ns);
    leave();
    return rc;
}

static int stand_in(struct koken_teg_call *call)
{
    koken_sim_sleep(KOKEN_US(20 + koken_sim_random(200)));
    return koken_teg_answer_bytes(call, "", 0);
}

/* A child of the system would not keep to the simulator's time. */
koken_teg_node stop_teg_command(struct koken_teg *teg, const struct koken_teg_effect *effect,
                                const char *const *argv)
{
    struct koken_teg_effect copy = *effect;
    (void)argv;
    copy.run = stand_in;
    copy.place = KOKEN_TEG_ON_POOL;
    return koken_teg_add(teg, &copy);
}

int stop_lease_end(struct koken *rt, koken_ref keeper, const struct koken_lease *lease)
{
    if (!enter(rt, AWAITING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_lease_end_rt_(rt, keeper, lease);
    leave();
    return rc;
}

int stop_gossip_open(struct koken *rt, const koken_ref *members, size_t count,
                     const struct koken_gossip_options *options, koken_ref *ret_group)
{
    if (!enter(rt, CALLING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_gossip_open_rt_(rt, members, count, options, ret_group);
    leave();
    return rc;
}

/* What the scenario answers is the race's, which it is there to show; that it ends and leaves nothing is ours. */
int stop_sim_run(int (*scenario_)(void *arg), void *arg, const struct koken_sim_options *options,
                 struct koken_sim_report *ret_report)
{
    (void)options;
    memset(ret_report, 0, sizeof *ret_report);
    (void)scenario_(arg);
    return 0;
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
