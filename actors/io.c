/* SPDX-License-Identifier: Apache-2.0 */
/* Fiber agents that wait for a file descriptor. */
#include "actors/fiber_agent.h"

#include "actors/request.h"
#include "actors/slots.h"
#include "base/platform/switch.h"
#include "sched/netpoll.h"

#include <koken/fiber.h>

#include <errno.h>
#include <poll.h>

_Static_assert((int)KOKEN_IO_READ == (int)KN_IO_READ && (int)KOKEN_IO_WRITE == (int)KN_IO_WRITE,
               "one set of bits for both floors");

/* A wait under way; on the fiber's stack. */
struct io_wait {
    struct kn_io io;
    kn_atomic(uint32_t) is_done;
    uint64_t who;
};

/* The poller's word that the wait is over. After the store the wait may be gone. */
static void io_done(struct kn_worker *worker, struct kn_io *io)
{
    struct io_wait *wait = kn_container_of(io, struct io_wait, io);
    struct kn_agent *a = kn_resolve(wait->who);
    KN_ASSERT(!kn_load(&wait->is_done, relaxed)); /* once */
    KN_ASSERT(wait->who != 0);
    /* [AF2] release: the result, and that the wait is not looked at again. */
    kn_store(&wait->is_done, 1, release);
    if (a) {
        kn_agent_nudge(worker ? worker->local : NULL, a);
    }
}

/* The errors of the closed list for what the poller says. */
static int translate(int rc)
{
    return rc == -EBADF ? -EINVAL : rc;
}

/* What is ready now, without waiting. */
static int look(int fd, unsigned events)
{
    struct pollfd p = {.fd = fd,
                       .events = (short)((events & KOKEN_IO_READ ? POLLIN : 0) |
                                         (events & KOKEN_IO_WRITE ? POLLOUT : 0))};
    if (poll(&p, 1, 0) <= 0) {
        return -ETIMEDOUT;
    }
    if (p.revents & POLLNVAL) {
        return -EINVAL;
    }
    unsigned both =
        p.revents & (POLLERR | POLLHUP) ? (unsigned)(KOKEN_IO_READ | KOKEN_IO_WRITE) : 0;
    unsigned ready = both | (p.revents & POLLIN ? (unsigned)KOKEN_IO_READ : 0) |
                     (p.revents & POLLOUT ? (unsigned)KOKEN_IO_WRITE : 0);
    return (int)(ready & events);
}

KN_UNPAIRED int koken_io_wait(koken_ctx *ctx, int fd, unsigned events, uint64_t timeout_ns)
{
    struct kn_fiber_agent *f = kn_fiber_of(ctx);
    if (!f) {
        return -ENOTSUP;
    }
    if (fd < 0 || events == 0 || (events & ~(unsigned)(KOKEN_IO_READ | KOKEN_IO_WRITE))) {
        return -EINVAL;
    }
    if (timeout_ns == 0) {
        return look(fd, events);
    }
    struct kn_netpoll *netpoll = kn_sched_netpoll(f->ctx.rt->sched);
    struct io_wait wait = {.io = {.done = io_done, .fd = fd, .events = events}};
    wait.who = kn_agent_id(f->agent);
    if (!kn_fiber_wait_begin(f, timeout_ns)) {
        return -ENOMEM;
    }
    f->waits = (struct kn_fiber_wait_note){.what = "a file"};
    int rc = kn_netpoll_wait(netpoll, f->ctx.local->worker, &wait.io);
    if (rc == 0) {
        do {
            rc = kn_fiber_wait(f);
        } while (rc == 0 && !kn_load(&wait.is_done, relaxed)); /* relaxed: looked at again below.
                                                                  Ends: ready, late, cancelled */
        /* [AF2] acquire, both: the result, and the poller's last look at the wait. */
        if (!kn_load(&wait.is_done, acquire) && !kn_netpoll_cancel(netpoll, &wait.io)) {
            while (!kn_load(&wait.is_done, acquire)) { /* ends: the poller is about to say so */
                (void)kn_fiber_collect(f);
                if (!kn_load(&wait.is_done, relaxed)) { /* relaxed: looked at again above */
                    kn_fiber_suspend();
                }
            }
        }
        /* Relaxed: acquired above. */
        rc = kn_load(&wait.is_done, relaxed) ? wait.io.result : rc;
    }
    kn_fiber_wait_end(f);
    return translate(rc);
}
