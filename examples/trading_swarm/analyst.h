/* SPDX-License-Identifier: Apache-2.0 */
/* An analyst: watches one symbol with one strategy and orders what the strategy wishes. */
#ifndef SWARM_ANALYST_H
#define SWARM_ANALYST_H

#include "strategy.h"

#include <koken.h>

struct analyst_plan {
    koken_ref risk;
    koken_ref gauge;
    enum strategy_kind kind;
    uint32_t capacity; /* of the mailbox */
};

int analyst_open(struct koken *rt, const struct analyst_plan *plan, koken_ref *ret_analyst);

#endif
