/* SPDX-License-Identifier: Apache-2.0 */
/* The closing: everybody is asked what they have seen, and the answers must agree. */
#ifndef SWARM_AUDIT_H
#define SWARM_AUDIT_H

#include "floor.h"
#include "messages.h"

struct audit {
    struct account *accounts; /* by symbol, then strategy */
    uint32_t account_count;
    struct account sum; /* of all accounts; its digest is the ledger's */
    struct risk_answer risk;
    struct execution_answer execution; /* its token: the newest of all desks' */
    struct chief_answer chief;
    uint64_t fills_refused;
    struct latency_answer latencies[LATENCY_COUNT_];
    struct koken_metrics metrics;
    uint64_t duration_ns; /* of the trading */
};

/* audit_collect lets floor come to rest, asks its agents, and reads the metrics at rest again. */
KOKEN_MUST_USE int audit_collect(struct audit *audit, struct floor *floor);

/* The two laws of conservation, and that only who had a desk has traded there. */
bool audit_money_balances(const struct audit *audit);
bool audit_messages_balance(const struct audit *audit);
bool audit_desks_hold(const struct audit *audit);

void audit_free(struct audit *audit);

#endif
