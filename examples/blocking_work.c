/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that blocks - a file, a library that waits, a long computation - without stopping the other
 * agents. One worker only: while the archivist's calls block, the same worker hands out the clock's
 * strokes.
 */
#define _POSIX_C_SOURCE 200809L

#include <koken.h>

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

KOKEN_EVENT(stroke);
KOKEN_EVENT(fetch);
KOKEN_MESSAGE(fetched, {
    int32_t from_pool;
    int32_t in_place;
});
KOKEN_EVENT(strokes_question);
KOKEN_MESSAGE(strokes, { uint64_t count; });

/* Stands for a call that blocks: 100 ms in which the thread cannot do anything else. */
static int read_slow_archive(void *arg)
{
    struct timespec delay = {.tv_nsec = 100 * 1000 * 1000};
    int *shelf = arg;

    while (nanosleep(&delay, &delay) != 0) {}
    return *shelf * 10;
}

struct archivist {
    int shelf;
};

/* Two ways: hand the call to the blocking pool and wait, or mark where this thread may block. */
static int archivist_body(koken_ctx *ctx, struct archivist *self, const void *arg)
{
    struct fetch question;
    int from_pool = 0, in_place = 0;
    int rc = koken_receive_only(ctx, KOKEN_NO_DEADLINE, fetch, &question);

    (void)arg;
    self->shelf = 4;
    rc = rc < 0 ? rc : koken_blocking(ctx, read_slow_archive, &self->shelf, &from_pool);
    if (rc < 0) {
        return rc;
    }
    koken_blocking_enter(ctx);
    in_place = read_slow_archive(&self->shelf);
    koken_blocking_leave(ctx);
    return koken_reply(ctx, fetched, .from_pool = from_pool, .in_place = in_place);
}

KOKEN_FIBER(archivist, struct archivist, archivist_body);

struct clock {
    uint64_t strokes;
};

static int clock_init(koken_ctx *ctx, struct clock *self, const void *arg)
{
    (void)self;
    (void)arg;
    (void)koken_every(ctx, KOKEN_MS(5), stroke);
    return 0;
}

static int on_stroke(koken_ctx *ctx, struct clock *self, const struct stroke *msg)
{
    (void)ctx;
    (void)msg;
    self->strokes++;
    return 0;
}

static int on_question(koken_ctx *ctx, struct clock *self, const struct strokes_question *msg)
{
    (void)msg;
    return koken_reply(ctx, strokes, .count = self->strokes);
}

KOKEN_AGENT(clock, struct clock, KOKEN_INIT(clock_init), KOKEN_ON(stroke, on_stroke),
            KOKEN_ON(strokes_question, on_question));

int main(void)
{
    struct koken_options options = {.workers = 1};
    struct koken *rt;
    struct fetched fetched;
    struct strokes strokes;
    koken_ref clock, archivist;
    int rc = koken_start(&options, &rt);

    if (rc < 0) {
        fprintf(stderr, "koken_start: %s\n", koken_strerror(rc));
        return 1;
    }
    clock = koken_spawn(rt, clock);
    archivist = koken_spawn(rt, archivist);
    rc = koken_await(rt, archivist, KOKEN_S(5), &fetched, fetch);
    rc = rc < 0 ? rc : koken_await(rt, clock, KOKEN_S(1), &strokes, strokes_question);
    if (rc == 0) {
        printf("fetched %" PRId32 " and %" PRId32 "\n", fetched.from_pool, fetched.in_place);
        printf("meanwhile the clock %s\n", strokes.count >= 5 ? "went on" : "STOOD STILL");
    }
    return koken_stop(rt, KOKEN_S(10)) < 0 || rc < 0;
}
