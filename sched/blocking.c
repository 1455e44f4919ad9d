/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocking pool: threads for jobs that may block, as many as are needed up to a maximum. A job
 * wakes a sleeping thread, or starts one, or waits. A thread that had nothing to do for retire_ns
 * ends.
 *
 * idle + called is the number of sleepers; a call moves one over, so that ten jobs at once call ten
 * threads. A call is not for a certain thread: whoever wakes first takes it.
 */
#include "sched/machine.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/edges.h"

#include <errno.h>
#include <string.h>

struct kn_job_thread {
    struct kn_sched *sched;     /* (c) */
    struct kn_job_thread *next; /* (m: lock) in live or ended */
    struct kn_thread thread;    /* (m: lock) */
};

/* ---- the thread ---------------------------------------------------------------------------- */

static void run_job(struct kn_sched *sched, struct kn_job *job)
{
    struct kn_runnable *done = job->done;
    enum kn_prio prio = job->prio;

    kn_take_over(job);
    job->fn(job); /* may free it */
    if (done != NULL) {
        kn_hand_over(done);
        kn_ready_foreign(sched, done, prio);
    }
    /* [SQ1] release: done is queued. Pairs with acquire in is_quiet(). [SQ2] seq_cst: before the look for who waits. */
    if (kn_sub(&sched->jobs.open, 1, seq_cst) == 1) {
        kn_quiet_signal(sched);
    }
}

static struct kn_job *take_job(struct kn_job_pool *pool)
{
    struct kn_job *job = pool->first;

    if (job != NULL) {
        pool->first = job->next;
    }
    return job;
}

/* Called with the lock held, returns with it held. False: nothing came for retire_ns. */
static bool wait_for_call(struct kn_sched *sched)
{
    struct kn_job_pool *pool = &sched->jobs;
    uint64_t deadline_ns = kn_now() + sched->config.retire_ns;
    bool is_late = false;

    pool->idle++;
    while (pool->called == 0 && !is_late) {              /* ends: a call, or the deadline */
        uint32_t calls = kn_load(&pool->calls, relaxed); /* relaxed: written under the lock */

        kn_unlock(&pool->lock);
        is_late = kn_futex_wait(&pool->calls, calls, deadline_ns) == -ETIMEDOUT;
        kn_lock(&pool->lock);
    }
    if (pool->called == 0) {
        KN_ASSERT(pool->idle > 0);
        pool->idle--;
        return false;
    }
    pool->called--;
    return true;
}

static void end_thread(struct kn_job_pool *pool, struct kn_job_thread *self)
{
    struct kn_job_thread **link = &pool->live;

    while (*link != self) { /* ends: it is in the list */
        link = &(*link)->next;
    }
    *link = self->next;
    KN_ASSERT(pool->count > 0);
    self->next = pool->ended;
    pool->ended = self;
    pool->count--;
}

static void job_main(void *arg)
{
    struct kn_job_thread *self = arg;
    struct kn_sched *sched = self->sched;
    struct kn_job_pool *pool = &sched->jobs;
    bool is_needed = true;

    kn_lock(&pool->lock);
    while (is_needed && !pool->is_stopping) { /* ends: stop, or no work for long */
        struct kn_job *job = take_job(pool);

        if (job == NULL) {
            is_needed = wait_for_call(sched);
            continue;
        }
        kn_unlock(&pool->lock);
        run_job(sched, job);
        kn_lock(&pool->lock);
    }
    end_thread(pool, self);
    kn_unlock(&pool->lock);
    /* Relaxed, as in end_machine(). Last access. */
    if (kn_sub(&sched->live, 1, relaxed) == 1) {
        kn_futex_wake(&sched->live, 1);
    }
}

/* With the lock held, so that the thread cannot end before its handle is written. */
static int start_thread(struct kn_sched *sched)
{
    struct kn_job_pool *pool = &sched->jobs;
    struct kn_job_thread *started = kn_alloc(sizeof(*started), KN_CACHE_LINE, -1);
    int rc;

    if (started == NULL) {
        return -ENOMEM;
    }
    memset(started, 0, sizeof(*started));
    started->sched = sched;
    (void)kn_add(&sched->live, 1, relaxed); /* relaxed: the lock orders it before stop's look */
    rc = kn_thread_start(&started->thread, "koken-blocking", job_main, started);
    if (rc < 0) {
        (void)kn_sub(&sched->live, 1, relaxed);
        kn_free(started, sizeof(*started), KN_CACHE_LINE);
        return rc;
    }
    KN_ASSERT(pool->count < pool->max);
    started->next = pool->live;
    pool->live = started;
    pool->count++;
    (void)kn_add(&pool->started, 1, relaxed); /* relaxed: statistics */
    return 0;
}

/* ---- from outside -------------------------------------------------------------------------- */

/* Joins the threads that have ended. */
static void reap(struct kn_job_pool *pool)
{
    struct kn_job_thread *thread, *next;

    kn_lock(&pool->lock);
    thread = pool->ended;
    pool->ended = NULL;
    kn_unlock(&pool->lock);
    for (; thread != NULL; thread = next) {
        next = thread->next;
        kn_thread_join(&thread->thread);
        kn_free(thread, sizeof(*thread), KN_CACHE_LINE);
    }
}

static void append(struct kn_job_pool *pool, struct kn_job *job)
{
    job->next = NULL;
    if (pool->first == NULL) {
        pool->first = job;
    } else {
        pool->last->next = job;
    }
    pool->last = job;
    (void)kn_add(&pool->open, 1,
                 relaxed); /* relaxed: the caller is a step, or accepts the moment */
    (void)kn_add(&pool->submitted, 1, relaxed); /* relaxed: statistics */
}

int kn_blocking_submit(struct kn_sched *sched, struct kn_job *keep_job)
{
    struct kn_job_pool *pool = &sched->jobs;
    bool calls = false;
    bool has_ended;
    int rc = 0;

    KN_ASSERT(keep_job->fn != NULL);
    kn_hand_over(keep_job);
    kn_lock(&pool->lock);
    has_ended = pool->ended != NULL;
    if (pool->is_stopping) {
        rc = -ESHUTDOWN;
    } else if (pool->idle > 0) {
        pool->idle--;
        pool->called++;
        calls = true;
        (void)kn_add(&pool->calls, 1, relaxed); /* relaxed: written under the lock */
    } else if (pool->count < pool->max) {
        rc = start_thread(sched);
        rc = rc < 0 && pool->count > 0 ? 0 : rc; /* the others will get to it */
        rc = rc < 0 ? -EAGAIN : 0;
    }
    if (rc == 0) {
        append(pool, keep_job);
    }
    kn_unlock(&pool->lock);
    if (calls) {
        kn_futex_wake(&pool->calls, 1);
    }
    if (has_ended) {
        reap(pool);
    }
    return rc;
}

void kn_jobs_stop(struct kn_sched *sched)
{
    struct kn_job_pool *pool = &sched->jobs;

    kn_lock(&pool->lock);
    pool->is_stopping = true;
    pool->called += pool->idle;
    pool->idle = 0;
    (void)kn_add(&pool->calls, 1, relaxed); /* relaxed: written under the lock */
    kn_unlock(&pool->lock);
    kn_futex_wake(&pool->calls, UINT32_MAX);
}

void kn_jobs_join(struct kn_sched *sched)
{
    reap(&sched->jobs);
    KOKEN_CHECK(sched->jobs.count == 0);
}

struct kn_job *kn_sched_leftover_job(struct kn_sched *sched)
{
    struct kn_job *job = take_job(&sched->jobs);

    if (job != NULL) {
        (void)kn_sub(&sched->jobs.open, 1, relaxed); /* relaxed: no thread is left */
    }
    return job;
}
