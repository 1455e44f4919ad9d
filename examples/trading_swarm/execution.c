/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exchange as far as we need one. A large ticket trades in parts, and each part slips a little
 * further against us. The slip is random, but drawn from a stream named by the ticket (symbol,
 * tick, strategy), so that it is the same whatever else is traded before.
 */
#include "execution.h"

#include "messages.h"
#include "random.h"
#include "strategy.h"

#define SLIP_PART 5000   /* a part slips by up to 1/5000 of the price */
#define FEE_PER_SHARE 50 /* half a cent */

struct execution {
    struct execution_plan plan;
    struct execution_answer count;
};

static money draw_price(uint64_t *chance, money price, bool is_buying)
{
    money slip = random_below(chance, (uint32_t)(price / SLIP_PART % UINT32_MAX) + 1);
    money got = is_buying ? price + slip : price - slip;

    return got > 0 ? got : 1;
}

static uint64_t ticket_chance(const struct execution *self, const struct ticket *ticket)
{
    uint64_t chance = random_stream(self->plan.seed, ticket->symbol);

    return random_stream(chance, (uint64_t)ticket->tick * STRATEGY_COUNT_ + ticket->strategy);
}

static int fill_part(struct execution *self, const struct ticket *ticket, int64_t shares,
                     money price)
{
    int64_t size = shares < 0 ? -shares : shares;
    money fee = size * FEE_PER_SHARE;

    self->count.fills++;
    self->count.shares += size;
    self->count.paid += shares * price;
    self->count.fees += fee;
    return koken_signal(self->plan.ledger, fill, .decided_at = ticket->decided_at, .price = price,
                        .fee = fee, .shares = shares, .tick = ticket->tick,
                        .symbol = ticket->symbol, .strategy = ticket->strategy);
}

static int on_ticket(koken_ctx *ctx, struct execution *self, const struct ticket *ticket)
{
    uint64_t chance = ticket_chance(self, ticket);
    money price = ticket->price;
    int64_t left = ticket->shares;

    (void)ctx;
    self->count.tickets++;
    for (int64_t parts = EXECUTION_PARTS; parts > 0; parts--) {
        int64_t part = left / parts;
        int rc;

        price = draw_price(&chance, price, ticket->shares > 0);
        rc = part == 0 ? 0 : fill_part(self, ticket, part, price);
        if (rc < 0) {
            return rc;
        }
        left -= part;
    }
    return 0;
}

static int on_mark(koken_ctx *ctx, struct execution *self, const struct mark *mark)
{
    (void)ctx;
    return koken_send(self->plan.ledger, mark, mark);
}

static int on_question(koken_ctx *ctx, struct execution *self,
                       const struct execution_question *question)
{
    const struct execution_answer *count = &self->count;

    (void)question;
    return koken_reply(ctx, execution_answer, .tickets = count->tickets, .fills = count->fills,
                       .shares = count->shares, .paid = count->paid, .fees = count->fees);
}

KOKEN_AGENT(execution, struct execution, KOKEN_ON(ticket, on_ticket), KOKEN_ON(mark, on_mark),
            KOKEN_ON(execution_question, on_question));

int execution_open(struct koken *rt, const struct execution_plan *plan, koken_ref *ret_execution)
{
    struct execution state = {.plan = *plan};

    return koken_try_spawn(rt, ret_execution, execution, KOKEN_ARG(state),
                           .capacity = plan->capacity, .high = plan->capacity,
                           .policy = KOKEN_POLICY_PARK);
}
