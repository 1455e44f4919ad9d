/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The officers who vote on large orders. Each has a temper of his own: what the exposure may be is
 * the limit of the term, less so much. An order that most of them approve is traded.
 */
#ifndef SWARM_COMMITTEE_H
#define SWARM_COMMITTEE_H

#include "money.h"

#include <koken.h>

#define COMMITTEE_OFFICERS 5u

struct committee_plan {
    uint32_t number; /* of the officer; the higher, the more careful */
    uint32_t terms;  /* of the run */
    money capital;   /* of one account */
};

int committee_open(struct koken *rt, const struct committee_plan *plan, koken_ref *ret_officer);

/* committee_approves tells whether a ballot is a yes: a quorum counts these. */
bool committee_approves(void *arg, const struct koken_ballot *ballot);

#endif
