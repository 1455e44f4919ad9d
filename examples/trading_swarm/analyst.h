/* SPDX-License-Identifier: Apache-2.0 */
/* An analyst: watches one symbol with one strategy and orders what the strategy wishes. */
#ifndef SWARM_ANALYST_H
#define SWARM_ANALYST_H

#include "strategy.h"

#include <koken.h>

int analyst_open(struct koken *rt, enum strategy_kind kind, koken_ref risk, koken_ref gauge,
                 koken_ref *ret_analyst);

#endif
