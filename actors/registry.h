/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry: names and groups. An entry is in the table, for those who look, and belongs to its agent,
 * which has it in a list: entered by a message (named), let go by another (unnamed) or by the agent's end.
 * Whoever changes the table holds names_lock and posts the message under it, so an agent is told in the
 * order of the changes. Only the agent frees the entry, so its end needs nobody's word; a message that
 * finds the mailbox closed, or is found in it when it closes, means that the end takes care.
 */
#ifndef KN_ACTORS_REGISTRY_H
#define KN_ACTORS_REGISTRY_H

#include "actors/agent.h"
#include "actors/kn_rcu_registry.h"

extern const struct koken_type kn_type_named;
extern const struct koken_type kn_type_unnamed;

/* One of these two has come. Thread: holder of S. */
void kn_registry_message(struct koken *rt, struct kn_agent *a, struct kn_envelope *e);

/* A message found in a mailbox that closes: true if it is one of the two; its name joins the list. */
bool kn_registry_late(struct kn_envelope *e, struct kn_name **names);

/* Frees the names of an agent that has ended. */
void kn_registry_end(struct koken *rt, struct kn_name *take_names);

#endif
