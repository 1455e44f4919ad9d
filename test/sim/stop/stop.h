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
#define nanosleep stop_nanosleep /* of the system: time is the simulator's */
#define ROUNDS 200u              /* of pingpong, which would take a hundred million steps */
#endif

#endif
