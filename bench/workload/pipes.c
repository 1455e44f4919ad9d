/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipes: a fiber writes numbers into a socket pair, another reads them; both wait for the file, sometimes with a
 * deadline. Bytes come once and in order, and the end of the writer is seen.
 */
#include "bench/workload/workload.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS_MAX = 3 };

struct end {
    uint32_t index;
    uint32_t count;
};

static kn_atomic(uint64_t) written, got;
static int fds[2 * PAIRS_MAX]; /* -1: closed by its fiber */

static void close_end(const struct end *end)
{
    (void)close(fds[end->index]);
    fds[end->index] = -1;
}

static int write_numbers(koken_ctx *ctx, struct end *self, const void *arg)
{
    const struct end *end = arg;
    (void)self;
    for (uint32_t i = 0; i < end->count;) { /* ends: all are written, or nobody reads */
        unsigned char byte = (unsigned char)i;
        ssize_t n = send(fds[end->index], &byte, 1, MSG_NOSIGNAL);
        if (n == 1) {
            load_count(&written);
            i++;
            continue;
        }
        int rc = errno == EPIPE ? -ECANCELED
                                : koken_io_wait(ctx, fds[end->index], KOKEN_IO_WRITE, KOKEN_MS(5));
        if (rc < 0 && rc != -ETIMEDOUT) {
            break;
        }
    }
    close_end(end);
    return 0;
}

KOKEN_FIBER(writer, struct end, write_numbers);

static int read_numbers(koken_ctx *ctx, struct end *self, const void *arg)
{
    const struct end *end = arg;
    uint32_t next = 0;
    (void)self;
    for (;;) { /* ends: the writer's end is closed */
        unsigned char bytes[7];
        ssize_t n = read(fds[end->index], bytes, sizeof bytes);
        for (ssize_t i = 0; i < n; i++) {
            KOKEN_SIM_CHECK(bytes[i] == (unsigned char)next);
            next++;
            load_count(&got);
        }
        if (n == 0) {
            break;
        }
        int rc = n < 0 ? koken_io_wait(ctx, fds[end->index], KOKEN_IO_READ, KOKEN_MS(5)) : 0;
        if (rc < 0 && rc != -ETIMEDOUT) {
            break;
        }
    }
    close_end(end);
    return 0;
}

KOKEN_FIBER(reader, struct end, read_numbers);

/* Of fibers that never came to close them, in the run before. */
static void close_leftovers(void)
{
    static bool is_used;
    for (unsigned i = 0; i < 2 * PAIRS_MAX; i++) {
        if (is_used && fds[i] >= 0) {
            (void)close(fds[i]);
        }
        fds[i] = -1;
    }
    is_used = true;
}

void load_pipes(struct load *load)
{
    bool is_whole = true;
    unsigned pairs = 1 + (unsigned)load_below(load, PAIRS_MAX);
    load_clear(&written);
    load_clear(&got);
    close_leftovers();
    for (uint32_t i = 0; i < pairs; i++) {
        int room = 1; /* the least that the system gives */
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, &fds[2 * i]) < 0) {
            return;
        }
        (void)setsockopt(fds[2 * i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        struct end out = {.index = 2 * i, .count = (uint32_t)load_below(load, 40) * load->scale};
        struct end in = {.index = 2 * i + 1};
        koken_ref w = koken_spawn(load->rt, writer, .arg = &out, .arg_size = sizeof out);
        koken_ref r = koken_spawn(load->rt, reader, .arg = &in, .arg_size = sizeof in);
        is_whole = is_whole && !koken_is_nobody(w) && !koken_is_nobody(r);
        if (load_below(load, 8) == 0) {
            is_whole = false;
            (void)!koken_exit(load_below(load, 2) ? w : r);
        }
    }
    /* Fibers that wait for files are idle: the drain does not wait for them. */
    struct koken_metrics m;
    if (!load_settle(load)) {
        return;
    }
    /* Where something was refused a fiber may wait for ever. */
    unsigned looks = load_is_strict(load) && is_whole ? load_looks(300) : 30;
    for (unsigned i = 0; i < looks; i++) {
        koken_metrics(load->rt, &m);
        if (m.alive == 0) {
            break;
        }
        load_sleep(KOKEN_US(100));
    }
    KOKEN_SIM_CHECK(load_read(&got) <= load_read(&written));
    if (load_is_strict(load) && is_whole) {
        KOKEN_SIM_CHECK(m.alive == 0);
        KOKEN_SIM_CHECK(load_read(&got) == load_read(&written));
    }
}
