/* SPDX-License-Identifier: Apache-2.0 */
/* Between the two halves of the coordinator. */
#ifndef KN_ACTORS_RUNTIME_H
#define KN_ACTORS_RUNTIME_H

#include "actors/agent.h"

/* Frees a runtime whose threads are gone, or were never there. */
void kn_runtime_free(struct koken *rt);

#endif
