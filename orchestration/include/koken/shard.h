/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of many is in charge of a key. Everybody who knows the same members finds the same one, in
 * every process; when members come or go, only the keys that must move do.
 *
 *     koken_ref who = koken_shard(counters, 8, koken_hash_text("ACME"));
 *
 * koken_shard (rendezvous): any member may come or go; looks at each member. koken_shard_jump: shards
 * numbered from 0, only the last comes or goes; no table. struct koken_ring: any member, weights,
 * bounded load; one search in a table. Everything here is a pure function of its arguments or, for a
 * ring, of its changes so far.
 */
#ifndef KOKEN_SHARD_H
#define KOKEN_SHARD_H

#include <koken/error.h>
#include <koken/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The secret of a hash: who does not know it cannot choose keys that meet on one shard. */
struct koken_hash_key {
    uint64_t word[2];
};

/*
 * koken_hash_bytes is SipHash-1-3 of size bytes. key NULL is the key {0, 0}. The same in every
 * process. Thread: any.
 */
uint64_t koken_hash_bytes(const struct koken_hash_key *key, const void *bytes, size_t size);

/* koken_hash_text is koken_hash_bytes of a string under the key {0, 0}. */
uint64_t koken_hash_text(const char *text);

/*
 * koken_shard answers the member in charge of key, nobody if there is none (a send to nobody is
 * -ESRCH). A member that leaves hands its own keys over and no others. Equal members count once.
 * Thread: any, also in handlers. Cost: about 2 ns per member.
 */
koken_ref koken_shard(const koken_ref *members, size_t member_count, uint64_t key);

/*
 * koken_shard_index is koken_shard for members that have names instead of handles: put the number of
 * an account or the hash of a host's name there, and a restart moves nothing.
 * Errors: -EINVAL no members, or NULL.
 */
KOKEN_MUST_USE int koken_shard_index(const uint64_t *names, size_t name_count, uint64_t key,
                                     size_t *ret_index);

/*
 * koken_shard_jump answers a shard below shard_count. One more shard takes its share from the others,
 * nothing moves between these. Cost: a few multiplications, whatever the count. After Lamping and Veach (2014), drawn
 * as Ertl does (JumpBackHash, 2024). Errors: -EINVAL no shards, more than 2^31 - 1, or NULL.
 */
KOKEN_MUST_USE int koken_shard_jump(uint64_t key, uint32_t shard_count, uint32_t *ret_shard);

/* A circle of points, some for each member. Thread: lookups by any, changes by one and nobody else. */
struct koken_ring;

/* Zero is the default of every field. */
struct koken_ring_options {
    size_t struct_size;
    uint32_t points;           /* of a member of weight 1; default 160, at most 4096 */
    uint32_t load_percent;     /* a member's load is at most that much of the mean; default 125 */
    struct koken_hash_key key; /* of the points and the keys */
};

/* koken_ring_new makes an empty ring. options may be NULL. Errors: -EINVAL, -ENOMEM. */
KOKEN_MUST_USE int koken_ring_new(const struct koken_ring_options *options,
                                  struct koken_ring **ret_ring);
void koken_ring_free(struct koken_ring *ring);

/*
 * koken_ring_add enters a member with weight times the usual number of points (0 means 1, at most
 * 64). Only keys that it takes over move. Errors: -EALREADY it is there, -EINVAL, -ENOMEM.
 */
KOKEN_MUST_USE int koken_ring_add(struct koken_ring *ring, uint64_t name, uint32_t weight);

/* koken_ring_remove takes a member out; only its keys move. Errors: -ESRCH, -EINVAL. */
KOKEN_MUST_USE int koken_ring_remove(struct koken_ring *ring, uint64_t name);

/* koken_ring_count is the number of members. */
size_t koken_ring_count(const struct koken_ring *ring);

/* koken_ring_find answers who is in charge of key. Errors: -ESRCH the ring is empty, -EINVAL. */
KOKEN_MUST_USE int koken_ring_find(const struct koken_ring *ring, uint64_t key, uint64_t *ret_name);

/*
 * koken_ring_assign is koken_ring_find with bounded load: a member at its bound passes the key on to
 * the next on the circle; whoever gets it has one load more until koken_ring_unassign.
 * Errors: as koken_ring_find. koken_ring_unassign: -ESRCH no such member, or it has no load.
 * Thread: as a change.
 */
KOKEN_MUST_USE int koken_ring_assign(struct koken_ring *ring, uint64_t key, uint64_t *ret_name);
KOKEN_MUST_USE int koken_ring_unassign(struct koken_ring *ring, uint64_t name);

/*
 * koken_ring_moves calls moved for each of the keys whose member differs between two rings, with the
 * member that hands over and the one that takes over: the place to hand state over. Answers how many
 * there were. Errors: -EINVAL NULL; -ESRCH a ring is empty.
 */
typedef void koken_ring_moved(void *arg, uint64_t key, uint64_t from, uint64_t to);
KOKEN_MUST_USE int koken_ring_moves(const struct koken_ring *before, const struct koken_ring *after,
                                    const uint64_t *keys, uint32_t key_count,
                                    koken_ring_moved *moved, void *arg);

/* koken_ring_copy makes a ring that is equal now and changes on its own. Errors: -EINVAL, -ENOMEM. */
KOKEN_MUST_USE int koken_ring_copy(const struct koken_ring *ring, struct koken_ring **ret_ring);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
