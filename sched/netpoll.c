/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The netpoller.
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

#include "base/alloc.h"
#include "base/assert.h"
#include "base/edges.h"
#include "base/world.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define WAKE_TOKEN UINT64_MAX /* the eventfd's, not an fd with a generation */

/* All (m). */
struct entry {
    struct kn_lock lock;
    uint32_t generation;
    struct kn_io *reader; /* waits for KN_IO_READ, or NULL */
    struct kn_io *writer; /* waits for KN_IO_WRITE, or NULL; may be the same */
    bool is_added;        /* the kernel knew the fd when we last looked */
};

struct kn_netpoll_chunk {
    struct entry entries[KN_NETPOLL_CHUNK];
};

/* Completed waits, in order. */
struct completed {
    struct kn_io *first;
    struct kn_io **end;
};

static void completed_init(struct completed *list)
{
    list->first = NULL;
    list->end = &list->first;
}

void kn_netpoll_init(struct kn_netpoll *netpoll)
{
    *netpoll = (struct kn_netpoll){.epoll_fd = -1, .wake_fd = -1};
}

/* ---- the table
 * ---------------------------------------------------------------------------------------- */

static size_t table_size(void)
{
    return KN_NETPOLL_CHUNKS * sizeof(kn_atomic(struct kn_netpoll_chunk *));
}

/* Both descriptors, and the eventfd inside the epoll. */
static int open_fds(struct kn_netpoll *netpoll)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = WAKE_TOKEN}};
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int wake_fd;

    if (epoll_fd < 0) {
        goto err;
    }
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0) {
        goto err_after_epoll;
    }
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wake_fd, &event) < 0) {
        goto err_after_wake;
    }
    netpoll->epoll_fd = epoll_fd;
    netpoll->wake_fd = wake_fd;
    return 0;

err_after_wake:
    (void)close(wake_fd);
err_after_epoll:
    (void)close(epoll_fd);
err:
    return -ENOMEM; /* too many files is a lack of resources like another */
}

static int open_locked(struct kn_netpoll *netpoll)
{
    kn_atomic(struct kn_netpoll_chunk *) *chunks;
    int rc;

    if (kn_load(&netpoll->is_open, relaxed)) { /* relaxed: written under the same lock */
        return 0;
    }
    chunks = kn_alloc(table_size(), KN_CACHE_LINE, -1);
    if (chunks == NULL) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < KN_NETPOLL_CHUNKS; i++) {
        kn_atomic_init(&chunks[i], NULL);
    }
    rc = open_fds(netpoll);
    if (rc < 0) {
        kn_free(chunks, table_size(), KN_CACHE_LINE);
        return rc;
    }
    netpoll->chunks = chunks;
    /* [NP1] release: the fds and the table. Pairs with acquire [NP1] in is_open(). */
    kn_store(&netpoll->is_open, 1, release);
    return 0;
}

static bool is_open(struct kn_netpoll *netpoll)
{
    /* [NP1] acquire: the fds and the table. Pairs with release [NP1] in open_locked(). */
    return kn_load(&netpoll->is_open, acquire) != 0;
}

/* The entry of an fd that has one already, or NULL. */
static struct entry *entry_find(struct kn_netpoll *netpoll, int fd)
{
    unsigned index = (unsigned)fd / KN_NETPOLL_CHUNK;
    struct kn_netpoll_chunk *chunk;

    if (fd < 0 || index >= KN_NETPOLL_CHUNKS || !is_open(netpoll)) {
        return NULL;
    }
    /* [NP2] acquire: the entries as they were made. Pairs with release [NP2] in entry_make(). */
    chunk = kn_load(&netpoll->chunks[index], acquire);
    return chunk == NULL ? NULL : &chunk->entries[(unsigned)fd % KN_NETPOLL_CHUNK];
}

/* Opens the poller and makes the chunk, as needed. */
static int entry_make(struct kn_netpoll *netpoll, int fd)
{
    unsigned index = (unsigned)fd / KN_NETPOLL_CHUNK;
    struct kn_netpoll_chunk *chunk;
    int rc;

    kn_lock(&netpoll->lock);
    rc = -ESHUTDOWN;
    if (kn_load(&netpoll->is_shut, relaxed)) { /* relaxed: written under this lock; N4 */
        goto out;
    }
    rc = open_locked(netpoll);
    if (rc < 0 ||
        kn_load(&netpoll->chunks[index], relaxed) != NULL) { /* relaxed: under this lock */
        goto out;
    }
    rc = -ENOMEM;
    chunk = kn_alloc(sizeof(*chunk), KN_CACHE_LINE, -1);
    if (chunk == NULL) {
        goto out;
    }
    *chunk = (struct kn_netpoll_chunk){0};
    /* [NP2] release: the zeroed entries. Pairs with acquire [NP2] in entry_find(). */
    kn_store(&netpoll->chunks[index], chunk, release);
    rc = 0;
out:
    kn_unlock(&netpoll->lock);
    return rc;
}

/* ---- one entry, locked
 * -------------------------------------------------------------------------------- */

static bool has_waiter(const struct entry *entry)
{
    return entry->reader != NULL || entry->writer != NULL;
}

/* Takes a wait out of its entry: this ends it. */
static void take_out(struct kn_netpoll *netpoll, struct entry *entry, struct kn_io *io)
{
    KN_ASSERT(entry->reader == io || entry->writer == io);
    if (entry->reader == io) {
        entry->reader = NULL;
    }
    if (entry->writer == io) {
        entry->writer = NULL;
    }
    (void)kn_sub(&netpoll->waiting, 1, relaxed); /* relaxed: a hint, see kn_netpoll_is_needed() */
}

static void complete(struct kn_netpoll *netpoll, struct entry *entry, struct kn_io *io, int result,
                     struct completed *list)
{
    /* Relaxed: before the wait can be missed in its entry, under whose lock both are; or by an awake worker. */
    (void)kn_add(&netpoll->in_hand, 1, relaxed);
    io->in_hand = &netpoll->in_hand;
    take_out(netpoll, entry, io);
    io->result = result;
    io->next = NULL;
    *list->end = io;
    list->end = &io->next;
}

static void complete_all(struct kn_netpoll *netpoll, struct entry *entry, int result,
                         struct completed *list)
{
    if (entry->reader != NULL) {
        complete(netpoll, entry, entry->reader, result, list);
    }
    if (entry->writer != NULL) {
        complete(netpoll, entry, entry->writer, result, list);
    }
}

/* What the kernel says of it, in words of ours. */
static int control_error(int error)
{
    switch (error) {
    case EBADF:
    case ENOENT: return -EBADF;
    case EPERM: return -EPERM;
    case ENOMEM:
    case ENOSPC: /* fs.epoll.max_user_watches */ return -ENOMEM;
    default: return -EINVAL; /* the epoll itself, or a ring of epolls */
    }
}

/* Arms the kernel for events of the file that has this number now. -EBADF: it was another one
 * before. */
static int control(struct kn_netpoll *netpoll, struct entry *entry, int fd, unsigned events)
{
    uint32_t generation = entry->generation + 1;
    struct epoll_event event = {
        .events = EPOLLONESHOT | (events & KN_IO_READ ? (uint32_t)EPOLLIN | EPOLLRDHUP : 0) |
                  (events & KN_IO_WRITE ? (uint32_t)EPOLLOUT : 0),
        .data = {.u64 = (uint64_t)generation << 32 | (uint32_t)fd},
    };
    int operation = entry->is_added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int rc = epoll_ctl(netpoll->epoll_fd, operation, fd, &event);

    if (rc < 0 && errno == EEXIST) { /* a file that came back to its number, by dup2() */
        rc = epoll_ctl(netpoll->epoll_fd, EPOLL_CTL_MOD, fd, &event);
    }
    if (rc < 0) {
        rc = control_error(errno);
        entry->is_added &= rc != -EBADF;
        return rc;
    }
    entry->is_added = true;
    entry->generation = generation; /* N1; who gets the event first waits for our lock */
    return 0;
}

/*
 * Arms for all waiters and events more. Waiters for a file that is gone are completed, and then it
 * is tried once more for events alone.
 */
static int arm(struct kn_netpoll *netpoll, struct entry *entry, int fd, unsigned events,
               struct completed *list)
{
    unsigned all = events | (entry->reader != NULL ? (unsigned)KN_IO_READ : 0) |
                   (entry->writer != NULL ? (unsigned)KN_IO_WRITE : 0);
    bool was_added = entry->is_added;
    int rc = control(netpoll, entry, fd, all);

    if (rc != -EBADF || !was_added) {
        return rc;
    }
    complete_all(netpoll, entry, -EBADF, list); /* N3 */
    return events == 0 ? 0 : control(netpoll, entry, fd, events);
}

static bool is_busy(const struct entry *entry, unsigned events)
{
    return ((events & KN_IO_READ) != 0 && entry->reader != NULL) ||
           ((events & KN_IO_WRITE) != 0 && entry->writer != NULL);
}

static int wait_locked(struct kn_netpoll *netpoll, struct entry *entry, struct kn_io *io,
                       struct completed *list)
{
    int rc;

    if (kn_load(&netpoll->is_shut, relaxed)) { /* relaxed: ordered by the entry's lock; N4 */
        return -ESHUTDOWN;
    }
    if (is_busy(entry, io->events)) {
        /* Unless those wait for a file that is gone: arming for them again finds out. */
        rc = arm(netpoll, entry, io->fd, 0, list);
        if (rc < 0) {
            return rc;
        }
        if (is_busy(entry, io->events)) {
            return -EBUSY;
        }
    }
    rc = arm(netpoll, entry, io->fd, io->events, list);
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

/* ---- waiting
 * ------------------------------------------------------------------------------------------ */

int kn_netpoll_wait(struct kn_netpoll *netpoll, struct kn_worker *worker, struct kn_io *keep_io)
{
    const unsigned known = KN_IO_READ | KN_IO_WRITE;
    struct completed list;
    struct entry *entry;
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
    entry = entry_find(netpoll, keep_io->fd);
    if (entry == NULL) {
        rc = entry_make(netpoll, keep_io->fd);
        if (rc < 0) {
            return rc;
        }
        entry = entry_find(netpoll, keep_io->fd);
    }
    completed_init(&list);
    kn_lock(&entry->lock);
    rc = wait_locked(netpoll, entry, keep_io, &list);
    kn_unlock(&entry->lock);
    (void)kn_netpoll_deliver(worker, list.first);
    return rc;
}

bool kn_netpoll_cancel(struct kn_netpoll *netpoll, struct kn_io *io)
{
    struct entry *entry = entry_find(netpoll, io->fd);
    bool is_waiting;

    if (entry == NULL) {
        return false;
    }
    kn_lock(&entry->lock);
    is_waiting = entry->reader == io || entry->writer == io;
    if (is_waiting) {
        take_out(netpoll, entry, io);
    }
    kn_unlock(&entry->lock);
    return is_waiting;
}

void kn_netpoll_close(struct kn_netpoll *netpoll, struct kn_worker *worker, int fd)
{
    struct entry *entry = entry_find(netpoll, fd);
    struct completed list;

    if (entry == NULL) {
        return;
    }
    completed_init(&list);
    kn_lock(&entry->lock);
    complete_all(netpoll, entry, -EBADF, &list);
    if (entry->is_added) {
        /* It fails if the file is gone already, and then there is nothing to take out. */
        (void)epoll_ctl(netpoll->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        entry->is_added = false;
        entry->generation++; /* N1: events on their way are dropped */
    }
    kn_unlock(&entry->lock);
    (void)kn_netpoll_deliver(worker, list.first);
}

/* ---- events
 * ------------------------------------------------------------------------------------------- */

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

static void complete_ready(struct kn_netpoll *netpoll, struct entry *entry, struct kn_io *io,
                           unsigned ready, struct completed *list)
{
    if (io != NULL && (io->events & ready) != 0) {
        complete(netpoll, entry, io, (int)(io->events & ready), list);
    }
}

static void on_event(struct kn_netpoll *netpoll, const struct epoll_event *event,
                     struct completed *list)
{
    int fd = (int)(uint32_t)event->data.u64;
    struct entry *entry = entry_find(netpoll, fd);
    unsigned ready = ready_events(event->events);

    KN_ASSERT(entry != NULL);
    kn_lock(&entry->lock);
    if (entry->generation == (uint32_t)(event->data.u64 >> 32)) { /* N1 */
        complete_ready(netpoll, entry, entry->reader, ready, list);
        complete_ready(netpoll, entry, entry->writer, ready, list);
        if (has_waiter(entry) && arm(netpoll, entry, fd, 0, list) < 0) { /* N2 */
            complete_all(netpoll, entry, -EBADF, list);
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
    struct completed list;

    completed_init(&list);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 != WAKE_TOKEN) {
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

    if (!kn_netpoll_is_needed(netpoll) || !is_open(netpoll)) {
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
        return count;
    }
    count = ppoll(&pollfd, 1, limit, NULL);
    return count <= 0 ? count : epoll_wait(netpoll->epoll_fd, events, KN_NETPOLL_BATCH, 0);
}

bool kn_netpoll_enter(struct kn_netpoll *netpoll)
{
    /* [NP4] acquire: the last sleeper's clearing of is_woken. Pairs with kn_netpoll_leave(). */
    return kn_netpoll_is_needed(netpoll) && is_open(netpoll) &&
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

    if (!is_open(netpoll)) {
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
            (void)kn_sub(in_hand, 1, release); /* [SQ1] release: what done has queued */
        }
        count++;
    }
    return count;
}

/* ---- the end
 * ------------------------------------------------------------------------------------------ */

void kn_netpoll_shutdown(struct kn_netpoll *netpoll, struct kn_worker *worker)
{
    struct completed list;
    bool was_open;

    kn_lock(&netpoll->lock);
    was_open = is_open(netpoll);
    kn_store(&netpoll->is_shut, 1, relaxed); /* relaxed: the locks order it; N4 */
    kn_unlock(&netpoll->lock);
    if (!was_open) {
        return;
    }
    completed_init(&list);
    for (unsigned i = 0; i < KN_NETPOLL_CHUNKS; i++) {
        struct entry *entry = entry_find(netpoll, (int)(i * KN_NETPOLL_CHUNK));

        for (unsigned j = 0; entry != NULL && j < KN_NETPOLL_CHUNK; j++, entry++) {
            kn_lock(&entry->lock);
            complete_all(netpoll, entry, -ESHUTDOWN, &list);
            kn_unlock(&entry->lock);
        }
    }
    kn_netpoll_wake(netpoll);
    (void)kn_netpoll_deliver(worker, list.first);
}

void kn_netpoll_fini(struct kn_netpoll *netpoll)
{
    if (!is_open(netpoll)) {
        return;
    }
    /* Relaxed, all: no other thread is inside. */
    KOKEN_CHECK(kn_load(&netpoll->waiting, relaxed) == 0);
    KOKEN_CHECK(kn_load(&netpoll->has_sleeper, relaxed) == 0);
    for (unsigned i = 0; i < KN_NETPOLL_CHUNKS; i++) {
        kn_free(kn_load(&netpoll->chunks[i], relaxed), sizeof(struct kn_netpoll_chunk),
                KN_CACHE_LINE);
    }
    kn_free(netpoll->chunks, table_size(), KN_CACHE_LINE);
    kn_quiet_begin();
    (void)close(netpoll->epoll_fd);
    (void)close(netpoll->wake_fd);
    kn_quiet_end();
    kn_netpoll_init(netpoll);
}
