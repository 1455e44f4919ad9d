/* SPDX-License-Identifier: Apache-2.0 */
/* What others do with the agents that stand for waiting threads outside (KN_AGENT_WAITER). */
#ifndef KN_ACTORS_WAITER_H
#define KN_ACTORS_WAITER_H

#include "actors/agent.h"

/*
 * Ends a waiter: its thread gets the answer that has come, or -ECANCELED. Thread: holder of S,
 * which is gone afterwards; what has come has been taken.
 */
void kn_waiter_end(struct kn_local *local, struct kn_agent *a);

/* Whose answer its thread waits for. Thread: of the simulator, while nothing runs. */
uint64_t kn_waiter_whom(const struct kn_agent *a);

#endif
