/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the scheduler's life: start and stop a thousand times, stop with work queued (T033),
 * impossible configurations, hooks in pairs, failures at every point of the start, quiet, and that
 * an idle scheduler sleeps (T030).
 */
#include "base/alloc.h"
#include "base/world.h"
#include "sched/machine.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct task {
    struct kn_runnable runnable; /* first */
    kn_atomic(uint32_t) runs;
    kn_atomic(uint64_t) began_ns;
};

static enum kn_ran step_count(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *task = (struct task *)(void *)runnable;

    (void)worker;
    kn_store(&task->began_ns, kn_now(), relaxed);
    (void)kn_add(&task->runs, 1, release);
    return KN_RAN_DONE;
}

static enum kn_ran step_forever(struct kn_worker *worker, struct kn_runnable *runnable)
{
    (void)worker;
    (void)kn_add(&((struct task *)(void *)runnable)->runs, 1, relaxed);
    return KN_RAN_AGAIN;
}

static struct kn_sched *start(struct kn_sched_config config)
{
    struct kn_sched *sched = NULL;

    config.is_exact = config.workers > 0;
    cr_assert_eq(kn_sched_start(&config, &sched), 0);
    return sched;
}

static void stop(struct kn_sched *sched)
{
    cr_assert_eq(kn_sched_stop(sched, kn_now() + UINT64_C(60000000000)), 0);
    cr_assert_eq(kn_sched_stop(sched, 0), 0, "stop is idempotent");
    kn_sched_free(sched);
}

#ifdef KN_TSAN
enum { STARTS = 200 }; /* what a thread costs under it is 13 ms */
#else
enum { STARTS = 1000 };
#endif

Test(sched, starts_and_stops_a_thousand_times, .timeout = 120)
{
    for (unsigned i = 0; i < STARTS; i++) {
        struct kn_sched *sched = start((struct kn_sched_config){.workers = 1 + i % 4});
        struct task task = {.runnable.step = step_count};

        if (i % 2 == 0) {
            kn_ready_foreign(sched, &task.runnable, KN_PRIO_NORMAL);
            cr_assert(kn_sched_quiet(sched, KN_NEVER));
            cr_assert_eq(kn_load(&task.runs, acquire), 1);
        }
        stop(sched);
    }
}

Test(sched, two_schedulers_live_side_by_side)
{
    struct kn_sched *one = start((struct kn_sched_config){.workers = 2});
    struct kn_sched *other = start((struct kn_sched_config){.workers = 2});
    struct task task = {.runnable.step = step_count};

    kn_ready_foreign(one, &task.runnable, KN_PRIO_NORMAL);
    cr_assert(kn_sched_quiet(one, KN_NEVER));
    stop(one);
    kn_ready_foreign(other, &task.runnable, KN_PRIO_NORMAL);
    cr_assert(kn_sched_quiet(other, KN_NEVER));
    cr_assert_eq(kn_load(&task.runs, acquire), 2);
    stop(other);
}

Test(sched, nothing_runs_after_stop_and_leftovers_can_be_taken) /* T033 */
{
    struct kn_sched *sched = start((struct kn_sched_config){.workers = 2});
    struct task forever[500];
    struct kn_runnable *left;
    unsigned count = 0;

    memset(forever, 0, sizeof(forever));
    for (unsigned i = 0; i < 500; i++) {
        forever[i].runnable.step = step_forever;
        kn_ready_foreign(sched, &forever[i].runnable, (enum kn_prio)(i % KN_PRIO_COUNT_));
    }
    cr_assert(!kn_sched_quiet(sched, kn_now() + 5000000));
    cr_assert_eq(kn_sched_stop(sched, KN_NEVER), 0);
    while ((left = kn_sched_leftover(sched)) != NULL) {
        ((struct task *)(void *)left)->runnable.step = NULL; /* once each */
        count++;
    }
    cr_assert_eq(count, 500);
    for (unsigned i = 0; i < 500; i++) {
        cr_assert_null(forever[i].runnable.step);
    }
    kn_sched_free(sched);
}

Test(sched, impossible_configurations_are_refused)
{
    struct kn_sched *sched = NULL;

    cr_assert_eq(kn_sched_start(&(struct kn_sched_config){.workers = KN_WORKERS_MAX + 1}, &sched),
                 -EINVAL);
    cr_assert_eq(kn_sched_start(&(struct kn_sched_config){.is_exact = true}, &sched), -EINVAL);
    cr_assert_eq(kn_sched_start(&(struct kn_sched_config){.budget = UINT32_MAX}, &sched), -EINVAL);
    cr_assert_eq(kn_sched_start(&(struct kn_sched_config){.affinity = (enum kn_affinity)7}, &sched),
                 -EINVAL);
    cr_assert_eq(kn_sched_start(&(struct kn_sched_config){.topology = "no such thing"}, &sched),
                 -EINVAL);
    cr_assert_null(sched);
    kn_sched_free(NULL);
}

Test(sched, null_means_the_defaults_and_the_reason_is_logged_once)
{
    struct kn_sched *sched = NULL;

    cr_assert_eq(kn_sched_start(NULL, &sched), 0);
    cr_assert_geq(kn_sched_worker_count(sched), 1);
    cr_assert_eq(kn_sched_worker(sched, 0)->index, 0);
    stop(sched);
}

/* ---- hooks ---- */

struct calls {
    kn_atomic(uint32_t) workers, worker_stops, threads, thread_stops, offline, online, quiescent,
        logs;
    uint32_t fail_worker, fail_thread; /* the n-th fails, 0: none */
};

static int on_worker_start(struct kn_worker *worker, void *arg)
{
    struct calls *calls = arg;

    worker->local = calls;
    if (kn_load(&calls->workers, relaxed) + 1 == calls->fail_worker) {
        return -ENOMEM;
    }
    (void)kn_add(&calls->workers, 1, relaxed);
    return 0;
}

static void on_worker_stop(struct kn_worker *worker, void *arg)
{
    cr_assert_eq(worker->local, arg);
    (void)kn_add(&((struct calls *)arg)->worker_stops, 1, relaxed);
}

static int on_thread_start(void *arg)
{
    struct calls *calls = arg;

    return kn_add(&calls->threads, 1, relaxed) + 1 == calls->fail_thread ? -EAGAIN : 0;
}

static void on_thread_stop(void *arg)
{
    (void)kn_add(&((struct calls *)arg)->thread_stops, 1, relaxed);
}

static KN_TLS int is_offline;

static void on_offline(void *arg)
{
    cr_assert_eq(is_offline, 0);
    is_offline = 1;
    (void)kn_add(&((struct calls *)arg)->offline, 1, relaxed);
}

static void on_online(void *arg)
{
    cr_assert_eq(is_offline, 1);
    is_offline = 0;
    (void)kn_add(&((struct calls *)arg)->online, 1, relaxed);
}

static void on_quiescent(struct kn_worker *worker, void *arg)
{
    cr_assert_eq(worker, kn_worker_self);
    cr_assert_eq(is_offline, 0);
    (void)kn_add(&((struct calls *)arg)->quiescent, 1, relaxed);
}

static void on_log(void *arg, const char *line)
{
    cr_assert_not_null(strstr(line, "workers"));
    (void)kn_add(&((struct calls *)arg)->logs, 1, relaxed);
}

static struct kn_sched_config hooked(struct calls *calls, unsigned workers)
{
    return (struct kn_sched_config){.workers = workers,
                                    .is_exact = true,
                                    .hooks = {.arg = calls,
                                              .worker_start = on_worker_start,
                                              .worker_stop = on_worker_stop,
                                              .thread_start = on_thread_start,
                                              .thread_stop = on_thread_stop,
                                              .offline = on_offline,
                                              .online = on_online,
                                              .quiescent = on_quiescent},
                                    .log = on_log,
                                    .log_arg = calls};
}

Test(sched, hooks_come_in_pairs)
{
    static struct calls calls;
    struct kn_sched *sched = start(hooked(&calls, 3));
    struct task tasks[100];

    memset(tasks, 0, sizeof(tasks));
    for (unsigned i = 0; i < 100; i++) {
        tasks[i].runnable.step = step_count;
        kn_ready_foreign(sched, &tasks[i].runnable, KN_PRIO_NORMAL);
    }
    cr_assert(kn_sched_quiet(sched, KN_NEVER));
    stop(sched);
    cr_assert_eq(kn_load(&calls.logs, relaxed), 1);
    cr_assert_eq(kn_load(&calls.workers, relaxed), 3);
    cr_assert_eq(kn_load(&calls.worker_stops, relaxed), 3);
    cr_assert_eq(kn_load(&calls.threads, relaxed), 3);
    cr_assert_eq(kn_load(&calls.thread_stops, relaxed), 3);
    cr_assert_eq(kn_load(&calls.offline, relaxed), kn_load(&calls.online, relaxed));
    cr_assert_gt(kn_load(&calls.quiescent, relaxed), 0);
}

Test(sched, a_hook_that_fails_undoes_the_start)
{
    for (uint32_t n = 1; n <= 3; n++) {
        static struct calls calls;
        struct kn_sched *sched = NULL;
        struct kn_sched_config config = hooked(&calls, 3);

        memset(&calls, 0, sizeof(calls));
        calls.fail_worker = n;
        cr_assert_eq(kn_sched_start(&config, &sched), -ENOMEM);
        cr_assert_eq(kn_load(&calls.workers, relaxed), kn_load(&calls.worker_stops, relaxed));
        cr_assert_eq(kn_load(&calls.threads, relaxed), 0);

        memset(&calls, 0, sizeof(calls));
        calls.fail_thread = n;
        cr_assert_eq(kn_sched_start(&config, &sched), -EAGAIN);
        cr_assert_eq(kn_load(&calls.worker_stops, relaxed), 3);
        cr_assert_eq(kn_load(&calls.threads, relaxed), 3);
        cr_assert_eq(kn_load(&calls.thread_stops, relaxed), 2);
        cr_assert_null(sched);
    }
}

#ifdef KN_DEBUG
Test(sched, an_allocation_that_fails_undoes_the_start)
{
    for (uint64_t n = 0; n < 1000; n++) {
        struct kn_sched *sched = NULL;
        struct kn_sched_config config = {.workers = 2, .is_exact = true};
        uint64_t before = kn_alloc_live();
        int rc;

        kn_alloc_fail_after(n);
        rc = kn_sched_start(&config, &sched);
        if (rc == 0) {
            bool is_armed = kn_alloc_fail_is_armed();

            kn_alloc_fail_after(UINT64_MAX);
            stop(sched);
            cr_assert_eq(kn_alloc_live(), before);
            cr_assert(is_armed, "a failure was swallowed");
            return;
        }
        cr_assert(rc == -ENOMEM || rc == -EAGAIN, "%d", rc);
        cr_assert_eq(kn_alloc_live(), before, "failure %lu leaks", (unsigned long)n);
    }
    cr_assert(false, "the start never succeeded");
}
#endif

/* A limit on threads as the kernel gives it: -EAGAIN, and nothing is left. Root has no such limit.
 */
Test(sched, a_limit_on_threads_fails_the_start)
{
    struct kn_sched *sched = NULL;
    struct kn_sched_config config = {.workers = 512, .is_exact = true};
    struct rlimit old, low;
    int rc;

    cr_assert_eq(getrlimit(RLIMIT_NPROC, &old), 0);
    low = old;
    low.rlim_cur = 4;
    cr_assert_eq(setrlimit(RLIMIT_NPROC, &low), 0);
    rc = kn_sched_start(&config, &sched);
    cr_assert_eq(setrlimit(RLIMIT_NPROC, &old), 0);
    cr_assert(rc == 0 || rc == -EAGAIN || rc == -ENOMEM);
    if (rc == 0) {
        stop(sched);
    }
}

/* ---- idle ---- */

static uint64_t process_cpu_ns(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Of the threads whose name begins with "koken-": a test runner may have threads of its own. */
static long voluntary_switches(void)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    long sum = 0;

    cr_assert_not_null(tasks);
    while ((entry = readdir(tasks)) != NULL) {
        char path[300], line[128];
        bool is_ours = false;
        FILE *file;

        (void)snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
        file = fopen(path, "re");
        while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
            long switches;

            is_ours |= strncmp(line, "Name:\tkoken-", 12) == 0;
            if (is_ours && sscanf(line, "voluntary_ctxt_switches: %ld", &switches) == 1) {
                sum += switches;
            }
        }
        if (file != NULL) {
            (void)fclose(file);
        }
    }
    (void)closedir(tasks);
    return sum;
}

/* Nothing in 1.2 s. What comes round is in each of them; what the machine does to us is not. */
static bool sleeps_soundly(void)
{
    struct timespec pause = {.tv_sec = 1, .tv_nsec = 200000000};
    uint64_t cpu = process_cpu_ns();
    long switches = voluntary_switches();

    (void)nanosleep(&pause, NULL);
    return voluntary_switches() == switches && process_cpu_ns() - cpu < 5000000;
}

Test(sched, an_idle_scheduler_does_not_wake_up) /* T030 */
{
    struct kn_sched *sched = start((struct kn_sched_config){.workers = 4});
    struct timespec pause = {.tv_nsec = 200000000};
    bool has_slept = false;

    cr_assert(kn_sched_quiet(sched, KN_NEVER));
    (void)nanosleep(&pause, NULL); /* sysmon notices, too; later on a machine that pauses */
    for (unsigned i = 0; i < 20 && !has_slept; i++) {
        has_slept = sleeps_soundly();
    }
    cr_assert(has_slept);
    stop(sched);
}

Test(sched, a_task_for_an_idle_scheduler_is_never_lost, .timeout = 300) /* T030 */
{
    struct kn_sched *sched = start((struct kn_sched_config){.workers = 2, .spin_ns = KN_NO_SPIN});
    struct task task = {.runnable.step = step_count};

    for (uint32_t i = 0; i < 100000; i++) {
        kn_ready_foreign(sched, &task.runnable, KN_PRIO_NORMAL);
        cr_assert(kn_sched_quiet(sched, kn_now() + UINT64_C(20000000000)), "stuck in cycle %u", i);
        cr_assert_eq(kn_load(&task.runs, acquire), i + 1);
    }
    stop(sched);
}
