/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A supervisor is a handler agent like any other, but that a stop is a message to it. Its children are
 * monitored from before their first step (kn_spawn_monitored), so no end is missed and no reason lost.
 *
 *              koken_down: start it again                 koken_down: next
 *             +--+                                          +--+
 *             |  v   the others must stop first             |  v
 *     init -> RUNNING ------------------------------> REGROUPING --none left--> RUNNING
 *                |       stop, or too many restarts          |
 *                +---------------------------> ENDING <------+     --none left--> ends
 *
 * REGROUPING and ENDING stop children [from, to] from the last to the first, one at a time: `at` is the one
 * that is waited for. Its koken_down, or its deadline, moves on. So there is one wait and one timer.
 *
 * A restart is allowed if the one `intensity` restarts ago is longer ago than the period: the times of the
 * last ones are in a ring of that size, so never more than that many are within any period.
 */
#ifndef KN_ACTORS_SUPERVISOR_H
#define KN_ACTORS_SUPERVISOR_H

#include "actors/agent.h"

extern const struct koken_agent_type kn_supervisor_type;

#endif
