/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that a running program answers `koken why` through its socket: about one agent and whom it waits for,
 * about all, about nobody; while its only worker is held by a handler; to this user only; that nonsense
 * and silence do no harm, and that nothing is left when the runtime has stopped.
 */
#include "actors/window.h"
#include "test/support/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

KOKEN_EVENT(hold);
KOKEN_MESSAGE(query, { uint32_t unused; });
KOKEN_MESSAGE(reply, { uint32_t unused; });

struct node {
    uint32_t unused;
};

static kn_atomic(uint32_t) gate, entered, asking;

static int on_hold(koken_ctx *ctx, struct node *self, const struct hold *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&entered);
    wait_for(&gate, 1);
    return 0;
}

KOKEN_AGENT(holder, struct node, KOKEN_ON(hold, on_hold));

/* Answers nobody, until it is stopped. */
static int mute_body(koken_ctx *ctx, struct node *self, const void *arg)
{
    struct koken_received got;
    (void)self, (void)arg;
    int rc = koken_receive(ctx, KOKEN_NO_DEADLINE, &got);
    return rc < 0 ? rc : koken_sleep(ctx, KOKEN_S(1000));
}

KOKEN_FIBER(mute, struct node, mute_body);

static int asker_body(koken_ctx *ctx, struct node *self, const void *arg)
{
    struct reply got;
    (void)self;
    (void)count(&asking);
    return koken_await(ctx, *(const koken_ref *)arg, KOKEN_S(1000), &got, query);
}

KOKEN_FIBER(asker, struct node, asker_body);

static char path[64];

static struct koken *begin(void)
{
    (void)snprintf(path, sizeof path, "/tmp/koken-why-test-%d", (int)getpid());
    (void)unlink(path);
    (void)setenv("KOKEN_WHY", path, 1);
    reset(&gate);
    reset(&entered);
    reset(&asking);
    return start(1);
}

static int enter(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static const char *ask(const char *question)
{
    static char text[4096];
    size_t len = 0;
    int fd = enter();
    cr_assert_eq(send(fd, question, strlen(question), MSG_NOSIGNAL), (ssize_t)strlen(question));
    for (ssize_t got = 1; got > 0 && len < sizeof text - 1; len += (size_t)(got > 0 ? got : 0)) {
        got = read(fd, text + len, sizeof text - 1 - len);
    }
    text[len] = '\0';
    (void)close(fd);
    return text;
}

static const char *ask_of(koken_ref who)
{
    char question[32];
    (void)snprintf(question, sizeof question, "%llx\n", (unsigned long long)who.id);
    return ask(question);
}

Test(window, it_tells_who_waits_for_whom)
{
    struct koken *rt = begin();
    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0600);
    koken_ref silent = koken_spawn(rt, mute);
    koken_ref who = koken_spawn(rt, asker, .arg = &silent, .arg_size = sizeof silent);
    wait_for(&asking, 1);
    drain(rt);
    const char *text = ask_of(who);
    const char *first = strstr(text, "agent asker"), *second = strstr(text, "agent mute");
    cr_assert(first && second && first < second, "%s", text);
    cr_assert_not_null(strstr(text, "for the answer of"), "%s", text);
    text = ask("\n");
    cr_assert_not_null(strstr(text, "agent asker"), "%s", text);
    cr_assert_not_null(strstr(text, "more that do not sleep"), "%s", text);
    cr_assert_not_null(strstr(ask("ffffffffffffff\n"), "koken: no agent"));
    stop(rt);
    cr_assert_neq(stat(path, &status), 0, "the socket goes with the runtime");
    (void)unsetenv("KOKEN_WHY");
}

/* The only worker is in a handler: that is when one asks. */
Test(window, it_answers_when_nothing_goes_on)
{
    struct koken *rt = begin();
    koken_ref who = koken_spawn(rt, holder);
    cr_assert_eq(koken_signal(who, hold), 0);
    wait_for(&entered, 1);
    cr_assert_eq(koken_signal(who, hold), 0);
    const char *text = ask_of(who);
    cr_assert_not_null(strstr(text, "runs for"), "%s", text);
    cr_assert_not_null(strstr(text, "handler of hold"), "%s", text);
    kn_store(&gate, 1, release);
    stop(rt);
    (void)unsetenv("KOKEN_WHY");
}

/* Who goes without a question, or asks too much, harms nobody; a place that cannot be is a line in the log. */
static kn_atomic(uint32_t) log_lines;

static void take_line(void *arg, const char *line)
{
    (void)arg;
    if (strstr(line, "KOKEN_WHY")) {
        (void)count(&log_lines);
    }
}

Test(window, nonsense_does_no_harm)
{
    struct koken *rt = begin();
    char long_one[200];
    memset(long_one, 'f', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = '\0';
    (void)close(enter());
    cr_assert_eq(strlen(ask(long_one)), 0);
    cr_assert_not_null(strstr(ask("\n"), "more that do not sleep"));
    reset(&log_lines);
    struct koken_options options = {.log = take_line};
    struct koken *second = NULL;
    cr_assert_eq(koken_start(&options, &second), 0, "a second runtime has no window, and lives");
    cr_assert_eq(reading(&log_lines), 1);
    cr_assert_eq(koken_stop(second, KOKEN_S(10)), 0);
    stop(rt);
    (void)setenv("KOKEN_WHY", "/nowhere/at/all", 1);
    cr_assert_eq(koken_start(&options, &second), 0);
    cr_assert_eq(reading(&log_lines), 2);
    cr_assert_eq(koken_stop(second, KOKEN_S(10)), 0);
    (void)unsetenv("KOKEN_WHY");
}
