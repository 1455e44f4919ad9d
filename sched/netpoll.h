/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for file descriptors, on epoll, without a thread of its own: a worker that rests sleeps
 * in kn_netpoll_sleep() instead of on its futex while somebody waits for an fd, and busy workers
 * look now and then (kn_netpoll_poll).
 *
 *                     event, fd closed, close, shutdown (first one wins)
 *      free -- wait --> WAITING ------------------> completed -- deliver --> done(worker, io)
 *       ^                 |
 *       +---- cancel -----+  (true: done is not called)
 *
 * A wait that was accepted ends once: by done(), or by a cancel that returned true. An fd has at
 * most one waiter for reading and one for writing. The lock of the fd's entry decides all races;
 * nothing is called back while it is held.
 *
 *                 wait  cancel  close  poll  sleep  wake  shutdown  fini     X: needs exclusion
 *      any other   -      -      -      -     *      -       -       X      *: a second sleeper: -EBUSY
 *
 * Progress: blocking, for the length of one epoll_ctl(); wake is wait-free but for the kernel.
 */
#ifndef KN_SCHED_NETPOLL_H
#define KN_SCHED_NETPOLL_H

#include "base/align.h"
#include "base/atomic.h"
#include "base/world.h"
#include "sched/lock.h"

#include <koken/error.h>
#include <stdbool.h>
#include <stdint.h>

struct kn_worker;

enum kn_io_events { KN_IO_READ = 1u << 0, KN_IO_WRITE = 1u << 1 };

enum {
    KN_NETPOLL_CHUNK = 512,   /* fds per chunk of the table */
    KN_NETPOLL_CHUNKS = 2048, /* so fds up to 2^20 - 1 can be waited for */
    KN_NETPOLL_BATCH = 64,    /* events taken at once */
};

/* One wait, inside the object that waits. (o) the waiter's, but the poller's from wait to its end.
 */
struct kn_io {
    struct kn_io *next; /* in a list of completed ones */
    /*
     * The wait is over: result is the events that are ready (> 0), or -EBADF the fd was closed
     * meanwhile, or -ESHUTDOWN. worker is the one that the calling thread holds, or NULL. The io is
     * free again.
     */
    void (*done)(struct kn_worker *worker, struct kn_io *self);
    int fd;
    unsigned events; /* KN_IO_* */
    int result;
    kn_atomic(uint32_t) *in_hand; /* of the poller that has completed it and not yet called done */
};

struct kn_netpoll_chunk;

/* (c) const once is_open, (m) lock, (a) atomic. The zero state is a poller that nobody has used. */
struct kn_netpoll {
    kn_atomic(uint32_t) is_open; /* (a) epoll_fd and wake_fd are there */
    int epoll_fd;                /* (c) */
    int wake_fd;                 /* (c) eventfd that ends a sleep */
    struct kn_lock lock;         /* opening, and new chunks; cold; never together with an entry's */
    kn_atomic(uint32_t) is_shut; /* (a) */
    kn_atomic(struct kn_netpoll_chunk *) *chunks;             /* (c) the table, entries (a) */
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(uint32_t) waiting; /* (a) waits that are not completed */
    kn_atomic(uint32_t) has_sleeper;                          /* (a) */
    kn_atomic(uint32_t) in_hand; /* (a) waits that are completed and not yet delivered */
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(uint32_t) is_woken; /* (a) a wake is on its way */
};

/* Opens nothing: a runtime that never waits for an fd has no descriptor of ours. */
void kn_netpoll_init(struct kn_netpoll *netpoll);

/* No wait may be pending (kn_netpoll_shutdown first), no other thread inside. Accepts the zero
 * state. */
void kn_netpoll_fini(struct kn_netpoll *netpoll);

/*
 * Waits, once, until fd is ready for one of io->events; set fd, events and done before.
 * Level-triggered: what is ready already completes at the next poll. worker: for done() of an older
 * waiter found to be stale. Errors, and then done() is not called: -EINVAL no events, or an fd that
 * cannot be watched (the epoll itself); -EBADF fd is not open; -EPERM fd is never "ready" (a
 * regular file or directory: its reads block and belong to the blocking pool); -EBUSY somebody
 * waits for the same fd and direction; -EOVERFLOW fd above the table; -ENOMEM; -ESHUTDOWN. Order:
 * what the waiter did before is seen by done().  Cost: one or two system calls.
 */
KOKEN_MUST_USE int kn_netpoll_wait(struct kn_netpoll *netpoll, struct kn_worker *worker,
                                   struct kn_io *keep_io);

/* True: the wait is over and done() is not called. False: done() was called or will be. No system
 * call. */
bool kn_netpoll_cancel(struct kn_netpoll *netpoll, struct kn_io *io);

/*
 * To be called before close(fd): ends the waits for it with -EBADF, calling done() with this
 * worker. Without it the kernel forgets the fd silently and its waiters wait for their deadline, or
 * until the number is reused.
 */
void kn_netpoll_close(struct kn_netpoll *netpoll, struct kn_worker *worker, int fd);

/* Whether somebody has ever waited for an fd: then its descriptors and its table are there. */
static inline bool kn_netpoll_is_open(struct kn_netpoll *netpoll)
{
    /* [NP1] acquire: the fds and the table. Pairs with release [NP1] in sched/descriptor.c. */
    return kn_load(&netpoll->is_open, acquire) != 0;
}

/* True while somebody waits for an fd: then a resting worker should sleep here. Cost: a load. */
static inline bool kn_netpoll_is_needed(struct kn_netpoll *netpoll)
{
    /* Relaxed: whoever makes it true is awake, and looks here itself before it rests. */
    return kn_load(&netpoll->waiting, relaxed) > 0;
}

/* Whether waits are on their way from here to those who wait, in nobody's queue yet. */
static inline bool kn_netpoll_is_delivering(struct kn_netpoll *netpoll)
{
    /* [SQ1] acquire: done has queued them. [SQ2] seq_cst: see is_quiet(). */
    return kn_load(&netpoll->in_hand, seq_cst) > 0;
}

/* Whether a thread sleeps here: a hint. */
static inline bool kn_netpoll_has_sleeper(struct kn_netpoll *netpoll)
{
    return kn_load(&netpoll->has_sleeper, relaxed) != 0; /* relaxed: a hint */
}

/*
 * Takes events that are there, without waiting. Returns the completed waits as a list for
 * kn_netpoll_deliver(), which must follow. Thread: any. Cost: one system call, none if nobody
 * waits.
 */
KOKEN_MUST_USE struct kn_io *kn_netpoll_poll(struct kn_netpoll *netpoll);

/*
 * Makes the calling thread the sleeper, until kn_netpoll_leave(). False: another one is, or nobody
 * waits for an fd: sleep elsewhere. To be called before the thread tells those who may wake it to
 * do it here.
 */
bool kn_netpoll_enter(struct kn_netpoll *netpoll);
void kn_netpoll_leave(struct kn_netpoll *netpoll);

/*
 * Sleeps until an event, kn_netpoll_wake() or the deadline; completed waits in *ret_ready as above.
 * A wake that came before counts. Returns 0, also for no reason at all, or -ETIMEDOUT at the
 * deadline. Thread: the sleeper.
 */
KOKEN_MUST_USE int kn_netpoll_sleep(struct kn_netpoll *netpoll, uint64_t deadline_ns,
                                    struct kn_io **ret_ready);

/*
 * Ends the sleep of now, or the next one. Order: what the caller did before is seen after that
 * sleep. Thread: any. Cost: a swap, and a system call if none is pending.
 */
void kn_netpoll_wake(struct kn_netpoll *netpoll);

/* Calls done() for each of a list. worker: the one that this thread holds, or NULL. Returns how
 * many. */
unsigned kn_netpoll_deliver(struct kn_worker *worker, struct kn_io *take_ready);

/* Ends all waits with -ESHUTDOWN; later ones are refused with it. Wakes the sleeper. Idempotent. */
void kn_netpoll_shutdown(struct kn_netpoll *netpoll, struct kn_worker *worker);

#endif
