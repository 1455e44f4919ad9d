/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the order of the nursery: newest first; the queue after so many in a row; what is old in the end, too;
 * what has no room to the queue; the oldest to a thief; nothing forgotten when a scheduler stops.
 */
#include "sched/nursery.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct task {
    struct kn_runnable runnable; /* first */
    unsigned number;
    unsigned order; /* when it ran */
};

enum { MANY = 2 * KN_NURSERY_SLOTS };

static struct task tasks[MANY], tail, root, chain[2];
static kn_atomic(uint32_t) ran;
static kn_atomic(uint32_t) elsewhere;
static struct kn_worker *first_worker;
static unsigned count;
static uint64_t pushed_ns, stepped_ns; /* by the worker's clock */

static struct task *of(struct kn_runnable *runnable)
{
    return (struct task *)(void *)runnable;
}

static enum kn_ran step_order(struct kn_worker *worker, struct kn_runnable *runnable)
{
    stepped_ns = worker->now_ns;
    of(runnable)->order = kn_add(&ran, 1, relaxed);
    return KN_RAN_DONE;
}

static void make(struct task *task, enum kn_ran (*step)(struct kn_worker *, struct kn_runnable *))
{
    *task = (struct task){.runnable = {.step = step}};
}

/* Runs root on so many workers until all is quiet. */
static void run(unsigned workers, enum kn_ran (*step)(struct kn_worker *, struct kn_runnable *))
{
    struct kn_sched_config config = {.workers = workers, .is_exact = true};
    struct kn_sched *sched = NULL;
    kn_store(&ran, 0, relaxed);
    kn_store(&elsewhere, 0, relaxed);
    make(&tail, step_order);
    make(&root, step);
    for (unsigned i = 0; i < MANY; i++) {
        make(&tasks[i], step_order);
    }
    cr_assert_eq(kn_sched_start(&config, &sched), 0);
    kn_ready_foreign(sched, &root.runnable, KN_PRIO_NORMAL);
    cr_assert(kn_sched_quiet(sched, kn_now() + UINT64_C(60000000000)));
    cr_assert_eq(kn_sched_stop(sched, kn_now() + UINT64_C(60000000000)), 0);
    cr_assert_null(kn_sched_leftover(sched));
    kn_sched_free(sched);
}

static enum kn_ran push_young(struct kn_worker *worker, struct kn_runnable *runnable)
{
    (void)runnable;
    pushed_ns = worker->now_ns;
    kn_ready_tail(worker, &tail.runnable, KN_PRIO_NORMAL);
    for (unsigned i = 0; i < count; i++) {
        kn_ready_young(worker, &tasks[i].runnable);
    }
    return KN_RAN_DONE;
}

/* Unless the machine stood still for so long that they are old. */
Test(nursery, the_newest_runs_first)
{
    count = 10;
    run(1, push_young);
    cr_assert_eq(kn_load(&ran, relaxed), 11u);
    if (stepped_ns - pushed_ns >= UINT64_C(10000000)) {
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(tasks[i].order, count - 1 - i);
    }
    cr_assert_eq(tail.order, 10u);
}

Test(nursery, the_queue_has_its_turn)
{
    count = 200;
    run(1, push_young);
    cr_assert_eq(kn_load(&ran, relaxed), 201u);
    cr_assert_leq(tail.order, 20u);
}

Test(nursery, what_has_no_room_goes_to_the_queue)
{
    count = MANY;
    run(1, push_young);
    cr_assert_eq(kn_load(&ran, relaxed), (unsigned)MANY + 1);
    cr_assert_lt(tasks[KN_NURSERY_SLOTS - 1].order, tasks[0].order);
}

/* Two that make each other ready again and again, young each time, on top of tail: until that has run. */
static enum kn_ran step_chain(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *other = &chain[1 - of(runnable)->number];
    if (kn_load(&ran, relaxed) == 0) {
        kn_ready_young(worker, &other->runnable);
    }
    return KN_RAN_DONE;
}

static enum kn_ran push_chain(struct kn_worker *worker, struct kn_runnable *runnable)
{
    (void)runnable;
    make(&chain[0], step_chain);
    make(&chain[1], step_chain);
    chain[1].number = 1;
    kn_ready_young(worker, &tail.runnable);
    kn_ready_young(worker, &chain[0].runnable);
    return KN_RAN_DONE;
}

Test(nursery, the_oldest_runs_in_the_end, .timeout = 60)
{
    run(1, push_chain);
    cr_assert_eq(kn_load(&ran, relaxed), 1u);
}

static enum kn_ran step_where(struct kn_worker *worker, struct kn_runnable *runnable)
{
    (void)runnable;
    (void)kn_add(&ran, 1, relaxed);
    if (worker != first_worker) {
        (void)kn_add(&elsewhere, 1, relaxed);
    }
    return KN_RAN_DONE;
}

/* Does not end before somebody else has run one of them. */
static enum kn_ran push_and_wait(struct kn_worker *worker, struct kn_runnable *runnable)
{
    (void)runnable;
    first_worker = worker;
    for (unsigned i = 0; i < 50; i++) {
        tasks[i].runnable.step = step_where;
        kn_ready_young(worker, &tasks[i].runnable);
    }
    while (kn_load(&elsewhere, relaxed) == 0) { /* ends: sysmon wakes a thief at the latest */
        kn_thread_yield();
    }
    return KN_RAN_DONE;
}

Test(nursery, thieves_take_from_it, .timeout = 60)
{
    run(2, push_and_wait);
    cr_assert_eq(kn_load(&ran, relaxed), 50u);
    cr_assert_geq(kn_load(&elsewhere, relaxed), 1u);
}

static enum kn_ran step_end(struct kn_worker *worker, struct kn_runnable *runnable)
{
    (void)worker, (void)runnable;
    (void)kn_add(&ran, 1, relaxed);
    return KN_RAN_DONE;
}

Test(nursery, pushes_and_pops_by_hand)
{
    static struct kn_worker worker;
    struct kn_runnable items[4] = {
        {NULL, step_end}, {NULL, step_end}, {NULL, step_end}, {NULL, step_end}};
    cr_assert_eq(kn_nursery_init(&worker), 0);
    kn_worker_self = &worker;
    cr_assert_null(kn_nursery_pop_any(&worker));
    for (unsigned i = 0; i < 4; i++) {
        cr_assert(kn_nursery_push(&worker, &items[i]));
    }
    cr_assert_eq(kn_nursery_len(&worker), 4u);
    cr_assert_null(kn_nursery_aged(&worker)); /* no time has passed */
    worker.now_ns += UINT64_C(1000000000);
    struct kn_runnable *old = kn_nursery_aged(&worker);
    cr_assert_eq(old, &items[0]);
    cr_assert_eq(old->next, &items[1]);
    cr_assert_null(old->next->next);
    cr_assert_eq(kn_nursery_pop(&worker), &items[3]);
    kn_worker_self = NULL;
    cr_assert_eq(kn_nursery_steal(&worker), &items[2]);
    cr_assert_null(kn_nursery_steal(&worker));
    kn_nursery_fini(&worker);
}

/* Though no time has passed: the clock may stand still, a worker's beats do not. */
Test(nursery, ages_by_beats_too)
{
    static struct kn_worker worker;
    struct kn_runnable items[3] = {{NULL, step_end}, {NULL, step_end}, {NULL, step_end}};
    cr_assert_eq(kn_nursery_init(&worker), 0);
    kn_worker_self = &worker;
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(kn_nursery_push(&worker, &items[i]));
    }
    for (unsigned i = 1; i < KN_YOUNG_BEATS; i++) {
        cr_assert_null(kn_nursery_aged(&worker));
    }
    cr_assert_eq(kn_nursery_aged(&worker), &items[0]);
    cr_assert_eq(items[0].next, &items[1]);
    cr_assert_null(items[1].next);
    cr_assert_null(kn_nursery_aged(&worker)); /* the third is the oldest from now on */
    cr_assert_eq(kn_nursery_pop(&worker), &items[2]);
    kn_worker_self = NULL;
    kn_nursery_fini(&worker);
}
