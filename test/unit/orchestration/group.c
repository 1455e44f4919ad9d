/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of groups of tasks (T110 to T114): each task runs once, never more than max_threads at a time, who waits helps, the first
 * error is kept and the rest cancelled, groups in tasks of groups end on one worker, nothing is left behind, and who waits for any
 * of the named tasks is told of each of them once, and how long it took.
 */
#include "test/support/runtime.h"

#include <koken/fiber.h>
#include <koken/group.h>

static kn_atomic(uint32_t) ran, at_once, most, gate, results;
static kn_atomic(int) outcome;

static struct koken_group *group_of(struct koken *rt, struct koken_group_options o)
{
    struct koken_group *group = NULL;
    cr_assert_eq(koken_group_new(rt, &o, &group), 0);
    return group;
}

static int task(void *arg)
{
    uint32_t now = count(&at_once) + 1, seen = reading(&most);
    while (now > seen && !kn_cas_weak(&most, &seen, now, acq_rel, acquire)) { /* ends: it grows */
    }
    count(&ran);
    for (int i = 0; arg && i < 50; i++) {
        kn_thread_yield();
    }
    (void)kn_sub(&at_once, 1, acq_rel);
    return 0;
}

static void clear(void)
{
    reset(&ran);
    reset(&at_once);
    reset(&most);
    reset(&gate);
    reset(&results);
}

Test(group, runs_each_task_once_and_not_too_many_at_once)
{
    enum { TASKS = 400 };
    struct koken *rt = start(4);
    for (unsigned max = 1; max <= 3; max++) {
        struct koken_group *group = group_of(rt, (struct koken_group_options){.max_threads = max});
        clear();
        for (int i = 0; i < TASKS; i++) {
            cr_assert_eq(koken_group_run(group, task, i % 4 == 0 ? &ran : NULL), 0);
        }
        cr_assert_eq(koken_group_wait(group, KOKEN_S(60)), 0);
        cr_assert_eq(reading(&ran), TASKS);
        cr_assert_leq(reading(&most), max);
        cr_assert_eq(koken_group_wait(group, 0), 0); /* nothing to wait for */
        koken_group_free(group);
    }
    stop(rt);
}

static int failing(void *arg)
{
    (void)arg;
    return -EPERM;
}

static int gated(void *arg)
{
    count(&ran);
    wait_for(&gate, 1);
    return task(arg);
}

Test(group, the_first_error_is_kept_and_the_rest_cancelled)
{
    struct koken *rt = start(1);
    struct koken_group *group = group_of(rt, (struct koken_group_options){.max_threads = 1});
    koken_token token = koken_group_token(group);
    clear();
    cr_assert_eq(koken_group_run(group, gated, NULL), 0);
    cr_assert_eq(koken_group_run(group, failing, NULL), 0);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(koken_group_run(group, task, NULL), 0);
    }
    count(&gate);
    cr_assert_eq(koken_group_wait(group, KOKEN_S(60)), -EPERM);
    cr_assert_eq(reading(&ran), 2);
    cr_assert_eq(koken_token_reason(token), KOKEN_CANCEL_ERROR);
    cr_assert_eq(koken_group_cancel(group), -EALREADY);
    koken_token_drop(&token);
    koken_group_free(group);
    group = group_of(rt, (struct koken_group_options){.keep_going = true});
    clear();
    cr_assert_eq(koken_group_run(group, failing, NULL), 0);
    cr_assert_eq(koken_group_run(group, task, NULL), 0);
    cr_assert_eq(koken_group_wait(group, KOKEN_S(60)), -EPERM);
    cr_assert_eq(reading(&ran), 1);
    koken_group_free(group);
    stop(rt);
}

static int self_waiting(void *arg)
{
    struct koken_group *group = arg;
    kn_store(&outcome, koken_group_wait(group, KOKEN_S(1)), relaxed);
    return 0;
}

Test(group, bad_input_and_times)
{
    struct koken *rt = start(1);
    uint64_t nothing[32] = {0};
    struct koken_group *foreign = (struct koken_group *)(void *)nothing;
    struct koken_group *group = NULL;
    struct koken_future *end;
    cr_assert_eq(koken_group_new(NULL, NULL, &group), -EINVAL);
    cr_assert_eq(koken_group_new(rt, NULL, NULL), -EINVAL);
    cr_assert_eq(
        koken_group_new(rt, &(struct koken_group_options){.max_threads = 1u << 20}, &group),
        -EINVAL);
    cr_assert_eq(koken_group_run(foreign, task, NULL), -EINVAL);
    cr_assert_eq(koken_group_wait(NULL, 0), -EINVAL);
    cr_assert_eq(koken_group_end(foreign, &end), -EINVAL);
    cr_assert_eq(koken_group_cancel(foreign), -EINVAL);
    group = group_of(rt, (struct koken_group_options){0});
    cr_assert_eq(koken_group_run(group, NULL, NULL), -EINVAL);
    clear();
    cr_assert_eq(koken_group_run(group, gated, NULL), 0);
    wait_for(&ran, 1);
    cr_assert_eq(koken_group_wait(group, 0), -ETIMEDOUT);
    cr_assert_eq(koken_group_wait(group, KOKEN_MS(2)), -ETIMEDOUT);
    count(&gate);
    cr_assert_eq(koken_group_wait(group, KOKEN_S(60)), 0);
    cr_assert_eq(koken_group_run(group, self_waiting, group), 0);
    cr_assert_eq(koken_group_wait(group, KOKEN_S(60)), 0);
    cr_assert_eq(kn_load(&outcome, relaxed), -EDEADLK);
    koken_group_free(group);
    koken_group_free(NULL);
    stop(rt);
}

/* T113: the only worker is held up in another group's task; who waits does the tasks itself. */
Test(group, who_waits_needs_nobody_else)
{
    enum { TASKS = 100 };
    struct koken *rt = start(1);
    struct koken_group *elsewhere = group_of(rt, (struct koken_group_options){0});
    struct koken_group *group = group_of(rt, (struct koken_group_options){0});
    clear();
    cr_assert_eq(koken_group_run(elsewhere, gated, NULL), 0);
    wait_for(&ran, 1);
    for (int i = 0; i < TASKS; i++) {
        cr_assert_eq(koken_group_run(group, task, NULL), 0);
    }
    cr_assert_eq(koken_group_wait(group, KOKEN_S(60)), 0);
    cr_assert_eq(reading(&ran), TASKS + 1);
    count(&gate);
    cr_assert_eq(koken_group_wait(elsewhere, KOKEN_S(60)), 0);
    koken_group_free(elsewhere);
    koken_group_free(group);
    stop(rt);
}

static struct koken *nest_rt;

static int nested(void *arg)
{
    int depth = *(int *)arg - 1;
    struct koken_group *group = NULL;
    int rc = koken_group_new(nest_rt, NULL, &group);
    count(&ran);
    for (int i = 0; rc == 0 && i < 3 && depth > 0; i++) {
        rc = koken_group_run(group, nested, &depth);
    }
    if (rc == 0) {
        rc = koken_group_wait(group, KOKEN_S(60));
    }
    koken_group_free(group);
    return rc;
}

Test(group, nests_on_one_worker)
{
    int depth = 4;
    for (unsigned workers = 1; workers <= 2; workers++) {
        nest_rt = start(workers);
        struct koken_group *group = group_of(nest_rt, (struct koken_group_options){0});
        clear();
        cr_assert_eq(koken_group_run(group, nested, &depth), 0);
        struct koken_future *end;
        cr_assert_eq(koken_group_end(group, &end), 0); /* without help from here */
        cr_assert_eq(koken_future_join(end, KOKEN_S(60)), 0);
        koken_future_drop(end);
        cr_assert_eq(reading(&ran), 1 + 3 + 9 + 27);
        koken_group_free(group);
        stop(nest_rt);
    }
}

static int grouping(koken_ctx *ctx, const int *state, struct koken_group *const *arg)
{
    (void)ctx;
    (void)state;
    int rc = koken_group_run(*arg, task, NULL);
    kn_store(&outcome, rc < 0 ? rc : koken_group_wait(*arg, KOKEN_S(60)), relaxed);
    count(&results);
    return 0;
}

KOKEN_FIBER(grouping_fiber, int, grouping);

Test(group, fibers_wait_and_a_stop_cancels)
{
    struct koken *rt = start(1);
    struct koken_group *group = group_of(rt, (struct koken_group_options){0});
    clear();
    cr_assert(
        !koken_is_nobody(koken_spawn(rt, grouping_fiber, .arg = &group, .arg_size = sizeof group)));
    wait_for(&results, 1);
    cr_assert_eq(kn_load(&outcome, relaxed), 0);
    cr_assert_eq(reading(&ran), 1);
    koken_group_free(group);
    /* A group that is given back has its tasks cancelled, and goes with the last of them. */
    group = group_of(rt, (struct koken_group_options){.max_threads = 1});
    clear();
    cr_assert_eq(koken_group_run(group, gated, NULL), 0);
    cr_assert_eq(koken_group_run(group, task, NULL), 0);
    wait_for(&ran, 1);
    koken_group_free(group);
    count(&gate);
    stop(rt);
    cr_assert_eq(reading(&ran), 2);
}

/* ---- tasks with a name and an account ------------------------------------------------------------------- */

static int named(void *arg)
{
    static int answers[] = {0, -EPERM, -ECANCELED};
    uint32_t which = *(const uint32_t *)arg;
    count(&ran);
    return answers[which % 3];
}

static int behind_the_gate(void *arg)
{
    (void)arg;
    wait_for(&gate, 1);
    return 0;
}

Test(group, tells_of_each_named_task_once)
{
    static const char *const names[] = {"well", "fails", "gives up"};
    static const enum koken_group_task_state states[] = {
        KOKEN_GROUP_TASK_DONE, KOKEN_GROUP_TASK_FAILED, KOKEN_GROUP_TASK_CANCELLED};
    static const int errors[] = {0, -EPERM, -ECANCELED};
    enum { TASKS = 30 };
    struct koken *rt = start(2);
    struct koken_group *group = group_of(rt, (struct koken_group_options){.keep_going = true});
    struct koken_group_task told;
    struct koken_group_stats stats;
    uint32_t which[TASKS], seen = 0;
    clear();
    cr_assert_eq(koken_group_wait_any(group, KOKEN_S(60), &told), -ESRCH);
    for (uint32_t i = 0; i < TASKS; i++) {
        uint64_t task = 0;
        which[i] = i;
        cr_assert_eq(koken_group_submit(group, names[i % 3], named, &which[i], &task), 0);
        cr_assert_eq(task, i + 1);
    }
    for (uint32_t i = 0; i < TASKS; i++) {
        cr_assert_eq(koken_group_wait_any(group, KOKEN_S(60), &told), 0);
        uint32_t number = (uint32_t)told.task - 1;
        cr_assert(number < TASKS && !(seen >> number & 1));
        seen |= 1u << number;
        cr_assert_str_eq(told.name, names[number % 3]);
        cr_assert_eq(told.state, states[number % 3]);
        cr_assert_eq(told.error, errors[number % 3]);
        cr_assert_eq(koken_group_task(group, told.task, &told), -ESRCH); /* it has been told */
    }
    cr_assert_eq(koken_group_wait_any(group, KOKEN_S(60), &told), -ESRCH);
    cr_assert_eq(koken_group_stats(group, &stats), 0);
    cr_assert_eq(stats.total, TASKS);
    cr_assert_eq(stats.done, TASKS / 3);
    cr_assert_eq(stats.failed, TASKS / 3);
    cr_assert_eq(stats.cancelled, TASKS / 3);
    cr_assert_eq(stats.waiting + stats.running, 0);
    koken_group_free(group);
    stop(rt);
}

Test(group, knows_how_long_a_task_waits_and_runs)
{
    struct koken *rt = start(1);
    struct koken_group *group = group_of(rt, (struct koken_group_options){.max_threads = 1});
    struct koken_group_task told = {.state = KOKEN_GROUP_TASK_WAITS};
    struct koken_group_stats stats;
    uint64_t first = 0, second = 0;
    clear();
    cr_assert_eq(koken_group_submit(group, "first", behind_the_gate, NULL, &first), 0);
    cr_assert_eq(koken_group_submit(group, NULL, task, NULL, &second), 0);
    while (told.state != KOKEN_GROUP_TASK_RUNS) { /* ends: the worker comes to it */
        cr_assert_eq(koken_group_task(group, first, &told), 0);
        kn_thread_yield();
    }
    cr_assert_eq(koken_group_task(group, second, &told), 0);
    cr_assert_eq(told.state, KOKEN_GROUP_TASK_WAITS);
    cr_assert_str_eq(told.name, "");
    cr_assert_eq(koken_group_stats(group, &stats), 0);
    cr_assert_eq(stats.running, 1);
    cr_assert_eq(stats.waiting, 1);
    uint64_t begin = koken_now();
    cr_assert_eq(koken_group_wait_any(group, KOKEN_MS(2), &told), -ETIMEDOUT);
    uint64_t passed = koken_now() - begin;
    cr_assert_geq(passed, KOKEN_MS(2));
    kn_store(&gate, 1, release);
    cr_assert_eq(koken_group_wait_any(group, KOKEN_S(60), &told), 0);
    cr_assert_eq(told.task, first);
    cr_assert_geq(told.ran_ns, passed);
    cr_assert_eq(koken_group_wait(group, KOKEN_S(60)), 0);
    cr_assert_eq(koken_group_task(group, second, &told), 0); /* of its end nobody has been told */
    cr_assert_eq(told.state, KOKEN_GROUP_TASK_DONE);
    cr_assert_geq(told.waited_ns, passed);
    koken_group_free(group);
    stop(rt);
}

static int take_any(koken_ctx *ctx, const int *state, struct koken_group *const *arg)
{
    struct koken_group_task told;
    (void)ctx, (void)state;
    while (koken_group_wait_any(*arg, KOKEN_S(60), &told) == 0) { /* ends: none is left */
        count(&results);
    }
    count(&gate);
    return 0;
}

KOKEN_FIBER(takes_any, int, take_any);

/* Several who wait: each end is told to one of them, and all hear that there are no more. */
Test(group, many_wait_for_any)
{
    enum { TASKS = 200, WAITERS = 4 };
    struct koken *rt = start(2);
    struct koken_group *group = group_of(rt, (struct koken_group_options){.max_threads = 2});
    struct koken_group_task told;
    clear();
    for (int i = 0; i < TASKS; i++) {
        cr_assert_eq(koken_group_submit(group, "one", task, i % 8 ? NULL : &ran, NULL), 0);
    }
    for (int i = 0; i < WAITERS; i++) {
        cr_assert(
            !koken_is_nobody(koken_spawn(rt, takes_any, .arg = &group, .arg_size = sizeof group)));
    }
    while (koken_group_wait_any(group, KOKEN_S(60), &told) == 0) { /* ends: as above */
        count(&results);
    }
    wait_for(&gate, WAITERS);
    cr_assert_eq(reading(&results), TASKS);
    drain(rt);
    koken_group_free(group);
    stop(rt);
}
