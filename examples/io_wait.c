/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets without threads: two fiber agents talk over a socket pair. Where a blocking program would
 * sit in read(), koken_io_wait suspends the agent, and its worker runs others.
 */
#define _POSIX_C_SOURCE 200809L

#include <koken.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_SIZE 64

KOKEN_EVENT(finished_question);
KOKEN_MESSAGE(finished, { uint32_t lines; });

struct end_of_line {
    int fd;
};

/* Reads what there is, waiting for it first. Answers the bytes read, 0 at the end of the stream. */
static int read_some(koken_ctx *ctx, int fd, char line[LINE_SIZE])
{
    int rc = koken_io_wait(ctx, fd, KOKEN_IO_READ, KOKEN_S(5));
    ssize_t len = rc < 0 ? 0 : read(fd, line, LINE_SIZE - 1);

    line[len > 0 ? len : 0] = '\0';
    return rc < 0 ? rc : len < 0 ? -errno : (int)len;
}

static int write_line(int fd, const char *line)
{
    ssize_t len = write(fd, line, strlen(line));

    return len < 0 ? -errno : 0; /* a few bytes into an empty socket: never cut short */
}

/* Sends back in capitals what it reads, until the other side hangs up. */
static int echo_body(koken_ctx *ctx, struct end_of_line *self, const void *arg)
{
    int fd = *(const int *)arg, rc;
    char line[LINE_SIZE];

    self->fd = fd;
    while ((rc = read_some(ctx, fd, line)) > 0) {
        for (char *at = line; *at != '\0'; at++) {
            *at = (char)toupper((unsigned char)*at);
        }
        rc = write_line(fd, line);
        if (rc < 0) {
            break;
        }
    }
    close(fd);
    return rc;
}

KOKEN_FIBER(echo, struct end_of_line, echo_body);

static int caller_body(koken_ctx *ctx, struct end_of_line *self, const void *arg)
{
    static const char *const words[] = {"how", "now", "brown", "cow"};
    struct finished_question question;
    uint32_t lines = 0;
    int rc = koken_receive_only(ctx, KOKEN_NO_DEADLINE, finished_question, &question);

    self->fd = *(const int *)arg;
    for (size_t i = 0; rc >= 0 && i < sizeof words / sizeof words[0]; i++) {
        char line[LINE_SIZE];

        rc = write_line(self->fd, words[i]);
        rc = rc < 0 ? rc : read_some(ctx, self->fd, line);
        printf("%s -> %s\n", words[i], line);
        lines++;
    }
    close(self->fd);
    return rc < 0 ? rc : koken_reply(ctx, finished, .lines = lines);
}

KOKEN_FIBER(caller, struct end_of_line, caller_body);

int main(void)
{
    struct koken *rt;
    struct finished finished = {0};
    koken_ref caller;
    int ends[2];
    int rc = socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 ? -errno : koken_start(NULL, &rt);

    if (rc < 0) {
        fprintf(stderr, "cannot start: %s\n", strerror(-rc));
        return 1;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    (void)koken_spawn(rt, echo, KOKEN_ARG(ends[0]));
    caller = koken_spawn(rt, caller, KOKEN_ARG(ends[1]));
    rc = koken_await(rt, caller, KOKEN_S(10), &finished, finished_question);
    printf("%u lines\n", (unsigned)finished.lines);
    return koken_stop(rt, KOKEN_S(10)) < 0 || rc < 0;
}
