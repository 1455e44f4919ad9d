/* SPDX-License-Identifier: Apache-2.0 */
/* What is learnt of an agent by timing a turn of a worker now and then: one in 60 steps at most. */
#ifndef KN_ACTORS_PROFILE_H
#define KN_ACTORS_PROFILE_H

#include "actors/agent.h"

struct kn_sample {
    uint64_t start; /* kn_ticks() */
};

enum { KN_PROFILE_EVERY = 60 }; /* steps of the worker between two samples, at least */

/* Whether the turn that begins is timed; then so is none before the next due step. Thread: the holder. Cost: two loads. */
static KN_ALWAYS_INLINE bool kn_profile_is_due(struct kn_local *local)
{
    uint64_t tick = kn_load(&local->worker->tick, relaxed); /* relaxed: our own counter */
    if (kn_likely(tick < local->sample_due)) {
        return false;
    }
    local->sample_due = tick + KN_PROFILE_EVERY;
    return true;
}

void kn_profile_begin(struct kn_sample *sample);

/* Enters a turn of ns nanoseconds in which `handled` messages were handled; a turn without any teaches nothing. Thread: holder of S. */
void kn_profile_enter(struct kn_agent *a, uint64_t ns, uint32_t handled);

/* Enters the time since begin. Thread: holder of S. */
void kn_profile_sample(struct kn_sample *sample, struct kn_agent *a, uint32_t handled);

#endif
