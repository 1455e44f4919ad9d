/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Risk, execution and the ledger count for themselves; none of them sees the others' numbers. That
 * the three sums agree says that no ticket and no fill was lost, doubled or changed on its way;
 * that each account balances says that the ledger booked it right; that the metrics balance says
 * that the runtime kept count of every message.
 *
 * A fill with the token of a lease that is over is sent on purpose: the ledger must have refused it.
 */
#include "audit.h"

#include "strategy.h"

#include <errno.h>
#include <stdlib.h>

#define ANSWER_WITHIN KOKEN_S(10)

static void add_account(struct account *sum, const struct account *account)
{
    sum->start += account->start;
    sum->cash += account->cash;
    sum->cost += account->cost;
    sum->realised += account->realised;
    sum->fees += account->fees;
    sum->paid += account->paid;
    sum->shares += account->shares;
    sum->traded += account->traded;
    sum->fills += account->fills;
    sum->digest = digest_add(sum->digest, account->digest);
}

static int collect_accounts(struct audit *audit, struct floor *floor)
{
    for (uint32_t i = 0; i < audit->account_count; i++) {
        struct account_answer answer;
        int rc = koken_await(floor->rt, floor->ledger, ANSWER_WITHIN, &answer, account_question,
                             .symbol = i / STRATEGY_COUNT_, .strategy = i % STRATEGY_COUNT_);

        if (rc < 0) {
            return rc;
        }
        audit->accounts[i] = answer.account;
        add_account(&audit->sum, &answer.account);
    }
    return 0;
}

static int collect_risk(struct audit *audit, struct floor *floor, uint32_t shard)
{
    struct risk_answer answer;
    int rc = koken_await(floor->rt, floor->risks[shard], ANSWER_WITHIN, &answer, risk_question);

    if (rc < 0) {
        return rc;
    }
    audit->risk.orders += answer.orders;
    audit->risk.tickets += answer.tickets;
    audit->risk.idle += answer.idle;
    audit->risk.too_big += answer.too_big;
    audit->risk.too_fast += answer.too_fast;
    audit->risk.stops += answer.stops;
    audit->risk.large += answer.large;
    audit->risk.denied += answer.denied;
    audit->risk.shares += answer.shares;
    return 0;
}

static int collect_execution(struct audit *audit, struct floor *floor, uint32_t shard)
{
    struct execution_answer answer;
    int rc = koken_await(floor->rt, floor->executions[shard], ANSWER_WITHIN, &answer,
                         execution_question);

    if (rc < 0) {
        return rc;
    }
    audit->execution.tickets += answer.tickets;
    audit->execution.fills += answer.fills;
    audit->execution.shares += answer.shares;
    audit->execution.paid += answer.paid;
    audit->execution.fees += answer.fees;
    audit->execution.leases += answer.leases;
    if (answer.token > audit->execution.token) {
        audit->execution.token = answer.token;
    }
    return 0;
}

/* Somebody who had desk 0 before the day began trades there. */
static int try_spent_token(struct audit *audit, struct floor *floor)
{
    struct guard_answer answer = {0};
    int rc = koken_signal(floor->ledger, fill, .decided_at = koken_now(), .price = MONEY_DOLLAR,
                          .shares = 1, .token = floor->spent_token);

    rc =
        rc < 0 ? rc : koken_await(floor->rt, floor->ledger, ANSWER_WITHIN, &answer, guard_question);
    audit->fills_refused = answer.refused;
    return rc;
}

static int collect_latencies(struct audit *audit, struct floor *floor)
{
    int rc = 0;

    for (uint32_t kind = 0; rc >= 0 && kind < LATENCY_COUNT_; kind++) {
        rc = koken_await(floor->rt, floor->gauge, ANSWER_WITHIN, &audit->latencies[kind],
                         latency_question, .kind = kind);
    }
    return rc;
}

int audit_collect(struct audit *audit, struct floor *floor)
{
    int rc;

    audit->account_count = (uint32_t)floor->market->count * STRATEGY_COUNT_;
    audit->accounts = calloc(audit->account_count, sizeof *audit->accounts);
    rc = audit->accounts == NULL ? -ENOMEM : koken_drain(floor->rt, ANSWER_WITHIN);
    rc = rc < 0 ? rc : try_spent_token(audit, floor);
    rc = rc < 0 ? rc : collect_accounts(audit, floor);
    for (uint32_t shard = 0; rc >= 0 && shard < floor->shard_count; shard++) {
        rc = collect_risk(audit, floor, shard);
        rc = rc < 0 ? rc : collect_execution(audit, floor, shard);
    }
    rc = rc < 0 ? rc : collect_latencies(audit, floor);
    rc = rc < 0
             ? rc
             : koken_await(floor->rt, floor->chief, ANSWER_WITHIN, &audit->chief, chief_question);
    rc = rc < 0 ? rc : floor_close(floor);
    koken_metrics(floor->rt, &audit->metrics); /* exact: after the last answer all is quiet */
    return rc;
}

bool audit_money_balances(const struct audit *audit)
{
    const struct account *sum = &audit->sum;
    const struct risk_answer *risk = &audit->risk;
    bool is_balanced = account_balances(sum);

    for (uint32_t i = 0; i < audit->account_count; i++) {
        is_balanced = is_balanced && account_balances(&audit->accounts[i]);
    }
    return is_balanced &&
           risk->orders + risk->stops ==
               risk->tickets + risk->idle + risk->too_big + risk->too_fast &&
           risk->tickets == audit->execution.tickets && risk->shares == audit->execution.shares &&
           sum->fills == audit->execution.fills && sum->traded == audit->execution.shares &&
           sum->paid == audit->execution.paid && sum->fees == audit->execution.fees &&
           sum->cash == sum->start - sum->paid - sum->fees;
}

bool audit_messages_balance(const struct audit *audit)
{
    const struct koken_metrics *metrics = &audit->metrics;

    return metrics->queued == 0 &&
           metrics->sent == metrics->received + metrics->dropped + metrics->dead;
}

bool audit_desks_hold(const struct audit *audit)
{
    return audit->fills_refused == 1 && audit->execution.leases >= 1;
}

void audit_free(struct audit *audit)
{
    free(audit->accounts);
    *audit = (struct audit){0};
}
