/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ticket office that is closed or open. Closed, it has another table of handlers and stashes who
 * comes; when it opens, the stash is served first, in the order of coming. No flag, no if.
 */
#include <koken.h>

#include <inttypes.h>
#include <stdio.h>

KOKEN_MESSAGE(guest, { uint32_t number; });
KOKEN_EVENT(open_office);
KOKEN_EVENT(close_office);

struct office {
    uint32_t sold;
};

static int on_guest_open(koken_ctx *ctx, struct office *self, const struct guest *msg)
{
    (void)ctx;
    printf("guest %" PRIu32 " gets seat %" PRIu32 "\n", msg->number, ++self->sold);
    return 0;
}

static int on_guest_closed(koken_ctx *ctx, struct office *self, const struct guest *msg)
{
    (void)self;
    printf("guest %" PRIu32 " waits\n", msg->number);
    return koken_stash(ctx);
}

static int on_open(koken_ctx *ctx, struct office *self, const struct open_office *msg);
static int on_close(koken_ctx *ctx, struct office *self, const struct close_office *msg);

KOKEN_AGENT(closed_office, struct office, KOKEN_ON(guest, on_guest_closed),
            KOKEN_ON(open_office, on_open));
KOKEN_BEHAVIOUR(opened_office, struct office, KOKEN_ON(guest, on_guest_open),
                KOKEN_ON(close_office, on_close));

static int on_open(koken_ctx *ctx, struct office *self, const struct open_office *msg)
{
    (void)self;
    (void)msg;
    printf("the office opens\n");
    koken_unstash(ctx);
    return koken_become(ctx, opened_office);
}

static int on_close(koken_ctx *ctx, struct office *self, const struct close_office *msg)
{
    (void)self;
    (void)msg;
    printf("the office closes\n");
    return koken_become(ctx, closed_office);
}

static int visit(koken_ref office)
{
    int rc = 0;

    for (uint32_t number = 1; rc == 0 && number <= 3; number++) {
        rc = koken_signal(office, guest, .number = number);
    }
    rc = rc < 0 ? rc : koken_signal(office, open_office);
    rc = rc < 0 ? rc : koken_signal(office, guest, .number = 4);
    rc = rc < 0 ? rc : koken_signal(office, close_office);
    rc = rc < 0 ? rc : koken_signal(office, guest, .number = 5);
    return rc < 0 ? rc : koken_signal(office, open_office);
}

int main(void)
{
    struct koken *rt;
    int rc = koken_start(NULL, &rt);

    if (rc < 0) {
        fprintf(stderr, "koken_start: %s\n", koken_strerror(rc));
        return 1;
    }
    rc = visit(koken_spawn(rt, closed_office));
    rc = rc < 0 ? rc : koken_drain(rt, KOKEN_S(1));
    return koken_stop(rt, KOKEN_S(10)) < 0 || rc < 0;
}
