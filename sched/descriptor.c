/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/descriptor.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* All (m): each entry by its own lock. */
struct kn_netpoll_chunk {
    struct kn_fd entries[KN_NETPOLL_CHUNK];
};

static size_t table_size(void)
{
    return KN_NETPOLL_CHUNKS * sizeof(kn_atomic(struct kn_netpoll_chunk *));
}

/* Both descriptors, and the eventfd inside the epoll. */
static int open_fds(struct kn_netpoll *netpoll)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = KN_WAKE_TOKEN}};
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
    /* [NP1] release: the fds and the table. Pairs with acquire [NP1] in kn_netpoll_is_open(). */
    kn_store(&netpoll->is_open, 1, release);
    return 0;
}

struct kn_fd *kn_fd_find(struct kn_netpoll *netpoll, int fd)
{
    unsigned index = (unsigned)fd / KN_NETPOLL_CHUNK;
    struct kn_netpoll_chunk *chunk;

    if (fd < 0 || index >= KN_NETPOLL_CHUNKS || !kn_netpoll_is_open(netpoll)) {
        return NULL;
    }
    /* [NP2] acquire: the entries as they were made. Pairs with release [NP2] in kn_fd_make(). */
    chunk = kn_load(&netpoll->chunks[index], acquire);
    return chunk == NULL ? NULL : &chunk->entries[(unsigned)fd % KN_NETPOLL_CHUNK];
}

int kn_fd_make(struct kn_netpoll *netpoll, int fd)
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
    /* [NP2] release: the zeroed entries. Pairs with acquire [NP2] in kn_fd_find(). */
    kn_store(&netpoll->chunks[index], chunk, release);
    rc = 0;
out:
    kn_unlock(&netpoll->lock);
    return rc;
}

void kn_fd_table_free(struct kn_netpoll *netpoll)
{
    KN_ASSERT(netpoll->chunks != NULL);
    for (unsigned i = 0; i < KN_NETPOLL_CHUNKS; i++) { /* relaxed: no other thread is inside */
        kn_free(kn_load(&netpoll->chunks[i], relaxed), sizeof(struct kn_netpoll_chunk),
                KN_CACHE_LINE);
    }
    kn_free(netpoll->chunks, table_size(), KN_CACHE_LINE);
}

/* ---- one descriptor, locked ---- */

void kn_fd_take_out(struct kn_netpoll *netpoll, struct kn_fd *entry, struct kn_io *io)
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

void kn_fd_complete(struct kn_netpoll *netpoll, struct kn_fd *entry, struct kn_io *io, int result,
                    struct kn_io_list *list)
{
    /* Relaxed: before the wait can be missed in its entry, under whose lock both are; or by an awake worker. */
    (void)kn_add(&netpoll->in_hand, 1, relaxed);
    io->in_hand = &netpoll->in_hand;
    kn_fd_take_out(netpoll, entry, io);
    io->result = result;
    io->next = NULL;
    *list->end = io;
    list->end = &io->next;
}

void kn_fd_complete_all(struct kn_netpoll *netpoll, struct kn_fd *entry, int result,
                        struct kn_io_list *list)
{
    if (entry->reader != NULL) {
        kn_fd_complete(netpoll, entry, entry->reader, result, list);
    }
    if (entry->writer != NULL) {
        kn_fd_complete(netpoll, entry, entry->writer, result, list);
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
static int control(struct kn_netpoll *netpoll, struct kn_fd *entry, int fd, unsigned events)
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

int kn_fd_arm(struct kn_netpoll *netpoll, struct kn_fd *entry, int fd, unsigned events,
              struct kn_io_list *list)
{
    unsigned all = events | (entry->reader != NULL ? (unsigned)KN_IO_READ : 0) |
                   (entry->writer != NULL ? (unsigned)KN_IO_WRITE : 0);
    bool was_added = entry->is_added;
    int rc = control(netpoll, entry, fd, all);

    if (rc != -EBADF || !was_added) {
        return rc;
    }
    kn_fd_complete_all(netpoll, entry, -EBADF, list); /* N3 */
    return events == 0 ? 0 : control(netpoll, entry, fd, events);
}
