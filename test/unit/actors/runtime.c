/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: impossible options are refused, defaults are what the header says, a runtime can be made many
 * times and side by side, counts are exact when quiet, latency is taken only when asked for, and a start
 * under tight limits fails cleanly.
 */
#include "test/support/runtime.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

KOKEN_EVENT(tick);
KOKEN_EVENT(end);

struct counter {
    uint32_t count;
};

static int on_tick(koken_ctx *ctx, struct counter *self, const struct tick *msg)
{
    (void)ctx, (void)msg;
    self->count++;
    return 0;
}

static int on_end(koken_ctx *ctx, struct counter *self, const struct end *msg)
{
    (void)ctx, (void)self, (void)msg;
    return KOKEN_STOP;
}

KOKEN_AGENT(counter, struct counter, KOKEN_ON(tick, on_tick), KOKEN_ON(end, on_end));

static int try_start(struct koken_options o)
{
    struct koken *rt = NULL;
    int rc = koken_start(&o, &rt);
    if (rc == 0) {
        cr_assert_eq(koken_stop(rt, KOKEN_S(10)), 0);
    }
    return rc;
}

/* Each impossible option is -EINVAL, and NULL too (T012). */
Test(runtime, refuses_impossible_options)
{
    cr_assert_eq(koken_start(NULL, NULL), -EINVAL);
    cr_assert_eq(try_start((struct koken_options){.struct_size = 4}), -EINVAL);
    cr_assert_eq(try_start((struct koken_options){.struct_size = 100000}), -EINVAL);
    cr_assert_eq(try_start((struct koken_options){.workers = 100000}), -EINVAL);
    cr_assert_eq(try_start((struct koken_options){.steal = KOKEN_STEAL_COUNT_}), -EINVAL);
    cr_assert_eq(try_start((struct koken_options){.mailbox_capacity = KOKEN_CAPACITY_MAX + 1}),
                 -EINVAL);
    cr_assert_eq(try_start((struct koken_options){.mailbox_capacity = 10, .mailbox_high = 11}),
                 -EINVAL);
    cr_assert_eq(try_start((struct koken_options){
                     .mailbox_capacity = 10, .mailbox_high = 5, .mailbox_low = 5}),
                 -EINVAL);
    cr_assert_eq(try_start((struct koken_options){
                     .mailbox_capacity = 10, .mailbox_high = 5, .mailbox_low = 6}),
                 -EINVAL);
    cr_assert_eq(try_start((struct koken_options){.policy = KOKEN_POLICY_COUNT_}), -EINVAL);
    cr_assert_eq(try_start((struct koken_options){.budget = 1u << 30}), -EINVAL);
    cr_assert_eq(try_start((struct koken_options){.stack_size = 100}), -EINVAL);
}

/* An options struct of an older, shorter header is taken with defaults for the rest. */
Test(runtime, takes_a_shorter_struct)
{
    struct koken_options o;
    memset(&o, 0xff, sizeof o);
    o.struct_size = offsetof(struct koken_options, mailbox_capacity);
    o.workers = 1;
    struct koken *rt = NULL;
    cr_assert_eq(koken_start(&o, &rt), 0);
    cr_assert_eq(koken_workers(rt), 1u);
    cr_assert_eq(koken_stop(rt, KOKEN_S(10)), 0);
}

/* NULL where a runtime is wanted: harmless or -EINVAL. */
Test(runtime, null_is_refused)
{
    struct koken_metrics m = {.sent = 7};
    koken_ref who = {0};
    koken_metrics(NULL, &m);
    cr_assert_eq(m.sent, 0u);
    cr_assert_eq(koken_workers(NULL), 0u);
    cr_assert_eq(koken_stop(NULL, 1), -EINVAL);
    cr_assert_eq(koken_drain(NULL, 1), -EINVAL);
    cr_assert_eq(koken_latency(NULL, NULL), -EINVAL);
    cr_assert_eq(koken_try_spawn((struct koken *)NULL, &who, counter), -EINVAL);
    cr_assert_eq(koken_signal(KOKEN_NOBODY, tick), -ESRCH);
    cr_assert_eq(koken_exit(KOKEN_NOBODY), -ESRCH);
    cr_assert(!koken_alive(KOKEN_NOBODY));
}

/* Start and stop in a loop, with something to do each time: nothing is left over. */
Test(runtime, starts_again_and_again, .timeout = 120)
{
    for (int i = 0; i < 20 * SCALE; i++) {
        struct koken *rt = start(1 + (unsigned)i % 3);
        koken_ref who = koken_spawn(rt, counter);
        cr_assert_eq(koken_signal(who, tick), 0);
        stop(rt);
        cr_assert_eq(koken_signal(who, tick), -ESRCH, "a handle outlives its runtime harmlessly");
    }
}

/* Two runtimes side by side know nothing of each other but handles. */
Test(runtime, two_side_by_side)
{
    struct koken *left = start(1), *right = NULL;
    cr_assert_eq(koken_start(NULL, &right), 0);
    koken_ref here = koken_spawn(left, counter), there = koken_spawn(right, counter);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(koken_signal(here, tick), 0);
        cr_assert_eq(koken_signal(there, tick), 0);
    }
    drain(left);
    drain(right);
    cr_assert_eq(metrics(left).received, 100u);
    cr_assert_eq(metrics(right).received, 100u);
    cr_assert_eq(koken_stop(right, KOKEN_S(10)), 0);
    cr_assert_eq(koken_signal(there, tick), -ESRCH);
    stop(left);
}

/* After a drain every count is exact (T057). */
Test(runtime, counts_exactly)
{
    struct koken *rt = start(2);
    for (int i = 0; i < 10; i++) {
        koken_ref who = koken_spawn(rt, counter);
        for (int k = 0; k <= i; k++) {
            cr_assert_eq(koken_signal(who, tick), 0);
        }
        if (i % 2) {
            cr_assert_eq(koken_signal(who, end), 0);
        }
    }
    check_balance(rt, 0);
    struct koken_metrics m = metrics(rt);
    cr_assert_eq(m.sent, 60u);
    cr_assert_eq(m.received, 60u);
    cr_assert_eq(m.spawned, 10u);
    cr_assert_eq(m.exited, 5u);
    cr_assert_eq(m.alive, 5u);
    cr_assert_eq(m.failed, 0u);
    cr_assert_eq(m.refused, 0u);
    cr_assert_eq(m.queued, 0u);
    cr_assert_gt(m.dispatches, 0u);
    cr_assert_gt(m.envelope_bytes, 0u);
    stop(rt);
}

/* Latencies exist under stamp_messages only, and there are as many as messages. */
Test(runtime, latency_when_asked_for)
{
    static struct koken_histogram histogram;
    struct koken *plain = start(1);
    cr_assert_eq(koken_latency(plain, &histogram), -ENOTSUP);
    stop(plain);
    struct koken *rt = start_with(2, (struct koken_options){.stamp_messages = true});
    koken_ref who = koken_spawn(rt, counter);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(koken_signal(who, tick), 0);
    }
    drain(rt);
    cr_assert_eq(koken_latency(rt, &histogram), 0);
    cr_assert_eq(koken_histogram_count(&histogram), 100u);
    cr_assert_gt(koken_histogram_quantile(&histogram, 0.5), 0u);
    stop(rt);
}

/* A child with a limit of its own: koken_start answers 0 or an error of the list, and the child lives. */
KN_UNUSED static int start_under(__rlimit_resource_t resource, rlim_t limit)
{
    pid_t child = fork();
    if (child == 0) {
        struct rlimit r = {limit, limit};
        (void)setrlimit(resource, &r);
        struct koken *rt = NULL;
        int rc = koken_start(NULL, &rt);
        if (rc == 0) {
            koken_ref who = koken_spawn(rt, counter);
            int sent = koken_signal(who, tick);
            rc = koken_stop(rt, KOKEN_S(10));
            rc = rc == 0 && sent == -ESHUTDOWN ? sent : rc;
        }
        _exit(rc == 0 ? 0 : (strcmp(koken_errname(rc), "UNKNOWN") != 0 ? 1 : 2));
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "it died of signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

/* Tight limits of memory, threads and descriptors: an error or success, never an abort. */
Test(runtime, tight_limits_are_errors, .timeout = 120)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    cr_assert(true); /* a sanitizer's own memory does not fit under the limits */
#else
    for (rlim_t mib = 24; mib <= 512; mib += mib < 128 ? 8 : 64) {
        cr_assert_neq(start_under(RLIMIT_AS, mib << 20), 2, "%u MiB", (unsigned)mib);
    }
    for (rlim_t files = 0; files <= 12; files++) {
        cr_assert_neq(start_under(RLIMIT_NOFILE, files), 2, "%u descriptors", (unsigned)files);
    }
    for (rlim_t threads = 1; threads <= 8; threads++) {
        cr_assert_neq(start_under(RLIMIT_NPROC, threads), 2, "%u threads", (unsigned)threads);
    }
#endif
}
