/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The netpoller's table: who waits for each file descriptor, and what the kernel was told of it.
 *
 * An entry is made when its fd is first waited for, and freed with the poller. Its lock decides all
 * races about the fd; a wait is the poller's as long as its entry names it. What a call here ends is
 * put into a list of the caller's, to be delivered when the lock is free again.
 *
 *                    find   make   take_out, complete, arm   table_free     X: needs exclusion
 *      any other      -      -      under the entry's lock        X
 */
#ifndef KN_SCHED_DESCRIPTOR_H
#define KN_SCHED_DESCRIPTOR_H

#include "sched/lock.h"
#include "sched/netpoll.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KN_WAKE_TOKEN UINT64_MAX /* the eventfd's, not an fd with a generation */

/* All (m). */
struct kn_fd {
    struct kn_lock lock;
    uint32_t generation;
    struct kn_io *reader; /* waits for KN_IO_READ, or NULL */
    struct kn_io *writer; /* waits for KN_IO_WRITE, or NULL; may be the same */
    bool is_added;        /* the kernel knew the fd when we last looked */
};

/* Completed waits, in order. */
struct kn_io_list {
    struct kn_io *first;
    struct kn_io **end;
};

static inline void kn_io_list_init(struct kn_io_list *list)
{
    list->first = NULL;
    list->end = &list->first;
}

/* The entry of an fd that has one already, or NULL. Cost: two loads. */
struct kn_fd *kn_fd_find(struct kn_netpoll *netpoll, int fd);

/* Opens the poller and makes the entry, as needed: 0, -ENOMEM, or -ESHUTDOWN. fd: below the table's end. */
KOKEN_MUST_USE int kn_fd_make(struct kn_netpoll *netpoll, int fd);

/* Takes a wait out of its entry: this ends it. */
void kn_fd_take_out(struct kn_netpoll *netpoll, struct kn_fd *entry, struct kn_io *io);

/* Takes it out with its result, into the list. */
void kn_fd_complete(struct kn_netpoll *netpoll, struct kn_fd *entry, struct kn_io *io, int result,
                    struct kn_io_list *list);

/* The same for the reader and the writer. */
void kn_fd_complete_all(struct kn_netpoll *netpoll, struct kn_fd *entry, int result,
                        struct kn_io_list *list);

/*
 * Arms the kernel, once, for all waiters of the entry and for events more. Waiters for a file that
 * is gone are completed with -EBADF, and then it is tried once more for events alone. Returns 0, or
 * -EBADF, -EPERM, -ENOMEM, -EINVAL as kn_netpoll_wait(). Cost: one system call.
 */
KOKEN_MUST_USE int kn_fd_arm(struct kn_netpoll *netpoll, struct kn_fd *entry, int fd,
                             unsigned events, struct kn_io_list *list);

/* Frees the entries of an open poller, in which no other thread is. */
void kn_fd_table_free(struct kn_netpoll *netpoll);

#endif
