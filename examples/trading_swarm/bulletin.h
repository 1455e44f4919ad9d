/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chief of risk. The bars of a symbol are divided into terms, and for each term the chief tells
 * by gossip how far a symbol may be exposed: every risk manager and every officer of the committee
 * hears of each term once, in their order. Who is ahead of the news waits for it, so what is
 * decided does not depend on when they arrive.
 */
#ifndef SWARM_BULLETIN_H
#define SWARM_BULLETIN_H

#include "money.h"

#include <koken.h>

#define BULLETIN_TERM_BARS 256u
#define BULLETIN_TERMS_MAX 16384u /* later bars belong to the last term */

static inline uint32_t bulletin_term(uint32_t bar)
{
    uint32_t term = bar / BULLETIN_TERM_BARS;

    return term < BULLETIN_TERMS_MAX ? term : BULLETIN_TERMS_MAX - 1;
}

/* What the limits of a term come to for one account's capital. */
static inline money bulletin_limit(money capital, uint32_t percent)
{
    return capital / 100 * percent;
}

struct bulletin_plan {
    koken_ref group; /* of gossip */
    uint32_t members;
    uint32_t terms;
    uint64_t seed;
};

int bulletin_open(struct koken *rt, const struct bulletin_plan *plan, koken_ref *ret_chief);

#endif
