/* SPDX-License-Identifier: Apache-2.0 */
/* Proves the seam on the real world: init once, waits that end when and as promised, random
 * numbers. */
#include "base/world.h"

#include <errno.h>
#include <koken/time.h>

#include <criterion/criterion.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static bool is_clock_broken;

/* Stands in front of the system's. */
int clock_gettime(clockid_t clock, struct timespec *ret)
{
    return is_clock_broken ? -1 : (int)syscall(SYS_clock_gettime, clock, ret);
}

/* The first test: what follows finds a world that has begun, if the process is shared. */
Test(world, does_not_begin_without_a_clock)
{
    is_clock_broken = true;
    int rc = kn_world_init();
    is_clock_broken = false;
    cr_assert_eq(rc, -ENOTSUP);
}

enum { THREADS = 4 };

static kn_atomic(uint32_t) come;

/* All at once: who is not the first waits until the clock is calibrated. */
static void init_world(void *arg)
{
    (void)kn_add(&come, 1, acq_rel);
    while (kn_load(&come, acquire) < THREADS) { /* ends: so many are started */
        kn_thread_yield();
    }
    *(int *)arg = kn_world_init();
}

Test(world, init_may_be_called_by_several_threads_at_once)
{
    struct kn_thread threads[THREADS] = {{0}};
    int rcs[THREADS];
    for (int i = 0; i < THREADS; ++i) {
        cr_assert_eq(kn_thread_start(&threads[i], "init", init_world, &rcs[i]), 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        kn_thread_join(&threads[i]);
        cr_assert_eq(rcs[i], 0);
    }
}

Test(world, init_is_idempotent_and_names_its_clock)
{
    cr_assert_eq(kn_world_init(), 0);
    cr_assert_eq(kn_world_init(), 0);
    const char *name = kn_clock_name();
    cr_assert(strcmp(name, "tsc") == 0 || strcmp(name, "clock_gettime") == 0);
}

Test(world, public_clock_is_the_clock)
{
    cr_assert_eq(kn_world_init(), 0);
    uint64_t before = kn_now();
    uint64_t now = koken_now();
    cr_assert(now >= before);
    cr_assert(kn_now() >= now);
    cr_assert_eq(KOKEN_S(1), KOKEN_MS(1000));
    cr_assert_eq(KOKEN_MS(1), KOKEN_US(1000));
    cr_assert_eq(KOKEN_US(3), KOKEN_NS(3000));
    cr_assert_eq(KOKEN_NO_DEADLINE, KN_NEVER);
}

Test(world, wait_returns_at_once_when_the_word_differs)
{
    cr_assert_eq(kn_world_init(), 0);
    kn_atomic(uint32_t) word = 1;
    cr_assert_eq(kn_futex_wait(&word, 0, KN_NEVER), 0);
    cr_assert_eq(kn_futex_wait(&word, 0, kn_now() + KOKEN_S(100)), 0);
    cr_assert_eq(kn_futex_wait(&word, 0, 0), 0);
}

Test(world, wait_with_a_deadline_in_the_past_does_not_sleep)
{
    cr_assert_eq(kn_world_init(), 0);
    kn_atomic(uint32_t) word = 0;
    cr_assert_eq(kn_futex_wait(&word, 0, 0), -ETIMEDOUT);
    cr_assert_eq(kn_futex_wait(&word, 0, kn_now()), -ETIMEDOUT);
}

/* The kernel and we disagree by some ns about when a deadline comes; ours counts, never early. */
Test(world, wait_never_times_out_early)
{
    cr_assert_eq(kn_world_init(), 0);
    kn_atomic(uint32_t) word = 0;
    for (int i = 0; i < 200; ++i) {
        uint64_t deadline = kn_now() + KOKEN_US(i * 5);
        int rc;
        while ((rc = kn_futex_wait(&word, 0, deadline)) == 0) {}
        uint64_t now = kn_now();
        cr_assert_eq(rc, -ETIMEDOUT);
        cr_assert(now >= deadline, "%lu ns early", (unsigned long)(deadline - now));
    }
}

/* A deadline just below "never" must not overflow into the past. */
struct waiter {
    kn_atomic(uint32_t) word;
    uint64_t deadline;
    int rc;
};

static void wait_for_change(void *arg)
{
    struct waiter *w = arg;
    while (kn_load(&w->word, acquire) == 0 && w->rc == 0) {
        w->rc = kn_futex_wait(&w->word, 0, w->deadline);
    }
}

Test(world, wake_ends_a_wait_with_any_deadline)
{
    cr_assert_eq(kn_world_init(), 0);
    const uint64_t deadlines[] = {KN_NEVER, KN_NEVER - 1, KN_NEVER - KOKEN_S(10),
                                  kn_now() + KOKEN_S(100)};
    for (size_t i = 0; i < sizeof deadlines / sizeof deadlines[0]; ++i) {
        struct waiter w = {.deadline = deadlines[i]};
        struct kn_thread thread = {0};
        cr_assert_eq(kn_thread_start(&thread, "waiter", wait_for_change, &w), 0);
        kn_atomic(uint32_t) nothing = 0; /* lets the other fall asleep, most times */
        (void)kn_futex_wait(&nothing, 0, kn_now() + KOKEN_MS(2));
        kn_store(&w.word, 1, release);
        kn_futex_wake(&w.word, 1);
        kn_thread_join(&thread);
        cr_assert_eq(w.rc, 0);
    }
}

/* Every bit of the output is one half of the time, and neighbouring seeds have nothing in common.
 */
Test(world, random_numbers_are_even_and_seeds_unrelated)
{
    enum { DRAWS = 10000 };
    for (uint64_t seed = 0; seed < 4; ++seed) {
        uint64_t state = kn_random_seed(seed);
        uint64_t next = kn_random_seed(seed + 1);
        int ones[64] = {0};
        int same[64] = {0};
        cr_assert_neq(state, 0);
        for (int i = 0; i < DRAWS; ++i) {
            uint64_t a = kn_random(&state);
            uint64_t b = kn_random(&next);
            for (int bit = 0; bit < 64; ++bit) {
                ones[bit] += (int)(a >> bit & 1);
                same[bit] += (int)((a ^ b) >> bit & 1);
            }
        }
        for (int bit = 0; bit < 64; ++bit) { /* five standard deviations are 250 */
            cr_assert(ones[bit] > DRAWS / 2 - 250);
            cr_assert(ones[bit] < DRAWS / 2 + 250);
            cr_assert(same[bit] > DRAWS / 2 - 250);
            cr_assert(same[bit] < DRAWS / 2 + 250);
        }
    }
    uint64_t a = kn_random_seed(5);
    uint64_t b = kn_random_seed(5);
    cr_assert_eq(kn_random(&a), kn_random(&b));
}
