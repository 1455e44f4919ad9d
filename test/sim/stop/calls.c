/* SPDX-License-Identifier: Apache-2.0 */
/* The example's calls that take the runtime (stop.h): none begins while it is stopped, or after. */
#define TEST_SIM_STOP_ITSELF
#include "test/sim/stop/run.h"

#include "actors/request.h"
#include <koken/sim.h>

#include <errno.h>
#include <string.h>

/* Before a call that takes the runtime. False: it is gone, and the stop is over. */
static bool enter(struct koken *rt, enum stop_place where)
{
    while (stop_run.is_stopping && !stop_run.is_stopped) { /* ends: the stop does */
        koken_sim_sleep(KOKEN_US(1));
    }
    if (stop_run.is_stopping || rt == NULL) {
        return false;
    }
    stop_run.place = where;
    return true;
}

static void leave(void)
{
    stop_run.place = OUTSIDE;
    while (stop_run.is_stopping && !stop_run.is_stopped) { /* ends: as above */
        koken_sim_sleep(KOKEN_US(1));
    }
}

int stop_stop(struct koken *rt, uint64_t timeout_ns)
{
    if (!enter(rt, CALLING)) {
        return 0;
    }
    int rc = koken_stop(rt, timeout_ns);
    stop_run.runtime = rc == 0 ? NULL : stop_run.runtime;
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
    bool is_in = !is_agent && enter(stop_run.runtime, AWAITING);
    int rc = koken_channel_recv_(channel, timeout_ns, type, ret_item);
    if (is_in) {
        leave();
    }
    return rc;
}

int stop_channel_close(struct koken_channel *channel)
{
    bool is_in = kn_local_here() == NULL && enter(stop_run.runtime, CALLING);
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
    if (!enter(stop_run.runtime, CALLING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_topology_heal(topology);
    leave();
    return rc;
}

int stop_pipeline_run(struct koken_group *group, const struct koken_pipeline *pipeline)
{
    if (!enter(stop_run.runtime, AWAITING)) {
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
    if (!is_worker && !enter(stop_run.runtime, CALLING)) {
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
    if (!is_worker && !enter(stop_run.runtime, AWAITING)) {
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
    if (!enter(stop_run.runtime, CALLING)) {
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
    if (!enter(stop_run.runtime, AWAITING)) {
        return -ESHUTDOWN;
    }
    int rc = koken_reduce(group, count, ret_sum, sum_size, fn, join, arg);
    leave();
    return rc;
}

int stop_for_each(struct koken_group *group, size_t count, int (*fn)(void *arg, size_t index),
                  void *arg)
{
    if (!enter(stop_run.runtime, AWAITING)) {
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
    if (!enter(stop_run.runtime, CALLING)) {
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
