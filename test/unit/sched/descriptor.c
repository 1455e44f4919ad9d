/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that an fd has one entry, from its making on; that what ends a wait puts it into the list once,
 * with its result, the reader first; and that arming finds out what the kernel has forgotten.
 */
#include "sched/descriptor.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <unistd.h>

static struct kn_netpoll netpoll;
static int ends[2];

static void start(void)
{
    (void)kn_world_init();
    kn_netpoll_init(&netpoll);
    cr_assert_eq(pipe(ends), 0);
}

static void stop(void)
{
    (void)close(ends[0]);
    (void)close(ends[1]);
    kn_netpoll_shutdown(&netpoll, NULL);
    kn_netpoll_fini(&netpoll);
}

/* The entry of the pipe's first end, with these waiters, as a wait leaves it. */
static struct kn_fd *waited_for(struct kn_io *reader, struct kn_io *writer)
{
    struct kn_fd *entry;

    cr_assert_eq(kn_fd_make(&netpoll, ends[0]), 0);
    entry = kn_fd_find(&netpoll, ends[0]);
    cr_assert_not_null(entry);
    entry->reader = reader;
    entry->writer = writer;
    kn_store(&netpoll.waiting, 2, relaxed);
    return entry;
}

Test(descriptor, an_fd_has_one_entry_from_its_making_on, .init = start, .fini = stop)
{
    struct kn_fd *entry;

    cr_assert_null(kn_fd_find(&netpoll, ends[0]), "a poller that nobody has used has no table");
    cr_assert_eq(kn_fd_make(&netpoll, ends[0]), 0);
    entry = kn_fd_find(&netpoll, ends[0]);
    cr_assert_not_null(entry);
    cr_assert_eq(kn_fd_make(&netpoll, ends[0]), 0);
    cr_assert(kn_fd_find(&netpoll, ends[0]) == entry);
    cr_assert(kn_fd_find(&netpoll, ends[1]) != entry);
    cr_assert_null(kn_fd_find(&netpoll, -1));
    cr_assert_null(kn_fd_find(&netpoll, KN_NETPOLL_CHUNK), "the next chunk was not made");
    cr_assert_null(kn_fd_find(&netpoll, KN_NETPOLL_CHUNK * KN_NETPOLL_CHUNKS));
}

Test(descriptor, none_is_made_after_the_shutdown, .init = start, .fini = stop)
{
    kn_netpoll_shutdown(&netpoll, NULL);
    cr_assert_eq(kn_fd_make(&netpoll, ends[0]), -ESHUTDOWN);
    cr_assert_null(kn_fd_find(&netpoll, ends[0]));
}

Test(descriptor, both_waiters_end_once_the_reader_first, .init = start, .fini = stop)
{
    struct kn_io reader = {.events = KN_IO_READ};
    struct kn_io writer = {.events = KN_IO_WRITE};
    struct kn_fd *entry = waited_for(&reader, &writer);
    struct kn_io_list list;

    kn_io_list_init(&list);
    kn_fd_complete_all(&netpoll, entry, -EBADF, &list);
    kn_fd_complete_all(&netpoll, entry, -ESHUTDOWN, &list);
    cr_assert(list.first == &reader);
    cr_assert(reader.next == &writer);
    cr_assert_null(writer.next);
    cr_assert_eq(reader.result, -EBADF);
    cr_assert_eq(writer.result, -EBADF);
    cr_assert_eq(kn_load(&netpoll.waiting, relaxed), 0);
    cr_assert_eq(kn_load(&netpoll.in_hand, relaxed), 2);
    kn_store(&netpoll.in_hand, 0, relaxed);
}

Test(descriptor, one_wait_for_both_directions_ends_once, .init = start, .fini = stop)
{
    struct kn_io io = {.events = KN_IO_READ | KN_IO_WRITE};
    struct kn_fd *entry = waited_for(&io, &io);
    struct kn_io_list list;

    kn_store(&netpoll.waiting, 1, relaxed);
    kn_io_list_init(&list);
    kn_fd_complete_all(&netpoll, entry, KN_IO_READ, &list);
    cr_assert(list.first == &io);
    cr_assert_null(io.next);
    cr_assert_null(entry->writer);
    cr_assert_eq(kn_load(&netpoll.waiting, relaxed), 0);
    kn_store(&netpoll.in_hand, 0, relaxed);
}

Test(descriptor, arming_finds_out_that_the_file_is_gone, .init = start, .fini = stop)
{
    struct kn_io reader = {.events = KN_IO_READ, .fd = ends[0]};
    struct kn_fd *entry = waited_for(NULL, NULL);
    struct kn_io_list list;

    kn_store(&netpoll.waiting, 1, relaxed);
    kn_io_list_init(&list);
    cr_assert_eq(kn_fd_arm(&netpoll, entry, ends[0], KN_IO_READ, &list), 0);
    entry->reader = &reader;
    cr_assert_eq(close(ends[0]), 0);
    cr_assert_eq(kn_fd_arm(&netpoll, entry, ends[0], 0, &list), 0, "nothing more was asked for");
    cr_assert(list.first == &reader);
    cr_assert_eq(reader.result, -EBADF);
    cr_assert_eq(kn_fd_arm(&netpoll, entry, ends[0], KN_IO_READ, &list), -EBADF);
    kn_store(&netpoll.in_hand, 0, relaxed);
    ends[0] = dup(ends[1]);
}
