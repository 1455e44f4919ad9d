/* SPDX-License-Identifier: Apache-2.0 */
/* Between the tasks of groups and their loops. */
#ifndef KN_ORCHESTRATION_GROUP_H
#define KN_ORCHESTRATION_GROUP_H

#include "base/list.h"
#include "sched/errand.h"
#include "sched/lock.h"

#include <koken/group.h>

struct kn_task;
struct koken_group;

/* What is known of a task that was given a name; of the group until it is told by koken_group_wait_any. */
struct kn_account {
    struct kn_list link; /* (m) of all of the group, or of those that have ended */
    struct koken_group_task told;
    uint64_t at_ns; /* (m) when it came into its state */
};

/* An errand that works off tasks of the group. */
struct kn_runner {
    struct kn_errand errand;
    struct koken_group *group;
    bool is_out; /* (m) posted, or running */
};

struct koken_group {
    uint32_t magic;
    kn_atomic(uint32_t) owners;  /* (a) the user, runners that are out, loops, who waits */
    struct koken *rt;            /* (c) */
    unsigned max_threads;        /* (c) */
    enum kn_prio prio;           /* (c) */
    bool keep_going;             /* (c) */
    struct koken_source *source; /* (c) */
    kn_atomic(int) error;        /* (a) the first, or 0 */
    struct kn_lock lock;
    struct kn_task *first, *last; /* (m) not begun */
    unsigned running;             /* (m) who works off tasks now */
    size_t pending;               /* (m) tasks that have not ended */
    struct kn_list enders;        /* (m) of those who want to know when none is left */
    struct kn_list
        any_enders; /* (m) of those who want to know when one has ended that has an account */
    struct kn_list accounts;          /* (m) of tasks that have not ended */
    struct kn_list ended;             /* (m) of those that have, the first to end in front */
    uint64_t serial;                  /* (m) of tasks with an account */
    uint64_t done, failed, cancelled; /* (m) tasks that have ended */
    struct kn_runner runners[];
};

bool kn_is_group(const struct koken_group *group);
struct koken_group *kn_group_keep(struct koken_group *group);
void kn_group_drop(struct koken_group *group);

/* Something of the group has failed: the first error is kept, and cancels. */
void kn_group_fail(struct koken_group *group, int error);

/* 0, or why nothing is to begin any more. */
int kn_group_check(struct koken_group *group);

/* Whether the caller may wait at all: 0 or -ENOTSUP. (foreach.c) */
int kn_group_can_wait(void);

/* Waits for an end that must be waited for. on_hurry is called if the caller's fiber is to end meanwhile, to make it soon. */
void kn_group_await(struct koken_future *end, void (*on_hurry)(void *arg), void *arg);

#endif
