/* SPDX-License-Identifier: Apache-2.0 */
/* What is learnt of an agent by timing one turn in 64. */
#ifndef KN_ACTORS_PROFILE_H
#define KN_ACTORS_PROFILE_H

#include "actors/agent.h"

struct kn_sample {
    uint64_t start; /* kn_ticks() */
};

void kn_profile_begin(struct kn_sample *sample);

/* Enters the time since begin, in which `handled` messages were handled. Thread: holder of S. */
void kn_profile_sample(struct kn_sample *sample, struct kn_agent *a, uint32_t handled);

#endif
