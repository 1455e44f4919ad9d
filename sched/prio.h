/* SPDX-License-Identifier: Apache-2.0 */
/* Which level runs next, with ageing. */
#ifndef KN_SCHED_PRIO_H
#define KN_SCHED_PRIO_H

#include "sched/runnable.h"
#include "sched/sched.h"

#include <stdint.h>

/*
 * The level to serve: the highest after ageing. A level that waits gains one level per
 * KN_AGEING_DISPATCHES; the one that is served starts anew. So LOW runs at the latest after
 * 3 * KN_AGEING_DISPATCHES dispatches of CRITICAL, and again after as many. mask: levels that hold
 * something, not 0.
 */
static inline enum kn_prio kn_prio_due(uint32_t mask, uint32_t skipped[KN_PRIO_COUNT_])
{
    uint32_t best = 0;
    uint32_t best_weight = 0;

    for (uint32_t level = 0; level < KN_PRIO_COUNT_; level++) {
        if ((mask >> level & 1) != 0) {
            uint32_t weight = level * KN_AGEING_DISPATCHES + ++skipped[level];

            if (weight > best_weight) {
                best = level;
                best_weight = weight;
            }
        }
    }
    skipped[best] = 0;
    return (enum kn_prio)best;
}

#endif
