/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that a resting worker wakes for a timer, a kick and an fd, with and without the netpoller,
 * and that none of it is lost while workers come and go.
 */
#include "base/world.h"
#include "sched/machine.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

static struct kn_sched *start(unsigned workers)
{
    struct kn_sched *sched = NULL;

    cr_assert_eq(
        kn_sched_start(&(struct kn_sched_config){.workers = workers, .is_exact = true}, &sched), 0);
    return sched;
}

static void finish(struct kn_sched *sched)
{
    cr_assert(kn_sched_quiet(sched, KN_NEVER));
    cr_assert_eq(kn_sched_stop(sched, KN_NEVER), 0);
    kn_sched_free(sched);
}

/* ---- timers ---- */

struct sleeper {
    struct kn_runnable runnable; /* first */
    struct kn_timer timer;
    unsigned rounds;
    uint64_t each_ns;
    uint64_t deadline_ns;
    kn_atomic(uint32_t) early, fired, cancelled;
};

static enum kn_ran step_done(struct kn_worker *worker, struct kn_runnable *runnable)
{
    (void)worker;
    (void)runnable;
    return KN_RAN_DONE;
}

static void on_fire(struct kn_worker *worker, struct kn_timer *timer, bool is_cancelled)
{
    struct sleeper *sleeper = kn_container_of(timer, struct sleeper, timer);

    if (is_cancelled) {
        (void)kn_add(&sleeper->cancelled, 1, release); /* the timer is free again */
        return;
    }
    cr_assert_eq(worker, kn_worker_self);
    (void)kn_add(&sleeper->early, kn_now() < sleeper->deadline_ns, relaxed);
    (void)kn_add(&sleeper->fired, 1, release);
    kn_ready(worker, &sleeper->runnable, KN_PRIO_NORMAL);
}

static enum kn_ran step_sleep(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct sleeper *sleeper = (struct sleeper *)(void *)runnable;

    if (sleeper->rounds-- == 0) {
        return KN_RAN_DONE;
    }
    sleeper->deadline_ns = kn_now() + sleeper->each_ns;
    kn_wheel_arm(&worker->wheel, &sleeper->timer, sleeper->deadline_ns, on_fire);
    return KN_RAN_DONE;
}

static void wait_for(kn_atomic(uint32_t) *counter, uint32_t value)
{
    uint64_t end = kn_now() + UINT64_C(30000000000);

    while (kn_load(counter, acquire) < value) {
        cr_assert_lt(kn_now(), end, "only %u of %u", kn_load(counter, acquire), value);
        kn_thread_yield();
    }
}

Test(park, timers_wake_their_worker)
{
    struct kn_sched *sched = start(2);
    static struct sleeper sleepers[20];

    memset(sleepers, 0, sizeof(sleepers));
    for (unsigned i = 0; i < 20; i++) {
        sleepers[i].runnable.step = step_sleep;
        sleepers[i].rounds = 20;
        sleepers[i].each_ns = 100000 + i * 50000;
        kn_ready_foreign(sched, &sleepers[i].runnable, KN_PRIO_NORMAL);
    }
    for (unsigned i = 0; i < 20; i++) {
        wait_for(&sleepers[i].fired, 20);
        cr_assert_eq(kn_load(&sleepers[i].early, relaxed), 0);
    }
    finish(sched);
}

Test(park, stop_calls_timers_back_as_cancelled)
{
    struct kn_sched *sched = start(1);
    static struct sleeper sleeper;

    sleeper.runnable.step = step_sleep;
    sleeper.rounds = 1;
    sleeper.each_ns = UINT64_C(3600000000000);
    kn_ready_foreign(sched, &sleeper.runnable, KN_PRIO_NORMAL);
    cr_assert(kn_sched_quiet(sched, KN_NEVER), "a timer does not keep it from being quiet");
    cr_assert_eq(kn_sched_stop(sched, KN_NEVER), 0);
    cr_assert_eq(kn_load(&sleeper.cancelled, relaxed), 1);
    kn_sched_free(sched);
}

Test(park, a_kick_makes_the_owner_look)
{
    struct kn_sched *sched = start(2);
    static struct sleeper sleeper;

    sleeper.runnable.step = step_sleep;
    for (unsigned i = 0; i < 200; i++) {
        sleeper.rounds = 1;
        sleeper.each_ns = UINT64_C(3600000000000);
        kn_ready_foreign(sched, &sleeper.runnable, KN_PRIO_NORMAL);
        cr_assert(kn_sched_quiet(sched, KN_NEVER));
        cr_assert(kn_wheel_cancel(NULL, &sleeper.timer));
        for (unsigned w = 0; w < 2; w++) {
            kn_worker_kick(kn_sched_worker(sched, w));
        }
        wait_for(&sleeper.cancelled, i + 1);
    }
    finish(sched);
}

/* ---- fds ---- */

struct reader {
    struct kn_runnable runnable; /* first */
    struct kn_sched *sched;
    struct kn_io io;
    int fds[2];
    kn_atomic(uint32_t) waits, got;
    unsigned rounds;
};

static void on_io(struct kn_worker *worker, struct kn_io *io)
{
    struct reader *reader = kn_container_of(io, struct reader, io);

    if (io->result < 0) {
        return;
    }
    if (worker != NULL) {
        kn_ready(worker, &reader->runnable, KN_PRIO_NORMAL);
    } else {
        kn_ready_foreign(reader->sched, &reader->runnable, KN_PRIO_NORMAL);
    }
}

static enum kn_ran step_read(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct reader *reader = (struct reader *)(void *)runnable;
    char byte;

    if (kn_load(&reader->waits, relaxed) > 0) {
        if (read(reader->fds[0], &byte, 1) == 1) {
            (void)kn_add(&reader->got, 1, release);
        }
        if (--reader->rounds == 0) {
            return KN_RAN_DONE;
        }
    }
    (void)kn_add(&reader->waits, 1, release);
    reader->io.fd = reader->fds[0];
    reader->io.events = KN_IO_READ;
    reader->io.done = on_io;
    cr_assert_eq(kn_netpoll_wait(kn_sched_netpoll(worker->sched), worker, &reader->io), 0);
    return KN_RAN_DONE;
}

static void read_bytes(unsigned workers, unsigned rounds)
{
    struct kn_sched *sched = start(workers);
    static struct reader reader;
    static struct kn_runnable other;

    memset(&reader, 0, sizeof(reader));
    memset(&other, 0, sizeof(other));
    reader.sched = sched;
    reader.rounds = rounds;
    reader.runnable.step = step_read;
    other.step = step_done;
    cr_assert_eq(pipe(reader.fds), 0);
    kn_ready_foreign(sched, &reader.runnable, KN_PRIO_NORMAL);
    for (unsigned i = 0; i < rounds; i++) {
        wait_for(&reader.waits, i + 1);
        if (i % 2 == 0) {
            cr_assert(kn_sched_quiet(sched, KN_NEVER)); /* somebody sleeps in the netpoller */
        }
        if (i % 3 == 0) { /* the sleeper may be woken for this */
            kn_ready_foreign(sched, &other, KN_PRIO_NORMAL);
        }
        cr_assert_eq(write(reader.fds[1], "x", 1), 1);
        wait_for(&reader.got, i + 1);
        cr_assert(kn_sched_quiet(sched, KN_NEVER));
    }
    finish(sched);
    (void)close(reader.fds[0]);
    (void)close(reader.fds[1]);
}

Test(park, an_fd_wakes_a_worker, .timeout = 120)
{
    for (unsigned workers = 1; workers <= 3; workers++) {
        read_bytes(workers, 300);
    }
}
