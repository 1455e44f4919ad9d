/* SPDX-License-Identifier: Apache-2.0 */
/* A fiber: one gossip after the other in a loop, then the answer to the closing question. */
#include "bulletin.h"

#include "messages.h"
#include "random.h"

#include <errno.h>

#define TOLD_WITHIN KOKEN_S(10)
#define PERCENT_MIN 105u
#define PERCENT_SPAN 46u /* limits from 105 to 150 percent of an account's capital */

struct chief {
    struct chief_answer count;
};

/* One bulletin. That somebody has not got it is the end: his desks would wait for ever. */
static int tell(koken_ctx *ctx, struct chief *self, const struct bulletin_plan *plan, uint32_t term)
{
    struct koken_gossip_report report;
    uint64_t chance = random_stream(plan->seed, term);
    int rc = koken_gossip(ctx, plan->group, TOLD_WITHIN, &report, bulletin, .term = term,
                          .percent = PERCENT_MIN + random_below(&chance, PERCENT_SPAN));

    if (rc < 0) {
        return rc;
    }
    self->count.bulletins++;
    self->count.delivered += report.accepted;
    self->count.messages += report.messages;
    if (report.rounds + report.asking > self->count.rounds) {
        self->count.rounds = report.rounds + report.asking;
    }
    return report.accepted == plan->members ? 0 : -ENOMEM;
}

static int chief_body(koken_ctx *ctx, struct chief *self, const void *arg)
{
    const struct bulletin_plan *plan = arg;
    struct chief_question question;
    int rc = 0;

    for (uint32_t term = 0; rc == 0 && term < plan->terms; term++) {
        rc = tell(ctx, self, plan, term);
    }
    rc = rc < 0 ? rc : koken_receive_only(ctx, KOKEN_NO_DEADLINE, chief_question, &question);
    return rc < 0 ? rc : koken_reply_(ctx, &koken_type_chief_answer, &self->count);
}

KOKEN_FIBER(chief, struct chief, chief_body);

int bulletin_open(struct koken *rt, const struct bulletin_plan *plan, koken_ref *ret_chief)
{
    return koken_try_spawn(rt, ret_chief, chief, KOKEN_ARG(*plan));
}
