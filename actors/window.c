/* SPDX-License-Identifier: Apache-2.0 */
/* See window.h. */
#include "actors/window.h"

#include "actors/agent.h"
#include "actors/kn_rcu.h"
#include "actors/slots.h"
#include "actors/why.h"

#include <koken/sim.h>
#include <koken/why.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_MS = 2000, ANSWER_MAX = 64 * 1024, LINES_MAX = 400 };

static void say(const struct koken *rt, const char *what, const char *path)
{
    if (rt->options.log) {
        char line[200];
        (void)snprintf(line, sizeof line, "koken: KOKEN_WHY: %s: %s", path, what);
        rt->options.log(rt->options.log_arg, line);
    }
}

/* ---- answers ------------------------------------------------------------------------------------ */

struct answer {
    char text[ANSWER_MAX];
    size_t len;
    unsigned lines, left_out, sleepers;
};

static void describe_all(struct kn_agent *a, void *arg)
{
    struct answer *answer = arg;
    bool is_asleep;
    if (!kn_why_is_alive(a, &is_asleep)) {
        return;
    }
    if (is_asleep) {
        answer->sleepers++;
    } else if (answer->lines == LINES_MAX || ANSWER_MAX - answer->len < 512) {
        answer->left_out++;
    } else {
        int got = kn_why_line(a, answer->text + answer->len, ANSWER_MAX - answer->len);
        answer->len += got > 0 ? (size_t)got : 0;
        answer->lines++;
    }
}

static void compose(struct koken *rt, const char *question, struct answer *answer)
{
    char *end;
    answer->len = 0;
    answer->lines = answer->left_out = answer->sleepers = 0;
    koken_ref who = {strtoull(question, &end, 16)};
    if (end == question) {
        kn_rcu_visit();
        kn_slots_each(rt, describe_all, answer);
        kn_rcu_depart();
        int got = snprintf(answer->text + answer->len, ANSWER_MAX - answer->len,
                           "%u more that do not sleep, %u that sleep with nothing to do\n",
                           answer->left_out, answer->sleepers);
        answer->len += got > 0 ? (size_t)got : 0;
        return;
    }
    int rc = koken_why(who, answer->text, sizeof answer->text);
    if (rc < 0) {
        rc = snprintf(answer->text, sizeof answer->text, "koken: no agent %llx\n",
                      (unsigned long long)who.id);
    }
    answer->len = (size_t)rc;
}

/* ---- the thread --------------------------------------------------------------------------------- */

/* Waits for input at fd. False: time is up, or (bell >= 0) the bell has rung. */
static bool wait_for_input(int fd, int bell, int timeout_ms)
{
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = bell, .events = POLLIN}};
    int got;
    do { /* ends: something has come, or time is up */
        got = poll(fds, bell >= 0 ? 2 : 1,
                   timeout_ms); /* seam: this thread waits for the system only */
    } while (got < 0 && errno == EINTR);
    return got > 0 && (bell < 0 || fds[1].revents == 0);
}

static void serve(struct koken *rt, int fd, struct answer *answer)
{
    char question[64];
    size_t len = 0;
    while (len < sizeof question - 1 && wait_for_input(fd, -1, PATIENCE_MS)) { /* ends: a line */
        ssize_t got = recv(fd, question + len, sizeof question - 1 - len, 0);
        if (got <= 0) {
            return;
        }
        len += (size_t)got;
        if (memchr(question, '\n', len)) {
            break;
        }
    }
    question[len] = '\0';
    if (!memchr(question, '\n', len)) {
        return; /* too long, or too slow */
    }
    compose(rt, question, answer);
    size_t sent = 0;
    while (sent < answer->len) { /* ends: all, or who asked has gone, or does not read */
        ssize_t put = send(fd, answer->text + sent, answer->len - sent, MSG_NOSIGNAL);
        if (put <= 0) {
            return;
        }
        sent += (size_t)put;
    }
}

static void run(void *arg)
{
    struct kn_window *window = arg;
    static const struct timeval patience = {PATIENCE_MS / 1000, 0};
    struct answer *answer = kn_alloc(sizeof *answer, _Alignof(struct answer), -1);
    while (answer && wait_for_input(window->listener, window->bell, -1)) { /* ends: the bell */
        int fd = accept4(window->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
            serve(window->rt, fd, answer);
            (void)close(fd);
        }
    }
    kn_free(answer, sizeof *answer, _Alignof(struct answer));
}

static int make_listener(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, len + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    /* A socket of this user's before others can connect: nobody listens yet. */
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    if (chmod(path, 0600) < 0 || listen(fd, 8) < 0) {
        int error = errno;
        (void)unlink(path);
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

void kn_window_open(struct koken *rt, const char *path)
{
    if (!path || !path[0] || koken_sim_is_running()) {
        return;
    }
    struct kn_window *window = kn_alloc(sizeof *window, _Alignof(struct kn_window), -1);
    if (!window) {
        say(rt, "no memory", path);
        return;
    }
    memset(window, 0, sizeof *window);
    window->rt = rt;
    window->bell = eventfd(0, EFD_CLOEXEC);
    window->listener = window->bell < 0 ? -1 : make_listener(path);
    if (window->listener < 0) {
        say(rt, strerror(errno), path);
        goto err;
    }
    memcpy(window->path, path, strlen(path) + 1);
    if (kn_thread_start(&window->thread, "koken-why", run, window) < 0) {
        say(rt, "no thread", path);
        (void)unlink(path);
        (void)close(window->listener);
        goto err;
    }
    rt->window = window;
    return;

err:
    if (window->bell >= 0) {
        (void)close(window->bell);
    }
    kn_free(window, sizeof *window, _Alignof(struct kn_window));
}

void kn_window_close(struct koken *rt)
{
    struct kn_window *window = rt->window;
    if (!window) {
        return;
    }
    rt->window = NULL;
    (void)unlink(window->path); /* nobody asks any more */
    (void)eventfd_write(window->bell, 1);
    kn_thread_join(&window->thread);
    (void)close(window->listener);
    (void)close(window->bell);
    kn_free(window, sizeof *window, _Alignof(struct kn_window));
}
