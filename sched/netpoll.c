/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The netpoller: waits for descriptors, and the worker that sleeps for them (the table of who waits is descriptor.c).
 *
 * Each fd number has an entry that is never freed before the poller: a lock, the two waiters, and a
 * generation. A registration in the kernel is one-shot and carries the fd and the generation of its
 * arming. Membership in the entry is the truth: whoever takes a wait out of it, under the lock,
 * ends it.
 *
 *   N1  An event whose generation is not the entry's is dropped. That loses nothing: the generation
 *       moves only when the kernel has been armed anew, which looks at the fd again
 *       (level-triggered). It keeps events of a closed file away from a new one with its number.
 *
 *   N2  While an entry has waiters and its fd is open, the kernel is armed for (at least) what they
 *       wait for: wait arms; an event disarms and, if a waiter is left, is followed by arming under
 *       the same lock. So no readiness is missed. After a cancel it may be armed for more: at most
 *       one event for nobody.
 *
 *   N3  The kernel forgets a closed file by itself. The next arming finds out (ENOENT, EBADF): who
 *       waited for the old file is completed with -EBADF, and never gets the readiness of the new
 *       one.
 *
 *   N4  After shutdown no wait is left: is_shut is set first; a wait that locks its entry before
 *       shutdown does is found there, one that locks it after sees is_shut; and no new chunk comes
 *       into being behind the walk, because the lock of the table orders its birth and is_shut.
 *
 *   N5  A wake is not lost. Only the sleeper takes it; he empties the eventfd first and clears
 *       is_woken after, so a waker that finds it set has its work seen by the sleeper, who reads it
 *       by that same swap and then looks around (the other order could eat a later wake). The next
 *       one becomes the sleeper after that clearing, and only then tells others to wake him here:
 *       had he told before, the one who leaves could take his wake with him.
 */
#include "sched/netpoll.h"

#include "base/assert.h"
#include "base/edges.h"
#include "base/unseen.h"
#include "base/world.h"
#include "sched/descriptor.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

void kn_netpoll_init(struct kn_netpoll *netpoll)
{
    *netpoll = (struct kn_netpoll){.epoll_fd = -1, .wake_fd = -1};
}

static bool is_busy(const struct kn_fd *entry, unsigned events)
{
    return ((events & KN_IO_READ) != 0 && entry->reader != NULL) ||
           ((events & KN_IO_WRITE) != 0 && entry->writer != NULL);
}

static int wait_locked(struct kn_netpoll *netpoll, struct kn_fd *entry, struct kn_io *io,
                       struct kn_io_list *list)
{
    int rc;

    if (kn_load(&netpoll->is_shut, relaxed)) { /* relaxed: ordered by the entry's lock; N4 */
        return -ESHUTDOWN;
    }
    if (is_busy(entry, io->events)) {
        /* Unless those wait for a file that is gone: arming for them again finds out. */
        rc = kn_fd_arm(netpoll, entry, io->fd, 0, list);
        if (rc < 0) {
            return rc;
        }
        if (is_busy(entry, io->events)) {
            return -EBUSY;
        }
    }
    rc = kn_fd_arm(netpoll, entry, io->fd, io->events, list);
    if (rc < 0) {
        return rc;
    }
    KN_ASSERT(!is_busy(entry, io->events));
    if (io->events & KN_IO_READ) {
        entry->reader = io;
    }
    if (io->events & KN_IO_WRITE) {
        entry->writer = io;
    }
    (void)kn_add(&netpoll->waiting, 1, relaxed); /* relaxed: a hint, see kn_netpoll_is_needed() */
    return 0;
}

/* ---- waiting ---- */

int kn_netpoll_wait(struct kn_netpoll *netpoll, struct kn_worker *worker, struct kn_io *keep_io)
{
    const unsigned known = KN_IO_READ | KN_IO_WRITE;
    struct kn_io_list list;
    struct kn_fd *entry;
    int rc;

    if (keep_io->events == 0 || (keep_io->events & ~known) != 0) {
        return -EINVAL;
    }
    if (keep_io->fd < 0) {
        return -EBADF;
    }
    if (keep_io->fd / KN_NETPOLL_CHUNK >= KN_NETPOLL_CHUNKS) {
        return -EOVERFLOW;
    }
    entry = kn_fd_find(netpoll, keep_io->fd);
    if (entry == NULL) {
        rc = kn_fd_make(netpoll, keep_io->fd);
        if (rc < 0) {
            return rc;
        }
        entry = kn_fd_find(netpoll, keep_io->fd);
    }
    kn_io_list_init(&list);
    kn_lock(&entry->lock);
    rc = wait_locked(netpoll, entry, keep_io, &list);
    kn_unlock(&entry->lock);
    (void)kn_netpoll_deliver(worker, list.first);
    return rc;
}

bool kn_netpoll_cancel(struct kn_netpoll *netpoll, struct kn_io *io)
{
    struct kn_fd *entry = kn_fd_find(netpoll, io->fd);
    bool is_waiting;

    if (entry == NULL) {
        return false;
    }
    kn_lock(&entry->lock);
    is_waiting = entry->reader == io || entry->writer == io;
    if (is_waiting) {
        kn_fd_take_out(netpoll, entry, io);
    }
    kn_unlock(&entry->lock);
    return is_waiting;
}

void kn_netpoll_close(struct kn_netpoll *netpoll, struct kn_worker *worker, int fd)
{
    struct kn_fd *entry = kn_fd_find(netpoll, fd);
    struct kn_io_list list;

    if (entry == NULL) {
        return;
    }
    kn_io_list_init(&list);
    kn_lock(&entry->lock);
    kn_fd_complete_all(netpoll, entry, -EBADF, &list);
    if (entry->is_added) {
        /* It fails if the file is gone already, and then there is nothing to take out. */
        (void)epoll_ctl(netpoll->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        entry->is_added = false;
        entry->generation++; /* N1: events on their way are dropped */
    }
    kn_unlock(&entry->lock);
    (void)kn_netpoll_deliver(worker, list.first);
}

/* ---- events ---- */

/* Errors and hang-ups make both directions ready: the next read or write tells. */
static unsigned ready_events(uint32_t events)
{
    unsigned ready = 0;

    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) {
        ready |= KN_IO_READ;
    }
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
        ready |= KN_IO_WRITE;
    }
    return ready;
}

static bool has_waiter(const struct kn_fd *entry)
{
    return entry->reader != NULL || entry->writer != NULL;
}

static void complete_ready(struct kn_netpoll *netpoll, struct kn_fd *entry, struct kn_io *io,
                           unsigned ready, struct kn_io_list *list)
{
    if (io != NULL && (io->events & ready) != 0) {
        kn_fd_complete(netpoll, entry, io, (int)(io->events & ready), list);
    }
}

static void on_event(struct kn_netpoll *netpoll, const struct epoll_event *event,
                     struct kn_io_list *list)
{
    int fd = (int)(uint32_t)event->data.u64;
    struct kn_fd *entry = kn_fd_find(netpoll, fd);
    unsigned ready = ready_events(event->events);

    KN_ASSERT(entry != NULL);
    kn_lock(&entry->lock);
    if (entry->generation == (uint32_t)(event->data.u64 >> 32)) { /* N1 */
        complete_ready(netpoll, entry, entry->reader, ready, list);
        complete_ready(netpoll, entry, entry->writer, ready, list);
        if (has_waiter(entry) && kn_fd_arm(netpoll, entry, fd, 0, list) < 0) { /* N2 */
            kn_fd_complete_all(netpoll, entry, -EBADF, list);
        }
    }
    kn_unlock(&entry->lock);
}

/* N5 */
static void on_wake(struct kn_netpoll *netpoll)
{
    uint64_t counter;
    kn_quiet_begin();
    ssize_t got = read(netpoll->wake_fd, &counter, sizeof(counter));
    kn_quiet_end();

    KN_ASSERT(got == (ssize_t)sizeof(counter) || errno == EAGAIN);
    (void)got;
    /* [NP3] acquire: what wakers did before. Pairs with release [NP3] in kn_netpoll_wake(). */
    (void)kn_swap(&netpoll->is_woken, 0, acquire);
}

/* Only the sleeper takes the wake: another one would take it away from him. */
static struct kn_io *on_events(struct kn_netpoll *netpoll, const struct epoll_event *events,
                               int count, bool is_sleeper)
{
    struct kn_io_list list;

    kn_io_list_init(&list);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 != KN_WAKE_TOKEN) {
            on_event(netpoll, &events[i], &list);
        } else if (is_sleeper) {
            on_wake(netpoll);
        }
    }
    return list.first;
}

struct kn_io *kn_netpoll_poll(struct kn_netpoll *netpoll)
{
    struct epoll_event events[KN_NETPOLL_BATCH];
    int count;

    if (!kn_netpoll_is_needed(netpoll) || !kn_netpoll_is_open(netpoll)) {
        return NULL;
    }
    count = epoll_wait(netpoll->epoll_fd, events, KN_NETPOLL_BATCH, 0);
    return on_events(netpoll, events, count, /* is_sleeper= */ false);
}

/* Never blocks: the simulator's other threads are this thread of the system. */
static int wait_simulated(struct kn_netpoll *netpoll, struct epoll_event *events,
                          uint64_t deadline_ns)
{
    for (;;) { /* ends: an event, or the deadline; the simulator notices if neither can come */
        int count = epoll_wait(netpoll->epoll_fd, events, KN_NETPOLL_BATCH, 0);

        if (count > 0) {
            return count;
        }
        if (kn_fault(KN_FAULT_IO) != 0) {
            errno = EINTR;
            return -1;
        }
        if (kn_io_wait(deadline_ns) == -ETIMEDOUT) {
            return 0;
        }
    }
}

/*
 * epoll_wait() counts in milliseconds; epoll_pwait2() in nanoseconds, from Linux 5.11. Where that
 * is missing, ppoll() on the epoll itself sleeps as exactly.
 */
static int wait_events(struct kn_netpoll *netpoll, struct epoll_event *events, uint64_t deadline_ns)
{
    if (kn_world_is_simulated()) {
        return wait_simulated(netpoll, events, deadline_ns);
    }
    uint64_t now = deadline_ns == KN_NEVER ? 0 : kn_now();
    uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
    struct timespec timeout = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
    const struct timespec *limit = deadline_ns == KN_NEVER ? NULL : &timeout;
    struct pollfd pollfd = {.fd = netpoll->epoll_fd, .events = POLLIN};
    int count = epoll_pwait2(netpoll->epoll_fd, events, KN_NETPOLL_BATCH, limit, NULL);

    if (count >= 0 || errno != ENOSYS) {
        kn_unseen_wrote(events, count > 0 ? (size_t)count * sizeof *events : 0);
        return count;
    }
    count = ppoll(&pollfd, 1, limit, NULL);
    return count <= 0 ? count : epoll_wait(netpoll->epoll_fd, events, KN_NETPOLL_BATCH, 0);
}

bool kn_netpoll_enter(struct kn_netpoll *netpoll)
{
    /* [NP4] acquire: the last sleeper's clearing of is_woken. Pairs with kn_netpoll_leave(). */
    return kn_netpoll_is_needed(netpoll) && kn_netpoll_is_open(netpoll) &&
           kn_swap(&netpoll->has_sleeper, 1, acquire) == 0;
}

void kn_netpoll_leave(struct kn_netpoll *netpoll)
{
    KN_ASSERT(kn_netpoll_has_sleeper(netpoll));
    /* [NP4] release: is_woken is clear before the next sleeper can be told to be woken; N5. */
    kn_store(&netpoll->has_sleeper, 0, release);
}

int kn_netpoll_sleep(struct kn_netpoll *netpoll, uint64_t deadline_ns, struct kn_io **ret_ready)
{
    struct epoll_event events[KN_NETPOLL_BATCH];
    int count;

    KN_ASSERT(kn_netpoll_has_sleeper(netpoll));
    count = wait_events(netpoll, events, deadline_ns);
    KN_ASSERT(count >= 0 || errno == EINTR);
    *ret_ready = on_events(netpoll, events, count, /* is_sleeper= */ true);
    return count == 0 && kn_now() >= deadline_ns ? -ETIMEDOUT : 0;
}

void kn_netpoll_wake(struct kn_netpoll *netpoll)
{
    const uint64_t one = 1;

    if (!kn_netpoll_is_open(netpoll)) {
        return; /* nobody can sleep there */
    }
    /* [NP3] release: what the waker did before. Pairs with acquire [NP3] in on_wake(). */
    if (kn_swap(&netpoll->is_woken, 1, release) == 0) {
        kn_quiet_begin();
        ssize_t put = write(netpoll->wake_fd, &one, sizeof(one));
        kn_quiet_end();

        KN_ASSERT(put == (ssize_t)sizeof(one)); /* it would take 2^64 of them to be full */
        (void)put;
    }
}

unsigned kn_netpoll_deliver(struct kn_worker *worker, struct kn_io *take_ready)
{
    unsigned count = 0;

    while (take_ready != NULL) {
        struct kn_io *io = take_ready;

        kn_atomic(uint32_t) *in_hand = io->in_hand;

        take_ready = io->next; /* the io is free from done() on */
        io->done(worker, io);
        if (in_hand != NULL) {
            /* [SQ1] release: what done has queued. [SQ2] seq_cst: before the look for who waits for quiet. */
            (void)kn_sub(in_hand, 1, seq_cst);
        }
        count++;
    }
    return count;
}

/* ---- the end ---- */

void kn_netpoll_shutdown(struct kn_netpoll *netpoll, struct kn_worker *worker)
{
    struct kn_io_list list;
    bool was_open;

    kn_lock(&netpoll->lock);
    was_open = kn_netpoll_is_open(netpoll);
    kn_store(&netpoll->is_shut, 1, relaxed); /* relaxed: the locks order it; N4 */
    kn_unlock(&netpoll->lock);
    if (!was_open) {
        return;
    }
    kn_io_list_init(&list);
    for (unsigned i = 0; i < KN_NETPOLL_CHUNKS; i++) {
        struct kn_fd *entry = kn_fd_find(netpoll, (int)(i * KN_NETPOLL_CHUNK));

        for (unsigned j = 0; entry != NULL && j < KN_NETPOLL_CHUNK; j++, entry++) {
            kn_lock(&entry->lock);
            kn_fd_complete_all(netpoll, entry, -ESHUTDOWN, &list);
            kn_unlock(&entry->lock);
        }
    }
    kn_netpoll_wake(netpoll);
    (void)kn_netpoll_deliver(worker, list.first);
}

void kn_netpoll_fini(struct kn_netpoll *netpoll)
{
    if (!kn_netpoll_is_open(netpoll)) {
        return;
    }
    /* Relaxed, all: no other thread is inside. */
    KOKEN_CHECK(kn_load(&netpoll->waiting, relaxed) == 0);
    KOKEN_CHECK(kn_load(&netpoll->has_sleeper, relaxed) == 0);
    kn_fd_table_free(netpoll);
    kn_quiet_begin();
    (void)close(netpoll->epoll_fd);
    (void)close(netpoll->wake_fd);
    kn_quiet_end();
    kn_netpoll_init(netpoll);
}
