/* SPDX-License-Identifier: Apache-2.0 */
/* Telling which agent is stuck, and on what: to who asks (koken_why), and to the log. */
#ifndef KN_ACTORS_WHY_H
#define KN_ACTORS_WHY_H

#include "actors/agent.h"

/* The hook of sysmon: a worker has been in one dispatch for long. One line to the log names the agent. */
void kn_why_stuck(struct kn_worker *worker, uint64_t for_ns, void *runtime);

#endif
