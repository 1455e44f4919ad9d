/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exchange as far as we need one. A large ticket trades in parts, and each part slips a little
 * further against us. The slip is random, but drawn from a stream named by the ticket (symbol,
 * tick, strategy), so that it is the same whatever else is traded before.
 *
 * Who trades must have the desk's lease. Without it, that is before it is granted, or when it has run
 * out because the machine stood still for so long, tickets and marks are put aside until it is taken
 * (again). Then they are traded under the newer token, and fills of an older one would be refused.
 */
#include "execution.h"

#include "messages.h"
#include "random.h"
#include "strategy.h"

#include <errno.h>
#include <stdio.h>

#define LEASE_TTL KOKEN_S(30)
#define RENEW_EVERY KOKEN_S(10)
#define SLIP_PART 5000   /* a part slips by up to 1/5000 of the price */
#define FEE_PER_SHARE 50 /* half a cent */

KOKEN_EVENT(renew_now);

struct execution {
    struct execution_plan plan;
    struct execution_answer count; /* its token: of the present lease, 0 none */
};

/* ---- the lease ---- */

void execution_desk_name(uint32_t desk, char name[KOKEN_LEASE_NAME_MAX])
{
    snprintf(name, KOKEN_LEASE_NAME_MAX, "desk %u", (unsigned)desk);
}

static int take_desk(koken_ctx *ctx, struct execution *self)
{
    struct koken_lease_take take = {
        .holder = koken_self(ctx), .ttl_ns = LEASE_TTL, .wait_ns = KOKEN_NO_DEADLINE};

    self->count.token = 0;
    execution_desk_name(self->plan.desk, take.name);
    return koken_request_(ctx, self->plan.keeper, KOKEN_NO_DEADLINE, &koken_type_koken_lease_take,
                          &take);
}

/* The answer to a taking, then the desk is ours; or to a renewal. */
static int on_lease(koken_ctx *ctx, struct execution *self, const struct koken_lease *lease)
{
    bool is_taken = self->count.token == 0 && lease->error == 0;
    int rc = lease->error;

    if (lease->error == -EALREADY) { /* renewed too late */
        return lease->token == self->count.token ? take_desk(ctx, self) : 0;
    }
    if (is_taken) {
        self->count.token = lease->token;
        self->count.leases++;
        koken_unstash(ctx);
        rc = koken_signal(self->plan.ledger, desk_taken, .token = lease->token,
                          .desk = self->plan.desk);
    }
    return rc;
}

static int on_expired(koken_ctx *ctx, struct execution *self, const struct koken_lease_expired *end)
{
    return end->token == self->count.token ? take_desk(ctx, self) : 0;
}

static int on_renew(koken_ctx *ctx, struct execution *self, const struct renew_now *now)
{
    struct koken_lease_renew renew = {.token = self->count.token, .ttl_ns = LEASE_TTL};

    (void)now;
    execution_desk_name(self->plan.desk, renew.name);
    return self->count.token == 0 ? 0
                                  : koken_request_(ctx, self->plan.keeper, KOKEN_NO_DEADLINE,
                                                   &koken_type_koken_lease_renew, &renew);
}

/* The keeper has ended, or there is no memory. */
static int on_failed(koken_ctx *ctx, struct execution *self, const struct koken_failed *failed)
{
    (void)ctx;
    (void)self;
    return failed->error;
}

/* ---- trading ---- */

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
                        .fee = fee, .shares = shares, .token = self->count.token,
                        .tick = ticket->tick, .symbol = ticket->symbol,
                        .strategy = ticket->strategy, .desk = self->plan.desk);
}

static int on_ticket(koken_ctx *ctx, struct execution *self, const struct ticket *ticket)
{
    uint64_t chance = ticket_chance(self, ticket);
    money price = ticket->price;
    int64_t left = ticket->shares;

    if (self->count.token == 0) {
        return koken_stash(ctx);
    }
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
    /* Without the desk: behind the tickets that are put aside. */
    return self->count.token == 0 ? koken_stash(ctx) : koken_send(self->plan.ledger, mark, mark);
}

static int on_question(koken_ctx *ctx, struct execution *self,
                       const struct execution_question *question)
{
    const struct execution_answer *count = &self->count;

    (void)question;
    return koken_reply(ctx, execution_answer, .tickets = count->tickets, .fills = count->fills,
                       .shares = count->shares, .paid = count->paid, .fees = count->fees,
                       .token = count->token, .leases = count->leases);
}

static int execution_init(koken_ctx *ctx, struct execution *self, const void *arg)
{
    koken_timer timer = koken_every(ctx, RENEW_EVERY, renew_now);

    self->plan = *(const struct execution_plan *)arg;
    return timer.id == 0 ? -ENOMEM : take_desk(ctx, self);
}

KOKEN_AGENT(execution, struct execution, KOKEN_INIT(execution_init), KOKEN_ON(ticket, on_ticket),
            KOKEN_ON(mark, on_mark), KOKEN_ON(koken_lease, on_lease),
            KOKEN_ON(koken_lease_expired, on_expired), KOKEN_ON(renew_now, on_renew),
            KOKEN_ON(koken_failed, on_failed), KOKEN_ON(execution_question, on_question));

int execution_open(struct koken *rt, const struct execution_plan *plan, koken_ref *ret_execution)
{
    return koken_try_spawn(rt, ret_execution, execution, KOKEN_ARG(*plan),
                           .capacity = plan->capacity, .high = plan->capacity,
                           .policy = KOKEN_POLICY_PARK);
}
