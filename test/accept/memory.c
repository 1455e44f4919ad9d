/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory: a million idle agents take 256 bytes each at most (T036), a hundred thousand agents made and
 * stopped in a loop leave nothing and do not grow the process, two hundred starts and stops neither, and
 * every allocation may fail without a leak, a hang or a crash.
 */
#include "test/support/runtime.h"

#include <koken/fiber.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

enum { MANY = IS_SANITIZED ? 20000 : 1000000, LOOP = IS_SANITIZED ? 20000 : 100000 };

KOKEN_EVENT(ping);
KOKEN_MESSAGE(pong, { uint32_t value; });

static kn_atomic(uint32_t) handled, exits;

struct idle {
    uint64_t one, two;
};

static int on_ping(koken_ctx *ctx, struct idle *self, const struct ping *msg)
{
    (void)ctx, (void)msg;
    self->one++;
    (void)count(&handled);
    return 0;
}

KOKEN_AGENT(idle, struct idle, KOKEN_ON(ping, on_ping));

static uint64_t resident(void)
{
    unsigned long long pages = 0, unused;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%llu %llu", &unused, &pages) != 2) {
        pages = 0;
    }
    if (file) {
        fclose(file);
    }
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* A million agents, each of which then answers one ping. */
Test(memory, idle_agents_are_small, .timeout = 300)
{
    koken_ref *refs = malloc(MANY * sizeof *refs);
    memset(refs, 1, MANY * sizeof *refs);
    struct koken *rt = start(2);
    reset(&handled);
    uint64_t before = resident();
    for (int i = 0; i < MANY; i++) {
        refs[i] = koken_spawn(rt, idle);
    }
    drain(rt);
    uint64_t each = (resident() - before) / MANY;
    cr_assert(IS_SANITIZED || each <= 256, "%llu bytes per idle agent", (unsigned long long)each);
    cr_assert_eq(metrics(rt).alive, MANY);
    for (int i = 0; i < MANY; i++) {
        int rc;
        while ((rc = koken_signal(refs[i], ping)) == -EAGAIN) {
            kn_thread_yield();
        }
        cr_assert_eq(rc, 0);
    }
    check_balance(rt, 0);
    cr_assert_eq(reading(&handled), MANY);
    stop(rt);
    free(refs);
}

/* ---- a loop of births and deaths -------------------------------------------------------------------------------- */

struct mayfly {
    unsigned char state[100]; /* not in the slot */
};

static int on_mayfly(koken_ctx *ctx, struct mayfly *self, const struct ping *msg)
{
    (void)self, (void)msg;
    koken_timer timer = koken_after(ctx, KOKEN_S(100), ping); /* ends with it */
    expect(timer.id != 0);
    (void)count(&handled);
    return KOKEN_STOP;
}

static void on_mayfly_exit(koken_ctx *ctx, struct mayfly *self, int reason)
{
    (void)ctx, (void)self, (void)reason;
    (void)count(&exits);
}

KOKEN_AGENT(mayfly, struct mayfly, KOKEN_ON(ping, on_mayfly), KOKEN_EXIT(on_mayfly_exit));

static void live_and_die(struct koken *rt, int n)
{
    for (int i = 0; i < n; i++) {
        koken_ref who = koken_spawn(rt, mayfly, .capacity = 4,
                                    .policy = i % 5 ? KOKEN_POLICY_REJECT : KOKEN_POLICY_DROP_OLD);
        cr_assert(!koken_is_nobody(who));
        cr_assert_eq(i % 3 ? koken_signal(who, ping) : koken_exit(who), 0);
        if (i % 512 == 511) {
            drain(rt);
        }
    }
    drain(rt);
}

/* After the first rounds the process has what it needs: later rounds do not grow it. */
Test(memory, births_and_deaths_leave_nothing, .timeout = 300)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        reset(&exits);
        uint64_t before, after = resident();
        uint32_t rounds = 0;
        do { /* ends: a round does not grow it; what leaks would in each */
            before = after;
            live_and_die(rt, LOOP / 4);
            live_and_die(rt, LOOP / 4);
            after = resident();
        } while (++rounds < 2 || (after >= before + (4 << 20) && rounds < 8));
        cr_assert(IS_SANITIZED || after < before + (4 << 20), "grew by %lld bytes",
                  (long long)(after - before));
        check_balance(rt, 0);
        cr_assert_eq(reading(&exits), rounds * 2 * (LOOP / 4));
        cr_assert_eq(metrics(rt).alive, 0);
        stop(rt);
    }
}

/* The same with fibers: their stacks are used again. */
static int fiber_life(koken_ctx *ctx, struct idle *self, const void *arg)
{
    (void)arg, (void)self;
    char *volatile page = (char[3000]){0};
    page[10] = 1;
    int rc = koken_yield(ctx);
    (void)count(&exits);
    return rc == -ECANCELED ? 0 : rc;
}

KOKEN_FIBER(brief, struct idle, fiber_life);

static void run_fibers(struct koken *rt, int n)
{
    for (int i = 0; i < n; i++) {
        cr_assert(!koken_is_nobody(koken_spawn(rt, brief)));
        if (i % 64 == 63) {
            drain(rt);
        }
    }
    drain(rt);
}

Test(memory, fibers_leave_nothing, .timeout = 300)
{
    struct koken *rt = start(2);
    reset(&exits);
    run_fibers(rt, LOOP / 20);
    uint64_t before, after = resident();
    uint32_t rounds = 1;
    do { /* ends: as above */
        before = after;
        run_fibers(rt, LOOP / 20);
        after = resident();
    } while (++rounds < 8 && after >= before + (4 << 20));
    cr_assert(IS_SANITIZED || after < before + (4 << 20));
    check_balance(rt, 0);
    cr_assert_eq(reading(&exits), rounds * (LOOP / 20));
    stop(rt);
}

/* Many starts and stops in one process, with work in each. */
Test(memory, starts_and_stops, .timeout = 300)
{
    uint64_t before, after = 0;
    uint32_t rounds = 0;
    do { /* ends: as above */
        before = after;
        for (unsigned i = 0; i < 100; i++) {
            struct koken *rt = start(i % 3 + 1);
            reset(&handled);
            for (int k = 0; k < 10; k++) {
                cr_assert_eq(koken_signal(koken_spawn(rt, idle), ping), 0);
            }
            stop(rt);
            cr_assert_eq(reading(&handled), 10);
        }
        after = resident();
    } while (++rounds < 2 || (after >= before + (4 << 20) && rounds < 8));
    cr_assert(IS_SANITIZED || after < before + (4 << 20));
}

/* ---- allocations that fail ----------------------------------------------------------------------------------------- */

#ifdef KN_DEBUG

struct server {
    unsigned char state[300]; /* from the heap */
};

static int on_request(koken_ctx *ctx, struct server *self, const struct ping *msg)
{
    (void)self, (void)msg;
    (void)koken_after(ctx, KOKEN_S(10), ping);
    return koken_reply(ctx, pong, .value = 3);
}

KOKEN_AGENT(server, struct server, KOKEN_ON(ping, on_request));

static int ask_once(koken_ctx *ctx, struct idle *self, const void *arg)
{
    struct pong got;
    (void)self;
    int rc = koken_await(ctx, *(const koken_ref *)arg, KOKEN_S(10), &got, ping);
    return rc < 0 ? rc : 0;
}

KOKEN_FIBER(asking, struct idle, ask_once);

/* A bit of everything; each step may fail and must say so. */
static void small_workload(struct koken *rt)
{
    struct pong got;
    koken_ref server = koken_spawn(rt, server);
    koken_ref dropper = koken_spawn(rt, idle, .policy = KOKEN_POLICY_DROP_OLD, .capacity = 2);
    int rc = koken_await(rt, server, KOKEN_S(10), &got, ping);
    cr_assert(rc == 0 || rc == -ENOMEM || rc == -ESRCH || rc == -EPROTO, "%s", koken_errname(rc));
    for (int i = 0; i < 5; i++) {
        rc = koken_signal(dropper, ping);
        cr_assert(rc == 0 || rc == -ENOMEM || rc == -ESRCH, "%s", koken_errname(rc));
    }
    koken_ref fiber = koken_spawn(rt, asking, .arg = &server, .arg_size = sizeof server);
    (void)fiber;
    rc = koken_exit(dropper);
    cr_assert(rc == 0 || rc == -ENOMEM || rc == -ESRCH, "%s", koken_errname(rc));
}

/* The k-th allocation fails, for every k: an error or success, never a leak, a hang or a crash. */
Test(memory, every_allocation_may_fail, .timeout = 300)
{
    struct koken *rt = NULL;
    struct koken_options o = {.workers = 2, .exact_workers = true, .stamp_messages = true};
    (void)kn_world_init();
    cr_assert_eq(koken_start(&o, &rt), 0); /* what a process makes once, it makes here */
    small_workload(rt);
    cr_assert_eq(koken_stop(rt, KOKEN_S(30)), 0);
    uint64_t live = kn_alloc_live(), k = 0;
    bool is_over = false;
    while (!is_over) { /* ends: at the number of allocations */
        kn_alloc_fail_after(k);
        rt = NULL;
        int rc = koken_start(&o, &rt);
        cr_assert(rc == 0 || rc == -ENOMEM, "failure %llu: %s", (unsigned long long)k,
                  koken_errname(rc));
        cr_assert_eq(rc == 0, rt != NULL);
        if (rc == 0) {
            small_workload(rt);
            drain(rt);
            cr_assert_eq(koken_stop(rt, KOKEN_S(30)), 0);
            is_over = kn_alloc_fail_is_armed();
        }
        kn_alloc_fail_after(UINT64_MAX);
        cr_assert_eq(kn_alloc_live(), live, "failure %llu leaked %lld bytes", (unsigned long long)k,
                     (long long)(kn_alloc_live() - live));
        k++;
    }
    cr_assert_gt(k, 10);
}

#endif
