/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The netpoller's wake: sched/netpoll.c as it stands, over an eventfd that orders nothing. Who is woken sees what the waker
 * did before, also when that waker found a wake on its way already; so nobody sleeps beside work. And the machine that
 * sleeps there until it is given its token, sched/machine.c.
 */
#include "test/model/lib/model.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static kn_atomic(uint32_t) wakes; /* of the eventfd */

static ssize_t model_write(int fd, const void *from, size_t size);
static ssize_t model_read(int fd, void *to, size_t size);
static int model_epoll(int fd, struct epoll_event *events, int max, const struct timespec *timeout,
                       const void *mask);
#define write model_write
#define read model_read
#define epoll_pwait2 model_epoll
bool kn_world_is_simulated(void);
int kn_fault(int fault);
int kn_io_wait(uint64_t deadline_ns);
#include "sched/descriptor.c"
#include "sched/lock.c"
#include "sched/machine.c"
#include "sched/netpoll.c"
#undef write
#undef read

static struct kn_netpoll netpoll;
static kn_atomic(uint32_t) work[2];

static ssize_t model_write(int fd, const void *from, size_t size)
{
    (void)fd, (void)from;
    (void)kn_add(&wakes, 1, relaxed);
    kn_futex_wake(&wakes, 1);
    return (ssize_t)size;
}

static ssize_t model_read(int fd, void *to, size_t size)
{
    (void)fd;
    *(uint64_t *)to = kn_swap(&wakes, 0, relaxed);
    return (ssize_t)size;
}

static int model_epoll(int fd, struct epoll_event *events, int max, const struct timespec *timeout,
                       const void *mask)
{
    (void)fd, (void)max, (void)timeout, (void)mask;
    while (kn_load(&wakes, relaxed) == 0) {
        (void)kn_futex_wait(&wakes, 0, KN_NEVER);
    }
    events[0] = (struct epoll_event){.events = EPOLLIN, .data = {.u64 = KN_WAKE_TOKEN}};
    return 1;
}

bool kn_world_is_simulated(void)
{
    return false;
}

int kn_fault(int fault)
{
    return fault < 0;
}

int kn_io_wait(uint64_t deadline_ns)
{
    return deadline_ns == 0;
}

static void start(void)
{
    kn_netpoll_init(&netpoll);
    kn_atomic_init(&netpoll.is_open, 1);
    kn_atomic_init(&netpoll.waiting, 1);
    kn_atomic_init(&netpoll.has_sleeper, 1);
    kn_atomic_init(&wakes, 0);
    kn_atomic_init(&work[0], 0);
    kn_atomic_init(&work[1], 0);
}

static void work_at(unsigned i)
{
    kn_store(&work[i], 1, relaxed); /* relaxed: the wake publishes it */
    kn_netpoll_wake(&netpoll);
}

static void work_0(void)
{
    work_at(0);
}

static void work_1(void)
{
    work_at(1);
}

static void work_both(void)
{
    work_at(0);
    work_at(1);
}

static void sleep_until_done(void)
{
    struct kn_io *ready;
    while (!kn_load(&work[0], relaxed) ||
           !kn_load(&work[1], relaxed)) { /* ends: by the last wake */
        (void)!kn_netpoll_sleep(&netpoll, KN_NEVER, &ready);
        KOKEN_CHECK(ready == NULL);
    }
}

/* ---- a machine's token ----------------------------------------------------------------------------------- */

static struct kn_sched sched;
static struct kn_machine machine;
static uint64_t brought; /* by the token */

static void start_machine(void)
{
    start();
    sched.netpoll = netpoll;
    kn_atomic_init(&sched.netpoll.has_sleeper, 0);
    machine.sched = &sched;
    kn_atomic_init(&machine.park, KN_PARK_EMPTY);
    brought = 0;
}

static void give_token(void)
{
    brought = 7;
    kn_machine_wake(&machine);
}

static void wake_for_nothing(void)
{
    kn_netpoll_wake(&sched.netpoll);
}

static void sleep_for_token(void)
{
    struct kn_io *ready;
    while (kn_machine_sleep_polling(&machine, KN_NEVER, &ready) == -ETIMEDOUT) {
        /* ends: the token comes */
    }
    KOKEN_CHECK(brought == 7);
}

static const struct kn_scenario scenarios[] = {
    {"two wakers", start, {sleep_until_done, work_0, work_1}, NULL, .limit = 4000},
    {"one that wakes twice", start, {sleep_until_done, work_both}, NULL},
    {"a token", start_machine, {sleep_for_token, give_token}, NULL},
    {"a token, and another wake",
     start_machine,
     {sleep_for_token, give_token, wake_for_nothing},
     NULL,
     .limit = 4000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
