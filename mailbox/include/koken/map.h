/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map from keys to values of fixed sizes, copied, in shards: threads meet only at the same shard.
 *
 *              get  put  add  remove  update  clear  len  free
 *     any       -    -    -     -       -       -     -     X      X: needs exclusion, -: may run at once
 *
 * Progress: get takes no lock, unless a shard changes all the time (three tries); the others are blocking, by the lock
 * of one shard, held for O(1) but when the shard grows; len is wait-free. Keys are compared byte by byte: padding
 * must be zero. A map keeps the tables it has outgrown until its end, as readers may be in them: together they are
 * smaller than the one in use. Hashes are keyed by a secret of the map.
 *
 * Idea: readers under a count of changes, H. Boehm, Can seqlocks get along with programming language memory
 * models, 2012.
 */
#ifndef KOKEN_MAP_H
#define KOKEN_MAP_H

#include <koken/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_map;

/* How a map shall be; zero is the default of each but the two sizes. */
struct koken_map_options {
    size_t struct_size; /* sizeof of this, or 0 */
    size_t key_size;    /* 1 to 4096 */
    size_t value_size;  /* 1 to 4096 */
    uint32_t shards;    /* a power of two, at most 1024; default 16 */
};

/* koken_map_new makes an empty map. Errors: -EINVAL an option is out of its bounds; -ENOMEM. */
KOKEN_MUST_USE int koken_map_new(const struct koken_map_options *options,
                                 struct koken_map **ret_map);

/* koken_map_free frees a map that nobody uses any more. NULL is accepted. */
void koken_map_free(struct koken_map *map);

/*
 * koken_map_get copies the value of *key. 1: *ret_value is it; 0: absent, and what is in *ret_value then means
 * nothing. Thread: any. Errors: -EINVAL. Cost: no locked instruction; nothing that others read is written.
 */
KOKEN_MUST_USE int koken_map_get(struct koken_map *map, const void *key, void *ret_value);

/* koken_map_put sets the value of *key. 1: it had one; 0: it is new. Thread: any. Errors: -EINVAL, -ENOMEM. */
KOKEN_MUST_USE int koken_map_put(struct koken_map *map, const void *key, const void *value);

/* koken_map_add is put for a new key only. Errors: -EALREADY it has a value, which stays; -EINVAL, -ENOMEM. */
KOKEN_MUST_USE int koken_map_add(struct koken_map *map, const void *key, const void *value);

/* koken_map_remove takes *key out. 1: *ret_value, unless NULL, is its value; 0: absent. Errors: -EINVAL. */
int koken_map_remove(struct koken_map *map, const void *key, void *ret_value);

/*
 * koken_map_update calls change(value, is_new, arg) with the value of *key, zero for a new one, to be changed in
 * place while nobody else can see it. change must not call the map. Thread: any. Errors: -EINVAL, -ENOMEM.
 */
KOKEN_MUST_USE int koken_map_update(struct koken_map *map, const void *key,
                                    void (*change)(void *value, bool is_new, void *arg), void *arg);

/* koken_map_clear takes all out: each(key, value, arg) unless NULL, with a shard locked. Answers how many. */
size_t koken_map_clear(struct koken_map *map,
                       void (*each)(const void *key, const void *value, void *arg), void *arg);

/* koken_map_len is the number of keys, a moment ago. Cost: O(shards). Thread: any. */
size_t koken_map_len(const struct koken_map *map);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
