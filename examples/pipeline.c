/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline upon channels: numbers are counted, squared by three fibers at once, and added up by main. When main has
 * had enough it closes both channels: whoever sends learns it by -ESHUTDOWN and goes home.
 */
#include <koken.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { SQUARERS = 3, ENOUGH = 1000 };

KOKEN_MESSAGE(number, { uint64_t value; });

struct stage {
    struct koken_channel *in, *out;
};

struct nothing {
    char nothing;
};

/* Nobody tells it where to stop. */
static int count_up(koken_ctx *ctx, struct nothing *self, const void *arg)
{
    const struct stage *stage = arg;
    int rc = 0;
    (void)ctx;
    (void)self;
    for (uint64_t i = 1; rc == 0; i++) { /* ends: closed */
        rc = koken_channel_send(stage->out, KOKEN_NO_DEADLINE, number, .value = i);
    }
    return rc == -ESHUTDOWN ? 0 : rc;
}

static int square(koken_ctx *ctx, struct nothing *self, const void *arg)
{
    const struct stage *stage = arg;
    struct number got;
    int rc = 0;
    (void)ctx;
    (void)self;
    while (rc == 0) { /* ends: closed */
        rc = koken_channel_recv(stage->in, KOKEN_NO_DEADLINE, number, &got);
        if (rc == 0) {
            rc = koken_channel_send(stage->out, KOKEN_NO_DEADLINE, number,
                                    .value = got.value * got.value);
        }
    }
    return rc == -ESHUTDOWN ? 0 : rc;
}

KOKEN_FIBER(counter, struct nothing, count_up);
KOKEN_FIBER(squarer, struct nothing, square);

/* Starts the stages, takes what comes out, and closes both channels when it is enough. */
static int run(struct koken *rt, const struct stage *counting, const struct stage *squaring)
{
    struct number got;
    uint64_t items = 0, wrong = 0;
    int rc = 0;
    /* trusted: channels are made for many agents */
    if (koken_is_nobody(koken_spawn(rt, counter, KOKEN_ARG_TRUSTED(*counting)))) {
        rc = -ENOMEM;
    }
    for (int i = 0; i < SQUARERS && rc == 0; i++) {
        /* trusted: as above */
        koken_ref who = koken_spawn(rt, squarer, KOKEN_ARG_TRUSTED(*squaring));
        rc = koken_is_nobody(who) ? -ENOMEM : 0;
    }
    while (items < ENOUGH && rc == 0) {
        rc = koken_channel_recv(squaring->out, KOKEN_S(10), number, &got);
        if (rc == 0) {
            uint64_t root = 1;
            while (root * root < got.value) {
                root++;
            }
            wrong += root * root != got.value;
            items++;
        }
    }
    int closed = koken_channel_close(counting->out);
    rc = rc < 0 ? rc : closed;
    closed = koken_channel_close(squaring->out);
    rc = rc < 0 ? rc : closed;
    closed = koken_drain(rt, KOKEN_S(10));
    rc = rc < 0 ? rc : closed;
    struct koken_metrics metrics;
    koken_metrics(rt, &metrics);
    printf("%" PRIu64 " squares, %" PRIu64 " wrong, %" PRIu64 " agents left\n", items, wrong,
           metrics.alive);
    return rc;
}

int main(void)
{
    struct koken *rt;
    struct stage counting = {NULL, NULL}, squaring = {NULL, NULL};
    if (koken_start(NULL, &rt) < 0) {
        return 1;
    }
    int rc = koken_channel_new(rt, &counting.out, number, 16);
    rc = rc < 0 ? rc : koken_channel_new(rt, &squaring.out, number, 16);
    if (rc == 0) {
        squaring.in = counting.out;
        rc = run(rt, &counting, &squaring);
    }
    (void)koken_channel_unref(counting.out);
    (void)koken_channel_unref(squaring.out);
    return koken_stop(rt, KOKEN_S(10)) < 0 || rc < 0;
}
