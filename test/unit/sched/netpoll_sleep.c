/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of those who sleep in the poller: they are woken by the deadline, an event or a wake, of which none is lost and none eaten by
 * another's poll; one sleeps at a time; and whoever waits, cancels, closes and sleeps at once, each wait ends once.
 */
#include "test/support/netpoll.h"

#include <fcntl.h>
#include <pthread.h>

Test(netpoll_sleep, sleep_ends_at_the_deadline_and_not_before)
{
    struct wait wait = {0};
    struct kn_io *ready = NULL;
    int ends[2];

    start();
    open_pipe(ends);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    uint64_t deadline = kn_now() + 3000000;
    int rc = 0;

    while (rc == 0) {
        rc = sleep_until(deadline, &ready);
        cr_assert_null(ready);
    }
    cr_assert_eq(rc, -ETIMEDOUT);
    cr_assert_geq(kn_now(), deadline);
    stop();
    close_both(ends);
}

Test(netpoll_sleep, sleep_ends_with_an_event)
{
    struct wait wait = {0};
    struct kn_io *ready = NULL;
    int ends[2];

    start();
    open_pipe(ends);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    put(ends[1]);
    cr_assert_eq(sleep_until(KN_NEVER, &ready), 0);
    cr_assert_eq(ready, &wait.io);
    cr_assert(!kn_netpoll_cancel(&netpoll, &wait.io));
    cr_assert_eq(wait.done, 0);
    cr_assert_eq(kn_netpoll_deliver((struct kn_worker *)(void *)&wait, ready), 1);
    cr_assert_eq(wait.worker, (struct kn_worker *)(void *)&wait);
    stop();
    close_both(ends);
}

/* A busy worker's poll comes between the wake and the sleep. */
Test(netpoll_sleep, wake_before_the_sleep_counts_and_a_poll_does_not_eat_it)
{
    struct wait wait = {0};
    struct kn_io *ready = NULL;
    int ends[2];

    start();
    open_pipe(ends);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    for (unsigned i = 0; i < 3; i++) {
        kn_netpoll_wake(&netpoll);
        kn_netpoll_wake(&netpoll);
        cr_assert_eq(poll_now(), 0);
        cr_assert_eq(sleep_until(KN_NEVER, &ready), 0);
        cr_assert_null(ready);
    }
    cr_assert_eq(sleep_until(kn_now() + 1000, &ready), -ETIMEDOUT);
    stop();
    close_both(ends);
}

enum { WAKE_ROUNDS = 20000 };

static kn_atomic(uint32_t) wake_work;
static kn_atomic(uint32_t) wake_seen;

static void *sleeper(void *arg)
{
    struct kn_io *ready = NULL;
    uint32_t seen = 0;

    (void)arg;
    while (seen < WAKE_ROUNDS) {
        cr_assert_eq(sleep_until(KN_NEVER, &ready), 0);
        cr_assert_null(ready);
        seen = kn_load(&wake_work, relaxed);
        kn_store(&wake_seen, seen, relaxed);
    }
    return NULL;
}

/* If one wake were lost, sleeper and waker would wait for each other for ever. */
Test(netpoll_sleep, no_wake_is_lost, .timeout = 60)
{
    struct wait wait = {0};
    pthread_t thread;
    int ends[2];

    start();
    open_pipe(ends);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    cr_assert_eq(pthread_create(&thread, NULL, sleeper, NULL), 0);
    for (uint32_t i = 1; i <= WAKE_ROUNDS; i++) {
        kn_store(&wake_work, i, relaxed);
        kn_netpoll_wake(&netpoll);
        if (i % 3 == 0) {
            (void)poll_now();
        }
        while (i % 16 == 0 && kn_load(&wake_seen, relaxed) != i) {
            kn_thread_yield();
        }
    }
    cr_assert_eq(pthread_join(thread, NULL), 0);
    stop();
    close_both(ends);
}

Test(netpoll_sleep, has_one_sleeper_at_a_time)
{
    struct wait wait = {0};
    int ends[2];

    start();
    cr_assert(!kn_netpoll_enter(&netpoll));
    open_pipe(ends);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    cr_assert(!kn_netpoll_has_sleeper(&netpoll));
    cr_assert(kn_netpoll_enter(&netpoll));
    cr_assert(kn_netpoll_has_sleeper(&netpoll));
    cr_assert(!kn_netpoll_enter(&netpoll));
    kn_netpoll_leave(&netpoll);
    cr_assert(kn_netpoll_enter(&netpoll));
    kn_netpoll_leave(&netpoll);
    stop();
    close_both(ends);
}

enum { PARKERS = 2, PARK_ROUNDS = 5000 };

/* As the machines of the scheduler park: a word each, which says where to wake them. */
enum { PARK_EMPTY, PARK_TOKEN, PARK_ASLEEP, PARK_POLLING };

static kn_atomic(uint32_t) park[PARKERS];
static kn_atomic(uint32_t) park_taken[PARKERS];

static void park_until_token(kn_atomic(uint32_t) *word)
{
    bool is_sleeper = kn_netpoll_enter(&netpoll);
    struct kn_io *ready = NULL;
    uint32_t seen = PARK_EMPTY;

    if (kn_cas_strong(word, &seen, is_sleeper ? PARK_POLLING : PARK_ASLEEP, acquire, acquire)) {
        while (kn_load(word, acquire) != PARK_TOKEN) {
            if (is_sleeper) {
                cr_assert_eq(kn_netpoll_sleep(&netpoll, KN_NEVER, &ready), 0);
            } else {
                (void)kn_futex_wait(word, PARK_ASLEEP, KN_NEVER);
            }
        }
    }
    if (is_sleeper) {
        kn_netpoll_leave(&netpoll);
    }
    kn_store(word, PARK_EMPTY, relaxed);
}

static void *parker(void *arg)
{
    unsigned index = (unsigned)(uintptr_t)arg;

    for (uint32_t i = 1; i <= PARK_ROUNDS; i++) {
        park_until_token(&park[index]);
        kn_store(&park_taken[index], i, release);
    }
    return NULL;
}

/* Two threads take turns as the sleeper, each with its own waker: a wake taken by the other hangs.
 */
Test(netpoll_sleep, sleepers_that_take_turns_lose_no_wake, .timeout = 60)
{
    struct wait wait = {0};
    pthread_t thread[PARKERS];
    uint32_t given[PARKERS] = {0};
    int ends[2];

    start();
    open_pipe(ends);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    for (uintptr_t i = 0; i < PARKERS; i++) {
        cr_assert_eq(pthread_create(&thread[i], NULL, parker, (void *)i), 0);
    }
    while (given[0] < PARK_ROUNDS || given[1] < PARK_ROUNDS) {
        for (unsigned i = 0; i < PARKERS; i++) {
            uint32_t was;

            if (given[i] == PARK_ROUNDS || kn_load(&park_taken[i], acquire) != given[i]) {
                continue;
            }
            given[i]++;
            was = kn_swap(&park[i], PARK_TOKEN, acq_rel);
            if (was == PARK_POLLING) {
                kn_netpoll_wake(&netpoll);
            } else if (was == PARK_ASLEEP) {
                kn_futex_wake(&park[i], 1);
            }
        }
    }
    for (unsigned i = 0; i < PARKERS; i++) {
        cr_assert_eq(pthread_join(thread[i], NULL), 0);
    }
    stop();
    close_both(ends);
}

/* ---- all races at once ---- */

enum { RACE_FDS = 8, RACE_ROUNDS = 4000, RACE_WAITERS = 2 };

struct race_wait {
    struct kn_io io;
    kn_atomic(uint32_t) done;
};

static int race_ends[RACE_FDS][2];
static kn_atomic(uint32_t) race_is_over;
static kn_atomic(uint32_t) race_accepted;
static kn_atomic(uint32_t) race_cancelled;
static kn_atomic(uint32_t) race_done;

static void on_race_done(struct kn_worker *worker, struct kn_io *io)
{
    struct race_wait *wait = kn_container_of(io, struct race_wait, io);

    (void)worker;
    cr_assert(io->result == KN_IO_READ || io->result == -EBADF || io->result == -ESHUTDOWN);
    (void)kn_add(&race_done, 1, relaxed);
    /* Release: the waiter takes its io back. */
    kn_store(&wait->done, 1, release);
}

/* Waits for fds at random, and cancels half of its waits. */
static void *race_waiter(void *arg)
{
    uint64_t rng = kn_random_seed((uint64_t)(uintptr_t)arg);

    for (unsigned round = 0; round < RACE_ROUNDS; round++) {
        struct race_wait wait = {.io = {.done = on_race_done, .events = KN_IO_READ}};
        int rc;

        wait.io.fd = race_ends[kn_random(&rng) % RACE_FDS][0];
        rc = kn_netpoll_wait(&netpoll, NULL, &wait.io);
        cr_assert(rc == 0 || rc == -EBUSY);
        if (rc < 0) {
            continue;
        }
        (void)kn_add(&race_accepted, 1, relaxed);
        if (kn_random(&rng) % 2 == 0 && kn_netpoll_cancel(&netpoll, &wait.io)) {
            (void)kn_add(&race_cancelled, 1, relaxed);
            cr_assert_eq(kn_load(&wait.done, relaxed), 0);
            continue;
        }
        while (kn_load(&wait.done, acquire) == 0) {
            kn_thread_yield();
        }
    }
    return NULL;
}

static void *race_poller(void *arg)
{
    (void)arg;
    while (!kn_load(&race_is_over, relaxed)) {
        struct kn_io *ready = NULL;

        if (!kn_netpoll_enter(&netpoll)) {
            kn_thread_yield();
            continue;
        }
        (void)!kn_netpoll_sleep(&netpoll, kn_now() + 1000000, &ready);
        kn_netpoll_leave(&netpoll);
        (void)kn_netpoll_deliver(NULL, ready);
    }
    return NULL;
}

static void *race_closer(void *arg)
{
    uint64_t rng = kn_random_seed((uint64_t)(uintptr_t)arg);

    while (!kn_load(&race_is_over, relaxed)) {
        int *ends = race_ends[kn_random(&rng) % RACE_FDS];

        if (kn_random(&rng) % 4 == 0) {
            kn_netpoll_close(&netpoll, NULL, ends[0]);
        } else {
            char byte;

            (void)!write(ends[1], "x", 1);
            kn_thread_yield();
            (void)!read(ends[0], &byte, 1);
        }
        (void)poll_now();
    }
    return NULL;
}

Test(netpoll_sleep, each_wait_ends_once_whoever_ends_it, .timeout = 120)
{
    pthread_t waiter[RACE_WAITERS];
    pthread_t poller;
    pthread_t closer;

    start();
    kn_store(&race_is_over, 0, relaxed);
    for (unsigned i = 0; i < RACE_FDS; i++) {
        open_pipe(race_ends[i]);
        cr_assert_eq(fcntl(race_ends[i][0], F_SETFL, O_NONBLOCK), 0);
        cr_assert_eq(fcntl(race_ends[i][1], F_SETFL, O_NONBLOCK), 0);
    }
    cr_assert_eq(pthread_create(&poller, NULL, race_poller, NULL), 0);
    cr_assert_eq(pthread_create(&closer, NULL, race_closer, (void *)(uintptr_t)99), 0);
    for (uintptr_t i = 0; i < RACE_WAITERS; i++) {
        cr_assert_eq(pthread_create(&waiter[i], NULL, race_waiter, (void *)(i + 1)), 0);
    }
    for (unsigned i = 0; i < RACE_WAITERS; i++) {
        cr_assert_eq(pthread_join(waiter[i], NULL), 0);
    }
    kn_store(&race_is_over, 1, relaxed);
    cr_assert_eq(pthread_join(poller, NULL), 0);
    cr_assert_eq(pthread_join(closer, NULL), 0);
    cr_assert_gt(kn_load(&race_cancelled, relaxed), 0);
    cr_assert_eq(kn_load(&race_accepted, relaxed),
                 kn_load(&race_done, relaxed) + kn_load(&race_cancelled, relaxed));
    cr_assert(!kn_netpoll_is_needed(&netpoll));
    stop();
    for (unsigned i = 0; i < RACE_FDS; i++) {
        close_both(race_ends[i]);
    }
}
