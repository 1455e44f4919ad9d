/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: a fiber waits for a descriptor without holding its worker, is woken by data, by room and by a
 * hang-up, gives up at its deadline, and is told what cannot be waited for.
 */
#include "test/support/runtime.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

KOKEN_EVENT(poke);

static kn_atomic(uint32_t) done;
static kn_atomic(uint32_t) waiting;
static kn_atomic(uint32_t) pokes;

struct none {
    char unused;
};

static int read_all(koken_ctx *ctx, struct none *self, const void *arg)
{
    int fd = *(const int *)arg;
    char buffer[64];
    size_t total = 0;
    (void)self;
    (void)count(&waiting);
    for (;;) { /* ends: the writer closes */
        int rc = koken_io_wait(ctx, fd, KOKEN_IO_READ, KOKEN_S(30));
        expect(rc == KOKEN_IO_READ);
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n <= 0 || rc < 0) {
            break;
        }
        total += (size_t)n;
    }
    expect(total == 30);
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(reader, struct none, read_all);

static int on_poke(koken_ctx *ctx, struct none *self, const struct poke *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&pokes);
    return 0;
}

KOKEN_AGENT(bystander, struct none, KOKEN_ON(poke, on_poke));

/* Data, then the end of the stream; meanwhile the only worker is free for others. */
Test(io, wakes_on_data_and_hang_up, .timeout = 60)
{
    struct koken *rt = start(1);
    int fds[2];
    reset(&done);
    reset(&waiting);
    reset(&pokes);
    cr_assert_eq(pipe(fds), 0);
    cr_assert(!koken_is_nobody(koken_spawn(rt, reader, .arg = &fds[0], .arg_size = sizeof fds[0])));
    wait_for(&waiting, 1);
    koken_ref other = koken_spawn(rt, bystander);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(koken_signal(other, poke), 0);
        wait_for(&pokes, i + 1);
        cr_assert_eq(write(fds[1], "0123456789", 10), 10);
    }
    close(fds[1]);
    wait_for(&done, 1);
    drain(rt);
    close(fds[0]);
    stop(rt);
}

static int try_everything(koken_ctx *ctx, struct none *self, const void *arg)
{
    const int *fds = arg; /* a socket pair, and a regular file */
    (void)self;
    expect(koken_io_wait(ctx, -1, KOKEN_IO_READ, KOKEN_S(1)) == -EINVAL);
    expect(koken_io_wait(ctx, fds[0], 0, KOKEN_S(1)) == -EINVAL);
    expect(koken_io_wait(ctx, fds[0], 8, KOKEN_S(1)) == -EINVAL);
    expect(koken_io_wait(ctx, 1000000, KOKEN_IO_READ, KOKEN_S(1)) < 0);
    expect(koken_io_wait(ctx, fds[2], KOKEN_IO_READ, KOKEN_S(1)) == -EPERM);
    expect(koken_io_wait(ctx, fds[0], KOKEN_IO_READ, 0) == -ETIMEDOUT);
    expect(koken_io_wait(ctx, fds[0], KOKEN_IO_WRITE, 0) == KOKEN_IO_WRITE);
    expect(koken_io_wait(ctx, fds[0], KOKEN_IO_WRITE, KOKEN_S(30)) == KOKEN_IO_WRITE);
    uint64_t begin = koken_now();
    expect(koken_io_wait(ctx, fds[0], KOKEN_IO_READ, KOKEN_MS(5)) == -ETIMEDOUT);
    expect(koken_now() - begin >= KOKEN_MS(5));
    expect(write(fds[1], "x", 1) == 1);
    expect(koken_io_wait(ctx, fds[0], KOKEN_IO_READ, KOKEN_S(30)) == KOKEN_IO_READ);
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(tester, struct none, try_everything);

/* Errors, deadlines, room to write. */
Test(io, says_what_cannot_be, .timeout = 60)
{
    struct koken *rt = start(2);
    int fds[3];
    reset(&done);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    fds[2] = open("/proc/self/exe", O_RDONLY);
    cr_assert_geq(fds[2], 0);
    cr_assert(!koken_is_nobody(koken_spawn(rt, tester, .arg = fds, .arg_size = sizeof fds)));
    wait_for(&done, 1);
    drain(rt);
    for (int i = 0; i < 3; i++) {
        close(fds[i]);
    }
    stop(rt);
}

static int wait_for_ever(koken_ctx *ctx, struct none *self, const void *arg)
{
    (void)self;
    (void)count(&waiting);
    int rc = koken_io_wait(ctx, *(const int *)arg, KOKEN_IO_READ, KOKEN_NO_DEADLINE);
    expect(rc == -ECANCELED || rc == -EBUSY);
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(lingerer, struct none, wait_for_ever);

/* One waiter per descriptor and direction; a stop of the agent ends its wait; so does a stop of all. */
Test(io, cancelled_and_busy, .timeout = 60)
{
    struct koken *rt = start(2);
    int fds[2];
    reset(&done);
    reset(&waiting);
    cr_assert_eq(pipe(fds), 0);
    koken_ref first = koken_spawn(rt, lingerer, .arg = &fds[0], .arg_size = sizeof fds[0]);
    koken_ref second = koken_spawn(rt, lingerer, .arg = &fds[0], .arg_size = sizeof fds[0]);
    wait_for(&waiting, 2);
    wait_for(&done, 1); /* one of them finds the place taken */
    if (koken_exit(first) < 0) {
        cr_assert_eq(koken_exit(second), 0);
    } else {
        (void)!koken_exit(second);
    }
    wait_for(&done, 2);
    cr_assert(
        !koken_is_nobody(koken_spawn(rt, lingerer, .arg = &fds[0], .arg_size = sizeof fds[0])));
    wait_for(&waiting, 3);
    stop(rt);
    cr_assert_eq(reading(&done), 3u);
    close(fds[0]);
    close(fds[1]);
}
