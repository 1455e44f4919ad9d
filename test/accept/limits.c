/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Under limits of the system, koken_start answers an error or works, and never aborts: little address
 * space, no more threads, no more descriptors. Each in a process of its own.
 */
#include "test/support/runtime.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define HAS_ASAN 1
#elif __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif

#ifdef HAS_ASAN
enum { IS_ASAN = 1, IS_TSAN = 0 }; /* its shadow needs more address space than any limit */
#elif defined(HAS_TSAN)
enum { IS_ASAN = 0, IS_TSAN = 1 }; /* it starts no threads in a child of a process with threads */
#else
enum { IS_ASAN = 0, IS_TSAN = 0 };
#endif

KOKEN_EVENT(ping);
KOKEN_EVENT(pong);

struct agent {
    char unused;
};

static int on_ping(koken_ctx *ctx, struct agent *self, const struct ping *msg)
{
    (void)self, (void)msg;
    return koken_reply(ctx, pong);
}

KOKEN_AGENT(agent, struct agent, KOKEN_ON(ping, on_ping));

/* What one process found: 0 it ran, 100 an error of the list, else what is wrong. */
static int try_runtime(unsigned workers)
{
    struct koken *rt = NULL;
    struct koken_options o = {.workers = workers, .exact_workers = true};
    int rc = koken_start(&o, &rt);
    if (rc < 0) {
        return rc == -ENOMEM || rc == -EAGAIN ? 100 : 1;
    }
    koken_ref who = koken_spawn(rt, agent);
    if (!koken_is_nobody(who)) {
        char answer;
        rc = koken_await_rt_(rt, who, KOKEN_S(20), &answer, 0, &koken_type_ping, "");
        if (rc != 0 && rc != -ENOMEM && rc != -EPROTO) {
            return 2;
        }
    }
    return koken_stop(rt, KOKEN_S(20)) == 0 ? 0 : 3;
}

/* Forks, sets the limit, and tries; the exit status as try_runtime, or 1000 + signal. */
static int limited(__rlimit_resource_t resource, rlim_t limit, unsigned workers)
{
    int status = 0;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        struct rlimit both = {limit, limit};
        _exit(setrlimit(resource, &both) == 0 ? try_runtime(workers) : 50);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void walk(__rlimit_resource_t resource, const rlim_t *limits, int count, unsigned workers,
                 bool must_fail_first)
{
    for (int i = 0; i < count; i++) {
        int outcome = limited(resource, limits[i], workers);
        cr_assert(outcome == 0 || outcome == 100, "limit %llu: %d", (unsigned long long)limits[i],
                  outcome);
        cr_assert(i > 0 || !must_fail_first || outcome == 100, "limit %llu",
                  (unsigned long long)limits[i]);
    }
}

/* ulimit -v: from next to nothing to plenty. */
Test(limits, address_space, .timeout = 120)
{
    rlim_t limits[40];
    if (IS_ASAN || IS_TSAN) {
        return;
    }
    for (int i = 0; i < 40; i++) {
        limits[i] = ((rlim_t)8 << 20) + (rlim_t)i * (i < 20 ? 2 << 20 : 64 << 20);
    }
    walk(RLIMIT_AS, limits, 40, 4, true);
}

/* ulimit -n: the poller's descriptors. */
Test(limits, descriptors, .timeout = 120)
{
    if (IS_TSAN) {
        return;
    }
    static const rlim_t limits[] = {3, 4, 5, 6, 7, 8, 10, 16};
    walk(RLIMIT_NOFILE, limits, sizeof limits / sizeof limits[0], 2, false);
}

/* ulimit -u: no thread more. It does not bind root, so the child becomes nobody first, if it can. */
Test(limits, threads, .timeout = 120)
{
    if (IS_TSAN) {
        return;
    }
    for (rlim_t limit = 1; limit <= 12; limit += 1) {
        int status = 0;
        pid_t child = fork();
        cr_assert_geq(child, 0);
        if (child == 0) {
            struct rlimit both = {limit, limit};
            bool is_bound = geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0);
            _exit(is_bound && setrlimit(RLIMIT_NPROC, &both) == 0 ? try_runtime(4) : 0);
        }
        cr_assert_eq(waitpid(child, &status, 0), child);
        int outcome = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
        cr_assert(outcome == 0 || outcome == 100, "limit %llu: %d", (unsigned long long)limit,
                  outcome);
    }
}
