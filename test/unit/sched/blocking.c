/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that every job of the blocking pool runs once and makes its runnable ready after it, that
 * threads come as needed up to the maximum and end when idle, and what becomes of jobs at stop.
 */
#include "base/world.h"
#include "sched/machine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

struct work {
    struct kn_job job; /* first */
    struct kn_runnable done;
    struct kn_sched *stays; /* unless NULL: until the pool of this one stops */
    uint64_t block_ns;
    uint32_t together; /* until so many have been at work at once */
    uint32_t result;   /* plain: the job writes, the runnable reads */
    kn_atomic(uint32_t) seen;
};

static kn_atomic(uint32_t) at_once, at_once_max;

static void block_for(uint64_t ns)
{
    struct timespec time = {.tv_sec = (time_t)(ns / 1000000000),
                            .tv_nsec = (long)(ns % 1000000000)};

    (void)nanosleep(&time, NULL);
}

static bool is_stopping(struct kn_sched *sched)
{
    kn_lock(&sched->jobs.lock);
    bool is_stopping = sched->jobs.is_stopping;
    kn_unlock(&sched->jobs.lock);
    return is_stopping;
}

static void do_work(struct kn_job *job)
{
    struct work *work = (struct work *)(void *)job;
    uint32_t now = kn_add(&at_once, 1, relaxed) + 1;
    uint32_t max = kn_load(&at_once_max, relaxed);

    cr_assert_null(kn_worker_self);
    while (now > max && !kn_cas_weak(&at_once_max, &max, now, relaxed, relaxed)) {}
    if (work->block_ns > 0) {
        block_for(work->block_ns);
    }
    /* Both end, or the test's time does. */
    while (kn_load(&at_once_max, relaxed) < work->together) {
        kn_thread_yield();
    }
    while (work->stays != NULL && !is_stopping(work->stays)) {
        kn_thread_yield();
    }
    work->result = 5;
    (void)kn_sub(&at_once, 1, relaxed);
}

static enum kn_ran step_done(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct work *work = kn_container_of(runnable, struct work, done);

    (void)worker;
    (void)kn_add(&work->seen, work->result, relaxed);
    return KN_RAN_DONE;
}

static struct kn_sched *start(struct kn_sched_config config)
{
    struct kn_sched *sched = NULL;

    config.workers = 2;
    config.is_exact = true;
    kn_store(&at_once_max, 0, relaxed);
    cr_assert_eq(kn_sched_start(&config, &sched), 0);
    return sched;
}

static struct work *new_work(unsigned count, uint64_t block_ns)
{
    struct work *work = calloc(count, sizeof(struct work));

    cr_assert_not_null(work);
    for (unsigned i = 0; i < count; i++) {
        work[i].job.fn = do_work;
        work[i].job.done = &work[i].done;
        work[i].job.prio = (enum kn_prio)(i % KN_PRIO_COUNT_);
        work[i].done.step = step_done;
        work[i].block_ns = block_ns;
    }
    return work;
}

static void submit_all(struct kn_sched *sched, struct work *work, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(kn_blocking_submit(sched, &work[i].job), 0);
    }
}

static void finish(struct kn_sched *sched)
{
    cr_assert(kn_sched_quiet(sched, KN_NEVER));
    cr_assert_eq(kn_sched_stop(sched, KN_NEVER), 0);
    cr_assert_null(kn_sched_leftover(sched));
    cr_assert_null(kn_sched_leftover_job(sched));
    kn_sched_free(sched);
}

Test(blocking, each_job_runs_once_and_its_runnable_after_it)
{
    struct kn_sched *sched = start((struct kn_sched_config){0});
    struct work *work = new_work(20000, 0);

    submit_all(sched, work, 20000);
    finish(sched);
    for (unsigned i = 0; i < 20000; i++) {
        cr_assert_eq(kn_load(&work[i].seen, relaxed), 5);
    }
    free(work);
}

Test(blocking, ten_that_block_take_ten_threads)
{
    struct kn_sched *sched = start((struct kn_sched_config){0});
    struct work *work = new_work(10, 0);

    for (unsigned i = 0; i < 10; i++) {
        work[i].together = 10; /* in vain if one came after the other */
    }
    submit_all(sched, work, 10);
    finish(sched);
    cr_assert_eq(kn_load(&at_once_max, relaxed), 10);
    free(work);
}

Test(blocking, there_are_never_more_threads_than_allowed)
{
    struct kn_sched *sched = start((struct kn_sched_config){.blocking_max = 3});
    struct kn_sched_stats stats;
    struct work *work = new_work(50, 1000000);

    submit_all(sched, work, 50);
    cr_assert(kn_sched_quiet(sched, KN_NEVER));
    kn_sched_stats(sched, &stats);
    cr_assert_leq(stats.job_threads, 3);
    cr_assert_leq(kn_load(&at_once_max, relaxed), 3);
    cr_assert_eq(stats.jobs, 50);
    finish(sched);
    for (unsigned i = 0; i < 50; i++) {
        cr_assert_eq(kn_load(&work[i].seen, relaxed), 5);
    }
    free(work);
}

Test(blocking, idle_threads_end_and_new_ones_start)
{
    struct kn_sched *sched = start((struct kn_sched_config){.retire_ns = 5000000});
    struct work *work = new_work(8, 1000000);

    submit_all(sched, work, 4);
    cr_assert(kn_sched_quiet(sched, KN_NEVER));
    while (kn_load(&sched->live, acquire) > 2) { /* ends: they do, or the test's time */
        block_for(1000000);
    }
    submit_all(sched, work + 4, 4);
    finish(sched);
    for (unsigned i = 0; i < 8; i++) {
        cr_assert_eq(kn_load(&work[i].seen, relaxed), 5);
    }
    free(work);
}

Test(blocking, retiring_threads_and_new_jobs_do_not_miss_each_other, .timeout = 120)
{
    struct kn_sched *sched = start((struct kn_sched_config){.retire_ns = 20000});
    struct work *work = new_work(1, 0);

    for (unsigned i = 0; i < 3000; i++) {
        submit_all(sched, work, 1);
        cr_assert(kn_sched_quiet(sched, kn_now() + UINT64_C(20000000000)), "lost job %u", i);
        if (i % 3 == 0) {
            block_for(20000 + i % 7 * 5000);
        }
    }
    cr_assert_eq(kn_load(&work->seen, relaxed), 5 * 3000);
    finish(sched);
    free(work);
}

Test(blocking, at_stop_what_has_begun_ends_and_the_rest_is_given_back)
{
    struct kn_sched *sched = start((struct kn_sched_config){.blocking_max = 1});
    struct work *work = new_work(5, 0);
    unsigned given_back = 0;

    work[0].stays = sched;
    submit_all(sched, work, 5);
    while (kn_load(&at_once_max, relaxed) == 0) {
        kn_thread_yield();
    }
    cr_assert_eq(kn_sched_stop(sched, KN_NEVER), 0);
    cr_assert_eq(kn_blocking_submit(sched, &work[0].job), -ESHUTDOWN);
    while (kn_sched_leftover_job(sched) != NULL) {
        given_back++;
    }
    while (kn_sched_leftover(sched) != NULL) {}
    cr_assert_eq(given_back, 4);
    cr_assert_eq(work[0].result, 5);
    kn_sched_free(sched);
    free(work);
}
