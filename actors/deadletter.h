/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters. Each worker, and the threads outside together, have a ring of the last ones and a table of
 * counts by type, made at the first dead letter, each under a lock of its own that nobody else wants but
 * who reads them: a storm of drops on all workers meets no common line. Counts by reason are counters like
 * all others, and need no memory.
 */
#ifndef KN_ACTORS_DEADLETTER_H
#define KN_ACTORS_DEADLETTER_H

#include "actors/agent.h"

/*
 * Enters a message that is being given up, before it is; messages of the runtime itself are passed over.
 * local NULL: from outside, not under a lock. The envelope stays the caller's.
 */
void kn_letter(struct koken *rt, struct kn_local *local, const struct kn_envelope *e, uint64_t to,
               enum koken_dead_reason reason);

/* Frees what a runtime has kept. Nothing else runs. */
void kn_letters_free(struct koken *rt);

#endif
