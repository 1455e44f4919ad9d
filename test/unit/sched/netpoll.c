/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that an accepted wait ends exactly once, by its event, its cancel, the close of its fd, or
 * the shutdown; that a number which is reused never gets the old file's events; that a wake is not
 * lost; and that every misuse has its errno.
 */
#include "sched/netpoll.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct kn_netpoll netpoll;

struct wait {
    struct kn_io io;
    unsigned done;
    struct kn_worker *worker;
};

static void on_done(struct kn_worker *worker, struct kn_io *io)
{
    struct wait *wait = kn_container_of(io, struct wait, io);

    wait->done++;
    wait->worker = worker;
}

static int begin(struct wait *wait, int fd, unsigned events)
{
    wait->io = (struct kn_io){.done = on_done, .fd = fd, .events = events};
    return kn_netpoll_wait(&netpoll, NULL, &wait->io);
}

static unsigned poll_now(void)
{
    return kn_netpoll_deliver(NULL, kn_netpoll_poll(&netpoll));
}

static int sleep_until(uint64_t deadline_ns, struct kn_io **ret_ready)
{
    int rc;

    cr_assert(kn_netpoll_enter(&netpoll));
    rc = kn_netpoll_sleep(&netpoll, deadline_ns, ret_ready);
    kn_netpoll_leave(&netpoll);
    return rc;
}

static void start(void)
{
    (void)kn_world_init();
    kn_netpoll_init(&netpoll);
}

static void stop(void)
{
    kn_netpoll_shutdown(&netpoll, NULL);
    kn_netpoll_fini(&netpoll);
}

static void open_pipe(int *ends)
{
    cr_assert_eq(pipe(ends), 0);
}

static void open_pair(int *ends)
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
}

static void close_both(const int *ends)
{
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void put(int fd)
{
    cr_assert_eq(write(fd, "x", 1), 1);
}

Test(netpoll, completes_when_a_pipe_becomes_readable)
{
    struct wait wait = {0};
    int ends[2];

    start();
    open_pipe(ends);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    cr_assert(kn_netpoll_is_needed(&netpoll));
    cr_assert_eq(poll_now(), 0);
    put(ends[1]);
    cr_assert_eq(poll_now(), 1);
    cr_assert_eq(wait.done, 1);
    cr_assert_eq(wait.io.result, KN_IO_READ);
    cr_assert(!kn_netpoll_is_needed(&netpoll));
    cr_assert_eq(poll_now(), 0);
    stop();
    cr_assert_eq(wait.done, 1);
    close_both(ends);
}

Test(netpoll, what_is_ready_already_completes_at_the_next_poll)
{
    struct wait wait = {0};
    int ends[2];

    start();
    open_pair(ends);
    put(ends[1]);
    for (unsigned i = 1; i <= 3; i++) {
        cr_assert_eq(begin(&wait, ends[0], KN_IO_READ | KN_IO_WRITE), 0);
        cr_assert_eq(poll_now(), 1);
        cr_assert_eq(wait.done, i);
        cr_assert_eq(wait.io.result, KN_IO_READ | KN_IO_WRITE);
    }
    stop();
    close_both(ends);
}

Test(netpoll, hang_up_makes_ready)
{
    struct wait reader = {0};
    struct wait writer = {0};
    int ends[2];
    int other[2];

    start();
    open_pipe(ends);
    open_pipe(other);
    cr_assert_eq(begin(&reader, ends[0], KN_IO_READ), 0);
    (void)close(ends[1]);
    cr_assert_eq(begin(&writer, other[1], KN_IO_WRITE), 0);
    (void)close(other[0]);
    cr_assert_eq(poll_now(), 2);
    cr_assert_eq(reader.io.result, KN_IO_READ);
    cr_assert_eq(writer.io.result, KN_IO_WRITE);
    stop();
    (void)close(ends[0]);
    (void)close(other[1]);
}

Test(netpoll, reader_and_writer_of_one_fd_are_independent)
{
    struct wait reader = {0};
    struct wait writer = {0};
    struct wait second = {0};
    int ends[2];

    start();
    open_pair(ends);
    cr_assert_eq(begin(&reader, ends[0], KN_IO_READ), 0);
    cr_assert_eq(begin(&writer, ends[0], KN_IO_WRITE), 0);
    cr_assert_eq(begin(&second, ends[0], KN_IO_READ), -EBUSY);
    cr_assert_eq(begin(&second, ends[0], KN_IO_WRITE | KN_IO_READ), -EBUSY);
    cr_assert_eq(poll_now(), 1);
    cr_assert_eq(writer.done, 1);
    cr_assert_eq(reader.done, 0);
    put(ends[1]);
    cr_assert_eq(poll_now(), 1);
    cr_assert_eq(reader.done, 1);
    cr_assert_eq(second.done, 0);
    stop();
    close_both(ends);
}

Test(netpoll, misuse_has_its_errno)
{
    struct wait wait = {0};
    int ends[2];
    int file = open("/proc/self/exe", O_RDONLY);
    int folder = open("/", O_RDONLY);

    start();
    open_pipe(ends);
    cr_assert_eq(begin(&wait, ends[0], 0), -EINVAL);
    cr_assert_eq(begin(&wait, ends[0], 4), -EINVAL);
    cr_assert_eq(begin(&wait, -1, KN_IO_READ), -EBADF);
    cr_assert_eq(begin(&wait, 1000000, KN_IO_READ), -EBADF);
    cr_assert_eq(begin(&wait, KN_NETPOLL_CHUNK * KN_NETPOLL_CHUNKS, KN_IO_READ), -EOVERFLOW);
    cr_assert_eq(begin(&wait, file, KN_IO_READ), -EPERM);
    cr_assert_eq(begin(&wait, folder, KN_IO_READ), -EPERM);
    cr_assert_eq(begin(&wait, netpoll.epoll_fd, KN_IO_READ), -EINVAL);
    cr_assert(!kn_netpoll_is_needed(&netpoll));
    cr_assert(!kn_netpoll_cancel(&netpoll, &wait.io));
    kn_netpoll_close(&netpoll, NULL, -1);
    kn_netpoll_close(&netpoll, NULL, 999999);
    cr_assert_eq(wait.done, 0);
    stop();
    close_both(ends);
    (void)close(file);
    (void)close(folder);
}

Test(netpoll, cancel_ends_a_wait_without_a_call)
{
    struct wait wait = {0};
    int ends[2];

    start();
    open_pipe(ends);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    cr_assert(kn_netpoll_cancel(&netpoll, &wait.io));
    cr_assert(!kn_netpoll_cancel(&netpoll, &wait.io));
    cr_assert(!kn_netpoll_is_needed(&netpoll));
    put(ends[1]);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    cr_assert_eq(poll_now(), 1);
    cr_assert_eq(wait.done, 1);
    cr_assert(!kn_netpoll_cancel(&netpoll, &wait.io));
    stop();
    close_both(ends);
}

Test(netpoll, cancel_of_one_direction_leaves_the_other)
{
    struct wait reader = {0};
    struct wait writer = {0};
    int ends[2];

    start();
    open_pair(ends);
    cr_assert_eq(begin(&reader, ends[0], KN_IO_READ), 0);
    cr_assert_eq(begin(&writer, ends[0], KN_IO_WRITE), 0);
    cr_assert(kn_netpoll_cancel(&netpoll, &writer.io));
    cr_assert_eq(poll_now(), 0);
    cr_assert_eq(poll_now(), 0);
    put(ends[1]);
    cr_assert_eq(poll_now(), 1);
    cr_assert_eq(reader.done, 1);
    cr_assert_eq(writer.done, 0);
    stop();
    close_both(ends);
}

Test(netpoll, close_ends_the_waits_for_an_fd)
{
    struct wait reader = {0};
    struct wait writer = {0};
    int ends[2];

    start();
    open_pair(ends);
    while (write(ends[0], "0123456789abcdef", 16) == 16 &&
           fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0) {}
    cr_assert_eq(begin(&reader, ends[0], KN_IO_READ), 0);
    cr_assert_eq(begin(&writer, ends[0], KN_IO_WRITE), 0);
    kn_netpoll_close(&netpoll, NULL, ends[0]);
    cr_assert_eq(reader.io.result, -EBADF);
    cr_assert_eq(writer.io.result, -EBADF);
    cr_assert_eq(reader.done + writer.done, 2);
    close_both(ends);
    cr_assert_eq(poll_now(), 0);
    stop();
}

/* Nobody told us of the close; the number belongs to another file when it is waited for again. */
static void reuse_number(bool has_duplicate)
{
    struct wait old = {0};
    struct wait new = {0};
    int first[2];
    int second[2];
    int duplicate = -1;

    start();
    open_pair(first);
    open_pair(second);
    cr_assert_eq(begin(&old, first[0], KN_IO_READ), 0);
    if (has_duplicate) {
        duplicate = dup(first[0]);
    }
    cr_assert_eq(dup2(second[0], first[0]), first[0]);
    if (has_duplicate) {
        put(first[1]); /* the kernel still watches the old file under the old number */
    }
    cr_assert_eq(begin(&new, first[0], KN_IO_READ), 0);
    cr_assert_eq(old.done, 1);
    cr_assert_eq(old.io.result, -EBADF);
    cr_assert_eq(poll_now(), 0);
    cr_assert_eq(new.done, 0);
    put(second[1]);
    cr_assert_eq(poll_now(), 1);
    cr_assert_eq(new.io.result, KN_IO_READ);
    stop();
    close_both(first);
    close_both(second);
    (void)close(duplicate);
}

Test(netpoll, reused_number_does_not_inherit_waiters)
{
    reuse_number(false);
}

Test(netpoll, reused_number_does_not_get_events_of_a_duplicate)
{
    reuse_number(true);
}

Test(netpoll, closed_fd_is_found_by_the_next_wait)
{
    struct wait old = {0};
    struct wait new = {0};
    int ends[2];

    start();
    open_pair(ends);
    cr_assert_eq(begin(&old, ends[0], KN_IO_READ), 0);
    (void)close(ends[0]);
    cr_assert_eq(begin(&new, ends[0], KN_IO_WRITE), -EBADF);
    cr_assert_eq(old.done, 1);
    cr_assert_eq(old.io.result, -EBADF);
    cr_assert_eq(new.done, 0);
    stop();
    (void)close(ends[1]);
}

/* A duplicate keeps the old file registered; then it comes back to its number. */
Test(netpoll, file_that_comes_back_to_its_number_is_watched_again)
{
    struct wait wait = {0};
    int ends[2];
    int duplicate;

    start();
    open_pair(ends);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    duplicate = dup(ends[0]);
    (void)close(ends[0]);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_WRITE), -EBADF);
    cr_assert_eq(dup2(duplicate, ends[0]), ends[0]);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    put(ends[1]);
    cr_assert_eq(poll_now(), 1);
    cr_assert_eq(wait.io.result, KN_IO_READ);
    stop();
    close_both(ends);
    (void)close(duplicate);
}

Test(netpoll, shutdown_ends_all_waits_and_refuses_more)
{
    struct wait wait[20] = {0};
    struct wait late = {0};
    int ends[20][2];

    start();
    for (unsigned i = 0; i < 20; i++) {
        open_pipe(ends[i]);
        cr_assert_eq(begin(&wait[i], ends[i][0], KN_IO_READ), 0);
    }
    kn_netpoll_shutdown(&netpoll, NULL);
    kn_netpoll_shutdown(&netpoll, NULL);
    for (unsigned i = 0; i < 20; i++) {
        cr_assert_eq(wait[i].done, 1);
        cr_assert_eq(wait[i].io.result, -ESHUTDOWN);
    }
    cr_assert_eq(begin(&late, ends[0][0], KN_IO_READ), -ESHUTDOWN);
    kn_netpoll_fini(&netpoll);
    for (unsigned i = 0; i < 20; i++) {
        close_both(ends[i]);
    }
}

Test(netpoll, unused_poller_opens_nothing)
{
    struct wait wait = {0};
    int before = dup(0);

    (void)close(before);
    start();
    kn_netpoll_wake(&netpoll);
    cr_assert_null(kn_netpoll_poll(&netpoll));
    cr_assert(!kn_netpoll_enter(&netpoll));
    kn_netpoll_shutdown(&netpoll, NULL);
    cr_assert_eq(begin(&wait, 0, KN_IO_READ), -ESHUTDOWN);
    int after = dup(0);

    cr_assert_eq(before, after);
    (void)close(after);
    kn_netpoll_fini(&netpoll);
}

Test(netpoll, too_many_files_is_an_error)
{
    struct wait wait = {0};
    struct rlimit limit;
    struct rlimit none;
    int ends[2];

    start();
    open_pipe(ends);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    for (rlim_t room = 0; room < 2; room++) {
        none = limit;
        none.rlim_cur = (rlim_t)ends[1] + 1 + room;
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
        cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), -ENOMEM);
    }
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    stop();
    close_both(ends);
}

Test(netpoll, takes_more_events_than_one_batch)
{
    enum { PIPES = 2 * KN_NETPOLL_BATCH + 3 };
    static struct wait wait[PIPES];
    static int ends[PIPES][2];
    unsigned done = 0;

    start();
    for (unsigned i = 0; i < PIPES; i++) {
        open_pipe(ends[i]);
        put(ends[i][1]);
        cr_assert_eq(begin(&wait[i], ends[i][0], KN_IO_READ), 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        done += poll_now();
    }
    cr_assert_eq(done, PIPES);
    stop();
    for (unsigned i = 0; i < PIPES; i++) {
        cr_assert_eq(wait[i].done, 1);
        close_both(ends[i]);
    }
}

/* ---- sleeping ---- */

Test(netpoll, sleep_ends_at_the_deadline_and_not_before)
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

Test(netpoll, sleep_ends_with_an_event)
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
Test(netpoll, wake_before_the_sleep_counts_and_a_poll_does_not_eat_it)
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
Test(netpoll, no_wake_is_lost, .timeout = 60)
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

Test(netpoll, has_one_sleeper_at_a_time)
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
Test(netpoll, sleepers_that_take_turns_lose_no_wake, .timeout = 60)
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

Test(netpoll, each_wait_ends_once_whoever_ends_it, .timeout = 120)
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
