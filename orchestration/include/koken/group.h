/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups: work in parallel on the runtime's workers, with one end. No threads of their own.
 *
 *     struct koken_group *group;
 *     int rc = koken_group_new(rt, &(struct koken_group_options){.max_threads = 4}, &group);
 *     rc = koken_for_each(group, count, process_item, items);
 *     koken_group_free(group);
 *
 * The first error is kept, and cancels what has not begun (but for keep_going); so does a token. Who waits helps: a thread outside
 * or a task works off tasks of the group it waits for, and of no other; so groups in tasks of groups come to an end on one
 * worker, too. A fiber lets its worker do it. Handlers use the forms that answer a future.
 *
 * Tasks are plain functions on a worker's stack. They may wait for futures and groups (the worker goes on with something else), but
 * take no context. A loop is split only when somebody is hungry: each participant has a range of indices, takes from its front in
 * bites of some microseconds, and who has nothing takes half of another's from the back.
 * Thread: any, several at once. Order: what precedes the call happens-before the functions, these before its end.
 */
#ifndef KOKEN_GROUP_H
#define KOKEN_GROUP_H

#include <koken/future.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_group; /* opaque */

/* Zero is the default of every field. */
struct koken_group_options {
    size_t struct_size;
    unsigned max_threads; /* at once, who helps included; default: as many as there are workers */
    bool keep_going;      /* an error is kept, but cancels nothing */
    koken_token token;    /* cancels the group (kept, not taken) */
    enum koken_priority priority;
};

/*
 * koken_group_new makes a group. options may be NULL. Owner: yours until koken_group_free; rt must live as long.
 * Errors: -EINVAL, -ENOMEM.
 */
KOKEN_MUST_USE int koken_group_new(struct koken *rt, const struct koken_group_options *options,
                                   struct koken_group **ret_group);

/* koken_group_free cancels what has not begun, does not wait for what has, and gives the group back. NULL: nothing. */
void koken_group_free(struct koken_group *group);

/* koken_group_cancel cancels what has not begun, and the group's token. Errors: -EALREADY, -EINVAL. */
KOKEN_MUST_USE int koken_group_cancel(struct koken_group *group);

/* koken_group_token is the group's token, for tasks that take long; yours to drop. */
koken_token koken_group_token(struct koken_group *group);

/*
 * koken_group_run has fn(arg) run once, by whichever worker is free; it answers 0 or an error. After the group was cancelled fn is
 * not called, and counts as -ECANCELED. Errors: -ENOMEM, -EINVAL. Order: tasks begin first come first served.
 */
KOKEN_MUST_USE int koken_group_run(struct koken_group *group, int (*fn)(void *arg), void *arg);

/* What becomes of a task. */
enum koken_group_task_state {
    KOKEN_GROUP_TASK_WAITS, /* it has not begun */
    KOKEN_GROUP_TASK_RUNS,
    KOKEN_GROUP_TASK_DONE,
    KOKEN_GROUP_TASK_FAILED,
    KOKEN_GROUP_TASK_CANCELLED, /* it did not begin, or answered -ECANCELED */
};

/* The account of a task: times that are not over are 0. */
struct koken_group_task {
    uint64_t task;    /* its number in the group, from 1 on */
    const char *name; /* as it was given */
    enum koken_group_task_state state;
    int error;          /* what it has answered, if < 0 */
    uint64_t waited_ns; /* until it began, or was not to begin any more */
    uint64_t ran_ns;
};

/* How many tasks have been run so far, and what became of them; loops are not counted. */
struct koken_group_stats {
    uint64_t total, waiting, running, done, failed, cancelled;
};

/*
 * koken_group_submit is koken_group_run for a task with a name (not copied; NULL: none), of which the group keeps an account until
 * koken_group_wait_any tells of its end, or the group is freed. ret_task, if not NULL, is its number. Errors: as koken_group_run.
 * Cost: three looks at the clock and one allocation more.
 */
KOKEN_MUST_USE int koken_group_submit(struct koken_group *group, const char *name,
                                      int (*fn)(void *arg), void *arg, uint64_t *ret_task);

/* koken_group_task tells how a submitted task is. Errors: -ESRCH there is no account of it (any more), -EINVAL. */
KOKEN_MUST_USE int koken_group_task(struct koken_group *group, uint64_t task,
                                    struct koken_group_task *ret_task);

/* koken_group_stats counts the tasks of the group. Errors: -EINVAL. */
KOKEN_MUST_USE int koken_group_stats(struct koken_group *group,
                                     struct koken_group_stats *ret_stats);

/*
 * koken_group_wait_any waits until a submitted task has ended that nobody has been told of, and tells of it, whatever it has answered;
 * the account is closed with that. In the order of their ends, each to one caller. Errors: -ESRCH no submitted task is left;
 * -ETIMEDOUT, -EDEADLK, -ENOTSUP, -ECANCELED, -ENOMEM as koken_group_wait.
 */
KOKEN_MUST_USE int koken_group_wait_any(struct koken_group *group, uint64_t timeout_ns,
                                        struct koken_group_task *ret_task);

/*
 * koken_group_wait waits until all tasks so far have ended, and answers the group's first error, or 0. The group can be used on.
 * Errors: also -ETIMEDOUT (a task under way is not given up), -EDEADLK from a task of the group, -ENOTSUP in a handler or callback,
 * -ECANCELED the fiber is to end, -ENOMEM.
 */
KOKEN_MUST_USE int koken_group_wait(struct koken_group *group, uint64_t timeout_ns);

/* koken_group_end is the same as a future without a value: complete when no task is left. Errors: -ENOMEM, -EINVAL. */
KOKEN_MUST_USE int koken_group_end(struct koken_group *group, struct koken_future **ret_future);

/*
 * koken_for_each calls fn(arg, index) for each index below count, in any order, and waits. koken_for_range has fn(arg, begin, end) for
 * ranges that make up all. The first error ends it (but for keep_going), and is answered. Errors: also as koken_group_wait; -E2BIG
 * count is above 2^32 - 1. Cost: two locked operations per some microseconds of work; one allocation per call.
 */
KOKEN_MUST_USE int koken_for_each(struct koken_group *group, size_t count,
                                  int (*fn)(void *arg, size_t index), void *arg);
KOKEN_MUST_USE int koken_for_range(struct koken_group *group, size_t count,
                                   int (*fn)(void *arg, size_t begin, size_t end), void *arg);

/* koken_for_each_start begins the loop and does not wait: its end is the future's. arg must last as long. */
KOKEN_MUST_USE int koken_for_each_start(struct koken_group *group, size_t count,
                                        int (*fn)(void *arg, size_t index), void *arg,
                                        struct koken_future **ret_future);

/*
 * koken_reduce makes one value of many: each participant starts with a copy of what *ret_sum is (the neutral element), has
 * fn(arg, begin, end, sum) put ranges into it, and join(arg, sum, other) puts two together into the first; the result is in *ret_sum. The
 * operation must be associative and commutative. On an error *ret_sum is as before. Errors: as koken_for_each.
 */
KOKEN_MUST_USE int koken_reduce(struct koken_group *group, size_t count, void *ret_sum,
                                size_t sum_size,
                                int (*fn)(void *arg, size_t begin, size_t end, void *sum),
                                void (*join)(void *arg, void *sum, const void *other), void *arg);

/* koken_map_each calls fn(arg, in, out) for each pair of elements of two arrays. Errors: as koken_for_each. */
KOKEN_MUST_USE int koken_map_each(struct koken_group *group, const void *in, size_t in_size,
                                  void *out, size_t out_size, size_t count,
                                  int (*fn)(void *arg, const void *in, void *out), void *arg);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
