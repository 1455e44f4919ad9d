/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An execution agent: trades the tickets of its shard in parts, each at the price it gets, as long as
 * it has the lease of the shard's desk. Each fill shows the lease's token.
 */
#ifndef SWARM_EXECUTION_H
#define SWARM_EXECUTION_H

#include <koken.h>

#define EXECUTION_PARTS 4u /* fills of a ticket at most */

struct execution_plan {
    koken_ref ledger;
    koken_ref keeper; /* of the desks' leases */
    uint64_t seed;
    uint32_t desk;
    uint32_t capacity; /* of the mailbox */
};

/* The name that the lease of a desk has. */
void execution_desk_name(uint32_t desk, char name[KOKEN_LEASE_NAME_MAX]);

int execution_open(struct koken *rt, const struct execution_plan *plan, koken_ref *ret_execution);

#endif
