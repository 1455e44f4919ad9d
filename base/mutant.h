/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bugs kept in a cage: faults planted behind a switch that exists in simulator builds only, so that a test
 * can show that the simulator finds them. Everywhere else kn_mutant() is the constant false.
 */
#ifndef KN_BASE_MUTANT_H
#define KN_BASE_MUTANT_H

#include <stdbool.h>

enum kn_mutant {
    KN_MUTANT_NONE,
    KN_MUTANT_DROPPED_WAKE, /* a worker rests without looking once more at what came meanwhile */
    KN_MUTANT_REPEATED_MESSAGE, /* a message that came while its agent was handling another, twice */
    KN_MUTANT_LOST_MONITOR,     /* a monitor that met the end of its target on the way */
    KN_MUTANT_STARVED_QUEUE,    /* who passes the turn on in the slot may do so for ever */
    KN_MUTANT_STARVED_NEWBORN,  /* the oldest of a nursery may lie there for ever */
    KN_MUTANT_COUNT_
};

#ifdef KN_SIM
extern enum kn_mutant kn_mutant_planted; /* (c) while anything runs */

static inline bool kn_mutant(enum kn_mutant which)
{
    return kn_mutant_planted == which;
}
#else
static inline bool kn_mutant(enum kn_mutant which)
{
    (void)which;
    return false;
}
#endif

#endif
