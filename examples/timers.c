/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers are messages sent later: once, again and again, to another agent, and cancelled. A bell
 * rings every 10 ms; after the third stroke its timer is cancelled, and the alarm that was to ring
 * meanwhile never does.
 */
#include <koken.h>

#include <inttypes.h>
#include <stdio.h>

#define STROKES 3u

KOKEN_EVENT(wind_up);
KOKEN_EVENT(stroke);
KOKEN_EVENT(alarm);
KOKEN_EVENT(silence);
KOKEN_MESSAGE(record, {
    uint32_t strokes;
    uint64_t first_after_ns;
});

struct bell {
    koken_claim owner;
    koken_timer bell, alarm;
    uint64_t wound_at;
    struct record record;
};

static int on_wind_up(koken_ctx *ctx, struct bell *self, const struct wind_up *msg)
{
    (void)msg;
    self->owner = koken_defer(ctx);
    self->wound_at = koken_now();
    self->bell = koken_every(ctx, KOKEN_MS(10), stroke);
    self->alarm = koken_after(ctx, KOKEN_S(60), alarm);
    return 0;
}

static int on_stroke(koken_ctx *ctx, struct bell *self, const struct stroke *msg)
{
    (void)msg;
    if (self->record.strokes++ == 0) {
        self->record.first_after_ns = koken_now() - self->wound_at;
    }
    printf("stroke %" PRIu32 "\n", self->record.strokes);
    if (self->record.strokes < STROKES) {
        return 0;
    }
    printf("bell cancelled: %d, alarm cancelled: %d\n", koken_cancel(ctx, self->bell),
           koken_cancel(ctx, self->alarm));
    self->alarm = koken_after_to(ctx, koken_self(ctx), KOKEN_MS(30), silence);
    return 0;
}

static int on_alarm(koken_ctx *ctx, struct bell *self, const struct alarm *msg)
{
    (void)ctx;
    (void)self;
    (void)msg;
    printf("the alarm rings, although it was cancelled\n");
    return 0;
}

/* Three periods of silence after the last stroke: a bell that was not cancelled would have rung. */
static int on_silence(koken_ctx *ctx, struct bell *self, const struct silence *msg)
{
    (void)ctx;
    (void)msg;
    return koken_answer(self->owner, record, .strokes = self->record.strokes,
                        .first_after_ns = self->record.first_after_ns);
}

KOKEN_AGENT(bell, struct bell, KOKEN_ON(wind_up, on_wind_up), KOKEN_ON(stroke, on_stroke),
            KOKEN_ON(alarm, on_alarm), KOKEN_ON(silence, on_silence));

int main(void)
{
    struct koken *rt;
    struct record record;
    koken_ref who;
    int rc = koken_start(NULL, &rt);

    if (rc < 0) {
        fprintf(stderr, "koken_start: %s\n", koken_strerror(rc));
        return 1;
    }
    who = koken_spawn(rt, bell);
    rc = koken_await(rt, who, KOKEN_S(10), &record, wind_up);
    if (rc == 0) {
        printf("%" PRIu32 " strokes, the first %s\n", record.strokes,
               record.first_after_ns >= KOKEN_MS(10) ? "not early" : "TOO EARLY");
    }
    return koken_stop(rt, KOKEN_S(10)) < 0 || rc < 0;
}
