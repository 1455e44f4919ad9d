/* SPDX-License-Identifier: Apache-2.0 */
/* Hashing inside orchestration. (shard.c) */
#ifndef KN_ORCHESTRATION_HASH_H
#define KN_ORCHESTRATION_HASH_H

#include <koken/shard.h>

/* koken_hash_bytes of the eight bytes of a number. */
uint64_t kn_hash_number(const struct koken_hash_key *key, uint64_t number);

/* A bijection of the 64-bit numbers in which every bit of the argument changes half of the result. */
static inline uint64_t kn_hash_mix(uint64_t x)
{
    x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
    x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return x ^ x >> 32;
}

#endif
