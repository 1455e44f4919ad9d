/* SPDX-License-Identifier: Apache-2.0 */
/* Birth of agents. */
#ifndef KN_ACTORS_SPAWN_H
#define KN_ACTORS_SPAWN_H

#include "actors/agent.h"

/* A slot made into a living agent, not yet scheduled. */
struct kn_birth {
    const struct koken_agent_type *type;
    const struct koken_spawn_options *options; /* NULL: all defaults */
    enum kn_ran (*step)(struct kn_worker *worker, struct kn_runnable *run);
    uint8_t flags;          /* enum kn_agent_flag */
    bool is_born_scheduled; /* S is set: the caller makes it ready or ends it */
    const void *start;      /* what the state starts as; NULL: zero */
    uint64_t id;            /* out: its name. A stop may end it before the spawn returns */
};

/*
 * Born unscheduled, the agent may have ended before this returns: then only the name may be used,
 * and reaches nobody. Errors: -EINVAL, -ENOMEM. Thread: the worker of local, or (NULL) any outside,
 * online in RCU.
 */
int kn_agent_new(struct koken *rt, struct kn_local *local, struct kn_birth *birth,
                 struct kn_agent **ret_agent);

/* Counts a birth. Thread: as kn_agent_new. */
void kn_count_spawn(struct koken *rt, struct kn_local *local);

/* Works out rt->bounds, once the options are filled in. Errors: -EINVAL. */
int kn_bounds_init(struct koken *rt);

/* Takes back an agent that nobody has heard of yet. Thread: as kn_agent_new. */
void kn_agent_unborn(struct koken *rt, struct kn_local *local, struct kn_agent *a);

/* The step of an agent spawned from outside until its init has been: then it is kn_agent_turn. */
enum kn_ran kn_newborn_turn(struct kn_worker *worker, struct kn_runnable *run);

/* The state's memory back. Thread: holder of S. */
void kn_state_free(struct kn_local *local, struct kn_agent *a);

/* The init message of an agent spawned from outside. 0, or what ends it. */
int kn_spawn_init_late(struct koken_ctx *ctx, struct kn_agent *a, struct kn_envelope *e);

/*
 * Posts the init message from outside, as a request of `from` if that is not 0. If it cannot be
 * posted the agent is told to stop. Errors: -ENOMEM, -ESHUTDOWN.
 */
struct kn_init_arg;
int kn_spawn_start(struct koken *rt, koken_ref who, const struct kn_init_arg *payload,
                   uint64_t from);

/* Spawns from outside and waits for the init's end. (waiter.c) */
int kn_spawn_and_wait(struct koken *rt, koken_ref who, const void *arg);

#endif
