/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A risk manager: sizes the orders of the symbols of its shard, refuses what would be too much by
 * the limits that the chief tells, and asks the committee about what is large.
 */
#ifndef SWARM_RISK_H
#define SWARM_RISK_H

#include "committee.h"

struct risk_plan {
    koken_ref execution;
    koken_ref officers[COMMITTEE_OFFICERS];
    uint32_t symbol_count; /* of the whole market: desks are found by the symbol's index */
    uint32_t terms;        /* of the run */
    uint32_t capacity;     /* of the mailbox */
    money capital;         /* of one account */
};

int risk_open(struct koken *rt, const struct risk_plan *plan, koken_ref *ret_risk);

#endif
