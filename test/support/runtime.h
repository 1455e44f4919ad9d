/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests that need a running runtime: starting, draining, checking that messages balance and that
 * nothing leaks, and saying from any thread that something was wrong.
 */
#ifndef KN_TEST_SUPPORT_RUNTIME_H
#define KN_TEST_SUPPORT_RUNTIME_H

#include "base/alloc.h"
#include "base/atomic.h"
#include "base/world.h"

#include <koken.h>

#include <criterion/criterion.h>
#include <errno.h>

/* Sanitized and debug builds do a tenth of the work. */
#ifdef KN_DEBUG
enum { SCALE = 1 };
#else
enum { SCALE = 10 };
#endif

static kn_atomic(const char *) wrong; /* what was found wrong first, by any thread */

#define STRINGIFY_(x) #x
#define LINE_(x) STRINGIFY_(x)
/* For handlers and threads, where cr_assert must not be used. */
#define expect(fact) expect_((fact), __FILE__ ":" LINE_(__LINE__) ": " #fact)
static inline void expect_(bool fact, const char *text)
{
    const char *none = NULL;
    if (!fact) {
        /* Relaxed: a text that is constant. */
        (void)kn_cas_strong(&wrong, &none, text, relaxed, relaxed);
    }
}

static inline void assert_nothing_wrong(void)
{
    const char *text = kn_load(&wrong, relaxed);
    cr_assert_null(text, "%s", text ? text : "");
}

#ifdef KN_DEBUG
static uint64_t live_at_start;
#endif

static inline struct koken *start_with(unsigned workers, struct koken_options o)
{
    struct koken *rt = NULL;
    o.workers = workers;
    o.exact_workers = true;
    (void)kn_world_init();
    kn_store(&wrong, NULL, relaxed);
#ifdef KN_DEBUG
    live_at_start = kn_alloc_live();
#endif
    int rc = koken_start(&o, &rt);
    cr_assert_eq(rc, 0, "koken_start: %s", koken_errname(rc));
    cr_assert_eq(koken_workers(rt), workers);
    return rt;
}

static inline struct koken *start(unsigned workers)
{
    return start_with(workers, (struct koken_options){0});
}

static inline struct koken_metrics metrics(struct koken *rt)
{
    struct koken_metrics m;
    koken_metrics(rt, &m);
    return m;
}

static inline void drain(struct koken *rt)
{
    cr_assert_eq(koken_drain(rt, KOKEN_S(60)), 0);
}

/* Quiet, and everything sent has come to an end; `waiting` messages are still in mailboxes. */
static inline void check_balance(struct koken *rt, uint64_t waiting)
{
    drain(rt);
    struct koken_metrics m = metrics(rt);
    cr_assert_eq(m.sent, m.received + m.dropped + m.dead + waiting,
                 "sent %llu, received %llu, dropped %llu, dead %llu, should wait %llu",
                 (unsigned long long)m.sent, (unsigned long long)m.received,
                 (unsigned long long)m.dropped, (unsigned long long)m.dead,
                 (unsigned long long)waiting);
}

/* Ends the runtime well; nothing is left of it. */
static inline void stop(struct koken *rt)
{
    int rc = koken_stop(rt, KOKEN_S(60));
    cr_assert_eq(rc, 0, "koken_stop: %s", koken_errname(rc));
#ifdef KN_DEBUG
    cr_assert_eq(kn_alloc_live(), live_at_start, "bytes leaked: %lld",
                 (long long)(kn_alloc_live() - live_at_start));
#endif
    assert_nothing_wrong();
}

/* Ends the runtime without asking its agents first. */
static inline void kill_all(struct koken *rt)
{
    struct koken_stop_plan plan = {.kill_ns = KOKEN_S(60)};
    int rc = koken_stop_with(rt, &plan, NULL);
    cr_assert_eq(rc, 0, "koken_stop_with: %s", koken_errname(rc));
}

/* Waits until *counter is at least n; a test that waits in vain runs into its time limit. */
static inline void wait_for(kn_atomic(uint32_t) *counter, uint32_t n)
{
    while (kn_load(counter, acquire) < n) {
        kn_thread_yield();
    }
}

static inline uint32_t count(kn_atomic(uint32_t) *counter)
{
    return kn_add(counter, 1, acq_rel);
}

static inline uint32_t reading(kn_atomic(uint32_t) *counter)
{
    return kn_load(counter, acquire);
}

static inline void reset(kn_atomic(uint32_t) *counter)
{
    kn_store(counter, 0, relaxed);
}

#endif
