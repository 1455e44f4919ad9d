/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An officer answers at once if he knows the limit of the term; else the question is put aside
 * until the bulletin has come. His vote is a function of the question and of the bulletin.
 */
#include "committee.h"

#include "bulletin.h"
#include "messages.h"

#include <errno.h>
#include <stdlib.h>

#define CAUTION_STEP 8u /* percent of the limit that an officer leaves to the next */

struct officer {
    struct committee_plan plan;
    uint32_t *percents; /* by term */
    uint32_t heard;     /* terms */
};

static int on_bulletin(koken_ctx *ctx, struct officer *self, const struct bulletin *bulletin)
{
    if (bulletin->term != self->heard || self->heard == self->plan.terms) {
        return -EPROTO; /* one was lost or came twice */
    }
    self->percents[self->heard++] = bulletin->percent;
    koken_unstash(ctx);
    return 0;
}

static int on_large_order(koken_ctx *ctx, struct officer *self, const struct large_order *order)
{
    uint32_t term = bulletin_term(order->bar), share = 100 - self->plan.number * CAUTION_STEP;
    money limit;

    if (term >= self->heard) {
        return koken_stash(ctx);
    }
    limit = bulletin_limit(self->plan.capital, self->percents[term]) / 100 * share;
    return koken_reply(ctx, opinion, .is_yes = order->exposure <= limit);
}

static int officer_init(koken_ctx *ctx, struct officer *self, const void *arg)
{
    (void)ctx;
    self->plan = *(const struct committee_plan *)arg;
    self->percents = calloc(self->plan.terms, sizeof *self->percents);
    return self->percents == NULL ? -ENOMEM : 0;
}

static void officer_exit(koken_ctx *ctx, struct officer *self, int reason)
{
    (void)ctx;
    (void)reason;
    free(self->percents);
}

KOKEN_AGENT(officer, struct officer, KOKEN_INIT(officer_init), KOKEN_EXIT(officer_exit),
            KOKEN_ON(bulletin, on_bulletin), KOKEN_ON(large_order, on_large_order));

bool committee_approves(void *arg, const struct koken_ballot *ballot)
{
    const struct opinion *opinion = ballot->answer;

    (void)arg;
    return ballot->type == &koken_type_opinion && opinion->is_yes != 0;
}

int committee_open(struct koken *rt, const struct committee_plan *plan, koken_ref *ret_officer)
{
    /* Three can decide: the others may be behind by any number of questions. */
    return koken_try_spawn(rt, ret_officer, officer, KOKEN_ARG(*plan), .policy = KOKEN_POLICY_GROW);
}
