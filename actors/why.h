/* SPDX-License-Identifier: Apache-2.0 */
/* Telling which agent is stuck, and on what: to who asks (koken_why), and to the log. */
#ifndef KN_ACTORS_WHY_H
#define KN_ACTORS_WHY_H

#include "actors/agent.h"

/* The hook of sysmon: a worker has been in one dispatch for long. One line to the log names the agent. */
void kn_why_stuck(struct kn_worker *worker, uint64_t for_ns, void *runtime);

/* The hook that follows it: where that dispatch is, a line to the log for each frame. */
void kn_why_stack(struct kn_worker *worker, const void *const *frames, unsigned count,
                  void *runtime);

/* Whether an agent lives in the slot; *ret_is_asleep: it has nothing to do and waits for nobody. */
bool kn_why_is_alive(const struct kn_agent *a, bool *ret_is_asleep);

/* koken_why's line of that one agent. Thread: any, online in RCU. Answers its length. */
int kn_why_line(const struct kn_agent *a, char *text, size_t size);

/*
 * Who waits, and for whom, in all runtimes of the process: a line for each agent and thread outside that does. Only
 * while nothing runs: the report of a failed run in the simulator. Answers its length. (why_sim.c)
 */
#ifdef KN_SIM
int kn_why_everybody(char *text, size_t size);
#endif

#endif
