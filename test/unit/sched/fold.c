/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves folding: a worker that talks to others gives its work back and nothing is lost, whoever folds and
 * however often; a lone worker, an expensive one and one that stays at home do not fold; who folded is woken
 * by work from outside.
 */
#include "base/world.h"
#include "sched/machine.h"

#include <criterion/criterion.h>
#include <string.h>

enum { TASKS = 64, STEPS = 3000 };

struct task {
    struct kn_runnable runnable; /* first */
    uint32_t left;               /* by its step */
};

static struct task tasks[TASKS];
static kn_atomic(uint32_t) done;
static kn_atomic(uint32_t) far_from; /* bit per worker that says it talks to others */
static uint64_t told[8];             /* each by its worker */
static unsigned each_ns;             /* what a step takes */

static enum kn_ran step(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *task = (struct task *)(void *)runnable;
    uint64_t end = each_ns > 0 ? kn_now() + each_ns : 0;

    told[worker->index] += 100;
    while (end > 0 && kn_now() < end) { /* ends: the clock goes on */
        kn_pause();
    }
    if (--task->left > 0) {
        return KN_RAN_AGAIN;
    }
    (void)kn_add(&done, 1, release);
    return KN_RAN_DONE;
}

/* As if each step were 100 messages. */
static void quiescent(struct kn_worker *worker, void *arg)
{
    (void)arg;
    bool is_far = kn_load(&far_from, relaxed) >> worker->index & 1;
    kn_worker_traffic(worker, told[worker->index], is_far ? told[worker->index] : 0);
}

static struct kn_sched_stats run(unsigned workers, uint32_t who_is_far, unsigned ns, uint32_t steps)
{
    struct kn_sched_config config = {.workers = workers,
                                     .is_exact = true,
                                     .share_ns = KN_SHARE_ALL,
                                     .hooks = {.quiescent = quiescent}};
    struct kn_sched *sched;
    struct kn_sched_stats stats;

    memset(told, 0, sizeof told);
    kn_store(&done, 0, relaxed);
    kn_store(&far_from, who_is_far, relaxed);
    each_ns = ns;
    cr_assert_eq(kn_sched_start(&config, &sched), 0);
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < TASKS; i++) {
            tasks[i] = (struct task){.runnable.step = step, .left = steps};
            kn_ready_foreign(sched, &tasks[i].runnable, (enum kn_prio)(i % KN_PRIO_COUNT_));
        }
        cr_assert(kn_sched_quiet(sched, kn_now() + UINT64_C(60000000000))); /* nothing is lost */
        cr_assert_eq(kn_load(&done, acquire), TASKS * (round + 1));
    }
    kn_sched_stats(sched, &stats);
    cr_assert_eq(kn_sched_stop(sched, KN_NEVER), 0);
    kn_sched_free(sched);
    return stats;
}

Test(fold, who_talks_to_others_gives_its_work_back)
{
    for (unsigned i = 0; i < 20; i++) { /* ends: a worker that is never run at all folds nothing */
        if (run(2, 1u << 0 | 1u << 1, 0, STEPS).folds > 0) {
            return;
        }
    }
    cr_assert(false, "nobody folded");
}

Test(fold, nothing_is_lost_when_all_want_to)
{
    (void)run(4, 0xf, 0, STEPS);
    (void)run(8, 0xff, 0, STEPS / 2);
}

Test(fold, who_stays_near_does_not)
{
    cr_assert_eq(run(4, 0, 0, STEPS).folds, 0);
}

Test(fold, a_lone_worker_does_not)
{
    cr_assert_eq(run(1, 1, 0, STEPS).folds, 0);
}

Test(fold, who_works_for_long_does_not)
{
    cr_assert_eq(run(2, 3, 100000, 4).folds, 0); /* 1 us a message */
}
