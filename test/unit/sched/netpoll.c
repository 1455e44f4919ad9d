/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that an accepted wait ends exactly once, by its event, its cancel, the close of its fd, or
 * the shutdown; that a number which is reused never gets the old file's events; and that every misuse
 * has its errno. (Several threads at it: netpoll_sleep.c)
 */
#include "test/support/netpoll.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

Test(netpoll, completes_when_a_pipe_becomes_readable)
{
    struct wait wait = {0};
    int ends[2];

    start();
    open_pipe(ends);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    cr_assert(kn_netpoll_is_needed(&netpoll));
    cr_assert_eq(poll_now(), 0);
    put(ends[1]);
    cr_assert_eq(poll_now(), 1);
    cr_assert_eq(wait.done, 1);
    cr_assert_eq(wait.io.result, KN_IO_READ);
    cr_assert(!kn_netpoll_is_needed(&netpoll));
    cr_assert_eq(poll_now(), 0);
    stop();
    cr_assert_eq(wait.done, 1);
    close_both(ends);
}

Test(netpoll, what_is_ready_already_completes_at_the_next_poll)
{
    struct wait wait = {0};
    int ends[2];

    start();
    open_pair(ends);
    put(ends[1]);
    for (unsigned i = 1; i <= 3; i++) {
        cr_assert_eq(begin(&wait, ends[0], KN_IO_READ | KN_IO_WRITE), 0);
        cr_assert_eq(poll_now(), 1);
        cr_assert_eq(wait.done, i);
        cr_assert_eq(wait.io.result, KN_IO_READ | KN_IO_WRITE);
    }
    stop();
    close_both(ends);
}

Test(netpoll, hang_up_makes_ready)
{
    struct wait reader = {0};
    struct wait writer = {0};
    int ends[2];
    int other[2];

    start();
    open_pipe(ends);
    open_pipe(other);
    cr_assert_eq(begin(&reader, ends[0], KN_IO_READ), 0);
    (void)close(ends[1]);
    cr_assert_eq(begin(&writer, other[1], KN_IO_WRITE), 0);
    (void)close(other[0]);
    cr_assert_eq(poll_now(), 2);
    cr_assert_eq(reader.io.result, KN_IO_READ);
    cr_assert_eq(writer.io.result, KN_IO_WRITE);
    stop();
    (void)close(ends[0]);
    (void)close(other[1]);
}

Test(netpoll, reader_and_writer_of_one_fd_are_independent)
{
    struct wait reader = {0};
    struct wait writer = {0};
    struct wait second = {0};
    int ends[2];

    start();
    open_pair(ends);
    cr_assert_eq(begin(&reader, ends[0], KN_IO_READ), 0);
    cr_assert_eq(begin(&writer, ends[0], KN_IO_WRITE), 0);
    cr_assert_eq(begin(&second, ends[0], KN_IO_READ), -EBUSY);
    cr_assert_eq(begin(&second, ends[0], KN_IO_WRITE | KN_IO_READ), -EBUSY);
    cr_assert_eq(poll_now(), 1);
    cr_assert_eq(writer.done, 1);
    cr_assert_eq(reader.done, 0);
    put(ends[1]);
    cr_assert_eq(poll_now(), 1);
    cr_assert_eq(reader.done, 1);
    cr_assert_eq(second.done, 0);
    stop();
    close_both(ends);
}

Test(netpoll, misuse_has_its_errno)
{
    struct wait wait = {0};
    int ends[2];
    int file = open("/proc/self/exe", O_RDONLY);
    int folder = open("/", O_RDONLY);

    start();
    open_pipe(ends);
    cr_assert_eq(begin(&wait, ends[0], 0), -EINVAL);
    cr_assert_eq(begin(&wait, ends[0], 4), -EINVAL);
    cr_assert_eq(begin(&wait, -1, KN_IO_READ), -EBADF);
    cr_assert_eq(begin(&wait, 1000000, KN_IO_READ), -EBADF);
    cr_assert_eq(begin(&wait, KN_NETPOLL_CHUNK * KN_NETPOLL_CHUNKS, KN_IO_READ), -EOVERFLOW);
    cr_assert_eq(begin(&wait, file, KN_IO_READ), -EPERM);
    cr_assert_eq(begin(&wait, folder, KN_IO_READ), -EPERM);
    cr_assert_eq(begin(&wait, netpoll.epoll_fd, KN_IO_READ), -EINVAL);
    cr_assert(!kn_netpoll_is_needed(&netpoll));
    cr_assert(!kn_netpoll_cancel(&netpoll, &wait.io));
    kn_netpoll_close(&netpoll, NULL, -1);
    kn_netpoll_close(&netpoll, NULL, 999999);
    cr_assert_eq(wait.done, 0);
    stop();
    close_both(ends);
    (void)close(file);
    (void)close(folder);
}

Test(netpoll, cancel_ends_a_wait_without_a_call)
{
    struct wait wait = {0};
    int ends[2];

    start();
    open_pipe(ends);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    cr_assert(kn_netpoll_cancel(&netpoll, &wait.io));
    cr_assert(!kn_netpoll_cancel(&netpoll, &wait.io));
    cr_assert(!kn_netpoll_is_needed(&netpoll));
    put(ends[1]);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    cr_assert_eq(poll_now(), 1);
    cr_assert_eq(wait.done, 1);
    cr_assert(!kn_netpoll_cancel(&netpoll, &wait.io));
    stop();
    close_both(ends);
}

Test(netpoll, cancel_of_one_direction_leaves_the_other)
{
    struct wait reader = {0};
    struct wait writer = {0};
    int ends[2];

    start();
    open_pair(ends);
    cr_assert_eq(begin(&reader, ends[0], KN_IO_READ), 0);
    cr_assert_eq(begin(&writer, ends[0], KN_IO_WRITE), 0);
    cr_assert(kn_netpoll_cancel(&netpoll, &writer.io));
    cr_assert_eq(poll_now(), 0);
    cr_assert_eq(poll_now(), 0);
    put(ends[1]);
    cr_assert_eq(poll_now(), 1);
    cr_assert_eq(reader.done, 1);
    cr_assert_eq(writer.done, 0);
    stop();
    close_both(ends);
}

Test(netpoll, close_ends_the_waits_for_an_fd)
{
    struct wait reader = {0};
    struct wait writer = {0};
    int ends[2];

    start();
    open_pair(ends);
    while (write(ends[0], "0123456789abcdef", 16) == 16 &&
           fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0) {}
    cr_assert_eq(begin(&reader, ends[0], KN_IO_READ), 0);
    cr_assert_eq(begin(&writer, ends[0], KN_IO_WRITE), 0);
    kn_netpoll_close(&netpoll, NULL, ends[0]);
    cr_assert_eq(reader.io.result, -EBADF);
    cr_assert_eq(writer.io.result, -EBADF);
    cr_assert_eq(reader.done + writer.done, 2);
    close_both(ends);
    cr_assert_eq(poll_now(), 0);
    stop();
}

/* Nobody told us of the close; the number belongs to another file when it is waited for again. */
static void reuse_number(bool has_duplicate)
{
    struct wait old = {0};
    struct wait new = {0};
    int first[2];
    int second[2];
    int duplicate = -1;

    start();
    open_pair(first);
    open_pair(second);
    cr_assert_eq(begin(&old, first[0], KN_IO_READ), 0);
    if (has_duplicate) {
        duplicate = dup(first[0]);
    }
    cr_assert_eq(dup2(second[0], first[0]), first[0]);
    if (has_duplicate) {
        put(first[1]); /* the kernel still watches the old file under the old number */
    }
    cr_assert_eq(begin(&new, first[0], KN_IO_READ), 0);
    cr_assert_eq(old.done, 1);
    cr_assert_eq(old.io.result, -EBADF);
    cr_assert_eq(poll_now(), 0);
    cr_assert_eq(new.done, 0);
    put(second[1]);
    cr_assert_eq(poll_now(), 1);
    cr_assert_eq(new.io.result, KN_IO_READ);
    stop();
    close_both(first);
    close_both(second);
    (void)close(duplicate);
}

Test(netpoll, reused_number_does_not_inherit_waiters)
{
    reuse_number(false);
}

Test(netpoll, reused_number_does_not_get_events_of_a_duplicate)
{
    reuse_number(true);
}

Test(netpoll, closed_fd_is_found_by_the_next_wait)
{
    struct wait old = {0};
    struct wait new = {0};
    int ends[2];

    start();
    open_pair(ends);
    cr_assert_eq(begin(&old, ends[0], KN_IO_READ), 0);
    (void)close(ends[0]);
    cr_assert_eq(begin(&new, ends[0], KN_IO_WRITE), -EBADF);
    cr_assert_eq(old.done, 1);
    cr_assert_eq(old.io.result, -EBADF);
    cr_assert_eq(new.done, 0);
    stop();
    (void)close(ends[1]);
}

/* A duplicate keeps the old file registered; then it comes back to its number. */
Test(netpoll, file_that_comes_back_to_its_number_is_watched_again)
{
    struct wait wait = {0};
    int ends[2];
    int duplicate;

    start();
    open_pair(ends);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    duplicate = dup(ends[0]);
    (void)close(ends[0]);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_WRITE), -EBADF);
    cr_assert_eq(dup2(duplicate, ends[0]), ends[0]);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    put(ends[1]);
    cr_assert_eq(poll_now(), 1);
    cr_assert_eq(wait.io.result, KN_IO_READ);
    stop();
    close_both(ends);
    (void)close(duplicate);
}

Test(netpoll, shutdown_ends_all_waits_and_refuses_more)
{
    struct wait wait[20] = {0};
    struct wait late = {0};
    int ends[20][2];

    start();
    for (unsigned i = 0; i < 20; i++) {
        open_pipe(ends[i]);
        cr_assert_eq(begin(&wait[i], ends[i][0], KN_IO_READ), 0);
    }
    kn_netpoll_shutdown(&netpoll, NULL);
    kn_netpoll_shutdown(&netpoll, NULL);
    for (unsigned i = 0; i < 20; i++) {
        cr_assert_eq(wait[i].done, 1);
        cr_assert_eq(wait[i].io.result, -ESHUTDOWN);
    }
    cr_assert_eq(begin(&late, ends[0][0], KN_IO_READ), -ESHUTDOWN);
    kn_netpoll_fini(&netpoll);
    for (unsigned i = 0; i < 20; i++) {
        close_both(ends[i]);
    }
}

Test(netpoll, unused_poller_opens_nothing)
{
    struct wait wait = {0};
    int before = dup(0);

    (void)close(before);
    start();
    kn_netpoll_wake(&netpoll);
    cr_assert_null(kn_netpoll_poll(&netpoll));
    cr_assert(!kn_netpoll_enter(&netpoll));
    kn_netpoll_shutdown(&netpoll, NULL);
    cr_assert_eq(begin(&wait, 0, KN_IO_READ), -ESHUTDOWN);
    int after = dup(0);

    cr_assert_eq(before, after);
    (void)close(after);
    kn_netpoll_fini(&netpoll);
}

Test(netpoll, too_many_files_is_an_error)
{
    struct wait wait = {0};
    struct rlimit limit;
    struct rlimit none;
    int ends[2];

    start();
    open_pipe(ends);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    for (rlim_t room = 0; room < 2; room++) {
        none = limit;
        none.rlim_cur = (rlim_t)ends[1] + 1 + room;
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
        cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), -ENOMEM);
    }
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(begin(&wait, ends[0], KN_IO_READ), 0);
    stop();
    close_both(ends);
}

Test(netpoll, takes_more_events_than_one_batch)
{
    enum { PIPES = 2 * KN_NETPOLL_BATCH + 3 };
    static struct wait wait[PIPES];
    static int ends[PIPES][2];
    unsigned done = 0;

    start();
    for (unsigned i = 0; i < PIPES; i++) {
        open_pipe(ends[i]);
        put(ends[i][1]);
        cr_assert_eq(begin(&wait[i], ends[i][0], KN_IO_READ), 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        done += poll_now();
    }
    cr_assert_eq(done, PIPES);
    stop();
    for (unsigned i = 0; i < PIPES; i++) {
        cr_assert_eq(wait[i].done, 1);
        close_both(ends[i]);
    }
}
