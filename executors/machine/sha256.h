/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4), for ids and nullifiers of resources. */
#ifndef KN_EXECUTORS_MACHINE_SHA256_H
#define KN_EXECUTORS_MACHINE_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* The hash of at most 119 bytes: two blocks. */
void kn_sha256_short(const void *bytes, size_t size, uint8_t ret_hash[32]);

#endif
