/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: books every fill whose token its desk's guard lets pass, pays credit back to the feeds,
 * and knows how far the run is.
 */
#ifndef SWARM_LEDGER_H
#define SWARM_LEDGER_H

#include "money.h"

#include <koken.h>

struct ledger_plan {
    koken_ref gauge;
    uint32_t symbol_count;
    uint32_t desk_count;
    uint32_t capacity; /* of the mailbox */
    uint64_t ticks;    /* of the whole run */
    money capital;     /* each account starts with */
};

int ledger_open(struct koken *rt, const struct ledger_plan *plan, koken_ref *ret_ledger);

#endif
