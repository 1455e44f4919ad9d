/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands before the source of an example that is built to be stopped at a step (stop.c): its calls that take the
 * runtime go through the test, so that a stop from beside falls between two of them or into an await, as a
 * program that stops its runtime from another thread must see to.
 */
#ifndef TEST_SIM_STOP_H
#define TEST_SIM_STOP_H

#include <koken.h>

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

#ifndef TEST_SIM_STOP_ITSELF
#define koken_start stop_start
#define koken_stop stop_stop
#define koken_drain stop_drain
#define koken_spawn_rt_ stop_spawn
#define koken_try_spawn_rt_ stop_try_spawn
#define koken_await_rt_ stop_await
#define koken_supervise_rt_ stop_supervise
#define koken_dead_letter_count stop_dead_letters
#endif

#endif
