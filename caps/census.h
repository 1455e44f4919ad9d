/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many payloads of each type are alive. Counts are spread over shards, so that workers do not write to the
 * same line; a type finds its column by its address and keeps it for ever.
 *
 *              add    read
 *    add        -      -        -: none          Progress: lock-free.
 *    read       -      -
 */
#ifndef KN_CAPS_CENSUS_H
#define KN_CAPS_CENSUS_H

#include <koken/message.h>

#include <stdint.h>

/* One payload more or less: change is 1 or -1. */
void kn_census(const struct koken_type *type, int change);

#endif
