/* SPDX-License-Identifier: Apache-2.0 */
/* The gauge: gathers latencies into histograms. */
#ifndef SWARM_GAUGE_H
#define SWARM_GAUGE_H

#include <koken.h>

int gauge_open(struct koken *rt, uint32_t capacity, koken_ref *ret_gauge);

#endif
