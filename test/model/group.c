/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups: orchestration/group.c and sched/lock.c as they stand, on workers, futures and sources of a few lines. Each task
 * ends once, run or not; at most max_threads run at once; who waits is told, sees what the tasks did, and the first error; who
 * waits for any is told of each end once; the count of tasks is right whenever it is looked at; in the end everything is gone.
 */
#include "test/model/lib/group.h"
#include "test/model/lib/model.h"

#include "orchestration/group.c"
#include "sched/lock.c"

enum { TASKS = 3 };

static struct koken_group *group;
static uint32_t ran[TASKS];      /* plain: the group's end orders it */
static kn_atomic(uint32_t) busy; /* tasks that run now */
static uint32_t told;            /* bits, of one thread */

static int task(void *arg)
{
    uint32_t now = kn_add(&busy, 1, relaxed) + 1;
    KOKEN_CHECK(now <= group->max_threads);
    ran[(uint32_t *)arg - ran]++;
    (void)kn_sub(&busy, 1, relaxed);
    return 0;
}

/* With one thread tasks exclude each other. */
static int adder(void *arg)
{
    (*(uint32_t *)arg)++;
    return 0;
}

static int failer(void *arg)
{
    (void)task(arg);
    return -EPROTO;
}

static int failer_otherwise(void *arg)
{
    (void)task(arg);
    return -EDOM;
}

static void start(unsigned max_threads, bool keep_going)
{
    struct koken_group_options options = {.max_threads = max_threads, .keep_going = keep_going};
    start_world(2);
    kn_model_thread_local(&inside_here, sizeof inside_here);
    memset(ran, 0, sizeof ran);
    told = 0;
    kn_atomic_init(&busy, 0);
    KOKEN_CHECK(koken_group_new(&runtime, &options, &group) == 0);
}

static void start_1(void)
{
    start(1, false);
}

static void start_2(void)
{
    start(2, false);
}

static void start_2_on(void)
{
    start(2, true);
}

static void put(int (*fn)(void *arg), unsigned n)
{
    KOKEN_CHECK(koken_group_run(group, fn, &ran[n]) == 0);
}

static void start_1_with_two(void)
{
    start_1();
    put(adder, 0);
    put(adder, 0);
}

static void start_2_with_two(void)
{
    start_2();
    put(task, 0);
    put(task, 1);
}

static void start_2_failing(void)
{
    start_2();
    put(failer, 0);
    put(failer_otherwise, 1);
}

static void start_2_failing_on(void)
{
    start_2_on();
    put(failer, 0);
    put(task, 1);
}

static void submit(unsigned n)
{
    uint64_t number = 0;
    KOKEN_CHECK(koken_group_submit(group, "a", task, &ran[n], &number) == 0);
    KOKEN_CHECK(number == n + 1);
}

static void start_1_submitted(void)
{
    start_1();
    submit(0);
    submit(1);
}

/* ---- threads --------------------------------------------------------------------------------- */

static void wait_for_all(int expected)
{
    KOKEN_CHECK(koken_group_wait(group, KOKEN_NO_DEADLINE) == expected);
}

static void user(void)
{
    put(task, 0);
    wait_for_all(0);
    KOKEN_CHECK(ran[0] == 1);
}

/* As a fiber waits, which does not help. */
static void user_without_help(void)
{
    struct koken_future *end;
    put(task, 0);
    KOKEN_CHECK(koken_group_end(group, &end) == 0);
    KOKEN_CHECK(koken_future_join(end, KOKEN_NO_DEADLINE) == 0);
    KOKEN_CHECK(ran[0] == 1);
}

static void waiter_for_sum(void)
{
    wait_for_all(0);
    KOKEN_CHECK(ran[0] == 2);
}

static void waiter_for_two(void)
{
    wait_for_all(0);
    KOKEN_CHECK(ran[0] == 1);
    KOKEN_CHECK(ran[1] == 1);
}

/* Helps with one task, and has to go then. */
static void passer_by(void)
{
    kn_either_way(koken_group_wait(group, 0));
}

static void waiter_for_error(void)
{
    struct koken_group_stats stats;
    int rc = koken_group_wait(group, KOKEN_NO_DEADLINE);
    KOKEN_CHECK(rc == -EPROTO || rc == -EDOM);
    KOKEN_CHECK(kn_load(&cancels_by_error, relaxed) == 1);
    KOKEN_CHECK(koken_group_stats(group, &stats) == 0);
    KOKEN_CHECK(stats.failed + stats.cancelled == 2);
    KOKEN_CHECK(stats.failed == ran[0] + ran[1]);
    KOKEN_CHECK(ran[rc == -EPROTO ? 0 : 1] == 1);
}

static void waiter_for_kept_error(void)
{
    wait_for_all(-EPROTO);
    KOKEN_CHECK(ran[0] == 1);
    KOKEN_CHECK(ran[1] == 1);
}

static void waiter_for_any(void)
{
    struct koken_group_task one;
    struct koken_group_stats stats;
    int rc;
    while ((rc = koken_group_wait_any(group, KOKEN_NO_DEADLINE, &one)) == 0) { /* ends: two tasks */
        KOKEN_CHECK((told & 1u << one.task) == 0);
        told |= 1u << one.task;
        KOKEN_CHECK(one.state == KOKEN_GROUP_TASK_DONE);
        KOKEN_CHECK(ran[one.task - 1] == 1);
        KOKEN_CHECK(koken_group_stats(group, &stats) == 0);
        KOKEN_CHECK(stats.total == 2);
        KOKEN_CHECK(stats.waiting + stats.running + stats.done == 2);
    }
    KOKEN_CHECK(rc == -ESRCH);
    KOKEN_CHECK(told == (1u << 1 | 1u << 2));
}

/* One of two that share what has ended. */
static void taker_of_one(void)
{
    struct koken_group_task one;
    if (koken_group_wait_any(group, KOKEN_NO_DEADLINE, &one) == 0) {
        KOKEN_CHECK(ran[one.task - 1]++ == 1); /* nobody else has been told */
    }
}

static void freer(void)
{
    koken_group_free(group);
}

/* ---- checks ---------------------------------------------------------------------------------- */

/* Nobody is left in it but the user, who gives it back. */
static void check(void)
{
    struct koken_group_stats stats;
    run_leftovers();
    KOKEN_CHECK(koken_group_stats(group, &stats) == 0);
    KOKEN_CHECK(stats.waiting + stats.running == 0);
    KOKEN_CHECK(stats.done + stats.failed + stats.cancelled == stats.total);
    KOKEN_CHECK(kn_load(&group->owners, relaxed) == 1);
    koken_group_free(group);
    KOKEN_CHECK((uint32_t)kn_model_peek(&group->magic) == GONE);
}

static void check_freed(void)
{
    run_leftovers();
    KOKEN_CHECK((uint32_t)kn_model_peek(&group->magic) == GONE);
}

static void check_left(void)
{
    run_leftovers(); /* nobody has worked: each task is told that it will not run */
    KOKEN_CHECK(ran[0] + ran[1] <= 2);
    check();
}

enum { LIMIT = 1500 };

static const struct kn_scenario scenarios[] = {
    {"run, wait; worker", start_2, {user, worker_thread}, check, .limit = LIMIT, .may_sleep = 2},
    {"run, its end; worker",
     start_2,
     {user_without_help, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 2},
    {"one thread: wait; worker; worker",
     start_1_with_two,
     {waiter_for_sum, worker_thread, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 6},
    {"two threads: wait; worker; worker",
     start_2_with_two,
     {waiter_for_two, worker_thread, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 6},
    {"wait; wait; worker",
     start_2_with_two,
     {waiter_for_two, waiter_for_two, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 4},
    {"one thread: help with one; wait; worker",
     start_1_with_two,
     {passer_by, waiter_for_sum, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 4},
    {"two fail: wait; worker; worker",
     start_2_failing,
     {waiter_for_error, worker_thread, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 6},
    {"one fails, the others go on",
     start_2_failing_on,
     {waiter_for_kept_error, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 2},
    {"wait for any; worker",
     start_1_submitted,
     {waiter_for_any, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 2},
    {"wait for any; wait for any; worker",
     start_1_submitted,
     {taker_of_one, taker_of_one, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 4},
    {"freed; worker; worker",
     start_2_with_two,
     {freer, worker_thread, worker_thread},
     check_freed,
     .limit = LIMIT,
     .may_sleep = 6},
    {"help with one; the runtime ends", start_2_with_two, {passer_by}, check_left, .limit = LIMIT},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
