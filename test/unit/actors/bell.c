/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that a bell ends the wait of a thread and of a fiber, rung from a thread or a worker; that a wait out of time, or
 * of a fiber that is stopped or killed, is taken down or waits for its ringer; and who cannot wait.
 */
#include "actors/bell.h"
#include "test/support/runtime.h"

#include <koken/fiber.h>

static kn_atomic(struct kn_bell *) hung;
static kn_atomic(uint32_t) results, tries;
static kn_atomic(int) outcome;

static bool leave(struct kn_bell *bell)
{
    return kn_swap(&hung, NULL, acq_rel) == bell;
}

static void ring_one(void)
{
    struct kn_bell *bell = NULL;
    while (!bell) { /* ends: somebody hangs one up */
        bell = kn_swap(&hung, NULL, acq_rel);
        kn_thread_yield();
    }
    kn_bell_ring(bell);
}

static int wait_once(uint64_t timeout_ns)
{
    struct kn_bell bell;
    int rc = kn_bell_init(&bell, leave);
    if (rc == 0) {
        kn_store(&hung, &bell, release);
        count(&tries);
        rc = kn_bell_wait(&bell, timeout_ns);
    }
    return rc;
}

static void ringer(void *arg)
{
    for (uintptr_t i = 0; i < (uintptr_t)arg; i++) {
        ring_one();
    }
}

Test(bell, ends_the_wait_of_a_thread)
{
    enum { ROUNDS = 2000 };
    struct kn_thread thread = {NULL};
    (void)kn_world_init();
    cr_assert_eq(wait_once(0), -ETIMEDOUT);
    cr_assert_eq(wait_once(KOKEN_MS(1)), -ETIMEDOUT);
    cr_assert_eq(kn_thread_start(&thread, "ringer", ringer, (void *)(uintptr_t)ROUNDS), 0);
    for (int i = 0; i < ROUNDS; i++) {
        cr_assert_eq(wait_once(KOKEN_NO_DEADLINE), 0);
    }
    kn_thread_join(&thread);
}

Test(bell, callbacks_cannot_wait)
{
    struct kn_bell bell;
    kn_callback_begin();
    kn_callback_begin();
    kn_callback_end();
    cr_assert_eq(kn_bell_init(&bell, leave), -ENOTSUP);
    kn_callback_end();
    cr_assert_eq(kn_bell_init(&bell, leave), 0);
}

struct wish {
    uint64_t timeout_ns;
    uint32_t rounds;
};

static int waiting(koken_ctx *ctx, const struct wish *state, const struct wish *arg)
{
    int rc = 0;
    (void)state;
    (void)ctx;
    for (uint32_t i = 0; i < arg->rounds && rc == 0; i++) {
        rc = wait_once(arg->timeout_ns);
    }
    kn_store(&outcome, rc, relaxed);
    count(&results);
    return 0;
}

KOKEN_FIBER(waiting_fiber, struct wish, waiting);

static koken_ref spawn_waiting(struct koken *rt, uint64_t timeout_ns, uint32_t rounds)
{
    struct wish wish = {timeout_ns, rounds};
    reset(&results);
    reset(&tries);
    koken_ref who = koken_spawn(rt, waiting_fiber, .arg = &wish, .arg_size = sizeof wish);
    cr_assert(!koken_is_nobody(who));
    return who;
}

Test(bell, ends_the_wait_of_a_fiber)
{
    struct koken *rt = start(2);
    spawn_waiting(rt, KOKEN_NO_DEADLINE, 500);
    ringer((void *)(uintptr_t)500);
    wait_for(&results, 1);
    cr_assert_eq(kn_load(&outcome, relaxed), 0);
    spawn_waiting(rt, KOKEN_MS(2), 1);
    wait_for(&results, 1);
    cr_assert_eq(kn_load(&outcome, relaxed), -ETIMEDOUT);
    spawn_waiting(rt, 0, 1);
    wait_for(&results, 1);
    cr_assert_eq(kn_load(&outcome, relaxed), -ETIMEDOUT);
    koken_ref who = spawn_waiting(rt, KOKEN_NO_DEADLINE, 1);
    wait_for(&tries, 1);
    cr_assert_eq(koken_exit(who), 0);
    wait_for(&results, 1);
    cr_assert_eq(kn_load(&outcome, relaxed), -ECANCELED);
    stop(rt);
}

Test(bell, of_a_fiber_that_is_killed_is_taken_down)
{
    struct koken *rt = start(1);
    struct koken_stop_plan plan = {.kill_ns = KOKEN_S(10)};
    spawn_waiting(rt, KOKEN_NO_DEADLINE, 1);
    wait_for(&tries, 1);
    cr_assert_eq(koken_stop_with(rt, &plan, NULL), 0);
    cr_assert_null(kn_load(&hung, acquire));
}

KOKEN_EVENT(bell_ask);

static int on_ask(koken_ctx *ctx, struct wish *self, const struct bell_ask *msg)
{
    struct kn_bell bell;
    (void)ctx;
    (void)self;
    (void)msg;
    kn_store(&outcome, kn_bell_init(&bell, leave), relaxed);
    count(&results);
    return 0;
}

KOKEN_AGENT(bell_handler, struct wish, KOKEN_ON(bell_ask, on_ask));

Test(bell, handlers_cannot_wait)
{
    struct koken *rt = start(1);
    reset(&results);
    koken_ref who = koken_spawn(rt, bell_handler);
    cr_assert_eq(koken_signal(who, bell_ask), 0);
    wait_for(&results, 1);
    cr_assert_eq(kn_load(&outcome, relaxed), -ENOTSUP);
    stop(rt);
}
