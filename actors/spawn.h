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

/* Spawns inside; heirloom (NULL: none) is what the newborn's KOKEN_LOAD row is given after its init. */
struct kn_heirloom;
int kn_spawn_heir(struct kn_local *local, const struct koken_agent_type *type,
                  const struct koken_spawn_options *options, struct kn_heirloom *heirloom,
                  koken_ref *ret_ref);

/* Takes back an agent that nobody has heard of yet. Thread: as kn_agent_new. */
void kn_agent_unborn(struct koken *rt, struct kn_local *local, struct kn_agent *a);

/* The step of an agent spawned from outside until its init has been: then it is kn_agent_turn. */
enum kn_ran kn_newborn_turn(struct kn_worker *worker, struct kn_runnable *run);

/* The state's memory back. Thread: holder of S. */
void kn_state_free(struct kn_local *local, struct kn_agent *a);

/* The init message of an agent spawned from outside. 0, or what ends it. */
int kn_spawn_init_late(struct koken_ctx *ctx, struct kn_agent *a, struct kn_envelope *e);

/*
 * What a spawn from outside needs beside the agent: the init message and, if payload->is_waiting, who waits
 * for its end. Errors: -ENOMEM. Thread: outside, online in RCU, here and below. (waiter.c)
 */
struct kn_init_arg;
struct kn_waiter;
int kn_spawn_prepare(struct koken *rt, const struct kn_init_arg *payload,
                     struct kn_envelope **ret_start, struct kn_waiter **ret_waiter);

/* Gives that back. waiter may be NULL. (waiter.c) */
void kn_spawn_forget(struct koken *rt, struct kn_envelope *take_start,
                     struct kn_waiter *take_waiter);

/*
 * Posts the init message and, if there is a waiter, waits for the end of init, whose error it answers.
 * Errors also: -ESHUTDOWN; -ECANCELED init answered KOKEN_STOP, or the runtime stopped. (waiter.c)
 */
int kn_spawn_start(struct koken *rt, koken_ref who, struct kn_envelope *take_start,
                   struct kn_waiter *take_waiter);

#endif
