/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a description is good for: printing, comparing, hashing and copying anything whose type has
 * one. The trace, the dead letters and the tests use these; a wire format will.
 *
 * What is nested is followed through iso, val and ref fields. Fields named `next` of a list are no
 * problem: the last field of an object is followed by a loop, the others to a depth of
 * KOKEN_DEPTH_MAX.
 */
#ifndef KOKEN_SCHEMA_H
#define KOKEN_SCHEMA_H

#include <koken/payload.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KOKEN_DEPTH_MAX 32

/*
 * koken_print writes object as text, as in order{id=3, symbol="ACME", leg=leg{price=2.5}}, ends it
 * with a 0 and returns the length it would have with room enough, as snprintf does. A message
 * without a field list is printed as bytes; an empty handle as -; what is too deep as .... buffer
 * may be NULL when size is 0. Thread: any that may read object.
 */
KOKEN_API size_t koken_print(char *buffer, size_t size, const struct koken_type *type,
                             const void *object);

/*
 * koken_equal compares field by field, nested payloads by content, agents' names by value, own
 * memory by address. Padding does not count. Floating point numbers are equal when their
 * representations are. 1 equal, 0 not, -E2BIG too deep to say. Thread: any that may read both.
 */
KOKEN_API int koken_equal(const struct koken_type *type, const void *left, const void *right);

/* koken_hash: what is equal has the same hash, in every run of every program on this kind of
 * machine. */
KOKEN_API uint64_t koken_hash(const struct koken_type *type, const void *object);

/*
 * koken_copy makes ret_object a deep copy: isos are copied, vals shared. Errors: -ENOMEM, -ENOTSUP
 * the object holds a ref or memory of its own; nothing is written then. Payloads behind a handle:
 * koken_clone.
 */
KOKEN_MUST_USE KOKEN_API int koken_copy(const struct koken_type *type, void *ret_object,
                                        const void *object);

#ifdef __cplusplus
}
#endif

#endif
