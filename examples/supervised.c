/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A divider fails when it is to divide by zero. Its supervisor starts it again, with fresh state and under
 * another handle, but not for ever: after two restarts it gives up, which a monitor hears of.
 */
#include <koken.h>

#include <inttypes.h>
#include <stdio.h>

KOKEN_MESSAGE(divide, {
    int32_t number;
    int32_t by;
});
KOKEN_MESSAGE(quotient, {
    int32_t value;
    uint32_t done; /* divisions since the start */
});

struct divider {
    uint32_t done;
};

static int on_divide(koken_ctx *ctx, struct divider *self, const struct divide *msg)
{
    if (msg->by == 0) {
        return -EINVAL; /* a failure: the agent ends, and who asked is told */
    }
    self->done++;
    return koken_reply(ctx, quotient, .value = msg->number / msg->by, .done = self->done);
}

KOKEN_AGENT(divider, struct divider, KOKEN_ON(divide, on_divide));

static const struct koken_child children[] = {{.type = KOKEN_AGENT_TYPE(divider)}};
static const struct koken_supervisor plan = {
    .children = children, .child_count = 1, .intensity = 2, .period_ns = KOKEN_S(60)};

/* Waits for the end of the supervisor and tells it. */
struct mourner {
    uint32_t unused;
};

static int mourner_body(koken_ctx *ctx, struct mourner *self, const void *arg)
{
    struct koken_down down;
    int rc = koken_monitor(ctx, *(const koken_ref *)arg);

    (void)self;
    if (rc > 0) {
        rc = koken_receive_only(ctx, KOKEN_NO_DEADLINE, koken_down, &down);
    }
    if (rc == 0) {
        printf("the supervisor gave up: %s\n", koken_errname(down.reason));
    }
    return rc;
}

KOKEN_FIBER(mourner, struct mourner, mourner_body);

/* Asks whoever is the divider now. */
static void ask(struct koken *rt, koken_ref supervisor, int32_t number, int32_t by)
{
    struct quotient answer;
    koken_ref divider;
    int rc = koken_supervised(supervisor, 0, &divider);

    if (rc == 0) {
        rc = koken_await(rt, divider, KOKEN_S(10), &answer, divide, .number = number, .by = by);
    }
    if (koken_drain(rt, KOKEN_S(10)) < 0) { /* until a restart is over */
        printf("still busy\n");
    }
    if (rc == 0) {
        printf("%" PRId32 " / %" PRId32 " = %" PRId32 ", division %" PRIu32 " of this divider\n",
               number, by, answer.value, answer.done);
    } else {
        printf("%" PRId32 " / %" PRId32 " failed: %s\n", number, by, koken_errname(rc));
    }
}

int main(void)
{
    struct koken *rt;
    koken_ref supervisor;
    int rc = koken_start(NULL, &rt);

    if (rc < 0) {
        return 1;
    }
    rc = koken_supervise(rt, &plan, &supervisor);
    if (rc == 0) {
        if (koken_is_nobody(koken_spawn(rt, mourner, KOKEN_ARG(supervisor)))) {
            printf("nobody mourns\n");
        }
        ask(rt, supervisor, 12, 3);
        ask(rt, supervisor, 12, 4);
        ask(rt, supervisor, 12, 0);
        ask(rt, supervisor, 12, 6); /* division 1 again: the state is fresh */
        ask(rt, supervisor, 12, 0);
        ask(rt, supervisor, 12, 0);
        ask(rt, supervisor, 12, 2); /* the supervisor has ended */
        printf("dead letters: %" PRIu64 "\n", koken_dead_letter_count(rt, KOKEN_DEAD_ENDED));
    }
    return koken_stop(rt, KOKEN_S(10)) == 0 && rc == 0 ? 0 : 1;
}
