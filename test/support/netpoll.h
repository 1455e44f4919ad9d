/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the poller: waits that count how often they end, pipes, and a sleep. */
#ifndef KN_TEST_SUPPORT_NETPOLL_H
#define KN_TEST_SUPPORT_NETPOLL_H

#include "sched/netpoll.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static struct kn_netpoll netpoll;

struct wait {
    struct kn_io io;
    unsigned done;
    struct kn_worker *worker;
};

static inline void on_done(struct kn_worker *worker, struct kn_io *io)
{
    struct wait *wait = kn_container_of(io, struct wait, io);

    wait->done++;
    wait->worker = worker;
}

static inline int begin(struct wait *wait, int fd, unsigned events)
{
    wait->io = (struct kn_io){.done = on_done, .fd = fd, .events = events};
    return kn_netpoll_wait(&netpoll, NULL, &wait->io);
}

static inline unsigned poll_now(void)
{
    return kn_netpoll_deliver(NULL, kn_netpoll_poll(&netpoll));
}

static inline int sleep_until(uint64_t deadline_ns, struct kn_io **ret_ready)
{
    int rc;

    cr_assert(kn_netpoll_enter(&netpoll));
    rc = kn_netpoll_sleep(&netpoll, deadline_ns, ret_ready);
    kn_netpoll_leave(&netpoll);
    return rc;
}

static inline void start(void)
{
    (void)kn_world_init();
    kn_netpoll_init(&netpoll);
}

static inline void stop(void)
{
    kn_netpoll_shutdown(&netpoll, NULL);
    kn_netpoll_fini(&netpoll);
}

static inline void open_pipe(int *ends)
{
    cr_assert_eq(pipe(ends), 0);
}

static inline void open_pair(int *ends)
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
}

static inline void close_both(const int *ends)
{
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static inline void put(int fd)
{
    cr_assert_eq(write(fd, "x", 1), 1);
}

#endif
