/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a full mailbox does, policy by policy: a customer hands twelve papers to a clerk whose desk
 * holds eight (high mark six). One worker, so that the clerk reads nothing while the customer hands
 * in.
 */
#include <koken.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define PAPERS 12u

KOKEN_MESSAGE(paper, { uint32_t number; });
KOKEN_EVENT(report_question);
KOKEN_MESSAGE(report, {
    uint32_t handled;
    uint32_t first;
    uint32_t last;
});

static int on_paper(koken_ctx *ctx, struct report *self, const struct paper *msg)
{
    (void)ctx;
    self->first = self->handled++ == 0 ? msg->number : self->first;
    self->last = msg->number;
    return 0;
}

static int on_question(koken_ctx *ctx, struct report *self, const struct report_question *msg)
{
    (void)msg;
    return koken_reply(ctx, report, .handled = self->handled, .first = self->first,
                       .last = self->last);
}

KOKEN_AGENT(clerk, struct report, KOKEN_ON(paper, on_paper),
            KOKEN_ON(report_question, on_question));

KOKEN_MESSAGE(visit, { koken_ref clerk; });
KOKEN_MESSAGE(experience, {
    uint32_t accepted;
    uint32_t pressed; /* accepted, but told that it is getting full */
    uint32_t refused;
});

struct customer {
    struct experience had;
};

/* A fiber: under the policy PARK, koken_signal waits here in the middle of the loop. */
static int customer_body(koken_ctx *ctx, struct customer *self, const void *arg)
{
    struct visit visit;
    int rc = koken_receive_only(ctx, KOKEN_NO_DEADLINE, visit, &visit);

    (void)arg;
    for (uint32_t number = 1; rc >= 0 && number <= PAPERS; number++) {
        rc = koken_signal(visit.clerk, paper, .number = number);
        self->had.accepted += rc >= 0;
        self->had.pressed += rc == KOKEN_PRESSURE;
        self->had.refused += rc == -EAGAIN;
        rc = rc == -EAGAIN ? 0 : rc;
    }
    return rc < 0 ? rc
                  : koken_reply(ctx, experience, .accepted = self->had.accepted,
                                .pressed = self->had.pressed, .refused = self->had.refused);
}

KOKEN_FIBER(customer, struct customer, customer_body);

static int try_policy(struct koken *rt, enum koken_policy policy, const char *name)
{
    koken_ref customer = koken_spawn(rt, customer);
    koken_ref clerk = koken_spawn(rt, clerk, .capacity = 8, .high = 6, .low = 2, .policy = policy);
    struct experience had;
    struct report report;
    int rc = koken_await(rt, customer, KOKEN_S(5), &had, visit, .clerk = clerk);

    rc = rc < 0 ? rc : koken_drain(rt, KOKEN_S(5));
    rc = rc < 0 ? rc : koken_await(rt, clerk, KOKEN_S(5), &report, report_question);
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", name, koken_strerror(rc));
        return rc;
    }
    printf("%-9s accepted %2" PRIu32 " (%" PRIu32 " under pressure), refused %" PRIu32
           ", handled %2" PRIu32 ": %" PRIu32 " to %" PRIu32 "\n",
           name, had.accepted, had.pressed, had.refused, report.handled, report.first, report.last);
    return 0;
}

int main(void)
{
    struct koken_options options = {.workers = 1};
    struct koken *rt;
    int rc = koken_start(&options, &rt);

    if (rc < 0) {
        fprintf(stderr, "koken_start: %s\n", koken_strerror(rc));
        return 1;
    }
    rc = try_policy(rt, KOKEN_POLICY_REJECT, "REJECT");
    rc = rc < 0 ? rc : try_policy(rt, KOKEN_POLICY_PARK, "PARK");
    rc = rc < 0 ? rc : try_policy(rt, KOKEN_POLICY_DROP_NEW, "DROP_NEW");
    rc = rc < 0 ? rc : try_policy(rt, KOKEN_POLICY_DROP_OLD, "DROP_OLD");
    rc = rc < 0 ? rc : try_policy(rt, KOKEN_POLICY_SIGNAL, "SIGNAL");
    rc = rc < 0 ? rc : try_policy(rt, KOKEN_POLICY_GROW, "GROW");
    return koken_stop(rt, KOKEN_S(10)) < 0 || rc < 0;
}
