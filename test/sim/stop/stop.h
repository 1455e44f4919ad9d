/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands before the source of an example that is built to be stopped at a step (stop.c): its calls that take the
 * runtime go through the test, so that a stop from beside falls between two of them or into an await, as a
 * program that stops its runtime from another thread must see to.
 */
#ifndef TEST_SIM_STOP_H
#define TEST_SIM_STOP_H

#include <koken.h>

#include <time.h>

/* Of the example. */
#ifdef STOP_ARGS
int example_main(int argc, char **argv);
#else
int example_main(void);
#endif

int stop_start(const struct koken_options *options, struct koken **ret_rt);
int stop_stop(struct koken *rt, uint64_t timeout_ns);
int stop_drain(struct koken *rt, uint64_t timeout_ns);
koken_ref stop_spawn(struct koken *rt, const struct koken_agent_type *type,
                     const struct koken_spawn_options *options);
int stop_try_spawn(struct koken *rt, const struct koken_agent_type *type,
                   const struct koken_spawn_options *options, koken_ref *ret_ref);
int stop_await(struct koken *rt, koken_ref to, uint64_t timeout_ns, void *ret_answer,
               size_t answer_size, const struct koken_type *type, const void *payload);
int stop_supervise(struct koken *rt, const struct koken_supervisor *spec, koken_ref *ret_ref);
uint64_t stop_dead_letters(struct koken *rt, enum koken_dead_reason reason);
void stop_metrics(struct koken *rt, struct koken_metrics *ret_metrics);
int stop_quorum(struct koken *rt, struct koken_quorum_call call, struct koken_quorum **ret_vote);
koken_ref stop_lease_keeper(struct koken *rt);
int stop_lease_acquire(struct koken *rt, koken_ref keeper, const char *name, uint64_t ttl_ns,
                       uint64_t wait_ns, struct koken_lease *ret_lease);
int stop_channel_new(struct koken *rt, const struct koken_type *type, size_t capacity,
                     struct koken_channel **ret_channel);
int stop_channel_recv(struct koken_channel *channel, uint64_t timeout_ns,
                      const struct koken_type *type, void *ret_item);
int stop_channel_close(struct koken_channel *channel);
int stop_async_new(struct koken *rt, const struct koken_async_options *options,
                   struct koken_async **ret_async);
int stop_topology_new(struct koken *rt, const struct koken_topology_options *options,
                      const koken_ref *members, size_t count, struct koken_topology **ret_topology);
int stop_topology_heal(struct koken_topology *topology);
int stop_pipeline_run(struct koken_group *group, const struct koken_pipeline *pipeline);
int stop_engine_new(struct koken *rt, const struct koken_engine_options *options,
                    struct koken_engine **ret_engine);
int stop_engine_submit(struct koken_engine *engine, const struct koken_work *work,
                       uint64_t *ret_id);
int stop_engine_wait(struct koken_engine *engine, uint64_t id, uint64_t timeout_ns, void *ret_value,
                     size_t value_size);
int stop_engine_stop(struct koken_engine *engine);
int stop_group_new(struct koken *rt, const struct koken_group_options *options,
                   struct koken_group **ret_group);
int stop_reduce(struct koken_group *group, size_t count, void *ret_sum, size_t sum_size,
                int (*fn)(void *arg, size_t begin, size_t end, void *sum),
                void (*join)(void *arg, void *sum, const void *other), void *arg);
int stop_for_each(struct koken_group *group, size_t count, int (*fn)(void *arg, size_t index),
                  void *arg);
koken_ref stop_teg_executor(struct koken *rt, const struct koken_teg_config *config);
int stop_teg_run(struct koken *rt, koken_ref executor, struct koken_teg *teg,
                 const struct koken_teg_options *options, uint64_t timeout_ns,
                 struct koken_teg_run **ret_run);
int stop_teg_start(koken_ref executor, struct koken_teg *teg,
                   const struct koken_teg_options *options, struct koken_teg_run **ret_run);
int stop_teg_wait(struct koken *rt, struct koken_teg_run *run, uint64_t timeout_ns);
koken_teg_node stop_teg_command(struct koken_teg *teg, const struct koken_teg_effect *effect,
                                const char *const *argv);
int stop_lease_end(struct koken *rt, koken_ref keeper, const struct koken_lease *lease);
int stop_gossip_open(struct koken *rt, const koken_ref *members, size_t count,
                     const struct koken_gossip_options *options, koken_ref *ret_group);
int stop_sim_run(int (*scenario)(void *arg), void *arg, const struct koken_sim_options *options,
                 struct koken_sim_report *ret_report);
int stop_nanosleep(const struct timespec *time, struct timespec *ret_left);

#ifndef TEST_SIM_STOP_ITSELF
#define koken_start stop_start
#define koken_stop stop_stop
#define koken_drain stop_drain
#define koken_spawn_rt_ stop_spawn
#define koken_try_spawn_rt_ stop_try_spawn
#define koken_await_rt_ stop_await
#define koken_supervise_rt_ stop_supervise
#define koken_dead_letter_count stop_dead_letters
#define koken_metrics(rt, ret) stop_metrics((rt), (ret)) /* not the struct's tag */
#define koken_quorum_rt_ stop_quorum
#define koken_lease_keeper_rt_ stop_lease_keeper
#define koken_lease_acquire_rt_ stop_lease_acquire
#define koken_channel_new_rt_ stop_channel_new
#define koken_async_new stop_async_new
#define koken_channel_recv_ stop_channel_recv
#define koken_channel_close stop_channel_close
#define koken_topology_new_ stop_topology_new
#define koken_topology_heal stop_topology_heal
#define koken_group_new stop_group_new
#define koken_pipeline_run stop_pipeline_run
#define koken_engine_new stop_engine_new
#define koken_engine_submit stop_engine_submit
#define koken_engine_wait_ stop_engine_wait
#define koken_engine_stop stop_engine_stop
#define koken_reduce stop_reduce
#define koken_for_each stop_for_each
#define koken_teg_executor_rt_ stop_teg_executor
#define koken_teg_run_rt_ stop_teg_run
#define koken_teg_start stop_teg_start
#define koken_teg_wait_rt_ stop_teg_wait
#define koken_teg_add_command                                                                      \
    stop_teg_command /* no child: an effect on the pool that takes a while */
#define koken_lease_end_rt_ stop_lease_end
#define koken_gossip_open_rt_ stop_gossip_open
#undef KOKEN_SIM_CHECK /* the bug that an example plants is not what is looked for here */
#define KOKEN_SIM_CHECK(condition) ((void)(condition))
#define koken_sim_run stop_sim_run /* its scenario, in the run that is under way */
#define nanosleep stop_nanosleep   /* of the system: time is the simulator's */
#define ROUNDS 200u                /* of pingpong, which would take a hundred million steps */
#endif

#endif
