/* SPDX-License-Identifier: Apache-2.0 */
/* An execution agent: trades the tickets of its shard in parts, each at the price it gets. */
#ifndef SWARM_EXECUTION_H
#define SWARM_EXECUTION_H

#include <koken.h>

#define EXECUTION_PARTS 4u /* fills of a ticket at most */

struct execution_plan {
    koken_ref ledger;
    uint64_t seed;
    uint32_t capacity; /* of the mailbox */
};

int execution_open(struct koken *rt, const struct execution_plan *plan, koken_ref *ret_execution);

#endif
