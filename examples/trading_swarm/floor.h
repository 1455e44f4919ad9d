/* SPDX-License-Identifier: Apache-2.0 */
/* The trading floor: who is there, and who talks to whom. */
#ifndef SWARM_FLOOR_H
#define SWARM_FLOOR_H

#include "bars.h"
#include "committee.h"
#include "options.h"

#include <koken.h>

#define FLOOR_CAPITAL (100 * 1000 * MONEY_DOLLAR) /* each account starts with */

struct floor {
    struct koken *rt;
    const struct market *market; /* constant while the runtime runs */
    uint64_t ticks;              /* of the whole run */
    uint64_t seed;
    uint32_t ticks_per_bar;
    uint32_t shard_count;
    uint32_t mailbox; /* what a mailbox holds; 0: what the windows need */
    koken_ref gauge;
    koken_ref ledger;
    koken_ref keeper; /* of the desks' leases */
    koken_ref chief;
    koken_ref gossip; /* of risks and officers */
    koken_ref officers[COMMITTEE_OFFICERS];
    uint32_t terms;        /* of the longest series */
    uint64_t spent_token;  /* of a lease of desk 0 that is over */
    koken_ref *risks;      /* by shard */
    koken_ref *executions; /* by shard */
};

/* floor_open spawns every agent but the feeds, floor_begin the feeds: trading begins. */
KOKEN_MUST_USE int floor_open(struct floor *floor, struct koken *rt, const struct market *market,
                              const struct options *options);
KOKEN_MUST_USE int floor_begin(struct floor *floor);

/* floor_close ends whoever has timers, so that all comes to rest. */
KOKEN_MUST_USE int floor_close(struct floor *floor);

/* floor_free forgets the agents; they are stopped with their runtime. */
void floor_free(struct floor *floor);

#endif
